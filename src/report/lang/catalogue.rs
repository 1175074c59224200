//! A language's file: what the English texts are in it.
//!
//! Input: the file, English texts. Output: those texts in the language. Must not: change a value that stands in one.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::data::{self, DataError};
use crate::report::lang::pattern::{Kind, Part, Pattern, filled, names, parts};

/// A file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Texts and templates that are looked up as they are.
    texts: BTreeMap<String, String>,
    /// `one|many` of what is counted.
    counts: BTreeMap<String, String>,
    /// Templates that sentences are recognised by; their placeholders have kinds.
    sentences: BTreeMap<String, String>,
    /// What data files say.
    data: BTreeMap<String, String>,
}

/// What the English texts are in a language.
#[derive(Debug)]
pub(super) struct Catalogue {
    texts: BTreeMap<String, Vec<Part>>,
    /// Those without a placeholder, and those of data files.
    plain: BTreeMap<String, String>,
    /// The English forms, and the language's.
    counts: Vec<([String; 2], [String; 2])>,
    /// Those with more words first.
    sentences: Vec<(Pattern, Vec<Part>)>,
    rows: Vec<String>,
}

impl Catalogue {
    /// Reads a file.
    pub(super) fn read(file: &str, text: &str) -> Result<Self, DataError> {
        let read: File = data::parse(file, text)?;
        let wrong = |key: &str, what: &str| DataError::about(file, text, key, what);
        let mut all = Self {
            texts: BTreeMap::new(),
            plain: BTreeMap::new(),
            counts: Vec::new(),
            sentences: Vec::new(),
            rows: Vec::new(),
        };
        all.rows = [&read.texts, &read.counts, &read.sentences, &read.data]
            .into_iter()
            .flat_map(|rows| rows.keys().cloned())
            .collect();
        for (english, said) in read.texts {
            let parts = parts(&said, &names(&english)).ok_or_else(|| wrong(&english, PLACEHOLDERS))?;
            if !english.contains('{') {
                all.plain.insert(english.clone(), said);
            }
            all.texts.insert(english, parts);
        }
        for (english, said) in &read.counts {
            let pair = |text: &str| text.split_once('|').map(|(one, many)| [one.to_owned(), many.to_owned()]);
            let forms = pair(english).zip(pair(said));
            all.counts.push(forms.ok_or_else(|| wrong(english, "wanted the forms `one|many`"))?);
        }
        let mut sentences: Vec<(Pattern, Vec<Part>)> = Vec::new();
        for (english, said) in &read.sentences {
            let parts = parts(said, &names(english)).ok_or_else(|| wrong(english, PLACEHOLDERS))?;
            if english.contains('{') {
                let what = "a placeholder is {name} or {name:kind}, and none touches another";
                sentences.push((Pattern::read(english).ok_or_else(|| wrong(english, what))?, parts));
            } else {
                all.plain.insert(english.clone(), said.clone());
            }
        }
        sentences.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.weight()));
        all.sentences = sentences;
        all.plain.extend(read.data);
        for (english, said) in &all.plain {
            let part = || vec![Part::Literal(said.clone())];
            all.texts.entry(english.clone()).or_insert_with(part);
        }
        Ok(all)
    }

    /// The English keys.
    pub(super) fn rows(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(String::as_str)
    }

    /// A text or a template.
    pub(super) fn text(&self, english: &str) -> Option<&[Part]> {
        self.texts.get(english).map(Vec::as_slice)
    }

    /// A text without values.
    pub(super) fn plain(&self, english: &str) -> Option<&str> {
        self.plain.get(english).map(String::as_str)
    }

    /// The form of what is counted.
    pub(super) fn counted(&self, is_one: bool, one: &str, many: &str) -> Option<&str> {
        let (_, [own, all]) = self.counts.iter().find(|([known, all], _)| known == one && all == many)?;
        Some(if is_one { own } else { all })
    }

    /// A sentence, by the template that it is of. What has none is handed to `missing`.
    pub(super) fn sentence(&self, english: &str, missing: &dyn Fn(&str) -> String, depth: usize) -> String {
        let Some(depth) = depth.checked_sub(1) else { return missing(english) };
        if let Some(said) = self.plain(english) {
            return said.to_owned();
        }
        if let Some(said) = self.number(english) {
            return said;
        }
        let found =
            self.sentences.iter().find_map(|(pattern, parts)| Some((pattern.values(english)?, parts)));
        let Some((values, parts)) = found else { return missing(english) };
        let several = |value: &str, between: &str| {
            let said =
                |one| if is_code(one) { String::from(one) } else { self.sentence(one, missing, depth) };
            value.split(between).map(said).collect::<Vec<_>>().join(between)
        };
        let value = |(kind, value): (Kind, &str)| match kind {
            Kind::Kept | Kind::Number | Kind::Word => value.to_owned(),
            Kind::Text | Kind::Phrase => self.sentence(value, missing, depth),
            Kind::Each => several(value, "; "),
            Kind::Items => several(value, ", "),
            Kind::Own => self.sentence(value, &str::to_owned, depth),
        };
        filled(parts, &values.into_iter().map(value).collect::<Vec<_>>())
    }

    /// `3 flows`.
    fn number(&self, english: &str) -> Option<String> {
        let (number, word) = english.split_once(' ')?;
        let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == ',');
        let form = |([one, many], said): &([String; 2], [String; 2])| {
            let [own, all] = said;
            let is_one = number == "1" && one == word;
            (is_one || many == word).then(|| if is_one { own.clone() } else { all.clone() })
        };
        let form = is_number.then(|| self.counts.iter().find_map(form)).flatten()?;
        Some(format!("{number} {form}"))
    }
}

/// Whether it is a country's code, which says the same in every language.
fn is_code(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

const PLACEHOLDERS: &str = "the translation needs every placeholder of the English text, and no other";

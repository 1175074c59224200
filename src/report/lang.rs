//! The language of a report for people: its sentences by templates, English in the code and every other language in a file.
//!
//! English is written where a text is made; `lang/CODE.toml` holds what it is in another language, keyed by the English itself.
//! Texts that a renderer makes are looked up by their template, so that no value is ever looked into. Sentences that the report
//! keeps as text, since its JSON is English, are recognised by their templates ([`Lang::sentence`]); what stands in them from a
//! capture, a path or a user's file is kept as it is.
//!
//! Input: English templates and values, or English sentences. Output: text in the language. Must not: translate a value, or
//! leave one out; choose a language by the surroundings.

use std::fmt::{self, Display, Write as _};
use std::sync::LazyLock;

use crate::data::DataError;
use crate::report::builtin;
use crate::report::lang::catalogue::Catalogue;
use crate::report::text::count;

mod catalogue;
mod pattern;

/// The files of the languages beside English, by their codes (BCP 47): those that are named `lang/CODE.toml`.
fn files() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let code = |name: &'static str| name.strip_prefix("lang/")?.strip_suffix(".toml");
    builtin::FILES.iter().filter_map(move |(name, text)| Some((code(name)?, *name, *text)))
}

// A test reads every file; without one its language would be English.
static CATALOGUES: LazyLock<Vec<(&'static str, Catalogue)>> = LazyLock::new(|| {
    files().filter_map(|(code, file, text)| Some((code, Catalogue::read(file, text).ok()?))).collect()
});

/// A language that reports are written in.
#[derive(Clone, Copy)]
pub struct Lang {
    /// English has none.
    known: Option<(&'static str, &'static Catalogue)>,
    is_marking: bool,
}

impl Lang {
    /// English, which needs no file.
    pub const ENGLISH: Self = Self { known: None, is_marking: false };

    /// The codes of all languages, English first.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        [Self::ENGLISH.code()].into_iter().chain(files().map(|(code, ..)| code))
    }

    /// The language with that code; `None` where there is none.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        if code == Self::ENGLISH.code() {
            return Some(Self::ENGLISH);
        }
        let known = CATALOGUES.iter().find(|(known, _)| *known == code);
        known.map(|(code, catalogue)| Self { known: Some((code, catalogue)), is_marking: false })
    }

    /// Its code, as the `lang` attribute of a page has it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self.known {
            Some((code, _)) => code,
            None => "en",
        }
    }

    /// The same, with every text that has no translation between [`MARKS`]: for whoever writes one, and for the tests.
    #[must_use]
    pub const fn marking(self) -> Self {
        Self { is_marking: true, ..self }
    }

    /// What is wrong with the files, for the tests.
    ///
    /// # Errors
    ///
    /// The first row that cannot be read, or that loses a placeholder of its English.
    pub fn check() -> Result<(), DataError> {
        files().try_for_each(|(_, file, text)| Catalogue::read(file, text).map(|_| ()))
    }

    /// The English texts, templates and pairs of forms that a language has rows for, for the tests; none of English.
    pub fn rows(self) -> impl Iterator<Item = &'static str> {
        self.known.into_iter().flat_map(|(_, catalogue)| catalogue.rows())
    }

    /// A text without values.
    pub(crate) fn word(self, english: &str) -> String {
        self.say(english, &[])
    }

    /// A text with values, which stand for the placeholders of the English one in their order. They are kept as they are.
    pub(crate) fn say(self, english: &str, values: &[&dyn Display]) -> String {
        match self.known {
            None => filled(english, values),
            Some((_, catalogue)) => {
                let said = catalogue.text(english).map(|parts| pattern::filled(parts, values));
                said.unwrap_or_else(|| self.missing(&filled(english, values)))
            }
        }
    }

    /// `one` or `many` by the number, with the number before it.
    pub(crate) fn plural(self, number: u64, one: &str, many: &str) -> String {
        let english = || if number == 1 { one } else { many };
        let word = match self.known {
            None => english().to_owned(),
            Some((_, catalogue)) => catalogue
                .counted(number == 1, one, many)
                .map_or_else(|| self.missing(english()), str::to_owned),
        };
        format!("{} {word}", count(number))
    }

    /// A `snake_case` id as words.
    pub(crate) fn id(self, id: &str) -> String {
        self.word(&id.replace('_', " "))
    }

    /// A sentence that the report keeps as text.
    #[must_use]
    pub fn sentence(self, english: &str) -> String {
        match self.known {
            None => english.to_owned(),
            Some((_, catalogue)) => catalogue.sentence(english, &|missing| self.missing(missing), MAX_DEPTH),
        }
    }

    /// Several of them, with the same between them.
    pub(crate) fn sentences(self, english: &str, between: &str) -> String {
        let all: Vec<String> = english.split(between).map(|one| self.sentence(one)).collect();
        let is_word = between.contains(char::is_alphabetic);
        all.join(&if is_word { self.word(between) } else { between.to_owned() })
    }

    /// A text of a data file, or a name: what has a translation is translated, and anything else is a name.
    pub(crate) fn name(self, english: &str) -> String {
        let said = self.known.and_then(|(_, catalogue)| catalogue.plain(english));
        said.unwrap_or(english).to_owned()
    }

    fn missing(self, english: &str) -> String {
        let [before, behind] = MARKS;
        if self.is_marking { format!("{before}{english}{behind}") } else { english.to_owned() }
    }
}

impl Default for Lang {
    fn default() -> Self {
        Self::ENGLISH
    }
}

impl fmt::Debug for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl PartialEq for Lang {
    fn eq(&self, other: &Self) -> bool {
        (self.code(), self.is_marking) == (other.code(), other.is_marking)
    }
}

impl Eq for Lang {}

/// What [`Lang::marking`] puts around a text without a translation.
pub const MARKS: [char; 2] = ['⟦', '⟧'];

/// How deep sentences stand in sentences. Our own stand in three.
const MAX_DEPTH: usize = 6;

/// A template with its values in the order of its placeholders.
fn filled(template: &str, values: &[&dyn Display]) -> String {
    let mut out = String::with_capacity(template.len() + 16 * values.len());
    let mut values = values.iter();
    let mut rest = template;
    while let Some((text, behind)) = rest.split_once('{') {
        out.push_str(text);
        let (_, behind) = behind.split_once('}').unwrap_or(("", behind));
        if let Some(value) = values.next() {
            // Memory takes what is written.
            let _ = write!(out, "{value}");
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dutch() -> Lang {
        Lang::of("nl").unwrap()
    }

    #[test]
    fn the_files_are_read_and_lose_no_placeholder() {
        Lang::check().unwrap();
        assert_eq!(Lang::codes().filter(|code| Lang::of(code).is_some()).count(), files().count() + 1);
        assert!(Lang::of("xx").is_none() && Lang::of("NL").is_none() && Lang::of("").is_none());
    }

    #[test]
    fn english_is_what_the_code_says() {
        let said = Lang::ENGLISH.say("{} out, {received} in", &[&"1 B", &"{2} B"]);
        assert_eq!(said, "1 B out, {2} B in");
        assert_eq!(Lang::ENGLISH.plural(1, "flow", "flows"), "1 flow");
        assert_eq!(Lang::ENGLISH.sentence("anything at all"), "anything at all");
    }

    #[test]
    fn values_are_never_looked_into() {
        let hostile = "time unknown";
        assert_eq!(dutch().say("{} to {}", &[&hostile, &"{}"]), "time unknown tot {}");
        assert_eq!(dutch().word(hostile), "tijd onbekend");
    }

    #[test]
    fn what_has_no_translation_stays_english_and_can_be_marked() {
        assert_eq!(dutch().word("no such text"), "no such text");
        assert_eq!(dutch().marking().word("no such text"), "⟦no such text⟧");
        assert_eq!(dutch().marking().sentence("no such text"), "⟦no such text⟧");
        assert_eq!(dutch().marking().plural(2, "ox", "oxen"), "2 ⟦oxen⟧");
        assert_eq!(dutch().marking().name("Zoom Communications, Inc."), "Zoom Communications, Inc.");
    }

    /// The table leaves eight columns for them, and one behind.
    #[test]
    fn labels_of_the_table_are_short_enough() {
        let labels = [
            "run by", "service", "place", "law", "evidence", "network", "listing", "traffic", "began in",
            "known by", "not tied", "named", "filter", "codes", "stated", "reason", "flows", "limits",
            "began", "to", "note", "added", "moved", "phase", "volume", "hello", "removed", "expired",
            "wide", "doubt", "base", "new", "folded", "look at", "build", "with", "of", "from", "has",
        ];
        for lang in Lang::codes().filter_map(Lang::of) {
            for label in labels {
                let said = lang.marking().word(label);
                assert!(said.chars().count() <= 8 && !said.contains(MARKS[0]), "{lang:?}: {said}");
            }
        }
    }

    /// Names of processes and labels are free text; none of them is translated, and none breaks the sentence around it.
    #[test]
    fn a_name_in_a_sentence_is_kept_whatever_it_says() {
        let hostile = [
            "Input",
            "nothing ties it to the client",
            "x: the Linux kernel told it to ptcpdump (eBPF)",
            "evil is Zoom's (named by the client)",
            "{name}",
            "a: b, and nothing but the client ran",
        ];
        for name in hostile {
            let english = format!(
                "the capture says that its process is {name}: the Linux kernel told it to ptcpdump (eBPF)"
            );
            let said = dutch().marking().sentence(&english);
            let expected = format!(
                "de opname zegt dat het proces {name} is: de Linux-kernel meldde het aan ptcpdump (eBPF)"
            );
            assert_eq!(said, expected);
        }
    }
}

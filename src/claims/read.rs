//! Files of claims: reading and checking them.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::claim::{Claim, Document, RawClaim, RawSource, Rule, Source, Testable};
use super::fact::FACTS;
use super::need::Needs;
use super::selector::{Selector, Sure, Where};
use crate::client::Catalogue;
use crate::data::{self, DataError, Placed, Validity};
use crate::frame::Date;

/// A file of claims.
#[derive(Clone, PartialEq, Debug)]
pub struct Book {
    /// The day on which it was compiled.
    pub compiled: Date,
    /// Its documents, in the order of the file.
    pub documents: Vec<Document>,
    /// Its claims, in the order of the file.
    pub claims: Vec<Claim>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBook {
    schema: Placed<u32>,
    compiled: Date,
    #[serde(default)]
    document: Vec<Placed<Document>>,
    #[serde(default)]
    claim: Vec<RawClaim>,
}

impl Book {
    /// Reads a file of claims; `file` is its name in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, DataError> {
        let raw: RawBook = data::parse(file, text)?;
        let fault = Fault { file, text };
        if raw.schema.value != SCHEMA {
            return Err(fault.at(raw.schema.offset, &format!("schema {SCHEMA} is the only one known")));
        }
        if raw.claim.is_empty() {
            return Err(DataError::at(file, text, None, "the file has no claim: begin one with [[claim]]"));
        }
        if let Some(beyond) = raw.claim.get(MAX_CLAIMS) {
            return Err(fault.at(beyond.id.offset, &format!("a file has at most {MAX_CLAIMS} claims")));
        }
        let documents = documents(raw.document, fault)?;
        let mut ids = BTreeSet::new();
        let mut claims = Vec::with_capacity(raw.claim.len());
        for claim in raw.claim {
            if !ids.insert(claim.id.value.clone()) {
                return Err(fault.at(claim.id.offset, "another claim has this id"));
            }
            claims.push(checked(claim, &documents, fault)?);
        }
        Ok(Self { compiled: raw.compiled, documents, claims })
    }

    /// The packs, each once, in the order of the documents.
    #[must_use]
    pub fn packs(&self) -> Vec<&str> {
        let mut packs: Vec<&str> = Vec::new();
        for document in &self.documents {
            if !packs.contains(&document.pack.as_str()) {
                packs.push(&document.pack);
            }
        }
        packs
    }

    /// The claims of these packs, each with its sources in them alone.
    #[must_use]
    pub fn of_packs(&self, packs: &[&str]) -> Vec<Claim> {
        let of_packs = |claim: &Claim| {
            let is_in = |source: &&Source| packs.contains(&source.document.pack.as_str());
            let sources: Vec<Source> = claim.sources.iter().filter(is_in).cloned().collect();
            (!sources.is_empty()).then(|| Claim { sources, ..claim.clone() })
        };
        self.claims.iter().filter_map(of_packs).collect()
    }
}

/// Where a rule is broken that only shows after parsing.
#[derive(Clone, Copy)]
struct Fault<'a> {
    file: &'a str,
    text: &'a str,
}

impl Fault<'_> {
    fn at(self, offset: usize, what: &str) -> DataError {
        DataError::at(self.file, self.text, Some(offset), what)
    }

    /// Where the text is empty.
    fn if_empty(self, text: &Placed<String>) -> Result<(), DataError> {
        if text.value.trim().is_empty() {
            Err(self.at(text.offset, "this must not be empty"))
        } else {
            Ok(())
        }
    }
}

fn documents(raw: Vec<Placed<Document>>, fault: Fault<'_>) -> Result<Vec<Document>, DataError> {
    let mut ids = BTreeSet::new();
    let mut documents = Vec::with_capacity(raw.len());
    for Placed { value: document, offset } in raw {
        if document.id.trim().is_empty() || !ids.insert(document.id.clone()) {
            return Err(fault.at(offset, "a document has an id of its own"));
        }
        if !is_word(&document.pack) || RESERVED.contains(&document.pack.as_str()) {
            let what =
                "a pack's name has lower-case letters, digits and hyphens, and is not \"all\" or \"none\"";
            return Err(fault.at(offset, what));
        }
        documents.push(document);
    }
    Ok(documents)
}

fn checked(raw: RawClaim, documents: &[Document], fault: Fault<'_>) -> Result<Claim, DataError> {
    for text in [&raw.id, &raw.text, &raw.limits] {
        fault.if_empty(text)?;
    }
    if raw.id.value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(fault.at(raw.id.offset, "an id is one word, without control characters"));
    }
    if raw.sources.is_empty() {
        return Err(fault.at(raw.id.offset, "a claim names at least one document in `sources`"));
    }
    if let (Some(from), Some(until)) = (raw.from, raw.until)
        && until.value < from
    {
        return Err(fault.at(until.offset, "the claim ends before it begins"));
    }
    for needs in [&raw.needs, &raw.needs_for_support].into_iter().flatten() {
        check_needs(&needs.value, needs.offset, fault)?;
    }
    if let Some(least) = raw.in_every_session.filter(|least| *least == 0) {
        let what =
            format!("`in_every_session` is the least number of sessions that contradict, and not {least}");
        return Err(fault.at(raw.id.offset, &what));
    }
    check_rule(&raw, fault)?;
    let sources = raw.sources.into_iter().map(|source| checked_source(source, documents, fault));
    let values =
        |selectors: Vec<Placed<Selector>>| selectors.into_iter().map(|placed| placed.value).collect();
    Ok(Claim {
        sources: sources.collect::<Result<_, _>>()?,
        id: raw.id.value,
        text: raw.text.value,
        testable: raw.testable.value,
        limits: raw.limits.value,
        valid: Validity { from: raw.from, until: raw.until.map(|until| until.value) },
        rule: Rule {
            needs: raw.needs.map(|needs| needs.value).unwrap_or_default(),
            contradicted_by: values(raw.contradicted_by),
            except: values(raw.except),
            in_every_session: raw.in_every_session,
            undecided_by: values(raw.undecided_by),
            needs_for_support: raw.needs_for_support.map(|needs| needs.value),
            supported_by: values(raw.supported_by),
            absent: raw.absent.map(|absent| absent.value),
        },
    })
}

fn checked_source(raw: RawSource, documents: &[Document], fault: Fault<'_>) -> Result<Source, DataError> {
    fault.if_empty(&raw.place)?;
    let found = documents.iter().find(|document| document.id == raw.document.value);
    let document =
        found.ok_or_else(|| fault.at(raw.document.offset, "no document of the file has this id"))?;
    Ok(Source { document: document.clone(), place: raw.place.value })
}

fn check_rule(raw: &RawClaim, fault: Fault<'_>) -> Result<(), DataError> {
    let decisive = [&raw.contradicted_by, &raw.undecided_by, &raw.supported_by];
    let has_rule = decisive.iter().any(|selectors| !selectors.is_empty());
    match (raw.testable.value == Testable::Metadata, has_rule) {
        (true, false) => {
            let what = "what metadata can test has a rule: contradicted_by, undecided_by or supported_by";
            return Err(fault.at(raw.testable.offset, what));
        }
        (false, true) => {
            return Err(fault.at(raw.testable.offset, "only what metadata can test has a rule"));
        }
        _ => {}
    }
    match (&raw.absent, raw.supported_by.first()) {
        (None, Some(first)) => {
            return Err(
                fault.at(first.offset, "`absent` has to say what is said where no such flow is there")
            );
        }
        (Some(absent), Some(_)) if absent.value.because.trim().is_empty() => {
            return Err(
                fault.at(absent.offset, "`because` must not be empty: it is the reason in the report")
            );
        }
        (Some(absent), None) => return Err(fault.at(absent.offset, "`absent` goes with `supported_by`")),
        _ => {}
    }
    if let Some(weak) =
        raw.contradicted_by.iter().find(|placed| placed.value.min_grade == Some(Sure::Possible))
    {
        return Err(fault.at(weak.offset, "a place that is no more than possible contradicts nothing"));
    }
    let is_nowhere = |placed: &&Placed<Selector>| placed.value.axis == Some(Where::Undetermined);
    if let Some(unplaced) = raw.contradicted_by.iter().find(is_nowhere) {
        let what = "a place that is not known contradicts nothing; it can stand in `undecided_by`";
        return Err(fault.at(unplaced.offset, what));
    }
    let exceptions = [&raw.except];
    decisive.into_iter().chain(exceptions).flatten().try_for_each(|selector| check_selector(selector, fault))
}

fn check_needs(needs: &Needs, offset: usize, fault: Fault<'_>) -> Result<(), DataError> {
    if needs.marks.iter().any(|part| has_no_word(part)) {
        return Err(fault.at(offset, "words of a label in `marks` are empty, and would be in any label"));
    }
    check_facts(needs.facts.keys(), offset, fault)?;
    needs.one_of.iter().try_for_each(|needs| check_needs(needs, offset, fault))
}

/// A key that no manifest has would never be said.
fn check_facts<'k>(
    mut keys: impl Iterator<Item = &'k String>,
    offset: usize,
    fault: Fault<'_>,
) -> Result<(), DataError> {
    match keys.find(|key| !FACTS.contains(&key.as_str())) {
        Some(unknown) => {
            let what = format!("no manifest says {unknown:?}; there are {}", FACTS.join(", "));
            Err(fault.at(offset, &what))
        }
        None => Ok(()),
    }
}

fn has_no_word(part: &str) -> bool {
    !part.contains(char::is_alphanumeric)
}

fn check_selector(selector: &Placed<Selector>, fault: Fault<'_>) -> Result<(), DataError> {
    if selector.value.is_empty() {
        return Err(fault.at(selector.offset, "this would be any flow; say which ones"));
    }
    if selector.value.steps.iter().any(|part| has_no_word(part)) {
        return Err(
            fault.at(selector.offset, "words of a label in `steps` are empty, and would be in any label")
        );
    }
    check_facts(selector.value.facts_asked(), selector.offset, fault)?;
    let is_known = |id: &String| Catalogue::builtin().recipients().any(|(_, recipient)| recipient.id == *id);
    let mut operators = selector.value.operators.iter().chain(&selector.value.not_operators);
    match operators.find(|id| !is_known(id)) {
        Some(unknown) => Err(fault.at(selector.offset, &format!("no operator has the id {unknown}"))),
        None => Ok(()),
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// The version of the file format.
const SCHEMA: u32 = 1;
/// Twenty times what the public documents hold. Each claim is asked of every flow.
const MAX_CLAIMS: usize = 1000;
/// What `--claims` takes beside packs.
const RESERVED: [&str; 2] = ["all", "none"];

//! A claim: what a document states, and the rule that tests it.

use serde::Deserialize;

use super::need::Needs;
use super::selector::Selector;
use crate::data::{Placed, Validity};
use crate::frame::Date;

/// A documented statement.
#[derive(Clone, PartialEq, Debug)]
pub struct Claim {
    /// Its id.
    pub id: String,
    /// What is stated, in one sentence of our own.
    pub text: String,
    /// Who states it, and where; at least one.
    pub sources: Vec<Source>,
    /// What could test it.
    pub testable: Testable,
    /// Why a capture of the client cannot decide it, or no more than its rule does.
    pub limits: String,
    /// The days on which it holds.
    pub valid: Validity,
    /// What tests it; empty where nothing in a capture does.
    pub rule: Rule,
}

impl Claim {
    /// The packs that it is in, each once, in the order of its sources.
    #[must_use]
    pub fn packs(&self) -> Vec<&str> {
        let mut packs: Vec<&str> = Vec::new();
        for source in &self.sources {
            if !packs.contains(&source.document.pack.as_str()) {
                packs.push(&source.document.pack);
            }
        }
        packs
    }

    /// The first of its sources by date.
    #[must_use]
    pub fn first_source(&self) -> Option<&Source> {
        self.sources.iter().min_by_key(|source| source.document.date.first)
    }
}

/// A passage of a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// The document.
    pub document: Document,
    /// The place in it.
    pub place: String,
}

/// A document that states something.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Who published it.
    pub publisher: String,
    /// When.
    pub date: DocumentDate,
    /// The pack that its claims are in.
    pub pack: String,
}

/// The date of a document: a day, or a month where no day is stated.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct DocumentDate {
    /// As it is known: `2024-04-19`, `2022-03`.
    pub shown: String,
    /// The first day that it can be.
    pub first: Date,
}

impl TryFrom<String> for DocumentDate {
    type Error = &'static str;

    fn try_from(shown: String) -> Result<Self, Self::Error> {
        let first = shown.parse().or_else(|_| format!("{shown}-01").parse());
        let first = first.map_err(|_| "not a day or month of the form YYYY-MM-DD or YYYY-MM")?;
        Ok(Self { shown, first })
    }
}

/// What could test a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Testable {
    /// What a capture shows without decryption.
    Metadata,
    /// What is inside what is encrypted.
    Payload,
    /// Evidence beside a client's capture.
    Elsewhere,
    /// Nothing in any capture.
    Never,
    /// Nothing: it is not about network traffic.
    OutOfScope,
}

impl Testable {
    /// Its name in data files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Payload => "payload",
            Self::Elsewhere => "elsewhere",
            Self::Never => "never",
            Self::OutOfScope => "out_of_scope",
        }
    }

    /// Why it is not tested, in few words; what is tested needs none.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Metadata => "addresses, names, sizes and times can test it",
            Self::Payload => "it is inside what is encrypted",
            Self::Elsewhere => "it needs evidence beside a client's capture",
            Self::Never => "no capture of a client decides it",
            Self::OutOfScope => "it is not about network traffic",
        }
    }
}

/// What tests a claim.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Rule {
    /// What the capture must have got to.
    pub needs: Needs,
    /// Flows that speak against the claim.
    pub contradicted_by: Vec<Selector>,
    /// Flows that do not, though they would.
    pub except: Vec<Selector>,
    /// Where it takes such a flow for one and the same service in every session: the least number of sessions that contradict.
    pub in_every_session: Option<u64>,
    /// Flows that leave it open.
    pub undecided_by: Vec<Selector>,
    /// What the capture must have got to besides, before the absence of flows says anything.
    pub needs_for_support: Option<Needs>,
    /// Flows without which it is not supported.
    pub supported_by: Vec<Selector>,
    /// What is said where none is there.
    pub absent: Option<Absent>,
}

/// What is said where flows that would support a claim are absent.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// The outcome.
    pub outcome: AbsentOutcome,
    /// Why, in one clause.
    pub because: String,
}

/// What an absence may mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsentOutcome {
    /// The scenario never got there.
    NotExercised,
    /// The capture cannot tell.
    NotDecidable,
}

/// A claim as it stands in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClaim {
    pub(super) id: Placed<String>,
    pub(super) text: Placed<String>,
    pub(super) sources: Vec<RawSource>,
    pub(super) testable: Placed<Testable>,
    pub(super) limits: Placed<String>,
    pub(super) from: Option<Date>,
    pub(super) until: Option<Placed<Date>>,
    pub(super) needs: Option<Placed<Needs>>,
    #[serde(default)]
    pub(super) contradicted_by: Vec<Placed<Selector>>,
    #[serde(default)]
    pub(super) except: Vec<Placed<Selector>>,
    pub(super) in_every_session: Option<u64>,
    #[serde(default)]
    pub(super) undecided_by: Vec<Placed<Selector>>,
    pub(super) needs_for_support: Option<Placed<Needs>>,
    #[serde(default)]
    pub(super) supported_by: Vec<Placed<Selector>>,
    pub(super) absent: Option<Placed<Absent>>,
}

/// A passage as it stands in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    pub(super) document: Placed<String>,
    pub(super) place: Placed<String>,
}

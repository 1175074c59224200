//! What `verify` found, as it is written.
//!
//! Input: what was checked and made again. Output: the values, and JSON. Must not: judge more than which of the three outcomes
//! it is.

use serde::Serialize;

use super::check::INTACT;
use super::compare::Difference;
use crate::report::text::escape;

/// What was found.
#[derive(Serialize, Clone, Debug)]
pub struct Verification {
    /// `borderpost-verification` and the version of this form.
    pub schema: Name,
    /// What verified it.
    pub tool: Name,
    /// The bundle's path as it was given.
    pub bundle: String,
    /// What made the bundle, where its record can be read.
    pub made_by: Option<Name>,
    /// `same`, `differs` or `not_done`.
    pub outcome: Outcome,
    /// The SHA-256 of the bundle's `SHA256SUMS`, which stands for all of it; `null` where there is none.
    pub seal: Option<String>,
    /// Every file that is in the bundle or should be.
    pub files: Vec<FileState>,
    /// The captures and databases that the run read, and where they were found.
    pub read: Vec<Found>,
    /// The captures that are redacted by a log in the bundle.
    pub redactions: Vec<Redaction>,
    /// The files that were made again.
    pub made_again: Vec<Part>,
    /// The parts of the report.
    pub parts: Vec<Part>,
    /// The places of the report that differ, the first of them.
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub more_differences: u64,
    /// Why something differs, as far as that shows.
    pub causes: Vec<Cause>,
    /// What could not be done, and what to do about it.
    pub not_done: Vec<String>,
}

/// A name with a version.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// The name.
    pub name: &'static str,
    /// The version.
    pub version: String,
}

/// How it ended.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every file is intact, and everything that was made again is the same byte for byte.
    Same,
    /// Something is not as it was.
    Differs,
    /// Nothing is known to differ, but not all could be compared.
    NotDone,
}

/// One file of the bundle.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct FileState {
    /// Its name.
    pub path: String,
    /// `intact`, `altered`, `missing` or `unlisted`.
    pub state: &'static str,
    /// What is wrong with it.
    pub what: Option<String>,
}

impl FileState {
    pub(super) fn of(path: &str, state: &'static str, what: Option<String>) -> Self {
        Self { path: path.to_owned(), state, what }
    }

    /// Whether it is as it was written.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.state == INTACT
    }
}

/// A capture or a database that the run read.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The path as it was recorded.
    pub path: String,
    /// The hash by which it is known.
    pub sha256: String,
    /// Where it was found: `given`, `bundle`, `recorded_path`, `beside_bundle`; `null` where it was not.
    pub by: Option<&'static str>,
    /// That path; `null` where it was not found.
    pub found: Option<String>,
}

/// A redacted capture, and the log of its redaction.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Redaction {
    /// The capture's path as it was recorded.
    pub path: String,
    /// The log, in the bundle.
    pub log: String,
    /// What is wrong with the log; `null` where it is as it was written and is the capture's.
    pub what: Option<String>,
    /// The version of borderpost that redacted it, by the log.
    pub version: Option<String>,
    /// The SHA-256 of the capture that it was redacted from, by the log.
    pub original_sha256: Option<String>,
    /// That capture, where the user named it; `null` where not.
    pub original: Option<String>,
}

/// A part that was compared.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Whether it is the same.
    pub same: bool,
}

/// Why something differs.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Cause {
    /// `file_altered`, `capture_altered`, `redaction_log`, `tool_version`, `data`, or `unknown`.
    pub kind: &'static str,
    /// In words.
    pub says: String,
}

impl Verification {
    /// A verification of which nothing is known yet.
    #[must_use]
    pub fn new(bundle: String) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self {
            schema: Name { name: "borderpost-verification", version: "1.0".to_owned() },
            tool: Name { name: "borderpost", version },
            bundle,
            made_by: None,
            outcome: Outcome::NotDone,
            seal: None,
            files: Vec::new(),
            read: Vec::new(),
            redactions: Vec::new(),
            made_again: Vec::new(),
            parts: Vec::new(),
            differences: Vec::new(),
            more_differences: 0,
            causes: Vec::new(),
            not_done: Vec::new(),
        }
    }

    /// Notes what made the bundle.
    #[must_use]
    pub fn made_by(self, version: &str) -> Self {
        Self { made_by: Some(Name { name: "borderpost", version: version.to_owned() }), ..self }
    }

    /// Which outcome it is, by what stands in it.
    #[must_use]
    pub fn decided(mut self) -> Self {
        let is_other = self.files.iter().any(|file| !file.is_intact())
            || self.made_again.iter().chain(&self.parts).any(|part| !part.same)
            || self.redactions.iter().any(|redaction| redaction.what.is_some())
            || self.causes.iter().any(|cause| cause.kind == CAPTURE_ALTERED);
        self.outcome = match (is_other, self.not_done.is_empty()) {
            (true, _) => Outcome::Differs,
            (false, true) => Outcome::Same,
            (false, false) => Outcome::NotDone,
        };
        self
    }
}

impl Cause {
    /// A file of the bundle is not as it was written.
    #[must_use]
    pub fn file_altered(says: String) -> Self {
        Self { kind: "file_altered", says }
    }

    /// A capture has other bytes than the one that was inspected.
    #[must_use]
    pub fn capture_altered(says: String) -> Self {
        Self { kind: CAPTURE_ALTERED, says }
    }

    /// A log of a redaction is not that of the capture beside which it stands.
    #[must_use]
    pub fn redaction_log(says: String) -> Self {
        Self { kind: "redaction_log", says }
    }

    /// Another version of the program made the bundle.
    #[must_use]
    pub fn tool_version(says: String) -> Self {
        Self { kind: "tool_version", says }
    }

    /// The program carries other data than it did.
    #[must_use]
    pub fn data(says: String) -> Self {
        Self { kind: "data", says }
    }

    /// Nothing shows why.
    #[must_use]
    pub fn unknown(says: String) -> Self {
        Self { kind: "unknown", says }
    }
}

const CAPTURE_ALTERED: &str = "capture_altered";

/// The result as one JSON object.
#[must_use]
pub fn json(verification: &Verification) -> String {
    // Texts and numbers: this cannot fail.
    escape(&serde_json::to_string_pretty(verification).unwrap_or_default()) + "\n"
}

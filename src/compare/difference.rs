//! Differences as they are written: what each is about, and in what it differs.
//!
//! Input: none. Output: types. Must not: decide what differs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::build::Build;
use super::noise::Range;
use super::outside::Outside;
use super::run::Run;

/// In what two sides may differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is new.
    Added,
    /// It stands in another legal zone.
    Moved,
    /// Another company runs it.
    Recipient,
    /// It stands in another country outside the EEA, can be placed no more, or can be placed now.
    Place,
    /// The register lists it otherwise.
    Listing,
    /// It is contacted first in another phase.
    Phase,
    /// More or less is sent, or in more or fewer flows, than noise explains.
    Volume,
    /// The client's TLS stack says hello otherwise.
    Fingerprint,
    /// It is there no more.
    Removed,
    /// The entry of a baseline is no longer valid.
    Expired,
    /// The entry of a baseline allows more than anybody can have looked at.
    Wide,
}

impl Kind {
    /// Every kind, in the order in which differences are read.
    pub const ALL: [Self; 11] = [
        Self::Added,
        Self::Moved,
        Self::Recipient,
        Self::Place,
        Self::Listing,
        Self::Phase,
        Self::Volume,
        Self::Fingerprint,
        Self::Removed,
        Self::Expired,
        Self::Wide,
    ];

    /// Its name in at most eight letters.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Recipient => "run by",
            Self::Fingerprint => "hello",
            other => other.name(),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Moved => "moved",
            Self::Recipient => "recipient",
            Self::Place => "place",
            Self::Listing => "listing",
            Self::Phase => "phase",
            Self::Volume => "volume",
            Self::Fingerprint => "fingerprint",
            Self::Removed => "removed",
            Self::Expired => "expired",
            Self::Wide => "wide",
        }
    }
}

/// In what one thing differs.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Change {
    /// In what.
    pub kind: Kind,
    /// What the base has and the new side has not.
    pub from: Vec<String>,
    /// What the new side has and the base has not.
    pub to: Vec<String>,
    /// The same in one sentence.
    pub says: String,
    /// Why it may be none after all: what was not seen may have been lost.
    pub doubt: Option<String>,
}

/// What one side has of a contact.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Side {
    /// The recipients, by their ids.
    pub recipients: BTreeSet<String>,
    /// The places in words.
    pub places: BTreeSet<String>,
    /// Whether the register lists it.
    pub listings: BTreeSet<String>,
    /// The phases of first contact, one for each run.
    pub phases: BTreeSet<String>,
    /// In how many runs.
    pub runs: u64,
    /// How many flows in each run.
    pub flows: Range,
    /// How many bytes on the wire the client sent in each run.
    pub bytes_out: Range,
    /// Names that were seen, some of them.
    pub names: BTreeSet<String>,
    /// Why parts of the names were left out, by the rules' ids.
    pub folded: BTreeMap<&'static str, &'static str>,
}

/// A contact that differs.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Difference {
    /// What it is about, the same in every run.
    pub subject: String,
    /// The host pattern; `null` where it is about no host.
    pub host: Option<String>,
    /// What the remote end is for.
    pub service: Option<String>,
    /// What was spoken.
    pub protocol: Option<String>,
    /// The legal zone, where it is about an entry of a baseline.
    pub zone: Option<String>,
    /// In what it differs, by the order of the kinds.
    pub changes: Vec<Change>,
    /// What the base has of it.
    pub base: Option<Side>,
    /// What the new side has of it.
    pub new: Option<Side>,
    /// The file to look at.
    pub file: Option<String>,
    /// The frame, or in a baseline the line, to look at.
    pub at: Option<u64>,
    /// Whether it is the client's; a catalogued third party may be another program's, too, and then nothing ties it to the client.
    pub tied: bool,
    /// Whether the new side is outside the EEA.
    pub outside: Outside,
    /// Whether it is outside the EEA and in no register.
    pub unlisted: Outside,
}

impl Difference {
    /// Whether it is about an entry of a baseline, and not about a contact.
    pub(super) const fn is_entry(&self) -> bool {
        self.zone.is_some()
    }

    /// Whether it is of a kind.
    #[must_use]
    pub fn is(&self, kind: Kind) -> bool {
        self.changes.iter().any(|change| change.kind == kind)
    }
}

/// What a side is made of.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Origin {
    /// What it was named by.
    pub name: String,
    /// The captures that it is of.
    pub captures: Vec<String>,
    /// The client's builds that something tells of.
    pub builds: BTreeSet<Build>,
    /// What it was made with.
    pub traits: BTreeMap<&'static str, String>,
    /// The first moment.
    pub start: Option<String>,
    /// The last.
    pub end: Option<String>,
    /// What may be missing in it.
    pub limits: Vec<String>,
    /// How many contacts were told apart.
    pub contacts: u64,
    /// Flows to contacts that were left out because there were too many.
    pub left_out: u64,
}

impl Origin {
    /// That of a run.
    pub(super) fn of(run: &Run) -> Self {
        Self {
            name: run.name.clone(),
            captures: run.captures.clone(),
            builds: run.builds.clone(),
            traits: run.traits.clone(),
            start: run.start.clone(),
            end: run.end.clone(),
            limits: run.limits.clone(),
            contacts: run.seen.len() as u64,
            left_out: run.left_out,
        }
    }
}

/// What came of a comparison.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Comparison {
    /// `borderpost-diff` or `borderpost-baseline`, with its version.
    pub schema: Schema,
    /// The program that made it.
    pub tool: Tool,
    /// The runs of the base, or the baseline.
    pub base: Vec<Origin>,
    /// The runs that were compared with it.
    pub new: Vec<Origin>,
    /// What speaks against comparing them.
    pub warnings: Vec<String>,
    /// How noise is told, or why it cannot be.
    pub noise: String,
    /// Whether volumes were compared.
    pub volumes_compared: bool,
    /// What differs.
    pub differences: Vec<Difference>,
    /// Contacts in which nothing differs.
    pub same: u64,
}

/// The form of a comparison as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Debug)]
pub struct Schema {
    /// Its name.
    pub name: &'static str,
    /// `major.minor`.
    pub version: &'static str,
}

impl Schema {
    /// The name of what `diff` writes.
    pub const DIFF: &'static str = "borderpost-diff";
    /// The name of what `baseline check` writes.
    pub const BASELINE: &'static str = "borderpost-baseline";
}

/// The program that made a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Debug)]
pub struct Tool {
    /// Always `borderpost`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

impl Tool {
    /// This program.
    pub(super) const OWN: Self = Self { name: "borderpost", version: env!("CARGO_PKG_VERSION") };
}

impl Comparison {
    /// Whether the base is a baseline.
    pub(super) fn has_baseline(&self) -> bool {
        self.schema.name == Schema::BASELINE
    }

    /// Leaves out what is of other kinds.
    pub fn retain(&mut self, kinds: &[Kind]) {
        for difference in &mut self.differences {
            difference.changes.retain(|change| kinds.contains(&change.kind));
        }
        self.differences.retain(|difference| !difference.changes.is_empty());
    }
}

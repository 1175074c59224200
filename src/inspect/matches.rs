//! What the catalogue knows of the names of a capture, each asked for once.
//!
//! Input: the names. Output: whether a name is somebody's, or the client operator's. Must not: know which flow said it.

use crate::client::Catalogue;
use crate::client::zoom::Owner;
use crate::evidence::{Evidence, NameId};

/// What is known of the names of a capture, in order of their numbers.
#[derive(Default, Debug)]
pub(super) struct Matches(Vec<Match>);

/// What the catalogue knows of a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Match {
    /// Nothing.
    Unknown,
    /// It is somebody's.
    Known,
    /// It is the client operator's.
    Operators,
}

impl Matches {
    /// Looks up every name.
    pub(super) fn of(evidence: &Evidence) -> Self {
        let look_up = |name: &str| match Catalogue::builtin().owner(name) {
            None => Match::Unknown,
            Some(Owner::Client) => Match::Operators,
            Some(Owner::ThirdParty | Owner::Shared) => Match::Known,
        };
        Self(evidence.names().map(look_up).collect())
    }

    /// What the catalogue knows of that name.
    pub(super) fn get(&self, name: NameId) -> Match {
        self.0.get(name.number() as usize).copied().unwrap_or(Match::Unknown)
    }
}

//! Documented statements against an inspection: what a document says of the client's traffic, and whether a capture supports
//! it, contradicts it, or cannot decide it.
//!
//! Input: claims with their rules, from a data file, and a [`Case`]. Output: for each claim an [`Outcome`] with its reason, what
//! was looked at, and the flows it rests on. Contradicted needs flows, and as for their place a grade of at least likely;
//! supported means that nothing in the capture speaks against it, and never that it is so.
//! Must not: read bytes, or hold a rule of its own that is not in the data.

mod case;
mod claim;
mod evaluate;
mod fact;
mod name;
mod need;
mod pile;
mod read;
mod selector;
mod words;

use std::sync::LazyLock;

pub use self::case::{Case, FlowFacts, Remote, Run, SeenPhase, SeenStep};
pub use self::claim::{Absent, AbsentOutcome, Claim, Document, DocumentDate, Rule, Source, Testable};
pub use self::evaluate::{LookedAt, Outcome, Tested, test};
pub use self::fact::{FACTS, Wanted};
pub use self::name::NamePattern;
pub use self::need::{MeetingNeed, Needs, VantageNeed};
pub use self::pile::Hit;
pub use self::read::Book;
pub use self::selector::{Doubt, Fit, Listed, Media, Phase, Selector, Stood, Sure, Tied, Where};
pub use self::words::rule as rule_in_words;

/// The pack that is tested where none is named.
pub const DEFAULT_PACK: &str = "surf-2024";

/// Claims chosen for a run, and how they are called together.
#[derive(Clone, PartialEq, Debug)]
pub struct Selection {
    /// Their packs or file, as the report names them; empty where no claim is tested.
    pub names: Vec<String>,
    /// The claims, each with its sources in the packs chosen.
    pub claims: Vec<Claim>,
}

impl Selection {
    /// No claims.
    #[must_use]
    pub const fn none() -> Self {
        Self { names: Vec::new(), claims: Vec::new() }
    }

    /// The claims of these packs of the built-in file.
    #[must_use]
    pub fn of_packs(packs: &[&str]) -> Self {
        let names = packs.iter().map(ToString::to_string).collect();
        Self { names, claims: builtin().of_packs(packs) }
    }
}

/// The default pack.
impl Default for Selection {
    fn default() -> Self {
        Self::of_packs(&[DEFAULT_PACK])
    }
}

/// The claims that the program carries.
#[must_use]
pub fn builtin() -> &'static Book {
    &BUILTIN
}

#[expect(clippy::panic, reason = "a test reads the built-in file; without it there would be no claims")]
static BUILTIN: LazyLock<Book> = LazyLock::new(|| {
    Book::parse("claims.toml", include_str!("data/claims.toml")).unwrap_or_else(|error| panic!("{error}"))
});

#[cfg(test)]
mod tests;

//! What flows say about a claim, gathered: how many, the first of them, and what there is to say of them.

use super::case::{FlowFacts, Remote};
use super::selector::{Doubt, Selector};
use crate::flow::FlowId;
use crate::frame::{Date, FrameRef};
use crate::place::{CountrySet, Grade};

/// A flow that an outcome rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hit {
    /// The capture that it is in, and its number there.
    pub key: (usize, FlowId),
    /// Its first frame.
    pub first: FrameRef,
    /// The name that was matched, else the first that is known.
    pub name: Option<String>,
    /// What the remote end is for.
    pub service: &'static str,
    /// The countries that its place allows.
    pub countries: CountrySet,
    /// Whether that is at least likely.
    pub is_sure: bool,
}

impl Hit {
    /// The remote end in words: `log.zoom.us (telemetry) in US`.
    #[must_use]
    pub fn words(&self) -> String {
        let name = self.name.as_deref().unwrap_or("an address without a name");
        let how = if self.is_sure { "in" } else { "possibly in" };
        let place =
            if self.countries.is_empty() { String::new() } else { format!(" {how} {}", self.countries) };
        format!("{name} ({}){place}", self.service.replace('_', " "))
    }
}

/// The first and the last of some days.
#[derive(Clone, Copy, Default)]
pub(super) struct Days(pub(super) Option<(Date, Date)>);

impl Days {
    pub(super) fn of(days: impl Iterator<Item = Date>) -> Self {
        Self(days.fold(None, |span, day| match span {
            None => Some((day, day)),
            Some((first, last)) => Some((first.min(day), last.max(day))),
        }))
    }
}

/// Flows that say the same about a claim.
#[derive(Clone, Debug, Default)]
pub(super) struct Pile {
    pub(super) total: u64,
    pub(super) first: Vec<Hit>,
    /// How many there are for each doubt.
    pub(super) doubts: Vec<(Doubt, u64)>,
    /// What their selectors say, each once.
    pub(super) says: Vec<String>,
    /// Their remote ends in words, the first few.
    pub(super) ends: Vec<String>,
    /// Whether there are more.
    pub(super) has_more_ends: bool,
}

impl Pile {
    pub(super) const fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn add(
        &mut self,
        flow: &FlowFacts,
        remote: &Remote,
        selector: &Selector,
        doubt: Option<Doubt>,
    ) {
        self.total += 1;
        if let Some(doubt) = doubt {
            match self.doubts.iter_mut().find(|(known, _)| *known == doubt) {
                Some((_, count)) => *count += 1,
                None => self.doubts.push((doubt, 1)),
            }
        }
        if self.first.len() >= MAX_FLOWS {
            return;
        }
        let matched =
            remote.names.iter().find(|name| selector.names.iter().any(|pattern| pattern.fits(name)));
        let hit = Hit {
            key: flow.key,
            first: flow.first,
            name: matched.or_else(|| remote.names.first()).cloned(),
            service: remote.service.id(),
            countries: remote.countries,
            is_sure: matches!(remote.grade, Grade::Confirmed | Grade::Likely),
        };
        let end = hit.words();
        match self.ends.contains(&end) {
            false if self.ends.len() < MAX_ENDS => self.ends.push(end),
            false => self.has_more_ends = true,
            true => {}
        }
        self.says.extend(
            selector.says.iter().filter(|says| !self.says.contains(says)).cloned().collect::<Vec<_>>(),
        );
        self.first.push(hit);
    }
}

/// Flows of a claim that are listed; all are counted.
const MAX_FLOWS: usize = 100;
/// Remote ends that a reason names.
const MAX_ENDS: usize = 4;

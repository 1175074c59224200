//! What was decided about flows: a few numbers for each, and the decisions themselves once, however many flows share them.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::client::Attribution;
use crate::flow::local::LocalReason;
use crate::flow::{FlowId, Side};
use crate::inspect::hearing::{Lent, Proxied};
use crate::inspect::locate::Places;
use crate::inspect::matches::Matches;
use crate::inspect::relation::{Ended, RelationId, Relations};
use crate::place::{Country, Grade, ZoneReading};
use crate::verdict::{self, Axis, Finding, Register};

/// What was decided about one flow. What its numbers stand for the flow's [`Unit`](super::Unit) says.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    /// Which of its ends is the local one.
    pub local: Side,
    /// Why.
    pub local_reason: LocalReason,
    /// The relation of its two ends on its day, by which it is placed. Flows of one relation have one placement, and
    /// relations are in order of the local host, the remote address and the day.
    pub relation: RelationId,
    /// What was found; `None` for others' flows, which are counted and not judged.
    pub finding: Option<FindingId>,
    pub(super) attribution: u32,
}

/// A finding of one capture. Flows that share one share their relation and their attribution, too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FindingId(NonZeroU32);

impl FindingId {
    /// The number of the finding behind so many others.
    pub(super) fn behind(others: usize) -> Option<Self> {
        NonZeroU32::new(u32::try_from(others).ok()?.checked_add(1)?).map(Self)
    }
}

/// The numbers of a flow's attribution and finding.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Verdict {
    pub(super) attribution: u32,
    pub(super) finding: Option<FindingId>,
}

/// Everything that was decided about a capture's flows.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub(super) relations: Relations,
    pub(super) proxied: Proxied,
    pub(super) matches: Matches,
    pub(super) lent: Lent,
    pub(super) places: Places,
    /// In order of the flows.
    pub(super) verdicts: Vec<Verdict>,
    pub(super) attributions: Vec<Attribution>,
    /// Many are equal, and share what they say.
    pub(super) findings: Vec<Arc<Found>>,
}

impl Judgement {
    /// What was decided about each flow, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Judged> {
        (0..).map(FlowId).map_while(|flow| self.of(flow))
    }

    /// What was decided about one flow.
    pub(super) fn of(&self, flow: FlowId) -> Option<Judged> {
        let ended = self.relations.of_flow(flow)?;
        let Verdict { attribution, finding } = *self.verdicts.get(flow.0 as usize)?;
        let Ended { relation, local, local_reason } = ended;
        Some(Judged { local, local_reason, relation, finding, attribution })
    }

    /// A finding by its number.
    pub(super) fn finding(&self, id: FindingId) -> Option<&Found> {
        self.findings.get((id.0.get() as usize).checked_sub(1)?).map(|found| &**found)
    }
}

/// A finding without what it borrows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Where the destination stands, seen from the EEA.
    pub axis: Axis,
    /// How sure that is.
    pub grade: Grade,
    /// The zone of each allowed country.
    pub zones: Vec<(Country, ZoneReading)>,
    /// The listing's name.
    pub listing: &'static str,
    /// The register's name, where one covers the day.
    pub register: Option<String>,
    /// The register's entry, where one lists it.
    pub entry: Option<String>,
    /// Where it would be listed if it stood there.
    pub hint: Option<String>,
    /// Whether it is outside the EEA and not listed.
    pub is_flagged: bool,
}

impl Found {
    /// What is found about a flow that is not the client's: where it stands, and nothing else.
    #[must_use]
    pub fn of_place(axis: Axis, grade: Grade) -> Self {
        Self {
            axis,
            grade,
            zones: Vec::new(),
            listing: "not_compared",
            register: None,
            entry: None,
            hint: None,
            is_flagged: false,
        }
    }

    pub(super) fn of(finding: &Finding<'_>, register: Option<&Register>) -> Self {
        let entry = match finding.listing {
            verdict::Listing::Listed(entry) => Some(entry.id.clone()),
            _ => None,
        };
        Self {
            axis: finding.axis,
            grade: finding.grade,
            zones: finding.zones.clone(),
            listing: finding.listing.name(),
            register: register.map(|register| register.name().to_owned()),
            entry,
            hint: finding.hint().filter(|_| finding.axis == Axis::Undetermined),
            is_flagged: finding.is_flagged,
        }
    }
}

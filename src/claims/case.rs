//! What claims are put to: an inspection in plain values, as far as a rule can ask about it.
//!
//! Must not: hold more for a flow than rules ask about a single one; what many flows share is held once.

use std::collections::BTreeMap;

use crate::client::{Service, Whose};
use crate::flow::FlowId;
use crate::frame::{Date, FrameRef};
use crate::place::{CountrySet, Grade};
use crate::session::{MeetingKind, PhaseKind, says};
use crate::verdict::Axis;
use crate::wire::zoom::MediaKind;

/// What claims are put to.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// How many captures were read.
    pub captures: u64,
    /// The client's sessions.
    pub sessions: Vec<Run>,
    /// What is known of remote ends.
    pub remotes: Vec<Remote>,
    /// The client's flows and those that may be its, in order.
    pub flows: Vec<FlowFacts>,
    /// The scenario's steps.
    pub steps: Vec<SeenStep>,
    /// What the tester says of the captures, by key.
    pub facts: BTreeMap<String, String>,
}

/// A step of the scenario. What is of no kind by the tester's word, or has no frame, has neither.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SeenStep {
    /// What the tester did.
    pub label: String,
    /// The id of its kind.
    pub kind: Option<String>,
}

impl SeenStep {
    /// Whether it is one of these: of a kind with that id, or by a label that says those words.
    #[must_use]
    pub fn is_one_of(&self, wanted: &[String]) -> bool {
        wanted.iter().any(|part| self.kind.as_ref() == Some(part) || says(&self.label, part))
    }
}

/// A session, as far as claims ask.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Its phases.
    pub phases: Vec<SeenPhase>,
    /// The kinds of its meetings.
    pub meetings: Vec<MeetingKind>,
    /// Where its client stood, seen from the EEA; `None` where that is not known.
    pub vantage: Option<Axis>,
}

/// A phase of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeenPhase {
    /// Its kind.
    pub kind: PhaseKind,
    /// Whether that is at least likely; what is uncertain leaves a claim open.
    pub is_sure: bool,
}

/// What flows to one remote end share.
#[derive(Clone, PartialEq, Debug)]
pub struct Remote {
    /// The day.
    pub day: Date,
    /// Whose the flows are.
    pub whose: Whose,
    /// What it is for.
    pub service: Service,
    /// The recipient's id in the catalogue.
    pub recipient: Option<String>,
    /// Its names in the order of their frames.
    pub names: Vec<String>,
    /// Where it stands, seen from the EEA.
    pub axis: Axis,
    /// How sure that is.
    pub grade: Grade,
    /// The countries that the evidence leaves; none where it carries no verdict.
    pub countries: CountrySet,
    /// Whether the register of the day lists it.
    pub listing: &'static str,
    /// Its port.
    pub port: u16,
    /// The kinds of media that the flows carried or were opened for.
    pub media: Vec<MediaKind>,
}

/// One flow.
#[derive(Clone, Copy, Debug)]
pub struct FlowFacts {
    /// The capture that it is in, and its number there.
    pub key: (usize, FlowId),
    /// Its first frame.
    pub first: FrameRef,
    /// Its remote end, by its place in [`Case::remotes`].
    pub remote: u32,
    /// Its session, by its place in [`Case::sessions`].
    pub session: Option<u32>,
    /// The phase in which it began.
    pub phase: Option<SeenPhase>,
    /// The step in which it began, by its place in [`Case::steps`].
    pub step: Option<u32>,
    /// The bytes of payload that the client sent.
    pub payload_out: u64,
}

impl Case {
    /// The remote end of a flow.
    #[must_use]
    pub fn remote(&self, flow: &FlowFacts) -> Option<&Remote> {
        self.remotes.get(flow.remote as usize)
    }

    /// The step in which a flow began.
    #[must_use]
    pub fn step(&self, flow: &FlowFacts) -> Option<&SeenStep> {
        self.steps.get(flow.step? as usize)
    }

    /// The last day of its flows.
    #[must_use]
    pub fn last_day(&self) -> Option<Date> {
        self.remotes.iter().map(|remote| remote.day).max()
    }

    /// Where the client of a flow stood; `None` where that is not known.
    #[must_use]
    pub fn vantage(&self, flow: &FlowFacts) -> Option<Axis> {
        self.sessions.get(flow.session? as usize)?.vantage
    }

    /// The kinds of phases that were seen, in the order in which they usually come.
    #[must_use]
    pub fn phases(&self) -> Vec<PhaseKind> {
        let all = self.sessions.iter().flat_map(|run| &run.phases);
        let is_seen = |kind: &PhaseKind| all.clone().any(|phase| phase.kind == *kind);
        PhaseKind::ALL.into_iter().filter(is_seen).collect()
    }

    /// Whether a phase of that kind is at least likely.
    #[must_use]
    pub fn is_sure_of(&self, kind: PhaseKind) -> bool {
        let mut all = self.sessions.iter().flat_map(|run| &run.phases);
        all.any(|phase| phase.kind == kind && phase.is_sure)
    }

    /// The meetings of all sessions.
    pub fn meetings(&self) -> impl Iterator<Item = MeetingKind> {
        self.sessions.iter().flat_map(|run| run.meetings.iter().copied())
    }
}

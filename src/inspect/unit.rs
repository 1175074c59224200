//! One capture under analysis: an input, or several that were joined.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::client::{Attribution, Whose};
use crate::evidence::Evidence;
use crate::flow::{Flow, FlowId, Flows, Sightings};
use crate::frame::{Frame, FrameRef};
use crate::inspect::around::annotated;
use crate::inspect::census::Census;
use crate::inspect::decryption::Decryption;
#[cfg(test)]
use crate::inspect::guard::planted;
use crate::inspect::hearing::{Hearing, SeenName};
use crate::inspect::judged::{Found, Judged, Judgement};
use crate::inspect::locate::{Placement, VantageConflict};
use crate::inspect::memory::{Budget, SummedUp};
use crate::inspect::stages::{Sight, Stages};
use crate::inspect::stated::Stated;
use crate::inspect::vantage::Vantage;
use crate::packet::{self, Class, Decoded, Opener, Through};
use crate::place;
use crate::session::{Moment, Session, Step};
use crate::source::{Carried, Summary};
use crate::telemetry::Planted;

/// What one capture holds. Hosts, names and sessions of different captures have nothing to do with each other.
#[derive(Debug, Default)]
pub struct Unit {
    pub(super) flows: Flows,
    pub(super) evidence: Evidence,
    pub(super) opener: Opener,
    pub(super) decryption: Option<Box<Decryption>>,
    /// What is looked for in what is decrypted.
    pub(super) planted: Option<Arc<Planted>>,
    pub(super) sightings: Sightings,
    pub(super) own_addresses: Vec<IpAddr>,
    pub(super) last: Option<Moment>,
    pub(super) judgement: Judgement,
    pub(super) steps: Vec<Step>,
    pub(super) sessions: Vec<Session>,
    /// Where its client stood, by what the user says of its cell.
    pub(super) cell_vantage: Option<place::Vantage>,
    /// Where the user says that its client stood.
    pub(super) stated: Option<Stated>,
    pub(super) vantages: Vec<Vec<Vantage>>,
    pub(super) vantage_disagreements: BTreeSet<(IpAddr, String)>,
    pub(super) flows_of_impossible_days: u64,
    /// What it may take while it is read.
    pub(super) budget: Option<Budget>,
    summed_up: Option<SummedUp>,
    /// The coarsest tick of the clocks that the frames were timed by.
    pub(super) tick: Duration,
    /// The interfaces of the input that is being read, as far as they have frames.
    pub(super) interfaces: BTreeSet<u32>,
    /// The last of them.
    interface: Option<u32>,
    /// Whether it holds what a piece of a capture does not tell apart from the pieces before: fragments, tunnels, what
    /// captures say of their frames.
    pub(super) is_entangled: bool,
    /// Whether it is a piece of a capture that is to be put behind another.
    pub(super) is_piece: bool,
}

impl Unit {
    /// A capture that keeps to a budget, where there is one.
    pub(super) fn within(budget: Option<Budget>) -> Self {
        Self { budget, ..Self::default() }
    }

    /// A piece of a capture that is to be put behind another.
    pub(super) fn piece() -> Self {
        Self { flows: Flows::piece(), evidence: Evidence::piece(), is_piece: true, ..Self::default() }
    }

    /// Its flows.
    #[must_use]
    pub fn flows(&self) -> &Flows {
        &self.flows
    }

    /// What they say about themselves.
    #[must_use]
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// What key logs opened of it; `None` where no key is known.
    #[must_use]
    pub fn decryption(&self) -> Option<&Decryption> {
        self.decryption.as_deref()
    }

    /// From here on connections are followed with keys.
    pub(super) fn decrypt_by(&mut self, mut decryption: Decryption) {
        if let Some(budget) = &self.budget {
            decryption.keep_to(budget.limit());
        }
        self.evidence.keep_randoms();
        self.decryption = Some(Box::new(decryption));
    }

    /// Takes keys that the capture carries.
    #[cold]
    pub(super) fn take_keys(&mut self, carried: &Carried) {
        let log = carried.take();
        if self.decryption.is_none() {
            self.decrypt_by(Decryption::new(Arc::default(), self.planted.clone()));
        }
        // Frames that hold no packet of TCP count, too: they are few before the first that does.
        let is_late = self.last.is_some();
        if let Some(decryption) = &mut self.decryption {
            decryption.take(&log, is_late);
        }
    }

    /// The tunnels that were opened, and the fragments that were put together.
    #[must_use]
    pub fn opener(&self) -> &Opener {
        &self.opener
    }

    /// What was decided about each flow, in order of the flows.
    pub fn judged(&self) -> impl Iterator<Item = (Flow<'_>, Judged)> {
        self.flows.iter().zip(self.judgement.iter())
    }

    /// What was decided about one flow.
    #[must_use]
    pub fn judged_flow(&self, flow: FlowId) -> Option<Judged> {
        self.judgement.of(flow)
    }

    /// The client's flows.
    pub fn clients(&self) -> impl Iterator<Item = (Flow<'_>, Judged)> {
        let is_client =
            |judged: &Judged| self.attribution(judged).is_some_and(|of| of.whose == Whose::Client);
        self.judged().filter(move |(_, judged)| is_client(judged))
    }

    /// Whose a flow is and what for.
    #[must_use]
    pub fn attribution(&self, judged: &Judged) -> Option<&Attribution> {
        self.judgement.attributions.get(judged.attribution as usize)
    }

    /// The finding about a flow; `None` for others' flows, which are counted and not judged.
    #[must_use]
    pub fn finding(&self, judged: &Judged) -> Option<&Found> {
        self.judgement.finding(judged.finding?)
    }

    /// The names of a flow's remote end; a flow that says none has those of its two addresses.
    #[must_use]
    pub fn names(&self, flow: FlowId) -> Vec<SeenName> {
        self.hearing_by(&self.judgement).names(flow, &self.judgement.lent)
    }

    /// Where a flow's remote end stands. It is worked out when it is first asked for.
    #[must_use]
    pub fn placement(&self, judged: &Judged) -> Option<&Placement> {
        self.judgement.places.of(judged.relation, &self.hearing_by(&self.judgement))
    }

    /// What the flows say, with the relations of a judgement.
    pub(super) fn hearing_by<'a>(&'a self, judgement: &'a Judgement) -> Hearing<'a> {
        let Judgement { relations, proxied, matches, .. } = judgement;
        Hearing { flows: &self.flows, evidence: &self.evidence, relations, proxied, matches, tick: self.tick }
    }

    /// The steps of the tester's script, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The client's sessions.
    #[must_use]
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// For each session, in order, the addresses that say where its machine stood; none where that is not known.
    #[must_use]
    pub fn vantages(&self) -> &[Vec<Vantage>] {
        &self.vantages
    }

    /// Where the user says where its client stood, in words; `None` where the user does not.
    #[must_use]
    pub fn vantage_stated_by(&self) -> Option<&'static str> {
        self.stated.as_ref().map(|stated| stated.by)
    }

    /// The strong statements about place that a round trip from the vantage makes impossible. Where there are any, no round
    /// trip of the capture is used.
    #[must_use]
    pub fn vantage_conflicts(&self) -> &[VantageConflict] {
        &self.judgement.places.conflicts
    }

    /// The flows that were summed up unjudged to stay within the user's limit on memory; `None` where that was not reached.
    #[must_use]
    pub fn summed_up(&self) -> Option<&SummedUp> {
        self.summed_up.as_ref()
    }

    /// The client's flows of days that cannot be, by the capture's clock.
    #[must_use]
    pub fn flows_of_impossible_days(&self) -> u64 {
        self.flows_of_impossible_days
    }

    /// The client's own addresses that say another country than the user does, with that country.
    #[must_use]
    pub fn vantage_disagreements(&self) -> &BTreeSet<(IpAddr, String)> {
        &self.vantage_disagreements
    }

    /// Takes a frame through the stages that look at single packets.
    #[inline(always)]
    pub(super) fn observe(&mut self, frame: &Frame<'_>, at: FrameRef, census: &mut Census) {
        #[cfg(test)]
        planted::reach(at.number(), planted::Place::Decoding);
        if self.interface != Some(frame.interface) {
            self.interface = Some(frame.interface);
            self.interfaces.insert(frame.interface);
        }
        self.last = Some(Moment { frame: at, time: frame.time });
        if frame.interfaces == 1
            && let Some(packet) = packet::plain(frame.link, frame.data, frame.wire_len)
        {
            census.count(frame);
            let sight = Sight { frame, at, wire_len: frame.wire_len, interface: None };
            self.stages().1.packet(&packet, &sight);
            census.classify(Class::of(&packet), 1, at);
        } else {
            self.observe_any(*frame, at, census);
        }
    }

    #[inline(never)]
    fn observe_any(&mut self, frame: Frame<'_>, at: FrameRef, census: &mut Census) {
        match annotated(&frame) {
            Some((frame, through)) => {
                self.is_entangled = true;
                self.take(&frame, at, through, census);
            }
            None => self.take(&frame, at, None, census),
        }
    }

    fn take(&mut self, frame: &Frame<'_>, at: FrameRef, through: Option<Through<'_>>, census: &mut Census) {
        census.count(frame);
        let decoded = packet::decode(frame.link, frame.data, frame.wire_len);
        let numbered = u64::from(frame.interface) << 32;
        let interface = match through {
            Some(through) => Some(numbered | u64::from(number(through))),
            None => (frame.interfaces > 1).then_some(numbered),
        };
        let sight = Sight { frame, at, wire_len: frame.wire_len, interface };
        let class = match &decoded {
            Decoded::Other(class) if Opener::opens(*class) => return self.open(&sight, census),
            decoded => self.stages().1.decoded(decoded, &sight),
        };
        census.classify(class, 1, at);
    }

    /// Opens tunnels and puts fragments together.
    #[cold]
    fn open(&mut self, sight: &Sight<'_>, census: &mut Census) {
        self.is_entangled = true;
        let (opener, mut stages) = self.stages();
        let class = opener.open(sight.frame, sight.at, |opened| {
            let sight = Sight { wire_len: opened.wire_len, ..*sight };
            let class = stages.decoded(opened.decoded.as_ref()?, &sight);
            if let Some(other) = &opened.other {
                stages.other_reading(other, &sight);
            }
            Some(class)
        });
        self.settle(census);
        // Last, so that a frame that something fails on has no class yet.
        if let Some(class) = class {
            census.classify(class, 1, sight.at);
        }
    }

    #[inline]
    fn stages(&mut self) -> (&mut Opener, Stages<'_>) {
        let Self { opener, flows, evidence, sightings, decryption, .. } = self;
        let decryption = decryption.as_deref_mut();
        (opener, Stages { flows, evidence, sightings, decryption })
    }

    fn settle(&mut self, census: &mut Census) {
        let (opener, mut stages) = self.stages();
        for settled in opener.settled() {
            census.classify(settled.class, settled.frames, settled.first);
            if let Some(begun) = settled.begun() {
                stages.begun(&begun);
            }
        }
    }

    /// Takes a frame again of a flow that goes on from a piece of the capture to the next: its packet is counted, or only read
    /// where it is counted already. The flow that it is of.
    pub(super) fn observe_again(
        &mut self,
        frame: &Frame<'_>,
        at: FrameRef,
        is_counted: bool,
    ) -> Option<FlowId> {
        let sight = Sight { frame, at, wire_len: frame.wire_len, interface: None };
        match packet::decode(frame.link, frame.data, frame.wire_len) {
            Decoded::Packet(packet) if is_counted => self.stages().1.packet_again(&packet, &sight),
            Decoded::Packet(packet) => Some(self.stages().1.packet(&packet, &sight)),
            error @ Decoded::IcmpError(_) => {
                self.stages().1.decoded(&error, &sight);
                None
            }
            Decoded::Other(_) => None,
        }
    }

    /// Takes over what belongs to no flow of the next piece.
    pub(super) fn append(&mut self, last: Option<Moment>, interfaces: BTreeSet<u32>, frames: u64) {
        let last = last.map(|last| Moment { frame: last.frame.later_by(frames), ..last });
        self.last = self.last.max(last);
        self.interfaces.extend(interfaces);
    }

    /// What there is so far, for a report while reading goes on: it may be ended like any other. Of fragments that wait it takes
    /// those that are there.
    pub(super) fn so_far(&self) -> Self {
        Self {
            flows: self.flows.clone(),
            evidence: self.evidence.so_far(),
            opener: self.opener.clone(),
            own_addresses: self.own_addresses.clone(),
            last: self.last,
            budget: self.budget.clone(),
            decryption: self.decryption.as_ref().map(|decryption| Box::new(decryption.so_far())),
            tick: self.tick,
            interfaces: self.interfaces.clone(),
            is_entangled: self.is_entangled,
            ..Self::default()
        }
    }

    /// No more frames will come.
    pub(super) fn end(&mut self, census: &mut Census) {
        self.opener.finish();
        self.settle(census);
        if let Some(decryption) = &mut self.decryption {
            decryption.end(self.last);
        }
        Budget::look(self, false);
        self.summed_up = self.budget.take().and_then(Budget::end);
        self.evidence.finish(&self.flows);
        self.evidence.free();
        self.flows.free();
    }

    /// An input's interfaces say at its end which addresses are the capturing machine's own.
    pub(super) fn end_input(&mut self, summary: &Summary) {
        let addresses = summary.interfaces.iter().flat_map(|interface| interface.addresses.iter().copied());
        self.own_addresses.extend(addresses);
        self.evidence.note_owners(&summary.owners);
        self.interface = None;
        let timed = std::mem::take(&mut self.interfaces);
        let used = (0..).zip(&summary.interfaces).filter(|(number, _)| timed.contains(number));
        self.tick = used.map(|(_, interface)| interface.tick()).fold(self.tick, Duration::max);
    }
}

/// A number for an interface: names are few, and two that share a number would merely not be told apart.
fn number(through: Through<'_>) -> u32 {
    match through {
        Through::Index(index) => index,
        // FNV-1a, the same in every run.
        Through::Name(name) => {
            name.iter().fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
        }
    }
}

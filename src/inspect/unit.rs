//! One capture under analysis: an input, or several that were joined.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::evidence::Evidence;
use crate::flow::{Flows, Scope};
use crate::frame::{Frame, FrameRef};
use crate::inspect::judge::Judged;
use crate::inspect::locate::{Placement, VantageConflict};
use crate::inspect::vantage::Vantage;
use crate::packet::{self, Class, Decoded};
use crate::session::{Moment, Session};
use crate::source::Summary;

/// What one capture holds. Hosts, names and sessions of different captures have nothing to do with each other.
#[derive(Debug, Default)]
pub struct Unit {
    pub(super) flows: Flows,
    pub(super) evidence: Evidence,
    pub(super) own_addresses: Vec<IpAddr>,
    pub(super) last: Option<Moment>,
    pub(super) judged: Vec<Judged>,
    pub(super) placements: Vec<Placement>,
    pub(super) sessions: Vec<Session>,
    pub(super) vantages: Vec<Vec<Vantage>>,
    pub(super) vantage_conflicts: Vec<VantageConflict>,
    pub(super) vantage_disagreements: BTreeSet<(IpAddr, String)>,
    pub(super) flows_of_impossible_days: u64,
    /// The coarsest tick of the clocks that the frames were timed by.
    pub(super) tick: Duration,
    /// The interfaces of the input that is being read, as far as they have frames.
    interfaces: BTreeSet<u32>,
}

impl Unit {
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

    /// The judgement of each flow, in order of the flows.
    #[must_use]
    pub fn judged(&self) -> &[Judged] {
        &self.judged
    }

    /// Where a flow's remote end stands.
    #[must_use]
    pub fn placement(&self, judged: &Judged) -> Option<&Placement> {
        self.placements.get(judged.placement)
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

    /// The strong statements about place that a round trip from the vantage makes impossible. Where there are any, no round
    /// trip of the capture is used.
    #[must_use]
    pub fn vantage_conflicts(&self) -> &[VantageConflict] {
        &self.vantage_conflicts
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

    pub(super) fn observe(&mut self, frame: &Frame<'_>, at: FrameRef) -> Class {
        if self.interfaces.last() != Some(&frame.interface) {
            self.interfaces.insert(frame.interface);
        }
        let decoded = packet::decode(frame.link, frame.data, frame.wire_len);
        let class = decoded.class();
        match &decoded {
            Decoded::Packet(packet) => {
                let scope = Scope { interface: frame.interface, vlan: packet.vlan };
                let seen = self.flows.observe(packet, scope, at, frame.wire_len, frame.time);
                self.evidence.observe(&mut self.flows, seen, packet, at, frame.time);
            }
            Decoded::IcmpError(error) => {
                let scope = Scope { interface: frame.interface, vlan: error.vlan };
                self.flows.icmp_error(error, scope, at, frame.time);
            }
            Decoded::Other(_) => {}
        }
        self.last = self.last.max(Some(Moment { frame: at, time: frame.time }));
        class
    }

    /// An input's interfaces say at its end which addresses are the capturing machine's own.
    pub(super) fn end_input(&mut self, summary: &Summary) {
        let addresses = summary.interfaces.iter().flat_map(|interface| interface.addresses.iter().copied());
        self.own_addresses.extend(addresses);
        let timed = std::mem::take(&mut self.interfaces);
        let used = (0..).zip(&summary.interfaces).filter(|(number, _)| timed.contains(number));
        self.tick = used.map(|(_, interface)| interface.tick()).fold(self.tick, Duration::max);
    }
}

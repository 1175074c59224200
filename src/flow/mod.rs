//! Who talks to whom: packets become flows, with both directions of one five-tuple in one stretch of time in one record.
//!
//! Input: packets and ICMP errors with their frame, time and scope. Output: [`Flows`]: per flow its ends, counters, first
//! and last frame, TCP state and shortest round trips; [`stream`]: the first bytes of each direction in order; [`local`]:
//! which side is the captured machine's. Must not: keep payload past its budget, or know what a payload means.
//!
//! A new flow begins where a tuple is new, where a SYN opens another connection, and after a silence: 5 minutes for UDP
//! (RFC 4787, section 4.3), 2 hours and 4 minutes for TCP (RFC 5382, REQ-5). Time that goes backwards is no silence.

use std::time::Duration;

use hashbrown::HashMap;

mod address;
mod intern;
pub mod local;
mod record;
mod repeat;
mod sequence;
pub mod stream;
mod table;
mod view;

pub use address::{AddressId, Addresses};
pub use record::Passage;
pub use repeat::{Digest, Sightings};
pub use view::{Flow, Method, RoundTrip, TcpState};

use crate::frame::{Direction, FrameRef, Timestamp};
use crate::packet::{IcmpError, Macs, Packet, Tcp, TcpFlags, Transport, TunnelId, Vlan};
use intern::Interner;
use record::{Arrival, Handshake, Origin, Record, State};
use sequence::{Holes, Window};
use table::{Tuple, Tuples};

/// A flow, numbered from 0 without gaps in the order of first packets; one of which only a first fragment was captured
/// comes where the others were given up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FlowId(pub u32);

/// An end of a flow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// The end that sent the flow's first packet.
    First,
    /// The other end.
    Second,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// Where a tuple means the same flow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Scope {
    /// The interface within the capture.
    pub interface: u32,
    /// The VLAN tags.
    pub vlan: Vlan,
    /// The tunnel that it came out of.
    pub tunnel: TunnelId,
}

/// Which flow a packet belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The flow.
    pub flow: FlowId,
    /// The side that sent the packet.
    pub side: Side,
    /// Whether it is the flow's first packet.
    pub is_new: bool,
}

/// All flows of a run.
///
/// A tuple that is used anew gets a new flow; the old one keeps its record. Nothing is allocated per packet.
#[derive(Clone, Debug)]
pub struct Flows {
    tuples: Tuples,
    /// Both by flow.
    records: Vec<Record>,
    origins: Vec<Origin>,
    addresses: Addresses,
    scopes: Interner<Scope>,
    macs: Interner<Macs>,
    round_trips: Vec<RoundTrip>,
    /// How often the packets, wire bytes, payload bytes and repeated bytes of a flow's side went over 2^32.
    carries: HashMap<(FlowId, Side), [u32; 4]>,
    holes: Holes,
}

impl Default for Flows {
    fn default() -> Self {
        Self::new()
    }
}

impl Flows {
    /// No flows yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tuples: Tuples::new(),
            records: Vec::new(),
            origins: Vec::new(),
            addresses: Addresses::new(),
            scopes: Interner::new(),
            macs: Interner::new(),
            round_trips: Vec::new(),
            carries: HashMap::new(),
            holes: Holes::default(),
        }
    }

    /// Counts a packet on its flow, which begins with it where there is none yet.
    ///
    /// Packets must come in the order of the capture. `wire_len` is the frame's length on the wire in bytes.
    pub fn observe(
        &mut self,
        packet: &Packet<'_>,
        scope: Scope,
        frame: FrameRef,
        wire_len: u32,
        time: Option<Timestamp>,
    ) -> Seen {
        let scope = self.scopes.intern(scope);
        let tuple = Tuple::new(packet.transport.protocol(), packet.ends, scope);
        let arrival = Arrival { frame, wire_len, payload_len: packet.payload_len, time };
        let latest = self.tuples.find(&tuple).filter(|latest| {
            self.records.get(*latest as usize).is_some_and(|record| {
                let side = record.state.side(tuple.from_low);
                !record.is_over(side, packet.transport, time)
            })
        });
        let is_new = latest.is_none();
        let flow = match latest {
            Some(flow) => FlowId(flow),
            None => self.start(packet, &tuple, scope, frame, time),
        };
        let side = self.count(flow, tuple.from_low, packet, &arrival);
        Seen { flow, side, is_new }
    }

    /// Takes note of which way a packet of a side went through the capturing machine's interface.
    pub fn note_direction(&mut self, flow: FlowId, side: Side, direction: Direction) {
        if let Some(record) = self.records.get_mut(flow.0 as usize) {
            let way = if direction == Direction::Outbound { State::OUTBOUND } else { State::INBOUND };
            record.state.set(way.of(side));
        }
    }

    /// The flow of a packet that was counted already.
    pub fn find(&mut self, packet: &Packet<'_>, scope: Scope) -> Option<Seen> {
        let tuple = Tuple::new(packet.transport.protocol(), packet.ends, self.scopes.find(scope)?);
        let flow = FlowId(self.tuples.find(&tuple)?);
        let side = self.records.get(flow.0 as usize)?.state.side(tuple.from_low);
        Some(Seen { flow, side, is_new: false })
    }

    /// Makes a packet's tuple lead to a flow in another scope, too: the same packets are captured there again, in one order
    /// or the other.
    ///
    /// The flow's round trips are in doubt from then on: a request and its answer may have been timed by two clocks, at two
    /// places.
    pub fn link(&mut self, packet: &Packet<'_>, scope: Scope, flow: FlowId) -> Option<Seen> {
        let scope = self.scopes.intern(scope);
        let tuple = Tuple::new(packet.transport.protocol(), packet.ends, scope);
        self.tuples.set(&tuple, flow.0);
        let record = self.records.get_mut(flow.0 as usize)?;
        record.state.set(State::SEEN_TWICE);
        Some(Seen { flow, side: record.state.side(tuple.from_low), is_new: false })
    }

    /// Counts an ICMP error on the flow of the packet that it quotes; `None` where no such flow was seen in its scope.
    ///
    /// Where the error comes from the very address that the packet was sent to, and the flow is nothing but that one
    /// packet, the two are a round trip: nothing else can have caused the error.
    pub fn icmp_error(
        &mut self,
        error: &IcmpError,
        scope: Scope,
        frame: FrameRef,
        time: Option<Timestamp>,
    ) -> Option<FlowId> {
        let scope = self.scopes.find(scope)?;
        let quoted = error.quoted;
        let tuple = Tuple::new(quoted.protocol, quoted.ends, scope);
        let flow = FlowId(self.tuples.find(&tuple)?);
        let record = self.records.get(flow.0 as usize)?;
        let origin = self.origins.get_mut(flow.0 as usize)?;
        let is_about_only_packet = origin.frame == record.last_frame
            && origin.icmp_errors == 0
            && record.state.side(tuple.from_low) == Side::First;
        origin.icmp_errors = origin.icmp_errors.saturating_add(1);
        if is_about_only_packet
            && error.reporter == quoted.ends.to().address
            && let Some(rtt) = self.since_start(flow, time)
        {
            self.note_round_trip(
                flow,
                Side::First,
                RoundTrip { rtt, reply: frame, method: Method::IcmpError },
            );
        }
        Some(flow)
    }

    /// Takes note of a request by `requester` and its answer; the shortest round trip is kept.
    ///
    /// Measured by whoever knows the protocol. A round trip of no time at all shows a clock too coarse, and is left out.
    pub fn note_round_trip(&mut self, flow: FlowId, requester: Side, trip: RoundTrip) {
        if self.keep_shortest(flow, requester, trip)
            && requester == Side::First
            && let Some(record) = self.records.get_mut(flow.0 as usize)
        {
            record.state.clear(State::HANDSHAKE_TIMED);
        }
    }

    /// How many flows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// One flow; `None` for numbers that were not given out.
    #[must_use]
    pub fn flow(&self, id: FlowId) -> Option<Flow<'_>> {
        let (record, origin) = (self.records.get(id.0 as usize)?, self.origins.get(id.0 as usize)?);
        Some(Flow { flows: self, id, record, origin })
    }

    /// All flows in the order of their first packets.
    pub fn iter(&self) -> impl Iterator<Item = Flow<'_>> {
        (0_u32..).map_while(|number| self.flow(FlowId(number)))
    }

    /// The addresses of all flows.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Adds the record of a new flow, before its first packet is counted.
    fn start(
        &mut self,
        packet: &Packet<'_>,
        tuple: &Tuple,
        scope: u32,
        frame: FrameRef,
        time: Option<Timestamp>,
    ) -> FlowId {
        let number = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        self.tuples.set(tuple, number);
        self.records.push(Record::start(packet, tuple.from_low, frame, time));
        self.origins.push(Origin {
            addresses: self.addresses.intern(packet.ends),
            ports: packet.ends.ports(),
            scope,
            macs: self.macs.intern(packet.macs),
            icmp_errors: 0,
            round_trips: [0; 2],
            first_seq: [0; 2],
            repeated: [0; 2],
            frame,
            time: time.map_or(0, Timestamp::nanos),
        });
        FlowId(number)
    }

    /// Counts a packet on a flow that there is, and says which side sent it.
    #[inline]
    fn count(&mut self, flow: FlowId, from_low: bool, packet: &Packet<'_>, arrival: &Arrival) -> Side {
        let Some(record) = self.records.get_mut(flow.0 as usize) else {
            return Side::First;
        };
        let side = record.state.side(from_low);
        if side == Side::Second
            && !record.state.has(State::ANSWERED)
            && let Some(origin) = self.origins.get_mut(flow.0 as usize)
        {
            origin.macs = answered_macs(&mut self.macs, origin.macs, packet.macs);
            record.state = record.state.passed(side, packet.hop_limit);
        }
        let handshake = match &packet.transport {
            Transport::Tcp(tcp) => record.note_tcp(side, tcp),
            Transport::Udp => Handshake::Silent,
        };
        let continues = match &packet.transport {
            Transport::Tcp(tcp) => record.continues(side, tcp, packet.payload_len),
            Transport::Udp => true,
        };
        let [packets, wire, payload] = if continues {
            record.count(side, arrival)
        } else {
            self.count_disordered(flow, side, packet, arrival)
        };
        if packets || wire || payload {
            self.carry(flow, side, [packets, wire, payload, false]);
        }
        if handshake != Handshake::Silent {
            self.note_handshake(flow, handshake, arrival);
        }
        side
    }

    /// Counts a segment that does not continue its stream.
    #[cold]
    fn count_disordered(
        &mut self,
        flow: FlowId,
        side: Side,
        packet: &Packet<'_>,
        arrival: &Arrival,
    ) -> [bool; 3] {
        let payload_len = match &packet.transport {
            Transport::Tcp(tcp) => self.disordered(flow, side, tcp, packet.payload_len),
            Transport::Udp => packet.payload_len,
        };
        let record = self.records.get_mut(flow.0 as usize);
        record.map_or([false; 3], |record| record.count(side, &Arrival { payload_len, ..*arrival }))
    }

    /// Takes a segment that begins its stream, or does not continue it: how many of its bytes were not sent before.
    fn disordered(&mut self, flow: FlowId, side: Side, tcp: &Tcp, len: u32) -> u32 {
        // What comes with RST is a text about the reset (RFC 9293, section 3.5.3), not the stream's.
        if tcp.flags.has(TcpFlags::RST) {
            return 0;
        }
        let Self { records, origins, carries, holes, .. } = self;
        let place = flow.0 as usize;
        let (Some(record), Some(origin)) = (records.get_mut(place), origins.get_mut(place)) else {
            return len;
        };
        // SYN takes the first sequence number; data may come with it (RFC 7413).
        let has_syn = tcp.flags.has(TcpFlags::SYN);
        let seq = if has_syn { tcp.seq.wrapping_add(1) } else { tcp.seq };
        let [_, _, sent] = record.counters.sent_by(side);
        let is_long = sent >= 1 << 31 || carries.get(&(flow, side)).is_some_and(|[_, _, sent, _]| *sent > 0);
        let first = record::of_mut(&mut origin.first_seq, side);
        let mut window = record.window(side, *first, is_long).unwrap_or(Window::at(seq, has_syn));
        let new = holes.with(flow, side, |holes| {
            if has_syn {
                window.begin(seq, holes);
            }
            if len == 0 { 0 } else { window.take(seq, len, holes) }
        });
        *first = window.base;
        record.set_window(side, window);
        let repeated = record::of_mut(&mut origin.repeated, side);
        let wrapped;
        (*repeated, wrapped) = repeated.overflowing_add(len.saturating_sub(new));
        if wrapped {
            self.carry(flow, side, [false, false, false, true]);
        }
        new
    }

    #[cold]
    fn carry(&mut self, flow: FlowId, side: Side, wrapped: [bool; 4]) {
        let carried = self.carries.entry((flow, side)).or_default();
        for (carried, wrapped) in carried.iter_mut().zip(wrapped) {
            *carried = carried.saturating_add(wrapped.into());
        }
    }

    fn note_handshake(&mut self, flow: FlowId, handshake: Handshake, arrival: &Arrival) {
        let rtt = self.since_start(flow, arrival.time).filter(|_| handshake == Handshake::Answered);
        let is_kept = rtt.is_some_and(|rtt| {
            let trip = RoundTrip { rtt, reply: arrival.frame, method: Method::Handshake };
            self.keep_shortest(flow, Side::First, trip)
        });
        let place = flow.0 as usize;
        let (Some(record), Some(origin)) = (self.records.get_mut(place), self.origins.get_mut(place)) else {
            return;
        };
        if is_kept {
            record.state.set(State::HANDSHAKE_TIMED);
        } else if handshake == Handshake::Ambiguous && record.state.has(State::HANDSHAKE_TIMED) {
            record.state.clear(State::HANDSHAKE_TIMED);
            origin.round_trips[0] = 0;
        }
    }

    /// The time of a flow's first packet, where that has one.
    fn first_time(&self, flow: FlowId) -> Option<Timestamp> {
        let place = flow.0 as usize;
        let is_timed = self.records.get(place)?.state.has(State::FIRST_TIMED);
        is_timed.then_some(Timestamp::from_nanos(self.origins.get(place)?.time))
    }

    /// How long after a flow's first packet `time` is.
    fn since_start(&self, flow: FlowId, time: Option<Timestamp>) -> Option<Duration> {
        time?.since(self.first_time(flow)?)
    }

    /// Keeps a round trip where it is the shortest of its requester, and says whether it is.
    fn keep_shortest(&mut self, flow: FlowId, requester: Side, trip: RoundTrip) -> bool {
        let Some(origin) = self.origins.get_mut(flow.0 as usize).filter(|_| !trip.rtt.is_zero()) else {
            return false;
        };
        let [first, second] = &mut origin.round_trips;
        let place = if requester == Side::First { first } else { second };
        match (*place as usize).checked_sub(1).and_then(|place| self.round_trips.get_mut(place)) {
            Some(shortest) if shortest.rtt <= trip.rtt => return false,
            Some(shortest) => *shortest = trip,
            None => {
                self.round_trips.push(trip);
                *place = u32::try_from(self.round_trips.len()).unwrap_or(0);
            }
        }
        true
    }
}

/// The second side's own packets know its link-layer address better than the first packet to it did, which may have
/// gone to a group.
fn answered_macs(interner: &mut Interner<Macs>, known: u32, answer: Macs) -> u32 {
    let Macs { from, to } = interner.get(known).unwrap_or_default();
    interner.intern(Macs { from: from.or(answer.to), to: answer.from.or(to) })
}

#[cfg(test)]
mod tests;

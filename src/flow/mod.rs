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
mod by_flow;
mod intern;
mod joint;
mod kept;
mod key;
pub mod local;
mod pause;
mod piece;
mod record;
mod repeat;
mod sequence;
pub mod stream;
mod table;
mod view;

pub(crate) use by_flow::{renumber, renumbered, table_bytes};
pub use joint::Joint;
pub use pause::Burst;
pub use piece::Continued;
pub use record::Passage;
pub use repeat::{Digest, Sightings};
pub use view::{Flow, Method, RoundTrip, TcpState};

use crate::frame::{Direction, FrameRef, Timestamp};
use crate::packet::{IcmpError, Macs, Packet, Tcp, TcpFlags, Transport, TunnelId, Vlan};
use address::V6;
use intern::Interner;
use pause::{PAUSE, Silences};
use piece::Heads;
use record::{Arrival, Handshake, Origin, Record, Sequences, State};
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

/// A word that a flow's record keeps for whoever reads its payload, so that a packet costs one look-up for both.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Mark(pub u32);

/// Which flow a packet belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The flow.
    pub flow: FlowId,
    /// The side that sent the packet.
    pub side: Side,
    /// Whether it is the flow's first packet.
    pub is_new: bool,
    /// What was kept with the flow by [`Flows::set_mark`]; 0 where nothing was.
    pub mark: Mark,
}

/// All flows of a run.
///
/// A tuple that is used anew gets a new flow; the old one keeps its record. Nothing is allocated per packet.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    tuples: Tuples,
    /// By flow, as what follows.
    records: Vec<Record>,
    origins: Vec<Origin>,
    sequences: Vec<Sequences>,
    v6: V6,
    scopes: Interner<Scope>,
    macs: Interner<Macs>,
    round_trips: Vec<RoundTrip>,
    /// What few flows have: how often counters went over, bytes that were sent again.
    carries: HashMap<(FlowId, Side), Carry>,
    /// The ICMP errors about flows that had any.
    icmp_errors: HashMap<FlowId, u32>,
    holes: Holes,
    silences: Silences,
    /// Of a piece of a capture: what it takes to put it behind the piece before.
    heads: Option<Box<Heads>>,
}

/// What few flows have of a side.
#[derive(Clone, Copy, Default, Debug)]
struct Carry {
    /// How often the packets, wire bytes and payload bytes went over 2^32.
    over: [u32; 3],
    /// Bytes of TCP payload that were sent again.
    repeated: u64,
}

impl Flows {
    /// No flows yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a packet on its flow, which begins with it where there is none yet.
    ///
    /// Packets must come in the order of the capture. `wire_len` is the frame's length on the wire in bytes.
    #[inline(always)]
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
        if let Some(flow) = self.tuples.find(&tuple, &self.records)
            && let Some(seen) = self.count::<false>(FlowId(flow), tuple.from_low, packet, &arrival)
        {
            return seen;
        }
        self.begin(*packet, tuple, arrival)
    }

    /// Keeps a word with a flow.
    #[inline]
    pub fn set_mark(&mut self, flow: FlowId, mark: Mark) {
        if let Some(record) = self.records.get_mut(flow.0 as usize) {
            record.mark = mark;
        }
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
        let flow = FlowId(self.tuples.find(&tuple, &self.records)?);
        let record = self.records.get(flow.0 as usize)?;
        Some(Seen { flow, side: record.state.side(tuple.from_low), is_new: false, mark: record.mark })
    }

    /// Makes a packet's tuple lead to a flow in another scope, too: the same packets are captured there again, in one order
    /// or the other.
    ///
    /// The flow's round trips are in doubt from then on: a request and its answer may have been timed by two clocks, at two
    /// places.
    pub fn link(&mut self, packet: &Packet<'_>, scope: Scope, flow: FlowId) -> Option<Seen> {
        let scope = self.scopes.intern(scope);
        let tuple = Tuple::new(packet.transport.protocol(), packet.ends, scope);
        self.tuples.link(&tuple, flow.0, &self.records);
        let record = self.records.get_mut(flow.0 as usize)?;
        record.state.set(State::SEEN_TWICE);
        Some(Seen { flow, side: record.state.side(tuple.from_low), is_new: false, mark: record.mark })
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
        let flow = FlowId(self.tuples.find(&tuple, &self.records)?);
        let record = self.records.get(flow.0 as usize)?;
        let errors = self.icmp_errors.entry(flow).or_default();
        let is_about_only_packet = self.origins.get(flow.0 as usize)?.frame == record.last_frame
            && *errors == 0
            && record.state.side(tuple.from_low) == Side::First;
        *errors = errors.saturating_add(1);
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

    /// Begins a flow with its first packet. As all that is seldom called, it takes copies: what has no address taken stays in
    /// registers from the frame to the counters.
    #[cold]
    fn begin(&mut self, packet: Packet<'_>, tuple: Tuple, arrival: Arrival) -> Seen {
        let number = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        let Arrival { frame, time, .. } = arrival;
        let key = tuple.kept(&mut self.v6);
        self.records.push(Record::start(&packet, key, tuple.from_low, frame, time));
        self.origins.push(Origin::start(frame, time, self.macs.intern(packet.macs)));
        self.sequences.push(Sequences::default());
        self.tuples.set(&tuple, number, &self.records);
        let seen = self.count::<true>(FlowId(number), tuple.from_low, &packet, &arrival);
        seen.unwrap_or(Seen { flow: FlowId(number), side: Side::First, is_new: true, mark: Mark(0) })
    }

    /// Counts a packet on a flow that there is; nothing where the packet begins another one.
    #[inline(always)]
    fn count<const IS_NEW: bool>(
        &mut self,
        flow: FlowId,
        from_low: bool,
        packet: &Packet<'_>,
        arrival: &Arrival,
    ) -> Option<Seen> {
        let place = flow.0 as usize;
        let (record, origin) = (self.records.get_mut(place)?, self.origins.get_mut(place)?);
        let side = record.state.side(from_low);
        if !IS_NEW {
            if record.is_opened_anew(origin, side, &packet.transport) {
                return None;
            }
            // Hardly any packet comes after a second of silence, and what ends a flow is a longer one.
            let silence = record.silence(arrival.time);
            if silence > PAUSE {
                if silence > record.longest_silence() {
                    return None;
                }
                self.silences.note(flow, record, self.heads.is_some());
            }
        }
        let seen = Seen { flow, side, is_new: IS_NEW, mark: record.mark };
        if side == Side::Second && !record.state.has(State::ANSWERED) {
            origin.macs = answered_macs(&mut self.macs, origin.macs, packet.macs);
            record.state = record.state.passed(side, packet.hop_limit);
        }
        let Transport::Tcp(tcp) = &packet.transport else {
            let over = record.count(side, arrival);
            self.carry(flow, side, over);
            return Some(seen);
        };
        let handshake = record.note_tcp(origin, side, tcp);
        let sequences = self.sequences.get_mut(place)?;
        let over = if record.continues(sequences, side, tcp, packet.payload_len) {
            record.count(side, arrival)
        } else {
            self.count_disordered(flow, side, *tcp, *arrival)
        };
        self.carry(flow, side, over);
        if handshake != Handshake::Silent {
            self.note_handshake(flow, handshake, *arrival);
        }
        Some(seen)
    }

    /// Counts a segment that does not continue its stream.
    #[cold]
    fn count_disordered(&mut self, flow: FlowId, side: Side, tcp: Tcp, arrival: Arrival) -> [bool; 3] {
        let payload_len = self.disordered(flow, side, &tcp, arrival.payload_len);
        let record = self.records.get_mut(flow.0 as usize);
        record.map_or([false; 3], |record| record.count(side, &Arrival { payload_len, ..arrival }))
    }

    /// Takes a segment that begins its stream, or does not continue it: how many of its bytes were not sent before.
    fn disordered(&mut self, flow: FlowId, side: Side, tcp: &Tcp, len: u32) -> u32 {
        // What comes with RST is a text about the reset (RFC 9293, section 3.5.3), not the stream's.
        if tcp.flags.has(TcpFlags::RST) {
            return 0;
        }
        let Self { records, sequences, carries, holes, heads, .. } = self;
        let place = flow.0 as usize;
        let (Some(record), Some(sequences)) = (records.get_mut(place), sequences.get_mut(place)) else {
            return len;
        };
        // SYN takes the first sequence number; data may come with it (RFC 7413).
        let has_syn = tcp.flags.has(TcpFlags::SYN);
        let seq = if has_syn { tcp.seq.wrapping_add(1) } else { tcp.seq };
        let [_, _, sent] = record.counters.sent_by(side);
        let went_over = || carries.get(&(flow, side)).is_some_and(|carry| carry.over[2] > 0);
        let is_long = sent >= 1 << 31 || went_over();
        let mut window = record.window(sequences, side, is_long).unwrap_or(Window::at(seq, has_syn));
        let (new, open) = holes.with(flow, side, |holes| {
            if has_syn {
                window.begin(seq, holes);
            }
            let new = if len == 0 { 0 } else { window.take(seq, len, holes) };
            (new, holes.len())
        });
        if let Some(heads) = heads {
            heads.note_holes(flow, side, open);
        }
        record.set_window(sequences, side, window);
        if let Some(again) = len.checked_sub(new).filter(|again| *again > 0) {
            let repeated = &mut carries.entry((flow, side)).or_default().repeated;
            *repeated = repeated.saturating_add(again.into());
        }
        new
    }

    /// Takes note of which counters went over.
    #[inline]
    fn carry(&mut self, flow: FlowId, side: Side, over: [bool; 3]) {
        if over != [false; 3] {
            self.note_carry(flow, side, over);
        }
    }

    #[cold]
    fn note_carry(&mut self, flow: FlowId, side: Side, over: [bool; 3]) {
        let carried = self.carries.entry((flow, side)).or_default();
        for (carried, over) in carried.over.iter_mut().zip(over) {
            *carried = carried.saturating_add(over.into());
        }
    }

    fn note_handshake(&mut self, flow: FlowId, handshake: Handshake, arrival: Arrival) {
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

//! What is kept of a flow, 112 bytes in all while it is read and 96 afterwards, and how packets change it.

use super::key::Key;
use super::sequence::Window;
use super::{Mark, Side};
use crate::frame::{FrameRef, Timestamp};
use crate::packet::{Packet, Protocol, Tcp, TcpFlags, Transport};

/// What every packet of a flow reads or changes: 64 bytes, which is what a processor's cache holds or lacks at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// The tuple, by which the flow is found. Of IPv6, the numbers of the addresses stand in it.
    pub(super) key: Key,
    pub(super) state: State,
    pub(super) mark: Mark,
    pub(super) counters: Counters,
    pub(super) last_frame: FrameRef,
    pub(super) last_time: i64,
}

/// How a flow began, and what its datagrams and segments leave alone. Pairs are of the first side and the second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) frame: FrameRef,
    /// In nanoseconds since 1970, where the record's state says that there is one.
    pub(super) time: i64,
    pub(super) macs: u32,
    /// The places of the round trips by requester, from 1; 0 where there is none.
    pub(super) round_trips: [u32; 2],
    /// The initial sequence number of the side that opened the connection, where the state knows which one did.
    opening_seq: u32,
}

/// The sequence numbers of a flow, of the first side and the second. Nobody wants them once reading has ended.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Sequences {
    /// The sequence number of the first byte of each side, where the record's state knows one.
    first: [u32; 2],
    /// The sequence number behind the last byte that each side sent, where the state knows one.
    next: [u32; 2],
}

/// What a packet adds to its flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) frame: FrameRef,
    pub(super) wire_len: u32,
    /// Of TCP, the bytes that were not sent before.
    pub(super) payload_len: u32,
    pub(super) time: Option<Timestamp>,
}

/// What a TCP segment says about the handshake's round trip.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Handshake {
    /// Nothing.
    Silent,
    /// It is the first answer to a SYN that was the flow's first packet and was sent once.
    Answered,
    /// The answer was sent more than once: what was measured may not count.
    Ambiguous,
}

impl Origin {
    pub(super) fn start(frame: FrameRef, time: Option<Timestamp>, macs: u32) -> Self {
        Self { frame, time: time.map_or(0, Timestamp::nanos), macs, round_trips: [0; 2], opening_seq: 0 }
    }

    /// The same of a flow that began earlier.
    pub(super) const fn after(self, earlier: &Self) -> Self {
        Self { frame: earlier.frame, time: earlier.time, round_trips: earlier.round_trips, ..self }
    }
}

impl Record {
    /// A flow before its first packet is counted.
    pub(super) fn start(
        packet: &Packet<'_>,
        key: Key,
        from_low: bool,
        frame: FrameRef,
        time: Option<Timestamp>,
    ) -> Self {
        Self {
            key,
            state: State::start(packet.transport, from_low, time).passed(Side::First, packet.hop_limit),
            mark: Mark::default(),
            counters: Counters::default(),
            last_frame: frame,
            last_time: 0,
        }
    }

    /// The address of a side as it stands in the tuple, and its port.
    pub(super) const fn end(&self, side: Side) -> (u32, u16) {
        self.key.end(self.state.has(State::FIRST_IS_LOW) == matches!(side, Side::First))
    }

    /// Whether a packet of the same tuple belongs to a new flow.
    #[inline]
    pub(super) fn is_over(
        &self,
        origin: &Origin,
        side: Side,
        transport: &Transport,
        time: Option<Timestamp>,
    ) -> bool {
        self.is_opened_anew(origin, side, transport) || self.is_silent(time)
    }

    /// Whether a packet of the same tuple opens another connection.
    #[inline]
    pub(super) fn is_opened_anew(&self, origin: &Origin, side: Side, transport: &Transport) -> bool {
        let Transport::Tcp(tcp) = transport else { return false };
        tcp.flags.opens() && self.is_reopened(origin.opening_seq, side, tcp.seq)
    }

    /// Counts a packet of the flow. Returns which of the counters began anew from 0.
    #[inline]
    pub(super) fn count(&mut self, side: Side, arrival: &Arrival) -> [bool; 3] {
        if side == Side::Second {
            self.state.set(State::ANSWERED);
        }
        // A packet whose pieces never came is counted late.
        self.last_frame = self.last_frame.max(arrival.frame);
        if let Some(time) = arrival.time {
            // Where time goes backwards, the latest stays.
            let earlier = self.state.has(State::LAST_TIMED) && time.nanos() < self.last_time;
            self.last_time = if earlier { self.last_time } else { time.nanos() };
            self.state.set(State::LAST_TIMED);
        }
        self.counters.add(side, arrival)
    }

    /// Takes a segment's payload where it continues its stream, as nearly all do; false where that takes a closer look.
    #[inline]
    pub(super) fn continues(&self, sequences: &mut Sequences, side: Side, tcp: &Tcp, len: u32) -> bool {
        if tcp.flags.any(TcpFlags::SYN | TcpFlags::RST) {
            return false;
        }
        if len == 0 {
            return true;
        }
        let is_known = self.state.has(State::SEQUENCED.of(side));
        let next = of_mut(&mut sequences.next, side);
        if !is_known || *next != tcp.seq {
            return false;
        }
        *next = tcp.seq.wrapping_add(len);
        true
    }

    /// What is known of a side's sequence numbers.
    pub(super) fn window(&self, sequences: &Sequences, side: Side, is_long: bool) -> Option<Window> {
        self.state.has(State::SEQUENCED.of(side)).then(|| Window {
            base: *of(&sequences.first, side),
            next: *of(&sequences.next, side),
            is_exact: self.state.has(State::BEGUN.of(side)),
            is_long,
        })
    }

    /// Keeps it.
    pub(super) fn set_window(&mut self, sequences: &mut Sequences, side: Side, window: Window) {
        *of_mut(&mut sequences.first, side) = window.base;
        *of_mut(&mut sequences.next, side) = window.next;
        self.state.set(State::SEQUENCED.of(side));
        if window.is_exact {
            self.state.set(State::BEGUN.of(side));
        }
    }

    /// Takes note of a segment's control bits, of which most have none, before it is counted.
    #[inline]
    pub(super) fn note_tcp(&mut self, origin: &mut Origin, side: Side, tcp: &Tcp) -> Handshake {
        if tcp.flags.any(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) {
            self.note_control(origin, side, *tcp)
        } else {
            Handshake::Silent
        }
    }

    fn note_control(&mut self, origin: &mut Origin, side: Side, tcp: Tcp) -> Handshake {
        if tcp.flags.has(TcpFlags::FIN) {
            self.state.set(State::FIN.of(side));
        }
        if tcp.flags.has(TcpFlags::RST) {
            self.state.set(State::RST.of(side));
        }
        if tcp.flags.opens() {
            self.note_syn(origin, side, tcp);
        } else if tcp.flags.accepts() {
            return self.note_syn_ack(origin, side, tcp);
        }
        Handshake::Silent
    }

    fn note_syn(&mut self, origin: &mut Origin, side: Side, tcp: Tcp) {
        if self.state.has(State::SYN.of(side)) {
            self.state.set(State::SYN_REPEATED);
        }
        if self.opener().is_none() {
            self.state.set(State::OPENER.of(side));
            origin.opening_seq = tcp.seq;
        }
        self.state.set(State::SYN.of(side));
    }

    fn note_syn_ack(&mut self, origin: &mut Origin, side: Side, tcp: Tcp) -> Handshake {
        if self.state.has(State::SYN_ACK) {
            self.state.set(State::SYN_ACK_REPEATED);
            return Handshake::Ambiguous;
        }
        self.state.set(State::SYN_ACK);
        let answered = tcp.ack.wrapping_sub(1);
        let Some(opener) = self.opener() else {
            self.state.set(State::OPENER.of(side.other()));
            origin.opening_seq = answered;
            return Handshake::Silent;
        };
        let is_clean = opener != side
            && answered == origin.opening_seq
            && self.state.has(State::SYN.of(Side::First))
            && !self.state.has(State::SYN.of(Side::Second))
            && !self.state.has(State::MID_STREAM)
            && !self.state.has(State::SYN_REPEATED);
        if is_clean { Handshake::Answered } else { Handshake::Silent }
    }

    /// The side that opened the connection, by its SYN or by the answer to it.
    pub(super) fn opener(&self) -> Option<Side> {
        [Side::First, Side::Second].into_iter().find(|side| self.state.has(State::OPENER.of(*side)))
    }

    /// What the flow's first packet was, as far as it decides whether it belongs to a flow before it.
    pub(super) fn opening(&self, origin: &Origin) -> (Transport, Option<Timestamp>) {
        let time = self.state.has(State::FIRST_TIMED).then_some(Timestamp::from_nanos(origin.time));
        let flags = if self.state.has(State::MID_STREAM) { TcpFlags(0) } else { TcpFlags::SYN };
        match self.state.protocol() {
            Protocol::Udp => (Transport::Udp, time),
            Protocol::Tcp => (Transport::Tcp(Tcp { seq: origin.opening_seq, ack: 0, flags }), time),
        }
    }

    pub(super) fn last_time(&self) -> Option<Timestamp> {
        self.state.has(State::LAST_TIMED).then_some(Timestamp::from_nanos(self.last_time))
    }

    /// Whether the flow is silent for so long that a packet of the same tuple belongs to a new one.
    pub(super) fn is_silent(&self, now: Option<Timestamp>) -> bool {
        self.silence(now) > self.longest_silence()
    }

    /// The longest silence that the flow outlives, in nanoseconds.
    pub(super) const fn longest_silence(&self) -> i64 {
        if self.state.has(State::UDP) { UDP_SILENCE } else { TCP_SILENCE }
    }

    /// How many nanoseconds nothing was heard; negative where time goes backwards.
    #[inline]
    pub(super) fn silence(&self, time: Option<Timestamp>) -> i64 {
        match (time, self.last_time()) {
            (Some(now), Some(last)) => now.nanos().saturating_sub(last.nanos()),
            _ => 0,
        }
    }

    /// Whether a SYN with this sequence number opens another connection than the flow's.
    fn is_reopened(&self, opening_seq: u32, side: Side, seq: u32) -> bool {
        match self.opener() {
            Some(opener) if opener == side => seq != opening_seq,
            // Both may open at once (RFC 9293, section 3.5), until one was accepted.
            Some(_) => self.state.has(State::SYN_ACK),
            None => true,
        }
    }
}

pub(super) const fn of<T>(pair: &[T; 2], side: Side) -> &T {
    match side {
        Side::First => &pair[0],
        Side::Second => &pair[1],
    }
}

pub(super) const fn of_mut<T>(pair: &mut [T; 2], side: Side) -> &mut T {
    match side {
        Side::First => &mut pair[0],
        Side::Second => &mut pair[1],
    }
}

/// Packets and bytes each way, modulo 2^32: what goes over is carried elsewhere, since hardly any flow needs it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Counters {
    first: [u32; 3],
    second: [u32; 3],
}

impl Counters {
    #[inline]
    fn add(&mut self, side: Side, arrival: &Arrival) -> [bool; 3] {
        let [packets, wire, payload] = match side {
            Side::First => &mut self.first,
            Side::Second => &mut self.second,
        };
        let mut wrapped = [false; 3];
        (*packets, wrapped[0]) = packets.overflowing_add(1);
        (*wire, wrapped[1]) = wire.overflowing_add(arrival.wire_len);
        (*payload, wrapped[2]) = payload.overflowing_add(arrival.payload_len);
        wrapped
    }

    /// Replaces what a side sent.
    pub(super) const fn set(&mut self, side: Side, sent: [u32; 3]) {
        match side {
            Side::First => self.first = sent,
            Side::Second => self.second = sent,
        }
    }

    /// Packets, bytes on the wire, bytes of payload that were new.
    pub(super) const fn sent_by(&self, side: Side) -> [u32; 3] {
        match side {
            Side::First => self.first,
            Side::Second => self.second,
        }
    }
}

/// What a packet had come through before it was captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Passage {
    /// No router: it was captured at its sender, or on the sender's own network.
    Direct,
    /// At least one router.
    Routed,
}

/// What was seen of a flow, a bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct State(u32);

impl State {
    pub(super) const UDP: Self = Self(1);
    /// The first side is the lower end of the tuple.
    pub(super) const FIRST_IS_LOW: Self = Self(1 << 1);
    pub(super) const FIRST_TIMED: Self = Self(1 << 2);
    pub(super) const LAST_TIMED: Self = Self(1 << 3);
    pub(super) const ANSWERED: Self = Self(1 << 4);
    pub(super) const MID_STREAM: Self = Self(1 << 5);
    pub(super) const SYN_ACK: Self = Self(1 << 6);
    pub(super) const SYN_REPEATED: Self = Self(1 << 7);
    /// The shortest round trip of the first side is the handshake's.
    pub(super) const HANDSHAKE_TIMED: Self = Self(1 << 8);
    /// Its packets were captured on more than one interface.
    pub(super) const SEEN_TWICE: Self = Self(1 << 9);
    pub(super) const SYN_ACK_REPEATED: Self = Self(1 << 14);
    // What follows is of the first side; the second side's is the next bit.
    /// A packet of the side left the capturing machine.
    pub(super) const OUTBOUND: Self = Self(1 << 10);
    /// A packet of the side reached it.
    pub(super) const INBOUND: Self = Self(1 << 12);
    pub(super) const SYN: Self = Self(1 << 16);
    pub(super) const OPENER: Self = Self(1 << 18);
    pub(super) const FIN: Self = Self(1 << 20);
    pub(super) const RST: Self = Self(1 << 22);
    /// The side's first packet was captured with the hop limit that it was sent with.
    const DIRECT: Self = Self(1 << 24);
    /// It had passed routers before.
    const ROUTED: Self = Self(1 << 26);
    /// A sequence number of the side was seen.
    pub(super) const SEQUENCED: Self = Self(1 << 28);
    /// The side's first byte is known by its SYN.
    pub(super) const BEGUN: Self = Self(1 << 30);

    /// Takes note of the hop limit of a side's first packet. Systems send with 64, 128 or 255; a low one is set by a program
    /// that traces a route or wants to stay near, and says nothing.
    pub(super) const fn passed(self, side: Side, hop_limit: u8) -> Self {
        match hop_limit {
            64 | 128 | 255 => Self(self.0 | Self::DIRECT.of(side).0),
            0..=32 => self,
            _ => Self(self.0 | Self::ROUTED.of(side).0),
        }
    }

    pub(super) const fn passage(self, side: Side) -> Option<Passage> {
        if self.has(Self::DIRECT.of(side)) {
            Some(Passage::Direct)
        } else if self.has(Self::ROUTED.of(side)) {
            Some(Passage::Routed)
        } else {
            None
        }
    }

    /// The state of a flow that is SYNs and then this one, which begins with the same SYN again.
    pub(super) const fn after_syns(self, syns: Self) -> Self {
        let of_first = Self::FIRST_TIMED.0 | Self::DIRECT.0 | Self::ROUTED.0;
        let state = self.0 & !of_first & !Self::HANDSHAKE_TIMED.0 | syns.0 & of_first;
        Self(state | Self::SYN_REPEATED.0)
    }

    pub(super) const fn has(self, bits: Self) -> bool {
        self.0 & bits.0 == bits.0
    }

    pub(super) const fn set(&mut self, bits: Self) {
        self.0 |= bits.0;
    }

    pub(super) const fn clear(&mut self, bits: Self) {
        self.0 &= !bits.0;
    }

    /// The bit of a side.
    pub(super) const fn of(self, side: Side) -> Self {
        match side {
            Side::First => self,
            Side::Second => Self(self.0 << 1),
        }
    }

    /// The state of a flow before its first packet is counted.
    pub(super) fn start(transport: Transport, from_low: bool, time: Option<Timestamp>) -> Self {
        let mut state = Self::default();
        match transport {
            Transport::Udp => state.set(Self::UDP),
            Transport::Tcp(tcp) if !tcp.flags.opens() => state.set(Self::MID_STREAM),
            Transport::Tcp(_) => {}
        }
        if from_low {
            state.set(Self::FIRST_IS_LOW);
        }
        if time.is_some() {
            state.set(Self::FIRST_TIMED);
        }
        state
    }

    pub(super) const fn protocol(self) -> Protocol {
        if self.has(Self::UDP) { Protocol::Udp } else { Protocol::Tcp }
    }

    /// The side of a sender who is, or is not, the lower end of the tuple.
    #[inline]
    pub(super) const fn side(self, from_low: bool) -> Side {
        if self.has(Self::FIRST_IS_LOW) == from_low { Side::First } else { Side::Second }
    }
}

/// RFC 5382, REQ-5: a mapping of an established connection lives at least 2 hours and 4 minutes. In nanoseconds.
const TCP_SILENCE: i64 = (2 * 3600 + 4 * 60) * 1_000_000_000;
/// RFC 4787, section 4.3, REQ-5: 5 minutes or more are recommended for a mapping. In nanoseconds.
const UDP_SILENCE: i64 = 5 * 60 * 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_takes_112_bytes() {
        assert_eq!((size_of::<Record>(), size_of::<Origin>(), size_of::<Sequences>()), (64, 32, 16));
    }
}

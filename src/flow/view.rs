//! A flow as others read it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::pause::Burst;
use super::record::{Origin, Passage, Record, State};
use super::{FlowId, Flows, Mark, Scope, Side};
use crate::frame::{FrameRef, Timestamp};
use crate::packet::{Endpoint, Mac, Protocol};

/// One flow of [`Flows`].
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    pub(super) flows: &'a Flows,
    pub(super) id: FlowId,
    pub(super) record: &'a Record,
    pub(super) origin: &'a Origin,
}

impl Flow<'_> {
    /// Its number.
    #[must_use]
    pub const fn id(&self) -> FlowId {
        self.id
    }

    /// Its transport protocol.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.record.state.protocol()
    }

    /// An end's address and port.
    #[must_use]
    pub fn endpoint(&self, side: Side) -> Endpoint {
        let (address, port) = self.record.end(side);
        let address = if self.record.key.is_v6() {
            // Each record holds numbers that its own table gave out.
            IpAddr::V6(self.flows.v6.get(address).unwrap_or(Ipv6Addr::UNSPECIFIED))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(address))
        };
        Endpoint { address, port }
    }

    /// Where it was captured.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.flows.scopes.get(self.record.key.scope_number()).unwrap_or_default()
    }

    /// An end's link-layer address on the captured link: the machine's own, or that of the router it is behind.
    #[must_use]
    pub fn mac(&self, side: Side) -> Option<Mac> {
        let macs = self.flows.macs.get(self.origin.macs)?;
        of([macs.from, macs.to], side)
    }

    /// The packets that a side sent.
    #[must_use]
    pub fn packets(&self, from: Side) -> u64 {
        self.counter(from, 0)
    }

    /// The bytes on the wire that a side sent, with all headers that were captured.
    #[must_use]
    pub fn wire_bytes(&self, from: Side) -> u64 {
        self.counter(from, 1)
    }

    /// The bytes of TCP or UDP payload that a side sent, by their length on the wire. Each byte of a TCP stream counts once,
    /// however often and in whatever order it came; where a stream has more holes at once than are kept, bytes that fill a
    /// forgotten one count as sent again.
    #[must_use]
    pub fn payload_bytes(&self, from: Side) -> u64 {
        self.counter(from, 2)
    }

    /// What both sides said, told apart by pauses of a second and more; `None` where not all of these are known, as for flows to
    /// other ports than 443.
    #[must_use]
    pub fn bursts(&self) -> Option<Vec<Burst>> {
        let sent = [Side::First, Side::Second].map(|side| self.payload_bytes(side));
        self.flows.silences.bursts(self.id, self.record, sent)
    }

    /// The bytes of TCP payload that a side sent again: retransmissions, overlaps, keep-alives.
    #[must_use]
    pub fn repeated_bytes(&self, from: Side) -> u64 {
        self.flows.carries.get(&(self.id, from)).map_or(0, |carry| carry.repeated)
    }

    /// Whether packets came from both sides.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        self.record.state.has(State::ANSWERED)
    }

    /// The frame of its first packet.
    #[must_use]
    pub const fn first_frame(&self) -> FrameRef {
        self.origin.frame
    }

    /// The frame of its last packet in the order of the capture.
    #[must_use]
    pub const fn last_frame(&self) -> FrameRef {
        self.record.last_frame
    }

    /// The time of its first packet, where that has one.
    #[must_use]
    pub fn first_time(&self) -> Option<Timestamp> {
        self.flows.first_time(self.id)
    }

    /// The latest time of its packets, where any has one. That is the last packet's, unless time went backwards.
    #[must_use]
    pub fn last_time(&self) -> Option<Timestamp> {
        self.record.last_time()
    }

    /// The shortest time from a side's request to the other's answer, as seen at the place of capture.
    ///
    /// TCP handshakes count where neither SYN nor answer was seen twice (Karn's rule), ICMP errors from the addressed
    /// machine itself about a flow's only packet, and what was noted by [`Flows::note_round_trip`]. It is as fine as the
    /// capture's clock.
    #[must_use]
    pub fn round_trip(&self, requester: Side) -> Option<RoundTrip> {
        let place = of(self.origin.round_trips, requester).checked_sub(1)?;
        self.flows.round_trips.get(place as usize).copied()
    }

    /// Whether a side's first packet had passed routers before it was captured, by its IPv4 time to live or IPv6 hop limit;
    /// `None` where that does not tell.
    #[must_use]
    pub const fn passage(&self, side: Side) -> Option<Passage> {
        self.record.state.passage(side)
    }

    /// Whether its packets were captured on more than one interface, so that two clocks or places may have timed it.
    #[must_use]
    pub const fn is_seen_twice(&self) -> bool {
        self.record.state.has(State::SEEN_TWICE)
    }

    /// The side whose packets left the capturing machine, by the word of the capture; `None` where it does not say, or says
    /// it of both.
    #[must_use]
    pub fn outbound(&self) -> Option<Side> {
        let sent_by = |side: Side| {
            let state = self.record.state;
            state.has(State::OUTBOUND.of(side)) || state.has(State::INBOUND.of(side.other()))
        };
        match (sent_by(Side::First), sent_by(Side::Second)) {
            (true, false) => Some(Side::First),
            (false, true) => Some(Side::Second),
            _ => None,
        }
    }

    /// Whether nothing more is to be expected of it at a time: it is silent for so long that its next packet begins a new
    /// flow, or both ends closed the connection, or somebody reset it.
    #[must_use]
    pub fn is_over(&self, now: Option<Timestamp>) -> bool {
        let state = self.record.state;
        let both = |bit: State| [Side::First, Side::Second].map(|side| state.has(bit.of(side)));
        let is_closed = both(State::FIN) == [true; 2] || both(State::RST) != [false; 2];
        is_closed || self.record.is_silent(now)
    }

    /// What was kept with it by [`Flows::set_mark`].
    #[must_use]
    pub const fn mark(&self) -> Mark {
        self.record.mark
    }

    /// How many ICMP errors were about it.
    #[must_use]
    pub fn icmp_errors(&self) -> u32 {
        self.flows.icmp_errors.get(&self.id).copied().unwrap_or_default()
    }

    /// What was seen of the TCP connection; `None` for UDP.
    #[must_use]
    pub fn tcp(&self) -> Option<TcpState> {
        (self.protocol() == Protocol::Tcp)
            .then_some(TcpState { state: self.record.state, opener: self.record.opener() })
    }

    fn counter(&self, from: Side, which: usize) -> u64 {
        let counted = self.record.counters.sent_by(from).get(which).copied().map_or(0, u64::from);
        self.carried(from, which) << 32 | counted
    }

    /// How often a counter went over 2^32.
    fn carried(&self, from: Side, which: usize) -> u64 {
        let carried = self.flows.carries.get(&(self.id, from)).and_then(|carry| carry.over.get(which));
        carried.copied().map_or(0, u64::from)
    }
}

/// A request and its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RoundTrip {
    /// The time between them.
    pub rtt: Duration,
    /// The frame of the answer.
    pub reply: FrameRef,
    /// What was asked and answered.
    pub method: Method,
}

/// What kind of request and answer a round trip is made of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Method {
    /// A DNS question and its answer (RFC 1035, section 4.1).
    Dns,
    /// A client's greeting and the server's reply, in a layer of the client's own.
    Greeting,
    /// A TCP SYN and its answer (RFC 9293, section 3.5).
    Handshake,
    /// A packet and the ICMP error that its receiver sent about it.
    IcmpError,
    /// A client's request that keeps a socket alive, and the server's reply.
    KeepAlive,
    /// A client's first QUIC Initial and the first packet that answers it (RFC 9000, section 17.2.2).
    Quic,
    /// A STUN transaction (RFC 8489, section 6).
    Stun,
}

impl Method {
    /// The method in words: "a TCP handshake".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Dns => "a DNS question and its answer",
            Self::Greeting => "a hello and its reply",
            Self::Handshake => "a TCP handshake",
            Self::IcmpError => "a packet and the ICMP error about it",
            Self::KeepAlive => "a keep-alive and its reply",
            Self::Quic => "a QUIC Initial and its answer",
            Self::Stun => "a STUN request and its answer",
        }
    }
}

/// What was seen of a TCP connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpState {
    state: State,
    opener: Option<Side>,
}

impl TcpState {
    /// The side that opened the connection, by its SYN or by the answer to it; `None` where neither was seen.
    #[must_use]
    pub const fn opener(self) -> Option<Side> {
        self.opener
    }

    /// Whether a side's SYN (without ACK) was seen.
    #[must_use]
    pub const fn syn(self, from: Side) -> bool {
        self.state.has(State::SYN.of(from))
    }

    /// Whether the answer to a SYN was seen (SYN with ACK).
    #[must_use]
    pub const fn syn_ack(self) -> bool {
        self.state.has(State::SYN_ACK)
    }

    /// Whether a side ended its direction (FIN).
    #[must_use]
    pub const fn fin(self, from: Side) -> bool {
        self.state.has(State::FIN.of(from))
    }

    /// Whether a side, or somebody in its name, reset the connection (RST).
    #[must_use]
    pub const fn rst(self, from: Side) -> bool {
        self.state.has(State::RST.of(from))
    }

    /// Whether the capture joined the connection after its first SYN.
    #[must_use]
    pub const fn is_mid_stream(self) -> bool {
        self.state.has(State::MID_STREAM)
    }
}

const fn of<T: Copy>(pair: [T; 2], side: Side) -> T {
    match side {
        Side::First => pair[0],
        Side::Second => pair[1],
    }
}

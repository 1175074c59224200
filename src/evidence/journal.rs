//! Which packets of a piece of a capture have to be read again where their flow goes on from the piece before.
//!
//! Input: each packet of a flow that may go on, while it is young or something was read of it. Output: their frames, in order.
//! Must not: keep a packet, or more than [`MAX_NOTED`] frames; past it the piece is of no use, and that is said.
//!
//! A flow that begins with a SYN, or with a datagram after a silence that no flow outlives, goes on from nowhere. Of all others
//! the first [`HEAD`] packets are noted, and of the later ones those that a reader read. How many were noted stands in the
//! flow's mark, beside what is still wanted of the flow.

use crate::flow::{FlowId, Mark};
use crate::frame::{FrameRef, Timestamp};
use crate::packet::{Packet, Transport};

/// The first packets of a flow, all of which are noted: more than any reader wants of a flow that it does not know.
pub(super) const HEAD: u8 = 32;
/// How long after a piece's first frame a datagram may belong to a flow of the piece before, in nanoseconds: 5 minutes, the
/// silence that ends a flow of UDP.
const SILENCE: i64 = 5 * 60 * 1_000_000_000;
const MAX_NOTED: usize = 1 << 20;

/// A packet that may have to be read again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Noted {
    /// Its frame in the piece.
    pub frame: FrameRef,
    /// Its flow in the piece; `None` for an ICMP error about no flow of the piece so far.
    pub flow: Option<FlowId>,
    /// Whether the flow begins with it.
    pub begins: bool,
    /// Whether it lies behind its flow's first packets, all of which are noted: then its flow's sums count it.
    pub is_counted: bool,
    /// How many requests the piece had remembered before it.
    pub(super) requests: u32,
    /// Whether it was a request that was remembered.
    pub(super) asks: bool,
    /// How many DNS answers in it nobody in the piece asked for.
    pub(super) unasked: u16,
}

/// The packets noted.
#[derive(Default, Debug)]
pub(super) struct Journal {
    pub(super) noted: Vec<Noted>,
    start: Option<Timestamp>,
    pub(super) is_full: bool,
}

impl Journal {
    /// Takes note of a packet.
    pub(super) fn push(&mut self, noted: Noted) {
        if self.noted.len() < MAX_NOTED {
            self.noted.push(noted);
        } else {
            self.is_full = true;
        }
    }

    /// Whether a flow that begins with this packet may have begun before the piece.
    pub(super) fn may_go_on(&mut self, packet: &Packet<'_>, time: Option<Timestamp>) -> bool {
        let start = *self.start.get_or_insert(time.unwrap_or(Timestamp::from_nanos(0)));
        match packet.transport {
            Transport::Tcp(tcp) => !tcp.flags.opens(),
            Transport::Udp => time.is_none_or(|time| time.nanos().saturating_sub(start.nanos()) <= SILENCE),
        }
    }
}

/// How many packets of a flow were noted as its first ones.
#[expect(clippy::cast_possible_truncation, reason = "it takes six bits")]
pub(super) const fn noted(mark: Mark) -> u8 {
    (mark.0 >> 2) as u8 & 0x3F
}

/// Whether a flow's first packets were noted.
#[inline]
pub(super) const fn is_past_head(mark: Mark) -> bool {
    noted(mark) == HEAD
}

/// A mark with that number.
pub(super) const fn with_noted(mark: Mark, noted: u8) -> Mark {
    Mark(mark.0 & !0xFC | (noted as u32) << 2)
}

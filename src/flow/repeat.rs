//! Packets that are seen again on another interface: one packet, captured twice.
//!
//! Input: packets with the interface they were captured on. Output: whether the packet was seen a moment ago on another one,
//! and on which flow it was counted. Must not: take a retransmission on the same interface for such a packet, or remember
//! more than [`MAX_REMEMBERED`] packets.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap};

use super::FlowId;
use crate::frame::Timestamp;
use crate::packet::{Packet, Transport};

/// Packets that are remembered at once; then the oldest is forgotten.
const MAX_REMEMBERED: usize = 8_192;
/// How far apart two sightings of one packet may be. Between the interfaces of a machine it is microseconds; nothing
/// repeats the same bytes within this on purpose. In nanoseconds.
const WINDOW: i64 = 10_000_000;

/// The packets seen a moment ago. Only for captures that have several interfaces.
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    hasher: DefaultHashBuilder,
    recent: HashMap<u64, Sighting>,
    order: VecDeque<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Sighting {
    interface: u64,
    time: Timestamp,
    flow: FlowId,
}

/// What makes a packet the same one. Its hop limit does not: a router may have passed it on between the two sightings.
#[derive(Clone, Copy, Debug)]
pub struct Digest(u64);

impl Sightings {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The digest of a packet.
    #[must_use]
    pub fn digest(&self, packet: &Packet<'_>) -> Digest {
        let tcp = match packet.transport {
            Transport::Tcp(tcp) => Some((tcp.seq, tcp.ack, tcp.flags.0)),
            Transport::Udp => None,
        };
        Digest(self.hasher.hash_one((packet.ends, packet.tunnel, tcp, packet.payload_len, packet.payload)))
    }

    /// The flow that the packet was counted on a moment ago, where it was seen on another interface.
    #[must_use]
    pub fn repeated(&self, digest: Digest, interface: u64, time: Option<Timestamp>) -> Option<FlowId> {
        let seen = self.recent.get(&digest.0)?;
        let apart = time?.nanos().saturating_sub(seen.time.nanos()).saturating_abs();
        (seen.interface != interface && apart <= WINDOW).then_some(seen.flow)
    }

    /// Remembers a packet that was counted.
    pub fn remember(&mut self, digest: Digest, interface: u64, time: Option<Timestamp>, flow: FlowId) {
        let Some(time) = time else { return };
        if self.recent.insert(digest.0, Sighting { interface, time, flow }).is_some() {
            return;
        }
        self.order.push_back(digest.0);
        if self.order.len() > MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.recent.remove(&oldest);
        }
    }
}

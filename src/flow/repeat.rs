//! Packets that are seen again on another interface: one packet, captured twice.
//!
//! Input: packets with the interface they were captured on. Output: whether the packet was seen a moment ago on another one,
//! and on which flow it was counted. Must not: take a retransmission on the same interface for such a packet, or remember
//! more than [`MAX_REMEMBERED`] packets.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap};

use super::FlowId;
use super::by_flow::renumber;
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

    /// The digest of a packet; `None` where not all of its payload was captured, since what is missing may differ.
    #[must_use]
    pub fn digest(&self, packet: &Packet<'_>) -> Option<Digest> {
        if packet.payload.len() as u64 != u64::from(packet.payload_len) {
            return None;
        }
        let tcp = match packet.transport {
            Transport::Tcp(tcp) => Some((tcp.seq, tcp.ack, tcp.flags.0)),
            Transport::Udp => None,
        };
        Some(Digest(self.hasher.hash_one((packet.ends, packet.tunnel, tcp, packet.payload))))
    }

    /// The flow that the packet was counted on a moment ago, where it was seen on another interface.
    #[must_use]
    pub fn repeated(&self, digest: Digest, interface: u64, time: Option<Timestamp>) -> Option<FlowId> {
        let seen = self.recent.get(&digest.0)?;
        let apart = time?.nanos().saturating_sub(seen.time.nanos()).saturating_abs();
        (seen.interface != interface && apart <= WINDOW).then_some(seen.flow)
    }

    /// Forgets packets of flows to which `number` gives no new number, and takes the new ones of the others.
    pub fn retain(&mut self, number: impl Fn(FlowId) -> Option<FlowId>) {
        let Self { recent, order, .. } = self;
        recent.retain(|_, sighting| renumber(&mut sighting.flow, &number));
        order.retain(|digest| recent.contains_key(digest));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::LinkType;
    use crate::packet::{Decoded, decode};

    /// A UDP datagram with these last bytes.
    fn datagram(last: [u8; 2]) -> Vec<u8> {
        let head = [0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 5, 192, 0, 2, 1];
        [&head[..], &[0x9C, 0x40, 0x22, 0x61, 0, 10, 0, 0], &last].concat()
    }

    #[test]
    fn a_packet_is_seen_again_on_another_interface_within_moments() {
        let mut sightings = Sightings::new();
        let at = |micros: i64| Some(Timestamp::from_nanos(micros * 1_000));
        let mut seen = |data: &[u8], interface, time| {
            let Decoded::Packet(packet) = decode(LinkType::RAW, data, 30) else { panic!() };
            let digest = sightings.digest(&packet).unwrap();
            let repeated = sightings.repeated(digest, interface, time);
            if repeated.is_none() {
                sightings.remember(digest, interface, time, FlowId(7));
            }
            repeated.is_some()
        };
        let (data, other) = (datagram([1, 2]), datagram([1, 3]));
        assert!(!seen(&data, 1, at(0)));
        assert!(!seen(&data, 1, at(5)), "sent again on the same interface");
        assert!(seen(&data, 2, at(40)) && seen(&data, 3, at(50)), "on two more");
        let mut routed = data.clone();
        routed[8] = 63;
        assert!(seen(&routed, 2, at(60)), "passed on by a router in between");
        assert!(seen(&data, 2, at(1)), "clocks of two interfaces may differ");
        assert!(!seen(&other, 2, at(60)), "another packet");
        assert!(!seen(&data, 2, at(20_000)), "too late");
        assert!(!seen(&data, 2, None) && !seen(&data, 3, None), "without a time nothing is a moment ago");
    }

    #[test]
    fn a_packet_that_was_cut_is_never_the_same_as_another() {
        let data = datagram([1, 2]);
        let Decoded::Packet(packet) = decode(LinkType::RAW, &data[..29], 30) else { panic!() };
        assert!(Sightings::new().digest(&packet).is_none());
    }

    #[test]
    fn a_flood_is_forgotten() {
        let mut sightings = Sightings::new();
        for number in 0..=u64::try_from(MAX_REMEMBERED).unwrap() {
            sightings.remember(Digest(number), 1, Some(Timestamp::from_nanos(0)), FlowId(0));
        }
        assert!(sightings.recent.len() <= MAX_REMEMBERED && sightings.order.len() <= MAX_REMEMBERED);
    }
}

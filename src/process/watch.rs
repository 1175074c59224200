//! New flows among the frames that are captured, told to the thread that asks the system.
//!
//! Input: every frame. Output: the ends of flows that were not seen lately. Must not: allocate or wait; what comes too fast is
//! counted and passed over.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};

use super::attributor::Message;
use crate::frame::LinkType;
use crate::packet::{self, Decoded, Endpoint, Packet, Transport};
use crate::source::owners::SocketEnds;

/// Looks at frames for new flows. One for each thread that has frames.
#[derive(Debug)]
pub struct Watch {
    to: SyncSender<Message>,
    unasked: Arc<AtomicU64>,
    hasher: RandomState,
    /// What was seen lately, by the low bits of its hash.
    seen: Box<[u64]>,
}

impl Watch {
    pub(super) fn new(to: SyncSender<Message>, unasked: Arc<AtomicU64>) -> Self {
        Self { to, unasked, hasher: RandomState::new(), seen: vec![0; SLOTS].into() }
    }

    /// Looks at a frame. Costs as much as decoding its headers.
    pub fn offer(&mut self, frame: &[u8], link: LinkType) {
        let wire_len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        if let Some(packet) = packet::plain(link, frame, wire_len) {
            self.packet(&packet);
        } else if let Decoded::Packet(packet) = packet::decode(link, frame, wire_len) {
            self.packet(&packet);
        }
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        let (from, to) = (packet.from(), packet.to());
        let (is_tcp, opens) = match &packet.transport {
            Transport::Tcp(tcp) => (true, tcp.flags.opens()),
            Transport::Udp => (false, false),
        };
        let ends = SocketEnds::new(is_tcp, address(from), address(to));
        // The same for both directions.
        let hash = self.hasher.hash_one((is_tcp, ends.local.min(ends.remote), ends.local.max(ends.remote)));
        let place = usize::try_from(hash & 0xffff_ffff).unwrap_or(0) % SLOTS;
        let Some(slot) = self.seen.get_mut(place) else { return };
        // A slot that was never used holds a number that a flow has one time in 2^64.
        if *slot == hash && !opens {
            return;
        }
        *slot = hash;
        match self.to.try_send(Message::Flow(ends)) {
            Err(TrySendError::Full(_)) => drop(self.unasked.fetch_add(1, Ordering::Relaxed)),
            // Whoever would have asked is gone; frames go on.
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
        }
    }
}

fn address(end: Endpoint) -> SocketAddr {
    SocketAddr::new(end.address, end.port)
}

/// Flows that are known to have been seen, 8 bytes each.
const SLOTS: usize = 1 << 14;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    /// A UDP packet over raw IP.
    fn udp(from: [u8; 4], to: [u8; 4], ports: [u8; 4]) -> Vec<u8> {
        [&[0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0][..], &from, &to, &ports, &[0, 8, 0, 0]].concat()
    }

    #[test]
    fn a_flow_is_told_once_whatever_its_direction_and_what_is_too_fast_is_counted() {
        let (to, told) = sync_channel(2);
        let unasked = Arc::default();
        let mut watch = Watch::new(to, Arc::clone(&unasked));
        let (a, b) = ([192, 0, 2, 1], [198, 51, 100, 7]);
        for _ in 0..3 {
            watch.offer(&udp(a, b, [1, 2, 3, 4]), LinkType::RAW);
            watch.offer(&udp(b, a, [3, 4, 1, 2]), LinkType::RAW);
        }
        let Ok(Message::Flow(ends)) = told.try_recv() else { panic!("a flow") };
        assert_eq!(
            (ends.is_tcp, ends.local.to_string(), ends.remote.port()),
            (false, "192.0.2.1:258".to_owned(), 0x0304)
        );
        assert!(told.try_recv().is_err());
        for port in 0..5 {
            watch.offer(&udp(a, b, [9, port, 3, 4]), LinkType::RAW);
        }
        watch.offer(&[0x45, 0], LinkType::RAW);
        assert_eq!((told.try_iter().count(), unasked.load(Ordering::Relaxed)), (2, 3));
        drop(told);
        watch.offer(&udp(a, b, [8, 1, 3, 4]), LinkType::RAW);
    }
}

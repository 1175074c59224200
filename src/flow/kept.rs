//! Flows that leave the tables so that others find room, and what the tables take.
//!
//! Input: which flows stay. Output: tables without the others, and the new numbers of those that stay; how many bytes the
//! tables fill. Must not: choose, or let anything of a hash key's chance into a number.

use std::mem::take;

use super::by_flow::{renumbered, retain_by, table_bytes};
use super::record::{Origin, Record, Sequences};
use super::table::Tuples;
use super::{Carry, FlowId, Flows, RoundTrip, Side};

impl Flows {
    /// The bytes that the flows fill.
    ///
    /// Hash tables count as if they had just grown, and lists by what is in them: what they hold in reserve was never
    /// touched, or is filled again.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.records.len() * (size_of::<Record>() + size_of::<Origin>() + size_of::<Sequences>())
            + self.tuples.bytes()
            + self.v6.bytes()
            + self.scopes.bytes()
            + self.macs.bytes()
            + self.round_trips.len() * size_of::<RoundTrip>()
            + table_bytes::<((FlowId, Side), Carry)>(self.carries.len())
            + table_bytes::<(FlowId, u32)>(self.icmp_errors.len())
            + self.holes.bytes()
            + self.silences.bytes()
    }

    /// Takes the flows out that do not stay, with all that is kept of them; gives each flow its new number, which follows
    /// the order of the old ones, and nothing for those that are gone. A later packet of such a tuple begins a new flow.
    pub fn retain(&mut self, stays: impl Fn(FlowId) -> bool) -> Vec<Option<FlowId>> {
        let mut next = 0;
        let all = (0..).map(FlowId).take(self.records.len());
        let numbers: Vec<Option<FlowId>> = all
            .map(|flow| {
                let number = FlowId(next);
                stays(flow).then(|| {
                    next += 1;
                    number
                })
            })
            .collect();
        let number = |flow: FlowId| numbers.get(flow.0 as usize).copied().flatten();
        retain_by(&mut self.records, &numbers);
        retain_by(&mut self.origins, &numbers);
        retain_by(&mut self.sequences, &numbers);
        self.tuples.retain(|flow| number(FlowId(flow)).map(|flow| flow.0));
        self.retain_addresses();
        self.retain_round_trips();
        self.carries = take(&mut self.carries)
            .into_iter()
            .filter_map(|((flow, side), carry)| Some(((number(flow)?, side), carry)))
            .collect();
        self.icmp_errors = renumbered(take(&mut self.icmp_errors), number);
        let holes = take(&mut self.holes);
        self.holes.append(holes, number);
        self.silences.retain(number);
        numbers
    }

    /// Frees what only reading needs: no packet finds its flow afterwards.
    pub fn free(&mut self) {
        self.tuples = Tuples::default();
        self.sequences = Vec::new();
        self.heads = None;
    }

    /// Keeps those IPv6 addresses that a flow still has, by new numbers.
    fn retain_addresses(&mut self) {
        let before = take(&mut self.v6);
        for record in self.records.iter_mut().filter(|record| record.key.is_v6()) {
            for address in [&mut record.key.low, &mut record.key.high] {
                // Each record holds numbers that its own table gave out.
                *address = self.v6.intern(before.halves(*address).unwrap_or_default());
            }
        }
    }

    fn retain_round_trips(&mut self) {
        let before = take(&mut self.round_trips);
        for place in self.origins.iter_mut().flat_map(|origin| &mut origin.round_trips) {
            let trip = place.checked_sub(1).and_then(|place| before.get(place as usize));
            *place = trip.map_or(0, |trip| {
                self.round_trips.push(*trip);
                u32::try_from(self.round_trips.len()).unwrap_or(0)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Scope;
    use crate::frame::{FrameRef, LinkType, Timestamp};
    use crate::packet::{Decoded, decode};

    /// A datagram of ten bytes from a port of 10.0.0.5, or of its IPv6 neighbour, to 192.0.2.1 or `2001:db8::1`.
    fn datagram(port: u16, is_v6: bool) -> Vec<u8> {
        let udp = [port.to_be_bytes(), 9000_u16.to_be_bytes(), 18_u16.to_be_bytes(), [0, 0]].concat();
        let ip = if is_v6 {
            let mut ip = vec![0x60, 0, 0, 0, 0, 18, 17, 64];
            let [high, low] = port.to_be_bytes();
            ip.extend([0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, low]);
            ip.extend([0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
            ip
        } else {
            vec![0x45, 0, 0, 38, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 5, 192, 0, 2, 1]
        };
        [ip, udp, vec![7; 10]].concat()
    }

    fn observe(flows: &mut Flows, number: u64, bytes: &[u8]) -> (FlowId, bool) {
        let len = u32::try_from(bytes.len()).unwrap();
        let Decoded::Packet(packet) = decode(LinkType::RAW, bytes, len) else { panic!() };
        let time = Timestamp::from_nanos(i64::try_from(number).unwrap());
        let seen = flows.observe(&packet, Scope::default(), FrameRef::new(0, number), len, Some(time));
        (seen.flow, seen.is_new)
    }

    #[test]
    fn flows_that_stay_are_as_before_and_those_that_left_begin_anew() {
        let packets: Vec<Vec<u8>> = (0..600).map(|n| datagram(1000 + n, n % 3 == 0)).collect();
        let mut flows = Flows::new();
        let mut frames = 0;
        for packet in packets.iter().chain(&packets) {
            frames += 1;
            observe(&mut flows, frames, packet);
        }
        let said = |flows: &Flows| -> Vec<_> {
            let all = flows.iter().map(|flow| {
                let ends = [Side::First, Side::Second].map(|side| flow.endpoint(side));
                (
                    ends,
                    flow.packets(Side::First),
                    flow.first_frame(),
                    flow.last_frame(),
                    flow.round_trip(Side::First),
                )
            });
            all.collect()
        };
        for flow in (0..600).map(FlowId) {
            let trip = RoundTrip {
                rtt: std::time::Duration::from_millis(1 + u64::from(flow.0)),
                reply: FrameRef::new(0, 1),
                method: crate::flow::Method::Stun,
            };
            flows.note_round_trip(flow, Side::First, trip);
        }
        let (before, full) = (said(&flows), flows.bytes());
        let stays = |flow: FlowId| flow.0 % 5 != 2;
        let numbers = flows.retain(stays);
        let kept: Vec<_> = (0..).map(FlowId).zip(before).filter(|(flow, _)| stays(*flow)).collect();
        assert_eq!(said(&flows), kept.iter().map(|(_, said)| *said).collect::<Vec<_>>());
        for (new, (old, _)) in (0..).zip(&kept) {
            assert_eq!(numbers[old.0 as usize], Some(FlowId(new)));
        }
        assert_eq!((numbers.len(), numbers.iter().flatten().count(), flows.len()), (600, 480, 480));
        // Four fifths, and the address that all share.
        assert!(flows.bytes() * 5 <= full * 4 + 1000, "{} of {full}", flows.bytes());
        for (packet, number) in packets.iter().zip(numbers) {
            frames += 1;
            let (flow, is_new) = observe(&mut flows, frames, packet);
            assert_eq!(number.unwrap_or(flow), flow);
            assert_eq!(number.is_none(), is_new);
        }
        assert_eq!(flows.len(), 600);
    }
}

//! Streams of TCP as a script of segments. Laws: a stream in any cut and order, with copies, over any sequence number, tells
//! the names that it tells in one piece; whatever the segments are, flows count every packet.

use std::collections::BTreeSet;

use borderpost::evidence::{Evidence, Fact};
use borderpost::flow::{Flows, Scope, Side};
use borderpost::frame::{FrameRef, LinkType};
use borderpost::packet::{Decoded, decode};

use super::frames::{payloads, uses_port};
use super::script::Script;

pub fn seeds() -> Vec<Vec<u8>> {
    let hellos = payloads(60, |packet| uses_port(packet, 443) && packet.payload.first() == Some(&22));
    let head = |kind: u8| {
        [&[kind, 0xff, 0xff, 0xff, 0xf0][..], &[0, 40, 0, 3, 1, 44, 0, 1, 0, 9, 0, 200, 0, 2]].concat()
    };
    let permuted = hellos.iter().map(|hello| [&head(0)[..], hello].concat());
    let free = hellos.iter().map(|hello| {
        let length = u16::try_from(hello.len()).unwrap_or(0).to_be_bytes();
        [&[1, 0, 0, 0, 2][..], &[0, 0, 0, 0, 0x12, 0, 0], &[0, 0, 0, 0, 0x10], &length, hello].concat()
    });
    permuted.chain(free).collect()
}

pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let (kind, first) = (script.byte(), script.long());
    if kind % 2 == 0 { permuted(script, first) } else { free(script) }
}

/// One stream, whole and in pieces.
fn permuted(mut script: Script<'_>, first: u32) {
    let cuts = [0; 5].map(|_| script.below(600));
    let order: Vec<usize> = (0..4).map(|_| script.below(6)).collect();
    let stream = &script.rest()[..script.rest().len().min(8_000)];
    let mut whole = Reading::default();
    whole.segment(0, first, 0x02, b"");
    whole.segment(0, first.wrapping_add(1), 0x10, stream);
    let mut ends: Vec<usize> = cuts.iter().map(|cut| *cut.min(&stream.len())).collect();
    ends.extend([0, stream.len()]);
    ends.sort_unstable();
    let parts: Vec<_> = ends.windows(2).map(|ends| ends[0]..ends[1]).collect();
    let mut pieces = Reading::default();
    pieces.segment(0, first, 0x02, b"");
    for part in order.into_iter().filter(|part| *part < parts.len()).chain((0..parts.len()).rev()) {
        let range = parts[part].clone();
        let offset = u32::try_from(range.start).unwrap_or(0);
        pieces.segment(0, first.wrapping_add(1).wrapping_add(offset), 0x10, &stream[range]);
    }
    assert_eq!(pieces.names(), whole.names());
}

/// Any segments of any sides.
fn free(mut script: Script<'_>) {
    let mut reading = Reading::default();
    while !script.is_empty() && reading.packets < 200 {
        let (side, seq, flags) = (script.byte(), script.long(), script.byte());
        reading.segment(side, seq, flags, script.bytes());
    }
    let counted: u64 = reading
        .flows
        .iter()
        .flat_map(|flow| [Side::First, Side::Second].map(|side| flow.packets(side)))
        .sum();
    assert_eq!(counted, reading.packets);
    let _ = reading.names();
}

#[derive(Default)]
struct Reading {
    flows: Flows,
    evidence: Evidence,
    packets: u64,
}

impl Reading {
    /// A segment of the client, or of the server where `side` is odd; of other connections where it is above 1.
    fn segment(&mut self, side: u8, seq: u32, flags: u8, payload: &[u8]) {
        let payload = &payload[..payload.len().min(60_000)];
        let (client, server) = ([10, 0, 0, 1 + side / 2], [203, 0, 113, 7]);
        let (from, to, ports) = if side.is_multiple_of(2) {
            (client, server, [192, 0, 1, 187])
        } else {
            (server, client, [1, 187, 192, 0])
        };
        let length = u16::try_from(40 + payload.len()).unwrap_or(u16::MAX).to_be_bytes();
        let ip = [&[0x45, 0][..], &length, &[0, 0, 0x40, 0, 64, 6, 0, 0], &from, &to].concat();
        let tcp = [&ports[..], &seq.to_be_bytes(), &[0; 4], &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]].concat();
        let frame = [&ip[..], &tcp, payload].concat();
        let wire_len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let Decoded::Packet(packet) = decode(LinkType::RAW, &frame, wire_len) else { return };
        self.packets += 1;
        let at = FrameRef::new(0, self.packets);
        let scope = Scope { interface: 0, vlan: packet.vlan, tunnel: packet.tunnel };
        let seen = self.flows.observe(&packet, scope, at, wire_len, None);
        self.evidence.observe(&mut self.flows, seen, &packet, at, None);
    }

    fn names(mut self) -> BTreeSet<String> {
        self.evidence.finish(&self.flows);
        let facts = self.evidence.facts().filter_map(|entry| match &entry.fact {
            Fact::Name { name, origin, from } => {
                Some(format!("{} {origin:?} {from:?}", self.evidence.name(*name)))
            }
            _ => None,
        });
        facts.collect()
    }
}

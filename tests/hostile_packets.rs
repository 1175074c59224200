//! Packets that lie, disagree or come in disorder: P1, P4 and P5 of the list of ways in which such tools fail. Each test is
//! named after the statement that it holds.
//!
//! Input: generated frames, through the library's front door, and captures of other projects. Where those are absent the test
//! says so and checks the generated ones alone.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use borderpost::evidence::{Evidence, Fact};
use borderpost::flow::stream::Streams;
use borderpost::flow::{FlowId, Flows, Scope, Side};
use borderpost::frame::{FrameRef, LinkType, Timestamp};
use borderpost::packet::{Class, Decoded, Packet, Transport, decode};
use borderpost::source::{Capture, Options};

const CLIENT: ([u8; 4], u16) = ([192, 168, 1, 5], 50_000);
const SERVER: ([u8; 4], u16) = ([213, 19, 144, 104], 443);
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PUSH_ACK: u8 = 0x18;
const ACK: u8 = 0x10;
const URGENT: u8 = 0x20;

fn ipv4(protocol: u8, from: [u8; 4], to: [u8; 4], rest: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(20 + rest.len()).unwrap().to_be_bytes();
    [&[0x45, 0, high, low, 0, 0, 0, 0, 64, protocol, 0, 0][..], &from, &to, rest].concat()
}

fn udp(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    let head = [&CLIENT.1.to_be_bytes()[..], &SERVER.1.to_be_bytes(), &length, &[0, 0]].concat();
    ipv4(17, CLIENT.0, SERVER.0, &[&head[..], payload].concat())
}

fn ipv6(next: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap_or(0).to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], next, 64];
    packet.extend([0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    packet.extend([0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    packet.extend(rest);
    packet
}

type End = ([u8; 4], u16);

fn tcp(from: End, to: End, seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let head = [&from.1.to_be_bytes()[..], &to.1.to_be_bytes(), &seq.to_be_bytes(), &[0; 4]].concat();
    ipv4(6, from.0, to.0, &[&head[..], &[0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0], payload].concat())
}

fn out(seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    tcp(CLIENT, SERVER, seq, flags, payload)
}

fn back(seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    tcp(SERVER, CLIENT, seq, flags, payload)
}

fn with(data: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    data[at..at + new.len()].copy_from_slice(new);
    data
}

fn class(data: &[u8]) -> Class {
    decode(LinkType::RAW, data, u32::try_from(data.len()).unwrap()).class()
}

fn packet(data: &[u8]) -> Packet<'_> {
    match decode(LinkType::RAW, data, u32::try_from(data.len()).unwrap()) {
        Decoded::Packet(packet) => packet,
        other => panic!("{other:?}"),
    }
}

/// The flows and the evidence of packets, a millisecond apart.
fn observed(packets: &[Vec<u8>]) -> (Flows, Evidence) {
    let (mut flows, mut evidence) = (Flows::new(), Evidence::default());
    for (number, data) in (1..).zip(packets) {
        let time = Some(Timestamp::from_nanos(i64::try_from(number).unwrap() * 1_000_000));
        let (packet, frame) = (packet(data), FrameRef::new(0, number));
        let wire_len = u32::try_from(data.len()).unwrap();
        let seen = flows.observe(&packet, Scope::default(), frame, wire_len, time);
        evidence.observe(&mut flows, seen, &packet, frame, time);
    }
    evidence.finish(&flows);
    (flows, evidence)
}

/// Payload and repeated bytes of the first side of the only flow.
fn counted(packets: &[Vec<u8>]) -> (u64, u64) {
    let (flows, _) = observed(packets);
    assert_eq!(flows.len(), 1);
    let flow = flows.flow(FlowId(0)).unwrap();
    assert_eq!(flow.packets(Side::First) + flow.packets(Side::Second), packets.len() as u64);
    (flow.payload_bytes(Side::First), flow.repeated_bytes(Side::First))
}

/// A ClientHello of TLS 1.2 with one name.
fn hello(name: &str) -> Vec<u8> {
    let len = u8::try_from(name.len()).unwrap();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xC0, 0x2F, 1, 0, 0, len + 9, 0, 0, 0, len + 5, 0, len + 3, 0, 0, len]);
    body.extend(name.bytes());
    let handshake = u8::try_from(body.len()).unwrap();
    [&[22, 3, 1, 0, handshake + 4, 1, 0, 0, handshake][..], &body].concat()
}

#[test]
fn p1_lengths_inside_headers_that_lie_stop_with_a_reason_each() {
    let datagram = udp(b"payload");
    let segment = out(1, PUSH_ACK, b"payload");
    let v6 = ipv6(17, &datagram[20..]);
    let mut reasons = BTreeSet::new();
    for (name, data) in [
        ("IHL under 5", with(&datagram, 0, &[0x44])),
        ("IHL past the end", with(&datagram, 0, &[0x4F])),
        ("total length inside the header", with(&datagram, 2, &[0, 19])),
        ("total length inside the UDP header", with(&datagram, 2, &[0, 27])),
        ("UDP length under 8", with(&datagram, 24, &[0, 7])),
        ("UDP length past the packet", with(&datagram, 24, &[0xFF, 0xFF])),
        ("data offset under 5", with(&segment, 32, &[0x40])),
        ("data offset past the packet", with(&segment, 32, &[0xF0])),
        ("total length inside the TCP header", with(&segment, 2, &[0, 39])),
        ("IPv6 without its header", v6[..39].to_vec()),
        ("IPv6 chain past the end", ipv6(0, &[17, 200, 0, 0, 0, 0, 0, 0])),
        (
            "IPv6 chain of 1,000 headers",
            ipv6(60, &[&[60, 0, 1, 4, 0, 0, 0, 0].repeat(1000)[..], &[0; 8]].concat()),
        ),
        ("no version", with(&datagram, 0, &[0x55])),
    ] {
        let Class::Malformed(reason) = class(&data) else { panic!("{name}: {:?}", class(&data)) };
        assert!(reasons.insert(reason), "{name} has the reason of another: {reason}");
    }
}

#[test]
fn p1_lengths_of_zero_or_past_the_end_count_what_the_frame_has() {
    let unmeasured = with(&with(&udp(b"payload"), 2, &[0, 0]), 24, &[0, 0]);
    assert_eq!(packet(&unmeasured).payload, b"payload");
    let longer = with(&with(&udp(b"payload"), 2, &[0xFF, 0xFF]), 24, &[0x7F, 0xFF]);
    assert_eq!((packet(&longer).payload, packet(&longer).payload_len), (&b"payload"[..], 7));
    // A jumbogram (RFC 2675): the length is in an option, and here the frame's own.
    let datagram = with(&udp(&[1; 70]), 24, &[0, 0])[20..].to_vec();
    let jumbo = with(&ipv6(0, &[&[17, 0, 0xC2, 4, 0, 1, 0, 0][..], &datagram].concat()), 4, &[0, 0]);
    assert_eq!(packet(&jumbo).payload_len, 70);
    let cut = decode(LinkType::RAW, &jumbo[..60], 70_000);
    assert!(matches!(cut, Decoded::Packet(packet) if packet.payload_len == 70_000 - 56), "{cut:?}");
}

#[test]
fn p1_a_chain_of_1000_headers_costs_no_more_than_its_first() {
    let chain = |times: usize| ipv6(60, &[60, 0, 1, 4, 0, 0, 0, 0].repeat(times));
    let time = |data: &[u8]| {
        let start = std::time::Instant::now();
        for _ in 0..20_000 {
            std::hint::black_box(class(std::hint::black_box(data)));
        }
        start.elapsed()
    };
    let (short, long) = (chain(20), chain(1000));
    let best = |data: &[u8]| (0..5).map(|_| time(data)).min().unwrap();
    assert!(best(&long) < 10 * best(&short), "{:?} against {:?}", best(&long), best(&short));
}

#[test]
fn p1_the_out_of_bounds_captures_of_tcpdump_are_read_to_their_end() {
    let folder = shared("corpus/tcpdump");
    let Ok(listed) = fs::read_dir(&folder) else { return missing(&folder) };
    let (mut files, mut frames) = (0, 0);
    for path in listed.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !(name.contains("oobr") || name.contains("asan") || name.contains("overflow")) {
            continue;
        }
        let mut capture = Capture::open(&path, &Options { hash: false, ..Options::default() }).unwrap();
        while let Some(frame) = capture.next_frame() {
            for cut in 0..=frame.data.len() {
                let decoded = decode(frame.link, &frame.data[..cut], frame.wire_len);
                assert!(!decoded.class().name().is_empty());
            }
            frames += 1;
        }
        files += 1;
    }
    assert!(files >= 40 && frames >= files, "{files} files, {frames} frames");
}

#[test]
fn p4_copies_that_differ_in_the_name_give_both_names_and_a_contested_flow() {
    for reversed in [false, true] {
        let (mut first, mut second) = (hello("us04web.zoom.us"), hello("www.example.org"));
        if reversed {
            std::mem::swap(&mut first, &mut second);
        }
        // Overlapping in part and out of order, as evasions do: a receiver that keeps the first copy of each byte reads the
        // one text whole, one that takes the last copy the other.
        let packets = [
            out(99, SYN, &[]),
            back(499, SYN | ACK, &[]),
            out(100, PUSH_ACK, &first[..40]),
            out(150, PUSH_ACK, &first[50..]),
            out(140, PUSH_ACK, &second[40..]),
        ];
        let (flows, evidence) = observed(&packets);
        let facts = evidence.of(FlowId(0));
        let mut names: Vec<(&str, &str)> = facts
            .iter()
            .filter_map(|entry| match entry.fact {
                Fact::Name { name, origin, .. } => Some((evidence.name(name), origin.name())),
                _ => None,
            })
            .collect();
        names.sort_unstable_by_key(|(_, origin)| *origin);
        let (by_first, by_last) = if reversed { (1, 0) } else { (0, 1) };
        let texts = ["us04web.zoom.us", "www.example.org"];
        assert_eq!(names, [(texts[by_first], "sni"), (texts[by_last], "sni_other_copy")]);
        let contested: Vec<u64> = facts
            .iter()
            .filter(|entry| matches!(entry.fact, Fact::Contested { from: Side::First }))
            .map(|entry| entry.frame.number())
            .collect();
        assert_eq!(contested, [5]);
        assert_eq!(evidence.limits().contested, Some((1, FrameRef::new(0, 5))));
        let flow = flows.flow(FlowId(0)).unwrap();
        assert_eq!(flow.payload_bytes(Side::First), first.len() as u64);
    }
}

#[test]
fn p4_copies_that_agree_contest_nothing() {
    let hello = hello("us04web.zoom.us");
    let packets = [
        out(99, SYN, &[]),
        out(100, PUSH_ACK, &hello[..50]),
        out(100, PUSH_ACK, &hello),
        out(120, PUSH_ACK, &hello[20..60]),
    ];
    let (_, evidence) = observed(&packets);
    let facts = evidence.of(FlowId(0));
    assert!(!facts.iter().any(|entry| matches!(entry.fact, Fact::Contested { .. })));
    assert_eq!(facts.iter().filter(|entry| matches!(entry.fact, Fact::Name { .. })).count(), 1);
}

#[test]
fn p4_a_flood_of_copies_gives_few_names() {
    let mut packets = vec![out(99, SYN, &[]), out(100, PUSH_ACK, &hello("us04web.zoom.us"))];
    packets.extend((0..500).map(|n| out(100, PUSH_ACK, &hello(&format!("www{n:03}.exam.pl")))));
    let (_, evidence) = observed(&packets);
    let facts = evidence.of(FlowId(0));
    assert!(facts.len() < 12, "{}", facts.len());
}

#[test]
fn p4_the_evasions_of_suricata_are_contested_or_agree() {
    let folder = shared("corpus/suricata-verify");
    let Ok(listed) = fs::read_dir(&folder) else { return missing(&folder) };
    let mut contested = 0;
    let mut files = 0;
    for path in listed.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !(name.starts_with("eve-overlap-payload") || name.starts_with("bug-3286-02-linux-evasion")) {
            continue;
        }
        let (mut flows, mut streams) = (Flows::new(), Streams::<()>::new());
        let mut sent = 0;
        let mut capture = Capture::open(&path, &Options { hash: false, ..Options::default() }).unwrap();
        while let Some(frame) = capture.next_frame() {
            let Decoded::Packet(packet) = decode(frame.link, frame.data, frame.wire_len) else { continue };
            let at = FrameRef::new(0, frame.number);
            let seen = flows.observe(&packet, Scope::default(), at, frame.wire_len, frame.time);
            if let Transport::Tcp(tcp) = &packet.transport {
                streams.push(seen.flow, seen.side, tcp, packet.payload, at);
            }
            sent += u64::from(packet.payload_len);
        }
        contested += u64::from(streams.contested().is_some());
        let (mut once, mut again) = (0, 0);
        for (flow, side) in flows.iter().flat_map(|flow| [(flow, Side::First), (flow, Side::Second)]) {
            once += flow.payload_bytes(side);
            again += flow.repeated_bytes(side);
        }
        assert!(once > 0 && once + again <= sent, "{name}: {once} and {again} of {sent}");
        files += 1;
    }
    assert!(files >= 2, "{files} files");
    assert!(contested >= 1, "none of {files} files is contested");
}

#[test]
fn p5_a_retransmission_counts_once() {
    let packets = [
        out(99, SYN, &[]),
        out(99, SYN, &[]),
        out(100, PUSH_ACK, &[1; 50]),
        out(100, PUSH_ACK, &[1; 50]),
        out(120, PUSH_ACK, &[1; 40]),
        out(160, FIN | ACK, &[]),
        out(160, FIN | ACK, &[]),
    ];
    assert_eq!(counted(&packets), (60, 80));
}

#[test]
fn p5_segments_out_of_order_count_once_and_a_hole_not() {
    let packets = [
        out(99, SYN, &[]),
        out(200, PUSH_ACK, &[1; 100]),
        out(100, PUSH_ACK, &[1; 50]),
        out(400, PUSH_ACK, &[1; 10]),
        out(130, PUSH_ACK, &[1; 70]),
    ];
    assert_eq!(counted(&packets), (210, 20));
}

#[test]
fn p5_sequence_numbers_wrap() {
    let base = u32::MAX - 20;
    let packets = [
        out(base.wrapping_sub(1), SYN, &[]),
        out(base, PUSH_ACK, &[1; 50]),
        out(base.wrapping_add(50), PUSH_ACK, &[1; 50]),
        out(base.wrapping_add(10), PUSH_ACK, &[1; 60]),
        out(base.wrapping_add(130), PUSH_ACK, &[1; 10]),
        out(base.wrapping_add(100), PUSH_ACK, &[1; 30]),
    ];
    assert_eq!(counted(&packets), (140, 60));
}

#[test]
fn p5_a_forged_reset_ends_neither_the_flow_nor_its_count() {
    let packets = [
        out(99, SYN, &[]),
        back(499, SYN | ACK, &[]),
        out(100, PUSH_ACK, &[1; 50]),
        // Somebody's, with a text that is not the stream's.
        out(7_000_000, RST, b"go away"),
        back(500, RST | ACK, &[]),
        out(150, PUSH_ACK, &[1; 50]),
        back(500, PUSH_ACK, &[2; 30]),
    ];
    assert_eq!(counted(&packets), (100, 0));
    let (flows, _) = observed(&packets);
    let flow = flows.flow(FlowId(0)).unwrap();
    assert!(flow.tcp().unwrap().rst(Side::First) && flow.payload_bytes(Side::Second) == 30);
}

#[test]
fn p5_a_connection_joined_midway_counts_from_its_first_segment() {
    let packets = [
        out(5000, PUSH_ACK, &[1; 100]),
        out(4900, PUSH_ACK, &[1; 100]),
        out(4700, PUSH_ACK, &[1; 100]),
        out(4800, PUSH_ACK, &[1; 100]),
        out(4900, PUSH_ACK, &[1; 250]),
    ];
    assert_eq!(counted(&packets), (450, 200));
    assert!(observed(&packets).0.flow(FlowId(0)).unwrap().tcp().unwrap().is_mid_stream());
}

#[test]
fn p5_a_capture_of_one_side_counts_that_side() {
    let packets = [back(499, SYN | ACK, &[]), back(500, PUSH_ACK, &[2; 80]), back(540, PUSH_ACK, &[2; 80])];
    assert_eq!(counted(&packets), (120, 40));
}

#[test]
fn p5_urgent_data_are_bytes_like_others() {
    let packets = [
        out(99, SYN, &[]),
        out(100, PUSH_ACK | URGENT, &[1; 10]),
        out(110, PUSH_ACK, &[1; 10]),
        out(109, PUSH_ACK | URGENT, &[1; 11]),
    ];
    assert_eq!(counted(&packets), (20, 11));
}

#[test]
fn p5_keep_alives_are_no_payload() {
    let mut packets = vec![out(99, SYN, &[])];
    // Before any data the last byte is the SYN itself.
    packets.push(out(99, ACK, &[0]));
    packets.push(out(100, PUSH_ACK, &[1; 10]));
    packets.extend((0..5).map(|_| out(109, ACK, &[0])));
    packets.push(out(109, ACK, &[]));
    assert_eq!(counted(&packets), (10, 6));
}

#[test]
fn p5_what_the_snap_length_cut_off_counts_by_its_length() {
    let mut flows = Flows::new();
    let segment = out(100, PUSH_ACK, &[1; 1000]);
    for number in 1..=3 {
        let wire_len = u32::try_from(segment.len()).unwrap();
        let Decoded::Packet(packet) = decode(LinkType::RAW, &segment[..60], wire_len) else { panic!("cut") };
        flows.observe(&packet, Scope::default(), FrameRef::new(0, number), wire_len, None);
    }
    let flow = flows.flow(FlowId(0)).unwrap();
    assert_eq!((flow.payload_bytes(Side::First), flow.repeated_bytes(Side::First)), (1000, 2000));
}

fn shared(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path)
}

fn missing(folder: &Path) {
    let said = format!("\n*** NOT CHECKED: {} is not there ***\n\n", folder.display());
    std::io::stderr().write_all(said.as_bytes()).unwrap();
}

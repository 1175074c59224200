use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::frame::{LinkType, Timestamp};
use crate::packet::{Tcp, TcpFlags, Transport, Tunnel};

/// A UDP datagram from port 40000 to 53.
fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    [&from.to_be_bytes()[..], &to.to_be_bytes(), &length, &[0, 0], payload].concat()
}

fn v4(protocol: u8, [from, to]: [[u8; 4]; 2], inner: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + inner.len()).unwrap().to_be_bytes();
    [&[0x45, 0, length[0], length[1], 0, 7, 0, 0, 64, protocol, 0, 0], &from[..], &to, inner].concat()
}

fn v6(next: u8, [from, to]: [[u8; 16]; 2], inner: &[u8]) -> Vec<u8> {
    let length = u16::try_from(inner.len()).unwrap().to_be_bytes();
    [&[0x60, 0, 0, 0, length[0], length[1], next, 64], &from[..], &to, inner].concat()
}

const OUTER: [[u8; 4]; 2] = [[192, 0, 2, 1], [192, 0, 2, 2]];
const INNER: [[u8; 4]; 2] = [[10, 0, 0, 5], [10, 0, 0, 6]];

/// What is carried: a datagram between `INNER`'s addresses.
fn cargo() -> Vec<u8> {
    v4(17, INNER, &udp(40_000, 53, b"question"))
}

fn in_udp(port: u16, header: &[u8], inner: &[u8]) -> Vec<u8> {
    v4(17, OUTER, &udp(40_001, port, &[header, inner].concat()))
}

fn ethernet(ether_type: u16, inner: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], &ether_type.to_be_bytes(), inner].concat()
}

/// What the opener made of a frame: the packet's ends and payload, or the class.
#[derive(Debug, PartialEq)]
struct Inside {
    class: Option<Class>,
    ends: String,
    payload: Vec<u8>,
    other: Option<Vec<u8>>,
    wire_len: u32,
    tunnel: TunnelId,
}

fn shown(opened: &Opened<'_>) -> Inside {
    let mut inside = Inside {
        class: opened.decoded.as_ref().map(Decoded::class),
        ends: String::new(),
        payload: Vec::new(),
        other: opened.other.map(|other| other.payload.to_vec()),
        wire_len: opened.wire_len,
        tunnel: TunnelId::NONE,
    };
    if let Some(Decoded::Packet(packet)) = &opened.decoded {
        inside.ends = format!("{:?}", packet.ends);
        inside.payload = packet.payload.to_vec();
        inside.tunnel = packet.tunnel;
    }
    inside
}

fn open(opener: &mut Opener, number: u64, data: &[u8]) -> Inside {
    let time = Some(Timestamp::from_nanos(i64::try_from(number).unwrap() * 1_000_000));
    let frame = Frame { time, ..Frame::new(number, LinkType::RAW, data) };
    opener.open(&frame, FrameRef::new(0, number), shown)
}

fn opened(data: &[u8]) -> (Inside, Vec<Tunnel>) {
    let mut opener = Opener::new();
    let inside = open(&mut opener, 1, data);
    (inside, opener.tunnels().map(|(_, tunnel)| tunnel.kind).collect())
}

fn gre(flags: [u8; 2], protocol: u16, rest: &[u8], inner: &[u8]) -> Vec<u8> {
    v4(47, OUTER, &[&flags[..], &protocol.to_be_bytes(), rest, inner].concat())
}

#[test]
fn every_tunnel_leads_to_the_packet_in_it() {
    let cargo = cargo();
    let bridged = ethernet(0x0800, &cargo);
    let length = u16::try_from(cargo.len()).unwrap().to_be_bytes();
    let longer = u16::try_from(cargo.len() + 4).unwrap().to_be_bytes();
    let chained = u16::try_from(cargo.len() + 8).unwrap().to_be_bytes();
    for (kind, data) in [
        (Tunnel::IpInIp, v4(4, OUTER, &cargo)),
        (Tunnel::Gre, gre([0, 0], 0x0800, &[], &cargo)),
        (Tunnel::Gre, gre([0xB0, 0], 0x0800, &[7; 12], &cargo)),
        (Tunnel::Gre, gre([0x20, 0], 0x6558, &[0, 0, 0, 9], &bridged)),
        (Tunnel::Gre, gre([0, 0], 0x88BE, &[], &bridged)),
        (Tunnel::Gre, gre([0x10, 0], 0x88BE, &[0; 12], &bridged)),
        (Tunnel::Gre, gre([0x10, 0], 0x22EB, &[0; 16], &bridged)),
        (Tunnel::Gre, gre([0, 0], 0x883E, &[0; 4], &cargo)),
        (Tunnel::EtherIp, v4(97, OUTER, &[&[0x30, 0], &bridged[..]].concat())),
        (Tunnel::Vxlan, in_udp(4789, &[8, 0, 0, 0, 0, 0, 42, 0], &bridged)),
        (Tunnel::Vxlan, in_udp(4790, &[8, 0, 0, 0, 0, 0, 42, 0], &bridged)),
        (Tunnel::Vxlan, in_udp(4790, &[12, 0, 0, 1, 0, 0, 42, 0], &cargo)),
        (Tunnel::Gre, gre([0, 0], 0x880B, &[0xFF, 3, 0, 0x21], &cargo)),
        (Tunnel::Gre, gre([0x30, 0x81], 0x880B, &[0, 44, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0x21], &cargo)),
        (Tunnel::L2tp, in_udp(1701, &[0, 2, 0, 9, 0, 7, 0xFF, 3, 0, 0x21], &cargo)),
        (Tunnel::Geneve, in_udp(6081, &[1, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 4], &bridged)),
        (Tunnel::Geneve, in_udp(6081, &[0, 0, 0x08, 0, 0, 0, 7, 0], &cargo)),
        (Tunnel::GtpU, in_udp(2152, &[0x30, 255, length[0], length[1], 0, 0, 0, 1], &cargo)),
        (Tunnel::GtpU, in_udp(2152, &[0x32, 255, longer[0], longer[1], 0, 0, 0, 1, 0, 1, 0, 0], &cargo)),
        (
            Tunnel::GtpU,
            in_udp(2152, &[0x34, 255, chained[0], chained[1], 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0], &cargo),
        ),
    ] {
        let (inside, tunnels) = opened(&data);
        assert_eq!(tunnels, [kind], "{data:?}");
        assert_eq!(inside.class, Some(Class::Udp), "{kind:?}");
        assert_eq!(inside.ends, "10.0.0.5:40000 -> 10.0.0.6:53", "{kind:?}");
        assert_eq!((&inside.payload[..], inside.tunnel.number()), (&b"question"[..], 1), "{kind:?}");
    }
}

#[test]
fn ipv6_in_ipv4_is_6to4_where_an_address_spells_the_end() {
    let mut teredo = [0; 16];
    teredo[..4].copy_from_slice(&[0x20, 0x01, 0, 0]);
    let mut spelt = [0; 16];
    spelt[..6].copy_from_slice(&[0x20, 0x02, 192, 0, 2, 1]);
    let other = [0x20; 16];
    let packet = |ends| v6(17, ends, &udp(40_000, 53, b"question"));
    for (kind, data) in [
        (Tunnel::Ipv6InIp, v4(41, OUTER, &packet([other, other]))),
        (Tunnel::SixToFour, v4(41, OUTER, &packet([spelt, other]))),
        (Tunnel::SixToFour, v4(41, OUTER, &packet([other, spelt]))),
        (Tunnel::Teredo, in_udp(3544, &[], &packet([teredo, other]))),
        (Tunnel::Teredo, in_udp(3544, &[0, 0, 1, 2, 3, 4, 5, 6], &packet([teredo, other]))),
        (Tunnel::Teredo, in_udp(3544, &[0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0], &packet([teredo, other]))),
    ] {
        let (inside, tunnels) = opened(&data);
        assert_eq!((tunnels, &inside.payload[..]), (vec![kind], &b"question"[..]));
    }
}

#[test]
fn a_tunnels_own_messages_and_what_cannot_be_opened_stay_packets() {
    // A control message of L2TP, a version of GRE that does not exist, a GTP-U header whose extensions do not end.
    let (inside, tunnels) = opened(&in_udp(1701, &[0xC8, 2, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0], &[]));
    assert_eq!((inside.class, tunnels.len()), (Some(Class::Udp), 0));
    let (inside, tunnels) = opened(&gre([0, 2], 0x0800, &[], &cargo()));
    assert_eq!((inside.class, tunnels.len()), (Some(Class::Tunnel(Tunnel::Gre)), 0));
    let (inside, tunnels) = opened(&in_udp(2152, &[0x34, 255, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0x85], &[]));
    assert_eq!((inside.class, tunnels.len()), (Some(Class::Udp), 0));
}

#[test]
fn a_datagram_that_only_begins_like_a_tunnel_stays_a_packet() {
    let from_port_1701 = v4(17, OUTER, &udp(1701, 443, &[0, 2, 0, 9, 0, 7, 1, 2, 3, 4, 5, 6]));
    let (inside, tunnels) = opened(&from_port_1701);
    assert_eq!((inside.class, tunnels.len()), (Some(Class::Udp), 0));
    assert_eq!(inside.ends, "192.0.2.1:1701 -> 192.0.2.2:443");
    // ARP is what a bridged network really holds.
    let arp = in_udp(4789, &[8, 0, 0, 0, 0, 0, 42, 0], &ethernet(0x0806, &[0; 28]));
    assert_eq!((opened(&arp).0.class, opened(&arp).1), (Some(Class::Arp), vec![Tunnel::Vxlan]));
}

#[test]
fn keys_of_gre_tell_networks_apart() {
    let mut opener = Opener::new();
    let keyed = |key: u8| gre([0x20, 0], 0x0800, &[0, 0, 0, key], &cargo());
    let numbers = [keyed(1), keyed(2), keyed(1)].map(|data| open(&mut opener, 1, &data).tunnel.number());
    assert_eq!(numbers, [1, 2, 1]);
    assert_eq!(opener.tunnels().next().unwrap().1.network, Some(1));
}

#[test]
fn a_fragment_behind_a_header_that_takes_nothing_apart_is_one_still() {
    let atomic = [44, 0, 0, 0, 0, 0, 0, 1];
    let later = [17, 0, 3, 0x21, 0, 0, 0, 2];
    let data = v6(44, [[0x20; 16], [0x26; 16]], &[&atomic[..], &later, &udp(40_000, 53, &[0; 8])].concat());
    assert_eq!(opened(&data).0.class, None, "it waits for the others");
}

#[test]
fn both_directions_are_one_tunnel_and_other_networks_are_others() {
    let mut opener = Opener::new();
    let bridged = ethernet(0x0800, &cargo());
    let vxlan = |network: u8, from: u16, ends| {
        v4(17, ends, &udp(from, 4789, &[&[8, 0, 0, 0, 0, 0, network, 0], &bridged[..]].concat()))
    };
    let back = [OUTER[1], OUTER[0]];
    let frames = [vxlan(1, 40_000, OUTER), vxlan(1, 50_000, back), vxlan(2, 40_000, OUTER)];
    let numbers: Vec<u32> =
        (1..).zip(&frames).map(|(number, data)| open(&mut opener, number, data).tunnel.number()).collect();
    assert_eq!(numbers, [1, 1, 2]);
    let (_, first) = opener.tunnels().next().unwrap();
    assert_eq!((first.frames, first.network, first.first), (2, Some(1), FrameRef::new(0, 1)));
    assert_eq!(first.outer, [[192, 0, 2, 1].into(), std::net::IpAddr::from([192, 0, 2, 2])]);
}

#[test]
fn tunnels_in_tunnels_are_opened_to_a_limit_and_marked_beyond() {
    let nested = |depth: usize| {
        (0..depth).fold(cargo(), |inner, level| {
            let level = u8::try_from(level % 250).unwrap();
            v4(4, [[198, 51, 100, level], [203, 0, 113, level]], &inner)
        })
    };
    for depth in 1..=MAX_DEPTH {
        let (inside, tunnels) = opened(&nested(depth));
        assert_eq!((inside.class, tunnels.len()), (Some(Class::Udp), depth));
        assert_eq!(inside.tunnel.number() as usize, depth, "the innermost");
    }
    let (inside, tunnels) = opened(&nested(MAX_DEPTH + 1));
    assert_eq!((inside.class, tunnels.len()), (Some(Class::TooDeep), MAX_DEPTH));
}

#[test]
fn a_packet_nested_a_thousand_times_costs_microseconds() {
    let data = (0..1_000).fold(cargo(), |inner, _| v4(4, OUTER, &inner));
    let mut opener = Opener::new();
    assert_eq!(open(&mut opener, 1, &data).class, Some(Class::TooDeep));
    let start = Instant::now();
    (0..1_000).for_each(|number| assert_eq!(open(&mut opener, number, &data).class, Some(Class::TooDeep)));
    let each = start.elapsed() / 1_000;
    assert!(each.as_micros() < 10 * if cfg!(debug_assertions) { 20 } else { 1 }, "{each:?}");
}

/// The packet cut into fragments of so many bytes, which is a multiple of eight.
fn fragments(packet: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (header, body) = packet.split_at(20);
    let last = body.len().div_ceil(size) - 1;
    let piece = |(index, part): (usize, &[u8])| {
        let mut data = [header, part].concat();
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        let offset = u16::try_from(index * size / 8).unwrap() | if index < last { 0x2000 } else { 0 };
        data[2..4].copy_from_slice(&length);
        data[6..8].copy_from_slice(&offset.to_be_bytes());
        data
    };
    body.chunks(size).enumerate().map(piece).collect()
}

fn long() -> Vec<u8> {
    v4(17, INNER, &udp(40_000, 53, &(0..100).collect::<Vec<u8>>()))
}

fn settled(opener: &mut Opener) -> Vec<(Class, u64, u64)> {
    opener.settled().map(|settled| (settled.class, settled.frames, settled.first.number())).collect()
}

#[test]
fn fragments_in_any_order_are_one_packet() {
    let pieces = fragments(&long(), 24);
    let orders: [&[usize]; 4] =
        [&[0, 1, 2, 3, 4], &[4, 3, 2, 1, 0], &[2, 0, 4, 1, 3], &[1, 1, 0, 2, 2, 3, 4]];
    for order in orders {
        let mut opener = Opener::new();
        let mut inside: Vec<Inside> =
            (1..).zip(order).map(|(number, at)| open(&mut opener, number, &pieces[*at])).collect();
        let whole = inside.pop().unwrap();
        assert!(inside.iter().all(|waiting| waiting.class.is_none()), "{order:?}");
        assert_eq!(whole.payload, (0..100).collect::<Vec<u8>>(), "{order:?}");
        let wire: usize = order.iter().map(|at| pieces[*at].len()).sum();
        assert_eq!((whole.class, whole.wire_len as usize, whole.other), (Some(Class::Udp), wire, None));
        let before = order.len() as u64 - 1;
        assert_eq!(settled(&mut opener), [(Class::FragmentReassembled, before, 1)]);
        assert_eq!(opener.overlaps(), Overlaps::default());
    }
}

#[test]
fn fragments_of_ipv6_are_put_together_behind_their_headers() {
    let body = udp(40_000, 53, &(0..40).collect::<Vec<u8>>());
    let piece = |offset: u16, more: u8, part: &[u8]| {
        let field = [(offset >> 8).to_be_bytes()[1], (offset & 0xF8).to_be_bytes()[1] | more];
        let header = [17, 0, field[0], field[1], 0, 0, 0, 9];
        v6(44, [[0x20; 16], [0x26; 16]], &[&header, part].concat())
    };
    let mut opener = Opener::new();
    assert_eq!(open(&mut opener, 1, &piece(24, 0, &body[24..])).class, None);
    let whole = open(&mut opener, 2, &piece(0, 1, &body[..24]));
    assert_eq!((whole.class, whole.payload), (Some(Class::Udp), (0..40).collect()));
}

#[test]
fn a_tunnel_inside_fragments_and_fragments_inside_a_tunnel_are_opened() {
    let mut opener = Opener::new();
    let carried = v4(4, OUTER, &long());
    let pieces = fragments(&carried, 64);
    let inside: Vec<Inside> =
        (1..).zip(&pieces).map(|(number, piece)| open(&mut opener, number, piece)).collect();
    assert_eq!(inside.last().unwrap().payload.len(), 100);
    assert_eq!(inside.last().unwrap().tunnel.number(), 1);
    let pieces: Vec<Vec<u8>> = fragments(&long(), 64).iter().map(|piece| v4(4, OUTER, piece)).collect();
    let inside: Vec<Inside> =
        (10..).zip(&pieces).map(|(number, piece)| open(&mut opener, number, piece)).collect();
    assert_eq!((inside[0].class, inside[1].payload.len()), (None, 100));
}

#[test]
fn overlaps_keep_both_readings_and_never_make_two_flows() {
    let pieces = fragments(&long(), 24);
    let changed = |at: usize, place: usize, byte: u8| {
        let mut data = pieces[at].clone();
        data[20 + place] = byte;
        data
    };
    // The second piece comes twice, with another byte: the first copy counts, and the last is the other reading.
    let mut opener = Opener::new();
    for (number, data) in (1..).zip([&pieces[0], &pieces[1], &changed(1, 3, 0xEE), &pieces[2], &pieces[3]]) {
        open(&mut opener, number, data);
    }
    let whole = open(&mut opener, 6, &pieces[4]);
    let mut other = (0..100).collect::<Vec<u8>>();
    assert_eq!(whole.payload, other);
    other[24 + 3 - 8] = 0xEE;
    assert_eq!(whole.other, Some(other));
    assert_eq!(opener.overlaps().different, Some((1, FrameRef::new(0, 3))));
    // Where the ports themselves are written over, the other reading would be of another flow, and is left out.
    let mut opener = Opener::new();
    open(&mut opener, 1, &pieces[0]);
    open(&mut opener, 2, &changed(0, 3, 99));
    (1..4).for_each(|at| drop(open(&mut opener, at as u64 + 2, &pieces[at])));
    let whole = open(&mut opener, 9, &pieces[4]);
    assert_eq!((whole.ends.as_str(), whole.other), ("10.0.0.5:40000 -> 10.0.0.6:53", None));
    assert_eq!(opener.tunnels().count(), 0);
}

#[test]
fn a_fragment_cut_by_the_snap_length_ends_what_is_seen() {
    let pieces = fragments(&long(), 48);
    let mut opener = Opener::new();
    let cut = Frame {
        wire_len: u32::try_from(pieces[0].len()).unwrap(),
        ..Frame::new(1, LinkType::RAW, &pieces[0][..40])
    };
    opener.open(&cut, FrameRef::new(0, 1), |opened| assert!(opened.decoded.is_none()));
    open(&mut opener, 2, &pieces[1]);
    let whole = open(&mut opener, 3, &pieces[2]);
    assert_eq!(whole.payload, (0..12).collect::<Vec<u8>>());
}

#[test]
fn what_is_never_whole_is_counted_when_it_is_given_up() {
    let pieces = fragments(&long(), 24);
    let mut opener = Opener::new();
    open(&mut opener, 1, &pieces[1]);
    open(&mut opener, 2, &pieces[2]);
    // More than a minute later.
    assert_eq!(open(&mut opener, 70_000, &pieces[3]).class, None);
    assert_eq!(settled(&mut opener), [(Class::Fragment(17), 2, 1)]);
    opener.finish();
    assert_eq!(settled(&mut opener), [(Class::Fragment(17), 1, 70_000)]);
}

#[test]
fn the_start_of_a_packet_tells_who_talks_to_whom() {
    let tcp =
        [&[0x9C, 0x40, 1, 187, 0, 0, 0, 9, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0], &[5; 20][..]].concat();
    for (packet, ends, size) in [
        (long(), "10.0.0.5:40000 -> 10.0.0.6:53", 24),
        (v4(6, INNER, &tcp), "10.0.0.5:40000 -> 10.0.0.6:443", 24),
    ] {
        let pieces = fragments(&packet, size);
        let mut opener = Opener::new();
        open(&mut opener, 1, &pieces[0]);
        opener.finish();
        let settled: Vec<Settled> = opener.settled().collect();
        let begun = settled[0].begun().unwrap();
        assert_eq!((format!("{:?}", begun.packet.ends), begun.packet.payload), (ends.to_owned(), &[][..]));
        assert_eq!((begun.first, begun.wire_len as usize), (FrameRef::new(0, 1), pieces[0].len()));
        // The others alone say nothing.
        open(&mut opener, 2, &pieces[1]);
        opener.finish();
        assert!(opener.settled().all(|settled| settled.begun().is_none()));
    }
}

#[test]
fn lengths_that_no_packet_has_are_refused() {
    let mut last = fragments(&long(), 24).pop().unwrap();
    last[6..8].copy_from_slice(&0x1FFF_u16.to_be_bytes());
    let mut middle = fragments(&long(), 24)[1].clone();
    middle.truncate(39);
    middle[3] = 39;
    for (data, why) in [
        (last, "fragment that ends behind the longest packet"),
        (middle, "fragment in the middle whose length is no multiple of 8"),
    ] {
        assert_eq!(open(&mut Opener::new(), 1, &data).class, Some(Class::Malformed(why)));
    }
}

#[test]
fn a_flood_of_fragments_stays_in_its_room_and_every_frame_is_counted() {
    let mut opener = Opener::new();
    let mut counted = 0;
    let template = v4(17, INNER, &vec![7; 1_200]);
    for number in 0..60_000_u64 {
        let mut data = template.clone();
        data[6] = 0x20;
        data[12..16].copy_from_slice(&u32::try_from(number).unwrap().to_be_bytes());
        let frame = Frame::new(number, LinkType::RAW, &data);
        opener.open(&frame, FrameRef::new(0, number), |_| ());
        counted += opener.settled().map(|settled| settled.frames).sum::<u64>();
    }
    assert!(opener.fragments_dropped() > 0);
    assert!(opener.fragments.held() <= 8 << 20);
    opener.finish();
    assert_eq!(opener.fragments.held(), 0, "what is held is counted as it comes and goes");
    assert_eq!(counted + opener.settled().map(|settled| settled.frames).sum::<u64>(), 60_000);
}

#[test]
fn an_icmp_error_inside_a_tunnel_is_of_the_flows_inside() {
    let quoted = v4(17, INNER, &udp(40_000, 53, b"question"));
    let icmp = [&[3, 3, 0, 0, 0, 0, 0, 0], &quoted[..]].concat();
    let data = v4(4, OUTER, &v4(1, [INNER[1], INNER[0]], &icmp));
    let mut opener = Opener::new();
    let frame = Frame::new(1, LinkType::RAW, &data);
    let tunnel = opener.open(&frame, FrameRef::new(0, 1), |opened| match &opened.decoded {
        Some(Decoded::IcmpError(error)) => error.tunnel,
        other => panic!("{other:?}"),
    });
    assert_eq!(tunnel.number(), 1);
}

#[test]
fn a_tcp_segment_in_two_fragments_keeps_its_numbers() {
    let segment =
        [&[0x9C, 0x40, 1, 187, 0, 0, 0, 9, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0], &[5; 20][..]].concat();
    let pieces = fragments(&v4(6, INNER, &segment), 16);
    let mut opener = Opener::new();
    open(&mut opener, 1, &pieces[1]);
    open(&mut opener, 2, &pieces[0]);
    let frame = Frame::new(3, LinkType::RAW, &pieces[2]);
    opener.open(&frame, FrameRef::new(0, 3), |opened| {
        let Some(Decoded::Packet(packet)) = &opened.decoded else { panic!("{opened:?}") };
        let tcp = Tcp { seq: 9, ack: 0, flags: TcpFlags::SYN };
        assert_eq!((packet.transport, packet.payload), (Transport::Tcp(tcp), &[5; 20][..]));
    });
}

proptest! {
    #[test]
    fn whatever_is_inside_is_survived_and_every_frame_counted(
        frames in prop::collection::vec(
            (prop::sample::select(vec![4_u8, 41, 47, 97, 17, 115]), prop::collection::vec(any::<u8>(), 0..80), any::<[u8; 2]>()),
            1..20,
        ),
        ports in prop::sample::select(vec![4789_u16, 6081, 2152, 3544, 1701]),
    ) {
        let mut opener = Opener::new();
        let mut counted = 0;
        let total = frames.len() as u64;
        for (number, (protocol, mut body, offset)) in (1..).zip(frames) {
            if protocol == 17 {
                body = udp(ports, ports, &body);
            }
            let mut data = v4(protocol, OUTER, &body);
            data[6..8].copy_from_slice(&offset);
            counted += u64::from(open(&mut opener, number, &data).class.is_some());
            counted += opener.settled().map(|settled| settled.frames).sum::<u64>();
        }
        opener.finish();
        counted += opener.settled().map(|settled| settled.frames).sum::<u64>();
        prop_assert_eq!(counted, total);
    }
}

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::tests::{ETHERNET, RECEIVER, SENDER, TCP6, UDP4, class, ethernet, packet, whole, with};
use super::*;
use crate::frame::{Direction, Process, ProcessMethod};

const TO: [u8; 6] = [0x0A, 0, 0, 0, 0, 2];
const FROM: [u8; 6] = [0x0A, 0, 0, 0, 0, 1];
const OTHER: [u8; 6] = [0x0A, 0, 0, 0, 0, 9];
const BOTH: Macs = Macs { from: SENDER, to: RECEIVER };
const NONE: Macs = Macs { from: None, to: None };
const SNAP: [u8; 6] = [0xAA, 0xAA, 3, 0, 0, 0];

/// A data frame of IEEE 802.11: subtype and flags, addresses, what stands between them and the LLC header.
fn wifi(control: [u8; 2], addresses: &[[u8; 6]], between: &[u8], rest: &[u8]) -> Vec<u8> {
    let (three, fourth) = addresses.split_at(3);
    [&control[..], &[0, 0], three.as_flattened(), &[0x10, 0], fourth.as_flattened(), between, rest].concat()
}

fn radiotap(fields: &[u8], frame: &[u8]) -> Vec<u8> {
    let length = u16::try_from(fields.len() + 4).unwrap().to_le_bytes();
    [&[0, 0][..], &length, fields, frame].concat()
}

/// A label stack of two.
fn labels(rest: &[u8]) -> Vec<u8> {
    [&[0, 1, 0x10, 64, 0, 2, 0x11, 63][..], rest].concat()
}

fn pktap(version: u8, dlt: u8, rest: &[u8]) -> Vec<u8> {
    let mut header = if version == 1 { vec![0; 156] } else { vec![0; 60] };
    if version == 1 {
        header[0] = 156;
        header[4] = 1;
        header[8] = dlt;
        header[12..15].copy_from_slice(b"en0");
        header[36] = 2;
        header[52..54].copy_from_slice(&[0, 2]);
        header[56..61].copy_from_slice(b"nsurl");
        header[84..86].copy_from_slice(&[1, 2]);
        header[88..95].copy_from_slice(b"zoom.us");
    } else {
        header[..8].copy_from_slice(&[60, 0, 0, 40, 44, 52, dlt, 0]);
        header[28..30].copy_from_slice(&[0, 2]);
        header[32..36].copy_from_slice(&[0xFF; 4]);
        header[36..39].copy_from_slice(&[1, 0, 8]);
        header[40..43].copy_from_slice(b"en1");
        header[44..51].copy_from_slice(b"zoom.us");
    }
    [&header[..], rest].concat()
}

/// A made-up Ethernet frame with the trailer of `PCAPdroid`.
fn trailed(ether_type: u16, ip: &[u8]) -> Vec<u8> {
    let mut frame = [&[0; 12][..], &ether_type.to_be_bytes(), ip].concat();
    frame.resize(frame.len().next_multiple_of(4), 0);
    frame.extend([0x01, 0x07, 0x20, 0x21, 0, 0, 0x27, 0x10]);
    frame.extend(b"Zoom\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let mut sum = u32::MAX;
    for byte in &frame {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
        }
    }
    frame.extend((!sum).to_le_bytes());
    frame
}

/// Both packets in every link layer that is not common, with the addresses that it tells.
#[expect(clippy::too_many_lines, reason = "one row a link layer")]
pub(super) fn framed() -> Vec<(LinkType, Vec<u8>, Macs)> {
    let mut all = Vec::new();
    for (ether_type, ppp, nlpid, family, ip) in
        [(0x0800_u16, 0x21_u8, 0xCC_u8, 2_u8, &UDP4[..]), (0x86DD, 0x57, 0x8E, 10, &TCP6[..])]
    {
        let typed = [&ether_type.to_be_bytes()[..], ip].concat();
        let snap = [&SNAP[..], &typed].concat();
        let framed_ppp = [&[0xFF, 3, 0, ppp][..], ip].concat();
        let cisco = [&[0x0F, 0][..], &typed].concat();
        let frelay = [&[0x18, 0x61, 3, nlpid][..], ip].concat();
        let in_ethernet = ethernet(ether_type, ip);
        let ppp_length = u8::try_from(ip.len() + 2).unwrap();
        let session = [&[0x11, 0, 0, 7, 0, ppp_length, 0, ppp][..], ip].concat();
        let length = u8::try_from(ip.len() + 8).unwrap();
        let several = [&TO[..], &FROM, &[0, length], &snap, &[0; 30]].concat();
        let logged = [
            &[family, 0, 0, 0][..],
            &[8, 0, 1, 0, 0, 0, 3, 0],
            &[16, 0, 8, 0, 0, 6, 0, 0],
            &FROM,
            &[0, 0],
            &[u8::try_from(ip.len() + 4).unwrap(), 0, 9, 0],
            ip,
        ]
        .concat();
        let from_only = Macs { from: SENDER, to: None };
        all.extend([
            (LinkType::IEEE802_11, wifi([0x08, 1], &[OTHER, FROM, TO], &[], &snap), BOTH),
            (LinkType::IEEE802_11, wifi([0x08, 2], &[TO, OTHER, FROM], &[], &snap), BOTH),
            (LinkType::IEEE802_11, wifi([0x08, 0], &[TO, FROM, OTHER], &[], &snap), BOTH),
            (LinkType::IEEE802_11, wifi([0x08, 3], &[OTHER, OTHER, TO, FROM], &[], &snap), BOTH),
            (LinkType::IEEE802_11, wifi([0x88, 1], &[OTHER, FROM, TO], &[0, 0], &snap), BOTH),
            (LinkType::IEEE802_11, wifi([0x88, 0x81], &[OTHER, FROM, TO], &[0, 0, 1, 2, 3, 4], &snap), BOTH),
            (LinkType::IEEE802_11, wifi([0x88, 1], &[OTHER, FROM, OTHER], &[0x80, 0], &several), BOTH),
            (
                LinkType::IEEE802_11_RADIOTAP,
                // Time and flags, in two words: the time is aligned to 8 bytes. The flags say padding and check sum.
                radiotap(
                    &[3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x30],
                    &[wifi([0x88, 1], &[OTHER, FROM, TO], &[0, 0, 0, 0], &snap), vec![9; 4]].concat(),
                ),
                BOTH,
            ),
            (
                LinkType::PPI,
                [
                    &[0, 0, 32, 0, 105, 0, 0, 0, 2, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0][..],
                    &[0; 10],
                    &wifi([0x08, 1], &[OTHER, FROM, TO], &[], &snap),
                    &[9; 4],
                ]
                .concat(),
                BOTH,
            ),
            (LinkType::PPI, [&[0, 0, 8, 0, 1, 0, 0, 0][..], &in_ethernet].concat(), BOTH),
            (
                LinkType::IEEE802_11_AVS,
                [
                    &[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..],
                    &[0; 56],
                    &wifi([0x08, 1], &[OTHER, FROM, TO], &[], &snap),
                ]
                .concat(),
                BOTH,
            ),
            (
                LinkType::IEEE802_11_PRISM,
                [
                    &[0x44, 0, 0, 0, 144, 0, 0, 0][..],
                    &[0; 136],
                    &wifi([0x08, 1], &[OTHER, FROM, TO], &[], &snap),
                ]
                .concat(),
                BOTH,
            ),
            (LinkType::PPP, framed_ppp.clone(), NONE),
            (LinkType::PPP, [&[0, ppp][..], ip].concat(), NONE),
            (LinkType::PPP, [&[ppp][..], ip].concat(), NONE),
            (LinkType::PPP, cisco.clone(), NONE),
            (LinkType::PPP_HDLC, framed_ppp.clone(), NONE),
            (LinkType::PPP_PPPD, [&[1][..], &framed_ppp].concat(), NONE),
            (LinkType::PPP_WITH_DIR, [&[0][..], &framed_ppp].concat(), NONE),
            (LinkType::PPP, [&[0xFF, 3, 2, 0x81][..], &labels(ip)].concat(), NONE),
            (LinkType::PPP_ETHER, session.clone(), NONE),
            (LinkType::ETHERNET, ethernet(0x8864, &[&session[..], &[0; 9]].concat()), BOTH),
            (LinkType::ETHERNET, ethernet(0x8847, &labels(ip)), BOTH),
            (
                LinkType::ETHERNET,
                [&OTHER[..], &OTHER, &[0x88, 0x47], &labels(&[0; 4]), &in_ethernet].concat(),
                BOTH,
            ),
            (LinkType::ETHERNET, [&OTHER[..], &OTHER, &[0x88, 0x48], &labels(&in_ethernet)].concat(), BOTH),
            (LinkType::ETHERNET, [&OTHER[..], &OTHER, &[0x89, 0x03, 0, 0], &in_ethernet].concat(), BOTH),
            (
                LinkType::ETHERNET,
                [&OTHER[..], &OTHER, &[0x22, 0xF3, 0, 0x40, 0, 1, 0, 2, 9, 9, 9, 9], &in_ethernet].concat(),
                BOTH,
            ),
            (
                LinkType::ETHERNET,
                [&OTHER[..], &OTHER, &[0x88, 0xE7, 0, 0, 0, 1], &in_ethernet].concat(),
                BOTH,
            ),
            (LinkType::ETHERNET, ethernet(0x880B, &framed_ppp), BOTH),
            (
                LinkType::ETHERNET,
                ethernet(0x894F, &[&[0x0F, 0xC3, 1, 3, 0, 0, 1, 255, 9, 9, 9, 9][..], &in_ethernet].concat()),
                BOTH,
            ),
            (LinkType::MPLS, labels(ip), NONE),
            (LinkType::C_HDLC, cisco.clone(), NONE),
            (LinkType::C_HDLC, framed_ppp.clone(), NONE),
            (LinkType::C_HDLC_WITH_DIR, [&[0][..], &cisco].concat(), NONE),
            (LinkType::FRELAY, frelay.clone(), NONE),
            (LinkType::FRELAY, [&[0x18, 0x60, 0x61, 3, 0, nlpid][..], ip].concat(), NONE),
            (LinkType::FRELAY, [&[0x18, 0x60, 0x60, 0x61][..], &typed].concat(), NONE),
            (LinkType::FRELAY, [&[0x18, 0x61, 3, 0, 0x80, 0, 0, 0][..], &typed].concat(), NONE),
            (
                LinkType::FRELAY,
                [&[0x18, 0x61, 3, 0, 0x80, 0, 0x80, 0xC2, 0, 7][..], &in_ethernet].concat(),
                BOTH,
            ),
            (LinkType::FRELAY_WITH_DIR, [&[1][..], &frelay].concat(), NONE),
            (LinkType::NFLOG, logged, from_only),
            (LinkType::PKTAP, pktap(1, 1, &in_ethernet), BOTH),
            (LinkType::PKTAP, pktap(2, 12, ip), NONE),
            (LinkType::USER2, pktap(2, 14, ip), NONE),
            (LinkType::PKTAP, pktap(1, 0, &[&[family, 0, 0, 0][..], ip].concat()), NONE),
            (LinkType::SLIP, [&[1, 0x40][..], &[0; 14], ip].concat(), NONE),
            (LinkType::IEEE802_5, [&[0x10, 0x40][..], &TO, &FROM, &snap].concat(), BOTH),
            (
                LinkType::IEEE802_5,
                [&[0x10, 0x40][..], &TO, &[0x8A, 0, 0, 0, 0, 1, 4, 0, 9, 9], &snap].concat(),
                BOTH,
            ),
            (LinkType::FDDI, [&[0x50][..], &TO, &FROM, &snap].concat(), BOTH),
            (LinkType::IP_OVER_FC, [&[0x10, 0][..], &TO, &[0x10, 0], &FROM, &snap].concat(), BOTH),
            (LinkType::APPLE_IP_OVER_IEEE1394, [&[7; 16][..], &typed].concat(), NONE),
            (LinkType::ATM_RFC1483, snap.clone(), NONE),
            (LinkType::ATM_RFC1483, [&[0xFE, 0xFE, 3, nlpid][..], ip].concat(), NONE),
            (
                LinkType::ATM_RFC1483,
                [&[0xAA, 0xAA, 3, 0, 0x80, 0xC2, 0, 7, 0, 0][..], &in_ethernet].concat(),
                BOTH,
            ),
            (LinkType::SUNATM, [&[0x82, 0, 0, 40][..], &snap].concat(), NONE),
            (LinkType::SUNATM, [&[1, 0, 0, 40, 0, 3][..], &in_ethernet].concat(), BOTH),
            (LinkType::ENC, [&[0, 0, 0, family][..], &[0; 8], ip].concat(), NONE),
            (LinkType::PFLOG, [&[61, family][..], &[0; 62], ip].concat(), NONE),
            (LinkType::IPNET, [&[1, if family == 2 { 2 } else { 26 }][..], &[0; 22], ip].concat(), NONE),
            (LinkType::JUNIPER_ETHER, [b"MGC", &[0x81, 0, 2, 9, 9][..], &in_ethernet].concat(), BOTH),
            (LinkType::JUNIPER_ETHER, [b"MGC", &[0][..], &in_ethernet].concat(), BOTH),
            (LinkType::NETANALYZER, [&[0; 4][..], &in_ethernet].concat(), BOTH),
            (LinkType::DSA_TAG_BRCM, [&ETHERNET[..], &[0, 0, 0, 1], &typed].concat(), BOTH),
            (LinkType::DSA_TAG_BRCM_PREPEND, [&[0, 0, 0, 1][..], &in_ethernet].concat(), BOTH),
            (LinkType::DSA_TAG_DSA, [&ETHERNET[..], &[0, 0, 0, 1], &typed].concat(), BOTH),
            (LinkType::DSA_TAG_EDSA, [&ETHERNET[..], &[0xDA, 0xDA, 0, 0, 0, 0, 0, 1], &typed].concat(), BOTH),
            (LinkType::ETHERNET_MPACKET, [&[0x55; 7][..], &[0xD5], &in_ethernet, &[0; 4]].concat(), BOTH),
            (LinkType::ETHERNET, trailed(ether_type, ip), NONE),
        ]);
        let arcnet = if family == 2 { 212 } else { 196 };
        all.push((LinkType::ARCNET_LINUX, [&[1, 2, 0, 0, arcnet, 0, 0, 1][..], ip].concat(), NONE));
        all.push((LinkType::ARCNET_BSD, [&[1, 2, arcnet, 0, 0, 1][..], ip].concat(), NONE));
        all.push((
            LinkType::ARCNET_BSD,
            [&[1, 2, arcnet, 0xFF, 0xFF, 0xFF, arcnet, 0, 0, 1][..], ip].concat(),
            NONE,
        ));
    }
    all.push((LinkType::ARCNET_BSD, [&[1, 2, 240][..], &UDP4].concat(), NONE));
    all
}

#[test]
fn every_link_layer_leads_to_the_packet() {
    for (link, data, macs) in framed() {
        let packet = packet(link, &data);
        let (to, payload) = match packet.transport {
            Transport::Udp => ("213.19.144.104:53", &UDP4[28..]),
            Transport::Tcp(_) => ("[2407:30c0:182::aa72:3424]:443", &TCP6[64..]),
        };
        assert_eq!((packet.to().to_string().as_str(), packet.payload), (to, payload), "{link:?} {data:x?}");
        assert_eq!((packet.payload_len as usize, packet.macs), (payload.len(), macs), "{link:?} {data:x?}");
    }
}

#[test]
fn frames_without_a_packet_are_counted_by_what_they_are() {
    let data = |control: [u8; 2], sequence: u8| {
        let mut frame = wifi(control, &[OTHER, FROM, TO], &[0, 0], &[&SNAP[..], &[8, 0], &UDP4].concat());
        frame[22] = sequence;
        frame
    };
    for (link, frame, name, number) in [
        (LinkType::IEEE802_11, data([0x80, 0], 0), "wifi_management", None),
        (LinkType::IEEE802_11, data([0xD4, 0], 0), "wifi_control", None),
        (LinkType::IEEE802_11, data([0x0C, 0], 0), "wifi_extension", None),
        (LinkType::IEEE802_11, data([0x88, 0x41], 0), "wifi_protected", None),
        (LinkType::IEEE802_11, data([0xC8, 0x01], 0), "wifi_null", None),
        (LinkType::IEEE802_11, data([0x88, 0x05], 0), "wifi_fragment", None),
        (LinkType::IEEE802_11, data([0x88, 0x01], 1), "wifi_fragment", None),
        (LinkType::PPP, vec![0xFF, 3, 0xC0, 0x21, 1], "ppp", Some(0xC021)),
        (LinkType::FRELAY, vec![0, 1, 3, 8, 0], "nlpid", Some(8)),
        (LinkType::FRELAY, vec![0, 1, 5, 8, 0], "frame_relay", None),
        (LinkType::MPLS, labels(&[0x10, 0, 0, 0x21]), "mpls", None),
        (LinkType::MPLS, labels(&UDP4[28..]), "mpls", None),
        (LinkType::ARCNET_LINUX, vec![1, 2, 0, 0, 221, 0, 0, 1], "arcnet", Some(221)),
        (LinkType::ARCNET_LINUX, vec![1, 2, 0, 0, 212, 3, 0, 1], "arcnet", Some(212)),
        (LinkType::SUNATM, vec![5, 0, 0, 5, 1], "atm", Some(5)),
        (LinkType::IEEE802_5, vec![0; 20], "mac_control", None),
        (LinkType::NFLOG, vec![2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 3, 0], "no_packet", None),
        (LinkType::PKTAP, with(&pktap(1, 1, &[]), 4, &[0]), "no_packet", None),
    ] {
        let class = class(link, &frame);
        assert_eq!((class.name(), class.number()), (name, number), "{link:?}");
    }
    assert_eq!(class(LinkType::ETHERNET, &ethernet(0x8864, &[0x11, 9, 0, 0, 0, 0])).number(), Some(0x8863));
    assert_eq!(class(LinkType::C_HDLC, &[0x8F, 0, 0x80, 0x35, 0]), Class::OtherEtherType(0x8035));
    assert_eq!(class(LinkType::USER2, &UDP4), Class::UnknownLinkType(149));
    // A header that names a link type does so once.
    assert_eq!(class(LinkType::PPI, &[0, 0, 8, 0, 192, 0, 0, 0, 1]), Class::UnknownLinkType(192));
}

#[test]
fn endless_stacks_of_carriers_stop_with_a_reason() {
    let stack = |layer: &[u8], times: usize| [&ETHERNET[..], &layer.repeat(times), &[8, 0], &UDP4].concat();
    let fabric = [&[0x89, 0x03, 0, 0][..], &ETHERNET].concat();
    assert_eq!(class(LinkType::ETHERNET, &stack(&fabric, 16)), Class::Udp);
    let too_many = Class::Malformed("more than 16 layers below IP");
    assert_eq!(class(LinkType::ETHERNET, &stack(&fabric, 1000)), too_many);
    let labels = [0, 1, 0x10, 64].repeat(1000);
    assert_eq!(class(LinkType::MPLS, &labels), Class::Malformed("more than 16 MPLS labels"));
    let nested = [&[0x88, 0x47, 0, 1, 0x11, 64][..], &ETHERNET].concat();
    assert_eq!(class(LinkType::ETHERNET, &stack(&nested, 1000)), too_many);
}

#[test]
fn vlan_tags_inside_and_outside_are_kept() {
    let tag = |id: u8| [0x81, 0, 0, id];
    let inner = [&ETHERNET[..], &tag(7), &[8, 0], &UDP4].concat();
    let outer = [&OTHER[..], &OTHER, &tag(5), &[0x89, 0x03, 0, 0], &inner].concat();
    assert_eq!(packet(LinkType::ETHERNET, &outer).vlan.to_string(), "5.7");
    let in_snap = wifi([0x08, 1], &[OTHER, FROM, TO], &[], &[&SNAP[..], &tag(9), &[8, 0], &UDP4].concat());
    assert_eq!(packet(LinkType::IEEE802_11, &in_snap).vlan.to_string(), "9");
}

#[test]
fn a_trailer_is_no_payload_even_where_the_packet_has_no_length() {
    let unmeasured = with(&with(&UDP4, 2, &[0, 0]), 24, &[0, 0]);
    let frame = trailed(0x0800, &unmeasured);
    let padded = packet(LinkType::ETHERNET, &frame);
    // 14 bytes of header and 40 of packet: 2 of padding cannot be told from payload.
    assert_eq!((padded.payload_len, padded.payload.len()), (14, 14));
    let forged = with(&frame, frame.len() - 1, &[frame[frame.len() - 1] ^ 1]);
    assert_eq!(packet(LinkType::ETHERNET, &forged).payload_len, 14 + 32);
    assert_eq!(annotation(LinkType::ETHERNET, &forged), None);
}

#[test]
fn annotations_say_process_direction_and_interface() {
    let said = |link, data: &[u8]| annotation(link, data).map(|said| (said.direction, said.trailer));
    let process = |name: &'static [u8], pid, uid, method| Some(Process { name, pid, uid, method });
    let frame = trailed(0x0800, &UDP4);
    let zoom = annotation(LinkType::ETHERNET, &frame).unwrap();
    assert_eq!(zoom.process, process(b"Zoom", None, Some(10_000), ProcessMethod::PcapdroidTrailer));
    assert_eq!((zoom.direction, zoom.interface, zoom.trailer), (None, None, 32));

    let first = pktap(1, 1, &ethernet(0x0800, &UDP4));
    let effective = annotation(LinkType::PKTAP, &first).unwrap();
    assert_eq!(effective.process, process(b"zoom.us", Some(513), None, ProcessMethod::Pktap));
    assert_eq!(effective.direction, Some(Direction::Outbound));
    assert_eq!(effective.interface, Some(Through::Name(b"en0")));
    let none = with(&with(&first, 84, &[0xFF; 4]), 36, &[3]);
    let other = annotation(LinkType::PKTAP, &none).unwrap();
    assert_eq!((other.process.unwrap().name, other.direction), (&b"nsurl"[..], None));
    let second = pktap(2, 12, &UDP4);
    let own = annotation(LinkType::USER2, &second).unwrap();
    assert_eq!(own.process, process(b"zoom.us", Some(512), None, ProcessMethod::Pktap));
    assert_eq!((own.direction, own.interface), (Some(Direction::Inbound), Some(Through::Name(b"en1"))));

    assert_eq!(said(LinkType::LINUX_SLL, &[0, 4]), Some((Some(Direction::Outbound), 0)));
    assert_eq!(said(LinkType::LINUX_SLL, &[0, 3]), None);
    let cooked = annotation(LinkType::LINUX_SLL2, &[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6]).unwrap();
    assert_eq!((cooked.direction, cooked.interface), (Some(Direction::Inbound), Some(Through::Index(2))));
    assert_eq!(said(LinkType::PPP_PPPD, &[1]), Some((Some(Direction::Outbound), 0)));
    assert_eq!(said(LinkType::SLIP, &[0]), Some((Some(Direction::Inbound), 0)));
    let filtered = with(&with(&[0; 64], 0, &[61, 2, 0, 0, b'v', b'i', b'o', b'0']), 60, &[2]);
    let filtered = annotation(LinkType::PFLOG, &filtered).unwrap();
    assert_eq!(
        (filtered.direction, filtered.interface),
        (Some(Direction::Outbound), Some(Through::Name(b"vio0")))
    );
    let logged = |hook| [2, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0, 8, 0, 1, 0, 8, 0, hook, 0];
    assert_eq!(said(LinkType::NFLOG, &logged(3)), Some((Some(Direction::Outbound), 0)));
    assert_eq!(said(LinkType::NFLOG, &logged(2)), None);
    assert_eq!(annotation(LinkType::ETHERNET, &ethernet(0x0800, &UDP4)), None);
    assert_eq!(annotation(LinkType::RAW, &UDP4), None);
}

/// What docs/link-types.md says of a link type: its name, and whether it is decoded.
#[test]
fn the_table_of_link_types_is_what_the_code_does() {
    let table = include_str!("../../docs/link-types.md");
    let rows = table.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        Some((cells.get(1)?.parse::<u16>().ok()?, cells.get(2).copied()?, cells.get(3).copied()?))
    });
    let mut listed = BTreeSet::new();
    for (number, name, extent) in rows {
        assert_eq!(Some(name), LinkType(number).name().or(Some("(none)")), "{number}");
        assert!(!extent.is_empty() && listed.insert(number), "{number}");
    }
    let all = framed().into_iter().map(|(link, ..)| link.0);
    let common = [0, 1, 12, 14, 101, 108, 113, 228, 229, 276];
    let decoded: BTreeSet<u16> = all.chain(common).collect();
    assert_eq!(listed, decoded, "what is listed, and what the tests decode");
    for number in (0..=400).filter(|number| !decoded.contains(number)) {
        let bytes = [0; 64];
        assert_eq!(class(LinkType(number), &bytes), Class::UnknownLinkType(number));
    }
}

proptest! {
    #[test]
    fn every_decoder_takes_any_bytes(
        (link, data, _) in prop::sample::select(framed()),
        head in 0_usize..80,
        noise in proptest::collection::vec(any::<u8>(), 0..160),
        cut in any::<prop::sample::Index>(),
        longer in 0_u32..100,
    ) {
        let kept = data.get(..head).unwrap_or(&data);
        let data = [kept, &noise[..]].concat();
        let data = &data[..cut.index(data.len() + 1)];
        let wire_len = u32::try_from(data.len()).unwrap() + longer;
        if let Decoded::Packet(packet) = decode(link, data, wire_len) {
            prop_assert!(packet.payload.len() <= packet.payload_len as usize);
            prop_assert!(packet.payload_len <= wire_len);
        }
        if let Some(said) = annotation(link, data) {
            prop_assert!(said.trailer as usize <= data.len());
            prop_assert!(said.process.is_none_or(|process| process.name.len() <= 20));
        }
        let _ = whole(LinkType(u16::from(*noise.first().unwrap_or(&0))), data);
    }
}

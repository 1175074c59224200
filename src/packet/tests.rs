use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice, VlanId, VlanSlice};
use proptest::prelude::*;

use super::*;

/// A DNS query header from 192.168.1.5:50000 to 213.19.144.104:53.
pub(super) const UDP4: [u8; 40] = [
    0x45, 0, 0, 40, 0x12, 0x34, 0x40, 0, 64, 17, 0, 0, // IPv4: length 40, do not fragment, TTL 64, UDP
    192, 168, 1, 5, 213, 19, 144, 104, // addresses
    0xC3, 0x50, 0, 53, 0, 20, 0, 0, // UDP: ports, length 20
    0xAB, 0xCD, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, // payload
];

/// A SYN with 4 bytes of options and 2 bytes of data from `[2001:db8::5]:50001` to `[2407:30c0:182::aa72:3424]:443`.
pub(super) const TCP6: [u8; 66] = [
    0x60, 0, 0, 0, 0, 26, 6, 57, // IPv6: payload length 26, TCP, hop limit 57
    0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, // from
    0x24, 0x07, 0x30, 0xC0, 0x01, 0x82, 0, 0, 0, 0, 0, 0, 0xAA, 0x72, 0x34, 0x24, // to
    0xC3, 0x51, 0x01, 0xBB, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 9, 0x60, 0x02, 0xFF, 0xFF, 0, 0, 0,
    0, // TCP
    2, 4, 5, 0xB4, // maximum segment size
    0x16, 0x03, // payload
];

pub(super) const ETHERNET: [u8; 12] = [0x0A, 0, 0, 0, 0, 2, 0x0A, 0, 0, 0, 0, 1];
pub(super) const SENDER: Option<Mac> = Mac::new([0x0A, 0, 0, 0, 0, 1]);
pub(super) const RECEIVER: Option<Mac> = Mac::new([0x0A, 0, 0, 0, 0, 2]);
/// Outgoing, Ethernet, 6 bytes of address; the protocol follows.
const SLL: [u8; 14] = [0, 4, 0, 1, 0, 6, 0x0A, 0, 0, 0, 0, 1, 0, 0];

pub(super) fn whole(link: LinkType, data: &[u8]) -> Decoded<'_> {
    decode(link, data, u32::try_from(data.len()).unwrap())
}

pub(super) fn packet(link: LinkType, data: &[u8]) -> Packet<'_> {
    match whole(link, data) {
        Decoded::Packet(packet) => packet,
        other => panic!("{other:?}"),
    }
}

pub(super) fn class(link: LinkType, data: &[u8]) -> Class {
    whole(link, data).class()
}

pub(super) fn ethernet(ether_type: u16, rest: &[u8]) -> Vec<u8> {
    [&ETHERNET[..], &ether_type.to_be_bytes(), rest].concat()
}

fn sll2(protocol: u16, rest: &[u8]) -> Vec<u8> {
    let header = [0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 0x0A, 0, 0, 0, 0, 1, 0, 0];
    [&protocol.to_be_bytes()[..], &header, rest].concat()
}

/// The bytes with some of them replaced.
pub(super) fn with(data: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    data[at..at + new.len()].copy_from_slice(new);
    data
}

/// An IPv6 packet with a chain of headers and a TCP6 transport behind; the first of the chain is `next`.
fn chained(next: u8, chain: &[u8]) -> Vec<u8> {
    let mut data = [&TCP6[..40], chain, &TCP6[40..]].concat();
    let length = u16::try_from(data.len() - 40).unwrap().to_be_bytes();
    data[4..7].copy_from_slice(&[length[0], length[1], next]);
    data
}

/// Every way in which the two packets can be framed.
fn framed() -> Vec<(LinkType, Vec<u8>)> {
    // What tells PKTAP under a number that is anybody's is whether its header fits.
    let others = link_tests::framed().into_iter().filter(|(link, ..)| *link != LinkType::USER2);
    plain().into_iter().chain(others.map(|(link, data, _)| (link, data))).collect()
}

/// In the common link layers.
fn plain() -> Vec<(LinkType, Vec<u8>)> {
    let vlan = |tags: &[[u8; 4]], rest: &[u8]| [&ETHERNET[..], tags.as_flattened(), rest].concat();
    let snap = [0xAA, 0xAA, 3, 0, 0, 0];
    let mut all = Vec::new();
    for (ether_type, family, ip) in [(0x0800_u16, 2, &UDP4[..]), (0x86DD, 30, &TCP6[..])] {
        let typed = [&ether_type.to_be_bytes()[..], ip].concat();
        let length = u16::try_from(ip.len() + 8).unwrap();
        all.extend([
            (LinkType::ETHERNET, ethernet(ether_type, ip)),
            (LinkType::ETHERNET, vlan(&[[0x81, 0, 0x20, 100]], &typed)),
            (LinkType::ETHERNET, vlan(&[[0x88, 0xA8, 0, 7], [0x91, 0, 0, 8], [0x81, 0, 0x0F, 0xFF]], &typed)),
            (LinkType::ETHERNET, ethernet(length, &[&snap[..], &typed].concat())),
            (LinkType::LINUX_SLL, [&SLL[..], &typed].concat()),
            (LinkType::LINUX_SLL, [&SLL[..], &[0, 4], &snap, &typed].concat()),
            (LinkType::LINUX_SLL, [&SLL[..], &[0x81, 0, 0, 100], &typed].concat()),
            (LinkType::LINUX_SLL2, sll2(ether_type, ip)),
            (LinkType::NULL, [&[family, 0, 0, 0][..], ip].concat()),
            (LinkType::NULL, [&[0, 0, 0, family][..], ip].concat()),
            (LinkType::LOOP, [&[0, 0, 0, family][..], ip].concat()),
            (LinkType::RAW, ip.to_vec()),
            (LinkType(12), ip.to_vec()),
            (LinkType(14), ip.to_vec()),
            (if family == 2 { LinkType::IPV4 } else { LinkType::IPV6 }, ip.to_vec()),
        ]);
    }
    all
}

#[test]
fn every_link_type_leads_to_the_packet() {
    for (link, data) in plain() {
        let packet = packet(link, &data);
        if packet.transport == Transport::Udp {
            assert_eq!(packet.from().to_string(), "192.168.1.5:50000", "{link:?}");
            assert_eq!(packet.to().to_string(), "213.19.144.104:53", "{link:?}");
            assert_eq!(
                (packet.payload, packet.payload_len, packet.hop_limit),
                (&UDP4[28..], 12, 64),
                "{link:?}"
            );
        } else {
            let tcp = Tcp { seq: u32::MAX, ack: 9, flags: TcpFlags::SYN };
            assert_eq!(packet.transport, Transport::Tcp(tcp), "{link:?}");
            assert_eq!(packet.from().to_string(), "[2001:db8::5]:50001", "{link:?}");
            assert_eq!(packet.to().to_string(), "[2407:30c0:182::aa72:3424]:443", "{link:?}");
            assert_eq!(
                (packet.payload, packet.payload_len, packet.hop_limit),
                (&TCP6[64..], 2, 57),
                "{link:?}"
            );
        }
        let macs = match link {
            LinkType::ETHERNET => Macs { from: SENDER, to: RECEIVER },
            LinkType::LINUX_SLL | LinkType::LINUX_SLL2 => Macs { from: SENDER, to: None },
            _ => Macs::default(),
        };
        assert_eq!(packet.macs, macs, "{link:?}");
    }
}

#[test]
fn a_frame_cut_anywhere_is_cut_or_has_a_shorter_payload() {
    for (link, data) in framed() {
        let wire_len = u32::try_from(data.len()).unwrap();
        let full = packet(link, &data);
        for cut in 0..data.len() {
            match decode(link, &data[..cut], wire_len) {
                Decoded::Packet(packet) => {
                    assert_eq!((packet.ends, packet.transport), (full.ends, full.transport));
                    assert!(full.payload.starts_with(packet.payload));
                    assert_eq!(packet.payload_len, full.payload_len);
                }
                other => assert_eq!(other.class(), Class::HeaderCut, "{link:?} at {cut}"),
            }
        }
    }
}

#[test]
fn a_short_frame_that_was_not_cut_is_never_called_cut() {
    for (link, data) in framed() {
        for cut in 1..data.len() {
            let class = class(link, &data[..cut]);
            assert!(
                matches!(class, Class::Malformed(_) | Class::LinkLayer(_) | Class::Tcp | Class::Udp),
                "{link:?} at {cut}: {class:?}"
            );
        }
        assert_eq!(class(link, &[]), Class::Empty);
        assert_eq!(decode(link, &[], 60).class(), Class::HeaderCut);
    }
}

#[test]
fn a_tcp_header_cut_behind_its_flags_is_enough() {
    for cut in 0..TCP6.len() {
        let class = decode(LinkType::IPV6, &TCP6[..cut], 66).class();
        assert_eq!(class, if cut < 54 { Class::HeaderCut } else { Class::Tcp }, "{cut}");
    }
}

#[test]
fn vlan_tags_are_kept() {
    let tags = |vlan: &[[u8; 4]]| {
        let data = [&ETHERNET[..], vlan.as_flattened(), &[8, 0], &UDP4].concat();
        packet(LinkType::ETHERNET, &data).vlan.to_string()
    };
    assert_eq!(tags(&[[0x81, 0, 0xE0, 0]]), "");
    assert_eq!(tags(&[[0x88, 0xA8, 0, 7], [0x91, 0, 0, 8], [0x81, 0, 0x0F, 0xFF]]), "7.8.4095");
    assert_eq!(tags(&[[0x81, 0, 0, 1]; 6]), "deep");
}

#[test]
fn endless_stacks_stop_with_a_reason() {
    let tags = [&ETHERNET[..], &[0x81, 0, 0, 1].repeat(1000), &[8, 0], &UDP4].concat();
    assert_eq!(class(LinkType::ETHERNET, &tags), Class::Malformed("more than 16 VLAN tags"));
    let extensions = chained(60, &[60, 0, 1, 4, 0, 0, 0, 0].repeat(1000));
    assert_eq!(class(LinkType::IPV6, &extensions), Class::Malformed("more than 16 IPv6 extension headers"));
    let snap = [0, 0, 0xAA, 0xAA, 3, 0, 0, 0].repeat(1000);
    assert_ne!(class(LinkType::ETHERNET, &[&ETHERNET[..], &snap].concat()), Class::Udp);
}

#[test]
fn padding_and_trailers_are_no_payload() {
    let frame = [&ethernet(0x0800, &UDP4)[..], &[0; 6], b"FCS!"].concat();
    assert_eq!(packet(LinkType::ETHERNET, &frame).payload, &UDP4[28..]);
    let longer_ip = with(&frame, 16, &[0, 44]);
    assert_eq!(packet(LinkType::ETHERNET, &longer_ip).payload, &UDP4[28..]);
}

#[test]
fn a_packet_without_a_length_is_the_rest_of_the_frame() {
    let v4 = with(&with(&UDP4, 2, &[0, 0]), 24, &[0, 0]);
    let cut = decode(LinkType::IPV4, &v4[..30], 70_000);
    let Decoded::Packet(packet) = cut else { panic!("{cut:?}") };
    assert_eq!((packet.payload, packet.payload_len), (&UDP4[28..30], 70_000 - 28));
    let v6 = with(&TCP6, 4, &[0, 0]);
    assert_eq!(self::packet(LinkType::IPV6, &v6).payload, &TCP6[64..]);
    let nothing = with(&TCP6, 4, &[0, 0, 59]);
    assert_eq!(class(LinkType::IPV6, &nothing), Class::OtherIpProtocol(59));
}

#[test]
fn a_claim_past_the_frame_counts_what_the_frame_had() {
    let longer = with(&with(&UDP4, 2, &[0xFF, 0xFF]), 24, &[0x7F, 0xFF]);
    let packet = packet(LinkType::RAW, &longer);
    assert_eq!((packet.payload, packet.payload_len), (&UDP4[28..], 12));
}

#[test]
fn headers_that_lie_are_malformed_and_say_how() {
    for (data, reason) in [
        (with(&UDP4, 0, &[0x44]), "IPv4 header length under 20 bytes"),
        (with(&UDP4, 0, &[0x4F]), "packet shorter than its IPv4 options"),
        (with(&UDP4, 0, &[0x55]), "IP version neither 4 nor 6"),
        (with(&UDP4, 3, &[19]), "IPv4 total length ends inside the IPv4 header"),
        (with(&UDP4, 3, &[27]), "IP packet ends inside the UDP header"),
        (with(&UDP4, 25, &[7]), "UDP length under 8 bytes"),
        (with(&UDP4, 25, &[21]), "UDP length past the IP packet"),
        (with(&TCP6, 5, &[19]), "IP packet ends inside the TCP header"),
        (with(&TCP6, 52, &[0x40]), "TCP data offset under 20 bytes"),
        (with(&TCP6, 52, &[0x70]), "TCP data offset past the IP packet"),
        (
            chained(0, &[6, 1, 0, 0, 0, 0, 0, 0])[..48].to_vec(),
            "packet shorter than its IPv6 extension headers",
        ),
    ] {
        assert_eq!(class(LinkType::RAW, &data), Class::Malformed(reason));
    }
    let other_version = class(LinkType::ETHERNET, &ethernet(0x0800, &TCP6));
    assert_eq!(other_version, Class::Malformed("IP version is not 4"));
    assert_eq!(class(LinkType::IPV6, &UDP4), Class::Malformed("IP version is not 6"));
    assert_eq!(class(LinkType::IPV6, &TCP6[..39]), Class::Malformed("packet shorter than its IPv6 header"));
}

#[test]
fn a_fragment_is_no_packet_by_itself() {
    for offset in [[0x20, 0], [0, 1], [0x3F, 0xFF]] {
        assert_eq!(class(LinkType::RAW, &with(&UDP4, 6, &offset)), Class::Fragment(17));
    }
    assert_eq!(class(LinkType::RAW, &with(&UDP4, 6, &[0xC0, 0])), Class::Udp);
    for (offset, expected) in
        [([0, 1], Class::Fragment(6)), ([0, 8], Class::Fragment(6)), ([0, 6], Class::Tcp)]
    {
        let header = [6, 0, offset[0], offset[1], 0, 0, 0, 1];
        assert_eq!(class(LinkType::RAW, &chained(44, &header)), expected);
    }
}

#[test]
fn extension_headers_are_passed() {
    let hop_by_hop = [60, 0, 5, 2, 0, 0, 1, 0];
    let destination = [43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let routing = [44, 0, 4, 0, 0, 0, 0, 0];
    let atomic = [6, 0, 0, 0, 0, 0, 0, 1];
    let data = chained(0, &[&hop_by_hop[..], &destination, &routing, &atomic].concat());
    let packet = packet(LinkType::RAW, &data);
    assert_eq!((packet.to().port, packet.payload, packet.payload_len), (443, &TCP6[64..], 2));
    for cut in 40..data.len() - 12 {
        assert_eq!(decode(LinkType::RAW, &data[..cut], 200).class(), Class::HeaderCut, "{cut}");
    }
}

#[test]
fn all_else_ends_in_a_class_with_its_number() {
    for (protocol, expected) in [
        (1, Class::Icmp(0xC3)),
        (2, Class::OtherIpProtocol(2)),
        (4, Class::Tunnel(Tunnel::IpInIp)),
        (41, Class::Tunnel(Tunnel::Ipv6InIp)),
        (47, Class::Tunnel(Tunnel::Gre)),
        (50, Class::Tunnel(Tunnel::Esp)),
        (51, Class::Tunnel(Tunnel::Ah)),
        (58, Class::OtherIpProtocol(58)),
        (97, Class::Tunnel(Tunnel::EtherIp)),
        (115, Class::Tunnel(Tunnel::L2tpIp)),
    ] {
        assert_eq!(class(LinkType::RAW, &with(&UDP4, 9, &[protocol])), expected);
    }
    for (ether_type, rest, expected) in [
        (0x0806, &UDP4[..], Class::Arp),
        (0x88CC, &UDP4, Class::OtherEtherType(0x88CC)),
        (0x05FF, &UDP4, Class::OtherEtherType(0x05FF)),
        (40, &[0x42, 0x42, 3, 0], Class::OtherLlc(0x4242)),
        (40, &[0xFF, 0xFF, 0, 40], Class::OtherLlc(0xFFFF)),
        (40, &[0xAA, 0xAA, 3, 0, 0, 12, 0x20, 0], Class::OtherLlc(0xAAAA)),
        (0, &[], Class::Malformed("frame shorter than its LLC header")),
    ] {
        assert_eq!(class(LinkType::ETHERNET, &ethernet(ether_type, rest)), expected);
    }
    assert_eq!(class(LinkType(147), &UDP4), Class::UnknownLinkType(147));
    assert_eq!(class(LinkType::NULL, &[0, 0, 0, 7, 1]), Class::OtherFamily(7));
    assert_eq!(class(LinkType::LINUX_SLL, &[&SLL[..], &[0, 1, 9]].concat()), Class::OtherLlc(0xFFFF));
    assert_eq!(class(LinkType::LINUX_SLL2, &sll2(0x000C, &[9])), Class::OtherEtherType(12));
}

#[test]
fn a_tunnel_over_udp_is_no_packet() {
    let vxlan = with(&with(&UDP4, 22, &4789_u16.to_be_bytes()), 28, &[8, 0, 0, 0, 0, 0, 42, 0]);
    assert_eq!(class(LinkType::RAW, &vxlan), Class::Tunnel(Tunnel::Vxlan));
    assert_eq!(class(LinkType::RAW, &with(&vxlan, 28, &[9])), Class::Udp);
}

/// An IPv4 packet from 192.0.2.1 to 192.168.1.5 that holds an ICMP message.
fn icmp4(kind: u8, quoted: &[u8]) -> Vec<u8> {
    let length = u8::try_from(28 + quoted.len()).unwrap();
    let header = [0x45, 0, 0, length, 0, 0, 0, 0, 250, 1, 0, 0, 192, 0, 2, 1, 192, 168, 1, 5];
    [&header[..], &[kind, 3, 0, 0, 0, 0, 0, 0], quoted].concat()
}

#[test]
fn icmp_errors_name_the_flow_they_are_about() {
    // Eight bytes of the datagram are what RFC 792 asks for; four hold the ports.
    for quoted in [&UDP4[..], &UDP4[..28], &UDP4[..24], &with(&UDP4, 2, &[8, 0])] {
        let data = icmp4(3, quoted);
        let Decoded::IcmpError(error) = whole(LinkType::RAW, &data) else { panic!("{quoted:?}") };
        assert_eq!((error.reporter.to_string().as_str(), error.kind, error.code), ("192.0.2.1", 3, 3));
        assert_eq!(error.quoted.protocol, Protocol::Udp);
        assert_eq!(error.quoted.ends.from().to_string(), "192.168.1.5:50000");
        assert_eq!(error.quoted.ends.to().to_string(), "213.19.144.104:53");
    }
    let mut data = [&TCP6[..40], &[1, 4, 0, 0, 0, 0, 0, 0], &TCP6[..48]].concat();
    data[5..7].copy_from_slice(&[56, 58]);
    let Decoded::IcmpError(error) = whole(LinkType::RAW, &data) else { panic!("no error") };
    assert_eq!((error.kind, error.quoted.protocol, error.quoted.ends.to().port), (1, Protocol::Tcp, 443));
}

#[test]
fn icmp_without_a_flow_is_counted_by_type() {
    assert_eq!(class(LinkType::RAW, &icmp4(8, &UDP4)), Class::Icmp(8));
    assert_eq!(class(LinkType::RAW, &icmp4(5, &UDP4)), Class::Icmp(5));
    assert_eq!(class(LinkType::RAW, &icmp4(3, &UDP4[..23])), Class::Icmp(3));
    assert_eq!(class(LinkType::RAW, &icmp4(11, &with(&UDP4, 6, &[0, 9]))), Class::Icmp(11));
    assert_eq!(class(LinkType::RAW, &icmp4(3, &icmp4(8, &[]))), Class::Icmp(3));
    let mut neighbour = TCP6.to_vec();
    neighbour[6] = 58;
    neighbour[40] = 135;
    assert_eq!(class(LinkType::RAW, &neighbour), Class::Icmpv6(135));
    for cut in 0..68 {
        let class = decode(LinkType::RAW, &icmp4(3, &UDP4)[..cut], 68).class();
        assert!(matches!(class, Class::HeaderCut | Class::Icmp(3) | Class::IcmpError), "{cut}: {class:?}");
    }
}

#[test]
fn classes_print_with_their_number() {
    for (class, text) in [
        (Class::Tcp, "tcp"),
        (Class::Malformed("UDP length under 8 bytes"), "malformed (UDP length under 8 bytes)"),
        (Class::Fragment(17), "fragment 17"),
        (Class::OtherEtherType(0x88CC), "other_ether_type 0x88cc"),
        (Class::Tunnel(Tunnel::WireGuard), "tunnel wireguard (UDP port 51820)"),
    ] {
        assert_eq!(class.to_string(), text);
    }
}

/// A packet that etherparse builds.
#[derive(Clone, Debug)]
struct Built {
    tags: Vec<u16>,
    addresses: (IpAddr, IpAddr),
    ports: (u16, u16),
    tcp: Option<(u32, u32, bool, bool)>,
    payload: Vec<u8>,
}

impl Built {
    fn bytes(&self) -> Vec<u8> {
        let ethernet = PacketBuilder::ethernet2(SENDER.unwrap().octets(), RECEIVER.unwrap().octets());
        let id = |place: usize| VlanId::try_new(self.tags[place]).unwrap();
        let mut bytes = Vec::new();
        let ip = match self.addresses {
            (IpAddr::V4(from), IpAddr::V4(to)) => (Some((from.octets(), to.octets())), None),
            (IpAddr::V6(from), IpAddr::V6(to)) => (None, Some((from.octets(), to.octets()))),
            _ => unreachable!("one family"),
        };
        let step = match (self.tags.len(), ip) {
            (0, (Some((from, to)), _)) => ethernet.ipv4(from, to, 64),
            (0, (_, Some((from, to)))) => ethernet.ipv6(from, to, 64),
            (1, (Some((from, to)), _)) => ethernet.single_vlan(id(0)).ipv4(from, to, 64),
            (1, (_, Some((from, to)))) => ethernet.single_vlan(id(0)).ipv6(from, to, 64),
            (_, (Some((from, to)), _)) => ethernet.double_vlan(id(0), id(1)).ipv4(from, to, 64),
            (_, (_, Some((from, to)))) => ethernet.double_vlan(id(0), id(1)).ipv6(from, to, 64),
            _ => unreachable!("one family"),
        };
        let Some((seq, ack, syn, has_ack)) = self.tcp else {
            step.udp(self.ports.0, self.ports.1).write(&mut bytes, &self.payload).unwrap();
            return bytes;
        };
        let mut step = step.tcp(self.ports.0, self.ports.1, seq, 1000);
        if syn {
            step = step.syn();
        }
        if has_ack {
            step = step.ack(ack);
        }
        step.write(&mut bytes, &self.payload).unwrap();
        bytes
    }
}

fn addresses() -> impl Strategy<Value = (IpAddr, IpAddr)> {
    prop_oneof![
        any::<(u32, u32)>().prop_map(|(a, b)| (Ipv4Addr::from(a).into(), Ipv4Addr::from(b).into())),
        any::<(u128, u128)>().prop_map(|(a, b)| (Ipv6Addr::from(a).into(), Ipv6Addr::from(b).into())),
    ]
}

prop_compose! {
    fn built()(
        tags in proptest::collection::vec(1_u16..4096, 0..3),
        addresses in addresses(),
        ports: (u16, u16),
        tcp in proptest::option::of(any::<(u32, u32, bool, bool)>()),
        payload in proptest::collection::vec(any::<u8>(), 0..60),
    ) -> Built {
        Built { tags, addresses, ports, tcp, payload }
    }
}

/// VLANs, ends, TCP sequence number, payload.
type Seen = (Vec<u16>, (IpAddr, IpAddr), (u16, u16), Option<u32>, Vec<u8>);

/// What etherparse makes of a frame, where it finds a whole TCP segment or UDP datagram.
fn oracle(data: &[u8]) -> Option<Seen> {
    let sliced = SlicedPacket::from_ethernet(data).ok()?;
    let tags = match sliced.vlan() {
        Some(VlanSlice::SingleVlan(tag)) => vec![tag.vlan_identifier().value()],
        Some(VlanSlice::DoubleVlan(tags)) => {
            vec![tags.outer.vlan_identifier().value(), tags.inner.vlan_identifier().value()]
        }
        None => Vec::new(),
    };
    let (from, to): (IpAddr, IpAddr) = match sliced.net.as_ref()? {
        NetSlice::Ipv4(v4) => (v4.header().source_addr().into(), v4.header().destination_addr().into()),
        NetSlice::Ipv6(v6) => (v6.header().source_addr().into(), v6.header().destination_addr().into()),
        NetSlice::Arp(_) => return None,
    };
    let (ports, seq, payload) = match sliced.transport.as_ref()? {
        TransportSlice::Tcp(tcp) => {
            ((tcp.source_port(), tcp.destination_port()), Some(tcp.sequence_number()), tcp.payload())
        }
        TransportSlice::Udp(udp) => ((udp.source_port(), udp.destination_port()), None, udp.payload()),
        _ => return None,
    };
    Some((tags, (from, to), ports, seq, payload.to_vec()))
}

#[test]
fn plain_frames_are_decoded_the_plain_way() {
    let (v4, v6) = (ethernet(0x0800, &UDP4), ethernet(0x86DD, &TCP6));
    for frame in [&v4, &v6] {
        let len = u32::try_from(frame.len()).unwrap();
        assert!(plain::decode(frame, len).is_some());
        assert_eq!(plain::decode(frame, len), plain::decode(frame, 0), "a length below the captured one");
    }
    let tagged = [&ETHERNET[..], &[0x81, 0, 0, 7, 8, 0], &UDP4].concat();
    for other in [tagged, with(&v4, 14, &[0x46]), with(&v4, 20, &[0x20]), v4[..40].to_vec(), vec![]] {
        assert!(plain::decode(&other, 99).is_none());
    }
}

proptest! {
    #[test]
    fn built_packets_decode_to_what_they_were_built_from(built in built(), padding in 0_usize..20) {
        let bytes = [built.bytes(), vec![0; padding]].concat();
        let decoded = whole(LinkType::ETHERNET, &bytes);
        if let Decoded::Other(Class::Tunnel(_)) = decoded {
            prop_assert!(built.tcp.is_none());
            return Ok(());
        }
        let Decoded::Packet(packet) = decoded else { panic!("{decoded:?}") };
        prop_assert_eq!((packet.from().address, packet.to().address), built.addresses);
        prop_assert_eq!((packet.from().port, packet.to().port), built.ports);
        prop_assert_eq!(packet.payload, &built.payload[..]);
        prop_assert_eq!(packet.payload_len as usize, built.payload.len());
        prop_assert_eq!(packet.vlan.ids().unwrap().collect::<Vec<_>>(), built.tags);
        match (packet.transport, built.tcp) {
            (Transport::Udp, None) => {}
            (Transport::Tcp(tcp), Some((seq, ack, syn, has_ack))) => {
                prop_assert_eq!(tcp.seq, seq);
                prop_assert_eq!(tcp.flags.has(TcpFlags::SYN), syn);
                prop_assert_eq!(tcp.flags.has(TcpFlags::ACK), has_ack);
                prop_assert!(!has_ack || tcp.ack == ack);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_plain_way_says_what_the_general_one_does_or_nothing(
        built in built(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        is_cut: bool,
        uncaptured in -3_i32..40,
    ) {
        let mut bytes = built.bytes();
        for (index, value) in damage {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let wire_len = u32::try_from(bytes.len()).unwrap().saturating_add_signed(uncaptured);
        if let Some(packet) = plain::decode(&bytes, wire_len) {
            prop_assert_eq!(Decoded::Packet(packet), decode_any(LinkType::ETHERNET, &bytes, wire_len));
        }
    }

    #[test]
    fn damaged_packets_decode_as_the_oracle_says(
        built in built(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = built.bytes();
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let ours = whole(LinkType::ETHERNET, &bytes);
        if let (Some(theirs), Decoded::Packet(packet)) = (oracle(&bytes), ours) {
            let seq = match packet.transport {
                Transport::Tcp(tcp) => Some(tcp.seq),
                Transport::Udp => None,
            };
            let tags: Vec<u16> = theirs.0.iter().copied().filter(|id| *id != 0).collect();
            let addresses = (packet.from().address, packet.to().address);
            let ports = (packet.from().port, packet.to().port);
            let ids = packet.vlan.ids().unwrap().collect::<Vec<_>>();
            prop_assert_eq!((ids, addresses, ports, seq, packet.payload.to_vec()), (tags, theirs.1, theirs.2, theirs.3, theirs.4));
        } else if oracle(&bytes).is_some() {
            // What only the oracle takes for a flow is a tunnel to us.
            prop_assert!(matches!(ours, Decoded::Other(Class::Tunnel(_))), "{:?}", ours);
        }
    }

    #[test]
    fn a_damaged_frame_of_any_link_type_keeps_within_the_frame(
        (link, mut data) in prop::sample::select(framed()),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        wire_len in 0_u32..2000,
    ) {
        for (place, value) in damage {
            let place = place.index(data.len());
            data[place] = value;
        }
        data.truncate(cut.index(2 * data.len()));
        if let Decoded::Packet(packet) = decode(link, &data, wire_len) {
            prop_assert!(packet.payload.len() <= packet.payload_len as usize);
            prop_assert!(packet.payload_len as usize <= data.len().max(wire_len as usize));
        }
    }
}

//! One frame, of any link type. Laws: what is plain decodes as the general way decodes it; the payload lies in the frame;
//! etherparse sees the same ports and payload in what both take for a packet of Ethernet.

use std::net::IpAddr;

use borderpost::frame::LinkType;
use borderpost::packet::{Decoded, Packet, Protocol, decode, plain};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};

use super::frames::frames;
use super::script::Script;

pub fn seeds() -> Vec<Vec<u8>> {
    let ethernet = frames(300).into_iter().map(|frame| [&[0, 0, 0][..], &frame].concat());
    // The packets of a raw link, and those behind other heads, are the same without Ethernet's.
    let raw = frames(60).into_iter().filter_map(|frame| Some([&[0, 1, 0][..], frame.get(14..)?].concat()));
    ethernet.chain(raw).collect()
}

/// Link types with a reader of their own, and one that has none.
const LINKS: [u16; 22] =
    [1, 101, 0, 9, 50, 51, 104, 105, 107, 108, 109, 113, 119, 127, 141, 149, 228, 229, 239, 253, 276, 999];

pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let (link, beyond) = (LinkType(script.one_of(&LINKS)), script.byte());
    let frame = script.rest();
    // What the capture left out of the frame.
    let wire_len = u32::try_from(frame.len()).unwrap_or(u32::MAX).wrapping_add(u32::from(beyond) << 2);
    let decoded = decode(link, frame, wire_len);
    let Decoded::Packet(packet) = decoded else { return };
    assert!(packet.payload.len() <= frame.len() && packet.payload_len <= wire_len, "{packet:?}");
    if let Some(same) = plain(link, frame, wire_len) {
        assert_eq!(same, packet);
    }
    if link == LinkType::ETHERNET && beyond == 0 {
        compare(&packet, frame);
    }
}

fn compare(packet: &Packet<'_>, frame: &[u8]) {
    let Ok(theirs) = SlicedPacket::from_ethernet(frame) else { return };
    let (protocol, ports, payload) = match &theirs.transport {
        Some(TransportSlice::Udp(udp)) => {
            (Protocol::Udp, [udp.source_port(), udp.destination_port()], udp.payload())
        }
        Some(TransportSlice::Tcp(tcp)) => {
            (Protocol::Tcp, [tcp.source_port(), tcp.destination_port()], tcp.payload())
        }
        _ => return,
    };
    let addresses = match &theirs.net {
        Some(NetSlice::Ipv4(ip)) => {
            [IpAddr::V4(ip.header().source_addr()), IpAddr::V4(ip.header().destination_addr())]
        }
        Some(NetSlice::Ipv6(ip)) => {
            [IpAddr::V6(ip.header().source_addr()), IpAddr::V6(ip.header().destination_addr())]
        }
        _ => return,
    };
    assert_eq!(packet.transport.protocol(), protocol);
    assert_eq!([packet.from().port, packet.to().port], ports);
    assert_eq!([packet.from().address, packet.to().address], addresses);
    assert_eq!(packet.payload, payload);
}

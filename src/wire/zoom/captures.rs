//! The readers against public captures: what holds Zoom is read whole, what does not is never certain.
//!
//! The captures lie outside the repository; where they are missing the tests say so and check nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::{Block, PcapBlockOwned, create_reader};

use super::*;
use crate::wire::Read;
use crate::wire::captures::shared;

/// One UDP datagram of a capture.
struct Datagram {
    ends: [(IpAddr, u16); 2],
    payload: Vec<u8>,
    wire_len: u32,
}

impl Datagram {
    fn has_port(&self, ports: std::ops::RangeInclusive<u16>) -> bool {
        self.ends.iter().any(|(_, port)| ports.contains(port))
    }
}

/// The UDP datagrams of a capture, also those inside GTP-U; `None` where the captures are missing.
fn datagrams(file: &str) -> Option<Vec<Datagram>> {
    let opened = std::fs::File::open(shared(&format!("captures/{file}"))?).unwrap();
    let mut reader = create_reader(1 << 20, opened).unwrap();
    let mut links = Vec::new();
    let mut found = Vec::new();
    loop {
        let (consumed, block) = match reader.next() {
            Ok(next) => next,
            Err(pcap_parser::PcapError::Eof) => return Some(found),
            Err(pcap_parser::PcapError::Incomplete(_)) => {
                reader.refill().unwrap();
                continue;
            }
            Err(error) => panic!("{file}: {error:?}"),
        };
        let (link, data) = match &block {
            PcapBlockOwned::LegacyHeader(header) => {
                links.push(header.network);
                (links[0], &[][..])
            }
            PcapBlockOwned::Legacy(frame) => (links[0], frame.data),
            PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                links.clear();
                (pcap_parser::Linktype(147), &[][..])
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                links.push(interface.linktype);
                (interface.linktype, &[][..])
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(frame)) => {
                let length = usize::try_from(frame.caplen).unwrap();
                (links[usize::try_from(frame.if_id).unwrap()], &frame.data[..length])
            }
            PcapBlockOwned::NG(_) => (pcap_parser::Linktype(147), &[][..]),
        };
        collect(link, data, &mut found);
        reader.consume(consumed);
    }
}

fn collect(link: pcap_parser::Linktype, data: &[u8], found: &mut Vec<Datagram>) {
    let sliced = match link.0 {
        1 => LaxSlicedPacket::from_ethernet(data).ok(),
        101 | 228 | 229 => LaxSlicedPacket::from_ip(data).ok(),
        113 => data.get(16..).and_then(|packet| LaxSlicedPacket::from_ip(packet).ok()),
        276 => data.get(20..).and_then(|packet| LaxSlicedPacket::from_ip(packet).ok()),
        _ => None,
    };
    if let Some(sliced) = sliced {
        udp(&sliced, found);
    }
}

fn udp(sliced: &LaxSlicedPacket<'_>, found: &mut Vec<Datagram>) {
    let Some(TransportSlice::Udp(datagram)) = &sliced.transport else { return };
    let (from, to) = match &sliced.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            (IpAddr::from(ip.header().source_addr()), IpAddr::from(ip.header().destination_addr()))
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            (IpAddr::from(ip.header().source_addr()), IpAddr::from(ip.header().destination_addr()))
        }
        _ => return,
    };
    // GTP-U with its optional word, as the one tunnelled capture has it.
    if datagram.destination_port() == 2152 {
        let header = if datagram.payload()[0].trailing_zeros() >= 3 { 8 } else { 12 };
        if let Ok(inner) = LaxSlicedPacket::from_ip(&datagram.payload()[header..]) {
            return udp(&inner, found);
        }
    }
    found.push(Datagram {
        ends: [(from, datagram.source_port()), (to, datagram.destination_port())],
        payload: datagram.payload().to_vec(),
        wire_len: u32::from(datagram.length()) - 8,
    });
}

/// How often each thing was said on Zoom's ports, read with the memory of each socket.
fn census(datagrams: &[Datagram]) -> BTreeMap<String, u32> {
    let mut sockets: BTreeMap<Vec<(IpAddr, u16)>, Socket> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for datagram in datagrams.iter().filter(|datagram| datagram.has_port(8801..=8810)) {
        let mut ends = datagram.ends.to_vec();
        ends.sort_unstable();
        let what = match sockets.entry(ends).or_default().read(&datagram.payload, datagram.wire_len) {
            Read::Done(message) => name(&message),
            Read::More => "cut".to_owned(),
            Read::NotMine(why) => why.to_owned(),
        };
        *counts.entry(what).or_insert(0) += 1;
    }
    counts
}

fn name(message: &Message) -> String {
    let what = match message.body {
        Body::Hello { .. } => "hello",
        Body::HelloReply { .. } => "hello reply",
        Body::KeepAlive { is_reply: false, .. } => "keep-alive",
        Body::KeepAlive { is_reply: true, .. } => "keep-alive reply",
        Body::Close { .. } => "close",
        Body::Data { media, .. } => match media {
            Media::Ack => "ack",
            Media::Bind(_) => "bind",
            Media::BindAck(_) => "bind ack",
            Media::Probe { filler: true } => "probe",
            Media::Probe { filler: false } => "feedback",
            Media::Rtcp(_) => "rtcp",
            Media::Stream(stream) => match stream.kind {
                MediaKind::Audio => "audio",
                MediaKind::Video => "video",
                MediaKind::Share => "share",
                MediaKind::SecondShare | MediaKind::Other(_) => "other media",
            },
            Media::Unknown { .. } => "unknown media",
        },
    };
    let doubt = if message.certainty == Certainty::Weak { "weak " } else { "" };
    format!("{doubt}{what}")
}

fn counts(expected: &[(&str, u32)]) -> BTreeMap<String, u32> {
    expected.iter().map(|&(what, count)| (what.to_owned(), count)).collect()
}

#[test]
fn a_meeting_of_2019_is_read_whole() {
    let Some(datagrams) = datagrams("ndpi-zoom.pcap") else { return };
    let media = [("ack", 2), ("bind", 3), ("bind ack", 3), ("feedback", 13), ("probe", 179), ("rtcp", 1)];
    let control = [("hello", 3), ("hello reply", 3), ("keep-alive", 38), ("keep-alive reply", 36)];
    assert_eq!(census(&datagrams), counts(&[&media[..], &control[..]].concat()));
}

#[test]
fn a_meeting_of_2022_is_read_whole() {
    let Some(datagrams) = datagrams("ndpi-zoom2.pcap") else { return };
    let media = [("ack", 28), ("audio", 139), ("bind", 12), ("bind ack", 12), ("probe", 61), ("rtcp", 7)];
    let control =
        [("close", 1), ("hello", 6), ("hello reply", 6), ("keep-alive", 28), ("keep-alive reply", 22)];
    assert_eq!(census(&datagrams), counts(&[&media[..], &control[..]].concat()));
}

#[test]
fn a_meeting_of_2025_joined_in_the_middle_is_read_whole() {
    let Some(datagrams) = datagrams("alizanoa-zoom-2025.pcapng") else { return };
    let media = [("ack", 9), ("audio", 1064), ("feedback", 95), ("rtcp", 55), ("video", 528)];
    let control = [("keep-alive", 73), ("keep-alive reply", 72)];
    assert_eq!(census(&datagrams), counts(&[&media[..], &control[..]].concat()));
}

#[test]
fn a_capture_cut_at_128_bytes_is_read_whole() {
    let Some(datagrams) = datagrams("princeton-zoom_test.pcap") else { return };
    let media = [("ack", 2), ("audio", 2), ("bind", 14), ("bind ack", 8), ("video", 12)];
    // One keep-alive overtook the reply that names its id.
    let control = [("hello", 6), ("hello reply", 6), ("keep-alive", 5), ("weak keep-alive", 1)];
    assert_eq!(census(&datagrams), counts(&[&media[..], &control[..]].concat()));
}

#[test]
fn every_reply_repeats_token_and_clock_of_one_copy_of_a_hello() {
    let mut replies = 0;
    for file in ["ndpi-zoom.pcap", "ndpi-zoom2.pcap", "princeton-zoom_test.pcap"] {
        let Some(datagrams) = datagrams(file) else { return };
        let mut asked = Vec::new();
        for datagram in &datagrams {
            match message(&datagram.payload, datagram.wire_len, None).done().map(|message| message.body) {
                Some(Body::Hello { token, clock }) => asked.push((token, clock)),
                Some(Body::HelloReply { token, clock, .. }) => {
                    assert_eq!(asked.iter().filter(|&&hello| hello == (token, clock)).count(), 1, "{file}");
                    replies += 1;
                }
                _ => {}
            }
        }
    }
    assert_eq!(replies, 15);
}

#[test]
fn media_between_participants_are_found_by_payload_alone() {
    let Some(datagrams) = datagrams("princeton-zoom_test.pcap") else { return };
    let streams: Vec<Stream> = datagrams
        .iter()
        .filter_map(|datagram| match p2p(&datagram.payload, datagram.wire_len) {
            Read::Done(P2p::Media(Media::Stream(stream))) => Some(stream),
            _ => None,
        })
        .collect();
    // What that repository's own tests say of its first packet.
    let rtp = Rtp { payload_type: 98, sequence: 26342, timestamp: 4_215_577_188, ssrc: Ssrc(16_778_241) };
    assert_eq!((streams.len(), streams[0]), (8, Stream { kind: MediaKind::Video, rtp }));
}

#[test]
fn stun_before_a_direct_call_is_found() {
    let Some(datagrams) = datagrams("ndpi-zoom.pcap") else { return };
    let found: Vec<_> = datagrams
        .iter()
        .filter_map(|datagram| stun(&datagram.payload).done().map(|stun| (stun, datagram)))
        .collect();
    let requests = found.iter().filter(|(stun, _)| matches!(stun, Stun::Request { .. })).count();
    assert_eq!((found.len(), requests), (18, 9));
    assert!(found.iter().all(|(_, datagram)| datagram.has_port(3478..=3479)));
}

/// Other calls, and the web client, which speaks STUN and DTLS on the native client's port.
#[test]
fn nothing_else_is_ever_certain() {
    const OTHERS: [&str; 18] = [
        "ndpi-teams.pcap",
        "ndpi-stun_google_meet.pcapng",
        "ndpi-stun_dtls_rtp.pcapng",
        "ndpi-stun_zoom.pcapng",
        "ndpi-webex.pcap",
        "ndpi-android.pcap",
        "ndpi-dns.pcap",
        "ndpi-quic-v2.pcapng",
        "ndpi-sites.pcapng",
        "pcapplusplus-DnsPackets.pcap",
        "pcapplusplus-VlanPackets.pcap",
        "pcapplusplus-raw_ip.pcap",
        "pcapplusplus-sll.pcap",
        "retina-quic_kyber.pcapng",
        "zeek-quic-chromium.pcap",
        "zeek-sll2-tls.pcap",
        "hadrielk-le-test102.pcapng",
        "gopacket-test_loopback.pcap",
    ];
    let mut seen = 0;
    for file in OTHERS {
        let Some(datagrams) = datagrams(file) else { return };
        let mut sockets: BTreeMap<Vec<(IpAddr, u16)>, Socket> = BTreeMap::new();
        for datagram in &datagrams {
            let mut ends = datagram.ends.to_vec();
            ends.sort_unstable();
            let socket = sockets.entry(ends).or_default();
            let _ = socket.read(&datagram.payload, datagram.wire_len);
            assert!(!socket.is_proven(), "{file}: {:?}", datagram.ends);
            assert!(
                p2p(&datagram.payload, datagram.wire_len).done().is_none(),
                "{file}: {:?}",
                datagram.ends
            );
            assert!(stun(&datagram.payload).done().is_none(), "{file}: {:?}", datagram.ends);
        }
        seen += datagrams.len();
    }
    assert!(seen > 1000, "only {seen} datagrams");
}

//! The shipped captures: made anew from their scenarios they are the same byte for byte, and readers that this project
//! did not write find in them what the scenarios say.
//!
//! `UPDATE_CAPTURES=1 cargo test --test captures` rewrites the shipped files.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails its test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use generator::Made;
use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::RData;
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, OptionCode, PcapBlockOwned, PcapNGSlice};
use sha2::{Digest, Sha256};
use tls_parser::{DTLSMessage, DTLSMessageHandshakeBody, TlsExtension, TlsMessage, TlsMessageHandshake};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

#[path = "../captures/generator/mod.rs"]
mod generator;

#[test]
fn a_scenario_makes_the_shipped_capture_byte_for_byte() {
    let update = std::env::var_os("UPDATE_CAPTURES").is_some();
    for (name, made) in &*MADE {
        if update {
            made.save(&folder(), name).unwrap();
        }
        let shipped = fs::read(folder().join(format!("{name}.pcapng"))).unwrap_or_default();
        assert!(shipped == made.capture, "{name}: {}\n{HINT}", difference(&shipped, &made.capture));
        let manifest = fs::read_to_string(folder().join(format!("{name}.manifest.toml"))).unwrap_or_default();
        assert_eq!(manifest, made.manifest, "{name}: the manifest differs\n{HINT}");
    }
}

#[test]
fn a_manifest_has_the_checksum_and_the_counts_of_its_file() {
    for (name, made) in &*MADE {
        let manifest: toml::Table = toml::from_str(&made.manifest).unwrap();
        let sha256 = Sha256::digest(&made.capture).iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        assert_eq!(manifest["sha256"].as_str(), Some(&*sha256), "{name}");
        assert_eq!(manifest["capture"].as_str(), Some(&*format!("{name}.pcapng")));
        assert_eq!(manifest["bytes"].as_integer(), i64::try_from(made.capture.len()).ok(), "{name}");
        assert_eq!(
            manifest["frames"].as_integer(),
            i64::try_from(frames(&made.capture).len()).ok(),
            "{name}"
        );
    }
}

#[test]
fn every_capture_has_a_scenario_and_a_line_in_the_readme() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let shipped =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let captures: BTreeSet<String> =
        shipped.filter_map(|file| file.strip_suffix(".pcapng").map(str::to_owned)).collect();
    assert_eq!(captures, MADE.keys().cloned().collect());
    for name in captures {
        assert!(readme.contains(&format!("| `{name}` |")), "{name} is not in captures/README.md");
    }
}

#[test]
fn a_capture_is_small_short_and_in_order_of_time() {
    for (name, made) in &*MADE {
        let frames = frames(&made.capture);
        let seconds = (frames.last().unwrap().at - frames[0].at) / 1_000_000_000;
        assert!(made.capture.len() <= 400_000, "{name}: {} bytes", made.capture.len());
        assert!((20..=60).contains(&seconds), "{name}: {seconds} s");
        assert!(frames.is_sorted_by_key(|frame| frame.at), "{name}");
    }
}

#[test]
fn every_checksum_is_right() {
    for_each_packet(|at, packet| {
        let (from, to) = (packet.net.as_ref().unwrap(), packet.transport.as_ref().unwrap());
        let payload = packet.ip_payload().unwrap().payload;
        let (computed, stored) = match (from, to) {
            (NetSlice::Ipv4(ip), TransportSlice::Udp(udp)) => {
                let ip = ip.header();
                assert_eq!(ip.to_header().calc_header_checksum(), ip.header_checksum(), "{at}");
                (
                    udp.to_header()
                        .calc_checksum_ipv4_raw(ip.source(), ip.destination(), udp.payload())
                        .unwrap(),
                    udp.checksum(),
                )
            }
            (NetSlice::Ipv4(ip), TransportSlice::Tcp(tcp)) => {
                let ip = ip.header();
                assert_eq!(ip.to_header().calc_header_checksum(), ip.header_checksum(), "{at}");
                (tcp.calc_checksum_ipv4(ip.source(), ip.destination()).unwrap(), tcp.checksum())
            }
            (NetSlice::Ipv6(ip), TransportSlice::Tcp(tcp)) => {
                let ip = ip.header();
                (tcp.calc_checksum_ipv6(ip.source(), ip.destination()).unwrap(), tcp.checksum())
            }
            (NetSlice::Ipv6(ip), TransportSlice::Udp(udp)) => {
                let ip = ip.header();
                (
                    udp.to_header()
                        .calc_checksum_ipv6_raw(ip.source(), ip.destination(), udp.payload())
                        .unwrap(),
                    udp.checksum(),
                )
            }
            _ => panic!("{at}: neither TCP nor UDP: {payload:?}"),
        };
        assert_eq!(computed, stored, "{at}");
    });
}

#[test]
fn a_tcp_stream_has_no_gap_and_acknowledges_only_what_was_sent() {
    for (name, made) in &*MADE {
        let is_window = scenario(name).contains_key("window");
        // The next sequence number of each sender.
        let mut next: BTreeMap<(SocketAddr, SocketAddr), u32> = BTreeMap::new();
        for frame in frames(&made.capture) {
            let packet = SlicedPacket::from_ethernet(&frame.data).unwrap();
            let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { continue };
            let (from, to) = ends(&packet);
            let expected = *next.entry((from, to)).or_insert(tcp.sequence_number());
            assert_eq!(tcp.sequence_number(), expected, "{name} {}: {from} to {to}", frame.number);
            let length =
                u32::try_from(tcp.payload().len()).unwrap() + u32::from(tcp.syn()) + u32::from(tcp.fin());
            next.insert((from, to), expected.wrapping_add(length));
            if tcp.ack() {
                // Where the capture begins midway, the other end may have said nothing yet.
                let Some(sent) = next.get(&(to, from)) else {
                    assert!(is_window, "{name} {}", frame.number);
                    continue;
                };
                let ahead = tcp.acknowledgment_number().wrapping_sub(*sent).cast_signed();
                assert!(ahead <= 0, "{name} {}: {ahead} bytes too many", frame.number);
            }
        }
    }
}

#[test]
fn a_round_trip_is_never_shorter_than_the_scenario_says() {
    for (name, made) in &*MADE {
        let scenario = scenario(name);
        let mut asked: BTreeMap<(SocketAddr, SocketAddr), u64> = BTreeMap::new();
        let mut measured = 0;
        for frame in frames(&made.capture) {
            let packet = SlicedPacket::from_ethernet(&frame.data).unwrap();
            let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { continue };
            let (from, to) = ends(&packet);
            if tcp.syn() && !tcp.ack() {
                asked.insert((from, to), frame.at);
            } else if tcp.syn() {
                let nanos = frame.at - asked[&(to, from)];
                let least = host_at(&scenario, from.ip())["rtt_ms"].as_float().unwrap() * 1e6;
                let most = least * 1.05 + 300_000.0;
                #[expect(clippy::cast_precision_loss, reason = "a round trip is far below 2^52 ns")]
                let nanos = nanos as f64;
                assert!((least..most).contains(&nanos), "{name} {}: {nanos} ns", frame.number);
                measured += 1;
            }
        }
        assert_eq!(measured, over_tls(&scenario).count(), "{name}");
    }
}

#[test]
fn every_name_is_looked_up_and_answered_with_its_addresses() {
    for (name, made) in &*MADE {
        let scenario = scenario(name);
        let mut questions = BTreeMap::new();
        let mut answered: BTreeSet<(String, IpAddr)> = BTreeSet::new();
        for frame in frames(&made.capture) {
            let packet = SlicedPacket::from_ethernet(&frame.data).unwrap();
            let Some(TransportSlice::Udp(udp)) = &packet.transport else { continue };
            if udp.source_port() != 53 && udp.destination_port() != 53 {
                continue;
            }
            let message = Message::from_vec(udp.payload()).unwrap();
            let question = message.queries[0].clone();
            if message.metadata.message_type == MessageType::Query {
                questions.insert((udp.source_port(), message.metadata.id), question);
                continue;
            }
            assert_eq!(questions[&(udp.destination_port(), message.metadata.id)], question, "{name}");
            let asked = question.name().to_string();
            answered.extend(message.answers.iter().filter_map(|record| match record.data {
                RData::A(address) => Some((asked.clone(), IpAddr::V4(address.0))),
                RData::AAAA(address) => Some((asked.clone(), IpAddr::V6(address.0))),
                _ => None,
            }));
        }
        let expected = steps(&scenario, "dns").flat_map(|step| step["hosts"].as_array().unwrap().clone());
        let expected = expected.flat_map(|host| {
            let host = host_named(&scenario, host.as_str().unwrap());
            let name = format!("{}.", host["name"].as_str().unwrap());
            addresses(host).map(move |address| (name.clone(), address)).collect::<Vec<_>>()
        });
        assert_eq!(answered, expected.collect(), "{name}");
    }
}

#[test]
fn every_tls_connection_names_its_host_and_tls_1_2_shows_its_certificate() {
    for (name, made) in &*MADE {
        let scenario = scenario(name);
        let streams = streams(&made.capture);
        let mut seen = 0;
        for ((from, to), sent) in &streams {
            let Some((server_name, alpn)) = client_hello(sent) else { continue };
            seen += 1;
            let host = host_at(&scenario, to.ip());
            assert_eq!(Some(&*server_name), host["name"].as_str(), "{name}: {from} to {to}");
            assert_eq!(
                alpn.as_deref(),
                host.get("alpn").and_then(toml::Value::as_str),
                "{name}: {server_name}"
            );
            let certified = certificate_names(&streams[&(*to, *from)]);
            if host.get("stack").and_then(toml::Value::as_str) == Some("tls12") {
                let expected = host["certificate"].as_array().unwrap().iter();
                let expected: Vec<&str> = expected.map(|name| name.as_str().unwrap()).collect();
                assert_eq!(certified, expected, "{name}: {server_name}");
            } else {
                assert!(certified.is_empty(), "{name}: {server_name} shows {certified:?}");
            }
        }
        assert_eq!(seen, over_tls(&scenario).count(), "{name}");
    }
}

#[test]
fn a_meeting_binds_every_socket_to_one_id_and_closes_all_of_them() {
    for (name, made) in &*MADE {
        let scenario = scenario(name);
        let sockets: usize =
            steps(&scenario, "meeting").map(|step| step["sockets"].as_array().unwrap().len()).sum();
        let meetings = steps(&scenario, "meeting").count();
        let (mut hellos, mut ids, mut closed) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        for frame in frames(&made.capture) {
            let packet = SlicedPacket::from_ethernet(&frame.data).unwrap();
            let Some(TransportSlice::Udp(udp)) = &packet.transport else { continue };
            if udp.destination_port() != 8801 {
                continue;
            }
            let (port, payload) = (udp.source_port(), udp.payload());
            match payload[0] {
                0x01 => hellos.entry((port, payload[3..19].to_vec())).or_insert_with(Vec::new).push(frame.at),
                0x05 if payload[8..].starts_with(&[0x0c, 1]) => _ = ids.insert(payload[10..26].to_vec()),
                0x05 if payload[8..].starts_with(&[0x0d]) => _ = ids.insert(payload[17..33].to_vec()),
                0x07 => _ = closed.insert(port),
                _ => {}
            }
        }
        assert_eq!((hellos.len(), closed.len(), ids.len()), (sockets, sockets, meetings), "{name}");
        for times in hellos.values() {
            assert!((98_000_000..102_000_000).contains(&(times[1] - times[0])), "{name}: {times:?}");
        }
    }
}

#[test]
fn a_browser_checks_its_consent_and_is_told_its_address() {
    for (name, made) in &*MADE {
        let scenario = scenario(name);
        let sessions: usize =
            steps(&scenario, "browser").map(|step| step["sessions"].as_array().unwrap().len()).sum();
        let mapped = scenario["client"].get("public_ipv4").map(|address| address.as_str().unwrap());
        let mut asked: BTreeMap<Vec<u8>, SocketAddr> = BTreeMap::new();
        let mut checks: BTreeMap<SocketAddr, Vec<u64>> = BTreeMap::new();
        for frame in frames(&made.capture) {
            let packet = SlicedPacket::from_ethernet(&frame.data).unwrap();
            let Some(TransportSlice::Udp(udp)) = &packet.transport else { continue };
            let (payload, (from, to)) = (udp.payload(), ends(&packet));
            if payload.get(4..8) != Some(&[0x21, 0x12, 0xa4, 0x42]) {
                continue;
            }
            let at = format!("{name}, frame {}", frame.number);
            assert_eq!(usize::from(u16::from_be_bytes([payload[2], payload[3]])) + 20, payload.len(), "{at}");
            let (before, fingerprint) = payload.split_at(payload.len() - 8);
            let mut sum = flate2::Crc::new();
            sum.update(before);
            let expected = [&[0x80, 0x28, 0, 4][..], &(sum.sum() ^ 0x5354_554e).to_be_bytes()].concat();
            assert_eq!(fingerprint, expected, "{at}");
            let id = payload[8..20].to_vec();
            if payload[..2] == [0, 1] {
                assert_eq!((payload[20..24].to_vec(), payload[60]), (vec![0, 6, 0, 73], b':'), "{at}");
                asked.insert(id, from);
                checks.entry(from).or_default().push(frame.at);
            } else {
                assert_eq!(asked.get(&id), Some(&to), "{at}");
                assert_eq!(payload[20..26], [0, 0x20, 0, 8, 0, 1], "{at}");
                let octets: [u8; 4] =
                    std::array::from_fn(|place| payload[28 + place] ^ [0x21, 0x12, 0xa4, 0x42][place]);
                assert_eq!(Some(&*std::net::Ipv4Addr::from(octets).to_string()), mapped, "{at}");
            }
        }
        assert_eq!(checks.len(), sessions, "{name}");
        for times in checks.values() {
            let apart = times.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000_000);
            assert!(times.len() > 3, "{name}");
            assert!(apart.into_iter().all(|millis| (4000..=6500).contains(&millis)), "{name}: {times:?}");
        }
    }
}

#[test]
fn dtls_shows_the_certificate_of_the_gateway() {
    for (name, made) in &*MADE {
        let scenario = scenario(name);
        let mut shown: BTreeMap<SocketAddr, Vec<String>> = BTreeMap::new();
        let mut offered = BTreeSet::new();
        for frame in frames(&made.capture) {
            let packet = SlicedPacket::from_ethernet(&frame.data).unwrap();
            let Some(TransportSlice::Udp(udp)) = &packet.transport else { continue };
            let mut rest = udp.payload();
            // Records of the handshake in clear: type 22, version 1.2, epoch 0.
            while rest.starts_with(&[22, 0xfe, 0xfd, 0, 0]) {
                let (after, header) = tls_parser::parse_dtls_record_header(rest).unwrap();
                let (body, after) = after.split_at(usize::from(header.length));
                rest = after;
                // The server's key exchange is not read by this reader.
                let Ok((_, DTLSMessage::Handshake(message))) = tls_parser::parse_dtls_message_handshake(body)
                else {
                    assert_eq!(body[0], 12, "{name}");
                    continue;
                };
                match message.body {
                    DTLSMessageHandshakeBody::Certificate(chain) => {
                        let (_, leaf) = X509Certificate::from_der(chain.cert_chain[0].data).unwrap();
                        shown.insert(ends(&packet).1, subject_names(&leaf));
                    }
                    DTLSMessageHandshakeBody::ClientHello(_) => _ = offered.insert(ends(&packet).0),
                    _ => {}
                }
            }
        }
        let sessions = steps(&scenario, "browser").flat_map(|step| {
            let host = host_named(&scenario, step["host"].as_str().unwrap());
            let names = host["certificate"].as_array().unwrap().iter();
            let names: Vec<String> = names.map(|name| name.as_str().unwrap().to_owned()).collect();
            std::iter::repeat_n(names, step["sessions"].as_array().unwrap().len())
        });
        assert_eq!(shown.values().cloned().collect::<Vec<_>>(), sessions.collect::<Vec<_>>(), "{name}");
        assert_eq!(shown.into_keys().collect::<BTreeSet<_>>(), offered, "{name}");
    }
}

#[test]
fn comments_stand_beside_the_first_packet_of_their_time() {
    for (name, made) in &*MADE {
        let scenario = scenario(name);
        let start: jiff::Timestamp = scenario["start"].as_str().unwrap().parse().unwrap();
        let start = u64::try_from(start.as_nanosecond()).unwrap();
        let nothing = Vec::new();
        let expected = scenario.get("comment").map_or(&nothing, |comments| comments.as_array().unwrap());
        let frames = frames(&made.capture);
        let found: Vec<&Frame> = frames.iter().filter(|frame| frame.comment.is_some()).collect();
        assert_eq!(found.len(), expected.len(), "{name}");
        for (frame, comment) in found.iter().zip(expected) {
            assert_eq!(frame.comment.as_deref(), comment["text"].as_str(), "{name}");
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "seconds of a capture"
            )]
            let due = start + (seconds(&comment["at"]) * 1e9) as u64;
            let first = frames.iter().find(|frame| frame.at >= due).unwrap();
            assert_eq!(frame.number, first.number, "{name}");
        }
    }
}

#[test]
fn a_window_shows_no_beginning_and_no_end() {
    let made = &MADE["joined-midway"];
    let mut media = 0;
    for frame in frames(&made.capture) {
        let packet = SlicedPacket::from_ethernet(&frame.data).unwrap();
        match packet.transport.as_ref().unwrap() {
            TransportSlice::Tcp(tcp) => assert!(!tcp.syn() && !tcp.fin(), "{}", frame.number),
            TransportSlice::Udp(udp) => {
                assert!([udp.source_port(), udp.destination_port()].contains(&8801), "{}", frame.number);
                assert!((3..=5).contains(&udp.payload()[0]), "{}", frame.number);
                media += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(media > 100, "{media}");
}

#[test]
fn a_vpn_leaves_nothing_but_sealed_packets() {
    let frames = frames(&MADE["through-a-vpn"].capture);
    let mut kinds: BTreeMap<u8, usize> = BTreeMap::new();
    let first = frames.iter().position(|frame| sealed(frame).is_some()).unwrap();
    for frame in &frames[first..] {
        let payload = sealed(frame).unwrap_or_else(|| panic!("frame {} is outside", frame.number));
        assert_eq!(payload[1..4], [0; 3]);
        match payload[0] {
            1 => assert_eq!(payload.len(), 148),
            2 => assert_eq!(payload.len(), 92),
            4 => assert!(payload.len() >= 32 && payload.len().is_multiple_of(16), "{}", payload.len()),
            other => panic!("message {other}"),
        }
        assert!(frame.data.len() <= 1514, "{}", frame.data.len());
        *kinds.entry(payload[0]).or_default() += 1;
    }
    assert!(kinds[&1] == 1 && kinds[&2] == 1 && kinds[&4] > 300, "{kinds:?}");
    // What is inside is in no frame in clear.
    let capture = &MADE["through-a-vpn"].capture;
    assert!(!capture.windows(4).any(|part| part == b"zoom"));
}

/// The payload of a frame to or from `WireGuard`'s port.
fn sealed(frame: &Frame) -> Option<Vec<u8>> {
    let packet = SlicedPacket::from_ethernet(&frame.data).unwrap();
    let Some(TransportSlice::Udp(udp)) = &packet.transport else { return None };
    [udp.source_port(), udp.destination_port()].contains(&51820).then(|| udp.payload().to_vec())
}

#[test]
fn a_machine_without_ipv4_sends_none() {
    for frame in frames(&MADE["ipv6-only"].capture) {
        let packet = SlicedPacket::from_ethernet(&frame.data).unwrap();
        assert!(matches!(packet.net, Some(NetSlice::Ipv6(_))), "frame {}", frame.number);
    }
}

#[test]
fn a_scenario_that_names_an_unknown_host_is_refused_with_its_place() {
    let scratch = tempfile::tempdir().unwrap();
    fs::create_dir(scratch.path().join("scenarios")).unwrap();
    let text = fs::read_to_string(folder().join("scenarios/eea-meeting.toml")).unwrap();
    let text = text.replace("host = \"eu01web.zoom.us\"", "host = \"eu09web.zoom.us\"");
    fs::write(scratch.path().join("scenarios/broken.toml"), text).unwrap();
    let error = generator::make(scratch.path(), "broken").unwrap_err().to_string();
    assert!(error.contains("scenarios/broken.toml:"), "{error}");
    assert!(error.contains("no [[host]] has this name"), "{error}");
}

/// A frame of a capture, as pcap-parser reads it.
struct Frame {
    number: usize,
    at: u64,
    data: Vec<u8>,
    comment: Option<String>,
}

static MADE: LazyLock<BTreeMap<String, Made>> = LazyLock::new(|| {
    let names = generator::scenarios(&folder()).unwrap();
    names.into_iter().map(|name| (name.clone(), generator::make(&folder(), &name).unwrap())).collect()
});

const HINT: &str = "to accept: UPDATE_CAPTURES=1 cargo test --test captures";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

fn frames(capture: &[u8]) -> Vec<Frame> {
    let blocks = PcapNGSlice::from_slice(capture).unwrap().map(Result::unwrap);
    let packets = blocks.filter_map(|block| match block {
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            assert_eq!(packet.caplen, packet.origlen);
            let comment = packet.options.iter().find(|option| option.code == OptionCode::Comment);
            let comment =
                comment.map(|option| String::from_utf8(option.as_bytes().unwrap().to_vec()).unwrap());
            let data = packet.packet_data().to_vec();
            Some((u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low), data, comment))
        }
        _ => None,
    });
    (1..).zip(packets).map(|(number, (at, data, comment))| Frame { number, at, data, comment }).collect()
}

fn for_each_packet(mut check: impl FnMut(&str, &SlicedPacket<'_>)) {
    for (name, made) in &*MADE {
        for frame in frames(&made.capture) {
            let packet = SlicedPacket::from_ethernet(&frame.data).unwrap();
            check(&format!("{name}, frame {}", frame.number), &packet);
        }
    }
}

fn ends(packet: &SlicedPacket<'_>) -> (SocketAddr, SocketAddr) {
    let (from, to): (IpAddr, IpAddr) = match packet.net.as_ref().unwrap() {
        NetSlice::Ipv4(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        NetSlice::Ipv6(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        NetSlice::Arp(_) => panic!("no ARP is made"),
    };
    let (from_port, to_port) = match packet.transport.as_ref().unwrap() {
        TransportSlice::Tcp(tcp) => (tcp.source_port(), tcp.destination_port()),
        TransportSlice::Udp(udp) => (udp.source_port(), udp.destination_port()),
        other => panic!("neither TCP nor UDP: {other:?}"),
    };
    (SocketAddr::new(from, from_port), SocketAddr::new(to, to_port))
}

/// What each sender said on TCP; nothing is lost or reordered in a made capture.
fn streams(capture: &[u8]) -> BTreeMap<(SocketAddr, SocketAddr), Vec<u8>> {
    let mut streams: BTreeMap<_, Vec<u8>> = BTreeMap::new();
    for frame in frames(capture) {
        let packet = SlicedPacket::from_ethernet(&frame.data).unwrap();
        if let Some(TransportSlice::Tcp(tcp)) = &packet.transport {
            streams.entry(ends(&packet)).or_default().extend_from_slice(tcp.payload());
        }
    }
    streams
}

/// Server name and ALPN of the ClientHello at the head of a stream.
fn client_hello(stream: &[u8]) -> Option<(String, Option<String>)> {
    let (_, record) = tls_parser::parse_tls_plaintext(stream).ok()?;
    let TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)) = record.msg.first()? else {
        return None;
    };
    let (_, extensions) = tls_parser::parse_tls_client_hello_extensions(hello.ext?).ok()?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let name = extensions.iter().find_map(|extension| match extension {
        TlsExtension::SNI(names) => names.first().map(|(_, name)| text(name)),
        _ => None,
    });
    let alpn = extensions.iter().find_map(|extension| match extension {
        TlsExtension::ALPN(names) => names.first().map(|name| text(name)),
        _ => None,
    });
    name.map(|name| (name, alpn))
}

/// The DNS names in the certificate at the head of a server's stream, where it can be read.
fn certificate_names(stream: &[u8]) -> Vec<String> {
    let mut rest = stream;
    while let Ok((after, record)) = tls_parser::parse_tls_plaintext(rest) {
        for message in &record.msg {
            let TlsMessage::Handshake(TlsMessageHandshake::Certificate(chain)) = message else { continue };
            let (_, certificate) = X509Certificate::from_der(chain.cert_chain[0].data).unwrap();
            return subject_names(&certificate);
        }
        rest = after;
    }
    Vec::new()
}

fn subject_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().unwrap().unwrap().value;
    names.general_names.iter().filter_map(dns_name).collect()
}

fn dns_name(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(name) = name { Some((*name).to_owned()) } else { None }
}

fn scenario(name: &str) -> toml::Table {
    toml::from_str(&fs::read_to_string(folder().join(format!("scenarios/{name}.toml"))).unwrap()).unwrap()
}

/// The steps of a kind whose beginning the captured interface sees: not before the window, not inside the VPN.
fn steps<'a>(scenario: &'a toml::Table, kind: &'a str) -> impl Iterator<Item = &'a toml::Value> {
    let limit = |table: &str, key: &str| scenario.get(table).map(|table| seconds(&table[key]));
    let from = limit("window", "from").unwrap_or(0.0);
    let until = limit("vpn", "at").unwrap_or(f64::INFINITY);
    let steps = scenario["step"].as_array().unwrap().iter();
    steps.filter(move |step| {
        step["do"].as_str() == Some(kind) && (from..=until).contains(&seconds(&step["at"]))
    })
}

/// The connections over TCP, as far as they are seen to begin.
fn over_tls(scenario: &toml::Table) -> impl Iterator<Item = &toml::Value> {
    steps(scenario, "connect").filter(|step| {
        let host = host_named(scenario, step["host"].as_str().unwrap());
        host.get("stack").and_then(toml::Value::as_str) != Some("quic")
    })
}

fn seconds(value: &toml::Value) -> f64 {
    value.as_float().unwrap()
}

fn host_named<'a>(scenario: &'a toml::Table, name: &str) -> &'a toml::Value {
    hosts(scenario).find(|host| host["name"].as_str() == Some(name)).unwrap()
}

fn host_at(scenario: &toml::Table, address: IpAddr) -> &toml::Value {
    hosts(scenario).find(|host| addresses(host).any(|of_host| of_host == address)).unwrap()
}

fn hosts(scenario: &toml::Table) -> impl Iterator<Item = &toml::Value> {
    scenario["host"].as_array().unwrap().iter()
}

fn addresses(host: &toml::Value) -> impl Iterator<Item = IpAddr> {
    let addresses = ["ipv4", "ipv6"].into_iter().filter_map(|family| host.get(family));
    addresses.map(|address| address.as_str().unwrap().parse().unwrap())
}

/// Where two captures part, for people.
fn difference(shipped: &[u8], made: &[u8]) -> String {
    if shipped.is_empty() {
        return "nothing is shipped".to_owned();
    }
    let (shipped, made) = (frames(shipped), frames(made));
    let pairs = shipped.iter().zip(&made);
    let first = pairs.clone().find(|(shipped, made)| (shipped.at, &shipped.data) != (made.at, &made.data));
    let counts = format!("{} frames are shipped, {} are made", shipped.len(), made.len());
    first.map_or(counts.clone(), |(shipped, made)| {
        let lengths = (shipped.data.len(), made.data.len());
        let later = i128::from(made.at) - i128::from(shipped.at);
        format!("{counts}; frame {} differs: lengths {lengths:?}, {later} ns later", made.number)
    })
}

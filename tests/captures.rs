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
use pcap_parser::{Block, PcapBlockOwned, PcapNGSlice};
use sha2::{Digest, Sha256};
use tls_parser::{TlsExtension, TlsMessage, TlsMessageHandshake};
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
            _ => panic!("{at}: neither TCP nor UDP over IPv4: {payload:?}"),
        };
        assert_eq!(computed, stored, "{at}");
    });
}

#[test]
fn a_tcp_stream_has_no_gap_and_acknowledges_only_what_was_sent() {
    for (name, made) in &*MADE {
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
                let ahead = tcp.acknowledgment_number().wrapping_sub(next[&(to, from)]).cast_signed();
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
        assert!(measured > 4, "{name}");
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
        let over_tls = steps(&scenario, "connect").filter(|step| {
            let host = host_named(&scenario, step["host"].as_str().unwrap());
            host.get("stack").and_then(toml::Value::as_str) != Some("quic")
        });
        assert_eq!(seen, over_tls.count(), "{name}");
    }
}

#[test]
fn a_meeting_binds_every_socket_to_one_id_and_closes_all_of_them() {
    for (name, made) in &*MADE {
        let scenario = scenario(name);
        let sockets: usize =
            steps(&scenario, "meeting").map(|step| step["sockets"].as_array().unwrap().len()).sum();
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
        assert_eq!((hellos.len(), closed.len(), ids.len()), (sockets, sockets, 1), "{name}");
        for times in hellos.values() {
            assert!((98_000_000..102_000_000).contains(&(times[1] - times[0])), "{name}: {times:?}");
        }
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
            let data = packet.packet_data().to_vec();
            Some((u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low), data))
        }
        _ => None,
    });
    (1..).zip(packets).map(|(number, (at, data))| Frame { number, at, data }).collect()
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
            let names = certificate.subject_alternative_name().unwrap().unwrap().value;
            return names.general_names.iter().filter_map(dns_name).collect();
        }
        rest = after;
    }
    Vec::new()
}

fn dns_name(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(name) = name { Some((*name).to_owned()) } else { None }
}

fn scenario(name: &str) -> toml::Table {
    toml::from_str(&fs::read_to_string(folder().join(format!("scenarios/{name}.toml"))).unwrap()).unwrap()
}

fn steps<'a>(scenario: &'a toml::Table, kind: &'a str) -> impl Iterator<Item = &'a toml::Value> {
    scenario["step"].as_array().unwrap().iter().filter(move |step| step["do"].as_str() == Some(kind))
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

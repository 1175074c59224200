//! Hostile and unlucky traffic of the protocols that tell names, read through the library: hellos in pieces (P6), QUIC
//! Initials (P7), DNS (P8), texts without an end (P9).
//!
//! Input: captures made here, and those of other projects in `../shared/corpus`; where these are absent the tests say so.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use borderpost::evidence::{Fact, Origin};
use borderpost::inspect::{Inspection, Settings, Unit, inspect};
use rustls::Side;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::Version;

const CLIENT: ([u8; 4], u16) = ([192, 168, 1, 2], 50_000);
const SERVER: ([u8; 4], u16) = ([203, 0, 113, 7], 443);
const RESOLVER: ([u8; 4], u16) = ([203, 0, 113, 53], 53);
const NAME: &str = "us05web.zoom.us";
/// What one hostile capture of some megabytes may cost, without optimisation and beside other tests.
const LIMIT: Duration = Duration::from_secs(10);

type End = ([u8; 4], u16);

/// A capture in the making.
struct Made(Vec<u8>);

impl Made {
    fn new() -> Self {
        let head = [
            0xa1b2c3d4_u32.to_le_bytes(),
            [2, 0, 4, 0],
            [0; 4],
            [0; 4],
            0x40000_u32.to_le_bytes(),
            [1, 0, 0, 0],
        ];
        Self(head.concat())
    }

    fn ip(&mut self, from: [u8; 4], to: [u8; 4], protocol: u8, segment: &[u8]) {
        let length = u16::try_from(20 + segment.len()).unwrap().to_be_bytes();
        let ip = [&[0x45, 0][..], &length, &[0, 0, 0x40, 0, 64, protocol, 0, 0], &from, &to].concat();
        let frame = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0][..], &ip, segment].concat();
        let size = u32::try_from(frame.len()).unwrap().to_le_bytes();
        let time = u32::try_from(self.0.len()).unwrap().to_le_bytes();
        self.0.extend_from_slice(&[[0, 0, 0, 0x60], time.map(|byte| byte & 7), size, size].concat());
        self.0.extend_from_slice(&frame);
    }

    fn udp(&mut self, from: End, to: End, payload: &[u8]) {
        let length = u16::try_from(8 + payload.len()).unwrap();
        let head = [from.1.to_be_bytes(), to.1.to_be_bytes(), length.to_be_bytes(), [0, 0]].concat();
        self.ip(from.0, to.0, 17, &[&head, payload].concat());
    }

    fn tcp(&mut self, from: End, to: End, seq: u32, flags: u8, payload: &[u8]) {
        let ports = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
        let head = [&ports[..], &seq.to_be_bytes(), &[0; 4], &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]].concat();
        self.ip(from.0, to.0, 6, &[&head, payload].concat());
    }

    /// A connection whose client sends `stream` in segments of `size` bytes.
    fn client(from: End, to: End, stream: &[u8], size: usize) -> Self {
        let mut made = Self::new();
        made.tcp(from, to, 99, 0x02, b"");
        for (at, part) in (100..).step_by(size).zip(stream.chunks(size)) {
            made.tcp(from, to, at, 0x10, part);
        }
        made
    }

    fn inspect(&self) -> Inspection {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made.pcap");
        fs::write(&path, &self.0).unwrap();
        let started = Instant::now();
        let inspection = inspect(&[path], Settings::default(), &());
        assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
        assert!(inspection.failures().is_empty());
        inspection
    }
}

fn facts(inspection: &Inspection) -> impl Iterator<Item = (&Unit, &Fact)> {
    inspection.units().iter().flat_map(|unit| unit.evidence().facts().map(move |entry| (unit, &entry.fact)))
}

fn names(inspection: &Inspection) -> Vec<(String, Origin)> {
    let named = facts(inspection).filter_map(|(unit, fact)| match fact {
        Fact::Name { name, origin, .. } => Some((unit.evidence().name(*name).to_owned(), *origin)),
        _ => None,
    });
    named.collect()
}

fn hellos(inspection: &Inspection) -> usize {
    facts(inspection).filter(|(_, fact)| matches!(fact, Fact::ClientHello(_))).count()
}

fn vector16(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// A hello for [`NAME`], without records, with so many bytes of padding before the name and behind it.
fn hello(before: usize, behind: usize) -> Vec<u8> {
    let extension = |kind: u16, data: &[u8]| [&kind.to_be_bytes()[..], &vector16(data)].concat();
    let name = vector16(&[&[0][..], &vector16(NAME.as_bytes())].concat());
    let padding = |length: usize| if length == 0 { Vec::new() } else { extension(21, &vec![0; length]) };
    let extensions =
        [padding(before), extension(0, &name), extension(16, b"\x00\x03\x02h2"), padding(behind)].concat();
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 0x01, 1, 0], &vector16(&extensions)].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[1], &length[1..], &body].concat()
}

/// Handshake bytes in records of `size` bytes.
fn records(handshake: &[u8], size: usize) -> Vec<u8> {
    handshake.chunks(size).flat_map(|part| [&[22, 3, 1][..], &vector16(part)].concat()).collect()
}

#[test]
fn p6_client_hello_in_pieces_is_read_however_it_is_cut() {
    let hello = hello(0, 1400);
    let expected = [(NAME.to_owned(), Origin::Sni)];
    // The records of one byte have six times the bytes, so the hello still fits.
    for record in [1, 7, 400, 16_384] {
        let stream = records(&hello, record);
        for segment in [1, 13, 1400] {
            let inspection = Made::client(CLIENT, SERVER, &stream, segment).inspect();
            assert_eq!(names(&inspection), expected, "records of {record}, segments of {segment}");
            assert_eq!(hellos(&inspection), 1);
        }
    }
}

#[test]
fn p6_client_hello_in_pieces_is_read_out_of_order_and_with_copies() {
    let stream = records(&hello(0, 1800), 16_384);
    let parts: Vec<(u32, &[u8])> = (100..).step_by(100).zip(stream.chunks(100)).collect();
    let orders: [Vec<_>; 3] = [
        parts.iter().rev().collect(),
        parts.iter().skip(1).step_by(2).chain(parts.iter().step_by(2)).collect(),
        parts.iter().flat_map(|part| [part, part]).collect(),
    ];
    for order in orders {
        let mut made = Made::new();
        made.tcp(CLIENT, SERVER, 99, 0x02, b"");
        for (at, part) in order {
            made.tcp(CLIENT, SERVER, *at, 0x10, part);
        }
        assert_eq!(names(&made.inspect()), [(NAME.to_owned(), Origin::Sni)]);
    }
}

#[test]
fn p6_client_hello_in_pieces_is_read_whatever_length_it_claims() {
    // A length field of 16 MiB; and one past what is kept, with the name in front.
    let mut boastful = hello(0, 0);
    boastful[1..4].copy_from_slice(&[0xff, 0xff, 0xff]);
    for handshake in [boastful, hello(0, 20_000), hello(12_000, 20_000)] {
        let inspection = Made::client(CLIENT, SERVER, &records(&handshake, 16_384), 1400).inspect();
        assert_eq!(names(&inspection), [(NAME.to_owned(), Origin::Sni)]);
    }
    let behind = Made::client(CLIENT, SERVER, &records(&hello(17_000, 0), 16_384), 1400).inspect();
    assert_eq!(names(&behind), [], "the name lies behind what is kept");
}

#[test]
fn p6_client_hello_in_pieces_with_a_second_one_counts_once() {
    let retry = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
        0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];
    let extensions = [&[0, 43][..], &vector16(&[3, 4])].concat();
    let body = [&[3, 3][..], &retry, &[0, 0x13, 0x01, 0], &vector16(&extensions)].concat();
    let answer = records(&[&[2, 0, 0, u8::try_from(body.len()).unwrap()][..], &body].concat(), 16_384);
    let stream = records(&hello(0, 100), 16_384);
    let mut made = Made::client(CLIENT, SERVER, &stream, 50);
    made.tcp(SERVER, CLIENT, 500, 0x10, &answer);
    let next = 100 + u32::try_from(stream.len()).unwrap();
    made.tcp(CLIENT, SERVER, next, 0x10, &records(&hello(0, 0), 16_384));
    let inspection = made.inspect();
    assert_eq!((names(&inspection).len(), hellos(&inspection)), (1, 1));
    assert!(facts(&inspection).any(|(_, fact)| *fact == Fact::HelloRetry));
}

#[test]
fn p6_client_hello_in_pieces_as_in_captures_of_others() {
    for (file, expected) in
        [("ndpi/tls_missing_ch_frag.pcap", 0), ("suricata-verify/bug-5758__input.pcap", 1)]
    {
        let Some(inspection) = shared(file) else { continue };
        let found = names(&inspection).into_iter().filter(|(_, origin)| *origin == Origin::Sni).count();
        assert_eq!(found, expected, "{file}");
    }
}

/// An Initial of a client that knows its server by `id`: frames under the keys that follow from it, padded.
fn initial(id: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
    let suite = TLS13_AES_128_GCM_SHA256.tls13().unwrap().quic_suite().unwrap();
    let keys = suite.keys(id, Side::Client, Version::V1).local;
    let id_length = u8::try_from(id.len()).unwrap();
    let mut packet = [&[0xc3, 0, 0, 0, 1, id_length][..], id, &[0, 0]].concat();
    let mut payload = frames.to_vec();
    payload.resize(frames.len().max(1100), 0);
    packet.extend_from_slice(&(u16::try_from(payload.len() + 20).unwrap() | 0x4000).to_be_bytes());
    let number_at = packet.len();
    packet.extend_from_slice(&number.to_be_bytes());
    let tag = keys.packet.encrypt_in_place(number.into(), &packet, &mut payload).unwrap();
    packet.extend_from_slice(&payload);
    packet.extend_from_slice(tag.as_ref());
    let (head, rest) = packet.split_at_mut(number_at);
    let (number, sampled) = rest.split_at_mut(4);
    keys.header.encrypt_in_place(&sampled[..16], &mut head[0], number).unwrap();
    packet
}

fn crypto(hello: &[u8], range: std::ops::Range<usize>) -> Vec<u8> {
    let number = |number: usize| (u16::try_from(number).unwrap() | 0x4000).to_be_bytes();
    [&[6][..], &number(range.start), &number(range.len()), &hello[range]].concat()
}

fn quic(datagrams: &[Vec<u8>]) -> Inspection {
    let mut made = Made::new();
    for datagram in datagrams {
        made.udp(CLIENT, SERVER, datagram);
    }
    made.inspect()
}

#[test]
fn p7_quic_initials_are_read_shuffled_overlapping_and_over_datagrams() {
    let hello = hello(0, 2200);
    let all = hello.len();
    let early = [&[0xd0, 0, 0, 0, 1, 8][..], b"first id", &[0, 5, 1, 2, 3, 4, 5]].concat();
    let joined = |ranges: &[(usize, usize)]| {
        ranges.iter().flat_map(|&(start, end)| crypto(&hello, start..end)).collect::<Vec<_>>()
    };
    let id = b"first id";
    let ways = [
        vec![
            initial(id, 0, &joined(&[(900, 1500), (0, 300)])),
            initial(id, 1, &joined(&[(250, 950), (1400, 2100)])),
            initial(id, 2, &joined(&[(2000, all)])),
        ],
        vec![initial(id, 2, &joined(&[(1200, all)])), initial(id, 1, &joined(&[(0, 1300)]))],
        vec![
            [initial(id, 0, &joined(&[(1000, 2000)])), early, initial(id, 1, &joined(&[(0, 1000)]))].concat(),
            initial(id, 2, &joined(&[(1900, all)])),
        ],
        // A Retry begins the hello anew, with keys from another id.
        vec![
            initial(id, 0, &joined(&[(0, 1000)])),
            initial(b"retry id", 1, &joined(&[(0, 1300)])),
            initial(b"retry id", 2, &joined(&[(1200, all)])),
        ],
    ];
    for (way, datagrams) in ways.iter().enumerate() {
        let inspection = quic(datagrams);
        assert_eq!(names(&inspection), [(NAME.to_owned(), Origin::QuicSni)], "way {way}");
        assert_eq!(hellos(&inspection), 1);
    }
}

#[test]
fn p7_quic_initials_that_are_forged_or_unknown_say_nothing() {
    let hello = hello(0, 0);
    let sound = initial(b"first id", 0, &crypto(&hello, 0..hello.len()));
    let mut forged = sound.clone();
    *forged.last_mut().unwrap() ^= 1;
    let unknown = [&sound[..1], &[0xba, 0xba, 0xba, 0xba], &sound[5..]].concat();
    assert_eq!(facts(&quic(&[forged, unknown.clone()])).count(), 0);
    // What comes before the sound one does not hide it.
    let inspection = quic(&[unknown, sound]);
    assert_eq!(names(&inspection), [(NAME.to_owned(), Origin::QuicSni)]);
}

#[test]
fn p7_quic_initials_with_thousands_of_ids_are_bounded() {
    let hello = hello(0, 2200);
    let mut made = Made::new();
    for number in 0..6000_u32 {
        let [_, _, high, low] = number.to_be_bytes();
        let from = ([10, 0, high, low], CLIENT.1);
        made.udp(from, SERVER, &initial(&(u64::from(number) << 8).to_be_bytes(), 0, &crypto(&hello, 0..900)));
    }
    let inspection = made.inspect();
    assert_eq!(names(&inspection), []);
    let dropped: u64 =
        inspection.units().iter().map(|unit| unit.evidence().limits().handshakes_dropped).sum();
    assert!(dropped > 0, "past the most that are remembered they are given up, and counted");
}

#[test]
fn p7_quic_initials_as_in_captures_of_others() {
    for (file, hosts) in
        [("suricata-verify/quic-frag__input.pcap", 1), ("ndpi/quic-34.pcap", 0), ("mercury/quic_v2.pcap", 1)]
    {
        let Some(inspection) = shared(file) else { continue };
        let found: BTreeSet<_> =
            names(&inspection).into_iter().filter(|(_, origin)| *origin == Origin::QuicSni).collect();
        assert_eq!((found.len(), hellos(&inspection)), (hosts, 1), "{file}");
    }
}

/// A response about `question` with so many answers announced, and whatever follows.
fn response(question: &[u8], announced: u16, rest: &[u8]) -> Vec<u8> {
    let head = [&[0, 7, 0x81, 0x80, 0, 1][..], &announced.to_be_bytes(), &[0; 4]].concat();
    [&head, question, &[0, 1, 0, 1], rest].concat()
}

#[test]
fn p8_dns_that_points_in_circles_or_lies_about_its_length_is_survived_in_linear_time() {
    let question = b"\x04zoom\x02us\x00";
    let record = |owner: &[u8]| [owner, &[0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 7]].concat();
    // 200 pointers in a row, each to the one before: longer than any walk may be.
    let chain: Vec<u8> = (0..200_u16).flat_map(|link| (0xc000 | (24 + 2 * link)).to_be_bytes()).collect();
    let chained = [&[0, 16, 0, 1, 0, 0, 0, 60][..], &vector16(&chain), &record(&[0xc1, 0xb0])].concat();
    let hostile = [
        response(b"\xc0\x0c", 1, &record(b"\x00")),
        response(b"\xc0\xff", 1, &record(b"\x00")),
        response(b"\x04zoom\xc0\x0c", 1, &record(b"\x00")),
        response(question, 1, &record(b"\xc0\x1b")),
        response(question, 2, &[&b"\xc0\x0c"[..], &chained].concat()),
        response(&[&[0x40][..], &[b'a'; 64], b"\x00"].concat(), 1, &record(b"\x00")),
        response(&[&[&[63][..], &[b'a'; 63]].concat().repeat(5)[..], b"\x00"].concat(), 1, &record(b"\x00")),
        response(question, 65_535, &record(b"\xc0\x0c").repeat(1000)),
        response(question, 65_535, b""),
        response(question, 3, &record(b"\xc0\x0c")[..9]),
    ];
    let made = |copies: usize| {
        let mut made = Made::new();
        for _ in 0..copies {
            for message in &hostile {
                made.udp(
                    CLIENT,
                    RESOLVER,
                    &[&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], question, &[0, 1, 0, 1]].concat(),
                );
                made.udp(RESOLVER, CLIENT, message);
            }
        }
        made.inspect()
    };
    made(200);
    let inspection = made(1);
    let told: Vec<_> = inspection.units()[0].evidence().answers().collect();
    // The flood of answers is the only one that tells an address that can be read, and as many as are kept.
    assert_eq!(told.len(), 512);
    assert!(told.iter().all(|told| inspection.units()[0].evidence().name(told.name) == "zoom.us"));
}

#[test]
fn p8_dns_over_tcp_that_never_ends_is_survived() {
    let question = b"\x04zoom\x02us\x00";
    // One message of 65,535 bytes; and messages of no byte at all.
    let streams = [
        vector16(&response(question, 9999, &vec![0; 65_000])),
        vec![0; 60_000],
        [&[0xff, 0xff][..], &vec![7; 60_000]].concat(),
    ];
    for stream in streams {
        for size in [1, 1400] {
            let inspection =
                Made::client(RESOLVER, CLIENT, &stream[..stream.len().min(20_000)], size).inspect();
            assert_eq!(facts(&inspection).count(), 0);
        }
    }
}

#[test]
fn p8_dns_as_in_captures_of_others() {
    for file in ["tcpdump/dns-badlabel.pcap", "zeek/dns__dns-invalid-names.pcap"] {
        shared(file);
    }
    let Ok(folder) = fs::read_dir(corpus().join("tcpdump")) else { return missing() };
    let files =
        folder.map(|file| file.unwrap().path()).filter(|file| file.to_string_lossy().contains("infinite"));
    let mut read = 0;
    for file in files {
        read += 1;
        let started = Instant::now();
        inspect(&[file], Settings::default(), &());
        assert!(started.elapsed() < LIMIT);
    }
    assert!(read > 0, "the corpus has no such file any more");
}

#[test]
fn p9_endless_text_is_not_kept() {
    let long = |front: &str| [front.as_bytes(), &vec![b'a'; 4 << 20]].concat();
    let streams = [
        long("GET /"),
        long("GET / HTTP/1.1\r\nX: "),
        long("CONNECT "),
        long("PROXY "),
        [&b"GET / HTTP/1.1\r\n"[..], &b"A: b\r\n".repeat(500_000)].concat(),
    ];
    for stream in streams {
        let inspection = Made::client(CLIENT, SERVER, &stream, 1400).inspect();
        assert_eq!(facts(&inspection).count(), 0);
    }
    // The host before a line without an end is read, and one byte a segment costs no more than the bytes kept.
    let named = long("GET / HTTP/1.1\r\nHost: zoom.us\r\nX: ");
    let expected = [("zoom.us".to_owned(), Origin::HttpHost)];
    assert_eq!(names(&Made::client(CLIENT, SERVER, &named, 1400).inspect()), expected);
    assert_eq!(names(&Made::client(CLIENT, SERVER, &named[..40_000], 1).inspect()), expected);
    assert_eq!(names(&Made::client(CLIENT, SERVER, &long("GET /")[..40_000], 1).inspect()), []);
}

#[test]
fn p9_endless_text_as_in_captures_of_others() {
    let Ok(folder) = fs::read_dir(corpus().join("zeek")) else { return missing() };
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("contentline__") || name.contains("mime-header-size-limit")
    };
    let mut read = 0;
    for file in folder.map(|file| file.unwrap().path()).filter(is_wanted) {
        read += 1;
        let started = Instant::now();
        inspect(&[file], Settings::default(), &());
        assert!(started.elapsed() < LIMIT);
    }
    assert!(read > 0, "the corpus has no such file any more");
}

/// A capture of another project, read; `None` where it is not there.
fn shared(file: &str) -> Option<Inspection> {
    let path = corpus().join(file);
    if !path.is_file() {
        missing();
        return None;
    }
    let started = Instant::now();
    let inspection = inspect(&[path], Settings::default(), &());
    assert!(started.elapsed() < LIMIT, "{file}");
    Some(inspection)
}

fn corpus() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus")).to_owned()
}

fn missing() {
    let text = format!("NOT CHECKED: {} is not whole, so its captures were not read\n", corpus().display());
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

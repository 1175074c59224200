//! What a capture with keys can make the program hold: connections with holes and bodies that never end, headers that unpack to a
//! thousand times their length, bodies of a gibibyte, plain and packed. Only on Linux, which tells a process's peak memory.
//!
//! `BORDERPOST_BODY_MIB` sets the size of the large bodies in MiB, 24 where it is not set.

#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustls::crypto::ring::cipher_suite as suites;
use rustls::version::TLS13;
use serde_json::Value;

use self::tls::{Ends, Segment, Talk, ip, segments};

#[path = "common/tls.rs"]
#[expect(dead_code, reason = "others use the rest")]
mod tls;

/// A classic capture of IP packets that is being written.
struct Pcap<W: Write> {
    out: W,
    packets: u32,
}

impl<W: Write> Pcap<W> {
    fn new(mut out: W) -> Self {
        let head = [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 262_144, 101];
        out.write_all(&head.map(u32::to_le_bytes).concat()).unwrap();
        Self { out, packets: 0 }
    }

    fn packet(&mut self, packet: &[u8]) {
        let (len, number) = (u32::try_from(packet.len()).unwrap(), self.packets);
        self.packets += 1;
        let head = [1_700_000_000 + number / 10_000, number % 10_000 * 100, len, len];
        self.out.write_all(&head.map(u32::to_le_bytes).concat()).unwrap();
        self.out.write_all(packet).unwrap();
    }
}

/// What a run of the program gave, and its peak resident memory in KiB.
struct Run {
    report: Value,
    peak: u64,
}

impl Run {
    fn of(folder: &Path, options: &[&str]) -> Self {
        let mut program = Self::start(folder, options, Stdio::null());
        Self::end(folder, &mut program, 0)
    }

    fn start(folder: &Path, options: &[&str], input: Stdio) -> Child {
        Command::new(env!("CARGO_BIN_EXE_borderpost"))
            .args(["inspect", "--no-hash", "--format", "json"])
            .args(options)
            .current_dir(folder)
            .stdin(input)
            .stdout(File::create(folder.join("report.json")).unwrap())
            .spawn()
            .unwrap()
    }

    fn end(folder: &Path, program: &mut Child, mut peak: u64) -> Self {
        let status = loop {
            peak = peak.max(self::peak(program));
            if let Some(status) = program.try_wait().unwrap() {
                break status;
            }
        };
        assert!(status.success(), "{status}");
        let report = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
        Self { report, peak }
    }

    fn source(&self, field: &str) -> u64 {
        self.report["telemetry"]["sources"][0][field].as_u64().unwrap()
    }
}

fn peak(program: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

/// A connection that has shaken hands, and its keys in a file.
fn talk(folder: &Path) -> Talk {
    let ends = Ends::new(suites::TLS13_AES_128_GCM_SHA256, &TLS13, false);
    let mut talk = ends.talk();
    talk.carry();
    fs::write(folder.join("run.keys"), ends.log.text()).unwrap();
    talk
}

/// The same connection from many ports, a segment of each in turn. What is `lost` of the client's segments is in none.
fn write_many(path: PathBuf, segments: &[Segment], connections: u16, lost: Option<usize>) {
    let mut pcap = Pcap::new(BufWriter::new(File::create(path).unwrap()));
    for (number, segment) in segments.iter().enumerate() {
        if Some(number) != lost {
            (0..connections).for_each(|port| pcap.packet(&ip(segment, 10_000 + port)));
        }
    }
    pcap.out.flush().unwrap();
}

#[test]
fn holes_and_bodies_that_do_not_end_keep_to_the_limit() {
    const CONNECTIONS: u16 = 64;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let mut talk = talk(folder);
    talk.exchange(b"POST /log HTTP/1.1\r\nhost: log.zoom.us\r\ncontent-length: 1000000000\r\n\r\n", b"");
    talk.exchange(&vec![b'x'; 250 << 10], b"");
    let before = segments(&talk.flights, 15_000).len();
    talk.exchange(&vec![b'y'; 250 << 10], b"");
    let all = segments(&talk.flights, 15_000);
    // Neither side ends; the segment that is lost is followed by a quarter of a MiB of each connection.
    write_many(folder.join("a.pcap"), &all[..all.len() - 2], CONNECTIONS, Some(before - 1));
    let without = Run::of(folder, &["a.pcap"]);
    let free = Run::of(folder, &["--keylog", "run.keys", "a.pcap"]);
    let held = u64::from(CONNECTIONS) * 500;
    assert!(free.peak > without.peak + held * 3 / 4, "{} KiB, {} without keys", free.peak, without.peak);
    assert_eq!(free.source("given_up"), 0);
    let bounded = Run::of(folder, &["--max-memory", "8M", "--keylog", "run.keys", "a.pcap"]);
    let most = without.peak + (12 << 10);
    assert!(
        bounded.peak < most,
        "{} KiB; {} without keys, {} without a limit",
        bounded.peak,
        without.peak,
        free.peak
    );
    let troubles = bounded.report["decryption"]["others"]["troubles"].to_string();
    assert!(troubles.contains("too_much_at_once"), "{troubles}");
    assert!(bounded.source("given_up") > 0 && bounded.report.to_string().contains("Counted and not kept"));
}

/// HTTP/2: one header of 4,000 bytes that goes into the table, and then streams each of which refers to it 60 times.
fn unpacking_headers(streams: u32) -> Vec<u8> {
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    // A literal with indexing and a new name (RFC 7541 section 6.2.1): `x` and 4,000 bytes.
    let first = [&[0x40, 1, b'x', 0x7f, 0xa1, 0x1e][..], &[b'v'; 4000]].concat();
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    out.extend(frame(4, 0, 0, &[]));
    out.extend(frame(1, 4, 1, &first));
    // The newest entry of the table is the 62nd (section 6.1).
    (1..streams).for_each(|number| out.extend(frame(1, 4, 2 * number + 1, &[0xbe; 60])));
    out
}

#[test]
fn headers_that_unpack_to_much_keep_to_the_limit() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let mut talk = talk(folder);
    talk.exchange(&unpacking_headers(150), b"");
    let all = segments(&talk.flights, 15_000);
    write_many(folder.join("a.pcap"), &all[..all.len() - 2], 12, None);
    let without = Run::of(folder, &["a.pcap"]);
    let free = Run::of(folder, &["--keylog", "run.keys", "a.pcap"]);
    // 150 streams of 240,000 bytes of headers each, twelve times: 420 MB, which is more than connections may ever hold.
    assert!(free.source("given_up") > 0);
    assert!(free.peak < without.peak + (384 << 10), "{} KiB", free.peak);
    let bounded = Run::of(folder, &["--max-memory", "8M", "--keylog", "run.keys", "a.pcap"]);
    assert!(bounded.peak < without.peak + (24 << 10), "{} of {} KiB", bounded.peak, free.peak);
    assert!(bounded.source("not_kept") + bounded.source("given_up") > 0);
}

/// How large bodies are, in MiB.
fn mebibytes() -> u64 {
    std::env::var("BORDERPOST_BODY_MIB").map_or(24, |value| value.parse().unwrap())
}

/// One connection whose packets go into the program's standard input while it is talked over.
struct Stream {
    talk: Talk,
    pcap: Pcap<BufWriter<std::process::ChildStdin>>,
    next: [u32; 2],
}

impl Stream {
    /// Hands on what was put on the wire.
    fn flush(&mut self) {
        for (from_client, bytes) in std::mem::take(&mut self.talk.flights) {
            for payload in bytes.chunks(60_000) {
                let seq = &mut self.next[usize::from(!from_client)];
                let segment = Segment { from_client, seq: *seq, flags: 0x10, payload: payload.to_vec() };
                *seq = seq.wrapping_add(u32::try_from(payload.len()).unwrap());
                self.pcap.packet(&ip(&segment, 50_000));
            }
        }
        self.talk.said = [Vec::new(), Vec::new()];
    }

    fn say(&mut self, up: &[u8], down: &[u8]) {
        self.talk.exchange(up, down);
        self.flush();
    }
}

/// A run over a connection that is made while it is read.
fn streamed(folder: &Path, say: impl FnOnce(&mut Stream)) -> Run {
    let talk = talk(folder);
    let mut program = Run::start(folder, &["--keylog", "run.keys", "-"], Stdio::piped());
    let pcap = Pcap::new(BufWriter::new(program.stdin.take().unwrap()));
    let mut stream = Stream { talk, pcap, next: [0; 2] };
    // The client's hello begins at 0, as a SYN would say.
    stream.flush();
    say(&mut stream);
    stream.talk.close();
    stream.flush();
    stream.pcap.out.flush().unwrap();
    let peak = peak(&program);
    drop(stream);
    Run::end(folder, &mut program, peak)
}

const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// A request with an event, whose reading shows that what came before did not stop it.
fn event(stream: &mut Stream) {
    let body = br#"[{"event":"AfterTheLargeOne","event_time":"2024-03-01T10:00:00Z"}]"#;
    let head = format!(
        "POST /events HTTP/1.1\r\nhost: us.telemetry.zoom.us\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.say(&[head.as_bytes(), body].concat(), ANSWER);
}

fn head(length: u64, encoding: &str) -> Vec<u8> {
    let encoding =
        if encoding.is_empty() { String::new() } else { format!("content-encoding: {encoding}\r\n") };
    format!("POST /file HTTP/1.1\r\nhost: us.telemetry.zoom.us\r\n{encoding}content-length: {length}\r\n\r\n")
        .into()
}

/// That the large request is counted, said to be read in part, and what came after it is read whole.
fn assert_read(run: &Run, up: u64) {
    let telemetry = &run.report["telemetry"];
    let rows = telemetry["endpoints"].as_array().unwrap();
    let sum = |field: &str| rows.iter().map(|row| row[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("exchanges"), sum("partial")), (2, 1), "{telemetry}");
    assert!(sum("bytes_up") >= up, "{telemetry}");
    assert!(telemetry.to_string().contains("AfterTheLargeOne"), "{telemetry}");
    let remarks = telemetry["remarks"].to_string();
    assert!(remarks.contains("past a limit: 1 request."), "{remarks}");
    assert!(run.peak < (96 << 10), "{} KiB", run.peak);
}

#[test]
fn a_large_plain_body_costs_what_a_small_one_does() {
    let place = tempfile::tempdir().unwrap();
    let length = mebibytes() << 20;
    let run = streamed(place.path(), |stream| {
        stream.say(&head(length, ""), b"");
        let part = vec![b'x'; 1 << 20];
        (0..length >> 20).for_each(|_| stream.say(&part, b""));
        stream.say(b"", ANSWER);
        event(stream);
    });
    println!("{} MiB plain: {} KiB at the most", mebibytes(), run.peak);
    assert_read(&run, length);
}

/// So many MiB of zeros, packed.
fn gzip(mebibytes: u64) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let part = vec![0; 1 << 20];
    (0..mebibytes).for_each(|_| encoder.write_all(&part).unwrap());
    encoder.finish().unwrap()
}

/// Bits, the lowest of each byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn put(&mut self, value: u32, count: usize) {
        for bit in 0..count {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().unwrap();
            *last |= u8::try_from(value >> bit & 1).unwrap() << (self.count % 8);
            self.count += 1;
        }
    }
}

/// A stream of brotli of so many times 8 MiB of one letter, in 13 bytes each (RFC 7932 section 9.2): a meta-block in which the one
/// literal, the one length and the one distance are codes of no bits.
fn brotli(blocks: u64) -> Vec<u8> {
    const LENGTH: u32 = 8 << 20;
    let mut bits = Bits::default();
    bits.put(0, 1);
    for _ in 0..blocks {
        // Not the last, six nibbles of length, not uncompressed; one type of block each; no postfix, no direct distances; one mode
        // of contexts, one tree for literals and for distances.
        for (value, count) in [(0, 1), (2, 2), (LENGTH - 1, 24), (0, 1), (0, 3), (0, 6), (0, 2), (0, 2)] {
            bits.put(value, count);
        }
        // Simple codes of one symbol: `x`; insert code 23 with copy code 0 (section 5); distance 0.
        for (symbol, count) in [(u32::from(b'x'), 8), (448 + 7 * 8, 10), (0, 6)] {
            for (value, count) in [(1, 2), (0, 2), (symbol, count)] {
                bits.put(value, count);
            }
        }
        bits.put(LENGTH - 22_594, 24);
    }
    // The last meta-block, empty.
    bits.put(3, 2);
    bits.bytes
}

#[test]
fn bombs_cost_what_a_small_body_does() {
    for (encoding, packed) in [("gzip", gzip(mebibytes())), ("br", brotli(mebibytes() / 8))] {
        let place = tempfile::tempdir().unwrap();
        let length = packed.len() as u64;
        let run = streamed(place.path(), |stream| {
            stream.say(&[head(length, encoding), packed].concat(), ANSWER);
            event(stream);
        });
        println!("{} MiB in {length} bytes of {encoding}: {} KiB at the most", mebibytes(), run.peak);
        assert_read(&run, length);
    }
}

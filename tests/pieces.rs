//! Captures read in pieces by several threads say the same as captures read in one go: made traffic, the shipped captures, and
//! those that others shared, where they are there.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use borderpost::evidence::{Evidence, Fact};
use borderpost::flow::{Flow, Side};
use borderpost::frame::LinkType;
use borderpost::inspect::{Inspection, Progress, Settings, Unit, inspect};
use borderpost::report;
use borderpost::source::{Capture, Options};
use proptest::prelude::*;
use workload::{Format, Workload, write};

#[path = "../benches/workload/mod.rs"]
#[expect(unused_imports, dead_code, reason = "the benchmarks use the rest")]
mod workload;

/// How many pieces captures are read in.
const PIECES: [usize; 4] = [2, 3, 5, 10];

fn read(path: &Path, pieces: usize) -> Inspection {
    let threads = NonZeroUsize::new(pieces).unwrap();
    let settings = Settings { hash: false, threads, least_piece: 1, ..Settings::default() };
    inspect(&[path.to_owned()], settings, &())
}

/// The report, and all that the capture's flows and their evidence say, also what a report leaves out.
fn all_said(inspection: &Inspection) -> String {
    let mut said = report::json(&report::build(
        inspection,
        report::Options { show_participants: true, list_flows: true },
    ));
    for unit in inspection.units() {
        unit.flows().iter().for_each(|flow| say_flow(&mut said, unit, &flow));
        let evidence = unit.evidence();
        writeln!(said, "{:?}", evidence.limits()).unwrap();
        for answered in evidence.answers() {
            let name = evidence.name(answered.name);
            let (host, address, origin) = (answered.host, answered.address, answered.origin.name());
            writeln!(said, "{:?} {host} {name} {address} {origin}", answered.frame).unwrap();
        }
    }
    for input in inspection.inputs() {
        let (earliest, latest, backwards) = (input.earliest, input.latest, input.backwards);
        writeln!(said, "{:?} {earliest:?} {latest:?} {backwards:?}", input.summary).unwrap();
    }
    writeln!(said, "{:?}", inspection.census()).unwrap();
    said
}

fn say_flow(said: &mut String, unit: &Unit, flow: &Flow<'_>) {
    for side in [Side::First, Side::Second] {
        let counted =
            [flow.packets(side), flow.wire_bytes(side), flow.payload_bytes(side), flow.repeated_bytes(side)];
        let (end, mac, passage) = (flow.endpoint(side), flow.mac(side), flow.passage(side));
        write!(said, "{end:?} {mac:?} {counted:?} {passage:?} {:?} ", flow.round_trip(side)).unwrap();
    }
    let (frames, times) = ((flow.first_frame(), flow.last_frame()), (flow.first_time(), flow.last_time()));
    let (scope, tcp, errors) = (flow.scope(), flow.tcp(), flow.icmp_errors());
    let (is_answered, outbound) = (flow.is_answered(), flow.outbound());
    writeln!(
        said,
        "{frames:?} {times:?} {scope:?} {tcp:?} {errors} {is_answered} {outbound:?} {:?}",
        flow.bursts()
    )
    .unwrap();
    for entry in unit.evidence().of(flow.id()) {
        writeln!(said, "  {:?} {:?} {}", entry.frame, entry.time(), fact(unit.evidence(), &entry.fact))
            .unwrap();
    }
}

/// A fact with its names as text: their numbers may differ.
fn fact(evidence: &Evidence, fact: &Fact) -> String {
    match fact {
        Fact::Name { name, origin, from } => format!("{} {origin:?} {from:?}", evidence.name(*name)),
        Fact::Behind { name, origin } => format!("behind {} {origin:?}", evidence.name(*name)),
        other => format!("{other:?}"),
    }
}

/// The first line that differs.
fn difference(one: &str, other: &str) -> String {
    let differing = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    differing.map_or_else(
        || "one is longer".to_owned(),
        |(one, other)| format!("in one go: {one}\nin pieces: {other}"),
    )
}

/// Reads the capture in pieces and says what differs from one reading; how many of the pieces could be put together.
fn compare(path: &Path, pieces: usize, whole: &str) -> Result<usize, String> {
    let inspection = read(path, pieces);
    let said = all_said(&inspection);
    if said == whole {
        return Ok(inspection.inputs()[0].pieces);
    }
    Err(format!("{} in {pieces} pieces:\n{}", path.display(), difference(whole, &said)))
}

fn made(folder: &Path, workload: Workload, kibibytes: u64) -> PathBuf {
    let path = folder.join(format!("{}.pcap", workload.name()));
    write(fs::File::create(&path).unwrap(), workload, Format::Pcap, kibibytes * 1024).unwrap();
    path
}

#[test]
fn a_limit_on_memory_that_is_not_reached_does_not_keep_a_capture_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path(), Workload::Mixed, 4096);
    let within = |max_memory, pieces| {
        let threads = NonZeroUsize::new(pieces).unwrap();
        let settings = Settings { hash: false, threads, least_piece: 1, max_memory, ..Settings::default() };
        let inspection = inspect(std::slice::from_ref(&path), settings, &());
        (all_said(&inspection), inspection.inputs()[0].pieces, inspection.units()[0].summed_up().is_some())
    };
    let (free, ..) = within(None, 1);
    assert_eq!(within(Some(512 << 20), 3), (free, 3, false));
    // Where it may have been reached, or is, the order of frames decides, and one thread reads.
    for limit in [64 << 10, 256 << 10, 80 << 20] {
        let (alone, ..) = within(Some(limit), 1);
        let (said, pieces, _) = within(Some(limit), 3);
        assert!(said == alone && pieces == 1, "{limit}: {pieces} pieces\n{}", difference(&alone, &said));
    }
}

/// Notes whether a thread that reads a piece told that it did.
#[derive(Default)]
struct Pieces(AtomicBool);

impl Progress for Pieces {
    fn expect(&self, _: u64) {}
    fn open(&self, _: &Path) {}
    fn read(&self, _: u64) {
        if thread::current().name() == Some("piece") {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_limit_that_no_pieces_could_keep_to_has_the_capture_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path(), Workload::Mixed, 1024);
    let is_in_pieces = |limit| {
        let threads = NonZeroUsize::new(3).unwrap();
        let max_memory = Some(limit);
        let settings = Settings { hash: false, threads, least_piece: 1, max_memory, ..Settings::default() };
        let pieces = Pieces::default();
        inspect(std::slice::from_ref(&path), settings, &pieces);
        pieces.0.into_inner()
    };
    assert_eq!([64 << 10, 80 << 20, 512 << 20].map(is_in_pieces), [false, false, true]);
}

#[test]
fn made_traffic_is_put_together_and_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for (workload, kibibytes) in
        [(Workload::Mixed, 8_192), (Workload::Media, 8_192), (Workload::Small, 6_144)]
    {
        let path = made(folder.path(), workload, kibibytes);
        let whole = all_said(&read(&path, 1));
        for pieces in PIECES {
            assert_eq!(compare(&path, pieces, &whole), Ok(pieces), "{}", workload.name());
        }
    }
}

#[test]
fn captures_of_others_say_the_same_in_pieces() {
    let folders = ["../shared/captures", "../shared/corpus", "captures"];
    let paths = folders.map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    if !paths[0].is_dir() {
        let text = b"\n*** NOT CHECKED: ../shared is not there, so no real capture but the shipped ones was compared ***\n\n";
        std::io::stderr().write_all(text).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut faults, mut compared, mut together) = (Vec::new(), 0, 0);
    for path in paths.iter().flat_map(|path| below(path)) {
        let Some(path) = classic(&path, folder.path()) else { continue };
        let whole = all_said(&read(&path, 1));
        for pieces in [3, 10] {
            match compare(&path, pieces, &whole) {
                Ok(joined) => together += usize::from(joined > 1),
                Err(fault) => faults.push(fault),
            }
        }
        compared += 1;
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(compared > 2, "the shipped captures are always there");
    if compared > 100 {
        assert!(together > compared, "of {compared} captures {together} readings put pieces together");
    }
}

/// All files in a folder and those in it.
fn below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

/// The capture as a classic one, where its frames are all of one link type and have times.
fn classic(path: &Path, folder: &Path) -> Option<PathBuf> {
    let mut capture = Capture::open(path, &Options { hash: false, ..Options::default() }).ok()?;
    let (mut bytes, mut link) = (Vec::new(), None);
    while let Some(frame) = capture.next_frame() {
        let nanos = u64::try_from(frame.time?.nanos()).ok()?;
        let head =
            [nanos / 1_000_000_000, nanos % 1_000_000_000, frame.data.len() as u64, frame.wire_len.into()];
        let LinkType(number) = *link.get_or_insert(frame.link);
        if number != frame.link.0 {
            return None;
        }
        for word in head {
            bytes.extend(u32::try_from(word).ok()?.to_le_bytes());
        }
        bytes.extend_from_slice(frame.data);
    }
    let LinkType(link) = link?;
    let head = [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, link.into()].map(u32::to_le_bytes).concat();
    let made = folder.join(path.file_name()?).with_extension("pcap");
    fs::write(&made, [head, bytes].concat()).ok()?;
    Some(made)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Each length of the capture puts the cuts elsewhere.
    #[test]
    fn wherever_the_cuts_lie_the_same_is_said(kibibytes in 40_u64..400, pieces in 2_usize..7, which in 0_usize..3) {
        let folder = tempfile::tempdir().unwrap();
        let path = made(folder.path(), Workload::ALL[which], kibibytes);
        let whole = all_said(&read(&path, 1));
        prop_assert_eq!(compare(&path, pieces, &whole), Ok(pieces));
    }
}

/// Conversations of all kinds between few ends, so that every flow goes on over some cut, with all that may be odd about it.
#[derive(Clone, Copy, Debug)]
struct Odd {
    kind: u8,
    flow: u8,
    up: bool,
    a: u16,
    b: u16,
}

fn odd() -> impl Strategy<Value = Odd> {
    (0..16_u8, 0..8_u8, any::<bool>(), any::<u16>(), any::<u16>()).prop_map(|(kind, flow, up, a, b)| Odd {
        kind,
        flow,
        up,
        a,
        b,
    })
}

impl Odd {
    /// The frame: over TCP (flows 0 to 4) a SYN, its answer, an end, or data of any place in a short stream; over UDP what the
    /// readers know; of either an ICMP error.
    fn frame(self) -> Vec<u8> {
        let (protocol, inner) = if self.flow < 5 { (6, self.tcp()) } else { (17, self.udp()) };
        if self.kind == 15 {
            let quoted = self.ipv4(protocol, &inner[..inner.len().min(20)]);
            let error = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
            return self.ethernet(&Self { up: !self.up, ..self }.ipv4(1, &error));
        }
        self.ethernet(&self.ipv4(protocol, &inner))
    }

    fn ethernet(self, packet: &[u8]) -> Vec<u8> {
        let (client, router) = ([2, 0, 0, 0, 0, self.flow + 1], [2, 0, 0, 0, 1, 0]);
        let (from, to) = if self.up { (client, router) } else { (router, client) };
        [&to[..], &from, &[8, 0], packet].concat()
    }

    fn ipv4(self, protocol: u8, inner: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(20 + inner.len()).unwrap().to_be_bytes();
        let (client, server) = ([192, 168, 1, self.flow], [8, 8, 4, 4]);
        let (from, to) = if self.up { (client, server) } else { (server, client) };
        let hops = [64, 64, 128, 50][usize::from(self.b % 4)];
        [&[0x45, 0, high, low, 0, 0, 0, 0, hops, protocol, 0, 0][..], &from, &to, inner].concat()
    }

    fn ports(self) -> [u8; 4] {
        let (client, server) = (40_000_u16, [443, 80, 53, 443, 8080, 53, 3478, 8801][usize::from(self.flow)]);
        let (from, to) = if self.up { (client, server) } else { (server, client) };
        [from, to].map(u16::to_be_bytes).concat().try_into().unwrap()
    }

    fn tcp(self) -> Vec<u8> {
        let start = [1_000_u32, u32::MAX - 2_000][usize::from(self.up)];
        let hello = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
        let whole = b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n";
        // A hello that does not become whole, by place; now and then a copy differs.
        let place =
            |at: u32| [22, 3, 1, 0x20, 0, 1, 0, 0x1F, 0xFC, 3, 3].get(at as usize).copied().unwrap_or(7);
        let (at, length) = (u32::from(self.a % 40) * 100, u32::from(self.b % 150));
        let data: Vec<u8> = (at..at + length).map(|at| place(at) ^ u8::from(self.a > 65_000)).collect();
        let (at, flags, data) = match self.kind {
            0 => (0, 0x02, &[][..]),
            1 => (0, 0x12, &[][..]),
            2 => (u32::from(self.a % 4_000), 0x11, &[][..]),
            3 => (u32::from(self.a % 4_000), [0x04, 0x10, 0x10, 0x10][usize::from(self.b % 4)], &[][..]),
            4 => (1, 0x18, &hello[..]),
            5 if self.a.is_multiple_of(16) => (1, 0x18, &whole[..]),
            6 => (u32::from(self.b % 3) * 500_000, 0x02, &[][..]),
            _ => (1 + at, 0x10, &data[..]),
        };
        let numbers = [start.wrapping_add(at), 5_000].map(u32::to_be_bytes).concat();
        [&self.ports()[..], &numbers, &[0x50, flags, 1, 0, 0, 0, 0, 0], data].concat()
    }

    fn udp(self) -> Vec<u8> {
        let [high, id] = (self.a % 3).to_be_bytes();
        let name = b"\x01a\x07example\0\0\x01\0\x01";
        let record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x08\x08\x04\x04";
        let transaction = [&[0x21, 0x12, 0xa4, 0x42][..], &[id; 12]].concat();
        let data = match (self.flow, self.kind) {
            (5, 0..8) if self.up => [&[high, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], name].concat(),
            (5, 0..12) => [&[high, id, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0][..], name, record].concat(),
            (6, 0..4) if self.up => [&[0, 1, 0, 0][..], &transaction].concat(),
            (6, 0..4) => {
                [&[1, 1, 0, 12][..], &transaction, &[0, 0x20, 0, 8, 0, 1, 1, id, 1, 2, 3, id]].concat()
            }
            (7, 0..3) => {
                [&[3 + u8::from(!self.up), 0, 0, high, id][..], b"time", &[0, 58, 99, 242, 0]].concat()
            }
            (7, _) => [&[5, high, id, 0, 58, 99, 242, 0, 15, 1, 0, 0xfb, 0x90][..], &[id; 60]].concat(),
            _ => vec![0x80 | id; usize::from(self.b % 40)],
        };
        let length = u16::try_from(8 + data.len()).unwrap().to_be_bytes();
        [&self.ports()[..], &length, &[0, 0], &data].concat()
    }
}

fn write_odd(path: &Path, frames: &[Odd]) {
    let mut file = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1].map(u32::to_le_bytes).concat();
    let mut micros = 1_719_820_800_000_000_u64;
    for odd in frames {
        // Mostly moments, now and then a silence, seldom back.
        micros = match odd.b % 200 {
            0 => micros + 301_000_000,
            1 => micros + 7_500_000_000,
            2 => micros - 5_000,
            // A pause within a connection.
            3..24 => micros + 1_000_000 + u64::from(odd.a % 100),
            _ => micros + u64::from(odd.a % 5_000),
        };
        let frame = odd.frame();
        let length = frame.len() as u64;
        let head = [micros / 1_000_000, micros % 1_000_000, length, length];
        file.extend(head.map(|word| u32::try_from(word).unwrap().to_le_bytes()).concat());
        file.extend(frame);
    }
    fs::write(path, file).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn odd_traffic_says_the_same_in_pieces(
        frames in proptest::collection::vec(odd(), 30..500),
        pieces in 2_usize..5,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd.pcap");
        write_odd(&path, &frames);
        let whole = all_said(&read(&path, 1));
        let said = compare(&path, pieces, &whole);
        prop_assert!(said.is_ok(), "{}", said.unwrap_err());
    }
}

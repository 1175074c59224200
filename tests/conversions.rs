//! One capture, converted into every format, byte order, time resolution and compression, gives one report.
//!
//! Input: the shipped captures always, and small ones of `../shared/captures` where they are there. Converted by a writer in
//! here, and by Wireshark's `editcap` and `mergecap` where those are installed; where something is missing, the tests say so
//! and check the rest.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use borderpost::inspect::{Settings, inspect};
use borderpost::report;
use borderpost::source::{ByteOrder, Capture, Options};
use serde_json::Value;

#[path = "common/packing.rs"]
mod packing;

use packing::PACKINGS;

#[test]
fn every_classic_format_gives_the_same_report() {
    for taken in captures() {
        let exact = taken.without_addresses();
        let rounded = exact.rounded_down_to(MICROSECOND);
        for order in [ByteOrder::Little, ByteOrder::Big] {
            exact.gives_itself_from(&format!("nanoseconds {order:?}"), &exact.pcap(order, NANOSECONDS));
            rounded.gives_itself_from(&format!("microseconds {order:?}"), &rounded.pcap(order, MICROSECONDS));
            rounded.gives_itself_from(&format!("modified {order:?}"), &rounded.pcap(order, MODIFIED));
        }
    }
}

#[test]
fn every_resolution_and_packet_block_of_pcapng_gives_the_same_report() {
    for taken in captures() {
        let rounded = taken.rounded_down_to(MICROSECOND);
        let coarse = taken.rounded_down_to(BINARY_STEP);
        for order in [ByteOrder::Little, ByteOrder::Big] {
            for block in [ENHANCED, OBSOLETE] {
                for (frames, clock) in [
                    (&taken, Clock::Decimal(9)),
                    (&taken, Clock::Binary(30)),
                    (&rounded, Clock::Decimal(6)),
                    (&rounded, Clock::Unstated),
                    (&coarse, Clock::Binary(20)),
                    (&coarse, Clock::Decimal(9)),
                ] {
                    let file = frames.pcapng(&[order], block, clock);
                    frames.gives_itself_from(&format!("block {block}, {clock:?}, {order:?}"), &file);
                }
            }
        }
    }
}

/// Simple packet blocks tell no time: what needs none is the same. Of captures longer than the shipped ones that is less,
/// because a flow that rested for long is another one after it.
#[test]
fn simple_packet_blocks_give_the_same_flows_without_times() {
    for taken in shipped() {
        let [timed, little, big] =
            [(ByteOrder::Little, ENHANCED), (ByteOrder::Little, SIMPLE), (ByteOrder::Big, SIMPLE)].map(
                |(order, block)| {
                    let file = taken.pcapng(&[order], block, Clock::Decimal(9));
                    without_what_differs(report_of_bytes(&file))
                },
            );
        assert_same(&taken.name, "simple packet blocks in both byte orders", &little, &big);
        assert_same(&taken.name, "totals without times", &timed["totals"], &little["totals"]);
        assert_same(&taken.name, "flows without times", &timeless(&timed), &timeless(&little));
        assert_eq!(little["quality"]["frames_without_time"], taken.frames.len(), "{}", taken.name);
    }
}

/// Of every flow what no clock has a part in.
fn timeless(report: &Value) -> Value {
    const FIELDS: [&str; 16] = [
        "transport",
        "local",
        "remote",
        "local_reason",
        "vlan",
        "names",
        "handshake",
        "answered",
        "packets_out",
        "packets_in",
        "bytes_out",
        "bytes_in",
        "payload_out",
        "payload_in",
        "first_frame",
        "last_frame",
    ];
    let flows = report["flows"].as_array().unwrap().iter();
    flows
        .map(|flow| FIELDS.iter().map(|field| ((*field).to_owned(), flow[field].clone())).collect::<Value>())
        .collect()
}

#[test]
fn sections_of_mixed_byte_order_give_the_same_report() {
    use ByteOrder::{Big, Little};
    for taken in captures() {
        for orders in [&[Little, Big][..], &[Big, Little, Big], &[Little, Little]] {
            let file = taken.pcapng(orders, ENHANCED, Clock::Decimal(9));
            taken.gives_itself_from(&format!("sections {orders:?}"), &file);
        }
    }
}

#[test]
fn every_compression_gives_the_same_report() {
    for taken in captures() {
        let bare = taken.without_addresses();
        let rounded = bare.rounded_down_to(MICROSECOND);
        for (frames, file) in [
            (&bare, bare.pcap(ByteOrder::Big, NANOSECONDS)),
            (&rounded, rounded.pcap(ByteOrder::Little, MODIFIED)),
            (&taken, taken.pcapng(&[ByteOrder::Little, ByteOrder::Big], ENHANCED, Clock::Binary(30))),
        ] {
            for (name, pack) in PACKINGS {
                frames.gives_itself_from(name, &pack(&file));
                // Joined members, and a cut between them that no record ends at.
                let (front, back) = file.split_at(file.len() / 3 + 1);
                frames.gives_itself_from(&format!("two of {name}"), &[pack(front), pack(back)].concat());
                let members: Vec<u8> = file.chunks(10_007).flat_map(pack).collect();
                frames.gives_itself_from(&format!("many of {name}"), &members);
            }
        }
    }
}

#[test]
fn wiresharks_conversions_give_the_same_report() {
    if !(is_installed("editcap") && is_installed("mergecap")) {
        return;
    }
    for taken in captures().iter().map(Taken::without_addresses) {
        let folder = tempfile::tempdir().unwrap();
        let original = folder.path().join("original");
        let converted = folder.path().join("converted");
        for (format, step) in
            [("nsecpcap", 1), ("pcapng", 1), ("pcap", MICROSECOND), ("modpcap", MICROSECOND)]
        {
            let frames = taken.rounded_down_to(step);
            fs::write(&original, frames.pcapng(&[ByteOrder::Little], ENHANCED, Clock::Decimal(9))).unwrap();
            run("editcap", &["-F".as_ref(), format.as_ref(), &original, &converted]);
            frames.gives_itself_from(&format!("editcap -F {format}"), &fs::read(&converted).unwrap());
            run("mergecap", &["-F".as_ref(), format.as_ref(), "-w".as_ref(), &converted, &original]);
            frames.gives_itself_from(&format!("mergecap -F {format}"), &fs::read(&converted).unwrap());
        }
    }
}

#[test]
fn the_pieces_that_editcap_cuts_give_the_same_report_when_joined() {
    if !is_installed("editcap") {
        return;
    }
    // That times go back is told of each input, so not where the next one begins.
    let is_sorted = |taken: &Taken| taken.frames.is_sorted_by_key(|frame| frame.nanos);
    let several = captures().into_iter().filter(|taken| taken.frames.len() > 1 && is_sorted(taken));
    for taken in several.map(|taken| taken.without_addresses()) {
        let folder = tempfile::tempdir().unwrap();
        let original = folder.path().join("original.pcapng");
        fs::write(&original, taken.pcapng(&[ByteOrder::Little], ENHANCED, Clock::Decimal(9))).unwrap();
        let count = taken.frames.len().div_ceil(2);
        let pieces = folder.path().join("pieces");
        fs::create_dir(&pieces).unwrap();
        run("editcap", &["-c".as_ref(), count.to_string().as_ref(), &original, &pieces.join("piece.pcapng")]);
        let mut joined = report_of(&pieces, true);
        let frames: Vec<u64> = joined["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|input| input["frames"].as_u64().unwrap())
            .collect();
        assert_eq!(frames.len(), 2, "{}", taken.name);
        as_of_one_input(&mut joined, frames[0]);
        let mut whole = taken.report;
        for report in [&mut whole, &mut joined] {
            report.as_object_mut().unwrap().remove("inputs").unwrap();
            let quality = report["quality"].as_object_mut().unwrap();
            // One counts files; sentences name a frame's input where there are several.
            quality.remove("inputs_without_loss_count").unwrap();
            quality.remove("remarks").unwrap();
        }
        assert_same(&taken.name, "editcap -c", &whole, &joined);
    }
}

/// Frames of the second input, numbered on from the `before` frames of the first one.
fn as_of_one_input(value: &mut Value, before: u64) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| as_of_one_input(value, before)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|value| as_of_one_input(value, before));
            for (input, frames) in [
                ("input", &["frame", "first_frame"][..]),
                ("last_input", &["last_frame"]),
                ("start_input", &["start_frame"]),
                ("end_input", &["end_frame"]),
                ("until_input", &["until_frame"]),
                ("rtt_input", &["rtt_frame"]),
            ] {
                if fields.get(input).and_then(Value::as_u64) == Some(1) {
                    fields[input] = 0.into();
                    for frame in frames {
                        let number = fields.get(*frame).and_then(Value::as_u64);
                        number.map(|number| fields.insert((*frame).to_owned(), (number + before).into()));
                    }
                }
            }
        }
        _ => {}
    }
}

/// A capture, taken apart.
#[derive(Clone)]
struct Taken {
    name: String,
    frames: Vec<Kept>,
    link: u16,
    addresses: Vec<IpAddr>,
    mac: Option<[u8; 6]>,
    /// The report of the original, or of the frames with their times rounded; without what conversions change.
    report: Value,
}

#[derive(Clone)]
struct Kept {
    nanos: u64,
    wire_len: u32,
    data: Vec<u8>,
}

/// What a clock of pcapng counts.
#[derive(Clone, Copy, Debug)]
enum Clock {
    /// Powers of ten of a second, stated.
    Decimal(u8),
    /// Powers of two of a second.
    Binary(u8),
    /// Microseconds, because nothing is stated.
    Unstated,
}

impl Clock {
    /// The first tick that is not before that time. Where ticks are longer than a nanosecond, it has to fall on one.
    fn ticks(self, nanos: u64) -> u64 {
        let per_second: u128 = match self {
            Self::Decimal(digits) => 10_u128.pow(digits.into()),
            Self::Binary(bits) => 1 << bits,
            Self::Unstated => 1_000_000,
        };
        let ticks = (u128::from(nanos) * per_second).div_ceil(NANOS_PER_SECOND);
        assert_eq!(ticks * NANOS_PER_SECOND / per_second, u128::from(nanos), "{self:?} holds no {nanos}");
        u64::try_from(ticks).unwrap()
    }

    /// `if_tsresol`.
    fn stated(self) -> Option<u8> {
        match self {
            Self::Decimal(digits) => Some(digits),
            Self::Binary(bits) => Some(0x80 | bits),
            Self::Unstated => None,
        }
    }
}

impl Taken {
    /// `None` for a capture that says more beside its frames than the other formats can: several interfaces, directions,
    /// processes, losses; or that is damaged or without times.
    fn new(path: &Path) -> Option<Self> {
        let mut capture = Capture::open(path, &Options::default()).unwrap();
        let (mut frames, mut link, mut is_plain) = (Vec::new(), None, true);
        while let Some(frame) = capture.next_frame() {
            is_plain &= frame.direction.is_none() && frame.process.is_none();
            is_plain &= *link.get_or_insert(frame.link.0) == frame.link.0;
            let nanos = frame.time.and_then(|time| u64::try_from(time.nanos()).ok());
            is_plain &= nanos.is_some();
            let (nanos, wire_len) = (nanos.unwrap_or(0), frame.wire_len);
            frames.push(Kept { nanos, wire_len, data: frame.data.to_vec() });
        }
        let summary = capture.finish();
        is_plain &= summary.interfaces.len() == 1 && summary.damage.is_empty() && summary.other_records == 0;
        is_plain &= summary.dropped.lost().is_none();
        let interface = summary.interfaces.first().filter(|_| is_plain)?;
        let has_comments = summary.claims.comment_count > 0;
        let mut taken = Self {
            name: path.display().to_string(),
            frames,
            link: link?,
            addresses: interface.addresses.clone(),
            mac: interface.mac,
            report: without_what_differs(report_of(path, false)),
        };
        if has_comments {
            // Those of packets may mark steps, and the other formats have no room for them.
            let bare = taken.pcapng(&[ByteOrder::Little], ENHANCED, Clock::Decimal(9));
            taken.report = without_what_differs(report_of_bytes(&bare));
        }
        Some(taken)
    }

    /// The same with times that a coarser clock holds exactly. Its report is that of nanoseconds which end in zeros.
    fn rounded_down_to(&self, step: u64) -> Self {
        let round = |frame: &Kept| Kept { nanos: frame.nanos / step * step, ..frame.clone() };
        let mut rounded = Self { frames: self.frames.iter().map(round).collect(), ..self.clone() };
        let is_same = rounded.frames.iter().zip(&self.frames).all(|(one, other)| one.nanos == other.nanos);
        if !is_same {
            let file = rounded.pcapng(&[ByteOrder::Little], ENHANCED, Clock::Decimal(9));
            rounded.report = without_what_differs(report_of_bytes(&file));
        }
        rounded
    }

    fn gives_itself_from(&self, how: &str, file: &[u8]) {
        assert_same(&self.name, how, &self.report, &without_what_differs(report_of_bytes(file)));
    }

    /// The same without the addresses of its interface, for which the classic formats have no room and which editcap drops.
    /// Nothing in its report differs but the reason for which an end of a flow is the local one.
    fn without_addresses(&self) -> Self {
        let mut bare = Self { addresses: Vec::new(), mac: None, ..self.clone() };
        let file = bare.pcapng(&[ByteOrder::Little], ENHANCED, Clock::Decimal(9));
        bare.report = without_what_differs(report_of_bytes(&file));
        let [one, other] = [&self.report, &bare.report].map(|report| without_reasons(report.clone()));
        assert_same(&self.name, "without the interface's addresses", &one, &other);
        bare
    }

    fn pcap(&self, order: ByteOrder, magic: u32) -> Vec<u8> {
        let mut out = Out { order, bytes: Vec::new() };
        out.words(&[magic]).halves(&[2, 4]).words(&[0, 0, 262_144, self.link.into()]);
        for frame in &self.frames {
            let tick = if magic == NANOSECONDS { 1 } else { MICROSECOND };
            assert_eq!(frame.nanos % tick, 0, "a time that the format does not hold");
            let seconds = frame.nanos / 1_000_000_000;
            let fraction = frame.nanos % 1_000_000_000 / tick;
            out.words(&[low(seconds), low(fraction), length(&frame.data), frame.wire_len]);
            if magic == MODIFIED {
                // Interface index, protocol, and the packet type of a frame between two others, which tells no direction.
                out.words(&[2]).halves(&[0x0800]).bytes.extend([3, 0]);
            }
            out.bytes.extend(&frame.data);
        }
        out.bytes
    }

    /// As many sections as there are orders, each with a part of the frames.
    fn pcapng(&self, orders: &[ByteOrder], block: u32, clock: Clock) -> Vec<u8> {
        let part = self.frames.len().div_ceil(orders.len());
        let sections = self.frames.chunks(part).zip(orders).map(|(frames, order)| {
            let mut out = Out { order: *order, bytes: Vec::new() };
            out.block(SECTION, |body| {
                body.words(&[0x1a2b3c4d]).halves(&[1, 0]).words(&[!0, !0]);
            });
            out.block(INTERFACE, |body| self.interface(body, clock));
            for frame in frames {
                out.block(block, |body| packet(body, block, frame, clock));
            }
            out.bytes
        });
        sections.collect::<Vec<_>>().concat()
    }

    fn interface(&self, body: &mut Out, clock: Clock) {
        body.halves(&[self.link, 0]).words(&[0]);
        for address in &self.addresses {
            match address {
                IpAddr::V4(address) => body.option(4, &[address.octets(), [0xff; 4]].concat()),
                IpAddr::V6(address) => body.option(5, &[&address.octets()[..], &[128]].concat()),
            }
        }
        self.mac.iter().for_each(|mac| body.option(6, mac));
        clock.stated().iter().for_each(|resolution| body.option(9, &[*resolution]));
        body.option(0, &[]);
    }
}

fn packet(body: &mut Out, block: u32, frame: &Kept, clock: Clock) {
    let ticks = clock.ticks(frame.nanos);
    let (captured, wire_len) = (length(&frame.data), frame.wire_len);
    match block {
        SIMPLE => {
            assert_eq!(captured, wire_len, "a simple packet block holds no frame that was cut at will");
            body.words(&[wire_len])
        }
        // Interface, and that losses are not stated.
        OBSOLETE => body.halves(&[0, 0xffff]).words(&[low(ticks >> 32), low(ticks), captured, wire_len]),
        _ => body.words(&[0, low(ticks >> 32), low(ticks), captured, wire_len]),
    };
    body.bytes.extend(&frame.data);
}

/// Numbers in one order, as bytes.
struct Out {
    order: ByteOrder,
    bytes: Vec<u8>,
}

impl Out {
    fn words(&mut self, words: &[u32]) -> &mut Self {
        for word in words {
            self.bytes.extend(match self.order {
                ByteOrder::Big => word.to_be_bytes(),
                ByteOrder::Little => word.to_le_bytes(),
            });
        }
        self
    }

    fn halves(&mut self, halves: &[u16]) -> &mut Self {
        for half in halves {
            self.bytes.extend(match self.order {
                ByteOrder::Big => half.to_be_bytes(),
                ByteOrder::Little => half.to_le_bytes(),
            });
        }
        self
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        self.halves(&[code, u16::try_from(value.len()).unwrap()]).bytes.extend(value);
        self.pad();
    }

    fn block(&mut self, kind: u32, fill: impl FnOnce(&mut Self)) {
        let mut body = Self { order: self.order, bytes: Vec::new() };
        fill(&mut body);
        body.pad();
        let total = length(&body.bytes) + 12;
        self.words(&[kind, total]).bytes.extend(body.bytes);
        self.words(&[total]);
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

fn low(number: u64) -> u32 {
    (number & 0xffff_ffff) as u32
}

fn report_of_bytes(file: &[u8]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("converted");
    fs::write(&path, file).unwrap();
    report_of(&path, false)
}

fn report_of(path: &Path, join: bool) -> Value {
    // What other containers cannot carry is left out of the report.
    let settings = Settings { join, ignores_carried_keys: true, ..Settings::default() };
    let inspection = inspect(&[path.to_owned()], settings, &());
    assert!(inspection.failures().is_empty(), "{:?}", inspection.failures());
    let options = report::Options { show_participants: false, list_flows: true };
    serde_json::from_str(&report::json(&report::build(&inspection, options))).unwrap()
}

/// A report without what a conversion has to change. All else has to stay.
fn without_what_differs(mut report: Value) -> Value {
    for input in report["inputs"].as_array_mut().unwrap() {
        let input = input.as_object_mut().unwrap();
        // Each is of the file, not of what was captured.
        for field in ["path", "sha256", "size", "format", "compression"] {
            input.remove(field).unwrap();
        }
    }
    report
}

/// The same without why the local ends are the local ones.
fn without_reasons(mut report: Value) -> Value {
    for flow in report["flows"].as_array_mut().unwrap() {
        flow.as_object_mut().unwrap().remove("local_reason").unwrap();
    }
    report
}

fn assert_same(name: &str, how: &str, original: &Value, converted: &Value) {
    let mut differences = Vec::new();
    differ("", original, converted, &mut differences);
    assert!(differences.is_empty(), "{name}, {how}:\n{}", differences.join("\n"));
}

/// Where two reports differ, so that a failure can be read.
fn differ(at: &str, one: &Value, other: &Value, differences: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) if one.keys().eq(other.keys()) => {
            one.iter()
                .for_each(|(key, value)| differ(&format!("{at}.{key}"), value, &other[key], differences));
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (number, (one, other)) in one.iter().zip(other).enumerate() {
                differ(&format!("{at}[{number}]"), one, other, differences);
            }
        }
        _ if one != other => differences.push(format!("{at}: {one} became {other}")),
        _ => {}
    }
}

/// The shipped captures, and of the real ones those that every format can hold.
fn captures() -> Vec<Taken> {
    let mut found = shipped();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = root.join("../shared/captures");
    if shared.is_dir() {
        let small = |path: &PathBuf| fs::metadata(path).unwrap().len() < 150_000;
        found.extend(files(&shared).into_iter().filter(small).filter_map(|path| Taken::new(&path)));
        assert!(found.len() >= 15, "{} captures", found.len());
    } else {
        say(&format!("{} is not there, only the shipped captures are converted", shared.display()));
    }
    found
}

fn shipped() -> Vec<Taken> {
    let shipped = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("captures"));
    assert!(shipped.len() >= 3);
    shipped.iter().map(|path| Taken::new(path).unwrap()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_capture = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().contains(".pcap");
    let mut files: Vec<PathBuf> = entries.filter(is_capture).collect();
    files.sort();
    files
}

fn is_installed(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").output().is_ok();
    if !is_there {
        say(&format!("{program} is not installed, so its conversions are not compared"));
    }
    is_there
}

fn run(program: &str, arguments: &[&Path]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

fn say(what: &str) {
    std::io::stderr().write_all(format!("NOT CHECKED: {what}\n").as_bytes()).unwrap();
}

const MICROSECONDS: u32 = 0xa1b2c3d4;
const NANOSECONDS: u32 = 0xa1b23c4d;
/// Alexey Kuznetsov's change of the format.
const MODIFIED: u32 = 0xa1b2cd34;
const SECTION: u32 = 0x0a0d0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE: u32 = 2;
const SIMPLE: u32 = 3;
const ENHANCED: u32 = 6;
const NANOS_PER_SECOND: u128 = 1_000_000_000;
/// In nanoseconds.
const MICROSECOND: u64 = 1_000;
/// The 512th part of a second, in nanoseconds: the shortest one of a power of two that is whole nanoseconds.
const BINARY_STEP: u64 = 1_953_125;

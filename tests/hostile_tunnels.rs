//! Tunnels in tunnels to any depth, and fragments made to be read in two ways or never to be whole: what is read stays
//! within its limits, is marked, and every frame is counted once.
//!
//! Input: captures made here, and `../shared/corpus` where it is there; where it is not, the tests say so and check the rest.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use borderpost::frame::{Frame, FrameRef, LinkType};
use borderpost::inspect::{Settings, inspect};
use borderpost::packet::{Class, Decoded, Opener};
use borderpost::report::schema::{Flow, Report};
use borderpost::report::{self, Options};

#[test]
fn p2_tunnels_in_tunnels_are_opened_to_four_and_marked_beyond() {
    for (name, wrap) in TUNNELS {
        let frames: Vec<Vec<u8>> = DEPTHS.iter().map(|depth| ethernet(0x0800, &nest(wrap, *depth))).collect();
        let classes: Vec<&str> = frames.iter().map(|frame| class_of(frame).name()).collect();
        let expected: Vec<&str> =
            DEPTHS.iter().map(|depth| if *depth <= 4 { "udp" } else { "nested_too_deep" }).collect();
        assert_eq!(classes, expected, "{name}");
        let report = report_of(&frames);
        let opened = DEPTHS.iter().filter(|depth| **depth <= 4).count() as u64;
        assert_eq!(report.totals.classes["nested_too_deep"], frames.len() as u64 - opened, "{name}");
        assert_eq!(report.tunnels.len(), 4, "{name}: one in another, each once");
        let marked = report.anomalies.iter().find(|anomaly| anomaly.kind == "nested_too_deep").unwrap();
        assert_eq!(marked.count, frames.len() as u64 - opened, "{name}");
        // One inner datagram in no, one, two, three and four tunnels is a flow each.
        assert_eq!(report.totals.flows, opened, "{name}");
    }
}

#[test]
fn p2_layers_below_ip_are_passed_to_sixteen_and_marked_beyond() {
    for (name, wrap, layers) in LAYERS {
        let frames: Vec<Vec<u8>> = DEPTHS.iter().map(|depth| wrap(*depth)).collect();
        for (frame, depth) in frames.iter().zip(DEPTHS) {
            let class = class_of(frame);
            if depth * layers <= 16 {
                assert_eq!(class, Class::Udp, "{name} {depth}");
            } else {
                assert!(
                    class.reason().is_some_and(|reason| reason.contains("more than 16")),
                    "{name} {depth}: {class}"
                );
            }
        }
        let report = report_of(&frames);
        let passed = DEPTHS.iter().filter(|depth| **depth * layers <= 16).count() as u64;
        assert_eq!(
            (report.totals.classes["udp"], report.totals.classes["malformed"]),
            (passed, frames.len() as u64 - passed)
        );
        let marked = report.anomalies.iter().filter(|anomaly| anomaly.kind == "malformed_frame");
        assert_eq!(marked.map(|anomaly| anomaly.count).sum::<u64>(), frames.len() as u64 - passed, "{name}");
    }
}

#[test]
fn p2_every_kind_in_every_other_is_counted_once() {
    let mut frames = Vec::new();
    for outer in 0..TUNNELS.len() {
        for step in 1..TUNNELS.len() {
            for depth in [1, 2, 3, 4, 5, 9, 300] {
                let wraps = (0..depth).map(|level| TUNNELS[(outer + level * step) % TUNNELS.len()].1);
                let packet = wraps.fold(cargo(), |inner, wrap| wrap(&inner));
                for below in [1, 16, 17] {
                    frames.push(vlans_around(below, &packet));
                }
            }
        }
    }
    let report = report_of(&frames);
    let classes = &report.totals.classes;
    let each = frames.len() as u64 / 7 / 3;
    assert_eq!(classes["udp"], each * 4 * 2);
    assert_eq!(classes["nested_too_deep"], each * 3 * 2);
    assert_eq!(classes["malformed"], each * 7);
    assert_eq!(classes.values().sum::<u64>(), frames.len() as u64);
}

#[test]
fn p2_a_packet_nested_a_thousand_times_costs_microseconds() {
    // Tests may run beside others, so the quickest of many rounds counts. What is not optimised may take longer.
    let limit = Duration::from_micros(10) * if cfg!(debug_assertions) { DEBUG_FACTOR } else { 1 };
    let tunnels = TUNNELS.iter().map(|(name, wrap)| (*name, ethernet(0x0800, &nest(*wrap, 1_000))));
    let layers = LAYERS.iter().map(|(name, wrap, _)| (*name, wrap(1_000)));
    for (name, frame) in tunnels.chain(layers) {
        let mut opener = Opener::new();
        let mut quickest = Duration::MAX;
        for _ in 0..40 {
            let start = Instant::now();
            for number in 1..=50 {
                std::hint::black_box(open(&mut opener, number, &frame));
            }
            quickest = quickest.min(start.elapsed() / 50);
        }
        assert!(quickest < limit, "{name}: {quickest:?}");
    }
}

/// Unoptimised code with its checks is slower by less than this.
const DEBUG_FACTOR: u32 = 30;

#[test]
fn encrypted_tunnels_are_suspected_with_the_flows_that_they_make() {
    let ends = [CLIENT, RESOLVER];
    let handshake = [&[1, 0, 0, 0][..], &[7; 144]].concat();
    let wireguard = datagram(ends, 40_000, 51_820, &handshake);
    let esp = ethernet(0x0800, &v4(50, ends, &[7; 40]));
    let report = report_of(&[wireguard, esp.clone(), esp]);
    let suspected = &report.quality.vpn_or_proxy_suspected;
    let seen: Vec<_> = suspected.iter().map(|s| (s.kind, s.frame, s.flows)).collect();
    assert_eq!(seen, [("encrypted_tunnel", 2, 0), ("encrypted_tunnel", 1, 1)], "{suspected:?}");
    assert!(suspected[0].says.starts_with("ESP") && suspected[1].says.starts_with("WireGuard between"));
    let remarks = report.quality.remarks.join("\n");
    assert!(remarks.contains("is not seen (first in frame 2)"), "{remarks}");
    assert!(remarks.contains("is not seen (1 flow, first in frame 1)"), "{remarks}");
}

#[test]
fn p3_overlap_in_a_dns_answer_names_what_either_reading_says() {
    let [plain, zoom] = ["edge.example.org", "weblog01.zoom.us"].map(|alias| answer(alias, [203, 0, 113, 9]));
    for (first, last) in [(&plain, &zoom), (&zoom, &plain)] {
        let mut frames = vec![datagram([CLIENT, RESOLVER], 40_000, 53, &question())];
        frames.extend(contested([RESOLVER, CLIENT], 17, &udp(53, 40_000, first), &udp(53, 40_000, last)));
        frames.push(datagram([CLIENT, [203, 0, 113, 9]], 40_001, 4_433, b"to whom the name was given"));
        let report = report_of(&frames);
        let flow = flow_to(&report, "203.0.113.9");
        assert_eq!(names(flow), ["cdn.example.com", "edge.example.org", "weblog01.zoom.us"]);
        assert_is_clients_and_contested(&report, flow);
        assert_eq!(report.totals.flows, 2);
    }
}

#[test]
fn p3_overlap_in_a_dns_answer_names_the_address_of_either_reading() {
    let [one, other] =
        [[203, 0, 113, 8], [203, 0, 113, 9]].map(|address| answer("weblog01.zoom.us", address));
    let mut frames = vec![datagram([CLIENT, RESOLVER], 40_000, 53, &question())];
    frames.extend(contested([RESOLVER, CLIENT], 17, &udp(53, 40_000, &one), &udp(53, 40_000, &other)));
    for host in [8, 9] {
        frames.push(datagram([CLIENT, [203, 0, 113, host]], 40_001, 4_433, b"to whom the name was given"));
    }
    let report = report_of(&frames);
    for address in ["203.0.113.8", "203.0.113.9"] {
        assert_is_clients_and_contested(&report, flow_to(&report, address));
    }
}

#[test]
fn p3_overlap_in_a_tls_hello_names_what_either_reading_says() {
    let server = [203, 0, 113, 9];
    let [plain, zoom] = ["edge.example.org", "weblog01.zoom.us"].map(hello);
    for (first, last) in [(&plain, &zoom), (&zoom, &plain)] {
        let mut frames = vec![
            ethernet(0x0800, &v4(6, [CLIENT, server], &tcp(40_002, 443, 99, 0x02, b""))),
            ethernet(0x0800, &v4(6, [server, CLIENT], &tcp(443, 40_002, 499, 0x12, b""))),
        ];
        let [first, last] = [first, last].map(|hello| tcp(40_002, 443, 100, 0x18, hello));
        frames.extend(contested([CLIENT, server], 6, &first, &last));
        let report = report_of(&frames);
        let flow = flow_to(&report, "203.0.113.9");
        assert_eq!(names(flow), ["edge.example.org", "weblog01.zoom.us"]);
        assert_is_clients_and_contested(&report, flow);
        assert_eq!((report.totals.flows, flow.packets_out), (1, 2), "the segment counts once");
    }
}

fn assert_is_clients_and_contested(report: &Report, flow: &Flow) {
    assert_eq!((&*flow.whose, flow.identified_by.as_deref()), ("client", Some("name")), "{:?}", flow.names);
    let contested = report.anomalies.iter().find(|anomaly| anomaly.kind == "contested_fragment").unwrap();
    assert_eq!(contested.count, 1);
    assert!(contested.frame.is_some());
}

#[test]
fn p3_overlap_never_makes_two_flows_out_of_one_datagram() {
    // The copies differ in the ports, in the protocol's bytes, in everything.
    let one = udp(40_000, 8_801, &[1; 200]);
    for other in [udp(40_666, 8_801, &[1; 200]), udp(40_000, 443, &[2; 200]), vec![0; 208], vec![0xff; 208]] {
        for [first, last] in [[&one, &other], [&other, &one]] {
            let report = report_of(&contested([CLIENT, RESOLVER], 17, first, last));
            assert!(report.totals.flows <= 1, "{} flows", report.totals.flows);
        }
    }
    // Pieces at will, with bytes at will.
    let mut seed = 7;
    for _ in 0..300 {
        let mut draw = |below: u64| {
            seed = random(seed);
            usize::try_from(seed % below).unwrap()
        };
        let frames: Vec<Vec<u8>> = (0..12)
            .map(|_| {
                let (offset, units) = (draw(12) * 8, draw(6) + 1);
                let mut bytes = one.clone();
                bytes[draw(208)] ^= 0x55;
                let end = (offset + units * 8).min(208);
                fragment([CLIENT, RESOLVER], 17, 7, offset, end < 208, &bytes[offset..end])
            })
            .collect();
        let report = report_of(&frames);
        assert!(report.totals.flows <= 2, "twelve fragments of one size make no more wholes than that");
        let ports = report.flows.iter().map(|flow| (&flow.local, &flow.remote));
        assert_eq!(ports.collect::<std::collections::BTreeSet<_>>().len(), report.flows.len());
    }
}

#[test]
fn p3_tiny_fragments_and_ids_used_again_are_one_flow() {
    let whole = udp(40_000, 8_801, &[7; 400]);
    let tiny = pieces([CLIENT, RESOLVER], 17, &whole, 8);
    let again = [&tiny[..], &tiny].concat();
    let mut backwards = tiny.clone();
    backwards.reverse();
    for (frames, packets) in [(tiny, 1), (again, 2), (backwards, 1)] {
        let report = report_of(&frames);
        assert_eq!(
            (report.totals.flows, report.flows[0].packets_out + report.flows[0].packets_in),
            (1, packets)
        );
        assert_eq!(report.totals.classes["fragment_reassembled"], frames.len() as u64 - packets);
    }
    // The same id between other ends, at the same time.
    let [one, other] =
        [[CLIENT, RESOLVER], [CLIENT, [192, 0, 2, 54]]].map(|ends| pieces(ends, 17, &whole, 64));
    let mixed: Vec<Vec<u8>> = one.into_iter().zip(other).flat_map(<[Vec<u8>; 2]>::from).collect();
    let report = report_of(&mixed);
    assert_eq!((report.totals.flows, report.totals.classes["udp"]), (2, 2));
}

#[test]
fn p3_teardrop_and_missing_pieces_are_counted_and_make_a_flow_by_the_first_alone() {
    let ends = [CLIENT, RESOLVER];
    let whole = udp(40_000, 8_801, &[7; 400]);
    let tiny = pieces(ends, 17, &whole, 8);
    let teardrop =
        vec![fragment(ends, 17, 1, 0, true, &whole[..40]), fragment(ends, 17, 1, 24, false, &whole[24..28])];
    let report = report_of(&teardrop);
    assert!(report.totals.flows <= 1);
    // Who talks to whom stands in the first; what is said is known of none.
    for (frames, flows, what) in [
        (tiny[1..].to_vec(), 0, "first"),
        (tiny[..1].to_vec(), 1, "all but the first"),
        (tiny[..tiny.len() - 1].to_vec(), 1, "last"),
        ([&tiny[..20], &tiny[21..]].concat(), 1, "middle"),
        (vec![tiny[5].clone(); 500], 0, "all but one"),
    ] {
        let report = report_of(&frames);
        assert_eq!(
            (report.totals.flows, report.totals.classes["fragment"]),
            (flows, frames.len() as u64),
            "{what}"
        );
        assert_eq!(report.totals.classes["udp"], 0, "{what}");
    }
    let beyond = vec![fragment(ends, 17, 1, 65_528, false, &[0; 64])];
    assert_eq!(report_of(&beyond).totals.classes["malformed"], 1);
}

#[test]
fn p3_an_endless_flood_is_dropped_counted_and_marked() {
    let mut opener = Opener::new();
    let (mut counted, flood) = (0, 40_000_u64);
    let settle = |opener: &mut Opener| opener.settled().map(|settled| settled.frames).sum::<u64>();
    for number in 1..=flood {
        let [.., high, middle, low] = number.to_be_bytes();
        let client = [10, high, middle, low];
        let frame = fragment([client, RESOLVER], 17, 9, 0, true, &[7; 1_400]);
        counted += u64::from(open(&mut opener, number, &frame).is_some()) + settle(&mut opener);
    }
    assert!(opener.fragments_dropped() > flood - 8_000, "8 MiB hold less than that");
    opener.finish();
    assert_eq!(counted + settle(&mut opener), flood);
}

#[cfg(all(target_os = "linux", feature = "cli"))]
#[test]
fn p3_an_endless_flood_stays_in_its_room() {
    let peaks = [2_000, 60_000].map(|flood: u32| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_borderpost"))
            .args(["inspect", "--no-hash", "--format", "json", "-"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut input = program.stdin.take().unwrap();
        input.write_all(&pcap(&[])).unwrap();
        for number in 0..flood {
            let [_, high, middle, low] = number.to_be_bytes();
            let frame = fragment([[10, high, middle, low], RESOLVER], 17, 9, 0, true, &[7; 1_400]);
            input.write_all(&record(&frame)).unwrap();
        }
        // All but the last pipeful was read.
        let status = fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        drop(input);
        assert!(program.wait().unwrap().success());
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap()
    });
    let [short, long] = peaks;
    assert!(long < short + 24 * 1024, "{short} KiB for 3 MB of fragments, {long} KiB for 84 MB");
}

#[test]
fn p3_fragments_of_other_projects_are_survived_and_counted() {
    let corpus = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus"));
    let Ok(table) = fs::read_to_string(corpus.join("expected.tsv")) else {
        let missing = format!("NOT CHECKED: {} is not there, only files made here\n", corpus.display());
        return std::io::stderr().write_all(missing.as_bytes()).unwrap();
    };
    let mut read = 0;
    for line in table.lines() {
        let [file, packets, ..] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        let is_named = ["suricata-verify/ipv6-evasion__", "suricata-verify/defrag__"]
            .iter()
            .any(|prefix| file.starts_with(prefix))
            || file == "zeek/smb__fragment-state-exhaustion.pcap";
        if !is_named {
            continue;
        }
        let inspection = inspect(&[corpus.join(file)], Settings::default(), &());
        let report = report::build(&inspection, Options { show_participants: false, list_flows: true });
        assert_eq!(report.totals.frames.to_string(), packets, "{file}");
        assert_eq!(report.totals.classes.values().sum::<u64>(), report.totals.frames, "{file}");
        read += 1;
    }
    assert!(read >= 16, "{read} files");
}

/// The one class of a frame, all tunnels opened.
fn class_of(frame: &[u8]) -> Class {
    open(&mut Opener::new(), 1, frame).unwrap()
}

/// `None` for a fragment that waits.
fn open(opener: &mut Opener, number: u64, data: &[u8]) -> Option<Class> {
    let frame = Frame::new(number, LinkType::ETHERNET, data);
    opener.open(&frame, FrameRef::new(0, number), |opened| opened.decoded.as_ref().map(Decoded::class))
}

/// Every frame is in exactly one class, whatever the report is asked for.
fn report_of(frames: &[Vec<u8>]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.pcap");
    fs::write(&path, pcap(frames)).unwrap();
    let inspection = inspect(&[path], Settings::default(), &());
    let mut report = report::build(&inspection, Options { show_participants: false, list_flows: true });
    assert_eq!(report.totals.frames, frames.len() as u64);
    assert_eq!(
        report.totals.classes.values().sum::<u64>(),
        report.totals.frames,
        "{:?}",
        report.totals.classes
    );
    let absent: BTreeMap<String, u64> =
        ["udp", "malformed", "nested_too_deep", "fragment", "fragment_reassembled"]
            .map(|name| (name.to_owned(), 0))
            .into();
    let seen = std::mem::replace(&mut report.totals.classes, absent);
    report.totals.classes.extend(seen);
    report
}

fn flow_to<'a>(report: &'a Report, address: &str) -> &'a Flow {
    report.flows.iter().find(|flow| flow.remote.starts_with(&format!("{address}:"))).unwrap()
}

fn names(flow: &Flow) -> Vec<&str> {
    let mut names: Vec<&str> = flow.names.iter().map(|name| &*name.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

const CLIENT: [u8; 4] = [192, 168, 1, 20];
const RESOLVER: [u8; 4] = [192, 0, 2, 53];
const DEPTHS: [usize; 10] = [0, 1, 2, 3, 4, 5, 8, 17, 100, 1_000];

type Wrap = fn(&[u8]) -> Vec<u8>;

const OUTER: [[u8; 4]; 2] = [[192, 0, 2, 1], [192, 0, 2, 2]];

const TUNNELS: [(&str, Wrap); 5] = [
    ("GRE", |inner| v4(47, OUTER, &[&[0, 0, 8, 0][..], inner].concat())),
    ("VXLAN", |inner| in_udp(4_789, &[8, 0, 0, 0, 0, 0, 42, 0], &ethernet(0x0800, inner))),
    ("Geneve", |inner| in_udp(6_081, &[0, 0, 0x65, 0x58, 0, 0, 7, 0], &ethernet(0x0800, inner))),
    ("GTP-U", |inner| {
        let [high, low] = length(inner);
        in_udp(2_152, &[0x30, 255, high, low, 0, 0, 0, 1], inner)
    }),
    ("IP in IP", |inner| v4(4, OUTER, inner)),
];

/// Something so many times around an IP packet.
type Around = fn(usize) -> Vec<u8>;

/// Frames with something so many times around an IP packet, and as how many layers each counts.
const LAYERS: [(&str, Around, usize); 5] = [
    ("VLAN", |depth| vlans_around(depth, &cargo()), 1),
    (
        "MPLS labels",
        |depth| {
            let label = |at| [0, 0, 0x10 | u8::from(at + 1 == depth), 64];
            let labels: Vec<u8> = (0..depth).flat_map(label).collect();
            ethernet(if depth == 0 { 0x0800 } else { 0x8847 }, &[labels, cargo()].concat())
        },
        1,
    ),
    ("Ethernet over MPLS", |depth| chain(depth, 0x8847, &[0, 0, 0x11, 64]), 1),
    ("802.1ah", |depth| chain(depth, 0x88E7, &[0, 0, 0, 7]), 1),
    // A session each, whose PPP carries a label, which carries Ethernet.
    ("PPPoE", |depth| chain(depth, 0x8864, &[0x11, 0, 0, 1, 0xff, 0xff, 0x02, 0x81, 0, 0, 0x11, 64]), 2),
];

/// Ethernet in Ethernet, so many times, by a header with that `EtherType`.
fn chain(depth: usize, ether_type: u16, header: &[u8]) -> Vec<u8> {
    (0..depth).fold(ethernet(0x0800, &cargo()), |inner, _| ethernet(ether_type, &[header, &inner].concat()))
}

fn vlans_around(depth: usize, packet: &[u8]) -> Vec<u8> {
    let tags: Vec<u8> = (0..depth).flat_map(|at| [0x81, 0, 0, u8::try_from(at % 200).unwrap() + 1]).collect();
    let [to_and_from @ .., _, _] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 0];
    [&to_and_from[..], &tags, &[8, 0], packet].concat()
}

fn nest(wrap: Wrap, depth: usize) -> Vec<u8> {
    (0..depth).fold(cargo(), |inner, _| wrap(&inner))
}

fn cargo() -> Vec<u8> {
    v4(17, [[10, 0, 0, 5], [10, 0, 0, 6]], &udp(40_000, 9_999, b"what is carried"))
}

fn in_udp(port: u16, header: &[u8], inner: &[u8]) -> Vec<u8> {
    v4(17, OUTER, &udp(40_001, port, &[header, inner].concat()))
}

fn ethernet(ether_type: u16, inner: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], &ether_type.to_be_bytes(), inner].concat()
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap().to_be_bytes()
}

fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    [&from.to_be_bytes()[..], &to.to_be_bytes(), &length, &[0, 0], payload].concat()
}

fn tcp(from: u16, to: u16, seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let [from, to] = [from, to].map(u16::to_be_bytes);
    [
        &from[..],
        &to,
        &seq.to_be_bytes(),
        &500_u32.to_be_bytes(),
        &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0],
        payload,
    ]
    .concat()
}

fn v4(protocol: u8, ends: [[u8; 4]; 2], inner: &[u8]) -> Vec<u8> {
    ip_fragment(ends, protocol, 0, 0, false, inner)
}

fn ip_fragment(
    [from, to]: [[u8; 4]; 2],
    protocol: u8,
    id: u16,
    offset: usize,
    has_more: bool,
    inner: &[u8],
) -> Vec<u8> {
    let total = u16::try_from(20 + inner.len()).unwrap().to_be_bytes();
    let place = u16::try_from(offset / 8).unwrap() | if has_more { 0x2000 } else { 0 };
    let [id, place] = [id, place].map(u16::to_be_bytes);
    [&[0x45, 0][..], &total, &id, &place, &[64, protocol, 0, 0], &from, &to, inner].concat()
}

fn datagram(ends: [[u8; 4]; 2], from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &v4(17, ends, &udp(from, to, payload)))
}

fn fragment(
    ends: [[u8; 4]; 2],
    protocol: u8,
    id: u16,
    offset: usize,
    has_more: bool,
    inner: &[u8],
) -> Vec<u8> {
    ethernet(0x0800, &ip_fragment(ends, protocol, id, offset, has_more, inner))
}

/// What an IP packet carries, cut into fragments of so many bytes.
fn pieces(ends: [[u8; 4]; 2], protocol: u8, whole: &[u8], size: usize) -> Vec<Vec<u8>> {
    let cut = whole.chunks(size).zip((0..).step_by(size));
    cut.map(|(piece, at)| fragment(ends, protocol, 7, at, at + size < whole.len(), piece)).collect()
}

/// The fragments of one text, among them one of the other text that lies over all but the last.
fn contested(ends: [[u8; 4]; 2], protocol: u8, first: &[u8], last: &[u8]) -> Vec<Vec<u8>> {
    assert_eq!(first.len(), last.len());
    let mut frames = pieces(ends, protocol, first, 16);
    let end = (first.len() - 1) / 16 * 16;
    frames.insert(frames.len() - 1, fragment(ends, protocol, 7, 0, true, &last[..end]));
    frames
}

fn name(name: &str) -> Vec<u8> {
    let labels =
        name.split('.').flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat());
    labels.chain([0]).collect()
}

/// A DNS question for the address of `cdn.example.com`.
fn question() -> Vec<u8> {
    [&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &name("cdn.example.com"), &[0, 1, 0, 1]].concat()
}

/// Its answer: another name for it, and that one's address; and then an address of documentation, so that all that can
/// differ lies before the last fragment.
fn answer(alias: &str, address: [u8; 4]) -> Vec<u8> {
    let target = name(alias);
    let record = |kind: u8, data: &[u8]| [&[0, kind, 0, 1, 0, 0, 0, 60][..], &length(data), data].concat();
    // The alias's name stands behind the question and the first record's head.
    let at = u8::try_from(question().len() + 12).unwrap();
    [
        &[0, 7, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0][..],
        &question()[12..],
        &[0xc0, 12],
        &record(5, &target),
        &[0xc0, at],
        &record(1, &address),
        &[0xc0, at],
        &record(1, &[192, 0, 2, 200]),
    ]
    .concat()
}

/// A TLS `ClientHello` that names its server, with padding (RFC 7685) behind the name.
fn hello(server: &str) -> Vec<u8> {
    let list = [&[0][..], &length(server.as_bytes()), server.as_bytes()].concat();
    let data = [&length(&list)[..], &list].concat();
    let extensions = [&[0, 0][..], &length(&data), &data, &[0, 21, 0, 32], &[0; 32]].concat();
    let body =
        [&[3, 3][..], &[9; 32], &[0, 0, 2, 0xc0, 0x2f, 1, 0], &length(&extensions), &extensions].concat();
    let message = [&[1, 0][..], &length(&body), &body].concat();
    [&[22, 3, 1][..], &length(&message), &message].concat()
}

fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let header = [0xa1b2c3d4, 0x0004_0002, 0, 0, 262_144, 1_u32].map(u32::to_le_bytes).concat();
    frames.iter().fold(header, |mut file, frame| {
        file.extend(record(frame));
        file
    })
}

fn record(frame: &[u8]) -> Vec<u8> {
    let length = u32::try_from(frame.len()).unwrap();
    [&[1_718_700_000, 0, length, length].map(u32::to_le_bytes).concat()[..], frame].concat()
}

/// The next of a sequence without a pattern.
fn random(before: u64) -> u64 {
    before.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 1
}

//! Redacted captures through the front door: the findings of the original, and nothing of what was to be hidden.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use borderpost::frame::{LinkType, Timestamp};
use borderpost::source::write::{WriteInterface, Writer};
use borderpost::source::{Capture, Options};
use serde_json::{Value, json};

mod common;

use common::{assert_refused, borderpost, err, out, status};

const CAPTURES: &[&str] = &[
    "browser-join",
    "eea-meeting",
    "eu-meeting-us-telemetry",
    "ipv6-only",
    "joined-midway",
    "third-parties",
    "through-a-vpn",
    "traveller",
    "trust-and-safety",
    "webinar-invitation",
];

/// A folder with a key.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key"), [7; 32]).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Redacts with the key, and gives the output's path.
    fn redact(&self, capture: &Path, name: &str) -> PathBuf {
        let made = self.path(name);
        let output = self.run(capture, &made);
        assert_eq!(status(&output), 0, "{}", err(&output));
        made
    }

    fn run(&self, capture: &Path, made: &Path) -> std::process::Output {
        let key = self.path("key");
        borderpost(&["redact", "--force", "--key", text(&key), text(capture), text(made)])
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("captures/{name}.pcapng"))
}

fn inspect(capture: &Path) -> Value {
    serde_json::from_str(&out(&borderpost(&["inspect", "--format", "json", text(capture)]))).unwrap()
}

/// What must be the same. Addresses of the client, names of tenants and keys of meetings are others.
fn findings(report: &Value) -> Value {
    let picked = |list: &str, keys: &[&str]| -> Vec<Value> {
        let rows = report[list].as_array().unwrap().iter();
        rows.map(|row| keys.iter().map(|key| row[*key].clone()).collect()).collect()
    };
    let places: Vec<Value> = report["destinations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            ["axis", "located", "grade", "disputed"].map(|key| row["place"][key].clone()).to_vec().into()
        })
        .collect();
    let destinations = [
        "host_pattern",
        "whose",
        "recipient",
        "service",
        "addresses",
        "listing",
        "flagged",
        "flows",
        "bytes_in",
        "bytes_out",
        "phases",
    ];
    let sessions = ["start", "end", "first_frame", "last_frame", "flows", "phases", "milestones", "meetings"];
    let meetings = ["kind", "start", "end", "start_rule", "end_rule", "start_frame", "end_frame", "media"];
    json!({
        "headline": report["headline"],
        "places": places,
        "destinations": picked("destinations", &destinations),
        "sessions": picked("sessions", &sessions),
        "meetings": picked("meetings", &meetings),
        "steps": report["steps"],
    })
}

#[test]
fn findings_are_those_of_the_original() {
    let desk = Desk::new();
    for name in CAPTURES {
        let made = desk.redact(&shipped(name), &format!("{name}.pcapng"));
        assert_eq!(findings(&inspect(&made)), findings(&inspect(&shipped(name))), "{name}");
    }
}

/// A shipped capture whose frames go through something on their way.
fn carried(name: &str, through: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Vec<u8> {
    let mut capture = Capture::open(&shipped(name), &Options::default()).unwrap();
    let mut writer = Writer::new(Vec::new(), &[WriteInterface::new(LinkType::ETHERNET)]).unwrap();
    while let Some(frame) = capture.next_frame() {
        for bytes in through(frame.data) {
            let length = u32::try_from(bytes.len()).unwrap();
            writer.frame(0, frame.time.unwrap(), length, &bytes, None).unwrap();
        }
    }
    writer.finish().unwrap()
}

/// A session of PPP over Ethernet.
fn dialled(frame: &[u8]) -> Vec<u8> {
    let ip = &frame[14..];
    let protocol = if ip[0] >> 4 == 4 { 0x21 } else { 0x57 };
    let length = u16::try_from(2 + ip.len()).unwrap().to_be_bytes();
    [&frame[..12], &[0x88, 0x64, 0x11, 0, 0x77, 0x88], &length, &[0, protocol], ip].concat()
}

/// Geneve (RFC 8926), with an option.
fn geneve(frame: &[u8]) -> Vec<u8> {
    let head = [&[1, 0x40, 0x65, 0x58, 0x12, 0x34, 0x56, 0][..], b"plnt", frame].concat();
    udp((RESOLVER, 50_000), (CLIENT, 6_081), &head)
}

/// Two fragments of every long datagram over IPv4.
fn broken(frame: &[u8]) -> Vec<Vec<u8>> {
    let [ether_type, version, protocol] = [12, 14, 23].map(|at| frame.get(at).copied().unwrap_or(0));
    if (ether_type, version, protocol) != (8, 0x45, 17) || frame.len() < 200 {
        return vec![frame.to_vec()];
    }
    let (head, body) = frame.split_at(34);
    let piece = |part: &[u8], field: u16| {
        let mut head = head.to_vec();
        head[16..18].copy_from_slice(&u16::try_from(20 + part.len()).unwrap().to_be_bytes());
        head[20..22].copy_from_slice(&field.to_be_bytes());
        [&head, part].concat()
    };
    let (first, last) = body.split_at(104);
    vec![piece(first, 0x2000), piece(last, 13)]
}

#[test]
fn findings_of_what_went_through_a_tunnel_are_those_of_the_original() {
    let desk = Desk::new();
    for name in ["browser-join", "eea-meeting", "ipv6-only"] {
        let ways: [(&str, Vec<u8>); 2] = [
            ("dialled", carried(name, |frame| vec![dialled(frame)])),
            ("geneve", carried(name, |frame| vec![geneve(frame)])),
        ];
        for (way, bytes) in ways {
            let capture = desk.path("carried.pcapng");
            fs::write(&capture, bytes).unwrap();
            let made = desk.redact(&capture, "made.pcapng");
            let (before, after) = (inspect(&capture), inspect(&made));
            assert!(!before["destinations"].as_array().unwrap().is_empty(), "{name} {way}");
            assert_eq!(findings(&after), findings(&before), "{name} {way}");
            let made = fs::read(made).unwrap();
            for hidden in [&b"plnt"[..], &[0x12, 0x34, 0x56, 0], &[0x77, 0x88]] {
                assert!(!has(&made, hidden), "{name} {way}");
            }
        }
    }
}

#[test]
fn fragments_keep_what_tells_their_flow_and_nothing_of_their_payload() {
    let desk = Desk::new();
    let capture = desk.path("broken.pcapng");
    fs::write(&capture, carried("eu-meeting-us-telemetry", broken)).unwrap();
    let made = desk.redact(&capture, "made.pcapng");
    let log: Value = serde_json::from_slice(&fs::read(desk.path("made.pcapng.log.json")).unwrap()).unwrap();
    let pieces = log["done"]["fragments"].as_u64().unwrap();
    assert!(pieces > 100 && log["may_differ"].to_string().contains("fragments"), "{log}");
    let counted = |report: &Value| -> Vec<Value> {
        let rows = report["destinations"].as_array().unwrap().iter();
        rows.map(|row| {
            ["addresses", "flows", "bytes_in", "bytes_out"].iter().map(|key| row[*key].clone()).collect()
        })
        .collect()
    };
    let (before, after) = (inspect(&capture), inspect(&made));
    assert_eq!(counted(&after), counted(&before));
    assert!(before["totals"]["fragment_reassembled"].as_u64().unwrap() > 100, "{}", before["totals"]);
    assert_eq!(after["totals"], before["totals"]);
    // Behind the headers nothing of a fragment is there.
    let mut read = Capture::open(&made, &Options::default()).unwrap();
    while let Some(frame) = read.next_frame() {
        let field = frame.data.get(20..22).map_or(0, |field| u16::from_be_bytes([field[0], field[1]]));
        let most = match field & 0x3fff {
            0 => usize::MAX,
            0x2000 => 42,
            _ => 34,
        };
        assert!(frame.data.len() <= most || frame.data[12] != 8, "{}", frame.number);
    }
}

#[test]
fn the_machine_and_its_meetings_are_not_in_the_output() {
    let desk = Desk::new();
    let hidden: [&[u8]; 4] = [
        &[0x02, 0x5e, 0x10, 0x00, 0x01],
        &[192, 168, 1, 20],
        &[0x00, 0x5e, 0x10, 0xff, 0xfe, 0x00, 0x01, 0x14],
        b"u1234567",
    ];
    for name in CAPTURES {
        let (before, made) = (shipped(name), desk.redact(&shipped(name), &format!("{name}.pcapng")));
        let (before, bytes) = (inspect(&before), fs::read(&made).unwrap());
        let log = fs::read(desk.path(&format!("{name}.pcapng.log.json"))).unwrap();
        for hidden in hidden {
            assert!(!has(&bytes, hidden) && !has(&log, hidden), "{name}: {hidden:x?}");
        }
        assert!(!has(&bytes, &[7; 32]) && !has(&log, &[7; 32]), "the key");
        for meeting in before["meetings"].as_array().unwrap() {
            if let Some(key) = meeting["key"].as_str().filter(|key| key.len() == 32) {
                let id: Vec<u8> =
                    (0..16).map(|at| u8::from_str_radix(&key[2 * at..2 * at + 2], 16).unwrap()).collect();
                assert!(has(&fs::read(shipped(name)).unwrap(), &id) && !has(&bytes, &id), "{name}: {key}");
            }
        }
    }
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|at| at == part)
}

#[test]
fn one_key_gives_one_output_and_no_two_runs_without_a_key_agree() {
    let desk = Desk::new();
    let capture = shipped("third-parties");
    let [one, two] = ["one", "two"].map(|name| fs::read(desk.redact(&capture, name)).unwrap());
    assert!(one == two);
    let [three, four] = ["three", "four"].map(|name| {
        let made = desk.path(name);
        assert_eq!(status(&borderpost(&["redact", text(&capture), text(&made)])), 0);
        fs::read(made).unwrap()
    });
    assert!(three != four && three != one && three.len() == one.len());
}

#[test]
fn the_log_links_both_files() {
    let desk = Desk::new();
    let made = desk.redact(&shipped("trust-and-safety"), "made.pcapng");
    let log: Value = serde_json::from_slice(&fs::read(desk.path("made.pcapng.log.json")).unwrap()).unwrap();
    let hash = |path: &Path| inspect(path)["inputs"][0]["sha256"].clone();
    assert_eq!(log["input"]["sha256"], hash(&shipped("trust-and-safety")));
    assert_eq!(log["output"]["sha256"], hash(&made));
    assert_eq!(log["input"]["frames"], log["output"]["frames"]);
    assert_eq!((&log["key"], &log["may_differ"]), (&json!("file"), &json!([])));
    assert!(log["done"]["steps_kept"].as_u64() > Some(0) && log["done"]["comments_dropped"] == 1, "{log}");
    assert!(log["done"]["meeting_ids"] == 1 && log["done"]["client_hellos"].as_u64() > Some(3));
}

#[test]
fn another_reader_finds_nothing_wrong_with_it() {
    if Command::new("tshark").arg("--version").output().is_err() {
        return;
    }
    let desk = Desk::new();
    for name in CAPTURES {
        let made = desk.redact(&shipped(name), name);
        let count = |path: &Path| {
            let output =
                Command::new("tshark").args(["-r", text(path), "-T", "fields", "-e", "frame.len"]).output();
            let output = output.unwrap();
            assert!(output.status.success(), "{}", err(&output));
            out(&output)
        };
        assert_eq!(count(&made), count(&shipped(name)), "{name}");
    }
}

const MAC: [u8; 6] = [0x00, 0x1b, 0x21, 0xaa, 0xbb, 0xcc];
const CLIENT: [u8; 4] = [10, 77, 88, 99];
const RESOLVER: [u8; 4] = [10, 77, 0, 1];
/// In a range that Zoom publishes.
const ZOOM: [u8; 4] = [170, 114, 52, 4];
const OTHER: [u8; 4] = [128, 112, 136, 35];
const PEER: [u8; 4] = [84, 198, 71, 12];

fn ethernet(from: [u8; 4], to: [u8; 4], protocol: u8, transport: &[u8]) -> Vec<u8> {
    let macs = if from == CLIENT { [[2, 9, 9, 9, 9, 9], MAC] } else { [MAC, [2, 9, 9, 9, 9, 9]] };
    let total = u16::try_from(20 + transport.len()).unwrap().to_be_bytes();
    let head = [0x45, 0, total[0], total[1], 0, 1, 0, 0, 64, protocol, 0, 0];
    [&macs.concat(), &[8, 0][..], &head, &from, &to, transport].concat()
}

fn udp(from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let head = [from.1, to.1, length, 0].map(u16::to_be_bytes).concat();
    ethernet(from.0, to.0, 17, &[&head, payload].concat())
}

fn tcp(from: ([u8; 4], u16), to: ([u8; 4], u16), numbers: [u32; 2], flags: u8, payload: &[u8]) -> Vec<u8> {
    let ports = [from.1, to.1].map(u16::to_be_bytes).concat();
    let numbers = numbers.map(u32::to_be_bytes).concat();
    let rest = [0x60, flags, 4, 0, 0, 0, 0, 0, 2, 4, 5, 0xb4];
    ethernet(from.0, to.0, 6, &[&ports, &numbers, &rest[..], payload].concat())
}

fn dns(name: &str, address: Option<[u8; 4]>) -> Vec<u8> {
    let labels: Vec<u8> = name
        .split('.')
        .flat_map(|label| [&[u8::try_from(label.len()).unwrap()][..], label.as_bytes()].concat())
        .collect();
    let answers = u8::from(address.is_some());
    let head = [0x12, 0x34, if answers == 1 { 0x81 } else { 1 }, 0, 0, 1, 0, answers, 0, 0, 0, 0];
    let question = [&head[..], &labels, &[0, 0, 1, 0, 1]].concat();
    let record = address.map(|to| [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4][..], &to].concat());
    [question, record.unwrap_or_default()].concat()
}

/// A conversation with something to hide in every part of it.
fn planted() -> Vec<u8> {
    let (client, resolver) = ((CLIENT, 50_001), (RESOLVER, 53));
    let request = b"GET /secret-path?token=hidden HTTP/1.1\r\nCookie: planted-cookie\r\nHost: planted-tenant.zoom.us\r\n\r\n";
    let (front, back) = request.split_at(80);
    let web = (ZOOM, 80);
    let greeting = [
        &[0x1f, 2, 1, 0][..],
        &[0x41; 20],
        &[0, 0, 0, 12],
        b"84.198.71.12",
        &[0, 0, 0, 36],
        b"3f8b2c1e-0d4a-4e6f-9a7b-5c6d7e8f9a0b",
        &[0; 4],
    ]
    .concat();
    let frames = [
        udp((CLIENT, 68), ([255; 4], 67), b"planted-dhcp-hostname"),
        udp((CLIENT, 5353), ([224, 0, 0, 251], 5353), &dns("planted-laptop.local", None)),
        udp(client, resolver, &dns("planted-tenant.zoom.us", None)),
        udp(resolver, client, &dns("planted-tenant.zoom.us", Some(ZOOM))),
        udp(client, resolver, &dns("planted-clinic.example", None)),
        udp(resolver, client, &dns("planted-clinic.example", Some(OTHER))),
        tcp((CLIENT, 50_002), web, [100, 0], 2, b""),
        tcp(web, (CLIENT, 50_002), [500, 101], 0x12, b""),
        // The name lies across two segments.
        tcp((CLIENT, 50_002), web, [101, 501], 0x18, front),
        tcp((CLIENT, 50_002), web, [181, 501], 0x18, back),
        tcp(web, (CLIENT, 50_002), [501, 199], 0x18, b"HTTP/1.1 200 OK\r\n\r\nplanted-answer"),
        tcp((CLIENT, 50_003), (OTHER, 443), [1, 1], 0x18, b"planted-other-payload"),
        udp((CLIENT, 50_004), (PEER, 50_005), &greeting),
        udp((PEER, 50_005), (CLIENT, 50_004), &greeting),
        [&[0xff; 6][..], &MAC, &[8, 6], b"planted-arp"].concat(),
    ];
    let interface = WriteInterface {
        name: Some("planted-interface".to_owned()),
        addresses: vec![CLIENT.into()],
        mac: Some(MAC),
        ..WriteInterface::new(LinkType::ETHERNET)
    };
    let mut writer = Writer::new(Vec::new(), &[interface]).unwrap();
    for (at, frame) in (0_i64..).zip(&frames) {
        let time = Timestamp::from_nanos(1_720_000_000_000_000_000 + at * 10_000_000);
        let comment =
            [Some("step: sign in"), Some("planted-comment"), None][usize::try_from(at.min(2)).unwrap()];
        writer.frame(0, time, u32::try_from(frame.len()).unwrap(), frame, comment).unwrap();
    }
    // A block of secrets: type, length, kind, length of the secrets, the secrets, length.
    let secrets = b"CLIENT_RANDOM planted-secret";
    let words = [10, 20 + 28, 0x544c_534b, 28_u32].map(u32::to_le_bytes).concat();
    [writer.finish().unwrap(), words, secrets.to_vec(), 48_u32.to_le_bytes().to_vec()].concat()
}

#[test]
fn nothing_that_was_planted_is_in_the_output() {
    let desk = Desk::new();
    let capture = desk.path("planted.pcapng");
    fs::write(&capture, planted()).unwrap();
    let made = desk.redact(&capture, "made.pcapng");
    let bytes = fs::read(&made).unwrap();
    for hidden in [
        &b"planted"[..],
        b"secret-path",
        b"hidden",
        b"clinic",
        b"cookie",
        b"84.198.71.12",
        b"3f8b2c1e",
        &MAC,
        &CLIENT,
        &RESOLVER,
        &OTHER,
        &PEER,
    ] {
        assert!(has(&planted(), hidden), "{}", String::from_utf8_lossy(hidden));
        assert!(!has(&bytes, hidden), "{}", String::from_utf8_lossy(hidden));
    }
    assert!(has(&bytes, &ZOOM) && has(&bytes, b"step: sign in"));
    let (before, after) = (inspect(&capture), inspect(&made));
    let pattern = |report: &Value| report["destinations"][0]["host_pattern"].clone();
    assert_eq!((pattern(&after), pattern(&before)), (json!("*.zoom.us"), json!("*.zoom.us")));
    let names = after["destinations"][0]["names"].to_string();
    assert!(names.contains(".zoom.us") && names.contains("http_host"), "{names}");
    let peers = |report: &Value| {
        let rows = report["destinations"].as_array().unwrap().iter();
        rows.filter(|row| row["place"]["axis"] == "participant").count()
    };
    assert_eq!((peers(&after), peers(&before)), (1, 1));
    let log: Value = serde_json::from_slice(&fs::read(desk.path("made.pcapng.log.json")).unwrap()).unwrap();
    let done = &log["done"];
    assert_eq!(
        (&done["secrets_dropped"], &done["uuids"], &done["tenant_names"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(done["participant_addresses"], 1);
}

#[test]
fn what_cannot_be_done_is_refused_and_nothing_written() {
    let desk = Desk::new();
    let capture = desk.path("capture.pcapng");
    fs::copy(shipped("joined-midway"), &capture).unwrap();
    let before = fs::read(&capture).unwrap();
    assert_refused(&desk.run(&capture, &capture), &["is an input"]);
    assert_eq!(fs::read(&capture).unwrap(), before);
    let made = desk.path("made.pcapng");
    assert_refused(&desk.run(Path::new("-"), &made), &["save standard input to a file"]);
    assert_refused(&desk.run(desk.folder.path(), &made), &["is a folder"]);
    assert_refused(&desk.run(&capture, Path::new("-")), &["the output is a file"]);
    assert_refused(&desk.run(&capture, &desk.path("key")), &["is an input"]);
    assert_refused(&desk.run(&desk.path("none"), &made), &["none"]);
    assert_refused(&desk.run(&desk.path("key"), &made), &["key"]);
    assert_refused(&desk.run(&capture, &desk.path("no/made.pcapng")), &["nothing was written there"]);
    fs::write(desk.path("key"), b"short").unwrap();
    assert_refused(&desk.run(&capture, &made), &["fewer than 16 bytes", "head -c 32"]);
    assert!(!made.exists() && fs::read_dir(desk.folder.path()).unwrap().count() == 2);
}

#[test]
fn what_comes_before_damage_is_redacted() {
    let desk = Desk::new();
    let bytes = fs::read(shipped("joined-midway")).unwrap();
    let (capture, made) = (desk.path("cut.pcapng"), desk.path("made.pcapng"));
    fs::write(&capture, &bytes[..bytes.len() / 2]).unwrap();
    let output = desk.run(&capture, &made);
    assert_eq!(status(&output), 1, "{}", err(&output));
    assert!(err(&output).contains("damaged"), "{}", err(&output));
    let [before, after] = [&capture, &made].map(|path| inspect(path));
    assert_eq!(findings(&after), findings(&before));
    assert_eq!(after["inputs"][0]["damage"], Value::Null);
    let log: Value = serde_json::from_slice(&fs::read(desk.path("made.pcapng.log.json")).unwrap()).unwrap();
    assert!(log["input"]["damage"].is_string());
}

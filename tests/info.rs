//! `borderpost info` from outside: its figures, its formats, and what it does with bad and hostile input.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use borderpost::frame::{LinkType, Timestamp};
use borderpost::report::info::SCHEMA;
use borderpost::source::write::{WriteInterface, Writer};
use serde_json::Value;

use self::common::{assert_refused, borderpost, command, err, out, status};

const EU_MEETING: &str = "captures/eu-meeting-us-telemetry.pcapng";
const EEA_MEETING: &str = "captures/eea-meeting.pcapng";

fn info(options: &[&str]) -> Value {
    let output = borderpost(&[&["info", "--format", "json"], options].concat());
    assert_eq!((status(&output), err(&output)), (0, String::new()), "{options:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of real captures; where it is not there, that is said aloud.
fn real_captures() -> Option<PathBuf> {
    let folder = root().join("../shared/captures");
    if folder.is_dir() {
        return Some(folder);
    }
    let absent = format!("\n*** NOT CHECKED: {} is not there ***\n\n", folder.display());
    std::io::stderr().write_all(absent.as_bytes()).unwrap();
    None
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// A pcapng file of one interface, with a frame at each of these times in microseconds.
fn capture(interface: WriteInterface, times: &[i64]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &[interface]).unwrap();
    for time in times {
        writer.frame(0, Timestamp::from_nanos(time * 1_000), 60, &[0; 60], None).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn the_figures_of_shipped_captures_are_those_of_capinfos() {
    // capinfos 4.0.17 -M, by hand.
    let known = [
        (EEA_MEETING, 919, 264_905, "2024-07-09T13:02:42.200250Z", 33.208_961_284, 7976.91, 27.67, 288.25),
        (
            "captures/third-parties.pcapng",
            603,
            203_702,
            "2025-03-11T09:58:12.104310Z",
            26.903_932_313,
            7571.46,
            22.41,
            337.81,
        ),
    ];
    for (path, frames, bytes, start, duration, bytes_per_s, packets_per_s, mean) in known {
        let report = info(&[path]);
        let input = &report["inputs"][0];
        assert_eq!((&input["frames"], &input["bytes"]), (&frames.into(), &bytes.into()), "{path}");
        assert_eq!((&input["bytes_captured"], &input["start"]), (&bytes.into(), &start.into()), "{path}");
        let near = |value: &Value, stated: f64| (value.as_f64().unwrap() - stated).abs() <= 0.005;
        assert!((input["duration_s"].as_f64().unwrap() - duration).abs() < 1e-9, "{path}");
        assert!(near(&input["rates"]["bytes_per_s"], bytes_per_s), "{path}: {}", input["rates"]);
        assert!(near(&input["rates"]["packets_per_s"], packets_per_s), "{path}: {}", input["rates"]);
        assert!(near(&input["mean_packet_bytes"], mean), "{path}");
        assert_eq!(input["frames_backwards"], 0);
        assert_eq!(input["lost"]["frames"], Value::Null, "not stated is not zero");
    }
}

#[test]
fn every_info_is_valid_by_the_schema_and_adds_up() {
    let validator = jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let folders = [Some(root().join("captures")), real_captures()];
    for folder in folders.into_iter().flatten() {
        let report = info(&["--no-hash", folder.to_str().unwrap()]);
        let faults: Vec<String> =
            validator.iter_errors(&report).take(5).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        for input in report["inputs"].as_array().unwrap() {
            let sum = |rows: &Value, field: &str| -> u64 {
                rows.as_array().unwrap().iter().map(|row| row[field].as_u64().unwrap()).sum()
            };
            let frames = input["frames"].as_u64().unwrap();
            let packets = frames - input["records_without_packet"].as_u64().unwrap();
            let classes = input["classes"].as_object().unwrap().values();
            assert_eq!(
                classes.map(|frames| frames.as_u64().unwrap()).sum::<u64>(),
                frames,
                "{}",
                input["path"]
            );
            assert_eq!(sum(&input["link_types"], "frames"), packets, "{}", input["path"]);
            assert_eq!(sum(&input["interfaces"], "frames"), packets, "{}", input["path"]);
        }
    }
}

#[test]
fn the_schema_refuses_what_is_no_info() {
    let validator = jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let report = info(&[EEA_MEETING]);
    assert!(validator.is_valid(&report));
    let mut without = report.clone();
    without["inputs"][0].as_object_mut().unwrap().remove("damage");
    assert!(!validator.is_valid(&without));
    let mut with = report;
    with["inputs"][0]["interfaces"][0]["country"] = "NL".into();
    assert!(!validator.is_valid(&with));
}

#[test]
fn the_figures_of_real_captures_equal_the_ground_truth() {
    let Some(folder) = real_captures() else { return };
    let report = info(&[folder.to_str().unwrap()]);
    let inputs = report["inputs"].as_array().unwrap().iter();
    let inputs: BTreeMap<&str, &Value> =
        inputs.map(|input| (input["path"].as_str().unwrap().rsplit('/').next().unwrap(), input)).collect();
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut compared = 0;
    for part in readme.split("\n### ").skip(1) {
        let file = part.lines().next().unwrap();
        let input = inputs[file];
        let line = |start: &str| part.lines().find(|line| line.starts_with(start)).unwrap();
        let (hash, facts) = (line("- sha256 "), line("- packets "));
        assert!(hash.contains(input["sha256"].as_str().unwrap()), "{file}");
        assert!(hash.contains(&format!(" {} bytes", input["size"])), "{file}");
        assert_eq!(number(facts, "packets "), input["frames"].as_u64(), "{file}");
        // tshark gives records without a packet a length, which lies on no wire.
        if input["records_without_packet"] == 0 {
            assert_eq!(number(facts, "bytes on the wire "), input["bytes"].as_u64(), "{file}");
            assert_eq!(number(facts, "captured "), input["bytes_captured"].as_u64(), "{file}");
        }
        for (label, field) in [("; first ", "start"), (", last ", "end")] {
            if let Some((_, rest)) = facts.split_once(label) {
                let stated = rest.split([',', ' ']).next().unwrap();
                assert_eq!(time(stated), input[field].as_str().unwrap(), "{file}: {field}");
            }
        }
        compared += 1;
    }
    assert_eq!(compared, 37);
}

fn number(line: &str, after: &str) -> Option<u64> {
    let digits = line.split_once(after)?.1;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Seconds since 1970 with up to nine decimals, as the program writes times.
fn time(epoch: &str) -> String {
    let (seconds, part) = epoch.split_once('.').unwrap();
    let nanos: i64 = format!("{seconds}{part:0<9}").parse().unwrap();
    Timestamp::from_nanos(nanos).to_string()
}

#[test]
fn what_a_real_capture_says_of_itself_is_told() {
    let Some(folder) = real_captures() else { return };
    let of = |file: &str| info(&[folder.join(file).to_str().unwrap()])["inputs"][0].clone();
    // By capinfos 4.0.17 and the README's walk of the blocks.
    let many = of("hadrielk-be-test202.pcapng");
    assert_eq!((&many["section_count"], &many["frames_backwards"]), (&3.into(), &1.into()));
    let links: Vec<(u64, u64)> = many["link_types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| (link["number"].as_u64().unwrap(), link["frames"].as_u64().unwrap()))
        .collect();
    assert_eq!(links, [(0, 2), (1, 6)]);
    let names: Vec<&str> =
        many["interfaces"].as_array().unwrap().iter().map(|i| i["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["eth0", "null1", "silly ethernet interface 2", "eth0", "null1"]);
    let orders: Vec<&str> =
        many["sections"].as_array().unwrap().iter().map(|s| s["byte_order"].as_str().unwrap()).collect();
    assert_eq!(orders, ["big-endian", "little-endian", "big-endian"]);
    let first = &many["sections"][0];
    let said = ["application", "os", "hardware"].map(|field| first[field].as_str().unwrap());
    assert_eq!(said, ["pcap_writer.lua", "OS-X 10.10.5", "Apple MBP"]);
    let comment = &many["claims"]["comments"][0];
    assert_eq!((&comment["on"], &comment["number"]), (&"section".into(), &0.into()));
    assert_eq!(comment["text"], "test202 SHB-0");
    let apple = of("ndpi-mpeg-apple-process.pcap");
    assert_eq!(apple["processes"][0]["method"], "apple_block");
    assert_eq!(
        apple["directions"]["inbound"].as_u64().unwrap() + apple["directions"]["outbound"].as_u64().unwrap(),
        19
    );
    let tunnelled = of("ndpi-zoom.pcap");
    let tunnel = &tunnelled["tunnels"][0];
    assert_eq!(
        (&tunnel["kind"], &tunnel["frames"], &tunnel["first_frame"]),
        (&"gtp_u".into(), &81.into(), &701.into())
    );
    assert_eq!(of("scapy-macos.pcapng.gz")["compression"], "gzip");
    assert_eq!(of("pcapplusplus-nanosecs.pcap")["interfaces"][0]["resolution"], "10^-9");
    let netlink = of("pcapplusplus-microsecs_big_endian.pcap");
    assert_eq!(netlink["undecoded"][0]["what"], "link type 253, NETLINK");
    assert_eq!(netlink["undecoded"][0]["frames"], 13);
}

#[test]
fn the_table_says_what_the_json_says() {
    let table = out(&borderpost(&["info", EEA_MEETING]));
    let lines = [
        "captures/eea-meeting.pcapng",
        "  format      pcapng, little-endian, ticks of 10^-9 s",
        "  size        295,924 bytes (295.9 kB)",
        "  sha256      c5ebd2f74f0f6d83e0590d05f2334e37a847654abe6ebf1a3daf202f2492a9b9",
        "  frames      919",
        "  bytes       264,905 on the wire, 264,905 captured",
        "  first       2024-07-09T13:02:42.200250Z",
        "  duration    33.208961 s",
        "  order       in order of time",
        "  rates       7,976.91 bytes/s, 27.67 packets/s",
        "  link types  ETHERNET (1): 919 frames",
        "  classes     tcp 131, udp 788",
        "  damage      none",
    ];
    for line in lines {
        assert!(table.lines().any(|known| known == line), "no {line:?} in\n{table}");
    }
}

#[test]
fn frames_that_go_backwards_are_counted_with_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = capture(WriteInterface::new(LinkType::ETHERNET), &[5, 9, 7, 8, 3, 3]);
    let path = written(folder.path(), "mixed.pcapng", &bytes);
    let report = info(&[path.to_str().unwrap()]);
    let input = &report["inputs"][0];
    assert_eq!((&input["frames_backwards"], &input["first_backwards"]), (&2.into(), &3.into()));
    assert_eq!(input["duration_s"], 6e-6);
    let table = out(&borderpost(&["info", path.to_str().unwrap()]));
    assert!(table.contains("2 frames go back in time, first frame 3"), "{table}");
}

#[test]
fn a_capture_without_packets_has_no_times_and_no_rates() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "none.pcapng", &capture(WriteInterface::new(LinkType::ETHERNET), &[]));
    let report = info(&[path.to_str().unwrap()]);
    let input = &report["inputs"][0];
    assert_eq!(input["frames"], 0);
    for field in ["start", "end", "duration_s", "rates", "mean_packet_bytes", "first_backwards"] {
        assert_eq!(input[field], Value::Null, "{field}");
    }
    let table = out(&borderpost(&["info", path.to_str().unwrap()]));
    assert!(table.contains("no frame has one") && !table.contains("NaN"), "{table}");
}

#[test]
fn a_cut_capture_is_looked_over_up_to_the_damage() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(root().join(EU_MEETING)).unwrap();
    let path = written(folder.path(), "cut.pcapng", &whole[..=whole.len() / 2]);
    let path = path.to_str().unwrap();
    let report = info(&[path]);
    let input = &report["inputs"][0];
    assert_eq!(input["damage"][0]["kind"], "truncated");
    assert_eq!(input["damage"][0]["after_frame"], input["frames"]);
    assert!(input["frames"].as_u64().unwrap() > 100);
    let table = out(&borderpost(&["info", path]));
    assert!(table.contains("DAMAGE      truncated at byte "), "{table}");
    assert_eq!(status(&borderpost(&["info", "--fail-on", "damaged", path])), 1);
    assert_eq!(status(&borderpost(&["info", "--fail-on", "damaged", EU_MEETING])), 0);
}

#[test]
fn what_cannot_be_read_is_one_line_each_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let empty = written(folder.path(), "empty.pcap", b"");
    let notes = written(folder.path(), "notes.txt", b"these are the notes of a test\n");
    let (empty, notes) = (empty.to_str().unwrap(), notes.to_str().unwrap());
    for (path, parts) in [
        (empty, ["empty.pcap", "is empty"]),
        (notes, ["notes.txt", "text"]),
        (folder.path().to_str().unwrap(), ["no capture among", "2 entries"]),
        ("no-such.pcap", ["no-such.pcap", "no such file"]),
    ] {
        for format in ["table", "json", "jsonl"] {
            assert_refused(&borderpost(&["info", "--format", format, path]), &parts);
        }
    }
    let output = borderpost(&["info", "--fail-on", "damaged", empty, EEA_MEETING, "no-such.pcap", notes]);
    assert_eq!((status(&output), err(&output).lines().count()), (2, 3), "{}", err(&output));
    assert!(out(&output).starts_with(EEA_MEETING), "{}", out(&output));
    assert_refused(&borderpost(&["info"]), &["PATH"]);
    assert_refused(&borderpost(&["info", "--format", "csv", EEA_MEETING]), &["table, json, jsonl"]);
}

#[test]
fn standard_input_and_gzip_are_read_and_the_stored_bytes_hashed() {
    let bytes = fs::read(root().join(EEA_MEETING)).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).unwrap();
    let packed = gzip.finish().unwrap();
    let mut child = command(&["info", "--format", "json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&packed).unwrap();
    let piped: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    let mut piped = piped["inputs"][0].clone();
    let mut direct = info(&[EEA_MEETING])["inputs"][0].clone();
    assert_eq!((&piped["path"], &piped["compression"]), (&"-".into(), &"gzip".into()));
    assert_eq!(piped["size"], packed.len());
    assert_ne!(piped["sha256"], direct["sha256"]);
    for field in ["path", "compression", "size", "sha256"] {
        (piped[field], direct[field]) = (Value::Null, Value::Null);
    }
    assert_eq!(piped, direct);
    assert_eq!(info(&["--no-hash", EEA_MEETING])["inputs"][0]["sha256"], Value::Null);
}

#[test]
fn a_packed_capture_is_read_up_to_what_it_may_unpack_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&fs::read(root().join(EEA_MEETING)).unwrap()).unwrap();
    let path = written(folder.path(), "packed.pcapng.gz", &gzip.finish().unwrap());
    let path = path.to_str().unwrap();
    let input = info(&["--max-unpacked", "100000", path])["inputs"][0].clone();
    assert_eq!(input["damage"][0]["kind"], "limit", "{}", input["damage"]);
    assert!(input["frames"].as_u64().is_some_and(|frames| (1..919).contains(&frames)), "{}", input["frames"]);
    assert_eq!(info(&["--max-unpacked", "1000000", path])["inputs"][0]["frames"], 919);
}

#[test]
fn jsonl_has_one_line_for_each_input() {
    let json = info(&["captures"]);
    let output = borderpost(&["info", "--format", "jsonl", "captures"]);
    let lines: Vec<Value> = out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), json["inputs"].as_array().unwrap().len());
    for (mut line, input) in lines.into_iter().zip(json["inputs"].as_array().unwrap()) {
        let fields = line.as_object_mut().unwrap();
        assert_eq!(fields.remove("type").unwrap(), "input");
        assert_eq!(fields.remove("schema").unwrap(), json["schema"]);
        assert_eq!(line, *input);
    }
}

/// A block of a little-endian pcapng file.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let total = u32::try_from(padded + 12).unwrap().to_le_bytes();
    [&kind.to_le_bytes(), &total, body, &vec![0; padded - body.len()], &total].concat()
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    [
        &code.to_le_bytes(),
        &length.to_le_bytes(),
        value,
        &vec![0; value.len().next_multiple_of(4) - value.len()],
    ]
    .concat()
}

/// A text that would drive a terminal, break a line, or stand as a formula.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\r\n\u{202e}\u{9b}31m\0=cmd";
const SECRET: &str = "CLIENT_RANDOM 00112233445566778899aabbccddeeff 0123456789abcdef\n";

/// A capture that says something hostile wherever a file may say something, and carries a key.
fn hostile_capture() -> Vec<u8> {
    let text = |code| option(code, HOSTILE.as_bytes());
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let header =
        [&words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX])[..], &text(1), &text(2), &text(3), &text(4)].concat();
    // Name, description, filter (a string in libpcap's language), system, hardware.
    let filter = option(11, &[b"\0", HOSTILE.as_bytes()].concat());
    let interface =
        [&words(&[1, 0])[..], &text(1), &text(2), &text(3), &filter, &text(12), &text(15)].concat();
    let name = [&[192, 0, 2, 1][..], HOSTILE.as_bytes(), b"\0"].concat();
    let names = [&option(1, &name)[..], &option(0, &[]), &text(2)].concat();
    let secrets =
        [&words(&[0x544c_534b, u32::try_from(SECRET.len()).unwrap()])[..], SECRET.as_bytes()].concat();
    let packet = [&words(&[0, 0, 1, 60, 60])[..], &[0; 60], &text(1)].concat();
    let statistics = [&words(&[0, 0, 1])[..], &text(1), &option(4, &7_u64.to_le_bytes())].concat();
    let blocks = [
        (0x0a0d_0d0a, header),
        (1, interface),
        (4, names),
        (10, secrets),
        (0xbad, [&words(&[32_473])[..], HOSTILE.as_bytes()].concat()),
        (0x1234_5678, HOSTILE.as_bytes().to_vec()),
        (6, packet),
        (5, statistics),
    ];
    blocks.iter().flat_map(|(kind, body)| block(*kind, body)).collect()
}

#[test]
fn no_text_of_a_file_reaches_a_terminal_raw() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a\u{1b}[31mb.pcapng");
    fs::write(&path, hostile_capture()).unwrap();
    let path = path.to_str().unwrap();
    for format in ["table", "json", "jsonl"] {
        let output = borderpost(&["info", "--format", format, path, "no\u{1b}[31msuch"]);
        let text = out(&output) + &err(&output);
        let raw: Vec<char> = text
            .chars()
            .filter(|c| (c.is_control() && *c != '\n') || "\u{202e}\u{200b}".contains(*c))
            .collect();
        assert!(raw.is_empty(), "{format}: {raw:?}");
        // Section, interface and comments are all shown.
        assert!(text.matches("owned").count() >= 8, "{format}: {text}");
        assert!(
            text.lines().filter(|line| line.contains("=cmd")).all(|line| !line.starts_with('=')),
            "{text}"
        );
    }
    let input = info(&[path])["inputs"][0].clone();
    assert_eq!(input["damage"], Value::Array(Vec::new()), "the capture is sound");
    assert_eq!(input["interfaces"][0]["name"], HOSTILE, "and JSON loses nothing of it");
    assert_eq!(input["claims"]["names"][0]["name"], HOSTILE.split('\0').next().unwrap());
}

#[test]
fn secrets_are_said_to_be_there_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "keys.pcapng", &hostile_capture());
    let path = path.to_str().unwrap();
    for format in ["table", "json", "jsonl"] {
        let text = out(&borderpost(&["info", "--format", format, path]));
        assert!(text.contains("TLS key log"), "{format}: {text}");
        for part in ["CLIENT_RANDOM", "00112233", "0123456789abcdef"] {
            assert!(!text.contains(part), "{format} shows {part}");
        }
    }
    let secrets = info(&[path])["inputs"][0]["claims"]["secrets"][0].clone();
    let figures = ["blocks", "bytes", "lines"].map(|field| secrets[field].as_u64().unwrap());
    assert_eq!(figures, [1, SECRET.len() as u64, 1]);
}

#[test]
fn what_a_file_holds_beside_its_packets_is_counted_by_kind() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "beside.pcapng", &hostile_capture());
    let input = info(&[path.to_str().unwrap()])["inputs"][0].clone();
    assert_eq!(input["claims"]["custom_blocks"], serde_json::json!([{"enterprise": 32_473, "blocks": 1}]));
    assert_eq!(input["skipped_blocks"][0]["block_type"], 0x1234_5678);
    assert_eq!((&input["frames"], &input["records_without_packet"]), (&2.into(), &1.into()));
    assert_eq!((&input["lost"]["frames"], &input["interfaces"][0]["received"]), (&Value::Null, &7.into()));
    let about: Vec<&str> = input["claims"]["comments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|comment| comment["on"].as_str().unwrap())
        .collect();
    assert_eq!(about, ["section", "interface", "frame", "statistics"], "{}", input["claims"]);
}

#[test]
fn the_table_fits_eighty_columns() {
    let folders = [Some(root().join("captures")), real_captures()];
    for folder in folders.into_iter().flatten() {
        let output = borderpost(&["info", "--no-hash", folder.to_str().unwrap()]);
        for line in out(&output).lines() {
            // A path without a space cannot be broken.
            assert!(line.chars().count() <= 80 || !line.trim().contains(' '), "{line}");
        }
    }
}

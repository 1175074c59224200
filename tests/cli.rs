//! The program from outside: what it prints where, and how it ends, above all on bad input.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use borderpost::frame::{LinkType, Timestamp};
use borderpost::source::write::{WriteInterface, Writer};

use self::common::{borderpost, command, err, out, status};

const EU_MEETING: &str = "captures/eu-meeting-us-telemetry.pcapng";
const EEA_MEETING: &str = "captures/eea-meeting.pcapng";
const THIRD_PARTIES: &str = "captures/third-parties.pcapng";

/// Refused, in a message of the program's own.
fn assert_refused(output: &Output, parts: &[&str]) {
    common::assert_refused(output, parts);
    assert!(err(output).starts_with("borderpost: "), "{}", err(output));
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_missing_file_is_named_with_its_reason() {
    let output = borderpost(&["inspect", "no-such.pcapng"]);
    assert_refused(&output, &["no-such.pcapng", "no such file", "check the path"]);
}

#[test]
fn an_empty_file_is_not_a_capture() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "empty.pcap", b"");
    assert_refused(&borderpost(&["inspect", path.to_str().unwrap()]), &["empty.pcap", "is empty"]);
}

#[test]
fn a_text_file_is_named_for_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "notes.txt", b"these are the notes of a test\n");
    assert_refused(&borderpost(&["inspect", path.to_str().unwrap()]), &["notes.txt", "text", "pcap"]);
}

#[test]
fn a_folder_without_captures_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), "notes.txt", b"nothing here\n");
    let output = borderpost(&["inspect", folder.path().to_str().unwrap()]);
    assert_refused(&output, &[folder.path().to_str().unwrap(), "no capture"]);
}

#[test]
fn a_folder_is_read_in_order_of_names() {
    let output = borderpost(&["inspect", "--format", "json", "captures"]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let paths: Vec<&str> =
        report["inputs"].as_array().unwrap().iter().map(|i| i["path"].as_str().unwrap()).collect();
    assert!(paths.is_sorted(), "{paths:?}");
    assert!([EEA_MEETING, EU_MEETING, THIRD_PARTIES].iter().all(|path| paths.contains(path)), "{paths:?}");
}

#[test]
fn a_capture_without_packets_gives_an_honest_report() {
    let folder = tempfile::tempdir().unwrap();
    let mut header = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    header.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0]);
    let path = written(folder.path(), "none.pcap", &header);
    let output = borderpost(&["inspect", path.to_str().unwrap()]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    assert!(out(&output).starts_with("No Zoom traffic recognised"), "{}", out(&output));
}

#[test]
fn an_unknown_link_type_is_counted_with_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes =
        vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 147, 0, 0, 0];
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4]);
    let path = written(folder.path(), "user0.pcap", &bytes);
    let output = borderpost(&["inspect", path.to_str().unwrap()]);
    assert_eq!(status(&output), 0);
    assert!(out(&output).contains("147"), "{}", out(&output));
}

#[test]
fn a_cut_capture_is_analysed_up_to_the_damage() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(EU_MEETING)).unwrap();
    let path = written(folder.path(), "cut.pcapng", &whole[..whole.len() / 2]);
    let output = borderpost(&["inspect", path.to_str().unwrap()]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    assert!(out(&output).contains("DAMAGED at byte"), "{}", out(&output));
    assert!(
        out(&output).starts_with("Shown outside the EEA") || out(&output).starts_with("No destination was")
    );
    let lossy = borderpost(&["inspect", "--fail-on", "lossy", path.to_str().unwrap()]);
    assert_eq!(status(&lossy), 1);
}

#[test]
fn one_bad_input_does_not_stop_the_others() {
    let output = borderpost(&["inspect", "no-such.pcap", EEA_MEETING]);
    assert_eq!(status(&output), 2);
    assert!(err(&output).contains("no-such.pcap"));
    assert!(out(&output).contains(EEA_MEETING));
}

#[test]
fn standard_input_and_gzip_give_the_same_findings() {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(EU_MEETING)).unwrap();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&bytes).unwrap();
    let mut child = command(&["inspect", "--format", "json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&packer.finish().unwrap()).unwrap();
    let piped: serde_json::Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    let direct = borderpost(&["inspect", "--format", "json", EU_MEETING]);
    let direct: serde_json::Value = serde_json::from_slice(&direct.stdout).unwrap();
    assert_eq!(piped["inputs"][0]["compression"], "gzip");
    for part in ["headline", "destinations", "sessions", "meetings", "flows", "totals"] {
        assert_eq!(piped[part], direct[part], "{part}");
    }
}

#[test]
fn a_broken_register_is_shown_with_line_and_caret() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(
        folder.path(),
        "own.toml",
        b"schema = 1\nname = \"own\"\nvalid = { from = \"2024-13-01\" }\n",
    );
    let path = path.to_str().unwrap();
    let output = borderpost(&["inspect", "--register", path, EU_MEETING]);
    assert_refused(&output, &["own.toml:3:", "2024-13-01", "^"]);
    assert_refused(&borderpost(&["register", "check", path]), &["own.toml:3:", "^"]);
}

#[test]
fn an_unknown_register_lists_the_known_ones() {
    assert_refused(
        &borderpost(&["inspect", "--register", "surf-1999", EU_MEETING]),
        &["surf-1999", "surf-2024"],
    );
}

#[test]
fn a_database_of_another_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "country.mmdb", b"this is no database");
    let output = borderpost(&["inspect", "--geoip", path.to_str().unwrap(), EU_MEETING]);
    assert_refused(&output, &["country.mmdb"]);
}

#[test]
fn registers_are_shown_with_their_limits() {
    let output = borderpost(&["register", "show", "surf-2024"]);
    assert_eq!(status(&output), 0);
    assert!(out(&output).contains("public summaries"), "{}", out(&output));
    let list = borderpost(&["register", "show"]);
    assert!(out(&list).contains("surf-2022") && out(&list).contains("surf-2024"));
}

#[test]
fn a_checked_register_is_proved_entry_by_entry_or_its_problems_are_named() {
    let output = borderpost(&["register", "check", "src/verdict/registers/surf-2024.toml"]);
    assert_eq!((status(&output), err(&output)), (0, String::new()));
    assert_eq!(
        out(&output),
        "entry zoom-eea: alone lists sign_in in AT on 2024-04-19\n\
         entry zoom-us-account: alone lists sign_in in US on 2024-04-19\n\
         entry zoom-support-by-consent: alone lists support in PH on 2024-04-19\n\
         src/verdict/registers/surf-2024.toml: no problem found in 3 entries\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let entry = |id: &str, country: &str| {
        format!(
            "[[entry]]\nid = \"{id}\"\nrecipient = \"zoom\"\nservices = [\"sign_in\"]\ncountries = {country}\n\
             purpose = \"p\"\ndocument = \"d\"\npassage = \"q\"\n"
        )
    };
    let head = "schema = 1\nname = \"own\"\ntitle = \"Own\"\nlimits = \"none\"\n";
    let parts =
        [entry("a", "[\"US\", \"PH\"]"), entry("b", "[\"IN\"]"), entry("c", "[\"IN\", \"US\"]")].concat();
    let path = written(folder.path(), "own.toml", format!("{head}{parts}").as_bytes());
    let output = borderpost(&["register", "check", path.to_str().unwrap()]);
    assert_refused(&output, &["own.toml: 2 problems\n", "  entry b: entry c already says all of it\n"]);
    assert_refused(&output, &["  entry c: entries a, b together already say all of it\n"]);
    let hidden = format!("{head}{}", entry("a\\u001b[31m\\n", "[\"US\"]"));
    let path = written(folder.path(), "hidden.toml", hidden.as_bytes());
    let output = borderpost(&["register", "check", path.to_str().unwrap()]);
    assert_eq!((status(&output), out(&output).lines().count()), (0, 2), "{}", out(&output));
    assert!(!out(&output).contains('\u{1b}'), "nothing of a file reaches a terminal raw");
}

#[test]
fn a_closed_pipe_is_silent() {
    let mut child = command(&["inspect", "--format", "json", EU_MEETING])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((status(&output), err(&output)), (0, String::new()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let learn = ["baseline", "learn", EU_MEETING, "--owner", "me", "--force", "-o", "/dev/full"];
    assert_refused(&borderpost(&learn), &["/dev/full", "No space left"]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(&["inspect", EU_MEETING]).stdout(full).output().unwrap();
    assert_eq!(status(&output), 2);
    assert!(err(&output).contains("standard output"), "{}", err(&output));
}

#[test]
fn reports_go_to_files_by_their_extension() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let text = folder.path().join("report.txt");
    let output = borderpost(&[
        "inspect",
        "-o",
        json.to_str().unwrap(),
        "-o",
        text.to_str().unwrap(),
        "-r",
        EU_MEETING,
    ]);
    assert_eq!((status(&output), out(&output)), (0, String::new()), "{}", err(&output));
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(report["tool"]["name"], "borderpost");
    assert_eq!(fs::read_to_string(&text).unwrap(), out(&borderpost(&["inspect", EU_MEETING])));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_report_never_replaces_an_input_or_takes_an_unknown_extension() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.json");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(EEA_MEETING), &copy).unwrap();
    let before = fs::read(&copy).unwrap();
    let copy = copy.to_str().unwrap();
    assert_refused(&borderpost(&["inspect", "-o", copy, copy]), &["is an input"]);
    assert_eq!(fs::read(copy).unwrap(), before);
    assert_refused(&borderpost(&["inspect", "-o", "report.pdf", EEA_MEETING]), &["report.pdf", ".json"]);
}

#[test]
fn the_exit_status_follows_the_report() {
    let ends = |arguments: &[&str]| status(&borderpost(&[&["inspect"], arguments].concat()));
    assert_eq!(ends(&[EU_MEETING]), 0, "findings alone never change the status");
    assert_eq!(ends(&["--fail-on", "outside", EU_MEETING]), 1);
    assert_eq!(ends(&["--fail-on", "undetermined", EU_MEETING]), 3);
    assert_eq!(ends(&["--fail-on", "outside,undetermined", EU_MEETING]), 1);
    assert_eq!(ends(&["--fail-on", "outside,unlisted", EEA_MEETING]), 0);
    assert_eq!(
        ends(&["--fail-on", "outside", "--exclusive", THIRD_PARTIES]),
        0,
        "possible is below the least grade"
    );
    assert_eq!(ends(&["--fail-on", "unlisted", "--min-grade", "possible", "--exclusive", THIRD_PARTIES]), 1);
    assert_eq!(ends(&["--fail-on", "nothing-recognised", EEA_MEETING]), 0);
    assert_eq!(ends(&["--fail-on", "no-such-thing", EEA_MEETING]), 2);
}

#[test]
fn the_table_fits_eighty_columns_and_holds_no_escape() {
    for capture in [EU_MEETING, EEA_MEETING, THIRD_PARTIES] {
        let table = out(&borderpost(&["inspect", capture]));
        assert!(!table.contains('\u{1b}'));
        for line in table.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
    let coloured = out(&borderpost(&["inspect", "--color", "always", EU_MEETING]));
    assert!(coloured.contains("\u{1b}[1m"));
}

#[test]
fn pieces_of_a_capture_joined_are_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = halves(&Path::new(env!("CARGO_MANIFEST_DIR")).join(EU_MEETING));
    let first = written(folder.path(), "1.pcapng", &first);
    let second = written(folder.path(), "2.pcapng", &second);
    let joined = borderpost(&[
        "inspect",
        "--format",
        "json",
        "--join",
        first.to_str().unwrap(),
        second.to_str().unwrap(),
    ]);
    let whole = borderpost(&["inspect", "--format", "json", EU_MEETING]);
    let joined: serde_json::Value = serde_json::from_slice(&joined.stdout).unwrap();
    let whole: serde_json::Value = serde_json::from_slice(&whole.stdout).unwrap();
    assert_eq!(joined["totals"], whole["totals"]);
    let rows = |report: &serde_json::Value| -> Vec<String> {
        let fields = [
            "transport",
            "local",
            "remote",
            "whose",
            "service",
            "zone",
            "packets_out",
            "bytes_in",
            "rtt_min_ms",
        ];
        let flows = report["flows"].as_array().unwrap().iter();
        flows.map(|flow| fields.map(|field| flow[field].to_string()).join(" ")).collect()
    };
    assert_eq!(rows(&joined), rows(&whole));
    assert_eq!(joined["headline"], whole["headline"]);
}

/// Cuts a pcapng file of one section and one interface between two packets near its middle.
fn halves(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let bytes = fs::read(path).unwrap();
    let length = |at: usize| u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
    let head = length(0) + length(length(0));
    let mut cut = head;
    while cut < bytes.len() / 2 {
        cut += length(cut);
    }
    (bytes[..cut].to_vec(), [&bytes[..head], &bytes[cut..]].concat())
}

/// A capture of Ethernet frames, one a second, the last two in the wrong order.
fn odd_capture() -> Vec<u8> {
    let mut bytes =
        vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];
    let mut frame = |second: u8, ether_type: [u8; 2], payload: &[u8]| {
        let length = u8::try_from(14 + payload.len()).unwrap();
        bytes.extend([second, 0, 0, 0, 0, 0, 0, 0, length, 0, 0, 0, length, 0, 0, 0]);
        bytes.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        bytes.extend(ether_type);
        bytes.extend(payload);
    };
    frame(1, [0x88, 0xcc], &[0; 46]);
    frame(2, [0x08, 0x00], &[0x42; 46]);
    frame(4, [0x88, 0x63], &[0; 46]);
    frame(3, [0x88, 0xcc], &[0; 46]);
    bytes
}

#[test]
fn what_is_odd_is_counted_with_its_first_frame() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "odd.pcap", &odd_capture());
    let json = borderpost(&["inspect", "--format", "json", path.to_str().unwrap()]);
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let odd: Vec<(&str, u64, u64)> = report["anomalies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| (a["kind"].as_str().unwrap(), a["frame"].as_u64().unwrap(), a["count"].as_u64().unwrap()))
        .collect();
    assert_eq!(odd, [("time_backwards", 4, 1), ("malformed_frame", 2, 1)]);
    let table = out(&borderpost(&["inspect", path.to_str().unwrap()]));
    for part in ["EtherType 0x88cc, LLDP; first in frame 1", "EtherType 0x8863, PPPoE discovery"] {
        assert!(table.contains(part), "no {part:?} in {table}");
    }
}

#[test]
fn frames_of_several_inputs_say_their_input() {
    let table = out(&borderpost(&["inspect", EU_MEETING, EEA_MEETING]));
    assert!(table.contains("frames 5 to 1062 of [0]"), "{table}");
    assert!(table.contains("of [1]"), "{table}");
    let report = borderpost(&["inspect", "--format", "json", EU_MEETING, EEA_MEETING]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    for meeting in report["meetings"].as_array().unwrap() {
        assert_eq!(meeting["start_input"], meeting["end_input"]);
    }
    for flow in report["flows"].as_array().unwrap() {
        let names = flow["names"].as_array().unwrap().iter();
        assert!(names.clone().all(|name| name["input"] == flow["input"]));
    }
}

#[test]
fn a_comparison_that_was_switched_off_is_not_blamed_on_the_register() {
    let table = out(&borderpost(&["inspect", "--register", "none", EU_MEETING]));
    assert!(
        table.starts_with("Shown outside the EEA: 3 destinations (not compared with a register;"),
        "{table}"
    );
    assert!(!table.contains("covers"), "{table}");
}

#[test]
fn the_report_explains_its_signs_and_names_all_dated_data() {
    let table = out(&borderpost(&["inspect", EU_MEETING]));
    for part in [
        "How to read an entry",
        "+ the place rests on it",
        "legal zones by date",
        "This client was in the EEA",
    ] {
        assert!(table.contains(part), "no {part:?} in {table}");
    }
    let report = borderpost(&["inspect", "--format", "json", EU_MEETING]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    let sources = report["data_sources"].as_array().unwrap();
    assert!(sources.iter().all(|source| source["dated"].is_string()));
    assert_eq!(sources.iter().filter(|source| source["kind"] == "own_table").count(), 6);
    assert_eq!(report["quality"]["vantage"]["axis"], "eea");
    let certified = &report["destinations"][0]["certified_by"];
    assert!(certified.as_str().unwrap().contains("2024"), "{certified}");
}

#[test]
fn a_client_outside_the_eea_is_told_so_in_the_first_lines() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(EU_MEETING)).unwrap();
    // The client's network, a Dutch one, becomes one of a Californian university.
    let (dutch, californian) = ([0x20, 0x01, 0x06, 0x10, 0x19, 0x08], [0x26, 0x07, 0xf0, 0x10, 0x19, 0x08]);
    for at in 0..bytes.len() - dutch.len() {
        if bytes[at..].starts_with(&dutch) {
            bytes[at..at + dutch.len()].copy_from_slice(&californian);
        }
    }
    let path = written(folder.path(), "abroad.pcapng", &bytes);
    let table = out(&borderpost(&["inspect", path.to_str().unwrap()]));
    assert!(table.contains("\nThis client was not in the EEA; nothing here *leaves* it.\n"), "{table}");
    let report = borderpost(&["inspect", "--format", "json", path.to_str().unwrap()]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["quality"]["vantage"]["located"], serde_json::json!(["US"]));
}

/// From, to, and payload.
type Datagram = ([u8; 4], u16, [u8; 4], u16, Vec<u8>);

/// Frames of UDP over IPv4 without a link layer, a millisecond apart.
fn capture(datagrams: &[Datagram]) -> Vec<u8> {
    let frame = |(from, from_port, to, to_port, payload): &Datagram| {
        let length = u16::try_from(payload.len()).unwrap() + 8;
        let head = [from_port.to_be_bytes(), to_port.to_be_bytes(), length.to_be_bytes(), [0; 2]].concat();
        ipv4(17, *from, *to, &[&head, &payload[..]].concat())
    };
    let times = (1_741_105_470_000..).map(|millis| millis * 1_000_000);
    pcapng(times.zip(datagrams.iter().map(frame)))
}

fn ipv4(protocol: u8, from: [u8; 4], to: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = (u16::try_from(payload.len()).unwrap() + 20).to_be_bytes();
    let head = [&[0x45, 0][..], &length, &[0, 0, 0, 0, 64, protocol, 0, 0], &from, &to].concat();
    [&head, payload].concat()
}

fn pcapng(frames: impl Iterator<Item = (i64, Vec<u8>)>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &[WriteInterface::new(LinkType::RAW)]).unwrap();
    for (nanos, frame) in frames {
        let length = u32::try_from(frame.len()).unwrap();
        writer.frame(0, Timestamp::from_nanos(nanos), length, &frame, None).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn a_name_said_before_midnight_holds_after_it() {
    let server = [144, 195, 73, 154];
    let name = b"zoomsjccv154mmr.sjc.zoom.us";
    let with_length = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let list = with_length(&[&[0], &with_length(name)[..]].concat());
    let extensions = with_length(&[&[0, 0], &with_length(&list)[..]].concat());
    let hello = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &extensions].concat();
    let message = [&[1, 0][..], &with_length(&hello)].concat();
    let record = [&[0x16, 3, 1][..], &with_length(&message)].concat();
    let tcp =
        [&[0xc0, 0, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 4, 0, 0, 0, 0, 0][..], &record].concat();
    let media = vec![0xc0, 1, 0x22, 0x61, 0, 28, 0, 0, 3, 0, 0, 0, 1, 1, 2, 3, 4, 0, 0x4f, 0x83, 0x78, 0];
    let midnight = 1_642_982_400_000_000_000;
    let frames = [
        (midnight - 60_000_000_000, ipv4(6, CLIENT, server, &tcp)),
        (midnight + 60_000_000_000, ipv4(17, CLIENT, server, &[&media[..], &[0; 6]].concat())),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "midnight.pcapng", &pcapng(frames.into_iter()));
    let output = borderpost(&["inspect", "--format", "json", path.to_str().unwrap()]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for flow in report["flows"].as_array().unwrap() {
        assert_eq!(flow["names"][0]["name"], str::from_utf8(name).unwrap(), "{flow}");
        assert_eq!(flow["place"]["grade"], "likely", "{flow}");
    }
    assert_eq!(report["flows"].as_array().unwrap().len(), 2);
}

const CLIENT: [u8; 4] = [10, 0, 0, 5];

#[test]
fn a_participants_address_is_masked_on_every_flow() {
    let peer = [203, 0, 113, 77];
    // RTCP in Zoom's layer between participants, and something unknown to the same person.
    let mut media =
        vec![0x22, 1, 0, 0xfb, 0x90, 0x16, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 200, 0, 6, 1, 0, 8, 2];
    media.resize(44, 0);
    let folder = tempfile::tempdir().unwrap();
    let bytes =
        capture(&[(CLIENT, 50_000, peer, 60_000, media), (CLIENT, 50_001, peer, 60_001, vec![0xee; 40])]);
    let path = written(folder.path(), "peer.pcapng", &bytes);
    let inspect =
        |options: &[&str]| out(&borderpost(&[&["inspect"], options, &[path.to_str().unwrap()]].concat()));
    for options in [&["--format", "json"][..], &["--format", "table"]] {
        let report = inspect(options);
        assert!(report.contains("203.0.x.x") && !report.contains("113.77"), "{report}");
    }
    let shown = inspect(&["--format", "json", "--show-participants"]);
    assert!(shown.contains("203.0.113.77:60000") && shown.contains("203.0.113.77:60001"), "{shown}");
}

#[test]
fn names_are_still_learnt_behind_a_flood_of_unanswered_questions() {
    let resolver = [10, 0, 0, 1];
    let message = |id: u16, flags: u16, answers: u16| {
        let mut message = [id, flags, 1, answers, 0, 0].map(u16::to_be_bytes).concat();
        message.extend(b"\x04zoom\x02us\0\0\x01\0\x01");
        message
    };
    let mut datagrams: Vec<_> =
        (0..=u16::MAX).map(|id| (CLIENT, 40_000, resolver, 53, message(id, 0x0100, 0))).collect();
    datagrams.push((CLIENT, 40_001, resolver, 53, message(7, 0x0100, 0)));
    let answer =
        [message(7, 0x8180, 1), b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x08\x08\x04\x04".to_vec()].concat();
    datagrams.push((resolver, 53, CLIENT, 40_001, answer));
    datagrams.push((CLIENT, 40_002, [8, 8, 4, 4], 443, vec![0xee; 40]));
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "flood.pcapng", &capture(&datagrams));
    let output = borderpost(&["inspect", "--format", "json", path.to_str().unwrap()]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let last = report["flows"].as_array().unwrap().last().unwrap();
    assert_eq!(last["names"][0]["name"], "zoom.us", "{last}");
}

const RANGES_OF_AWS: &str = r#"{"createDate": "2026-06-03-21-13-20", "prefixes": [
  {"ip_prefix": "3.4.12.4/32", "region": "eu-west-1", "service": "AMAZON", "network_border_group": "eu-west-1"},
  {"ip_prefix": "15.230.39.0/31", "region": "xx-new-1", "service": "EC2", "network_border_group": "xx-new-1"}],
  "ipv6_prefixes": []}"#;
const RANGES_OF_GOOGLE: &str = r#"{"creationTime": "2026-05-30T00:13:20.1", "prefixes": [
  {"ipv4Prefix": "34.0.240.0/20", "service": "Google Cloud", "scope": "europe-west4"}]}"#;

#[test]
fn imported_ranges_are_one_sorted_list() {
    let folder = tempfile::tempdir().unwrap();
    let aws = written(folder.path(), "ip-ranges.json", RANGES_OF_AWS.as_bytes());
    let google = written(folder.path(), "cloud.json", RANGES_OF_GOOGLE.as_bytes());
    let list = folder.path().join("ranges.csv");
    let files = [google.to_str().unwrap(), aws.to_str().unwrap()];
    let output = borderpost(&["geoip", "import", files[0], files[1], "-o", list.to_str().unwrap()]);
    assert_eq!((status(&output), out(&output)), (0, String::new()));
    let said = "borderpost: ip-ranges.json: 2 ranges of Amazon Web Services, of 2026-06-03; regions whose country is not \
                known, which claim no place: xx-new-1 (1)\nborderpost: cloud.json: 1 range of Google Cloud, of 2026-05-30\n";
    assert_eq!(err(&output), said);
    let text = fs::read_to_string(&list).unwrap();
    let rows: Vec<&str> = text.lines().skip_while(|line| line.starts_with('#')).collect();
    let expected = [
        "prefix,provider,region",
        "3.4.12.4/32,aws,eu-west-1",
        "15.230.39.0/31,aws,xx-new-1",
        "34.0.240.0/20,gcp,europe-west4",
    ];
    assert_eq!(rows, expected);
    let to_stdout = borderpost(&["geoip", "import", files[1], files[0]]);
    assert_eq!((status(&to_stdout), out(&to_stdout)), (0, text));
}

#[test]
fn what_cannot_be_imported_is_named_with_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let import = |name: &str, text: &str, more: &[&str]| {
        let path = written(folder.path(), name, text.as_bytes());
        borderpost(&[&["geoip", "import", path.to_str().unwrap()], more].concat())
    };
    assert_refused(
        &import("feed.csv", "192.0.2.0/24,NL,,,\n", &[]),
        &["feed.csv:1:1", "no JSON object", "ip-ranges.json"],
    );
    assert_refused(
        &import("other.json", "{\"about\": 1}", &[]),
        &["it has about", "createDate and prefixes"],
    );
    let azure = r#"{"changeNumber": 1, "values": [{"name": "AzureCloud.westeurope",
        "properties": {"region": "westeurope", "addressPrefixes": ["13.69.0.0/17"]}}]}"#;
    assert_refused(&import("tags.json", azure, &[]), &["tags.json", "of which day", "--date"]);
    assert_eq!(status(&import("tags.json", azure, &["--date", "2026-06-01"])), 0);
    assert_refused(&import("tags.json", azure, &["--date", "9999-01-01"]), &["9999-01-01 is in the future"]);
    let path = folder.path().join("ip-ranges.json");
    let output = import("ip-ranges.json", RANGES_OF_AWS, &["-o", path.to_str().unwrap()]);
    assert_refused(&output, &["ip-ranges.json: is an input", "another file"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), RANGES_OF_AWS);
    let binary = folder.path().join("binary.json");
    fs::write(&binary, [0xff, 0xfe, 0]).unwrap();
    assert_refused(
        &borderpost(&["geoip", "import", binary.to_str().unwrap()]),
        &["binary.json", "not text in UTF-8"],
    );
    assert_refused(&borderpost(&["geoip", "import", "no-such.json"]), &["no-such.json", "list of ranges"]);
}

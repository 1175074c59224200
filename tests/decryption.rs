//! Key logs through the front door: captures of a rustls client and server, with the keys named, carried, late, wrong and missing;
//! what reports and bundles say of them and must not say; and, where it is there, tshark as the oracle on captures of others.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;
#[path = "common/tls.rs"]
mod tls;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustls::SupportedCipherSuite;
use rustls::crypto::ring::cipher_suite as suites;
use rustls::version::{TLS12, TLS13};
use serde_json::Value;

use self::common::{assert_refused, borderpost, command, err, out, status};
use self::tls::{Ends, NAME, Talk, ip, segments};

/// A folder to work in.
struct Place(tempfile::TempDir);

/// One connection: its packets, its keys, and how much was said.
struct Made {
    packets: Vec<Vec<u8>>,
    keys: String,
    said: [usize; 2],
}

fn talked(mut talk: Talk, ends: &Ends, port: u16) -> Made {
    talk.carry();
    talk.exchange(b"GET /one HTTP/1.1\r\nhost: decrypted.example\r\n\r\n", &vec![b'x'; 50_000]);
    talk.exchange(b"a secret that no report shows", b"another one");
    talk.close();
    let packets = segments(&talk.flights, 1400).iter().map(|segment| ip(segment, port)).collect();
    Made { packets, keys: ends.log.text(), said: talk.said.map(|said| said.len()) }
}

fn made(suite: SupportedCipherSuite, port: u16) -> Made {
    let version = if suite.tls13().is_some() { &TLS13 } else { &TLS12 };
    let ends = Ends::new(suite, version, false);
    talked(ends.talk(), &ends, port)
}

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.at(name), content).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        command(arguments).current_dir(self.0.path()).stdin(Stdio::null()).output().unwrap()
    }

    fn report(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["inspect", "--format", "json"], arguments].concat());
        assert_eq!(status(&output), 0, "{}", err(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// A classic capture of IP packets, a millisecond apart.
fn pcap(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 262_144, 101].map(u32::to_le_bytes).concat();
    for (number, packet) in (0..).zip(packets) {
        let len = u32::try_from(packet.len()).unwrap();
        file.extend([1_700_000_000, number * 1000, len, len].map(u32::to_le_bytes).concat());
        file.extend(packet);
    }
    file
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let total = u32::try_from(12 + padded).unwrap().to_le_bytes();
    let mut block = [kind.to_le_bytes(), total].concat();
    block.extend(body);
    block.resize(8 + padded, 0);
    block.extend(total);
    block
}

/// A pcapng capture of IP packets, with secrets before the packet of that number.
fn pcapng(packets: &[Vec<u8>], keys: &str, before: usize) -> Vec<u8> {
    let head = [0x1A2B_3C4D_u32.to_le_bytes(), 1_u32.to_le_bytes(), [0xFF; 4], [0xFF; 4]].concat();
    let interface = [101_u32, 0].map(u32::to_le_bytes).concat();
    let mut secrets = [0x544c_534b_u32, u32::try_from(keys.len()).unwrap()].map(u32::to_le_bytes).concat();
    secrets.extend(keys.as_bytes());
    let mut file = [block(0x0A0D_0D0A, &head), block(1, &interface)].concat();
    for number in 0..=packets.len() {
        if number == before {
            file.extend(block(10, &secrets));
        }
        let Some(packet) = packets.get(number) else { break };
        let (at, len) = (u32::try_from(number * 1000).unwrap(), u32::try_from(packet.len()).unwrap());
        let mut body = [0, 0x0006_0A24, at, len, len].map(u32::to_le_bytes).concat();
        body.extend(packet);
        file.extend(block(6, &body));
    }
    file
}

/// The sums over the client's connections and others'.
fn sum(report: &Value, field: &str) -> u64 {
    let of = |whose: &str| report["decryption"][whose][field].as_u64().unwrap();
    of("client") + of("others")
}

#[test]
fn what_was_said_is_opened_in_every_suite() {
    let place = Place::new();
    let all = [
        suites::TLS13_AES_128_GCM_SHA256,
        suites::TLS13_AES_256_GCM_SHA384,
        suites::TLS13_CHACHA20_POLY1305_SHA256,
        suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ];
    let each: Vec<Made> = (50_000..).zip(all).map(|(port, suite)| made(suite, port)).collect();
    // Packets of all of them in turn, and their keys in two files.
    let mut packets = Vec::new();
    for number in 0..100 {
        packets.extend(each.iter().filter_map(|made| made.packets.get(number).cloned()));
    }
    let (first, second) = each.split_at(2);
    let keys = |of: &[Made]| of.iter().map(|made| made.keys.clone()).collect::<String>();
    place.write("all.pcap", pcap(&packets));
    place.write("a.keys", keys(first).replace('\n', "\r\n"));
    place.write("b.keys", format!("# all of one\n{}NEW_LABEL 00 00\n", keys(second)));
    let report = place.report(&["--keylog", "a.keys", "--keylog", "b.keys", "all.pcap"]);
    for (side, field) in ["bytes_from_client", "bytes_from_server"].into_iter().enumerate() {
        let said: usize = each.iter().map(|made| made.said[side]).sum();
        assert_eq!(sum(&report, field), said as u64, "{field}");
    }
    assert_eq!((sum(&report, "connections"), sum(&report, "with_keys")), (6, 6));
    assert_eq!((sum(&report, "records_failed"), sum(&report, "gaps")), (0, 0));
    let suites = report["decryption"]["others"]["cipher_suites"].as_object().unwrap();
    assert_eq!(
        suites.keys().collect::<Vec<_>>(),
        ["0x1301", "0x1302", "0x1303", "0xc02b", "0xc02c", "0xcca9"]
    );
    assert_eq!(report["decryption"]["sources"][1]["unknown_labels"], 1);
    // The names in certificates that were encrypted stand beside the others, with their frames.
    let certified = report["flows"].as_array().unwrap().iter().filter(|flow| {
        let names = flow["names"].as_array().unwrap();
        names.iter().any(|name| name["name"] == NAME && name["origin"] == "certificate")
    });
    assert_eq!(certified.count(), 6);
    // One lacks its keys.
    let report = place.report(&["--keylog", "b.keys", "all.pcap"]);
    assert_eq!((sum(&report, "with_keys"), sum(&report, "without_keys")), (4, 2));
}

#[test]
fn early_data_is_counted_for_itself() {
    let place = Place::new();
    let ends = Ends::new(suites::TLS13_AES_128_GCM_SHA256, &TLS13, false);
    let first = talked(ends.talk(), &ends, 50_000);
    let mut resumed = ends.talk();
    resumed.say_early(b"GET /early HTTP/1.1\r\n\r\n");
    let resumed = talked(resumed, &ends, 50_001);
    let packets = [first.packets, resumed.packets].concat();
    place.write("a.pcap", pcap(&packets));
    place.write("a.keys", &resumed.keys);
    let capture = place.at("a.pcap").display().to_string();
    let keys = place.at("a.keys").display().to_string();
    let output = borderpost(&["inspect", "--format", "json", "--keylog", &keys, &capture]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(sum(&report, "bytes_early"), 23);
    assert_eq!(sum(&report, "bytes_from_client"), (first.said[0] + resumed.said[0]) as u64);
}

#[test]
fn without_keys_nothing_is_said_of_them() {
    let place = Place::new();
    place.write("a.pcap", pcap(&made(suites::TLS13_AES_128_GCM_SHA256, 50_000).packets));
    assert!(place.report(&["a.pcap"]).get("decryption").is_none());
}

#[test]
fn keys_that_the_capture_carries_are_used_wherever_they_stand() {
    let place = Place::new();
    let made = made(suites::TLS13_AES_256_GCM_SHA384, 50_000);
    for before in [0, 1, 5, made.packets.len()] {
        place.write("a.pcapng", pcapng(&made.packets, &made.keys, before));
        place.write("b.pcapng", pcapng(&made.packets, &made.keys, 0));
        for arguments in [&["a.pcapng"][..], &["-j", "1", "a.pcapng"], &["--join", "a.pcapng", "b.pcapng"]] {
            let report = place.report(arguments);
            assert_eq!(sum(&report, "bytes_from_server"), made.said[1] as u64, "{before} {arguments:?}");
            assert_eq!(report["decryption"]["sources"][0]["late"], false);
        }
        let input = fs::File::open(place.at("a.pcapng")).unwrap();
        let output = command(&["inspect", "--format", "json", "-"]).stdin(input).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let is_late = before > 0;
        assert_eq!(report["decryption"]["sources"][0]["late"], is_late);
        if before == made.packets.len() {
            assert_eq!((sum(&report, "connections"), sum(&report, "without_keys")), (1, 1));
            assert!(report.to_string().contains("come after frames"));
        }
    }
}

#[test]
fn a_key_log_that_is_none_is_refused_and_one_of_another_run_is_said_to_fit_nothing() {
    let place = Place::new();
    let [one, other] = [50_000, 50_001].map(|port| made(suites::TLS13_AES_128_GCM_SHA256, port));
    place.write("a.pcap", pcap(&one.packets));
    place.write("other.keys", &other.keys);
    place.write("notes.txt", "these are\nsome notes\n");
    place.write("wide.keys", [&[0xFF, 0xFE][..], b"C\0L\0"].concat());
    let refused = |keys: &str| place.run(&["inspect", "--keylog", keys, "a.pcap"]);
    assert_refused(&refused("notes.txt"), &["notes.txt: line 1 is none of a key log", "SSLKEYLOGFILE"]);
    assert_refused(&refused("wide.keys"), &["wide.keys: a text in UTF-16"]);
    assert_refused(&refused("none.keys"), &["none.keys", "--keylog takes"]);
    assert_refused(
        &place.run(&["inspect", "--keylog", "other.keys", "-o", "other.keys", "a.pcap"]),
        &["other.keys"],
    );
    let report = place.report(&["--keylog", "other.keys", "a.pcap"]);
    assert_eq!((sum(&report, "with_keys"), sum(&report, "without_keys")), (0, 1));
    let text = out(&place.run(&["inspect", "--keylog", "other.keys", "a.pcap"]));
    assert!(text.contains("Keys are known for 0 of 0 TLS connections"), "{text}");
}

#[test]
fn no_format_shows_a_secret_or_what_was_said() {
    let place = Place::new();
    let made = made(suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 50_000);
    place.write("a.pcapng", pcapng(&made.packets, &made.keys, 0));
    place.write("a.keys", &made.keys);
    let outputs = ["a.json", "a.jsonl", "a.html", "a.md", "a.txt", "a.csv", "bundle/"];
    let mut arguments = vec!["inspect", "--keylog", "a.keys", "a.pcapng"];
    for output in outputs {
        arguments.extend(["-o", output]);
    }
    let output = place.run(&arguments);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let secret = made.keys.split_ascii_whitespace().nth(2).unwrap();
    let mut files: Vec<PathBuf> = outputs[..6].iter().map(|name| place.at(name)).collect();
    files.extend(all_files(&place.at("bundle")));
    assert!(files.len() > 20);
    for file in files {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        for hidden in [secret, "a secret that no report shows", "GET /one"] {
            assert!(!text.contains(hidden), "{hidden:?} in {}", file.display());
        }
    }
    assert!(out(&output).is_empty() && !err(&output).contains(secret));
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { all_files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_bundle_made_with_keys_verifies_with_them_and_says_what_is_missing_without() {
    let place = Place::new();
    let made = made(suites::TLS13_CHACHA20_POLY1305_SHA256, 50_000);
    place.write("a.pcap", pcap(&made.packets));
    place.write("a.keys", &made.keys);
    let output = place.run(&["inspect", "--keylog", "a.keys", "a.pcap", "-o", "evidence.zip"]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let verified = place.run(&["verify", "evidence.zip"]);
    assert_eq!(status(&verified), 0, "{}{}", out(&verified), err(&verified));
    fs::create_dir(place.at("elsewhere")).unwrap();
    fs::rename(place.at("a.keys"), place.at("elsewhere/kept.keys")).unwrap();
    let verified = place.run(&["verify", "evidence.zip"]);
    assert_eq!(status(&verified), 2);
    assert!(out(&verified).contains("a.keys"), "{}", out(&verified));
    let verified = place.run(&["verify", "evidence.zip", "elsewhere/kept.keys"]);
    assert_eq!(status(&verified), 0, "{}{}", out(&verified), err(&verified));
}

#[test]
fn a_capture_with_keys_goes_into_a_bundle_only_where_that_is_said_and_into_no_redacted_copy() {
    let place = Place::new();
    let made = made(suites::TLS13_AES_128_GCM_SHA256, 50_000);
    place.write("a.pcapng", pcapng(&made.packets, &made.keys, 0));
    let refused = place.run(&["inspect", "a.pcapng", "--bundle-inputs", "-o", "b.zip"]);
    assert_refused(&refused, &["a.pcapng: carries keys", "--with-secrets"]);
    assert!(!place.at("b.zip").exists());
    let output =
        place.run(&["inspect", "a.pcapng", "--bundle-inputs", "--with-secrets", "-o", "b.zip", "-o", "b/"]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    assert!(fs::read_to_string(place.at("b/README.txt")).unwrap().contains("SECRETS INSIDE"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let rights = |name: &str| fs::metadata(place.at(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((rights("b.zip"), rights("b")), (0o600, 0o700));
    }
    let verified = place.run(&["verify", "b.zip"]);
    assert_eq!(status(&verified), 0, "{}{}", out(&verified), err(&verified));
    let output = place.run(&["redact", "a.pcapng", "shared.pcapng"]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let shared = fs::read(place.at("shared.pcapng")).unwrap();
    assert!(!shared.windows(7).any(|window| window == b"CLIENT_"));
    assert!(place.report(&["shared.pcapng"]).get("decryption").is_none());
}

/// The bytes that tshark opens of a capture, all streams and both directions together; `None` where there is no tshark.
fn by_tshark(capture: &Path, keys: &Path) -> Option<u64> {
    let preference = format!("tls.keylog_file:{}", keys.display());
    let run = |arguments: &[&str]| {
        let output =
            Command::new("tshark").arg("-r").arg(capture).args(["-o", &preference]).args(arguments).output();
        output.ok().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let streams = run(&["-Y", "tls", "-T", "fields", "-e", "tcp.stream"])?;
    let streams: std::collections::BTreeSet<&str> = streams.split_ascii_whitespace().collect();
    let bytes = streams.into_iter().map(|stream| {
        let text = run(&["-q", "-z", &format!("follow,tls,raw,{stream}")]).unwrap_or_default();
        let is_hex = |line: &&str| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        text.lines().map(str::trim).filter(is_hex).map(|line| line.len() as u64 / 2).sum::<u64>()
    });
    Some(bytes.sum())
}

#[test]
fn tshark_opens_the_same_bytes() {
    let place = Place::new();
    for suite in [
        suites::TLS13_AES_128_GCM_SHA256,
        suites::TLS13_CHACHA20_POLY1305_SHA256,
        suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ] {
        let made = made(suite, 50_000);
        place.write("a.pcap", pcap(&made.packets));
        place.write("a.keys", &made.keys);
        let report = place.report(&["--keylog", "a.keys", "a.pcap"]);
        let ours = sum(&report, "bytes_from_client") + sum(&report, "bytes_from_server");
        assert_eq!(ours, (made.said[0] + made.said[1]) as u64);
        if let Some(theirs) = by_tshark(&place.at("a.pcap"), &place.at("a.keys")) {
            assert_eq!(ours, theirs, "{suite:?}");
        }
    }
}

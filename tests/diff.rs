//! Build against build and baselines, through the front door: made captures of two builds, which differ in what was planted and in
//! nothing else; real captures where they are there; what is no input.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

const A: &str = "captures/nightly-a.pcapng";
const AGAIN: &str = "captures/nightly-a-again.pcapng";
const B: &str = "captures/nightly-b.pcapng";
const STUDY: &str = "captures/builds.toml";

/// What the scenario of the second build says was planted, by contact: each kind of difference, and nothing else.
#[test]
fn two_builds_differ_in_what_was_planted() {
    let compared = json_of(&["diff", A, B, "--base", AGAIN]);
    let found: Vec<(String, Vec<&str>)> = differences(&compared)
        .iter()
        .map(|of| (of["subject"].as_str().unwrap().to_owned(), kinds(of)))
        .collect();
    let expected = [
        ("third party analytics to www.googletagmanager.com, quic", vec!["added"]),
        ("telemetry to log.zoom.us, tls", vec!["moved", "listing"]),
        ("telemetry to *.telemetry.zoom.us, tls", vec!["phase", "volume", "volume"]),
        ("TLS stack of the client", vec!["fingerprint"]),
        ("web to us*www*.zoom.us, tls", vec!["removed"]),
    ];
    assert_eq!(found, expected.map(|(subject, kinds)| (subject.to_owned(), kinds)));
    let moved = &differences(&compared)[1];
    let change = &moved["changes"][0];
    assert_eq!(
        (&change["from"], &change["to"]),
        (&json!(["EEA"]), &json!(["adequate, recipient certified"]))
    );
    assert_eq!((&moved["outside"], &moved["unlisted"]), (&json!("likely"), &json!("likely")));
    // The first frame of the flow, as Wireshark shows it.
    assert_eq!((&moved["file"], &moved["at"]), (&json!(B), &json!(5)));
    // The random label and the rule that folded it are shown.
    let telemetry = &differences(&compared)[2];
    assert_eq!(telemetry["new"]["names"], json!(["0c5d91e7b3a4.telemetry.zoom.us"]));
    assert_eq!(telemetry["new"]["folded"], json!({ "hex": "a number in hexadecimal digits is drawn anew" }));
}

/// Other ports, another media router in another country of the EEA, another random label.
#[test]
fn the_same_build_captured_twice_differs_in_nothing() {
    for (base, new) in [(A, AGAIN), (AGAIN, A)] {
        let compared = json_of(&["diff", base, new]);
        assert_eq!(
            (&compared["differences"], &compared["warnings"]),
            (&json!([]), &json!([])),
            "{base} {new}"
        );
        assert_eq!((&compared["same"], &compared["volumes_compared"]), (&json!(9), &json!(false)));
    }
    let both = json_of(&["diff", A, AGAIN, "--base", AGAIN]);
    assert_eq!((&both["differences"], &both["volumes_compared"]), (&json!([]), &json!(true)));
}

#[test]
fn captures_reports_bundles_folders_and_studies_compare_alike() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (report, bundle) = (path("b.json"), path("b.zip"));
    assert_eq!(run(&["inspect", B, "-o", &report, "-o", &bundle]).0, 0);
    fs::create_dir(path("base")).unwrap();
    for capture in [A, AGAIN] {
        let name = Path::new(capture).file_name().unwrap();
        fs::copy(root().join(capture), folder.path().join("base").join(name)).unwrap();
    }
    let wanted = json_of(&["diff", A, B, "--base", AGAIN])["differences"].clone();
    let without_files = |mut differences: Value| {
        differences.as_array_mut().unwrap().iter_mut().for_each(|of| of["file"] = Value::Null);
        differences
    };
    for new in [report.as_str(), &bundle] {
        let compared = json_of(&["diff", &path("base"), new]);
        assert_eq!(without_files(compared["differences"].clone()), without_files(wanted.clone()), "{new}");
    }
    let study = ["diff", STUDY, STUDY, "--base-build", "6.1.0.198", "--new-build", "6.1.1.211"];
    let study = json_of(&study);
    assert_eq!(without_files(study["differences"].clone()), without_files(wanted));
    assert_eq!(study["new"][0]["builds"], json!([{ "version": "6.1.1.211", "by": "manifest" }]));
    let text = run(&["diff", STUDY, STUDY, "--base-build", "6.1.0.198", "--new-build", "6.1.1.211"]).1;
    assert!(text.contains("\nBuild: 6.1.0.198 (by the manifest) in the base, 6.1.1.211 (by the"), "{text}");
    // A folder of reports.
    fs::create_dir(path("reports")).unwrap();
    fs::copy(&report, path("reports/b.json")).unwrap();
    let compared = json_of(&["diff", &path("base"), &path("reports")]);
    assert_eq!(compared["differences"].as_array().unwrap().len(), 5);
    // A bundle that was altered is not taken for one.
    let opened = path("opened/");
    assert_eq!(run(&["inspect", B, "-o", &opened]).0, 0);
    fs::write(path("opened/report.json"), "{}").unwrap();
    let (status, _, said) = run(&["diff", A, &opened]);
    assert!(status == 2 && said.contains("not as it was written"), "{said}");
}

#[test]
fn the_status_is_that_of_the_filter_and_one_run_fails_no_volume() {
    let status = |arguments: &[&str]| run(&[&["diff"], arguments, &["--quiet"]].concat());
    assert_eq!(status(&[A, B, "--base", AGAIN]).0, 0, "without --fail-on");
    for condition in [
        "any",
        "added",
        "moved",
        "phase",
        "volume",
        "fingerprint",
        "removed",
        "outside",
        "unlisted",
        "listing",
    ] {
        let (code, out, _) = status(&[A, B, "--base", AGAIN, "--fail-on", condition]);
        assert_eq!((code, out.as_str()), (1, ""), "{condition}");
    }
    for condition in ["recipient", "place", "expired", "wide"] {
        assert_eq!(status(&[A, B, "--base", AGAIN, "--fail-on", condition]).0, 0, "{condition}");
    }
    assert_eq!(status(&[A, B, "--fail-on", "volume"]).0, 0, "one run of the base tells no noise");
    assert_eq!(
        status(&[A, B, "--only", "phase", "--fail-on", "added"]).0,
        0,
        "the filter that prints decides"
    );
    // Nothing ties the tag manager to the client, so that it counts as new, and not for what is the client's.
    let (_, text, _) = run(&["diff", A, B, "--only", "added"]);
    assert!(text.contains("     not tied nothing ties it to the client"), "{text}");
    let (_, junit, _) = run(&["diff", A, B, "--fail-on", "volume,added", "--format", "junit"]);
    assert!(junit.contains("<skipped message=\"The base has one run"), "{junit}");
    assert_eq!(junit.matches("<failure ").count(), 1, "{junit}");
    let (_, _, said) = run(&["diff", A, B, "--fail-on", "unlisted", "--annotate", "github", "--quiet"]);
    assert!(
        said.starts_with(&format!(
            "::error file={B},title=new or moved contact outside the EEA and not listed::"
        )),
        "{said}"
    );
    let (code, _, said) = run(&["diff", A, B, "--format", "gitlab"]);
    assert!(code == 2 && said.contains("--fail-on"), "{said}");
}

#[test]
fn what_differs_in_the_making_is_said_first() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("other.toml");
    let text = fs::read_to_string(root().join(STUDY)).unwrap();
    let text = text.replace("platform = \"linux\"\nbuild = \"6.1.1", "platform = \"macos\"\nbuild = \"6.1.1");
    let text = text.replace("file = \"", &format!("file = \"{}/captures/", root().display()));
    fs::write(&manifest, text).unwrap();
    let study = manifest.display().to_string();
    let out = run(&["diff", &study, &study, "--base-build", "6.1.0.198", "--new-build", "6.1.1.211"]).1;
    assert!(
        out.contains("Before you compare\n  The platform differs: linux in the base, macos in the new side."),
        "{out}"
    );
}

/// The real captures of the desktop client from 2021 to 2025. By hand: both of them have three sockets of media to one router of
/// Zoom's without a name (144.195.52.3 in 2021, 144.195.44.202 in 2025, both on port 8801), so that contact is the same; the one of
/// 2021 has another participant's line beside it (10.9.x.x, media between peers), which the one of 2025 has not. That one begins in
/// the middle of its meeting, so that the line may have been there. Between them lies the register of 2024: listings are not
/// compared. There is one capture of 2025 alone; against itself nothing differs.
#[test]
fn real_captures_differ_in_what_a_person_finds() {
    let shared = root().join("../shared/captures");
    let named = |name: &str| shared.join(name).display().to_string();
    let (old, new) = (named("princeton-zoom_test.pcap"), named("alizanoa-zoom-2025.pcapng"));
    if !Path::new(&new).is_file() {
        return;
    }
    let compared = json_of(&["diff", &old, &new]);
    let found: Vec<(&str, Vec<&str>)> =
        differences(&compared).iter().map(|of| (of["subject"].as_str().unwrap(), kinds(of))).collect();
    assert_eq!(found, [("meeting peer to (no name) another participant, zoom", vec!["removed"])]);
    assert!(
        differences(&compared)[0]["changes"][0]["doubt"]
            .as_str()
            .unwrap()
            .contains("in the middle of a meeting")
    );
    assert!(compared["warnings"].to_string().contains("The register differs"), "{}", compared["warnings"]);
    assert_eq!(
        run(&["diff", &old, &new, "--fail-on", "removed"]).0,
        0,
        "what may have been lost fails nothing"
    );
    assert_eq!(json_of(&["diff", &new, &new])["differences"], json!([]));
    // The fingerprint of the client of 2022 towards its media router, as it was worked out by another program.
    let (_, report, _) = run(&["inspect", "--format", "json", &named("ndpi-zoom2.pcap")]);
    assert!(report.contains("t13d141200_ad449869e501_b11171733d3d"));
}

#[test]
fn what_is_no_input_is_refused_with_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let head = |version: &str| {
        format!(
            "{{\"schema\":{{\"name\":\"borderpost-report\",\"version\":\"{version}\"}},\"destinations\":[]}}"
        )
    };
    let cases = [
        ("captures/through-a-vpn.pcapng".to_owned(), "the base has no traffic of the client"),
        (write("newer.json", &head("2.0")), "of schema 2.0"),
        (write("empty.json", &head("1.0")), "no traffic of the client"),
        (write("other.json", "{\"log\":{}}"), "no report: missing field `schema`"),
        (
            write("cut.json", "{\"schema\":{\"name\":\"borderpost-report\",\"version\":\"1.0\"},"),
            "no report: EOF",
        ),
        (write("bundle.zip", "PK\u{3}\u{4}x"), "bundle.zip"),
        ("no/such/file".to_owned(), "no/such/file: "),
    ];
    for (base, part) in cases {
        let (status, out, said) = run(&["diff", &base, A]);
        assert!(status == 2 && out.is_empty() && said.contains(part), "{base}: {said}");
    }
    // A later minor version adds what is passed over.
    let later = write("later.json", &head("1.7").replace("[]", "[],\"more\":{\"a\":[1]}"));
    assert!(run(&["diff", &later, A]).2.contains("no traffic of the client"));
    let own = write("own.json", "{}");
    let (status, _, said) = run(&["diff", &own, A, "-o", &own]);
    assert!(status == 2 && said.contains("is an input"), "{said}");
    assert_eq!(fs::read_to_string(&own).unwrap(), "{}");
}

/// A browser's profile taken for the client: bounded, and said so.
#[test]
fn thousands_of_hosts_stay_readable() {
    let folder = tempfile::tempdir().unwrap();
    let report = |name: &str, hosts: std::ops::Range<u32>| {
        let rows: Vec<Value> = hosts
            .map(|number| {
                // Letters, which no rule folds.
                let host: String = format!("{number:06}").bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
                json!({
                    "id": number + 1, "whose": "client", "host_pattern": format!("{host}.example.com"), "service": "web",
                    "place": { "axis": "undetermined", "grade": "undetermined" }, "listing": "unlisted", "flows": 1, "input": 0,
                })
            })
            .collect();
        let report = json!({
            "schema": { "name": "borderpost-report", "version": "1.0" }, "inputs": [{ "path": "profile.pcapng" }],
            "destinations": rows,
        });
        let path = folder.path().join(name);
        fs::write(&path, report.to_string()).unwrap();
        path.display().to_string()
    };
    let (base, new) = (report("base.json", 0..10), report("new.json", 5..30_000));
    let (status, out, _) = run(&["diff", &base, &new]);
    assert_eq!(status, 0);
    assert!(out.lines().count() < 1_200, "{}", out.lines().count());
    assert!(
        out.contains("and 19,895 more; --format json has all of them.") && out.contains("--exclusive?"),
        "{}",
        &out[..2000]
    );
    let learnt = folder.path().join("baseline.toml").display().to_string();
    let (status, _, said) = run(&["baseline", "learn", &new, "-o", &learnt, "--owner", "me"]);
    assert!(status == 2 && said.contains("20000 contacts are more than a client has"), "{said}");
}

#[test]
fn a_baseline_is_learnt_checked_and_updated_by_proposals() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("baseline.toml");
    let shown = file.display().to_string();
    let learn = ["baseline", "learn", A, AGAIN, "-o", &shown, "--owner", "net team", "--build", "6.1.0"];
    assert_eq!(run(&learn).0, 0);
    assert!(run(&learn).2.contains("exists: --force replaces it; people may have"), "a second time");
    let check = |new: &str, more: &[&str]| run(&[&["baseline", "check", &shown, new], more].concat());
    let (status, out, _) = check(AGAIN, &["--fail-on", "any"]);
    assert_eq!(status, 0, "{out}");
    assert!(out.starts_with("No difference in 9 contacts."), "{out}");
    // A person writes in it: a comment, another order, a date.
    let text = fs::read_to_string(&file).unwrap();
    let expiring = "# Ask Ann before it goes.\nexpires = \"2024-06-18\"\n";
    let edited = text.replacen("reason = ", &format!("{expiring}reason = "), 1);
    fs::write(&file, &edited).unwrap();
    let compared = json_of(&["baseline", "check", &shown, B]);
    let found: Vec<(String, Vec<&str>)> = differences(&compared)
        .iter()
        .map(|of| (of["host"].as_str().unwrap().to_owned(), kinds(of)))
        .collect();
    let expected = [
        ("www.googletagmanager.com", vec!["added"]),
        ("log.zoom.us", vec!["moved"]),
        ("log.zoom.us", vec!["removed"]),
        ("us*www*.zoom.us", vec!["removed"]),
        ("*.telemetry.zoom.us", vec!["expired"]),
    ];
    assert_eq!(found, expected.map(|(host, kinds)| (host.to_owned(), kinds)));
    assert_eq!(check(B, &["--quiet", "--fail-on", "added"]).0, 1);
    assert_eq!(check(B, &["--quiet", "--fail-on", "expired", "--date", "2024-06-18"]).0, 0);
    // The proposal leaves every byte that was there, and counts for nothing.
    let (status, proposed, said) = run(&["baseline", "update", &shown, B, "--build", "6.1.1"]);
    assert!(status == 0 && said.contains("2 entries are proposed"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), edited, "without -o nothing is written");
    let without_builds = |text: &str| text.replace(", \"6.1.1\"]", "]");
    assert!(without_builds(&proposed).starts_with(&edited), "{proposed}");
    assert!(proposed.contains("builds = [\"6.1.0\", \"6.1.1\"]") && proposed.contains(expiring));
    assert_eq!(run(&["baseline", "update", &shown, B, "-o", &shown]).0, 0);
    let (status, out, _) = check(B, &["--fail-on", "added,moved"]);
    assert!(status == 1 && out.contains("only proposed in line"), "{out}");
    // Somebody answers for them.
    let text = fs::read_to_string(&file)
        .unwrap()
        .replace("proposed = true\n", "")
        .replace("= \"\"", "= \"looked at\"");
    fs::write(&file, text).unwrap();
    assert_eq!(check(B, &["--fail-on", "added,moved"]).0, 0);
}

#[test]
fn a_wildcard_that_is_too_wide_is_pointed_out_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wide.toml");
    let entry = |host: &str, recipient: &str, zone: &str| {
        format!(
            "[[entry]]\n{host}\nservice = \"*\"\nprotocol = \"*\"\nrecipient = \"{recipient}\"\nzone = \"{zone}\"\nfirst_seen = \
             \"2024-01-01\"\nreason = \"r\"\nowner = \"o\"\n"
        )
    };
    let text = [
        "version = 1\n".to_owned(),
        entry("hosts = \"*\"", "zoom", "EEA"),
        entry("hosts = \"*zoom.us\"", "zoom", "EEA"),
        entry("hosts = \"*.us\"", "zoom", "EEA"),
        entry("hosts = \"*.zoom.us\"", "zoom", "EEA"),
        entry("hosts = \"us*web.zoom.us\"", "zoom", "*"),
        entry("hosts = \"us*.zoom.us\"", "*", "EEA"),
        entry("host = \"*.zoom.us\"", "zoom", "EEA"),
    ]
    .concat();
    fs::write(&file, text).unwrap();
    let shown = file.display().to_string();
    let compared = json_of(&["baseline", "check", &shown, A]);
    let wide: Vec<u64> = differences(&compared)
        .iter()
        .filter(|of| kinds(of).contains(&"wide"))
        .map(|of| of["at"].as_u64().unwrap())
        .collect();
    let mut sorted = wide.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [3, 12, 21, 39, 48]);
    assert!(compared.to_string().contains("`host` is taken to the letter"));
    // A forge shows the line of the file that is to be mended.
    let told = ["baseline", "check", &shown, A, "--quiet", "--fail-on", "wide", "--annotate", "github"];
    let (status, _, said) = run(&told);
    assert!(
        status == 1 && said.contains(&format!("::error file={shown},line=3,title=entry too wide::")),
        "{said}"
    );
    assert!(!said.contains("(frame 3)"), "{said}");
}

#[test]
fn a_baseline_that_was_edited_into_nonsense_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("b.toml");
    let good = "version = 1\n[[entry]]\nhost = \"zoom.us\"\nservice = \"web\"\nprotocol = \"tls\"\nrecipient = \"zoom\"\nzone = \"EEA\"\n\
                first_seen = \"2024-01-01\"\nreason = \"r\"\nowner = \"o\"\n";
    let cases = [
        ("version = 1", "version = 2", ":1:11: version 2 of the form"),
        ("owner = \"o\"", "owner = \" \"", ":3:8: an entry that nobody answers for"),
        ("host = \"zoom.us\"\n", "", "an entry needs `host`"),
        ("host = \"zoom.us\"", "host = \"zoom.us\"\nhosts = \"*\"", ":4:9: either `host` or `hosts`"),
        ("zone = \"EEA\"", "zone = \"\"", "have to say something"),
        ("zone = \"EEA\"", "zon = \"EEA\"", "unknown field `zon`"),
        ("2024-01-01", "soon", ":8:"),
        ("owner = \"o\"", "owner = \"o\"\nexpires = \"2023-01-01\"", "expires before it was first seen"),
        ("[[entry]]", "entry = 3", ":2:9: "),
        ("[[entry]]", "[[entry", ":2:"),
    ];
    for (from, to, part) in cases {
        fs::write(&file, good.replace(from, to)).unwrap();
        let (status, out, said) = run(&["baseline", "check", &file.display().to_string(), A]);
        assert!(status == 2 && out.is_empty() && said.contains(part), "{to}: {said}");
    }
    fs::write(&file, [good, good.split_once('\n').unwrap().1].concat()).unwrap();
    let (_, _, said) = run(&["baseline", "check", &file.display().to_string(), A]);
    assert!(said.contains("the same as the entry in line 3"), "{said}");
}

/// A place that is only likely outside the EEA counts from the grade that is asked for.
#[test]
fn places_count_from_a_grade() {
    let status = |condition: &str, grade: &str| {
        run(&["diff", A, B, "--quiet", "--only", "moved", "--fail-on", condition, "--min-grade", grade]).0
    };
    for condition in ["outside", "unlisted"] {
        let found = ["possible", "likely", "confirmed"].map(|grade| status(condition, grade));
        assert_eq!(found, [1, 1, 0], "{condition}");
    }
    let junit = ["--fail-on", "outside", "--min-grade", "confirmed", "--format", "junit"];
    let (_, out, _) = run(&[&["diff", A, B][..], &junit].concat());
    assert!(out.contains("<skipped message=\"outside the EEA below --min-grade confirmed: "), "{out}");
}

#[test]
fn every_comparison_is_valid_by_its_schema() {
    let schema: Value = serde_json::from_str(borderpost::compare::SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("b.toml").display().to_string();
    assert_eq!(run(&["baseline", "learn", A, "-o", &file, "--owner", "o"]).0, 0);
    let mut made = vec![
        json_of(&["diff", A, B, "--base", AGAIN]),
        json_of(&["diff", B, A]),
        json_of(&["diff", STUDY, STUDY, "--base-build", "6.1.0.198", "--new-build", "6.1.1.211"]),
        json_of(&["diff", "captures/eea-meeting.pcapng", "captures/browser-join.pcapng"]),
        json_of(&["baseline", "check", &file, B, "--date", "2100-01-01"]),
    ];
    let shared = root().join("../shared/captures");
    if shared.is_dir() {
        let named = |name: &str| shared.join(name).display().to_string();
        made.push(json_of(&["diff", &named("ndpi-zoom.pcap"), &named("ndpi-zoom2.pcap")]));
        made.push(json_of(&["baseline", "check", &file, &named("ndpi-zoom.pcap")]));
    }
    for compared in &made {
        let faults: Vec<String> =
            validator.iter_errors(compared).take(5).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
    let mut wrong = made.remove(0);
    wrong["differences"][0]["changes"][0]["kind"] = "other".into();
    assert!(!validator.is_valid(&wrong));
}

/// A capture of one request in clear, by its target, to one host.
fn requested(host: &str, targets: &[&str]) -> Vec<u8> {
    let packet = |port: u16, is_reply: bool, number: u32, flags: u8, payload: &[u8]| {
        let ends = [[10, 0, 0, 7], [52, 84, 151, 37]];
        let ports = [port, 80];
        let (from, to) = (usize::from(is_reply), usize::from(!is_reply));
        let length = u16::try_from(40 + payload.len()).unwrap().to_be_bytes();
        let (source, target) = (ports[from].to_be_bytes(), ports[to].to_be_bytes());
        let head = [&[0x45, 0], &length[..], &[0, 0, 0x40, 0, 64, 6, 0, 0], &ends[from], &ends[to]].concat();
        let tcp =
            [&source[..], &target, &number.to_be_bytes(), &[0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]];
        [head, tcp.concat(), payload.to_vec()].concat()
    };
    // Little-endian, microseconds, raw IP (101).
    let mut file = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101].map(u32::to_le_bytes).concat();
    for (number, target) in (0..).zip(targets) {
        let port = 50_000 + number;
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: x\r\n\r\n");
        for (at, packet) in (0_u32..).zip([
            packet(port, false, 0, 0x02, &[]),
            packet(port, true, 0, 0x12, &[]),
            packet(port, false, 1, 0x18, request.as_bytes()),
        ]) {
            let length = u32::try_from(packet.len()).unwrap();
            file.extend(
                [1_718_755_200, u32::from(number) * 1000 + at, length, length].map(u32::to_le_bytes).concat(),
            );
            file.extend(packet);
        }
    }
    file
}

#[test]
fn a_build_is_told_by_the_path_of_an_update() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, host: &str, targets: &[&str]| {
        let path = folder.path().join(name);
        fs::write(&path, requested(host, targets)).unwrap();
        path.display().to_string()
    };
    let secret = "/prod/6.2.11.50939/x64/secret-1.2.3.pkg?token=7.8.9";
    let old = write("old.pcap", "cdn.zoom.us", &["/index", secret, "/prod/6.2.11.50939/x64/again"]);
    let new = write("new.pcap", "cdn.zoom.us", &["/prod/6.3.0.52884/x64/Zoom.msi"]);
    let (_, report, _) = run(&["inspect", &old, "--format", "json"]);
    let read: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        read["sessions"][0]["updates"],
        json!([{ "version": "6.2.11.50939", "input": 0, "frame": 6 }])
    );
    assert!(!report.contains("secret") && !report.contains("1.2.3") && !report.contains("7.8.9"), "{report}");
    for format in ["table", "md", "html"] {
        let (_, out, _) = run(&["inspect", &old, "--format", format]);
        let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("build by update path: 6.2.11.50939, which it asked"), "{out}");
    }
    let compared = json_of(&["diff", &old, &new]);
    let builds = |side: &str| compared[side][0]["builds"].clone();
    assert_eq!(builds("base"), json!([{ "version": "6.2.11.50939", "by": "update" }]));
    assert_eq!(builds("new"), json!([{ "version": "6.3.0.52884", "by": "update" }]));
    let (_, out, _) = run(&["diff", &old, &new]);
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("Build: 6.2.11.50939 (by the path of an update) in the base, 6.3.0.52884 (by"),
        "{out}"
    );
    // Runs of several builds on one side tell no noise of one.
    let (_, out, _) = run(&["diff", &old, &new, "--base", &new]);
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("The runs of the base differ in build: 6.2.11.50939, 6.3.0.52884."), "{out}");
    // Of another host, and of another of the client's, nothing is kept.
    for host in ["cdn.example.com", "web.zoom.us"] {
        let other = write("other.pcap", host, &["/prod/6.2.11.50939/x64/Zoom.msi"]);
        assert!(!run(&["inspect", &other, "--format", "json"]).1.contains("50939"), "{host}");
    }
}

#[test]
fn comparisons_of_shipped_captures_are_as_recorded() {
    for (format, extension) in [("table", "txt"), ("md", "md"), ("json", "json"), ("html", "html")] {
        let study = [
            "diff",
            STUDY,
            STUDY,
            "--base-build",
            "6.1.0.198",
            "--new-build",
            "6.1.1.211",
            "--format",
            format,
        ];
        let (status, made, said) = run(&study);
        assert_eq!((status, said.as_str()), (0, ""));
        let path = root().join(format!("tests/golden/builds.diff.{extension}"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &made).unwrap();
        }
        let known = fs::read_to_string(&path).unwrap_or_default();
        assert!(known == made, "{} differs; UPDATE_GOLDEN=1 rewrites it", path.display());
    }
}

fn differences(compared: &Value) -> &Vec<Value> {
    compared["differences"].as_array().unwrap()
}

fn kinds(of: &Value) -> Vec<&str> {
    of["changes"].as_array().unwrap().iter().map(|change| change["kind"].as_str().unwrap()).collect()
}

fn json_of(arguments: &[&str]) -> Value {
    let (status, out, said) = run(&[arguments, &["--format", "json"]].concat());
    assert_eq!((status, said.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&out).unwrap()
}

/// The exit status, standard output and standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_borderpost"));
    let output = program.args(arguments).current_dir(root()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

//! Documented claims from outside: the command, the report's part on them, and what has to hold of every capture.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use self::common::{assert_refused, borderpost, err, out, status};

const EU_MEETING: &str = "captures/eu-meeting-us-telemetry.pcapng";
const EEA_MEETING: &str = "captures/eea-meeting.pcapng";
const THIRD_PARTIES: &str = "captures/third-parties.pcapng";

/// The claims in a report on a capture.
fn claims(packs: &str, capture: &str) -> Vec<Value> {
    let output = borderpost(&["inspect", "--no-hash", "--format", "json", "--claims", packs, capture]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["claims"].as_array().unwrap().clone()
}

fn claim<'a>(claims: &'a [Value], id: &str) -> &'a Value {
    claims.iter().find(|claim| claim["id"] == id).unwrap()
}

fn outcome<'a>(claims: &'a [Value], id: &str) -> &'a str {
    claim(claims, id)["outcome"].as_str().unwrap()
}

/// A capture that is not part of the project; `None` where it is not there.
fn shared(file: &str) -> Option<String> {
    let path = format!("{}/../shared/captures/{file}", env!("CARGO_MANIFEST_DIR"));
    if fs::exists(&path).unwrap() {
        return Some(path);
    }
    let message = format!("\n*** NOT CHECKED: {path} is not there ***\n\n");
    std::io::stderr().write_all(message.as_bytes()).unwrap();
    None
}

#[test]
fn telemetry_in_the_us_contradicts_processing_in_the_eu_alone() {
    let found = claims("surf-2024,surf-2022", EU_MEETING);
    let first = claim(&found, "L01");
    assert_eq!(first["outcome"], "contradicted");
    let frames: Vec<(u64, &str)> = first["flows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flow| (flow["first_frame"].as_u64().unwrap(), flow["name"].as_str().unwrap()))
        .collect();
    // The sign-in host in the US (frame 24) is one of the exceptions.
    assert_eq!(frames, [(5, "log.zoom.us"), (98, "us.telemetry.zoom.us")]);
    assert_eq!(first["flows_total"], 2);
    assert_eq!(outcome(&found, "L20"), "contradicted");
    assert_eq!(outcome(&found, "L04"), "supported");
    assert_eq!(outcome(&found, "E01"), "not_exercised");
}

#[test]
fn a_meeting_in_the_eea_is_looked_at_and_not_declared_clean() {
    let found = claims("surf-2024", EEA_MEETING);
    let first = claim(&found, "L01");
    let (outcome, reason) = (first["outcome"].as_str().unwrap(), first["reason"].as_str().unwrap());
    assert!(["supported", "not_decidable"].contains(&outcome), "{reason}");
    let looked_at = &first["looked_at"];
    assert_eq!((&looked_at["sessions"], &looked_at["meetings"]), (&1.into(), &1.into()));
    assert!(looked_at["flows"].as_u64().unwrap() > 0);
    assert!(looked_at["not_visible"][0].as_str().unwrap().contains("first hop"));
}

#[test]
fn a_pixel_that_nothing_ties_to_the_client_leaves_the_claim_open() {
    let found = claims("surf-2024", THIRD_PARTIES);
    let pixel = claim(&found, "M03");
    assert_eq!(pixel["outcome"], "not_decidable");
    assert!(pixel["reason"].as_str().unwrap().contains("nothing ties to the client"), "{pixel}");
    let output = borderpost(&["inspect", "--no-hash", "--exclusive", "--format", "json", THIRD_PARTIES]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcome(report["claims"].as_array().unwrap(), "M03"), "contradicted");
}

#[test]
fn each_made_capture_exercises_what_it_was_made_for() {
    for (capture, expected) in [
        ("trust-and-safety", &[("L10", "supported"), ("L01", "contradicted")][..]),
        ("webinar-invitation", &[("M02", "supported"), ("M03", "not_decidable"), ("E01", "supported")]),
        ("browser-join", &[("E01", "supported"), ("L20", "contradicted")]),
        ("traveller", &[("L09", "supported"), ("L01", "not_decidable")]),
        ("joined-midway", &[("L01", "not_decidable"), ("E01", "not_exercised")]),
        ("through-a-vpn", &[("L01", "not_exercised"), ("M09", "not_exercised")]),
    ] {
        let found = claims("all", &format!("captures/{capture}.pcapng"));
        for (id, expected) in expected {
            assert_eq!(outcome(&found, id), *expected, "{capture}: {}", claim(&found, id));
        }
    }
}

#[test]
fn the_launch_of_2019_contradicts_processing_in_the_eu_alone_at_the_first_hop() {
    let Some(path) = shared("ndpi-zoom.pcap") else { return };
    let found = claims("all", &path);
    let first = claim(&found, "L01");
    assert_eq!(first["outcome"], "contradicted");
    let flows = first["flows"].as_array().unwrap();
    let names: Vec<&str> = flows.iter().map(|flow| flow["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["log.zoom.us", "www3.zoom.us"]);
    assert!(flows.iter().all(|flow| flow["first_frame"].as_u64().unwrap() > 0));
    assert!(first["reason"].as_str().unwrap().contains("before the statement of 2024-04-19"));
    assert_eq!(outcome(&found, "E01"), "not_exercised");
    assert_eq!(outcome(&found, "L18"), "contradicted");
    assert_eq!(claim(&found, "L16")["brief"], "the capture does not say: service");
    assert_eq!(outcome(&found, "M06"), "not_decidable");
}

#[test]
fn a_join_in_the_browser_supports_the_narrow_claim() {
    let Some(path) = shared("ndpi-stun_zoom.pcapng") else { return };
    let found = claims("all", &path);
    let narrow = claim(&found, "E01");
    assert_eq!(narrow["outcome"], "supported");
    let reason = narrow["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("nothing in this capture speaks against it: 2 flows were looked at"),
        "{reason}"
    );
    assert!(narrow["limits"].as_str().unwrap().contains("cannot show"));
}

#[test]
fn no_claim_is_contradicted_without_flows_or_supported_without_a_look() {
    for path in captures() {
        for claim in claims("all", path.to_str().unwrap()) {
            let (flows, total) = (claim["flows"].as_array().unwrap(), claim["flows_total"].as_u64().unwrap());
            let id = format!("{}: {claim}", path.display());
            assert!(flows.len() as u64 <= total && flows.len() <= 100, "{id}");
            assert!(flows.iter().all(|flow| flow["first_frame"].as_u64().unwrap() > 0), "{id}");
            let seen = claim["looked_at"]["flows"].as_u64();
            match claim["outcome"].as_str().unwrap() {
                "contradicted" => assert!(total > 0 && seen >= Some(total), "{id}"),
                "supported" => {
                    assert!(seen.is_some(), "{id}");
                    assert!(claim["reason"].as_str().unwrap().starts_with("nothing in "), "{id}");
                }
                "out_of_scope" => assert!(claim["looked_at"].is_null(), "{id}"),
                "not_decidable" | "not_exercised" => assert_ne!(claim["reason"], "", "{id}"),
                other => panic!("{other}"),
            }
        }
    }
}

/// Those of the project and, where they are there, the real ones.
fn captures() -> Vec<PathBuf> {
    let folders =
        ["captures", "../shared/captures"].map(|name| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name));
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut captures: Vec<PathBuf> =
        paths.filter(|path| path.file_name().unwrap().to_string_lossy().contains(".pcap")).collect();
    captures.sort();
    captures
}

/// The claims in a report on the report to the operator or the meeting, with marks of one's own.
fn marked(capture: &str, file: &str, marks: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    fs::write(&path, marks).unwrap();
    let marks = path.to_str().unwrap();
    let output = borderpost(&[
        "inspect",
        "--no-hash",
        "--format",
        "json",
        "--claims",
        "all",
        "--marks",
        marks,
        capture,
    ]);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["claims"].as_array().unwrap().clone()
}

#[test]
fn a_label_says_what_it_says_and_no_more() {
    for (label, exercised) in
        [("chat with a picture", true), ("no chat in this test", false), ("chatter", false)]
    {
        let found = marked(EU_MEETING, "m.csv", &format!("at,label\n+1,{label}\n"));
        assert_eq!(outcome(&found, "M11") != "not_exercised", exercised, "{label}");
    }
    let at_sign_in =
        |marks: &str| marked(EU_MEETING, "m.csv", &format!("at,label,kind\n+0,{marks}\n+6,join,\n"));
    for (marks, expected) in [
        ("sign in with SSO,", "supported"),
        ("dismiss a dialog,sign_in", "supported"),
        ("share login page,", "not_decidable"),
        ("do not log in,", "not_decidable"),
    ] {
        let found = at_sign_in(marks);
        assert_eq!(outcome(&found, "M09"), expected, "{marks}: {}", claim(&found, "M09"));
    }
    // Nothing began after the last mark: a label alone is no phase.
    let found = marked("captures/browser-join.pcapng", "m.csv", "at,label\n+0,join\n+31,sign in\n");
    assert_eq!(outcome(&found, "M09"), "not_exercised");
}

#[test]
fn claims_are_chosen_by_packs_files_or_not_at_all() {
    assert!(claims("none", EEA_MEETING).is_empty());
    assert_eq!(claims("all", EEA_MEETING).len(), 66);
    let both = claims("somi-2020,uninett-2020", EEA_MEETING);
    assert_eq!(
        (outcome(&both, "E04"), both.iter().any(|claim| claim["id"] == "L01")),
        ("not_decidable", false)
    );
    let table = out(&borderpost(&["inspect", "--no-hash", "--claims", "none", EEA_MEETING]));
    assert!(!table.contains("Documented claims"));
    let output = borderpost(&["inspect", "--claims", "surf-2023", EEA_MEETING]);
    assert_refused(&output, &["surf-2023: neither a file nor a pack of claims", "surf-2024"]);
    assert_refused(&borderpost(&["inspect", "--claims", "none,surf-2024", EEA_MEETING]), &["stands alone"]);
}

const OWN: &str = "schema = 1
compiled = \"2026-11-28\"

[[document]]
id = \"own\"
title = \"A contract\"
publisher = \"We\"
date = \"2026-01-31\"
pack = \"ours\"

[[claim]]
id = \"X1\"
text = \"No telemetry \\u001b[31mleaves.\"
sources = [{ document = \"own\", place = \"page 1\" }]
testable = \"metadata\"
limits = \"Only the first hop is seen.\"
contradicted_by = [{ services = [\"telemetry\"], axis = \"outside\" }]
";

#[test]
fn a_file_of_ones_own_is_checked_and_tested() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.toml");
    fs::write(&path, OWN).unwrap();
    let path = path.to_str().unwrap();
    let checked = borderpost(&["claims", "check", path]);
    assert_eq!(status(&checked), 0, "{}", err(&checked));
    assert!(out(&checked).contains("contradicted by the client's flows for telemetry, outside the EEA"));
    assert!(out(&checked).contains("no problem found in 1 claim"));
    let packs = format!("surf-2024,{path}");
    let found = claims(&packs, EU_MEETING);
    assert_eq!((outcome(&found, "X1"), outcome(&found, "L01")), ("contradicted", "contradicted"));
    let table = out(&borderpost(&["inspect", "--no-hash", "--claims", path, EU_MEETING]));
    assert!(table.contains("X1, CONTRADICTED") && !table.contains('\u{1b}'), "{table}");
    assert_refused(&borderpost(&["inspect", "--claims", &format!("{path},{path}"), EU_MEETING]), &["X1"]);

    fs::write(path, OWN.replace("axis = \"outside\"", "axis = \"abroad\"")).unwrap();
    for command in [&["claims", "check", path][..], &["inspect", "--claims", path, EU_MEETING]] {
        assert_refused(&borderpost(command), &["own.toml:17:", "abroad", "^"]);
    }
}

#[test]
fn claims_are_listed_and_shown() {
    let list = out(&borderpost(&["claims", "list"]));
    for line in ["surf-2024: 31 claims", "somi-2020: ", "  L01  metadata ", "  O11  out_of_scope "] {
        assert!(list.contains(line), "{line}\n{list}");
    }
    let shown = out(&borderpost(&["claims", "show", "l10"]));
    for part in ["packs: surf-2024, surf-2022", "stated: SURF", "needs traffic of the client", "limits:"] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let pack = out(&borderpost(&["claims", "show", "uninett-2020"]));
    assert!(
        pack.contains("L16: ")
            && !pack.contains("L01: ")
            && pack.lines().all(|line| line.chars().count() <= 80)
    );
    assert_refused(&borderpost(&["claims", "show", "Z99"]), &["Z99", "claims list"]);
}

#[test]
fn every_claim_is_a_line_of_its_own_in_json_lines() {
    let lines = out(&borderpost(&["inspect", "--no-hash", "--format", "jsonl", EEA_MEETING]));
    let read = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let claims: Vec<Value> = read.filter(|line| line["type"] == "claim").collect();
    assert_eq!(claims.len(), 31);
    assert_eq!(claims[0]["id"], "L01");
}

//! The JSON report against its schema, on shipped captures and, where they are there, on real ones.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use borderpost::report::SCHEMA;

#[test]
fn every_report_is_valid_by_the_schema() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for (path, report) in reports() {
        let faults: Vec<String> =
            validator.iter_errors(&report).take(5).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(faults.is_empty(), "{}:\n{}", path.display(), faults.join("\n"));
    }
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let (_, report) = reports().remove(0);
    let mut without = report.clone();
    without.as_object_mut().unwrap().remove("headline");
    assert!(!validator.is_valid(&without));
    let mut with = report.clone();
    with["flows"][0]["country"] = "US".into();
    assert!(!validator.is_valid(&with));
    let mut wrong = report;
    wrong["flows"][0]["place"]["axis"] = "elsewhere".into();
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn every_explanation_is_valid_by_its_part_of_the_schema() {
    let mut schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let whole = schema.as_object_mut().unwrap();
    whole.retain(|key, _| key.starts_with('$'));
    whole.insert("$ref".to_owned(), "#/$defs/explanations".into());
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let capture = "captures/eu-meeting-us-telemetry.pcapng";
    let questions: [&[&str]; 6] = [
        &["159.124.15.191"],
        &["170.114.52.36", "--date", "2025-03-04"],
        &["10.0.0.1"],
        &["zoomfr84zc.zoom.us"],
        &["us.telemetry.zoom.us", "--in", capture, "--vantage", "NL"],
        &["nobody.example", "--in", capture],
    ];
    for question in questions {
        let mut command = Command::new(env!("CARGO_BIN_EXE_borderpost"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["explain", "--format", "json"]);
        let output = command.args(question).output().unwrap();
        assert!(output.status.success(), "{question:?}: {}", String::from_utf8_lossy(&output.stderr));
        let answer = serde_json::from_slice(&output.stdout).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(&answer).take(5).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(faults.is_empty(), "{question:?}:\n{}", faults.join("\n"));
    }
    assert!(!validator.is_valid(&serde_json::json!({})));
}

#[test]
fn the_parts_of_a_report_agree() {
    for (path, report) in reports() {
        let path = path.display();
        let totals = report["totals"].as_object().unwrap();
        let classes: u64 = totals
            .iter()
            .filter(|(k, _)| !["frames", "bytes", "flows"].contains(&k.as_str()))
            .map(|(_, v)| v.as_u64().unwrap())
            .sum();
        assert_eq!(classes, totals["frames"].as_u64().unwrap(), "{path}: classes");
        let flows = report["flows"].as_array().unwrap();
        assert_eq!(flows.len() as u64, totals["flows"].as_u64().unwrap(), "{path}: flows");
        for destination in report["destinations"].as_array().unwrap() {
            let members = flows.iter().filter(|flow| flow["destination"] == destination["id"]);
            let bytes: u64 = members.clone().map(|flow| flow["bytes_out"].as_u64().unwrap()).sum();
            assert_eq!(
                members.count() as u64,
                destination["flows"].as_u64().unwrap(),
                "{path}: flows of a destination"
            );
            assert_eq!(bytes, destination["bytes_out"].as_u64().unwrap(), "{path}: bytes of a destination");
        }
        for meeting in report["meetings"].as_array().unwrap() {
            for id in meeting["flows"].as_array().unwrap() {
                let flow = &flows[usize::try_from(id.as_u64().unwrap()).unwrap()];
                assert_eq!(
                    (&flow["id"], &flow["session"]),
                    (id, &meeting["session"]),
                    "{path}: a meeting's flow"
                );
            }
        }
        let placed = report["destinations"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|d| d["place"]["axis"] != "undetermined");
        for destination in
            placed.filter(|d| !["local", "participant"].contains(&d["place"]["axis"].as_str().unwrap()))
        {
            let witnesses = destination["place"]["witnesses"].as_array().unwrap();
            assert!(witnesses.iter().any(|w| w["decisive"] == true), "{path}: a place without a witness");
            assert!(
                witnesses.iter().all(|w| w["frame"].is_u64() || w["source"].is_string()),
                "{path}: a witness from nowhere"
            );
        }
    }
}

fn reports() -> Vec<(PathBuf, serde_json::Value)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut captures: Vec<PathBuf> = Vec::new();
    for folder in [root.join("captures"), root.join("../shared/captures")] {
        let Ok(entries) = fs::read_dir(&folder) else {
            std::io::stderr()
                .write_all(format!("\n*** NOT CHECKED: {} is not there ***\n\n", folder.display()).as_bytes())
                .unwrap();
            continue;
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        captures.extend(paths.filter(|path| path.file_name().unwrap().to_string_lossy().contains(".pcap")));
    }
    captures.sort();
    captures.push(root.join("captures/study.toml"));
    captures.into_iter().map(|path| (path.clone(), report(&path))).collect()
}

/// Of a capture, or of the captures that a manifest lists.
fn report(path: &std::path::Path) -> serde_json::Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_borderpost"));
    let listed: &[&str] = if path.extension().is_some_and(|is| is == "toml") { &["--manifest"] } else { &[] };
    command.args(["inspect", "--no-hash", "--format", "json"]).args(listed);
    let output = command.arg(path).output().unwrap();
    assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

//! JSON Lines, comma-separated values, completions and manual pages, from outside.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::common::{assert_refused, borderpost, err, out, status};

/// The list of the JSON, and the type of its lines.
const LISTS: [(&str, &str); 13] = [
    ("destinations", "destination"),
    ("sessions", "session"),
    ("meetings", "meeting"),
    ("steps", "step"),
    ("flows", "flow"),
    ("tunnels", "tunnel"),
    ("anomalies", "anomaly"),
    ("data_sources", "data_source"),
    ("registers", "register"),
    ("claims", "claim"),
    ("cells", "cell"),
    ("matrix", "matrix_row"),
    ("differences", "difference"),
];

fn inspect(format: &str, options: &[&str]) -> String {
    let output = borderpost(&[&["inspect", "--format", format], options].concat());
    assert_eq!((status(&output), err(&output)), (0, String::new()), "{options:?}");
    out(&output)
}

/// The shipped captures and, where they are there, the real ones.
fn captures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in [root.join("captures"), root.join("../shared/captures")] {
        let Ok(entries) = fs::read_dir(&folder) else {
            let absent = format!("\n*** NOT CHECKED: {} is not there ***\n\n", folder.display());
            std::io::stderr().write_all(absent.as_bytes()).unwrap();
            continue;
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        found.extend(paths.filter(|path| path.file_name().unwrap().to_string_lossy().contains(".pcap")));
    }
    assert!(found.len() >= 3);
    found
}

/// The JSON, taken together from the lines of a stream.
fn collected(lines: &str) -> Value {
    let mut whole = serde_json::Map::new();
    for (list, _) in LISTS {
        whole.insert(list.to_owned(), Value::Array(Vec::new()));
    }
    whole.insert("against".to_owned(), Value::Null);
    whole.insert("study".to_owned(), Value::Null);
    for (number, line) in lines.lines().enumerate() {
        let Value::Object(mut object) = serde_json::from_str(line).unwrap() else { panic!("{line}") };
        let kind = object.remove("type").unwrap();
        assert_eq!(kind == "report", number == 0, "the head stands first and once: {kind}");
        match LISTS.iter().find(|(_, known)| kind == *known) {
            Some((list, _)) => whole[*list].as_array_mut().unwrap().push(Value::Object(object)),
            None if kind == "report" => whole.extend(object),
            None => drop(whole.insert(kind.as_str().unwrap().to_owned(), Value::Object(object))),
        }
    }
    Value::Object(whole)
}

#[test]
fn the_lines_of_jsonl_are_the_json() {
    for path in captures() {
        let path = path.to_str().unwrap();
        let json: Value = serde_json::from_str(&inspect("json", &["--no-hash", path])).unwrap();
        assert!(collected(&inspect("jsonl", &["--no-hash", path])) == json, "{path}");
    }
    let options = ["--against", "none", "--mark", "2024-06-18T08:31:09Z=join", "captures"];
    let json: Value = serde_json::from_str(&inspect("json", &options)).unwrap();
    assert!(
        !json["against"]["moved"].as_array().unwrap().is_empty()
            && !json["flows"].as_array().unwrap().is_empty()
            && !json["steps"].as_array().unwrap().is_empty()
    );
    assert_eq!(collected(&inspect("jsonl", &options)), json, "several inputs, read by something else");
    let options = ["--against", "none", "--manifest", "captures/study.toml"];
    let json: Value = serde_json::from_str(&inspect("json", &options)).unwrap();
    assert_eq!(collected(&inspect("jsonl", &options)), json, "the cells of a study");
}

#[test]
fn the_types_stand_in_one_order() {
    let text = inspect("jsonl", &["--against", "none", "--manifest", "captures/study.toml"]);
    let types = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].clone());
    let mut types: Vec<String> = types.map(|kind| kind.as_str().unwrap().to_owned()).collect();
    types.dedup();
    let order = [
        "report",
        "destination",
        "session",
        "meeting",
        "flow",
        "quality",
        "telemetry",
        "data_source",
        "register",
        "claim",
        "against",
        "study",
        "cell",
        "matrix_row",
        "difference",
    ];
    assert_eq!(types, order, "one run of lines for each type");
}

#[test]
fn the_rows_of_csv_are_the_destinations() {
    let mut rows_read = 0;
    for path in captures() {
        let path = path.to_str().unwrap();
        let json: Value = serde_json::from_str(&inspect("json", &["--no-hash", path])).unwrap();
        let text = inspect("csv", &["--no-hash", path]);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let destinations = json["destinations"].as_array().unwrap();
        assert_eq!(rows.len(), destinations.len(), "{path}");
        for (row, destination) in rows.iter().zip(destinations) {
            for (name, cell) in header.iter().zip(row) {
                let (outer, inner) = name.split_once('.').unwrap_or((name, ""));
                let value = if inner.is_empty() { &destination[outer] } else { &destination[outer][inner] };
                assert_eq!(cell, cell_of(name, value), "{path}: {name}");
            }
        }
        rows_read += rows.len();
    }
    assert!(rows_read > 20, "{rows_read} rows");
}

/// What stands in the cell: entries joined, nothing for what is not known.
fn cell_of(name: &str, value: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let of =
        |field: &str| value.as_array().unwrap().iter().map(|entry| plain(&entry[field])).collect::<Vec<_>>();
    match (name, value) {
        ("names", _) => {
            of("name").into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("; ")
        }
        ("place.witnesses", _) => of("says").join("; "),
        ("phases", _) => of("phase").join("; "),
        (_, Value::Null) => String::new(),
        (_, Value::Array(entries)) => entries.iter().map(plain).collect::<Vec<_>>().join("; "),
        (_, value) => plain(value),
    }
}

#[test]
fn every_extension_names_its_format() {
    let folder = tempfile::tempdir().unwrap();
    let capture = "captures/eu-meeting-us-telemetry.pcapng";
    let formats = [("txt", "table"), ("html", "html"), ("json", "json"), ("jsonl", "jsonl"), ("csv", "csv")];
    let files = formats.map(|(extension, _)| folder.path().join(format!("report.{extension}")));
    let mut arguments = vec!["inspect", capture];
    for file in &files {
        arguments.extend(["-o", file.to_str().unwrap()]);
    }
    let output = borderpost(&arguments);
    assert_eq!((status(&output), out(&output), err(&output)), (0, String::new(), String::new()));
    for ((_, format), file) in formats.iter().zip(&files) {
        assert_eq!(fs::read_to_string(file).unwrap(), inspect(format, &[capture]), "{format}");
    }
    let file = folder.path().join("study.matrix.csv");
    let study = ["--manifest", "captures/study.toml"];
    let output = borderpost(&[&["inspect", "-o", file.to_str().unwrap()], &study[..]].concat());
    assert_eq!((status(&output), out(&output)), (0, String::new()), "{}", err(&output));
    assert_eq!(fs::read_to_string(&file).unwrap(), inspect("matrix-csv", &study));
    let output = borderpost(&["inspect", "-o", "report.xlsx", capture]);
    assert_refused(
        &output,
        &["report.xlsx", ".txt, .html, .md, .json, .jsonl, .csv, .matrix.csv, .xml or .codequality.json"],
    );
    assert_refused(
        &borderpost(&["inspect", "--format", "xml", capture]),
        &["table, html, md, json, jsonl, csv"],
    );
}

#[cfg(unix)]
#[test]
fn a_hostile_file_name_reaches_no_format_raw() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("=1\n\u{1b}[31m\u{202e}\".pcapng");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/eea-meeting.pcapng");
    fs::copy(shipped, &path).unwrap();
    for format in ["table", "html", "json", "jsonl", "csv"] {
        let text = inspect(format, &[path.to_str().unwrap()]);
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{format}");
        if format == "jsonl" {
            assert_eq!(collected(&text)["inputs"][0]["path"], path.to_str().unwrap());
        }
    }
}

#[test]
fn completions_and_manual_pages_go_to_standard_output() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = borderpost(&["completions", shell]);
        assert_eq!((status(&output), err(&output)), (0, String::new()), "{shell}");
        assert!(out(&output).contains("fail-on"), "{shell}");
    }
    assert_refused(&borderpost(&["completions", "tcsh"]), &["tcsh", "bash, elvish, fish, powershell, zsh"]);
    let page = borderpost(&["man"]);
    assert!(status(&page) == 0 && out(&page).contains(".TH borderpost 1 "), "{}", out(&page));
    let page = borderpost(&["man", "geoip", "import"]);
    assert!(status(&page) == 0 && out(&page).contains(".TH borderpost-geoip-import 1 "), "{}", out(&page));
    assert_refused(&borderpost(&["man", "x\u{1b}[31m"]), &["no command x\\u{1b}[31m; there are inspect, "]);
}

//! Many captures as the cells of one test: manifests, folders, the matrix in every format, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::common::{assert_refused, borderpost, err, out, status};

const STUDY: &str = "captures/study.toml";

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

/// A folder with the shipped captures `a.pcapng`, `b.pcapng` and `c.pcapng`, and a manifest.
fn folder(manifest: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let captures = ["eu-meeting-us-telemetry", "eea-meeting", "third-parties"];
    for (name, capture) in ["a", "b", "c"].iter().zip(captures) {
        let to = folder.path().join(format!("{name}.pcapng"));
        fs::copy(shipped(&format!("{capture}.pcapng")), to).unwrap();
    }
    let path = folder.path().join("study.toml");
    fs::write(&path, manifest).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

const MANIFEST: &str = r#"
title = "Three platforms"

[[cell]]
file = "a.pcapng"
platform = "windows"
build = "6.1"
vantage = "NL"

[[cell]]
file = "b.pcapng"
platform = "macos"
build = "6.1"

[[cell]]
name = "mail"
files = ["c.pcapng"]
"#;

fn inspect(arguments: &[&str]) -> String {
    told(arguments, "")
}

/// The same where standard error says something.
fn told(arguments: &[&str], what: &str) -> String {
    let output = borderpost(&[&["inspect"], arguments].concat());
    assert_eq!(status(&output), 0, "{arguments:?}");
    assert!(err(&output).contains(what) && err(&output).is_empty() == what.is_empty(), "{}", err(&output));
    out(&output)
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&inspect(&[arguments, &["--format", "json"]].concat())).unwrap()
}

fn all<'a>(value: &'a Value, field: &str) -> &'a Vec<Value> {
    value[field].as_array().unwrap()
}

fn names(report: &Value) -> Vec<&str> {
    all(report, "cells").iter().map(|cell| cell["name"].as_str().unwrap()).collect()
}

fn csv_rows(text: &str) -> (csv::StringRecord, Vec<csv::StringRecord>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    (header, reader.records().map(Result::unwrap).collect())
}

#[test]
fn a_manifest_gives_cells_a_matrix_and_what_differs() {
    let (_folder, manifest) = folder(MANIFEST);
    let report = json(&["--manifest", &manifest]);
    assert_eq!(report["study"]["title"], "Three platforms");
    assert_eq!(names(&report), ["windows-6.1", "macos-6.1", "mail"]);
    let cells = all(&report, "cells");
    let part = |field: &str| cells.iter().map(|cell| cell[field].clone()).collect::<Vec<_>>();
    assert_eq!(part("inputs"), [vec![0], vec![1], vec![2]].map(Value::from));
    assert_eq!(part("state"), ["compared"; 3].map(Value::from));
    assert_eq!(part("vantage"), [Value::from("NL"), Value::Null, Value::Null]);
    let differences = all(&report, "differences");
    let says: Vec<&str> = differences.iter().map(|difference| difference["says"].as_str().unwrap()).collect();
    let telemetry = "telemetry to *.telemetry.zoom.us: in windows-6.1: US, likely, outside the EEA, unlisted; in \
                     macos-6.1, mail: not seen";
    assert!(says.contains(&telemetry), "{says:#?}");
    let media = "media to zoom*mmr.*.zoom.us: in windows-6.1, mail: DE, likely, in the EEA, listed; in macos-6.1: NL, \
                 likely, in the EEA, listed";
    assert!(says.contains(&media), "{says:#?}");
    let table = inspect(&["--manifest", &manifest]);
    for part in ["Study: Three platforms", "1 windows-6.1", "Differences between cells: 1"] {
        assert!(table.contains(part), "no {part:?} in {table}");
    }
    assert!(
        table
            .lines()
            .take_while(|line| !line.starts_with("How to"))
            .all(|line| line.chars().count() <= 80 || line.contains('/'))
    );
}

#[test]
fn the_matrix_says_of_each_cell_what_its_capture_says_alone() {
    let report = json(&["--manifest", STUDY]);
    let rows = all(&report, "matrix");
    let singles: [&[&str]; 5] = [
        &["--vantage", "NL", "captures/eu-meeting-us-telemetry.pcapng"],
        &["--vantage", "NL", "captures/eea-meeting.pcapng"],
        &["captures/third-parties.pcapng"],
        &["captures/browser-join.pcapng"],
        &["captures/traveller.pcapng"],
    ];
    for (cell, arguments) in (1..).zip(singles) {
        let alone = json(arguments);
        let of_matrix: BTreeSet<String> = rows
            .iter()
            .flat_map(|row| all(row, "seen").iter().map(move |seen| (row, seen)))
            .filter(|(_, seen)| seen["cell"] == cell)
            .map(|(row, s)| {
                let row = [&row["service"], &row["recipient"], &row["whose"]];
                let place = [&s["axis"], &s["located"], &s["grade"], &s["listing"], &s["flagged"]];
                format!(
                    "{row:?}{place:?}{:?}",
                    [&s["flows"], &s["bytes_out"], &s["bytes_in"], &s["first_frame"]]
                )
            })
            .collect();
        let of_report: BTreeSet<String> = all(&alone, "destinations")
            .iter()
            .map(|d| {
                let row = [&d["service"], &d["recipient"], &d["whose"]];
                let place = &d["place"];
                let place =
                    [&place["axis"], &place["located"], &place["grade"], &d["listing"], &d["flagged"]];
                format!(
                    "{row:?}{place:?}{:?}",
                    [&d["flows"], &d["bytes_out"], &d["bytes_in"], &d["first_frame"]]
                )
            })
            .collect();
        assert_eq!(of_matrix, of_report, "cell {cell}");
    }
}

#[test]
fn the_matrix_adds_up_to_the_destinations_and_to_the_cells() {
    let report = json(&["--manifest", STUDY]);
    for destination in all(&report, "destinations") {
        let seen = all(&report, "matrix").iter().flat_map(|row| all(row, "seen"));
        let own: Vec<&Value> = seen.filter(|seen| seen["destination"] == destination["id"]).collect();
        for field in ["flows", "bytes_out", "bytes_in"] {
            let sum: u64 = own.iter().map(|seen| seen[field].as_u64().unwrap()).sum();
            assert_eq!(Value::from(sum), destination[field], "{field} of {}", destination["host_pattern"]);
        }
    }
    for row in all(&report, "matrix") {
        let seen: BTreeSet<u64> =
            all(row, "seen").iter().map(|seen| seen["cell"].as_u64().unwrap()).collect();
        let unseen: BTreeSet<u64> =
            all(row, "not_seen_in").iter().map(|cell| cell.as_u64().unwrap()).collect();
        assert!(seen.is_disjoint(&unseen) && seen.len() + unseen.len() == 5, "{row}");
    }
}

#[test]
fn csv_has_a_line_for_every_cell_of_every_row_and_json_lines_say_the_same() {
    let report = json(&["--manifest", STUDY]);
    let (header, lines) = csv_rows(&inspect(&["--manifest", STUDY, "--format", "matrix-csv"]));
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let pairs: BTreeSet<(&str, &str)> =
        lines.iter().map(|line| (&line[at("row")], &line[at("cell")])).collect();
    assert_eq!(pairs.len(), all(&report, "matrix").len() * 5);
    let seen: Vec<&Value> = all(&report, "matrix").iter().flat_map(|row| all(row, "seen")).collect();
    let shown: Vec<&csv::StringRecord> = lines.iter().filter(|line| &line[at("state")] == "seen").collect();
    assert_eq!(seen.len(), shown.len());
    for (seen, line) in seen.iter().zip(shown) {
        for field in ["flows", "bytes_out", "bytes_in", "first_frame", "destination", "input"] {
            assert_eq!(seen[field].to_string(), line[at(field)], "{field}");
        }
    }
    let destinations = csv_rows(&inspect(&["--manifest", STUDY, "--format", "csv"])).1;
    assert_eq!(destinations.len(), all(&report, "destinations").len(), "csv stays the destinations");
    let text = inspect(&["--manifest", STUDY, "--format", "jsonl"]);
    let read: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (kind, field) in [("cell", "cells"), ("matrix_row", "matrix"), ("difference", "differences")] {
        let of_kind = read.iter().filter(|line| line["type"] == kind).cloned();
        let mut of_kind: Vec<Value> = of_kind.collect();
        for line in &mut of_kind {
            line.as_object_mut().unwrap().remove("type");
        }
        assert_eq!(&of_kind, all(&report, field), "{kind}");
    }
}

#[test]
fn the_report_does_not_depend_on_the_number_of_threads() {
    let (_folder, manifest) = folder(MANIFEST);
    for format in ["table", "json", "jsonl", "csv", "matrix-csv"] {
        let of = |threads: &str| inspect(&["--manifest", &manifest, "-j", threads, "--format", format]);
        assert!(of("1") == of("2"), "{format}");
    }
}

#[test]
fn each_cell_has_a_vantage_of_its_own() {
    // A server that answers in some milliseconds from Frankfurt is not near a client in Japan: only that cell is in dispute.
    let text = MANIFEST.replace("file = \"b.pcapng\"", "file = \"b.pcapng\"\nvantage = \"JP\"");
    let (_folder, manifest) = folder(&text);
    let report = json(&["--manifest", &manifest]);
    let conflicts = all(&report["quality"], "vantage_conflicts");
    assert!(
        !conflicts.is_empty() && conflicts.iter().all(|conflict| conflict["input"] == 1),
        "{conflicts:?}"
    );
    assert_eq!(conflicts[0]["vantage"], "JP (by the manifest)");
    let remarks = report["quality"]["remarks"].to_string();
    assert!(remarks.contains("the user says NL (the manifest)"), "{remarks}");
    assert!(remarks.contains("which is not what the manifest says"), "{remarks}");
    // What is said of all captures is what counts for the others.
    let report = json(&["--manifest", &manifest, "--vantage", "DE"]);
    let says = report["quality"]["vantage"]["says"].to_string();
    for part in ["NL (the manifest)", "JP (the manifest)", "DE (--vantage)"] {
        assert!(says.contains(part), "{says}");
    }
    let stood: Vec<&Value> = all(&report, "cells").iter().map(|cell| &cell["vantage"]).collect();
    assert_eq!(stood, ["NL", "JP", "DE"]);
}

#[test]
fn a_cell_has_marks_of_its_own() {
    let text = MANIFEST.replace("build = \"6.1\"\nvantage", "build = \"6.1\"\nmarks = \"a.csv\"\nvantage");
    let text = format!("{text}marks = \"c.csv\"\n");
    let (folder, manifest) = folder(&text);
    fs::write(folder.path().join("a.csv"), "frame,label\n1,start\n500,talk\n").unwrap();
    fs::write(folder.path().join("c.csv"), "at,label,input\n+0.5,read mail,0\n+2,again,c.pcapng\n").unwrap();
    let report = json(&["--manifest", &manifest]);
    let step = |step: &Value| (step["input"].as_u64().unwrap(), step["label"].as_str().unwrap().to_owned());
    let steps: Vec<_> = all(&report, "steps").iter().map(step).collect();
    let expected = [(0, "start"), (0, "talk"), (2, "read mail"), (2, "again")];
    assert_eq!(steps, expected.map(|(input, label)| (input, label.to_owned())));
    // Wrong marks are named by their own line, and so is one beyond the capture.
    fs::write(folder.path().join("a.csv"), "frame,label\n1,start\nx,talk\n").unwrap();
    assert_refused(&borderpost(&["inspect", "--manifest", &manifest]), &["a.csv:3"]);
    fs::write(folder.path().join("a.csv"), "frame,label,input\n1,start,b.pcapng\n").unwrap();
    let output = borderpost(&["inspect", "--manifest", &manifest]);
    assert_refused(&output, &["a.csv", "no capture of the cell windows-6.1 is called b.pcapng"]);
    fs::write(folder.path().join("a.csv"), "frame,label\n9999999,late\n").unwrap();
    let output = borderpost(&["inspect", "--manifest", &manifest]);
    assert_eq!(status(&output), 2);
    assert!(err(&output).contains("a.csv"), "{}", err(&output));
}

#[test]
fn a_wrong_manifest_is_refused_with_its_line() {
    let cell = "[[cell]]\nfile = \"a.pcapng\"\n";
    let cases = [
        ("title = \"nothing\"\n".to_owned(), "study.toml:1:", "no cell"),
        (format!("{cell}[[cell]]\nfile = \"missing.pcapng\"\n"), "study.toml:4:", "missing.pcapng"),
        (
            format!("{cell}name = \"x\"\n[[cell]]\nfile = \"b.pcapng\"\nname = \"x\"\n"),
            "study.toml:6:",
            "the key \"x\"",
        ),
        (format!("{cell}vantage = \"Atlantis\"\n"), "study.toml:3:", "`Atlantis` is no country code"),
        (format!("{cell}marks = \"none.toml\"\n"), "study.toml:3:", "no such marks file"),
        (format!("{cell}colour = \"red\"\n"), "study.toml:3:", "unknown field `colour`"),
        (format!("{cell}[[cell]]\nname = \"y\"\nfile = \"./a.pcapng\"\n"), "study.toml:5:", "line 2 already"),
        ("[[cell]\n".to_owned(), "study.toml:1:", "\n"),
    ];
    for (text, at, part) in cases {
        let (_folder, manifest) = folder(&text);
        assert_refused(&borderpost(&["inspect", "--manifest", &manifest]), &[at, part]);
    }
    assert_refused(
        &borderpost(&["inspect", "--manifest", "no-such.toml"]),
        &["no-such.toml", "--manifest takes"],
    );
}

#[test]
fn what_does_not_go_together_is_refused() {
    let (folder, manifest) = folder(MANIFEST);
    assert_refused(&borderpost(&["inspect", "--manifest", &manifest, "a.pcapng"]), &["cannot be used with"]);
    assert_refused(&borderpost(&["inspect", "--manifest", &manifest, "--join"]), &["cannot be used with"]);
    let capture = folder.path().join("a.pcapng");
    let capture = capture.to_str().unwrap();
    let output = borderpost(&["inspect", "--format", "matrix-csv", capture]);
    assert_refused(&output, &["--manifest or --by-folder"]);
    assert_refused(&borderpost(&["inspect", "--by-folder", "-"]), &["standard input"]);
    // An output never replaces what it was made from.
    #[cfg(unix)]
    for input in [capture, manifest.as_str()] {
        let target = folder.path().join(format!("{}.txt", input.len()));
        std::os::unix::fs::symlink(input, &target).unwrap();
        let output = borderpost(&["inspect", "--manifest", &manifest, "-o", target.to_str().unwrap()]);
        assert_refused(&output, &["is an input"]);
    }
}

#[test]
fn a_cell_that_cannot_be_read_or_has_nothing_of_the_client_is_not_compared() {
    let text = format!("{MANIFEST}\n[[cell]]\nfile = \"notes.txt\"\n[[cell]]\nfile = \"none.pcap\"\n");
    let (folder, manifest) = folder(&text);
    fs::write(folder.path().join("notes.txt"), "no capture at all\n").unwrap();
    let mut header = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    header.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0]);
    fs::write(folder.path().join("none.pcap"), header).unwrap();
    let output = borderpost(&["inspect", "--manifest", &manifest, "--format", "json"]);
    assert_eq!(status(&output), 2, "{}", err(&output));
    let line = text.lines().position(|line| line.contains("notes.txt")).unwrap() + 1;
    let named = format!("study.toml:{line}: cannot read ");
    assert!(err(&output).contains(&named) && err(&output).contains("notes.txt"), "{}", err(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let states: Vec<&str> =
        all(&report, "cells").iter().map(|cell| cell["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["compared", "compared", "compared", "not_read", "nothing_recognised"]);
    for row in all(&report, "matrix") {
        assert!(all(row, "not_seen_in").iter().all(|cell| cell.as_u64().unwrap() < 4), "{row}");
    }
    let differences = report["differences"].to_string();
    assert!(!differences.contains("notes") && !differences.contains("none"), "{differences}");
    let table = out(&borderpost(&["inspect", "--manifest", &manifest]));
    assert!(
        table.contains("none of its captures could be read") && table.contains("left out here: 4, 5."),
        "{table}"
    );
    assert!(table.contains("no traffic of the client"), "{table}");
}

#[test]
fn a_cell_whose_capture_has_gaps_says_so() {
    let text = format!("{MANIFEST}\n[[cell]]\nname = \"cut\"\nfile = \"cut.pcapng\"\n");
    let (folder, manifest) = folder(&text);
    let whole = fs::read(folder.path().join("b.pcapng")).unwrap();
    fs::write(folder.path().join("cut.pcapng"), &whole[..whole.len() / 2]).unwrap();
    let damaged = "cut.pcapng: damaged at byte ";
    let report = told(&["--manifest", &manifest, "--format", "json"], damaged);
    let report: Value = serde_json::from_str(&report).unwrap();
    let cut = &report["cells"][3];
    assert_eq!(cut["limits"], serde_json::json!(["[3] is damaged", "[3] ends before a meeting is left"]));
    assert_eq!(report["cells"][1]["limits"], serde_json::json!([]));
    assert!(
        report["differences"].to_string().contains("cut (incomplete): not seen"),
        "{}",
        report["differences"]
    );
    let table = told(&["--manifest", &manifest], damaged);
    assert!(table.contains("! incomplete: [3] is damaged; [3] ends before a meeting is left"), "{table}");
}

#[test]
fn folders_are_cells_without_a_manifest() {
    let root = tempfile::tempdir().unwrap();
    for (name, captures) in
        [("mac", vec!["eea-meeting"]), ("win", vec!["eu-meeting-us-telemetry", "third-parties"])]
    {
        fs::create_dir(root.path().join(name)).unwrap();
        for capture in captures {
            let file = format!("{capture}.pcapng");
            fs::copy(shipped(&file), root.path().join(name).join(&file)).unwrap();
        }
    }
    let path = root.path().to_str().unwrap();
    let report = json(&["--by-folder", path]);
    assert_eq!(names(&report), ["mac", "win"]);
    assert_eq!(report["cells"][1]["inputs"], serde_json::json!([1, 2]));
    assert_eq!(report["study"]["manifest"], Value::Null);
    // A capture beside the folders is a cell of its own.
    fs::copy(shipped("eea-meeting.pcapng"), root.path().join("ios.pcapng")).unwrap();
    assert_eq!(names(&json(&["--by-folder", path])), ["ios.pcapng", "mac", "win"]);
    let inner = root.path().join("win");
    let output = borderpost(&["inspect", "--by-folder", path, inner.to_str().unwrap()]);
    assert_refused(&output, &["win", "name it once"]);
}

#[test]
fn text_of_a_manifest_reaches_no_format_raw() {
    let text =
        MANIFEST.replace("Three platforms", "\\u001b[31m\\u202e=1").replace("\"mail\"", "\"=\\u001b]0;x\"");
    let (_folder, manifest) = folder(&text);
    for format in ["table", "json", "jsonl", "csv", "matrix-csv"] {
        let shown = inspect(&["--manifest", &manifest, "--format", format]);
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{format}");
    }
    let (header, lines) = csv_rows(&inspect(&["--manifest", &manifest, "--format", "matrix-csv"]));
    let name = header.iter().position(|column| column == "name").unwrap();
    assert!(lines.iter().all(|line| !line[name].starts_with('=')));
    let (_folder, manifest) = folder("[[cell]]\nfile = \"\\u001b[31m\"\n");
    let output = borderpost(&["inspect", "--manifest", &manifest]);
    assert!(!err(&output).contains('\u{1b}'), "{}", err(&output));
}

const ACCOUNTS: &str = r#"
[[cell]]
name = "vanity"
file = "a.pcapng"
sso = true
vanity_host = "example.zoom.us"
region = "EU"
marks = "marks.toml"

[[cell]]
name = "plain"
file = "b.pcapng"
sso = false
region = "EU"
"#;

/// What became of a claim in each cell.
fn outcomes<'a>(report: &'a Value, id: &str) -> Vec<&'a str> {
    let claim = all(report, "claims").iter().find(|claim| claim["id"] == id).unwrap();
    all(claim, "cells").iter().map(|cell| cell["outcome"].as_str().unwrap()).collect()
}

#[test]
fn claims_are_put_to_each_cell_with_what_the_manifest_says_of_it() {
    let (folder, manifest) = folder(ACCOUNTS);
    let marks = "[[mark]]\nframe = 1\nlabel = \"Sign in\"\n\n[[mark]]\nframe = 130\nlabel = \"join\"\n";
    fs::write(folder.path().join("marks.toml"), marks).unwrap();
    let report = json(&["--manifest", &manifest, "--claims", "surf-2022,surf-2024"]);
    assert_eq!(outcomes(&report, "L01"), ["contradicted", "supported"]);
    assert_eq!(outcomes(&report, "L06"), ["contradicted", "not_exercised"], "the marked step is the sign-in");
    let whole = all(&report, "claims").iter().find(|claim| claim["id"] == "L02").unwrap();
    assert_ne!(whole["brief"], "the capture does not say: region", "every cell says the same of it");
    let whole = all(&report, "claims").iter().find(|claim| claim["id"] == "L07").unwrap();
    assert_eq!(whole["outcome"], "not_decidable", "the cells say different things of the account");
    let table = inspect(&["--manifest", &manifest]);
    let flat = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("L01 differs between cells: contradicted in vanity; nothing speaks against in plain"),
        "{table}"
    );
}

//! What pipelines read: JUnit, annotations, Markdown, the exit status beside them; and what a hostile name can do to any of
//! them, and to the table.
//!
//! JUnit is read by a public reader of the format, `quick-junit`.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::fs;
use std::path::Path;

use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use unicode_width::UnicodeWidthStr as _;

use self::common::{assert_refused, borderpost, command, err, out, status};

const EU_MEETING: &str = "captures/eu-meeting-us-telemetry.pcapng";
const EEA_MEETING: &str = "captures/eea-meeting.pcapng";
const THIRD_PARTIES: &str = "captures/third-parties.pcapng";
const WIDTH: usize = 80;
const CONDITIONS: [&str; 6] = ["outside", "unlisted", "undetermined", "nothing-recognised", "lossy", "moved"];

/// The cases that fail, by condition and name, and how many are skipped and are errors.
fn read(junit: &str) -> (Vec<(String, String)>, usize, usize) {
    // This reader wants the zone of a time, which the schema of Ant's reports forbids.
    let report = Report::deserialize_from_str(&junit.replace("\" hostname=", "Z\" hostname=")).unwrap();
    let (mut failed, mut skipped, mut errors) = (Vec::new(), 0, 0);
    for suite in &report.test_suites {
        for case in &suite.test_cases {
            match &case.status {
                TestCaseStatus::Success { .. } => {}
                TestCaseStatus::Skipped { .. } => skipped += 1,
                TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, .. } => {
                    failed.push((suite.name.to_string(), case.name.to_string()));
                }
                TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. } => errors += 1,
            }
        }
        assert_eq!(suite.tests, suite.test_cases.len());
    }
    (failed, skipped, errors)
}

#[test]
fn what_prints_is_what_decides() {
    for capture in [EU_MEETING, EEA_MEETING, THIRD_PARTIES] {
        for condition in CONDITIONS {
            for grade in ["possible", "likely", "confirmed"] {
                let asked =
                    ["--exclusive", "--fail-on", condition, "--min-grade", grade, "--annotate", "github"];
                let run = |format: &str| {
                    borderpost(&[&["inspect", capture, "--format", format], &asked[..]].concat())
                };
                let output = run("junit");
                let (failed, ..) = read(&out(&output));
                let expected = match (failed.is_empty(), condition) {
                    (true, _) => 0,
                    (false, "undetermined") => 3,
                    (false, _) => 1,
                };
                assert_eq!(status(&output), expected, "{capture} {condition} {grade}");
                let commands = err(&output).lines().filter(|line| line.starts_with("::")).count();
                assert_eq!(commands, failed.len(), "{capture} {condition} {grade}");
                assert!(failed.iter().all(|(suite, _)| suite == condition));
                let issues: serde_json::Value = serde_json::from_str(&out(&run("gitlab"))).unwrap();
                assert_eq!(issues.as_array().unwrap().len(), failed.len());
            }
        }
    }
}

#[test]
fn what_is_not_known_is_skipped_and_what_is_not_read_is_an_error() {
    let output =
        borderpost(&["inspect", "--fail-on", "outside", "--format", "junit", THIRD_PARTIES, "no-such.pcap"]);
    let (failed, skipped, errors) = read(&out(&output));
    assert_eq!((status(&output), failed.len(), errors), (2, 0, 1), "{}", err(&output));
    assert!(skipped > 0 && out(&output).contains("<skipped message=\"place undetermined: "));
    assert!(out(&output).contains("no-such.pcap"));
}

/// The schema of Ant's reports, as far as it asks for something.
#[test]
fn junit_has_what_the_schemas_ask_for() {
    let text = out(&borderpost(&["inspect", "--fail-on", "unlisted", "--format", "junit", EU_MEETING]));
    let suites: Vec<&str> = text.lines().filter(|line| line.contains("<testsuite ")).collect();
    for (id, suite) in suites.iter().enumerate() {
        let asked =
            ["package=", "name=", "timestamp=", "hostname=", "tests=", "failures=", "errors=", "time="];
        assert!(asked.iter().all(|name| suite.contains(&format!(" {name}\""))), "{suite}");
        assert!(suite.contains(&format!(" id=\"{id}\"")), "{suite}");
    }
    for element in ["<properties>", "<system-out>", "<system-err>"] {
        assert_eq!(text.matches(element).count(), suites.len());
    }
    assert!(
        text.lines()
            .filter(|line| line.contains("<failure "))
            .all(|line| line.contains(" type=\"unlisted\""))
    );
}

#[test]
fn a_pipeline_that_asks_for_nothing_is_told_so() {
    for format in ["junit", "gitlab"] {
        assert_refused(&borderpost(&["inspect", "--format", format, EEA_MEETING]), &["--fail-on"]);
    }
    assert_refused(&borderpost(&["inspect", "--annotate", "github", EEA_MEETING]), &["--fail-on"]);
}

#[test]
fn every_format_goes_to_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (md, xml, json) = (path("a.md"), path("a.xml"), path("a.codequality.json"));
    let output =
        borderpost(&["inspect", "--fail-on", "outside", "-o", &md, "-o", &xml, "-o", &json, EU_MEETING]);
    assert_eq!((status(&output), out(&output)), (1, String::new()));
    assert!(
        fs::read_to_string(md)
            .unwrap()
            .starts_with("# Where the Zoom client's traffic went\n\n- Shown outside")
    );
    assert!(!read(&fs::read_to_string(xml).unwrap()).0.is_empty());
    let issues: serde_json::Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(issues[0]["location"]["path"], EU_MEETING);
}

#[test]
fn markdown_says_of_every_destination_what_the_table_says() {
    for options in [
        &["captures/trust-and-safety.pcapng"][..],
        &[EU_MEETING, THIRD_PARTIES],
        &["--manifest", "captures/study.toml"],
    ] {
        let run = |format| out(&borderpost(&[&["inspect", "--format", format], options].concat()));
        let report: serde_json::Value = serde_json::from_str(&run("json")).unwrap();
        let text = run("md");
        for d in report["destinations"].as_array().unwrap() {
            let row = format!("| {} | `{}` |", d["id"], d["host_pattern"].as_str().unwrap());
            assert_eq!(text.matches(&row).count(), 1, "{row}");
            assert!(text.contains(&format!("      {}\n", d["display_filter"].as_str().unwrap())));
        }
        for step in report["steps"].as_array().unwrap() {
            assert!(text.contains(&format!("| {} | `{}` |", step["id"], step["label"].as_str().unwrap())));
        }
        for claim in report["claims"].as_array().unwrap() {
            assert!(text.contains(&format!("`{}`", claim["id"].as_str().unwrap())));
        }
        // Every row has as many cells as its head; a bar in a cell stands as an escape.
        let mut width = 0;
        for line in text.lines() {
            let bars = line.matches('|').count();
            let is_row = line.starts_with('|');
            assert!(!is_row || width == 0 || bars == width, "{line}");
            width = if is_row { bars } else { 0 };
        }
    }
}

/// Names that a user's files or a capture's path can carry.
fn hostile_names() -> Vec<String> {
    let mut names = vec![
        "=HYPERLINK(\"http://evil.example\")".to_owned(),
        "</testcase><script>alert(1)</script>".to_owned(),
        "a`b|c @octo [x](http://evil.example)".to_owned(),
        "\u{1b}[31m\u{202e}desrever".to_owned(),
        "::stop-commands::x%0A::error::y".to_owned(),
        format!("{} ::stop-commands::x ##[group]y", "z".repeat(66)),
        "日本語".repeat(60),
    ];
    names.push("x".repeat(200));
    names
}

#[test]
fn hostile_labels_are_text_in_every_format_and_fit_the_table() {
    for name in hostile_names() {
        let mark = format!("2024-06-18T08:31:10Z={name}");
        let run = |format: &str| {
            let output = borderpost(&[
                "inspect",
                EU_MEETING,
                "--mark",
                &mark,
                "--format",
                format,
                "--fail-on",
                "outside",
                "--annotate",
                "github",
            ]);
            assert_eq!(status(&output), 1, "{}", err(&output));
            assert!(
                err(&output).lines().all(|line| line.starts_with("::error file=captures/")),
                "{}",
                err(&output)
            );
            out(&output)
        };
        let table = run("table");
        assert_narrow(&table);
        assert!(!table.contains(['\u{1b}', '\u{202e}']));
        assert!(
            table.lines().all(|line| !line.trim_start().starts_with("::") && !line.contains("##[")),
            "{table}"
        );
        let md = run("md");
        let row = md.lines().find(|line| line.starts_with("| 1 | `") && line.contains("marked by")).unwrap();
        assert_eq!(row.matches('|').count(), 7, "{row}");
        read(&run("junit"));
    }
}

#[test]
fn hostile_paths_are_text_in_every_format_and_fit_the_table() {
    let folder = tempfile::tempdir().unwrap();
    for name in hostile_names().iter().map(|name| name.replace('/', "_")) {
        let short: String = name.chars().take(60).collect();
        let path = folder.path().join(format!("{short}.pcapng"));
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(EU_MEETING), &path).unwrap();
        let path = path.to_str().unwrap();
        let run = |format: &str| {
            let asked = ["--fail-on", "outside", "--annotate", "github"];
            borderpost(&[&["inspect", path, "--format", format], &asked[..]].concat())
        };
        assert_narrow(&out(&run("table")));
        let (failed, ..) = read(&out(&run("junit")));
        assert_eq!(err(&run("junit")).lines().count(), failed.len());
        let md = out(&run("md"));
        assert!(!md.lines().any(|line| line.contains("<script>") && !line.contains('`')), "{md}");
    }
}

#[test]
fn no_cell_of_the_csv_is_a_formula() {
    let folder = tempfile::tempdir().unwrap();
    let register = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/verdict/registers/surf-2024.toml");
    let own = fs::read_to_string(register).unwrap().replace("id = \"zoom-eea\"", "id = \"=1+1\"");
    let path = folder.path().join("own.toml");
    fs::write(&path, own).unwrap();
    let output =
        borderpost(&["inspect", "--format", "csv", "--register", path.to_str().unwrap(), EU_MEETING]);
    let text = out(&output);
    assert!(text.contains(",'=1+1,") || err(&output).contains("=1+1"), "{text}{}", err(&output));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    for record in reader.records() {
        for cell in &record.unwrap() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']), "{cell}");
        }
    }
}

fn assert_narrow(text: &str) {
    for line in text.lines() {
        assert!(line.width() <= WIDTH, "{} columns: {line}", line.width());
    }
}

#[test]
fn every_recorded_table_fits_eighty_columns() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let tables: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .filter(|path| !path.ends_with("help.txt"))
        .collect();
    assert!(tables.len() > 10);
    for path in tables {
        assert_narrow(&fs::read_to_string(path).unwrap());
    }
}

#[test]
fn colour_is_only_where_it_is_asked_for() {
    // Standard output is no terminal here, so `auto` is without colour whatever the environment says.
    let run = |when: &str, name: &str, value: &str| {
        let output = command(&["inspect", "--color", when, EEA_MEETING]).env(name, value).output().unwrap();
        out(&output)
    };
    let plain = run("never", "TERM", "xterm");
    assert!(!plain.contains('\u{1b}'));
    for (name, value) in [("TERM", "xterm"), ("TERM", "dumb"), ("NO_COLOR", "1"), ("NO_COLOR", "")] {
        assert_eq!(run("auto", name, value), plain);
        let coloured = run("always", name, value);
        assert!(coloured.contains("\u{1b}[1m"), "asked for by name, it is there");
        // Colour repeats what words say.
        assert_eq!(coloured.replace("\u{1b}[1m", "").replace("\u{1b}[0m", ""), plain);
    }
}

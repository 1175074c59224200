//! Golden reports: shipped captures under a policy against `tests/golden/CAPTURE.POLICY.FORMAT`, byte for byte.
//!
//! `UPDATE_GOLDEN=1 cargo test --test golden` rewrites them; the change travels in the commit of its cause.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const CASES: &[(&str, &str, &[&str])] = &[
    ("eu-meeting-us-telemetry", "default", &[]),
    ("eu-meeting-us-telemetry", "no-register", &["--register", "none"]),
    ("eu-meeting-us-telemetry", "vantage", &["--vantage", "NL"]),
    ("eea-meeting", "default", &[]),
    ("third-parties", "default", &[]),
    ("third-parties", "exclusive", &["--exclusive"]),
];

/// Captures of which the table alone is recorded, under the default policy: what they add is in it.
const TABLES: &[&str] = &[
    "browser-join",
    "ipv6-only",
    "joined-midway",
    "through-a-vpn",
    "traveller",
    "trust-and-safety",
    "webinar-invitation",
];

/// Captures and formats that are recorded in Dutch, too.
const DUTCH: &[(&str, &str, &str)] =
    &[("eu-meeting-us-telemetry", "md", "md"), ("third-parties", "table", "txt")];

/// Captures of which the page is recorded.
const PAGES: &[&str] = &["eea-meeting"];

#[test]
fn the_reports_of_shipped_captures_are_as_recorded() {
    let mut differing = Vec::new();
    let no_options: &[&str] = &[];
    let both =
        CASES.iter().flat_map(|case| [("table", "txt"), ("json", "json")].map(|format| (*case, format)));
    let tables = TABLES.iter().map(|capture| ((*capture, "default", no_options), ("table", "txt")));
    let pages = PAGES.iter().map(|capture| ((*capture, "default", no_options), ("html", "html")));
    for ((capture, policy, options), (format, extension)) in both.chain(tables).chain(pages) {
        let made = report(
            &[options, ["--format", format].as_slice()].concat(),
            &format!("captures/{capture}.pcapng"),
        );
        let path = root().join(format!("tests/golden/{capture}.{policy}.{extension}"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &made).unwrap();
        } else if fs::read_to_string(&path).ok().as_ref() != Some(&made) {
            differing.push(first_difference(&path, &made));
        }
    }
    assert!(differing.is_empty(), "{}\n(UPDATE_GOLDEN=1 rewrites them)", differing.join("\n"));
}

/// Markdown, of a capture with flagged destinations, of one with steps, and of the study.
#[test]
fn the_markdown_of_shipped_captures_is_as_recorded() {
    for (name, capture) in [
        ("eu-meeting-us-telemetry.default.md", &["captures/eu-meeting-us-telemetry.pcapng"][..]),
        ("trust-and-safety.default.md", &["captures/trust-and-safety.pcapng"]),
        ("study.md", &["--manifest", "captures/study.toml"]),
    ] {
        let (last, options) = capture.split_last().unwrap();
        let made = report(&[&["--format", "md"], options].concat(), last);
        let path = root().join("tests/golden").join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &made).unwrap();
        }
        assert!(fs::read_to_string(&path).ok() == Some(made.clone()), "{}", first_difference(&path, &made));
    }
}

#[test]
fn the_dutch_of_shipped_captures_is_as_recorded() {
    for (capture, format, extension) in DUTCH {
        let made = report(&["--lang", "nl", "--format", format], &format!("captures/{capture}.pcapng"));
        let path = root().join(format!("tests/golden/{capture}.nl.{extension}"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &made).unwrap();
        }
        assert!(fs::read_to_string(&path).ok() == Some(made.clone()), "{}", first_difference(&path, &made));
    }
}

#[test]
fn the_study_of_shipped_captures_is_as_recorded() {
    for (format, extension) in [("table", "txt"), ("matrix-csv", "matrix.csv")] {
        let made = report(&["--format", format, "--manifest"], "captures/study.toml");
        let path = root().join(format!("tests/golden/study.{extension}"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &made).unwrap();
        }
        assert!(fs::read_to_string(&path).ok() == Some(made.clone()), "{}", first_difference(&path, &made));
    }
}

#[test]
fn the_info_of_shipped_captures_is_as_recorded() {
    let output = Command::new(env!("CARGO_BIN_EXE_borderpost"))
        .args(["info", "captures"])
        .current_dir(root())
        .output()
        .unwrap();
    let made = String::from_utf8(output.stdout).unwrap();
    let path = root().join("tests/golden/info.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &made).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), made);
}

#[test]
fn help_is_as_recorded() {
    let mut made = String::new();
    for arguments in [
        &["help"][..],
        &["help", "inspect"],
        &["help", "capture"],
        &["help", "explain"],
        &["help", "register"],
        &["help", "claims"],
        &["help", "geoip"],
        &["help", "geoip", "build"],
        &["help", "geoip", "import"],
        &["help", "info"],
        &["help", "doctor"],
        &["help", "verify"],
        &["help", "redact"],
        &["help", "completions"],
        &["help", "man"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_borderpost"))
            .args(arguments)
            .env("COLUMNS", "100")
            .output()
            .unwrap();
        writeln!(made, "$ borderpost {}\n{}", arguments.join(" "), String::from_utf8(output.stdout).unwrap())
            .unwrap();
    }
    let path = root().join("tests/golden/help.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &made).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), made);
}

#[test]
fn two_runs_give_the_same_bytes() {
    let run = || report(&["--format", "json"], "captures");
    assert_eq!(run(), run());
}

fn report(options: &[&str], capture: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_borderpost"));
    let output = command.arg("inspect").args(options).arg(capture).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn first_difference(path: &std::path::Path, made: &str) -> String {
    let name = path.file_name().unwrap().to_string_lossy();
    let Ok(recorded) = fs::read_to_string(path) else { return format!("{name}: not recorded") };
    let mut lines = recorded.lines().zip(made.lines()).enumerate();
    match lines.find(|(_, (old, new))| old != new) {
        Some((at, (old, new))) => format!("{name}:{}:\n  recorded {old}\n  made     {new}", at + 1),
        None => format!("{name}: {} lines recorded, {} made", recorded.lines().count(), made.lines().count()),
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_readme_shows_what_the_program_prints() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown: Vec<&str> = readme.split("<!-- golden: ").skip(1).collect();
    assert_eq!(shown.len(), 3);
    for shown in shown {
        let (name, rest) = shown.split_once(" -->\n```text\n").unwrap();
        let golden = fs::read_to_string(root().join("tests/golden").join(name)).unwrap();
        for part in rest.split("\n```").next().unwrap().split("\n[…]\n") {
            assert!(golden.contains(part.trim_matches('\n')), "not in {name}:\n{part}");
        }
    }
}

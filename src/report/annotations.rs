//! The checks that hold, where a forge shows them beside a change: workflow commands for GitHub, a code quality report for
//! GitLab. The file that each names is the capture, or the file of text that is to be mended; a frame is no line, so it stands
//! in the text.
//!
//! Input: checks as they are told, what failed beside them. Output: text. Must not: decide what fails.

use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::report::checks::Check;
use crate::report::schema::Report;
use crate::report::text::{clean, escape};
use crate::report::told::{Severity, Told, told};

/// The checks of a report, one workflow command a line.
#[must_use]
pub fn github(report: &Report, checks: &[Check<'_>], failures: &[String]) -> String {
    github_of(&told(report, checks), failures)
}

/// One workflow command a line, made to be read off a job's log: an error for each check that holds, a warning for what
/// matters less, an error for each failure.
#[must_use]
pub fn github_of(checks: &[Told], failures: &[String]) -> String {
    let mut out = String::new();
    for failure in failures {
        out.push_str(&command("error", (None, None), "not read or used", failure));
    }
    for check in checks {
        let Some(says) = check.held() else { continue };
        let level = if check.severity == Severity::Minor { "warning" } else { "error" };
        let file = check.file.as_deref().map(relative);
        out.push_str(&command(level, (file, check.line), check.title, &in_words(check, says)));
    }
    out
}

/// A text of which no line is a workflow command, for the log that the commands are read off: one that begins with `::`, or
/// has a command of the older form, shows its first character as `\u{…}`.
#[must_use]
pub fn inert(text: &str) -> String {
    let line = |line: &str| {
        let inner = line.trim_start();
        let line = match inner.strip_prefix("::") {
            Some(rest) => format!("{}\\u{{3a}}:{rest}", &line[..line.len() - inner.len()]),
            None => line.to_owned(),
        };
        line.replace("##[", "\\u{23}#[")
    };
    text.split('\n').map(line).collect::<Vec<String>>().join("\n")
}

/// `zoom*zc.zoom.us, sign in, in US: outside the EEA: US, likely (frame 5)`.
fn in_words(check: &Told, says: &str) -> String {
    let frame = check.frame.map(|frame| format!(" (frame {frame})")).unwrap_or_default();
    format!("{}: {says}{frame}", check.subject)
}

fn command(level: &str, (file, line): (Option<&str>, Option<u64>), title: &str, says: &str) -> String {
    let file = file.map(|file| format!("file={},", property(file))).unwrap_or_default();
    let line = line.map(|line| format!("line={line},")).unwrap_or_default();
    format!("::{level} {file}{line}title={}::{}\n", property(title), message(says))
}

/// Text after the second `::`. A percent sign begins an escape there; line ends are none after [`clean`].
fn message(text: &str) -> String {
    clean(text).replace('%', "%25")
}

/// The value of a property, which a comma or a colon would end.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

/// Forges take paths from the root of the repository, without a `./`.
fn relative(path: &str) -> &str {
    path.trim_start_matches("./")
}

/// A row of a code quality report (GitLab's part of the Code Climate format).
#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u64,
}

/// The checks of a report that hold as one JSON array; none where none does.
#[must_use]
pub fn gitlab(report: &Report, checks: &[Check<'_>], failures: &[String]) -> String {
    gitlab_of(&told(report, checks), failures)
}

/// The checks that hold as one JSON array; none where none does.
#[must_use]
pub fn gitlab_of(checks: &[Told], failures: &[String]) -> String {
    let failed = failures.iter().map(|says| issue("input", says.clone(), says, "blocker", ("-", None)));
    let held = checks.iter().filter_map(|check| {
        let path = check.file.as_deref().map_or("-", relative);
        let says = format!("{}: {}", check.title, in_words(check, check.held()?));
        Some(issue(check.condition, says, &check.subject, severity(check.severity), (path, check.line)))
    });
    let issues: Vec<Issue<'_>> = failed.chain(held).collect();
    // These types have no fallible serialiser, so this cannot fail.
    let mut text = escape(&serde_json::to_string_pretty(&issues).unwrap_or_default());
    text.push('\n');
    text
}

/// What stays the same from run to run tells an issue from the others, so that the forge shows what is new.
fn issue<'a>(
    condition: &str,
    description: String,
    subject: &str,
    severity: &'static str,
    (path, line): (&'a str, Option<u64>),
) -> Issue<'a> {
    let hash = Sha256::digest(format!("{condition}\n{path}\n{subject}"));
    Issue {
        description,
        check_name: format!("borderpost/{condition}"),
        fingerprint: hash.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
        severity,
        // The format asks for a line, and a capture has none.
        location: Location { path, lines: Lines { begin: line.unwrap_or(1) } },
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Major => "major",
        Severity::Minor => "minor",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::checks::{Condition, MinGrade, checks};
    use crate::report::sample::{destination, flagged, report};

    const ASKED: [Condition; 2] = [Condition::Unlisted, Condition::Undetermined];

    #[test]
    fn commands_cannot_be_broken_out_of() {
        let mut hostile = flagged("likely");
        hostile.host_pattern = "a%0A::set-env name=b::c\r\n::stop-commands::d".to_owned();
        let given = report(vec![hostile, destination("undetermined", "anycast")]);
        let text = github(&given, &checks(&given, &ASKED, MinGrade::Likely), &["x,y: z".to_owned()]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[0], "::error title=not read or used::x,y: z");
        assert!(
            lines[1].starts_with("::error title=destination outside the EEA and not listed::a%250A::set-env")
        );
        assert!(lines[1].contains("\\u{d}\\u{a}") && lines[1].ends_with(" (frame 5)"), "{text}");
        assert!(lines[2].starts_with("::warning title=destination not placeable::"), "{text}");
        assert_eq!(property("a,b:c%"), "a%2Cb%3Ac%25");
    }

    #[test]
    fn text_beside_commands_holds_none() {
        let text = "a ::b\n  ::stop-commands::x\n::error::y ##[group]\n";
        assert_eq!(inert(text), "a ::b\n  \\u{3a}:stop-commands::x\n\\u{3a}:error::y \\u{23}#[group]\n");
    }

    #[test]
    fn issues_are_told_apart_and_stay_the_same() {
        let given = report(vec![flagged("likely"), flagged("likely"), destination("eea", "likely")]);
        let made = || gitlab(&given, &checks(&given, &ASKED, MinGrade::Likely), &["a.pcap: gone".to_owned()]);
        let issues: serde_json::Value = serde_json::from_str(&made()).unwrap();
        let prints: std::collections::BTreeSet<&str> =
            issues.as_array().unwrap().iter().map(|issue| issue["fingerprint"].as_str().unwrap()).collect();
        assert_eq!((prints.len(), issues.as_array().unwrap().len()), (3, 3));
        assert_eq!(issues[1]["severity"], "critical");
        assert_eq!(issues[1]["location"]["lines"]["begin"], 1);
        assert_eq!(made(), made());
        assert_eq!(gitlab(&given, &[], &[]), "[]\n");
    }
}

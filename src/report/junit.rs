//! The checks of `--fail-on` as JUnit XML, for pipelines: a suite for each condition with a case for each thing that it was put
//! to, and a suite of the inputs before them, in which what could not be read is an error. A condition that holds is a
//! failure, one of which it is not known whether it holds is skipped, with the reason: it passed nothing.
//!
//! Valid by the two schemas in common use, that of Ant's JUnit reports (where the captures' time is known) and that of
//! Jenkins. Times taken are 0, so that the same input gives the same bytes.
//!
//! Input: checks as they are told, what they are of, what failed beside them. Output: text. Must not: decide what fails.

use std::fmt::Write as _;

use crate::report::checks::{Check, Outcome};
use crate::report::schema::Report;
use crate::report::told::{Head, Told, told};
use crate::report::xml::escaped;

/// Writes the checks of a report. `failures` say what could not be read or used.
#[must_use]
pub fn junit(report: &Report, checks: &[Check<'_>], failures: &[String]) -> String {
    junit_of(&Head::of(report), &told(report, checks), failures)
}

/// Writes checks of anything.
#[must_use]
pub fn junit_of(head: &Head, checks: &[Told], failures: &[String]) -> String {
    let mut suites = vec![Suite { name: "inputs".to_owned(), cases: inputs(head, failures) }];
    for check in checks {
        let name = check.condition;
        let case =
            Case { name: check.subject.clone(), result: result(check), details: check.details.clone() };
        match suites.iter_mut().find(|suite| suite.name == name) {
            Some(suite) => suite.cases.push(case),
            None => suites.push(Suite { name: name.to_owned(), cases: vec![case] }),
        }
    }
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for (id, suite) in suites.iter().enumerate() {
        out.push_str(&suite.written(id, head));
    }
    out.push_str("</testsuites>\n");
    out
}

struct Suite {
    name: String,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    result: Verdict,
    /// Lines below a failure.
    details: Vec<String>,
}

enum Verdict {
    Passed,
    Skipped(String),
    Failed { kind: &'static str, says: String },
    Error(String),
}

fn result(check: &Told) -> Verdict {
    match &check.outcome {
        Outcome::Clear => Verdict::Passed,
        Outcome::Open(why) => Verdict::Skipped(why.clone()),
        Outcome::Holds(says) => Verdict::Failed { kind: check.condition, says: says.clone() },
    }
}

/// Whether each input could be read. Damage is a condition of its own.
fn inputs(head: &Head, failures: &[String]) -> Vec<Case> {
    let case = |name: String, result| Case { name, result, details: Vec::new() };
    let read = head.inputs.iter().map(|input| case(input.clone(), Verdict::Passed));
    let failed = failures.iter().zip(1..);
    let failed = failed
        .map(|(says, number)| case(format!("not read or used ({number})"), Verdict::Error(says.clone())));
    read.chain(failed).collect()
}

impl Suite {
    fn written(&self, id: usize, head: &Head) -> String {
        let number =
            |holds: fn(&Verdict) -> bool| self.cases.iter().filter(|case| holds(&case.result)).count();
        let failures = number(|result| matches!(result, Verdict::Failed { .. }));
        let errors = number(|result| matches!(result, Verdict::Error(_)));
        let skipped = number(|result| matches!(result, Verdict::Skipped(_)));
        // Writing to a String cannot fail, here and below.
        let mut out = String::new();
        let _ = writeln!(
            out,
            "  <testsuite id=\"{id}\" package=\"borderpost\" name=\"{}\"{} hostname=\"localhost\" tests=\"{}\" \
             failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"0\">",
            escaped(&self.name),
            timestamp(head),
            self.cases.len(),
        );
        let _ = writeln!(
            out,
            "    <properties>\n      <property name=\"tool\" value=\"{}\"/>\n    </properties>",
            head.tool
        );
        for case in &self.cases {
            out.push_str(&case.written(&self.name));
        }
        let said: Vec<String> = head.lines.iter().map(|line| escaped(line)).collect();
        let said = if id == 0 { said.join("\n") } else { String::new() };
        let _ = writeln!(
            out,
            "    <system-out>{said}</system-out>\n    <system-err></system-err>\n  </testsuite>"
        );
        out
    }
}

impl Case {
    fn written(&self, suite: &str) -> String {
        let head = format!(
            "    <testcase classname=\"borderpost.{suite}\" name=\"{}\" time=\"0\"",
            escaped(&self.name)
        );
        let (element, kind, says) = match &self.result {
            Verdict::Passed => return format!("{head}/>\n"),
            Verdict::Skipped(says) => {
                let says = escaped(says);
                return format!("{head}>\n      <skipped message=\"{says}\"/>\n    </testcase>\n");
            }
            Verdict::Failed { kind, says } => ("failure", *kind, says),
            Verdict::Error(says) => ("error", "input", says),
        };
        let says = escaped(says);
        let mut lines = vec![says.clone()];
        lines.extend(self.details.iter().map(|line| escaped(line)));
        let text = lines.join("\n");
        format!(
            "{head}>\n      <{element} type=\"{kind}\" message=\"{says}\">{text}</{element}>\n    </testcase>\n"
        )
    }
}

/// The captures' first moment, to the second, as the schema of Ant's reports asks; nothing is made up where there is none.
fn timestamp(head: &Head) -> String {
    let seconds = head.start.as_deref().and_then(|time| time.get(..SECONDS)).filter(|time| time.is_ascii());
    seconds.map(|time| format!(" timestamp=\"{time}\"")).unwrap_or_default()
}

/// The length of `2025-03-11T09:58:12`.
const SECONDS: usize = 19;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::checks::{Condition, MinGrade, checks};
    use crate::report::sample::{destination, flagged, report};

    #[test]
    fn failures_are_what_holds_and_what_is_open_is_skipped() {
        let mut hostile = flagged("likely");
        hostile.host_pattern = "</testcase><b>\u{1b}\"\0".to_owned();
        let given =
            report(vec![hostile, destination("undetermined", "anycast"), destination("eea", "likely")]);
        let checks = checks(&given, &[Condition::Outside, Condition::Lossy], MinGrade::Likely);
        let text = junit(&given, &checks, &["a.pcap: no such file".to_owned()]);
        assert_eq!(text.matches("<failure ").count(), checks.iter().filter_map(Check::held).count());
        assert!(text.contains(
            "name=\"outside\" hostname=\"localhost\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""
        ));
        assert!(text.contains("<error type=\"input\" message=\"a.pcap: no such file\">"));
        assert!(
            text.contains("name=\"&lt;/testcase&gt;&lt;b&gt;\\u{1b}&quot;\\u{0}, sign in, outside\""),
            "{text}"
        );
    }
}

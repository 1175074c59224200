//! Checks as pipelines and forges are told of them, whatever they were put to: a report, or two that were compared.
//!
//! Input: the checks of a [`Report`], or of a comparison. Output: [`Told`], of which JUnit and annotations are made. Must not:
//! decide what fails.

use crate::report::checks::{Check, Condition, Outcome};
use crate::report::schema::{Destination, Report};

/// What the checks are of.
#[derive(Clone, Default, Debug)]
pub struct Head {
    /// What made them: the program and its version.
    pub tool: String,
    /// The first moment of the captures.
    pub start: Option<String>,
    /// The answer in short.
    pub lines: Vec<String>,
    /// The inputs that were read.
    pub inputs: Vec<String>,
}

/// A condition put to one thing.
#[derive(Clone, Debug)]
pub struct Told {
    /// The condition's name.
    pub condition: &'static str,
    /// What a failure by it says.
    pub title: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it was put to, in words that are the same in every run and no other check of this condition has.
    pub subject: String,
    /// The file to look at.
    pub file: Option<String>,
    /// The frame in it.
    pub frame: Option<u64>,
    /// The line in it, of a file of text.
    pub line: Option<u64>,
    /// What came of it.
    pub outcome: Outcome,
    /// What else there is to say of one that holds.
    pub details: Vec<String>,
}

/// How much a check that holds matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// To be looked at: what is only not known, among others. Forges show a warning.
    Minor,
    /// To be explained.
    Major,
    /// To be stopped for.
    Critical,
}

impl Head {
    /// That of a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        Self {
            tool: format!("{} {}", report.tool.name, report.tool.version),
            start: report.inputs.iter().filter_map(|input| input.start.clone()).min(),
            lines: report.headline.lines.clone(),
            inputs: report.inputs.iter().map(|input| input.path.clone()).collect(),
        }
    }
}

impl Told {
    /// What is to be said of a condition that holds.
    #[must_use]
    pub fn held(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Holds(says) => Some(says),
            Outcome::Clear | Outcome::Open(_) => None,
        }
    }
}

/// The checks of a report.
#[must_use]
pub fn told(report: &Report, checks: &[Check<'_>]) -> Vec<Told> {
    checks.iter().map(|check| of_check(report, check)).collect()
}

fn of_check(report: &Report, check: &Check<'_>) -> Told {
    Told {
        condition: check.condition.name(),
        title: check.condition.title(),
        severity: severity(check.condition),
        subject: check.subject.clone(),
        file: check.input(report).map(|input| input.path.clone()),
        frame: check.at.and_then(|(_, frame)| frame),
        line: None,
        outcome: check.outcome.clone(),
        details: check.held().map(|_| details(report, check)).unwrap_or_default(),
    }
}

const fn severity(condition: Condition) -> Severity {
    match condition {
        Condition::Unlisted => Severity::Critical,
        Condition::Outside | Condition::NothingRecognised | Condition::Lossy | Condition::Moved => {
            Severity::Major
        }
        Condition::Undetermined => Severity::Minor,
    }
}

/// Where to look.
fn details(report: &Report, check: &Check<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(input), Some((_, frame))) = (check.input(report), check.at) {
        let frame = frame.map(|frame| format!(", frame {frame}")).unwrap_or_default();
        lines.push(format!("capture: {}{frame}", input.path));
    }
    lines.extend(check.destination.into_iter().flat_map(of_destination));
    lines
}

fn of_destination(d: &Destination) -> Vec<String> {
    let recipient = d.recipient_name.as_deref().unwrap_or("a recipient that is not known");
    let decisive = d.place.witnesses.iter().filter(|witness| witness.decisive);
    let mut lines = vec![format!("run by: {recipient}"), format!("addresses: {}", d.addresses.join(", "))];
    lines.extend(decisive.map(|witness| format!("evidence: {}", witness.says)));
    lines.extend(d.place.remedy.iter().map(|remedy| format!("could settle it: {remedy}")));
    lines.push(format!("known by: {}", d.because));
    lines.push(format!("Wireshark filter: {}", d.display_filter));
    lines
}

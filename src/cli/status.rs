//! The exit status: one number for a pipeline, decided by the checks that are printed, too.

use std::process::ExitCode;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::inspect::Inspection;
use crate::report::checks::{Check, Condition, MinGrade};
use crate::report::schema::{Damage, Report};
use crate::report::text::plural;
use crate::source::CHANGED;

/// How the program ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// The job was done, and no condition of `--fail-on` holds.
    Clean,
    /// A condition of `--fail-on` holds.
    Found,
    /// A named input could not be read, or the job could not be done.
    Failed,
    /// Only the condition `undetermined` holds.
    Undetermined,
    /// The user ended the following of a capture; the report is that of what was read.
    Interrupted,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Clean => 0,
            Status::Found => 1,
            Status::Failed => 2,
            Status::Undetermined => 3,
            Status::Interrupted => 130,
        })
    }
}

/// What `--fail-on` may name.
impl ValueEnum for Condition {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Outside => "A destination is shown outside the EEA",
            Self::Unlisted => "A destination outside the EEA is not in the register",
            Self::Undetermined => {
                "A destination could not be placed, or flows that may be the client's were summed up unjudged"
            }
            Self::NothingRecognised => "No traffic of the client was recognised",
            Self::Lossy => {
                "Frames were lost, an input is damaged, or flows that may be the client's were summed up unjudged \
                 (`--max-memory`)"
            }
            Self::Moved => "A finding moves when the captures are read by the file of `--against`",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

/// The lowest grade that counts for `--fail-on`.
impl ValueEnum for MinGrade {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Possible => "By one medium witness, such as a database alone",
            Self::Likely => "By one strong witness",
            Self::Confirmed => "By two independent witnesses",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

/// That the program failed on some frames, where it did, for people.
pub(super) fn failed(inspection: &Inspection) -> Option<String> {
    let failed = inspection.failed()?;
    let path = usize::try_from(failed.first.input()).ok().and_then(|input| inspection.inputs().get(input));
    let path = path.map(|input| input.path.display().to_string()).unwrap_or_default();
    Some(format!(
        "{path}: the program failed on {}, first on frame {}; all else was read. It is a defect: please report it with that frame",
        plural(failed.frames, "frame", "frames"),
        failed.first.number()
    ))
}

/// The inputs that are damaged, for people: a line each, and how many more there are.
pub(super) fn damaged(report: &Report) -> Vec<String> {
    // That a file changed is said in a line of its own.
    let damaged = || {
        let inputs = report.inputs.iter().filter_map(|input| Some((&input.path, input.damage.as_ref()?)));
        inputs.filter(|(_, damage)| damage.kind != CHANGED)
    };
    let mut lines: Vec<String> = damaged()
        .take(MOST_DAMAGED)
        .map(|(path, damage)| {
            let Damage { offset, after_frame, what, .. } = damage;
            format!("{path}: damaged at byte {offset}, after frame {after_frame}: {what}; what could be read is in the report")
        })
        .collect();
    let more = damaged().count() - lines.len();
    if more > 0 {
        lines.push(format!(
            "{} damaged, as the report says of each",
            plural(more as u64, "more input is", "more inputs are")
        ));
    }
    lines
}

/// That flows which may be the client's are in no destination for want of memory, where there are such, for people.
pub(super) fn unjudged(report: &Report) -> Option<String> {
    let flows = report.quality.unjudged();
    let were = plural(flows, "flow that may be the client's was", "flows that may be the client's were");
    (flows > 0).then(|| {
        format!(
            "{were} summed up unjudged, to stay within the limit on memory, and no destination tells of them; inspect again with \
             a larger --max-memory, or with --max-memory none"
        )
    })
}

/// Decides by the checks that were printed.
pub(super) fn decide(checks: &[Check<'_>]) -> Status {
    let mut held = checks.iter().filter(|check| check.held().is_some()).peekable();
    if held.peek().is_none() {
        Status::Clean
    } else if held.all(|check| check.condition == Condition::Undetermined) {
        Status::Undetermined
    } else {
        Status::Found
    }
}

/// Damaged inputs that are named on standard error.
const MOST_DAMAGED: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::checks::checks;
    use crate::report::sample::{destination, flagged, report, third_party};
    use crate::report::schema::{Destination, Input};

    fn decide(report: &Report, conditions: &[Condition], least: MinGrade) -> Status {
        super::decide(&checks(report, conditions, least))
    }

    const ALL: [Condition; 3] = [Condition::Outside, Condition::Unlisted, Condition::Undetermined];

    fn decided(destinations: Vec<Destination>, conditions: &[Condition]) -> Status {
        decide(&report(destinations), conditions, MinGrade::Likely)
    }

    #[test]
    fn findings_without_a_condition_change_nothing() {
        assert_eq!(decided(vec![flagged("confirmed")], &[]), Status::Clean);
        assert_eq!(decided(vec![flagged("confirmed")], &[Condition::Undetermined]), Status::Clean);
    }

    #[test]
    fn undetermined_alone_has_a_status_of_its_own() {
        let open = || destination("undetermined", "undetermined");
        assert_eq!(decided(vec![open()], &ALL), Status::Undetermined);
        assert_eq!(decided(vec![open(), flagged("likely")], &ALL), Status::Found);
        assert_eq!(decided(vec![open(), destination("eea", "likely")], &ALL), Status::Undetermined);
    }

    #[test]
    fn what_is_outside_counts_from_its_least_grade() {
        let decided = |grade, least| decide(&report(vec![flagged(grade)]), &[Condition::Outside], least);
        assert_eq!(decided("possible", MinGrade::Possible), Status::Found);
        assert_eq!(decided("possible", MinGrade::Likely), Status::Clean);
        assert_eq!(decided("likely", MinGrade::Likely), Status::Found);
        assert_eq!(decided("likely", MinGrade::Confirmed), Status::Clean);
        assert_eq!(decided("confirmed", MinGrade::Confirmed), Status::Found);
    }

    #[test]
    fn what_is_listed_is_outside_and_not_unlisted() {
        let listed = || vec![destination("outside", "likely")];
        assert_eq!(decided(listed(), &[Condition::Outside]), Status::Found);
        assert_eq!(decided(listed(), &[Condition::Unlisted]), Status::Clean);
    }

    #[test]
    fn third_parties_and_the_eea_hold_no_condition() {
        let harmless = vec![third_party("Google LLC"), destination("eea", "confirmed")];
        assert_eq!(decided(harmless, &ALL), Status::Clean);
    }

    #[test]
    fn nothing_recognised_and_losses_are_conditions() {
        assert_eq!(decided(vec![], &[Condition::NothingRecognised]), Status::Found);
        assert_eq!(
            decided(vec![destination("eea", "likely")], &[Condition::NothingRecognised]),
            Status::Clean
        );
        let mut lossy = report(vec![]);
        assert_eq!(decide(&lossy, &[Condition::Lossy], MinGrade::Likely), Status::Clean);
        lossy.headline.frames_lost = None;
        assert_eq!(decide(&lossy, &[Condition::Lossy], MinGrade::Likely), Status::Clean, "not stated");
        lossy.headline.frames_lost = Some(1);
        assert_eq!(decide(&lossy, &[Condition::Lossy], MinGrade::Likely), Status::Found);
    }

    #[test]
    fn damaged_inputs_are_named_up_to_a_number() {
        let mut report = report(vec![]);
        let damage = |offset| Damage {
            kind: "malformed".to_owned(),
            offset,
            after_frame: 3,
            what: "a length".to_owned(),
            resumed_at: None,
        };
        let input = |number: u64, damage| Input {
            path: format!("{number}.pcap"),
            sha256: None,
            size: 24,
            format: "pcap".to_owned(),
            compression: None,
            frames: 3,
            start: None,
            end: None,
            damage,
            frames_lost: None,
        };
        report.inputs = vec![input(0, None), input(1, Some(damage(99)))];
        let said = "1.pcap: damaged at byte 99, after frame 3: a length; what could be read is in the report";
        assert_eq!(damaged(&report), [said]);
        report.inputs[0].damage = Some(Damage { kind: CHANGED.to_owned(), ..damage(24) });
        assert_eq!(damaged(&report), [said], "that it changed is said elsewhere");
        report.inputs.extend((2..20).map(|number| input(number, Some(damage(1)))));
        let lines = damaged(&report);
        assert_eq!((lines.len(), &*lines[16]), (17, "3 more inputs are damaged, as the report says of each"));
    }
}

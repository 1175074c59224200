//! The exit status: one number for a pipeline, decided by the checks that are printed, too.

use std::process::ExitCode;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::inspect::Inspection;
use crate::report::checks::{Check, Condition, MinGrade};
use crate::report::text::plural;

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
            Self::Undetermined => "A destination could not be placed",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::checks::checks;
    use crate::report::sample::{destination, flagged, report, third_party};
    use crate::report::schema::{Destination, Report};

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
}

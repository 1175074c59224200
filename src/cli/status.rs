//! The exit status: one number for a pipeline, decided by the same conditions that the report prints.

use std::process::ExitCode;

use clap::ValueEnum;

use crate::report::schema::{Destination, Report};
use crate::verdict::Axis;

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
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Condition {
    /// A destination is shown outside the EEA
    Outside,
    /// A destination outside the EEA is not in the register
    Unlisted,
    /// A destination could not be placed
    Undetermined,
    /// No traffic of the client was recognised
    NothingRecognised,
    /// Frames were lost, an input is damaged, or flows that may be the client's were summed up unjudged (`--max-memory`)
    Lossy,
    /// A finding moves when the captures are read by the file of `--against`
    Moved,
}

/// The lowest grade that counts for `--fail-on`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub(super) enum MinGrade {
    /// By one medium witness, such as a database alone
    Possible,
    /// By one strong witness
    Likely,
    /// By two independent witnesses
    Confirmed,
}

/// Decides by the report that was printed.
pub(super) fn decide(report: &Report, conditions: &[Condition], least: MinGrade) -> Status {
    let holds = |condition: &Condition| condition.holds(report, least);
    let mut held = conditions.iter().copied().filter(holds).peekable();
    if held.peek().is_none() {
        Status::Clean
    } else if held.all(|condition| condition == Condition::Undetermined) {
        Status::Undetermined
    } else {
        Status::Found
    }
}

impl Condition {
    fn holds(self, report: &Report, least: MinGrade) -> bool {
        let any = |holds: &dyn Fn(&Destination) -> bool| {
            report.destinations.iter().filter(|d| d.is_client()).any(holds)
        };
        match self {
            Self::Outside => any(&|d| d.is_at(Axis::Outside) && reaches(d, least)),
            Self::Unlisted => any(&|d| d.flagged && reaches(d, least)),
            Self::Undetermined => any(&|d| d.is_at(Axis::Undetermined)),
            Self::NothingRecognised => !report.headline.recognised,
            Self::Moved => report.against.as_ref().is_some_and(|against| !against.moved.is_empty()),
            Self::Lossy => {
                let damaged = report.inputs.iter().any(|input| input.damage.is_some());
                let unjudged = report.quality.summed_up.iter().any(|of| of.client_flows > 0);
                damaged || unjudged || report.headline.frames_lost.is_some_and(|lost| lost > 0)
            }
        }
    }
}

fn reaches(destination: &Destination, least: MinGrade) -> bool {
    let grade = match destination.place.grade.as_str() {
        "confirmed" => MinGrade::Confirmed,
        "likely" => MinGrade::Likely,
        _ => MinGrade::Possible,
    };
    grade >= least
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{destination, flagged, report, third_party};

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

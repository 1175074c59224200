//! The conditions of `--fail-on`, put to a report. The exit status, the JUnit report and the annotations are all made of
//! this one list of checks, so that they cannot say different things.
//!
//! Input: a [`Report`], the conditions and the least grade. Output: one [`Check`] for each condition and what it is put to.
//! Must not: take what is not known for a pass. Such a check is open.

use std::collections::BTreeMap;

use crate::report::schema::{Destination, Input, Report};
use crate::report::text::{count, plural};
use crate::verdict::Axis;

/// What a report may be failed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// A destination is shown outside the EEA.
    Outside,
    /// A destination outside the EEA is not in the register.
    Unlisted,
    /// A destination could not be placed, or flows that may be the client's were summed up unjudged.
    Undetermined,
    /// No traffic of the client was recognised.
    NothingRecognised,
    /// Frames were lost, an input is damaged, or flows that may be the client's were summed up unjudged.
    Lossy,
    /// A finding moves when the captures are read by something else.
    Moved,
}

impl Condition {
    /// Every condition.
    pub const ALL: [Self; 6] = [
        Self::Outside,
        Self::Unlisted,
        Self::Undetermined,
        Self::NothingRecognised,
        Self::Lossy,
        Self::Moved,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Unlisted => "unlisted",
            Self::Undetermined => "undetermined",
            Self::NothingRecognised => "nothing-recognised",
            Self::Lossy => "lossy",
            Self::Moved => "moved",
        }
    }

    /// What a failure by it says.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Outside => "destination outside the EEA",
            Self::Unlisted => "destination outside the EEA and not listed",
            Self::Undetermined => "destination not placeable",
            Self::NothingRecognised => "nothing recognised",
            Self::Lossy => "capture incomplete",
            Self::Moved => "finding moves",
        }
    }
}

/// The lowest grade that counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MinGrade {
    /// By one medium witness, such as a database alone.
    Possible,
    /// By one strong witness.
    Likely,
    /// By two independent witnesses.
    Confirmed,
}

impl MinGrade {
    /// Every grade that may be asked for.
    pub const ALL: [Self; 3] = [Self::Possible, Self::Likely, Self::Confirmed];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Confirmed => "confirmed",
        }
    }

    fn is_reached(self, destination: &Destination) -> bool {
        let grade = match destination.place.grade.as_str() {
            "confirmed" => Self::Confirmed,
            "likely" => Self::Likely,
            _ => Self::Possible,
        };
        grade >= self
    }
}

/// A condition put to one thing.
#[derive(Clone, Debug)]
pub struct Check<'a> {
    /// The condition.
    pub condition: Condition,
    /// What it was put to, in words that are the same in every run and no other check of this condition has.
    pub subject: String,
    /// The same, where it is a destination.
    pub destination: Option<&'a Destination>,
    /// The input, and the frame in it, to look at.
    pub at: Option<(u32, Option<u64>)>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The condition does not hold.
    Clear,
    /// Whether it holds is not known, and why. That fails nothing.
    Open(String),
    /// It holds, and how.
    Holds(String),
}

impl Check<'_> {
    /// What is to be said of a condition that holds.
    #[must_use]
    pub fn held(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Holds(says) => Some(says),
            Outcome::Clear | Outcome::Open(_) => None,
        }
    }

    /// The input to look at.
    #[must_use]
    pub fn input<'r>(&self, report: &'r Report) -> Option<&'r Input> {
        let (input, _) = self.at?;
        report.inputs.get(usize::try_from(input).ok()?)
    }
}

/// Puts the conditions, each once and in their order, to the report.
#[must_use]
pub fn checks<'a>(report: &'a Report, conditions: &[Condition], least: MinGrade) -> Vec<Check<'a>> {
    let mut asked: Vec<Condition> = Vec::new();
    for condition in conditions {
        if !asked.contains(condition) {
            asked.push(*condition);
        }
    }
    asked.into_iter().flat_map(|condition| of_condition(report, condition, least)).collect()
}

fn of_condition(report: &Report, condition: Condition, least: MinGrade) -> Vec<Check<'_>> {
    let mut checks = match condition {
        Condition::Outside => of_destinations(report, condition, &|d| outside(d, least)),
        Condition::Unlisted => of_destinations(report, condition, &|d| unlisted(d, least)),
        Condition::Undetermined => of_destinations(report, condition, &undetermined),
        Condition::NothingRecognised => vec![recognised(report)],
        Condition::Lossy => lossy(report),
        Condition::Moved => moved(report),
    };
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for check in &mut checks {
        let number = seen.entry(check.subject.clone()).or_default();
        *number += 1;
        if *number > 1 {
            check.subject = format!("{} ({number})", check.subject);
        }
    }
    checks
}

fn of_destinations<'a>(
    report: &'a Report,
    condition: Condition,
    outcome: &dyn Fn(&Destination) -> Outcome,
) -> Vec<Check<'a>> {
    let check = |d: &'a Destination| Check {
        condition,
        subject: subject(d),
        destination: Some(d),
        at: Some((d.input, Some(d.first_frame))),
        outcome: outcome(d),
    };
    let mut checks: Vec<Check<'a>> =
        report.destinations.iter().filter(|d| d.is_client()).map(check).collect();
    checks.extend(unjudged(report).map(|says| {
        let why = format!("{says}, so their places are not known");
        of_report(condition, UNJUDGED, not_known(condition, why))
    }));
    if checks.is_empty() && report.inputs.is_empty() {
        let why = format!("{NO_CAPTURE}, so no place is known");
        return vec![of_report(condition, "destinations", not_known(condition, why))];
    }
    if checks.is_empty() {
        let why = "no traffic of the client was recognised, so there is no destination to look at";
        return vec![of_report(condition, "destinations", Outcome::Open(why.to_owned()))];
    }
    checks
}

/// What is not known of a place is just what [`Condition::Undetermined`] looks for.
fn not_known(condition: Condition, why: String) -> Outcome {
    if condition == Condition::Undetermined { Outcome::Holds(why) } else { Outcome::Open(why) }
}

/// That flows which may be the client's went into no destination, where there are such.
fn unjudged(report: &Report) -> Option<String> {
    let flows = report.quality.unjudged();
    let were = plural(flows, "flow that may be the client's was", "flows that may be the client's were");
    (flows > 0).then(|| format!("{were} summed up unjudged, to stay within --max-memory"))
}

/// Why nothing is known of the network where only files of other tools were read.
const NO_CAPTURE: &str = "no capture was read";

/// What a check of such flows is put to.
const UNJUDGED: &str = "flows summed up unjudged";

/// `zoom*mmr.*.zoom.us, media, in DE`.
fn subject(d: &Destination) -> String {
    let place = match d.place.located.as_slice() {
        [] => d.place.axis.clone(),
        countries => format!("in {}", countries.join(" or ")),
    };
    format!("{}, {}, {place}", d.host_pattern, d.service.replace('_', " "))
}

fn outside(d: &Destination, least: MinGrade) -> Outcome {
    let countries = d.place.located.join(" or ");
    let (is_outside, is_eea) = (d.is_at(Axis::Outside), d.is_at(Axis::Eea));
    match least.is_reached(d) {
        true if is_outside => Outcome::Holds(format!("outside the EEA: {countries}, {}", d.place.grade)),
        false if is_outside => Outcome::Open(below("outside the EEA", d, least)),
        false if is_eea => Outcome::Open(below("in the EEA", d, least)),
        _ => elsewhere(d),
    }
}

fn unlisted(d: &Destination, least: MinGrade) -> Outcome {
    match (outside(d, least), d.listing.as_str()) {
        (Outcome::Holds(place), _) if d.flagged => {
            let register = d.register.as_deref().unwrap_or("the register");
            Outcome::Holds(format!("{place}; unlisted in {register}"))
        }
        (Outcome::Holds(_) | Outcome::Open(_), "listed") => Outcome::Clear,
        (Outcome::Holds(place), listing) => Outcome::Open(format!(
            "{place}; whether it is listed is not known: {}",
            listing.replace('_', " ")
        )),
        (other, _) => other,
    }
}

fn undetermined(d: &Destination) -> Outcome {
    if d.is_at(Axis::Undetermined) { Outcome::Holds(open_place(d)) } else { Outcome::Clear }
}

/// What is neither here nor there passes no check on place.
fn elsewhere(d: &Destination) -> Outcome {
    if d.is_at(Axis::Undetermined) {
        Outcome::Open(open_place(d))
    } else if d.is_at(Axis::Participant) {
        Outcome::Open("another participant's line, whose place is not looked at".to_owned())
    } else {
        Outcome::Clear
    }
}

fn open_place(d: &Destination) -> String {
    match (&d.place.reason, d.place.located.as_slice()) {
        (Some(reason), _) => format!("place undetermined: {reason}"),
        (None, []) => "place undetermined: no evidence of place".to_owned(),
        (None, countries) => format!("place undetermined: {}", countries.join(" or ")),
    }
}

fn below(what: &str, d: &Destination, least: MinGrade) -> String {
    let countries = d.place.located.join(" or ");
    format!("only {} {what} ({countries}), which is below --min-grade {}", d.place.grade, least.name())
}

fn of_report(condition: Condition, subject: &str, outcome: Outcome) -> Check<'static> {
    // A file is named in any case, and no frame.
    Check { condition, subject: subject.to_owned(), destination: None, at: Some((0, None)), outcome }
}

fn recognised(report: &Report) -> Check<'static> {
    let outcome = if report.headline.recognised {
        Outcome::Clear
    } else {
        let frames = plural(report.totals.frames, "frame", "frames");
        Outcome::Holds(format!("no traffic of the client was recognised in {frames}"))
    };
    of_report(Condition::NothingRecognised, "traffic of the client", outcome)
}

fn lossy(report: &Report) -> Vec<Check<'_>> {
    let inputs = report.inputs.iter().zip(0..);
    let mut checks: Vec<Check<'_>> = inputs.map(|(input, number)| damage(input, number)).collect();
    if report.inputs.is_empty() {
        checks.push(of_report(Condition::Lossy, "captures", Outcome::Open(NO_CAPTURE.to_owned())));
    }
    let lost = match report.headline.frames_lost {
        None => Outcome::Open("whether frames were lost is not stated".to_owned()),
        Some(0) => Outcome::Clear,
        Some(lost) => {
            let were = plural(lost, "frame was", "frames were");
            Outcome::Holds(format!("{were} lost by the capturing side"))
        }
    };
    checks.push(of_report(Condition::Lossy, "frames lost", lost));
    let unjudged = unjudged(report).map_or(Outcome::Clear, Outcome::Holds);
    checks.push(of_report(Condition::Lossy, UNJUDGED, unjudged));
    checks
}

fn damage(input: &Input, number: u32) -> Check<'_> {
    let outcome = match &input.damage {
        None => Outcome::Clear,
        Some(damage) => Outcome::Holds(format!(
            "damaged at byte {}, after frame {}: {}",
            count(damage.offset),
            count(damage.after_frame),
            damage.what
        )),
    };
    let frame = input.damage.as_ref().map(|damage| damage.after_frame);
    Check {
        condition: Condition::Lossy,
        subject: format!("damage in {}", input.path),
        destination: None,
        at: Some((number, frame)),
        outcome,
    }
}

fn moved(report: &Report) -> Vec<Check<'_>> {
    let whole = |outcome| vec![of_report(Condition::Moved, "findings", outcome)];
    match &report.against {
        None => {
            whole(Outcome::Open("there is nothing to read the captures by: name it with --against".into()))
        }
        Some(_) if report.inputs.is_empty() => whole(Outcome::Open(NO_CAPTURE.into())),
        Some(against) if against.moved.is_empty() => whole(Outcome::Clear),
        Some(against) => against
            .moved
            .iter()
            .map(|row| Check {
                condition: Condition::Moved,
                subject: format!("{} ({})", row.host_pattern, row.address),
                destination: None,
                at: Some((row.input, Some(row.first_frame))),
                outcome: Outcome::Holds(format!("moves by {}: {}", against.file, row.why.join("; "))),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{destination, flagged, report, third_party};
    use crate::report::schema::SummedUp;

    fn outcomes(destinations: Vec<Destination>, condition: Condition, least: MinGrade) -> Vec<&'static str> {
        let report = report(destinations);
        let checks = checks(&report, &[condition], least);
        let word = |check: &Check<'_>| match check.outcome {
            Outcome::Clear => "clear",
            Outcome::Open(_) => "open",
            Outcome::Holds(_) => "holds",
        };
        checks.iter().map(word).collect()
    }

    #[test]
    fn what_is_not_known_passes_no_check() {
        let unknown = || {
            vec![
                destination("undetermined", "anycast"),
                flagged("possible"),
                destination("eea", "possible"),
                destination("participant", "possible"),
            ]
        };
        assert_eq!(outcomes(unknown(), Condition::Outside, MinGrade::Likely), ["open"; 4]);
        let expected = ["open", "holds", "clear", "open"];
        assert_eq!(outcomes(unknown(), Condition::Outside, MinGrade::Possible), expected);
        assert_eq!(outcomes(vec![], Condition::Unlisted, MinGrade::Likely), ["open"]);
        assert_eq!(outcomes(vec![], Condition::Moved, MinGrade::Likely), ["open"]);
        // Nothing was read, and nothing says whether frames were lost.
        assert_eq!(outcomes(vec![], Condition::Lossy, MinGrade::Likely), ["open", "open", "clear"]);
        assert_eq!(outcomes(vec![], Condition::Undetermined, MinGrade::Likely), ["holds"]);
    }

    #[test]
    fn flows_that_were_not_judged_pass_no_check_on_place() {
        let outcomes = |destinations, client_flows, condition| {
            let mut report = report(destinations);
            report.quality.summed_up = vec![SummedUp { flows: 9, client_flows, ..SummedUp::default() }];
            let checks = checks(&report, &[condition], MinGrade::Possible);
            checks.iter().map(|check| (check.subject.clone(), check.outcome.clone())).collect::<Vec<_>>()
        };
        let eea = || vec![destination("eea", "likely")];
        let why = "2 flows that may be the client's were summed up unjudged, to stay within --max-memory, so their places \
                   are not known";
        let unjudged = |outcome: fn(String) -> Outcome| (UNJUDGED.to_owned(), outcome(why.to_owned()));
        for condition in [Condition::Outside, Condition::Unlisted] {
            assert_eq!(outcomes(vec![], 2, condition), [unjudged(Outcome::Open)]);
            assert_eq!(outcomes(eea(), 2, condition)[1..], [unjudged(Outcome::Open)]);
        }
        assert_eq!(outcomes(vec![], 2, Condition::Undetermined), [unjudged(Outcome::Holds)]);
        assert_eq!(outcomes(eea(), 2, Condition::Undetermined)[1..], [unjudged(Outcome::Holds)]);
        // Others' flows have no place that is looked at.
        assert_eq!(outcomes(eea(), 0, Condition::Undetermined).len(), 1);
    }

    #[test]
    fn without_a_register_nothing_passes_for_listed() {
        let uncovered = Destination {
            listing: "no_register".to_owned(),
            register: None,
            flagged: false,
            ..flagged("confirmed")
        };
        let listed = destination("outside", "likely");
        let checked = vec![uncovered, listed, flagged("likely")];
        assert_eq!(outcomes(checked, Condition::Unlisted, MinGrade::Likely), ["open", "clear", "holds"]);
    }

    #[test]
    fn third_parties_are_not_checked_and_subjects_are_told_apart() {
        let given = report(vec![flagged("likely"), flagged("likely"), third_party("Google LLC")]);
        let asked = [Condition::Outside, Condition::Outside];
        let subjects: Vec<String> =
            checks(&given, &asked, MinGrade::Likely).into_iter().map(|check| check.subject).collect();
        let one = "zoom*zc.zoom.us, sign in, outside";
        assert_eq!(subjects, [one.to_owned(), format!("{one} (2)")]);
    }
}

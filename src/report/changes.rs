//! What changes between two reports of a capture that is being read, as JSON Lines: one object a line, each with its `type`.
//!
//! Input: one report after the other, each of more frames than the one before. Output: the lines, described by
//! `changes.schema.json` beside this file; the first names that schema. A destination is known by its first frame, which stays the
//! same while what is known of it changes. Must not: repeat what has not changed, or keep more than what a report shows.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::jsonl::line;
use crate::report::schema::{Destination, Report, Schema, Session, Tool};

/// The JSON Schema (draft 2020-12) of one line.
pub const SCHEMA: &str = include_str!("changes.schema.json");

/// What was told so far.
#[derive(Default, Debug)]
pub struct Changes {
    has_begun: bool,
    destinations: BTreeMap<Place, Finding>,
    /// The last phase of each session, by the session's first frame.
    phases: BTreeMap<Place, Reached>,
    lost: Option<u64>,
}

/// An input and a frame of it.
type Place = (u32, u64);

/// What may change of a destination.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
struct Finding {
    /// As in the report's destinations.
    whose: String,
    recipient: Option<String>,
    recipient_name: Option<String>,
    host_pattern: String,
    service: String,
    axis: String,
    located: Vec<String>,
    grade: String,
    zone: Option<String>,
    adequate: Option<bool>,
    listing: String,
    register: Option<String>,
    flagged: bool,
}

/// A phase that a session has reached.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Reached {
    kind: &'static str,
    certainty: &'static str,
    start: Place,
}

/// Where in the capture a line is about: the frame's time and number.
#[derive(Serialize, Clone, Debug)]
struct Moment {
    time: Option<String>,
    input: u32,
    frame: u64,
}

#[derive(Serialize)]
struct Head<'a> {
    schema: Schema,
    tool: &'a Tool,
    #[serde(flatten)]
    at: &'a Moment,
}

#[derive(Serialize)]
struct Found<'a> {
    #[serde(flatten)]
    at: &'a Moment,
    /// Where its first frame is, by which it is known.
    first_input: u32,
    first_frame: u64,
    #[serde(flatten)]
    finding: &'a Finding,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a Finding>,
}

#[derive(Serialize)]
struct Gone<'a> {
    #[serde(flatten)]
    at: &'a Moment,
    first_input: u32,
    first_frame: u64,
    host_pattern: &'a str,
}

#[derive(Serialize)]
struct InPhase<'a> {
    #[serde(flatten)]
    at: &'a Moment,
    session: u64,
    kind: &'a str,
    certainty: &'a str,
    rule: &'a str,
    meeting: Option<u64>,
}

#[derive(Serialize)]
struct Loss<'a> {
    #[serde(flatten)]
    at: &'a Moment,
    frames_lost: Option<u64>,
    before: Option<u64>,
}

impl Changes {
    /// The lines that a report adds, each with a line feed at its end; none where nothing has changed. No character in them drives
    /// a terminal or hides text.
    #[must_use]
    pub fn of(&mut self, report: &Report) -> String {
        let mut out = String::new();
        let now = now(report);
        if !self.has_begun {
            self.has_begun = true;
            let schema = Schema { name: "borderpost-changes", version: "1.0" };
            line(&mut out, "changes", &Head { schema, tool: &report.tool, at: &now });
        }
        self.destinations(&mut out, report, &now);
        for session in &report.sessions {
            self.phase(&mut out, session);
        }
        let lost = report.quality.frames_lost;
        if lost != self.lost {
            line(&mut out, "loss", &Loss { at: &now, frames_lost: lost, before: self.lost });
            self.lost = lost;
        }
        out
    }

    fn destinations(&mut self, out: &mut String, report: &Report, now: &Moment) {
        let mut known = std::mem::take(&mut self.destinations);
        for destination in &report.destinations {
            let place = (destination.input, destination.first_frame);
            let (first_input, first_frame) = place;
            let finding = Finding::of(destination);
            match known.remove(&place) {
                Some(before) if before == finding => {}
                Some(before) => {
                    let before = Some(&before);
                    let found = Found { at: now, first_input, first_frame, finding: &finding, before };
                    line(out, "changed_destination", &found);
                }
                None => {
                    let time = destination.start.clone();
                    let at = &Moment { time, input: first_input, frame: first_frame };
                    let found = Found { at, first_input, first_frame, finding: &finding, before: None };
                    line(out, "new_destination", &found);
                }
            }
            self.destinations.insert(place, finding);
        }
        for ((first_input, first_frame), finding) in known {
            let host_pattern = &finding.host_pattern;
            line(out, "gone_destination", &Gone { at: now, first_input, first_frame, host_pattern });
        }
    }

    fn phase(&mut self, out: &mut String, session: &Session) {
        let Some(last) = session.phases.last() else { return };
        let start = (last.start_input, last.start_frame);
        let reached = Reached { kind: last.kind, certainty: last.certainty, start };
        let place = (session.input, session.first_frame);
        if self.phases.get(&place) == Some(&reached) {
            return;
        }
        self.phases.insert(place, reached);
        let at = &Moment { time: last.start.clone(), input: last.start_input, frame: last.start_frame };
        let (kind, certainty, rule) = (last.kind, last.certainty, last.rule);
        let phase = InPhase { at, session: session.id, kind, certainty, rule, meeting: last.meeting };
        line(out, "phase", &phase);
    }
}

/// The last frame that the report is made of.
fn now(report: &Report) -> Moment {
    let input = u32::try_from(report.inputs.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let last = report.inputs.last();
    Moment {
        time: last.and_then(|input| input.end.clone()),
        input,
        frame: last.map_or(0, |input| input.frames),
    }
}

impl Finding {
    fn of(d: &Destination) -> Self {
        Self {
            whose: d.whose.clone(),
            recipient: d.recipient.clone(),
            recipient_name: d.recipient_name.clone(),
            host_pattern: d.host_pattern.clone(),
            service: d.service.clone(),
            axis: d.place.axis.clone(),
            located: d.place.located.clone(),
            grade: d.place.grade.clone(),
            zone: d.zone.clone(),
            adequate: d.adequate,
            listing: d.listing.clone(),
            register: d.register.clone(),
            flagged: d.flagged,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::sample::{destination, flagged, report};
    use crate::report::text::clean;

    fn lines(changes: &mut Changes, destinations: Vec<Destination>, lost: Option<u64>) -> Vec<Value> {
        let mut report = report(destinations);
        report.quality.frames_lost = lost;
        let text = changes.of(&report);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn types(lines: &[Value]) -> Vec<&str> {
        lines.iter().map(|line| line["type"].as_str().unwrap()).collect()
    }

    #[test]
    fn what_is_new_changed_or_gone_is_told_once() {
        let at = |frame, d: Destination| Destination { first_frame: frame, ..d };
        let changes = &mut Changes::default();
        let first = lines(changes, vec![at(5, destination("undetermined", "undetermined"))], Some(0));
        assert_eq!(types(&first), ["changes", "new_destination", "loss"]);
        assert_eq!(first[0]["schema"]["name"], "borderpost-changes");
        assert_eq!((&first[1]["frame"], &first[1]["axis"]), (&5.into(), &"undetermined".into()));
        let same = lines(changes, vec![at(5, destination("undetermined", "undetermined"))], Some(0));
        assert!(same.is_empty(), "{same:?}");
        let next = vec![at(5, flagged("likely")), at(9, destination("eea", "likely"))];
        let next = lines(changes, next, Some(3));
        assert_eq!(types(&next), ["changed_destination", "new_destination", "loss"]);
        assert_eq!((&next[0]["first_frame"], &next[0]["flagged"]), (&5.into(), &true.into()));
        assert_eq!(next[0]["before"]["axis"], "undetermined");
        assert_eq!((&next[2]["frames_lost"], &next[2]["before"]), (&3.into(), &0.into()));
        let gone = lines(changes, vec![at(5, flagged("likely"))], Some(3));
        assert_eq!(types(&gone), ["gone_destination"]);
        assert_eq!(gone[0]["first_frame"], 9);
    }

    #[test]
    fn traffic_alone_is_no_change() {
        let changes = &mut Changes::default();
        lines(changes, vec![flagged("likely")], None);
        let more = Destination { bytes_in: 99_999, flows: 7, last_frame: 900, ..flagged("likely") };
        assert!(lines(changes, vec![more], None).is_empty());
    }

    #[test]
    fn no_name_breaks_a_line_or_drives_a_terminal() {
        let hostile = "a\n{\"type\":\"loss\"}\r\u{1b}[31m\u{2028}\u{202e}\0";
        let named = Destination { host_pattern: hostile.to_owned(), ..flagged("likely") };
        let text = Changes::default().of(&report(vec![named]));
        assert_eq!(text.lines().count(), 2);
        assert!(text.chars().all(|c| c == '\n' || clean(&c.to_string()) == c.to_string()), "{text}");
        let read: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
        assert_eq!(read["host_pattern"], hostile);
    }
}

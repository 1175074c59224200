//! A published list of events: the built-in part, or the user's file.
//!
//! Input: CSV with a head, or TOML. Output: names, and whether an event is among them. Must not: open a file.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::data::{self, DataError};
use crate::telemetry::endpoint::Told;

const TEXT: &str = include_str!("data/events.toml");
const FILE: &str = "telemetry/events.toml";

/// A list of events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventList {
    /// What it is.
    pub name: String,
    /// Where it is from.
    pub source: Option<String>,
    /// Whether it is the whole list: only then does it say something that an event is not on it.
    pub is_whole: bool,
    /// Columns of the file that are not known and were passed over.
    pub unknown_columns: Vec<String>,
    /// Names as they are written, by what they are compared by.
    names: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    #[serde(rename = "compiled")]
    _compiled: crate::frame::Date,
    name: String,
    source: Option<String>,
    #[serde(default = "yes")]
    is_whole: bool,
    #[serde(default, rename = "confidence")]
    _confidence: Option<data::Confidence>,
    events: Vec<String>,
}

const fn yes() -> bool {
    true
}

/// The part of the published list that is compiled in; a test reads it.
impl Default for EventList {
    fn default() -> Self {
        Self::toml(FILE, TEXT).unwrap_or(Self {
            name: String::new(),
            source: None,
            is_whole: false,
            unknown_columns: Vec::new(),
            names: BTreeMap::new(),
        })
    }
}

impl EventList {
    /// Reads a list: TOML as the built-in one, or CSV whose head names a column `event` and perhaps `sub-event`.
    ///
    /// # Errors
    ///
    /// Where it is neither, with the line and a caret. Columns that are not known are noted and passed over.
    pub fn parse(file: &str, text: &str) -> Result<Self, DataError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
        if first.is_some_and(|line| line.contains(" = ") || line.contains("=\"") || line.starts_with('[')) {
            return Self::toml(file, text);
        }
        Self::csv(file, text)
    }

    fn toml(file: &str, text: &str) -> Result<Self, DataError> {
        let rows: Rows = data::parse(file, text)?;
        let names = rows.events.into_iter().map(|name| (folded(&name), name)).collect();
        let Rows { name, source, is_whole, .. } = rows;
        Ok(Self { name, source, is_whole, unknown_columns: Vec::new(), names })
    }

    fn csv(file: &str, text: &str) -> Result<Self, DataError> {
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
        let broken = |error: &csv::Error| {
            let offset = error.position().and_then(|at| usize::try_from(at.byte()).ok());
            DataError::at(file, text, offset.or(Some(0)), &format!("no comma-separated values: {error}"))
        };
        let head = reader.headers().map_err(|error| broken(&error))?.clone();
        let column = |names: &[&str]| head.iter().position(|name| names.contains(&folded(name).as_str()));
        let Some(event) = column(&["event", "eventname", "name"]) else {
            let what = "no column named event; the head of a list of events names event, and sub-event where events have one";
            return Err(DataError::at(file, text, Some(0), what));
        };
        let detail = column(&["subevent", "subeventname"]);
        let unknown = head.iter().enumerate().filter(|(place, _)| *place != event && Some(*place) != detail);
        let unknown =
            unknown.map(|(_, name)| name.to_owned()).filter(|name| !KNOWN.contains(&folded(name).as_str()));
        let unknown_columns = unknown.take(MOST_COLUMNS).collect();
        let mut names = BTreeMap::new();
        for row in reader.records() {
            let row = row.map_err(|error| broken(&error))?;
            let name = row.get(event).unwrap_or_default();
            let detail = detail.and_then(|detail| row.get(detail)).filter(|detail| !detail.is_empty());
            let whole = detail.map_or_else(|| name.to_owned(), |detail| format!("{name}.{detail}"));
            if !name.is_empty() {
                names.insert(folded(&whole), whole);
            }
        }
        if names.is_empty() {
            return Err(DataError::at(file, text, Some(0), "a list of events without an event"));
        }
        Ok(Self { name: file.to_owned(), source: None, is_whole: true, unknown_columns, names })
    }

    /// The name on the list that an event has: alone, or with its detail behind a dot.
    #[must_use]
    pub fn find(&self, event: &Told) -> Option<&str> {
        let whole = event.detail.as_ref().map(|detail| folded(&format!("{}.{detail}", event.name)));
        let found = whole.and_then(|whole| self.names.get(&whole));
        found.or_else(|| self.names.get(&folded(&event.name))).map(String::as_str)
    }

    /// Every name, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.values().map(String::as_str)
    }
}

/// A name without case, hyphens, underscores and spaces.
fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Columns of the published list that say nothing of an event's name.
const KNOWN: [&str; 9] = [
    "eventtime",
    "clienttype",
    "eventlocation",
    "uuid",
    "clientversion",
    "userid",
    "clientos",
    "meetingid",
    "level",
];
/// Unknown columns that are told one by one.
const MOST_COLUMNS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, detail: Option<&str>) -> Told {
        Told { name: name.to_owned(), detail: detail.map(str::to_owned), ..Told::default() }
    }

    #[test]
    fn the_built_in_part_is_read_and_says_that_it_is_a_part() {
        let list = EventList::parse(FILE, TEXT).unwrap();
        assert_eq!(list, EventList::default());
        assert!(!list.is_whole && list.names().count() == 7);
        assert_eq!(list.find(&told("endmeeting", Some("cancel"))), Some("EndMeeting.Cancel"));
        assert_eq!(list.find(&told("EndMeeting.Cancel", None)), Some("EndMeeting.Cancel"));
        assert_eq!(list.find(&told("EndMeeting", None)), None);
    }

    #[test]
    fn a_user_s_list_may_have_other_columns_and_needs_one() {
        let list = EventList::parse("l.csv", "Event,Sub-Event,Level,Mood\nEndMeeting,Cancel,required,sad\n")
            .unwrap();
        assert_eq!(list.unknown_columns, ["Mood"]);
        assert!(list.is_whole && list.find(&told("EndMeeting", Some("Cancel"))).is_some());
        let error = EventList::parse("l.csv", "Colour,Mood\nred,sad\n").unwrap_err().to_string();
        assert!(
            error.contains("l.csv:1:1") && error.contains("column named event") && error.contains('^'),
            "{error}"
        );
        let error = EventList::parse("l.csv", "event,level\na,b,c\n").unwrap_err().to_string();
        assert!(error.starts_with("l.csv:2"), "{error}");
        let error =
            EventList::parse("l.toml", "compiled = \"2026-11-28\"\nname = \"x\"\nevent = []\n").unwrap_err();
        assert!(error.to_string().contains("l.toml:3"), "{error}");
    }
}

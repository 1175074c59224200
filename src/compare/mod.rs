//! Build against build: what differs between runs of the client that reports tell of, and whether a run stays within a baseline.
//!
//! Input: reports, as they were just made or as their JSON says, and baselines. Output: a [`Comparison`], and what it is told as.
//! Must not: reach into the stages that made the reports, or compare what changes from run to run: no address, no port, no label
//! drawn anew.

pub mod baseline;
mod build;
pub mod checks;
mod diff;
mod difference;
mod document;
mod fold;
mod noise;
mod outside;
mod reading;
mod run;
mod words;

pub use self::build::{Build, By};
pub use self::diff::diff;
pub use self::difference::{Change, Comparison, Difference, Kind, Origin, Schema, Side, Tool};
pub use self::noise::{RULE, Range};
pub use self::outside::Outside;
pub use self::run::{Key, MAX_KEYS, MAX_NAMES, NOT_PLACEABLE, Place, Run, Seen};
use crate::report::document::Document;
use crate::report::lang::Lang;
use crate::report::schema::Report;
use crate::report::text::escape;

/// The JSON Schema of what [`json`] writes (2020-12).
pub const SCHEMA: &str = include_str!("schema.json");

/// The runs that a report tells of: the cells of a study, else its captures; one where `joined`. `name` is what it was named by.
pub fn runs_of(name: &str, report: &Report, joined: bool) -> Result<Vec<Run>, String> {
    Ok(run::runs(name, &reading::of_report(report)?, joined))
}

/// The same of the JSON of a report.
pub fn runs_in(name: &str, json: &[u8], joined: bool) -> Result<Vec<Run>, String> {
    let reading = reading::parse(json).map_err(|what| format!("{name}: {what}"))?;
    Ok(run::runs(name, &reading, joined))
}

/// A comparison as one JSON object, indented.
#[must_use]
pub fn json(comparison: &Comparison) -> String {
    // These types have no map with other keys than text and no fallible serialiser, so this cannot fail.
    let mut text = escape(&serde_json::to_string_pretty(comparison).unwrap_or_default());
    text.push('\n');
    text
}

/// A comparison for people.
#[must_use]
pub fn document(comparison: &Comparison, lang: Lang) -> Document {
    document::document(comparison, lang)
}

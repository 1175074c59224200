//! Reports: an inspection as the schema has it, and every format made of that.
//!
//! Input: an [`Inspection`](crate::inspect::Inspection). Output: a [`schema::Report`], and text. The only serialised form of the results.
//! Must not: compute more than sums, or judge.

pub mod against;
pub mod annotations;
mod anomalies;
mod answers;
mod build;
pub mod builtin;
pub mod changes;
pub mod checks;
pub mod claims;
mod csv;
mod decryption;
mod destinations;
mod differences;
pub mod doctor;
pub mod document;
pub mod explain;
mod filter;
mod flows;
mod headline;
mod html;
pub mod info;
mod ja4;
mod jsonl;
mod junit;
pub mod lang;
mod legend;
mod markdown;
mod matrix;
mod matrix_csv;
mod parts;
mod profiles;
mod protocol;
mod quality;
pub mod register;
#[cfg(test)]
pub(crate) mod sample;
pub mod schema;
mod sessions;
mod sources;
mod steps;
pub mod table;
mod telemetry;
pub mod text;
pub mod told;
mod tunnels;
mod view;
mod xml;

pub use self::answers::answers;
pub use self::build::{Options, build};
pub use self::csv::csv;
pub use self::html::html;
pub use self::jsonl::jsonl;
pub use self::junit::{junit, junit_of};
pub use self::markdown::{COMMENT, markdown};
pub use self::matrix_csv::matrix_csv;
use self::schema::Report;

/// The JSON Schema (draft 2020-12) of [`json`]'s output.
pub const SCHEMA: &str = include_str!("schema.json");

/// The report as one JSON object, indented, with a newline at its end. What could drive a terminal or hide text stands as
/// an escape: JSON itself asks that of the first 32 characters alone (RFC 8259, section 7).
#[must_use]
pub fn json(report: &Report) -> String {
    // The schema's types have no map with other keys than text and no fallible serialiser, so this cannot fail.
    let mut text = text::escape(&serde_json::to_string_pretty(report).unwrap_or_default());
    text.push('\n');
    text
}

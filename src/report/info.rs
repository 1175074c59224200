//! What captures are as files: formats, interfaces, counts, damage.
//!
//! Input: [`Surveys`](crate::inspect::Surveys). Output: an [`Info`], and text made of it. The only serialised form of a
//! survey. Must not: compute more than sums and quotients, or judge.

mod build;
mod names;
pub mod schema;
mod table;

use serde::Serialize;

pub use self::build::info;
use self::schema::{Info, Input, Schema};
pub use self::table::table;
use crate::report::jsonl::line;
use crate::report::text;

/// The JSON Schema (draft 2020-12) of [`json`]'s output.
pub const SCHEMA: &str = include_str!("info.schema.json");

/// All of it as one JSON object, indented, with a newline at its end, escaped as reports are.
#[must_use]
pub fn json(info: &Info) -> String {
    // As for reports: nothing in the schema's types can fail to be written.
    let mut text = text::escape(&serde_json::to_string_pretty(info).unwrap_or_default());
    text.push('\n');
    text
}

/// One JSON object a line for each input, with the `type` `input` and the schema beside the fields of the JSON.
#[must_use]
pub fn jsonl(info: &Info) -> String {
    let mut out = String::new();
    for input in &info.inputs {
        line(&mut out, "input", &Line { schema: &info.schema, input });
    }
    out
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'a Schema,
    #[serde(flatten)]
    input: &'a Input,
}

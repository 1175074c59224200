//! The appendix: every flow, in a table that a script sorts and filters.
//!
//! A hundred thousand rows of markup would keep a browser busy for a minute, so the flows stand in the page as JSON: each
//! distinct text once, and a row of numbers for each flow. The first rows are markup as well, for whoever has no script.
//!
//! Input: a report. Output: rows for the template, and JSON. Must not: leave a text raw.

use std::collections::HashMap;

use serde::Serialize;

use crate::report::html::escape;
use crate::report::schema::{Flow, Report};
use crate::report::table::words;
use crate::report::text::{clean, count};

/// The appendix.
pub(super) struct Flows {
    /// How many flows there are.
    pub(super) total: String,
    /// The heads of the columns.
    pub(super) heads: Vec<Head>,
    /// The first rows.
    pub(super) rows: Vec<Vec<String>>,
    /// How many flows are in the JSON alone; `None` where there are none.
    pub(super) more: Option<String>,
    /// All rows, for the script.
    pub(super) json: String,
}

/// The head of a column.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Head {
    /// What it says.
    pub(super) title: &'static str,
    /// Whether its values are numbers.
    pub(super) is_number: bool,
}

/// Rows on the page at a time.
const PAGE: usize = 200;

const HEADS: [Head; 16] = [
    number("flow"),
    number("input"),
    number("first frame"),
    text("start (UTC)"),
    text("protocol"),
    text("local end"),
    text("remote end"),
    text("name"),
    text("whose"),
    text("service"),
    number("destination"),
    text("where"),
    text("countries, grade"),
    text("listing"),
    number("bytes out"),
    number("bytes in"),
];

const fn number(title: &'static str) -> Head {
    Head { title, is_number: true }
}

const fn text(title: &'static str) -> Head {
    Head { title, is_number: false }
}

/// A value of a row.
enum Value {
    Number(Option<u64>),
    Text(String),
}

/// What the script reads: `-1` stands for no number, and for a text its place in `texts`.
#[derive(Serialize)]
struct Table<'a> {
    page: usize,
    heads: &'a [Head],
    texts: Vec<String>,
    rows: Vec<Vec<i64>>,
}

/// The flows; `None` where the report lists none.
pub(super) fn flows(report: &Report) -> Option<Flows> {
    if report.flows.is_empty() {
        return None;
    }
    let mut known: HashMap<String, i64> = HashMap::new();
    let mut texts = Vec::new();
    let rows = report.flows.iter().map(|flow| {
        values(flow)
            .map(|value| match value {
                Value::Number(number) => number.and_then(|number| i64::try_from(number).ok()).unwrap_or(-1),
                Value::Text(text) => *known.entry(text).or_insert_with_key(|text| {
                    texts.push(text.clone());
                    i64::try_from(texts.len()).unwrap_or_default() - 1
                }),
            })
            .to_vec()
    });
    let rows = rows.collect();
    let table = Table { page: PAGE, heads: &HEADS, texts, rows };
    let more = report.flows.len().checked_sub(PAGE).filter(|more| *more > 0);
    Some(Flows {
        total: count(report.flows.len() as u64),
        heads: HEADS.to_vec(),
        rows: report.flows.iter().take(PAGE).map(shown).collect(),
        more: more.map(|more| count(more as u64)),
        // Numbers and texts alone, so this cannot fail.
        json: escape::json(&serde_json::to_string(&table).unwrap_or_default()),
    })
}

fn shown(flow: &Flow) -> Vec<String> {
    let shown = |value| match value {
        Value::Number(number) => number.map(count).unwrap_or_default(),
        Value::Text(text) => text,
    };
    values(flow).map(shown).to_vec()
}

fn values(flow: &Flow) -> [Value; 16] {
    let text = |text: &str| Value::Text(clean(text));
    let number = |number: u64| Value::Number(Some(number));
    let place = &flow.place;
    let countries = match place.axis.as_str() {
        "eea" | "outside" => format!("{}, {}", place.located.join("/"), place.grade),
        "undetermined" => place.grade.clone(),
        _ => String::new(),
    };
    [
        number(flow.id),
        number(u64::from(flow.input)),
        number(flow.first_frame),
        text(flow.start.as_deref().unwrap_or_default()),
        text(flow.transport),
        text(&flow.local),
        text(&flow.remote),
        text(flow.names.first().map(|name| name.name.as_str()).unwrap_or_default()),
        text(&words(&flow.whose)),
        text(&flow.service.as_deref().map(words).unwrap_or_default()),
        Value::Number(flow.destination),
        text(&place.axis),
        text(&countries),
        text(&flow.listing.as_deref().map(words).unwrap_or_default()),
        number(flow.bytes_out),
        number(flow.bytes_in),
    ]
}

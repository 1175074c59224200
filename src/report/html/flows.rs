//! The appendix: every flow, in a table that a script sorts and filters.
//!
//! A hundred thousand rows of markup would keep a browser busy for a minute, so the flows stand in the page as JSON: each
//! distinct text once, and a row of numbers for each flow. The first rows are markup as well, for whoever has no script.
//!
//! Input: a report. Output: rows for the template, and JSON. Must not: leave a text raw.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::client::Whose;
use crate::report::html::escape;
use crate::report::lang::Lang;
use crate::report::schema::{Flow, Report};
use crate::report::text::{clean, count};

/// The appendix.
pub(super) struct Flows {
    /// How many flows there are.
    pub(super) total: String,
    /// The heads of the columns.
    pub(super) heads: Vec<Head>,
    /// The first rows.
    pub(super) rows: Vec<Vec<String>>,
    /// What the rows are where no script has run.
    pub(super) plain: String,
    /// That the page has no room for all flows; `None` where it has.
    pub(super) left_out: Option<String>,
    /// The rows, for the script.
    pub(super) json: String,
}

/// The head of a column.
#[derive(Clone, Serialize)]
pub(super) struct Head {
    /// What the script knows it by.
    pub(super) id: &'static str,
    /// What it says.
    pub(super) title: String,
    /// Whether its values are numbers.
    pub(super) is_number: bool,
}

/// Rows on the page at a time.
const PAGE: usize = 200;

/// The most flows that a page holds: with more, a browser would take longer to read it than people wait.
const MOST: usize = 200_000;

/// The column of the input.
const INPUT: usize = 1;

/// The columns, and whether their values are numbers. The script knows those that it looks into by these ids.
const HEADS: [(&str, bool); 16] = [
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

const fn number(id: &str) -> (&str, bool) {
    (id, true)
}

const fn text(id: &str) -> (&str, bool) {
    (id, false)
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
    words: BTreeMap<&'static str, String>,
    texts: Vec<String>,
    rows: Vec<Vec<i64>>,
}

/// The flows; `None` where the report lists none.
pub(super) fn flows(report: &Report, lang: Lang) -> Option<Flows> {
    if report.flows.is_empty() {
        return None;
    }
    let has_one_input = report.inputs.len() < 2;
    let chosen = chosen(&report.flows, MOST);
    let mut texts = Texts::default();
    let rows = chosen.iter().map(|flow| texts.row(values(flow, has_one_input, lang))).collect();
    let head = |(id, is_number): (&'static str, bool)| Head { id, title: lang.word(id), is_number };
    let heads = columns(HEADS.map(head).to_vec(), has_one_input);
    let table = Table { page: PAGE, heads: &heads, words: script_words(lang), texts: texts.all, rows };
    let more = |shown: usize, all: usize| all.checked_sub(shown).filter(|more| *more > 0);
    // Numbers and texts alone, so this cannot fail.
    let json = escape::json(&serde_json::to_string(&table).unwrap_or_default());
    Some(Flows {
        total: count(report.flows.len() as u64),
        rows: chosen.iter().take(PAGE).map(|flow| shown(flow, has_one_input, lang)).collect(),
        plain: more(PAGE, chosen.len()).map_or_else(
            || lang.word("All flows, in the order of the capture."),
            |more| lang.say(FIRST, &[&count(more as u64)]),
        ),
        left_out: more(chosen.len(), report.flows.len())
            .map(|left| lang.say(LEFT_OUT, &[&count(left as u64)])),
        json,
        heads,
    })
}

const FIRST: &str = "The first flows of the capture; {more} more are shown by a script, which has not run here. All of them are \
                     in the report's JSON (--format json).";
const LEFT_OUT: &str = "A page of this kind has no room for all: {left} flows of others are left out here. The report's JSON has \
                        them.";

/// What the script says of the table, by its English.
fn script_words(lang: Lang) -> BTreeMap<&'static str, String> {
    SCRIPT_WORDS.into_iter().map(|english| (english, lang.word(english))).collect()
}

/// The script puts numbers for what stands in braces.
const SCRIPT_WORDS: [&str; 3] = [
    "No flow of {all} matches.",
    "Flows {from} to {until} of {shown}.",
    "Flows {from} to {until} of {shown} that match, of {all} in all.",
];

/// All flows, or as many as a page can hold: the client's and those that may be, and of the others the first.
fn chosen(flows: &[Flow], most: usize) -> Vec<&Flow> {
    let is_others = |flow: &&Flow| flow.whose == Whose::Other.name();
    let own = flows.iter().filter(|flow| !is_others(flow)).count();
    let mut room = most.saturating_sub(own);
    let mut own = most.min(own);
    let has_room = |flow: &&Flow| {
        let room = if is_others(flow) { &mut room } else { &mut own };
        let has_room = *room > 0;
        *room = room.saturating_sub(1);
        has_room
    };
    flows.iter().filter(has_room).collect()
}

/// Each distinct text once.
#[derive(Default)]
struct Texts {
    places: HashMap<String, i64>,
    all: Vec<String>,
}

impl Texts {
    fn row(&mut self, values: Vec<Value>) -> Vec<i64> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let value = |value| match value {
            Value::Number(found) => found.map_or(-1, number),
            Value::Text(text) => self.place(text),
        };
        values.into_iter().map(value).collect()
    }

    fn place(&mut self, text: String) -> i64 {
        if let Some(place) = self.places.get(&text) {
            return *place;
        }
        let place = i64::try_from(self.all.len()).unwrap_or_default();
        self.all.push(text.clone());
        self.places.insert(text, place);
        place
    }
}

/// Without the column that says the same in every row.
fn columns<T>(mut all: Vec<T>, has_one_input: bool) -> Vec<T> {
    if has_one_input {
        all.remove(INPUT);
    }
    all
}

fn shown(flow: &Flow, has_one_input: bool, lang: Lang) -> Vec<String> {
    let shown = |value| match value {
        Value::Number(number) => number.map(count).unwrap_or_default(),
        Value::Text(text) => text,
    };
    values(flow, has_one_input, lang).into_iter().map(shown).collect()
}

fn values(flow: &Flow, has_one_input: bool, lang: Lang) -> Vec<Value> {
    let text = |text: &str| Value::Text(clean(text));
    let number = |number: u64| Value::Number(Some(number));
    let place = &flow.place;
    let countries = match place.axis.as_str() {
        "eea" | "outside" => format!("{}, {}", place.located.join("/"), lang.id(&place.grade)),
        "undetermined" => lang.id(&place.grade),
        _ => String::new(),
    };
    let all = vec![
        number(flow.id),
        number(u64::from(flow.input)),
        number(flow.first_frame),
        text(flow.start.as_deref().unwrap_or_default()),
        text(flow.transport),
        text(&flow.local),
        text(&flow.remote),
        text(flow.names.first().map(|name| name.name.as_str()).unwrap_or_default()),
        text(&lang.id(&flow.whose)),
        text(&flow.service.as_deref().map(|id| lang.id(id)).unwrap_or_default()),
        Value::Number(flow.destination),
        text(&lang.id(&place.axis)),
        text(&countries),
        text(&flow.listing.as_deref().map(|id| lang.id(id)).unwrap_or_default()),
        number(flow.bytes_out),
        number(flow.bytes_in),
    ];
    columns(all, has_one_input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{Settings, inspect};
    use crate::report::{Options, build};

    fn made() -> Report {
        let inspection = inspect(&["captures/eea-meeting.pcapng".into()], Settings::default(), &());
        build(&inspection, Options { show_participants: false, list_flows: true })
    }

    #[test]
    fn every_flow_is_a_row_of_numbers() {
        let report = made();
        let flows = flows(&report, Lang::ENGLISH).unwrap();
        let read: serde_json::Value = serde_json::from_str(&flows.json).unwrap();
        assert_eq!(read["rows"].as_array().unwrap().len(), report.flows.len());
        assert!(flows.heads.iter().all(|head| head.title != "input"), "one input needs no column");
        for (row, flow) in read["rows"].as_array().unwrap().iter().zip(&report.flows) {
            assert_eq!(row.as_array().unwrap().len(), flows.heads.len());
            let remote = usize::try_from(row[5].as_u64().unwrap()).unwrap();
            assert_eq!((&row[0], &read["texts"][remote]), (&flow.id.into(), &flow.remote.as_str().into()));
        }
        assert!(super::flows(&Report { flows: Vec::new(), ..report }, Lang::ENGLISH).is_none());
    }

    #[test]
    fn where_there_is_no_room_for_all_the_clients_own_stay() {
        let flows = made().flows;
        let own = flows.iter().filter(|flow| flow.whose != "other").count();
        assert!(own > 3 && flows.len() > own + 1);
        let count = |most: usize| {
            let chosen = chosen(&flows, most);
            (chosen.iter().filter(|flow| flow.whose != "other").count(), chosen.len())
        };
        assert_eq!(
            [count(own + 1), count(3), count(usize::MAX)],
            [(own, own + 1), (3, 3), (own, flows.len())]
        );
    }
}

//! A report as it is read back: of its JSON, what a comparison needs.
//!
//! Input: the bytes of a report, by whoever made it. Output: [`Reading`]. Must not: trust a number in it to be another's
//! position, or refuse what a later minor version adds.

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::report::schema::{Report, Schema};

/// What a comparison needs of a report.
#[derive(Deserialize, Debug)]
pub(super) struct Reading {
    pub(super) schema: Name,
    #[serde(default)]
    pub(super) so_far: bool,
    #[serde(default)]
    pub(super) inputs: Vec<Input>,
    pub(super) destinations: Vec<Destination>,
    #[serde(default)]
    pub(super) sessions: Vec<Session>,
    #[serde(default)]
    pub(super) meetings: Vec<Meeting>,
    #[serde(default, deserialize_with = "counted")]
    pub(super) flows: Vec<Flow>,
    #[serde(default)]
    pub(super) quality: Quality,
    #[serde(default)]
    pub(super) cells: Vec<Cell>,
}

#[derive(Deserialize, Default, Debug)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) version: String,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct Input {
    pub(super) path: String,
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
    pub(super) damage: Option<IgnoredAny>,
    pub(super) frames_lost: Option<u64>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct Destination {
    pub(super) id: u64,
    pub(super) whose: String,
    pub(super) recipient: Option<String>,
    pub(super) host_pattern: String,
    pub(super) names: Vec<Seen>,
    pub(super) addresses: Vec<String>,
    pub(super) service: String,
    pub(super) network: Option<String>,
    pub(super) place: Place,
    pub(super) zone: Option<String>,
    pub(super) listing: String,
    pub(super) register: Option<String>,
    pub(super) flagged: bool,
    pub(super) flows: u64,
    pub(super) bytes_out: u64,
    pub(super) input: u32,
    pub(super) first_frame: u64,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct Place {
    pub(super) axis: String,
    pub(super) located: Vec<String>,
    pub(super) grade: String,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) origin: String,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct Flow {
    pub(super) input: u32,
    pub(super) destination: Option<u64>,
    pub(super) phase: Option<String>,
    pub(super) transport: String,
    pub(super) names: Vec<Seen>,
    pub(super) joined_midway: bool,
    pub(super) bytes_out: u64,
    pub(super) first_frame: u64,
    pub(super) handshake: Vec<Note>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct Note {
    pub(super) kind: String,
    pub(super) value: String,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct Session {
    pub(super) input: u32,
    pub(super) processes: Vec<Process>,
    pub(super) updates: Vec<Update>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct Process {
    pub(super) name: Option<String>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct Update {
    pub(super) version: String,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct Meeting {
    pub(super) start_input: u32,
    pub(super) start_rule: String,
    pub(super) end_rule: String,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct Quality {
    pub(super) vantage: Option<Vantage>,
    pub(super) law_date: Option<String>,
    pub(super) summed_up: Vec<SummedUp>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct SummedUp {
    pub(super) flows: u64,
    pub(super) input: Option<u32>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct Vantage {
    pub(super) located: Vec<String>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub(super) struct Cell {
    pub(super) name: String,
    pub(super) inputs: Vec<u32>,
    pub(super) platform: Option<String>,
    pub(super) build: Option<String>,
    pub(super) account: Option<String>,
    pub(super) vantage: Option<String>,
    pub(super) scenario: Option<String>,
}

/// Of the flows those that count under a destination: of others' a browser's profile may have a million.
fn counted<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Flow>, D::Error> {
    struct Counted;
    impl<'de> Visitor<'de> for Counted {
        type Value = Vec<Flow>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of flows")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Flow>, A::Error> {
            let mut flows = Vec::new();
            while let Some(flow) = list.next_element::<Flow>()? {
                flows.extend(Some(flow).filter(|flow| flow.destination.is_some()));
            }
            Ok(flows)
        }
    }
    from.deserialize_seq(Counted)
}

/// Reads the JSON of a report.
pub(super) fn parse(bytes: &[u8]) -> Result<Reading, String> {
    #[derive(Deserialize)]
    struct Head {
        schema: Name,
    }
    let head: Head = serde_json::from_slice(bytes).map_err(|error| {
        format!("no report: {error}; name a capture, a bundle, or what `inspect -o FILE.json` wrote")
    })?;
    let Name { name, version } = &head.schema;
    if name != Schema::NAME {
        return Err(format!(
            "its schema is {name}, not {}; name what `inspect -o FILE.json` wrote",
            Schema::NAME
        ));
    }
    if major(version) != major(Schema::VERSION) {
        return Err(format!(
            "of schema {version}, in which the same words mean something else than in {}, which is known here; make it again \
             from its captures, or name the captures",
            Schema::VERSION
        ));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| format!("a report that is broken: {error}; ask for another copy, or make it again"))
}

fn major(version: &str) -> Option<&str> {
    version.split_once('.').map(|(major, _)| major)
}

/// Reads a report that was just made, by the way that every other goes.
pub(super) fn of_report(report: &Report) -> Result<Reading, String> {
    let bytes = serde_json::to_vec(report).map_err(|error| error.to_string())?;
    parse(&bytes)
}

//! What decrypted traffic tells of the client's use, and what undecrypted traffic shows of it, as it is written.

use std::collections::BTreeMap;

use serde::Serialize;

/// Exchanges, events and personal data in what was decrypted; and what connections show without keys.
#[derive(Serialize, Clone, Debug, Default)]
pub struct Telemetry {
    /// Whether planted values and identifiers are shown as they are (`--reveal`).
    pub revealed: bool,
    /// Where exchanges were read from.
    pub sources: Vec<TelemetrySource>,
    /// The places that requests went to.
    pub endpoints: Vec<TelemetryEndpoint>,
    /// The events that bodies told, equal ones counted.
    pub events: Vec<TelemetryEvent>,
    /// The list that they were held against; `null` where nothing was decrypted.
    pub list: Option<TelemetryList>,
    /// The values that were planted (`--planted`).
    pub planted: Vec<PlantedValue>,
    /// The personal data that were found.
    pub personal: Vec<PersonalDatum>,
    /// Connections to the client's places for telemetry, by destination, phase and session. They say nothing of content.
    pub profiles: Vec<Profile>,
    /// The same of several sessions held against each other, by host pattern, service and phase.
    pub profile_comparisons: Vec<ProfileComparison>,
    /// What limits the rest, in sentences.
    pub remarks: Vec<String>,
}

/// Where exchanges were read from.
#[derive(Serialize, Clone, Debug, Default)]
pub struct TelemetrySource {
    /// `capture`, `har` or `mitmproxy`.
    pub kind: &'static str,
    /// The path of the input, or the file's name without its folder.
    pub name: String,
    /// The SHA-256 of a file; `null` for captures, which stand among the inputs.
    pub sha256: Option<String>,
    /// Exchanges that were read.
    pub exchanges: u64,
    /// Those that are tied to a flow of a capture.
    pub with_flow: u64,
    /// Those that fit several flows as well, and are tied to none.
    pub several_flows: u64,
    /// Exchanges past the most that are kept, which are counted alone.
    pub not_kept: u64,
    /// Connections that were not read to the end, because they took more memory than there is.
    pub given_up: u64,
    /// Bytes that belong to no exchange.
    pub unread_bytes: u64,
    /// Parts of a file that could not be read.
    pub faults: u64,
}

/// Where something went. Fields of what was decrypted have it.
#[derive(Serialize, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whither {
    /// The place among `sources`, from 0.
    pub source: u64,
    /// The host, with `*` for labels that hold what was planted; `null` where it is not known.
    pub host: Option<String>,
    /// The path without its query, with `*` for segments that may be somebody's.
    pub path: String,
    /// Whose the flow is; `null` where none is known.
    pub whose: Option<String>,
    /// The destination that the flow was counted under.
    pub destination: Option<u64>,
    /// Where that stands, seen from the EEA.
    pub axis: Option<String>,
    /// What the register says of it.
    pub listing: Option<String>,
    /// The phase of the session in which it was sent.
    pub phase: Option<&'static str>,
}

/// A place that requests went to.
#[derive(Serialize, Clone, Debug, Default)]
pub struct TelemetryEndpoint {
    /// Where.
    #[serde(flatten)]
    pub whither: Whither,
    /// The row of the built-in endpoints that it is; `null` where it is none.
    pub endpoint: Option<String>,
    /// Whether it is there for telemetry, by its host or its path.
    pub is_telemetry: bool,
    /// Exchanges.
    pub exchanges: u64,
    /// Bytes of content that the client sent, as they were on the wire where that is known.
    pub bytes_up: u64,
    /// Bytes of content that the server sent.
    pub bytes_down: u64,
    /// What the client's bodies are, and how many of each.
    pub bodies: BTreeMap<&'static str, u64>,
    /// Exchanges with a body of which no shape of events is known.
    pub unknown_bodies: u64,
    /// Exchanges of which not all content could be looked into.
    pub partial: u64,
    /// Events in them.
    pub events: u64,
    /// The shape by which they were read.
    pub shape: Option<String>,
    /// The time of the first.
    pub first: Option<String>,
    /// The time of the last.
    pub last: Option<String>,
    /// The input of the first frame; `null` for imports.
    pub input: Option<u32>,
    /// The first frame of the first request.
    pub frame: Option<u64>,
}

/// An event that a body told.
#[derive(Serialize, Clone, Debug, Default)]
pub struct TelemetryEvent {
    /// Its name. Anybody's text.
    pub name: String,
    /// What else names it.
    pub detail: Option<String>,
    /// Where in the client it was, in the words of the body.
    pub place: Option<String>,
    /// Where it was sent.
    #[serde(flatten)]
    pub whither: Whither,
    /// The shape by which it was read.
    pub shape: String,
    /// `listed`, `not_listed`, or `unknown` where the list is not whole and does not name it.
    pub on_list: &'static str,
    /// How many.
    pub count: u64,
    /// When the first was, in the words of the body.
    pub stated_time: Option<String>,
    /// When the first was sent.
    pub first: Option<String>,
    /// When the last was sent.
    pub last: Option<String>,
    /// The input of the frame.
    pub input: Option<u32>,
    /// The first frame of the request that told the first.
    pub frame: Option<u64>,
}

/// The list of events.
#[derive(Serialize, Clone, Debug, Default)]
pub struct TelemetryList {
    /// What it is.
    pub name: String,
    /// Where it is from.
    pub source: Option<String>,
    /// Whether it is the whole list.
    pub whole: bool,
    /// Columns that are not known and were passed over.
    pub unknown_columns: Vec<String>,
    /// Kinds of events that are on it.
    pub listed: u64,
    /// Kinds of events that are not on it.
    pub not_listed: u64,
    /// Names on it that no body told. Where not all was decrypted, that says nothing.
    pub never_seen: Vec<String>,
}

/// A value that was planted.
#[derive(Serialize, Clone, Debug, Default)]
pub struct PlantedValue {
    /// What the tester calls it.
    pub label: String,
    /// What kind it is.
    pub kind: &'static str,
    /// The value, masked unless it was to be revealed.
    pub value: String,
    /// Whether it is too short to be looked for but as a hash.
    pub only_as_hash: bool,
    /// Places where it was found.
    pub found: u64,
}

/// Personal data that were found.
#[derive(Serialize, Clone, Debug, Default)]
pub struct PersonalDatum {
    /// `planted` or `identifier`.
    pub kind: &'static str,
    /// The label of the planted value, or the id of the identifier.
    pub what: String,
    /// The value, masked unless it was to be revealed.
    pub value: String,
    /// Where it was sent.
    #[serde(flatten)]
    pub whither: Whither,
    /// `host`, `path`, `query`, `header`, `body` or `websocket`.
    pub part: &'static str,
    /// The field's name there; `null` where it has none.
    pub field: Option<String>,
    /// The codings that were undone, the outermost first.
    pub codings: Vec<&'static str>,
    /// The hash that it was found as: it is pseudonymised, and still personal.
    pub hash: Option<&'static str>,
    /// How often it is there.
    pub count: u64,
    /// When the first was sent.
    pub first: Option<String>,
    /// The input of the frame.
    pub input: Option<u32>,
    /// The first frame of the first request with it.
    pub frame: Option<u64>,
}

/// The connections of one session to one destination in one phase.
#[derive(Serialize, Clone, Debug, Default)]
pub struct Profile {
    /// The destination.
    pub destination: u64,
    /// Its host pattern.
    pub host_pattern: String,
    /// Its service.
    pub service: String,
    /// The phase; `null` where it has none.
    pub phase: Option<&'static str>,
    /// The session.
    pub session: Option<u64>,
    /// Connections over which the client sent something.
    pub uploads: u64,
    /// Connections over which it sent nothing.
    pub silent: u64,
    /// Bytes of payload that the client sent, encrypted.
    pub bytes_up: u64,
    /// Bytes of payload that the server sent, encrypted.
    pub bytes_down: u64,
    /// Bytes up for each byte down, rounded to hundredths; `null` where none came down.
    pub up_per_down: Option<f64>,
    /// The smallest upload in bytes.
    pub smallest: u64,
    /// The middle one; of two the smaller.
    pub median: u64,
    /// The largest.
    pub largest: u64,
    /// The middle time between beginnings in seconds; `null` for less than two with times.
    pub every_seconds: Option<f64>,
    /// When the last packet of the first upload was.
    pub first_end: Option<String>,
    /// When the last packet of the last upload was.
    pub last_end: Option<String>,
    /// What the client sent, told apart by pauses of a second and more within connections; `null` where not all of these are
    /// known.
    pub bursts: Option<Bursts>,
}

/// What a client sent over connections, told apart by pauses of a second and more. Of the first of each the handshake is a part.
#[derive(Serialize, Clone, Debug, Default)]
pub struct Bursts {
    /// Bursts in which the client sent something.
    pub uploads: u64,
    /// The smallest in bytes that the client sent.
    pub smallest: u64,
    /// The middle one; of two the smaller.
    pub median: u64,
    /// The largest.
    pub largest: u64,
    /// The middle time between their ends in seconds; `null` for less than two.
    pub every_seconds: Option<f64>,
    /// The first of them, by their ends.
    pub list: Vec<Burst>,
    /// How many more there are.
    pub not_listed: u64,
}

/// One of them.
#[derive(Serialize, Clone, Debug, Default)]
pub struct Burst {
    /// When its last packet was.
    pub end: Option<String>,
    /// Bytes of payload that the client sent, encrypted.
    pub bytes_up: u64,
    /// Bytes of payload that the server sent, encrypted.
    pub bytes_down: u64,
}

/// Connections of several sessions to one host pattern in one phase.
#[derive(Serialize, Clone, Debug, Default)]
pub struct ProfileComparison {
    /// The host pattern.
    pub host_pattern: String,
    /// The service.
    pub service: String,
    /// The phase; `null` where they have none.
    pub phase: Option<&'static str>,
    /// The sessions that have such connections.
    pub sessions: Vec<SessionProfile>,
    /// The sessions that had the phase, and no such connection in it.
    pub absent: Vec<u64>,
}

/// What one session shows of them.
#[derive(Serialize, Clone, Debug, Default)]
pub struct SessionProfile {
    /// The session.
    pub session: u64,
    /// Connections over which the client sent something.
    pub uploads: u64,
    /// Connections over which it sent nothing.
    pub silent: u64,
    /// Bytes of payload that the client sent, encrypted.
    pub bytes_up: u64,
    /// Bytes of payload that the server sent, encrypted.
    pub bytes_down: u64,
    /// Bytes up for each byte down, rounded to hundredths; `null` where none came down.
    pub up_per_down: Option<f64>,
    /// The middle time between beginnings in seconds; `null` for less than two with times.
    pub every_seconds: Option<f64>,
    /// Bursts in which the client sent something; `null` where not all are known.
    pub bursts: Option<u64>,
}

//! What moves when the same captures are read by something else, as it is written.

use serde::Serialize;

/// The same captures read by another database, override or register.
#[derive(Serialize, Clone, Debug)]
pub struct Against {
    /// The file, as it was given.
    pub file: String,
    /// `database`, `overrides` or `register`.
    pub kind: String,
    /// The findings that move: first those that are flagged then.
    pub moved: Vec<Moved>,
    /// Judged flows of which nothing moves.
    pub flows_unmoved: u64,
}

/// A finding that moves.
#[derive(Serialize, Clone, Debug)]
pub struct Moved {
    /// The host pattern, or the address where no name was seen.
    pub host_pattern: String,
    /// The remote address; a participant's is masked.
    pub address: String,
    /// How many flows.
    pub flows: u64,
    /// The input that holds its first frame.
    pub input: u32,
    /// Its first frame.
    pub first_frame: u64,
    /// How the report reads it.
    pub before: Reading,
    /// How it reads by the file.
    pub after: Reading,
    /// What stands behind the change, one clause each.
    pub why: Vec<String>,
}

/// What was found about a remote end, in short; the fields are those of destinations.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// As in places.
    pub axis: String,
    /// As in places.
    pub located: Vec<String>,
    /// As in places.
    pub grade: String,
    /// As in destinations.
    pub zone: Option<String>,
    /// As in destinations.
    pub listing: String,
    /// As in destinations.
    pub register: Option<String>,
    /// As in destinations.
    pub register_entry: Option<String>,
    /// As in destinations.
    pub flagged: bool,
    /// The day by whose law it was read.
    pub law_date: Option<String>,
}

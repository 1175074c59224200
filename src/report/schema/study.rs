//! The cells of a study, the matrix of which service went where in which of them, and the differences, as they are written.

use serde::Serialize;

use crate::verdict::Axis;

/// The test that the captures are of.
#[derive(Serialize, Clone, Debug)]
pub struct Study {
    /// What it is about, by its manifest.
    pub title: Option<String>,
    /// The manifest, as it was named; `null` where the cells are folders.
    pub manifest: Option<String>,
}

/// One run of the test. Traits are the tester's word; what is not said is `null`.
#[derive(Serialize, Clone, Debug)]
pub struct Cell {
    /// Its number, from 1.
    pub id: u64,
    /// Its key.
    pub name: String,
    /// `compared`, `nothing_recognised` (no traffic of the client) or `not_read` (none of its captures could be read); the
    /// matrix says of a cell that is compared alone that something was not seen there.
    pub state: &'static str,
    /// Its captures, as they were named.
    pub captures: Vec<String>,
    /// Its inputs.
    pub inputs: Vec<u32>,
    /// The client's runs in it.
    pub sessions: Vec<u64>,
    /// What in its captures is missing, one clause each: there, what was not seen may have been lost.
    pub limits: Vec<String>,
    /// `windows`, `macos`, `linux`, `ios`, `android` or `browser`.
    pub platform: Option<&'static str>,
    /// The client's build.
    pub build: Option<String>,
    /// The type of the account.
    pub account: Option<String>,
    /// Whether the account signs in through its organisation.
    pub sso: Option<bool>,
    /// The host name of the account's own address.
    pub vanity_host: Option<String>,
    /// Whether the meeting was encrypted end to end.
    pub e2ee: Option<bool>,
    /// Whether the user was a guest of the organisation that held the meeting.
    pub guest: Option<bool>,
    /// Whether the account allows files to be shared.
    pub file_sharing: Option<bool>,
    /// Where its client stood, by the tester's word, in words.
    pub vantage: Option<String>,
    /// Where that is, by the tester's word or by its own addresses: `eea`, `outside` (nothing in the cell leaves the EEA) or
    /// `undetermined` (partly in it); `null` where it is not known.
    pub vantage_axis: Option<&'static str>,
    /// The region that the account's data are kept in; for a guest, that of the host's account.
    pub region: Option<String>,
    /// The regions that the account chose for media, by codes of countries, `EU` or `EEA`; none where it is not known.
    pub media_regions: Vec<String>,
    /// The service that the account is of, where it is not the public one.
    pub service: Option<String>,
    /// What was done.
    pub scenario: Option<String>,
    /// The file of marks.
    pub marks: Option<String>,
    /// The tester's notes.
    pub notes: Option<String>,
}

impl Cell {
    /// The state of a cell that is compared with others.
    pub const COMPARED: &str = "compared";

    /// Whether its client stood outside the EEA, so that nothing in it leaves the EEA.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        self.vantage_axis == Some(Axis::Outside.name())
    }

    /// Whether it is compared with others.
    #[must_use]
    pub fn is_compared(&self) -> bool {
        self.state == Self::COMPARED
    }
}

/// One service at one recipient's host pattern, in every cell.
#[derive(Serialize, Clone, Debug)]
pub struct MatrixRow {
    /// Its number, from 1.
    pub id: u64,
    /// `client` or `not_attributable`.
    pub whose: String,
    /// What the remote end is for.
    pub service: String,
    /// The recipient's id in the catalogue.
    pub recipient: Option<String>,
    /// The recipient's legal name.
    pub recipient_name: Option<String>,
    /// The host pattern; `null` for all addresses of which no name was seen.
    pub host_pattern: Option<String>,
    /// Where it went, by the numbers of the cells; a cell stands there once for each destination.
    pub seen: Vec<Seen>,
    /// The cells that are compared and have none of it.
    pub not_seen_in: Vec<u64>,
}

/// What one destination is in one cell.
#[derive(Serialize, Clone, Debug)]
pub struct Seen {
    /// The cell.
    pub cell: u64,
    /// The destination; its evidence stands there.
    pub destination: u64,
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
    /// Whether any of its flows in this cell was answered.
    pub answered: bool,
    /// How many flows in this cell.
    pub flows: u64,
    /// Bytes on the wire sent by the client in this cell.
    pub bytes_out: u64,
    /// Bytes on the wire received in this cell.
    pub bytes_in: u64,
    /// The input that holds its first frame in this cell.
    pub input: u32,
    /// That frame.
    pub first_frame: u64,
}

/// A row in which cells differ.
#[derive(Serialize, Clone, Debug)]
pub struct Difference {
    /// The row.
    pub row: u64,
    /// In what: `presence`, `axis`, `place`, `listing`. How sure a place is makes no difference.
    pub kinds: Vec<&'static str>,
    /// The cells that read the same, together; first those where it was seen.
    pub groups: Vec<Group>,
    /// The same in one sentence.
    pub says: String,
}

/// Cells in which a row reads the same.
#[derive(Serialize, Clone, Debug)]
pub struct Group {
    /// The cells.
    pub cells: Vec<u64>,
    /// What is to be read there.
    pub reads: String,
}

//! The report as it is written: the only serialised form of the project's results. `schema.json` beside this file
//! describes it for machines, and a test holds the two together.
//!
//! Names are in `snake_case`, times are RFC 3339 in UTC, counts are integers, addresses are "address:port" with IPv6
//! in brackets. What is not known is `null`, never an empty text or a zero. A new field raises the minor version,
//! a changed meaning the major one.

mod against;
mod claim;
mod decryption;
mod process;
mod quality;
mod session;
mod step;
mod study;
mod telemetry;
mod tunnel;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};

pub use self::against::{Against, Moved, Reading};
pub use self::claim::{Claim, ClaimCell, ClaimFlow, ClaimSource, LookedAt};
pub use self::decryption::{Decrypted, Decryption, KeySource};
pub use self::process::{Parent, Process};
pub use self::quality::{Quality, SummedUp, Suspicion, Undecoded, Vantage, VantageConflict};
pub use self::session::{Meeting, Milestone, Phase, PhaseFlows, PhaseTraffic, Session, Update};
pub use self::step::{Step, UnusedMark, Upload};
pub use self::study::{Cell, Difference, Group, MatrixRow, Seen, Study};
pub use self::telemetry::{
    Burst, Bursts, PersonalDatum, PlantedValue, Profile, ProfileComparison, SessionProfile, Telemetry,
    TelemetryEndpoint, TelemetryEvent, TelemetryList, TelemetrySource, Whither,
};
pub use self::tunnel::Tunnel;
use crate::client::Whose;
use crate::place::Grade;
use crate::verdict::Axis;

/// A whole report.
#[derive(Serialize, Clone, Debug)]
pub struct Report {
    /// Which schema this is.
    pub schema: Schema,
    /// What made it.
    pub tool: Tool,
    /// True where the captures were still being read, and this is what their first frames say; absent in the report of whole ones.
    #[serde(skip_serializing_if = "is_false")]
    pub so_far: bool,
    /// The inputs in the order in which they were read; other parts refer to them by position, from 0.
    pub inputs: Vec<Input>,
    /// Sums over all inputs.
    pub totals: Totals,
    /// The first lines, as sentences and as counts.
    pub headline: Headline,
    /// One entry for each recipient's host pattern in one place: flagged ones first.
    pub destinations: Vec<Destination>,
    /// The client's runs.
    pub sessions: Vec<Session>,
    /// The meetings in them.
    pub meetings: Vec<Meeting>,
    /// The steps of the tester's script.
    pub steps: Vec<Step>,
    /// Every flow, the client's and others.
    pub flows: Vec<Flow>,
    /// The tunnels that were opened.
    pub tunnels: Vec<Tunnel>,
    /// What was odd about the inputs.
    pub anomalies: Vec<Anomaly>,
    /// What the captures could not show.
    pub quality: Quality,
    /// What key logs opened; absent where no key is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decryption: Option<Decryption>,
    /// What was sent of the client's use; absent where nothing was, or nothing shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<Telemetry>,
    /// The data that answers rest on.
    pub data_sources: Vec<DataSource>,
    /// The registers that were compared with, and their limits.
    pub registers: Vec<Register>,
    /// The documented claims that were put to the captures (`--claims`), in the order of their file.
    pub claims: Vec<Claim>,
    /// The same captures read by something else (`--against`); `null` where that was not asked for.
    pub against: Option<Against>,
    /// The test that the captures are of (`--manifest`, `--by-folder`); `null` where there is none.
    pub study: Option<Study>,
    /// Its cells.
    pub cells: Vec<Cell>,
    /// Which service went where, in which cell.
    pub matrix: Vec<MatrixRow>,
    /// The rows of the matrix in which cells differ.
    pub differences: Vec<Difference>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "this is how the derived code calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The schema's name and version.
#[derive(Serialize, Clone, Debug)]
pub struct Schema {
    /// Always `borderpost-report`.
    pub name: &'static str,
    /// `major.minor`.
    pub version: &'static str,
}

impl Schema {
    /// The name of the schema of reports.
    pub const NAME: &str = "borderpost-report";
    /// Its version.
    pub const VERSION: &str = "1.0";

    /// The schema of the reports that this program makes.
    pub(crate) const OWN: Self = Self { name: Self::NAME, version: Self::VERSION };
}

/// The program that made the report.
#[derive(Serialize, Clone, Debug)]
pub struct Tool {
    /// Always `borderpost`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// One input.
#[derive(Serialize, Clone, Debug)]
pub struct Input {
    /// The path as it was given.
    pub path: String,
    /// The SHA-256 of the stored bytes in hexadecimal; `null` where hashing was switched off.
    pub sha256: Option<String>,
    /// The stored size in bytes.
    pub size: u64,
    /// `pcap` or `pcapng`.
    pub format: String,
    /// `gzip`, or `null`.
    pub compression: Option<String>,
    /// Frames read, by the count of Wireshark: records that hold no packet have numbers, too.
    pub frames: u64,
    /// The earliest frame's time.
    pub start: Option<String>,
    /// The latest frame's time.
    pub end: Option<String>,
    /// Where reading had to stop first, and why; every place is among the anomalies.
    pub damage: Option<Damage>,
    /// Frames that the capturing side says it lost; `null` where it does not say.
    pub frames_lost: Option<u64>,
}

/// Where an input stops making sense.
#[derive(Serialize, Clone, Debug)]
pub struct Damage {
    /// What kind, in `snake_case`.
    pub kind: String,
    /// The byte offset in the input, after decompression.
    pub offset: u64,
    /// The last frame before it.
    pub after_frame: u64,
    /// What is wrong, for people.
    pub what: String,
    /// The byte offset at which reading resumed; `null` where it did not.
    pub resumed_at: Option<u64>,
}

/// Sums over all inputs. The counts of the classes add up to `frames`.
#[derive(Serialize, Clone, Debug)]
pub struct Totals {
    /// Frames read.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Flows.
    pub flows: u64,
    /// Frames of each class, by the class's name.
    #[serde(flatten)]
    pub classes: BTreeMap<String, u64>,
}

/// The answer in short.
#[derive(Serialize, Clone, Debug, Default)]
pub struct Headline {
    /// The first lines of every format.
    pub lines: Vec<String>,
    /// Whether any flow of the client was recognised.
    pub recognised: bool,
    /// Destinations shown outside the EEA, likely or confirmed.
    pub outside: u64,
    /// Those of them that the register of the day does not list.
    pub outside_unlisted: u64,
    /// Destinations that are only possibly outside.
    pub outside_possible: u64,
    /// Destinations that could not be placed.
    pub undetermined: u64,
    /// Destinations in the EEA at the first hop, likely or confirmed.
    pub eea: u64,
    /// Destinations that are only possibly in the EEA.
    pub eea_possible: u64,
    /// Those of the likely or confirmed ones that are run by companies seated outside it.
    pub eea_seated_outside: u64,
    /// Third parties outside the EEA, likely or confirmed, that nothing ties to the client.
    pub third_parties_outside: u64,
    /// Third parties only possibly outside the EEA that nothing ties to the client.
    pub third_parties_possible: u64,
    /// Frames that the capturing side says it lost, in the inputs that say; `null` where none does.
    pub frames_lost: Option<u64>,
}

/// Who stands where, under which law.
#[derive(Serialize, Clone, Debug)]
pub struct Place {
    /// `eea`, `outside`, `undetermined`, `local` or `participant`.
    pub axis: String,
    /// The country in whose registry the address block stands. It is not a place.
    pub registered: Option<String>,
    /// The countries that the witnesses still allow; empty where they carry no verdict.
    pub located: Vec<String>,
    /// `confirmed`, `likely`, `possible`, `conflict`, `anycast`, `undetermined` or `local`.
    pub grade: String,
    /// Countries that a weaker witness claims instead.
    pub disputed: Vec<String>,
    /// Why there is no verdict, or why the grade is not higher.
    pub reason: Option<String>,
    /// What would settle it, where something could.
    pub remedy: Option<String>,
    /// What it rests on, for and against.
    pub witnesses: Vec<Witness>,
}

/// A piece of evidence about a place.
#[derive(Serialize, Clone, Default, Debug)]
pub struct Witness {
    /// Which witness, in `snake_case`.
    pub kind: &'static str,
    /// Its dependency group; one group counts once.
    pub group: &'static str,
    /// `in`, `not_in`, `no_site_in` (no known site of the operator there), `origin_unknown` or `nothing`.
    pub claim: &'static str,
    /// The countries of the claim.
    pub countries: Vec<String>,
    /// `none`, `medium`, `strong` or `hard`.
    pub strength: &'static str,
    /// Where it is from.
    #[serde(serialize_with = "shared")]
    pub source: Arc<str>,
    /// That source's date.
    pub dated: Option<String>,
    /// The input that holds the frame.
    pub input: Option<u32>,
    /// The frame it was read from.
    pub frame: Option<u64>,
    /// Whether its source is dated more than 180 days from the flow.
    pub stale: bool,
    /// Whether the verdict rests on it.
    pub decisive: bool,
    /// What it says, in words.
    #[serde(serialize_with = "shared")]
    pub says: Arc<str>,
    /// The address it is about; `null` where it says the same of several, or a name without an address was asked for.
    pub address: Option<String>,
}

/// Writes a text that is kept once and shared.
fn shared<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}

/// One recipient's host pattern in one place.
#[derive(Serialize, Clone, Debug)]
pub struct Destination {
    /// Its position in the list, from 1.
    pub id: u64,
    /// `client` or `not_attributable`.
    pub whose: String,
    /// How the flows were recognised: `payload`, `name`, `range`, `process`, `exclusive` or `mark`.
    pub identified_by: Vec<String>,
    /// The recipient's id in the catalogue.
    pub recipient: Option<String>,
    /// The recipient's legal name.
    pub recipient_name: Option<String>,
    /// The country of its seat. It is not a place.
    pub recipient_seat: Option<String>,
    /// The host pattern, or the address where no name was seen.
    pub host_pattern: String,
    /// The names that were seen, each once for each origin, with the first frame it was read from.
    pub names: Vec<Name>,
    /// The remote addresses; a participant's is masked.
    pub addresses: Vec<String>,
    /// What the remote end is for.
    pub service: String,
    /// The network that announces the address.
    pub network: Option<String>,
    /// The country of that network's seat. It is not a place.
    pub network_seat: Option<String>,
    /// Where it stands.
    pub place: Place,
    /// The legal region of that place on the day.
    pub zone: Option<String>,
    /// The treaty or decision that makes it so.
    pub zone_basis: Option<String>,
    /// Whether a transfer to this recipient rests on a decision on adequacy; `null` where that is not known.
    pub adequate: Option<bool>,
    /// Who says that the recipient is certified, or is not, where the decision asks for that.
    pub certified_by: Option<String>,
    /// `listed`, `unlisted`, `undecided` (it would be listed in one of its possible places), `no_register` (none covers
    /// the day), or `not_a_recipient`.
    pub listing: String,
    /// Where it would be listed if it stood there.
    pub listing_hint: Option<String>,
    /// The register entry that names it.
    pub register_entry: Option<String>,
    /// The register that was compared with.
    pub register: Option<String>,
    /// Outside the EEA and not listed.
    pub flagged: bool,
    /// Whether its recipient or its network is seated outside the EEA: a fact beside every place, never a place.
    pub seated_outside_eea: bool,
    /// Whether any of its flows was answered. An attempt without an answer discloses the address.
    pub answered: bool,
    /// How many flows.
    pub flows: u64,
    /// The phases in which they began, with how many in each; what is in no session is in no phase.
    pub phases: Vec<PhaseFlows>,
    /// Packets sent by the client.
    pub packets_out: u64,
    /// Packets received.
    pub packets_in: u64,
    /// Bytes on the wire sent by the client.
    pub bytes_out: u64,
    /// Bytes on the wire received.
    pub bytes_in: u64,
    /// The input that holds its first frame.
    pub input: u32,
    /// Its first frame in that input.
    pub first_frame: u64,
    /// The input that holds its last frame.
    pub last_input: u32,
    /// Its last frame in that input.
    pub last_frame: u64,
    /// The first frame's time.
    pub start: Option<String>,
    /// The last frame's time.
    pub end: Option<String>,
    /// A Wireshark display filter that shows its frames.
    pub display_filter: String,
    /// Why the flows are the client's, or what would tie them to it.
    pub because: String,
}

impl Destination {
    /// Whether its flows are the client's.
    #[must_use]
    pub fn is_client(&self) -> bool {
        self.whose == Whose::Client.name()
    }

    /// Whether it stands there, seen from the EEA.
    #[must_use]
    pub fn is_at(&self, axis: Axis) -> bool {
        self.place.axis == axis.name()
    }

    /// Whether its place is no more than possible.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.place.grade == Grade::Possible.name()
    }
}

/// Both directions of one five-tuple in one stretch of time.
#[derive(Serialize, Clone, Debug)]
pub struct Flow {
    /// Its number, from 0, in order of first frames within a capture, but for flows of a first fragment alone.
    pub id: u64,
    /// The input that holds its first frame.
    pub input: u32,
    /// The session it belongs to.
    pub session: Option<u64>,
    /// The step of the tester's script in which it began.
    pub step: Option<u64>,
    /// The destination that it was counted under.
    pub destination: Option<u64>,
    /// The phase of its session in which it began.
    pub phase: Option<&'static str>,
    /// `tcp` or `udp`.
    pub transport: &'static str,
    /// The local end.
    pub local: String,
    /// The remote end; a participant's address is masked.
    pub remote: String,
    /// Why the local end is the local one.
    pub local_reason: &'static str,
    /// The tunnel that its packets came out of.
    pub tunnel: Option<u64>,
    /// The VLAN tags, outermost first.
    pub vlan: Vec<u16>,
    /// The names seen.
    pub names: Vec<Name>,
    /// The processes that the capture says the flow is of.
    pub processes: Vec<Process>,
    /// `client`, `not_attributable` or `other`.
    pub whose: String,
    /// `payload`, `name`, `range`, `process`, `exclusive` or `mark`; `null` for others' flows.
    pub identified_by: Option<String>,
    /// What the remote end is for; `null` for others' flows.
    pub service: Option<String>,
    /// The recipient's id.
    pub recipient: Option<String>,
    /// The country of the recipient's seat.
    pub recipient_seat: Option<String>,
    /// The network that announces the remote address.
    pub network: Option<String>,
    /// The country of that network's seat.
    pub network_seat: Option<String>,
    /// Where the remote end stands; a round trip is among the witnesses where the place rests on it, and in
    /// `rtt_min_ms` in any case.
    pub place: Place,
    /// The legal region of that place on the day.
    pub zone: Option<String>,
    /// As in destinations; `null` for others' flows.
    pub listing: Option<String>,
    /// The register entry that names it.
    pub register_entry: Option<String>,
    /// Whether both ends sent packets.
    pub answered: bool,
    /// Whether the flow's opening is missing from the capture.
    pub joined_midway: bool,
    /// Packets sent by the local end.
    pub packets_out: u64,
    /// Packets received.
    pub packets_in: u64,
    /// Bytes on the wire sent by the local end.
    pub bytes_out: u64,
    /// Bytes on the wire received.
    pub bytes_in: u64,
    /// Transport payload bytes sent; each byte of a TCP stream counts once.
    pub payload_out: u64,
    /// Transport payload bytes received.
    pub payload_in: u64,
    /// Bytes of TCP payload that the local end sent again.
    pub repeated_out: u64,
    /// Bytes of TCP payload that were received again.
    pub repeated_in: u64,
    /// The first frame.
    pub first_frame: u64,
    /// The input that holds its last frame.
    pub last_input: u32,
    /// The last frame.
    pub last_frame: u64,
    /// The first frame's time.
    pub start: Option<String>,
    /// The last frame's time.
    pub end: Option<String>,
    /// The least round trip to the remote end in milliseconds, from requests of the local end.
    pub rtt_min_ms: Option<f64>,
    /// The input that holds the reply it was measured with.
    pub rtt_input: Option<u32>,
    /// The frame of the reply it was measured with.
    pub rtt_frame: Option<u64>,
    /// What was read off the handshake, with frames.
    pub handshake: Vec<Note>,
}

/// A name of a flow's remote end.
#[derive(Serialize, Clone, Debug)]
pub struct Name {
    /// The name.
    pub name: String,
    /// `sni`, `sni_other_copy`: in a later copy of a request whose copies differ, or in a second request, `quic_sni`, `dtls_sni`, `http_host`,
    /// `certificate`, `dns`, `dns_alias`, `dns_hint`, or `same_address`: seen on another flow of this host.
    pub origin: &'static str,
    /// The input that holds the frame.
    pub input: u32,
    /// The frame it was read from.
    pub frame: u64,
}

/// Something else read off a flow.
#[derive(Serialize, Clone, Debug)]
pub struct Note {
    /// What, in `snake_case`.
    pub kind: &'static str,
    /// Its value.
    pub value: String,
    /// The input that holds the frame.
    pub input: u32,
    /// The frame it was read from.
    pub frame: u64,
}

/// Something odd about an input.
#[derive(Serialize, Clone, Debug)]
pub struct Anomaly {
    /// What kind, in `snake_case`.
    pub kind: String,
    /// The input.
    pub input: u32,
    /// The first frame it was noticed at.
    pub frame: Option<u64>,
    /// The byte offset in the input, after decompression.
    pub offset: Option<u64>,
    /// How often it was noticed.
    pub count: u64,
    /// What was seen.
    pub what: String,
}

/// Data that answers rest on.
#[derive(Serialize, Clone, Debug)]
pub struct DataSource {
    /// What it is.
    pub name: String,
    /// `embedded_database`, `own_table` (compiled by this project), or the user's: `user_database`, `cloud_ranges`, `geofeed`,
    /// `anycast_list`, `overrides`.
    pub kind: String,
    /// The date of the data: a database's own, or the day on which a table was compiled.
    pub dated: Option<String>,
    /// Its SHA-256.
    pub sha256: Option<String>,
    /// Its licence.
    pub licence: Option<String>,
    /// The credit that its licence asks for.
    pub credit: Option<String>,
}

/// A register that was compared with.
#[derive(Serialize, Clone, Debug)]
pub struct Register {
    /// Its name.
    pub name: String,
    /// What it is.
    pub title: String,
    /// The first day it is valid on.
    pub valid_from: Option<String>,
    /// The last day it is valid on.
    pub valid_until: Option<String>,
    /// What it cannot tell.
    pub limits: String,
    /// Its entries in force on the days of the capture that no destination matches, by their ids.
    pub entries_not_seen: Vec<String>,
}

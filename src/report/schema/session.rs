//! Sessions, their meetings and their phases in the schema.

use serde::Serialize;

use crate::report::schema::Process;

/// One client's run on one machine.
#[derive(Serialize, Clone, Debug)]
pub struct Session {
    /// Its number, from 1.
    pub id: u64,
    /// The input that holds its first frame.
    pub input: u32,
    /// The client.
    pub client: String,
    /// The machine: its MAC address where there is one, else its address.
    pub machine: String,
    /// The tunnel that the machine's packets came out of; its addresses mean another machine outside.
    pub tunnel: Option<u64>,
    /// The machine's own addresses.
    pub addresses: Vec<String>,
    /// The processes that the capture says its flows are of, each once.
    pub processes: Vec<Process>,
    /// The versions of the client that it asked update hosts for, in clear, each once: the build that was installed, or the next.
    pub updates: Vec<Update>,
    /// The first contact.
    pub start: Option<String>,
    /// The last.
    pub end: Option<String>,
    /// The first frame.
    pub first_frame: u64,
    /// The input that holds its last frame.
    pub last_input: u32,
    /// The last frame.
    pub last_frame: u64,
    /// How many flows of the client.
    pub flows: u64,
    /// The ids of its meetings.
    pub meetings: Vec<u64>,
    /// Its phases in order, without gaps.
    pub phases: Vec<Phase>,
    /// Single events in order.
    pub milestones: Vec<Milestone>,
    /// Whether two clients may be behind the machine's address; every phase is uncertain then.
    pub may_be_two_clients: bool,
}

/// A version in the path of a request to an update host.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Update {
    /// The version.
    pub version: String,
    /// The input that holds the frame.
    pub input: u32,
    /// The first frame with such a request.
    pub frame: u64,
}

/// One meeting.
#[derive(Serialize, Clone, Debug)]
pub struct Meeting {
    /// Its number, from 1.
    pub id: u64,
    /// The session it belongs to.
    pub session: u64,
    /// `server`, `peer`, `browser` or `tls`.
    pub kind: String,
    /// What its sockets share, in hexadecimal: the bind id, or the UUID between peers. It is not the meeting number.
    pub key: Option<String>,
    /// Its start.
    pub start: Option<String>,
    /// The input that holds its start.
    pub start_input: u32,
    /// The frame of its start.
    pub start_frame: u64,
    /// The rule that found the start.
    pub start_rule: String,
    /// Its end.
    pub end: Option<String>,
    /// The input that holds its end.
    pub end_input: u32,
    /// The frame of its end.
    pub end_frame: u64,
    /// The rule that found the end.
    pub end_rule: String,
    /// The kinds of media that its sockets were opened for.
    pub media: Vec<String>,
    /// The kinds of media that were seen to flow.
    pub streams: Vec<String>,
    /// Whether no media flowed while the sockets were open; `null` where that cannot be seen, as inside DTLS or joined
    /// mid-way.
    pub silent: Option<bool>,
    /// The media servers' addresses.
    pub servers: Vec<String>,
    /// How many other participants were reached directly.
    pub participants: u64,
    /// The ids of its flows.
    pub flows: Vec<u64>,
}

/// A stretch of a session. It begins with its first frame and lasts until the next one begins.
#[derive(Serialize, Clone, Debug)]
pub struct Phase {
    /// `launch`, `sign_in`, `idle`, `joining`, `meeting`, `leaving`, `after_leaving` or `update`.
    pub kind: &'static str,
    /// The rule that found its beginning.
    pub rule: &'static str,
    /// `certain`, `likely` or `uncertain`.
    pub certainty: &'static str,
    /// The meeting that is joined, held or left.
    pub meeting: Option<u64>,
    /// Its beginning.
    pub start: Option<String>,
    /// The input that holds its first frame.
    pub start_input: u32,
    /// Its first frame.
    pub start_frame: u64,
    /// The beginning of the next one, or the session's last moment.
    pub until: Option<String>,
    /// The input that holds that frame.
    pub until_input: u32,
    /// That frame.
    pub until_frame: u64,
    /// `next_phase`, `session_end`, or `capture_end`: the phase may have gone on.
    pub until_rule: &'static str,
    /// The client's flows that began in it, by what their remote ends are for.
    pub traffic: Vec<PhaseTraffic>,
}

/// The flows to one service that began in a phase, with all that they ever carried.
#[derive(Serialize, Clone, Debug)]
pub struct PhaseTraffic {
    /// What the remote ends are for.
    pub service: &'static str,
    /// How many flows.
    pub flows: u64,
    /// Bytes on the wire sent by the client.
    pub bytes_out: u64,
    /// Bytes on the wire received.
    pub bytes_in: u64,
}

/// How many flows of a destination began in phases of one kind.
#[derive(Serialize, Clone, Debug)]
pub struct PhaseFlows {
    /// The phase.
    pub phase: &'static str,
    /// How many flows.
    pub flows: u64,
}

/// A single event of a session.
#[derive(Serialize, Clone, Debug)]
pub struct Milestone {
    /// What, in `snake_case`.
    pub kind: &'static str,
    /// `certain`, `likely` or `uncertain`.
    pub certainty: &'static str,
    /// The meeting that it is about.
    pub meeting: Option<u64>,
    /// The flow that shows it.
    pub flow: u64,
    /// When.
    pub time: Option<String>,
    /// The input that holds the frame.
    pub input: u32,
    /// The frame.
    pub frame: u64,
}

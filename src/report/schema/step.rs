//! A step of the tester's script, as it is written.

use serde::Serialize;

/// What the tester did from one mark to the next. Flows belong to the step in which they began.
#[derive(Serialize, Clone, Debug)]
pub struct Step {
    /// Its number, from 1.
    pub id: u64,
    /// What the tester did, as the mark says. Anybody's text.
    pub label: String,
    /// The kind of step that reports have something of their own to say about: `trust_and_safety`.
    pub kind: Option<String>,
    /// What makes it one: `file` where the marks file says so, `label` where the label shows it.
    pub kind_by: Option<&'static str>,
    /// Whether only the client did anything in it, by the tester's word.
    pub exclusive: bool,
    /// Where the mark is from: `file`, `option`, or `comment` on a packet, which may be anybody's.
    pub source: &'static str,
    /// The file of marks.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u64>,
    /// The input that holds its first frame.
    pub input: u32,
    /// When it began: the time that the mark states, else that of its frame.
    pub start: Option<String>,
    /// When the next one began or, for the last one, the time of the capture's last frame.
    pub end: Option<String>,
    /// Its first frame; `null` where no frame came before the next mark.
    pub start_frame: Option<u64>,
    /// The input that holds its last frame.
    pub end_input: Option<u32>,
    /// Its last frame.
    pub end_frame: Option<u64>,
    /// The client's flows that began in it.
    pub client_flows: u64,
    /// Flows that began in it and may be the client's, with nothing that ties them to it.
    pub unattributed_flows: u64,
    /// Others' flows that began in it.
    pub other_flows: u64,
    /// Bytes on the wire that those of the client's flows sent, also after its end.
    pub bytes_out: u64,
    /// Bytes on the wire that those of the client's flows received, also after its end.
    pub bytes_in: u64,
    /// The ids of the destinations that its flows were counted under.
    pub destinations: Vec<u64>,
    /// For a step of a kind that is about an upload: the client's uploads that began in it, to hosts of the operator's.
    pub uploads: Vec<Upload>,
    /// What is to be said about it: that it has no traffic, or what its kind asks for.
    pub note: Option<String>,
}

/// An upload that began in a step.
#[derive(Serialize, Clone, Debug)]
pub struct Upload {
    /// The flow.
    pub flow: u64,
    /// The destination that it was counted under.
    pub destination: Option<u64>,
    /// The host pattern or the address.
    pub host: String,
    /// As in destinations: `eea`, `outside`, `undetermined` and so on.
    pub axis: String,
    /// The countries that the witnesses still allow.
    pub located: Vec<String>,
    /// How sure that is.
    pub grade: String,
    /// Transport payload bytes sent.
    pub payload_out: u64,
    /// The input that holds its first frame.
    pub input: u32,
    /// Its first frame.
    pub first_frame: u64,
}

/// A mark that could not be used.
#[derive(Serialize, Clone, Debug)]
pub struct UnusedMark {
    /// Where the mark is from: `file`, `option`, or `comment` on a packet.
    pub source: &'static str,
    /// Where it stands.
    pub at: String,
    /// Its label; `null` where it has none.
    pub label: Option<String>,
    /// Why it could not be used, and what to do.
    pub what: String,
}

//! What the captures could not show, as it is written.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::schema::step::UnusedMark;

/// What the captures could not show.
#[derive(Serialize, Clone, Debug, Default)]
pub struct Quality {
    /// Frames that the capturing side says it lost.
    pub frames_lost: Option<u64>,
    /// Frames cut by the snap length.
    pub frames_cut: u64,
    /// Frames without a time.
    pub frames_without_time: u64,
    /// Frames that went undecoded, by class and number.
    pub undecoded: Vec<Undecoded>,
    /// Flows whose opening is not in the capture.
    pub flows_joined_midway: u64,
    /// The client's flows for which no name was seen.
    pub client_flows_without_name: u64,
    /// Flows to well-known ports of encrypted DNS.
    pub encrypted_dns_flows: u64,
    /// DNS answers that nobody was seen to ask for. They name nothing.
    pub unasked_dns_answers: u64,
    /// Handshakes given up because too many were undecided at once.
    pub handshakes_dropped: u64,
    /// Files in the folders named that are no captures.
    pub files_skipped: u64,
    /// Inputs that do not say whether frames were lost.
    pub inputs_without_loss_count: u64,
    /// What suggests that a VPN or a proxy stands between the client and its servers, which voids round trips and hides
    /// destinations.
    pub vpn_or_proxy_suspected: Vec<Suspicion>,
    /// Whether the comparison with a register was switched off.
    pub register_switched_off: bool,
    /// Where the client itself stood; `null` where that is not known of every client.
    pub vantage: Option<Vantage>,
    /// Strong statements about place that a round trip from the vantage makes impossible. Where there are any, no round trip
    /// of that capture is used.
    pub vantage_conflicts: Vec<VantageConflict>,
    /// Remote addresses of the client's whose round trip is not used, by the reason in `snake_case`.
    pub round_trips_unused: BTreeMap<String, u64>,
    /// The client's flows of days that cannot be, because the capture's clock is wrong. Without `--law-date` no law is read
    /// for them; with it, evidence and law are those of that day.
    pub flows_of_impossible_days: u64,
    /// The day by whose law places are read instead of that of each flow.
    pub law_date: Option<String>,
    /// The greatest number of days between a flow of the client and the data of a database, where more than 180.
    pub database_days_away: Option<i64>,
    /// Flows that were summed up unjudged to stay within `--max-memory`, by capture; absent where that was not asked for, or
    /// never reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub summed_up: Vec<SummedUp>,
    /// Marks of the tester's script that could not be used; absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marks_unused: Vec<UnusedMark>,
    /// The same in sentences, for people.
    pub remarks: Vec<String>,
}

impl Quality {
    /// How many flows that may be the client's were summed up unjudged, in all captures.
    #[must_use]
    pub fn unjudged(&self) -> u64 {
        self.summed_up.iter().map(|of| of.client_flows).fold(0, u64::saturating_add)
    }
}

/// The flows of one capture that were summed up unjudged. They are in the totals of frames and bytes and in no list; a later packet
/// between the same ends began a new flow.
#[derive(Serialize, Clone, Default, Debug)]
pub struct SummedUp {
    /// The bytes that the capture's flows were to take at most: its part of `--max-memory`.
    pub limit: u64,
    /// By how many bytes flows that had to stay went over the limit.
    pub over: u64,
    /// How many flows were summed up.
    pub flows: u64,
    /// Those of them that had said something that may be the client's, or had to do with its operator's addresses.
    pub client_flows: u64,
    /// Their packets.
    pub packets: u64,
    /// The bytes of those on the wire.
    pub bytes: u64,
    /// The input that holds the first frame; `null` where no flow was summed up.
    pub input: Option<u32>,
    /// The first frame of the earliest of them.
    pub first_frame: Option<u64>,
    /// The input that holds the last frame.
    pub last_input: Option<u32>,
    /// The last frame of any of them.
    pub last_frame: Option<u64>,
}

/// Where the client itself stood, by the user's word or its own public addresses.
#[derive(Serialize, Clone, Debug, Default)]
pub struct Vantage {
    /// `eea`, `outside`, or `undetermined` where some of the addresses are inside and others outside.
    pub axis: String,
    /// The countries that this leaves.
    pub located: Vec<String>,
    /// What it rests on, one clause for each.
    pub says: Vec<String>,
}

/// A strong statement about place that a round trip makes impossible: one of the two, or the vantage, is wrong.
#[derive(Serialize, Clone, Default, Debug)]
pub struct VantageConflict {
    /// The remote address.
    pub remote: String,
    /// The vantage, and how it is known.
    pub vantage: String,
    /// The round trip, in words.
    pub measured: String,
    /// The input that holds the frame.
    pub input: u32,
    /// The frame of its answer.
    pub frame: u64,
    /// What the strong statement says.
    pub says: String,
}

/// What suggests a VPN or a proxy.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Suspicion {
    /// What was seen: `inside_tunnel` (flows of the client came out of a tunnel), `encrypted_tunnel` (its contents are not
    /// seen), `no_link_layer` (flows of the client on an interface without one, as tunnels have none), `proxy`.
    pub kind: &'static str,
    /// The input that holds the frame.
    pub input: u32,
    /// The first frame that shows it.
    pub frame: u64,
    /// How many flows show it; 0 where it has no ports and so makes none.
    pub flows: u64,
    /// What was seen, in one sentence for people, without a full stop.
    pub says: String,
}

/// Frames that were counted and not decoded.
#[derive(Serialize, Clone, Debug)]
pub struct Undecoded {
    /// The class of `totals`.
    pub class: String,
    /// What exactly, with its number.
    pub what: String,
    /// How many frames.
    pub frames: u64,
    /// The input that holds the first of them.
    pub input: u32,
    /// The first of them.
    pub first_frame: u64,
}

//! What was done to a capture, for whoever gets it: hashes of both files, rules, counts, and what is lost.
//!
//! Input: counts; or a log, of which nothing is trusted. Output: a log in JSON; or the files that it links. Must not: hold a secret, or anything that was hidden.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The number of the set of rules. It changes with what is kept.
pub const RULES: &str = "2";

/// The log of one redaction.
#[derive(Serialize, Debug)]
pub struct Log {
    /// Which program did it.
    pub tool: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The number of the set of rules.
    pub rules: &'static str,
    /// The capture that was read.
    pub input: File,
    /// The capture that was written.
    pub output: File,
    /// Where the key comes from: `random` or `file`. It is in neither file.
    pub key: &'static str,
    /// What was done, counted.
    pub done: Done,
    /// What stays, for whoever decides whether to share it.
    pub kept: Vec<&'static str>,
    /// What is dropped or replaced.
    pub dropped: Vec<&'static str>,
    /// What findings may be missing or other than those of the original, and why. Empty where none is known.
    pub may_differ: Vec<String>,
}

/// A capture.
#[derive(Serialize, Debug)]
pub struct File {
    /// Its SHA-256.
    pub sha256: Option<String>,
    /// Its bytes.
    pub bytes: u64,
    /// Its frames.
    pub frames: u64,
    /// Where it is damaged, in words; what comes before was read.
    pub damage: Option<String>,
}

/// What a log says of the captures that it links, for whoever has it and one of them.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Link {
    tool: String,
    /// The version of borderpost that did it.
    pub version: String,
    /// The number of the set of rules.
    pub rules: String,
    /// The capture that was read.
    pub input: Linked,
    /// The capture that was written.
    pub output: Linked,
}

/// A capture that a log links.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Linked {
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: String,
    /// Its bytes.
    pub bytes: u64,
}

impl Link {
    /// The most bytes that a log is read of. One has some thousand.
    pub const MAX_BYTES: u64 = 1 << 20;

    /// Reads a log; says what is wrong with one that is none.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let link: Self =
            serde_json::from_slice(text).map_err(|error| format!("no log of a redaction ({error})"))?;
        if link.tool != TOOL {
            return Err(format!("no log of a redaction ({TOOL} did not write it)"));
        }
        let is_hash =
            |text: &str| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if [&link.input, &link.output].into_iter().all(|side| is_hash(&side.sha256)) {
            Ok(link)
        } else {
            Err("no log of a redaction (what it has for a SHA-256 is none)".to_owned())
        }
    }
}

/// What every log has for a tool.
pub(super) const TOOL: &str = env!("CARGO_PKG_NAME");

/// What was done, counted.
#[derive(Serialize, Default, Debug)]
pub struct Done {
    /// Bytes of TCP and UDP payload that were captured.
    pub payload_bytes: u64,
    /// Of those, bytes up to the last one kept or replaced.
    pub payload_bytes_kept: u64,
    /// Flows of which headers alone are kept.
    pub flows_headers_only: u64,
    /// Addresses of the client and of machines beside it that were replaced.
    pub local_addresses: u64,
    /// Addresses of other participants that were replaced.
    pub participant_addresses: u64,
    /// Addresses of others' servers that were replaced.
    pub other_addresses: u64,
    /// Names under domains of the catalogue that were replaced, such as tenants'.
    pub tenant_names: u64,
    /// Other names that were replaced.
    pub other_names: u64,
    /// Ids of meetings that were replaced.
    pub meeting_ids: u64,
    /// UUIDs that were replaced.
    pub uuids: u64,
    /// Hellos of TLS clients that were kept without what tells one connection from others.
    pub client_hellos: u64,
    /// The same of servers.
    pub server_hellos: u64,
    /// Messages with certificates that were kept.
    pub certificates_kept: u64,
    /// Messages with certificates that were emptied.
    pub certificates_emptied: u64,
    /// QUIC Initials that were kept.
    pub quic_kept: u64,
    /// QUIC Initials that were emptied, because a name in them may not be shown.
    pub quic_emptied: u64,
    /// DNS messages over UDP that were made over.
    pub dns_messages: u64,
    /// STUN messages that were made over.
    pub stun_messages: u64,
    /// Messages of the client's own layer of which the head was kept.
    pub client_messages: u64,
    /// Fragments of IP packets, of which headers alone are kept.
    pub fragments: u64,
    /// Packets that carry others in clear and were gone into.
    pub tunnels_opened: u64,
    /// Packets that carry others, of which the outer header alone is kept.
    pub tunnelled: u64,
    /// Frames whose IP or transport header is cut or broken, kept up to there.
    pub frames_cut_or_broken: u64,
    /// Frames of other protocols than IP, of which the link header is kept.
    pub frames_of_other_protocols: u64,
    /// Frames of link types that cannot be redacted; nothing of them is kept but their length.
    pub frames_of_unknown_links: u64,
    /// Frames without a time, which are dropped.
    pub frames_without_time: u64,
    /// Connections that were given up because too many waited at once; nothing of their payload is kept.
    pub connections_given_up: u64,
    /// Checksums of TCP and UDP that were worked out anew.
    pub checksums_made: u64,
    /// Checksums of TCP and UDP that are zero, because the payload that they are of is gone.
    pub checksums_zero: u64,
    /// Comments that mark steps, which were kept.
    pub steps_kept: u64,
    /// Other comments, which were dropped.
    pub comments_dropped: u64,
    /// Blocks with secrets, which were dropped.
    pub secrets_dropped: u64,
    /// Frames whose process is kept.
    pub processes_kept: u64,
    /// Frames whose process was told in a way that decides nothing, and that is dropped.
    pub processes_dropped: u64,
    /// Sockets of the client's processes, which are kept with the names of their programs.
    pub sockets_kept: u64,
    /// Sockets of other processes, which are dropped with those.
    pub sockets_dropped: u64,
}

impl Done {
    /// Counts the payload of a packet, and how much of it is kept.
    pub(super) fn note_payload(&mut self, captured: usize, kept: usize) {
        self.payload_bytes = self.payload_bytes.saturating_add(captured as u64);
        self.payload_bytes_kept = self.payload_bytes_kept.saturating_add(kept as u64);
    }
}

/// Different things that were met, counted while they are remembered.
#[derive(Debug)]
pub(super) struct Met<T> {
    seen: BTreeSet<T>,
}

impl<T> Default for Met<T> {
    fn default() -> Self {
        Self { seen: BTreeSet::new() }
    }
}

impl<T: Ord> Met<T> {
    /// Takes note of one.
    pub(super) fn note(&mut self, one: T) {
        if self.seen.len() < MAX_MET {
            self.seen.insert(one);
        }
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.seen.len() as u64
    }
}

impl Log {
    /// The log as JSON, for people to read.
    #[must_use]
    pub fn json(&self) -> String {
        // Numbers and texts cannot fail to be written.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// What stays in every redacted capture.
pub(super) const KEPT: &[&str] = &[
    "times, lengths and order of all frames that have a time",
    "public addresses and ports of the client's servers, of third parties that may be the client's, and of resolvers",
    "of the client's own public addresses the network (16 bits of IPv4, 32 of IPv6), by which an access network can still be told",
    "of the addresses of others' servers the same",
    "names in the catalogue, and labels of two letters before the operator's domains",
    "heads of TLS, DTLS and QUIC handshakes, of STUN and of the client's own messages",
    "names, validity and keys of certificates whose names are all kept",
    "comments that begin with step:, as they are; names and numbers of processes",
    "of sockets that were looked up while it was captured those of the client's programs, with their names and numbers, and which of them \
     are in one folder",
];

/// What is dropped or replaced in every redacted capture.
pub(super) const DROPPED: &[&str] = &[
    "payload behind those heads: frames are cut, and keep their length on the wire",
    "local addresses and MAC addresses, addresses of other participants, names of tenants and of others, ids of meetings, UUIDs",
    "everything but headers of flows that are not the client's, of DHCP, mDNS, NetBIOS and other local chatter, and of ARP",
    "paths and headers of HTTP but the host; session ids, tickets, key shares and random numbers of TLS; user names in STUN",
    "other programs' sockets, folders of programs, users and what started a program, but for the client's own processes",
    "options of IP and TCP; checksums over what is gone are zero",
    "secrets, other comments, names of addresses, custom blocks, and what the file says of interfaces, machine and program",
];

/// Different ids that are remembered.
const MAX_MET: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_for_the_files_that_it_links_and_nothing_else_is_taken_for_one() {
        let file = |hex: &str| File { sha256: Some(hex.repeat(64)), bytes: 7, frames: 1, damage: None };
        let log = Log {
            tool: TOOL,
            version: "0.1.0",
            rules: RULES,
            input: file("a"),
            output: file("b"),
            key: "random",
            done: Done::default(),
            kept: KEPT.to_vec(),
            dropped: DROPPED.to_vec(),
            may_differ: Vec::new(),
        };
        let good = log.json();
        let link = Link::parse(good.as_bytes()).unwrap();
        assert_eq!((link.input.sha256, link.output.sha256), ("a".repeat(64), "b".repeat(64)));
        for bad in [
            String::new(),
            "{}".to_owned(),
            good.replace("\"tool\": \"borderpost\"", "\"tool\": \"other\""),
            good.replace(&"b".repeat(64), &"B".repeat(64)),
            good.replace(&"b".repeat(64), "b"),
            good.replace("\"bytes\": 7", "\"bytes\": -7"),
        ] {
            let refused = Link::parse(bad.as_bytes()).unwrap_err();
            assert!(refused.starts_with("no log of a redaction"), "{refused}");
        }
    }
}

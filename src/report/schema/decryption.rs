//! What key logs opened, as it is written. No secret and nothing of what was said is among it.

use std::collections::BTreeMap;

use serde::Serialize;

/// What key logs opened.
#[derive(Serialize, Clone, Debug, Default)]
pub struct Decryption {
    /// Where keys came from.
    pub sources: Vec<KeySource>,
    /// The client's connections.
    pub client: Decrypted,
    /// All others.
    pub others: Decrypted,
}

/// Where keys came from.
#[derive(Serialize, Clone, Debug, Default)]
pub struct KeySource {
    /// `key_log` for a file that was named (`--keylog`), `capture` for blocks within an input.
    pub kind: &'static str,
    /// The file's name without its folder, or the path of the input.
    pub name: String,
    /// The SHA-256 of the key log; `null` for blocks within an input.
    pub sha256: Option<String>,
    /// Secrets that were not known before.
    pub secrets: u64,
    /// Secrets that were known already.
    pub repeated: u64,
    /// Secrets that contradict what was known of their connection, and are not used.
    pub contradicting: u64,
    /// Lines with a label that opens no record of TLS over TCP, such as `EXPORTER_SECRET`.
    pub unused_labels: u64,
    /// Lines with a label that is not known.
    pub unknown_labels: u64,
    /// Lines that are no key log lines.
    pub malformed_lines: u64,
    /// The first of those, from 1.
    pub first_malformed_line: Option<u64>,
    /// Secrets past the most that are kept.
    pub refused: u64,
    /// Whether some came after frames that they could have been for, in an input that cannot be read again. Connections that
    /// began before them are not opened.
    pub late: bool,
}

/// What came of connections.
#[derive(Serialize, Clone, Debug, Default)]
pub struct Decrypted {
    /// TLS connections over TCP.
    pub connections: u64,
    /// Those whose keys are in a key log.
    pub with_keys: u64,
    /// Those whose keys are in none, or came too late.
    pub without_keys: u64,
    /// Those whose client's hello is not in the capture, by which keys are found.
    pub without_hello: u64,
    /// Of those with keys, those of which a direction was given up or never read, by the reason in `snake_case`.
    pub troubles: BTreeMap<String, u64>,
    /// Of those with keys, by the cipher suite's number, as in `0x1301`.
    pub cipher_suites: BTreeMap<String, u64>,
    /// QUIC connections whose keys are in a key log. There is no decoder for what is in them.
    pub quic_with_keys: u64,
    /// Encrypted records that were opened.
    pub records_opened: u64,
    /// Encrypted records that were whole and did not open.
    pub records_failed: u64,
    /// Encrypted records of which a part is missing in the capture.
    pub records_broken: u64,
    /// Of those, the ones that the snap length cut.
    pub records_cut: u64,
    /// Gaps of which it is not known how many records are missing.
    pub gaps: u64,
    /// Bytes of application data that the client said.
    pub bytes_from_client: u64,
    /// Bytes of application data that the server said.
    pub bytes_from_server: u64,
    /// Of the client's bytes, early data (0-RTT), which it may have said again.
    pub bytes_early: u64,
}

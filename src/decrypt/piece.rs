//! What comes out of a followed connection, and what may stand in the way.
//!
//! Input: nothing. Output: the words that the other files share with those who listen. Must not: hold a secret.

use std::fmt;

use super::keys::Keys;
use crate::flow::FlowId;
use crate::frame::{FrameRef, Timestamp};

/// What one direction of a connection said, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece<'a> {
    /// The application data of one record.
    Bytes {
        /// The frame with which the record was whole: the one that Wireshark shows it in.
        at: FrameRef,
        /// The time of that frame.
        time: Option<Timestamp>,
        /// The data.
        bytes: &'a [u8],
        /// Whether it is early data (RFC 8446 section 2.3). A server may refuse it, and the client then says it again.
        is_early: bool,
    },
    /// A handshake message that was encrypted.
    Message {
        /// The frame with which its last record was whole.
        at: FrameRef,
        /// The time of that frame.
        time: Option<Timestamp>,
        /// Its type (RFC 8446 appendix B.3).
        kind: u8,
        /// Its body.
        body: &'a [u8],
    },
    /// Something is missing here.
    Gap {
        /// The length of the one record that is missing, in bytes; `None` where it is not known how many are.
        bytes: Option<u64>,
        /// Why.
        reason: GapReason,
    },
    /// The direction has ended, or nothing more of it is read. It comes once.
    End,
}

/// Why something is missing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum GapReason {
    /// It was cut off by the snap length.
    Cut,
    /// It is not in the capture.
    Lost,
    /// It is there and does not open.
    Unopened,
}

/// Who takes the pieces.
pub trait Sink {
    /// Takes the next piece of one direction of a connection.
    fn piece(&mut self, flow: FlowId, from_client: bool, piece: Piece<'_>);
}

/// Why a direction was given up, or never read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Trouble {
    /// None of its records opened with the keys that the log has.
    KeysDoNotFit,
    /// After a gap no number was found with which records open.
    LostTrack,
    /// The server's hello is not in the capture.
    NoServerHello,
    /// It goes on with something else than TLS.
    NotTls,
    /// It began a second handshake (TLS 1.2), whose keys no log has.
    Renegotiated,
    /// The log lacks the secret that comes next.
    SecretMissing,
    /// Its cipher suite has no decrypter here.
    Suite(u16),
    /// More had to be held of all connections at one time than is allowed.
    TooMuch,
    /// A version before TLS 1.2.
    Version(u16),
}

impl Trouble {
    /// Its name in `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeysDoNotFit => "keys_do_not_fit",
            Self::LostTrack => "lost_track",
            Self::NoServerHello => "no_server_hello",
            Self::NotTls => "not_tls",
            Self::Renegotiated => "renegotiated",
            Self::SecretMissing => "secret_missing",
            Self::Suite(_) => "cipher_suite_without_decrypter",
            Self::TooMuch => "too_much_at_once",
            Self::Version(_) => "version_without_decrypter",
        }
    }
}

/// A clause for people.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::KeysDoNotFit => "no record opens with the keys that the log has",
            Self::LostTrack => "after a gap no record opens any more",
            Self::NoServerHello => "the server's hello is not in the capture",
            Self::NotTls => "it goes on with something else than TLS",
            Self::Renegotiated => "it begins a second handshake, whose keys no log has",
            Self::SecretMissing => "the log lacks a secret of it",
            Self::Suite(number) => return write!(f, "cipher suite {number:#06x} has no decrypter"),
            Self::TooMuch => "too much had to be held at one time",
            Self::Version(number) => return write!(f, "version {number:#06x} has no decrypter"),
        };
        f.write_str(text)
    }
}

/// Where a packet was captured, and who listens.
pub(super) struct Place<'a> {
    pub(super) flow: FlowId,
    pub(super) at: FrameRef,
    pub(super) time: Option<Timestamp>,
    pub(super) keys: &'a Keys,
    pub(super) sink: &'a mut dyn Sink,
    /// For records that are tried.
    pub(super) copy: &'a mut Vec<u8>,
}

impl Place<'_> {
    pub(super) fn give(&mut self, from_client: bool, piece: Piece<'_>) {
        self.sink.piece(self.flow, from_client, piece);
    }
}

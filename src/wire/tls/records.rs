//! The record layer in clear: handshake bytes out of a stream (RFC 8446 section 5.1, RFC 5246 section 6.2.1).
//!
//! Input: one direction of a TCP connection from its first byte. Output: the handshake bytes at its front,
//! over any number of records, and what ended them. Must not: look into handshake messages.

use std::borrow::Cow;

use crate::wire::Read;
use crate::wire::cursor::Cursor;

/// The handshake bytes at the front of a stream.
pub(super) struct Handshake<'a> {
    /// Borrowed where one record holds them all.
    pub(super) bytes: Cow<'a, [u8]>,
    /// What comes after them.
    pub(super) end: End,
}

/// What ends the handshake bytes of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// The stream: more handshake bytes may come.
    Open,
    /// A `ChangeCipherSpec` record: what follows is encrypted.
    ChangeCipherSpec,
    /// Another record, bytes that are no record, or the bound on what is read.
    Other,
}

/// Reads the handshake bytes at the front of `stream`, `MAX_BYTES` of them at most. `NotMine` where the
/// stream does not begin with a handshake record.
pub(super) fn handshake(stream: &[u8]) -> Read<Handshake<'_>> {
    let mut cursor = Cursor::new(stream);
    let mut bytes = match record(&mut cursor) {
        Read::Done((HANDSHAKE, fragment)) => Cow::Borrowed(fragment),
        Read::Done((ALERT, _)) => return Read::NotMine("alert"),
        Read::Done(_) => return Read::NotMine("no handshake record first"),
        Read::More => return Read::More,
        Read::NotMine(why) => return Read::NotMine(why),
    };
    // The bound is exact, so that what is read does not depend on how much of the stream is there.
    while bytes.len() < MAX_BYTES {
        let end = match record(&mut cursor) {
            Read::Done((HANDSHAKE, fragment)) => {
                let room = MAX_BYTES.saturating_sub(bytes.len());
                bytes.to_mut().extend_from_slice(fragment.get(..room).unwrap_or(fragment));
                continue;
            }
            Read::Done((CHANGE_CIPHER_SPEC, _)) => End::ChangeCipherSpec,
            Read::Done(_) | Read::NotMine(_) => End::Other,
            Read::More => End::Open,
        };
        return Read::Done(Handshake { bytes, end });
    }
    Read::Done(Handshake { bytes, end: End::Other })
}

/// Reads one record: its content type, and as much of its body as is there.
fn record<'a>(cursor: &mut Cursor<'a>) -> Read<(u8, &'a [u8])> {
    if let Some(why) = refusal(cursor.rest()) {
        return Read::NotMine(why);
    }
    let Some([kind, _, _, high, low]) = cursor.array() else { return Read::More };
    let length = usize::from(u16::from_be_bytes([high, low])).min(cursor.rest().len());
    Read::Done((kind, cursor.take(length).unwrap_or_default()))
}

/// Why `bytes` cannot be the front of a record, as far as they go.
fn refusal(bytes: &[u8]) -> Option<&'static str> {
    match *bytes {
        [0x80..=0xff, _, 1, ..] => Some("SSL 2.0 hello"),
        [kind, ..] if !(CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&kind) => Some("no TLS record"),
        [_, major, ..] if major != 3 => Some("no TLS record"),
        [_, _, minor, ..] if minor > 4 => Some("no TLS record"),
        [_, _, _, high, low, ..] => length_refusal(u16::from_be_bytes([high, low])),
        _ => None,
    }
}

fn length_refusal(length: u16) -> Option<&'static str> {
    match length {
        0 => Some("empty record"),
        1..=MAX_RECORD => None,
        _ => Some("record longer than TLS allows"),
    }
}

/// Most handshake bytes read: a hello with its head.
const MAX_BYTES: usize = super::MAX_HELLO + 4;

/// Content types (RFC 8446 appendix B.1, RFC 6520).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const HEARTBEAT: u8 = 24;

/// The most that a record may hold, encrypted ones included (RFC 5246 section 6.2.3).
const MAX_RECORD: u16 = (1 << 14) + 2048;

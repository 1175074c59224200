//! Heads of HTTP/2 frames (RFC 9113 section 4.1), and where frames begin after a gap.
//!
//! Input: bytes of one direction. Output: [`Frame`]. Must not: know a stream's state.

use super::context::Side;
use crate::wire::cursor::Cursor;

/// A frame's head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    pub(crate) length: u32,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

impl Frame {
    /// Bytes of a head.
    pub(crate) const HEAD: usize = 9;
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const PRIORITY: u8 = 2;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PUSH_PROMISE: u8 = 5;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
    pub(crate) const END_STREAM: u8 = 0x1;
    pub(crate) const END_HEADERS: u8 = 0x4;
    pub(crate) const PADDED: u8 = 0x8;
    pub(crate) const HAS_PRIORITY: u8 = 0x20;

    /// The head at the front, where it is whole.
    pub(crate) fn read(front: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(front);
        let (length, kind, flags) = (cursor.u24()?, cursor.u8()?, cursor.u8()?);
        Some(Self { length, kind, flags, stream: cursor.u32()? & 0x7fff_ffff })
    }

    pub(crate) const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// A payload without padding and priority (sections 6.1 and 6.2); `None` where it is shorter than they are.
    pub(crate) fn content(self, payload: &[u8]) -> Option<&[u8]> {
        let mut cursor = Cursor::new(payload);
        let padding = if self.has(Self::PADDED) { usize::from(cursor.u8()?) } else { 0 };
        if self.kind == Self::HEADERS && self.has(Self::HAS_PRIORITY) {
            cursor.take(5)?;
        }
        let length = cursor.rest().len().checked_sub(padding)?;
        cursor.take(length)
    }

    /// Whether the rules of its type allow this head; 35 or so of its 72 bits have to be as they are.
    fn is_plausible(front: &[u8], side: Side) -> bool {
        let Some(frame) = Self::read(front) else { return false };
        let is_reserved = front.get(5).is_some_and(|byte| byte & 0x80 != 0);
        let (length, flags) = (frame.length, frame.flags);
        let allowed = match frame.kind {
            Self::DATA => flags & !0x9 == 0,
            Self::HEADERS => flags & !0x2d == 0 && length > 0,
            Self::PRIORITY => flags == 0 && length == 5,
            Self::RST_STREAM | Self::WINDOW_UPDATE => flags == 0 && length == 4,
            Self::SETTINGS => flags & !0x1 == 0 && length.is_multiple_of(6) && length <= 600,
            Self::PUSH_PROMISE => flags & !0xc == 0 && length > 4 && side == Side::Server,
            Self::PING => flags & !0x1 == 0 && length == 8,
            Self::GOAWAY => flags == 0 && length >= 8,
            Self::CONTINUATION => flags & !0x4 == 0,
            _ => false,
        };
        let of_connection = match frame.kind {
            Self::SETTINGS | Self::PING | Self::GOAWAY => frame.stream == 0,
            Self::WINDOW_UPDATE => true,
            _ => frame.stream != 0,
        };
        allowed && of_connection && !is_reserved && length <= MAX_LENGTH && frame.stream <= MAX_STREAM
    }
}

/// Whether a connection's first bytes are a frame, as they are behind the client's preface.
pub(crate) fn is_first(front: &[u8], side: Side) -> bool {
    Frame::is_plausible(front, side)
}

/// Where in these bytes frames begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// There.
    At(usize),
    /// Perhaps there; more bytes will tell. Before it they do not.
    Perhaps(usize),
}

/// Looks for two frames, one behind the other; at the end of a direction, for one that ends with it.
pub(crate) fn find(front: &[u8], side: Side, is_end: bool) -> Found {
    for (at, _) in front.iter().enumerate() {
        let rest = front.get(at..).unwrap_or_default();
        if rest.len() < Frame::HEAD {
            return Found::Perhaps(at);
        }
        if !Frame::is_plausible(rest, side) {
            continue;
        }
        let length = Frame::read(rest).map_or(0, |frame| frame.length as usize);
        match rest.get(Frame::HEAD + length..) {
            Some(next) if next.len() >= Frame::HEAD && Frame::is_plausible(next, side) => {
                return Found::At(at);
            }
            Some([]) if is_end => return Found::At(at),
            Some(next) if next.len() >= Frame::HEAD => {}
            _ if is_end => {}
            _ => return Found::Perhaps(at),
        }
    }
    Found::Perhaps(front.len())
}

/// The largest frame that is taken for one after a gap: what senders keep to unless they are told otherwise (section 4.2).
const MAX_LENGTH: u32 = 16_384;
/// The highest stream that is taken for one after a gap.
const MAX_STREAM: u32 = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_in_the_middle_of_a_stream() {
        let ping = b"\0\0\x08\x06\0\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08";
        let junk: Vec<u8> =
            (0..1000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
        let stream = [&junk[..], &ping[..], &ping[..]].concat();
        assert_eq!(find(&stream, Side::Client, false), Found::At(1000));
        assert_eq!(find(&stream[..1026], Side::Client, false), Found::At(1000));
        assert_eq!(find(&stream[..1020], Side::Client, false), Found::Perhaps(1000));
        assert_eq!(find(&stream[..1017], Side::Client, true), Found::At(1000));
        let zeros = [0; 100];
        assert_eq!(find(&zeros, Side::Client, false), Found::Perhaps(92));
    }

    #[test]
    fn padding_and_priority_are_no_content() {
        let frame = Frame { length: 0, kind: Frame::HEADERS, flags: 0x28, stream: 1 };
        assert_eq!(frame.content(b"\x02\0\0\0\0\x10ab\0\0"), Some(&b"ab"[..]));
        assert_eq!(frame.content(b"\x05\0\0\0\0\x10ab\0\0"), None);
        assert_eq!(frame.content(b""), None);
    }
}

//! The STUN that Zoom's client speaks to UDP ports 3478 and 3479 before a direct call: as in RFC 3489, so without the
//! magic cookie of RFC 8489, and with an attribute and a message type of Zoom's own.
//!
//! Input: the payload of one UDP datagram. Output: [`Stun`]. One datagram is certain proof; STUN with the cookie, or
//! with other attributes, is somebody else's.

use crate::wire::Read;
use crate::wire::cursor::Cursor;

/// One message. The client repeats a transaction id, also to several servers: pair by id and remote address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stun {
    /// The client asks (type 0x0001, 44 bytes).
    Request {
        /// Transaction id.
        id: [u8; 16],
    },
    /// The server answers (type 0x0002, 32 bytes).
    Reply {
        /// The request's transaction id.
        id: [u8; 16],
        /// Port and address of the client in a form that is not known.
        mapped: [u8; 6],
    },
}

/// Reads one datagram.
#[must_use]
pub fn stun(payload: &[u8]) -> Read<Stun> {
    let (head, length) = match payload {
        [0, 1, ..] => (REQUEST, 44),
        [0, 2, ..] => (REPLY, 32),
        [] | [0] => return Read::More,
        _ => return Read::NotMine("the first bytes are no type of Zoom's STUN"),
    };
    if payload.len() > length {
        return Read::NotMine("STUN of another length");
    }
    let mut cursor = Cursor::new(payload);
    let (start, id) = (take(&mut cursor, head.start.len()), take(&mut cursor, 16));
    let attribute = take(&mut cursor, head.attribute.len());
    if !head.start.starts_with(start) || !head.attribute.starts_with(attribute) {
        return Read::NotMine("STUN without the attribute of Zoom's");
    }
    match (id.first_chunk(), head.kind, cursor.array::<6>()) {
        (Some(&id), Kind::Request, _) if payload.len() == length => Read::Done(Stun::Request { id }),
        (Some(&id), Kind::Reply, Some(mapped)) => Read::Done(Stun::Reply { id, mapped }),
        _ => Read::More,
    }
}

/// What stands before and after the transaction id.
struct Head {
    kind: Kind,
    start: &'static [u8],
    attribute: &'static [u8],
}

enum Kind {
    Request,
    Reply,
}

/// As many of the next bytes as there are.
fn take<'a>(cursor: &mut Cursor<'a>, count: usize) -> &'a [u8] {
    let count = count.min(cursor.rest().len());
    cursor.take(count).unwrap_or_default()
}

const REQUEST: Head = Head {
    kind: Kind::Request,
    start: &[0x00, 0x01, 0x00, 0x18],
    attribute: b"\x01\x01\x00\x141234567890123456789\0",
};

const REPLY: Head = Head {
    kind: Kind::Reply,
    start: &[0x00, 0x02, 0x00, 0x0c],
    attribute: &[0x01, 0x03, 0x00, 0x08, 0x00, 0x01],
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::vectors::{self, hex};
    use super::*;

    #[test]
    fn request_and_reply_share_an_id() {
        let id = *hex("c15dae63585d14392e582c260403bf30").first_chunk().unwrap();
        assert_eq!(stun(&hex(vectors::STUN_REQUEST)), Read::Done(Stun::Request { id }));
        let mapped = [0xff, 0x75, 0x50, 0xb4, 0xdc, 0xef];
        assert_eq!(stun(&hex(vectors::STUN_REPLY)), Read::Done(Stun::Reply { id, mapped }));
    }

    #[test]
    fn every_cut_wants_more() {
        for bytes in [hex(vectors::STUN_REQUEST), hex(vectors::STUN_REPLY)] {
            for length in 0..bytes.len() {
                assert_eq!(stun(&bytes[..length]), Read::More, "at {length}");
            }
        }
    }

    #[test]
    fn other_stun_is_refused() {
        let refused = [
            // With the cookie of RFC 8489.
            "0001 0018 2112a442 c15dae63585d14392e582c26 0101 0014 31323334353637383930",
            // Another attribute, a longer message, another type.
            &vectors::STUN_REQUEST.replace("0101 0014", "0006 0014"),
            &format!("{}00", vectors::STUN_REQUEST),
            &vectors::STUN_REPLY.replace("0002 000c", "0101 000c"),
        ];
        for text in &refused[1..] {
            assert!(matches!(stun(&hex(text)), Read::NotMine(_)), "{text}");
        }
        // The cookie may be chance in an id, so only length and attribute refuse it.
        assert_eq!(stun(&hex(refused[0])), Read::More);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(bytes.is_empty() || bytes[0] == 0 || matches!(stun(&bytes), Read::NotMine(_)));
        }
    }
}

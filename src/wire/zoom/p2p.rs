//! What two participants alone in a meeting say to each other directly, on any pair of UDP ports.
//!
//! Input: one datagram. Output: [`P2p`]; both kinds are certain proof in a single packet, so there is no doubt to
//! report. The peer's address is a person's: what shows it must be able to mask it.

use std::net::IpAddr;

use super::cut::{Bytes, Stop, require};
use super::media::{Media, bare};
use crate::wire::Read;

/// One datagram between two participants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum P2p {
    /// The greeting (type 31), repeated by both sides.
    Hello {
        /// The same from both sides.
        uuid: [u8; 16],
        /// The other participant's address, as the sender sees it.
        peer: IpAddr,
    },
    /// Media without any header in front.
    Media(Media),
}

/// Reads one datagram between two participants; `wire_len` is the payload's length on the wire.
#[must_use]
pub fn p2p(payload: &[u8], wire_len: u32) -> Read<P2p> {
    read(Bytes::new(payload, wire_len)).into()
}

fn read(bytes: Bytes<'_>) -> Result<P2p, Stop> {
    let mut after = bytes;
    match after.u8()? {
        31 => hello(after),
        _ => bare(bytes).map(P2p::Media),
    }
}

/// `02 01 00`, twenty bytes of ids and clocks, then two texts behind their lengths and four zero bytes.
fn hello(mut bytes: Bytes<'_>) -> Result<P2p, Stop> {
    require(bytes.array()? == [2, 1, 0], "a greeting without its constants")?;
    bytes.skip(20)?;
    let length = bytes.u32()?;
    let length = usize::try_from(length).ok().filter(|length| (2..=LONGEST_ADDRESS).contains(length));
    let peer = bytes.take(length.ok_or(Stop::Refuse("a greeting without an address"))?)?;
    let peer = str::from_utf8(peer).ok().and_then(|text| text.parse().ok());
    let peer = peer.ok_or(Stop::Refuse("a greeting without an address"))?;
    require(bytes.u32()? == 36, "a greeting without a UUID")?;
    let uuid = uuid(bytes.array()?).ok_or(Stop::Refuse("a greeting without a UUID"))?;
    require(bytes.array()? == [0; 4] && bytes.is_empty(), "bytes behind the end of a greeting")?;
    Ok(P2p::Hello { uuid, peer })
}

/// Reads the text form of RFC 9562 section 4.
fn uuid(text: [u8; 36]) -> Option<[u8; 16]> {
    let mut uuid = [0; 16];
    let mut nibbles = 0_usize;
    for (at, &byte) in text.iter().enumerate() {
        let is_dash = matches!(at, 8 | 13 | 18 | 23);
        if is_dash != (byte == b'-') {
            return None;
        }
        if is_dash {
            continue;
        }
        let nibble = u8::try_from(char::from(byte).to_digit(16)?).ok()?;
        let place = uuid.get_mut(nibbles / 2)?;
        *place = (*place << 4) | nibble;
        nibbles += 1;
    }
    Some(uuid)
}

/// An IPv6 address with an IPv4 address in it, written out.
const LONGEST_ADDRESS: usize = 45;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::vectors::{self, hex};
    use super::super::{MediaKind, Ssrc};
    use super::*;

    fn whole(bytes: &[u8]) -> Read<P2p> {
        p2p(bytes, u32::try_from(bytes.len()).unwrap())
    }

    #[test]
    fn a_greeting_names_the_peer() {
        let uuid = *hex("3f8b2c1e0d4a4e6f9a7b5c6d7e8f9a0b").first_chunk().unwrap();
        let peer = "192.0.2.17".parse().unwrap();
        assert_eq!(whole(&vectors::p2p_hello()), Read::Done(P2p::Hello { uuid, peer }));
    }

    #[test]
    fn media_stand_without_a_header_in_front() {
        let Read::Done(P2p::Media(Media::Stream(stream))) = whole(&hex(vectors::P2P_VIDEO)) else { panic!() };
        assert_eq!(
            (stream.kind, stream.rtp.ssrc, stream.rtp.sequence),
            (MediaKind::Video, Ssrc(0x01000401), 0x66e6)
        );
        let Read::Done(P2p::Media(Media::Rtcp(report))) = whole(&hex(vectors::P2P_RTCP)) else { panic!() };
        assert_eq!((report.kind, report.packet_type), (MediaKind::Audio, 200));
    }

    #[test]
    fn every_cut_wants_more_or_says_the_same() {
        for bytes in [vectors::p2p_hello(), hex(vectors::P2P_VIDEO), hex(vectors::P2P_RTCP)] {
            let wire_len = u32::try_from(bytes.len()).unwrap();
            let all = whole(&bytes);
            for length in 0..bytes.len() {
                let cut = p2p(&bytes[..length], wire_len);
                assert!(cut == Read::More || cut == all, "at {length}");
                assert!(!matches!(whole(&bytes[..length]), Read::More), "at {length}");
            }
        }
    }

    #[test]
    fn a_greeting_that_does_not_hold_together_is_refused() {
        let hello = vectors::p2p_hello();
        let refused = |at: usize, byte: u8| {
            let mut bytes = hello.clone();
            bytes[at] = byte;
            matches!(whole(&bytes), Read::NotMine(_))
        };
        // A constant, the lengths, a letter in the address, a dash of the UUID, the last zero.
        for at in [2, 27, 30, 41, 50, hello.len() - 1] {
            assert!(refused(at, b'x'), "byte {at}");
        }
        let longer = [&hello[..], &[0]].concat();
        assert!(matches!(whole(&longer), Read::NotMine(_)));
    }

    #[test]
    fn plain_rtp_and_rtcp_are_refused() {
        for text in ["80 6f 0001 00000000 01000401 00", "80 c8 0006 01000402 0000000000000000"] {
            assert!(matches!(whole(&hex(text)), Read::NotMine(_)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            mut bytes in prop::collection::vec(any::<u8>(), 1..120),
            kind in prop::sample::select(vec![15_u8, 16, 30, 31, 33, 34, 35]),
            wire_len in 0_u32..200,
        ) {
            bytes[0] = kind;
            let _ = p2p(&bytes, wire_len);
        }
    }
}

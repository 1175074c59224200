//! What frame relay and ATM put before a packet: an NLPID, or SNAP behind one, around packets and bridged frames.
//!
//! Sources: RFC 2427, RFC 2684, ISO/IEC TR 9577.

use super::super::cursor::Cursor;
use super::llc::{BRIDGE_TUNNEL, ETHER_TYPES};
use super::{Below, IPV4, IPV6, LOWEST_ETHER_TYPE, Link, ethernet, ppp};
use crate::packet::{Class, LinkLayer};

/// The network behind a SNAP header whose LLC is behind already: an `EtherType`, or a bridged Ethernet frame with `padding`
/// bytes before it (RFC 2427, section 4.2; RFC 2684, section 5.2).
pub(super) fn snap(cursor: &mut Cursor<'_>, padding: usize) -> Below {
    let [o0, o1, o2, p0, p1] = *cursor.take("frame shorter than its SNAP header")?;
    match ([o0, o1, o2], u16::from_be_bytes([p0, p1])) {
        (ETHER_TYPES | BRIDGE_TUNNEL, ether_type @ LOWEST_ETHER_TYPE..) => Ok((Link::default(), ether_type)),
        // With its check sum and without.
        (BRIDGED, 0x0001 | 0x0007) => ethernet::behind(padding, cursor),
        _ => Err(Class::OtherLlc(0xAAAA)),
    }
}

/// The network by its NLPID (RFC 2427, section 4).
pub(super) fn nlpid(cursor: &mut Cursor<'_>, padding: usize) -> Below {
    let mut nlpid = *cursor.take("frame shorter than its NLPID")?;
    // A byte of zero aligns what follows.
    if nlpid == [0] {
        nlpid = *cursor.take("frame shorter than its NLPID")?;
    }
    match nlpid {
        [0xCC] => Ok((Link::default(), IPV4)),
        [0x8E] => Ok((Link::default(), IPV6)),
        [0x80] => snap(cursor, padding),
        [0xCF] => ppp::protocol(cursor),
        [other] => Err(Class::LinkLayer(LinkLayer::Nlpid(other))),
    }
}

/// The organisation of bridged frames, IEEE 802.1.
const BRIDGED: [u8; 3] = [0, 0x80, 0xC2];

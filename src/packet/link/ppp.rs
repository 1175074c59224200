//! PPP in its framings, and Cisco's HDLC, which shares its lines.
//!
//! Sources: RFC 1661, 1662, 2516, 3032 (section 4.3); for Cisco's HDLC the registry's `LINKTYPE_C_HDLC`.

use super::super::cursor::Cursor;
use super::{Below, IPV4, IPV6, LOWEST_ETHER_TYPE, Link, MPLS, MPLS_UPSTREAM, PPPOE_DISCOVERY};
use crate::packet::{Class, LinkLayer};

/// PPP with or without the two bytes of HDLC-like framing. Files call Cisco's HDLC by the same link type; its addresses
/// cannot begin a PPP frame.
pub(super) fn decode(cursor: &mut Cursor<'_>) -> Below {
    match *cursor.peek(SHORT)? {
        FRAMED => cursor.skip(2, SHORT)?,
        [CISCO_UNICAST | CISCO_MULTICAST, 0] => return cisco(cursor),
        _ => {}
    }
    protocol(cursor)
}

/// Cisco's HDLC: address, control, `EtherType`. Files call PPP by the same link type.
pub(super) fn cisco(cursor: &mut Cursor<'_>) -> Below {
    let [a, c, e0, e1] = *cursor.peek("frame shorter than its Cisco HDLC header")?;
    if [a, c] == FRAMED {
        return decode(cursor);
    }
    cursor.skip(4, SHORT)?;
    match u16::from_be_bytes([e0, e1]) {
        low @ 0..LOWEST_ETHER_TYPE => Err(Class::OtherEtherType(low)),
        ether_type => Ok((Link::default(), ether_type)),
    }
}

/// PPP over Ethernet (RFC 2516, section 4): version and type, code, session, length.
pub(super) fn over_ethernet(cursor: &mut Cursor<'_>) -> Below {
    let [version, code, _, _, l0, l1] = *cursor.take("frame shorter than its PPPoE header")?;
    if version != 0x11 {
        return Err(Class::Malformed("PPPoE version or type is not 1"));
    }
    // Only a session has the code zero.
    if code != 0 {
        return Err(Class::OtherEtherType(PPPOE_DISCOVERY));
    }
    cursor.limit(u16::from_be_bytes([l0, l1]).into());
    protocol(cursor)
}

/// The protocol in two bytes, or in one that is odd (RFC 1661, section 6.5).
pub(super) fn protocol(cursor: &mut Cursor<'_>) -> Below {
    let [first] = *cursor.peek(SHORT)?;
    let protocol = if first & 1 == 1 {
        cursor.skip(1, SHORT)?;
        first.into()
    } else {
        u16::from_be_bytes(*cursor.take(SHORT)?)
    };
    let ether_type = match protocol {
        0x0021 => IPV4,
        0x0057 => IPV6,
        0x0281 => MPLS,
        0x0283 => MPLS_UPSTREAM,
        other => return Err(Class::LinkLayer(LinkLayer::Ppp(other))),
    };
    Ok((Link::default(), ether_type))
}

const SHORT: &str = "frame shorter than its PPP header";
/// All stations, unnumbered information (RFC 1662, section 3.1).
const FRAMED: [u8; 2] = [0xFF, 0x03];
const CISCO_UNICAST: u8 = 0x0F;
const CISCO_MULTICAST: u8 = 0x8F;

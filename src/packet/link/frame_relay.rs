//! Frame relay: an address of two to four bytes, then what RFC 2427 or Cisco puts behind it.

use super::super::cursor::Cursor;
use super::{Below, LOWEST_ETHER_TYPE, Link, llc, nlpid};
use crate::packet::{Class, LinkLayer};

pub(super) fn decode(cursor: &mut Cursor<'_>) -> Below {
    // ITU-T Q.922, section 3.3: the lowest bit ends the address.
    let [first, mut last] = *cursor.take(SHORT)?;
    for _ in 0..2 {
        if last & 1 == 0 {
            [last] = *cursor.take(SHORT)?;
        }
    }
    if first & 1 == 1 || last & 1 == 0 {
        return Err(Class::Malformed("frame relay address of neither 2, 3 nor 4 bytes"));
    }
    let [control, next] = *cursor.peek(SHORT)?;
    if control == llc::UNNUMBERED {
        cursor.skip(1, SHORT)?;
        return nlpid::nlpid(cursor, 0);
    }
    // Cisco's form has an EtherType here.
    match u16::from_be_bytes([control, next]) {
        0..LOWEST_ETHER_TYPE => Err(Class::LinkLayer(LinkLayer::FrameRelay)),
        ether_type => {
            cursor.skip(2, SHORT)?;
            Ok((Link::default(), ether_type))
        }
    }
}

const SHORT: &str = "frame shorter than its frame relay header";

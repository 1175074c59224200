//! Linux cooked captures: what the kernel tells of a frame in place of its link layer.

use super::super::cursor::Cursor;
use super::{Below, LOWEST_ETHER_TYPE, Link, ethernet, llc};
use crate::packet::{Class, Mac, Macs};

/// `LINKTYPE_LINUX_SLL`: packet type, ARPHRD, address length, address in 8 bytes, protocol.
pub(super) fn v1(cursor: &mut Cursor<'_>) -> Below {
    let [_, _, _, _, l0, l1, address @ .., _, _, p0, p1]: [u8; 16] = *cursor.take(SHORT)?;
    cooked(cursor, u16::from_be_bytes([l0, l1]), address, u16::from_be_bytes([p0, p1]))
}

/// `LINKTYPE_LINUX_SLL2`: protocol, 2 reserved, interface index, ARPHRD, packet type, address length, address in 8 bytes.
pub(super) fn v2(cursor: &mut Cursor<'_>) -> Below {
    let [p0, p1, _, _, _, _, _, _, _, _, _, length, address @ .., _, _]: [u8; 20] = *cursor.take(SHORT)?;
    cooked(cursor, length.into(), address, u16::from_be_bytes([p0, p1]))
}

fn cooked(cursor: &mut Cursor<'_>, length: u16, address: [u8; 6], protocol: u16) -> Below {
    let from = if length == 6 { Mac::new(address) } else { None };
    let protocol = match protocol {
        NOVELL => return Err(Class::OtherLlc(0xFFFF)),
        LLC => llc::ether_type(cursor)?,
        low @ 0..LOWEST_ETHER_TYPE => return Err(Class::OtherEtherType(low)),
        ether_type => ether_type,
    };
    let (vlan, ether_type) = ethernet::behind_tags(cursor, protocol)?;
    Ok((Link { vlan, macs: Macs { from, to: None } }, ether_type))
}

const SHORT: &str = "frame shorter than its Linux cooked header";
/// Linux's own protocol numbers in cooked captures: a Novell frame without LLC, and LLC.
const NOVELL: u16 = 0x0001;
const LLC: u16 = 0x0004;

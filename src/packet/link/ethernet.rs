//! Ethernet, its tags, and the headers that stand around it.
//!
//! Sources: IEEE 802.3 and 802.1Q, RFC 6325 (TRILL), Linux's `net/dsa` for switch tags, tcpdump's `print-juniper.c`.

use super::super::cursor::Cursor;
use super::trailer;
use super::{Below, IPV4, IPV6, LOWEST_ETHER_TYPE, Link, MPLS, VLAN_8021AD, VLAN_8021Q, VLAN_QINQ, llc};
use crate::packet::{Class, Mac, Macs, Vlan};

/// Ethernet inside another layer.
#[inline(never)]
pub(super) fn decode(cursor: &mut Cursor<'_>) -> Below {
    outermost(cursor)
}

/// Receiver, sender, type or length: 6, 6 and 2 bytes, read as two overlapping numbers.
#[inline(always)]
pub(super) fn outermost(cursor: &mut Cursor<'_>) -> Below {
    let whole = *cursor;
    let [to @ .., _, _, _, _, _, _]: &[u8; 14] = cursor.peek(SHORT)?;
    let [_, _, _, _, _, _, from @ ..]: &[u8; 14] = cursor.take(SHORT)?;
    let [_, _, _, _, _, _, e0, e1] = *from;
    let [from, to] = [from, to].map(|upper| Mac::from_upper(u64::from_be_bytes(*upper)));
    let macs = Macs { from, to };
    if from.is_none() && to.is_none() {
        trailer::cut(&whole, cursor);
    }
    let (vlan, ether_type) = behind_tags(cursor, u16::from_be_bytes([e0, e1]))?;
    Ok((Link { vlan, macs }, ether_type))
}

/// Ethernet behind `len` bytes that say nothing about it.
pub(super) fn behind(len: usize, cursor: &mut Cursor<'_>) -> Below {
    cursor.skip(len, "frame shorter than the header before its Ethernet header")?;
    decode(cursor)
}

/// A tag of a switch's chip, of 4 bytes, stands between the addresses and the type.
pub(super) fn switch_tag(cursor: &mut Cursor<'_>) -> Below {
    let addresses: &[u8; 12] = cursor.take(SHORT)?;
    let [to @ .., _, _, _, _, _, _] = *addresses;
    let [_, _, _, _, _, _, from @ ..] = *addresses;
    let macs = Macs { from: Mac::new(from), to: Mac::new(to) };
    let [_, _, _, _, e0, e1] = *cursor.take("frame shorter than its switch tag")?;
    let (vlan, ether_type) = behind_tags(cursor, u16::from_be_bytes([e0, e1]))?;
    Ok((Link { vlan, macs }, ether_type))
}

/// The same where the tag has an `EtherType` of its own, and 2 more bytes.
pub(super) fn switch_tag_typed(cursor: &mut Cursor<'_>) -> Below {
    let [_, _, _, _, _, _, e0, e1] = *cursor.take("frame shorter than its switch tag")?;
    let (vlan, ether_type) = behind_tags(cursor, u16::from_be_bytes([e0, e1]))?;
    Ok((Link { vlan, macs: Macs::default() }, ether_type))
}

/// RFC 6325, section 3: version, flags and length of the options in units of 4 bytes, then two nicknames.
pub(super) fn trill(cursor: &mut Cursor<'_>) -> Below {
    let [v0, v1, _, _, _, _] = *cursor.take("frame shorter than its TRILL header")?;
    let options = usize::from(u16::from_be_bytes([v0, v1]) >> 6 & 0x1F) * 4;
    behind(options, cursor)
}

/// RFC 8300, section 2.2: its length in units of 4 bytes, and what is behind it.
pub(super) fn service_header(cursor: &mut Cursor<'_>) -> Below {
    let [_, units, _, next] = *cursor.peek(SERVICE_SHORT)?;
    let length = usize::from(units & 0x3F) * 4;
    if length < 8 {
        return Err(Class::Malformed("network service header under 8 bytes"));
    }
    cursor.skip(length, SERVICE_SHORT)?;
    match next {
        1 => Ok((Link::default(), IPV4)),
        2 => Ok((Link::default(), IPV6)),
        3 => decode(cursor),
        5 => Ok((Link::default(), MPLS)),
        _ => Err(Class::OtherEtherType(super::SERVICE_HEADER)),
    }
}

/// IEEE 802.3br: a preamble of 8 bytes, whose last byte says that an express frame follows; parts of others are counted.
pub(super) fn express(cursor: &mut Cursor<'_>) -> Below {
    let [.., delimiter]: [u8; 8] = *cursor.take("frame shorter than its preamble")?;
    if delimiter != 0xD5 {
        return Err(Class::UnknownLinkType(crate::frame::LinkType::ETHERNET_MPACKET.0));
    }
    decode(cursor)
}

/// A Juniper router's header: its magic number, flags, and extensions where the flags say so.
pub(super) fn juniper(cursor: &mut Cursor<'_>) -> Below {
    let [b'M', b'G', b'C', flags] = *cursor.take(JUNIPER_SHORT)? else {
        return Err(Class::Malformed("Juniper header without its magic number"));
    };
    if flags & JUNIPER_EXTENDED != 0 {
        let length = u16::from_be_bytes(*cursor.take(JUNIPER_SHORT)?);
        cursor.skip(length.into(), JUNIPER_SHORT)?;
    }
    if flags & JUNIPER_NO_LINK_LAYER != 0 {
        return Err(Class::UnknownLinkType(crate::frame::LinkType::JUNIPER_ETHER.0));
    }
    decode(cursor)
}

/// Strips VLAN tags, and LLC with SNAP, from a frame whose type or length field is `field`.
#[inline]
pub(super) fn behind_tags(cursor: &mut Cursor<'_>, field: u16) -> Result<(Vlan, u16), Class> {
    let mut vlan = Vlan::NONE;
    let mut field = field;
    for _ in 0..=MAX_TAGS {
        match field {
            VLAN_8021Q | VLAN_8021AD | VLAN_QINQ => {
                let [c0, c1, e0, e1] = *cursor.take("frame shorter than its VLAN tag")?;
                vlan = vlan.push(u16::from_be_bytes([c0, c1]));
                field = u16::from_be_bytes([e0, e1]);
            }
            length @ 0..=HIGHEST_LENGTH => {
                cursor.limit(length.into());
                field = llc::ether_type(cursor)?;
            }
            ether_type => return Ok((vlan, ether_type)),
        }
    }
    Err(Class::Malformed("more than 16 VLAN tags"))
}

const SHORT: &str = "frame shorter than its Ethernet header";
const SERVICE_SHORT: &str = "frame shorter than its network service header";
const JUNIPER_SHORT: &str = "frame shorter than its Juniper header";
const JUNIPER_NO_LINK_LAYER: u8 = 0x02;
const JUNIPER_EXTENDED: u8 = 0x80;
/// A field up to here is the length of an IEEE 802.3 frame, from [`LOWEST_ETHER_TYPE`] a type.
const HIGHEST_LENGTH: u16 = 1500;
const _: () = assert!(HIGHEST_LENGTH < LOWEST_ETHER_TYPE);
const MAX_TAGS: u32 = 16;

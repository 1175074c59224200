//! Link layers: down to the `EtherType` of what they carry.

use super::cursor::Cursor;
use super::{Class, Mac, Macs, Vlan};
use crate::frame::LinkType;

/// What the layers below IP said.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Link {
    pub(super) vlan: Vlan,
    pub(super) macs: Macs,
}

pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;
pub(super) const IPV6: u16 = 0x86DD;

/// Goes on to the network layer and says which one it is, as an `EtherType`.
#[inline]
pub(super) fn decode(link: LinkType, cursor: &mut Cursor<'_>) -> Result<(Link, u16), Class> {
    match link {
        LinkType::ETHERNET => ethernet(cursor),
        LinkType::LINUX_SLL => cooked_v1(cursor),
        LinkType::LINUX_SLL2 => cooked_v2(cursor),
        LinkType::NULL | LinkType::LOOP => bsd_loopback(cursor),
        LinkType::IPV4 => Ok((Link::default(), IPV4)),
        LinkType::IPV6 => Ok((Link::default(), IPV6)),
        LinkType::RAW | RAW_BSD | RAW_OPENBSD => raw(cursor),
        LinkType(other) => Err(Class::UnknownLinkType(other)),
    }
}

/// Receiver, sender, type or length: 6, 6 and 2 bytes, read as two overlapping numbers.
#[inline]
fn ethernet(cursor: &mut Cursor<'_>) -> Result<(Link, u16), Class> {
    let [to @ .., _, _, _, _, _, _]: &[u8; 14] = cursor.peek(ETHERNET_SHORT)?;
    let [_, _, _, _, _, _, from @ ..]: &[u8; 14] = cursor.take(ETHERNET_SHORT)?;
    let [_, _, _, _, _, _, e0, e1] = *from;
    let [from, to] = [from, to].map(|upper| Mac::from_upper(u64::from_be_bytes(*upper)));
    let macs = Macs { from, to };
    let (vlan, ether_type) = behind_tags(cursor, u16::from_be_bytes([e0, e1]))?;
    Ok((Link { vlan, macs }, ether_type))
}

/// `LINKTYPE_LINUX_SLL`: packet type, ARPHRD, address length, address in 8 bytes, protocol.
fn cooked_v1(cursor: &mut Cursor<'_>) -> Result<(Link, u16), Class> {
    let [_, _, _, _, l0, l1, address @ .., _, _, p0, p1]: [u8; 16] = *cursor.take(COOKED_SHORT)?;
    cooked(cursor, u16::from_be_bytes([l0, l1]), address, u16::from_be_bytes([p0, p1]))
}

/// `LINKTYPE_LINUX_SLL2`: protocol, 2 reserved, interface index, ARPHRD, packet type, address length, address in 8 bytes.
fn cooked_v2(cursor: &mut Cursor<'_>) -> Result<(Link, u16), Class> {
    let [p0, p1, _, _, _, _, _, _, _, _, _, length, address @ .., _, _]: [u8; 20] =
        *cursor.take(COOKED_SHORT)?;
    cooked(cursor, length.into(), address, u16::from_be_bytes([p0, p1]))
}

fn cooked(
    cursor: &mut Cursor<'_>,
    length: u16,
    address: [u8; 6],
    protocol: u16,
) -> Result<(Link, u16), Class> {
    let from = if length == 6 { Mac::new(address) } else { None };
    let protocol = match protocol {
        COOKED_NOVELL => return Err(Class::OtherLlc(0xFFFF)),
        COOKED_LLC => llc(cursor)?,
        low @ 0..LOWEST_ETHER_TYPE => return Err(Class::OtherEtherType(low)),
        ether_type => ether_type,
    };
    let (vlan, ether_type) = behind_tags(cursor, protocol)?;
    Ok((Link { vlan, macs: Macs { from, to: None } }, ether_type))
}

/// The family is in the byte order of the machine that captured (`LINKTYPE_NULL`) or in network order (`LINKTYPE_LOOP`).
/// Families are small numbers, so the order shows, also where a writer confused the two types.
fn bsd_loopback(cursor: &mut Cursor<'_>) -> Result<(Link, u16), Class> {
    let bytes = *cursor.take("frame shorter than its loopback header")?;
    let family = u32::from_be_bytes(bytes).min(u32::from_le_bytes(bytes));
    let ether_type = match family {
        2 => IPV4,
        // Linux, Windows, the BSDs, FreeBSD, macOS.
        10 | 23 | 24 | 28 | 30 => IPV6,
        other => return Err(Class::OtherFamily(other)),
    };
    Ok((Link::default(), ether_type))
}

fn raw(cursor: &Cursor<'_>) -> Result<(Link, u16), Class> {
    let [first] = *cursor.peek("empty IP packet")?;
    let ether_type = match first >> 4 {
        4 => IPV4,
        6 => IPV6,
        _ => return Err(Class::Malformed("IP version neither 4 nor 6")),
    };
    Ok((Link::default(), ether_type))
}

/// Strips VLAN tags, and LLC with SNAP, from a frame whose type or length field is `field`.
#[inline]
fn behind_tags(cursor: &mut Cursor<'_>, field: u16) -> Result<(Vlan, u16), Class> {
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
                field = llc(cursor)?;
            }
            ether_type => return Ok((vlan, ether_type)),
        }
    }
    Err(Class::Malformed("more than 16 VLAN tags"))
}

/// The `EtherType` behind an LLC header with SNAP (RFC 1042). Everything else over LLC ends in its class.
#[cold]
fn llc(cursor: &mut Cursor<'_>) -> Result<u16, Class> {
    let [to, from] = *cursor.peek("frame shorter than its LLC header")?;
    if [to, from] != [0xAA, 0xAA] {
        return Err(Class::OtherLlc(u16::from_be_bytes([to, from])));
    }
    let [_, _, control, o0, o1, o2, e0, e1] = *cursor.take("frame shorter than its SNAP header")?;
    let ether_type = u16::from_be_bytes([e0, e1]);
    // With another organisation, or below the lowest EtherType, the number is not an EtherType.
    if [control, o0, o1, o2] != [0x03, 0, 0, 0] || ether_type < LOWEST_ETHER_TYPE {
        return Err(Class::OtherLlc(0xAAAA));
    }
    Ok(ether_type)
}

const ETHERNET_SHORT: &str = "frame shorter than its Ethernet header";
const COOKED_SHORT: &str = "frame shorter than its Linux cooked header";
const RAW_BSD: LinkType = LinkType(12);
const RAW_OPENBSD: LinkType = LinkType(14);
const VLAN_8021Q: u16 = 0x8100;
const VLAN_8021AD: u16 = 0x88A8;
const VLAN_QINQ: u16 = 0x9100;
/// A field up to here is the length of an IEEE 802.3 frame, from [`LOWEST_ETHER_TYPE`] a type.
const HIGHEST_LENGTH: u16 = 1500;
const LOWEST_ETHER_TYPE: u16 = 0x0600;
/// Linux's own protocol numbers in cooked captures: a Novell frame without LLC, and LLC.
const COOKED_NOVELL: u16 = 0x0001;
const COOKED_LLC: u16 = 0x0004;
const MAX_TAGS: u32 = 16;

//! Headers of the BSDs, Solaris and their relatives that name an address family.

use super::super::cursor::Cursor;
use super::{Below, IPV4, IPV6, Link};
use crate::packet::Class;

/// The family is in the byte order of the machine that captured (`LINKTYPE_NULL`) or in network order (`LINKTYPE_LOOP`).
/// Families are small numbers, so the order shows, also where a writer confused the two types.
pub(super) fn loopback(cursor: &mut Cursor<'_>) -> Below {
    let bytes = *cursor.take("frame shorter than its loopback header")?;
    of_family(either_order(bytes))
}

/// `LINKTYPE_ENC`, OpenBSD's view of `IPsec` from inside: family, security parameters index, flags.
pub(super) fn enc(cursor: &mut Cursor<'_>) -> Below {
    let [f0, f1, f2, f3, ..]: [u8; 12] = *cursor.take("frame shorter than its enc header")?;
    of_family(either_order([f0, f1, f2, f3]))
}

/// `LINKTYPE_PFLOG`, the log of the packet filter: the header's length without its padding to 4 bytes, and the family.
pub(super) fn pflog(cursor: &mut Cursor<'_>) -> Below {
    let [length, family] = *cursor.peek(PFLOG_SHORT)?;
    if length < 28 {
        return Err(Class::Malformed("packet filter log header under 28 bytes"));
    }
    cursor.skip(usize::from(length).next_multiple_of(4), PFLOG_SHORT)?;
    of_family(family.into())
}

/// `LINKTYPE_IPNET`, IP on a Solaris interface: version, family in Solaris's numbers, and 22 bytes of where it was seen.
pub(super) fn ipnet(cursor: &mut Cursor<'_>) -> Below {
    let [_, family, ..]: [u8; 24] = *cursor.take("frame shorter than its ipnet header")?;
    match family {
        2 => Ok((Link::default(), IPV4)),
        26 => Ok((Link::default(), IPV6)),
        other => Err(Class::OtherFamily(other.into())),
    }
}

fn of_family(family: u32) -> Below {
    match family {
        2 => Ok((Link::default(), IPV4)),
        // Linux, Windows, the BSDs, FreeBSD, macOS.
        10 | 23 | 24 | 28 | 30 => Ok((Link::default(), IPV6)),
        other => Err(Class::OtherFamily(other)),
    }
}

/// A small number in an order that is not known.
fn either_order(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes).min(u32::from_le_bytes(bytes))
}

const PFLOG_SHORT: &str = "frame shorter than its packet filter log header";

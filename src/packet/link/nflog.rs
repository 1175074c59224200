//! `LINKTYPE_NFLOG`: what a rule of Linux's packet filter logged, as attributes of which one is the packet.
//!
//! Sources: the registry's page, Linux's `nfnetlink_log.h`. Numbers of attributes are in the byte order of the machine.

use super::super::cursor::Cursor;
use super::{Below, IPV4, IPV6, Link, raw};
use crate::packet::{Class, LinkLayer, Mac, Macs, Vlan};

pub(super) fn decode(cursor: &mut Cursor<'_>) -> Below {
    let [family, version, _, _] = *cursor.take(SHORT)?;
    if version != 0 {
        return Err(Class::Malformed("NFLOG version is not 0"));
    }
    let (mut protocol, mut macs) = (None, Macs::default());
    while cursor.wire() > 0 {
        let (kind, len) = attribute(*cursor.peek(SHORT)?)?;
        if kind == PAYLOAD {
            cursor.skip(4, SHORT)?;
            cursor.limit(len.saturating_sub(4));
            let ether_type = match (family, protocol) {
                (2, _) => IPV4,
                (10, _) => IPV6,
                (_, Some(protocol)) => protocol,
                (_, None) => raw(cursor)?.1,
            };
            return Ok((Link { vlan: Vlan::NONE, macs }, ether_type));
        }
        match (kind, cursor.data()) {
            (PACKET_HEADER, [_, _, _, _, p0, p1, ..]) if len >= 8 => {
                protocol = Some(u16::from_be_bytes([*p0, *p1]));
            }
            // The address's length, two bytes of padding, the address.
            (SENDER, [_, _, _, _, 0, 6, _, _, m0, m1, m2, m3, m4, m5, ..]) if len >= 14 => {
                macs.from = Mac::new([*m0, *m1, *m2, *m3, *m4, *m5]);
            }
            _ => {}
        }
        cursor.skip(len.next_multiple_of(4).min(cursor.wire()), SHORT)?;
    }
    Err(Class::LinkLayer(LinkLayer::NoPacket))
}

/// The hook of the packet filter that the packet was at.
pub(in crate::packet) fn hook(data: &[u8]) -> Option<u8> {
    let mut rest = data.get(4..)?;
    loop {
        let (kind, len) = attribute(*rest.first_chunk()?).ok()?;
        if kind == PACKET_HEADER && len >= 8 {
            return rest.get(6).copied();
        }
        rest = rest.get(len.next_multiple_of(4)..)?;
    }
}

/// An attribute's kind and its length with these four bytes. Kinds are small numbers, so the order shows in them.
fn attribute([l0, l1, k0, k1]: [u8; 4]) -> Result<(u16, usize), Class> {
    let (len, kind) = if k1 == 0 {
        (u16::from_le_bytes([l0, l1]), [k1, k0])
    } else {
        (u16::from_be_bytes([l0, l1]), [k0, k1])
    };
    if len < 4 {
        return Err(Class::Malformed("NFLOG attribute under 4 bytes"));
    }
    Ok((u16::from_be_bytes(kind), len.into()))
}

const SHORT: &str = "frame shorter than its NFLOG attributes";
const PACKET_HEADER: u16 = 1;
const SENDER: u16 = 8;
const PAYLOAD: u16 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_shows_in_the_kind_whatever_the_length() {
        for len in 4..=u16::MAX {
            for kind in [PACKET_HEADER, PAYLOAD, 0x11] {
                let ([l0, l1], [k0, k1]) = (len.to_le_bytes(), kind.to_le_bytes());
                assert_eq!(attribute([l0, l1, k0, k1]), Ok((kind, usize::from(len))));
                assert_eq!(attribute([l1, l0, k1, k0]), Ok((kind, usize::from(len))));
            }
        }
    }
}

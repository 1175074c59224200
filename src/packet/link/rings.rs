//! Rings, coaxial networks and buses of old, as far as IP runs over them.
//!
//! Sources: IEEE 802.5, RFC 1042 and 1390 (FDDI), RFC 1201 (ARCNET), RFC 2625 (Fibre Channel), RFC 2734 (IEEE 1394).

use super::super::cursor::Cursor;
use super::{ARP, Below, IPV4, IPV6, Link, llc};
use crate::packet::{Class, LinkLayer, Mac, Macs, Vlan};

/// Access control, frame control, receiver, sender, and the route where the sender's first bit says so.
pub(super) fn token_ring(cursor: &mut Cursor<'_>) -> Below {
    let [_, control, t0, t1, t2, t3, t4, t5, f0, f1, f2, f3, f4, f5] = *cursor.take(RING_SHORT)?;
    if control & 0xC0 != 0x40 {
        return Err(Class::LinkLayer(LinkLayer::MacControl));
    }
    if f0 & 0x80 != 0 {
        let [route] = *cursor.peek(RING_SHORT)?;
        let length = usize::from(route & 0x1F);
        if length < 2 {
            return Err(Class::Malformed("token ring route under 2 bytes"));
        }
        cursor.skip(length, RING_SHORT)?;
    }
    let macs = macs([f0 & 0x7F, f1, f2, f3, f4, f5], [t0, t1, t2, t3, t4, t5]);
    Ok((link(macs), llc::ether_type(cursor)?))
}

/// Frame control, receiver, sender.
pub(super) fn fddi(cursor: &mut Cursor<'_>) -> Below {
    let [control, t0, t1, t2, t3, t4, t5, f0, f1, f2, f3, f4, f5] = *cursor.take(RING_SHORT)?;
    if control & 0xF0 != 0x50 {
        return Err(Class::LinkLayer(LinkLayer::MacControl));
    }
    let macs = macs([f0, f1, f2, f3, f4, f5], [t0, t1, t2, t3, t4, t5]);
    Ok((link(macs), llc::ether_type(cursor)?))
}

/// Sender, receiver, system code; then, but for the oldest codes, a flag for pieces and a sequence number.
pub(super) fn arcnet_bsd(cursor: &mut Cursor<'_>) -> Below {
    let [_, _, code] = *cursor.take(ARCNET_SHORT)?;
    arcnet(code, cursor)
}

/// Linux puts an offset of 2 bytes before the system code.
pub(super) fn arcnet_linux(cursor: &mut Cursor<'_>) -> Below {
    let [_, _, _, _, code] = *cursor.take(ARCNET_SHORT)?;
    arcnet(code, cursor)
}

fn arcnet(code: u8, cursor: &mut Cursor<'_>) -> Below {
    let ether_type = match code {
        // RFC 1051, without the fields of RFC 1201.
        240 => return Ok((Link::default(), IPV4)),
        241 => return Ok((Link::default(), ARP)),
        212 => IPV4,
        213 => ARP,
        196 => IPV6,
        other => return Err(Class::LinkLayer(LinkLayer::Arcnet(other))),
    };
    let [mut flag, _, _] = *cursor.take(ARCNET_SHORT)?;
    // An exception packet repeats the fields behind a filler.
    if flag == 0xFF {
        [_, flag, _, _] = *cursor.take(ARCNET_SHORT)?;
    }
    if flag != 0 {
        return Err(Class::LinkLayer(LinkLayer::Arcnet(code)));
    }
    Ok((Link::default(), ether_type))
}

/// RFC 2625, section 3.1: receiver and sender, each behind 2 bytes that say what kind of name it is.
pub(super) fn fibre_channel(cursor: &mut Cursor<'_>) -> Below {
    let [_, _, t0, t1, t2, t3, t4, t5, _, _, f0, f1, f2, f3, f4, f5] =
        *cursor.take("frame shorter than its Fibre Channel header")?;
    let macs = macs([f0, f1, f2, f3, f4, f5], [t0, t1, t2, t3, t4, t5]);
    Ok((link(macs), llc::ether_type(cursor)?))
}

/// Receiver and sender of 8 bytes each, `EtherType`.
pub(super) fn firewire(cursor: &mut Cursor<'_>) -> Below {
    let [.., e0, e1]: [u8; 18] = *cursor.take("frame shorter than its IEEE 1394 header")?;
    Ok((Link::default(), u16::from_be_bytes([e0, e1])))
}

fn macs(from: [u8; 6], to: [u8; 6]) -> Macs {
    Macs { from: Mac::new(from), to: Mac::new(to) }
}

fn link(macs: Macs) -> Link {
    Link { vlan: Vlan::NONE, macs }
}

const RING_SHORT: &str = "frame shorter than its ring's header";
const ARCNET_SHORT: &str = "frame shorter than its ARCNET header";

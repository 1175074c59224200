//! The plain case, which nearly every frame is: Ethernet without tags, IPv4 without options or IPv6 without extension
//! headers, TCP or UDP.
//!
//! Input: a frame's bytes and its length on the wire. Output: the packet, or nothing where the frame is anything else, cut
//! short or at odds with itself. Must not: differ from the general way, which says of such a frame why it is no packet; tests
//! hold the two together.

use super::cursor::Cursor;
use super::ip::{self, Ip};
use super::link::{self, Link};
use super::{Ends, Mac, Macs, Packet, Vlan, transport};

/// Decodes a plain frame whose link type is Ethernet.
#[inline(always)]
pub(super) fn decode(data: &[u8], wire_len: u32) -> Option<Packet<'_>> {
    let (ethernet, body) = data.split_first_chunk::<14>()?;
    let [_, _, _, _, _, _, from @ ..] = ethernet;
    let [_, _, _, _, _, _, e0, e1] = *from;
    let from = Mac::from_upper(u64::from_be_bytes(*from));
    let to = Mac::from_upper(u64::from_be_bytes(*ethernet.first_chunk()?));
    // Without addresses there may be a trailer that was never on the wire.
    if from.is_none() && to.is_none() {
        return None;
    }
    let wire = (wire_len as usize).max(data.len()).wrapping_sub(14);
    let ip = match u16::from_be_bytes([e0, e1]) {
        link::IPV4 => v4(body, wire)?,
        link::IPV6 => v6(body, wire)?,
        _ => return None,
    };
    transport::plain(Link { vlan: Vlan::NONE, macs: Macs { from, to } }, &ip)
}

/// `wire` is the length on the wire of `data`, the IP packet and what stands behind it.
#[inline(always)]
fn v4(data: &[u8], wire: usize) -> Option<Ip<'_>> {
    let (header, body) = data.split_first_chunk::<20>()?;
    let [0x45, _, l0, l1, _, _, o0, o1, hop_limit, protocol, _, _, f0, f1, f2, f3, t0, t1, t2, t3] = *header
    else {
        return None;
    };
    let total = usize::from(u16::from_be_bytes([l0, l1]));
    // The flag "more fragments" and the offset.
    if total > wire || u16::from_be_bytes([o0, o1]) & 0x3FFF != 0 {
        return None;
    }
    let claimed = total.checked_sub(20)?;
    let ends = Ends::v4(u32::from_be_bytes([f0, f1, f2, f3]), u32::from_be_bytes([t0, t1, t2, t3]));
    Some(Ip { ends, protocol, hop_limit, claimed, body: Cursor::limited(body, claimed) })
}

#[inline]
fn v6(data: &[u8], wire: usize) -> Option<Ip<'_>> {
    let (header, body) = data.split_first_chunk::<40>()?;
    let [version, _, _, _, l0, l1, protocol, hop_limit, addresses @ ..] = header;
    let claimed = usize::from(u16::from_be_bytes([*l0, *l1]));
    if version >> 4 != 6 || claimed == 0 || claimed > wire.checked_sub(40)? {
        return None;
    }
    let ends = ip::ends(addresses);
    Some(Ip {
        ends,
        protocol: *protocol,
        hop_limit: *hop_limit,
        claimed,
        body: Cursor::limited(body, claimed),
    })
}

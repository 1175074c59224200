//! Tunnels in clear: their own headers, and where what they carry begins.
//!
//! Input: where the header begins. Output: what it carries and where; the header is kept, without what numbers a subscriber or a
//! tunnel. Must not: keep a header that it does not know to its end.

use super::keyed::Key;
use super::shaper::Shaper;
use crate::packet::Tunnel;

/// What a tunnel carries, from where on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Inner {
    /// IP.
    Ip(usize),
    /// A frame of Ethernet.
    Ethernet(usize),
}

/// RFC 2784 and RFC 2890.
pub(super) fn gre(shaper: &mut Shaper<'_>, at: usize) -> Option<Inner> {
    let flags = shaper.short(at)?;
    let carried = shaper.short(at.checked_add(2)?)?;
    let fields = u16::try_from((flags & GRE_FIELDS).count_ones()).ok()?;
    let body = at.checked_add(4)?.checked_add(usize::from(fields.checked_mul(4)?))?;
    let inner = match carried {
        0x0800 | 0x86dd => Inner::Ip(body),
        0x6558 => Inner::Ethernet(body),
        _ => return None,
    };
    if flags & !GRE_FIELDS != 0 {
        return None;
    }
    shaper.keep(at, 4);
    shaper.hold(at, body.saturating_sub(at));
    Some(inner)
}

/// What a datagram carries whose UDP header begins at `at`, by its port and the header behind it; it ends at `end`.
pub(super) fn over_udp(shaper: &mut Shaper<'_>, at: usize, end: usize, key: &Key) -> Option<Inner> {
    let (from, to) = (shaper.short(at)?, shaper.short(at.checked_add(2)?)?);
    let head = at.checked_add(8)?;
    if to == Tunnel::Vxlan.number() && matches!(shaper.array(head), Some([0x08, 0, 0, 0, _, _, _, 0])) {
        shaper.keep(head, 4);
        network(shaper, head, key)?;
        return Some(Inner::Ethernet(head.checked_add(8)?));
    }
    if to == Tunnel::Geneve.number() {
        return geneve(shaper, head, end, key);
    }
    let is_gtp = from == Tunnel::GtpU.number() || to == Tunnel::GtpU.number();
    if is_gtp { gtp(shaper, head, end) } else { None }
}

/// RFC 8926 section 3.4. Options keep their room alone: what they say is the network's own.
fn geneve(shaper: &mut Shaper<'_>, at: usize, end: usize, key: &Key) -> Option<Inner> {
    let [first, flags, p0, p1, _, _, _, 0] = shaper.array(at)? else { return None };
    let options = usize::from(first & 0x3f).checked_mul(4)?;
    let body = at.checked_add(8)?.checked_add(options)?;
    if first >> 6 != 0 || flags & 0x3f != 0 || body > end {
        return None;
    }
    let inner = match u16::from_be_bytes([p0, p1]) {
        0x0800 | 0x86dd => Inner::Ip(body),
        0x6558 => Inner::Ethernet(body),
        _ => return None,
    };
    shaper.keep(at, 1);
    shaper.keep(at.checked_add(2)?, 2);
    network(shaper, at, key)?;
    shaper.hold(at, body.saturating_sub(at));
    Some(inner)
}

/// The number of a virtual network, in the second half of a header of eight bytes: another one, which keeps networks apart.
fn network(shaper: &mut Shaper<'_>, head: usize, key: &Key) -> Option<()> {
    let at = head.checked_add(4)?;
    let number: [u8; 3] = shaper.array(at)?;
    let digest = key.digest("network", &number);
    shaper.put(at, digest.first_chunk::<3>()?);
    shaper.hold(at, 4);
    Some(())
}

/// TS 29.281 section 5.1: version 1, a user's packet. The endpoint's number is a subscriber's, and not kept.
fn gtp(shaper: &mut Shaper<'_>, at: usize, end: usize) -> Option<Inner> {
    let [first, kind, l0, l1] = shaper.array(at)?;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let fits = at.checked_add(8)?.checked_add(length)? == end;
    if first >> 4 != 0b0011 || kind != 255 || !fits {
        return None;
    }
    let mut body = at.checked_add(8)?;
    if first & 0x07 != 0 {
        body = body.checked_add(4)?;
        let mut next = shaper.byte(body.checked_sub(1)?)?;
        // Headers count their length in words of four bytes, and end with the type of the next.
        while first & 0x04 != 0 && next != 0 {
            let words = usize::from(shaper.byte(body)?).checked_mul(4).filter(|words| *words > 0)?;
            shaper.keep(body, 1);
            body = body.checked_add(words)?;
            next = shaper.byte(body.checked_sub(1)?)?;
            shaper.keep(body.checked_sub(1)?, 1);
        }
        shaper.keep(at.checked_add(11)?, 1);
    }
    shaper.keep(at, 4);
    shaper.hold(at, body.saturating_sub(at));
    Some(Inner::Ip(body))
}

/// Checksum, key and sequence number are there.
const GRE_FIELDS: u16 = 0xb000;

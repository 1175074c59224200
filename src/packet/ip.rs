//! IPv4 and IPv6, down to the transport protocol.

use super::cursor::Cursor;
use super::{Class, Ends};

/// An IP packet that is no fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ip<'a> {
    /// The addresses, without ports.
    pub(super) ends: Ends,
    /// The transport protocol, behind any IPv6 extension headers.
    pub(super) protocol: u8,
    pub(super) hop_limit: u8,
    /// The length of the transport layer as the IP header claims it.
    pub(super) claimed: usize,
    /// The transport layer, ending where the IP packet ends.
    pub(super) body: Cursor<'a>,
}

/// Reads an IPv4 packet (RFC 791).
#[inline]
pub(super) fn v4(mut cursor: Cursor<'_>) -> Result<Ip<'_>, Class> {
    let header = v4_header(&mut cursor)?;
    // Captured before the card segmented it, a packet has no length yet: it is the rest of the frame.
    let claimed = match usize::from(header.total_len) {
        0 => cursor.wire(),
        total => total
            .checked_sub(header.len)
            .ok_or(Class::Malformed("IPv4 total length ends inside the IPv4 header"))?,
    };
    cursor.limit(claimed);
    if header.is_fragment {
        return Err(Class::Fragment(header.protocol));
    }
    let V4Header { ends, protocol, hop_limit, .. } = header;
    Ok(Ip { ends, protocol, hop_limit, claimed, body: cursor })
}

/// Reads an IPv6 packet (RFC 8200) up to its transport header.
#[inline]
pub(super) fn v6(mut cursor: Cursor<'_>) -> Result<Ip<'_>, Class> {
    let header = v6_header(&mut cursor)?;
    // Zero is a jumbogram (RFC 2675) or not segmented yet: the rest of the frame.
    let claimed = match usize::from(header.payload_len) {
        0 if header.next != NO_NEXT_HEADER => cursor.wire(),
        length => length,
    };
    cursor.limit(claimed);
    let before = cursor.wire();
    let (protocol, is_fragment) = behind_extensions(&mut cursor, header.next)?;
    if is_fragment {
        return Err(Class::Fragment(protocol));
    }
    let claimed = claimed.saturating_sub(before.saturating_sub(cursor.wire()));
    Ok(Ip { ends: header.ends, protocol, hop_limit: header.hop_limit, claimed, body: cursor })
}

/// Reads the start of a packet that an ICMP error quotes: whether its length fits does not matter, since it was cut,
/// and some systems write a changed one back.
pub(super) fn quoted(mut cursor: Cursor<'_>) -> Result<Ip<'_>, Class> {
    let [first] = *cursor.peek("ICMP error without a quoted packet")?;
    let (ends, protocol, hop_limit, is_fragment) = if first >> 4 == 4 {
        let header = v4_header(&mut cursor)?;
        (header.ends, header.protocol, header.hop_limit, header.is_fragment)
    } else {
        let header = v6_header(&mut cursor)?;
        let (protocol, is_fragment) = behind_extensions(&mut cursor, header.next)?;
        (header.ends, protocol, header.hop_limit, is_fragment)
    };
    if is_fragment {
        return Err(Class::Fragment(protocol));
    }
    Ok(Ip { ends, protocol, hop_limit, claimed: cursor.wire(), body: cursor })
}

/// A fragment of an IP packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) ends: Ends,
    /// IPv4: the protocol. IPv6: the header that follows, which counts in the first fragment alone.
    pub(super) protocol: u8,
    /// What the fragments of one packet share (RFC 791: 16 bits, RFC 8200: 32).
    pub(super) id: u32,
    /// Where its bytes belong, in bytes from the start of what was taken apart.
    pub(super) offset: usize,
    /// Whether more follow behind it.
    pub(super) has_more: bool,
    pub(super) hop_limit: u8,
    pub(super) body: Cursor<'a>,
}

/// Reads the IP packet here as the fragment that [`v4`] or [`v6`] found it to be.
pub(super) fn piece(mut cursor: Cursor<'_>) -> Option<Piece<'_>> {
    let [first] = *cursor.peek("").ok()?;
    if first >> 4 == 4 {
        let [_, _, _, _, i0, i1, o0, o1] = *cursor.peek("").ok()?;
        let V4Header { ends, protocol, hop_limit, len, total_len, .. } = v4_header(&mut cursor).ok()?;
        cursor.limit(match usize::from(total_len) {
            0 => cursor.wire(),
            total => total.checked_sub(len)?,
        });
        let field = u16::from_be_bytes([o0, o1]);
        let (id, offset) = (u16::from_be_bytes([i0, i1]).into(), usize::from(field & 0x1FFF) * 8);
        let has_more = field & 0x2000 != 0;
        return Some(Piece { ends, protocol, id, offset, has_more, hop_limit, body: cursor });
    }
    let V6Header { ends, next, hop_limit, payload_len } = v6_header(&mut cursor).ok()?;
    if payload_len != 0 {
        cursor.limit(payload_len.into());
    }
    let mut next = next;
    for _ in 0..=MAX_EXTENSIONS {
        if next == FRAGMENT {
            let [protocol, _, o0, o1, id @ ..]: [u8; 8] = *cursor.take("").ok()?;
            let field = u16::from_be_bytes([o0, o1]);
            // A whole packet with a fragment header (RFC 6946); the one that takes it apart may come behind it.
            if field & 0xFFF9 == 0 {
                next = protocol;
                continue;
            }
            let (id, offset) = (u32::from_be_bytes(id), usize::from(field & 0xFFF8));
            return Some(Piece {
                ends,
                protocol,
                id,
                offset,
                has_more: field & 1 != 0,
                hop_limit,
                body: cursor,
            });
        }
        let [following, length] = *cursor.peek("").ok()?;
        cursor.skip((usize::from(length) + 1) * 8, "").ok()?;
        next = following;
    }
    None
}

/// A packet that was put together, from behind its IP header on.
pub(super) fn whole(ends: Ends, protocol: u8, hop_limit: u8, mut body: Cursor<'_>) -> Result<Ip<'_>, Class> {
    let (protocol, is_fragment) =
        if ends.is_v6() { behind_extensions(&mut body, protocol)? } else { (protocol, false) };
    if is_fragment {
        return Err(Class::Fragment(protocol));
    }
    Ok(Ip { ends, protocol, hop_limit, claimed: body.wire(), body })
}

struct V4Header {
    ends: Ends,
    protocol: u8,
    hop_limit: u8,
    len: usize,
    total_len: u16,
    is_fragment: bool,
}

#[inline]
fn v4_header(cursor: &mut Cursor<'_>) -> Result<V4Header, Class> {
    let [version_ihl, _, l0, l1, _, _, o0, o1, hop_limit, protocol, _, _, f0, f1, f2, f3, t0, t1, t2, t3] =
        *cursor.take("packet shorter than its IPv4 header")?;
    if version_ihl >> 4 != 4 {
        return Err(Class::Malformed("IP version is not 4"));
    }
    let len = usize::from(version_ihl & 0x0F) * 4;
    let Some(options) = len.checked_sub(20) else {
        return Err(Class::Malformed("IPv4 header length under 20 bytes"));
    };
    if options > 0 {
        cursor.skip(options, "packet shorter than its IPv4 options")?;
    }
    Ok(V4Header {
        ends: Ends::v4(u32::from_be_bytes([f0, f1, f2, f3]), u32::from_be_bytes([t0, t1, t2, t3])),
        protocol,
        hop_limit,
        len,
        total_len: u16::from_be_bytes([l0, l1]),
        // The flag "more fragments" and the offset.
        is_fragment: u16::from_be_bytes([o0, o1]) & 0x3FFF != 0,
    })
}

struct V6Header {
    ends: Ends,
    next: u8,
    hop_limit: u8,
    payload_len: u16,
}

#[inline]
fn v6_header(cursor: &mut Cursor<'_>) -> Result<V6Header, Class> {
    let [version, _, _, _, l0, l1, next, hop_limit, addresses @ ..]: &[u8; 40] =
        cursor.take("packet shorter than its IPv6 header")?;
    if version >> 4 != 6 {
        return Err(Class::Malformed("IP version is not 6"));
    }
    Ok(V6Header {
        ends: ends(addresses),
        next: *next,
        hop_limit: *hop_limit,
        payload_len: u16::from_be_bytes([*l0, *l1]),
    })
}

/// The ends that two addresses in a row are.
#[inline]
pub(super) fn ends(addresses: &[u8; 32]) -> Ends {
    let half = |chunk: Option<&[u8; 16]>| chunk.copied().map_or(0, u128::from_be_bytes);
    Ends::v6(half(addresses.first_chunk()), half(addresses.last_chunk()))
}

/// Walks the extension headers (RFC 8200, section 4): the protocol behind them, and whether the packet is a fragment.
#[inline]
fn behind_extensions(cursor: &mut Cursor<'_>, first: u8) -> Result<(u8, bool), Class> {
    let mut next = first;
    for _ in 0..=MAX_EXTENSIONS {
        match next {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => {
                let [following, length] = *cursor.peek(EXTENSION_SHORT)?;
                cursor.skip((usize::from(length) + 1) * 8, EXTENSION_SHORT)?;
                next = following;
            }
            FRAGMENT => {
                let [following, _, o0, o1, ..]: [u8; 8] = *cursor.take(EXTENSION_SHORT)?;
                next = following;
                // An offset, or more to come; with neither it is a whole packet (RFC 6946).
                if u16::from_be_bytes([o0, o1]) & 0xFFF9 != 0 {
                    return Ok((next, true));
                }
            }
            protocol => return Ok((protocol, false)),
        }
    }
    Err(Class::Malformed("more than 16 IPv6 extension headers"))
}

const EXTENSION_SHORT: &str = "packet shorter than its IPv6 extension headers";
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const NO_NEXT_HEADER: u8 = 59;
const DESTINATION_OPTIONS: u8 = 60;
const MAX_EXTENSIONS: u32 = 16;

//! What a tunnel carries: from an outer IP packet to where the inner one begins.
//!
//! Input: an outer packet that a tunnel's protocol number, or port and header, make one. Output: [`Carried`]; nothing where
//! the tunnel's own messages, a form that is not known, or encryption leave nothing to open. Must not: decode what is inside.
//!
//! Sources: RFC 2784, 2890 and 2637 (GRE), RFC 2003, 4213 and 3056 (IP in IP), RFC 3378, RFC 7348 and
//! draft-ietf-nvo3-vxlan-gpe, RFC 8926, RFC 4380, RFC 2661, 3GPP TS 29.281; for ERSPAN draft-foschiano-erspan.

use super::cursor::Cursor;
use super::ip::Ip;
use super::layer::Start;
use super::link;
use super::{Ends, Tunnel, transport, tunnel};
use crate::frame::LinkType;

/// An inner packet with the tunnel that it was in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried<'a> {
    pub(super) kind: Tunnel,
    /// The outer addresses, with ports where there are any.
    pub(super) ends: Ends,
    /// The number of the network inside.
    pub(super) network: Option<u32>,
    pub(super) start: Start,
    pub(super) cursor: Cursor<'a>,
}

/// What begins behind a tunnel's header.
type Inside<'a> = Option<(Start, Cursor<'a>)>;

/// Opens the tunnel of which `ip` is the outer packet.
#[cold]
pub(super) fn carried<'a>(ip: &Ip<'a>) -> Option<Carried<'a>> {
    let plain = |kind, (start, cursor)| Carried { kind, ends: ip.ends, network: None, start, cursor };
    match ip.protocol {
        4 => Some(plain(Tunnel::IpInIp, (Start::Network(link::IPV4), ip.body))),
        41 => Some(plain(ipv6_in_ip(ip.body), (Start::Network(link::IPV6), ip.body))),
        47 => Some(Carried { network: gre_key(ip.body), ..plain(Tunnel::Gre, gre(ip.body)?) }),
        97 => Some(plain(Tunnel::EtherIp, ether_ip(ip.body)?)),
        _ => over_udp(ip),
    }
}

/// Where an inner address begins with 2002, it spells the tunnel's end (RFC 3056, section 2).
fn ipv6_in_ip(body: Cursor<'_>) -> Tunnel {
    match body.data() {
        [_, _, _, _, _, _, _, _, 0x20, 0x02, ..] => Tunnel::SixToFour,
        [_, _, _, _, _, _, _, _, first @ ..] if first.get(16..18) == Some(&[0x20, 0x02]) => Tunnel::SixToFour,
        _ => Tunnel::Ipv6InIp,
    }
}

/// The key of a plain GRE header (RFC 2890), by which both ends tell networks apart. The enhanced form has a call's number
/// there, which differs by direction.
fn gre_key(body: Cursor<'_>) -> Option<u32> {
    let data = body.data();
    let [flags, version, ..] = data else { return None };
    if flags & GRE_KEY == 0 || version & 0x07 != 0 {
        return None;
    }
    let at = if flags & GRE_CHECKSUM != 0 { 8 } else { 4 };
    data.get(at..)?.first_chunk().map(|key| u32::from_be_bytes(*key))
}

/// RFC 2784 with the key and sequence number of RFC 2890, and the enhanced form of RFC 2637 (version 1).
fn gre(mut body: Cursor<'_>) -> Inside<'_> {
    let [flags, version, p0, p1] = *body.take("").ok()?;
    let protocol = u16::from_be_bytes([p0, p1]);
    let has = |flag: u8| usize::from(flags & flag != 0) * 4;
    let is_enhanced = version & 0x07 == 1;
    let acknowledged = if is_enhanced && version & 0x80 != 0 { 4 } else { 0 };
    // Source routes were dropped from the standard, and their length is a chain of its own.
    if flags & GRE_ROUTING != 0 || version & 0x07 > 1 {
        return None;
    }
    body.skip(has(GRE_CHECKSUM) + has(GRE_KEY) + has(GRE_SEQUENCE) + acknowledged, "").ok()?;
    if is_enhanced {
        return (protocol == PPP_IN_GRE).then_some((Start::Link(PPP), body));
    }
    let start = match protocol {
        ETHERNET_BRIDGED => Start::Link(LinkType::ETHERNET),
        // Without a sequence number it is type I, which has no header of its own.
        ERSPAN if flags & GRE_SEQUENCE == 0 => Start::Link(LinkType::ETHERNET),
        ERSPAN => {
            body.skip(8, "").ok()?;
            Start::Link(LinkType::ETHERNET)
        }
        ERSPAN_III => {
            let [.., last] = *body.take::<12>("").ok()?;
            // The last bit says that a platform's header of 8 bytes follows.
            body.skip(usize::from(last & 1) * 8, "").ok()?;
            Start::Link(LinkType::ETHERNET)
        }
        WCCP => {
            // Version 2 puts four bytes before the packet; version 1 does not.
            let [first] = *body.peek("").ok()?;
            body.skip(if first >> 4 == 4 { 0 } else { 4 }, "").ok()?;
            Start::Network(link::IPV4)
        }
        ether_type => Start::Network(ether_type),
    };
    Some((start, body))
}

/// RFC 3378, section 3: version 3 and twelve zero bits.
fn ether_ip(mut body: Cursor<'_>) -> Inside<'_> {
    let [0x30, 0] = *body.take("").ok()? else { return None };
    Some((Start::Link(LinkType::ETHERNET), body))
}

fn over_udp<'a>(ip: &Ip<'a>) -> Option<Carried<'a>> {
    let (ports, body) = transport::udp_layer(ip)?;
    let payload_len = u32::try_from(body.wire()).unwrap_or(u32::MAX);
    let kind = tunnel::openable(ports, body.data(), payload_len)?;
    let (network, (start, cursor)) = match kind {
        Tunnel::Vxlan => vxlan(body)?,
        Tunnel::Geneve => geneve(body)?,
        Tunnel::GtpU => (None, gtp_u(body)?),
        Tunnel::Teredo => (None, teredo(body)?),
        Tunnel::L2tp => (None, l2tp(body)?),
        _ => return None,
    };
    Some(Carried { kind, ends: ip.ends.with_ports(ports), network, start, cursor })
}

/// RFC 7348, section 5; where the flag of draft-ietf-nvo3-vxlan-gpe is set, the fourth byte says what is inside.
fn vxlan(mut body: Cursor<'_>) -> Option<(Option<u32>, (Start, Cursor<'_>))> {
    let [flags, _, _, next, n0, n1, n2, _] = *body.take("").ok()?;
    let start = match (flags & 0x04 != 0, next) {
        (false, _) | (true, 3) => Start::Link(LinkType::ETHERNET),
        (true, 1) => Start::Network(link::IPV4),
        (true, 2) => Start::Network(link::IPV6),
        (true, _) => return None,
    };
    Some((Some(u32::from_be_bytes([0, n0, n1, n2])), (start, body)))
}

/// RFC 8926, section 3.4.
fn geneve(mut body: Cursor<'_>) -> Option<(Option<u32>, (Start, Cursor<'_>))> {
    let [first, _, p0, p1, n0, n1, n2, _] = *body.take("").ok()?;
    body.skip(usize::from(first & 0x3F) * 4, "").ok()?;
    let start = match u16::from_be_bytes([p0, p1]) {
        ETHERNET_BRIDGED => Start::Link(LinkType::ETHERNET),
        ether_type => Start::Network(ether_type),
    };
    Some((Some(u32::from_be_bytes([0, n0, n1, n2])), (start, body)))
}

/// TS 29.281, section 5.1: four more bytes where one of the last three flags is set, then a chain of extension headers.
fn gtp_u(mut body: Cursor<'_>) -> Inside<'_> {
    let [flags, ..]: [u8; 8] = *body.take("").ok()?;
    if flags & 0x07 != 0 {
        let [_, _, _, mut next] = *body.take("").ok()?;
        for _ in 0..MAX_GTP_EXTENSIONS {
            if flags & 0x04 == 0 || next == 0 {
                return Some((Start::Ip, body));
            }
            // A length in units of four bytes, the contents, and in the last byte what follows.
            let [units] = *body.peek("").ok()?;
            let length = usize::from(units) * 4;
            next = *body.data().get(length.checked_sub(1)?)?;
            body.skip(length, "").ok()?;
        }
        return None;
    }
    Some((Start::Ip, body))
}

/// RFC 4380, section 5.1.1.
fn teredo(mut body: Cursor<'_>) -> Inside<'_> {
    if let [0, 1, id, authentication, ..] = body.data() {
        body.skip(13 + usize::from(*id) + usize::from(*authentication), "").ok()?;
    }
    if let [0, 0, ..] = body.data() {
        body.skip(8, "").ok()?;
    }
    // A packet without anything behind its header is a bubble: it opens the way, and carries nothing.
    Some((Start::Network(link::IPV6), body))
}

/// RFC 2661, section 3.1: a data message of version 2, which holds a PPP frame. Version 3 leaves the length of its cookie to
/// the ends, and is not opened.
fn l2tp(mut body: Cursor<'_>) -> Inside<'_> {
    let [f0, f1] = *body.take("").ok()?;
    let flags = u16::from_be_bytes([f0, f1]);
    if flags & 0x8000 != 0 || flags & 0x000F != 2 {
        return None;
    }
    let has = |flag: u16, length: usize| if flags & flag != 0 { length } else { 0 };
    // Length, tunnel and session, sequence numbers.
    body.skip(has(0x4000, 2) + 4 + has(0x0800, 4), "").ok()?;
    if flags & 0x0200 != 0 {
        let padding = u16::from_be_bytes(*body.take("").ok()?);
        body.skip(padding.into(), "").ok()?;
    }
    Some((Start::Link(PPP), body))
}

/// PPP (RFC 1661), in one of its framings: the link type tells them apart by the first bytes.
const PPP: LinkType = LinkType(9);
const GRE_CHECKSUM: u8 = 0x80;
const GRE_ROUTING: u8 = 0x40;
const GRE_KEY: u8 = 0x20;
const GRE_SEQUENCE: u8 = 0x10;
const PPP_IN_GRE: u16 = 0x880B;
/// Transparent Ethernet bridging (RFC 1701).
const ETHERNET_BRIDGED: u16 = 0x6558;
const ERSPAN: u16 = 0x88BE;
const ERSPAN_III: u16 = 0x22EB;
/// Redirected by a router to a web cache (draft-wilson-wrec-wccp-v2, section 4.12).
const WCCP: u16 = 0x883E;
const MAX_GTP_EXTENSIONS: u32 = 8;

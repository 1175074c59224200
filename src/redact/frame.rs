//! A frame's headers: link layer, IP, TCP, UDP, ICMP. What is behind them goes to the rules of streams and datagrams.
//!
//! Input: a frame. Output: its copy up to the last byte that a rule keeps. Must not: keep anything of a header that it does
//! not know, or of what no rule reads.

use std::net::IpAddr;

use super::Shared;
use super::ends::{Datagram, Ends};
use super::shaper::Shaper;
use super::tunnel::{self, Inner};
use crate::frame::{Frame, LinkType};
use crate::packet::{Endpoint, Protocol, Tcp, TcpFlags};

/// Redacts a frame.
pub(super) fn redact(frame: &Frame<'_>, shared: &mut Shared) -> Vec<u8> {
    let mut shaper = Shaper::new(frame.data);
    match link(&mut shaper, frame.link, shared) {
        Some(Below::Ip(at)) => {
            if ip(&mut shaper, at, frame.wire_len as usize, MAX_TUNNELS, shared).is_none() {
                shared.masks.counts.frames_cut_or_broken += 1;
            }
        }
        Some(Below::Other) => shared.masks.counts.frames_of_other_protocols += 1,
        None => shared.masks.counts.frames_of_unknown_links += 1,
    }
    if !shared.fills || shared.is_gathering || shaper.end() == shaper.len() {
        return shaper.finish();
    }
    fill(shaper, shared)
}

/// With several interfaces, one packet is told from the next by all of its bytes: they are not cut away but replaced by a
/// digest of what was there, and zeros.
fn fill(mut shaper: Shaper<'_>, shared: &Shared) -> Vec<u8> {
    let at = shaper.end();
    let dropped = shaper.original().get(at..).unwrap_or_default();
    let digest = shared.masks.key.digest("dropped", dropped);
    // No protocol that is read begins with such a byte.
    let text = [&[0xff][..], digest.get(..15).unwrap_or_default()].concat();
    shaper.hold(0, shaper.len());
    shaper.put(at, &text);
    shaper.finish()
}

/// What a link layer carries.
enum Below {
    /// IP from here on.
    Ip(usize),
    /// Something else, of which nothing is kept.
    Other,
}

/// `None` for a link type that is not known here.
fn link(shaper: &mut Shaper<'_>, link: LinkType, shared: &Shared) -> Option<Below> {
    match link {
        LinkType::ETHERNET => Some(ethernet(shaper, 0, shared)),
        LinkType::LINUX_SLL => {
            shaper.keep(0, 6);
            hardware(shaper, 5, 6, shared);
            Some(ether_type(shaper, 14))
        }
        LinkType::LINUX_SLL2 => {
            shaper.keep(0, 2);
            shaper.keep(8, 4);
            hardware(shaper, 11, 12, shared);
            let carried = shaper.short(0);
            Some(if matches!(carried, Some(IPV4 | IPV6)) { Below::Ip(20) } else { Below::Other })
        }
        LinkType::NULL | LinkType::LOOP => {
            shaper.keep(0, 4);
            Some(Below::Ip(4))
        }
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => Some(Below::Ip(0)),
        _ => None,
    }
}

fn ethernet(shaper: &mut Shaper<'_>, at: usize, shared: &Shared) -> Below {
    for at in [at, at.saturating_add(6)] {
        if let Some(mac) = shaper.array(at) {
            shaper.put(at, &shared.masks.addresses.mac(mac));
        }
    }
    ether_type(shaper, at.saturating_add(12))
}

/// The sender's address in a Linux cooked capture, of which eight bytes have room.
fn hardware(shaper: &mut Shaper<'_>, length: usize, at: usize, shared: &Shared) {
    shaper.hold(at, 8);
    if shaper.byte(length) == Some(6)
        && let Some(mac) = shaper.array(at)
    {
        shaper.put(at, &shared.masks.addresses.mac(mac));
    }
}

/// What a type of Ethernet's says, behind tags, and behind a session's header.
fn ether_type(shaper: &mut Shaper<'_>, at: usize) -> Below {
    let mut at = at;
    for _ in 0..=MAX_TAGS {
        shaper.keep(at, 2);
        match shaper.short(at) {
            Some(IPV4 | IPV6) => return Below::Ip(at.saturating_add(2)),
            Some(VLAN | VLAN_PROVIDER | VLAN_OLD) => {
                shaper.keep(at, 4);
                at = at.saturating_add(4);
            }
            Some(PPPOE_SESSION) => return session(shaper, at.saturating_add(2)).unwrap_or(Below::Other),
            _ => break,
        }
    }
    Below::Other
}

/// PPP over Ethernet (RFC 2516 section 4): version and type, code, session, length; and PPP's protocol. The session is a
/// subscriber's, and not kept. `None` where it carries no IP.
fn session(shaper: &mut Shaper<'_>, at: usize) -> Option<Below> {
    let (length, protocol) = (at.checked_add(4)?, at.checked_add(6)?);
    if shaper.array(at) != Some([0x11, 0]) {
        return None;
    }
    // An odd first byte is all of it (RFC 1661 section 6.5).
    let bytes = match (shaper.byte(protocol)?, shaper.short(protocol)) {
        (0x21 | 0x57, _) => 1,
        (_, Some(0x0021 | 0x0057)) => 2,
        _ => return None,
    };
    shaper.keep(at, 2);
    shaper.keep(length, 2);
    shaper.keep(protocol, bytes);
    Some(Below::Ip(protocol.checked_add(bytes)?))
}

/// What IP says of what it carries.
struct Ip {
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    /// Where it begins.
    at: usize,
    /// Where it ends, on the wire.
    end: usize,
}

/// `None` where it is broken or cut.
fn ip(shaper: &mut Shaper<'_>, at: usize, wire_len: usize, tunnels: u8, shared: &mut Shared) -> Option<()> {
    let ip = match shaper.byte(at)? >> 4 {
        4 => v4(shaper, at, wire_len, shared)?,
        6 => v6(shaper, at, wire_len, shared)?,
        _ => return None,
    };
    match ip {
        Carried::Whole(ip) => carried(shaper, &ip, tunnels, shared),
        Carried::Piece(start) => {
            shared.masks.counts.fragments += 1;
            start.map_or(Some(()), |start| head(shaper, &start, shared))
        }
    }
}

fn carried(shaper: &mut Shaper<'_>, of: &Ip, tunnels: u8, shared: &mut Shared) -> Option<()> {
    match of.protocol {
        TCP => tcp(shaper, of, shared),
        UDP => match tunnel::over_udp(shaper, of.at, of.end, &shared.masks.key) {
            Some(inner) if tunnels > 0 => {
                shaper.keep(of.at, 6);
                shaper.hold(of.at, 8);
                shared.masks.counts.checksums_zero += 1;
                inside(shaper, inner, of.end, tunnels, shared)
            }
            _ => udp(shaper, of, shared),
        },
        ICMP if of.from.is_ipv4() => icmp(shaper, of, shared),
        ICMPV6 if of.from.is_ipv6() => icmp(shaper, of, shared),
        IP_IN_IP | IPV6_IN_IP if tunnels > 0 => inside(shaper, Inner::Ip(of.at), of.end, tunnels, shared),
        GRE if tunnels > 0
            && let Some(inner) = tunnel::gre(shaper, of.at) =>
        {
            inside(shaper, inner, of.end, tunnels, shared)
        }
        IP_IN_IP | IPV6_IN_IP | GRE | ESP | AH => {
            shared.masks.counts.tunnelled += 1;
            Some(())
        }
        _ => Some(()),
    }
}

/// What a tunnel carries, as if it were on a wire of its own.
fn inside(shaper: &mut Shaper<'_>, inner: Inner, end: usize, tunnels: u8, shared: &mut Shared) -> Option<()> {
    shared.masks.counts.tunnels_opened += 1;
    match inner {
        Inner::Ip(at) => ip(shaper, at, end, tunnels - 1, shared),
        Inner::Ethernet(at) => match ethernet(shaper, at, shared) {
            Below::Ip(at) => ip(shaper, at, end, tunnels - 1, shared),
            Below::Other => Some(()),
        },
    }
}

enum Carried {
    Whole(Ip),
    /// A part of a packet; the first one says what it is the start of.
    Piece(Option<Ip>),
}

fn v4(shaper: &mut Shaper<'_>, at: usize, wire_len: usize, shared: &mut Shared) -> Option<Carried> {
    let head: [u8; 20] = shaper.array(at)?;
    let [version, _, l0, l1, _, _, o0, o1, _, protocol, _, _, addresses @ ..] = head;
    let [f0, f1, f2, f3, t0, t1, t2, t3] = addresses;
    let (from, to) = (IpAddr::from([f0, f1, f2, f3]), IpAddr::from([t0, t1, t2, t3]));
    let length = usize::from(version & 0x0f).checked_mul(4).filter(|length| *length >= head.len())?;
    shaper.keep(at, 12);
    // Options are kept as what ends them, so that the header keeps its length.
    shaper.hold(at, length);
    put_addresses(shaper, at.checked_add(12)?, [from, to], shared);
    shaper.put(at.checked_add(10)?, &[0, 0]);
    let sum =
        shaper.made().get(at..at.checked_add(length)?.min(shaper.len())).map_or(0, |head| checksum(0, head));
    shaper.put(at.checked_add(10)?, &sum.to_be_bytes());
    let end = match usize::from(u16::from_be_bytes([l0, l1])) {
        0 => wire_len,
        total => at.checked_add(total)?.min(wire_len.max(shaper.len())),
    };
    let ip = Ip { from, to, protocol, at: at.checked_add(length)?, end };
    let field = u16::from_be_bytes([o0, o1]);
    Some(match (field & 0x3fff, field & 0x1fff) {
        (0, _) => Carried::Whole(ip),
        (_, offset) => Carried::Piece((offset == 0).then_some(ip)),
    })
}

fn v6(shaper: &mut Shaper<'_>, at: usize, wire_len: usize, shared: &mut Shared) -> Option<Carried> {
    let (from, to): ([u8; 16], [u8; 16]) =
        (shaper.array(at.checked_add(8)?)?, shaper.array(at.checked_add(24)?)?);
    let (from, to) = (IpAddr::from(from), IpAddr::from(to));
    shaper.keep(at, 8);
    put_addresses(shaper, at.checked_add(8)?, [from, to], shared);
    let mut protocol = shaper.byte(at.checked_add(6)?)?;
    let length = usize::from(shaper.short(at.checked_add(4)?)?);
    let body = at.checked_add(40)?;
    let end = if length == 0 { wire_len } else { body.checked_add(length)?.min(wire_len.max(shaper.len())) };
    let mut at = body;
    for _ in 0..MAX_EXTENSIONS {
        match protocol {
            0 | 43 | 60 => {
                let length = usize::from(shaper.byte(at.checked_add(1)?)?).checked_add(1)?.checked_mul(8)?;
                protocol = shaper.byte(at)?;
                shaper.keep(at, 2);
                shaper.hold(at, length);
                at = at.checked_add(length)?;
            }
            44 => {
                let field = shaper.short(at.checked_add(2)?)?;
                protocol = shaper.byte(at)?;
                shaper.keep(at, 8);
                at = at.checked_add(8)?;
                if field & 0xfff9 != 0 {
                    let start = Ip { from, to, protocol, at, end };
                    return Some(Carried::Piece((field >> 3 == 0).then_some(start)));
                }
            }
            protocol => return Some(Carried::Whole(Ip { from, to, protocol, at, end })),
        }
    }
    None
}

fn put_addresses(shaper: &mut Shaper<'_>, at: usize, ends: [IpAddr; 2], shared: &mut Shared) {
    let mut at = at;
    for address in ends {
        match shared.masks.addresses.map(address) {
            IpAddr::V4(v4) => shaper.put(at, &v4.octets()),
            IpAddr::V6(v6) => shaper.put(at, &v6.octets()),
        }
        at = at.saturating_add(if address.is_ipv4() { 4 } else { 16 });
    }
}

/// The transport header in the first of several fragments. Of what lies behind it nothing is kept: its rules need all of it.
fn head(shaper: &mut Shaper<'_>, ip: &Ip, shared: &mut Shared) -> Option<()> {
    match ip.protocol {
        TCP => drop(tcp_head(shaper, ip)?),
        UDP => {
            shaper.keep(ip.at, 6);
            shaper.hold(ip.at, 8);
        }
        _ => return Some(()),
    }
    shared.masks.counts.checksums_zero += 1;
    Some(())
}

/// TCP's header; gives where it ends.
fn tcp_head(shaper: &mut Shaper<'_>, ip: &Ip) -> Option<usize> {
    let at = ip.at;
    let offset = shaper.byte(at.checked_add(12)?)?;
    let length = usize::from(offset >> 4).checked_mul(4).filter(|length| *length >= 20)?;
    shaper.keep(at, 16);
    shaper.keep(at.checked_add(18)?, 2);
    // Options tell one machine from others by its clock; they are kept as options without a meaning.
    let options = length.checked_sub(20)?;
    let room = ip.end.saturating_sub(at.checked_add(20)?);
    shaper.put(at.checked_add(20)?, &vec![NO_OPERATION; options.min(room)]);
    at.checked_add(length)
}

fn tcp(shaper: &mut Shaper<'_>, ip: &Ip, shared: &mut Shared) -> Option<()> {
    let at = ip.at;
    let fields: [u8; 14] = shaper.array(at)?;
    let [_, _, _, _, s0, s1, s2, s3, a0, a1, a2, a3, _, flags] = fields;
    let body = tcp_head(shaper, ip)?;
    let payload = shaper.original().get(body..ip.end.min(shaper.len())).unwrap_or_default();
    let ends = ends(shaper, ip, Protocol::Tcp)?;
    let (seq, ack) = (u32::from_be_bytes([s0, s1, s2, s3]), u32::from_be_bytes([a0, a1, a2, a3]));
    let made = shared.segment(&ends, Tcp { seq, ack, flags: TcpFlags(flags) }, payload);
    let is_whole = !payload.is_empty() && made.len() == payload.len();
    shared.masks.counts.note_payload(payload.len(), made.len());
    shaper.put(body, &made);
    finish_checksum(shaper, ip, at.checked_add(16)?, is_whole || payload.is_empty(), shared)
}

fn udp(shaper: &mut Shaper<'_>, ip: &Ip, shared: &mut Shared) -> Option<()> {
    let at = ip.at;
    let length = usize::from(shaper.short(at.checked_add(4)?)?);
    shaper.array::<8>(at)?;
    shaper.keep(at, 6);
    shaper.hold(at, 8);
    let end = if length < 8 { ip.end } else { at.checked_add(length)?.min(ip.end) };
    let body = at.checked_add(8)?;
    let payload = shaper.original().get(body..end.min(shaper.len())).unwrap_or_default();
    let ends = ends(shaper, ip, Protocol::Udp)?;
    let ports = [shaper.short(at)?, shaper.short(at.checked_add(2)?)?];
    let made = match shared.flows.shown(&ends) {
        Some(shown) if !ports.iter().any(|port| CHATTER.contains(port)) => {
            let length = u32::try_from(end.saturating_sub(body)).unwrap_or(u32::MAX);
            shared.datagram(&ends, &Datagram { ports, payload, length }, shown)
        }
        _ => Vec::new(),
    };
    shared.masks.counts.note_payload(payload.len(), made.len());
    let is_whole = made.len() == payload.len();
    shaper.put(body, &made);
    finish_checksum(shaper, ip, at.checked_add(6)?, is_whole, shared)
}

/// Both ends of a packet.
fn ends(shaper: &Shaper<'_>, ip: &Ip, protocol: Protocol) -> Option<Ends> {
    let from = Endpoint { address: ip.from, port: shaper.short(ip.at)? };
    let to = Endpoint { address: ip.to, port: shaper.short(ip.at.checked_add(2)?)? };
    Some(Ends { protocol, from, to })
}

/// The head of a message; of an error the packet that it is about, up to its ports.
fn icmp(shaper: &mut Shaper<'_>, ip: &Ip, shared: &mut Shared) -> Option<()> {
    let kind = shaper.byte(ip.at)?;
    shaper.keep(ip.at, 2);
    shaper.hold(ip.at, 8);
    let is_error = if ip.from.is_ipv4() { matches!(kind, 3 | 4 | 11 | 12) } else { matches!(kind, 1..=4) };
    if !is_error {
        return Some(());
    }
    let quoted = ip.at.checked_add(8)?;
    let wire = shaper.len();
    let inner = match shaper.byte(quoted)? >> 4 {
        4 => v4(shaper, quoted, wire, shared)?,
        6 => v6(shaper, quoted, wire, shared)?,
        _ => return None,
    };
    if let Carried::Whole(Ip { protocol: TCP | UDP, at, .. }) = inner {
        shaper.keep(at, 4);
    }
    Some(())
}

/// Works the checksum out where the whole packet is there, and leaves zero where it is not.
fn finish_checksum(
    shaper: &mut Shaper<'_>,
    ip: &Ip,
    at: usize,
    is_whole: bool,
    shared: &mut Shared,
) -> Option<()> {
    if !is_whole || ip.end > shaper.len() {
        shared.masks.counts.checksums_zero += 1;
        return Some(());
    }
    let body = shaper.made().get(ip.at..ip.end)?;
    let length = u32::try_from(body.len()).ok()?;
    let mut pseudo = Vec::new();
    for address in [ip.from, ip.to] {
        match shared.masks.addresses.map(address) {
            IpAddr::V4(v4) => pseudo.extend(v4.octets()),
            IpAddr::V6(v6) => pseudo.extend(v6.octets()),
        }
    }
    pseudo.extend(length.to_be_bytes());
    pseudo.extend([0, ip.protocol]);
    let sum = match checksum(sum(0, &pseudo), body) {
        // Zero would say that there is none (RFC 768).
        0 if ip.protocol == UDP => 0xffff,
        sum => sum,
    };
    shaper.put(at, &sum.to_be_bytes());
    shared.masks.counts.checksums_made += 1;
    Some(())
}

/// RFC 1071.
fn checksum(before: u64, bytes: &[u8]) -> u16 {
    let mut sum = sum(before, bytes);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

fn sum(before: u64, bytes: &[u8]) -> u64 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let whole: u64 = pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))).sum();
    let last: u64 = rest.iter().map(|byte| u64::from(*byte) << 8).sum();
    before + whole + last
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const VLAN_PROVIDER: u16 = 0x88a8;
const VLAN_OLD: u16 = 0x9100;
const PPPOE_SESSION: u16 = 0x8864;
/// Tags on a frame that are gone through.
const MAX_TAGS: u8 = 4;
const MAX_EXTENSIONS: u8 = 16;
/// Tunnels in tunnels that are gone into.
const MAX_TUNNELS: u8 = 4;
/// Protocols in IP (IANA, Protocol Numbers).
const ICMP: u8 = 1;
const IP_IN_IP: u8 = 4;
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6_IN_IP: u8 = 41;
const GRE: u8 = 47;
const ESP: u8 = 50;
const AH: u8 = 51;
const ICMPV6: u8 = 58;
/// An option of TCP's that fills a byte (RFC 9293 section 3.1).
const NO_OPERATION: u8 = 1;
/// Ports of what machines say on their own network, of which nothing is kept: DHCP, `NetBIOS`, SSDP, WS-Discovery, `DHCPv6`, mDNS,
/// LLMNR.
const CHATTER: [u16; 10] = [67, 68, 137, 138, 546, 547, 1900, 3702, 5353, 5355];

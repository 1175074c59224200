//! TCP, UDP and ICMP: from an IP packet to what the frame decoded to.

use super::cursor::Cursor;
use super::ip::{self, Ip};
use super::link::Link;
use super::{
    Class, Decoded, Ends, IcmpError, Packet, Protocol, Quoted, Tcp, TcpFlags, Transport, Tunnel, TunnelId,
    tunnel,
};

/// Decodes what an IP packet carries; a tunnel over UDP ends in its class.
#[inline]
pub(super) fn decode<'a>(link: Link, ip: &Ip<'a>) -> Decoded<'a> {
    decode_as::<true>(link, ip)
}

/// The same where a tunnel over UDP was looked into and is none.
pub(super) fn decode_closed<'a>(link: Link, ip: &Ip<'a>) -> Decoded<'a> {
    decode_as::<false>(link, ip)
}

#[inline]
fn decode_as<'a, const IS_OPENED: bool>(link: Link, ip: &Ip<'a>) -> Decoded<'a> {
    let header = match ip.protocol {
        TCP => tcp(ip),
        UDP => udp(ip).and_then(|header| if IS_OPENED { no_tunnel(header) } else { Ok(header) }),
        // By value, so that the common case need not keep it in memory.
        _ => return not_a_packet(link, *ip),
    };
    match header {
        Ok(header) => Decoded::Packet(packet(link, ip, &header)),
        Err(class) => Decoded::Other(class),
    }
}

/// What a transport header says.
/// Decodes what is plainly TCP or UDP; nothing where the general way has something to say.
#[inline(always)]
pub(super) fn plain<'a>(link: Link, ip: &Ip<'a>) -> Option<Packet<'a>> {
    let header = match ip.protocol {
        TCP => tcp(ip).ok()?,
        UDP => udp(ip).and_then(no_tunnel).ok()?,
        _ => return None,
    };
    Some(packet(link, ip, &header))
}

struct Header<'a> {
    ports: [u16; 2],
    transport: Transport,
    payload: &'a [u8],
    payload_len: u32,
}

#[inline]
fn packet<'a>(link: Link, ip: &Ip<'a>, header: &Header<'a>) -> Packet<'a> {
    Packet {
        ends: ip.ends.with_ports(header.ports),
        transport: header.transport,
        vlan: link.vlan,
        macs: link.macs,
        payload: header.payload,
        payload_len: header.payload_len,
        hop_limit: ip.hop_limit,
        tunnel: TunnelId::NONE,
    }
}

/// RFC 9293, section 3.1. A header cut in its options is enough: the control bits end at byte 14.
#[inline]
fn tcp<'a>(ip: &Ip<'a>) -> Result<Header<'a>, Class> {
    if ip.claimed < 20 {
        return Err(Class::Malformed("IP packet ends inside the TCP header"));
    }
    let [f0, f1, t0, t1, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags] =
        *ip.body.peek("frame shorter than its TCP header")?;
    let header = usize::from(offset >> 4) * 4;
    if header < 20 {
        return Err(Class::Malformed("TCP data offset under 20 bytes"));
    }
    if header > ip.claimed {
        return Err(Class::Malformed("TCP data offset past the IP packet"));
    }
    let tcp = Tcp {
        seq: u32::from_be_bytes([s0, s1, s2, s3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags: TcpFlags(flags),
    };
    let (payload, payload_len) = behind(ip.body, header);
    Ok(Header { ports: ports([f0, f1, t0, t1]), transport: Transport::Tcp(tcp), payload, payload_len })
}

/// RFC 768. Ethernet padding and anything else behind the datagram's own length is left out.
#[inline]
fn udp<'a>(ip: &Ip<'a>) -> Result<Header<'a>, Class> {
    if ip.claimed < 8 {
        return Err(Class::Malformed("IP packet ends inside the UDP header"));
    }
    let [f0, f1, t0, t1, l0, l1, _, _] = *ip.body.peek("frame shorter than its UDP header")?;
    let length = match usize::from(u16::from_be_bytes([l0, l1])) {
        // A jumbogram (RFC 2675, section 4), or not segmented yet.
        0 => ip.claimed,
        1..8 => return Err(Class::Malformed("UDP length under 8 bytes")),
        length if length > ip.claimed => return Err(Class::Malformed("UDP length past the IP packet")),
        length => length,
    };
    let mut body = ip.body;
    body.limit(length);
    let (payload, payload_len) = behind(body, 8);
    Ok(Header { ports: ports([f0, f1, t0, t1]), transport: Transport::Udp, payload, payload_len })
}

/// A packet of which only the start is there: the lengths that its header claims are not.
pub(super) fn begun<'a>(link: Link, ip: &Ip<'a>) -> Option<Packet<'a>> {
    let header = match ip.protocol {
        TCP => tcp(ip).ok()?,
        UDP => {
            let ports = ports(*ip.body.data().first_chunk()?);
            let (payload, payload_len) = behind(ip.body, 8);
            Header { ports, transport: Transport::Udp, payload, payload_len }
        }
        _ => return None,
    };
    Some(Packet { payload: &[], ..packet(link, ip, &header) })
}

#[inline]
fn no_tunnel(header: Header<'_>) -> Result<Header<'_>, Class> {
    match tunnel::openable(header.ports, header.payload, header.payload_len) {
        Some(tunnel) => Err(Class::Tunnel(tunnel)),
        None => Ok(header),
    }
}

/// The ports and the payload of a UDP datagram, with which it continues as a layer of its own.
pub(super) fn udp_layer<'a>(ip: &Ip<'a>) -> Option<([u16; 2], Cursor<'a>)> {
    let header = udp(ip).ok().filter(|_| ip.protocol == UDP)?;
    Some((header.ports, Cursor::new(header.payload, header.payload_len)))
}

/// The payload behind a header of `len` bytes, of which not all need to be captured.
#[inline]
fn behind(body: Cursor<'_>, len: usize) -> (&[u8], u32) {
    let payload_len = u32::try_from(body.wire().saturating_sub(len)).unwrap_or(u32::MAX);
    (body.data().get(len..).unwrap_or_default(), payload_len)
}

/// The sender's and the receiver's port, with which TCP and UDP headers begin.
#[inline]
const fn ports([f0, f1, t0, t1]: [u8; 4]) -> [u16; 2] {
    [u16::from_be_bytes([f0, f1]), u16::from_be_bytes([t0, t1])]
}

#[cold]
fn not_a_packet(link: Link, ip: Ip<'_>) -> Decoded<'_> {
    Decoded::Other(match ip.protocol {
        ICMP if !ip.ends.is_v6() => return icmp(link, &ip),
        ICMPV6 if ip.ends.is_v6() => return icmp(link, &ip),
        4 => Class::Tunnel(Tunnel::IpInIp),
        41 => Class::Tunnel(Tunnel::Ipv6InIp),
        47 => Class::Tunnel(Tunnel::Gre),
        50 => Class::Tunnel(Tunnel::Esp),
        51 => Class::Tunnel(Tunnel::Ah),
        97 => Class::Tunnel(Tunnel::EtherIp),
        115 => Class::Tunnel(Tunnel::L2tpIp),
        other => Class::OtherIpProtocol(other),
    })
}

/// RFC 792 and RFC 4443: an error that quotes a flow, or a counted type.
fn icmp<'a>(link: Link, ip: &Ip<'a>) -> Decoded<'a> {
    let [kind, code] = match ip.body.peek("IP packet ends inside the ICMP header") {
        Ok(header) => *header,
        Err(class) => return Decoded::Other(class),
    };
    let (other, is_error) = match ip.protocol {
        ICMP => (Class::Icmp(kind), matches!(kind, 3 | 4 | 11 | 12)),
        _ => (Class::Icmpv6(kind), matches!(kind, 1..=4)),
    };
    let Some(quoted) = quoted(ip.body).filter(|_| is_error) else {
        return Decoded::Other(other);
    };
    let Link { vlan, macs } = link;
    let tunnel = TunnelId::NONE;
    Decoded::IcmpError(IcmpError { reporter: ip.ends.from().address, kind, code, quoted, vlan, macs, tunnel })
}

/// The flow of the packet that is quoted behind the eight bytes of an ICMP header, where there is enough of it.
fn quoted(mut body: Cursor<'_>) -> Option<Quoted> {
    body.skip(8, "IP packet ends inside the ICMP header").ok()?;
    let ip = ip::quoted(body).ok()?;
    let protocol = match ip.protocol {
        TCP => Protocol::Tcp,
        UDP => Protocol::Udp,
        _ => return None,
    };
    let ends: Ends = ip.ends.with_ports(ports(*ip.body.data().first_chunk()?));
    Some(Quoted { protocol, ends })
}

const ICMP: u8 = 1;
const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
const ICMPV6: u8 = 58;

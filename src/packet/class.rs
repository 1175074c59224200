//! What a frame ended as. Reports count these, and the counts add up to the frames read.

use std::fmt;

use super::{LinkLayer, Packet, Transport};

/// What a frame ended as: every frame in exactly one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Class {
    /// ARP (`EtherType` 0x0806).
    Arp,
    /// A second sighting of a packet, on another interface. It was counted where it was seen first.
    Duplicate,
    /// A frame without a byte.
    Empty,
    /// The program failed on the frame: a defect of its own, caught.
    Failed,
    /// A fragment of an IPv4 or IPv6 packet that was never whole, with the IP protocol of the whole.
    Fragment(u8),
    /// A fragment of a packet that was put together. The packet counts in the frame that made it whole.
    FragmentReassembled,
    /// The captured bytes end inside a header, though the frame went on.
    HeaderCut,
    /// ICMP that is no error about TCP or UDP, with its type.
    Icmp(u8),
    /// An ICMP or `ICMPv6` error about TCP or UDP.
    IcmpError,
    /// `ICMPv6` that is no error about TCP or UDP, with its type.
    Icmpv6(u8),
    /// A frame of a decoded link layer without a packet that can be read, and what it was.
    LinkLayer(LinkLayer),
    /// A header contradicts itself or the frame, and how.
    Malformed(&'static str),
    /// Another network protocol, with its `EtherType`.
    OtherEtherType(u16),
    /// Another address family on a BSD loopback, with its number.
    OtherFamily(u32),
    /// Another protocol over IP, with its number.
    OtherIpProtocol(u8),
    /// IEEE 802.2 LLC without an IP packet, with its two service access points (destination first).
    OtherLlc(u16),
    /// A TCP segment.
    Tcp,
    /// A tunnel inside more tunnels than are opened.
    TooDeep,
    /// A tunnel that cannot be opened.
    Tunnel(Tunnel),
    /// A UDP datagram.
    Udp,
    /// A link type that is not decoded, with its number.
    UnknownLinkType(u16),
}

impl Class {
    /// The class of a packet.
    #[must_use]
    pub const fn of(packet: &Packet<'_>) -> Self {
        match packet.transport {
            Transport::Tcp(_) => Self::Tcp,
            Transport::Udp => Self::Udp,
        }
    }

    /// Its name in `snake_case`, stable for machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arp => "arp",
            Self::Duplicate => "duplicate",
            Self::Empty => "empty",
            Self::Failed => "failed",
            Self::Fragment(_) => "fragment",
            Self::FragmentReassembled => "fragment_reassembled",
            Self::HeaderCut => "header_cut",
            Self::Icmp(_) => "icmp",
            Self::IcmpError => "icmp_error",
            Self::Icmpv6(_) => "icmpv6",
            Self::LinkLayer(layer) => layer.name(),
            Self::Malformed(_) => "malformed",
            Self::OtherEtherType(_) => "other_ether_type",
            Self::OtherFamily(_) => "other_family",
            Self::OtherIpProtocol(_) => "other_ip_protocol",
            Self::OtherLlc(_) => "other_llc",
            Self::Tcp => "tcp",
            Self::TooDeep => "nested_too_deep",
            Self::Tunnel(_) => "tunnel",
            Self::Udp => "udp",
            Self::UnknownLinkType(_) => "unknown_link_type",
        }
    }

    /// The protocol's number where the class has one: IP protocol, ICMP type, `EtherType`, family, access points, link
    /// type, or a tunnel's IP protocol or UDP port.
    #[must_use]
    pub fn number(self) -> Option<u32> {
        match self {
            Self::Fragment(number)
            | Self::Icmp(number)
            | Self::Icmpv6(number)
            | Self::OtherIpProtocol(number) => Some(number.into()),
            Self::OtherEtherType(number) | Self::OtherLlc(number) | Self::UnknownLinkType(number) => {
                Some(number.into())
            }
            Self::LinkLayer(layer) => layer.number().map(u32::from),
            Self::OtherFamily(number) => Some(number),
            Self::Tunnel(tunnel) => Some(tunnel.number().into()),
            Self::Arp
            | Self::Duplicate
            | Self::Empty
            | Self::Failed
            | Self::FragmentReassembled
            | Self::HeaderCut
            | Self::IcmpError
            | Self::Malformed(_)
            | Self::Tcp
            | Self::TooDeep
            | Self::Udp => None,
        }
    }

    /// How a malformed frame contradicts itself, for people.
    #[must_use]
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Malformed(reason) => Some(reason),
            _ => None,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if let Some(reason) = self.reason() {
            return write!(f, " ({reason})");
        }
        if let Self::Tunnel(tunnel) = self {
            let what = if tunnel.number() > 255 { "UDP port" } else { "IP protocol" };
            return write!(f, " {} ({what} {})", tunnel.name(), tunnel.number());
        }
        match (self, self.number()) {
            (Self::OtherEtherType(_) | Self::OtherLlc(_), Some(number)) => write!(f, " 0x{number:04x}"),
            (_, Some(number)) => write!(f, " {number}"),
            (_, None) => Ok(()),
        }
    }
}

/// A way to carry packets inside packets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Tunnel {
    /// `IPsec` authentication header (IP protocol 51, RFC 4302).
    Ah,
    /// `IPsec` encapsulating security payload (IP protocol 50, RFC 4303).
    Esp,
    /// The same in UDP (port 4500, RFC 3948).
    EspInUdp,
    /// Ethernet in IP (IP protocol 97, RFC 3378).
    EtherIp,
    /// Geneve (UDP port 6081, RFC 8926).
    Geneve,
    /// Generic routing encapsulation (IP protocol 47, RFC 2784).
    Gre,
    /// GTP-U, the user plane of mobile networks (UDP port 2152, 3GPP TS 29.281).
    GtpU,
    /// IPv4 in IP (IP protocol 4, RFC 2003).
    IpInIp,
    /// IPv6 in IP (IP protocol 41, RFC 4213 and 2473).
    Ipv6InIp,
    /// L2TP version 2 or 3 (UDP port 1701, RFC 2661 and 3931).
    L2tp,
    /// L2TP version 3 straight over IP (IP protocol 115, RFC 3931).
    L2tpIp,
    /// Teredo (UDP port 3544, RFC 4380).
    Teredo,
    /// VXLAN (UDP port 4789, RFC 7348).
    Vxlan,
    /// `WireGuard` (UDP port 51820 by custom).
    WireGuard,
    /// IPv6 in IPv4 between addresses that spell the tunnel's ends (IP protocol 41, RFC 3056).
    SixToFour,
}

impl Tunnel {
    /// Which tunnel, in `snake_case`, stable for machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ah => "ah",
            Self::Esp => "esp",
            Self::EspInUdp => "esp_in_udp",
            Self::EtherIp => "ether_ip",
            Self::Geneve => "geneve",
            Self::Gre => "gre",
            Self::GtpU => "gtp_u",
            Self::IpInIp => "ip_in_ip",
            Self::Ipv6InIp => "ipv6_in_ip",
            Self::L2tp => "l2tp",
            Self::L2tpIp => "l2tp_ip",
            Self::Teredo => "teredo",
            Self::Vxlan => "vxlan",
            Self::WireGuard => "wireguard",
            Self::SixToFour => "6to4",
        }
    }

    /// Its IP protocol, or its UDP port.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Ah => 51,
            Self::Esp => 50,
            Self::EspInUdp => 4500,
            Self::EtherIp => 97,
            Self::Geneve => 6081,
            Self::Gre => 47,
            Self::GtpU => 2152,
            Self::IpInIp => 4,
            Self::Ipv6InIp | Self::SixToFour => 41,
            Self::L2tp => 1701,
            Self::L2tpIp => 115,
            Self::Teredo => 3544,
            Self::Vxlan => 4789,
            Self::WireGuard => 51820,
        }
    }
}

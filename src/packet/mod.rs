//! Frame to packet: which two endpoints a frame is between, over what, and where its payload lies.
//!
//! Input: a frame's link type, its captured bytes and its length on the wire. Output: a [`Packet`], an [`IcmpError`] that
//! quotes one, or the [`Class`] that says what stopped the decoding. Every frame ends in exactly one class.
//! Must not: fail, or follow a length that a header claims past what was captured.
//!
//! Checksums are not verified: captures at the sender hold packets whose checksums the network card fills in later.
//! [`decode`] looks at one frame and one layer of IP, allocates nothing and keeps no state. What takes more, a tunnel or a fragment, ends there in its class, and
//! an [`Opener`] goes on: it keeps the tunnels seen and the fragments that wait, within limits.
//!
//! Sources: tcpdump.org's link-layer header types, IEEE 802.1Q, RFC 791, 792, 768, 9293, 8200, 4443.
#![warn(clippy::indexing_slicing)]

use std::net::IpAddr;

mod annotation;
mod class;
mod cursor;
mod ends;
mod fragment;
mod inner;
mod ip;
mod layer;
mod link;
mod link_layer;
mod mac;
mod network;
mod opener;
mod plain;
mod transport;
mod tunnel;
mod tunnels;
mod vlan;

pub use annotation::{Annotation, Through, annotation};
pub use class::{Class, Tunnel};
pub use ends::{Endpoint, Ends};
pub use fragment::Overlaps;
pub use link_layer::LinkLayer;
pub use mac::{Mac, Macs};
pub use network::{Network, NetworkError};
pub use opener::{Begun, Opened, Opener, Settled};
pub use tunnel::sealed_tunnel;
pub use tunnels::{OpenedTunnel, TunnelId};
pub use vlan::Vlan;

use crate::frame::LinkType;
use cursor::Cursor;

/// Decodes one frame: `data` is what was captured of its `wire_len` bytes.
///
/// A `wire_len` below the captured length is taken as the captured length.
#[must_use]
#[inline]
pub fn decode(link: LinkType, data: &[u8], wire_len: u32) -> Decoded<'_> {
    match plain(link, data, wire_len) {
        Some(packet) => Decoded::Packet(packet),
        None => decode_any(link, data, wire_len),
    }
}

/// Decodes a frame that is plainly a packet of TCP or UDP over Ethernet and IP, as nearly all are: the front half of
/// [`decode`]. Nothing is written around such a frame (see [`annotation`]).
#[must_use]
#[inline(always)]
pub fn plain(link: LinkType, data: &[u8], wire_len: u32) -> Option<Packet<'_>> {
    if link == LinkType::ETHERNET { plain::decode(data, wire_len) } else { None }
}

/// The general way.
#[inline(never)]
fn decode_any(link: LinkType, data: &[u8], wire_len: u32) -> Decoded<'_> {
    match layer::of_link(link, Cursor::new(data, wire_len)) {
        Ok((below, ip)) => transport::decode(below, &ip),
        Err(class) => Decoded::Other(class),
    }
}

/// What a frame decoded to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decoded<'a> {
    /// A TCP segment or UDP datagram.
    Packet(Packet<'a>),
    /// An ICMP or `ICMPv6` error about a TCP segment or UDP datagram.
    IcmpError(IcmpError),
    /// Anything else.
    Other(Class),
}

impl Decoded<'_> {
    /// The one class that the frame counts in.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Packet(packet) => Class::of(packet),
            Self::IcmpError(_) => Class::IcmpError,
            Self::Other(class) => *class,
        }
    }
}

/// A TCP segment or UDP datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// The sender and the receiver by its headers.
    pub ends: Ends,
    /// TCP or UDP, with what TCP says.
    pub transport: Transport,
    /// The VLAN tags that it was captured with.
    pub vlan: Vlan,
    /// The link-layer addresses that it was captured with.
    pub macs: Macs,
    /// What was captured of the TCP or UDP payload, without Ethernet padding.
    pub payload: &'a [u8],
    /// The payload's length by the IP and UDP headers in bytes; at most what the frame had on the wire.
    pub payload_len: u32,
    /// The IPv4 time to live or IPv6 hop limit.
    pub hop_limit: u8,
    /// The tunnel that it came out of.
    pub tunnel: TunnelId,
}

impl Packet<'_> {
    /// The sender by its headers.
    #[must_use]
    #[inline]
    pub const fn from(&self) -> Endpoint {
        self.ends.from()
    }

    /// The receiver by its headers.
    #[must_use]
    #[inline]
    pub const fn to(&self) -> Endpoint {
        self.ends.to()
    }
}

/// The transport protocols that make a flow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Protocol {
    /// TCP (IP protocol 6).
    Tcp,
    /// UDP (IP protocol 17).
    Udp,
}

impl Protocol {
    /// `tcp` or `udp`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// The transport of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// TCP, with the fields that flows and streams need.
    Tcp(Tcp),
    /// UDP.
    Udp,
}

impl Transport {
    /// Which protocol it is.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Tcp(_) => Protocol::Tcp,
            Self::Udp => Protocol::Udp,
        }
    }
}

/// A TCP header's numbers (RFC 9293, section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tcp {
    /// The sequence number of the first payload byte, or of SYN where that is set.
    pub seq: u32,
    /// The acknowledgment number; it means something only where ACK is set.
    pub ack: u32,
    /// The control bits.
    pub flags: TcpFlags,
}

/// TCP's eight control bits, as on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct TcpFlags(pub u8);

impl std::ops::BitOr for TcpFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl TcpFlags {
    /// The sender has no more data.
    pub const FIN: Self = Self(0x01);
    /// The sequence numbers start here.
    pub const SYN: Self = Self(0x02);
    /// The connection is reset.
    pub const RST: Self = Self(0x04);
    /// The acknowledgment number counts.
    pub const ACK: Self = Self(0x10);

    /// Whether every bit of `flags` is set.
    #[must_use]
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Whether any of the given flags is set.
    #[must_use]
    pub const fn any(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    /// SYN without ACK: a client opens a connection.
    #[must_use]
    pub const fn opens(self) -> bool {
        self.0 & (Self::SYN.0 | Self::ACK.0) == Self::SYN.0
    }

    /// SYN with ACK: a server accepts one.
    #[must_use]
    pub const fn accepts(self) -> bool {
        self.has(Self(Self::SYN.0 | Self::ACK.0))
    }
}

/// An ICMP error that quotes a TCP segment or UDP datagram (RFC 792: types 3, 4, 11, 12; RFC 4443: types 1 to 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IcmpError {
    /// Who sent the error: the quoted packet's receiver, or a router on the way.
    pub reporter: IpAddr,
    /// The ICMP type, of `ICMPv6` where the reporter's address is IPv6.
    pub kind: u8,
    /// The ICMP code.
    pub code: u8,
    /// The packet that the error is about.
    pub quoted: Quoted,
    /// The VLAN tags of the error's frame.
    pub vlan: Vlan,
    /// The link-layer addresses of the error's frame.
    pub macs: Macs,
    /// The tunnel that it came out of.
    pub tunnel: TunnelId,
}

/// The packet that an ICMP error quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quoted {
    /// Its transport.
    pub protocol: Protocol,
    /// Its sender, which is who the error went to, and its receiver.
    pub ends: Ends,
}

#[cfg(test)]
mod link_tests;
#[cfg(test)]
mod tests;

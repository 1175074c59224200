//! Ethernet frames around TCP segments and UDP datagrams, with right checksums, in order of time.
//!
//! Input: addresses, headers and payloads as values. Output: [`Trace`], the frames as the client's interface sees
//! them. Must not: know why something is sent.

use std::net::{IpAddr, SocketAddr};

use super::scenario::{Client, Host, Mac, Nanos};

/// One frame on the client's interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sent {
    /// When, since the start of the capture.
    pub(crate) at: Nanos,
    /// The whole Ethernet frame, without its check sequence.
    pub(crate) bytes: Vec<u8>,
    /// What somebody wrote beside it.
    pub(crate) comment: Option<String>,
}

/// Everything that crossed the interface.
#[derive(Debug, Default)]
pub(crate) struct Trace(Vec<Sent>);

impl Trace {
    /// The frames in order of time; those of one instant as they were made.
    pub(crate) fn into_frames(mut self) -> Vec<Sent> {
        self.0.sort_by_key(|frame| frame.at);
        self.0
    }
}

/// The two ends of a flow and what lies between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    client: (Mac, SocketAddr),
    server: (Mac, SocketAddr),
    /// What is left of the server's 64 hops when a packet arrives.
    server_hops: u8,
    /// The smallest round trip between the capture point and the server.
    pub(crate) rtt: Nanos,
    /// The largest IP packet that fits.
    mtu: u16,
}

/// The flags of a TCP segment, as RFC 9293 section 3.1 numbers them.
pub(crate) mod flags {
    /// No more data from the sender.
    pub(crate) const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub(crate) const SYN: u8 = 0x02;
    /// Push.
    pub(crate) const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub(crate) const ACK: u8 = 0x10;
}

/// What stands in the header of a TCP segment, besides the ports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    /// The number of its first byte.
    pub(crate) sequence: u32,
    /// The number that is expected next.
    pub(crate) acknowledgement: u32,
    /// See [`flags`].
    pub(crate) flags: u8,
    /// The window as it stands in the header.
    pub(crate) window: u16,
    /// Options, padded to a multiple of four.
    pub(crate) options: &'a [u8],
    /// The data.
    pub(crate) payload: &'a [u8],
}

impl Path {
    /// From the client's `port` to a host's; `None` where one of them has no address in the family.
    pub(crate) fn new(client: &Client, port: u16, host: &Host, host_port: u16, ipv6: bool) -> Option<Self> {
        let hops = u8::try_from(8 + host.rtt() / 12_000_000).unwrap_or(30);
        Some(Self {
            client: (client.mac, SocketAddr::new(client.address(ipv6)?, port)),
            server: (client.router_mac, SocketAddr::new(host.address(ipv6)?, host_port)),
            server_hops: 64_u8.saturating_sub(hops),
            rtt: host.rtt(),
            mtu: client.mtu,
        })
    }

    /// From the client's `port` to the resolver; `None` where the client has no address in the resolver's family.
    pub(crate) fn to_resolver(client: &Client, port: u16) -> Option<Self> {
        let address = client.address(client.resolver.is_ipv6())?;
        Some(Self {
            client: (client.mac, SocketAddr::new(address, port)),
            server: (client.router_mac, SocketAddr::new(client.resolver, 53)),
            server_hops: 64,
            rtt: client.resolver_rtt(),
            mtu: client.mtu,
        })
    }

    /// The client's end.
    pub(crate) fn client(&self) -> SocketAddr {
        self.client.1
    }

    /// The host's end.
    pub(crate) fn server(&self) -> SocketAddr {
        self.server.1
    }

    /// The most data in a segment, behind the smallest headers.
    pub(crate) fn segment_size(&self) -> u16 {
        self.mtu.saturating_sub(if self.client.1.is_ipv4() { 40 } else { 60 })
    }

    /// Puts a UDP datagram into the trace.
    pub(crate) fn udp(&self, trace: &mut Trace, at: Nanos, outbound: bool, payload: &[u8]) {
        let (from, to) = self.ends(outbound);
        let length = u16::try_from(payload.len() + 8).unwrap_or(u16::MAX);
        let mut datagram = Vec::with_capacity(payload.len() + 8);
        datagram.extend_from_slice(&from.port().to_be_bytes());
        datagram.extend_from_slice(&to.port().to_be_bytes());
        datagram.extend_from_slice(&length.to_be_bytes());
        datagram.extend_from_slice(&[0, 0]);
        datagram.extend_from_slice(payload);
        let sum = match transport_checksum(from.ip(), to.ip(), UDP, &datagram) {
            // RFC 768: a sum of zero is sent as ones, because zero says that there is none.
            0 => 0xffff,
            sum => sum,
        };
        put(&mut datagram, 6, sum.to_be_bytes());
        self.frame(trace, at, outbound, UDP, &datagram);
    }

    /// Puts a TCP segment into the trace.
    pub(crate) fn tcp(&self, trace: &mut Trace, at: Nanos, outbound: bool, segment: &Segment<'_>) {
        let (from, to) = self.ends(outbound);
        let words = u8::try_from(5 + segment.options.len() / 4).unwrap_or(15);
        let mut bytes = Vec::with_capacity(20 + segment.options.len() + segment.payload.len());
        bytes.extend_from_slice(&from.port().to_be_bytes());
        bytes.extend_from_slice(&to.port().to_be_bytes());
        bytes.extend_from_slice(&segment.sequence.to_be_bytes());
        bytes.extend_from_slice(&segment.acknowledgement.to_be_bytes());
        bytes.extend_from_slice(&[words << 4, segment.flags]);
        bytes.extend_from_slice(&segment.window.to_be_bytes());
        bytes.extend_from_slice(&[0, 0, 0, 0]);
        bytes.extend_from_slice(segment.options);
        bytes.extend_from_slice(segment.payload);
        let sum = transport_checksum(from.ip(), to.ip(), TCP, &bytes);
        put(&mut bytes, 16, sum.to_be_bytes());
        self.frame(trace, at, outbound, TCP, &bytes);
    }

    fn ends(&self, outbound: bool) -> (SocketAddr, SocketAddr) {
        if outbound { (self.client.1, self.server.1) } else { (self.server.1, self.client.1) }
    }

    fn frame(&self, trace: &mut Trace, at: Nanos, outbound: bool, protocol: u8, transport: &[u8]) {
        let (from, to) = self.ends(outbound);
        let (from_mac, to_mac) =
            if outbound { (self.client.0, self.server.0) } else { (self.server.0, self.client.0) };
        let hops = if outbound { 64 } else { self.server_hops };
        let (ether_type, header) = match (from.ip(), to.ip()) {
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                (0x86dd_u16, ipv6_header(from.octets(), to.octets(), protocol, hops, transport.len()))
            }
            (from, to) => {
                // The identification numbers frames of this trace, which is as unique as it has to be.
                let id = u16::try_from(trace.0.len() & 0xffff).unwrap_or(0);
                (0x0800, ipv4_header(v4(from), v4(to), protocol, hops, id, transport.len()))
            }
        };
        let mut bytes = Vec::with_capacity(14 + header.len() + transport.len());
        bytes.extend_from_slice(&to_mac.0);
        bytes.extend_from_slice(&from_mac.0);
        bytes.extend_from_slice(&ether_type.to_be_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(transport);
        trace.0.push(Sent { at, bytes, comment: None });
    }
}

fn ipv4_header(from: [u8; 4], to: [u8; 4], protocol: u8, hops: u8, id: u16, payload: usize) -> Vec<u8> {
    let length = u16::try_from(payload + 20).unwrap_or(u16::MAX);
    let mut header = vec![0x45, 0];
    header.extend_from_slice(&length.to_be_bytes());
    header.extend_from_slice(&id.to_be_bytes());
    header.extend_from_slice(&DO_NOT_FRAGMENT.to_be_bytes());
    header.extend_from_slice(&[hops, protocol, 0, 0]);
    header.extend_from_slice(&from);
    header.extend_from_slice(&to);
    let sum = fold(sum(&header));
    put(&mut header, 10, sum.to_be_bytes());
    header
}

fn ipv6_header(from: [u8; 16], to: [u8; 16], protocol: u8, hops: u8, payload: usize) -> Vec<u8> {
    let length = u16::try_from(payload).unwrap_or(u16::MAX);
    let mut header = vec![0x60, 0, 0, 0];
    header.extend_from_slice(&length.to_be_bytes());
    header.extend_from_slice(&[protocol, hops]);
    header.extend_from_slice(&from);
    header.extend_from_slice(&to);
    header
}

/// The checksum over pseudo header and datagram (RFC 9293 section 3.1, RFC 8200 section 8.1).
fn transport_checksum(from: IpAddr, to: IpAddr, protocol: u8, datagram: &[u8]) -> u16 {
    let addresses = match (from, to) {
        (IpAddr::V6(from), IpAddr::V6(to)) => sum(&from.octets()) + sum(&to.octets()),
        (from, to) => sum(&v4(from)) + sum(&v4(to)),
    };
    let length = u64::try_from(datagram.len()).unwrap_or(0);
    fold(addresses + u64::from(protocol) + length + sum(datagram))
}

/// The sum of 16-bit words, an odd byte padded with zero (RFC 1071).
fn sum(bytes: &[u8]) -> u64 {
    let (words, odd) = bytes.as_chunks::<2>();
    let odd = odd.first().map_or(0, |byte| u64::from(*byte) << 8);
    words.iter().map(|word| u64::from(u16::from_be_bytes(*word))).sum::<u64>() + odd
}

fn fold(sum: u64) -> u16 {
    let mut sum = sum;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// An address that is known to be IPv4; zeros otherwise, which no caller asks for.
fn v4(address: IpAddr) -> [u8; 4] {
    match address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(_) => [0; 4],
    }
}

fn put(bytes: &mut [u8], offset: usize, value: [u8; 2]) {
    if let Some(field) = bytes.get_mut(offset..offset + 2) {
        field.copy_from_slice(&value);
    }
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const DO_NOT_FRAGMENT: u16 = 0x4000;

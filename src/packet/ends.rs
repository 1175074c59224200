//! The two ends of a packet.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One end of a packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Endpoint {
    /// The IP address.
    pub address: IpAddr,
    /// The TCP or UDP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// Both ends of a packet, of one address family.
///
/// The addresses are numbers of one width, because those stay in registers: as `IpAddr` they would go through memory
/// several times for every packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ends {
    from: u128,
    to: u128,
    ports: [u16; 2],
    is_v6: bool,
}

impl Ends {
    /// The ends of a packet that one endpoint sends to another. Should only one be of IPv4, it is taken as IPv4-mapped.
    #[must_use]
    pub fn new(from: Endpoint, to: Endpoint) -> Self {
        let ports = [from.port, to.port];
        match (from.address, to.address) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Self::v4(from.to_bits(), to.to_bits()).with_ports(ports),
            (from, to) => Self { from: mapped(from), to: mapped(to), ports, is_v6: true },
        }
    }

    /// The sender.
    #[must_use]
    #[inline]
    pub const fn from(self) -> Endpoint {
        Endpoint { address: self.address(self.from), port: self.ports[0] }
    }

    /// The receiver.
    #[must_use]
    #[inline]
    pub const fn to(self) -> Endpoint {
        Endpoint { address: self.address(self.to), port: self.ports[1] }
    }

    /// Two IPv4 addresses, with ports of zero.
    #[inline]
    pub(super) fn v4(from: u32, to: u32) -> Self {
        Self { from: from.into(), to: to.into(), ports: [0; 2], is_v6: false }
    }

    /// Two IPv6 addresses, with ports of zero.
    #[inline]
    pub(super) const fn v6(from: u128, to: u128) -> Self {
        Self { from, to, ports: [0; 2], is_v6: true }
    }

    #[inline]
    pub(super) const fn with_ports(self, ports: [u16; 2]) -> Self {
        Self { ports, ..self }
    }

    /// Whether both addresses are of IPv6.
    #[inline]
    pub(crate) const fn is_v6(self) -> bool {
        self.is_v6
    }

    /// Both addresses as numbers, the sender's first; of IPv4 in the lowest 32 bits.
    #[inline]
    pub(crate) const fn bits(self) -> [u128; 2] {
        [self.from, self.to]
    }

    /// Both ports, the sender's first.
    #[inline]
    pub(crate) const fn ports(self) -> [u16; 2] {
        self.ports
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "an IPv4 address fills the lowest 32 bits")]
    const fn address(self, bits: u128) -> IpAddr {
        if self.is_v6 {
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(bits as u32))
        }
    }
}

impl fmt::Debug for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.from(), self.to())
    }
}

fn mapped(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_give_back_what_they_were_made_of() {
        let end = |text: &str, port| Endpoint { address: text.parse().unwrap(), port };
        for (a, b) in [("10.0.0.1", "255.255.255.255"), ("::1", "::ffff:10.0.0.1")] {
            let ends = Ends::new(end(a, 1), end(b, 2));
            assert_eq!((ends.from(), ends.to()), (end(a, 1), end(b, 2)));
        }
        let mixed = Ends::new(end("10.0.0.1", 1), end("::1", 2));
        assert_eq!(format!("{mixed:?}"), "[::ffff:10.0.0.1]:1 -> [::1]:2");
    }
}

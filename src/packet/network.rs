//! A block of addresses in CIDR notation (RFC 4632).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A block of IPv4 or IPv6 addresses, such as `10.0.0.0/8`. Bits behind the prefix are zero.
///
/// Read from text, an address without a prefix is a block of one, and bits behind the prefix are dropped, so that
/// `192.168.1.5/24` as systems print it works.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The block of `address` with `prefix` leading bits; `None` above 32 bits for IPv4 or 128 for IPv6.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let address = match address {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask4(prefix)?)),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask6(prefix)?)),
        };
        Some(Self { address, prefix })
    }

    /// Its first address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// How many leading bits its addresses share.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether `address` lies in it. IPv4 and IPv6 are never in one another.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(first), IpAddr::V4(v4)) => {
                mask4(self.prefix).is_some_and(|mask| v4.to_bits() & mask == first.to_bits())
            }
            (IpAddr::V6(first), IpAddr::V6(v6)) => {
                mask6(self.prefix).is_some_and(|mask| v6.to_bits() & mask == first.to_bits())
            }
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The text was no block of addresses.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not an address or a block of addresses such as 10.0.0.0/8 or 2001:db8::/32")]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            // The parser of numbers takes a sign, which no prefix has.
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| NetworkError)?
            }
            Some(_) => return Err(NetworkError),
            None => whole,
        };
        Self::new(address, prefix).ok_or(NetworkError)
    }
}

fn mask4(prefix: u8) -> Option<u32> {
    let host = 32_u32.checked_sub(prefix.into())?;
    Some(u32::MAX.checked_shl(host).unwrap_or(0))
}

fn mask6(prefix: u8) -> Option<u128> {
    let host = 128_u32.checked_sub(prefix.into())?;
    Some(u128::MAX.checked_shl(host).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn blocks_hold_their_first_and_last_address() {
        for (block, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("100.64.0.0/10", "100.127.255.255", "100.128.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("fe80::/10", "febf:ffff::", "fec0::"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::"),
            ("0.0.0.0/0", "255.255.255.255", "::"),
            ("::/0", "ffff::", "0.0.0.0"),
        ] {
            assert!(network(block).contains(inside.parse().unwrap()), "{inside} in {block}");
            assert!(!network(block).contains(outside.parse().unwrap()), "{outside} in {block}");
        }
    }

    #[test]
    fn host_bits_are_dropped() {
        assert_eq!(network("192.168.1.5/24").to_string(), "192.168.1.0/24");
        assert_eq!(network("2001:db8::5/64").to_string(), "2001:db8::/64");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0/8",
            "10.0.0.0/8/8",
            "zoom.us",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_prints_reads_back(bits: u128, v4: bool, prefix in 0_u8..=128) {
            let address = if v4 { IpAddr::V4(Ipv4Addr::from_bits((bits >> 96) as u32)) } else { IpAddr::V6(Ipv6Addr::from_bits(bits)) };
            if let Some(block) = Network::new(address, prefix) {
                prop_assert!(block.contains(address));
                prop_assert_eq!(network(&block.to_string()), block);
            } else {
                prop_assert!(v4 && prefix > 32);
            }
        }
    }
}

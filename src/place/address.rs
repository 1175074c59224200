//! What kind of address an address is, before any database is asked.
//!
//! Input: an IP address and the special-purpose registries in `geoip/reserved.toml`. Output: its kind, and the address
//! that is really routed to where an IPv6 address wraps an IPv4 one.
//! Must not: say where an address is.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use serde::Deserialize;

/// An address, unwrapped and classified.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Address {
    /// What kind of address `routed` is.
    pub kind: AddressKind,
    /// The address that packets finally go to: the IPv4 address inside where there is one.
    pub routed: IpAddr,
    /// What the IPv4 address was wrapped in: `6to4`, `Teredo`, `NAT64` or `IPv4-mapped`.
    pub unwrapped_from: Option<&'static str>,
}

impl Address {
    /// Whether the address is a public one, so that it can stand in a country.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.kind == AddressKind::Public
    }
}

/// The kinds of addresses, after the IANA special-purpose registries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// Set aside for measuring equipment (RFC 2544, RFC 5180).
    Benchmarking,
    /// All hosts of the local network.
    Broadcast,
    /// Thrown away on purpose (RFC 6666).
    Discard,
    /// For examples in documents.
    Documentation,
    /// One link only.
    LinkLocal,
    /// This machine.
    Loopback,
    /// A group of receivers.
    Multicast,
    /// A private network (RFC 1918), or translation inside one (RFC 8215).
    Private,
    /// Routed in the Internet.
    Public,
    /// Reserved, withdrawn, or not allocated for use.
    Reserved,
    /// Shared between a provider and its customers: carrier-grade NAT (RFC 6598).
    Shared,
    /// "This network", and the unspecified address.
    ThisNetwork,
    /// A private network of IPv6 (RFC 4193).
    UniqueLocal,
}

impl AddressKind {
    /// The kind in `snake_case`, for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Benchmarking => "benchmarking",
            Self::Broadcast => "broadcast",
            Self::Discard => "discard",
            Self::Documentation => "documentation",
            Self::LinkLocal => "link_local",
            Self::Loopback => "loopback",
            Self::Multicast => "multicast",
            Self::Private => "private",
            Self::Public => "public",
            Self::Reserved => "reserved",
            Self::Shared => "shared",
            Self::ThisNetwork => "this_network",
            Self::UniqueLocal => "unique_local",
        }
    }
}

/// Unwraps and classifies an address.
#[must_use]
pub fn classify(address: IpAddr) -> Address {
    let (routed, unwrapped_from) = match unwrap(address) {
        Some((inner, name)) => (IpAddr::V4(inner), Some(name)),
        None => (address, None),
    };
    Address { kind: kind(routed), routed, unwrapped_from }
}

/// The ranges of public addresses, first and last address of each, in ascending order and IPv4 first. IPv6 forms that
/// wrap an IPv4 address are in none of them.
#[must_use]
pub fn public_ranges() -> Vec<(IpAddr, IpAddr)> {
    let blocks = RESERVED.blocks.iter().map(|row| &row.block);
    let blocks: Vec<&Block> = blocks.chain(RESERVED.wrapped.iter().map(|wrapper| &wrapper.block)).collect();
    let after = blocks.iter().filter_map(|block| successor(block.last()));
    let families = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let starts: BTreeSet<IpAddr> =
        blocks.iter().map(|block| block.network).chain(after).chain(families).collect();
    let mut ranges: Vec<(IpAddr, IpAddr)> = Vec::new();
    let ends = starts.iter().skip(1).map(|next| predecessor(*next)).chain([LAST_ADDRESS]);
    for (first, last) in starts.iter().copied().zip(ends) {
        let address = classify(first);
        if !address.is_public() || address.unwrapped_from.is_some() {
            continue;
        }
        match ranges.last_mut() {
            Some(range) if successor(range.1) == Some(first) => range.1 = last,
            _ => ranges.push((first, last)),
        }
    }
    ranges
}

/// The next address of the same family.
pub(super) fn successor(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits().checked_add(1)?).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits().checked_add(1)?).into(),
    })
}

/// The address before, in the order that has all of IPv4 before IPv6. The first of all has none and is its own.
pub(super) fn predecessor(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits().saturating_sub(1)).into(),
        IpAddr::V6(v6) => match v6.to_bits().checked_sub(1) {
            Some(bits) => Ipv6Addr::from_bits(bits).into(),
            None => Ipv4Addr::BROADCAST.into(),
        },
    }
}

/// The last address in that order.
pub(super) const LAST_ADDRESS: IpAddr = IpAddr::V6(Ipv6Addr::from_bits(u128::MAX));

/// Whether the address is an IPv6 form that wraps an IPv4 address.
pub(super) fn is_wrapped(address: IpAddr) -> bool {
    address.is_ipv6() && RESERVED.wrapped.iter().any(|wrapper| wrapper.block.contains(address))
}

fn unwrap(address: IpAddr) -> Option<(Ipv4Addr, &'static str)> {
    let IpAddr::V6(v6) = address else {
        return None;
    };
    let wrapper = RESERVED.wrapped.iter().find(|wrapper| wrapper.block.contains(address))?;
    let inner = v6.to_bits().checked_shr(96_u32.checked_sub(wrapper.at)?)? & u128::from(u32::MAX);
    let inner = u32::try_from(inner).ok()?;
    let inner = if wrapper.inverted { !inner } else { inner };
    Some((Ipv4Addr::from_bits(inner), &wrapper.name))
}

fn kind(address: IpAddr) -> AddressKind {
    if let IpAddr::V4(v4) = address
        && ORDINARY.get(usize::from(v4.octets()[0])) == Some(&true)
    {
        return AddressKind::Public;
    }
    RESERVED.blocks.iter().find(|row| row.block.contains(address)).map_or(AddressKind::Public, |row| row.kind)
}

/// What `reserved.toml` holds.
#[derive(Deserialize)]
struct Reserved {
    /// Longest prefixes first.
    blocks: Vec<Row>,
    wrapped: Vec<Wrapper>,
}

#[derive(Deserialize)]
struct Row {
    block: Block,
    kind: AddressKind,
}

/// An IPv6 block whose addresses hold an IPv4 address from bit `at` on.
#[derive(Deserialize)]
struct Wrapper {
    block: Block,
    name: String,
    at: u32,
    #[serde(default)]
    inverted: bool,
}

/// An address block, such as `100.64.0.0/10`.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Block {
    /// Its first address.
    pub(super) network: IpAddr,
    length: u32,
}

impl Block {
    /// Its last address.
    pub(super) fn last(&self) -> IpAddr {
        match self.network {
            IpAddr::V4(v4) => {
                Ipv4Addr::from_bits(v4.to_bits() | u32::MAX.checked_shr(self.length).unwrap_or(0)).into()
            }
            IpAddr::V6(v6) => {
                Ipv6Addr::from_bits(v6.to_bits() | u128::MAX.checked_shr(self.length).unwrap_or(0)).into()
            }
        }
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                share(v4_bits(network), v4_bits(address), self.length)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                share(network.to_bits(), address.to_bits(), self.length)
            }
            _ => false,
        }
    }
}

impl TryFrom<String> for Block {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts = text
            .split_once('/')
            .and_then(|(network, length)| Some((network.parse().ok()?, length.parse().ok()?)));
        let Some((network, length)) = parts else {
            return Err(format!("`{text}` is no address block of the form 192.0.2.0/24"));
        };
        let bits = match network {
            IpAddr::V4(v4) => v4_bits(v4),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let longest = if network.is_ipv4() { 32 } else { 128 };
        if length > longest || bits.checked_shl(length).unwrap_or(0) != 0 {
            return Err(format!("`{text}` has a length that does not fit its address"));
        }
        Ok(Self { network, length })
    }
}

/// The bits of an IPv4 address, at the high end.
fn v4_bits(address: Ipv4Addr) -> u128 {
    u128::from(address.to_bits()) << 96
}

/// Whether the first `length` bits are the same.
fn share(a: u128, b: u128, length: u32) -> bool {
    (a ^ b).checked_shr(Ipv6Addr::BITS.saturating_sub(length)).unwrap_or(0) == 0
}

static RESERVED: LazyLock<Reserved> = LazyLock::new(|| {
    let text = include_str!("../../geoip/reserved.toml");
    let mut reserved: Reserved = super::embedded("reserved.toml", text);
    reserved.blocks.sort_by_key(|row| std::cmp::Reverse(row.block.length));
    reserved
});

/// By the first octet of an IPv4 address: whether no reserved block holds such an address, as for nearly all of them.
static ORDINARY: LazyLock<[bool; 256]> = LazyLock::new(|| {
    let mut ordinary = [true; 256];
    for block in RESERVED.blocks.iter().map(|row| &row.block) {
        if let (IpAddr::V4(first), IpAddr::V4(last)) = (block.network, block.last()) {
            let octets = usize::from(first.octets()[0])..=usize::from(last.octets()[0]);
            ordinary.get_mut(octets).into_iter().flatten().for_each(|ordinary| *ordinary = false);
        }
    }
    ordinary
});

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(address: &str) -> &'static str {
        classify(address.parse().unwrap()).kind.name()
    }

    #[test]
    fn every_special_block_has_its_kind() {
        let cases = [
            ("0.0.0.0", "this_network"),
            ("10.255.255.255", "private"),
            ("100.64.0.1", "shared"),
            ("127.0.0.1", "loopback"),
            ("169.254.1.1", "link_local"),
            ("172.31.255.255", "private"),
            ("192.0.0.8", "reserved"),
            ("192.0.2.1", "documentation"),
            ("192.88.99.1", "reserved"),
            ("192.168.0.1", "private"),
            ("198.19.255.255", "benchmarking"),
            ("198.51.100.1", "documentation"),
            ("203.0.113.1", "documentation"),
            ("224.0.0.251", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "this_network"),
            ("::1", "loopback"),
            ("64:ff9b:1::1", "private"),
            ("100::1", "discard"),
            ("2001:10::1", "reserved"),
            ("2001:db8::1", "documentation"),
            ("3fff:fff::1", "documentation"),
            ("4000::1", "reserved"),
            ("fd00::1", "unique_local"),
            ("fe80::1", "link_local"),
            ("fec0::1", "reserved"),
            ("ff02::fb", "multicast"),
        ];
        for (address, kind) in cases {
            assert_eq!(kind_of(address), kind, "{address}");
        }
    }

    #[test]
    fn addresses_just_outside_special_blocks_are_public() {
        let public = [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.0.9",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2000::1",
            "2001:200::1",
            "2407:30c0::1",
            "3ffe::1",
        ];
        for address in public {
            assert_eq!(kind_of(address), "public", "{address}");
        }
    }

    #[test]
    fn public_ranges_are_what_is_classified_as_public() {
        let ranges = public_ranges();
        assert!(ranges.iter().all(|(first, last)| first <= last && first.is_ipv4() == last.is_ipv4()));
        assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0), "ascending, apart");
        let is_inside = |address: IpAddr| ranges.iter().any(|(a, b)| *a <= address && address <= *b);
        for (first, last) in &ranges {
            for address in [*first, *last] {
                assert!(classify(address).is_public() && classify(address).unwrapped_from.is_none());
            }
            for address in [predecessor(*first), successor(*last).unwrap()] {
                let address = classify(address);
                let is_plain = address.is_public() && address.unwrapped_from.is_none();
                assert!(!is_plain, "{} is public, and outside", address.routed);
            }
        }
        for (address, expected) in [
            ("9.255.255.255", true),
            ("10.0.0.0", false),
            ("192.0.0.9", true),
            ("255.255.255.255", false),
            ("2001:200::1", true),
            ("2002::1", false),
            ("2001::1", false),
            ("::ffff:8.8.8.8", false),
            ("3fff::1", false),
            ("4000::", false),
        ] {
            assert_eq!(is_inside(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn wrapped_ipv4_addresses_are_unwrapped() {
        let unwrapped = |address: &str| {
            let address = classify(address.parse().unwrap());
            (address.routed.to_string(), address.unwrapped_from, address.kind)
        };
        let public = AddressKind::Public;
        assert_eq!(unwrapped("2002:cb00:7285:1::9"), ("203.0.114.133".into(), Some("6to4"), public));
        // The example of RFC 4380, section 5.2.10: the client's address with every bit inverted.
        assert_eq!(
            unwrapped("2001:0:4136:e378:8000:63bf:3fff:fdd2"),
            ("192.0.2.45".into(), Some("Teredo"), AddressKind::Documentation)
        );
        assert_eq!(unwrapped("64:ff9b::9f7c:fbf"), ("159.124.15.191".into(), Some("NAT64"), public));
        assert_eq!(
            unwrapped("::ffff:10.0.0.1"),
            ("10.0.0.1".into(), Some("IPv4-mapped"), AddressKind::Private)
        );
        assert_eq!(unwrapped("2001:db8::1").1, None);
    }
}

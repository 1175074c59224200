//! Ranges of addresses in CIDR notation, and lists of them in which an address is looked up.
//!
//! Input: text such as `192.0.2.0/24`, and an address. Output: checked prefixes, and the listed ones around an address,
//! the longest first. A look-up is a binary search and a walk of at most 128 steps, whatever the list's length.
//! Must not: say what a range is for, or where it is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::Deserialize;

/// A range of addresses (RFC 4632, RFC 4291 section 2.3): its first address, and how many leading bits all share.
///
/// In the order of prefixes IPv4 comes first, and a range comes right before the ranges inside it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Prefix {
    base: IpAddr,
    length: u8,
}

impl Prefix {
    /// The range of one address.
    #[must_use]
    pub fn single(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { base: address, length: bits(address) }
    }

    /// Its first address.
    #[must_use]
    pub fn base(self) -> IpAddr {
        self.base
    }

    /// How many leading bits its addresses share: 0 to 32 in IPv4, to 128 in IPv6.
    #[must_use]
    pub fn length(self) -> u8 {
        self.length
    }

    /// Whether the address lies in it. An IPv4-mapped address is the IPv4 address in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        first(address.to_canonical(), self.length) == Some(self.base)
    }

    /// Whether the other range lies in it, or is it.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.length <= other.length && self.contains(other.base)
    }

    /// Reads a prefix, or one address as the range of it alone.
    pub fn parse_or_single(text: &str) -> Result<Self, PrefixError> {
        match text.parse::<IpAddr>() {
            Ok(address) if address != address.to_canonical() => Err(PrefixError::Mapped),
            Ok(address) => Ok(Self::single(address)),
            Err(_) => text.parse(),
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.length)
    }
}

/// The text was no range of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// It is no address, a slash and a number.
    #[error("no range of the form address/length, such as 192.0.2.0/24 or 2001:db8::/32")]
    Form,
    /// Bits beyond the length are set; the range that is meant is the one given.
    #[error("the address has bits set beyond the length: the range around it is {0}")]
    HostBits(Prefix),
    /// The length is more than the address has bits.
    #[error("the length is more than the {0} bits of the address")]
    Length(u8),
    /// IPv4 written as IPv6, which no look-up would find.
    #[error("an IPv4 address written as IPv6: write it as IPv4")]
    Mapped,
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (base, length) = text.split_once('/').ok_or(PrefixError::Form)?;
        let base: IpAddr = base.parse().map_err(|_| PrefixError::Form)?;
        // The parser of numbers takes a sign, which no length has.
        if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PrefixError::Form);
        }
        let length: u8 = length.parse().map_err(|_| PrefixError::Length(bits(base)))?;
        let start = first(base, length).ok_or(PrefixError::Length(bits(base)))?;
        if start != base {
            return Err(PrefixError::HostBits(Self { base: start, length }));
        }
        if base != base.to_canonical() {
            return Err(PrefixError::Mapped);
        }
        Ok(Self { base, length })
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Prefix;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a range of addresses")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Prefix, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_str(Text)
    }
}

/// The address with the bits beyond `length` cleared; `None` where it has fewer bits.
fn first(address: IpAddr, length: u8) -> Option<IpAddr> {
    let host_bits = u32::from(bits(address).checked_sub(length)?);
    Some(match address {
        IpAddr::V4(v4) => {
            Ipv4Addr::from_bits(v4.to_bits() & u32::MAX.checked_shl(host_bits).unwrap_or(0)).into()
        }
        IpAddr::V6(v6) => {
            Ipv6Addr::from_bits(v6.to_bits() & u128::MAX.checked_shl(host_bits).unwrap_or(0)).into()
        }
    })
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// A list of ranges, each once, with what is said of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrefixMap<T> {
    /// In the order of the prefixes.
    rows: Vec<Row<T>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Row<T> {
    prefix: Prefix,
    value: T,
    /// The row of the longest other range around this one.
    around: Option<u32>,
}

impl<T> PrefixMap<T> {
    /// The list of these rows, in any order. Of rows with the same prefix the first one stays.
    #[must_use]
    pub fn new(mut rows: Vec<(Prefix, T)>) -> Self {
        rows.sort_by_key(|(prefix, _)| *prefix);
        rows.dedup_by_key(|(prefix, _)| *prefix);
        let mut open: Vec<(Prefix, u32)> = Vec::new();
        let linked = (0_u32..).zip(rows).map(|(index, (prefix, value))| {
            while open.last().is_some_and(|(outer, _)| !outer.covers(prefix)) {
                open.pop();
            }
            let around = open.last().map(|(_, outer)| *outer);
            open.push((prefix, index));
            Row { prefix, value, around }
        });
        Self { rows: linked.collect() }
    }

    /// The ranges around the address, the longest first.
    pub fn around(&self, address: IpAddr) -> impl Iterator<Item = (Prefix, &T)> {
        let address = address.to_canonical();
        // The longest range around an address is, or is around, the last one that starts at or before it.
        let next = self.rows.partition_point(|row| row.prefix.base <= address);
        let mut at = next.checked_sub(1);
        std::iter::from_fn(move || {
            let row = self.rows.get(at?)?;
            at = row.around.and_then(|around| usize::try_from(around).ok());
            Some(row)
        })
        .filter(move |row| row.prefix.contains(address))
        .map(|row| (row.prefix, &row.value))
    }

    /// What is said of all ranges, in the order of the prefixes.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().map(|row| &row.value)
    }

    /// The longest range around the address.
    #[must_use]
    pub fn longest(&self, address: IpAddr) -> Option<(Prefix, &T)> {
        self.around(address).next()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_starts_at_its_base() {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "::/0", "2001:db8::/32", "2001:db8::1/128"] {
            assert_eq!(prefix(text).to_string(), text);
        }
        let wrong = |text: &str| text.parse::<Prefix>().unwrap_err();
        assert_eq!(wrong("10.0.0.1/8"), PrefixError::HostBits(prefix("10.0.0.0/8")));
        assert_eq!(wrong("2407:30c0::1/32"), PrefixError::HostBits(prefix("2407:30c0::/32")));
        assert_eq!(
            (wrong("10.0.0.0/33"), wrong("::/129")),
            (PrefixError::Length(32), PrefixError::Length(128))
        );
        assert_eq!(wrong("10.0.0.0/999"), PrefixError::Length(32));
        assert_eq!(wrong("::ffff:10.0.0.0/104"), PrefixError::Mapped);
        for text in ["10.0.0.0", "x/8", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8 ", "", "/", "010.0.0.0/8"] {
            assert_eq!(wrong(text), PrefixError::Form, "{text}");
        }
    }

    #[test]
    fn families_are_apart_and_mapped_addresses_are_ipv4() {
        assert!(prefix("::/0").contains(address("2001:db8::1")));
        assert!(!prefix("0.0.0.0/0").contains(address("2001:db8::1")));
        assert!(!prefix("::/0").contains(address("192.0.2.1")));
        assert!(prefix("192.0.2.0/24").contains(address("::ffff:192.0.2.7")));
    }

    #[test]
    fn one_address_is_a_range_where_that_is_allowed() {
        assert_eq!(Prefix::parse_or_single("192.0.2.1"), Ok(prefix("192.0.2.1/32")));
        assert_eq!(Prefix::parse_or_single("2001:db8::1"), Ok(prefix("2001:db8::1/128")));
        assert_eq!(Prefix::parse_or_single("192.0.2.0/24"), Ok(prefix("192.0.2.0/24")));
        assert_eq!(Prefix::parse_or_single("::ffff:192.0.2.1"), Err(PrefixError::Mapped));
        assert_eq!(Prefix::parse_or_single("192.0.2"), Err(PrefixError::Form));
    }

    #[test]
    fn the_longest_range_around_an_address_comes_first() {
        let texts = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.3.0/24", "10.128.0.0/9", "::/0"];
        let map = PrefixMap::new(texts.iter().map(|text| (prefix(text), *text)).collect());
        let around = |text: &str| map.around(address(text)).map(|(_, text)| *text).collect::<Vec<_>>();
        assert_eq!(around("10.1.2.9"), ["10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8"]);
        assert_eq!(around("10.1.9.9"), ["10.1.0.0/16", "10.0.0.0/8"]);
        assert_eq!(around("10.2.0.0"), ["10.0.0.0/8"]);
        assert_eq!(around("9.255.255.255"), Vec::<&str>::new());
        assert_eq!(around("2001:db8::1"), ["::/0"]);
        assert_eq!(PrefixMap::<()>::new(vec![]).longest(address("10.0.0.1")), None);
    }

    /// Prefixes that crowd in one corner of either family, so that many lie in one another.
    fn any_prefix() -> impl Strategy<Value = Prefix> {
        let cut = |address: IpAddr, length: u8| Prefix { base: first(address, length).unwrap(), length };
        prop_oneof![
            (any::<u8>(), 20_u8..=32).prop_map(move |(low, length)| {
                cut(Ipv4Addr::new(192, 0, 2 + (low & 3), low).into(), length)
            }),
            (any::<u8>(), 112_u8..=128).prop_map(move |(low, length)| {
                cut(Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(low) << 4).into(), length)
            }),
            Just(prefix("0.0.0.0/0")),
            Just(prefix("::/0")),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_look_up_finds_what_a_scan_of_all_rows_finds(
            prefixes in prop::collection::vec(any_prefix(), 0..60),
            asked in prop::collection::vec(any_prefix(), 1..40),
        ) {
            let map = PrefixMap::new(prefixes.iter().map(|prefix| (*prefix, prefix.to_string())).collect());
            for address in asked.into_iter().map(Prefix::base) {
                let mut scanned: Vec<Prefix> = prefixes.iter().copied().filter(|p| p.contains(address)).collect();
                scanned.sort_by_key(|prefix| std::cmp::Reverse(prefix.length));
                scanned.dedup();
                let found: Vec<Prefix> = map.around(address).map(|(prefix, _)| prefix).collect();
                prop_assert_eq!(&found, &scanned);
                prop_assert_eq!(map.longest(address).map(|(prefix, text)| (prefix, text.clone())),
                    scanned.first().map(|prefix| (*prefix, prefix.to_string())));
            }
        }

        #[test]
        fn a_prefix_is_read_back_as_it_was_written(prefix in any_prefix()) {
            prop_assert_eq!(prefix.to_string().parse(), Ok(prefix));
        }
    }
}

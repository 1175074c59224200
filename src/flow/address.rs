//! Addresses by number.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::intern::Numbers;
use crate::packet::Ends;

/// An address that takes part in a flow, numbered from 0 without gaps in the order of first sight.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AddressId(pub u32);

/// All addresses of all flows. IPv4 and IPv6 are kept apart, so that an IPv4 address takes four bytes.
#[derive(Clone, Debug)]
pub struct Addresses {
    v4: Numbers<u32>,
    /// In halves, which need less room than one `u128`.
    v6: Numbers<[u64; 2]>,
    /// Twice the place of each address among those of its family, and one more for IPv6.
    places: Vec<u32>,
}

impl Addresses {
    pub(super) fn new() -> Self {
        Self { v4: Numbers::new(), v6: Numbers::new(), places: Vec::new() }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The address of a number; `None` for numbers that were not given out.
    #[must_use]
    pub fn address(&self, id: AddressId) -> Option<IpAddr> {
        let place = *self.places.get(id.0 as usize)?;
        if place & 1 == 0 {
            self.v4.key(place >> 1).map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)))
        } else {
            let [upper, lower] = self.v6.key(place >> 1)?;
            Some(IpAddr::V6(Ipv6Addr::from_bits(u128::from(upper) << 64 | u128::from(lower))))
        }
    }

    /// The number of an address, where it takes part in a flow.
    #[must_use]
    pub fn id(&self, address: IpAddr) -> Option<AddressId> {
        let id = match address {
            IpAddr::V4(address) => self.v4.peek(address.to_bits()),
            IpAddr::V6(address) => self.v6.peek(halves(address.to_bits())),
        };
        id.map(AddressId)
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = (AddressId, IpAddr)> {
        (0_u32..).map_while(|number| Some((AddressId(number), self.address(AddressId(number))?)))
    }

    /// The numbers of both addresses of a packet, the sender's first.
    pub(super) fn intern(&mut self, ends: Ends) -> [AddressId; 2] {
        ends.bits()
            .map(|bits| AddressId(if ends.is_v6() { self.intern_v6(bits) } else { self.intern_v4(bits) }))
    }

    #[expect(clippy::cast_possible_truncation, reason = "an IPv4 address fills the lowest 32 bits")]
    fn intern_v4(&mut self, bits: u128) -> u32 {
        let bits = bits as u32;
        if let Some(id) = self.v4.find(bits) {
            return id;
        }
        let id = self.next_id(self.v4.len() << 1);
        self.v4.set(bits, id);
        id
    }

    fn intern_v6(&mut self, bits: u128) -> u32 {
        let key = halves(bits);
        if let Some(id) = self.v6.find(key) {
            return id;
        }
        let id = self.next_id(self.v6.len() << 1 | 1);
        self.v6.set(key, id);
        id
    }

    fn next_id(&mut self, place: u32) -> u32 {
        let id = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.push(place);
        id
    }
}

/// An IPv6 address in halves, the upper one first.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "it takes the lower half")]
pub(super) const fn halves(bits: u128) -> [u64; 2] {
    [(bits >> 64) as u64, bits as u64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Endpoint;

    #[test]
    fn both_families_share_one_numbering() {
        let mut addresses = Addresses::new();
        let given =
            ["10.0.0.1", "10.0.0.2", "::1", "::ffff:10.0.0.1"].map(|text| text.parse::<IpAddr>().unwrap());
        let end = |address| Endpoint { address, port: 0 };
        for _ in 0..2 {
            assert_eq!(
                addresses.intern(Ends::new(end(given[0]), end(given[1]))),
                [AddressId(0), AddressId(1)]
            );
            assert_eq!(
                addresses.intern(Ends::new(end(given[2]), end(given[3]))),
                [AddressId(2), AddressId(3)]
            );
        }
        assert!((0..4).all(|id| addresses.id(given[id as usize]) == Some(AddressId(id))));
        assert_eq!(addresses.iter().map(|(_, address)| address).collect::<Vec<_>>(), given);
        assert_eq!(addresses.id("10.0.0.3".parse().unwrap()), None);
        assert_eq!(addresses.address(AddressId(4)), None);
    }
}

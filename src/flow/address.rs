//! Addresses by number.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::intern::Interner;

/// An address that takes part in a flow, numbered from 0 without gaps in the order of first sight.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AddressId(pub u32);

/// All addresses of all flows. IPv4 and IPv6 are kept apart, so that an IPv4 address takes four bytes.
#[derive(Clone, Debug)]
pub struct Addresses {
    v4: Interner<u32>,
    v6: Interner<u128>,
    /// The numbers of the IPv4 addresses, then of the IPv6 ones, in their own orders.
    ids: [Vec<u32>; 2],
    /// Twice the place of each address among its family, and one more for IPv6.
    places: Vec<u32>,
}

impl Addresses {
    pub(super) fn new() -> Self {
        Self { v4: Interner::new(), v6: Interner::new(), ids: [Vec::new(), Vec::new()], places: Vec::new() }
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
            self.v4.get(place >> 1).map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)))
        } else {
            self.v6.get(place >> 1).map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
        }
    }

    /// The number of an address, where it takes part in a flow.
    #[must_use]
    pub fn id(&self, address: IpAddr) -> Option<AddressId> {
        let [v4, v6] = &self.ids;
        let id = match address {
            IpAddr::V4(address) => v4.get(self.v4.find(address.to_bits())? as usize),
            IpAddr::V6(address) => v6.get(self.v6.find(address.to_bits())? as usize),
        };
        id.copied().map(AddressId)
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = (AddressId, IpAddr)> {
        (0_u32..).map_while(|number| Some((AddressId(number), self.address(AddressId(number))?)))
    }

    pub(super) fn intern(&mut self, address: IpAddr) -> AddressId {
        let Self { v4, v6, ids: [ids4, ids6], places } = self;
        let (place, family, ids) = match address {
            IpAddr::V4(address) => (v4.intern(address.to_bits()), 0, ids4),
            IpAddr::V6(address) => (v6.intern(address.to_bits()), 1, ids6),
        };
        if let Some(&id) = ids.get(place as usize) {
            return AddressId(id);
        }
        let id = u32::try_from(places.len()).unwrap_or(u32::MAX);
        places.push(place << 1 | family);
        ids.push(id);
        AddressId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_share_one_numbering() {
        let mut addresses = Addresses::new();
        let given =
            ["10.0.0.1", "::1", "10.0.0.2", "::ffff:10.0.0.1"].map(|text| text.parse::<IpAddr>().unwrap());
        for (number, address) in (0..).zip(given) {
            assert_eq!(addresses.intern(address), AddressId(number));
            assert_eq!(addresses.intern(address), AddressId(number));
            assert_eq!(addresses.id(address), Some(AddressId(number)));
        }
        assert_eq!(addresses.iter().map(|(_, address)| address).collect::<Vec<_>>(), given);
        assert_eq!(addresses.id("10.0.0.3".parse().unwrap()), None);
        assert_eq!(addresses.address(AddressId(4)), None);
    }
}

//! IPv6 addresses by number, so that a flow of IPv6 needs no more room than one of IPv4.

use std::net::Ipv6Addr;

use super::intern::Interner;

/// The IPv6 addresses of all flows, in halves, which need less room than one `u128`.
#[derive(Clone, Debug, Default)]
pub(super) struct V6(Interner<[u64; 2]>);

impl V6 {
    /// The number of an address, a new one where it is new.
    pub(super) fn intern(&mut self, address: [u64; 2]) -> u32 {
        self.0.intern(address)
    }

    /// The address of a number that was given out.
    pub(super) fn get(&self, number: u32) -> Option<Ipv6Addr> {
        let [upper, lower] = self.halves(number)?;
        Some(Ipv6Addr::from_bits(u128::from(upper) << 64 | u128::from(lower)))
    }

    /// The same in halves.
    pub(super) fn halves(&self, number: u32) -> Option<[u64; 2]> {
        self.0.get(number)
    }

    /// The bytes that they fill.
    pub(super) fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.0.len()
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

    #[test]
    fn an_address_keeps_its_number() {
        let mut addresses = V6::default();
        let given = ["::1", "2001:db8::5", "::ffff:10.0.0.1"].map(|text| text.parse::<Ipv6Addr>().unwrap());
        for _ in 0..2 {
            assert_eq!(given.map(|address| addresses.intern(halves(address.to_bits()))), [0, 1, 2]);
        }
        assert_eq!([0, 1, 2].map(|number| addresses.get(number)), given.map(Some));
        assert_eq!((addresses.get(3), addresses.len()), (None, 3));
    }
}

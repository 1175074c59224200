//! Link-layer addresses.

use std::fmt;
use std::num::NonZeroU64;

/// A MAC address in the lower 48 bits. All zeros is none: loopback interfaces put that there, and it names nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(NonZeroU64);

impl Mac {
    /// The address of six bytes as on the wire; `None` where they are all zero.
    #[must_use]
    pub const fn new([m0, m1, m2, m3, m4, m5]: [u8; 6]) -> Option<Self> {
        Self::from_bits(u64::from_be_bytes([0, 0, m0, m1, m2, m3, m4, m5]))
    }

    /// Its six bytes as on the wire.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        let [_, _, m0, m1, m2, m3, m4, m5] = self.0.get().to_be_bytes();
        [m0, m1, m2, m3, m4, m5]
    }

    /// Whether it is a group's (multicast or broadcast), not a machine's (IEEE 802, the first byte's lowest bit).
    #[must_use]
    pub const fn is_group(self) -> bool {
        self.0.get() >> 40 & 1 == 1
    }

    /// The address in the upper 48 bits of eight bytes.
    #[inline]
    pub(super) const fn from_upper(bits: u64) -> Option<Self> {
        Self::from_bits(bits >> 16)
    }

    #[inline]
    const fn from_bits(bits: u64) -> Option<Self> {
        match NonZeroU64::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.octets();
        write!(f, "{first:02x}")?;
        rest.iter().try_for_each(|octet| write!(f, ":{octet:02x}"))
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The link-layer addresses of a frame; a Linux cooked capture knows the sender's alone, raw IP neither.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Macs {
    /// The sender's.
    pub from: Option<Mac>,
    /// The receiver's, which may be a group's.
    pub to: Option<Mac>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_prints_and_keeps_its_bytes() {
        let mac = Mac::new([0x0A, 0, 0x5E, 1, 2, 0xFF]).unwrap();
        assert_eq!(
            (mac.to_string().as_str(), mac.octets()),
            ("0a:00:5e:01:02:ff", [0x0A, 0, 0x5E, 1, 2, 0xFF])
        );
        assert!(Mac::new([0; 6]).is_none());
        assert!(!mac.is_group() && Mac::new([0xFF; 6]).unwrap().is_group());
        assert_eq!(size_of::<Macs>(), 16);
    }
}

//! A stack of VLAN tags in eight bytes.

use std::fmt;

/// The VLAN identifiers that a frame was captured with, outermost first.
///
/// Priority tags (identifier 0, IEEE 802.1Q) name no VLAN and are left out, since systems put them on one direction
/// alone. Up to five identifiers are kept; a deeper stack is kept as a digest, so that two different ones stay different.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Vlan(u64);

impl Vlan {
    /// No VLAN.
    pub const NONE: Self = Self(0);

    /// The stack with one more tag inside; `tci` is the tag's control information, whose low 12 bits are the identifier.
    #[must_use]
    pub const fn push(self, tci: u16) -> Self {
        let id = (tci & 0x0FFF) as u64;
        let count = self.0 & COUNT;
        if id == 0 {
            return self;
        }
        if count < MOST {
            return Self((self.0 & !COUNT) << 12 | id << 4 | (count + 1));
        }
        // FNV-1a over what was there and the new identifier: the digest only has to be the same in every run.
        let digest = ((self.0 >> 4) ^ id).wrapping_mul(0x0100_0000_01B3);
        Self(digest << 4 | DEEP)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The identifiers, outermost first; `None` where the stack was too deep to keep them.
    #[must_use]
    pub fn ids(self) -> Option<impl Iterator<Item = u16>> {
        let count = self.0 & COUNT;
        let id = move |place: u64| u16::try_from(self.0 >> (4 + 12 * place) & 0x0FFF).unwrap_or_default();
        (count != DEEP).then(|| (0..count).rev().map(id))
    }
}

impl fmt::Display for Vlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(ids) = self.ids() else {
            return f.write_str("deep");
        };
        for (place, id) in ids.enumerate() {
            let separator = if place == 0 { "" } else { "." };
            write!(f, "{separator}{id}")?;
        }
        Ok(())
    }
}

/// The low four bits count the tags; this count says that the rest is a digest.
const COUNT: u64 = 0xF;
const DEEP: u64 = 0xF;
const MOST: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_kept_outermost_first() {
        let vlan = [0x2064, 0, 7, 0xFFFF].into_iter().fold(Vlan::NONE, Vlan::push);
        assert_eq!(vlan.ids().unwrap().collect::<Vec<_>>(), [100, 7, 4095]);
        assert_eq!(vlan.to_string(), "100.7.4095");
        assert!(Vlan::NONE.push(0xE000).is_none());
    }

    #[test]
    fn deep_stacks_stay_different() {
        let stack = |last| [1, 2, 3, 4, 5, last].into_iter().fold(Vlan::NONE, Vlan::push);
        assert!(stack(6).ids().is_none());
        assert_ne!(stack(6), stack(7));
        assert_ne!(stack(6), stack(6).push(6));
        assert_eq!(stack(6).to_string(), "deep");
    }
}

//! The tuple of a flow as its record keeps it.
//!
//! Input and output: numbers. Must not: know where a tuple leads.

use std::hash::{Hash, Hasher};

use crate::packet::Protocol;

/// 16 bytes: both addresses, both ports, and the scope's number with the protocols in its lowest bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Key {
    pub(super) low: u32,
    pub(super) high: u32,
    pub(super) ports: u32,
    pub(super) scope: u32,
}

impl Key {
    pub(super) const fn scope(scope: u32, protocol: Protocol, is_v6: bool) -> u32 {
        scope << 2 | (is_v6 as u32) << 1 | matches!(protocol, Protocol::Udp) as u32
    }

    /// Whether the addresses are numbers of IPv6 addresses.
    pub(super) const fn is_v6(&self) -> bool {
        self.scope & 2 != 0
    }

    /// The number of the scope.
    pub(super) const fn scope_number(&self) -> u32 {
        self.scope >> 2
    }

    /// The address and the port of the lower or the higher end.
    #[expect(clippy::cast_possible_truncation, reason = "it takes half of the bits")]
    pub(super) const fn end(&self, low: bool) -> (u32, u16) {
        if low { (self.low, (self.ports >> 16) as u16) } else { (self.high, self.ports as u16) }
    }
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let addresses = u64::from(self.low) << 32 | u64::from(self.high);
        let rest = u64::from(self.ports) << 32 | u64::from(self.scope);
        state.write_u128(u128::from(addresses) << 64 | u128::from(rest));
    }
}

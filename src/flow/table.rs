//! From the tuple of a packet to the latest flow of that tuple.

use std::hash::{Hash, Hasher};

use super::address::halves;
use super::intern::Numbers;
use crate::packet::{Ends, Protocol};

/// The tuples seen, each with the number of its latest flow.
#[derive(Clone, Debug)]
pub(super) struct Tuples {
    v4: Numbers<Key4>,
    v6: Numbers<Key6>,
}

impl Tuples {
    pub(super) fn new() -> Self {
        Self { v4: Numbers::new(), v6: Numbers::new() }
    }

    /// The latest flow of the tuple, where there is one.
    #[inline]
    pub(super) fn find(&mut self, tuple: &Tuple) -> Option<u32> {
        match tuple.key {
            Key::V4(key) => self.v4.find(key),
            Key::V6(key) => self.v6.find(key),
        }
    }

    /// Makes `flow` the latest of the tuple.
    pub(super) fn set(&mut self, tuple: &Tuple, flow: u32) {
        match tuple.key {
            Key::V4(key) => self.v4.set(key, flow),
            Key::V6(key) => self.v6.set(key, flow),
        }
    }
}

/// Protocol, scope and both ends of a packet, the same for both directions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tuple {
    key: Key,
    /// Whether the packet's sender is the lower end of the key.
    pub(super) from_low: bool,
}

impl Tuple {
    #[inline]
    pub(super) fn new(protocol: Protocol, ends: Ends, scope: u32) -> Self {
        let scope = scope << 1 | u32::from(protocol == Protocol::Udp);
        let ([from, to], [from_port, to_port]) = (ends.bits(), ends.ports());
        let ports = |low: u16, high: u16| u32::from(low) << 16 | u32::from(high);
        if ends.is_v6() {
            let from_low = (from, from_port) <= (to, to_port);
            let [from, to] = [from, to].map(halves);
            let key = if from_low {
                Key6 { low: from, high: to, ports: ports(from_port, to_port), scope }
            } else {
                Key6 { low: to, high: from, ports: ports(to_port, from_port), scope }
            };
            return Self { key: Key::V6(key), from_low };
        }
        let [from, to] = [from, to].map(lower);
        let from_low = (from, from_port) <= (to, to_port);
        let key = if from_low {
            Key4 { low: from, high: to, ports: ports(from_port, to_port), scope }
        } else {
            Key4 { low: to, high: from, ports: ports(to_port, from_port), scope }
        };
        Self { key: Key::V4(key), from_low }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    V4(Key4),
    V6(Key6),
}

/// 16 bytes: both addresses, both ports, and the scope's number with the protocol in its lowest bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Key4 {
    low: u32,
    high: u32,
    ports: u32,
    scope: u32,
}

impl Hash for Key4 {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let addresses = u64::from(self.low) << 32 | u64::from(self.high);
        let rest = u64::from(self.ports) << 32 | u64::from(self.scope);
        state.write_u128(u128::from(addresses) << 64 | u128::from(rest));
    }
}

/// 40 bytes, as [`Key4`]; the addresses are in halves, for a `u128` would align it to 48.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Key6 {
    low: [u64; 2],
    high: [u64; 2],
    ports: u32,
    scope: u32,
}

impl Hash for Key6 {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        for [upper, lower] in [self.low, self.high] {
            state.write_u128(u128::from(upper) << 64 | u128::from(lower));
        }
        state.write_u64(u64::from(self.ports) << 32 | u64::from(self.scope));
    }
}

/// An IPv4 address as a number.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "an IPv4 address fills the lowest 32 bits")]
const fn lower(bits: u128) -> u32 {
    bits as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Endpoint;

    #[test]
    fn keys_are_as_small_as_planned() {
        assert_eq!((size_of::<Key4>(), size_of::<Key6>()), (16, 40));
    }

    #[test]
    fn both_directions_are_one_tuple_and_nothing_else_is() {
        let end = |text: &str, port| Endpoint { address: text.parse().unwrap(), port };
        for (one, other) in [("10.0.0.1", "10.0.0.2"), ("::1", "ffff::"), ("10.0.0.1", "::1")] {
            let (a, b) = (end(one, 5), end(other, 6));
            let tuple = |protocol, from, to, scope| Tuple::new(protocol, Ends::new(from, to), scope);
            let there = tuple(Protocol::Udp, a, b, 3);
            let back = tuple(Protocol::Udp, b, a, 3);
            assert_eq!(there.key, back.key);
            assert_ne!(there.from_low, back.from_low);
            let changed = [
                tuple(Protocol::Tcp, a, b, 3),
                tuple(Protocol::Udp, a, b, 4),
                tuple(Protocol::Udp, end(one, 6), end(other, 5), 3),
                tuple(Protocol::Udp, a, end(other, 7), 3),
                tuple(Protocol::Udp, a, a, 3),
            ];
            assert!(changed.iter().all(|tuple| tuple.key != there.key));
        }
    }
}

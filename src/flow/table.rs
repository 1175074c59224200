//! From the tuple of a packet to the latest flow of that tuple.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::Side;
use super::address::{V6, halves};
use super::by_flow::{renumber, table_bytes};
use super::intern::Numbers;
use super::key::Key;
use super::record::Record;
use crate::packet::{Ends, Protocol};

/// The tuples seen, each with the number of its latest flow.
///
/// Of IPv4, the index holds nothing but that number: the tuple stands in the flow's record, which the packet needs anyway.
/// Tuples are hashed with a seed of the table's own, because addresses and ports are chosen by whoever sends the packets.
#[derive(Clone, Debug, Default)]
pub(super) struct Tuples {
    v4: HashTable<u32>,
    v6: Numbers<Key6>,
    /// Tuples of IPv4 that lead to a flow of another tuple.
    links: HashMap<Key, u32>,
    hasher: DefaultHashBuilder,
    /// The flow found last, which the next packet often belongs to.
    last: u32,
}

impl Tuples {
    /// The latest flow of the tuple, where there is one.
    #[inline]
    pub(super) fn find(&mut self, tuple: &Tuple, records: &[Record]) -> Option<u32> {
        match &tuple.key {
            Either::V4(key) => self.find_v4(key, records),
            Either::V6(key) => self.v6.find(*key),
        }
    }

    #[inline]
    fn find_v4(&mut self, key: &Key, records: &[Record]) -> Option<u32> {
        if is_of(records, self.last, key) {
            return Some(self.last);
        }
        match self.v4.find(self.hasher.hash_one(key), |flow| is_of(records, *flow, key)) {
            Some(flow) => {
                self.last = *flow;
                Some(*flow)
            }
            None if self.links.is_empty() => None,
            None => self.links.get(key).copied(),
        }
    }

    /// Makes `flow`, whose record has the tuple, the latest of it, and gives the one that was, where that has the tuple, too.
    pub(super) fn set(&mut self, tuple: &Tuple, flow: u32, records: &[Record]) -> Option<u32> {
        let key = match &tuple.key {
            Either::V4(key) => key,
            Either::V6(key) => return self.v6.set(*key, flow),
        };
        let Self { v4, links, hasher, last, .. } = self;
        *last = flow;
        links.remove(key);
        let hash = hasher.hash_one(key);
        if let Some(known) = v4.find_mut(hash, |known| is_of(records, *known, key)) {
            return Some(std::mem::replace(known, flow));
        }
        v4.insert_unique(hash, flow, |known| {
            records.get(*known as usize).map_or(0, |record| hasher.hash_one(record.key))
        });
        None
    }

    /// Keeps the tuples of flows to which `number` gives a new number, once the records have moved there.
    pub(super) fn retain(&mut self, number: impl Fn(u32) -> Option<u32>) {
        // A tuple's hash is that of its record's key, which is the same under the new number.
        self.v4.retain(|flow| renumber(flow, &number));
        self.links.retain(|_, flow| renumber(flow, &number));
        self.v6.retain(&number);
        self.last = u32::MAX;
    }

    /// The bytes that the tuples fill.
    pub(super) fn bytes(&self) -> usize {
        table_bytes::<u32>(self.v4.len()) + self.v6.bytes() + table_bytes::<(Key, u32)>(self.links.len())
    }

    /// Makes `flow`, which may be of another tuple, the latest of this one.
    pub(super) fn link(&mut self, tuple: &Tuple, flow: u32, records: &[Record]) {
        let key = match &tuple.key {
            Either::V4(key) if !is_of(records, flow, key) => key,
            _ => {
                self.set(tuple, flow, records);
                return;
            }
        };
        let hash = self.hasher.hash_one(key);
        if let Ok(known) = self.v4.find_entry(hash, |known| is_of(records, *known, key)) {
            known.remove();
        }
        self.last = u32::MAX;
        self.links.insert(*key, flow);
    }
}

/// Whether a flow's own tuple is this one.
#[inline]
fn is_of(records: &[Record], flow: u32, key: &Key) -> bool {
    records.get(flow as usize).is_some_and(|record| record.key == *key)
}

/// Protocol, scope and both ends of a packet, the same for both directions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tuple {
    key: Either,
    /// Whether the packet's sender is the lower end of the key.
    pub(super) from_low: bool,
}

impl Tuple {
    #[inline]
    pub(super) fn new(protocol: Protocol, ends: Ends, scope: u32) -> Self {
        let scope = Key::scope(scope, protocol, ends.is_v6());
        let ([from, to], [from_port, to_port]) = (ends.bits(), ends.ports());
        if ends.is_v6() {
            let from_low = (from, from_port) <= (to, to_port);
            let [from, to] = [from, to].map(halves);
            let (low, high) = if from_low { (from, to) } else { (to, from) };
            let key = Key6 { low, high, ports: ports(from_low, from_port, to_port), scope };
            return Self { key: Either::V6(key), from_low };
        }
        let [from, to] = [from, to].map(lower);
        let from_low = end(from, from_port) <= end(to, to_port);
        let (low, high) = if from_low { (from, to) } else { (to, from) };
        Self {
            key: Either::V4(Key { low, high, ports: ports(from_low, from_port, to_port), scope }),
            from_low,
        }
    }

    /// The tuple that a record keeps, by the number that its scope has here; `addresses` are those of the record's table.
    pub(super) fn of(record: &Record, addresses: &V6, scope: u32) -> Option<Self> {
        let Key { low, high, ports, .. } = record.key;
        let scope = Key::scope(scope, record.state.protocol(), record.key.is_v6());
        let key = if record.key.is_v6() {
            let [low, high] = [addresses.halves(low)?, addresses.halves(high)?];
            Either::V6(Key6 { low, high, ports, scope })
        } else {
            Either::V4(Key { low, high, ports, scope })
        };
        Some(Self { key, from_low: record.state.side(true) == Side::First })
    }

    /// The tuple as a record keeps it.
    pub(super) fn kept(&self, addresses: &mut V6) -> Key {
        match self.key {
            Either::V4(key) => key,
            Either::V6(Key6 { low, high, ports, scope }) => {
                Key { low: addresses.intern(low), high: addresses.intern(high), ports, scope }
            }
        }
    }
}

/// Both ports, the lower end's in the upper half.
#[inline]
fn ports(from_low: bool, from: u16, to: u16) -> u32 {
    let (low, high) = if from_low { (from, to) } else { (to, from) };
    u32::from(low) << 16 | u32::from(high)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Either {
    V4(Key),
    V6(Key6),
}

/// 40 bytes, as [`Key`]; the addresses are in halves, for a `u128` would align it to 48.
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

/// An IPv4 address and a port as one number, which orders as the two do.
#[inline]
fn end(address: u32, port: u16) -> u64 {
    u64::from(address) << 16 | u64::from(port)
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

    /// Whoever sends packets chooses tuples. Those that fall together by one key, which stands for a hash without one, are spread by
    /// the key that another table draws.
    #[test]
    fn tuples_that_collide_by_one_key_do_not_by_the_next() {
        const BUCKETS: u64 = 1 << 10;
        let (known, drawn) = (DefaultHashBuilder::default(), Tuples::default().hasher);
        let key = |number| Key { low: number, high: 0x5102_45A0, ports: 0xC350_01BB, scope: 0 };
        let chosen: Vec<Key> =
            (0..).map(key).filter(|key| known.hash_one(key) % BUCKETS == 0).take(400).collect();
        let fill = |hasher: &DefaultHashBuilder| {
            let mut buckets = vec![0_u32; 1 << 10];
            for key in &chosen {
                buckets[usize::try_from(hasher.hash_one(key) % BUCKETS).unwrap()] += 1;
            }
            buckets.into_iter().max()
        };
        assert_eq!(fill(&known), Some(400));
        // Of 400 that fall at random into 1,024 the fullest has seven or fewer, but for once in millions.
        assert!(fill(&drawn) <= Some(12), "{:?}", fill(&drawn));
    }

    use crate::packet::Endpoint;

    #[test]
    fn keys_are_as_small_as_planned() {
        assert_eq!((size_of::<Key>(), size_of::<Key6>()), (16, 40));
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

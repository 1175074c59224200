//! Values by number: each distinct value once, numbered from 0 in the order of first sight.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

/// Values that are few among many packets, or long compared with a number.
///
/// The index holds four bytes a value and is hashed with a seed of its own, because addresses and ports are chosen by
/// whoever sends the packets. Numbers follow the order of first sight, so nothing of the seed reaches a report.
#[derive(Clone, Debug)]
pub(super) struct Interner<T> {
    index: HashTable<u32>,
    values: Vec<T>,
    hasher: DefaultHashBuilder,
    /// What was asked for last, which the next packet often asks for again.
    last: u32,
}

impl<T: Copy + Eq + Hash> Interner<T> {
    pub(super) fn new() -> Self {
        Self { index: HashTable::new(), values: Vec::new(), hasher: DefaultHashBuilder::default(), last: 0 }
    }

    /// The number of `value`, a new one where it is new.
    #[inline]
    pub(super) fn intern(&mut self, value: T) -> u32 {
        if self.get(self.last) == Some(value) {
            return self.last;
        }
        let hash = self.hasher.hash_one(value);
        self.last = match self.index.find(hash, |&number| self.get(number) == Some(value)) {
            Some(&number) => number,
            None => self.insert(hash, value),
        };
        self.last
    }

    /// The number of `value`, where it has one.
    pub(super) fn find(&self, value: T) -> Option<u32> {
        self.index.find(self.hasher.hash_one(value), |&number| self.get(number) == Some(value)).copied()
    }

    /// The value of a number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<T> {
        self.values.get(number as usize).copied()
    }

    fn insert(&mut self, hash: u64, value: T) -> u32 {
        let Self { index, values, hasher, .. } = self;
        // Four thousand million values do not fit into memory.
        let number = u32::try_from(values.len()).unwrap_or(u32::MAX);
        values.push(value);
        let rehash = |&number: &u32| values.get(number as usize).map_or(0, |value| hasher.hash_one(value));
        index.insert_unique(hash, number, rehash);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_first_sight_and_stay() {
        let mut interner = Interner::new();
        for round in 0..2 {
            for value in 0..10_000_u32 {
                assert_eq!(interner.intern(value * 7), value, "round {round}");
            }
        }
        assert_eq!((interner.find(14), interner.find(15)), (Some(2), None));
        assert_eq!((interner.get(3), interner.get(10_000)), (Some(21), None));
    }
}

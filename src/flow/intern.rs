//! Numbers for values: from a value to its number, and back.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

/// From keys to numbers. Both are kept in the index itself: a look-up touches two places in memory, and it is memory that
/// looking up waits for.
///
/// Keys are hashed with a seed of the table's own, because addresses and ports are chosen by whoever sends the packets.
#[derive(Clone, Debug)]
pub(super) struct Numbers<K> {
    entries: HashTable<Entry<K>>,
    hasher: DefaultHashBuilder,
    /// What was found last, which the next packet often asks for again.
    last: Option<Entry<K>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry<K> {
    key: K,
    number: u32,
}

impl<K: Copy + Eq + Hash> Numbers<K> {
    pub(super) fn new() -> Self {
        Self { entries: HashTable::new(), hasher: DefaultHashBuilder::default(), last: None }
    }

    /// The number of a key, where it has one.
    #[inline]
    pub(super) fn find(&mut self, key: K) -> Option<u32> {
        if let Some(last) = self.last
            && last.key == key
        {
            return Some(last.number);
        }
        let found = self.entry(key).copied();
        self.last = found.or(self.last);
        found.map(|entry| entry.number)
    }

    /// The same, without remembering it.
    pub(super) fn peek(&self, key: K) -> Option<u32> {
        self.entry(key).map(|entry| entry.number)
    }

    /// Gives a key a number, in place of the one that it has.
    pub(super) fn set(&mut self, key: K, number: u32) {
        let Self { entries, hasher, last } = self;
        let hash = hasher.hash_one(key);
        entries
            .entry(hash, |entry| entry.key == key, |entry| hasher.hash_one(entry.key))
            .and_modify(|entry| entry.number = number)
            .or_insert(Entry { key, number });
        *last = Some(Entry { key, number });
    }

    #[inline]
    fn entry(&self, key: K) -> Option<&Entry<K>> {
        self.entries.find(self.hasher.hash_one(key), |entry| entry.key == key)
    }
}

/// Values that are few among many packets, numbered from 0 in the order of first sight, so that nothing of the hasher's
/// seed reaches a report.
#[derive(Clone, Debug)]
pub(super) struct Interner<T> {
    numbers: Numbers<T>,
    values: Vec<T>,
}

impl<T: Copy + Eq + Hash> Interner<T> {
    pub(super) fn new() -> Self {
        Self { numbers: Numbers::new(), values: Vec::new() }
    }

    /// The number of `value`, a new one where it is new.
    #[inline]
    pub(super) fn intern(&mut self, value: T) -> u32 {
        match self.numbers.find(value) {
            Some(number) => number,
            None => self.insert(value),
        }
    }

    /// The number of `value`, where it has one.
    pub(super) fn find(&self, value: T) -> Option<u32> {
        self.numbers.peek(value)
    }

    /// The value of a number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<T> {
        self.values.get(number as usize).copied()
    }

    #[cold]
    fn insert(&mut self, value: T) -> u32 {
        // Four thousand million values do not fit into memory.
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value);
        self.numbers.set(value, number);
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

    #[test]
    fn the_last_number_set_counts() {
        let mut numbers = Numbers::new();
        numbers.set('a', 1);
        numbers.set('b', 2);
        numbers.set('a', 3);
        assert_eq!(
            (numbers.find('a'), numbers.find('a'), numbers.find('c'), numbers.find('a')),
            (Some(3), Some(3), None, Some(3))
        );
        assert_eq!((numbers.peek('b'), numbers.peek('c')), (Some(2), None));
    }
}

//! Numbers for values: from a value to its number, and back.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::by_flow::{renumber, table_bytes};

/// From keys to numbers.
///
/// The index holds four bytes a key, so that growing it moves little. Keys are hashed with a seed of the table's own,
/// because addresses and ports are chosen by whoever sends the packets.
#[derive(Clone, Debug)]
pub(super) struct Numbers<K> {
    /// Places among the entries.
    index: HashTable<u32>,
    entries: Vec<Entry<K>>,
    hasher: DefaultHashBuilder,
    /// The place found last, which the next packet often asks for again.
    last: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry<K> {
    key: K,
    number: u32,
}

impl<K> Default for Numbers<K> {
    fn default() -> Self {
        Self { index: HashTable::new(), entries: Vec::new(), hasher: DefaultHashBuilder::default(), last: 0 }
    }
}

impl<K: Copy + Eq + Hash> Numbers<K> {
    /// The number of a key, where it has one.
    #[inline]
    pub(super) fn find(&mut self, key: K) -> Option<u32> {
        if let Some(last) = self.entries.get(self.last)
            && last.key == key
        {
            return Some(last.number);
        }
        self.last = self.place(key)?;
        self.entries.get(self.last).map(|entry| entry.number)
    }

    /// The same, without remembering it.
    pub(super) fn peek(&self, key: K) -> Option<u32> {
        self.entries.get(self.place(key)?).map(|entry| entry.number)
    }

    /// Gives a key a number, in place of the one that it has, which is returned.
    pub(super) fn set(&mut self, key: K, number: u32) -> Option<u32> {
        if let Some(entry) = self.place(key).and_then(|place| self.entries.get_mut(place)) {
            return Some(std::mem::replace(&mut entry.number, number));
        }
        let place = self.len();
        let Self { index, entries, hasher, last } = self;
        *last = entries.len();
        entries.push(Entry { key, number });
        index.insert_unique(hasher.hash_one(key), place, |place| {
            entries.get(*place as usize).map_or(0, |entry| hasher.hash_one(entry.key))
        });
        None
    }

    /// Keeps the keys to whose number `new` gives another, with that.
    pub(super) fn retain(&mut self, new: impl Fn(u32) -> Option<u32>) {
        let Self { index, entries, hasher, last } = self;
        entries.retain_mut(|entry| renumber(&mut entry.number, &new));
        index.clear();
        for (place, entry) in (0..).zip(entries.iter()) {
            index.insert_unique(hasher.hash_one(entry.key), place, |place| {
                entries.get(*place as usize).map_or(0, |entry| hasher.hash_one(entry.key))
            });
        }
        *last = 0;
    }

    /// The bytes that the keys fill.
    pub(super) fn bytes(&self) -> usize {
        self.entries.len() * size_of::<Entry<K>>() + table_bytes::<u32>(self.entries.len())
    }

    /// The key that was the `place`th to get a number, from 0.
    #[inline]
    pub(super) fn key(&self, place: u32) -> Option<K> {
        self.entries.get(place as usize).map(|entry| entry.key)
    }

    /// How many keys there are. Four thousand million do not fit into memory.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    #[inline]
    fn place(&self, key: K) -> Option<usize> {
        let is_at = |place: &u32| self.entries.get(*place as usize).is_some_and(|entry| entry.key == key);
        self.index.find(self.hasher.hash_one(key), is_at).map(|place| *place as usize)
    }
}

/// Values that are few among many packets, numbered from 0 in the order of first sight, so that nothing of the hasher's
/// seed reaches a report.
#[derive(Clone, Debug)]
pub(super) struct Interner<T>(Numbers<T>);

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self(Numbers::default())
    }
}

impl<T: Copy + Eq + Hash> Interner<T> {
    /// The number of `value`, a new one where it is new.
    #[inline]
    pub(super) fn intern(&mut self, value: T) -> u32 {
        match self.0.find(value) {
            Some(number) => number,
            None => self.insert(value),
        }
    }

    /// The number of `value`, where it has one.
    pub(super) fn find(&self, value: T) -> Option<u32> {
        self.0.peek(value)
    }

    /// The value of a number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<T> {
        self.0.key(number)
    }

    /// All values in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = T> {
        (0..self.len()).map_while(|number| self.get(number))
    }

    /// The bytes that the values fill.
    pub(super) fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// How many values there are.
    pub(super) fn len(&self) -> u32 {
        self.0.len()
    }

    #[cold]
    fn insert(&mut self, value: T) -> u32 {
        let number = self.0.len();
        self.0.set(value, number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_first_sight_and_stay() {
        let mut interner = Interner::default();
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
        let mut numbers = Numbers::default();
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

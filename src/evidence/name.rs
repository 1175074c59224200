//! Names, each kept once.
//!
//! Input: host names as they are seen. Output: a small number for each, and the text again for the report.
//! Must not: judge a name, or grow without bound: past [`Names::MAX`] names, new ones are counted and not kept.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::flow::table_bytes;
use crate::wire::Hostname;

/// A name kept in [`Names`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NameId(u32);

impl NameId {
    /// Its number: from 0, without gaps.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

/// The names seen so far, over one text.
#[derive(Clone, Default, Debug)]
pub struct Names {
    hasher: DefaultHashBuilder,
    index: HashTable<u32>,
    text: String,
    ends: Vec<usize>,
    refused: u64,
}

impl Names {
    /// How many different names are kept. At 253 bytes each that is 265 MB at the very worst, 25 MB at usual lengths.
    pub const MAX: usize = 1 << 20;

    /// The number of `name`, new or known; `None` where the store is full.
    pub fn intern(&mut self, name: &Hostname) -> Option<NameId> {
        self.intern_text(name.as_str())
    }

    fn intern_text(&mut self, name: &str) -> Option<NameId> {
        let hash = self.hasher.hash_one(name);
        let known = self.index.find(hash, |&id| self.slice(id) == name);
        if let Some(&id) = known {
            return Some(NameId(id));
        }
        let Some(id) = u32::try_from(self.ends.len()).ok().filter(|_| self.ends.len() < Self::MAX) else {
            self.refused += 1;
            return None;
        };
        self.text.push_str(name);
        self.ends.push(self.text.len());
        let Self { hasher, index, text, ends, .. } = self;
        index.insert_unique(hash, id, |&id| hasher.hash_one(slice(text, ends, id)));
        Some(NameId(id))
    }

    /// The bytes that the names fill.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + size_of_val(self.ends.as_slice()) + table_bytes::<u32>(self.ends.len())
    }

    /// Whether all names of `next` can be kept beside these.
    pub(super) fn has_room_for(&self, next: &Self) -> bool {
        self.ends.len().saturating_add(next.ends.len()) < Self::MAX
    }

    /// Takes over the names of another store: their numbers here, in the order of their numbers there.
    pub(super) fn append(&mut self, next: &Self) -> Vec<NameId> {
        (0..).zip(&next.ends).filter_map(|(id, _)| self.intern_text(next.slice(id))).collect()
    }

    /// The text of a name.
    #[must_use]
    pub fn text(&self, id: NameId) -> &str {
        self.slice(id.0)
    }

    /// All of them, in order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..).zip(&self.ends).map(|(id, _)| self.slice(id))
    }

    /// How many names could not be kept because the store was full.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn slice(&self, id: u32) -> &str {
        slice(&self.text, &self.ends, id)
    }
}

fn slice<'a>(text: &'a str, ends: &[usize], id: u32) -> &'a str {
    let at = id as usize;
    let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    let end = ends.get(at).copied().unwrap_or(start);
    text.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number() {
        let mut names = Names::default();
        let host = |text: &str| Hostname::parse(text.as_bytes()).unwrap();
        let ids: Vec<_> = (0..3000).map(|i| names.intern(&host(&format!("h{i}.zoom.us"))).unwrap()).collect();
        assert_eq!(names.intern(&host("H7.zoom.us")), Some(ids[7]));
        assert_eq!(names.text(ids[2999]), "h2999.zoom.us");
        assert_eq!(names.text(ids[0]), "h0.zoom.us");
        assert_eq!(names.refused(), 0);
    }
}

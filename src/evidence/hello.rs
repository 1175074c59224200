//! Hellos of clients, each kept once: of millions of flows, thousands have the same one beside the server's name.
//!
//! Input: hellos as they are read. Output: the same, shared. Must not: keep one that no fact has any more.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::evidence::fact::{Hello, PER_PIECE};
use crate::flow::table_bytes;

/// The hellos that facts share.
#[derive(Default, Debug)]
pub(super) struct Hellos {
    all: HashTable<Arc<Hello>>,
    hasher: DefaultHashBuilder,
    /// The bytes that they hold.
    held: usize,
}

impl Hellos {
    /// The hello as it is kept, new or known.
    pub(super) fn share(&mut self, mut hello: Hello) -> Arc<Hello> {
        let Self { all, hasher, held } = self;
        let hash = hasher.hash_one(&hello);
        if let Some(known) = all.find(hash, |known| **known == hello) {
            return Arc::clone(known);
        }
        hello.offer.shrink();
        *held += bytes(&hello);
        let hello = Arc::new(hello);
        all.insert_unique(hash, Arc::clone(&hello), |known| hasher.hash_one(&**known));
        hello
    }

    /// Forgets those that no fact has any more.
    pub(super) fn forget_unused(&mut self) {
        let Self { all, held, .. } = self;
        all.retain(|hello| {
            let is_used = Arc::strong_count(hello) > 1;
            *held = held.saturating_sub(if is_used { 0 } else { bytes(hello) });
            is_used
        });
    }

    /// The bytes that they fill.
    pub(super) fn bytes(&self) -> usize {
        self.held + table_bytes::<Arc<Hello>>(self.all.len())
    }
}

/// The bytes of one, with the counts beside it and what the allocator takes for its three pieces.
fn bytes(hello: &Hello) -> usize {
    size_of::<Hello>() + hello.alpn.len() + hello.offer.bytes() + 2 * size_of::<usize>() + 3 * PER_PIECE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::HelloName;
    use crate::flow::Side;
    use crate::wire::tls::Offer;

    #[test]
    fn equal_hellos_are_one_and_go_with_the_last_fact() {
        let hello = |alpn: &str| Hello {
            from: Side::First,
            version: 0x0304,
            alpn: alpn.into(),
            ech: false,
            resumes: false,
            name: HelloName::Read,
            offer: Offer::default(),
        };
        let mut hellos = Hellos::default();
        let (one, same, other) =
            (hellos.share(hello("h2")), hellos.share(hello("h2")), hellos.share(hello("")));
        assert!(Arc::ptr_eq(&one, &same) && one != other);
        let both = hellos.bytes();
        drop(other);
        hellos.forget_unused();
        assert!(hellos.bytes() < both && hellos.bytes() > 0);
        drop((one, same));
        hellos.forget_unused();
        assert_eq!(hellos.bytes(), 0);
    }
}

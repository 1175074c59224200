//! A message that comes in pieces, put in order: CRYPTO frames of QUIC (RFC 9000 section 19.6), fragments of DTLS (RFC 6347
//! section 4.2.3).
//!
//! Input: pieces with their offsets, in any order, twice or overlapping. Output: the bytes from 0 to the
//! first gap. Where two pieces contradict each other, what reached the front first stands. Must not: hold
//! more than [`tls::MAX_HELLO`] bytes before the first gap, and as many behind it.

use std::collections::BTreeMap;

use crate::wire::tls;

/// Handshake bytes in the making.
#[derive(Default)]
pub(crate) struct Pieces {
    front: Vec<u8>,
    /// Pieces behind a gap, by offset.
    behind: BTreeMap<usize, Box<[u8]>>,
    /// Bytes held in `behind`.
    held: usize,
}

impl Pieces {
    /// The bytes from the stream's beginning to the first gap.
    pub(crate) fn front(&self) -> &[u8] {
        &self.front
    }

    /// Takes the piece at `offset`. A piece that would exceed the bounds is dropped.
    pub(crate) fn insert(&mut self, offset: u64, data: &[u8]) {
        let Ok(offset) = usize::try_from(offset) else { return };
        let Some(end) = offset.checked_add(data.len()).filter(|&end| end <= MAX_BYTES) else { return };
        if end <= self.front.len() {
            return;
        }
        if offset > self.front.len() {
            self.keep(offset, data);
            return;
        }
        self.extend(offset, data);
        while let Some(piece) = self.behind.first_entry().filter(|piece| *piece.key() <= self.front.len()) {
            let (offset, data) = piece.remove_entry();
            self.held = self.held.saturating_sub(data.len());
            self.extend(offset, &data);
        }
    }

    fn extend(&mut self, offset: usize, data: &[u8]) {
        let known = self.front.len().saturating_sub(offset);
        self.front.extend_from_slice(data.get(known..).unwrap_or_default());
    }

    fn keep(&mut self, offset: usize, data: &[u8]) {
        let known = self.behind.get(&offset).map_or(0, |piece| piece.len());
        let held = self.held.saturating_sub(known).saturating_add(data.len());
        if data.len() <= known || held > MAX_BYTES {
            return;
        }
        self.held = held;
        self.behind.insert(offset, data.into());
    }
}

/// Most bytes of the stream: a hello with its head.
const MAX_BYTES: usize = tls::MAX_HELLO + 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pieces_join_in_any_order() {
        let mut pieces = Pieces::default();
        pieces.insert(4, b"efgh");
        pieces.insert(2, b"cd");
        assert_eq!(pieces.front(), b"");
        pieces.insert(0, b"abc");
        assert_eq!(pieces.front(), b"abcdefgh");
        assert_eq!(pieces.held, 0);
    }

    #[test]
    fn what_came_first_stands() {
        let mut pieces = Pieces::default();
        pieces.insert(0, b"abc");
        pieces.insert(1, b"XYZ");
        assert_eq!(pieces.front(), b"abcZ");
    }

    #[test]
    fn memory_is_bounded() {
        let mut pieces = Pieces::default();
        for offset in 1..3000 {
            pieces.insert(offset, &[0; 1000]);
            pieces.insert(offset << 40, &[0; 1000]);
        }
        assert!(pieces.held <= MAX_BYTES);
        assert_eq!(pieces.held, pieces.behind.values().map(|piece| piece.len()).sum::<usize>());
        pieces.insert(u64::MAX, b"x");
        pieces.insert(0, &vec![7; MAX_BYTES + 1]);
        assert_eq!(pieces.front(), b"");
    }

    proptest! {
        #[test]
        fn any_cover_of_the_stream_gives_the_stream(
            whole in prop::collection::vec(any::<u8>(), 1..400),
            cuts in prop::collection::vec((0usize..400, 1usize..80), 0..40),
        ) {
            let mut pieces = Pieces::default();
            for (at, length) in cuts {
                let at = at.min(whole.len());
                pieces.insert(at as u64, &whole[at..(at + length).min(whole.len())]);
                prop_assert!(whole.starts_with(pieces.front()));
            }
            pieces.insert(0, &whole);
            prop_assert_eq!(pieces.front(), &whole[..]);
        }
    }
}

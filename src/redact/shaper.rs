//! A copy of some bytes that begins as zeros and ends at the last byte that a rule kept.
//!
//! Input: bytes, and which of them are kept or replaced. Output: as many bytes as reach to the last of those. Must not: copy
//! a byte that nobody asked for, or reach behind the end of what there is.

/// A copy under way.
pub(super) struct Shaper<'a> {
    from: &'a [u8],
    out: Vec<u8>,
    end: usize,
}

impl<'a> Shaper<'a> {
    /// Nothing of `from` is kept yet.
    pub(super) fn new(from: &'a [u8]) -> Self {
        Self { from, out: vec![0; from.len()], end: 0 }
    }

    /// The original.
    pub(super) const fn original(&self) -> &'a [u8] {
        self.from
    }

    /// How many bytes of the original there are.
    pub(super) const fn len(&self) -> usize {
        self.from.len()
    }

    /// Keeps `count` bytes as they are, as far as they are there.
    pub(super) fn keep(&mut self, at: usize, count: usize) {
        let from = self.from;
        let end = at.saturating_add(count).min(from.len());
        if let Some(kept) = from.get(at..end) {
            self.put(at, kept);
        }
    }

    /// Keeps the room of `count` bytes, as zeros.
    pub(super) fn hold(&mut self, at: usize, count: usize) {
        self.end = self.end.max(at.saturating_add(count).min(self.from.len()));
    }

    /// Puts other bytes in the place of those there, as far as there are any.
    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) {
        let room = self.out.get_mut(at..).unwrap_or_default();
        let count = room.len().min(bytes.len());
        room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        if count > 0 {
            self.hold(at, count);
        }
    }

    /// A byte of the original.
    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.from.get(at).copied()
    }

    /// A number of two bytes of the original.
    pub(super) fn short(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// Some bytes of the original.
    pub(super) fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.from.get(at..)?.first_chunk().copied()
    }

    /// Where the last kept byte ends.
    pub(super) const fn end(&self) -> usize {
        self.end
    }

    /// What was made so far, zeros behind the last kept byte.
    pub(super) fn made(&self) -> &[u8] {
        &self.out
    }

    /// The copy, up to the last byte that is kept.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.out.truncate(self.end);
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_keeps_is_not_there() {
        let mut shaper = Shaper::new(b"abcdefgh");
        shaper.keep(1, 2);
        shaper.put(4, b"X");
        assert_eq!((shaper.byte(7), shaper.short(7), shaper.array(6)), (Some(b'h'), None, Some(*b"gh")));
        assert_eq!(shaper.finish(), b"\0bc\0X");
        let mut shaper = Shaper::new(b"abc");
        shaper.keep(2, 99);
        shaper.keep(99, 1);
        shaper.put(99, b"x");
        assert_eq!(shaper.finish(), b"\0\0c");
    }
}

//! The bytes of one input, unpacked on the way, seen through one reused buffer.
//!
//! Input: the stored bytes. Output: slices of the unpacked bytes. The buffer grows only for a record that is larger
//! than it, and only as the bytes really arrive. Must not: know a file format.

use super::ahead::Ahead;
use super::feed::Feed;
use super::packed::{Limits, Packed};
use super::stored::{Failure, Stored};
use super::summary::{Compression, Fault, READ_ERROR, TRUNCATED, WAITING};

/// Where the buffer's bytes come from.
enum Stream {
    Packed(Box<Ahead>),
    Plain(Stored),
}

impl Stream {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Failure> {
        match self {
            Self::Packed(packed) => packed.read(into),
            Self::Plain(stored) => stored.read(into),
        }
    }
}

/// How the bytes ended.
enum Ending {
    Clean,
    Failed(Failure),
}

/// The unpacked bytes, through one buffer.
pub(super) struct Input {
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Where the buffer begins, in bytes of the unpacked input.
    before: u64,
    ending: Option<Ending>,
    /// Whether the bytes did not come that were wanted last, and still may.
    is_waiting: bool,
}

impl Input {
    pub(super) fn new(stored: Stored) -> Self {
        Self::over(Stream::Plain(stored))
    }

    /// The rest of an input, from a place in it on.
    pub(super) fn from(stored: Stored, offset: u64) -> Self {
        Self { before: offset, ..Self::new(stored) }
    }

    fn over(stream: Stream) -> Self {
        Self {
            stream,
            buffer: vec![0; CAPACITY],
            start: 0,
            end: 0,
            before: 0,
            ending: None,
            is_waiting: false,
        }
    }

    /// The same input, unpacked; where `beside`, a long one on a thread of its own. Only for an input of which nothing was
    /// taken yet.
    pub(super) fn unfold(self, compression: Compression, limits: Limits, beside: bool) -> Self {
        match self.stream {
            packed @ Stream::Packed(_) => Self::over(packed),
            Stream::Plain(stored) => {
                let feed = Feed::new(stored, self.buffer, self.start, self.end);
                let packed = Packed::new(compression, feed, limits);
                Self::over(Stream::Packed(Box::new(Ahead::new(packed, beside))))
            }
        }
    }

    /// Whether so many bytes can be seen; reads them where they are not there yet.
    #[inline]
    pub(super) fn ensure(&mut self, wanted: usize) -> bool {
        self.available() >= wanted || self.fill(wanted)
    }

    /// The bytes that are there and not taken.
    #[inline]
    pub(super) fn peek(&self) -> &[u8] {
        self.seen().unwrap_or_default()
    }

    /// The same, for who goes another way where there are none.
    #[inline]
    pub(super) fn seen(&self) -> Option<&[u8]> {
        self.buffer.get(self.start..self.end)
    }

    /// Takes so many of them (all, if there are fewer), and says where they begin in the buffer.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> usize {
        let at = self.start;
        self.start = at.saturating_add(count).min(self.end);
        at
    }

    /// Bytes that were taken; they stay where they are until the next `ensure`.
    #[inline]
    pub(super) fn slice(&self, at: usize, len: usize) -> &[u8] {
        self.buffer.get(at..).and_then(|rest| rest.get(..len)).unwrap_or_default()
    }

    /// How many unpacked bytes were taken.
    #[inline]
    pub(super) fn offset(&self) -> u64 {
        self.before.saturating_add(self.start as u64)
    }

    #[inline]
    fn available(&self) -> usize {
        // `start` never passes `end`.
        self.end.saturating_sub(self.start)
    }

    /// Why the bytes ended, where they did not simply end.
    pub(super) fn failure(&self) -> Option<&Failure> {
        match &self.ending {
            Some(Ending::Failed(failure)) => Some(failure),
            _ => None,
        }
    }

    /// Whether what `ensure` did not find since the last call of [`Input::ask_again`] may still come.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// What did not come before is asked for again.
    pub(super) fn ask_again(&mut self) {
        self.is_waiting = false;
    }

    /// Whether the input is sound and used up. Asked after `ensure` said no.
    pub(super) fn is_at_end(&self) -> bool {
        self.available() == 0 && self.failure().is_none()
    }

    /// The damage of something at `offset` that `ensure` did not find whole.
    pub(super) fn cut(&self, offset: u64, what: &str, wanted: usize) -> Fault {
        if let Some(failure) = self.failure() {
            return Fault::at(offset, failure.kind, failure.what.clone());
        }
        Fault::at(offset, TRUNCATED, format!("{what} of {wanted} bytes ends after {}", self.available()))
    }

    /// How many stored bytes were read.
    pub(super) fn count(&self) -> u64 {
        match &self.stream {
            Stream::Packed(packed) => packed.count(),
            Stream::Plain(stored) => stored.count(),
        }
    }

    /// Reads the stored bytes to their end, for their hash and their number.
    pub(super) fn drain(&mut self) -> Result<(), Failure> {
        if self.failure().is_some_and(|failure| failure.kind == READ_ERROR) {
            return Ok(()); // known already, and reading on may never end
        }
        match &mut self.stream {
            Stream::Packed(packed) => packed.drain(&mut self.buffer),
            Stream::Plain(stored) => stored.drain(&mut self.buffer),
        }
    }

    /// How many stored bytes were read, and their hash.
    pub(super) fn finish(self) -> (u64, Option<String>) {
        let stored = match self.stream {
            Stream::Packed(packed) => packed.into_stored(),
            Stream::Plain(stored) => Some(stored),
        };
        stored.map_or((0, None), Stored::finish)
    }

    #[cold]
    fn fill(&mut self, wanted: usize) -> bool {
        self.compact(wanted);
        while self.available() < wanted {
            if self.ending.is_some() {
                return false;
            }
            if self.end == self.buffer.len() {
                // All that there is has arrived, so doubling is never more than twice what is real.
                self.buffer.resize(wanted.min(self.buffer.len() * 2), 0);
            }
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.stream.read(room) {
                Ok(0) => self.ending = Some(Ending::Clean),
                Ok(read) => self.end += read,
                Err(failure) if failure.kind == WAITING => {
                    self.is_waiting = true;
                    return false;
                }
                Err(failure) => self.ending = Some(Ending::Failed(failure)),
            }
        }
        true
    }

    /// Moves the unread tail to the front, and gives back what a large record needed. Not while there is room enough
    /// for a good read: bytes that come in small portions would else be moved for each.
    fn compact(&mut self, wanted: usize) {
        let room = self.buffer.len().saturating_sub(self.end);
        if room >= CAPACITY / 2 && self.buffer.len().saturating_sub(self.start) >= wanted {
            return;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.before = self.offset();
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() > CAPACITY && wanted.max(self.end) <= CAPACITY {
            self.buffer.truncate(CAPACITY);
            self.buffer.shrink_to_fit();
        }
    }
}

/// The size of the buffer in bytes: it stays in a core's second-level cache.
pub(super) const CAPACITY: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::super::hash::Hash;
    use super::*;
    use std::io::Cursor;

    fn input(bytes: Vec<u8>) -> Input {
        Input::new(Stored::new(Box::new(Cursor::new(bytes)), Some(Hash::new(true))))
    }

    #[test]
    fn a_lying_length_allocates_no_more_than_twice_what_arrives() {
        let mut input = input(vec![7; 300_000]);
        assert!(!input.ensure(100 * CAPACITY));
        assert_eq!(input.peek().len(), 300_000);
        assert!(input.buffer.capacity() <= 2 * CAPACITY);
    }

    #[test]
    fn a_large_record_is_given_back() {
        let mut input = input(vec![7; 5 * CAPACITY]);
        assert!(input.ensure(3 * CAPACITY + 1));
        input.take(3 * CAPACITY + 1);
        assert!(input.ensure(100));
        assert_eq!(input.buffer.capacity(), CAPACITY);
        assert_eq!(input.offset(), 3 * CAPACITY as u64 + 1);
        assert_eq!(input.drain().map_err(|failure| failure.what), Ok(()));
        assert_eq!(input.count(), 5 * CAPACITY as u64);
    }

    #[test]
    fn the_hash_is_that_of_the_stored_bytes() {
        let mut input = input(b"abc".to_vec());
        assert!(input.ensure(3) && !input.ensure(4) && !input.is_at_end());
        let (count, hash) = input.finish();
        assert_eq!(count, 3);
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.as_deref(), Some(expected));
    }
}

//! The bytes of one direction that are not read yet, with the frame and time that each came in.
//!
//! Input: pieces in order. Output: the front of what is left. Must not: know what the bytes mean.

use std::collections::VecDeque;

use crate::frame::{FrameRef, Timestamp};

/// When and in which frame bytes were captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct At {
    /// The frame; of bytes out of a record that spans several, the last of them.
    pub frame: FrameRef,
    /// Its time.
    pub time: Timestamp,
}

/// Bytes waiting to be read.
#[derive(Default, Debug)]
pub(crate) struct Queue {
    bytes: Vec<u8>,
    /// Bytes at the front of `bytes` that are done with.
    start: usize,
    /// Where the pieces end, in bytes since the beginning, and when they came.
    marks: VecDeque<(u64, At)>,
    /// Bytes done with since the beginning.
    taken: u64,
}

impl Queue {
    /// Adds the next piece.
    pub(crate) fn push(&mut self, bytes: &[u8], at: At) {
        if bytes.is_empty() {
            return;
        }
        if self.start > 0 && self.start >= self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
        let end = self.taken.saturating_add(self.front().len() as u64);
        match self.marks.back_mut() {
            Some((last, when)) if *when == at => *last = end,
            _ => self.marks.push_back((end, at)),
        }
    }

    /// The bytes of memory that it takes.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity() + self.marks.capacity() * size_of::<(u64, At)>()
    }

    /// What is left.
    pub(crate) fn front(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// When the byte at this place of the front came; of a place behind it, the last one.
    pub(crate) fn at(&self, index: usize) -> Option<At> {
        let place = self.taken.saturating_add(index as u64);
        let mark = self.marks.partition_point(|&(end, _)| end <= place);
        self.marks.get(mark).or_else(|| self.marks.back()).map(|&(_, at)| at)
    }

    /// How many bytes at the front came at once, and when.
    pub(crate) fn piece(&self) -> Option<(usize, At)> {
        let &(end, at) = self.marks.front()?;
        Some((usize::try_from(end.saturating_sub(self.taken)).ok()?, at))
    }

    /// Takes so many bytes off the front.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.front().len());
        self.start += count;
        self.taken = self.taken.saturating_add(count as u64);
        while self.marks.front().is_some_and(|&(end, _)| end <= self.taken) {
            self.marks.pop_front();
        }
        if self.front().is_empty() {
            self.bytes.clear();
            self.start = 0;
            if self.bytes.capacity() > SPARE {
                self.bytes.shrink_to(SPARE);
            }
            if self.marks.capacity() > SPARE_MARKS {
                self.marks.shrink_to(SPARE_MARKS);
            }
        }
    }

    /// Takes everything off; how many bytes that were.
    pub(crate) fn clear(&mut self) -> u64 {
        let count = self.front().len();
        self.consume(count);
        count as u64
    }
}

/// Room that an empty queue keeps.
const SPARE: usize = 64 << 10;
/// The same for the places where pieces end.
const SPARE_MARKS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64) -> At {
        At { frame: FrameRef::new(0, number), time: Timestamp::from_nanos(number.cast_signed()) }
    }

    #[test]
    fn bytes_know_when_they_came() {
        let mut queue = Queue::default();
        queue.push(b"ab", at(1));
        queue.push(b"", at(2));
        queue.push(b"cd", at(3));
        queue.push(b"e", at(3));
        assert_eq!(queue.front(), b"abcde");
        assert_eq!(
            (queue.at(0), queue.at(1), queue.at(2), queue.at(9)),
            (Some(at(1)), Some(at(1)), Some(at(3)), Some(at(3)))
        );
        queue.consume(3);
        queue.push(b"f", at(4));
        assert_eq!((queue.front(), queue.at(0), queue.at(2)), (&b"def"[..], Some(at(3)), Some(at(4))));
        assert_eq!(queue.clear(), 3);
        assert_eq!((queue.front(), queue.at(0)), (&b""[..], None));
    }
}

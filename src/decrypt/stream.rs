//! One direction of a TCP connection, in order and whole (RFC 9293), for as long as it lasts.
//!
//! Input: segments as they were captured. Output: their bytes in order, each once, and where bytes are missing that will not come.
//! The first copy counts. Must not: hold more than [`MAX_HELD`] bytes.

/// The most that is held of one direction while something before it is missing, in bytes. What is held behind is then gone on
/// with: a sender has rarely more under way, and of what a capture lost nothing will come.
const MAX_HELD: usize = 1 << 20;
/// The same in segments.
const MAX_SEGMENTS: usize = 1024;

/// One direction of a connection.
#[derive(Default)]
pub(super) struct Stream {
    /// The sequence number of the next byte; `None` before it is known where the stream begins.
    next: Option<u32>,
    /// Segments behind something that is missing, by their distance from the next byte.
    held: Vec<Held>,
    held_bytes: usize,
    /// Where it ends, once that was said.
    end: Option<u32>,
}

struct Held {
    seq: u32,
    /// How long it was on the wire.
    len: u32,
    bytes: Vec<u8>,
}

/// A part of the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part<'a> {
    /// Bytes of one segment.
    Bytes(&'a [u8]),
    /// Bytes that were cut off by the snap length.
    Cut(u32),
    /// Bytes of which the capture has nothing.
    Lost(u32),
}

impl Stream {
    /// The stream begins with that sequence number, unless it has begun.
    pub(super) fn begin(&mut self, seq: u32) {
        self.next.get_or_insert(seq);
    }

    /// The sender has no more behind that sequence number.
    pub(super) fn end(&mut self, seq: u32) {
        self.end = Some(seq);
    }

    /// Whether all was given that the sender said it would send.
    pub(super) fn is_over(&self) -> bool {
        self.end.is_some() && self.end == self.next
    }

    /// How many bytes are held.
    pub(super) fn bytes(&self) -> usize {
        self.held_bytes + self.held.capacity() * size_of::<Held>()
    }

    /// Takes a segment that was `len` bytes long and captured as `bytes`; gives what is now in order.
    pub(super) fn push(&mut self, seq: u32, len: u32, bytes: &[u8], take: &mut dyn FnMut(Part<'_>)) {
        let Some(next) = self.next else { return };
        if distance(next, seq) > 0 {
            self.hold(Held { seq, len, bytes: bytes.to_vec() });
            while self.held_bytes > MAX_HELD || self.held.len() > MAX_SEGMENTS {
                self.skip(take);
            }
            return;
        }
        self.give(seq, len, bytes, take);
        if !self.held.is_empty() {
            self.give_held(take);
        }
    }

    /// No more segments will come: gives what is held.
    pub(super) fn finish(&mut self, take: &mut dyn FnMut(Part<'_>)) {
        while !self.held.is_empty() {
            self.skip(take);
        }
    }

    /// Gives what is new of a segment that does not begin behind the next byte.
    fn give(&mut self, seq: u32, len: u32, bytes: &[u8], take: &mut dyn FnMut(Part<'_>)) {
        let Some(next) = self.next else { return };
        let old = next.wrapping_sub(seq);
        let Some(new) = len.checked_sub(old).filter(|new| *new > 0) else { return };
        let bytes = bytes.get(old as usize..).unwrap_or_default();
        self.next = Some(next.wrapping_add(new));
        if !bytes.is_empty() {
            take(Part::Bytes(bytes));
        }
        // What a frame holds of a payload is at most its length.
        let missing = new.saturating_sub(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        if missing > 0 {
            take(Part::Cut(missing));
        }
    }

    fn hold(&mut self, held: Held) {
        let next = self.next.unwrap_or(0);
        let ahead = distance(next, held.seq);
        let place = self.held.partition_point(|other| distance(next, other.seq) <= ahead);
        self.held_bytes += held.bytes.len();
        self.held.insert(place, held);
    }

    /// Gives what is held as far as nothing is missing before it.
    fn give_held(&mut self, take: &mut dyn FnMut(Part<'_>)) {
        let mut given = 0;
        let held = std::mem::take(&mut self.held);
        for Held { seq, len, bytes } in &held {
            if self.next.is_none_or(|next| distance(next, *seq) > 0) {
                break;
            }
            self.give(*seq, *len, bytes, take);
            self.held_bytes -= bytes.len();
            given += 1;
        }
        self.held = held;
        self.held.drain(..given);
        if self.held.is_empty() {
            self.held = Vec::new();
        }
    }

    /// Goes on with the first that is held, and says what is missing before it.
    fn skip(&mut self, take: &mut dyn FnMut(Part<'_>)) {
        if let Some((next, first)) = self.next.zip(self.held.first()) {
            let missing = first.seq.wrapping_sub(next);
            self.next = Some(first.seq);
            take(Part::Lost(missing));
        }
        self.give_held(take);
    }
}

/// How far `seq` lies ahead of `from`; numbers turn over (RFC 9293 section 3.4).
const fn distance(from: u32, seq: u32) -> i32 {
    seq.wrapping_sub(from).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What comes out, with what is missing as that many dots for lost and commas for cut bytes.
    fn read(begin: u32, segments: &[(u32, u32, &[u8])]) -> String {
        let mut stream = Stream::default();
        stream.begin(begin);
        let mut out = String::new();
        let mut take = |part: Part<'_>| match part {
            Part::Bytes(bytes) => out.push_str(str::from_utf8(bytes).unwrap()),
            Part::Cut(missing) => out.push_str(&",".repeat(missing as usize)),
            Part::Lost(missing) => out.push_str(&".".repeat(missing as usize)),
        };
        for (seq, len, bytes) in segments {
            stream.push(begin.wrapping_add(*seq), *len, bytes, &mut take);
        }
        stream.finish(&mut take);
        assert_eq!((stream.held_bytes, stream.held.len()), (0, 0));
        out
    }

    #[test]
    fn segments_come_out_in_order_and_once() {
        assert_eq!(read(7, &[(0, 3, b"abc"), (3, 3, b"def")]), "abcdef");
        assert_eq!(read(7, &[(3, 3, b"def"), (0, 3, b"abc"), (6, 1, b"g")]), "abcdefg");
        assert_eq!(read(u32::MAX - 1, &[(3, 3, b"def"), (0, 3, b"abc"), (6, 1, b"g")]), "abcdefg");
        assert_eq!(read(7, &[(0, 3, b"abc"), (0, 3, b"XXX"), (1, 4, b"XXde"), (5, 1, b"f")]), "abcdef");
    }

    #[test]
    fn what_is_missing_is_said_with_its_length() {
        assert_eq!(read(7, &[(0, 3, b"abc"), (5, 3, b"fgh")]), "abc..fgh");
        assert_eq!(read(7, &[(0, 5, b"abc"), (5, 3, b"fgh")]), "abc,,fgh");
        assert_eq!(read(7, &[(5, 5, b"fgh"), (0, 5, b"abcde")]), "abcdefgh,,");
    }

    #[test]
    fn no_more_is_held_than_allowed() {
        let mut stream = Stream::default();
        stream.begin(0);
        let mut given = 0_u32;
        for number in 1..5000_u32 {
            let bytes = [7; 1400];
            stream.push(number * 1400, 1400, &bytes, &mut |part| {
                given += u32::from(matches!(part, Part::Bytes(_)));
            });
            assert!(stream.held_bytes <= MAX_HELD && stream.held.len() <= MAX_SEGMENTS);
        }
        assert!(given > 4000);
    }

    proptest! {
        #[test]
        fn any_order_of_any_cuts_gives_the_text(
            begin in any::<u32>(),
            cuts in prop::collection::vec((0_u32..200, 1_u32..60), 1..80),
        ) {
            let text: Vec<u8> = (0..260).map(|n| b'a' + u8::try_from(n % 26).unwrap()).collect();
            let mut segments: Vec<(u32, u32, &[u8])> =
                cuts.iter().map(|(from, len)| (*from, *len, &text[*from as usize..][..*len as usize])).collect();
            for from in (0..260).step_by(20) {
                segments.push((from, 20, &text[from as usize..][..20]));
            }
            let out = read(begin, &segments);
            prop_assert_eq!(out.as_bytes(), &text[..]);
        }
    }
}

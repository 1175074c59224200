//! gzip (RFC 1952), as a stream: joined members, each checked, and every byte before damage handed out.
//!
//! Input: packed bytes. Output: unpacked bytes. Memory is constant whatever the ratio.
//! Must not: know what is packed. (flate2's own reader loses what it unpacked last before an error.)

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::feed::Feed;
use super::stored::Failure;
use super::summary::{MALFORMED, TRUNCATED};

/// The first bytes of every member.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A gzip file being unpacked.
pub(super) struct Gzip {
    pub(super) feed: Feed,
    inflate: Decompress,
    crc: Crc,
    state: State,
}

#[derive(Clone)]
enum State {
    /// Before a member, which is the first one or not.
    Member {
        first: bool,
    },
    Body,
    Trailer,
    Failed(Failure),
}

impl Gzip {
    pub(super) fn new(feed: Feed) -> Self {
        let (inflate, crc) = (Decompress::new(false), Crc::new());
        Self { feed, inflate, crc, state: State::Member { first: true } }
    }

    /// Unpacks what fits; 0 at the end. A failure is repeated for ever.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, Failure> {
        let step = self.advance(into);
        if let Err(failure) = &step {
            self.state = State::Failed(failure.clone());
        }
        step
    }

    fn advance(&mut self, into: &mut [u8]) -> Result<usize, Failure> {
        loop {
            match self.state.clone() {
                State::Member { first } => {
                    if !self.header(first)? {
                        return Ok(0);
                    }
                    self.inflate.reset(false);
                    self.crc.reset();
                    self.state = State::Body;
                }
                State::Body => {
                    let unpacked = self.body(into)?;
                    if unpacked > 0 {
                        return Ok(unpacked);
                    }
                }
                State::Trailer => {
                    self.trailer()?;
                    self.state = State::Member { first: false };
                }
                State::Failed(failure) => return Err(failure),
            }
        }
    }

    /// Passes over a member's header (RFC 1952 section 2.3); `false` where the file ends instead.
    fn header(&mut self, first: bool) -> Result<bool, Failure> {
        let Some(byte) = self.feed.next()? else {
            return Ok(false);
        };
        if [byte, self.byte()?] != MAGIC {
            let what = if first { "not gzip" } else { "what follows the packed data is not gzip" };
            return Err(Failure::new(MALFORMED, what));
        }
        let [method, flags, _, _, _, _, _, _] = self.bytes()?;
        if method != DEFLATE || flags & RESERVED != 0 {
            return Err(Failure::new(MALFORMED, "gzip header with an unknown method or flag"));
        }
        if flags & FEXTRA != 0 {
            let length = u16::from_le_bytes(self.bytes()?);
            for _ in 0..length {
                self.byte()?;
            }
        }
        for text in [FNAME, FCOMMENT] {
            if flags & text != 0 {
                while self.byte()? != 0 {}
            }
        }
        if flags & FHCRC != 0 {
            let [_, _] = self.bytes()?;
        }
        Ok(true)
    }

    /// Unpacks some of a member's body; 0 bytes are not the end.
    fn body(&mut self, into: &mut [u8]) -> Result<usize, Failure> {
        let packed = self.feed.chunk()?;
        let (in_before, out_before) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(packed, into, FlushDecompress::None);
        let used = moved(in_before, self.inflate.total_in());
        let unpacked = moved(out_before, self.inflate.total_out()).min(into.len());
        let stuck = used == 0 && unpacked == 0;
        let ended = packed.is_empty();
        self.feed.take(used);
        self.crc.update(into.get(..unpacked).unwrap_or_default());
        match status {
            Ok(Status::StreamEnd) => self.state = State::Trailer,
            Ok(_) if stuck && ended => return Err(cut_short()),
            Ok(_) if !stuck => {}
            // What was unpacked before the error is still handed out.
            _ => self.state = State::Failed(Failure::new(MALFORMED, "gzip data that contradicts itself")),
        }
        Ok(unpacked)
    }

    /// Checks a member's sums (RFC 1952 section 2.3.1).
    fn trailer(&mut self) -> Result<(), Failure> {
        let crc = u32::from_le_bytes(self.bytes()?);
        let length = u32::from_le_bytes(self.bytes()?);
        if (crc, length) == (self.crc.sum(), self.crc.amount()) {
            return Ok(());
        }
        Err(Failure::new(MALFORMED, "gzip checksum that does not fit the data before it"))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, Failure> {
        self.feed.next()?.ok_or_else(cut_short)
    }
}

fn moved(before: u64, after: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
}

fn cut_short() -> Failure {
    Failure::new(TRUNCATED, "gzip data that ends early")
}

/// The one compression method there is.
const DEFLATE: u8 = 8;
const FHCRC: u8 = 0x02;
const FEXTRA: u8 = 0x04;
const FNAME: u8 = 0x08;
const FCOMMENT: u8 = 0x10;
const RESERVED: u8 = 0xe0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sample::gzip;
    use crate::source::stored::Stored;
    use std::io::Cursor;

    /// Everything unpacked, and how it ended.
    fn unpack(bytes: &[u8], room: usize) -> (Vec<u8>, Option<&'static str>) {
        let stored = Stored::new(Box::new(Cursor::new(bytes.to_vec())), None);
        let mut gzip = Gzip::new(Feed::new(stored, vec![0; 512], 0, 0));
        let (mut all, mut into) = (Vec::new(), vec![0; room]);
        loop {
            match gzip.read(&mut into) {
                Ok(0) => return (all, None),
                Ok(read) => all.extend_from_slice(&into[..read]),
                Err(failure) => return (all, Some(failure.kind)),
            }
        }
    }

    fn text() -> Vec<u8> {
        (0..20_000_u32).flat_map(|i| (i * i / 7).to_be_bytes()).collect()
    }

    #[test]
    fn joined_members_are_one_stream() {
        let packed = [gzip(b"first "), gzip(b""), gzip(b"second")].concat();
        assert_eq!(unpack(&packed, 3), (b"first second".to_vec(), None));
    }

    #[test]
    fn every_optional_header_field_is_passed_over() {
        let plain = gzip(b"payload");
        let mut packed = plain[..10].to_vec();
        packed[3] = FEXTRA | FNAME | FCOMMENT | FHCRC;
        packed.extend_from_slice(b"\x03\0abcname\0comment\0\xaa\xbb");
        packed.extend_from_slice(&plain[10..]);
        assert_eq!(unpack(&packed, 100), (b"payload".to_vec(), None));
        packed[3] |= 0x20;
        assert_eq!(unpack(&packed, 100), (Vec::new(), Some(MALFORMED)));
    }

    #[test]
    fn a_cut_anywhere_hands_out_a_prefix_and_says_so() {
        let text = &text()[..6_000];
        let packed = gzip(text);
        for cut in 1..packed.len() {
            let (unpacked, ending) = unpack(&packed[..cut], 1_000);
            assert!(text.starts_with(&unpacked), "cut at {cut}");
            assert_eq!(ending, Some(TRUNCATED), "cut at {cut}");
        }
        let (unpacked, _) = unpack(&packed[..packed.len() - 1], 1_000);
        assert_eq!(unpacked, text);
    }

    #[test]
    fn what_was_unpacked_before_damage_is_kept() {
        let text = text();
        let mut packed = gzip(&text);
        let middle = packed.len() / 2;
        packed[middle..middle + 64].fill(0xff);
        let (unpacked, ending) = unpack(&packed, 1 << 20);
        assert_eq!(ending, Some(MALFORMED));
        assert!(unpacked.len() > text.len() / 3, "only {} of {}", unpacked.len(), text.len());
        assert!(unpacked[..text.len() / 3] == text[..text.len() / 3]);
    }

    #[test]
    fn a_bad_tail_is_damage() {
        let mut packed = gzip(b"payload");
        packed.extend_from_slice(b"garbage");
        assert_eq!(unpack(&packed, 100), (b"payload".to_vec(), Some(MALFORMED)));
        let mut packed = gzip(b"payload");
        let crc = packed.len() - 8;
        packed[crc] ^= 1;
        assert_eq!(unpack(&packed, 100), (b"payload".to_vec(), Some(MALFORMED)));
    }

    #[test]
    fn a_bomb_is_unpacked_in_constant_memory() {
        let packed = gzip(&vec![0; 4 << 20]);
        assert!(packed.len() < 8_192);
        assert_eq!(unpack(&packed, 4_096), (vec![0; 4 << 20], None));
    }
}

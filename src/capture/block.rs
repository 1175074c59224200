//! pcapng as a stream of blocks (draft-ietf-opsawg-pcapng, section 3): where each ends, and the little that a capture has to
//! know of some.
//!
//! Input: bytes, in the byte order that our own capture program writes. Output: whole blocks, borrowed. Must not: copy, or
//! look into a frame.

use thiserror::Error;

use crate::frame::LinkType;

/// Walks over the whole blocks at the beginning of a buffer. What is behind the last one waits for more bytes.
#[derive(Debug)]
pub struct Blocks<'a> {
    rest: &'a [u8],
}

/// A whole block, with its head and its trailer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block<'a> {
    /// What it is.
    pub kind: Kind,
    /// All of its bytes.
    pub bytes: &'a [u8],
}

/// The kinds of blocks that a capture tells apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An enhanced packet block: one frame.
    Frame,
    /// An interface description block.
    Interface,
    /// Any other.
    Other,
    /// A section header block.
    Section,
    /// An interface statistics block.
    Statistics,
}

/// What cannot be a block: the stream cannot be read beyond it.
#[derive(Clone, Copy, PartialEq, Eq, Error, Debug)]
pub enum BadBlock {
    /// Its length is no length of a block.
    #[error("a block of {0} bytes, which no block has")]
    Length(u32),
    /// The length behind it is another than that before it.
    #[error("a block whose two lengths are {0} and {1}")]
    Trailer(u32, u32),
}

impl<'a> Blocks<'a> {
    /// The blocks of these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next whole block; `None` where more bytes are needed for one.
    pub fn next_block(&mut self) -> Result<Option<Block<'a>>, BadBlock> {
        let (Some(kind), Some(length)) = (word(self.rest, 0), word(self.rest, 4)) else { return Ok(None) };
        if !(SMALLEST..=LARGEST).contains(&length) || !length.is_multiple_of(4) {
            return Err(BadBlock::Length(length));
        }
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        let Some((bytes, rest)) = self.rest.split_at_checked(size) else { return Ok(None) };
        match word(bytes, size.saturating_sub(4)) {
            Some(trailer) if trailer != length => return Err(BadBlock::Trailer(length, trailer)),
            _ => self.rest = rest,
        }
        Ok(Some(Block { kind: Kind::of(kind), bytes }))
    }

    /// How many bytes stand behind the last block that was given.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.rest.len()
    }
}

impl Kind {
    const fn of(number: u32) -> Self {
        match number {
            1 => Self::Interface,
            5 => Self::Statistics,
            6 => Self::Frame,
            0x0a0d0d0a => Self::Section,
            _ => Self::Other,
        }
    }
}

impl Block<'_> {
    /// Of a frame: the bytes that were captured of it, and those it had on the wire.
    #[must_use]
    pub fn lengths(&self) -> (u32, u32) {
        (word(self.bytes, 20).unwrap_or(0), word(self.bytes, 24).unwrap_or(0))
    }

    /// Of a frame: the number of its interface.
    #[must_use]
    pub fn interface(&self) -> u32 {
        word(self.bytes, 8).unwrap_or(0)
    }

    /// Of a frame: its bytes, as far as they were captured.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        let captured = usize::try_from(self.lengths().0).unwrap_or(usize::MAX);
        let within = self.bytes.len().saturating_sub(4);
        let end = FRAME_HEAD.saturating_add(captured).min(within);
        self.bytes.get(FRAME_HEAD..end).unwrap_or_default()
    }

    /// Of a frame: its time, in units of its interface.
    #[must_use]
    pub fn time(&self) -> u64 {
        let [high, low] = [12, 16].map(|at| word(self.bytes, at).unwrap_or(0));
        u64::from(high) << 32 | u64::from(low)
    }

    /// Of an interface: the link type of its frames, and the power of ten in which a second has units of its time.
    #[must_use]
    pub fn described(&self) -> (LinkType, u8) {
        let link = half(self.bytes, 8).unwrap_or(0);
        let resolution = options(self.bytes, INTERFACE_HEAD).find(|(code, ..)| *code == OPT_RESOLUTION);
        let resolution = resolution.and_then(|(_, at, _)| self.bytes.get(at).copied());
        (LinkType(link), resolution.unwrap_or(MICROSECONDS))
    }

    /// Of statistics: the interface they are of, and what they count.
    #[must_use]
    pub fn counts(&self) -> Option<(u32, Counts)> {
        let mut counts = Counts::default();
        for (code, at) in counters(self.bytes) {
            if let (Some(slot), Some(count)) = (counts.slot(code), long(self.bytes, at)) {
                *slot = count;
            }
        }
        Some((word(self.bytes, 8)?, counts))
    }
}

/// What statistics of one interface count since the capture began.
///
/// The names are those of the draft: what the filter accepted is lost to the operating system, delivered, or lost by the
/// capturing program's own queue.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Frames that the interface received (`isb_ifrecv`), 0 where it is not known.
    pub received: u64,
    /// Frames that the interface lost (`isb_ifdrop`).
    pub interface: u64,
    /// Frames that the filter accepted (`isb_filteraccept`).
    pub accepted: u64,
    /// Frames that the operating system lost, for want of room in its buffer (`isb_osdrop`).
    pub system: u64,
    /// Frames that were delivered (`isb_usrdeliv`).
    pub delivered: u64,
}

impl Counts {
    /// Frames that the capture program lost, for want of room in its queue.
    #[must_use]
    pub const fn queue(&self) -> u64 {
        self.accepted.saturating_sub(self.system).saturating_sub(self.delivered)
    }

    /// All frames lost.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.interface.saturating_add(self.system).saturating_add(self.queue())
    }

    /// The sum of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            received: self.received.saturating_add(other.received),
            interface: self.interface.saturating_add(other.interface),
            accepted: self.accepted.saturating_add(other.accepted),
            system: self.system.saturating_add(other.system),
            delivered: self.delivered.saturating_add(other.delivered),
        }
    }

    const fn slot(&mut self, code: u16) -> Option<&mut u64> {
        Some(match code {
            4 => &mut self.received,
            5 => &mut self.interface,
            6 => &mut self.accepted,
            7 => &mut self.system,
            8 => &mut self.delivered,
            _ => return None,
        })
    }
}

/// Statistics as a later file of the same capture states them: without what was counted before the file began.
#[must_use]
pub fn rebased(statistics: &Block<'_>, mut base: Counts) -> Vec<u8> {
    let mut bytes = statistics.bytes.to_vec();
    for (code, at) in counters(statistics.bytes) {
        let (Some(before), Some(count)) = (base.slot(code).copied(), long(statistics.bytes, at)) else {
            continue;
        };
        if let Some(place) = bytes.get_mut(at..at.saturating_add(8)) {
            place.copy_from_slice(&count.saturating_sub(before).to_le_bytes());
        }
    }
    bytes
}

/// A frame's block with a comment more; `None` where there is no room for it in an option or a block.
#[must_use]
pub fn commented(frame: &Block<'_>, comment: &str) -> Option<Vec<u8>> {
    let captured = usize::try_from(frame.lengths().0).ok()?;
    let options = FRAME_HEAD.checked_add(captured.checked_next_multiple_of(4)?)?;
    let end = frame.bytes.len().checked_sub(4).filter(|end| *end >= options)?;
    let mut bytes = frame.bytes.get(..options)?.to_vec();
    bytes.extend_from_slice(&OPT_COMMENT.to_le_bytes());
    bytes.extend_from_slice(&u16::try_from(comment.len()).ok()?.to_le_bytes());
    bytes.extend_from_slice(comment.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let others = frame.bytes.get(options..end)?;
    bytes.extend_from_slice(if others.is_empty() { &END_OF_OPTIONS } else { others });
    let length = u32::try_from(bytes.len().checked_add(4)?).ok().filter(|length| *length <= LARGEST)?;
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.get_mut(4..8)?.copy_from_slice(&length.to_le_bytes());
    Some(bytes)
}

/// The options of statistics that are counters: the code of each, and where its value stands.
fn counters(statistics: &[u8]) -> impl Iterator<Item = (u16, usize)> {
    options(statistics, STATISTICS_HEAD)
        .filter_map(|(code, value, length)| (length == 8).then_some((code, value)))
}

/// The options of a block that begin at a place: the code of each, where its value stands, and how long it is.
fn options(block: &[u8], mut at: usize) -> impl Iterator<Item = (u16, usize, usize)> {
    let end = block.len().saturating_sub(4);
    std::iter::from_fn(move || {
        let code = half(block, at)?;
        let length = usize::from(half(block, at.checked_add(2)?)?);
        let value = at.checked_add(4)?;
        at = value.checked_add(length.next_multiple_of(4))?;
        (code != 0 && at <= end).then_some((code, value, length))
    })
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

const SMALLEST: u32 = 12;
/// What our reader takes.
const LARGEST: u32 = 16 * 1024 * 1024;
/// Before a frame's bytes: type, length, interface, time (2), captured, on the wire.
const FRAME_HEAD: usize = 28;
/// Before the options of statistics: type, length, interface, time (2).
const STATISTICS_HEAD: usize = 20;
/// Before the options of an interface: type, length, link type, reserved, snap length.
const INTERFACE_HEAD: usize = 16;
const OPT_COMMENT: u16 = 1;
const OPT_RESOLUTION: u16 = 9;
/// The resolution where none is stated.
const MICROSECONDS: u8 = 6;
const END_OF_OPTIONS: [u8; 4] = [0; 4];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Timestamp;
    use crate::source::write::{WriteInterface, WriteStatistics, Writer};
    use crate::source::{Capture, Options};

    fn counted(accepted: u64, system: u64, delivered: u64) -> WriteStatistics {
        WriteStatistics {
            received: Some(accepted + 1),
            dropped: Some(3),
            dropped_by_os: Some(system),
            accepted: Some(accepted),
            delivered: Some(delivered),
        }
    }

    fn sample() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), &[WriteInterface::new(LinkType::ETHERNET)]).unwrap();
        let now = Timestamp::from_nanos(1_700_000_000_000_000_000);
        writer.frame(0, now, 60, b"abcde", None).unwrap();
        writer.frame(0, now, 70, b"fgh", Some("there already")).unwrap();
        writer.statistics(0, now, counted(10, 4, 5)).unwrap();
        writer.finish().unwrap()
    }

    fn all(bytes: &[u8]) -> Vec<Block<'_>> {
        let mut blocks = Blocks::new(bytes);
        std::iter::from_fn(|| blocks.next_block().unwrap()).collect()
    }

    fn opened(bytes: Vec<u8>) -> Capture {
        Capture::from_reader("test", Box::new(std::io::Cursor::new(bytes)), &Options::default()).unwrap()
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_whole_blocks_before_the_cut() {
        let bytes = sample();
        let ends: Vec<usize> = all(&bytes)
            .iter()
            .scan(0, |at, block| {
                *at += block.bytes.len();
                Some(*at)
            })
            .collect();
        assert_eq!(ends.last(), Some(&bytes.len()));
        for cut in 0..=bytes.len() {
            let mut blocks = Blocks::new(&bytes[..cut]);
            let mut whole = 0;
            while let Some(block) = blocks.next_block().unwrap() {
                whole += block.bytes.len();
            }
            assert_eq!(whole, ends.iter().copied().filter(|end| *end <= cut).max().unwrap_or(0));
            assert_eq!(blocks.waiting(), cut - whole);
        }
    }

    fn bytes_of_head(length: u32) -> Vec<u8> {
        [6_u32, length, 0].iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn lengths_that_no_block_has_end_the_stream() {
        let head = |length: u32| [&6_u32.to_le_bytes()[..], &length.to_le_bytes()].concat();
        for length in [0, 8, 13, 0xffff_fffc, LARGEST + 4] {
            assert_eq!(Blocks::new(&head(length)).next_block(), Err(BadBlock::Length(length)));
        }
        let mut bytes = head(12);
        bytes.extend_from_slice(&16_u32.to_le_bytes());
        assert_eq!(Blocks::new(&bytes).next_block(), Err(BadBlock::Trailer(12, 16)));
    }

    #[test]
    fn kinds_lengths_and_counts_are_read() {
        let bytes = sample();
        let blocks = all(&bytes);
        let kinds: Vec<Kind> = blocks.iter().map(|block| block.kind).collect();
        assert_eq!(kinds, [Kind::Section, Kind::Interface, Kind::Frame, Kind::Frame, Kind::Statistics]);
        assert_eq!((blocks[2].lengths(), blocks[3].lengths()), ((5, 60), (3, 70)));
        assert_eq!((blocks[2].frame(), blocks[3].frame()), (&b"abcde"[..], &b"fgh"[..]));
        let (link, resolution) = blocks[1].described();
        assert_eq!(link, LinkType::ETHERNET);
        assert_eq!(blocks[2].time(), 1_700_000_000 * 10_u64.pow(resolution.into()));
        let lies = [&bytes_of_head(64)[..], &[0xff; 52]].concat();
        let lies = Block { kind: Kind::Frame, bytes: &lies };
        assert_eq!((lies.frame().len(), lies.described().1), (32, 6), "no more than there is");
        let (interface, counts) = blocks[4].counts().unwrap();
        assert_eq!((interface, counts.received, counts.queue(), counts.lost()), (0, 11, 1, 8));
    }

    #[test]
    fn statistics_of_a_later_file_begin_at_its_beginning() {
        let bytes = sample();
        let blocks = all(&bytes);
        let base = Counts { received: 1, interface: 3, accepted: 4, system: 2, delivered: 2 };
        let rebased = rebased(&blocks[4], base);
        let (_, counts) = all(&rebased)[0].counts().unwrap();
        let expected = Counts { received: 10, interface: 0, accepted: 6, system: 2, delivered: 3 };
        assert_eq!(counts, expected);
        assert_eq!(base.plus(counts), blocks[4].counts().unwrap().1);
    }

    #[test]
    fn a_comment_is_added_beside_others_and_read_back() {
        let bytes = sample();
        let blocks = all(&bytes);
        let mut marked: Vec<u8> = blocks[..2].iter().flat_map(|block| block.bytes).copied().collect();
        for frame in &blocks[2..4] {
            marked.extend(commented(frame, "step: join").unwrap());
        }
        assert_eq!(all(&marked).len(), 4);
        let mut capture = opened(marked);
        let mut lengths = Vec::new();
        while let Some(frame) = capture.next_frame() {
            lengths.push((frame.data.len(), frame.wire_len));
        }
        let summary = capture.finish();
        assert_eq!(lengths, [(5, 60), (3, 70)]);
        assert_eq!((summary.damage.len(), summary.broken_options), (0, 0));
        let steps: Vec<(u64, &str)> =
            summary.claims.steps.iter().map(|step| (step.frame, step.text.as_str())).collect();
        assert_eq!(steps, [(1, "step: join"), (2, "step: join")]);
        assert_eq!(summary.claims.comment_count, 3);
        assert_eq!(commented(&blocks[2], &"x".repeat(70_000)), None);
    }
}

//! lz4 frames (the LZ4 Frame Format, version 1.6), as a stream: joined and skippable frames, checksums, and every block
//! before damage handed out.
//!
//! Input: packed bytes. Output: unpacked bytes. Memory is three blocks, of 4 MiB at most. Must not: know what is packed.

use std::io::Read as _;
use std::mem;

use lz4_flex::frame::FrameDecoder;

use super::feed::Feed;
use super::stored::Failure;

/// The first bytes of every frame.
pub(super) const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

/// An lz4 file being unpacked.
pub(super) struct Lz4 {
    decoder: FrameDecoder<Feed>,
    state: State,
}

enum State {
    /// Before a frame.
    Between,
    Body,
    Failed(Failure),
}

impl Lz4 {
    pub(super) fn new(feed: Feed) -> Self {
        Self { decoder: FrameDecoder::new(feed), state: State::Between }
    }

    pub(super) fn feed(&self) -> &Feed {
        self.decoder.get_ref()
    }

    pub(super) fn feed_mut(&mut self) -> &mut Feed {
        self.decoder.get_mut()
    }

    pub(super) fn into_feed(self) -> Feed {
        self.decoder.into_inner()
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
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            match &self.state {
                State::Between => {
                    if !self.decoder.get_mut().next_frame(MAGIC, NAME)? {
                        return Ok(0);
                    }
                    // A decoder's buffers keep the size of its first frame's blocks, so each frame has its own.
                    let used = mem::replace(&mut self.decoder, FrameDecoder::new(Feed::empty()));
                    self.decoder = FrameDecoder::new(used.into_inner());
                    self.state = State::Body;
                }
                State::Body => match self.decoder.read(into) {
                    // Both the end of a frame and that of the bytes.
                    Ok(0) if self.feed().is_starved() => return Err(self.feed().explain(NAME)),
                    Ok(0) => self.state = State::Between,
                    Ok(unpacked) => return Ok(unpacked),
                    Err(_) => return Err(self.feed().explain(NAME)),
                },
                State::Failed(failure) => return Err(failure.clone()),
            }
        }
    }
}

const NAME: &str = "lz4";

#[cfg(test)]
mod tests {
    use super::super::sample::lz4;
    use super::super::stored::Stored;
    use super::super::summary::{MALFORMED, TRUNCATED};
    use super::*;
    use std::io::{Cursor, Write as _};

    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

    fn unpack(bytes: &[u8], room: usize) -> (Vec<u8>, Option<&'static str>) {
        let stored = Stored::new(Box::new(Cursor::new(bytes.to_vec())), None);
        let mut lz4 = Lz4::new(Feed::new(stored, vec![0; 512], 0, 0));
        let (mut all, mut into) = (Vec::new(), vec![0; room]);
        loop {
            match lz4.read(&mut into) {
                Ok(0) => return (all, None),
                Ok(read) => all.extend_from_slice(&into[..read]),
                Err(failure) => return (all, Some(failure.kind)),
            }
        }
    }

    fn packed(info: FrameInfo, bytes: &[u8]) -> Vec<u8> {
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn joined_and_skippable_frames_of_any_kind_are_one_stream() {
        let text: Vec<u8> = (0..400_000_u32).flat_map(|i| (i.wrapping_mul(i) / 7).to_be_bytes()).collect();
        let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
        let sized = |size, mode| packed(FrameInfo::new().block_size(size).block_mode(mode), &text);
        let file = [
            sized(BlockSize::Max4MB, BlockMode::Linked),
            skippable.to_vec(),
            sized(BlockSize::Max64KB, BlockMode::Linked),
            sized(BlockSize::Max256KB, BlockMode::Independent),
            packed(FrameInfo::new().block_checksums(true).content_checksum(true), b"end"),
        ]
        .concat();
        let (unpacked, ending) = unpack(&file, 5_000);
        assert_eq!(ending, None);
        assert!(unpacked == [&text[..], &text, &text, b"end"].concat());
    }

    #[test]
    fn a_cut_anywhere_hands_out_a_prefix_and_says_so() {
        let text: Vec<u8> = (0..40_000_u32).flat_map(|i| (i.wrapping_mul(i) / 7).to_be_bytes()).collect();
        let packed = packed(FrameInfo::new().block_size(BlockSize::Max64KB), &text);
        for cut in (1..packed.len()).rev().step_by(499) {
            let (unpacked, ending) = unpack(&packed[..cut], 10_000);
            assert!(text.starts_with(&unpacked), "cut at {cut}");
            assert_eq!(ending, Some(TRUNCATED), "cut at {cut}");
            assert!(cut < packed.len() / 2 || unpacked.len() >= 65_536, "cut at {cut}");
        }
    }

    #[test]
    fn damage_and_a_bad_tail_are_told_from_a_cut() {
        let file = lz4(b"payload");
        assert_eq!(unpack(&[&file[..], b"tail"].concat(), 9), (b"payload".to_vec(), Some(MALFORMED)));
        assert_eq!(
            unpack(&[&file[..], b"\x02\x21\x4c\x18"].concat(), 9).1,
            Some(MALFORMED),
            "the legacy frame"
        );
        let mut header = file.clone();
        header[5] ^= 0x10;
        assert_eq!(unpack(&header, 9), (Vec::new(), Some(MALFORMED)));
    }
}

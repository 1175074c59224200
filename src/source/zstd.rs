//! zstd (RFC 8878), as a stream: joined and skippable frames, checksums, and every byte before damage handed out.
//!
//! Input: packed bytes. Output: unpacked bytes. Memory is one window, which is limited. Must not: know what is packed.

use std::io::Read as _;

use ruzstd::decoding::errors::{FrameDecoderError, FrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::feed::Feed;
use super::stored::Failure;
use super::summary::{LIMIT, MALFORMED, UNSUPPORTED};

/// The first bytes of every frame.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A zstd file being unpacked.
pub(super) struct Zstd {
    pub(super) feed: Feed,
    decoder: FrameDecoder,
    state: State,
}

enum State {
    /// Before a frame.
    Between,
    Body,
    /// What was unpacked before the failure is still to be handed out.
    Failing(Failure),
    Failed(Failure),
}

impl Zstd {
    pub(super) fn new(feed: Feed) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(LARGEST_WINDOW);
        Self { feed, decoder, state: State::Between }
    }

    /// Unpacks what fits; 0 at the end. A failure is repeated for ever.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, Failure> {
        loop {
            let step = match &self.state {
                State::Between => self.begin(),
                State::Body => self.body(into),
                State::Failing(failure) => {
                    let failure = failure.clone();
                    let rest = self.decoder.read(into).unwrap_or(0);
                    if rest == 0 { Err(failure) } else { Ok(Step::Unpacked(rest)) }
                }
                State::Failed(failure) => Err(failure.clone()),
            };
            match step {
                Ok(Step::Ended) => return Ok(0),
                Ok(Step::Unpacked(0)) => {}
                Ok(Step::Unpacked(count)) => return Ok(count),
                Err(failure) => {
                    self.state = State::Failed(failure.clone());
                    return Err(failure);
                }
            }
        }
    }

    fn begin(&mut self) -> Result<Step, Failure> {
        if !self.feed.next_frame(MAGIC, NAME)? {
            return Ok(Step::Ended);
        }
        self.decoder.reset(&mut self.feed).map_err(|error| self.refused(&error))?;
        self.state = State::Body;
        Ok(Step::Unpacked(0))
    }

    /// Unpacks a block where nothing is ready; 0 bytes are not the end.
    fn body(&mut self, into: &mut [u8]) -> Result<Step, Failure> {
        if self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            if self.decoder.decode_blocks(&mut self.feed, one).is_err() {
                self.state = State::Failing(self.feed.explain(NAME));
                // The decoder keeps its window back until the last block: it is given an empty one and a checksum.
                let last: &[u8] = &[1, 0, 0, 0, 0, 0, 0];
                let _ = self.decoder.decode_blocks(last, BlockDecodingStrategy::UptoBlocks(1));
                return Ok(Step::Unpacked(0));
            }
        }
        let unpacked = self.decoder.read(into).map_err(|_| self.feed.explain(NAME))?;
        if unpacked == 0 && self.decoder.is_finished() {
            self.state = State::Between;
            let stated = self.decoder.get_checksum_from_data();
            if stated.is_some() && stated != self.decoder.get_calculated_checksum() {
                return Err(Failure::new(MALFORMED, "zstd checksum that does not fit the data before it"));
            }
        }
        Ok(Step::Unpacked(unpacked))
    }

    /// Why a frame's header was not taken.
    fn refused(&self, error: &FrameDecoderError) -> Failure {
        let window = match error {
            FrameDecoderError::WindowSizeTooBig { requested, .. } => Some(*requested),
            FrameDecoderError::FrameHeaderError(FrameHeaderError::WindowTooBig { got }) => Some(*got),
            FrameDecoderError::DictNotProvided { .. } => {
                let what = "zstd data that needs a dictionary (unpack it with zstd -d -D DICTIONARY first)";
                return Failure::new(UNSUPPORTED, what);
            }
            _ => None,
        };
        window.map_or_else(
            || self.feed.explain(NAME),
            |window| Failure {
                kind: LIMIT,
                what: format!(
                    "zstd data that needs a window of {window} bytes, where {LARGEST_WINDOW} are the limit (unpack it \
                     with zstd -d --long=31 first)"
                ),
            },
        )
    }
}

/// What came of one step.
enum Step {
    Ended,
    Unpacked(usize),
}

const NAME: &str = "zstd";
/// The window that RFC 8878 section 3.1.1.1.2 asks decoders to support and encoders not to exceed; zstd's levels up to 19
/// keep to it.
const LARGEST_WINDOW: u64 = 8 << 20;

#[cfg(test)]
mod tests {
    use super::super::sample::zstd;
    use super::super::stored::Stored;
    use super::super::summary::TRUNCATED;
    use super::*;
    use std::io::Cursor;

    fn unpack(bytes: &[u8], room: usize) -> (Vec<u8>, Option<Failure>) {
        let stored = Stored::new(Box::new(Cursor::new(bytes.to_vec())), None);
        let mut zstd = Zstd::new(Feed::new(stored, vec![0; 512], 0, 0));
        let (mut all, mut into) = (Vec::new(), vec![0; room]);
        loop {
            match zstd.read(&mut into) {
                Ok(0) => return (all, None),
                Ok(read) => all.extend_from_slice(&into[..read]),
                Err(failure) => return (all, Some(failure)),
            }
        }
    }

    fn text(numbers: u32) -> Vec<u8> {
        (0..numbers).flat_map(|i| (i.wrapping_mul(i) / 7).to_be_bytes()).collect()
    }

    #[test]
    fn joined_and_skippable_frames_are_one_stream() {
        let skippable = b"\x5a\x2a\x4d\x18\x05\0\0\0junk!";
        let packed =
            [&skippable[..], &zstd(b"first "), &zstd(b""), skippable, &zstd(b"second"), skippable].concat();
        let (unpacked, failure) = unpack(&packed, 3);
        assert_eq!((&*unpacked, failure.is_none()), (&b"first second"[..], true));
        assert_eq!(unpack(&packed[..packed.len() - 1], 3).1.map(|failure| failure.kind), Some(TRUNCATED));
    }

    #[test]
    fn a_cut_anywhere_hands_out_a_prefix_and_says_so() {
        let text = text(70_000);
        let packed = zstd(&text);
        let mut longest = 0;
        for cut in (1..packed.len()).rev().step_by(997) {
            let (unpacked, failure) = unpack(&packed[..cut], 10_000);
            assert!(text.starts_with(&unpacked), "cut at {cut}");
            assert_eq!(failure.map(|failure| failure.kind), Some(TRUNCATED), "cut at {cut}");
            longest = longest.max(unpacked.len());
        }
        assert!(longest >= text.len() / 2, "{longest} of {}", text.len());
    }

    #[test]
    fn a_wrong_checksum_and_a_bad_tail_are_damage() {
        let mut packed = zstd(b"payload");
        let failed = |packed: &[u8]| unpack(packed, 100).1.map(|failure| failure.kind);
        assert_eq!(failed(&[&packed[..], b"tail"].concat()), Some(MALFORMED));
        *packed.last_mut().unwrap() ^= 1;
        let (unpacked, failure) = unpack(&packed, 100);
        assert_eq!((&*unpacked, failure.map(|failure| failure.kind)), (&b"payload"[..], Some(MALFORMED)));
    }

    #[test]
    fn a_window_above_the_limit_is_refused_with_the_way_out() {
        // A frame header with a window of 128 MiB, and one that names a dictionary.
        let (_, failure) = unpack(b"\x28\xb5\x2f\xfd\0\x88\x01\0\0", 10);
        let failure = failure.unwrap();
        assert_eq!(failure.kind, LIMIT);
        assert!(failure.what.contains("134217728") && failure.what.contains("zstd -d"), "{}", failure.what);
        let (_, failure) = unpack(b"\x28\xb5\x2f\xfd\x01\x48\x07\x01\0\0", 10);
        assert_eq!(failure.unwrap().kind, UNSUPPORTED);
    }
}

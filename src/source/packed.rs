//! Packed bytes unpacked on the way, by whichever packing it is, up to stated limits.
//!
//! Input: packed bytes. Output: unpacked bytes; every one before damage or a limit. Must not: know what is packed.

use super::feed::{Feed, is_skippable};
use super::gzip::{self, Gzip};
use super::lz4::{self, Lz4};
use super::stored::{Failure, Stored};
use super::summary::{Compression, LIMIT};
use super::zstd::{self, Zstd};

/// How much packed bytes may unpack to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// In bytes.
    pub(super) unpacked: u64,
    /// In times the stored bytes.
    pub(super) ratio: u64,
}

/// A packed file being unpacked.
pub(super) struct Packed {
    unpacker: Unpacker,
    unpacked: u64,
    limits: Limits,
}

enum Unpacker {
    Gzip(Gzip),
    Zstd(Box<Zstd>),
    Lz4(Lz4),
}

impl Packed {
    pub(super) fn new(compression: Compression, feed: Feed, limits: Limits) -> Self {
        let unpacker = match compression {
            Compression::Gzip => Unpacker::Gzip(Gzip::new(feed)),
            Compression::Zstd => Unpacker::Zstd(Box::new(Zstd::new(feed))),
            Compression::Lz4 => Unpacker::Lz4(Lz4::new(feed)),
        };
        Self { unpacker, unpacked: 0, limits }
    }

    pub(super) fn stored(&self) -> &Stored {
        match &self.unpacker {
            Unpacker::Gzip(gzip) => gzip.feed.stored(),
            Unpacker::Zstd(zstd) => zstd.feed.stored(),
            Unpacker::Lz4(lz4) => lz4.feed().stored(),
        }
    }

    pub(super) fn stored_mut(&mut self) -> &mut Stored {
        match &mut self.unpacker {
            Unpacker::Gzip(gzip) => gzip.feed.stored_mut(),
            Unpacker::Zstd(zstd) => zstd.feed.stored_mut(),
            Unpacker::Lz4(lz4) => lz4.feed_mut().stored_mut(),
        }
    }

    pub(super) fn into_stored(self) -> Stored {
        match self.unpacker {
            Unpacker::Gzip(gzip) => gzip.feed.into_stored(),
            Unpacker::Zstd(zstd) => zstd.feed.into_stored(),
            Unpacker::Lz4(lz4) => lz4.into_feed().into_stored(),
        }
    }

    /// Unpacks what fits and is allowed; 0 at the end. A failure is repeated for ever.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, Failure> {
        if self.unpacked > RATIO_FROM && self.unpacked / self.limits.ratio.max(1) > self.stored().count() {
            let ratio = self.limits.ratio;
            let what = format!(
                "unpacks to more than {ratio} times its size, which is the limit (--max-unpacked BYTES lifts it)"
            );
            return Err(Failure { kind: LIMIT, what });
        }
        let room = usize::try_from(self.limits.unpacked.saturating_sub(self.unpacked)).unwrap_or(usize::MAX);
        if room == 0 {
            return self.past_the_limit();
        }
        let allowed = into.len().min(room);
        let unpacked = self.unpack(into.get_mut(..allowed).unwrap_or_default())?;
        self.unpacked = self.unpacked.saturating_add(unpacked as u64);
        Ok(unpacked)
    }

    /// A file that unpacks to just the limit is whole.
    fn past_the_limit(&mut self) -> Result<usize, Failure> {
        if self.unpack(&mut [0])? == 0 {
            return Ok(0);
        }
        let most = self.limits.unpacked;
        let what =
            format!("unpacks to more than {most} bytes, which is the limit (--max-unpacked BYTES raises it)");
        Err(Failure { kind: LIMIT, what })
    }

    fn unpack(&mut self, into: &mut [u8]) -> Result<usize, Failure> {
        match &mut self.unpacker {
            Unpacker::Gzip(gzip) => gzip.read(into),
            Unpacker::Zstd(zstd) => zstd.read(into),
            Unpacker::Lz4(lz4) => lz4.read(into),
        }
    }
}

/// How bytes are packed that begin so; `None` where they are not packed, or in a way that is not unpacked here.
pub(super) fn packing(head: &[u8]) -> Option<Compression> {
    if head.starts_with(&gzip::MAGIC) {
        return Some(Compression::Gzip);
    }
    // Skippable frames may come first, as pzstd writes them; they belong to both formats, so the next frame decides.
    let mut rest = head;
    while is_skippable(rest) {
        let length = rest.get(4..).and_then(<[u8]>::first_chunk).map(|length| u32::from_le_bytes(*length));
        let next = length.and_then(|length| rest.get(8..)?.get(length as usize..));
        rest = next.filter(|next| !next.is_empty()).unwrap_or(&zstd::MAGIC);
    }
    match rest.first_chunk::<4>() {
        Some(&zstd::MAGIC) => Some(Compression::Zstd),
        Some(&lz4::MAGIC) => Some(Compression::Lz4),
        _ => None,
    }
}

/// How many bytes telling the packing takes at the least: the longest magic.
pub(super) const MAGIC_LEN: usize = 4;
/// How many bytes are looked at where skippable frames come first.
pub(super) const LOOK_AHEAD: usize = 4096;
/// The ratio is looked at behind these bytes: so many do no harm.
const RATIO_FROM: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::super::sample::{gzip, lz4, zstd};
    use super::*;
    use std::io::Cursor;

    fn unpack(packed: &[u8], limits: Limits) -> (u64, Option<Failure>) {
        let stored = Stored::new(Box::new(Cursor::new(packed.to_vec())), None);
        let feed = Feed::new(stored, vec![0; 4_096], 0, 0);
        let mut packed = Packed::new(packing(packed).unwrap(), feed, limits);
        let (mut all, mut into) = (0, vec![0; 10_000]);
        loop {
            match packed.read(&mut into) {
                Ok(0) => return (all, None),
                Ok(read) => all += read as u64,
                Err(failure) => return (all, Some(failure)),
            }
        }
    }

    #[test]
    fn every_packing_stops_at_exactly_the_limit() {
        let bytes = vec![7; 100_000];
        for packed in [gzip(&bytes), zstd(&bytes), lz4(&bytes)] {
            let limited = |unpacked| unpack(&packed, Limits { unpacked, ratio: u64::MAX });
            assert_eq!(limited(100_000).0, 100_000);
            assert!(limited(100_000).1.is_none());
            let (unpacked, failure) = limited(99_999);
            let failure = failure.unwrap();
            assert_eq!((unpacked, failure.kind), (99_999, LIMIT));
            assert!(
                failure.what.contains("99999") && failure.what.contains("--max-unpacked"),
                "{}",
                failure.what
            );
        }
    }

    #[test]
    fn a_ratio_beyond_all_captures_is_stopped_once_it_is_large() {
        for (megabytes, stopped) in [(60, false), (80, true)] {
            let packed = gzip(&vec![0; megabytes << 20]);
            let (unpacked, failure) = unpack(&packed, Limits { unpacked: u64::MAX, ratio: 500 });
            assert_eq!(failure.as_ref().map(|failure| failure.kind), stopped.then_some(LIMIT));
            assert!(unpacked >= 60 << 20);
            assert!(failure.is_none_or(|failure| failure.what.contains("500 times")));
        }
    }

    #[test]
    fn the_packing_is_told_by_the_first_frame_that_is_not_skippable() {
        let skippable = b"\x51\x2a\x4d\x18\x04\0\0\0\0\0\0\0";
        assert_eq!(packing(&[&skippable[..], skippable, &lz4(b"x")].concat()), Some(Compression::Lz4));
        assert_eq!(packing(&[&skippable[..], &zstd(b"x")].concat()), Some(Compression::Zstd));
        assert_eq!(packing(skippable), Some(Compression::Zstd));
        assert_eq!(packing(&skippable[..7]), Some(Compression::Zstd));
        assert_eq!(packing(&[&skippable[..], b"text"].concat()), None);
        assert_eq!(packing(b"\x28\xb5\x2f"), None);
    }
}

//! Packed bytes on their way to an unpacker, through one buffer.
//!
//! Input: the stored bytes. Output: single bytes, slices, or a reader for packages that want one, which remembers why it
//! had no more to give. Must not: know how they are packed.

use std::io::{self, Read};

use super::stored::{Failure, Stored};
use super::summary::{MALFORMED, TRUNCATED};

/// Packed bytes.
pub(super) struct Feed {
    stored: Stored,
    bytes: Vec<u8>,
    at: usize,
    len: usize,
    starved: bool,
    failure: Option<Failure>,
}

impl Feed {
    /// The bytes of `stored`, of which `at..len` of `bytes` were read already. There must be room in `bytes`.
    pub(super) fn new(stored: Stored, bytes: Vec<u8>, at: usize, len: usize) -> Self {
        Self { stored, bytes, at, len, starved: false, failure: None }
    }

    /// No bytes at all.
    pub(super) fn empty() -> Self {
        Self::new(Stored::new(Box::new(io::empty()), None), Vec::new(), 0, 0)
    }

    pub(super) fn stored(&self) -> &Stored {
        &self.stored
    }

    pub(super) fn stored_mut(&mut self) -> &mut Stored {
        &mut self.stored
    }

    pub(super) fn into_stored(self) -> Stored {
        self.stored
    }

    /// The bytes that are there and not taken; reads some where there are none. Empty at the end.
    pub(super) fn chunk(&mut self) -> Result<&[u8], Failure> {
        if self.at == self.len {
            self.at = 0;
            self.len = 0;
            self.len = self.stored.read(&mut self.bytes)?;
        }
        Ok(self.bytes.get(self.at..self.len).unwrap_or_default())
    }

    /// Takes so many of them.
    pub(super) fn take(&mut self, count: usize) {
        self.at = self.len.min(self.at.saturating_add(count));
    }

    /// The next byte; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<u8>, Failure> {
        let byte = self.chunk()?.first().copied();
        self.take(1);
        Ok(byte)
    }

    /// Goes to the next frame of a format that begins frames with `magic`, past what may stand between two; `false` where
    /// the bytes end instead. The frame's magic is left where it is.
    ///
    /// zstd and lz4 both allow skippable frames (RFC 8878 section 3.1.2, and the lz4 frame format).
    pub(super) fn next_frame(&mut self, magic: [u8; 4], name: &str) -> Result<bool, Failure> {
        loop {
            let head = self.head()?;
            if head == magic {
                return Ok(true);
            }
            if head.is_empty() {
                return Ok(false);
            }
            if !is_skippable(head) {
                let (kind, what) = if head.len() < magic.len() {
                    (TRUNCATED, format!("{name} data that ends early"))
                } else {
                    (MALFORMED, format!("what follows the packed data is not {name}"))
                };
                return Err(Failure { kind, what });
            }
            self.take(magic.len());
            self.skip(name)?;
        }
    }

    /// Passes over a length of 32 bits and so many bytes.
    fn skip(&mut self, name: &str) -> Result<(), Failure> {
        let cut = || Failure { kind: TRUNCATED, what: format!("{name} data that ends early") };
        let mut length = [0; 4];
        for byte in &mut length {
            *byte = self.next()?.ok_or_else(cut)?;
        }
        let mut left = u32::from_le_bytes(length) as usize;
        while left > 0 {
            let there = self.chunk()?.len().min(left);
            if there == 0 {
                return Err(cut());
            }
            self.take(there);
            left -= there;
        }
        Ok(())
    }

    /// The next four bytes, or fewer at the end.
    fn head(&mut self) -> Result<&[u8], Failure> {
        let wanted = 4;
        while self.len - self.at < wanted {
            self.bytes.copy_within(self.at..self.len, 0);
            self.len -= self.at;
            self.at = 0;
            let read = self.stored.read(self.bytes.get_mut(self.len..).unwrap_or_default())?;
            if read == 0 {
                break;
            }
            self.len += read;
        }
        let there = self.bytes.get(self.at..self.len).unwrap_or_default();
        Ok(there.get(..wanted).unwrap_or(there))
    }

    /// Why an unpacker that reads from here failed: for want of bytes, or by what it read.
    pub(super) fn explain(&self, name: &str) -> Failure {
        match &self.failure {
            Some(failure) => failure.clone(),
            None if self.starved => Failure { kind: TRUNCATED, what: format!("{name} data that ends early") },
            None => Failure { kind: MALFORMED, what: format!("{name} data that contradicts itself") },
        }
    }

    /// Whether a reader asked for more than there was.
    pub(super) fn is_starved(&self) -> bool {
        self.starved
    }
}

impl Read for Feed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let chunk = match self.chunk() {
            Ok(chunk) => chunk,
            Err(failure) => {
                let error = io::Error::other(failure.what.clone());
                self.failure = Some(failure);
                return Err(error);
            }
        };
        let count = chunk.len().min(into.len());
        if let (Some(from), Some(to)) = (chunk.get(..count), into.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.take(count);
        self.starved |= count == 0 && !into.is_empty();
        Ok(count)
    }
}

/// Whether these bytes begin a skippable frame.
pub(super) fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

//! The stored bytes of one input: read once, counted and hashed on the way.
//!
//! Input: a reader. Output: the bytes, and in the end their number and SHA-256. Must not: unpack or keep them.

use std::io::{self, Read};

use super::hash::Hash;
use super::summary::{READ_ERROR, WAITING};

/// Why the bytes end before the input does, or instead of it.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: &'static str,
    pub(super) what: String,
}

impl Failure {
    pub(super) fn new(kind: &'static str, what: &str) -> Self {
        Self { kind, what: what.to_owned() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { kind: READ_ERROR, what: reason(&error) }
    }
}

/// Why reading failed, in lower case: the system's own words differ between systems.
pub(super) fn reason(error: &io::Error) -> String {
    let kind = error.kind().to_string();
    let named = !matches!(error.kind(), io::ErrorKind::Other) && !kind.starts_with("uncategorized");
    if named { kind } else { error.to_string() }
}

/// The stored bytes: counted, and hashed where that is wanted.
pub(super) struct Stored {
    reader: Box<dyn Read + Send>,
    hash: Option<Hash>,
    count: u64,
    failed: bool,
}

impl Stored {
    pub(super) fn new(reader: Box<dyn Read + Send>, hash: Option<Hash>) -> Self {
        Self { reader, hash, count: 0, failed: false }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Reads what there is, at least one byte unless `into` is empty or the input has ended.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, Failure> {
        let read = loop {
            match self.reader.read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A file that is followed: more may come.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(Failure::new(WAITING, "no more bytes yet"));
                }
                Err(error) => {
                    self.failed = true;
                    return Err(error.into());
                }
                // A reader that claims more than it was given room for is not believed.
                Ok(read) => break read.min(into.len()),
            }
        };
        if let Some(hash) = &mut self.hash {
            hash.update(into.get(..read).unwrap_or_default());
        }
        self.count = self.count.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }

    /// Reads the bytes to their end, through `buffer`.
    pub(super) fn drain(&mut self, buffer: &mut [u8]) -> Result<(), Failure> {
        while self.read(buffer)? > 0 {}
        Ok(())
    }

    /// How many bytes were read, and their hash in hex. There is no hash of a part.
    pub(super) fn finish(self) -> (u64, Option<String>) {
        let hash = self.hash.filter(|_| !self.failed);
        (self.count, hash.and_then(Hash::finish))
    }
}

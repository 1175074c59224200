//! How far the reading has come: stored bytes read, of all that there are to read.
//!
//! Input: what was read of each input, now and then. Output: calls to whoever watches. Must not: cost anything for a frame.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::source::Capture;

/// Somebody who watches the reading. Inputs may be read several at a time, each by a thread of its own.
pub trait Progress: Sync {
    /// So many stored bytes are to be read, in files of known size. Said once, before the first input is opened.
    fn expect(&self, bytes: u64);
    /// An input is opened.
    fn open(&self, path: &Path);
    /// So many stored bytes have been read since the last call, of whichever input. In the end they add up to those expected
    /// and those of inputs whose size was not known; what is not read, because it lies behind damage or could not be opened, counts
    /// as read.
    fn read(&self, bytes: u64);
}

/// Nobody watches.
impl Progress for () {
    fn expect(&self, _: u64) {}
    fn open(&self, _: &Path) {}
    fn read(&self, _: u64) {}
}

/// One input that is watched.
pub(super) struct Watch<'a> {
    progress: &'a dyn Progress,
    /// How many of its bytes were told.
    told: u64,
    /// Frames between two looks.
    pub(super) interval: u64,
}

impl<'a> Watch<'a> {
    /// Watches an input from its start on.
    pub(super) fn new(progress: &'a dyn Progress, interval: u64) -> Self {
        Self { progress, told: 0, interval }
    }

    /// Tells how far the reading has come.
    #[cold]
    pub(super) fn look(&mut self, capture: &Capture) {
        self.tell(capture.bytes_read());
    }

    /// Tells how far a piece of the input was read since the last look.
    pub(super) fn look_at_piece(&self, more: u64, told: &AtomicU64) {
        told.fetch_add(more, Ordering::Relaxed);
        self.progress.read(more);
    }

    /// Takes note of what pieces told.
    pub(super) fn take(&mut self, told: &AtomicU64) {
        self.told = self.told.saturating_add(told.load(Ordering::Relaxed));
    }

    /// Tells the rest of an input of so many bytes.
    pub(super) fn end(mut self, size: u64) {
        self.tell(size);
    }

    fn tell(&mut self, read: u64) {
        if let Some(more @ 1..) = read.checked_sub(self.told) {
            self.told = read;
            self.progress.read(more);
        }
    }
}

/// Frames between two looks at the progress: a bar that moves every few milliseconds.
pub(super) const INTERVAL: u64 = 1 << 14;

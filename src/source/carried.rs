//! The key logs that a capture carries in its decryption secrets blocks, on their way to who asked for them.
//!
//! Input: the blocks' contents, as the reader comes upon them. Output: the same, taken out at once or later. Must not: show them,
//! or hold more than [`MAX_CARRIED`] bytes.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The most that is handed on of one capture, in bytes: some 200,000 connections' keys.
const MAX_CARRIED: usize = 64 << 20;

/// Where a reader puts the TLS key logs of its capture.
#[derive(Default)]
pub struct Carried {
    has_some: AtomicBool,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    /// How many bytes there were so far.
    all: usize,
}

impl Carried {
    /// Whether there is something to take.
    #[inline]
    pub fn has_some(&self) -> bool {
        self.has_some.load(Ordering::Relaxed)
    }

    /// Takes what is there.
    pub fn take(&self) -> Vec<u8> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_some.store(false, Ordering::Relaxed);
        std::mem::take(&mut held.bytes)
    }

    /// Adds the content of a block, as far as there is room.
    pub(super) fn add(&self, log: &[u8]) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_CARRIED.saturating_sub(held.all);
        let log = log.get(..room).unwrap_or(log);
        held.all += log.len();
        held.bytes.extend_from_slice(log);
        // The next block begins a line of its own.
        held.bytes.push(b'\n');
        self.has_some.store(true, Ordering::Relaxed);
    }
}

/// That there is something, and not what.
impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carried").field("has_some", &self.has_some()).finish_non_exhaustive()
    }
}

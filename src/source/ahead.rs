//! Packed bytes, unpacked a portion at a time: of a short input by the thread that reads it, of a long one by a thread of
//! its own, a few portions ahead.
//!
//! Input: packed bytes. Output: unpacked bytes, and how they end. Portions are the same with and without a thread, so limits
//! and damage are, too. Memory is a few portions. Must not: know what is packed.

use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::packed::Packed;
use super::stored::{Failure, Stored};
use super::summary::READ_ERROR;

/// Packed bytes that are being read.
pub(super) struct Ahead {
    unpacker: Unpacker,
    /// The portion that is being read, and how far.
    portion: Portion,
    at: usize,
    /// How many more portions are unpacked here before a thread takes over; 0 where none will.
    before_thread: u32,
}

enum Unpacker {
    Here(Box<Packed>),
    Beside(Thread),
    /// Between the two.
    None,
}

impl Ahead {
    /// Nothing is unpacked yet. Where `beside`, a long input is unpacked on a thread of its own.
    pub(super) fn new(packed: Packed, beside: bool) -> Self {
        let before_thread = if beside { SHORT } else { 0 };
        Self { unpacker: Unpacker::Here(Box::new(packed)), portion: Portion::default(), at: 0, before_thread }
    }

    /// Hands out what fits; 0 at the end. A failure is repeated for ever.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, Failure> {
        loop {
            let there = self.portion.bytes.get(self.at..self.portion.len).unwrap_or_default();
            if !there.is_empty() {
                let count = there.len().min(into.len());
                if let (Some(from), Some(to)) = (there.get(..count), into.get_mut(..count)) {
                    to.copy_from_slice(from);
                }
                self.at += count;
                return Ok(count);
            }
            if let Some(ending) = &self.portion.ending {
                return ending.clone().map(|()| 0);
            }
            self.next();
        }
    }

    /// Goes on to the next portion.
    fn next(&mut self) {
        self.at = 0;
        if let Unpacker::Beside(thread) = &mut self.unpacker
            && !thread.next(&mut self.portion)
        {
            // It said nothing of an end, so it failed; if it did not, it goes on here.
            self.stop();
        }
        if let Unpacker::Here(packed) = &mut self.unpacker {
            self.portion.fill(packed);
            self.before_thread = self.before_thread.saturating_sub(1);
            if self.before_thread == 1 && self.portion.ending.is_none() {
                self.start();
            }
        }
    }

    /// Lets a thread unpack from here on. Without one, it goes on here.
    fn start(&mut self) {
        self.unpacker = match std::mem::replace(&mut self.unpacker, Unpacker::None) {
            Unpacker::Here(packed) => Thread::start(packed).map_or_else(Unpacker::Here, Unpacker::Beside),
            other => other,
        };
    }

    /// Ends the thread, where there is one. What it unpacked ahead is given up, and how that ended is said.
    fn stop(&mut self) -> Option<Failure> {
        match std::mem::replace(&mut self.unpacker, Unpacker::None) {
            Unpacker::Beside(thread) => {
                let (packed, failure) = thread.stop();
                self.unpacker = packed.map_or(Unpacker::None, Unpacker::Here);
                failure
            }
            other => {
                self.unpacker = other;
                None
            }
        }
    }

    /// How many stored bytes were read. A thread reads them ahead.
    pub(super) fn count(&self) -> u64 {
        match &self.unpacker {
            Unpacker::Here(packed) => packed.stored().count(),
            Unpacker::Beside(thread) => thread.count.load(Ordering::Relaxed),
            Unpacker::None => 0,
        }
    }

    /// Reads the stored bytes to their end, through `buffer`.
    pub(super) fn drain(&mut self, buffer: &mut [u8]) -> Result<(), Failure> {
        let ahead = self.stop();
        let ending = self.portion.ending.take().and_then(Result::err).or(ahead);
        if let Some(failure) = ending.filter(|failure| failure.kind == READ_ERROR) {
            return Err(failure);
        }
        match &mut self.unpacker {
            Unpacker::Here(packed) => packed.stored_mut().drain(buffer),
            _ => Ok(()),
        }
    }

    /// The stored bytes, of which no more are unpacked; `None` where the thread that had them failed.
    pub(super) fn into_stored(mut self) -> Option<Stored> {
        self.stop();
        match self.unpacker {
            Unpacker::Here(packed) => Some(packed.into_stored()),
            _ => None,
        }
    }
}

/// Unpacked bytes.
#[derive(Default)]
struct Portion {
    bytes: Vec<u8>,
    /// How many of them there are.
    len: usize,
    /// How the bytes end behind these, where they do.
    ending: Option<Result<(), Failure>>,
}

impl Portion {
    /// Unpacks the next bytes, more than half of what there is room for unless they end.
    fn fill(&mut self, packed: &mut Packed) {
        self.bytes.resize(CAPACITY, 0);
        self.len = 0;
        while self.ending.is_none() && self.len <= CAPACITY / 2 {
            match packed.read(self.bytes.get_mut(self.len..).unwrap_or_default()) {
                Ok(0) => self.ending = Some(Ok(())),
                Ok(read) => self.len += read,
                Err(failure) => self.ending = Some(Err(failure)),
            }
        }
    }
}

/// A thread that unpacks.
struct Thread {
    handle: JoinHandle<Option<Box<Packed>>>,
    full: Receiver<Portion>,
    empty: SyncSender<Portion>,
    /// How many stored bytes it has read.
    count: Arc<AtomicU64>,
}

impl Thread {
    /// Goes on where `packed` is, or gives it back where no thread is to be had.
    fn start(packed: Box<Packed>) -> Result<Self, Box<Packed>> {
        let (hand, handed) = sync_channel::<Box<Packed>>(1);
        let (empty, emptied) = sync_channel::<Portion>(PORTIONS);
        let (filled, full) = sync_channel(PORTIONS);
        let count = Arc::new(AtomicU64::new(packed.stored().count()));
        let counted = Arc::clone(&count);
        let unpack = move || {
            let mut packed = handed.recv().ok()?;
            for mut portion in emptied {
                portion.fill(&mut packed);
                counted.store(packed.stored().count(), Ordering::Relaxed);
                let ended = portion.ending.is_some();
                if filled.send(portion).is_err() || ended {
                    break;
                }
            }
            Some(packed)
        };
        let handle: io::Result<_> = thread::Builder::new().name("unpack".to_owned()).spawn(unpack);
        let Ok(handle) = handle else { return Err(packed) };
        hand.send(packed).map_err(|refused| refused.0)?;
        for _ in 1..PORTIONS {
            // There is room for all of them, so nothing waits.
            let _ = empty.try_send(Portion::default());
        }
        Ok(Self { handle, full, empty, count })
    }

    /// Takes the next portion in place of one that was read; `false` where none comes.
    fn next(&mut self, portion: &mut Portion) -> bool {
        let _ = self.empty.try_send(std::mem::take(portion));
        self.full.recv().map(|next| *portion = next).is_ok()
    }

    /// Waits for its end; gives back what it unpacked from, and the failure that it came to.
    fn stop(self) -> (Option<Box<Packed>>, Option<Failure>) {
        let Self { handle, full, empty, .. } = self;
        drop(empty);
        let failure = full.iter().find_map(|portion| portion.ending.and_then(Result::err));
        match handle.join() {
            Ok(packed) => (packed, failure),
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// Portions up to which an input is short: a thread costs more than it saves. One more than are unpacked here.
const SHORT: u32 = 4;
/// Bytes that a portion has room for.
const CAPACITY: usize = 256 * 1024;
/// How many portions there are.
const PORTIONS: usize = 4;

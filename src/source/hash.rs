//! SHA-256 of the stored bytes: of a short input by the thread that reads it, of a long one by a thread beside that.
//!
//! Input: the bytes, as they are read. Output: their hash. A few buffers go to the thread and come back, so memory is
//! bounded, and a reader that is faster than the hash waits for it. Must not: pass over a byte, or outlive its input.

use std::fmt::Write as _;
use std::io;
use std::mem;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use sha2::{Digest as _, Sha256};

/// The hash of the bytes so far.
pub(super) struct Hash {
    state: State,
    /// How many more bytes are hashed here before a thread takes over; `None` where none will.
    before_beside: Option<usize>,
}

enum State {
    Here(Sha256),
    Beside(Hasher),
}

impl Hash {
    /// The hash of no bytes. Where `beside`, that of a long input is made on a thread of its own.
    pub(super) fn new(beside: bool) -> Self {
        Self { state: State::Here(Sha256::new()), before_beside: beside.then_some(SHORT) }
    }

    /// Takes the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Here(hash) => {
                hash.update(bytes);
                let Some(left) = &mut self.before_beside else { return };
                *left = left.saturating_sub(bytes.len());
                if *left == 0 {
                    self.before_beside = None;
                    // Without a thread, it goes on here.
                    if let Ok(hasher) = Hasher::start(hash.clone()) {
                        self.state = State::Beside(hasher);
                    }
                }
            }
            State::Beside(hasher) => hasher.update(bytes),
        }
    }

    /// The hash of all bytes, in 64 lower-case hex digits.
    pub(super) fn finish(self) -> Option<String> {
        let hash = match self.state {
            State::Here(hash) => hash,
            State::Beside(hasher) => hasher.finish()?,
        };
        Some(hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }
}

/// A thread that hashes.
struct Hasher {
    thread: JoinHandle<Sha256>,
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    /// The buffer that is being filled.
    filling: Vec<u8>,
}

impl Hasher {
    /// Goes on from what was hashed.
    fn start(mut hash: Sha256) -> io::Result<Self> {
        let (full, filled) = sync_channel::<Vec<u8>>(BUFFERS);
        let (emptied, empty) = sync_channel(BUFFERS);
        for _ in 1..BUFFERS {
            // There is room for all of them, so nothing waits.
            let _ = emptied.try_send(Vec::with_capacity(CAPACITY));
        }
        let thread = thread::Builder::new().name("hash".to_owned()).spawn(move || {
            for mut buffer in filled {
                hash.update(&buffer);
                buffer.clear();
                // Nobody takes it any more where the input has ended.
                let _ = emptied.try_send(buffer);
            }
            hash
        })?;
        Ok(Self { thread, full, empty, filling: Vec::with_capacity(CAPACITY) })
    }

    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = CAPACITY.saturating_sub(self.filling.len());
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.filling.extend_from_slice(now);
            bytes = later;
            if self.filling.len() >= CAPACITY {
                // Neither fails while the thread lives; were it gone, there would be no hash.
                let _ = self.full.send(mem::take(&mut self.filling));
                self.filling = self.empty.recv().unwrap_or_default();
            }
        }
    }

    fn finish(self) -> Option<Sha256> {
        let Self { thread, full, filling, .. } = self;
        let _ = full.send(filling);
        drop(full);
        thread.join().ok()
    }
}

/// Bytes up to which an input is short: a thread costs more than it saves.
const SHORT: usize = 1 << 20;
/// Bytes of a buffer.
const CAPACITY: usize = 256 * 1024;
/// How many there are of them.
const BUFFERS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(bytes: &[u8], step: usize, beside: bool) -> Option<String> {
        let mut hash = Hash::new(beside);
        bytes.chunks(step).for_each(|chunk| hash.update(chunk));
        assert_eq!(matches!(hash.state, State::Beside(_)), beside && bytes.len() >= SHORT);
        hash.finish()
    }

    #[test]
    fn a_thread_beside_makes_no_difference() {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(i) >> 1).to_be_bytes()[1]).collect();
        for len in [0, 1, SHORT - 1, SHORT, SHORT + 1, SHORT + CAPACITY, SHORT + 5 * CAPACITY, bytes.len()] {
            let bytes = &bytes[..len];
            let expected = hash(bytes, len.max(1), false);
            for step in [7_001, CAPACITY, CAPACITY + 1, 1 << 20] {
                assert_eq!(hash(bytes, step, true), expected, "{len} bytes by {step}");
            }
        }
    }

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // FIPS 180-2, appendix B.1 and B.3.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash(b"abc", 1, true).as_deref(), Some(abc));
        let million = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
        assert_eq!(hash(&vec![b'a'; 1_000_000], 999, true).as_deref(), Some(million));
    }

    #[test]
    fn a_hash_that_nobody_wants_any_more_ends_its_thread() {
        let mut hash = Hash::new(true);
        hash.update(&vec![0; 3 * SHORT]);
        let State::Beside(hasher) = hash.state else { panic!("no thread") };
        let Hasher { thread, full, .. } = hasher;
        drop(full);
        assert!(thread.join().is_ok());
    }
}

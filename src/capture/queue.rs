//! The queue between devices and the pipe: bytes, with a limit. What finds no room is refused, and whoever offered it counts that.
//!
//! Input: blocks, each in one write. Output: all that waits, in the order it came. Must not: wait for room, since a device
//! does not, or take a part of a block.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A queue that several threads may write blocks to, each in one write, and one thread takes from.
#[derive(Clone, Debug)]
pub struct Queue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    is_closed: bool,
}

impl Queue {
    /// A queue of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let shared = Shared { state: Mutex::default(), changed: Condvar::new(), limit };
        Self { shared: Arc::new(shared) }
    }

    /// Puts what waits in the place of what `into` holds: at once where that is much, else what comes within 50 ms.
    /// False where the queue is closed and empty.
    pub fn take(&self, into: &mut Vec<u8>) -> bool {
        into.clear();
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.is_closed {
                return false;
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let since = Instant::now();
        while state.waiting.len() < BATCH && !state.is_closed {
            let Some(left) = LATENCY.checked_sub(since.elapsed()) else { break };
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut state.waiting, into);
        true
    }

    /// Nothing more comes; what waits can still be taken.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.shared.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Queue {
    /// Takes all of the block, or fails with `WouldBlock` where there is no room for it, with `BrokenPipe` where the queue is closed.
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let before = state.waiting.len();
        let after = before.saturating_add(block.len());
        if after > self.shared.limit {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.waiting.extend_from_slice(block);
        drop(state);
        if before == 0 || (before < BATCH && after >= BATCH) {
            self.shared.changed.notify_one();
        }
        Ok(block.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How long a block may wait for others before they are taken together.
pub(crate) const LATENCY: Duration = Duration::from_millis(50);
/// So many bytes do not wait.
const BATCH: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn what_finds_no_room_is_refused_whole() {
        let mut queue = Queue::new(10);
        queue.write_all(b"abcdef").unwrap();
        assert_eq!(queue.write_all(b"ghijk").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        queue.write_all(b"ghij").unwrap();
        let mut taken = Vec::new();
        assert!(queue.take(&mut taken));
        assert_eq!(taken, b"abcdefghij");
        queue.write_all(b"k").unwrap();
        queue.close();
        assert!(queue.write_all(b"l").is_err());
        assert!(queue.take(&mut taken));
        assert_eq!(taken, b"k");
        assert!(!queue.take(&mut taken) && taken.is_empty());
    }

    #[test]
    fn what_several_threads_write_is_taken_once_and_in_the_order_of_each() {
        let queue = Queue::new(1 << 20);
        let mut taken = Vec::new();
        thread::scope(|scope| {
            let writers: Vec<_> = (0..4_u8)
                .map(|number| {
                    let mut queue = queue.clone();
                    scope.spawn(move || (0..200_u8).for_each(|i| queue.write_all(&[number, i]).unwrap()))
                })
                .collect();
            let closer = queue.clone();
            scope.spawn(move || {
                for writer in writers {
                    writer.join().unwrap();
                }
                closer.close();
            });
            let mut piece = Vec::new();
            while queue.take(&mut piece) {
                taken.extend_from_slice(&piece);
            }
        });
        for number in 0..4 {
            let own: Vec<u8> = taken.chunks(2).filter(|pair| pair[0] == number).map(|pair| pair[1]).collect();
            assert_eq!(own, (0..200).collect::<Vec<u8>>());
        }
    }
}

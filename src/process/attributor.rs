//! The thread that asks the system.
//!
//! Input: new flows from [`Watch`]es. Output: blocks for the capture, in order, whole. Must not: take more than its part of a
//! processor, but for a start of half a second that is saved up again while little happens.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Watch;
use super::book::Book;
use crate::frame::Timestamp;
use crate::process::System;
use crate::source::owners::{OwnerTotals, SocketEnds};

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Message {
    Flow(SocketEnds),
    Remind,
    Stop,
}

/// What became of blocks that were given away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Given {
    /// They are taken.
    Taken,
    /// They are not: another file has begun, which knows nothing yet. They are given again, behind everything that still holds.
    NewFile,
}

/// What became of the flows, by the last look at the table.
#[derive(Clone, Debug)]
pub struct Tally(Arc<Mutex<OwnerTotals>>);

impl Tally {
    /// The counts as they are now.
    #[must_use]
    pub fn totals(&self) -> OwnerTotals {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that finds out whose flows are, from its start to its end.
#[derive(Debug)]
pub struct Attributor {
    to: SyncSender<Message>,
    unasked: Arc<AtomicU64>,
    totals: Arc<Mutex<OwnerTotals>>,
    thread: JoinHandle<io::Result<OwnerTotals>>,
}

impl Attributor {
    /// Starts the thread. `sink` takes one or more whole blocks at a time, for a little-endian section of pcapng; where it fails, the
    /// thread ends, and [`Attributor::finish`] says so.
    pub fn start(
        system: Box<dyn System>,
        sink: impl FnMut(&[u8]) -> io::Result<Given> + Send + 'static,
    ) -> io::Result<Self> {
        let (to, from) = sync_channel(QUEUE);
        let (unasked, totals) = (Arc::default(), Arc::default());
        let work = Work {
            system,
            sink: Box::new(sink),
            from,
            unasked: Arc::clone(&unasked),
            shown: Arc::clone(&totals),
            book: Book::default(),
            credit: Credit::new(Instant::now()),
            last_change: Instant::now(),
            last_totals: Instant::now(),
        };
        let thread = std::thread::Builder::new().name("processes".to_owned()).spawn(move || work.run())?;
        Ok(Self { to, unasked, totals, thread })
    }

    /// What tells the thread of flows; one for each thread that has frames.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::new(self.to.clone(), Arc::clone(&self.unasked))
    }

    /// What became of the flows so far, for whoever shows it.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally(Arc::clone(&self.totals))
    }

    /// Another file has begun: the sink is asked soon whether what still holds has to be said again. Nobody waits: where the thread
    /// is too busy to be told, its next blocks ask the same.
    pub fn remind(&self) {
        drop(self.to.try_send(Message::Remind));
    }

    /// Looks once more, writes what became of all flows, and ends the thread.
    pub fn finish(self) -> io::Result<OwnerTotals> {
        drop(self.to.send(Message::Stop));
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that asks for processes panicked")))
    }
}

/// What takes the blocks.
type Sink = Box<dyn FnMut(&[u8]) -> io::Result<Given> + Send>;

/// What the thread has.
struct Work {
    system: Box<dyn System>,
    sink: Sink,
    from: Receiver<Message>,
    unasked: Arc<AtomicU64>,
    /// The totals, for whoever asks.
    shown: Arc<Mutex<OwnerTotals>>,
    book: Book,
    credit: Credit,
    last_change: Instant,
    last_totals: Instant,
}

impl Work {
    fn run(mut self) -> io::Result<OwnerTotals> {
        let mut next = Instant::now();
        loop {
            match self.from.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Message::Flow(ends)) => {
                    if self.book.flow(ends) {
                        self.last_change = Instant::now();
                        next = next.min(self.credit.soonest(SOON));
                    }
                }
                Ok(Message::Remind) => self.give(&[])?,
                // Nobody is left who could say stop.
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return self.end(),
                Err(RecvTimeoutError::Timeout) => {
                    self.look()?;
                    next = self.credit.soonest(self.pause());
                }
            }
        }
    }

    /// How long to wait for the next look.
    fn pause(&self) -> Duration {
        match self.last_change.elapsed() {
            _ if self.book.is_waiting() => SECOND_LOOK,
            since if since < ACTIVE_FOR => PAUSE,
            _ => IDLE_PAUSE,
        }
    }

    fn look(&mut self) -> io::Result<()> {
        let before = self.system.busy();
        let mut out = Vec::new();
        // A table that cannot be read now may be read the next time; what waits is counted as missed if not.
        let changed = self.book.look(&mut *self.system, now(), &mut out).unwrap_or(false);
        if changed {
            self.last_change = Instant::now();
        }
        let took = self.system.busy().saturating_sub(before);
        self.credit.spend(took, Instant::now());
        let totals = &mut self.book.totals;
        totals.busy_nanos =
            totals.busy_nanos.saturating_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        if self.last_totals.elapsed() > TOTALS_EVERY {
            self.last_totals = Instant::now();
            self.sum_up(&mut out);
        }
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = self.book.totals;
        if out.is_empty() { Ok(()) } else { self.give(&out) }
    }

    fn sum_up(&mut self, out: &mut Vec<u8>) {
        self.book.totals.unasked += self.unasked.swap(0, Ordering::Relaxed);
        self.book.sum_up(out);
    }

    /// Gives blocks away, behind what still holds where another file has begun since.
    fn give(&mut self, blocks: &[u8]) -> io::Result<()> {
        let mut given = (self.sink)(blocks)?;
        // A second one within this moment is reminded of by the next blocks.
        for _ in 0..MOST_FILES {
            if given == Given::Taken {
                break;
            }
            let mut all = Vec::new();
            self.book.restate(&mut all);
            all.extend_from_slice(blocks);
            given = (self.sink)(&all)?;
        }
        Ok(())
    }

    /// What waits is looked for until it is decided, or the table cannot be read.
    fn end(mut self) -> io::Result<OwnerTotals> {
        while self.book.is_waiting() {
            let before = self.book.totals.sweeps;
            self.look()?;
            if self.book.totals.sweeps == before {
                break;
            }
        }
        self.book.give_up();
        let mut out = Vec::new();
        self.sum_up(&mut out);
        self.give(&out)?;
        Ok(self.book.totals)
    }
}

/// How much of a processor may be taken now.
#[derive(Debug)]
struct Credit {
    left: f64,
    at: Instant,
}

impl Credit {
    fn new(at: Instant) -> Self {
        Self { left: MOST.as_secs_f64(), at }
    }

    fn spend(&mut self, took: Duration, now: Instant) {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * PART;
        self.left = (self.left + earned).min(MOST.as_secs_f64()) - took.as_secs_f64();
        self.at = now;
    }

    /// When the next look may be: after the pause, and where more was taken than there was, once that is made up for.
    fn soonest(&self, pause: Duration) -> Instant {
        let owed = Duration::from_secs_f64((-self.left / PART).clamp(0.0, LONGEST_WAIT));
        self.at + pause.max(owed)
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Files that may begin while the same blocks are given away.
const MOST_FILES: usize = 3;
/// Flows that may wait to be taken over.
const QUEUE: usize = 1 << 16;
/// After a new flow: long enough for others that come with it.
const SOON: Duration = Duration::from_millis(15);
const SECOND_LOOK: Duration = Duration::from_millis(60);
const PAUSE: Duration = Duration::from_millis(250);
const IDLE_PAUSE: Duration = Duration::from_secs(2);
const ACTIVE_FOR: Duration = Duration::from_secs(5);
const TOTALS_EVERY: Duration = Duration::from_secs(10);
/// The part of a processor that is taken in the long run.
const PART: f64 = 0.05;
/// What may be taken beyond that at once.
const MOST: Duration = Duration::from_millis(500);
/// In seconds.
const LONGEST_WAIT: f64 = 60.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_at_once_is_made_up_for() {
        let start = Instant::now();
        let mut credit = Credit::new(start);
        assert_eq!(credit.soonest(SOON), start + SOON);
        credit.spend(Duration::from_millis(500), start);
        assert_eq!(credit.soonest(SOON), start + SOON, "all of it, and no more");
        credit.spend(Duration::from_millis(10), start);
        let wait = credit.soonest(SOON).duration_since(start);
        assert!((Duration::from_millis(199)..Duration::from_millis(201)).contains(&wait), "{wait:?}");
        credit.spend(Duration::ZERO, start + Duration::from_secs(1_000));
        assert!((credit.left - 0.5).abs() < 1e-9, "no more than that is saved up");
    }

    #[test]
    fn a_sink_that_fails_ends_the_thread_and_a_panic_is_told() {
        let system = super::super::book::tests::Fake::new(Vec::new());
        let broken = || io::Error::from(io::ErrorKind::StorageFull);
        let attributor = Attributor::start(Box::new(system), move |_| Err(broken())).unwrap();
        assert_eq!(attributor.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_file_that_has_begun_since_gets_what_still_holds_before_what_is_new() {
        let socket = super::super::book::tests::socket(1, true, "192.0.2.1:4000", Some("198.51.100.7:443"));
        let system = super::super::book::tests::Fake::new(vec![(socket, vec![7])]);
        let (say, said) = std::sync::mpsc::channel();
        let mut calls = 0;
        let attributor = Attributor::start(Box::new(system), move |blocks| {
            calls += 1;
            say.send(blocks.len()).unwrap();
            Ok(if calls == 2 { Given::NewFile } else { Given::Taken })
        })
        .unwrap();
        let first = said.recv().unwrap();
        attributor.remind();
        assert_eq!(said.recv().unwrap(), 0, "asked without a word");
        assert_eq!(said.recv().unwrap(), first, "all that was said before");
        attributor.finish().unwrap();
    }
}

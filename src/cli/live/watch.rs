//! What the threads of a live run know of each other.
//!
//! Input: the latest snapshot, news, the end of the reading. Output: what the screen asks for. Must not: hold a lock for longer than
//! it takes to copy a few words.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::live::{Marks, Plan};
use crate::cli::screen::{Behold, Model, Quality};
use crate::inspect::live::Questions;

/// A live run, seen from outside its reader.
pub(super) struct Watching<'a> {
    pub(super) plan: &'a Plan<'a>,
    pub(super) questions: Questions,
    latest: Mutex<Option<(Arc<Model>, Instant)>>,
    /// What went wrong and was not told yet, each thing once.
    news: Mutex<Vec<String>>,
    told: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

/// Says that the reading is over when it goes away, also where the reader panics.
pub(super) struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl<'a> Watching<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, questions: Questions) -> Self {
        Self {
            plan,
            questions,
            latest: Mutex::default(),
            news: Mutex::default(),
            told: Mutex::default(),
            is_over: AtomicBool::new(false),
        }
    }

    pub(super) fn ends_with(&self) -> Ending<'_> {
        Ending(&self.is_over)
    }

    /// Waits until a moment; `false` where the reading ends first.
    pub(super) fn sleeps_until(&self, moment: Instant) -> bool {
        while !self.is_over() {
            let Some(left) = moment.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                return true;
            };
            thread::sleep(left.min(TURN));
        }
        false
    }

    /// A snapshot that was asked for at that moment.
    pub(super) fn show(&self, model: Model, asked: Instant) {
        *lock(&self.latest) = Some((Arc::new(model), asked));
    }

    /// Something went wrong; what was said before is not said again.
    pub(super) fn tell(&self, what: String) {
        let mut told = lock(&self.told);
        if told.len() < MOST_NEWS && !told.contains(&what) {
            told.push(what.clone());
            lock(&self.news).push(what);
        }
    }

    /// What went wrong, for after the screen.
    pub(super) fn untold(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.told))
    }
}

impl Behold for Watching<'_> {
    fn title(&self) -> String {
        self.plan.title.clone()
    }

    fn latest(&self) -> Option<(Arc<Model>, Instant)> {
        lock(&self.latest).clone()
    }

    fn position(&self) -> (u64, Quality) {
        let position = self.questions.position();
        (position.frames, (self.plan.quality)(position))
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    fn news(&self) -> Option<String> {
        lock(&self.news).pop().or_else(self.plan.news)
    }

    fn end(&self, is_interrupt: bool) {
        self.plan.stop.is_interrupted.fetch_or(is_interrupt, Ordering::Relaxed);
        self.plan.stop.ends.store(true, Ordering::Relaxed);
    }

    fn is_ending(&self) -> bool {
        self.plan.stop.ends.load(Ordering::Relaxed)
    }

    fn mark(&self, label: &str) -> String {
        let set = match &self.plan.marks {
            Marks::Analysis => self.questions.mark(label),
            Marks::Capture(mark) => mark(label),
            Marks::Refused(why) => Err((*why).to_owned()),
        };
        match set {
            Ok(()) => format!("Marked: {label}"),
            Err(why) => format!("Not marked: {why}"),
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Between two looks at whether the reading is over.
const TURN: Duration = Duration::from_millis(25);
/// How many different things may go wrong before no more is said.
const MOST_NEWS: usize = 16;

//! An inspection of captures that are still written, with reports while it goes on.
//!
//! Input: the files of a capture in their order, each followed to its end, and questions from other threads. Output: a
//! [`Snapshot`] whenever one is asked for, which is judged by whoever asked, and in the end the same [`Inspection`] as of the
//! finished files. Must not: wait for whoever looks, or let a snapshot change what comes after it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::frame::{FrameRef, Timestamp};
use crate::inspect::guard::Guard;
use crate::inspect::inputs::Opened;
use crate::inspect::memory::{self, Budget};
use crate::inspect::progress::{Progress, Watch};
use crate::inspect::times::Times;
use crate::inspect::{Captured, Inspection, Settings};
use crate::session::{Mark, marks};
use crate::source::{Capture, Follow, Options, Summary};

/// A file that is still written, and how it is followed.
#[derive(Clone, Debug)]
pub struct Followed {
    /// Its path.
    pub path: PathBuf,
    /// Until when it is followed.
    pub follow: Follow,
}

impl Followed {
    /// A file, followed so that questions are answered while nothing comes.
    #[must_use]
    pub fn new(path: PathBuf, follow: Follow) -> Self {
        Self { path, follow: Follow { pause: Some(PAUSE), ..follow } }
    }
}

/// The two ends of a conversation between the thread that reads and the one that looks.
#[must_use]
pub fn window() -> (Asked, Onlooker) {
    let (sender, snapshots) = sync_channel(1);
    let shared = Arc::<Shared>::default();
    (Asked { shared: Arc::clone(&shared), snapshots: sender }, Onlooker { shared, snapshots })
}

/// What both ends know.
#[derive(Default, Debug)]
struct Shared {
    /// Whether a snapshot is wanted.
    is_wanted: AtomicBool,
    has_labels: AtomicBool,
    /// The labels of marks that are to be set.
    labels: Mutex<Vec<String>>,
    /// The marks that were set, as `--mark` takes them.
    set: Mutex<Vec<String>>,
    frames: AtomicU64,
    bytes: AtomicU64,
    /// The time of the last frame, in nanoseconds since 1970; 0 for none.
    last: AtomicI64,
}

/// The end of the thread that reads.
#[derive(Debug)]
pub struct Asked {
    shared: Arc<Shared>,
    snapshots: SyncSender<Snapshot>,
}

/// The end of whoever looks. Its questions may be asked from several threads.
#[derive(Debug)]
pub struct Onlooker {
    shared: Arc<Shared>,
    snapshots: Receiver<Snapshot>,
}

/// How far the reading has come.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Position {
    /// Frames read.
    pub frames: u64,
    /// Stored bytes read, of all files together.
    pub bytes: u64,
    /// The time of the last frame that has one.
    pub last: Option<Timestamp>,
}

/// Questions for the thread that reads, from whatever thread.
#[derive(Clone, Debug)]
pub struct Questions(Arc<Shared>);

impl Onlooker {
    /// Asks for a snapshot. It comes with the next frame, or a moment later where there is none.
    pub fn ask(&self) {
        self.shared.is_wanted.store(true, Ordering::Relaxed);
    }

    /// Waits for the snapshot that was asked for; `None` once the reading has ended and no more come.
    #[must_use]
    pub fn wait(&self) -> Option<Snapshot> {
        self.snapshots.recv().ok()
    }

    /// The same questions, for other threads.
    #[must_use]
    pub fn questions(&self) -> Questions {
        Questions(Arc::clone(&self.shared))
    }
}

impl Questions {
    /// How far the reading has come.
    #[must_use]
    pub fn position(&self) -> Position {
        let last = self.0.last.load(Ordering::Relaxed);
        Position {
            frames: self.0.frames.load(Ordering::Relaxed),
            bytes: self.0.bytes.load(Ordering::Relaxed),
            last: (last != 0).then_some(Timestamp::from_nanos(last)),
        }
    }

    /// Sets a mark at the frame that is read next. Refused is what no label can be, with the reason.
    pub fn mark(&self, label: &str) -> Result<(), String> {
        let mark = mark_at(1, label)?;
        let mut labels = self.0.labels.lock().unwrap_or_else(PoisonError::into_inner);
        if labels.len() >= marks::MAX_MARKS {
            return Err("too many marks wait for the next frame".to_owned());
        }
        labels.push(mark.label);
        drop(labels);
        self.0.has_labels.store(true, Ordering::Release);
        Ok(())
    }

    /// The labels of marks after which no frame came, so that they are nowhere.
    #[must_use]
    pub fn unset(&self) -> Vec<String> {
        self.0.labels.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The marks that were set, as `--mark` takes them.
    #[must_use]
    pub fn set(&self) -> Vec<String> {
        self.0.set.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The mark of that label at a frame, as the user would write it.
fn mark_at(frame: u64, label: &str) -> Result<Mark, String> {
    marks::parse_option(&format!("frame:{frame}={label}"))
}

impl Asked {
    /// Tells how far the reading has come.
    fn tell(&self, frames: u64, bytes: u64, last: Option<Timestamp>) {
        self.shared.frames.store(frames, Ordering::Relaxed);
        self.shared.bytes.store(bytes, Ordering::Relaxed);
        self.shared.last.store(last.map_or(0, Timestamp::nanos), Ordering::Relaxed);
    }

    /// The labels that wait for the next frame.
    fn labels(&self) -> Vec<String> {
        if !self.shared.has_labels.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        std::mem::take(&mut *self.shared.labels.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers where a snapshot is wanted and there is room for one. Nobody is waited for.
    fn answer(&self, snapshot: impl FnOnce() -> Snapshot) {
        if !self.shared.is_wanted.swap(false, Ordering::Relaxed) {
            return;
        }
        if let Err(TrySendError::Full(_)) = self.snapshots.try_send(snapshot()) {
            // The one before was not taken yet; this one is asked for again.
            self.shared.is_wanted.store(true, Ordering::Relaxed);
        }
    }

    /// Sets the marks that were asked for at a frame.
    fn set_marks(&self, capture: &mut Captured, at: FrameRef, time: Option<Timestamp>) {
        for label in self.labels() {
            let Ok(mark) = mark_at(at.number(), &label) else { continue };
            let mut set = self.shared.set.lock().unwrap_or_else(PoisonError::into_inner);
            set.push(format!("frame:{}={label}", at.number()));
            drop(set);
            capture.script.mark(mark, at, time);
        }
    }
}

/// What was read of a capture so far, not yet judged. Judging it takes longer than to make it, and can be done on another thread
/// while reading goes on.
#[derive(Debug)]
pub struct Snapshot {
    captured: Captured,
    /// The input that is being read.
    current: Option<(u32, PathBuf, Summary, Times)>,
    settings: Arc<Settings>,
}

impl Snapshot {
    /// Judges it. Marks that are still to come are no faults.
    #[must_use]
    pub fn judged(self) -> Inspection {
        let Self { mut captured, current, settings } = self;
        if let Some((place, path, summary, times)) = current {
            captured.script.end_input(&summary, times.earliest);
            captured.end_input((place, path, None), summary, times, 1);
        }
        let (inspection, _) = Inspection::of(vec![captured.end(&settings)], settings);
        Inspection { is_so_far: true, ..inspection }
    }
}

/// Reads files that are still written as one capture, in their order, and answers meanwhile. Of one file the result is that of
/// [`inspect`](super::inspect) on the finished file; of several, or of an iterator that cannot tell that there is one, that of
/// all of them joined.
pub fn follow(
    files: impl IntoIterator<Item = Followed>,
    settings: Settings,
    progress: &dyn Progress,
    asked: &Asked,
) -> Inspection {
    let settings = Arc::new(settings);
    let mut capture = Captured::new(Budget::new(&settings, (1, 1)), &settings);
    let mut failures = Vec::new();
    let mut before = Before::default();
    let files = files.into_iter();
    let is_alone = files.size_hint().1 == Some(1);
    for (place, Followed { path, follow }) in (0..).zip(files) {
        let (carried, reading) = (Arc::default(), settings.reading());
        let wanted = reading.carried.as_ref().map(|_| Arc::clone(&carried));
        let beside = settings.threads.get() > 1;
        let options = Options { follow: Some(follow), beside, carried: wanted, ..reading };
        let opened = match Capture::open(&path, &options) {
            Ok(opened) => opened,
            Err(error) => {
                failures.push(error);
                continue;
            }
        };
        progress.open(&path);
        let opened = Opened {
            number: u32::try_from(capture.inputs.len()).unwrap_or(u32::MAX),
            place,
            is_alone,
            path,
            capture: opened,
            watch: Watch::new(progress, INTERVAL),
            carried,
            threads: 1,
            share: (1, 1),
            stamp: None,
            again: None,
        };
        before = capture.read_watched(opened, asked, &before, &settings);
    }
    let captures = if capture.inputs.is_empty() { Vec::new() } else { vec![capture.end(&settings)] };
    let (inspection, met) = Inspection::of(captures, settings);
    Inspection { failures, ..inspection }.with_missed_marks(&met)
}

/// What was read of the files before.
#[derive(Default)]
struct Before {
    frames: u64,
    bytes: u64,
}

impl Captured {
    /// The same as [`Captured::read`] for a capture that grows, with answers to those who ask meanwhile.
    fn read_watched(
        &mut self,
        opened: Opened<'_>,
        asked: &Asked,
        before: &Before,
        settings: &Arc<Settings>,
    ) -> Before {
        self.script.begin_input(&opened);
        let Opened { number, place, path, mut capture, mut watch, carried, .. } = opened;
        let mut times = Times::default();
        let mut frames = before.frames;
        let mut guard = Guard::new(&self.census);
        loop {
            let taken = capture.next_frame().map(|frame| {
                let at = FrameRef::new(number, frame.number);
                if carried.has_some() {
                    self.unit.take_keys(&carried);
                }
                if asked.shared.has_labels.load(Ordering::Relaxed) {
                    asked.set_marks(self, at, frame.time);
                }
                guard.begin(at);
                let take = || self.take_frame(&frame, at, &mut times);
                match catch_unwind(AssertUnwindSafe(take)) {
                    Ok(()) => guard.end(),
                    Err(panic) => guard.catch(panic, &mut self.census),
                }
                frame.number
            });
            let Some(taken) = taken else {
                if !capture.is_waiting() {
                    break;
                }
                watch.look(&capture);
                asked.tell(frames, before.bytes + capture.bytes_read(), times.latest);
                asked.answer(|| self.so_far((place, &path), &mut capture, &times, settings));
                continue;
            };
            frames = before.frames + taken;
            if taken.is_multiple_of(INTERVAL) || asked.shared.is_wanted.load(Ordering::Relaxed) {
                watch.look(&capture);
                asked.tell(frames, before.bytes + capture.bytes_read(), times.latest);
                if taken.is_multiple_of(memory::INTERVAL) {
                    Budget::look(&mut self.unit, true);
                }
                asked.answer(|| self.so_far((place, &path), &mut capture, &times, settings));
            }
        }
        let summary = capture.finish();
        watch.end(summary.size);
        let after = Before { frames, bytes: before.bytes + summary.size };
        asked.tell(after.frames, after.bytes, times.latest);
        self.script.end_input(&summary, times.earliest);
        self.end_input((place, path, None), summary, times, 1);
        after
    }

    fn so_far(
        &self,
        (place, path): (u32, &PathBuf),
        capture: &mut Capture,
        times: &Times,
        settings: &Arc<Settings>,
    ) -> Snapshot {
        let captured = Self {
            inputs: self.inputs.clone(),
            unit: self.unit.so_far(),
            census: self.census.clone(),
            script: self.script.clone(),
            read: super::script::Read::default(),
        };
        let current = Some((place, path.clone(), capture.so_far(), *times));
        Snapshot { captured, current, settings: Arc::clone(settings) }
    }
}

/// Frames between two looks at who asks, while frames come without a pause.
const INTERVAL: u64 = 64;
/// How long a question waits for an answer at the most while nothing comes.
const PAUSE: Duration = Duration::from_millis(50);

//! The inputs of a run: opened one after the other, read several at a time.
//!
//! Input: paths, and what to do with an opened capture. Output: what came of each, in the order of the inputs, whatever the
//! number of threads. As many captures are read at once as there are threads. Must not: look at a frame.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::vec;

use crate::inspect::progress::{self, Progress, Watch};
use crate::source::{self, Capture, Carried, Lies, Options, STDIN, SourceError, Stamp};

/// The inputs that are not opened yet.
pub(super) struct Inputs<'a> {
    captures: vec::IntoIter<Result<PathBuf, SourceError>>,
    moved: BTreeMap<PathBuf, Lies>,
    /// The stored bytes of each of those, as far as they are known.
    sizes: vec::IntoIter<u64>,
    largest: u64,
    /// The sum of all sizes, where one that is not known counts as the largest.
    all: u64,
    options: Options,
    threads: NonZeroUsize,
    progress: &'a dyn Progress,
    opened: u32,
    /// How many were named, and how many of them were tried.
    named: usize,
    tried: u32,
    /// How many threads there are for each capture.
    share: usize,
    /// Those that could not be opened, and why.
    pub(super) failures: Vec<SourceError>,
    /// Files in the folders named that are no captures.
    pub(super) others: u64,
}

/// An input that was opened.
pub(super) struct Opened<'a> {
    /// How many inputs were opened before it, which is what frames refer to it by.
    pub(super) number: u32,
    /// Its place among the inputs that were named, from 0; one that could not be opened has one, too.
    pub(super) place: u32,
    /// Whether no other was named.
    pub(super) is_alone: bool,
    /// The path as it was given, or as the folder has it.
    pub(super) path: PathBuf,
    pub(super) capture: Capture,
    pub(super) watch: Watch<'a>,
    /// The key logs that it carries, as its reader comes upon them.
    pub(super) carried: Arc<Carried>,
    /// How many threads may read it.
    pub(super) threads: usize,
    /// Its stored bytes, and those of all inputs; one whose size is not known counts as the largest.
    pub(super) share: (u64, u64),
    /// What the file system said of it before it was opened for the first time; `None` where that may change, or says nothing.
    pub(super) stamp: Option<Stamp>,
    /// The same once more; `None` where it can be read once, such as standard input.
    pub(super) again: Option<Again>,
}

/// An input that can be opened once more.
#[derive(Clone)]
pub(super) struct Again {
    number: u32,
    place: u32,
    is_alone: bool,
    path: PathBuf,
    lies: BTreeMap<PathBuf, Lies>,
    options: Options,
    share: (u64, u64),
    stamp: Option<Stamp>,
}

impl Again {
    /// Opens it once more, to be read by this thread and watched by nobody; `None` where it is gone.
    pub(super) fn open(&self) -> Option<Opened<'static>> {
        let Self { number, place, is_alone, path, lies, options, share, stamp } = self.clone();
        let carried = Arc::default();
        let options = Options { carried: Some(Arc::clone(&carried)), beside: false, ..options };
        let capture = source::Inputs::open(&lies, &path, &options).ok()?;
        let watch = Watch::new(&(), progress::INTERVAL);
        Some(Opened {
            number,
            place,
            is_alone,
            path,
            capture,
            watch,
            carried,
            threads: 1,
            share,
            stamp,
            again: None,
        })
    }
}

impl<'a> Inputs<'a> {
    /// None of them is opened yet.
    pub(super) fn new(
        inputs: source::Inputs,
        mut options: Options,
        threads: NonZeroUsize,
        progress: &'a dyn Progress,
    ) -> Self {
        let size = |path: &Result<PathBuf, _>| {
            path.as_deref().map_or(0, |path| source::Inputs::size(&inputs.moved, path))
        };
        let sizes: Vec<u64> = inputs.captures.iter().map(size).collect();
        progress.expect(sizes.iter().fold(0, |sum, size| sum.saturating_add(*size)));
        let largest = sizes.iter().copied().max().unwrap_or(0).max(1);
        let all = sizes.iter().fold(0, |sum: u64, size| sum.saturating_add(known_or(*size, largest)));
        options.beside = threads.get() > 1;
        let named = sizes.len();
        Self {
            captures: inputs.captures.into_iter(),
            moved: inputs.moved,
            sizes: sizes.into_iter(),
            largest,
            all,
            options,
            threads,
            progress,
            opened: 0,
            named,
            tried: 0,
            share: 1,
            failures: Vec::new(),
            others: inputs.others,
        }
    }

    /// Opens all of them and reads each, several at a time; gives what came of them, in their order.
    pub(super) fn read_each<T: Send>(&mut self, read: impl Fn(Opened<'a>) -> T + Sync) -> Vec<T> {
        let readers = self.threads.get().min(self.captures.len());
        // Where every thread has a capture of its own, another beside it would only take its processor.
        self.options.beside = self.threads.get() > readers;
        self.share = self.threads.get() / readers.max(1);
        let door = Mutex::new(self);
        // A number is known only once all before it were opened, so they are opened one after the other.
        let next = || door.lock().unwrap_or_else(PoisonError::into_inner).next();
        let share = || {
            let mut share = Vec::new();
            while let Some(opened) = next() {
                share.push((opened.number, read(opened)));
            }
            share
        };
        let mut all = thread::scope(|scope| {
            // Where a thread is not to be had, the others do its share.
            let start = |_| thread::Builder::new().name("read".to_owned()).spawn_scoped(scope, share).ok();
            let others: Vec<_> = (1..readers).filter_map(start).collect();
            let mut all = share();
            for other in others {
                all.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            all
        });
        all.sort_unstable_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, read)| read).collect()
    }
}

impl Inputs<'_> {
    /// What is to be the same when it is read. What is followed grows, and what has moved is read elsewhere.
    fn stamp(&self, path: &Path) -> Option<Stamp> {
        let may_change =
            self.options.follow.is_some() || path.as_os_str() == STDIN || self.moved.contains_key(path);
        Stamp::of(path).filter(|_| !may_change)
    }
}

impl<'a> Iterator for Inputs<'a> {
    type Item = Opened<'a>;

    /// Opens the next input that can be opened.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let path = self.captures.next()?;
            let size = self.sizes.next().unwrap_or(0);
            let place = self.tried;
            self.tried = self.tried.saturating_add(1);
            // Each has its own, where they are wanted at all.
            let carried = Arc::default();
            let wanted = self.options.carried.as_ref().map(|_| Arc::clone(&carried));
            let options = Options { carried: wanted, ..self.options.clone() };
            let stamp = path.as_ref().ok().and_then(|path| self.stamp(path));
            match path.and_then(|path| Ok((source::Inputs::open(&self.moved, &path, &options)?, path))) {
                Ok((capture, path)) => {
                    self.progress.open(&path);
                    let number = self.opened;
                    self.opened = self.opened.saturating_add(1);
                    // What is followed comes slowly, and is watched closely.
                    let interval = if self.options.follow.is_some() { 1 } else { progress::INTERVAL };
                    let watch = Watch::new(self.progress, interval);
                    let share = (known_or(size, self.largest), self.all);
                    let (is_alone, threads) = (self.named == 1, self.share);
                    let mut again = None;
                    let is_file = path.as_os_str() != STDIN && capture.size().is_some();
                    if self.options.follow.is_none() && (is_file || self.moved.contains_key(&path)) {
                        let lies = self.moved.get(&path).map(|lies| (path.clone(), lies.clone()));
                        let (lies, path) = (lies.into_iter().collect(), path.clone());
                        let options = self.options.clone();
                        again = Some(Again { number, place, is_alone, path, lies, options, share, stamp });
                    }
                    return Some(Opened {
                        number,
                        place,
                        is_alone,
                        path,
                        capture,
                        watch,
                        carried,
                        threads,
                        share,
                        stamp,
                        again,
                    });
                }
                Err(error) => {
                    self.progress.read(size);
                    self.failures.push(error);
                }
            }
        }
    }
}

/// A size, or what counts in its place where it is not known.
const fn known_or(size: u64, other: u64) -> u64 {
    if size == 0 { other } else { size }
}

//! The evidence of a capture: its blocks as the capture program wrote them, in files each of which is valid by itself.
//!
//! Input: bytes of pcapng; marks; when files end. Output: files, whole blocks alone, each written as soon as it comes; what was
//! counted. Must not: change a frame, write one twice or leave one out without counting it.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _, stdout};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::target::{Target, now};
use crate::capture::{Block, Blocks, Bounds, Counts, Kind, commented, rebased};
use crate::frame::Timestamp;
use crate::inspect::live::Followed;
use crate::source::{Follow, STEP};

/// The evidence of a running capture.
///
/// Whoever has a block to add, such as what is known of a process, locks the evidence and calls [`append`](Self::append): it stands
/// between two blocks of the capture program.
pub(super) struct Evidence {
    target: Target,
    /// When the capture ends.
    ends: Bounds,
    /// When a file ends, and how many are kept.
    ring: Bounds,
    out: Option<Out>,
    /// Section header and interfaces, with which every file begins.
    preamble: Vec<u8>,
    interfaces: BTreeMap<u32, Interface>,
    marks: VecDeque<String>,
    totals: Totals,
    /// How many files were made, and the frames of each that there is.
    created: u64,
    frames_of: VecDeque<u64>,
    fault: Option<String>,
    is_over: bool,
    /// Whoever reads the files while they are written, and whether the last one is whole.
    reader: Option<Sender<Followed>>,
    is_whole: Arc<AtomicBool>,
    /// The interface and the time of the last frame.
    last: Option<(u32, u64)>,
}

/// The file that is being written.
struct Out {
    sink: Sink,
    path: PathBuf,
    began: Instant,
    /// The interval of the clock in which it began.
    interval: u64,
    /// Its bytes and frames, with those that are about to be written.
    bytes: u64,
    frames: u64,
}

enum Sink {
    File(File),
    Output,
}

/// What is known of an interface.
#[derive(Default)]
struct Interface {
    /// What had been counted when the file began.
    base: Counts,
    last: Counts,
    /// The power of ten in which a second has units of its time.
    resolution: u8,
    /// Its last statistics, as they came.
    block: Vec<u8>,
    /// Frames of it that could not be written.
    unwritten: u64,
}

/// What came of the capture so far.
#[derive(Clone, Default, Debug)]
pub(super) struct Totals {
    /// Frames that the capture program handed over, up to where the capture ended.
    pub(super) frames: u64,
    /// The bytes that were captured of them.
    pub(super) bytes: u64,
    /// Frames among them that could not be written.
    pub(super) unwritten: u64,
    /// The files that there are, oldest first.
    pub(super) files: Vec<PathBuf>,
    /// How many files the ring deleted, and how many frames were in them.
    pub(super) deleted: (u64, u64),
    /// Marks that no frame came behind.
    pub(super) unplaced: usize,
}

impl Evidence {
    pub(super) fn new(target: Target, ends: Bounds, ring: Bounds) -> Self {
        Self {
            target,
            ends,
            ring,
            out: None,
            preamble: Vec::new(),
            interfaces: BTreeMap::new(),
            marks: VecDeque::new(),
            totals: Totals::default(),
            created: 0,
            frames_of: VecDeque::new(),
            fault: None,
            is_over: false,
            reader: None,
            is_whole: Arc::default(),
            last: None,
        }
    }

    /// The files from now on, each as soon as it is there, for whoever reads them while they are written; no more come once the
    /// evidence is finished.
    pub(super) fn followed(&mut self) -> Receiver<Followed> {
        let (reader, files) = channel();
        self.reader = Some(reader);
        files
    }

    /// How many files were made.
    pub(super) const fn created(&self) -> u64 {
        self.created
    }

    /// The time of the last frame that was taken.
    pub(super) fn last_frame(&self) -> Option<Timestamp> {
        let (interface, time) = self.last?;
        let resolution = self.interfaces.get(&interface)?.resolution;
        let scale = 10_u64.checked_pow(NANOSECONDS.checked_sub(resolution)?.into())?;
        Some(Timestamp::from_nanos(i64::try_from(time.checked_mul(scale)?).ok()?))
    }

    /// Takes the whole blocks at the beginning of these bytes and says how many bytes they are. What cannot be written does not end
    /// that: it is counted, up to the end of the capture.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, String> {
        let mut blocks = Blocks::new(bytes);
        let (mut from, mut at) = (0, 0);
        let fault = loop {
            let block = match blocks.next_block() {
                Ok(Some(block)) => block,
                Ok(None) => break None,
                Err(bad) => break Some(format!("the capture program sent {bad}")),
            };
            if block.kind == Kind::Frame && self.is_file_over() {
                self.write(bytes.get(from..at).unwrap_or_default());
                from = at;
                self.rotate();
            }
            let next = at.saturating_add(block.bytes.len());
            let instead = self.note(&block);
            if let Some(instead) = instead {
                self.write(bytes.get(from..at).unwrap_or_default());
                self.write(&instead);
                from = next;
            }
            at = next;
        };
        self.write(bytes.get(from..at).unwrap_or_default());
        fault.map_or(Ok(at), Err)
    }

    /// Writes a block between two of the capture program. It must be whole, and in its byte order.
    pub(super) fn append(&mut self, block: &[u8]) {
        if self.out.is_some() {
            self.grow(block.len());
            self.write(block);
        }
    }

    /// The next frame gets this comment, which marks a step; `false` where too many wait for it.
    pub(super) fn mark(&mut self, label: &str) -> bool {
        let has_room = self.marks.len() < MAX_MARKS;
        if has_room {
            self.marks.push_back(format!("{STEP} {label}"));
        }
        has_room
    }

    /// Whether a limit is reached, or nothing can be written any more.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over || self.fault.is_some()
    }

    /// What was counted, and why nothing can be written any more.
    pub(super) const fn totals(&self) -> (&Totals, Option<&String>) {
        (&self.totals, self.fault.as_ref())
    }

    /// What the interfaces count, together.
    pub(super) fn counts(&self) -> Counts {
        self.interfaces.values().fold(Counts::default(), |sum, interface| sum.plus(interface.last))
    }

    /// Nothing more comes: what was lost is stated, and the file is on the disk.
    pub(super) fn finish(&mut self) {
        self.totals.unplaced = self.marks.len();
        if self.fault.is_some() {
            self.state_unwritten();
        }
        self.close();
        self.reader = None;
    }

    /// Notes a block, and gives what is to be written instead of it: nothing, or another one.
    fn note(&mut self, block: &Block<'_>) -> Option<Vec<u8>> {
        match block.kind {
            Kind::Section | Kind::Interface => {
                if block.kind == Kind::Interface {
                    let number = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
                    self.interfaces.entry(number).or_default().resolution = block.described().1;
                }
                self.preamble.extend_from_slice(block.bytes);
                self.begin_first();
            }
            Kind::Frame => return self.note_frame(block),
            Kind::Statistics => return self.note_statistics(block),
            Kind::Other => {}
        }
        self.grow(block.bytes.len());
        None
    }

    fn note_frame(&mut self, block: &Block<'_>) -> Option<Vec<u8>> {
        if self.is_over {
            return Some(Vec::new());
        }
        let marked = self.marks.pop_front().and_then(|mark| commented(block, &mark));
        let size = marked.as_ref().map_or(block.bytes.len(), Vec::len);
        self.grow(size);
        let (frames, bytes) = self.out.as_mut().map_or((0, 0), |out| {
            out.frames = out.frames.saturating_add(1);
            (out.frames, out.bytes)
        });
        if let Some(count) = self.frames_of.back_mut() {
            *count = frames;
        }
        self.totals.frames = self.totals.frames.saturating_add(1);
        self.totals.bytes = self.totals.bytes.saturating_add(u64::from(block.lengths().0));
        self.last = Some((block.interface(), block.time()));
        let is_last_file = self.ends.files.is_none_or(|files| self.created >= files);
        let is_full = self.ring.is_full(bytes, frames) && self.ends.files.is_some() && is_last_file;
        self.is_over = is_full || self.ends.is_full(bytes, self.totals.frames);
        marked
    }

    fn note_statistics(&mut self, block: &Block<'_>) -> Option<Vec<u8>> {
        let (number, counts) = block.counts()?;
        let interface = self.interfaces.entry(number).or_default();
        interface.last = counts;
        interface.block = block.bytes.to_vec();
        let is_first = interface.base == Counts::default();
        let instead = (!is_first).then(|| rebased(block, interface.base));
        self.grow(block.bytes.len());
        instead
    }

    fn grow(&mut self, bytes: usize) {
        if let Some(out) = &mut self.out {
            out.bytes = out.bytes.saturating_add(bytes as u64);
        }
    }

    /// Whether the next frame belongs in another file.
    fn is_file_over(&self) -> bool {
        let Some(out) = &self.out else { return false };
        if out.frames == 0 || self.is_over() {
            return false;
        }
        self.ring.is_full(out.bytes, out.frames)
            || self.ring.duration.is_some_and(|most| out.began.elapsed() >= most)
            || self.interval() != out.interval
    }

    fn interval(&self) -> u64 {
        let interval = self.ring.interval.map_or(0, |interval| interval.as_nanos());
        let now = u128::try_from(now().nanos()).unwrap_or(0);
        now.checked_div(interval).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
    }

    /// The first file is made when frames are sure to come: the preamble is there.
    fn begin_first(&mut self) {
        if self.out.is_none() && self.fault.is_none() && self.created == 0 {
            self.begin();
        }
    }

    fn begin(&mut self) {
        let number = self.created.saturating_add(1);
        let (sink, path) = match &self.target {
            Target::Output => (Sink::Output, PathBuf::from("-")),
            target => match target.create(number) {
                Ok((file, path)) => (Sink::File(file), path),
                Err(message) => {
                    self.fault = Some(message);
                    return;
                }
            },
        };
        if matches!(sink, Sink::File(_)) {
            self.totals.files.push(path.clone());
            self.is_whole = Arc::default();
            let follow = Follow { is_whole: Arc::clone(&self.is_whole), ..Follow::default() };
            if let Some(reader) = &self.reader {
                // Where the reader is gone, the evidence goes on.
                drop(reader.send(Followed::new(path.clone(), follow)));
            }
        }
        self.created = number;
        self.frames_of.push_back(0);
        let (began, interval) = (Instant::now(), self.interval());
        self.out = Some(Out { sink, path, began, interval, bytes: 0, frames: 0 });
    }

    /// Goes on in another file, and deletes the oldest where the ring is full.
    fn rotate(&mut self) {
        self.close();
        if self.fault.is_some() {
            return;
        }
        for interface in self.interfaces.values_mut() {
            interface.base = interface.last;
        }
        self.begin();
        let preamble = std::mem::take(&mut self.preamble);
        self.append(&preamble);
        self.preamble = preamble;
        if self.ring.files.is_some_and(|most| self.totals.files.len() as u64 > most) {
            let oldest = self.totals.files.remove(0);
            let frames = self.frames_of.pop_front().unwrap_or(0);
            let (files, all) = self.totals.deleted;
            self.totals.deleted = (files.saturating_add(1), all.saturating_add(frames));
            // One that somebody took away meanwhile is no longer in the ring, which is what was wanted.
            let removed = fs::remove_file(&oldest);
            if let Some(error) = removed.err().filter(|error| error.kind() != io::ErrorKind::NotFound) {
                self.fault.get_or_insert(format!("{}: {error}; the ring cannot delete it", oldest.display()));
            }
        }
    }

    fn close(&mut self) {
        self.is_whole.store(true, Ordering::Release);
        let Some(Out { sink: Sink::File(file), path, .. }) = self.out.take() else { return };
        if let Err(error) = file.sync_all() {
            self.fault
                .get_or_insert(format!("{}: {error}; the end of it may not be on the disk", path.display()));
        }
    }

    /// Writes whole blocks. Where that fails, the file ends with the last that is whole in it.
    fn write(&mut self, blocks: &[u8]) {
        if blocks.is_empty() {
            return;
        }
        if self.fault.is_some() {
            self.count_unwritten(blocks);
            return;
        }
        let room = RESERVE.saturating_mul(self.interfaces.len().max(1));
        let Some(out) = &mut self.out else { return };
        let (written, error) = match out.sink.write(blocks) {
            (_, None) => return,
            (written, Some(error)) => (written, error),
        };
        if matches!(out.sink, Sink::Output) && error.kind() == io::ErrorKind::BrokenPipe {
            // Whoever reads it has seen enough.
            self.is_over = true;
            self.out = None;
            return;
        }
        self.fault = Some(format!("{}: {error}; the capture ends there", out.path.display()));
        // The last blocks make room for the statistics that say what is missing.
        let kept = whole(blocks, written.saturating_sub(room));
        out.sink.cut(written.saturating_sub(kept));
        self.count_unwritten(blocks.get(kept..).unwrap_or_default());
    }

    fn count_unwritten(&mut self, blocks: &[u8]) {
        let mut blocks = Blocks::new(blocks);
        while let Ok(Some(block)) = blocks.next_block() {
            if block.kind == Kind::Frame {
                self.totals.unwritten = self.totals.unwritten.saturating_add(1);
                let interface = self.interfaces.entry(block.interface()).or_default();
                interface.unwritten = interface.unwritten.saturating_add(1);
            }
        }
    }

    /// States at the end of the file that frames are missing, in the room that was made for it. On a full disk there may be none.
    fn state_unwritten(&mut self) {
        // In a pipe what was written of a block cannot be taken back, so that nothing may stand behind it.
        let Some(out) = self.out.as_mut().filter(|out| !matches!(out.sink, Sink::Output)) else { return };
        for interface in self.interfaces.values() {
            let missing = Counts { delivered: interface.unwritten, ..Counts::default() };
            let bytes = &interface.block;
            let Ok(Some(block)) = Blocks::new(bytes).next_block() else { continue };
            let stated = rebased(&block, interface.base.plus(missing));
            if let (written, Some(_)) = out.sink.write(&stated) {
                out.sink.cut(written);
                return;
            }
        }
    }
}

/// A panic elsewhere leaves blocks that are whole.
pub(super) fn lock(evidence: &Mutex<Evidence>) -> MutexGuard<'_, Evidence> {
    evidence.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sink {
    /// How many bytes were written, and why not all.
    fn write(&mut self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let result = match self {
                Self::File(file) => file.write(rest),
                Self::Output => stdout().lock().write_all(rest).map(|()| rest.len()),
            };
            match result {
                Ok(0) => return (written, Some(io::ErrorKind::WriteZero.into())),
                Ok(more) => written = written.saturating_add(more),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (written, Some(error)),
            }
        }
        let flushed = if matches!(self, Self::Output) { stdout().lock().flush() } else { Ok(()) };
        (written, flushed.err())
    }

    /// Takes so many bytes off the end. What a pipe has taken is gone.
    fn cut(&mut self, bytes: usize) {
        if let Self::File(file) = self {
            let end = file.stream_position().map(|end| end.saturating_sub(bytes as u64));
            // The fault that leads here is reported; a file that cannot be cut is read up to its last whole block.
            drop(end.and_then(|end| file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end)))));
        }
    }
}

/// The end of the last whole block within `most` bytes.
fn whole(bytes: &[u8], most: usize) -> usize {
    let within = bytes.get(..most).unwrap_or(bytes);
    let mut blocks = Blocks::new(within);
    while let Ok(Some(_)) = blocks.next_block() {}
    within.len().saturating_sub(blocks.waiting())
}

/// The finest time that is told.
const NANOSECONDS: u8 = 9;
/// Room for the statistics of one interface.
const RESERVE: usize = 128;
/// The most marks that wait for a frame.
const MAX_MARKS: usize = 10_000;

#[cfg(test)]
mod tests;

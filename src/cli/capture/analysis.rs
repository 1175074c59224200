//! The analysis of a capture while it is written: it reads the evidence, never the pipe, so that it cannot slow the capture down, and
//! what it ends with is the report of the evidence.
//!
//! Input: the files as they are made; what the user asks for. Output: the reports, and how the program is to end. Must not: make the
//! capture wait, or read anything before its thread is locked in.

use std::iter::once;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use super::evidence::{Evidence, lock};
use super::rights;
use super::watch::{Ending, News};
use crate::cli::args::Inspect;
use crate::cli::cage::Door;
use crate::cli::job::Job;
use crate::cli::live::{Marks, Stop, View};
use crate::cli::message::fail;
use crate::cli::run::{self, Growing, Made, Ready, make_live};
use crate::cli::screen::{Behind, Dropped, Owned, Quality};
use crate::cli::status::Status;
use crate::inspect::live::{Followed, Position};
use crate::process::Tally;

/// An analysis that is yet to begin.
pub(super) struct Analysis<'a> {
    pub(super) inspect: Inspect,
    /// What a bundle records of how it was asked for.
    pub(super) options: Result<Vec<String>, String>,
    pub(super) door: Door,
    pub(super) evidence: &'a Mutex<Evidence>,
    /// Whether there may be more than one file of it.
    pub(super) is_ring: bool,
    /// The files, as they are made.
    pub(super) files: Receiver<Followed>,
    pub(super) news: &'a News,
    /// What is being captured, in a few words.
    pub(super) title: String,
    pub(super) stop: Stop,
}

/// What the analysis hears from the thread that captures.
pub(super) struct Told {
    /// Once, when the capture begins: what becomes of the flows whose process is looked up. Nothing where it does not begin.
    pub(super) begun: Receiver<Option<Tally>>,
    /// Once, when it is over. Nothing where it failed.
    pub(super) ended: Receiver<Ending>,
}

impl Analysis<'_> {
    /// Analyses in this thread, which is locked in first. How what is found is shown, or what would go wrong with the report, is said
    /// before the capture begins.
    pub(super) fn run(self, prepared: &Sender<Result<View, String>>, told: &Told) -> Status {
        rights::lower_priority();
        let Self { mut inspect, options, door, evidence, is_ring, files, news, title, stop } = self;
        // Keys are written while the connections are made: they are read once all of them are there.
        let keys = std::mem::take(&mut inspect.reporting.keylog);
        let ready = door.shut().and_then(|()| Ready::to_capture(&inspect, options.clone()));
        let (mut ready, job) = match ready {
            Ok(ready) => ready,
            Err(message) => {
                // Whoever asked waits for it.
                drop(prepared.send(Err(message)));
                return Status::Failed;
            }
        };
        drop(prepared.send(Ok(ready.view())));
        let Ok(tally) = told.begun.recv() else { return Status::Failed };
        let asked = inspect.reporting.live.checkpoint();
        let checkpoint = asked.or_else(|| ready.has_report().then_some(CHECKPOINT));
        let source = Source { evidence, tally, news, title, stop, checkpoint };
        let made = analyse(&ready, job, is_ring, files, &source);
        let Ok(ending) = told.ended.recv() else { return Status::Failed };
        let is_read_anew = !keys.is_empty() || !ending.is_as_read || (is_ring && ending.files.len() == 1);
        match made {
            _ if ending.files.is_empty() => Status::Clean,
            Some(made) if !is_read_anew => {
                if ending.files.len() > 1 {
                    ready.record_option(JOIN);
                }
                ready.finish(made).unwrap_or_else(|message| fail(&message))
            }
            _ => {
                drop(ready);
                inspect.reporting.keylog = keys;
                read_anew(inspect, ending, options)
            }
        }
    }
}

/// Where the evidence is not what was read while it was written (the ring has deleted files, the disk was full) or more is known of
/// it since, `inspect` reads it from its beginning.
fn read_anew(inspect: Inspect, ending: Ending, options: Result<Vec<String>, String>) -> Status {
    let join = ending.files.len() > 1;
    let options = options.map(|mut options| {
        if join {
            options.insert(0, JOIN.to_owned());
        }
        options
    });
    run::inspect(&Inspect { paths: ending.files, join, ..inspect }, options)
}

/// What the analysis knows of the capture.
struct Source<'a> {
    evidence: &'a Mutex<Evidence>,
    /// What became of the flows whose process is looked up.
    tally: Option<Tally>,
    news: &'a News,
    title: String,
    stop: Stop,
    /// How old the files of `-o` may become.
    checkpoint: Option<Duration>,
}

/// Reads the files of the evidence while they are written. None where none was made.
fn analyse(
    ready: &Ready<'_>,
    job: Job,
    is_ring: bool,
    files: Receiver<Followed>,
    source: &Source<'_>,
) -> Option<Made> {
    let first = files.recv().ok()?;
    if is_ring {
        return Some(make_live(ready, job, growing(source, once(first).chain(files))));
    }
    // One that is known to be alone is read as `inspect` reads one.
    Some(make_live(ready, job, growing(source, vec![first])))
}

fn growing<'a, F>(source: &'a Source<'_>, files: F) -> Growing<'a, F> {
    Growing {
        files,
        title: source.title.clone(),
        stop: source.stop.clone(),
        checkpoint: source.checkpoint,
        has_bar: false,
        quality: Box::new(|position| quality(source, position)),
        marks: Marks::Capture(Box::new(|label| mark(source.evidence, label))),
        news: Box::new(|| source.news.next()),
    }
}

fn mark(evidence: &Mutex<Evidence>, label: &str) -> Result<(), String> {
    lock(evidence)
        .mark(label)
        .then_some(())
        .ok_or_else(|| "too many marks wait for the next frame".to_owned())
}

fn quality(source: &Source<'_>, position: Position) -> Quality {
    let (counts, last) = {
        let evidence = lock(source.evidence);
        (evidence.counts(), evidence.last_frame())
    };
    let dropped = Dropped { kernel: counts.system, interface: counts.interface, queue: counts.queue() };
    let behind = match (last, position.last) {
        (None, _) => Behind::Bytes(0),
        (Some(last), Some(read)) => Behind::Seconds(seconds(last.nanos().saturating_sub(read.nanos()))),
        (Some(_), None) => Behind::Unknown,
    };
    let owned = source.tally.as_ref().map(|tally| {
        let totals = tally.totals();
        let untold = totals.missed.saturating_add(totals.hidden).saturating_add(totals.unasked);
        Owned { told: totals.attributed, untold }
    });
    Quality { dropped: Some(dropped), owned, behind }
}

/// Nanoseconds as seconds, none below 0: a clock that was set back is no lead.
fn seconds(nanos: i64) -> f64 {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)).as_secs_f64()
}

/// How old a report on the disk may become unless the user says otherwise.
const CHECKPOINT: Duration = Duration::from_secs(10);
/// The option by which `inspect` reads the files of a ring as one capture.
const JOIN: &str = "--join";

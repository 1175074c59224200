//! The analysis of a capture while it is written: it reads the evidence, never the pipe, so that it cannot slow the capture down, and
//! what it ends with is the report of the evidence.
//!
//! Input: the files as they are made; what the user asks for. Output: what came of the inspection. Must not: make the capture wait.

use std::iter::once;
use std::sync::Mutex;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::evidence::{Evidence, lock};
use super::rights;
use super::watch::News;
use crate::cli::live::{Marks, Stop};
use crate::cli::run::{Growing, Job, Made, Ready, make_live};
use crate::cli::screen::{Behind, Dropped, Owned, Quality};
use crate::inspect::live::{Followed, Position};
use crate::process::Tally;

/// What the analysis knows of the capture.
pub(super) struct Source<'a> {
    pub(super) evidence: &'a Mutex<Evidence>,
    /// Whether there may be more than one.
    pub(super) is_ring: bool,
    /// What became of the flows whose process is looked up.
    pub(super) tally: Option<Tally>,
    pub(super) news: &'a News,
    /// What is being captured, in a few words.
    pub(super) title: String,
    pub(super) stop: Stop,
    /// How old the files of `-o` may become, where the user says it.
    pub(super) checkpoint: Option<Duration>,
}

/// Reads the files of the evidence while they are written. None where none was made.
pub(super) fn analyse(
    ready: &Ready<'_>,
    job: Job,
    files: Receiver<Followed>,
    source: &Source<'_>,
) -> Option<Made> {
    let first = files.recv().ok()?;
    rights::lower_priority();
    if source.is_ring {
        return Some(make_live(ready, job, growing(ready, source, once(first).chain(files))));
    }
    // One that is known to be alone is read as `inspect` reads one.
    Some(make_live(ready, job, growing(ready, source, vec![first])))
}

fn growing<'a, F>(ready: &Ready<'_>, source: &'a Source<'_>, files: F) -> Growing<'a, F> {
    let checkpoint = source.checkpoint.or_else(|| ready.has_report().then_some(CHECKPOINT));
    Growing {
        files,
        title: source.title.clone(),
        stop: source.stop.clone(),
        checkpoint,
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

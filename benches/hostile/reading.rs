//! G1: every capture of others, each by a process of its own, as it lies there.
//!
//! Input: the files and what other readers count. Output: figures. Must not: stop at the first fault.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::Bench;
use crate::child::{self, Ended, Limits, Run};
use crate::corpus::File;
use crate::figure::Figure;
use crate::traffic::Made;

/// What was found wrong, one entry a file.
#[derive(Default)]
struct Faults {
    panics: Vec<String>,
    timeouts: Vec<String>,
    unread: Vec<String>,
    counts: Vec<String>,
    quiet: Vec<String>,
    accused: Vec<String>,
    large: Vec<String>,
    slow: Vec<String>,
}

/// One file, and what came of it.
struct Outcome<'a> {
    file: &'a File,
    run: Run,
}

/// The figures of G1, and that of G6 on the corpus.
pub(crate) fn figures(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let empty = empty_peak(bench.folder)?;
    let runs = bench.each(bench.files, |file, folder| {
        let mut arguments = ["inspect", "--format", "json"].map(OsString::from).to_vec();
        arguments.push(file.path.clone().into());
        child::run(&arguments, Limits::CORPUS, folder)
    })?;
    let outcomes: Vec<Outcome<'_>> =
        bench.files.iter().zip(runs).map(|(file, run)| Outcome { file, run }).collect();
    let mut faults = Faults::default();
    for outcome in &outcomes {
        faults.look_at(outcome, empty);
    }
    let most = |of: fn(&Run) -> u64| outcomes.iter().map(|outcome| of(&outcome.run)).max().unwrap_or(0);
    let peak = most(|run| run.peak).saturating_sub(empty);
    let slowest = outcomes.iter().max_by_key(|outcome| outcome.run.cpu);
    let damaged = outcomes.iter().filter(|outcome| outcome.file.is_damaged == Some(true)).count();
    let refused = |outcome: &&Outcome<'_>| outcome.file.is_refused_by_libpcap;
    let read = outcomes.iter().filter(refused).filter(|outcome| frames(outcome).is_some()).count();
    let refused = outcomes.iter().filter(refused).count();
    let count = outcomes.len();
    let mut figures = vec![
        Figure::none("G1", format!("panics on {count} captures of others"), &faults.panics),
        Figure::none("G1", "timeouts, or more than 2 GiB of addresses", &faults.timeouts),
        Figure::none(
            "G1",
            "captures refused, but for one of a format that is refused by name",
            &faults.unread,
        ),
        Figure::none("G1", "frames otherwise than other readers count", &faults.counts),
        Figure::none("G1", format!("of {damaged} damaged captures, not marked"), &faults.quiet),
        Figure::none("G1", "sound captures that are marked as damaged", &faults.accused),
        Figure::none("G1", "captures for which memory is 64 MiB above that for an empty one", &faults.large)
            .with(&format!("at most {peak} KiB above {empty}")),
    ];
    figures.push(Figure {
        goal: "G1",
        what: "sound captures that libpcap refuses, read".to_owned(),
        bound: format!("{refused}"),
        found: format!("{read}"),
        is_reached: Some(read == refused),
    });
    let slowest = slowest.map(|outcome| format!("{:?} for {}", outcome.run.cpu, outcome.file.name));
    let slow = Figure::none("G6", "captures of others that take more than 1 s", &faults.slow);
    figures.push(slow.with(&format!("the slowest took {}", slowest.unwrap_or_default())));
    Ok(figures)
}

impl Faults {
    fn look_at(&mut self, outcome: &Outcome<'_>, empty: u64) {
        let Outcome { file, run } = outcome;
        let name = || file.name.clone();
        if run.is_panic() {
            self.panics.push(format!("{}: {:?} {}", file.name, run.ended, first_line(&run.err)));
        }
        if run.ended == Ended::TimedOut {
            self.timeouts.push(name());
        }
        if run.peak.saturating_sub(empty) > 64 << 10 {
            self.large.push(format!("{}: {} KiB", file.name, run.peak));
        }
        if run.cpu > Duration::from_secs(1) {
            self.slow.push(format!("{}: {:?}", file.name, run.cpu));
        }
        let Some(frames) = frames(outcome) else {
            if !(file.is_not_read && run.err.contains("editcap")) {
                self.unread.push(format!("{}: {}", file.name, first_line(&run.err)));
            }
            return;
        };
        if !frames.iter().any(|frames| file.packets.contains(frames)) {
            self.counts.push(format!("{}: {frames:?} for {:?}", file.name, file.packets));
        }
        match (file.is_damaged, is_marked(run)) {
            (Some(true), false) => self.quiet.push(name()),
            (Some(false), true) => self.accused.push(name()),
            _ => {}
        }
    }
}

/// The frames that the report says were read: those that Wireshark numbers, and those of them that hold a packet.
fn frames(outcome: &Outcome<'_>) -> Option<[u64; 2]> {
    let report: Value = serde_json::from_slice(&outcome.run.out).ok()?;
    let frames = report["inputs"][0]["frames"].as_u64()?;
    let others = report["totals"]["record_without_packet"].as_u64().unwrap_or(0);
    Some([frames, frames.saturating_sub(others)])
}

/// Whether the damage stands in the report and on standard error.
fn is_marked(run: &Run) -> bool {
    let report: Option<Value> = serde_json::from_slice(&run.out).ok();
    report.is_some_and(|report| !report["inputs"][0]["damage"].is_null()) && !run.err.trim().is_empty()
}

/// The KiB that the program takes for a capture without frames.
fn empty_peak(folder: &Path) -> io::Result<u64> {
    let path = folder.join("empty.pcap");
    std::fs::write(&path, Made::new().into_bytes())?;
    let arguments = ["inspect", "--format", "json"].map(OsString::from);
    Ok(child::run(&[&arguments[..], &[path.into()]].concat(), Limits::CORPUS, folder)?.peak)
}

/// What a message begins with.
pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(160).collect()
}

//! From the pipe of the capture program to the evidence, until something ends it.
//!
//! Input: a running capture program, signals, limits. Output: evidence that is complete, and how it ended. Must not: let anything that
//! shows or judges frames stand between the pipe and the file.

use std::io::{ErrorKind, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::evidence::{Evidence, lock};
use super::owners::Owners;
use super::program::{self, Program};
use super::watch::{Ending, Progress, Watch};
use crate::capture::Notice;
use crate::cli::live::Stop;

/// Copies blocks until the capture program has no more; fails where there was no capture at all.
pub(super) fn record(
    program: Program,
    evidence: &Arc<Mutex<Evidence>>,
    stop: &Stop,
    longest: Option<Duration>,
    (watch, owners): (&mut Watch<'_>, Option<Owners>),
) -> Result<Ending, String> {
    // Whatever happens, whoever reads the files learns that no more comes.
    let _finished = Finished(evidence);
    let Program { path, filter, mut child, stdin, stdout, stderr } = program;
    let (say, said) = mpsc::channel();
    let listener = thread::spawn(move || {
        // The channel lives as long as the capture.
        program::lines(stderr).for_each(|line| drop(say.send(line)));
    });
    let own = Arc::clone(evidence);
    let pump = thread::spawn(move || copy(stdout, &own, owners));
    let mut keeper = Keeper {
        evidence,
        stop,
        longest,
        stdin,
        began: Instant::now(),
        stopped: None,
        frames: 0,
        heard: Heard::default(),
    };
    keeper.keep(&said, &mut child, watch, |heard, line| heard.hear(line, filter.as_deref(), &path), &|| {
        pump.is_finished()
    });
    let (copied, untold) = pump
        .join()
        .unwrap_or_else(|_| (Err("the thread that copies frames ended by a panic".to_owned()), None));
    drop(keeper.stdin.take());
    let status = child.wait().map_err(|error| format!("{}: {error}", path.display()))?;
    // It ends with the stream it reads, which ended with the process.
    drop(listener.join());
    let mut heard = keeper.heard;
    for line in said.try_iter() {
        heard.hear(&line, filter.as_deref(), &path);
    }
    if let Some(refusal) = heard.refusal {
        return Err(refusal);
    }
    heard.messages.extend(untold);
    if let Err(message) = copied {
        heard.messages.push(message);
        heard.has_failed = true;
    } else if !status.success() && !heard.has_failed {
        heard.messages.push(format!("{}: ended before it was told to ({status})", path.display()));
        heard.has_failed = true;
    }
    Ok(ending(evidence, heard, keeper.began.elapsed()))
}

fn ending(evidence: &Mutex<Evidence>, heard: Heard, elapsed: Duration) -> Ending {
    let mut evidence = lock(evidence);
    evidence.finish();
    let progress = progress(&evidence, elapsed);
    let fault = evidence.totals().1.cloned();
    let is_as_read = fault.is_none() && progress.totals.deleted.0 == 0;
    let has_failed = heard.has_failed || fault.is_some();
    let messages = heard.messages.into_iter().chain(fault).collect();
    Ending { files: progress.totals.files.clone(), progress, messages, has_failed, is_as_read }
}

fn progress(evidence: &Evidence, elapsed: Duration) -> Progress {
    Progress { totals: evidence.totals().0.clone(), counts: evidence.counts(), elapsed }
}

/// Finishes the evidence when it goes away.
struct Finished<'a>(&'a Mutex<Evidence>);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        lock(self.0).finish();
    }
}

/// Copies what comes, and has the processes looked up meanwhile; what went wrong with either.
fn copy(
    stdout: ChildStdout,
    evidence: &Mutex<Evidence>,
    mut owners: Option<Owners>,
) -> (Result<(), String>, Option<String>) {
    let copied = copy_blocks(stdout, evidence, owners.as_mut());
    (copied, owners.and_then(Owners::finish))
}

/// Copies what comes, in pieces as large as they come.
fn copy_blocks(
    mut stdout: ChildStdout,
    evidence: &Mutex<Evidence>,
    mut owners: Option<&mut Owners>,
) -> Result<(), String> {
    let mut buffer = vec![0; PIECE];
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            // A block that does not fit; the largest has 16 MiB, or it is none.
            buffer.resize(buffer.len().saturating_mul(2), 0);
        }
        let read = match stdout.read(buffer.get_mut(filled..).unwrap_or_default()) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(format!("the capture program cannot be read: {error}")),
        };
        filled = filled.saturating_add(read);
        let (taken, files) = {
            let mut evidence = lock(evidence);
            (evidence.take(buffer.get(..filled).unwrap_or_default())?, evidence.created())
        };
        // A frame that breaks the look-up of processes must not end the evidence.
        let blocks = buffer.get(..taken).unwrap_or_default();
        let has_failed = owners
            .as_mut()
            .is_some_and(|owners| catch_unwind(AssertUnwindSafe(|| owners.see(blocks, files))).is_err());
        if has_failed {
            owners = None;
        }
        buffer.copy_within(taken..filled, 0);
        filled = filled.saturating_sub(taken);
        if read == 0 {
            return if filled == 0 {
                Ok(())
            } else {
                Err("the capture program ended inside a block".to_owned())
            };
        }
    }
}

/// What the capture program said.
#[derive(Default)]
struct Heard {
    refusal: Option<String>,
    messages: Vec<String>,
    has_failed: bool,
}

impl Heard {
    fn hear(&mut self, line: &str, filter: Option<&str>, path: &Path) {
        match Notice::of_line(line) {
            Some(Notice::Began(rights)) => self.messages.extend(
                rights
                    .missing
                    .iter()
                    .map(|what| format!("the capture program runs with less protection: {what}")),
            ),
            Some(Notice::Ended { interface, what }) => {
                self.messages.push(format!("-i {interface}: {what}; nothing more comes of this interface"));
                self.has_failed = true;
            }
            Some(Notice::Refused(refusal)) => self.refusal = Some(program::refused(&refusal, filter, path)),
            // A panic, say.
            None if line.is_empty() || self.messages.len() >= MAX_MESSAGES => {}
            None => self.messages.push(format!("the capture program: {line}")),
        }
    }
}

/// Ends a capture when it is time, and tells the watch of it each second.
struct Keeper<'a> {
    evidence: &'a Mutex<Evidence>,
    stop: &'a Stop,
    longest: Option<Duration>,
    /// The capture program ends where this is closed.
    stdin: Option<ChildStdin>,
    began: Instant,
    stopped: Option<Instant>,
    /// How many frames there were at the last look after it was told to end.
    frames: u64,
    heard: Heard,
}

impl Keeper<'_> {
    fn keep(
        &mut self,
        said: &Receiver<String>,
        child: &mut Child,
        watch: &mut Watch<'_>,
        mut hear: impl FnMut(&mut Heard, &str),
        is_done: &dyn Fn() -> bool,
    ) {
        let mut next = self.began;
        while !is_done() {
            match said.recv_timeout(PAUSE) {
                Ok(line) => hear(&mut self.heard, &line),
                Err(RecvTimeoutError::Timeout) => {}
                // Its standard error is closed: it is about to end.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(PAUSE),
            }
            self.heard.messages.drain(..).for_each(|message| watch.say(&message));
            self.end_in_time(child);
            if Instant::now() >= next {
                next = Instant::now() + SECOND;
                // The lock is given back before anything is shown.
                let progress = progress(&lock(self.evidence), self.began.elapsed());
                watch.look(&progress);
            }
        }
    }

    /// Closes the capture program's standard input when it is time, and ends the program where that does not help.
    fn end_in_time(&mut self, child: &mut Child) {
        let is_time = self.stop.ends.load(Ordering::Relaxed)
            || self.longest.is_some_and(|longest| self.began.elapsed() >= longest);
        let is_handing_over = self.stopped.is_some() && self.is_handing_over();
        match self.stopped {
            None if is_time || lock(self.evidence).is_over() => {
                drop(self.stdin.take());
                self.stopped = Some(Instant::now());
            }
            // What it still hands over is part of the evidence, however slowly that is written.
            Some(_) if is_handing_over => self.stopped = Some(Instant::now()),
            Some(since) if since.elapsed() >= PATIENCE && matches!(child.try_wait(), Ok(None)) => {
                self.heard
                    .messages
                    .push("the capture program did not end when it was told to, and was killed".to_owned());
                self.heard.has_failed = true;
                self.stopped = Some(Instant::now());
                // Where it has ended meanwhile there is nothing to kill.
                drop(child.kill());
            }
            _ => {}
        }
    }

    /// Whether frames have come since the last look.
    fn is_handing_over(&mut self) -> bool {
        let frames = lock(self.evidence).totals().0.frames;
        std::mem::replace(&mut self.frames, frames) != frames
    }
}

/// What is read at once; most of it is there when the machine is busy.
const PIECE: usize = 1 << 20;
const PAUSE: Duration = Duration::from_millis(50);
const SECOND: Duration = Duration::from_secs(1);
/// How long the capture program may take to hand over what the kernel has.
const PATIENCE: Duration = Duration::from_secs(5);
const MAX_MESSAGES: usize = 100;

//! What is said of a capture while it runs: a line that counts, and what goes wrong, on the terminal or on the screen.
//!
//! Input: each second, the files that there are and what was counted; at the end, how it ended. Output: messages. Must not: slow the
//! capture down, or read anything but the files.

use std::collections::VecDeque;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::evidence::Totals;
use crate::capture::Counts;
use crate::cli::message::say;
use crate::report::text;

/// What is told of a running capture.
#[derive(Clone, Default, Debug)]
pub(super) struct Progress {
    /// Its files, oldest first, and what they hold. The last one grows.
    pub(super) totals: Totals,
    /// What its interfaces count.
    pub(super) counts: Counts,
    /// How long it runs.
    pub(super) elapsed: Duration,
}

/// How a capture ended.
#[derive(Default)]
pub(super) struct Ending {
    /// The evidence, oldest first; none where it went to standard output.
    pub(super) files: Vec<PathBuf>,
    pub(super) progress: Progress,
    /// What went wrong, for people.
    pub(super) messages: Vec<String>,
    /// Whether the capture ended before it was told to, or its evidence is not complete.
    pub(super) has_failed: bool,
    /// Whether whoever read the files while they were written has read what is there now, and no more.
    pub(super) is_as_read: bool,
}

/// What there is to say while a screen stands on the terminal: at once for the screen, and all of it for after.
#[derive(Default)]
pub(super) struct News {
    untold: Mutex<VecDeque<String>>,
    all: Mutex<Vec<String>>,
}

impl News {
    /// What is to be told next.
    pub(super) fn next(&self) -> Option<String> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn add(&self, message: &str) {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner).push_back(message.to_owned());
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(message.to_owned());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.all.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Watches a capture.
pub(super) struct Watch<'a> {
    is_terminal: bool,
    /// Where a screen stands on the terminal: what it takes.
    news: Option<&'a News>,
    /// Whether the line that counts stands on the terminal.
    has_line: bool,
    lost: u64,
    /// The temporary file, until it is said, and whether it is kept.
    temporary: Option<PathBuf>,
    is_kept: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(temporary: Option<PathBuf>, is_kept: bool, news: Option<&'a News>) -> Self {
        let is_terminal = stderr().is_terminal();
        Self { is_terminal, news, has_line: false, lost: 0, temporary, is_kept }
    }

    /// Each second.
    pub(super) fn look(&mut self, progress: &Progress) {
        if let Some(path) = self.temporary.take_if(|path| progress.totals.files.contains(path)) {
            let after = if self.is_kept { "is kept" } else { "is removed after the report (--keep)" };
            self.say(&format!("the frames go to {}, which {after}", path.display()));
        }
        let lost = progress.counts.lost().saturating_add(progress.totals.unwritten);
        let is_worse = lost > self.lost;
        self.lost = lost;
        if self.news.is_some() {
            // The screen counts by itself.
            return;
        }
        let line = counted(progress);
        if self.is_terminal {
            // Where the terminal is gone there is nobody to tell.
            drop(write!(stderr(), "\r{line}\u{1b}[K"));
            self.has_line = true;
        } else if is_worse {
            say(&line);
        }
    }

    /// Says something between the lines that count, or on the screen.
    pub(super) fn say(&mut self, message: &str) {
        if let Some(news) = self.news {
            news.add(message);
            return;
        }
        if std::mem::take(&mut self.has_line) {
            drop(write!(stderr(), "\r\u{1b}[K"));
        }
        say(message);
    }

    /// The capture is over; the report comes next.
    pub(super) fn end(&mut self, ending: &Ending) {
        if let Some(news) = self.news.take() {
            news.take().iter().for_each(|message| say(message));
        }
        for message in &ending.messages {
            self.say(message);
        }
        self.say(&counted(&ending.progress));
        let Progress { totals, .. } = &ending.progress;
        if totals.unwritten > 0 {
            self.say(&format!("{} frames were captured and could not be written", totals.unwritten));
        }
        if let (files @ 1.., frames) = totals.deleted {
            self.say(&format!(
                "the ring deleted {files} older files with {frames} frames; the report is of the others"
            ));
        }
        if totals.unplaced > 0 {
            self.say(&format!("{} marks had no frame after them; they are in no file", totals.unplaced));
        }
    }
}

/// What was captured and what was lost, in one line: losses apart, since each has another remedy.
fn counted(progress: &Progress) -> String {
    let Progress { totals, counts, elapsed } = progress;
    let mut line = format!(
        "{} frames, {} in {} s; lost: {} by the kernel, {} by the interface, {} by our own queue",
        totals.frames,
        text::size(totals.bytes),
        elapsed.as_secs(),
        counts.system,
        counts.interface,
        counts.queue()
    );
    if counts.system > 0 {
        line.push_str(" (a larger -B helps)");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_stand_apart() {
        let counts = Counts { interface: 3, accepted: 100, system: 10, delivered: 88, received: 0 };
        let totals = Totals { frames: 88, bytes: 4096, ..Totals::default() };
        let line = counted(&Progress { totals, counts, elapsed: Duration::from_millis(2900) });
        assert!(line.starts_with("88 frames, "), "{line}");
        let rest =
            "in 2 s; lost: 10 by the kernel, 3 by the interface, 2 by our own queue (a larger -B helps)";
        assert!(line.ends_with(rest), "{line}");
    }
}

//! A capture that is read while it is written, and what is shown and kept meanwhile: the screen, lines of what changes, and
//! reports so far in the files of `-o`.
//!
//! Input: the files of the capture, each until it is whole, and what is wanted of them. Output: the inspection of all of it. One thread
//! reads, one judges what was read so far, and this one shows it; the reader waits for neither. Must not: know who captures.

mod options;
mod pace;
mod stop;
mod watch;

use std::io::{Write as _, stdout};
use std::panic::resume_unwind;
use std::thread;
use std::time::{Duration, Instant};

pub(super) use self::options::Live;
use self::pace::Pace;
pub(super) use self::stop::Stop;
use self::watch::Watching;
use crate::cli::message::say;
use crate::cli::progress::Bar;
use crate::cli::screen::{self, Model, Quality};
use crate::inspect::live::{Asked, Followed, Onlooker, Position, follow, window};
use crate::inspect::{Inspection, Settings};
use crate::report::changes::Changes;
use crate::report::schema::Report;
use crate::report::table::Color;
use crate::report::{self, Options};

/// How what is found is shown while it is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum View {
    /// Not at all.
    None,
    /// A line of JSON for each change, on standard output.
    Lines,
    /// The screen.
    Screen,
}

/// What is wanted while a capture is read. What it asks of the program may be asked from several threads.
pub(super) struct Plan<'a> {
    /// What is being read, in a few words.
    pub(super) title: String,
    /// How it is shown.
    pub(super) view: View,
    /// Whether a bar shows how much is read, where there is no view.
    pub(super) has_bar: bool,
    /// Whether the screen is in colour.
    pub(super) color: Color,
    /// How old the files of `-o` may become, where they are rewritten meanwhile.
    pub(super) checkpoint: Option<Duration>,
    /// What reports are to hold; flows only in those that are written.
    pub(super) options: Options,
    /// Ends the capture or the following of it.
    pub(super) stop: Stop,
    /// Writes a report so far to the files of `-o`.
    pub(super) write: &'a (dyn Fn(&Report) -> Result<(), String> + Sync),
    /// How well the capture goes, by how far the reading is.
    pub(super) quality: &'a (dyn Fn(Position) -> Quality + Sync),
    /// Where marks go.
    pub(super) marks: Marks<'a>,
    /// What whoever writes the capture has to say, once.
    pub(super) news: &'a (dyn Fn() -> Option<String> + Sync),
}

/// Where the marks go that the user sets at the screen.
pub(super) enum Marks<'a> {
    /// Into the analysis alone.
    Analysis,
    /// To whoever writes the capture, from which the analysis reads them.
    Capture(Box<SetMark<'a>>),
    /// Nowhere, and why not.
    Refused(&'static str),
}

/// Sets a mark of that label, or says why not.
pub(super) type SetMark<'a> = dyn Fn(&str) -> Result<(), String> + Sync + 'a;

/// What came of it.
pub(super) struct Ended {
    pub(super) inspection: Inspection,
    /// The marks that were set in the analysis, as `--mark` takes them.
    pub(super) marks: Vec<String>,
    /// The lines of what changed, for what the report at the end adds to them.
    pub(super) lines: Lines,
}

/// Reads files that are still written, and does meanwhile what the plan says.
pub(super) fn run<F>(files: F, settings: Settings, plan: &Plan<'_>) -> Ended
where
    F: IntoIterator<Item = Followed> + Send,
{
    let (asked, onlooker) = window();
    let watching = Watching::new(plan, onlooker.questions());
    let (inspection, lines) = thread::scope(|scope| {
        let watching = &watching;
        let reader = scope.spawn(move || {
            let inspection = read(files, settings, &asked, watching);
            // Nobody waits for a snapshot that will not come.
            drop(asked);
            inspection
        });
        let judge = scope.spawn(move || judge(&onlooker, watching));
        if plan.view == View::Screen
            && let Err(error) = screen::show(watching, plan.color)
        {
            say(&format!("the screen cannot be drawn: {error}; the capture is read on without it"));
        }
        let inspection = reader.join().unwrap_or_else(|panic| resume_unwind(panic));
        (inspection, judge.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    for news in watching.untold() {
        say(&news);
    }
    for label in watching.questions.unset() {
        say(&format!("the mark {label:?} is not in the report: no frame came after it was set"));
    }
    Ended { inspection, marks: watching.questions.set(), lines }
}

fn read<F>(files: F, settings: Settings, asked: &Asked, watching: &Watching<'_>) -> Inspection
where
    F: IntoIterator<Item = Followed>,
{
    let _end = watching.ends_with();
    // The screen says itself how far the reading is.
    if watching.plan.view == View::None && watching.plan.has_bar {
        follow(files, settings, &Bar::new(), asked)
    } else {
        follow(files, settings, &(), asked)
    }
}

/// Judges what was read so far, again and again, until the reading is over.
fn judge(onlooker: &Onlooker, watching: &Watching<'_>) -> Lines {
    let plan = watching.plan;
    let mut lines = Lines { is_open: plan.view == View::Lines, changes: Changes::default() };
    let Some(mut pace) = Pace::of(plan.view != View::None, plan.checkpoint, Instant::now()) else {
        return lines;
    };
    let mut seen = Position::default();
    while watching.sleeps_until(pace.next()) {
        let position = watching.questions.position();
        if position == seen {
            pace.passes(Instant::now());
            continue;
        }
        let began = Instant::now();
        onlooker.ask();
        let Some(snapshot) = onlooker.wait() else { break };
        let is_due = pace.is_due(began);
        let options = Options { list_flows: plan.options.list_flows && is_due, ..plan.options };
        // Both are many small pieces of memory, of which nothing is needed any more.
        let inspection = snapshot.judged();
        let report = report::build(&inspection, options);
        drop(inspection);
        lines.write(&report);
        if plan.view == View::Screen {
            watching.show(Model::of(&report), began);
        }
        if is_due && let Err(failed) = (plan.write)(&report) {
            watching.tell(failed);
        }
        pace.took(began, Instant::now(), is_due);
        seen = position;
    }
    lines
}

/// The lines of what changes, on standard output.
pub(super) struct Lines {
    is_open: bool,
    changes: Changes,
}

impl Lines {
    /// Whoever has closed standard output has seen enough; the reading goes on.
    pub(super) fn write(&mut self, report: &Report) {
        if self.is_open {
            let lines = self.changes.of(report);
            let mut out = stdout().lock();
            self.is_open = out.write_all(lines.as_bytes()).and_then(|()| out.flush()).is_ok();
        }
    }
}

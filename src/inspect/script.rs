//! The tester's script as one capture meets it: at which frame each mark stands.
//!
//! Input: the marks of the run, the inputs of the capture as they begin, and every frame's number and time; the comments that
//! mark steps. Output: the capture's steps, and what is wrong with its marks. Must not: hold a rule of its own, or cost a frame
//! more than two comparisons.

use std::cmp::Reverse;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::frame::{FrameRef, Timestamp};
use crate::inspect::inputs::Opened;
use crate::inspect::{Input, Settings, Unit};
use crate::session::{self, Mark, MarkFault, MarkedBy, Placed, Step, When, marks};
use crate::source::Summary;

/// The marks of a run as one capture meets them.
#[derive(Clone, Debug)]
pub(super) struct Script {
    settings: Arc<Settings>,
    /// The numbers of the frames that are waited for in this input, each with its mark; the next one last.
    frames: Vec<(u64, usize)>,
    /// The times that are waited for, the next one last.
    times: Vec<(Timestamp, usize)>,
    /// Marks that count from the first frame of the capture or, where they name one, of this input.
    after: Vec<(Duration, usize)>,
    /// Below both of them nothing is to be done.
    next_frame: u64,
    next_time: Timestamp,
    input: u32,
    has_begun: bool,
    /// The time of the capture's first frame that has one.
    start: Option<Timestamp>,
    /// The earliest time of a frame.
    earliest: Option<Timestamp>,
    /// What was met, each with the number of its mark; comments have none.
    placed: Vec<(Option<usize>, Placed)>,
    faults: Vec<MarkFault>,
    /// The last frame of each input.
    ends: Vec<FrameRef>,
}

/// What a capture made of the script.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) steps: Vec<Step>,
    pub(super) faults: Vec<MarkFault>,
    pub(super) met: Vec<usize>,
}

impl Script {
    pub(super) fn new(settings: &Arc<Settings>) -> Self {
        Self {
            settings: Arc::clone(settings),
            frames: Vec::new(),
            times: Vec::new(),
            after: Vec::new(),
            next_frame: u64::MAX,
            next_time: NEVER,
            input: 0,
            has_begun: false,
            start: None,
            earliest: None,
            placed: Vec::new(),
            faults: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// An input of the capture begins.
    pub(super) fn begin_input(&mut self, opened: &Opened<'_>) {
        self.input = opened.number;
        let settings = Arc::clone(&self.settings);
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        for (number, mark) in settings.marks.iter().enumerate() {
            let is_its = match &mark.input {
                Some(input) => input.is(opened.place, &opened.path),
                None => is_first && (opened.is_alone || can_do_without_input(mark, settings.join)),
            };
            if is_its {
                self.wait(number, mark);
            }
        }
        self.frames.sort_by_key(|waiting| Reverse(*waiting));
        self.times.sort_by_key(|waiting| Reverse(*waiting));
        self.look_ahead();
    }

    fn wait(&mut self, number: usize, mark: &Mark) {
        match mark.when {
            When::Frame(frame) => self.frames.push((frame, number)),
            When::Time(time) => self.times.push((time, number)),
            When::After(after) => match self.start.filter(|_| mark.input.is_none()) {
                Some(start) => self.times.push((later(start, after), number)),
                None => self.after.push((after, number)),
            },
        }
    }

    /// What the next frames are to be compared with.
    fn look_ahead(&mut self) {
        let next_frame = self.frames.last().map_or(u64::MAX, |(frame, _)| *frame);
        // The first time is waited for from the next frame on.
        self.next_frame = if self.after.is_empty() { next_frame } else { 0 };
        self.next_time = self.times.last().map_or(NEVER, |(time, _)| *time);
    }

    /// Takes the next frame.
    #[inline]
    pub(super) fn see(&mut self, time: Option<Timestamp>, at: FrameRef) {
        if at.number() >= self.next_frame || time.is_some_and(|time| time >= self.next_time) {
            self.meet(time, at);
        }
    }

    #[cold]
    #[inline(never)]
    fn meet(&mut self, time: Option<Timestamp>, at: FrameRef) {
        if let Some(time) = time {
            let after = std::mem::take(&mut self.after);
            self.start.get_or_insert(time);
            self.times.extend(after.into_iter().map(|(after, number)| (later(time, after), number)));
            self.times.sort_by_key(|waiting| Reverse(*waiting));
        }
        while let Some((frame, number)) = self.frames.pop_if(|(frame, _)| *frame <= at.number()) {
            self.place(number, FrameRef::new(at.input(), frame), time);
        }
        while let Some((stated, number)) = self.times.pop_if(|(stated, _)| Some(*stated) <= time) {
            self.place(number, at, Some(stated));
        }
        self.look_ahead();
    }

    fn place(&mut self, number: usize, from: FrameRef, start: Option<Timestamp>) {
        let Some(mark) = self.settings.marks.get(number).cloned() else { return };
        self.placed.push((Some(number), Placed { mark, from, start }));
    }

    /// A mark that somebody sets while the capture is read, at the frame that comes next.
    pub(super) fn mark(&mut self, mark: Mark, from: FrameRef, start: Option<Timestamp>) {
        self.placed.push((None, Placed { mark, from, start }));
    }

    /// The input is read: what its comments mark, and no more of its frames.
    pub(super) fn end_input(&mut self, summary: &Summary, earliest: Option<Timestamp>) {
        // A time before the input is no time of it, though its first frame is not before it.
        let is_early = |placed: &Placed| {
            let is_of_input = placed.mark.input.is_some() && placed.from.input() == self.input;
            is_of_input && states_earlier(placed, earliest)
        };
        self.placed.retain(|(_, placed)| !is_early(placed));
        self.earliest =
            self.earliest.map_or(earliest, |known| Some(earliest.map_or(known, |new| new.min(known))));
        for comment in &summary.claims.steps {
            let from = FrameRef::new(self.input, comment.frame);
            match marks::of_comment(&comment.text, from) {
                Ok(mark) => self.placed.push((None, Placed { mark, from, start: comment.time })),
                Err(fault) => self.faults.push(fault),
            }
        }
        if summary.claims.steps_refused > 0 {
            let refused = summary.claims.steps_refused;
            let what = format!("{refused} more comments that mark steps were too many and are not used");
            let frame = FrameRef::new(self.input, 0);
            self.faults.push(MarkFault { by: MarkedBy::Comment { frame }, label: String::new(), what });
        }
        let frames = summary.frames.saturating_add(summary.other_records);
        if frames > 0 {
            self.ends.push(FrameRef::new(self.input, frames));
        }
        let settings = Arc::clone(&self.settings);
        let is_general = |number: usize| settings.marks.get(number).is_some_and(|mark| mark.input.is_none());
        self.frames.clear();
        self.times.retain(|(_, number)| is_general(*number));
        self.after.retain(|(_, number)| is_general(*number));
    }

    /// The capture is read.
    pub(super) fn end(mut self, unit: &Unit) -> Read {
        let Some(last) = unit.last else {
            return Read { faults: self.faults, ..Read::default() };
        };
        let before = |frame: FrameRef| match frame.number() {
            0 | 1 => self.ends.iter().rev().find(|end| end.input() < frame.input()).copied(),
            number => Some(FrameRef::new(frame.input(), number - 1)),
        };
        let end = self.ends.last().copied().unwrap_or(last.frame);
        let earliest = self.earliest;
        let placed = self.placed.into_iter().filter(|(_, placed)| !states_earlier(placed, earliest));
        let (met, placed): (Vec<Option<usize>>, Vec<Placed>) = placed.unzip();
        let (steps, faults) = session::steps(placed, (end, last.time), before);
        self.faults.extend(faults);
        Read { steps, faults: self.faults, met: met.into_iter().flatten().collect() }
    }
}

/// Whether a mark that names no input says all the same which frame it means.
fn can_do_without_input(mark: &Mark, is_joined: bool) -> bool {
    match mark.when {
        When::Time(_) => true,
        When::After(_) => is_joined,
        When::Frame(_) => false,
    }
}

/// Whether a mark states a time before the earliest.
fn states_earlier(placed: &Placed, earliest: Option<Timestamp>) -> bool {
    matches!(placed.mark.when, When::Time(time) if Some(time) < earliest)
}

fn later(time: Timestamp, after: Duration) -> Timestamp {
    let nanos = i64::try_from(after.as_nanos()).unwrap_or(i64::MAX);
    Timestamp::from_nanos(time.nanos().saturating_add(nanos))
}

/// The marks that no capture met, and why.
pub(super) fn not_met(settings: &Settings, met: &[usize], inputs: &[Input]) -> Vec<MarkFault> {
    let mut is_met = vec![false; settings.marks.len()];
    for number in met {
        if let Some(is_met) = is_met.get_mut(*number) {
            *is_met = true;
        }
    }
    let missed = settings.marks.iter().zip(is_met).filter(|(_, is_met)| !is_met);
    missed
        .map(|(mark, _)| MarkFault {
            by: mark.by.clone(),
            label: mark.label.clone(),
            what: why_missed(mark, settings.join, inputs),
        })
        .collect()
}

fn why_missed(mark: &Mark, is_joined: bool, inputs: &[Input]) -> String {
    let of: Vec<&Input> = match &mark.input {
        Some(name) => inputs.iter().filter(|input| name.is(input.place, &input.path)).collect(),
        None => inputs.iter().collect(),
    };
    let place = |path: &Path| path.display().to_string();
    match (mark.when, of.as_slice()) {
        (_, []) => match &mark.input {
            Some(name) => {
                format!("no input was read that is called {name}; name one by its file or its number from 0")
            }
            None => "no input was read".to_owned(),
        },
        (When::Frame(_) | When::After(_), [_, _, ..])
            if mark.input.is_none() && !can_do_without_input(mark, is_joined) =>
        {
            "there are several inputs; say which one by `input` in a file of marks (--marks)".to_owned()
        }
        (When::Frame(frame), [input, ..]) => {
            let last = input.summary.frames.saturating_add(input.summary.other_records);
            format!(
                "frame {frame} is beyond the last packet of {}, which has {last} frames",
                place(&input.path)
            )
        }
        (When::Time(_) | When::After(_), several) => {
            let earliest = several.iter().filter_map(|input| input.earliest).min();
            let latest = several.iter().filter_map(|input| input.latest).max();
            match earliest.zip(latest) {
                Some(_) if several.len() > 1 && !is_joined => {
                    "within the time of none of the captures".to_owned()
                }
                Some((from, to)) => format!("not within the capture's time, {from} to {to}"),
                None => "the capture's frames have no times; mark by `frame`".to_owned(),
            }
        }
    }
}

/// A time that no frame reaches.
const NEVER: Timestamp = Timestamp::from_nanos(i64::MAX);

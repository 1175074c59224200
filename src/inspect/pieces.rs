//! One large capture, read in pieces by several threads at once, and put together as one reading would have found it.
//!
//! Input: a capture in a file, and how many pieces. Output: its unit and counts, byte for byte those of one reading. Must not:
//! trust a guess. The first piece is read to where the second was guessed to begin; only where its reader arrives exactly there
//! the second is what follows. What does not join exactly is read again behind the pieces that did.
//!
//! Most flows lie in one piece. Of one that goes on over a cut, what the second piece found is not taken: its first packets,
//! and later ones that say something, are read again from the file into what the first piece knows; the rest is added up.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::thread;

use crate::evidence::{Cut, Evidence, Noted};
use crate::flow::{Continued, FlowId, Joint};
use crate::frame::FrameRef;
use crate::inspect::census::Census;
use crate::inspect::inputs::Opened;
use crate::inspect::memory::{self, Budget, Room};
use crate::inspect::progress::Watch;
use crate::inspect::times::Times;
use crate::inspect::{Settings, Unit};
use crate::source::{Capture, Options, Records, Stamp, Summary};

/// A capture that was read.
pub(super) struct Reading {
    pub(super) place: u32,
    pub(super) path: PathBuf,
    pub(super) stamp: Option<Stamp>,
    pub(super) unit: Unit,
    pub(super) census: Census,
    pub(super) times: Times,
    pub(super) summary: Summary,
    /// How many pieces were put together.
    pub(super) pieces: usize,
}

/// Reads a large capture in pieces; gives it back where it is to be read in one go.
pub(super) fn read<'a>(mut opened: Opened<'a>, settings: &Settings) -> Result<Reading, Box<Opened<'a>>> {
    let most = opened.capture.size().unwrap_or(0) / settings.least_piece.max(1);
    let pieces = usize::try_from(most).unwrap_or(usize::MAX).min(opened.threads);
    // Marks are looked at in the order of frames.
    let is_marked = !settings.marks.is_empty();
    // And connections are followed from their first frame to their last.
    let has_keys = !settings.key_logs.keys.is_empty();
    // So is a limit on memory, where it is ever reached; one under which that could not be ruled out is not tried.
    let budget = Budget::new(settings, opened.share);
    let is_narrow = budget.as_ref().is_some_and(Budget::is_never_ample);
    if pieces < 2 || is_marked || has_keys || is_narrow || !opened.capture.is_divisible() {
        return Err(Box::new(opened));
    }
    let options = settings.reading();
    let again =
        |path: &Path| Some((Capture::records(path, &options).ok()??, Capture::open(path, &options).ok()?));
    let Some((records, spare)) = again(&opened.path) else { return Err(Box::new(opened)) };
    let capture = std::mem::replace(&mut opened.capture, spare);
    let told = AtomicU64::new(0);
    let next = openings(&opened.path, &capture, &options, pieces);
    let room = Room::of(budget.as_ref());
    let around = Around { watch: &opened.watch, told: &told, room: &room };
    let read = read_pieces(capture, next, records, opened.number, &around);
    opened.watch.take(&told);
    let is_ample = |unit: &Unit| room.is_left() && budget.is_none_or(|budget| budget.was_ample(unit));
    let Some((whole, joined)) = read.filter(|(whole, _)| is_ample(&whole.unit)) else {
        return Err(Box::new(opened));
    };
    let reading = whole.finish((opened.place, opened.path, opened.stamp), joined);
    opened.watch.end(reading.summary.size);
    Ok(reading)
}

/// What all pieces have in common while they are read.
#[derive(Clone, Copy)]
struct Around<'a> {
    watch: &'a Watch<'a>,
    told: &'a AtomicU64,
    room: &'a Room,
}

/// Reads the pieces at once and puts them together: all that was read, and how many pieces could be put together. Nothing where
/// two do not fit that seemed to, or there is no room for all.
fn read_pieces(
    capture: Capture,
    next: Vec<Capture>,
    mut records: Records,
    input: u32,
    around: &Around<'_>,
) -> Option<(Piece, usize)> {
    let Around { watch, told, room } = *around;
    let interval = watch.interval.min(memory::INTERVAL);
    let starts: Vec<u64> = next.iter().map(Capture::offset).chain([u64::MAX]).collect();
    let (first_end, ends) = starts.split_first()?;
    let look = |more| watch.look_at_piece(more, told);
    let mut whole = Piece::new(capture, Unit::default());
    let parts: Vec<Option<Piece>> = thread::scope(|scope| {
        let start = |(capture, end): (Capture, &u64)| {
            let (mut piece, end) = (Piece::new(capture, Unit::piece()), *end);
            let read = move || {
                piece.read_to(end, input, (interval, room), look);
                // What cannot be put behind another is not kept until the others are read.
                (!piece.is_useless()).then_some(piece)
            };
            thread::Builder::new().name("piece".to_owned()).spawn_scoped(scope, read).ok()
        };
        let started: Vec<_> = next.into_iter().zip(ends).map(start).collect();
        whole.read_to(*first_end, input, (interval, room), look);
        started.into_iter().map(|thread| thread?.join().ok().flatten()).collect()
    });
    if !room.is_left() {
        return None;
    }
    let mut joined = 1;
    for (part, end) in parts.into_iter().zip(ends) {
        match part.and_then(|part| Some((whole.joints(&part)?, part))) {
            Some((joints, part)) => {
                whole.join(part, joints, &mut records)?;
                joined += 1;
            }
            // Its bytes were told once.
            None => whole.read_to(*end, input, (interval, room), |_| {}),
        }
    }
    (!whole.unit.evidence.has_doubtful_requests()).then_some((whole, joined))
}

/// The capture from where each piece but the first seems to begin.
fn openings(path: &Path, capture: &Capture, options: &Options, pieces: usize) -> Vec<Capture> {
    let (size, pieces) = (capture.size().unwrap_or(0), pieces as u64);
    let mut reached = capture.offset();
    let cuts = (1..pieces).map(|number| (size / pieces * number).max(reached));
    let opened: Vec<Capture> =
        cuts.filter_map(|from| Capture::open_near(path, options, from).ok().flatten()).collect();
    let mut is_behind = |opened: &Capture| {
        let before = std::mem::replace(&mut reached, opened.offset());
        opened.offset() > before
    };
    opened.into_iter().filter(|opened| is_behind(opened)).collect()
}

/// A flow that goes on from one piece to the next.
struct Part {
    continued: Continued,
    /// What joins it, where none of its packets have to be taken again.
    joint: Option<Joint>,
}

/// A piece of a capture, or all pieces up to some place.
struct Piece {
    capture: Capture,
    /// Where it begins.
    start: u64,
    /// What the readers say that were used up before.
    before: Option<Summary>,
    unit: Unit,
    census: Census,
    times: Times,
    /// Where the records begin of the packets that its evidence noted.
    places: Vec<u64>,
    /// Whether nothing follows that could be read.
    is_ended: bool,
    /// What its tables were seen to take.
    taken: usize,
}

impl Piece {
    fn new(capture: Capture, unit: Unit) -> Self {
        Self {
            start: capture.offset(),
            capture,
            before: None,
            unit,
            census: Census::default(),
            times: Times::default(),
            places: Vec::new(),
            is_ended: false,
            taken: 0,
        }
    }

    /// How many frames of the capture were read by readers that are used up.
    fn frames_before(&self) -> u64 {
        self.before.as_ref().map_or(0, |summary| summary.frames)
    }

    /// Reads up to the first record that begins at `end` or behind it. A piece that cannot be put behind another, or has no room, is given up.
    fn read_to(&mut self, end: u64, input: u32, (interval, room): (u64, &Room), look: impl Fn(u64)) {
        let before = self.frames_before();
        let is_piece = self.unit.is_piece;
        let mut known = self.capture.offset();
        loop {
            let place = self.capture.offset();
            if place >= end || self.is_ended || (is_piece && self.unit.is_entangled) {
                break;
            }
            let Some(frame) = self.capture.next_frame() else {
                self.is_ended = true;
                break;
            };
            let at = FrameRef::new(input, before.saturating_add(frame.number));
            self.times.see(frame.time, at);
            self.unit.observe(&frame, at, &mut self.census);
            if is_piece && self.unit.evidence.noted().len() > self.places.len() {
                self.places.push(place);
            }
            if frame.number.is_multiple_of(interval) {
                look(place.saturating_sub(known));
                known = place;
                if !room.look(&self.unit, &mut self.taken) || self.is_useless() {
                    break;
                }
            }
        }
        look(self.capture.offset().saturating_sub(known));
    }

    /// Whether it is known already that the piece cannot be put behind another.
    fn is_useless(&self) -> bool {
        self.unit.is_piece && (self.unit.is_entangled || self.unit.evidence.is_useless())
    }

    /// The flows that go on in the next piece, where that begins where this one ends, and can be put behind it. Nothing of
    /// this one has changed where it cannot.
    fn joints(&mut self, next: &Self) -> Option<Vec<Part>> {
        let Unit { flows, evidence, is_entangled, .. } = &next.unit;
        let fits = !self.is_ended
            && self.capture.offset() == next.start
            && !is_entangled
            && next.places.len() == evidence.noted().len()
            && self.unit.flows.has_room_for(flows)
            && self.unit.evidence.has_room_for(evidence);
        if !fits {
            return None;
        }
        let continued = self.unit.flows.continued(flows)?;
        let whole = &self.unit.flows;
        // A flow that has said what it will, and simply goes on, is merely added up.
        let part = |continued: Continued| {
            let is_silent = !continued.is_renewed && Evidence::has_settled(whole, continued.flow);
            let joint = if is_silent { whole.joint(flows, continued, false) } else { None };
            Part { continued, joint }
        };
        let parts: Vec<Part> = continued.into_iter().map(part).collect();
        let begun = evidence.noted().iter().filter(|noted| noted.begins).filter_map(|noted| noted.flow);
        // Both are in the order of the flows of the next piece.
        let mut begun = begun.peekable();
        let said = &self.unit.evidence;
        let is_noted = |part: &Part| {
            if part.continued.is_renewed {
                return said.is_waiting(part.continued.flow);
            }
            while begun.next_if(|begun| *begun < part.continued.part).is_some() {}
            part.joint.is_some() || begun.peek() == Some(&part.continued.part)
        };
        parts.iter().all(is_noted).then_some(parts)
    }

    /// Puts the next piece behind this one; nothing where that turns out not to be exact.
    fn join(&mut self, next: Self, parts: Vec<Part>, records: &mut Records) -> Option<()> {
        let Self { capture, unit, census, times, places, is_ended, .. } = next;
        let Unit { flows, evidence, last, interfaces, .. } = unit;
        let used_up = std::mem::replace(&mut self.capture, capture).finish();
        match &mut self.before {
            Some(before) => before.append(used_up),
            None => self.before = Some(used_up),
        }
        let frames = self.frames_before();
        let continued: Vec<Continued> = parts.iter().map(|part| part.continued).collect();
        let cut = self.unit.evidence.cut();
        self.take_again(&parts, flows.len(), evidence.noted(), &places, (frames, &cut), records)?;
        for Part { continued, joint } in parts.into_iter().filter(|part| !part.continued.is_renewed) {
            let whole = &mut self.unit;
            let joint = if joint.is_none() && flows.has_tail(continued.part) {
                if !whole.evidence.has_read_up(&whole.flows, &evidence, &flows, continued) {
                    return None;
                }
                Some(whole.flows.joint(&flows, continued, true)?)
            } else {
                joint
            };
            whole.flows.extend(&flows, continued, joint.as_ref(), frames);
        }
        if self.unit.evidence.is_doubtful(&cut) {
            return None;
        }
        let moved = self.unit.flows.append(flows, &continued, frames, Evidence::moved_mark)?;
        self.unit.evidence.append(evidence, &moved, frames, &cut);
        self.unit.append(last, interfaces, frames);
        self.census.append(census, frames);
        self.times.append(times, frames);
        self.is_ended = is_ended;
        Some(())
    }

    /// Takes the noted packets again of the `parts` that are not merely added up, and the ICMP errors that may be about such;
    /// nothing where they turn out to be of other flows. The next piece has `flows` flows.
    fn take_again(
        &mut self,
        parts: &[Part],
        flows: usize,
        noted: &[Noted],
        places: &[u64],
        (frames, cut): (u64, &Cut),
        records: &mut Records,
    ) -> Option<()> {
        // Of each flow there: the flow here whose packets are to be taken again.
        let mut again: Vec<Option<FlowId>> = vec![None; flows];
        let is_again = |part: &&Part| part.joint.is_none() && !part.continued.is_renewed;
        for Part { continued, .. } in parts.iter().filter(is_again) {
            *again.get_mut(continued.part.0 as usize)? = Some(continued.flow);
        }
        for (noted, place) in noted.iter().zip(places) {
            let expected = noted.flow.and_then(|part| again.get(part.0 as usize).copied().flatten());
            if noted.flow.is_some() && expected.is_none() {
                continue;
            }
            let at = noted.frame.later_by(frames);
            let frame = records.frame(*place, at.number())?;
            self.unit.evidence.go_to(cut, noted);
            let flow = self.unit.observe_again(&frame, at, noted.is_counted);
            if expected.is_some() && flow != expected {
                return None;
            }
        }
        Some(())
    }

    fn finish(self, (place, path, stamp): (u32, PathBuf, Option<Stamp>), pieces: usize) -> Reading {
        let used_up = self.capture.finish();
        let summary = match self.before {
            Some(mut before) => {
                before.append(used_up);
                before
            }
            None => used_up,
        };
        let Self { unit, census, times, .. } = self;
        Reading { place, path, stamp, unit, census, times, summary, pieces }
    }
}

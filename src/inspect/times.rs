//! The times of one input's frames: the earliest, the latest, and where they go backwards.

use crate::frame::{FrameRef, Timestamp};
use crate::inspect::census::Counted;

/// What the times of the frames seen so far say.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Times {
    pub(super) earliest: Option<Timestamp>,
    pub(super) latest: Option<Timestamp>,
    /// Frames whose time lies before that of the frame before them.
    pub(super) backwards: Option<Counted>,
    before: Option<Timestamp>,
    /// The first frame that has a time.
    first: Option<(Timestamp, FrameRef)>,
}

impl Times {
    /// Takes the next frame's time. One without a time is passed over.
    #[inline]
    pub(super) fn see(&mut self, time: Option<Timestamp>, at: FrameRef) {
        let Some(time) = time else { return };
        // Nearly always time goes on, and what was earliest stays so.
        if self.before.is_none_or(|before| time < before) {
            self.turn(time, at);
        }
        self.latest = self.latest.max(Some(time));
        self.before = Some(time);
    }

    /// The first time, or one before that of the frame before.
    #[cold]
    fn turn(&mut self, time: Timestamp, at: FrameRef) {
        self.first.get_or_insert((time, at));
        self.earliest = Some(self.earliest.map_or(time, |earliest| earliest.min(time)));
        if self.before.is_some() {
            self.backwards.get_or_insert(Counted { frames: 0, first: at }).frames += 1;
        }
    }

    /// Adds the times of the frames that follow, which `frames` frames of the input stand before.
    pub(super) fn append(&mut self, next: Self, frames: u64) {
        let Some((first, at)) = next.first else { return };
        let mut backwards = self.backwards;
        if Some(first) < self.before {
            backwards.get_or_insert(Counted { frames: 0, first: at.later_by(frames) }).frames += 1;
        }
        if let Some(more) = next.backwards {
            let first = more.first.later_by(frames);
            backwards.get_or_insert(Counted { frames: 0, first }).frames += more.frames;
        }
        *self = Self {
            earliest: self.earliest.map_or(next.earliest, |time| next.earliest.map(|next| next.min(time))),
            latest: self.latest.max(next.latest),
            backwards,
            before: next.before,
            first: self.first.or(Some((first, at.later_by(frames)))),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_go_backwards_are_counted_from_the_first() {
        let mut times = Times::default();
        for (number, time) in (1..).zip([Some(5), None, Some(9), Some(7), Some(8), Some(3), Some(3)]) {
            times.see(time.map(Timestamp::from_nanos), FrameRef::new(0, number));
        }
        assert_eq!(times.earliest, Some(Timestamp::from_nanos(3)));
        assert_eq!(times.latest, Some(Timestamp::from_nanos(9)));
        assert_eq!(times.backwards, Some(Counted { frames: 2, first: FrameRef::new(0, 4) }));
    }

    #[test]
    fn times_in_pieces_are_those_of_one_reading() {
        let times = [Some(5), None, Some(9), Some(7), Some(8), None, Some(3), Some(3), Some(20)];
        let see = |range: std::ops::Range<usize>| {
            let mut seen = Times::default();
            for (number, time) in (1..).zip(&times[range]) {
                seen.see(time.map(Timestamp::from_nanos), FrameRef::new(0, number));
            }
            seen
        };
        let whole = see(0..times.len());
        for cut in 0..=times.len() {
            let mut joined = see(0..cut);
            joined.append(see(cut..times.len()), cut as u64);
            let values = |times: Times| (times.earliest, times.latest, times.backwards, times.before);
            assert_eq!(values(joined), values(whole), "cut at {cut}");
        }
    }
}

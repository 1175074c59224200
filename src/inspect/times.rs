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
        self.earliest = Some(self.earliest.map_or(time, |earliest| earliest.min(time)));
        if self.before.is_some() {
            self.backwards.get_or_insert(Counted { frames: 0, first: at }).frames += 1;
        }
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
}

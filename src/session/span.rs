//! Stretches of a capture, and which of them another one touches.
//!
//! Input: stretches in order of their first frames, each with whose it is. Output: whose the earliest is that is touched. Must not:
//! look at each of them for that: there may be one for every flow.

use std::time::Duration;

use crate::frame::{FrameRef, Timestamp};
use crate::session::Moment;

/// Stretches in order of their first frames.
#[derive(Clone, Default, Debug)]
pub(super) struct Spans(Vec<Span>);

#[derive(Clone, Copy, Debug)]
struct Span {
    first: Moment,
    /// The last frame of it and all before it.
    frame: FrameRef,
    /// The last time of it and all before it.
    time: Option<Timestamp>,
    /// Whose it is.
    owner: usize,
}

impl Spans {
    /// Adds one that begins no earlier than those that are known.
    pub(super) fn push(&mut self, (first, last): (Moment, Moment), owner: usize) {
        let before = self.0.last();
        let frame = before.map_or(last.frame, |before| before.frame.max(last.frame));
        let time = before.and_then(|before| before.time).max(last.time);
        self.0.push(Span { first, frame, time, owner });
    }

    /// Whose the earliest is that shares a frame with this one, or lies no further from it than `gap`, where there is one.
    pub(super) fn touched(&self, (first, last): (Moment, Moment), gap: Option<Duration>) -> Option<usize> {
        let is_near = |later: Option<Timestamp>, earlier: Option<Timestamp>| {
            let apart = later.zip(earlier).zip(gap);
            // Where the clock ran backwards, no time lies between.
            apart.is_some_and(|((later, earlier), gap)| later.since(earlier).is_none_or(|apart| apart <= gap))
        };
        let ends_before = |span: &Span| span.frame < first.frame && !is_near(first.time, span.time);
        let span = self.0.get(self.0.partition_point(ends_before))?;
        let is_begun = span.first <= first || span.first.frame <= last.frame;
        (is_begun || is_near(span.first.time, last.time)).then_some(span.owner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A moment: one frame a second.
    fn at(number: u64) -> Moment {
        let time = Timestamp::from_nanos(i64::try_from(number).unwrap() * 1_000_000_000);
        Moment { frame: FrameRef::new(0, number), time: Some(time) }
    }

    proptest! {
        #[test]
        fn the_earliest_that_is_touched_is_found(
            mut known in prop::collection::vec((0_u64..200, 0_u64..40), 0..30),
            (first, length) in (0_u64..200, 0_u64..40),
            gap in prop::option::of(0_u64..30),
        ) {
            known.sort_unstable();
            let mut spans = Spans::default();
            for (number, (first, length)) in known.iter().enumerate() {
                spans.push((at(*first), at(first + length)), number);
            }
            let last = first + length;
            let apart = gap.unwrap_or(0);
            let touches = |&(start, length): &(u64, u64)| start <= last + apart && first <= start + length + apart;
            let expected = known.iter().position(touches);
            prop_assert_eq!(spans.touched((at(first), at(last)), gap.map(Duration::from_secs)), expected);
        }
    }

    #[test]
    fn what_has_no_time_touches_by_its_frames_alone() {
        let bare = |number| Moment { time: None, ..at(number) };
        let mut spans = Spans::default();
        spans.push((bare(3), bare(5)), 7);
        let touched = |first, last| spans.touched((bare(first), bare(last)), Some(Duration::from_secs(9)));
        assert_eq!(
            (touched(5, 6), touched(6, 7), touched(1, 2), touched(1, 3)),
            (Some(7), None, None, Some(7))
        );
    }
}

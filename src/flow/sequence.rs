//! Which bytes of a TCP stream a segment brings for the first time.
//!
//! Input: the sequence numbers and lengths of one direction's segments, in the order of the capture. Output: how many of a
//! segment's bytes are new. Must not: keep a byte, remember more than [`MAX_HOLES`] holes of a direction or more than
//! [`MAX_DIRECTIONS`] directions with holes. What is forgotten counts as seen, so that nothing counts twice.
//!
//! Source: RFC 9293, section 3.4, for numbers that wrap: half of the number space lies before a number, half behind.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::by_flow::table_bytes;
use super::{FlowId, Side};

/// The holes that a direction may have at once; past it the one that was opened first is forgotten.
pub(super) const MAX_HOLES: usize = 8;
/// The directions that may have holes at once; past it the holes of the one that had some first are forgotten.
pub(super) const MAX_DIRECTIONS: usize = 32_768;

/// What is known of a direction's sequence numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Window {
    /// The first byte seen.
    pub(super) base: u32,
    /// The byte behind the last one seen.
    pub(super) next: u32,
    /// The base is the stream's first byte: nothing before it is of the stream.
    pub(super) is_exact: bool,
    /// More was seen than half of the number space: every number before `next` is behind the base.
    pub(super) is_long: bool,
}

impl Window {
    /// A direction whose first byte has this number.
    pub(super) const fn at(seq: u32, is_exact: bool) -> Self {
        Self { base: seq, next: seq, is_exact, is_long: false }
    }

    /// How many bytes lie between the base and `next`, at most half of the number space.
    fn known(self) -> i64 {
        if self.is_long { HALF } else { i64::from(self.next.wrapping_sub(self.base)).min(HALF) }
    }

    /// Where a number lies, counted from `next`.
    fn place(self, seq: u32) -> i64 {
        i64::from(seq.wrapping_sub(self.next).cast_signed())
    }

    fn number(self, place: i64) -> u32 {
        // Places reach as far as the number space does.
        self.next.wrapping_add(u32::try_from(place.rem_euclid(1 << 32)).unwrap_or_default())
    }

    /// Learns where the stream begins, as its SYN says. Another beginning than that of the bytes seen is another stream.
    pub(super) fn begin(&mut self, seq: u32, holes: &mut Vec<Hole>) {
        let (place, known) = (self.place(seq), self.known());
        if (-known..=0).contains(&place) && !self.is_long {
            self.is_exact |= place == -known;
        } else if (-NEAR..0).contains(&place) && !self.is_exact && !self.is_long {
            open(holes, Hole { start: seq, end: self.base });
            (self.base, self.is_exact) = (seq, true);
        } else if !self.is_long {
            holes.clear();
            *self = Self::at(seq, true);
        }
    }

    /// Takes a segment of `len` bytes at `seq` and says how many of them are new.
    pub(super) fn take(&mut self, seq: u32, len: u32, holes: &mut Vec<Hole>) -> u32 {
        let (start, known) = (self.place(seq), self.known());
        let end = start.saturating_add(i64::from(len.min(LONGEST)));
        let mut new = 0;
        if start < -known && !self.is_exact {
            new += end.min(-known) - start;
            if end < -known {
                open(holes, Hole { start: self.number(end), end: self.base });
            }
            self.base = seq;
        }
        if start < 0 {
            new += self.fill(start, end.min(0), holes);
        }
        if end > 0 {
            new += end - start.max(0);
            if start > 0 {
                open(holes, Hole { start: self.next, end: seq });
            }
            self.next = self.number(end);
            // What lies half of the number space back can no longer be told from what lies ahead.
            if self.next.wrapping_sub(self.base) > HALF_NUMBER {
                self.base = self.next.wrapping_sub(HALF_NUMBER);
            }
        }
        // No segment has more bytes than its length.
        u32::try_from(new).unwrap_or(u32::MAX).min(len)
    }

    /// Takes the places from `start` to `end` out of the holes and says how many of them were holes.
    fn fill(self, start: i64, end: i64, holes: &mut Vec<Hole>) -> i64 {
        let mut new = 0;
        let mut rest: Option<Hole> = None;
        holes.retain_mut(|hole| {
            let (from, to) = (self.place(hole.start), self.place(hole.end));
            // So far back that its numbers have come round.
            if from >= to || to > 0 {
                return false;
            }
            let (first, last) = (start.max(from), end.min(to));
            if first >= last {
                return true;
            }
            new += last - first;
            match (first > from, last < to) {
                (true, true) => {
                    rest = Some(Hole { start: self.number(last), end: hole.end });
                    hole.end = self.number(first);
                }
                (true, false) => hole.end = self.number(first),
                (false, true) => hole.start = self.number(last),
                (false, false) => return false,
            }
            true
        });
        if let Some(rest) = rest {
            open(holes, rest);
        }
        new
    }
}

/// Bytes that were passed over, from `start` up to `end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hole {
    start: u32,
    end: u32,
}

fn open(holes: &mut Vec<Hole>, hole: Hole) {
    if hole.start == hole.end {
        return;
    }
    if holes.len() >= MAX_HOLES {
        holes.remove(0);
    }
    holes.push(hole);
}

/// The holes of all directions.
#[derive(Clone, Debug, Default)]
pub(super) struct Holes {
    open: HashMap<(FlowId, Side), Vec<Hole>>,
    /// The directions in the order in which they had a hole, and some that no longer have one.
    order: VecDeque<(FlowId, Side)>,
}

impl Holes {
    /// Shows the holes of a direction to `change`, which may open and close some.
    pub(super) fn with<R>(
        &mut self,
        flow: FlowId,
        side: Side,
        change: impl FnOnce(&mut Vec<Hole>) -> R,
    ) -> R {
        let key = (flow, side);
        if let Some(holes) = self.open.get_mut(&key) {
            let result = change(holes);
            if holes.is_empty() {
                self.open.remove(&key);
            }
            return result;
        }
        let mut holes = Vec::new();
        let result = change(&mut holes);
        if !holes.is_empty() {
            self.keep(key, holes);
        }
        result
    }

    /// The holes of a direction.
    pub(super) fn of(&self, flow: FlowId, side: Side) -> &[Hole] {
        self.open.get(&(flow, side)).map_or(&[], Vec::as_slice)
    }

    /// Gives a direction other holes; no more than [`MAX_HOLES`], of which the latest count.
    pub(super) fn set(&mut self, flow: FlowId, side: Side, holes: Vec<Hole>) {
        self.with(flow, side, |kept| {
            let first = holes.len().saturating_sub(MAX_HOLES);
            *kept = holes.into_iter().skip(first).collect();
        });
    }

    /// Whether the directions with holes here and all that `next` ever had, as far as it knows, stay within what is kept.
    pub(super) fn has_room_for(&self, next: &Self) -> bool {
        self.open.len().saturating_add(next.order.len()) < MAX_DIRECTIONS
    }

    /// Takes over the holes of another table in the order in which they came, each under the flow that `number` gives it.
    pub(super) fn append(&mut self, mut next: Self, number: impl Fn(FlowId) -> Option<FlowId>) {
        for (flow, side) in next.order {
            if let Some(holes) = next.open.remove(&(flow, side))
                && let Some(flow) = number(flow)
            {
                self.set(flow, side, holes);
            }
        }
    }

    /// The bytes that they fill, at most.
    pub(super) fn bytes(&self) -> usize {
        let holes = MAX_HOLES * size_of::<Hole>();
        table_bytes::<((FlowId, Side), Vec<Hole>)>(self.open.len())
            + self.open.len() * holes
            + self.order.len() * size_of::<(FlowId, Side)>()
    }

    fn keep(&mut self, key: (FlowId, Side), holes: Vec<Hole>) {
        while self.open.len() >= MAX_DIRECTIONS
            && let Some(first) = self.order.pop_front()
        {
            self.open.remove(&first);
        }
        // Closed ones stay in the order until they come up, or until they are most of it.
        if self.order.len() >= 2 * MAX_DIRECTIONS {
            let Self { order, open } = self;
            order.retain(|key| open.contains_key(key));
        }
        self.order.push_back(key);
        self.open.insert(key, holes);
    }
}

const HALF: i64 = 1 << 31;
const HALF_NUMBER: u32 = 1 << 31;
/// No segment is longer; frames that were captured before they were cut into segments are far shorter.
const LONGEST: u32 = 1 << 30;
/// A SYN that comes behind some of its data stands at most a window before them (RFC 7323, section 2.3).
const NEAR: i64 = 1 << 30;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Segments of one direction as the table takes them: those in order are not shown to the window.
    struct Stream {
        window: Option<Window>,
        holes: Vec<Hole>,
    }

    impl Stream {
        fn take(&mut self, seq: u32, len: u32) -> u32 {
            let window = self.window.get_or_insert(Window::at(seq, false));
            window.take(seq, len, &mut self.holes)
        }
    }

    fn stream(window: Option<Window>) -> Stream {
        Stream { window, holes: Vec::new() }
    }

    #[test]
    fn what_comes_again_is_not_new() {
        let mut stream = stream(None);
        let new = [(100, 10), (110, 10), (100, 10), (105, 20), (119, 1), (140, 10), (125, 15), (90, 10)]
            .map(|(seq, len)| stream.take(seq, len));
        assert_eq!(new, [10, 10, 0, 5, 0, 10, 15, 10]);
        assert!(stream.holes.is_empty());
    }

    #[test]
    fn a_known_beginning_has_nothing_before_it() {
        let mut stream = stream(Some(Window::at(100, true)));
        assert_eq!((stream.take(99, 1), stream.take(95, 10), stream.take(100, 10)), (0, 5, 5));
    }

    #[test]
    fn a_late_beginning_opens_a_hole_and_another_one_begins_anew() {
        let mut holes = Vec::new();
        let mut window = Window::at(100, false);
        assert_eq!(window.take(100, 10, &mut holes), 10);
        window.begin(90, &mut holes);
        assert_eq!((window.take(90, 10, &mut holes), window.take(89, 1, &mut holes)), (10, 0));
        window.begin(90, &mut holes);
        assert_eq!(window.next, 110);
        window.begin(5_000_000, &mut holes);
        assert_eq!(window.take(5_000_000, 3, &mut holes), 3);
    }

    #[test]
    fn a_stream_longer_than_the_number_space_counts_on() {
        let mut stream = stream(None);
        let (mut seq, mut new) = (u32::MAX - 5, 0);
        for _ in 0..9 {
            new += u64::from(stream.take(seq, LONGEST));
            seq = seq.wrapping_add(LONGEST);
            let window = stream.window.as_mut().unwrap();
            window.is_long |= new >= 1 << 31;
        }
        assert_eq!(new, 9 << 30);
        assert_eq!(stream.take(seq.wrapping_sub(1000), 1000), 0);
        assert_eq!(stream.take(seq.wrapping_sub(1000), 1001), 1);
    }

    #[test]
    fn a_leap_leaves_the_old_bytes_seen() {
        let mut stream = stream(None);
        assert_eq!(stream.take(0, 100), 100);
        assert_eq!(stream.take(0x7000_0000, 100), 100);
        assert_eq!((stream.take(100, 50), stream.take(100, 50), stream.take(0, 10)), (50, 0, 0));
    }

    #[test]
    fn what_is_forgotten_counts_as_seen() {
        let mut stream = stream(None);
        for n in 0..20 {
            assert_eq!(stream.take(n * 10, 5), 5);
        }
        assert_eq!(stream.holes.len(), MAX_HOLES);
        let new: u32 = (0..20).map(|n| stream.take(n * 10, 10)).sum();
        // The last segment's own end, and the holes that are known.
        assert_eq!(new, 5 + 5 * u32::try_from(MAX_HOLES).unwrap());
    }

    #[test]
    fn the_oldest_direction_is_forgotten() {
        let mut holes = Holes::default();
        let most = u32::try_from(MAX_DIRECTIONS).unwrap();
        for flow in 0..3 * most {
            holes.with(FlowId(flow), Side::First, |holes| open(holes, Hole { start: 0, end: 1 }));
            if flow % 2 == 0 {
                holes.with(FlowId(flow), Side::First, Vec::clear);
            }
        }
        assert!(holes.open.len() <= MAX_DIRECTIONS && holes.order.len() <= 2 * MAX_DIRECTIONS);
        assert!(holes.open.contains_key(&(FlowId(3 * most - 1), Side::First)));
        assert!(!holes.open.contains_key(&(FlowId(1), Side::First)));
    }

    proptest! {
        #[test]
        fn new_bytes_are_those_of_a_set(
            base: u32,
            has_start: bool,
            segments in proptest::collection::vec((0_u32..600, 0_u32..80), 1..12),
        ) {
            // Fewer segments than could open more holes than are kept.
            let segments = &segments[..segments.len().min(MAX_HOLES)];
            let start = has_start.then_some(200);
            let mut stream = stream(start.map(|start| Window::at(base.wrapping_add(start), true)));
            let mut seen = BTreeSet::new();
            for (at, len) in segments {
                if *len == 0 {
                    continue;
                }
                let before = seen.len();
                seen.extend((*at..at + len).filter(|byte| start.is_none_or(|start| *byte >= start)));
                let new = stream.take(base.wrapping_add(*at), *len);
                prop_assert_eq!(new as usize, seen.len() - before);
            }
        }

        #[test]
        fn no_segment_brings_more_than_its_length(
            segments in proptest::collection::vec((any::<u32>(), any::<u32>(), any::<bool>()), 1..60),
            is_long: bool,
        ) {
            let mut holes = Vec::new();
            let mut window = Window { is_long, ..Window::at(segments[0].0, false) };
            for (seq, len, begins) in segments {
                if begins {
                    window.begin(seq, &mut holes);
                }
                prop_assert!(window.take(seq, len, &mut holes) <= len);
                prop_assert!(holes.len() <= MAX_HOLES);
            }
        }
    }
}

//! Where two parts of a flow, counted apart, fit together.
//!
//! Input: what is known of a side before the cut, and what the part behind it came to, at the end of its head and at its end.
//! Output: what is to be added, and the sequence numbers that are then known. Must not: join what may overlap.

use super::Side;
use super::record::{Origin, Record, Sequences, State};
use super::sequence::{Hole, MAX_HOLES, Window};

/// What a flow's head came to.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) record: Record,
    pub(super) origin: Origin,
    pub(super) sequences: Sequences,
    pub(super) sums: [Sums; 2],
    pub(super) holes: [Vec<Hole>; 2],
}

/// Packets, wire bytes and new payload bytes of a side, and payload bytes that were sent again.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Sums(pub(super) [u64; 4]);

/// How two parts of a flow fit, by the sides of the one here.
#[derive(Clone, Debug)]
pub struct Joint {
    pub(super) sides: [JoinedSide; 2],
    /// Whether it lies behind the part's head, which was taken again.
    pub(super) is_behind_head: bool,
}

/// How two parts of a side fit.
#[derive(Clone, Debug)]
pub(super) struct JoinedSide {
    /// Which side of the part behind it is.
    pub(super) theirs: Side,
    /// What is added.
    pub(super) added: Sums,
    /// What is known of its sequence numbers behind, where the part saw any.
    pub(super) sequence: Option<Sequence>,
}

/// What is known of a side's sequence numbers, with the holes in them.
pub(super) type Sequence = (Window, Vec<Hole>);

/// One side of the part behind a cut: from its start, or the end of its head, to its end.
pub(super) struct Behind<'a> {
    pub(super) end: &'a Head,
    pub(super) start: Option<&'a Head>,
    pub(super) side: Side,
    pub(super) most_holes: usize,
}

impl Behind<'_> {
    pub(super) fn added(&self) -> Sums {
        let Sums(all) = self.end.sums(self.side);
        let Sums(head) = self.start.map(|head| head.sums(self.side)).unwrap_or_default();
        let mut added = [0; 4];
        for ((added, all), head) in added.iter_mut().zip(all).zip(head) {
            *added = all.saturating_sub(head);
        }
        Sums(added)
    }

    /// Puts the side's sequence numbers behind those known before, with the holes that then are. The outer `None` is where
    /// they do not fit; the inner one where the side has none.
    #[expect(clippy::option_option, reason = "what does not fit is told from what is not there")]
    pub(super) fn join(&self, before: Option<Window>, open: &[Hole]) -> Option<Option<Sequence>> {
        let Some(end) = self.end.window(self.side) else { return Some(None) };
        let at_start = self.start.and_then(|head| head.window(self.side));
        let start = at_start.unwrap_or(Window { next: end.base, ..end });
        let head_holes = at_start.and(self.start).map_or(&[][..], |head| head.holes(self.side));
        let end_holes = self.end.holes(self.side);
        // Bytes came that lie before the head's: they may have been sent before the cut.
        if start.base != end.base || before.is_some_and(|before| before.next != start.next) {
            return None;
        }
        // Where so much was sent, what lies before the part is not told from what lies in it.
        let Sums([_, _, payload, _]) = self.end.sums(self.side);
        let (older, shared): (Vec<Hole>, Vec<Hole>) =
            open.iter().partition(|hole| !head_holes.contains(hole));
        if payload >= 1 << 31 && !older.is_empty() {
            return None;
        }
        // Holes that only the part has, because it did not see what fills them, must have been left alone.
        let mut own = head_holes.iter().filter(|hole| !shared.contains(hole));
        if !own.clone().all(|hole| end_holes.contains(hole)) {
            return None;
        }
        let room = MAX_HOLES.saturating_sub(self.most_holes);
        if older.len() > room && (at_start.is_some() || own.next().is_some()) {
            return None;
        }
        let kept = older.iter().skip(older.len().saturating_sub(room));
        let new = end_holes.iter().filter(|hole| !head_holes.contains(hole) || shared.contains(hole));
        Some(Some((end, kept.chain(new).copied().collect())))
    }
}

impl Head {
    fn sums(&self, side: Side) -> Sums {
        let [first, second] = self.sums;
        if side == Side::First { first } else { second }
    }

    fn holes(&self, side: Side) -> &[Hole] {
        let [first, second] = &self.holes;
        if side == Side::First { first } else { second }
    }

    fn window(&self, side: Side) -> Option<Window> {
        self.record.window(&self.sequences, side, false)
    }
}

/// What shows that a handshake goes on.
pub(super) const HANDSHAKE: [State; 9] = [
    State::SYN,
    State::SYN.of(Side::Second),
    State::OPENER,
    State::OPENER.of(Side::Second),
    State::BEGUN,
    State::BEGUN.of(Side::Second),
    State::SYN_ACK,
    State::SYN_REPEATED,
    State::SYN_ACK_REPEATED,
];

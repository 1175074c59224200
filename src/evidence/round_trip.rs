//! Round trips of request and reply pairs, free of retransmission ambiguity.
//!
//! Input: requests and replies as the protocol readers name them. Output: the time between a reply and the *first*
//! copy of its request. A reply may answer a later copy, so the time is never too short, and a bound built on it never
//! excludes too much (clients repeat a hello with one token after 100 ms). Must not: grow past [`MAX_PENDING`].

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashMap;

use crate::evidence::name::NameId;
use crate::flow::{FlowId, Side, table_bytes};
use crate::frame::Timestamp;

/// What ties a reply to its request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Key {
    /// A transaction id, a token, or a sequence number with a clock.
    Id([u8; 16]),
    /// The id and the name of a DNS question.
    Question(u16, NameId),
}

/// Requests that wait for their reply, and spent ones: a copy that follows the reply must not be timed again.
#[derive(Default, Debug)]
pub(super) struct RoundTrips {
    pending: HashMap<(FlowId, Side, Key), Asked>,
    order: VecDeque<(FlowId, Side, Key)>,
    /// How many requests were remembered so far.
    count: u64,
    /// The same, also of those that were read again.
    made: u64,
    /// By how much the count may be wrong, because pieces were put together.
    blur: u64,
    /// Whether more is remembered than counts, and how far the count may be wrong in the end is not known yet.
    is_piece: bool,
    /// Whether it mattered that the count may be wrong.
    pub(super) is_doubtful: bool,
}

/// A request: whether it waits, and how many were remembered before it.
#[derive(Clone, Copy, Debug)]
struct Asked {
    state: State,
    number: u64,
}

/// Whether a request waits for its reply.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Since its time, where its frame has one. Without, its reply is a reply all the same, and measures nothing.
    Waiting(Option<Timestamp>),
    Spent,
}

/// The most requests that count at one time; then the oldest is forgotten.
const MAX_PENDING: u64 = 1 << 16;
/// By how much the count may be wrong at most.
const MAX_BLUR: u64 = 1 << 12;

impl RoundTrips {
    /// Those of a piece that is to be put behind another.
    pub(super) fn piece() -> Self {
        Self { is_piece: true, ..Self::default() }
    }

    /// `from` sent a request. A second copy changes nothing.
    pub(super) fn request(&mut self, flow: FlowId, from: Side, key: Key, time: Option<Timestamp>) {
        let id = (flow, from, key);
        if self.known(&id).is_some() {
            return;
        }
        // What no longer counts is kept a while, so that it is seen where it would matter.
        let spare = if self.is_piece || self.blur > 0 { 2 * MAX_BLUR } else { 0 };
        if self.order.len() as u64 >= MAX_PENDING + spare {
            self.forget_oldest();
        }
        self.pending.insert(id, Asked { state: State::Waiting(time), number: self.count });
        self.order.push_back(id);
        self.count += 1;
        self.made += 1;
    }

    /// A request is answered in a way that is not timed.
    pub(super) fn withdraw(&mut self, flow: FlowId, requester: Side, key: Key) {
        if let Some(asked) = self.known(&(flow, requester, key)) {
            asked.state = State::Spent;
        }
    }

    /// Keeps the requests of flows to which `number` gives a new number, under that.
    pub(super) fn retain(&mut self, number: impl Fn(FlowId) -> Option<FlowId>) {
        let moved = |(flow, from, key)| Some((number(flow)?, from, key));
        let pending = std::mem::take(&mut self.pending).into_iter();
        self.pending = pending.filter_map(|(id, asked)| Some((moved(id)?, asked))).collect();
        self.order = std::mem::take(&mut self.order).into_iter().filter_map(moved).collect();
    }

    /// The bytes that they fill.
    pub(super) fn bytes(&self) -> usize {
        type Id = (FlowId, Side, Key);
        table_bytes::<(Id, Asked)>(self.pending.len()) + self.order.len() * size_of::<Id>()
    }

    /// Whether a request waits for a reply.
    pub(super) fn is_waiting(&mut self, flow: FlowId, requester: Side, key: Key) -> bool {
        self.known(&(flow, requester, key)).is_some_and(|asked| matches!(asked.state, State::Waiting(_)))
    }

    /// `requester` got the reply to a request, after so long. A second reply finds nothing.
    pub(super) fn reply(
        &mut self,
        flow: FlowId,
        requester: Side,
        key: Key,
        time: Option<Timestamp>,
    ) -> Option<Duration> {
        let asked = self.known(&(flow, requester, key))?;
        match std::mem::replace(&mut asked.state, State::Spent) {
            State::Waiting(asked) => time?.since(asked?),
            State::Spent => None,
        }
    }

    /// A request that counts still.
    fn known(&mut self, id: &(FlowId, Side, Key)) -> Option<&mut Asked> {
        let asked = self.pending.get_mut(id)?;
        let age = self.count.saturating_sub(asked.number);
        let blur = if self.is_piece { MAX_BLUR } else { self.blur };
        self.is_doubtful |= age > MAX_PENDING - blur && age <= MAX_PENDING + blur;
        (age <= MAX_PENDING).then_some(asked)
    }

    /// Takes packets again that stand where `count` requests were remembered in all.
    pub(super) fn go_to(&mut self, count: u64) {
        self.is_piece = true;
        self.count = count;
    }

    /// Takes over the requests of the next piece, before which there were `count` and `made`; `moved` gives each its new key,
    /// where it is kept, and the piece made `again` of the others, which were read again.
    pub(super) fn append(
        &mut self,
        mut next: Self,
        (count, made): (u64, u64),
        again: u64,
        moved: impl Fn(FlowId, Key) -> Option<(FlowId, Key)>,
    ) {
        self.is_piece = false;
        self.blur = self.blur.saturating_add(again.max(self.made.saturating_sub(made)));
        self.is_doubtful |= self.blur > MAX_BLUR;
        self.blur = self.blur.min(MAX_BLUR);
        for (flow, from, key) in next.order {
            if let Some(asked) = next.pending.remove(&(flow, from, key))
                && let Some((flow, key)) = moved(flow, key)
            {
                let asked = Asked { number: asked.number.saturating_add(count), ..asked };
                self.pending.insert((flow, from, key), asked);
                self.order.push_back((flow, from, key));
            }
        }
        self.count = count.saturating_add(next.count);
        while self.order.len() as u64 > MAX_PENDING + 2 * MAX_BLUR {
            self.forget_oldest();
        }
    }

    /// Forgets the request that came first, unless it came again since.
    fn forget_oldest(&mut self) {
        let Self { pending, order, count, .. } = self;
        if let Some(oldest) = order.pop_front()
            && pending.get(&oldest).is_some_and(|asked| count.saturating_sub(asked.number) >= MAX_PENDING)
        {
            pending.remove(&oldest);
        }
    }

    /// How many requests are remembered, and how many were made.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.count, self.made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "frames may have no time, these have")]
    fn at(millis: i64) -> Option<Timestamp> {
        Some(Timestamp::from_nanos(millis * 1_000_000))
    }

    #[test]
    fn a_repeated_request_is_paired_with_its_first_copy() {
        let mut trips = RoundTrips::default();
        trips.request(FlowId(1), Side::First, Key::Id([7; 16]), at(0));
        trips.request(FlowId(1), Side::First, Key::Id([7; 16]), at(100));
        assert_eq!(
            trips.reply(FlowId(1), Side::First, Key::Id([7; 16]), at(151)),
            Some(Duration::from_millis(151))
        );
        trips.request(FlowId(1), Side::First, Key::Id([7; 16]), at(155));
        assert_eq!(trips.reply(FlowId(1), Side::First, Key::Id([7; 16]), at(160)), None, "spent");
    }

    #[test]
    fn without_times_a_reply_is_one_and_measures_nothing() {
        let mut trips = RoundTrips::default();
        let is_waiting = |trips: &mut RoundTrips| trips.is_waiting(FlowId(1), Side::First, Key::Id([7; 16]));
        assert!(!is_waiting(&mut trips), "nobody asked");
        trips.request(FlowId(1), Side::First, Key::Id([7; 16]), None);
        assert!(is_waiting(&mut trips));
        assert_eq!(trips.reply(FlowId(1), Side::First, Key::Id([7; 16]), None), None);
        assert!(!is_waiting(&mut trips), "it is answered");
    }

    #[test]
    fn another_flow_or_side_is_another_request() {
        let mut trips = RoundTrips::default();
        trips.request(FlowId(1), Side::First, Key::Id([7; 16]), at(0));
        assert_eq!(trips.reply(FlowId(2), Side::First, Key::Id([7; 16]), at(1)), None);
        assert_eq!(trips.reply(FlowId(1), Side::Second, Key::Id([7; 16]), at(1)), None);
        assert_eq!(
            trips.reply(FlowId(1), Side::First, Key::Id([7; 16]), at(-5)),
            None,
            "time went backwards"
        );
    }

    /// A run of requests, and replies to some of them long after: in one go, and in two pieces.
    #[test]
    fn pieces_forget_what_one_reading_forgets() {
        let request = |trips: &mut RoundTrips, flow| {
            trips.request(FlowId(flow), Side::First, Key::Id([0; 16]), at(0));
        };
        let reply = |trips: &mut RoundTrips, flow| {
            trips.reply(FlowId(flow), Side::First, Key::Id([0; 16]), at(1)).is_some()
        };
        let most = u32::try_from(MAX_PENDING).unwrap();
        let cut = most / 2;
        for (asked, behind) in [(cut + 10, 100), (cut + 10, most - 9_000), (cut + 10, most + 9_000)] {
            let mut whole = RoundTrips::default();
            (0..asked + behind).for_each(|flow| request(&mut whole, flow));
            let (mut before, mut next) = (RoundTrips::default(), RoundTrips::piece());
            (0..cut).for_each(|flow| request(&mut before, flow));
            (0..asked + behind - cut).for_each(|flow| request(&mut next, flow));
            let expected = reply(&mut whole, asked);
            assert_eq!((reply(&mut next, asked - cut), expected), (behind < most, behind < most));
            assert!(!next.is_doubtful);
            let counts = before.counts();
            before.append(next, counts, 1, |flow, key| Some((FlowId(flow.0 + cut), key)));
            for flow in [cut + 20, asked + behind - 1] {
                assert_eq!(reply(&mut before, flow), reply(&mut whole, flow), "{flow} of {behind}");
            }
            assert!(!before.is_doubtful);
        }
    }

    #[test]
    fn what_the_cut_may_have_moved_is_doubtful() {
        let mut piece = RoundTrips::piece();
        let most = u32::try_from(MAX_PENDING).unwrap();
        (0..most + 5).for_each(|flow| piece.request(FlowId(flow), Side::First, Key::Id([0; 16]), at(0)));
        assert!(piece.reply(FlowId(most), Side::First, Key::Id([0; 16]), at(1)).is_some());
        assert!(!piece.is_doubtful);
        assert_eq!(piece.reply(FlowId(4), Side::First, Key::Id([0; 16]), at(1)), None);
        assert!(piece.is_doubtful);
    }

    #[test]
    fn a_flood_of_requests_is_bounded() {
        let mut trips = RoundTrips::default();
        let most = u32::try_from(MAX_PENDING).unwrap();
        for i in 0..=most {
            trips.request(FlowId(i), Side::First, Key::Id([0; 16]), at(0));
        }
        assert!(trips.pending.len() as u64 <= MAX_PENDING && trips.order.len() as u64 <= MAX_PENDING);
        assert_eq!(trips.reply(FlowId(0), Side::First, Key::Id([0; 16]), at(1)), None);
    }
}

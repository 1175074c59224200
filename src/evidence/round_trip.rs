//! Round trips of request and reply pairs, free of retransmission ambiguity.
//!
//! Input: requests and replies as the protocol readers name them. Output: the time between a reply and the *first*
//! copy of its request. A reply may answer a later copy, so the time is never too short, and a bound built on it never
//! excludes too much (clients repeat a hello with one token after 100 ms). Must not: grow past [`MAX_PENDING`].

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashMap;

use crate::flow::{FlowId, Side};
use crate::frame::Timestamp;

/// What ties a reply to its request: a transaction id, a token, or a sequence number with a clock.
pub(super) type Key = [u8; 16];

/// Requests that wait for their reply, and spent ones: a copy that follows the reply must not be timed again.
#[derive(Default, Debug)]
pub(super) struct RoundTrips {
    pending: HashMap<(FlowId, Side, Key), Option<Timestamp>>,
    order: VecDeque<(FlowId, Side, Key)>,
}

/// The most requests that are remembered at one time; then the oldest is forgotten.
const MAX_PENDING: usize = 1 << 16;

impl RoundTrips {
    /// `from` sent a request. A second copy changes nothing.
    pub(super) fn request(&mut self, flow: FlowId, from: Side, key: Key, time: Option<Timestamp>) {
        let Some(time) = time else { return };
        let id = (flow, from, key);
        if self.pending.contains_key(&id) {
            return;
        }
        if self.order.len() >= MAX_PENDING
            && let Some(oldest) = self.order.pop_front()
        {
            self.pending.remove(&oldest);
        }
        self.pending.insert(id, Some(time));
        self.order.push_back(id);
    }

    /// A request is answered in a way that is not timed.
    pub(super) fn withdraw(&mut self, flow: FlowId, requester: Side, key: Key) {
        if let Some(asked) = self.pending.get_mut(&(flow, requester, key)) {
            *asked = None;
        }
    }

    /// `requester` got the reply to a request. A second reply finds nothing.
    pub(super) fn reply(
        &mut self,
        flow: FlowId,
        requester: Side,
        key: Key,
        time: Option<Timestamp>,
    ) -> Option<Duration> {
        let asked = self.pending.get_mut(&(flow, requester, key))?.take()?;
        time?.since(asked)
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
        trips.request(FlowId(1), Side::First, [7; 16], at(0));
        trips.request(FlowId(1), Side::First, [7; 16], at(100));
        assert_eq!(trips.reply(FlowId(1), Side::First, [7; 16], at(151)), Some(Duration::from_millis(151)));
        trips.request(FlowId(1), Side::First, [7; 16], at(155));
        assert_eq!(trips.reply(FlowId(1), Side::First, [7; 16], at(160)), None, "spent");
    }

    #[test]
    fn another_flow_or_side_is_another_request() {
        let mut trips = RoundTrips::default();
        trips.request(FlowId(1), Side::First, [7; 16], at(0));
        assert_eq!(trips.reply(FlowId(2), Side::First, [7; 16], at(1)), None);
        assert_eq!(trips.reply(FlowId(1), Side::Second, [7; 16], at(1)), None);
        assert_eq!(trips.reply(FlowId(1), Side::First, [7; 16], at(-5)), None, "time went backwards");
    }

    #[test]
    fn a_flood_of_requests_is_bounded() {
        let mut trips = RoundTrips::default();
        for i in 0..=u32::try_from(MAX_PENDING).unwrap() {
            trips.request(FlowId(i), Side::First, [0; 16], at(0));
        }
        assert!(trips.pending.len() <= MAX_PENDING && trips.order.len() <= MAX_PENDING);
        assert_eq!(trips.reply(FlowId(0), Side::First, [0; 16], at(1)), None);
    }
}

//! A capture whose pieces were read apart, put together again: the flows of the next piece behind those before it.
//!
//! Input: the flows of all pieces so far, and those of the next. Output: the flows of both, as one reading would have counted
//! them. Must not: guess. Where what was kept does not show that the sum is exact, that is said, and somebody reads again.
//!
//! A flow that goes on over the cut was counted in two parts. Its first packets behind the cut, its *head*, may have to be
//! taken again, since they may be copies of what came before, or answer it. Behind the head the sums of both parts are added,
//! where both agree on what comes next.

use hashbrown::{HashMap, HashSet};

use super::joint::{Behind, HANDSHAKE, Head, JoinedSide, Sums};
use super::pause::Before;
use super::record::{Origin, Record, Sequences, State};
use super::sequence::Window;
use super::table::Tuple;
use super::{Carry, FlowId, Flows, Joint, Mark, Side};
use crate::packet::Macs;

/// A flow that goes on over the cut between two pieces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Continued {
    /// The flow before the cut.
    pub flow: FlowId,
    /// Its number in the piece behind.
    pub part: FlowId,
    /// Whether the first side of the one is the second of the other.
    pub is_turned: bool,
    /// Whether the flow is nothing but SYNs so far, and the part begins with the same again: then all that it says is the
    /// part's.
    pub is_renewed: bool,
}

/// What a piece keeps so that it can be put behind the one before.
#[derive(Clone, Default, Debug)]
pub(super) struct Heads {
    /// What the heads of flows came to, where packets may follow.
    of: HashMap<FlowId, Head>,
    /// The most holes that a direction had at once.
    most_holes: HashMap<(FlowId, Side), usize>,
}

impl Heads {
    /// Takes note of how many holes a direction has.
    pub(super) fn note_holes(&mut self, flow: FlowId, side: Side, open: usize) {
        if open > 0 {
            let most = self.most_holes.entry((flow, side)).or_default();
            *most = open.max(*most);
        }
    }
}

impl Flows {
    /// No flows yet of a piece that is to be put behind another.
    #[must_use]
    pub fn piece() -> Self {
        Self { heads: Some(Box::default()), ..Self::default() }
    }

    /// The head of a flow of a piece ends: keeps what it came to.
    pub fn end_head(&mut self, flow: FlowId) {
        let head = self.head(flow);
        if let (Some(heads), Some(head)) = (&mut self.heads, head) {
            heads.of.insert(flow, head);
        }
    }

    /// Whether a flow of a piece has packets behind its head.
    #[must_use]
    pub fn has_tail(&self, flow: FlowId) -> bool {
        self.heads.as_ref().is_some_and(|heads| heads.of.contains_key(&flow))
    }

    /// The flows of the next piece that go on with one here, in the order of the piece; nothing where one of them is followed by
    /// a flow that would not have begun after the flow here.
    pub fn continued(&mut self, next: &Self) -> Option<Vec<Continued>> {
        /// What became of a flow here.
        #[derive(Clone, Copy, PartialEq, Eq)]
        enum Fate {
            Untouched,
            Over,
            GoesOn,
        }
        let scopes: Vec<Option<u32>> = next.scopes.iter().map(|scope| self.scopes.find(scope)).collect();
        let mut fates = vec![Fate::Untouched; self.records.len()];
        let mut continued = Vec::new();
        for (part, (record, origin)) in (0..).zip(next.records.iter().zip(&next.origins)) {
            let scope = scopes.get(record.key.scope_number() as usize).copied().flatten();
            let tuple = scope.and_then(|scope| Tuple::of(record, &next.v6, scope));
            let Some(flow) = tuple.and_then(|tuple| self.tuples.find(&tuple, &self.records)) else {
                continue;
            };
            let (Some(fate), Some(known)) = (fates.get_mut(flow as usize), self.records.get(flow as usize))
            else {
                continue;
            };
            let is_turned = known.state.side(true) != record.state.side(true);
            let flow = FlowId(flow);
            match (*fate, self.is_over(flow, record, origin)) {
                (Fate::Untouched, true) => *fate = Fate::Over,
                // Only the first flow of a tuple behind the cut may be one from before it.
                (Fate::Untouched, false) => {
                    *fate = Fate::GoesOn;
                    let is_renewed = !is_turned && self.is_renewed(flow, record, origin);
                    continued.push(Continued { flow, part: FlowId(part), is_turned, is_renewed });
                }
                (Fate::GoesOn, false) => return None,
                (Fate::Over, _) | (Fate::GoesOn, true) => {}
            }
        }
        Some(continued)
    }

    /// What joins the parts of a flow, where their sums add up exactly because the one behind goes on where the one here stands:
    /// at the part's first packet, or behind its head, where that was taken again here (`with_head`).
    #[must_use]
    pub fn joint(&self, next: &Self, continued: Continued, with_head: bool) -> Option<Joint> {
        let Continued { flow, part, is_turned, .. } = continued;
        let place = flow.0 as usize;
        let (record, sequences) = (self.records.get(place)?, self.sequences.get(place)?);
        let end = next.head(part)?;
        let start = if with_head { Some(next.heads.as_ref()?.of.get(&part)?) } else { None };
        // Silence is reckoned from the latest time: the part's own must be it throughout.
        let before = start.map_or(end.origin.time, |head| head.record.last_time);
        if record.last_time().is_some_and(|last| last.nanos() > before) {
            return None;
        }
        // The joint is no place for a handshake.
        let control = |state: State| HANDSHAKE.map(|bits| state.has(bits));
        if control(end.record.state) != start.map_or(Default::default(), |head| control(head.record.state)) {
            return None;
        }
        let side = |ours: Side| {
            let theirs = if is_turned { ours.other() } else { ours };
            let most_holes = next.heads.as_ref()?.most_holes.get(&(part, theirs)).copied().unwrap_or(0);
            let behind = Behind { end: &end, start, side: theirs, most_holes };
            let window = record.window(sequences, ours, false);
            let added = behind.added();
            let is_first_answer =
                ours == Side::Second && !record.state.has(State::ANSWERED) && added.0 != [0; 4];
            let sequence = behind.join(window, self.holes.of(flow, ours))?;
            (!is_first_answer).then_some(JoinedSide { theirs, added, sequence })
        };
        let sides = [side(Side::First)?, side(Side::Second)?];
        Some(Joint { sides, is_behind_head: with_head })
    }

    /// Adds the part of a flow that lies behind the cut, or behind the part's head; nothing but the errors about it, where
    /// there is no `joint` because the head that was taken again is all. `frames` were read before the cut.
    pub fn extend(&mut self, next: &Self, continued: Continued, joint: Option<&Joint>, frames: u64) {
        let Continued { flow, part, .. } = continued;
        if let Some(joint) = joint
            && let Some(record) = next.records.get(part.0 as usize)
        {
            self.take_pauses(next, continued, joint.is_behind_head);
            self.add(flow, joint, record, frames);
        }
        if let Some(errors) = next.icmp_errors.get(&part) {
            let known = self.icmp_errors.entry(flow).or_default();
            *known = known.saturating_add(*errors);
        }
    }

    /// Takes over the pauses of the part of a flow, before its sums are added.
    fn take_pauses(&mut self, next: &Self, continued: Continued, is_behind_head: bool) {
        let (place, part) = (continued.flow.0 as usize, continued.part.0 as usize);
        let (Some(record), Some(theirs), Some(origin)) =
            (self.records.get(place), next.records.get(part), next.origins.get(part))
        else {
            return;
        };
        let head = next.heads.as_ref().and_then(|heads| heads.of.get(&continued.part));
        let head = head.filter(|_| is_behind_head).map(|head| (&head.record.counters, head.record.last_time));
        let before = Before { head, ..Before::start(record, theirs, origin) };
        let part_start = before.part_start.filter(|_| !is_behind_head);
        self.silences.extend(&next.silences, continued, &Before { part_start, ..before });
    }

    /// Takes over all flows of the next piece but those that go on with one here, and gives each its new number. `frames` were
    /// read before the cut, and `mark` says what remains of a mark. Nothing where a tuple's next flow would not have begun
    /// after the flow here that went on.
    pub fn append(
        &mut self,
        mut next: Self,
        continued: &[Continued],
        frames: u64,
        mark: impl Fn(Mark) -> Mark,
    ) -> Option<Vec<Option<FlowId>>> {
        let going_on: HashSet<u32> = continued.iter().map(|continued| continued.flow.0).collect();
        let mut parts = continued.iter().peekable();
        let scopes: Vec<u32> = next.scopes.iter().map(|scope| self.scopes.intern(scope)).collect();
        let macs: Vec<u32> = next.macs.iter().map(|macs| self.macs.intern(macs)).collect();
        let mut numbers = Vec::with_capacity(next.records.len());
        self.records.reserve(next.records.len());
        self.origins.reserve(next.origins.len());
        self.sequences.reserve(next.sequences.len());
        let (records, origins) = (std::mem::take(&mut next.records), std::mem::take(&mut next.origins));
        let sequences = std::mem::take(&mut next.sequences);
        let all = records.into_iter().zip(origins).zip(sequences);
        for (part, ((record, mut origin), sequences)) in (0..).zip(all) {
            if let Some(continued) = parts.next_if(|continued| continued.part.0 == part) {
                numbers.push(continued.is_renewed.then_some(continued.flow));
                if continued.is_renewed {
                    self.silences.extend(
                        &next.silences,
                        *continued,
                        &Before::start(self.records.get(continued.flow.0 as usize)?, &record, &origin),
                    );
                    let macs = next.macs.get(origin.macs).unwrap_or_default();
                    let sums = [Side::First, Side::Second].map(|side| next.sums(FlowId(part), &record, side));
                    self.renew(
                        continued.flow,
                        Record { mark: mark(record.mark), ..record },
                        (origin, sequences),
                        macs,
                        sums,
                        frames,
                    );
                }
                continue;
            }
            let number = u32::try_from(self.records.len()).ok()?;
            let scope = *scopes.get(record.key.scope_number() as usize)?;
            let tuple = Tuple::of(&record, &next.v6, scope)?;
            let key = tuple.kept(&mut self.v6);
            let last_frame = record.last_frame.later_by(frames);
            self.records.push(Record { key, mark: mark(record.mark), last_frame, ..record });
            let before = self.tuples.set(&tuple, number, &self.records);
            if let Some(before) = before.filter(|before| going_on.contains(before))
                && !self.is_over(FlowId(before), &record, &origin)
            {
                return None;
            }
            origin.round_trips = origin.round_trips.map(|place| self.move_round_trip(&next, place, frames));
            origin.macs = *macs.get(origin.macs as usize)?;
            origin.frame = origin.frame.later_by(frames);
            self.origins.push(origin);
            self.sequences.push(sequences);
            numbers.push(Some(FlowId(number)));
        }
        let number = |part: FlowId| numbers.get(part.0 as usize).copied().flatten();
        for ((part, side), carry) in next.carries {
            if let Some(flow) = number(part) {
                // Those of a renewed flow are there already.
                self.carries.entry((flow, side)).or_insert(carry);
            }
        }
        for (part, errors) in next.icmp_errors {
            if let Some(flow) = number(part) {
                let known = self.icmp_errors.entry(flow).or_default();
                *known = known.saturating_add(errors);
            }
        }
        self.holes.append(next.holes, number);
        self.silences.append(next.silences, number);
        Some(numbers)
    }

    /// Whether nothing of the next piece would be forgotten here that was not forgotten there.
    #[must_use]
    pub fn has_room_for(&self, next: &Self) -> bool {
        let flows = self.records.len().saturating_add(next.records.len());
        self.holes.has_room_for(&next.holes)
            && self.silences.has_room_for(&next.silences)
            && u32::try_from(flows).is_ok()
    }

    /// Whether a flow is over when a flow of the next piece begins.
    fn is_over(&self, flow: FlowId, next: &Record, origin: &Origin) -> bool {
        let (transport, time) = next.opening(origin);
        let place = flow.0 as usize;
        let known = self.records.get(place).zip(self.origins.get(place));
        let side = |record: &Record| record.state.side(next.state.side(true) == Side::First);
        known.is_some_and(|(record, origin)| record.is_over(origin, side(record), &transport, time))
    }

    /// Whether a flow is nothing but SYNs without an answer, which the part that follows begins with again.
    fn is_renewed(&self, flow: FlowId, next: &Record, next_origin: &Origin) -> bool {
        let Some(record) = self.records.get(flow.0 as usize) else { return false };
        let is_syn = |record: &Record| record.state.has(State::SYN) && !record.state.has(State::MID_STREAM);
        let more = [State::ANSWERED, State::SYN_ACK, State::FIN, State::RST];
        let [_, _, payload] = record.counters.sent_by(Side::First);
        is_syn(record)
            && is_syn(next)
            && !more.iter().any(|bit| record.state.has(*bit))
            && payload == 0
            && !self.carries.contains_key(&(flow, Side::First))
            && record.last_time().is_none_or(|last| last.nanos() <= next_origin.time)
    }

    /// Puts what the part behind is in the place of a flow that is nothing but SYNs, to which its own are added.
    fn renew(
        &mut self,
        flow: FlowId,
        part: Record,
        (part_origin, part_sequences): (Origin, Sequences),
        macs: Macs,
        part_sums: [Sums; 2],
        frames: u64,
    ) {
        let place = flow.0 as usize;
        let Some(before) = self.records.get(place).copied() else { return };
        let Sums(asked) = self.sums(flow, &before, Side::First);
        let [Sums(mut first), Sums(second)] = part_sums;
        for (sum, asked) in first.iter_mut().zip(asked) {
            *sum = sum.saturating_add(asked);
        }
        let (Some(origin), Some(sequences)) = (self.origins.get_mut(place), self.sequences.get_mut(place))
        else {
            return;
        };
        *sequences = part_sequences;
        let known = self.macs.get(origin.macs).unwrap_or_default();
        let to = if part.state.has(State::ANSWERED) { macs.to.or(known.to) } else { known.to };
        *origin = part_origin.after(origin);
        origin.macs = self.macs.intern(Macs { from: known.from.or(macs.from), to });
        if let Some(record) = self.records.get_mut(place) {
            let last_frame = part.last_frame.later_by(frames);
            *record =
                Record { key: before.key, state: part.state.after_syns(before.state), last_frame, ..part };
        }
        self.set_sums(flow, Side::First, first);
        self.set_sums(flow, Side::Second, second);
    }

    fn move_round_trip(&mut self, next: &Self, place: u32, frames: u64) -> u32 {
        let trip = place.checked_sub(1).and_then(|place| next.round_trips.get(place as usize).copied());
        let Some(mut trip) = trip else { return 0 };
        trip.reply = trip.reply.later_by(frames);
        self.round_trips.push(trip);
        u32::try_from(self.round_trips.len()).unwrap_or(0)
    }

    fn head(&self, flow: FlowId) -> Option<Head> {
        let place = flow.0 as usize;
        let (record, origin) = (*self.records.get(place)?, *self.origins.get(place)?);
        let sequences = *self.sequences.get(place)?;
        let sums = [Side::First, Side::Second].map(|side| self.sums(flow, &record, side));
        let holes = [Side::First, Side::Second].map(|side| self.holes.of(flow, side).to_vec());
        Some(Head { record, origin, sequences, sums, holes })
    }

    fn sums(&self, flow: FlowId, record: &Record, side: Side) -> Sums {
        let Carry { over, repeated } = self.carries.get(&(flow, side)).copied().unwrap_or_default();
        let [packets, wire, payload] = record.counters.sent_by(side);
        let whole = |over: u32, counted: u32| u64::from(over) << 32 | u64::from(counted);
        let [packets_over, wire_over, payload_over] = over;
        Sums([whole(packets_over, packets), whole(wire_over, wire), whole(payload_over, payload), repeated])
    }

    /// Adds what a joint and the part's last state say.
    fn add(&mut self, flow: FlowId, joint: &Joint, end: &Record, frames: u64) {
        let place = flow.0 as usize;
        for (side, joined) in [Side::First, Side::Second].into_iter().zip(&joint.sides) {
            let JoinedSide { theirs, added: Sums(added), sequence } = joined;
            let (Some(record), Some(sequences)) = (self.records.get(place), self.sequences.get(place)) else {
                return;
            };
            let window = record.window(sequences, side, false);
            let Sums(known) = self.sums(flow, record, side);
            let mut sums = [0; 4];
            for ((sum, known), added) in sums.iter_mut().zip(known).zip(added) {
                *sum = known.saturating_add(*added);
            }
            self.set_sums(flow, side, sums);
            if let Some((joined, holes)) = sequence {
                let window = Window { next: joined.next, ..window.unwrap_or(*joined) };
                self.holes.set(flow, side, holes.clone());
                if let (Some(record), Some(sequences)) =
                    (self.records.get_mut(place), self.sequences.get_mut(place))
                {
                    record.set_window(sequences, side, window);
                }
            }
            if let Some(record) = self.records.get_mut(place) {
                for bit in [State::FIN, State::RST] {
                    if end.state.has(bit.of(*theirs)) {
                        record.state.set(bit.of(side));
                    }
                }
            }
        }
        if let Some(record) = self.records.get_mut(place) {
            record.last_frame = record.last_frame.max(end.last_frame.later_by(frames));
            if let Some(last) = end.last_time() {
                let known = record.last_time().map_or(last, |known| known.max(last));
                record.last_time = known.nanos();
                record.state.set(State::LAST_TIMED);
            }
        }
    }

    fn set_sums(&mut self, flow: FlowId, side: Side, sums: [u64; 4]) {
        let [packets, wire, payload, repeated] = sums;
        let counted = [packets, wire, payload];
        let over = counted.map(|sum| u32::try_from(sum >> 32).unwrap_or(u32::MAX));
        if over != [0; 3] || repeated > 0 {
            self.carries.insert((flow, side), Carry { over, repeated });
        }
        if let Some(record) = self.records.get_mut(flow.0 as usize) {
            record.counters.set(side, counted.map(lower));
        }
    }
}

/// What a counter of 32 bits holds of a sum.
#[expect(clippy::cast_possible_truncation, reason = "what goes over is kept elsewhere")]
const fn lower(sum: u64) -> u32 {
    sum as u32
}

//! Where flows to web servers fall silent for a second or more, by which uploads within a connection are told apart.
//!
//! Input: a packet that comes after such a silence, which few do. Output: how much each side had sent at each pause, and when the
//! packet before it was. Must not: cost a packet without a pause anything, or keep more than [`MOST`] of all flows together.

use hashbrown::HashMap;

use super::by_flow::{renumbered, table_bytes};
use super::record::{Counters, Origin, Record, State};
use super::{Continued, FlowId, Side};
use crate::frame::Timestamp;

/// How long a flow is silent at a pause. In nanoseconds.
pub(super) const PAUSE: i64 = 1_000_000_000;
/// The port of servers whose flows are looked at.
const PORT: u16 = 443;
/// The most pauses that are kept of one flow.
const MOST_EACH: usize = 1024;
/// The most of all flows together.
const MOST: usize = 1 << 18;

/// What both sides said between two pauses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Burst {
    /// When its last packet was, with or without payload.
    pub end: Timestamp,
    /// Bytes of payload that the first side sent, and the second.
    pub sent: [u64; 2],
}

/// A pause: payload that each side had sent, modulo 2^32, and when the packet before it was, in nanoseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pause {
    sent: [u32; 2],
    before: i64,
}

/// The pauses of one flow after each of which something was sent.
#[derive(Clone, Default, Debug)]
struct Pauses {
    all: Vec<Pause>,
    /// Whether there were more.
    is_cut: bool,
}

/// The pauses of all flows.
#[derive(Clone, Default, Debug)]
pub(super) struct Silences {
    of: HashMap<FlowId, Pauses>,
    count: usize,
    /// Whether there were more of one flow than are kept.
    is_cut: bool,
    /// Whether there were more of all.
    is_full: bool,
}

/// A flow that goes on over the cut between two pieces of a capture, as it stands before the part is added.
pub(super) struct Before<'a> {
    pub(super) record: &'a Record,
    /// When the part begins, where its first packets are not taken again.
    pub(super) part_start: Option<i64>,
    /// What the part's head came to, and when its last packet was, where it was taken again.
    pub(super) head: Option<(&'a Counters, i64)>,
}

impl<'a> Before<'a> {
    /// Where a part follows as a whole.
    pub(super) fn start(record: &'a Record, part: &Record, origin: &Origin) -> Self {
        let part_start = part.state.has(State::FIRST_TIMED).then_some(origin.time);
        Self { record, part_start, head: None }
    }
}

impl Silences {
    /// A packet comes after a pause. One before the first payload ends no burst, as in a slow handshake; in a piece there may have been
    /// payload before.
    #[cold]
    pub(super) fn note(&mut self, flow: FlowId, record: &Record, is_in_piece: bool) {
        let sent = payload(&record.counters);
        if is_looked_at(record) && (is_in_piece || sent != [0; 2]) {
            self.push(flow, Pause { sent, before: record.last_time });
        }
    }

    fn push(&mut self, flow: FlowId, pause: Pause) {
        let has_room = self.count < MOST;
        let pauses = self.of.entry(flow).or_default();
        // Nothing was sent since the last one: what lies between was keeping alive.
        if pauses.all.last().is_some_and(|last| last.sent == pause.sent) {
            return;
        }
        if !has_room || pauses.all.len() >= MOST_EACH {
            pauses.is_cut = true;
            (self.is_cut, self.is_full) = (true, self.is_full || !has_room);
            return;
        }
        pauses.all.push(pause);
        self.count += 1;
    }

    /// The bursts of a flow that came to `sent`, without those of no payload; `None` where not all pauses are known, or it is none
    /// that is looked at.
    pub(super) fn bursts(&self, flow: FlowId, record: &Record, sent: [u64; 2]) -> Option<Vec<Burst>> {
        let none = Pauses::default();
        let pauses = self.of.get(&flow).unwrap_or(&none);
        // Where there was no room for all, a flow without a pause may have had one.
        if !is_looked_at(record) || pauses.is_cut || self.is_full {
            return None;
        }
        let (mut known, mut bursts) = ([0_u32; 2], Vec::new());
        let mut total = [0_u64; 2];
        for pause in &pauses.all {
            let new = minus(pause.sent, known).map(u64::from);
            known = pause.sent;
            total = [total[0].saturating_add(new[0]), total[1].saturating_add(new[1])];
            bursts.push(Burst { end: Timestamp::from_nanos(pause.before), sent: new });
        }
        let rest = [sent[0].saturating_sub(total[0]), sent[1].saturating_sub(total[1])];
        bursts.push(Burst { end: record.last_time()?, sent: rest });
        bursts.retain(|burst| burst.sent != [0; 2]);
        Some(bursts)
    }

    /// Whether all pauses of the next piece are known, and have room here.
    pub(super) fn has_room_for(&self, next: &Self) -> bool {
        !self.is_cut && !next.is_cut && self.count + next.count < MOST
    }

    /// Takes over the pauses of the part of a flow that goes on here.
    pub(super) fn extend(&mut self, next: &Self, continued: Continued, before: &Before<'_>) {
        let Continued { flow, part, is_turned, .. } = continued;
        let Before { record, part_start, head } = before;
        if !is_looked_at(record) {
            return;
        }
        let (sent, last) = (payload(&record.counters), record.last_time());
        if let Some((start, last)) = part_start.zip(last)
            && start.saturating_sub(last.nanos()) > PAUSE
        {
            self.push(flow, Pause { sent, before: last.nanos() });
        }
        let (base, from) = head.map_or(([0; 2], i64::MIN), |(counters, last)| (payload(counters), last));
        let turned = |[first, second]: [u32; 2]| if is_turned { [second, first] } else { [first, second] };
        for pause in next.of.get(&part).into_iter().flat_map(|pauses| &pauses.all) {
            // Those within the head were met again when that was taken again.
            if pause.before >= from {
                let [first, second] = turned(minus(pause.sent, base));
                let sent = [sent[0].wrapping_add(first), sent[1].wrapping_add(second)];
                self.push(flow, Pause { sent, before: pause.before });
            }
        }
    }

    /// Takes over the pauses of the flows of the next piece that get a number here and are not there yet.
    pub(super) fn append(&mut self, next: Self, number: impl Fn(FlowId) -> Option<FlowId>) {
        for (part, pauses) in next.of {
            if let Some(flow) = number(part)
                && !self.of.contains_key(&flow)
            {
                self.count += pauses.all.len();
                self.of.insert(flow, pauses);
            }
        }
    }

    pub(super) fn retain(&mut self, number: impl Fn(FlowId) -> Option<FlowId>) {
        self.of = renumbered(std::mem::take(&mut self.of), number);
        self.count = self.of.values().map(|pauses| pauses.all.len()).sum();
    }

    pub(super) fn bytes(&self) -> usize {
        table_bytes::<(FlowId, Pauses)>(self.of.len()) + self.count * 2 * size_of::<Pause>()
    }
}

/// Whether a flow is one to a web server.
fn is_looked_at(record: &Record) -> bool {
    [Side::First, Side::Second].into_iter().any(|side| record.end(side).1 == PORT)
}

fn payload(counters: &Counters) -> [u32; 2] {
    [Side::First, Side::Second].map(|side| {
        let [_, _, payload] = counters.sent_by(side);
        payload
    })
}

const fn minus(from: [u32; 2], less: [u32; 2]) -> [u32; 2] {
    [from[0].wrapping_sub(less[0]), from[1].wrapping_sub(less[1])]
}

//! A bound on memory: where a capture's flows and what they say take more than the user allows, flows that are over with
//! leave the tables and are summed up.
//!
//! Input: a capture that is being read, now and then, and the limit. Output: what was summed up, for the report. Must not:
//! take a flow that has not yet said what it will, lose one unseen, or depend on anything but the capture and the limit.
//!
//! Flows that say nothing that may be the client's go first, those that are silent for a minute before others, and the
//! smallest of them first. DNS answers stay, since they name flows to come.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::client::Catalogue;
use crate::client::zoom::Owner;
use crate::evidence::{Entry, Evidence, Fact, NameId};
use crate::flow::{Flow, FlowId, Flows, Side};
use crate::frame::{FrameRef, Timestamp};
use crate::inspect::{Settings, Unit};

/// The flows of a capture that were summed up unjudged, and how that went.
#[derive(Clone, Debug, Default)]
pub struct SummedUp {
    /// How many there were.
    pub flows: u64,
    /// Those of them that had said something that may be the client's, or went to one of its operator's networks.
    pub client_flows: u64,
    /// Their packets.
    pub packets: u64,
    /// The bytes of those on the wire.
    pub bytes: u64,
    /// The first frame of the earliest.
    pub first: Option<FrameRef>,
    /// The last frame of any.
    pub last: Option<FrameRef>,
    /// The bytes that the capture's flows and what they say were to take at most.
    pub limit: u64,
    /// By how many bytes what had to stay went over that; 0 where it did not.
    pub over: u64,
}

/// What one capture may take, and what it took.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    limit: usize,
    /// Where flows are summed up next.
    next: usize,
    costs: Costs,
    clients: Clients,
    /// The most that was left.
    most: usize,
    summed_up: SummedUp,
}

/// The bytes that it takes to judge a flow and to report on it, and what it takes beside where it may be the client's.
#[derive(Clone, Copy, Debug)]
struct Costs {
    flow: usize,
    client: usize,
}

/// Frames between two looks.
pub(super) const INTERVAL: u64 = 1 << 12;

impl Budget {
    /// The budget of a capture to which `share` of `shares` of the user's limit is given; none where there is no limit.
    pub(super) fn new(settings: &Settings, (share, shares): (u64, u64)) -> Option<Self> {
        let whole = settings.max_memory?;
        let part = u128::from(whole) * u128::from(share) / u128::from(shares.max(1));
        let part = part.max(settings.least_memory.min(whole).into());
        let limit = usize::try_from(part).unwrap_or(usize::MAX);
        Some(Self {
            limit,
            next: limit,
            costs: if settings.lists_flows { LISTED } else { JUDGED },
            clients: Clients { is_exclusive: settings.ties_third_parties(), ..Clients::default() },
            most: 0,
            summed_up: SummedUp::default(),
        })
    }

    /// The bytes that the capture may take.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Sums flows up where a capture takes more than it may, until it takes three quarters of it. While it is read
    /// (`is_read`), none of which something is still wanted, and none that may be the client's unless what is held already
    /// is too much: in the end others may leave in their place.
    pub(super) fn look(unit: &mut Unit, is_read: bool) {
        let Some(mut budget) = unit.budget.take() else { return };
        // Whose flows are matters only where there is not room for all of them.
        if budget.bound(unit) <= budget.limit {
            unit.budget = Some(budget);
            return;
        }
        budget.clients.listen(&unit.flows, &unit.evidence);
        let reached = budget.reckon(unit, is_read);
        if reached > if is_read { budget.next } else { budget.limit } {
            budget.sum_up(unit, is_read, reached.saturating_sub(budget.limit / 4 * 3));
            let left = budget.reckon(unit, is_read);
            budget.most = budget.most.max(if is_read { held(unit) } else { left });
            // Where more has to stay, looking through it at every turn would find nothing.
            budget.next = budget.limit.max(left.saturating_add(left / 8));
        }
        unit.budget = Some(budget);
    }

    /// What was summed up, where the limit was ever reached.
    pub(super) fn end(self) -> Option<SummedUp> {
        let over = self.most.saturating_sub(self.limit) as u64;
        let is_told = self.summed_up.flows > 0 || over > 0;
        is_told.then_some(SummedUp { limit: self.limit as u64, over, ..self.summed_up })
    }

    /// The bytes that a capture takes, with what it will take to judge and report it. Of flows whose handshake is waited for that
    /// is left out: in the end they may still be summed up.
    fn reckon(&self, unit: &Unit, is_read: bool) -> usize {
        let Unit { flows, evidence, .. } = unit;
        let waiting = if is_read { evidence.waiting() } else { 0 };
        held(unit)
            + flows.len().saturating_sub(waiting) * self.costs.flow
            + self.clients.flows() * self.costs.client
            + evidence.facts().len() * JUDGED_FACT
    }

    /// The same if every flow were the client's.
    fn bound(&self, unit: &Unit) -> usize {
        let Unit { flows, evidence, .. } = unit;
        held(unit)
            + flows.len().saturating_mul(self.costs.flow + self.costs.client)
            + evidence.facts().len() * JUDGED_FACT
    }

    /// Whether [`Self::was_ample`] says no of any capture.
    pub(super) fn is_never_ample(&self) -> bool {
        self.limit <= FORGOTTEN
    }

    /// Whether there was room at every moment for a capture that is read: its tables grow, but for what is forgotten again.
    pub(super) fn was_ample(mut self, unit: &Unit) -> bool {
        let limit = self.limit.saturating_sub(FORGOTTEN);
        self.bound(unit) <= limit || {
            self.clients.listen(&unit.flows, &unit.evidence);
            self.reckon(unit, false) <= limit
        }
    }

    #[cold]
    fn sum_up(&mut self, unit: &mut Unit, is_read: bool, excess: usize) {
        let is_pressing = !is_read || held(unit) > self.limit;
        let Unit { flows, evidence, sightings, last, .. } = unit;
        let now = last.and_then(|last| last.time);
        let mut facts = vec![0_u32; flows.len()];
        for entry in evidence.facts() {
            if let Some(facts) = facts.get_mut(entry.flow.0 as usize) {
                *facts += 1;
            }
        }
        let may_leave = |flow: &Flow<'_>| !is_read || evidence.is_decided(flow) || flow.is_over(now);
        let candidates = flows.iter().zip(facts).filter(|(flow, _)| may_leave(flow));
        let mut candidates: Vec<Candidate> = candidates
            .map(|(flow, facts)| Candidate {
                is_clients: self.clients.has(flow.id()),
                is_recent: is_recent(&flow, now),
                bytes: both(|side| flow.wire_bytes(side)),
                flow: flow.id(),
                facts,
            })
            .collect();
        candidates.sort_unstable();
        let mut leaves = vec![false; flows.len()];
        let mut freed = 0;
        for Candidate { is_clients, bytes, flow: id, facts, .. } in candidates {
            if freed >= excess || (is_clients && !is_pressing) {
                break;
            }
            let cost = self.costs.flow + if is_clients { self.costs.client } else { 0 };
            freed += FLOW + cost + facts as usize * (size_of::<Entry>() + JUDGED_FACT);
            if let (Some(leaves), Some(flow)) = (leaves.get_mut(id.0 as usize), flows.flow(id)) {
                *leaves = true;
                self.summed_up.add(&flow, bytes, is_clients);
            }
        }
        let numbers = flows.retain(|flow| !leaves.get(flow.0 as usize).copied().unwrap_or(false));
        evidence.retain(&numbers);
        sightings.retain(|flow| numbers.get(flow.0 as usize).copied().flatten());
        if let Some(decryption) = &mut unit.decryption {
            decryption.retain(&numbers);
        }
        self.clients.retain(&numbers, evidence);
    }
}

/// What the pieces of one capture take together, while threads read them.
#[derive(Debug)]
pub(super) struct Room {
    limit: usize,
    cost: usize,
    taken: AtomicUsize,
}

impl Room {
    /// As much as the budget has; any where there is none.
    pub(super) fn of(budget: Option<&Budget>) -> Self {
        let (limit, cost) = budget.map_or((usize::MAX, 0), |budget| (budget.limit, budget.costs.flow));
        Self { limit, cost, taken: AtomicUsize::new(0) }
    }

    /// Notes what a piece takes, of which `known` was noted before. Says whether there is room for all pieces.
    pub(super) fn look(&self, unit: &Unit, known: &mut usize) -> bool {
        if self.limit == usize::MAX {
            return true;
        }
        let now = held(unit) + unit.flows.len() * self.cost;
        self.taken.fetch_add(now.saturating_sub(*known), Ordering::Relaxed);
        *known = now.max(*known);
        self.is_left()
    }

    /// Whether there is room for all pieces.
    pub(super) fn is_left(&self) -> bool {
        self.taken.load(Ordering::Relaxed) <= self.limit
    }
}

impl SummedUp {
    fn add(&mut self, flow: &Flow<'_>, bytes: u64, is_clients: bool) {
        self.flows += 1;
        self.client_flows += u64::from(is_clients);
        self.packets = self.packets.saturating_add(both(|side| flow.packets(side)));
        self.bytes = self.bytes.saturating_add(bytes);
        let (first, last) = (flow.first_frame(), flow.last_frame());
        self.first = Some(self.first.map_or(first, |known| known.min(first)));
        self.last = self.last.max(Some(last));
    }
}

/// A flow that may leave, in the order in which they do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Candidate {
    is_clients: bool,
    is_recent: bool,
    bytes: u64,
    flow: FlowId,
    facts: u32,
}

/// What may be the client's.
#[derive(Clone, Default, Debug)]
struct Clients {
    is_exclusive: bool,
    /// By flow, as far as they were looked at.
    of: Vec<bool>,
    /// How many of them may be.
    flows: usize,
    /// How many facts were looked at.
    facts: usize,
    /// How many DNS answers were.
    answers: usize,
    /// Of the names that were asked for so far: whether they may be the client's.
    names: Vec<Option<bool>>,
    /// The addresses that were told for such names.
    told: BTreeSet<IpAddr>,
}

impl Clients {
    /// Looks at all that is new.
    fn listen(&mut self, flows: &Flows, evidence: &Evidence) {
        for answered in evidence.answers().skip(self.answers) {
            self.answers += 1;
            if self.is_name(answered.name, evidence) {
                self.told.insert(answered.address);
            }
        }
        let known = u32::try_from(self.of.len()).unwrap_or(u32::MAX);
        let new = (known..).map_while(|number| flows.flow(FlowId(number)));
        let reached: Vec<bool> = new.map(|flow| self.is_reached(&flow)).collect();
        self.flows += reached.iter().filter(|reached| **reached).count();
        self.of.extend(reached);
        for entry in evidence.facts().skip(self.facts) {
            if self.is_clients(&entry.fact, evidence)
                && let Some(of) = self.of.get_mut(entry.flow.0 as usize)
            {
                self.flows += usize::from(!*of);
                *of = true;
            }
        }
        self.facts = evidence.facts().len();
    }

    /// Whether a flow may be the client's.
    fn has(&self, flow: FlowId) -> bool {
        self.of.get(flow.0 as usize).copied().unwrap_or(false)
    }

    /// How many flows may be the client's.
    const fn flows(&self) -> usize {
        self.flows
    }

    /// Follows flows to their new numbers.
    fn retain(&mut self, numbers: &[Option<FlowId>], evidence: &Evidence) {
        let mut numbers = numbers.iter();
        self.of.retain(|_| numbers.next().is_some_and(Option::is_some));
        self.flows = self.of.iter().filter(|of| **of).count();
        self.facts = evidence.facts().len();
    }

    fn is_clients(&mut self, fact: &Fact, evidence: &Evidence) -> bool {
        match fact {
            Fact::Zoom(_) => true,
            Fact::Name { name, .. } | Fact::Behind { name, .. } => self.is_name(*name, evidence),
            Fact::Process(id) => evidence.process_of(*id).is_some_and(|process| {
                let name = process.name.as_deref();
                name.is_some_and(|name| Catalogue::builtin().is_process(name, process.method))
            }),
            _ => false,
        }
    }

    fn is_name(&mut self, name: NameId, evidence: &Evidence) -> bool {
        let place = name.number() as usize;
        if self.names.len() <= place {
            self.names.resize(place + 1, None);
        }
        let is_exclusive = self.is_exclusive;
        let is_clients = || match Catalogue::builtin().owner(evidence.name(name)) {
            Some(Owner::Client) => true,
            Some(Owner::ThirdParty) => is_exclusive,
            Some(Owner::Shared) | None => false,
        };
        self.names.get_mut(place).is_some_and(|known| *known.get_or_insert_with(is_clients))
    }

    /// Whether an end of the flow is at an address that may be the client's operator's.
    fn is_reached(&self, flow: &Flow<'_>) -> bool {
        let ends = [Side::First, Side::Second].map(|side| flow.endpoint(side).address);
        ends.iter().any(|address| self.told.contains(address) || Catalogue::builtin().was_published(*address))
    }
}

/// The bytes that a capture holds.
fn held(unit: &Unit) -> usize {
    let decryption = unit.decryption.as_ref().map_or(0, |decryption| decryption.memory());
    unit.flows.bytes() + unit.evidence.bytes() + decryption
}

/// Whether something was heard of the flow within the last minute, as far as there are times.
fn is_recent(flow: &Flow<'_>, now: Option<Timestamp>) -> bool {
    let silence = flow.last_time().zip(now).map(|(last, now)| now.nanos().saturating_sub(last.nanos()));
    silence.is_none_or(|silence| silence < IDLE)
}

fn both(of: impl Fn(Side) -> u64) -> u64 {
    of(Side::First).saturating_add(of(Side::Second))
}

/// A flow is idle when nothing was heard of it for a minute of the capture's time. In nanoseconds.
const IDLE: i64 = 60 * 1_000_000_000;
/// About what a flow takes in the tables, without its facts.
const FLOW: usize = 128;
/// Measured on floods of flows each of which is alone between its ends, only opened, or reset, with and without names, or reckoned high.
const JUDGED: Costs = Costs { flow: 304, client: 1792 };
/// The same where the report lists every flow with what its place rests on, and is written to a text.
const LISTED: Costs = Costs { flow: 13 * 1024, client: 0 };
/// What a capture may have held at a time and holds no longer: streams and handshakes that were put together.
const FORGOTTEN: usize = 80 << 20;
/// The bytes that it takes to put a fact in order.
const JUDGED_FACT: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, LinkType};
    use crate::inspect::census::Census;
    use crate::wire::tls::tests::small_with_name;

    /// What a unit is fed with, and how far it is.
    struct Reading {
        unit: Unit,
        frames: u64,
        /// Seconds since 1970.
        now: i64,
    }

    impl Reading {
        fn within(max_memory: u64) -> Self {
            let settings = Settings { max_memory: Some(max_memory), ..Settings::default() };
            Self { unit: Unit::within(Budget::new(&settings, (1, 1))), frames: 0, now: 1_717_200_000 }
        }

        /// Sets the limit from now on.
        fn limit(&mut self, limit: usize) {
            let budget = self.unit.budget.as_mut().unwrap();
            (budget.limit, budget.next) = (limit, limit);
        }

        fn see(&mut self, packet: &[u8]) {
            self.frames += 1;
            let time = Some(Timestamp::from_nanos(self.now * 1_000_000_000));
            let frame = Frame { time, ..Frame::new(self.frames, LinkType::RAW, packet) };
            self.unit.observe(&frame, FrameRef::new(0, self.frames), &mut Census::default());
        }

        /// A datagram flow of which nothing more is wanted: so many more bytes in each of its datagrams.
        fn datagrams(&mut self, port: u16, more: usize) {
            for _ in 0..30 {
                self.see(&ipv4(
                    17,
                    &[&port.to_be_bytes()[..], &[0x9C, 0x40, 0, 9, 0, 0, 0xEE], &vec![0; more]].concat(),
                ));
            }
        }

        /// A connection that asks for `webx.zoom.us`, and that somebody then reset.
        fn connection(&mut self, port: u16) {
            for (seq, flags, payload) in
                [(0, 0x02, vec![]), (1, 0x10, small_with_name(*b"webx.zoom.us.")), (9, 0x04, vec![])]
            {
                self.see(&segment(port, seq, flags, &payload));
            }
        }

        /// The ports that the flows are from.
        fn ports(&self) -> Vec<u16> {
            self.unit.flows.iter().map(|flow| flow.endpoint(Side::First).port).collect()
        }

        /// Finds out whose flows are, which a limit that is far away does not ask for.
        fn listen(&mut self) {
            let Unit { flows, evidence, budget, .. } = &mut self.unit;
            budget.as_mut().unwrap().clients.listen(flows, evidence);
        }

        fn reckoned(&self) -> usize {
            self.unit.budget.as_ref().unwrap().reckon(&self.unit, false)
        }

        fn summed_up(&self) -> &SummedUp {
            &self.unit.budget.as_ref().unwrap().summed_up
        }
    }

    #[test]
    fn the_smallest_go_first_and_the_clients_last() {
        let mut reading = Reading::within(u64::MAX);
        reading.connection(2000);
        (0..12).for_each(|n| reading.datagrams(1000 + n, 20 * usize::from(n)));
        reading.connection(2001);
        reading.now += 61;
        reading.datagrams(900, 0);
        let all = reading.ports();
        Budget::look(&mut reading.unit, true);
        reading.listen();
        let before = reading.reckoned();
        assert_eq!((reading.ports(), reading.summed_up().flows), (all.clone(), 0), "within the limit");
        reading.limit(before - 1);
        Budget::look(&mut reading.unit, false);
        let gone = usize::try_from(reading.summed_up().flows).unwrap();
        assert!((2..10).contains(&gone), "{gone}");
        // The first of them are the smallest; the order of those that stay is as before.
        let expected: Vec<u16> = [&all[..1], &all[1 + gone..]].concat();
        assert_eq!(reading.ports(), expected);
        assert!(reading.reckoned() * 4 <= before * 3 + 2048, "{} of {before}", reading.reckoned());
        let summed_up = reading.summed_up().clone();
        let bytes: usize = (0..gone).map(|n| 30 * (29 + 20 * n)).sum();
        assert_eq!(
            (summed_up.client_flows, summed_up.packets, summed_up.bytes),
            (0, 30 * gone as u64, bytes as u64)
        );
        let last = 3 + 30 * gone as u64;
        assert_eq!(
            (summed_up.first, summed_up.last),
            (Some(FrameRef::new(0, 4)), Some(FrameRef::new(0, last)))
        );
        // One that was heard of a moment ago stays longer, although it is the smallest, and the client's stay longest.
        let order: Vec<u16> = (1000..1012).chain([900, 2000, 2001]).collect();
        while reading.ports().len() > 1 {
            reading.limit(reading.reckoned() - 1);
            Budget::look(&mut reading.unit, false);
            let left: BTreeSet<u16> = reading.ports().into_iter().collect();
            let (gone, stay) = order.split_at(order.len() - left.len());
            assert_eq!(left, stay.iter().copied().collect());
            let clients = gone.iter().filter(|port| **port >= 2000).count();
            assert_eq!(reading.summed_up().client_flows, clients as u64);
        }
    }

    #[test]
    fn the_clients_leave_while_reading_only_where_what_is_held_is_too_much() {
        let mut reading = Reading::within(u64::MAX);
        reading.connection(2000);
        reading.datagrams(1000, 0);
        reading.limit(held(&reading.unit));
        Budget::look(&mut reading.unit, true);
        assert_eq!(reading.ports(), [2000]);
        reading.limit(held(&reading.unit) - 1);
        Budget::look(&mut reading.unit, true);
        assert_eq!((reading.ports().len(), reading.summed_up().client_flows), (0, 1));
    }

    #[test]
    fn a_capture_among_many_has_its_part_and_at_least_the_least() {
        let limit = |least_memory, share| {
            let settings = Settings { max_memory: Some(1000), least_memory, ..Settings::default() };
            Budget::new(&settings, share).unwrap().limit
        };
        assert_eq!((limit(0, (1, 10)), limit(300, (1, 10)), limit(300, (9, 10))), (100, 300, 900));
        assert_eq!(limit(5000, (1, 10)), 1000, "and never more than all");
    }

    #[test]
    fn what_is_undecided_stays_until_the_end() {
        let mut reading = Reading::within(1);
        reading.connection(2000);
        reading.datagrams(1000, 0);
        reading.see(&segment(3000, 0, 0x02, &[]));
        reading.see(&ipv4(17, &[0x0B, 0xB9, 0x9C, 0x40, 0, 9, 0, 0, 0xEE]));
        Budget::look(&mut reading.unit, true);
        assert_eq!((reading.ports(), reading.summed_up().client_flows), (vec![3000, 3001], 1));
        // What comes of a flow that left is a new one.
        reading.datagrams(1000, 0);
        assert_eq!(reading.ports(), [3000, 3001, 1000]);
        // A datagram flow is over where its next packet would begin another.
        reading.now += 301;
        reading.connection(2000);
        reading.limit(1);
        Budget::look(&mut reading.unit, true);
        assert_eq!(reading.ports(), [3000]);
        let Reading { mut unit, .. } = reading;
        unit.end(&mut Census::default());
        assert!(unit.flows.is_empty());
        let summed_up = unit.summed_up().unwrap();
        assert_eq!(
            (summed_up.flows, summed_up.client_flows, summed_up.packets),
            (6, 2, 3 + 30 + 1 + 30 + 3 + 1)
        );
        assert!(summed_up.limit == 1 && summed_up.over > 100, "{summed_up:?}");
    }

    #[test]
    fn flows_to_the_operators_addresses_may_be_the_clients() {
        let mut reading = Reading::within(u64::MAX);
        reading.datagrams(1000, 0);
        let mut to_operator = ipv4(17, &[0x0B, 0xB9, 0x9C, 0x40, 0, 9, 0, 0, 0xEE]);
        to_operator[16..20].copy_from_slice(&[170, 114, 52, 36]);
        reading.see(&to_operator);
        reading.listen();
        let clients = &reading.unit.budget.as_ref().unwrap().clients;
        assert_eq!(clients.of, [false, true]);
    }

    fn segment(port: u16, seq: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let head = [0x01, 0xBB, 0, 0, 0, seq, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0];
        ipv4(6, &[&port.to_be_bytes()[..], &head, payload].concat())
    }

    fn ipv4(protocol: u8, inner: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(20 + inner.len()).unwrap().to_be_bytes();
        [&[0x45, 0, high, low, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 2, 81, 2, 69, 160], inner].concat()
    }
}

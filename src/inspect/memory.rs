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

use crate::client::Catalogue;
use crate::client::zoom::Owner;
use crate::evidence::{Entry, Evidence, Fact, NameId};
use crate::flow::{Flow, FlowId, Side};
use crate::frame::FrameRef;
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
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    /// Where flows are summed up next.
    next: usize,
    /// What a flow takes when it is judged and reported.
    judged: usize,
    clients: Clients,
    /// The most that was left.
    most: usize,
    summed_up: SummedUp,
}

/// Frames between two looks.
pub(super) const INTERVAL: u64 = 1 << 12;

impl Budget {
    /// The budget of a capture to which `share` of `shares` of the user's limit is given; none where there is no limit.
    pub(super) fn new(settings: &Settings, (share, shares): (u64, u64)) -> Option<Self> {
        let limit = u128::from(settings.max_memory?) * u128::from(share) / u128::from(shares.max(1));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Some(Self {
            limit,
            next: limit,
            judged: JUDGED + if settings.lists_flows { LISTED } else { 0 },
            clients: Clients { is_exclusive: settings.exclusive, ..Clients::default() },
            most: 0,
            summed_up: SummedUp::default(),
        })
    }

    /// Sums flows up where a capture takes more than it may, until it takes three quarters of it.
    pub(super) fn look(unit: &mut Unit) {
        let Some(mut budget) = unit.budget.take() else { return };
        let reached = budget.reckon(unit);
        if reached > budget.next {
            budget.sum_up(unit, reached.saturating_sub(budget.limit / 4 * 3));
            let left = budget.reckon(unit);
            budget.most = budget.most.max(left);
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

    /// The bytes that a capture takes, with what it will take to judge and report it.
    fn reckon(&self, unit: &Unit) -> usize {
        let Unit { flows, evidence, .. } = unit;
        flows.bytes() + evidence.bytes() + flows.len() * self.judged + evidence.facts().len() * JUDGED_FACT
    }

    #[cold]
    fn sum_up(&mut self, unit: &mut Unit, excess: usize) {
        let Unit { flows, evidence, sightings, last, .. } = unit;
        let now = last.and_then(|last| last.time);
        let said = self.clients.said(evidence, flows.len());
        let candidates = flows.iter().zip(said).filter(|(flow, _)| evidence.is_decided(flow) || flow.is_over(now));
        let mut candidates: Vec<Candidate> = candidates
            .map(|(flow, said)| Candidate {
                is_clients: said.is_clients || self.clients.is_reached(&flow),
                is_recent: flow.last_time().zip(now).is_none_or(|(last, now)| now.nanos() - last.nanos() < IDLE),
                bytes: both(|side| flow.wire_bytes(side)),
                flow: flow.id(),
                facts: said.facts,
            })
            .collect();
        candidates.sort_unstable();
        let mut leaves = vec![false; flows.len()];
        let mut freed = 0;
        for Candidate { is_clients, bytes, flow: id, facts, .. } in candidates {
            if freed >= excess {
                break;
            }
            freed += FLOW + self.judged + facts as usize * (size_of::<Entry>() + JUDGED_FACT);
            if let (Some(leaves), Some(flow)) = (leaves.get_mut(id.0 as usize), flows.flow(id)) {
                *leaves = true;
                self.summed_up.add(&flow, bytes, is_clients);
            }
        }
        let numbers = flows.retain(|flow| !leaves.get(flow.0 as usize).copied().unwrap_or(false));
        evidence.retain(&numbers);
        sightings.retain(|flow| numbers.get(flow.0 as usize).copied().flatten());
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

/// What a flow has said so far.
#[derive(Clone, Copy, Default, Debug)]
struct Said {
    facts: u32,
    is_clients: bool,
}

/// What may be the client's.
#[derive(Default, Debug)]
struct Clients {
    is_exclusive: bool,
    /// Of the names that were asked for so far: whether they may be the client's.
    names: Vec<Option<bool>>,
    /// How many DNS answers were looked at.
    heard: usize,
    /// The addresses that they gave for names that may be the client's.
    told: BTreeSet<IpAddr>,
}

impl Clients {
    /// What each flow has said so far.
    fn said(&mut self, evidence: &Evidence, flows: usize) -> Vec<Said> {
        let mut all = vec![Said::default(); flows];
        for entry in evidence.facts() {
            if let Some(said) = all.get_mut(entry.flow.0 as usize) {
                said.facts += 1;
                said.is_clients |= self.is_clients(&entry.fact, evidence);
            }
        }
        for answered in evidence.answers().skip(self.heard) {
            self.heard += 1;
            if self.is_name(answered.name, evidence) {
                self.told.insert(answered.address);
            }
        }
        all
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

fn both(of: impl Fn(Side) -> u64) -> u64 {
    of(Side::First).saturating_add(of(Side::Second))
}

/// A flow is idle when nothing was heard of it for a minute of the capture's time. In nanoseconds.
const IDLE: i64 = 60 * 1_000_000_000;
/// About what a flow takes in the tables, without its facts.
const FLOW: usize = 128;
/// The bytes that it takes to judge a flow and to report on it in a table, measured on flows each of its own relation, and with
/// the names that DNS gives it.
const JUDGED: usize = 768;
/// The bytes that it takes beside to list a flow in the report, with what its place rests on, and to write that.
const LISTED: usize = 12 * 1024;
/// The bytes that it takes to put a fact in order.
const JUDGED_FACT: usize = 32;

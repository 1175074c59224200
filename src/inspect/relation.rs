//! The relations of a capture: one remote address as one local host sees it on one day. Whatever flows between the two say
//! on that day is said of all of them.
//!
//! Input: flows and which end of each is the local one. Output: the relations in order, each with its number and its flows.
//! Must not: know what a flow says.

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::flow::local::LocalReason;
use crate::flow::{Flow, FlowId, Flows, Side};
use crate::frame::{Date, Timestamp};
use crate::packet::TunnelId;

/// A host of the capture: an address outside all tunnels, or in one of them, where the same address is another host's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Host {
    pub(super) tunnel: TunnelId,
    pub(super) address: IpAddr,
}

impl Host {
    /// The host at a side of a flow.
    pub(super) fn of(flow: &Flow<'_>, side: Side) -> Self {
        Self { tunnel: flow.scope().tunnel, address: flow.endpoint(side).address }
    }
}

/// One remote address as one local host sees it on one day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Relation {
    pub(super) local: Host,
    pub(super) remote: IpAddr,
    pub(super) day: Date,
}

/// A remote address as one local host sees it on one day, by its place in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RelationId(u32);

impl RelationId {
    /// Its place.
    pub(super) const fn place(self) -> usize {
        self.0 as usize
    }
}

/// A flow's relation, and which end of it is the local one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) relation: RelationId,
    pub(super) local: Side,
    pub(super) local_reason: LocalReason,
}

/// A relation with the number of its local host, of which there are few.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Numbered {
    local: u32,
    remote: IpAddr,
    day: Date,
}

/// The relations of one capture.
#[derive(Debug, Default)]
pub(super) struct Relations {
    /// The local hosts, in order.
    hosts: Vec<Host>,
    /// In order.
    all: Vec<Numbered>,
    of_flow: Vec<Ended>,
    /// The flows of all relations, those of one relation in their own order.
    flows: Vec<FlowId>,
    /// Where each relation's flows begin, and where the last one's end.
    starts: Vec<u32>,
}

impl Relations {
    /// The relations of flows of which `sides` says the local ends, by their days.
    pub(super) fn of(
        flows: &Flows,
        sides: &[(Side, LocalReason)],
        day: impl Fn(Option<Timestamp>) -> Date,
    ) -> Self {
        let mut found = Found::default();
        let mut last: Option<(i64, Date)> = None;
        let ended = flows.iter().zip(sides).map(|(flow, (local, local_reason))| {
            let time = flow.first_time();
            let civil = time.map(|time| time.nanos().div_euclid(NANOS_PER_DAY));
            // Reckoning a date costs more than the rest, and the flows of one day follow each other.
            let day = match (last, civil) {
                (Some((known, day)), Some(civil)) if known == civil => day,
                _ => day(time),
            };
            last = civil.map(|civil| (civil, day));
            let remote = flow.endpoint(local.other()).address;
            let relation = found.number(Relation { local: Host::of(&flow, *local), remote, day });
            Ended { relation: RelationId(relation), local: *local, local_reason: *local_reason }
        });
        let mut of_flow: Vec<Ended> = ended.collect();
        let (hosts, all, places) = found.ordered();
        for ended in &mut of_flow {
            ended.relation = RelationId(places.get(ended.relation.place()).copied().unwrap_or(0));
        }
        let (flows, starts) = by_relation(&of_flow, all.len());
        Self { hosts, all, of_flow, flows, starts }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// All of them in order, with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RelationId, Relation)> {
        (0..).map(RelationId).map_while(|id| Some((id, self.get(id)?)))
    }

    /// A relation by its number.
    pub(super) fn get(&self, id: RelationId) -> Option<Relation> {
        let Numbered { local, remote, day } = *self.all.get(id.place())?;
        Some(Relation { local: *self.hosts.get(local as usize)?, remote, day })
    }

    /// A flow's relation and local end.
    pub(super) fn of_flow(&self, flow: FlowId) -> Option<Ended> {
        self.of_flow.get(flow.0 as usize).copied()
    }

    /// Those of all flows, in order of the flows.
    pub(super) fn of_flows(&self) -> &[Ended] {
        &self.of_flow
    }

    /// The flows of a relation, in order.
    pub(super) fn flows(&self, id: RelationId) -> &[FlowId] {
        let bounds = self.starts.get(id.place()).zip(self.starts.get(id.place() + 1));
        bounds.and_then(|(start, end)| self.flows.get(*start as usize..*end as usize)).unwrap_or_default()
    }

    /// The relations between the same two on the day before and the day after, as far as there are any: sessions know no
    /// midnight, least of all that of UTC.
    pub(super) fn beside(&self, id: RelationId) -> impl Iterator<Item = RelationId> {
        let before = id.0.checked_sub(1).map(RelationId);
        let after = id.0.checked_add(1).map(RelationId);
        before.into_iter().chain(after).filter(move |other| {
            let (Some(this), Some(other)) = (self.get(id), self.get(*other)) else { return false };
            (this.local, this.remote) == (other.local, other.remote)
                && this.day.days_since(other.day).abs() <= 1
        })
    }
}

/// Relations in the order in which they are found.
#[derive(Default)]
struct Found {
    hosts: Numbers<Host>,
    all: Numbers<Numbered>,
}

impl Found {
    fn number(&mut self, Relation { local, remote, day }: Relation) -> u32 {
        let local = self.hosts.number(local);
        self.all.number(Numbered { local, remote, day })
    }

    /// The hosts and the relations in order, and for each relation as it was numbered its place there.
    fn ordered(self) -> (Vec<Host>, Vec<Numbered>, Vec<u32>) {
        let (hosts, places) = ordered(self.hosts.all);
        let mut all = self.all.all;
        for relation in &mut all {
            relation.local = places.get(relation.local as usize).copied().unwrap_or(0);
        }
        let (all, places) = ordered(all);
        (hosts, all, places)
    }
}

/// Values numbered from 0 in the order in which they are found.
struct Numbers<T> {
    all: Vec<T>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { all: Vec::new(), index: HashTable::new(), hasher: DefaultHashBuilder::default() }
    }
}

impl<T: Copy + Eq + Hash> Numbers<T> {
    fn number(&mut self, value: T) -> u32 {
        let Self { all, index, hasher } = self;
        let is_it = |number: &u32| all.get(*number as usize) == Some(&value);
        let hash = hasher.hash_one(value);
        if let Some(number) = index.find(hash, is_it) {
            return *number;
        }
        let number = u32::try_from(all.len()).unwrap_or(u32::MAX);
        all.push(value);
        index.insert_unique(hash, number, |number| {
            all.get(*number as usize).map_or(0, |value| hasher.hash_one(value))
        });
        number
    }
}

/// The values in order, and for each as it was numbered its place there.
fn ordered<T: Ord + Copy>(all: Vec<T>) -> (Vec<T>, Vec<u32>) {
    let mut numbered: Vec<(T, u32)> = all.into_iter().zip(0..).collect();
    numbered.sort_unstable_by_key(|(value, _)| *value);
    let mut places = vec![0; numbered.len()];
    for ((_, number), place) in numbered.iter().zip(0..) {
        if let Some(of_number) = places.get_mut(*number as usize) {
            *of_number = place;
        }
    }
    // Put into a list of its own: the one that was sorted has room for the numbers, too.
    let mut all = Vec::with_capacity(numbered.len());
    all.extend(numbered.iter().map(|(value, _)| *value));
    (all, places)
}

/// The flows ordered by relation, and where each relation's flows begin.
fn by_relation(of_flow: &[Ended], relations: usize) -> (Vec<FlowId>, Vec<u32>) {
    let mut starts = vec![0_u32; relations + 1];
    for ended in of_flow {
        if let Some(count) = starts.get_mut(ended.relation.place() + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut flows = vec![FlowId(0); of_flow.len()];
    let mut next = starts.clone();
    for (ended, flow) in of_flow.iter().zip((0..).map(FlowId)) {
        let Some(next) = next.get_mut(ended.relation.place()) else { continue };
        if let Some(place) = flows.get_mut(*next as usize) {
            *place = flow;
        }
        *next += 1;
    }
    (flows, starts)
}

const NANOS_PER_DAY: i64 = 86_400 * 1_000_000_000;

//! The relations of a capture: one remote address as one local host sees it on one day. Whatever flows between the two say
//! on that day is said of all of them.
//!
//! Input: flows and which end of each is the local one. Output: the relations in order, each with its number and its flows.
//! Must not: know what a flow says.

use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// A relation in numbers, which are in the order of what they stand for. There may be millions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Numbered {
    local: u32,
    /// An IPv4 address, or the number of an IPv6 address where the local host has one.
    remote: u32,
    day: u32,
    /// Where its flows begin; until that is known the one flow that it was made for.
    start: u32,
}

impl Numbered {
    fn is_of(&self, other: &Self) -> bool {
        (self.local, self.remote, self.day) == (other.local, other.remote, other.day)
    }
}

/// The relations of one capture.
#[derive(Debug, Default)]
pub(super) struct Relations {
    /// The local hosts, the remote addresses of IPv6 and the days, each in order.
    hosts: Vec<Host>,
    remotes: Vec<Ipv6Addr>,
    days: Vec<Date>,
    /// In order.
    all: Vec<Numbered>,
    of_flow: Vec<Ended>,
    /// The flows of all relations, those of one relation in their own order.
    flows: Vec<FlowId>,
}

impl Relations {
    /// The relations of flows of which `sides` says the local ends, by their days.
    ///
    /// They are found by putting one for each flow in order, in lists of the right size: tables would take several times as much
    /// where every flow is alone between its ends.
    pub(super) fn of(
        flows: &Flows,
        sides: &[(Side, LocalReason)],
        day: impl Fn(Option<Timestamp>) -> Date,
    ) -> Self {
        let mut found = Found::default();
        let mut all = Vec::with_capacity(flows.len());
        all.extend(flows.iter().zip(sides).map(|(flow, (local, _))| found.number(&flow, *local, &day)));
        let Found { hosts, remotes, days, .. } = found;
        let (hosts, of_host) = ordered(hosts.all);
        let (remotes, of_remote) = ordered(remotes.all);
        let (days, of_day) = ordered(days.all);
        let place = |places: &[u32], number: u32| places.get(number as usize).copied().unwrap_or(0);
        for relation in &mut all {
            relation.local = place(&of_host, relation.local);
            relation.day = place(&of_day, relation.day);
            if hosts.get(relation.local as usize).is_some_and(|host| host.address.is_ipv6()) {
                relation.remote = place(&of_remote, relation.remote);
            }
        }
        // Flows come last in the comparison: those of one relation keep their order.
        all.sort_unstable();
        let flows = all.iter().map(|relation| FlowId(relation.start)).collect();
        let of_flow = made_distinct(&mut all, sides);
        Self { hosts, remotes, days, all, of_flow, flows }
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
        let Numbered { local, remote, day, .. } = *self.all.get(id.place())?;
        let local = *self.hosts.get(local as usize)?;
        let remote = match local.address {
            IpAddr::V4(_) => Ipv4Addr::from_bits(remote).into(),
            IpAddr::V6(_) => (*self.remotes.get(remote as usize)?).into(),
        };
        Some(Relation { local, remote, day: *self.days.get(day as usize)? })
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
        let start = |place: usize| self.all.get(place).map(|relation| relation.start as usize);
        let end = start(id.place() + 1).unwrap_or(self.flows.len());
        start(id.place()).and_then(|start| self.flows.get(start..end)).unwrap_or_default()
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

/// What relations are made of, in the order in which it is found.
#[derive(Default)]
struct Found {
    hosts: Numbers<Host>,
    remotes: Numbers<Ipv6Addr>,
    days: Numbers<Date>,
    /// The day of the last flow that has one, as days since 1970 and by its number.
    last: Option<(i64, u32)>,
}

impl Found {
    /// The relation of a flow, with that.
    fn number(&mut self, flow: &Flow<'_>, local: Side, day: impl Fn(Option<Timestamp>) -> Date) -> Numbered {
        let time = flow.first_time();
        let civil = time.map(|time| time.nanos().div_euclid(NANOS_PER_DAY));
        // Reckoning a date costs more than the rest, and the flows of one day follow each other.
        let day = match (self.last, civil) {
            (Some((known, day)), Some(civil)) if known == civil => day,
            _ => self.days.number(day(time)),
        };
        self.last = civil.map(|civil| (civil, day));
        let remote = match flow.endpoint(local.other()).address {
            IpAddr::V4(remote) => remote.to_bits(),
            IpAddr::V6(remote) => self.remotes.number(remote),
        };
        Numbered { local: self.hosts.number(Host::of(flow, local)), remote, day, start: flow.id().0 }
    }
}

/// Of relations in order, one for each flow, leaves each one once, with where its flows begin. Gives each flow's.
fn made_distinct(all: &mut Vec<Numbered>, sides: &[(Side, LocalReason)]) -> Vec<Ended> {
    let ended = |(local, local_reason): &_| Ended {
        relation: RelationId(0),
        local: *local,
        local_reason: *local_reason,
    };
    let mut of_flow: Vec<Ended> = sides.iter().map(ended).collect();
    let mut last: Option<(Numbered, u32)> = None;
    for (place, relation) in (0..).zip(all.iter_mut()) {
        let number = last.map_or(0, |(before, number)| number + u32::from(!before.is_of(relation)));
        if let Some(ended) = of_flow.get_mut(relation.start as usize) {
            ended.relation = RelationId(number);
        }
        relation.start = place;
        last = Some((*relation, number));
    }
    all.dedup_by(|next, kept| next.is_of(kept));
    all.shrink_to_fit();
    of_flow
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

const NANOS_PER_DAY: i64 = 86_400 * 1_000_000_000;

//! An inspection as the reports look at it: its flows in rows, with the numbers and the masks that hold through a report.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::client::{Attribution, Service};
use crate::flow::{Flow, FlowId, Side};
use crate::inspect::{Found, Inspection, Judged, Placement, Unit};
use crate::packet::TunnelId;
use crate::session::PhaseKind;

/// A flow's unit and its number there.
pub(super) type Key = (usize, FlowId);

/// Under which numbers of the report a flow was counted.
#[derive(Clone, Copy, Default)]
pub(super) struct Counted {
    pub(super) destination: Option<u64>,
    pub(super) session: Option<u64>,
    pub(super) phase: Option<PhaseKind>,
}

/// That of every flow about which something was found, in order of the flows.
pub(super) struct Counts(Vec<(Key, Counted)>);

impl Counts {
    /// None of them is counted yet.
    pub(super) fn none(view: &View<'_>) -> Self {
        Self(view.found.iter().map(|key| (*key, Counted::default())).collect())
    }

    /// Under which numbers a flow was counted.
    pub(super) fn get(&self, key: Key) -> Counted {
        let place = self.0.binary_search_by_key(&key, |(key, _)| *key).ok();
        place.and_then(|place| self.0.get(place)).map(|(_, counted)| *counted).unwrap_or_default()
    }

    /// The same, to be changed; `None` for others' flows.
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Counted> {
        let place = self.0.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        self.0.get_mut(place).map(|(_, counted)| counted)
    }
}

pub(super) struct View<'a> {
    pub(super) inspection: &'a Inspection,
    /// The flows about which something was found, in order.
    found: Vec<Key>,
    /// The addresses to be masked, each with its unit: a person's line is one on every flow, whatever that flow shows.
    masked: BTreeSet<(usize, IpAddr)>,
    /// How many flows stand before each unit's: in the report the units' flows follow each other.
    before: Vec<u64>,
    /// The same of tunnels.
    tunnels_before: Vec<u64>,
    /// The same of steps.
    steps_before: Vec<u64>,
}

/// One flow with everything that is known of it.
pub(super) struct Row<'a> {
    pub(super) key: Key,
    pub(super) unit: &'a Unit,
    pub(super) flow: Flow<'a>,
    pub(super) judged: Judged,
    pub(super) attribution: &'a Attribution,
    /// `None` for others' flows.
    pub(super) found: Option<&'a Found>,
}

impl<'a> Row<'a> {
    fn new(number: usize, unit: &'a Unit, flow: Flow<'a>, judged: Judged) -> Option<Self> {
        let (attribution, found) = (unit.attribution(&judged)?, unit.finding(&judged));
        Some(Self { key: (number, flow.id()), unit, flow, judged, attribution, found })
    }

    /// Where the remote end stands. Others' flows are many, and are placed when somebody asks.
    pub(super) fn placement(&self) -> Option<&'a Placement> {
        self.unit.placement(&self.judged)
    }

    /// The remote address.
    pub(super) fn remote(&self) -> IpAddr {
        self.flow.endpoint(self.judged.local.other()).address
    }
}

impl<'a> View<'a> {
    pub(super) fn new(inspection: &'a Inspection, show_participants: bool) -> Self {
        let before = |count: fn(&Unit) -> u64| {
            let sums = inspection.units().iter().scan(0, |sum, unit| {
                let before = *sum;
                *sum += count(unit);
                Some(before)
            });
            sums.collect()
        };
        let tunnels_before = before(|unit| unit.opener().tunnels().count() as u64);
        let steps_before = before(|unit| unit.steps().len() as u64);
        let before = before(|unit| unit.flows().len() as u64);
        let found = found(inspection);
        let mut view =
            Self { inspection, found, masked: BTreeSet::new(), before, tunnels_before, steps_before };
        if show_participants {
            return view;
        }
        let peers = view.found().filter(|row| row.attribution.service == Service::MeetingPeer);
        let masked = peers.map(|row| (row.key.0, row.remote()));
        view.masked = masked.collect();
        view
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'a>> {
        self.inspection.units().iter().enumerate().flat_map(|(number, unit)| {
            unit.judged().filter_map(move |(flow, judged)| Row::new(number, unit, flow, judged))
        })
    }

    /// The rows of the client's flows, and of those that may be its. All others are others' flows, which are nearly all of a
    /// large capture.
    pub(super) fn found(&self) -> impl Iterator<Item = Row<'a>> {
        self.found.iter().filter_map(|(number, flow)| self.row(*number, *flow))
    }

    pub(super) fn row(&self, number: usize, flow: FlowId) -> Option<Row<'a>> {
        let unit = self.inspection.units().get(number)?;
        Row::new(number, unit, unit.flows().flow(flow)?, unit.judged_flow(flow)?)
    }

    /// The flow's number in the report.
    pub(super) fn flow_id(&self, (unit, flow): Key) -> u64 {
        self.before.get(unit).copied().unwrap_or_default() + u64::from(flow.0)
    }

    /// A tunnel's number in the report; `None` for none.
    pub(super) fn tunnel_id(&self, unit: usize, tunnel: TunnelId) -> Option<u64> {
        let before = self.tunnels_before.get(unit).copied().unwrap_or_default();
        (!tunnel.is_none()).then(|| before + u64::from(tunnel.number()))
    }

    /// A step's number in the report by its place in its unit.
    pub(super) fn step_id(&self, unit: usize, place: Option<usize>) -> Option<u64> {
        let before = self.steps_before.get(unit).copied().unwrap_or_default();
        Some(before + place? as u64 + 1)
    }

    pub(super) fn end(&self, row: &Row<'_>, side: Side) -> String {
        let end = row.flow.endpoint(side);
        if side == row.judged.local.other() && self.is_masked(row) {
            return format!("{}:{}", masked(end.address), end.port);
        }
        SocketAddr::new(end.address, end.port).to_string()
    }

    /// The remote address, masked where it is another participant's.
    pub(super) fn address(&self, row: &Row<'_>) -> String {
        let remote = row.remote();
        if self.is_masked(row) { masked(remote) } else { remote.to_string() }
    }

    pub(super) fn is_masked(&self, row: &Row<'_>) -> bool {
        self.hides(row, row.remote())
    }

    /// Whether the address is another participant's.
    pub(super) fn hides(&self, row: &Row<'_>, address: IpAddr) -> bool {
        self.masked.contains(&(row.key.0, address))
    }
}

fn found(inspection: &Inspection) -> Vec<Key> {
    let units = inspection.units().iter().enumerate();
    units
        .flat_map(|(number, unit)| {
            let found = unit.judged().filter(|(_, judged)| judged.finding.is_some());
            found.map(move |(flow, _)| (number, flow.id()))
        })
        .collect()
}

/// A person's address: what is left says the rough network and no more.
pub(super) fn masked(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            format!("{a}.{b}.x.x")
        }
        IpAddr::V6(address) => {
            let [a, b, ..] = address.segments();
            format!("[{a:x}:{b:x}:x:x:x:x:x:x]")
        }
    }
}

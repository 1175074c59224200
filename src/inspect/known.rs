//! What all flows between a local host and a remote address say of that address, day by day.

use std::net::IpAddr;

use crate::client::{Catalogue, Spoken};
use crate::flow::{Flow, Side};
use crate::frame::{Date, FrameRef};
use crate::packet::TunnelId;
use crate::place::{Doubt, Measurement};
use crate::wire::Hostname;

/// What is known of one remote address to one local host on one day, from all flows between them.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The names, each once, the first frame kept.
    pub(super) names: Vec<Spoken>,
    /// Certificate names that are no host names, such as wildcards.
    pub(super) certificates: Vec<(String, FrameRef)>,
    /// Whether a name or payload of the operator's was seen.
    pub(super) is_corroborated: bool,
    /// The shortest round trip, one without a doubt before one with.
    pub(super) round_trip: Option<(Measurement, Option<Doubt>)>,
}

impl Known {
    /// What is known where nothing but names was seen.
    pub(super) fn by_names(names: &[Spoken]) -> Self {
        let is_corroborated = names.iter().any(|spoken| is_operators(&spoken.host));
        Self { names: names.to_vec(), is_corroborated, ..Self::default() }
    }

    /// Keeps the round trip if it is better than the one that is known.
    pub(super) fn note_round_trip(&mut self, measured: Measurement, doubt: Option<Doubt>) {
        let rank = |(measured, doubt): &(Measurement, Option<Doubt>)| {
            (doubt.is_some(), measured.rtt, measured.reply, *doubt)
        };
        let new = (measured, doubt);
        if self.round_trip.as_ref().is_none_or(|known| rank(&new) < rank(known)) {
            self.round_trip = Some(new);
        }
    }
}

/// A host of the capture: an address outside all tunnels, or in one of them, where the same address is another host's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Relation {
    pub(super) local: Host,
    pub(super) remote: IpAddr,
    pub(super) day: Date,
}

/// Whether the name is the operator's own.
pub(super) fn is_operators(host: &Hostname) -> bool {
    Catalogue::builtin().name(host).is_some_and(|matched| matched.is_client())
}

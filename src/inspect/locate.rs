//! Where a remote end stands: the witnesses of all modules brought together, once for each pair of a local host and a
//! remote address on a day.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::client::{Catalogue, Spoken};
use crate::frame::{Date, FrameRef};
use crate::inspect::Settings;
use crate::place::{self, Address, Country, Network, Resolution, Witness};
use crate::verdict::{Axis, place_axis};

/// Where a remote end stands, and on what evidence.
#[derive(Clone, Debug)]
pub struct Placement {
    /// What kind of address it is.
    pub address: Address,
    /// The day that the evidence was weighed for.
    pub day: Date,
    /// The countries left, with the grade.
    pub resolution: Resolution,
    /// Where that is, seen from the EEA on the day.
    pub axis: Axis,
    /// All witnesses, for and against.
    pub witnesses: Vec<Witness>,
    /// The country of registration, which is no place.
    pub registered: Option<Country>,
    /// The network that announces the address.
    pub network: Option<Network>,
}

/// What is known of one remote address to one local host on one day, from all flows between them.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The names, each once, the first frame kept.
    pub(super) names: Vec<Spoken>,
    /// Certificate names that are no host names, such as wildcards.
    pub(super) certificates: Vec<(String, FrameRef)>,
    /// Whether a name or payload of the operator's was seen.
    pub(super) is_corroborated: bool,
}

/// One remote address as one local host sees it on one day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Relation {
    pub(super) local: IpAddr,
    pub(super) remote: IpAddr,
    pub(super) day: Date,
}

/// Places every relation; the second value is the position of each in the first.
pub(super) fn place_all(
    known: &BTreeMap<Relation, Known>,
    settings: &Settings,
) -> (Vec<Placement>, BTreeMap<Relation, usize>) {
    let placements: Vec<Placement> =
        known.iter().map(|(relation, known)| place(*relation, known, settings)).collect();
    let positions = known.keys().copied().zip(0..).collect();
    (placements, positions)
}

fn place(relation: Relation, known: &Known, settings: &Settings) -> Placement {
    let Relation { remote, day, .. } = relation;
    let address = place::classify(remote);
    if !address.is_public() {
        let resolution = Resolution::local(address.kind);
        let axis = place_axis(&address, &resolution, day);
        return Placement {
            address,
            day,
            resolution,
            axis,
            witnesses: Vec::new(),
            registered: None,
            network: None,
        };
    }
    let answer = settings.databases.look_up(remote);
    let network = answer.asn.map(place::network);
    let catalogue = Catalogue::builtin();
    let mut witnesses = catalogue.witnesses(address.routed, &known.names, day, known.is_corroborated);
    let certificates = known.certificates.iter();
    witnesses.extend(certificates.filter_map(|(name, frame)| catalogue.certificate_witness(name, *frame)));
    witnesses.extend(place::database_witnesses(&answer, network.as_ref(), settings.databases.sources(), day));
    let resolution = place::resolve(&witnesses, None);
    let axis = place_axis(&address, &resolution, day);
    Placement { address, day, resolution, axis, witnesses, registered: answer.registered(), network }
}

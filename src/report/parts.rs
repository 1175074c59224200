//! What several lists of a report say in the same way: places with their witnesses, zones, recipients, networks, times.

use std::sync::Arc;

use crate::client::{Attribution, Catalogue, Recipient};
use crate::frame::Timestamp;
use crate::inspect::{Found, Placement};
use crate::place::{self, Country, Resolution, Zone};
use crate::report::schema::{Place, Witness};
use crate::verdict::Axis;

/// Where a flow's remote end stands, as the report says it.
pub(super) fn place(found: &Found, placement: &Placement) -> Place {
    let resolution = &placement.resolution;
    let is_open = matches!(found.axis, Axis::Undetermined);
    Place {
        axis: found.axis.name().to_owned(),
        registered: placement.registered().map(|country| country.to_string()),
        located: countries(found, placement).iter().map(ToString::to_string).collect(),
        grade: found.grade.name().to_owned(),
        disputed: resolution.disputed.iter().map(ToString::to_string).collect(),
        reason: reason(placement),
        remedy: if is_open { remedy(placement) } else { None },
        witnesses: if found.axis == Axis::Participant { Vec::new() } else { witnesses(placement) },
    }
}

/// Why there is no verdict; first of all where the capture's clock leaves no law to read it by.
pub(super) fn reason(placement: &Placement) -> Option<String> {
    match placement.law {
        None if placement.address.is_public() => Some(format!(
            "the capture's clock says {}, which cannot be: name the day with --law-date",
            placement.day
        )),
        _ => placement.resolution.reason.clone(),
    }
}

/// What would settle the place, in one sentence.
fn remedy(placement: &Placement) -> Option<String> {
    let remedies: Vec<String> = placement.would_settle().into_iter().map(|remedy| remedy.says).collect();
    (!remedies.is_empty()).then(|| remedies.join("; "))
}

/// The countries of a destination; a participant is a person, whose place is nobody's business.
pub(super) fn countries(found: &Found, placement: &Placement) -> Vec<Country> {
    if found.axis == Axis::Participant { Vec::new() } else { located(&placement.resolution) }
}

/// The countries that claims leave. What only exclusions leave is no place.
pub(super) fn located(resolution: &Resolution) -> Vec<Country> {
    if resolution.grade.is_claimed() { resolution.allowed.iter().collect() } else { Vec::new() }
}

pub(super) fn witnesses(placement: &Placement) -> Vec<Witness> {
    let address = placement.address.routed.to_string();
    let row = |(at, witness): (usize, &Arc<place::Witness>)| witness_of(placement, at, witness, &address);
    placement.witnesses.iter().enumerate().map(row).collect()
}

/// The witness at a place among those of a placement, whose address is given in words.
pub(super) fn witness_of(
    placement: &Placement,
    at: usize,
    witness: &place::Witness,
    address: &str,
) -> Witness {
    let is_decisive = placement.resolution.decisive.contains(&at);
    Witness { address: Some(address.to_owned()), ..witness_row(witness, is_decisive) }
}

pub(super) fn witness_row(witness: &place::Witness, is_decisive: bool) -> Witness {
    use crate::place::Claim;
    let (claim, countries) = match &witness.claim {
        Claim::In(countries) => ("in", countries.iter().map(|country| country.to_string()).collect()),
        Claim::NotIn(countries) => ("not_in", countries.iter().map(|country| country.to_string()).collect()),
        Claim::NoSiteIn(countries) => {
            ("no_site_in", countries.iter().map(|country| country.to_string()).collect())
        }
        Claim::OriginUnknown => ("origin_unknown", Vec::new()),
        Claim::Nothing => ("nothing", Vec::new()),
    };
    Witness {
        kind: witness.kind.name(),
        group: witness.group.name(),
        claim,
        countries,
        strength: witness.strength.name(),
        source: witness.source.clone(),
        dated: witness.dated.map(|date| date.to_string()),
        input: witness.frame.map(crate::frame::FrameRef::input),
        frame: witness.frame.map(crate::frame::FrameRef::number),
        stale: witness.is_stale,
        decisive: is_decisive,
        says: witness.says.clone(),
        address: None,
    }
}

/// The zone in words; of several countries each, where they differ.
pub(super) fn zone_label(found: &Found) -> Option<String> {
    let mut labels: Vec<&str> = found.zones.iter().map(|(_, reading)| reading.label).collect();
    labels.dedup();
    (!labels.is_empty()).then(|| labels.join(" or "))
}

/// Who says that the recipient is certified, or is not, under the framework that one of the zones asks for.
pub(super) fn certified_by(zones: impl IntoIterator<Item = Zone>, recipient: &Recipient) -> Option<String> {
    let asked = zones.into_iter().find_map(|zone| match zone {
        Zone::AdequateForCertified { framework, recipient_certified: Some(_) } => Some(framework),
        _ => None,
    })?;
    let known = recipient.certifications.iter().find(|known| known.framework == asked)?;
    Some(known.source.clone())
}

pub(super) fn recipient(attribution: &Attribution) -> Option<&'static Recipient> {
    attribution.recipient.map(|id| Catalogue::builtin().recipient(id))
}

pub(super) fn network(placement: &Placement) -> Option<String> {
    let network = placement.network()?;
    Some(
        network.name.map_or_else(|| format!("AS{}", network.asn), |name| format!("AS{} {name}", network.asn)),
    )
}

pub(super) fn network_seat(placement: &Placement) -> Option<String> {
    placement.network()?.seat.map(|seat| seat.to_string())
}

pub(super) fn time(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

pub(super) fn hex(bytes: [u8; 16]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).concat()
}

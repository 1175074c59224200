//! The destinations: the client's flows, and those that may be its, brought together by what they have in common.
//!
//! Input: the rows of an inspection. Output: the schema's destinations, in the order in which they are read, and which flow
//! counts under which. Must not: judge; what it computes are sums and texts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;

use crate::client::{IdentifiedBy, Recipient};
use crate::evidence::{NameId, Origin};
use crate::flow::FlowId;
use crate::frame::FrameRef;
use crate::inspect::{FindingId, Found, Placement, SeenName, Unit};
use crate::place::{Country, zone};
use crate::report::filter::Ends;
use crate::report::flows;
use crate::report::parts::{
    certified_by, countries, network, network_seat, place, recipient, time, witness_of, zone_label,
};
use crate::report::schema::{Destination, Name, Place, Report};
use crate::report::view::{Counts, Key, Row, View, masked};
use crate::verdict::{self, Axis, DestinationKey};

/// Adds every destination, and says under which each flow counts.
pub(super) fn destinations(view: &View<'_>, report: &mut Report) -> Counts {
    // Flows that share a finding share the key, which is made of words.
    let mut by_finding: Vec<(usize, Option<FindingId>, FlowId)> =
        view.found().map(|row| (row.key.0, row.judged.finding, row.key.1)).collect();
    by_finding.sort_unstable();
    let mut groups: BTreeMap<DestinationKey, Vec<Key>> = BTreeMap::new();
    for same in by_finding.chunk_by(|(unit, finding, _), (other, of, _)| (unit, finding) == (other, of)) {
        let keys = same.iter().map(|(unit, _, flow)| (*unit, *flow));
        let first = same.first().and_then(|(unit, _, flow)| view.row(*unit, *flow));
        if let Some(key) = first.and_then(|row| key(view, &row)) {
            groups.entry(key).or_default().extend(keys);
        }
    }
    drop(by_finding);
    let mut counts = Counts::none(view);
    for (id, (key, mut keys)) in (1..).zip(groups) {
        // In the order of the capture, whichever finding came first.
        keys.sort_unstable();
        let rows: Vec<Row<'_>> = keys.iter().filter_map(|(unit, flow)| view.row(*unit, *flow)).collect();
        for row in &rows {
            if let Some(counted) = counts.get_mut(row.key) {
                counted.destination = Some(id);
            }
        }
        report.destinations.extend(destination(view, id, &key, &rows));
    }
    counts
}

fn key(view: &View<'_>, row: &Row<'_>) -> Option<DestinationKey> {
    let (attribution, found, remote) = (row.attribution, row.found?, row.remote());
    let pattern = attribution.host_pattern.clone();
    let shown = || if view.is_masked(row) { masked(remote) } else { remote.to_string() };
    Some(DestinationKey {
        rank: verdict::rank(attribution.whose, found.axis, found.grade, found.is_flagged),
        whose: attribution.whose,
        recipient: recipient(attribution).map(|recipient| recipient.id.clone()),
        host_pattern: pattern.unwrap_or_else(shown),
        service: attribution.service.id(),
        axis: found.axis,
        countries: countries(found, row.placement()?),
        grade: found.grade,
        register: found.register.clone(),
        zone: zone_label(found),
    })
}

fn destination(view: &View<'_>, id: u64, key: &DestinationKey, rows: &[Row<'_>]) -> Option<Destination> {
    let first = rows.iter().min_by_key(|row| row.flow.first_frame())?;
    let last = rows.iter().max_by_key(|row| row.flow.last_frame())?;
    let (found, placement) = (first.found?, first.placement()?);
    let recipient = recipient(first.attribution);
    let sum = |count: &dyn Fn(&Row<'_>) -> u64| rows.iter().map(count).fold(0, u64::saturating_add);
    let out = |row: &Row<'_>| row.judged.local;
    let back = |row: &Row<'_>| row.judged.local.other();
    let mut place = place(found, placement);
    add_witnesses(&mut place, placement, rows);
    Some(Destination {
        id,
        whose: key.whose.name().to_owned(),
        identified_by: distinct(rows, |row| row.attribution.identified_by.map(IdentifiedBy::name)),
        recipient: key.recipient.clone(),
        recipient_name: recipient.map(|recipient| recipient.legal_entity.clone()),
        recipient_seat: recipient.and_then(|recipient| recipient.seat.clone()),
        host_pattern: key.host_pattern.clone(),
        names: names(rows),
        addresses: addresses(view, rows),
        service: key.service.to_owned(),
        network: network(placement),
        network_seat: network_seat(placement),
        place,
        zone: key.zone.clone(),
        zone_basis: basis(found),
        adequate: adequate(found),
        certified_by: recipient.and_then(|recipient| {
            certified_by(found.zones.iter().map(|(_, reading)| reading.zone), recipient)
        }),
        listing: found.listing.to_owned(),
        listing_hint: found.hint.clone(),
        register_entry: found.entry.clone(),
        register: found.register.clone(),
        flagged: found.is_flagged,
        seated_outside_eea: is_seated_outside(recipient, placement),
        answered: rows.iter().any(|row| row.flow.is_answered()),
        flows: rows.len() as u64,
        phases: Vec::new(),
        packets_out: sum(&|row| row.flow.packets(out(row))),
        packets_in: sum(&|row| row.flow.packets(back(row))),
        bytes_out: sum(&|row| row.flow.wire_bytes(out(row))),
        bytes_in: sum(&|row| row.flow.wire_bytes(back(row))),
        input: first.flow.first_frame().input(),
        first_frame: first.flow.first_frame().number(),
        last_input: last.flow.last_frame().input(),
        last_frame: last.flow.last_frame().number(),
        start: time(rows.iter().filter_map(|row| row.flow.first_time()).min()),
        end: time(rows.iter().filter_map(|row| row.flow.last_time()).max()),
        display_filter: filter(view, rows),
        because: first.attribution.because.to_string(),
    })
}

fn addresses(view: &View<'_>, rows: &[Row<'_>]) -> Vec<String> {
    distinct(rows, |row| Some(view.address(row)))
}

fn filter(view: &View<'_>, rows: &[Row<'_>]) -> String {
    let mut ends = Ends::default();
    for row in rows {
        let local = row.flow.endpoint(row.judged.local);
        if view.is_masked(row) {
            let (first, last) = (row.flow.first_frame().number(), row.flow.last_frame().number());
            ends.add_masked(SocketAddr::new(local.address, local.port), first, last);
        } else {
            ends.add(row.remote());
        }
    }
    ends.display_filter()
}

/// A destination of several addresses rests on what is said about each of them; `first` is told already.
fn add_witnesses(place: &mut Place, first: &Placement, rows: &[Row<'_>]) {
    if place.axis == Axis::Participant.name() {
        return;
    }
    // What is said in the same words about several addresses, of one source or frame, is said once, and of none of them.
    let mut known: HashMap<(&str, Option<FrameRef>), usize> =
        first.witnesses.iter().map(|witness| (&*witness.says, witness.frame)).zip(0..).collect();
    let mut seen = BTreeSet::new();
    let placements = rows.iter().filter(|row| seen.insert((row.key.0, row.judged.relation)));
    for placement in placements.filter_map(Row::placement) {
        let address = placement.address.routed.to_string();
        for (at, witness) in placement.witnesses.iter().enumerate() {
            let at_row = *known.entry((&*witness.says, witness.frame)).or_insert(place.witnesses.len());
            match place.witnesses.get_mut(at_row) {
                Some(same) if same.address.as_deref() != Some(&address) => same.address = None,
                Some(_) => {}
                None => place.witnesses.push(witness_of(placement, at, witness, &address)),
            }
        }
    }
}

/// Each name once for each origin, with the first frame that shows it.
fn names(rows: &[Row<'_>]) -> Vec<Name> {
    let mut seen: BTreeMap<(usize, NameId, Origin), (&Unit, SeenName)> = BTreeMap::new();
    for row in rows {
        for name in row.unit.names(row.flow.id()).into_iter().filter(|name| !name.is_of_address) {
            let (_, known) =
                seen.entry((row.key.0, name.name, name.origin)).or_insert_with(|| (row.unit, name));
            known.frame = known.frame.min(name.frame);
        }
    }
    let mut names: BTreeMap<(String, &str), Name> = BTreeMap::new();
    for name in seen.into_values().map(|(unit, name)| flows::name(unit, &name)) {
        let known = names.entry((name.name.clone(), name.origin)).or_insert_with(|| name.clone());
        if (name.input, name.frame) < (known.input, known.frame) {
            *known = name;
        }
    }
    names.into_values().collect()
}

fn distinct<T: Ord + ToString>(rows: &[Row<'_>], value: impl Fn(&Row<'_>) -> Option<T>) -> Vec<String> {
    let values: BTreeSet<T> = rows.iter().filter_map(value).collect();
    values.iter().map(ToString::to_string).collect()
}

fn basis(found: &Found) -> Option<String> {
    let mut decisions: Vec<&str> = found.zones.iter().filter_map(|(_, reading)| reading.decision).collect();
    decisions.dedup();
    (!decisions.is_empty()).then(|| decisions.join("; "))
}

/// Whether all places of a destination are adequate for it, or none is.
fn adequate(found: &Found) -> Option<bool> {
    let mut readings = found.zones.iter().map(|(_, reading)| reading.zone.is_adequate());
    let first = readings.next()??;
    readings.all(|other| other == Some(first)).then_some(first)
}

fn is_seated_outside(recipient: Option<&Recipient>, placement: &Placement) -> bool {
    let of_recipient =
        recipient.and_then(|recipient| recipient.seat.as_deref()).and_then(|seat| seat.parse().ok());
    let of_network = placement.network().and_then(|network| network.seat);
    let is_outside = |seat: Country| !zone(seat, placement.day, None).zone.is_inside_eea();
    of_recipient.into_iter().chain(of_network).any(is_outside)
}

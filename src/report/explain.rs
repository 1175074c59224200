//! `borderpost explain`: why an address or a name is placed where it is placed, every witness for and against.
//!
//! Input: placements, from a capture or of an address alone. Output: [`Explanations`], as JSON and as text in words that
//! somebody can follow who knows the law and not the network. Must not: judge.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use serde::Serialize;

use crate::client::zoom::Standing;
use crate::client::{Catalogue, Recipient};
use crate::frame::Date;
use crate::inspect::{Inspection, Placement, RelationId, Settings, law_of, place_address};
use crate::place::{Country, Group, Resolution, resolve, zone};
use crate::report::flows;
use crate::report::lang::Lang;
use crate::report::legend::{objects, stale};
use crate::report::parts;
use crate::report::schema::{DataSource, Name, Schema, Tool, Witness};
use crate::report::sources;
use crate::report::table::{WIDTH, origin};
use crate::report::text::{clean, escape, wrap};
use crate::report::view::View;
use crate::verdict::{Axis, countries_axis};
use crate::wire::Hostname;

/// The answer to one question.
#[derive(Serialize, Clone, Debug)]
pub struct Explanations {
    /// Which schema this is: `borderpost-explanation`.
    pub schema: Schema,
    /// What made it.
    pub tool: Tool,
    /// The address or name that was asked for.
    pub subject: String,
    /// The captures that were looked in; frames refer to them by position, from 0.
    pub inputs: Vec<String>,
    /// One entry for each address, day and host that saw it; none where the capture does not show the subject.
    pub explanations: Vec<Explanation>,
    /// The data that the answers rest on.
    pub data_sources: Vec<DataSource>,
}

/// Why one address is placed where it is placed on one day.
#[derive(Serialize, Clone, Debug)]
pub struct Explanation {
    /// The address; `null` for a name without a capture.
    pub address: Option<String>,
    /// The local host that saw it, in a capture.
    pub seen_from: Option<String>,
    /// The names that were seen for it.
    pub names: Vec<Name>,
    /// The day for which the evidence was weighed.
    pub day: String,
    /// The day by whose law the place is read; `null` where none could be.
    pub law_date: Option<String>,
    /// Where it stands.
    pub place: Place,
    /// The legal zone of each country that it may stand in.
    pub zone: Vec<Zone>,
    /// All evidence, for and against.
    pub witnesses: Vec<Witness>,
    /// What would settle the place, where something would change it.
    pub would_settle: Vec<Remedy>,
}

/// The verdict on place.
#[derive(Serialize, Clone, Debug)]
pub struct Place {
    /// `eea`, `outside`, `undetermined` or `local`.
    pub axis: String,
    /// The countries that the witnesses still allow; empty where they carry no verdict.
    pub located: Vec<String>,
    /// As in reports.
    pub grade: String,
    /// Countries that weaker evidence claims instead.
    pub disputed: Vec<String>,
    /// Why there is no verdict, or why the grade is not higher.
    pub reason: Option<String>,
    /// The country in whose registry the address block stands. It is not a place.
    pub registered: Option<String>,
    /// The network that announces the address, with its seat. It is not a place.
    pub network: Option<String>,
    /// The country of that network's seat.
    pub network_seat: Option<String>,
}

/// The legal zone of one country on the day.
#[derive(Serialize, Clone, Debug)]
pub struct Zone {
    /// The country.
    pub country: String,
    /// The zone in `snake_case`.
    pub zone: String,
    /// The zone in words.
    pub label: String,
    /// The treaty or decision.
    pub decision: Option<String>,
    /// Where that was read.
    pub source: String,
    /// What of it was not checked, where something was not.
    pub unchecked: Option<String>,
    /// Who says that the recipient is certified, or is not, where the zone asks for that.
    pub certified_by: Option<String>,
}

/// Something that would settle the place.
#[derive(Serialize, Clone, Debug)]
pub struct Remedy {
    /// The option that takes it; `null` where another capture is needed.
    pub option: Option<String>,
    /// What it is.
    pub says: String,
}

/// Makes the answer.
#[must_use]
pub fn explanations(
    subject: &str,
    inputs: Vec<String>,
    explanations: Vec<Explanation>,
    settings: &Settings,
) -> Explanations {
    Explanations {
        schema: Schema { name: "borderpost-explanation", version: "1.0" },
        tool: Tool { name: "borderpost", version: env!("CARGO_PKG_VERSION") },
        subject: subject.to_owned(),
        inputs,
        explanations,
        data_sources: sources::data_sources(settings),
    }
}

/// Explains one placement. The recipient is asked for where a zone asks for its certification.
#[must_use]
pub fn explanation(placement: &Placement, recipient: Option<&Recipient>) -> Explanation {
    let of_place = place(placement.axis, &placement.resolution);
    Explanation {
        address: None,
        seen_from: None,
        names: Vec::new(),
        day: placement.day.to_string(),
        law_date: placement.law.map(|law| law.to_string()),
        zone: zones(&placement.resolution, placement.law, recipient),
        place: Place {
            reason: parts::reason(placement),
            registered: placement.registered().map(|country| country.to_string()),
            network: parts::network(placement),
            network_seat: parts::network_seat(placement),
            ..of_place
        },
        witnesses: parts::witnesses(placement),
        would_settle: placement.would_settle().into_iter().map(remedy).collect(),
    }
}

/// What was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// A remote address.
    Address(IpAddr),
    /// A host name.
    Name(Hostname),
}

/// Explains every placement in the captures that the subject belongs to: one for each address, day and local host.
#[must_use]
pub fn in_captures(subject: &Subject, inspection: &Inspection) -> Vec<Explanation> {
    let mut found: BTreeMap<(usize, RelationId), Explanation> = BTreeMap::new();
    for row in View::new(inspection, true).rows() {
        let remote = row.remote();
        let names = flows::names(&row);
        let is_meant = match subject {
            Subject::Address(address) => remote.to_canonical() == address.to_canonical(),
            Subject::Name(host) => names.iter().any(|name| name.name == host.as_str()),
        };
        if !is_meant {
            continue;
        }
        let Some(placement) = row.placement() else { continue };
        let known = found.entry((row.key.0, row.judged.relation)).or_insert_with(|| Explanation {
            address: Some(remote.to_string()),
            seen_from: Some(row.flow.endpoint(row.judged.local).address.to_string()),
            ..explanation(placement, parts::recipient(row.attribution))
        });
        for name in names.into_iter().filter(|name| name.origin != flows::SAME_ADDRESS) {
            let is_known = known.names.iter().any(|old| (&old.name, old.origin) == (&name.name, name.origin));
            if !is_known {
                known.names.push(name);
            }
        }
    }
    found.into_values().collect()
}

/// Explains an address by what is known without a capture.
#[must_use]
pub fn of_address(address: IpAddr, day: Date, settings: &Settings) -> Explanation {
    let placement = place_address(address, day, settings);
    let catalogue = Catalogue::builtin();
    // Another tenant's address is no recipient of which anything is known.
    let range = catalogue.range(address, day).filter(|range| range.standing == Standing::Certain);
    let operator = range.map(|_| catalogue.recipient(catalogue.operator()));
    Explanation { address: Some(address.to_string()), ..explanation(&placement, operator) }
}

/// Explains a name for which no address is known: what it says by itself.
#[must_use]
pub fn of_name(host: &Hostname, day: Date, settings: &Settings) -> Explanation {
    let (catalogue, law) = (Catalogue::builtin(), law_of(day, settings));
    let said: Vec<_> =
        catalogue.name_witness(host).filter(|witness| settings.uses(witness.kind)).into_iter().collect();
    let resolution = resolve(&said, None);
    let axis = law.map_or(Axis::Undetermined, |law| countries_axis(&resolution, law));
    let recipient = catalogue.name(host).map(|matched| catalogue.recipient(matched.recipient));
    let rows = said.iter().enumerate();
    let remedy = Remedy {
        option: Some("--in CAPTURE".to_owned()),
        says: "a capture that shows the name with its address: --in CAPTURE".to_owned(),
    };
    Explanation {
        address: None,
        seen_from: None,
        names: Vec::new(),
        day: day.to_string(),
        law_date: law.map(|law| law.to_string()),
        zone: zones(&resolution, law, recipient),
        place: place(axis, &resolution),
        witnesses: rows
            .map(|(at, witness)| parts::witness_row(witness, resolution.decisive.contains(&at)))
            .collect(),
        would_settle: vec![remedy],
    }
}

fn place(axis: Axis, resolution: &Resolution) -> Place {
    Place {
        axis: axis.name().to_owned(),
        located: parts::located(resolution).iter().map(ToString::to_string).collect(),
        grade: resolution.grade.name().to_owned(),
        disputed: resolution.disputed.iter().map(ToString::to_string).collect(),
        reason: resolution.reason.clone(),
        registered: None,
        network: None,
        network_seat: None,
    }
}

fn zones(resolution: &Resolution, law: Option<Date>, recipient: Option<&Recipient>) -> Vec<Zone> {
    let Some(law) = law else { return Vec::new() };
    let is_certified = recipient.and_then(|recipient| recipient.certified_in(&resolution.allowed, law));
    let row = |country: Country| {
        let reading = zone(country, law, is_certified);
        Zone {
            country: country.to_string(),
            zone: reading.zone.name().to_owned(),
            label: reading.label.to_owned(),
            decision: reading.decision.map(str::to_owned),
            source: reading.source.to_owned(),
            unchecked: reading.unchecked.map(str::to_owned),
            certified_by: recipient.and_then(|recipient| parts::certified_by([reading.zone], recipient)),
        }
    };
    parts::located(resolution).into_iter().map(row).collect()
}

fn remedy(remedy: crate::place::Remedy) -> Remedy {
    Remedy { option: remedy.option.map(str::to_owned), says: remedy.says }
}

/// The answer as JSON.
#[must_use]
pub fn json(explanations: &Explanations) -> String {
    let mut text = escape(&serde_json::to_string_pretty(explanations).unwrap_or_default());
    text.push('\n');
    text
}

/// The answer for people.
#[must_use]
pub fn text(explanations: &Explanations) -> String {
    let mut page = String::new();
    let has_many = explanations.inputs.len() > 1;
    for (number, input) in explanations.inputs.iter().enumerate().filter(|_| has_many) {
        line(&mut page, &format!("[{number}] "), &clean(input));
    }
    for (number, explanation) in explanations.explanations.iter().enumerate() {
        if number > 0 || has_many {
            page.push('\n');
        }
        write_one(&mut page, &explanations.subject, explanation, has_many);
    }
    if explanations.explanations.is_empty() {
        let _ = writeln!(page, "{}: not seen in the capture.", clean(&explanations.subject));
    }
    page
}

fn write_one(page: &mut String, subject: &str, e: &Explanation, has_many: bool) {
    let seen = e.seen_from.as_deref().map(|host| format!(", seen from {host}")).unwrap_or_default();
    let title = format!("{} on {}{seen}", clean(e.address.as_deref().unwrap_or(subject)), e.day);
    line(page, "", &title);
    for name in &e.names {
        let at = format!(
            "{} ({}, {})",
            clean(&name.name),
            origin(name.origin, Lang::ENGLISH),
            frame(name.input, name.frame, has_many)
        );
        line(page, "  name      ", &at);
    }
    line(page, "  place     ", &place_words(&e.place));
    for (zone, day) in e.zone.iter().zip(e.law_date.iter().cycle()) {
        line(page, "  law       ", &law(zone, day));
    }
    for side in SIDES {
        let members: Vec<&Witness> = e.witnesses.iter().filter(|w| (side.holds)(w, &e.place)).collect();
        if !members.is_empty() {
            let _ = writeln!(page, "\n  {}", side.title);
        }
        for witness in members {
            line(page, &format!("    {} ", side.sign), &witness_line(witness, has_many));
        }
    }
    if !e.would_settle.is_empty() {
        page.push_str("\n  Would settle it\n");
    }
    for remedy in &e.would_settle {
        line(page, "    ? ", &clean(&remedy.says));
    }
}

/// A part of the evidence, by what it does to the verdict.
struct Side {
    title: &'static str,
    sign: char,
    holds: fn(&Witness, &Place) -> bool,
}

/// Every witness is on exactly one side.
const SIDES: [Side; 4] = [
    Side { title: "The answer rests on", sign: '+', holds: |w, _| w.decisive },
    Side {
        title: "Against it",
        sign: '-',
        holds: |w, place| !w.decisive && speaks(w) && objects(w, &place.located),
    },
    Side {
        title: "In agreement, and not counted again",
        sign: '~',
        holds: |w, place| !w.decisive && speaks(w) && !objects(w, &place.located),
    },
    Side {
        title: "Says nothing about the place that counts as evidence",
        sign: '.',
        holds: |w, _| !w.decisive && !speaks(w),
    },
];

/// Whether the witness says something about the place that counts.
fn speaks(witness: &Witness) -> bool {
    witness.strength != "none" && witness.claim != "nothing"
}

fn place_words(place: &Place) -> String {
    let located = place.located.join(" or ");
    let mut text = match place.axis.as_str() {
        "eea" => format!("{located}, {}; inside the EEA", place.grade),
        "outside" => format!("{located}, {}; outside the EEA", place.grade),
        "local" => "no public address".to_owned(),
        _ if place.reason.is_none() && !place.located.is_empty() => {
            format!("undetermined: {located}, {}, on both sides of the border of the EEA", place.grade)
        }
        _ => "undetermined".to_owned(),
    };
    if let Some(reason) = &place.reason {
        let _ = write!(text, ": {}", clean(reason));
    }
    if !place.disputed.is_empty() {
        let _ = write!(text, "; disputed: {}", place.disputed.join(", "));
    }
    text
}

fn law(zone: &Zone, day: &str) -> String {
    let decision =
        zone.decision.as_deref().map(|decision| format!(": {}", clean(decision))).unwrap_or_default();
    let unchecked =
        zone.unchecked.as_deref().map(|what| format!("; not checked: {}", clean(what))).unwrap_or_default();
    let certified = match &zone.certified_by {
        Some(source) => format!("; on the recipient's certification: {}", clean(source)),
        None if zone.label.contains("only for") => "; whether this recipient is one is not known".to_owned(),
        None => String::new(),
    };
    let (country, label, source) = (&zone.country, &zone.label, clean(&zone.source));
    format!("{country} on {day}: {label}{decision}; source: {source}{unchecked}{certified}")
}

fn witness_line(witness: &Witness, has_many: bool) -> String {
    let at = match (witness.input.zip(witness.frame), &witness.dated) {
        (Some((input, number)), _) => format!(" ({})", frame(input, number, has_many)),
        (None, Some(dated)) => format!("; source: {}, of {dated}", clean(&witness.source)),
        (None, None) => format!("; source: {}", clean(&witness.source)),
    };
    let is_counted = witness.strength != "none";
    let stale = stale(witness).unwrap_or_default();
    let is_of_registry = witness.group == Group::Registry.name();
    let worth = match (is_of_registry, is_counted) {
        (true, _) => String::new(),
        (false, true) => format!(" [{}, {}]", witness.group.replace('_', " "), witness.strength),
        (false, false) => format!(" [{}]", witness.group.replace('_', " ")),
    };
    format!("{}{at}{stale}{worth}", clean(&witness.says))
}

/// `frame 7`, or `frame 7 of [1]` where there are several inputs.
fn frame(input: u32, number: u64, has_many: bool) -> String {
    if has_many { format!("frame {number} of [{input}]") } else { format!("frame {number}") }
}

fn line(page: &mut String, label: &str, text: &str) {
    let rest = " ".repeat(label.chars().count().max(2));
    page.push_str(wrap(text, WIDTH, label, &rest).trim_end());
    page.push('\n');
}

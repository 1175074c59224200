//! The same captures read by something else, `--against FILE`: which findings move, and why.
//!
//! Input: the readings of an inspection before and after it was judged anew. Output: one row for each finding that moved, by
//! host pattern and address. Must not: judge.

use std::collections::BTreeMap;

use crate::inspect::{Found, Inspection, Placement};
use crate::report::lang::Lang;
use crate::report::parts::zone_label;
use crate::report::schema::{Against, Moved, Reading};
use crate::report::view::{Row, View};

/// What was found about every judged flow, in the order of the flows.
pub struct Readings(Vec<Read>);

struct Read {
    host_pattern: String,
    address: String,
    at: (u32, u64),
    reading: Reading,
    /// What the verdict on place rests on.
    decisive: Vec<String>,
}

impl Readings {
    /// The readings of an inspection.
    #[must_use]
    pub fn of(inspection: &Inspection, show_participants: bool) -> Self {
        let view = View::new(inspection, show_participants);
        Self(view.found().filter_map(|row| read(&view, &row)).collect())
    }
}

fn read(view: &View<'_>, row: &Row<'_>) -> Option<Read> {
    let found = row.found?;
    let placement = row.placement()?;
    let address = view.address(row);
    let host_pattern = row.attribution.host_pattern.clone().unwrap_or_else(|| address.clone());
    let first = row.flow.first_frame();
    Some(Read {
        host_pattern,
        address,
        at: (first.input(), first.number()),
        reading: reading(found, placement),
        decisive: decisive(placement),
    })
}

fn reading(found: &Found, placement: &Placement) -> Reading {
    Reading {
        axis: found.axis.name().to_owned(),
        located: found.zones.iter().map(|(country, _)| country.to_string()).collect(),
        grade: found.grade.name().to_owned(),
        zone: zone_label(found),
        listing: found.listing.to_owned(),
        register: found.register.clone(),
        register_entry: found.entry.clone(),
        flagged: found.is_flagged,
        law_date: placement.law.map(|day| day.to_string()),
    }
}

fn decisive(placement: &Placement) -> Vec<String> {
    let indices = placement.resolution.decisive.iter();
    let mut says: Vec<String> = indices
        .filter_map(|at| placement.witnesses.get(*at))
        .map(|witness| witness.says.to_string())
        .collect();
    says.sort();
    says
}

/// Compares two readings of the same captures.
#[must_use]
pub fn against(file: &str, kind: &str, before: &Readings, after: &Readings) -> Against {
    let mut moved: BTreeMap<(String, String, String), Moved> = BTreeMap::new();
    let mut unmoved = 0;
    for (old, new) in before.0.iter().zip(&after.0) {
        if old.reading == new.reading {
            unmoved += 1;
            continue;
        }
        let change = format!("{:?}{:?}", old.reading, new.reading);
        let key = (old.host_pattern.clone(), old.address.clone(), change);
        let row = moved.entry(key).or_insert_with(|| Moved {
            host_pattern: old.host_pattern.clone(),
            address: old.address.clone(),
            flows: 0,
            input: old.at.0,
            first_frame: old.at.1,
            before: old.reading.clone(),
            after: new.reading.clone(),
            why: why(old, new),
        });
        row.flows += 1;
    }
    let mut moved: Vec<Moved> = moved.into_values().collect();
    moved.sort_by_key(|row| (!row.after.flagged, row.input, row.first_frame));
    Against { file: file.to_owned(), kind: kind.to_owned(), moved, flows_unmoved: unmoved }
}

/// What stands behind a change: evidence that decides now or did before, and registers that list differently.
fn why(old: &Read, new: &Read) -> Vec<String> {
    let gained = new.decisive.iter().filter(|says| !old.decisive.contains(says));
    let lost = old.decisive.iter().filter(|says| !new.decisive.contains(says));
    let mut why: Vec<String> = gained.map(|says| format!("now it rests on this: {says}")).collect();
    why.extend(lost.map(|says| format!("no longer on this: {says}")));
    if listing(&old.reading) != listing(&new.reading) {
        why.push(format!(
            "the listing was \"{}\", and is \"{}\"",
            listing(&old.reading),
            listing(&new.reading)
        ));
    }
    if why.is_empty() {
        why.push("further evidence agrees or objects, and changes how sure the place is".to_owned());
    }
    why
}

fn listing(reading: &Reading) -> String {
    match (&reading.register, &reading.register_entry) {
        (Some(register), Some(entry)) => format!("{} in {register} as {entry}", reading.listing),
        (Some(register), None) => format!("{} in {register}", reading.listing),
        (None, _) => reading.listing.replace('_', " "),
    }
}

/// `zoom*mmr.*.zoom.us (213.244.140.139)`.
pub(super) fn title(row: &Moved) -> String {
    if row.host_pattern == row.address {
        row.address.clone()
    } else {
        format!("{} ({})", row.host_pattern, row.address)
    }
}

/// `US, likely, outside the EEA; third country; unlisted in surf-2024, flagged`.
pub(super) fn words_of(reading: &Reading, lang: Lang) -> String {
    let (located, grade) = (reading.located.join(&lang.word(" or ")), lang.id(&reading.grade));
    let place = match reading.axis.as_str() {
        "eea" => format!("{located}, {grade}, {}", lang.word("in the EEA")),
        "outside" => format!("{located}, {grade}, {}", lang.word("outside the EEA")),
        axis => lang.id(axis),
    };
    let zone = reading.zone.as_deref().map(|zone| format!("; {}", lang.sentences(zone, " or ")));
    let flag = if reading.flagged { lang.word(", flagged") } else { String::new() };
    format!("{place}{}; {}{flag}", zone.unwrap_or_default(), lang.sentence(&listing(reading)))
}

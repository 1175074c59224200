//! The first lines of every report: the answer in short, in words that promise no more than a capture can show.
//!
//! Input: the list of destinations. Output: counts, and the sentences made of them. Must not: count what is only
//! possible with what is likely, or what could not be placed with anything.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::schema::{Destination, Headline};
use crate::report::text::{count, plural};

/// Sums up the destinations.
pub(super) fn headline(
    destinations: &[Destination],
    is_recognised: bool,
    frames_lost: Option<u64>,
) -> Headline {
    let client = || destinations.iter().filter(|d| d.whose == "client");
    let number = |holds: &dyn Fn(&Destination) -> bool| client().filter(|d| holds(d)).count() as u64;
    let is_shown = |d: &Destination| d.place.axis == "outside" && d.place.grade != "possible";
    let mut headline = Headline {
        lines: Vec::new(),
        recognised: is_recognised,
        outside: number(&is_shown),
        outside_unlisted: number(&|d| is_shown(d) && d.flagged),
        outside_possible: number(&|d| d.place.axis == "outside" && d.place.grade == "possible"),
        undetermined: number(&|d| d.place.axis == "undetermined"),
        eea: number(&|d| d.place.axis == "eea"),
        eea_seated_outside: number(&|d| d.place.axis == "eea" && d.seated_outside_eea),
        third_parties_outside: third_parties(destinations).count() as u64,
        frames_lost,
    };
    headline.lines = lines(&headline, destinations, &client().filter(|d| is_shown(d)).collect::<Vec<_>>());
    headline
}

fn third_parties(destinations: &[Destination]) -> impl Iterator<Item = &Destination> {
    destinations.iter().filter(|d| d.whose == "not_attributable" && d.place.axis == "outside")
}

fn lines(headline: &Headline, destinations: &[Destination], shown: &[&Destination]) -> Vec<String> {
    let mut lines = if headline.recognised {
        vec![
            outside(headline, shown),
            format!(
                "Not placeable: {}.  First hop in the EEA: {}, of which {} run by companies seated outside it.",
                count(headline.undetermined),
                count(headline.eea),
                count(headline.eea_seated_outside)
            ),
        ]
    } else {
        vec!["No Zoom traffic recognised.".to_owned()]
    };
    if headline.third_parties_outside > 0 {
        let names: BTreeSet<&str> =
            third_parties(destinations).filter_map(|d| d.recipient_name.as_deref()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        lines.push(format!(
            "Third parties outside the EEA on this machine, not tied to the client: {} ({}).",
            count(headline.third_parties_outside),
            names.join("; ")
        ));
    }
    let lost = headline.frames_lost.map_or("not stated".to_owned(), count);
    lines.push(format!(
        "First hop only: what servers pass on is not visible in a capture.  Frames lost: {lost}."
    ));
    lines
}

fn outside(headline: &Headline, shown: &[&Destination]) -> String {
    let possible = headline.outside_possible;
    if shown.is_empty() {
        let more = if possible == 0 { String::new() } else { format!(" {} possibly is.", count(possible)) };
        let undetermined = count(headline.undetermined);
        return format!(
            "No destination was shown to be outside the EEA; {undetermined} could not be placed.{more}"
        );
    }
    let more = if possible == 0 { String::new() } else { format!("; {} more possibly", count(possible)) };
    format!(
        "Shown outside the EEA: {} ({}; {}){more}.",
        plural(headline.outside, "destination", "destinations"),
        listing(shown),
        zones(shown)
    )
}

/// `2 unlisted in surf-2024`, or that no register covers the day.
fn listing(shown: &[&Destination]) -> String {
    let registers: BTreeSet<&str> = shown.iter().filter_map(|d| d.register.as_deref()).collect();
    let registers: Vec<&str> = registers.into_iter().collect();
    let unlisted = shown.iter().filter(|d| d.flagged).count() as u64;
    let uncovered = shown.iter().filter(|d| d.listing == "no_register").count() as u64;
    let compared = format!("{} unlisted in {}", count(unlisted), registers.join(" and "));
    match (registers.is_empty(), uncovered) {
        (true, _) => "no register covers this day".to_owned(),
        (false, 0) => compared,
        (false, uncovered) => format!("{compared}, {} of a day that no register covers", count(uncovered)),
    }
}

/// `1 adequate, 2 third country`.
fn zones(shown: &[&Destination]) -> String {
    let mut zones: BTreeMap<&str, u64> = BTreeMap::new();
    for destination in shown {
        *zones.entry(class(destination)).or_default() += 1;
    }
    let parts: Vec<String> =
        zones.into_iter().map(|(zone, number)| format!("{} {zone}", count(number))).collect();
    parts.join(", ")
}

/// The zone as the headline counts it.
fn class(destination: &Destination) -> &str {
    match destination.adequate {
        Some(true) => "adequate",
        Some(false) => "third country",
        None => destination.zone.as_deref().unwrap_or("in several zones"),
    }
}

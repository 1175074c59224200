//! The first lines of every report: the answer in short, in words that promise no more than a capture can show.
//!
//! Input: the list of destinations. Output: counts, and the sentences made of them. Must not: count what is only
//! possible with what is likely, or what could not be placed with anything.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::Catalogue;
use crate::place::Zone;
use crate::report::schema::{Destination, Headline, Quality, Report};
use crate::report::text::{count, plural};
use crate::verdict::Axis;

/// Sums up the destinations of `inputs` inputs.
pub(super) fn headline(destinations: &[Destination], quality: &Quality, inputs: u64) -> Headline {
    let client = || destinations.iter().filter(|d| d.is_client());
    let number = |holds: &dyn Fn(&Destination) -> bool| client().filter(|d| holds(d)).count() as u64;
    let is_shown = |d: &Destination| d.is_at(Axis::Outside) && !d.is_possible();
    let is_inside = |d: &Destination| d.is_at(Axis::Eea) && !d.is_possible();
    let mut headline = Headline {
        lines: Vec::new(),
        recognised: client().next().is_some(),
        outside: number(&is_shown),
        outside_unlisted: number(&|d| is_shown(d) && d.flagged),
        outside_possible: number(&|d| d.is_at(Axis::Outside) && d.is_possible()),
        undetermined: number(&|d| d.is_at(Axis::Undetermined)),
        eea: number(&is_inside),
        eea_possible: number(&|d| d.is_at(Axis::Eea) && d.is_possible()),
        eea_seated_outside: number(&|d| is_inside(d) && d.seated_outside_eea),
        third_parties_outside: third_parties(destinations).filter(|d| is_shown(d)).count() as u64,
        third_parties_possible: third_parties(destinations).filter(|d| !is_shown(d)).count() as u64,
        frames_lost: quality.frames_lost,
    };
    let shown: Vec<&Destination> = client().filter(|d| is_shown(d)).collect();
    let mut lines = placed(&headline, &shown, quality, inputs);
    lines.extend(beside(&headline, destinations));
    lines.extend((inputs > 0).then(|| {
        let lost = lost(quality, inputs);
        format!("First hop only: what servers pass on is not visible in a capture.  Frames lost: {lost}.")
    }));
    if headline.recognised {
        lines.extend(conflict(quality).or_else(|| vantage(quality)).map(str::to_owned));
        lines.extend(law(quality));
    }
    // Where nothing was recognised, it is said first.
    lines.extend(unjudged(quality).filter(|_| headline.recognised));
    headline.lines = lines;
    headline
}

/// That the report is of captures that were still being read, where it is.
pub(super) fn so_far(report: &Report) -> Option<String> {
    let until = report.inputs.iter().filter_map(|input| input.end.as_deref()).max();
    let until = until.map_or_else(String::new, |until| format!(", up to {until}"));
    let frames = plural(report.totals.frames, "frame", "frames");
    report
        .so_far
        .then(|| format!("So far: the capture was still being read; this is what {frames} say{until}."))
}

/// That flows which may be the client's are in none of the lines above, where there are such.
fn unjudged(quality: &Quality) -> Option<String> {
    let flows = quality.unjudged();
    let were = plural(flows, "flow that may be the client's was", "flows that may be the client's were");
    (flows > 0).then(|| format!("Incomplete: {were} summed up unjudged, to stay within --max-memory."))
}

fn third_parties(destinations: &[Destination]) -> impl Iterator<Item = &Destination> {
    destinations.iter().filter(|d| !d.is_client() && d.is_at(Axis::Outside))
}

fn placed(headline: &Headline, shown: &[&Destination], quality: &Quality, inputs: u64) -> Vec<String> {
    if inputs == 0 {
        return vec![NO_CAPTURE.to_owned()];
    }
    if !headline.recognised {
        return nothing(quality);
    }
    let more = match headline.eea_possible {
        0 => String::new(),
        possible => format!("; {} more possibly", count(possible)),
    };
    let rest = format!(
        "Not placeable: {}.  First hop in the EEA: {}, of which {} run by companies seated outside it{more}.",
        count(headline.undetermined),
        count(headline.eea),
        count(headline.eea_seated_outside)
    );
    vec![outside(headline, shown, quality.register_switched_off), rest]
}

/// That nothing was recognised, which says little where flows that may be the client's were not judged.
fn nothing(quality: &Quality) -> Vec<String> {
    match unjudged(quality) {
        Some(unjudged) => {
            vec![unjudged, format!("Apart from them, no {} traffic was recognised.", Catalogue::CLIENT)]
        }
        None => vec![format!("No {} traffic recognised.", Catalogue::CLIENT)],
    }
}

/// Whether the flows of the captures are all others', so that their number is what there is to say of them.
pub(super) fn is_of_others(report: &Report) -> bool {
    !report.headline.recognised && !report.inputs.is_empty() && report.quality.unjudged() == 0
}

/// What a report on files of exchanges alone says first.
const NO_CAPTURE: &str =
    "No capture was named: what other tools decrypted is listed, and no destination can be placed.";

/// Third parties, where there are any: those shown outside, and apart from them those that only possibly are.
fn beside(headline: &Headline, destinations: &[Destination]) -> Option<String> {
    let names: BTreeSet<&str> =
        third_parties(destinations).filter_map(|d| d.recipient_name.as_deref()).collect();
    let names = names.into_iter().collect::<Vec<&str>>().join("; ");
    let number = match (headline.third_parties_outside, headline.third_parties_possible) {
        (0, 0) => return None,
        (shown, 0) => count(shown),
        (0, possible) => format!("{} possibly", count(possible)),
        (shown, possible) => format!("{}, {} more possibly", count(shown), count(possible)),
    };
    let names = if names.is_empty() { String::new() } else { format!(" [{names}]") };
    Some(format!("Third parties outside the EEA on this machine, not tied to the client: {number}{names}."))
}

/// What the inputs say of lost frames; those that say nothing do not turn into a zero.
fn lost(quality: &Quality, inputs: u64) -> String {
    match (quality.frames_lost, quality.inputs_without_loss_count) {
        (None, _) => "not stated".to_owned(),
        (Some(lost), 0) => count(lost),
        (Some(lost), silent) => {
            format!("{}, not stated in {} of {} inputs", count(lost), count(silent), count(inputs))
        }
    }
}

/// What the client's own place means for everything above it, unless that place is in the EEA.
fn vantage(quality: &Quality) -> Option<&'static str> {
    match quality.vantage.as_ref().map(|vantage| vantage.axis.as_str()) {
        Some("eea") => None,
        Some("outside") => Some("This client was not in the EEA; nothing here *leaves* it."),
        Some(_) => Some("The client's own addresses are partly in the EEA and partly outside it."),
        None => Some("The client's own place is not known."),
    }
}

/// That the client's place is in dispute, where it is; then nothing is made of that place.
fn conflict(quality: &Quality) -> Option<&'static str> {
    let is_disputed = !quality.vantage_conflicts.is_empty();
    is_disputed
        .then_some("The client's own place is in dispute: it contradicts the capture, as told at the end.")
}

/// By which day's law the lines above are, where it is not that of the traffic.
fn law(quality: &Quality) -> Option<String> {
    match &quality.law_date {
        Some(day) => Some(format!("Read by the law of {day}.")),
        None if quality.flows_of_impossible_days > 0 => {
            let flows = plural(quality.flows_of_impossible_days, "flow", "flows");
            Some(format!("No law was read for {flows} of days that cannot be; name the day with --law-date."))
        }
        None => None,
    }
}

fn outside(headline: &Headline, shown: &[&Destination], is_switched_off: bool) -> String {
    let possible = headline.outside_possible;
    if shown.is_empty() {
        let more = if possible == 0 { String::new() } else { format!(" {} possibly is.", count(possible)) };
        let undetermined = count(headline.undetermined);
        return format!(
            "No destination was *shown* to be outside the EEA; {undetermined} could not be placed.{more}"
        );
    }
    let more = if possible == 0 { String::new() } else { format!("; {} more possibly", count(possible)) };
    format!(
        "Shown outside the EEA: {} ({}; {}){more}.",
        plural(headline.outside, "destination", "destinations"),
        listing(shown, is_switched_off),
        zones(shown)
    )
}

/// `2 unlisted in surf-2024`, or that no register covers the day.
fn listing(shown: &[&Destination], is_switched_off: bool) -> String {
    if is_switched_off {
        return "not compared with a register".to_owned();
    }
    let registers: BTreeSet<&str> = shown.iter().filter_map(|d| d.register.as_deref()).collect();
    let registers: Vec<&str> = registers.into_iter().collect();
    let unlisted = shown.iter().filter(|d| d.flagged).count() as u64;
    let uncovered = shown.iter().filter(|d| d.listing == "no_register").count() as u64;
    let compared = format!("{} unlisted in {}", count(unlisted), registers.join(" and "));
    match (registers.is_empty(), uncovered) {
        (true, 1) => "no register covers this day".to_owned(),
        (true, _) => "no register covers their days".to_owned(),
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
    match (destination.adequate, destination.zone.as_deref()) {
        (Some(true), _) => "adequate",
        // No decision covers it, and by treaty it is not yet a third country either.
        (Some(false), Some(zone)) if zone == Zone::Bridge.label() => zone,
        (Some(false), _) => "third country",
        (None, zone) => zone.unwrap_or("in several zones"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{destination, flagged, third_party};
    use crate::report::schema::{SummedUp, Vantage, VantageConflict};

    #[test]
    fn inputs_that_do_not_state_losses_do_not_count_as_without() {
        let said = |frames_lost, inputs_without_loss_count| {
            lost(&Quality { frames_lost, inputs_without_loss_count, ..Quality::default() }, 5)
        };
        assert_eq!(said(None, 5), "not stated");
        assert_eq!(said(Some(0), 0), "0");
        assert_eq!(said(Some(7), 4), "7, not stated in 4 of 5 inputs");
    }

    #[test]
    fn third_parties_that_are_only_possibly_outside_are_counted_apart() {
        let said = |third_parties_outside, third_parties_possible| {
            beside(&Headline { third_parties_outside, third_parties_possible, ..Headline::default() }, &[])
        };
        let line = |number: &str| {
            Some(format!("Third parties outside the EEA on this machine, not tied to the client: {number}."))
        };
        assert_eq!(said(0, 0), None);
        assert_eq!(said(2, 0), line("2"));
        assert_eq!(said(0, 1), line("1 possibly"));
        assert_eq!(said(2, 1), line("2, 1 more possibly"));
    }

    #[test]
    fn a_client_outside_the_eea_is_said_in_the_first_lines() {
        let said = |axis: Option<&str>| {
            let vantage = axis.map(|axis| Vantage { axis: axis.to_owned(), ..Vantage::default() });
            vantage_line(vantage)
        };
        assert_eq!(said(Some("eea")), None);
        assert_eq!(said(Some("outside")), Some("This client was not in the EEA; nothing here *leaves* it."));
        let both = "The client's own addresses are partly in the EEA and partly outside it.";
        assert_eq!(said(Some("undetermined")), Some(both));
        assert_eq!(said(None), Some("The client's own place is not known."));
    }

    #[test]
    fn a_place_that_the_capture_contradicts_is_not_asserted() {
        let outside = Vantage { axis: "outside".to_owned(), ..Vantage::default() };
        let vantage_conflicts = vec![VantageConflict::default()];
        let disputed = Quality { vantage: Some(outside), vantage_conflicts, ..Quality::default() };
        let lines = headline(&[flagged("likely")], &disputed, 1).lines.join("\n");
        assert!(lines.contains("contradicts the capture") && !lines.contains("*leaves*"), "{lines}");
    }

    #[test]
    fn flows_that_were_not_judged_and_may_be_the_clients_are_said() {
        let lines = |destinations: &[Destination], client_flows| {
            let summed_up = vec![SummedUp { flows: 9, client_flows, ..SummedUp::default() }];
            headline(destinations, &Quality { summed_up, ..in_the_eea() }, 1).lines
        };
        let recognised = [destination("eea", "likely")];
        assert_eq!(lines(&recognised, 0).last().unwrap(), LAST);
        assert_eq!(lines(&[], 0), ["No Zoom traffic recognised.", LAST]);
        let expected = "Incomplete: 2 flows that may be the client's were summed up unjudged, to stay within --max-memory.";
        assert_eq!(lines(&recognised, 2).last().unwrap(), expected);
        // That there is nothing is then not known, and not what is said first.
        assert_eq!(lines(&[], 2), [expected, "Apart from them, no Zoom traffic was recognised.", LAST]);
    }

    fn vantage_line(vantage: Option<Vantage>) -> Option<&'static str> {
        super::vantage(&Quality { vantage, ..Quality::default() })
    }

    /// No frames lost, and a client in the EEA, about which nothing need be said.
    fn in_the_eea() -> Quality {
        let vantage = Some(Vantage { axis: "eea".to_owned(), ..Vantage::default() });
        Quality { frames_lost: Some(0), vantage, ..Quality::default() }
    }

    fn lines_of(destinations: &[Destination]) -> Vec<String> {
        headline(destinations, &in_the_eea(), 1).lines
    }

    const LAST: &str = "First hop only: what servers pass on is not visible in a capture.  Frames lost: 0.";

    #[test]
    fn what_is_shown_is_counted_apart_from_what_is_possible() {
        let adequate = Destination { adequate: Some(true), flagged: false, ..flagged("confirmed") };
        let destinations = [
            flagged("likely"),
            flagged("confirmed"),
            adequate,
            flagged("possible"),
            destination("undetermined", "anycast"),
            destination("eea", "likely"),
            Destination { seated_outside_eea: false, ..destination("eea", "possible") },
            destination("local", "local"),
            destination("participant", "possible"),
        ];
        let expected = [
            "Shown outside the EEA: 3 destinations (2 unlisted in surf-2024; 1 adequate, 2 third country); \
             1 more possibly.",
            "Not placeable: 1.  First hop in the EEA: 1, of which 1 run by companies seated outside it; 1 more possibly.",
            LAST,
        ];
        assert_eq!(lines_of(&destinations), expected);
        let headline = headline(&destinations, &Quality::default(), 1);
        assert_eq!((headline.outside, headline.outside_unlisted, headline.outside_possible), (3, 2, 1));
        assert!(headline.lines[2].ends_with("Frames lost: not stated."));
    }

    #[test]
    fn a_report_so_far_says_so_and_a_whole_one_does_not() {
        let whole = crate::report::sample::report(vec![]);
        assert_eq!(so_far(&whole), None);
        let said = so_far(&Report { so_far: true, ..whole }).unwrap();
        assert_eq!(said, "So far: the capture was still being read; this is what 64 frames say.");
    }

    #[test]
    fn nothing_shown_is_not_nothing_outside() {
        let unplaced = || destination("undetermined", "undetermined");
        let expected = "No destination was *shown* to be outside the EEA; 2 could not be placed.";
        assert_eq!(lines_of(&[unplaced(), unplaced(), destination("eea", "likely")])[0], expected);
        let expected =
            "No destination was *shown* to be outside the EEA; 1 could not be placed. 1 possibly is.";
        assert_eq!(lines_of(&[unplaced(), flagged("possible")])[0], expected);
    }

    #[test]
    fn without_the_client_there_are_no_zeros() {
        assert_eq!(lines_of(&[]), ["No Zoom traffic recognised.", LAST]);
    }

    #[test]
    fn third_parties_are_named_once_and_outside_the_counts() {
        let shown = Destination { place: flagged("likely").place, ..third_party("Google LLC") };
        let parties = [flagged("likely"), third_party("Twilio Inc."), third_party("Google LLC"), shown];
        let expected = "Third parties outside the EEA on this machine, not tied to the client: 1, 2 more possibly \
                        [Google LLC; Twilio Inc.].";
        assert_eq!(lines_of(&parties)[2], expected);
        let headline = headline(&parties, &in_the_eea(), 1);
        assert_eq!(
            (headline.third_parties_outside, headline.third_parties_possible, headline.outside),
            (1, 2, 1)
        );
    }

    #[test]
    fn days_of_several_registers_and_of_none_are_told_apart() {
        let on = |register: Option<&str>| Destination {
            register: register.map(str::to_owned),
            flagged: register.is_some(),
            listing: if register.is_some() { "unlisted" } else { "no_register" }.to_owned(),
            ..flagged("likely")
        };
        let first = |destinations: &[Destination]| lines_of(destinations).swap_remove(0);
        assert!(first(&[on(None)]).contains("1 destination (no register covers this day; 1 third country)"));
        let both = [on(Some("surf-2024")), on(Some("surf-2022"))];
        assert!(first(&both).contains("(2 unlisted in surf-2022 and surf-2024; "));
        let expected = "(1 unlisted in surf-2024, 1 of a day that no register covers; ";
        assert!(first(&[on(Some("surf-2024")), on(None)]).contains(expected));
    }

    #[test]
    fn a_former_member_on_the_bridge_is_not_counted_as_a_third_country() {
        let on_the_bridge = Destination { zone: Some(Zone::Bridge.label().to_owned()), ..flagged("likely") };
        let line = lines_of(&[on_the_bridge, flagged("likely")]).swap_remove(0);
        assert!(line.contains("; 1 not yet a third country for transfers, 1 third country)"), "{line}");
    }

    #[test]
    fn a_zone_without_a_verdict_is_said_in_its_own_words() {
        let certified = Destination {
            adequate: None,
            zone: Some("adequate only for certified recipients".to_owned()),
            ..flagged("likely")
        };
        let several = Destination { zone: None, ..certified.clone() };
        let line = lines_of(&[certified, several]).swap_remove(0);
        assert!(line.contains("; 1 adequate only for certified recipients, 1 in several zones)"), "{line}");
    }
}

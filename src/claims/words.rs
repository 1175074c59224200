//! Reasons and rules in words.

use super::claim::{Claim, Rule};
use super::fact::Wanted;
use super::name::NamePattern;
use super::need::{Needs, quoted};
use super::pile::{Days, Pile};
use super::selector::{Doubt, Listed, Selector, Tied};
use crate::client::Service;
use crate::data::Validity;
use crate::place::Country;

/// The text with a small letter in front, unless its first word has more capitals.
pub(super) fn lowered(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            format!("{}{second}{}", first.to_lowercase(), letters.as_str())
        }
        _ => text.to_owned(),
    }
}

/// Why a claim is contradicted.
pub(super) fn against(pile: &Pile) -> String {
    format!("{} against it: {}{}", number(pile.total, "flow speaks", "flows speak"), ends(pile), says(pile))
}

/// That flows for that service are in each session, as a clause behind a reason.
pub(super) fn recurring(service: &str, sessions: u64) -> String {
    format!("; {} is in each of {sessions} sessions", spaced(service))
}

/// Why it is not, though flows speak against it.
pub(super) fn not_recurring(pile: &Pile, service: &str, (seen, all): (u64, u64), least: u64) -> String {
    let flows = number(pile.total, "flow speaks", "flows speak");
    let few = if all < least { format!("; it takes {least} sessions to tell") } else { String::new() };
    let most = if service.is_empty() { "no service".to_owned() } else { spaced(service) };
    format!("{flows} against it, and {most} is in {seen} of {all} sessions{few}: {}", ends(pile))
}

fn spaced(id: &str) -> String {
    id.replace('_', " ")
}

/// Why it is open, in few words and in a clause.
pub(super) fn open(pile: &Pile) -> (String, String) {
    let clause = |(doubt, count): &(Doubt, u64)| match doubt {
        Doubt::NotPlaced => number(*count, "flow could not be placed", "flows could not be placed"),
        Doubt::NotSure => number(
            *count,
            "flow is placed by no more than possible",
            "flows are placed by no more than possible",
        ),
        Doubt::PhaseNotSure => number(
            *count,
            "flow began in a phase that is uncertain",
            "flows began in phases that are uncertain",
        ),
        Doubt::NotTied => format!(
            "{} to the client",
            number(
                *count,
                "flow is of a third party that nothing ties",
                "flows are of third parties that nothing ties"
            )
        ),
        Doubt::NotSaid => number(
            *count,
            "flow tells something only with what is not said of the test (a manifest says it)",
            "flows tell something only with what is not said of the test (a manifest says it)",
        ),
        Doubt::Selected => number(*count, "flow leaves it open", "flows leave it open"),
    };
    let mut doubts = pile.doubts.clone();
    doubts.sort_unstable();
    let brief = doubts.iter().map(clause).collect::<Vec<_>>().join(", ");
    (brief.clone(), format!("{brief}: {}{}", ends(pile), says(pile)))
}

/// Why a claim is supported.
pub(super) fn supported(for_it: &Pile, looked_at: u64, captures: u64) -> String {
    let these = if captures == 1 { "this capture" } else { "these captures" };
    let looked_at = number(looked_at, "flow was looked at", "flows were looked at");
    let how = if for_it.is_empty() {
        "and it rests on the absence of flows that would".to_owned()
    } else {
        format!("and {}: {}", number(for_it.total, "agrees with it", "agree with it"), ends(for_it))
    };
    format!("nothing in {these} speaks against it: {looked_at}, {how}")
}

/// The flows that are among a claim's exceptions, as a clause behind a reason.
pub(super) fn excepted(pile: &Pile) -> String {
    if pile.is_empty() {
        return String::new();
    }
    let flows = number(pile.total, "flow is", "flows are");
    format!("; {flows} among its exceptions: {}", ends(pile))
}

/// That the captures are of a time of which the claim does not speak.
pub(super) fn out_of_time(days: Days, valid: Validity, captures: u64) -> String {
    let holds = match (valid.from, valid.until) {
        (Some(from), None) => format!("from {from} on"),
        (None, Some(until)) => format!("of the time until {until}"),
        (Some(from), Some(until)) => format!("of the time from {from} until {until}"),
        (None, None) => "of any time".to_owned(),
    };
    format!("it speaks {holds}, and {}", of_days(days, captures))
}

/// That the captures are from before the statement, where they begin before it.
pub(super) fn before_statement(days: Days, claim: &Claim, captures: u64) -> Option<String> {
    let (first, last) = days.0?;
    let date = &claim.first_source()?.document.date;
    if last < date.first {
        return Some(format!("{}, before the statement of {}", of_days(days, captures), date.shown));
    }
    (first < date.first)
        .then(|| format!("{}, in part before the statement of {}", of_days(days, captures), date.shown))
}

fn of_days(days: Days, captures: u64) -> String {
    let these = if captures == 1 { "the capture is" } else { "the captures are" };
    match days.0 {
        Some((first, last)) if first == last => format!("{these} of {first}"),
        Some((first, last)) => format!("{these} of {first} to {last}"),
        None => format!("{these} of no day that is known"),
    }
}

/// What no rule could see.
pub(super) fn not_visible(unnamed: u64) -> Vec<String> {
    let mut all = vec![
        "what servers pass on behind the first hop".to_owned(),
        "what is inside encrypted flows".to_owned(),
    ];
    if unnamed > 0 {
        all.push(format!("the host name of {}", number(unnamed, "flow", "flows")));
    }
    all
}

fn ends(pile: &Pile) -> String {
    let more = if pile.has_more_ends { ", and others" } else { "" };
    format!("{}{more}", pile.ends.join(", "))
}

fn says(pile: &Pile) -> String {
    let clauses = pile.says.iter().flat_map(|says| ["; ", says.as_str()]);
    clauses.collect()
}

fn number(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A rule in words, one line for each part of it.
#[must_use]
pub fn rule(rule: &Rule) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(needs(&rule.needs).map(|needs| format!("needs {needs}")));
    let every = rule.in_every_session.map_or_else(String::new, |least| {
        format!(", where some for one service are in every session, of at least {least}")
    });
    lines.extend(rule.contradicted_by.iter().map(|s| format!("contradicted by {}{every}", selector(s))));
    lines.extend(rule.except.iter().map(|s| format!("but not by {}", selector(s))));
    lines.extend(rule.undecided_by.iter().map(|s| format!("left open by {}", selector(s))));
    let support = rule.needs_for_support.as_ref().and_then(needs);
    lines.extend(support.map(|needs| format!("says nothing without {needs}")));
    lines.extend(rule.supported_by.iter().map(|s| format!("not supported without {}", selector(s))));
    lines.extend(rule.absent.iter().map(|absent| format!("without such a flow: {}", absent.because)));
    lines
}

fn needs(needs: &Needs) -> Option<String> {
    let mut parts = Vec::new();
    if needs.client {
        parts.push("traffic of the client".to_owned());
    }
    parts.extend(needs.meeting.map(|meeting| format!("a {}", meeting.words())));
    parts.extend(needs.phases.iter().map(|phase| format!("a phase {}", phase.0.name())));
    parts.extend(needs.services.iter().map(|service| format!("traffic for {}", service.id())));
    if !needs.marks.is_empty() {
        parts.push(format!("a step marked {}", quoted(&needs.marks)));
    }
    if needs.sessions > 0 {
        parts.push(number(needs.sessions, "session", "sessions"));
    }
    parts.extend(needs.vantage.map(|vantage| format!("a client {}", vantage.words())));
    parts.extend(needs.facts.iter().map(said));
    let alternatives = needs.one_of.iter().filter_map(self::needs).collect::<Vec<_>>();
    parts.extend((!alternatives.is_empty()).then(|| format!("either {}", alternatives.join(", or "))));
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn said((key, wanted): (&String, &Wanted)) -> String {
    format!("the tester's word that {key} = {}", wanted.words())
}

/// A selector in words: `flows of the client to zoom for telemetry, outside the EEA (at least likely)`.
fn selector(s: &Selector) -> String {
    let ids = |all: &[Service]| all.iter().map(|service| service.id()).collect::<Vec<_>>().join(", ");
    let codes = |all: &[Country]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let listed = |all: &[Listed]| all.iter().map(|listed| listed.name()).collect::<Vec<_>>().join(", ");
    let names = |all: &[NamePattern]| all.iter().map(NamePattern::as_str).collect::<Vec<_>>().join(", ");
    let key = |key: &Option<String>| key.clone().unwrap_or_default();
    let mut parts = Vec::new();
    let mut add = |is_given: bool, text: String| parts.extend(is_given.then_some(text));
    add(!s.operators.is_empty(), format!("to {}", s.operators.join(", ")));
    add(!s.not_operators.is_empty(), format!("to others than {}", s.not_operators.join(", ")));
    add(!s.services.is_empty(), format!("for {}", ids(&s.services)));
    add(!s.not_services.is_empty(), format!("not for {}", ids(&s.not_services)));
    add(!s.names.is_empty(), format!("named {}", names(&s.names)));
    add(s.names_of_fact.is_some(), format!("named as the tester says ({})", key(&s.names_of_fact)));
    add(!s.not_names.is_empty(), format!("not named {}", names(&s.not_names)));
    add(
        !s.ports.is_empty(),
        format!("at port {}", s.ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")),
    );
    add(
        !s.media.is_empty(),
        format!("with {}", s.media.iter().map(|m| m.name()).collect::<Vec<_>>().join(", ")),
    );
    add(
        !s.phases.is_empty(),
        format!("begun in {}", s.phases.iter().map(|p| p.0.name()).collect::<Vec<_>>().join(", ")),
    );
    add(!s.steps.is_empty(), format!("begun in a step marked {}", quoted(&s.steps)));
    add(s.vantage.is_some(), s.vantage.map_or("", |stood| stood.words()).to_owned());
    add(s.axis.is_some(), s.axis.map_or("", |axis| axis.words()).to_owned());
    add(!s.countries.is_empty(), format!("in {}", codes(&s.countries)));
    add(!s.not_countries.is_empty(), format!("not in {}", codes(&s.not_countries)));
    add(s.countries_of_fact.is_some(), format!("in what the tester names ({})", key(&s.countries_of_fact)));
    add(
        s.not_countries_of_fact.is_some(),
        format!("not in what the tester names ({})", key(&s.not_countries_of_fact)),
    );
    add(s.min_grade.is_some(), format!("at least {}", s.min_grade.map_or("", |grade| grade.words())));
    add(!s.listings.is_empty(), listed(&s.listings));
    add(!s.not_listings.is_empty(), format!("not {}", listed(&s.not_listings)));
    add(
        s.min_payload_out.is_some(),
        format!("with at least {} B sent", s.min_payload_out.unwrap_or_default()),
    );
    add(!s.facts.is_empty(), format!("with {}", s.facts.iter().map(said).collect::<Vec<_>>().join(", ")));
    let whose = match s.whose.as_slice() {
        [] | [Tied::Client] => "the client's flows",
        [Tied::NotAttributable] => "third parties' flows that nothing ties to the client",
        _ => "flows, tied to the client or not,",
    };
    format!("{whose} {}", parts.join(", "))
}

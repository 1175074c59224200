//! Documented claims: in a report what became of them, and for people what they are and how they are tested.
//!
//! Input: claims, or those of an inspection. Output: the schema's rows, and text. Must not: judge.

use crate::claims::{Book, Claim, Hit, LookedAt, Source, Testable, Tested, rule_in_words};
use crate::report::schema::{self, ClaimCell, ClaimFlow, ClaimSource};
use crate::report::table::WIDTH;
use crate::report::text::{clean, plural, wrap};
use crate::report::view::View;

/// The claims of an inspection.
pub(super) fn claims(view: &View<'_>) -> Vec<schema::Claim> {
    let by_cell = view.inspection.claims_by_cell();
    let claims = view.inspection.claims();
    claims.iter().enumerate().map(|(at, tested)| row(view, tested, cells(&by_cell, at))).collect()
}

/// What became of the claim at that position in each cell.
fn cells(by_cell: &[Vec<Tested<'_>>], at: usize) -> Vec<ClaimCell> {
    let of = |(cell, tested): (u64, &Vec<Tested<'_>>)| {
        let tested = tested.get(at)?;
        let outcome = tested.outcome.name().to_owned();
        Some(ClaimCell { cell, outcome, brief: tested.brief.clone(), reason: tested.reason.clone() })
    };
    (1..).zip(by_cell).filter_map(of).collect()
}

fn row(view: &View<'_>, tested: &Tested<'_>, cells: Vec<ClaimCell>) -> schema::Claim {
    let claim = tested.claim;
    schema::Claim {
        id: claim.id.clone(),
        packs: claim.packs().into_iter().map(str::to_owned).collect(),
        text: claim.text.clone(),
        sources: claim.sources.iter().map(source).collect(),
        testable: claim.testable.name().to_owned(),
        limits: claim.limits.clone(),
        outcome: tested.outcome.name().to_owned(),
        brief: tested.brief.clone(),
        reason: tested.reason.clone(),
        looked_at: tested.looked_at.as_ref().map(looked_at),
        flows: tested.flows.iter().map(|hit| flow(view, hit)).collect(),
        flows_total: tested.flows_total,
        cells,
    }
}

fn source(source: &Source) -> ClaimSource {
    ClaimSource {
        document: source.document.title.clone(),
        publisher: source.document.publisher.clone(),
        date: source.document.date.shown.clone(),
        place: source.place.clone(),
    }
}

fn looked_at(seen: &LookedAt) -> schema::LookedAt {
    schema::LookedAt {
        sessions: seen.sessions,
        meetings: seen.meetings,
        phases: seen.phases.iter().map(|kind| kind.name().to_owned()).collect(),
        flows: seen.flows,
        from: seen.from.map(|day| day.to_string()),
        to: seen.to.map(|day| day.to_string()),
        not_visible: seen.not_visible.clone(),
    }
}

fn flow(view: &View<'_>, hit: &Hit) -> ClaimFlow {
    ClaimFlow {
        flow: view.flow_id(hit.key),
        input: hit.first.input(),
        first_frame: hit.first.number(),
        name: hit.name.clone(),
        service: hit.service,
        countries: hit.countries.iter().map(|country| country.to_string()).collect(),
    }
}

/// The packs of a file, and one line for each claim.
#[must_use]
pub fn overview(book: &Book) -> String {
    let mut text = String::new();
    for pack in book.packs() {
        let claims = book.of_packs(&[pack]);
        let number = plural(claims.len() as u64, "claim", "claims");
        let documents = book.documents.iter().filter(|document| document.pack == pack);
        let documents: Vec<String> =
            documents.map(|d| format!("{}, {}", d.publisher, d.date.shown)).collect();
        line(&mut text, &format!("{pack}: {number} ({})", documents.join("; ")), "", "  ");
        for claim in &claims {
            one_line(&mut text, &format!("{:<4} {:<12} {}", claim.id, claim.testable.name(), claim.text));
        }
    }
    text
}

/// Everything of some claims.
#[must_use]
pub fn page(claims: &[Claim]) -> String {
    claims.iter().map(whole).collect::<Vec<_>>().join("\n")
}

/// What the rule of each claim tests.
#[must_use]
pub fn rules(book: &Book) -> String {
    let mut text = String::new();
    for claim in &book.claims {
        line(&mut text, &format!("claim {}: {}", claim.id, tests(claim)), "", "  ");
        for part in rule_in_words(&claim.rule).iter().filter(|_| claim.testable == Testable::Metadata) {
            line(&mut text, part, "  - ", "    ");
        }
    }
    text
}

fn tests(claim: &Claim) -> &'static str {
    if claim.testable == Testable::Metadata { "tested by" } else { claim.testable.words() }
}

fn whole(claim: &Claim) -> String {
    let mut text = String::new();
    line(&mut text, &format!("{}: {}", claim.id, claim.text), "", "  ");
    line(&mut text, &format!("packs: {}", claim.packs().join(", ")), "  ", "    ");
    for source in &claim.sources {
        let document = &source.document;
        let (publisher, title, date) = (&document.publisher, &document.title, &document.date.shown);
        line(&mut text, &format!("stated: {publisher}, {title}, {date}: {}", source.place), "  ", "    ");
    }
    let holds = [("from", claim.valid.from), ("until", claim.valid.until)];
    for (word, day) in holds.into_iter().filter_map(|(word, day)| Some((word, day?))) {
        line(&mut text, &format!("holds {word} {day}"), "  ", "    ");
    }
    line(&mut text, &format!("{}: {}", claim.testable.name(), claim.testable.words()), "  ", "    ");
    for part in rule_in_words(&claim.rule).iter().filter(|_| claim.testable == Testable::Metadata) {
        line(&mut text, part, "  - ", "    ");
    }
    line(&mut text, &format!("limits: {}", claim.limits), "  ", "    ");
    text
}

fn line(text: &mut String, words: &str, first: &str, rest: &str) {
    text.push_str(&wrap(&clean(words), WIDTH, first, rest));
    text.push('\n');
}

/// Lines are for `grep` as well as for people, so a long one is not broken.
fn one_line(text: &mut String, words: &str) {
    text.push_str("  ");
    text.push_str(&clean(words));
    text.push('\n');
}

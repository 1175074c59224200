//! The table's part on documented claims: what is contradicted first, with its frames; what nothing speaks against; the rest in short.

use std::collections::BTreeSet;

use crate::claims::Outcome;
use crate::report::schema::{Claim, Report};
use crate::report::table::Page;
use crate::report::text::{clean, count};

impl Page {
    pub(super) fn claims(&mut self, report: &Report) {
        if report.claims.is_empty() {
            return;
        }
        let packs: BTreeSet<&str> =
            report.claims.iter().flat_map(|claim| &claim.packs).map(String::as_str).collect();
        let packs = packs.into_iter().collect::<Vec<_>>().join(", ");
        let of = |outcome: Outcome| report.claims.iter().filter(move |claim| claim.outcome == outcome.name());
        let counts = Outcome::ALL.map(|outcome| (of(outcome).count() as u64, words(outcome)));
        let counts = counts.iter().filter(|(number, _)| *number > 0);
        let counts: Vec<String> =
            counts.map(|(number, words)| format!("{} {words}", count(*number))).collect();
        self.long_title(&format!("Documented claims ({}): {}", clean(&packs), counts.join(", ")));
        for claim in of(Outcome::Contradicted).chain(of(Outcome::Supported)) {
            self.claim(claim);
        }
        for outcome in [Outcome::NotDecidable, Outcome::NotExercised, Outcome::OutOfScope] {
            self.in_short(outcome, of(outcome));
        }
    }

    fn claim(&mut self, claim: &Claim) {
        let is_contradicted = claim.outcome == Outcome::Contradicted.name();
        let outcome = if is_contradicted { "CONTRADICTED" } else { "nothing speaks against it" };
        self.wrapped(&clean(&format!("{}, {outcome}: {}", claim.id, claim.text)), "  - ", "     ");
        for source in claim.sources.iter().filter(|_| is_contradicted) {
            let at = format!("{}, {}: {}", source.publisher, source.date, source.place);
            self.field("stated", &clean(&at));
        }
        self.field("reason", &clean(&claim.reason));
        if is_contradicted {
            self.field("flows", &self.flows_of(claim));
            self.field("limits", &clean(&claim.limits));
        }
    }

    /// The first of the flows by their names, each with its first frame.
    pub(in crate::report) fn flows_of(&self, claim: &Claim) -> String {
        let mut named: Vec<(&str, Vec<String>)> = Vec::new();
        for flow in claim.flows.iter().take(MAX_FLOWS) {
            let name = flow.name.as_deref().unwrap_or("no name");
            let frame = self.frame(flow.input, flow.first_frame);
            match named.iter_mut().find(|(known, _)| *known == name) {
                Some((_, frames)) => frames.push(frame),
                None => named.push((name, vec![frame])),
            }
        }
        let shown = named.iter().map(|(name, frames)| format!("{} ({})", clean(name), frames.join(", ")));
        let mut flows: Vec<String> = shown.collect();
        let more = claim.flows_total.saturating_sub(MAX_FLOWS as u64);
        if more > 0 {
            flows.push(format!("{} more", count(more)));
        }
        flows.join(", ")
    }

    /// Claims that share outcome and reason share a line.
    fn in_short<'a>(&mut self, outcome: Outcome, claims: impl Iterator<Item = &'a Claim>) {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for claim in claims {
            match groups.iter_mut().find(|(brief, _)| *brief == claim.brief) {
                Some((_, ids)) => ids.push(&claim.id),
                None => groups.push((&claim.brief, vec![&claim.id])),
            }
        }
        for (brief, ids) in groups {
            let text = format!("{}, {}: {brief}", ids.join(", "), words(outcome));
            self.wrapped(&clean(&text), "  - ", "     ");
        }
    }
}

pub(in crate::report) const fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Contradicted => "contradicted",
        Outcome::Supported => "nothing speaks against",
        Outcome::NotDecidable => "not decidable from this capture",
        Outcome::NotExercised => "not exercised",
        Outcome::OutOfScope => "out of scope",
    }
}

/// Flows of one claim that are shown; the JSON has more.
const MAX_FLOWS: usize = 8;

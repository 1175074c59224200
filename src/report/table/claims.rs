//! The table's part on documented claims: what is contradicted first, with its frames; what nothing speaks against; the rest in short.

use std::collections::BTreeSet;

use crate::claims::Outcome;
use crate::report::lang::Lang;
use crate::report::schema::{Claim, LookedAt, Report};
use crate::report::table::Page;
use crate::report::text::{clean, count};

impl Page {
    pub(super) fn claims(&mut self, report: &Report) {
        if report.claims.is_empty() {
            return;
        }
        let of = |outcome: Outcome| report.claims.iter().filter(move |claim| claim.outcome == outcome.name());
        self.title(&title(report, self.lang));
        self.wrapped(&self.lang.word(HINT), "  ", "  ");
        for claim in of(Outcome::Contradicted).chain(of(Outcome::Supported)) {
            self.claim(claim);
        }
        self.claims_that_differ(report);
        for outcome in [Outcome::NotDecidable, Outcome::NotExercised, Outcome::OutOfScope] {
            self.in_short(outcome, of(outcome));
        }
    }

    fn claim(&mut self, claim: &Claim) {
        let is_contradicted = claim.outcome == Outcome::Contradicted.name();
        let outcome = if is_contradicted { "CONTRADICTED" } else { "nothing speaks against it" };
        let (outcome, text) = (self.lang.word(outcome), self.lang.name(&claim.text));
        self.wrapped(&clean(&format!("{}, {outcome}: {text}", claim.id)), "  - ", "     ");
        for source in &claim.sources {
            let place = self.lang.name(&source.place);
            let at = format!("{}, {}: {place}", source.publisher, source.date);
            self.field("stated", &clean(&at));
        }
        self.field("reason", &clean(&self.lang.sentences(&claim.reason, "; ")));
        if is_contradicted {
            self.field("flows", &self.flows_of(claim));
        } else if let Some(seen) = &claim.looked_at {
            self.wrapped(&clean(&looked_at(seen, self.lang)), "     ", "              ");
        }
        self.field("limits", &clean(&self.lang.name(&claim.limits)));
    }

    /// Claims of which another thing became in one cell of a study than in another, where one of them tells something.
    fn claims_that_differ(&mut self, report: &Report) {
        let told = [Outcome::Contradicted.name(), Outcome::Supported.name()];
        for claim in &report.claims {
            let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
            for cell in &claim.cells {
                let name = report.cells.iter().find(|known| known.id == cell.cell);
                let Some(name) = name.map(|known| known.name.as_str()) else { continue };
                match groups.iter_mut().find(|(outcome, _)| *outcome == cell.outcome) {
                    Some((_, names)) => names.push(name),
                    None => groups.push((&cell.outcome, vec![name])),
                }
            }
            if groups.len() < 2 || !groups.iter().any(|(outcome, _)| told.contains(outcome)) {
                continue;
            }
            let shown = groups.iter().map(|(outcome, names)| {
                let words = Outcome::ALL.into_iter().find(|known| known.name() == *outcome).map_or("", words);
                let words = self.lang.word(words);
                self.lang.say("{words} in {}", &[&words, &names.join(", ")])
            });
            let text = self
                .lang
                .say("{} differs between cells: {}", &[&claim.id, &shown.collect::<Vec<_>>().join("; ")]);
            self.wrapped(&clean(&text), "  - ", "     ");
        }
    }

    /// The first of the flows by their names, each with its first frame.
    pub(in crate::report) fn flows_of(&self, claim: &Claim) -> String {
        let nameless = self.lang.word("no name");
        let mut named: Vec<(Option<&str>, Vec<String>)> = Vec::new();
        for flow in claim.flows.iter().take(MAX_FLOWS) {
            let frame = self.frame(flow.input, flow.first_frame);
            let name = flow.name.as_deref();
            match named.iter_mut().find(|(known, _)| *known == name) {
                Some((_, frames)) => frames.push(frame),
                None => named.push((name, vec![frame])),
            }
        }
        let shown = named
            .iter()
            .map(|(name, frames)| format!("{} ({})", clean(name.unwrap_or(&nameless)), frames.join(", ")));
        let mut flows: Vec<String> = shown.collect();
        let more = claim.flows_total.saturating_sub(MAX_FLOWS as u64);
        if more > 0 {
            flows.push(self.lang.say("{} more", &[&count(more)]));
        }
        flows.join(", ")
    }

    fn in_short<'a>(&mut self, outcome: Outcome, claims: impl Iterator<Item = &'a Claim>) {
        for (brief, ids) in in_short(claims) {
            let text = format!(
                "{}, {}: {}",
                ids.join(", "),
                self.lang.word(words(outcome)),
                self.lang.sentence(brief)
            );
            self.wrapped(&clean(&text), "  - ", "     ");
        }
    }
}

/// Which claims there are and how many came out how.
pub(in crate::report) fn title(report: &Report, lang: Lang) -> String {
    let packs: BTreeSet<&str> =
        report.claims.iter().flat_map(|claim| &claim.packs).map(String::as_str).collect();
    let packs = packs.into_iter().collect::<Vec<_>>().join(", ");
    let of = |outcome: Outcome| report.claims.iter().filter(move |claim| claim.outcome == outcome.name());
    let counts = Outcome::ALL.map(|outcome| (of(outcome).count() as u64, lang.word(words(outcome))));
    let counts = counts.iter().filter(|(number, _)| *number > 0);
    let counts: Vec<String> = counts.map(|(number, words)| format!("{} {words}", count(*number))).collect();
    lang.say("Documented claims ({}): {}", &[&clean(&packs), &counts.join(", ")])
}

/// Claims that share a reason share a line: the reason, and their ids.
pub(in crate::report) fn in_short<'a>(
    claims: impl Iterator<Item = &'a Claim>,
) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for claim in claims {
        match groups.iter_mut().find(|(brief, _)| *brief == claim.brief) {
            Some((_, ids)) => ids.push(&claim.id),
            None => groups.push((&claim.brief, vec![&claim.id])),
        }
    }
    groups
}

/// `looked at: 1 session (launch, joining), 8 flows; not visible: what is inside encrypted flows`.
fn looked_at(seen: &LookedAt, lang: Lang) -> String {
    let phases = seen.phases.iter().map(|phase| lang.id(phase)).collect::<Vec<_>>().join(", ");
    let phases = if phases.is_empty() { phases } else { format!(" ({phases})") };
    let sessions = lang.plural(seen.sessions, "session", "sessions");
    let flows = lang.plural(seen.flows, "flow", "flows");
    let hidden: Vec<String> = seen.not_visible.iter().map(|what| lang.sentence(what)).collect();
    lang.say(
        "looked at: {sessions}{phases}, {flows}; not visible: {}",
        &[&sessions, &phases, &flows, &hidden.join(", ")],
    )
}

/// An outcome in words.
pub(in crate::report) const fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Contradicted => "contradicted",
        Outcome::Supported => "nothing speaks against",
        Outcome::NotDecidable => "not decidable from this capture",
        Outcome::NotExercised => "not exercised",
        Outcome::OutOfScope => "out of scope",
    }
}

/// Where the claims are that have but their ids here.
pub(in crate::report) const HINT: &str =
    "`borderpost claims show ID` says what is stated, by whom, and how it is tested.";
/// Flows of one claim that are shown; the JSON has more.
const MAX_FLOWS: usize = 8;

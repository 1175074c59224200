//! Markdown of telemetry, of the documented claims, of what moves by another reading, of the captures' quality and of the sources.

use crate::claims::Outcome;
use crate::report::against::{title, words_of};
use crate::report::markdown::Document;
use crate::report::markdown::escape::{code, prose};
use crate::report::schema::{Claim, Report};
use crate::report::table::telemetry::TITLE;
use crate::report::table::{SWITCHED_OFF, claims, compared, used};
use crate::report::text::count;

impl Document<'_> {
    pub(super) fn telemetry(&mut self, report: &Report) {
        let Some(telemetry) = &report.telemetry else { return };
        self.title(&self.words.lang.word(TITLE));
        for said in self.words.telemetry_said(telemetry) {
            let whole: Vec<String> = std::iter::once(said.title).chain(said.lines).collect();
            self.item(&whole.join("; "));
        }
    }

    pub(super) fn claims(&mut self, report: &Report) {
        if report.claims.is_empty() {
            return;
        }
        self.title(&claims::title(report, self.words.lang));
        let of = |outcome: Outcome| report.claims.iter().filter(move |claim| claim.outcome == outcome.name());
        let tested: Vec<&Claim> = of(Outcome::Contradicted).chain(of(Outcome::Supported)).collect();
        if !tested.is_empty() {
            self.head(&["Claim", "Outcome", "What is stated", "Stated by", "Why", "Limits"]);
        }
        for claim in tested {
            let stated = claim.sources.iter().map(|source| {
                let place = self.words.lang.name(&source.place);
                format!("{}, {}: {place}", source.publisher, source.date)
            });
            let is_contradicted = claim.outcome == Outcome::Contradicted.name();
            let outcome = if is_contradicted { "**contradicted**" } else { "nothing speaks against it" };
            let flows = if is_contradicted {
                self.words.lang.say("; flows: {}", &[&self.words.flows_of(claim)])
            } else {
                String::new()
            };
            self.row(&[
                code(&claim.id),
                self.words.lang.word(outcome),
                prose(&self.words.lang.name(&claim.text)),
                prose(&stated.collect::<Vec<_>>().join("; ")),
                prose(&format!("{}{flows}", self.words.lang.sentences(&claim.reason, "; "))),
                prose(&self.words.lang.name(&claim.limits)),
            ]);
        }
        self.fold(&self.words.lang.word("Claims that these captures do not test"));
        for outcome in [Outcome::NotDecidable, Outcome::NotExercised, Outcome::OutOfScope] {
            for (brief, ids) in claims::in_short(of(outcome)) {
                let ids: Vec<String> = ids.into_iter().map(code).collect();
                let why = prose(&format!(
                    "{}: {}",
                    self.words.lang.word(claims::words(outcome)),
                    self.words.lang.sentence(brief)
                ));
                self.line(&format!("- {}, {why}", ids.join(", ")));
            }
        }
        self.line(&format!("- {}", self.words.lang.word(claims::HINT)));
        self.unfold();
    }

    pub(super) fn against(&mut self, report: &Report) {
        let Some(against) = &report.against else { return };
        let moved = count(against.moved.len() as u64);
        self.title(&self.words.lang.say(
            "Read by {} ({}), findings that move: {moved}",
            &[&against.file, &self.words.lang.id(&against.kind), &moved],
        ));
        if against.moved.is_empty() {
            return;
        }
        self.head(&["Finding", "From", "To", "Flows", "Why"]);
        for row in &against.moved {
            let flows = self
                .words
                .lang
                .say("{}, first in {}", &[&count(row.flows), &self.words.frame(row.input, row.first_frame)]);
            let why: Vec<String> = row.why.iter().map(|why| self.words.lang.sentence(why)).collect();
            self.row(&[
                prose(&title(row)),
                prose(&words_of(&row.before, self.words.lang)),
                prose(&words_of(&row.after, self.words.lang)),
                prose(&flows),
                prose(&why.join("; ")),
            ]);
        }
    }

    pub(super) fn quality(&mut self, report: &Report) {
        self.title(&self.words.lang.word("What the capture could not show"));
        for remark in &report.quality.remarks {
            self.item(&self.words.lang.sentence(remark));
        }
        for anomaly in &report.anomalies {
            self.item(&self.words.anomaly(anomaly));
        }
    }

    pub(super) fn sources(&mut self, report: &Report) {
        self.title(&self.words.lang.word("Compared with, and data used"));
        if report.quality.register_switched_off {
            self.item(&self.words.lang.word(SWITCHED_OFF));
        }
        for register in &report.registers {
            self.item(&compared(register, self.words.lang));
            self.listed("in force, and in no traffic of this capture", &register.entries_not_seen);
        }
        for source in &report.data_sources {
            self.item(&used(source, self.words.lang));
        }
        self.item(&self.words.lang.say("made by {} {}", &[&report.tool.name, &report.tool.version]));
    }
}

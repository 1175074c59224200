//! The report for people, on a terminal or in an annex.
//!
//! Input: a [`Report`]. Output: text of at most [`WIDTH`] columns, the answer first. Colour repeats what words say.
//! Must not: compute anything, or let text from a capture through raw.

use std::collections::BTreeMap;

use crate::report::against::{title, words_of};
use crate::report::headline::is_of_others;
use crate::report::lang::Lang;
use crate::report::legend::{LEGEND, sign, stale};
use crate::report::schema::{Against, Anomaly, Destination, Input, Name, Report, Witness};
use crate::report::text::{clean, count, size, wrap};
use crate::verdict::Axis;

pub(super) mod claims;
pub(super) mod matrix;
pub(super) mod session;
pub(super) mod steps;
pub(super) mod telemetry;
mod wording;

use self::wording::source_of;
pub(super) use self::wording::{
    compared, law, network, origin, phases, place, rule, run_by, service, used, words,
};

/// The width of the report in columns.
pub const WIDTH: usize = 80;

/// Whether colour is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Color {
    /// ANSI escape sequences for emphasis.
    Always,
    /// None.
    Never,
}

/// Writes the report.
#[must_use]
pub fn table(report: &Report, color: Color, lang: Lang) -> String {
    let mut page = Page { color, ..Page::of(report, lang) };
    page.headline(report);
    page.inputs(report);
    page.study(report);
    page.legend(report);
    for part in PARTS {
        page.destinations(part, report);
    }
    page.sessions(report);
    page.steps(report);
    page.tunnels(report);
    page.telemetry(report);
    page.claims(report);
    if let Some(against) = &report.against {
        page.against(against);
    }
    page.quality(report);
    page.sources(report);
    page.text
}

/// A part of the list of destinations.
pub(super) struct Part {
    /// What its members are.
    pub(super) title: &'static str,
    /// Whether a destination is one.
    pub(super) holds: fn(&Destination) -> bool,
}

/// What must be looked at first stands first.
pub(super) const PARTS: &[Part] = &[
    Part {
        title: "Outside the EEA and not listed",
        holds: |d| d.is_client() && d.flagged && !d.is_possible(),
    },
    Part {
        title: "Possibly outside the EEA and not listed",
        holds: |d| d.is_client() && d.flagged && d.is_possible(),
    },
    Part {
        title: "Outside the EEA and listed",
        holds: |d| is_outside(d) && !d.is_possible() && is_listed(d),
    },
    Part {
        title: "Outside the EEA, with no register to compare with",
        holds: |d| is_outside(d) && !d.is_possible() && !d.flagged && !is_listed(d),
    },
    Part {
        title: "Possibly outside the EEA, listed or with no register to compare with",
        holds: |d| is_outside(d) && d.is_possible() && !d.flagged,
    },
    Part { title: "Not placeable", holds: |d| d.is_client() && d.is_at(Axis::Undetermined) },
    Part { title: "Third parties not tied to the client", holds: |d| !d.is_client() },
    Part {
        title: "Possibly in the EEA, at the first hop",
        holds: |d| d.is_client() && d.is_at(Axis::Eea) && d.is_possible(),
    },
    Part {
        title: "In the EEA, at the first hop",
        holds: |d| d.is_client() && d.is_at(Axis::Eea) && !d.is_possible(),
    },
    Part { title: "Other participants", holds: |d| d.is_client() && d.is_at(Axis::Participant) },
    Part { title: "On the local network", holds: |d| d.is_client() && d.is_at(Axis::Local) },
];

fn is_outside(destination: &Destination) -> bool {
    destination.is_client() && destination.place.axis == "outside"
}

fn is_listed(destination: &Destination) -> bool {
    destination.listing == "listed"
}

/// The page as far as it is written; what it says of a part of the report, other formats for people say, too.
pub(super) struct Page {
    text: String,
    color: Color,
    pub(super) lang: Lang,
    has_many_inputs: bool,
    is_switched_off: bool,
}

impl Page {
    /// An empty page of a report.
    pub(super) fn of(report: &Report, lang: Lang) -> Self {
        Self {
            text: String::new(),
            color: Color::Never,
            lang,
            has_many_inputs: report.inputs.len() > 1,
            is_switched_off: report.quality.register_switched_off,
        }
    }

    fn headline(&mut self, report: &Report) {
        for line in &report.headline.lines {
            let wrapped = wrap(&clean(&self.lang.sentence(line)), WIDTH, "", "  ");
            self.emphasised(&wrapped);
        }
        if is_of_others(report) {
            let others = report.totals.flows;
            self.line(&self.lang.say(
                "The {} read hold {} of others.",
                &[
                    &self.lang.plural(report.totals.frames, "frame", "frames"),
                    &self.lang.plural(others, "flow", "flows"),
                ],
            ));
        }
    }

    fn inputs(&mut self, report: &Report) {
        if report.inputs.is_empty() {
            return;
        }
        self.title(&self.lang.word(if self.has_many_inputs {
            "Inputs, by the numbers used below"
        } else {
            "Input"
        }));
        for (number, input) in report.inputs.iter().enumerate() {
            let prefix = if self.has_many_inputs { format!("  [{number}] ") } else { "  ".to_owned() };
            self.wrapped(&clean(&input.path), &prefix, "      ");
            for line in input_lines(input, self.lang) {
                self.wrapped(&line, "      ", "      ");
            }
        }
    }

    /// What a reader needs who has this page and nothing else.
    fn legend(&mut self, report: &Report) {
        if report.destinations.is_empty() {
            return;
        }
        self.title(&self.lang.word("How to read an entry"));
        for (label, text) in LEGEND {
            self.field(label, &self.lang.word(text));
        }
    }

    fn destinations(&mut self, part: &Part, report: &Report) {
        let members: Vec<&Destination> = report.destinations.iter().filter(|d| (part.holds)(d)).collect();
        if members.is_empty() {
            return;
        }
        self.title(&format!("{}: {}", self.lang.word(part.title), members.len()));
        for destination in members {
            self.destination(destination);
        }
    }

    fn destination(&mut self, d: &Destination) {
        let label = format!("{:>3}. ", d.id);
        self.emphasised(&wrap(&clean(&d.host_pattern), WIDTH, &label, INDENT));
        self.field("run by", &run_by(d, self.lang));
        self.field("service", &service(&d.service, self.lang));
        self.field("place", &place(d, self.lang));
        if let Some(law) = law(d, self.lang) {
            self.field("law", &law);
        }
        for (number, line) in self.evidence(d).iter().enumerate() {
            self.field(if number == 0 { "evidence" } else { "" }, line);
        }
        if let Some(network) = network(d, self.lang) {
            self.field("network", &network);
        }
        self.field("listing", &self.listing(d));
        self.field("traffic", &self.traffic(d));
        if !d.phases.is_empty() {
            self.field("began in", &phases(d, self.lang));
        }
        self.field(
            if d.is_client() { "known by" } else { "not tied" },
            &clean(&self.lang.sentence(&d.because)),
        );
        if !d.names.is_empty() {
            self.field("named", &self.named(&d.names));
        }
        self.field("filter", &d.display_filter);
    }

    /// The witnesses that the verdict rests on, then those beside and against it, then what would settle it.
    pub(super) fn evidence(&self, d: &Destination) -> Vec<String> {
        let (decisive, others): (Vec<&Witness>, Vec<&Witness>) =
            d.place.witnesses.iter().partition(|w| w.decisive);
        let mut lines: Vec<String> =
            decisive.into_iter().map(|witness| format!("+ {}", self.about(d, witness))).collect();
        let signed =
            others.into_iter().filter_map(|witness| Some((sign(witness, &d.place.located)?, witness)));
        let mut beside: Vec<(char, &Witness)> = signed.collect();
        // What objects comes first, and none of it is left out.
        beside.sort_by_key(|(sign, _)| *sign != '-');
        let objections = beside.iter().filter(|(sign, _)| *sign == '-').count();
        let shown = MAX_BESIDE.max(objections);
        let told = beside.iter().take(shown);
        lines.extend(told.map(|(sign, witness)| format!("{sign} {}", self.about(d, witness))));
        if let Some(more) = beside.len().checked_sub(shown).filter(|more| *more > 0) {
            lines.push(
                self.lang.say("! {} more that agree or are not used are in the JSON", &[&count(more as u64)]),
            );
        }
        lines.extend(d.place.remedy.as_deref().map(|remedy| {
            let remedies = self.lang.sentences(remedy, "; ");
            format!("? {}", clean(&remedies))
        }));
        if !d.answered && d.packets_out > 0 {
            lines.push(self.lang.word("! contacted, no reply; address disclosed"));
        } else if !d.answered {
            lines.push(self.lang.word("! the capture holds nothing that the client sent there"));
        }
        lines
    }

    /// What a witness says and, where the destination has several addresses, about which one. A name says it itself.
    fn about(&self, d: &Destination, witness: &Witness) -> String {
        let address = witness.address.as_deref().filter(|_| d.addresses.len() > 1 && witness.frame.is_some());
        let address = address.map(|address| format!("{address}: ")).unwrap_or_default();
        format!("{address}{}", self.witness(witness))
    }

    /// What a witness says, and where that stands: its frame, or its source and that source's date.
    fn witness(&self, witness: &Witness) -> String {
        let says = clean(&self.lang.sentence(&witness.says));
        let frame = witness.input.zip(witness.frame);
        let frame = frame.map(|(input, frame)| format!(" ({})", self.frame(input, frame)));
        let source = frame.is_none().then(|| {
            let dated = witness
                .dated
                .as_deref()
                .map(|date| self.lang.say(", of {date}", &[&date]))
                .unwrap_or_default();
            self.lang.say("; source: {}{dated}", &[&clean(&source_of(witness, self.lang)), &dated])
        });
        let stale = stale(witness).map(|stale| self.lang.word(stale)).unwrap_or_default();
        format!("{says}{}{}{stale}", frame.unwrap_or_default(), source.unwrap_or_default())
    }

    pub(super) fn listing(&self, d: &Destination) -> String {
        let hint = d
            .listing_hint
            .as_deref()
            .map(|hint| format!("; {}", self.lang.sentence(hint)))
            .unwrap_or_default();
        match (d.listing.as_str(), &d.register, &d.register_entry) {
            ("listed", Some(register), Some(entry)) => {
                self.lang.say("listed in {register} as {entry}", &[&register, &entry])
            }
            ("unlisted", Some(register), _) => {
                self.lang.say("unlisted in {register}{hint}", &[&register, &hint])
            }
            ("undecided", Some(register), _) => {
                self.lang.say("not decided for {register}{hint}", &[&register, &hint])
            }
            ("not_a_recipient", ..) => self.lang.word("no recipient"),
            ("no_register", ..) if !self.is_switched_off => self.lang.word("no register covers this day"),
            _ => self.lang.word("not compared"),
        }
    }

    /// Names are host names, so they are visible ASCII.
    pub(super) fn named(&self, all: &[Name]) -> String {
        let mut names: BTreeMap<&str, Vec<&Name>> = BTreeMap::new();
        for name in all {
            names.entry(&name.name).or_default().push(name);
        }
        let said = |name: &&Name| {
            format!("{}, {}", origin(name.origin, self.lang), self.frame(name.input, name.frame))
        };
        let told = |all: Vec<&Name>| all.iter().map(said).collect::<Vec<_>>().join("; ");
        let more = names.len().saturating_sub(MAX_NAMES);
        let shown = names.into_iter().take(MAX_NAMES);
        let mut names: Vec<String> = shown.map(|(name, all)| format!("{name} ({})", told(all))).collect();
        if more > 0 {
            names.push(self.lang.say("{} more", &[&count(more as u64)]));
        }
        names.join(", ")
    }

    pub(super) fn traffic(&self, d: &Destination) -> String {
        self.lang.say(
            "{} out, {} in; {}; {}",
            &[
                &size(d.bytes_out),
                &size(d.bytes_in),
                &self.lang.plural(d.flows, "flow", "flows"),
                &self.frames((d.input, d.first_frame), (d.last_input, d.last_frame)),
            ],
        )
    }

    /// `frame 7`, or `frame 7 of [2]` where there are several inputs.
    pub(super) fn frame(&self, input: u32, frame: u64) -> String {
        if self.has_many_inputs {
            self.lang.say("frame {frame} of [{input}]", &[&frame, &input])
        } else {
            self.lang.say("frame {frame}", &[&frame])
        }
    }

    pub(super) fn frames(&self, first: (u32, u64), last: (u32, u64)) -> String {
        match (self.has_many_inputs, first.0 == last.0) {
            (false, _) => self.lang.say("frames {} to {}", &[&first.1, &last.1]),
            (true, true) => self.lang.say("frames {} to {} of [{}]", &[&first.1, &last.1, &first.0]),
            (true, false) => {
                self.lang.say("{} to {}", &[&self.frame(first.0, first.1), &self.frame(last.0, last.1)])
            }
        }
    }

    fn against(&mut self, against: &Against) {
        let moved = count(against.moved.len() as u64);
        self.title(&self.lang.say(
            "Read by {} ({}), findings that move: {moved}",
            &[&clean(&against.file), &self.lang.id(&against.kind), &moved],
        ));
        for row in &against.moved {
            self.wrapped(&clean(&title(row)), "  - ", "    ");
            let at = self.frame(row.input, row.first_frame);
            self.moved("from", &words_of(&row.before, self.lang));
            self.moved("to", &words_of(&row.after, self.lang));
            self.moved("flows", &self.lang.say("{}, first in {at}", &[&count(row.flows), &at]));
            for why in &row.why {
                self.moved("why", &clean(&self.lang.sentence(why)));
            }
        }
    }

    fn moved(&mut self, label: &str, text: &str) {
        let label = self.lang.word(label);
        self.wrapped(&format!("{label:<6} {text}"), "    ", "           ");
    }

    fn quality(&mut self, report: &Report) {
        self.title(&self.lang.word("What the capture could not show"));
        for remark in &report.quality.remarks {
            self.wrapped(&clean(&self.lang.sentence(remark)), "  - ", "    ");
        }
        for anomaly in &report.anomalies {
            self.wrapped(&self.anomaly(anomaly), "  - ", "    ");
        }
    }

    /// What was odd, how often, and where first.
    pub(super) fn anomaly(&self, anomaly: &Anomaly) -> String {
        let at =
            anomaly.frame.map(|frame| self.lang.say("; first in {}", &[&self.frame(anomaly.input, frame)]));
        let what = clean(&self.lang.sentence(&anomaly.what));
        // Damage is one thing at one place; everything else is counted.
        let text = if anomaly.offset.is_some() { what } else { format!("{what}: {}", count(anomaly.count)) };
        format!("{text}{}.", at.unwrap_or_default())
    }

    fn sources(&mut self, report: &Report) {
        self.title(&self.lang.word("Compared with, and data used"));
        if report.quality.register_switched_off {
            self.wrapped(&self.lang.word(SWITCHED_OFF), "  - ", "    ");
        }
        for register in &report.registers {
            self.wrapped(&compared(register, self.lang), "  - ", "    ");
            if !register.entries_not_seen.is_empty() {
                let ids = register.entries_not_seen.join(", ");
                self.wrapped(
                    &self.lang.say("in force, and in no traffic of this capture: {}", &[&clean(&ids)]),
                    "    ",
                    "    ",
                );
            }
        }
        for source in &report.data_sources {
            self.wrapped(&used(source, self.lang), "  - ", "    ");
        }
    }

    fn title(&mut self, title: &str) {
        self.text.push('\n');
        self.emphasised(&wrap(title, WIDTH, "", "  "));
    }

    fn field(&mut self, label: &str, text: &str) {
        let label = if label.is_empty() { String::new() } else { self.lang.word(label) };
        self.wrapped(text, &format!("     {label:<9}"), "              ");
    }

    fn wrapped(&mut self, text: &str, first: &str, rest: &str) {
        let lines = wrap(text, WIDTH, first, rest);
        self.line(&lines);
    }

    fn emphasised(&mut self, text: &str) {
        match self.color {
            Color::Always => self.line(&format!("\u{1b}[1m{text}\u{1b}[0m")),
            Color::Never => self.line(text),
        }
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }
}

/// That nothing was compared, where the user wanted that.
pub(super) const SWITCHED_OFF: &str =
    "no register of declared transfers, by the user's choice (--register none)";
const INDENT: &str = "     ";
/// Witnesses of one destination that are shown beside those that its place rests on.
const MAX_BESIDE: usize = 8;
/// Names of one destination that are shown.
const MAX_NAMES: usize = 6;

/// What an input is: its size, its time, its hash, and where it is damaged.
pub(super) fn input_lines(input: &Input, lang: Lang) -> Vec<String> {
    let packed = input.compression.as_deref().map(|c| format!(", {c}")).unwrap_or_default();
    let frames = lang.plural(input.frames, "frame", "frames");
    let mut lines = vec![format!("{}{packed}, {}, {frames}", input.format, size(input.size))];
    if let (Some(start), Some(end)) = (&input.start, &input.end) {
        lines.push(lang.say("{start} to {end}", &[&start, &end]));
    }
    let hash = input.sha256.clone().unwrap_or_else(|| lang.word("not hashed"));
    lines.push(format!("sha256 {hash}"));
    if let Some(damage) = &input.damage {
        let analysed = damage.resumed_at.map_or_else(
            || lang.word("What came before it is analysed."),
            |at| lang.say("What came before it is analysed, and what follows from byte {}.", &[&count(at)]),
        );
        lines.push(lang.say(
            "DAMAGED at byte {}, after frame {}: {}. {analysed}",
            &[
                &count(damage.offset),
                &count(damage.after_frame),
                &clean(&lang.sentence(&damage.what)),
                &analysed,
            ],
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{destination, flagged, third_party};

    #[test]
    fn every_destination_stands_in_exactly_one_part() {
        for axis in ["eea", "outside", "undetermined", "local", "participant"] {
            for grade in ["confirmed", "likely", "possible", "conflict", "anycast", "undetermined", "local"] {
                for d in [destination(axis, grade), third_party("Google LLC")] {
                    assert_eq!(PARTS.iter().filter(|part| (part.holds)(&d)).count(), 1, "{axis} {grade}");
                }
            }
        }
        for grade in ["confirmed", "likely", "possible"] {
            assert_eq!(PARTS.iter().filter(|part| (part.holds)(&flagged(grade))).count(), 1, "{grade}");
        }
    }
}

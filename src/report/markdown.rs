//! The report in Markdown, for a comment on a pull request and for an annex: the answer first, then a table for each part of
//! the destinations, with what it rests on folded away where the reader can fold, and readable where not.
//!
//! Input: a [`Report`], and how long the text may be. Output: text as GitHub and GitLab read it. Must not: compute anything,
//! let text from a capture through raw, or leave something out without saying what.

use std::fmt::Write as _;

use crate::client::Catalogue;
use crate::report::headline::is_of_others;
use crate::report::lang::Lang;
use crate::report::legend::LEGEND;
use crate::report::markdown::cut::Shown;
use crate::report::markdown::escape::{code, prose};
use crate::report::schema::{Destination, Report};
use crate::report::table::{self, PARTS};
use crate::report::text::{count, size};
use crate::verdict::Axis;

mod cut;
mod document;
mod escape;
mod rest;
mod session;
mod study;

pub use self::document::document;

/// The characters that a comment on GitHub may have.
pub const COMMENT: usize = 65_536;

/// Writes the report in at most `most` characters. What is over is left out, the least urgent first, and the text says so:
/// what the last destinations rest on, then rows of those that are not outside the EEA, then the last sections. Every form has
/// its headline.
#[must_use]
pub fn markdown(report: &Report, most: usize, lang: Lang) -> String {
    let words = table::Page::of(report, lang);
    let is_urgent = |d: &&Destination| d.is_client() && d.is_at(Axis::Outside);
    let urgent = report.destinations.iter().filter(is_urgent).count();
    cut::fitted(most, report.destinations.len(), urgent, lang, |shown| whole(report, &words, shown))
}

fn whole(report: &Report, words: &table::Page, shown: Shown) -> String {
    let mut document = Document { text: String::new(), words, left: shown };
    document.headline(report);
    document.cut(report, shown);
    document.study(report);
    document.destinations(report);
    document.sessions(report);
    document.steps(report);
    document.tunnels(report);
    document.telemetry(report);
    document.claims(report);
    document.against(report);
    document.quality(report);
    document.inputs(report);
    document.sources(report);
    document.text
}

struct Document<'a> {
    text: String,
    /// How the table says the same.
    words: &'a table::Page,
    /// What may still be written of the destinations to come.
    left: Shown,
}

impl Document<'_> {
    fn headline(&mut self, report: &Report) {
        self.line(&self.words.lang.say("# Where the {} client's traffic went", &[&Catalogue::CLIENT]));
        self.line("");
        for line in &report.headline.lines {
            self.item(&self.words.lang.sentence(line));
        }
        if is_of_others(report) {
            let frames = self.words.lang.plural(report.totals.frames, "frame", "frames");
            let flows = self.words.lang.plural(report.totals.flows, "flow", "flows");
            self.item(&self.words.lang.say("The {frames} read hold {flows} of others.", &[&frames, &flows]));
        }
    }

    fn destinations(&mut self, report: &Report) {
        for part in PARTS {
            let members: Vec<&Destination> = report.destinations.iter().filter(|d| (part.holds)(d)).collect();
            if !members.is_empty() {
                self.part(&self.words.lang.word(part.title), &members);
            }
        }
        if !report.destinations.is_empty() {
            self.fold(&self.words.lang.word("How to read an entry"));
            for (label, text) in LEGEND.iter().filter(|(label, _)| *label != "evidence") {
                let [label, text] = [label, text].map(|text| self.words.lang.word(text));
                self.item(&format!("{label}: {text}"));
            }
            self.unfold();
        }
    }

    fn part(&mut self, title: &str, members: &[&Destination]) {
        self.title(&format!("{title}: {}", members.len()));
        let (rows, evidence) = self.left.take(members.len());
        if rows > 0 {
            self.head(&["No.", "Destination", "Run by", "Service", "Place", "Listing", "Traffic"]);
        }
        for d in members.iter().take(rows) {
            let place = table::place(d, self.words.lang);
            let place = match table::law(d, self.words.lang) {
                Some(law) => format!("{place}; {law}"),
                None => place,
            };
            self.row(&[
                d.id.to_string(),
                code(&d.host_pattern),
                prose(&table::run_by(d, self.words.lang)),
                prose(&self.words.lang.id(&d.service)),
                prose(&place),
                prose(&self.words.listing(d)),
                prose(&self.words.traffic(d)),
            ]);
        }
        let lang = self.words.lang;
        match members.len() - rows {
            0 => {}
            left => self.line(&format!("\n{}", lang.say("{} left out here.", &[&count(left as u64)]))),
        }
        if evidence == 0 {
            return;
        }
        let all = lang.plural(members.len() as u64, "destination", "destinations");
        let shown = if evidence < members.len() {
            lang.say("the first {first} of {all}", &[&evidence, &all])
        } else {
            all
        };
        self.fold(&lang.say("What these rest on ({})", &[&shown]));
        for d in members.iter().take(evidence) {
            self.evidence(d);
        }
        self.unfold();
    }

    /// Says what is left out of the destinations.
    fn cut(&mut self, report: &Report, shown: Shown) {
        let all = report.destinations.len();
        let [rows, evidence] = [shown.rows, shown.evidence].map(|shown| all.saturating_sub(shown));
        if rows + evidence == 0 {
            return;
        }
        let lang = self.words.lang;
        let of = |left: usize| match lang.plural(all as u64, "destination", "destinations") {
            whole if left == all => lang.say("all {whole}", &[&whole]),
            whole => lang.say("{left} of {whole}", &[&count(left as u64), &whole]),
        };
        let mut left = lang.say("what {of} rest on", &[&of(evidence)]);
        if rows > 0 {
            left = lang.say("{left}, and the rows of {of}", &[&left, &of(rows)]);
        }
        self.item(&lang.say(
            "Cut to a length ({OPTION}): it leaves out {left}. The HTML page and the JSON have all of it.",
            &[&OPTION, &left],
        ));
    }

    fn evidence(&mut self, d: &Destination) {
        self.line(&format!("#### {} {}", d.id, code(&d.host_pattern)));
        self.line("");
        for line in self.words.evidence(d) {
            let (sign, text) = line.split_at_checked(1).unwrap_or(("", &line));
            self.item(&format!("{}: {text}", self.words.lang.word(meaning(sign))));
        }
        if !d.phases.is_empty() {
            self.item(&self.words.lang.say("began in: {}", &[&table::phases(d, self.words.lang)]));
        }
        let label = self.words.lang.word(if d.is_client() { "known by" } else { "not tied" });
        self.item(&format!("{label}: {}", self.words.lang.sentence(&d.because)));
        if !d.names.is_empty() {
            self.item(&self.words.lang.say("named: {}", &[&self.words.named(&d.names)]));
        }
        self.listed("addresses", &d.addresses);
        if let Some(network) = table::network(d, self.words.lang) {
            self.item(&self.words.lang.say("network: {network}", &[&network]));
        }
        self.item(&self.words.lang.word("Wireshark display filter:"));
        self.line("");
        // It is made of addresses and numbers alone.
        self.line(&format!("      {}", d.display_filter));
        self.line("");
    }

    /// A list of things that are no words, as far as a reader takes them in.
    fn listed(&mut self, label: &str, all: &[String]) {
        let shown: Vec<String> = all.iter().take(MAX_LISTED).map(|one| code(one)).collect();
        let more = all.len().saturating_sub(MAX_LISTED);
        let more =
            if more > 0 { self.words.lang.say(", {} more", &[&count(more as u64)]) } else { String::new() };
        if !shown.is_empty() {
            self.line(&format!("- {}: {}{more}", self.words.lang.word(label), shown.join(", ")));
        }
    }

    fn inputs(&mut self, report: &Report) {
        if report.inputs.is_empty() {
            return;
        }
        self.title(&self.words.lang.word("Inputs"));
        self.head(&["No.", "Capture", "What", "From", "To", "SHA-256"]);
        for (number, input) in report.inputs.iter().enumerate() {
            let packed = input.compression.as_deref().map(|c| format!(", {c}")).unwrap_or_default();
            let frames = self.words.lang.plural(input.frames, "frame", "frames");
            let damage = input.damage.as_ref().map(|damage| {
                self.words.lang.say(
                    "; DAMAGED at byte {}, after frame {}",
                    &[&count(damage.offset), &count(damage.after_frame)],
                )
            });
            let what = format!(
                "{}{packed}, {}, {frames}{}",
                input.format,
                size(input.size),
                damage.unwrap_or_default()
            );
            let time =
                |time: &Option<String>| time.as_deref().map_or_else(|| self.words.lang.word("unknown"), code);
            let hash = input.sha256.as_deref().map_or_else(|| self.words.lang.word("not hashed"), code);
            self.row(&[
                number.to_string(),
                code(&input.path),
                prose(&what),
                time(&input.start),
                time(&input.end),
                hash,
            ]);
        }
    }

    fn title(&mut self, title: &str) {
        self.text.truncate(self.text.trim_end().len());
        let _ = write!(self.text, "\n\n## {}\n\n", prose(title));
    }

    fn item(&mut self, text: &str) {
        self.line(&format!("- {}", prose(text)));
    }

    fn head(&mut self, columns: &[&str]) {
        self.row(&columns.iter().map(|column| self.words.lang.word(column)).collect::<Vec<_>>());
        self.line(&format!("|{}", "---|".repeat(columns.len())));
    }

    /// A row of cells that are Markdown already.
    fn row(&mut self, cells: &[String]) {
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    /// Begins what a reader may leave folded; without HTML it stands there unfolded.
    fn fold(&mut self, summary: &str) {
        let _ = write!(self.text, "\n<details>\n<summary>{summary}</summary>\n\n");
    }

    fn unfold(&mut self) {
        self.text.truncate(self.text.trim_end().len());
        self.text.push_str("\n\n</details>\n");
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }
}

/// The signs of the table in words.
fn meaning(sign: &str) -> &'static str {
    match sign {
        "+" => "the place rests on it",
        "~" => "agrees and is not counted",
        "-" => "says otherwise",
        "?" => "could settle it",
        _ => "note",
    }
}

/// What names the length.
const OPTION: &str = "--max-markdown";
/// Addresses of one destination that are shown; the JSON has them all.
const MAX_LISTED: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{destination, flagged, report, third_party};

    #[test]
    fn the_headline_is_first_and_hostile_names_stay_in_their_cells() {
        let mut hostile = flagged("likely");
        hostile.host_pattern = "</details><script>|`@all`\n# x".to_owned();
        hostile.because = "https://evil.example | [a](b)".to_owned();
        hostile.recipient_name = Some("@octo <b>".to_owned());
        let given = report(vec![hostile, destination("undetermined", "anycast"), third_party("Google LLC")]);
        let text = markdown(&given, COMMENT, Lang::ENGLISH);
        let first = text.lines().nth(2).unwrap();
        assert!(first.starts_with("- Shown outside the EEA: 1 destination"), "{first}");
        assert!(text.contains("``</details><script>\\u{7c}`@all`\\u{a}# x``"), "{text}");
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| 1 |")).collect();
        assert!(rows.len() == 3 && rows.iter().all(|row| row.matches('|').count() == 8), "{rows:?}");
        assert_eq!(text.matches("\n<details>\n").count(), text.matches("\n</details>\n").count());
    }

    #[test]
    fn a_long_report_fits_into_a_comment_and_says_what_it_leaves_out() {
        let many = (0..2_000).map(|n| if n < 20 { flagged("likely") } else { destination("eea", "likely") });
        let given = report(many.collect());
        let text = markdown(&given, COMMENT, Lang::ENGLISH);
        let length = text.chars().count();
        assert!(length <= COMMENT && length > COMMENT - 1_000, "{length}");
        let cut = "- Cut to a length (`--max-markdown`): it leaves out what all 2,000 destinations rest on, and the rows of ";
        assert!(text.contains(cut) && text.contains(" left out here.\n"), "{}", &text[..1_000]);
        assert!(text.contains("## Compared with") && !text.contains("**Cut here.**"));
        let short = markdown(&given, 5_000, Lang::ENGLISH);
        assert!(short.chars().count() <= 5_000 && short.contains("**Cut here.**"), "{short}");
        assert!(markdown(&given, usize::MAX, Lang::ENGLISH).contains("What these rest on (20 destinations)"));
    }
}

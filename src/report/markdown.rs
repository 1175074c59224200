//! The report in Markdown, for a comment on a pull request and for an annex: the answer first, then a table for each part of
//! the destinations, with what it rests on folded away where the reader can fold, and readable where not.
//!
//! Input: a [`Report`]. Output: text as GitHub and GitLab read it. Must not: compute anything, or let text from a capture
//! through raw.

use std::fmt::Write as _;

use crate::client::Catalogue;
use crate::report::legend::LEGEND;
use crate::report::markdown::escape::{code, prose};
use crate::report::schema::{Destination, Report};
use crate::report::table::{self, PARTS};
use crate::report::text::{count, plural, size};

mod document;
mod escape;
mod rest;
mod session;
mod study;

pub use self::document::document;

/// Writes the report.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut document = Document { text: String::new(), words: table::Page::of(report) };
    document.headline(report);
    document.study(report);
    document.destinations(report);
    document.sessions(report);
    document.steps(report);
    document.tunnels(report);
    document.claims(report);
    document.against(report);
    document.quality(report);
    document.inputs(report);
    document.sources(report);
    document.text
}

struct Document {
    text: String,
    /// How the table says the same.
    words: table::Page,
}

impl Document {
    fn headline(&mut self, report: &Report) {
        self.line(&format!("# Where the {} client's traffic went", Catalogue::CLIENT));
        self.line("");
        for line in &report.headline.lines {
            self.item(line);
        }
        if !report.headline.recognised {
            let frames = plural(report.totals.frames, "frame", "frames");
            let flows = plural(report.totals.flows, "flow", "flows");
            self.item(&format!("The {frames} read hold {flows} of others."));
        }
    }

    fn destinations(&mut self, report: &Report) {
        for part in PARTS {
            let members: Vec<&Destination> = report.destinations.iter().filter(|d| (part.holds)(d)).collect();
            if !members.is_empty() {
                self.part(part.title, &members);
            }
        }
        if !report.destinations.is_empty() {
            self.fold("How to read an entry");
            for (label, text) in LEGEND.iter().filter(|(label, _)| *label != "evidence") {
                self.item(&format!("{label}: {text}"));
            }
            self.unfold();
        }
    }

    fn part(&mut self, title: &str, members: &[&Destination]) {
        self.title(&format!("{title}: {}", members.len()));
        self.head(&["No.", "Destination", "Run by", "Service", "Place", "Listing", "Traffic"]);
        for d in members {
            let place = match table::law(d) {
                Some(law) => format!("{}; {law}", table::place(d)),
                None => table::place(d),
            };
            self.row(&[
                d.id.to_string(),
                code(&d.host_pattern),
                prose(&table::run_by(d)),
                prose(&d.service.replace('_', " ")),
                prose(&place),
                prose(&self.words.listing(d)),
                prose(&self.words.traffic(d)),
            ]);
        }
        self.fold(&format!(
            "What these rest on ({})",
            plural(members.len() as u64, "destination", "destinations")
        ));
        for d in members {
            self.evidence(d);
        }
        self.unfold();
    }

    fn evidence(&mut self, d: &Destination) {
        self.line(&format!("#### {} {}", d.id, code(&d.host_pattern)));
        self.line("");
        for line in self.words.evidence(d) {
            let (sign, text) = line.split_at_checked(1).unwrap_or(("", &line));
            self.item(&format!("{}: {text}", meaning(sign)));
        }
        if !d.phases.is_empty() {
            self.item(&format!("began in: {}", table::phases(d)));
        }
        self.item(&format!("{}: {}", if d.is_client() { "known by" } else { "not tied" }, d.because));
        if !d.names.is_empty() {
            self.item(&format!("named: {}", self.words.named(&d.names)));
        }
        self.listed("addresses", &d.addresses);
        if let Some(network) = table::network(d) {
            self.item(&format!("network: {network}"));
        }
        self.item("Wireshark display filter:");
        self.line("");
        // It is made of addresses and numbers alone.
        self.line(&format!("      {}", d.display_filter));
        self.line("");
    }

    /// A list of things that are no words, as far as a reader takes them in.
    fn listed(&mut self, label: &str, all: &[String]) {
        let shown: Vec<String> = all.iter().take(MAX_LISTED).map(|one| code(one)).collect();
        let more = all.len().saturating_sub(MAX_LISTED);
        let more = if more > 0 { format!(", {} more", count(more as u64)) } else { String::new() };
        if !shown.is_empty() {
            self.line(&format!("- {label}: {}{more}", shown.join(", ")));
        }
    }

    fn inputs(&mut self, report: &Report) {
        self.title("Inputs");
        self.head(&["No.", "Capture", "What", "From", "To", "SHA-256"]);
        for (number, input) in report.inputs.iter().enumerate() {
            let packed = input.compression.as_deref().map(|c| format!(", {c}")).unwrap_or_default();
            let frames = plural(input.frames, "frame", "frames");
            let damage = input.damage.as_ref().map(|damage| {
                format!(
                    "; DAMAGED at byte {}, after frame {}",
                    count(damage.offset),
                    count(damage.after_frame)
                )
            });
            let what = format!(
                "{}{packed}, {}, {frames}{}",
                input.format,
                size(input.size),
                damage.unwrap_or_default()
            );
            let time = |time: &Option<String>| time.as_deref().map_or_else(|| "unknown".to_owned(), code);
            let hash = input.sha256.as_deref().map_or_else(|| "not hashed".to_owned(), code);
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
        self.row(&columns.iter().map(ToString::to_string).collect::<Vec<_>>());
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
        let text = markdown(&given);
        let first = text.lines().nth(2).unwrap();
        assert!(first.starts_with("- Shown outside the EEA: 1 destination"), "{first}");
        assert!(text.contains("``</details><script>\\u{7c}`@all`\\u{a}# x``"), "{text}");
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| 1 |")).collect();
        assert!(rows.len() == 3 && rows.iter().all(|row| row.matches('|').count() == 8), "{rows:?}");
        assert_eq!(text.matches("\n<details>\n").count(), text.matches("\n</details>\n").count());
    }
}

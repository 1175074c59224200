//! The report as one page of HTML that needs nothing else: no file, no network, no script for what it says.
//!
//! Texts are those of the table. Drawings repeat what lists and tables say. A content security policy allows the page's own
//! style and script, by their hashes, and nothing more.
//!
//! Input: a [`Report`]. Output: text. Must not: compute more than sums and positions, or let a text out unescaped.

use askama::Template;
use sha2::{Digest as _, Sha256};

use crate::report::headline::is_of_others;
use crate::report::html::entry::Part;
use crate::report::html::flows::Flows;
use crate::report::html::lists::{Claims, Item, Piece, SessionView};
use crate::report::html::map::Map;
use crate::report::html::sankey::Sankey;
use crate::report::html::study::StudyView;
use crate::report::lang::Lang;
use crate::report::legend::LEGEND;
use crate::report::schema::Report;
use crate::report::table::Page as Words;

mod document;
mod draw;
mod entry;
mod escape;
mod flows;
mod lists;
mod map;
mod sankey;
mod study;
mod timeline;
mod translated;

pub use self::document::document;

/// Writes the report.
#[must_use]
pub fn html(report: &Report, lang: Lang) -> String {
    // Memory takes what is written, and no value of the template can fail to be shown.
    Page::new(report, lang).render().unwrap_or_default()
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    lang: Lang,
    title: String,
    policy: String,
    style: &'static str,
    script: &'static str,
    tool: String,
    headline: Vec<String>,
    others: Option<String>,
    sections: Vec<(String, String)>,
    inputs: Vec<Item>,
    legend: Vec<[String; 2]>,
    is_nothing_outside: bool,
    parts: Vec<Part>,
    sessions: Vec<SessionView>,
    map: Option<Map>,
    sankey: Option<Sankey>,
    steps: Vec<Item>,
    tunnels: Vec<Item>,
    telemetry: Vec<Item>,
    claims: Option<Claims>,
    study: Option<StudyView>,
    against: Option<(String, Vec<Item>)>,
    quality: Vec<String>,
    sources: Vec<Vec<Piece>>,
    flows: Option<Flows>,
}

impl Page {
    fn new(report: &Report, lang: Lang) -> Self {
        let words = Words::of(report, lang);
        let headline = &report.headline;
        let nothing = headline.recognised && headline.outside == 0 && headline.outside_possible == 0;
        let mut page = Self {
            lang,
            title: title(report, lang),
            policy: policy(),
            style: STYLE,
            script: SCRIPT,
            tool: format!("{} {}", report.tool.name, report.tool.version),
            headline: headline.lines.iter().map(|line| lang.sentence(line)).collect(),
            others: others(report, lang),
            sections: Vec::new(),
            inputs: lists::inputs(report, lang),
            legend: LEGEND.iter().map(|(label, text)| [label, text].map(|text| lang.word(text))).collect(),
            is_nothing_outside: nothing,
            parts: entry::parts(report, &words),
            sessions: lists::sessions(report, &words),
            map: map::map(&report.destinations, &report.inputs).map(|map| translated::map(map, lang)),
            sankey: sankey::sankey(&report.destinations, lang),
            steps: lists::steps(report, &words),
            tunnels: lists::tunnels(report, &words),
            telemetry: lists::telemetry(report, &words),
            claims: lists::claims(report, &words),
            study: study::study(report, lang),
            against: lists::against(report, &words),
            quality: lists::quality(report, &words),
            sources: lists::sources(report, lang),
            flows: flows::flows(report, lang),
        };
        page.sections = page.contents();
        page
    }

    /// The sections that the page has, by the names of their places in it.
    fn contents(&self) -> Vec<(String, String)> {
        let parts = self.parts.iter().map(|part| (part.id.clone(), part.title.clone()));
        let sections = [
            ("sessions", "Sessions, with a timeline", !self.sessions.is_empty()),
            ("map", "Map of places", self.map.is_some()),
            ("streams", "From service to zone", self.sankey.is_some()),
            ("steps", "Steps of the scenario", !self.steps.is_empty()),
            ("tunnels", "Tunnels that were opened", !self.tunnels.is_empty()),
            ("telemetry", "Telemetry", !self.telemetry.is_empty()),
            ("claims", "Documented claims", self.claims.is_some()),
            ("against", "Read by something else", self.against.is_some()),
            ("quality", "What the capture could not show", true),
            ("sources", "Methods, and data used", true),
            ("flows", "Appendix: every flow", self.flows.is_some()),
        ];
        let there = sections.into_iter().filter(|(.., is_there)| *is_there);
        let named = |id: &str, title: &str| (id.to_owned(), self.lang.word(title));
        let study = self.study.iter().map(|_| named("study", "Study: cells, matrix, differences"));
        study.chain(parts).chain(there.map(|(id, title, _)| named(id, title))).collect()
    }
}

/// What stands in a browser's tab: the first input's name.
fn title(report: &Report, lang: Lang) -> String {
    let name = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned();
    match report.inputs.as_slice() {
        [] => lang.word("Where the traffic went"),
        [one] => lang.say("Where the traffic went: {}", &[&name(&one.path)]),
        several => lang.say("Where the traffic went: {} captures", &[&several.len()]),
    }
}

/// What there is where nothing of the client's is.
fn others(report: &Report, lang: Lang) -> Option<String> {
    let frames = lang.plural(report.totals.frames, "frame", "frames");
    let flows = lang.plural(report.totals.flows, "flow", "flows");
    is_of_others(report).then(|| lang.say("The {frames} read hold {flows} of others.", &[&frames, &flows]))
}

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What the page may load and run: its own style and its own script.
fn policy() -> String {
    let [style, script] = [STYLE, SCRIPT].map(|text| base64(&Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"
    )
}

/// Bytes in base 64 (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let six = (bits >> (18 - 6 * place)) & 63;
            let letter = LETTERS.get(six as usize).copied().unwrap_or(b'=');
            out.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{Settings, inspect};
    use crate::report::sample::{destination, flagged, report as of, third_party};
    use crate::report::{Options, build};

    #[test]
    fn the_policy_names_the_page_s_own_style_and_script() {
        let page = html(&of(vec![flagged("likely")]), Lang::ENGLISH);
        let inside =
            |from: &str, to: &str| page.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
        let policy = inside("Security-Policy\" content=\"", "\">").replace("&#39;", "'");
        for (kind, text) in
            [("style", inside("<style>", "</style>")), ("script", inside("<script>", "</script>"))]
        {
            let hash = base64(&Sha256::digest(text));
            assert!(policy.contains(&format!("{kind}-src 'sha256-{hash}'")), "{kind}: {policy}");
        }
        assert!(policy.starts_with("default-src 'none'"));
        assert_eq!(
            [&b""[..], b"f", b"fo", b"foo", b"foobar"].map(base64),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYmFy"]
        );
    }

    #[test]
    fn nothing_in_a_page_is_loaded_or_styled_from_outside_the_policy() {
        let page = html(&of(vec![flagged("likely"), third_party("Google LLC")]), Lang::ENGLISH);
        for forbidden in [" src=", " style=", "<link", "@import", "<img", "onclick", "<iframe"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        let style = STYLE.replace("url(#", "");
        assert!(!style.contains("url("));
    }

    #[test]
    fn a_name_is_never_markup() {
        let mut hostile = flagged("likely");
        hostile.host_pattern = "</style><script>alert(1)</script>\u{202e}\u{1b}[31m".to_owned();
        let page = html(&of(vec![hostile]), Lang::ENGLISH);
        assert!(!page.contains("<script>alert") && !page.contains(['\u{202e}', '\u{1b}']));
        assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;\\u{202e}\\u{1b}[31m"), "{page}");
    }

    #[test]
    fn every_section_named_is_there_and_absence_is_said() {
        let inspection = inspect(&["captures/eea-meeting.pcapng".into()], Settings::default(), &());
        let report = build(&inspection, Options { show_participants: false, list_flows: true });
        let page = html(&report, Lang::ENGLISH);
        for (id, _) in Page::new(&report, Lang::ENGLISH).sections {
            assert!(page.contains(&format!(" id=\"{id}\"")), "{id}");
        }
        assert!(page.contains("Outside the EEA: none shown"));
        let some = html(&of(vec![destination("outside", "possible")]), Lang::ENGLISH);
        assert!(!some.contains("Outside the EEA: none shown"));
    }
}

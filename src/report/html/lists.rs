//! The lists of the page beside destinations and drawings: inputs, sessions, steps, tunnels, claims, what the captures could not
//! show, and what was used.
//!
//! Input: a report, the words of the table. Output: texts for the template. Must not: leave out what the table says.

use std::collections::BTreeMap;

use crate::claims::Outcome;
use crate::report::against::{title, words_of};
use crate::report::html::map;
use crate::report::html::timeline::{Timeline, timeline};
use crate::report::lang::Lang;
use crate::report::schema::{Claim, Flow, Report, Session, Tunnel};
use crate::report::table::claims::words as outcome_words;
use crate::report::table::session::{MAX_TUNNELS, phase_rule, phase_title, phase_traffic};
use crate::report::table::{self, Page, SWITCHED_OFF};
use crate::report::text::count;

/// A title with lines below it.
pub(super) struct Item {
    /// What it is.
    pub(super) title: String,
    /// What is said of it.
    pub(super) lines: Vec<String>,
}

/// A session.
pub(super) struct SessionView {
    /// Its number.
    pub(super) id: u64,
    /// What it is.
    pub(super) about: Item,
    /// Its meetings.
    pub(super) meetings: Vec<Item>,
    /// What is to be said of its phases as a whole.
    pub(super) caveat: Option<String>,
    /// Its phases: what, from which frame, how sure, by which rule, and what began in it.
    pub(super) phases: Vec<[String; 5]>,
    /// Single events.
    pub(super) milestones: Vec<String>,
    /// The drawing; none where frames have no time.
    pub(super) timeline: Option<Timeline>,
}

/// A claim that was decided.
pub(super) struct ClaimView {
    /// Its id.
    pub(super) id: String,
    /// What became of it.
    pub(super) outcome: String,
    /// Whether something speaks against it.
    pub(super) is_contradicted: bool,
    /// What is stated.
    pub(super) text: String,
    /// Where, why, on which flows, and within which limits.
    pub(super) fields: Vec<(String, String)>,
}

/// The claims.
pub(super) struct Claims {
    /// How many of each outcome.
    pub(super) counts: String,
    /// Those that were decided.
    pub(super) decided: Vec<ClaimView>,
    /// The others: outcome, reason, ids.
    pub(super) others: Vec<[String; 3]>,
}

/// The inputs, by their numbers where there are several.
pub(super) fn inputs(report: &Report, lang: Lang) -> Vec<Item> {
    let item = |(number, input): (usize, &crate::report::schema::Input)| Item {
        title: if report.inputs.len() > 1 {
            format!("[{number}] {}", input.path)
        } else {
            input.path.clone()
        },
        lines: table::input_lines(input, lang),
    };
    report.inputs.iter().enumerate().map(item).collect()
}

/// The sessions.
pub(super) fn sessions(report: &Report, page: &Page) -> Vec<SessionView> {
    // Once for all: a capture may hold many sessions and very many flows.
    let mut flows: BTreeMap<u64, Vec<&Flow>> = BTreeMap::new();
    for flow in &report.flows {
        if let Some(session) = flow.session {
            flows.entry(session).or_default().push(flow);
        }
    }
    let of = |id: u64| flows.get(&id).map(Vec::as_slice).unwrap_or_default();
    report.sessions.iter().map(|each| session(each, of(each.id), report, page)).collect()
}

fn session(session: &Session, flows: &[&Flow], report: &Report, page: &Page) -> SessionView {
    let mut lines = page.session_lines(session);
    let meetings = report.meetings.iter().filter(|meeting| meeting.session == session.id);
    let meetings = meetings.map(|meeting| {
        let [title, lines @ ..] = page.meeting_lines(meeting);
        Item { title, lines: lines.to_vec() }
    });
    let phases = session.phases.iter().map(|phase| {
        [
            phase_title(phase, page.lang),
            page.frame(phase.start_input, phase.start_frame),
            page.lang.id(phase.certainty),
            phase_rule(phase.rule, page.lang),
            phase_traffic(phase, page.lang),
        ]
    });
    SessionView {
        id: session.id,
        about: Item { title: lines.remove(0), lines },
        meetings: meetings.collect(),
        caveat: session
            .may_be_two_clients
            .then(|| page.lang.word("Two clients may be behind this address, so all phases are uncertain.")),
        phases: phases.collect(),
        milestones: session.milestones.iter().map(|milestone| page.milestone(milestone)).collect(),
        timeline: timeline(session, flows, report, page),
    }
}

/// The steps of the tester's script.
pub(super) fn steps(report: &Report, page: &Page) -> Vec<Item> {
    let line = |(label, text): (&str, String)| {
        if label.is_empty() { text } else { format!("{}: {text}", page.lang.word(label)) }
    };
    let steps = report.steps.iter();
    let item =
        |step| Item { title: String::new(), lines: page.step_fields(step).into_iter().map(line).collect() };
    steps.map(|step| Item { title: format!("{}. {}", step.id, step.label), ..item(step) }).collect()
}

/// What is said of telemetry.
pub(super) fn telemetry(report: &Report, page: &Page) -> Vec<Item> {
    let said = report.telemetry.iter().flat_map(|of| page.telemetry_said(of));
    said.map(|said| Item { title: said.title, lines: said.lines }).collect()
}

/// The tunnels: those with the client's flows first, and the others as far as they are few.
pub(super) fn tunnels(report: &Report, page: &Page) -> Vec<Item> {
    let (clients, others): (Vec<&Tunnel>, Vec<&Tunnel>) =
        report.tunnels.iter().partition(|tunnel| tunnel.client_flows > 0);
    let shown = MAX_TUNNELS.max(clients.len());
    let item = |tunnel: &Tunnel| {
        let [title, line] = page.tunnel_lines(tunnel);
        Item { title: format!("{}. {title}", tunnel.id), lines: vec![line] }
    };
    let mut items: Vec<Item> = clients.into_iter().chain(others).take(shown).map(item).collect();
    if let Some(more) = report.tunnels.len().checked_sub(shown).filter(|more| *more > 0) {
        items.push(Item {
            title: page.lang.say("{} more are in the JSON", &[&count(more as u64)]),
            lines: Vec::new(),
        });
    }
    items
}

/// The claims that were put to the captures; `None` where none were.
pub(super) fn claims(report: &Report, page: &Page) -> Option<Claims> {
    let of = |outcome: Outcome| report.claims.iter().filter(move |claim| claim.outcome == outcome.name());
    let counts =
        Outcome::ALL.map(|outcome| (of(outcome).count() as u64, page.lang.word(outcome_words(outcome))));
    let counts = counts.iter().filter(|(number, _)| *number > 0);
    let counts: Vec<String> = counts.map(|(number, words)| format!("{} {words}", count(*number))).collect();
    let decided = [Outcome::Contradicted, Outcome::Supported].into_iter();
    let decided = decided.flat_map(|outcome| of(outcome).map(move |claim| (outcome, claim)));
    let mut others: Vec<[String; 3]> = Vec::new();
    for outcome in [Outcome::NotDecidable, Outcome::NotExercised, Outcome::OutOfScope] {
        for claim in of(outcome) {
            let words = page.lang.word(outcome_words(outcome));
            let why = page.lang.sentence(&claim.brief);
            match others.iter_mut().find(|[known, brief, _]| *known == words && *brief == why) {
                Some([_, _, ids]) => {
                    ids.push_str(", ");
                    ids.push_str(&claim.id);
                }
                None => others.push([words, why, claim.id.clone()]),
            }
        }
    }
    (!report.claims.is_empty()).then(|| Claims {
        counts: counts.join(", "),
        decided: decided.map(|(outcome, claim)| decided_claim(outcome, claim, page)).collect(),
        others,
    })
}

fn decided_claim(outcome: Outcome, claim: &Claim, page: &Page) -> ClaimView {
    let lang = page.lang;
    let is_contradicted = matches!(outcome, Outcome::Contradicted);
    let stated = claim.sources.iter().map(|source| {
        let place = lang.name(&source.place);
        let at = format!("{}, {}: {}, {place}", source.publisher, source.date, source.document);
        ("Stated", at)
    });
    let mut fields: Vec<(&str, String)> = stated.collect();
    fields.push(("Reason", lang.sentences(&claim.reason, "; ")));
    if claim.flows_total > 0 {
        fields.push(("Flows", page.flows_of(claim)));
    }
    fields.push(("Limits", lang.name(&claim.limits)));
    ClaimView {
        id: claim.id.clone(),
        outcome: lang.word(if is_contradicted { "contradicted" } else { "nothing speaks against it" }),
        is_contradicted,
        text: lang.name(&claim.text),
        fields: fields.into_iter().map(|(label, text)| (lang.word(label), text)).collect(),
    }
}

/// What moves when the captures are read by something else; the title first.
pub(super) fn against(report: &Report, page: &Page) -> Option<(String, Vec<Item>)> {
    let against = report.against.as_ref()?;
    let moved = against.moved.iter().map(|row| {
        let flows = page.lang.plural(row.flows, "flow", "flows");
        let first = page.frame(row.input, row.first_frame);
        let mut lines = vec![
            page.lang.say("from: {}", &[&words_of(&row.before, page.lang)]),
            page.lang.say("to: {}", &[&words_of(&row.after, page.lang)]),
            page.lang.say("{flows}, first in {first}", &[&flows, &first]),
        ];
        lines.extend(row.why.iter().map(|why| page.lang.say("why: {why}", &[&page.lang.sentence(why)])));
        Item { title: title(row), lines }
    });
    let number = count(against.moved.len() as u64);
    let heading = page.lang.say(
        "Read by {} ({}), findings that move: {number}",
        &[&against.file, &page.lang.id(&against.kind), &number],
    );
    Some((heading, moved.collect()))
}

/// What the captures could not show.
pub(super) fn quality(report: &Report, page: &Page) -> Vec<String> {
    let remarks = report.quality.remarks.iter().map(|remark| page.lang.sentence(remark));
    let odd = report.anomalies.iter().map(|anomaly| page.anomaly(anomaly));
    remarks.chain(odd).collect()
}

/// A stretch of text, or an address of the web that licences ask a page to link to.
pub(super) struct Piece {
    /// The text.
    pub(super) text: String,
    /// Whether it is such an address.
    pub(super) is_link: bool,
}

/// Text with its addresses of the web by themselves.
fn pieces(text: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("https://") {
        let (before, from) = rest.split_at(at);
        let ends = |c: char| c.is_whitespace() || c.is_control() || "),;<>\"'".contains(c);
        let (link, after) = from.split_at(from.find(ends).unwrap_or(from.len()));
        out.push(Piece { text: before.to_owned(), is_link: false });
        out.push(Piece { text: link.to_owned(), is_link: true });
        rest = after;
    }
    out.push(Piece { text: rest.to_owned(), is_link: false });
    out
}

/// The registers that were compared with, and the data used.
pub(super) fn sources(report: &Report, lang: Lang) -> Vec<Vec<Piece>> {
    let switched_off = report.quality.register_switched_off;
    let mut lines: Vec<String> = switched_off.then(|| lang.word(SWITCHED_OFF)).into_iter().collect();
    for register in &report.registers {
        lines.push(table::compared(register, lang));
        if !register.entries_not_seen.is_empty() {
            let ids = register.entries_not_seen.join(", ");
            lines.push(
                lang.say("{}: in force, and in no traffic of this capture: {ids}", &[&register.name, &ids]),
            );
        }
    }
    lines.extend(report.data_sources.iter().map(|source| table::used(source, lang)));
    lines.push(lang.sentence(&map::source()));
    lines.iter().map(|line| pieces(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_web_is_a_link_and_nothing_else_is() {
        let made = |text: &str| {
            pieces(text).into_iter().filter(|piece| piece.is_link).map(|p| p.text).collect::<Vec<_>>()
        };
        assert_eq!(
            made("DB-IP (https://db-ip.com), and https://www.nro.net"),
            ["https://db-ip.com", "https://www.nro.net"]
        );
        assert!(made("javascript:alert(1) http://plain.example data:x").is_empty());
        let text = "a https://b.example) c";
        assert_eq!(pieces(text).into_iter().map(|piece| piece.text).collect::<String>(), text);
    }
}

//! Markdown of sessions with their meetings and phases, of the steps of the tester's script, and of tunnels.

use crate::report::markdown::Document;
use crate::report::markdown::escape::{code, prose};
use crate::report::protocol::tunnel_title;
use crate::report::schema::{Phase, Report, Session, Step};
use crate::report::table::session::{of_service, phase_rule, phase_title};
use crate::report::table::{rule, steps};
use crate::report::text::{count, plural, size};

impl Document<'_> {
    pub(super) fn sessions(&mut self, report: &Report) {
        if report.sessions.is_empty() {
            return;
        }
        self.title("Sessions and meetings");
        for session in &report.sessions {
            self.session(session);
            let meetings: Vec<_> = report.meetings.iter().filter(|m| m.session == session.id).collect();
            for m in meetings {
                let end =
                    |input, frame, name: &str| format!("{} ({})", self.words.frame(input, frame), rule(name));
                let from = end(m.start_input, m.start_frame, &m.start_rule);
                let to = end(m.end_input, m.end_frame, &m.end_rule);
                let people = plural(m.participants, "participant", "participants");
                let people =
                    if m.participants > 0 { format!(", {people} reached directly") } else { String::new() };
                self.item(&format!("meeting {}: from {from} to {to}{people}", m.id));
                self.listed("media servers", &m.servers);
            }
            self.phases(session);
        }
    }

    fn session(&mut self, s: &Session) {
        let inside = s.tunnel.map(|tunnel| format!(" in tunnel {tunnel}")).unwrap_or_default();
        self.line(&format!("### Session {}", s.id));
        self.line("");
        self.line(&format!("- {} on {}{inside}", prose(&s.client), code(&s.machine)));
        self.listed("its addresses", &s.addresses);
        for process in &s.processes {
            let name = process.name.as_deref().unwrap_or("(no name)");
            let says = prose(&format!("as the capture says: {}", process.says));
            self.line(&format!("- process {}, {says}", code(name)));
        }
        let frames = self.words.frames((s.input, s.first_frame), (s.last_input, s.last_frame));
        let flows = plural(s.flows, "flow", "flows");
        self.item(&format!(
            "{} to {}; {frames}; {flows} of the client",
            time(s.start.as_ref()),
            time(s.end.as_ref())
        ));
        if s.may_be_two_clients {
            self.item("two clients may be behind this address, so all phases are uncertain");
        }
    }

    fn phases(&mut self, s: &Session) {
        if s.phases.is_empty() {
            return;
        }
        self.line("");
        self.head(&["Phase", "From", "Until", "How sure", "Told by", "First contacted in it"]);
        for phase in &s.phases {
            let traffic: Vec<String> = phase.traffic.iter().map(of_service).collect();
            let traffic = if traffic.is_empty() { "no new flow".to_owned() } else { traffic.join(", ") };
            self.row(&[
                prose(&phase_title(phase)),
                prose(&self.words.frame(phase.start_input, phase.start_frame)),
                prose(&self.until(phase)),
                phase.certainty.to_owned(),
                prose(&phase_rule(phase.rule)),
                prose(&traffic),
            ]);
        }
        self.line("");
    }

    /// The frame with which a phase ends, and whether the capture ends there, too.
    fn until(&self, phase: &Phase) -> String {
        let frame = self.words.frame(phase.until_input, phase.until_frame);
        if phase.until_rule == "capture_end" { format!("{frame}, where the capture ends") } else { frame }
    }

    pub(super) fn steps(&mut self, report: &Report) {
        if report.steps.is_empty() {
            return;
        }
        self.title("Steps of the scenario");
        self.head(&["No.", "Step", "When", "Flows that began in it", "Destinations", "Note"]);
        for step in &report.steps {
            let ids: Vec<String> = step.destinations.iter().map(ToString::to_string).collect();
            let exclusive = if step.exclusive {
                "only the client did anything in it, by the tester's word; "
            } else {
                ""
            };
            let note = step.note.as_deref().unwrap_or_default();
            self.row(&[
                step.id.to_string(),
                code(&step.label),
                prose(&format!("{}; {}", self.words.step_frames(step), time(step.start.as_ref()))),
                prose(&began(step)),
                ids.join(", "),
                prose(format!("{exclusive}{}; {note}", steps::marked(step)).trim_end_matches("; ")),
            ]);
        }
    }

    pub(super) fn tunnels(&mut self, report: &Report) {
        if report.tunnels.is_empty() {
            return;
        }
        self.title("Tunnels that were opened");
        self.head(&["No.", "Kind", "Between", "Traffic", "Flows of the client"]);
        let (clients, others): (Vec<_>, Vec<_>) = report.tunnels.iter().partition(|t| t.client_flows > 0);
        let shown = MAX_TUNNELS.max(clients.len());
        for t in clients.into_iter().chain(others).take(shown) {
            let [from, to] = &t.outer;
            let frames = plural(t.frames, "frame", "frames");
            let first = self.words.frame(t.input, t.first_frame);
            self.row(&[
                t.id.to_string(),
                prose(tunnel_title(t.kind)),
                format!("{} and {}", code(from), code(to)),
                prose(&format!("{frames}, {}, first in {first}", size(t.bytes))),
                count(t.client_flows),
            ]);
        }
        if let Some(more) = report.tunnels.len().checked_sub(shown).filter(|more| *more > 0) {
            self.line("");
            self.item(&format!("{} more are in the JSON", count(more as u64)));
        }
    }
}

fn began(s: &Step) -> String {
    let flows = plural(s.client_flows, "flow", "flows");
    let beside = match s.unattributed_flows {
        0 => String::new(),
        more => format!(", {} not tied to it", plural(more, "flow", "flows")),
    };
    format!("{flows} of the client{beside}, {} of others", plural(s.other_flows, "flow", "flows"))
}

fn time(time: Option<&String>) -> String {
    time.cloned().unwrap_or("time unknown".to_owned())
}

/// Tunnels that are told one by one, where they have no flow of the client's.
const MAX_TUNNELS: usize = 8;

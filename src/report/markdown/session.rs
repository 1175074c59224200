//! Markdown of sessions with their meetings and phases, of the steps of the tester's script, and of tunnels.

use crate::report::lang::Lang;
use crate::report::markdown::Document;
use crate::report::markdown::escape::{code, prose};
use crate::report::protocol::tunnel_title;
use crate::report::schema::{Phase, Report, Session, Step};
use crate::report::steps::note;
use crate::report::table::session::{of_service, phase_rule, phase_title};
use crate::report::table::{rule, steps};
use crate::report::text::{count, size};

impl Document<'_> {
    pub(super) fn sessions(&mut self, report: &Report) {
        if report.sessions.is_empty() {
            return;
        }
        self.title(&self.words.lang.word("Sessions and meetings"));
        for session in &report.sessions {
            self.session(session);
            let meetings: Vec<_> = report.meetings.iter().filter(|m| m.session == session.id).collect();
            for m in meetings {
                let end = |input, frame, name: &str| {
                    let rule = rule(name, self.words.lang);
                    format!("{} ({rule})", self.words.frame(input, frame))
                };
                let from = end(m.start_input, m.start_frame, &m.start_rule);
                let to = end(m.end_input, m.end_frame, &m.end_rule);
                let people = self.words.lang.plural(m.participants, "participant", "participants");
                let people = if m.participants > 0 {
                    self.words.lang.say(", {people} reached directly", &[&people])
                } else {
                    String::new()
                };
                self.item(
                    &self
                        .words
                        .lang
                        .say("meeting {}: from {from} to {to}{people}", &[&m.id, &from, &to, &people]),
                );
                self.listed("media servers", &m.servers);
            }
            self.phases(session);
        }
    }

    fn session(&mut self, s: &Session) {
        let inside =
            s.tunnel.map(|tunnel| self.words.lang.say(" in tunnel {tunnel}", &[&tunnel])).unwrap_or_default();
        self.line(&self.words.lang.say("### Session {}", &[&s.id]));
        self.line("");
        self.line(
            &self.words.lang.say("- {} on {}{inside}", &[&prose(&s.client), &code(&s.machine), &inside]),
        );
        self.listed("its addresses", &s.addresses);
        for process in &s.processes {
            let name = process.name.clone().unwrap_or_else(|| self.words.lang.word("(no name)"));
            let says = prose(
                &self.words.lang.say("as the capture says: {}", &[&self.words.lang.sentence(process.says)]),
            );
            self.line(&self.words.lang.say("- process {}, {says}", &[&code(&name), &says]));
        }
        for update in &s.updates {
            self.item(&self.words.update(update));
        }
        let frames = self.words.frames((s.input, s.first_frame), (s.last_input, s.last_frame));
        let flows = self.words.lang.plural(s.flows, "flow", "flows");
        self.item(&self.words.lang.say(
            "{} to {}; {frames}; {flows} of the client",
            &[&self.time(s.start.as_ref()), &self.time(s.end.as_ref()), &frames, &flows],
        ));
        if s.may_be_two_clients {
            self.item(
                &self.words.lang.word("two clients may be behind this address, so all phases are uncertain"),
            );
        }
    }

    fn phases(&mut self, s: &Session) {
        if s.phases.is_empty() {
            return;
        }
        self.line("");
        self.head(&["Phase", "From", "Until", "How sure", "Told by", "First contacted in it"]);
        for phase in &s.phases {
            let traffic: Vec<String> =
                phase.traffic.iter().map(|of| of_service(of, self.words.lang)).collect();
            let traffic =
                if traffic.is_empty() { self.words.lang.word("no new flow") } else { traffic.join(", ") };
            self.row(&[
                prose(&phase_title(phase, self.words.lang)),
                prose(&self.words.frame(phase.start_input, phase.start_frame)),
                prose(&self.until(phase)),
                self.words.lang.id(phase.certainty),
                prose(&phase_rule(phase.rule, self.words.lang)),
                prose(&traffic),
            ]);
        }
        self.line("");
    }

    /// The frame with which a phase ends, and whether the capture ends there, too.
    fn until(&self, phase: &Phase) -> String {
        let frame = self.words.frame(phase.until_input, phase.until_frame);
        if phase.until_rule == "capture_end" {
            self.words.lang.say("{frame}, where the capture ends", &[&frame])
        } else {
            frame
        }
    }

    pub(super) fn steps(&mut self, report: &Report) {
        if report.steps.is_empty() {
            return;
        }
        self.title(&self.words.lang.word("Steps of the scenario"));
        self.head(&["No.", "Step", "When", "Flows that began in it", "Destinations", "Note"]);
        for step in &report.steps {
            let ids: Vec<String> = step.destinations.iter().map(ToString::to_string).collect();
            let own = "only the client did anything in it, by the tester's word";
            let exclusive = step.exclusive.then(|| self.words.lang.word(own));
            let note = note(step, self.words.lang);
            let marked = Some(steps::marked(step, self.words.lang));
            let told: Vec<String> = [exclusive, marked, note].into_iter().flatten().collect();
            self.row(&[
                step.id.to_string(),
                code(&step.label),
                prose(&format!("{}; {}", self.words.step_frames(step), self.time(step.start.as_ref()))),
                prose(&began(step, self.words.lang)),
                ids.join(", "),
                prose(&told.join("; ")),
            ]);
        }
    }

    fn time(&self, time: Option<&String>) -> String {
        time.cloned().unwrap_or_else(|| self.words.lang.word("time unknown"))
    }

    pub(super) fn tunnels(&mut self, report: &Report) {
        if report.tunnels.is_empty() {
            return;
        }
        self.title(&self.words.lang.word("Tunnels that were opened"));
        self.head(&["No.", "Kind", "Between", "Traffic", "Flows of the client"]);
        let (clients, others): (Vec<_>, Vec<_>) = report.tunnels.iter().partition(|t| t.client_flows > 0);
        let shown = MAX_TUNNELS.max(clients.len());
        for t in clients.into_iter().chain(others).take(shown) {
            let [from, to] = &t.outer;
            let frames = self.words.lang.plural(t.frames, "frame", "frames");
            let first = self.words.frame(t.input, t.first_frame);
            self.row(&[
                t.id.to_string(),
                prose(&self.words.lang.name(tunnel_title(t.kind))),
                self.words.lang.say("{} and {}", &[&code(from), &code(to)]),
                prose(
                    &self
                        .words
                        .lang
                        .say("{frames}, {}, first in {first}", &[&frames, &size(t.bytes), &first]),
                ),
                count(t.client_flows),
            ]);
        }
        if let Some(more) = report.tunnels.len().checked_sub(shown).filter(|more| *more > 0) {
            self.line("");
            self.item(&self.words.lang.say("{} more are in the JSON", &[&count(more as u64)]));
        }
    }
}

fn began(s: &Step, lang: Lang) -> String {
    let flows = lang.plural(s.client_flows, "flow", "flows");
    let beside = match s.unattributed_flows {
        0 => String::new(),
        more => lang.say(", {} not tied to it", &[&lang.plural(more, "flow", "flows")]),
    };
    lang.say(
        "{flows} of the client{beside}, {} of others",
        &[&flows, &beside, &lang.plural(s.other_flows, "flow", "flows")],
    )
}

/// Tunnels that are told one by one, where they have no flow of the client's.
const MAX_TUNNELS: usize = 8;

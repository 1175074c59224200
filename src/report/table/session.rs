//! The table's parts on sessions, their meetings, and the tunnels that flows came out of.

use crate::report::lang::Lang;
use crate::report::protocol::tunnel_title;
use crate::report::schema::{
    Meeting, Milestone, Phase, PhaseTraffic, Process, Report, Session, Tunnel, Update,
};
use crate::report::table::{INDENT, Page, rule};
use crate::report::text::{clean, count, size};

impl Page {
    pub(super) fn sessions(&mut self, report: &Report) {
        if report.sessions.is_empty() {
            return;
        }
        self.title(&self.lang.word("Sessions and meetings"));
        for session in &report.sessions {
            self.session(session);
            for meeting in report.meetings.iter().filter(|m| m.session == session.id) {
                self.meeting(meeting);
            }
            self.phases(session);
        }
    }

    fn session(&mut self, s: &Session) {
        let [title, lines @ ..] = &*self.session_lines(s) else { return };
        self.wrapped(title, &format!("{:>3}. ", s.id), INDENT);
        for line in lines {
            self.field("", line);
        }
    }

    /// What a session is, then its time, its frames and its processes.
    pub(in crate::report) fn session_lines(&self, s: &Session) -> Vec<String> {
        let inside =
            s.tunnel.map(|tunnel| self.lang.say(" in tunnel {tunnel}", &[&tunnel])).unwrap_or_default();
        let time = |time: &Option<String>| time.clone().unwrap_or_else(|| self.lang.word("time unknown"));
        let frames = self.frames((s.input, s.first_frame), (s.last_input, s.last_frame));
        let mut lines = vec![
            self.lang
                .say("{} on {}{inside} ({})", &[&s.client, &s.machine, &inside, &s.addresses.join(", ")]),
            self.lang.say("{} to {}", &[&time(&s.start), &time(&s.end)]),
            self.lang
                .say("{frames}, {} of the client", &[&frames, &self.lang.plural(s.flows, "flow", "flows")]),
        ];
        for process in &s.processes {
            let name = process.name.as_deref().map_or_else(|| self.lang.word("a process"), clean);
            let number = |what: &str, number: Option<u32>| {
                number.map(|number| format!(" ({what} {number})")).unwrap_or_default()
            };
            let (pid, uid) = (number("pid", process.pid), number("uid", process.uid));
            let at = self.frame(process.input, process.frame);
            lines.push(self.lang.say(
                "process {name}{pid}{uid}{program}, as the capture says: {}; first in {at}",
                &[&name, &pid, &uid, &self.program(process), &self.lang.sentence(process.says), &at],
            ));
        }
        lines.extend(s.updates.iter().map(|update| self.update(update)));
        lines
    }

    /// The build that an update host was asked for.
    pub(in crate::report) fn update(&self, update: &Update) -> String {
        let at = self.frame(update.input, update.frame);
        self.lang.say(
            "build by update path: {version}, which it asked an update host for; first in {at}",
            &[&update.version, &at],
        )
    }

    /// Where its program lies and what started it.
    fn program(&self, process: &Process) -> String {
        let path = process.path.as_deref().map(|path| format!(", {}", clean(path))).unwrap_or_default();
        let names: Vec<String> = process.parents.iter().map(|parent| clean(&parent.name)).collect();
        let started = if names.is_empty() {
            String::new()
        } else {
            self.lang.say(", started by {}", &[&names.join(&self.lang.word(" by "))])
        };
        format!("{path}{started}")
    }

    /// The phases, each with what was first contacted in it, and the single events beside them.
    fn phases(&mut self, s: &Session) {
        if s.phases.is_empty() {
            return;
        }
        let doubt = if s.may_be_two_clients {
            self.lang.word(": two clients may be behind this address, so all are uncertain")
        } else {
            String::new()
        };
        self.wrapped(
            &self.lang.say("phases, each with the flows that began in it{doubt}", &[&doubt]),
            "     - ",
            "       ",
        );
        for phase in &s.phases {
            let from = self.frame(phase.start_input, phase.start_frame);
            let traffic = phase_traffic(phase, self.lang);
            let is_cut = phase.until_rule == "capture_end";
            let end = if is_cut { self.lang.word("; the capture ends in it") } else { String::new() };
            let text = self.lang.say(
                "{}, from {from} ({}: {}): {traffic}{}",
                &[
                    &phase_title(phase, self.lang),
                    &from,
                    &self.lang.id(phase.certainty),
                    &phase_rule(phase.rule, self.lang),
                    &traffic,
                    &end,
                ],
            );
            self.wrapped(&text, "       ", "         ");
        }
        let seen: Vec<String> = s.milestones.iter().map(|milestone| self.milestone(milestone)).collect();
        if !seen.is_empty() {
            self.wrapped(&self.lang.say("first of each: {}", &[&seen.join(", ")]), "       ", "         ");
        }
    }

    pub(in crate::report) fn milestone(&self, m: &Milestone) -> String {
        let doubt =
            if m.certainty == "certain" { String::new() } else { format!(", {}", self.lang.id(m.certainty)) };
        format!("{} ({}{doubt})", milestone_words(m.kind, self.lang), self.frame(m.input, m.frame))
    }

    fn meeting(&mut self, m: &Meeting) {
        let [title, what, from, to] = self.meeting_lines(m);
        self.wrapped(&title, "     - ", "       ");
        self.wrapped(&what, "       ", "       ");
        self.wrapped(&from, "       ", "         ");
        self.wrapped(&to, "       ", "         ");
    }

    /// What a meeting is called, what was in it, where it begins and where it ends.
    pub(in crate::report) fn meeting_lines(&self, m: &Meeting) -> [String; 4] {
        let key = m
            .key
            .as_deref()
            .map(|key| self.lang.say(", id {key} (not the meeting number)", &[&key]))
            .unwrap_or_default();
        let media = if m.media.is_empty() {
            self.lang.word("kinds of media not seen")
        } else {
            kinds(&m.media, self.lang)
        };
        let media = match m.silent {
            Some(true) => self.lang.say("silent: no media flowed; sockets for {media}", &[&media]),
            Some(false) => self
                .lang
                .say("sockets for {media}; what flowed: {}", &[&media, &kinds(&m.streams, self.lang)]),
            None => media,
        };
        let via = if m.servers.is_empty() {
            String::new()
        } else {
            self.lang.say(" by {}", &[&m.servers.join(", ")])
        };
        let people = if m.participants == 0 {
            String::new()
        } else {
            self.lang.say(
                ", {} reached directly",
                &[&self.lang.plural(m.participants, "participant", "participants")],
            )
        };
        let flows = self.lang.plural(m.flows.len() as u64, "flow", "flows");
        let bound = |template: &str, (input, frame): (u32, u64), name: &str, time: &Option<String>| {
            let time = time.clone().unwrap_or_else(|| self.lang.word("time unknown"));
            let (frame, rule) = (self.frame(input, frame), rule(name, self.lang));
            self.lang.say(template, &[&frame, &rule, &time])
        };
        [
            self.lang.say("meeting {}{key}", &[&m.id, &key]),
            format!("{media}{via}, {flows}{people}"),
            bound("from {frame} ({rule}), {time}", (m.start_input, m.start_frame), &m.start_rule, &m.start),
            bound("to {frame} ({rule}), {time}", (m.end_input, m.end_frame), &m.end_rule, &m.end),
        ]
    }

    /// The tunnels that were opened: those with the client's flows first, and the others as far as they are few.
    pub(super) fn tunnels(&mut self, report: &Report) {
        if report.tunnels.is_empty() {
            return;
        }
        self.title(&self.lang.word("Tunnels that were opened"));
        let (clients, others): (Vec<&Tunnel>, Vec<&Tunnel>) =
            report.tunnels.iter().partition(|tunnel| tunnel.client_flows > 0);
        let shown = MAX_TUNNELS.max(clients.len());
        for tunnel in clients.into_iter().chain(others).take(shown) {
            self.tunnel(tunnel);
        }
        if let Some(more) = report.tunnels.len().checked_sub(shown).filter(|more| *more > 0) {
            self.field("", &self.lang.say("{} more are in the JSON", &[&count(more as u64)]));
        }
    }

    fn tunnel(&mut self, t: &Tunnel) {
        let [title, text] = self.tunnel_lines(t);
        self.wrapped(&title, &format!("{:>3}. ", t.id), INDENT);
        self.field("", &text);
    }

    /// What a tunnel is, and what came through it.
    pub(in crate::report) fn tunnel_lines(&self, t: &Tunnel) -> [String; 2] {
        let network =
            t.network.map(|network| self.lang.say(", network {network}", &[&network])).unwrap_or_default();
        let within =
            t.within.map(|within| self.lang.say(", inside tunnel {within}", &[&within])).unwrap_or_default();
        let [from, to] = &t.outer;
        let frames = self.lang.plural(t.frames, "frame", "frames");
        let first = self.frame(t.input, t.first_frame);
        let flows = self.lang.plural(t.flows, "flow", "flows");
        [
            self.lang.say(
                "{} between {from} and {to}{network}{within}",
                &[&self.lang.name(tunnel_title(t.kind)), &from, &to, &network, &within],
            ),
            self.lang.say(
                "{frames}, {}, first in {first}; {flows}, {} of the client",
                &[&frames, &size(t.bytes), &first, &flows, &count(t.client_flows)],
            ),
        ]
    }
}

/// What began in a phase.
/// Kinds of media.
fn kinds(ids: &[String], lang: Lang) -> String {
    ids.iter().map(|id| lang.id(id)).collect::<Vec<_>>().join(", ")
}

pub(in crate::report) fn phase_traffic(phase: &Phase, lang: Lang) -> String {
    match phase.traffic.as_slice() {
        [] => lang.word("no new flow"),
        traffic => traffic.iter().map(|of| of_service(of, lang)).collect::<Vec<String>>().join(", "),
    }
}

/// `3 flows to sign in`.
pub(in crate::report) fn of_service(traffic: &PhaseTraffic, lang: Lang) -> String {
    lang.say(
        "{flows} to {service}",
        &[&lang.plural(traffic.flows, "flow", "flows"), &lang.id(traffic.service)],
    )
}

/// `joining meeting 1`.
pub(in crate::report) fn phase_title(phase: &Phase, lang: Lang) -> String {
    match (phase.kind, phase.meeting) {
        ("meeting", Some(number)) => lang.say("in meeting {number}", &[&number]),
        (kind, Some(number)) => lang.say("{phase} meeting {number}", &[&lang.id(kind), &number]),
        (kind, None) => lang.id(kind),
    }
}

/// The rule that found where a phase begins, for people.
pub(in crate::report) fn phase_rule(name: &str, lang: Lang) -> String {
    match name {
        "first_contact" => lang.word("first contact in the capture"),
        "after_silence" => lang.word("first contact after ten minutes without any"),
        "already_running" => lang.word("a connection of the client is older than the capture"),
        "no_connection_left" => lang.word("first contact after every connection had ended"),
        "push_follows" => lang.word("a sign-in host, and then a new push connection"),
        "no_new_contact" => lang.word("no new connection for half a minute"),
        "zone_probing" => lang.word("several zone controllers at once"),
        "media_router" => lang.word("a signalling host or media router"),
        "gateway" => lang.word("the gateway for browsers"),
        "nat_discovery" => lang.word("it asks for its own address"),
        "connections_ended" => lang.word("the connections that ended with the meeting"),
        "download" => lang.word("a download from an update host"),
        "download_ended" => lang.word("the end of the download"),
        other => rule(other, lang),
    }
}

fn milestone_words(kind: &str, lang: Lang) -> String {
    match kind {
        "nat_discovery" => lang.word("question for its own address"),
        "look_up" => lang.word("look-up"),
        "launch_log" => lang.word("log at launch"),
        "push" => lang.word("push connection"),
        "continued" => lang.word("soon after another meeting"),
        other => lang.id(other),
    }
}

/// Tunnels that are told one by one, where they have no flow of the client's.
pub(in crate::report) const MAX_TUNNELS: usize = 8;

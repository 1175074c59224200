//! The table's parts on sessions, their meetings, and the tunnels that flows came out of.

use crate::report::protocol::tunnel_title;
use crate::report::schema::{Meeting, Milestone, Phase, PhaseTraffic, Process, Report, Session, Tunnel};
use crate::report::table::{INDENT, Page, rule, words};
use crate::report::text::{clean, count, plural, size};

impl Page {
    pub(super) fn sessions(&mut self, report: &Report) {
        if report.sessions.is_empty() {
            return;
        }
        self.title("Sessions and meetings");
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
        let inside = s.tunnel.map(|tunnel| format!(" in tunnel {tunnel}")).unwrap_or_default();
        let time = |time: &Option<String>| time.clone().unwrap_or("time unknown".to_owned());
        let frames = self.frames((s.input, s.first_frame), (s.last_input, s.last_frame));
        let mut lines = vec![
            format!("{} on {}{inside} ({})", s.client, s.machine, s.addresses.join(", ")),
            format!("{} to {}", time(&s.start), time(&s.end)),
            format!("{frames}, {} of the client", plural(s.flows, "flow", "flows")),
        ];
        for process in &s.processes {
            let name = process.name.as_deref().map_or_else(|| "a process".to_owned(), clean);
            let number = |what: &str, number: Option<u32>| {
                number.map(|number| format!(" ({what} {number})")).unwrap_or_default()
            };
            let (pid, uid) = (number("pid", process.pid), number("uid", process.uid));
            let at = self.frame(process.input, process.frame);
            lines.push(format!(
                "process {name}{pid}{uid}{}, as the capture says: {}; first in {at}",
                program(process),
                process.says
            ));
        }
        lines
    }

    /// The phases, each with what was first contacted in it, and the single events beside them.
    fn phases(&mut self, s: &Session) {
        if s.phases.is_empty() {
            return;
        }
        let doubt = if s.may_be_two_clients {
            ": two clients may be behind this address, so all are uncertain"
        } else {
            ""
        };
        self.wrapped(&format!("phases, each with the flows that began in it{doubt}"), "     - ", "       ");
        for phase in &s.phases {
            let from = self.frame(phase.start_input, phase.start_frame);
            let traffic = phase_traffic(phase);
            let text = format!(
                "{}, from {from} ({}: {}): {traffic}{}",
                phase_title(phase),
                phase.certainty,
                phase_rule(phase.rule),
                if phase.until_rule == "capture_end" { "; the capture ends in it" } else { "" }
            );
            self.wrapped(&text, "       ", "         ");
        }
        let seen: Vec<String> = s.milestones.iter().map(|milestone| self.milestone(milestone)).collect();
        if !seen.is_empty() {
            self.wrapped(&format!("first of each: {}", seen.join(", ")), "       ", "         ");
        }
    }

    pub(in crate::report) fn milestone(&self, m: &Milestone) -> String {
        let doubt = if m.certainty == "certain" { String::new() } else { format!(", {}", m.certainty) };
        format!("{} ({}{doubt})", milestone_words(m.kind), self.frame(m.input, m.frame))
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
        let key =
            m.key.as_deref().map(|key| format!(", id {key} (not the meeting number)")).unwrap_or_default();
        let media = if m.media.is_empty() {
            "kinds of media not seen".to_owned()
        } else {
            m.media.join(", ").replace('_', " ")
        };
        let media = match m.silent {
            Some(true) => format!("silent: no media flowed; sockets for {media}"),
            Some(false) => {
                format!("sockets for {media}; what flowed: {}", m.streams.join(", ").replace('_', " "))
            }
            None => media,
        };
        let via = if m.servers.is_empty() { String::new() } else { format!(" by {}", m.servers.join(", ")) };
        let people = if m.participants == 0 {
            String::new()
        } else {
            format!(", {} reached directly", plural(m.participants, "participant", "participants"))
        };
        let flows = plural(m.flows.len() as u64, "flow", "flows");
        let bound = |word: &str, (input, frame): (u32, u64), name: &str, time: &Option<String>| {
            let time = time.as_deref().unwrap_or("time unknown");
            format!("{word} {} ({}), {time}", self.frame(input, frame), rule(name))
        };
        [
            format!("meeting {}{key}", m.id),
            format!("{media}{via}, {flows}{people}"),
            bound("from", (m.start_input, m.start_frame), &m.start_rule, &m.start),
            bound("to", (m.end_input, m.end_frame), &m.end_rule, &m.end),
        ]
    }

    /// The tunnels that were opened: those with the client's flows first, and the others as far as they are few.
    pub(super) fn tunnels(&mut self, report: &Report) {
        if report.tunnels.is_empty() {
            return;
        }
        self.title("Tunnels that were opened");
        let (clients, others): (Vec<&Tunnel>, Vec<&Tunnel>) =
            report.tunnels.iter().partition(|tunnel| tunnel.client_flows > 0);
        let shown = MAX_TUNNELS.max(clients.len());
        for tunnel in clients.into_iter().chain(others).take(shown) {
            self.tunnel(tunnel);
        }
        if let Some(more) = report.tunnels.len().checked_sub(shown).filter(|more| *more > 0) {
            self.field("", &format!("{} more are in the JSON", count(more as u64)));
        }
    }

    fn tunnel(&mut self, t: &Tunnel) {
        let [title, text] = self.tunnel_lines(t);
        self.wrapped(&title, &format!("{:>3}. ", t.id), INDENT);
        self.field("", &text);
    }

    /// What a tunnel is, and what came through it.
    pub(in crate::report) fn tunnel_lines(&self, t: &Tunnel) -> [String; 2] {
        let network = t.network.map(|network| format!(", network {network}")).unwrap_or_default();
        let within = t.within.map(|within| format!(", inside tunnel {within}")).unwrap_or_default();
        let [from, to] = &t.outer;
        let frames = plural(t.frames, "frame", "frames");
        let first = self.frame(t.input, t.first_frame);
        let flows = plural(t.flows, "flow", "flows");
        [
            format!("{} between {from} and {to}{network}{within}", tunnel_title(t.kind)),
            format!(
                "{frames}, {}, first in {first}; {flows}, {} of the client",
                size(t.bytes),
                count(t.client_flows)
            ),
        ]
    }
}

/// What began in a phase.
pub(in crate::report) fn phase_traffic(phase: &Phase) -> String {
    match phase.traffic.as_slice() {
        [] => "no new flow".to_owned(),
        traffic => traffic.iter().map(of_service).collect::<Vec<String>>().join(", "),
    }
}

/// `3 flows to sign in`.
pub(in crate::report) fn of_service(traffic: &PhaseTraffic) -> String {
    format!("{} to {}", plural(traffic.flows, "flow", "flows"), words(traffic.service))
}

/// `joining meeting 1`.
pub(in crate::report) fn phase_title(phase: &Phase) -> String {
    match (phase.kind, phase.meeting) {
        ("meeting", Some(number)) => format!("in meeting {number}"),
        (kind, Some(number)) => format!("{} meeting {number}", words(kind)),
        (kind, None) => words(kind),
    }
}

/// The rule that found where a phase begins, for people.
pub(in crate::report) fn phase_rule(name: &str) -> String {
    match name {
        "first_contact" => "first contact in the capture".to_owned(),
        "after_silence" => "first contact after ten minutes without any".to_owned(),
        "already_running" => "a connection of the client is older than the capture".to_owned(),
        "no_connection_left" => "first contact after every connection had ended".to_owned(),
        "push_follows" => "a sign-in host, and then a new push connection".to_owned(),
        "no_new_contact" => "no new connection for half a minute".to_owned(),
        "zone_probing" => "several zone controllers at once".to_owned(),
        "media_router" => "a signalling host or media router".to_owned(),
        "gateway" => "the gateway for browsers".to_owned(),
        "nat_discovery" => "it asks for its own address".to_owned(),
        "connections_ended" => "the connections that ended with the meeting".to_owned(),
        "download" => "a download from an update host".to_owned(),
        "download_ended" => "the end of the download".to_owned(),
        other => rule(other),
    }
}

fn milestone_words(kind: &str) -> String {
    match kind {
        "nat_discovery" => "question for its own address".to_owned(),
        "look_up" => "look-up".to_owned(),
        "launch_log" => "log at launch".to_owned(),
        "push" => "push connection".to_owned(),
        "continued" => "soon after another meeting".to_owned(),
        other => words(other),
    }
}

/// Tunnels that are told one by one, where they have no flow of the client's.
pub(in crate::report) const MAX_TUNNELS: usize = 8;

/// Where a process's program is, and by what it was started, as far as the capture tells.
fn program(process: &Process) -> String {
    let path = process.path.as_deref().map(|path| format!(", {}", clean(path))).unwrap_or_default();
    let names: Vec<String> = process.parents.iter().map(|parent| clean(&parent.name)).collect();
    let started =
        if names.is_empty() { String::new() } else { format!(", started by {}", names.join(" by ")) };
    format!("{path}{started}")
}

//! The table's parts on sessions, their meetings, and the tunnels that flows came out of.

use crate::report::protocol::tunnel_title;
use crate::report::schema::{Meeting, Report, Session, Tunnel};
use crate::report::table::{INDENT, Page, rule};
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
        }
    }

    fn session(&mut self, s: &Session) {
        let inside = s.tunnel.map(|tunnel| format!(" in tunnel {tunnel}")).unwrap_or_default();
        self.wrapped(
            &format!("{} on {}{inside} ({})", s.client, s.machine, s.addresses.join(", ")),
            &format!("{:>3}. ", s.id),
            INDENT,
        );
        let time = |time: &Option<String>| time.clone().unwrap_or("time unknown".to_owned());
        self.field("", &format!("{} to {}", time(&s.start), time(&s.end)));
        let frames = self.frames((s.input, s.first_frame), (s.last_input, s.last_frame));
        self.field("", &format!("{frames}, {} of the client", plural(s.flows, "flow", "flows")));
        for process in &s.processes {
            let name = process.name.as_deref().map_or_else(|| "a process".to_owned(), clean);
            let number = |what: &str, number: Option<u32>| {
                number.map(|number| format!(" ({what} {number})")).unwrap_or_default()
            };
            let (pid, uid) = (number("pid", process.pid), number("uid", process.uid));
            let at = self.frame(process.input, process.frame);
            self.field(
                "",
                &format!("process {name}{pid}{uid}, as the capture says: {}; first in {at}", process.says),
            );
        }
    }

    fn meeting(&mut self, m: &Meeting) {
        let key =
            m.key.as_deref().map(|key| format!(", id {key} (not the meeting number)")).unwrap_or_default();
        self.wrapped(&format!("meeting {}{key}", m.id), "     - ", "       ");
        let media = if m.media.is_empty() {
            "kinds of media not seen".to_owned()
        } else {
            m.media.join(", ").replace('_', " ")
        };
        let via = if m.servers.is_empty() { String::new() } else { format!(" by {}", m.servers.join(", ")) };
        let people = if m.participants == 0 {
            String::new()
        } else {
            format!(", {} reached directly", plural(m.participants, "participant", "participants"))
        };
        let flows = plural(m.flows.len() as u64, "flow", "flows");
        self.wrapped(&format!("{media}{via}, {flows}{people}"), "       ", "       ");
        let start = (self.frame(m.start_input, m.start_frame), rule(&m.start_rule), &m.start);
        let end = (self.frame(m.end_input, m.end_frame), rule(&m.end_rule), &m.end);
        for (word, (frame, rule, time)) in [("from", start), ("to", end)] {
            let time = time.as_deref().unwrap_or("time unknown");
            self.wrapped(&format!("{word} {frame} ({rule}), {time}"), "       ", "         ");
        }
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
        let network = t.network.map(|network| format!(", network {network}")).unwrap_or_default();
        let within = t.within.map(|within| format!(", inside tunnel {within}")).unwrap_or_default();
        let [from, to] = &t.outer;
        let text = format!("{} between {from} and {to}{network}{within}", tunnel_title(t.kind));
        self.wrapped(&text, &format!("{:>3}. ", t.id), INDENT);
        let frames = plural(t.frames, "frame", "frames");
        let first = self.frame(t.input, t.first_frame);
        let flows = plural(t.flows, "flow", "flows");
        self.field(
            "",
            &format!(
                "{frames}, {}, first in {first}; {flows}, {} of the client",
                size(t.bytes),
                count(t.client_flows)
            ),
        );
    }
}

/// Tunnels that are told one by one, where they have no flow of the client's.
const MAX_TUNNELS: usize = 8;

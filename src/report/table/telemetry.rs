//! The table's part on telemetry, in words that other formats for people use, too.

use crate::report::schema::{
    Bursts, PersonalDatum, Profile, ProfileComparison, Report, SessionProfile, Telemetry, TelemetryEndpoint,
    TelemetryEvent, TelemetryList, TelemetrySource, Whither,
};
use crate::report::table::{INDENT, Page};
use crate::report::text::{clean, count, size};

/// What is said of one thing.
pub(in crate::report) struct Said {
    /// What it is; safe to print.
    pub(in crate::report) title: String,
    /// What is said of it; safe to print.
    pub(in crate::report) lines: Vec<String>,
}

impl Page {
    pub(super) fn telemetry(&mut self, report: &Report) {
        let Some(telemetry) = &report.telemetry else { return };
        self.title(&self.lang.word(TITLE));
        for said in self.telemetry_said(telemetry) {
            self.wrapped(&said.title, "  ", "    ");
            for line in said.lines {
                self.wrapped(&line, INDENT, INDENT);
            }
        }
    }

    /// Everything that is said of telemetry: sources, personal data, events, endpoints, profiles, remarks.
    pub(in crate::report) fn telemetry_said(&self, of: &Telemetry) -> Vec<Said> {
        let mut said: Vec<Said> = of.sources.iter().map(|source| self.source_said(source)).collect();
        for value in of.planted.iter().filter(|value| value.found == 0 && !of.sources.is_empty()) {
            let title = self.lang.say("planted and not found: {}", &[&clean(&value.label)]);
            said.push(Said { title, lines: Vec::new() });
        }
        let mut personal: Vec<&PersonalDatum> = of.personal.iter().collect();
        personal.sort_by_key(|row| row.kind != "planted");
        said.extend(self.most(&personal, |row| self.datum_said(row)));
        let events: Vec<&TelemetryEvent> = of.events.iter().collect();
        said.extend(self.most(&events, |row| self.event_said(row)));
        said.extend(of.list.iter().filter(|_| !of.events.is_empty()).map(|list| self.list_said(list)));
        let mut rank: Vec<&TelemetryEndpoint> = of.endpoints.iter().collect();
        rank.sort_by_key(|row| (!row.is_telemetry, row.events == 0));
        said.extend(self.most(&rank, |row| self.endpoint_said(row)));
        let profiles: Vec<&Profile> = of.profiles.iter().collect();
        said.extend(self.most(&profiles, |row| self.profile_said(row)));
        let compared: Vec<&ProfileComparison> = of.profile_comparisons.iter().collect();
        said.extend(self.most(&compared, |row| self.comparison_said(row)));
        let remark = |text: &String| Said { title: clean(&self.lang.sentence(text)), lines: Vec::new() };
        said.extend(of.remarks.iter().map(remark));
        said
    }

    /// The first of them, and how many more there are.
    fn most<T>(&self, rows: &[T], say: impl Fn(&T) -> Said) -> Vec<Said> {
        let mut said: Vec<Said> = rows.iter().take(MOST).map(say).collect();
        if let Some(more) = rows.len().checked_sub(MOST).filter(|more| *more > 0) {
            said.push(Said { title: self.lang.say("{} more", &[&count(more as u64)]), lines: Vec::new() });
        }
        said
    }

    fn source_said(&self, of: &TelemetrySource) -> Said {
        let exchanges = self.lang.plural(of.exchanges, "exchange", "exchanges");
        Said {
            title: self.lang.say(
                "read of {} ({kind}): {exchanges}, {} of them tied to a flow",
                &[&clean(&of.name), &of.kind, &exchanges, &count(of.with_flow)],
            ),
            lines: Vec::new(),
        }
    }

    fn endpoint_said(&self, of: &TelemetryEndpoint) -> Said {
        let exchanges = self.lang.plural(of.exchanges, "exchange", "exchanges");
        let events = self.lang.plural(of.events, "event", "events");
        let mut lines = vec![self.lang.say(
            "{exchanges}, {} up, {} down; {events}; bodies of an unknown shape: {}",
            &[&exchanges, &size(of.bytes_up), &size(of.bytes_down), &events, &count(of.unknown_bodies)],
        )];
        lines.extend(self.whither_said(&of.whither, of.input.zip(of.frame)));
        Said { title: place(&of.whither), lines }
    }

    fn event_said(&self, of: &TelemetryEvent) -> Said {
        let name = match &of.detail {
            Some(detail) => format!("{} / {}", clean(&of.name), clean(detail)),
            None => clean(&of.name),
        };
        let on_list = match of.on_list {
            "listed" => "on the list",
            "not_listed" => "not on the list",
            _ => "not in the known part of the list",
        };
        let title =
            self.lang.say("event {}, {} times, {}", &[&name, &count(of.count), &self.lang.word(on_list)]);
        let mut lines = vec![place(&of.whither)];
        lines.extend(self.whither_said(&of.whither, of.input.zip(of.frame)));
        Said { title, lines }
    }

    fn list_said(&self, list: &TelemetryList) -> Said {
        let title = self.lang.say(
            "held against {}: {} on it, {} not, {} of it never seen",
            &[
                &clean(&list.name),
                &count(list.listed),
                &count(list.not_listed),
                &count(list.never_seen.len() as u64),
            ],
        );
        Said { title, lines: Vec::new() }
    }

    fn datum_said(&self, of: &PersonalDatum) -> Said {
        let (what, value) = (clean(&of.what), clean(&of.value));
        let title = match of.hash {
            Some(hash) => self.lang.say("pseudonymised: {} ({}), as {}", &[&what, &value, &hash]),
            None if of.kind == "planted" => self.lang.say("planted value found: {} ({})", &[&what, &value]),
            None => self.lang.say("identifier: {} ({})", &[&what.replace('_', " "), &value]),
        };
        let field = of.field.as_ref().map(|field| format!(" {}", clean(field))).unwrap_or_default();
        let codings =
            if of.codings.is_empty() { String::new() } else { format!(", {}", of.codings.join(", ")) };
        let mut lines = vec![format!("{}: {}{field}{codings}", place(&of.whither), self.lang.word(of.part))];
        lines.extend(self.whither_said(&of.whither, of.input.zip(of.frame)));
        Said { title, lines }
    }

    fn profile_said(&self, of: &Profile) -> Said {
        let phase = of.phase.map_or_else(|| self.lang.word("no phase"), |phase| self.lang.id(phase));
        let title = self.lang.say(
            "without keys: {service} to {}, destination {}, session {}, {phase}",
            &[
                &self.lang.id(&of.service),
                &clean(&of.host_pattern),
                &of.destination,
                &of.session.map_or_else(|| "?".to_owned(), |session| session.to_string()),
                &phase,
            ],
        );
        let uploads = self.lang.plural(of.uploads, "connection that uploads", "connections that upload");
        let [up, down] = [of.bytes_up, of.bytes_down].map(size);
        let mut lines = vec![self.lang.say("{uploads}, {} up, {} down", &[&uploads, &up, &down])];
        if of.uploads > 1 {
            let [least, most, middle] = [of.smallest, of.largest, of.median].map(size);
            lines.push(self.lang.say("from {} to {} each, the middle one {}", &[&least, &most, &middle]));
        }
        if let Some(seconds) = of.every_seconds {
            lines.push(self.lang.say("one every {} s in the middle", &[&seconds]));
        }
        lines.extend(of.bursts.as_ref().and_then(|bursts| self.bursts_said(bursts, of.uploads)));
        Said { title, lines }
    }

    /// What pauses tell apart within connections, where that is more than the connections do.
    fn bursts_said(&self, of: &Bursts, connections: u64) -> Option<String> {
        let bursts = self.lang.plural(of.uploads, "burst", "bursts");
        let [least, most, middle] = [of.smallest, of.largest, of.median].map(size);
        let mut parts = vec![self.lang.say(
            "{bursts} with pauses of a second or more between: from {} to {} up each, the middle one {}",
            &[&bursts, &least, &most, &middle],
        )];
        parts.extend(
            of.every_seconds.map(|seconds| self.lang.say("one every {} s in the middle", &[&seconds])),
        );
        (of.uploads > connections).then(|| parts.join(", "))
    }

    fn comparison_said(&self, of: &ProfileComparison) -> Said {
        let phase = of.phase.map_or_else(|| self.lang.word("no phase"), |phase| self.lang.id(phase));
        let title = self.lang.say(
            "without keys, sessions compared: {service} to {}, {phase}",
            &[&self.lang.id(&of.service), &clean(&of.host_pattern), &phase],
        );
        let mut lines: Vec<String> = of.sessions.iter().map(|row| self.session_said(row)).collect();
        if !of.absent.is_empty() {
            let ids: Vec<String> = of.absent.iter().map(u64::to_string).collect();
            lines.push(self.lang.say("sessions without such a connection: {}", &[&ids.join(", ")]));
        }
        Said { title, lines }
    }

    fn session_said(&self, of: &SessionProfile) -> String {
        let uploads = self.lang.plural(of.uploads, "connection that uploads", "connections that upload");
        let [up, down] = [of.bytes_up, of.bytes_down].map(size);
        let mut parts = vec![
            self.lang.say("session {}: {uploads}, {} up, {} down", &[&of.session, &uploads, &up, &down]),
        ];
        let bursts = of.bursts.filter(|bursts| *bursts > of.uploads);
        parts.extend(bursts.map(|bursts| self.lang.plural(bursts, "burst", "bursts")));
        parts.extend(of.up_per_down.map(|ratio| self.lang.say("{} bytes up for each down", &[&ratio])));
        parts.extend(
            of.every_seconds.map(|seconds| self.lang.say("one every {} s in the middle", &[&seconds])),
        );
        parts.join(", ")
    }

    /// Whither it went by the report's own numbers, and where to look.
    fn whither_said(&self, of: &Whither, at: Option<(u32, u64)>) -> Option<String> {
        let mut parts = Vec::new();
        if let (Some(destination), Some(axis), Some(listing)) = (of.destination, &of.axis, &of.listing) {
            parts.push(
                self.lang.say(
                    "destination {}: {}, {}",
                    &[&destination, &self.lang.id(axis), &self.lang.id(listing)],
                ),
            );
        }
        parts.extend(of.phase.map(|phase| self.lang.id(phase)));
        parts.extend(at.map(|(input, frame)| self.frame(input, frame)));
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

fn place(of: &Whither) -> String {
    format!("{}{}", clean(of.host.as_deref().unwrap_or("?")), clean(&of.path))
}

/// What the section is called.
pub(in crate::report) const TITLE: &str = "Telemetry";
/// The most rows of a kind that are shown to people.
const MOST: usize = 40;

//! From an inspection to the schema's report.
//!
//! Input: an [`Inspection`]. Output: a [`Report`]. Must not: judge; what it computes are sums and texts.

use std::collections::BTreeMap;

use crate::client::Catalogue;
use crate::inspect::Inspection;
use crate::report::parts::{hex, time};
use crate::report::schema::{Input, Meeting, Report, Schema, Session, Tool, Totals};
use crate::report::view::{Counted, Key, View};
use crate::report::{anomalies, destinations, flows, headline, matrix, quality, schema, sources, tunnels};
use crate::session::{self, Machine};

/// What a report is to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Whether other participants' addresses are shown instead of masked.
    pub show_participants: bool,
    /// Whether every flow is listed. The table does not list them, and with millions of flows the list is most of the
    /// report.
    pub list_flows: bool,
}

/// Makes the report.
#[must_use]
pub fn build(inspection: &Inspection, options: Options) -> Report {
    let view = View::new(inspection, options.show_participants);
    let mut report = Report {
        schema: Schema { name: "borderpost-report", version: "1.0" },
        tool: Tool { name: "borderpost", version: env!("CARGO_PKG_VERSION") },
        inputs: inspection.inputs().iter().map(input).collect(),
        totals: totals(inspection),
        headline: schema::Headline::default(),
        destinations: Vec::new(),
        sessions: Vec::new(),
        meetings: Vec::new(),
        flows: Vec::new(),
        tunnels: tunnels::tunnels(&view),
        anomalies: anomalies::anomalies(inspection),
        quality: quality::quality(&view),
        data_sources: sources::data_sources(inspection.settings()),
        registers: Vec::new(),
        against: None,
        study: None,
        cells: Vec::new(),
        matrix: Vec::new(),
        differences: Vec::new(),
    };
    let mut of_flow = destinations::destinations(&view, &mut report);
    view.sessions(&mut report, &mut of_flow);
    matrix::matrix(&view, &of_flow, &mut report);
    if options.list_flows {
        flows::flows(&view, &of_flow, &mut report);
    }
    report.registers = sources::registers(inspection, &report.destinations);
    report.headline = headline::headline(&report.destinations, &report.quality, report.inputs.len() as u64);
    report
}

impl View<'_> {
    fn sessions(&self, report: &mut Report, counted: &mut BTreeMap<Key, Counted>) {
        for (number, unit) in self.inspection.units().iter().enumerate() {
            for session in unit.sessions() {
                let id = report.sessions.len() as u64 + 1;
                for flow in &session.flows {
                    counted.entry((number, *flow)).or_default().session = Some(id);
                }
                let meetings: Vec<Meeting> =
                    session.meetings.iter().map(|meeting| self.meeting(number, id, meeting)).collect();
                let first = report.meetings.len() as u64 + 1;
                let meeting_ids = (first..).take(meetings.len()).collect();
                report.sessions.push(self.session(number, id, session, meeting_ids));
                report
                    .meetings
                    .extend((first..).zip(meetings).map(|(id, meeting)| Meeting { id, ..meeting }));
            }
        }
    }

    fn session(&self, unit: usize, id: u64, session: &session::Session, meetings: Vec<u64>) -> Session {
        let tunnel = match session.machine {
            Machine::Tunnelled { tunnel, .. } => self.tunnel_id(unit, tunnel),
            Machine::Mac(_) | Machine::Address(_) => None,
        };

        Session {
            id,
            input: session.first.frame.input(),
            client: Catalogue::CLIENT.to_owned(),
            machine: match (session.machine, session.addresses.first()) {
                (Machine::Mac(mac) | Machine::Tunnelled { mac: Some(mac), .. }, _) => {
                    mac.map(|byte| format!("{byte:02x}")).join(":")
                }
                (Machine::Address(address) | Machine::Tunnelled { address: Some(address), .. }, _)
                | (Machine::Tunnelled { .. }, Some(&address)) => address.to_string(),
                (Machine::Tunnelled { .. }, None) => String::new(),
            },
            tunnel,
            addresses: session.addresses.iter().map(ToString::to_string).collect(),
            processes: self.processes(unit, session),
            start: time(session.first.time),
            end: time(session.last.time),
            first_frame: session.first.frame.number(),
            last_input: session.last.frame.input(),
            last_frame: session.last.frame.number(),
            flows: session.flows.len() as u64,
            meetings,
        }
    }

    /// The processes of a session's flows, each with the first frame that says so.
    fn processes(&self, unit: usize, session: &session::Session) -> Vec<schema::Process> {
        let mut processes: Vec<schema::Process> = Vec::new();
        let rows = session.flows.iter().filter_map(|flow| self.row(unit, *flow));
        for process in rows.flat_map(|row| flows::processes(&row)) {
            let key = |p: &schema::Process| (p.name.clone(), p.pid, p.uid, p.method);
            let is_full = processes.len() == MAX_PROCESSES;
            match processes.iter_mut().find(|known| key(known) == key(&process)) {
                Some(known) if (process.input, process.frame) < (known.input, known.frame) => {
                    *known = process;
                }
                None if !is_full => processes.push(process),
                Some(_) | None => {}
            }
        }
        processes
    }

    fn meeting(&self, unit: usize, session: u64, meeting: &session::Meeting) -> Meeting {
        Meeting {
            id: 0,
            session,
            kind: meeting.kind.name().to_owned(),
            key: meeting.key.map(hex),
            start: time(meeting.start.time),
            start_input: meeting.start.frame.input(),
            start_frame: meeting.start.frame.number(),
            start_rule: meeting.start_rule.name().to_owned(),
            end: time(meeting.end.time),
            end_input: meeting.end.frame.input(),
            end_frame: meeting.end.frame.number(),
            end_rule: meeting.end_rule.name().to_owned(),
            media: meeting.media.iter().map(|kind| flows::media(*kind)).collect(),
            servers: meeting.servers.iter().map(ToString::to_string).collect(),
            participants: meeting.participants.len() as u64,
            flows: meeting.flows.iter().map(|flow| self.flow_id((unit, *flow))).collect(),
        }
    }
}

fn input(input: &crate::inspect::Input) -> Input {
    let summary = &input.summary;
    Input {
        path: input.path.display().to_string(),
        sha256: summary.sha256.clone(),
        size: summary.size,
        format: summary.format.name().to_owned(),
        compression: summary.compression.map(|compression| compression.name().to_owned()),
        frames: summary.frames.saturating_add(summary.other_records),
        start: time(input.earliest),
        end: time(input.latest),
        damage: summary.damage.first().map(|damage| schema::Damage {
            kind: damage.kind.to_owned(),
            offset: damage.offset,
            after_frame: damage.after_frame,
            what: damage.what.clone(),
            resumed_at: damage.resumed_at,
        }),
        frames_lost: summary.dropped.lost(),
    }
}

fn totals(inspection: &Inspection) -> Totals {
    let census = inspection.census();
    Totals {
        frames: census.frames(),
        bytes: census.bytes(),
        flows: inspection.units().iter().map(|unit| unit.flows().len() as u64).sum(),
        classes: census.by_name().into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
    }
}

/// Processes that are told of one session.
const MAX_PROCESSES: usize = 32;

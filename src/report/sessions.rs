//! The client's sessions, their meetings and phases, in the report.
//!
//! Input: an inspection and the numbers under which flows were counted. Output: the schema's sessions and meetings, and
//! which flow is of which. Must not: judge; what it computes are sums and texts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::client::Catalogue;
use crate::report::flows;
use crate::report::parts::{hex, time};
use crate::report::schema::{self, Meeting, Milestone, Phase, PhaseFlows, PhaseTraffic, Report, Session};
use crate::report::view::{Counts, View};
use crate::session::{self, Machine};
use crate::wire::zoom::MediaKind;

/// Adds every session, with its meetings.
pub(super) fn sessions(view: &View<'_>, report: &mut Report, counts: &mut Counts) {
    let mut phases: BTreeMap<(u64, session::PhaseKind), u64> = BTreeMap::new();
    for (number, unit) in view.inspection.units().iter().enumerate() {
        for session in unit.sessions() {
            let id = report.sessions.len() as u64 + 1;
            for flow in session.flows.iter().filter_map(|flow| unit.flows().flow(*flow)) {
                let Some(of_flow) = counts.get_mut((number, flow.id())) else { continue };
                of_flow.session = Some(id);
                of_flow.phase = session.phase_of(flow.first_frame()).map(|phase| phase.kind);
                if let (Some(destination), Some(phase)) = (of_flow.destination, of_flow.phase) {
                    *phases.entry((destination, phase)).or_default() += 1;
                }
            }
            let first = report.meetings.len() as u64 + 1;
            report.sessions.push(view.session(number, id, session, first));
            let meetings = (first..).zip(&session.meetings);
            report.meetings.extend(meetings.map(|(meeting, of)| view.meeting(number, id, meeting, of)));
        }
    }
    for destination in &mut report.destinations {
        let of = phases.range((destination.id, session::PhaseKind::ALL[0])..);
        let of = of.take_while(|((id, _), _)| *id == destination.id);
        destination.phases =
            of.map(|((_, phase), flows)| PhaseFlows { phase: phase.name(), flows: *flows }).collect();
    }
}

impl View<'_> {
    fn session(&self, unit: usize, id: u64, session: &session::Session, first: u64) -> Session {
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
            updates: self.updates(unit, session),
            start: time(session.first.time),
            end: time(session.last.time),
            first_frame: session.first.frame.number(),
            last_input: session.last.frame.input(),
            last_frame: session.last.frame.number(),
            flows: session.flows.len() as u64,
            meetings: (first..).take(session.meetings.len()).collect(),
            phases: self.phases(unit, session, first),
            milestones: session.milestones.iter().map(|of| self.milestone(unit, of, first)).collect(),
            may_be_two_clients: session.may_be_two,
        }
    }

    fn phases(&self, unit: usize, session: &session::Session, first: u64) -> Vec<Phase> {
        let mut traffic = vec![BTreeMap::new(); session.phases.len()];
        for row in session.flows.iter().filter_map(|flow| self.row(unit, *flow)) {
            let at = session.phase_at(row.flow.first_frame());
            let Some(phase) = at.and_then(|at| traffic.get_mut(at)) else { continue };
            let service = row.attribution.service.id();
            let sums = phase.entry(service).or_insert_with(|| PhaseTraffic {
                service,
                flows: 0,
                bytes_out: 0,
                bytes_in: 0,
            });
            sums.flows += 1;
            sums.bytes_out = sums.bytes_out.saturating_add(row.flow.wire_bytes(row.judged.local));
            sums.bytes_in = sums.bytes_in.saturating_add(row.flow.wire_bytes(row.judged.local.other()));
        }
        let of = |(phase, traffic): (&session::Phase, BTreeMap<_, _>)| Phase {
            kind: phase.kind.name(),
            rule: phase.rule.name(),
            certainty: phase.certainty.name(),
            meeting: phase.meeting.map(|number| first + number as u64),
            start: time(phase.start.time),
            start_input: phase.start.frame.input(),
            start_frame: phase.start.frame.number(),
            until: time(phase.until.time),
            until_input: phase.until.frame.input(),
            until_frame: phase.until.frame.number(),
            until_rule: phase.until_rule.name(),
            traffic: traffic.into_values().collect(),
        };
        session.phases.iter().zip(traffic).map(of).collect()
    }

    fn milestone(&self, unit: usize, milestone: &session::Milestone, first: u64) -> Milestone {
        Milestone {
            kind: milestone.kind.name(),
            certainty: milestone.certainty.name(),
            meeting: milestone.meeting.map(|number| first + number as u64),
            flow: self.flow_id((unit, milestone.flow)),
            time: time(milestone.at.time),
            input: milestone.at.frame.input(),
            frame: milestone.at.frame.number(),
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

    /// The versions that a session asked update hosts for, each with the first frame that has it.
    fn updates(&self, unit: usize, session: &session::Session) -> Vec<schema::Update> {
        let mut first: BTreeMap<String, schema::Update> = BTreeMap::new();
        let rows = session.flows.iter().filter_map(|flow| self.row(unit, *flow));
        for update in rows.flat_map(|row| flows::updates(&row)) {
            let at = |update: &schema::Update| (update.input, update.frame);
            let is_full = first.len() >= MAX_UPDATES;
            match first.entry(update.version.clone()) {
                Entry::Occupied(mut known) if at(&update) < at(known.get()) => drop(known.insert(update)),
                Entry::Vacant(free) if !is_full => {
                    free.insert(update);
                }
                Entry::Occupied(_) | Entry::Vacant(_) => {}
            }
        }
        first.into_values().collect()
    }

    fn meeting(&self, unit: usize, session: u64, id: u64, meeting: &session::Meeting) -> Meeting {
        let kinds = |kinds: &[MediaKind]| kinds.iter().map(|kind| flows::media(*kind)).collect();
        Meeting {
            id,
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
            media: kinds(&meeting.media),
            streams: kinds(&meeting.streams),
            silent: meeting.is_silent(),
            servers: meeting.servers.iter().map(ToString::to_string).collect(),
            participants: meeting.participants.len() as u64,
            flows: meeting.flows.iter().map(|flow| self.flow_id((unit, *flow))).collect(),
        }
    }
}

/// Versions that are told of one session.
const MAX_UPDATES: usize = 32;
/// Processes that are told of one session.
const MAX_PROCESSES: usize = 32;

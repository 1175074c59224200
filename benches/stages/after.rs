//! The stages behind reading, each alone on what an inspection found.
//!
//! Input: an inspection. Output: what doing it again took. Inside the program these stages share look-ups that they are given
//! here; what is left of judging is finding whose each flow is, and bringing together what its relations say.
//! Must not: count the time of bringing together what a stage is given.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::io;

use borderpost::client::{Catalogue, Service};
use borderpost::flow::{Flow, TcpState};
use borderpost::frame::FrameRef;
use borderpost::inspect::{self, Inspection, Unit};
use borderpost::packet::Protocol;
use borderpost::report::lang::Lang;
use borderpost::report::{self, table};
use borderpost::session::{Machine, Member, Moment, sessions};
use borderpost::verdict::{self, Register};

use crate::stage::{Took, size, took};

/// Places every address that the client reached, once for each day; names and round trips are missing.
pub(crate) fn place(inspection: &Inspection) -> io::Result<Took> {
    let reached = inspection.units().iter().flat_map(|unit| {
        unit.clients().filter_map(|(flow, judged)| {
            let remote = flow.endpoint(judged.local.other()).address;
            Some((remote, flow.first_time()?.date()))
        })
    });
    let reached: BTreeSet<_> = reached.collect();
    took(|| {
        for (address, day) in reached {
            black_box(inspect::place_address(address, day, inspection.settings()));
        }
        Ok(size(inspection))
    })
}

/// Judges every remote end of the client's flows, once where flows share their finding.
pub(crate) fn verdict(inspection: &Inspection) -> io::Result<Took> {
    let mut seen = BTreeSet::new();
    let clients =
        inspection.units().iter().flat_map(|unit| unit.clients().map(move |(_, judged)| (unit, judged)));
    let unseen = clients.filter(|(_, judged)| judged.finding.is_some_and(|finding| seen.insert(finding)));
    let given: Vec<_> = unseen
        .filter_map(|(unit, judged)| {
            let (place, attribution) = (unit.placement(&judged)?, unit.attribution(&judged)?);
            Some((place, attribution, place.law?))
        })
        .collect();
    let registers = &inspection.settings().registers;
    took(|| {
        for (place, attribution, day) in given {
            let recipient = attribution.recipient.map(|id| Catalogue::builtin().recipient(id));
            let contact = verdict::Contact {
                recipient: recipient.map(|recipient| recipient.id.as_str()),
                service: Some(attribution.service.id()),
                is_recipient_certified: recipient
                    .and_then(|recipient| recipient.certified_in(&place.resolution.allowed, day)),
                is_participant: attribution.service == Service::MeetingPeer,
            };
            let register = Register::in_force(registers, day);
            black_box(verdict::judge(&place.address, &place.resolution, &contact, register, day));
        }
        Ok(size(inspection))
    })
}

/// Finds the client's sessions and meetings in the flows that they were found in.
pub(crate) fn session(inspection: &Inspection) -> io::Result<Took> {
    let end = inspection.inputs().iter().filter_map(|input| input.latest).max();
    let end = Moment { frame: FrameRef::new(0, inspection.census().frames()), time: end };
    let members: Vec<Member<'_>> = inspection
        .units()
        .iter()
        .flat_map(|unit| unit.sessions().iter().map(move |session| (unit, session)))
        .flat_map(|(unit, session)| {
            session.flows.iter().filter_map(|flow| member(unit, &unit.flows().flow(*flow)?, session.machine))
        })
        .collect();
    took(|| {
        black_box(sessions(&members, &[], end));
        Ok(size(inspection))
    })
}

fn member<'a>(unit: &'a Unit, flow: &Flow<'a>, machine: Machine) -> Option<Member<'a>> {
    let judged = unit.judged_flow(flow.id())?;
    let service = unit.attribution(&judged)?.service;
    Some(Member {
        flow: flow.id(),
        machine,
        local: flow.endpoint(judged.local).address,
        local_side: judged.local,
        remote: flow.endpoint(judged.local.other()).address,
        first: Moment { frame: flow.first_frame(), time: flow.first_time() },
        last: Moment { frame: flow.last_frame(), time: flow.last_time() },
        is_answered: flow.is_answered(),
        is_media: matches!(service, Service::Media | Service::MeetingPeer),
        service,
        is_tcp: flow.protocol() == Protocol::Tcp,
        is_older: flow.tcp().is_some_and(TcpState::is_mid_stream),
        is_closed: flow.tcp().is_some_and(|tcp| tcp.fin(judged.local) || tcp.rst(judged.local)),
        payload_in: flow.payload_bytes(judged.local.other()),
        payload_out: flow.payload_bytes(judged.local),
        facts: unit.evidence().of(flow.id()),
    })
}

/// Builds the report and writes it as a table.
pub(crate) fn report(inspection: &Inspection) -> io::Result<Took> {
    let mut made = None;
    took(|| {
        let options = report::Options { show_participants: false, list_flows: false };
        let report = report::build(inspection, options);
        made = Some((table::table(&report, table::Color::Never, Lang::ENGLISH), report));
        black_box(&made);
        Ok(size(inspection))
    })
}

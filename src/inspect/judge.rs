//! The judgement of every flow of a capture: which end is local, whose it is, where the other end stands, whether the
//! register lists it, and the sessions that the client's flows make.

use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::client::{Attribution, Catalogue, IdentifiedBy, RecipientId, Service, Whose};
use crate::flow::local::{LocalSettings, locate};
use crate::flow::{Flow, Flows, TcpState};
use crate::frame::{Date, Timestamp};
use crate::inspect::circumstances::{Attributions, InRelation};
use crate::inspect::hearing::{Hearing, Proxied, SeenName};
use crate::inspect::judged::{FindingId, Found, Judged, Judgement, Verdict};
use crate::inspect::law::is_plausible;
use crate::inspect::locate::{Placement, Places};
use crate::inspect::matches::Matches;
use crate::inspect::post::machine;
use crate::inspect::relation::Relations;
use crate::inspect::stated::Stated;
use crate::inspect::vantage::{disagreements, vantages};
use crate::inspect::{Settings, Unit};
use crate::packet::Protocol;
use crate::place::{self, CountrySet, Grade};
use crate::session::{Member, Moment, Step, sessions};
use crate::verdict::{self, Axis, Register};

/// Judges every flow of `unit`.
pub(super) fn judge(unit: &mut Unit, settings: &Arc<Settings>) {
    let interface_addresses = unit.own_addresses.clone();
    let sides =
        locate(&unit.flows, &LocalSettings { overrides: settings.local.clone(), interface_addresses });
    let fallback = first_day(&unit.flows);
    let stated_day = |time: Option<Timestamp>| stated_day(time, fallback);
    let relations = Relations::of(&unit.flows, &sides, |time| {
        let stated = stated_day(time);
        // Where the clock cannot be right, the day that the user names is the best there is.
        settings.law_date.filter(|_| !is_plausible(stated)).unwrap_or(stated)
    });
    drop(sides);
    let proxied = Proxied::of(&unit.flows, &unit.evidence, &relations);
    let matches = Matches::of(&unit.evidence);
    let mut judgement = Judgement { relations, proxied, matches, ..Judgement::default() };
    let stated = Stated::of(unit.cell_vantage.as_ref(), settings);
    let hearing = unit.hearing_by(&judgement);
    let places = Places::new(&hearing, stated.clone(), Arc::clone(settings));
    let (verdicts, attributions, findings) = decide(&hearing, &places, settings, &unit.steps);
    judgement = Judgement { places, verdicts, attributions, findings, ..judgement };
    unit.judgement = judgement;
    unit.stated = stated;
    let days = unit.clients().map(|(flow, _)| stated_day(flow.first_time()));
    unit.flows_of_impossible_days = days.filter(|day| !is_plausible(*day)).count() as u64;
    unit.sessions =
        unit.last.map(|end| sessions(&members(unit), &third_parties(unit), end)).unwrap_or_default();
    unit.vantages = vantages(unit, settings);
    unit.vantage_disagreements = disagreements(unit, settings);
}

/// The day of flows whose frames have no time: that of the first that has one.
fn first_day(flows: &Flows) -> Option<Date> {
    flows.iter().find_map(|flow| flow.first_time()).map(Timestamp::date)
}

/// The flow's day by the capture's clock; of flows without a time, that of the first that has one.
fn stated_day(time: Option<Timestamp>, fallback: Option<Date>) -> Date {
    time.map(Timestamp::date).or(fallback).unwrap_or(EPOCH.date())
}

/// Decides whose each flow is and what is found about it, relation by relation.
fn decide(
    hearing: &Hearing<'_>,
    places: &Places,
    settings: &Settings,
    steps: &[Step],
) -> (Vec<Verdict>, Vec<Attribution>, Vec<Arc<Found>>) {
    let Hearing { flows, relations, .. } = *hearing;
    let mut attributions = Attributions::new(*hearing, settings.exclusive, steps);
    let mut verdicts = vec![Verdict::default(); flows.len()];
    let mut findings = Findings { settings, all: Vec::new(), known: HashMap::new() };
    // The findings of one relation by its attributions, which are hardly ever more than one.
    let mut numbers: Vec<(u32, FindingId)> = Vec::new();
    let mut said: Vec<SeenName> = Vec::new();
    for (id, relation) in relations.iter() {
        let is_listed =
            Catalogue::builtin().range(place::classify(relation.remote).routed, relation.day).is_some();
        let about = InRelation { id, day: relation.day, is_listed };
        numbers.clear();
        let mut lent: Option<Vec<SeenName>> = None;
        for flow in relations.flows(id).iter().filter_map(|id| flows.flow(*id)) {
            let Some(ended) = relations.of_flow(flow.id()) else { continue };
            said.clear();
            let heard = hearing.listen(flow.id(), ended.local, &mut said);
            let names = if said.is_empty() { lent.get_or_insert_with(|| hearing.lent(id)) } else { &said };
            let attribution = attributions.of(&flow, ended, heard, names, about);
            let found = attributions.get(attribution).filter(|known| known.whose != Whose::Other);
            let finding = found.and_then(|known| {
                if let Some((_, number)) = numbers.iter().find(|(of, _)| *of == attribution) {
                    return Some(*number);
                }
                let number = findings.add(known, places.of(id, hearing)?)?;
                numbers.push((attribution, number));
                Some(number)
            });
            if let Some(verdict) = verdicts.get_mut(flow.id().0 as usize) {
                *verdict = Verdict { attribution, finding };
            }
        }
    }
    (verdicts, attributions.into_all(), findings.all)
}

/// The findings of one capture, in order of their numbers. Those on the same grounds are worked out once.
struct Findings<'a> {
    settings: &'a Settings,
    all: Vec<Arc<Found>>,
    known: HashMap<Grounds, Arc<Found>>,
}

/// Everything that a finding depends on.
#[derive(PartialEq, Eq, Hash)]
struct Grounds {
    recipient: Option<RecipientId>,
    service: Service,
    is_public: bool,
    axis: Axis,
    grade: Grade,
    allowed: CountrySet,
    law: Option<Date>,
}

impl Findings<'_> {
    fn add(&mut self, attribution: &Attribution, place: &Placement) -> Option<FindingId> {
        let number = FindingId::behind(self.all.len())?;
        let grounds = Grounds {
            recipient: attribution.recipient,
            service: attribution.service,
            is_public: place.address.is_public(),
            axis: place.axis,
            grade: place.resolution.grade,
            allowed: place.resolution.allowed,
            law: place.law,
        };
        let found = self.known.entry(grounds);
        let found = found.or_insert_with(|| Arc::new(find(attribution, place, self.settings)));
        self.all.push(Arc::clone(found));
        Some(number)
    }
}

fn find(attribution: &Attribution, place: &Placement, settings: &Settings) -> Found {
    let is_participant = attribution.service == Service::MeetingPeer;
    let Some(day) = place.law else {
        let axis = if is_participant { Axis::Participant } else { place.axis };
        let listing = verdict::Listing::NoRegister.name();
        return Found { listing, ..Found::of_place(axis, place.resolution.grade) };
    };
    let register = Register::in_force(&settings.registers, day);
    let recipient = attribution.recipient.map(|id| Catalogue::builtin().recipient(id));
    let contact = verdict::Contact {
        recipient: recipient.map(|recipient| recipient.id.as_str()),
        service: Some(attribution.service.id()),
        // What nobody claims has no zone in which a certificate could count.
        is_recipient_certified: recipient
            .filter(|_| place.resolution.grade.is_claimed())
            .and_then(|recipient| recipient.certified_in(&place.resolution.allowed, day)),
        is_participant,
    };
    let finding = verdict::judge(&place.address, &place.resolution, &contact, register, day);
    Found::of(&finding, register)
}

/// Where no frame of a capture has a time, its flows are of a day before every law and list.
const EPOCH: Timestamp = Timestamp::from_nanos(0);

/// The client's flows, as sessions see them. What only the tester's word ties to it does not make a session.
fn members(unit: &Unit) -> Vec<Member<'_>> {
    let is_member = |(_, judged): &(Flow<'_>, Judged)| {
        unit.attribution(judged).is_some_and(|of| !of.identified_by.is_some_and(IdentifiedBy::is_word))
    };
    unit.clients().filter(is_member).map(|(flow, judged)| member(unit, &flow, &judged)).collect()
}

/// The flows of catalogued third parties that nothing ties to the client.
fn third_parties(unit: &Unit) -> Vec<Member<'_>> {
    let is_beside = |(_, judged): &(Flow<'_>, Judged)| {
        unit.attribution(judged).is_some_and(|of| of.whose == Whose::NotAttributable)
    };
    unit.judged().filter(is_beside).map(|(flow, judged)| member(unit, &flow, &judged)).collect()
}

fn member<'a>(unit: &'a Unit, flow: &Flow<'a>, judged: &Judged) -> Member<'a> {
    let local: IpAddr = flow.endpoint(judged.local).address;
    let service = unit.attribution(judged).map(|attribution| attribution.service);
    Member {
        flow: flow.id(),
        machine: machine(flow, judged.local),
        local,
        local_side: judged.local,
        remote: flow.endpoint(judged.local.other()).address,
        first: Moment { frame: flow.first_frame(), time: flow.first_time() },
        last: Moment { frame: flow.last_frame(), time: flow.last_time() },
        is_answered: flow.is_answered(),
        is_media: matches!(service, Some(Service::Media | Service::MeetingPeer)),
        service: service.unwrap_or(Service::Unknown),
        is_tcp: flow.protocol() == Protocol::Tcp,
        is_older: flow.tcp().is_some_and(TcpState::is_mid_stream),
        is_closed: flow.tcp().is_some_and(|tcp| tcp.fin(judged.local) || tcp.rst(judged.local)),
        payload_in: flow.payload_bytes(judged.local.other()),
        payload_out: flow.payload_bytes(judged.local),
        facts: unit.evidence.of(flow.id()),
    }
}

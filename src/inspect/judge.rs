//! The judgement of every flow of a capture: which end is local, whose it is, where the other end stands, whether the
//! register lists it, and the sessions that the client's flows make.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::client::{
    Attribution, Catalogue, ClientProcess, Contact, IdentifiedBy, Origin, PayloadMark, Service, Spoken, Whose,
};
use crate::evidence::{self, Evidence, Fact, NameId};
use crate::flow::local::{LocalReason, LocalSettings, locate};
use crate::flow::{Flow, FlowId, Flows, Method, Passage, Side};
use crate::frame::{Date, FrameRef, Timestamp};
use crate::inspect::known::{Host, Known, Relation, is_operators};
use crate::inspect::law::is_plausible;
use crate::inspect::locate::{Placement, place_all};
use crate::inspect::post::{Posts, machine};
use crate::inspect::vantage::{disagreements, vantages};
use crate::inspect::{Settings, Unit};
use crate::place::{Country, Doubt, Grade, LEAST_TRUSTED, Measurement, ZoneReading, classify};
use crate::session::{Member, Moment, sessions};
use crate::verdict::{self, Axis, Finding, Register};
use crate::wire::Hostname;

/// What was decided about one flow.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Which of its ends is the local one.
    pub local: Side,
    /// Why.
    pub local_reason: LocalReason,
    /// The names of the remote end; flows that say none share those of their two addresses.
    pub names: Arc<[SeenName]>,
    /// Whose it is and what for.
    pub attribution: Attribution,
    /// Where its placement stands in the unit's list; see [`Unit::placement`].
    pub placement: usize,
    /// The finding; `None` for others' flows, which are counted and not judged.
    pub finding: Option<Box<Found>>,
}

/// A name of a flow's remote end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeenName {
    /// The name.
    pub name: NameId,
    /// Where it was read.
    pub origin: evidence::Origin,
    /// The frame it was read from.
    pub frame: FrameRef,
    /// Whether another flow between the same two addresses said it, and this one said none.
    pub is_of_address: bool,
}

/// A finding without what it borrows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Where the destination stands, seen from the EEA.
    pub axis: Axis,
    /// How sure that is.
    pub grade: Grade,
    /// The zone of each allowed country.
    pub zones: Vec<(Country, ZoneReading)>,
    /// The listing's name.
    pub listing: &'static str,
    /// The register's name, where one covers the day.
    pub register: Option<String>,
    /// The register's entry, where one lists it.
    pub entry: Option<String>,
    /// Where it would be listed if it stood there.
    pub hint: Option<String>,
    /// Whether it is outside the EEA and not listed.
    pub is_flagged: bool,
}

impl Found {
    /// What is found about a flow that is not the client's: where it stands, and nothing else.
    #[must_use]
    pub fn of_place(axis: Axis, grade: Grade) -> Self {
        Self {
            axis,
            grade,
            zones: Vec::new(),
            listing: "not_compared",
            register: None,
            entry: None,
            hint: None,
            is_flagged: false,
        }
    }
}

/// Judges every flow of `unit`.
pub(super) fn judge(unit: &mut Unit, settings: &Settings) {
    let interface_addresses = unit.own_addresses.clone();
    let sides =
        locate(&unit.flows, &LocalSettings { overrides: settings.local.clone(), interface_addresses });
    let bench = Bench {
        flows: &unit.flows,
        evidence: &unit.evidence,
        settings,
        sides: &sides,
        fallback: first_day(&unit.flows),
        tick: unit.tick,
    };
    let mut heard: Vec<Heard> = unit.flows.iter().map(|flow| bench.listen(&flow)).collect();
    let known = bench.gather(&mut heard);
    let posts = Posts::of(unit, |flow| (bench.side(flow.id()).0, bench.relation(flow).day));
    let placements = place_all(&known, &posts, settings);
    let judged = unit.flows.iter().zip(heard).map(|(flow, heard)| {
        let placement = placements.positions.get(&bench.relation(&flow)).copied().unwrap_or(usize::MAX);
        bench.judge(&flow, heard, placement, placements.all.get(placement))
    });
    let judged: Vec<Judged> = judged.collect();
    let clients =
        unit.flows.iter().zip(&judged).filter(|(_, judged)| judged.attribution.whose == Whose::Client);
    unit.flows_of_impossible_days =
        clients.filter(|(flow, _)| !is_plausible(bench.stated_day(flow))).count() as u64;
    unit.judged = judged;
    unit.sessions = unit.last.map(|end| sessions(&members(unit), end)).unwrap_or_default();
    unit.placements = placements.all;
    unit.vantage_conflicts = placements.conflicts;
    unit.vantages = vantages(unit, settings);
    unit.vantage_disagreements = disagreements(unit, settings);
}

/// The day of flows whose frames have no time: that of the first that has one.
fn first_day(flows: &Flows) -> Option<Date> {
    flows.iter().find_map(|flow| flow.first_time()).map(Timestamp::date)
}

/// What a flow itself says that matters for whose it is.
struct Heard {
    names: Arc<[SeenName]>,
    payload: PayloadMark,
}

struct Bench<'a> {
    flows: &'a Flows,
    evidence: &'a Evidence,
    settings: &'a Settings,
    sides: &'a [(Side, LocalReason)],
    fallback: Option<Date>,
    tick: Duration,
}

impl Bench<'_> {
    fn side(&self, flow: FlowId) -> (Side, LocalReason) {
        self.sides.get(flow.0 as usize).copied().unwrap_or((Side::First, LocalReason::FirstSender))
    }

    fn relation(&self, flow: &Flow<'_>) -> Relation {
        let (local, _) = self.side(flow.id());
        let stated = self.stated_day(flow);
        // Where the clock cannot be right, the day that the user names is the best there is.
        let day = self.settings.law_date.filter(|_| !is_plausible(stated)).unwrap_or(stated);
        Relation { local: Host::of(flow, local), remote: flow.endpoint(local.other()).address, day }
    }

    /// The flow's day by the capture's clock; of flows without a time, that of the first that has one.
    fn stated_day(&self, flow: &Flow<'_>) -> Date {
        flow.first_time().map(Timestamp::date).or(self.fallback).unwrap_or(EPOCH.date())
    }

    fn listen(&self, flow: &Flow<'_>) -> Heard {
        let remote = self.side(flow.id()).0.other();
        let (mut names, mut payload) = (Vec::new(), PayloadMark::None);
        for entry in self.evidence.of(flow.id()) {
            match entry.fact {
                // What the remote end asks for is the local end's name, not its own.
                Fact::Name { origin, from: Some(from), .. } if origin.is_request() && from == remote => {}
                Fact::Name { name, origin, .. } => {
                    names.push(SeenName { name, origin, frame: entry.frame, is_of_address: false });
                }
                ref fact => payload = payload.or_stronger(PayloadMark::of(fact)),
            }
        }
        // Most flows of a large capture say nothing, and the empty list is shared.
        let names = if names.is_empty() { Arc::default() } else { names.into() };
        Heard { names, payload }
    }

    /// Brings together what all flows between two addresses say, and lends it to those that say nothing themselves. What
    /// was said on the day before or after holds too: sessions know no midnight, least of all that of UTC.
    fn gather(&self, heard: &mut [Heard]) -> BTreeMap<Relation, Known> {
        let proxied = self.proxied();
        let mut known: BTreeMap<Relation, Known> = BTreeMap::new();
        let mut spoken: BTreeMap<Relation, Vec<SeenName>> = BTreeMap::new();
        for (flow, heard) in self.flows.iter().zip(heard.iter()) {
            let relation = self.relation(&flow);
            let about = known.entry(relation).or_default();
            self.certificates(&flow, &mut about.certificates);
            about.is_corroborated |= heard.payload.is_operators();
            if let Some((measured, doubt)) = self.round_trip(&flow, &proxied) {
                about.note_round_trip(measured, doubt);
            }
            // Also where nothing was said: what the day beside it says holds for this one.
            add_names(spoken.entry(relation).or_default(), &heard.names);
        }
        let by_day = known;
        let mut known = across_midnight(&by_day, |all: &mut Known, near| {
            add_certificates(&mut all.certificates, &near.certificates);
            all.is_corroborated |= near.is_corroborated;
        });
        // Round trips stay with their day: on the next the host may have stood elsewhere.
        for (about, of_day) in known.values_mut().zip(by_day.values()) {
            about.round_trip = of_day.round_trip;
        }
        let spoken = across_midnight(&spoken, |all: &mut Vec<SeenName>, near| add_names(all, near));
        for (relation, names) in &spoken {
            let about = known.entry(*relation).or_default();
            about.names = names.iter().filter_map(|name| self.spoken(name)).collect();
            // What the client said itself is shown before what a resolver told it.
            about.names.sort_by_key(|spoken| (spoken.origin, spoken.frame));
            about.is_corroborated |= about.names.iter().any(|name| is_operators(&name.host));
        }
        let of_address = |name: SeenName| SeenName { is_of_address: true, ..name };
        let lent: BTreeMap<Relation, Arc<[SeenName]>> = spoken
            .into_iter()
            .map(|(relation, names)| (relation, names.into_iter().map(of_address).collect()))
            .collect();
        for (flow, heard) in self.flows.iter().zip(heard) {
            if heard.names.is_empty()
                && let Some(names) = lent.get(&self.relation(&flow))
            {
                heard.names = Arc::clone(names);
            }
        }
        known
    }

    /// Adds the texts of a flow's certificate that are no host names, each once.
    fn certificates(&self, flow: &Flow<'_>, known: &mut Vec<(String, FrameRef)>) {
        for entry in self.evidence.of(flow.id()) {
            if let Fact::CertificateText(text) = &entry.fact
                && known.len() < MAX_NAMES
                && !known.iter().any(|(known, _)| **known == **text)
            {
                known.push((text.to_string(), entry.frame));
            }
        }
    }

    /// The pairs of a local host and a remote address between which a box on the way accepted a connection: from another
    /// distance than its data came from, or sooner than any server can. Where it stands beside the host, that holds for all
    /// the host's connections: `None`.
    fn proxied(&self) -> BTreeSet<(Host, Option<IpAddr>)> {
        let mut pairs = BTreeSet::new();
        for flow in self.flows.iter() {
            let (local, _) = self.side(flow.id());
            let is_too_soon = flow
                .round_trip(local)
                .is_some_and(|trip| trip.method == Method::Handshake && trip.rtt < LEAST_TRUSTED);
            let (host, remote) = self.ends(&flow);
            if is_too_soon && classify(remote).is_public() {
                let is_beside = flow.passage(local.other()) == Some(Passage::Direct);
                pairs.insert((host, (!is_beside).then_some(remote)));
            }
        }
        for entry in self.evidence.facts() {
            let Fact::HopLimitsDiffer { accepted, .. } = entry.fact else { continue };
            let Some(flow) = self.flows.flow(entry.flow) else { continue };
            let (host, remote) = self.ends(&flow);
            // As it was sent, or after the one router in between.
            let is_beside = [64, 63, 128, 127, 255, 254].contains(&accepted);
            pairs.insert((host, (!is_beside).then_some(remote)));
        }
        pairs
    }

    /// The local host and the remote address.
    fn ends(&self, flow: &Flow<'_>) -> (Host, IpAddr) {
        let (local, _) = self.side(flow.id());
        (Host::of(flow, local), flow.endpoint(local.other()).address)
    }

    /// The shortest round trip that the local end measured, and what the flows say against using it. A box that accepted one
    /// connection for the server accepts others, too, whose data may not show it.
    fn round_trip(
        &self,
        flow: &Flow<'_>,
        proxied: &BTreeSet<(Host, Option<IpAddr>)>,
    ) -> Option<(Measurement, Option<Doubt>)> {
        let (local, _) = self.side(flow.id());
        let trip = flow.round_trip(local)?;
        let Self { tick, .. } = *self;
        let measured = Measurement { rtt: trip.rtt, tick, reply: trip.reply, method: trip.method.words() };
        let (host, remote) = self.ends(flow);
        let is_handshake = trip.method == Method::Handshake;
        let has_link_layer = [Side::First, Side::Second].iter().any(|side| flow.mac(*side).is_some());
        let doubt = if !flow.scope().tunnel.is_none() {
            Some(Doubt::InTunnel)
        } else if flow.is_seen_twice() {
            Some(Doubt::SeenTwice)
        } else if let Some(doubt) = measured.doubt() {
            Some(doubt)
        } else if is_handshake && proxied.contains(&(host, Some(remote))) {
            Some(Doubt::Proxy)
        } else if is_handshake && proxied.contains(&(host, None)) {
            Some(Doubt::ProxyBeside)
        } else if trip.method == Method::Dns {
            Some(Doubt::Dns)
        } else {
            (!has_link_layer).then_some(Doubt::Tunnel)
        };
        Some((measured, doubt))
    }

    fn spoken(&self, name: &SeenName) -> Option<Spoken> {
        let host = Hostname::parse(self.evidence.name(name.name).as_bytes())?;
        let origin = match name.origin.into() {
            // Lent to another flow, it is no surer.
            Origin::OtherCopy => Origin::OtherCopy,
            _ if name.is_of_address => Origin::SameAddress,
            origin => origin,
        };
        Some(Spoken { host, origin, frame: name.frame })
    }

    fn judge(&self, flow: &Flow<'_>, heard: Heard, placement: usize, place: Option<&Placement>) -> Judged {
        let (local, local_reason) = self.side(flow.id());
        let remote = flow.endpoint(local.other());
        let day = self.relation(flow).day;
        let names: Vec<(Hostname, Origin)> = heard
            .names
            .iter()
            .filter_map(|name| self.spoken(name))
            .map(|spoken| (spoken.host, spoken.origin))
            .collect();
        let contact = Contact {
            names: &names,
            address: remote.address,
            port: remote.port,
            transport: flow.protocol(),
            payload: heard.payload,
            process: self.client_process(flow),
            exclusive: self.settings.exclusive,
        };
        let attribution = Catalogue::builtin().attribute(&contact, day);
        let finding = place
            .filter(|_| attribution.whose != Whose::Other)
            .map(|place| Box::new(self.find(&attribution, place)));
        Judged { local, local_reason, names: heard.names, attribution, placement, finding }
    }

    /// The client's process that the flow is of, where the capture says so in a way that can be relied on.
    fn client_process(&self, flow: &Flow<'_>) -> Option<ClientProcess<'_>> {
        self.evidence.of(flow.id()).iter().find_map(|entry| {
            let Fact::Process(id) = entry.fact else { return None };
            let process = self.evidence.process_of(id)?;
            let (name, method) = (process.name.as_deref()?, process.method);
            let is_client = method.is_reliable() && Catalogue::builtin().is_process(name, method);
            is_client.then_some(ClientProcess { name, method })
        })
    }

    fn find(&self, attribution: &Attribution, place: &Placement) -> Found {
        let is_participant = attribution.service == Service::MeetingPeer;
        let Some(day) = place.law else {
            let axis = if is_participant { Axis::Participant } else { place.axis };
            let listing = verdict::Listing::NoRegister.name();
            return Found { listing, ..Found::of_place(axis, place.resolution.grade) };
        };
        let register = Register::in_force(&self.settings.registers, day);
        let recipient = attribution.recipient.map(|id| Catalogue::builtin().recipient(id));
        let contact = verdict::Contact {
            recipient: recipient.map(|recipient| recipient.id.as_str()),
            service: Some(attribution.service.id()),
            is_recipient_certified: recipient.and_then(|r| r.certified_in(&place.resolution.allowed, day)),
            is_participant,
        };
        let finding = verdict::judge(&place.address, &place.resolution, &contact, register, day);
        found(&finding, register)
    }
}

/// Each relation's value made of those of its own day and the days beside it, its own first.
fn across_midnight<T: Default>(
    of_day: &BTreeMap<Relation, T>,
    add: impl Fn(&mut T, &T),
) -> BTreeMap<Relation, T> {
    let merged = |(relation, own): (&Relation, &T)| {
        let mut all = T::default();
        add(&mut all, own);
        let first = Relation { day: relation.day.day_before(), ..*relation };
        let is_near = |other: &Relation| {
            (other.local, other.remote) == (relation.local, relation.remote)
                && other.day.days_since(relation.day) <= 1
        };
        let near = of_day.range(first..).take_while(|(other, _)| is_near(other));
        near.for_each(|(_, value)| add(&mut all, value));
        (*relation, all)
    };
    of_day.iter().map(merged).collect()
}

fn add_names(all: &mut Vec<SeenName>, more: &[SeenName]) {
    for name in more {
        let is_known = all.iter().any(|known| known.name == name.name && known.origin == name.origin);
        if !is_known && all.len() < MAX_NAMES {
            all.push(*name);
        }
    }
}

/// A text counts once, by the first frame that shows it: servers repeat their certificate on every connection.
fn add_certificates(all: &mut Vec<(String, FrameRef)>, more: &[(String, FrameRef)]) {
    for (text, frame) in more {
        if all.len() < MAX_NAMES && !all.iter().any(|(known, _)| known == text) {
            all.push((text.clone(), *frame));
        }
    }
}

/// Where no frame of a capture has a time, its flows are of a day before every law and list.
const EPOCH: Timestamp = Timestamp::from_nanos(0);
/// Names that are kept for one remote address.
const MAX_NAMES: usize = 32;

fn found(finding: &Finding<'_>, register: Option<&Register>) -> Found {
    let entry = match finding.listing {
        verdict::Listing::Listed(entry) => Some(entry.id.clone()),
        _ => None,
    };
    Found {
        axis: finding.axis,
        grade: finding.grade,
        zones: finding.zones.clone(),
        listing: finding.listing.name(),
        register: register.map(|register| register.name().to_owned()),
        entry,
        hint: finding.hint().filter(|_| finding.axis == Axis::Undetermined),
        is_flagged: finding.is_flagged,
    }
}

/// The client's flows, as sessions see them. What only the tester's word ties to it does not make a session.
fn members(unit: &Unit) -> Vec<Member<'_>> {
    let is_member = |judged: &Judged| {
        judged.attribution.whose == Whose::Client
            && judged.attribution.identified_by != Some(IdentifiedBy::Exclusive)
    };
    let chosen = unit.flows.iter().zip(&unit.judged).filter(|(_, judged)| is_member(judged));
    chosen.map(|(flow, judged)| member(unit, &flow, judged)).collect()
}

fn member<'a>(unit: &'a Unit, flow: &Flow<'a>, judged: &Judged) -> Member<'a> {
    let local: IpAddr = flow.endpoint(judged.local).address;
    Member {
        flow: flow.id(),
        machine: machine(flow, judged.local),
        local,
        local_side: judged.local,
        remote: flow.endpoint(judged.local.other()).address,
        first: Moment { frame: flow.first_frame(), time: flow.first_time() },
        last: Moment { frame: flow.last_frame(), time: flow.last_time() },
        is_answered: flow.is_answered(),
        is_media: matches!(judged.attribution.service, Service::Media | Service::MeetingPeer),
        facts: unit.evidence.of(flow.id()),
    }
}

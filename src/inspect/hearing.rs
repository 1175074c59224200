//! What flows say: each for itself, and all flows of a relation together.
//!
//! Input: flows, their facts, and their relations. Output: names, payload and round trips, read off the facts when they are
//! asked for, so that nothing of it is kept for millions of flows. Must not: decide whose a flow is, or where an end stands.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;

use crate::client::{Origin, PayloadMark, Spoken};
use crate::evidence::{self, Evidence, Fact, NameId};
use crate::flow::{Flow, FlowId, Flows, Method, Passage, Side};
use crate::frame::FrameRef;
use crate::inspect::known::Known;
use crate::inspect::matches::{Match, Matches};
use crate::inspect::relation::{Ended, Host, RelationId, Relations};
use crate::place::{Doubt, LEAST_TRUSTED, Measurement, classify};
use crate::wire::Hostname;

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
    /// Whether whoever can add a packet could have chosen it: the connection asks for another name, too, or nobody answered
    /// it where others were answered. It may tie a flow to the client, and places nothing in the EEA.
    is_disputed: bool,
}

impl SeenName {
    /// Where it was read, as far as that matters for whose a flow is.
    pub(super) fn client_origin(&self) -> Origin {
        match self.origin.into() {
            // Lent to another flow, it is no surer.
            Origin::OtherCopy => Origin::OtherCopy,
            _ if self.is_of_address => Origin::SameAddress,
            origin => origin,
        }
    }
}

/// What a flow itself says that matters for whose it is, beside names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) payload: PayloadMark,
    /// Whether the capture says of which process it is.
    pub(super) has_process: bool,
}

/// The flows of one capture, and what they say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hearing<'a> {
    pub(super) flows: &'a Flows,
    pub(super) evidence: &'a Evidence,
    pub(super) relations: &'a Relations,
    pub(super) proxied: &'a Proxied,
    pub(super) matches: &'a Matches,
    /// The coarsest tick of the clocks that the frames were timed by.
    pub(super) tick: Duration,
}

impl<'a> Hearing<'a> {
    /// Adds the names of the flow's remote end by the flow's own word, and says what else it says.
    pub(super) fn listen(&self, flow: FlowId, local: Side, names: &mut Vec<SeenName>) -> Heard {
        let remote = local.other();
        let mut heard = Heard { payload: PayloadMark::None, has_process: false };
        for entry in self.evidence.of(flow) {
            match entry.fact {
                // What the remote end asks for is the local end's name, not its own.
                Fact::Name { origin, from: Some(from), .. } if origin.is_request() && from == remote => {}
                Fact::Name { name, origin, .. } => {
                    let (frame, is_of_address, is_disputed) = (entry.frame, false, false);
                    names.push(SeenName { name, origin, frame, is_of_address, is_disputed });
                }
                Fact::Process(_) => heard.has_process = true,
                ref fact => heard.payload = heard.payload.or_stronger(PayloadMark::of(fact)),
            }
        }
        heard
    }

    /// The names of a flow's remote end: its own word, else what other flows of the relation say.
    pub(super) fn names(&self, flow: FlowId, lent: &Lent) -> Vec<SeenName> {
        let Some(Ended { relation, local, .. }) = self.relations.of_flow(flow) else { return Vec::new() };
        let mut names = Vec::new();
        self.listen(flow, local, &mut names);
        if names.is_empty() { lent.of(relation, self) } else { names }
    }

    /// The names that a flow of the relation gets from the others, where it says none itself.
    pub(super) fn lent(&self, relation: RelationId) -> Vec<SeenName> {
        let said = self.said_around(relation).names;
        said.into_iter().map(|name| SeenName { is_of_address: true, ..name }).collect()
    }

    /// What is known of the relation's remote address.
    pub(super) fn known(&self, relation: RelationId) -> Known {
        let Said { names, certificates, mut is_corroborated } = self.said_around(relation);
        is_corroborated |= names.iter().any(|name| self.matches.get(name.name) == Match::Operators);
        let round_trip = self.round_trip(relation);
        Known { names: self.all_spoken(&names), certificates, is_corroborated, round_trip }
    }

    /// The names alone that are known of the relation's remote address.
    pub(super) fn known_names(&self, relation: RelationId) -> Vec<Spoken> {
        self.all_spoken(&self.said_around(relation).names)
    }

    fn all_spoken(&self, names: &[SeenName]) -> Vec<Spoken> {
        let weighed = |name: &SeenName| {
            let spoken = self.spoken(name)?;
            let origin = if name.is_disputed { Origin::OtherCopy } else { spoken.origin };
            Some(Spoken { origin, ..spoken })
        };
        let mut names: Vec<Spoken> = names.iter().filter_map(weighed).collect();
        // What the client said itself is shown before what a resolver told it.
        names.sort_by_key(|spoken| (spoken.origin, spoken.frame));
        names
    }

    /// The shortest round trip of the relation, one without a doubt before one with. It is of that day alone: on the next
    /// the host may have stood elsewhere.
    pub(super) fn round_trip(&self, relation: RelationId) -> Option<(Measurement, Option<Doubt>)> {
        let flows = self.relations.flows(relation).iter().filter_map(|id| self.flows.flow(*id));
        let measured = flows.filter_map(|flow| self.measured(&flow));
        measured.min_by_key(|(measured, doubt)| (doubt.is_some(), measured.rtt, measured.reply, *doubt))
    }

    /// A name as it is weighed.
    pub(super) fn spoken(&self, name: &SeenName) -> Option<Spoken> {
        let host = Hostname::parse(self.evidence.name(name.name).as_bytes())?;
        Some(Spoken { host, origin: name.client_origin(), frame: name.frame })
    }

    /// What all flows of a relation say, and what was said on the day before and after.
    fn said_around(&self, relation: RelationId) -> Said {
        let mut all = self.said(relation);
        for beside in self.relations.beside(relation) {
            let said = self.said(beside);
            add_names(&mut all.names, &said.names);
            add_certificates(&mut all.certificates, said.certificates);
            all.is_corroborated |= said.is_corroborated;
        }
        all
    }

    fn said(&self, relation: RelationId) -> Said {
        let mut all = Said::default();
        let mut names = Vec::new();
        let is_answered = |flow: &FlowId| {
            let remote = self.relations.of_flow(*flow).map(|ended| ended.local.other());
            self.flows.flow(*flow).zip(remote).is_some_and(|(flow, remote)| flow.packets(remote) > 0)
        };
        let has_answers = self.relations.flows(relation).iter().any(is_answered);
        for flow in self.relations.flows(relation) {
            let Some(ended) = self.relations.of_flow(*flow) else { continue };
            names.clear();
            all.is_corroborated |= self.listen(*flow, ended.local, &mut names).payload.is_operators();
            dispute(&mut names, has_answers && !is_answered(flow));
            add_names(&mut all.names, &names);
            for entry in self.evidence.of(*flow) {
                if let Fact::CertificateText(text) = &entry.fact {
                    add_certificates(&mut all.certificates, [(text.to_string(), entry.frame)]);
                }
            }
        }
        all
    }

    /// The shortest round trip that the local end measured, and what the flows say against using it. A box that accepted one
    /// connection for the server accepts others, too, whose data may not show it.
    fn measured(&self, flow: &Flow<'a>) -> Option<(Measurement, Option<Doubt>)> {
        let local = self.relations.of_flow(flow.id())?.local;
        let trip = flow.round_trip(local)?;
        let Self { tick, .. } = *self;
        let measured = Measurement { rtt: trip.rtt, tick, reply: trip.reply, method: trip.method.words() };
        let is_handshake = trip.method == Method::Handshake;
        let has_link_layer = [Side::First, Side::Second].iter().any(|side| flow.mac(*side).is_some());
        let doubt = (!flow.scope().tunnel.is_none())
            .then_some(Doubt::InTunnel)
            .or(flow.is_seen_twice().then_some(Doubt::SeenTwice))
            .or_else(|| measured.doubt())
            .or_else(|| self.proxied.doubt(flow, local).filter(|_| is_handshake))
            .or((trip.method == Method::Dns).then_some(Doubt::Dns))
            .or((!has_link_layer).then_some(Doubt::Tunnel));
        Some((measured, doubt))
    }
}

/// What relations of many flows lend to those that say no name: to find it takes all of them, and each may ask.
#[derive(Debug, Default)]
pub(super) struct Lent(Mutex<HashMap<RelationId, Arc<[SeenName]>>>);

impl Lent {
    fn of(&self, relation: RelationId, hearing: &Hearing<'_>) -> Vec<SeenName> {
        let beside = hearing.relations.beside(relation);
        let flows: usize =
            beside.chain([relation]).map(|relation| hearing.relations.flows(relation).len()).sum();
        if flows <= FEW {
            return hearing.lent(relation);
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(relation).or_insert_with(|| hearing.lent(relation).into()).to_vec()
    }
}

/// So few flows are looked through each time: nearly all relations have fewer, and there may be millions of these.
const FEW: usize = 16;

/// What flows between two addresses say.
#[derive(Default)]
struct Said {
    names: Vec<SeenName>,
    certificates: Vec<(String, FrameRef)>,
    is_corroborated: bool,
}

/// The local hosts and remote addresses between which a box on the way accepted a connection: from another distance than
/// its data came from, or sooner than any server can. Where it stands beside the host, that holds for all the host's
/// connections: `None`.
#[derive(Debug, Default)]
pub(super) struct Proxied(BTreeSet<(Host, Option<IpAddr>)>);

impl Proxied {
    pub(super) fn of(flows: &Flows, evidence: &Evidence, relations: &Relations) -> Self {
        let mut pairs = BTreeSet::new();
        for (flow, ended) in flows.iter().zip(relations.of_flows()) {
            let is_too_soon = flow
                .round_trip(ended.local)
                .is_some_and(|trip| trip.method == Method::Handshake && trip.rtt < LEAST_TRUSTED);
            if !is_too_soon {
                continue;
            }
            let (host, remote) = ends(&flow, ended.local);
            if classify(remote).is_public() {
                let is_beside = flow.passage(ended.local.other()) == Some(Passage::Direct);
                pairs.insert((host, (!is_beside).then_some(remote)));
            }
        }
        for entry in evidence.facts() {
            let Fact::HopLimitsDiffer { accepted, .. } = entry.fact else { continue };
            let Some(flow) = flows.flow(entry.flow) else { continue };
            let Some(ended) = relations.of_flow(entry.flow) else { continue };
            let (host, remote) = ends(&flow, ended.local);
            // As it was sent, or after the one router in between.
            let is_beside = [64, 63, 128, 127, 255, 254].contains(&accepted);
            pairs.insert((host, (!is_beside).then_some(remote)));
        }
        Self(pairs)
    }

    fn doubt(&self, flow: &Flow<'_>, local: Side) -> Option<Doubt> {
        let (host, remote) = ends(flow, local);
        if self.0.contains(&(host, Some(remote))) {
            Some(Doubt::Proxy)
        } else {
            self.0.contains(&(host, None)).then_some(Doubt::ProxyBeside)
        }
    }
}

/// The local host and the remote address.
fn ends(flow: &Flow<'_>, local: Side) -> (Host, IpAddr) {
    (Host::of(flow, local), flow.endpoint(local.other()).address)
}

/// Marks the names that one flow asks for, where they are several, or where it stands alone without an answer.
fn dispute(names: &mut [SeenName], is_alone: bool) {
    let asked = |name: &&mut SeenName| name.origin.is_request();
    let mut each = names.iter().filter(|name| name.origin.is_request()).map(|name| name.name);
    let first = each.next();
    if is_alone || each.any(|name| Some(name) != first) {
        names.iter_mut().filter(asked).for_each(|name| name.is_disputed = true);
    }
}

/// What one flow says without dispute holds, whatever is added to another.
fn add_names(all: &mut Vec<SeenName>, more: &[SeenName]) {
    for name in more {
        let has_room = all.len() < MAX_NAMES;
        match all.iter_mut().find(|known| known.name == name.name && known.origin == name.origin) {
            Some(known) => known.is_disputed &= name.is_disputed,
            None if has_room => all.push(*name),
            // Nobody fills the room with names of his own.
            None if !name.is_disputed => {
                if let Some(disputed) = all.iter_mut().rev().find(|known| known.is_disputed) {
                    *disputed = *name;
                }
            }
            None => {}
        }
    }
}

/// A text counts once, by the first frame that shows it: servers repeat their certificate on every connection.
fn add_certificates(all: &mut Vec<(String, FrameRef)>, more: impl IntoIterator<Item = (String, FrameRef)>) {
    for (text, frame) in more {
        if all.len() < MAX_NAMES && !all.iter().any(|(known, _)| *known == text) {
            all.push((text, frame));
        }
    }
}

/// Names that are kept for one remote address.
const MAX_NAMES: usize = 32;

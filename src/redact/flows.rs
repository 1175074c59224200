//! What is known of flows before their frames are copied: which may show something, and what.
//!
//! Input: an inspection. Output: for both ends of a packet what its payload may show; the roles of addresses and the names
//! that stay. Must not: read a frame.

use std::collections::{BTreeSet, HashMap};

use super::address::Roles;
use super::datagram;
use super::ends::Ends;
use super::name::Names;
use crate::client::{Catalogue, Whose};
use crate::evidence::{DnsTransport, Fact, Origin};
use crate::flow::{Flow, Side};
use crate::inspect::{Judged, Unit};
use crate::place;
use crate::verdict::Axis;
use crate::wire::dns;
use crate::wire::zoom::Socket;

/// What the payload of a flow may show.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Shown {
    /// One port is that of DNS.
    pub(super) is_domain: bool,
    pub(super) datagrams: datagram::Known,
}

/// The flows that may show something.
#[derive(Default, Debug)]
pub(super) struct ShownFlows {
    of: HashMap<Ends, Shown>,
    sockets: HashMap<Ends, Socket>,
    spare: Socket,
    /// Flows of which headers alone are kept.
    pub(super) headers_only: u64,
}

impl ShownFlows {
    /// What the payload of these ends' packets may show; `None` where it is nothing.
    pub(super) fn shown(&self, ends: &Ends) -> Option<Shown> {
        self.of.get(&ends.ordered().0).copied()
    }

    /// What is known of the client's socket between two ends.
    pub(super) fn socket(&mut self, ends: &Ends) -> &mut Socket {
        let ends = ends.ordered().0;
        if !self.of.get(&ends).is_some_and(|shown| shown.datagrams.is_clients_layer) {
            self.spare = Socket::new();
            return &mut self.spare;
        }
        self.sockets.entry(ends).or_default()
    }

    /// Decides for every flow of a capture. Names are asked which of them stand for themselves.
    pub(super) fn of(unit: &Unit, names: &mut Names) -> Self {
        let mut flows = Self::default();
        for (flow, judged) in unit.judged() {
            if !may_show(unit, &flow, &judged) {
                flows.headers_only += 1;
                continue;
            }
            let [from, to] = [Side::First, Side::Second].map(|side| flow.endpoint(side));
            let ends = Ends { protocol: flow.protocol(), from, to }.ordered().0;
            let shown = shown(unit, &flow, names);
            let known = flows.of.entry(ends).or_insert(shown);
            // Of flows that share their ends each may show what both may.
            known.datagrams.shows_certificate &= shown.datagrams.shows_certificate;
            known.datagrams.shows_quic &= shown.datagrams.shows_quic;
            known.datagrams.is_clients_layer |= shown.datagrams.is_clients_layer;
        }
        flows
    }
}

/// The client's flows, those that may be, those whose address is the operator's, and those that say what a report has to say
/// of the capture: where the client stands, and what is not seen.
fn may_show(unit: &Unit, flow: &Flow<'_>, judged: &Judged) -> bool {
    let whose = unit.attribution(judged).map_or(Whose::Other, |attribution| attribution.whose);
    let ends = [Side::First, Side::Second].map(|side| flow.endpoint(side));
    let is_domain = ends.iter().any(|end| end.port == dns::PORT);
    let says = |fact: &Fact| {
        matches!(fact, Fact::EncryptedDns(_) | Fact::SealedTunnel(_) | Fact::Proxy(_))
            || matches!(fact, Fact::MappedAddress { asker, .. } if *asker == judged.local)
    };
    whose != Whose::Other
        || is_domain
        || Catalogue::builtin().was_published(flow.endpoint(judged.local.other()).address)
        || unit.evidence().of(flow.id()).iter().any(|entry| says(&entry.fact))
}

fn shown(unit: &Unit, flow: &Flow<'_>, names: &mut Names) -> Shown {
    let mut has = [false; 2];
    let mut shown = Shown {
        is_domain: [Side::First, Side::Second].iter().any(|side| flow.endpoint(*side).port == dns::PORT),
        datagrams: datagram::Known { shows_certificate: true, shows_quic: true, is_clients_layer: false },
    };
    let [has_certificate, has_quic] = &mut has;
    for entry in unit.evidence().of(flow.id()) {
        let known = &mut shown.datagrams;
        match &entry.fact {
            Fact::Name { name, origin: Origin::Certificate, .. } => {
                *has_certificate = true;
                known.shows_certificate &= names.is_kept(unit.evidence().name(*name));
            }
            Fact::CertificateText(text) if text.contains('.') && !text.contains(' ') => {
                *has_certificate = true;
                known.shows_certificate &= names.is_kept(text);
            }
            Fact::Name { name, origin: Origin::QuicSni, .. } => {
                *has_quic = true;
                known.shows_quic &= names.is_kept(unit.evidence().name(*name));
            }
            Fact::Zoom(_) => known.is_clients_layer = true,
            _ => {}
        }
    }
    shown.datagrams.shows_certificate &= *has_certificate;
    shown.datagrams.shows_quic &= *has_quic;
    shown
}

/// What the addresses of a capture are there for.
pub(super) fn roles(unit: &Unit) -> Roles {
    let mut roles = Roles::default();
    for (flow, judged) in unit.judged() {
        let [local, remote] = [judged.local, judged.local.other()].map(|side| flow.endpoint(side).address);
        roles.local.insert(local);
        let is_participant = unit.finding(&judged).is_some_and(|found| found.axis == Axis::Participant);
        if is_participant {
            roles.participants.insert(remote);
        } else if may_show(unit, &flow, &judged) {
            roles.servers.insert(remote);
        }
        for entry in unit.evidence().of(flow.id()) {
            if let Fact::MappedAddress { asker, address } = &entry.fact
                && *asker == judged.local
            {
                roles.local.insert(address.ip());
            }
        }
    }
    // What a name of the catalogue was said to be at is a server's, whether somebody went there or not.
    let is_known = |name: &str| Catalogue::builtin().owner(name).is_some();
    let answers = unit.evidence().answers().filter(|answer| is_known(unit.evidence().name(answer.name)));
    roles.servers.extend(answers.map(|answer| answer.address));
    roles
}

/// The names that stay though the catalogue does not know them: those of resolvers, by which encrypted DNS is told.
pub(super) fn kept_names(unit: &Unit) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    for flow in unit.flows().iter() {
        let facts = unit.evidence().of(flow.id());
        if !facts.iter().any(|entry| entry.fact == Fact::EncryptedDns(DnsTransport::Https)) {
            continue;
        }
        for entry in facts {
            if let Fact::Name { name, origin: Origin::Sni | Origin::QuicSni, .. } = entry.fact {
                kept.insert(unit.evidence().name(name).to_owned());
            }
        }
    }
    kept
}

/// The client's own public addresses.
pub(super) fn public_addresses(roles: &Roles) -> impl Iterator<Item = std::net::IpAddr> {
    roles.local.iter().copied().filter(|address| place::classify(*address).is_public())
}

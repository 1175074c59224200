//! Where the hosts of a capture stood when they measured: by the user's word, else by their own public addresses; and what
//! speaks against measuring from there.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;

use crate::evidence::{Evidence, Fact};
use crate::flow::{Flow, Flows, Passage, Side};
use crate::frame::{Date, FrameRef};
use crate::inspect::Settings;
use crate::inspect::relation::{Host, Relation, Relations};
use crate::inspect::stated::Stated;
use crate::packet::{Mac, TunnelId};
use crate::place::{self, Area, Country, Doubt, OwnPlace, Reach, Vantage};
use crate::session::Machine;

/// Where the hosts of one capture stood, as far as it tells.
#[derive(Default, Debug)]
pub(super) struct Posts {
    hosts: HashMap<Host, OfHost>,
    /// The addresses by which a machine was seen from outside on a day, with the frame that told it where a STUN answer did.
    public: BTreeMap<(Machine, Date), BTreeMap<IpAddr, Option<FrameRef>>>,
}

/// What is known of one host.
#[derive(Clone, Copy, Debug)]
struct OfHost {
    /// The machine that it is, by its first flow.
    machine: Machine,
    /// Of its flows with public addresses, those whose first packet had passed routers before it was captured.
    routed: u32,
    /// And those whose had not.
    direct: u32,
}

impl OfHost {
    fn of(machine: Machine) -> Self {
        Self { machine, routed: 0, direct: 0 }
    }
}

impl Posts {
    /// Looks at every flow, with its relation.
    pub(super) fn of(flows: &Flows, evidence: &Evidence, relations: &Relations) -> Self {
        let mut posts = Self::default();
        // Of each local host and remote address it is asked with every flow whether it is public. The relations of one host
        // follow each other.
        let mut last: Option<(IpAddr, bool)> = None;
        let is_public = |address| place::classify(address).is_public();
        let is_public: Vec<[bool; 2]> = relations
            .iter()
            .map(|(_, Relation { local, remote, .. })| {
                let known = last.filter(|(address, _)| *address == local.address);
                let (_, of_local) = known.unwrap_or_else(|| (local.address, is_public(local.address)));
                last = Some((local.address, of_local));
                [of_local, is_public(remote)]
            })
            .collect();
        for (flow, ended) in flows.iter().zip(relations.of_flows()) {
            let about = relations.get(ended.relation).zip(is_public.get(ended.relation.place()));
            if let Some((relation, is_public)) = about {
                posts.note(evidence, &flow, ended.local, &relation, *is_public);
            }
        }
        posts
    }

    fn note(
        &mut self,
        evidence: &Evidence,
        flow: &Flow<'_>,
        local: Side,
        relation: &Relation,
        [is_public, is_remote_public]: [bool; 2],
    ) {
        let host = relation.local;
        let of_host = self.hosts.entry(host).or_insert_with(|| OfHost::of(machine(flow, local)));
        if is_remote_public {
            match flow.passage(local) {
                Some(Passage::Direct) => of_host.direct += 1,
                Some(Passage::Routed) => of_host.routed += 1,
                None => {}
            }
        }
        let told = told(evidence, flow, local);
        if !is_public && told.is_empty() {
            return;
        }
        let public = self.public.entry((machine(flow, local), relation.day)).or_default();
        if public.len() < MAX_ADDRESSES && is_public {
            public.entry(host.address).or_insert(None);
        }
        for (address, frame) in told {
            if public.len() < MAX_ADDRESSES {
                public.entry(address).or_insert(Some(frame));
            }
        }
    }

    /// What speaks against measuring from the host, whatever is measured: its packets must be seen to come straight from it.
    pub(super) fn doubt(&self, host: Host) -> Option<Doubt> {
        let (routed, direct) = self.hosts.get(&host).map_or((0, 0), |host| (host.routed, host.direct));
        match (routed, direct) {
            (0, 0) => Some(Doubt::NotShownAtClient),
            _ => (direct <= routed).then_some(Doubt::CapturedAway),
        }
    }

    /// Whether a public address of the host's is known for the day.
    pub(super) fn tell(&self, host: Host, day: Date) -> bool {
        let machine = self.hosts.get(&host).map(|host| host.machine);
        machine.is_some_and(|machine| self.public.contains_key(&(machine, day)))
    }

    /// The one country that all the host's public addresses of the day are in, with the first address that says so.
    fn country(&self, host: Host, day: Date, settings: &Settings) -> Option<Inferred> {
        let machine = self.hosts.get(&host)?.machine;
        // Where there were more addresses than are kept, the others may say something else.
        let public = self.public.get(&(machine, day)).filter(|public| public.len() < MAX_ADDRESSES)?;
        let own = public.iter().filter(|(address, _)| **address == host.address);
        let others = public.iter().filter(|(address, _)| **address != host.address);
        let mut agreed: Option<Inferred> = None;
        // An address that cannot be placed may be anywhere, and the host with it.
        for (address, told) in own.chain(others) {
            let place = own_place(*address, day, settings).filter(OwnPlace::carries_a_measurement)?;
            let country = place.resolution.allowed.iter().next()?;
            match &mut agreed {
                None => {
                    let is_stale = place.is_stale;
                    agreed = Some(Inferred { country, address: *address, told: *told, is_stale });
                }
                Some(known) if known.country == country => known.is_stale |= place.is_stale,
                Some(_) => return None,
            }
        }
        agreed
    }
}

/// Where a host stood, by one of its public addresses.
struct Inferred {
    country: Country,
    address: IpAddr,
    /// The frame of the STUN answer that told the address, where it is not the host's own.
    told: Option<FrameRef>,
    is_stale: bool,
}

impl Inferred {
    /// How the country is known, in words.
    fn known_by(&self) -> String {
        match self.told {
            Some(frame) => {
                format!("by the address {} that STUN told it in frame {}", self.address, frame.number())
            }
            None => format!("by its own address {}", self.address),
        }
    }
}

/// The addresses that the local end of a flow was told by STUN. What the other end was told is the other end's.
pub(super) fn told(evidence: &Evidence, flow: &Flow<'_>, local: Side) -> Vec<(IpAddr, FrameRef)> {
    let facts = evidence.of(flow.id()).iter().take(MAX_FACTS);
    let own = facts.filter_map(|entry| match &entry.fact {
        Fact::MappedAddress { asker, address } if *asker == local => Some((address.ip(), entry.frame)),
        _ => None,
    });
    own.collect()
}

/// The machine at a flow's local end.
pub(super) fn machine(flow: &Flow<'_>, local: Side) -> Machine {
    let Host { tunnel, address } = Host::of(flow, local);
    let mac = flow.mac(local).map(Mac::octets);
    match (tunnel, mac) {
        (TunnelId::NONE, Some(mac)) => Machine::Mac(mac),
        (TunnelId::NONE, None) => Machine::Address(address),
        (tunnel, mac) => Machine::Tunnelled { tunnel, mac, address: mac.is_none().then_some(address) },
    }
}

/// What an address says about where its host stands, by the user's lists and the databases; nothing where it is not public.
pub(super) fn own_place(address: IpAddr, day: Date, settings: &Settings) -> Option<OwnPlace> {
    let classified = place::classify(address);
    if !classified.is_public() {
        return None;
    }
    let answer = settings.databases.look_up(address);
    let network = answer.asn.map(place::network);
    let mut witnesses = settings.declared.witnesses(classified.routed, day);
    witnesses.extend(place::database_witnesses(&answer, network.as_ref(), settings.databases.sources(), day));
    witnesses.retain(|witness| settings.uses(witness.kind));
    place::own_place(network, &witnesses)
}

/// The reaches of the hosts of one capture, each measured once: by the user's word, else by their own addresses.
#[derive(Default, Debug)]
pub(super) struct Reaches {
    by_host: BTreeMap<(Host, Date), Option<Arc<Reach>>>,
    /// The distances from a country, measured once however many hosts stood there.
    by_country: BTreeMap<Country, Reach>,
    /// Where the hosts stood by the user's word, and the distances from there, measured when they are first asked for.
    stated: Option<(Stated, OnceLock<Arc<Reach>>)>,
}

impl Reaches {
    /// The reaches of a capture of whose client the user says that, or nothing.
    pub(super) fn from(stated: Option<Stated>) -> Self {
        Self { stated: stated.map(|stated| (stated, OnceLock::new())), ..Self::default() }
    }

    /// Whether the user says where the hosts stood.
    pub(super) fn is_stated(&self) -> bool {
        self.stated.is_some()
    }

    /// How far each country is from the host, where its place is known.
    pub(super) fn measure(
        &mut self,
        host: Host,
        day: Date,
        posts: &Posts,
        settings: &Settings,
    ) -> Option<&Reach> {
        if !self.by_host.contains_key(&(host, day)) {
            let reach = self.stated().or_else(|| self.inferred(host, day, posts, settings));
            self.by_host.insert((host, day), reach);
        }
        self.of(host, day)
    }

    /// The same, where it was measured before.
    pub(super) fn of(&self, host: Host, day: Date) -> Option<&Reach> {
        self.by_host.get(&(host, day))?.as_deref()
    }

    fn stated(&self) -> Option<Arc<Reach>> {
        let (stated, reach) = self.stated.as_ref()?;
        let measure = || Reach::new(stated.vantage.clone(), format!("by {}", stated.by), false);
        Some(Arc::clone(reach.get_or_init(|| Arc::new(measure()))))
    }

    fn inferred(&mut self, host: Host, day: Date, posts: &Posts, settings: &Settings) -> Option<Arc<Reach>> {
        let inferred = posts.country(host, day, settings)?;
        let measured = self.by_country.entry(inferred.country);
        let measured = measured.or_insert_with(|| Reach::new(anywhere_in(inferred.country), "", false));
        Some(Arc::new(measured.known_otherwise(inferred.known_by(), inferred.is_stale)))
    }
}

/// A vantage of which no more is known than the country.
fn anywhere_in(country: Country) -> Vantage {
    Vantage { area: Area::Country(country), country, label: country.to_string() }
}

/// Facts of a flow that are looked through for addresses it was told.
const MAX_FACTS: usize = 10_000;
/// Addresses of one machine that are looked up.
pub(super) const MAX_ADDRESSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::local::LocalReason;
    use crate::frame::{Frame, LinkType, Timestamp};
    use crate::inspect::{Census, Unit};
    use crate::packet::TunnelId;
    use crate::place::WitnessKind;

    const HOST: [u8; 4] = [192, 168, 1, 2];
    /// Princeton University's, and of the embedded database's day.
    const PEER: [u8; 4] = [128, 112, 1, 1];
    const DAY: &str = "2026-06-17";

    /// A UDP packet over raw IP without checksums, which are not verified.
    fn udp(from: [u8; 4], to: [u8; 4], hop_limit: u8, payload: &[u8]) -> Vec<u8> {
        let total = u16::try_from(28 + payload.len()).unwrap().to_be_bytes();
        let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
        let head = [0x45, 0, total[0], total[1], 0, 0, 0, 0, hop_limit, 17, 0, 0];
        let ports = [0x13, 0x88, 0x13, 0x89];
        let ports = if from < to { ports } else { [ports[2], ports[3], ports[0], ports[1]] };
        [&head[..], &from, &to, &ports, &length, &[0, 0], payload].concat()
    }

    /// A STUN request (RFC 8489), and its answer with the address that the asker is seen as.
    fn stun(mapped: [u8; 4]) -> [Vec<u8>; 2] {
        let id = [&[0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        let hidden: Vec<u8> = mapped.iter().zip([0x21, 0x12, 0xa4, 0x42]).map(|(a, b)| a ^ b).collect();
        let attribute = [&[0, 0x20, 0, 8, 0, 1, 0x21 ^ 0x13, 0x12 ^ 0x88][..], &hidden].concat();
        [[&[0, 1, 0, 0][..], &id].concat(), [&[1, 1, 0, 12][..], &id, &attribute].concat()]
    }

    fn unit(packets: &[Vec<u8>]) -> Unit {
        let mut unit = Unit::default();
        for (number, data) in (1..).zip(packets) {
            let start = 1_781_654_400_000_000_000; // 2026-06-17
            let time = Some(Timestamp::from_nanos(start + i64::try_from(number).unwrap() * 1_000_000));
            let frame = Frame { time, ..Frame::new(number, LinkType::RAW, data) };
            unit.observe(&frame, FrameRef::new(0, number), &mut Census::default());
        }
        unit.end(&mut Census::default());
        unit
    }

    fn host() -> Host {
        Host { tunnel: TunnelId::NONE, address: HOST.into() }
    }

    fn posts(unit: &Unit) -> Posts {
        let host: IpAddr = HOST.into();
        let local = |flow: Flow<'_>| {
            let is_host = flow.endpoint(Side::First).address == host;
            (if is_host { Side::First } else { Side::Second }, LocalReason::Override)
        };
        let sides: Vec<(Side, LocalReason)> = unit.flows().iter().map(local).collect();
        let relations = Relations::of(unit.flows(), &sides, |_| DAY.parse().unwrap());
        Posts::of(unit.flows(), unit.evidence(), &relations)
    }

    fn country(packets: &[Vec<u8>], settings: &Settings) -> Option<String> {
        let day = DAY.parse().unwrap();
        let posts = posts(&unit(packets));
        posts.country(host(), day, settings).map(|inferred| inferred.country.to_string())
    }

    #[test]
    fn what_the_host_was_told_is_its_own_and_what_its_peer_was_told_is_not() {
        let settings = Settings::default();
        let [request, answer] = stun(PEER);
        let server = [198, 51, 100, 9];
        let asked_by_host = [udp(HOST, server, 64, &request), udp(server, HOST, 50, &answer)];
        assert_eq!(country(&asked_by_host, &settings).as_deref(), Some("US"));
        let asked_by_peer = [udp(PEER, HOST, 50, &request), udp(HOST, PEER, 64, &answer)];
        assert_eq!(country(&asked_by_peer, &settings), None);
    }

    #[test]
    fn databases_that_are_left_out_place_no_host() {
        let [request, answer] = stun(PEER);
        let server = [198, 51, 100, 9];
        let packets = [udp(HOST, server, 64, &request), udp(server, HOST, 50, &answer)];
        let without = WitnessKind::named("database").into_iter().collect();
        assert_eq!(country(&packets, &Settings { without, ..Settings::default() }), None);
    }

    #[test]
    fn a_host_whose_packets_are_not_seen_to_come_from_it_measures_nothing() {
        let doubt = |packets: &[Vec<u8>]| posts(&unit(packets)).doubt(host());
        let from = |hop_limit| udp(HOST, PEER, hop_limit, b"x");
        let to = udp(PEER, HOST, 50, b"x");
        assert_eq!(doubt(&[from(64)]), None);
        assert_eq!(doubt(&[from(63)]), Some(Doubt::CapturedAway));
        assert_eq!(
            doubt(&[to.clone(), from(52)]),
            Some(Doubt::CapturedAway),
            "joined midway, behind routers"
        );
        assert_eq!(doubt(&[to.clone(), from(128)]), None);
        assert_eq!(doubt(&[from(5)]), Some(Doubt::NotShownAtClient), "a route is traced");
        assert_eq!(doubt(&[to]), Some(Doubt::NotShownAtClient), "nothing of the host's was seen");
    }
}

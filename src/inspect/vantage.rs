//! Where each host of a capture stood: by the user's word, else by its own public addresses, looked up like any address on
//! an access network; and what speaks against measuring from there.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use crate::evidence::Fact;
use crate::flow::{Flow, Side};
use crate::frame::{Date, FrameRef, Timestamp};
use crate::inspect::law::law_day;
use crate::inspect::{Settings, Unit};
use crate::place::{
    self, Area, Country, CountrySet, Doubt, Grade, Network, NetworkKind, Reach, Resolution, zone,
};
use crate::session::{Machine, Session};
use crate::verdict::{Axis, place_axis};

/// What is known about a client's own place.
#[derive(Clone, Debug)]
pub struct Vantage {
    /// By what.
    pub known_by: KnownBy,
    /// The countries left.
    pub countries: CountrySet,
    /// Where that is, seen from the EEA by the law of the day.
    pub axis: Axis,
}

/// What tells a client's own place.
#[derive(Clone, Debug)]
pub enum KnownBy {
    /// One of its public addresses.
    Address {
        /// The address.
        address: IpAddr,
        /// The frame of the STUN answer that told it, where it is not the address of the machine itself.
        mapped_in: Option<FrameRef>,
        /// The network that announces it.
        network: Network,
        /// How sure the place is.
        grade: Grade,
    },
    /// The user's word, as it was given.
    User(String),
}

/// Where the hosts of one capture stood.
#[derive(Default)]
pub(super) struct Posts {
    /// By local address.
    machines: BTreeMap<IpAddr, Machine>,
    /// The addresses by which a machine was seen from outside, with the frame that told it where a STUN answer did.
    public: BTreeMap<Machine, BTreeMap<IpAddr, Option<FrameRef>>>,
    /// Of the flows that a host opened to public addresses: how many had passed routers before they were captured, and how
    /// many had not.
    opened: BTreeMap<IpAddr, (u32, u32)>,
}

impl Posts {
    /// Looks at every flow; `local` says which end of it is the local one.
    pub(super) fn of(unit: &Unit, local: impl Fn(&Flow<'_>) -> Side) -> Self {
        let mut posts = Self::default();
        for flow in unit.flows.iter() {
            posts.note(unit, &flow, local(&flow));
        }
        posts
    }

    fn note(&mut self, unit: &Unit, flow: &Flow<'_>, local: Side) {
        let (host, remote) = (flow.endpoint(local).address, flow.endpoint(local.other()).address);
        let machine = machine(flow, local);
        self.machines.entry(host).or_insert(machine);
        let public = self.public.entry(machine).or_default();
        if public.len() < MAX_ADDRESSES && place::classify(host).is_public() {
            public.entry(host).or_insert(None);
        }
        for entry in unit.evidence.of(flow.id()).iter().take(MAX_FACTS) {
            if let Fact::MappedAddress(mapped) = &entry.fact
                && public.len() < MAX_ADDRESSES
            {
                public.entry(mapped.ip()).or_insert(Some(entry.frame));
            }
        }
        if local == Side::First && place::classify(remote).is_public() {
            let (routed, direct) = self.opened.entry(host).or_default();
            match flow.opening_hop_limit() {
                64 | 128 | 255 => *direct += 1,
                // Programs that trace routes set a low one themselves.
                0..=32 => {}
                _ => *routed += 1,
            }
        }
    }

    /// What speaks against measuring from the host, whatever is measured.
    pub(super) fn doubt(&self, host: IpAddr) -> Option<Doubt> {
        let (routed, direct) = self.opened.get(&host).copied().unwrap_or_default();
        (routed > direct).then_some(Doubt::CapturedAway)
    }

    /// The countries that the host's public addresses say, each with its address; its own address comes first.
    fn countries(&self, host: IpAddr, day: Date, settings: &Settings) -> Vec<(IpAddr, CountrySet)> {
        let public = self.machines.get(&host).and_then(|machine| self.public.get(machine));
        let others = public.into_iter().flat_map(BTreeMap::keys).copied().filter(|address| *address != host);
        let all = [host].into_iter().chain(others);
        all.filter_map(|address| Some((address, by_address(address, day, settings)?.1.allowed))).collect()
    }
}

/// The reaches of the hosts of one capture, each measured once: by the user's word, else by their own addresses.
pub(super) struct Reaches<'a> {
    posts: &'a Posts,
    settings: &'a Settings,
    by_host: BTreeMap<(IpAddr, Date), Option<Rc<Reach>>>,
    /// The distances from a country, measured once however many hosts stood there.
    by_country: BTreeMap<Country, Reach>,
    stated: Option<Rc<Reach>>,
}

impl<'a> Reaches<'a> {
    pub(super) fn new(posts: &'a Posts, settings: &'a Settings) -> Self {
        Self { posts, settings, by_host: BTreeMap::new(), by_country: BTreeMap::new(), stated: None }
    }

    /// How far each country is from the host, where its place is known.
    pub(super) fn of(&mut self, host: IpAddr, day: Date) -> Option<Rc<Reach>> {
        if let Some(known) = self.by_host.get(&(host, day)) {
            return known.clone();
        }
        let reach = self.stated().or_else(|| self.inferred(host, day));
        self.by_host.insert((host, day), reach.clone());
        reach
    }

    fn stated(&mut self) -> Option<Rc<Reach>> {
        let stated = self.settings.vantage.as_ref()?;
        let reach =
            self.stated.get_or_insert_with(|| Rc::new(Reach::new(stated.clone(), "by --vantage", false)));
        Some(Rc::clone(reach))
    }

    /// The place must be one country: what a host of two countries measures cannot be read from either.
    fn inferred(&mut self, host: IpAddr, day: Date) -> Option<Rc<Reach>> {
        let known = self.posts.countries(host, day, self.settings);
        let (address, countries) = known.first()?;
        let country = countries.iter().next().filter(|_| countries.len() == 1)?;
        if known.iter().any(|(_, others)| others != countries) {
            return None;
        }
        let is_stale =
            self.settings.databases.sources().iter().any(|source| place::is_stale(source.built, day));
        let known_by = format!("by its own address {address} in a database");
        let measured = self.by_country.entry(country);
        let measured = measured.or_insert_with(|| Reach::new(anywhere_in(country), "", is_stale));
        Some(Rc::new(measured.known_otherwise(known_by, is_stale)))
    }
}

/// A vantage of which no more is known than the country.
fn anywhere_in(country: Country) -> place::Vantage {
    place::Vantage { area: Area::Country(country), country, label: country.to_string() }
}

/// The machine at a flow's local end.
pub(super) fn machine(flow: &Flow<'_>, local: Side) -> Machine {
    let address = flow.endpoint(local).address;
    flow.mac(local).map_or(Machine::Address(address), |mac| Machine::Mac(mac.octets()))
}

/// What is known about each session's place: the user's word, else the addresses of its machine that say it; nothing
/// where that is not known.
pub(super) fn vantages(unit: &Unit, settings: &Settings) -> Vec<Vec<Vantage>> {
    let of = |session| match &settings.vantage {
        Some(stated) => vec![by_user(stated, session, settings)],
        None => of_session(unit, session, settings),
    };
    unit.sessions.iter().map(of).collect()
}

/// The addresses of the machines that say another country than the user does, with that country.
pub(super) fn disagreements(unit: &Unit, settings: &Settings) -> Vec<(IpAddr, CountrySet)> {
    let Some(stated) = &settings.vantage else { return Vec::new() };
    let all = unit.sessions.iter().flat_map(|session| of_session(unit, session, settings));
    let others = all.filter_map(|vantage| match vantage.known_by {
        KnownBy::Address { address, .. } if !vantage.countries.contains(stated.country) => {
            Some((address, vantage.countries))
        }
        _ => None,
    });
    others.collect()
}

fn by_user(stated: &place::Vantage, session: &Session, settings: &Settings) -> Vantage {
    let day = session.first.time.map(Timestamp::date);
    let axis = law_day(day, settings).map_or(Axis::Undetermined, |law| country_axis(stated.country, law));
    Vantage { known_by: KnownBy::User(stated.label.clone()), countries: CountrySet::of(stated.country), axis }
}

fn country_axis(country: Country, law: Date) -> Axis {
    if zone(country, law, None).zone.is_inside_eea() { Axis::Eea } else { Axis::Outside }
}

fn of_session(unit: &Unit, session: &Session, settings: &Settings) -> Vec<Vantage> {
    let Some(day) = session.first.time.map(Timestamp::date) else { return Vec::new() };
    let mut addresses: BTreeMap<IpAddr, Option<FrameRef>> = BTreeMap::new();
    let facts = session.flows.iter().flat_map(|flow| unit.evidence.of(*flow));
    for entry in facts.take(MAX_FACTS) {
        if let Fact::MappedAddress(mapped) = &entry.fact {
            addresses.entry(mapped.ip()).or_insert(Some(entry.frame));
        }
    }
    addresses.extend(session.addresses.iter().map(|address| (*address, None)));
    let own = addresses.into_iter().take(MAX_ADDRESSES);
    own.filter_map(|(address, mapped_in)| vantage(address, mapped_in, day, settings)).collect()
}

/// Facts of a session or flow that are looked through for addresses it was told.
const MAX_FACTS: usize = 10_000;
/// Addresses of one machine that are looked up.
const MAX_ADDRESSES: usize = 8;

fn vantage(address: IpAddr, mapped_in: Option<FrameRef>, day: Date, settings: &Settings) -> Option<Vantage> {
    let (network, resolution) = by_address(address, day, settings)?;
    let law = law_day(Some(day), settings)?;
    let axis = place_axis(&place::classify(address), &resolution, law);
    let Resolution { allowed, grade, .. } = resolution;
    let known_by = KnownBy::Address { address, mapped_in, network, grade };
    (axis != Axis::Undetermined).then_some(Vantage { known_by, countries: allowed, axis })
}

/// What an address says about where its host stands; nothing where it is not public, or its network is used worldwide or
/// not known.
fn by_address(address: IpAddr, day: Date, settings: &Settings) -> Option<(Network, Resolution)> {
    if !place::classify(address).is_public() {
        return None;
    }
    let answer = settings.databases.look_up(address);
    let network = answer.asn.map(place::network)?;
    if !matches!(network.kind, NetworkKind::Access | NetworkKind::Ordinary) {
        return None;
    }
    let sources = settings.databases.sources();
    let witnesses = place::database_witnesses(&answer, Some(&network), sources, day);
    let resolution = place::resolve(&witnesses, None);
    let is_placed = !matches!(resolution.grade, Grade::Anycast | Grade::Undetermined | Grade::Local);
    is_placed.then_some((network, resolution))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_address(address: &str) -> Option<(&'static str, String)> {
        let settings = Settings { registers: Vec::new(), hash: false, ..Settings::default() };
        let vantage = vantage(address.parse().unwrap(), None, "2026-06-20".parse().unwrap(), &settings)?;
        Some((vantage.axis.name(), vantage.countries.to_string()))
    }

    #[test]
    fn an_access_network_says_where_the_client_stood() {
        assert_eq!(by_address("2001:610:1908:c0::1"), Some(("eea", "NL".into())));
        assert_eq!(by_address("128.112.1.1"), Some(("outside", "US".into())), "Princeton University");
    }

    #[test]
    fn private_addresses_and_worldwide_networks_say_nothing() {
        assert_eq!(by_address("192.168.1.20"), None);
        assert_eq!(by_address("100.64.0.1"), None);
        assert_eq!(by_address("52.202.62.196"), None, "a machine in a cloud, or behind its gateway");
    }
}

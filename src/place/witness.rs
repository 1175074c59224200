//! Evidence about place, and what a database's answer is worth as such.
//!
//! Input: databases' answers and the network that announces the address. Output: witnesses, each with its claim, its
//! strength, its source and that source's date, and the group in which it counts once. The client's module adds those
//! that rest on names and on the operator's own lists, the wiring those that rest on round trips.
//! Must not: weigh witnesses against each other; that is [`super::resolve`]'s job.

use std::sync::Arc;

use super::{Answer, Country, CountrySet, Network, NetworkKind, Region, Source};
use crate::data::Confidence;
use crate::frame::{Date, FrameRef};

/// A piece of evidence about where a remote end stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    /// What kind of evidence it is.
    pub kind: WitnessKind,
    /// The group whose members depend on each other and count once.
    pub group: Group,
    /// What it says.
    pub claim: Claim,
    /// How much that is worth.
    pub strength: Strength,
    /// Where it is from: a data source, or the capture.
    pub source: Arc<str>,
    /// The day of that source, where it has one.
    pub dated: Option<Date>,
    /// The frame it was read from, where it was read from one.
    pub frame: Option<FrameRef>,
    /// What it says, in one clause for people. Reports share it: a large capture has a hundred thousand.
    pub says: Arc<str>,
    /// Whether its source is too far from the flow's day to count for more than "possible"; see [`is_stale`].
    pub is_stale: bool,
}

/// Kinds of evidence about place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WitnessKind {
    /// The address is announced from many places at once.
    Anycast,
    /// The address belongs to a content delivery network.
    CdnNetwork,
    /// It lies in a cloud region by the provider's own list.
    CloudRegion,
    /// A database's answer that departs from the registration, or that concerns an ordinary network.
    Database,
    /// A database's answer that merely repeats the registration of a worldwide network.
    DatabaseEcho,
    /// An IPv4 address spelt inside the IPv6 address.
    EmbeddedAddress,
    /// The network's own list of where its addresses are used (RFC 8805).
    Geofeed,
    /// A name with another address's digits in the same /24.
    NeighbourName,
    /// The network that announces the address, and its seat.
    Network,
    /// The user's own statement.
    Override,
    /// The operator publishes the address with its place.
    PublishedAddress,
    /// The country of registration.
    Registration,
    /// A bound by round-trip time.
    RoundTrip,
    /// The network announces one region alone.
    SingleRegionNetwork,
    /// A site code in the host name that the client asked for.
    SiteCode,
    /// A site code in a certificate.
    SiteCodeInCertificate,
}

impl WitnessKind {
    /// All kinds, in the order of their names.
    pub const ALL: [Self; 16] = [
        Self::Anycast,
        Self::CdnNetwork,
        Self::CloudRegion,
        Self::Database,
        Self::DatabaseEcho,
        Self::EmbeddedAddress,
        Self::Geofeed,
        Self::NeighbourName,
        Self::Network,
        Self::Override,
        Self::PublishedAddress,
        Self::Registration,
        Self::RoundTrip,
        Self::SingleRegionNetwork,
        Self::SiteCode,
        Self::SiteCodeInCertificate,
    ];

    /// The kinds that a name stands for, with `-` or `_` between its words: that of [`WitnessKind::name`], and for
    /// `database` the echoes, too.
    #[must_use]
    pub fn named(name: &str) -> Vec<Self> {
        let name = name.replace('-', "_");
        let means = |kind: &Self| kind.name() == name || (name == "database" && *kind == Self::DatabaseEcho);
        Self::ALL.into_iter().filter(means).collect()
    }

    /// The kind in `snake_case`, for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Anycast => "anycast",
            Self::CdnNetwork => "cdn_network",
            Self::CloudRegion => "cloud_region",
            Self::Database => "database",
            Self::DatabaseEcho => "database_echo",
            Self::EmbeddedAddress => "embedded_address",
            Self::Geofeed => "geofeed",
            Self::NeighbourName => "neighbour_name",
            Self::Network => "network",
            Self::Override => "override",
            Self::PublishedAddress => "published_address",
            Self::Registration => "registration",
            Self::RoundTrip => "round_trip",
            Self::SingleRegionNetwork => "single_region_network",
            Self::SiteCode => "site_code",
            Self::SiteCodeInCertificate => "site_code_in_certificate",
        }
    }
}

/// The group of a witness. What one group says counts once, however many of its members say it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Group {
    /// Address databases.
    Database,
    /// Measured in the capture.
    Measurement,
    /// What the operator, or whoever runs the network, states.
    Operator,
    /// The registries: who, never where.
    Registry,
    /// The user.
    User,
}

impl Group {
    /// The group in `snake_case`, for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Measurement => "measurement",
            Self::Operator => "operator_statement",
            Self::Registry => "registry",
            Self::User => "user",
        }
    }
}

/// What a witness is worth, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Strength {
    /// Shown, and without effect.
    None,
    /// Enough for "possible".
    Medium,
    /// Enough for "likely".
    Strong,
    /// Physics, or a fact about routing: it excludes or cancels, and never proves a place.
    Hard,
}

impl Strength {
    /// The strength in `snake_case`, for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Medium => "medium",
            Self::Strong => "strong",
            Self::Hard => "hard",
        }
    }
}

/// What a witness says about place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Claim {
    /// In one of these countries.
    In(CountrySet),
    /// In none of these countries.
    NotIn(CountrySet),
    /// In none of the operator's known sites in these countries: it can confirm another place, and excludes none.
    NoSiteIn(CountrySet),
    /// What answers is near, and where the service behind it stands is not known: anycast, or a delivery network.
    OriginUnknown,
    /// Nothing about place.
    Nothing,
}

/// How many days a database may be away from a flow: 180.
pub const STALE_AFTER_DAYS: u64 = 180;

/// Whether a source of the day `dated` is too far from the flow's `day`, on either side.
#[must_use]
pub fn is_stale(dated: Date, day: Date) -> bool {
    day.days_since(dated).unsigned_abs() > STALE_AFTER_DAYS
}

/// What the databases' answer about an address is worth on `day`.
///
/// `network` is the network that announces the address, by the answer's AS number; `None` where none is known, and then
/// a database that repeats the registration says nothing, because the network may be a worldwide one.
#[must_use]
pub fn database_witnesses(
    answer: &Answer,
    network: Option<&Network>,
    sources: &[Source],
    day: Date,
) -> Vec<Witness> {
    let bench = Bench { answer, network, sources, day };
    let countries = answer.countries.iter().map(|&(source, country)| bench.country(source, country));
    let registrations =
        answer.registrations.iter().map(|&(source, country)| bench.registration(source, country));
    let mut witnesses: Vec<Witness> = countries.chain(registrations).collect();
    witnesses.extend(network.map(|network| bench.network(network)));
    witnesses.extend(
        network.filter(|n| n.kind == NetworkKind::Cdn).map(|network| bench.delivery_network(network)),
    );
    witnesses.extend(answer.anycast_source.map(|source| bench.anycast(source)));
    witnesses.extend(network.and_then(|network| Some(bench.region(network, network.region?))));
    witnesses
}

/// Everything that the rules look at.
#[derive(Clone, Copy)]
struct Bench<'a> {
    answer: &'a Answer,
    network: Option<&'a Network>,
    sources: &'a [Source],
    day: Date,
}

impl Bench<'_> {
    /// A database's country: the echo rule.
    fn country(&self, source: usize, country: Country) -> Witness {
        let kind = self.network.map(|network| network.kind);
        let place = Claim::In(country.into());
        let (witness, group, claim, strength, says) = if kind.is_some_and(|kind| !kind.is_worldwide()) {
            let says = format!("a database places the address in {country}");
            (WitnessKind::Database, Group::Database, place, Strength::Medium, says)
        } else if !self.departs(country) {
            let says = format!(
                "a database says {country}, which only repeats the registration{}",
                self.on_network()
            );
            (WitnessKind::DatabaseEcho, Group::Registry, Claim::Nothing, Strength::None, says)
        } else if matches!(kind, Some(NetworkKind::Carrier | NetworkKind::Cdn)) {
            let says = format!("a database says {country}, which is no evidence{}", self.on_network());
            (WitnessKind::Database, Group::Database, place, Strength::None, says)
        } else {
            let says = format!("a database places the address in {country}, departing from its registration");
            (WitnessKind::Database, Group::Database, place, Strength::Medium, says)
        };
        // Which rule holds depends on the AS table as well, so its age counts too.
        let is_stale =
            self.is_stale(source) || self.answer.asn_source.is_some_and(|table| self.is_stale(table));
        Witness { is_stale, ..self.witness(witness, group, claim, strength, source, says) }
    }

    /// Whether the country differs from every country of registration. Where none is known, that cannot be told.
    fn departs(&self, country: Country) -> bool {
        let registrations = &self.answer.registrations;
        !registrations.is_empty() && registrations.iter().all(|(_, registered)| *registered != country)
    }

    fn on_network(&self) -> String {
        match self.network {
            Some(network) => format!(": addresses of {} are used worldwide", title(network)),
            None => ": the network that announces it is not known".to_owned(),
        }
    }

    fn registration(&self, source: usize, country: Country) -> Witness {
        let says = format!("the address is registered in {country}");
        self.witness(WitnessKind::Registration, Group::Registry, Claim::Nothing, Strength::None, source, says)
    }

    fn network(&self, network: &Network) -> Witness {
        let seat = network.seat.map(|seat| format!(", a company seated in {seat}")).unwrap_or_default();
        let says = format!("the address is announced by {}{seat}", title(network));
        self.by_table(WitnessKind::Network, Group::Registry, Claim::Nothing, Strength::None, says)
    }

    fn delivery_network(&self, network: &Network) -> Witness {
        let says =
            format!("{} is a content delivery network: where the origin stands is not known", title(network));
        self.by_table(WitnessKind::CdnNetwork, Group::Operator, Claim::OriginUnknown, Strength::Hard, says)
    }

    fn anycast(&self, source: usize) -> Witness {
        let says = "the address is announced from many places at once (anycast)".to_owned();
        self.witness(
            WitnessKind::Anycast,
            Group::Operator,
            Claim::OriginUnknown,
            Strength::Hard,
            source,
            says,
        )
    }

    fn region(&self, network: &Network, region: &Region) -> Witness {
        let strength = if region.confidence == Confidence::Low { Strength::Medium } else { Strength::Strong };
        let says =
            format!("{} announces {} alone, which stands in {}", title(network), region.name, region.country);
        let claim = Claim::In(region.country.into());
        let witness = self.by_table(WitnessKind::SingleRegionNetwork, Group::Operator, claim, strength, says);
        let is_stale = witness.is_stale || is_stale(region.dated, self.day);
        Witness { source: region.source.as_str().into(), dated: Some(region.dated), is_stale, ..witness }
    }

    /// A witness that rests on the AS table.
    fn by_table(
        &self,
        kind: WitnessKind,
        group: Group,
        claim: Claim,
        strength: Strength,
        says: String,
    ) -> Witness {
        let source = self.answer.asn_source.unwrap_or(usize::MAX);
        self.witness(kind, group, claim, strength, source, says)
    }

    fn witness(
        &self,
        kind: WitnessKind,
        group: Group,
        claim: Claim,
        strength: Strength,
        source: usize,
        says: String,
    ) -> Witness {
        let is_stale = self.is_stale(source);
        let source = self.sources.get(source);
        let dated = source.map(|source| source.built);
        let source = source.map_or("not known", |source| &source.name).into();
        Witness { kind, group, claim, strength, source, dated, frame: None, says: says.into(), is_stale }
    }

    /// A source without a date cannot be shown to be fresh.
    fn is_stale(&self, source: usize) -> bool {
        self.sources.get(source).is_none_or(|source| is_stale(source.built, self.day))
    }
}

/// `AS30103 (Zoom Communications)`.
fn title(network: &Network) -> String {
    let name = network.name.map(|name| format!(" ({name})")).unwrap_or_default();
    format!("AS{}{name}", network.asn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::network;

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn source(name: &str, built: &str) -> Source {
        Source { name: name.into(), built: day(built), sha256: String::new(), licence: None, credit: None }
    }

    fn sources() -> [Source; 2] {
        [source("Test database", "2026-06-01"), source("Test AS table", "2026-06-17")]
    }

    /// The witnesses of an address that a database places in `located`, on the given network, registered in US.
    fn witnesses(located: &str, asn: Option<u32>) -> Vec<Witness> {
        let answer = Answer {
            countries: vec![(0, country(located))],
            registrations: vec![(1, country("US"))],
            asn,
            asn_source: asn.map(|_| 1),
            ..Answer::default()
        };
        database_witnesses(&answer, asn.map(network).as_ref(), &sources(), day("2026-07-01"))
    }

    /// Kind, group and strength of the database's own witness.
    fn verdict(located: &str, asn: Option<u32>) -> (&'static str, &'static str, &'static str) {
        let first = &witnesses(located, asn)[0];
        (first.kind.name(), first.group.name(), first.strength.name())
    }

    #[test]
    fn kinds_are_found_by_their_names() {
        for kind in WitnessKind::ALL {
            assert!(WitnessKind::named(kind.name()).contains(&kind), "{kind:?}");
        }
        assert!(WitnessKind::ALL.windows(2).all(|pair| pair[0].name() < pair[1].name()));
        assert_eq!(WitnessKind::named("round-trip"), [WitnessKind::RoundTrip]);
        assert_eq!(WitnessKind::named("database"), [WitnessKind::Database, WitnessKind::DatabaseEcho]);
        assert_eq!(WitnessKind::named("hunch"), []);
    }

    #[test]
    fn the_echo_rule_holds_for_every_kind_of_network() {
        let place = |strength| ("database", "database", strength);
        let echo = ("database_echo", "registry", "none");
        let (zoom, cloud, carrier, cdn, access, ordinary) = (30103, 31898, 3356, 13335, 3320, 64496);
        for asn in [zoom, cloud] {
            assert_eq!(verdict("US", Some(asn)), echo, "{asn}");
            assert_eq!(verdict("DE", Some(asn)), place("medium"), "{asn}");
        }
        for asn in [carrier, cdn] {
            assert_eq!(verdict("US", Some(asn)), echo, "{asn}");
            assert_eq!(verdict("DE", Some(asn)), place("none"), "{asn}");
        }
        for asn in [access, ordinary] {
            assert_eq!(verdict("US", Some(asn)), place("medium"), "{asn}");
            assert_eq!(verdict("DE", Some(asn)), place("medium"), "{asn}");
        }
        assert_eq!((verdict("US", None), verdict("DE", None)), (echo, place("medium")));
    }

    #[test]
    fn a_departure_is_one_from_every_registration() {
        let answer = Answer {
            countries: vec![(0, country("DE"))],
            registrations: vec![(1, country("US")), (0, country("DE"))],
            asn: Some(30103),
            asn_source: Some(1),
            ..Answer::default()
        };
        let zoom = network(30103);
        let first = database_witnesses(&answer, Some(&zoom), &sources(), day("2026-07-01")).swap_remove(0);
        assert_eq!(first.kind, WitnessKind::DatabaseEcho);
        let unregistered = Answer { registrations: vec![], ..answer };
        let first =
            database_witnesses(&unregistered, Some(&zoom), &sources(), day("2026-07-01")).swap_remove(0);
        assert_eq!(first.kind, WitnessKind::DatabaseEcho);
    }

    #[test]
    fn registration_and_seat_say_who_and_not_where() {
        let said = witnesses("US", Some(30103));
        let shown: Vec<&str> = said.iter().map(|witness| &*witness.says).collect();
        assert_eq!(
            shown,
            [
                "a database says US, which only repeats the registration: addresses of AS30103 (Zoom Communications) are used \
                 worldwide",
                "the address is registered in US",
                "the address is announced by AS30103 (Zoom Communications), a company seated in US",
            ]
        );
        assert!(
            said.iter().all(|witness| witness.claim == Claim::Nothing && witness.strength == Strength::None)
        );
    }

    #[test]
    fn delivery_networks_and_anycast_hide_the_origin() {
        let cdn = witnesses("DE", Some(13335));
        assert!(cdn.iter().any(|w| w.kind == WitnessKind::CdnNetwork && w.claim == Claim::OriginUnknown));
        let answer = Answer { anycast_source: Some(0), ..Answer::default() };
        let anycast = database_witnesses(&answer, None, &sources(), day("2026-07-01"));
        assert_eq!(
            (anycast.len(), anycast[0].kind, anycast[0].strength),
            (1, WitnessKind::Anycast, Strength::Hard)
        );
    }

    #[test]
    fn a_network_of_one_region_states_its_place() {
        let said = witnesses("US", Some(14618));
        let region = said.iter().find(|witness| witness.kind == WitnessKind::SingleRegionNetwork).unwrap();
        assert_eq!((region.group, region.strength), (Group::Operator, Strength::Strong));
        assert_eq!(region.claim, Claim::In(country("US").into()));
        let china = witnesses("CN", Some(55960));
        let region = china.iter().find(|witness| witness.kind == WitnessKind::SingleRegionNetwork).unwrap();
        assert_eq!(region.strength, Strength::Medium);
    }

    #[test]
    fn a_source_is_stale_after_180_days_either_way() {
        let stale = |text| is_stale(day("2026-06-17"), day(text));
        assert_eq!([stale("2026-12-14"), stale("2026-12-15")], [false, true]);
        assert_eq!([stale("2025-12-19"), stale("2025-12-18")], [false, true]);
    }

    #[test]
    fn an_old_as_table_makes_the_database_stale_too() {
        let answer = Answer {
            countries: vec![(0, country("US"))],
            asn: Some(64496),
            asn_source: Some(1),
            ..Answer::default()
        };
        let sources = [source("fresh", "2026-06-01"), source("old", "2024-06-01")];
        let network = network(64496);
        let said = database_witnesses(&answer, Some(&network), &sources, day("2026-07-01"));
        assert!(said[0].is_stale);
        assert_eq!(said[0].dated, Some(day("2026-06-01")));
    }
}

//! Round trips as witnesses: how far away the remote end can be at the most, and so where it is not.
//!
//! Input: the shortest request and answer between a host and an address, where the host stood ([`Reach`]), where the
//! operator is known to run sites, and what speaks against the measurement ([`Doubt`]). Output: witnesses of the group
//! `measurement`, which exclude and never prove. Light in fibre covers 200 km in a millisecond, and a round trip goes
//! there and back. A long round trip says nothing: congestion, radio links and detours make it so.
//! Must not: use a measurement that a doubt stands against; it is shown with the doubt.

use std::borrow::Borrow;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::{
    Area, Claim, Country, CountrySet, Group, Point, Strength, Vantage, Witness, WitnessKind, nearest_km,
    nearest_to_point_km,
};
use crate::frame::FrameRef;

/// How far a remote end can be for each millisecond of a round trip, in kilometres: two thirds of the speed of light, one
/// way.
const KM_PER_MS: f64 = 100.0;

/// A round trip under this says nothing about the network: a box in the same room or on the same machine answered.
pub const LEAST_TRUSTED: Duration = Duration::from_millis(1);

/// A clock that ticks less often measures no round trip.
const MOST_TICK: Duration = Duration::from_millis(1);

/// A tick that moves a bound by kilometres is told.
const TOLD_TICK: Duration = Duration::from_micros(20);

/// The shortest request and answer between a host and an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Measurement {
    /// The time between them.
    pub rtt: Duration,
    /// The time between two ticks of the clock that measured: so much longer it may have been.
    pub tick: Duration,
    /// The frame of the answer.
    pub reply: FrameRef,
    /// What was asked and answered, in words: `a TCP handshake`.
    pub method: &'static str,
}

impl Measurement {
    /// How far away the remote end is at the most, in kilometres.
    #[must_use]
    pub fn bound_km(&self) -> f64 {
        (self.rtt + self.tick).as_secs_f64() * 1000.0 * KM_PER_MS
    }

    /// What the measurement itself says against using it.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        if self.tick > MOST_TICK {
            return Some(Doubt::CoarseClock);
        }
        (self.rtt < LEAST_TRUSTED).then_some(Doubt::TooFast)
    }

    /// The time in milliseconds, rounded up to a tenth.
    fn millis(&self) -> String {
        format!("{:.1} ms", (self.rtt.as_secs_f64() * 10_000.0).ceil() / 10.0)
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} took {}", self.method, self.millis())?;
        if self.tick >= TOLD_TICK {
            write!(f, ", by a clock that ticks every {} us", self.tick.as_micros())?;
        }
        Ok(())
    }
}

/// Why a round trip is shown and not used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Doubt {
    /// The packets that the host sent had passed routers before they were captured, so the time is not the host's.
    CapturedAway,
    /// The capture's clock ticks too seldom.
    CoarseClock,
    /// DNS is often answered by a box on the way.
    Dns,
    /// The packets were inside a tunnel, so they made a detour that is not known.
    InTunnel,
    /// No packet of the host's shows by its hop limit whether it was captured at the host.
    NotShownAtClient,
    /// The connection was accepted from another distance than the data came from: a proxy or a filter.
    Proxy,
    /// A box beside the host answered for the server of another connection.
    ProxyBeside,
    /// Its packets were captured on several interfaces, so that two clocks, or two places, may have timed it.
    SeenTwice,
    /// It took less than [`LEAST_TRUSTED`].
    TooFast,
    /// The interface has no link layer, as the tunnels of VPNs have none.
    Tunnel,
    /// Another round trip from there contradicts a strong statement about place, so the vantage may be wrong.
    VantageContradicted,
    /// Where the host stood rests on a database that is too far from that day.
    VantageStale,
    /// Where the host stood is not known.
    VantageUnknown,
}

impl Doubt {
    /// The doubt in `snake_case`, for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CapturedAway => "captured_away",
            Self::CoarseClock => "coarse_clock",
            Self::Dns => "dns",
            Self::InTunnel => "in_tunnel",
            Self::NotShownAtClient => "not_shown_at_client",
            Self::Proxy => "proxy_suspected",
            Self::ProxyBeside => "proxy_beside_suspected",
            Self::SeenTwice => "seen_twice",
            Self::TooFast => "too_fast",
            Self::Tunnel => "tunnel_suspected",
            Self::VantageContradicted => "vantage_contradicted",
            Self::VantageStale => "vantage_stale",
            Self::VantageUnknown => "vantage_unknown",
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CapturedAway => "the capture was taken away from the client, behind routers",
            Self::CoarseClock => "the capture's clock ticks less than once in a millisecond",
            Self::Dns => "DNS is often answered by a box on the way",
            Self::InTunnel => "the packets were inside a tunnel, which makes a detour",
            Self::NotShownAtClient => "nothing shows that the capture was taken at the client",
            Self::ProxyBeside => {
                "a box beside the client is suspected to answer for servers: it did for another of its connections"
            }
            Self::Proxy => {
                "a proxy is suspected: the connection was accepted from another distance than the data came from"
            }
            Self::SeenTwice => "its packets were captured on several interfaces, whose clocks and places may differ",
            Self::TooFast => "under 1 ms a box beside the client answered",
            Self::Tunnel => "a tunnel is suspected: the interface has no link layer, as VPNs have none",
            Self::VantageContradicted => "the vantage is in conflict with the capture",
            Self::VantageStale => "the client's place is known by a database alone that is too far from that day",
            Self::VantageUnknown => "where the client stood is not known",
        })
    }
}

/// How far each country is from where a host stood.
#[derive(Clone, PartialEq, Debug)]
pub struct Reach {
    vantage: Vantage,
    /// How the vantage is known, in words for people: `by --vantage`.
    known_by: String,
    /// Whether it rests on a source that is too old to exclude anything.
    is_stale: bool,
    /// The least distances in kilometres, the greatest first.
    distances: Arc<[(f64, Country)]>,
}

impl Reach {
    /// Measures the least distance to every country; `known_by` says in words how the vantage is known.
    #[must_use]
    pub fn new(vantage: Vantage, known_by: impl Into<String>, is_stale: bool) -> Self {
        let countries = CountrySet::all();
        let far = countries.iter().filter(|country| *country != vantage.country);
        let mut distances: Vec<(f64, Country)> =
            far.filter_map(|country| Some((nearest_km(&vantage.area, country)?, country))).collect();
        distances.sort_by(|(a, one), (b, other)| b.total_cmp(a).then(one.cmp(other)));
        Self { vantage, known_by: known_by.into(), is_stale, distances: distances.into() }
    }

    /// The same place, known in another way: nothing is measured again.
    #[must_use]
    pub fn known_otherwise(&self, known_by: impl Into<String>, is_stale: bool) -> Self {
        Self { known_by: known_by.into(), is_stale, ..self.clone() }
    }

    /// Whether it rests on a source that is too old to exclude anything.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// The countries of which every point is farther than `km`.
    #[must_use]
    pub fn beyond(&self, km: f64) -> CountrySet {
        self.distances
            .iter()
            .take_while(|(distance, _)| *distance > km)
            .map(|(_, country)| *country)
            .collect()
    }

    fn area(&self) -> &Area {
        &self.vantage.area
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.vantage.label, self.known_by)
    }
}

/// A place in which the operator is known to run servers.
#[derive(Clone, PartialEq, Debug)]
pub struct KnownSite {
    /// Its country.
    pub country: Country,
    /// The place, for people.
    pub place: String,
    /// Its position, and the radius in kilometres that surely holds it; `None` where only the country is known.
    pub position: Option<(Point, f64)>,
}

impl KnownSite {
    fn is_within(&self, km: f64, reach: &Reach) -> bool {
        let least = match self.position {
            Some((point, radius)) => Some(nearest_to_point_km(reach.area(), point) - radius),
            None => nearest_km(reach.area(), self.country),
        };
        least.is_none_or(|least| least <= km)
    }
}

/// What a round trip says. `named` are the countries that matter to the reader: of those excluded they are listed first.
///
/// The first witness excludes every country of which the nearest point is too far. A second one stands beside it where
/// further countries are left in which no known site of the operator is near enough; it can confirm, and excludes nothing.
#[must_use]
pub fn round_trip_witnesses(
    measured: &Measurement,
    reach: Option<&Reach>,
    doubt: Option<Doubt>,
    sites: &[KnownSite],
    named: &CountrySet,
) -> Vec<Witness> {
    let doubt = doubt.or_else(|| measured.doubt());
    let reach = match (doubt, reach) {
        (None, Some(reach)) if !reach.is_stale => reach,
        (doubt, reach) => {
            let of_vantage = if reach.is_some() { Doubt::VantageStale } else { Doubt::VantageUnknown };
            let says = format!("{measured}; not used: {}", doubt.unwrap_or(of_vantage));
            return vec![witness(measured, Claim::Nothing, Strength::None, Arc::clone(&CAPTURE), says)];
        }
    };
    let bound = measured.bound_km();
    let excluded = reach.beyond(bound);
    let within = format!("{measured}, so the server is at most {} km from {reach}", grouped(bound.round()));
    let source: Arc<str> = format!("the capture, measured from {reach}").into();
    if excluded.is_empty() {
        let says = format!("{within}, which excludes no country");
        return vec![witness(measured, Claim::Nothing, Strength::None, source, says)];
    }
    let says = format!(
        "{within}, measured to the nearest point of each country: not in {}",
        listed(&excluded, named)
    );
    let exclusion = witness(measured, Claim::NotIn(excluded), Strength::Hard, source.clone(), says);
    let mut witnesses = vec![exclusion];
    let empty = without_site(sites, bound, reach).difference(&excluded);
    if !empty.is_empty() {
        let says = format!(
            "none of the operator's known sites in {} is within those {} km, measured to the nearest known site",
            listed(&empty, &empty),
            grouped(bound.round())
        );
        witnesses.push(witness(measured, Claim::NoSiteIn(empty), Strength::Hard, source, says));
    }
    witnesses
}

/// The strong, fresh statement that a round trip makes impossible, if any: then the statement or the vantage is wrong.
#[must_use]
pub fn contradicted_statement<'a, W: Borrow<Witness>>(
    witnesses: &'a [W],
    excluded: &CountrySet,
) -> Option<&'a Witness> {
    witnesses.iter().map(Borrow::borrow).find(|witness| {
        let Claim::In(countries) = witness.claim else { return false };
        let is_strong =
            witness.group == Group::Operator && witness.strength == Strength::Strong && !witness.is_stale;
        is_strong && !countries.is_empty() && countries.is_subset(excluded)
    })
}

/// The countries with known sites, none of which can be within `km`.
fn without_site(sites: &[KnownSite], km: f64, reach: &Reach) -> CountrySet {
    let all: CountrySet = sites.iter().map(|site| site.country).collect();
    let near: CountrySet =
        sites.iter().filter(|site| site.is_within(km, reach)).map(|site| site.country).collect();
    all.difference(&near)
}

fn witness(
    measured: &Measurement,
    claim: Claim,
    strength: Strength,
    source: Arc<str>,
    says: String,
) -> Witness {
    Witness {
        kind: WitnessKind::RoundTrip,
        group: Group::Measurement,
        claim,
        strength,
        source,
        dated: None,
        frame: Some(measured.reply),
        says: says.into(),
        is_stale: false,
    }
}

/// The source of what is measured and not used, kept once.
static CAPTURE: LazyLock<Arc<str>> = LazyLock::new(|| "the capture".into());

/// `CA, US and 190 more`: those that matter to the reader, or a few, and how many others.
fn listed(countries: &CountrySet, named: &CountrySet) -> String {
    let shown = countries.intersection(named);
    let shown = if shown.is_empty() { *countries } else { shown };
    let codes: Vec<String> = shown.iter().take(MAX_LISTED).map(|country| country.to_string()).collect();
    let more = countries.len() - codes.len();
    if more == 0 { codes.join(", ") } else { format!("{} and {more} more", codes.join(", ")) }
}

/// Kilometres with commas between thousands.
fn grouped(km: f64) -> String {
    let digits = format!("{km:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Countries that are named in one sentence.
const MAX_LISTED: usize = 12;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reach(vantage: &str) -> Reach {
        Reach::new(vantage.parse().unwrap(), "by the user", false)
    }

    fn set(codes: &str) -> CountrySet {
        codes.split_whitespace().map(|code| code.parse::<Country>().unwrap()).collect()
    }

    fn measured(micros: u64) -> Measurement {
        Measurement {
            rtt: Duration::from_micros(micros),
            tick: Duration::from_nanos(1),
            reply: FrameRef::new(0, 391),
            method: "a TCP handshake",
        }
    }

    fn excluded(witnesses: &[Witness]) -> CountrySet {
        let first = witnesses.first().filter(|witness| witness.strength == Strength::Hard);
        match first.map(|witness| witness.claim) {
            Some(Claim::NotIn(countries)) => countries,
            _ => CountrySet::EMPTY,
        }
    }

    fn says(micros: u64, vantage: Option<&str>, doubt: Option<Doubt>) -> Vec<Witness> {
        let reach = vantage.map(reach);
        round_trip_witnesses(&measured(micros), reach.as_ref(), doubt, &[], &set("DE US"))
    }

    #[test]
    fn a_short_round_trip_excludes_what_light_cannot_reach() {
        let from_italy = says(24_389, Some("IT"), None);
        let not = excluded(&from_italy);
        assert!(set("US CA SG JP AU BR").is_subset(&not), "{not:?}");
        assert!(set("IT DE NL FR CH GB SM VA TN").is_disjoint(&not), "{not:?}");
        let says = &from_italy[0].says;
        let start = "a TCP handshake took 24.4 ms, so the server is at most 2,439 km from IT (by the user), measured to the \
                     nearest point of each country: not in US and ";
        assert!(says.starts_with(start), "{says}");
        assert_eq!(from_italy[0].frame, Some(FrameRef::new(0, 391)));
        assert_eq!((from_italy[0].group, from_italy.len()), (Group::Measurement, 1));
    }

    #[test]
    fn a_long_round_trip_excludes_nothing_and_says_so() {
        let witnesses = says(260_000, Some("NL-Amsterdam"), None);
        assert_eq!((witnesses[0].claim, witnesses[0].strength), (Claim::Nothing, Strength::None));
        assert!(witnesses[0].says.ends_with("which excludes no country"), "{}", witnesses[0].says);
    }

    #[test]
    fn a_coarse_clock_widens_the_bound_or_voids_it() {
        let ticking = |tick| Measurement { tick, ..measured(10_000) };
        let near = |tick| (ticking(tick).bound_km() - 1_000.0).abs() < 0.1;
        assert!(near(Duration::from_nanos(1)) && !near(Duration::from_millis(1)));
        assert!((ticking(Duration::from_millis(1)).bound_km() - 1_100.0).abs() < 0.1);
        assert_eq!(ticking(Duration::from_millis(1)).doubt(), None);
        assert_eq!(ticking(Duration::from_millis(10)).doubt(), Some(Doubt::CoarseClock));
    }

    #[test]
    fn a_doubt_is_shown_and_nothing_is_excluded() {
        let fast = says(900, Some("DE"), None);
        assert_eq!(
            &*fast[0].says,
            "a TCP handshake took 0.9 ms; not used: under 1 ms a box beside the client answered"
        );
        for doubt in
            [Doubt::CapturedAway, Doubt::Dns, Doubt::Proxy, Doubt::Tunnel, Doubt::VantageContradicted]
        {
            let shown = says(20_000, Some("DE"), Some(doubt));
            assert_eq!((excluded(&shown), shown[0].strength), (CountrySet::EMPTY, Strength::None));
            assert!(shown[0].says.ends_with(&format!("; not used: {doubt}")), "{}", doubt.name());
        }
        let unknown = says(20_000, None, None);
        assert_eq!((unknown[0].claim, unknown[0].strength), (Claim::Nothing, Strength::None));
        assert_eq!(
            &*unknown[0].says,
            "a TCP handshake took 20.0 ms; not used: where the client stood is not known"
        );
    }

    #[test]
    fn a_vantage_by_an_old_database_excludes_nothing() {
        let old = Reach::new("NL".parse().unwrap(), "by its own address", true);
        let shown = round_trip_witnesses(&measured(20_000), Some(&old), None, &[], &CountrySet::EMPTY);
        assert_eq!(excluded(&shown), CountrySet::EMPTY);
        assert!(shown[0].says.ends_with("too far from that day"), "{}", shown[0].says);
    }

    #[test]
    fn known_sites_that_are_too_far_are_said_apart() {
        let site = |country: &str, at: Option<(f64, f64)>| KnownSite {
            country: country.parse().unwrap(),
            place: String::new(),
            position: at.map(|(lat, lon)| (Point::new(lat, lon).unwrap(), 50.0)),
        };
        let dublin = reach("IE-Dublin");
        // 48 ms reach Newfoundland and Maine, not New York.
        let sites = [site("US", Some((40.71, -74.01))), site("GB", Some((51.51, -0.13))), site("CA", None)];
        let witnesses = round_trip_witnesses(&measured(48_000), Some(&dublin), None, &sites, &set("US"));
        let [exclusion, absence] = witnesses.as_slice() else { panic!("{witnesses:?}") };
        assert!(!matches!(exclusion.claim, Claim::NotIn(not) if not.contains("US".parse().unwrap())));
        assert_eq!((absence.claim, absence.strength), (Claim::NoSiteIn(set("US")), Strength::Hard));
        assert!(absence.says.contains("none of the operator's known sites in US is within those 4,800 km"));
    }

    #[test]
    fn a_strong_statement_that_cannot_be_is_found() {
        let statement = |strength, is_stale| Witness {
            kind: WitnessKind::SiteCode,
            group: Group::Operator,
            claim: Claim::In(set("US")),
            strength,
            source: Arc::default(),
            dated: None,
            frame: None,
            says: Arc::default(),
            is_stale,
        };
        let found = |strength, is_stale, excluded: &str| {
            contradicted_statement(&[statement(strength, is_stale)], &set(excluded)).is_some()
        };
        assert!(found(Strength::Strong, false, "US CA"));
        assert!(!found(Strength::Medium, false, "US") && !found(Strength::Strong, true, "US"));
        assert!(!found(Strength::Strong, false, "CA"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_longer_round_trip_never_excludes_more(short in 1_000_u64..200_000, more in 0_u64..100_000) {
            let reach = reach("DE-Berlin");
            let not = |micros| {
                excluded(&round_trip_witnesses(&measured(micros), Some(&reach), None, &[], &CountrySet::EMPTY))
            };
            prop_assert!(not(short + more).is_subset(&not(short)));
            prop_assert!(!not(short).contains("DE".parse().unwrap()));
        }
    }
}

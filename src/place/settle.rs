//! What would settle a place that is not determined: each remedy is tried on the evidence first, and named only where the
//! answer would change.
//!
//! Input: the witnesses of an address, and what else is known of it. Output: remedies, the one that is worth most first.
//! Must not: promise an outcome: it is not known what a remedy will say, only that it would count.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::{
    Area, Claim, Country, CountrySet, Grade, Group, Measurement, Network, NetworkKind, Resolution, Sites,
    Strength, Witness, WitnessKind, nearest_km, resolve, zone,
};

/// Something that the user can do or ask for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remedy {
    /// The option that takes it, such as `--geoip FILE`; `None` where another capture is needed.
    pub option: Option<&'static str>,
    /// What it is and what it would make of the place, in one clause for people.
    pub says: String,
}

/// What is known of an address beside its witnesses.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// All witnesses.
    pub witnesses: &'a [Arc<Witness>],
    /// What they leave.
    pub resolution: &'a Resolution,
    /// The network that announces the address, where it is known.
    pub network: Option<&'a Network>,
    /// The cloud provider whose list of ranges was not asked and may hold the address, in words.
    pub unasked_ranges: Option<&'a str>,
    /// The country of registration.
    pub registered: Option<Country>,
    /// The shortest round trip, where one was measured and nothing but a vantage that is not known, or too old, speaks against using it.
    pub unplaced_round_trip: Option<Measurement>,
    /// Whether the operator's names carry codes of places, and none was seen for this address.
    pub lacks_name: bool,
    /// Where the operator runs sites.
    pub sites: Option<&'a Sites>,
}

/// What would settle the place; nothing where it is likely or confirmed, or stands in no country.
#[must_use]
pub fn would_settle(situation: &Situation<'_>) -> Vec<Remedy> {
    if matches!(situation.resolution.grade, Grade::Confirmed | Grade::Likely | Grade::Local) {
        return Vec::new();
    }
    let tried = [by_vantage(situation), by_name(situation), by_ranges(situation), by_database(situation)];
    let is_open = situation.resolution.grade != Grade::Possible;
    tried.into_iter().flatten().chain(is_open.then(by_override)).collect()
}

/// A round trip whose vantage is known excludes countries that are claimed, where that can be from anywhere in the EEA.
fn by_vantage(situation: &Situation<'_>) -> Option<Remedy> {
    let measured = situation.unplaced_round_trip?;
    let claimed = situation.witnesses.iter().filter_map(|witness| match witness.claim {
        Claim::In(countries) if witness.strength > Strength::None => Some(countries),
        _ => None,
    });
    let claimed = claimed.fold(CountrySet::EMPTY, |all, one| all.union(&one));
    let excludes = |country| {
        hypothetical(
            WitnessKind::RoundTrip,
            Group::Measurement,
            Claim::NotIn(CountrySet::of(country)),
            Strength::Hard,
        )
    };
    let counts =
        |country| measured.bound_km() < farthest_km(country) && situation.changes(&excludes(country));
    claimed.iter().any(counts).then(|| Remedy {
        option: Some("--vantage CC"),
        says: format!(
            "where the client stood, so that the round trip can exclude countries ({measured}): --vantage CC"
        ),
    })
}

/// How far a country is at the most from the nearest point of a state of the EEA; worked out once.
fn farthest_km(country: Country) -> f64 {
    static KNOWN: LazyLock<Mutex<BTreeMap<Country, f64>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known.entry(country).or_insert_with(|| {
        let area = Area::Country(country);
        let day = zone::compiled();
        let all = CountrySet::all();
        let members = all.iter().filter(|state| zone(*state, day, None).zone.is_inside_eea());
        members.filter_map(|state| nearest_km(&area, state)).fold(0.0, f64::max)
    })
}

/// A name with a code and the address's digits is strong.
fn by_name(situation: &Situation<'_>) -> Option<Remedy> {
    let named = hypothetical(WitnessKind::SiteCode, Group::Operator, situation.somewhere(), Strength::Strong);
    (situation.lacks_name && situation.changes(&named)).then(|| Remedy {
        option: None,
        says: "no name is known: a capture from before the connection may show one, which can make it likely"
            .to_owned(),
    })
}

/// A provider's own range file is strong on its network.
fn by_ranges(situation: &Situation<'_>) -> Option<Remedy> {
    let provider = situation.unasked_ranges?;
    let ranged =
        hypothetical(WitnessKind::CloudRegion, Group::Operator, situation.somewhere(), Strength::Strong);
    situation.changes(&ranged).then(|| Remedy {
        option: Some("--ranges FILE"),
        says: format!(
            "the range file of {provider} may say the region, which can make it likely: --ranges FILE"
        ),
    })
}

/// A database that departs from the registration is medium, save on carriers and delivery networks.
fn by_database(situation: &Situation<'_>) -> Option<Remedy> {
    let is_heard = !matches!(
        situation.network.map(|network| network.kind),
        Some(NetworkKind::Carrier | NetworkKind::Cdn)
    );
    let departing =
        hypothetical(WitnessKind::Database, Group::Database, situation.somewhere(), Strength::Medium);
    (is_heard && situation.changes(&departing)).then(|| Remedy {
        option: Some("--geoip FILE"),
        says: "a country database that departs from the registration could make it possible: --geoip FILE"
            .to_owned(),
    })
}

fn by_override() -> Remedy {
    Remedy {
        option: Some("--override FILE"),
        says: "a statement of the operator's on where this server stands can be handed in: --override FILE"
            .to_owned(),
    }
}

impl Situation<'_> {
    /// Whether the answer would be another one, or a surer one, with one witness more.
    fn changes(&self, more: &Witness) -> bool {
        let witnesses: Vec<&Witness> =
            self.witnesses.iter().map(|witness| &**witness).chain([more]).collect();
        let then = resolve(&witnesses, self.sites);
        then.grade != self.resolution.grade || then.allowed != self.resolution.allowed
    }

    /// A country that is not that of registration.
    fn somewhere(&self) -> Claim {
        let other = CountrySet::all()
            .iter()
            .find(|country| Some(*country) != self.registered && self.resolution.allowed.contains(*country));
        Claim::In(other.map(CountrySet::of).unwrap_or_default())
    }
}

fn hypothetical(kind: WitnessKind, group: Group, claim: Claim, strength: Strength) -> Witness {
    Witness {
        kind,
        group,
        claim,
        strength,
        source: Arc::default(),
        dated: None,
        frame: None,
        says: Arc::default(),
        is_stale: false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::frame::FrameRef;
    use crate::place::network;

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    fn claims(kind: WitnessKind, group: Group, code: &str, strength: Strength) -> Witness {
        hypothetical(kind, group, Claim::In(country(code).into()), strength)
    }

    fn options(witnesses: &[Witness], asn: u32, lacks_name: bool) -> Vec<&'static str> {
        let measured = Measurement {
            rtt: Duration::from_millis(20),
            tick: Duration::from_nanos(1),
            reply: FrameRef::new(0, 9),
            method: "a TCP handshake",
        };
        let network = network(asn);
        let situation = Situation {
            witnesses: &witnesses.iter().cloned().map(Arc::new).collect::<Vec<_>>(),
            resolution: &resolve(witnesses, None),
            network: Some(&network),
            unasked_ranges: network.ranges,
            registered: Some(country("US")),
            unplaced_round_trip: Some(measured),
            lacks_name,
            sites: None,
        };
        would_settle(&situation).iter().map(|remedy| remedy.option.unwrap_or("another capture")).collect()
    }

    #[test]
    fn an_echo_is_settled_by_a_name_a_database_or_a_statement_and_not_by_a_vantage() {
        let echo = hypothetical(WitnessKind::DatabaseEcho, Group::Registry, Claim::Nothing, Strength::None);
        let (zoom, carrier, cloud) = (30103, 3356, 16509);
        let settled = |asn, lacks_name| options(std::slice::from_ref(&echo), asn, lacks_name);
        assert_eq!(settled(zoom, true), ["another capture", "--geoip FILE", "--override FILE"]);
        assert_eq!(settled(zoom, false), ["--geoip FILE", "--override FILE"]);
        assert_eq!(settled(carrier, false), ["--override FILE"]);
        assert_eq!(settled(cloud, false), ["--ranges FILE", "--geoip FILE", "--override FILE"]);
    }

    #[test]
    fn a_conflict_is_settled_by_what_excludes_one_side_or_outweighs_both() {
        let both = [
            claims(WitnessKind::SiteCodeInCertificate, Group::Operator, "US", Strength::Medium),
            claims(WitnessKind::Database, Group::Database, "DE", Strength::Medium),
        ];
        let settled = options(&both, 30103, true);
        assert_eq!(settled[..2], ["--vantage CC", "another capture"]);
        assert!(settled.contains(&"--override FILE"));
    }

    #[test]
    fn anycast_is_settled_by_a_statement_alone() {
        let anycast =
            hypothetical(WitnessKind::Anycast, Group::Operator, Claim::OriginUnknown, Strength::Hard);
        assert_eq!(options(&[anycast], 13335, true), ["--override FILE"]);
    }

    #[test]
    fn what_is_likely_needs_no_remedy() {
        let named = claims(WitnessKind::SiteCode, Group::Operator, "DE", Strength::Strong);
        assert_eq!(options(&[named], 30103, true), [""; 0]);
    }
}

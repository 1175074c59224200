//! The operator's own statements about an address, as witnesses of its place.
//!
//! Input: an address, the names that the client used for it, and the day. Output: witnesses, all of the group
//! `operator_statement`, which counts once. Must not: weigh them, or make one of a name that the client did not use.

use std::net::{IpAddr, Ipv4Addr};

use super::{Catalogue, Origin, zoom};
use crate::data::Confidence;
use crate::frame::{Date, FrameRef};
use crate::place::{Claim, Country, CountrySet, Group, Strength, Witness, WitnessKind, zone};
use crate::wire::Hostname;

/// A name of a remote end, and the frame it was read from.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// The name.
    pub host: Hostname,
    /// How it was learnt.
    pub origin: Origin,
    /// Where.
    pub frame: FrameRef,
}

impl Catalogue {
    /// What the operator and its providers state about `address` on `day`.
    ///
    /// `is_corroborated` says whether a name or payload of the operator's stands beside a range that needs one.
    #[must_use]
    pub fn witnesses(
        &self,
        address: IpAddr,
        names: &[Spoken],
        day: Date,
        is_corroborated: bool,
    ) -> Vec<Witness> {
        let ranges = [
            self.region_witness(address, day, is_corroborated),
            self.published_witness(address, day, is_corroborated),
        ];
        let is_sure = |spoken: &Spoken| match spoken.origin {
            Origin::OtherCopy => false,
            Origin::Dns => is_asked(&spoken.host, names),
            _ => true,
        };
        let (sure, others): (Vec<&Spoken>, Vec<&Spoken>) = names.iter().partition(|spoken| is_sure(spoken));
        let mut found: Vec<Witness> =
            sure.into_iter().filter_map(|spoken| self.site_witness(spoken, address)).collect();
        let asks_operator = names.iter().any(|name| {
            name.origin == Origin::Request && self.name(&name.host).is_some_and(|matched| matched.is_client())
        });
        let is_placed = !found.is_empty() || ranges.iter().any(Option::is_some);
        found.extend(others.into_iter().filter_map(|spoken| {
            let witness = self.site_witness(spoken, address)?;
            // An alias places what nothing else of the operator's does.
            let is_alone = spoken.origin == Origin::Dns && !is_placed && asks_operator;
            (is_alone || is_outside(&witness, day)).then_some(witness)
        }));
        let mut witnesses: Vec<Witness> = Vec::new();
        for witness in found {
            if !witnesses.iter().any(|known| known.says == witness.says) {
                witnesses.push(witness);
            }
        }
        witnesses.extend(ranges.into_iter().flatten());
        witnesses.extend(self.anycast_witness(address));
        witnesses
    }

    fn site_witness(&self, spoken: &Spoken, address: IpAddr) -> Option<Witness> {
        if spoken.origin == Origin::Certificate {
            return None;
        }
        let statement = self.site_statement(&spoken.host, address)?;
        let (strength, digits) = match (statement.digits_match, statement.confidence) {
            (true, Confidence::High | Confidence::Medium) => {
                (Strength::Strong, "with the address's own digits")
            }
            (true, Confidence::Low) => {
                (Strength::Medium, "with the address's own digits, in a code that is only inferred")
            }
            (false, _) => (Strength::Medium, "without digits that could be checked"),
        };
        let says = format!(
            "the name {} has the code {} for {}, {digits}",
            spoken.host, statement.code, statement.place
        );
        let found = Found {
            kind: WitnessKind::SiteCode,
            strength,
            says,
            source: statement.source,
            dated: Some(statement.dated),
        };
        Some(Witness { frame: Some(spoken.frame), ..found.located(statement.country)? })
    }

    /// What a name says by itself: its digits cannot be compared where no address is known for it.
    #[must_use]
    pub fn name_witness(&self, host: &Hostname) -> Option<Witness> {
        let statement = self.site_statement_alone(host)?;
        let says = format!(
            "the name {host} has the code {} for {}; there is no address to compare its digits with",
            statement.code, statement.place
        );
        let found = Found {
            kind: WitnessKind::SiteCode,
            strength: Strength::Medium,
            says,
            source: statement.source,
            dated: Some(statement.dated),
        };
        found.located(statement.country)
    }

    /// What a name that spells `neighbour` says about other addresses of the same /24.
    #[must_use]
    pub fn neighbour_witness(&self, spoken: &Spoken, neighbour: IpAddr, day: Date) -> Option<Witness> {
        let is_sure = spoken.origin != Origin::OtherCopy;
        let named = self.site_witness(spoken, neighbour);
        let named = named.filter(|named| named.strength == Strength::Strong)?;
        if !is_sure && !is_outside(&named, day) {
            return None;
        }
        let says = format!("in the same /24, for {neighbour}, {}", named.says);
        Some(Witness {
            kind: WitnessKind::NeighbourName,
            strength: Strength::Medium,
            says: says.into(),
            ..named
        })
    }

    /// What the operator states about the IPv4 address that an IPv6 address spells, for the IPv6 address: names that were
    /// seen for the IPv4 address, its published place and its cloud region.
    #[must_use]
    pub fn embedded_witnesses(
        &self,
        spelt: Ipv4Addr,
        names: &[Spoken],
        day: Date,
        is_corroborated: bool,
    ) -> Vec<Witness> {
        let stated = self.witnesses(IpAddr::V4(spelt), names, day, is_corroborated);
        let strong = stated.into_iter().filter(|witness| witness.strength == Strength::Strong);
        strong
            .map(|named| Witness {
                says: format!("the address spells {spelt}, and {}", named.says).into(),
                kind: WitnessKind::EmbeddedAddress,
                strength: Strength::Medium,
                ..named
            })
            .collect()
    }

    /// What a certificate for all servers of one place says, read from `frame`.
    #[must_use]
    pub fn certificate_witness(&self, name: &str, frame: FrameRef) -> Option<Witness> {
        let statement = self.site_statement_of_certificate(name)?;
        let says =
            format!("the certificate for {name} has the code {} for {}", statement.code, statement.place);
        let kind = WitnessKind::SiteCodeInCertificate;
        let found = Found {
            kind,
            strength: Strength::Medium,
            says,
            source: statement.source,
            dated: Some(statement.dated),
        };
        Some(Witness { frame: Some(frame), ..found.located(statement.country)? })
    }

    fn region_witness(&self, address: IpAddr, day: Date, is_corroborated: bool) -> Option<Witness> {
        let range = self.range(address, day)?;
        let region = range.region?;
        let stands = range.standing == zoom::Standing::Certain || is_corroborated;
        let strength = if stands { Strength::Strong } else { Strength::None };
        let copies: Vec<String> = range.copies.iter().map(ToString::to_string).collect();
        let says = format!(
            "{}, in {}'s list of {}, lies in {}'s region {}, which a range keeps while it is listed{}",
            range.cidr,
            Self::CLIENT,
            copies.join(" and "),
            region.provider,
            region.code,
            alone(stands)
        );
        let kind = WitnessKind::CloudRegion;
        Found { kind, strength, says, source: region.source, dated: Some(region.dated) }
            .located(region.country?)
    }

    fn published_witness(&self, address: IpAddr, day: Date, is_corroborated: bool) -> Option<Witness> {
        let published = self.published_address(address, day)?;
        let stands = published.standing == zoom::Standing::Certain || is_corroborated;
        let strength = if stands { Strength::Strong } else { Strength::None };
        let says = format!("{} publishes the address as {}{}", Self::CLIENT, published.place, alone(stands));
        let kind = WitnessKind::PublishedAddress;
        let dated = published.last_seen;
        Found { kind, strength, says, source: published.source, dated }.located(published.country)
    }

    fn anycast_witness(&self, address: IpAddr) -> Option<Witness> {
        let anycast = self.anycast(address)?;
        let says = format!("{} is announced from many places at once (anycast)", anycast.cidr);
        let kind = WitnessKind::Anycast;
        let found = Found {
            kind,
            strength: Strength::Hard,
            says,
            source: anycast.source,
            dated: Some(anycast.dated),
        };
        Some(found.witness(Claim::OriginUnknown))
    }
}

/// What is missing where a list alone does not make the address the operator's on that day.
fn alone(stands: bool) -> &'static str {
    if stands { "" } else { "; on that day it counts only beside a name or payload of the operator's" }
}

/// A statement before its claim is known.
struct Found<'a> {
    kind: WitnessKind,
    strength: Strength,
    says: String,
    source: &'a str,
    dated: Option<Date>,
}

impl Found<'_> {
    fn located(self, country: &str) -> Option<Witness> {
        let country: Country = country.parse().ok()?;
        Some(self.witness(Claim::In(CountrySet::of(country))))
    }

    /// The operator's statements are dated by the day on which they hold, so none is stale.
    fn witness(self, claim: Claim) -> Witness {
        let Self { kind, strength, says, source, dated } = self;
        Witness {
            kind,
            group: Group::Operator,
            claim,
            strength,
            source: source.into(),
            dated,
            frame: None,
            says: says.into(),
            is_stale: false,
        }
    }
}

/// Whether the client names the host on a connection, or on none: what a name server calls an address by the way (an alias) is outdone
/// by what the client asks it for.
fn is_asked(host: &Hostname, names: &[Spoken]) -> bool {
    let mut asked = names.iter().filter(|name| name.origin == Origin::Request).peekable();
    asked.peek().is_none() || asked.any(|name| name.host == *host)
}

/// Whether a statement is of countries outside the EEA alone. One that is not sure counts only then, so that no finding becomes milder
/// by what somebody added to the capture.
fn is_outside(witness: &Witness, day: Date) -> bool {
    let is_inside = |country| zone(country, day, None).zone.is_inside_eea();
    matches!(&witness.claim, Claim::In(countries) if !countries.iter().any(is_inside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Catalogue;

    fn spoken(name: &str, origin: Origin) -> Spoken {
        Spoken { host: Hostname::parse(name.as_bytes()).unwrap(), origin, frame: FrameRef::new(0, 7) }
    }

    fn witnesses(address: &str, names: &[Spoken], day: &str, is_corroborated: bool) -> Vec<Witness> {
        let day = day.parse().unwrap();
        Catalogue::builtin().witnesses(address.parse().unwrap(), names, day, is_corroborated)
    }

    fn in_country(code: &str) -> Claim {
        Claim::In(CountrySet::of(code.parse().unwrap()))
    }

    /// What somebody may have added, or a name server alone says, makes no finding milder, and none that stood without it goes away.
    #[test]
    fn names_that_are_not_sure_place_outside_the_eea_alone() {
        let [german, american] = ["zoomfr84zc.zoom.us", "zoomsjc84zc.zoom.us"];
        let placed = |names: &[Spoken], address: &str| {
            let found = witnesses(address, names, "2024-06-18", true);
            found.iter().filter(|witness| witness.kind == WitnessKind::SiteCode).count()
        };
        let asked = || spoken("us04web.zoom.us", Origin::Request);
        // Of the second address ranges say that it stands in the US.
        for (address, alias_in_the_eea) in [("213.244.140.84", 1), ("3.235.96.84", 0)] {
            for (name, disputed, alias) in [(german, 0, alias_in_the_eea), (american, 1, 1)] {
                assert_eq!(placed(&[spoken(name, Origin::OtherCopy), asked()], address), disputed, "{name}");
                assert_eq!(placed(&[asked(), spoken(name, Origin::Dns)], address), alias, "{name} {address}");
                assert_eq!(placed(&[spoken(name, Origin::Request), asked()], address), 1, "{name}");
                assert_eq!(placed(&[spoken(name, Origin::Dns)], address), 1, "{name}");
            }
        }
        let day = "2024-06-18".parse().unwrap();
        let beside = |name, origin| {
            Catalogue::builtin().neighbour_witness(
                &spoken(name, origin),
                "213.244.140.84".parse().unwrap(),
                day,
            )
        };
        assert!(beside(german, Origin::OtherCopy).is_none() && beside(german, Origin::Dns).is_some());
        assert!(beside(american, Origin::OtherCopy).is_some());
    }

    #[test]
    fn a_name_with_the_addresss_digits_is_strong_and_keeps_its_frame() {
        let name = || spoken("zoomfr84zc.zoom.us", Origin::Request);
        let found = witnesses("213.244.140.84", &[name(), name()], "2018-01-01", false);
        let [witness] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((witness.kind, witness.group), (WitnessKind::SiteCode, Group::Operator));
        assert_eq!((&witness.claim, witness.strength), (&in_country("DE"), Strength::Strong));
        assert_eq!(witness.frame, Some(FrameRef::new(0, 7)));
        assert!(witness.says.contains("zoomfr84zc.zoom.us has the code fr"), "{}", witness.says);
        assert!(witness.dated.is_some() && !witness.source.is_empty() && !witness.is_stale);
    }

    #[test]
    fn a_name_without_digits_is_medium_and_one_of_another_address_says_nothing() {
        let names = [spoken("rwcams.ams.zoom.us", Origin::Dns)];
        let found = witnesses("203.0.113.1", &names, "2025-03-04", false);
        assert_eq!((&found[0].claim, found[0].strength), (&in_country("NL"), Strength::Medium));
        let names = [spoken("zoomfr84zc.zoom.us", Origin::Request)];
        assert_eq!(witnesses("203.0.113.85", &names, "2025-03-04", true), []);
    }

    #[test]
    fn digits_with_hyphens_are_compared_like_others() {
        let names = [spoken("zoomsjc144-195-19-86zssgw.sjc.zoom.us", Origin::Request)];
        let found = witnesses("144.195.19.86", &names, "2026-06-20", true);
        let code = found.iter().find(|witness| witness.kind == WitnessKind::SiteCode).unwrap();
        assert_eq!((&code.claim, code.strength), (&in_country("US"), Strength::Strong));
        let found = witnesses("144.195.19.87", &names, "2026-06-20", true);
        assert!(found.iter().all(|witness| witness.kind != WitnessKind::SiteCode), "another server's name");
    }

    #[test]
    fn a_certificate_is_medium_at_most_and_its_host_names_are_no_places() {
        let names = [spoken("zoomfr84zc.zoom.us", Origin::Certificate)];
        assert_eq!(witnesses("213.244.140.84", &names, "2018-01-01", false), []);
        let frame = FrameRef::new(0, 9);
        let witness = Catalogue::builtin().certificate_witness("*.fr.zoom.us", frame).unwrap();
        assert_eq!(witness.kind, WitnessKind::SiteCodeInCertificate);
        assert_eq!((witness.claim, witness.strength), (in_country("DE"), Strength::Medium));
        assert_eq!(witness.frame, Some(frame));
        assert_eq!(Catalogue::builtin().certificate_witness("*.zoom.us", frame), None);
    }

    #[test]
    fn a_doubtful_range_counts_only_beside_a_name_or_payload() {
        let region = |is_corroborated| {
            let mut found = witnesses("52.202.62.238", &[], "2019-09-26", is_corroborated);
            assert_eq!((found.len(), found[0].kind), (1, WitnessKind::CloudRegion));
            found.swap_remove(0)
        };
        assert_eq!(region(false).strength, Strength::None);
        assert_eq!((region(true).strength, region(true).claim), (Strength::Strong, in_country("US")));
        assert!(region(true).says.contains("in Zoom's list of 2020-06-30"), "{}", region(true).says);
    }

    #[test]
    fn a_published_address_is_strong_in_its_years() {
        let strength = |day, is_corroborated| {
            let found = witnesses("213.19.144.110", &[], day, is_corroborated);
            let published = found.iter().find(|w| w.kind == WitnessKind::PublishedAddress).unwrap();
            assert_eq!(published.claim, in_country("NL"));
            published.strength
        };
        assert_eq!(strength("2019-09-26", false), Strength::Strong);
        assert_eq!(strength("2026-01-01", false), Strength::None);
        assert_eq!(strength("2026-01-01", true), Strength::Strong);
    }

    #[test]
    fn anycast_leaves_the_origin_open() {
        let found = witnesses("170.114.52.83", &[], "2025-03-04", false);
        let anycast = found.iter().find(|witness| witness.kind == WitnessKind::Anycast).unwrap();
        assert_eq!((&anycast.claim, anycast.strength), (&Claim::OriginUnknown, Strength::Hard));
        assert!(anycast.says.starts_with("170.114.52.0/24 is announced"), "{}", anycast.says);
    }
}

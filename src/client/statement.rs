//! The operator's own statements about an address, as witnesses of its place.
//!
//! Input: an address, the names that the client used for it, and the day. Output: witnesses, all of the group
//! `operator_statement`, which counts once. Must not: weigh them, or make one of a name that the client did not use.

use std::net::IpAddr;

use super::{Catalogue, Origin, zoom};
use crate::data::Confidence;
use crate::frame::{Date, FrameRef};
use crate::place::{Claim, Country, CountrySet, Group, Strength, Witness, WitnessKind};
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
        let mut witnesses: Vec<Witness> = Vec::new();
        for spoken in names {
            if let Some(witness) = self.site_witness(spoken, address)
                && !witnesses.iter().any(|known| known.says == witness.says)
            {
                witnesses.push(witness);
            }
        }
        witnesses.extend(self.region_witness(address, day, is_corroborated));
        witnesses.extend(self.published_witness(address, day, is_corroborated));
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
            "{}, in {}'s list of {}, lies in {}'s region {}",
            range.cidr,
            Self::CLIENT,
            copies.join(" and "),
            region.provider,
            region.code
        );
        let kind = WitnessKind::CloudRegion;
        Found { kind, strength, says, source: region.source, dated: Some(region.dated) }
            .located(region.country?)
    }

    fn published_witness(&self, address: IpAddr, day: Date, is_corroborated: bool) -> Option<Witness> {
        let published = self.published_address(address, day)?;
        let stands = published.standing == zoom::Standing::Certain || is_corroborated;
        let strength = if stands { Strength::Strong } else { Strength::None };
        let says = format!("{} publishes the address as {}", Self::CLIENT, published.place);
        let kind = WitnessKind::PublishedAddress;
        Found { kind, strength, says, source: published.source, dated: None }.located(published.country)
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
        let source = source.to_owned();
        Witness {
            kind,
            group: Group::Operator,
            claim,
            strength,
            source,
            dated,
            frame: None,
            says,
            is_stale: false,
        }
    }
}

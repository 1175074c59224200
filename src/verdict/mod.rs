//! The findings: where a destination stands seen from the EEA, and whether the register lists it.
//!
//! Input: an address, the countries that the evidence leaves, who the recipient is and what it does, a register, a day.
//! Output: a [`Finding`] on two axes, place and listing, which are never mixed. What cannot be placed is never counted
//! as inside, and what is inside or cannot be placed is never flagged.
//! Must not: read bytes, weigh evidence, or say that a transfer is unlawful.

mod destination;
mod register;

use crate::frame::Date;
use crate::place::{Address, Country, CountrySet, Grade, Resolution, Zone, ZoneReading, zone};

pub use destination::{DestinationKey, rank};
pub use register::{Alone, Entry, Register, Scope, ScopeZone, Unseen};

/// Who is at the remote end, as far as the rules ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contact<'a> {
    /// The recipient's id in the client's catalogue; `None` where it is not known.
    pub recipient: Option<&'a str>,
    /// The id of the service it was contacted for; `None` where it is not known.
    pub service: Option<&'a str>,
    /// Whether the recipient is covered by the framework that the zone asks for, where that is known.
    pub is_recipient_certified: Option<bool>,
    /// Whether it is another participant of a call instead of a recipient.
    pub is_participant: bool,
}

/// Where a destination stands, seen from the EEA.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Axis {
    /// Every country that the evidence allows is inside the EEA.
    Eea,
    /// Every country that the evidence allows is outside the EEA.
    Outside,
    /// On both sides of the border, anycast, a conflict across it, or nothing that speaks.
    Undetermined,
    /// Not a public address.
    Local,
    /// Another participant's line in a peer-to-peer call: a person's address, never a recipient's.
    Participant,
}

impl Axis {
    /// The axis in `snake_case`, for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Eea => "eea",
            Self::Outside => "outside",
            Self::Undetermined => "undetermined",
            Self::Local => "local",
            Self::Participant => "participant",
        }
    }
}

/// Whether the register lists a destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listing<'r> {
    /// An entry names the recipient, the service and every country the destination may stand in.
    Listed(&'r Entry),
    /// No entry does.
    Unlisted,
    /// Entries name the recipient and the service, and whether they cover the place is not known because the place is not.
    Undecided,
    /// No register covers the day.
    NoRegister,
    /// The remote end is no recipient: a local address, or another participant.
    NotARecipient,
}

impl Listing<'_> {
    /// The listing in `snake_case`, for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Listed(_) => "listed",
            Self::Unlisted => "unlisted",
            Self::Undecided => "undecided",
            Self::NoRegister => "no_register",
            Self::NotARecipient => "not_a_recipient",
        }
    }
}

/// What is found about one destination.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding<'r> {
    /// Where it stands, seen from the EEA.
    pub axis: Axis,
    /// How sure the axis is. A conflict between countries on one side of the border makes it *possible*; otherwise it is
    /// the resolution's grade.
    pub grade: Grade,
    /// The legal zone of each allowed country, in the order of their codes; none where the place is not determined by
    /// any claim.
    pub zones: Vec<(Country, ZoneReading)>,
    /// Whether the country is disputed: other evidence claims another one, or the allowed ones are in conflict.
    pub is_country_disputed: bool,
    /// Whether the register lists it.
    pub listing: Listing<'r>,
    /// The entries that name recipient and service, where it is undecided or unlisted: it would be listed by them if it
    /// stood where they say.
    pub would_be_listed: Vec<&'r Entry>,
    /// Whether it is flagged: outside the EEA, and not listed.
    pub is_flagged: bool,
}

impl Finding<'_> {
    /// The zone that all allowed countries share, if they do.
    #[must_use]
    pub fn zone(&self) -> Option<Zone> {
        let mut zones = self.zones.iter().map(|(_, reading)| reading.zone);
        let first = zones.next()?;
        zones.all(|zone| zone == first).then_some(first)
    }

    /// `would be listed if US`, or `would be listed if in the EEA or US`.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let mut scopes: Vec<String> = Vec::new();
        for entry in &self.would_be_listed {
            let scope = entry.scope.to_string();
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        (!scopes.is_empty()).then(|| format!("would be listed if {}", scopes.join(" or ")))
    }
}

/// Judges one destination on the day of its flow.
#[must_use]
pub fn judge<'r>(
    address: &Address,
    resolution: &Resolution,
    contact: &Contact<'_>,
    register: Option<&'r Register>,
    day: Date,
) -> Finding<'r> {
    let axis = axis(address, resolution, contact, day);
    let is_placed = matches!(axis, Axis::Eea | Axis::Outside);
    let listing = match axis {
        Axis::Local | Axis::Participant => Listing::NotARecipient,
        Axis::Eea | Axis::Outside => listing(register, contact, Some(&resolution.allowed), day),
        Axis::Undetermined => listing(register, contact, None, day),
    };
    let would_be_listed = match listing {
        Listing::Undecided | Listing::Unlisted => named(register, contact, day),
        Listing::Listed(_) | Listing::NoRegister | Listing::NotARecipient => Vec::new(),
    };
    let is_conflict = resolution.grade == Grade::Conflict;
    Finding {
        axis,
        grade: if is_conflict && is_placed { Grade::Possible } else { resolution.grade },
        zones: if resolution.grade.is_claimed() {
            zones(&resolution.allowed, contact, day)
        } else {
            Vec::new()
        },
        is_country_disputed: is_placed && (is_conflict || !resolution.disputed.is_empty()),
        listing,
        would_be_listed,
        is_flagged: axis == Axis::Outside && listing == Listing::Unlisted,
    }
}

/// Whether `register` lists the contact's service on `day`. `countries` are those it may stand in, all of which must be
/// covered; `None` where they are not determined.
#[must_use]
pub fn listing<'r>(
    register: Option<&'r Register>,
    contact: &Contact<'_>,
    countries: Option<&CountrySet>,
    day: Date,
) -> Listing<'r> {
    if register.is_none_or(|register| !register.valid().covers(day)) {
        return Listing::NoRegister;
    }
    let entries = named(register, contact, day);
    let Some(countries) = countries.filter(|countries| !countries.is_empty()) else {
        return if entries.is_empty() { Listing::Unlisted } else { Listing::Undecided };
    };
    let covering = |country| {
        entries.iter().copied().find(|entry| entry.scope.covers(country, day, contact.is_recipient_certified))
    };
    let covering: Option<Vec<&Entry>> = countries.iter().map(covering).collect();
    covering.and_then(|entries| entries.first().copied()).map_or(Listing::Unlisted, Listing::Listed)
}

/// The entries that name the contact's recipient and service on `day`, wherever they say it stands.
fn named<'r>(register: Option<&'r Register>, contact: &Contact<'_>, day: Date) -> Vec<&'r Entry> {
    let (Some(register), Some(recipient), Some(service)) = (register, contact.recipient, contact.service)
    else {
        return Vec::new();
    };
    register.entries().iter().filter(|entry| entry.names(recipient, service, day)).collect()
}

fn axis(address: &Address, resolution: &Resolution, contact: &Contact<'_>, day: Date) -> Axis {
    if contact.is_participant { Axis::Participant } else { place_axis(address, resolution, day) }
}

/// Where an address stands, seen from the EEA, whoever is there.
#[must_use]
pub fn place_axis(address: &Address, resolution: &Resolution, day: Date) -> Axis {
    if !address.is_public() || resolution.grade == Grade::Local {
        return Axis::Local;
    }
    countries_axis(resolution, day)
}

/// Where the countries that the evidence leaves are, seen from the EEA.
#[must_use]
pub fn countries_axis(resolution: &Resolution, day: Date) -> Axis {
    // What an exclusion leaves is no claim: a place needs a witness that names it.
    if matches!(resolution.grade, Grade::Anycast | Grade::Undetermined) || resolution.allowed.is_empty() {
        return Axis::Undetermined;
    }
    let is_inside = |country| zone(country, day, None).zone.is_inside_eea();
    let inside = resolution.allowed.iter().filter(|country| is_inside(*country)).count();
    match inside {
        0 => Axis::Outside,
        count if count == resolution.allowed.len() => Axis::Eea,
        _ => Axis::Undetermined,
    }
}

fn zones(countries: &CountrySet, contact: &Contact<'_>, day: Date) -> Vec<(Country, ZoneReading)> {
    let reading = |country| (country, zone(country, day, contact.is_recipient_certified));
    countries.iter().map(reading).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::classify;

    const ZOOM: Contact<'_> = Contact {
        recipient: Some("zoom"),
        service: Some("sign_in"),
        is_recipient_certified: None,
        is_participant: false,
    };

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn resolution(codes: &str, grade: Grade) -> Resolution {
        let allowed = codes.split_whitespace().map(|code| code.parse::<Country>().unwrap()).collect();
        Resolution { allowed, grade, reason: None, disputed: vec![], decisive: vec![] }
    }

    fn find(resolution: &Resolution, contact: &Contact<'_>, on: &str) -> Finding<'static> {
        let register = Register::in_force(Register::builtin(), day(on));
        judge(&classify("159.124.15.191".parse().unwrap()), resolution, contact, register, day(on))
    }

    /// Axis, listing and whether it is flagged.
    fn outcome(codes: &str, service: &str, on: &str) -> (&'static str, &'static str, bool) {
        let contact = Contact { service: Some(service), ..ZOOM };
        let finding = find(&resolution(codes, Grade::Likely), &contact, on);
        (finding.axis.name(), finding.listing.name(), finding.is_flagged)
    }

    #[test]
    fn the_place_decides_the_axis_on_its_day() {
        let axis = |codes, on| outcome(codes, "media", on).0;
        assert_eq!(axis("NL", "2024-06-01"), "eea");
        assert_eq!(axis("NO", "2024-06-01"), "eea");
        assert_eq!(axis("US", "2024-06-01"), "outside");
        assert_eq!(axis("CH", "2024-06-01"), "outside");
        assert_eq!(axis("GB", "2020-12-31"), "eea");
        assert_eq!(axis("GB", "2021-01-01"), "outside");
        assert_eq!(axis("DE NL", "2024-06-01"), "eea");
        assert_eq!(axis("CA US", "2024-06-01"), "outside");
        assert_eq!(axis("DE US", "2024-06-01"), "undetermined");
    }

    #[test]
    fn what_is_outside_and_unlisted_is_flagged() {
        assert_eq!(outcome("US", "sign_in", "2024-06-01"), ("outside", "listed", false));
        assert_eq!(outcome("US", "telemetry", "2024-06-01"), ("outside", "unlisted", true));
        assert_eq!(outcome("US", "web", "2024-06-01"), ("outside", "unlisted", true));
        assert_eq!(outcome("PH", "support", "2024-06-01"), ("outside", "listed", false));
        assert_eq!(outcome("PH", "sign_in", "2024-06-01"), ("outside", "unlisted", true));
        assert_eq!(outcome("NL", "media", "2024-06-01"), ("eea", "listed", false));
        assert_eq!(outcome("NL", "update", "2024-06-01"), ("eea", "unlisted", false));
    }

    #[test]
    fn the_register_of_2022_lists_the_us_only_until_the_european_cloud() {
        assert_eq!(outcome("US", "telemetry", "2022-12-31"), ("outside", "listed", false));
        assert_eq!(outcome("US", "telemetry", "2023-01-01"), ("outside", "unlisted", true));
        assert_eq!(outcome("US", "support", "2022-06-30"), ("outside", "listed", false));
        assert_eq!(outcome("US", "support", "2022-07-01"), ("outside", "unlisted", true));
        assert_eq!(outcome("US", "media", "2022-06-30"), ("outside", "unlisted", true));
    }

    #[test]
    fn without_a_register_nothing_is_flagged() {
        assert_eq!(outcome("US", "telemetry", "2019-09-26"), ("outside", "no_register", false));
        let none = judge(
            &classify("8.8.8.8".parse().unwrap()),
            &resolution("US", Grade::Likely),
            &ZOOM,
            None,
            day("2024-06-01"),
        );
        assert_eq!((none.listing, none.hint()), (Listing::NoRegister, None));
    }

    #[test]
    fn unknown_recipients_and_services_are_unlisted() {
        for contact in [
            Contact { recipient: None, ..ZOOM },
            Contact { service: None, ..ZOOM },
            Contact { recipient: Some("twilio"), service: Some("third_party_messaging"), ..ZOOM },
        ] {
            let finding = find(&resolution("US", Grade::Likely), &contact, "2024-06-01");
            assert!(finding.is_flagged && finding.hint().is_none(), "{contact:?}");
        }
    }

    #[test]
    fn what_is_not_placed_is_neither_inside_nor_flagged() {
        for grade in [Grade::Undetermined, Grade::Anycast] {
            for codes in ["", "NL", "US", "DE US"] {
                let finding = find(&resolution(codes, grade), &ZOOM, "2024-06-01");
                assert_eq!((finding.axis, finding.is_flagged), (Axis::Undetermined, false), "{codes}");
                assert_eq!((finding.grade, finding.zones.len()), (grade, 0));
                assert_eq!(finding.hint().as_deref(), Some("would be listed if in the EEA or US"));
                assert_eq!(finding.listing, Listing::Undecided);
            }
        }
        let unknown = Contact { service: Some("push"), ..ZOOM };
        let finding = find(&resolution("", Grade::Undetermined), &unknown, "2024-06-01");
        assert_eq!((finding.listing, finding.hint()), (Listing::Unlisted, None));
    }

    #[test]
    fn a_conflict_on_one_side_of_the_border_is_possible_with_the_country_disputed() {
        let eea = find(&resolution("DE NL", Grade::Conflict), &ZOOM, "2024-06-01");
        assert_eq!((eea.axis, eea.grade, eea.is_country_disputed), (Axis::Eea, Grade::Possible, true));
        assert_eq!(eea.zone(), Some(Zone::Eu));
        let outside = find(&resolution("CA US", Grade::Conflict), &ZOOM, "2024-06-01");
        assert_eq!((outside.axis, outside.grade, outside.is_flagged), (Axis::Outside, Grade::Possible, true));
        assert_eq!(
            (outside.zone(), outside.hint().as_deref()),
            (None, Some("would be listed if in the EEA or US"))
        );
        let across = find(&resolution("DE US", Grade::Conflict), &ZOOM, "2024-06-01");
        assert_eq!((across.axis, across.grade), (Axis::Undetermined, Grade::Conflict));
        assert_eq!(across.zones.len(), 2);
        let refuted = find(&resolution("", Grade::Conflict), &ZOOM, "2024-06-01");
        assert_eq!((refuted.axis, refuted.is_flagged), (Axis::Undetermined, false));
    }

    #[test]
    fn a_weaker_objection_disputes_the_country() {
        let mut likely = resolution("DE", Grade::Likely);
        likely.disputed = vec!["US".parse().unwrap()];
        let finding = find(&likely, &ZOOM, "2024-06-01");
        assert_eq!((finding.axis, finding.is_country_disputed), (Axis::Eea, true));
    }

    #[test]
    fn local_addresses_and_participants_are_no_recipients() {
        let day = day("2024-06-01");
        let register = Register::in_force(Register::builtin(), day);
        let private = classify("192.168.1.7".parse().unwrap());
        let finding = judge(&private, &Resolution::local(private.kind), &ZOOM, register, day);
        assert_eq!(
            (finding.axis, finding.listing, finding.is_flagged),
            (Axis::Local, Listing::NotARecipient, false)
        );
        let person = Contact { is_participant: true, ..ZOOM };
        let finding = find(&resolution("US", Grade::Possible), &person, "2024-06-01");
        assert_eq!((finding.axis.name(), finding.listing.name()), ("participant", "not_a_recipient"));
        assert!(!finding.is_flagged && finding.hint().is_none());
    }

    #[test]
    fn certification_reaches_the_zone() {
        let certified = Contact { is_recipient_certified: Some(true), ..ZOOM };
        let label = |contact| find(&resolution("US", Grade::Likely), contact, "2024-06-01").zones[0].1.label;
        assert_eq!(label(&certified), "adequate, recipient certified");
        assert_eq!(label(&ZOOM), "adequate only for certified recipients");
    }
}

//! Where one of a host's own public addresses is: what a vantage may be inferred from.
//!
//! Input: the network that announces an address, and the witnesses that a user's lists and the databases give.
//! Output: the place, and whether others may be excluded from there. Must not: take a network that is used worldwide, or
//! that may be a VPN's, for where its customers sit.

use super::{Group, Network, NetworkKind, Resolution, Witness, resolve};

/// Where one of a host's own addresses is.
#[derive(Clone, Debug)]
pub struct OwnPlace {
    /// The network that announces it, where that is known.
    pub network: Option<Network>,
    /// The countries left, with the grade.
    pub resolution: Resolution,
    /// Whether it rests on a source that is too far from the day.
    pub is_stale: bool,
    /// Whether the user says it (`--override`).
    pub is_by_user: bool,
}

impl OwnPlace {
    /// Whether other places may be excluded from there: it is one country, by the user's word or on a network that is known
    /// to serve one. What is not listed may be a VPN's or a hoster's, whose addresses are used anywhere.
    #[must_use]
    pub fn carries_a_measurement(&self) -> bool {
        let allowed = &self.resolution.allowed;
        let is_access = self.network.is_some_and(|network| {
            network.kind == NetworkKind::Access && network.seat.is_none_or(|seat| allowed.contains(seat))
        });
        allowed.len() == 1 && (is_access || self.is_by_user)
    }
}

/// What `witnesses` say about where the host stands that has the address; nothing where they do not place it, or its network
/// is used worldwide or not known and the user does not say more.
#[must_use]
pub fn own_place(network: Option<Network>, witnesses: &[Witness]) -> Option<OwnPlace> {
    let resolution = resolve(witnesses, None);
    let is_by_user = witnesses.iter().any(|witness| witness.group == Group::User);
    let is_national =
        network.is_some_and(|network| matches!(network.kind, NetworkKind::Access | NetworkKind::Ordinary));
    if !resolution.grade.is_claimed() || !(is_national || is_by_user) {
        return None;
    }
    let is_stale =
        resolution.decisive.iter().filter_map(|at| witnesses.get(*at)).any(|witness| witness.is_stale);
    Some(OwnPlace { network, resolution, is_stale, is_by_user })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Date;
    use crate::place::{Answer, Country, Source, database_witnesses, network};

    fn place(located: &str, registered: &str, asn: u32, day: &str) -> Option<OwnPlace> {
        let country = |code: &str| code.parse::<Country>().unwrap();
        let built: Date = "2026-06-17".parse().unwrap();
        let source =
            Source { name: "Test".into(), built, sha256: String::new(), licence: None, credit: None };
        let answer = Answer {
            countries: vec![(0, country(located))],
            registrations: vec![(0, country(registered))],
            asn: Some(asn),
            asn_source: Some(0),
            ..Answer::default()
        };
        let network = network(asn);
        let said = database_witnesses(&answer, Some(&network), &[source], day.parse().unwrap());
        own_place(Some(network), &said)
    }

    #[test]
    fn an_access_network_carries_a_measurement() {
        let carries = |located, registered, asn| {
            place(located, registered, asn, "2026-06-20").map(|place| place.carries_a_measurement())
        };
        let (access, ordinary, cloud) = (3320, 64496, 16509);
        assert_eq!(carries("DE", "DE", access), Some(true));
        assert_eq!(carries("DE", "NL", access), Some(true));
        assert_eq!(carries("NL", "DE", access), Some(false), "not the country that it serves");
        assert_eq!(carries("DE", "DE", ordinary), Some(false), "a VPN's, perhaps");
        assert_eq!(carries("DE", "US", cloud), None, "used worldwide");
    }

    #[test]
    fn it_is_as_old_as_what_it_rests_on() {
        let is_stale = |day| place("DE", "DE", 3320, day).map(|place| place.is_stale);
        assert_eq!((is_stale("2026-06-20"), is_stale("2024-06-20")), (Some(false), Some(true)));
    }
}

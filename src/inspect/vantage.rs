//! Where each client of a capture stood, for the reader: by the user's word, else by its own public addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::flow::Side;
use crate::frame::{Date, FrameRef, Timestamp};
use crate::inspect::law::law_day;
use crate::inspect::post::{MAX_ADDRESSES, own_place, told};
use crate::inspect::stated::Stated;
use crate::inspect::{Settings, Unit};
use crate::place::{self, Country, CountrySet, Grade, Network, OwnPlace, Resolution, zone};
use crate::session::Session;
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
        /// The network that announces it, where it is known.
        network: Option<Network>,
        /// How sure the place is.
        grade: Grade,
        /// Whether the user says so (`--override`) and no database.
        is_by_user: bool,
    },
    /// The user's word.
    User {
        /// The place, in words.
        label: String,
        /// Where the user says it, in words.
        by: &'static str,
    },
}

/// What is known about each session's place: the user's word, else the addresses of its machine that say it; nothing
/// where that is not known.
pub(super) fn vantages(unit: &Unit, settings: &Settings) -> Vec<Vec<Vantage>> {
    let of = |session| match &unit.stated {
        Some(stated) => vec![by_user(stated, session, settings)],
        None => of_session(unit, session, settings),
    };
    unit.sessions.iter().map(of).collect()
}

/// The addresses of the machines that say another country than the user does, with that country; each once.
pub(super) fn disagreements(unit: &Unit, settings: &Settings) -> BTreeSet<(IpAddr, String)> {
    let Some(stated) = unit.stated.as_ref().map(|stated| &stated.vantage) else { return BTreeSet::new() };
    let all = unit.sessions.iter().flat_map(|session| of_session(unit, session, settings));
    let others = all.filter_map(|vantage| match vantage.known_by {
        KnownBy::Address { address, .. } if !vantage.countries.contains(stated.country) => {
            Some((address, vantage.countries.to_string()))
        }
        _ => None,
    });
    others.collect()
}

fn by_user(stated: &Stated, session: &Session, settings: &Settings) -> Vantage {
    let day = session.first.time.map(Timestamp::date);
    let Stated { vantage, by } = stated;
    let axis = law_day(day, settings).map_or(Axis::Undetermined, |law| country_axis(vantage.country, law));
    let known_by = KnownBy::User { label: vantage.label.clone(), by };
    Vantage { known_by, countries: CountrySet::of(vantage.country), axis }
}

fn country_axis(country: Country, law: Date) -> Axis {
    if zone(country, law, None).zone.is_inside_eea() { Axis::Eea } else { Axis::Outside }
}

fn of_session(unit: &Unit, session: &Session, settings: &Settings) -> Vec<Vantage> {
    let Some(day) = session.first.time.map(Timestamp::date) else { return Vec::new() };
    let mut addresses: BTreeMap<IpAddr, Option<FrameRef>> = BTreeMap::new();
    for flow in session.flows.iter().filter_map(|id| unit.flows.flow(*id)) {
        let local = unit.judgement.relations.of_flow(flow.id()).map_or(Side::First, |ended| ended.local);
        for (address, frame) in told(&unit.evidence, &flow, local) {
            addresses.entry(address).or_insert(Some(frame));
        }
    }
    addresses.extend(session.addresses.iter().map(|address| (*address, None)));
    let own = addresses.into_iter().take(MAX_ADDRESSES);
    own.filter_map(|(address, mapped_in)| vantage(address, mapped_in, day, settings)).collect()
}

fn vantage(address: IpAddr, mapped_in: Option<FrameRef>, day: Date, settings: &Settings) -> Option<Vantage> {
    let OwnPlace { network, resolution, is_by_user, .. } = own_place(address, day, settings)?;
    let law = law_day(Some(day), settings)?;
    let axis = place_axis(&place::classify(address), &resolution, law);
    let Resolution { allowed, grade, .. } = resolution;
    let known_by = KnownBy::Address { address, mapped_in, network, grade, is_by_user };
    (axis != Axis::Undetermined).then_some(Vantage { known_by, countries: allowed, axis })
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

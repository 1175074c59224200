//! Where the client itself stood: by its own public addresses, looked up like any address on an access network.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::evidence::Fact;
use crate::frame::{Date, FrameRef, Timestamp};
use crate::inspect::{Settings, Unit};
use crate::place::{self, Network, NetworkKind, Resolution};
use crate::session::Session;
use crate::verdict::{Axis, place_axis};

/// What one of a client's public addresses says about the client's own place.
#[derive(Clone, Debug)]
pub struct Vantage {
    /// The address.
    pub address: IpAddr,
    /// The frame of the STUN answer that told it, where it is not the address of the machine itself.
    pub mapped_in: Option<FrameRef>,
    /// The network that announces it.
    pub network: Network,
    /// The countries left, with the grade.
    pub resolution: Resolution,
    /// Where that is, seen from the EEA on the day.
    pub axis: Axis,
}

/// The addresses of each session's machine that say where it stood; none where the place is not known.
pub(super) fn vantages(unit: &Unit, settings: &Settings) -> Vec<Vec<Vantage>> {
    unit.sessions.iter().map(|session| of_session(unit, session, settings)).collect()
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

/// Facts of a session that are looked through for addresses it was told.
const MAX_FACTS: usize = 10_000;
/// Addresses of one machine that are looked up.
const MAX_ADDRESSES: usize = 8;

/// What the address says; nothing where it is not public, or its network is used worldwide or not known.
fn vantage(address: IpAddr, mapped_in: Option<FrameRef>, day: Date, settings: &Settings) -> Option<Vantage> {
    let classified = place::classify(address);
    if !classified.is_public() {
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
    let axis = place_axis(&classified, &resolution, day);
    (axis != Axis::Undetermined).then_some(Vantage { address, mapped_in, network, resolution, axis })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Databases;

    fn by_address(address: &str) -> Option<(&'static str, String)> {
        let settings = Settings {
            exclusive: false,
            join: false,
            hash: false,
            local: Vec::new(),
            databases: Databases::embedded(),
            registers: Vec::new(),
        };
        let vantage = vantage(address.parse().unwrap(), None, "2026-06-20".parse().unwrap(), &settings)?;
        Some((vantage.axis.name(), vantage.resolution.allowed.to_string()))
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

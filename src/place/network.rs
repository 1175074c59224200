//! What kind of network an autonomous system is, and where the company behind it has its seat.
//!
//! Input: an AS number and the dated table `geoip/networks.toml`. Output: the network, which is an ordinary one where
//! the table does not list it.
//! Must not: take a seat for a place.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

use super::Country;
use crate::data::Confidence;
use crate::frame::Date;

/// The network that announces an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    /// The AS number.
    pub asn: u32,
    /// Its name, where the table lists it.
    pub name: Option<&'static str>,
    /// What kind of network it is.
    pub kind: NetworkKind,
    /// The country in which the parent company has its seat, where the table says so. Never a place.
    pub seat: Option<Country>,
    /// Where the kind and the seat are from, where the table lists the network.
    pub source: Option<&'static str>,
    /// The provider that publishes the network's ranges with their regions, as `regions.toml` calls it, where one does.
    pub ranges: Option<&'static str>,
    /// The one region that the network serves, where it serves no other.
    pub region: Option<&'static Region>,
}

/// The only cloud region that a network announces.
#[derive(PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    asn: u32,
    /// The provider's name for the region, such as `aws us-east-1`.
    #[serde(rename = "region")]
    pub name: String,
    /// The country it stands in.
    pub country: Country,
    /// Where that is known from.
    pub source: String,
    /// The day for which it was read.
    pub dated: Date,
    /// How sure it is.
    pub confidence: Confidence,
}

/// Kinds of networks, as far as the rules for evidence tell them apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkKind {
    /// A national access network.
    Access,
    /// A carrier that rents address space to others.
    Carrier,
    /// A content delivery network.
    Cdn,
    /// A cloud.
    Cloud,
    /// Any network that is not listed.
    Ordinary,
    /// The network of a company that runs the service itself.
    Vendor,
}

impl NetworkKind {
    /// Whether such a network uses one registration worldwide, so that to repeat it says nothing about place.
    #[must_use]
    pub fn is_worldwide(self) -> bool {
        matches!(self, Self::Carrier | Self::Cdn | Self::Cloud | Self::Vendor)
    }

    /// The kind in `snake_case`, for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Carrier => "carrier",
            Self::Cdn => "cdn",
            Self::Cloud => "cloud",
            Self::Ordinary => "ordinary",
            Self::Vendor => "vendor",
        }
    }
}

/// The network of an AS number.
#[must_use]
pub fn network(asn: u32) -> Network {
    let table = &*TABLE;
    let region = table.regions.iter().find(|region| region.asn == asn);
    let Some(row) = table.networks.get(&asn) else {
        return Network {
            asn,
            name: None,
            kind: NetworkKind::Ordinary,
            seat: None,
            source: None,
            ranges: None,
            region,
        };
    };
    let source = table.sources.get(&row.source).map(String::as_str);
    let ranges = row.ranges.as_deref();
    Network { asn, name: Some(&row.name), kind: row.kind, seat: Some(row.seat), source, ranges, region }
}

/// The day on which the table of networks was compiled.
pub(super) fn compiled() -> Date {
    TABLE.compiled
}

/// What `networks.toml` holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    compiled: Date,
    networks: Vec<Row>,
    sources: BTreeMap<String, String>,
    regions: Vec<Region>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    asn: u32,
    name: String,
    kind: NetworkKind,
    seat: Country,
    ranges: Option<String>,
    source: String,
    #[serde(rename = "confidence")]
    _confidence: Confidence,
}

struct Table {
    compiled: Date,
    networks: HashMap<u32, Row>,
    sources: BTreeMap<String, String>,
    regions: Vec<Region>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let file: File = super::embedded("networks.toml", include_str!("../../geoip/networks.toml"));
    let networks = file.networks.into_iter().map(|row| (row.asn, row)).collect();
    Table { compiled: file.compiled, networks, sources: file.sources, regions: file.regions }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_networks_have_kind_and_seat() {
        let zoom = network(30103);
        assert_eq!((zoom.name, zoom.kind.name()), (Some("Zoom Communications"), "vendor"));
        assert_eq!(zoom.seat, "US".parse().ok());
        assert!(zoom.kind.is_worldwide() && zoom.source.is_some() && zoom.region.is_none());
        assert!(!network(3320).kind.is_worldwide());
    }

    #[test]
    fn unlisted_networks_are_ordinary() {
        let network = network(64496);
        assert_eq!((network.kind, network.name, network.seat), (NetworkKind::Ordinary, None, None));
        assert!(!network.kind.is_worldwide());
    }

    #[test]
    fn one_amazon_network_serves_one_region() {
        let region = network(14618).region.unwrap();
        assert_eq!((region.name.as_str(), region.country.code()), ("aws us-east-1", "US"));
        assert!(network(16509).region.is_none());
    }

    #[test]
    fn every_row_names_a_source_and_an_asn_of_its_own() {
        let file: File = crate::place::embedded("networks.toml", include_str!("../../geoip/networks.toml"));
        assert_eq!(file.networks.len(), TABLE.networks.len());
        assert!(file.networks.iter().all(|row| file.sources.contains_key(&row.source)));
        assert!(file.regions.iter().all(|region| TABLE.networks.contains_key(&region.asn)));
    }
}

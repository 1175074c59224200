//! Cloud providers and the countries in which their regions stand.
//!
//! Input: the dated table `geoip/regions.toml`, and a provider's code. Output: what the table says of it.
//! Must not: guess a country from the look of a code.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::data::Confidence;
use crate::frame::Date;
use crate::place::Country;

/// A provider whose lists of ranges can be read.
#[derive(PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::place) struct Provider {
    /// Its short name in lists, such as `aws`.
    pub(in crate::place) id: String,
    /// Its name for people.
    pub(in crate::place) name: String,
}

/// What the table says of a region.
#[derive(PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::place) struct CloudRegion {
    provider: String,
    code: String,
    /// What kind of thing the code names.
    pub(in crate::place) kind: RegionKind,
    /// The country it stands in; none where it is no one place.
    pub(in crate::place) country: Option<Country>,
    /// A key of the table's sources, for people who read the file.
    source: String,
    /// How sure the row is.
    pub(in crate::place) confidence: Confidence,
}

/// What a provider's code may name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::place) enum RegionKind {
    /// Announced from many places at once.
    Anycast,
    /// A part of a region that is announced apart, and may stand elsewhere.
    BorderGroup,
    /// A content delivery network.
    Delivery,
    /// Used in more than one place.
    Global,
    /// A region.
    Region,
}

/// The provider with this short name.
pub(in crate::place) fn provider(id: &str) -> Option<&'static Provider> {
    TABLE.providers.iter().find(|provider| provider.id == id)
}

/// The short names of all providers.
pub(super) fn provider_ids() -> Vec<&'static str> {
    TABLE.providers.iter().map(|provider| provider.id.as_str()).collect()
}

/// What the table says of a provider's code; `None` where it does not list it.
pub(super) fn region(provider: &str, code: &str) -> Option<&'static CloudRegion> {
    TABLE.regions.get(provider)?.get(code)
}

/// The day on which the table of regions was compiled. The rest of the table is not read for it.
#[expect(clippy::expect_used, reason = "the file is embedded, and a test reads it")]
pub(super) fn compiled() -> Date {
    crate::data::compiled(FILE, TEXT).expect("the embedded file says its day")
}

/// What `regions.toml` holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "it is read alone")]
    compiled: Date,
    providers: Vec<Provider>,
    regions: Vec<CloudRegion>,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people who read the file"))]
    sources: BTreeMap<String, String>,
}

struct Table {
    providers: Vec<Provider>,
    /// By provider, then by code.
    regions: BTreeMap<String, BTreeMap<String, CloudRegion>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let file = read();
    let mut regions: BTreeMap<String, BTreeMap<String, CloudRegion>> = BTreeMap::new();
    for region in file.regions {
        regions.entry(region.provider.clone()).or_default().insert(region.code.clone(), region);
    }
    Table { providers: file.providers, regions }
});

const FILE: &str = "regions.toml";
const TEXT: &str = include_str!("../../../geoip/regions.toml");

fn read() -> File {
    crate::place::embedded(FILE, TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_listed_once_and_has_its_provider_and_source() {
        let file = read();
        let listed: usize = TABLE.regions.values().map(BTreeMap::len).sum();
        assert_eq!(listed, file.regions.len());
        for row in &file.regions {
            assert!(provider(&row.provider).is_some() && file.sources.contains_key(&row.source), "{row:?}");
            let is_place = matches!(row.kind, RegionKind::Region | RegionKind::BorderGroup);
            assert_eq!(row.country.is_some(), is_place, "{row:?}");
        }
    }

    #[test]
    fn regions_stand_where_they_are_known_to() {
        let known = [
            ("aws", "eu-central-1", "DE"),
            ("aws", "eu-central-2", "CH"),
            ("aws", "eu-west-1", "IE"),
            ("aws", "eu-west-2", "GB"),
            ("aws", "eu-south-2", "ES"),
            ("aws", "eusc-de-east-1", "DE"),
            ("aws", "il-central-1", "IL"),
            ("azure", "eastasia", "HK"),
            ("azure", "northeurope", "IE"),
            ("azure", "norwaye", "NO"),
            ("azure", "switzerlandn", "CH"),
            ("azure", "uksouth", "GB"),
            ("azure", "westeurope", "NL"),
            ("gcp", "europe-north1", "FI"),
            ("gcp", "europe-west1", "BE"),
            ("gcp", "europe-west2", "GB"),
            ("gcp", "europe-west4", "NL"),
            ("gcp", "europe-west6", "CH"),
            ("oci", "eu-amsterdam-1", "NL"),
            ("oci", "eu-jovanovac-1", "RS"),
            ("oci", "eu-zurich-1", "CH"),
            ("oci", "uk-london-1", "GB"),
        ];
        for (provider, code, country) in known {
            let found = region(provider, code).and_then(|region| region.country);
            assert_eq!(found, country.parse().ok(), "{provider} {code}");
        }
    }

    #[test]
    fn a_local_zone_is_not_where_its_region_is() {
        let country = |code| region("aws", code).unwrap().country.unwrap().to_string();
        for (zone, parent, in_zone, in_parent) in [
            ("eu-central-1-waw-1", "eu-central-1", "PL", "DE"),
            ("us-east-1-qro-1", "us-east-1", "MX", "US"),
            ("af-south-1-los-1", "af-south-1", "NG", "ZA"),
            ("eu-north-1-hel-1", "eu-north-1", "FI", "SE"),
        ] {
            assert_eq!((country(zone), country(parent)), (in_zone.into(), in_parent.into()), "{zone}");
        }
    }

    #[test]
    fn what_is_not_listed_is_not_known() {
        assert_eq!(region("aws", "eu-central-9"), None);
        assert_eq!(region("gcp", "eu-central-1"), None);
        assert!(provider("example").is_none());
    }
}

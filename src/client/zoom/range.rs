//! Published address ranges, the cloud regions that some lie in, anycast, and addresses whose place is published.
//!
//! Input: `ranges.toml`, `anycast.toml` and `addresses.toml`, once; an address and a day. Output: what the operator's
//! lists said about it on that day, by the rules at the head of `ranges.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Deserialize;

use super::{check_country, named};
use crate::client::Service;
use crate::data::{self, Confidence, DataError, Validity};
use crate::frame::Date;
use crate::place::{KnownSite, Prefix, PrefixMap};

/// A published range that an address lies in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RangeMatch<'a> {
    /// The range, as the list writes it.
    pub cidr: Prefix,
    /// Whether the lists alone make the address the operator's on that day.
    pub standing: Standing,
    /// The list it stands in: `meetings`, `phone`, `cdn`.
    pub list: &'a str,
    /// What every address of that list is for, where there is one thing.
    pub service: Option<Service>,
    /// The cloud region that the range lies in, where it lies in one. It holds on that day where the range does.
    pub region: Option<Region<'a>>,
    /// The days of the copies next to that day that hold the range, the older first: one or two.
    pub copies: Vec<Date>,
}

impl RangeMatch<'_> {
    /// What the lists say, in one clause for people.
    #[must_use]
    pub fn says(&self) -> String {
        let copies: Vec<String> = self.copies.iter().map(ToString::to_string).collect();
        format!("{} is in Zoom's list of {}", self.cidr, copies.join(" and "))
    }
}

/// Whether a statement stands by itself.
///
/// The order means something: what is certain is more than what needs another witness.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Standing {
    /// It needs a name or payload of the operator's beside it.
    NeedsCorroboration,
    /// It stands by itself.
    Certain,
}

/// A cloud provider's statement about where a range is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region<'a> {
    /// The provider, for people.
    pub provider: &'a str,
    /// The provider's code, as `eu-central-1`; the first one where the range spans several of one country.
    pub code: &'a str,
    /// The country (ISO 3166-1 alpha-2); `None` where a local zone in another one may serve the range.
    pub country: Option<&'a str>,
    /// The provider's range file.
    pub source: &'a str,
    /// The day of that file.
    pub dated: Date,
}

/// A range that is announced from many places at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnycastMatch<'a> {
    /// The range.
    pub cidr: Prefix,
    /// Who says so.
    pub source: &'a str,
    /// The day of that source.
    pub dated: Date,
    /// How sure it is.
    pub confidence: Confidence,
}

/// An address whose place the operator publishes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressMatch<'a> {
    /// The country (ISO 3166-1 alpha-2).
    pub country: &'a str,
    /// The place, in the operator's words.
    pub place: &'a str,
    /// Certain in the years in which it was seen published.
    pub standing: Standing,
    /// Where it is published.
    pub source: &'a str,
    /// The end of the last year in which it was seen published, or the day on which that was read; where a source carries a
    /// date.
    pub last_seen: Option<Date>,
}

/// What the three files hold.
#[derive(Debug)]
pub(super) struct Ranges {
    rows: PrefixMap<Row>,
    lists: BTreeMap<String, Option<Service>>,
    copies: Vec<Copy>,
    providers: BTreeMap<String, Provider>,
}

impl Ranges {
    pub(super) fn load(text: &str) -> Result<Self, DataError> {
        let mut file: File = data::parse(RANGES, text)?;
        file.copies.sort_by_key(|copy| copy.date);
        let mut ranges = Self {
            rows: PrefixMap::new(Vec::new()),
            lists: file.lists.into_iter().map(|list| (list.id, list.service)).collect(),
            copies: file.copies,
            providers: file.providers.into_iter().map(|provider| (provider.id.clone(), provider)).collect(),
        };
        let mut cidrs = BTreeSet::new();
        for row in &file.ranges {
            if !cidrs.insert(row.cidr) {
                let needle = row.cidr.to_string();
                return Err(DataError::about(RANGES, text, &needle, "a range that stands twice"));
            }
            let needle = format!("\"{}\", list = \"{}\"", row.cidr, row.list);
            ranges.check(row).map_err(|what| DataError::about(RANGES, text, &needle, what))?;
        }
        ranges.rows = PrefixMap::new(file.ranges.into_iter().map(|row| (row.cidr, row)).collect());
        Ok(ranges)
    }

    fn check(&self, row: &Row) -> Result<(), &'static str> {
        named(&self.lists, &row.list)?;
        let holds =
            |day: &Date| self.copies.iter().any(|copy| copy.date == *day && copy.holds.contains(&row.list));
        if row.copies.is_empty() || !row.copies.iter().all(holds) {
            return Err("a copy that does not hold this list");
        }
        check_country(row.country.as_deref())?;
        match (&row.provider, row.region.is_empty()) {
            (None, true) if row.country.is_none() => Ok(()),
            (Some(provider), false) => named(&self.providers, provider).map(drop),
            _ => Err("region, provider and country belong together"),
        }
    }

    /// The longest published range around an address that the lists next to the day hold.
    ///
    /// It is certain where any range around the address is: within a block that is the operator's, a part listed for
    /// one product is too.
    pub(super) fn find(&self, address: IpAddr, day: Date) -> Option<RangeMatch<'_>> {
        let around = self.rows.around(address);
        let held: Vec<_> = around.filter_map(|(_, row)| Some((row, self.held(row, day)?))).collect();
        let standing = held.iter().map(|(_, (standing, _))| *standing).max()?;
        let (row, (_, copies)) = held.into_iter().next()?;
        Some(RangeMatch {
            cidr: row.cidr,
            standing,
            list: &row.list,
            service: self.lists.get(&row.list).copied().flatten(),
            region: self.region(row),
            copies,
        })
    }

    /// Whether any copy of any day holds a range around the address.
    pub(super) fn ever(&self, address: IpAddr) -> bool {
        self.rows.longest(address).is_some()
    }

    /// How far the copies next to the day hold a range, and which of them do.
    fn held(&self, row: &Row, day: Date) -> Option<(Standing, Vec<Date>)> {
        let days = || self.copies.iter().filter(|copy| copy.holds.contains(&row.list)).map(|copy| copy.date);
        let before = days().rfind(|&copy| copy <= day);
        let after = days().find(|&copy| copy >= day);
        let mut neighbours: Vec<Date> = before.into_iter().chain(after).collect();
        neighbours.dedup();
        let holding: Vec<Date> =
            neighbours.iter().copied().filter(|copy| row.copies.contains(copy)).collect();
        let standing = match (holding.as_slice(), neighbours.len()) {
            ([], _) => return None,
            ([copy], 1) if copy.days_since(day).abs() > NEAR_DAYS => Standing::NeedsCorroboration,
            (held, all) if held.len() == all => Standing::Certain,
            _ => Standing::NeedsCorroboration,
        };
        Some((standing, holding))
    }

    fn region<'a>(&'a self, row: &'a Row) -> Option<Region<'a>> {
        let provider = self.providers.get(row.provider.as_ref()?)?;
        Some(Region {
            provider: &provider.name,
            code: row.region.first()?,
            country: row.country.as_deref(),
            source: &provider.source,
            dated: provider.dated,
        })
    }
}

/// The ranges of `anycast.toml`.
#[derive(Debug)]
pub(super) struct Anycast {
    rows: PrefixMap<AnycastRow>,
    sources: BTreeMap<String, AnycastSource>,
}

impl Anycast {
    pub(super) fn load(text: &str) -> Result<Self, DataError> {
        let file: AnycastFile = data::parse(ANYCAST, text)?;
        for row in &file.prefixes {
            named(&file.sources, &row.source)
                .map_err(|what| DataError::about(ANYCAST, text, &row.cidr.to_string(), what))?;
        }
        let rows = file.prefixes.into_iter().map(|row| (row.cidr, row)).collect();
        Ok(Self { rows: PrefixMap::new(rows), sources: file.sources })
    }

    pub(super) fn find(&self, address: IpAddr) -> Option<AnycastMatch<'_>> {
        let (_, row) = self.rows.longest(address)?;
        let source = self.sources.get(&row.source)?;
        Some(AnycastMatch {
            cidr: row.cidr,
            source: &source.text,
            dated: source.dated,
            confidence: source.confidence,
        })
    }
}

/// The addresses of `addresses.toml`.
#[derive(Debug)]
pub(super) struct Addresses {
    rows: BTreeMap<IpAddr, AddressRow>,
    sources: BTreeMap<String, String>,
    compiled: Date,
}

impl Addresses {
    pub(super) fn load(text: &str) -> Result<Self, DataError> {
        let file: AddressFile = data::parse(ADDRESSES, text)?;
        let mut rows = BTreeMap::new();
        for row in file.addresses {
            let wrong = |what| DataError::about(ADDRESSES, text, &format!("\"{}\"", row.of), what);
            check_country(Some(&row.country)).map_err(wrong)?;
            named(&file.sources, &row.source).map_err(wrong)?;
            let address = row.of;
            if rows.insert(address, row).is_some() {
                return Err(DataError::about(
                    ADDRESSES,
                    text,
                    &address.to_string(),
                    "an address that stands twice",
                ));
            }
        }
        Ok(Self { rows, sources: file.sources, compiled: file.compiled })
    }

    /// The known sites: one for each published address. The place is in the operator's words, so its country is all that is
    /// known.
    pub(super) fn known(&self) -> impl Iterator<Item = KnownSite> {
        self.rows.values().filter_map(|row| {
            let country = row.country.parse().ok()?;
            Some(KnownSite { country, place: row.place.clone(), position: None })
        })
    }

    pub(super) fn find(&self, address: IpAddr, day: Date) -> Option<AddressMatch<'_>> {
        let row = self.rows.get(&address)?;
        let is_seen = row.seen.is_some_and(|seen| seen.covers(day));
        let standing = if is_seen { Standing::Certain } else { Standing::NeedsCorroboration };
        Some(AddressMatch {
            country: &row.country,
            place: &row.place,
            standing,
            source: self.sources.get(&row.source)?,
            last_seen: row.seen.and_then(|seen| seen.until).map(|until| until.min(self.compiled)),
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "for people who read the file")]
    compiled: Date,
    lists: Vec<List>,
    copies: Vec<Copy>,
    providers: Vec<Provider>,
    ranges: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    id: String,
    service: Option<Service>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Copy {
    date: Date,
    holds: Vec<String>,
    #[expect(dead_code, reason = "for people who read the file")]
    source: String,
    #[expect(dead_code, reason = "for people who read the file")]
    confidence: Confidence,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Provider {
    id: String,
    name: String,
    dated: Date,
    source: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Row {
    cidr: Prefix,
    list: String,
    copies: Vec<Date>,
    provider: Option<String>,
    #[serde(default)]
    region: Vec<String>,
    country: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnycastFile {
    #[expect(dead_code, reason = "for people who read the file")]
    compiled: Date,
    prefixes: Vec<AnycastRow>,
    sources: BTreeMap<String, AnycastSource>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct AnycastRow {
    cidr: Prefix,
    source: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct AnycastSource {
    text: String,
    dated: Date,
    confidence: Confidence,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressFile {
    compiled: Date,
    addresses: Vec<AddressRow>,
    sources: BTreeMap<String, String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct AddressRow {
    #[serde(rename = "address")]
    of: IpAddr,
    country: String,
    place: String,
    seen: Option<Validity>,
    source: String,
}

const RANGES: &str = "ranges.toml";
const ANYCAST: &str = "anycast.toml";
const ADDRESSES: &str = "addresses.toml";

/// How far before the oldest or after the newest copy that copy still stands by itself.
const NEAR_DAYS: i64 = 180;

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges() -> Ranges {
        Ranges::load(include_str!("data/ranges.toml")).unwrap()
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn standing(address: &str, on: &str) -> Option<Standing> {
        ranges().find(address.parse().unwrap(), day(on)).map(|found| found.standing)
    }

    const CERTAIN: Option<Standing> = Some(Standing::Certain);
    const NEEDS: Option<Standing> = Some(Standing::NeedsCorroboration);

    #[test]
    fn a_range_is_certain_between_two_copies_that_hold_it() {
        // In all copies; before the oldest, on it, after the newest, far after the newest.
        assert_eq!(standing("162.255.37.14", "2019-09-26"), NEEDS);
        assert_eq!(standing("162.255.37.14", "2020-02-01"), CERTAIN);
        assert_eq!(standing("162.255.37.14", "2020-06-30"), CERTAIN);
        assert_eq!(standing("162.255.37.14", "2023-01-11"), CERTAIN);
        assert_eq!(standing("162.255.37.14", "2026-11-22"), CERTAIN);
        assert_eq!(standing("162.255.37.14", "2028-01-01"), NEEDS);
    }

    #[test]
    fn a_range_in_one_neighbouring_copy_needs_another_witness() {
        // Only in the copies of 2020 and 2022.
        assert_eq!(standing("193.122.35.237", "2021-01-01"), CERTAIN);
        assert_eq!(standing("193.122.35.237", "2023-01-11"), NEEDS);
        assert_eq!(standing("193.122.35.237", "2024-08-02"), None);
        // Only in the newest.
        assert_eq!(standing("137.66.200.1", "2024-08-02"), None);
        assert_eq!(standing("137.66.200.1", "2025-03-04"), NEEDS);
        assert_eq!(standing("137.66.200.1", "2026-08-30"), CERTAIN);
        // Handed back after 2020.
        assert_eq!(standing("109.94.160.99", "2019-09-26"), NEEDS);
        assert_eq!(standing("109.94.160.99", "2026-01-01"), None);
        assert_eq!(standing("203.0.113.1", "2023-01-01"), None);
    }

    #[test]
    fn the_servers_of_public_captures() {
        let servers = [
            ("52.202.62.238", "2019-09-26", NEEDS),
            ("213.19.144.104", "2019-09-26", NEEDS),
            ("213.244.140.84", "2019-09-26", NEEDS),
            ("144.195.52.3", "2021-09-22", NEEDS),
            ("144.195.73.154", "2022-01-23", NEEDS),
            ("134.224.90.111", "2022-08-22", CERTAIN),
            ("144.195.44.202", "2025-03-04", CERTAIN),
            ("170.114.52.83", "2025-03-04", CERTAIN),
            ("172.217.21.72", "2019-09-26", None),
        ];
        for (address, on, expected) in servers {
            assert_eq!(standing(address, on), expected, "{address}");
        }
    }

    #[test]
    fn ipv6_ranges_are_compared_with_copies_that_hold_ipv6() {
        assert_eq!(standing("2620:123:2041:140:213:244:140:139", "2025-03-04"), CERTAIN);
        assert_eq!(standing("2407:30c0:182::aa72:3424", "2025-03-04"), NEEDS);
        assert_eq!(standing("::ffff:162.255.37.14", "2023-01-11"), CERTAIN);
    }

    #[test]
    fn the_longest_range_names_the_product() {
        let ranges = ranges();
        let found = |address: &str| ranges.find(address.parse().unwrap(), day("2023-06-01")).unwrap();
        assert_eq!(
            (found("170.114.45.9").cidr.to_string(), found("170.114.45.9").service),
            ("170.114.45.0/24".into(), Some(Service::StaticContent))
        );
        assert_eq!(
            (found("170.114.44.9").cidr.to_string(), found("170.114.44.9").service),
            ("170.114.0.0/16".into(), None)
        );
        assert_eq!(found("173.231.92.1").service, Some(Service::Phone));
    }

    #[test]
    fn a_region_speaks_on_the_days_of_its_range() {
        let ranges = ranges();
        let country = |address: &str, on: &str| {
            ranges
                .find(address.parse().unwrap(), day(on))
                .and_then(|found| found.region)
                .and_then(|region| region.country)
        };
        // log.zoom.us of the capture of that day.
        assert_eq!(country("52.202.62.238", "2019-09-26"), Some("US"));
        assert_eq!(country("193.122.35.237", "2023-01-11"), Some("DE"));
        assert_eq!(country("144.195.73.154", "2022-01-23"), None);
        // A local zone may serve it: a region and no country.
        let local = ranges.find("15.220.80.1".parse().unwrap(), day("2025-01-01")).unwrap();
        assert_eq!(local.region.map(|region| (region.code, region.country)), Some(("ap-northeast-1", None)));
    }

    #[test]
    fn published_addresses_are_certain_in_their_years() {
        let addresses = Addresses::load(include_str!("data/addresses.toml")).unwrap();
        let find = |address: &str, on: &str| {
            addresses.find(address.parse().unwrap(), day(on)).map(|a| (a.country, a.standing))
        };
        assert_eq!(find("213.19.144.110", "2019-09-26"), Some(("NL", Standing::Certain)));
        assert_eq!(find("213.19.144.110", "2026-01-01"), Some(("NL", Standing::NeedsCorroboration)));
        assert_eq!(find("170.114.134.121", "2026-01-01"), Some(("HK", Standing::NeedsCorroboration)));
        assert_eq!(find("213.19.144.111", "2019-09-26"), None);
        assert_eq!(addresses.rows.len(), 29);
    }

    #[test]
    fn every_published_address_lies_in_a_published_range() {
        let (ranges, addresses) = (ranges(), Addresses::load(include_str!("data/addresses.toml")).unwrap());
        for address in addresses.rows.keys() {
            assert!(ranges.ever(*address), "{address}");
        }
    }

    #[test]
    fn anycast_ranges_lie_in_published_ranges() {
        let (ranges, anycast) = (ranges(), Anycast::load(include_str!("data/anycast.toml")).unwrap());
        for row in anycast.rows.values() {
            assert!(ranges.ever(row.cidr.base()), "{}", row.cidr);
        }
        assert_eq!(
            anycast.find("170.114.52.83".parse().unwrap()).unwrap().cidr.to_string(),
            "170.114.52.0/24"
        );
        assert_eq!(
            anycast.find("2407:30c0:182::aa72:3424".parse().unwrap()).unwrap().cidr.to_string(),
            "2407:30c0:182::/48"
        );
        assert!(anycast.find("170.114.53.1".parse().unwrap()).is_none());
    }

    #[test]
    fn a_wrong_file_says_where() {
        let text = include_str!("data/ranges.toml");
        let broken =
            |from: &str, to: &str| Ranges::load(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(broken("country = \"IN\"", "country = \"in\"").contains("no country code"));
        assert!(broken("provider = \"aws\", region", "provider = \"azure\", region").contains("3.7.35.0/25"));
        assert!(
            broken("copies = [\"2020-06-30\"", "copies = [\"2020-06-29\"")
                .contains("a copy that does not hold")
        );
        assert!(broken("3.7.35.0/25", "3.7.35.1/25").contains("the range around it is 3.7.35.0/25"));
    }
}

//! Place codes in host names, and whether the digits of a name are those of the address.
//!
//! Input: `sites.toml`, once; a host name and the address that the client reached under it. Output: what the operator's
//! own naming says about the place of that address. The digits are written from the address and compared, never parsed:
//! octets are not padded, so `3233132186` could be several addresses, but it is the spelling of one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

use super::pattern::Captures;
use super::{check_country, named};
use crate::data::{self, Confidence, DataError};
use crate::frame::Date;
use crate::place::{KnownSite, Point};
use crate::wire::Hostname;

/// A known place code in a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Site<'a> {
    /// The code, as `fr`.
    pub code: &'a str,
    /// The one country it stands for (ISO 3166-1 alpha-2); `None` where it has several readings or none was checked.
    pub country: Option<&'a str>,
    /// The place, for people.
    pub place: &'a str,
    /// How sure the reading is.
    pub confidence: Confidence,
}

/// What the operator's naming says about the place of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SiteStatement<'a> {
    /// The country (ISO 3166-1 alpha-2).
    pub country: &'a str,
    /// The code that says so.
    pub code: &'a str,
    /// The place, for people.
    pub place: &'a str,
    /// Whether the name also spells the address, whole or its last octet: then the name was given to this very server.
    pub digits_match: bool,
    /// Where the reading of the code is from.
    pub source: &'a str,
    /// The day of that source.
    pub dated: Date,
    /// How sure the reading is.
    pub confidence: Confidence,
}

/// The codes of `sites.toml`.
#[derive(Debug)]
pub(super) struct Sites {
    rows: BTreeMap<String, Row>,
    sources: BTreeMap<String, Source>,
}

impl Sites {
    pub(super) fn load(text: &str) -> Result<Self, DataError> {
        let file: File = data::parse(FILE, text)?;
        let mut rows = BTreeMap::new();
        for row in file.sites {
            let code = row.code.clone();
            let wrong = |what| DataError::about(FILE, text, &format!("code = \"{code}\""), what);
            check_country(row.country.as_deref()).map_err(wrong)?;
            named(&file.sources, &row.source).map_err(wrong)?;
            let is_placed = row.at.is_some_and(|[lat, lon]| Point::new(lat, lon).is_ok());
            if is_placed != row.radius_km.is_some() || row.at.is_some() != is_placed {
                return Err(wrong("a position is a latitude, a longitude and a radius"));
            }
            if rows.insert(code.clone(), row).is_some() {
                return Err(wrong("a code that stands twice"));
            }
        }
        Ok(Self { rows, sources: file.sources })
    }

    /// Whether a name may have a place code: none has where the label that stands in the code's place is another.
    pub(super) fn may_place(&self, host: &Hostname) -> bool {
        match place_label(host) {
            None | Some("cloud") => true,
            Some(code) => self.row_under(host, code).is_some(),
        }
    }

    /// The place code of a name, where there is a known one. `captures` are the name's variable parts.
    pub(super) fn site(&self, host: &Hostname, captures: &Captures<'_>) -> Option<Site<'_>> {
        self.row(host, captures).map(Row::site)
    }

    /// What the name of a server says about the address that was reached under it.
    ///
    /// Nothing where the code has no one country, and nothing where the name has digits that are not the address's:
    /// then it is the name of another server.
    pub(super) fn statement(
        &self,
        host: &Hostname,
        captures: &Captures<'_>,
        spellings: &[Ipv4Addr],
    ) -> Option<SiteStatement<'_>> {
        let row = self.row(host, captures)?;
        let digits = captures.digits.or_else(|| hyphenated(host));
        let digits_match = match digits {
            Some(digits) if spellings.iter().any(|&address| spells(digits, address)) => true,
            Some(_) => return None,
            None => false,
        };
        if row.needs_digits && !digits_match {
            return None;
        }
        self.state(row, digits_match)
    }

    /// What the name of a server says where there is no address to compare its digits with.
    pub(super) fn statement_alone(
        &self,
        host: &Hostname,
        captures: &Captures<'_>,
    ) -> Option<SiteStatement<'_>> {
        let row = self.row(host, captures).filter(|row| !row.needs_digits)?;
        self.state(row, false)
    }

    /// The known sites: one for each code that stands for one country.
    pub(super) fn known(&self) -> impl Iterator<Item = KnownSite> {
        self.rows.values().filter_map(|row| {
            let country = row.country.as_deref()?.parse().ok()?;
            let at = row.at.and_then(|[latitude, longitude]| Point::new(latitude, longitude).ok());
            let position = at.zip(row.radius_km.map(f64::from));
            Some(KnownSite { country, place: row.place.clone(), position })
        })
    }

    /// What a certificate for all names at one place says: `*.fr.zoom.us`.
    pub(super) fn statement_of_certificate(&self, name: &str) -> Option<SiteStatement<'_>> {
        let (code, domain) = name.strip_prefix("*.")?.split_once('.')?;
        let row = self.rows.get(code).filter(|row| row.domain() == domain && !row.needs_digits)?;
        self.state(row, false)
    }

    fn state(&self, row: &Row, digits_match: bool) -> Option<SiteStatement<'_>> {
        let row = self.rows.get(&row.code)?;
        let source = self.sources.get(&row.source)?;
        Some(SiteStatement {
            country: row.country.as_deref()?,
            code: &row.code,
            place: &row.place,
            digits_match,
            source: &source.text,
            dated: source.dated,
            confidence: row.confidence,
        })
    }

    /// The label for the place decides; the letters in the server's own label must not contradict it.
    fn row(&self, host: &Hostname, captures: &Captures<'_>) -> Option<&Row> {
        let inner = captures.site.and_then(|code| self.row_under(host, code));
        let label = match place_label(host) {
            None | Some("cloud") => return inner,
            Some(code) => self.row_under(host, code)?,
        };
        let contradicts = inner.is_some_and(|inner| inner.country != label.country);
        (!contradicts).then_some(label)
    }

    fn row_under(&self, host: &Hostname, code: &str) -> Option<&Row> {
        self.rows.get(code).filter(|row| host.is_under(row.domain()))
    }
}

/// The label between a server's own label and the domain: `fr` in `zoomfr213244140151rwg.fr.zoom.us`.
///
/// A single label in front of the domain is no place: it is a service or an organisation.
fn place_label(host: &Hostname) -> Option<&str> {
    let front = DOMAINS.iter().find_map(|domain| host.as_str().strip_suffix(domain)?.strip_suffix('.'))?;
    front.rsplit_once('.').map(|(_, label)| label)
}

/// The four numbers with hyphens between in a server's own label: `144-195-19-86` in `zoomsjc144-195-19-86zssgw`, the form
/// of gateways for streams.
fn hyphenated(host: &Hostname) -> Option<&str> {
    let label = host.as_str().split('.').next()?;
    let runs = label.split(|c: char| !(c.is_ascii_digit() || c == '-')).map(|run| run.trim_matches('-'));
    runs.into_iter()
        .find(|run| run.split('-').count() == 4 && run.split('-').all(|number| number.parse::<u8>().is_ok()))
}

/// Whether `digits` are the octets of the address one behind the other, bare or padded to three, with hyphens between, or
/// its last octet.
fn spells(digits: &str, address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    digits == format!("{a}{b}{c}{d}")
        || digits == format!("{a}-{b}-{c}-{d}")
        || digits == format!("{a:03}{b:03}{c:03}{d:03}")
        || digits == d.to_string()
}

/// The IPv4 addresses that an address may spell: itself, or what an IPv6 address holds in its last four groups (written
/// as decimal octets, `213:244:140:139`) or in its last 32 bits (`aa72:3424`).
///
/// Any IPv6 address can be read the last way, so a reading counts only where it lands in one of the operator's ranges.
pub(super) fn spellings(address: IpAddr) -> Vec<Ipv4Addr> {
    match address.to_canonical() {
        IpAddr::V4(address) => vec![address],
        IpAddr::V6(address) => decimal_groups(address).into_iter().chain([low_bits(address)]).collect(),
    }
}

fn decimal_groups(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = address.segments();
    let octet = |group: u16| format!("{group:x}").parse::<u8>().ok();
    Some(Ipv4Addr::new(octet(a)?, octet(b)?, octet(c)?, octet(d)?))
}

fn low_bits(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "for people who read the file")]
    compiled: Date,
    sites: Vec<Row>,
    sources: BTreeMap<String, Source>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Row {
    code: String,
    country: Option<String>,
    place: String,
    #[serde(default)]
    needs_digits: bool,
    under: Option<String>,
    /// Latitude and longitude in degrees.
    at: Option<[f64; 2]>,
    radius_km: Option<u16>,
    #[expect(dead_code, reason = "for people who read the file")]
    #[serde(default)]
    seen: Vec<u16>,
    source: String,
    confidence: Confidence,
}

impl Row {
    fn site(&self) -> Site<'_> {
        Site {
            code: &self.code,
            country: self.country.as_deref(),
            place: &self.place,
            confidence: self.confidence,
        }
    }

    fn domain(&self) -> &str {
        self.under.as_deref().unwrap_or("zoom.us")
    }
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Source {
    text: String,
    dated: Date,
}

const FILE: &str = "sites.toml";

/// The domains under which place codes are known.
const DOMAINS: [&str; 2] = ["zoom.us", "zoom.com.cn"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_spelt_bare_padded_or_by_its_last_octet() {
        let address = Ipv4Addr::new(3, 233, 132, 186);
        for digits in ["3233132186", "003233132186", "3-233-132-186", "186"] {
            assert!(spells(digits, address), "{digits}");
        }
        for digits in ["323313218", "33233132186", "3", "86", ""] {
            assert!(!spells(digits, address), "{digits}");
        }
    }

    #[test]
    fn four_numbers_with_hyphens_are_an_addresss_digits() {
        let of = |name: &str| {
            let host = Hostname::parse(name.as_bytes()).unwrap();
            hyphenated(&host).map(str::to_owned)
        };
        assert_eq!(of("zoomsjc144-195-19-86zssgw.sjc.zoom.us").as_deref(), Some("144-195-19-86"));
        assert_eq!(of("zoomsjc144-195-19-860zssgw.sjc.zoom.us"), None);
        assert_eq!(of("us02-web-1.zoom.us"), None);
    }

    #[test]
    fn ipv6_addresses_spell_ipv4_in_groups_or_bits() {
        let of = |text: &str| spellings(text.parse().unwrap());
        assert_eq!(of("2620:123:2041:140:213:244:140:139")[0], Ipv4Addr::new(213, 244, 140, 139));
        assert_eq!(of("2407:30c0:182::aa72:3424"), [Ipv4Addr::new(170, 114, 52, 36)]);
        assert_eq!(of("::ffff:1.2.3.4"), [Ipv4Addr::new(1, 2, 3, 4)]);
        assert_eq!(of("1.2.3.4"), [Ipv4Addr::new(1, 2, 3, 4)]);
        // 0x256 reads as 256, which is no octet.
        assert_eq!(of("2001:db8::1:2:3:256").len(), 1);
    }
}

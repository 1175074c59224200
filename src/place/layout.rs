//! The layouts of databases in MaxMind's format: where in a record each fact may stand.
//!
//! Input: one record. Output: the fact, and the path it was found under. The records are probed in a fixed order, so that
//! MaxMind's, DB-IP's, ip-location-db's, `IPinfo`'s and `IPLocate`'s files are read by the same code.
//! Must not: trust a record: what is broken or of another type is not there.

use std::collections::{BTreeMap, BTreeSet};

use maxminddb::{LookupResult, PathElement};
use serde::de::IgnoredAny;

use super::Country;

/// The keys that lead to a field, from the outside in.
pub(super) type Path = &'static [&'static str];

/// The country it is placed in: MaxMind's and DB-IP's layout, then that of ip-location-db, `IPLocate` and `IPinfo` Lite,
/// then that of `IPinfo`. `IPinfo` Lite has full names under the last key, which are no codes.
pub(super) fn country<S: AsRef<[u8]>>(record: &LookupResult<'_, S>) -> Option<(Path, Country)> {
    first(COUNTRY, |path| text(record, path)?.parse().ok())
}

/// The country it is registered in.
pub(super) fn registration<S: AsRef<[u8]>>(record: &LookupResult<'_, S>) -> Option<(Path, Country)> {
    first(REGISTRATION, |path| text(record, path)?.parse().ok())
}

/// The AS number: a number, or text such as `AS64496`. Zero is none.
pub(super) fn asn<S: AsRef<[u8]>>(record: &LookupResult<'_, S>) -> Option<(Path, u32)> {
    let spelt = |path| text(record, path).and_then(parse_asn);
    first(ASN, |path| number(record, path).or_else(|| spelt(path)).filter(|asn| *asn != 0))
}

/// The AS's name.
pub(super) fn as_name<'a, S: AsRef<[u8]>>(record: &LookupResult<'a, S>) -> Option<(Path, &'a str)> {
    first(AS_NAME, |path| text(record, path))
}

/// Whether the address is announced from many places at once, where the record says so.
pub(super) fn anycast<S: AsRef<[u8]>>(record: &LookupResult<'_, S>) -> Option<(Path, bool)> {
    first(ANYCAST, |path| record.decode_path::<bool>(&elements(path)).ok().flatten())
}

/// The paths under which a record holds anything that is looked for.
pub(super) fn known_fields<S: AsRef<[u8]>>(record: &LookupResult<'_, S>) -> impl Iterator<Item = Path> {
    let places = [country(record), registration(record)].map(|found| found.map(|(path, _)| path));
    let network = [asn(record).map(|(path, _)| path), as_name(record).map(|(path, _)| path)];
    let anycast = [anycast(record).map(|(path, _)| path)];
    places.into_iter().chain(network).chain(anycast).flatten()
}

/// The keys of a record, whether known or not.
#[expect(clippy::zero_sized_map_values, reason = "the decoder gives a map's keys only as a map")]
pub(super) fn keys<S: AsRef<[u8]>>(record: &LookupResult<'_, S>) -> BTreeSet<String> {
    let fields = record.decode::<BTreeMap<String, IgnoredAny>>();
    fields.ok().flatten().unwrap_or_default().into_keys().collect()
}

/// An AS number in digits, with or without `AS` before them.
pub(super) fn parse_asn(text: &str) -> Option<u32> {
    text.strip_prefix("AS").unwrap_or(text).parse().ok()
}

fn first<T>(paths: &'static [Path], read: impl Fn(Path) -> Option<T>) -> Option<(Path, T)> {
    paths.iter().find_map(|path| Some((*path, read(path)?)))
}

/// A number, whatever its width: the decoder reads each width as itself alone.
fn number<S: AsRef<[u8]>>(record: &LookupResult<'_, S>, path: Path) -> Option<u32> {
    let path = elements(path);
    let wide = || record.decode_path::<u64>(&path).ok().flatten()?.try_into().ok();
    let narrow = || record.decode_path::<u16>(&path).ok().flatten().map(u32::from);
    record.decode_path::<u32>(&path).ok().flatten().or_else(narrow).or_else(wide)
}

fn text<'a, S: AsRef<[u8]>>(record: &LookupResult<'a, S>, path: Path) -> Option<&'a str> {
    record.decode_path::<&str>(&elements(path)).ok().flatten().filter(|text| !text.is_empty())
}

fn elements(path: Path) -> Vec<PathElement<'static>> {
    path.iter().map(|key| PathElement::Key(key)).collect()
}

const COUNTRY: &[Path] = &[&["country", "iso_code"], &["country_code"], &["country"]];
const REGISTRATION: &[Path] = &[&["registered_country", "iso_code"]];
const ASN: &[Path] = &[&["autonomous_system_number"], &["asn"]];
const AS_NAME: &[Path] = &[&["autonomous_system_organization"], &["as_name"], &["org"], &["name"]];
const ANYCAST: &[Path] = &[&["traits", "is_anycast"], &["is_anycast"]];

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use mmdb_writer::Value;

    use super::super::sample::database;
    use super::super::{Answer, Databases, Description};

    fn text(text: &str) -> Value {
        Value::from(text)
    }

    fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
        Value::map(entries)
    }

    /// What a database with this one record answers, and which fields it is found to have.
    fn read(record: Value) -> (Answer, Vec<String>) {
        let bytes = database(&[("8.8.8.0/24", record)]);
        let fields = Description::of("own.mmdb", &bytes).unwrap().fields;
        let databases = Databases::embedded().with_file("own.mmdb", bytes).unwrap();
        let own = databases.sources().len() - 1;
        let mut answer = databases.look_up(Ipv4Addr::new(8, 8, 8, 8).into());
        answer.countries.retain(|(source, _)| *source == own);
        answer.registrations.retain(|(source, _)| *source == own);
        (answer, fields)
    }

    fn places(answer: &Answer) -> [Vec<&str>; 2] {
        [&answer.countries, &answer.registrations]
            .map(|found| found.iter().map(|(_, country)| country.code()).collect())
    }

    #[test]
    fn maxmind_country_and_asn() {
        let (answer, fields) = read(map([
            ("continent", map([("code", text("EU"))])),
            ("country", map([("iso_code", text("NL")), ("is_in_european_union", Value::Bool(true))])),
            ("registered_country", map([("iso_code", text("US"))])),
            ("traits", map([("is_anycast", Value::Bool(true))])),
        ]));
        assert_eq!(places(&answer), [vec!["NL"], vec!["US"]]);
        assert!(answer.is_anycast());
        assert_eq!(fields, ["country.iso_code", "registered_country.iso_code", "traits.is_anycast"]);
        let (answer, fields) = read(map([
            ("autonomous_system_number", Value::U32(30103)),
            ("autonomous_system_organization", text("ZOOM-VIDEO-COMM-AS")),
        ]));
        assert_eq!((answer.asn, answer.as_name.as_deref()), (Some(30103), Some("ZOOM-VIDEO-COMM-AS")));
        assert_eq!(fields, ["autonomous_system_number", "autonomous_system_organization"]);
    }

    #[test]
    fn dbip_original() {
        let names = map([("en", text("Germany"))]);
        let (answer, fields) = read(map([
            ("continent", map([("code", text("EU"))])),
            ("country", map([("iso_code", text("DE")), ("names", names)])),
        ]));
        assert_eq!((places(&answer), fields), ([vec!["DE"], vec![]], vec!["country.iso_code".to_owned()]));
    }

    #[test]
    fn ip_location_db() {
        let (answer, fields) = read(map([("country_code", text("FR"))]));
        assert_eq!((places(&answer), fields), ([vec!["FR"], vec![]], vec!["country_code".to_owned()]));
    }

    #[test]
    fn ipinfo_country_and_asn() {
        let (answer, fields) = read(map([
            ("country", text("IE")),
            ("country_name", text("Ireland")),
            ("asn", text("AS16509")),
            ("as_name", text("Amazon.com, Inc.")),
            ("as_domain", text("amazon.com")),
        ]));
        assert_eq!(places(&answer), [vec!["IE"], vec![]]);
        assert_eq!((answer.asn, answer.as_name.as_deref()), (Some(16509), Some("Amazon.com, Inc.")));
        assert_eq!(fields, ["as_name", "asn", "country"]);
    }

    #[test]
    fn ipinfo_lite_has_full_names_under_country() {
        let (answer, fields) = read(map([
            ("continent", text("Europe")),
            ("country", text("Germany")),
            ("country_code", text("DE")),
            ("asn", text("AS3320")),
            ("as_name", text("Deutsche Telekom AG")),
        ]));
        assert_eq!((places(&answer), answer.asn), ([vec!["DE"], vec![]], Some(3320)));
        assert_eq!(fields, ["as_name", "asn", "country_code"]);
    }

    #[test]
    fn iplocate_has_numbers_and_a_flat_anycast_flag() {
        for number in [Value::U32(13335), Value::U16(13335), Value::U64(13335), text("13335")] {
            let (answer, fields) = read(map([
                ("asn", number.clone()),
                ("country_code", text("US")),
                ("is_anycast", Value::Bool(true)),
                ("name", text("CLOUDFLARENET")),
                ("org", text("Cloudflare, Inc.")),
            ]));
            assert_eq!((places(&answer), answer.asn), ([vec!["US"], vec![]], Some(13335)), "{number:?}");
            assert_eq!((answer.as_name.as_deref(), answer.is_anycast()), (Some("Cloudflare, Inc."), true));
            assert_eq!(fields, ["asn", "country_code", "is_anycast", "org"]);
        }
    }

    #[test]
    fn fields_of_another_type_are_not_there() {
        let (answer, fields) = read(map([
            ("country", Value::U32(49)),
            ("country_code", map([("iso_code", text("DE"))])),
            ("is_anycast", text("true")),
            ("asn", text("ASX")),
            ("autonomous_system_number", Value::U32(64496)),
        ]));
        assert_eq!((places(&answer), answer.asn), ([vec![], vec![]], Some(64496)));
        assert_eq!(fields, ["autonomous_system_number"]);
        assert!(!answer.is_anycast());
    }
}

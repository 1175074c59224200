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
    let number = |path| record.decode_path::<u32>(&elements(path)).ok().flatten();
    let spelt = |path| text(record, path).and_then(parse_asn);
    first(ASN, |path| number(path).or_else(|| spelt(path)).filter(|asn| *asn != 0))
}

/// The AS's name.
pub(super) fn as_name<'a, S: AsRef<[u8]>>(record: &LookupResult<'a, S>) -> Option<(Path, &'a str)> {
    first(AS_NAME, |path| text(record, path))
}

/// Whether the address is announced from many places at once, where the record says so.
pub(super) fn anycast<S: AsRef<[u8]>>(record: &LookupResult<'_, S>) -> Option<(Path, bool)> {
    first(ANYCAST, |path| record.decode_path::<bool>(&elements(path)).ok().flatten())
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

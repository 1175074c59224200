//! The truth sets: addresses whose place is known from elsewhere, each with the day for which it is judged.
//!
//! Input: `geoip/gates.toml` and the data files beside this one, compiled in, and the day for rows without a year of their
//! own. Output: cases. A row that cannot be used is an error that names file and line. Must not: judge.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use borderpost::client::{Origin, Spoken};
use borderpost::data::{self, DataError};
use borderpost::frame::{Date, FrameRef};
use borderpost::place::{Country, Prefix};
use borderpost::wire::Hostname;
use serde::Deserialize;

/// One address, and where it stands.
pub(crate) struct Case {
    /// The address.
    pub(crate) address: IpAddr,
    /// The name under which a client reached it, or none.
    pub(crate) names: Vec<Spoken>,
    /// The day for which it is judged.
    pub(crate) day: Date,
    /// Where it stood on that day.
    pub(crate) truth: Country,
}

/// A truth set.
pub(crate) struct Truth {
    /// Its letter and name, and what it holds.
    pub(crate) title: &'static str,
    /// Its cases.
    pub(crate) cases: Vec<Case>,
}

/// A name that must not decide where an address stands.
pub(crate) struct Silent {
    /// The address.
    pub(crate) address: IpAddr,
    /// The name, alone.
    pub(crate) names: Vec<Spoken>,
    /// The day for which it is judged.
    pub(crate) day: Date,
    /// Why it says nothing.
    pub(crate) because: String,
}

/// Set A: addresses whose place Zoom states, judged without a name.
///
/// A row with a sighting that has no date is judged for `day`, as is one of that year; an older one for the middle of the
/// last year in which it was seen.
pub(crate) fn zoom_sites(day: Date) -> Result<Truth, DataError> {
    let file: GateFile = data::parse(GATES, GATES_TEXT)?;
    let cases = file.sites.into_iter().map(|site| {
        let seen = day_of(&site.seen, day).ok_or_else(|| {
            let needle = format!("\"{}\"", site.address);
            DataError::about(GATES, GATES_TEXT, &needle, "`seen` neither ends in a year nor is undated")
        })?;
        Ok(Case { address: site.address, names: Vec::new(), day: seen, truth: site.place })
    });
    Ok(Truth {
        title: "A zoom-sites: addresses whose place Zoom states",
        cases: cases.collect::<Result<_, _>>()?,
    })
}

/// Set B, names that spell their address, and the names that must say nothing.
pub(crate) fn names() -> Result<(Truth, Vec<Silent>), DataError> {
    let file: NameFile = data::parse(NAMES, NAMES_TEXT)?;
    let unknown = |source: &str| !file.sources.contains_key(source);
    let wanted = file.names.iter().map(|row| &row.source).chain(file.silent.iter().map(|row| &row.source));
    if let Some(source) = wanted.into_iter().find(|source| unknown(source)) {
        return Err(DataError::about(NAMES, NAMES_TEXT, source, "a source that is not in this file"));
    }
    let case = |row: NameRow| {
        Ok(Case { address: row.address, names: spoken(&row.host)?, day: row.day, truth: row.country })
    };
    let silent = |row: SilentRow| {
        Ok(Silent { address: row.address, names: spoken(&row.host)?, day: row.day, because: row.because })
    };
    let cases = file.names.into_iter().map(case).collect::<Result<_, DataError>>()?;
    let silent = file.silent.into_iter().map(silent).collect::<Result<_, DataError>>()?;
    Ok((Truth { title: "B names: host names that spell their address", cases }, silent))
}

/// Set C: of each cloud prefix the second address, because the first is often nobody's.
pub(crate) fn clouds(day: Date) -> Result<Truth, DataError> {
    let file: CloudFile = data::parse(CLOUDS, CLOUDS_TEXT)?;
    let case =
        |row: CloudRow| Case { address: second(row.prefix), names: Vec::new(), day, truth: row.country };
    let cases = file.clouds.into_iter().map(case).collect();
    Ok(Truth { title: "C clouds: prefixes whose region the provider states", cases })
}

fn spoken(host: &str) -> Result<Vec<Spoken>, DataError> {
    let wrong = || DataError::about(NAMES, NAMES_TEXT, host, "no host name");
    let host = Hostname::parse(host.as_bytes()).ok_or_else(wrong)?;
    Ok(vec![Spoken { host, origin: Origin::Request, frame: FrameRef::new(0, 1) }])
}

/// The day for which a sighting such as `2018-2024`, `2026` or `2018 and undated` is judged.
fn day_of(seen: &str, day: Date) -> Option<Date> {
    let last = seen.get(seen.len().checked_sub(4)?..)?;
    if seen.ends_with("undated") || day.to_string().starts_with(last) {
        return Some(day);
    }
    format!("{last}-06-30").parse().ok()
}

fn second(prefix: Prefix) -> IpAddr {
    match prefix.base() {
        IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits() | 1).into(),
        IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits() | 1).into(),
    }
}

const GATES: &str = "geoip/gates.toml";
const GATES_TEXT: &str = include_str!("../../geoip/gates.toml");
const NAMES: &str = "benches/accuracy/names.toml";
const NAMES_TEXT: &str = include_str!("names.toml");
const CLOUDS: &str = "benches/accuracy/clouds.toml";
const CLOUDS_TEXT: &str = include_str!("clouds.toml");

/// What set A takes from the gates of the database; the other fields are theirs.
#[derive(Deserialize)]
struct GateFile {
    sites: Vec<Site>,
}

#[derive(Deserialize)]
struct Site {
    address: IpAddr,
    place: Country,
    seen: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameFile {
    #[expect(dead_code, reason = "for people who read the file")]
    compiled: Date,
    names: Vec<NameRow>,
    silent: Vec<SilentRow>,
    sources: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameRow {
    host: String,
    address: IpAddr,
    country: Country,
    day: Date,
    #[expect(dead_code, reason = "for people who read the file")]
    #[serde(default)]
    about: bool,
    source: String,
    #[expect(dead_code, reason = "for people who read the file")]
    by: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SilentRow {
    host: String,
    address: IpAddr,
    day: Date,
    #[expect(dead_code, reason = "for people who read the file")]
    pairing: Pairing,
    source: String,
    because: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Pairing {
    Made,
    Seen,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloudFile {
    #[expect(dead_code, reason = "for people who read the file")]
    compiled: Date,
    clouds: Vec<CloudRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloudRow {
    prefix: Prefix,
    #[expect(dead_code, reason = "for people who read the file")]
    provider: String,
    #[expect(dead_code, reason = "for people who read the file")]
    region: String,
    country: Country,
}

#[cfg(test)]
#[allow(
    dead_code,
    reason = "run in tests/accuracy.rs; a benchmark is built with `test` and without the harness"
)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_sighting_is_judged_in_the_last_year_that_it_has() {
        let today = day("2026-06-20");
        assert_eq!(day_of("2018-2024", today), Some(day("2024-06-30")));
        assert_eq!(day_of("2019", today), Some(day("2019-06-30")));
        for current in ["2026", "2025-2026", "undated", "2018 and undated"] {
            assert_eq!(day_of(current, today), Some(today), "{current}");
        }
        for wrong in ["", "once", "2024?"] {
            assert_eq!(day_of(wrong, today), None, "{wrong}");
        }
    }

    #[test]
    fn a_prefix_is_judged_by_its_second_address() {
        let of = |text: &str| second(text.parse().unwrap()).to_string();
        assert_eq!(of("13.244.0.0/15"), "13.244.0.1");
        assert_eq!(of("2406:dae9:e000::/40"), "2406:dae9:e000::1");
    }

    #[test]
    fn the_sets_are_whole_and_no_address_stands_twice_in_one() {
        let today = day("2026-06-20");
        let (names, silent) = names().unwrap();
        let sets = [zoom_sites(today).unwrap(), names, clouds(today).unwrap()];
        assert_eq!(sets.each_ref().map(|set| set.cases.len()), [38, 16, 305]);
        assert!(silent.len() >= 13);
        for Truth { title, cases } in &sets {
            let addresses: std::collections::BTreeSet<IpAddr> =
                cases.iter().map(|case| case.address).collect();
            assert_eq!(addresses.len(), cases.len(), "{title}");
        }
    }
}

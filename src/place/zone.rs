//! The legal zone of a country on a day, for transfers of personal data out of the EEA.
//!
//! Input: a country, a day, what is known about the recipient, and the dated rows of `geoip/zones.toml`. Output: the
//! zone, the words for it, and the decision it rests on. Labels for reading a report, no legal advice.
//! Must not: guess what no row says: a country without a row is a third country.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

use super::Country;
use crate::data::{Confidence, Validity};
use crate::frame::Date;

/// A legal zone, seen from the EEA.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Zone {
    /// The European Union with its outermost regions.
    Eu,
    /// A former member in which Union law still applies: the United Kingdom in 2020.
    EuTransition,
    /// Iceland, Liechtenstein or Norway.
    Eea,
    /// A third country with an adequacy decision.
    Adequate {
        /// The decision.
        decision: &'static str,
    },
    /// A third country whose decision covers only recipients that are certified.
    AdequateForCertified {
        /// What they are certified under.
        framework: &'static str,
        /// Whether this recipient is, where that is known.
        recipient_certified: Option<bool>,
    },
    /// A third country whose decision covers only certain kinds of recipients.
    AdequateForCertain {
        /// Which ones.
        framework: &'static str,
        /// Whether this recipient is one, where that is known.
        recipient_covered: Option<bool>,
    },
    /// A former member to which transfers were by treaty not yet transfers to a third country.
    Bridge,
    /// Any other country.
    ThirdCountry,
}

impl Zone {
    /// Whether the zone is inside the EEA: the Union, the former member in transition, and the three EEA states.
    #[must_use]
    pub fn is_inside_eea(self) -> bool {
        matches!(self, Self::Eu | Self::EuTransition | Self::Eea)
    }

    /// Whether transfers to this recipient rest on an adequacy decision; `None` where the recipient decides and what it
    /// is is not known.
    #[must_use]
    pub fn is_adequate(self) -> Option<bool> {
        match self {
            Self::Adequate { .. } => Some(true),
            Self::AdequateForCertified { recipient_certified: known, .. }
            | Self::AdequateForCertain { recipient_covered: known, .. } => known,
            Self::Eu | Self::EuTransition | Self::Eea | Self::Bridge | Self::ThirdCountry => Some(false),
        }
    }

    /// The zone in `snake_case`, for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Eu => "eu",
            Self::EuTransition => "eu_transition",
            Self::Eea => "eea",
            Self::Adequate { .. } => "adequate",
            Self::AdequateForCertified { .. } => "adequate_for_certified",
            Self::AdequateForCertain { .. } => "adequate_for_certain",
            Self::Bridge => "bridge",
            Self::ThirdCountry => "third_country",
        }
    }

    /// The zone in words.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Eu => "EU",
            Self::EuTransition => "EU law in transition",
            Self::Eea => "EEA",
            Self::Adequate { .. } => "adequate",
            Self::AdequateForCertified { recipient_certified: None, .. } => {
                "adequate only for certified recipients"
            }
            Self::AdequateForCertified { recipient_certified: Some(true), .. } => {
                "adequate, recipient certified"
            }
            Self::AdequateForCertified { .. } => "third country, recipient not certified",
            Self::AdequateForCertain { recipient_covered: None, .. } => {
                "adequate only for certain recipients"
            }
            Self::AdequateForCertain { recipient_covered: Some(true), .. } => "adequate, recipient covered",
            Self::AdequateForCertain { .. } => "third country, recipient not covered",
            Self::Bridge => "not yet a third country for transfers",
            Self::ThirdCountry => "third country",
        }
    }
}

/// A zone with what it rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ZoneReading {
    /// The zone.
    pub zone: Zone,
    /// The zone in words.
    pub label: &'static str,
    /// The treaty or decision, or the lack of one where a row says why; `None` where no row covers the country.
    pub decision: Option<&'static str>,
    /// Where the row was read; of the table as a whole where no row covers the country.
    pub source: &'static str,
    /// How sure the row is.
    pub confidence: Confidence,
    /// What of it was not checked, in words; `None` exactly where the confidence is high.
    pub unchecked: Option<&'static str>,
}

/// The zone of `country` on `day`.
///
/// `recipient_certified` says whether the recipient is covered by the framework that the zone names; it matters only
/// where the recipient decides.
#[must_use]
pub fn zone(country: Country, day: Date, recipient_certified: Option<bool>) -> ZoneReading {
    let rows = BY_COUNTRY.get(&country).map_or(&[][..], Vec::as_slice);
    let row = rows.iter().find(|row| row.valid().covers(day));
    let Some(row) = row else { return TABLE.without_row.reading() };
    let zone = row.zone(recipient_certified);
    ZoneReading {
        zone,
        label: zone.label(),
        decision: Some(&row.decision),
        source: &row.source,
        confidence: row.confidence,
        unchecked: row.unchecked.as_deref(),
    }
}

/// The days on which the zone of some country may change, in order: each is the first day of what holds from then on.
/// Between two neighbours, before the first and from the last, no country's zone changes.
#[must_use]
pub fn zone_borders() -> BTreeSet<Date> {
    let begins = TABLE.row.iter().filter_map(|row| row.from);
    let ended = TABLE.row.iter().filter_map(|row| row.until).map(Date::day_after);
    begins.chain(ended).collect()
}

/// The day on which the table of zones was compiled.
pub(super) fn compiled() -> Date {
    TABLE.compiled
}

/// What `zones.toml` holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    compiled: Date,
    without_row: WithoutRow,
    row: Vec<Row>,
}

/// What is said of a country and day that no row covers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithoutRow {
    source: String,
    confidence: Confidence,
    unchecked: Option<String>,
}

impl WithoutRow {
    fn reading(&'static self) -> ZoneReading {
        let zone = Zone::ThirdCountry;
        ZoneReading {
            zone,
            label: zone.label(),
            decision: None,
            source: &self.source,
            confidence: self.confidence,
            unchecked: self.unchecked.as_deref(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    countries: Vec<Country>,
    zone: Class,
    from: Option<Date>,
    until: Option<Date>,
    framework: Option<String>,
    decision: String,
    source: String,
    confidence: Confidence,
    unchecked: Option<String>,
}

impl Row {
    fn valid(&self) -> Validity {
        Validity { from: self.from, until: self.until }
    }

    fn zone(&'static self, recipient: Option<bool>) -> Zone {
        let framework = self.framework.as_deref().unwrap_or_default();
        match self.zone {
            Class::Eu => Zone::Eu,
            Class::EuTransition => Zone::EuTransition,
            Class::Eea => Zone::Eea,
            Class::Adequate => Zone::Adequate { decision: &self.decision },
            Class::AdequateForCertified => {
                Zone::AdequateForCertified { framework, recipient_certified: recipient }
            }
            Class::AdequateForCertain => Zone::AdequateForCertain { framework, recipient_covered: recipient },
            Class::Bridge => Zone::Bridge,
            Class::ThirdCountry => Zone::ThirdCountry,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Class {
    Eu,
    EuTransition,
    Eea,
    Adequate,
    AdequateForCertified,
    AdequateForCertain,
    Bridge,
    ThirdCountry,
}

static TABLE: LazyLock<File> =
    LazyLock::new(|| super::embedded("zones.toml", include_str!("../../geoip/zones.toml")));

/// The rows of each country, in the order of the table.
static BY_COUNTRY: LazyLock<BTreeMap<Country, Vec<&'static Row>>> = LazyLock::new(|| {
    let mut rows: BTreeMap<Country, Vec<&'static Row>> = BTreeMap::new();
    for row in &TABLE.row {
        for country in &row.countries {
            rows.entry(*country).or_default().push(row);
        }
    }
    rows
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::CountrySet;

    fn reading(country: &str, day: &str) -> ZoneReading {
        zone(country.parse().unwrap(), day.parse().unwrap(), None)
    }

    fn name(country: &str, day: &str) -> &'static str {
        reading(country, day).zone.name()
    }

    #[test]
    fn the_united_states_depend_on_the_recipient_and_the_day() {
        let shield = reading("US", "2019-09-26");
        assert_eq!(shield.label, "adequate only for certified recipients");
        let Zone::AdequateForCertified { framework, .. } = shield.zone else {
            panic!("{shield:?}");
        };
        assert_eq!(framework, "EU-US Privacy Shield");
        let gap = reading("US", "2021-01-01");
        assert_eq!((gap.zone, gap.label), (Zone::ThirdCountry, "third country"));
        assert!(gap.decision.unwrap().contains("C-311/18"));
        let Zone::AdequateForCertified { framework, .. } = reading("US", "2024-01-01").zone else {
            panic!("no framework in 2024");
        };
        assert_eq!(framework, "EU-US Data Privacy Framework");
    }

    #[test]
    fn what_is_known_about_the_recipient_decides() {
        let zone = |certified| zone("US".parse().unwrap(), "2024-01-01".parse().unwrap(), certified);
        assert_eq!((zone(None).zone.is_adequate(), zone(Some(true)).zone.is_adequate()), (None, Some(true)));
        assert_eq!(zone(Some(true)).label, "adequate, recipient certified");
        assert_eq!(zone(Some(false)).label, "third country, recipient not certified");
        assert!(!zone(Some(true)).zone.is_inside_eea());
    }

    #[test]
    fn the_united_kingdom_leaves_the_eea_with_the_transition() {
        assert!(reading("GB", "2020-12-31").zone.is_inside_eea());
        assert!(!reading("GB", "2021-01-01").zone.is_inside_eea());
        for day in ["2025-06-27", "2025-06-28", "2025-12-27", "2025-12-28", "2026-11-24"] {
            assert_eq!(name("GB", day), "adequate", "no gap at the extension and the renewal: {day}");
        }
    }

    /// Country, a last day and the zone on it, the zone on the day after: as the sources have it, not the table.
    const BORDERS: [(&str, &str, &str, &str); 29] = [
        ("YT", "2013-12-31", "third_country", "eu"),
        ("GB", "2020-01-31", "eu", "eu_transition"),
        ("GI", "2020-01-31", "eu", "eu_transition"),
        ("GB", "2020-12-31", "eu_transition", "bridge"),
        ("GI", "2020-12-31", "eu_transition", "third_country"),
        ("GB", "2021-06-27", "bridge", "adequate"),
        ("GB", "2031-12-27", "adequate", "third_country"),
        ("IS", "2018-07-19", "eea", "eea"),
        ("LI", "2018-07-19", "eea", "eea"),
        ("NO", "2018-07-19", "eea", "eea"),
        ("AD", "2010-10-18", "third_country", "adequate"),
        ("AR", "2003-06-29", "third_country", "adequate"),
        ("BR", "2026-01-25", "third_country", "adequate"),
        ("CH", "2000-07-25", "third_country", "adequate"),
        ("FO", "2010-03-04", "third_country", "adequate"),
        ("GG", "2003-11-20", "third_country", "adequate"),
        ("IL", "2011-01-30", "third_country", "adequate"),
        ("IM", "2004-04-27", "third_country", "adequate"),
        ("JE", "2008-05-07", "third_country", "adequate"),
        ("NZ", "2012-12-18", "third_country", "adequate"),
        ("UY", "2012-08-20", "third_country", "adequate"),
        ("CA", "2001-12-19", "third_country", "adequate_for_certain"),
        ("JP", "2019-01-22", "third_country", "adequate_for_certain"),
        ("KR", "2021-12-16", "third_country", "adequate_for_certain"),
        ("US", "2000-10-31", "third_country", "adequate_for_certified"),
        ("US", "2015-10-05", "adequate_for_certified", "third_country"),
        ("US", "2016-07-31", "third_country", "adequate_for_certified"),
        ("US", "2020-07-15", "adequate_for_certified", "third_country"),
        ("US", "2023-07-09", "third_country", "adequate_for_certified"),
    ];

    #[test]
    fn zones_change_between_the_days_that_the_sources_name() {
        let mut known = BTreeSet::new();
        for (country, last, before, after) in BORDERS {
            let next = last.parse::<Date>().unwrap().day_after();
            let (old, new) = (reading(country, last), reading(country, &next.to_string()));
            assert_eq!((old.zone.name(), new.zone.name()), (before, after), "{country} {last}");
            assert_ne!(old.decision, new.decision, "{country} {last}");
            known.insert((country.parse::<Country>().unwrap(), next));
        }
        for row in &TABLE.row {
            for day in row.from.into_iter().chain(row.until.map(Date::day_after)) {
                let are_known = row.countries.iter().all(|country| known.contains(&(*country, day)));
                assert!(are_known, "no source is compared for {day} of {:?}", row.countries);
            }
        }
        assert_eq!(zone_borders(), known.into_iter().map(|(_, day)| day).collect());
    }

    #[test]
    fn no_zone_changes_between_two_borders() {
        let borders = zone_borders();
        let (mut day, end): (Date, Date) = ("1999-12-31".parse().unwrap(), "2032-01-31".parse().unwrap());
        let zones = |day| {
            ["AX", "BL", "DE", "GB", "GI", "JP", "NO", "US", "YT"]
                .map(|c| zone(c.parse().unwrap(), day, None))
        };
        let mut current = zones(day);
        while day < end {
            day = day.day_after();
            let today = zones(day);
            assert!(today == current || borders.contains(&day), "{day}");
            current = today;
        }
    }

    #[test]
    fn what_is_not_sure_says_what_was_not_checked() {
        for row in &TABLE.row {
            let says = row.unchecked.as_deref().is_some_and(|text| !text.trim().is_empty());
            assert_eq!(says, row.confidence != Confidence::High, "{:?}: {}", row.countries, row.decision);
        }
        let of = |country, day| reading(country, day).unchecked;
        assert_eq!(of("CH", "2024-01-01"), None);
        assert!(of("GB", "2024-01-01").unwrap().contains("2025/2574"));
        let none = reading("RU", "2024-01-01");
        assert_eq!((none.decision, none.confidence), (None, Confidence::Medium));
        assert!(none.unchecked.unwrap().contains("September 2026"));
    }

    #[test]
    fn pseudo_codes_are_in_no_zone_because_they_are_no_countries() {
        for code in ["EU", "AP", "XX", "ZZ", "UK", "EL", "A1", "T1"] {
            assert!(code.parse::<Country>().is_err(), "{code}");
            let row = format!(
                "countries = [\"{code}\"]\nzone = \"eu\"\ndecision = \"d\"\nsource = \"s\"\nconfidence = \"high\""
            );
            assert!(crate::data::parse::<Row>("zones.toml", &row).is_err(), "{code}");
        }
    }

    #[test]
    fn outermost_regions_are_inside_from_their_day_and_other_territories_never() {
        for region in ["GF", "GP", "MF", "MQ", "RE", "AX"] {
            assert_eq!((name(region, "2012-06-01"), name(region, "2024-06-01")), ("eu", "eu"), "{region}");
        }
        assert_eq!((name("YT", "2013-12-31"), name("YT", "2014-01-01")), ("third_country", "eu"));
        for day in ["2011-12-31", "2012-01-01", "2014-01-01", "2024-06-01"] {
            assert_eq!(name("BL", day), "third_country", "{day}");
        }
    }

    #[test]
    fn territories_are_not_their_mother_countries() {
        let inside = ["NL", "FR", "GF", "RE", "AX", "MF", "IS", "LI", "NO"];
        let outside =
            ["CH", "GL", "FO", "SJ", "PF", "NC", "CW", "AW", "BQ", "GI", "IM", "JE", "MC", "XK", "RS"];
        for country in inside {
            assert!(reading(country, "2024-06-01").zone.is_inside_eea(), "{country}");
        }
        for country in outside {
            assert!(!reading(country, "2024-06-01").zone.is_inside_eea(), "{country}");
        }
    }

    #[test]
    fn the_eea_has_thirty_states_and_seven_regions() {
        let inside =
            |day| CountrySet::all().iter().filter(|c| reading(c.code(), day).zone.is_inside_eea()).count();
        assert_eq!((inside("2019-01-01"), inside("2024-01-01")), (39, 37));
    }

    #[test]
    fn no_two_rows_cover_the_same_country_and_day() {
        let last: Date = "9999-12-31".parse().unwrap();
        for (n, a) in TABLE.row.iter().enumerate() {
            let needs_framework = matches!(a.zone, Class::AdequateForCertified | Class::AdequateForCertain);
            assert_eq!(a.framework.is_some(), needs_framework, "{}", a.decision);
            for b in
                TABLE.row.iter().skip(n + 1).filter(|b| a.countries.iter().any(|c| b.countries.contains(c)))
            {
                let apart = a.until.unwrap_or(last) < b.from.unwrap_or("0001-01-01".parse().unwrap())
                    || b.until.unwrap_or(last) < a.from.unwrap_or("0001-01-01".parse().unwrap());
                assert!(apart, "{} and {}", a.decision, b.decision);
            }
        }
    }
}

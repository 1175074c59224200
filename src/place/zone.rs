//! The legal zone of a country on a day, for transfers of personal data out of the EEA.
//!
//! Input: a country, a day, what is known about the recipient, and the dated rows of `geoip/zones.toml`. Output: the
//! zone, the words for it, and the decision it rests on. Labels for reading a report, no legal advice.
//! Must not: guess what no row says: a country without a row is a third country.

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
}

/// The zone of `country` on `day`.
///
/// `recipient_certified` says whether the recipient is covered by the framework that the zone names; it matters only
/// where the recipient decides.
#[must_use]
pub fn zone(country: Country, day: Date, recipient_certified: Option<bool>) -> ZoneReading {
    let row = TABLE.row.iter().find(|row| row.countries.contains(&country) && row.valid().covers(day));
    let Some(row) = row else {
        let zone = Zone::ThirdCountry;
        let source = "no treaty or decision is known for that day";
        return ZoneReading {
            zone,
            label: zone.label(),
            decision: None,
            source,
            confidence: Confidence::Medium,
        };
    };
    let zone = row.zone(recipient_certified);
    let decision = Some(row.decision.as_str());
    ZoneReading { zone, label: zone.label(), decision, source: &row.source, confidence: row.confidence }
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
    row: Vec<Row>,
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
        let borders = ["2016-07-31", "2016-08-01", "2020-07-15", "2020-07-16", "2023-07-09", "2023-07-10"];
        let names = borders.map(|day| name("US", day));
        let (third, certified) = ("third_country", "adequate_for_certified");
        assert_eq!(names, [third, certified, certified, third, third, certified]);
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
    fn the_united_kingdom_leaves_in_steps() {
        let days = [
            ("2018-05-25", "eu"),
            ("2020-01-31", "eu"),
            ("2020-02-01", "eu_transition"),
            ("2020-12-31", "eu_transition"),
            ("2021-01-01", "bridge"),
            ("2021-06-27", "bridge"),
            ("2021-06-28", "adequate"),
            ("2026-11-22", "adequate"),
            ("2031-12-28", "third_country"),
        ];
        for (day, expected) in days {
            assert_eq!(name("GB", day), expected, "{day}");
        }
        assert!(reading("GB", "2020-12-31").zone.is_inside_eea());
        assert!(!reading("GB", "2021-01-01").zone.is_inside_eea());
    }

    #[test]
    fn decisions_hold_from_their_day() {
        for (country, before, since, expected) in [
            ("JP", "2019-01-22", "2019-01-23", "adequate_for_certain"),
            ("KR", "2021-12-16", "2021-12-17", "adequate_for_certain"),
            ("BR", "2026-01-25", "2026-01-26", "adequate"),
        ] {
            assert_eq!(
                (name(country, before), name(country, since)),
                ("third_country", expected),
                "{country}"
            );
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
        assert_eq!((name("NO", "2018-07-19"), name("NO", "2018-07-20")), ("eea", "eea"));
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

//! What the tester says of a capture: the keys, what is wanted under them, and regions by codes of countries, `EU` and `EEA`.

use serde::Deserialize;

use crate::frame::Date;
use crate::place::{Country, CountrySet, zone};

/// What a tester can say of a capture, by the key in a manifest, in alphabetical order.
pub const FACTS: [&str; 11] = [
    "account",
    "build",
    "e2ee",
    "file_sharing",
    "guest",
    "media_regions",
    "platform",
    "region",
    "service",
    "sso",
    "vanity_host",
];

/// What the tester has to say under a key: `true` takes everything but `false` and `no`, `false` these two.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Wanted {
    /// Yes or no.
    Switch(bool),
    /// A word, whatever its case; `EU` takes the codes of countries of the EEA, too.
    Word(String),
}

impl Wanted {
    /// Whether what the tester says is that, on a day of the captures.
    #[must_use]
    pub fn is(&self, said: &str, day: Date) -> bool {
        let is_refused = ["false", "no"].iter().any(|word| said.eq_ignore_ascii_case(word));
        match self {
            Self::Switch(wanted) => *wanted != is_refused,
            Self::Word(word) if word == "EU" => is_in_eea(said, day),
            Self::Word(word) => said.eq_ignore_ascii_case(word),
        }
    }

    pub(super) fn words(&self) -> String {
        match self {
            Self::Switch(wanted) => wanted.to_string(),
            Self::Word(word) => word.clone(),
        }
    }
}

/// The countries of regions, separated by commas; `None` where one of them is neither a code nor `EU` nor `EEA`. The Union is taken
/// with the three states of the EEA, as claims do.
pub(super) fn countries(regions: &str, day: Date) -> Option<CountrySet> {
    let one = |word: &str| match word.trim() {
        word if word.eq_ignore_ascii_case("EU") || word.eq_ignore_ascii_case("EEA") => Some(eea(day)),
        code => code.parse::<Country>().ok().map(CountrySet::of),
    };
    regions.split(',').map(one).try_fold(CountrySet::EMPTY, |all, one| Some(all.union(&one?)))
}

/// Whether all of the regions are in the EEA.
pub(super) fn is_in_eea(regions: &str, day: Date) -> bool {
    countries(regions, day).is_some_and(|found| !found.is_empty() && found.is_subset(&eea(day)))
}

fn eea(day: Date) -> CountrySet {
    CountrySet::all().iter().filter(|country| zone(*country, day, None).zone.is_inside_eea()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_of_the_eea_is_a_member_or_the_whole() {
        let day = "2024-06-18".parse().unwrap();
        for regions in ["EU", "eea", "nl", "DE, NO"] {
            assert!(is_in_eea(regions, day), "{regions}");
        }
        for regions in ["US", "EU, US", "GB", "Europe", ""] {
            assert!(!is_in_eea(regions, day), "{regions}");
        }
    }
}

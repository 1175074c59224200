//! Countries by their ISO 3166-1 codes, and sets of them.
//!
//! Input: two letters. Output: a country, or an error for what is none, such as the `EU` of databases.
//! Must not: know where a country belongs; that is the zones' job.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::Deserialize;

/// A country by its officially assigned ISO 3166-1 alpha-2 code, in upper case; `XK` (Kosovo) counts as one.
///
/// Pseudo-codes of databases (`EU`, `AP`, `ZZ`, `XX`, `A1`, …) mean "somewhere" and are no countries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// The code, two upper-case letters.
    #[must_use]
    pub fn code(&self) -> &str {
        // Only ASCII letters are ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The code's place among all two letters, `AA` first.
    fn spelt(self) -> usize {
        let [first, second] = self.0.map(|letter| usize::from(letter.wrapping_sub(b'A')));
        first * 26 + second
    }

    /// The country's place among all of them, in the order of their codes.
    fn index(self) -> usize {
        ASSIGNED.places.get(self.spelt()).copied().map_or(usize::MAX, usize::from)
    }

    /// Two letters of any case, whether or not they are assigned.
    fn letters(text: &str) -> Option<Self> {
        let code: [u8; 2] = text.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_alphabetic).then(|| Self(code.map(|letter| letter.to_ascii_uppercase())))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// The text was no country code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct CountryError(String);

impl fmt::Display for CountryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no country code of ISO 3166-1", self.0)?;
        match self.0.to_ascii_uppercase().as_str() {
            "UK" => f.write_str(" (the United Kingdom is GB)"),
            "EL" => f.write_str(" (Greece is GR)"),
            _ => Ok(()),
        }
    }
}

impl FromStr for Country {
    type Err = CountryError;

    fn from_str(text: &str) -> Result<Self, CountryError> {
        let country = Self::letters(text).filter(|country| ASSIGNED.countries.binary_search(country).is_ok());
        country.ok_or_else(|| CountryError(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A set of countries, in the order of their codes; a bit for each country there is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CountrySet([u64; WORDS]);

impl CountrySet {
    /// The set of no country.
    pub const EMPTY: Self = Self([0; WORDS]);

    /// The set of every country.
    #[must_use]
    pub fn all() -> Self {
        ASSIGNED.all
    }

    /// The set of one country.
    #[must_use]
    pub fn of(country: Country) -> Self {
        let mut set = Self::EMPTY;
        set.insert(country);
        set
    }

    /// Adds a country.
    pub fn insert(&mut self, country: Country) {
        self.set(country.index());
    }

    fn set(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    /// Whether the country is in the set.
    #[must_use]
    pub fn contains(&self, country: Country) -> bool {
        self.holds(country.index())
    }

    /// Whether the set holds no country.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// Whether the set holds every country.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::all()
    }

    /// How many countries the set holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The countries in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    /// The countries in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    /// The countries of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }

    /// Whether every country of this set is in the other.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }

    /// Whether the sets share no country.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.intersection(other).is_empty()
    }

    /// The countries in the order of their codes.
    pub fn iter(&self) -> impl Iterator<Item = Country> + '_ {
        self.0.iter().zip(0..).flat_map(|(word, at)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                left &= left.checked_sub(1)?;
                ASSIGNED.countries.get(at * 64 + bit).copied()
            })
        })
    }

    fn holds(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    fn zip(&self, other: &Self, combine: fn(u64, u64) -> u64) -> Self {
        let mut set = *self;
        for (word, other) in set.0.iter_mut().zip(other.0) {
            *word = combine(*word, other);
        }
        set
    }
}

impl From<Country> for CountrySet {
    fn from(country: Country) -> Self {
        Self::of(country)
    }
}

impl FromIterator<Country> for CountrySet {
    fn from_iter<I: IntoIterator<Item = Country>>(countries: I) -> Self {
        let mut set = Self::EMPTY;
        countries.into_iter().for_each(|country| set.insert(country));
        set
    }
}

/// Writes `DE, NL`, or `anywhere but US` where most countries are in the set, or `nowhere`.
impl fmt::Display for CountrySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nowhere");
        }
        if self.is_all() {
            return f.write_str("anywhere");
        }
        let others = Self::all().difference(self);
        let is_most = others.len() < self.len();
        let listed = if is_most { &others } else { self };
        let codes: Vec<String> = listed.iter().map(|country| country.to_string()).collect();
        write!(f, "{}{}", if is_most { "anywhere but " } else { "" }, codes.join(", "))
    }
}

impl fmt::Debug for CountrySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

/// What `countries.toml` holds.
#[derive(Deserialize)]
struct File {
    assigned: String,
    user_assigned: Vec<String>,
}

/// The countries there are.
struct Assigned {
    /// In the order of their codes.
    countries: Vec<Country>,
    /// By the place of each two letters, that of the country which they stand for.
    places: [u8; 26 * 26],
    all: CountrySet,
}

static ASSIGNED: LazyLock<Assigned> = LazyLock::new(|| {
    let file: File = super::embedded("countries.toml", include_str!("../../geoip/countries.toml"));
    let codes = file.assigned.split_whitespace().chain(file.user_assigned.iter().map(String::as_str));
    let countries: BTreeSet<Country> = codes.filter_map(Country::letters).collect();
    let countries: Vec<Country> = countries.into_iter().take(64 * WORDS).collect();
    let (mut places, mut all) = ([0; 26 * 26], CountrySet::EMPTY);
    for (country, place) in countries.iter().zip(0..=u8::MAX) {
        if let Some(known) = places.get_mut(country.spelt()) {
            *known = place;
        }
        all.set(usize::from(place));
    }
    Assigned { countries, places, all }
});

/// Words of a set: 250 codes are assigned, and more than a handful have not come in fifty years.
const WORDS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn set(codes: &str) -> CountrySet {
        codes.split_whitespace().map(|code| code.parse::<Country>().unwrap()).collect()
    }

    #[test]
    fn assigned_codes_are_countries_in_any_case() {
        assert_eq!("nl".parse::<Country>().unwrap().code(), "NL");
        assert_eq!("XK".parse::<Country>().unwrap().to_string(), "XK");
        assert_eq!(CountrySet::all().len(), 250);
        for country in CountrySet::all().iter() {
            assert_eq!(country.code().parse(), Ok(country));
        }
    }

    #[test]
    fn pseudo_codes_are_no_countries() {
        for code in ["EU", "AP", "ZZ", "XX", "??", "A1", "A2", "O1", "T1", "UK", "EL", "", "N", "NLD", "É"] {
            assert!(code.parse::<Country>().is_err(), "{code}");
        }
        let shown = "uk".parse::<Country>().unwrap_err().to_string();
        assert_eq!(shown, "`uk` is no country code of ISO 3166-1 (the United Kingdom is GB)");
    }

    #[test]
    fn sets_are_ordered_and_print_short() {
        assert_eq!(set("US DE NL").to_string(), "DE, NL, US");
        assert_eq!(CountrySet::all().difference(&set("US CA")).to_string(), "anywhere but CA, US");
        assert_eq!(
            (CountrySet::EMPTY.to_string(), CountrySet::all().to_string()),
            ("nowhere".into(), "anywhere".into())
        );
    }

    #[test]
    fn sets_combine_as_sets_do() {
        let (a, b) = (set("DE NL ZW AD"), set("NL US ZW"));
        assert_eq!(a.intersection(&b), set("NL ZW"));
        assert_eq!(a.union(&b), set("AD DE NL US ZW"));
        assert_eq!(a.difference(&b), set("AD DE"));
        assert!(set("NL").is_subset(&a) && !a.is_subset(&b) && set("FR").is_disjoint(&a));
        assert!(CountrySet::EMPTY.is_subset(&a) && a.is_subset(&CountrySet::all()));
    }
}

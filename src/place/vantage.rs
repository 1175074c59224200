//! Where the user says that the client stood.
//!
//! Input: a country, a city or degrees, as typed. Output: the area that it stands for, its country, and words for it.
//! Must not: guess: a name that is not known, or that two cities share, is an error that names those that are known.

use std::fmt;
use std::str::FromStr;

use super::city::{self, City};
use super::geography::{Area, nearest_to_point_km};
use super::globe::{Point, PointError, distance_km};
use super::outline;
use super::{Country, CountryError, CountrySet};

/// A vantage point: the place from which round trips were measured.
///
/// Read from `NL` (the whole country), `NL-Amsterdam` (case, diacritics, spaces, hyphens and underscores do not count) or
/// `52.37,4.90` (degrees, latitude first).
#[derive(Clone, PartialEq, Debug)]
pub struct Vantage {
    /// Where the client stood: the country, [`CITY_MARGIN_KM`] around a city, or all places whose degrees round to those
    /// that were given.
    pub area: Area,
    /// The country of the area: the one named; of degrees the one whose outline holds the point, near a border the one of
    /// them with the nearest known city, and at sea the nearest.
    pub country: Country,
    /// What it is in words, such as `Amsterdam, NL`; of degrees with the country and why it was taken.
    pub label: String,
}

/// How far from the middle of a city a client may stand and still be in it, in kilometres: wider than any built-up area
/// with its suburbs, so that what is excluded from a city is excluded from all of it.
pub const CITY_MARGIN_KM: f64 = 50.0;

impl FromStr for Vantage {
    type Err = VantageError;

    fn from_str(text: &str) -> Result<Self, VantageError> {
        let text = text.trim();
        if text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
            return at_degrees(text);
        }
        let (code, name) = text.split_once(|c: char| !c.is_alphanumeric()).unwrap_or((text, ""));
        let country: Country = code.parse().map_err(|error| VantageError::country(error, text))?;
        if name.trim().is_empty() {
            let label = country.to_string();
            return Ok(Self { area: Area::Country(country), country, label });
        }
        let city = city::find(country, name).ok_or_else(|| VantageError::city(country, name))?;
        let area = Area::Around { point: city.point, margin_km: CITY_MARGIN_KM };
        Ok(Self { area, country, label: format!("{}, {country}", city.name) })
    }
}

fn at_degrees(text: &str) -> Result<Vantage, VantageError> {
    let fault = || VantageError::Degrees(text.to_owned());
    let (latitude, longitude) = text.split_once(',').ok_or_else(fault)?;
    let [latitude, longitude] = [latitude.trim(), longitude.trim()];
    let number = |text: &str| {
        let is_decimal = text.chars().all(|c| c.is_ascii_digit() || "+-.".contains(c));
        text.parse().ok().filter(|_| is_decimal).ok_or_else(fault)
    };
    let point = Point::new(number(latitude)?, number(longitude)?)?;
    let holders = outline::holders(point);
    let country = country_of(point, &holders).ok_or_else(fault)?;
    let area = Area::Around { point, margin_km: rounding_km(latitude).max(rounding_km(longitude)) };
    Ok(Vantage {
        area,
        country,
        label: format!("{latitude},{longitude} {}", reason(point, country, &holders)),
    })
}

/// The country to count a point to, given those whose outlines hold it.
fn country_of(point: Point, holders: &CountrySet) -> Option<Country> {
    let first = holders.iter().next();
    if holders.len() < 2 {
        return first.or_else(|| outline::nearest(point));
    }
    nearest_city(point, holders).map(|(country, _)| country).or(first)
}

fn nearest_city(point: Point, countries: &CountrySet) -> Option<(Country, &'static City)> {
    let cities = countries.iter().flat_map(|country| city::of(country).map(move |city| (country, city)));
    let distance = |city: &City| distance_km(point, city.point);
    cities.min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)))
}

/// Why a point was counted to its country.
fn reason(point: Point, country: Country, holders: &CountrySet) -> String {
    if holders.is_empty() {
        let away = nearest_to_point_km(&Area::Country(country), point);
        return format!("off {country}, the nearest country ({away:.0} km)");
    }
    match nearest_city(point, holders).filter(|_| holders.len() > 1) {
        Some((_, city)) => {
            format!("at the border of {holders}; taken as {country}, whose {} is the nearest city", city.name)
        }
        None => format!("in {country}"),
    }
}

/// How far a place may be, in kilometres, from the degrees that it rounds to, given with so many decimals: half the last
/// digit north and half the last digit east, where a degree is at most 111.7 km long.
fn rounding_km(degrees: &str) -> f64 {
    let decimals = degrees.split_once('.').map_or(0, |(_, decimals)| decimals.len().min(MOST_DECIMALS));
    let last_digit = (0..decimals).fold(1.0, |digit, _| digit / 10.0);
    last_digit * 0.5 * 111.7 * std::f64::consts::SQRT_2
}

/// Decimals that count: a millimetre and less is no place.
const MOST_DECIMALS: usize = 8;

/// The text names no vantage point.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VantageError {
    /// It does not begin with a country; known are the countries that have a city of that name.
    #[error("{error}{}", Hint(known))]
    Country {
        /// What is wrong.
        error: CountryError,
        /// Where the whole text is the name of a city: how it is written.
        known: Vec<String>,
    },
    /// The country has no such city in the table, or several.
    #[error("no city `{name}` is known in {country}{}", Hint(known))]
    City {
        /// The country.
        country: Country,
        /// The name.
        name: String,
        /// Up to five that are known, as they are written, those first that begin alike.
        known: Vec<String>,
    },
    /// It begins as degrees do and is not two numbers.
    #[error("`{0}` is not latitude and longitude in decimal degrees, such as 52.37,4.90")]
    Degrees(String),
    /// The degrees are out of range.
    #[error(transparent)]
    Point(#[from] PointError),
}

impl VantageError {
    fn country(error: CountryError, text: &str) -> Self {
        let countries = city::countries_with(text).take(MOST_KNOWN);
        Self::Country { error, known: countries.map(|country| format!("{country}-{text}")).collect() }
    }

    fn city(country: Country, name: &str) -> Self {
        let known = city::like(country, name).into_iter().take(MOST_KNOWN);
        let known = known.map(|city| format!("{country}-{}", city.name.replace(' ', "-"))).collect();
        Self::City { country, name: name.trim().to_owned(), known }
    }
}

/// Cities that an error names.
const MOST_KNOWN: usize = 5;

/// What else can be typed.
struct Hint<'a>(&'a [String]);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("; give a country (NL), a city (NL-Amsterdam) or decimal degrees (52.37,4.90)"),
            known => write!(f, "; known: {}; decimal degrees (52.37,4.90) work too", known.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vantage(text: &str) -> Vantage {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn error(text: &str) -> String {
        text.parse::<Vantage>().unwrap_err().to_string()
    }

    fn named(text: &str) -> (String, String) {
        let vantage = vantage(text);
        (vantage.country.to_string(), vantage.label)
    }

    #[test]
    fn a_country_is_all_of_it() {
        let nl = vantage(" nl ");
        assert_eq!((nl.area, nl.label.as_str()), (Area::Country("NL".parse().unwrap()), "NL"));
    }

    #[test]
    fn a_city_has_a_margin() {
        let amsterdam = vantage("NL-Amsterdam");
        let Area::Around { point, margin_km } = amsterdam.area else { panic!("{amsterdam:?}") };
        assert!(distance_km(point, Point::new(52.37, 4.90).unwrap()) < 5.0);
        assert_eq!((margin_km, amsterdam.label.as_str()), (CITY_MARGIN_KM, "Amsterdam, NL"));
        for text in ["BR-Sao-Paulo", "br_são paulo", "BR São-Paulo"] {
            assert_eq!(named(text), ("BR".into(), "Sao Paulo, BR".into()), "{text}");
        }
        assert_eq!(named("PT-Lisbon").1, "Lisbon, PT");
    }

    #[test]
    fn degrees_are_in_the_country_whose_outline_holds_them() {
        assert_eq!(named("52.37,4.90"), ("NL".into(), "52.37,4.90 in NL".into()));
        assert_eq!(named("52.37, +4.9").1, "52.37,+4.9 in NL");
        assert_eq!(named("-33.87,151.21").0, "AU");
        assert_eq!(named("28.1,-15.4").0, "ES", "Gran Canaria");
        assert_eq!(named("4.93,-52.33").0, "GF");
    }

    #[test]
    fn degrees_at_a_border_or_at_sea_say_which_country_was_taken_and_why() {
        let geneva = "46.20,6.15 at the border of CH, FR; taken as CH, whose Geneva is the nearest city";
        assert_eq!(named("46.20,6.15"), ("CH".into(), geneva.into()));
        let (country, label) = named("55.0,4.0");
        assert!(label.starts_with(&format!("55.0,4.0 off {country}, the nearest country (")), "{label}");
        assert_eq!(named("90,0").0, "GL", "the nearest land to the pole");
        assert_eq!(named("-90,0").0, "AQ");
    }

    #[test]
    fn degrees_stand_for_all_that_rounds_to_them() {
        let margin = |text: &str| match vantage(text).area {
            Area::Around { margin_km, .. } => margin_km,
            area @ Area::Country(_) => panic!("{area:?}"),
        };
        assert!((margin("52.37,4.90") - 0.79).abs() < 0.01 && (margin("52.3676,4.9") - 7.9).abs() < 0.1);
        assert!(margin("52,5") > 75.0);
        assert!(margin("52.00000000000000000000000000,5.0000000000000000000000") > 0.0);
    }

    #[test]
    fn what_is_no_country_is_said_so_and_a_city_alone_is_completed() {
        assert_eq!(
            error("UK"),
            "`UK` is no country code of ISO 3166-1 (the United Kingdom is GB); give a country (NL), a city (NL-Amsterdam) \
             or decimal degrees (52.37,4.90)"
        );
        assert_eq!(
            error("Amsterdam"),
            "`Amsterdam` is no country code of ISO 3166-1; known: NL-Amsterdam; decimal degrees (52.37,4.90) work too"
        );
        assert!(error("").starts_with("`` is no country code"));
        assert!(error("EU-Brussels").starts_with("`EU` is no country code"));
    }

    #[test]
    fn an_unknown_city_names_five_that_are_known() {
        assert_eq!(
            error("NL-Delfzijl"),
            "no city `Delfzijl` is known in NL; known: NL-Amsterdam, NL-The-Hague, NL-Rotterdam, NL-Haarlem, NL-Utrecht; \
             decimal degrees (52.37,4.90) work too"
        );
        let portland = error("US-Portland");
        assert!(portland.contains("known: US-Portland-Oregon, US-Portland-Maine, "), "{portland}");
        for offered in ["US-Portland-Oregon", "NL-The-Hague"] {
            vantage(offered);
        }
        assert!(error("HM-Base").contains("give a country (NL)"), "no city is known there");
    }

    #[test]
    fn degrees_that_are_none_are_refused() {
        for text in ["52.37", "52,37,4,90", "52.37N,4.90E", "1e1,2", "52.37,inf", "52.37,", "+,-", "-"] {
            assert!(error(text).contains("is not latitude and longitude in decimal degrees"), "{text}");
        }
        assert_eq!(error("91,0"), "latitude 91 is not between -90 and 90 (latitude comes first)");
        assert_eq!(error("0,-180.5"), "longitude -180.5 is not between -180 and 180");
    }
}

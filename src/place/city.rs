//! Cities that a place can be named by.
//!
//! Input: `geoip/cities.toml`, a country, and a name as people write it. Output: the city's point.
//! Must not: guess between two cities.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::Country;
use super::globe::Point;

/// A city of the table.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct City {
    /// Its name in English or in the country's own language, in ASCII.
    pub(super) name: String,
    /// Where its middle is, to a hundredth of a degree.
    pub(super) point: Point,
}

/// The city of that name in the country. Case, diacritics, spaces and punctuation do not count.
pub(super) fn find(country: Country, name: &str) -> Option<&'static City> {
    let wanted = folded(name);
    of(country).find(|city| folded(&city.name) == wanted)
}

/// The countries that have a city of that name.
pub(super) fn countries_with(name: &str) -> impl Iterator<Item = Country> {
    TABLE.keys().copied().filter(move |country| find(*country, name).is_some())
}

/// The cities of a country, the most important first.
pub(super) fn of(country: Country) -> impl Iterator<Item = &'static City> {
    TABLE.get(&country).into_iter().flatten()
}

/// The cities of a country, those first whose names begin as `name` does.
pub(super) fn like(country: Country, name: &str) -> Vec<&'static City> {
    let wanted = folded(name);
    let mut cities: Vec<_> = of(country).collect();
    cities.sort_by_key(|city| !folded(&city.name).starts_with(&wanted));
    cities
}

/// A name in small ASCII letters and digits, without anything else; letters outside the Latin script are kept.
fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase) {
        match plain(letter) {
            Some(plain) => folded.push_str(plain),
            None if letter.is_alphanumeric() => folded.push(letter),
            None => {}
        }
    }
    folded
}

/// The ASCII spelling of a small letter of Latin-1 or Latin Extended-A (Unicode blocks) with a diacritic, or a ligature.
fn plain(letter: char) -> Option<&'static str> {
    let plain = match letter {
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    };
    Some(plain)
}

/// What `cities.toml` holds.
#[derive(Deserialize)]
struct File {
    natural_earth: BTreeMap<Country, Cities>,
    by_hand: BTreeMap<Country, Cities>,
}

/// The cities of one country.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Cities(Vec<City>);

impl TryFrom<String> for Cities {
    type Error = String;

    /// Reads lines of the form `LATITUDE LONGITUDE NAME`.
    fn try_from(text: String) -> Result<Self, String> {
        let cities = text.lines().filter(|line| !line.trim().is_empty());
        let cities =
            cities.map(|line| city(line).ok_or_else(|| format!("`{line}` is not LATITUDE LONGITUDE NAME")));
        cities.collect::<Result<_, _>>().map(Self)
    }
}

fn city(line: &str) -> Option<City> {
    let (latitude, rest) = line.split_once(' ')?;
    let (longitude, name) = rest.split_once(' ')?;
    let point = Point::new(latitude.parse().ok()?, longitude.parse().ok()?).ok()?;
    (!name.trim().is_empty()).then(|| City { name: name.trim().to_owned(), point })
}

static TABLE: LazyLock<BTreeMap<Country, Vec<City>>> = LazyLock::new(|| {
    let file: File = super::embedded("cities.toml", include_str!("../../geoip/cities.toml"));
    let mut table: BTreeMap<Country, Vec<City>> = BTreeMap::new();
    for (country, Cities(cities)) in file.natural_earth.into_iter().chain(file.by_hand) {
        table.entry(country).or_default().extend(cities);
    }
    table
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::CountrySet;

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    #[test]
    fn names_are_found_however_they_are_written() {
        let found = |code: &str, name: &str| find(country(code), name).map(|city| city.name.as_str());
        for name in ["Sao Paulo", "são paulo", "SAO-PAULO", "sao_paulo", "Sa\u{303}o Paulo"] {
            assert_eq!(found("BR", name), Some("Sao Paulo"), "{name}");
        }
        assert_eq!(found("CH", "Zürich"), Some("Zurich"));
        assert_eq!(found("PL", "Łódź"), Some("Lodz"));
        assert_eq!(found("NL", "'s-Hertogenbosch"), Some("'s-Hertogenbosch"));
        assert_eq!(found("NL", "Amster"), None, "the beginning of a name is no name");
        assert_eq!(found("NL", "東京"), None);
    }

    #[test]
    fn no_two_cities_of_a_country_have_one_name() {
        for (country, cities) in &*TABLE {
            let mut names: Vec<_> = cities.iter().map(|city| folded(&city.name)).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{country}: {names:?}");
            assert!(names.iter().all(|name| !name.is_empty() && name.is_ascii()), "{country}: {names:?}");
        }
    }

    #[test]
    fn a_name_that_two_cities_share_is_neither_and_both_are_offered() {
        assert_eq!(find(country("US"), "Portland"), None);
        let offered: Vec<_> =
            like(country("US"), "portland").iter().map(|c| c.name.as_str()).take(2).collect();
        assert_eq!(offered, ["Portland Oregon", "Portland Maine"]);
    }

    #[test]
    fn the_capitals_of_the_eea_and_the_sites_of_the_client_are_there() {
        let named = "AT-Vienna BE-Brussels BG-Sofia CY-Nicosia CZ-Prague DE-Berlin DK-København EE-Tallinn ES-Madrid \
            FI-Helsinki FR-Paris GR-Athens HR-Zagreb HU-Budapest IE-Dublin IS-Reykjavik IT-Rome LI-Vaduz LT-Vilnius \
            LU-Luxembourg LV-Riga MT-Valletta NL-Amsterdam NO-Oslo PL-Warsaw PT-Lisbon RO-Bucharest SE-Stockholm \
            SI-Ljubljana SK-Bratislava \
            DE-Frankfurt GB-London CH-Zurich US-New_York US-Ashburn US-Denver US-San_Jose US-Palo_Alto \
            US-Columbus_Ohio US-Dublin_Ohio US-Portland_Oregon US-Boardman CA-Toronto CA-Vancouver AU-Sydney \
            AU-Melbourne IN-Mumbai IN-Hyderabad HK-Hong_Kong JP-Tokyo JP-Osaka SG-Singapore BR-Sao_Paulo \
            MX-Mexico_City CN-Tianjin CN-Beijing TW-Taipei SA-Jeddah SA-Riyadh US-Washington";
        let missing: Vec<_> = named
            .split_whitespace()
            .filter(|named| find(country(&named[..2]), &named[3..]).is_none())
            .collect();
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn rows_that_are_no_city_are_refused() {
        for row in ["52.35", "52.35 4.92", "52.35 4.92 ", "x 4.92 Delft", "95.0 4.92 Delft"] {
            assert!(Cities::try_from(row.to_owned()).is_err(), "{row}");
        }
    }

    #[test]
    fn most_countries_have_a_city() {
        let without = CountrySet::all().difference(&TABLE.keys().copied().collect());
        assert_eq!(
            without.to_string(),
            "AI, BL, BQ, BV, CC, CX, GG, HM, IO, JE, MF, MS, NF, NR, PM, PN, SH, SX, TF, UM, VG, WF"
        );
    }
}

//! How far away a country is at the least: what a round trip is compared with.
//!
//! Input: an area in which the client stood, and a country or a point. Output: kilometres that are never too long, so that
//! what they exclude is excluded. They are too short by at most the size of a cell of the outlines (28 km from south to
//! north, 39 km across), by the 6 km that the outlines are wider than the land, and by 1 %; from a whole country by twice that.
//! Must not: know what a round trip is.

use super::Country;
use super::globe::{Point, kilometres};
use super::outline::Outline;

/// An area on the globe in which something stands; where exactly is not known.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Area {
    /// Within a distance of a point.
    Around {
        /// The point.
        point: Point,
        /// The distance in kilometres; what is negative counts as 0.
        margin_km: f64,
    },
    /// Anywhere in a country: its nearest point counts.
    Country(Country),
}

impl Area {
    /// What `to` makes of the area's outline, and the kilometres around it; `None` for a country without an outline.
    fn nearest_km(&self, to: impl Fn(&Outline) -> f64) -> Option<f64> {
        match self {
            Self::Around { point, margin_km } => {
                let closeness = to(&Outline::at(*point));
                Some((kilometres(closeness) - margin_km.max(0.0)).max(0.0))
            }
            Self::Country(country) => Outline::of(*country).map(|outline| kilometres(to(outline))),
        }
    }
}

/// The kilometres from the nearest point of the area to the nearest point of the country, never too many: 0 where they
/// touch or overlap, `None` where the table of outlines does not know a country, which must then not be excluded.
#[must_use]
pub fn nearest_km(from: &Area, to: Country) -> Option<f64> {
    let to = Outline::of(to)?;
    from.nearest_km(|area| area.closeness(to))
}

/// The kilometres from the nearest point of the area to the point, never too many; 0 where the area is a country that the
/// table of outlines does not know.
#[must_use]
pub fn nearest_to_point_km(from: &Area, to: Point) -> f64 {
    let to = Outline::at(to);
    from.nearest_km(|area| area.closeness(&to)).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::globe::distance_km;
    use crate::place::{CountrySet, Vantage, city};

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    fn point(latitude: f64, longitude: f64) -> Point {
        Point::new(latitude, longitude).unwrap()
    }

    fn spot(latitude: f64, longitude: f64) -> Area {
        Area::Around { point: point(latitude, longitude), margin_km: 0.0 }
    }

    fn city_of(text: &str) -> Point {
        match text.parse::<Vantage>().unwrap().area {
            Area::Around { point, .. } => point,
            area @ Area::Country(_) => panic!("{area:?}"),
        }
    }

    fn least(from: &str, to: &str) -> f64 {
        nearest_km(&from.parse::<Vantage>().unwrap().area, country(to)).unwrap()
    }

    fn nearest_to_country(from: Point, to: &str) -> f64 {
        nearest_km(&Area::Around { point: from, margin_km: 0.0 }, country(to)).unwrap()
    }

    /// The smallest possible round trips in milliseconds, computed apart from this code on a sphere of the mean radius.
    #[test]
    fn round_trips_between_capitals_and_sites_are_as_computed_elsewhere() {
        let capitals = "DE-Berlin FR-Paris ES-Madrid PT-Lisbon IE-Dublin SE-Stockholm PL-Warsaw GR-Athens";
        let sites = [
            ("DE-Frankfurt", [4, 5, 15, 19, 11, 12, 9, 18]),
            ("NL-Amsterdam", [6, 4, 15, 19, 8, 11, 11, 22]),
            ("GB-London", [9, 3, 13, 16, 5, 14, 15, 24]),
            ("CH-Zurich", [7, 5, 13, 17, 12, 15, 10, 16]),
            ("US-New-York", [64, 58, 58, 54, 51, 63, 69, 79]),
            ("US-Ashburn", [67, 62, 61, 58, 55, 67, 72, 83]),
            ("US-Denver", [82, 79, 81, 78, 71, 78, 85, 99]),
            ("US-San-Jose", [91, 90, 93, 91, 82, 87, 94, 109]),
            ("CA-Toronto", [65, 60, 60, 57, 53, 63, 69, 81]),
            ("SA-Jeddah", [41, 45, 45, 50, 52, 45, 38, 24]),
            ("IN-Mumbai", [63, 70, 75, 80, 76, 62, 58, 52]),
            ("SG-Singapore", [99, 107, 114, 119, 112, 96, 94, 91]),
        ];
        for (site, round_trips) in sites {
            for (capital, expected) in capitals.split_whitespace().zip(round_trips) {
                let milliseconds = distance_km(city_of(capital), city_of(site)) / 100.0;
                let off = milliseconds - f64::from(expected);
                assert!(off.abs() <= 2.0, "{capital} to {site}: {milliseconds}, not {expected}");
            }
        }
    }

    #[test]
    fn a_country_is_never_farther_away_than_any_of_its_cities() {
        let from = [
            "NL-Amsterdam",
            "PT-Ponta-Delgada",
            "US-Anchorage",
            "FJ-Suva",
            "NZ-Wellington",
            "RE-St-Denis",
            "BR-Manaus",
        ];
        for from in from {
            let vantage: Vantage = from.parse().unwrap();
            for to in CountrySet::all().iter() {
                let least = nearest_km(&vantage.area, to).unwrap();
                for city in city::of(to) {
                    let distance = distance_km(city_of(from), city.point);
                    assert!(least <= distance, "{from} to {} in {to}: {least} > {distance}", city.name);
                    assert!(
                        nearest_km(&Area::Around { point: city.point, margin_km: 0.0 }, to).unwrap() < 0.001
                    );
                }
            }
        }
    }

    #[test]
    fn distances_of_countries_are_the_same_both_ways_and_at_most_those_of_their_cities() {
        for (one, other) in
            [("NL", "US"), ("FJ", "WS"), ("RU", "US"), ("IE", "IS"), ("CL", "AQ"), ("PT", "CA")]
        {
            let there = least(one, other);
            assert!((there - least(other, one)).abs() < 0.001, "{one} {other}");
            for city in city::of(country(one)) {
                assert!(there <= nearest_to_point_km(&Area::Country(country(other)), city.point) + 0.001);
            }
        }
    }

    #[test]
    fn distances_are_short_by_little_more_than_a_cell() {
        // The nearest points of the source's own lines, found apart from this code.
        let known = [
            ("GB-London", "FR", point(50.87, 1.58), "Cap Gris-Nez"),
            ("IE-Dublin", "US", point(47.08, -67.81), "Maine, at the border with New Brunswick"),
            ("NL-Amsterdam", "IS", point(64.41, -14.54), "the east coast"),
            ("US-New-York", "PT", point(39.49, -31.26), "Flores"),
            ("SG-Singapore", "US", point(52.93, 172.48), "Attu"),
            ("GB-London", "JP", point(45.47, 140.97), "Hokkaido"),
        ];
        for (from, to, nearest, name) in known {
            let least = nearest_to_country(city_of(from), to);
            let short = distance_km(city_of(from), nearest) - least;
            assert!((-1.0..46.0).contains(&short), "{name}: {least} is short by {short}");
        }
    }

    #[test]
    fn what_touches_or_holds_is_at_no_distance() {
        assert!(least("NL", "DE") < 0.001 && least("NL", "NL") < 0.001 && least("US", "CA") < 0.001);
        assert!(least("IT", "VA") < 0.001 && least("ZA", "LS") < 0.001);
        assert!(least("DE-Berlin", "DE") < 0.001);
        assert!(
            nearest_km(&Area::Around { point: point(52.37, 4.9), margin_km: 200.0 }, country("DE")).unwrap()
                < 0.001
        );
    }

    #[test]
    fn the_antimeridian_is_no_border() {
        assert!(nearest_km(&spot(-16.8, 179.99), country("FJ")).unwrap() < 30.0);
        assert!(nearest_km(&spot(-16.8, -179.99), country("FJ")).unwrap() < 30.0);
        assert!(
            nearest_km(&spot(66.0, -179.0), country("RU")).unwrap() < 60.0,
            "Chukotka, west of 180 degrees"
        );
        assert!(nearest_km(&spot(52.9, 172.9), country("US")).unwrap() < 30.0, "Attu, east of 180 degrees");
        assert!(least("RU", "US") < 50.0, "the Bering strait");
        assert!(least("JP", "US") < 3_300.0, "Hokkaido to the Aleutians");
    }

    #[test]
    fn the_poles_are_places() {
        assert!(nearest_km(&spot(-90.0, 0.0), country("AQ")).unwrap() < 0.001);
        let from_pole = nearest_km(&spot(90.0, 77.0), country("GL")).unwrap();
        assert!((650.0..740.0).contains(&from_pole), "Kaffeklubben, 83.67 degrees north: {from_pole}");
    }

    #[test]
    fn islands_belong_to_the_state_and_territories_with_a_code_to_themselves() {
        assert!(nearest_km(&spot(28.1, -15.4), country("ES")).unwrap() < 0.001, "the Canaries");
        assert!(nearest_km(&spot(37.74, -25.67), country("PT")).unwrap() < 0.001, "the Azores");
        assert!(nearest_km(&spot(32.65, -16.9), country("PT")).unwrap() < 0.001, "Madeira");
        for (at, own, state) in [
            (spot(4.93, -52.33), "GF", "FR"),
            (spot(16.2, -61.5), "GP", "FR"),
            (spot(14.6, -61.0), "MQ", "FR"),
            (spot(-20.9, 55.5), "RE", "FR"),
            (spot(-12.8, 45.2), "YT", "FR"),
            (spot(78.2, 15.6), "SJ", "NO"),
            (spot(71.0, -8.3), "SJ", "NO"),
            (spot(-54.4, 3.4), "BV", "NO"),
            (spot(12.2, -68.3), "BQ", "NL"),
            (spot(17.63, -63.23), "BQ", "NL"),
            (spot(-10.5, 105.6), "CX", "AU"),
            (spot(-12.2, 96.8), "CC", "AU"),
            (spot(-9.2, -171.8), "TK", "NZ"),
            (spot(64.2, -51.7), "GL", "DK"),
            (spot(22.3, 114.2), "HK", "TW"),
        ] {
            assert!(nearest_km(&at, country(own)).unwrap() < 0.001, "{own}");
            assert!(nearest_km(&at, country(state)).unwrap() > 250.0, "{own} is not in {state}");
        }
        assert!(nearest_km(&spot(60.2, 20.0), country("AX")).unwrap() < 0.001);
    }

    #[test]
    fn land_that_two_states_hold_or_claim_excludes_neither() {
        for (at, states) in [
            (spot(44.95, 34.1), ["UA", "RU"]),
            (spot(42.66, 21.17), ["XK", "RS"]),
            (spot(27.15, -13.2), ["EH", "MA"]),
            (spot(34.08, 74.8), ["IN", "PK"]),
            (spot(33.0, 35.75), ["SY", "IL"]),
        ] {
            for state in states {
                assert!(nearest_km(&at, country(state)).unwrap() < 0.001, "{state} {at:?}");
            }
        }
    }

    #[test]
    fn the_united_states_are_far_from_the_mainland_of_the_union_and_ireland() {
        // Not Portugal, whose Azores are nearer. Islands of Denmark and France have codes of their own.
        let members = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL RO SE SI SK";
        for member in members.split_whitespace() {
            // The nearest land of Ireland is at 4,040 km; both outlines are wider than the land.
            let floor = if member == "IE" { 3_940.0 } else { 4_000.0 };
            assert!(least(member, "US") >= floor, "{member}: {}", least(member, "US"));
        }
        assert!(nearest_to_country(point(52.11, -10.48), "US") >= 4_000.0, "Dunmore Head");
        let dublin = least("IE-Dublin", "US");
        assert!((4_190.0..4_222.0).contains(&dublin), "Dublin and its surroundings to Maine: {dublin}");
        assert!((2_880.0..2_970.0).contains(&least("PT", "US")), "Flores to Maine: {}", least("PT", "US"));
        assert!(least("FR", "CA") > 3_300.0, "Saint Pierre and Miquelon are not in it");
    }

    #[test]
    fn a_margin_is_taken_off_once() {
        let at = |margin_km| Area::Around { point: point(53.35, -6.26), margin_km };
        let (plain, wide) =
            (nearest_km(&at(0.0), country("US")).unwrap(), nearest_km(&at(50.0), country("US")).unwrap());
        assert!((plain - wide - 50.0).abs() < 0.001);
        assert!((nearest_km(&at(-9.0), country("US")).unwrap() - plain).abs() < 0.001);
        assert!((nearest_to_point_km(&at(50.0), point(53.35, -6.26))).abs() < 0.001);
    }
}

//! Where a remote end stands, who announces its address and which law applied there on a day.
//!
//! Input: an address, address databases, and the facts other modules bring as [`Witness`]es. Output: the kind of an
//! address ([`classify`]), what databases answer ([`Databases`]), what that is worth as evidence
//! ([`database_witnesses`]), the countries that all the evidence leaves ([`resolve`]) and their legal zone ([`zone`]); how
//! far a country is at the least ([`nearest_km`]) from where the user says the client stood ([`Vantage`]).
//! Registered in, located in and run by are three facts and stay three. What changes with the world (ranges, networks,
//! zones, outlines) is dated data in `geoip/`.
//! Must not: see a packet, know a client, open a file or a socket.

mod address;
#[cfg(feature = "cli")]
pub mod build;
mod city;
mod cloud;
mod country;
mod database;
mod declared;
mod description;
mod document;
mod geography;
mod globe;
mod layout;
mod network;
mod outline;
mod own;
mod prefix;
mod resolution;
mod round_trip;
#[cfg(test)]
mod sample;
mod settle;
mod vantage;
mod walk;
mod witness;
mod zone;

use serde::de::DeserializeOwned;

use crate::frame::Date;

pub use address::{Address, AddressKind, classify, public_ranges};
pub use cloud::{ImportedList, ImportedRanges, RangeFile, import_ranges, regions_compiled};
pub use country::{Country, CountryError, CountrySet};
pub use database::{Answer, Databases, PlaceError, Source};
pub use declared::{Declared, DeclaredKind, DeclaredSource};
pub use description::Description;
pub use document::MAX_LIST_BYTES;
pub use geography::{Area, nearest_km, nearest_to_point_km};
pub use globe::{LEAST_RADIUS_KM, Point, PointError, distance_km};
pub use network::{Network, NetworkKind, Region, network};
pub use own::{OwnPlace, own_place};
pub use prefix::{Prefix, PrefixError, PrefixMap};
pub use resolution::{Grade, Resolution, Sites, resolve};
pub use round_trip::{
    Doubt, KnownSite, LEAST_TRUSTED, Measurement, Reach, contradicted_statement, round_trip_witnesses,
};
pub use settle::{Remedy, Situation, would_settle};
pub use vantage::{CITY_MARGIN_KM, Vantage, VantageError};
pub use witness::{
    Claim, Group, STALE_AFTER_DAYS, Strength, Witness, WitnessKind, database_witnesses, is_stale,
};
pub use zone::{Zone, ZoneReading, zone, zone_borders};

/// The tables that places are judged by, each with the day on which it was compiled.
#[must_use]
pub fn tables() -> [(&'static str, Date); 4] {
    [
        ("kinds of networks and their seats", network::compiled()),
        ("legal zones by date, for reading and no legal advice", zone::compiled()),
        ("outlines of countries, made from Natural Earth", outline::compiled()),
        ("cloud regions and where they stand", regions_compiled()),
    ]
}

/// Reads a data file that is compiled into the program.
#[expect(
    clippy::panic,
    reason = "a test reads each of these files; an empty table in its place would call every country a third country"
)]
pub(crate) fn embedded<T: DeserializeOwned>(file: &str, text: &str) -> T {
    crate::data::parse(file, text).unwrap_or_else(|error| panic!("{error}"))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use serde::Deserialize;

    use super::*;
    use crate::frame::Date;

    /// Zoom addresses whose place Zoom itself states, and what the embedded database answers.
    #[derive(Deserialize)]
    struct Site {
        address: IpAddr,
        place: Country,
        answer: Country,
        asn: u32,
        grade: String,
    }

    #[derive(Deserialize)]
    struct Sites {
        sites: Vec<Site>,
    }

    fn zoom_sites() -> Vec<Site> {
        embedded::<Sites>("gates.toml", include_str!("../../geoip/gates.toml")).sites
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    fn by_database(databases: &Databases, address: IpAddr, day: Date) -> (Answer, Vec<Witness>) {
        let answer = databases.look_up(address);
        let network = answer.asn.map(network);
        let witnesses = database_witnesses(&answer, network.as_ref(), databases.sources(), day);
        (answer, witnesses)
    }

    fn site_code(code: &str) -> Witness {
        Witness {
            kind: WitnessKind::SiteCode,
            group: Group::Operator,
            claim: Claim::In(country(code).into()),
            strength: Strength::Strong,
            source: "host name".into(),
            dated: None,
            frame: None,
            says: "".into(),
            is_stale: false,
        }
    }

    #[test]
    fn the_embedded_database_answers_for_zoom_as_it_did_when_it_was_chosen() {
        let databases = Databases::embedded();
        let sites = zoom_sites();
        assert_eq!(sites.len(), 38);
        for site in &sites {
            let (answer, witnesses) = by_database(&databases, site.address, day("2026-11-21"));
            assert_eq!(answer.countries, [(0, site.answer)], "{}", site.address);
            assert_eq!(answer.asn.unwrap_or_default(), site.asn, "{}", site.address);
            assert_eq!(resolve(&witnesses, None).grade.name(), site.grade, "{}", site.address);
        }
        let current = &sites[..16];
        assert_eq!(
            current.iter().filter(|site| site.place == site.answer).count(),
            6,
            "right of the 16 current"
        );
    }

    #[test]
    fn the_database_alone_never_moves_an_eea_site_of_a_worldwide_network_out_of_the_eea() {
        let databases = Databases::embedded();
        let today = day("2026-11-21");
        for Site { address, place, .. } in zoom_sites() {
            let (_, witnesses) = by_database(&databases, address, today);
            let resolution = resolve(&witnesses, None);
            let is_placed = resolution.grade != Grade::Undetermined;
            let is_inside = |country: Country| zone(country, today, None).zone.is_inside_eea();
            if is_placed && is_inside(place) {
                assert!(resolution.allowed.iter().all(is_inside), "{address}: {resolution:?}");
            }
        }
        let (_, witnesses) = by_database(&databases, "159.124.15.191".parse().unwrap(), today);
        let amsterdam = resolve(&witnesses, None);
        assert_eq!((amsterdam.grade, amsterdam.allowed.is_all()), (Grade::Undetermined, true));
    }

    #[test]
    fn a_site_code_decides_where_the_database_echoes_and_is_confirmed_where_it_agrees() {
        let databases = Databases::embedded();
        let grade = |address: &str, code: &str, on: &str| {
            let (_, mut witnesses) = by_database(&databases, address.parse().unwrap(), day(on));
            witnesses.push(site_code(code));
            let resolution = resolve(&witnesses, None);
            (resolution.grade.name(), resolution.allowed.to_string())
        };
        assert_eq!(grade("159.124.47.249", "DE", "2026-06-20"), ("likely", "DE".into()));
        assert_eq!(grade("18.156.31.148", "DE", "2026-06-20"), ("confirmed", "DE".into()));
        assert_eq!(
            grade("18.156.31.148", "DE", "2023-06-20"),
            ("likely", "DE".into()),
            "the database is stale"
        );
        assert_eq!(
            grade("109.94.160.99", "DE", "2019-09-26"),
            ("likely", "DE".into()),
            "since given to others"
        );
    }

    #[test]
    fn the_table_of_sites_is_that_of_the_shared_data() {
        use std::io::Write as _;

        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/geoip/zoom-sites.csv");
        let Ok(text) = std::fs::read_to_string(file) else {
            std::io::stderr().write_all(format!("NOT COMPARED: {file} is not there\n").as_bytes()).unwrap();
            return;
        };
        let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
        let listed: Vec<(&str, &str)> = rows
            .filter_map(|row| {
                let mut fields = row.split(',');
                fields.next().zip(fields.next())
            })
            .collect();
        let sites = zoom_sites();
        let sites: Vec<(String, &str)> =
            sites.iter().map(|site| (site.address.to_string(), site.place.code())).collect();
        assert_eq!(
            listed,
            sites.iter().map(|(address, place)| (address.as_str(), *place)).collect::<Vec<_>>()
        );
    }
}

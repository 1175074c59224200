//! What every address database answered for every address that a report places, one JSON object a line.
//!
//! Input: an inspection. Output: JSON Lines, in the order of the addresses. Must not: weigh an answer, or show another
//! participant's address where it is masked.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Serialize;

use crate::inspect::Inspection;
use crate::place::{Country, Databases, Source};
use crate::report::text::escape;
use crate::report::view::View;

/// What the databases say of one address.
#[derive(Serialize)]
struct Line {
    address: String,
    /// None where no database knows it: absence is an answer, too.
    answers: Vec<Said>,
}

/// What one database says.
#[derive(Serialize)]
struct Said {
    /// Its name, as among the report's data sources.
    database: String,
    dated: String,
    sha256: String,
    /// The country that it places the address in.
    country: Option<String>,
    /// The country in whose registry the address block stands. It is not a place.
    registered: Option<String>,
    /// The autonomous system that announces the address, where this database is the one that counts for it.
    asn: Option<u32>,
    as_name: Option<String>,
    anycast: bool,
}

/// The answers for the remote addresses of the client's flows and of those that may be its.
#[must_use]
pub fn answers(inspection: &Inspection, show_participants: bool) -> String {
    let view = View::new(inspection, show_participants);
    let placed = view.rows().filter(|row| row.found.is_some() && !view.is_masked(row));
    let addresses: BTreeSet<IpAddr> = placed.map(|row| row.remote()).collect();
    let databases = &inspection.settings().databases;
    let line = |address: &IpAddr| {
        let line = Line { address: address.to_string(), answers: said(*address, databases) };
        // Texts, numbers and switches: this cannot fail.
        escape(&serde_json::to_string(&line).unwrap_or_default()) + "\n"
    };
    addresses.iter().map(line).collect()
}

fn said(address: IpAddr, databases: &Databases) -> Vec<Said> {
    let answer = databases.look_up(address);
    let of = |countries: &[(usize, Country)], number: usize| {
        countries.iter().find(|(source, _)| *source == number).map(|(_, country)| country.to_string())
    };
    let row = |(number, source): (usize, &Source)| {
        let is_announcer = answer.asn_source == Some(number);
        let said = Said {
            database: source.name.clone(),
            dated: source.built.to_string(),
            sha256: source.sha256.clone(),
            country: of(&answer.countries, number),
            registered: of(&answer.registrations, number),
            asn: answer.asn.filter(|_| is_announcer),
            as_name: answer.as_name.clone().filter(|_| is_announcer),
            anycast: answer.anycast_source == Some(number),
        };
        let has_said =
            said.country.is_some() || said.registered.is_some() || said.asn.is_some() || said.anycast;
        has_said.then_some(said)
    };
    databases.sources().iter().enumerate().filter_map(row).collect()
}

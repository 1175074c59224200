//! Those who say where an address stands: single databases, their majority, and borderpost with and without each kind of
//! witness.
//!
//! Input: cases. Output: verdicts. Must not: look at the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use borderpost::client::Spoken;
use borderpost::data::{self, DataError};
use borderpost::frame::Date;
use borderpost::inspect::{Placement, Settings, place_named};
use borderpost::place::{Country, Databases, PlaceError, WitnessKind};
use serde::Deserialize;

use crate::tally::Verdict;
use crate::truth::Case;

/// Databases of which each answers alone.
pub(crate) struct Single {
    embedded: Databases,
    iptoasn: BTreeMap<IpAddr, Option<Country>>,
}

/// One of them.
#[derive(Clone, Copy)]
pub(crate) enum Database {
    /// The country of the embedded database.
    DbIp,
    /// The answers of `IPtoASN`, which are kept beside this file.
    IpToAsn,
    /// The country of registration in the embedded database.
    Registry,
}

impl Database {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::DbIp, Self::Registry, Self::IpToAsn];

    /// Its name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::DbIp => "DB-IP",
            Self::IpToAsn => "IPtoASN",
            Self::Registry => "registries",
        }
    }
}

impl Single {
    /// The embedded database and the answers kept of `IPtoASN`.
    pub(crate) fn load() -> Result<Self, DataError> {
        let file: AnswerFile = data::parse(IPTOASN, IPTOASN_TEXT)?;
        let mut iptoasn = BTreeMap::new();
        for (code, addresses) in file.answers {
            let wrong = || DataError::about(IPTOASN, IPTOASN_TEXT, &code, "no country code");
            let country = if code == NO_ANSWER { None } else { Some(code.parse().map_err(|_| wrong())?) };
            iptoasn.extend(addresses.into_iter().map(|address| (address, country)));
        }
        Ok(Self { embedded: Databases::embedded(), iptoasn })
    }

    /// Whether every case has its answer of `IPtoASN`, even if that is none.
    pub(crate) fn check<'a>(&self, cases: impl IntoIterator<Item = &'a Case>) -> Result<(), DataError> {
        let lacks = |case: &&Case| !self.iptoasn.contains_key(&case.address);
        let Some(case) = cases.into_iter().find(lacks) else { return Ok(()) };
        let what = format!("{} is not there: make the table again, see the file's head", case.address);
        Err(DataError::about(IPTOASN, IPTOASN_TEXT, "[answers]", &what))
    }

    /// What one of them says.
    pub(crate) fn says(&self, database: Database, address: IpAddr) -> Option<Country> {
        match database {
            Database::DbIp => placed(&self.embedded, address),
            Database::IpToAsn => self.iptoasn.get(&address).copied().flatten(),
            Database::Registry => self.embedded.look_up(address).registered(),
        }
    }

    /// What most of them say; nothing where two countries are said equally often.
    pub(crate) fn majority(&self, address: IpAddr) -> Option<Country> {
        let mut votes: BTreeMap<Country, u32> = BTreeMap::new();
        for country in Database::ALL.into_iter().filter_map(|database| self.says(database, address)) {
            *votes.entry(country).or_default() += 1;
        }
        let most = votes.values().copied().max()?;
        let mut leaders = votes.into_iter().filter(|(_, count)| *count == most).map(|(country, _)| country);
        leaders.next().filter(|_| leaders.next().is_none())
    }
}

/// A database that the user wants beside the others.
pub(crate) fn opened(name: &str, bytes: Vec<u8>) -> Result<Databases, PlaceError> {
    Databases::embedded().without_places().with_file(name, bytes)
}

/// The country in which the last database that speaks places the address.
pub(crate) fn placed(databases: &Databases, address: IpAddr) -> Option<Country> {
    databases.look_up(address).countries.last().map(|(_, country)| *country)
}

/// borderpost by its defaults, without some kinds of witnesses.
pub(crate) struct Borderpost {
    settings: Settings,
}

impl Borderpost {
    /// With all kinds of witnesses but these.
    pub(crate) fn without(kinds: impl IntoIterator<Item = WitnessKind>) -> Self {
        Self { settings: Settings { without: kinds.into_iter().collect(), ..Settings::default() } }
    }

    /// Where it places a case, and by what.
    pub(crate) fn place(&self, case: &Case) -> Placement {
        self.place_named(case.address, &case.names, case.day)
    }

    /// Where it places an address that was reached under these names.
    pub(crate) fn place_named(&self, address: IpAddr, names: &[Spoken], day: Date) -> Placement {
        place_named(address, names, day, &self.settings)
    }

    /// What it says of a case.
    pub(crate) fn says(&self, case: &Case) -> Verdict {
        Verdict::from(&self.place(case))
    }

    /// The kinds of witnesses that speak about any of the cases.
    pub(crate) fn heard(&self, cases: &[Case]) -> BTreeSet<WitnessKind> {
        let placements = cases.iter().map(|case| self.place(case));
        placements.flat_map(|placement| placement.witnesses).map(|witness| witness.kind).collect()
    }
}

const IPTOASN: &str = "benches/accuracy/iptoasn.toml";
const IPTOASN_TEXT: &str = include_str!("iptoasn.toml");

/// The key under which addresses stand for which the database has no answer.
pub(crate) const NO_ANSWER: &str = "none";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerFile {
    #[expect(dead_code, reason = "for people who read the file")]
    compiled: Date,
    #[expect(dead_code, reason = "for people who read the file")]
    source: Upstream,
    answers: BTreeMap<String, Vec<IpAddr>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "for people who read the file")]
struct Upstream {
    package: String,
    version: String,
    dated: Date,
    licence: String,
    archive_sha256: String,
    file: String,
    sha256: String,
}

#[cfg(test)]
#[allow(
    dead_code,
    reason = "run in tests/accuracy.rs; a benchmark is built with `test` and without the harness"
)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    /// What most say of Amsterdam's address, which the embedded database and the registries call US, beside this answer.
    fn majority_beside(iptoasn: Option<&str>) -> Option<Country> {
        let address: IpAddr = "159.124.15.191".parse().unwrap();
        let iptoasn = BTreeMap::from([(address, iptoasn.map(country))]);
        Single { embedded: Databases::embedded(), iptoasn }.majority(address)
    }

    #[test]
    fn two_of_three_are_a_majority_and_two_that_disagree_are_none() {
        assert_eq!(majority_beside(Some("NL")), Some(country("US")));
        assert_eq!(majority_beside(None), Some(country("US")));
        // The embedded database says NL, the registries GB.
        let lumen: IpAddr = "213.19.144.110".parse().unwrap();
        let single = Single { embedded: Databases::embedded(), iptoasn: BTreeMap::from([(lumen, None)]) };
        assert_eq!(single.majority(lumen), None);
    }

    #[test]
    fn a_case_without_its_kept_answer_is_an_error_that_says_what_to_do() {
        let address = "192.0.2.1".parse().unwrap();
        let case = Case { address, names: vec![], day: "2026-06-20".parse().unwrap(), truth: country("NL") };
        let error = Single::load().unwrap().check([&case]).unwrap_err().to_string();
        assert!(
            error.starts_with("benches/accuracy/iptoasn.toml:") && error.contains("192.0.2.1"),
            "{error}"
        );
        assert!(error.contains("make the table again"), "{error}");
    }
}

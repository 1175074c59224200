//! What stands between a database that was built and its release.
//!
//! Input: the database's bytes, the one that it would replace, the known answers in `geoip/gates.toml`, cloud prefixes
//! where there are any, and the day for which legal zones are read. Output: one [`Gate`] for each thing that must hold,
//! with its figure.
//! Must not: repair anything, or call an answer right because it is the old one: the known answers have known errors.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use maxminddb::Reader;
use serde::Deserialize;

use super::super::database::EMBEDDED;
use super::super::{Country, PlaceError, layout, walk};
use super::span::Cursor;
use super::{BuildError, File, cloud, eea, merge, span};
use crate::frame::Date;

/// One thing that must hold of a database before it is released.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gate {
    /// What must hold, for people.
    pub name: &'static str,
    /// Whether it does.
    pub outcome: Outcome,
    /// The figure it was decided by.
    pub figure: String,
    /// What broke it, one line each; of many the first few.
    pub details: Vec<String>,
}

/// How a gate stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It does not hold.
    Broken,
    /// What was known has changed, by more than may pass unseen. Somebody has to look, and may accept it.
    Changed,
    /// It holds.
    Holds,
    /// There is nothing to check it with.
    NotChecked,
}

impl Gate {
    /// Whether the gate forbids the release; `accepts_changes` is the word of somebody who looked at what changed.
    #[must_use]
    pub fn is_broken(&self, accepts_changes: bool) -> bool {
        match self.outcome {
            Outcome::Broken => true,
            Outcome::Changed => !accepts_changes,
            Outcome::Holds | Outcome::NotChecked => false,
        }
    }
}

/// Checks a database against the embedded one, on the day of its data. `files` may hold cloud prefixes and regions.
pub fn gates(candidate: &[u8], day: Date, files: &[File]) -> Result<Vec<Gate>, BuildError> {
    against(EMBEDDED, candidate, day, files)
}

/// Checks a database against another.
pub(super) fn against(
    old: &[u8],
    candidate: &[u8],
    day: Date,
    files: &[File],
) -> Result<Vec<Gate>, BuildError> {
    let broken = |what: String| PlaceError::NotADatabase { file: "the built database".to_owned(), what };
    let reader = Reader::from_source(candidate).map_err(|error| broken(error.to_string()))?;
    let old = Reader::from_source(old).map_err(|error| broken(error.to_string()))?;
    Ok(vec![
        well_formed(&reader),
        reserved(&reader).map_err(broken)?,
        known_answers(&reader),
        cloud_prefixes(&reader, files)?,
        eea_border(&old, &reader, day).map_err(broken)?,
    ])
}

fn well_formed(reader: &Reader<&[u8]>) -> Gate {
    let checked = reader.verify();
    let nodes = reader.metadata().node_count;
    Gate {
        name: "the file is well-formed",
        outcome: if checked.is_ok() { Outcome::Holds } else { Outcome::Broken },
        figure: format!("{nodes} nodes of {} bits", reader.metadata().record_size),
        details: checked.err().map(|error| error.to_string()).into_iter().collect(),
    }
}

fn reserved(reader: &Reader<&[u8]>) -> Result<Gate, String> {
    let public = merge::public();
    let mut public = Cursor::new(&public);
    let (mut networks, mut strangers) = (0_u64, 0_u64);
    let mut details = Vec::new();
    for entry in walk::all(reader)? {
        let entry = entry?;
        let (is_public, until) = public.at(entry.first);
        networks += 1;
        if is_public.is_none() || until < entry.last {
            strangers += 1;
            note(&mut details, || format!("{} to {} has a record", entry.first, entry.last));
        }
    }
    Ok(Gate {
        name: "reserved ranges are empty",
        outcome: if strangers == 0 { Outcome::Holds } else { Outcome::Broken },
        figure: format!("{strangers} of {networks} networks reach into one"),
        details,
    })
}

fn known_answers(reader: &Reader<&[u8]>) -> Gate {
    let mut details = Vec::new();
    for site in &KNOWN.sites {
        let record = reader.lookup(site.address).ok();
        let country = record.as_ref().and_then(layout::country).map(|(_, country)| country);
        let asn = record.as_ref().and_then(layout::asn).map_or(0, |(_, asn)| asn);
        if country != Some(site.answer) || asn != site.asn {
            let (source, seen) = (KNOWN.sources.get(&site.source), &site.seen);
            let source = source.map_or(site.source.as_str(), String::as_str);
            details.push(format!(
                "{}: was {} in AS{}, is {} in AS{asn}; stands in {} by {source} (seen {})",
                site.address,
                site.answer,
                site.asn,
                country.map_or("nowhere".to_owned(), |country| country.to_string()),
                site.place,
                if seen.is_empty() { "without a date" } else { seen },
            ));
        }
    }
    let all = KNOWN.sites.len();
    Gate {
        name: "answers for Zoom's sites are the known ones",
        outcome: if details.is_empty() { Outcome::Holds } else { Outcome::Changed },
        figure: format!("{} of {all} as known", all - details.len()),
        details,
    }
}

fn cloud_prefixes(reader: &Reader<&[u8]>, files: &[File]) -> Result<Gate, BuildError> {
    let name = "cloud prefixes are placed right";
    let sample = match cloud::sample(files)? {
        Ok(sample) => sample,
        Err(why) => {
            let figure = format!("not checked: {why}");
            return Ok(Gate { name, outcome: Outcome::NotChecked, figure, details: Vec::new() });
        }
    };
    let is_right = |address: IpAddr, place: Country| {
        let record = reader.lookup(address).ok();
        record.as_ref().and_then(layout::country).is_some_and(|(_, country)| country == place)
    };
    // Country databases know half of the clouds' IPv6 prefixes, so that they are shown and do not decide.
    let score = |wanted: fn(&IpAddr) -> bool| {
        let of_family = sample.addresses.iter().filter(|(address, _)| wanted(address));
        of_family.fold(Share::default(), |share, (address, place)| share.with(is_right(*address, *place)))
    };
    let (ipv4, ipv6) = (score(IpAddr::is_ipv4), score(IpAddr::is_ipv6));
    let outcome = match ipv4.of {
        0 => Outcome::NotChecked,
        _ if ipv4.is_at_least(CLOUDS_RIGHT_PER_MILLE) => Outcome::Holds,
        _ => Outcome::Broken,
    };
    let figure = format!(
        "IPv4 {ipv4} right, wanted {} %; IPv6 {ipv6}; {} of no known region",
        CLOUDS_RIGHT_PER_MILLE / 10,
        sample.unplaced
    );
    Ok(Gate { name, outcome, figure, details: Vec::new() })
}

fn eea_border(old: &Reader<&[u8]>, new: &Reader<&[u8]>, day: Date) -> Result<Gate, String> {
    let moves = eea::moves(&span::countries(old)?, &span::countries(new)?, day);
    let networks = Share { part: moves.moved(), of: moves.networks };
    let addresses = Share { part: moves.addresses_moved, of: moves.addresses };
    let is_too_much = |share: Share| !share.is_at_most(MOVED_PER_MILLE);
    Ok(Gate {
        name: "few networks cross the EEA's border",
        outcome: if is_too_much(networks) || is_too_much(addresses) {
            Outcome::Changed
        } else {
            Outcome::Holds
        },
        figure: format!(
            "{networks} of the networks and {addresses} of the IPv4 addresses that the embedded database places, wanted at \
             most 0.{MOVED_PER_MILLE} %; networks in: {}, out: {}, no answer now: {}; zones of {day}",
            moves.into, moves.out_of, moves.lost
        ),
        details: Vec::new(),
    })
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    part: u64,
    of: u64,
}

impl Share {
    fn with(self, counts: bool) -> Self {
        Self { part: self.part + u64::from(counts), of: self.of + 1 }
    }

    fn is_at_least(self, per_mille: u64) -> bool {
        self.part.saturating_mul(1000) >= self.of.saturating_mul(per_mille)
    }

    fn is_at_most(self, per_mille: u64) -> bool {
        self.part.saturating_mul(1000) <= self.of.saturating_mul(per_mille)
    }
}

impl std::fmt::Display for Share {
    /// Per cent with three decimals, cut and not rounded, and the numbers themselves.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let thousandths = self.part.saturating_mul(100_000).checked_div(self.of).unwrap_or_default();
        let (whole, rest) = (thousandths / 1000, thousandths % 1000);
        write!(f, "{whole}.{rest:03} % ({} of {})", self.part, self.of)
    }
}

fn note(details: &mut Vec<String>, what: impl FnOnce() -> String) {
    if details.len() < MOST_DETAILS {
        details.push(what());
    }
}

/// What `gates.toml` holds, as far as it is checked.
#[derive(Deserialize)]
struct Known {
    sites: Vec<Site>,
    sources: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Site {
    address: IpAddr,
    place: Country,
    answer: Country,
    asn: u32,
    source: String,
    seen: String,
}

static KNOWN: LazyLock<Known> =
    LazyLock::new(|| super::super::embedded("gates.toml", include_str!("../../../geoip/gates.toml")));

/// The share of IPv4 cloud prefixes that must be placed right, in thousandths.
const CLOUDS_RIGHT_PER_MILLE: u64 = 950;

/// The share of networks, and of IPv4 addresses, that may change sides unseen, in thousandths.
const MOVED_PER_MILLE: u64 = 5;

/// So many details are kept of a gate that has any number.
const MOST_DETAILS: usize = 5;

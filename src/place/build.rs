//! Builds the default database from tables that come from elsewhere.
//!
//! Input: the files of a folder, recognised by what is in them: one country database in MaxMind's format, tables of
//! registrations (`start,end,country`) and of AS numbers (`start,end,AS number`). Output: the bytes of one database with
//! `country.iso_code`, `registered_country.iso_code` and `autonomous_system_number`, the same bytes for the same input;
//! and what stood between it and its release, in [`gates`].
//! Addresses that no registry has allocated, and those that are not public, are left out: country databases answer for
//! them all the same.
//! Must not: open a file, know today's date, or mend a table: what two files contradict each other about is an error.

mod cloud;
mod eea;
mod file;
mod gate;
mod merge;
mod span;
mod table;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::database::{day_built, sha256};
use super::{Country, PlaceError};
use crate::data::DataError;
use crate::frame::Date;

pub use file::{File, FileKind};
pub use gate::{Gate, Outcome, gates};

use span::Span;

/// A database that was built, and what it was built from.
#[derive(Debug)]
pub struct Built {
    /// The database, in MaxMind's format.
    pub bytes: Vec<u8>,
    /// The checksum of the bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// The day of its newest input; what the database itself gives as its day.
    pub date: Date,
    /// The files that it was built from, in the order of their names.
    pub inputs: Vec<Input>,
    /// What was noticed in the tables and does not stop the work, for people, in one clause each.
    pub remarks: Vec<String>,
}

/// A file that a database was built from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Input {
    /// The file.
    pub file: String,
    /// The field it is the source of: `country`, `registered_country` or `autonomous_system_number`.
    pub holds: &'static str,
    /// The day of its data, where it is known.
    pub dated: Option<Date>,
    /// How many ranges of IPv4 addresses it has.
    pub ipv4: usize,
    /// How many ranges of IPv6 addresses it has.
    pub ipv6: usize,
    /// The checksum of the file, in lower-case hexadecimal.
    pub sha256: String,
}

/// Why a database cannot be built.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two files of one kind speak of the same address.
    #[error("{one} and {other} both speak of {address}; leave one of the two files in the folder")]
    Contradiction {
        /// File and line.
        one: String,
        /// File and line.
        other: String,
        /// The first address that both speak of.
        address: IpAddr,
    },
    /// A database cannot be read.
    #[error(transparent)]
    Database(#[from] PlaceError),
    /// The folder lacks a table.
    #[error("the folder has no {wanted}{}", unpack_first(.packed))]
    Missing {
        /// What is missing.
        wanted: &'static str,
        /// The packed files that were not read, each with the command that unpacks it.
        packed: Vec<String>,
    },
    /// A row of a table cannot be read.
    #[error(transparent)]
    Row(#[from] DataError),
    /// More than one country database.
    #[error("{one} and {other} are both country databases; leave one of them in the folder")]
    Several {
        /// The first.
        one: String,
        /// The second.
        other: String,
    },
    /// The database cannot be written.
    #[error("the database cannot be written: {0}")]
    Unwritable(String),
}

/// Builds a database from the files of a folder, in the order of their names. `dated` is the day of the tables' data,
/// which do not say it themselves.
pub fn build(files: &[File], dated: Option<Date>) -> Result<Built, BuildError> {
    let mut remarks = Vec::new();
    let (database, countries) = country_database(files)?;
    let registrations = registrations(files, &mut remarks)?;
    let asns = as_numbers(files, &mut remarks)?;
    let date = dated.map_or(database.dated, |dated| database.dated.max(dated));
    let mut inputs = vec![database.input(&countries)];
    inputs.extend(table_inputs(files, FileKind::Registrations, &registrations, dated));
    inputs.extend(table_inputs(files, FileKind::AsNumbers, &asns, dated));
    inputs.sort_by(|a, b| a.file.cmp(&b.file));
    let pieces = merge::pieces(&registrations, &countries, &asns);
    let bytes = write::write(&pieces, &inputs, date).map_err(BuildError::Unwritable)?;
    Ok(Built { sha256: sha256(&bytes), bytes, date, inputs, remarks })
}

/// The country database of a folder.
struct CountryDatabase<'a> {
    file: &'a File,
    dated: Date,
}

impl CountryDatabase<'_> {
    fn input(&self, countries: &[Span<Country>]) -> Input {
        let ipv4 = countries.iter().filter(|span| span.first.is_ipv4()).count();
        Input {
            file: self.file.name().to_owned(),
            holds: "country",
            dated: Some(self.dated),
            ipv4,
            ipv6: countries.len() - ipv4,
            sha256: sha256(self.file.bytes()),
        }
    }
}

fn country_database(files: &[File]) -> Result<(CountryDatabase<'_>, Vec<Span<Country>>), BuildError> {
    let mut databases = files.iter().filter(|file| file.kind() == FileKind::Database);
    let Some(file) = databases.next() else {
        return Err(missing(files, "country database in MaxMind's format (.mmdb)"));
    };
    if let Some(other) = databases.next() {
        let [one, other] = [file, other].map(|file| file.name().to_owned());
        return Err(BuildError::Several { one, other });
    }
    let broken = |what: String| PlaceError::NotADatabase { file: file.name().to_owned(), what };
    let reader = maxminddb::Reader::from_source(file.bytes()).map_err(|error| broken(error.to_string()))?;
    let countries = span::countries(&reader).map_err(broken)?;
    if countries.is_empty() {
        return Err(missing(files, "database whose records hold countries"));
    }
    Ok((CountryDatabase { file, dated: day_built(reader.metadata()) }, countries))
}

fn registrations(
    files: &[File],
    remarks: &mut Vec<String>,
) -> Result<Vec<Span<Option<Country>>>, BuildError> {
    let mut codes: BTreeMap<String, u64> = BTreeMap::new();
    let spans = table::read(files, FileKind::Registrations, remarks, |text| {
        if let Ok(country) = text.parse() {
            return Ok(Some(country));
        }
        let is_code = text.is_empty() || (text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphanumeric()));
        if !is_code {
            return Err(format!("`{text}` is no country code"));
        }
        *codes.entry(text.to_owned()).or_default() += 1;
        Ok(None)
    })?;
    for (code, rows) in codes {
        remarks.push(format!("`{code}` is no country: allocated, and registered nowhere, in {rows} rows"));
    }
    complete(files, &spans, "table of IPv4 registrations", "table of IPv6 registrations")?;
    Ok(spans)
}

fn as_numbers(files: &[File], remarks: &mut Vec<String>) -> Result<Vec<Span<u32>>, BuildError> {
    let spans = table::read(files, FileKind::AsNumbers, remarks, |text| {
        super::layout::parse_asn(text).ok_or_else(|| format!("`{text}` is no AS number"))
    })?;
    complete(files, &spans, "table of AS numbers for IPv4", "table of AS numbers for IPv6")?;
    Ok(spans)
}

/// Refuses half a table: without it, half of all addresses would silently lose their answers.
fn complete<T>(
    files: &[File],
    spans: &[Span<T>],
    ipv4: &'static str,
    ipv6: &'static str,
) -> Result<(), BuildError> {
    match (spans.first(), spans.last()) {
        (Some(first), _) if first.first.is_ipv6() => Err(missing(files, ipv4)),
        (_, Some(last)) if last.first.is_ipv4() => Err(missing(files, ipv6)),
        (None, _) => Err(missing(files, ipv4)),
        _ => Ok(()),
    }
}

fn missing(files: &[File], wanted: &'static str) -> BuildError {
    let packed = files.iter().filter_map(|file| match file.kind() {
        FileKind::Packed { unpack } => Some(format!("{unpack} {}", file.name())),
        _ => None,
    });
    BuildError::Missing { wanted, packed: packed.collect() }
}

fn unpack_first(packed: &[String]) -> String {
    if packed.is_empty() {
        return "; see `borderpost help geoip build` for the files it takes".to_owned();
    }
    format!("; packed files are not read, unpack them first: {}", packed.join("; "))
}

/// What is said of the files of one kind. Spans keep the file they are from.
fn table_inputs<T>(
    files: &[File],
    kind: FileKind,
    spans: &[Span<T>],
    dated: Option<Date>,
) -> impl Iterator<Item = Input> {
    let holds = if kind == FileKind::AsNumbers { "autonomous_system_number" } else { "registered_country" };
    files.iter().enumerate().filter(move |(_, file)| file.kind() == kind).map(move |(index, file)| {
        let own = || spans.iter().filter(|span| span.origin.file == index);
        let ipv4 = own().filter(|span| span.first.is_ipv4()).count();
        Input {
            file: file.name().to_owned(),
            holds,
            dated,
            ipv4,
            ipv6: own().count() - ipv4,
            sha256: sha256(file.bytes()),
        }
    })
}

//! A sample of addresses whose place is known: cloud prefixes and the countries of their regions.
//!
//! Input: tables of prefixes (`prefix,provider,region`) and of regions (columns `provider`, `code`, `country`). Output:
//! addresses, each with the country that it stands in.
//! Must not: guess the country of a region that no table has, or of one that is not in one place.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::super::Country;
use super::super::address::Block;
use super::file::REGION_COLUMNS;
use super::table::{self, Row};
use super::{File, FileKind};
use crate::data::DataError;

/// The sample.
#[derive(Debug, Default)]
pub(super) struct Sample {
    /// The first address of each prefix, and the country it stands in.
    pub(super) addresses: Vec<(IpAddr, Country)>,
    /// How many prefixes are of regions that are not known, or not in one place.
    pub(super) unplaced: usize,
}

/// Reads the sample; the error is why there is none.
pub(super) fn sample(files: &[File]) -> Result<Result<Sample, &'static str>, DataError> {
    let of = |kind| files.iter().filter(move |file| file.kind() == kind);
    let mut regions = BTreeMap::new();
    for file in of(FileKind::CloudRegions) {
        read_regions(file, &mut regions)?;
    }
    if of(FileKind::CloudPrefixes).next().is_none() {
        return Ok(Err("the folder has no table of cloud prefixes (prefix,provider,region)"));
    }
    if regions.is_empty() {
        return Ok(Err("the folder has no table of cloud regions (columns provider, code, country)"));
    }
    let mut sample = Sample::default();
    for file in of(FileKind::CloudPrefixes) {
        read_prefixes(file, &regions, &mut sample)?;
    }
    Ok(if sample.addresses.is_empty() { Err("no prefix is of a known region") } else { Ok(sample) })
}

type Regions = BTreeMap<(String, String), Country>;

fn read_regions(file: &File, regions: &mut Regions) -> Result<(), DataError> {
    let text = table::text(file)?;
    let mut rows = table::rows(text);
    let heads: Vec<&str> = rows.next().iter().flat_map(|row| table::fields(row.text)).map(|f| f.1).collect();
    let columns = REGION_COLUMNS.map(|name| heads.iter().position(|head| *head == name));
    for row in rows {
        let fields: Vec<(usize, &str)> = table::fields(row.text).collect();
        let [provider, code, country] = columns.map(|column| column.and_then(|at| fields.get(at)).copied());
        let (Some(provider), Some(code), Some(country)) = (provider, code, country) else {
            return Err(at(file, text, row, 0, "the row has fewer columns than the first line"));
        };
        if country.1.is_empty() {
            continue;
        }
        let known = country.1.parse::<Country>();
        let known = known.map_err(|error| at(file, text, row, country.0, &error.to_string()))?;
        regions.insert((provider.1.to_owned(), code.1.to_owned()), known);
    }
    Ok(())
}

fn read_prefixes(file: &File, regions: &Regions, sample: &mut Sample) -> Result<(), DataError> {
    let text = table::text(file)?;
    for (n, row) in table::rows(text).enumerate() {
        let mut fields = table::fields(row.text);
        let (Some((start, prefix)), Some((_, provider)), Some((_, region))) =
            (fields.next(), fields.next(), fields.next())
        else {
            return Err(at(file, text, row, 0, "a row has a prefix, a provider and a region"));
        };
        let block = match Block::try_from(prefix.to_owned()) {
            Ok(block) => block,
            // The names of the columns.
            Err(_) if n == 0 => continue,
            Err(what) => return Err(at(file, text, row, start, &what)),
        };
        match regions.get(&(provider.to_owned(), region.to_owned())) {
            Some(country) => sample.addresses.push((block.network, *country)),
            None => sample.unplaced += 1,
        }
    }
    Ok(())
}

fn at(file: &File, text: &str, row: Row<'_>, offset: usize, what: &str) -> DataError {
    DataError::at(file.name(), text, Some(row.offset + offset), what)
}

//! `borderpost geoip import`: cloud providers' lists of address ranges, merged into one file.

use std::path::PathBuf;

use clap::Args;

use crate::cli::file::{self, today};
use crate::cli::message::{fail, say};
use crate::cli::output::{self, Over};
use crate::cli::status::Status;
use crate::frame::Date;
use crate::place::{ImportedList, RangeFile, import_ranges};
use crate::report::text::plural;

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(super) struct Import {
    /// The files of AWS, Google, Oracle and Azure as they publish them, at most one of each
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write the list to FILE [default: standard output]
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    over: Over,
    /// The day of a file that does not state it, neither inside nor in its name (Azure's, once renamed)
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
}

/// Imports, and says on standard error what was read.
pub(super) fn run(arguments: &Import) -> Status {
    match import(arguments) {
        Ok(lists) => {
            for list in &lists {
                say(&summary(list));
            }
            Status::Clean
        }
        Err(message) => fail(&message),
    }
}

fn import(arguments: &Import) -> Result<Vec<ImportedList>, String> {
    let outlet = arguments.over.outlet();
    if let Some(path) = &arguments.output {
        outlet.check(path, &arguments.files)?;
    }
    let texts: Vec<(String, String)> =
        arguments.files.iter().map(|path| file::text(path, WANTED)).collect::<Result<_, _>>()?;
    let files: Vec<RangeFile<'_>> = texts.iter().map(|(name, text)| RangeFile { name, text }).collect();
    let made = import_ranges(&files, arguments.date, today()).map_err(|error| error.to_string())?;
    let written = match &arguments.output {
        Some(path) => outlet
            .to_file(path, &made.text)
            .map_err(|error| format!("{}: {error}; nothing was written there", path.display())),
        None => output::to_stdout(&made.text).map_err(|error| format!("standard output: {error}")),
    };
    written.map(|()| made.lists)
}

/// `ip-ranges.json: 9,120 ranges of Amazon Web Services, of 2026-06-03; regions whose …`.
fn summary(list: &ImportedList) -> String {
    let ImportedList { provider, file, dated, ranges, unknown } = list;
    let count = plural(*ranges as u64, "range", "ranges");
    let read = format!("{file}: {count} of {provider}, of {dated}");
    if unknown.is_empty() {
        return read;
    }
    let regions: Vec<String> = unknown.iter().map(|(code, ranges)| format!("{code} ({ranges})")).collect();
    format!("{read}; regions whose country is not known, which claim no place: {}", regions.join(", "))
}

/// What a file that cannot be read should have been.
const WANTED: &str = "name a provider's list of ranges, in JSON";

const HELP: &str = "Example:
  borderpost geoip import ip-ranges.json cloud.json public_ip_ranges.json ServiceTags_Public_*.json -o ranges.csv

The list is sorted, and the same files give the same bytes. The table of countries that regions are judged by is \
geoip/regions.toml in the sources.";

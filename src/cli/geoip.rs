//! `borderpost geoip`: the default address database, rebuilt and described; cloud ranges are imported beside it.
//!
//! Input: a folder of tables, or a database. Output: what it is on standard output, and a database in a file once every
//! gate holds. Must not: write anything before that, or download.

mod page;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::cli::file::today;
use crate::cli::import::{self, Import};
use crate::cli::message::{fail, say};
use crate::cli::output::{self, Outlet, Over};
use crate::cli::status::Status;
use crate::frame::Date;
use crate::place::build::{self, Built, File, FileKind, Gate};
use crate::place::{Databases, Description, STALE_AFTER_DAYS, is_stale};

/// What can be done with address databases.
#[derive(Subcommand, Debug)]
pub(super) enum GeoipAction {
    /// Build the default address database from a folder of tables, and check it
    ///
    /// The folder holds, unpacked and under any names: one country database in MaxMind's format (.mmdb, of any usual
    /// layout); tables of registrations, start,end,country; tables of AS numbers, start,end,AS number; each for IPv4 and
    /// IPv6. A table of cloud prefixes (prefix,provider,region) with one of their regions (columns provider, code,
    /// country) is a further check. Nothing is written where a gate is broken.
    Build {
        /// The folder of tables
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// Write the database to FILE; without it, everything is checked and nothing written
        #[arg(short = 'o', long = "output", value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        over: Over,
        /// The day of the tables' data, which they do not say themselves
        #[arg(long, value_name = "YYYY-MM-DD")]
        date: Option<Date>,
        /// Your word that you looked at what changed against the embedded database: known answers, and networks that
        /// cross the border of the EEA
        #[arg(long)]
        accept: bool,
    },
    /// Merge cloud providers' lists of address ranges into one file
    Import(Import),
    /// Show what an address database is, how old, and whom to credit
    Info {
        /// A database in MaxMind's format [default: the embedded one]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// Does what is asked.
pub(super) fn run(action: &GeoipAction) -> Status {
    let done = match action {
        GeoipAction::Import(arguments) => return import::run(arguments),
        GeoipAction::Build { folder, output, over, date, accept } => {
            rebuild(folder, (output.as_deref(), &over.outlet()), *date, *accept)
        }
        GeoipAction::Info { file } => info(file.as_deref()),
    };
    match done {
        Ok(()) => Status::Clean,
        Err(message) => fail(&message),
    }
}

fn rebuild(
    folder: &Path,
    (output, outlet): (Option<&Path>, &Outlet),
    date: Option<Date>,
    accept: bool,
) -> Result<(), String> {
    let files = read(folder)?;
    if let Some(output) = output {
        let is_read = |file: &&File| !matches!(file.kind(), FileKind::Other | FileKind::Packed { .. });
        outlet.check(output, files.iter().filter(is_read).map(|file| folder.join(file.name())))?;
    }
    let built = build::build(&files, date).map_err(|error| format!("{}: {error}", folder.display()))?;
    let gates = build::gates(&built.bytes, built.date, &files).map_err(|error| error.to_string())?;
    let description =
        Description::of("the built database", &built.bytes).map_err(|error| error.to_string())?;
    built.remarks.iter().for_each(|remark| say(remark));
    unused(&files);
    let broken: Vec<&Gate> = gates.iter().filter(|gate| gate.is_broken(accept)).collect();
    let mut text = page::built(&built, &description, &gates);
    if broken.is_empty() {
        text += &page::sources(&built);
    }
    print(&text)?;
    if !broken.is_empty() {
        return Err(page::refusal(&broken));
    }
    match output {
        Some(output) => write(outlet, output, &built),
        None => Ok(()),
    }
}

/// The files of a folder, in the order of their names.
fn read(folder: &Path) -> Result<Vec<File>, String> {
    let shown = folder.display();
    let refused = |error| format!("{shown}: {error}; name a folder of tables");
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(refused)? {
        paths.push(entry.map_err(refused)?.path());
    }
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let failed = |error| format!("{}: {error}", path.display());
        let metadata = fs::metadata(&path).map_err(failed)?;
        if !metadata.is_file() {
            continue;
        }
        if metadata.len() > LARGEST_FILE {
            say(&format!("{}: not read: larger than {} MB", path.display(), LARGEST_FILE / 1_000_000));
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        files.push(File::new(&name, fs::read(&path).map_err(failed)?));
    }
    Ok(files)
}

/// Says which files were passed over, so that a table that was not recognised is seen.
fn unused(files: &[File]) {
    for file in files {
        match file.kind() {
            FileKind::Other => say(&format!("{}: not read: no table that is known here", file.name())),
            FileKind::Packed { unpack } => {
                say(&format!("{}: not read: packed; `{unpack}` unpacks it", file.name()));
            }
            _ => {}
        }
    }
}

fn write(outlet: &Outlet, output: &Path, built: &Built) -> Result<(), String> {
    let shown = output.display();
    outlet
        .to_file(output, &built.bytes)
        .map_err(|error| format!("{shown}: {error}; nothing was written there"))?;
    say(&format!("{shown}: written; `zstd -19 FILE -o geoip/default.mmdb.zst` packs it for the next build"));
    Ok(())
}

fn info(file: Option<&Path>) -> Result<(), String> {
    let today = today();
    let Some(path) = file else {
        let databases = Databases::embedded();
        let description = Description::embedded().map_err(|error| error.to_string())?;
        print(&page::embedded(&description, databases.sources(), today))?;
        let sources = databases.sources().iter();
        sources.for_each(|source| warn_of_age(&source.name, source.built, today));
        return Ok(());
    };
    let shown = path.display().to_string();
    let bytes =
        fs::read(path).map_err(|error| format!("{shown}: {error}; name a database in MaxMind's format"))?;
    let description = Description::of(&shown, &bytes).map_err(|error| error.to_string())?;
    print(&page::file(&shown, &description, today))?;
    warn_of_age(&shown, description.built, today);
    if description.fields.is_empty() {
        say(&format!(
            "{shown}: its records have no field that is looked for: `inspect --geoip` would refuse it"
        ));
    }
    Ok(())
}

fn warn_of_age(name: &str, dated: Date, today: Date) {
    if is_stale(dated, today) {
        say(&format!(
            "{name}: {}, more than {STALE_AFTER_DAYS} days from today: what it says of today's traffic is at most possible",
            page::age(dated, today)
        ));
    }
}

fn print(text: &str) -> Result<(), String> {
    output::to_stdout(text).map_err(|error| format!("standard output: {error}"))
}

/// The largest file that is read, in bytes. The largest country databases are a third of it.
const LARGEST_FILE: u64 = 500_000_000;

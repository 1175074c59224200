//! The runs that paths of `diff` and `baseline` name: captures, folders of them, studies, reports and bundles.
//!
//! Input: paths and options. Output: runs. Must not: take a part of a bundle that is not as it was written.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::bundle::{self, Archive, MANIFEST, MAX_TEXT};
use crate::cli::args::Reading;
use crate::cli::progress::Bar;
use crate::cli::settings;
use crate::cli::status;
use crate::cli::world::World;
use crate::compare::{Run, runs_in, runs_of};
use crate::inspect::{self, Settings};
use crate::report::{self, Options};
use crate::source::STDIN;
use crate::study::Study;

/// What paths may name, for help.
pub(super) const PATHS: &str = "a capture, a folder of captures or of reports (each is a run), a report in JSON, a bundle, or the manifest of a \
                                study (each cell is a run)";

/// The runs that all paths name.
pub(super) fn of_all(paths: &[PathBuf], reading: &Reading) -> Result<Vec<Run>, String> {
    let runs = paths.iter().map(|path| of(path, reading)).collect::<Result<Vec<_>, String>>()?;
    Ok(runs.into_iter().flatten().collect())
}

/// The runs that a path names.
pub(super) fn of(path: &Path, reading: &Reading) -> Result<Vec<Run>, String> {
    let shown = path.display().to_string();
    match kind(path)? {
        Kind::Bundle => runs_in(&shown, &in_bundle(path)?, reading.join),
        Kind::Report => runs_in(&shown, &text(path)?, reading.join),
        Kind::Reports(paths) => of_all(&paths, reading),
        Kind::Manifest => {
            let (name, text) = World::Disk.text(path, "name the manifest of a study")?;
            let folder = path.parent().unwrap_or(Path::new(""));
            let study = Study::parse(&name, &text, folder, &|path| World::Disk.find(path));
            let study = study.map_err(|error| error.to_string())?;
            inspected(&study.captures(), Some(study), &shown, reading)
        }
        Kind::Captures => inspected(&[path.to_owned()], None, &shown, reading),
    }
}

/// What a path names.
enum Kind {
    Bundle,
    Captures,
    Manifest,
    Report,
    Reports(Vec<PathBuf>),
}

fn kind(path: &Path) -> Result<Kind, String> {
    if path == Path::new(STDIN) {
        return Ok(Kind::Captures);
    }
    let unreadable = |error: std::io::Error| format!("{}: {error}; name {PATHS}", path.display());
    if path.is_dir() {
        if path.join(MANIFEST).is_file() {
            return Ok(Kind::Bundle);
        }
        let reports = reports(path).map_err(unreadable)?;
        let has_captures = World::Disk.captures(&[path.to_owned()]).captures.iter().any(Result::is_ok);
        return Ok(if has_captures || reports.is_empty() { Kind::Captures } else { Kind::Reports(reports) });
    }
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head)).map_err(unreadable)?;
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_manifest = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    Ok(match first {
        _ if head.starts_with(b"PK\x03\x04") => Kind::Bundle,
        Some(b'{') => Kind::Report,
        _ if is_manifest => Kind::Manifest,
        _ => Kind::Captures,
    })
}

/// Bytes by which a file is told.
const HEAD: u64 = 64;

/// The reports and bundles in a folder, by their names.
fn reports(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let paths =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()?;
    let is_report =
        |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json" || extension == "zip");
    let mut paths: Vec<PathBuf> = paths.into_iter().filter(is_report).collect();
    paths.sort();
    Ok(paths)
}

/// A report's bytes, as long as a report can be.
fn text(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_TEXT + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("{shown}: {error}"))?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(format!(
            "{shown}: more than {} MiB, which no report has; nothing was compared",
            MAX_TEXT >> 20
        ));
    }
    Ok(bytes)
}

/// The report of a bundle, where it is as it was written.
fn in_bundle(path: &Path) -> Result<Vec<u8>, String> {
    let archive = Archive::open(path).map_err(|error| error.to_string())?;
    let checked = bundle::check(&archive).map_err(|error| error.to_string())?;
    if !checked.is_intact(REPORT) {
        let shown = path.display();
        return Err(format!(
            "{shown}: its {REPORT} is not as it was written; look with `borderpost verify {shown}`"
        ));
    }
    archive.text(REPORT).map_err(|error| error.to_string())
}

const REPORT: &str = "report.json";

fn inspected(
    captures: &[PathBuf],
    study: Option<Study>,
    name: &str,
    reading: &Reading,
) -> Result<Vec<Run>, String> {
    let world = World::Disk;
    let settings = Settings {
        exclusive: reading.exclusive,
        join: reading.join,
        hash: false,
        lists_flows: true,
        local: reading.local.clone(),
        max_unpacked: reading.max_unpacked,
        threads: reading.threads.unwrap_or_else(inspect::all_processors),
        study,
        ..settings::of(&reading.evidence, &world)?
    };
    let inspection = inspect::inspect_inputs(world.captures(captures), settings, &Bar::new());
    if let Some(failure) = inspection.failures().first() {
        return Err(failure.to_string());
    }
    if let Some(what) = status::failed(&inspection) {
        return Err(what);
    }
    let mut report = report::build(&inspection, Options { show_participants: false, list_flows: true });
    // Others' flows are not compared.
    report.flows.retain(|flow| flow.destination.is_some());
    runs_of(name, &report, reading.join)
}

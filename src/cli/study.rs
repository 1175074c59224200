//! The cells that `inspect` brings its captures under: those of a manifest, or folders.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::args::Inspect;
use crate::cli::world::World;
use crate::source::{STDIN, SourceError, expand};
use crate::study::Study;

/// Reads the manifest, or looks into the folders; nothing where the user asks for neither.
pub(super) fn of(arguments: &Inspect, world: &World) -> Result<Option<Study>, String> {
    match &arguments.manifest {
        Some(path) => manifest(path, world).map(Some),
        None if arguments.by_folder => match world.cells() {
            Some(cells) => Ok(Some(Study::of_paths(cells))),
            None => by_folder(arguments).map(Some),
        },
        None => Ok(None),
    }
}

fn manifest(path: &Path, world: &World) -> Result<Study, String> {
    let (name, text) = world.text(path, "--manifest takes a list of captures in TOML")?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let find = |path: &Path| world.find(path);
    Study::parse(&name, &text, folder, &find).map_err(|error| error.to_string())
}

/// Each folder in the folders named is a cell, and so is each capture beside those, and each folder that has none in it.
fn by_folder(arguments: &Inspect) -> Result<Study, String> {
    let mut cells = Vec::new();
    for path in arguments.read.iter().chain(&arguments.paths) {
        if path == Path::new(STDIN) {
            return Err("--by-folder takes folders, and not standard input".to_owned());
        }
        let inner = if path.is_dir() { folders(path)? } else { Vec::new() };
        if inner.is_empty() {
            cells.push(path.clone());
        } else {
            cells.extend(captures(path)?);
            cells.extend(inner);
        }
    }
    refuse_twice(&cells)?;
    Ok(Study::of_paths(cells))
}

/// What is in two cells would be counted twice.
fn refuse_twice(cells: &[PathBuf]) -> Result<(), String> {
    let known: BTreeSet<PathBuf> = cells.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
    let mut seen = BTreeSet::new();
    for path in cells {
        let Ok(found) = fs::canonicalize(path) else { continue };
        let is_inside = found.parent().is_some_and(|folder| known.contains(folder));
        if is_inside || !seen.insert(found) {
            return Err(format!("{}: would be in two cells; name it once", path.display()));
        }
    }
    Ok(())
}

/// The captures that lie in a folder beside its folders.
fn captures(path: &Path) -> Result<Vec<PathBuf>, String> {
    let found = expand(&[path.to_owned()]).captures.into_iter();
    let found = found.filter(|capture| !matches!(capture, Err(SourceError::NoCaptures { .. })));
    found.map(|capture| capture.map_err(|error| error.to_string())).collect()
}

/// The folders in a folder, in the order of their names.
fn folders(path: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable = |error: std::io::Error| format!("{}: {error}; name a folder of folders", path.display());
    let entries = fs::read_dir(path).map_err(unreadable)?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let mut folders: Vec<PathBuf> = paths.into_iter().filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

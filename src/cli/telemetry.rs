//! `--planted`, `--events`, `--decrypted`: what is looked for in decrypted traffic, and decrypted traffic of other tools.
//!
//! Input: paths. Output: values, a list, exchanges. Must not: hand planted values or what others decrypted to a bundle, which knows such
//! files by their hashes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bundle::sha256;
use crate::cli::message::say;
use crate::cli::world::World;
use crate::inspect::ImportedFile;
use crate::telemetry::import::{self, Fault};
use crate::telemetry::{EventList, Planted};
use crate::wire::exchange::Limits;

/// Reads the planted values.
pub(super) fn planted(path: Option<&PathBuf>, world: &World) -> Result<Option<Arc<Planted>>, String> {
    let Some(path) = path else { return Ok(None) };
    let takes = "--planted takes a file of planted values in TOML";
    let shown = path.display().to_string();
    let text = String::from_utf8(world.secret(path, takes)?)
        .map_err(|_| format!("{shown}: not text in UTF-8; {takes}"))?;
    let planted = Planted::parse(&shown, &text).map_err(|error| error.to_string())?;
    Ok(Some(Arc::new(planted)))
}

/// Reads the list of events; the built-in part where none is named.
pub(super) fn events(path: Option<&PathBuf>, world: &World) -> Result<EventList, String> {
    let Some(path) = path else { return Ok(EventList::default()) };
    let (name, text) =
        world.text(path, "--events takes a list of events in CSV, with a column event, or in TOML")?;
    EventList::parse(&name, &text).map_err(|error| error.to_string())
}

/// Reads the files of exchanges. What of one cannot be read is said, and the rest is used.
pub(super) fn exchanges(paths: &[PathBuf], world: &World) -> Result<Vec<ImportedFile>, String> {
    paths.iter().map(|path| one(path, world)).collect()
}

fn one(path: &Path, world: &World) -> Result<ImportedFile, String> {
    let bytes = world.secret(path, "--decrypted takes a HAR file or a flow file of mitmproxy")?;
    let shown = path.display().to_string();
    let read = import::read(&bytes, &shown, &Limits::default()).map_err(|error| error.to_string())?;
    for fault in read.faults.iter().take(MOST_TOLD).map(Fault::to_string) {
        say(&fault);
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(ImportedFile { name, sha256: sha256(&bytes), import: Arc::new(read) })
}

/// Faults of a file that are told one by one; the report counts all.
const MOST_TOLD: usize = 5;

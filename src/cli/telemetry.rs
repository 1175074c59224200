//! `--planted`, `--events`, `--decrypted`: what is looked for in decrypted traffic, and decrypted traffic of other tools, also
//! where it is named like a capture.
//!
//! Input: paths. Output: values, a list, exchanges. Must not: hand planted values or what others decrypted to a bundle, which knows such
//! files by their hashes.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bundle::sha256;
use crate::cli::args::Inspect;
use crate::cli::message::say;
use crate::cli::recorded;
use crate::cli::world::World;
use crate::inspect::ImportedFile;
use crate::source::{Capture, Options};
use crate::telemetry::import::{self, Fault, ImportError};
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

/// Takes files of exchanges that stand where captures are named for what they are, as if `--decrypted` named them. A bundle
/// records them so: `options` are those that it would record.
pub(super) fn set_apart(
    arguments: &mut Inspect,
    options: Result<Vec<String>, String>,
) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for paths in [&mut arguments.read, &mut arguments.paths] {
        found.extend(paths.extract_if(.., |path| is_export(path)));
    }
    if found.is_empty() {
        return options;
    }
    let options = options.and_then(|options| recorded::with_imports(&options, &found));
    arguments.reporting.decrypted.extend(found);
    options
}

/// Whether the file begins like one of exchanges. What is no file is not looked into: what a pipe gives comes once.
fn is_export(path: &Path) -> bool {
    let mut head = Vec::new();
    let is_file = fs::metadata(path).is_ok_and(|known| known.is_file());
    let read = is_file.then(|| File::open(path)?.take(HEAD).read_to_end(&mut head));
    matches!(read, Some(Ok(_))) && import::recognise_among_others(&head).is_some()
}

/// Reads the files of exchanges. What of one cannot be read is said, and the rest is used. One that is named twice, by whatever
/// path, is read once, and that is said.
pub(super) fn exchanges(paths: &[PathBuf], world: &World) -> Result<Vec<ImportedFile>, String> {
    let mut files: Vec<(&Path, ImportedFile)> = Vec::new();
    for path in paths {
        let bytes = world.secret(path, "--decrypted takes a HAR file or a flow file of mitmproxy")?;
        let sha256 = sha256(&bytes);
        if let Some((first, _)) = files.iter().find(|(_, file)| file.sha256 == sha256) {
            let (shown, first) = (path.display(), first.display());
            say(&format!("{shown}: the same content as {first}, by its SHA-256; it is counted once"));
            continue;
        }
        files.push((path, one(path, &bytes, sha256)?));
    }
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

fn one(path: &Path, bytes: &[u8], sha256: String) -> Result<ImportedFile, String> {
    let shown = path.display().to_string();
    let read = import::read(bytes, &shown, &Limits::default()).map_err(|error| refused(&error, path))?;
    for fault in read.faults.iter().take(MOST_TOLD).map(Fault::to_string) {
        say(&fault);
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(ImportedFile { name, sha256, import: Arc::new(read) })
}

/// Why a file is refused. A capture is named as one.
fn refused(error: &ImportError, path: &Path) -> String {
    let is_capture =
        matches!(error, ImportError::Unknown { .. }) && Capture::open(path, &Options::default()).is_ok();
    if is_capture {
        return format!(
            "{}: a capture; name it without --decrypted, and its keys with --keylog",
            path.display()
        );
    }
    error.to_string()
}

/// What is read to recognise a file of exchanges, in bytes.
const HEAD: u64 = 4096;
/// Faults of a file that are told one by one; the report counts all.
const MOST_TOLD: usize = 5;

//! `--keylog`: key logs that the user names.
//!
//! Input: paths. Output: their secrets, and what each file was. Must not: show a line of one, or hand one to a bundle.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bundle::sha256;
use crate::cli::world::World;
use crate::decrypt::Keys;
use crate::inspect::{KeyLogs, KeySource};

/// What the option takes, for messages.
const TAKES: &str = "--keylog takes a key log as SSLKEYLOGFILE names it";
/// What a text in two bytes a character begins with.
const UTF_16: [&[u8]; 2] = [&[0xFF, 0xFE], &[0xFE, 0xFF]];

/// Reads the key logs.
pub(super) fn read(paths: &[PathBuf], world: &World) -> Result<KeyLogs, String> {
    let mut keys = Keys::default();
    let mut sources = Vec::new();
    for path in paths {
        sources.push(one(path, &mut keys, world)?);
    }
    Ok(KeyLogs { keys: Arc::new(keys), sources })
}

fn one(path: &Path, keys: &mut Keys, world: &World) -> Result<KeySource, String> {
    let log = world.secret(path, TAKES)?;
    let shown = path.display();
    if UTF_16.iter().any(|mark| log.starts_with(mark)) {
        return Err(format!("{shown}: a text in UTF-16; save it as UTF-8"));
    }
    let tally = keys.read(&log);
    let is_none = tally.secrets + tally.repeated + tally.unused + tally.unknown == 0;
    if let Some(first) = tally.first_malformed.filter(|_| is_none) {
        return Err(format!("{shown}: line {first} is none of a key log, nor is any other; {TAKES}"));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(KeySource { file: Some(name), sha256: Some(sha256(&log)), tally, is_late: false })
}

//! What a run reads beside its arguments: the files that options name, and the captures. On the disk, or as a bundle recorded them.
//!
//! Input: paths as they were given. Output: bytes, noted where they are to be recorded. A recorded run is answered from its record
//! alone, so that no path of a bundle leads to a file that the bundle does not know by its hash.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::bundle::sha256;
use crate::cli::file;
use crate::source::{self, expand};

/// Where a run's files come from.
pub(super) enum World {
    /// The disk.
    Disk,
    /// The disk, and what is read is noted.
    Noted(RefCell<Vec<Noted>>),
    /// The record of a bundle.
    Recorded(Recorded),
}

/// A file that was read.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) sha256: String,
    /// Its bytes, but for databases, which are large and not everybody's to hand on, and for secrets.
    pub(super) bytes: Option<Vec<u8>>,
}

/// What a bundle recorded of a run.
#[derive(Default, Debug)]
pub(super) struct Recorded {
    /// The files that options name, by path.
    pub(super) files: BTreeMap<String, Kept>,
    /// The captures, in order, and where they lie.
    pub(super) captures: source::Inputs,
    /// The folders that were cells.
    pub(super) cells: Vec<PathBuf>,
}

/// Where the bytes of a recorded file are.
#[derive(Debug)]
pub(super) enum Kept {
    /// Here.
    Bytes(Vec<u8>),
    /// In the file that has its hash.
    At(PathBuf),
}

impl World {
    /// A disk on which what is read is noted.
    pub(super) fn noted() -> Self {
        Self::Noted(RefCell::default())
    }

    /// The file's name as it is shown, and its text; `wanted` says what to name instead.
    pub(super) fn text(&self, path: &Path, wanted: &str) -> Result<(String, String), String> {
        let shown = path.display().to_string();
        match self {
            Self::Disk => file::text(path, wanted),
            Self::Noted(noted) => {
                let known = noted
                    .borrow()
                    .iter()
                    .find(|known| known.path == shown)
                    .and_then(|known| known.bytes.clone());
                if let Some(text) = known.and_then(|bytes| String::from_utf8(bytes).ok()) {
                    return Ok((shown, text));
                }
                let (shown, text) = file::text(path, wanted)?;
                note(noted, path, text.as_bytes(), true)?;
                Ok((shown, text))
            }
            Self::Recorded(recorded) => {
                let bytes = recorded.bytes(path).map_err(|error| format!("{shown}: {error}"))?;
                let text =
                    String::from_utf8(bytes).map_err(|_| format!("{shown}: not text in UTF-8; {wanted}"))?;
                Ok((shown, text))
            }
        }
    }

    /// The bytes of a database; `wanted` says what to name instead.
    pub(super) fn database(&self, path: &Path, wanted: &str) -> Result<Vec<u8>, String> {
        let failed = |error: io::Error| format!("{}: {error}; {wanted}", path.display());
        match self {
            Self::Disk => fs::read(path).map_err(failed),
            Self::Noted(noted) => {
                let bytes = fs::read(path).map_err(failed)?;
                note(noted, path, &bytes, false)?;
                Ok(bytes)
            }
            Self::Recorded(recorded) => recorded.bytes(path).map_err(failed),
        }
    }

    /// The bytes of a file with secrets, which no bundle gets: it is known by its hash, as databases are.
    pub(super) fn secret(&self, path: &Path, wanted: &str) -> Result<Vec<u8>, String> {
        let len = fs::metadata(path).map_or(0, |metadata| metadata.len());
        if len > MAX_SECRET_BYTES {
            let most = MAX_SECRET_BYTES >> 20;
            return Err(format!("{}: more than {most} MiB, which no such file has", path.display()));
        }
        self.database(path, wanted)
    }

    /// Whether there is a file of that name.
    pub(super) fn has(&self, path: &Path) -> bool {
        match self {
            Self::Disk | Self::Noted(_) => fs::metadata(path).is_ok(),
            Self::Recorded(recorded) => recorded.files.contains_key(&path.display().to_string()),
        }
    }

    /// The one path of what a path leads to. In a record every path is the one it was found to be.
    pub(super) fn find(&self, path: &Path) -> Option<PathBuf> {
        match self {
            Self::Disk | Self::Noted(_) => fs::canonicalize(path).ok(),
            Self::Recorded(_) => Some(path.to_owned()),
        }
    }

    /// The captures that paths name.
    pub(super) fn captures(&self, named: &[PathBuf]) -> source::Inputs {
        match self {
            Self::Disk | Self::Noted(_) => expand(named),
            Self::Recorded(recorded) => recorded.captures.clone(),
        }
    }

    /// The folders that were the cells of a recorded run.
    pub(super) fn cells(&self) -> Option<Vec<PathBuf>> {
        match self {
            Self::Disk | Self::Noted(_) => None,
            Self::Recorded(recorded) => Some(recorded.cells.clone()),
        }
    }

    /// What was noted, in the order in which it was read.
    pub(super) fn into_notes(self) -> Vec<Noted> {
        match self {
            Self::Noted(noted) => noted.into_inner(),
            Self::Disk | Self::Recorded(_) => Vec::new(),
        }
    }
}

impl Recorded {
    fn bytes(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.files.get(&path.display().to_string()) {
            Some(Kept::Bytes(bytes)) => Ok(bytes.clone()),
            Some(Kept::At(path)) => fs::read(path),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "the bundle has no record of this file")),
        }
    }
}

/// The longest file with secrets that is read.
const MAX_SECRET_BYTES: u64 = 256 << 20;

/// Notes a file once. One that is read again has to be what it was.
fn note(noted: &RefCell<Vec<Noted>>, path: &Path, bytes: &[u8], is_kept: bool) -> Result<(), String> {
    let shown = path.display().to_string();
    if path.to_str().is_none() {
        return Err(format!(
            "{shown}: a name that is no text cannot be recorded in a bundle; rename the file"
        ));
    }
    let sha256 = sha256(bytes);
    let mut noted = noted.borrow_mut();
    match noted.iter().find(|known| known.path == shown) {
        Some(known) if known.sha256 == sha256 => Ok(()),
        Some(_) => Err(format!("{shown}: it changed while it was read; try again")),
        None => {
            let bytes_kept = is_kept.then(|| bytes.to_vec());
            noted.push(Noted { path: shown, size: bytes.len() as u64, sha256, bytes: bytes_kept });
            Ok(())
        }
    }
}

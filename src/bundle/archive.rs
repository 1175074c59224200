//! A bundle that somebody hands in, as a folder or a zip: what files it has, and their bytes.
//!
//! Input: a path. Output: names, bytes, hashes, and where a capture lies. Must not: follow a link, leave the folder, or hold
//! more than one text at a time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::manifest::{AGAIN, parse};
use super::name::MAX_PARTS;
use super::zip::{self, Entry, Method};
use super::{BundleError, MANIFEST, MAX_FILES, MAX_LIST, MAX_TEXT, RUN, SUMS, digest, hex};
use crate::source::Lies;

/// An opened bundle.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    files: Files,
}

#[derive(Debug)]
enum Files {
    /// Names with sizes.
    Folder(BTreeMap<String, u64>),
    Zip(File, BTreeMap<String, Entry>),
}

impl Archive {
    /// Opens the folder or the zip at `path`.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let shown = path.display().to_string();
        let unreadable = |error: io::Error| BundleError::new(&shown, error.to_string(), "check the path");
        let metadata = fs::metadata(path).map_err(unreadable)?;
        let files = if metadata.is_dir() {
            let mut found = BTreeMap::new();
            walk(path, "", 1, &mut found)?;
            Files::Folder(found)
        } else if metadata.is_file() {
            let mut file = File::open(path).map_err(unreadable)?;
            let entries = zip::entries(&mut file, &shown)?;
            Files::Zip(file, entries.into_iter().map(|entry| (entry.name.clone(), entry)).collect())
        } else {
            return Err(BundleError::new(shown, "neither a folder nor a file", "name a bundle"));
        };
        let archive = Self { path: path.to_owned(), files };
        if !archive.names().any(|name| name == MANIFEST) {
            let what = format!("it has no {MANIFEST}, so nothing says what belongs to it");
            return Err(BundleError::new(
                shown,
                what,
                "name a bundle that `inspect -o` wrote, or ask for another copy",
            ));
        }
        Ok(archive)
    }

    /// Whether all that it holds is what its manifest lists, by the names.
    #[must_use]
    pub fn has_nothing_else(&self) -> bool {
        let rows = self.text(MANIFEST).ok().and_then(|text| parse(&text).ok());
        let is_own = |name: &str| name == MANIFEST || name == SUMS;
        rows.is_some_and(|rows| self.names().all(|name| is_own(name) || rows.contains_key(name)))
    }

    /// The names of its files, in order.
    pub fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match &self.files {
            Files::Folder(files) => Box::new(files.keys().map(String::as_str)),
            Files::Zip(_, entries) => Box::new(entries.keys().map(String::as_str)),
        }
    }

    /// A text of it.
    pub fn text(&self, name: &str) -> Result<Vec<u8>, BundleError> {
        let wrong = |what: String| BundleError::new(name, what, AGAIN);
        let size = self.size(name).ok_or_else(|| wrong("it is not in the bundle".to_owned()))?;
        let most = if [MANIFEST, SUMS, RUN].contains(&name) { MAX_LIST } else { MAX_TEXT };
        if size > most {
            return Err(wrong(format!("more than {} MiB, which it has in no bundle", most >> 20)));
        }
        let mut bytes = Vec::new();
        match &self.files {
            Files::Folder(_) => {
                let file = File::open(self.path.join(name));
                let read = file.and_then(|file| file.take(most).read_to_end(&mut bytes));
                read.map_err(|error| wrong(error.to_string()))?;
            }
            Files::Zip(file, entries) => {
                let entry = entries.get(name).ok_or_else(|| wrong("it is not in the bundle".to_owned()))?;
                zip::unpack(file, entry, |part| bytes.extend_from_slice(part)).map_err(wrong)?;
            }
        }
        Ok(bytes)
    }

    /// The size and the SHA-256 of a file of it, or what is wrong with it.
    pub(super) fn digest(&self, name: &str) -> Result<(u64, String), String> {
        match &self.files {
            Files::Folder(_) => {
                let file = File::open(self.path.join(name));
                file.and_then(|mut file| digest(&mut file)).map_err(|error| error.to_string())
            }
            Files::Zip(file, entries) => {
                let entry = entries.get(name).ok_or("it is not in the bundle")?;
                let (mut hash, mut size) = (Sha256::new(), 0_u64);
                zip::unpack(file, entry, |part| {
                    hash.update(part);
                    size = size.saturating_add(part.len() as u64);
                })?;
                Ok((size, hex(&hash.finalize())))
            }
        }
    }

    /// Where a capture of it lies, so that it can be read in its place; `None` where it is packed or not there.
    #[must_use]
    pub fn lies(&self, name: &str) -> Option<Lies> {
        match &self.files {
            Files::Folder(files) => files.get(name).map(|_| Lies { path: self.path.join(name), part: None }),
            Files::Zip(_, entries) => {
                let entry = entries.get(name).filter(|entry| entry.method == Method::Stored)?;
                Some(Lies { path: self.path.clone(), part: Some(entry.part()) })
            }
        }
    }

    fn size(&self, name: &str) -> Option<u64> {
        match &self.files {
            Files::Folder(files) => files.get(name).copied(),
            Files::Zip(_, entries) => entries.get(name).map(|entry| u64::from(entry.size)),
        }
    }
}

/// The files of a folder and of those in it. A link could lead anywhere, and a pipe could wait for ever: both are refused.
fn walk(
    folder: &Path,
    before: &str,
    depth: usize,
    found: &mut BTreeMap<String, u64>,
) -> Result<(), BundleError> {
    let unreadable = |error: io::Error| {
        BundleError::new(folder.display().to_string(), error.to_string(), "check the folder")
    };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let metadata = fs::symlink_metadata(entry.path()).map_err(unreadable)?;
        let refuse = |what: &str, next| BundleError::new(entry.path().display().to_string(), what, next);
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        if metadata.is_dir() && depth < MAX_PARTS {
            walk(&entry.path(), &format!("{name}/"), depth + 1, found)?;
        } else if metadata.is_file() {
            found.insert(name, metadata.len());
        } else if metadata.is_symlink() {
            return Err(refuse(
                "a link, which could lead out of the bundle",
                "put the file itself in its place",
            ));
        } else {
            return Err(refuse("no file that a bundle has", "name a bundle that `inspect -o` wrote"));
        }
        if found.len() > MAX_FILES {
            let what = format!("it holds more than {MAX_FILES} files");
            return Err(refuse(&what, "name a bundle that `inspect -o` wrote"));
        }
    }
    Ok(())
}

//! Whether the files of a bundle are those that its manifest lists.
//!
//! Input: an opened bundle. Output: the state of each file, in the order of their names. Must not: read what they say.

use std::collections::{BTreeMap, BTreeSet};

use super::manifest::{Row, manifest, parse, sums};
use super::{Archive, BundleError, FileState, MANIFEST, SUMS, sha256};

/// What was found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Every file that is there or should be.
    pub files: Vec<FileState>,
    /// The hash of the sums, which stands for the whole bundle.
    pub seal: Option<String>,
}

impl Checked {
    /// The files that are not as they were written.
    pub fn faults(&self) -> impl Iterator<Item = &FileState> {
        self.files.iter().filter(|file| !file.is_intact())
    }

    /// Whether a file is as it was written.
    #[must_use]
    pub fn is_intact(&self, name: &str) -> bool {
        self.files.iter().any(|file| file.path == name && file.is_intact())
    }
}

/// Hashes every file.
pub fn check(archive: &Archive) -> Result<Checked, BundleError> {
    let text = archive.text(MANIFEST)?;
    let rows = parse(&text)?;
    let stated = archive.names().any(|name| name == SUMS).then(|| archive.text(SUMS)).transpose()?;
    let listed = stated.as_deref().map(summed).unwrap_or_default();
    let own = |name: &str| listed.get(name).map(String::as_str);
    let of_manifest = own_state(&text, &rows, own(MANIFEST));
    // What the manifest says counts, unless the sums say that it is another one.
    let is_manifest_sound = of_manifest.is_intact();
    let mut files = vec![of_manifest, sums_state(stated.as_deref(), &rows, &text)];
    let there: BTreeSet<&str> = archive.names().collect();
    for (path, row) in &rows {
        let state = if there.contains(path.as_str()) {
            state(path, row, archive.digest(path), own(path).filter(|_| !is_manifest_sound))
        } else {
            FileState::of(path, MISSING, Some("it is in the manifest and not in the bundle".to_owned()))
        };
        files.push(state);
    }
    let is_listed = |name: &str| rows.contains_key(name) || name == MANIFEST || name == SUMS;
    for name in there.into_iter().filter(|name| !is_listed(name)) {
        files.push(FileState::of(name, UNLISTED, Some("it is not in the manifest".to_owned())));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let seal = stated.map(|text| sha256(&text));
    Ok(Checked { files, seal })
}

/// The manifest itself: written as this program writes it, and of the hash that the sums state.
fn own_state(text: &[u8], rows: &BTreeMap<String, Row>, stated: Option<&str>) -> FileState {
    let found = sha256(text);
    let what = match stated {
        Some(stated) if stated != found => Some(format!("its SHA-256 is {found}; {SUMS} states {stated}")),
        _ if manifest(rows).as_bytes() != text => Some("it is not written as a manifest is".to_owned()),
        _ => None,
    };
    FileState::of(MANIFEST, if what.is_some() { ALTERED } else { INTACT }, what)
}

fn sums_state(stated: Option<&[u8]>, rows: &BTreeMap<String, Row>, manifest: &[u8]) -> FileState {
    let Some(stated) = stated else {
        return FileState::of(SUMS, MISSING, Some("every bundle has one".to_owned()));
    };
    let expected = sums(rows, &String::from_utf8_lossy(manifest));
    if stated == expected.as_bytes() {
        return FileState::of(SUMS, INTACT, None);
    }
    let found = String::from_utf8_lossy(stated);
    let lines = |text: &str| text.lines().map(str::to_owned).map(Some).chain([None]).collect::<Vec<_>>();
    let (expected, found) = (lines(&expected), lines(&found));
    let pairs = expected.iter().zip(&found);
    let line = pairs.take_while(|(one, other)| one == other && one.is_some()).count() + 1;
    FileState::of(SUMS, ALTERED, Some(format!("its line {line} is not what the manifest says")))
}

/// The state of a file that is there. Where the manifest and the sums disagree about it, one of those was altered and says so.
fn state(path: &str, row: &Row, digest: Result<(u64, String), String>, summed: Option<&str>) -> FileState {
    let what = match digest {
        Err(what) => Some(what),
        Ok((size, sha256)) if size == row.size && sha256 == row.sha256 => None,
        Ok((size, sha256)) if size == row.size && summed == Some(&sha256) => None,
        Ok((size, _)) if size != row.size => {
            Some(format!("it has {size} bytes; the manifest states {}", row.size))
        }
        Ok((_, sha256)) => Some(format!("its SHA-256 is {sha256}; the manifest states {}", row.sha256)),
    };
    FileState::of(path, if what.is_some() { ALTERED } else { INTACT }, what)
}

/// The hashes of `SHA256SUMS` by name; what is none is passed over, and shows where the text is compared.
fn summed(text: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(text);
    let rows = text.lines().filter_map(|line| line.split_once("  "));
    rows.map(|(sha256, name)| (name.to_owned(), sha256.to_owned())).collect()
}

pub(super) const INTACT: &str = "intact";
const ALTERED: &str = "altered";
const MISSING: &str = "missing";
const UNLISTED: &str = "unlisted";

//! What goes into a bundle, and writing it as a folder or as a zip.
//!
//! Input: texts, and captures as files with the hashes by which they were inspected. Output: the bundle's files, in the order of
//! their names, with the manifest and the sums. Must not: choose where; whoever calls sees to it that no half of it stays.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::manifest::{Row, Rows, manifest, sums};
use super::name::refusal;
use super::zip::Writer;
use super::{MANIFEST, MAX_FILES, MAX_TEXT, MAX_TEXTS, SUMS, copy, hex, sha256};

/// What a file of a bundle holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// A text that is at hand.
    Text(Vec<u8>),
    /// A copy of a file, of these bytes and no others.
    Copy {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// Its SHA-256.
        sha256: String,
    },
}

/// The files of a bundle by their names, without the manifest and the sums, which follow from them.
#[derive(Debug, Default)]
pub struct Contents {
    files: BTreeMap<String, Content>,
}

impl Contents {
    /// Adds a file. A name that may not stand in a bundle, a second file of a name, and more than a bundle holds are errors.
    pub fn add(&mut self, name: &str, content: Content) -> io::Result<()> {
        let size = |content: &Content| match content {
            Content::Text(text) => text.len() as u64,
            Content::Copy { .. } => 0,
        };
        let texts: u64 = self.files.values().map(size).sum();
        let is_too_much = size(&content) > MAX_TEXT || texts + size(&content) > MAX_TEXTS;
        if is_too_much || self.files.len() >= MAX_FILES {
            let most = MAX_TEXT >> 20;
            let what = format!("{name}: a bundle has at most {MAX_FILES} files and {most} MiB in a text");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
        }
        let is_own = name == MANIFEST || name == SUMS;
        if is_own || refusal(name).is_some() || self.files.insert(name.to_owned(), content).is_some() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{name}: no name for a file of a bundle"),
            ));
        }
        Ok(())
    }

    /// All files with their rows; the texts that follow from them are among them.
    fn whole(mut self) -> (BTreeMap<String, Content>, String) {
        let row = |content: &Content| match content {
            Content::Text(text) => Row { size: text.len() as u64, sha256: sha256(text) },
            Content::Copy { size, sha256, .. } => Row { size: *size, sha256: sha256.clone() },
        };
        let rows: Rows = self.files.iter().map(|(name, content)| (name.clone(), row(content))).collect();
        let manifest = manifest(&rows);
        let sums = sums(&rows, &manifest);
        let seal = sha256(sums.as_bytes());
        self.files.insert(MANIFEST.to_owned(), Content::Text(manifest.into_bytes()));
        self.files.insert(SUMS.to_owned(), Content::Text(sums.into_bytes()));
        (self.files, seal)
    }

    /// Writes the bundle into a folder that is there and empty; gives the hash of its sums, which stands for all of it.
    pub fn to_folder(self, folder: &Path) -> io::Result<String> {
        let (files, seal) = self.whole();
        for (name, content) in files {
            let path = folder.join(&name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let mut file = create_private(&path)?;
            match content {
                Content::Text(text) => file.write_all(&text)?,
                Content::Copy { path, size, sha256 } => {
                    let mut seen = Seen::new(&path, size, &sha256);
                    // No more than it had, and a byte that shows that it grew.
                    copy(&mut File::open(&path)?.take(size.saturating_add(1)), |bytes| {
                        seen.see(bytes);
                        file.write_all(bytes)
                    })?;
                    seen.check()?;
                }
            }
            file.sync_all()?;
        }
        Ok(seal)
    }

    /// Writes the bundle as a zip; gives the hash of its sums.
    pub fn to_zip(self, out: impl Write + Seek) -> io::Result<String> {
        let (files, seal) = self.whole();
        let mut writer = Writer::new(out);
        for (name, content) in files {
            match content {
                Content::Text(text) => writer.text(&name, &text)?,
                Content::Copy { path, size, sha256 } => {
                    let mut seen = Seen::new(&path, size, &sha256);
                    let mut file = File::open(&path)?.take(size.saturating_add(1));
                    writer.stored(&name, &mut file, |bytes| seen.see(bytes))?;
                    seen.check()?;
                }
            }
        }
        writer.finish()?;
        Ok(seal)
    }
}

/// Sees to it that what is copied is what was inspected.
struct Seen<'a> {
    path: &'a Path,
    size: u64,
    sha256: &'a str,
    hash: Sha256,
    count: u64,
}

impl<'a> Seen<'a> {
    fn new(path: &'a Path, size: u64, sha256: &'a str) -> Self {
        Self { path, size, sha256, hash: Sha256::new(), count: 0 }
    }

    fn see(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.count = self.count.saturating_add(bytes.len() as u64);
    }

    fn check(self) -> io::Result<()> {
        if self.count == self.size && hex(&self.hash.finalize()) == self.sha256 {
            return Ok(());
        }
        Err(io::Error::other(format!("{} has changed since it was inspected", self.path.display())))
    }
}

/// A new file that its owner alone may read: what a capture holds is people's conversations. What is there already, a link among it, is
/// neither replaced nor followed.
///
/// # Errors
///
/// Those of the system; [`io::ErrorKind::AlreadyExists`] where anything is at the path.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Content {
        Content::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn a_copy_is_of_the_bytes_that_were_inspected_or_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcap");
        fs::write(&path, "bytes").unwrap();
        let contents = |sha256: &str| {
            let mut contents = Contents::default();
            let copy = Content::Copy { path: path.clone(), size: 5, sha256: sha256.to_owned() };
            contents.add("inputs/a", copy).unwrap();
            contents
        };
        let bundle = folder.path().join("bundle");
        fs::create_dir(&bundle).unwrap();
        contents(&sha256(b"bytes")).to_folder(&bundle).unwrap();
        assert_eq!(fs::read_to_string(bundle.join("inputs/a")).unwrap(), "bytes");
        let mut zip = io::Cursor::new(Vec::new());
        let changed = contents(&sha256(b"other")).to_zip(&mut zip).unwrap_err();
        assert!(changed.to_string().contains("has changed"), "{changed}");
    }

    #[test]
    fn names_that_may_not_be_are_refused() {
        let mut contents = Contents::default();
        contents.add("a", text("x")).unwrap();
        for name in ["a", "../b", "manifest.json", "SHA256SUMS"] {
            assert!(contents.add(name, text("x")).is_err(), "{name}");
        }
    }
}

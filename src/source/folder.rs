//! From what the user named to inputs: a folder becomes the captures in it, in the order of their names.
//!
//! Input: paths. Output: paths of captures, each error beside the path that caused it.
//! Must not: follow folders in folders, or open what is not a regular file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::error::SourceError;
use super::{Capture, Options, STDIN};

/// The inputs that paths name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Inputs {
    /// The inputs in order; an error stands where a path, or a file in a folder, could not be looked into.
    pub captures: Vec<Result<PathBuf, SourceError>>,
    /// How many entries of the folders are something else: other files, folders, devices.
    pub others: u64,
    /// Where the bytes of inputs lie that are not at their paths: those of an earlier run, which have moved.
    pub moved: BTreeMap<PathBuf, Lies>,
}

/// Where the bytes of an input lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lies {
    /// The file.
    pub path: PathBuf,
    /// The part of it, as its first byte and its length; `None` is the whole file.
    pub part: Option<(u64, u64)>,
}

impl Inputs {
    /// Opens one of the captures, wherever it lies.
    pub(crate) fn open(
        moved: &BTreeMap<PathBuf, Lies>,
        path: &Path,
        options: &Options,
    ) -> Result<Capture, SourceError> {
        match moved.get(path) {
            None => Capture::open(path, options),
            Some(Lies { path, part: None }) => Capture::open(path, options),
            Some(Lies { path, part: Some((first, len)) }) => {
                let name = path.to_string_lossy();
                let unreadable = |error| SourceError::io(&name, &error);
                let mut file = File::open(path).map_err(unreadable)?;
                file.seek(SeekFrom::Start(*first)).map_err(unreadable)?;
                Capture::from_reader(&name, Box::new(file.take(*len)), options)
            }
        }
    }

    /// The stored bytes of one of the captures, as far as that is known before it is opened.
    pub(crate) fn size(moved: &BTreeMap<PathBuf, Lies>, path: &Path) -> u64 {
        let size = |path: &Path| {
            fs::metadata(path).ok().filter(fs::Metadata::is_file).map_or(0, |metadata| metadata.len())
        };
        match moved.get(path) {
            // As it was when it came from there.
            Some(_) if path == Path::new(STDIN) => 0,
            Some(Lies { part: Some((_, len)), .. }) => *len,
            Some(Lies { path, part: None }) => size(path),
            None => size(path),
        }
    }
}

/// The inputs that these paths name, in order. A folder expands to its captures in the order of their names, `-` stays
/// `-`, and every other path stays as it is where there is something of that name.
#[must_use]
pub fn expand(paths: &[PathBuf]) -> Inputs {
    let mut inputs = Inputs::default();
    for path in paths {
        match expand_one(path) {
            Ok(found) => {
                inputs.captures.extend(found.captures);
                inputs.others += found.others;
            }
            Err(error) => inputs.captures.push(Err(error)),
        }
    }
    inputs
}

fn expand_one(path: &Path) -> Result<Inputs, SourceError> {
    let itself = || Inputs { captures: vec![Ok(path.to_owned())], ..Inputs::default() };
    if path == Path::new(STDIN) {
        return Ok(itself());
    }
    let metadata = fs::metadata(path).map_err(|error| SourceError::io(&path.to_string_lossy(), &error))?;
    if metadata.is_dir() { folder(path) } else { Ok(itself()) }
}

/// The captures in the folder at `path`, by the first bytes of each file, not by their names.
fn folder(path: &Path) -> Result<Inputs, SourceError> {
    let unreadable = |error| SourceError::io(&path.to_string_lossy(), &error);
    let entries = fs::read_dir(path).map_err(unreadable)?;
    let mut paths =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    paths.sort();
    let mut found = Inputs::default();
    for path in paths {
        match probe(&path) {
            Ok(true) => found.captures.push(Ok(path)),
            Ok(false) => found.others += 1,
            Err(error) => found.captures.push(Err(error)),
        }
    }
    if found.captures.is_empty() {
        return Err(SourceError::no_captures(&path.to_string_lossy(), found.others));
    }
    Ok(found)
}

/// Whether the file begins as a capture.
fn probe(path: &Path) -> Result<bool, SourceError> {
    // Opening a pipe or a device may wait for ever or have effects. A broken link is something else, too.
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return Ok(false);
    }
    match Capture::open(path, &Options { hash: false, ..Options::default() }) {
        Ok(_) => Ok(true),
        Err(SourceError::Empty { .. } | SourceError::NotACapture { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sample::{gzip, lz4, tiny_pcap, zstd};

    fn names(expanded: &[Result<PathBuf, SourceError>]) -> Vec<String> {
        expanded
            .iter()
            .map(|path| path.as_ref().map_or_else(ToString::to_string, |path| file_name(path)))
            .collect()
    }

    fn file_name(path: &Path) -> String {
        path.file_name().unwrap().to_string_lossy().into_owned()
    }

    #[test]
    fn a_folder_gives_its_captures_in_name_order() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        write("b.pcap", &tiny_pcap());
        write("a.bin", &gzip(&tiny_pcap()));
        write("b.zst", &zstd(&tiny_pcap()));
        write("b.lz4", &lz4(&tiny_pcap()));
        write("c.pcap", b"no capture at all");
        write("d.pcap", b"");
        write("e.gz", &gzip(b"no capture either"));
        fs::create_dir(dir.path().join("f")).unwrap();
        let expanded = expand(&["-".into(), dir.path().to_owned(), dir.path().join("c.pcap")]);
        assert_eq!(names(&expanded.captures), ["-", "a.bin", "b.lz4", "b.pcap", "b.zst", "c.pcap"]);
        assert_eq!(expanded.others, 4);
    }

    #[test]
    fn a_folder_without_captures_and_a_missing_path_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("notes.txt"), "hello").unwrap();
        let missing = dir.path().join("missing.pcap");
        let expanded = expand(&[dir.path().to_owned(), missing]).captures;
        assert!(matches!(&expanded[0], Err(SourceError::NoCaptures { others: 1, .. })), "{expanded:?}");
        assert!(matches!(&expanded[1], Err(SourceError::NotFound { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn links_that_loop_and_devices_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("loop")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", dir.path().join("zero")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("broken")).unwrap();
        fs::write(dir.path().join("z"), tiny_pcap()).unwrap();
        let found = expand(&[dir.path().to_owned()]);
        assert_eq!((names(&found.captures), found.others), (vec!["z".to_owned()], 3));
    }
}

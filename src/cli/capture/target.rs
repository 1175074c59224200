//! Where the frames go: a file, files of a set, or standard output.
//!
//! Input: the path of `-w`. Output: new files. Must not: replace a file, or follow a link to one.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bundle::create_private;
use crate::capture::file_name;
use crate::frame::Timestamp;

/// Where the frames go.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// One file.
    File(PathBuf),
    /// Standard output.
    Output,
    /// Files with a number and a time in their names.
    Set {
        /// The folder they are in.
        folder: PathBuf,
        /// What their names begin with.
        stem: String,
        /// What they end with.
        extension: String,
    },
}

impl Target {
    /// What `-w` names; a set where there may be several files.
    pub(super) fn named(path: &Path, is_set: bool) -> Result<Self, String> {
        let is_folder = path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/');
        if is_folder {
            let (stem, extension) = (STEM.to_owned(), EXTENSION.to_owned());
            return Ok(Self::Set { folder: path.to_owned(), stem, extension });
        }
        if !is_set {
            return Ok(Self::File(path.to_owned()));
        }
        let part = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
        let stem = part(path.file_stem()).ok_or_else(|| format!("-w {}: names no file", path.display()))?;
        let extension = part(path.extension()).unwrap_or_else(|| EXTENSION.to_owned());
        Ok(Self::Set { folder: path.parent().unwrap_or(Path::new("")).to_owned(), stem, extension })
    }

    /// A file of our own among the temporary ones.
    pub(super) fn temporary() -> Self {
        let name = file_name(&format!("borderpost-{}", std::process::id()), 1, &now().to_string(), EXTENSION);
        Self::File(std::env::temp_dir().join(name))
    }

    /// The path of the file, where there is one alone.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::Output | Self::Set { .. } => None,
        }
    }

    /// Makes the file of this number, counted from 1.
    pub(super) fn create(&self, number: u64) -> Result<(File, PathBuf), String> {
        let path = match self {
            Self::File(path) => path.clone(),
            Self::Output => PathBuf::from("-"),
            Self::Set { folder, stem, extension } => {
                folder.join(file_name(stem, number, &now().to_string(), extension))
            }
        };
        match create_private(&path) {
            Ok(file) => Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(format!(
                "{}: is there already, and a capture replaces nothing; name another file with -w",
                path.display()
            )),
            Err(error) => Err(format!("{}: {error}; no frame can be written there", path.display())),
        }
    }
}

/// The time of the machine's clock, for names alone.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

const STEM: &str = "capture";
const EXTENSION: &str = "pcapng";

#[cfg(test)]
mod tests {
    use super::*;

    fn set(path: &Path, is_set: bool) -> Option<(PathBuf, String, String)> {
        match Target::named(path, is_set).unwrap() {
            Target::Set { folder, stem, extension } => Some((folder, stem, extension)),
            _ => None,
        }
    }

    #[test]
    fn a_folder_or_a_ring_is_a_set() {
        let folder = tempfile::tempdir().unwrap();
        let own = |stem: &str, extension: &str| (stem.to_owned(), extension.to_owned());
        let (at, stem, extension) = set(folder.path(), false).unwrap();
        assert_eq!((at.as_path(), (stem, extension)), (folder.path(), own("capture", "pcapng")));
        assert_eq!(set(Path::new("a/b.pcapng"), false), None);
        let (at, stem, extension) = set(Path::new("a/b.c.ntar"), true).unwrap();
        assert_eq!((at, (stem, extension)), (PathBuf::from("a"), own("b.c", "ntar")));
    }

    #[test]
    fn nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcapng");
        let target = Target::File(path.clone());
        drop(target.create(1).unwrap());
        assert!(target.create(1).unwrap_err().contains("is there already"));
        assert!(Target::File(folder.path().join("no/a")).create(1).unwrap_err().contains("no/a"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed_and_others_may_not_read() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (link, aim) = (folder.path().join("link"), folder.path().join("aim"));
        symlink(&aim, &link).unwrap();
        assert!(Target::File(link).create(1).is_err());
        assert!(!aim.exists());
        let (file, _) = Target::File(aim).create(1).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

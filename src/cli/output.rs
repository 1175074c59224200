//! Where results go: standard output, or a file that is whole or not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Writes to standard output. A closed one is not an error: whoever reads it has seen enough.
pub(super) fn to_stdout(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Refuses to write over one of the inputs, by whatever path or link it is named.
pub(super) fn refuse_inputs<P: AsRef<Path>>(
    file: &Path,
    inputs: impl IntoIterator<Item = P>,
) -> Result<(), String> {
    let Ok(known) = fs::canonicalize(file) else { return Ok(()) };
    let is_same = |input: P| fs::canonicalize(input).is_ok_and(|input| input == known);
    if inputs.into_iter().any(is_same) {
        return Err(format!("{}: is an input; name another file for -o", file.display()));
    }
    Ok(())
}

/// Writes a file so that its path holds the old content or the new one, never half of it. A device or a pipe is written to as it is.
pub(super) fn to_file(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    to_file_by(path, |file| file.write_all(content.as_ref()))
}

/// The same for content that is written piece by piece.
pub(super) fn to_file_by<T, E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<T, E> {
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        let mut out = OpenOptions::new().write(true).open(path)?;
        let filled = fill(&mut out)?;
        return Ok(out.flush().map(|()| filled)?);
    }
    replace(path, fill)
}

/// The rule of every output: what is written goes to a temporary file beside the path, is synchronised, and is renamed. Where
/// that fails, the path holds what it held.
pub(super) fn replace<T, E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<T, E> {
    let path = &followed(path);
    let beside = beside(path, PARTIAL)?;
    let written = write_whole(&beside, fill);
    let written = written.and_then(|filled| Ok(fs::rename(&beside, path).map(|()| filled)?));
    if written.is_err() {
        // The rename did not happen, so the temporary file is all there is to clear away.
        drop(fs::remove_file(&beside));
        return written;
    }
    // It is there: a folder that does not let itself be synchronised takes nothing of it away.
    drop(sync_folder(path));
    written
}

/// The same of a folder: it is filled beside its path and renamed, and takes the place of what was there.
pub(super) fn replace_folder<T>(path: &Path, fill: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let path = &followed(path);
    let (partial, old) = (beside(path, PARTIAL)?, beside(path, OLD)?);
    fs::create_dir(&partial)?;
    let written = fill(&partial).and_then(|filled| {
        sync_folders(&partial)?;
        take_place(&partial, path, &old)?;
        Ok(filled)
    });
    if written.is_err() {
        drop(fs::remove_dir_all(&partial));
    }
    written
}

/// A folder that has something in it cannot be renamed over: it steps aside, and comes back where the new one does not come.
fn take_place(new: &Path, path: &Path, old: &Path) -> io::Result<()> {
    let has_old = fs::metadata(path).is_ok();
    if has_old {
        fs::rename(path, old)?;
    }
    if let Err(error) = fs::rename(new, path) {
        if has_old {
            fs::rename(old, path)?;
        }
        return Err(error);
    }
    drop(sync_folder(path));
    if has_old { fs::remove_dir_all(old) } else { Ok(()) }
}

/// Synchronises a folder and those in it.
fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_folders(&path)?;
        }
    }
    open_folder(folder)
}

/// Lets nobody but its owner at a file or a folder, where the system has such rights; before anything is in it.
#[cfg(unix)]
pub(super) fn keep_private(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

/// Where there are no such rights, a file has those of its folder.
#[cfg(not(unix))]
pub(super) fn keep_private(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

/// A link is followed, so that the file it names is replaced and not the link.
fn followed(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// A hidden name beside the path.
fn beside(path: &Path, kind: &str) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "the path names no file"));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.{kind}", std::process::id()));
    Ok(path.with_file_name(hidden))
}

fn write_whole<T, E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<T, E> {
    let mut out = OpenOptions::new().write(true).create_new(true).open(path)?;
    let filled = fill(&mut out)?;
    out.sync_all()?;
    Ok(filled)
}

/// Synchronises the folder that the path is in.
fn sync_folder(path: &Path) -> io::Result<()> {
    open_folder(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// On systems where a folder cannot be opened as a file there is nothing to synchronise.
fn open_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder) {
        Ok(folder) if cfg!(unix) => folder.sync_all(),
        _ => Ok(()),
    }
}

/// The last part of the name of what is being written, and of what it takes the place of.
const PARTIAL: &str = "partial";
const OLD: &str = "old";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        to_file(&path, "old").unwrap();
        to_file(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_fails_half_way_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let (file, inner) = (folder.path().join("a.zip"), folder.path().join("bundle"));
        to_file(&file, "old").unwrap();
        replace_folder(&inner, |path| fs::write(path.join("x"), "old")).unwrap();
        let full = || io::Error::from(ErrorKind::StorageFull);
        let failed = replace(&file, |out| out.write_all(b"ne").and_then(|()| Err::<(), _>(full())));
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::StorageFull);
        let failed = replace_folder(&inner, |path| {
            fs::write(path.join("x"), "ne").and_then(|()| Err::<(), _>(full()))
        });
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        assert_eq!(fs::read_to_string(inner.join("x")).unwrap(), "old");
        replace_folder(&inner, |path| fs::write(path.join("y"), "new")).unwrap();
        assert!(!inner.join("x").exists() && inner.join("y").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_folder_that_is_not_there_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(to_file(&folder.path().join("no/report.json"), "x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_device_is_an_error() {
        assert!(to_file(Path::new("/dev/full"), "x").is_err());
    }
}

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

/// Writes a file so that its path holds the old content or the new one, never half of it: a temporary file beside it
/// is written, synchronised and renamed. A device or a pipe is written to as it is.
pub(super) fn to_file(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    to_file_by(path, |file| file.write_all(content.as_ref()))
}

/// The same for content that is written piece by piece.
pub(super) fn to_file_by<T, E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<T, E> {
    let path = &followed(path);
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        let mut out = OpenOptions::new().write(true).open(path)?;
        let written = write(&mut out)?;
        return Ok(out.flush().map(|()| written)?);
    }
    let beside = temporary(path)?;
    let written = write_whole(&beside, write);
    let written = written.and_then(|written| Ok(fs::rename(&beside, path).map(|()| written)?));
    if written.is_err() {
        // The rename did not happen, so the temporary file is all there is to clear away.
        drop(fs::remove_file(&beside));
    }
    written
}

/// A link is followed, so that the file it names is replaced and not the link.
fn followed(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn temporary(path: &Path) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "the path names no file"));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.partial", std::process::id()));
    Ok(path.with_file_name(hidden))
}

fn write_whole<T, E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<T, E> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = write(&mut file)?;
    file.sync_all()?;
    sync_folder(path)?;
    Ok(written)
}

/// On systems where a folder cannot be opened as a file there is nothing to synchronise.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(folder) {
        Ok(folder) if cfg!(unix) => folder.sync_all(),
        _ => Ok(()),
    }
}

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

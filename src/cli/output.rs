//! Where results go: standard output, or a file that is whole or not there.
//!
//! A file that is made is new: nothing is followed, nobody but its owner may read it. What is at its path already is replaced only
//! where that was asked for, or where this run made it itself.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::Args;

use crate::bundle::create_private;

/// Writes to standard output. A closed one is not an error: whoever reads it has seen enough.
pub(super) fn to_stdout(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// What may be written over.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Over {
    /// Replace what is at the path of an output already: a file, or a symbolic link itself, which is never followed; write into a
    /// device or a pipe
    #[arg(long)]
    force: bool,
}

impl Over {
    /// How files are written by that.
    pub(super) fn outlet(self) -> Outlet {
        Outlet::new(self.force)
    }

    /// The same, where the user named this file as the one to be written again.
    pub(super) fn outlet_again(self, is_named: bool) -> Outlet {
        Outlet::new(self.force || is_named)
    }
}

/// How a run writes its files.
#[derive(Debug, Default)]
pub(super) struct Outlet {
    /// Whether what is at a path already may be replaced.
    force: bool,
    /// What this run made, which it may replace unasked.
    made: Mutex<BTreeMap<PathBuf, Identity>>,
}

/// By which a file is known under whatever name: its device and number, where the system has them.
type Identity = Option<(u64, u64)>;

/// What is at a path, itself and not what a link leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum There {
    Nothing,
    File,
    Folder,
    Link,
    /// A link to a device or a pipe, or one of those whose place in a system nothing else may take, such as `/dev/stdout`.
    LinkToDevice,
    Device,
}

impl There {
    fn is(path: &Path) -> Self {
        let Ok(known) = fs::symlink_metadata(path) else { return Self::Nothing };
        let is_device = |known: &Metadata| !known.is_file() && !known.is_dir();
        match known.file_type() {
            kind if kind.is_file() => Self::File,
            kind if kind.is_dir() => Self::Folder,
            kind if !kind.is_symlink() => Self::Device,
            _ if fs::metadata(path).is_ok_and(|aim| is_device(&aim)) || is_of_system(path) => {
                Self::LinkToDevice
            }
            _ => Self::Link,
        }
    }
}

/// What a link says that it leads to, where that can be named.
fn aim(link: &Path) -> Option<PathBuf> {
    let aim = link.parent()?.join(fs::read_link(link).ok()?);
    is_taken(&aim).then_some(aim)
}

/// Whether what is there is the system's, wherever it leads to just now.
fn is_of_system(path: &Path) -> bool {
    let folder = path.parent().and_then(|folder| fs::canonicalize(folder).ok());
    folder.is_some_and(|folder| folder.starts_with("/dev") || folder.starts_with("/proc"))
}

impl Outlet {
    /// One that replaces what is there already, or does not.
    pub(super) fn new(force: bool) -> Self {
        Self { force, ..Self::default() }
    }

    /// Refuses to write over one of the inputs, and what is at the path already where it may not be replaced. Before anything is
    /// read, so that nobody waits for a report that cannot be written; what comes there meanwhile is refused when it is.
    pub(super) fn check<P: AsRef<Path>>(
        &self,
        path: &Path,
        inputs: impl IntoIterator<Item = P>,
    ) -> Result<(), String> {
        refuse_inputs(path, inputs)?;
        let path = plain(path);
        let is_empty = || fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_none());
        let shown = path.display();
        match There::is(&path) {
            There::LinkToDevice => {
                let instead = aim(&path).map(|aim| format!("{} itself", aim.display()));
                let instead = instead.as_deref().unwrap_or("what it leads to");
                Err(format!("{shown} is a symbolic link to a device or a pipe: name {instead}"))
            }
            There::Nothing => Ok(()),
            _ if self.force || self.has_made(&path) => Ok(()),
            There::Folder if is_empty() => Ok(()),
            There::File | There::Folder => Err(format!("{shown} {EXISTS}")),
            There::Link => Err(format!(
                "{shown} is a symbolic link: --force replaces the link, and not what it leads to"
            )),
            There::Device => Err(format!("{shown} is a device or a pipe: --force writes into it")),
        }
    }

    /// Writes a file so that its path holds the old content or the new one, never half of it. A device or a pipe is written to as
    /// it is, where that was asked for.
    pub(super) fn to_file(&self, path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
        self.to_file_by(path, |file| file.write_all(content.as_ref()))
    }

    /// The same for content that is written piece by piece.
    pub(super) fn to_file_by<T, E: From<io::Error>>(
        &self,
        path: &Path,
        fill: impl FnOnce(&mut File) -> Result<T, E>,
    ) -> Result<T, E> {
        if !is_device(path) {
            return self.replace(path, fill);
        }
        let mut out = open_device(path, self.force)?;
        let filled = fill(&mut out)?;
        Ok(out.flush().map(|()| filled)?)
    }

    /// The rule of every output: what is written goes to a new file beside the path, is synchronised, and is renamed. Where
    /// that fails, the path holds what it held. A link there is replaced itself.
    pub(super) fn replace<T, E: From<io::Error>>(
        &self,
        path: &Path,
        fill: impl FnOnce(&mut File) -> Result<T, E>,
    ) -> Result<T, E> {
        let beside = beside(path, PARTIAL)?;
        let written = write_whole(&beside, fill).and_then(|(filled, known)| {
            self.take_path(&beside, path)?;
            self.note_made(path, &known);
            Ok(filled)
        });
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
    pub(super) fn replace_folder<T>(
        &self,
        path: &Path,
        fill: impl FnOnce(&Path) -> io::Result<T>,
    ) -> io::Result<T> {
        let path = &plain(path);
        self.check(path, [] as [&Path; 0]).map_err(|what| io::Error::new(ErrorKind::AlreadyExists, what))?;
        let (partial, old) = (beside(path, PARTIAL)?, beside(path, OLD)?);
        make_folder(&partial)?;
        let written = fill(&partial).and_then(|filled| {
            sync_folders(&partial)?;
            take_place(&partial, path, &old)?;
            Ok(filled)
        });
        match &written {
            Err(_) => drop(fs::remove_dir_all(&partial)),
            Ok(_) => {
                if let Ok(known) = fs::symlink_metadata(path) {
                    self.note_made(path, &known);
                }
            }
        }
        written
    }

    /// Renames what was written; over what is there only where that may be replaced.
    fn take_path(&self, from: &Path, path: &Path) -> io::Result<()> {
        match There::is(path) {
            There::LinkToDevice => Err(exists()),
            _ if self.force || self.has_made(path) => fs::rename(from, path),
            _ => rename_new(from, path),
        }
    }

    /// Whether what is at the path is what this run put there.
    fn has_made(&self, path: &Path) -> bool {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = made.get(path) else { return false };
        fs::symlink_metadata(path).is_ok_and(|now| identity(&now) == *known)
    }

    fn note_made(&self, path: &Path, known: &Metadata) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.insert(path.to_owned(), identity(known));
    }
}

/// Whether there is a device or a pipe at the path, into which is written and which nothing replaces.
pub(super) fn is_device(path: &Path) -> bool {
    There::is(path) == There::Device
}

/// Whether there is anything at the path.
pub(super) fn is_taken(path: &Path) -> bool {
    There::is(path) != There::Nothing
}

/// Refuses two outputs that are one file, by whatever way to its folder they are named. Before anything is read.
pub(super) fn refuse_same<'a>(outputs: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), String> {
    let mut known = BTreeMap::new();
    for path in outputs {
        if let Some(first) = known.insert(place(path), path) {
            let (shown, first) = (path.display(), first.display());
            return Err(format!("{shown}: the file that -o names as {first}, too; name another file"));
        }
    }
    Ok(())
}

/// The one path of an output: that of its folder, and its name in it. A link in its place is replaced itself.
fn place(path: &Path) -> PathBuf {
    let path = plain(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Refuses to write over one of the inputs, by whatever path or link it is named, hard ones among them.
fn refuse_inputs<P: AsRef<Path>>(file: &Path, inputs: impl IntoIterator<Item = P>) -> Result<(), String> {
    let (Ok(known), Ok(path)) = (fs::metadata(file), fs::canonicalize(file)) else { return Ok(()) };
    let this = identity(&known).filter(|_| known.is_file());
    let is_same = |input: P| {
        let input = input.as_ref();
        let is_linked = this.is_some() && fs::metadata(input).is_ok_and(|input| identity(&input) == this);
        is_linked || fs::canonicalize(input).is_ok_and(|input| input == path)
    };
    if inputs.into_iter().any(is_same) {
        return Err(format!("{}: is an input; name another file for -o", file.display()));
    }
    Ok(())
}

/// Opens a device or a pipe, and nothing that has come in its place.
fn open_device(path: &Path, force: bool) -> io::Result<File> {
    if !force {
        return Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "is a device or a pipe: --force writes into it",
        ));
    }
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, NO_FOLLOW);
    let out = options.open(path)?;
    if out.metadata()?.is_file() { Err(exists()) } else { Ok(out) }
}

#[cfg(unix)]
const NO_FOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

fn exists() -> io::Error {
    io::Error::new(ErrorKind::AlreadyExists, EXISTS)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere files have no numbers")]
fn identity(known: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    Some((known.dev(), known.ino()))
}

/// Where files have no numbers, they are known by their paths.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    None
}

/// Renames what is at `from`, and replaces nothing: in one step, where system and file system can.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => return Err(exists()),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if There::is(to) == There::Nothing { fs::rename(from, to) } else { Err(exists()) }
}

/// A folder that has something in it cannot be renamed over: it steps aside, and comes back where the new one does not come.
fn take_place(new: &Path, path: &Path, old: &Path) -> io::Result<()> {
    let has_old = match There::is(path) {
        There::Nothing => false,
        There::Folder => fs::rename(path, old).map(|()| true)?,
        // Nothing is lost with it.
        There::Link => fs::remove_file(path).map(|()| false)?,
        There::File | There::LinkToDevice | There::Device => return Err(exists()),
    };
    if let Err(error) = rename_new(new, path) {
        if has_old {
            fs::rename(old, path)?;
        }
        return Err(error);
    }
    drop(sync_folder(path));
    if has_old { fs::remove_dir_all(old) } else { Ok(()) }
}

/// Makes a folder that its owner alone may look into.
fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
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

/// The path without what makes a system follow a link at its end.
pub(super) fn plain(path: &Path) -> PathBuf {
    let path: PathBuf = path.components().collect();
    if path.file_name().is_some() { path } else { fs::canonicalize(&path).unwrap_or(path) }
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

/// Fills a new file, to its last byte on the disk.
fn write_whole<T, E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<(T, Metadata), E> {
    let mut out = create_private(path)?;
    let filled = fill(&mut out)?;
    out.sync_all()?;
    Ok((filled, out.metadata()?))
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

/// What there is to say of a path that is taken, behind it.
const EXISTS: &str = "exists: --force replaces it";
/// The last part of the name of what is being written, and of what it takes the place of.
const PARTIAL: &str = "partial";
const OLD: &str = "old";

#[cfg(test)]
mod tests {
    use super::*;

    fn forced() -> Outlet {
        Outlet::new(true)
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        forced().to_file(&path, "old").unwrap();
        forced().to_file(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_run_replaces_what_it_made_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (path, bundle) = (folder.path().join("report.json"), folder.path().join("bundle"));
        let (own, other) = (Outlet::default(), Outlet::default());
        for content in ["first", "second"] {
            own.check(&path, [] as [&Path; 0]).unwrap();
            own.to_file(&path, content).unwrap();
            own.replace_folder(&bundle, |path| fs::write(path.join("x"), content)).unwrap();
        }
        assert!(
            other
                .check(&path, [] as [&Path; 0])
                .unwrap_err()
                .ends_with("report.json exists: --force replaces it")
        );
        assert!(
            other
                .check(&bundle, [] as [&Path; 0])
                .unwrap_err()
                .ends_with("bundle exists: --force replaces it")
        );
        assert_eq!(other.to_file(&path, "third").unwrap_err().to_string(), EXISTS);
        assert!(other.replace_folder(&bundle, |path| fs::write(path.join("x"), "third")).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(fs::read_to_string(bundle.join("x")).unwrap(), "second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn what_another_put_in_the_place_of_a_report_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let own = Outlet::default();
        own.to_file(&path, "so far").unwrap();
        // Its number is not given to another file while it is there.
        fs::rename(&path, folder.path().join("aside")).unwrap();
        fs::write(&path, "another's").unwrap();
        assert_eq!(own.to_file(&path, "whole").unwrap_err().to_string(), EXISTS);
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_fails_half_way_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let (file, inner) = (folder.path().join("a.zip"), folder.path().join("bundle"));
        forced().to_file(&file, "old").unwrap();
        forced().replace_folder(&inner, |path| fs::write(path.join("x"), "old")).unwrap();
        let full = || io::Error::from(ErrorKind::StorageFull);
        let failed = forced().replace(&file, |out| out.write_all(b"ne").and_then(|()| Err::<(), _>(full())));
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::StorageFull);
        let failed = forced().replace_folder(&inner, |path| {
            fs::write(path.join("x"), "ne").and_then(|()| Err::<(), _>(full()))
        });
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        assert_eq!(fs::read_to_string(inner.join("x")).unwrap(), "old");
        forced().replace_folder(&inner, |path| fs::write(path.join("y"), "new")).unwrap();
        assert!(!inner.join("x").exists() && inner.join("y").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_folder_that_is_not_there_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Outlet::default().to_file(&folder.path().join("no/report.json"), "x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_made_is_its_owners_and_a_link_is_replaced_itself() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("aim"), "kept").unwrap();
        fs::create_dir(path("room")).unwrap();
        fs::write(path("room/kept"), "kept").unwrap();
        symlink(path("aim"), path("link")).unwrap();
        symlink(path("room"), path("way")).unwrap();
        assert!(Outlet::default().to_file(&path("link"), "x").is_err());
        forced().to_file(&path("link"), "x").unwrap();
        forced().replace_folder(&path("way/"), |path| fs::write(path.join("x"), "new")).unwrap();
        assert_eq!(fs::read_to_string(path("aim")).unwrap(), "kept");
        assert_eq!(fs::read_to_string(path("room/kept")).unwrap(), "kept");
        let mode = |name: &str| fs::symlink_metadata(path(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("link"), mode("way")), (0o600, 0o700));
        assert!(path("link").is_file() && path("way").is_dir());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_is_written_into_where_that_is_asked_for() {
        assert!(Outlet::default().to_file(Path::new("/dev/null"), "x").is_err());
        forced().to_file(Path::new("/dev/null"), "x").unwrap();
        assert!(forced().to_file(Path::new("/dev/full"), "x").is_err());
        assert!(is_device(Path::new("/dev/null")) && !is_device(Path::new("/dev/stdout")));
        // Wherever it leads to, no file takes its place.
        let stdout = Path::new("/dev/stdout");
        assert!(forced().check(stdout, [] as [&Path; 0]).is_err() || !is_taken(stdout));
    }
}

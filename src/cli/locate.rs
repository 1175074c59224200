//! Where the captures and databases of a recorded run are now: each is known by its size and its hash, and by nothing else.
//!
//! Input: a bundle's record, and paths that the user names. Output: the record as a world to run in. Must not: open what is no
//! regular file, or take a file for one that has other bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::bundle::{self, Archive, Cause, Checked, FileOfRun, Found, Run, Verification};
use crate::cli::world::{Kept, Recorded, World};
use crate::source::{Inputs, Lies};

/// The places to look in.
pub(super) struct Search {
    /// The folder that the bundle lies in.
    beside: PathBuf,
    /// The files that the user named, and those in folders that the user named.
    given: Vec<Given>,
    /// What was hashed already.
    hashed: BTreeMap<PathBuf, String>,
    /// The files that were of use.
    used: BTreeSet<PathBuf>,
}

struct Given {
    path: PathBuf,
    /// Whether it was named itself.
    is_named: bool,
}

impl Search {
    pub(super) fn new(bundle: &Path, given: &[PathBuf]) -> Result<Self, String> {
        let beside = fs::canonicalize(bundle).ok().and_then(|path| path.parent().map(Path::to_owned));
        let mut files = Vec::new();
        for path in given {
            let unreadable = |error| format!("{}: {error}; check the path", path.display());
            if !fs::metadata(path).map_err(unreadable)?.is_dir() {
                files.push(Given { path: path.clone(), is_named: true });
                continue;
            }
            let entries = fs::read_dir(path).map_err(unreadable)?;
            let mut inner =
                entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
            inner.sort();
            files.extend(inner.into_iter().map(|path| Given { path, is_named: false }));
        }
        let (hashed, used) = (BTreeMap::new(), BTreeSet::new());
        Ok(Self { beside: beside.unwrap_or_default(), given: files, hashed, used })
    }

    /// Finds a file: among those given, in the bundle, where it was, or beside the bundle.
    fn find(&mut self, file: &FileOfRun, copy: Option<Lies>) -> Option<(&'static str, Lies)> {
        let given: Vec<PathBuf> = self.given.iter().map(|given| given.path.clone()).collect();
        if let Some(path) = given.into_iter().find(|path| self.is(path, file)) {
            self.used.insert(path.clone());
            return Some((GIVEN, Lies { path, part: None }));
        }
        if let Some(lies) = copy {
            return Some(("bundle", lies));
        }
        let recorded = PathBuf::from(&file.path);
        let beside = recorded.file_name().map(|name| self.beside.join(name));
        if self.is(&recorded, file) {
            return Some(("recorded_path", Lies { path: recorded, part: None }));
        }
        let path = beside.filter(|path| self.is(path, file))?;
        Some(("beside_bundle", Lies { path, part: None }))
    }

    /// The file among those given that a redacted capture was made from.
    pub(super) fn original(&mut self, sha256: &str, size: u64) -> Option<PathBuf> {
        let file = FileOfRun { size, sha256: sha256.to_owned(), ..FileOfRun::default() };
        let given: Vec<PathBuf> = self.given.iter().map(|given| given.path.clone()).collect();
        let path = given.into_iter().find(|path| self.is(path, &file))?;
        self.used.insert(path.clone());
        Some(path)
    }

    /// Whether it is that file. Only one of the same size is hashed.
    fn is(&mut self, path: &Path, file: &FileOfRun) -> bool {
        let is_like = fs::metadata(path).is_ok_and(|known| known.is_file() && known.len() == file.size);
        is_like && self.hash(path).is_some_and(|sha256| sha256 == file.sha256)
    }

    fn hash(&mut self, path: &Path) -> Option<String> {
        if let Some(known) = self.hashed.get(path) {
            return Some(known.clone());
        }
        let (_, sha256) = bundle::digest(&mut File::open(path).ok()?).ok()?;
        self.hashed.insert(path.to_owned(), sha256.clone());
        Some(sha256)
    }

    /// The files that the user named and that are none of the run's, with their hashes.
    fn strangers(&mut self) -> Vec<(PathBuf, String)> {
        let named: Vec<PathBuf> =
            self.given.iter().filter(|given| given.is_named).map(|given| given.path.clone()).collect();
        let strange: Vec<PathBuf> = named.into_iter().filter(|path| !self.used.contains(path)).collect();
        let is_file = |path: &PathBuf| fs::metadata(path).is_ok_and(|known| known.is_file());
        strange
            .into_iter()
            .filter(is_file)
            .filter_map(|path| Some((path.clone(), self.hash(&path)?)))
            .collect()
    }
}

/// The recorded run as a world, where everything that it read is at hand. What was found and what not is noted.
pub(super) fn recorded(
    run: &Run,
    archive: &Archive,
    checked: &Checked,
    search: &mut Search,
    verification: &mut Verification,
) -> Result<Option<World>, String> {
    let mut files = BTreeMap::new();
    let mut captures = Inputs { others: run.files_skipped, ..Inputs::default() };
    let copy = |file: &FileOfRun| file.copy.clone().filter(|copy| checked.is_intact(copy));
    for file in &run.files {
        let kept = match copy(file) {
            Some(copy) => {
                let bytes = archive.text(&copy).map_err(|error| error.to_string())?;
                // The manifest and the record speak of the same bytes, or one of them was made up.
                (bundle::sha256(&bytes) == file.sha256).then_some(Kept::Bytes(bytes))
            }
            None => look(file, None, search, verification).map(|lies| Kept::At(lies.path)),
        };
        match kept {
            Some(kept) => drop(files.insert(file.path.clone(), kept)),
            None => verification.not_done.push(missing(file, "a file that an option of the run names")),
        }
    }
    for file in &run.inputs {
        let lies = copy(file).and_then(|copy| archive.lies(&copy));
        let path = PathBuf::from(&file.path);
        match look(file, lies, search, verification) {
            Some(lies) => drop(captures.moved.insert(path.clone(), lies)),
            None => verification.not_done.push(missing(file, "a capture of the run")),
        }
        captures.captures.push(Ok(path));
    }
    for (path, sha256) in search.strangers() {
        let says =
            format!("{} is none of the files that the run read: its SHA-256 is {sha256}", path.display());
        verification.causes.push(Cause::capture_altered(says));
    }
    let cells = run.cells.iter().map(PathBuf::from).collect();
    let is_whole = verification.not_done.is_empty();
    Ok(is_whole.then_some(World::Recorded(Recorded { files, captures, cells })))
}

/// Looks for a file, and notes where it was found.
fn look(
    file: &FileOfRun,
    copy: Option<Lies>,
    search: &mut Search,
    verification: &mut Verification,
) -> Option<Lies> {
    let found = search.find(file, copy);
    verification.read.push(Found {
        path: file.path.clone(),
        sha256: file.sha256.clone(),
        by: found.as_ref().map(|(by, _)| *by),
        found: found.as_ref().map(|(_, lies)| lies.path.display().to_string()),
    });
    found.map(|(_, lies)| lies)
}

fn missing(file: &FileOfRun, what: &str) -> String {
    let at = fs::metadata(&file.path).is_ok_and(|known| known.is_file());
    let other = if at { "; what is at its recorded path has other bytes" } else { "" };
    format!("{}: {what}, not found{other}; name it behind the bundle", file.path)
}

const GIVEN: &str = "given";

//! The cage: what of the machine this program gives up before it reads what others may have made.
//!
//! Input: the arguments, which name what is read and written. Output: a process that can read what was named, write beside its
//! outputs, and do nothing else: no socket, no program, no process, no capability. Each step is read back, and a forbidden act is
//! tried. Must not: go on where something is said to hold that does not; stop where the system has no such thing.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(super) mod trial;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::ArgMatches;

#[cfg(target_os = "linux")]
use self::linux::enter;
use crate::bundle::{Archive, RUN, Run};
use crate::cli::args::{Arguments, Baseline, Capturing, Command};
use crate::cli::message::say;
use crate::cli::redact::log_path;
use crate::inspect;
use crate::source::STDIN;
use crate::study::Study;

/// What a run needs of the machine.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there is a cage on Linux alone"))]
#[derive(Clone, Default, Debug)]
pub(super) struct Plan {
    /// What may be read, with all that is below it.
    reads: BTreeSet<PathBuf>,
    /// The files and folders to be written; what is beside them may be written, too, because outputs are renamed into place.
    outputs: Vec<PathBuf>,
    /// Whether signals are waited for.
    follows: bool,
    /// Whether keys are read and a screen is drawn.
    has_screen: bool,
}

/// What holds, and what the system does not have, in words.
#[derive(Default, Debug)]
pub(super) struct Cage {
    holds: Vec<String>,
    missing: Vec<String>,
}

/// Locks this process in, where its command reads what others may have made. No other thread may run yet.
pub(super) fn lock_in(arguments: &Arguments, matches: &ArgMatches) -> Result<(), String> {
    match Plan::of(&arguments.command, matches) {
        Some(plan) => Door::new(plan, Switches::of(arguments)).shut(),
        None => Ok(()),
    }
}

/// The way into a cage, for a thread that is yet to be started: `capture` starts programs and asks the system beside its analysis.
#[derive(Debug)]
pub(super) struct Door {
    plan: Plan,
    switches: Switches,
}

/// What the user says of the cage itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Switches {
    /// Whether it is left out.
    pub(super) is_left_out: bool,
    /// Whether what holds is told.
    pub(super) is_told: bool,
}

impl Switches {
    pub(super) const fn of(arguments: &Arguments) -> Self {
        Self { is_left_out: arguments.no_cage, is_told: arguments.verbose }
    }
}

impl Door {
    /// That of the analysis of what is captured.
    pub(super) fn of_capture(capturing: &Capturing, switches: Switches, matches: &ArgMatches) -> Self {
        let reporting = &capturing.reporting;
        let mut plan = Plan {
            // The files of the evidence are not there yet.
            reads: BTreeSet::from([capturing.capture.folder()]),
            outputs: reporting.output.clone(),
            follows: true,
            has_screen: reporting.live.is_asked(),
        };
        plan.read_named(matches);
        Self::new(plan, switches)
    }

    const fn new(plan: Plan, switches: Switches) -> Self {
        Self { plan, switches }
    }

    /// Locks in this thread and those that it starts.
    pub(super) fn shut(self) -> Result<(), String> {
        let tell = |what: &str| {
            if self.switches.is_told {
                say(what);
            }
        };
        if self.switches.is_left_out {
            tell("not locked in: --no-cage");
            return Ok(());
        }
        // The system tells by files that no analysis reads; what it told is remembered.
        let _: NonZeroUsize = inspect::all_processors();
        let cage = enter(&self.plan).map_err(|what| {
            format!("the program could not be locked in: {what}; nothing was read. Go on without: --no-cage")
        })?;
        for what in &cage.holds {
            tell(&format!("locked in: {what}"));
        }
        for what in &cage.missing {
            tell(&format!("not locked in: {what}"));
        }
        Ok(())
    }
}

/// Where there is no cage, that is what there is to say.
#[cfg(not(target_os = "linux"))]
fn enter(_: &Plan) -> Result<Cage, String> {
    let missing = vec![format!("{} has neither Landlock nor seccomp", std::env::consts::OS)];
    Ok(Cage { holds: Vec::new(), missing })
}

impl Plan {
    /// What the command needs; `None` for those that read nothing of others, or have to start programs and ask the system.
    fn of(command: &Command, matches: &ArgMatches) -> Option<Self> {
        let mut plan = Self::default();
        match command {
            Command::Inspect(inspect) => {
                plan.outputs.clone_from(&inspect.reporting.output);
                plan.follows = inspect.follow;
                plan.has_screen = inspect.follow && inspect.reporting.live.is_asked();
            }
            Command::Diff(diff) => plan.outputs.clone_from(&diff.telling.output),
            Command::Baseline { action } => match &**action {
                Baseline::Learn(learn) => plan.outputs.push(learn.output.clone()),
                Baseline::Check(check) => plan.outputs.clone_from(&check.telling.output),
                Baseline::Update(update) => {
                    plan.outputs.push(update.output.clone().unwrap_or_else(|| update.file.clone()));
                }
            },
            Command::Redact(redact) => plan.outputs.push(redact.output.clone()),
            Command::Verify(verify) => plan.read_record(&verify.bundle),
            Command::Explain(_) | Command::Info(_) | Command::Register { .. } | Command::Claims { .. } => {}
            Command::Capture(_)
            | Command::Interfaces(_)
            | Command::Doctor(_)
            | Command::Geoip { .. }
            | Command::Completions(_)
            | Command::Man(_) => return None,
        }
        plan.read_named(matches);
        Some(plan)
    }

    /// All that the user named.
    fn read_named(&mut self, matches: &ArgMatches) {
        let mut named = Vec::new();
        values(matches, &mut named);
        for value in named {
            self.read(&value);
        }
    }

    /// A plan that reads this and nothing else.
    fn reading(path: &Path) -> Self {
        Self { reads: BTreeSet::from([path.to_owned()]), ..Self::default() }
    }

    /// What a value of an argument names, where it names something; some have a day behind the name.
    fn read(&mut self, value: &OsString) {
        let dated =
            value.to_str().and_then(|text| text.rsplit_once('@')).map(|(path, _)| PathBuf::from(path));
        for path in [Some(PathBuf::from(value)), dated].into_iter().flatten() {
            if path.as_os_str().is_empty() || path == Path::new(STDIN) || !path.exists() {
                continue;
            }
            if path.is_dir() {
                self.read_links(&path, FOLDERS);
            }
            self.read_file(&path);
            if is_manifest(&path) {
                self.read_study(&path);
            }
        }
    }

    /// A file, and the log that lies beside it where it is a redacted capture.
    fn read_file(&mut self, path: &Path) {
        let log = log_path(path);
        self.reads.extend(log.is_file().then_some(log));
        self.reads.insert(path.to_owned());
    }

    /// What links in a folder lead to: such captures are read like the others.
    fn read_links(&mut self, folder: &Path, depth: usize) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_ENTRIES) {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_symlink() {
                self.reads.extend(fs::canonicalize(entry.path()).ok().filter(|path| path.is_file()));
            } else if kind.is_dir() && depth > 0 {
                self.read_links(&entry.path(), depth - 1);
            }
        }
    }

    /// The captures that the manifest of a study names. It is the user's, and is read outside.
    fn read_study(&mut self, path: &Path) {
        let is_short = fs::metadata(path).is_ok_and(|known| known.is_file() && known.len() <= MOST_MANIFEST);
        let Some(text) = is_short.then(|| fs::read_to_string(path).ok()).flatten() else { return };
        let folder = path.parent().unwrap_or(Path::new(""));
        let find = |path: &Path| fs::canonicalize(path).ok();
        if let Ok(study) = Study::parse(&path.display().to_string(), &text, folder, &find) {
            for path in study.captures().iter().chain(&study.marks()) {
                self.read_file(path);
            }
        }
    }

    /// What a bundle says that its run read, and what of those names lies beside it. A thread finds out that is locked in already,
    /// since the bundle is another's.
    fn read_record(&mut self, bundle: &Path) {
        let recorded = std::thread::scope(|scope| {
            let look = || enter(&Self::reading(bundle)).ok().and_then(|_| recorded(bundle));
            std::thread::Builder::new().spawn_scoped(scope, look).ok()?.join().ok()?
        });
        let beside = fs::canonicalize(bundle).ok().and_then(|path| path.parent().map(Path::to_owned));
        for path in recorded.unwrap_or_default() {
            let near = beside.as_ref().zip(path.file_name()).map(|(folder, name)| folder.join(name));
            self.reads.extend([Some(path), near].into_iter().flatten().filter(|path| path.is_file()));
        }
    }
}

/// The files of a bundle's run.
fn recorded(bundle: &Path) -> Option<Vec<PathBuf>> {
    let run = Run::parse(&Archive::open(bundle).ok()?.text(RUN).ok()?).ok()?;
    Some(run.files.iter().chain(&run.inputs).map(|file| PathBuf::from(&file.path)).collect())
}

/// All that the user typed behind options and in the place of paths.
fn values(matches: &ArgMatches, into: &mut Vec<OsString>) {
    for id in matches.ids() {
        let raw = matches.try_get_raw(id.as_str()).ok().flatten();
        into.extend(raw.into_iter().flatten().map(OsString::from));
    }
    if let Some((_, inner)) = matches.subcommand() {
        values(inner, into);
    }
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

/// A folder may hold cells, which are folders.
const FOLDERS: usize = 1;
/// Entries of a folder that are looked at for links.
const MOST_ENTRIES: usize = 100_000;
/// The longest manifest whose captures are looked up.
const MOST_MANIFEST: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, FromArgMatches as _};

    use super::*;

    fn plan(line: &[&str]) -> Option<Plan> {
        let matches = Arguments::command().try_get_matches_from(["borderpost"].iter().chain(line)).unwrap();
        Plan::of(&Arguments::from_arg_matches(&matches).unwrap().command, &matches)
    }

    #[test]
    fn what_is_named_may_be_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        for name in ["a.pcap", "b.pcap", "b.pcap.log.json", "feed.csv", "x.toml"] {
            fs::write(path(name), "").unwrap();
        }
        let feed = format!("--geofeed={}@2026-01-02", path("feed.csv"));
        let output = path("report.html");
        let line =
            ["inspect", &path("b.pcap"), "--register", &path("x.toml"), &feed, "-o", &output, "missing"];
        let plan = plan(&line).unwrap();
        let expected =
            ["b.pcap", "b.pcap.log.json", "feed.csv", "x.toml"].map(|name| PathBuf::from(path(name)));
        assert!(plan.reads.iter().eq(&expected), "{:?}", plan.reads);
        assert_eq!(plan.outputs, [PathBuf::from(output)]);
        assert!(!plan.follows && !plan.has_screen);
    }

    #[test]
    fn a_study_may_read_its_captures_and_a_folder_what_its_links_lead_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("captures")).unwrap();
        fs::write(path("far.pcap"), "").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(path("far.pcap"), path("captures/link.pcap")).unwrap();
        let named = path("captures").display().to_string();
        let reads = plan(&["info", &named]).unwrap().reads;
        let expected = [path("captures"), fs::canonicalize(path("far.pcap")).unwrap()];
        assert!(
            reads.len() == usize::from(cfg!(unix)) + 1
                && expected.iter().all(|path| reads.contains(path) || !cfg!(unix))
        );
        let study = plan(&["inspect", "--manifest", "captures/study.toml"]).unwrap().reads;
        assert!(study.iter().any(|path| path.to_string_lossy().contains(".pcap")), "{study:?}");
    }

    #[test]
    fn what_starts_programs_is_not_locked_in() {
        assert!(plan(&["doctor"]).is_none() && plan(&["interfaces"]).is_none());
        assert!(plan(&["capture", "-i", "eth0"]).is_none());
        let plan = plan(&["inspect", "--follow", "--live", "x"]).unwrap();
        assert!(plan.follows && plan.has_screen && plan.reads.is_empty());
    }
}

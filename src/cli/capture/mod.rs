//! `borderpost capture`: frames from a device into evidence files, and the report of those.
//!
//! Input: what the user typed; pcapng from the capture program, which alone has rights. Output: evidence as that program wrote
//! it, in files that are whole at every moment, and the report that `inspect` makes of them. Must not: have a right to a device, or decode
//! a frame before it is in a file.

mod analysis;
mod evidence;
mod owners;
mod program;
mod record;
mod rights;
mod target;
mod watch;

use std::fs;
use std::io::{BufRead as _, stdin};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use self::analysis::{Analysis, Told};
use self::evidence::{Evidence, lock};
use self::owners::Owners;
use self::program::{Order, Program};
use self::target::Target;
use self::watch::{News, Watch};
use crate::capture::{Bounds, Device};
use crate::cli::args::{Capturing, Inspect, Reporting};
use crate::cli::cage::Door;
use crate::cli::capturing::{Capture, Interfaces};
use crate::cli::live::{Stop, View};
use crate::cli::message::{fail, say};
use crate::cli::output;
use crate::cli::status::Status;
use crate::report::text;

/// Captures, and reports; `options` is what a bundle records of how it was asked for.
/// The analysis is locked in by the `door`.
pub(super) fn start(arguments: Capturing, options: Result<Vec<String>, String>, door: Door) -> Status {
    let Capturing { capture: own, reporting } = arguments;
    capture(&own, reporting, options, door).unwrap_or_else(|message| fail(&message))
}

/// Lists the interfaces that frames can be captured on.
pub(super) fn interfaces(arguments: &Interfaces) -> Status {
    list(arguments.program.as_deref()).unwrap_or_else(|message| fail(&message))
}

fn capture(
    arguments: &Capture,
    reporting: Reporting,
    options: Result<Vec<String>, String>,
    door: Door,
) -> Result<Status, String> {
    if arguments.list {
        return list(arguments.program.as_deref());
    }
    if !arguments.allow_root {
        rights::refuse(&program::find(arguments.program.as_deref())?)?;
    }
    let (ends, ring) = bounds(arguments)?;
    let target = target(arguments, &reporting, &ring)?;
    let is_ring = ring.ends_files();
    let path = target.path();
    if let Some(path) = &path {
        refuse_evidence(path, &reporting.output)?;
    }
    let temporary = path.clone().filter(|_| arguments.write.is_none());
    let stop = Stop::default();
    stop.at_signals()?;
    let is_piped = matches!(target, Target::Output);
    let evidence = Arc::new(Mutex::new(Evidence::new(target, ends, ring)));
    let run = Run { arguments, evidence, stop, longest: ends.duration, temporary, is_ring };
    if is_piped {
        run.without_report()
    } else {
        run.with_report(inspection(reporting, path, is_ring), options, door)
    }
}

/// A capture that is about to begin.
struct Run<'a> {
    arguments: &'a Capture,
    evidence: Arc<Mutex<Evidence>>,
    stop: Stop,
    longest: Option<Duration>,
    /// The file that is removed after the report.
    temporary: Option<PathBuf>,
    is_ring: bool,
}

impl Run<'_> {
    /// To standard output.
    fn without_report(self) -> Result<Status, String> {
        let (program, owners) = self.begin()?;
        let mut watch = Watch::new(None, false, None);
        let ending = record::record(program, &self.evidence, &self.stop, self.longest, (&mut watch, owners))?;
        watch.end(&ending);
        Ok(if ending.has_failed { Status::Failed } else { Status::Clean })
    }

    /// To files, which are inspected while they are written.
    fn with_report(
        self,
        inspect: Inspect,
        options: Result<Vec<String>, String>,
        door: Door,
    ) -> Result<Status, String> {
        let files = lock(&self.evidence).followed();
        let (news, evidence) = (News::default(), &*self.evidence);
        let (title, stop, is_ring) = (self.title(), self.stop.clone(), self.is_ring);
        let analysis =
            Analysis { inspect, options, door, evidence, is_ring, files, news: &news, title, stop };
        let (prepared, (begins, begun), (ends, ended)) = (channel(), channel(), channel());
        let told = Told { begun, ended };
        let (status, has_failed) = thread::scope(|scope| {
            // Where this ends early, the analysis must not wait for what does not come.
            let (begins, ends) = (begins, ends);
            let analyst = scope.spawn(move || analysis.run(&prepared.0, &told));
            let view = prepared.1.recv().map_err(|_| "the analysis ended by a panic".to_owned())??;
            let (program, owners) = self.begin()?;
            // Where nobody listens any more, the capture goes on all the same.
            drop(begins.send(owners.as_ref().map(Owners::tally)));
            let on_screen = (view == View::Screen).then_some(&news);
            let mut watch = Watch::new(self.temporary.clone(), self.arguments.keep, on_screen);
            let (longest, told) = (self.longest, (&mut watch, owners));
            let ending = record::record(program, &self.evidence, &self.stop, longest, told)?;
            watch.end(&ending);
            let has_failed = ending.has_failed;
            drop(ends.send(ending));
            let status = analyst.join().unwrap_or_else(|panic| resume_unwind(panic));
            Ok::<_, String>((status, has_failed))
        })?;
        if let Some(file) =
            self.temporary.filter(|_| !self.arguments.keep && !has_failed && status != Status::Failed)
        {
            // What cannot be removed was named.
            drop(fs::remove_file(file));
        }
        Ok(if has_failed { Status::Failed } else { status })
    }

    /// Starts what captures, and what looks up whose the flows are.
    fn begin(&self) -> Result<(Program, Option<Owners>), String> {
        if self.arguments.mark_stdin {
            mark_from_stdin(&self.evidence);
        }
        let owners = if self.arguments.no_processes { None } else { Some(Owners::start(&self.evidence)) };
        let owners = owners.and_then(|started| {
            let failed = |error| say(&format!("whose the flows are cannot be told: {error}"));
            started.map_err(failed).ok()
        });
        Ok((Program::start(&order(self.arguments))?, owners))
    }

    /// What is being captured, in a few words.
    fn title(&self) -> String {
        format!("capturing on {}", self.arguments.interface.join(", "))
    }
}

/// How the evidence is inspected; the files of a ring are not known yet.
fn inspection(reporting: Reporting, path: Option<PathBuf>, is_ring: bool) -> Inspect {
    Inspect {
        paths: path.into_iter().collect(),
        read: Vec::new(),
        join: is_ring,
        manifest: None,
        by_folder: false,
        follow: false,
        follow_idle: None,
        max_unpacked: None,
        reporting,
    }
}

/// No report takes the place of the evidence.
fn refuse_evidence(evidence: &Path, outputs: &[PathBuf]) -> Result<(), String> {
    let place = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some((fs::canonicalize(folder).ok()?, path.file_name()?.to_owned()))
    };
    let own = place(evidence);
    if own.is_some() && outputs.iter().any(|output| place(output) == own) {
        return Err(format!("-o {}: the frames go there; name another file", evidence.display()));
    }
    Ok(())
}

/// When the capture ends, and when a file does.
fn bounds(arguments: &Capture) -> Result<(Bounds, Bounds), String> {
    let mut ends = Bounds::of(&arguments.autostop);
    let ring = Bounds::of(&arguments.ring);
    if ends.interval.is_some() {
        return Err("-a interval: only -b has an interval; -a has a duration".to_owned());
    }
    if ends.files.is_some() && !ring.ends_files() {
        return Err("-a files: says how many files of -b there are; name what ends a file with -b".to_owned());
    }
    if ring.files.is_some() && !ring.ends_files() {
        return Err("-b files: name what ends a file, too, such as -b filesize:100000".to_owned());
    }
    if let Some(count) = arguments.count {
        ends.packets = Some(ends.packets.map_or(count.get(), |packets| packets.min(count.get())));
    }
    Ok((ends, ring))
}

fn target(arguments: &Capture, reporting: &Reporting, ring: &Bounds) -> Result<Target, String> {
    match arguments.write.as_deref() {
        None => Ok(Target::temporary()),
        Some(path) if path == Path::new("-") => {
            let is_reporting =
                !reporting.output.is_empty() || reporting.format.is_some() || reporting.live.is_asked();
            if ring.ends_files() {
                return Err("-b: standard output is one file; name a file with -w".to_owned());
            }
            if is_reporting {
                return Err("-w - leaves no file to report on: pipe it into `borderpost inspect -`, and ask for reports there"
                    .to_owned());
            }
            Ok(Target::Output)
        }
        Some(path) => Target::named(path, ring.ends_files()),
    }
}

fn order(arguments: &Capture) -> Order<'_> {
    Order {
        program: arguments.program.as_deref(),
        interfaces: &arguments.interface,
        filter: arguments.filter.as_deref(),
        snap_len: arguments.snap_len,
        buffer: arguments.buffer,
        is_promiscuous: arguments.promiscuous,
    }
}

fn list(program: Option<&Path>) -> Result<Status, String> {
    let devices = program::devices(program)?;
    let table: String = (1..).zip(&devices).map(|(number, device)| line(number, device)).collect();
    output::to_stdout(&table).map_err(|error| format!("standard output: {error}"))?;
    Ok(Status::Clean)
}

/// A device as tshark lists it, with its addresses.
fn line(number: usize, device: &Device) -> String {
    let mut said: Vec<String> = device.description.iter().cloned().collect();
    said.extend(device.addresses.iter().cloned());
    said.extend(device.is_loopback.then(|| "loopback".to_owned()));
    said.extend((!device.is_up).then(|| "down".to_owned()));
    let said = if said.is_empty() { String::new() } else { format!(" ({})", said.join(", ")) };
    format!("{}\n", text::clean(&format!("{number}. {}{said}", device.name)))
}

/// The thread waits for lines until the program ends.
fn mark_from_stdin(evidence: &Arc<Mutex<Evidence>>) {
    let evidence = Arc::clone(evidence);
    thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            if !line.trim().is_empty() {
                // Those that are too many for the next frame are left out.
                lock(&evidence).mark(line.trim());
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_never_takes_the_place_of_the_evidence() {
        let folder = tempfile::tempdir().unwrap();
        let evidence = folder.path().join("a.json");
        let same = folder.path().join(".").join("a.json");
        assert!(refuse_evidence(&evidence, &[folder.path().join("b.json"), same]).is_err());
        assert_eq!(refuse_evidence(&evidence, &[folder.path().join("b.json")]), Ok(()));
    }

    #[test]
    fn a_device_is_one_clean_line() {
        let device = Device {
            name: "eth0\u{1b}[2J".to_owned(),
            description: None,
            addresses: vec!["192.0.2.7".to_owned()],
            is_up: false,
            is_loopback: false,
        };
        let line = line(2, &device);
        assert!(line.starts_with("2. eth0") && line.ends_with("(192.0.2.7, down)\n"), "{line}");
        assert!(!line.contains('\u{1b}'));
    }
}

//! `borderpost capture`: frames from a device into evidence files, and the report of those.
//!
//! Input: what the user typed; pcapng from the capture program, which alone has rights. Output: evidence as that program wrote
//! it, in files that are whole at every moment, and the report that `inspect` makes of them. Must not: have a right to a device, or decode
//! a frame before it is in a file.

mod evidence;
mod program;
mod record;
mod rights;
mod target;
mod watch;

use std::fs;
use std::io::{BufRead as _, stdin};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use self::evidence::Evidence;
use self::program::{Order, Program};
use self::record::Stop;
use self::target::Target;
use self::watch::{Ending, Watch};
use crate::capture::{Bounds, Device};
use crate::cli::args::{Capturing, Inspect, Reporting};
use crate::cli::capturing::{Capture, Interfaces};
use crate::cli::message::fail;
use crate::cli::output;
use crate::cli::run;
use crate::cli::status::Status;
use crate::report::text;

/// Captures, and reports; `options` is what a bundle records of how it was asked for.
pub(super) fn start(arguments: Capturing, options: Result<Vec<String>, String>) -> Status {
    let Capturing { capture: own, reporting } = arguments;
    capture(&own, reporting, options).unwrap_or_else(|message| fail(&message))
}

/// Lists the interfaces that frames can be captured on.
pub(super) fn interfaces(arguments: &Interfaces) -> Status {
    list(arguments.program.as_deref()).unwrap_or_else(|message| fail(&message))
}

fn capture(
    arguments: &Capture,
    reporting: Reporting,
    options: Result<Vec<String>, String>,
) -> Result<Status, String> {
    if arguments.list {
        return list(arguments.program.as_deref());
    }
    if !arguments.allow_root {
        rights::refuse(&program::find(arguments.program.as_deref())?)?;
    }
    let (ends, ring) = bounds(arguments)?;
    let target = target(arguments, &reporting, &ring)?;
    // What would go wrong with the report is better known before the capture.
    let inspect = inspection(reporting);
    run::check(&inspect)?;
    let is_piped = matches!(target, Target::Output);
    let temporary = target.temporary_file(arguments.write.is_none());
    let stop = Stop::on_signals()?;
    let evidence = Arc::new(Mutex::new(Evidence::new(target, ends, ring)));
    if arguments.mark_stdin {
        mark_from_stdin(&evidence);
    }
    let program = Program::start(&order(arguments))?;
    let mut watch = Watch::new(temporary.clone(), arguments.keep);
    let ending = record::record(program, &evidence, &stop, ends.duration, &mut watch)?;
    watch.end(&ending);
    let status =
        if is_piped || ending.files.is_empty() { Status::Clean } else { report(inspect, &ending, options) };
    if let Some(file) = temporary.filter(|_| !arguments.keep && status != Status::Failed) {
        // What cannot be removed was named.
        drop(fs::remove_file(file));
    }
    Ok(if ending.has_failed { Status::Failed } else { status })
}

/// How the evidence is inspected; its files are not known yet.
fn inspection(reporting: Reporting) -> Inspect {
    Inspect {
        paths: Vec::new(),
        read: Vec::new(),
        join: false,
        manifest: None,
        by_folder: false,
        follow: false,
        follow_idle: None,
        max_unpacked: None,
        reporting,
    }
}

/// The report of the evidence is that of `inspect`, since it is made by it.
fn report(inspect: Inspect, ending: &Ending, options: Result<Vec<String>, String>) -> Status {
    let join = ending.files.len() > 1;
    let options = options.map(|mut options| {
        if join {
            options.insert(0, "--join".to_owned());
        }
        options
    });
    run::inspect(&Inspect { paths: ending.files.clone(), join, ..inspect }, options)
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
            let is_reporting = !reporting.output.is_empty() || reporting.format.is_some();
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
                record::lock(&evidence).mark(line.trim());
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

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

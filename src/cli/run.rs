//! `borderpost inspect`: from arguments to settings, to reports, to the exit status.

use std::io::{IsTerminal as _, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::cli::args::{Inspect, When};
use crate::cli::claims;
use crate::cli::format::Format;
use crate::cli::marks;
use crate::cli::message::{fail, say};
use crate::cli::output;
use crate::cli::progress::Bar;
use crate::cli::settings;
use crate::cli::status::{self, Status};
use crate::cli::study;
use crate::inspect::{self, Inspection, Settings};
use crate::report::against::{Readings, against};
use crate::report::table::Color;
use crate::report::{self, schema::Report};
use crate::source::Follow;
use crate::study::Study;

/// Does the main job.
pub(super) fn inspect(arguments: &Inspect) -> Status {
    let (mut settings, files) = match settings(arguments) {
        Ok(resolved) => resolved,
        Err(message) => return fail(&message),
    };
    let interrupted = Arc::default();
    settings.follow = match follow(arguments, &interrupted) {
        Ok(follow) => follow,
        Err(message) => return fail(&message),
    };
    // Before the captures, which may take long to read.
    let other = match against_settings(arguments) {
        Ok(other) => other,
        Err(message) => return fail(&message),
    };
    let paths = captures(arguments, settings.study.as_ref());
    let inspection = inspect::inspect(&paths, settings, &Bar::new());
    for failure in inspection.failures() {
        say(&failure.to_string());
    }
    if inspection.inputs().is_empty() {
        return Status::Failed;
    }
    let (faults, has_unused_marks) = marks::faults(&inspection);
    for fault in faults {
        say(&fault);
    }
    let report = report::build(&inspection, options(arguments, &files));
    let failed = has_unused_marks || !inspection.failures().is_empty();
    let report = if let Some(other) = other {
        read_against(arguments, other, inspection, report)
    } else {
        // The process ends soon: giving back millions of small pieces of memory would be most of what is left to do.
        std::mem::forget(inspection);
        report
    };
    if let Err(message) = write(&report, arguments, &files) {
        return fail(&message);
    }
    if failed {
        return Status::Failed;
    }
    if interrupted.load(Ordering::Relaxed) {
        return Status::Interrupted;
    }
    status::decide(&report, &arguments.fail_on, arguments.min_grade)
}

/// How the capture is followed, where it is: an interrupt sets the flag, a second one ends the program at once.
fn follow(arguments: &Inspect, interrupted: &Arc<AtomicBool>) -> Result<Option<Follow>, String> {
    if !arguments.follow {
        return Ok(None);
    }
    match &*inputs(arguments) {
        [one] if !one.is_dir() => {}
        _ => return Err("--follow takes one capture, the one that is being written".to_owned()),
    }
    let stop = Arc::clone(interrupted);
    ctrlc::set_handler(move || {
        if stop.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .map_err(|error| format!("--follow: an interrupt could not be prepared for: {error}"))?;
    let idle = arguments.follow_idle.map(Duration::from_secs);
    Ok(Some(Follow { idle, stop: Arc::clone(interrupted) }))
}

/// What the captures are read by a second time: the file of `--against`.
struct Other {
    settings: Settings,
    kind: &'static str,
    file: String,
}

fn against_settings(arguments: &Inspect) -> Result<Option<Other>, String> {
    let Some(path) = &arguments.against else { return Ok(None) };
    let (settings, kind) = settings::against(&arguments.evidence, path)?;
    let settings = Settings { exclusive: arguments.exclusive, local: arguments.local.clone(), ..settings };
    Ok(Some(Other { settings, kind, file: path.display().to_string() }))
}

/// Adds to the report which findings move by the file of `--against`.
fn read_against(arguments: &Inspect, other: Other, inspection: Inspection, report: Report) -> Report {
    let readings = |inspection: &Inspection| Readings::of(inspection, arguments.show_participants);
    let before = readings(&inspection);
    let after = readings(&inspection.judged_by(other.settings));
    Report { against: Some(against(&other.file, other.kind, &before, &after)), ..report }
}

fn options(arguments: &Inspect, files: &Files) -> report::Options {
    let mut formats = files.iter().map(|(_, format)| *format).chain(arguments.format);
    let list_flows = formats.any(Format::lists_flows);
    report::Options { show_participants: arguments.show_participants, list_flows }
}

fn inputs(arguments: &Inspect) -> Vec<PathBuf> {
    arguments.read.iter().chain(&arguments.paths).cloned().collect()
}

/// What is read: the captures of the study, where there is one.
fn captures(arguments: &Inspect, study: Option<&Study>) -> Vec<PathBuf> {
    study.map_or_else(|| inputs(arguments), Study::captures)
}

type Files = Vec<(PathBuf, Format)>;

fn settings(arguments: &Inspect) -> Result<(Settings, Files), String> {
    let files = arguments
        .output
        .iter()
        .map(|path| Ok((path.clone(), Format::of(path)?)))
        .collect::<Result<Files, String>>()?;
    let study = study::of(arguments)?;
    let formats = files.iter().map(|(_, format)| *format).chain(arguments.format);
    if study.is_none() && formats.into_iter().any(|format| format == Format::MatrixCsv) {
        return Err(
            "a matrix is that of a study: name its captures with --manifest or --by-folder".to_owned()
        );
    }
    let captures = captures(arguments, study.as_ref());
    let marks = study.as_ref().map(Study::marks).unwrap_or_default();
    for (file, _) in &files {
        output::refuse_inputs(file, captures.iter().chain(&marks).chain(&arguments.manifest))?;
    }
    let settings = Settings {
        exclusive: arguments.exclusive,
        join: arguments.join,
        hash: !arguments.no_hash,
        max_unpacked: arguments.max_unpacked,
        max_memory: arguments.max_memory,
        lists_flows: options(arguments, &files).list_flows,
        threads: arguments.threads.unwrap_or_else(inspect::all_processors),
        marks: arguments.marks.read(&captures, arguments.join, study.as_ref())?,
        local: arguments.local.clone(),
        claims: claims::chosen(&arguments.claims)?,
        study,
        ..settings::of(&arguments.evidence)?
    };
    Ok((settings, files))
}

fn write(report: &Report, arguments: &Inspect, files: &Files) -> Result<(), String> {
    for (path, format) in files {
        let text = render(report, *format, Color::Never);
        output::to_file(path, &text)
            .map_err(|error| format!("{}: {error}; nothing was written there", path.display()))?;
    }
    if !files.is_empty() && arguments.format.is_none() {
        return Ok(());
    }
    let text = render(report, arguments.format.unwrap_or(Format::Table), color(arguments.color));
    output::to_stdout(&text).map_err(|error| format!("standard output: {error}"))
}

fn render(report: &Report, format: Format, color: Color) -> String {
    match format {
        Format::Table => report::table::table(report, color),
        Format::Json => report::json(report),
        Format::Jsonl => report::jsonl(report),
        Format::Csv => report::csv(report),
        Format::MatrixCsv => report::matrix_csv(report),
        Format::Html => report::html(report),
    }
}

/// `NO_COLOR` counts where it is set and not empty (no-color.org).
fn color(when: When) -> Color {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match when {
        When::Always => Color::Always,
        When::Auto if stdout().is_terminal() && !refused && !dumb => Color::Always,
        When::Auto | When::Never => Color::Never,
    }
}

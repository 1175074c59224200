//! `borderpost inspect`: from arguments to settings, to reports, to the exit status.

use std::ffi::OsStr;
use std::io::{IsTerminal as _, stdout};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::cli::args::{Forge, Inspect, When};
use crate::cli::bundle::{self, Packing};
use crate::cli::claims;
use crate::cli::format::{Format, Results};
use crate::cli::marks;
use crate::cli::message::{annotate, fail, say};
use crate::cli::output;
use crate::cli::progress::Bar;
use crate::cli::settings;
use crate::cli::status::{self, Status};
use crate::cli::study;
use crate::cli::world::World;
use crate::inspect::{self, Inspection, Settings};
use crate::report::against::{Readings, against};
use crate::report::annotations;
use crate::report::checks::checks;
use crate::report::table::Color;
use crate::report::{self, schema::Report};
use crate::source::{self, Follow, SourceError};
use crate::study::Study;

/// Does the main job; `options` is what a bundle records of how it was asked for.
pub(super) fn inspect(arguments: &Inspect, options: Result<Vec<String>, String>) -> Status {
    match outputs(arguments).and_then(|outputs| run(arguments, &outputs, options)) {
        Ok(status) => status,
        Err(message) => fail(&message),
    }
}

fn run(
    arguments: &Inspect,
    outputs: &Outputs,
    options: Result<Vec<String>, String>,
) -> Result<Status, String> {
    let has_bundle = outputs.iter().any(|(_, output)| matches!(output, Output::Bundle(_)));
    let options = if has_bundle { options? } else { Vec::new() };
    let world = if has_bundle { World::noted() } else { World::Disk };
    let mut job = job(arguments, lists_flows(arguments, outputs), &world)?;
    refuse_inputs(arguments, outputs, &job)?;
    let interrupted = Arc::default();
    job.settings.follow = follow(arguments, &interrupted)?;
    let made = make(arguments, job, has_bundle);
    for message in &made.messages {
        say(message);
    }
    let Some(report) = made.report else { return Ok(Status::Failed) };
    if has_bundle && made.has_failed {
        return Err("no bundle was written: it would not hold what was asked for".to_owned());
    }
    let (notes, cells) = (world.into_notes(), made.cells);
    let record = bundle::Record { options, notes, cells, paths: made.paths, answers: made.answers };
    // The process ends soon: giving back millions of small pieces of memory would be most of what is left to do.
    let report = ManuallyDrop::new(report);
    let checks = checks(&report, &arguments.fail_on, arguments.min_grade);
    let results = Results { report: &report, checks: &checks, failures: &made.failures };
    write(&results, arguments, outputs, &record)?;
    if made.has_failed {
        return Ok(Status::Failed);
    }
    if interrupted.load(Ordering::Relaxed) {
        return Ok(Status::Interrupted);
    }
    Ok(status::decide(&checks))
}

/// What came of a run.
pub(super) struct Made {
    /// `None` where no input could be read.
    pub(super) report: Option<Report>,
    /// What the databases answered, where that was asked for.
    pub(super) answers: String,
    /// What could not be read or used, for people.
    pub(super) messages: Vec<String>,
    /// Whether any of that was asked for.
    pub(super) has_failed: bool,
    /// What failed of what was asked for, for pipelines.
    failures: Vec<String>,
    /// The inputs that were read.
    paths: Vec<PathBuf>,
    /// The folders that were cells.
    cells: Vec<PathBuf>,
}

/// Reads and judges the captures.
pub(super) fn make(arguments: &Inspect, job: Job, has_answers: bool) -> Made {
    let cells = match &job.settings.study {
        Some(study) if arguments.by_folder => study.captures(),
        _ => Vec::new(),
    };
    let inspection = inspect::inspect_inputs(job.captures, job.settings, &Bar::new());
    let (faults, has_unused_marks) = marks::faults(&inspection);
    let mut made = Made {
        report: None,
        answers: String::new(),
        messages: inspection.failures().iter().map(|failure| placed(&inspection, failure)).collect(),
        has_failed: has_unused_marks || !inspection.failures().is_empty(),
        failures: inspection.failures().iter().map(ToString::to_string).collect(),
        paths: inspection.inputs().iter().map(|input| input.path.clone()).collect(),
        cells,
    };
    if inspection.inputs().is_empty() {
        return made;
    }
    made.failures.extend(faults.iter().filter(|_| has_unused_marks).cloned());
    made.messages.extend(faults);
    let list_flows = inspection.settings().lists_flows;
    let options = report::Options { show_participants: arguments.show_participants, list_flows };
    let report = report::build(&inspection, options);
    if has_answers {
        made.answers = report::answers(&inspection, arguments.show_participants);
    }
    made.report = Some(if let Some(other) = job.other {
        read_against(arguments, other, inspection, report)
    } else {
        // As with the report, below.
        std::mem::forget(inspection);
        report
    });
    made
}

/// An input that could not be read, with the place in the manifest that names it.
fn placed(inspection: &Inspection, failure: &SourceError) -> String {
    let study = inspection.settings().study.as_ref();
    let place = study.and_then(|study| study.place_of(Path::new(failure.name())));
    place.map_or_else(|| failure.to_string(), |place| format!("{place}: {failure}"))
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

fn against_settings(arguments: &Inspect, world: &World) -> Result<Option<Other>, String> {
    let Some(path) = &arguments.against else { return Ok(None) };
    let (settings, kind) = settings::against(&arguments.evidence, path, world)?;
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

fn lists_flows(arguments: &Inspect, outputs: &Outputs) -> bool {
    let lists = |output: &Output| match output {
        Output::Report(format) => format.lists_flows(),
        Output::Bundle(_) => true,
    };
    outputs.iter().any(|(_, output)| lists(output)) || arguments.format.is_some_and(Format::lists_flows)
}

fn inputs(arguments: &Inspect) -> Vec<PathBuf> {
    arguments.read.iter().chain(&arguments.paths).cloned().collect()
}

/// What is read: the captures of the study, where there is one.
fn captures(arguments: &Inspect, study: Option<&Study>) -> Vec<PathBuf> {
    study.map_or_else(|| inputs(arguments), Study::captures)
}

/// What is written to a file.
enum Output {
    Report(Format),
    Bundle(Packing),
}

type Outputs = Vec<(PathBuf, Output)>;

fn outputs(arguments: &Inspect) -> Result<Outputs, String> {
    let output = |path: &PathBuf| {
        let output = match bundle::packing(path) {
            Some(packing) => Output::Bundle(packing),
            None => Output::Report(Format::of(path)?),
        };
        Ok((path.clone(), output))
    };
    let outputs = arguments.output.iter().map(output).collect::<Result<Outputs, String>>()?;
    let has_bundle = outputs.iter().any(|(_, output)| matches!(output, Output::Bundle(_)));
    bundle::check_options(arguments, has_bundle)?;
    let has_study = arguments.manifest.is_some() || arguments.by_folder;
    let is_matrix = |output: &Output| matches!(output, Output::Report(Format::MatrixCsv));
    if !has_study
        && (outputs.iter().any(|(_, output)| is_matrix(output))
            || arguments.format == Some(Format::MatrixCsv))
    {
        return Err(
            "a matrix is that of a study: name its captures with --manifest or --by-folder".to_owned()
        );
    }
    let tells = |output: &Output| matches!(output, Output::Report(format) if format.tells_conditions());
    let is_asked = outputs.iter().any(|(_, output)| tells(output))
        || arguments.format.is_some_and(Format::tells_conditions);
    if arguments.fail_on.is_empty() && is_asked {
        return Err(
            "JUnit and code quality reports tell what fails: name the conditions with --fail-on".to_owned()
        );
    }
    Ok(outputs)
}

/// No output takes the place of what is read.
fn refuse_inputs(arguments: &Inspect, outputs: &Outputs, job: &Job) -> Result<(), String> {
    let study = job.settings.study.as_ref();
    let marks = study.map(Study::marks).unwrap_or_default();
    let expanded = job.captures.captures.iter().flatten();
    let read: Vec<&PathBuf> =
        job.named.iter().chain(expanded).chain(&marks).chain(&arguments.manifest).collect();
    for (path, output) in outputs {
        output::refuse_inputs(path, &read)?;
        if let Output::Bundle(packing) = output {
            bundle::refuse_target(path, *packing, &read)?;
        }
    }
    Ok(())
}

/// What is to be done: the captures, and by what they are judged.
pub(super) struct Job {
    /// The captures as they were named.
    named: Vec<PathBuf>,
    captures: source::Inputs,
    settings: Settings,
    other: Option<Other>,
}

/// Reads what the options name, before the captures, which may take long to read.
pub(super) fn job(arguments: &Inspect, lists_flows: bool, world: &World) -> Result<Job, String> {
    let study = study::of(arguments, world)?;
    let named = captures(arguments, study.as_ref());
    let captures = world.captures(&named);
    // One that cannot be looked into has its place, too.
    let places: Vec<PathBuf> =
        captures.captures.iter().map(|path| path.as_ref().cloned().unwrap_or_default()).collect();
    let settings = Settings {
        exclusive: arguments.exclusive,
        join: arguments.join,
        hash: !arguments.no_hash,
        max_unpacked: arguments.max_unpacked,
        max_memory: arguments.max_memory,
        lists_flows,
        threads: arguments.threads.unwrap_or_else(inspect::all_processors),
        marks: arguments.marks.read(&places, arguments.join, study.as_ref(), world)?,
        local: arguments.local.clone(),
        claims: claims::chosen(&arguments.claims, world)?,
        study,
        ..settings::of(&arguments.evidence, world)?
    };
    Ok(Job { named, captures, settings, other: against_settings(arguments, world)? })
}

fn write(
    results: &Results<'_>,
    arguments: &Inspect,
    outputs: &Outputs,
    record: &bundle::Record,
) -> Result<(), String> {
    for (path, output) in outputs {
        match output {
            Output::Report(format) => output::to_file(path, format.render(results, Color::Never))
                .map_err(|error| format!("{}: {error}; nothing was written there", path.display()))?,
            Output::Bundle(packing) => {
                let seal = bundle::write(path, *packing, results.report, record, arguments.bundle_inputs)?;
                say(&format!(
                    "{}: written; keep its seal elsewhere (the SHA-256 of its SHA256SUMS): {seal}",
                    path.display()
                ));
            }
        }
    }
    if arguments.annotate == Some(Forge::Github) {
        annotate(&annotations::github(results.report, results.checks, results.failures));
    }
    if !outputs.is_empty() && arguments.format.is_none() {
        return Ok(());
    }
    let format = arguments.format.unwrap_or(Format::Table);
    let text = format.render(results, color(arguments.color, stdout().is_terminal()));
    // The forge reads commands off this stream, too.
    let has_neighbours = arguments.annotate.is_some() && format == Format::Table;
    let text = if has_neighbours { annotations::inert(&text) } else { text };
    output::to_stdout(&text).map_err(|error| format!("standard output: {error}"))
}

/// Whether colour is used where the user says `when`.
pub(super) fn color(when: When, is_terminal: bool) -> Color {
    let [no_color, term] = ["NO_COLOR", "TERM"].map(std::env::var_os);
    color_of(when, is_terminal, no_color.as_deref(), term.as_deref())
}

/// `NO_COLOR` counts where it is set and not empty (no-color.org).
fn color_of(when: When, is_terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> Color {
    let is_refused = no_color.is_some_and(|value| !value.is_empty());
    let is_dumb = term.is_some_and(|term| term == "dumb");
    match when {
        When::Always => Color::Always,
        When::Auto if is_terminal && !is_refused && !is_dumb => Color::Always,
        When::Auto | When::Never => Color::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_that_want_it() {
        let of = |when, is_terminal, no_color: Option<&str>, term: &str| {
            color_of(when, is_terminal, no_color.map(OsStr::new), Some(OsStr::new(term)))
        };
        assert_eq!(of(When::Auto, true, None, "xterm"), Color::Always);
        assert_eq!(of(When::Auto, true, Some(""), "xterm"), Color::Always);
        assert_eq!(of(When::Auto, true, Some("1"), "xterm"), Color::Never);
        assert_eq!(of(When::Auto, true, None, "dumb"), Color::Never);
        assert_eq!(of(When::Auto, false, None, "xterm"), Color::Never);
        assert_eq!(of(When::Always, false, Some("1"), "dumb"), Color::Always);
        assert_eq!(of(When::Never, true, None, "xterm"), Color::Never);
    }
}

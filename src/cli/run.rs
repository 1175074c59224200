//! `borderpost inspect`: from arguments to settings, to reports, to the exit status.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Write as _, stdout};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::cli::args::{Forge, Inspect, When};
use crate::cli::bundle::{self, Packing};
use crate::cli::claims;
use crate::cli::format::{Format, Results};
use crate::cli::keys;
use crate::cli::live::{self, Ended, Marks, Plan, Stop, View};
use crate::cli::marks;
use crate::cli::message::{annotate, fail, say};
use crate::cli::output;
use crate::cli::progress::Bar;
use crate::cli::redaction;
use crate::cli::screen::{self, Behind};
use crate::cli::settings;
use crate::cli::status::{self, Status};
use crate::cli::study;
use crate::cli::telemetry;
use crate::cli::world::World;
use crate::inspect::live::{Followed, Position};
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

/// Reads what the options name, and forgets it: whoever inspects later wants to know now that they are good.
pub(super) fn check(arguments: &Inspect) -> Result<(), String> {
    outputs(arguments)?;
    settings::of(&arguments.reporting.evidence, &World::Disk)?;
    claims::chosen(&arguments.reporting.claims, &World::Disk)?;
    against_settings(arguments, &World::Disk).map(|_| ())
}

fn run(
    arguments: &Inspect,
    outputs: &Outputs,
    options: Result<Vec<String>, String>,
) -> Result<Status, String> {
    let has_bundle = outputs.iter().any(|(_, output)| matches!(output, Output::Bundle(_)));
    let options = if has_bundle { options? } else { Vec::new() };
    let world = if has_bundle { World::noted() } else { World::Disk };
    let view = view(arguments, outputs)?;
    let format = standard_format(arguments, outputs, view);
    let job = job(arguments, lists_flows(format, outputs), &world)?;
    refuse_inputs(arguments, outputs, &job)?;
    let logs = redaction::named(&arguments.reporting.redaction_log)?;
    let stop = Stop::default();
    let made = match follow(arguments, &stop)? {
        Some(follow) => {
            let wanted = Wanted { view, stop: stop.clone(), has_answers: has_bundle };
            make_live(arguments, outputs, job, &follow, wanted)
        }
        None => make(arguments, job, has_bundle),
    };
    for message in &made.messages {
        say(message);
    }
    let Some(report) = made.report else { return Ok(Status::Failed) };
    if has_bundle && made.has_failed {
        return Err("no bundle was written: it would not hold what was asked for".to_owned());
    }
    let has_secrets = arguments.reporting.bundle_inputs && !made.secretive.is_empty();
    if let Some(path) = made.secretive.first().filter(|_| has_secrets && !arguments.reporting.with_secrets) {
        return Err(bundle::holds_secrets(path));
    }
    let has_secrets = has_secrets || arguments.reporting.reveal;
    let (notes, cells) = (world.into_notes(), made.cells);
    let (logs, messages) = if has_bundle {
        redaction::of_inputs(&logs, &made.paths, &report.inputs)?
    } else {
        Default::default()
    };
    for message in &messages {
        say(message);
    }
    let (paths, answers) = (made.paths, made.answers);
    let record = bundle::Record { options, notes, cells, paths, logs, answers, has_secrets };
    // The process ends soon: giving back millions of small pieces of memory would be most of what is left to do.
    let report = ManuallyDrop::new(report);
    let checks = checks(&report, &arguments.reporting.fail_on, arguments.reporting.min_grade);
    let (max_markdown, lang) = (arguments.reporting.max_markdown, arguments.reporting.lang);
    let results = Results { report: &report, checks: &checks, failures: &made.failures, max_markdown, lang };
    write(&results, arguments, outputs, (format, &record))?;
    if made.has_failed {
        return Ok(Status::Failed);
    }
    if stop.is_interrupted.load(Ordering::Relaxed) {
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
    /// The inputs that carry secrets.
    secretive: Vec<PathBuf>,
}

/// Reads and judges the captures.
pub(super) fn make(arguments: &Inspect, job: Job, has_answers: bool) -> Made {
    let cells = match &job.settings.study {
        Some(study) if arguments.by_folder => study.captures(),
        _ => Vec::new(),
    };
    let inspection = inspect::inspect_inputs(job.captures, job.settings, &Bar::new());
    Made { cells, ..made(arguments, inspection, job.other, has_answers) }
}

/// What is wanted of a capture that is still written.
struct Wanted {
    view: View,
    stop: Stop,
    /// Whether a bundle is written, with what the databases answered.
    has_answers: bool,
}

/// Reads and judges a capture that is still written, with what is wanted meanwhile.
fn make_live(arguments: &Inspect, outputs: &Outputs, job: Job, follow: &Follow, wanted: Wanted) -> Made {
    let Wanted { view, stop, has_answers } = wanted;
    let files: Vec<Followed> =
        job.named.iter().map(|path| Followed::new(path.clone(), follow.clone())).collect();
    let path = job.named.first().cloned().unwrap_or_default();
    let plan = Plan {
        title: if path == Path::new(source::STDIN) {
            "following standard input".to_owned()
        } else {
            format!("following {}", path.display())
        },
        view,
        color: screen_color(arguments.reporting.color),
        checkpoint: arguments.reporting.live.checkpoint(),
        options: options(arguments, &job.settings),
        stop,
        write: &|report| {
            let checks = checks(report, &arguments.reporting.fail_on, arguments.reporting.min_grade);
            let (max_markdown, lang) = (arguments.reporting.max_markdown, arguments.reporting.lang);
            write_so_far(&Results { report, checks: &checks, failures: &[], max_markdown, lang }, outputs)
        },
        quality: &|position| (None, unread(&path, position)),
        marks: if has_answers { Marks::Refused(NOT_RECORDED) } else { Marks::Analysis },
    };
    let Ended { inspection, marks, mut lines } = live::run(files, job.settings, &plan);
    for mark in marks {
        say(&format!("marked while it was read; for the same report later: --mark {}", quoted(&mark)));
    }
    let made = made(arguments, inspection, job.other, has_answers);
    if let Some(report) = &made.report {
        lines.write(report);
    }
    made
}

/// How much of a file is written and not read yet.
fn unread(path: &Path, position: Position) -> Behind {
    let size = fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|known| known.len());
    size.map_or(Behind::Unknown, |size| Behind::Bytes(size.saturating_sub(position.bytes)))
}

/// A word of a command line.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn options(arguments: &Inspect, settings: &Settings) -> report::Options {
    report::Options {
        show_participants: arguments.reporting.show_participants,
        list_flows: settings.lists_flows,
    }
}

/// What an inspection comes to.
fn made(arguments: &Inspect, inspection: Inspection, other: Option<Other>, has_answers: bool) -> Made {
    let (faults, has_unused_marks) = marks::faults(&inspection);
    let carries_secrets = inspection.inputs().iter().filter(|input| !input.summary.claims.secrets.is_empty());
    let mut made = Made {
        report: None,
        answers: String::new(),
        messages: inspection.failures().iter().map(|failure| placed(&inspection, failure)).collect(),
        has_failed: has_unused_marks || !inspection.failures().is_empty(),
        failures: inspection.failures().iter().map(ToString::to_string).collect(),
        paths: inspection.inputs().iter().map(|input| input.path.clone()).collect(),
        cells: Vec::new(),
        secretive: carries_secrets.map(|input| input.path.clone()).collect(),
    };
    if inspection.inputs().is_empty() {
        return made;
    }
    made.failures.extend(faults.iter().filter(|_| has_unused_marks).cloned());
    made.messages.extend(faults);
    let report = report::build(&inspection, options(arguments, inspection.settings()));
    if has_answers {
        made.answers = report::answers(&inspection, arguments.reporting.show_participants);
    }
    made.report = Some(if let Some(other) = other {
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

/// How the capture is followed, where it is: an interrupt sets the flags, a second one ends the program at once.
fn follow(arguments: &Inspect, stop: &Stop) -> Result<Option<Follow>, String> {
    if !arguments.follow {
        return Ok(None);
    }
    match &*inputs(arguments) {
        [one] if !one.is_dir() => {}
        _ => return Err("--follow takes one capture, the one that is being written".to_owned()),
    }
    stop.at_signals().map_err(|error| format!("--follow: {error}"))?;
    let idle = arguments.follow_idle.map(Duration::from_secs);
    Ok(Some(Follow { idle, stop: Arc::clone(&stop.ends), ..Follow::default() }))
}

/// How what is found is shown while the capture is read.
fn view(arguments: &Inspect, outputs: &Outputs) -> Result<View, String> {
    if arguments.reporting.live.is_asked() && !arguments.follow {
        return Err(
            "--live and --checkpoint are for a capture that is still written: add --follow".to_owned()
        );
    }
    let is_report = |(_, output): &(PathBuf, Output)| matches!(output, Output::Report(_));
    if arguments.reporting.live.checkpoint.is_some() && !outputs.iter().any(is_report) {
        return Err("--checkpoint rewrites the reports of -o: name one, such as -o report.html".to_owned());
    }
    arguments.reporting.live.view(arguments.reporting.format)
}

/// The format of the report on standard output, where there is one: it may stand behind lines of what changed.
fn standard_format(arguments: &Inspect, outputs: &Outputs, view: View) -> Option<Format> {
    let usual = if view == View::Lines { Format::Jsonl } else { Format::Table };
    arguments.reporting.format.or(outputs.is_empty().then_some(usual))
}

/// What the captures are read by a second time: the file of `--against`.
struct Other {
    settings: Settings,
    kind: &'static str,
    file: String,
}

fn against_settings(arguments: &Inspect, world: &World) -> Result<Option<Other>, String> {
    let Some(path) = &arguments.reporting.against else { return Ok(None) };
    let (settings, kind) = settings::against(&arguments.reporting.evidence, path, world)?;
    let settings = Settings {
        exclusive: arguments.reporting.exclusive,
        local: arguments.reporting.local.clone(),
        ..settings
    };
    Ok(Some(Other { settings, kind, file: path.display().to_string() }))
}

/// Adds to the report which findings move by the file of `--against`.
fn read_against(arguments: &Inspect, other: Other, inspection: Inspection, report: Report) -> Report {
    let readings = |inspection: &Inspection| Readings::of(inspection, arguments.reporting.show_participants);
    let before = readings(&inspection);
    let after = readings(&inspection.judged_by(other.settings));
    Report { against: Some(against(&other.file, other.kind, &before, &after)), ..report }
}

fn lists_flows(format: Option<Format>, outputs: &Outputs) -> bool {
    let lists = |output: &Output| match output {
        Output::Report(format) => format.lists_flows(),
        Output::Bundle(_) => true,
    };
    outputs.iter().any(|(_, output)| lists(output)) || format.is_some_and(Format::lists_flows)
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
    let outputs = arguments.reporting.output.iter().map(output).collect::<Result<Outputs, String>>()?;
    let has_bundle = outputs.iter().any(|(_, output)| matches!(output, Output::Bundle(_)));
    bundle::check_options(arguments, has_bundle)?;
    let has_study = arguments.manifest.is_some() || arguments.by_folder;
    let is_matrix = |output: &Output| matches!(output, Output::Report(Format::MatrixCsv));
    if !has_study
        && (outputs.iter().any(|(_, output)| is_matrix(output))
            || arguments.reporting.format == Some(Format::MatrixCsv))
    {
        return Err(
            "a matrix is that of a study: name its captures with --manifest or --by-folder".to_owned()
        );
    }
    let tells = |output: &Output| matches!(output, Output::Report(format) if format.tells_conditions());
    let is_asked = outputs.iter().any(|(_, output)| tells(output))
        || arguments.reporting.format.is_some_and(Format::tells_conditions);
    if arguments.reporting.fail_on.is_empty() && is_asked {
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
    let read: Vec<&PathBuf> = job
        .named
        .iter()
        .chain(expanded)
        .chain(&marks)
        .chain(&arguments.manifest)
        .chain(&arguments.reporting.redaction_log)
        .chain(&arguments.reporting.keylog)
        .chain(&arguments.reporting.decrypted)
        .chain(&arguments.reporting.planted)
        .chain(&arguments.reporting.events)
        .collect();
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
        exclusive: arguments.reporting.exclusive,
        join: arguments.join,
        hash: !arguments.reporting.no_hash,
        max_unpacked: arguments.max_unpacked,
        max_memory: arguments.reporting.max_memory,
        lists_flows,
        threads: arguments.reporting.threads.unwrap_or_else(inspect::all_processors),
        marks: arguments.reporting.marks.read(&places, arguments.join, study.as_ref(), world)?,
        local: arguments.reporting.local.clone(),
        claims: claims::chosen(&arguments.reporting.claims, world)?,
        key_logs: keys::read(&arguments.reporting.keylog, world)?,
        planted: telemetry::planted(arguments.reporting.planted.as_ref(), world)?,
        events: telemetry::events(arguments.reporting.events.as_ref(), world)?,
        exchanges: telemetry::exchanges(&arguments.reporting.decrypted, world)?,
        reveals: arguments.reporting.reveal,
        study,
        ..settings::of(&arguments.reporting.evidence, world)?
    };
    Ok(Job { named, captures, settings, other: against_settings(arguments, world)? })
}

fn write(
    results: &Results<'_>,
    arguments: &Inspect,
    outputs: &Outputs,
    (format, record): (Option<Format>, &bundle::Record),
) -> Result<(), String> {
    for (path, output) in outputs {
        match output {
            Output::Report(format) => write_report(results, path, *format)?,
            Output::Bundle(packing) => {
                let seal = bundle::write(path, *packing, results, record, arguments.reporting.bundle_inputs)?;
                say(&format!(
                    "{}: written; keep its seal elsewhere (the SHA-256 of its SHA256SUMS): {seal}",
                    path.display()
                ));
            }
        }
    }
    if arguments.reporting.annotate == Some(Forge::Github) {
        annotate(&annotations::github(results.report, results.checks, results.failures));
    }
    let Some(format) = format else { return Ok(()) };
    let text = format.render(results, color(arguments.reporting.color, stdout().is_terminal()));
    // The forge reads commands off this stream, too.
    let has_neighbours = arguments.reporting.annotate.is_some() && format == Format::Table;
    let text = if has_neighbours { annotations::inert(&text) } else { text };
    output::to_stdout(&text).map_err(|error| format!("standard output: {error}"))
}

fn write_report(results: &Results<'_>, path: &Path, format: Format) -> Result<(), String> {
    let reveals = results.report.telemetry.as_ref().is_some_and(|telemetry| telemetry.revealed);
    let text = format.render(results, Color::Never);
    let fill = |file: &mut File| {
        if reveals && file.metadata()?.is_file() {
            output::keep_private(file, 0o600)?;
        }
        file.write_all(text.as_bytes())
    };
    output::to_file_by(path, fill)
        .map_err(|error: io::Error| format!("{}: {error}; nothing was written there", path.display()))
}

/// Writes the reports so far. What is no file, such as a pipe, gets the last one alone, and so does a bundle.
fn write_so_far(results: &Results<'_>, outputs: &Outputs) -> Result<(), String> {
    for (path, output) in outputs {
        let is_file = fs::metadata(path).map_or(true, |known| known.is_file());
        if let (Output::Report(format), true) = (output, is_file) {
            write_report(results, path, *format)?;
        }
    }
    Ok(())
}

/// Whether the screen is in colour.
fn screen_color(when: When) -> Color {
    color(when, screen::is_there())
}

/// Whether colour is used where the user says `when`.
pub(super) fn color(when: When, is_terminal: bool) -> Color {
    let [no_color, term] = ["NO_COLOR", "TERM"].map(std::env::var_os);
    color_of(when, is_terminal, no_color.as_deref(), term.as_deref())
}

/// Why no mark is set at the screen where a bundle is written.
const NOT_RECORDED: &str = "a bundle could not repeat it; name steps with --mark or --marks";

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

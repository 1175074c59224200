//! `borderpost inspect`: from arguments to settings, to reports, to the exit status.

use std::fs;
use std::io::{IsTerminal as _, stdout};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::cli::args::{Forge, Inspect, When};
use crate::cli::bundle::{self, Packing};
use crate::cli::color::color;
use crate::cli::format::{Format, Results};
use crate::cli::job::{Job, Other, inputs, job};
use crate::cli::live::{self, Ended, Marks, Plan, Stop, View};
use crate::cli::marks;
use crate::cli::message::{annotate, fail, say};
use crate::cli::output::{self, Outlet};
use crate::cli::progress::Bar;
use crate::cli::redaction::{self, RedactionLog};
use crate::cli::screen::{self, Behind, Quality};
use crate::cli::status::{self, Status};
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
    run(arguments, options).unwrap_or_else(|message| fail(&message))
}

fn run(arguments: &Inspect, options: Result<Vec<String>, String>) -> Result<Status, String> {
    let outputs = outputs(arguments)?;
    let view = view(arguments, &outputs)?;
    let (ready, job) = Ready::of(arguments, outputs, view, options)?;
    ready.refuse_inputs(&job)?;
    let stop = Stop::default();
    let made = match follow(arguments, &stop)? {
        Some(follow) => {
            let path = job.named.first().cloned().unwrap_or_default();
            let files = vec![Followed::new(path.clone(), follow)];
            make_live(&ready, job, followed(files, &path, stop.clone(), arguments))
        }
        None => make(arguments, job, ready.has_bundle()),
    };
    let has_failed = made.has_failed;
    let status = ready.finish(made)?;
    let is_interrupted = !has_failed && stop.is_interrupted.load(Ordering::Relaxed);
    Ok(if is_interrupted { Status::Interrupted } else { status })
}

/// A run whose options are read, before its captures are.
pub(super) struct Ready<'a> {
    arguments: &'a Inspect,
    outputs: Outputs,
    outlet: Outlet,
    view: View,
    format: Option<Format>,
    /// What a bundle records of how it was asked for, where one is written.
    options: Option<Vec<String>>,
    world: World,
    logs: Vec<RedactionLog>,
}

impl<'a> Ready<'a> {
    /// Reads what the options name.
    fn of(
        arguments: &'a Inspect,
        outputs: Outputs,
        view: View,
        options: Result<Vec<String>, String>,
    ) -> Result<(Self, Job), String> {
        let has_bundle = outputs.iter().any(|(_, output)| matches!(output, Output::Bundle(_)));
        let options = if has_bundle { Some(options?) } else { None };
        let world = if has_bundle { World::noted() } else { World::Disk };
        let format = standard_format(arguments, &outputs, view);
        let job = job(arguments, lists_flows(format, &outputs), &world)?;
        let logs = redaction::named(&arguments.reporting.redaction_log)?;
        let outlet = arguments.reporting.over.outlet();
        Ok((Self { arguments, outputs, outlet, view, format, options, world, logs }, job))
    }

    /// The same for a capture that this program makes itself, to be read while it is written.
    pub(super) fn to_capture(
        arguments: &'a Inspect,
        options: Result<Vec<String>, String>,
    ) -> Result<(Self, Job), String> {
        let outputs = outputs(arguments)?;
        refuse_checkpoint(arguments, &outputs)?;
        let view = arguments.reporting.live.view(arguments.reporting.format)?;
        let (ready, job) = Self::of(arguments, outputs, view, options)?;
        ready.refuse_inputs(&job)?;
        Ok((ready, job))
    }

    /// No output takes the place of what is read.
    fn refuse_inputs(&self, job: &Job) -> Result<(), String> {
        let study = job.settings.study.as_ref();
        let marks = study.map(Study::marks).unwrap_or_default();
        let expanded = job.captures.captures.iter().flatten();
        let reporting = &self.arguments.reporting;
        let read: Vec<&PathBuf> = job
            .named
            .iter()
            .chain(expanded)
            .chain(&marks)
            .chain(&self.arguments.manifest)
            .chain(&reporting.redaction_log)
            .chain(&reporting.keylog)
            .chain(&reporting.decrypted)
            .chain(&reporting.planted)
            .chain(&reporting.events)
            .collect();
        refuse_paths(&self.outputs, &self.outlet, &read)
    }

    /// How what is found is shown while the capture is read.
    pub(super) fn view(&self) -> View {
        self.view
    }

    /// Whether a report is written to a file.
    pub(super) fn has_report(&self) -> bool {
        has_report(&self.outputs)
    }

    fn has_bundle(&self) -> bool {
        self.options.is_some()
    }

    /// Puts an option in front of those that a bundle records.
    pub(super) fn record_option(&mut self, option: &str) {
        if let Some(options) = &mut self.options {
            options.insert(0, option.to_owned());
        }
    }

    /// Writes what came of it, and says how the program is to end.
    pub(super) fn finish(self, made: Made) -> Result<Status, String> {
        for message in &made.messages {
            say(message);
        }
        let Self { arguments, outputs, outlet, format, options, world, logs, .. } = self;
        let Some(report) = made.report else { return Ok(Status::Failed) };
        for line in status::damaged(&report).into_iter().chain(status::unjudged(&report)) {
            say(&line);
        }
        let has_bundle = options.is_some();
        if has_bundle && made.has_failed {
            return Err("no bundle was written: it would not hold what was asked for".to_owned());
        }
        refuse_paths(&outputs, &outlet, &made.paths.iter().collect::<Vec<_>>())?;
        let has_secrets = arguments.reporting.bundle_inputs && !made.secretive.is_empty();
        let secretive = made.secretive.first().filter(|_| has_secrets && !arguments.reporting.with_secrets);
        if let Some(path) = secretive {
            return Err(bundle::holds_secrets(path));
        }
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
        let options = options.unwrap_or_default();
        let has_secrets = has_secrets || arguments.reporting.reveal;
        let record = bundle::Record { options, notes, cells, paths, logs, answers, has_secrets };
        // The process ends soon: giving back millions of small pieces of memory would be most of what is left to do.
        let report = ManuallyDrop::new(report);
        let checks = checks(&report, &arguments.reporting.fail_on, arguments.reporting.min_grade);
        let (max_markdown, lang) = (arguments.reporting.max_markdown, arguments.reporting.lang);
        let results =
            Results { report: &report, checks: &checks, failures: &made.failures, max_markdown, lang };
        write(&results, arguments, (&outputs, &outlet), (format, &record))?;
        Ok(if made.has_failed { Status::Failed } else { status::decide(&checks) })
    }
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

/// A capture that is still written, and what is asked of it and of whoever writes it.
pub(super) struct Growing<'a, F> {
    /// Its files, in their order.
    pub(super) files: F,
    /// What is being read, in a few words.
    pub(super) title: String,
    pub(super) stop: Stop,
    /// How old the files of `-o` may become.
    pub(super) checkpoint: Option<Duration>,
    /// Whether a bar shows how much is read, where nothing else is shown.
    pub(super) has_bar: bool,
    pub(super) quality: Box<dyn Fn(Position) -> Quality + Sync + 'a>,
    pub(super) marks: Marks<'a>,
    pub(super) news: Box<dyn Fn() -> Option<String> + Sync + 'a>,
}

/// What there is to say of a capture that another program writes.
fn followed<'a>(
    files: Vec<Followed>,
    path: &'a Path,
    stop: Stop,
    arguments: &Inspect,
) -> Growing<'a, Vec<Followed>> {
    let title = if path == Path::new(source::STDIN) {
        "following standard input".to_owned()
    } else {
        format!("following {}", path.display())
    };
    let checkpoint = arguments.reporting.live.checkpoint();
    let quality = Box::new(move |position| Quality { behind: unread(path, position), ..Quality::default() });
    Growing {
        files,
        title,
        stop,
        checkpoint,
        has_bar: true,
        quality,
        marks: Marks::Analysis,
        news: Box::new(|| None),
    }
}

/// Reads and judges a capture that is still written, and shows and writes meanwhile what is asked for.
pub(super) fn make_live<F>(ready: &Ready<'_>, job: Job, growing: Growing<'_, F>) -> Made
where
    F: IntoIterator<Item = Followed> + Send,
{
    let Growing { files, title, stop, checkpoint, has_bar, quality, marks, news } = growing;
    let (arguments, outputs) = (ready.arguments, (&ready.outputs, &ready.outlet));
    let marks = match marks {
        Marks::Analysis if ready.has_bundle() => Marks::Refused(NOT_RECORDED),
        marks => marks,
    };
    let plan = Plan {
        title,
        view: ready.view,
        has_bar,
        color: screen_color(arguments.reporting.color),
        checkpoint,
        options: options(arguments, &job.settings),
        stop,
        write: &|report| {
            let checks = checks(report, &arguments.reporting.fail_on, arguments.reporting.min_grade);
            let (max_markdown, lang) = (arguments.reporting.max_markdown, arguments.reporting.lang);
            write_so_far(&Results { report, checks: &checks, failures: &[], max_markdown, lang }, outputs)
        },
        quality: &*quality,
        marks,
        news: &*news,
    };
    let Ended { inspection, marks, mut lines } = live::run(files, job.settings, &plan);
    for mark in marks {
        say(&format!("marked while it was read; for the same report later: --mark {}", quoted(&mark)));
    }
    let made = made(arguments, inspection, job.other, ready.has_bundle());
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
    // What others decrypted is reported without a capture, too, where none was named.
    let is_alone = inspection.failures().is_empty() && !inspection.imported().is_empty();
    if inspection.inputs().is_empty() && !is_alone {
        return made;
    }
    made.messages.extend(inspection.inputs().iter().filter_map(changed));
    if let Some(what) = status::failed(&inspection) {
        made.has_failed = true;
        made.messages.push(what.clone());
        made.failures.push(what);
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

/// That an input was written to while it was read, where it was.
fn changed(input: &inspect::Input) -> Option<String> {
    let damage = input.summary.damage.iter().find(|damage| damage.kind == source::CHANGED)?;
    Some(format!(
        "{}: {}; what was read may be of both: inspect it again, or with --follow",
        input.path.display(),
        damage.what
    ))
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
    refuse_checkpoint(arguments, outputs)?;
    arguments.reporting.live.view(arguments.reporting.format)
}

fn refuse_checkpoint(arguments: &Inspect, outputs: &Outputs) -> Result<(), String> {
    if arguments.reporting.live.checkpoint.is_some() && !has_report(outputs) {
        return Err("--checkpoint rewrites the reports of -o: name one, such as -o report.html".to_owned());
    }
    Ok(())
}

fn has_report(outputs: &Outputs) -> bool {
    outputs.iter().any(|(_, output)| matches!(output, Output::Report(_)))
}

/// The format of the report on standard output, where there is one: it may stand behind lines of what changed.
fn standard_format(arguments: &Inspect, outputs: &Outputs, view: View) -> Option<Format> {
    let usual = if view == View::Lines { Format::Jsonl } else { Format::Table };
    arguments.reporting.format.or(outputs.is_empty().then_some(usual))
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

/// What is written to a file.
enum Output {
    Report(Format),
    Bundle(Packing),
}

type Outputs = Vec<(PathBuf, Output)>;

fn outputs(arguments: &Inspect) -> Result<Outputs, String> {
    output::refuse_same(&arguments.reporting.output)?;
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

fn refuse_paths(outputs: &Outputs, outlet: &Outlet, read: &[&PathBuf]) -> Result<(), String> {
    for (path, output) in outputs {
        if let Output::Bundle(packing) = output {
            bundle::refuse_target(path, *packing, read)?;
        }
        outlet.check(path, read)?;
    }
    Ok(())
}

fn write(
    results: &Results<'_>,
    arguments: &Inspect,
    (outputs, outlet): (&Outputs, &Outlet),
    (format, record): (Option<Format>, &bundle::Record),
) -> Result<(), String> {
    for (path, output) in outputs {
        match output {
            Output::Report(format) => write_report(results, outlet, path, *format)?,
            Output::Bundle(packing) => {
                let has_inputs = arguments.reporting.bundle_inputs;
                let seal = bundle::write((outlet, path), *packing, results, record, has_inputs)?;
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

fn write_report(results: &Results<'_>, outlet: &Outlet, path: &Path, format: Format) -> Result<(), String> {
    outlet
        .to_file(path, format.render(results, Color::Never))
        .map_err(|error| format!("{}: {error}; nothing was written there", path.display()))
}

/// Writes the reports so far. What is no file, such as a pipe, gets the last one alone, and so does a bundle.
fn write_so_far(results: &Results<'_>, (outputs, outlet): (&Outputs, &Outlet)) -> Result<(), String> {
    for (path, output) in outputs {
        if let (Output::Report(format), false) = (output, output::is_device(path)) {
            write_report(results, outlet, path, *format)?;
        }
    }
    Ok(())
}

/// Whether the screen is in colour.
fn screen_color(when: When) -> Color {
    color(when, screen::is_there())
}

/// Why no mark is set at the screen where a bundle is written.
const NOT_RECORDED: &str = "a bundle could not repeat it; name steps with --mark or --marks";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_on_a_frame_is_told_and_decides_the_status() {
        use clap::Parser as _;

        use crate::cli::args::{Arguments, Command};
        use crate::inspect::guard::planted::{Place, plant};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let line = ["borderpost", "inspect", "-j", "1", "captures/eea-meeting.pcapng", "-o"];
        let arguments =
            Arguments::parse_from(line.map(Into::into).into_iter().chain([path.clone().into_os_string()]));
        let Command::Inspect(arguments) = arguments.command else { panic!("another command") };
        plant(7, Place::Stages);
        assert_eq!(inspect(&arguments, Ok(Vec::new())), Status::Failed);
        let report = fs::read_to_string(path).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let odd =
            report["anomalies"].as_array().unwrap().iter().find(|odd| odd["kind"] == "frame_failed").unwrap();
        assert_eq!((odd["frame"].as_u64(), odd["count"].as_u64()), (Some(7), Some(1)));
        assert_eq!(report["totals"]["failed"], 1);
        assert!(!report["destinations"].as_array().unwrap().is_empty());
    }
}

//! `borderpost diff`: what differs between two builds of the client.
//!
//! Input: runs of both. Output: a comparison, in every format; the exit status.

use std::io::{IsTerminal as _, stdout};
use std::path::{Path, PathBuf};

use crate::cli::args::{Diff, Forge, Telling};
use crate::cli::color::color;
use crate::cli::diff_format::DiffFormat;
use crate::cli::message::{annotate, fail};
use crate::cli::output;
use crate::cli::runs;
use crate::cli::status::Status;
use crate::compare::checks::checks;
use crate::compare::{self, Build, By, Comparison, Run};
use crate::report::annotations;
use crate::report::table::Color;
use crate::report::told::Told;
use crate::source::STDIN;

/// Compares two builds.
pub(super) fn run(arguments: &Diff) -> Status {
    match compared(arguments) {
        Ok(comparison) => tell(comparison, &arguments.telling, &inputs(arguments)),
        Err(message) => fail(&message),
    }
}

fn compared(arguments: &Diff) -> Result<Comparison, String> {
    let inputs = inputs(arguments);
    arguments.telling.outputs(&inputs)?;
    if inputs.iter().filter(|path| path.as_path() == Path::new(STDIN)).count() > 1 {
        return Err("standard input (-) is one run: name a file for the other side".to_owned());
    }
    let mut base = runs::of(&arguments.base, &arguments.reading)?;
    base.extend(runs::of_all(&arguments.more, &arguments.reading)?);
    let mut new = runs::of(&arguments.new, &arguments.reading)?;
    stated(&mut base, arguments.base_build.as_deref())?;
    stated(&mut new, arguments.new_build.as_deref())?;
    compare::diff(base, new)
}

fn inputs(arguments: &Diff) -> Vec<PathBuf> {
    [&arguments.base, &arguments.new].into_iter().chain(&arguments.more).cloned().collect()
}

/// Takes the runs of the build that the user names: those that a manifest says are of it, or all where no manifest says of what
/// they are.
pub(super) fn stated(runs: &mut Vec<Run>, build: Option<&str>) -> Result<(), String> {
    let Some(version) = build else { return Ok(()) };
    let is_stated = |run: &Run| run.builds.iter().any(|build| build.by == By::Manifest);
    if !runs.iter().any(is_stated) {
        let build = Build { version: version.to_owned(), by: By::Option };
        for run in runs {
            run.builds.insert(build.clone());
        }
        return Ok(());
    }
    let by_manifest = |run: &Run| -> Vec<String> {
        let builds = run.builds.iter().filter(|build| build.by == By::Manifest);
        builds.map(|build| build.version.clone()).collect()
    };
    let mut known: Vec<String> = runs.iter().flat_map(by_manifest).collect();
    runs.retain(|run| by_manifest(run).iter().any(|build| build == version));
    known.sort_unstable();
    known.dedup();
    if runs.is_empty() {
        return Err(format!("no run is of build {version} by its manifest, which has {}", known.join(", ")));
    }
    Ok(())
}

/// Writes a comparison where it is asked for, and decides.
pub(super) fn tell(mut comparison: Comparison, telling: &Telling, inputs: &[PathBuf]) -> Status {
    if !telling.only.is_empty() {
        comparison.retain(&telling.only);
    }
    let checks = checks(&comparison, &telling.fail_on, telling.min_grade);
    match telling.outputs(inputs).and_then(|outputs| write(&comparison, &checks, telling, &outputs)) {
        Err(message) => fail(&message),
        Ok(()) if checks.iter().any(|check| check.held().is_some()) => Status::Found,
        Ok(()) => Status::Clean,
    }
}

fn write(
    comparison: &Comparison,
    checks: &[Told],
    telling: &Telling,
    outputs: &[(&Path, DiffFormat)],
) -> Result<(), String> {
    let outlet = telling.over.outlet();
    for (path, format) in outputs {
        outlet
            .to_file(path, format.render(comparison, checks, Color::Never, telling.lang))
            .map_err(|error| format!("{}: {error}; nothing was written there", path.display()))?;
    }
    if telling.annotate == Some(Forge::Github) {
        annotate(&annotations::github_of(checks, &[]));
    }
    if telling.quiet || (!outputs.is_empty() && telling.format.is_none()) {
        return Ok(());
    }
    let format = telling.format.unwrap_or(DiffFormat::Table);
    let text = format.render(comparison, checks, color(telling.color, stdout().is_terminal()), telling.lang);
    // The forge reads commands off this stream, too.
    let has_neighbours = telling.annotate.is_some() && format == DiffFormat::Table;
    let text = if has_neighbours { annotations::inert(&text) } else { text };
    output::to_stdout(&text).map_err(|error| format!("standard output: {error}"))
}

impl Telling {
    /// The files to write, before anything is read.
    pub(super) fn outputs(&self, inputs: &[PathBuf]) -> Result<Vec<(&Path, DiffFormat)>, String> {
        output::refuse_same(&self.output)?;
        let (mut outputs, outlet) = (Vec::new(), self.over.outlet());
        for path in &self.output {
            outlet.check(path, inputs)?;
            outputs.push((path.as_path(), DiffFormat::of(path)?));
        }
        let tells = |format: &DiffFormat| matches!(format, DiffFormat::Junit | DiffFormat::Gitlab);
        let is_asked = outputs.iter().map(|(_, format)| format).chain(&self.format).any(tells);
        if is_asked && self.fail_on.is_empty() {
            return Err("JUnit and code quality reports tell what fails: name the conditions with --fail-on"
                .to_owned());
        }
        Ok(outputs)
    }
}

//! `borderpost baseline`: a file of contacts that somebody answers for, and captures against it.
//!
//! Input: the file, and runs. Output: a new file, a proposal, or what is not in it; the exit status.

use std::path::{Path, PathBuf};

use crate::cli::args::{Baseline, Check, Learn, Runs, Update};
use crate::cli::diff::{stated, tell};
use crate::cli::file;
use crate::cli::message::{fail, say};
use crate::cli::output;
use crate::cli::runs;
use crate::cli::status::Status;
use crate::compare::Run;
use crate::compare::baseline::{self, Baseline as File, Proposal};
use crate::report::text::plural;

/// Does what is asked.
pub(super) fn run(action: &Baseline) -> Status {
    match action {
        Baseline::Learn(arguments) => done(learn(arguments)),
        Baseline::Update(arguments) => done(update(arguments)),
        Baseline::Check(arguments) => match check(arguments) {
            Ok(status) => status,
            Err(message) => fail(&message),
        },
    }
}

fn done(outcome: Result<(), String>) -> Status {
    match outcome {
        Ok(()) => Status::Clean,
        Err(message) => fail(&message),
    }
}

impl Runs {
    fn read(&self) -> Result<Vec<Run>, String> {
        let mut runs = runs::of_all(&self.paths, &self.reading)?;
        stated(&mut runs, self.build.as_deref())?;
        Ok(runs)
    }
}

fn learn(arguments: &Learn) -> Result<(), String> {
    let path = &arguments.output;
    if std::fs::metadata(path).is_ok() {
        return Err(format!(
            "{}: is there already, and people may have written in it; use `borderpost baseline update`",
            path.display()
        ));
    }
    if arguments.owner.trim().is_empty() || arguments.reason.trim().is_empty() {
        return Err(
            "--owner and --reason have to say something: an entry that nobody answers for is refused"
                .to_owned(),
        );
    }
    let made = baseline::learn(arguments.runs.read()?, &arguments.owner, &arguments.reason)?;
    to_file(path, &made.text)?;
    say(&format!("{}: {} learnt", path.display(), plural(made.proposed, "entry", "entries")));
    Ok(())
}

fn update(arguments: &Update) -> Result<(), String> {
    let (name, text) = text(&arguments.file)?;
    let Proposal { text, proposed, builds } = baseline::update(&name, &text, arguments.runs.read()?)?;
    match &arguments.output {
        Some(path) => {
            output::refuse_inputs(path, &arguments.runs.paths)?;
            to_file(path, &text)?;
        }
        None => output::to_stdout(&text).map_err(|error| format!("standard output: {error}"))?,
    }
    let builds = plural(builds, "build was", "builds were");
    say(&format!("{} proposed, {builds} added to entries", plural(proposed, "entry is", "entries are")));
    Ok(())
}

fn check(arguments: &Check) -> Result<Status, String> {
    let inputs: Vec<PathBuf> = arguments.runs.paths.iter().chain([&arguments.file]).cloned().collect();
    arguments.telling.outputs(&inputs)?;
    let (name, text) = text(&arguments.file)?;
    let baseline = File::parse(&name, &text).map_err(|error| error.to_string())?;
    let comparison = baseline::check(&baseline, arguments.runs.read()?, arguments.date)?;
    Ok(tell(comparison, &arguments.telling, &inputs))
}

fn text(path: &Path) -> Result<(String, String), String> {
    file::text(path, "name a baseline, as `borderpost baseline learn` writes it")
}

fn to_file(path: &Path, text: &str) -> Result<(), String> {
    output::to_file(path, text)
        .map_err(|error| format!("{}: {error}; nothing was written there", path.display()))
}

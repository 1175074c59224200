//! `borderpost baseline`: a file of contacts that somebody answers for, and captures against it.
//!
//! Input: the file, and runs. Output: a new file, a proposal, or what is not in it; the exit status.

use std::path::{Path, PathBuf};

use crate::cli::args::{Baseline, Check, Learn, Runs, Update};
use crate::cli::diff::{stated, tell};
use crate::cli::file;
use crate::cli::message::{fail, say};
use crate::cli::output::{self, Outlet};
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
    let outlet = arguments.over.outlet();
    outlet.check(path, &arguments.runs.paths).map_err(|what| {
        let has_text = output::is_taken(path) && !output::is_device(path);
        let more = "; people may have written in it: `borderpost baseline update` keeps that";
        format!("{what}{}", if has_text { more } else { "" })
    })?;
    if arguments.owner.trim().is_empty() || arguments.reason.trim().is_empty() {
        return Err(
            "--owner and --reason have to say something: an entry that nobody answers for is refused"
                .to_owned(),
        );
    }
    let made = baseline::learn(arguments.runs.read()?, &arguments.owner, &arguments.reason)?;
    to_file(&outlet, path, &made.text)?;
    say(&format!("{}: {} learnt", path.display(), plural(made.proposed, "entry", "entries")));
    Ok(())
}

fn update(arguments: &Update) -> Result<(), String> {
    // Who names the baseline itself has asked for its being written again.
    let outlet = arguments.over.outlet_again(arguments.output.as_ref() == Some(&arguments.file));
    if let Some(path) = &arguments.output {
        outlet.check(path, &arguments.runs.paths)?;
    }
    let (name, text) = text(&arguments.file)?;
    let Proposal { text, proposed, builds } = baseline::update(&name, &text, arguments.runs.read()?)?;
    match &arguments.output {
        Some(path) => to_file(&outlet, path, &text)?,
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

fn to_file(outlet: &Outlet, path: &Path, text: &str) -> Result<(), String> {
    outlet
        .to_file(path, text)
        .map_err(|error| format!("{}: {error}; nothing was written there", path.display()))
}

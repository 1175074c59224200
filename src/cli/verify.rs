//! `borderpost verify`: whether a bundle is as it was written, and whether its report comes out again.
//!
//! Input: a bundle, and captures that are known by their hashes. Output: what is the same, what differs and why.

use std::path::{Path, PathBuf};

use crate::bundle::{self, Archive, Cause, Checked, DATA, Outcome, Part, RUN, Run, Verification};
use crate::cli::args::Verify;
use crate::cli::bundle::{ANSWERS, REPORTS};
use crate::cli::format::{Results, VerifyFormat};
use crate::cli::job::job;
use crate::cli::locate::{Search, recorded as of_record};
use crate::cli::message::fail;
use crate::cli::output;
use crate::cli::recorded;
use crate::cli::redaction;
use crate::cli::run::make;
use crate::cli::status::Status;
use crate::report::builtin;
use crate::report::table::Color;

/// Verifies a bundle.
pub(super) fn run(arguments: &Verify) -> Status {
    let verification = match verified(arguments) {
        Ok(verification) => verification,
        Err(message) => return fail(&message),
    };
    let text = match arguments.format {
        VerifyFormat::Table => bundle::text(&verification),
        VerifyFormat::Json => bundle::json(&verification),
    };
    if let Err(error) = output::to_stdout(&text) {
        return fail(&format!("standard output: {error}"));
    }
    match verification.outcome {
        // A difference that was found does not hide that the job could not be done: so it is with every command.
        _ if !verification.not_done.is_empty() => Status::Failed,
        Outcome::Same => Status::Clean,
        Outcome::Differs => Status::Found,
        Outcome::NotDone => Status::Failed,
    }
}

fn verified(arguments: &Verify) -> Result<Verification, String> {
    let search = Search::new(&arguments.bundle, &arguments.captures)?;
    let archive = Archive::open(&arguments.bundle).map_err(|error| error.to_string())?;
    let checked = bundle::check(&archive).map_err(|error| error.to_string())?;
    let mut verification = Verification::new(arguments.bundle.display().to_string());
    verification.files.clone_from(&checked.files);
    verification.seal.clone_from(&checked.seal);
    for file in checked.faults() {
        let what = file.what.as_deref().unwrap_or_default();
        verification.causes.push(Cause::file_altered(format!("{}: {what}", file.path)));
    }
    if checked.is_intact(RUN) {
        make_again(&archive, &checked, search, &mut verification)?;
    } else {
        verification
            .not_done
            .push(format!("the report was not made again: {RUN} says how, and is not as it was"));
    }
    Ok(verification.decided())
}

/// Makes the report again by the record of the run, and compares.
fn make_again(
    archive: &Archive,
    checked: &Checked,
    mut search: Search,
    verification: &mut Verification,
) -> Result<(), String> {
    let text = archive.text(RUN).map_err(|error| error.to_string())?;
    let run = Run::parse(&text).map_err(|error| error.to_string())?;
    *verification = verification.clone().made_by(&run.version);
    redaction::check(&run, archive, checked, &mut search, verification);
    let found = of_record(&run, archive, checked, &mut search, verification)?;
    let Some(world) = found else { return Ok(()) };
    let captures: Vec<PathBuf> = run.inputs.iter().map(|input| PathBuf::from(&input.path)).collect();
    let made = recorded::arguments(&run.arguments, &captures).and_then(|arguments| {
        let job = job(&arguments, true, &world)?;
        Ok((make(&arguments, job, true), arguments.reporting.lang))
    });
    let (made, lang) = match made {
        Ok(made) => made,
        Err(message) => {
            verification.not_done.push(message);
            return Ok(());
        }
    };
    verification.not_done.extend(made.messages.into_iter().filter(|_| made.has_failed));
    if let Some(report) = made.report {
        compare(archive, &Results::of(&report, lang), &made.answers, verification)?;
        causes(archive, &run, verification);
    }
    Ok(())
}

/// Compares what was made again with what the bundle holds.
fn compare(
    archive: &Archive,
    results: &Results<'_>,
    answers: &str,
    verification: &mut Verification,
) -> Result<(), String> {
    let reports = REPORTS.map(|(name, format)| (name, format.render(results, Color::Never)));
    for (name, text) in reports.iter().map(|(name, text)| (*name, text.as_str())).chain([(ANSWERS, answers)])
    {
        let known = archive.text(name).unwrap_or_default();
        let same = known == text.as_bytes();
        verification.made_again.push(Part { name: name.to_owned(), same });
        if !same && is_json(name) && !known.is_empty() {
            let comparison = match bundle::compare(name, &known, text) {
                Ok(comparison) => comparison,
                // One that was altered so that it is no report says so already.
                Err(_) if verification.files.iter().any(|file| file.path == name && !file.is_intact()) => {
                    continue;
                }
                Err(error) => return Err(error.to_string()),
            };
            verification.parts = comparison.parts;
            verification.differences = comparison.differences;
            verification.more_differences = comparison.more;
        }
    }
    Ok(())
}

fn is_json(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "json")
}

/// Why something differs, as far as that shows.
fn causes(archive: &Archive, run: &Run, verification: &mut Verification) {
    if verification.made_again.iter().all(|part| part.same) {
        return;
    }
    let (made, own) = (&run.version, env!("CARGO_PKG_VERSION"));
    if made != own {
        let says = format!("borderpost {made} made the bundle, and this is {own}");
        verification.causes.push(Cause::tool_version(says));
    }
    let others = other_data(archive);
    if !others.is_empty() {
        let says = format!("the program carries other data than it did: {}", others.join(", "));
        verification.causes.push(Cause::data(says));
    }
    if verification.parts.iter().any(|part| part.name == SOURCES && !part.same) {
        let says = format!("the report rests on other data sources: see /{SOURCES}");
        verification.causes.push(Cause::data(says));
    }
    if verification.causes.is_empty() {
        let says = "nothing shows why: the same version with the same data, on captures of the same bytes, says something \
                    else. The bundle's report is not what the program made of them";
        verification.causes.push(Cause::unknown(says.to_owned()));
    }
}

/// The data files in which the bundle and this program differ.
fn other_data(archive: &Archive) -> Vec<String> {
    let is_other = |(name, own): &&builtin::DataFile| {
        archive.text(&format!("{DATA}/{name}")).ok().as_deref() != Some(own.as_bytes())
    };
    let mut others: Vec<String> =
        builtin::FILES.iter().filter(is_other).map(|(name, _)| (*name).to_owned()).collect();
    let within = archive.names().filter_map(|name| name.strip_prefix(DATA)?.strip_prefix('/'));
    let is_gone = |name: &&str| builtin::FILES.iter().all(|(known, _)| known != name);
    others.extend(within.filter(is_gone).map(str::to_owned));
    others
}

/// The part of a report that lists its data.
const SOURCES: &str = "data_sources";

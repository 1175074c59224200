//! `borderpost explain`: why an address or a name is placed where it is placed.

use crate::cli::args::Explain;
use crate::cli::format::ExplainFormat;
use crate::cli::message::{fail, say};
use crate::cli::output;
use crate::cli::progress::Bar;
use crate::cli::settings;
use crate::cli::status::{self, Status};
use crate::cli::world::World;
use crate::frame::Date;
use crate::inspect::{self, Settings};
use crate::place;
use crate::report::explain::{self, Explanation, Subject};
use crate::wire::Hostname;

/// Answers for one address or name, in captures or by what is known without one.
pub(super) fn run(arguments: &Explain) -> Status {
    let resolved = subject(&arguments.subject)
        .and_then(|subject| Ok((subject, settings::of(&arguments.evidence, &World::Disk)?)));
    let (subject, settings) = match resolved {
        Ok(resolved) => resolved,
        Err(message) => return fail(&message),
    };
    if arguments.captures.is_empty() {
        let day = arguments.date.unwrap_or_else(|| newest_data(&settings));
        if let Err(message) = settings::known_day("--date", day) {
            return fail(&format!("{message}; name another day"));
        }
        if settings.vantage.is_some() {
            say("--vantage says nothing without a capture to measure in: name one with --in");
        }
        let explanation = match &subject {
            Subject::Address(address) => explain::of_address(*address, day, &settings),
            Subject::Name(host) => explain::of_name(host, day, &settings),
        };
        return show(arguments, Vec::new(), vec![explanation], &settings, Status::Clean);
    }
    let inspection = inspect::inspect(
        &arguments.captures,
        Settings { hash: false, join: arguments.join, local: arguments.local.clone(), ..settings },
        &Bar::new(),
    );
    for failure in inspection.failures() {
        say(&failure.to_string());
    }
    if inspection.inputs().is_empty() {
        return Status::Failed;
    }
    let failed = status::failed(&inspection);
    if let Some(what) = &failed {
        say(what);
    }
    let is_whole = inspection.failures().is_empty() && failed.is_none();
    let status = if is_whole { Status::Clean } else { Status::Failed };
    let inputs = inspection.inputs().iter().map(|input| input.path.display().to_string()).collect();
    show(arguments, inputs, explain::in_captures(&subject, &inspection), inspection.settings(), status)
}

fn show(
    arguments: &Explain,
    inputs: Vec<String>,
    explained: Vec<Explanation>,
    settings: &Settings,
    status: Status,
) -> Status {
    let answer = explain::explanations(&arguments.subject, inputs, explained, settings);
    let text = match arguments.format {
        ExplainFormat::Table => explain::text(&answer),
        ExplainFormat::Json => explain::json(&answer),
    };
    match output::to_stdout(&text) {
        Ok(()) => status,
        Err(error) => fail(&format!("standard output: {error}")),
    }
}

fn subject(text: &str) -> Result<Subject, String> {
    if let Ok(address) = text.trim_matches(['[', ']']).parse() {
        return Ok(Subject::Address(address));
    }
    let host = Hostname::parse(text.as_bytes()).map(Subject::Name);
    host.ok_or_else(|| {
        format!("{text}: neither an IP address nor a host name; try 213.244.140.85 or log.zoom.us")
    })
}

/// Without a capture and a date, the day of the newest data: the same question then has the same answer on every day.
fn newest_data(settings: &Settings) -> Date {
    let tables = place::tables().into_iter().map(|(_, compiled)| compiled);
    let databases = settings.databases.sources().iter().map(|source| source.built);
    let newest = tables.chain(databases).max();
    newest.unwrap_or_else(crate::client::Catalogue::compiled)
}

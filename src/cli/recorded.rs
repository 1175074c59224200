//! The options of a run as a bundle records them, and back.
//!
//! Input: what the user typed. Output: the options that a report depends on, each as `--name=value`, in the order of the manual;
//! or the arguments that they stand for. Must not: take from a bundle an option that no bundle records.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};

use crate::cli::args::{Arguments, Command, Inspect};

/// Options that change nothing in a report, and those whose place is taken by what was read.
const LEFT_OUT: [&str; 21] = [
    "annotate",
    "paths",
    "read",
    "format",
    "output",
    "force",
    "threads",
    "no_hash",
    "follow",
    "follow_idle",
    "live",
    "checkpoint",
    "fail_on",
    "min_grade",
    "color",
    "bundle_inputs",
    "redaction_log",
    "max_markdown",
    "with_secrets",
    "help",
    "version",
];

/// The options of `inspect` that a report depends on.
pub(super) fn options(matches: &ArgMatches) -> Result<Vec<String>, String> {
    let Some((_, matches)) = matches.subcommand() else { return Ok(Vec::new()) };
    let command = Arguments::command();
    let inspect = command.find_subcommand(INSPECT);
    let mut recorded = Vec::new();
    for option in inspect.into_iter().flat_map(clap::Command::get_arguments) {
        let id = option.get_id().as_str();
        let is_left_out = LEFT_OUT.contains(&id);
        let (Some(long), false) = (option.get_long(), is_left_out) else { continue };
        // Another command that inspects has not all of its options.
        if matches.try_contains_id(id).is_err() {
            continue;
        }
        if matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        if !option.get_action().takes_values() {
            recorded.push(format!("--{long}"));
            continue;
        }
        for value in matches.get_raw(id).into_iter().flatten() {
            let Some(value) = value.to_str() else {
                return Err(format!("--{long}: a value that is no text cannot be recorded in a bundle"));
            };
            recorded.push(format!("--{long}={value}"));
        }
    }
    Ok(recorded)
}

/// The options with those that name these files of exchanges, too.
pub(super) fn with_imports(recorded: &[String], imports: &[PathBuf]) -> Result<Vec<String>, String> {
    let line = ["borderpost", INSPECT].into_iter().map(OsString::from);
    let imports = imports.iter().map(|path| {
        let mut option = OsString::from("--decrypted=");
        option.push(path);
        option
    });
    let line = line.chain(recorded.iter().map(OsString::from)).chain(imports);
    let matches = Arguments::command().try_get_matches_from(line).map_err(|error| error.to_string())?;
    options(&matches)
}

/// The arguments that recorded options stand for, with the captures that were read.
pub(super) fn arguments(recorded: &[String], captures: &[PathBuf]) -> Result<Inspect, String> {
    let refused = |what: &str| {
        format!(
            "run.toml: its options are not those of an inspection ({what}); verify it with the borderpost that made it"
        )
    };
    let is_by_manifest = recorded.iter().any(|option| option.starts_with("--manifest="));
    let mut line = vec![PathBuf::from("borderpost"), INSPECT.into()];
    line.extend(recorded.iter().map(PathBuf::from));
    if !is_by_manifest {
        line.push("--".into());
        line.extend(captures.iter().cloned());
    }
    let command = Arguments::command().color(clap::ColorChoice::Never);
    let first = |error: &clap::Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    let matches = command.try_get_matches_from(line).map_err(|error| refused(&first(&error)))?;
    if options(&matches).as_deref() != Ok(recorded) {
        return Err(refused("some are of no bundle"));
    }
    match Arguments::from_arg_matches(&matches).map(|arguments| arguments.command) {
        Ok(Command::Inspect(inspect)) => Ok(*inspect),
        Ok(_) => Err(refused("another command")),
        Err(error) => Err(refused(&first(&error))),
    }
}

const INSPECT: &str = "inspect";

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(line: &[&str]) -> Vec<String> {
        let line = ["borderpost", "inspect"].iter().chain(line);
        options(&Arguments::command().try_get_matches_from(line).unwrap()).unwrap()
    }

    #[test]
    fn options_are_recorded_in_one_form_and_those_that_change_nothing_are_not() {
        let line = [
            "-o",
            "x/",
            "--mark",
            "+1=a b",
            "--claims",
            "surf-2022,surf-2024",
            "-j",
            "2",
            "--exclusive",
            "a.pcap",
            "--color",
            "never",
            "--vantage",
            "NL",
            "--fail-on",
            "outside",
            "--without=database,round-trip",
            "--bundle-inputs",
        ];
        let expected = [
            "--exclusive",
            "--claims=surf-2022",
            "--claims=surf-2024",
            "--mark=+1=a b",
            "--vantage=NL",
            "--without=database",
            "--without=round-trip",
        ];
        assert_eq!(recorded(&line), expected);
        assert!(recorded(&["a.pcap"]).is_empty());
    }

    #[test]
    fn what_was_recorded_gives_the_same_arguments() {
        let options = recorded(&["--local", "10.0.0.0/8", "--local", "fd00::/8", "+5=-x", "--join", "a"]);
        let inspect = arguments(&options, &["-".into(), "--odd".into()]).unwrap();
        assert_eq!(inspect.paths, [PathBuf::from("-"), "--odd".into()]);
        assert_eq!((inspect.reporting.local.len(), inspect.join), (2, true));
    }

    #[test]
    fn no_bundle_slips_in_an_option_of_its_own() {
        let hostile: [&[&str]; 7] = [
            &["--output=/tmp/x.json"],
            &["-o/tmp/x"],
            &["--follow"],
            &["x.pcap"],
            &["--exclusive", "--", "y.pcap"],
            &["--help"],
            &["--new-option"],
        ];
        for options in hostile {
            let options: Vec<String> = options.iter().map(ToString::to_string).collect();
            let refused = arguments(&options, &["a".into()]).unwrap_err();
            assert!(refused.starts_with("run.toml: "), "{refused}");
        }
    }
}

//! `borderpost diff`: what differs between two builds of the client.
//!
//! Input: runs of both. Output: a comparison, in every format; the exit status.

use std::io::{IsTerminal as _, stdout};
use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::cli::args::{Forge, When};
use crate::cli::message::{annotate, fail};
use crate::cli::output;
use crate::cli::run::color;
use crate::cli::runs::{self, Reading};
use crate::cli::status::Status;
use crate::compare::checks::{Condition, checks, head};
use crate::compare::{self, Build, By, Comparison, Kind, Run};
use crate::report::table::Color;
use crate::report::told::Told;
use crate::report::{annotations, document, junit_of};

/// What is compared.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Diff {
    /// Runs of the build that is known: a capture, a folder of captures or of reports (each is a run), a report in JSON, a bundle,
    /// or the manifest of a study (each cell is a run)
    #[arg(value_name = "BASE")]
    base: PathBuf,
    /// Runs of the build that is new, in the same forms
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// More runs of the build that is known, in the same forms: how far they differ among themselves is noise; may be repeated
    #[arg(long = "base", value_name = "PATH")]
    more: Vec<PathBuf>,
    /// The build that BASE is of; of a study with several builds, the cells of this one
    #[arg(long, value_name = "VERSION")]
    base_build: Option<String>,
    /// The build that NEW is of; of a study with several builds, the cells of this one
    #[arg(long, value_name = "VERSION")]
    new_build: Option<String>,
    #[command(flatten)]
    telling: Telling,
    #[command(flatten)]
    reading: Reading,
}

/// How a comparison is told, and what fails.
#[derive(Args, Debug)]
pub(super) struct Telling {
    /// The format on standard output [default: table; nothing is printed there where -o is given]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<DiffFormat>,
    /// Write the comparison to FILE, in the format of its extension (.txt, .html, .md, .json, .xml, .codequality.json); may be
    /// repeated
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Vec<PathBuf>,
    /// End with status 1 where one of these holds; separated by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CONDITION,…")]
    fail_on: Vec<Condition>,
    /// Tell of these kinds of differences alone, in the report as in the exit status; separated by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND,…")]
    only: Vec<Kind>,
    /// Print nothing on standard output: the exit status tells
    #[arg(short, long, conflicts_with = "format")]
    quiet: bool,
    /// Print what holds of `--fail-on` on standard error, too, as this forge takes it off the log of a job
    #[arg(long, value_enum, value_name = "FORGE", requires = "fail_on")]
    annotate: Option<Forge>,
    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    color: When,
}

/// A comparison's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum DiffFormat {
    /// Text for people, 80 columns wide
    Table,
    /// One page for a browser or on paper
    Html,
    /// The same for a pull request
    Md,
    /// One JSON object, with every difference
    Json,
    /// What `--fail-on` looks at, as JUnit XML
    Junit,
    /// What holds of `--fail-on`, as a code quality report for GitLab
    Gitlab,
}

const EXAMPLES: &str = "Examples:
  borderpost diff old-build/ new-build.pcapng
  borderpost diff monday.pcapng nightly.pcapng --base tuesday.pcapng --fail-on added,moved,volume
  borderpost diff study.toml study.toml --base-build 6.1.0 --new-build 6.1.1
  borderpost diff approved.zip nightly.json -o diff.md --fail-on unlisted --quiet

Compared are host patterns, services, recipients, legal zones and protocols; never addresses or ports.

Exit status: 2 where a named input could not be read or has no traffic of the client; else 1 where a condition of --fail-on holds; \
else 0. What is not known, such as a volume without runs to tell noise by, fails nothing and is told.";

/// Compares two builds.
pub(super) fn run(arguments: &Diff) -> Status {
    match compared(arguments) {
        Ok(comparison) => tell(comparison, &arguments.telling, &inputs(arguments)),
        Err(message) => fail(&message),
    }
}

fn compared(arguments: &Diff) -> Result<Comparison, String> {
    arguments.telling.outputs(&inputs(arguments))?;
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
        runs.iter_mut().for_each(|run| drop(run.builds.insert(build.clone())));
        return Ok(());
    }
    let mut known: Vec<String> =
        runs.iter().flat_map(|run| &run.builds).map(|build| build.version.clone()).collect();
    runs.retain(|run| run.builds.iter().any(|build| build.version == version));
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
    let checks = checks(&comparison, &telling.fail_on);
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
    for (path, format) in outputs {
        output::to_file(path, format.render(comparison, checks, Color::Never))
            .map_err(|error| format!("{}: {error}; nothing was written there", path.display()))?;
    }
    if telling.annotate == Some(Forge::Github) {
        annotate(&annotations::github_of(checks, &[]));
    }
    if telling.quiet || (!outputs.is_empty() && telling.format.is_none()) {
        return Ok(());
    }
    let format = telling.format.unwrap_or(DiffFormat::Table);
    let text = format.render(comparison, checks, color(telling.color, stdout().is_terminal()));
    // The forge reads commands off this stream, too.
    let has_neighbours = telling.annotate.is_some() && format == DiffFormat::Table;
    let text = if has_neighbours { annotations::inert(&text) } else { text };
    output::to_stdout(&text).map_err(|error| format!("standard output: {error}"))
}

impl Telling {
    /// The files to write, before anything is read.
    pub(super) fn outputs(&self, inputs: &[PathBuf]) -> Result<Vec<(&Path, DiffFormat)>, String> {
        let mut outputs = Vec::new();
        for path in &self.output {
            output::refuse_inputs(path, inputs)?;
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

impl DiffFormat {
    fn of(file: &Path) -> Result<Self, String> {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let known = EXTENSIONS.iter().find(|(extension, _)| {
            name.strip_suffix(extension).is_some_and(|stem| stem.ends_with('.') && stem.len() > 1)
        });
        known.map(|(_, format)| *format).ok_or_else(|| {
            let shown = file.display();
            format!(
                "{shown}: no format of a comparison goes by this extension; name a file that ends in .txt, .html, .md, .json, .xml or \
                 .codequality.json"
            )
        })
    }

    fn render(self, comparison: &Comparison, checks: &[Told], color: Color) -> String {
        match self {
            Self::Table => compare::document(comparison).text(color),
            Self::Html => document::html(&compare::document(comparison)),
            Self::Md => document::markdown(&compare::document(comparison)),
            Self::Json => compare::json(comparison),
            Self::Junit => junit_of(&head(comparison), checks, &[]),
            Self::Gitlab => annotations::gitlab_of(checks, &[]),
        }
    }
}

/// The longer ones first.
const EXTENSIONS: [(&str, DiffFormat); 6] = [
    ("codequality.json", DiffFormat::Gitlab),
    ("txt", DiffFormat::Table),
    ("html", DiffFormat::Html),
    ("md", DiffFormat::Md),
    ("json", DiffFormat::Json),
    ("xml", DiffFormat::Junit),
];

/// What `--only` may name.
impl ValueEnum for Kind {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Added => "A contact is new",
            Self::Moved => "A contact stands in another legal zone",
            Self::Recipient => "Another company runs it",
            Self::Place => {
                "It stands in another country outside the EEA, can be placed no more, or can be placed now"
            }
            Self::Listing => "The register lists it otherwise",
            Self::Phase => "It is contacted first in another phase",
            Self::Volume => {
                "More or less is sent, or in more or fewer flows, than the noise of several base runs explains"
            }
            Self::Fingerprint => "The client's TLS stack says hello otherwise (JA4)",
            Self::Removed => "A contact is not seen any more",
            Self::Expired => "An entry of a baseline has expired",
            Self::Wide => "An entry of a baseline allows more than anybody can have looked at",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

/// What `--fail-on` may name.
impl ValueEnum for Condition {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Any => Some(PossibleValue::new(self.name()).help("Anything differs")),
            Self::Of(kind) => kind.to_possible_value(),
            Self::Outside => Some(
                PossibleValue::new(self.name())
                    .help("What is new, or moved, is outside the EEA, likely or confirmed"),
            ),
            Self::Unlisted => Some(
                PossibleValue::new(self.name())
                    .help("What is new, or moved, is outside the EEA and not in the register"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_an_extension() {
        for format in DiffFormat::value_variants() {
            let (extension, _) = EXTENSIONS.iter().find(|(_, known)| known == format).unwrap();
            assert_eq!(DiffFormat::of(Path::new(&format!("a.b/c.{extension}"))), Ok(*format));
        }
        for name in ["json", ".json", "diff.pdf", "diff", "codequality.json/"] {
            let found = DiffFormat::of(Path::new(name));
            assert!(found.is_err() || name == "codequality.json/", "{name}: {found:?}");
        }
    }
}

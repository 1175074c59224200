//! What the user may type for `diff` and `baseline`. Plain values, as beside it.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Subcommand, ValueEnum};

use super::{Evidence, Forge, When, languages};
use crate::cli::diff_format::DiffFormat;
use crate::cli::output::Over;
use crate::compare::Kind;
use crate::compare::checks::Condition;
use crate::frame::Date;
use crate::packet::Network;
use crate::report::checks::MinGrade;
use crate::report::lang::Lang;

/// What is compared.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Diff {
    /// Runs of the build that is known: a capture, a folder of captures or of reports (each is a run), a report in JSON, a bundle,
    /// or the manifest of a study (each cell is a run)
    #[arg(value_name = "BASE")]
    pub(in crate::cli) base: PathBuf,
    /// Runs of the build that is new, in the same forms
    #[arg(value_name = "NEW")]
    pub(in crate::cli) new: PathBuf,
    /// More runs of the build that is known, in the same forms: how far they differ among themselves is noise; may be repeated
    #[arg(long = "base", value_name = "PATH")]
    pub(in crate::cli) more: Vec<PathBuf>,
    /// The build that BASE is of; of a study with several builds, the cells of this one
    #[arg(long, value_name = "VERSION")]
    pub(in crate::cli) base_build: Option<String>,
    /// The build that NEW is of; of a study with several builds, the cells of this one
    #[arg(long, value_name = "VERSION")]
    pub(in crate::cli) new_build: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) telling: Telling,
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
}

/// How a comparison is told, and what fails.
#[derive(Args, Debug)]
pub(in crate::cli) struct Telling {
    /// The format on standard output [default: table; nothing is printed there where -o is given]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(in crate::cli) format: Option<DiffFormat>,
    /// Write the comparison to FILE, in the format of its extension (.txt, .html, .md, .json, .xml, .codequality.json); may be
    /// repeated
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(in crate::cli) output: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) over: Over,
    /// End with status 1 where one of these holds; separated by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CONDITION,…")]
    pub(in crate::cli) fail_on: Vec<Condition>,
    /// The lowest grade of place that counts for `--fail-on outside` and `--fail-on unlisted`
    #[arg(long, value_enum, default_value = "likely", value_name = "GRADE")]
    pub(in crate::cli) min_grade: MinGrade,
    /// Tell of these kinds of differences alone, in the report as in the exit status; separated by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND,…")]
    pub(in crate::cli) only: Vec<Kind>,
    /// Print nothing on standard output: the exit status tells
    #[arg(short, long, conflicts_with = "format")]
    pub(in crate::cli) quiet: bool,
    /// Print what holds of `--fail-on` on standard error, too, as this forge takes it off the log of a job
    #[arg(long, value_enum, value_name = "FORGE", requires = "fail_on")]
    pub(in crate::cli) annotate: Option<Forge>,
    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(in crate::cli) color: When,
    /// The language of the formats for people (table, html, md); those for machines are English in any case
    #[arg(long, default_value = Lang::ENGLISH.code(), value_name = "LANG", value_parser = languages())]
    pub(in crate::cli) lang: Lang,
}

/// What is done with a baseline.
#[derive(Subcommand, Debug)]
pub(in crate::cli) enum Baseline {
    /// Write a new baseline of all that runs contact
    Learn(Learn),
    /// Add to a baseline what runs contact beside it, as proposals that count for nothing until a person approves them
    Update(Update),
    /// Check whether runs stay within a baseline, and whether its entries are still of use
    Check(Check),
}

/// The runs that are looked at.
#[derive(Args, Debug)]
pub(in crate::cli) struct Runs {
    /// A capture, a folder of captures or of reports (each is a run), a report in JSON, a bundle, or the manifest of a study (each
    /// cell is a run)
    #[arg(value_name = "PATH", required = true)]
    pub(in crate::cli) paths: Vec<PathBuf>,
    /// The build of the client; of a study with several builds, the cells of this one
    #[arg(long, value_name = "VERSION")]
    pub(in crate::cli) build: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) reading: Reading,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Learn {
    #[command(flatten)]
    pub(in crate::cli) runs: Runs,
    /// The baseline to write
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(in crate::cli) output: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) over: Over,
    /// Who answers for the entries
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) owner: String,
    /// Why they are there
    #[arg(long, value_name = "TEXT", default_value = "there when the baseline was learnt")]
    pub(in crate::cli) reason: String,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Update {
    /// The baseline
    #[arg(value_name = "BASELINE")]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) runs: Runs,
    /// Write the proposal to FILE, which may be the baseline itself, instead of standard output
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) over: Over,
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_STATUS)]
pub(in crate::cli) struct Check {
    /// The baseline
    #[arg(value_name = "BASELINE")]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) runs: Runs,
    /// The day on which entries must not have expired [default: the last day of the captures]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(in crate::cli) date: Option<Date>,
    #[command(flatten)]
    pub(in crate::cli) telling: Telling,
}

/// How captures are read before they are compared. Reports and bundles were read by options of their own.
#[derive(Args, Debug)]
pub(in crate::cli) struct Reading {
    /// Take all captures that one PATH names as pieces of one run; else each is a run of its own
    #[arg(long)]
    pub(in crate::cli) join: bool,
    /// Your word that the machines ran nothing but the client: catalogued third parties are the client's
    #[arg(long)]
    pub(in crate::cli) exclusive: bool,
    /// The client's own network, where a capture does not show which end is local; may be repeated
    #[arg(long, value_name = "CIDR")]
    pub(in crate::cli) local: Vec<Network>,
    /// How many threads read at once; the result does not depend on it [default: as many as there are processors]
    #[arg(short = 'j', long, value_name = "N")]
    pub(in crate::cli) threads: Option<NonZeroUsize>,
    /// The most that a packed capture may unpack to [default: 64 GiB, and 200 times its size]
    #[arg(long, value_name = "BYTES")]
    pub(in crate::cli) max_unpacked: Option<u64>,
    #[command(flatten)]
    pub(in crate::cli) evidence: Evidence,
}

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

const EXAMPLES: &str = "Examples:
  borderpost diff old-build/ new-build.pcapng
  borderpost diff monday.pcapng nightly.pcapng --base tuesday.pcapng --fail-on added,moved,volume
  borderpost diff study.toml study.toml --base-build 6.1.0 --new-build 6.1.1
  borderpost diff approved.zip nightly.json -o diff.md --fail-on unlisted --quiet

Compared are host patterns, services, recipients, legal zones and protocols; never addresses or ports.

Exit status: 2 where a named input could not be read or has no traffic of the client; else 1 where a condition of --fail-on holds; \
else 0. What is not known, such as a volume without runs to tell noise by, fails nothing and is told.";

const EXIT_STATUS: &str = "Examples:
  borderpost baseline check baseline.toml nightly.pcapng --fail-on added,moved,expired
  borderpost baseline update baseline.toml nightly.pcapng -o baseline.toml

Exit status: 2 where the baseline or an input could not be read; else 1 where a condition of --fail-on holds; else 0.";

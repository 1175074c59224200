//! `borderpost info`: what captures are as files.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::format::InfoFormat;
use crate::cli::message::{fail, say};
use crate::cli::output;
use crate::cli::progress::Bar;
use crate::cli::status::Status;
use crate::inspect::{all_processors, survey};
use crate::report::info::{self, schema};
use crate::source::Options;

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(super) struct Info {
    /// Captures (pcap or pcapng, also packed with gzip, zstd or lz4), folders of captures, or - for standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The format on standard output
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    format: InfoFormat,
    /// Do not hash the inputs
    #[arg(long)]
    no_hash: bool,
    /// The most that a packed capture may unpack to [default: 64 GiB, and 200 times its size]
    #[arg(long, value_name = "BYTES")]
    max_unpacked: Option<u64>,
    /// How many captures are looked over at once [default: as many as there are processors]
    #[arg(short = 'j', long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// End with status 1 where this holds
    #[arg(long, value_enum, value_name = "CONDITION")]
    fail_on: Option<Condition>,
}

/// What `--fail-on` may name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Condition {
    /// An input is damaged
    Damaged,
}

/// Looks the captures over.
pub(super) fn run(arguments: &Info) -> Status {
    let options =
        Options { hash: !arguments.no_hash, ..Options::default() }.with_max_unpacked(arguments.max_unpacked);
    let threads = arguments.threads.unwrap_or_else(all_processors);
    let surveys = survey(&arguments.paths, options, threads, &Bar::new());
    for failure in &surveys.failures {
        say(&failure.to_string());
    }
    if surveys.captures.is_empty() {
        return Status::Failed;
    }
    let info = info::info(&surveys);
    let text = match arguments.format {
        InfoFormat::Table => info::table(&info),
        InfoFormat::Json => info::json(&info),
        InfoFormat::Jsonl => info::jsonl(&info),
    };
    if let Err(error) = output::to_stdout(&text) {
        return fail(&format!("standard output: {error}"));
    }
    let is_damaged = |input: &schema::Input| !input.damage.is_empty();
    match arguments.fail_on {
        _ if !surveys.failures.is_empty() => Status::Failed,
        Some(Condition::Damaged) if info.inputs.iter().any(is_damaged) => Status::Found,
        _ => Status::Clean,
    }
}

const HELP: &str = "Examples:
  borderpost info meeting.pcapng
  borderpost info --format jsonl captures/ | jq 'select(.damage != [])'

Exit status: 2 where a named input could not be read; else 1 where the condition of --fail-on holds; else 0.";

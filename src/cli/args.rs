//! What the user may type. Plain values: nothing is opened or looked up here.

mod compare;
#[cfg(test)]
mod examples;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::capturing::{Capture, EXAMPLES, Interfaces};
use crate::cli::doctor::Doctor;
use crate::cli::format::{ExplainFormat, Format, VerifyFormat};
use crate::cli::geoip::GeoipAction;
use crate::cli::info::Info;
use crate::cli::live::Live;
use crate::cli::man::{Completions, Man};
use crate::cli::marks::Marks;
use crate::cli::output::Over;
use crate::frame::Date;
use crate::packet::Network;
use crate::place::{Vantage, WitnessKind};
use crate::report::COMMENT;
use crate::report::checks::{Condition, MinGrade};
use crate::report::lang::Lang;

pub(super) use self::compare::{Baseline, Check, Diff, Learn, Reading, Runs, Telling, Update};

/// Shows where the Zoom client's traffic goes, under which law, and on what evidence
#[derive(Parser, Debug)]
#[command(name = "borderpost", version, long_version = LONG_VERSION, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Begin with: borderpost inspect CAPTURE")]
pub(super) struct Arguments {
    /// Say on standard error how the program is locked in before it reads anything
    #[arg(short = 'v', long, global = true)]
    pub(super) verbose: bool,
    /// Do not lock the program in (on Linux: Landlock and a list of system calls), such as where a system's C library needs a call
    /// that is not on the list
    #[arg(long, global = true)]
    pub(super) no_cage: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Read saved captures and report where the client's traffic went
    #[command(visible_aliases = ["analyse", "analyze"])]
    Inspect(Box<Inspect>),
    /// Capture on an interface, and report where the client's traffic went when it ends
    Capture(Box<Capturing>),
    /// List the interfaces that can be captured on
    Interfaces(Interfaces),
    /// Compare two builds of the client: what is new, moved, gone, or more than before
    Diff(Box<Diff>),
    /// Learn, update or check a baseline: the contacts that somebody answers for
    Baseline {
        #[command(subcommand)]
        action: Box<Baseline>,
    },
    /// Say why an address or a name is placed where it is placed, every witness for and against
    Explain(Explain),
    /// Say what captures are as files: format, interfaces, counts, times, losses, damage
    Info(Info),
    /// Say whether a capture can be made on this machine and will show what it should, and what to do about what stands in the way
    Doctor(Doctor),
    /// Write a capture that may be shared: without payload, people's addresses and tenants' names, and with the same findings
    Redact(Redact),
    /// Show or check a register of declared transfers
    Register {
        #[command(subcommand)]
        action: Register,
    },
    /// List, show or check the documented claims that captures are tested against
    Claims {
        #[command(subcommand)]
        action: Claims,
    },
    /// Rebuild the default address database, show what a database is, or import cloud ranges
    Geoip {
        #[command(subcommand)]
        action: GeoipAction,
    },
    /// Check a bundle of evidence, make its report again, and say what is the same and what differs
    Verify(Verify),
    /// Print what a shell needs to complete commands and options
    Completions(Completions),
    /// Print a manual page, of the program or of one of its commands
    Man(Man),
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Inspect {
    /// Captures (pcap or pcapng, also packed with gzip, zstd or lz4), folders of captures, or - for standard input. A HAR file or a
    /// flow file of mitmproxy is recognised, and taken as `--decrypted` takes it
    #[arg(value_name = "PATH", required_unless_present_any = ["read", "manifest", "decrypted"])]
    pub(super) paths: Vec<PathBuf>,
    /// A capture to read, as in tshark; may be repeated
    #[arg(short = 'r', long = "read", value_name = "PATH")]
    pub(super) read: Vec<PathBuf>,
    /// Take all inputs as pieces of one capture, in the order given
    #[arg(long)]
    pub(super) join: bool,
    /// Read the captures that FILE (TOML) lists as the cells of one test, with platform, build, vantage and more of each, and
    /// show which service went where in which cell
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "read", "join", "follow", "by_folder"])]
    pub(super) manifest: Option<PathBuf>,
    /// The same without a list: each folder in the folders named is a cell
    #[arg(long, conflicts_with_all = ["join", "follow"])]
    pub(super) by_folder: bool,
    /// Read on at the capture's end while another program writes it, until interrupted; then report
    #[arg(long)]
    pub(super) follow: bool,
    /// With `--follow`: the capture has ended where nothing was added for so many seconds
    #[arg(long, value_name = "SECONDS", requires = "follow")]
    pub(super) follow_idle: Option<u64>,
    /// The most that a packed capture may unpack to [default: 64 GiB, and 200 times its size]
    #[arg(long, value_name = "BYTES")]
    pub(super) max_unpacked: Option<u64>,
    #[command(flatten)]
    pub(super) reporting: Reporting,
}

/// Capturing, and what is made of it.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Capturing {
    #[command(flatten)]
    pub(super) capture: Capture,
    #[command(flatten)]
    pub(super) reporting: Reporting,
}

/// How captures are judged and what is reported of them, wherever they come from.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch that the user sets by itself")]
pub(super) struct Reporting {
    /// The format on standard output [default: table; nothing is printed there where -o is given]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: Option<Format>,
    /// Write the report to FILE, in the format of its extension (.txt, .html, .md, .json, .jsonl, .csv, .matrix.csv, .xml,
    /// .codequality.json), or as evidence that others can check to a folder (FOLDER/) or a .zip; may be repeated
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(super) output: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) over: Over,
    /// Put the captures themselves into the evidence that -o FOLDER/ or .zip writes; else it has their hashes
    #[arg(long)]
    pub(super) bundle_inputs: bool,
    /// The log of `borderpost redact` to put into that evidence beside the redacted capture that it is of; one that lies
    /// beside its capture is put there unasked; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) redaction_log: Vec<PathBuf>,
    /// The most characters of a report in Markdown, or `none`; unless said, as many as a comment on GitHub may have. What
    /// is over is left out, the least urgent first, and the report says so
    #[arg(long, value_name = "CHARACTERS", default_value_t = COMMENT, hide_default_value = true, value_parser = characters)]
    pub(super) max_markdown: usize,
    /// The client's own network, such as 145.0.0.0/8, where the capture does not show which end is local; may be
    /// repeated
    #[arg(long, value_name = "CIDR")]
    pub(super) local: Vec<Network>,
    /// Your word that the machine ran nothing but the client: catalogued third parties are the client's
    #[arg(long)]
    pub(super) exclusive: bool,
    /// Read the captures by this database (.mmdb), file of overrides (.toml) or register, too, and list which findings
    /// move and why
    #[arg(long, value_name = "FILE|NAME")]
    pub(super) against: Option<PathBuf>,
    /// The documented claims to put to the captures: packs, files, all or none, separated by commas [default: surf-2024]
    #[arg(long, value_name = "PACK|FILE|all|none", value_delimiter = ',')]
    pub(super) claims: Vec<String>,
    /// Open TLS with the keys in this file (SSLKEYLOGFILE, NSS key log format); may be repeated. Keys that a capture carries itself
    /// are used, too
    #[arg(long, value_name = "FILE")]
    pub(super) keylog: Vec<PathBuf>,
    /// HTTP that another tool decrypted on the same run, as a HAR file or a flow file of mitmproxy; may be repeated. Its exchanges are
    /// tied to flows by time, address and name
    #[arg(long, value_name = "FILE")]
    pub(super) decrypted: Vec<PathBuf>,
    /// The list of telemetry events (CSV with a column event, or TOML) to hold decrypted events against [default: the part of the
    /// published list that is known]
    #[arg(long, value_name = "FILE")]
    pub(super) events: Option<PathBuf>,
    /// Values that you planted (TOML), to be looked for in decrypted traffic: as they are, in codings, and as hashes
    #[arg(long, value_name = "FILE")]
    pub(super) planted: Option<PathBuf>,
    /// Show planted values and identifiers as they are instead of masking them; reports are then for their owner alone
    #[arg(long)]
    pub(super) reveal: bool,
    /// With `--bundle-inputs`: put in captures that carry keys, too; the bundle is then for its owner alone
    #[arg(long, requires = "bundle_inputs")]
    pub(super) with_secrets: bool,
    /// Show the addresses of other participants instead of masking them
    #[arg(long)]
    pub(super) show_participants: bool,
    /// How many threads read at once; the report does not depend on it [default: as many as there are processors]
    #[arg(short = 'j', long, value_name = "N")]
    pub(super) threads: Option<NonZeroUsize>,
    /// Do not hash the inputs; the report then cannot say which files it was made from
    #[arg(long)]
    pub(super) no_hash: bool,
    /// The most memory that flows and what keys open of them may take, in bytes or with K, M or G, or `none`; past it, the
    /// smallest flows that are over with are summed up unjudged, and the report says so. The program itself takes some 20M
    /// beside [default: 512M, or 4G where a report lists every flow, and at least 32M for each capture]
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub(super) max_memory: Option<Memory>,
    /// End with status 1 where one of these holds, with 3 where only `undetermined` does; separated by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CONDITION,…")]
    pub(super) fail_on: Vec<Condition>,
    /// The lowest grade of place that counts for `--fail-on outside` and `--fail-on unlisted`
    #[arg(long, value_enum, default_value = "likely", value_name = "GRADE")]
    pub(super) min_grade: MinGrade,
    /// Print what holds of `--fail-on` on standard error, too, as this forge takes it off the log of a job
    #[arg(long, value_enum, value_name = "FORGE", requires = "fail_on")]
    pub(super) annotate: Option<Forge>,
    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(super) color: When,
    /// The language of the formats for people (table, html, md); those for machines are English in any case
    #[arg(long, default_value = Lang::ENGLISH.code(), value_name = "LANG", value_parser = languages())]
    pub(super) lang: Lang,
    #[command(flatten)]
    pub(super) live: Live,
    #[command(flatten)]
    pub(super) marks: Marks,
    #[command(flatten)]
    pub(super) evidence: Evidence,
}

#[derive(Args, Debug)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(super) struct Explain {
    /// An IP address or a host name
    #[arg(value_name = "ADDRESS|NAME")]
    pub(super) subject: String,
    /// Look in this capture, with its names and round trips; may be repeated
    #[arg(long = "in", value_name = "CAPTURE")]
    pub(super) captures: Vec<PathBuf>,
    /// Take all captures as pieces of one, in the order given
    #[arg(long, requires = "captures")]
    pub(super) join: bool,
    /// The client's own network, where the capture does not show which end is local; may be repeated
    #[arg(long, value_name = "CIDR", requires = "captures")]
    pub(super) local: Vec<Network>,
    /// Without a capture: the day to answer for [default: that of the newest data]
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "captures")]
    pub(super) date: Option<Date>,
    /// The format of the answer
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(super) format: ExplainFormat,
    #[command(flatten)]
    pub(super) evidence: Evidence,
}

#[derive(Args, Debug)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(super) struct Verify {
    /// The bundle that `inspect -o FOLDER/` or `-o NAME.zip` wrote: its folder or its zip
    #[arg(value_name = "BUNDLE")]
    pub(super) bundle: PathBuf,
    /// The captures that it is of, or folders that they lie in, databases of --geoip or --against, and key logs of --keylog: each is
    /// known by its hash.
    /// Without one they are looked for in the bundle, beside it, and where they were
    #[arg(value_name = "CAPTURE")]
    pub(super) captures: Vec<PathBuf>,
    /// The format on standard output
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(super) format: VerifyFormat,
}

#[derive(Args, Debug)]
#[command(after_help = REDACT_EXAMPLES)]
pub(super) struct Redact {
    /// The capture (pcap or pcapng, also packed with gzip, zstd or lz4)
    #[arg(value_name = "IN")]
    pub(super) input: PathBuf,
    /// The capture to write, in pcapng; the log goes to OUT.log.json
    #[arg(value_name = "OUT")]
    pub(super) output: PathBuf,
    #[command(flatten)]
    pub(super) over: Over,
    /// A file of at least 16 secret bytes: the same key gives the same stand-ins, in captures that belong together [default: a
    /// random key, which is kept nowhere]
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    /// The client's own network, where the capture does not show which end is local; may be repeated
    #[arg(long, value_name = "CIDR")]
    pub(super) local: Vec<Network>,
    /// Your word that the machine ran nothing but the client: catalogued third parties are the client's
    #[arg(long)]
    pub(super) exclusive: bool,
    /// The most that a packed capture may unpack to [default: 64 GiB, and 200 times its size]
    #[arg(long, value_name = "BYTES")]
    pub(super) max_unpacked: Option<u64>,
    #[command(flatten)]
    pub(super) evidence: Evidence,
}

/// What places are argued from, and by which law and register they are read.
#[derive(Args, Debug)]
#[command(next_help_heading = "Evidence")]
pub(super) struct Evidence {
    /// Where the client stood: NL, NL-Amsterdam, or 52.37,4.90 [default: told from the client's own public address]
    #[arg(long, value_name = "CC[-CITY]|LAT,LON", allow_hyphen_values = true)]
    pub(super) vantage: Option<Vantage>,
    /// A country or AS database in MaxMind layout (.mmdb), asked beside the embedded one; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) geoip: Vec<PathBuf>,
    /// Cloud ranges with their regions, from `borderpost geoip import` or as the provider publishes them; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) ranges: Vec<PathBuf>,
    /// A geofeed (RFC 8805), with its day; may be repeated
    #[arg(long, value_name = "FILE[@YYYY-MM-DD]")]
    pub(super) geofeed: Vec<PathBuf>,
    /// A list of anycast ranges, one a line, with its day; may be repeated
    #[arg(long, value_name = "FILE[@YYYY-MM-DD]")]
    pub(super) anycast: Vec<PathBuf>,
    /// Your own statements about ranges, with reason, author and date (TOML); they win, and are shown as yours
    #[arg(long = "override", value_name = "FILE")]
    pub(super) overrides: Option<PathBuf>,
    /// Leave witnesses of this kind out, such as round-trip or database; separated by commas
    #[arg(long, value_name = "WITNESS,…", value_delimiter = ',', value_parser = witnesses)]
    pub(super) without: Vec<WitnessKinds>,
    /// Read places by the law and the register of this day instead of the flow's
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(super) law_date: Option<Date>,
    /// The register to compare with: a file, the name of a built-in one, or none [default: the built-in one that was
    /// valid on the day of the flow]
    #[arg(long, value_name = "FILE|NAME|none")]
    pub(super) register: Option<String>,
}

/// The kinds of witnesses that one name stands for.
#[derive(Clone, Debug)]
pub(super) struct WitnessKinds(pub(super) Vec<WitnessKind>);

/// A number of bytes, with `K`, `M` or `G` behind it where they are counted by 1024, its square or its cube.
fn size(text: &str) -> Result<u64, String> {
    let text = text.trim_end_matches("iB").trim_end_matches('B');
    let units = [('K', 10), ('M', 20), ('G', 30)];
    let found = units
        .into_iter()
        .find_map(|(unit, bits)| Some((text.strip_suffix([unit, unit.to_ascii_lowercase()])?, bits)));
    let (digits, bits) = found.unwrap_or((text, 0));
    let number: Option<u64> = digits.trim_end().parse().ok();
    number
        .and_then(|number| number.checked_mul(1 << bits))
        .ok_or_else(|| "a size is a number of bytes, or one with K, M or G, such as 512M".to_owned())
}

/// How much memory flows may take, by the user's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Memory {
    /// So many bytes.
    Bytes(u64),
    /// Whatever they take.
    Any,
}

fn memory(text: &str) -> Result<Memory, String> {
    if text == "none" { Ok(Memory::Any) } else { size(text).map(Memory::Bytes) }
}

/// A number of characters in which a headline has room, or `none` for any.
fn characters(text: &str) -> Result<usize, String> {
    match text.parse() {
        _ if text == "none" => Ok(usize::MAX),
        Ok(number) if number >= LEAST_CHARACTERS => Ok(number),
        _ => Err(format!("name a number of characters from {LEAST_CHARACTERS}, or none")),
    }
}

fn languages() -> impl TypedValueParser<Value = Lang> {
    let lang = |code: String| Lang::of(&code).ok_or("the file of this language cannot be read");
    PossibleValuesParser::new(Lang::codes()).try_map(lang)
}

fn witnesses(name: &str) -> Result<WitnessKinds, String> {
    let kinds = WitnessKind::named(name);
    if kinds.is_empty() {
        let known = WitnessKind::ALL.map(|kind| kind.name().replace('_', "-"));
        return Err(format!("no witness has this name; there are {}", known.join(", ")));
    }
    Ok(WitnessKinds(kinds))
}

#[derive(Subcommand, Debug)]
pub(super) enum Register {
    /// Print a register's entries and limits; without a name, list the built-in ones
    Show {
        /// The name of a built-in register, or a file
        #[arg(value_name = "FILE|NAME")]
        register: Option<String>,
    },
    /// Check a register file: print what is wrong with it, or what each entry alone lists
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Subcommand, Debug)]
pub(super) enum Claims {
    /// List the packs and their claims, one line each
    List,
    /// Print everything of a claim, or of all claims of a pack
    Show {
        /// The id of a claim, the name of a pack, or all
        #[arg(value_name = "ID|PACK")]
        name: String,
    },
    /// Check a file of claims: print what is wrong with it and where, or what each claim's rule tests
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Who shows annotations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Forge {
    /// Workflow commands (`::error …`); GitLab reads a file instead: `-o FILE.codequality.json`
    Github,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum When {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

const EXIT_STATUS: &str = "Examples:
  borderpost inspect meeting.pcapng
  borderpost inspect -o annex.html -o annex.json captures/
  borderpost inspect --manifest study.toml -o study.txt -o study.matrix.csv
  borderpost inspect -o annex.zip meeting.pcapng
  borderpost inspect --follow --live -o report.html --checkpoint 10 growing.pcapng
  borderpost inspect --format json --fail-on unlisted,lossy new-build.pcapng
  borderpost inspect --fail-on unlisted --annotate github -o report.md -o junit.xml new-build.pcapng

Exit status: 2 where a named input could not be read or the job could not be done; else 1 \
where a condition of --fail-on holds; else 3 where only `undetermined` holds; else 0. Without --fail-on, findings \
never change the status. 130 where --follow was interrupted.";

const EXPLAIN_EXAMPLES: &str = "Examples:
  borderpost explain 159.124.15.191
  borderpost explain zoomfr84zc.zoom.us --in meeting.pcapng --vantage IT
  borderpost explain 3.235.96.40 --date 2024-06-18 --without database

Exit status: 2 where a capture could not be read or the question is none; else 0.";

const VERIFY_EXAMPLES: &str = "Examples:
  borderpost verify annex.zip
  borderpost verify bundle/ meeting.pcapng
  borderpost verify --format json annex.zip captures/

No bundle is unpacked: nothing is written anywhere. One of more than 10,000 files, or with a text of more than 1 GiB, is refused.

Exit status: 0 where the bundle is as it was written and its report comes out the same; 1 where something differs; 2 where it could \
not be checked, such as without the captures.";
const REDACT_EXAMPLES: &str = "Examples:
  borderpost redact meeting.pcapng shared.pcapng
  borderpost redact --key study.key monday.pcapng monday-shared.pcapng

Exit status: 2 where the capture could not be read or written; else 1 where it is damaged, and redacted as far as it \
could be read; else 0.";

const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\n\nIP Geolocation by DB-IP, https://db-ip.com (CC BY 4.0; merged and re-encoded).\n",
    "AS data: Route Views, Number Resource Organization, DB-IP (CC BY 4.0; merged).\n",
    "Registration data: Number Resource Organization, https://www.nro.net (CC BY 4.0; re-encoded)."
);

/// The least that `--max-markdown` may be.
const LEAST_CHARACTERS: usize = 4_096;

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        let sizes = ["0", "4096", "64K", "512M", "512 MiB", "2G", "2g", "1GiB"].map(size);
        let expected = [0, 4096, 64 << 10, 512 << 20, 512 << 20, 2 << 30, 2 << 30, 1 << 30];
        assert_eq!(sizes, expected.map(Ok));
        for text in ["", "M", "-1", "1.5G", "1T", "99999999999G"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert_eq!(["64K", "none"].map(memory), [Ok(Memory::Bytes(64 << 10)), Ok(Memory::Any)]);
        assert!(memory("any").is_err());
    }

    #[test]
    fn a_number_of_characters_has_room_for_a_headline() {
        assert_eq!(["none", "4096", "1000000"].map(characters), [Ok(usize::MAX), Ok(4_096), Ok(1_000_000)]);
        for text in ["", "0", "4095", "-1", "64K", "None"] {
            assert!(characters(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }
}

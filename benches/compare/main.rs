//! The program beside public tools, as whole processes; see `benches/README.md`.
//!
//! Input: the workloads, as files that are made once; the program as benchmarks are built; tools where they are installed.
//! Output: Markdown, with every figure that is asked for and whether it is reached; `--write` puts it into the README.
//! Exit status 1 where a command fails, never because of a figure: times belong to a machine.
//! Must not: let one side run on a colder file or in a busier minute; rounds are interleaved.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use captures::{Capture, Twin, capture};
use figures::{Group, LEVEL, Measured};
use jobs::{Job, PROGRAM, Scale};
use machine::Machine;
use measure::Cost;
use page::Setting;
use workload::{Format, Workload};

#[path = "../instructions/bounds.rs"]
#[expect(dead_code, reason = "the benchmark that counts uses the rest")]
mod bounds;
mod captures;
mod figures;
mod jobs;
mod machine;
mod measure;
mod page;
#[path = "../readme/mod.rs"]
mod readme;
#[path = "../usage/mod.rs"]
#[expect(dead_code, reason = "`stages` uses the rest")]
mod usage;
#[path = "../workload/mod.rs"]
#[expect(unused_imports, reason = "the other benchmarks use the rest")]
mod workload;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let done = if std::env::args_os().nth(1).as_deref() == Some(OsStr::new(measure::HELPER)) {
        arguments.next();
        help(arguments).map_err(Into::into)
    } else {
        run(arguments)
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    // Where even standard error is gone, the exit status still tells.
    let _ = writeln!(io::stderr(), "error: {error}");
    ExitCode::FAILURE
}

fn help(command: impl Iterator<Item = OsString>) -> io::Result<()> {
    writeln!(io::stdout(), "{}", measure::help(command)?)
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<(), Box<dyn Error>> {
    let Some(wish) = Wish::read(arguments)? else { return Ok(()) };
    let temporary = tempfile::tempdir()?;
    let folder = wish.folder.as_deref().unwrap_or(temporary.path());
    fs::create_dir_all(folder)?;
    let (tools, missing) = jobs::versions();
    let setting = Setting { machine: Machine::this(), tools, missing, rounds: wish.rounds };
    let bench = Bench { folder, has_threads: jobs::has_threads(), rounds: wish.rounds };
    let mut measured = Measured { reading: counted()?, ..Measured::default() };
    for workload in wish.workloads {
        let full = wish.size.unwrap_or_else(|| full_size(workload));
        for scale in Scale::ALL {
            measured.groups.extend(bench.group(workload, scale, scale.of(full))?);
        }
        if bench.has_threads {
            let size = Scale::Middle.of(full);
            measured.differing.push((workload.name(), bench.differing(workload, size)?));
        }
        if LEVEL.contains(&workload.name()) {
            measured.long_peaks.push((workload.name(), bench.long_peak(workload, full * 8)?));
        }
    }
    let page = page::page(&measured, &setting);
    if wish.writes {
        readme::put("compare", &page)?;
    }
    Ok(io::stdout().write_all(page.as_bytes())?)
}

/// What the user wants.
struct Wish {
    workloads: Vec<Workload>,
    rounds: usize,
    /// MiB of every workload, instead of the usual.
    size: Option<u64>,
    /// Where captures are kept.
    folder: Option<PathBuf>,
    /// Whether the page goes into the README.
    writes: bool,
}

impl Wish {
    /// `None` where another benchmark is wanted, by a filter that all of them are given.
    fn read(mut arguments: impl Iterator<Item = OsString>) -> Result<Option<Self>, Box<dyn Error>> {
        let mut wish = Self { workloads: Vec::new(), rounds: 5, size: None, folder: None, writes: false };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().and_then(|value| value.into_string().ok()).ok_or(USAGE);
            match argument.to_str() {
                // Cargo adds this.
                Some("--bench") => {}
                Some("--test") => (wish.rounds, wish.size) = (1, Some(2)),
                Some("--rounds") => wish.rounds = value()?.parse()?,
                Some("--size") => wish.size = Some(value()?.parse()?),
                Some("--dir") => wish.folder = Some(value()?.into()),
                Some("--write") => wish.writes = true,
                Some(name) if !name.starts_with('-') => {
                    match Workload::ALL.into_iter().find(|known| known.name() == name) {
                        Some(workload) => wish.workloads.push(workload),
                        None if "compare".contains(name) => {}
                        None => return Ok(None),
                    }
                }
                _ => return Err(format!("{} is no option; {USAGE}", argument.display()).into()),
            }
        }
        if wish.workloads.is_empty() {
            wish.workloads = Workload::ALL.to_vec();
        }
        if wish.rounds == 0 || wish.size == Some(0) {
            return Err(USAGE.into());
        }
        Ok(Some(wish))
    }
}

/// Where files are, and how the program is run.
struct Bench<'a> {
    folder: &'a Path,
    has_threads: bool,
    rounds: usize,
}

impl Bench<'_> {
    /// Runs what there is for a workload at a scale, in rounds; `None` where there is nothing to compare with.
    fn group(&self, workload: Workload, scale: Scale, mebibytes: u64) -> io::Result<Option<Group>> {
        let jobs = jobs::jobs(workload.name(), scale, self.has_threads);
        if jobs.is_empty() {
            return Ok(None);
        }
        let captures = |job: &Job| capture(self.folder, workload, mebibytes, job.twin);
        let captures = jobs.iter().map(captures).collect::<io::Result<Vec<Capture>>>()?;
        let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); jobs.len()];
        for round in 1..=self.rounds {
            let (name, rounds) = (workload.name(), self.rounds);
            writeln!(io::stderr(), "{name}, {mebibytes} MiB: round {round} of {rounds}")?;
            for ((job, capture), costs) in jobs.iter().zip(&captures).zip(&mut costs) {
                let (program, arguments) = job.command(&capture.file, self.folder, self.has_threads);
                match measure::cost(program, &arguments) {
                    Ok(cost) => costs.push(cost),
                    Err(error) if job.is_ours() => return Err(error),
                    // One tool less is no reason to lose the others; its row is missing then.
                    Err(error) => writeln!(io::stderr(), "left out: {error}")?,
                }
            }
        }
        let medians =
            jobs.iter().zip(&costs).filter_map(|(job, costs)| Some((job.label, Cost::medians(costs)?)));
        let rows = medians.collect();
        let packets = capture(self.folder, workload, mebibytes, Twin::Pcap)?.packets;
        Ok(Some(Group { workload: workload.name(), scale, mebibytes, packets, rows }))
    }

    /// How many of the reports on 2 and on 10 threads differ from that on one.
    fn differing(&self, workload: Workload, mebibytes: u64) -> io::Result<u32> {
        let capture = capture(self.folder, workload, mebibytes, Twin::Pcap)?;
        let report = |threads: &str| {
            let mut program = Command::new(PROGRAM);
            program.args(["inspect", "--no-hash", "--format", "json", "--threads", threads]);
            let said = program.arg(&capture.file).output()?;
            said.status
                .success()
                .then_some(said.stdout)
                .ok_or_else(|| io::Error::other(format!("{program:?}")))
        };
        let one = report("1")?;
        let differs = |threads| Ok(u32::from(report(threads)? != one));
        ["2", "10"].into_iter().map(differs).sum()
    }

    /// The peak memory in KiB of the program on a stream of so many MiB.
    fn long_peak(&self, workload: Workload, mebibytes: u64) -> io::Result<u64> {
        writeln!(io::stderr(), "{}, {mebibytes} MiB: memory", workload.name())?;
        let threads: &[&str] = if self.has_threads { &["--threads", "1"] } else { &[] };
        let arguments = [&["inspect", "--no-hash", "-"], threads].concat();
        let arguments: Vec<OsString> = arguments.into_iter().map(OsString::from).collect();
        let feed = |input: &mut _| {
            workload::write(input, workload, Format::Pcap, mebibytes * 1024 * 1024).map(|_| ())
        };
        Ok(measure::cost_fed(OsStr::new(PROGRAM), &arguments, feed)?.peak)
    }
}

/// What reading a packet of `mixed` was last counted to take.
fn counted() -> Result<Option<u64>, Box<dyn Error>> {
    let bounds = bounds::Bounds::read(BOUNDS, include_str!("../instructions/bounds.toml"))?;
    let mixed = bounds.rows.iter().find(|row| row.workload == Workload::Mixed.name());
    Ok(mixed.map(|row| row.counts.reading))
}

/// MiB of a workload when it is whole: 10 million packets of `small`, 2 million `flows`.
const fn full_size(workload: Workload) -> u64 {
    match workload {
        Workload::Small => 763,
        Workload::Flows => 1040,
        Workload::Media | Workload::Mixed | Workload::Zoom => 1024,
    }
}

const BOUNDS: &str = "benches/instructions/bounds.toml";

const USAGE: &str = "usage: cargo bench --bench compare -- [--write] [--rounds N] [--size MEBIBYTES] [--dir FOLDER] \
                     [media|mixed|small|flows|zoom]...";

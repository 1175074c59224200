//! How many instructions a packet costs the program, and bounds on that; see `benches/README.md`.
//!
//! Input: the workloads and bounds of `bounds.toml`, the program as benchmarks are built, callgrind. Output: a table of what
//! was counted beside its bound. Exit status 1 where a bound is broken, the profile cannot be read, or callgrind is missing
//! where `CI` is `true`. With `--write` the bounds become what was counted.
//! Must not: measure time. Instructions are the same on a busy machine, which is why they can be a gate.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use borderpost::frame::Date;

use bounds::{Bounds, Change, Counts, Goal, Row};
use workload::{Format, Workload};

mod bounds;
mod callgrind;
#[path = "../workload/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the other benchmarks use the rest")]
mod workload;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Where even standard error is gone, the exit status still tells.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all bounds hold.
fn run() -> Result<bool, Box<dyn Error>> {
    let wish = Wish::read(std::env::args().skip(1))?;
    if wish.is_for_others {
        return Ok(true);
    }
    let out = &mut io::stdout().lock();
    if !callgrind::is_installed() {
        writeln!(out, "NOT COUNTED: valgrind is not installed, so no bound was looked at")?;
        return Ok(std::env::var("CI").as_deref() != Ok("true"));
    }
    let bounds = Bounds::read(BOUNDS, BOUNDS_TEXT)?;
    let folder = tempfile::tempdir()?;
    let threads = one_thread()?;
    writeln!(out, "{HEAD}")?;
    let (mut holds, mut rows) = (true, Vec::new());
    for row in bounds.rows {
        let found = count(&row, folder.path(), threads)?;
        for (part, bound, found) in row.counts.beside(found) {
            let (change, percent) = (Change::of(bound, found), bounds::percent(bound, found));
            holds &= change != Change::Broken;
            let (workload, advice) = (&row.workload, change.advice());
            writeln!(out, "{workload:<10}{part:<10}{found:>12}{bound:>10}{percent:>10}  {advice}")?;
        }
        rows.push(Row { counts: found, ..row });
    }
    if let Some(goal) = bounds.goal {
        write_goal(out, &goal, &rows)?;
    }
    if let Some(measured) = wish.measured {
        fs::write(path_of_bounds(), Bounds::rewritten(BOUNDS_TEXT, &rows, measured))?;
        return Ok(true);
    }
    Ok(holds)
}

/// What the user wants.
#[derive(Default)]
struct Wish {
    /// That the bounds become what is counted, and the day that they are given.
    measured: Option<Date>,
    /// Another benchmark, by a filter that all of them are given.
    is_for_others: bool,
}

impl Wish {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut wish = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // Cargo adds the first, and the second asks for a cheap run, which this is.
                "--bench" | "--test" => {}
                "--write" => wish.measured = Some(arguments.next().ok_or(USAGE)?.parse()?),
                filter if !filter.starts_with('-') => wish.is_for_others |= !"instructions".contains(filter),
                _ => return Err(format!("{argument:?} is no option; {USAGE}").into()),
            }
        }
        Ok(wish)
    }
}

/// Makes the row's workload and counts what the program needs for a packet of it.
fn count(row: &Row, folder: &Path, threads: &[&str]) -> Result<Counts, Box<dyn Error>> {
    let known = Workload::ALL.into_iter().find(|known| known.name() == row.workload);
    let workload = known.ok_or_else(|| format!("{BOUNDS}: no workload {:?}", row.workload))?;
    let capture = folder.join(workload.name());
    let packets =
        workload::write(File::create(&capture)?, workload, Format::Pcap, row.mebibytes * 1024 * 1024)?;
    let mut program = Command::new(callgrind::PROGRAM);
    let profile = folder.join("profile");
    callgrind::watch(&mut program, &profile);
    program.arg(env!("CARGO_BIN_EXE_borderpost")).args(["inspect", "--no-hash"]).args(threads).arg(&capture);
    let run = program.output()?;
    if !run.status.success() {
        return Err(format!("{program:?}: {}\n{}", run.status, String::from_utf8_lossy(&run.stderr)).into());
    }
    let profile = fs::read_to_string(&profile)?;
    let whole = callgrind::whole(&profile)?;
    let judging = callgrind::inclusive(&profile, JUDGING)?;
    let reading = callgrind::inclusive(&profile, INSPECTING)?.saturating_sub(judging);
    Ok(Counts { whole: whole / packets, reading: reading / packets })
}

/// The option that keeps the program on one thread, where it has it: what waits for another thread counts by chance.
fn one_thread() -> io::Result<&'static [&'static str]> {
    let help = Command::new(env!("CARGO_BIN_EXE_borderpost")).args(["inspect", "--help"]).output()?;
    let has_threads = String::from_utf8_lossy(&help.stdout).contains("--threads");
    Ok(if has_threads { &["--threads", "1"] } else { &[] })
}

fn write_goal(out: &mut impl Write, goal: &Goal, rows: &[Row]) -> io::Result<()> {
    let Goal { workload, reading } = goal;
    let found = rows.iter().find(|row| row.workload == *workload).map_or(0, |row| row.counts.reading);
    let verdict = if found <= *reading { "reached" } else { "not reached" };
    writeln!(out, "goal: {workload} reading at most {reading}, found {found}: {verdict}")
}

/// The file that `--write` changes.
fn path_of_bounds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(BOUNDS)
}

const BOUNDS: &str = "benches/instructions/bounds.toml";
const BOUNDS_TEXT: &str = include_str!("bounds.toml");

/// The function that reads and judges.
const INSPECTING: &str = "borderpost::inspect::inspect_inputs";
/// The function that it calls when all packets are read.
const JUDGING: &str = "borderpost::inspect::judge::judge";

const HEAD: &str = "workload  part      instr/packet     bound    change";

const USAGE: &str = "usage: cargo bench --bench instructions -- [--write DATE]";

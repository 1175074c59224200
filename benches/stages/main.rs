//! What each stage costs on a file: processor time for a packet, memory for a flow; see `benches/README.md`.
//!
//! Input: the workloads, as files in a temporary folder. Output: two tables in Markdown. Each stage runs in a process of its
//! own, this program again, so that its peak memory is its own; rounds are interleaved, and medians count.
//! Must not: add up what overlaps. A stage that reads includes those before it, and its row is the difference.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode};

use machine::Machine;
use stage::{Stage, Took};
use workload::{Format, Workload};

mod after;
#[path = "../compare/machine.rs"]
mod machine;
#[path = "../readme/mod.rs"]
mod readme;
mod stage;
#[path = "../usage/mod.rs"]
#[expect(dead_code, reason = "`compare` uses the rest")]
mod usage;
#[path = "../workload/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the other benchmarks use the rest")]
mod workload;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [STAGE, stage, file] => run_stage(stage, Path::new(file)),
        _ => Wish::read(&arguments).and_then(|wish| wish.map_or(Ok(()), |wish| run(&wish))),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    // Where even standard error is gone, the exit status still tells.
    let _ = writeln!(io::stderr(), "error: {error}");
    ExitCode::FAILURE
}

/// What a process for one stage does: prints what it took.
fn run_stage(name: &str, file: &Path) -> Result<(), Box<dyn Error>> {
    let stage = Stage::ALL.into_iter().find(|stage| stage.name() == name).ok_or("no such stage")?;
    Ok(writeln!(io::stdout(), "{}", stage.run(file)?)?)
}

/// What the user wants.
struct Wish {
    mebibytes: u64,
    rounds: usize,
    /// Whether the tables go into the README.
    writes: bool,
}

impl Wish {
    /// `None` where another benchmark is wanted, by a filter that all of them are given.
    fn read(arguments: &[String]) -> Result<Option<Self>, Box<dyn Error>> {
        let mut wish = Self { mebibytes: 128, rounds: 5, writes: false };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // Cargo adds this.
                "--bench" => {}
                "--test" => (wish.mebibytes, wish.rounds) = (2, 1),
                "--write" => wish.writes = true,
                "--size" => wish.mebibytes = arguments.next().ok_or(USAGE)?.parse()?,
                "--rounds" => wish.rounds = arguments.next().ok_or(USAGE)?.parse()?,
                filter if !filter.starts_with('-') && "stages".contains(filter) => {}
                filter if !filter.starts_with('-') => return Ok(None),
                _ => return Err(format!("{argument:?} is no option; {USAGE}").into()),
            }
        }
        if wish.rounds == 0 || wish.mebibytes == 0 {
            return Err(USAGE.into());
        }
        Ok(Some(wish))
    }
}

fn run(wish: &Wish) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut columns = Vec::new();
    for workload in Workload::ALL {
        let file = folder.path().join(workload.name());
        workload::write(File::create(&file)?, workload, Format::Pcap, wish.mebibytes * 1024 * 1024)?;
        columns.push(measure(&file, wish.rounds)?);
        // One at a time is enough to keep.
        fs::remove_file(&file)?;
    }
    let page = format!(
        "{} {} MiB of each workload; rounds, interleaved: {}.\n\n{}\n{}",
        Machine::this(),
        wish.mebibytes,
        wish.rounds,
        table("CPU ns a packet", &columns, Stage::nanos_a_packet),
        table("bytes a flow", &columns, Stage::bytes_a_flow)
    );
    if wish.writes {
        readme::put("stages", &page)?;
    }
    Ok(io::stdout().write_all(page.as_bytes())?)
}

/// The medians of every stage on a file, in the order of the stages.
fn measure(file: &Path, rounds: usize) -> Result<Vec<Took>, Box<dyn Error>> {
    let mut all = vec![Vec::new(); Stage::ALL.len()];
    for _ in 0..rounds {
        for (stage, all) in Stage::ALL.into_iter().zip(&mut all) {
            let run =
                Command::new(std::env::current_exe()?).args([STAGE, stage.name()]).arg(file).output()?;
            let said = String::from_utf8_lossy(&run.stdout);
            let took = said.parse().ok().filter(|_| run.status.success());
            let failed =
                || format!("{}: {}{}", stage.name(), run.status, String::from_utf8_lossy(&run.stderr));
            all.push(took.ok_or_else(failed)?);
        }
    }
    Ok(all.iter().filter_map(|all| Took::medians(all)).collect())
}

fn table(title: &str, columns: &[Vec<Took>], cell: fn(Stage, &[Took]) -> Option<i64>) -> String {
    let names = Workload::ALL.map(Workload::name).join(" | ");
    let mut lines =
        vec![format!("| {title} | {names} |"), format!("| --- |{}", " --- |".repeat(columns.len()))];
    for stage in Stage::ALL {
        let cells: Vec<Option<i64>> = columns.iter().map(|column| cell(stage, column)).collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.iter().map(|cell| cell.map_or_else(String::new, |cell| cell.to_string()));
            lines.push(format!("| {} | {} |", stage.title(), cells.collect::<Vec<_>>().join(" | ")));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The argument that makes this program run one stage on a file.
const STAGE: &str = "--stage";

const USAGE: &str = "usage: cargo bench --bench stages -- [--write] [--size MEBIBYTES] [--rounds N]";

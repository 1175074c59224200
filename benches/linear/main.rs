//! Whether hostile captures cost time that grows with their size alone; see `benches/README.md`.
//!
//! Input: the generators of `hostile.rs`, each once and twice as large. Output: a table of the processor time of both and their
//! ratio. Exit status 1 where a capture twice as large costs more than 2.2 times as much. `BORDERPOST_LINEAR_BYTES` is the size of the
//! smaller one; with `--test` it is small. A filter names the generators to run.
//! Must not: look at the clock on the wall, which a busy machine moves.

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;

use borderpost::inspect::{Settings, inspect};
use borderpost::report::{self, Options};
use hostile::GENERATORS;
use nix::sys::resource::{UsageWho, getrusage};

mod hostile;

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

/// Whether all of them are linear.
fn run() -> Result<bool, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_test = arguments.iter().any(|argument| argument == "--test");
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let (usual, limit) = if is_test { ("300000", LIMIT_OF_SHORT) } else { ("8000000", LIMIT) };
    let bytes: usize = std::env::var("BORDERPOST_LINEAR_BYTES").as_deref().unwrap_or(usual).parse()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("made.pcap");
    let out = &mut io::stdout().lock();
    writeln!(out, "{:<46}{:>12}{:>12}{:>8}", "generator", "once ms", "twice ms", "ratio")?;
    let mut holds = true;
    for (name, generate) in GENERATORS {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let (mut once, mut twice) = (f64::MAX, f64::MAX);
        let mut ratio = f64::MAX;
        // Noise only ever adds: the least of several is the nearest to what it costs.
        for attempt in 0..MOST_ATTEMPTS {
            for (least, size) in [(&mut once, bytes), (&mut twice, 2 * bytes)] {
                fs::write(&path, generate(size))?;
                *least = least.min(cost(&path)?);
            }
            ratio = twice / once;
            if attempt + 1 >= LEAST_ATTEMPTS && ratio <= limit {
                break;
            }
        }
        holds &= ratio <= limit;
        let mark = if ratio <= limit { "" } else { "  NOT LINEAR" };
        writeln!(out, "{name:<46}{once:>12.1}{twice:>12.1}{ratio:>8.2}{mark}")?;
    }
    Ok(holds)
}

/// The processor time of inspecting a capture and reporting on it, in milliseconds.
fn cost(path: &Path) -> Result<f64, Box<dyn Error>> {
    let before = processor()?;
    let settings = Settings { threads: NonZeroUsize::MIN, hash: false, ..Settings::default() };
    let inspection = inspect(&[path.to_owned()], settings, &());
    if let Some(failure) = inspection.failures().first() {
        return Err(format!("{failure}").into());
    }
    let report = report::build(&inspection, Options { show_participants: false, list_flows: true });
    let text = report::json(&report);
    let cost = processor()? - before;
    // What was made is used, so that it is made.
    if text.is_empty() { Err("no report".into()) } else { Ok(cost) }
}

fn processor() -> Result<f64, Box<dyn Error>> {
    let used = getrusage(UsageWho::RUSAGE_SELF)?;
    let times = [used.user_time(), used.system_time()];
    #[expect(clippy::cast_precision_loss, reason = "a bench does not run for centuries")]
    let millis = times.iter().map(|time| time.tv_sec() as f64 * 1e3 + time.tv_usec() as f64 / 1e3).sum();
    Ok(millis)
}

/// How much more than twice as much twice as large a capture may cost.
const LIMIT: f64 = 2.2;
/// The same where the smaller one lies in the processor's caches and the larger one does not: what grows with the square comes to 4.
const LIMIT_OF_SHORT: f64 = 3.0;
const LEAST_ATTEMPTS: u32 = 3;
const MOST_ATTEMPTS: u32 = 12;

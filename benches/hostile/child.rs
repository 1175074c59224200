//! The program as a child under limits: how it ended, what it said, what it cost.
//!
//! Input: arguments and limits. Output: exit status, both streams, processor time, peak memory. The system's accounts of children
//! add up, so each run has a process of its own in between, this program again. Must not: take an end by a limit for an end.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::usage::{self, Whose};

/// The argument that makes this program run the command behind it, and print its cost.
pub(crate) const HELPER: &str = "--child";

/// The program that is measured, where it is not the one that benchmarks are built with.
pub(crate) static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// What a run may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Seconds from start to end.
    pub(crate) seconds: u64,
    /// Bytes of address space.
    pub(crate) bytes: u64,
}

impl Limits {
    /// Those of G1.
    pub(crate) const CORPUS: Self = Self { seconds: 20, bytes: 2 << 30 };
    /// Enough for the largest floods.
    pub(crate) const WIDE: Self = Self { seconds: 300, bytes: 16 << 30 };
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// By itself, with this status.
    Exit(i32),
    /// By a signal: it crashed, or ran out of memory.
    Signal,
    /// It took too long.
    TimedOut,
}

/// One run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) ended: Ended,
    /// Processor time of all threads, in the program and in the kernel.
    pub(crate) cpu: Duration,
    /// Peak resident memory in KiB; below some 4 MiB it is that of the helper.
    pub(crate) peak: u64,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Run {
    /// Whether the program itself failed, rather than its input: a crash, a panic that ended it, or one that was caught.
    pub(crate) fn is_panic(&self) -> bool {
        let is_said = self.err.contains("panicked") || self.err.contains("the program failed on");
        is_said || matches!(self.ended, Ended::Signal | Ended::Exit(101))
    }
}

/// Runs the program. `folder` is where its streams are kept meanwhile, and nobody else's at the time.
pub(crate) fn run(arguments: &[OsString], limits: Limits, folder: &Path) -> io::Result<Run> {
    let program = PROGRAM.get().map_or(Path::new(env!("CARGO_BIN_EXE_borderpost")), PathBuf::as_path);
    let [out, err] = streams(folder);
    let helper = Command::new(std::env::current_exe()?)
        .arg(HELPER)
        .arg(folder)
        .args([limits.seconds.to_string(), limits.bytes.to_string()])
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&helper.stdout).into_owned();
    let failed =
        || io::Error::other(format!("{arguments:?}: {said}{}", String::from_utf8_lossy(&helper.stderr)));
    let numbers: Vec<i64> = said.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [ended, cpu, peak] = numbers[..] else { return Err(failed()) };
    let ended = match ended {
        TIMED_OUT => Ended::TimedOut,
        SIGNAL => Ended::Signal,
        status => Ended::Exit(i32::try_from(status).map_err(io::Error::other)?),
    };
    let cpu = Duration::from_micros(u64::try_from(cpu).map_err(io::Error::other)?);
    let peak = u64::try_from(peak).map_err(io::Error::other)?;
    let mut said = Vec::new();
    File::open(err)?.take(MOST_SAID).read_to_end(&mut said)?;
    Ok(Run { ended, cpu, peak, out: fs::read(out)?, err: String::from_utf8_lossy(&said).into_owned() })
}

/// What the helper does. Gives the line to print: how the command ended, microseconds, KiB.
pub(crate) fn help(mut arguments: impl Iterator<Item = OsString>) -> io::Result<String> {
    let mut next = || arguments.next().ok_or_else(|| io::Error::other("an argument is missing"));
    let [out, err] = streams(Path::new(&next()?));
    let mut number = || {
        next()?.to_str().and_then(|number| number.parse().ok()).ok_or_else(|| io::Error::other("no number"))
    };
    let limits = Limits { seconds: number()?, bytes: number()? };
    let program = next()?;
    limit(limits)?;
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdout(File::create(out)?)
        .stderr(File::create(err)?)
        .spawn()?;
    let mut pause = Duration::from_micros(500);
    let ended = loop {
        if let Some(status) = child.try_wait()? {
            break status.code().map_or(SIGNAL, i64::from);
        }
        if start.elapsed() > Duration::from_secs(limits.seconds) {
            child.kill()?;
            child.wait()?;
            break TIMED_OUT;
        }
        sleep(pause);
        pause = (pause * 5 / 4).min(Duration::from_millis(20));
    };
    let (cpu, peak) = usage::of(Whose::Children)?;
    Ok(format!("{ended} {} {peak}", cpu.as_micros()))
}

#[cfg(unix)]
fn limit(Limits { seconds, bytes }: Limits) -> io::Result<()> {
    use nix::sys::resource::{Resource, setrlimit};

    setrlimit(Resource::RLIMIT_AS, bytes, bytes)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    // Of all threads, so that a machine with many does not pass for a fast program.
    setrlimit(Resource::RLIMIT_CPU, seconds * 4, seconds * 4)?;
    Ok(())
}

#[cfg(not(unix))]
fn limit(_: Limits) -> io::Result<()> {
    Err(io::Error::other("processes are limited on Unix only"))
}

fn streams(folder: &Path) -> [PathBuf; 2] {
    ["stdout", "stderr"].map(|name| folder.join(name))
}

const SIGNAL: i64 = -1;
const TIMED_OUT: i64 = -2;
/// Bytes of standard error that are kept.
const MOST_SAID: u64 = 1 << 20;

//! What a process costs: processor time, wall time, peak memory.
//!
//! Input: a command. Output: its cost, by the operating system's accounts of finished children. These accounts add up over
//! all children, so each command is run by a process of its own, this program again. Must not: know what is measured.

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crate::usage::{self, Whose};

/// The argument that makes this program run the command behind it, and print its cost.
pub(crate) const HELPER: &str = "--measure";

/// What one run took, or the medians of several.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cost {
    /// Processor time of all threads, in the program and in the kernel.
    pub(crate) cpu: Duration,
    /// From start to end.
    pub(crate) wall: Duration,
    /// Peak resident memory in KiB; below some 4 MiB it is that of the helper.
    pub(crate) peak: u64,
}

impl Cost {
    /// The medians of several runs, each figure for itself; `None` of none.
    pub(crate) fn medians(costs: &[Self]) -> Option<Self> {
        Some(Self {
            cpu: median(costs.iter().map(|cost| cost.cpu))?,
            wall: median(costs.iter().map(|cost| cost.wall))?,
            peak: median(costs.iter().map(|cost| cost.peak))?,
        })
    }
}

/// The middle of the values, or the upper of the middle two.
fn median<T: Ord>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    let middle = values.len() / 2;
    values.into_iter().nth(middle)
}

/// Runs a command; what it prints is thrown away.
pub(crate) fn cost(program: &OsStr, arguments: &[OsString]) -> io::Result<Cost> {
    run(program, arguments, None)
}

/// Runs a command that reads what `feed` writes.
pub(crate) fn cost_fed(
    program: &OsStr,
    arguments: &[OsString],
    feed: impl FnOnce(&mut ChildStdin) -> io::Result<()>,
) -> io::Result<Cost> {
    run(program, arguments, Some(Box::new(feed)))
}

type Feed<'a> = Box<dyn FnOnce(&mut ChildStdin) -> io::Result<()> + 'a>;

fn run(program: &OsStr, arguments: &[OsString], feed: Option<Feed<'_>>) -> io::Result<Cost> {
    let input = if feed.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut helper = Command::new(std::env::current_exe()?)
        .arg(HELPER)
        .arg(program)
        .args(arguments)
        .stdin(input)
        .stdout(Stdio::piped())
        .spawn()?;
    if let (Some(feed), Some(mut input)) = (feed, helper.stdin.take()) {
        feed(&mut input)?;
    }
    let helper = helper.wait_with_output()?;
    let said = String::from_utf8_lossy(&helper.stdout).into_owned();
    let failed = || io::Error::other(format!("{} {arguments:?}: {}", program.display(), said.trim()));
    if !helper.status.success() {
        return Err(failed());
    }
    parsed(&said).ok_or_else(failed)
}

/// The three numbers that the helper prints.
fn parsed(text: &str) -> Option<Cost> {
    let mut numbers = text.split_ascii_whitespace().map(|number| number.parse().ok());
    let mut next = || numbers.next().flatten();
    let (cpu, wall, peak) = (next()?, next()?, next()?);
    Some(Cost { cpu: Duration::from_micros(cpu), wall: Duration::from_micros(wall), peak })
}

/// What the helper does: runs the command, whose cost is that of all its children. Gives the line to print.
pub(crate) fn help(mut command: impl Iterator<Item = OsString>) -> io::Result<String> {
    let program = command.next().ok_or_else(|| io::Error::other("no command"))?;
    let start = Instant::now();
    let status = Command::new(program).args(command).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let wall = start.elapsed();
    if !status.success() {
        return Err(io::Error::other(status.to_string()));
    }
    let (cpu, peak) = usage::of(Whose::Children)?;
    Ok(format!("{} {} {peak}", cpu.as_micros(), wall.as_micros()))
}

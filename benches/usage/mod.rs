//! What the operating system accounts to processes.
//!
//! Input: whose account. Output: processor time and peak memory. Must not: be asked on anything but Unix.

use std::io;
use std::time::Duration;

/// Whose account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Whose {
    /// That of this process, with all its threads.
    Own,
    /// That of its children that have ended, together; the peak is that of the largest.
    Children,
}

/// Processor time in program and kernel, and peak resident memory in KiB.
#[cfg(unix)]
pub(crate) fn of(whose: Whose) -> io::Result<(Duration, u64)> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike as _;

    let usage = getrusage(match whose {
        Whose::Own => UsageWho::RUSAGE_SELF,
        Whose::Children => UsageWho::RUSAGE_CHILDREN,
    })?;
    let cpu = (usage.user_time() + usage.system_time()).num_microseconds();
    // Darwin counts bytes.
    let unit = if cfg!(target_vendor = "apple") { 1024 } else { 1 };
    let peak = u64::try_from(usage.max_rss() / unit).map_err(io::Error::other)?;
    Ok((Duration::from_micros(u64::try_from(cpu).map_err(io::Error::other)?), peak))
}

#[cfg(not(unix))]
pub(crate) fn of(_: Whose) -> io::Result<(Duration, u64)> {
    Err(io::Error::other("processes are measured on Unix only"))
}

//! Whose a connection is, asked of the system while a capture is made.
//!
//! Input: the first frames of flows, and the system's table of sockets ([`System`]). Output: blocks of pcapng
//! (docs/process-blocks.md) that name the process of each flow, with its program, its parents and how it was told. Must not:
//! need rights, send anything, use more than a twentieth of a processor for long, or hold up whoever captures.
//!
//! A capture alone cannot tell this: the table has to be read while the socket is open. What was open for too short a time is
//! counted as missed, what belongs to another user as hidden. The thread has to be started before its process gives up the right
//! to look at others in `/proc` (Landlock): a thread that is caged sees no process's sockets but its own.

mod attributor;
mod book;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(windows, target_os = "macos"))]
mod table;
mod watch;

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub use self::attributor::{Attributor, Given, Tally};
#[cfg(target_os = "linux")]
pub use self::linux::Linux;
#[cfg(any(windows, target_os = "macos"))]
pub use self::table::Table;
pub use self::watch::Watch;
use crate::source::owners::OwnerProcess;

/// An open socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Socket {
    /// What tells it from others as long as it is open.
    pub id: u64,
    /// Whether it is TCP; else it is UDP.
    pub is_tcp: bool,
    /// Its own address and port; the address may be unspecified.
    pub local: SocketAddr,
    /// The other end, where it is connected.
    pub remote: Option<SocketAddr>,
}

/// What a system tells of its sockets. One implementation for each system; the rest of the module is the same on all.
pub trait System: Send {
    /// How it is asked, in one word.
    fn asked(&self) -> &'static str;

    /// All sockets of TCP and UDP that are open, but those that only listen.
    fn sockets(&mut self) -> io::Result<Vec<Socket>>;

    /// The processes that have the sockets, each socket with a process as often as there are. Those of other users may be missing.
    fn holders(&mut self, wanted: &BTreeSet<u64>) -> Vec<(u64, u32)>;

    /// What a process is, with those that started it; `None` where it is gone.
    fn process(&mut self, pid: u32) -> Option<OwnerProcess>;

    /// The machine's own addresses.
    fn addresses(&mut self) -> io::Result<BTreeSet<IpAddr>>;

    /// How much time of the processor this thread has taken, or another clock that runs no slower.
    fn busy(&self) -> Duration;
}

/// What this system tells of its sockets.
///
/// Fails where the system does not let itself be asked.
pub fn system() -> io::Result<Box<dyn System>> {
    #[cfg(target_os = "linux")]
    return Ok(Box::new(Linux::new()?));
    #[cfg(any(windows, target_os = "macos"))]
    return Ok(Box::new(Table::new()?));
    #[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
    Err(io::Error::new(io::ErrorKind::Unsupported, "sockets cannot be told on this system"))
}

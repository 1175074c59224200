//! Linux: the kernel's table of sockets, and who holds them by `/proc`.
//!
//! Input: answers of `NETLINK_SOCK_DIAG` and `NETLINK_ROUTE`, `/proc`. Output: what [`System`] asks for. Must not: change
//! anything, or stop at a process that is gone or may not be seen.

mod diag;
mod proc;

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use self::diag::Diag;
use self::proc::Proc;
use crate::process::{Socket, System};
use crate::source::owners::OwnerProcess;

/// The sockets of a Linux machine, as far as this user may see them.
#[derive(Debug)]
pub struct Linux {
    diag: Diag,
    proc: Proc,
}

impl Linux {
    /// Opens the way to the kernel's table. No rights are needed.
    pub fn new() -> io::Result<Self> {
        Ok(Self { diag: Diag::new()?, proc: Proc::new()? })
    }
}

impl System for Linux {
    fn asked(&self) -> &'static str {
        ASKED
    }

    fn sockets(&mut self) -> io::Result<Vec<Socket>> {
        self.diag.sockets()
    }

    fn holders(&mut self, wanted: &BTreeSet<u64>) -> Vec<(u64, u32)> {
        self.proc.holders(wanted)
    }

    fn process(&mut self, pid: u32) -> Option<OwnerProcess> {
        self.proc.process(pid, ASKED)
    }

    fn addresses(&mut self) -> io::Result<BTreeSet<IpAddr>> {
        diag::addresses()
    }

    fn busy(&self) -> Duration {
        clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
    }
}

const ASKED: &str = "sock_diag";

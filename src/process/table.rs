//! Windows and macOS: the system's own tables of sockets with their processes, through packages with a safe interface.
//!
//! Input: `GetExtendedTcpTable` and `GetExtendedUdpTable`, or libproc's lists (netstat2); processes and addresses (sysinfo). Output:
//! what [`System`] asks for. Must not: know more of a system than that.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use netstat2::{
    AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, SocketInfo, TcpSocketInfo, TcpState,
    UdpSocketInfo, iterate_sockets_info,
};
use sysinfo::{Networks, Pid, ProcessRefreshKind, ProcessesToUpdate, System as Processes, UpdateKind};

use crate::frame::Timestamp;
use crate::process::{Socket, System};
use crate::source::owners::{Ancestor, MAX_PARENTS, OwnerProcess};

/// The sockets of a machine with Windows or macOS.
#[derive(Debug)]
pub struct Table {
    /// The processes of each socket in the last look.
    holders: BTreeMap<u64, Vec<u32>>,
    processes: Processes,
    started: Instant,
}

impl Table {
    /// Nothing is asked yet.
    pub fn new() -> io::Result<Self> {
        let processes = Processes::new().map_err(io::Error::other)?;
        Ok(Self { holders: BTreeMap::new(), processes, started: Instant::now() })
    }

    /// A process, asked about now with what changes in its life.
    fn ask(&mut self, pid: Pid) -> Option<&sysinfo::Process> {
        let what =
            ProcessRefreshKind::nothing().with_exe(UpdateKind::Always).with_user(UpdateKind::OnlyIfNotSet);
        self.processes.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
        self.processes.process(pid)
    }

    /// The processes from `parent` up. A parent that began after its child is another process under an old number.
    fn parents(&mut self, mut parent: Option<Pid>, mut child_began: u64) -> Vec<Ancestor> {
        let mut parents = Vec::new();
        while let Some(pid) = parent
            && parents.len() < MAX_PARENTS
        {
            let Some(process) = self.ask(pid).filter(|process| process.start_time() <= child_began) else {
                break;
            };
            let (name, path) = program(process);
            parents.push(Ancestor { pid: pid.as_u32(), name, path });
            (parent, child_began) = (process.parent().filter(|parent| *parent != pid), process.start_time());
        }
        parents
    }
}

impl System for Table {
    fn asked(&self) -> &'static str {
        ASKED
    }

    fn sockets(&mut self) -> io::Result<Vec<Socket>> {
        let families = AddressFamilyFlags::IPV4 | AddressFamilyFlags::IPV6;
        let listed = iterate_sockets_info(families, ProtocolFlags::TCP | ProtocolFlags::UDP);
        self.holders.clear();
        let mut sockets = Vec::new();
        for info in listed.map_err(io::Error::other)? {
            // One row that cannot be read takes nothing from the others.
            let Some((socket, pids)) = info.ok().and_then(socket) else { continue };
            self.holders.insert(socket.id, pids);
            sockets.push(socket);
        }
        Ok(sockets)
    }

    fn holders(&mut self, wanted: &BTreeSet<u64>) -> Vec<(u64, u32)> {
        let held = wanted.iter().filter_map(|id| Some((*id, self.holders.get(id)?)));
        held.flat_map(|(id, pids)| pids.iter().map(move |pid| (id, *pid))).collect()
    }

    fn process(&mut self, pid: u32) -> Option<OwnerProcess> {
        let process = self.ask(Pid::from_u32(pid))?;
        let (name, path) = program(process);
        let (parent, began) = (process.parent(), process.start_time());
        let uid = user(process);
        let nanos = i64::try_from(began).ok().and_then(|seconds| seconds.checked_mul(1_000_000_000));
        Some(OwnerProcess {
            pid,
            uid,
            started: nanos.map(Timestamp::from_nanos),
            name,
            path,
            asked: ASKED.to_owned(),
            parents: self.parents(parent, began),
        })
    }

    fn addresses(&mut self) -> io::Result<BTreeSet<IpAddr>> {
        let networks = Networks::new_with_refreshed_list().map_err(io::Error::other)?;
        Ok(networks.values().flat_map(|network| network.ip_networks()).map(|network| network.addr).collect())
    }

    /// The thread's own time is not told alike everywhere; the time that passes is no less.
    fn busy(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A row of the table. The table has no number for a socket, so its ends and processes are what tells it from others.
fn socket(info: SocketInfo) -> Option<(Socket, Vec<u32>)> {
    let (is_tcp, local, remote) = match info.protocol_socket_info {
        ProtocolSocketInfo::Tcp(TcpSocketInfo { state, .. })
            if matches!(state, TcpState::Listen | TcpState::Closed | TcpState::TimeWait) =>
        {
            return None;
        }
        ProtocolSocketInfo::Tcp(TcpSocketInfo {
            local_addr, local_port, remote_addr, remote_port, ..
        }) => {
            let remote = SocketAddr::new(remote_addr, remote_port);
            (true, SocketAddr::new(local_addr, local_port), (remote_port != 0).then_some(remote))
        }
        ProtocolSocketInfo::Udp(UdpSocketInfo { local_addr, local_port }) => {
            (false, SocketAddr::new(local_addr, local_port), None)
        }
    };
    let mut hasher = DefaultHasher::new();
    (is_tcp, local, remote, &info.associated_pids).hash(&mut hasher);
    Some((Socket { id: hasher.finish(), is_tcp, local, remote }, info.associated_pids))
}

/// A process's name and the path of its program.
fn program(process: &sysinfo::Process) -> (String, String) {
    let path = process.exe().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    (process.name().to_string_lossy().into_owned(), path)
}

/// The number of the user; Windows has none.
#[cfg(unix)]
fn user(process: &sysinfo::Process) -> Option<u32> {
    process.user_id().map(|user| **user)
}

#[cfg(not(unix))]
fn user(_process: &sysinfo::Process) -> Option<u32> {
    None
}

#[cfg(windows)]
const ASKED: &str = "extended_tables";
#[cfg(not(windows))]
const ASKED: &str = "libproc";

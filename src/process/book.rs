//! What is known of sockets, processes and flows while a capture runs.
//!
//! Input: what the system tells in one look at its table, and the flows that were seen since. Output: blocks of pcapng, and what
//! became of each flow. Must not: know threads or clocks, or grow without bound.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::frame::{ProcessMethod, Timestamp};
use crate::process::{Socket, System};
use crate::source::owners::{
    OwnerProcess, OwnerTotals, SocketEnds, process_block, socket_block, totals_block,
};

/// Everything that is known at one time.
#[derive(Default, Debug)]
pub(super) struct Book {
    processes: Vec<OwnerProcess>,
    /// Their places, by number and beginning.
    numbers: HashMap<(u32, Option<Timestamp>), u32>,
    /// The open sockets.
    sockets: HashMap<u64, Known>,
    /// What was written of sockets that are still open.
    written: BTreeMap<(u64, SocketEnds), Written>,
    /// Flows that wait for a look at the table, and how often they did.
    waiting: HashMap<SocketEnds, u8>,
    /// What was decided about flows that were seen, as long as it may come up again.
    decided: HashMap<SocketEnds, Verdict>,
    addresses: BTreeSet<IpAddr>,
    /// How often all was looked at.
    looks: u64,
    pub(super) totals: OwnerTotals,
}

/// An open socket, and the processes that hold it.
#[derive(Debug)]
struct Known {
    socket: Socket,
    holders: Vec<u32>,
    /// In how many looks no process was found that has it.
    orphaned: u8,
}

/// What was written of a socket.
#[derive(Debug)]
struct Written {
    processes: Vec<u32>,
    method: ProcessMethod,
    since: Timestamp,
}

/// What became of a flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Attributed,
    Hidden,
    Missed,
    Elsewhere,
}

impl Book {
    /// Takes note of a new flow. Gives whether it is one that has to be asked about.
    pub(super) fn flow(&mut self, ends: SocketEnds) -> bool {
        let flow = canonical(ends);
        if self.decided.contains_key(&flow) || self.waiting.contains_key(&flow) {
            return false;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.totals.unasked += 1;
            return false;
        }
        self.waiting.insert(flow, 0);
        true
    }

    /// Whether flows wait to be decided.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Looks at the table. Gives whether anything changed; `out` takes the blocks.
    pub(super) fn look(
        &mut self,
        system: &mut dyn System,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let open = system.sockets()?;
        // Addresses come and go with networks, which is seldom.
        if self.addresses.is_empty() || self.looks.is_multiple_of(LOOKS_PER_ADDRESSES) {
            self.addresses = system.addresses()?;
        }
        self.looks += 1;
        self.totals.sweeps += 1;
        let closed = self.forget_closed(&open, now, out);
        let wanted = self.note_open(open);
        let is_changed = closed || !wanted.is_empty();
        self.find_holders(system, &wanted, out);
        for id in &wanted {
            self.write_connected(*id, now, out);
        }
        self.decide(now, out);
        Ok(is_changed)
    }

    /// Sockets that are not in the table any more.
    fn forget_closed(&mut self, open: &[Socket], now: Timestamp, out: &mut Vec<u8>) -> bool {
        let open: HashMap<u64, &Socket> = open.iter().map(|socket| (socket.id, socket)).collect();
        let before = self.sockets.len();
        // One that was connected since is another one: its ends are.
        self.sockets.retain(|id, known| open.get(id).is_some_and(|socket| **socket == known.socket));
        let Self { sockets, written, decided, .. } = self;
        written.retain(|(id, ends), of| {
            let is_open = sockets.contains_key(id);
            if !is_open {
                for process in &of.processes {
                    out.extend(socket_block(*process, ends, of.method, now, true));
                }
                decided.remove(&canonical(*ends));
            }
            is_open
        });
        self.sockets.len() != before
    }

    /// Takes over the table. Gives the sockets of which no process is known yet.
    fn note_open(&mut self, open: Vec<Socket>) -> BTreeSet<u64> {
        for socket in open.into_iter().take(MAX_SOCKETS) {
            let known = Known { socket, holders: Vec::new(), orphaned: 0 };
            self.sockets.entry(socket.id).or_insert(known);
        }
        let unknown = self.sockets.iter().filter(|(_, known)| known.is_unknown());
        unknown.map(|(id, _)| *id).collect()
    }

    fn find_holders(&mut self, system: &mut dyn System, wanted: &BTreeSet<u64>, out: &mut Vec<u8>) {
        if wanted.is_empty() {
            return;
        }
        // A process is asked about once a look, however many sockets it has.
        let mut numbers: BTreeMap<u32, Option<u32>> = BTreeMap::new();
        for (id, pid) in system.holders(wanted) {
            let number = *numbers.entry(pid).or_insert_with(|| self.number(system, pid, out));
            let known = self.sockets.get_mut(&id);
            if let (Some(known), Some(number)) = (known, number)
                && known.holders.len() < MAX_HOLDERS
                && !known.holders.contains(&number)
            {
                known.holders.push(number);
            }
        }
        for id in wanted {
            if let Some(known) = self.sockets.get_mut(id) {
                known.orphaned = known.orphaned.saturating_add(u8::from(known.holders.is_empty()));
            }
        }
    }

    /// The number of a process, which is described where it is new.
    fn number(&mut self, system: &mut dyn System, pid: u32, out: &mut Vec<u8>) -> Option<u32> {
        let process = system.process(pid)?;
        let key = (pid, process.started);
        if let Some(number) = self.numbers.get(&key) {
            // One that runs another program now is another one to us.
            let is_same =
                self.processes.get(*number as usize).is_some_and(|known| known.path == process.path);
            if is_same {
                return Some(*number);
            }
        }
        let number =
            u32::try_from(self.processes.len()).ok().filter(|_| self.processes.len() < MAX_PROCESSES)?;
        out.extend(process_block(number, &process));
        self.processes.push(process);
        self.numbers.insert(key, number);
        Some(number)
    }

    /// A socket with two ends says for itself whose flow it is.
    fn write_connected(&mut self, id: u64, now: Timestamp, out: &mut Vec<u8>) {
        let Some(known) = self.sockets.get(&id).filter(|known| !known.holders.is_empty()) else { return };
        let Some(remote) = known.socket.remote else { return };
        let ends = SocketEnds::new(known.socket.is_tcp, known.socket.local, remote);
        let processes = known.holders.clone();
        let method = self.method(&processes, ProcessMethod::Socket);
        self.write(id, ends, Written { processes, method, since: now }, out);
    }

    /// How a socket's processes are told: several programs that share it leave it open which one is meant.
    fn method(&self, processes: &[u32], alone: ProcessMethod) -> ProcessMethod {
        let names = processes.iter().filter_map(|number| Some(&self.processes.get(*number as usize)?.name));
        let names: BTreeSet<&String> = names.collect();
        if names.len() > 1 { ProcessMethod::SocketShared } else { alone }
    }

    fn write(&mut self, id: u64, ends: SocketEnds, of: Written, out: &mut Vec<u8>) {
        if self.written.len() >= MAX_WRITTEN || self.written.contains_key(&(id, ends)) {
            return;
        }
        for process in &of.processes {
            out.extend(socket_block(*process, &ends, of.method, of.since, false));
        }
        self.written.insert((id, ends), of);
    }

    /// Decides the flows that wait.
    fn decide(&mut self, now: Timestamp, out: &mut Vec<u8>) {
        if self.waiting.is_empty() {
            return;
        }
        let tables = Tables::of(&self.sockets);
        for (flow, looks) in std::mem::take(&mut self.waiting) {
            match self.verdict(&flow, looks, &tables, now, out) {
                Some(verdict) => self.settle(flow, verdict),
                None => drop(self.waiting.insert(flow, looks.saturating_add(1))),
            }
        }
    }

    /// What becomes of a flow; `None` where another look is worth it.
    fn verdict(
        &mut self,
        flow: &SocketEnds,
        looks: u8,
        tables: &Tables,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Option<Verdict> {
        let [mut hidden, mut attributed, mut is_open] = [false; 3];
        for ends in [*flow, turned(flow)] {
            let ids = match tables.connected.get(&ends) {
                Some(id) => std::slice::from_ref(id),
                None => tables.bound(&ends, &self.addresses),
            };
            let known: Vec<&Known> = ids.iter().filter_map(|id| self.sockets.get(id)).collect();
            let fits =
                |known: &&&Known| known.socket.remote.is_some() || takes(&known.socket, ends.local.ip());
            let fitting: Vec<&&Known> = known.iter().filter(fits).collect();
            hidden |= fitting.iter().any(|known| known.orphaned >= LOOKS);
            is_open |= fitting.iter().any(|known| known.is_unknown());
            let mut processes: Vec<u32> =
                fitting.iter().flat_map(|known| known.holders.iter().copied()).collect();
            processes.sort_unstable();
            processes.dedup();
            processes.truncate(MAX_HOLDERS);
            let first = fitting.iter().find(|known| !known.holders.is_empty()).map(|known| known.socket);
            let Some(socket) = first else { continue };
            attributed = true;
            if socket.remote.is_none() {
                let method = self.method(&processes, ProcessMethod::SocketPort);
                self.write(socket.id, ends, Written { processes, method, since: now }, out);
            }
        }
        if attributed {
            return Some(Verdict::Attributed);
        }
        if hidden {
            return Some(Verdict::Hidden);
        }
        if ![flow.local, flow.remote].iter().any(|end| self.is_own(end.ip())) {
            return Some(Verdict::Elsewhere);
        }
        (looks.saturating_add(1) >= LOOKS && !is_open).then_some(Verdict::Missed)
    }

    fn is_own(&self, address: IpAddr) -> bool {
        is_own(address, &self.addresses)
    }

    fn settle(&mut self, flow: SocketEnds, verdict: Verdict) {
        let count = match verdict {
            Verdict::Attributed => &mut self.totals.attributed,
            Verdict::Hidden => &mut self.totals.hidden,
            Verdict::Missed => &mut self.totals.missed,
            Verdict::Elsewhere => &mut self.totals.elsewhere,
        };
        *count += 1;
        // What was decided is forgotten in one go: a flow that comes up again is then counted again, which is seldom.
        if self.decided.len() >= MAX_DECIDED {
            self.decided.clear();
        }
        self.decided.insert(flow, verdict);
    }

    /// Decides what still waits: no other look will come.
    pub(super) fn give_up(&mut self) {
        for (flow, _) in std::mem::take(&mut self.waiting) {
            self.settle(flow, Verdict::Missed);
        }
    }

    /// Writes everything that still holds, for a file that begins anew.
    pub(super) fn restate(&self, out: &mut Vec<u8>) {
        let used: BTreeSet<u32> = self.written.values().flat_map(|of| of.processes.iter().copied()).collect();
        for number in used {
            if let Some(process) = self.processes.get(number as usize) {
                out.extend(process_block(number, process));
            }
        }
        for ((_, ends), of) in &self.written {
            for process in &of.processes {
                out.extend(socket_block(*process, ends, of.method, of.since, false));
            }
        }
    }

    /// Writes what became of all flows.
    pub(super) fn sum_up(&self, out: &mut Vec<u8>) {
        out.extend(totals_block(&self.totals));
    }
}

impl Known {
    /// Whether its process is worth being looked for.
    fn is_unknown(&self) -> bool {
        self.holders.is_empty() && self.orphaned < LOOKS
    }
}

/// The open sockets by what a flow has of them.
struct Tables {
    connected: HashMap<SocketEnds, u64>,
    /// Sockets of UDP without another end, by their port.
    bound: HashMap<u16, Vec<u64>>,
}

impl Tables {
    fn of(sockets: &HashMap<u64, Known>) -> Self {
        let mut tables = Self { connected: HashMap::new(), bound: HashMap::new() };
        for (id, Known { socket, .. }) in sockets {
            match socket.remote {
                Some(remote) => {
                    tables.connected.insert(SocketEnds::new(socket.is_tcp, socket.local, remote), *id);
                }
                None if !socket.is_tcp => tables.bound.entry(socket.local.port()).or_default().push(*id),
                None => {}
            }
        }
        // The order of a hash table is another one in each run.
        tables.bound.values_mut().for_each(|ids| ids.sort_unstable());
        tables
    }

    /// The sockets that take what comes to the local end from anywhere. Else a server's port could be taken for ours.
    fn bound(&self, ends: &SocketEnds, own: &BTreeSet<IpAddr>) -> &[u64] {
        let ids = self.bound.get(&ends.local.port()).filter(|_| !ends.is_tcp && is_own(ends.local.ip(), own));
        ids.map_or(&[], |ids| ids.get(..MAX_BOUND.min(ids.len())).unwrap_or_default())
    }
}

/// Whether a socket that is not connected takes what is sent to an address.
fn takes(socket: &Socket, address: IpAddr) -> bool {
    let own = socket.local.ip().to_canonical();
    // An unspecified address of IPv6 takes IPv4, too, unless its program forbade it, which the table does not say.
    let is_any = own.is_unspecified() && (own.is_ipv6() || address.is_ipv4());
    is_any || own == address
}

/// Whether an address is this machine's, or one of a group, which sockets of the machine may have joined.
fn is_own(address: IpAddr, own: &BTreeSet<IpAddr>) -> bool {
    address.is_loopback()
        || address.is_multicast()
        || address == IpAddr::V4(std::net::Ipv4Addr::BROADCAST)
        || own.contains(&address)
}

fn turned(ends: &SocketEnds) -> SocketEnds {
    SocketEnds { local: ends.remote, remote: ends.local, ..*ends }
}

/// The same for both directions.
fn canonical(ends: SocketEnds) -> SocketEnds {
    let key = |end: SocketAddr| (end.ip(), end.port());
    if key(ends.local) <= key(ends.remote) { ends } else { turned(&ends) }
}

/// In how many looks a flow's socket, or a socket's process, is looked for.
const LOOKS: u8 = 2;
const LOOKS_PER_ADDRESSES: u64 = 64;
/// Processes of one socket that are told.
const MAX_HOLDERS: usize = 4;
/// Sockets with the same port that are looked at.
const MAX_BOUND: usize = 32;
const MAX_WAITING: usize = 65_536;
const MAX_DECIDED: usize = 65_536;
const MAX_SOCKETS: usize = 262_144;
const MAX_WRITTEN: usize = 262_144;
/// As many as the reader keeps.
const MAX_PROCESSES: usize = 4_096;

#[cfg(test)]
pub(super) mod tests;

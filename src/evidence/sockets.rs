//! Which sockets of the capturing machine the flows went through.
//!
//! Input: the sockets that a capture says were open, each with its ends, its time and its process. Output: the processes of a
//! flow. Must not: give a flow a socket that was not open while it lasted, or take more time for many sockets with the same ends.

use std::net::SocketAddr;

use hashbrown::HashMap;

use crate::flow::{Flow, Side};
use crate::frame::{ProcessMethod, Timestamp};
use crate::packet::{Endpoint, Protocol, TunnelId};
use crate::source::owners::{OwnedSocket, OwnerProcess, Owners, SocketEnds};

/// The sockets of all inputs of a capture.
#[derive(Clone, Default, Debug)]
pub(super) struct Sockets {
    processes: Vec<OwnerProcess>,
    by_ends: HashMap<SocketEnds, Vec<Open>>,
}

/// A socket while it was open.
#[derive(Clone, Copy, Debug)]
struct Open {
    process: usize,
    method: ProcessMethod,
    since: Timestamp,
    until: Option<Timestamp>,
}

impl Sockets {
    /// Takes over what an input says.
    pub(super) fn add(&mut self, owners: &Owners) {
        let first = self.processes.len();
        if !owners.sockets.is_empty() {
            self.processes.extend(owners.processes.iter().cloned());
        }
        for socket in &owners.sockets {
            let OwnedSocket { ends, process, method, since, until } = *socket;
            let open = self.by_ends.entry(ends).or_default();
            if open.len() < MAX_OF_ENDS {
                open.push(Open { process: first.saturating_add(process as usize), method, since, until });
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_ends.is_empty()
    }

    /// The processes of the flow's sockets. One that stays on its machine has two.
    pub(super) fn of(&self, flow: &Flow<'_>) -> impl Iterator<Item = (&OwnerProcess, ProcessMethod)> {
        // What is inside a tunnel has a socket at the tunnel's ends, where the same addresses may be another machine's.
        let is_outside = flow.scope().tunnel == TunnelId::NONE;
        let (first, last) = (flow.first_time(), flow.last_time());
        let [a, b] = [Side::First, Side::Second].map(|side| address(flow.endpoint(side)));
        let is_tcp = flow.protocol() == Protocol::Tcp;
        let sides = [(a, b), (b, a)].into_iter().filter(move |_| is_outside);
        let open = sides
            .filter_map(move |(local, remote)| self.by_ends.get(&SocketEnds::new(is_tcp, local, remote)));
        open.flatten()
            .filter(move |open| open.overlaps(first, last))
            .filter_map(|open| Some((self.processes.get(open.process)?, open.method)))
    }
}

impl Open {
    /// Whether it was open while a flow lasted. It may have been seen a little after the flow's last packet.
    fn overlaps(&self, first: Option<Timestamp>, last: Option<Timestamp>) -> bool {
        let (Some(first), Some(last)) = (first, last) else { return false };
        let is_before = self.until.is_some_and(|until| until < first);
        let is_after = self.since.nanos().saturating_sub(last.nanos()) > SEEN_WITHIN;
        !is_before && !is_after
    }
}

fn address(end: Endpoint) -> SocketAddr {
    SocketAddr::new(end.address, end.port)
}

/// Sockets with the same ends that are told apart.
const MAX_OF_ENDS: usize = 64;
/// How long after a flow's last packet its socket may be seen for the first time: two looks at the table, in nanoseconds.
const SEEN_WITHIN: i64 = 2_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_a_flows_while_it_is_open() {
        let at = |seconds: i64| Some(Timestamp::from_nanos(seconds * 1_000_000_000));
        let open = |since: i64, until: Option<Timestamp>| Open {
            process: 0,
            method: ProcessMethod::Socket,
            since: at(since).unwrap(),
            until,
        };
        let is_of = |open: Open| open.overlaps(at(10), at(20));
        assert!(is_of(open(5, None)) && is_of(open(15, None)) && is_of(open(5, at(10))));
        assert!(is_of(open(22, None)), "seen a little late");
        assert!(!is_of(open(23, None)), "another flow's");
        assert!(!is_of(open(5, at(9))), "gone before");
        assert!(!open(5, None).overlaps(None, at(3)), "when the flow was is not known");
    }
}

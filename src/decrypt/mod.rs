//! Records of TLS over TCP, opened with the keys of key logs: TLS 1.2 with GCM or ChaCha20-Poly1305, and TLS 1.3.
//!
//! Input: packets with their flows, and [`Keys`]. Output: what each direction of a connection said, to a [`Sink`], in order; and
//! what came of each connection. A connection is followed where a key log has the random of its client's hello (RFC 8446, RFC
//! 5246); of all others nothing is held. Must not: let a secret out, hold more than its [`Room`], or read what is inside.

#![warn(clippy::indexing_slicing)]

mod connection;
mod direction;
mod keys;
mod known;
mod messages;
mod piece;
mod record;
mod schedule;
mod sealed;
mod stream;

use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use self::connection::Connection;
pub use self::connection::{Outcome, Read};
pub use self::direction::Counts;
pub use self::keys::{Keys, MAX_SECRETS, Random, Tally};
use self::piece::Place;
pub use self::piece::{GapReason, Piece, Sink, Trouble};
use crate::flow::{FlowId, Seen, Side};
use crate::frame::{FrameRef, Timestamp};
use crate::packet::{Packet, Transport};

/// What a decrypter may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// Bytes of all connections at one time. One that would need more is given up, and that is said.
    pub held: usize,
    /// Secrets, with those that were known before; what comes past them is counted.
    pub secrets: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { held: 256 << 20, secrets: MAX_SECRETS }
    }
}

/// The connections of one capture.
pub struct Decrypter {
    keys: Arc<Keys>,
    connections: HashMap<FlowId, State>,
    held: usize,
    /// How many connections have settled as TLS.
    settled: usize,
    room: Room,
    copy: Vec<u8>,
}

enum State {
    Followed(Box<Connection>),
    Settled(Box<Outcome>),
    /// The same for what most flows are.
    NotTls,
}

impl State {
    fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::NotTls => Self::NotTls,
            outcome => Self::Settled(Box::new(outcome)),
        }
    }
}

impl Decrypter {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new(keys: Arc<Keys>) -> Self {
        let room = Room::default();
        Self { keys, connections: HashMap::new(), held: 0, settled: 0, room, copy: Vec::new() }
    }

    /// Holds so much at most from now on.
    pub fn keep_to(&mut self, room: Room) {
        self.room = room;
    }

    /// About the bytes of memory that it takes: segments behind holes, records that are not whole, and what came of
    /// connections. Keys are not among them.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.held + self.connections.len() * PLACE + self.settled * size_of::<Outcome>()
    }

    /// What there is so far, as if no packet came after it: connections that are followed are so no longer.
    #[must_use]
    pub fn so_far(&self) -> Self {
        let settled = |state: &State| match state {
            State::Followed(connection) => State::of(connection.outcome()),
            State::Settled(outcome) => State::Settled(outcome.clone()),
            State::NotTls => State::NotTls,
        };
        let connections = self.connections.iter().map(|(flow, state)| (*flow, settled(state))).collect();
        Self { connections, ..Self::new(Arc::clone(&self.keys)) }
    }

    /// Adds the secrets of a key log, for connections that begin from now on.
    pub fn read(&mut self, log: &[u8]) -> Tally {
        Arc::make_mut(&mut self.keys).read_up_to(self.room.secrets, log)
    }

    /// The secrets that are known.
    #[must_use]
    pub fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// Takes the next packet of a flow.
    pub fn packet(
        &mut self,
        seen: Seen,
        packet: &Packet<'_>,
        at: FrameRef,
        time: Option<Timestamp>,
        sink: &mut dyn Sink,
    ) {
        let Transport::Tcp(tcp) = &packet.transport else { return };
        let (state, is_known) = match self.connections.entry(seen.flow) {
            Entry::Occupied(known) => (known.into_mut(), true),
            Entry::Vacant(place) => (place.insert(State::Followed(Box::new(Connection::new()))), false),
        };
        let State::Followed(connection) = state else { return };
        let place = &mut Place { flow: seen.flow, at, time, keys: &self.keys, sink, copy: &mut self.copy };
        let before = if is_known { connection.held() } else { 0 };
        let settled = connection.packet(seen.side, tcp, packet, place);
        let after = connection.held();
        self.held = self.held.saturating_sub(before);
        let settled = settled.or_else(|| {
            (self.held.saturating_add(after) > self.room.held).then(|| connection.give_up(place))
        });
        match settled {
            Some(outcome) => {
                self.settled += usize::from(outcome != Outcome::NotTls);
                *state = State::of(outcome);
            }
            None => self.held += after,
        }
    }

    /// No more packets come, after the last at `at`.
    pub fn finish(&mut self, at: FrameRef, time: Option<Timestamp>, sink: &mut dyn Sink) {
        let mut flows: Vec<FlowId> = self.connections.keys().copied().collect();
        flows.sort_unstable();
        for flow in flows {
            let Some(state) = self.connections.get_mut(&flow) else { continue };
            if let State::Followed(connection) = state {
                let place = &mut Place { flow, at, time, keys: &self.keys, sink, copy: &mut self.copy };
                *state = State::Settled(Box::new(connection.finish(place)));
            }
        }
        self.held = 0;
    }

    /// What came of a flow; `None` where it is not TLS over TCP, or is not over.
    #[must_use]
    pub fn outcome(&self, flow: FlowId) -> Option<&Outcome> {
        match self.connections.get(&flow)? {
            State::Settled(outcome) => {
                Some(outcome).filter(|outcome| ***outcome != Outcome::NotTls).map(|of| &**of)
            }
            State::Followed(_) | State::NotTls => None,
        }
    }

    /// The side of a flow that is the client, once it has said its hello.
    #[must_use]
    pub fn client(&self, flow: FlowId) -> Option<Side> {
        match self.connections.get(&flow)? {
            State::Followed(connection) => connection.client(),
            State::Settled(outcome) => match **outcome {
                Outcome::Keys(read) => Some(read.client),
                Outcome::NoKeys { client } => Some(client),
                Outcome::NoHello | Outcome::NotTls => None,
            },
            State::NotTls => None,
        }
    }

    /// Forgets the flows that have no new number, and keeps the others under theirs.
    pub fn retain(&mut self, number: impl Fn(FlowId) -> Option<FlowId>) {
        let before = std::mem::take(&mut self.connections);
        self.connections =
            before.into_iter().filter_map(|(flow, state)| Some((number(flow)?, state))).collect();
        (self.held, self.settled) = (0, 0);
        for state in self.connections.values() {
            match state {
                State::Followed(connection) => self.held += connection.held(),
                State::Settled(_) => self.settled += 1,
                State::NotTls => {}
            }
        }
    }
}

impl std::fmt::Debug for Decrypter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decrypter")
            .field("keys", &self.keys)
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

/// About the bytes that a flow takes in the table.
const PLACE: usize = 2 * size_of::<(FlowId, State)>();

#[cfg(test)]
mod tests;

//! What flows say that leave the tables, forgotten with them; and what the evidence takes.
//!
//! Input: the new numbers of the flows that stay. Output: the evidence of those under these numbers; how many bytes it fills.
//! Must not: forget a DNS answer, which may name a flow to come, or what was counted.

use std::mem::take;
use std::net::SocketAddr;

use crate::evidence::moved::Moved;
use crate::evidence::{Evidence, Interest, NameId, Notes, zoom};
use crate::flow::{Flow, FlowId, renumbered, table_bytes};

impl Evidence {
    /// The bytes that the evidence fills, reckoned as [`crate::flow::Flows::bytes`] does.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let Notes {
            log, names, hellos, answers, round_trips, quic, dtls, mapped, sockets, contested, ..
        } = &self.notes;
        self.streams.bytes()
            + self.processes.bytes()
            + log.bytes()
            + names.bytes()
            + hellos.bytes()
            + answers.bytes()
            + round_trips.bytes()
            + quic.bytes()
            + dtls.bytes()
            + table_bytes::<(FlowId, Option<SocketAddr>)>(mapped.len())
            + table_bytes::<(FlowId, zoom::Socket)>(sockets.len())
            + table_bytes::<(FlowId, Vec<NameId>)>(contested.len())
    }

    /// How many flows there are whose handshake is waited for.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.streams.waiting()
    }

    /// Whether a flow has said what it will: nothing more is wanted of it, or its handshake was given up.
    #[must_use]
    pub fn is_decided(&self, flow: &Flow<'_>) -> bool {
        Interest::from(flow.mark()) == Interest::Settled || self.streams.is_settled(flow.id())
    }

    /// Forgets what flows said that have no new number, and keeps what the others said under theirs. `numbers` are by flow.
    pub fn retain(&mut self, numbers: &[Option<FlowId>]) {
        let moved = Moved { flows: numbers, names: Vec::new(), frames: 0 };
        let number = |flow| moved.flow(flow);
        let Self { streams, notes, processes, .. } = self;
        streams.retain(number);
        processes.retain(number);
        let Notes { log, hellos, answers, round_trips, quic, dtls, mapped, sockets, contested, .. } = notes;
        log.retain(number);
        hellos.forget_unused();
        answers.retain(number);
        round_trips.retain(number);
        quic.retain(&moved);
        dtls.retain(&moved);
        *mapped = renumbered(take(mapped), number);
        *sockets = renumbered(take(sockets), number);
        *contested = renumbered(take(contested), number);
    }
}

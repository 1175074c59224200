//! DTLS: hellos and the names in a server's certificate.
//!
//! Input: datagrams. Output: facts. Must not: remember more than [`MAX_TALKS`] handshakes.
//!
//! In a call either end may be the server, and what its certificate says is then of its own making. So a certificate is noted
//! where the server is the end that the flow was opened to, and of its texts only those with a dot count as host names.

use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::evidence::fact::{Fact, Origin};
use crate::evidence::moved::Moved;
use crate::evidence::{Notes, Outcome, Sighting, tls};
use crate::flow::{FlowId, Side, table_bytes};
use crate::wire::dtls::{self, Handshake, Said};

/// Handshakes that are followed at one time; then the one that began first is given up.
const MAX_TALKS: usize = 4096;
/// The bytes that DTLS may begin with where it shares its ports with STUN and media (RFC 7983 section 7).
const SHARED: std::ops::RangeInclusive<u8> = 20..=63;

/// The handshakes that have not yet said all.
#[derive(Default, Debug)]
pub(super) struct Talks {
    of: HashMap<FlowId, Box<Talk>>,
    /// The flows in the order in which they began, and some that are forgotten.
    order: VecDeque<FlowId>,
    /// Handshakes that were given up before they had said all.
    pub(super) dropped: u64,
    /// The most that were followed at one time.
    most: usize,
}

/// One handshake.
#[derive(Default, Debug)]
struct Talk {
    sides: [Handshake; 2],
    /// The random of the hello that was noted: the one with the cookie says nothing new.
    noted: Option<[u8; 32]>,
    /// Who sent a server's hello.
    server: Option<Side>,
    is_done: bool,
}

impl Talks {
    /// Forgets a handshake.
    pub(super) fn forget(&mut self, flow: FlowId) {
        self.of.remove(&flow);
    }

    /// Whether none is given up where those of `next` come behind these.
    pub(super) fn has_room_for(&self, next: &Self) -> bool {
        next.dropped == 0 && self.of.len().saturating_add(next.most) < MAX_TALKS
    }

    /// Keeps the handshakes of flows that have a new number, under that.
    pub(super) fn retain(&mut self, moved: &Moved<'_>) {
        let before = std::mem::take(self);
        let Self { dropped, most, .. } = before;
        *self = Self { dropped, most, ..Self::default() };
        self.append(before, moved);
    }

    /// The bytes that they fill, beside what is collected of a hello.
    pub(super) fn bytes(&self) -> usize {
        self.of.len() * size_of::<Talk>()
            + table_bytes::<(FlowId, Box<Talk>)>(self.of.len())
            + self.order.len() * size_of::<FlowId>()
    }

    /// Takes over the handshakes of the next piece.
    pub(super) fn append(&mut self, mut next: Self, moved: &Moved<'_>) {
        for flow in next.order {
            if let Some(talk) = next.of.remove(&flow)
                && let Some(flow) = moved.flow(flow)
            {
                self.of.insert(flow, talk);
                self.order.push_back(flow);
            }
        }
    }

    /// Makes room for one more and notes that it begins.
    fn start(&mut self, flow: FlowId) {
        // Forgotten flows stay in the order until they come up, or until they are most of it.
        if self.order.len() > 2 * MAX_TALKS {
            let Self { of, order, .. } = self;
            order.retain(|flow| of.contains_key(flow));
        }
        while self.of.len() >= MAX_TALKS {
            let Some(oldest) = self.order.pop_front() else { break };
            self.dropped += u64::from(self.of.remove(&oldest).is_some_and(|talk| !talk.is_done));
        }
        self.order.push_back(flow);
        self.most = self.most.max(self.of.len().saturating_add(1));
    }
}

/// Reads one datagram.
pub(super) fn observe(seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    if dtls::record(seen.packet.payload).is_none() {
        return Outcome::NotMine;
    }
    let mut talk = match notes.dtls.of.remove(&seen.flow) {
        Some(talk) if talk.is_done => {
            notes.dtls.of.insert(seen.flow, talk);
            return Outcome::Settled;
        }
        Some(talk) => talk,
        None => {
            notes.push(seen, Fact::Dtls);
            notes.dtls.start(seen.flow);
            Box::default()
        }
    };
    let [first, second] = &mut talk.sides;
    let side = if seen.side == Side::First { first } else { second };
    for said in side.push(seen.packet.payload) {
        note(&mut talk, said, seen, notes);
    }
    let outcome = if talk.is_done { Outcome::Settled } else { Outcome::Watch };
    if talk.is_done {
        talk.sides = Default::default();
    }
    // It stays until the flow is forgotten: beside STUN there is more to read, and of this no more to note.
    notes.dtls.of.insert(seen.flow, talk);
    outcome
}

/// Reads a datagram of a flow that speaks STUN, which goes on to be watched for that; true where it is DTLS.
pub(super) fn beside_stun(seen: &Sighting<'_>, notes: &mut Notes) -> bool {
    let may_be = seen.packet.payload.first().is_some_and(|first| SHARED.contains(first));
    may_be && observe(seen, notes) != Outcome::NotMine
}

fn note(talk: &mut Talk, said: Said, seen: &Sighting<'_>, notes: &mut Notes) {
    match said {
        Said::ClientHello(mut hello) => {
            if talk.noted.replace(hello.random) != Some(hello.random) {
                tls::note_hello(&mut hello, Origin::DtlsSni, seen, notes);
            }
        }
        Said::ServerHello { version } => {
            talk.server = Some(seen.side);
            talk.is_done = version == DTLS_1_3;
            notes.push(seen, Fact::DtlsVersion(version));
        }
        Said::Certificate(certificate) if talk.server == Some(seen.side) => {
            talk.is_done = true;
            if seen.side == Side::Second {
                tls::note_certificate(&certificate, |host| host.as_str().contains('.'), seen, notes);
            }
        }
        Said::HelloVerifyRequest | Said::Certificate(_) => {}
    }
}

/// From this version on certificates are encrypted (RFC 9147 section 5).
const DTLS_1_3: u16 = 0xfefc;

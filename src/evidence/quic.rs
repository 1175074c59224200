//! QUIC: the server name in the Initials of a connection, and the round trip to the first reply.
//!
//! Input: datagrams of a flow that is not settled. Output: facts. Must not: remember more than [`MAX_TALKS`] connections;
//! then the oldest is given up and counted.
//!
//! What is timed is a client's first Initial and the first packet that a server answers it with from its own state, an
//! Initial or a Handshake packet that carries the client's id. A Retry and a version negotiation are made without state
//! (RFC 9000 sections 6, 8.1.2), so that a box in front of the server may send them in its name: they end the waiting and
//! are not timed. The Initial that follows a Retry is a request of its own.

use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::evidence::fact::{Fact, Origin};
use crate::evidence::moved::Moved;
use crate::evidence::round_trip::Key;
use crate::evidence::{Notes, Outcome, Sighting, encrypted_dns, tls};
use crate::flow::{FlowId, Method, Side, table_bytes};
use crate::wire::quic::{self, ConnectionId, Initials, LongHeader, PacketKind, QuicHello};
use crate::wire::tls::ServerName;
use crate::wire::{Hostname, Read};

/// Connections that are remembered at one time.
const MAX_TALKS: usize = 4096;

/// The connections that began and have not yet said all.
#[derive(Default, Debug)]
pub(super) struct Talks {
    of: HashMap<FlowId, Talk>,
    /// The flows in the order in which they began, and some that are forgotten.
    order: VecDeque<FlowId>,
    /// Connections that were given up before their hello was whole.
    pub(super) dropped: u64,
    /// The most that were remembered at one time.
    most: usize,
    /// The randoms of the hellos, where somebody wants them.
    pub(super) randoms: Option<Vec<(FlowId, [u8; 32])>>,
}

/// Connections whose random is kept.
const MAX_RANDOMS: usize = 1 << 16;

/// One connection.
#[derive(Debug)]
struct Talk {
    client: Side,
    /// The id by which the client wants to be known; its server's packets carry it.
    source: ConnectionId,
    /// The id that its last Initial was sent to.
    destination: ConnectionId,
    is_retried: bool,
    /// What was collected of a hello that is not whole.
    initials: Option<Box<Initials>>,
    /// What was collected of a copy of the Initials that said the hello: whoever saw those can make another hello with their ids.
    copy: Option<Box<Initials>>,
    /// The random and the name of the hello that was noted last: copies of it say nothing new.
    noted: Option<([u8; 32], Option<Hostname>)>,
}

impl Talks {
    /// Forgets a connection.
    pub(super) fn forget(&mut self, flow: FlowId) {
        self.of.remove(&flow);
    }

    /// Whether none is given up where those of `next` come behind these.
    pub(super) fn has_room_for(&self, next: &Self) -> bool {
        next.dropped == 0 && self.of.len().saturating_add(next.most) < MAX_TALKS
    }

    /// Keeps the connections of flows that have a new number, under that.
    pub(super) fn retain(&mut self, moved: &Moved<'_>) {
        let before = std::mem::take(self);
        let Self { dropped, most, randoms, .. } = &before;
        let kept = |randoms: &Vec<(FlowId, _)>| {
            randoms.iter().filter_map(|(flow, random)| Some((moved.flow(*flow)?, *random))).collect()
        };
        let randoms = randoms.as_ref().map(kept);
        *self = Self { dropped: *dropped, most: *most, randoms, ..Self::default() };
        self.append(before, moved);
    }

    /// The bytes that they fill, beside what is collected of a hello.
    pub(super) fn bytes(&self) -> usize {
        table_bytes::<(FlowId, Talk)>(self.of.len()) + self.order.len() * size_of::<FlowId>()
    }

    /// Takes over the connections of the next piece.
    pub(super) fn append(&mut self, mut next: Self, moved: &Moved<'_>) {
        for flow in next.order {
            if let Some(talk) = next.of.remove(&flow)
                && let Some(flow) = moved.flow(flow)
            {
                self.insert(flow, talk);
            }
        }
    }

    fn keep_random(&mut self, flow: FlowId, random: [u8; 32]) {
        if let Some(randoms) = self.randoms.as_mut().filter(|randoms| randoms.len() < MAX_RANDOMS) {
            randoms.push((flow, random));
        }
    }

    #[cfg(test)]
    pub(super) fn pending(&self) -> usize {
        self.of.values().filter(|talk| talk.initials.is_some()).count()
    }

    fn insert(&mut self, flow: FlowId, talk: Talk) {
        if self.of.insert(flow, talk).is_some() {
            return;
        }
        self.order.push_back(flow);
        self.most = self.most.max(self.of.len());
        while self.of.len() > MAX_TALKS {
            let Some(oldest) = self.order.pop_front() else { break };
            let given_up = self.of.remove(&oldest);
            self.dropped += u64::from(given_up.is_some_and(|talk| talk.initials.is_some()));
        }
        // Forgotten flows stay in the order until they come up, or until they are most of it.
        if self.order.len() > 2 * MAX_TALKS {
            let Self { of, order, .. } = self;
            order.retain(|flow| of.contains_key(flow));
        }
    }
}

/// Reads one datagram.
pub(super) fn observe(seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    let Some(header) = quic::long_header(seen.packet.payload) else { return Outcome::NotMine };
    match notes.quic.of.remove(&seen.flow) {
        None => begin(&header, seen, notes),
        Some(mut talk) => {
            if talk.client == seen.side {
                go_on(&mut talk, &header, seen, notes);
            } else {
                answer(&mut talk, &header, seen, notes);
            }
            notes.quic.of.insert(seen.flow, talk);
            Outcome::Watch
        }
    }
}

/// The first packet of a flow that can be read.
fn begin(header: &LongHeader, seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    // A server may clear the fixed bit (RFC 9287), a client's first packets never do.
    if !header.fixed_bit {
        return Outcome::NotMine;
    }
    let mut talk = Talk {
        client: seen.side,
        source: header.source,
        destination: header.destination,
        is_retried: false,
        initials: None,
        copy: None,
        noted: None,
    };
    if !read(&mut talk, header, seen, notes) {
        return Outcome::NotMine;
    }
    notes.quic.insert(seen.flow, talk);
    Outcome::Watch
}

/// A further packet of the client. Its packets to an id of the server's choice say nothing new; after a Retry, or where another
/// connection begins, the id is a new one.
fn go_on(talk: &mut Talk, header: &LongHeader, seen: &Sighting<'_>, notes: &mut Notes) {
    let is_new = talk.destination != header.destination;
    match header.kind {
        PacketKind::Initial if is_new || talk.initials.is_some() => {
            read(talk, header, seen, notes);
        }
        PacketKind::Initial => read_copy(talk, seen, notes),
        _ => {}
    }
}

/// A packet to the id of an Initial that was read whole. An honest one is a copy, and is not timed.
fn read_copy(talk: &mut Talk, seen: &Sighting<'_>, notes: &mut Notes) {
    let mut copy = talk.copy.take().unwrap_or_default();
    match copy.push(seen.packet.payload) {
        Read::Done(mut hello) => note(talk, &mut hello, seen, notes),
        Read::More => talk.copy = Some(copy),
        Read::NotMine(_) => talk.copy = Some(copy).filter(|copy| copy.has_opened()),
    }
}

/// Opens a client's packet; false where it is none.
fn read(talk: &mut Talk, header: &LongHeader, seen: &Sighting<'_>, notes: &mut Notes) -> bool {
    let mut initials = talk.initials.take().unwrap_or_default();
    let answer = initials.push(seen.packet.payload);
    if let Read::NotMine(_) = answer {
        // What was collected may still become whole.
        talk.initials = Some(initials).filter(|initials| initials.has_opened());
        return false;
    }
    if talk.source != header.source {
        (talk.source, talk.is_retried) = (header.source, false);
    }
    talk.destination = header.destination;
    notes.round_trips.request(seen.flow, seen.side, key(talk), seen.time);
    match answer {
        Read::Done(mut hello) => note(talk, &mut hello, seen, notes),
        _ => talk.initials = Some(initials),
    }
    true
}

fn note(talk: &mut Talk, hello: &mut QuicHello, seen: &Sighting<'_>, notes: &mut Notes) {
    let random = hello.hello.random;
    let name = if let ServerName::Name(host) = &hello.hello.server_name { Some(host) } else { None };
    let is_copy = |(noted, host): &([u8; 32], Option<Hostname>)| *noted == random && host.as_ref() == name;
    if !talk.noted.as_ref().is_some_and(is_copy) {
        talk.noted = Some((random, name.cloned()));
        notes.quic.keep_random(seen.flow, hello.hello.random);
        notes.push(seen, Fact::Quic(hello.version));
        tls::note_hello(&mut hello.hello, Origin::QuicSni, seen, notes);
        encrypted_dns::note(&hello.hello, seen, notes);
    }
}

/// A packet of the server; whoever does not know the client's id did not get its Initial.
fn answer(talk: &mut Talk, header: &LongHeader, seen: &Sighting<'_>, notes: &mut Notes) {
    if header.destination != talk.source {
        return;
    }
    match header.kind {
        PacketKind::Initial | PacketKind::Handshake => {
            notes.reply(seen, Method::Quic, key(talk));
        }
        PacketKind::VersionNegotiation => notes.round_trips.withdraw(seen.flow, talk.client, key(talk)),
        // A client heeds one Retry of a connection (RFC 9000 section 17.2.5.2).
        PacketKind::Retry if !talk.is_retried => {
            notes.round_trips.withdraw(seen.flow, talk.client, key(talk));
            talk.is_retried = true;
            notes.push(seen, Fact::QuicRetry);
        }
        PacketKind::Retry | PacketKind::ZeroRtt => {}
    }
}

/// There are one or two requests to time in a connection: its first Initial, and the first after a Retry.
fn key(talk: &Talk) -> Key {
    let mut key = *b"quic0...........";
    let id = talk.source.as_bytes().iter().copied();
    let parts = [b'0' + u8::from(talk.is_retried)].into_iter().chain(id);
    for (byte, part) in key.iter_mut().skip(4).zip(parts) {
        *byte = part;
    }
    Key::Id(key)
}

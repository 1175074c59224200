//! What a flow says about itself: names, versions, certificates, mapped addresses, meetings, round trips.
//!
//! Input: packets with the flow they belong to. Output: facts, each with the frame it was read from, and the DNS
//! answers that hosts asked for. A flow is looked at until it has said what it will; then it is only counted, and the
//! packet path ends at one byte of state. A protocol is one row of `DATAGRAM_PROTOCOLS`.
//! Must not: decide whose a flow is or where its remote end stands; keep payload past the budget of `flow::stream`.

mod connection;
mod dns;
mod dtls;
mod encrypted_dns;
mod fact;
mod hello;
mod http;
mod journal;
mod kept;
mod moved;
mod name;
mod piece;
mod process;
mod quic;
mod round_trip;
mod sockets;
mod stun;
mod tls;
mod tunnel;
mod zoom;

use std::net::SocketAddr;

use hashbrown::HashMap;

use self::fact::Log;
pub use self::fact::{
    Answered, DnsTransport, Entry, Fact, Hello, HelloName, Origin, ProxyKind, ProxyRequest, ZoomFact,
};
use self::hello::Hellos;
use self::journal::Journal;
pub use self::journal::Noted;
pub use self::name::{NameId, Names};
pub use self::piece::Cut;
pub use self::process::{ProcessEntry, ProcessId, Program};
use self::round_trip::{Key, RoundTrips};
use self::sockets::Sockets;
use crate::flow::stream::{MAX_PREFIX, Streams};
use crate::flow::{FlowId, Flows, Mark, Method, RoundTrip, Seen, Side};
use crate::frame::{FrameRef, Process, Timestamp};
use crate::packet::{Packet, Tcp, TcpFlags, Transport};
use crate::source::owners::Owners;
use crate::wire::Hostname;
use crate::wire::certificate::CertificateNames;

/// Everything that the flows of one capture say about themselves.
#[derive(Default, Debug)]
pub struct Evidence {
    streams: Streams<connection::Progress>,
    notes: Notes,
    processes: process::Processes,
    sockets: Sockets,
    /// What had to be left out, once reading has ended.
    limits: Option<Limits>,
    /// Of a piece of a capture: which of its packets the pieces before may change the meaning of.
    journal: Option<Box<Journal>>,
}

impl Evidence {
    /// Looks at one packet, as far as its flow still has something to say. `flows` keeps the round trips, and with each flow
    /// what is still wanted of it.
    #[inline]
    pub fn observe(
        &mut self,
        flows: &mut Flows,
        seen: Seen,
        packet: &Packet<'_>,
        frame: FrameRef,
        time: Option<Timestamp>,
    ) {
        if seen.is_new {
            self.look(flows, seen, opening(packet), *packet, frame, time);
        } else if seen.mark != Mark::default() {
            self.look(flows, seen, seen.mark.into(), *packet, frame, time);
        }
    }

    /// Looks at a packet of a flow that has still something to say; at a copy, so that most packets stay in registers.
    #[inline(never)]
    fn look(
        &mut self,
        flows: &mut Flows,
        seen: Seen,
        before: Interest,
        packet: Packet<'_>,
        frame: FrameRef,
        time: Option<Timestamp>,
    ) {
        // A SYN has no payload and yet says where the stream begins.
        let has_something = !packet.payload.is_empty() || opens_stream(&packet);
        let sighting = Sighting { flow: seen.flow, side: seen.side, packet: &packet, frame, time };
        let before_it = self.notes.counts();
        let interest = match (&packet.transport, before) {
            _ if !has_something => before,
            (Transport::Tcp(tcp), Interest::Stream) => self.stream(tcp, &sighting),
            (Transport::Udp, Interest::Datagrams { looked }) => self.datagram(looked, &sighting),
            (Transport::Udp, Interest::Watch { protocol, left }) => self.watch(protocol, left, &sighting),
            _ => Interest::Settled,
        };
        if let Some((requester, trip)) = self.notes.measured.take() {
            flows.note_round_trip(seen.flow, requester, trip);
        }
        let mark = interest.into();
        if self.journal.is_some() {
            let is_passed_over = std::mem::take(&mut self.notes.is_passed_over);
            // Nearly all datagrams of a call: nothing of them is noted, and nothing changes.
            if !is_passed_over || !journal::is_past_head(seen.mark) {
                let is_read = has_something && before != Interest::Settled && !is_passed_over;
                self.note(flows, seen, &sighting, is_read, before_it, mark);
            }
        } else if seen.is_new || interest != before {
            flows.set_mark(seen.flow, mark);
        }
    }

    /// Reads what a packet says in the other reading of fragments that overlap: on its own, because what the first reading
    /// said may have settled the flow, and its bytes hold the place of these in the stream.
    #[cold]
    pub fn observe_other(
        &mut self,
        seen: Seen,
        packet: &Packet<'_>,
        frame: FrameRef,
        time: Option<Timestamp>,
    ) {
        if packet.payload.is_empty() {
            return;
        }
        let sighting = Sighting { flow: seen.flow, side: seen.side, packet, frame, time };
        match &packet.transport {
            Transport::Tcp(tcp) => {
                // Marks the stream as contested while it is kept.
                self.streams.push(seen.flow, seen.side, tcp, packet.payload, frame);
                let mut alone = connection::Progress::default();
                connection::observe(&mut alone, packet.payload, true, &sighting, &mut self.notes);
            }
            Transport::Udp => {
                let mut readers = DATAGRAM_PROTOCOLS.iter();
                readers.find(|reader| (reader.observe)(&sighting, &mut self.notes) != Outcome::NotMine);
                if Interest::from(seen.mark) == Interest::Settled {
                    self.notes.forget(seen.flow);
                }
            }
        }
        self.notes.measured = None;
    }

    /// Takes note of whose a frame is, by the word of the capture.
    pub fn process(&mut self, seen: Seen, process: &Process<'_>, frame: FrameRef, time: Option<Timestamp>) {
        if let Some(id) = self.processes.note(seen.flow, process) {
            self.notes.log.push(Entry::new(seen.flow, frame, time, Fact::Process(id)));
        }
    }

    /// Takes note of whose sockets were open, by the word of an input; once for each, when it has been read.
    pub fn note_owners(&mut self, owners: &Owners) {
        self.sockets.add(owners);
    }

    /// Gives flows the processes of their sockets. A fact of it stands at the first frame of its flow, in which it is not read.
    fn give_owners(&mut self, flows: &Flows) {
        let sockets = std::mem::take(&mut self.sockets);
        if sockets.is_empty() {
            return;
        }
        for flow in flows.iter() {
            for (process, method) in sockets.of(&flow) {
                if let Some(id) = self.processes.note_owner(flow.id(), process, method) {
                    let fact = Fact::Process(id);
                    self.notes.log.push(Entry::new(flow.id(), flow.first_frame(), flow.first_time(), fact));
                }
            }
        }
    }

    /// Takes note of the names in a certificate that the sender of a packet showed, and that was encrypted.
    #[cold]
    pub fn certificate(
        &mut self,
        seen: Seen,
        packet: &Packet<'_>,
        (frame, time): (FrameRef, Option<Timestamp>),
        names: &CertificateNames,
    ) {
        let sighting = Sighting { flow: seen.flow, side: seen.side, packet, frame, time };
        tls::note_certificate(names, |_| true, &sighting, &mut self.notes);
    }

    /// From now on the randoms of QUIC hellos are kept, by which key logs know connections.
    pub fn keep_randoms(&mut self) {
        self.notes.quic.randoms.get_or_insert_default();
    }

    /// The randoms of QUIC hellos with their flows, as far as they are kept: of the first 65,536.
    #[must_use]
    pub fn randoms(&self) -> &[(FlowId, [u8; 32])] {
        self.notes.quic.randoms.as_deref().unwrap_or_default()
    }

    /// A process by its number.
    #[must_use]
    pub fn process_of(&self, id: ProcessId) -> Option<&ProcessEntry> {
        self.processes.get(id)
    }

    /// What the flows have said so far, for a report while reading goes on: it may be finished like any other. What only reading
    /// needs is not copied.
    #[must_use]
    pub fn so_far(&self) -> Self {
        let Notes { log, names, answers, .. } = &self.notes;
        let (log, names, answers) = (log.clone(), names.clone(), answers.clone());
        Self {
            notes: Notes { log, names, answers, ..Notes::default() },
            processes: self.processes.clone(),
            sockets: self.sockets.clone(),
            limits: Some(self.limits()),
            ..Self::default()
        }
    }

    /// Ends the reading: gives flows their sockets' processes and the names that DNS told, and orders the facts by flow.
    pub fn finish(&mut self, flows: &Flows) {
        self.give_owners(flows);
        let Notes { log, answers, .. } = &mut self.notes;
        log.sort(flows.len(), answers.names_of(flows));
    }

    /// Frees what only reading needs. What a flow says afterwards would be read as if nothing had been said before.
    pub fn free(&mut self) {
        self.limits = Some(self.limits());
        self.streams = Streams::default();
        let Notes { log, names, mut answers, mut quic, .. } = std::mem::take(&mut self.notes);
        answers.forget_questions();
        self.notes = Notes { log, names, answers, ..Notes::default() };
        self.notes.quic.randoms = quic.randoms.take();
    }

    /// The facts of one flow in order of frames, once reading has ended.
    #[must_use]
    pub fn of(&self, flow: FlowId) -> &[Entry] {
        self.notes.log.of(flow)
    }

    /// Every fact.
    #[must_use]
    pub fn facts(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.notes.log.iter()
    }

    /// The DNS answers that hosts of the capture asked for, in order of frames.
    pub fn answers(&self) -> impl Iterator<Item = &Answered> {
        self.notes.answers.iter()
    }

    /// The text of a name.
    #[must_use]
    pub fn name(&self, id: NameId) -> &str {
        self.notes.names.text(id)
    }

    /// All names, in order of their numbers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.notes.names.iter()
    }

    /// What was seen and could not be used.
    #[must_use]
    pub fn limits(&self) -> Limits {
        if let Some(limits) = self.limits {
            return limits;
        }
        Limits {
            unasked_dns_answers: self.notes.answers.unasked,
            first_unasked_dns_answer: self.notes.answers.first_unasked,
            dns_answers_refused: self.notes.answers.refused,
            names_refused: self.notes.names.refused(),
            processes_refused: self.processes.refused,
            handshakes_dropped: self
                .streams
                .dropped()
                .saturating_add(self.notes.quic.dropped)
                .saturating_add(self.notes.dtls.dropped),
            contested: self.streams.contested(),
        }
    }

    fn stream(&mut self, tcp: &Tcp, seen: &Sighting<'_>) -> Interest {
        let Self { streams, notes, .. } = self;
        let grew = streams.push(seen.flow, seen.side, tcp, seen.packet.payload, seen.frame).is_some();
        let grown = if grew { streams.reading(seen.flow, seen.side) } else { None };
        let is_settled = grown.is_some_and(|(prefix, progress)| {
            let full = prefix.first.len() >= MAX_PREFIX;
            let is_settled = connection::observe(progress, prefix.first, full, seen, notes);
            if let Some(last) = prefix.last {
                tls::contested(prefix.first, last, seen, notes);
            }
            is_settled
        });
        if is_settled {
            streams.settle(seen.flow);
            return Interest::Settled;
        }
        if tcp.flags.accepts()
            && let Some(progress) = streams.kept(seen.flow)
        {
            progress.accepted(seen.packet.hop_limit);
        }
        Interest::Stream
    }

    fn datagram(&mut self, looked: u8, seen: &Sighting<'_>) -> Interest {
        for (protocol, reader) in (0..).zip(DATAGRAM_PROTOCOLS) {
            match (reader.observe)(seen, &mut self.notes) {
                Outcome::NotMine => {}
                Outcome::Watch | Outcome::PassedOver => {
                    return Interest::Watch { protocol, left: reader.budget };
                }
                Outcome::Settled => {
                    self.notes.forget(seen.flow);
                    return Interest::Settled;
                }
            }
        }
        if looked >= MAX_UNKNOWN_DATAGRAMS {
            self.notes.forget(seen.flow);
            return Interest::Settled;
        }
        Interest::Datagrams { looked: looked + 1 }
    }

    fn watch(&mut self, protocol: u8, left: u16, seen: &Sighting<'_>) -> Interest {
        let Some(reader) = DATAGRAM_PROTOCOLS.get(usize::from(protocol)) else { return Interest::Settled };
        let outcome = (reader.observe)(seen, &mut self.notes);
        if outcome == Outcome::PassedOver {
            self.notes.is_passed_over = true;
        }
        if outcome == Outcome::Settled || left == 1 {
            self.notes.forget(seen.flow);
            return Interest::Settled;
        }
        Interest::Watch { protocol, left: left.saturating_sub(1) }
    }
}

/// What the reading of a capture's evidence had to leave out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// DNS answers that no host of the capture was seen to ask for. They name nothing.
    pub unasked_dns_answers: u64,
    /// The frame of the first of them.
    pub first_unasked_dns_answer: Option<FrameRef>,
    /// DNS answers past the most that are kept.
    pub dns_answers_refused: u64,
    /// Names past the most that are kept.
    pub names_refused: u64,
    /// Frames whose process was passed over because there were too many.
    pub processes_refused: u64,
    /// Undecided handshakes that were given up because too many waited at once.
    pub handshakes_dropped: u64,
    /// TCP handshakes of which two copies differed, and the frame of the first copy that did.
    pub contested: Option<(u64, FrameRef)>,
}

/// One packet under a reader's eyes.
struct Sighting<'a> {
    flow: FlowId,
    side: Side,
    packet: &'a Packet<'a>,
    frame: FrameRef,
    time: Option<Timestamp>,
}

/// Where the readers write, and what they remember between packets.
#[derive(Default, Debug)]
struct Notes {
    log: Log,
    names: Names,
    hellos: Hellos,
    answers: dns::Answers,
    round_trips: RoundTrips,
    quic: quic::Talks,
    dtls: dtls::Talks,
    /// Flows that speak STUN, and the last address that they were told, so that neither is noted again.
    mapped: HashMap<FlowId, Option<SocketAddr>>,
    sockets: HashMap<FlowId, zoom::Socket>,
    /// Flows whose handshake reads otherwise by other copies, and the names that it then has.
    contested: HashMap<FlowId, Vec<NameId>>,
    /// The round trip that the packet under the reader's eyes ended, and who asked.
    measured: Option<(Side, RoundTrip)>,
    /// Whether the packet under the reader's eyes was not read.
    is_passed_over: bool,
    /// The most sockets that were remembered at one time.
    most_sockets: usize,
}

impl Notes {
    /// How many requests were remembered so far, and how many DNS answers nobody asked for.
    fn counts(&self) -> (u64, u64) {
        (self.round_trips.counts().0, self.answers.unasked)
    }

    /// Frees what is remembered of a flow that is only counted from now on, so that look-alikes do not fill the tables.
    fn forget(&mut self, flow: FlowId) {
        self.sockets.remove(&flow);
        self.quic.forget(flow);
        self.dtls.forget(flow);
    }

    fn push(&mut self, seen: &Sighting<'_>, fact: Fact) {
        self.log.push(Entry::new(seen.flow, seen.frame, seen.time, fact));
    }

    fn name(&mut self, seen: &Sighting<'_>, host: &Hostname, origin: Origin) {
        if let Some(name) = self.names.intern(host) {
            self.push(seen, Fact::Name { name, origin, from: Some(seen.side) });
        }
    }

    /// A name of the server behind the proxy that the remote end is.
    fn name_behind(&mut self, seen: &Sighting<'_>, host: &Hostname, origin: Origin) {
        if let Some(name) = self.names.intern(host) {
            self.push(seen, Fact::Behind { name, origin });
        }
    }

    /// The packet answers a request of the other side, whose round trip is noted where it was seen and timed.
    fn reply(&mut self, seen: &Sighting<'_>, method: Method, key: Key) {
        let requester = seen.side.other();
        if let Some(rtt) = self.round_trips.reply(seen.flow, requester, key, seen.time) {
            self.measured = Some((requester, RoundTrip { rtt, reply: seen.frame, method }));
        }
    }
}

/// What the packet path still wants of a flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Interest {
    /// Nothing: count it.
    #[default]
    Settled,
    /// TCP whose first bytes have not told all.
    Stream,
    /// UDP of a protocol not known yet.
    Datagrams { looked: u8 },
    /// UDP of a known protocol, for so many datagrams more; 0 is for as long as it lasts.
    Watch { protocol: u8, left: u16 },
}

/// A kind in the two lowest bits, its numbers from the second byte on. Of the bits between, a piece's journal makes use.
impl From<Interest> for Mark {
    fn from(interest: Interest) -> Self {
        Self(match interest {
            Interest::Settled => 0,
            Interest::Stream => 1,
            Interest::Datagrams { looked } => 2 | u32::from(looked) << 8,
            Interest::Watch { protocol, left } => 3 | u32::from(protocol) << 8 | u32::from(left) << 16,
        })
    }
}

impl From<Mark> for Interest {
    #[inline]
    fn from(mark: Mark) -> Self {
        let [kind, number, left @ ..] = mark.0.to_le_bytes();
        match kind & 3 {
            1 => Self::Stream,
            2 => Self::Datagrams { looked: number },
            3 => Self::Watch { protocol: number, left: u16::from_le_bytes(left) },
            _ => Self::Settled,
        }
    }
}

/// What a reader made of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// It is of another protocol.
    NotMine,
    /// It is of this one; let it see the next ones too.
    Watch,
    /// The same, and it was not even read: it could say nothing new.
    PassedOver,
    /// It is of this one, and nothing more is to be learnt from the flow.
    Settled,
}

/// A protocol over UDP.
struct Protocol {
    /// Reads one datagram.
    observe: fn(&Sighting<'_>, &mut Notes) -> Outcome,
    /// How many datagrams it is shown after the first; 0 is all.
    budget: u16,
}

/// The protocols over UDP in the order in which they are tried: the surer ones first.
const DATAGRAM_PROTOCOLS: &[Protocol] = &[
    Protocol { observe: dns::observe, budget: 0 },
    Protocol { observe: stun::observe, budget: 64 },
    Protocol { observe: zoom::stun, budget: 64 },
    Protocol { observe: quic::observe, budget: 16 },
    Protocol { observe: zoom::server, budget: 0 },
    Protocol { observe: zoom::peer, budget: 32 },
    Protocol { observe: dtls::observe, budget: 48 },
    Protocol { observe: tunnel::observe, budget: 0 },
];

/// Datagrams of an unknown protocol that are looked at, both directions together.
const MAX_UNKNOWN_DATAGRAMS: u8 = 24;

/// What a flow's first packet promises.
fn opening(packet: &Packet<'_>) -> Interest {
    match packet.transport {
        Transport::Tcp(_) => Interest::Stream,
        Transport::Udp => Interest::Datagrams { looked: 0 },
    }
}

fn opens_stream(packet: &Packet<'_>) -> bool {
    matches!(packet.transport, Transport::Tcp(tcp) if tcp.flags.has(TcpFlags::SYN))
}

#[cfg(test)]
mod tests;

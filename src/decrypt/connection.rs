//! Both directions of one TCP connection that may be TLS with known keys.
//!
//! Input: its packets. Output: pieces, and what came of it. A connection begins where a segment begins with a hello, behind a
//! proxy's greeting, too. Must not: outlive its last byte.

use super::direction::{Counts, Direction, begins_hello};
use super::known::Known;
use super::piece::{Place, Trouble};
use crate::flow::Side;
use crate::packet::{Packet, Tcp, TcpFlags};

/// Segments with payload in which a hello may still begin: behind a proxy's greeting there were some before.
const MAX_SEEKING: u32 = 24;
/// Segments in which the client's hello has to become whole.
const MAX_OPENING: u32 = 512;

/// One connection.
pub(super) struct Connection {
    known: Known,
    directions: [Direction; 2],
    segments: u32,
    /// Whether a segment began like encrypted TLS before there was a hello.
    is_midway: bool,
}

/// What is known of a connection that is not followed, or no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is none of TLS.
    NotTls,
    /// It is TLS, and the client's hello is not in the capture, by which its keys would be found.
    NoHello,
    /// No key log has its keys.
    NoKeys {
        /// The side that is the client.
        client: Side,
    },
    /// A key log has its keys.
    Keys(Read),
}

/// What came of a connection with keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Read {
    /// The side that is the client.
    pub client: Side,
    /// The version that the server chose.
    pub version: Option<u16>,
    /// The cipher suite that the server chose.
    pub cipher: Option<u16>,
    /// What the client said.
    pub from_client: Counts,
    /// What the server said.
    pub from_server: Counts,
    /// Why a direction was given up, the client's first.
    pub trouble: Option<Trouble>,
}

impl Connection {
    pub(super) fn new() -> Self {
        Self {
            known: Known::default(),
            directions: [Side::First, Side::Second].map(Direction::new),
            segments: 0,
            is_midway: false,
        }
    }

    /// The side of the client, once it has said its hello.
    pub(super) fn client(&self) -> Option<Side> {
        self.known.client()
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.directions.iter().map(Direction::held).sum::<usize>() + size_of::<Self>()
    }

    /// Takes a packet; what came of the connection, where it is over or is not followed.
    pub(super) fn packet(
        &mut self,
        side: Side,
        tcp: &Tcp,
        packet: &Packet<'_>,
        place: &mut Place<'_>,
    ) -> Option<Outcome> {
        let is_syn = tcp.flags.has(TcpFlags::SYN);
        let seq = tcp.seq.wrapping_add(u32::from(is_syn));
        let [first, second] = &mut self.directions;
        let (direction, other) = if side == Side::First { (first, second) } else { (second, first) };
        if is_syn {
            direction.stream.begin(seq);
        }
        if tcp.flags.has(TcpFlags::FIN) {
            direction.stream.end(seq.wrapping_add(packet.payload_len));
        }
        if packet.payload_len > 0 {
            self.segments = self.segments.saturating_add(1);
            self.is_midway |= packet.payload.starts_with(&[23, 3]) && self.known.client().is_none();
            if begins_hello(packet.payload) {
                direction.stream.begin(seq);
            }
            let is_server = self.known.client().is_some_and(|client| client != side);
            if is_server && direction.is_seeking && !begins_hello(packet.payload) {
                direction.stream.begin(seq);
                direction.begin_adrift();
            }
            let knew = self.known.server().is_some();
            push(direction, seq, packet, &mut self.known, place);
            if !knew && self.known.server().is_some() {
                other.advance(&mut self.known, place);
            }
        }
        if direction.stream.is_over() {
            direction.end(&self.known, place);
        }
        if tcp.flags.has(TcpFlags::RST) {
            return Some(self.finish(place));
        }
        self.settled()
    }

    /// What came of it, where nothing more is to be had.
    fn settled(&self) -> Option<Outcome> {
        let is_over = self.directions.iter().all(|direction| direction.is_over);
        if self.known.is_keyless() || is_over {
            return Some(self.outcome());
        }
        let is_seeking = self.known.client().is_none() && self.directions.iter().all(|of| of.is_seeking);
        let most = if is_seeking { MAX_SEEKING } else { MAX_OPENING };
        (self.known.client().is_none() && self.segments > most).then(|| self.outcome())
    }

    /// No more packets come.
    pub(super) fn finish(&mut self, place: &mut Place<'_>) -> Outcome {
        for direction in &mut self.directions {
            let mut stream = std::mem::take(&mut direction.stream);
            stream.finish(&mut |part| {
                direction.push(part, place);
                direction.advance(&mut self.known, place);
            });
        }
        for direction in &mut self.directions {
            direction.advance(&mut self.known, place);
            direction.end(&self.known, place);
        }
        self.outcome()
    }

    /// It takes more than there is room for.
    pub(super) fn give_up(&mut self, place: &mut Place<'_>) -> Outcome {
        self.directions.iter_mut().for_each(|direction| direction.give_up(Trouble::TooMuch, place));
        self.outcome()
    }

    /// What has come of it up to now.
    pub(super) fn outcome(&self) -> Outcome {
        let Some(client) = self.known.client() else {
            let is_tls = self.is_midway || self.known.server().is_some();
            return if is_tls { Outcome::NoHello } else { Outcome::NotTls };
        };
        if self.known.is_keyless() {
            return Outcome::NoKeys { client };
        }
        let [first, second] = &self.directions;
        let (of_client, of_server) = if client == Side::First { (first, second) } else { (second, first) };
        Outcome::Keys(Read {
            client,
            version: self.known.server().map(|choice| choice.version),
            cipher: self.known.server().map(|choice| choice.cipher),
            from_client: of_client.counts,
            from_server: of_server.counts,
            trouble: of_client.trouble.or(of_server.trouble),
        })
    }
}

/// Hands what a segment puts in order to its direction.
fn push(direction: &mut Direction, seq: u32, packet: &Packet<'_>, known: &mut Known, place: &mut Place<'_>) {
    let mut stream = std::mem::take(&mut direction.stream);
    stream.push(seq, packet.payload_len, packet.payload, &mut |part| {
        direction.push(part, place);
        direction.advance(known, place);
    });
    direction.stream = stream;
}

//! QUIC: the server name in the Initials of a connection, and the round trip to the first reply.
//!
//! Input: datagrams of a flow that is not settled. Output: facts. Must not: hold more than [`MAX_PENDING`]
//! connections whose ClientHello is not whole.

use crate::evidence::fact::{Fact, Origin};
use crate::evidence::{Notes, Outcome, Sighting, tls};
use crate::flow::Method;
use crate::wire::Read;
use crate::wire::quic::{self, Initials};

/// Connections whose ClientHello may be incomplete at one time.
const MAX_PENDING: usize = 4096;

/// Reads one datagram.
pub(super) fn observe(seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    let Some(header) = quic::long_header(seen.packet.payload) else { return Outcome::NotMine };
    if notes.reply(seen, Method::Quic, KEY) {
        return Outcome::Watch;
    }
    // A server may clear the fixed bit (RFC 9287), a client's first packets never do.
    if !header.fixed_bit {
        return Outcome::NotMine;
    }
    let Some(mut initials) = notes.initials.remove(&(seen.flow, seen.side)).or_else(|| fresh(notes)) else {
        return Outcome::NotMine;
    };
    match initials.push(seen.packet.payload) {
        Read::Done(hello) => {
            notes.round_trips.request(seen.flow, seen.side, KEY, seen.time);
            notes.push(seen, Fact::Quic(hello.version));
            tls::note_hello(&hello.hello, Origin::QuicSni, seen, notes);
            Outcome::Watch
        }
        Read::More => {
            notes.round_trips.request(seen.flow, seen.side, KEY, seen.time);
            notes.initials.insert((seen.flow, seen.side), initials);
            Outcome::Watch
        }
        Read::NotMine(_) => Outcome::NotMine,
    }
}

fn fresh(notes: &Notes) -> Option<Box<Initials>> {
    (notes.initials.len() < MAX_PENDING).then(|| Box::new(Initials::new()))
}

/// There is one request to time in a connection: its first Initial.
const KEY: [u8; 16] = *b"quic initial    ";

//! Zoom's own layer: which flows are its by payload, their meetings, kinds of media, closes and round trips.
//!
//! Input: datagrams. Output: facts. A socket that has said what it carries is only watched for its end.
//! Must not: take one weak look-alike for Zoom; that is said as [`ZoomFact::Weak`], for others to corroborate.

use crate::evidence::fact::{Fact, ZoomFact};
use crate::evidence::round_trip::Key;
use crate::evidence::{Notes, Outcome, Sighting};
use crate::flow::Method;
use crate::wire::Read;
use crate::wire::zoom::{self, Body, Media, MediaKind, Message, P2p, Stun};

/// What is known of one socket between a client and a media router.
#[derive(Default, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that was seen, in any order")]
pub(super) struct Socket {
    wire: zoom::Socket,
    is_noted: bool,
    is_proven: bool,
    is_bound: bool,
    /// Whether media was seen on it, not only room for it.
    is_streaming: bool,
    media: Vec<MediaKind>,
    data_seen: u16,
    hellos: u8,
    closes: u8,
}

/// Sockets whose proof may be outstanding at one time.
pub(super) const MAX_SOCKETS: usize = 1 << 16;
/// Data messages that are read on a socket that does not say its meeting.
const MAX_DATA: u16 = 256;
/// Hellos and closes that are noted of one socket. A client sends a few copies of each; a flood must not fill memory.
const MAX_REPEATS: u8 = 64;
/// The first byte of a data message.
const DATA: u8 = 5;

/// Reads one datagram of the layer between clients and media routers.
pub(super) fn server(seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    // Nearly all datagrams of a call end here, so this is one look-up and moves nothing.
    let known = match notes.sockets.get(&seen.flow) {
        Some(socket) if socket.has_said_what_it_carries() && seen.packet.payload.first() == Some(&DATA) => {
            return Outcome::PassedOver;
        }
        Some(_) => notes.sockets.remove(&seen.flow),
        None if notes.sockets.len() >= MAX_SOCKETS => return Outcome::NotMine,
        None => None,
    };
    let mut socket = known.unwrap_or_default();
    let outcome = read(&mut socket, seen, notes);
    if outcome == Outcome::Watch || socket.is_noted {
        notes.sockets.insert(seen.flow, socket);
        notes.most_sockets = notes.most_sockets.max(notes.sockets.len());
    }
    outcome
}

fn read(socket: &mut Socket, seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    let Read::Done(message) = socket.wire.read(seen.packet.payload, seen.packet.payload_len) else {
        return if socket.is_proven { Outcome::Watch } else { Outcome::NotMine };
    };
    if socket.wire.is_proven() && !socket.is_proven {
        socket.is_proven = true;
        socket.is_noted = true;
        notes.push(seen, Fact::Zoom(ZoomFact::Certain));
    } else if !socket.is_noted {
        socket.is_noted = true;
        notes.push(seen, Fact::Zoom(ZoomFact::Weak));
    }
    note(socket, &message, seen, notes);
    if socket.is_proven { Outcome::Watch } else { Outcome::NotMine }
}

impl Socket {
    /// Whether data on it can say nothing new. A socket that is bound and silent is watched for its first media.
    pub(super) fn has_said_what_it_carries(&self) -> bool {
        self.is_proven
            && ((self.is_bound && self.is_streaming) || (!self.is_bound && self.data_seen >= MAX_DATA))
    }
}

fn note(socket: &mut Socket, message: &Message, seen: &Sighting<'_>, notes: &mut Notes) {
    match message.body {
        Body::Hello { token, .. } => {
            notes.round_trips.request(seen.flow, seen.side, Key::Id(token), seen.time);
            if socket.hellos < MAX_REPEATS {
                socket.hellos += 1;
                notes.push(seen, Fact::Zoom(ZoomFact::Hello { from: seen.side }));
            }
        }
        Body::HelloReply { token, .. } => {
            notes.reply(seen, Method::Greeting, Key::Id(token));
        }
        Body::KeepAlive { is_reply: false, sequence, clock, .. } => {
            notes.round_trips.request(seen.flow, seen.side, key(sequence, clock), seen.time);
        }
        Body::KeepAlive { is_reply: true, sequence, clock, .. } => {
            notes.reply(seen, Method::KeepAlive, key(sequence, clock));
        }
        Body::Data { media, .. } => {
            socket.data_seen = socket.data_seen.saturating_add(1);
            note_media(socket, media, seen, notes);
        }
        Body::Close { reason, .. } => {
            if socket.closes < MAX_REPEATS {
                socket.closes += 1;
                notes.push(seen, Fact::Zoom(ZoomFact::Close { from: seen.side, reason }));
            }
        }
    }
}

fn note_media(socket: &mut Socket, media: Media, seen: &Sighting<'_>, notes: &mut Notes) {
    let kind = match media {
        Media::Bind(bind) | Media::BindAck(bind) => {
            if !socket.is_bound {
                socket.is_bound = true;
                notes.push(seen, Fact::Zoom(ZoomFact::Bind { meeting: bind.meeting }));
            }
            bind.ssrc.kind()
        }
        Media::Stream(stream) => {
            if !socket.is_streaming {
                socket.is_streaming = true;
                notes.push(seen, Fact::Zoom(ZoomFact::Stream(stream.kind)));
            }
            stream.kind
        }
        Media::Rtcp(rtcp) => rtcp.ssrc.kind(),
        Media::Ack | Media::Probe { .. } | Media::Unknown { .. } => return,
    };
    if !socket.media.contains(&kind) && socket.media.len() < MAX_KINDS {
        socket.media.push(kind);
        notes.push(seen, Fact::Zoom(ZoomFact::Media(kind)));
    }
}

/// Reads one datagram between two participants.
pub(super) fn peer(seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    let fact = match zoom::p2p(seen.packet.payload, seen.packet.payload_len) {
        Read::Done(P2p::Hello { uuid, .. }) => ZoomFact::PeerHello { uuid },
        Read::Done(P2p::Media(_)) => ZoomFact::PeerMedia,
        Read::More | Read::NotMine(_) => return Outcome::NotMine,
    };
    // One hello and one packet of media say all; the rest of the flow repeats them.
    let is_media = fact == ZoomFact::PeerMedia;
    notes.push(seen, Fact::Zoom(fact));
    if is_media { Outcome::Settled } else { Outcome::Watch }
}

/// Reads one datagram of Zoom's STUN without cookie.
pub(super) fn stun(seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    match zoom::stun(seen.packet.payload) {
        Read::Done(Stun::Request { id }) => {
            notes.round_trips.request(seen.flow, seen.side, Key::Id(id), seen.time);
            if notes.mapped.try_insert(seen.flow, None).is_ok() {
                notes.push(seen, Fact::Zoom(ZoomFact::Stun));
            }
            Outcome::Watch
        }
        Read::Done(Stun::Reply { id, .. }) => {
            notes.reply(seen, Method::Stun, Key::Id(id));
            Outcome::Watch
        }
        Read::More | Read::NotMine(_) => Outcome::NotMine,
    }
}

fn key(sequence: u32, clock: u32) -> Key {
    let mut key = *b"keep-alive......";
    let parts = sequence.to_be_bytes().into_iter().chain(clock.to_be_bytes());
    for (byte, part) in key.iter_mut().skip(8).zip(parts) {
        *byte = part;
    }
    Key::Id(key)
}

const MAX_KINDS: usize = 8;

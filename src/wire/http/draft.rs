//! An exchange in the making, and what the readers of all versions share.
//!
//! Input: headers, body bytes and ends, as a reader finds them. Output: [`Exchange`]s in [`Context::done`]. Must not: know
//! how a version of HTTP puts them on the wire.

use super::body::{Collector, encodings};
use super::context::{Context, Pair, Side};
use super::queue::At;
use super::websocket::Socket;
use crate::wire::exchange::{Exchange, Header, Message, Note, Origin, Peer, Version, header};

/// An exchange in the making.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) exchange: Exchange,
    pub(crate) parts: Pair<Part>,
    /// What the request asked to turn the stream into (`:protocol`, RFC 8441).
    pub(crate) protocol: Option<Box<[u8]>>,
    /// Whether the stream is a tunnel from here on.
    pub(crate) is_tunnel: bool,
    pub(crate) socket: Option<Socket>,
    /// About the bytes of memory that it takes beside bodies and `WebSockets`.
    memory: usize,
}

/// One message of it.
#[derive(Default, Debug)]
pub(crate) struct Part {
    pub(crate) message: Option<Message>,
    pub(crate) body: Collector,
    /// Whether nothing more comes.
    pub(crate) has_ended: bool,
    /// Whether it ended before its end.
    pub(crate) is_cut: bool,
}

impl Draft {
    pub(crate) fn new(context: &mut Context, version: Version, at: At) -> Self {
        let connection = &context.connection;
        let mut exchange = Exchange::new(Origin::Capture, version, at.time);
        exchange.connection = Some(connection.number);
        exchange.scheme =
            Some(if connection.is_encrypted { b"https"[..].into() } else { b"http"[..].into() });
        exchange.peer = connection.peer.map(|peer| Peer { address: peer.ip(), port: Some(peer.port()) });
        exchange.server_name.clone_from(&connection.server_name);
        let parts = Pair::default();
        let mut draft = Self { exchange, parts, protocol: None, is_tunnel: false, socket: None, memory: 0 };
        draft.takes(size_of::<Self>(), context);
        draft
    }

    fn takes(&mut self, more: usize, context: &mut Context) {
        self.memory += more;
        context.beside += more;
    }

    /// Bytes of a side came then: its message, if it has begun, and the exchange reach there.
    pub(crate) fn reach(&mut self, side: Side, at: At) {
        self.exchange.end = self.exchange.end.max(at.time);
        self.exchange.start = self.exchange.start.min(at.time);
        if let Some(message) = &mut self.parts.of(side).message {
            message.reach(at.frame);
        }
    }

    /// A side's message begins with these headers, from the first byte of its head to the last.
    pub(crate) fn begin(
        &mut self,
        side: Side,
        headers: Vec<Header>,
        (first, last): (At, At),
        context: &mut Context,
    ) {
        // Method, authority and path stand in the exchange once more.
        self.takes(Header::memory(&headers) * if side == Side::Client { 2 } else { 1 }, context);
        self.parts.of(side).message = Some(Message { headers, ..Message::default() });
        self.reach(side, first);
        self.reach(side, last);
    }

    /// The fields behind a side's body.
    pub(crate) fn trail(&mut self, side: Side, trailers: Vec<Header>, context: &mut Context) {
        let Some(message) = &mut self.parts.of(side).message else { return };
        let before = std::mem::replace(&mut message.trailers, trailers);
        let (less, more) = (Header::memory(&before), Header::memory(&message.trailers));
        self.takes(more, context);
        self.memory -= less;
        context.beside = context.beside.saturating_sub(less);
    }

    /// Body bytes of a side.
    pub(crate) fn push(&mut self, side: Side, bytes: &[u8], at: At, context: &mut Context) {
        // What goes over a tunnel is no part of the messages that opened it.
        self.exchange.end = self.exchange.end.max(at.time);
        if let Some(socket) = &mut self.socket {
            socket.push(side, bytes, at, context);
        } else if self.is_tunnel {
            context.tally.unread += bytes.len() as u64;
        } else {
            self.exchange.start = self.exchange.start.min(at.time);
            let part = self.parts.of(side);
            part.message.get_or_insert_default().reach(at.frame);
            part.body.push(bytes, &context.limits, &mut context.held);
        }
    }

    /// Body bytes of a side are missing.
    pub(crate) fn gap(&mut self, side: Side, length: Option<u64>, context: &mut Context) {
        self.exchange.note(Note::Gap);
        if let Some(socket) = &mut self.socket {
            socket.gap(side, length, context);
        } else if self.parts.of(side).message.is_some() && !self.is_tunnel {
            self.parts.of(side).body.gap(length);
        }
    }

    /// A side's message has ended, or will get no further.
    pub(crate) fn end(&mut self, side: Side, is_cut: bool) {
        let part = self.parts.of(side);
        (part.has_ended, part.is_cut) = (true, is_cut);
    }

    pub(crate) const fn has_ended(&self) -> bool {
        self.parts.client.has_ended && self.parts.server.has_ended
    }

    /// A WebSocket from here on, with what the answer's headers say of it.
    pub(crate) fn open_socket(&mut self, context: &mut Context) {
        let headers = self.parts.server.message.as_ref().map(|message| &*message.headers);
        let extensions = headers.and_then(|headers| header(headers, "sec-websocket-extensions"));
        self.socket = Some(Socket::new(extensions.unwrap_or_default(), context));
    }

    /// Hands the exchange out.
    pub(crate) fn finish(mut self, context: &mut Context) {
        let is_open = self.socket.is_some() || self.is_tunnel;
        if let Some(socket) = self.socket.take() {
            self.exchange.web_socket = Some(socket.finish(context));
        }
        context.beside = context.beside.saturating_sub(self.memory);
        let Pair { client, server } = self.parts;
        let has_begun = client.message.is_some() || server.message.is_some();
        for part in [&client, &server] {
            if part.message.is_some() && (part.is_cut || !part.has_ended && !is_open) {
                self.exchange.note(Note::Unfinished);
            }
        }
        if client.message.is_none() {
            self.exchange.note(Note::RequestNotSeen);
        }
        if server.message.is_none() {
            self.exchange.note(Note::NoAnswer);
        }
        self.exchange.request = client.finish(is_open, context);
        self.exchange.response = server.finish(is_open, context);
        if has_begun {
            context.done.push(self.exchange);
        } else {
            context.tally.dropped += 1;
        }
    }
}

impl Part {
    fn finish(self, is_open: bool, context: &mut Context) -> Option<Message> {
        let is_whole = is_open || self.has_ended && !self.is_cut;
        let mut message = self.message?;
        let encodings = encodings(&message.headers);
        message.body = self.body.finish(encodings, is_whole, &context.limits, &mut context.held);
        Some(message)
    }
}

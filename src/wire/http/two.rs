//! HTTP/2 connections (RFC 9113): streams, whatever order their frames come in.
//!
//! Input: both directions in the order of capture, gaps, ends. Output: drafts that have ended. A direction that is lost looks
//! for the next two frames. Must not: enforce the protocol; what breaks it is counted and the rest read.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Context, Pair, Side};
use super::draft::Draft;
use super::frame::{Found, Frame, find};
use super::hpack::{Block, Decoder};
use super::queue::{At, Queue};
use crate::wire::cursor::Cursor;
use crate::wire::exchange::{Header, Note, Version, header};

/// What a client sends first (section 3.4).
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection of HTTP/2.
#[derive(Default, Debug)]
pub(crate) struct Two {
    halves: Pair<Half>,
    streams: BTreeMap<u32, Draft>,
    /// Streams that have ended, the latest of them.
    closed: BTreeSet<u32>,
    /// The highest stream that left `closed` for want of room: streams up to it have ended.
    closed_below: u32,
}

/// One direction.
#[derive(Default, Debug)]
struct Half {
    queue: Queue,
    state: State,
    decoder: Decoder,
    assembling: Option<Assembling>,
}

#[derive(Clone, Copy, Default, Debug)]
enum State {
    /// In the content of a DATA frame, with bytes of it and of its padding to come.
    Data { frame: Frame, left: u64, padding: u64 },
    /// Before a frame.
    #[default]
    Frame,
    /// Somewhere.
    Lost,
    /// In the client's preface.
    Preface,
    /// In bytes that say nothing.
    Skip(u64),
}

/// A header block whose last frame has not come (section 4.3).
#[derive(Debug)]
struct Assembling {
    stream: u32,
    promised: Option<u32>,
    ends_stream: bool,
    bytes: Vec<u8>,
    first: At,
}

impl Two {
    /// A connection from its first byte on.
    pub(crate) fn new() -> Self {
        let mut two = Self::default();
        two.halves.client.state = State::Preface;
        two
    }

    /// A connection whose beginning was not seen.
    pub(crate) fn joined() -> Self {
        let mut two = Self::default();
        for side in Side::BOTH {
            let half = two.halves.of(side);
            (half.state, half.decoder) = (State::Lost, Decoder::joined());
        }
        two
    }

    /// A connection that began as HTTP/1.1; its request is the first stream (RFC 7540 section 3.2).
    pub(crate) fn upgraded(mut draft: Draft) -> Self {
        let mut two = Self::new();
        draft.exchange.interim.extend(draft.exchange.status.take());
        draft.exchange.stream = Some(1);
        draft.exchange.version = Version::Http2;
        let server = draft.parts.of(Side::Server);
        (server.message, server.has_ended) = (None, false);
        two.streams.insert(1, draft);
        two
    }

    /// About the bytes of memory that it takes beside its streams.
    pub(crate) fn memory(&self) -> usize {
        let halves = Side::BOTH.iter().map(|side| self.halves.get(*side).memory());
        halves.sum::<usize>() + self.closed.len() * CLOSED
    }

    /// Reads on in one direction.
    pub(crate) fn push(&mut self, side: Side, bytes: &[u8], at: At, context: &mut Context) {
        self.halves.of(side).queue.push(bytes, at);
        while self.step(side, context) {}
    }

    /// Bytes are missing in one direction.
    pub(crate) fn gap(&mut self, side: Side, length: Option<u64>, context: &mut Context) {
        let half = self.halves.of(side);
        match (half.state, length) {
            (State::Data { frame, left, padding }, Some(missing)) if missing <= left => {
                half.state = State::Data { frame, left: left - missing, padding };
                if let Some(draft) = self.streams.get_mut(&frame.stream) {
                    draft.gap(side, length, context);
                }
                while self.step(side, context) {}
            }
            (State::Skip(left), Some(missing)) if missing <= left => half.state = State::Skip(left - missing),
            _ => self.lose(side, context),
        }
    }

    /// One direction has ended.
    pub(crate) fn end(&mut self, side: Side, context: &mut Context) {
        if matches!(self.halves.of(side).state, State::Lost) {
            self.find(side, true, context);
            while self.step(side, context) {}
        }
        context.tally.unread += self.halves.of(side).queue.clear();
    }

    /// Nothing more comes.
    pub(crate) fn finish(mut self, context: &mut Context) {
        for side in Side::BOTH {
            self.end(side, context);
        }
        for draft in std::mem::take(&mut self.streams).into_values() {
            draft.finish(context);
        }
    }

    /// It is not known where in its frames, nor with which table, a side is.
    fn lose(&mut self, side: Side, context: &mut Context) {
        let half = self.halves.of(side);
        context.tally.unread += half.queue.clear();
        half.state = State::Lost;
        half.assembling = None;
        half.decoder.lose();
        for draft in self.streams.values_mut().filter(|draft| !draft.parts.get(side).has_ended) {
            draft.gap(side, None, context);
        }
    }

    /// Goes on by one frame or a part of one; whether that was possible.
    fn step(&mut self, side: Side, context: &mut Context) -> bool {
        let half = self.halves.of(side);
        match half.state {
            State::Data { frame, left: 0, padding } => {
                half.state = if padding > 0 { State::Skip(padding) } else { State::Frame };
                if frame.has(Frame::END_STREAM) {
                    self.end_part(frame.stream, side, context);
                }
                true
            }
            _ if half.queue.front().is_empty() => false,
            State::Data { frame, left, padding } => self.data(side, frame, left, padding, context),
            State::Frame => self.frame(side, context),
            State::Lost => self.find(side, false, context),
            State::Preface => half.preface(),
            State::Skip(left) => {
                let count = half.queue.front().len() as u64;
                half.queue.consume(usize::try_from(left).unwrap_or(usize::MAX));
                half.state = if count >= left { State::Frame } else { State::Skip(left - count) };
                true
            }
        }
    }

    fn find(&mut self, side: Side, is_end: bool, context: &mut Context) -> bool {
        let half = self.halves.of(side);
        let found = find(half.queue.front(), side, is_end);
        let (Found::At(skipped) | Found::Perhaps(skipped)) = found;
        half.queue.consume(skipped);
        context.tally.unread += skipped as u64;
        if matches!(found, Found::At(_)) {
            half.state = State::Frame;
        }
        matches!(found, Found::At(_))
    }

    fn data(&mut self, side: Side, frame: Frame, left: u64, padding: u64, context: &mut Context) -> bool {
        let half = self.halves.of(side);
        let Some((length, at)) = half.queue.piece() else { return false };
        let length = length.min(usize::try_from(left).unwrap_or(usize::MAX));
        let piece = half.queue.front().get(..length).unwrap_or_default();
        match self.streams.get_mut(&frame.stream) {
            Some(draft) => draft.push(side, piece, at, context),
            None => context.tally.unread += length as u64,
        }
        half.queue.consume(length);
        half.state = State::Data { frame, left: left - length as u64, padding };
        true
    }

    /// Begins a frame, and reads it where it is not one of DATA.
    fn frame(&mut self, side: Side, context: &mut Context) -> bool {
        let half = self.halves.of(side);
        let Some(frame) = Frame::read(half.queue.front()) else { return false };
        if let Some(block) = &half.assembling
            && (frame.kind != Frame::CONTINUATION || frame.stream != block.stream)
        {
            // A block that is not ended takes its part of the table with it.
            half.assembling = None;
            half.decoder.lose();
            context.tally.damaged += 1;
        }
        if frame.kind == Frame::DATA {
            return self.begin_data(side, frame, context);
        }
        let is_read = matches!(
            frame.kind,
            Frame::HEADERS | Frame::RST_STREAM | Frame::PUSH_PROMISE | Frame::GOAWAY | Frame::CONTINUATION
        );
        let length = frame.length as usize;
        if !is_read || length > context.limits.headers {
            if matches!(frame.kind, Frame::HEADERS | Frame::PUSH_PROMISE | Frame::CONTINUATION) {
                half.assembling = None;
                half.decoder.lose();
                context.tally.damaged += 1;
            }
            half.queue.consume(Frame::HEAD);
            half.state = if length == 0 { State::Frame } else { State::Skip(u64::from(frame.length)) };
            return true;
        }
        let whole = Frame::HEAD + length;
        let Some(payload) = half.queue.front().get(Frame::HEAD..whole).map(<[u8]>::to_vec) else {
            return false;
        };
        let ends = half.queue.at(0).zip(half.queue.at(whole - 1));
        half.queue.consume(whole);
        if let Some((first, last)) = ends {
            self.payload(side, frame, &payload, first, last, context);
        }
        true
    }

    fn begin_data(&mut self, side: Side, frame: Frame, context: &mut Context) -> bool {
        let half = self.halves.of(side);
        let is_padded = frame.has(Frame::PADDED) && frame.length > 0;
        let head = Frame::HEAD + usize::from(is_padded);
        let Some(&padding) = half.queue.front().get(head - 1) else { return false };
        let padding = if is_padded { u64::from(padding) } else { 0 };
        let length = u64::from(frame.length) - u64::from(is_padded);
        let at = half.queue.at(0);
        half.queue.consume(head);
        if padding > length {
            context.tally.damaged += 1;
            half.state = State::Skip(length);
            return true;
        }
        half.state = State::Data { frame, left: length - padding, padding };
        if let Some(at) = at
            && let Some(draft) = self.stream(frame.stream, at, context)
            && draft.socket.is_none()
            && !draft.is_tunnel
        {
            draft.parts.of(side).message.get_or_insert_default();
            draft.reach(side, at);
        }
        true
    }

    fn payload(
        &mut self,
        side: Side,
        frame: Frame,
        payload: &[u8],
        first: At,
        last: At,
        context: &mut Context,
    ) {
        match frame.kind {
            Frame::RST_STREAM => self.reset(frame.stream, payload, last, context),
            Frame::GOAWAY if side == Side::Server => self.go_away(payload, context),
            Frame::GOAWAY => {}
            Frame::CONTINUATION => {
                let half = self.halves.of(side);
                let Some(block) = &mut half.assembling else {
                    half.decoder.lose();
                    context.tally.damaged += 1;
                    return;
                };
                block.bytes.extend_from_slice(payload);
                self.end_frame_of_block(side, frame, last, context);
            }
            _ => self.begin_block(side, frame, payload, first, last, context),
        }
    }

    fn begin_block(
        &mut self,
        side: Side,
        frame: Frame,
        payload: &[u8],
        first: At,
        last: At,
        context: &mut Context,
    ) {
        let half = self.halves.of(side);
        let mut cursor = Cursor::new(frame.content(payload).unwrap_or_default());
        let is_promise = frame.kind == Frame::PUSH_PROMISE;
        let promised = if is_promise { cursor.u32().map(|stream| stream & 0x7fff_ffff) } else { None };
        let is_short = frame.content(payload).is_none() || is_promise && promised.is_none();
        if is_short {
            half.decoder.lose();
            context.tally.damaged += 1;
            return;
        }
        let bytes = cursor.rest();
        let ends_stream = frame.kind == Frame::HEADERS && frame.has(Frame::END_STREAM);
        half.assembling =
            Some(Assembling { stream: frame.stream, promised, ends_stream, bytes: bytes.to_vec(), first });
        self.end_frame_of_block(side, frame, last, context);
    }

    /// A frame of a header block is read: the block is, too, where that was the last.
    fn end_frame_of_block(&mut self, side: Side, frame: Frame, last: At, context: &mut Context) {
        let half = self.halves.of(side);
        let length = half.assembling.as_ref().map_or(0, |block| block.bytes.len());
        if length > context.limits.headers {
            half.assembling = None;
            half.decoder.lose();
            context.tally.damaged += 1;
        }
        if !frame.has(Frame::END_HEADERS) {
            return;
        }
        let Some(block) = half.assembling.take() else { return };
        let read = half.decoder.read(&block.bytes, context.limits.headers);
        context.tally.damaged += u64::from(read.is_damaged);
        self.headers(side, &block, read, last, context);
    }

    fn headers(&mut self, side: Side, block: &Assembling, read: Block, last: At, context: &mut Context) {
        let (stream, sender) =
            block.promised.map_or((block.stream, side), |promised| (promised, Side::Client));
        let Some(draft) = self.stream(stream, block.first, context) else { return };
        for (is_so, note) in [
            (read.is_damaged, Note::HeadersDamaged),
            (read.cut > 0, Note::HeadersCut),
            (read.has_lost, Note::HeadersLost),
            (block.promised.is_some(), Note::Pushed),
        ] {
            if is_so {
                draft.exchange.note(note);
            }
        }
        draft.headers(sender, read.headers, (block.first, last), context);
        if block.ends_stream || block.promised.is_some() {
            self.end_part(stream, sender, context);
        }
    }

    /// The stream of this number, begun where it is new; `None` where it has ended or there are too many.
    fn stream(&mut self, stream: u32, at: At, context: &mut Context) -> Option<&mut Draft> {
        let has_ended = stream == 0 || stream <= self.closed_below || self.closed.contains(&stream);
        if !self.streams.contains_key(&stream) {
            if has_ended {
                return None;
            }
            if context.is_full() || self.streams.len() >= context.limits.streams {
                context.tally.dropped += 1;
                self.close(stream);
                return None;
            }
            let mut draft = Draft::new(context, Version::Http2, at);
            draft.exchange.stream = Some(stream);
            self.streams.insert(stream, draft);
        }
        self.streams.get_mut(&stream)
    }

    fn end_part(&mut self, stream: u32, side: Side, context: &mut Context) {
        let Some(draft) = self.streams.get_mut(&stream) else { return };
        draft.end(side, false);
        // Nothing more comes of a request that nobody saw.
        let is_orphan = side == Side::Server && draft.parts.client.message.is_none();
        if draft.has_ended() || is_orphan {
            self.hand_out(stream, context);
        }
    }

    fn reset(&mut self, stream: u32, payload: &[u8], at: At, context: &mut Context) {
        let code = payload.first_chunk().map_or(0, |code| u32::from_be_bytes(*code));
        if let Some(draft) = self.streams.get_mut(&stream) {
            draft.exchange.note(Note::Reset(code));
            draft.exchange.end = draft.exchange.end.max(at.time);
            self.hand_out(stream, context);
        }
    }

    fn go_away(&mut self, payload: &[u8], context: &mut Context) {
        let Some(last) = payload.first_chunk().map(|last| u32::from_be_bytes(*last) & 0x7fff_ffff) else {
            return;
        };
        let is_refused = |&&stream: &&u32| stream > last && stream % 2 == 1;
        let refused: Vec<u32> = self.streams.keys().filter(is_refused).copied().collect();
        for stream in refused {
            if let Some(draft) = self.streams.get_mut(&stream) {
                draft.exchange.note(Note::GoneAway);
            }
            self.hand_out(stream, context);
        }
    }

    fn hand_out(&mut self, stream: u32, context: &mut Context) {
        if let Some(draft) = self.streams.remove(&stream) {
            self.close(stream);
            draft.finish(context);
        }
    }

    fn close(&mut self, stream: u32) {
        self.closed.insert(stream);
        while self.closed.len() > MAX_CLOSED {
            self.closed_below = self.closed_below.max(self.closed.pop_first().unwrap_or(0));
        }
    }
}

impl Half {
    fn memory(&self) -> usize {
        let assembling = self.assembling.as_ref().map_or(0, |block| block.bytes.capacity());
        self.queue.memory() + self.decoder.memory() + assembling
    }

    /// Passes the preface; whether that was possible. What is none is taken for a frame.
    fn preface(&mut self) -> bool {
        let front = self.queue.front();
        let front = front.get(..PREFACE.len()).unwrap_or(front);
        let is_preface = PREFACE.starts_with(front);
        if is_preface && front.len() < PREFACE.len() {
            return false;
        }
        if is_preface {
            self.queue.consume(PREFACE.len());
        }
        self.state = State::Frame;
        true
    }
}

impl Draft {
    /// Headers of a side: a request, an answer, or fields behind a body (RFC 9113 section 8.1).
    fn headers(&mut self, side: Side, headers: Vec<Header>, (first, last): (At, At), context: &mut Context) {
        let is_pseudo = |header: &Header| header.name.as_deref().is_some_and(|name| name.starts_with(b":"));
        let (pseudo, headers): (Vec<_>, Vec<_>) = headers.into_iter().partition(is_pseudo);
        let own = |name: &str| header(&pseudo, name).map(Into::into);
        let status =
            header(&pseudo, ":status").and_then(|code| str::from_utf8(code).ok()?.parse::<u16>().ok());
        if side == Side::Server
            && let Some(code @ 100..=199) = status
        {
            if self.exchange.interim.len() < MAX_INTERIM {
                self.exchange.interim.push(code);
            }
            self.reach(side, last);
            return;
        }
        if self.parts.get(side).message.is_some() {
            self.trail(side, headers, context);
            self.reach(side, last);
            return;
        }
        self.begin(side, headers, (first, last), context);
        if side == Side::Server {
            self.exchange.status = status;
            self.open(status, context);
            return;
        }
        let host =
            self.parts.client.message.as_ref().and_then(|message| message.header("host")).map(Into::into);
        self.exchange.method = own(":method");
        self.exchange.authority = own(":authority").or(host);
        self.exchange.path = own(":path");
        self.exchange.scheme = own(":scheme").or_else(|| self.exchange.scheme.take());
        self.protocol = own(":protocol");
    }

    /// What an answer of this status makes of a stream that asked to be a tunnel (RFC 8441 section 5).
    fn open(&mut self, status: Option<u16>, context: &mut Context) {
        if self.exchange.method.as_deref() != Some(b"CONNECT") || !matches!(status, Some(200..=299)) {
            return;
        }
        if self.protocol.as_deref() == Some(b"websocket") {
            self.open_socket(context);
        } else {
            self.is_tunnel = true;
        }
    }
}

/// About the bytes that an ended stream takes.
const CLOSED: usize = 8;
/// Most ended streams that are remembered one by one.
const MAX_CLOSED: usize = 4096;
/// Most interim answers that are kept.
const MAX_INTERIM: usize = 16;

#[cfg(test)]
#[path = "two_tests.rs"]
mod tests;

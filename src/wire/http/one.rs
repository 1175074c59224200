//! HTTP/1.0 and 1.1 connections (RFC 9110, RFC 9112): requests and the answers to them.
//!
//! Input: both directions in the order of capture, gaps, ends. Output: drafts that have ended, and that the connection
//! turns into something else. A direction that is lost looks for the next line that begins a message. Must not: read what
//! the connection turns into.

use std::collections::VecDeque;

use httparse::Status;

use super::context::{Context, Pair, Side};
use super::draft::Draft;
use super::head::{self, Head, Length};
use super::queue::{At, Queue};
use crate::wire::exchange::{Header, Note, Version, header, values};

/// A connection of HTTP/1.
#[derive(Default, Debug)]
pub(crate) struct One {
    halves: Pair<Half>,
    /// Exchanges whose messages have not both ended, in the order of the requests.
    drafts: VecDeque<Draft>,
    /// Answers still to come to requests that were handed out early.
    overdue: u64,
    /// Whether answers may be missing, so that the next one may be to a later request.
    is_unsure: bool,
}

/// One direction.
#[derive(Default, Debug)]
struct Half {
    queue: Queue,
    state: State,
    /// Bytes at the front of the queue that were searched for an end already.
    searched: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum State {
    /// In a chunk, with so many bytes to come (RFC 9112 section 7.1).
    Chunk(u64),
    /// Before the line end behind a chunk.
    ChunkEnd,
    /// Before a chunk's size.
    ChunkSize,
    /// In a body that ends with the connection.
    Close,
    /// Before or in a head.
    #[default]
    Head,
    /// In a body, with so many bytes to come.
    Length(u64),
    /// Somewhere.
    Lost,
    /// In the fields behind the last chunk.
    Trailers,
    /// No longer HTTP.
    Tunnel,
}

/// What the connection turns into, with the bytes of both directions that are not read yet.
#[derive(Debug)]
pub(crate) struct Switch {
    pub(crate) draft: Box<Draft>,
    pub(crate) is_socket: bool,
    pub(crate) queues: Pair<Queue>,
}

/// Whether a step went on.
enum Step {
    Go,
    Switch(Box<Draft>, bool),
    Wait,
}

impl One {
    /// A connection whose beginning was not seen.
    pub(crate) fn joined() -> Self {
        let mut one = Self { is_unsure: true, ..Self::default() };
        (one.halves.client.state, one.halves.server.state) = (State::Lost, State::Lost);
        one
    }

    /// The bytes of memory that what is not read yet takes.
    pub(crate) fn memory(&self) -> usize {
        Side::BOTH.iter().map(|side| self.halves.get(*side).queue.memory()).sum()
    }

    /// Reads on in one direction.
    pub(crate) fn push(&mut self, side: Side, bytes: &[u8], at: At, context: &mut Context) -> Option<Switch> {
        self.halves.of(side).queue.push(bytes, at);
        loop {
            match self.step(side, context) {
                Step::Go => {}
                Step::Wait => return None,
                Step::Switch(draft, is_socket) => {
                    self.flush(context);
                    let halves = std::mem::take(&mut self.halves);
                    let queues = Pair { client: halves.client.queue, server: halves.server.queue };
                    return Some(Switch { draft, is_socket, queues });
                }
            }
        }
    }

    /// Bytes are missing in one direction.
    pub(crate) fn gap(&mut self, side: Side, length: Option<u64>, context: &mut Context) {
        let half = self.halves.of(side);
        let state = half.state;
        match (state, length) {
            (State::Length(left) | State::Chunk(left), Some(missing)) if missing <= left => {
                let left = left - missing;
                half.state = if state == State::Length(left + missing) {
                    State::Length(left)
                } else {
                    State::Chunk(left)
                };
                if let Some(draft) = self.draft(side) {
                    draft.gap(side, length, context);
                }
                if self.halves.of(side).state == State::Length(0) {
                    self.end_message(side, context);
                }
            }
            (State::Close, _) => {
                if let Some(draft) = self.draft(side) {
                    draft.gap(side, length, context);
                }
            }
            (State::Tunnel | State::Lost, _) => {
                context.tally.unread += half.queue.clear();
                half.searched = 0;
            }
            _ => self.lose(side, context),
        }
    }

    /// One direction has ended.
    pub(crate) fn end(&mut self, side: Side, context: &mut Context) {
        let half = self.halves.of(side);
        context.tally.unread += half.queue.clear();
        half.searched = 0;
        if half.state == State::Close {
            self.end_message(side, context);
        }
    }

    /// Nothing more comes.
    pub(crate) fn finish(mut self, context: &mut Context) {
        for side in Side::BOTH {
            context.tally.unread += self.halves.of(side).queue.clear();
        }
        self.flush(context);
    }

    fn flush(&mut self, context: &mut Context) {
        for draft in std::mem::take(&mut self.drafts) {
            draft.finish(context);
        }
    }

    /// The draft whose message of that side is not ended.
    fn draft(&mut self, side: Side) -> Option<&mut Draft> {
        match side {
            Side::Client => self.drafts.back_mut().filter(|draft| !draft.parts.client.has_ended),
            Side::Server => self.drafts.iter_mut().find(|draft| !draft.parts.server.has_ended),
        }
    }

    fn step(&mut self, side: Side, context: &mut Context) -> Step {
        let half = self.halves.of(side);
        if half.queue.front().is_empty() {
            return Step::Wait;
        }
        match half.state {
            State::Chunk(left) | State::Length(left) => self.counted(side, left, context),
            State::ChunkEnd => self.chunk_end(side, context),
            State::ChunkSize => self.chunk_size(side, context),
            State::Close => {
                self.body(side, usize::MAX, context);
                Step::Wait
            }
            State::Head => self.head(side, context),
            State::Lost => half.find_start(side, context),
            State::Trailers => self.trailers(side, context),
            State::Tunnel => {
                context.tally.unread += half.queue.clear();
                Step::Wait
            }
        }
    }

    /// Takes at most so many bytes as body; how many there were.
    fn body(&mut self, side: Side, most: usize, context: &mut Context) -> usize {
        let queue = &mut self.halves.of(side).queue;
        let count = queue.front().len().min(most);
        let mut left = count;
        while left > 0 {
            // One frame at a time, so that the message's last frame is right wherever the queue was cut.
            let Some((length, at)) = queue.piece() else { break };
            let length = length.min(left);
            let piece = queue.front().get(..length).unwrap_or_default();
            let draft = match side {
                Side::Client => self.drafts.back_mut().filter(|draft| !draft.parts.client.has_ended),
                Side::Server => self.drafts.iter_mut().find(|draft| !draft.parts.server.has_ended),
            };
            if let Some(draft) = draft {
                draft.push(side, piece, at, context);
            }
            queue.consume(length);
            left -= length;
        }
        count
    }

    fn counted(&mut self, side: Side, left: u64, context: &mut Context) -> Step {
        let took = self.body(side, usize::try_from(left).unwrap_or(usize::MAX), context);
        let left = left.saturating_sub(took as u64);
        let state = &mut self.halves.of(side).state;
        match (&state, left) {
            (State::Length(_), 0) => self.end_message(side, context),
            (State::Chunk(_), 0) => *state = State::ChunkEnd,
            (State::Length(_), left) => *state = State::Length(left),
            (_, left) => *state = State::Chunk(left),
        }
        Step::Go
    }

    fn chunk_end(&mut self, side: Side, context: &mut Context) -> Step {
        let half = self.halves.of(side);
        let length = match half.queue.front() {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            [b'\r'] => return Step::Wait,
            _ => return self.damage(side, context),
        };
        half.queue.consume(length);
        half.state = State::ChunkSize;
        Step::Go
    }

    fn chunk_size(&mut self, side: Side, context: &mut Context) -> Step {
        let half = self.halves.of(side);
        let front = half.queue.front();
        let line = front.get(..MAX_CHUNK_LINE).unwrap_or(front);
        match httparse::parse_chunk_size(line) {
            Ok(Status::Complete((length, bytes))) => {
                half.queue.consume(length);
                half.state = if bytes == 0 { State::Trailers } else { State::Chunk(bytes) };
                Step::Go
            }
            Ok(Status::Partial) if front.len() < MAX_CHUNK_LINE => Step::Wait,
            _ => self.damage(side, context),
        }
    }

    fn trailers(&mut self, side: Side, context: &mut Context) -> Step {
        let half = self.halves.of(side);
        let front = half.queue.front();
        let length = match front {
            [b'\n', ..] => Some(1),
            [b'\r', b'\n', ..] => Some(2),
            _ => head::end(front.get(..context.limits.headers).unwrap_or(front), half.searched),
        };
        let Some(length) = length else { return self.wait(side, context) };
        let trailers = head::fields(front.get(..length).unwrap_or_default());
        let last = half.queue.at(length - 1);
        half.queue.consume(length);
        half.searched = 0;
        if let (Some(draft), Some(last)) = (self.draft(side), last) {
            draft.reach(side, last);
            draft.trail(side, trailers, context);
        }
        self.end_message(side, context);
        Step::Go
    }

    /// Waits for the end of a head, up to the limit.
    fn wait(&mut self, side: Side, context: &mut Context) -> Step {
        let half = self.halves.of(side);
        half.searched = half.queue.front().len();
        if half.searched < context.limits.headers {
            return Step::Wait;
        }
        self.skip(side, context.limits.headers, context)
    }

    /// So many bytes are no head that can be read. None of them are searched again, or each line would begin a search.
    fn skip(&mut self, side: Side, count: usize, context: &mut Context) -> Step {
        self.halves.of(side).queue.consume(count);
        context.tally.unread += count as u64;
        self.damage(side, context)
    }

    fn head(&mut self, side: Side, context: &mut Context) -> Step {
        let half = self.halves.of(side);
        let blank = half.queue.front().iter().take_while(|byte| b"\r\n".contains(byte)).count();
        if blank > 0 {
            half.queue.consume(blank);
            half.searched = half.searched.saturating_sub(blank);
            return Step::Go;
        }
        let front = half.queue.front();
        let within = front.get(..context.limits.headers).unwrap_or(front);
        let Some(length) = head::end(within, half.searched) else { return self.wait(side, context) };
        let (Some(first), Some(last)) = (half.queue.at(0), half.queue.at(length - 1)) else {
            return Step::Wait;
        };
        let bytes = half.queue.front().get(..length).unwrap_or_default();
        let parsed = match side {
            Side::Client => head::request(bytes),
            Side::Server => head::response(bytes),
        };
        let Some(parsed) = parsed else { return self.skip(side, length, context) };
        half.queue.consume(length);
        half.searched = 0;
        match side {
            Side::Client => self.request(parsed, first, last, context),
            Side::Server => self.response(parsed, first, last, context),
        }
    }

    fn request(&mut self, head: Head, first: At, last: At, context: &mut Context) -> Step {
        if (context.is_full() || self.drafts.len() >= context.limits.streams)
            && let Some(mut oldest) = self.drafts.pop_front()
        {
            oldest.exchange.note(Note::NoRoom);
            self.overdue += u64::from(!oldest.parts.server.has_ended);
            oldest.finish(context);
        }
        let mut draft = Draft::new(context, head.version, first);
        let length = head.request_length();
        head.address(&mut draft.exchange);
        head.take_notes(&mut draft.exchange);
        draft.begin(Side::Client, head.headers, (first, last), context);
        self.drafts.push_back(draft);
        self.follow(Side::Client, length, context)
    }

    fn response(&mut self, head: Head, first: At, last: At, context: &mut Context) -> Step {
        let status = head.status.unwrap_or_default();
        self.settle(head.version, first, context);
        let Some(draft) = self.draft(Side::Server) else { return Step::Wait };
        head.take_notes(&mut draft.exchange);
        if matches!(status, 100..=199) && status != SWITCHING {
            if draft.exchange.interim.len() < MAX_INTERIM {
                draft.exchange.interim.push(status);
            }
            draft.reach(Side::Server, last);
            return Step::Go;
        }
        draft.exchange.status = Some(status);
        let method = draft.exchange.method.as_deref();
        let is_tunnel = status == SWITCHING || method == Some(b"CONNECT") && matches!(status, 200..=299);
        let length = if method == Some(b"HEAD") { Length::None } else { head.response_length() };
        let upgrade = header(&head.headers, "upgrade").unwrap_or_default().to_ascii_lowercase();
        draft.begin(Side::Server, head.headers, (first, last), context);
        if !is_tunnel {
            return self.follow(Side::Server, length, context);
        }
        self.upgrade(&upgrade, context)
    }

    /// Sees to it that the first draft without an ended answer is the one that this answer belongs to.
    fn settle(&mut self, version: Version, first: At, context: &mut Context) {
        let is_next = self.draft(Side::Server).is_none_or(|draft| draft.parts.server.message.is_none());
        if self.is_unsure && is_next {
            // Answers may be missing: this one is to the last request, unless that is older than a pipeline would be.
            while self.drafts.len() > 1 {
                let Some(mut oldest) = self.drafts.pop_front() else { break };
                oldest.exchange.note(Note::Gap);
                oldest.finish(context);
            }
            self.is_unsure = false;
        }
        if self.overdue > 0 || self.draft(Side::Server).is_none() {
            self.overdue = self.overdue.saturating_sub(1);
            let mut orphan = Draft::new(context, version, first);
            orphan.end(Side::Client, false);
            let place = self.drafts.iter().take_while(|draft| draft.parts.server.has_ended).count();
            self.drafts.insert(place, orphan);
        }
    }

    /// Both directions are something else from here on.
    fn upgrade(&mut self, upgrade: &[u8], context: &mut Context) -> Step {
        let place = self.drafts.iter().position(|draft| !draft.parts.server.has_ended);
        let Some(mut draft) = place.and_then(|place| self.drafts.remove(place)) else { return Step::Wait };
        for side in Side::BOTH {
            draft.end(side, false);
            *self.halves.of(side) = Half {
                queue: std::mem::take(&mut self.halves.of(side).queue),
                state: State::Tunnel,
                searched: 0,
            };
        }
        let mut names = upgrade.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        match names.next() {
            Some(b"websocket") => Step::Switch(draft.into(), true),
            Some(b"h2c") => Step::Switch(draft.into(), false),
            _ => {
                draft.is_tunnel = true;
                draft.finish(context);
                let other = &mut self.halves.client;
                context.tally.unread += other.queue.clear();
                Step::Go
            }
        }
    }

    /// A head is done: what follows it.
    fn follow(&mut self, side: Side, length: Length, context: &mut Context) -> Step {
        let half = self.halves.of(side);
        match length {
            Length::Chunked => half.state = State::ChunkSize,
            Length::Close => half.state = State::Close,
            Length::Known(0) | Length::None => self.end_message(side, context),
            Length::Known(count) => half.state = State::Length(count),
        }
        Step::Go
    }

    fn end_message(&mut self, side: Side, context: &mut Context) {
        self.halves.of(side).state = State::Head;
        if let Some(draft) = self.draft(side) {
            draft.end(side, false);
        }
        self.hand_out(context);
    }

    fn hand_out(&mut self, context: &mut Context) {
        while self.drafts.front().is_some_and(Draft::has_ended) {
            if let Some(draft) = self.drafts.pop_front() {
                draft.finish(context);
            }
        }
    }

    /// The bytes of a side break the protocol here.
    fn damage(&mut self, side: Side, context: &mut Context) -> Step {
        context.tally.damaged += 1;
        self.cut(side, context);
        Step::Go
    }

    /// It is not known where in its messages a side is.
    fn lose(&mut self, side: Side, context: &mut Context) {
        context.tally.unread += self.halves.of(side).queue.clear();
        self.cut(side, context);
    }

    fn cut(&mut self, side: Side, context: &mut Context) {
        let half = self.halves.of(side);
        (half.state, half.searched) = (State::Lost, 0);
        self.is_unsure |= side == Side::Server;
        if let Some(draft) = self.draft(side).filter(|draft| draft.parts.get(side).message.is_some()) {
            draft.exchange.note(Note::Gap);
            draft.end(side, true);
        }
        self.hand_out(context);
    }
}

impl Half {
    /// Looks for a line that begins a message.
    fn find_start(&mut self, side: Side, context: &mut Context) -> Step {
        let front = self.queue.front();
        let fresh = front.get(self.searched..).unwrap_or_default();
        let Some(line_end) = fresh.iter().position(|&byte| byte == b'\n').map(|at| at + self.searched) else {
            let excess = front.len().saturating_sub(MAX_LINE);
            self.queue.consume(excess);
            context.tally.unread += excess as u64;
            self.searched = self.queue.front().len();
            return Step::Wait;
        };
        // No more than the bytes that are kept of a line without an end, so that it does not matter how they come.
        let from = line_end.saturating_sub(MAX_LINE);
        let line = front.get(from..line_end).unwrap_or_default();
        let start = head::start_in(side, line).map(|at| at + from);
        let skipped = start.unwrap_or(line_end + 1);
        if start.is_some() {
            self.state = State::Head;
        }
        self.queue.consume(skipped);
        context.tally.unread += skipped as u64;
        self.searched = 0;
        Step::Go
    }
}

impl Head {
    fn take_notes(&self, exchange: &mut crate::wire::exchange::Exchange) {
        for (is_so, note) in [(self.is_damaged, Note::HeadersDamaged), (self.is_cut, Note::HeadersCut)] {
            if is_so {
                exchange.note(note);
            }
        }
    }

    /// How long a request's body is (RFC 9112 section 6.3).
    fn request_length(&self) -> Length {
        match framing(&self.headers) {
            Length::Close => Length::None,
            length => length,
        }
    }

    /// How long an answer's body is, where the request was no HEAD.
    fn response_length(&self) -> Length {
        match self.status {
            Some(100..=199 | 204 | 304) => Length::None,
            _ => match framing(&self.headers) {
                Length::None => Length::Close,
                length => length,
            },
        }
    }
}

/// What the headers say of the body's length; `Close` where there is a transfer coding that has no end of its own.
fn framing(headers: &[Header]) -> Length {
    let codings = values(headers, "transfer-encoding").last();
    if let Some(codings) = codings {
        let last = codings.rsplit(|&byte| byte == b',').next().unwrap_or_default();
        let is_chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
        return if is_chunked { Length::Chunked } else { Length::Close };
    }
    let length = header(headers, "content-length").map(<[u8]>::trim_ascii);
    let first = length.and_then(|length| length.split(|&byte| byte == b',').next());
    let number = first
        .filter(|first| first.iter().all(u8::is_ascii_digit))
        .and_then(|first| str::from_utf8(first).ok());
    number.and_then(|number| number.parse().ok()).map_or(Length::None, Length::Known)
}

/// The status of an answer that turns the connection into something else (RFC 9110 section 15.2.2).
const SWITCHING: u16 = 101;
/// Most interim answers that are kept.
const MAX_INTERIM: usize = 16;
/// Most bytes of a line with a chunk's size.
const MAX_CHUNK_LINE: usize = 1024;
/// Most bytes of a line in which a message may begin.
const MAX_LINE: usize = 16 << 10;

#[cfg(test)]
#[path = "one_tests.rs"]
mod tests;

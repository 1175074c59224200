//! A connection of HTTP, of whatever version.
//!
//! Input: bytes of both directions in the order of capture, gaps and ends. Output: [`Exchange`]s through a callback, each when
//! it has ended. Must not: know TLS, or keep more than its [`Limits`].

use super::context::{Connection, Context, Pair, Side, Tally};
use super::draft::Draft;
use super::frame;
use super::one::{One, Switch};
use super::queue::{At, Queue};
use super::two::{PREFACE, Two};
use crate::wire::exchange::{Exchange, Limits};

/// Reads one connection. The same bytes give the same exchanges, however they are cut into pieces.
///
/// ```
/// use borderpost::frame::{FrameRef, Timestamp};
/// use borderpost::wire::http::{At, Connection, Reader, Side};
///
/// let at = At { frame: FrameRef::new(0, 1), time: Timestamp::from_nanos(0) };
/// let mut reader = Reader::new(Connection::default(), Default::default());
/// let mut paths = Vec::new();
/// let mut done = |exchange: borderpost::wire::exchange::Exchange| paths.push(exchange.path);
/// reader.data(Side::Client, b"GET /log HTTP/1.1\r\nHost: zoom.us\r\n\r\n", at, &mut done);
/// reader.data(Side::Server, b"HTTP/1.1 204 No Content\r\n\r\n", at, &mut done);
/// assert_eq!(paths, [Some((*b"/log").into())]);
/// ```
#[derive(Debug)]
pub struct Reader {
    context: Context,
    protocol: Protocol,
}

/// What is spoken.
#[derive(Debug)]
enum Protocol {
    /// Nothing that is read here.
    Other,
    One(Box<One>),
    Two(Box<Two>),
    /// What has come does not tell.
    Unknown(Pair<Queue>),
    Socket(Box<Draft>),
}

impl Reader {
    /// A reader before the first byte of a connection.
    #[must_use]
    pub fn new(connection: Connection, limits: Limits) -> Self {
        let protocol = match connection.alpn.as_deref() {
            Some(b"h2") if connection.is_joined_late => Protocol::Two(Two::joined().into()),
            Some(b"h2") => Protocol::Two(Two::new().into()),
            Some(b"http/1.1" | b"http/1.0") if connection.is_joined_late => {
                Protocol::One(One::joined().into())
            }
            Some(b"http/1.1" | b"http/1.0") => Protocol::One(Box::default()),
            Some(_) => Protocol::Other,
            None => Protocol::Unknown(Pair::default()),
        };
        Self { context: Context::new(connection, limits), protocol }
    }

    /// Reads the next bytes of a side. Pieces of both sides have to come in the order in which they were captured.
    pub fn data(&mut self, side: Side, bytes: &[u8], at: At, done: &mut dyn FnMut(Exchange)) {
        // A few bytes of HTTP/2 can make exchanges of a megabyte, so that not all of a piece are made at once.
        for part in bytes.chunks(MOST_AT_ONCE) {
            self.push(side, part, at);
            self.context.done.drain(..).for_each(&mut *done);
        }
    }

    /// Bytes of a side are missing here, so many where that is known.
    pub fn gap(&mut self, side: Side, length: Option<u64>, done: &mut dyn FnMut(Exchange)) {
        let context = &mut self.context;
        context.tally.gaps += 1;
        context.tally.missing = context.tally.missing.saturating_add(length.unwrap_or(0));
        match &mut self.protocol {
            Protocol::Other => {}
            Protocol::One(one) => one.gap(side, length, context),
            Protocol::Two(two) => two.gap(side, length, context),
            Protocol::Unknown(queues) => {
                context.tally.unread += queues.of(side).clear();
                context.connection.is_joined_late = true;
            }
            Protocol::Socket(draft) => draft.gap(side, length, context),
        }
        self.context.done.drain(..).for_each(done);
    }

    /// A side sends nothing more.
    pub fn end(&mut self, side: Side, done: &mut dyn FnMut(Exchange)) {
        match &mut self.protocol {
            Protocol::One(one) => one.end(side, &mut self.context),
            Protocol::Two(two) => two.end(side, &mut self.context),
            Protocol::Other | Protocol::Socket(_) | Protocol::Unknown(_) => {}
        }
        self.context.done.drain(..).for_each(done);
    }

    /// The connection, or the capture, is over: what has not ended is handed out as it is.
    pub fn finish(mut self, done: &mut dyn FnMut(Exchange)) -> Tally {
        let context = &mut self.context;
        match self.protocol {
            Protocol::Other => {}
            Protocol::One(one) => one.finish(context),
            Protocol::Two(two) => two.finish(context),
            Protocol::Unknown(mut queues) => {
                for side in Side::BOTH {
                    context.tally.unread += queues.of(side).clear();
                }
            }
            Protocol::Socket(draft) => draft.finish(context),
        }
        self.context.done.drain(..).for_each(done);
        self.context.tally
    }

    /// What there was beside exchanges up to now.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.context.tally
    }

    /// About the bytes of memory that it takes: exchanges that have not ended, with their headers, bodies and messages, the
    /// tables of compression, and what has come and is not read yet.
    #[must_use]
    pub fn held(&self) -> usize {
        let protocol = match &self.protocol {
            Protocol::Other | Protocol::Socket(_) => 0,
            Protocol::One(one) => size_of::<One>() + one.memory(),
            Protocol::Two(two) => size_of::<Two>() + two.memory(),
            Protocol::Unknown(queues) => queues.client.memory() + queues.server.memory(),
        };
        size_of::<Self>() + self.context.held + self.context.beside + protocol
    }

    fn push(&mut self, side: Side, bytes: &[u8], at: At) {
        let context = &mut self.context;
        match &mut self.protocol {
            Protocol::Other => context.tally.unread += bytes.len() as u64,
            Protocol::One(one) => {
                if let Some(switch) = one.push(side, bytes, at, context) {
                    self.switch(switch);
                }
            }
            Protocol::Two(two) => two.push(side, bytes, at, context),
            Protocol::Unknown(queues) => {
                queues.of(side).push(bytes, at);
                let judged = judge(queues, context.connection.is_joined_late);
                if let Some(protocol) = judged {
                    let Protocol::Unknown(queues) = std::mem::replace(&mut self.protocol, protocol) else {
                        return;
                    };
                    self.replay(queues);
                }
            }
            Protocol::Socket(draft) => draft.push(side, bytes, at, context),
        }
    }

    /// The connection turns into something else.
    fn switch(&mut self, switch: Switch) {
        let Switch { mut draft, is_socket, queues } = switch;
        self.protocol = if is_socket {
            draft.open_socket(&mut self.context);
            Protocol::Socket(draft)
        } else {
            Protocol::Two(Two::upgraded(*draft).into())
        };
        self.replay(queues);
    }

    /// Reads bytes that came before it was known what they are.
    fn replay(&mut self, mut queues: Pair<Queue>) {
        for side in Side::BOTH {
            let queue = queues.of(side);
            while let Some((length, at)) = queue.piece() {
                let bytes = queue.front().get(..length).unwrap_or_default();
                self.push(side, bytes, at);
                queue.consume(length);
            }
        }
    }
}

/// What the first bytes are of; `None` where more are needed.
fn judge(queues: &Pair<Queue>, is_joined_late: bool) -> Option<Protocol> {
    let (client, server) = (queues.client.front(), queues.server.front());
    // A client that never ends its first line must not make its server's bytes wait for it.
    let is_enough = client.len().max(server.len()) >= MAX_UNDECIDED;
    let client = client.get(..MAX_UNDECIDED).unwrap_or(client);
    judge_by(client, server, is_joined_late).or_else(|| is_enough.then_some(Protocol::Other))
}

/// The same, by the first bytes of both sides.
fn judge_by(client: &[u8], server: &[u8], is_joined_late: bool) -> Option<Protocol> {
    if is_joined_late {
        let is_two =
            Side::BOTH.into_iter().zip([client, server]).any(|(side, front)| frame::is_first(front, side));
        if is_two {
            return Some(Protocol::Two(Two::joined().into()));
        }
        return (client.len().max(server.len()) >= PREFACE.len())
            .then(|| Protocol::One(One::joined().into()));
    }
    if client.is_empty() && server.len() < frame::Frame::HEAD {
        return None;
    }
    if client.is_empty() {
        return Some(if server.starts_with(b"HTTP/1.") {
            Protocol::One(Box::default())
        } else if frame::is_first(server, Side::Server) {
            Protocol::Two(Two::new().into())
        } else {
            Protocol::Other
        });
    }
    if client.starts_with(PREFACE) {
        return Some(Protocol::Two(Two::new().into()));
    }
    if PREFACE.starts_with(client) {
        return None;
    }
    // Empty lines before a request are none of its own (RFC 9112 section 2.2).
    let blank = client.iter().take_while(|byte| b"\r\n".contains(byte)).count();
    let client = client.get(blank..).unwrap_or_default();
    let method = client.iter().take_while(|byte| byte.is_ascii_uppercase() || b"-_".contains(byte)).count();
    match client.get(method) {
        Some(b' ') if (1..=MAX_METHOD).contains(&method) => Some(Protocol::One(Box::default())),
        None if method <= MAX_METHOD => None,
        _ => Some(Protocol::Other),
    }
}

/// The longest method of the registry has 17 letters (IANA HTTP Method Registry, `UPDATEREDIRECTREF`).
const MAX_METHOD: usize = 17;
/// The most bytes whose exchanges are handed out together.
const MOST_AT_ONCE: usize = 1 << 10;
/// The most bytes of a side that wait until it is known what is spoken.
const MAX_UNDECIDED: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::sample::at;

    fn read(pieces: &[(Side, &[u8])]) -> (Reader, usize) {
        let mut reader = Reader::new(Connection::default(), Limits::default());
        let mut most = 0;
        for (side, bytes) in pieces {
            reader.data(*side, bytes, at(1), &mut |_| {});
            most = most.max(reader.held());
        }
        (reader, most)
    }

    #[test]
    fn nothing_waits_without_end_until_it_is_known_what_is_spoken() {
        let lines = [b'\n'; 1000];
        let answer = [b'a'; 1000];
        for first in [(Side::Client, &b"GET"[..]), (Side::Client, b"P"), (Side::Client, b"\n")] {
            let pieces = [vec![first], vec![(Side::Server, &answer[..]); 200]].concat();
            let (reader, most) = read(&pieces);
            assert!(most < 64 << 10, "{most}");
            assert_eq!(reader.tally().unread, 200_000 + first.1.len() as u64);
        }
        let (reader, most) = read(&[(Side::Client, &lines[..]); 200]);
        assert!(most < 64 << 10 && reader.tally().unread == 200_000, "{most}");
    }

    #[test]
    fn all_that_is_held_is_counted_and_given_back() {
        let head = [b"POST / HTTP/1.1\r\ncontent-length: 9\r\nx: ", &[b'x'; 5000][..], b"\r\n\r\n"].concat();
        let (_, none) = read(&[
            (Side::Client, b"GET / HTTP/1.1\r\n\r\n"),
            (Side::Server, b"HTTP/1.1 204 No Content\r\n\r\n"),
        ]);
        let (mut reader, most) = read(&[(Side::Client, &head)]);
        assert!(most > none + 5000, "{most} {none}");
        let before = reader.held();
        reader.data(Side::Client, b"123456789", at(2), &mut |_| {});
        assert_eq!(reader.held(), before + 9);
        reader.data(Side::Server, b"HTTP/1.1 204 No Content\r\n\r\n", at(3), &mut |_| {});
        assert!(reader.context.beside == 0 && reader.context.held == 0, "{}", reader.held());
    }
}

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
        let context = Context { connection, limits, held: 0, tally: Tally::default(), done: Vec::new() };
        Self { context, protocol }
    }

    /// Reads the next bytes of a side. Pieces of both sides have to come in the order in which they were captured.
    pub fn data(&mut self, side: Side, bytes: &[u8], at: At, done: &mut dyn FnMut(Exchange)) {
        if !bytes.is_empty() {
            self.push(side, bytes, at);
        }
        self.context.done.drain(..).for_each(done);
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

    /// Bytes that bodies of exchanges hold that have not ended.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.context.held
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
            draft.open_socket();
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

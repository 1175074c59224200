//! One TCP connection as the client's interface sees it: handshake, segments, acknowledgements, end (RFC 9293).
//!
//! Input: what each side says and when. Output: segments in the trace, and the times at which data arrive. Nothing is
//! lost or reordered. Must not: know what the bytes mean.
//!
//! Times of the client are times at the capture point; times of the server are the server's own, half a round trip
//! away.

use super::frame::{Path, Segment, Trace, flags};
use super::random::Random;
use super::scenario::{MICROSECOND, MILLISECOND, Nanos};

/// A connection and what both sides have sent so far.
#[derive(Debug)]
pub(crate) struct Tcp {
    path: Path,
    random: Random,
    client: Side,
    server: Side,
}

#[derive(Debug)]
struct Side {
    /// The next sequence number.
    next: u32,
    /// The window that it advertises, as it stands in the header.
    window: u16,
    /// When the last segment of this side passed the capture point.
    last: Nanos,
    /// When data arrived at this side that it has not acknowledged.
    owes: Option<Nanos>,
}

impl Tcp {
    /// Opens a connection with a SYN at `at`; gives the time at which the client may send.
    pub(crate) fn open(trace: &mut Trace, path: Path, mut random: Random, at: Nanos) -> (Self, Nanos) {
        let mut side = |window| Side { next: random.word(), window, last: at, owes: None };
        let (client, server) = (side(2058), side(501));
        let mut tcp = Self { path, random, client, server };
        let options = syn_options(path.segment_size());
        tcp.client.next = tcp.client.next.wrapping_sub(1);
        tcp.segment(trace, at, true, flags::SYN, &options, &[]);
        tcp.client.next = tcp.client.next.wrapping_add(1);
        tcp.server.next = tcp.server.next.wrapping_sub(1);
        let answered = tcp.seen_from_server(at + path.rtt / 2);
        tcp.segment(trace, answered, false, flags::SYN | flags::ACK, &options, &[]);
        tcp.server.next = tcp.server.next.wrapping_add(1);
        let ready = answered + 60 * MICROSECOND;
        tcp.segment(trace, ready, true, flags::ACK, &[], &[]);
        (tcp, ready + 90 * MICROSECOND)
    }

    /// The client says `data` at `at` or as soon after as it can; gives the time at which the server has all of it.
    pub(crate) fn client_says(&mut self, trace: &mut Trace, at: Nanos, data: &[u8]) -> Nanos {
        self.settle_client(trace, at);
        let mut at = at.max(self.client.last + 5 * MICROSECOND);
        let mut chunks = data.chunks(usize::from(self.path.segment_size())).peekable();
        let mut number = 0;
        while let Some(chunk) = chunks.next() {
            number += 1;
            let last = chunks.peek().is_none();
            self.segment(trace, at, true, data_flags(last), &[], chunk);
            if number % 2 == 0 && !last {
                let acknowledged = self.seen_from_server(at + self.path.rtt / 2);
                self.segment(trace, acknowledged, false, flags::ACK, &[], &[]);
            }
            at += 11 * MICROSECOND;
        }
        let arrived = self.client.last + self.path.rtt / 2;
        self.server.owes = Some(arrived);
        arrived
    }

    /// The server says `data` at its time `at`; gives the time at which the client has all of it.
    pub(crate) fn server_says(&mut self, trace: &mut Trace, at: Nanos, data: &[u8]) -> Nanos {
        self.settle_server(trace, at);
        let mut chunks = data.chunks(usize::from(self.path.segment_size())).peekable();
        let mut number = 0;
        while let Some(chunk) = chunks.next() {
            number += 1;
            let last = chunks.peek().is_none();
            let seen =
                if number == 1 { self.seen_from_server(at) } else { self.server.last + 12 * MICROSECOND };
            self.segment(trace, seen, false, data_flags(last), &[], chunk);
            self.client.owes = Some(seen);
            if number % 2 == 0 {
                self.segment(trace, seen + 4 * MICROSECOND, true, flags::ACK, &[], &[]);
            }
        }
        self.server.last
    }

    /// The client ends the connection at `at`, the server agrees, saying `farewell` first where it has one.
    pub(crate) fn close(&mut self, trace: &mut Trace, at: Nanos, farewell: &[u8]) {
        self.settle_client(trace, at);
        let at = at.max(self.client.last + 20 * MICROSECOND);
        self.segment(trace, at, true, flags::FIN | flags::ACK, &[], &[]);
        self.client.next = self.client.next.wrapping_add(1);
        let seen = self.seen_from_server(at + self.path.rtt / 2 + 200 * MICROSECOND);
        self.segment(trace, seen, false, flags::FIN | data_flags(!farewell.is_empty()), &[], farewell);
        self.server.next = self.server.next.wrapping_add(1);
        self.segment(trace, seen + 40 * MICROSECOND, true, flags::ACK, &[], &[]);
    }

    /// Both sides acknowledge what they have not yet, when their delay is over.
    pub(crate) fn settle(&mut self, trace: &mut Trace) {
        self.settle_client(trace, Nanos::MAX);
        self.settle_server(trace, Nanos::MAX);
    }

    fn settle_client(&mut self, trace: &mut Trace, before: Nanos) {
        if let Some(due) = self.client.owes.map(|since| since + DELAYED).filter(|due| *due < before) {
            self.segment(trace, due, true, flags::ACK, &[], &[]);
        }
    }

    fn settle_server(&mut self, trace: &mut Trace, before: Nanos) {
        if let Some(due) = self.server.owes.map(|since| since + DELAYED).filter(|due| *due < before) {
            let seen = self.seen_from_server(due);
            self.segment(trace, seen, false, flags::ACK, &[], &[]);
        }
    }

    /// When something that leaves the server at `at` passes the capture point: half a round trip later, with jitter,
    /// never before what left earlier.
    fn seen_from_server(&mut self, at: Nanos) -> Nanos {
        let seen = at + self.path.rtt - self.path.rtt / 2 + jitter(&mut self.random, self.path.rtt);
        seen.max(self.server.last + 2 * MICROSECOND)
    }

    fn segment(
        &mut self,
        trace: &mut Trace,
        at: Nanos,
        outbound: bool,
        flags: u8,
        options: &[u8],
        payload: &[u8],
    ) {
        let (from, to) =
            if outbound { (&mut self.client, &self.server) } else { (&mut self.server, &self.client) };
        let acknowledgement = if flags & flags::ACK == 0 { 0 } else { to.next };
        let (sequence, window) = (from.next, from.window);
        from.next = from.next.wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
        from.last = at;
        from.owes = None;
        let segment = Segment { sequence, acknowledgement, flags, window, options, payload };
        self.path.tcp(trace, at, outbound, &segment);
    }
}

/// What a packet needs beyond the smallest round trip: up to 3 % of it and a quarter of a millisecond.
pub(crate) fn jitter(random: &mut Random, rtt: Nanos) -> Nanos {
    let most = rtt / 33 + 250 * MICROSECOND;
    i64::try_from(random.below(most.unsigned_abs())).unwrap_or(0)
}

/// Maximum segment size, window scale 6, selective acknowledgement allowed (RFC 9293, 7323, 2018).
fn syn_options(segment_size: u16) -> [u8; 12] {
    let [high, low] = segment_size.to_be_bytes();
    [2, 4, high, low, 1, 3, 3, 6, 1, 1, 4, 2]
}

fn data_flags(last: bool) -> u8 {
    if last { flags::PSH | flags::ACK } else { flags::ACK }
}

/// How long an acknowledgement waits for data to travel with.
const DELAYED: Nanos = 40 * MILLISECOND;

//! The first bytes of TCP connections: gathered from all frames first, redacted as a whole, and handed out again segment by
//! segment, so that a name that lies across two segments is seen.
//!
//! Input: packets, in one reading; then the places of segments, in a second. Output: what each segment may show. Must not: keep
//! more of a direction than the inspection reads, or of all of them together than `flow::stream` does.

use std::collections::HashMap;

use super::ends::Ends;
use super::flows::Shown;
use super::{Masks, stream};
use crate::flow::stream::Streams as Waiting;
use crate::flow::{FlowId, Side};
use crate::frame::FrameRef;
use crate::packet::{Tcp, TcpFlags};

/// The connections of a capture.
#[derive(Default, Debug)]
pub(super) struct Streams {
    waiting: Waiting,
    connections: Connections,
    /// What each direction may show, from the sequence number of its first byte on.
    made: HashMap<(FlowId, Side), Made>,
    open: HashMap<FlowId, Open>,
    /// The bytes of all that was made.
    held: usize,
    /// Connections of which nothing was made because there was too much of it.
    refused: u64,
}

#[derive(Debug)]
struct Made {
    base: u32,
    bytes: Vec<u8>,
}

/// A connection that is being gathered.
#[derive(Clone, Copy, Debug)]
struct Open {
    known: stream::Known,
    has_ended: [bool; 2],
}

/// Which connection a segment is of: a new one begins with another SYN between the same ends. Both readings count alike.
#[derive(Default, Debug)]
struct Connections {
    of: HashMap<Ends, Connection>,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
struct Connection {
    number: u32,
    syn: Option<u32>,
}

impl Connections {
    fn of(&mut self, ends: &Ends, flags: TcpFlags, seq: u32) -> (FlowId, Side) {
        let (ends, side) = ends.ordered();
        let known = self.of.get(&ends).copied();
        let is_another = |known: &Connection| flags.opens() && known.syn != Some(seq);
        let connection = known.filter(|known| !is_another(known)).unwrap_or_else(|| {
            let connection = Connection { number: self.next, syn: flags.opens().then_some(seq) };
            self.next = self.next.saturating_add(1);
            self.of.insert(ends, connection);
            connection
        });
        (FlowId(connection.number), side)
    }
}

impl Streams {
    /// Gathers a segment of a flow that may show something.
    pub(super) fn gather(&mut self, ends: &Ends, tcp: Tcp, payload: &[u8], shown: Shown, masks: &mut Masks) {
        let (flow, side) = self.connections.of(ends, tcp.flags, tcp.seq);
        if self.made.contains_key(&(flow, side)) || self.waiting.is_settled(flow) {
            return;
        }
        let known = stream::Known {
            is_domain: shown.is_domain,
            shows_certificate: shown.datagrams.shows_certificate,
        };
        let open = self.open.entry(flow).or_insert(Open { known, has_ended: [false; 2] });
        let number = FrameRef::new(0, 0);
        self.waiting.push(flow, side, &tcp, payload, number);
        if tcp.flags.any(TcpFlags(TcpFlags::FIN.0 | TcpFlags::RST.0)) {
            let [first, second] = &mut open.has_ended;
            *(if side == Side::First { first } else { second }) = true;
            if open.has_ended == [true; 2] || tcp.flags.has(TcpFlags::RST) {
                self.end(flow, masks);
            }
        }
    }

    /// No more packets come: what was gathered is redacted, and the second reading may begin.
    pub(super) fn finish(&mut self, masks: &mut Masks) {
        let mut open: Vec<FlowId> = self.open.keys().copied().collect();
        open.sort_unstable();
        for flow in open {
            self.end(flow, masks);
        }
        masks.counts.connections_given_up = self.waiting.dropped().saturating_add(self.refused);
        self.waiting = Waiting::default();
        self.connections = Connections::default();
    }

    fn end(&mut self, flow: FlowId, masks: &mut Masks) {
        let Some(Open { known, .. }) = self.open.remove(&flow) else { return };
        for side in [Side::First, Side::Second] {
            let Some(base) = self.waiting.base(flow, side) else { continue };
            let bytes = stream::redact(self.waiting.prefix(flow, side), known, masks);
            if self.held.saturating_add(bytes.len()) > MAX_HELD {
                self.refused = self.refused.saturating_add(1);
            } else if !bytes.is_empty() {
                self.held = self.held.saturating_add(bytes.len());
                self.made.insert((flow, side), Made { base, bytes });
            }
        }
        self.waiting.settle(flow);
    }

    /// What a segment of `length` captured bytes may show: as many bytes as reach to the last that is kept. It is asked of the
    /// same packets that were gathered, because it is by their order that connections are told apart.
    pub(super) fn segment(&mut self, ends: &Ends, tcp: Tcp, length: usize) -> Vec<u8> {
        let Tcp { flags, seq, .. } = tcp;
        let of = self.connections.of(ends, flags, seq);
        let Some(Made { base, bytes }) = self.made.get(&of).filter(|_| length > 0) else { return Vec::new() };
        let seq = if flags.has(TcpFlags::SYN) { seq.wrapping_add(1) } else { seq };
        let ahead = seq.wrapping_sub(*base);
        // More than half the numbers ahead is behind (RFC 9293 section 3.4).
        if ahead < 1 << 31 {
            let from = bytes.get(ahead as usize..).unwrap_or_default();
            return from.iter().take(length).copied().collect();
        }
        let before = base.wrapping_sub(seq) as usize;
        let kept = bytes.iter().take(length.saturating_sub(before)).copied();
        if before >= length { Vec::new() } else { std::iter::repeat_n(0, before).chain(kept).collect() }
    }
}

/// The most bytes that are held between the two readings; of further connections nothing is kept.
const MAX_HELD: usize = 256 << 20;

//! The first bytes of each direction of a TCP connection, in order, while somebody still reads its handshake.
//!
//! Input: the segments of a flow as they were captured: out of order, repeated, overlapping, with sequence numbers that
//! wrap. Output: the contiguous prefix so far, whenever it grew or reads otherwise. Must not: keep more than 16 KiB of a direction, wait for
//! more flows than the limit, or hold anything of a flow that is settled.
//!
//! Where copies of a byte differ, the receiver may have taken either (Ptacek and Newsham, 1998), so from there on both
//! readings are kept, that of the first copies and that of the last, and the direction is marked contested.

use std::collections::VecDeque;
use std::mem::take;

use hashbrown::HashMap;

use super::by_flow::{renumber, renumbered, table_bytes};
use super::{FlowId, Side};
use crate::frame::FrameRef;
use crate::packet::{Tcp, TcpFlags};

/// The bytes kept of each direction.
pub const MAX_PREFIX: usize = 16 * 1024;
/// The flows that may wait at once; past it the one that began to wait first is dropped.
pub const MAX_WAITING: usize = 32_768;
/// The bytes that all waiting flows may hold together; past it as [`MAX_WAITING`].
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The contiguous first bytes of a direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefix<'a> {
    /// What a receiver reads who keeps the first copy of each byte.
    pub first: &'a [u8],
    /// What one reads who takes the last copy, where copies differed.
    pub last: Option<&'a [u8]>,
}

/// The first bytes of all flows that are not settled yet, each flow with what its reader keeps of it.
#[derive(Clone, Debug)]
pub struct Streams<P = ()> {
    /// The waiting flows that are nothing but SYNs so far: of a flood of them nearly all, which so take little room.
    opened: HashMap<FlowId, Opened>,
    /// Those that have said something, or of which something is kept.
    waiting: HashMap<FlowId, Waiting<P>>,
    /// The waiting flows in the order in which they began to wait, and some that no longer wait.
    order: VecDeque<FlowId>,
    /// A bit for each flow that is settled or was dropped.
    settled: Vec<u64>,
    bytes: usize,
    dropped: u64,
    /// How many flows were contested and are no longer kept, and the first frame that differed.
    contested: Option<(u64, FrameRef)>,
    /// The most flows that waited at once, and the most bytes that they held.
    most: (usize, usize),
}

/// A flow that waits and is nothing but SYNs so far: the sequence numbers at which its directions begin.
#[derive(Clone, Copy, Default, Debug)]
struct Opened {
    bases: [Option<u32>; 2],
}

/// A flow that waits.
#[derive(Clone, Debug, Default)]
struct Waiting<P> {
    directions: [Direction; 2],
    kept: P,
}

impl<P> Default for Streams<P> {
    fn default() -> Self {
        Self {
            opened: HashMap::new(),
            waiting: HashMap::new(),
            order: VecDeque::new(),
            settled: Vec::new(),
            bytes: 0,
            dropped: 0,
            contested: None,
            most: (0, 0),
        }
    }
}

impl<P: Default> Streams<P> {
    /// No flows yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a segment: what was captured of its payload, and its frame.
    ///
    /// Returns the direction's contiguous prefix where it grew, or reads otherwise. The prefix starts behind the SYN, or at the direction's
    /// first captured payload where no SYN was seen before it. A segment that was cut by the snap length leaves a hole.
    pub fn push(
        &mut self,
        flow: FlowId,
        side: Side,
        tcp: &Tcp,
        payload: &[u8],
        frame: FrameRef,
    ) -> Option<Prefix<'_>> {
        let has_syn = tcp.flags.has(TcpFlags::SYN);
        // What comes with RST is a text about the reset (RFC 9293, section 3.5.3), not the stream's.
        let has_nothing = (payload.is_empty() && !has_syn) || tcp.flags.has(TcpFlags::RST);
        if has_nothing || self.is_settled(flow) {
            return None;
        }
        // SYN takes the first sequence number; data may come with it (RFC 7413).
        let seq = if has_syn { tcp.seq.wrapping_add(1) } else { tcp.seq };
        if payload.is_empty() && !self.waiting.contains_key(&flow) {
            self.open(flow, side, seq);
            return None;
        }
        self.unfold(flow)?;
        let direction = of_mut(&mut self.waiting.get_mut(&flow)?.directions, side);
        let held = direction.held();
        let changed = direction.insert(seq, payload, frame);
        self.bytes = self.bytes.saturating_add(direction.held()).saturating_sub(held);
        while self.bytes > MAX_BYTES && !self.waiting.is_empty() {
            self.drop_first();
        }
        self.note_most();
        let direction = of(&self.waiting.get(&flow)?.directions, side);
        changed.then(|| direction.text())
    }

    /// The sequence number of a direction's first byte, where one is known and the flow waits.
    #[must_use]
    pub fn base(&self, flow: FlowId, side: Side) -> Option<u32> {
        match self.opened.get(&flow) {
            Some(Opened { bases }) => *of(bases, side),
            None => self.direction(flow, side)?.base,
        }
    }

    /// Whether what a segment brings lies behind all that is kept of its direction, so that it changes nothing.
    #[must_use]
    pub fn is_past(&self, flow: FlowId, side: Side, tcp: &Tcp) -> bool {
        let ahead = self.base(flow, side).map(|base| tcp.seq.wrapping_sub(base) as usize);
        ahead.is_some_and(|ahead| (MAX_PREFIX..1 << 31).contains(&ahead)) && !tcp.flags.has(TcpFlags::SYN)
    }

    /// Whether no flow has to be given up where those of `next` wait behind these, and it is known of each flow of `next`
    /// that is contested which one it is.
    #[must_use]
    pub fn has_room_for(&self, next: &Self) -> bool {
        let (flows, bytes) = next.most;
        next.dropped == 0
            && next.contested.is_none()
            && self.waiting().saturating_add(flows) < MAX_WAITING
            && self.bytes.saturating_add(bytes) < MAX_BYTES
    }

    /// Takes over the flows of the next piece of the capture, which `frames` were read before; `number` is each flow's new
    /// number, where it is taken over.
    pub fn append(&mut self, mut next: Self, frames: u64, number: impl Fn(FlowId) -> Option<FlowId>) {
        for (word, settled) in (0_u32..).zip(&next.settled) {
            let bits = (0..64).filter(|bit| settled >> bit & 1 == 1);
            bits.filter_map(|bit| number(FlowId(word * 64 + bit))).for_each(|flow| self.settle(flow));
        }
        for part in take(&mut next.order) {
            let Some(flow) = number(part) else { continue };
            if let Some(opened) = next.opened.remove(&part) {
                self.order.push_back(flow);
                self.waiting.remove(&flow);
                self.opened.insert(flow, opened);
            } else if let Some(mut waiting) = next.waiting.remove(&part) {
                for direction in &mut waiting.directions {
                    direction.contested_at = direction.contested_at.map(|frame| frame.later_by(frames));
                    direction.first_frame = direction.first_frame.map(|frame| frame.later_by(frames));
                    self.bytes = self.bytes.saturating_add(direction.held());
                }
                self.order.push_back(flow);
                self.opened.remove(&flow);
                self.waiting.insert(flow, waiting);
            }
        }
    }

    /// A direction's contiguous prefix so far, with what is kept of the flow; nothing where it does not wait.
    pub fn reading(&mut self, flow: FlowId, side: Side) -> Option<(Prefix<'_>, &mut P)> {
        let Waiting { directions, kept } = self.waiting.get_mut(&flow)?;
        Some((of(directions, side).text(), kept))
    }

    /// What is kept of a flow; nothing where it does not wait.
    pub fn kept(&mut self, flow: FlowId) -> Option<&mut P> {
        if !self.is_waiting(flow) {
            return None;
        }
        self.unfold(flow).map(|waiting| &mut waiting.kept)
    }

    /// The contiguous prefix of a direction so far; empty where nothing waits.
    #[must_use]
    pub fn prefix(&self, flow: FlowId, side: Side) -> &[u8] {
        self.direction(flow, side).map_or(&[], Direction::prefix)
    }

    /// The frame that brought the first byte of a direction's prefix.
    #[must_use]
    pub fn first_frame(&self, flow: FlowId, side: Side) -> Option<FrameRef> {
        self.direction(flow, side)?.first_frame
    }

    /// Whether bytes are missing before some that were captured, within what is kept.
    #[must_use]
    pub fn gap(&self, flow: FlowId, side: Side) -> bool {
        self.direction(flow, side).is_some_and(|direction| direction.prefix < direction.end)
    }

    /// Whether copies of the same bytes differed: what the receiver took may be another text.
    #[must_use]
    pub fn is_contested(&self, flow: FlowId, side: Side) -> bool {
        self.direction(flow, side).is_some_and(|direction| direction.contested_at.is_some())
    }

    /// Frees a flow whose handshake is decided. Its further segments are passed over.
    pub fn settle(&mut self, flow: FlowId) {
        self.mark_settled(flow);
        self.free(flow);
    }

    /// Whether a flow waits.
    #[must_use]
    pub fn is_waiting(&self, flow: FlowId) -> bool {
        self.opened.contains_key(&flow) || self.waiting.contains_key(&flow)
    }

    /// How many flows wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.opened.len() + self.waiting.len()
    }

    /// How many flows were given up because too many waited, or too much of them.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many flows had copies of the same bytes that differed, and the first frame that did.
    #[must_use]
    pub fn contested(&self) -> Option<(u64, FrameRef)> {
        let waiting = self.waiting.values();
        waiting
            .filter_map(|waiting| contested_at(&waiting.directions))
            .fold(self.contested, |sum, at| Some(add(sum, at)))
    }

    /// Whether a flow's handshake is decided, or was given up.
    #[must_use]
    pub fn is_settled(&self, flow: FlowId) -> bool {
        let (word, bit) = (flow.0 as usize / 64, flow.0 % 64);
        self.settled.get(word).is_some_and(|word| word >> bit & 1 == 1)
    }

    /// Keeps what belongs to flows to which `number` gives a new number, under that.
    pub fn retain(&mut self, number: impl Fn(FlowId) -> Option<FlowId>) {
        let all = self.opened.keys().chain(self.waiting.keys()).copied();
        let leave: Vec<FlowId> = all.filter(|flow| number(*flow).is_none()).collect();
        for flow in leave {
            self.free(flow);
        }
        let waiting: Vec<(FlowId, Waiting<P>)> = self.waiting.drain().collect();
        self.opened = renumbered(take(&mut self.opened), &number);
        self.order.retain_mut(|flow| renumber(flow, &number));
        let waiting = waiting.into_iter().filter_map(|(flow, waiting)| Some((number(flow)?, waiting)));
        self.waiting.extend(waiting);
        for (word, settled) in (0_u32..).zip(take(&mut self.settled)) {
            let bits = (0..64).filter(|bit| settled >> bit & 1 == 1);
            bits.filter_map(|bit| number(FlowId(word * 64 + bit))).for_each(|flow| self.mark_settled(flow));
        }
    }

    /// The bytes that they fill.
    #[must_use]
    pub fn bytes(&self) -> usize {
        table_bytes::<(FlowId, Opened)>(self.opened.len())
            + table_bytes::<(FlowId, Waiting<P>)>(self.waiting.len())
            + self.bytes
            + self.order.len() * size_of::<FlowId>()
            + size_of_val(self.settled.as_slice())
    }

    fn direction(&self, flow: FlowId, side: Side) -> Option<&Direction> {
        self.waiting.get(&flow).map(|waiting| of(&waiting.directions, side))
    }

    /// Takes note of where a direction begins of a flow that is nothing but SYNs so far.
    fn open(&mut self, flow: FlowId, side: Side, seq: u32) {
        if let Some(Opened { bases }) = self.opened.get_mut(&flow) {
            of_mut(bases, side).get_or_insert(seq);
            return;
        }
        self.wait(flow);
        let mut opened = Opened::default();
        *of_mut(&mut opened.bases, side) = Some(seq);
        self.opened.insert(flow, opened);
        self.note_most();
    }

    /// A flow with room for all that is kept of it; it begins to wait where it does not yet.
    fn unfold(&mut self, flow: FlowId) -> Option<&mut Waiting<P>> {
        if !self.waiting.contains_key(&flow) {
            let mut waiting = Waiting::default();
            match self.opened.remove(&flow) {
                Some(Opened { bases }) => {
                    for (direction, base) in waiting.directions.iter_mut().zip(bases) {
                        direction.base = base;
                    }
                }
                None => self.wait(flow),
            }
            self.waiting.insert(flow, waiting);
        }
        self.waiting.get_mut(&flow)
    }

    fn note_most(&mut self) {
        self.most = (self.most.0.max(self.waiting()), self.most.1.max(self.bytes));
    }

    /// Makes room for a flow, which is put last.
    fn wait(&mut self, flow: FlowId) {
        if self.waiting() >= MAX_WAITING {
            self.drop_first();
        }
        // Settled flows stay in the order until they come up, or until they are most of it.
        if self.order.len() >= 2 * MAX_WAITING {
            let Self { order, opened, waiting, .. } = self;
            order.retain(|flow| opened.contains_key(flow) || waiting.contains_key(flow));
        }
        self.order.push_back(flow);
    }

    #[cold]
    fn drop_first(&mut self) {
        while let Some(flow) = self.order.pop_front() {
            if self.free(flow) {
                self.mark_settled(flow);
                self.dropped = self.dropped.saturating_add(1);
                return;
            }
        }
    }

    /// Frees what is kept of a flow; says whether it waited.
    fn free(&mut self, flow: FlowId) -> bool {
        if self.opened.remove(&flow).is_none() {
            let Some(Waiting { directions, .. }) = self.waiting.remove(&flow) else { return false };
            if let Some(at) = contested_at(&directions) {
                self.contested = Some(add(self.contested, at));
            }
            let [first, second] = directions;
            self.bytes = self.bytes.saturating_sub(first.held()).saturating_sub(second.held());
        }
        if self.waiting() == 0 {
            self.order.clear();
        }
        true
    }

    fn mark_settled(&mut self, flow: FlowId) {
        let (word, bit) = (flow.0 as usize / 64, flow.0 % 64);
        if self.settled.len() <= word {
            self.settled.resize(word + 1, 0);
        }
        if let Some(word) = self.settled.get_mut(word) {
            *word |= 1 << bit;
        }
    }
}

/// The frame that contested a flow, if one did.
fn contested_at(directions: &[Direction; 2]) -> Option<FrameRef> {
    directions.iter().filter_map(|direction| direction.contested_at).min()
}

fn add(sum: Option<(u64, FrameRef)>, at: FrameRef) -> (u64, FrameRef) {
    sum.map_or((1, at), |(count, first)| (count.saturating_add(1), first.min(at)))
}

/// One direction: its bytes from the base on, with holes where segments are missing.
#[derive(Clone, Debug, Default)]
struct Direction {
    /// The sequence number of the first byte, once one is known.
    base: Option<u32>,
    bytes: Vec<u8>,
    /// How many bytes from the base on there are without a hole.
    prefix: usize,
    /// How far captured bytes reach, at most [`MAX_PREFIX`].
    end: usize,
    /// A bit for each byte that is there; made where the first hole appears.
    filled: Option<Box<Filled>>,
    first_frame: Option<FrameRef>,
    /// The same bytes by their last copies, made where copies first differ.
    last: Option<Vec<u8>>,
    /// The first frame whose bytes differed.
    contested_at: Option<FrameRef>,
}

type Filled = [u64; MAX_PREFIX / 64];

impl Direction {
    fn prefix(&self) -> &[u8] {
        self.bytes.get(..self.prefix).unwrap_or_default()
    }

    fn text(&self) -> Prefix<'_> {
        Prefix { first: self.prefix(), last: self.last() }
    }

    fn last(&self) -> Option<&[u8]> {
        self.last.as_ref().map(|last| last.get(..self.prefix).unwrap_or_default())
    }

    /// The memory it holds.
    fn held(&self) -> usize {
        let last = self.last.as_ref().map_or(0, Vec::capacity);
        self.bytes.capacity() + last + if self.filled.is_some() { size_of::<Filled>() } else { 0 }
    }

    /// Takes the payload that begins at `seq`; says whether the prefix grew, or reads otherwise.
    fn insert(&mut self, seq: u32, payload: &[u8], frame: FrameRef) -> bool {
        let base = *self.base.get_or_insert(seq);
        // Half of the number space lies before the base, half behind.
        let ahead = seq.wrapping_sub(base);
        let (skipped, offset) = if ahead < 1 << 31 { (0, ahead) } else { (ahead.wrapping_neg(), 0) };
        let payload = payload.get(skipped as usize..).unwrap_or_default();
        let offset = offset as usize;
        let room = MAX_PREFIX.saturating_sub(offset);
        let payload = payload.get(..room).unwrap_or(payload);
        if payload.is_empty() {
            return false;
        }
        let before = self.prefix;
        let end = offset + payload.len();
        // A keep-alive sends the last byte again, or a zero for it (RFC 9293, section 3.8.4).
        if payload == [0] && end == before {
            return false;
        }
        let differs = if self.filled.is_none() && offset <= self.prefix {
            self.append(offset, payload)
        } else {
            self.place(offset, payload)
        };
        self.end = self.end.max(end);
        if differs && self.contested_at.is_none() {
            self.contested_at = Some(frame);
            self.last = Some(self.bytes.clone());
        }
        let reads_otherwise = self.last.is_some() && self.place_last(offset, payload);
        if offset == 0 && before == 0 && self.prefix > 0 {
            self.first_frame = Some(frame);
        }
        self.prefix > before || reads_otherwise
    }

    /// In order and without holes, as nearly all segments are. Says whether a copy differs.
    fn append(&mut self, offset: usize, payload: &[u8]) -> bool {
        let known = self.bytes.get(offset..).unwrap_or_default();
        let (again, new) = payload.split_at_checked(known.len()).unwrap_or((payload, &[]));
        let differs = !known.starts_with(again);
        self.bytes.extend_from_slice(new);
        self.prefix = self.bytes.len();
        differs
    }

    /// The last copy wins. Says whether bytes change that were there.
    #[cold]
    fn place_last(&mut self, offset: usize, payload: &[u8]) -> bool {
        let Some(last) = &mut self.last else { return false };
        let kept = last.len();
        if last.len() < self.bytes.len() {
            last.extend(self.bytes.get(kept..).unwrap_or_default());
        }
        let Some(places) = last.get_mut(offset..offset.saturating_add(payload.len())) else { return false };
        let changes = places != payload && offset < self.prefix;
        places.copy_from_slice(payload);
        changes
    }

    /// With holes: byte by byte, the first copy wins. Says whether a copy differs.
    #[cold]
    fn place(&mut self, offset: usize, payload: &[u8]) -> bool {
        let mut differs = false;
        let end = offset + payload.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let prefix = self.prefix;
        let filled = self.filled.get_or_insert_with(|| filled_up_to(prefix));
        let places = self.bytes.get_mut(offset..end).unwrap_or_default();
        for ((place, byte), at) in places.iter_mut().zip(payload).zip(offset..) {
            if is_filled(filled, at) {
                differs |= place != byte;
            } else {
                *place = *byte;
                fill(filled, at);
            }
        }
        while self.prefix < self.bytes.len() && is_filled(filled, self.prefix) {
            self.prefix += 1;
        }
        if self.prefix == self.bytes.len() {
            self.filled = None;
        }
        differs
    }
}

fn filled_up_to(prefix: usize) -> Box<Filled> {
    let mut filled = Box::new([0; MAX_PREFIX / 64]);
    (0..prefix).for_each(|at| fill(&mut filled, at));
    filled
}

fn is_filled(filled: &Filled, at: usize) -> bool {
    filled.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

fn fill(filled: &mut Filled, at: usize) {
    if let Some(word) = filled.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}

const fn of<T>(pair: &[T; 2], side: Side) -> &T {
    match side {
        Side::First => &pair[0],
        Side::Second => &pair[1],
    }
}

const fn of_mut<T>(pair: &mut [T; 2], side: Side) -> &mut T {
    match side {
        Side::First => &mut pair[0],
        Side::Second => &mut pair[1],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Streams = super::Streams<()>;

    const FLOW: FlowId = FlowId(3);

    fn frame(number: u64) -> FrameRef {
        FrameRef::new(0, number)
    }

    fn segment(seq: u32, flags: u8) -> Tcp {
        Tcp { seq, ack: 0, flags: TcpFlags(flags) }
    }

    fn push<'a>(streams: &'a mut Streams, seq: u32, payload: &[u8]) -> Option<&'a [u8]> {
        streams
            .push(FLOW, Side::First, &segment(seq, 0x10), payload, frame(seq.into()))
            .map(|prefix| prefix.first)
    }

    #[test]
    fn the_prefix_grows_in_order() {
        let mut streams = Streams::new();
        assert_eq!(push(&mut streams, 10, b"abc"), Some(&b"abc"[..]));
        assert_eq!(push(&mut streams, 13, b""), None);
        assert_eq!(push(&mut streams, 13, b"de"), Some(&b"abcde"[..]));
        assert_eq!(push(&mut streams, 11, b"bcd"), None, "repeated");
        assert_eq!(push(&mut streams, 14, b"ef"), Some(&b"abcdef"[..]), "overlapping");
        let other = streams.push(FLOW, Side::Second, &segment(10, 0x10), b"x", frame(9));
        assert_eq!(other, Some(Prefix { first: b"x", last: None }));
        assert!(!streams.is_contested(FLOW, Side::First) && !streams.gap(FLOW, Side::First));
        assert_eq!(streams.first_frame(FLOW, Side::First), Some(frame(10)));
        assert_eq!(streams.prefix(FLOW, Side::First), b"abcdef");
    }

    #[test]
    fn a_hole_holds_the_prefix_until_it_is_filled() {
        let mut streams = Streams::new();
        streams.push(FLOW, Side::First, &segment(9, 0x02), b"", frame(1));
        assert_eq!(push(&mut streams, 13, b"de"), None);
        assert!(streams.gap(FLOW, Side::First));
        assert_eq!(streams.prefix(FLOW, Side::First), b"");
        assert_eq!(push(&mut streams, 10, b"abc"), Some(&b"abcde"[..]));
        assert!(!streams.gap(FLOW, Side::First));
        assert_eq!(streams.first_frame(FLOW, Side::First), Some(frame(10)));
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut streams = Streams::new();
        streams.push(FLOW, Side::First, &segment(u32::MAX - 2, 0x02), b"", frame(1));
        assert_eq!(push(&mut streams, 1, b"def"), None);
        assert_eq!(push(&mut streams, u32::MAX - 1, b"abc"), Some(&b"abcdef"[..]));
        assert_eq!(
            push(&mut streams, u32::MAX - 9, b"01234567abcdefg"),
            Some(&b"abcdefg"[..]),
            "from before the base"
        );
    }

    #[test]
    fn data_with_the_syn_is_behind_it_and_text_with_a_reset_is_not_data() {
        let mut streams = Streams::new();
        let opened =
            streams.push(FLOW, Side::First, &segment(9, 0x02), b"ab", frame(1)).map(|prefix| prefix.first);
        assert_eq!(opened, Some(&b"ab"[..]));
        assert_eq!(streams.push(FLOW, Side::First, &segment(12, 0x14), b"go away", frame(2)), None);
        assert_eq!(push(&mut streams, 12, b"c"), Some(&b"abc"[..]));
    }

    #[test]
    fn the_first_copy_wins_and_another_is_contested() {
        let mut streams = Streams::new();
        push(&mut streams, 0, b"abc");
        assert_eq!(push(&mut streams, 1, b"XYZ"), Some(&b"abcZ"[..]));
        assert!(streams.is_contested(FLOW, Side::First));
        assert!(!streams.is_contested(FLOW, Side::Second));

        let mut streams = Streams::new();
        push(&mut streams, 0, b"a");
        push(&mut streams, 2, b"c");
        assert_eq!(push(&mut streams, 1, b"bX"), Some(&b"abc"[..]));
        assert!(streams.is_contested(FLOW, Side::First));
    }

    #[test]
    fn both_readings_are_kept_from_the_first_byte_that_differs() {
        let mut streams = Streams::new();
        let mut push = |seq, payload: &[u8]| {
            let prefix = streams.push(FLOW, Side::First, &segment(seq, 0x18), payload, frame(1));
            prefix.map(|prefix| (prefix.first.to_vec(), prefix.last.map(<[u8]>::to_vec)))
        };
        assert_eq!(push(0, b"abc"), Some((b"abc".to_vec(), None)));
        assert_eq!(push(1, b"bX"), Some((b"abc".to_vec(), Some(b"abX".to_vec()))));
        assert_eq!(push(1, b"bX"), None, "nothing new");
        assert_eq!(push(3, b"de"), Some((b"abcde".to_vec(), Some(b"abXde".to_vec()))));
        // With a hole, which a first and a last copy fill.
        assert_eq!(push(7, b"hi"), None);
        assert_eq!(push(7, b"HI"), None, "a reading behind a hole is no prefix yet");
        assert_eq!(push(5, b"fg"), Some((b"abcdefghi".to_vec(), Some(b"abXdefgHI".to_vec()))));
        assert_eq!(push(0, b"abcdefghi"), Some((b"abcdefghi".to_vec(), Some(b"abcdefghi".to_vec()))));
    }

    #[test]
    fn contested_flows_are_counted_settled_or_not() {
        let mut streams = Streams::new();
        assert_eq!(streams.contested(), None);
        push(&mut streams, 0, b"abc");
        let other = segment(1, 0x18);
        streams.push(FLOW, Side::First, &other, b"XYZ", frame(7));
        streams.push(FLOW, Side::First, &other, b"UVW", frame(9));
        assert_eq!(streams.contested(), Some((1, frame(7))));
        streams.settle(FLOW);
        assert_eq!(streams.contested(), Some((1, frame(7))));
        let second = FlowId(FLOW.0 + 1);
        streams.push(second, Side::First, &segment(0, 0x18), b"abc", frame(3));
        streams.push(second, Side::First, &other, b"X", frame(4));
        assert_eq!(streams.contested(), Some((2, frame(4))));
    }

    #[test]
    fn a_keep_alive_contests_nothing() {
        let mut streams = Streams::new();
        push(&mut streams, 0, b"abc");
        push(&mut streams, 2, b"\0");
        push(&mut streams, 4, b"e");
        push(&mut streams, 2, b"\0");
        assert!(!streams.is_contested(FLOW, Side::First));
        assert_eq!(streams.prefix(FLOW, Side::First), b"abc");
    }

    #[test]
    fn no_more_than_the_budget_is_kept() {
        let mut streams = Streams::new();
        push(&mut streams, 0, b"a");
        assert_eq!(push(&mut streams, 16 * 1024 + 5, b"beyond"), None);
        assert!(!streams.gap(FLOW, Side::First), "what is not kept leaves no hole in what is");
        let long = vec![7; 100_000];
        assert_eq!(push(&mut streams, 1, &long).map(<[u8]>::len), Some(MAX_PREFIX));
        assert_eq!(push(&mut streams, 100_001, &long), None);
        assert_eq!(streams.bytes, streams.waiting[&FLOW].directions[0].held());
    }

    #[test]
    fn a_settled_flow_is_passed_over() {
        let mut streams = Streams::new();
        push(&mut streams, 0, b"a");
        streams.settle(FLOW);
        assert_eq!(push(&mut streams, 1, b"b"), None);
        assert_eq!((streams.waiting(), streams.bytes, streams.dropped()), (0, 0, 0));
        assert_eq!(streams.prefix(FLOW, Side::First), b"");
        streams.settle(FlowId(1000));
        assert_eq!(streams.push(FlowId(1000), Side::First, &segment(0, 0x10), b"a", frame(1)), None);
    }

    #[test]
    fn the_oldest_is_dropped_where_too_many_wait() {
        let mut streams = Streams::new();
        let most = u32::try_from(MAX_WAITING).unwrap();
        for flow in 0..3 * most {
            streams.push(FlowId(flow), Side::First, &segment(0, 0x02), b"", frame(1));
            if flow % 2 == 0 {
                streams.settle(FlowId(flow));
            }
        }
        assert_eq!((streams.waiting(), streams.dropped()), (MAX_WAITING, u64::from(most / 2)));
        assert!(streams.order.len() <= 2 * MAX_WAITING);
        let oldest = streams.opened.keys().min().copied();
        assert_eq!(oldest, Some(FlowId(most + 1)));
    }

    #[test]
    fn the_oldest_are_dropped_where_too_much_is_held() {
        let mut streams = Streams::new();
        let text = vec![1; MAX_PREFIX];
        for flow in 0..5000 {
            let grew = streams.push(FlowId(flow), Side::First, &segment(0, 0x10), &text, frame(1));
            assert_eq!(grew.map(|prefix| prefix.first.len()), Some(MAX_PREFIX));
            assert!(streams.bytes <= MAX_BYTES);
        }
        assert_eq!(streams.dropped() + streams.waiting() as u64, 5000);
        assert_eq!(
            streams.bytes,
            streams
                .waiting
                .values()
                .flat_map(|waiting| &waiting.directions)
                .map(Direction::held)
                .sum::<usize>()
        );
    }

    /// A text cut into segments with some overlap, as (offset, bytes).
    fn segments() -> impl Strategy<Value = (Vec<u8>, Vec<(usize, usize)>)> {
        let text = proptest::collection::vec(any::<u8>(), 1..400);
        (text, proptest::collection::vec((1_usize..40, 0_usize..10), 400)).prop_map(|(text, steps)| {
            let mut cuts = Vec::new();
            let mut at = 0;
            for (length, back) in steps {
                if at >= text.len() {
                    break;
                }
                let end = (at + length).min(text.len());
                cuts.push((at.saturating_sub(back), end));
                at = end;
            }
            (text, cuts)
        })
    }

    proptest! {
        #[test]
        fn any_order_of_segments_gives_the_same_text(
            (text, order) in segments().prop_flat_map(|(text, cuts)| (Just(text), Just(cuts).prop_shuffle())),
            base: u32,
        ) {
            let mut streams = Streams::new();
            streams.push(FLOW, Side::First, &segment(base.wrapping_sub(1), 0x02), b"", frame(0));
            let mut grown = Vec::new();
            for (start, end) in order {
                let seq = base.wrapping_add(u32::try_from(start).unwrap());
                if let Some(prefix) = push(&mut streams, seq, &text[start..end]) {
                    prop_assert!(prefix.len() > grown.len() && text.starts_with(prefix));
                    grown = prefix.to_vec();
                }
                prop_assert!(streams.gap(FLOW, Side::First) || streams.waiting[&FLOW].directions[0].filled.is_none());
            }
            prop_assert_eq!(grown, text);
            prop_assert!(!streams.gap(FLOW, Side::First) && !streams.is_contested(FLOW, Side::First));
        }

        #[test]
        fn any_segments_keep_within_the_budget(
            pushed in proptest::collection::vec((any::<u32>(), 0_u32..40_000, 0_usize..3000, any::<bool>()), 0..60),
            base: u32,
        ) {
            let mut streams = Streams::new();
            let mut before = Vec::new();
            for (anywhere, near, length, is_near) in pushed {
                let seq = if is_near { base.wrapping_add(near) } else { anywhere };
                if let Some(prefix) = push(&mut streams, seq, &vec![1; length]) {
                    prop_assert!(prefix.len() <= MAX_PREFIX && prefix.len() > before.len());
                    before = prefix.to_vec();
                }
                let held = streams.waiting.values().flat_map(|waiting| &waiting.directions).map(Direction::held).sum::<usize>();
                prop_assert_eq!(streams.bytes, held);
                prop_assert!(held <= 2 * MAX_PREFIX + size_of::<Filled>());
            }
        }
    }
}

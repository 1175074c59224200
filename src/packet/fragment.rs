//! Fragments of IPv4 and IPv6, put together.
//!
//! Input: fragments as they were captured. Output: whole packets, with a second reading where fragments overlap with other
//! bytes than before, and what became of every fragment. Must not: hold more than [`MAX_BYTES`] or [`MAX_WAITING`] packets,
//! wait longer than [`PATIENCE`] of capture time, or make two packets out of one.
//!
//! Where copies of a byte differ, the first one captured wins and the other reading has the last (Ptacek and Newsham, 1998:
//! receivers differ). A fragment that the snap length cut is put together, too: what is missing at its end ends the payload
//! that is seen.

use std::collections::{HashMap, VecDeque};

use super::ip::Piece;
use super::{Class, Ends, Macs, TunnelId, Vlan};
use crate::frame::{FrameRef, Timestamp};

/// Packets that may wait for the rest of their fragments at once; past it the oldest is given up.
const MAX_WAITING: usize = 4_096;
/// The bytes that they may hold together; past it as [`MAX_WAITING`].
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Stretches of one packet that may be there with holes between; no sender makes more.
const MAX_STRETCHES: usize = 256;
/// How long a receiver waits (RFC 8200, section 4.5: 60 s). In nanoseconds.
const PATIENCE: i64 = 60 * 1_000_000_000;
/// The longest payload of an IP packet.
const LONGEST: usize = 65_535;

/// What makes fragments those of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key {
    pub(super) interface: u32,
    pub(super) vlan: Vlan,
    pub(super) tunnel: TunnelId,
    pub(super) ends: Ends,
    /// IPv4's alone; the fragments of IPv6 may differ in it.
    pub(super) protocol: Option<u8>,
    pub(super) id: u32,
}

/// A packet whose fragments are all there, from behind the IP header on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Whole {
    pub(super) protocol: u8,
    pub(super) hop_limit: u8,
    pub(super) bytes: Vec<u8>,
    /// How many bytes there were on the wire, of which `bytes` were captured.
    pub(super) len: u32,
    /// The bytes where each last copy counts, if that is another text.
    pub(super) other: Option<Vec<u8>>,
    /// The frames of the fragments before, and their bytes on the wire.
    pub(super) frames_before: u64,
    pub(super) wire_before: u32,
    pub(super) first: FrameRef,
}

/// Fragments that overlap, how many packets had them, and the first frame of each kind.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Overlaps {
    /// With the same bytes as before, and some new ones: cut in another way.
    pub same: Option<(u64, FrameRef)>,
    /// With other bytes than before: receivers may have read another packet.
    pub different: Option<(u64, FrameRef)>,
}

/// What became of fragments.
#[derive(Clone, Debug)]
pub(super) struct Fate {
    pub(super) class: Class,
    pub(super) frames: u64,
    pub(super) first: FrameRef,
    /// The start of a packet that was never whole, where that was captured.
    pub(super) start: Option<Incomplete>,
}

/// The start of a packet whose other fragments are missing: a filter by port keeps no more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Incomplete {
    pub(super) key: Key,
    pub(super) protocol: u8,
    pub(super) hop_limit: u8,
    pub(super) macs: Macs,
    /// What was captured from behind the IP header on, without a hole.
    pub(super) bytes: Vec<u8>,
    /// How many bytes that were on the wire.
    pub(super) len: u32,
    /// The bytes on the wire of all its frames.
    pub(super) wire_len: u32,
    pub(super) first: FrameRef,
    pub(super) time: Option<Timestamp>,
}

/// The fragments that wait.
#[derive(Clone, Default, Debug)]
pub(super) struct Fragments {
    /// Hashed with a key of its own, because the ids are chosen by whoever sends the packets.
    waiting: HashMap<Key, Waiting>,
    /// In the order in which they began to wait, and some that no longer wait; each with its first frame.
    order: VecDeque<(Key, FrameRef)>,
    bytes: usize,
    pub(super) overlaps: Overlaps,
    /// Packets given up for want of room.
    pub(super) dropped: u64,
}

impl Fragments {
    /// Takes a fragment. Returns the packet where that is whole with it; `settled` gets what became of fragments that will
    /// not wait any longer.
    pub(super) fn push(
        &mut self,
        key: Key,
        piece: &Piece<'_>,
        arrival: Arrival,
        settled: &mut Vec<Fate>,
    ) -> Result<Option<Whole>, Class> {
        let end = piece.offset.saturating_add(piece.body.wire());
        if end > LONGEST {
            return Err(Class::Malformed("fragment that ends behind the longest packet"));
        }
        if piece.has_more && (piece.body.wire() == 0 || !piece.body.wire().is_multiple_of(8)) {
            return Err(Class::Malformed("fragment in the middle whose length is no multiple of 8"));
        }
        self.expire(arrival.time, settled);
        if self.order.len() >= 2 * MAX_WAITING {
            let Self { order, waiting, .. } = self;
            order.retain(|(key, first)| waiting.get(key).is_some_and(|waiting| waiting.first == *first));
        }
        let known = self.waiting.get(&key).map_or(0, Waiting::held);
        let waiting = self.waiting.entry(key).or_insert_with(|| {
            self.order.push_back((key, arrival.frame));
            Waiting::new(piece, arrival)
        });
        let overlap = waiting.insert(piece, end, arrival);
        self.bytes = self.bytes.saturating_add(waiting.held()).saturating_sub(known);
        let is_whole = waiting.is_whole();
        overlap.count(&mut self.overlaps, arrival.frame);
        if is_whole {
            let whole = self.remove(&key).map(|waiting| waiting.into_whole(arrival));
            if let Some(whole) = &whole
                && whole.frames_before > 0
            {
                let class = Class::FragmentReassembled;
                settled.push(Fate { class, frames: whole.frames_before, first: whole.first, start: None });
            }
            return Ok(whole);
        }
        while self.bytes > MAX_BYTES || self.waiting.len() > MAX_WAITING {
            let Some(oldest) = self.pop(settled) else { break };
            self.dropped = self.dropped.saturating_add(u64::from(oldest));
        }
        Ok(None)
    }

    /// Ends the reading: nothing that waits will be whole.
    pub(super) fn finish(&mut self, settled: &mut Vec<Fate>) {
        while self.pop(settled).is_some() {}
    }

    /// The memory that the waiting packets hold, as it is counted.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let really: usize = self.waiting.values().map(Waiting::held).sum();
        assert_eq!(self.bytes, really);
        self.bytes
    }

    /// Gives up what has waited too long by the capture's clock.
    fn expire(&mut self, now: Option<Timestamp>, settled: &mut Vec<Fate>) {
        let Some(now) = now else { return };
        while let Some((key, first)) = self.order.front() {
            let is_over =
                self.waiting.get(key).filter(|waiting| waiting.first == *first).is_none_or(|waiting| {
                    waiting.since.is_some_and(|since| now.nanos().saturating_sub(since.nanos()) > PATIENCE)
                });
            if !is_over || self.pop(settled).is_none() {
                return;
            }
        }
    }

    /// Gives up the oldest; says whether there was one that still waited.
    fn pop(&mut self, settled: &mut Vec<Fate>) -> Option<bool> {
        let (key, first) = self.order.pop_front()?;
        if self.waiting.get(&key).is_none_or(|waiting| waiting.first != first) {
            return Some(false);
        }
        if let Some(waiting) = self.remove(&key) {
            let (class, frames, first) = (Class::Fragment(waiting.protocol), waiting.frames, waiting.first);
            settled.push(Fate { class, frames, first, start: waiting.into_start(key) });
        }
        Some(true)
    }

    fn remove(&mut self, key: &Key) -> Option<Waiting> {
        let waiting = self.waiting.remove(key)?;
        self.bytes = self.bytes.saturating_sub(waiting.held());
        if self.waiting.is_empty() {
            self.order.clear();
        }
        Some(waiting)
    }
}

/// The frame that brought a fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) frame: FrameRef,
    pub(super) wire_len: u32,
    pub(super) time: Option<Timestamp>,
    pub(super) macs: Macs,
}

/// How a fragment lies over what was there before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Overlap {
    None,
    Same,
    Different,
}

impl Overlap {
    fn count(self, overlaps: &mut Overlaps, frame: FrameRef) {
        let counted = match self {
            Self::None => return,
            Self::Same => &mut overlaps.same,
            Self::Different => &mut overlaps.different,
        };
        let (count, first) = counted.unwrap_or((0, frame));
        *counted = Some((count.saturating_add(1), first));
    }
}

/// One packet whose fragments are not all there.
#[derive(Clone, Debug)]
struct Waiting {
    protocol: u8,
    hop_limit: u8,
    bytes: Vec<u8>,
    other: Option<Vec<u8>>,
    /// What is there on the wire, in order, without two that touch: from and to.
    stretches: Vec<(usize, usize)>,
    /// How long the whole is, once its last fragment was seen.
    len: Option<usize>,
    /// Where the captured bytes end for good, because the snap length cut a fragment.
    cut_at: usize,
    frames: u64,
    wire: u32,
    first: FrameRef,
    since: Option<Timestamp>,
    macs: Macs,
}

impl Waiting {
    fn new(piece: &Piece<'_>, arrival: Arrival) -> Self {
        Self {
            protocol: piece.protocol,
            hop_limit: piece.hop_limit,
            bytes: Vec::new(),
            other: None,
            stretches: Vec::new(),
            len: None,
            cut_at: LONGEST,
            frames: 0,
            wire: 0,
            first: arrival.frame,
            since: arrival.time,
            macs: arrival.macs,
        }
    }

    /// The memory it holds, about.
    fn held(&self) -> usize {
        let other = self.other.as_ref().map_or(0, Vec::capacity);
        size_of::<Self>()
            + self.bytes.capacity()
            + other
            + self.stretches.capacity() * size_of::<(usize, usize)>()
    }

    fn insert(&mut self, piece: &Piece<'_>, end: usize, arrival: Arrival) -> Overlap {
        self.frames = self.frames.saturating_add(1);
        self.wire = self.wire.saturating_add(arrival.wire_len);
        if piece.offset == 0 {
            (self.protocol, self.hop_limit) = (piece.protocol, piece.hop_limit);
        }
        if !piece.has_more {
            // Two that both claim to be the last: the first one counts.
            self.len.get_or_insert(end);
        }
        let data = piece.body.data();
        if data.len() < piece.body.wire() {
            self.cut_at = self.cut_at.min(piece.offset.saturating_add(data.len()));
        }
        // What brings nothing new was sent again, by the network or the sender.
        let is_known = self.stretches.iter().any(|(from, to)| *from <= piece.offset && end <= *to);
        let overlap = self.place(piece.offset, data);
        let overlap = if overlap == Overlap::Same && is_known { Overlap::None } else { overlap };
        self.cover(piece.offset, end);
        overlap
    }

    /// Writes the bytes that are new; of those that differ from what was there, the other reading gets the last copy.
    fn place(&mut self, offset: usize, data: &[u8]) -> Overlap {
        let end = offset.saturating_add(data.len());
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut overlap = Overlap::None;
        for (from, to) in &self.stretches {
            let (from, to) = ((*from).max(offset), (*to).min(end));
            let known = self.bytes.get(from..to).unwrap_or_default();
            if known.is_empty() {
                continue;
            }
            let again = data.get(from.saturating_sub(offset)..to.saturating_sub(offset)).unwrap_or_default();
            if known != again {
                overlap = Overlap::Different;
                break;
            }
            overlap = Overlap::Same;
        }
        if overlap == Overlap::Different && self.other.is_none() {
            self.other = Some(self.bytes.clone());
        }
        if let Some(other) = &mut self.other {
            if other.len() < end {
                other.resize(end, 0);
            }
            if let Some(place) = other.get_mut(offset..end) {
                place.copy_from_slice(data);
            }
        }
        self.fill(offset, data);
        overlap
    }

    /// Writes what no stretch covers yet.
    fn fill(&mut self, offset: usize, data: &[u8]) {
        let end = offset.saturating_add(data.len());
        let mut at = offset;
        let gaps = self.stretches.iter().copied().chain([(usize::MAX, usize::MAX)]);
        for (from, to) in gaps {
            let until = from.min(end);
            if at < until
                && let Some(new) = data.get(at.saturating_sub(offset)..until.saturating_sub(offset))
                && let Some(place) = self.bytes.get_mut(at..until)
            {
                place.copy_from_slice(new);
            }
            at = at.max(to);
            if at >= end {
                return;
            }
        }
    }

    /// Notes that the bytes from `offset` to `end` are there.
    fn cover(&mut self, offset: usize, end: usize) {
        let (mut from, mut to) = (offset, end);
        self.stretches.retain(|(known_from, known_to)| {
            let touches = *known_from <= to && from <= *known_to;
            if touches {
                (from, to) = (from.min(*known_from), to.max(*known_to));
            }
            !touches
        });
        if self.stretches.len() < MAX_STRETCHES {
            let at = self.stretches.partition_point(|(known, _)| *known < from);
            self.stretches.insert(at, (from, to));
        }
    }

    fn is_whole(&self) -> bool {
        matches!((self.stretches.first(), self.len), (Some((0, to)), Some(len)) if *to >= len)
    }

    /// The start of the packet, where it is there.
    fn into_start(self, key: Key) -> Option<Incomplete> {
        let (0, to) = *self.stretches.first()? else { return None };
        let mut bytes = self.bytes;
        bytes.truncate(to.min(self.cut_at));
        Some(Incomplete {
            key,
            protocol: self.protocol,
            hop_limit: self.hop_limit,
            macs: self.macs,
            bytes,
            len: u32::try_from(to).unwrap_or(u32::MAX),
            wire_len: self.wire,
            first: self.first,
            time: self.since,
        })
    }

    fn into_whole(self, last: Arrival) -> Whole {
        let len = self.len.unwrap_or(0);
        let captured = len.min(self.cut_at);
        let cut = |mut bytes: Vec<u8>| {
            bytes.truncate(captured);
            bytes
        };
        let bytes = cut(self.bytes);
        let other = self.other.map(cut).filter(|other| *other != bytes);
        Whole {
            protocol: self.protocol,
            hop_limit: self.hop_limit,
            bytes,
            len: u32::try_from(len).unwrap_or(u32::MAX),
            other,
            frames_before: self.frames.saturating_sub(1),
            wire_before: self.wire.saturating_sub(last.wire_len),
            first: self.first,
        }
    }
}

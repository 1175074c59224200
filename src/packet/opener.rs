//! What it takes more than one look to decode: tunnels are opened, fragments put together, until a packet is reached.
//!
//! Input: frames at which [`decode`](super::decode) stopped at a tunnel or a fragment. Output: [`Opened`]: what is inside, in
//! which tunnel; and what became of the fragments that waited. Must not: open more than [`MAX_DEPTH`] tunnels of one frame,
//! or call itself.

use std::cell::OnceCell;

use super::cursor::Cursor;
use super::fragment::{Arrival, Fate, Fragments, Incomplete, Key, Whole};
use super::inner::Carried;
use super::layer::{self, Start};
use super::link::Link;
use super::transport::UDP;
use super::tunnels::Tunnels;
use super::{Class, Decoded, Macs, OpenedTunnel, Overlaps, Packet, TunnelId, inner, ip, transport};
use crate::frame::{Frame, FrameRef, Timestamp};

/// Tunnels in tunnels that are opened (Zeek's limit, too), and packets of one frame that are put together.
const MAX_DEPTH: usize = 4;

/// Opens tunnels and puts fragments together, for the frames of one capture in their order.
#[derive(Clone, Default, Debug)]
pub struct Opener {
    tunnels: Tunnels,
    fragments: Fragments,
    settled: Vec<Fate>,
}

/// What is inside a frame's tunnels, or what its fragment made whole.
#[derive(Debug)]
pub struct Opened<'a> {
    /// The innermost packet, or what stopped the decoding; `None` where the frame's fragment waits for others.
    pub decoded: Option<Decoded<'a>>,
    /// The packet that a receiver reads who takes the last copy of what fragments overlap in, where that is another.
    pub other: Option<Packet<'a>>,
    /// The bytes on the wire of all frames that the packet came in.
    pub wire_len: u32,
}

/// Frames whose class is known only now.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Their class.
    pub class: Class,
    /// How many.
    pub frames: u64,
    /// The first of them.
    pub first: FrameRef,
    start: Option<Incomplete>,
}

/// A packet of which only the start is there: who talks to whom is known, what it says is not.
#[derive(Clone, Copy, Debug)]
pub struct Begun<'a> {
    /// The packet, without its payload.
    pub packet: Packet<'a>,
    /// The interface that captured it.
    pub interface: u32,
    /// The first of its frames.
    pub first: FrameRef,
    /// The bytes on the wire of all its frames.
    pub wire_len: u32,
    /// The first frame's time.
    pub time: Option<Timestamp>,
}

impl Settled {
    /// The packet that the frames are the start of, where it has ports.
    #[must_use]
    pub fn begun(&self) -> Option<Begun<'_>> {
        let start = self.start.as_ref()?;
        let Incomplete { ref key, protocol, hop_limit, macs, ref bytes, len, wire_len, first, time } = *start;
        let body = Cursor::new(bytes, len);
        let ip = ip::whole(key.ends, protocol, hop_limit, body).ok()?;
        let packet = transport::begun(Link { vlan: key.vlan, macs }, &ip)?;
        let packet = Packet { tunnel: key.tunnel, ..packet };
        Some(Begun { packet, interface: key.interface, first, wire_len, time })
    }
}

/// A layer that is still to be decoded.
#[derive(Clone, Copy)]
struct Layer<'a> {
    start: Start,
    below: Link,
    cursor: Cursor<'a>,
    tunnel: TunnelId,
}

/// The bytes of a packet that was put together, and those of its other reading.
type Readings = (Vec<u8>, Option<Vec<u8>>);

/// What a layer turned out to be.
enum Step<'a> {
    Inside(Layer<'a>),
    Whole(Whole, Layer<'a>),
    Waits,
    End(Decoded<'a>),
}

impl Opener {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a frame that ended in this class is worth opening.
    #[must_use]
    #[inline]
    pub const fn opens(class: Class) -> bool {
        matches!(class, Class::Tunnel(_) | Class::Fragment(_))
    }

    /// Decodes a frame with all its tunnels, and shows what is inside to `reader`.
    pub fn open<R>(&mut self, frame: &Frame<'_>, at: FrameRef, reader: impl FnOnce(&Opened<'_>) -> R) -> R {
        let macs = Macs::default();
        let arrival = Arrival { frame: at, wire_len: frame.wire_len, time: frame.time, macs };
        // What was put together lives here while what is inside it is read: each depth has a place, both readings another.
        let wholes: [OnceCell<Readings>; MAX_DEPTH] = Default::default();
        let mut places = wholes.iter();
        let cursor = Cursor::new(frame.data, frame.wire_len);
        let (start, below) = (Start::Link(frame.link), Link::default());
        let mut layer = Layer { start, below, cursor, tunnel: TunnelId::NONE };
        let mut opened = Opened { decoded: None, other: None, wire_len: frame.wire_len };
        let mut depth = 0;
        loop {
            match self.step(&layer, depth, frame.interface, arrival) {
                Step::Inside(next) => {
                    layer = next;
                    depth += 1;
                    opened.other = None;
                }
                Step::Whole(whole, next) => {
                    opened.wire_len = opened.wire_len.saturating_add(whole.wire_before);
                    let Some(place) = places.next() else {
                        opened.decoded = Some(Decoded::Other(Class::TooDeep));
                        return reader(&opened);
                    };
                    let (bytes, other) = place.get_or_init(|| (whole.bytes, whole.other));
                    layer = Layer { cursor: Cursor::new(bytes, whole.len), ..next };
                    opened.other = other
                        .as_ref()
                        .and_then(|other| packet(&Layer { cursor: Cursor::new(other, whole.len), ..next }));
                }
                Step::Waits => return reader(&opened),
                Step::End(decoded) => {
                    opened.other = same_ends(opened.other, &decoded);
                    opened.decoded = Some(decoded);
                    return reader(&opened);
                }
            }
        }
    }

    /// Ends the reading: fragments that wait will not be whole.
    pub fn finish(&mut self) {
        self.fragments.finish(&mut self.settled);
    }

    /// Takes what is known of frames that waited.
    pub fn settled(&mut self) -> impl Iterator<Item = Settled> {
        let settled = |Fate { class, frames, first, start }| Settled { class, frames, first, start };
        self.settled.drain(..).map(settled)
    }

    /// The tunnels that were opened, in the order of their numbers.
    pub fn tunnels(&self) -> impl Iterator<Item = (TunnelId, &OpenedTunnel)> {
        self.tunnels.iter()
    }

    /// What is known of a tunnel.
    #[must_use]
    pub fn tunnel(&self, id: TunnelId) -> Option<&OpenedTunnel> {
        self.tunnels.get(id)
    }

    /// Fragments that overlap.
    #[must_use]
    pub const fn overlaps(&self) -> Overlaps {
        self.fragments.overlaps
    }

    /// Packets whose fragments were given up because too many waited.
    #[must_use]
    pub const fn fragments_dropped(&self) -> u64 {
        self.fragments.dropped
    }

    fn step<'a>(&mut self, layer: &Layer<'a>, depth: usize, interface: u32, arrival: Arrival) -> Step<'a> {
        let Layer { start, below, cursor, tunnel } = *layer;
        let (below, ip) = match layer::of_start(start, below, cursor) {
            Ok(reached) => reached,
            Err(Class::Fragment(_)) => return self.fragment(layer, interface, arrival),
            Err(class) => return Step::End(Decoded::Other(class)),
        };
        let decoded = transport::decode(below, &ip);
        let Decoded::Other(Class::Tunnel(_)) = decoded else { return Step::End(inside(decoded, tunnel)) };
        // A tunnel's own messages, and what cannot be opened, are a packet like any other where they have ports.
        let closed = || Step::End(inside(transport::decode_closed(below, &ip), tunnel));
        let Some(carried) = inner::carried(&ip) else { return closed() };
        // Over UDP a port and a few bytes made it a tunnel: nothing readable inside, and it is none.
        if ip.protocol == UDP && !leads_on(&carried) {
            return closed();
        }
        if depth == MAX_DEPTH {
            return Step::End(Decoded::Other(Class::TooDeep));
        }
        let frame = (arrival.frame, arrival.wire_len);
        match self.tunnels.enter((tunnel, below.vlan), carried.kind, carried.ends, carried.network, frame) {
            Some(tunnel) => {
                // The outer link-layer addresses are of the tunnel's ends.
                let below = Link { vlan: below.vlan, ..Link::default() };
                Step::Inside(Layer { start: carried.start, below, cursor: carried.cursor, tunnel })
            }
            None => closed(),
        }
    }

    fn fragment<'a>(&mut self, layer: &Layer<'a>, interface: u32, arrival: Arrival) -> Step<'a> {
        let Layer { start, below, cursor, tunnel } = *layer;
        let Some((below, piece)) = layer::fragment(start, below, cursor) else {
            return Step::End(Decoded::Other(Class::Malformed("fragment inside a packet put together")));
        };
        let protocol = (!piece.ends.is_v6()).then_some(piece.protocol);
        let key = Key { interface, vlan: below.vlan, tunnel, ends: piece.ends, protocol, id: piece.id };
        let arrival = Arrival { macs: below.macs, ..arrival };
        match self.fragments.push(key, &piece, arrival, &mut self.settled) {
            Ok(Some(whole)) => {
                let Whole { protocol, hop_limit, .. } = whole;
                let start = Start::Transport { ends: piece.ends, protocol, hop_limit };
                Step::Whole(whole, Layer { start, below, ..*layer })
            }
            Ok(None) => Step::Waits,
            Err(class) => Step::End(Decoded::Other(class)),
        }
    }
}

/// Whether something that can be read begins inside a tunnel.
fn leads_on(carried: &Carried<'_>) -> bool {
    match layer::of_start(carried.start, Link::default(), carried.cursor) {
        Ok(_) => true,
        Err(class) => matches!(class, Class::Arp | Class::Fragment(_) | Class::OtherLlc(_)),
    }
}

/// The packet of a layer, where that is one.
fn packet<'a>(layer: &Layer<'a>) -> Option<Packet<'a>> {
    let (below, ip) = layer::of_start(layer.start, layer.below, layer.cursor).ok()?;
    match transport::decode(below, &ip) {
        Decoded::Packet(packet) => Some(Packet { tunnel: layer.tunnel, ..packet }),
        _ => None,
    }
}

/// The other reading, as far as it is of the same flow: one packet is never two flows.
fn same_ends<'a>(other: Option<Packet<'a>>, decoded: &Decoded<'_>) -> Option<Packet<'a>> {
    let Decoded::Packet(packet) = decoded else { return None };
    other.filter(|other| {
        other.ends == packet.ends && other.transport.protocol() == packet.transport.protocol()
    })
}

fn inside(decoded: Decoded<'_>, tunnel: TunnelId) -> Decoded<'_> {
    match decoded {
        Decoded::Packet(packet) => Decoded::Packet(Packet { tunnel, ..packet }),
        Decoded::IcmpError(error) => Decoded::IcmpError(super::IcmpError { tunnel, ..error }),
        other @ Decoded::Other(_) => other,
    }
}

#[cfg(test)]
mod tests;

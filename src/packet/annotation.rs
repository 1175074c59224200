//! What a capturing program wrote around a frame: whose it is, which way it went, through which interface.
//!
//! Input: a frame's link type and its captured bytes. Output: an [`Annotation`], or nothing. Must not: decode the packet, or
//! take anything for more than the file's own claim.

use super::link::{self, Pktap, TRAILER};
use crate::frame::{Direction, LinkType, Process, ProcessMethod};

/// What stands around a frame.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Annotation<'a> {
    /// Whose it is.
    pub process: Option<Process<'a>>,
    /// Which way it went.
    pub direction: Option<Direction>,
    /// The interface that it went through.
    pub interface: Option<Through<'a>>,
    /// Bytes at the frame's end that were never on a wire.
    pub trailer: u32,
}

/// An interface by what a frame says of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Through<'a> {
    /// Its name as raw bytes, not escaped.
    Name(&'a [u8]),
    /// Its number on the capturing machine.
    Index(u32),
}

/// What stands around a frame, where its link type has a place for that, or it bears `PCAPdroid`'s trailer.
///
/// An Ethernet frame with addresses costs one comparison.
#[must_use]
#[inline]
pub fn annotation(link: LinkType, data: &[u8]) -> Option<Annotation<'_>> {
    match link {
        LinkType::ETHERNET => match data.first_chunk() {
            Some([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) => trailer(data),
            _ => None,
        },
        LinkType::LINUX_SLL => Some(going(packet_type(*data.get(1)?)?)),
        LinkType::LINUX_SLL2 => cooked_v2(data),
        LinkType::PKTAP | LinkType::USER2 => pktap(data),
        LinkType::NFLOG => Some(going(hook(data)?)),
        other => rare(other, data),
    }
}

/// `PCAPdroid` gives no direction; an app without a number has -1.
fn trailer(data: &[u8]) -> Option<Annotation<'_>> {
    let (uid, name) = link::app_trailer(data)?;
    let uid = (uid != u32::MAX).then_some(uid);
    let process = (uid.is_some() || !name.is_empty()).then_some(Process {
        name,
        pid: None,
        uid,
        method: ProcessMethod::PcapdroidTrailer,
    });
    Some(Annotation { process, trailer: u32::try_from(TRAILER).unwrap_or_default(), ..Annotation::default() })
}

/// System services act for an app: it is the app's packet.
fn pktap(data: &[u8]) -> Option<Annotation<'_>> {
    let said = link::pktap(data)?;
    let process = said.effective.or(said.process);
    let direction = match (said.flags & Pktap::INBOUND != 0, said.flags & Pktap::OUTBOUND != 0) {
        (true, false) => Some(Direction::Inbound),
        (false, true) => Some(Direction::Outbound),
        _ => None,
    };
    Some(Annotation {
        process: process.map(|(pid, name)| Process {
            name,
            pid: Some(pid),
            uid: None,
            method: ProcessMethod::Pktap,
        }),
        direction,
        interface: (!said.interface.is_empty()).then_some(Through::Name(said.interface)),
        trailer: 0,
    })
}

/// Interface index and packet type stand behind the protocol.
fn cooked_v2(data: &[u8]) -> Option<Annotation<'_>> {
    let [_, _, _, _, i0, i1, i2, i3, _, _, kind, ..] = data else { return None };
    let index = u32::from_be_bytes([*i0, *i1, *i2, *i3]);
    let interface = (index != 0).then_some(Through::Index(index));
    Some(Annotation { direction: packet_type(*kind), interface, ..Annotation::default() })
}

#[cold]
fn rare(link: LinkType, data: &[u8]) -> Option<Annotation<'_>> {
    let first = *data.first()?;
    let direction = |is_outbound: bool| if is_outbound { Direction::Outbound } else { Direction::Inbound };
    match link {
        // A first byte of zero is received.
        LinkType::PPP_PPPD
        | LinkType::PPP_WITH_DIR
        | LinkType::C_HDLC_WITH_DIR
        | LinkType::FRELAY_WITH_DIR
        | LinkType::SLIP => Some(going(direction(first != 0))),
        LinkType::PFLOG => {
            let name = data.get(4..20)?.split(|byte| *byte == 0).next()?;
            let direction = match data.get(60) {
                Some(1) if first > 60 => Some(Direction::Inbound),
                Some(2) if first > 60 => Some(Direction::Outbound),
                _ => None,
            };
            let interface = (!name.is_empty()).then_some(Through::Name(name));
            Some(Annotation { direction, interface, ..Annotation::default() })
        }
        _ => None,
    }
}

fn going<'a>(direction: Direction) -> Annotation<'a> {
    Annotation { direction: Some(direction), ..Annotation::default() }
}

/// Linux's packet types: to this host, to all, to a group; 3 is between others, 4 is sent by this host.
const fn packet_type(kind: u8) -> Option<Direction> {
    match kind {
        0..=2 => Some(Direction::Inbound),
        4 => Some(Direction::Outbound),
        _ => None,
    }
}

/// Netfilter's hooks: 1 is on the way to a socket of this host, 3 from one. Elsewhere the packet may be another host's.
fn hook(data: &[u8]) -> Option<Direction> {
    match link::hook(data)? {
        1 => Some(Direction::Inbound),
        3 => Some(Direction::Outbound),
        _ => None,
    }
}

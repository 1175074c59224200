//! Where a layer begins, and down from there to IP.
//!
//! Input: a [`Start`] and the bytes from there on. Output: what the layers below IP said, and the IP packet. Must not: look
//! behind IP.

use super::cursor::Cursor;
use super::ip::{self, Ip};
use super::link::{self, Link};
use super::{Class, Ends};
use crate::frame::LinkType;

/// What the next bytes are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    /// A frame of this link type.
    Link(LinkType),
    /// A network layer, by its `EtherType`.
    Network(u16),
    /// IPv4 or IPv6, by its first half byte.
    Ip,
    /// What an IP packet carries.
    Transport { ends: Ends, protocol: u8, hop_limit: u8 },
}

/// Goes down to the IP packet that begins at, or behind, `start`. `below` is what the layers before said.
pub(super) fn of_start(start: Start, below: Link, mut cursor: Cursor<'_>) -> Result<(Link, Ip<'_>), Class> {
    match start {
        Start::Link(link) => of_link(link, cursor),
        Start::Network(ether_type) => {
            let (below, ether_type) = link::behind(ether_type, below, &mut cursor)?;
            Ok((below, network(ether_type, cursor)?))
        }
        Start::Ip => {
            let (_, ether_type) = link::decode(LinkType::RAW, &mut cursor)?;
            Ok((below, network(ether_type, cursor)?))
        }
        Start::Transport { ends, protocol, hop_limit } => {
            Ok((below, ip::whole(ends, protocol, hop_limit, cursor)?))
        }
    }
}

/// Strips the layers below IP, and IP, from a frame.
#[inline(always)]
pub(super) fn of_link(link: LinkType, mut cursor: Cursor<'_>) -> Result<(Link, Ip<'_>), Class> {
    if cursor.wire() == 0 {
        return Err(Class::Empty);
    }
    let (below, ether_type) = link::decode(link, &mut cursor)?;
    Ok((below, network(ether_type, cursor)?))
}

/// The bytes of the IP packet itself, with its header, of a start that leads to a fragment.
pub(super) fn fragment(start: Start, below: Link, mut cursor: Cursor<'_>) -> Option<(Link, ip::Piece<'_>)> {
    let below = match start {
        Start::Link(link) => link::decode(link, &mut cursor).ok()?.0,
        Start::Network(ether_type) => link::behind(ether_type, below, &mut cursor).ok()?.0,
        Start::Ip => below,
        Start::Transport { .. } => return None,
    };
    Some((below, ip::piece(cursor)?))
}

#[inline]
fn network(ether_type: u16, cursor: Cursor<'_>) -> Result<Ip<'_>, Class> {
    match ether_type {
        link::IPV4 => ip::v4(cursor),
        link::IPV6 => ip::v6(cursor),
        link::ARP => Err(Class::Arp),
        other => Err(Class::OtherEtherType(other)),
    }
}

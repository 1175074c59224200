//! IP over ATM (RFC 2684).

use super::super::cursor::Cursor;
use super::{Below, Link, ethernet, llc, nlpid};
use crate::packet::{Class, LinkLayer};

/// LLC multiplexing (section 5): SNAP, or an NLPID behind the access points of OSI.
pub(super) fn multiplexed(cursor: &mut Cursor<'_>) -> Below {
    let [to, from, control] = *cursor.peek("frame shorter than its LLC header")?;
    match ([to, from], control) {
        (llc::SNAP, llc::UNNUMBERED) => {
            cursor.skip(3, "")?;
            nlpid::snap(cursor, BRIDGE_PADDING)
        }
        (OSI, llc::UNNUMBERED) => {
            cursor.skip(3, "")?;
            nlpid::nlpid(cursor, BRIDGE_PADDING)
        }
        _ => Ok((Link::default(), llc::ether_type(cursor)?)),
    }
}

/// `LINKTYPE_SUNATM`: direction and kind of traffic, path, channel.
pub(super) fn sun(cursor: &mut Cursor<'_>) -> Below {
    let [kind, _, _, _] = *cursor.take("frame shorter than its ATM header")?;
    match kind & 0x0F {
        // An emulated Ethernet, behind 2 bytes for its client.
        1 => ethernet::behind(2, cursor),
        2 => multiplexed(cursor),
        other => Err(Class::LinkLayer(LinkLayer::Atm(other))),
    }
}

const OSI: [u8; 2] = [0xFE, 0xFE];
const BRIDGE_PADDING: usize = 2;

//! MPLS: a stack of labels around something that no number names.
//!
//! Labels mean something between two routers only and differ by direction, so they tell no networks apart here.
//!
//! Sources: RFC 3032, RFC 4385 (control word), RFC 4448 (Ethernet), RFC 4928 (why the first half byte tells IP).

use super::super::cursor::Cursor;
use super::{Below, IPV4, IPV6, Link, MPLS, PPPOE_SESSION, VLAN_8021AD, VLAN_8021Q, VLAN_QINQ, ethernet};
use crate::packet::{Class, LinkLayer};

/// Goes through the labels to what they carry: IP by its version, or an Ethernet frame, with a control word before it or
/// without, where that is one beyond doubt.
pub(super) fn decode(cursor: &mut Cursor<'_>) -> Below {
    through_labels(cursor)?;
    let [first] = *cursor.peek("MPLS labels around nothing")?;
    match first >> 4 {
        4 if first & 0x0F >= 5 && !is_ethernet(cursor.data()) => return Ok((Link::default(), IPV4)),
        6 if !is_ethernet(cursor.data()) => return Ok((Link::default(), IPV6)),
        _ => {}
    }
    let control_word = if first >> 4 == 0 { cursor.data().get(4..) } else { None };
    if control_word.is_some_and(is_ethernet) {
        return ethernet::behind(4, cursor);
    }
    if is_ethernet(cursor.data()) {
        return ethernet::decode(cursor);
    }
    // Cut before it can be told.
    if cursor.data().len() < LEAST && cursor.wire() >= LEAST {
        return Err(Class::HeaderCut);
    }
    Err(Class::LinkLayer(LinkLayer::Mpls))
}

fn through_labels(cursor: &mut Cursor<'_>) -> Result<(), Class> {
    for _ in 0..MAX_LABELS {
        let [_, _, bottom, _] = *cursor.take("frame shorter than its MPLS labels")?;
        if bottom & 1 == 1 {
            return Ok(());
        }
    }
    Err(Class::Malformed("more than 16 MPLS labels"))
}

/// Whether this is an Ethernet frame beyond doubt: a sender that is a machine, and a type whose first byte fits, too.
fn is_ethernet(data: &[u8]) -> bool {
    let [_, _, _, _, _, _, sender, _, _, _, _, _, e0, e1, next, ..] = data else {
        return false;
    };
    let ether_type = u16::from_be_bytes([*e0, *e1]);
    sender & 1 == 0
        && match ether_type {
            IPV4 => (0x45..=0x4F).contains(next),
            IPV6 => next >> 4 == 6,
            super::ARP => *next == 0,
            PPPOE_SESSION => *next == 0x11,
            VLAN_8021Q | VLAN_8021AD | VLAN_QINQ | MPLS => true,
            _ => false,
        }
}

const MAX_LABELS: u32 = 16;
/// A control word, an Ethernet header and the byte behind it.
const LEAST: usize = 19;

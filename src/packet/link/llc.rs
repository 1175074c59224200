//! IEEE 802.2 LLC, and SNAP behind it.

use super::super::cursor::Cursor;
use super::LOWEST_ETHER_TYPE;
use crate::packet::Class;

/// The `EtherType` behind an LLC header with SNAP (RFC 1042, and IEEE 802.1H for the protocols that need its own form).
/// Everything else over LLC ends in its class.
#[cold]
pub(super) fn ether_type(cursor: &mut Cursor<'_>) -> Result<u16, Class> {
    let [to, from] = *cursor.peek("frame shorter than its LLC header")?;
    if [to, from] != SNAP {
        return Err(Class::OtherLlc(u16::from_be_bytes([to, from])));
    }
    let [_, _, control, o0, o1, o2, e0, e1] = *cursor.take("frame shorter than its SNAP header")?;
    let ether_type = u16::from_be_bytes([e0, e1]);
    // With another organisation, or below the lowest EtherType, the number is not an EtherType.
    let is_typed = control == UNNUMBERED && matches!([o0, o1, o2], ETHER_TYPES | BRIDGE_TUNNEL);
    if !is_typed || ether_type < LOWEST_ETHER_TYPE {
        return Err(Class::OtherLlc(0xAAAA));
    }
    Ok(ether_type)
}

pub(super) const SNAP: [u8; 2] = [0xAA, 0xAA];
/// Unnumbered information.
pub(super) const UNNUMBERED: u8 = 0x03;
/// Organisations.
pub(super) const ETHER_TYPES: [u8; 3] = [0, 0, 0];
pub(super) const BRIDGE_TUNNEL: [u8; 3] = [0, 0, 0xF8];

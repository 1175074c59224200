//! IEEE 802.11, bare and behind the headers that drivers put before it.
//!
//! A frame may hold several packets (A-MSDU). Every frame ends in one class, so the first of them is read and the others are
//! not; drivers seldom hand out such frames. Encrypted data are counted as such.
//!
//! Sources: IEEE 802.11-2020 clause 9, radiotap.org, the PPI specification 1.0.7, the registry's pages on AVS and Prism.

use super::super::cursor::Cursor;
use super::{Below, Link, llc, of_dlt};
use crate::frame::LinkType;
use crate::packet::{Class, LinkLayer, Mac, Macs, Vlan};

/// What a header says about the form of the frame behind it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Form {
    /// The frame ends in its check sum.
    has_check_sum: bool,
    /// The frame's header is padded to 4 bytes.
    is_padded: bool,
}

/// Radiotap: version, length, words of flags for which fields are present, the fields.
pub(super) fn radiotap(cursor: &mut Cursor<'_>) -> Below {
    let [version, _, l0, l1] = *cursor.peek(RADIOTAP_SHORT)?;
    if version != 0 {
        return Err(Class::Malformed("radiotap version is not 0"));
    }
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    if length < 8 {
        return Err(Class::Malformed("radiotap header under 8 bytes"));
    }
    let header = cursor.data().get(..length);
    cursor.skip(length, RADIOTAP_SHORT)?;
    let flags = header.and_then(radiotap_flags).unwrap_or_default();
    decode(Form { has_check_sum: flags & 0x10 != 0, is_padded: flags & 0x20 != 0 }, cursor)
}

/// The flags are the second field, behind a time of 8 bytes that is aligned to 8. A word's highest bit says that another
/// one follows.
fn radiotap_flags(header: &[u8]) -> Option<u8> {
    let mut words =
        header.get(4..)?.chunks_exact(4).map(|word| word.try_into().map_or(0, u32::from_le_bytes));
    let first = words.next()?;
    if first & 0b10 == 0 {
        return None;
    }
    let mut at: usize = 8;
    let mut last = first;
    while last >> 31 == 1 {
        last = words.next()?;
        at = at.saturating_add(4);
    }
    if first & 1 == 1 {
        at = at.next_multiple_of(8).saturating_add(8);
    }
    header.get(at).copied()
}

/// PPI: version, flags, length and DLT; fields, of which one tells the frame's form. Says what is behind.
pub(super) fn per_packet(cursor: &mut Cursor<'_>) -> Result<(LinkType, Form), Class> {
    let [version, _, l0, l1, d0, d1, d2, d3] = *cursor.peek(PPI_SHORT)?;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    if version != 0 || length < 8 {
        return Err(Class::Malformed("PPI header of no known version"));
    }
    let mut fields = cursor.data().get(8..length).unwrap_or_default();
    cursor.skip(length, PPI_SHORT)?;
    let mut form = Form::default();
    while let [t0, t1, f0, f1, rest @ ..] = fields {
        // The common field: a time of 8 bytes, then flags.
        if [*t0, *t1] == [2, 0] {
            form.has_check_sum = rest.get(8).is_some_and(|flags| flags & 1 == 1);
        }
        fields = rest.get(u16::from_le_bytes([*f0, *f1]).into()..).unwrap_or_default();
    }
    Ok((of_dlt(u32::from_le_bytes([d0, d1, d2, d3])), form))
}

/// Prism: message code and length in the order of the machine. Some drivers put AVS under the same link type.
pub(super) fn prism(cursor: &mut Cursor<'_>) -> Below {
    let [c0, c1, c2, _, l0, l1, l2, l3] = *cursor.peek(PRISM_SHORT)?;
    if [c0, c1, c2] == AVS {
        return avs(cursor);
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]).min(u32::from_be_bytes([l0, l1, l2, l3]));
    behind(length, cursor)
}

/// AVS: version and length.
pub(super) fn avs(cursor: &mut Cursor<'_>) -> Below {
    let [v0, v1, v2, _, l0, l1, l2, l3] = *cursor.peek(PRISM_SHORT)?;
    if [v0, v1, v2] != AVS {
        return Err(Class::Malformed("AVS header without its version"));
    }
    behind(u32::from_be_bytes([l0, l1, l2, l3]), cursor)
}

fn behind(length: u32, cursor: &mut Cursor<'_>) -> Below {
    if length < 8 {
        return Err(Class::Malformed("driver's header under 8 bytes"));
    }
    cursor.skip(usize::try_from(length).unwrap_or(usize::MAX), PRISM_SHORT)?;
    decode(Form::default(), cursor)
}

/// A frame by its type: data go on to what they carry.
pub(super) fn decode(form: Form, cursor: &mut Cursor<'_>) -> Below {
    let [control, flags] = *cursor.peek(SHORT)?;
    if control & 0b11 != 0 {
        return Err(Class::Malformed("IEEE 802.11 version is not 0"));
    }
    match control >> 2 & 0b11 {
        0 => Err(Class::LinkLayer(LinkLayer::WifiManagement)),
        1 => Err(Class::LinkLayer(LinkLayer::WifiControl)),
        2 => data(control >> 4, flags, form, cursor),
        _ => Err(Class::LinkLayer(LinkLayer::WifiExtension)),
    }
}

/// Control, duration, three addresses, sequence number; a fourth address between two access points, quality of service and
/// its control where subtype and flags say so.
fn data(subtype: u8, flags: u8, form: Form, cursor: &mut Cursor<'_>) -> Below {
    if form.has_check_sum {
        cursor.limit(cursor.wire().saturating_sub(4));
    }
    let before = cursor.wire();
    let [_, _, _, _, addresses @ .., s0, _]: &[u8; 24] = cursor.take(SHORT)?;
    let fourth = if flags & BETWEEN == BETWEEN { Some(*cursor.take::<6>(SHORT)?) } else { None };
    let mut quality = 0;
    if subtype & QUALITY != 0 {
        [quality, _] = *cursor.take(SHORT)?;
        if flags & ORDER != 0 {
            cursor.skip(4, SHORT)?;
        }
    }
    if subtype & NO_DATA != 0 {
        return Err(Class::LinkLayer(LinkLayer::WifiNull));
    }
    if flags & PROTECTED != 0 {
        return Err(Class::LinkLayer(LinkLayer::WifiProtected));
    }
    if flags & MORE_FRAGMENTS != 0 || s0 & 0x0F != 0 {
        return Err(Class::LinkLayer(LinkLayer::WifiFragment));
    }
    if form.is_padded {
        let header = before.saturating_sub(cursor.wire());
        cursor.skip(header.next_multiple_of(4).saturating_sub(header), SHORT)?;
    }
    let macs =
        if quality & SEVERAL == 0 { macs(flags, addresses, fourth) } else { first_of_several(cursor)? };
    Ok((Link { vlan: Vlan::NONE, macs }, llc::ether_type(cursor)?))
}

/// Table 9-30: which address is the sender's and which the receiver's depends on who passes the frame to whom.
fn macs(flags: u8, addresses: &[u8; 18], fourth: Option<[u8; 6]>) -> Macs {
    let nth = |n: usize| addresses.as_chunks::<6>().0.get(n).copied();
    let (from, to) = match flags & BETWEEN {
        TO_ACCESS_POINT => (nth(1), nth(2)),
        FROM_ACCESS_POINT => (nth(2), nth(0)),
        BETWEEN => (fourth, nth(2)),
        _ => (nth(1), nth(0)),
    };
    Macs { from: from.and_then(Mac::new), to: to.and_then(Mac::new) }
}

/// The first of the packets in a frame has a receiver, a sender and a length of its own (9.3.2.2).
fn first_of_several(cursor: &mut Cursor<'_>) -> Result<Macs, Class> {
    let [t0, t1, t2, t3, t4, t5, f0, f1, f2, f3, f4, f5, l0, l1] = *cursor.take(SHORT)?;
    cursor.limit(u16::from_be_bytes([l0, l1]).into());
    Ok(Macs { from: Mac::new([f0, f1, f2, f3, f4, f5]), to: Mac::new([t0, t1, t2, t3, t4, t5]) })
}

const SHORT: &str = "frame shorter than its IEEE 802.11 header";
const RADIOTAP_SHORT: &str = "frame shorter than its radiotap header";
const PPI_SHORT: &str = "frame shorter than its PPI header";
const PRISM_SHORT: &str = "frame shorter than its driver's header";
/// The version of AVS headers without its last byte.
const AVS: [u8; 3] = [0x80, 0x21, 0x10];
/// Bits of the subtype of data.
const NO_DATA: u8 = 0x04;
const QUALITY: u8 = 0x08;
/// Flags of frame control.
const TO_ACCESS_POINT: u8 = 0x01;
const FROM_ACCESS_POINT: u8 = 0x02;
const BETWEEN: u8 = 0x03;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;
/// A bit of quality of service: the frame holds several packets.
const SEVERAL: u8 = 0x80;

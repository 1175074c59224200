//! PKTAP: Apple's header before a frame, with the process whose it is.
//!
//! Sources: the registry's `LINKTYPE_PKTAP`, and `bsd/net/pktap.h` of XNU, which has a second version. Numbers are in the byte
//! order of the machine.

use super::super::cursor::Cursor;
use super::of_dlt;
use crate::frame::LinkType;
use crate::packet::{Class, LinkLayer};

/// What a PKTAP header says beside the link type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::packet) struct Pktap<'a> {
    pub(in crate::packet) interface: &'a [u8],
    pub(in crate::packet) flags: u32,
    /// The process that sends or receives, and the one that it acts for; each with its number and its command's name, cut to
    /// 16 bytes.
    pub(in crate::packet) process: Option<(u32, &'a [u8])>,
    pub(in crate::packet) effective: Option<(u32, &'a [u8])>,
}

impl Pktap<'_> {
    pub(in crate::packet) const INBOUND: u32 = 1;
    pub(in crate::packet) const OUTBOUND: u32 = 2;
}

/// Goes past the header and says what is behind it.
pub(super) fn decode(cursor: &mut Cursor<'_>) -> Result<LinkType, Class> {
    let Some(layout) = Layout::of(cursor.peek::<LEAST>(SHORT)?) else {
        return Err(Class::Malformed("PKTAP header of no known version"));
    };
    let is_packet = layout.is_v2 || layout.number(cursor.data(), 4) == Some(1);
    cursor.skip(layout.len, SHORT)?;
    if is_packet { Ok(of_dlt(layout.dlt)) } else { Err(Class::LinkLayer(LinkLayer::NoPacket)) }
}

/// Whether a frame begins with such a header.
pub(super) fn is_pktap(data: &[u8]) -> bool {
    data.first_chunk().and_then(Layout::of).is_some()
}

/// What the header says, as far as it was captured.
pub(in crate::packet) fn pktap(data: &[u8]) -> Option<Pktap<'_>> {
    let layout = Layout::of(data.first_chunk()?)?;
    let header = data.get(..layout.len)?;
    let flags = layout.number(header, 36)?;
    let process = |pid: usize, command: usize, len: usize| {
        let pid = layout.number(header, pid).filter(|pid| *pid <= u32::MAX >> 1)?;
        Some((pid, text(header, command, len)))
    };
    if !layout.is_v2 {
        let interface = text(header, 12, 24);
        return Some(Pktap {
            interface,
            flags,
            process: process(52, 56, 17),
            effective: process(84, 88, 17),
        });
    }
    // An offset of zero is a text that is absent.
    let [_, _, _, interface, command, effective] = header.first_chunk()?.map(usize::from);
    Some(Pktap {
        interface: text(header, interface, 24),
        flags,
        process: process(28, command, 17),
        effective: process(32, effective, 17),
    })
}

struct Layout {
    is_v2: bool,
    is_big_endian: bool,
    len: usize,
    dlt: u32,
}

impl Layout {
    /// The first version begins with its length in four bytes, the second in one, and says so in its flags.
    fn of(head: &[u8; LEAST]) -> Option<Self> {
        for is_big_endian in [false, true] {
            let mut layout = Self { is_v2: false, is_big_endian, len: 0, dlt: 0 };
            layout.len = usize::try_from(layout.number(head, 0)?).ok()?;
            if (108..=1024).contains(&layout.len) {
                layout.dlt = layout.number(head, 8)?;
                return Some(layout);
            }
        }
        let [len, ..] = *head;
        for is_big_endian in [false, true] {
            let mut layout = Self { is_v2: true, is_big_endian, len: len.into(), dlt: 0 };
            if layout.len >= LEAST && layout.number(head, 36)? & IS_V2 != 0 {
                let dlt = *head.get(6..)?.first_chunk()?;
                layout.dlt =
                    if is_big_endian { u16::from_be_bytes(dlt) } else { u16::from_le_bytes(dlt) }.into();
                return Some(layout);
            }
        }
        None
    }

    fn number(&self, header: &[u8], at: usize) -> Option<u32> {
        let bytes = *header.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

/// The text at a place, up to its first zero byte.
fn text(header: &[u8], at: usize, len: usize) -> &[u8] {
    let rest = if at == 0 { &[] } else { header.get(at..).unwrap_or_default() };
    let rest = rest.get(..len).unwrap_or(rest);
    rest.split(|byte| *byte == 0).next().unwrap_or_default()
}

const SHORT: &str = "frame shorter than its PKTAP header";
/// The second version's shortest header, which is shorter than the first's.
const LEAST: usize = 40;
const IS_V2: u32 = 0x80000;

//! `PCAPdroid`'s trailer: 32 bytes behind an IP packet in an Ethernet frame that it made up, with the app whose it is.
//!
//! The frame has no addresses and is padded to 4 bytes; the trailer is a magic number, the app's number, its name in 20 bytes,
//! and a CRC-32 (that of IEEE 802.3) over everything before it, in little-endian order. Without the right sum it is none.
//!
//! Source: `pcap_dump.c` of `PCAPdroid`.

use super::super::cursor::Cursor;

/// The trailer's length.
pub(in crate::packet) const TRAILER: usize = 32;

/// Ends the layer behind `cursor` before the trailer of the frame that is `whole`.
#[inline]
pub(super) fn cut(whole: &Cursor<'_>, cursor: &mut Cursor<'_>) {
    let is_whole = whole.wire() == whole.data().len();
    if is_whole && app_trailer(whole.data()).is_some() {
        cursor.limit(cursor.wire().saturating_sub(TRAILER));
    }
}

/// The app's number and its name, where the frame ends in a trailer.
#[inline]
pub(in crate::packet) fn app_trailer(frame: &[u8]) -> Option<(u32, &[u8])> {
    let (packet, trailer) = frame.split_last_chunk::<TRAILER>()?;
    let [0x01, 0x07, 0x20, 0x21, u0, u1, u2, u3, name @ .., _, _, _, _] = trailer else {
        return None;
    };
    let has_addresses = packet.get(..12).is_none_or(|addresses| addresses.iter().any(|byte| *byte != 0));
    if has_addresses || !is_intact(frame) {
        return None;
    }
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    Some((u32::from_be_bytes([*u0, *u1, *u2, *u3]), name))
}

#[cold]
fn is_intact(frame: &[u8]) -> bool {
    frame.split_last_chunk().is_some_and(|(summed, sum)| crc32(summed) == u32::from_le_bytes(*sum))
}

/// IEEE 802.3, clause 3.2.9, half a byte at a time.
fn crc32(bytes: &[u8]) -> u32 {
    let nibble = |sum: u32| (sum >> 4) ^ SUMS.get((sum & 0xF) as usize).copied().unwrap_or_default();
    !bytes.iter().fold(u32::MAX, |sum, byte| nibble(nibble(sum ^ u32::from(*byte))))
}

/// What each half byte adds.
const SUMS: [u32; 16] = [
    0x0000_0000,
    0x1DB7_1064,
    0x3B6E_20C8,
    0x26D9_30AC,
    0x76DC_4190,
    0x6B6B_51F4,
    0x4DB2_6158,
    0x5005_713C,
    0xEDB8_8320,
    0xF00F_9344,
    0xD6D6_A3E8,
    0xCB61_B38C,
    0x9B64_C2B0,
    0x86D3_D2D4,
    0xA00A_E278,
    0xBDBD_F21C,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_ethernet() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }
}

//! The classic capture format: one header, then records (draft-ietf-opsawg-pcap).
//!
//! Input: unpacked bytes from the file header on. Output: one record a step, or the damage that ends the
//! file. Both byte orders, microseconds and nanoseconds, the modified record header of early Linux, and the
//! swapped lengths of versions before 2.4. Must not: trust a length beyond what a record can be.

use super::Record;
use super::claims::{Interface, Section};
use super::input::Input;
use super::order::ByteOrder;
use super::summary::{Fault, snap_len};
use crate::frame::{Direction, LinkType, Timestamp};

/// What a file's first four bytes say about the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Magic {
    order: ByteOrder,
    nanos_per_tick: u32,
    record_header: usize,
}

impl Magic {
    /// Reads the magic number, which is also the mark of the byte order.
    pub(super) fn recognise(bytes: [u8; 4]) -> Option<Self> {
        let (order, number) = match bytes {
            [0xa1, ..] => (ByteOrder::Big, u32::from_be_bytes(bytes)),
            [.., 0xa1] => (ByteOrder::Little, u32::from_le_bytes(bytes)),
            _ => return None,
        };
        let (nanos_per_tick, record_header) = match number {
            MICROSECONDS => (1_000, RECORD_HEADER),
            NANOSECONDS => (1, RECORD_HEADER),
            MODIFIED => (1_000, MODIFIED_RECORD_HEADER),
            _ => return None,
        };
        Some(Self { order, nanos_per_tick, record_header })
    }

    /// Whether records have the longer header.
    pub(super) fn is_modified(self) -> bool {
        self.record_header == MODIFIED_RECORD_HEADER
    }
}

/// Walks the records of one file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walker {
    magic: Magic,
    lengths: Lengths,
    /// Whether records have the header that nearly all files have: the short one, the captured length first, in the usual
    /// order of bytes.
    is_usual: bool,
    limit: u32,
    link: LinkType,
    /// Which way the last packet went, where its header says so.
    direction: Option<Direction>,
}

impl Walker {
    /// Takes the file header, which describes the one interface that there is.
    pub(super) fn begin(magic: Magic, input: &mut Input) -> Result<(Self, Interface, Section), Fault> {
        input.ensure(FILE_HEADER);
        // Magic, version, time zone and its accuracy (both always zero), snap length, link type.
        let Some(([_, version, _, _, snap, network], _)) = magic.order.words::<6>(input.peek()) else {
            return Err(input.cut(0, "file header", FILE_HEADER));
        };
        input.take(FILE_HEADER);
        // The upper half holds the length of a frame check sequence and reserved bits.
        let link = LinkType((network & 0xffff) as u16);
        let snap_len = snap_len(snap);
        let resolution = if magic.nanos_per_tick == 1 { 9 } else { 6 };
        let interface = Interface { snap_len, resolution, ..Interface::new(link) };
        let lengths = Lengths::of_version(magic.order, version);
        let section = Section::new(0, magic.order, magic.order.halves(version), 0);
        let is_usual = magic.order == USUAL_ORDER
            && magic.record_header == RECORD_HEADER
            && lengths == Lengths::CapturedFirst;
        let walker = Self { magic, lengths, is_usual, limit: largest(snap_len), link, direction: None };
        Ok((walker, interface, section))
    }

    /// Which way the last packet went, where its header says so.
    #[inline]
    pub(super) fn direction(&self) -> Option<Direction> {
        self.direction
    }

    /// The next record, where it has the usual header, no length that needs a second look, and is in the buffer. Nearly all
    /// are and have; what else there may be is for [`Walker::next`].
    #[inline]
    pub(super) fn usual(&mut self, input: &mut Input) -> Option<Record> {
        let ([seconds, fraction, captured, wire_len], data) = USUAL_ORDER.words::<4>(input.seen()?)?;
        let len = captured as usize;
        if !self.is_usual || captured > USUAL_LIMIT || len > data.len() {
            return None;
        }
        let at = input.take(RECORD_HEADER + len) + RECORD_HEADER;
        Some(self.record(seconds, fraction, wire_len, at, len))
    }

    /// The next record; `None` where the file ends between two.
    pub(super) fn next(&mut self, input: &mut Input) -> Result<Option<Record>, Fault> {
        let header = self.magic.record_header;
        input.ensure(header);
        let Some(([seconds, fraction, first, second], _)) = self.magic.order.words::<4>(input.peek()) else {
            return self.end(input);
        };
        let (captured, wire_len) = self.lengths.order(first, second);
        // Records above the usual limit are rare enough to ask them for more than a stated length.
        if captured > USUAL_LIMIT && (captured > self.limit || captured > wire_len) {
            return Err(too_long(input.offset(), captured));
        }
        let len = captured as usize;
        if !input.ensure(header + len) {
            return Err(input.cut(input.offset(), "packet record", header + len));
        }
        let at = input.take(header + len) + header;
        if header == MODIFIED_RECORD_HEADER {
            let added = input.slice(at - ADDED_TO_RECORD_HEADER, ADDED_TO_RECORD_HEADER);
            self.direction = direction(added);
        }
        Ok(Some(self.record(seconds, fraction, wire_len, at, len)))
    }

    #[inline]
    fn record(&self, seconds: u32, fraction: u32, wire_len: u32, at: usize, len: usize) -> Record {
        // At most 2^32 * 10^9 + 2^32 * 10^3, which is below 2^63; a fraction above one second carries.
        let nanos = u64::from(seconds) * NANOS_PER_SECOND
            + u64::from(fraction) * u64::from(self.magic.nanos_per_tick);
        let time = Some(Timestamp::from_nanos(nanos.cast_signed()));
        Record { time, interface: 0, same_as: 0, link: self.link, wire_len, at, len }
    }

    /// The record of a header, without a walk to it; nothing where no record can be so. Only where headers are not the longer
    /// ones.
    pub(super) fn of_header(&self, header: [u8; RECORD_HEADER]) -> Option<Record> {
        let ([seconds, fraction, first, second], _) = self.magic.order.words::<4>(&header)?;
        let (captured, wire_len) = self.lengths.order(first, second);
        let is_sound = captured <= USUAL_LIMIT || (captured <= self.limit && captured <= wire_len);
        is_sound.then(|| self.record(seconds, fraction, wire_len, RECORD_HEADER, captured as usize))
    }

    /// The same where the header is one that nearly every program writes: less than a second behind the seconds, and no more
    /// captured than there was.
    pub(super) fn of_usual_header(&self, header: [u8; RECORD_HEADER]) -> Option<Record> {
        let ([_, fraction, _, _], _) = self.magic.order.words::<4>(&header)?;
        let nanos = u64::from(fraction) * u64::from(self.magic.nanos_per_tick);
        let record = self.of_header(header)?;
        let is_usual = nanos < NANOS_PER_SECOND && record.len <= record.wire_len as usize;
        (is_usual && record.wire_len <= USUAL_LIMIT).then_some(record)
    }

    #[cold]
    fn end(&self, input: &Input) -> Result<Option<Record>, Fault> {
        if input.is_at_end() {
            return Ok(None);
        }
        Err(input.cut(input.offset(), "record header", self.magic.record_header))
    }
}

/// The order in which a record gives its two lengths. Versions before 2.3 wrote the length on the wire first,
/// and 2.3 was written both ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lengths {
    CapturedFirst,
    SmallerIsCaptured,
    WireFirst,
}

impl Lengths {
    fn of_version(order: ByteOrder, version: u32) -> Self {
        match order.halves(version) {
            (2, 0..=2) => Self::WireFirst,
            (2, 3) => Self::SmallerIsCaptured,
            _ => Self::CapturedFirst,
        }
    }

    #[inline]
    fn order(self, first: u32, second: u32) -> (u32, u32) {
        match self {
            Self::CapturedFirst => (first, second),
            Self::SmallerIsCaptured => (first.min(second), first.max(second)),
            Self::WireFirst => (second, first),
        }
    }
}

/// Which way a packet went by what the longer header adds: interface index, protocol, packet type and padding. Wireshark
/// writes zeros there, which is no interface and says nothing.
fn direction(added: &[u8]) -> Option<Direction> {
    let is_filled_in = added.iter().any(|byte| *byte != 0);
    added.get(PACKET_TYPE).filter(|_| is_filled_in).and_then(|kind| direction_of(*kind))
}

/// Which way a packet of that type went: Linux tells packets for the machine, for all, for some and for others from those
/// that it sent (`PACKET_HOST` and its like in `linux/if_packet.h`).
fn direction_of(kind: u8) -> Option<Direction> {
    match kind {
        0..=2 => Some(Direction::Inbound),
        4 => Some(Direction::Outbound),
        _ => None,
    }
}

/// The largest record that a file with this snap length can hold. A stated length is a claim, hence the
/// bounds.
fn largest(snap_len: Option<u32>) -> u32 {
    snap_len.unwrap_or(HARD_LIMIT).clamp(USUAL_LIMIT, HARD_LIMIT)
}

#[cold]
fn too_long(offset: u64, captured: u32) -> Fault {
    Fault::malformed(offset, format!("packet record that claims {captured} captured bytes"))
}

const MICROSECONDS: u32 = 0xa1b2c3d4;
const NANOSECONDS: u32 = 0xa1b23c4d;
/// Alexey Kuznetsov's modified format: eight more bytes a record (interface index, protocol, packet type).
const MODIFIED: u32 = 0xa1b2cd34;
/// The order of nearly all machines, and so of nearly all files.
const USUAL_ORDER: ByteOrder = ByteOrder::Little;
const FILE_HEADER: usize = 24;
pub(super) const RECORD_HEADER: usize = 16;
const MODIFIED_RECORD_HEADER: usize = 24;
const ADDED_TO_RECORD_HEADER: usize = MODIFIED_RECORD_HEADER - RECORD_HEADER;
/// Where the packet type stands in what is added, after interface index and protocol.
const PACKET_TYPE: usize = 6;
/// libpcap's and Wireshark's largest record (`MAXIMUM_SNAPLEN`, `WTAP_MAX_PACKET_SIZE_STANDARD`).
pub(super) const USUAL_LIMIT: u32 = 262_144;
/// Their largest for the link types that need more (D-Bus, USB).
const HARD_LIMIT: u32 = 128 * 1024 * 1024;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Format;
    use crate::source::sample::{Pcap, read_all};

    #[test]
    fn both_orders_and_both_resolutions_are_read() {
        for order in [ByteOrder::Big, ByteOrder::Little] {
            for (magic, resolution, nanos) in [(MICROSECONDS, 6, 7_000), (NANOSECONDS, 9, 7)] {
                let file = Pcap::new(order, magic, 0xffff, 113).record(5, 7, 60, b"abc").bytes();
                let (frames, summary) = read_all(&file);
                assert_eq!(frames.len(), 1);
                assert_eq!(frames[0].time, Some(Timestamp::from_nanos(5_000_000_000 + nanos)));
                assert_eq!((frames[0].wire_len, &*frames[0].data), (60, &b"abc"[..]));
                assert_eq!(frames[0].link, LinkType::LINUX_SLL);
                assert_eq!(summary.interfaces[0].resolution, resolution);
                assert_eq!(summary.interfaces[0].snap_len, Some(0xffff));
                assert_eq!(summary.damage.first(), None);
            }
        }
    }

    #[test]
    fn the_bytes_of_the_standard_are_read() {
        // Little-endian, version 2.4, snap length 65535, Ethernet; one record of 4 of 60 bytes at 1.000002 s.
        let file = b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0\
            \x01\0\0\0\x02\0\0\0\x04\0\0\0\x3c\0\0\0\xde\xad\xbe\xef";
        let (frames, summary) = read_all(file);
        assert_eq!(frames[0].time, Some(Timestamp::from_nanos(1_000_002_000)));
        assert_eq!((frames[0].number, frames[0].wire_len), (1, 60));
        assert_eq!(frames[0].data, b"\xde\xad\xbe\xef");
        assert_eq!((summary.format.name(), summary.frames, summary.size), ("pcap", 1, 44));
    }

    #[test]
    fn the_modified_record_header_is_passed_over() {
        let mut file = Pcap::new(ByteOrder::Little, MODIFIED, 0xffff, 1).bytes();
        file.extend_from_slice(b"\x01\0\0\0\0\0\0\0\x02\0\0\0\x02\0\0\0\x03\0\0\0\x00\x08\x04\0hi");
        file.extend_from_slice(b"\x01\0\0\0\0\0\0\0\x02\0\0\0\x02\0\0\0\x03\0\0\0\x00\x08\0\0ho");
        file.extend_from_slice(b"\x01\0\0\0\0\0\0\0\x02\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0we");
        let (frames, summary) = read_all(&file);
        let data: Vec<&[u8]> = frames.iter().map(|frame| &*frame.data).collect();
        assert_eq!((&*data, summary.damage.first()), (&[&b"hi"[..], b"ho", b"we"][..], None));
        assert_eq!((summary.format, summary.format.name()), (Format::ModifiedPcap, "pcap"));
        assert_eq!((summary.marks.inbound, summary.marks.outbound), (1, 1));
    }

    #[test]
    fn the_link_type_is_the_lower_half() {
        let file = Pcap::new(ByteOrder::Big, MICROSECONDS, 0, 0x3400_0001).record(0, 0, 1, b"x").bytes();
        let (frames, summary) = read_all(&file);
        assert_eq!(frames[0].link, LinkType::ETHERNET);
        assert_eq!(summary.interfaces[0].snap_len, None);
    }

    #[test]
    fn old_versions_swap_the_lengths() {
        for (version, lengths) in [((2, 2), [60, 3]), ((2, 3), [60, 3]), ((2, 3), [3, 60]), ((2, 4), [3, 60])]
        {
            for order in [ByteOrder::Big, ByteOrder::Little] {
                let file =
                    Pcap::new(order, MICROSECONDS, 0xffff, 1).version(version).raw_record(lengths, b"abc");
                let (frames, _) = read_all(&file.bytes());
                assert_eq!((frames[0].wire_len, &*frames[0].data), (60, &b"abc"[..]), "{version:?}");
            }
        }
    }

    #[test]
    fn fractions_above_a_second_carry_and_the_last_second_fits() {
        let file = Pcap::new(ByteOrder::Little, MICROSECONDS, 0xffff, 1)
            .record(1, 3_500_000, 1, b"x")
            .record(u32::MAX, u32::MAX, 1, b"x");
        let (frames, _) = read_all(&file.bytes());
        assert_eq!(frames[0].time, Some(Timestamp::from_nanos(4_500_000_000)));
        assert_eq!(
            frames[1].time,
            Some(Timestamp::from_nanos(4_294_967_295_000_000_000 + 4_294_967_295_000))
        );
    }

    #[test]
    fn captured_lengths_above_the_snap_length_and_the_wire_length_are_read() {
        let file =
            Pcap::new(ByteOrder::Little, MICROSECONDS, 2, 1).record(0, 0, 1, b"abcd").record(0, 0, 4, b"");
        let (frames, summary) = read_all(&file.bytes());
        assert_eq!((frames.len(), frames[0].data.len(), frames[1].data.len()), (2, 4, 0));
        assert_eq!(summary.damage.first(), None);
    }

    #[test]
    fn large_records_are_read_up_to_the_stated_snap_length() {
        let data = vec![0x55; 300_000];
        for (snap, read) in [(300_000, true), (0, true), (u32::MAX, true), (65_535, false)] {
            let file = Pcap::new(ByteOrder::Little, MICROSECONDS, snap, 1)
                .record(0, 0, 1, b"x")
                .record(1, 0, 300_000, &data)
                .record(2, 0, 1, b"y");
            let (frames, summary) = read_all(&file.bytes());
            assert_eq!(frames.len(), if read { 3 } else { 1 }, "snap length {snap}");
            assert_eq!(summary.damage.is_empty(), read, "snap length {snap}");
        }
    }

    #[test]
    fn a_lying_length_is_damage_with_its_place() {
        let file = Pcap::new(ByteOrder::Little, MICROSECONDS, 0xffff, 1)
            .record(0, 0, 3, b"abc")
            .raw_record([u32::MAX, u32::MAX], b"abc");
        let (frames, summary) = read_all(&file.bytes());
        let damage = summary.damage.first().unwrap();
        assert_eq!((frames.len(), damage.kind, damage.offset, damage.after_frame), (1, "malformed", 43, 1));
        assert_eq!(damage.what, "packet record that claims 4294967295 captured bytes");
    }
}

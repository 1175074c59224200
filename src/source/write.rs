//! Frames to bytes: a small pcapng writer, for captures that this project makes itself or makes over.
//!
//! Input: interfaces, then frames. Output: one little-endian section (draft-ietf-opsawg-pcapng), with nanosecond times where
//! nothing else is asked for, the same bytes for the same input. Must not: write what the reader would not
//! take back.

use std::io::{self, Write};
use std::net::IpAddr;

use crate::frame::{Direction, LinkType, Timestamp};

/// An interface to describe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriteInterface {
    /// What its frames begin with.
    pub link: LinkType,
    /// The most bytes kept of a frame; `None` for no limit.
    pub snap_len: Option<u32>,
    /// Its name, such as `en0`.
    pub name: Option<String>,
    /// Its addresses, written as those of single hosts.
    pub addresses: Vec<IpAddr>,
    /// Its MAC address.
    pub mac: Option<[u8; 6]>,
    /// The capture filter that is set on it, as its user wrote it.
    pub filter: Option<String>,
    /// The digits behind the decimal point of the seconds in its times: 6 is microseconds, 9, the most, nanoseconds. What is
    /// finer is cut off.
    pub resolution: u8,
}

impl WriteInterface {
    /// An interface of which nothing is said but its link type.
    #[must_use]
    pub fn new(link: LinkType) -> Self {
        Self {
            link,
            snap_len: None,
            name: None,
            addresses: Vec::new(),
            mac: None,
            filter: None,
            resolution: NANOSECONDS,
        }
    }

    /// The nanoseconds of one tick of its clock.
    fn tick(&self) -> u64 {
        10_u64.pow(u32::from(NANOSECONDS.saturating_sub(self.resolution)))
    }
}

/// What a section says of the program that writes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriteSection {
    /// The program and its version.
    pub application: String,
    /// The operating system it runs on.
    pub os: Option<String>,
    /// The processor it runs on.
    pub hardware: Option<String>,
    /// A comment.
    pub comment: Option<String>,
}

impl Default for WriteSection {
    fn default() -> Self {
        Self { application: "borderpost".to_owned(), os: None, hardware: None, comment: None }
    }
}

/// What is said of a frame beside it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Aside<'a> {
    /// A comment.
    pub comment: Option<&'a str>,
    /// Which way it went.
    pub direction: Option<Direction>,
    /// Whose it is: a number that [`Writer::process`] gave.
    pub process: Option<u32>,
}

/// What an interface counted. What is not stated is not written.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct WriteStatistics {
    /// Frames it received.
    pub received: Option<u64>,
    /// Frames it lost.
    pub dropped: Option<u64>,
    /// Frames that the operating system lost.
    pub dropped_by_os: Option<u64>,
    /// Frames that the filter let through, whether lost after that or not.
    pub accepted: Option<u64>,
    /// Frames that were delivered: those that stand in the section.
    pub delivered: Option<u64>,
}

/// Writes one section of pcapng.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    /// The tick of each interface's clock.
    ticks: Vec<u64>,
    processes: u32,
    block: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes the section header and describes the interfaces. Frames are written unbuffered, one write each.
    pub fn new(out: W, interfaces: &[WriteInterface]) -> io::Result<Self> {
        Self::with_section(out, &WriteSection::default(), interfaces)
    }

    /// The same with more said of the program that writes.
    pub fn with_section(out: W, section: &WriteSection, interfaces: &[WriteInterface]) -> io::Result<Self> {
        let ticks = interfaces.iter().map(WriteInterface::tick).collect();
        let mut writer = Self { out, ticks, processes: 0, block: Vec::new() };
        writer.section(section)?;
        for interface in interfaces {
            writer.interface(interface)?;
        }
        Ok(writer)
    }

    /// Writes a frame of `interface`, counted from 0, with what was captured of its `wire_len` bytes.
    ///
    /// Fails with `InvalidInput`, and writes nothing, on an interface that was not described, a time before
    /// 1970, or a frame or comment too large for a block (16 MiB) or an option (65,535 bytes).
    pub fn frame(
        &mut self,
        interface: u32,
        time: Timestamp,
        wire_len: u32,
        data: &[u8],
        comment: Option<&str>,
    ) -> io::Result<()> {
        self.frame_with(interface, time, wire_len, data, Aside { comment, ..Aside::default() })
    }

    /// The same with more said beside the frame.
    pub fn frame_with(
        &mut self,
        interface: u32,
        time: Timestamp,
        wire_len: u32,
        data: &[u8],
        aside: Aside<'_>,
    ) -> io::Result<()> {
        let tick = usize::try_from(interface).ok().and_then(|index| self.ticks.get(index));
        let tick = *tick.ok_or_else(|| invalid("a frame of an interface that was not described"))?;
        let ticks = u64::try_from(time.nanos()).map_err(|_| invalid("a frame from before 1970"))? / tick;
        let captured = u32::try_from(data.len()).map_err(|_| invalid("a frame too large for a block"))?;
        self.begin(ENHANCED_PACKET);
        self.word(interface);
        self.word((ticks >> 32) as u32);
        self.word((ticks & 0xffff_ffff) as u32);
        self.word(captured);
        self.word(wire_len);
        self.padded(data);
        let Aside { comment, direction, process } = aside;
        if let Some(comment) = comment {
            self.option(OPT_COMMENT, comment.as_bytes())?;
        }
        if let Some(direction) = direction {
            let flags: u32 = if direction == Direction::Inbound { INBOUND } else { OUTBOUND };
            self.option(EPB_FLAGS, &flags.to_le_bytes())?;
        }
        if let Some(process) = process {
            self.option(APPLE_PROCESS_INDEX, &process.to_le_bytes())?;
        }
        if aside != Aside::default() {
            self.option(OPT_ENDOFOPT, &[])?;
        }
        self.end()
    }

    /// Describes a process, as Apple's tcpdump does, and gives the number by which frames refer to it.
    pub fn process(&mut self, pid: u32, name: &[u8]) -> io::Result<u32> {
        self.begin(APPLE_PROCESS);
        self.word(pid);
        self.option(APPLE_PROCESS_NAME, name)?;
        self.option(OPT_ENDOFOPT, &[])?;
        self.end()?;
        let number = self.processes;
        self.processes = self.processes.saturating_add(1);
        Ok(number)
    }

    /// Writes whole blocks as they are, such as those of [`owners`](super::owners).
    pub fn blocks(&mut self, blocks: &[u8]) -> io::Result<()> {
        self.out.write_all(blocks)
    }

    /// Writes what an interface counted up to `time`.
    pub fn statistics(
        &mut self,
        interface: u32,
        time: Timestamp,
        counted: WriteStatistics,
    ) -> io::Result<()> {
        let tick = usize::try_from(interface).ok().and_then(|index| self.ticks.get(index));
        let tick = *tick.ok_or_else(|| invalid("statistics of an interface that was not described"))?;
        let ticks = u64::try_from(time.nanos()).unwrap_or(0) / tick;
        self.begin(INTERFACE_STATISTICS);
        self.word(interface);
        self.word((ticks >> 32) as u32);
        self.word((ticks & 0xffff_ffff) as u32);
        let WriteStatistics { received, dropped, dropped_by_os, accepted, delivered } = counted;
        let counts = [
            (ISB_IFRECV, received),
            (ISB_IFDROP, dropped),
            (ISB_FILTERACCEPT, accepted),
            (ISB_OSDROP, dropped_by_os),
            (ISB_USRDELIV, delivered),
        ];
        for (code, count) in counts {
            if let Some(count) = count {
                self.option(code, &count.to_le_bytes())?;
            }
        }
        self.option(OPT_ENDOFOPT, &[])?;
        self.end()
    }

    /// Ends the section, flushes, and gives back what was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn section(&mut self, section: &WriteSection) -> io::Result<()> {
        self.begin(SECTION_HEADER);
        self.word(BYTE_ORDER);
        self.word(VERSION_1_0);
        // The section's length is not known while it is written.
        self.block.extend_from_slice(&u64::MAX.to_le_bytes());
        let texts =
            [(OPT_COMMENT, &section.comment), (SHB_HARDWARE, &section.hardware), (SHB_OS, &section.os)];
        for (code, text) in texts {
            if let Some(text) = text {
                self.option(code, text.as_bytes())?;
            }
        }
        self.option(SHB_USERAPPL, section.application.as_bytes())?;
        self.option(OPT_ENDOFOPT, &[])?;
        self.end()
    }

    fn interface(&mut self, interface: &WriteInterface) -> io::Result<()> {
        self.begin(INTERFACE_DESCRIPTION);
        self.word(u32::from(interface.link.0));
        self.word(interface.snap_len.unwrap_or(0));
        if let Some(name) = &interface.name {
            self.option(IF_NAME, name.as_bytes())?;
        }
        for address in &interface.addresses {
            match address {
                IpAddr::V4(address) => self.option(IF_IPV4ADDR, &[address.octets(), [0xff; 4]].concat())?,
                IpAddr::V6(address) => self.option(IF_IPV6ADDR, &[&address.octets()[..], &[128]].concat())?,
            }
        }
        if let Some(mac) = &interface.mac {
            self.option(IF_MACADDR, mac)?;
        }
        if let Some(filter) = &interface.filter {
            // 0 is the kind of filter: text as libpcap takes it.
            self.option(IF_FILTER, &[&[0], filter.as_bytes()].concat())?;
        }
        self.option(IF_TSRESOL, &[interface.resolution.min(NANOSECONDS)])?;
        self.option(OPT_ENDOFOPT, &[])?;
        self.end()
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.word(kind);
        self.word(0); // the length, once it is known
    }

    fn word(&mut self, word: u32) {
        self.block.extend_from_slice(&word.to_le_bytes());
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn option(&mut self, code: u16, value: &[u8]) -> io::Result<()> {
        let length = u16::try_from(value.len()).map_err(|_| invalid("a text too long for an option"))?;
        self.block.extend_from_slice(&code.to_le_bytes());
        self.block.extend_from_slice(&length.to_le_bytes());
        self.padded(value);
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let length = self.block.len().saturating_add(4);
        let total = u32::try_from(length).ok().filter(|total| *total <= LARGEST_BLOCK);
        let total = total.ok_or_else(|| invalid("a frame too large for a block"))?;
        self.word(total);
        if let Some(place) = self.block.get_mut(4..8) {
            place.copy_from_slice(&total.to_le_bytes());
        }
        self.out.write_all(&self.block)
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("cannot write {what}"))
}

const SECTION_HEADER: u32 = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const APPLE_PROCESS: u32 = 0x80000001;
const BYTE_ORDER: u32 = 0x1a2b3c4d;
/// Major version 1, minor version 0, of 16 bits each.
const VERSION_1_0: u32 = 1;
const OPT_ENDOFOPT: u16 = 0;
const OPT_COMMENT: u16 = 1;
const SHB_HARDWARE: u16 = 2;
const SHB_OS: u16 = 3;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_IPV4ADDR: u16 = 4;
const IF_IPV6ADDR: u16 = 5;
const IF_MACADDR: u16 = 6;
const IF_TSRESOL: u16 = 9;
const IF_FILTER: u16 = 11;
const EPB_FLAGS: u16 = 2;
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;
const ISB_IFRECV: u16 = 4;
const ISB_IFDROP: u16 = 5;
const ISB_FILTERACCEPT: u16 = 6;
const ISB_OSDROP: u16 = 7;
const ISB_USRDELIV: u16 = 8;
const APPLE_PROCESS_NAME: u16 = 2;
const APPLE_PROCESS_INDEX: u16 = 0x8001;
const NANOSECONDS: u8 = 9;
/// What the reader takes back.
const LARGEST_BLOCK: u32 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sample::{Owned, read_all};
    use proptest::prelude::*;

    fn interface() -> WriteInterface {
        WriteInterface {
            snap_len: Some(65_535),
            name: Some("en0".to_owned()),
            addresses: vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()],
            mac: Some([2, 0, 0, 0, 0, 1]),
            ..WriteInterface::new(LinkType::ETHERNET)
        }
    }

    #[test]
    fn what_is_said_of_an_interface_is_read_back() {
        let writer = Writer::new(Vec::new(), &[interface(), WriteInterface::new(LinkType::RAW)]).unwrap();
        let (_, summary) = read_all(&writer.finish().unwrap());
        let [first, second] = &summary.interfaces[..] else { panic!("{:?}", summary.interfaces) };
        assert_eq!(
            (first.link, first.snap_len, first.name.as_deref()),
            (LinkType(1), Some(65_535), Some("en0"))
        );
        assert_eq!(
            (&first.addresses, first.mac, first.resolution),
            (&interface().addresses, interface().mac, 9)
        );
        assert_eq!((second.link, second.snap_len, &second.name), (LinkType(101), None, &None));
        assert_eq!(summary.sections[0].application.as_deref(), Some("borderpost"));
        assert_eq!((summary.damage.first(), summary.broken_options), (None, 0));
    }

    #[test]
    fn another_reader_reads_it_too() {
        use pcap_parser::{Block, parse_block_le};
        let mut writer = Writer::new(Vec::new(), &[interface()]).unwrap();
        for data in [&b"abcde"[..], b"", b"fgh"] {
            writer
                .frame(0, Timestamp::from_nanos(1_700_000_000_000_000_001), 60, data, Some("note"))
                .unwrap();
        }
        let file = writer.finish().unwrap();
        let (mut rest, mut seen) = (&file[..], Vec::new());
        while !rest.is_empty() {
            let (after, block) = parse_block_le(rest).unwrap();
            rest = after;
            if let Block::EnhancedPacket(packet) = block {
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                assert_eq!((packet.if_id, packet.origlen, ticks), (0, 60, 1_700_000_000_000_000_001));
                assert_eq!(packet.options[0].value(), b"note");
                seen.push(packet.data[..packet.caplen as usize].to_vec());
            }
        }
        assert_eq!(seen, [&b"abcde"[..], b"", b"fgh"]);
    }

    #[test]
    fn what_the_format_cannot_hold_is_refused_and_nothing_written() {
        let mut writer = Writer::new(Vec::new(), &[interface()]).unwrap();
        let before = writer.out.len();
        let now = Timestamp::from_nanos(1);
        let long = "x".repeat(65_536);
        let large = vec![0; 16 * 1024 * 1024];
        let mut refused = |interface, time, data: &[u8], comment: Option<&str>| {
            writer.frame(interface, time, 1, data, comment).unwrap_err().kind()
        };
        assert_eq!(refused(1, now, b"x", None), io::ErrorKind::InvalidInput);
        assert_eq!(refused(0, Timestamp::from_nanos(-1), b"x", None), io::ErrorKind::InvalidInput);
        assert_eq!(refused(0, now, b"x", Some(&long)), io::ErrorKind::InvalidInput);
        assert_eq!(refused(0, now, &large, None), io::ErrorKind::InvalidInput);
        assert_eq!(writer.finish().unwrap().len(), before);
    }

    type Written = (u32, i64, u32, Vec<u8>, Option<String>);

    fn frame() -> impl Strategy<Value = Written> {
        let data = prop::collection::vec(any::<u8>(), 0..70);
        (0..2_u32, 0..=i64::MAX, any::<u32>(), data, prop::option::of(".{0,9}"))
    }

    proptest! {
        #[test]
        fn frames_are_read_back_as_they_were_written(written in prop::collection::vec(frame(), 0..20)) {
            let links = [LinkType::ETHERNET, LinkType::RAW];
            let mut writer = Writer::new(Vec::new(), &links.map(WriteInterface::new)).unwrap();
            let mut expected = Vec::new();
            for (number, (interface, nanos, wire_len, data, comment)) in (1..).zip(written) {
                let time = Timestamp::from_nanos(nanos);
                writer.frame(interface, time, wire_len, &data, comment.as_deref()).unwrap();
                let link = links[interface as usize];
                expected.push(Owned { number, time: Some(time), interface, link, wire_len, data });
            }
            let (frames, summary) = read_all(&writer.finish().unwrap());
            prop_assert_eq!(frames, expected);
            prop_assert_eq!((summary.damage.first(), summary.broken_options), (None, 0));
        }
    }
}

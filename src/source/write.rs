//! Frames to bytes: a small pcapng writer, for captures that this project makes itself.
//!
//! Input: interfaces, then frames. Output: one little-endian section with nanosecond times
//! (draft-ietf-opsawg-pcapng), the same bytes for the same input. Must not: write what the reader would not
//! take back.

use std::io::{self, Write};
use std::net::IpAddr;

use crate::frame::{LinkType, Timestamp};

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
}

impl WriteInterface {
    /// An interface of which nothing is said but its link type.
    #[must_use]
    pub fn new(link: LinkType) -> Self {
        Self { link, snap_len: None, name: None, addresses: Vec::new(), mac: None }
    }
}

/// Writes one section of pcapng.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    interfaces: usize,
    block: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes the section header and describes the interfaces. Frames are written unbuffered, one write each.
    pub fn new(out: W, interfaces: &[WriteInterface]) -> io::Result<Self> {
        let mut writer = Self { out, interfaces: interfaces.len(), block: Vec::new() };
        writer.section()?;
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
        if usize::try_from(interface).map_or(true, |index| index >= self.interfaces) {
            return Err(invalid("a frame of an interface that was not described"));
        }
        let ticks = u64::try_from(time.nanos()).map_err(|_| invalid("a frame from before 1970"))?;
        let captured = u32::try_from(data.len()).map_err(|_| invalid("a frame too large for a block"))?;
        self.begin(ENHANCED_PACKET);
        self.word(interface);
        self.word((ticks >> 32) as u32);
        self.word((ticks & 0xffff_ffff) as u32);
        self.word(captured);
        self.word(wire_len);
        self.padded(data);
        if let Some(comment) = comment {
            self.option(OPT_COMMENT, comment.as_bytes())?;
            self.option(OPT_ENDOFOPT, &[])?;
        }
        self.end()
    }

    /// Ends the section, flushes, and gives back what was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn section(&mut self) -> io::Result<()> {
        self.begin(SECTION_HEADER);
        self.word(BYTE_ORDER);
        self.word(VERSION_1_0);
        // The section's length is not known while it is written.
        self.block.extend_from_slice(&u64::MAX.to_le_bytes());
        self.option(SHB_USERAPPL, b"borderpost")?;
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
        self.option(IF_TSRESOL, &[NANOSECONDS])?;
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
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b3c4d;
/// Major version 1, minor version 0, of 16 bits each.
const VERSION_1_0: u32 = 1;
const OPT_ENDOFOPT: u16 = 0;
const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_IPV4ADDR: u16 = 4;
const IF_IPV6ADDR: u16 = 5;
const IF_MACADDR: u16 = 6;
const IF_TSRESOL: u16 = 9;
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

//! Captures made by hand for the tests of this module: each format in either byte order, sound or not.

use std::io::{Cursor, Write};

use super::order::ByteOrder;
use super::{Capture, Options, SourceError, Summary};
use crate::frame::{LinkType, Timestamp};

/// A frame with its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Owned {
    pub(super) number: u64,
    pub(super) time: Option<Timestamp>,
    pub(super) interface: u32,
    pub(super) link: LinkType,
    pub(super) wire_len: u32,
    pub(super) data: Vec<u8>,
}

pub(super) fn open(bytes: &[u8]) -> Result<Capture, SourceError> {
    Capture::from_reader(
        "sample",
        Box::new(Cursor::new(bytes.to_vec())),
        &Options { hash: false, ..Options::default() },
    )
}

/// Every frame, and the summary.
pub(super) fn drain(mut capture: Capture) -> (Vec<Owned>, Summary) {
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame() {
        frames.push(Owned {
            number: frame.number,
            time: frame.time,
            interface: frame.interface,
            link: frame.link,
            wire_len: frame.wire_len,
            data: frame.data.to_vec(),
        });
    }
    (frames, capture.finish())
}

pub(super) fn read_all(bytes: &[u8]) -> (Vec<Owned>, Summary) {
    drain(open(bytes).unwrap())
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Two records, 24 + 16 + 4 + 16 + 2 bytes.
pub(super) fn tiny_pcap() -> Vec<u8> {
    Pcap::new(ByteOrder::Little, 0xa1b2c3d4, 65_535, 1)
        .record(1, 0, 4, b"abcd")
        .record(2, 0, 2, b"ef")
        .bytes()
}

/// A classic capture.
pub(super) struct Pcap {
    order: ByteOrder,
    bytes: Vec<u8>,
}

impl Pcap {
    pub(super) fn new(order: ByteOrder, magic: u32, snap_len: u32, network: u32) -> Self {
        let mut file = Self { order, bytes: Vec::new() };
        file.bytes.extend(whole(order, magic));
        file.bytes.extend([half(order, 2), half(order, 4)].concat());
        file.words([0, 0, snap_len, network]);
        file
    }

    pub(super) fn version(mut self, (major, minor): (u16, u16)) -> Self {
        self.bytes[4..8].copy_from_slice(&[half(self.order, major), half(self.order, minor)].concat());
        self
    }

    pub(super) fn record(mut self, seconds: u32, fraction: u32, wire_len: u32, data: &[u8]) -> Self {
        self.words([seconds, fraction, u32::try_from(data.len()).unwrap(), wire_len]);
        self.bytes.extend_from_slice(data);
        self
    }

    /// A record with these two length fields, whatever the data.
    pub(super) fn raw_record(mut self, lengths: [u32; 2], data: &[u8]) -> Self {
        self.words([0, 0, lengths[0], lengths[1]]);
        self.bytes.extend_from_slice(data);
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    fn words(&mut self, words: [u32; 4]) {
        self.bytes.extend(words.iter().flat_map(|word| whole(self.order, *word)));
    }
}

/// Blocks of pcapng, in one byte order.
#[derive(Clone)]
pub(super) struct Blocks {
    order: ByteOrder,
    bytes: Vec<u8>,
}

impl Blocks {
    /// Begins with a section header.
    pub(super) fn new(order: ByteOrder) -> Self {
        Self { order, bytes: Vec::new() }.section()
    }

    /// Without a section header.
    pub(super) fn nothing(order: ByteOrder) -> Self {
        Self { order, bytes: Vec::new() }
    }

    pub(super) fn section(self) -> Self {
        let version = [half(self.order, 1), half(self.order, 0)].concat();
        let body = [&whole(self.order, 0x1a2b3c4d)[..], &version, &[0xff; 8]].concat();
        self.block(0x0a0d0d0a, &body)
    }

    pub(super) fn interface(self, link: u16, snap_len: u32, options: &[(u16, &[u8])]) -> Self {
        let head = [&half(self.order, link)[..], &[0, 0], &whole(self.order, snap_len)].concat();
        let options = self.options(options);
        self.block(1, &[head, options].concat())
    }

    pub(super) fn enhanced(self, interface: u32, ticks: u64, data: &[u8], options: &[(u16, &[u8])]) -> Self {
        let length = u32::try_from(data.len()).unwrap();
        let head =
            self.words(&[interface, (ticks >> 32) as u32, (ticks & 0xffff_ffff) as u32, length, length]);
        let options = self.options(options);
        self.block(6, &[head, padded(data), options].concat())
    }

    pub(super) fn simple(self, wire_len: u32, data: &[u8]) -> Self {
        let head = self.words(&[wire_len]);
        self.block(3, &[head, padded(data)].concat())
    }

    pub(super) fn obsolete(self, interface: u16, drops: u16, ticks: u64, data: &[u8]) -> Self {
        let length = u32::try_from(data.len()).unwrap();
        let head = [half(self.order, interface), half(self.order, drops)].concat();
        let rest = self.words(&[(ticks >> 32) as u32, (ticks & 0xffff_ffff) as u32, length, length]);
        self.block(2, &[head, rest, padded(data)].concat())
    }

    pub(super) fn statistics(self, interface: u32, counters: &[(u16, u64)]) -> Self {
        let head = self.words(&[interface, 0, 0]);
        let values: Vec<(u16, Vec<u8>)> =
            counters.iter().map(|(code, count)| (*code, self.long(*count).to_vec())).collect();
        let options: Vec<(u16, &[u8])> = values.iter().map(|(code, value)| (*code, &value[..])).collect();
        let options = self.options(&options);
        self.block(5, &[head, options].concat())
    }

    /// Any block, padded to 4 bytes.
    pub(super) fn block(mut self, kind: u32, body: &[u8]) -> Self {
        let body = padded(body);
        let length = u32::try_from(body.len() + 12).unwrap();
        let block = [self.words(&[kind, length]), body, self.words(&[length])].concat();
        self.bytes.extend(block);
        self
    }

    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Goes on with others, perhaps in the other order.
    pub(super) fn then(mut self, others: Self) -> Self {
        self.bytes.extend(others.bytes);
        Self { bytes: self.bytes, order: others.order }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    pub(super) fn long(&self, number: u64) -> [u8; 8] {
        match self.order {
            ByteOrder::Big => number.to_be_bytes(),
            ByteOrder::Little => number.to_le_bytes(),
        }
    }

    pub(super) fn words(&self, words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| whole(self.order, *word)).collect()
    }

    /// Options, or what is written like them, with an end mark.
    pub(super) fn listed(&self, options: &[(u16, &[u8])]) -> Vec<u8> {
        self.options(options)
    }

    /// Options with an end mark, or nothing where there are none.
    fn options(&self, options: &[(u16, &[u8])]) -> Vec<u8> {
        let end: &[(u16, &[u8])] = if options.is_empty() { &[] } else { &[(0, &[])] };
        let option = |(code, value): &(u16, &[u8])| {
            let length = u16::try_from(value.len()).unwrap();
            [half(self.order, *code).to_vec(), half(self.order, length).to_vec(), padded(value)].concat()
        };
        options.iter().chain(end).flat_map(option).collect()
    }
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(4), 0);
    padded
}

fn half(order: ByteOrder, number: u16) -> [u8; 2] {
    match order {
        ByteOrder::Big => number.to_be_bytes(),
        ByteOrder::Little => number.to_le_bytes(),
    }
}

fn whole(order: ByteOrder, number: u32) -> [u8; 4] {
    match order {
        ByteOrder::Big => number.to_be_bytes(),
        ByteOrder::Little => number.to_le_bytes(),
    }
}

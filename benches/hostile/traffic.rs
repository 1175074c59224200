//! Frames and captures made by hand: what a flood is put together from.
//!
//! Input: ends and payloads. Output: the bytes of a capture. Must not: know what a flood is for.

use std::net::Ipv4Addr;

/// An end of a flow.
pub(crate) type End = ([u8; 4], u16);

/// A classic capture in the making.
pub(crate) struct Made {
    bytes: Vec<u8>,
    /// Microseconds since 1970 of the next frame.
    pub(crate) now: u64,
    /// The last bytes of the client's MAC address.
    pub(crate) machine: u32,
}

impl Made {
    /// One without frames.
    pub(crate) fn new() -> Self {
        let head = [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 0x0004_0000, 1];
        Self { bytes: head.map(u32::to_le_bytes).concat(), now: START, machine: 1 }
    }

    /// One filled up to so many bytes by what is called with 0, 1 and so on.
    pub(crate) fn filled(size: usize, mut more: impl FnMut(&mut Self, u32)) -> Vec<u8> {
        let mut made = Self::new();
        for number in 0.. {
            if made.bytes.len() >= size {
                break;
            }
            more(&mut made, number);
        }
        made.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A frame, of which `length` bytes were on the wire.
    fn cut_frame(&mut self, frame: &[u8], length: usize) {
        let [kept, length] = [frame.len(), length].map(|length| u32::try_from(length).unwrap_or(u32::MAX));
        let [seconds, micros] =
            [self.now / 1_000_000, self.now % 1_000_000].map(|part| u32::try_from(part).unwrap_or(u32::MAX));
        self.bytes.extend(record_head(seconds, micros, kept, length));
        self.bytes.extend_from_slice(frame);
        self.now += 50;
    }

    /// A frame.
    pub(crate) fn frame(&mut self, frame: &[u8]) {
        self.cut_frame(frame, frame.len());
    }

    /// An IPv4 packet.
    pub(crate) fn ip(&mut self, from: [u8; 4], to: [u8; 4], protocol: u8, inner: &[u8]) {
        self.frame(&ethernet(self.machine, &ipv4(from, to, protocol, inner)));
    }

    /// A UDP datagram.
    pub(crate) fn udp(&mut self, from: End, to: End, payload: &[u8]) {
        self.ip(from.0, to.0, 17, &udp(from.1, to.1, payload));
    }

    /// A TCP segment.
    pub(crate) fn tcp(&mut self, from: End, to: End, sequence: u32, flags: u8, payload: &[u8]) {
        self.ip(from.0, to.0, 6, &tcp(from.1, to.1, sequence, flags, payload));
    }

    /// A TCP segment of the greatest length, of which hardly anything was kept. Gives the number behind it.
    pub(crate) fn long_segment(&mut self, from: End, to: End, sequence: u32) -> u32 {
        let mut packet = ipv4(from.0, to.0, 6, &tcp(from.1, to.1, sequence, ACK, b""));
        if let Some(length) = packet.get_mut(2..4) {
            length.copy_from_slice(&u16::MAX.to_be_bytes());
        }
        self.cut_frame(&ethernet(self.machine, &packet), 14 + usize::from(u16::MAX));
        sequence.wrapping_add(u32::from(u16::MAX) - 40)
    }

    /// A handshake.
    pub(crate) fn open(&mut self, client: End, server: End, sequence: u32) {
        self.tcp(client, server, sequence, SYN, b"");
        self.tcp(server, client, sequence, SYN | ACK, b"");
        self.tcp(client, server, sequence.wrapping_add(1), ACK, b"");
    }
}

/// The head of a record of a classic capture.
pub(crate) fn record_head(seconds: u32, micros: u32, kept: u32, length: u32) -> [u8; 16] {
    let mut head = [0; 16];
    head.copy_from_slice([seconds, micros, kept, length].map(u32::to_le_bytes).as_flattened());
    head
}

pub(crate) fn ethernet(machine: u32, packet: &[u8]) -> Vec<u8> {
    let [_, b, c, d] = machine.to_be_bytes();
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, b, c, d, 8, 0][..], packet].concat()
}

pub(crate) fn ipv4(from: [u8; 4], to: [u8; 4], protocol: u8, inner: &[u8]) -> Vec<u8> {
    ipv4_fragment(from, to, protocol, (0, 0x4000), inner)
}

/// An IPv4 packet with its identification, and flags and offset.
pub(crate) fn ipv4_fragment(
    from: [u8; 4],
    to: [u8; 4],
    protocol: u8,
    (id, place): (u16, u16),
    inner: &[u8],
) -> Vec<u8> {
    let [id, place] = [id, place].map(u16::to_be_bytes);
    [&[0x45, 0][..], &length(inner.len() + 20), &id, &place, &[64, protocol, 0, 0], &from, &to, inner]
        .concat()
}

pub(crate) fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    [&from.to_be_bytes()[..], &to.to_be_bytes(), &length(payload.len() + 8), &[0, 0], payload].concat()
}

fn tcp(from: u16, to: u16, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let numbers = [sequence, 1].map(u32::to_be_bytes).concat();
    [&from.to_be_bytes()[..], &to.to_be_bytes(), &numbers, &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0], payload]
        .concat()
}

/// A length of 16 bits, or the greatest.
pub(crate) fn length(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

/// The end of a client by its number: every port of one address, then the next.
pub(crate) fn client(number: u32) -> End {
    let [a, b, c, d] = number.to_be_bytes();
    ([10, a, b, 2], u16::from_be_bytes([c, d]) | 0x0400)
}

/// A public address by its number.
pub(crate) fn public(number: u32) -> [u8; 4] {
    Ipv4Addr::from_bits(0x0900_0000 + number % 0x0080_0000).octets()
}

pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;
/// 2024-07-01T08:00:00Z.
const START: u64 = 1_719_820_800_000_000;

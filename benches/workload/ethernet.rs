//! Ethernet frames around TCP segments and UDP datagrams between two ends.

use std::net::{IpAddr, SocketAddr};

use super::random::Random;

/// The two ends of a flow. Both are of the same family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    /// The end inside the network.
    pub(super) client: SocketAddr,
    /// The other end.
    pub(super) server: SocketAddr,
}

/// Which way a frame goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// To the client.
    Down,
    /// To the server.
    Up,
}

impl Way {
    /// One of both, up with this chance in a hundred.
    pub(super) fn choose(random: &mut Random, up_percent: u32) -> Self {
        if random.below(100) < up_percent { Self::Up } else { Self::Down }
    }

    /// The way back.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Down => Self::Up,
            Self::Up => Self::Down,
        }
    }
}

impl Path {
    /// A frame with a UDP datagram.
    pub(super) fn udp(&self, way: Way, payload: &[u8]) -> Vec<u8> {
        let (from, to) = self.ends(way);
        let length = short(payload.len() + 8);
        let mut frame = self.headers(way, UDP, payload.len() + 8);
        frame.extend([from.port(), to.port(), length, 0].map(u16::to_be_bytes).as_flattened());
        frame.extend_from_slice(payload);
        frame
    }

    fn tcp(&self, way: Way, sequence: u32, acknowledgement: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
        let (from, to) = self.ends(way);
        let mut frame = self.headers(way, TCP, payload.len() + 20);
        frame.extend([from.port(), to.port()].map(u16::to_be_bytes).as_flattened());
        frame.extend([sequence, acknowledgement].map(u32::to_be_bytes).as_flattened());
        let window = [0x08, 0x00];
        frame.extend([&[5 << 4, flags][..], &window, &[0; 4]].concat());
        frame.extend_from_slice(payload);
        frame
    }

    fn ends(&self, way: Way) -> (SocketAddr, SocketAddr) {
        match way {
            Way::Down => (self.server, self.client),
            Way::Up => (self.client, self.server),
        }
    }

    /// Ethernet and IP headers before `length` bytes.
    fn headers(&self, way: Way, protocol: u8, length: usize) -> Vec<u8> {
        let (from, to) = self.ends(way);
        let (from_mac, to_mac, hops) = match way {
            Way::Down => (ROUTER, CLIENT, 52),
            Way::Up => (CLIENT, ROUTER, 64),
        };
        let mut frame = Vec::with_capacity(54 + length);
        frame.extend([to_mac, from_mac].as_flattened());
        match (from.ip(), to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let total = short(length + 20).to_be_bytes();
                let front =
                    [&[0x08, 0x00, 0x45, 0][..], &total, &[0, 0, 0x40, 0], &[hops, protocol]].concat();
                frame.extend(front);
                let sum = header_checksum(total, hops, protocol, from.octets(), to.octets());
                frame.extend(sum.to_be_bytes());
                frame.extend([from.octets(), to.octets()].as_flattened());
            }
            (from, to) => {
                let front = [0x86, 0xdd, 0x60, 0, 0, 0];
                frame.extend(front);
                frame.extend(short(length).to_be_bytes());
                frame.extend([protocol, hops]);
                frame.extend([from, to].map(sixteen).as_flattened());
            }
        }
        frame
    }
}

/// One TCP connection: the ends and what each has sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tcp {
    path: Path,
    up: u32,
    down: u32,
}

impl Tcp {
    /// A connection of which nothing has been sent.
    pub(super) const fn new(path: Path, random: &mut Random) -> Self {
        Self { path, up: random.word(), down: random.word() }
    }

    /// SYN, SYN-ACK, ACK.
    pub(super) fn open(&mut self) -> [Vec<u8>; 3] {
        [self.ask(), self.accept(), self.say(Way::Up, &[])]
    }

    /// The client's SYN.
    pub(super) fn ask(&mut self) -> Vec<u8> {
        self.segment(Way::Up, SYN, &[])
    }

    /// The server's SYN-ACK.
    pub(super) fn accept(&mut self) -> Vec<u8> {
        self.segment(Way::Down, SYN | ACK, &[])
    }

    /// A segment with data; without any it is an acknowledgement.
    pub(super) fn say(&mut self, way: Way, data: &[u8]) -> Vec<u8> {
        self.segment(way, ACK, data)
    }

    /// Both sides end it.
    pub(super) fn close(&mut self) -> [Vec<u8>; 3] {
        [
            self.segment(Way::Up, FIN | ACK, &[]),
            self.segment(Way::Down, FIN | ACK, &[]),
            self.say(Way::Up, &[]),
        ]
    }

    fn segment(&mut self, way: Way, flags: u8, payload: &[u8]) -> Vec<u8> {
        let (sequence, acknowledgement) = match way {
            Way::Down => (&mut self.down, self.up),
            Way::Up => (&mut self.up, self.down),
        };
        let frame = self.path.tcp(way, *sequence, acknowledgement, flags, payload);
        // SYN and FIN count as one byte each.
        let length = u32::from(short(payload.len())) + u32::from(flags & (SYN | FIN) != 0);
        *sequence = sequence.wrapping_add(length);
        frame
    }
}

/// The frame with another machine's MAC address where it has the client's.
pub(super) fn of_another_machine(mut frame: Vec<u8>) -> Vec<u8> {
    for address in frame.as_chunks_mut().0.iter_mut().take(2) {
        if *address == CLIENT {
            *address = OTHER;
        }
    }
    frame
}

/// The checksum of an IPv4 header without options (RFC 791 section 3.1).
fn header_checksum(total: [u8; 2], hops: u8, protocol: u8, from: [u8; 4], to: [u8; 4]) -> u16 {
    let fixed = [[0x45, 0], total, [0x40, 0], [hops, protocol]];
    let addresses = [from, to];
    let words = fixed.iter().chain(addresses.as_flattened().as_chunks().0);
    let sum: u32 = words.map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !short((folded & 0xffff) as usize + (folded >> 16) as usize)
}

fn sixteen(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// A length in a header field; nothing here comes near the limit.
fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

const CLIENT: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
const OTHER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
const ROUTER: [u8; 6] = [0x02, 0, 0, 0, 0, 0xfe];
const TCP: u8 = 6;
const UDP: u8 = 17;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

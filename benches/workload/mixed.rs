//! `mixed`: what an office sends in short connections.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::ethernet::{Path, Tcp, Way};
use super::hello::{QuicHello, TlsHello, application_data, server_flight, server_initial};
use super::name::{Server, answer, query};
use super::random::Random;
use super::{Clock, Sent};

/// Connections that come and go, a fixed number at a time.
#[derive(Debug)]
pub(super) struct Connections {
    clock: Clock,
    random: Random,
    /// The longest pause between two frames, in microseconds.
    pause: u32,
    first: FirstFlights,
    /// The frames that each open connection has still to send.
    open: Vec<VecDeque<Vec<u8>>>,
}

impl Connections {
    /// The connections of `mixed`.
    pub(super) fn new() -> io::Result<Self> {
        Self::paced(200, true)
    }

    /// The same of people who do not use Zoom and are in less of a hurry: some 50 frames a second.
    pub(super) fn without_zoom() -> io::Result<Self> {
        Self::paced(40_000, false)
    }

    fn paced(pause: u32, has_zoom: bool) -> io::Result<Self> {
        let random = Random::new(2);
        let open = vec![VecDeque::new(); OPEN as usize];
        let first = FirstFlights { has_zoom, ..FirstFlights::new()? };
        Ok(Self { clock: Clock::new(), random, pause, first, open })
    }
}

impl Iterator for Connections {
    type Item = Sent;

    fn next(&mut self) -> Option<Sent> {
        let time = self.clock.advance(&mut self.random, self.pause);
        let turn = self.random.below(OPEN) as usize;
        let connection = self.open.get_mut(turn)?;
        if connection.is_empty() {
            *connection = self.first.connection(&mut self.random);
        }
        connection.pop_front().map(|bytes| Sent { time, bytes })
    }
}

/// The first flights, which are the same for every client.
#[derive(Debug)]
struct FirstFlights {
    /// Whether some of the servers are Zoom's.
    has_zoom: bool,
    classic: TlsHello,
    hybrid: TlsHello,
    /// Initials for the first servers.
    initials: Vec<Vec<u8>>,
}

impl FirstFlights {
    fn new() -> io::Result<Self> {
        let mut random = Random::new(4);
        let quic = QuicHello::new()?;
        let initials = (0..QUIC_SERVERS).map(|number| quic.initial(&Server::new(number), &mut random));
        let initials = initials.collect::<io::Result<_>>()?;
        Ok(Self { has_zoom: true, classic: TlsHello::classic()?, hybrid: TlsHello::hybrid()?, initials })
    }

    /// All frames of a new connection, in order.
    fn connection(&self, random: &mut Random) -> VecDeque<Vec<u8>> {
        let kind = random.below(100);
        let is_quic = (TLS..TLS + QUIC).contains(&kind);
        let number = random.below(if is_quic { QUIC_SERVERS } else { Server::COUNT });
        let is_unwanted = !self.has_zoom && Server::is_zoom(number);
        let number = number - u32::from(is_unwanted);
        let server = Server::new(number);
        let is_ipv6 = random.below(5) == 0;
        let host = u8::try_from(20 + random.below(200)).unwrap_or(0);
        let mut frames = VecDeque::new();
        if random.below(2) == 0 {
            frames.extend(look_up(&server, host, is_ipv6, random));
        }
        let client = client(host, is_ipv6, random);
        let path = |port| Path { client, server: SocketAddr::new(server.address(is_ipv6), port) };
        match kind {
            ..TLS => self.tls(path(443), &server, random, &mut frames),
            _ if is_quic => self.quic(path(443), number, random, &mut frames),
            _ if kind < TLS + QUIC + UDP => datagrams(path(5004), random, &mut frames),
            _ => http(path(80), &server, random, &mut frames),
        }
        frames
    }

    fn tls(&self, path: Path, server: &Server, random: &mut Random, frames: &mut VecDeque<Vec<u8>>) {
        let mut tcp = Tcp::new(path, random);
        frames.extend(tcp.open());
        let template = if random.below(2) == 0 { &self.hybrid } else { &self.classic };
        frames.extend(template.to(server).chunks(SEGMENT as usize).map(|part| tcp.say(Way::Up, part)));
        frames.push_back(tcp.say(Way::Down, &[]));
        let sealed = 600 + random.below(1400);
        frames.extend(
            server_flight(random, sealed).chunks(SEGMENT as usize).map(|part| tcp.say(Way::Down, part)),
        );
        for _ in 0..random.below(32) {
            let way = Way::choose(random, 30);
            let length = 300 + random.below(1080);
            frames.push_back(tcp.say(way, &application_data(random, length)));
            frames.push_back(tcp.say(way.other(), &[]));
        }
        frames.extend(tcp.close());
    }

    fn quic(&self, path: Path, server: u32, random: &mut Random, frames: &mut VecDeque<Vec<u8>>) {
        frames.extend(self.initials.get(server as usize).map(|initial| path.udp(Way::Up, initial)));
        frames.push_back(path.udp(Way::Down, &server_initial(random)));
        for _ in 0..random.below(40) {
            let length = 200 + random.below(1000);
            let packet = [&[0x41][..], random.noise(length)].concat();
            frames.push_back(path.udp(Way::choose(random, 30), &packet));
        }
    }
}

/// RTP that nobody announced.
fn datagrams(path: Path, random: &mut Random, frames: &mut VecDeque<Vec<u8>>) {
    for _ in 0..=random.below(60) {
        let length = 60 + random.below(300);
        let packet = [&[0x80, 96][..], random.noise(length)].concat();
        frames.push_back(path.udp(Way::choose(random, 50), &packet));
    }
}

fn http(path: Path, server: &Server, random: &mut Random, frames: &mut VecDeque<Vec<u8>>) {
    let mut tcp = Tcp::new(path, random);
    frames.extend(tcp.open());
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", server.name);
    frames.push_back(tcp.say(Way::Up, request.as_bytes()));
    for _ in 0..=random.below(10) {
        frames.push_back(tcp.say(Way::Down, random.noise(SEGMENT)));
        frames.push_back(tcp.say(Way::Up, &[]));
    }
    frames.extend(tcp.close());
}

fn look_up(server: &Server, host: u8, is_ipv6: bool, random: &mut Random) -> [Vec<u8>; 2] {
    let path = Path { client: client(host, false, random), server: SocketAddr::new(RESOLVER.into(), 53) };
    let [a, b, ..] = random.word().to_be_bytes();
    let id = u16::from_be_bytes([a, b]);
    [path.udp(Way::Up, &query(server, is_ipv6, id)), path.udp(Way::Down, &answer(server, is_ipv6, id))]
}

/// A host, and a port of the range that clients draw from (RFC 6335 section 6).
fn client(host: u8, is_ipv6: bool, random: &mut Random) -> SocketAddr {
    let address: IpAddr = if is_ipv6 {
        Ipv6Addr::from_bits(CLIENT_NETWORK | u128::from(host)).into()
    } else {
        Ipv4Addr::new(192, 168, 1, host).into()
    };
    SocketAddr::new(address, u16::try_from(49152 + random.below(16384)).unwrap_or(0))
}

const OPEN: u32 = 64;
/// Connections in a hundred that are TLS.
const TLS: u32 = 60;
/// Connections in a hundred that are QUIC.
const QUIC: u32 = 12;
/// Connections in a hundred that are other UDP; the rest is HTTP.
const UDP: u32 = 14;
const QUIC_SERVERS: u32 = 256;
/// Data to a segment.
const SEGMENT: u32 = 1400;
const RESOLVER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
/// The network of the clients, `fd00:5e10::/64`.
const CLIENT_NETWORK: u128 = 0xfd00_5e10 << 96;

//! `media`: one Zoom meeting, in version 3 of the layer between client and media router.
//!
//! The layout is that of the published descriptions: hello, bind, keep-alive and data, with audio, video, sender reports
//! and receiver feedback inside. What nobody has described is noise of the described length.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use borderpost::frame::Timestamp;

use super::ethernet::{Path, Tcp, Way};
use super::hello::{TlsHello, application_data, server_flight};
use super::name::{Server, answer, query};
use super::random::Random;
use super::{Clock, START, Sent};

/// Who meets, when and where.
#[derive(Debug)]
pub(super) struct Call {
    /// When it begins, in nanoseconds.
    pub(super) start: i64,
    /// What its noise is drawn from.
    pub(super) seed: u64,
    /// The address of the client.
    pub(super) client: Ipv4Addr,
    /// The first of the client's ports: that of the look-up. The next is the control connection's, media are from 100 up.
    pub(super) port: u16,
    /// The media router.
    pub(super) router: Server,
}

/// A meeting that does not end.
#[derive(Debug)]
pub(super) struct Meeting {
    clock: Clock,
    random: Random,
    control: Tcp,
    sockets: [Socket; 4],
    /// Frames that are due before any media: the join, or a round of keep-alives.
    due: VecDeque<Vec<u8>>,
    /// When the next round of keep-alives is.
    next_round: Timestamp,
    rounds: u32,
}

impl Meeting {
    /// The meeting of `media`.
    pub(super) fn new() -> io::Result<Self> {
        let router = Server { ipv4: ROUTER, ..Server::new(SERVER) };
        Self::of(&Call { start: START, seed: 1, client: CLIENT, port: 50_000, router })
    }

    /// Any meeting.
    pub(super) fn of(Call { start, seed, client, port, router }: &Call) -> io::Result<Self> {
        let mut random = Random::new(*seed);
        let client = |offset: u16| SocketAddr::new((*client).into(), port + offset);
        let path = |offset: u16, port: u16| Path {
            client: client(offset),
            server: SocketAddr::new(router.ipv4.into(), port),
        };
        let mut control = Tcp::new(path(1, 443), &mut random);
        let sockets = KINDS.map(|kind| Socket::new(path(100 + u16::from(kind), 8801), kind, &mut random));
        let mut due = VecDeque::from(look_up(router, client(0)));
        due.extend(control.open());
        due.push_back(control.say(Way::Up, &TlsHello::naming(&router.name)?));
        due.push_back(control.say(Way::Down, &server_flight(&mut random, 1100)));
        due.extend(sockets.iter().flat_map(|socket| socket.join(&mut random)));
        let clock = Clock(*start);
        let next_round = Timestamp::from_nanos(clock.0 + ROUND);
        Ok(Self { clock, random, control, sockets, due, next_round, rounds: 0 })
    }

    /// Every socket asks and is asked, and there is a word on the control connection.
    fn begin_round(&mut self, now: Timestamp) {
        self.next_round = Timestamp::from_nanos(now.nanos() + ROUND);
        self.rounds = self.rounds.wrapping_add(1);
        for socket in &self.sockets {
            self.due.extend(socket.keep_alive(self.rounds, now, &mut self.random));
        }
        self.due.push_back(self.control.say(Way::Up, &application_data(&mut self.random, 300)));
        self.due.push_back(self.control.say(Way::Down, &application_data(&mut self.random, 500)));
    }

    fn media(&mut self, now: Timestamp) -> Vec<u8> {
        let [video, audio, share, ..] = &mut self.sockets;
        let way = Way::choose(&mut self.random, 40);
        match self.random.below(100) {
            ..83 => video.video(way, now, &mut self.random),
            83..96 => audio.audio(way, now, &mut self.random),
            96..98 => video.report(way, now),
            98 => audio.report(way, now),
            _ => share.feedback(way, &mut self.random),
        }
    }
}

impl Iterator for Meeting {
    type Item = Sent;

    fn next(&mut self) -> Option<Sent> {
        let time = self.clock.advance(&mut self.random, 6000);
        if self.due.is_empty() && time >= self.next_round {
            self.begin_round(time);
        }
        let bytes = self.due.pop_front().unwrap_or_else(|| self.media(time));
        Some(Sent { time, bytes })
    }
}

/// One socket of the meeting, which carries one kind of media.
#[derive(Clone, Copy, Debug)]
struct Socket {
    path: Path,
    kind: u8,
    connection: [u8; 4],
    /// Data packets sent so far.
    sent: u16,
}

impl Socket {
    fn new(path: Path, kind: u8, random: &mut Random) -> Self {
        Self { path, kind, connection: (random.word() >> 8).to_be_bytes(), sent: 0 }
    }

    /// Hello and reply, bind and acknowledgement.
    fn join(&self, random: &mut Random) -> [Vec<u8>; 4] {
        let token = random.noise(16);
        let clock = [0, 0, 0x40, 0];
        let fixed = [&[0, 0, 0, 2][..], &clock, &clock, &[0, 0, 0, 64]].concat();
        let hello = [&[1, 0, 3][..], token, &[0; 4], &fixed, random.noise(64), &[0; 20]].concat();
        let reply = [&[2, 0, 3][..], token, &self.connection, &clock, &[0; 17]].concat();
        let bound = [&MEETING[..], &self.ssrc(Way::Up), &[self.kind]].concat();
        let request = [&[0x0c, 1][..], &bound, &[0, 22], b"data_bind_replace_flag", &[0]].concat();
        let acknowledgement = [&[0x0d, 1][..], &bound].concat();
        [
            self.path.udp(Way::Up, &hello),
            self.path.udp(Way::Down, &reply),
            self.path.udp(Way::Up, &[&self.head(Way::Up, 1)[..], &request].concat()),
            self.path.udp(Way::Down, &[&self.head(Way::Down, 1)[..], &acknowledgement].concat()),
        ]
    }

    /// A request in each direction and its reply, with their lists of a MAC, counters and statistics.
    fn keep_alive(&self, round: u32, now: Timestamp, random: &mut Random) -> [Vec<u8>; 4] {
        let head =
            |kind: u8| [&[kind][..], &round.to_be_bytes(), &millis(now), &self.connection, &[1]].concat();
        let mac = [&[5, 64][..], random.noise(64)].concat();
        let counters = [&[2, 8][..], random.noise(8)].concat();
        let statistics = [&[1, 26][..], random.noise(26)].concat();
        [
            self.path.udp(Way::Up, &[&head(3)[..], &mac, &[0]].concat()),
            self.path.udp(Way::Down, &[&head(4)[..], &mac, &[0]].concat()),
            self.path.udp(Way::Down, &[&head(3)[..], &mac, &counters, &[0]].concat()),
            self.path.udp(Way::Up, &[&head(4)[..], &mac, &statistics, &[0]].concat()),
        ]
    }

    fn video(&mut self, way: Way, now: Timestamp, random: &mut Random) -> Vec<u8> {
        let frame_number = [0, 0, 0, 2, 0, 1, 1];
        let length = 1000 + random.below(200);
        let rtp = self.rtp(98, way, random.noise(length));
        self.data(way, &[&self.media_head(16, 24, now)[..], &frame_number, &rtp].concat())
    }

    fn audio(&mut self, way: Way, now: Timestamp, random: &mut Random) -> Vec<u8> {
        let length = 70 + random.below(60);
        let rtp = self.rtp(113, way, random.noise(length));
        let [.., high, low] = rtp.len().to_be_bytes();
        self.data(way, &[&self.media_head(15, 17, now)[..], &[high, low], &rtp].concat())
    }

    /// A sender report (RFC 3550 section 6.4.1).
    fn report(&mut self, way: Way, now: Timestamp) -> Vec<u8> {
        let type_of_report = 32 + self.kind;
        let counts = [0; 20];
        let report = [&[0x80, 200, 0, 6][..], &self.ssrc(way), &counts].concat();
        let [head @ .., _] = self.media_head(type_of_report, 16, now);
        self.data(way, &[&head[..], &report].concat())
    }

    /// Receiver feedback, of which nothing is known but its length.
    fn feedback(&mut self, way: Way, random: &mut Random) -> Vec<u8> {
        self.data(way, &[&[0x15][..], random.noise(61)].concat())
    }

    fn data(&mut self, way: Way, media: &[u8]) -> Vec<u8> {
        self.sent = self.sent.wrapping_add(1);
        self.path.udp(way, &[&self.head(way, self.sent)[..], media].concat())
    }

    /// The header of a data message.
    fn head(&self, way: Way, number: u16) -> [u8; 8] {
        let [high, low] = number.to_be_bytes();
        let [a, b, c, d] = self.connection;
        [5, high, low, a, b, c, d, if way == Way::Down { FROM_SERVER } else { 0 }]
    }

    /// The 17 bytes that audio and video share; reports leave out the last.
    fn media_head(&self, kind: u8, length: u8, now: Timestamp) -> [u8; 17] {
        let [high, low] = self.sent.to_be_bytes();
        let [a, b, c, d] = millis(now);
        [kind, 0x01, 0x00, 0xfb, 0x90, 0x16, length, 4, 5, high, low, a, b, c, d, 0, 3]
    }

    fn rtp(&self, payload_type: u8, way: Way, payload: &[u8]) -> Vec<u8> {
        let [high, low] = self.sent.to_be_bytes();
        let extension = [0xbe, 0xde, 0, 1, 0x10, 0, 0, 0];
        let timestamp = [0, 0, high, low];
        [&[0x90, payload_type, high, low][..], &timestamp, &self.ssrc(way), &extension, payload].concat()
    }

    /// The participant and the kind of media.
    fn ssrc(&self, way: Way) -> [u8; 4] {
        [1, 0, if way == Way::Up { 4 } else { 8 }, self.kind]
    }
}

/// A client's question for a server's address, and the answer.
pub(super) fn look_up(server: &Server, client: SocketAddr) -> [Vec<u8>; 2] {
    let path = Path { client, server: SocketAddr::new(RESOLVER.into(), 53) };
    [path.udp(Way::Up, &query(server, false, 7)), path.udp(Way::Down, &answer(server, false, 7))]
}

/// A sender's clock, in milliseconds.
fn millis(now: Timestamp) -> [u8; 4] {
    let [.., a, b, c, d] = (now.nanos() / 1_000_000).to_be_bytes();
    [a, b, c, d]
}

/// Video, audio, share, further data, by the last byte of their SSRC.
const KINDS: [u8; 4] = [1, 2, 3, 4];
/// Its name ends in `media.zoom.us`.
const SERVER: u32 = 99;
/// In a block that Zoom publishes as its own.
const ROUTER: Ipv4Addr = Ipv4Addr::new(213, 244, 140, 99);
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 20);
const RESOLVER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
const MEETING: [u8; 16] = *b"a meeting's id..";
/// The flag of a data message from the server.
const FROM_SERVER: u8 = 0x04;
/// Nanoseconds between two rounds of keep-alives.
const ROUND: i64 = 3_750_000_000;

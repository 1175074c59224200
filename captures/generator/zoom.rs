//! Zoom's own layer over UDP, version 3, as its published descriptions lay it out: hello, bind, keep-alive, data, close;
//! and its STUN without a cookie.
//!
//! Input: a path, a kind of media, times. Output: datagrams in the trace. Must not: pretend to more than is known:
//! what nobody has described is random bytes of the described length.
//! Media are thinned to a few packets a second, so that a capture stays small.

use super::frame::{Path, Trace};
use super::random::Random;
use super::scenario::{Kind, MICROSECOND, MILLISECOND, Meeting, Nanos, SECOND, Start};
use super::tcp::jitter;

/// One local socket asks one STUN server: three copies 10 ms apart with one id, each answered.
pub(crate) fn stun(trace: &mut Trace, path: Path, at: Nanos, random: &Random) {
    let id: [u8; 16] = random.part("stun id").array();
    let mut random = random.part(&path.server().to_string());
    let request =
        [&[0x00, 0x01, 0x00, 0x18][..], &id, &[0x01, 0x01, 0x00, 0x14], b"1234567890123456789\0"].concat();
    let mapped: [u8; 6] = random.array();
    let reply = [&[0x00, 0x02, 0x00, 0x0c][..], &id, &[0x01, 0x03, 0x00, 0x08, 0x00, 0x01], &mapped].concat();
    for copy in 0..3 {
        let at = at + copy * 10 * MILLISECOND + order_of(path) * 40 * MICROSECOND;
        path.udp(trace, at, true, &request);
        path.udp(trace, at + path.rtt + jitter(&mut random, path.rtt), false, &reply);
    }
}

/// One media socket of a meeting, from its hello to its close. `order` counts the meeting's sockets from 0.
pub(crate) fn socket(
    trace: &mut Trace,
    path: Path,
    meeting: &Meeting,
    start: Start,
    order: u32,
    kind: Kind,
    random: &Random,
) {
    let mut socket = Socket::new(path, start, order, kind, random);
    let hello = meeting.at.0 + i64::from(order) * 14 * MILLISECOND;
    let reply = socket.hello(trace, hello);
    let ready = reply + 400 * MICROSECOND;
    let leave = meeting.until.0 + i64::from(order) * 180 * MICROSECOND;
    socket.bind(trace, ready);
    socket.keep_alive(trace, hello, reply, leave);
    let mut planned = socket.plan(ready + path.rtt + 150 * MILLISECOND, leave - 50 * MILLISECOND - path.rtt);
    planned.sort_by_key(|(at, ..)| *at);
    for (at, up, media) in planned {
        socket.data(trace, at, up, &media);
    }
    socket.close(trace, leave);
}

struct Socket {
    path: Path,
    start: Start,
    kind: Kind,
    meeting: [u8; 16],
    connection: u32,
    random: Random,
    client: Side,
    server: Side,
}

/// What one end counts.
struct Side {
    /// Its clock at the start of the capture, in milliseconds.
    uptime: u32,
    /// The sequence number of its next data packet.
    number: u16,
    /// The sequence number and the time stamp of its first RTP packet.
    first: (u16, u32),
    /// The participant that its SSRC names.
    participant: u8,
}

impl Socket {
    fn new(path: Path, start: Start, order: u32, kind: Kind, random: &Random) -> Self {
        let own = random.part(&format!("socket {order}"));
        let side = |label: &str, participant| {
            let mut first = own.part(label);
            // One machine has one clock, whatever the socket.
            let uptime = random.part(label).word() >> 1;
            Side { uptime, number: 0, first: (first.half() >> 1, first.word() >> 1), participant }
        };
        Self {
            path,
            start,
            kind,
            // The same on all sockets of the meeting.
            meeting: random.part("meeting").array(),
            connection: (random.part("connection").word() & 0x00ff_ffff).wrapping_add(order),
            client: side("client", 4),
            server: side("server", 8),
            random: own,
        }
    }

    /// Two hellos 100 ms apart with one token, and to each a reply and a bare keep-alive request that nobody answers;
    /// gives the time of the first reply.
    fn hello(&mut self, trace: &mut Trace, at: Nanos) -> Nanos {
        let token: [u8; 16] = self.random.array();
        let again = at + 100 * MILLISECOND + self.jitter() / 2;
        let replies = [at, again].map(|at| {
            let clock = self.client.clock(at);
            let numbers = [&[0; 4][..], &[0, 0, 0, 2], &clock, &clock, &[0, 0, 0, 64]].concat();
            // What follows the 64 bytes is described as small parameters.
            let parameters = [0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 5, 0xdc, 0, 0, 0, 0];
            let hello = [&[0x01, 0x00, 0x03][..], &token, &numbers, &self.random.bytes(64), &parameters];
            self.path.udp(trace, at, true, &hello.concat());
            let connection = self.connection.to_be_bytes();
            let reply = [&[0x02, 0x00, 0x03][..], &token, &connection, &clock, &[0; 17]].concat();
            let seen = at + self.path.rtt + self.jitter();
            self.path.udp(trace, seen, false, &reply);
            seen
        });
        for (number, seen) in (1..).zip(replies) {
            let request = self.keep_alive_head(0x03, number, self.server.clock(seen));
            self.path.udp(trace, seen + 30 * MICROSECOND, false, &[request, vec![0]].concat());
        }
        let [first, _] = replies;
        first
    }

    /// The bind, twice, and its acknowledgements; on the share socket the request is inside a type-13 header.
    fn bind(&mut self, trace: &mut Trace, at: Nanos) {
        let constant = match self.kind {
            Kind::Video => 3,
            Kind::Audio => 1,
            Kind::Share => 2,
        };
        let bound = [&self.meeting[..], &self.ssrc(true), &[constant]].concat();
        let flag = [&[0, 0, 0, 0, 0, 0, 0, 22][..], b"data_bind_replace_flag", &[0]].concat();
        let acknowledgement = [&[0x0d, 0x01][..], &bound].concat();
        for copy in 0..2 {
            let at = at + i64::from(copy) * 120 * MILLISECOND;
            let [.., high, low] = self.client.clock(at);
            let wrapper: &[u8] =
                if self.kind == Kind::Share { &[0x0d, high, low, 0, copy, 0, 0] } else { &[] };
            let request = [wrapper, &[0x0c, 0x01], &bound, &flag].concat();
            self.data(trace, at, true, &request);
            let seen = at + self.path.rtt + self.jitter();
            self.data(trace, seen, false, &acknowledgement);
        }
    }

    /// Requests of both sides every 3.75 s after hello and reply, each answered.
    fn keep_alive(&mut self, trace: &mut Trace, hello: Nanos, reply: Nanos, leave: Nanos) {
        let slack = self.path.rtt + 10 * MILLISECOND;
        for (number, at) in (1..).zip(times(hello + KEEP_ALIVE, leave - slack, KEEP_ALIVE)) {
            let clock = self.client.clock(at);
            let heads = [0x03, 0x04].map(|kind| self.keep_alive_head(kind, number, clock));
            let [request, answer] = heads.map(|head| [&head[..], &[TLVS], &self.mac(), &[0]].concat());
            self.path.udp(trace, at, true, &request);
            let seen = at + self.path.rtt + self.jitter();
            self.path.udp(trace, seen, false, &answer);
        }
        // The server's first two went with its replies to the hellos.
        for (number, at) in (3..).zip(times(reply + KEEP_ALIVE, leave - slack, KEEP_ALIVE)) {
            let at = at + self.jitter();
            let clock = self.server.clock(at);
            let counters = [&[0x02, 8][..], &self.random.bytes(8)].concat();
            let statistics = [&[0x01, 26][..], &self.random.bytes(26)].concat();
            for (kind, delay, up, about) in
                [(0x03, 0, false, counters), (0x04, 90 * MICROSECOND, true, statistics)]
            {
                let head = self.keep_alive_head(kind, number, clock);
                let message = [&head[..], &[TLVS], &about, &self.mac(), &[0]].concat();
                self.path.udp(trace, at + delay, up, &message);
            }
        }
    }

    /// The first 13 bytes of a keep-alive request (3) or answer (4).
    fn keep_alive_head(&self, kind: u8, number: u32, clock: [u8; 4]) -> Vec<u8> {
        [&[kind][..], &number.to_be_bytes(), &clock, &self.connection.to_be_bytes()].concat()
    }

    /// What is said between two times: (when, whether up, the media layer).
    fn plan(&mut self, from: Nanos, until: Nanos) -> Vec<(Nanos, bool, Vec<u8>)> {
        let mut plan = Vec::new();
        for up in [true, false] {
            let from = if up { from } else { from + 37 * MILLISECOND };
            let series = |after: Nanos, interval: Nanos| (0_u16..).zip(times(from + after, until, interval));
            match self.kind {
                Kind::Video => {
                    let probes = series(0, 45 * MILLISECOND).take(6);
                    plan.extend(probes.map(|(n, at)| (at, up, self.probe(n, at, up))));
                    let feedback = series(400 * MILLISECOND, 2 * SECOND);
                    plan.extend(feedback.map(|(_, at)| (at, up, self.feedback(up))));
                    let pictures = series(900 * MILLISECOND, 400 * MILLISECOND);
                    plan.extend(pictures.map(|(n, at)| (at, up, self.video(n, at, up))));
                    let reports = series(910 * MILLISECOND, SECOND);
                    plan.extend(reports.map(|(n, at)| (at, up, self.report(n, at, up))));
                }
                Kind::Audio => {
                    let sounds = series(0, 200 * MILLISECOND);
                    plan.extend(sounds.map(|(n, at)| (at, up, self.audio(n, at, up))));
                    let reports = series(610 * MILLISECOND, SECOND);
                    plan.extend(reports.map(|(n, at)| (at, up, self.report(n, at, up))));
                }
                Kind::Share => {
                    let acknowledgements = series(0, 2 * SECOND);
                    plan.extend(acknowledgements.map(|(n, at)| (at, up, Self::acknowledgement(n))));
                }
            }
        }
        plan
    }

    /// A data packet: every tenth with the sender's clock before the media.
    fn data(&mut self, trace: &mut Trace, at: Nanos, up: bool, media: &[u8]) {
        let clock = self.side(up).clock(at);
        let connection = self.connection.to_be_bytes();
        let side = if up { &mut self.client } else { &mut self.server };
        let number = side.number;
        side.number = number.wrapping_add(1);
        let with_clock = number % 10 == 9;
        let flags = (u8::from(with_clock) * TLVS) | (u8::from(!up) * FROM_SERVER);
        let mut packet = [&[0x05][..], &number.to_be_bytes(), &connection, &[flags]].concat();
        if with_clock {
            packet.extend([&[0x07, 4][..], &clock, &[0]].concat());
        }
        packet.extend_from_slice(media);
        self.path.udp(trace, at, up, &packet);
    }

    fn close(&mut self, trace: &mut Trace, at: Nanos) {
        let head = [&[0x07, 0, 0, 0, 0][..], &self.connection.to_be_bytes()].concat();
        let close = [&head[..], &[TLVS], &self.mac(), &[0]].concat();
        self.path.udp(trace, at, true, &close);
    }

    fn audio(&mut self, number: u16, at: Nanos, up: bool) -> Vec<u8> {
        let payload = 70 + self.random.below(60);
        let rtp = self.rtp(113, number, u32::from(number) * 9600, up, payload);
        let length = u16::try_from(rtp.len()).unwrap_or(0).to_be_bytes();
        [&self.head(15, 17, number, at, up)[..], &length, &rtp].concat()
    }

    fn video(&mut self, number: u16, at: Nanos, up: bool) -> Vec<u8> {
        let payload = 420 + self.random.below(460);
        // One packet makes a frame, so each has the marker bit besides payload type 98.
        let rtp = self.rtp(0xe2, number, u32::from(number) * 36_000, up, payload);
        let picture = number.to_be_bytes();
        [&self.head(16, 24, number, at, up)[..], &[0, 0, 0, 0x02], &picture, &[1], &rtp].concat()
    }

    /// An RTCP sender report of this socket's stream (RFC 3550 section 6.4.1).
    fn report(&mut self, number: u16, at: Nanos, up: bool) -> Vec<u8> {
        let (kind, rate, packets, octets) =
            if self.kind == Kind::Audio { (34, 48_000, 5, 600) } else { (33, 90_000, 2, 1500) };
        let count = u32::from(number) + 1;
        let timestamp = self.side(up).first.1.wrapping_add(count * rate).to_be_bytes();
        let counts = [count * packets, count * octets].map(u32::to_be_bytes).concat();
        let head = self.head(kind, 16, number, at, up);
        let sender = [&[0x80, 200, 0, 6][..], &self.ssrc(up), &self.ntp(at), &timestamp, &counts].concat();
        [head.get(..16).unwrap_or_default(), &sender].concat()
    }

    fn rtp(&mut self, payload_type: u8, number: u16, elapsed: u32, up: bool, payload: u64) -> Vec<u8> {
        let (sequence, timestamp) = self.side(up).first;
        let sequence = sequence.wrapping_add(number).to_be_bytes();
        let timestamp = timestamp.wrapping_add(elapsed).to_be_bytes();
        let head = [&[0x90, payload_type][..], &sequence, &timestamp, &self.ssrc(up)].concat();
        // One word of one-byte extension elements (RFC 8285).
        let extension = [&[0xbe, 0xde, 0, 1, 0x10][..], &self.random.array::<1>(), &[0, 0]].concat();
        let payload = self.random.bytes(usize::try_from(payload).unwrap_or(0));
        [head, extension, payload].concat()
    }

    /// The header that audio, video and RTCP share: 17 bytes, of which RTCP takes 16.
    fn head(&self, kind: u8, length: u8, number: u16, at: Nanos, up: bool) -> Vec<u8> {
        let (number, clock) = (number.to_be_bytes(), self.side(up).clock(at));
        [&[kind, 0x01, 0x00, 0xfb, 0x90, 0x16, length, 4, 5][..], &number, &clock, &[0, 3]].concat()
    }

    /// A bandwidth probe: 28 bytes of type 21 and a thousand of filler.
    fn probe(&self, number: u16, at: Nanos, up: bool) -> Vec<u8> {
        let counts = [&number.to_be_bytes()[..], &self.side(up).clock(at), &1000_u32.to_be_bytes()].concat();
        [&Self::probe_head(0x33, up)[..], &[0x01, 0x0d, 0xff], &counts, &[0; 5], &[1; 1000]].concat()
    }

    /// What the receiver of a probe says about it, of which only the head is known.
    fn feedback(&mut self, up: bool) -> Vec<u8> {
        [Self::probe_head(0x01, up), self.random.bytes(52)].concat()
    }

    fn probe_head(what: u8, up: bool) -> Vec<u8> {
        let sender: [u8; 2] = if up { [2, 3] } else { [0, 0] };
        [&[0x15, 1, 0, 0, 0, 0][..], &sender, &[0, what]].concat()
    }

    /// An acknowledgement of the share channel.
    fn acknowledgement(number: u16) -> Vec<u8> {
        [&[0x0a, 6, 0, 0, 0][..], &number.to_be_bytes(), &[0; 12]].concat()
    }

    /// The TLV that looks like a message authentication code.
    fn mac(&mut self) -> Vec<u8> {
        [vec![0x05, 64], self.random.bytes(64)].concat()
    }

    /// The participant and the kind of media, as Zoom writes them.
    fn ssrc(&self, up: bool) -> [u8; 4] {
        let kind = match self.kind {
            Kind::Video => 1,
            Kind::Audio => 2,
            Kind::Share => 3,
        };
        [0x01, 0x00, self.side(up).participant, kind]
    }

    /// The wall clock in NTP's form (RFC 5905 section 6).
    fn ntp(&self, at: Nanos) -> [u8; 8] {
        let nanos = i128::from(self.start.nanos()) + i128::from(at) + NTP_EPOCH * i128::from(SECOND);
        u64::try_from((nanos << 32) / i128::from(SECOND)).unwrap_or(0).to_be_bytes()
    }

    fn side(&self, up: bool) -> &Side {
        if up { &self.client } else { &self.server }
    }

    fn jitter(&mut self) -> Nanos {
        jitter(&mut self.random, self.path.rtt)
    }
}

impl Side {
    fn clock(&self, at: Nanos) -> [u8; 4] {
        self.uptime.wrapping_add(u32::try_from(at / MILLISECOND).unwrap_or(0)).to_be_bytes()
    }
}

/// The times from `from` at an interval, before `until`.
fn times(from: Nanos, until: Nanos, interval: Nanos) -> impl Iterator<Item = Nanos> {
    std::iter::successors(Some(from), move |at| Some(at + interval)).take_while(move |at| *at < until)
}

/// A small number that differs between servers, so that copies to several do not share an instant.
fn order_of(path: Path) -> Nanos {
    Random::new(0).part(&path.server().to_string()).below(20).cast_signed()
}

/// The interval of keep-alive requests.
const KEEP_ALIVE: Nanos = 3750 * MILLISECOND;
/// The flag of data, keep-alive and close that says: type-length-values follow.
const TLVS: u8 = 0x01;
/// The flag of data that the server sends.
const FROM_SERVER: u8 = 0x04;
/// Seconds from NTP's beginning in 1900 to 1970.
const NTP_EPOCH: i128 = 2_208_988_800;

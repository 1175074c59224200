//! `zoom`: a study day. The client is started and signs in, waits, joins a meeting and leaves it, again and again, reports to
//! its telemetry all the time, and others on the network browse the web.
//!
//! Host names and addresses are those of the captures in `captures/`, whose scenarios say where they come from.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr};

use borderpost::frame::Timestamp;

use super::ethernet::{Path, Tcp, Way, of_another_machine};
use super::hello::{TlsHello, application_data, server_flight};
use super::media::{Call, Meeting, look_up};
use super::mixed::Connections;
use super::name::Server;
use super::random::Random;
use super::{START, Sent};

/// A day that does not end.
pub(super) struct Day {
    random: Random,
    /// Whoever has something to say.
    speakers: Vec<Speaker>,
    /// What the client will do, in order of time.
    plan: VecDeque<(i64, Deed)>,
    /// Rounds planned so far.
    rounds: usize,
    /// When the next round begins, in nanoseconds.
    next_round: i64,
    /// Ports that the client has used.
    ports: u16,
    /// The time of the frame before, in nanoseconds.
    last: i64,
}

/// Somebody's frames in order of time.
struct Speaker {
    next: Sent,
    rest: Box<dyn Iterator<Item = Sent>>,
}

/// One thing that the client does.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// Looks up a host, and exchanges so many requests with it, so many nanoseconds apart.
    Visit { host: &'static Host, requests: u32, pause: i64 },
    /// Joins a meeting for so many nanoseconds.
    Meet(i64),
}

/// A host of Zoom's.
#[derive(Debug)]
struct Host {
    name: &'static str,
    ipv4: Ipv4Addr,
    /// Nanoseconds there and back.
    round_trip: i64,
}

impl Day {
    pub(super) fn new() -> io::Result<Self> {
        let others =
            Connections::without_zoom()?.map(|sent| Sent { bytes: of_another_machine(sent.bytes), ..sent });
        Ok(Self {
            random: Random::new(8),
            speakers: Speaker::new(others).into_iter().collect(),
            plan: VecDeque::new(),
            rounds: 0,
            next_round: START,
            ports: 0,
            last: START,
        })
    }

    /// Plans from one start of the client to the next.
    fn plan_round(&mut self) {
        let start = self.next_round;
        let minutes = MEETINGS.get(self.rounds % MEETINGS.len()).copied().unwrap_or(1);
        let join = start + 2 * MINUTE;
        let leave = join + minutes * MINUTE;
        let end = leave + 5 * MINUTE;
        let visit = |host, requests, pause| Deed::Visit { host, requests, pause };
        let mut plan = vec![
            (start + SECOND, visit(&LOG, 3, SECOND)),
            (start + 2 * SECOND, visit(&SIGN_IN, 4, SECOND / 2)),
            (start + 3 * SECOND, visit(&WEB, 6, SECOND / 3)),
            // Notifications, on a connection that stays.
            (start + 5 * SECOND, visit(&PUSH, requests_until(end - start), 30 * SECOND)),
            (join - 2 * SECOND, visit(&CONTROLLER, requests_until(leave - join), 30 * SECOND)),
            (join, Deed::Meet(leave - join)),
            (leave + SECOND, visit(&LOG, 5, SECOND / 2)),
        ];
        let reports = (1..).map(|minute| start + minute * MINUTE).take_while(|at| *at < end);
        plan.extend(reports.map(|at| (at, visit(&TELEMETRY, 2, SECOND))));
        plan.sort_by_key(|(at, _)| *at);
        self.plan.extend(plan);
        self.rounds += 1;
        self.next_round = end;
    }

    /// Lets the client do what it is time for; `None` where a hello cannot be made.
    fn begin(&mut self, at: i64, deed: Deed) -> Option<()> {
        let port = 50_000 + self.ports;
        self.ports = (self.ports + 10) % 10_000;
        let speaker = match deed {
            Deed::Visit { host, requests, pause } => {
                Speaker::new(host.visit(at, port, requests, pause, &mut self.random).ok()?.into_iter())
            }
            Deed::Meet(length) => {
                let call = Call {
                    start: at,
                    seed: self.random.number(),
                    client: CLIENT,
                    port,
                    router: ROUTER.server(),
                };
                let end = Timestamp::from_nanos(at + length);
                Speaker::new(Meeting::of(&call).ok()?.take_while(move |sent| sent.time < end))
            }
        };
        self.speakers.extend(speaker);
        Some(())
    }

    /// The frame of one speaker that is due; who has no other after it is silent from then on.
    fn speak(&mut self, position: usize) -> Option<Sent> {
        let speaker = self.speakers.get_mut(position)?;
        match speaker.rest.next() {
            Some(next) => Some(mem::replace(&mut speaker.next, next)),
            None => Some(self.speakers.swap_remove(position).next),
        }
    }
}

impl Iterator for Day {
    type Item = Sent;

    fn next(&mut self) -> Option<Sent> {
        let first = loop {
            if self.plan.is_empty() {
                self.plan_round();
            }
            let times = self.speakers.iter().map(|speaker| speaker.next.time.nanos());
            let (first, time) = times.enumerate().min_by_key(|(_, time)| *time)?;
            let Some((at, deed)) = self.plan.front().copied().filter(|(at, _)| *at <= time) else {
                break first;
            };
            self.plan.pop_front();
            self.begin(at, deed)?;
        };
        let sent = self.speak(first)?;
        // Two may speak at once; the file has microseconds.
        self.last = sent.time.nanos().max(self.last + 1000);
        Some(Sent { time: Timestamp::from_nanos(self.last), ..sent })
    }
}

impl Speaker {
    /// `None` for who has nothing to say.
    fn new(mut frames: impl Iterator<Item = Sent> + 'static) -> Option<Self> {
        Some(Self { next: frames.next()?, rest: Box::new(frames) })
    }
}

impl Host {
    const fn new(name: &'static str, [a, b, c, d]: [u8; 4], milliseconds: i64) -> Self {
        Self { name, ipv4: Ipv4Addr::new(a, b, c, d), round_trip: milliseconds * MILLISECOND }
    }

    fn server(&self) -> Server {
        Server { name: self.name.to_owned(), ipv4: self.ipv4, ..Server::new(0) }
    }

    /// A look-up, a TLS connection, requests with their answers, and the end of it.
    fn visit(
        &self,
        start: i64,
        port: u16,
        requests: u32,
        pause: i64,
        random: &mut Random,
    ) -> io::Result<Vec<Sent>> {
        let server = self.server();
        let path = Path {
            client: SocketAddr::new(CLIENT.into(), port + 1),
            server: SocketAddr::new(self.ipv4.into(), 443),
        };
        let mut frames = Vec::new();
        let mut say = |at: i64, bytes| frames.push(Sent { time: Timestamp::from_nanos(at), bytes });
        let [query, answer] = look_up(&server, SocketAddr::new(CLIENT.into(), port));
        say(start, query);
        say(start + 8 * MILLISECOND, answer);
        let mut now = start + 9 * MILLISECOND;
        let mut tcp = Tcp::new(path, random);
        say(now, tcp.ask());
        now += self.round_trip;
        say(now, tcp.accept());
        say(now + MILLISECOND / 10, tcp.say(Way::Up, &[]));
        say(now + MILLISECOND / 5, tcp.say(Way::Up, &TlsHello::naming(&server.name)?));
        now += self.round_trip + MILLISECOND;
        say(now, tcp.say(Way::Down, &server_flight(random, 1200)));
        say(now + MILLISECOND / 10, tcp.say(Way::Up, &[]));
        for _ in 0..requests {
            now += pause;
            let length = 300 + random.below(1000);
            say(now, tcp.say(Way::Up, &application_data(random, length)));
            let length = 200 + random.below(1100);
            now += self.round_trip + 2 * MILLISECOND;
            say(now, tcp.say(Way::Down, &application_data(random, length)));
            say(now + MILLISECOND / 10, tcp.say(Way::Up, &[]));
        }
        now += pause;
        for frame in tcp.close() {
            say(now, frame);
            now += self.round_trip / 2;
        }
        Ok(frames)
    }
}

/// Requests half a minute apart that fill so many nanoseconds.
fn requests_until(length: i64) -> u32 {
    u32::try_from(length / (30 * SECOND)).unwrap_or(0)
}

const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1000 * MILLISECOND;
const MINUTE: i64 = 60 * SECOND;
/// How long meetings are, in minutes, in turn; the first is a trial. A minute is about 20 MB.
const MEETINGS: [i64; 4] = [1, 10, 20, 20];

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 10);
static LOG: Host = Host::new("log.zoom.us", [52, 202, 62, 238], 92);
static SIGN_IN: Host = Host::new("zoom.us", [52, 202, 62, 196], 91);
static WEB: Host = Host::new("us02web.zoom.us", [170, 114, 52, 36], 3);
static PUSH: Host = Host::new("us02zpns.zoom.us", [134, 224, 16, 62], 91);
static TELEMETRY: Host = Host::new("us.telemetry.zoom.us", [3, 235, 96, 40], 93);
static CONTROLLER: Host = Host::new("zoomfran84zc.fra.zoom.us", [213, 244, 140, 84], 8);
static ROUTER: Host = Host::new("zoomfran139mmr.fra.zoom.us", [213, 244, 140, 139], 8);

//! `flows`: as many flows as fit, each a handshake and a ClientHello.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use super::ethernet::{Path, Tcp, Way};
use super::hello::TlsHello;
use super::name::{Server, public_ipv4};
use super::random::Random;
use super::{Clock, Sent};

/// Connections of which many are open at a time, so that no table of flows is read in order.
#[derive(Debug)]
pub(super) struct Handshakes {
    clock: Clock,
    random: Random,
    hello: TlsHello,
    open: Vec<Open>,
    /// Connections begun so far.
    begun: u32,
}

/// One connection, and how far it is.
#[derive(Debug)]
struct Open {
    tcp: Tcp,
    /// The number of the name that it asks for.
    name: u32,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Syn,
    SynAck,
    Ack,
    Hello,
}

impl Handshakes {
    pub(super) fn new() -> io::Result<Self> {
        let mut handshakes = Self {
            clock: Clock::new(),
            random: Random::new(7),
            hello: TlsHello::classic()?,
            open: Vec::with_capacity(OPEN as usize),
            begun: 0,
        };
        for _ in 0..OPEN {
            let open = handshakes.begin();
            handshakes.open.push(open);
        }
        Ok(handshakes)
    }

    /// A connection that no other is like: clients take turns, and each takes the next port when its turn comes.
    fn begin(&mut self) -> Open {
        let number = self.begun;
        self.begun += 1;
        let [.., c, d] = (number % CLIENTS).to_be_bytes();
        let port = u16::try_from(49152 + number / CLIENTS % 16384).unwrap_or(0);
        let client = SocketAddr::new(Ipv4Addr::new(10, 2, c, d).into(), port);
        let name = self.random.below(NAMES);
        let address = u64::from(name * ADDRESSES + self.random.below(ADDRESSES));
        let server = SocketAddr::new(public_ipv4(&mut Random::new(SERVERS + address)).into(), 443);
        let tcp = Tcp::new(Path { client, server }, &mut self.random);
        Open { tcp, name, step: Step::Syn }
    }
}

impl Iterator for Handshakes {
    type Item = Sent;

    fn next(&mut self) -> Option<Sent> {
        let time = self.clock.advance(&mut self.random, 200);
        let turn = self.random.below(OPEN) as usize;
        let Open { tcp, name, step } = self.open.get_mut(turn)?;
        let bytes = match *step {
            Step::Syn => tcp.ask(),
            Step::SynAck => tcp.accept(),
            Step::Ack => tcp.say(Way::Up, &[]),
            Step::Hello => tcp.say(Way::Up, &self.hello.to(&Server::new(*name))),
        };
        match step {
            Step::Syn => *step = Step::SynAck,
            Step::SynAck => *step = Step::Ack,
            Step::Ack => *step = Step::Hello,
            Step::Hello => {
                let next = self.begin();
                *self.open.get_mut(turn)? = next;
            }
        }
        Some(Sent { time, bytes })
    }
}

/// Connections at a time.
const OPEN: u32 = 16 * 1024;
/// Machines that take turns; with their ports they have 8 million connections before one comes again.
const CLIENTS: u32 = 500;
const NAMES: u32 = 50_000;
/// Addresses of each name, so that there are 200,000 in all, a few of which two names share.
const ADDRESSES: u32 = 4;
/// Keeps the addresses apart from those of the servers of other workloads.
const SERVERS: u64 = 1 << 32;

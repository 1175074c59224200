//! `small`: the least bytes to a packet, on many flows.

use std::net::{Ipv4Addr, SocketAddr};

use super::ethernet::{Path, Tcp, Way};
use super::name::public_ipv4;
use super::random::Random;
use super::{Clock, Sent};

/// Frames of 64 bytes on 20,000 flows, TCP joined in the middle and UDP in turn.
#[derive(Debug)]
pub(super) struct Flows {
    random: Random,
    clock: Clock,
    all: Vec<Flow>,
    /// How many of them have spoken.
    begun: u32,
}

#[derive(Debug)]
enum Flow {
    Tcp(Tcp),
    Udp(Path),
}

impl Flows {
    pub(super) fn new() -> Self {
        let mut random = Random::new(3);
        let all = (0..COUNT).map(|number| Flow::new(number, &mut random)).collect();
        Self { random, clock: Clock::new(), all, begun: 0 }
    }

    /// Every flow once, and from then on the smaller of two numbers: the first flows speak most, the last hardly ever.
    fn choose(&mut self) -> usize {
        let choices = [self.random.below(COUNT), self.random.below(COUNT)];
        let number = if self.begun < COUNT { self.begun } else { choices[0].min(choices[1]) };
        self.begun = COUNT.min(self.begun + 1);
        number as usize
    }
}

impl Iterator for Flows {
    type Item = Sent;

    fn next(&mut self) -> Option<Sent> {
        let time = self.clock.advance(&mut self.random, 20);
        let flow = self.choose();
        let way = Way::choose(&mut self.random, 50);
        let bytes = match self.all.get_mut(flow)? {
            Flow::Tcp(tcp) => tcp.say(way, self.random.noise(TCP_PAYLOAD)),
            Flow::Udp(path) => path.udp(way, self.random.noise(UDP_PAYLOAD)),
        };
        Some(Sent { time, bytes })
    }
}

impl Flow {
    fn new(number: u32, random: &mut Random) -> Self {
        let [.., c, d] = number.to_be_bytes();
        let port = 49152 + random.below(16384);
        let client = SocketAddr::new(Ipv4Addr::new(10, 1, c, d).into(), u16::try_from(port).unwrap_or(0));
        if number.is_multiple_of(2) {
            let server = SocketAddr::new(public_ipv4(random).into(), 5000);
            return Self::Udp(Path { client, server });
        }
        let server = SocketAddr::new(public_ipv4(random).into(), 8443);
        Self::Tcp(Tcp::new(Path { client, server }, random))
    }
}

const COUNT: u32 = 20_000;
/// What is left of 64 bytes after Ethernet, IPv4 and TCP headers.
const TCP_PAYLOAD: u32 = 10;
/// What is left of 64 bytes after Ethernet, IPv4 and UDP headers.
const UDP_PAYLOAD: u32 = 22;

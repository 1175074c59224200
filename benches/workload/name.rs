//! Servers: a name of fixed length, addresses, and the DNS messages that tie them together (RFC 1035).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::random::Random;

/// One of the servers that are talked to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Server {
    /// Its name; of [`Server::NAME_LENGTH`] bytes where it has a number.
    pub(crate) name: String,
    /// Its IPv4 address, anywhere in the public range.
    pub(crate) ipv4: Ipv4Addr,
    /// Its IPv6 address, anywhere in what the RIPE NCC gives out.
    pub(crate) ipv6: Ipv6Addr,
}

impl Server {
    /// How many `mixed` has.
    pub(crate) const COUNT: u32 = 5000;
    /// The length of every numbered name.
    pub(crate) const NAME_LENGTH: usize = 24;

    /// A server by its number, of at most five digits.
    pub(crate) fn new(number: u32) -> Self {
        let mut random = Random::new(u64::from(number));
        let front = u128::from(0x2a00 | random.below(16)) << 112;
        Self {
            name: format!("host-{number:05}.{}", DOMAINS[number as usize % DOMAINS.len()]),
            ipv4: public_ipv4(&mut random),
            ipv6: Ipv6Addr::from_bits(front | u128::from(random.number())),
        }
    }

    /// Whether the server of a number has one of Zoom's names. The one before it then has not.
    pub(super) const fn is_zoom(number: u32) -> bool {
        number as usize % DOMAINS.len() == DOMAINS.len() - 1
    }

    /// Its address in one of the families.
    pub(crate) fn address(&self, is_ipv6: bool) -> IpAddr {
        if is_ipv6 { self.ipv6.into() } else { self.ipv4.into() }
    }
}

/// An address of the public unicast range, give or take the special blocks inside it.
pub(super) fn public_ipv4(random: &mut Random) -> Ipv4Addr {
    let [_, b, c, d] = random.word().to_be_bytes();
    let first = loop {
        let first = 1 + random.below(223);
        if ![10, 100, 127, 169, 172, 192, 198, 203].contains(&first) {
            break first;
        }
    };
    Ipv4Addr::new(u8::try_from(first).unwrap_or(1), b, c, d)
}

/// The question for a server's address.
pub(super) fn query(server: &Server, is_ipv6: bool, id: u16) -> Vec<u8> {
    let mut message = head(id, RECURSION_DESIRED, 0);
    question(&mut message, server, is_ipv6);
    message
}

/// The answer to it: an alias in the same domain, and the alias's address.
pub(crate) fn answer(server: &Server, is_ipv6: bool, id: u16) -> Vec<u8> {
    let mut message = head(id, RESPONSE | RECURSION_DESIRED | RECURSION_AVAILABLE, 2);
    question(&mut message, server, is_ipv6);
    // The alias is one label and a pointer to the domain behind the question's first label.
    let alias_at = u16::try_from(message.len() + 12).unwrap_or(0);
    let first = server.name.find('.').unwrap_or_default();
    let domain = [0xc0, u8::try_from(12 + 1 + first).unwrap_or(0)];
    message.extend([&[0xc0, 12, 0, 5, 0, 1, 0, 0, 1, 0x2c, 0, 8, 5][..], b"alias", &domain].concat());
    message.extend((POINTER | alias_at).to_be_bytes());
    message.extend([&kind(is_ipv6)[..], &[0, 1, 0, 0, 0, 60]].concat());
    match server.address(is_ipv6) {
        IpAddr::V4(address) => message.extend([&[0, 4][..], &address.octets()].concat()),
        IpAddr::V6(address) => message.extend([&[0, 16][..], &address.octets()].concat()),
    }
    message
}

fn head(id: u16, flags: u16, answers: u16) -> Vec<u8> {
    [id, flags, 1, answers, 0, 0].map(u16::to_be_bytes).concat()
}

fn question(message: &mut Vec<u8>, server: &Server, is_ipv6: bool) {
    for label in server.name.split('.') {
        message.push(u8::try_from(label.len()).unwrap_or(0));
        message.extend(label.bytes());
    }
    message.extend([&[0][..], &kind(is_ipv6), &[0, 1]].concat());
}

fn kind(is_ipv6: bool) -> [u8; 2] {
    if is_ipv6 { [0, 28] } else { [0, 1] }
}

/// Of one length, so that names fit into the same places; the last is Zoom's.
const DOMAINS: [&str; 4] = ["a.example.com", "b.example.net", "c.example.org", "media.zoom.us"];
const RESPONSE: u16 = 0x8000;
const RECURSION_DESIRED: u16 = 0x0100;
const RECURSION_AVAILABLE: u16 = 0x0080;
const POINTER: u16 = 0xc000;

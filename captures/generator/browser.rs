//! The media of a page in a browser: ICE's STUN (RFC 8489, 8445), DTLS, and the data channels inside it, as browsers
//! exchange them with a gateway for the web.
//!
//! Input: a path, a kind of media, times. Output: datagrams in the trace. Must not: know a key: integrity codes and what
//! is encrypted are random bytes of the right length. Media are thinned to a few packets a second.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use super::Result;
use super::dtls::{self, Records};
use super::frame::{Path, Trace};
use super::random::Random;
use super::scenario::{Browser, Kind, MICROSECOND, MILLISECOND, Nanos, SECOND};
use super::stand_in::Ends;
use super::tcp::jitter;

/// One ICE session from its first check to its last record. `order` counts the page's sessions from 0.
pub(crate) fn session(
    trace: &mut Trace,
    path: Path,
    step: &Browser,
    ends: &Ends,
    (order, kind): (u32, Kind),
    seen_as: IpAddr,
    random: &Random,
) -> Result<()> {
    let own = random.part(&format!("session {order}"));
    let mut ice = Ice::new(path, seen_as, random, &own);
    let mut random = own.part("talk");
    let begun = step.at.0 + i64::from(order) * 22 * MILLISECOND;
    let until = step.until.0 + i64::from(order) * 300 * MICROSECOND;
    let connected = ice.check(trace, begun);
    let mut at = begun + CONSENT;
    while at < until {
        ice.check(trace, at);
        at += CONSENT - 500 * MILLISECOND + i64::try_from(random.below(SECOND.unsigned_abs()))?;
    }
    let (flights, mut sides) = dtls::handshake(&step.host, ends, &own.part("dtls"))?;
    let mut at = connected + MILLISECOND;
    for flight in flights {
        if !flight.is_up {
            at += path.rtt + jitter(&mut random, path.rtt);
        }
        for datagram in flight.datagrams {
            path.udp(trace, at, flight.is_up, &datagram);
            at += 15 * MICROSECOND;
        }
        at += 400 * MICROSECOND;
    }
    media(trace, path, kind, (at, until), &mut sides, &mut random);
    let [client, _] = &mut sides;
    path.udp(trace, until, true, &client.farewell());
    Ok(())
}

/// Records of data in both directions between two times.
fn media(
    trace: &mut Trace,
    path: Path,
    kind: Kind,
    (from, until): (Nanos, Nanos),
    sides: &mut [Records; 2],
    random: &mut Random,
) {
    let (interval, smallest, spread) = match kind {
        Kind::Audio => (200 * MILLISECOND, 110, 60),
        Kind::Video => (400 * MILLISECOND, 480, 500),
        Kind::Share => (2 * SECOND, 60, 20),
    };
    for (is_up, side) in [true, false].into_iter().zip(sides) {
        let last = if is_up { until - 20 * MILLISECOND } else { until - path.rtt };
        let mut at = from + if is_up { 0 } else { path.rtt + 31 * MILLISECOND };
        while at < last {
            let length = usize::try_from(smallest + random.below(spread)).unwrap_or(0);
            path.udp(trace, at, is_up, &side.data(length));
            at += interval + jitter(random, path.rtt);
        }
    }
}

/// One end's checks of whether the other is there and agrees.
struct Ice {
    path: Path,
    /// The name of the session, which both ends made a half of.
    username: String,
    /// What settles who leads.
    tie_breaker: [u8; 8],
    /// What the gateway sees the client as.
    mapped: SocketAddr,
    random: Random,
}

impl Ice {
    /// The gateway's half of the name is one for the whole page.
    fn new(path: Path, seen_as: IpAddr, page: &Random, own: &Random) -> Self {
        let mut random = own.part("ice");
        let username = format!("{}:{}", uuid(&mut random), uuid(&mut page.part("gateway")));
        let tie_breaker = random.array();
        // A router that translates draws a port of its own.
        let is_translated = seen_as != path.client().ip();
        let port = if is_translated { 1024 + random.half() % 48_000 } else { path.client().port() };
        Self { path, username, tie_breaker, mapped: SocketAddr::new(seen_as, port), random }
    }

    /// A request and its answer; gives the time of the answer.
    fn check(&mut self, trace: &mut Trace, at: Nanos) -> Nanos {
        let id: [u8; 12] = self.random.array();
        let asked = [
            attribute(USERNAME, self.username.as_bytes()),
            attribute(ICE_CONTROLLING, &self.tie_breaker),
            attribute(USE_CANDIDATE, &[]),
            attribute(PRIORITY, &[0x6e, 0x7f, 0x1e, 0xff]),
        ];
        let request = self.message(REQUEST, id, &asked.concat());
        self.path.udp(trace, at, true, &request);
        let mapped = attribute(XOR_MAPPED_ADDRESS, &masked(self.mapped, id));
        let answer = self.message(SUCCESS, id, &mapped);
        let seen = at + self.path.rtt + jitter(&mut self.random, self.path.rtt);
        self.path.udp(trace, seen, false, &answer);
        seen
    }

    /// A message with its integrity code, which only the ends can check, and its fingerprint, which anybody can.
    fn message(&mut self, kind: u16, id: [u8; 12], attributes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(attributes.len() + 24 + 8).unwrap_or(u16::MAX);
        let integrity = attribute(MESSAGE_INTEGRITY, &self.random.array::<20>());
        let (kind, length) = (kind.to_be_bytes(), length.to_be_bytes());
        let mut message = [&kind[..], &length, &COOKIE, &id, attributes, &integrity].concat();
        let fingerprint = crc32(&message) ^ FINGERPRINT_MASK;
        message.extend(attribute(FINGERPRINT, &fingerprint.to_be_bytes()));
        message
    }
}

/// An attribute, padded to a multiple of four.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    let mut bytes = [&kind.to_be_bytes()[..], &length.to_be_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// An address under the mask that keeps routers from translating it (RFC 8489 section 14.2).
fn masked(address: SocketAddr, id: [u8; 12]) -> Vec<u8> {
    let (family, octets) = match address.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let mask = || COOKIE.into_iter().chain(id);
    let port = address.port().to_be_bytes();
    let under = |bytes: &[u8]| bytes.iter().zip(mask()).map(|(byte, mask)| byte ^ mask).collect::<Vec<u8>>();
    [&[0, family][..], &under(&port), &under(&octets)].concat()
}

/// The check of ISO 3309, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

/// A UUID in capital letters, as Zoom writes them here.
fn uuid(random: &mut Random) -> String {
    let mut text = String::new();
    for (place, byte) in random.array::<16>().iter().enumerate() {
        let hyphen = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{hyphen}{byte:02X}");
    }
    text
}

/// Between two checks: browsers draw from 4 to 6 seconds.
const CONSENT: Nanos = 5 * SECOND;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const REQUEST: u16 = 0x0001;
const SUCCESS: u16 = 0x0101;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLING: u16 = 0x802a;
/// RFC 8489 section 14.7.
const FINGERPRINT_MASK: u32 = 0x5354_554e;

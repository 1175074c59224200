//! The scenario file: who the client is, which hosts there are, and what happens when.
//!
//! Input: the text of `captures/scenarios/NAME.toml`. Output: a [`Scenario`]. Must not: make a byte of traffic.
//! The grammar is described for people in `captures/README.md`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use borderpost::data::{self, DataError};
use serde::Deserialize;

/// Nanoseconds since the start of the capture.
pub(crate) type Nanos = i64;

/// One microsecond.
pub(crate) const MICROSECOND: Nanos = 1_000;
/// One millisecond.
pub(crate) const MILLISECOND: Nanos = 1_000_000;
/// One second.
pub(crate) const SECOND: Nanos = 1_000_000_000;

/// A whole scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// What the capture is for, in a sentence or two.
    pub(crate) purpose: String,
    /// The time of the first instant, in UTC.
    pub(crate) start: Start,
    /// What all random bytes derive from.
    pub(crate) seed: u64,
    /// The machine that is captured.
    pub(crate) client: Client,
    /// Everybody it talks to.
    #[serde(rename = "host")]
    pub(crate) hosts: Vec<Host>,
    /// What happens.
    #[serde(rename = "step")]
    pub(crate) steps: Vec<Step>,
    /// The part of it that is captured; without, all of it.
    pub(crate) window: Option<Window>,
    /// A VPN that carries everything which begins after it.
    pub(crate) vpn: Option<Vpn>,
    /// What the person at the machine writes beside the packets.
    #[serde(default, rename = "comment")]
    pub(crate) comments: Vec<Comment>,
}

/// A capture that begins in the middle and ends before the end.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    /// The first instant that is captured.
    pub(crate) from: Seconds,
    /// The first that is not.
    pub(crate) until: Seconds,
}

/// A `WireGuard` tunnel of which the captured interface sees the outside.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vpn {
    /// When its handshake begins. Steps that begin later run inside it.
    pub(crate) at: Seconds,
    /// The other end, by name of host.
    pub(crate) host: String,
    /// The other end's port.
    #[serde(default = "wireguard_port")]
    pub(crate) port: u16,
    /// The client's address inside.
    pub(crate) ipv4: Ipv4Addr,
    /// The resolver inside.
    pub(crate) resolver: Ipv4Addr,
}

/// A comment on the first packet at or after a time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Comment {
    /// When.
    pub(crate) at: Seconds,
    /// What it says.
    pub(crate) text: String,
}

/// The machine on which the capture is taken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    /// The name of the captured interface.
    pub(crate) interface: String,
    /// Its hardware address.
    pub(crate) mac: Mac,
    /// The hardware address of the router, which is the other end of every frame.
    pub(crate) router_mac: Mac,
    /// Its IPv4 address, where it has one; the network is a /24.
    pub(crate) ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address, where it has one; the network is a /64. With one, names are asked for AAAA too.
    pub(crate) ipv6: Option<Ipv6Addr>,
    /// The IPv4 address that servers see it at; its own, unless a router translates it.
    pub(crate) public_ipv4: Option<Ipv4Addr>,
    /// The resolver in the local network.
    pub(crate) resolver: IpAddr,
    /// The smallest round trip to the resolver, in milliseconds.
    #[serde(default = "across_the_room")]
    pub(crate) resolver_rtt_ms: f64,
    /// The largest IP packet that it sends or is sent.
    #[serde(default = "ethernet")]
    pub(crate) mtu: u16,
}

/// A host that the client talks to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Host {
    /// The name that the client asks for and sends as server name.
    pub(crate) name: String,
    /// The names that a DNS answer passes through after it, in order.
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
    /// Its IPv4 address.
    pub(crate) ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address.
    pub(crate) ipv6: Option<Ipv6Addr>,
    /// The smallest round trip from the capture point, in milliseconds.
    pub(crate) rtt_ms: f64,
    /// What it speaks on its port.
    #[serde(default)]
    pub(crate) stack: Stack,
    /// The port of its connections.
    #[serde(default = "https")]
    pub(crate) port: u16,
    /// The one protocol that the client offers by ALPN, where it offers any.
    pub(crate) alpn: Option<String>,
    /// The names in its certificate, the first also as common name; its own name if there are none.
    #[serde(default)]
    pub(crate) certificate: Vec<String>,
}

/// What a host speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stack {
    /// TLS 1.2, whose certificate can be read by anyone.
    Tls12,
    /// TLS 1.3.
    #[default]
    Tls13,
    /// TLS 1.3 where the server first asks for another key share (`HelloRetryRequest`).
    Tls13Retry,
    /// QUIC version 1.
    Quic,
    /// DTLS 1.2: what a browser speaks to the media port of a gateway, whatever the gateway speaks elsewhere.
    #[serde(skip)]
    Dtls,
}

/// One thing that happens.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum Step {
    /// Names are looked up.
    Dns(Lookup),
    /// A TLS or QUIC connection, whatever the host speaks.
    Connect(Connect),
    /// Zoom's STUN without a cookie.
    Stun(Stun),
    /// The media sockets of one Zoom meeting.
    Meeting(Meeting),
    /// The media of a page in a browser.
    Browser(Browser),
}

/// Names that are looked up at one moment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lookup {
    /// When.
    pub(crate) at: Seconds,
    /// The hosts, by name.
    pub(crate) hosts: Vec<String>,
}

/// One connection from its first packet to its last.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connect {
    /// When it is opened.
    pub(crate) at: Seconds,
    /// The host, by name.
    pub(crate) host: String,
    /// Whether IPv6 is used.
    #[serde(default)]
    pub(crate) ipv6: bool,
    /// What is said in it.
    #[serde(default)]
    pub(crate) exchanges: Vec<Exchange>,
    /// When the client closes it; without, it is still open when the capture ends.
    pub(crate) close: Option<Seconds>,
}

/// A request and its answer: so many bytes of application data up and down.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    /// When the request is sent; never before the handshake is done.
    pub(crate) at: Seconds,
    /// Bytes from the client.
    pub(crate) up: usize,
    /// Bytes from the server.
    pub(crate) down: usize,
    /// It is repeated at this interval: an idle connection that is kept alive.
    pub(crate) every: Option<Seconds>,
    /// When the repetition ends.
    pub(crate) until: Option<Seconds>,
}

/// Zoom's own STUN: one local socket asks several servers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stun {
    /// When.
    pub(crate) at: Seconds,
    /// The servers, by name of host.
    pub(crate) hosts: Vec<String>,
    /// The servers' port.
    pub(crate) port: u16,
}

/// The media sockets of one meeting with one media router.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Meeting {
    /// When the first hello is sent.
    pub(crate) at: Seconds,
    /// When the client leaves.
    pub(crate) until: Seconds,
    /// The media router, by name.
    pub(crate) host: String,
    /// The router's port.
    #[serde(default = "media_port")]
    pub(crate) port: u16,
    /// Whether IPv6 is used.
    #[serde(default)]
    pub(crate) ipv6: bool,
    /// One socket for each, in the order in which they are opened.
    pub(crate) sockets: Vec<Kind>,
}

/// What a page in a browser exchanges with a gateway in one meeting.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Browser {
    /// When the first STUN request is sent.
    pub(crate) at: Seconds,
    /// When the page is left.
    pub(crate) until: Seconds,
    /// The gateway, by name.
    pub(crate) host: String,
    /// The gateway's port.
    #[serde(default = "media_port")]
    pub(crate) port: u16,
    /// Whether IPv6 is used.
    #[serde(default)]
    pub(crate) ipv6: bool,
    /// One ICE session for each, in the order in which they are opened.
    pub(crate) sessions: Vec<Kind>,
}

/// What a media socket is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Camera pictures.
    Video,
    /// Sound.
    Audio,
    /// The screen-sharing channel, opened though nobody shares.
    Share,
}

/// A time or an interval in seconds, kept in whole nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(from = "f64")]
pub(crate) struct Seconds(pub(crate) Nanos);

/// The time of a scenario's first instant.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Start(jiff::Timestamp);

/// A hardware address.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Mac(pub(crate) [u8; 6]);

impl Scenario {
    /// Reads a scenario; `file` names it in errors.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, DataError> {
        let scenario: Self = data::parse(file, text)?;
        let vpn = scenario.vpn.iter().map(|vpn| vpn.host.as_str());
        for name in scenario.steps.iter().flat_map(Step::hosts).chain(vpn) {
            if scenario.host(name).is_none() {
                return Err(DataError::about(file, text, name, "no [[host]] has this name"));
            }
        }
        Ok(scenario)
    }

    /// The host of that name.
    pub(crate) fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name == name)
    }
}

impl Host {
    /// The smallest round trip.
    pub(crate) fn rtt(&self) -> Nanos {
        Seconds::from(self.rtt_ms / 1000.0).0
    }

    /// Its address in one family.
    pub(crate) fn address(&self, ipv6: bool) -> Option<IpAddr> {
        if ipv6 { self.ipv6.map(IpAddr::V6) } else { self.ipv4.map(IpAddr::V4) }
    }

    /// The names in its certificate.
    pub(crate) fn certificate_names(&self) -> Vec<String> {
        if self.certificate.is_empty() { vec![self.name.clone()] } else { self.certificate.clone() }
    }
}

impl Client {
    /// Its address in one family.
    pub(crate) fn address(&self, ipv6: bool) -> Option<IpAddr> {
        if ipv6 { self.ipv6.map(IpAddr::V6) } else { self.ipv4.map(IpAddr::V4) }
    }

    /// The address that servers see it at.
    pub(crate) fn seen_as(&self, ipv6: bool) -> Option<IpAddr> {
        let translated = self.public_ipv4.filter(|_| !ipv6).map(IpAddr::V4);
        translated.or_else(|| self.address(ipv6))
    }

    /// The smallest round trip to the resolver.
    pub(crate) fn resolver_rtt(&self) -> Nanos {
        Seconds::from(self.resolver_rtt_ms / 1000.0).0
    }
}

impl Vpn {
    /// The same machine as programs see it while the tunnel is up; `rtt_ms` is the round trip to the other end, behind
    /// which the resolver stands.
    pub(crate) fn inside(&self, client: &Client, rtt_ms: f64) -> Client {
        Client {
            ipv4: Some(self.ipv4),
            ipv6: None,
            public_ipv4: None,
            resolver: self.resolver.into(),
            resolver_rtt_ms: rtt_ms,
            mtu: TUNNEL_MTU,
            ..client.clone()
        }
    }
}

impl Step {
    fn hosts(&self) -> Vec<&str> {
        match self {
            Self::Dns(Lookup { hosts, .. }) | Self::Stun(Stun { hosts, .. }) => {
                hosts.iter().map(String::as_str).collect()
            }
            Self::Connect(Connect { host, .. })
            | Self::Meeting(Meeting { host, .. })
            | Self::Browser(Browser { host, .. }) => vec![host],
        }
    }

    /// When it begins.
    pub(crate) fn at(&self) -> Seconds {
        match self {
            Self::Dns(Lookup { at, .. })
            | Self::Connect(Connect { at, .. })
            | Self::Stun(Stun { at, .. })
            | Self::Meeting(Meeting { at, .. })
            | Self::Browser(Browser { at, .. }) => *at,
        }
    }
}

impl Connect {
    /// Every exchange with its repetitions, in order of time.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        let mut all: Vec<Exchange> = self.exchanges.iter().flat_map(Exchange::repeated).collect();
        all.sort_by_key(|exchange| exchange.at);
        all
    }
}

impl Exchange {
    fn repeated(&self) -> Vec<Self> {
        let (Some(every), Some(until)) = (self.every, self.until) else { return vec![*self] };
        let times = std::iter::successors(Some(self.at.0), |at| Some(at + every.0.max(MILLISECOND)));
        times.take_while(|at| *at <= until.0).map(|at| Self { at: Seconds(at), ..*self }).collect()
    }
}

impl Start {
    /// Nanoseconds since 1970.
    pub(crate) fn nanos(self) -> i64 {
        i64::try_from(self.0.as_nanosecond()).unwrap_or(i64::MAX)
    }

    /// The year in UTC.
    pub(crate) fn year(self) -> i32 {
        i32::from(self.0.to_zoned(jiff::tz::TimeZone::UTC).year())
    }
}

impl From<f64> for Seconds {
    fn from(seconds: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a capture lasts seconds; a cast saturates")]
        Self((seconds * 1e9).round() as Nanos)
    }
}

impl TryFrom<String> for Start {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl TryFrom<String> for Mac {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Mac {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes: Option<Vec<u8>> = text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or("not a hardware address like 02:00:5e:10:00:01")
    }
}

fn https() -> u16 {
    443
}

fn media_port() -> u16 {
    8801
}

fn wireguard_port() -> u16 {
    51820
}

fn ethernet() -> u16 {
    1500
}

fn across_the_room() -> f64 {
    0.9
}

/// What is left of 1500 bytes inside an IPv6 packet of `WireGuard`: what its tools set by default.
const TUNNEL_MTU: u16 = 1420;

//! Facts: what was read off a flow, each with the frame it was read from.
//!
//! Input: what the protocol readers found. Output: one list for the whole capture, later in order of the flows.
//! Must not: draw a conclusion from a fact.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::evidence::moved::Moved;
use crate::evidence::name::NameId;
use crate::evidence::process::ProcessId;
use crate::flow::{FlowId, Side, renumber};
use crate::frame::{FrameRef, Timestamp};
use crate::packet::{Tunnel, TunnelId};
use crate::wire::tls::Offer;
use crate::wire::zoom::MediaKind;

/// Where a name was read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Origin {
    /// The server name of a TLS ClientHello (RFC 6066 section 3).
    Sni,
    /// The server name of a ClientHello as it reads where a receiver takes later copies of bytes that were sent twice and
    /// differ; or of a second hello on the connection, which asks for another name than the first.
    SniOtherCopy,
    /// The server name of the ClientHello in a QUIC Initial (RFC 9001 section 4).
    QuicSni,
    /// The server name of a DTLS ClientHello.
    DtlsSni,
    /// The host that an HTTP request in clear is addressed to (RFC 9110 section 7.2).
    HttpHost,
    /// A subject name of a server certificate of TLS or DTLS 1.2 or before.
    Certificate,
    /// The question of a DNS answer that this host had asked for, and that held the flow's remote address.
    Dns,
    /// An alias in such an answer (CNAME).
    DnsAlias,
    /// The question of an answer whose service record (HTTPS, SVCB) held the flow's remote address as a hint, or that
    /// record's target (RFC 9460).
    DnsHint,
}

impl Origin {
    /// Whether it is what one end asks the other for, so that it names the end that is asked.
    #[must_use]
    pub const fn is_request(self) -> bool {
        matches!(self, Self::Sni | Self::SniOtherCopy | Self::QuicSni | Self::DtlsSni | Self::HttpHost)
    }

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sni => "sni",
            Self::SniOtherCopy => "sni_other_copy",
            Self::QuicSni => "quic_sni",
            Self::DtlsSni => "dtls_sni",
            Self::HttpHost => "http_host",
            Self::Certificate => "certificate",
            Self::Dns => "dns",
            Self::DnsAlias => "dns_alias",
            Self::DnsHint => "dns_hint",
        }
    }
}

/// One thing that a flow says about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    /// The remote end is, or is asked to be, this host.
    Name {
        /// The name.
        name: NameId,
        /// Where it was read.
        origin: Origin,
        /// The side that said it; `None` where it was said elsewhere, as in DNS.
        from: Option<Side>,
    },
    /// The remote end is used as a proxy: it is asked to pass the connection on, and what follows speaks of the other server.
    Proxy(Box<ProxyRequest>),
    /// A name of the server behind such a proxy. It says nothing about who or where the proxy is, so it is shown and never
    /// among the names of the remote end.
    Behind {
        /// The name.
        name: NameId,
        /// Where it was read.
        origin: Origin,
    },
    /// Two copies of the same bytes of the handshake differ, as the frame of the second shows: what the receiver took may be
    /// another text (Ptacek and Newsham, 1998).
    Contested {
        /// Who sent them, or in whose name they were sent.
        from: Side,
    },
    /// A ClientHello was read whole; flows with equal ones share it.
    ClientHello(Arc<Hello>),
    /// The server asked for a second ClientHello. The hello still counts once.
    HelloRetry,
    /// The TLS version that the server chose, as its code point (RFC 8446 section 4.2.1).
    TlsVersion(u16),
    /// A certificate name that is no host name, such as a wildcard, or the organisation it was issued to.
    CertificateText(Box<str>),
    /// The server accepted the TCP connection with one IPv4 time to live or IPv6 hop limit and sent its hello with another.
    HopLimitsDiffer {
        /// That of the packet that accepted.
        accepted: u8,
        /// That of the hello.
        data: u8,
    },
    /// QUIC of this version.
    Quic(u32),
    /// The server, or a box in front of it, demanded that the client come again with a token (RFC 9000 section 8.1.2).
    QuicRetry,
    /// The flow carries DNS that cannot be read.
    EncryptedDns(DnsTransport),
    /// STUN by RFC 8489.
    Stun,
    /// STUN says as which address the asking end is seen from outside.
    MappedAddress {
        /// The end that asked.
        asker: Side,
        /// The address; apart, because few facts need so much room.
        address: Box<SocketAddr>,
    },
    /// A DTLS record.
    Dtls,
    /// The path of a request in clear has this version in it: three or four numbers with dots between.
    PathVersion(Box<str>),
    /// The capture says that the flow is of this process.
    Process(ProcessId),
    /// A datagram of an encrypted tunnel.
    SealedTunnel(Tunnel),
    /// The DTLS version that the server chose: 0xfeff for 1.0, 0xfefd for 1.2, 0xfefc for 1.3.
    DtlsVersion(u16),
    /// Something of Zoom's own layer.
    Zoom(ZoomFact),
}

impl Fact {
    /// The bytes that it alone holds elsewhere, with what the allocator takes for each piece.
    fn boxed(&self) -> usize {
        match self {
            Self::Proxy(request) => size_of::<ProxyRequest>() + request.target.len() + 2 * PER_PIECE,
            Self::CertificateText(text) | Self::PathVersion(text) => text.len() + PER_PIECE,
            Self::MappedAddress { .. } => size_of::<SocketAddr>() + PER_PIECE,
            _ => 0,
        }
    }
}

/// An allocator's own bytes for a piece of memory, and what it rounds up.
pub(super) const PER_PIECE: usize = 16;

/// What a client asks a proxy for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxyRequest {
    /// How it asks.
    pub kind: ProxyKind,
    /// The host and the port that it wants, safe to print.
    pub target: Box<str>,
}

/// How a proxy is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyKind {
    /// HTTP's CONNECT (RFC 9110 section 9.3.6).
    Connect,
    /// An HTTP request with a whole URI, at an address that no DNS answer gave for its host (RFC 9112 section 3.2.2).
    Request,
    /// SOCKS of this version.
    Socks(u8),
}

/// What carries encrypted DNS.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DnsTransport {
    /// TLS (RFC 7858).
    Tls,
    /// QUIC (RFC 9250).
    Quic,
    /// HTTPS (RFC 8484), by the name of a resolver that is known for it, or by the port.
    Https,
}

impl DnsTransport {
    /// Its name in words: "DNS over TLS".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Tls => "DNS over TLS",
            Self::Quic => "DNS over QUIC",
            Self::Https => "DNS over HTTPS",
        }
    }
}

/// What a ClientHello says beside the server's name.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Hello {
    /// Who sent it.
    pub from: Side,
    /// The highest version offered, as its code point; those of DTLS count down from 0xfeff.
    pub version: u16,
    /// The protocols offered (RFC 7301), with commas between; empty where the extension is absent.
    pub alpn: Box<str>,
    /// Whether the extension for an encrypted ClientHello is there. Clients send it without using it, too.
    pub ech: bool,
    /// Whether it goes on with an earlier session.
    pub resumes: bool,
    /// Whether it names the server.
    pub name: HelloName,
    /// The code points that it offers.
    pub offer: Offer,
}

/// Whether a ClientHello named its server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HelloName {
    /// By a name that could be read; the fact [`Fact::Name`] stands beside it.
    Read,
    /// It has no server name.
    Absent,
    /// It has one that is no host name.
    Invalid,
}

/// Facts of Zoom's own layer (`wire::zoom`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ZoomFact {
    /// A message that nothing else sends: the flow is Zoom's by payload.
    Certain,
    /// A message that only looks like Zoom's; it counts where the port or the address speaks for Zoom too.
    Weak,
    /// The client greeted a media server.
    Hello {
        /// Who greeted.
        from: Side,
    },
    /// This socket belongs to the meeting with this id.
    Bind {
        /// The id that all sockets of the meeting share.
        meeting: [u8; 16],
    },
    /// The socket is there for media of this kind: it was bound for it, or carries it or reports on it.
    Media(MediaKind),
    /// The first media on the socket, and its kind. Probes of the bandwidth and reports are none.
    Stream(MediaKind),
    /// One end closed the socket.
    Close {
        /// Who closed.
        from: Side,
        /// 0 for an ordinary leave, 509 where the server gave up on the socket.
        reason: u32,
    },
    /// A request or a reply of Zoom's STUN without cookie.
    Stun,
    /// Two participants greet each other directly.
    PeerHello {
        /// The id that both of them send.
        uuid: [u8; 16],
    },
    /// Media between two participants, without a server's header.
    PeerMedia,
}

/// A fact with its flow, frame and time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The flow that said it.
    pub flow: FlowId,
    /// The frame it was read from; the last one, where it took several.
    pub frame: FrameRef,
    /// That frame's time in nanoseconds since 1970; [`UNTIMED`] for none, so that there is no room for a mark beside it.
    nanos: i64,
    /// What was read.
    pub fact: Fact,
}

/// The time of a frame that has none. As a time it would be the first nanosecond of 1677 that can be written down.
const UNTIMED: i64 = i64::MIN;

impl Entry {
    /// A fact that was read from a frame of a flow.
    #[must_use]
    pub fn new(flow: FlowId, frame: FrameRef, time: Option<Timestamp>, fact: Fact) -> Self {
        Self { flow, frame, nanos: time.map_or(UNTIMED, Timestamp::nanos), fact }
    }

    /// The frame's time.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        (self.nanos != UNTIMED).then(|| Timestamp::from_nanos(self.nanos))
    }
}

/// All facts of a capture.
///
/// While reading it is a list in order of frames. [`Log::sort`] orders it by flow, and by frame within a flow.
#[derive(Clone, Default, Debug)]
pub(super) struct Log {
    entries: Vec<Entry>,
    starts: Vec<u32>,
    /// The bytes that the facts hold beside their entries.
    boxed: usize,
}

impl Log {
    /// Adds a fact.
    pub(super) fn push(&mut self, entry: Entry) {
        self.boxed += entry.fact.boxed();
        self.entries.push(entry);
    }

    /// Keeps what flows said to which `number` gives a new number, under that.
    pub(super) fn retain(&mut self, number: impl Fn(FlowId) -> Option<FlowId>) {
        let Self { entries, boxed, .. } = self;
        entries.retain_mut(|entry| {
            let stays = renumber(&mut entry.flow, &number);
            if !stays {
                *boxed = boxed.saturating_sub(entry.fact.boxed());
            }
            stays
        });
    }

    /// The bytes that the facts fill.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.entries.as_slice()) + self.boxed
    }

    /// Takes over the facts of the next piece.
    pub(super) fn append(&mut self, next: Self, moved: &Moved<'_>) {
        let moved = next.entries.into_iter().filter_map(|mut entry| {
            entry.flow = moved.flow(entry.flow)?;
            entry.frame = moved.frame(entry.frame);
            if let Fact::Name { name, .. } | Fact::Behind { name, .. } = &mut entry.fact {
                *name = moved.name(*name)?;
            }
            Some(entry)
        });
        let before = self.entries.len();
        self.entries.extend(moved);
        let new = self.entries.get(before..).unwrap_or_default();
        self.boxed += new.iter().map(|entry| entry.fact.boxed()).sum::<usize>();
    }

    /// Orders the facts by flow and makes them accessible by flow. Names that come from elsewhere than the flow stand before
    /// what it says itself; `names` are all of them.
    pub(super) fn sort(&mut self, flows: usize, names: Vec<Entry>) {
        self.entries.retain(|entry| !matches!(entry.fact, Fact::Name { from: None, .. }));
        let (said, told) = (self.entries.len(), names.len());
        self.entries.reserve_exact(told);
        self.entries.extend(names);
        if self.entries.is_empty() {
            self.starts = Vec::new();
            return;
        }
        // Places are sorted and the facts moved once: they are large, and a sort that moves them needs room for half of them.
        let places = (said..said + told).chain(0..said);
        self.starts = vec![0; flows + 1];
        for entry in &self.entries {
            if let Some(count) = self.starts.get_mut(entry.flow.0 as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut self.starts {
            sum += *start;
            *start = sum;
        }
        let mut next = self.starts.clone();
        let mut from = vec![0; said + told];
        for place in places {
            let flow = self.entries.get(place).map_or(usize::MAX, |entry| entry.flow.0 as usize);
            let Some(next) = next.get_mut(flow) else { continue };
            if let Some(from) = from.get_mut(*next as usize) {
                *from = number(place);
            }
            *next += 1;
        }
        arrange(&mut self.entries, &mut from);
    }

    /// The facts of one flow in order of frames; nothing before [`Log::sort`].
    #[must_use]
    pub(super) fn of(&self, flow: FlowId) -> &[Entry] {
        let at = flow.0 as usize;
        let bounds = self.starts.get(at).zip(self.starts.get(at + 1));
        bounds.and_then(|(start, end)| self.entries.get(*start as usize..*end as usize)).unwrap_or_default()
    }

    /// Every fact.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }
}

/// A DNS answer that a host of the capture asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// The tunnel that the host is in.
    pub tunnel: TunnelId,
    /// The host that asked.
    pub host: IpAddr,
    /// The address in the answer.
    pub address: IpAddr,
    /// The name asked for, or an alias on the way.
    pub name: NameId,
    /// Which of the two, and by which kind of record.
    pub origin: Origin,
    /// The answer's frame.
    pub frame: FrameRef,
}

/// A place among the facts. Four thousand million do not fit into memory.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Moves to each place what stands at the place that `from` says, which is used up: along each cycle, so that everything is
/// moved once.
fn arrange<T>(items: &mut [T], from: &mut [u32]) {
    for start in 0..from.len() {
        let mut at = start;
        while let Some(next) = from.get_mut(at).map(|next| std::mem::replace(next, number(at)) as usize) {
            if next == start || next >= items.len() {
                break;
            }
            items.swap(at, next);
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fact_takes_little_room() {
        // Large captures have millions.
        assert!(size_of::<Entry>() <= 48, "{}", size_of::<Entry>());
    }

    proptest! {
        #[test]
        fn items_go_where_they_are_sent(keys in proptest::collection::vec(0..20_u8, 0..60)) {
            let mut sorted: Vec<(u8, usize)> = keys.iter().copied().zip(0..).collect();
            sorted.sort_unstable();
            let mut from: Vec<u32> = sorted.iter().map(|(_, place)| number(*place)).collect();
            let mut items: Vec<(u8, usize)> = keys.into_iter().zip(0..).collect();
            arrange(&mut items, &mut from);
            prop_assert_eq!(items, sorted);
        }
    }

    #[test]
    fn what_was_told_elsewhere_stands_before_what_a_flow_says_and_is_told_once() {
        let (mut log, mut names) = (Log::default(), crate::evidence::name::Names::default());
        let name = names.intern(&crate::wire::Hostname::parse(b"zoom.us").unwrap()).unwrap();
        let entry = |flow, frame, fact| Entry::new(FlowId(flow), FrameRef::new(0, frame), None, fact);
        let told = |flow| entry(flow, 1, Fact::Name { name, origin: Origin::Dns, from: None });
        for (flow, frame) in [(1, 2), (0, 3), (1, 4), (0, 5)] {
            log.push(entry(flow, frame, Fact::Stun));
        }
        for _ in 0..2 {
            log.sort(3, vec![told(0), told(1)]);
            let frames =
                |flow| log.of(FlowId(flow)).iter().map(|entry| entry.frame.number()).collect::<Vec<_>>();
            assert_eq!([frames(0), frames(1), frames(2)], [vec![1, 3, 5], vec![1, 2, 4], vec![]]);
        }
    }
}

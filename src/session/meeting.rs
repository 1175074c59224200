//! Meetings: which sockets belong together, and when it began and ended.
//!
//! Input: the flows of one session. Output: meetings. Must not: guess; where no rule of the wire delimits a meeting,
//! the bound says so (`capture_end`, `media_joined_midway`).

use std::net::IpAddr;
use std::time::Duration;

use crate::client::Service;
use crate::evidence::{Fact, ZoomFact};
use crate::flow::FlowId;
use crate::session::{Member, Moment};
use crate::wire::zoom::MediaKind;

/// One meeting, as the client's own sockets show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meeting {
    /// By which way the media went.
    pub kind: MeetingKind,
    /// What its sockets share: the id of their binds, or the UUID of the hello between peers.
    pub key: Option<[u8; 16]>,
    /// Its start.
    pub start: Moment,
    /// What the start was found by.
    pub start_rule: StartRule,
    /// Its end.
    pub end: Moment,
    /// What the end was found by.
    pub end_rule: EndRule,
    /// The kinds of media that its sockets were opened for or carried.
    pub media: Vec<MediaKind>,
    /// The kinds of media that were seen to flow; where a router is used and none is here, the meeting was silent. What is
    /// inside DTLS or goes between participants has no kind that can be seen.
    pub streams: Vec<MediaKind>,
    /// The media servers.
    pub servers: Vec<IpAddr>,
    /// The other participants that were reached directly.
    pub participants: Vec<IpAddr>,
    /// Its flows in order.
    pub flows: Vec<FlowId>,
}

impl Meeting {
    /// Whether no media flowed on its sockets; `None` where that cannot be seen: inside DTLS, between participants, and on
    /// sockets whose beginning is not in the capture.
    #[must_use]
    pub fn is_silent(&self) -> Option<bool> {
        let can_tell = self.kind == MeetingKind::Server && self.key.is_some();
        if self.streams.is_empty() { can_tell.then_some(true) } else { Some(false) }
    }
}

/// By which way a meeting's media went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MeetingKind {
    /// By a media router, in Zoom's own layer.
    Server,
    /// Between the participants.
    Peer,
    /// By a gateway for browsers, in DTLS.
    Browser,
    /// Inside TLS to a media router or gateway, where UDP did not get through.
    Tls,
}

impl MeetingKind {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Peer => "peer",
            Self::Browser => "browser",
            Self::Tls => "tls",
        }
    }
}

/// What a meeting's start was found by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StartRule {
    /// The first hello to a media router.
    Hello,
    /// The first bind, where the hello is not in the capture.
    Bind,
    /// The first frame of media: the capture was joined mid-way.
    MediaJoinedMidway,
    /// The first hello between participants.
    PeerHello,
    /// The first frame between participants, where the hello is not in the capture.
    PeerMedia,
    /// The first frame between a browser and its gateway.
    GatewayContact,
    /// The first frame of a TLS connection to a media router or gateway that carries as much as a call does. What is in it is
    /// not seen.
    MediaOverTls,
}

impl StartRule {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Bind => "bind",
            Self::MediaJoinedMidway => "media_joined_midway",
            Self::PeerHello => "peer_hello",
            Self::PeerMedia => "peer_media",
            Self::GatewayContact => "gateway_contact",
            Self::MediaOverTls => "media_over_tls",
        }
    }
}

/// What a meeting's end was found by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EndRule {
    /// The client's close on the last live socket.
    Close,
    /// No packet for 20 seconds (30 for a browser): the last packet before it; no close was seen.
    Silence,
    /// The connections to the gateway for browsers were closed together with the last packet.
    GatewayClosed,
    /// The capture ends before any of these.
    CaptureEnd,
}

impl EndRule {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Silence => "silence",
            Self::GatewayClosed => "gateway_closed",
            Self::CaptureEnd => "capture_end",
        }
    }
}

/// A dead socket is given up after five keep-alive intervals of 3.75 s.
const SILENCE: Duration = Duration::from_secs(20);
/// A browser's consent checks come every 4 to 6.5 s; without them for 30 s the session is over (RFC 7675 section 5.1).
const BROWSER_SILENCE: Duration = Duration::from_secs(30);
/// A TLS connection to a media router lasts so long where media goes through it; one for control does, too.
const CALL: Duration = Duration::from_secs(10);
/// Bytes of payload a second, both ways, that are more than control takes: two connections for control carried 11,000 a second
/// in a public capture of 2025. A call without pictures may take less, and is then not found.
const CALL_RATE: u64 = 25_000;
/// Packets that were under way when the client closed.
const AFTERMATH: Duration = Duration::from_secs(2);

/// Groups the media flows of one session.
pub(super) fn meetings(members: &[&Member<'_>], end: Moment) -> Vec<Meeting> {
    let sockets: Vec<Socket<'_>> = members.iter().filter_map(|member| Socket::of(member)).collect();
    let mut groups: Vec<Group<'_, '_>> = Vec::new();
    // Sockets that name their meeting first, so that those that do not can join them.
    for socket in sockets.iter().filter(|socket| socket.key.is_some() && socket.kind != MeetingKind::Peer) {
        match groups.iter_mut().find(|group| group.key() == socket.key) {
            Some(group) => group.sockets.push(socket),
            None => groups.push(Group { sockets: vec![socket] }),
        }
    }
    for socket in sockets.iter().filter(|socket| socket.key.is_none() && socket.kind != MeetingKind::Peer) {
        match groups.iter_mut().find(|group| group.takes_server(socket)) {
            Some(group) => group.sockets.push(socket),
            None if socket.is_live => groups.push(Group { sockets: vec![socket] }),
            None => {}
        }
    }
    for socket in sockets.iter().filter(|socket| socket.kind == MeetingKind::Peer) {
        match groups.iter_mut().find(|group| group.takes_peer(socket)) {
            Some(group) => group.sockets.push(socket),
            None => groups.push(Group { sockets: vec![socket] }),
        }
    }
    let mut meetings: Vec<Meeting> = groups.iter().filter_map(|group| group.meeting(members, end)).collect();
    meetings.extend(over_tls(members, &meetings, end));
    meetings.sort_by_key(|meeting| meeting.start);
    meetings
}

/// Meetings whose media goes through TLS: connections to media routers that carry as much as a call does, where no socket for
/// media is beside them.
fn over_tls(members: &[&Member<'_>], known: &[Meeting], capture: Moment) -> Vec<Meeting> {
    let mut found: Vec<Meeting> = Vec::new();
    for member in members.iter().filter(|member| carries_call(member)) {
        let is_beside = |meeting: &Meeting| {
            meeting.start.frame <= member.last.frame && member.first.frame <= meeting.end.frame
        };
        if known.iter().any(is_beside) {
            continue;
        }
        let is_over = capture.since(member.last).is_some_and(|after| after >= SILENCE);
        let end_rule = if is_over { EndRule::Silence } else { EndRule::CaptureEnd };
        match found.iter_mut().find(|meeting| is_beside(meeting)) {
            Some(meeting) => {
                if meeting.end < member.last {
                    (meeting.end, meeting.end_rule) = (member.last, end_rule);
                }
                meeting.servers.push(member.remote);
                meeting.servers.sort_unstable();
                meeting.servers.dedup();
                meeting.flows.push(member.flow);
                meeting.flows.sort_unstable();
            }
            None => found.push(Meeting {
                kind: MeetingKind::Tls,
                key: None,
                start: member.first,
                start_rule: StartRule::MediaOverTls,
                end: member.last,
                end_rule,
                media: Vec::new(),
                streams: Vec::new(),
                servers: vec![member.remote],
                participants: Vec::new(),
                flows: vec![member.flow],
            }),
        }
    }
    found
}

fn carries_call(member: &Member<'_>) -> bool {
    let bytes = member.payload_in.saturating_add(member.payload_out);
    member.is_tcp
        && member.service == Service::Media
        && member.last.since(member.first).is_some_and(|lasts| {
            lasts >= CALL && u128::from(bytes) * 1000 >= u128::from(CALL_RATE) * lasts.as_millis()
        })
}

/// A media flow with what matters of its facts.
struct Socket<'a> {
    member: &'a Member<'a>,
    kind: MeetingKind,
    key: Option<[u8; 16]>,
    hello: Option<Moment>,
    bind: Option<Moment>,
    closed: Option<Moment>,
    media: Vec<MediaKind>,
    streams: Vec<MediaKind>,
    is_live: bool,
}

impl<'a> Socket<'a> {
    fn of(member: &'a Member<'a>) -> Option<Self> {
        let mut socket = Self {
            member,
            kind: MeetingKind::Browser,
            key: None,
            hello: None,
            bind: None,
            closed: None,
            media: Vec::new(),
            streams: Vec::new(),
            is_live: member.is_answered,
        };
        let mut is_media = false;
        for entry in member.facts {
            let moment = Moment { frame: entry.frame, time: entry.time() };
            match &entry.fact {
                Fact::Zoom(fact) => is_media |= socket.take(fact, moment),
                Fact::Stun | Fact::Dtls => is_media |= member.is_media,
                _ => {}
            }
        }
        is_media.then_some(socket)
    }

    /// Whether the fact shows a socket for media.
    fn take(&mut self, fact: &ZoomFact, moment: Moment) -> bool {
        match fact {
            ZoomFact::Stun => return false,
            ZoomFact::PeerHello { uuid } => {
                self.kind = MeetingKind::Peer;
                self.key = self.key.or(Some(*uuid));
                self.hello = self.hello.or(Some(moment));
                return true;
            }
            ZoomFact::PeerMedia => {
                self.kind = MeetingKind::Peer;
                self.is_live = true;
                return true;
            }
            ZoomFact::Hello { .. } => self.hello = self.hello.or(Some(moment)),
            ZoomFact::Bind { meeting } => {
                self.key = self.key.or(Some(*meeting));
                self.bind = self.bind.or(Some(moment));
            }
            ZoomFact::Media(kind) => {
                self.is_live = true;
                self.media.push(*kind);
            }
            ZoomFact::Stream(kind) => self.streams.push(*kind),
            ZoomFact::Close { from, .. } if *from == self.member.local_side => self.closed = Some(moment),
            ZoomFact::Certain | ZoomFact::Weak | ZoomFact::Close { .. } => {}
        }
        self.kind = MeetingKind::Server;
        true
    }

    /// Where the socket came into use, and what shows it.
    fn start(&self) -> (Moment, StartRule) {
        let first = self.member.first;
        match (self.kind, self.hello, self.bind) {
            (MeetingKind::Browser | MeetingKind::Tls, ..) => (first, StartRule::GatewayContact),
            (MeetingKind::Peer, Some(hello), _) => (hello, StartRule::PeerHello),
            (MeetingKind::Peer, None, _) => (first, StartRule::PeerMedia),
            (MeetingKind::Server, Some(hello), _) => (hello, StartRule::Hello),
            (MeetingKind::Server, None, Some(bind)) => (bind, StartRule::Bind),
            (MeetingKind::Server, None, None) => (first, StartRule::MediaJoinedMidway),
        }
    }

    /// Whether it belongs to the meeting for certain: it was bound, or carries media. Others may have been dropped on
    /// the way, before this meeting or in it.
    fn is_kept(&self) -> bool {
        self.bind.is_some() || !self.media.is_empty()
    }

    fn silence(&self) -> Duration {
        if self.kind == MeetingKind::Browser { BROWSER_SILENCE } else { SILENCE }
    }
}

struct Group<'s, 'a> {
    sockets: Vec<&'s Socket<'a>>,
}

impl Group<'_, '_> {
    fn key(&self) -> Option<[u8; 16]> {
        self.sockets.iter().find_map(|socket| socket.key)
    }

    /// The same server, the same way, and no silence between.
    fn takes_server(&self, socket: &Socket<'_>) -> bool {
        let same =
            |known: &&&Socket<'_>| known.kind == socket.kind && known.member.remote == socket.member.remote;
        self.sockets
            .iter()
            .any(|known| same(&known) && touches(known.member, socket.member, socket.silence()))
    }

    /// A client is in one meeting at a time: a direct flow beside a meeting, or just before or after it, is that
    /// meeting's (the client moves between server and peer as others come and go). Else the UUID decides.
    fn takes_peer(&self, socket: &Socket<'_>) -> bool {
        self.sockets.iter().any(|known| {
            let beside = touches(known.member, socket.member, SILENCE);
            let is_same = known.kind == MeetingKind::Peer
                && (known.key == socket.key && known.key.is_some()
                    || known.member.remote == socket.member.remote);
            beside || is_same
        })
    }

    fn meeting(&self, members: &[&Member<'_>], end: Moment) -> Option<Meeting> {
        let (start, start_rule) = self.start()?;
        let (end, end_rule) = self.end(members, end)?;
        let servers = self.remotes(|kind| kind != MeetingKind::Peer);
        let participants = self.remotes(|kind| kind == MeetingKind::Peer);
        let (media, streams) =
            (self.kinds(|socket| socket.media.as_slice()), self.kinds(|socket| socket.streams.as_slice()));
        let mut flows: Vec<FlowId> = self.sockets.iter().map(|socket| socket.member.flow).collect();
        flows.sort_unstable();
        let kind = self.sockets.iter().map(|socket| socket.kind).min()?;
        Some(Meeting {
            kind,
            key: self.key(),
            start,
            start_rule,
            end,
            end_rule,
            media,
            streams,
            servers,
            participants,
            flows,
        })
    }

    fn kinds(&self, of: impl for<'s> Fn(&'s Socket<'_>) -> &'s [MediaKind]) -> Vec<MediaKind> {
        let mut kinds: Vec<MediaKind> =
            self.sockets.iter().flat_map(|socket| of(socket).iter().copied()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    fn remotes(&self, wanted: impl Fn(MeetingKind) -> bool) -> Vec<IpAddr> {
        let chosen = self.sockets.iter().filter(|socket| wanted(socket.kind));
        let mut remotes: Vec<IpAddr> = chosen.map(|socket| socket.member.remote).collect();
        remotes.sort_unstable();
        remotes.dedup();
        remotes
    }

    /// The earliest start of its sockets. Where that one was joined mid-way, so was the meeting.
    fn start(&self) -> Option<(Moment, StartRule)> {
        let is_opened = |socket: &Socket<'_>| {
            socket.hello.is_some() || socket.is_kept() || socket.kind != MeetingKind::Server
        };
        let any_opened = self.sockets.iter().any(|socket| is_opened(socket));
        let starting = self.sockets.iter().filter(|socket| !any_opened || is_opened(socket));
        starting.map(|socket| socket.start()).min()
    }

    /// Sockets that neither bound nor carried media were dropped on the way, so where some did bind they do not count.
    fn end(&self, members: &[&Member<'_>], capture: Moment) -> Option<(Moment, EndRule)> {
        let any_bound = self.sockets.iter().any(|socket| socket.bind.is_some());
        let kept = || self.sockets.iter().filter(|socket| !any_bound || socket.is_kept());
        let last = kept().map(|socket| socket.member.last).max()?;
        let closed = kept().filter_map(|socket| socket.closed).max();
        if let Some(closed) =
            closed.filter(|closed| last.since(*closed).is_none_or(|after| after <= AFTERMATH))
        {
            return Some((closed, EndRule::Close));
        }
        if kept().all(|socket| socket.kind == MeetingKind::Browser) && closes_gateway(members, last) {
            return Some((last, EndRule::GatewayClosed));
        }
        let silence = kept().map(|socket| socket.silence()).max()?;
        let is_over = capture.since(last).is_some_and(|after| after >= silence);
        Some((last, if is_over { EndRule::Silence } else { EndRule::CaptureEnd }))
    }
}

/// Whether a browser closed all its connections to gateways about when the last packet of its media came. What is inside DTLS
/// does not show an end, and neither does its absence until the silence is long.
fn closes_gateway(members: &[&Member<'_>], last: Moment) -> bool {
    let near = |member: &Member<'_>| {
        let (earlier, later) = if member.last < last { (member.last, last) } else { (last, member.last) };
        later.since(earlier).is_some_and(|apart| apart <= AFTERMATH)
    };
    let is_open = |member: &&&Member<'_>| {
        member.is_tcp && member.service == Service::Media && member.first < last && last <= member.last
            || near(member) && member.is_tcp && member.service == Service::Media
    };
    let mut gateways = members.iter().filter(is_open).peekable();
    gateways.peek().is_some() && gateways.all(|member| member.is_closed && near(member))
}

/// Whether two flows overlap in time, or lie no further apart than `gap`.
fn touches(a: &Member<'_>, b: &Member<'_>, gap: Duration) -> bool {
    let (first, second) = if a.first <= b.first { (a, b) } else { (b, a) };
    if second.first.frame <= first.last.frame {
        return true;
    }
    second.first.since(first.last).is_some_and(|apart| apart <= gap)
}

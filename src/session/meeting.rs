//! Meetings: which sockets belong together, and when it began and ended.
//!
//! Input: the flows of one session. Output: meetings. Must not: guess; where no rule of the wire delimits a meeting,
//! the bound says so (`capture_end`, `media_joined_midway`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::client::Service;
use crate::evidence::{Fact, ZoomFact};
use crate::flow::FlowId;
use crate::frame::Timestamp;
use crate::session::span::Spans;
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

/// Groups the media flows of one session; `members` are in order of their first frames.
pub(super) fn meetings(members: &[&Member<'_>], end: Moment) -> Vec<Meeting> {
    let sockets: Vec<Socket<'_>> = members.iter().filter_map(|member| Socket::of(member)).collect();
    let groups = Grouping::of(&sockets);
    let gateways = Gateways::of(members);
    let mut meetings: Vec<Meeting> =
        groups.iter().filter_map(|group| group.meeting(&gateways, end)).collect();
    meetings.sort_by_key(|meeting| meeting.start);
    meetings.extend(over_tls(members, &meetings, end));
    meetings.sort_by_key(|meeting| meeting.start);
    meetings
}

/// Which sockets are of one meeting, while that is found out. Each look-up is by key, by address or in order of time, since a session
/// may have as many meetings as flows.
#[derive(Default)]
struct Grouping<'s, 'a> {
    groups: Vec<Group<'s, 'a>>,
    by_key: BTreeMap<[u8; 16], usize>,
    /// By the way and the server: sockets that name their meeting, and those that do not.
    by_server: BTreeMap<(MeetingKind, IpAddr), [Spans; 2]>,
    peers_by_key: BTreeMap<[u8; 16], usize>,
    peers_by_remote: BTreeMap<IpAddr, usize>,
    /// Of all sockets: those that name their meeting, those that do not, and those between participants.
    spans: [Spans; 3],
}

impl<'s, 'a> Grouping<'s, 'a> {
    fn of(sockets: &'s [Socket<'a>]) -> Vec<Group<'s, 'a>> {
        let mut grouping = Self::default();
        let (peers, others): (Vec<&Socket<'_>>, Vec<&Socket<'_>>) =
            sockets.iter().partition(|socket| socket.kind == MeetingKind::Peer);
        let (named, unnamed): (Vec<&Socket<'_>>, Vec<&Socket<'_>>) =
            others.into_iter().partition(|socket| socket.key.is_some());
        // Sockets that name their meeting first, so that those that do not can join them.
        for socket in named {
            let group = grouping.put(socket, socket.key.and_then(|key| grouping.by_key.get(&key).copied()));
            grouping.by_key.extend(socket.key.map(|key| (key, group)));
            grouping.know(socket, 0, group);
        }
        for socket in unnamed {
            let known = grouping.of_server(socket);
            if known.is_some() || socket.is_live {
                let group = grouping.put(socket, known);
                grouping.know(socket, 1, group);
            }
        }
        for socket in peers {
            let group = grouping.put(socket, grouping.of_peer(socket));
            grouping.peers_by_remote.entry(socket.member.remote).or_insert(group);
            if let Some(key) = socket.key {
                grouping.peers_by_key.entry(key).or_insert(group);
            }
            grouping.spans[2].push(span(socket.member), group);
        }
        grouping.groups
    }

    /// Puts a socket into the group, or into one of its own.
    fn put(&mut self, socket: &'s Socket<'a>, group: Option<usize>) -> usize {
        let known = group.and_then(|number| Some((number, self.groups.get_mut(number)?)));
        if let Some((number, group)) = known {
            group.sockets.push(socket);
            return number;
        }
        self.groups.push(Group { sockets: vec![socket] });
        self.groups.len() - 1
    }

    /// Notes where a socket to a server went, which named its meeting (0) or did not (1).
    fn know(&mut self, socket: &Socket<'_>, which: usize, group: usize) {
        let of_server = self.by_server.entry((socket.kind, socket.member.remote)).or_default();
        for spans in [of_server, &mut self.spans[..]] {
            if let Some(spans) = spans.get_mut(which) {
                spans.push(span(socket.member), group);
            }
        }
    }

    /// The same server, the same way, and no silence between.
    fn of_server(&self, socket: &Socket<'_>) -> Option<usize> {
        let known = self.by_server.get(&(socket.kind, socket.member.remote))?;
        known.iter().find_map(|spans| spans.touched(span(socket.member), Some(socket.silence())))
    }

    /// A client is in one meeting at a time: a direct flow beside a meeting, or just before or after it, is that
    /// meeting's (the client moves between server and peer as others come and go). Else the UUID decides.
    fn of_peer(&self, socket: &Socket<'_>) -> Option<usize> {
        let beside = self.spans.iter().filter_map(|spans| spans.touched(span(socket.member), Some(SILENCE)));
        let by_key = socket.key.and_then(|key| self.peers_by_key.get(&key).copied());
        let by_remote = self.peers_by_remote.get(&socket.member.remote).copied();
        beside.chain(by_key).chain(by_remote).min()
    }
}

/// From its first frame to its last.
fn span(member: &Member<'_>) -> (Moment, Moment) {
    (member.first, member.last)
}

/// Meetings whose media goes through TLS: connections to media routers that carry as much as a call does, where no socket for
/// media is beside them. `known` are in order of their starts.
fn over_tls(members: &[&Member<'_>], known: &[Meeting], capture: Moment) -> Vec<Meeting> {
    let mut taken = Spans::default();
    for (number, meeting) in known.iter().enumerate() {
        taken.push((meeting.start, meeting.end), number);
    }
    let mut found: Vec<Meeting> = Vec::new();
    let calls = members.iter().filter(|member| carries_call(member));
    for member in calls.filter(|member| taken.touched(span(member), None).is_none()) {
        let is_over = capture.since(member.last).is_some_and(|after| after >= SILENCE);
        let end_rule = if is_over { EndRule::Silence } else { EndRule::CaptureEnd };
        // One that is beside an earlier call than the last would be beside the last, too, as they are in order.
        match found.last_mut().filter(|meeting| member.first.frame <= meeting.end.frame) {
            Some(meeting) => {
                if meeting.end < member.last {
                    (meeting.end, meeting.end_rule) = (member.last, end_rule);
                }
                meeting.servers.push(member.remote);
                meeting.flows.push(member.flow);
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
    for meeting in &mut found {
        meeting.servers.sort_unstable();
        meeting.servers.dedup();
        meeting.flows.sort_unstable();
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

    fn meeting(&self, gateways: &Gateways, end: Moment) -> Option<Meeting> {
        let (start, start_rule) = self.start()?;
        let (end, end_rule) = self.end(gateways, end)?;
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
    fn end(&self, gateways: &Gateways, capture: Moment) -> Option<(Moment, EndRule)> {
        let any_bound = self.sockets.iter().any(|socket| socket.bind.is_some());
        let kept = || self.sockets.iter().filter(|socket| !any_bound || socket.is_kept());
        let last = kept().map(|socket| socket.member.last).max()?;
        let closed = kept().filter_map(|socket| socket.closed).max();
        if let Some(closed) =
            closed.filter(|closed| last.since(*closed).is_none_or(|after| after <= AFTERMATH))
        {
            return Some((closed, EndRule::Close));
        }
        if kept().all(|socket| socket.kind == MeetingKind::Browser) && gateways.close_with(last) {
            return Some((last, EndRule::GatewayClosed));
        }
        let silence = kept().map(|socket| socket.silence()).max()?;
        let is_over = capture.since(last).is_some_and(|after| after >= silence);
        Some((last, if is_over { EndRule::Silence } else { EndRule::CaptureEnd }))
    }
}

/// A browser's connections to gateways, in order of the time of their last frames.
struct Gateways {
    /// When each was last heard of, where that is known.
    last: Vec<Option<Timestamp>>,
    /// How many of the first so many were not closed.
    left_open: Vec<usize>,
    /// The earliest beginning of all but the first so many.
    begun: Vec<Moment>,
}

impl Gateways {
    fn of(members: &[&Member<'_>]) -> Self {
        let is_gateway = |member: &&&Member<'_>| member.is_tcp && member.service == Service::Media;
        let mut gateways: Vec<&Member<'_>> = members.iter().filter(is_gateway).copied().collect();
        gateways.sort_by_key(|member| (member.last.time, member.last.frame));
        let left_open = gateways.iter().scan(0, |count, member| {
            *count += usize::from(!member.is_closed);
            Some(*count)
        });
        let left_open = std::iter::once(0).chain(left_open).collect();
        let mut begun: Vec<Moment> = gateways.iter().rev().map(|member| member.first).collect();
        begun.iter_mut().fold(None, |earliest: Option<Moment>, begun| {
            *begun = earliest.map_or(*begun, |earliest| earliest.min(*begun));
            Some(*begun)
        });
        begun.reverse();
        Self { last: gateways.iter().map(|member| member.last.time).collect(), left_open, begun }
    }

    /// Whether all of them were closed about when the last packet of the browser's media came. What is inside DTLS does not show
    /// an end, and neither does its absence until the silence is long.
    fn close_with(&self, last: Moment) -> bool {
        let Some(time) = last.time else { return false };
        let is_before = |known: &Option<Timestamp>| {
            known.is_none_or(|known| time.since(known).is_some_and(|apart| apart > AFTERMATH))
        };
        let is_behind = |known: &Option<Timestamp>| {
            known.is_some_and(|known| known.since(time).is_some_and(|apart| apart > AFTERMATH))
        };
        let start = self.last.partition_point(is_before);
        let end = self.last.partition_point(|known| !is_behind(known));
        let left_open = |at: usize| self.left_open.get(at).copied();
        let goes_on = self.begun.get(end).is_some_and(|begun| *begun < last);
        start < end && left_open(start) == left_open(end) && !goes_on
    }
}

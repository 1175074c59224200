//! Finds the phases of one run of the client.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::client::Service;
use crate::evidence::{Fact, ZoomFact};
use crate::flow::FlowId;
use crate::frame::FrameRef;
use crate::session::phase::{Certainty, Phase, PhaseKind, PhaseRule, UntilRule};
use crate::session::{EndRule, Meeting, MeetingKind, Member, Moment, SILENCE, StartRule};
use crate::wire::zoom::MediaKind;

/// The longest time between the first contact for a meeting and its start.
const JOIN: Duration = Duration::from_secs(30);
/// Zone controllers that are tried for one meeting are contacted within so much time.
const PROBING: Duration = Duration::from_secs(1);
/// A push connection that follows a sign-in is opened within so much time.
const SIGN_IN: Duration = Duration::from_mins(1);
/// Without a new connection for so long the client has settled.
const SETTLED: Duration = Duration::from_secs(30);
/// What ends so soon after a meeting ends with it.
const LEAVING: Duration = Duration::from_secs(5);
/// So long after its last connection ended, a client that comes again was started again.
const EXIT: Duration = Duration::from_secs(5);
/// Sockets for one kind of media that are open together for so long are two clients'. When a client changes sockets, both are
/// open for a moment.
const TWINS: Duration = Duration::from_secs(5);
/// Downloads that are told as phases.
const MAX_DOWNLOADS: usize = 64;
/// An answer of an update host that is larger than this is a download, not a question whether there is something new.
const DOWNLOAD: u64 = 1_000_000;

/// One run of the client on one machine, with what is looked up in it. Every look-up is a binary search: a capture may hold
/// any number of flows and meetings.
pub(super) struct Run<'a> {
    /// In order of their first frames.
    pub(super) members: &'a [&'a Member<'a>],
    /// In order of their starts.
    pub(super) meetings: &'a [Meeting],
    /// The last moments of the flows, in order.
    ends: Vec<Moment>,
    /// Where each flow stands among the members, in order of the flows.
    by_flow: Vec<(FlowId, usize)>,
    /// The latest end of so many meetings, counted from the first.
    ended: Vec<Option<FrameRef>>,
}

/// Where a meeting is joined.
pub(super) struct Joining {
    pub(super) start: Moment,
    pub(super) rule: PhaseRule,
}

/// The phases of a run, in order. `follows_silence` says that another run lies before it in the capture, `capture` is the
/// capture's last moment.
pub(super) fn phases(run: &Run<'_>, follows_silence: bool, may_be_two: bool, capture: Moment) -> Vec<Phase> {
    let Some((first, last)) = run.span() else { return Vec::new() };
    let mut cuts = run.meeting_cuts(last);
    let begun = cuts.iter().map(|cut| cut.start).min();
    if begun.is_none_or(|begun| first.frame < begun.frame) {
        cuts.extend(run.opening(first, begun.unwrap_or(last), follows_silence));
    }
    cuts.sort_by_key(|cut| (cut.start.frame, cut.kind));
    let after: Vec<Phase> = cuts
        .iter()
        .zip(cuts.iter().skip(1).map(|next| next.start).chain([last]))
        .filter(|(cut, _)| cut.kind == PhaseKind::AfterLeaving)
        .flat_map(|(cut, until)| run.after_meeting(cut.start, until))
        .collect();
    cuts.extend(after);
    let mut phases = laid_out(cuts, last);
    run.updates(&mut phases);
    if let Some(end) = phases.last_mut() {
        let is_in_meeting = end.kind == PhaseKind::Meeting;
        let is_cut = capture.since(last).is_none_or(|silence| silence < SILENCE);
        let is_over = end
            .meeting
            .and_then(|number| run.meetings.get(number))
            .is_some_and(|meeting| meeting.end_rule != EndRule::CaptureEnd);
        end.until_rule = match (is_in_meeting, is_over, is_cut) {
            (true, false, _) | (false, _, true) => UntilRule::CaptureEnd,
            _ => UntilRule::SessionEnd,
        };
    }
    if may_be_two {
        for phase in &mut phases {
            phase.certainty = Certainty::Uncertain;
        }
    }
    phases
}

/// Phases in order, each until the next; of several that begin with one frame the latest kind.
fn laid_out(mut cuts: Vec<Phase>, last: Moment) -> Vec<Phase> {
    cuts.sort_by_key(|cut| (cut.start.frame, cut.kind));
    cuts.reverse();
    cuts.dedup_by_key(|cut| cut.start.frame);
    cuts.reverse();
    let ends: Vec<Moment> = cuts.iter().skip(1).map(|cut| cut.start).chain([last]).collect();
    cuts.into_iter().zip(ends).map(|(cut, until)| Phase { until, ..cut }).collect()
}

impl<'a> Run<'a> {
    /// `members` in order of their first frames, `meetings` in order of their starts.
    pub(super) fn new(members: &'a [&'a Member<'a>], meetings: &'a [Meeting]) -> Self {
        let mut ends: Vec<Moment> = members.iter().map(|member| member.last).collect();
        ends.sort_unstable();
        let mut by_flow: Vec<(FlowId, usize)> =
            members.iter().enumerate().map(|(at, member)| (member.flow, at)).collect();
        by_flow.sort_unstable();
        let ended = meetings.iter().scan(None, |latest: &mut Option<FrameRef>, meeting| {
            *latest = (*latest).max(Some(meeting.end.frame));
            Some(*latest)
        });
        let ended = std::iter::once(None).chain(ended).collect();
        Self { members, meetings, ends, by_flow, ended }
    }

    fn span(&self) -> Option<(Moment, Moment)> {
        let first = self.members.iter().map(|member| member.first).min()?;
        Some((first, *self.ends.last()?))
    }

    /// The latest end of the first so many meetings.
    fn ended_of(&self, meetings: usize) -> Option<FrameRef> {
        self.ended.get(meetings).copied().flatten()
    }

    /// The flows that begin in a stretch, both frames included.
    fn opened(&self, from: FrameRef, until: FrameRef) -> &'a [&'a Member<'a>] {
        let [start, end] = [from, until.later_by(1)]
            .map(|frame| self.members.partition_point(|member| member.first.frame < frame));
        self.members.get(start..end).unwrap_or_default()
    }

    /// The flows of a meeting.
    pub(super) fn of(&self, meeting: &Meeting) -> impl Iterator<Item = &'a Member<'a>> {
        meeting.flows.iter().filter_map(|flow| {
            let at = self.by_flow.binary_search_by_key(flow, |(known, _)| *known).ok()?;
            self.members.get(self.by_flow.get(at)?.1).copied()
        })
    }

    /// Whether two clients may be behind one address: a client is in one meeting at a time, has one socket for each kind of
    /// media, and neither signs in nor chooses a media server while it is in a meeting that goes on.
    pub(super) fn may_be_two(&self) -> bool {
        let overlap = (0..)
            .zip(self.meetings)
            .any(|(number, meeting)| self.ended_of(number).is_some_and(|end| meeting.start.frame < end));
        overlap || (0..self.meetings.len()).any(|number| self.holds_another(number))
    }

    /// Whether something in a meeting speaks of another client.
    fn holds_another(&self, number: usize) -> bool {
        let Some(meeting) = self.meetings.get(number) else { return false };
        if has_twins(self.of(meeting)) {
            return true;
        }
        let inside = self.opened(meeting.start.frame.later_by(1), meeting.end.frame);
        let signs_in = sign_in(inside).is_some();
        let probes: Vec<&Member<'_>> =
            inside.iter().copied().filter(|member| member.service == Service::Signalling).collect();
        // A client that is moved, to a breakout room or another server, opens new sockets for media soon after; one that goes
        // over to another meeting, that one's.
        let is_soon = |from: Moment, start: Moment| start.since(from).is_some_and(|after| after <= JOIN);
        let is_followed = |from: Moment| {
            let next = self.meetings.partition_point(|other| other.start.frame <= from.frame);
            self.meetings.get(next).is_some_and(|next| is_soon(from, next.start))
                || self.of(meeting).any(|socket| !socket.is_tcp && is_soon(from, socket.first))
        };
        signs_in || (probes_zones(&probes) && probes.first().is_some_and(|probe| !is_followed(probe.first)))
    }

    /// What comes before the first meeting, or is all there is.
    fn opening(&self, first: Moment, until: Moment, follows_silence: bool) -> Vec<Phase> {
        let opened = self.opened(first.frame, until.frame);
        let is_older = self.members.iter().any(|member| member.is_older);
        let mut cuts = Vec::new();
        if is_older {
            cuts.push(stretch(PhaseKind::Idle, first, PhaseRule::AlreadyRunning, Certainty::Likely));
        } else if follows_silence {
            cuts.push(stretch(PhaseKind::Launch, first, PhaseRule::AfterSilence, Certainty::Likely));
        } else {
            let certainty = if has_launch_order(opened) { Certainty::Likely } else { Certainty::Uncertain };
            cuts.push(stretch(PhaseKind::Launch, first, PhaseRule::FirstContact, certainty));
        }
        if let Some(start) = sign_in(opened) {
            cuts.push(stretch(PhaseKind::SignIn, start, PhaseRule::PushFollows, Certainty::Uncertain));
        }
        let idle = settled(opened, until);
        if let Some(start) = idle.filter(|_| !is_older || cuts.len() > 1) {
            cuts.push(stretch(PhaseKind::Idle, start, PhaseRule::NoNewContact, Certainty::Likely));
        }
        cuts
    }

    /// What comes after a meeting was left, up to the next one: the client may sign in, settle, or end and be started again.
    fn after_meeting(&self, from: Moment, until: Moment) -> Vec<Phase> {
        let opened = self.opened(from.frame.later_by(1), until.frame);
        let mut cuts = Vec::new();
        let relaunched = opened.iter().map(|member| member.first).find(|first| {
            // Among the ends in order, all that lie before it are as many as the flows that began before it.
            let begun = self.members.partition_point(|member| member.first.frame < first.frame);
            let ended = self.ends.partition_point(|end| end.frame < first.frame);
            let latest = ended.checked_sub(1).and_then(|at| self.ends.get(at));
            begun == ended && latest.and_then(|end| first.since(*end)).is_some_and(|silence| silence >= EXIT)
        });
        if let Some(start) = relaunched {
            cuts.push(stretch(PhaseKind::Launch, start, PhaseRule::NoConnectionLeft, Certainty::Uncertain));
        }
        if let Some(start) = sign_in(opened) {
            cuts.push(stretch(PhaseKind::SignIn, start, PhaseRule::PushFollows, Certainty::Uncertain));
        }
        if let Some(start) = settled(opened, until) {
            cuts.push(stretch(PhaseKind::Idle, start, PhaseRule::NoNewContact, Certainty::Likely));
        }
        cuts
    }

    /// The phases of all meetings.
    fn meeting_cuts(&self, last: Moment) -> Vec<Phase> {
        let mut cuts = Vec::new();
        for (number, meeting) in (0..).zip(self.meetings) {
            if let Some(Joining { start, rule }) = self.joining(number) {
                cuts.push(cut(PhaseKind::Joining, start, rule, certainty_of_joining(rule), number));
            }
            let rule = PhaseRule::Started(meeting.start_rule);
            cuts.push(cut(
                PhaseKind::Meeting,
                meeting.start,
                rule,
                certainty_of_start(meeting.start_rule),
                number,
            ));
            let begun = self.meetings.partition_point(|other| other.start.frame < meeting.end.frame);
            let is_in_another = self.ended_of(begun).is_some_and(|end| end > meeting.end.frame);
            if !is_in_another {
                cuts.extend(self.end_cuts(number, meeting, last));
            }
        }
        cuts
    }

    fn end_cuts(&self, number: usize, meeting: &Meeting, last: Moment) -> Vec<Phase> {
        let rule = PhaseRule::Ended(meeting.end_rule);
        // The session's last frame begins nothing.
        let goes_on = |from: Moment| from.frame < last.frame;
        match meeting.end_rule {
            EndRule::Close | EndRule::GatewayClosed => {
                let is_said = meeting.end_rule == EndRule::Close;
                let certainty = if is_said { Certainty::Certain } else { Certainty::Likely };
                let mut cuts = vec![cut(PhaseKind::Leaving, meeting.end, rule, certainty, number)];
                let after = self.ends.partition_point(|end| end.frame <= meeting.end.frame);
                let ended = self.ends.get(after..).unwrap_or_default().iter();
                let ended =
                    ended.take_while(|end| end.since(meeting.end).is_some_and(|after| after <= LEAVING));
                let rule = PhaseRule::ConnectionsEnded;
                let after = ended.max().copied().filter(|end| goes_on(*end));
                cuts.extend(
                    after.map(|end| cut(PhaseKind::AfterLeaving, end, rule, Certainty::Likely, number)),
                );
                cuts
            }
            EndRule::Silence if goes_on(meeting.end) => {
                vec![cut(PhaseKind::AfterLeaving, meeting.end, rule, Certainty::Uncertain, number)]
            }
            EndRule::Silence | EndRule::CaptureEnd => Vec::new(),
        }
    }

    /// Where a meeting is joined; `None` where the capture does not show it.
    pub(super) fn joining(&self, number: usize) -> Option<Joining> {
        let meeting = self.meetings.get(number)?;
        let contacts: Vec<&Member<'_>> =
            self.before(number).filter(|member| is_entry(member, meeting.kind)).collect();
        let start = contacts.iter().map(|member| member.first).min()?;
        let rule = match meeting.kind {
            MeetingKind::Browser => PhaseRule::Gateway,
            _ if probes_zones(&contacts) => PhaseRule::ZoneProbing,
            MeetingKind::Peer if contacts.iter().all(|member| member.service == Service::NatDiscovery) => {
                PhaseRule::NatDiscovery
            }
            _ => PhaseRule::MediaRouter,
        };
        Some(Joining { start, rule })
    }

    /// The flows that begin shortly before a meeting, and not in the one before it.
    pub(super) fn before(&self, number: usize) -> impl Iterator<Item = &'a Member<'a>> {
        let start = self.meetings.get(number).map(|meeting| meeting.start);
        let until =
            start.map_or(0, |start| self.members.partition_point(|member| member.first.frame <= start.frame));
        let earlier = self.ended_of(number);
        let is_near = move |member: &&&Member<'_>| {
            start.and_then(|start| start.since(member.first)).is_some_and(|before| before <= JOIN)
                && earlier.is_none_or(|earlier| member.first.frame > earlier)
        };
        let near = self.members.get(..until).unwrap_or_default();
        let count = near.iter().rev().take_while(is_near).count();
        let near = near.get(until - count..).unwrap_or_default();
        near.iter().copied().filter(|member| !member.is_older)
    }

    /// Cuts downloads of new versions out of the phases in which the client is in no meeting.
    fn updates(&self, phases: &mut Vec<Phase>) {
        let downloads =
            self.members.iter().filter(|m| m.service == Service::Update && m.payload_in >= DOWNLOAD);
        for member in downloads.take(MAX_DOWNLOADS) {
            let at = phases.partition_point(|phase| phase.start.frame <= member.first.frame);
            let Some(around) = at.checked_sub(1).and_then(|at| phases.get_mut(at)) else { continue };
            if matches!(
                around.kind,
                PhaseKind::Joining | PhaseKind::Meeting | PhaseKind::Leaving | PhaseKind::Update
            ) {
                continue;
            }
            let (before, until) = (*around, around.until);
            let end = member.last.min(until);
            around.until = member.first;
            let rest = Phase { start: end, until, rule: PhaseRule::DownloadEnded, ..before };
            let update = stretch(PhaseKind::Update, member.first, PhaseRule::Download, Certainty::Likely);
            let download = Phase { until: end, ..update };
            let replaces = before.start.frame == member.first.frame;
            let goes_on = end.frame < until.frame;
            let from = if replaces { at - 1 } else { at };
            phases.splice(from..at, [download].into_iter().chain(goes_on.then_some(rest)));
        }
    }
}

/// A phase outside meetings; where it ends is found later.
fn stretch(kind: PhaseKind, start: Moment, rule: PhaseRule, certainty: Certainty) -> Phase {
    Phase { kind, start, until: start, until_rule: UntilRule::NextPhase, rule, certainty, meeting: None }
}

/// A phase of a meeting; where it ends is found later.
fn cut(kind: PhaseKind, start: Moment, rule: PhaseRule, certainty: Certainty, meeting: usize) -> Phase {
    Phase { meeting: Some(meeting), ..stretch(kind, start, rule, certainty) }
}

/// Whether the flow is there to enter a meeting of that kind.
pub(super) fn is_entry(member: &Member<'_>, kind: MeetingKind) -> bool {
    match member.service {
        Service::Signalling => true,
        Service::Media => member.is_tcp,
        Service::NatDiscovery => kind == MeetingKind::Peer,
        _ => false,
    }
}

/// Whether two signalling hosts are tried at once.
fn probes_zones(contacts: &[&Member<'_>]) -> bool {
    let probes: Vec<Moment> =
        contacts.iter().filter(|m| m.service == Service::Signalling).map(|member| member.first).collect();
    probes
        .windows(2)
        .any(|pair| matches!(pair, [one, next] if next.since(*one).is_some_and(|gap| gap <= PROBING)))
}

/// Whether logs or pages come before anything of a meeting, as in every launch that was seen.
fn has_launch_order(opened: &[&Member<'_>]) -> bool {
    opened.first().is_some_and(|member| {
        matches!(
            member.service,
            Service::Telemetry
                | Service::LogUpload
                | Service::SignIn
                | Service::Web
                | Service::StaticContent
                | Service::Push
                | Service::Update
        )
    })
}

/// Where a sign-in begins: at a sign-in host, where a new push connection follows. `opened` in order.
fn sign_in(opened: &[&Member<'_>]) -> Option<Moment> {
    let new = |service: Service| {
        let fits = move |member: &&&Member<'_>| member.service == service && !member.is_older;
        opened.iter().filter(fits).map(|member| member.first)
    };
    let mut pushes = new(Service::Push).peekable();
    new(Service::SignIn).find(|host| {
        while pushes.next_if(|push| push.frame <= host.frame).is_some() {}
        pushes.peek().and_then(|push| push.since(*host)).is_some_and(|gap| gap <= SIGN_IN)
    })
}

/// Whether two sockets of one meeting were open for the same kind of media for a while at a time.
fn has_twins<'m>(sockets: impl Iterator<Item = &'m Member<'m>>) -> bool {
    let bound = |member: &&Member<'_>| {
        member.facts.iter().any(|entry| matches!(entry.fact, Fact::Zoom(ZoomFact::Bind { .. })))
    };
    let kind = |member: &Member<'_>| {
        member.facts.iter().find_map(|entry| match entry.fact {
            Fact::Zoom(ZoomFact::Stream(kind)) => Some(kind),
            _ => None,
        })
    };
    // By the kind and the server: the latest last moment so far.
    let mut open: BTreeMap<(MediaKind, IpAddr), Moment> = BTreeMap::new();
    let mut sockets: Vec<&Member<'_>> = sockets.filter(bound).collect();
    sockets.sort_by_key(|member| member.first);
    sockets.into_iter().filter_map(|member| Some((kind(member)?, member))).any(|(kind, member)| {
        let latest = open.insert((kind, member.remote), member.last);
        latest.is_some_and(|end| end.min(member.last).since(member.first).is_some_and(|both| both >= TWINS))
    })
}

/// Where the client has settled: the last end of a flow before the first long stretch in which no flow begins.
fn settled(opened: &[&Member<'_>], until: Moment) -> Option<Moment> {
    let starts = opened.iter().map(|member| member.first);
    let next = starts.clone().skip(1).chain([until]);
    let (before, after) =
        starts.zip(next).find(|(one, next)| next.since(*one).is_some_and(|gap| gap >= SETTLED))?;
    let ends = opened.iter().map(|member| member.last);
    ends.filter(|end| end.frame > before.frame && end.frame < after.frame).min()
}

const fn certainty_of_joining(rule: PhaseRule) -> Certainty {
    match rule {
        PhaseRule::NatDiscovery => Certainty::Likely,
        _ => Certainty::Certain,
    }
}

pub(super) const fn certainty_of_start(rule: StartRule) -> Certainty {
    match rule {
        StartRule::Hello | StartRule::PeerHello => Certainty::Certain,
        StartRule::Bind | StartRule::GatewayContact => Certainty::Likely,
        StartRule::MediaJoinedMidway | StartRule::PeerMedia | StartRule::MediaOverTls => Certainty::Uncertain,
    }
}

//! Finds the phases of one run of the client.

use std::time::Duration;

use crate::client::Service;
use crate::frame::FrameRef;
use crate::session::phase::{Certainty, Phase, PhaseKind, PhaseRule};
use crate::session::{EndRule, Meeting, MeetingKind, Member, Moment, StartRule};

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
/// An answer of an update host that is larger than this is a download, not a question whether there is something new.
const DOWNLOAD: u64 = 1_000_000;

/// One run of the client on one machine: its flows in order of their first frames, and its meetings in order of their
/// starts.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) members: &'a [&'a Member<'a>],
    pub(super) meetings: &'a [Meeting],
}

/// Where a meeting is joined.
pub(super) struct Joining {
    pub(super) start: Moment,
    pub(super) rule: PhaseRule,
}

/// The phases of a run, in order. `follows_silence` says that another run lies before it in the capture.
pub(in crate::session) fn phases(
    members: &[&Member<'_>],
    meetings: &[Meeting],
    follows_silence: bool,
) -> Vec<Phase> {
    let run = Run { members, meetings };
    let Some((first, last)) = run.span() else { return Vec::new() };
    let mut cuts = run.meeting_cuts(last);
    let begun = cuts.iter().map(|cut| cut.start).min();
    if begun.is_none_or(|begun| first.frame < begun.frame) {
        cuts.extend(run.opening(first, begun.unwrap_or(last), follows_silence));
    }
    let mut phases = laid_out(cuts, last);
    run.updates(&mut phases);
    if has_overlap(meetings) {
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

/// Whether one meeting begins before another ends. A client is in one at a time, so there may be two behind one address.
pub(in crate::session) fn has_overlap(meetings: &[Meeting]) -> bool {
    let ends = meetings.iter().scan(None, |latest: &mut Option<FrameRef>, meeting| {
        let before = *latest;
        *latest = before.max(Some(meeting.end.frame));
        Some(before)
    });
    meetings.iter().zip(ends).any(|(meeting, earlier)| earlier.is_some_and(|end| meeting.start.frame < end))
}

impl Run<'_> {
    fn span(&self) -> Option<(Moment, Moment)> {
        let first = self.members.iter().map(|member| member.first).min()?;
        Some((first, self.members.iter().map(|member| member.last).max()?))
    }

    /// What comes before the first meeting, or is all there is.
    fn opening(&self, first: Moment, until: Moment, follows_silence: bool) -> Vec<Phase> {
        let opened: Vec<&Member<'_>> =
            self.members.iter().copied().filter(|member| member.first.frame < until.frame).collect();
        let is_older = self.members.iter().any(|member| member.is_older);
        let cut = |kind, rule, certainty, start| Phase { kind, start, until, rule, certainty, meeting: None };
        let mut cuts = Vec::new();
        if is_older {
            cuts.push(cut(PhaseKind::Idle, PhaseRule::AlreadyRunning, Certainty::Likely, first));
        } else if follows_silence {
            cuts.push(cut(PhaseKind::Launch, PhaseRule::AfterSilence, Certainty::Likely, first));
        } else {
            let certainty = if has_launch_order(&opened) { Certainty::Likely } else { Certainty::Uncertain };
            cuts.push(cut(PhaseKind::Launch, PhaseRule::FirstContact, certainty, first));
        }
        if let Some(start) = sign_in(&opened) {
            cuts.push(cut(PhaseKind::SignIn, PhaseRule::PushFollows, Certainty::Uncertain, start));
        }
        let idle = settled(&opened, until);
        if let Some(start) = idle.filter(|_| !is_older || cuts.len() > 1) {
            cuts.push(cut(PhaseKind::Idle, PhaseRule::NoNewContact, Certainty::Likely, start));
        }
        cuts
    }

    /// The phases of all meetings.
    fn meeting_cuts(&self, last: Moment) -> Vec<Phase> {
        (0..)
            .zip(self.meetings)
            .flat_map(|(number, meeting)| {
                let mut cuts = Vec::new();
                if let Some(Joining { start, rule }) = self.joining(number) {
                    cuts.push(cut(PhaseKind::Joining, start, rule, certainty_of_joining(rule), number));
                }
                let rule = PhaseRule::Started(meeting.start_rule);
                let certainty = certainty_of_start(meeting.start_rule);
                cuts.push(cut(PhaseKind::Meeting, meeting.start, rule, certainty, number));
                let is_in_another = (0..).zip(self.meetings).any(|(other, beside)| {
                    other != number
                        && beside.start.frame < meeting.end.frame
                        && meeting.end.frame < beside.end.frame
                });
                if !is_in_another {
                    cuts.extend(self.end_cuts(number, meeting, last));
                }
                cuts
            })
            .collect()
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
                let ended = self.members.iter().map(|member| member.last).filter(|end| {
                    end.frame > meeting.end.frame
                        && end.since(meeting.end).is_some_and(|after| after <= LEAVING)
                });
                let rule = PhaseRule::ConnectionsEnded;
                let after = ended.max().filter(|end| goes_on(*end));
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
    pub(super) fn before(&self, number: usize) -> impl Iterator<Item = &Member<'_>> {
        let meeting = self.meetings.get(number);
        let earlier =
            self.meetings.get(..number).unwrap_or_default().iter().map(|meeting| meeting.end.frame).max();
        self.members.iter().copied().filter(move |member| {
            meeting.is_some_and(|meeting| {
                !member.is_older
                    && member.first.frame <= meeting.start.frame
                    && earlier.is_none_or(|earlier| member.first.frame > earlier)
                    && meeting.start.since(member.first).is_some_and(|before| before <= JOIN)
            })
        })
    }

    /// Cuts downloads of new versions out of the phases in which the client is in no meeting.
    fn updates(&self, phases: &mut Vec<Phase>) {
        let downloads =
            self.members.iter().filter(|m| m.service == Service::Update && m.payload_in >= DOWNLOAD);
        for member in downloads {
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
            let download = Phase {
                kind: PhaseKind::Update,
                start: member.first,
                until: end,
                rule: PhaseRule::Download,
                certainty: Certainty::Likely,
                meeting: None,
            };
            let replaces = before.start.frame == member.first.frame;
            let goes_on = end.frame < until.frame;
            let from = if replaces { at - 1 } else { at };
            phases.splice(from..at, [download].into_iter().chain(goes_on.then_some(rest)));
        }
    }
}

/// A phase of a meeting; where it ends is found later.
fn cut(kind: PhaseKind, start: Moment, rule: PhaseRule, certainty: Certainty, meeting: usize) -> Phase {
    Phase { kind, start, until: start, rule, certainty, meeting: Some(meeting) }
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

/// Where a sign-in begins: at a sign-in host, where a new push connection follows.
fn sign_in(opened: &[&Member<'_>]) -> Option<Moment> {
    let pushes = || opened.iter().filter(|member| member.service == Service::Push && !member.is_older);
    let hosts = opened.iter().filter(|member| member.service == Service::SignIn && !member.is_older);
    hosts.map(|member| member.first).find(|start| {
        pushes().any(|push| {
            push.first.frame > start.frame && push.first.since(*start).is_some_and(|gap| gap <= SIGN_IN)
        })
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

const fn certainty_of_start(rule: StartRule) -> Certainty {
    match rule {
        StartRule::Hello | StartRule::PeerHello => Certainty::Certain,
        StartRule::Bind | StartRule::GatewayContact => Certainty::Likely,
        StartRule::MediaJoinedMidway | StartRule::PeerMedia | StartRule::MediaOverTls => Certainty::Uncertain,
    }
}

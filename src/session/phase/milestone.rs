//! Single events of a session that a reader looks for: the first log, the look-up of a meeting, the first media.

use std::time::Duration;

use crate::client::Service;
use crate::evidence::{Fact, ZoomFact};
use crate::flow::FlowId;
use crate::session::phase::find::{Run, certainty_of_start, is_entry};
use crate::session::phase::{Certainty, PhaseRule};
use crate::session::{EndRule, Meeting, MeetingKind, Member, Moment};
use crate::wire::zoom::MediaKind;

/// Something that happened in a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Milestone {
    /// What.
    pub kind: MilestoneKind,
    /// When, and in which frame.
    pub at: Moment,
    /// The flow that shows it.
    pub flow: FlowId,
    /// How sure it is.
    pub certainty: Certainty,
    /// The meeting that it is about, by its position in the session.
    pub meeting: Option<usize>,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MilestoneKind {
    /// A third party of the client's pages is contacted just before the client: a page was loaded.
    PageLoad,
    /// The client's first contact for usage events or logs, before any meeting.
    LaunchLog,
    /// A push connection was opened.
    Push,
    /// The client asks for its own public address.
    NatDiscovery,
    /// A web or sign-in host is contacted just before a meeting is entered.
    LookUp,
    /// Zone controllers are tried.
    ZoneProbing,
    /// A connection to a media router.
    MediaRouter,
    /// A connection to a gateway for browsers.
    Gateway,
    /// The meeting begins just after another ended: a reconnect, a breakout room, or another meeting.
    Continued,
    /// The first message on a socket for media, or the first frame where that is not in the capture.
    MeetingStart,
    /// The first sound.
    Audio,
    /// The first picture of a camera.
    Video,
    /// The first picture of a screen.
    Share,
    /// The client closes its last socket for media.
    Close,
}

impl MilestoneKind {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PageLoad => "page_load",
            Self::LaunchLog => "launch_log",
            Self::Push => "push",
            Self::NatDiscovery => "nat_discovery",
            Self::LookUp => "look_up",
            Self::ZoneProbing => "zone_probing",
            Self::MediaRouter => "media_router",
            Self::Gateway => "gateway",
            Self::Continued => "continued",
            Self::MeetingStart => "meeting_start",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Share => "share",
            Self::Close => "close",
        }
    }
}

/// A page that is loaded so shortly before the client's first contact may have started it.
const PAGE: Duration = Duration::from_mins(1);
/// A meeting that begins so soon after another may be the same (a rule of thumb of the field).
const RECONNECT: Duration = Duration::from_secs(20);

/// The milestones of a run, in order. `beside` are the flows of catalogued third parties on the same machine, in order of their
/// first frames.
pub(super) fn milestones(run: &Run<'_>, beside: &[&Member<'_>], may_be_two: bool) -> Vec<Milestone> {
    let mut found = run.of_launch(beside);
    found.extend((0..run.meetings.len()).flat_map(|number| run.of_meeting(number)));
    if may_be_two {
        for milestone in found.iter_mut().filter(|milestone| milestone.meeting.is_some()) {
            milestone.certainty = Certainty::Uncertain;
        }
    }
    found.sort_by_key(|milestone| (milestone.at.frame, milestone.kind));
    found
}

impl Run<'_> {
    fn of_launch(&self, beside: &[&Member<'_>]) -> Vec<Milestone> {
        let Some(first) = self.members.first() else { return Vec::new() };
        let entered = self.members.iter().find(|m| is_entry(m, MeetingKind::Server));
        let is_before =
            |member: &&&Member<'_>| entered.is_none_or(|entered| member.first.frame < entered.first.frame);
        let opened = || self.members.iter().filter(|member| !member.is_older);
        // Sought from the run's beginning back, since every run of the machine seeks in the same flows.
        let before = beside.partition_point(|page| page.first.frame < first.first.frame);
        let is_near = |page: &&&Member<'_>| first.first.since(page.first).is_some_and(|gap| gap <= PAGE);
        let page = beside.get(..before).unwrap_or_default().iter().rev().take_while(is_near).last();
        let log = opened()
            .filter(is_before)
            .find(|member| matches!(member.service, Service::Telemetry | Service::LogUpload));
        let push = opened().find(|member| member.service == Service::Push);
        let nat = opened().find(|member| member.service == Service::NatDiscovery);
        let found = [
            (MilestoneKind::PageLoad, page, Certainty::Uncertain),
            (MilestoneKind::LaunchLog, log, Certainty::Likely),
            (MilestoneKind::Push, push, Certainty::Likely),
            (MilestoneKind::NatDiscovery, nat, Certainty::Certain),
        ];
        let of = |(kind, member, certainty): (MilestoneKind, Option<&&Member<'_>>, Certainty)| {
            member.map(|member| begun(kind, member, certainty, None))
        };
        found.into_iter().filter_map(of).collect()
    }

    fn of_meeting(&self, number: usize) -> Vec<Milestone> {
        let Some(meeting) = self.meetings.get(number) else { return Vec::new() };
        let mut found = self.of_joining(number);
        let Some(&flow) = meeting.flows.first() else { return found };
        let certainty = certainty_of_start(meeting.start_rule);
        let of_meeting =
            |kind, at, flow, certainty| Milestone { kind, at, flow, certainty, meeting: Some(number) };
        let (first, last) = (self.showing(meeting, meeting.start), self.showing(meeting, meeting.end));
        found.push(of_meeting(MilestoneKind::MeetingStart, meeting.start, first.unwrap_or(flow), certainty));
        let earlier = number.checked_sub(1).and_then(|before| self.meetings.get(before));
        if earlier.and_then(|before| meeting.start.since(before.end)).is_some_and(|gap| gap <= RECONNECT) {
            let first = first.unwrap_or(flow);
            found.push(of_meeting(MilestoneKind::Continued, meeting.start, first, Certainty::Likely));
        }
        found.extend(
            self.media(meeting)
                .into_iter()
                .map(|(kind, at, flow)| of_meeting(kind, at, flow, Certainty::Certain)),
        );
        if meeting.end_rule == EndRule::Close {
            let last = last.unwrap_or(flow);
            found.push(of_meeting(MilestoneKind::Close, meeting.end, last, Certainty::Certain));
        }
        found
    }

    fn of_joining(&self, number: usize) -> Vec<Milestone> {
        let Some(joining) = self.joining(number) else { return Vec::new() };
        let look_up = self.before(number).find(|member| {
            matches!(member.service, Service::SignIn | Service::Web)
                && member.first.frame < joining.start.frame
        });
        let probing = (joining.rule == PhaseRule::ZoneProbing)
            .then(|| self.before(number).find(|member| member.service == Service::Signalling))
            .flatten();
        let router = self.before(number).find(|member| member.service == Service::Media && member.is_tcp);
        let router_kind = if joining.rule == PhaseRule::Gateway {
            MilestoneKind::Gateway
        } else {
            MilestoneKind::MediaRouter
        };
        let found = [
            (MilestoneKind::LookUp, look_up, Certainty::Likely),
            (MilestoneKind::ZoneProbing, probing, Certainty::Certain),
            (router_kind, router, Certainty::Certain),
        ];
        let of = |(kind, member, certainty): (MilestoneKind, Option<&Member<'_>>, Certainty)| {
            member.map(|member| begun(kind, member, certainty, Some(number)))
        };
        found.into_iter().filter_map(of).collect()
    }

    /// The meeting's flow that has a moment among its facts, or begins or ends with it.
    fn showing(&self, meeting: &Meeting, at: Moment) -> Option<FlowId> {
        let shows = |member: &&Member<'_>| {
            member.first.frame == at.frame
                || member.last.frame == at.frame
                || member.facts.iter().any(|entry| entry.frame == at.frame)
        };
        self.of(meeting).find(shows).map(|member| member.flow)
    }

    /// The first media of each kind in a meeting.
    fn media(&self, meeting: &Meeting) -> Vec<(MilestoneKind, Moment, FlowId)> {
        let mut found: Vec<(MilestoneKind, Moment, FlowId)> = Vec::new();
        for member in self.of(meeting) {
            for entry in member.facts {
                let Fact::Zoom(ZoomFact::Stream(media)) = &entry.fact else { continue };
                let kind = match media {
                    MediaKind::Audio => MilestoneKind::Audio,
                    MediaKind::Video => MilestoneKind::Video,
                    MediaKind::Share | MediaKind::SecondShare => MilestoneKind::Share,
                    MediaKind::Other(_) => continue,
                };
                let at = Moment { frame: entry.frame, time: entry.time() };
                match found.iter_mut().find(|(known, ..)| *known == kind) {
                    Some(known) if at < known.1 => (known.1, known.2) = (at, member.flow),
                    Some(_) => {}
                    None => found.push((kind, at, member.flow)),
                }
            }
        }
        found
    }
}

fn begun(
    kind: MilestoneKind,
    member: &Member<'_>,
    certainty: Certainty,
    meeting: Option<usize>,
) -> Milestone {
    Milestone { kind, at: member.first, flow: member.flow, certainty, meeting }
}

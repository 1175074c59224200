//! The phases of a session, from launch to after the meeting, and the single events that delimit them.
//!
//! Input: the session's flows and meetings. Output: phases without gaps or overlaps, and milestones, each with the rule that
//! found it, its frame and how sure it is. The rules are inferred from public captures; none of them knows a name.
//! Must not: guess where the capture began too late or holds two clients; such phases are said to be uncertain.

mod find;
mod milestone;

use self::find::Run;
pub use self::milestone::{Milestone, MilestoneKind};
use serde::Deserialize;

use crate::session::{EndRule, Meeting, Member, Moment, StartRule};

/// What the client does in a stretch of a session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseKind {
    /// It starts, and fetches what it needs.
    Launch,
    /// It signs in to an account.
    SignIn,
    /// It runs, and is in no meeting.
    Idle,
    /// It enters a meeting.
    Joining,
    /// It is in a meeting.
    Meeting,
    /// It leaves a meeting.
    Leaving,
    /// It has left a meeting.
    AfterLeaving,
    /// It fetches a new version of itself.
    Update,
}

impl PhaseKind {
    /// All kinds, in the order in which they usually come.
    pub const ALL: [Self; 8] = [
        Self::Launch,
        Self::SignIn,
        Self::Idle,
        Self::Joining,
        Self::Meeting,
        Self::Leaving,
        Self::AfterLeaving,
        Self::Update,
    ];

    /// Its name in reports and in rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::SignIn => "sign_in",
            Self::Idle => "idle",
            Self::Joining => "joining",
            Self::Meeting => "meeting",
            Self::Leaving => "leaving",
            Self::AfterLeaving => "after_leaving",
            Self::Update => "update",
        }
    }

    /// The phase of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A stretch of a session. It begins with its first frame and lasts until the frame with which the next one begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Phase {
    /// What the client does.
    pub kind: PhaseKind,
    /// Its beginning.
    pub start: Moment,
    /// The beginning of the next one, or the session's last moment.
    pub until: Moment,
    /// What ends it there.
    pub until_rule: UntilRule,
    /// What the beginning was found by.
    pub rule: PhaseRule,
    /// How sure that is.
    pub certainty: Certainty,
    /// The meeting that is joined, held or left, by its position in the session.
    pub meeting: Option<usize>,
}

/// What a session is made of beside meetings.
pub(super) struct Made {
    pub(super) phases: Vec<Phase>,
    pub(super) milestones: Vec<Milestone>,
    pub(super) may_be_two: bool,
}

/// Finds the phases and milestones of one run of the client: its flows in order of their first frames, and its meetings in
/// order of their starts. `beside` are the flows of catalogued third parties on the same machine, `capture` is the capture's
/// last moment.
pub(super) fn of_run(
    members: &[&Member<'_>],
    meetings: &[Meeting],
    beside: &[&Member<'_>],
    follows_silence: bool,
    capture: Moment,
) -> Made {
    let run = Run::new(members, meetings);
    let may_be_two = run.may_be_two();
    Made {
        phases: find::phases(&run, follows_silence, may_be_two, capture),
        milestones: milestone::milestones(&run, beside, may_be_two),
        may_be_two,
    }
}

/// What ends a phase.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum UntilRule {
    /// The next one begins.
    NextPhase,
    /// The session ends: long silence follows.
    SessionEnd,
    /// The capture ends, so that the phase may have gone on.
    CaptureEnd,
}

impl UntilRule {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NextPhase => "next_phase",
            Self::SessionEnd => "session_end",
            Self::CaptureEnd => "capture_end",
        }
    }
}

/// How sure a phase or a milestone is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Certainty {
    /// The capture could as well show something else.
    Uncertain,
    /// The order and the kinds of contacts are those of every public capture.
    Likely,
    /// A message or a pattern says it that nothing else produces.
    Certain,
}

impl Certainty {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uncertain => "uncertain",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// What the beginning of a phase was found by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PhaseRule {
    /// The client's first contact in the capture.
    FirstContact,
    /// The first contact after ten minutes without any.
    AfterSilence,
    /// A connection of the client's is older than the capture.
    AlreadyRunning,
    /// The first contact after every connection of the client's had ended.
    NoConnectionLeft,
    /// A sign-in host is contacted and a new push connection follows.
    PushFollows,
    /// For half a minute no new connection.
    NoNewContact,
    /// Several zone controllers are tried at once.
    ZoneProbing,
    /// A connection to a media router or another signalling host.
    MediaRouter,
    /// A connection to a gateway for browsers.
    Gateway,
    /// The client asks for its own public address.
    NatDiscovery,
    /// What the meeting's start was found by.
    Started(StartRule),
    /// What the meeting's end was found by.
    Ended(EndRule),
    /// The last connection ends that ended with the meeting.
    ConnectionsEnded,
    /// A download from an update host.
    Download,
    /// The end of such a download.
    DownloadEnded,
}

impl PhaseRule {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstContact => "first_contact",
            Self::AfterSilence => "after_silence",
            Self::AlreadyRunning => "already_running",
            Self::NoConnectionLeft => "no_connection_left",
            Self::PushFollows => "push_follows",
            Self::NoNewContact => "no_new_contact",
            Self::ZoneProbing => "zone_probing",
            Self::MediaRouter => "media_router",
            Self::Gateway => "gateway",
            Self::NatDiscovery => "nat_discovery",
            Self::Started(rule) => rule.name(),
            Self::Ended(rule) => rule.name(),
            Self::ConnectionsEnded => "connections_ended",
            Self::Download => "download",
            Self::DownloadEnded => "download_ended",
        }
    }
}

#[cfg(test)]
mod tests;

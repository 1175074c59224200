//! The phases of a session, from launch to after the meeting, each with the rule that found it and how sure that is.

/// What the client does in a stretch of a session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
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

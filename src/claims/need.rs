//! What a capture must have got to before a rule says anything.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::case::Case;
use super::fact::Wanted;
use super::selector::Phase;
use crate::client::{Service, Whose};
use crate::session::{MeetingKind, PhaseKind};
use crate::verdict::Axis;

/// What a capture must have got to. All of it must be there.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Needs {
    /// Traffic of the client.
    pub client: bool,
    /// A meeting of that kind.
    pub meeting: Option<MeetingNeed>,
    /// A phase of each of these kinds.
    pub phases: Vec<Phase>,
    /// Traffic of the client for each of these services.
    pub services: Vec<Service>,
    /// A step whose label has one of these parts.
    pub marks: Vec<String>,
    /// At least so many sessions.
    pub sessions: u64,
    /// What the tester says.
    pub facts: BTreeMap<String, Wanted>,
    /// Where the client of a session stood.
    pub vantage: Option<VantageNeed>,
    /// At least one of these.
    pub one_of: Vec<Needs>,
}

impl Default for Needs {
    fn default() -> Self {
        Self {
            client: true,
            meeting: None,
            phases: Vec::new(),
            services: Vec::new(),
            marks: Vec::new(),
            sessions: 0,
            facts: BTreeMap::new(),
            vantage: None,
            one_of: Vec::new(),
        }
    }
}

/// By which way a meeting's media has to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeetingNeed {
    /// By any.
    Any,
    /// By a gateway for browsers.
    Browser,
    /// By a media router or between participants.
    Native,
}

/// Where a client has to have stood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VantageNeed {
    /// In the EEA.
    Eea,
    /// Outside it.
    Outside,
    /// Either.
    Known,
}

/// What a capture lacks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lack {
    /// Whether more could be known of the same capture: then it is not decidable, else it was not exercised.
    pub(super) is_unknown: bool,
    /// In few words.
    pub(super) brief: String,
    /// In a clause.
    pub(super) reason: String,
}

impl Lack {
    fn of(reason: String) -> Self {
        Self { is_unknown: false, brief: reason.clone(), reason }
    }
}

impl Needs {
    /// The first thing that is not there.
    pub(super) fn lack(&self, case: &Case) -> Option<Lack> {
        self.lacks_client(case)
            .or_else(|| self.lacks_marks(case))
            .or_else(|| self.lacks_meeting(case))
            .or_else(|| self.lacks_phase(case))
            .or_else(|| self.lacks_service(case))
            .or_else(|| self.lacks_sessions(case))
            .or_else(|| self.lacks_vantage(case))
            .or_else(|| self.lacks_fact(case))
            .or_else(|| self.lacks_all(case))
    }

    /// A phase that is there and uncertain: what is absent from it says nothing.
    pub(super) fn doubt(&self, case: &Case) -> Option<Lack> {
        let unsure = self.phases.iter().find(|wanted| !case.is_sure_of(wanted.0))?;
        let reason = format!("which flows belong to the phase {} is uncertain", words_of(unsure.0));
        Some(Lack { is_unknown: true, brief: reason.clone(), reason })
    }

    fn lacks_client(&self, case: &Case) -> Option<Lack> {
        let is_there = case.remotes.iter().any(|remote| remote.whose == Whose::Client);
        if self.client && !is_there {
            Some(Lack::of("no traffic of the client was recognised".to_owned()))
        } else {
            None
        }
    }

    fn lacks_marks(&self, case: &Case) -> Option<Lack> {
        let is_there = case.steps.iter().any(|step| step.is_one_of(&self.marks));
        if self.marks.is_empty() || is_there {
            return None;
        }
        Some(Lack::of(format!("no step of the scenario is marked {}", quoted(&self.marks))))
    }

    fn lacks_meeting(&self, case: &Case) -> Option<Lack> {
        let need = self.meeting?;
        let is_wanted = |kind: MeetingKind| match need {
            MeetingNeed::Any => true,
            MeetingNeed::Browser => kind == MeetingKind::Browser,
            MeetingNeed::Native => kind != MeetingKind::Browser,
        };
        if case.meetings().any(is_wanted) {
            None
        } else {
            Some(Lack::of(format!("no {} was seen", need.words())))
        }
    }

    fn lacks_phase(&self, case: &Case) -> Option<Lack> {
        let seen = case.phases();
        let missing = self.phases.iter().find(|wanted| !seen.contains(&wanted.0))?;
        Some(Lack::of(format!("no phase {} was recognised", words_of(missing.0))))
    }

    fn lacks_service(&self, case: &Case) -> Option<Lack> {
        let is_there = |service: &Service| {
            case.remotes.iter().any(|remote| remote.whose == Whose::Client && remote.service == *service)
        };
        let missing = self.services.iter().find(|service| !is_there(service))?;
        Some(Lack::of(format!("no traffic of the client for {} was seen", missing.id())))
    }

    fn lacks_sessions(&self, case: &Case) -> Option<Lack> {
        self.lacks_of(case.sessions.len() as u64)
    }

    /// The same where so many sessions count.
    pub(super) fn lacks_of(&self, seen: u64) -> Option<Lack> {
        if seen >= self.sessions {
            return None;
        }
        Some(Lack {
            brief: format!("needs {} sessions", self.sessions),
            ..Lack::of(format!(
                "it takes {} sessions to tell, and there are {seen} that count",
                self.sessions
            ))
        })
    }

    /// Nothing where one of the alternatives is there for sure.
    fn lacks_all(&self, case: &Case) -> Option<Lack> {
        let lack = |needs: &Self| needs.lack(case).or_else(|| needs.doubt(case));
        let lacks: Vec<Lack> = self.one_of.iter().map(lack).collect::<Option<_>>()?;
        let joined = |of: fn(&Lack) -> &str| lacks.iter().map(of).collect::<Vec<_>>().join(", and ");
        (!lacks.is_empty()).then(|| Lack {
            is_unknown: lacks.iter().any(|lack| lack.is_unknown),
            brief: joined(|lack| &lack.brief),
            reason: joined(|lack| &lack.reason),
        })
    }

    fn lacks_vantage(&self, case: &Case) -> Option<Lack> {
        let need = self.vantage?;
        let known = || case.sessions.iter().filter_map(|run| run.vantage);
        let is_wanted = |axis: Axis| match need {
            VantageNeed::Eea => axis == Axis::Eea,
            VantageNeed::Outside => axis == Axis::Outside,
            VantageNeed::Known => matches!(axis, Axis::Eea | Axis::Outside),
        };
        if known().any(is_wanted) {
            return None;
        }
        if known().any(|axis| matches!(axis, Axis::Eea | Axis::Outside)) {
            return Some(Lack::of(format!("no client {} was seen", need.words())));
        }
        let reason = "the client's own place is not known (--vantage)".to_owned();
        Some(Lack { is_unknown: true, brief: reason.clone(), reason })
    }

    fn lacks_fact(&self, case: &Case) -> Option<Lack> {
        let (key, wanted, said) = self.facts.iter().find_map(|(key, wanted)| {
            let said = case.facts.get(key);
            let is_said = said.zip(case.last_day()).is_some_and(|(said, day)| wanted.is(said, day));
            (!is_said).then_some((key, wanted, said))
        })?;
        let wanted = wanted.words();
        match said {
            Some(said) => Some(Lack::of(format!(
                "it speaks of tests with {key} = {wanted}, and this is one with {said}"
            ))),
            None => Some(Lack {
                is_unknown: true,
                brief: format!("the capture does not say: {}", key.replace('_', " ")),
                reason: format!("it speaks of tests with {key} = {wanted}, and the capture does not say"),
            }),
        }
    }
}

impl MeetingNeed {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Any => "meeting",
            Self::Browser => "meeting in a browser",
            Self::Native => "meeting of the installed client",
        }
    }
}

impl VantageNeed {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Eea => "in the EEA",
            Self::Outside => "outside the EEA",
            Self::Known => "whose place is known",
        }
    }
}

fn words_of(kind: PhaseKind) -> String {
    kind.name().replace('_', " ")
}

/// `"report" or "complaint"`.
pub(super) fn quoted(parts: &[String]) -> String {
    parts.iter().map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(" or ")
}

//! Selectors: which flows a rule speaks of.
//!
//! A flow is one where all keys fit. About a place there are three answers: what is not placed, or placed with less than the
//! grade that is asked for, leaves it open. So does a third party's flow that nothing ties to the client.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::case::{Case, FlowFacts, Remote};
use super::fact::{self, Wanted};
use super::name::NamePattern;
use crate::client::{Service, Whose};
use crate::place::{Country, CountrySet, Grade};
use crate::session::PhaseKind;
use crate::verdict::Axis;
use crate::wire::zoom::MediaKind;

/// Which flows a rule speaks of: those that all keys fit.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Selector {
    /// What the remote end is for.
    pub services: Vec<Service>,
    /// What it is not for.
    pub not_services: Vec<Service>,
    /// The recipient, by its id in the client's catalogue.
    pub operators: Vec<String>,
    /// A recipient that is none of these, or is not known.
    pub not_operators: Vec<String>,
    /// One of the remote end's names.
    pub names: Vec<NamePattern>,
    /// One of its names is what the tester says under that key.
    pub names_of_fact: Option<String>,
    /// None of its names.
    pub not_names: Vec<NamePattern>,
    /// Its port.
    pub ports: Vec<u16>,
    /// A kind of media that it carried or was opened for.
    pub media: Vec<Media>,
    /// The phase in which the flow began.
    pub phases: Vec<Phase>,
    /// Words of the label of the step in which it began, or the id of the step's kind.
    pub steps: Vec<String>,
    /// Where the remote end stands, seen from the EEA.
    pub axis: Option<Where>,
    /// It stands in one of these countries.
    pub countries: Vec<Country>,
    /// It stands in none of these.
    pub not_countries: Vec<Country>,
    /// It stands in one of the regions that the tester names under that key.
    pub countries_of_fact: Option<String>,
    /// It stands in none of them.
    pub not_countries_of_fact: Option<String>,
    /// What the tester says of the capture.
    pub facts: BTreeMap<String, Wanted>,
    /// How sure a place has to be; likely where it is not said.
    pub min_grade: Option<Sure>,
    /// Whose the flow is; the client's where it is not said.
    pub whose: Vec<Tied>,
    /// The listing by the register of the day.
    pub listings: Vec<Listed>,
    /// Not that listing.
    pub not_listings: Vec<Listed>,
    /// Where the client of the session stood.
    pub vantage: Option<Stood>,
    /// The least bytes of payload that the client sent.
    pub min_payload_out: Option<u64>,
    /// Why such a flow matters, in one clause.
    pub says: Option<String>,
}

/// Whether a flow is one that a selector speaks of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fit {
    /// It is not.
    No,
    /// It may be.
    Open(Doubt),
    /// It is.
    Yes,
}

/// Why it may be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Doubt {
    /// The remote end is not placed.
    NotPlaced,
    /// It is placed, and not surely enough.
    NotSure,
    /// The phase in which the flow began is uncertain.
    PhaseNotSure,
    /// Nothing ties the flow to the client.
    NotTied,
    /// What the tester would have to say of the capture is not said.
    NotSaid,
    /// It is selected to leave the claim open.
    Selected,
}

impl Selector {
    /// Whether it says anything that a flow can fail.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // A grade needs a place that is asked for, and every flow has at least no byte.
        let min_payload_out = self.min_payload_out.filter(|least| *least == 0);
        let min_grade = self.min_grade;
        *self == Self { says: self.says.clone(), min_payload_out, min_grade, ..Self::default() }
    }

    /// The keys under which it asks what the tester says.
    pub(super) fn facts_asked(&self) -> impl Iterator<Item = &String> {
        let of_fact = [&self.names_of_fact, &self.countries_of_fact, &self.not_countries_of_fact];
        self.facts.keys().chain(of_fact.into_iter().flatten())
    }

    /// What the remote end alone says, in a case of which the tester says something.
    #[must_use]
    pub fn of_remote(&self, remote: &Remote, case: &Case) -> Fit {
        let is_wanted = one_of(&self.services, &remote.service)
            && none_of(&self.not_services, &remote.service)
            && self.is_operator(remote.recipient.as_deref())
            && self.is_named(&remote.names)
            && self.is_named_by_fact(&remote.names, case)
            && one_of(&self.ports, &remote.port)
            && self.is_listed(remote.listing)
            && (self.media.is_empty() || self.media.iter().any(|kind| remote.media.contains(&kind.0)));
        if is_wanted {
            self.tied(remote).min(self.placed(remote, case)).min(self.said(remote, case))
        } else {
            Fit::No
        }
    }

    /// What the flow itself says, beside its remote end.
    #[must_use]
    pub fn of_flow(&self, flow: &FlowFacts, case: &Case) -> Fit {
        let in_step = || case.step(flow).is_some_and(|step| step.is_one_of(&self.steps));
        let is_wanted = (self.steps.is_empty() || in_step())
            && self.vantage.is_none_or(|stood| stood.is(case.vantage(flow)))
            && self.min_payload_out.is_none_or(|least| least <= flow.payload_out);
        if is_wanted { self.in_phase(flow) } else { Fit::No }
    }

    fn in_phase(&self, flow: &FlowFacts) -> Fit {
        let is_wanted = |kind| self.phases.iter().any(|wanted| wanted.0 == kind);
        match flow.phase {
            _ if self.phases.is_empty() => Fit::Yes,
            Some(phase) if is_wanted(phase.kind) && phase.is_sure => Fit::Yes,
            Some(phase) if is_wanted(phase.kind) => Fit::Open(Doubt::PhaseNotSure),
            Some(_) | None => Fit::No,
        }
    }

    fn is_operator(&self, recipient: Option<&str>) -> bool {
        let is_one = |ids: &[String]| recipient.is_some_and(|id| ids.iter().any(|known| known == id));
        (self.operators.is_empty() || is_one(&self.operators)) && !is_one(&self.not_operators)
    }

    fn is_named(&self, names: &[String]) -> bool {
        let has = |patterns: &[NamePattern]| {
            patterns.iter().any(|pattern| names.iter().any(|name| pattern.fits(name)))
        };
        (self.names.is_empty() || has(&self.names)) && !has(&self.not_names)
    }

    fn is_named_by_fact(&self, names: &[String], case: &Case) -> bool {
        let Some(key) = &self.names_of_fact else { return true };
        let said = case.facts.get(key).map(|said| said.trim().trim_end_matches('.'));
        said.is_some_and(|said| names.iter().any(|name| name.eq_ignore_ascii_case(said)))
    }

    /// Whether the tester says what it asks for.
    fn said(&self, remote: &Remote, case: &Case) -> Fit {
        let one = |(key, wanted): (&String, &Wanted)| match case.facts.get(key) {
            None => Fit::Open(Doubt::NotSaid),
            Some(said) if wanted.is(said, remote.day) => Fit::Yes,
            Some(_) => Fit::No,
        };
        self.facts.iter().map(one).min().unwrap_or(Fit::Yes)
    }

    fn is_listed(&self, listing: &str) -> bool {
        let has = |wanted: &[Listed]| wanted.iter().any(|wanted| wanted.name() == listing);
        (self.listings.is_empty() || has(&self.listings)) && !has(&self.not_listings)
    }

    fn tied(&self, remote: &Remote) -> Fit {
        let is_named = self.whose.iter().any(|tied| tied.whose() == remote.whose);
        match remote.whose {
            Whose::Other => Fit::No,
            _ if is_named => Fit::Yes,
            Whose::Client if self.whose.is_empty() => Fit::Yes,
            Whose::NotAttributable if self.whose.is_empty() => Fit::Open(Doubt::NotTied),
            Whose::Client | Whose::NotAttributable => Fit::No,
        }
    }

    fn placed(&self, remote: &Remote, case: &Case) -> Fit {
        if self.axis == Some(Where::Undetermined) {
            return if remote.axis == Axis::Undetermined { Fit::Yes } else { Fit::No };
        }
        let wanted = countries(&self.countries, self.countries_of_fact.as_ref(), remote, case);
        let refused = countries(&self.not_countries, self.not_countries_of_fact.as_ref(), remote, case);
        if self.axis.is_none() && wanted.is_none() && refused.is_none() {
            return Fit::Yes;
        }
        match remote.axis {
            Axis::Local | Axis::Participant => return Fit::No,
            Axis::Undetermined if remote.countries.is_empty() => return Fit::Open(Doubt::NotPlaced),
            Axis::Eea | Axis::Outside | Axis::Undetermined => {}
        }
        // A conflict that leaves the axis open is no surer than one medium witness.
        if sureness(remote.grade) < self.min_grade.unwrap_or(Sure::Likely) {
            let is_placed = remote.axis != Axis::Undetermined;
            return Fit::Open(if is_placed { Doubt::NotSure } else { Doubt::NotPlaced });
        }
        self.on_axis(remote.axis).min(in_countries(&remote.countries, wanted.as_ref(), refused.as_ref()))
    }

    fn on_axis(&self, axis: Axis) -> Fit {
        match (self.axis, axis) {
            (None, _) | (Some(Where::Eea), Axis::Eea) | (Some(Where::Outside), Axis::Outside) => Fit::Yes,
            (_, Axis::Undetermined) => Fit::Open(Doubt::NotPlaced),
            _ => Fit::No,
        }
    }
}

/// The countries that are asked for by code or by what the tester says; `None` where none are.
fn countries(codes: &[Country], key: Option<&String>, remote: &Remote, case: &Case) -> Option<CountrySet> {
    if codes.is_empty() && key.is_none() {
        return None;
    }
    let said = key.and_then(|key| fact::countries(case.facts.get(key)?, remote.day));
    Some(codes.iter().copied().collect::<CountrySet>().union(&said.unwrap_or(CountrySet::EMPTY)))
}

fn in_countries(found: &CountrySet, wanted: Option<&CountrySet>, refused: Option<&CountrySet>) -> Fit {
    let inside = |wanted: &CountrySet| match (found.is_subset(wanted), found.is_disjoint(wanted)) {
        (true, _) => Fit::Yes,
        (false, true) => Fit::No,
        (false, false) => Fit::Open(Doubt::NotPlaced),
    };
    let outside = |refused: &CountrySet| match inside(refused) {
        Fit::Yes => Fit::No,
        Fit::No => Fit::Yes,
        open @ Fit::Open(_) => open,
    };
    wanted.map_or(Fit::Yes, inside).min(refused.map_or(Fit::Yes, outside))
}

fn one_of<T: PartialEq>(wanted: &[T], found: &T) -> bool {
    wanted.is_empty() || wanted.contains(found)
}

fn none_of<T: PartialEq>(refused: &[T], found: &T) -> bool {
    !refused.contains(found)
}

fn sureness(grade: Grade) -> Sure {
    match grade {
        Grade::Confirmed => Sure::Confirmed,
        Grade::Likely => Sure::Likely,
        Grade::Possible => Sure::Possible,
        Grade::Conflict | Grade::Anycast | Grade::Undetermined | Grade::Local => Sure::Nothing,
    }
}

/// Where a remote end stands, seen from the EEA.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Where {
    /// In the EEA.
    Eea,
    /// Outside it.
    Outside,
    /// Not known.
    Undetermined,
}

impl Where {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Eea => "in the EEA",
            Self::Outside => "outside the EEA",
            Self::Undetermined => "at a place that is not known",
        }
    }
}

/// How sure a place is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sure {
    /// Not at all; it cannot be asked for.
    #[serde(skip)]
    Nothing,
    /// By one medium witness, such as a database alone.
    Possible,
    /// By one strong witness.
    Likely,
    /// By two independent kinds of evidence.
    Confirmed,
}

impl Sure {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "unknown",
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Confirmed => "confirmed",
        }
    }
}

/// Whose a flow is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tied {
    /// The client's.
    Client,
    /// A third party's that nothing ties to the client.
    NotAttributable,
}

impl Tied {
    const fn whose(self) -> Whose {
        match self {
            Self::Client => Whose::Client,
            Self::NotAttributable => Whose::NotAttributable,
        }
    }
}

/// Where the client of a session stood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stood {
    /// In the EEA.
    Eea,
    /// Outside it.
    Outside,
    /// Not known.
    Unknown,
}

impl Stood {
    fn is(self, vantage: Option<Axis>) -> bool {
        match self {
            Self::Eea => vantage == Some(Axis::Eea),
            Self::Outside => vantage == Some(Axis::Outside),
            Self::Unknown => !matches!(vantage, Some(Axis::Eea | Axis::Outside)),
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Eea => "of a client in the EEA",
            Self::Outside => "of a client outside the EEA",
            Self::Unknown => "of a client whose place is not known",
        }
    }
}

/// A listing by the register of the day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listed {
    /// An entry names it.
    Listed,
    /// None does.
    Unlisted,
    /// That depends on its place, which is not known.
    Undecided,
    /// No register covers the day.
    NoRegister,
}

impl Listed {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Unlisted => "unlisted",
            Self::Undecided => "undecided",
            Self::NoRegister => "no_register",
        }
    }
}

/// A phase of a session, by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Phase(pub PhaseKind);

impl TryFrom<String> for Phase {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let known = || PhaseKind::ALL.map(PhaseKind::name).join(", ");
        PhaseKind::from_name(&name).map(Self).ok_or_else(|| format!("no such phase; there are {}", known()))
    }
}

/// A kind of media, by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Media(pub MediaKind);

impl Media {
    const ALL: [(&'static str, MediaKind); 4] = [
        ("audio", MediaKind::Audio),
        ("video", MediaKind::Video),
        ("share", MediaKind::Share),
        ("second_share", MediaKind::SecondShare),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, kind)| *kind == self.0).map_or("other", |(name, _)| name)
    }
}

impl TryFrom<String> for Media {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let found = Self::ALL.into_iter().find(|(known, _)| *known == name);
        let known = || Self::ALL.map(|(known, _)| known).join(", ");
        found
            .map(|(_, kind)| Self(kind))
            .ok_or_else(|| format!("no such kind of media; there are {}", known()))
    }
}

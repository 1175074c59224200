//! The conditions of `--fail-on`, put to a comparison: exit status, JUnit and annotations are made of the one list.
//!
//! Input: a [`Comparison`] and the conditions. Output: checks as pipelines are told of them. Must not: take what is not known for
//! a pass.

use super::difference::{Change, Comparison, Difference, Kind};
use super::outside::Outside;
use super::words;
use crate::report::checks::{MinGrade, Outcome};
use crate::report::lang::Lang;
use crate::report::text::plural;
use crate::report::told::{Head, Severity, Told};

/// What a comparison may be failed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Anything differs.
    Any,
    /// Something differs in this.
    Of(Kind),
    /// What is new, or moved, is outside the EEA.
    Outside,
    /// What is new, or moved, is outside the EEA and in no register.
    Unlisted,
}

impl Condition {
    /// Every condition.
    pub const ALL: [Self; 14] = [
        Self::Any,
        Self::Outside,
        Self::Unlisted,
        Self::Of(Kind::Added),
        Self::Of(Kind::Moved),
        Self::Of(Kind::Recipient),
        Self::Of(Kind::Place),
        Self::Of(Kind::Listing),
        Self::Of(Kind::Phase),
        Self::Of(Kind::Volume),
        Self::Of(Kind::Fingerprint),
        Self::Of(Kind::Removed),
        Self::Of(Kind::Expired),
        Self::Of(Kind::Wide),
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Of(kind) => kind.name(),
            Self::Outside => "outside",
            Self::Unlisted => "unlisted",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Any => "difference",
            Self::Of(Kind::Added) => "new contact",
            Self::Of(Kind::Moved) => "contact in another legal zone",
            Self::Of(Kind::Recipient) => "contact run by another company",
            Self::Of(Kind::Place) => "contact in another place",
            Self::Of(Kind::Listing) => "contact listed otherwise",
            Self::Of(Kind::Phase) => "first contact in another phase",
            Self::Of(Kind::Volume) => "more or less traffic than noise explains",
            Self::Of(Kind::Fingerprint) => "another TLS stack",
            Self::Of(Kind::Removed) => "contact not seen any more",
            Self::Of(Kind::Expired) => "entry expired",
            Self::Of(Kind::Wide) => "entry too wide",
            Self::Outside => "new or moved contact outside the EEA",
            Self::Unlisted => "new or moved contact outside the EEA and not listed",
        }
    }

    const fn severity(self) -> Severity {
        match self {
            Self::Unlisted => Severity::Critical,
            Self::Of(Kind::Removed | Kind::Phase | Kind::Expired) => Severity::Minor,
            Self::Any | Self::Of(_) | Self::Outside => Severity::Major,
        }
    }

    /// What comes of it for one difference, where places count from a grade; `None` where it is about something else.
    fn of(self, of: &Difference, least: MinGrade) -> Option<Outcome> {
        let kinds: &[Kind] = match self {
            Self::Any => &Kind::ALL,
            Self::Of(ref kind) => std::slice::from_ref(kind),
            Self::Outside | Self::Unlisted => &[Kind::Added, Kind::Moved, Kind::Place],
        };
        let own = || of.changes.iter().filter(|change| kinds.contains(&change.kind));
        let said: Vec<&str> = own().map(|change| change.says.as_str()).collect();
        if said.is_empty() {
            return None;
        }
        let said = said.join("; ");
        let place = match self {
            Self::Any | Self::Of(_) => None,
            Self::Outside => Some(of.outside),
            Self::Unlisted => Some(of.unlisted),
        };
        Some(match place {
            Some(Outside::No) => Outcome::Clear,
            Some(Outside::NotKnown) => Outcome::Open(format!("place not known: {said}")),
            Some(place) if !place.reaches(least) => {
                Outcome::Open(format!("outside the EEA below --min-grade {}: {said}", least.name()))
            }
            // What may have been lost fails nothing; what else differs does.
            Some(_) if !of.tied => Outcome::Open(format!("nothing ties it to the client: {said}")),
            _ => match own().find(|change| change.doubt.is_none()).or_else(|| own().next()) {
                Some(Change { doubt: Some(doubt), .. }) => Outcome::Open(format!("{said}; {doubt}")),
                _ => Outcome::Holds(said),
            },
        })
    }
}

/// Puts the conditions, each once and in their order, to a comparison; places count from `least`.
#[must_use]
pub fn checks(comparison: &Comparison, conditions: &[Condition], least: MinGrade) -> Vec<Told> {
    let mut asked: Vec<Condition> = Vec::new();
    for condition in conditions {
        if !asked.contains(condition) {
            asked.push(*condition);
        }
    }
    asked.into_iter().flat_map(|condition| of_condition(comparison, condition, least)).collect()
}

fn of_condition(comparison: &Comparison, condition: Condition, least: MinGrade) -> Vec<Told> {
    let told = |of: &Difference| {
        let outcome = condition.of(of, least)?;
        Some(Told {
            file: of.file.clone(),
            frame: of.at.filter(|_| !of.is_entry()),
            line: of.at.filter(|_| of.is_entry()),
            details: details(of),
            ..plain(condition, of.subject.clone(), outcome)
        })
    };
    let mut checks: Vec<Told> = comparison.differences.iter().filter_map(told).collect();
    let is_about_volume = matches!(condition, Condition::Of(Kind::Volume) | Condition::Any);
    if is_about_volume && !comparison.volumes_compared {
        checks.push(plain(condition, "volumes".to_owned(), Outcome::Open(comparison.noise.clone())));
    }
    let others = plural(comparison.same, "other contact", "other contacts");
    checks.push(plain(condition, others, Outcome::Clear));
    checks
}

fn plain(condition: Condition, subject: String, outcome: Outcome) -> Told {
    Told {
        condition: condition.name(),
        title: condition.title(),
        severity: condition.severity(),
        subject,
        file: None,
        frame: None,
        line: None,
        outcome,
        details: Vec::new(),
    }
}

fn details(of: &Difference) -> Vec<String> {
    let seen: Vec<&str> =
        of.new.iter().chain(&of.base).flat_map(|side| &side.names).map(String::as_str).collect();
    let named = (!seen.is_empty()).then(|| format!("named: {}", seen.join(", ")));
    let told = of.changes.iter().map(|change| format!("{}: {}", change.kind.name(), change.says));
    told.chain(named).collect()
}

/// What checks of a comparison are of.
#[must_use]
pub fn head(comparison: &Comparison) -> Head {
    let origins = || comparison.base.iter().chain(&comparison.new);
    Head {
        tool: format!("{} {}", comparison.tool.name, comparison.tool.version),
        start: comparison.new.iter().filter_map(|of| of.start.clone()).min(),
        lines: words::headline(comparison, Lang::ENGLISH),
        inputs: origins().map(|of| of.name.clone()).collect(),
    }
}

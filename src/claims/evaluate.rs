//! Putting claims to a case.
//!
//! A claim is asked of every remote end once, and of the flows of those ends that may matter; what is kept of flows is a count and the
//! first of them, so that millions of flows cost time and no memory.

use std::collections::{BTreeMap, BTreeSet};

use super::case::{Case, FlowFacts, Remote};
use super::claim::{AbsentOutcome, Claim, Testable};
use super::need::Lack;
use super::pile::{Days, Hit, Pile};
use super::selector::{Doubt, Fit, Selector};
use super::words;
use crate::frame::Date;
use crate::session::PhaseKind;

/// What became of a claim.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// Flows of the capture speak against it.
    Contradicted,
    /// Nothing in the capture speaks against it.
    Supported,
    /// The capture cannot tell.
    NotDecidable,
    /// The capture never got to where it would show.
    NotExercised,
    /// It is not about network traffic.
    OutOfScope,
}

impl Outcome {
    /// All outcomes, in the order in which they are read.
    pub const ALL: [Self; 5] =
        [Self::Contradicted, Self::Supported, Self::NotDecidable, Self::NotExercised, Self::OutOfScope];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contradicted => "contradicted",
            Self::Supported => "supported",
            Self::NotDecidable => "not_decidable",
            Self::NotExercised => "not_exercised",
            Self::OutOfScope => "out_of_scope",
        }
    }
}

/// A claim and what became of it.
#[derive(Clone, Debug)]
pub struct Tested<'c> {
    /// The claim.
    pub claim: &'c Claim,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, in few words.
    pub brief: String,
    /// Why, in a sentence without its full stop.
    pub reason: String,
    /// What was looked at; `None` where nothing in a capture could tell.
    pub looked_at: Option<LookedAt>,
    /// The first of the flows that the outcome rests on.
    pub flows: Vec<Hit>,
    /// How many there are.
    pub flows_total: u64,
}

/// What was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LookedAt {
    /// Sessions.
    pub sessions: u64,
    /// Meetings.
    pub meetings: u64,
    /// The kinds of phases that were told apart.
    pub phases: Vec<PhaseKind>,
    /// Flows of the days on which the claim holds.
    pub flows: u64,
    /// The first day of such a flow.
    pub from: Option<Date>,
    /// The last.
    pub to: Option<Date>,
    /// What could not be seen.
    pub not_visible: Vec<String>,
}

/// Puts the claims to a case, in their order.
#[must_use]
pub fn test<'c>(claims: &'c [Claim], case: &Case) -> Vec<Tested<'c>> {
    let mut flows_of = vec![0; case.remotes.len()];
    for flow in &case.flows {
        if let Some(count) = flows_of.get_mut(flow.remote as usize) {
            *count += 1;
        }
    }
    let days = Days::of(case.remotes.iter().map(|remote| remote.day));
    claims.iter().map(|claim| Trial { claim, case, flows_of: &flows_of, days }.result()).collect()
}

/// One claim put to a case.
struct Trial<'c, 'k> {
    claim: &'c Claim,
    case: &'k Case,
    flows_of: &'k [u64],
    days: Days,
}

impl<'c> Trial<'c, '_> {
    fn result(&self) -> Tested<'c> {
        let claim = self.claim;
        if claim.testable != Testable::Metadata {
            let outcome = match claim.testable {
                Testable::OutOfScope => Outcome::OutOfScope,
                _ => Outcome::NotDecidable,
            };
            let reason = format!("{}: {}", claim.testable.words(), words::lowered(&claim.limits));
            return self.tested(outcome, claim.testable.words().to_owned(), reason, None);
        }
        if let Some(lack) = self.lacks_days() {
            return self.unmet(lack);
        }
        match claim.rule.needs.lack(self.case) {
            Some(lack) => self.unmet(lack),
            None => self.tried(),
        }
    }

    /// The days of the capture, where the claim holds on none of them.
    fn lacks_days(&self) -> Option<Lack> {
        let valid = self.claim.valid;
        let is_tested = self.case.remotes.iter().any(|remote| valid.covers(remote.day));
        if is_tested || self.case.remotes.is_empty() {
            return None;
        }
        let reason = words::out_of_time(self.days, valid, self.case.captures);
        Some(Lack { is_unknown: false, brief: "of another time".to_owned(), reason })
    }

    fn unmet(&self, lack: Lack) -> Tested<'c> {
        let outcome = if lack.is_unknown { Outcome::NotDecidable } else { Outcome::NotExercised };
        self.tested(outcome, lack.brief, self.dated(lack.reason), None)
    }

    fn tried(&self) -> Tested<'c> {
        let rule = &self.claim.rule;
        let found = self.flows();
        if let Some(least) = rule.in_every_session {
            let counted = self.sessions();
            if !found.against.is_empty() {
                return self.recurring(found, counted, least);
            }
            if let Some(lack) = rule.needs.lacks_of(counted) {
                return self.unmet(lack);
            }
        }
        if !found.against.is_empty() {
            return self.contradicted(found.against, "");
        }
        if !found.open.is_empty() {
            let (brief, reason) = words::open(&found.open);
            return self.tested(Outcome::NotDecidable, brief, self.dated(reason), Some(found.open));
        }
        if let Some(lack) = rule.needs.doubt(self.case) {
            return self.unmet(lack);
        }
        if let Some(lack) = rule.needs_for_support.as_ref().and_then(|needs| needs.lack(self.case)) {
            return self.unmet(lack);
        }
        match rule.absent.as_ref().filter(|_| found.for_it.is_empty()) {
            None => {
                let looked_at = self.flows_looked_at();
                let mut reason = words::supported(&found.for_it, looked_at, self.case.captures);
                reason.push_str(&words::excepted(&found.excepted));
                let brief = "nothing speaks against it".to_owned();
                self.tested(Outcome::Supported, brief, self.dated(reason), Some(found.for_it))
            }
            Some(_) if !found.maybe_for_it.is_empty() => {
                let (brief, reason) = words::open(&found.maybe_for_it);
                self.tested(Outcome::NotDecidable, brief, self.dated(reason), Some(found.maybe_for_it))
            }
            Some(absent) => {
                let outcome = match absent.outcome {
                    AbsentOutcome::NotExercised => Outcome::NotExercised,
                    AbsentOutcome::NotDecidable => Outcome::NotDecidable,
                };
                let reason = format!("{}{}", absent.because, words::excepted(&found.excepted));
                self.tested(outcome, absent.because.clone(), self.dated(reason), None)
            }
        }
    }

    fn contradicted(&self, against: Pile, besides: &str) -> Tested<'c> {
        let reason = self.dated(words::against(&against) + besides);
        self.tested(Outcome::Contradicted, "contradicted".to_owned(), reason, Some(against))
    }

    /// Flows that speak against a claim where they are for one and the same service in each of the sessions that count.
    fn recurring(&self, found: Found, counted: u64, least: u64) -> Tested<'c> {
        let seen = found.sessions.iter().map(|(service, sessions)| (sessions.len() as u64, *service));
        let (seen, service) =
            seen.reduce(|best, next| if next.0 > best.0 { next } else { best }).unwrap_or_default();
        if seen == counted && counted >= least {
            return self.contradicted(found.against, &words::recurring(service, counted));
        }
        let brief = format!("seen in {seen} of {counted} sessions");
        let reason = words::not_recurring(&found.against, service, (seen, counted), least);
        self.tested(Outcome::NotDecidable, brief, self.dated(reason), Some(found.against))
    }

    /// The reason, with the day of the capture where it is before the statement.
    fn dated(&self, mut reason: String) -> String {
        if let Some(before) = words::before_statement(self.days, self.claim, self.case.captures) {
            reason.push_str("; ");
            reason.push_str(&before);
        }
        reason
    }

    fn tested(&self, outcome: Outcome, brief: String, reason: String, pile: Option<Pile>) -> Tested<'c> {
        let pile = pile.unwrap_or_default();
        let looked_at = (self.claim.testable == Testable::Metadata).then(|| self.looked_at());
        Tested {
            claim: self.claim,
            outcome,
            brief,
            reason,
            looked_at,
            flows: pile.first,
            flows_total: pile.total,
        }
    }

    fn looked_at(&self) -> LookedAt {
        let days = Days::of(self.in_time().map(|(remote, _)| remote.day));
        let unnamed =
            self.in_time().filter(|(remote, _)| remote.names.is_empty()).map(|(_, flows)| flows).sum();
        LookedAt {
            sessions: self.case.sessions.len() as u64,
            meetings: self.case.meetings().count() as u64,
            phases: self.case.phases(),
            flows: self.flows_looked_at(),
            from: days.0.map(|(first, _)| first),
            to: days.0.map(|(_, last)| last),
            not_visible: words::not_visible(unnamed),
        }
    }

    fn flows_looked_at(&self) -> u64 {
        self.in_time().map(|(_, flows)| flows).sum()
    }

    /// How many sessions count: those with a flow on a day on which the claim holds that is not excepted for where its client stood.
    fn sessions(&self) -> u64 {
        let except: Vec<&Selector> =
            self.claim.rule.except.iter().filter(|except| except.vantage.is_some()).collect();
        let counts = |flow: &&FlowFacts| {
            let remote = self.case.remote(flow).filter(|remote| self.claim.valid.covers(remote.day));
            remote.is_some_and(|remote| {
                let fit = |s: &&Selector| s.of_remote(remote, self.case).min(s.of_flow(flow, self.case));
                except.iter().all(|selector| fit(selector) != Fit::Yes)
            })
        };
        let sessions = self.case.flows.iter().filter(counts).filter_map(|flow| flow.session);
        sessions.collect::<BTreeSet<u32>>().len() as u64
    }

    /// The remote ends of days on which the claim holds, each with how many flows.
    fn in_time(&self) -> impl Iterator<Item = (&Remote, u64)> {
        let all = self.case.remotes.iter().zip(self.flows_of.iter().copied());
        all.filter(|(remote, _)| self.claim.valid.covers(remote.day))
    }

    fn flows(&self) -> Found {
        let asked: Vec<Asked<'_>> = self.case.remotes.iter().map(|remote| self.asked(remote)).collect();
        let mut found = Found::default();
        if asked.iter().all(Asked::is_idle) {
            return found;
        }
        for flow in &self.case.flows {
            let of = asked.get(flow.remote as usize).filter(|asked| !asked.is_idle());
            if let Some((of, remote)) = of.zip(self.case.remote(flow)) {
                self.weigh(flow, remote, of, &mut found);
            }
        }
        found
    }

    fn asked(&self, remote: &Remote) -> Asked<'c> {
        if !self.claim.valid.covers(remote.day) {
            return Asked::default();
        }
        let rule = &self.claim.rule;
        let fits = |selectors: &'c [Selector]| {
            let fits = selectors.iter().map(|selector| (selector, selector.of_remote(remote, self.case)));
            fits.filter(|(_, fit)| *fit != Fit::No).collect()
        };
        Asked {
            against: fits(&rule.contradicted_by),
            except: fits(&rule.except),
            undecided: fits(&rule.undecided_by),
            for_it: fits(&rule.supported_by),
        }
    }

    fn weigh(&self, flow: &FlowFacts, remote: &Remote, asked: &Asked<'c>, found: &mut Found) {
        let best = |selectors: &[(&'c Selector, Fit)]| {
            let fits = selectors
                .iter()
                .map(|(selector, fit)| (*selector, selector.of_flow(flow, self.case).min(*fit)));
            let fits = fits.filter(|(_, fit)| *fit != Fit::No);
            fits.reduce(|best, next| if next.1 > best.1 { next } else { best })
        };
        // An exception that holds for sure takes a flow out of the claim; one that may hold leaves it open.
        let excepted = best(&asked.except).map_or(Fit::No, |(_, fit)| fit);
        let against = best(&asked.against);
        if excepted == Fit::Yes {
            if let Some((selector, _)) = against {
                found.excepted.add(flow, remote, selector, None);
            }
            return;
        }
        match (against, excepted) {
            (Some((selector, Fit::Yes)), Fit::No) => {
                found.against.add(flow, remote, selector, None);
                found.sessions.entry(remote.service.id()).or_default().extend(flow.session);
            }
            (Some((selector, Fit::Open(doubt))), _) | (Some((selector, _)), Fit::Open(doubt)) => {
                found.open.add(flow, remote, selector, Some(doubt));
            }
            _ => {
                if let Some((selector, fit)) = best(&asked.undecided) {
                    let doubt = if let Fit::Open(doubt) = fit { doubt } else { Doubt::Selected };
                    found.open.add(flow, remote, selector, Some(doubt));
                }
            }
        }
        match best(&asked.for_it) {
            Some((selector, Fit::Yes)) => found.for_it.add(flow, remote, selector, None),
            Some((selector, Fit::Open(doubt))) => found.maybe_for_it.add(flow, remote, selector, Some(doubt)),
            Some((_, Fit::No)) | None => {}
        }
    }
}

/// The selectors of a claim that a remote end may fit.
#[derive(Default)]
struct Asked<'c> {
    against: Vec<(&'c Selector, Fit)>,
    except: Vec<(&'c Selector, Fit)>,
    undecided: Vec<(&'c Selector, Fit)>,
    for_it: Vec<(&'c Selector, Fit)>,
}

impl Asked<'_> {
    fn is_idle(&self) -> bool {
        self.against.is_empty() && self.undecided.is_empty() && self.for_it.is_empty()
    }
}

/// What the flows say about a claim.
#[derive(Default)]
struct Found {
    against: Pile,
    /// The sessions in which flows speak against it, by their service.
    sessions: BTreeMap<&'static str, BTreeSet<u32>>,
    /// Flows that would speak against it, were they not among its exceptions.
    excepted: Pile,
    open: Pile,
    for_it: Pile,
    maybe_for_it: Pile,
}

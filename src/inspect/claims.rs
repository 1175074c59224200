//! The documented claims, put to what was inspected.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::claims::{Case, FlowFacts, Remote, Run, SeenPhase, SeenStep, Tested, test};
use crate::client::{Catalogue, Whose};
use crate::evidence::{Fact, NameId, Origin, ZoomFact};
use crate::flow::{Flow, FlowId};
use crate::inspect::hearing::SeenName;
use crate::inspect::judged::{FindingId, Judged};
use crate::inspect::relation::RelationId;
use crate::inspect::{Inspection, Unit, Vantage};
use crate::place::CountrySet;
use crate::session::{Certainty, Phase, Session, Stated, Step, phase_of_mark, step_at};
use crate::study::Study;
use crate::verdict::Axis;
use crate::wire::zoom::MediaKind;

impl Inspection {
    /// The claims that the user chose, each with what became of it. It is worked out when it is asked for.
    #[must_use]
    pub fn claims(&self) -> Vec<Tested<'_>> {
        let facts = self.settings.study.as_ref().map(Study::common_facts).unwrap_or_default();
        self.put_to(0..self.units.len(), facts)
    }

    /// The same for each cell of a study, in the order of the cells: what became of the claims in its captures alone, with what
    /// the manifest says of it. Empty without a study.
    #[must_use]
    pub fn claims_by_cell(&self) -> Vec<Vec<Tested<'_>>> {
        let Some(study) = &self.settings.study else { return Vec::new() };
        // Of a study, captures are never joined, so that a unit is an input.
        let cell_of: Vec<Option<usize>> =
            self.inputs.iter().map(|input| study.cell_of(&input.path)).collect();
        let units = |cell: usize| {
            cell_of.iter().enumerate().filter(move |(_, of)| **of == Some(cell)).map(|(unit, _)| unit)
        };
        let cells = study.cells.iter().enumerate();
        cells.map(|(number, cell)| self.put_to(units(number), cell.traits.facts())).collect()
    }

    /// Puts the claims to some captures.
    fn put_to(&self, units: impl Iterator<Item = usize>, facts: BTreeMap<String, String>) -> Vec<Tested<'_>> {
        let claims = &self.settings.claims.claims;
        if claims.is_empty() {
            return Vec::new();
        }
        let mut case = Case { facts, ..Case::default() };
        for (number, unit) in units.filter_map(|number| Some((number, self.units.get(number)?))) {
            case.captures += 1;
            add(&mut case, number, unit);
        }
        test(claims, &case)
    }
}

fn add(case: &mut Case, number: usize, unit: &Unit) {
    let mut session_of: HashMap<FlowId, (u32, &Session)> = HashMap::new();
    for (session, vantages) in unit.sessions().iter().zip(unit.vantages()) {
        let place = u32::try_from(case.sessions.len()).unwrap_or(u32::MAX);
        session_of.extend(session.flows.iter().map(|flow| (*flow, (place, session))));
        case.sessions.push(run(session, vantages, unit));
    }
    let steps_before = case.steps.len();
    case.steps.extend(unit.steps().iter().map(seen_step));
    let mut remotes = Remotes::default();
    for (flow, judged) in unit.judged() {
        let Some(remote) = remotes.of(case, unit, &flow, &judged) else { continue };
        let session = session_of.get(&flow.id());
        let phase = session.and_then(|(_, session)| session.phase_of(flow.first_frame())).map(seen);
        let step = step_at(unit.steps(), flow.first_frame());
        let marked = step.and_then(|step| marked_phase(unit.steps().get(step)?));
        let phase = phase_in(marked, phase);
        // A phase that the tester names counts where the client did something in it.
        let is_client = case.remotes.get(remote as usize).is_some_and(|remote| remote.whose == Whose::Client);
        let run = session.and_then(|(place, _)| case.sessions.get_mut(*place as usize));
        if let Some((run, marked)) = run.zip(phase.filter(|phase| is_client && Some(*phase) == marked))
            && !run.phases.contains(&marked)
        {
            run.phases.push(marked);
        }
        case.flows.push(FlowFacts {
            key: (number, flow.id()),
            first: flow.first_frame(),
            remote,
            session: session.map(|(place, _)| *place),
            phase,
            step: step.and_then(|step| u32::try_from(steps_before + step).ok()),
            payload_out: flow.payload_bytes(judged.local),
        });
    }
}

/// The phase of a flow by the step in which it began and by the traffic. What the tester says for sure stands, and so does what
/// the traffic shows for sure where the tester may mean the same; otherwise it is as uncertain as he is.
fn phase_in(marked: Option<SeenPhase>, shown: Option<SeenPhase>) -> Option<SeenPhase> {
    match (marked, shown) {
        (Some(marked), Some(shown)) if !marked.is_sure && marked.kind == shown.kind => Some(shown),
        (marked, shown) => marked.or(shown),
    }
}

/// A step as rules see it; nothing of one without a frame, in which nothing could be seen, or that the tester takes out.
fn seen_step(step: &Step) -> SeenStep {
    let mark = &step.mark;
    if step.frames.is_none() || mark.stated == Stated::NoKind {
        return SeenStep::default();
    }
    let kind = mark.kind.map(|kinded| kinded.kind.id.clone());
    SeenStep { label: mark.label.clone(), kind }
}

fn run(session: &Session, vantages: &[Vantage], unit: &Unit) -> Run {
    // Nothing is made of a place that is in dispute, or that its own addresses do not agree on.
    let mut axes =
        vantages.iter().map(|vantage| vantage.axis).filter(|_| unit.vantage_conflicts().is_empty());
    let first = axes.next().filter(|first| axes.all(|axis| axis == *first));
    let meetings = session.meetings.iter().map(|meeting| meeting.kind).collect();
    Run { phases: session.phases.iter().map(seen).collect(), meetings, vantage: first }
}

/// The phase that a step is by its label.
fn marked_phase(step: &Step) -> Option<SeenPhase> {
    let (kind, is_sure) = phase_of_mark(&step.mark)?;
    Some(SeenPhase { kind, is_sure })
}

fn seen(phase: &Phase) -> SeenPhase {
    SeenPhase { kind: phase.kind, is_sure: phase.certainty != Certainty::Uncertain }
}

/// The remote ends of one capture, each by what flows share.
#[derive(Default)]
struct Remotes {
    known: HashMap<(FindingId, u16, Vec<NameId>, Vec<MediaKind>), u32>,
    lent: HashMap<RelationId, Vec<NameId>>,
}

impl Remotes {
    /// The place of a flow's remote end; `None` for others' flows.
    fn of(&mut self, case: &mut Case, unit: &Unit, flow: &Flow<'_>, judged: &Judged) -> Option<u32> {
        let port = flow.endpoint(judged.local.other()).port;
        let key = (judged.finding?, port, self.names(unit, flow.id(), judged), media(unit, flow.id()));
        if let Some(known) = self.known.get(&key) {
            return Some(*known);
        }
        let place = u32::try_from(case.remotes.len()).ok()?;
        case.remotes.push(remote(unit, judged, &key.2, &key.3, port)?);
        self.known.insert(key, place);
        Some(place)
    }

    fn names(&mut self, unit: &Unit, flow: FlowId, judged: &Judged) -> Vec<NameId> {
        let hearing = unit.hearing_by(&unit.judgement);
        let mut said = Vec::new();
        hearing.listen(flow, judged.local, &mut said);
        if !said.is_empty() {
            return best(&said);
        }
        self.lent.entry(judged.relation).or_insert_with(|| best(&hearing.lent(judged.relation))).clone()
    }
}

/// The names that the client asked for; else those of DNS answers. A certificate is for many hosts and names none of them.
fn best(names: &[SeenName]) -> Vec<NameId> {
    let requested = |name: &&SeenName| name.origin.is_request();
    let answered = |name: &&SeenName| name.origin != Origin::Certificate;
    let mut chosen: Vec<NameId> = names.iter().filter(requested).map(|name| name.name).collect();
    if chosen.is_empty() {
        chosen = names.iter().filter(answered).map(|name| name.name).collect();
    }
    let mut unique = Vec::new();
    for name in chosen {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    unique
}

fn media(unit: &Unit, flow: FlowId) -> Vec<MediaKind> {
    let kinds = unit.evidence().of(flow).iter().filter_map(|entry| match entry.fact {
        Fact::Zoom(ZoomFact::Media(kind)) => Some(kind),
        _ => None,
    });
    let mut kinds: Vec<MediaKind> = kinds.collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn remote(unit: &Unit, judged: &Judged, names: &[NameId], media: &[MediaKind], port: u16) -> Option<Remote> {
    let (attribution, found) = (unit.attribution(judged)?, unit.finding(judged)?);
    let placement = unit.placement(judged)?;
    // A participant is a person, whose place and name are nobody's business.
    let is_participant = found.axis == Axis::Participant;
    let is_placed = placement.resolution.grade.is_claimed() && !is_participant;
    let name = |name: &NameId| unit.evidence().name(*name).to_owned();
    Some(Remote {
        day: placement.day,
        whose: attribution.whose,
        service: attribution.service,
        recipient: attribution.recipient.map(|id| Catalogue::builtin().recipient(id).id.clone()),
        names: if is_participant { Vec::new() } else { names.iter().map(name).collect() },
        axis: found.axis,
        grade: found.grade,
        countries: if is_placed { placement.resolution.allowed } else { CountrySet::EMPTY },
        listing: found.listing,
        port,
        media: media.to_vec(),
    })
}

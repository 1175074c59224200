//! The steps of the tester's script, with what began in each.
//!
//! Input: the rows of an inspection, and which destination each counts under. Output: the schema's rows. Must not: judge; what it
//! computes are sums and texts.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::Whose;
use crate::frame::FrameRef;
use crate::inspect::Inspection;
use crate::place::Grade;
use crate::report::lang::Lang;
use crate::report::parts::{countries, time};
use crate::report::schema::{Report, Step, UnusedMark, Upload};
use crate::report::sources;
use crate::report::text::{count, size};
use crate::report::view::{Counts, Row, View};
use crate::session::{self, MarkedBy, StepKind};
use crate::verdict::Axis;

/// Adds every step.
pub(super) fn steps(view: &View<'_>, counts: &Counts, report: &mut Report) {
    let units = view.inspection.units();
    if units.iter().all(|unit| unit.steps().is_empty()) {
        return;
    }
    let mut sums: BTreeMap<(usize, usize), Sums> = BTreeMap::new();
    for row in view.rows() {
        if let Some(step) = row.unit.step_of(&row.flow) {
            let destination = counts.get(row.key).destination;
            sums.entry((row.key.0, step)).or_default().add(view, &row, step, destination);
        }
    }
    for (unit, of) in units.iter().enumerate() {
        for (place, known) in of.steps().iter().enumerate() {
            let sums = sums.remove(&(unit, place)).unwrap_or_default();
            report.steps.extend(view.step_id(unit, Some(place)).map(|id| step(id, known, sums)));
        }
    }
    if report.steps.iter().any(|step| step.kind.is_some()) {
        report.data_sources.push(sources::own_table("kinds of steps of a scenario", StepKind::compiled()));
    }
}

/// What began in one step.
#[derive(Default)]
struct Sums {
    client: u64,
    unattributed: u64,
    other: u64,
    bytes_out: u64,
    bytes_in: u64,
    destinations: BTreeSet<u64>,
    uploads: Vec<Upload>,
}

impl Sums {
    fn add(&mut self, view: &View<'_>, row: &Row<'_>, step: usize, destination: Option<u64>) {
        match row.attribution.whose {
            Whose::Client => self.client += 1,
            Whose::NotAttributable => self.unattributed += 1,
            Whose::Other => self.other += 1,
        }
        self.destinations.extend(destination);
        if row.attribution.whose != Whose::Client {
            return;
        }
        let (local, remote) = (row.judged.local, row.judged.local.other());
        self.bytes_out = self.bytes_out.saturating_add(row.flow.wire_bytes(local));
        self.bytes_in = self.bytes_in.saturating_add(row.flow.wire_bytes(remote));
        let is_upload = row
            .unit
            .steps()
            .get(step)
            .is_some_and(|step| row.unit.is_upload_of(step, &row.flow, &row.judged));
        if is_upload {
            self.uploads.extend(upload(view, row, destination));
        }
    }
}

fn upload(view: &View<'_>, row: &Row<'_>, destination: Option<u64>) -> Option<Upload> {
    let (found, placement) = (row.found?, row.placement()?);
    Some(Upload {
        flow: view.flow_id(row.key),
        destination,
        host: row.attribution.host_pattern.clone().unwrap_or_else(|| view.address(row)),
        axis: found.axis.name().to_owned(),
        located: countries(found, placement).iter().map(ToString::to_string).collect(),
        grade: found.grade.name().to_owned(),
        payload_out: row.flow.payload_bytes(row.judged.local),
        input: row.flow.first_frame().input(),
        first_frame: row.flow.first_frame().number(),
    })
}

fn step(id: u64, of: &session::Step, sums: Sums) -> Step {
    let (file, line) = match &of.mark.by {
        MarkedBy::File { file, line } => (Some(file.to_string()), Some(*line)),
        MarkedBy::Option { .. } | MarkedBy::Comment { .. } => (None, None),
    };
    let kinded = of.mark.kind;
    let last = of.frames.map(|(_, last)| last);
    let step = Step {
        id,
        label: of.mark.label.clone(),
        kind: kinded.map(|of| of.kind.id.clone()),
        kind_by: kinded.map(|of| if of.is_stated { "file" } else { "label" }),
        exclusive: of.mark.is_exclusive,
        source: of.mark.by.name(),
        file,
        line,
        input: of.from.input(),
        start: time(of.start),
        end: time(of.end),
        start_frame: of.frames.map(|(first, _)| first.number()),
        end_input: last.map(FrameRef::input),
        end_frame: last.map(FrameRef::number),
        client_flows: sums.client,
        unattributed_flows: sums.unattributed,
        other_flows: sums.other,
        bytes_out: sums.bytes_out,
        bytes_in: sums.bytes_in,
        destinations: sums.destinations.iter().copied().collect(),
        note: None,
        uploads: sums.uploads,
    };
    Step { note: note(&step, Lang::ENGLISH), ..step }
}

/// What is to be said about a step beside its sums, in a language.
pub(super) fn note(of: &Step, lang: Lang) -> Option<String> {
    let began = of.client_flows.saturating_add(of.unattributed_flows).saturating_add(of.other_flows);
    let absence = match (of.start_frame, began) {
        (None, _) => Some("No traffic: the capture has no frame in this step."),
        (Some(_), 0) => {
            Some("No flow began in this step; its frames are of flows that began before, or of no flow.")
        }
        _ => None,
    };
    let kind = of.kind.as_deref().and_then(StepKind::from_id);
    let kinded = kind.map(|kind| about_kind(of, kind, lang));
    let all: Vec<String> = absence.map(|absence| lang.word(absence)).into_iter().chain(kinded).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

/// What a capture shows of a step of a kind, and what it does not.
fn about_kind(of: &Step, kind: &StepKind, lang: Lang) -> String {
    let by = lang.word(match (of.kind_by, of.source) {
        (Some("file"), _) => "in the file of marks",
        (_, "comment") => "by a packet's comment",
        _ => "by its label",
    });
    let is_outside = |upload: &&Upload| upload.axis == Axis::Outside.name();
    let is_possible = |upload: &&Upload| upload.grade == Grade::Possible.name();
    let (possible, shown): (Vec<&Upload>, Vec<&Upload>) =
        of.uploads.iter().filter(is_outside).partition(|upload| is_possible(upload));
    let all: Vec<&Upload> = of.uploads.iter().collect();
    let found = match (shown.is_empty(), possible.is_empty(), all.is_empty()) {
        (false, ..) => list(&shown, "shown to be outside the EEA", lang),
        (true, false, _) => list(&possible, "possibly outside the EEA", lang),
        (true, true, false) => list(&all, "not shown to be outside the EEA", lang),
        (true, true, true) => none(kind, lang),
    };
    let (title, onward) = (lang.name(&kind.title), lang.name(&kind.onward));
    lang.say("Named {by} as the step of a {title}. {found}. {onward}", &[&by, &title, &found, &onward])
}

/// Uploads, the first of them one by one.
fn list(uploads: &[&Upload], place: &str, lang: Lang) -> String {
    let told: Vec<String> = uploads.iter().take(MAX_TOLD).map(|of| told(of, lang)).collect();
    let more = match uploads.len().saturating_sub(MAX_TOLD) {
        0 => String::new(),
        more => lang.say("; {more} more", &[&count(more as u64)]),
    };
    let number = lang.plural(uploads.len() as u64, "upload", "uploads");
    lang.say(
        "{number} to a host of the operator's, {place}: {list}{more}",
        &[&number, &lang.word(place), &told.join("; "), &more],
    )
}

fn none(kind: &StepKind, lang: Lang) -> String {
    let services: Vec<String> = kind.services.iter().map(|service| lang.id(service)).collect();
    lang.say(
        "No flow that began in it sent {least} of payload or more to a host of the operator's for one of these services: \
         {services}; a connection opened before may have carried it",
        &[&size(kind.least_payload_out), &services.join(", ")],
    )
}

fn told(of: &Upload, lang: Lang) -> String {
    let place = match (of.axis.as_str(), of.located.as_slice()) {
        (axis, []) => lang.id(axis),
        (_, countries) => format!("{}, {}", countries.join(&lang.word(" or ")), lang.id(&of.grade)),
    };
    lang.say(
        "{sent} to {host} ({place}; flow {flow}, first in frame {frame})",
        &[&size(of.payload_out), &of.host, &place, &of.flow, &of.first_frame],
    )
}

/// The marks that could not be used.
pub(super) fn unused(inspection: &Inspection) -> Vec<UnusedMark> {
    let unused = |fault: &session::MarkFault| UnusedMark {
        source: fault.by.name(),
        at: fault.by.to_string(),
        label: Some(fault.label.clone()).filter(|label| !label.is_empty()),
        what: fault.what.clone(),
    };
    inspection.mark_faults().iter().map(unused).collect()
}

/// Uploads of one step that its note tells one by one.
const MAX_TOLD: usize = 4;

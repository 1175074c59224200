//! The matrix of a study: which service went where in which cell, and in what the cells differ.
//!
//! Input: the rows of an inspection, and the destinations under which they were counted. Output: the schema's cells, rows and
//! differences. Must not: judge; what a destination is in a cell is what the list of destinations says of it, and numbers are sums.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::inspect::{self, Found, Unit, Vantage};
use crate::report::differences::differences;
use crate::report::schema::{Cell, Destination, MatrixRow, Report, Seen, Study};
use crate::report::text::plural;
use crate::report::view::{Counts, Row, View};
use crate::session::{EndRule, Meeting, StartRule};
use crate::study;
use crate::verdict::Axis;

/// Adds cells, matrix and differences to a report that has its destinations and sessions; nothing where there is no study.
pub(super) fn matrix(view: &View<'_>, counted: &Counts, report: &mut Report) {
    let Some(study) = &view.inspection.settings().study else { return };
    report.study = Some(Study { title: study.title.clone(), manifest: study.manifest.clone() });
    let cell_of = cells_of_units(view, study);
    let described = |(id, cell)| described(view, id, cell, &cell_of, report);
    report.cells = (1..).zip(&study.cells).map(described).collect();
    let mut sums: BTreeMap<RowKey, BTreeMap<(u64, u64), Sums<'_>>> = BTreeMap::new();
    for row in view.found() {
        let destination = counted.get(row.key).destination;
        let cell = cell_of.get(row.key.0).copied().flatten();
        let Some(((cell, id), found)) = cell.zip(destination).zip(row.found) else { continue };
        let Some(known) = destination_of(report, id) else { continue };
        sums.entry(RowKey::of(&row, known)).or_default().entry((cell, id)).or_default().add(&row, found);
    }
    report.matrix = (1..).zip(sums).map(|(id, (key, sums))| matrix_row(report, id, key, &sums)).collect();
    report.differences = differences(&report.cells, &report.matrix);
}

fn destination_of(report: &Report, id: u64) -> Option<&Destination> {
    report.destinations.get(usize::try_from(id).ok()?.checked_sub(1)?)
}

/// The number of the cell that each unit is in. Of a study, captures are never joined, so that a unit is an input.
fn cells_of_units(view: &View<'_>, study: &study::Study) -> Vec<Option<u64>> {
    let inputs = view.inspection.inputs().iter();
    inputs.map(|input| study.cell_of(&input.path).map(|cell| cell as u64 + 1)).collect()
}

/// What the flows of a matrix's row have in common, in the order in which rows are read.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct RowKey {
    whose: String,
    service: String,
    recipient: Option<String>,
    host_pattern: Option<String>,
    recipient_name: Option<String>,
}

impl RowKey {
    /// Addresses without a name change from run to run and mean nothing, and some are people's: they are one row together.
    fn of(row: &Row<'_>, known: &Destination) -> Self {
        Self {
            whose: known.whose.clone(),
            service: known.service.clone(),
            recipient: known.recipient.clone(),
            host_pattern: row.attribution.host_pattern.clone(),
            recipient_name: known.recipient_name.clone(),
        }
    }
}

/// What the flows of one destination come to in one cell.
#[derive(Default)]
struct Sums<'a> {
    flows: u64,
    bytes_out: u64,
    bytes_in: u64,
    is_answered: bool,
    /// Its first flow, by input and frame. The listing is that flow's: days of one register may differ in it.
    first: Option<((u32, u64), &'a Found)>,
}

impl<'a> Sums<'a> {
    fn add(&mut self, row: &Row<'a>, found: &'a Found) {
        let (out, back) = (row.judged.local, row.judged.local.other());
        self.flows += 1;
        self.bytes_out = self.bytes_out.saturating_add(row.flow.wire_bytes(out));
        self.bytes_in = self.bytes_in.saturating_add(row.flow.wire_bytes(back));
        self.is_answered |= row.flow.is_answered();
        let first = row.flow.first_frame();
        let first = (first.input(), first.number());
        if self.first.is_none_or(|(known, _)| first < known) {
            self.first = Some((first, found));
        }
    }
}

fn matrix_row(report: &Report, id: u64, key: RowKey, sums: &BTreeMap<(u64, u64), Sums<'_>>) -> MatrixRow {
    let seen: Vec<Seen> = sums
        .iter()
        .filter_map(|((cell, id), sums)| seen(*cell, destination_of(report, *id)?, sums))
        .collect();
    let has = |cell: &Cell| seen.iter().any(|seen| seen.cell == cell.id);
    let without = report.cells.iter().filter(|cell| cell.is_compared() && !has(cell));
    MatrixRow {
        id,
        not_seen_in: without.map(|cell| cell.id).collect(),
        whose: key.whose,
        service: key.service,
        recipient: key.recipient,
        recipient_name: key.recipient_name,
        host_pattern: key.host_pattern,
        seen,
    }
}

fn seen(cell: u64, known: &Destination, sums: &Sums<'_>) -> Option<Seen> {
    let ((input, first_frame), found) = sums.first?;
    Some(Seen {
        cell,
        destination: known.id,
        axis: known.place.axis.clone(),
        located: known.place.located.clone(),
        grade: known.place.grade.clone(),
        zone: known.zone.clone(),
        listing: found.listing.to_owned(),
        register: found.register.clone(),
        register_entry: found.entry.clone(),
        flagged: found.is_flagged,
        answered: sums.is_answered,
        flows: sums.flows,
        bytes_out: sums.bytes_out,
        bytes_in: sums.bytes_in,
        input,
        first_frame,
    })
}

/// One capture of a cell, with its number among the inputs.
type Own<'a> = (u32, &'a inspect::Input, &'a Unit);

fn described(view: &View<'_>, id: u64, cell: &study::Cell, cell_of: &[Option<u64>], report: &Report) -> Cell {
    let units = view.inspection.inputs().iter().zip(view.inspection.units());
    let own = (0..).zip(units).zip(cell_of).filter(|(_, cell)| **cell == Some(id));
    let own: Vec<Own<'_>> = own.map(|((number, (input, unit)), _)| (number, input, unit)).collect();
    let inputs: Vec<u32> = own.iter().map(|(number, ..)| *number).collect();
    let sessions = report.sessions.iter().filter(|session| inputs.contains(&session.input));
    let of_all = view.inspection.settings().vantage.as_ref();
    let study::Cell { name, captures, vantage, marks, traits } = cell;
    let study::Traits {
        platform,
        build,
        account,
        sso,
        vanity_host,
        e2ee,
        guest,
        file_sharing,
        region,
        media_regions,
        service,
        scenario,
        notes,
    } = traits.clone();
    Cell {
        id,
        name: name.clone(),
        state: state(&own),
        captures: captures.iter().map(|path| path.display().to_string()).collect(),
        sessions: sessions.map(|session| session.id).collect(),
        limits: limits(cell, &own),
        inputs,
        platform: platform.map(study::Platform::name),
        build,
        account,
        sso,
        vanity_host,
        e2ee,
        guest,
        file_sharing,
        vantage: vantage.as_ref().or(of_all).map(|vantage| vantage.label.clone()),
        vantage_axis: vantage_axis(&own),
        region,
        media_regions,
        service,
        scenario,
        marks: marks.as_ref().map(|path| path.display().to_string()),
        notes,
    }
}

/// Where the clients of a cell stood, seen from the EEA; `None` where one of them may have stood anywhere.
fn vantage_axis(own: &[Own<'_>]) -> Option<&'static str> {
    let sessions: Vec<&[Vantage]> =
        own.iter().flat_map(|(_, _, unit)| unit.vantages()).map(Vec::as_slice).collect();
    let axes: BTreeSet<&str> =
        sessions.iter().copied().flatten().map(|vantage| vantage.axis.name()).collect();
    let is_known = sessions.iter().all(|known| !known.is_empty());
    match (is_known, axes.len()) {
        (false, _) | (true, 0) => None,
        (true, 1) => axes.into_iter().next(),
        (true, _) => Some(Axis::Undetermined.name()),
    }
}

fn state(own: &[Own<'_>]) -> &'static str {
    let is_recognised = own.iter().any(|(_, _, unit)| unit.clients().next().is_some());
    match (own.is_empty(), is_recognised) {
        (true, _) => "not_read",
        (false, false) => "nothing_recognised",
        (false, true) => Cell::COMPARED,
    }
}

/// What is missing in the captures of a cell.
fn limits(cell: &study::Cell, own: &[Own<'_>]) -> Vec<String> {
    let mut limits: Vec<String> = own.iter().flat_map(limits_of).collect();
    let is_read = |capture: &Path| own.iter().any(|(_, input, _)| input.path.starts_with(capture));
    let unread = cell.captures.iter().filter(|capture| !is_read(capture));
    limits.extend(unread.map(|capture| format!("{} could not be read", capture.display())));
    limits
}

fn limits_of((number, input, unit): &Own<'_>) -> Vec<String> {
    let lost = input.summary.dropped.lost().filter(|lost| *lost > 0);
    let meets =
        |is: fn(&Meeting) -> bool| unit.sessions().iter().flat_map(|session| &session.meetings).any(is);
    let begins_inside = meets(|meeting| meeting.start_rule == StartRule::MediaJoinedMidway);
    let ends_inside = meets(|meeting| meeting.end_rule == EndRule::CaptureEnd);
    let is_damaged = !input.summary.damage.is_empty();
    let limits = [
        is_damaged.then(|| format!("[{number}] is damaged")),
        lost.map(|lost| format!("{} lost in [{number}]", plural(lost, "frame", "frames"))),
        begins_inside.then(|| format!("[{number}] begins in the middle of a meeting")),
        ends_inside.then(|| format!("[{number}] ends before a meeting is left")),
        unit.summed_up().map(|_| format!("flows of [{number}] were summed up unjudged (--max-memory)")),
    ];
    limits.into_iter().flatten().collect()
}

//! A study as the page shows it: its cells, the matrix of which service went where in which of them, and the differences.
//!
//! Input: a report of a study. Output: texts for the template. Must not: call what was not seen absent.

use crate::report::differences::in_words;
use crate::report::html::draw::class;
use crate::report::html::lists::Item;
use crate::report::lang::Lang;
use crate::report::schema::{Cell, MatrixRow, Report, Seen};
use crate::report::table::matrix::{entry_of, heading_of, label, remarks, traits};

/// A study.
pub(super) struct StudyView {
    /// What it is about, and by which manifest.
    pub(super) lines: Vec<String>,
    /// Its cells.
    pub(super) cells: Vec<Item>,
    /// What a reader needs for the matrix.
    pub(super) legend: Vec<String>,
    /// The heads of the matrix's columns.
    pub(super) heads: Vec<String>,
    /// Its rows.
    pub(super) rows: Vec<Row>,
    /// Where cells differ.
    pub(super) differences: Vec<String>,
}

/// A service at a host pattern.
pub(super) struct Row {
    /// The service.
    pub(super) service: String,
    /// The host pattern.
    pub(super) host: String,
    /// What stands in each cell.
    pub(super) cells: Vec<Vec<Entry>>,
}

/// A destination in a cell; without a number, that there is none.
pub(super) struct Entry {
    /// The destination.
    pub(super) destination: Option<u64>,
    /// What it is drawn by.
    pub(super) class: &'static str,
    /// Where it stands.
    pub(super) place: String,
    /// Whether it is listed.
    pub(super) listing: String,
}

/// What a reader needs for the matrix.
const LEGEND: &[&str] = &[
    "Each entry: countries, grade, EEA or outside it, listing, and the number of the destination below, with its evidence.",
    "Not seen: nothing of it in that cell's captures, for whatever reason: the script may not have got there.",
];

/// The study; `None` where the report is of none.
pub(super) fn study(report: &Report, lang: Lang) -> Option<StudyView> {
    let study = report.study.as_ref()?;
    let manifest =
        study.manifest.as_ref().map(|manifest| lang.say("By the manifest {manifest}", &[&manifest]));
    let compared = report.cells.iter().filter(|cell| cell.is_compared()).count();
    let nothing = match (compared, report.differences.len()) {
        (0 | 1, _) => Some(lang.word("Fewer than two cells could be compared.")),
        (_, 0) => Some(lang.word("No row reads otherwise in one cell than in another.")),
        _ => None,
    };
    Some(StudyView {
        lines: study.title.clone().into_iter().chain(manifest).collect(),
        cells: report.cells.iter().map(|of| cell(of, lang)).collect(),
        legend: LEGEND.iter().map(|text| lang.word(text)).collect(),
        heads: report.cells.iter().map(|cell| format!("{} {}", cell.id, cell.name)).collect(),
        rows: report.matrix.iter().map(|of| row(of, &report.cells, lang)).collect(),
        differences: report.differences.iter().map(|d| in_words(d, report, lang)).chain(nothing).collect(),
    })
}

fn cell(cell: &Cell, lang: Lang) -> Item {
    let traits = traits(cell, lang).join("; ");
    let lines = (!traits.is_empty()).then_some(traits).into_iter().chain(remarks(cell, lang));
    Item { title: format!("{}. {}", cell.id, cell.name), lines: lines.collect() }
}

fn row(row: &MatrixRow, cells: &[Cell], lang: Lang) -> Row {
    Row {
        service: heading_of(row, lang),
        host: label(row, lang),
        cells: cells.iter().map(|cell| entries(cell, row, lang)).collect(),
    }
}

fn entries(cell: &Cell, row: &MatrixRow, lang: Lang) -> Vec<Entry> {
    let entries: Vec<Entry> = entry_of(cell, row).map(|seen| entry(seen, lang)).collect();
    if !entries.is_empty() {
        return entries;
    }
    let place = if cell.is_compared() { "not seen" } else { "not compared" };
    vec![Entry { destination: None, class: "loc", place: lang.word(place), listing: String::new() }]
}

fn entry(seen: &Seen, lang: Lang) -> Entry {
    let countries = seen.located.join("/");
    let place = match seen.axis.as_str() {
        "eea" => lang.say("{countries}, {}, EEA", &[&countries, &lang.id(&seen.grade)]),
        "outside" => lang.say("{countries}, {}, outside", &[&countries, &lang.id(&seen.grade)]),
        axis => lang.id(axis),
    };
    let listing = if seen.listing == "not_a_recipient" { String::new() } else { lang.id(&seen.listing) };
    Entry { destination: Some(seen.destination), class: class(&seen.axis), place, listing }
}

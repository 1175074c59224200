//! In what the cells of a study differ: rows of the matrix that were not seen in every cell, or read otherwise in some.
//!
//! Input: the schema's cells and rows. Output: the schema's differences, in the order of the rows. Must not: judge, or compare
//! a cell of which nothing is known.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::lang::Lang;
use crate::report::schema::{Cell, Difference, Group, MatrixRow, Report, Seen};

/// The rows in which cells differ.
pub(super) fn differences(cells: &[Cell], rows: &[MatrixRow]) -> Vec<Difference> {
    let compared: Vec<&Cell> = cells.iter().filter(|cell| cell.is_compared()).collect();
    rows.iter().filter_map(|row| difference(&compared, row)).collect()
}

/// What counts of a destination when cells are compared: axis, countries, listing.
type Reading<'a> = (&'a str, &'a [String], &'a str);

fn reading(seen: &Seen) -> Reading<'_> {
    (&seen.axis, &seen.located, &seen.listing)
}

fn difference(cells: &[&Cell], row: &MatrixRow) -> Option<Difference> {
    let readings = |cell: &Cell| {
        let id = cell.id;
        row.seen.iter().filter(move |seen| seen.cell == id)
    };
    let mut groups: BTreeMap<BTreeSet<Reading<'_>>, Vec<&Cell>> = BTreeMap::new();
    for cell in cells {
        groups.entry(readings(cell).map(reading).collect()).or_default().push(cell);
    }
    if groups.len() < 2 {
        return None;
    }
    let kinds = kinds(&groups.keys().collect::<Vec<_>>());
    // Those that saw nothing come last, the others in the order of the cells.
    let mut groups: Vec<(BTreeSet<Reading<'_>>, Vec<&Cell>)> = groups.into_iter().collect();
    groups.sort_by_key(|(read, cells)| (read.is_empty(), cells.first().map(|cell| cell.id)));
    let reads = |cells: &[&Cell]| words(cells.iter().flat_map(|cell| readings(cell)), Lang::ENGLISH);
    let members: Vec<&[&Cell]> = groups.iter().map(|(_, cells)| cells.as_slice()).collect();
    let says = sentence(&members, row, Lang::ENGLISH);
    let group = |(_, cells): &(_, Vec<&Cell>)| Group {
        cells: cells.iter().map(|cell| cell.id).collect(),
        reads: reads(cells),
    };
    Some(Difference { row: row.id, kinds, groups: groups.iter().map(group).collect(), says })
}

/// A difference in one sentence in a language.
pub(super) fn in_words(difference: &Difference, report: &Report, lang: Lang) -> String {
    let cell = |id: &u64| report.cells.iter().find(|cell| cell.id == *id);
    let groups = difference.groups.iter();
    let groups: Vec<Vec<&Cell>> = groups.map(|group| group.cells.iter().filter_map(cell).collect()).collect();
    let members: Vec<&[&Cell]> = groups.iter().map(Vec::as_slice).collect();
    let row = report.matrix.iter().find(|row| row.id == difference.row);
    row.map_or_else(|| difference.says.clone(), |row| sentence(&members, row, lang))
}

/// What is to be read in each group of cells.
fn sentence(groups: &[&[&Cell]], row: &MatrixRow, lang: Lang) -> String {
    let of = |cell: &Cell| {
        let id = cell.id;
        row.seen.iter().filter(move |seen| seen.cell == id)
    };
    let said = groups.iter().map(|cells| {
        let reads = words(cells.iter().flat_map(|cell| of(cell)), lang);
        lang.say("in {cells}: {reads}", &[&names(cells, lang), &reads])
    });
    format!("{}: {}", subject(row, lang), said.collect::<Vec<_>>().join("; "))
}

/// In what groups of cells differ.
fn kinds(groups: &[&BTreeSet<Reading<'_>>]) -> Vec<&'static str> {
    let seen: Vec<_> = groups.iter().filter(|group| !group.is_empty()).collect();
    let differs = |part: &dyn Fn(&Reading<'_>) -> String| {
        let parts: BTreeSet<BTreeSet<String>> =
            seen.iter().map(|group| group.iter().map(part).collect()).collect();
        parts.len() > 1
    };
    let kinds = [
        ("presence", seen.len() < groups.len()),
        ("axis", differs(&|(axis, ..)| (*axis).to_owned())),
        ("place", differs(&|(_, located, _)| located.join(" "))),
        ("listing", differs(&|(.., listing)| (*listing).to_owned())),
    ];
    kinds.into_iter().filter(|(_, holds)| *holds).map(|(kind, _)| kind).collect()
}

/// `telemetry to *.telemetry.zoom.us`.
fn subject(row: &MatrixRow, lang: Lang) -> String {
    let host = match (&row.host_pattern, &row.recipient_name) {
        (Some(pattern), _) => pattern.clone(),
        (None, Some(recipient)) => {
            lang.say("addresses of {recipient} without a name", &[&lang.name(recipient)])
        }
        (None, None) => lang.word("addresses without a name"),
    };
    let service = lang.id(&row.service);
    if row.whose == "client" {
        lang.say("{service} to {host}", &[&service, &host])
    } else {
        lang.say("{service} to {host}, not tied to the client", &[&service, &host])
    }
}

/// What is to be read in cells that read the same but for how sure a place is; `not seen` for nothing.
fn words<'a>(seen: impl Iterator<Item = &'a Seen>, lang: Lang) -> String {
    let mut grades: Vec<(&Seen, Vec<&str>)> = Vec::new();
    for seen in seen {
        match grades.iter_mut().find(|(known, _)| reading(known) == reading(seen)) {
            Some((_, grades)) if !grades.contains(&seen.grade.as_str()) => grades.push(&seen.grade),
            Some(_) => {}
            None => grades.push((seen, vec![&seen.grade])),
        }
    }
    if grades.is_empty() {
        return lang.word("not seen");
    }
    let said = grades.iter().map(|(seen, grades)| {
        let grades: Vec<String> = grades.iter().map(|grade| lang.id(grade)).collect();
        reading_in_words(seen, grades.join(&lang.word(" or ")), lang)
    });
    said.collect::<Vec<_>>().join(&lang.word(" and "))
}

/// `US, likely, outside the EEA, unlisted`.
fn reading_in_words(seen: &Seen, grade: String, lang: Lang) -> String {
    let place = seen.located.join(&lang.word(" or "));
    let mut parts = match seen.axis.as_str() {
        "eea" => vec![place, grade, lang.word("in the EEA")],
        "outside" => vec![place, grade, lang.word("outside the EEA")],
        "local" => vec![lang.word("on the local network")],
        "participant" => vec![lang.word("another participant")],
        axis if seen.located.is_empty() => vec![lang.id(axis)],
        axis => vec![format!("{} ({place})", lang.id(axis))],
    };
    parts.extend(listing_in_words(&seen.listing).map(|listing| lang.word(listing)));
    parts.join(", ")
}

/// Nothing for what is no recipient.
fn listing_in_words(listing: &str) -> Option<&str> {
    match listing {
        "undecided" => Some("listing not decided"),
        "no_register" => Some("no register to compare with"),
        "not_a_recipient" => None,
        listing => Some(listing),
    }
}

/// The cells by their names, and by their number where there are many; one that has gaps, or whose client was not in
/// the EEA, says so.
fn names(cells: &[&Cell], lang: Lang) -> String {
    let name = |cell: &&Cell| {
        let is_incomplete = !cell.limits.is_empty();
        let notes = [(is_incomplete, "incomplete"), (cell.is_outside(), "client outside the EEA")];
        let notes = notes.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| lang.word(note));
        let notes: Vec<String> = notes.collect();
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
        format!("{}{notes}", cell.name)
    };
    let shown: Vec<String> = cells.iter().take(MAX_NAMES).map(name).collect();
    match cells.len().saturating_sub(MAX_NAMES) {
        0 => shown.join(", "),
        more => lang.say("{names} and {more} more", &[&shown.join(", "), &more]),
    }
}

/// Cells that a sentence names.
const MAX_NAMES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{cell, matrix_row, seen};

    fn says(cells: &[Cell], row: MatrixRow) -> Option<(Vec<&'static str>, String)> {
        let mut found = differences(cells, &[row]);
        assert!(found.len() < 2);
        found.pop().map(|difference| (difference.kinds, difference.says))
    }

    #[test]
    fn what_one_cell_has_and_another_has_not_is_said_in_one_sentence() {
        let cells = [cell(1, "windows-6.1"), cell(2, "macos-6.1")];
        let row = matrix_row("*.telemetry.zoom.us", vec![seen(1, "outside", &["US"], "unlisted")]);
        let sentence = "telemetry to *.telemetry.zoom.us: in windows-6.1: US, likely, outside the EEA, unlisted; in \
                        macos-6.1: not seen";
        assert_eq!(says(&cells, row), Some((vec!["presence"], sentence.to_owned())));
    }

    #[test]
    fn cells_that_read_the_same_stand_together_and_a_grade_makes_no_difference() {
        let cells = [cell(1, "a"), cell(2, "b"), cell(3, "c")];
        let mut possible = seen(3, "eea", &["DE"], "listed");
        possible.grade = "possible".to_owned();
        let same =
            vec![seen(1, "eea", &["DE"], "listed"), seen(2, "eea", &["DE"], "listed"), possible.clone()];
        assert_eq!(says(&cells, matrix_row("x", same)), None);
        let other =
            vec![seen(1, "eea", &["DE"], "listed"), seen(2, "outside", &["US"], "unlisted"), possible];
        let sentence = "telemetry to x: in a, c: DE, likely or possible, in the EEA, listed; in b: US, likely, outside the EEA, unlisted";
        let kinds = vec!["axis", "place", "listing"];
        assert_eq!(says(&cells, matrix_row("x", other)), Some((kinds, sentence.to_owned())));
    }

    #[test]
    fn a_cell_of_which_nothing_is_known_is_not_compared() {
        let mut unread = cell(2, "b");
        unread.state = "not_read";
        let row = matrix_row("x", vec![seen(1, "eea", &["DE"], "listed")]);
        assert_eq!(says(&[cell(1, "a"), unread], row), None);
    }

    #[test]
    fn a_cell_with_gaps_says_so_where_something_was_not_seen() {
        let mut cut = cell(2, "b");
        cut.limits = vec!["[1] is damaged".to_owned()];
        cut.vantage_axis = Some("outside");
        let row = matrix_row("x", vec![seen(1, "undetermined", &[], "undecided")]);
        let (_, sentence) = says(&[cell(1, "a"), cut], row).unwrap();
        assert_eq!(
            sentence,
            "telemetry to x: in a: undetermined, listing not decided; in b (incomplete, client outside the EEA): not seen"
        );
    }
}

//! The matrix of a study as comma-separated values, for spreadsheets: a header row, then one row for each service at each
//! host pattern in each cell, and for each destination where it went to several there. The rules that make cells harmless are
//! those of the list of destinations.
//!
//! What was not seen in a cell has a row, too, with `not_seen` in the column `state`: `not_read` and `nothing_recognised` there are
//! the cell's own state, and say nothing of the service.
//!
//! Input: a [`Report`]. Output: text. Must not: leave a text of a capture's or a manifest's raw.

use csv::{Terminator, WriterBuilder};

use crate::report::csv::harmless;
use crate::report::schema::{Cell, MatrixRow, Report, Seen};

/// Writes the matrix; of a report without a study, the header alone.
#[must_use]
pub fn matrix_csv(report: &Report) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let mut lines =
        report.matrix.iter().flat_map(|row| report.cells.iter().flat_map(|cell| lines(row, cell)));
    // A row has as many cells as the header, and memory takes what is written, so this cannot fail.
    let written = writer
        .write_record(COLUMNS)
        .and_then(|()| lines.try_for_each(|line| writer.write_record(line.map(|cell| harmless(&cell)))));
    let bytes: Result<Vec<u8>, _> = written.map(|()| writer.into_inner().unwrap_or_default());
    String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
}

/// The header row.
const COLUMNS: [&str; 27] = [
    "row",
    "whose",
    "service",
    "recipient",
    "recipient_name",
    "host_pattern",
    "cell",
    "name",
    "platform",
    "build",
    "scenario",
    "state",
    "axis",
    "located",
    "grade",
    "zone",
    "listing",
    "register",
    "register_entry",
    "flagged",
    "answered",
    "flows",
    "bytes_out",
    "bytes_in",
    "input",
    "first_frame",
    "destination",
];

/// What a cell has of a row: a line for each destination, or one that says that there is none.
fn lines(row: &MatrixRow, cell: &Cell) -> Vec<[String; 27]> {
    let seen: Vec<&Seen> = row.seen.iter().filter(|seen| seen.cell == cell.id).collect();
    if seen.is_empty() {
        return vec![line(row, cell, None)];
    }
    seen.into_iter().map(|seen| line(row, cell, Some(seen))).collect()
}

fn line(row: &MatrixRow, cell: &Cell, seen: Option<&Seen>) -> [String; 27] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let of = |part: &dyn Fn(&Seen) -> String| seen.map(part).unwrap_or_default();
    let state = match seen {
        Some(_) => "seen",
        None if cell.is_compared() => "not_seen",
        None => cell.state,
    };
    [
        row.id.to_string(),
        row.whose.clone(),
        row.service.clone(),
        text(&row.recipient),
        text(&row.recipient_name),
        text(&row.host_pattern),
        cell.id.to_string(),
        cell.name.clone(),
        cell.platform.unwrap_or_default().to_owned(),
        text(&cell.build),
        text(&cell.scenario),
        state.to_owned(),
        of(&|seen| seen.axis.clone()),
        of(&|seen| seen.located.join("; ")),
        of(&|seen| seen.grade.clone()),
        of(&|seen| text(&seen.zone)),
        of(&|seen| seen.listing.clone()),
        of(&|seen| text(&seen.register)),
        of(&|seen| text(&seen.register_entry)),
        of(&|seen| seen.flagged.to_string()),
        of(&|seen| seen.answered.to_string()),
        of(&|seen| seen.flows.to_string()),
        of(&|seen| seen.bytes_out.to_string()),
        of(&|seen| seen.bytes_in.to_string()),
        of(&|seen| seen.input.to_string()),
        of(&|seen| seen.first_frame.to_string()),
        of(&|seen| seen.destination.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{cell, matrix_row, report, seen};

    #[test]
    fn every_cell_has_a_line_in_every_row() {
        let mut unread = cell(3, "c");
        unread.state = "not_read";
        let mut report = report(Vec::new());
        report.cells = vec![cell(1, "=a"), cell(2, "b"), unread];
        report.matrix = vec![matrix_row("x", vec![seen(1, "outside", &["US", "CA"], "unlisted")])];
        let text = matrix_csv(&report);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let column = |name: &str| COLUMNS.iter().position(|column| *column == name).unwrap();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let of = |name: &str| rows.iter().map(|row| row[column(name)].to_owned()).collect::<Vec<_>>();
        assert_eq!(of("name"), ["'=a", "b", "c"]);
        assert_eq!(of("state"), ["seen", "not_seen", "not_read"]);
        assert_eq!(of("located"), ["US; CA", "", ""]);
        assert_eq!(
            (of("first_frame"), of("flagged")),
            (
                vec!["5".into(), String::new(), String::new()],
                vec!["true".into(), String::new(), String::new()]
            )
        );
        assert!(text.ends_with("\r\n"));
    }

    #[test]
    fn a_report_without_a_study_has_the_header_alone() {
        assert_eq!(matrix_csv(&report(Vec::new())).lines().count(), 1);
    }
}

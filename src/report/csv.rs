//! The destinations as comma-separated values (RFC 4180), for spreadsheets: UTF-8, a header row, then one row for each
//! destination in the order of the report; lines end in CR LF. Everything else of the report is in the other formats.
//!
//! Columns go by the names of the JSON's fields, those of a destination's place as `place.axis` and so on. What is not
//! known is an empty cell. The entries of a list are joined by `; `: names by the name alone, each once, witnesses by what
//! they say, phases by their kind. Three rules make a cell harmless, and each can be undone, in this order:
//!
//! 1. A cell that begins with `=`, `+`, `-`, `@`, a tab, CR or NUL, which spreadsheets take for a formula or skip before
//!    one (CWE-1236), has a `'` before it. So has one that begins with `'` itself. To undo it, take one leading `'` away.
//! 2. A character that drives a terminal or hides text stands as `\u{…}` with its number in hexadecimal, and
//! 3. a backslash stands as two.
//!
//! Input: a [`Report`]. Output: text. Must not: leave a cell of a capture's raw.

use std::collections::BTreeSet;

use csv::{Terminator, WriterBuilder};
use serde_json::Value;

use crate::report::schema::{Destination, Report};
use crate::report::text::clean;

/// Writes the destinations.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let mut cells =
        report.destinations.iter().map(|destination| cells(destination).map(|cell| harmless(&cell)));
    // A row has as many cells as the header, and memory takes what is written, so this cannot fail.
    let written =
        writer.write_record(COLUMNS).and_then(|()| cells.try_for_each(|row| writer.write_record(row)));
    let bytes: Result<Vec<u8>, _> = written.map(|()| writer.into_inner().unwrap_or_default());
    String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
}

/// The header row.
const COLUMNS: [&str; 45] = [
    "id",
    "whose",
    "identified_by",
    "recipient",
    "recipient_name",
    "recipient_seat",
    "host_pattern",
    "names",
    "addresses",
    "service",
    "network",
    "network_seat",
    "place.axis",
    "place.registered",
    "place.located",
    "place.grade",
    "place.disputed",
    "place.reason",
    "place.remedy",
    "place.witnesses",
    "zone",
    "zone_basis",
    "adequate",
    "certified_by",
    "listing",
    "listing_hint",
    "register_entry",
    "register",
    "flagged",
    "seated_outside_eea",
    "answered",
    "flows",
    "phases",
    "packets_out",
    "packets_in",
    "bytes_out",
    "bytes_in",
    "input",
    "first_frame",
    "last_input",
    "last_frame",
    "start",
    "end",
    "display_filter",
    "because",
];

/// One row, in the order of the header, from the fields that the JSON has.
fn cells(destination: &Destination) -> [String; 45] {
    // The schema's types have no fallible serialiser, so this cannot fail.
    let fields = serde_json::to_value(destination).unwrap_or_default();
    COLUMNS.map(|column| cell(column.split('.').fold(&fields, |value, name| &value[name])))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(entries) => {
            let shown = |field| entries.iter().filter_map(move |entry| Some(cell(entry.get(field)?)));
            // A name stands there once for each place where it was read.
            let names: BTreeSet<String> = shown("name").collect();
            let plain = entries.iter().filter(|entry| !entry.is_object()).map(cell);
            names
                .into_iter()
                .chain(shown("says"))
                .chain(shown("phase"))
                .chain(plain)
                .collect::<Vec<_>>()
                .join("; ")
        }
        other => other.to_string(),
    }
}

/// The cell by the three rules of this file's head.
pub(super) fn harmless(cell: &str) -> String {
    let is_marked = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\0', '\'']);
    let mark = if is_marked { "'" } else { "" };
    format!("{mark}{}", clean(&cell.replace('\\', r"\\")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{destination, flagged, report};

    fn read(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let row = |row: &csv::StringRecord| row.iter().map(ToOwned::to_owned).collect::<Vec<_>>();
        (row(reader.headers().unwrap()), reader.records().map(|record| row(&record.unwrap())).collect())
    }

    /// Undoes the rules in the order of the file's head.
    fn undone(cell: &str) -> String {
        let mut rest = cell.strip_prefix('\'').unwrap_or(cell);
        let mut out = String::new();
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            if c != '\\' {
                out.push(c);
            } else if let Some(after) = rest.strip_prefix('\\') {
                out.push('\\');
                rest = after;
            } else {
                let (number, after) = rest.strip_prefix("u{").unwrap().split_once('}').unwrap();
                out.push(char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap());
                rest = after;
            }
        }
        out
    }

    #[test]
    fn the_columns_are_the_fields_of_the_json() {
        let value = serde_json::to_value(destination("eea", "likely")).unwrap();
        let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<String>>();
        let (inner, mut names) = (fields(&value["place"]), fields(&value));
        names.retain(|name| name != "place");
        names.extend(inner.iter().map(|name| format!("place.{name}")));
        let columns: BTreeSet<String> = COLUMNS.iter().map(ToString::to_string).collect();
        assert_eq!(columns, names.into_iter().collect());
    }

    #[test]
    fn every_cell_says_what_the_json_says() {
        let mut given = flagged("likely");
        given.addresses = vec!["203.0.113.7".to_owned(), "[2001:db8::1]".to_owned()];
        given.place.located = vec!["US".to_owned(), "CA".to_owned()];
        let value = serde_json::to_value(&given).unwrap();
        let (header, rows) = read(&csv(&report(vec![given, destination("eea", "likely")])));
        assert_eq!(rows.len(), 2);
        for (name, cell) in header.iter().zip(&rows[0]) {
            let field = name.strip_prefix("place.").map_or(&value[name], |field| &value["place"][field]);
            let expected = match field {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Array(entries) => {
                    entries.iter().map(|entry| entry.as_str().unwrap()).collect::<Vec<_>>().join("; ")
                }
                other => other.to_string(),
            };
            assert_eq!(*cell, expected, "{name}");
        }
    }

    #[test]
    fn what_a_spreadsheet_takes_for_a_formula_is_marked_and_can_be_undone() {
        let hostile = [
            "=cmd|' /C calc'!A0",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\0=1",
            "'=1",
            "a\r\nb,\"c\"",
            "\u{1b}[31m\u{202e}\\u{1b}\\",
            "",
            " ",
            "a; b",
            "Straße",
        ];
        let given = hostile.map(|text| {
            let mut row = destination("eea", "likely");
            row.host_pattern = text.to_owned();
            row
        });
        let text = csv(&report(given.to_vec()));
        assert_eq!(text.matches("\r\n").count(), 1 + hostile.len(), "each row is one line");
        assert!(text.replace("\r\n", "").chars().all(|c| clean(&c.to_string()) == c.to_string()), "{text}");
        let (header, rows) = read(&text);
        let column = header.iter().position(|name| name == "host_pattern").unwrap();
        for (row, text) in rows.iter().zip(hostile) {
            assert!(!row[column].starts_with(['=', '+', '-', '@', '\t', '\r', '\0']), "{:?}", row[column]);
            assert_eq!(undone(&row[column]), text);
        }
    }

    #[test]
    fn a_report_without_destinations_has_its_header_alone() {
        let text = csv(&report(Vec::new()));
        assert!(text.starts_with("id,whose,") && text.ends_with(",because\r\n"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}

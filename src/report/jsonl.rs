//! The report as JSON Lines: one object a line, each with its `type`, so that a stream can be filtered without being held.
//!
//! The first line is of the type `report`: schema, tool, inputs, totals and headline. The others follow in the order of
//! the JSON, each entry of a list on a line of its own: `destination`, `session`, `meeting`, `step`, `flow`, `tunnel`, `anomaly`, `quality`,
//! `decryption` where keys were known, `telemetry` where something shows it, `data_source`, `register`, `claim`, `against` where that was asked for, and of a study `study`, `cell`, `matrix_row`, `difference`.
//! Fields are those of the JSON, described in `schema.json`.
//!
//! Input: a [`Report`]. Output: text. Must not: name a field of its own but `type`.

use serde::Serialize;

use crate::report::schema::{Headline, Input, Report, Schema, Tool, Totals};
use crate::report::text;

/// Writes the report. No character in it drives a terminal or hides text, as in [`json`](crate::report::json).
#[must_use]
pub fn jsonl(report: &Report) -> String {
    // Every field by its name, so that a new one cannot be forgotten here.
    let Report {
        schema,
        tool,
        so_far,
        inputs,
        totals,
        headline,
        destinations,
        sessions,
        meetings,
        steps,
        flows,
        tunnels,
        anomalies,
        quality,
        decryption,
        telemetry,
        data_sources,
        registers,
        claims,
        against,
        study,
        cells,
        matrix,
        differences,
    } = report;
    let mut out = String::new();
    line(
        &mut out,
        "report",
        &Head { schema, tool, so_far: so_far.then_some(true), inputs, totals, headline },
    );
    lines(&mut out, "destination", destinations);
    lines(&mut out, "session", sessions);
    lines(&mut out, "meeting", meetings);
    lines(&mut out, "step", steps);
    lines(&mut out, "flow", flows);
    lines(&mut out, "tunnel", tunnels);
    lines(&mut out, "anomaly", anomalies);
    line(&mut out, "quality", quality);
    lines(&mut out, "decryption", decryption.as_slice());
    lines(&mut out, "telemetry", telemetry.as_slice());
    lines(&mut out, "data_source", data_sources);
    lines(&mut out, "register", registers);
    lines(&mut out, "claim", claims);
    lines(&mut out, "against", against.as_slice());
    lines(&mut out, "study", study.as_slice());
    lines(&mut out, "cell", cells);
    lines(&mut out, "matrix_row", matrix);
    lines(&mut out, "difference", differences);
    out
}

/// What a reader of the stream needs before the rest.
#[derive(Serialize)]
struct Head<'a> {
    schema: &'a Schema,
    tool: &'a Tool,
    #[serde(skip_serializing_if = "Option::is_none")]
    so_far: Option<bool>,
    inputs: &'a [Input],
    totals: &'a Totals,
    headline: &'a Headline,
}

#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    fields: &'a T,
}

fn lines<T: Serialize>(out: &mut String, kind: &'static str, entries: &[T]) {
    for entry in entries {
        line(out, kind, entry);
    }
}

/// Adds one line. Strings are escaped, so the line feed at its end is the only one.
pub(super) fn line(out: &mut String, kind: &'static str, fields: &impl Serialize) {
    // As in `json`: nothing in the schema's types can fail to be written.
    out.push_str(&text::escape(&serde_json::to_string(&Line { kind, fields }).unwrap_or_default()));
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::sample::{destination, flagged, report};

    #[test]
    fn every_line_is_an_object_with_its_type_and_the_fields_of_the_json() {
        let report = report(vec![flagged("likely"), destination("eea", "likely")]);
        let text = jsonl(&report);
        let read: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let types: Vec<&str> = read.iter().map(|line| line["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["report", "destination", "destination", "quality", "register"]);
        let whole = serde_json::to_value(&report).unwrap();
        for field in ["schema", "tool", "inputs", "totals", "headline"] {
            assert_eq!(read[0][field], whole[field], "{field}");
        }
        let mut second = read[2].clone();
        second.as_object_mut().unwrap().remove("type");
        assert_eq!(second, whole["destinations"][1]);
    }

    #[test]
    fn no_name_breaks_a_line_or_drives_a_terminal() {
        let mut hostile = destination("eea", "likely");
        hostile.host_pattern = "a\n{\"type\":\"report\"}\r\u{1b}[31m\u{2028}\u{85}\0".to_owned();
        let text = jsonl(&report(vec![hostile.clone()]));
        assert_eq!(text.lines().count(), 4);
        assert!(text.chars().all(|c| c == '\n' || text::clean(&c.to_string()) == c.to_string()), "{text}");
        let read: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
        assert_eq!(read["host_pattern"], hostile.host_pattern, "and nothing is lost");
    }
}

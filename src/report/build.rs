//! From an inspection to the schema's report.
//!
//! Input: an [`Inspection`]. Output: a [`Report`]. Must not: judge; what it computes are sums and texts.

use crate::inspect::Inspection;
use crate::report::parts::time;
use crate::report::schema::{Input, Report, Schema, Tool, Totals};
use crate::report::view::View;
use crate::report::{
    anomalies, claims, decryption, destinations, flows, headline, matrix, quality, schema, sessions, sources,
    steps, telemetry, tunnels,
};

/// What a report is to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Whether other participants' addresses are shown instead of masked.
    pub show_participants: bool,
    /// Whether every flow is listed. The table does not list them, and with millions of flows the list is most of the
    /// report.
    pub list_flows: bool,
}

/// Makes the report.
#[must_use]
pub fn build(inspection: &Inspection, options: Options) -> Report {
    let view = View::new(inspection, options.show_participants);
    let decryption = decryption::decryption(&view);
    let mut report = Report {
        schema: Schema::OWN,
        tool: Tool { name: "borderpost", version: env!("CARGO_PKG_VERSION") },
        so_far: inspection.is_so_far(),
        inputs: inspection.inputs().iter().map(input).collect(),
        totals: totals(inspection),
        headline: schema::Headline::default(),
        destinations: Vec::new(),
        sessions: Vec::new(),
        meetings: Vec::new(),
        steps: Vec::new(),
        flows: Vec::new(),
        tunnels: tunnels::tunnels(&view),
        anomalies: anomalies::anomalies(inspection),
        quality: quality::quality(&view, decryption.as_ref()),
        decryption,
        telemetry: None,
        data_sources: sources::data_sources(inspection.settings()),
        registers: Vec::new(),
        claims: claims::claims(&view),
        against: None,
        study: None,
        cells: Vec::new(),
        matrix: Vec::new(),
        differences: Vec::new(),
    };
    let mut of_flow = destinations::destinations(&view, &mut report);
    sessions::sessions(&view, &mut report, &mut of_flow);
    steps::steps(&view, &of_flow, &mut report);
    matrix::matrix(&view, &of_flow, &mut report);
    report.telemetry = telemetry::telemetry(&view, &of_flow, &report);
    if options.list_flows {
        flows::flows(&view, &of_flow, &mut report);
    }
    report.registers = sources::registers(&view, &report.destinations);
    report.headline = headline::headline(&report.destinations, &report.quality, report.inputs.len() as u64);
    report.headline.lines.extend(headline::so_far(&report));
    report
}

fn input(input: &crate::inspect::Input) -> Input {
    let summary = &input.summary;
    Input {
        path: input.path.display().to_string(),
        sha256: summary.sha256.clone(),
        size: summary.size,
        format: summary.format.name().to_owned(),
        compression: summary.compression.map(|compression| compression.name().to_owned()),
        frames: summary.frames.saturating_add(summary.other_records),
        start: time(input.earliest),
        end: time(input.latest),
        damage: summary.damage.first().map(|damage| schema::Damage {
            kind: damage.kind.to_owned(),
            offset: damage.offset,
            after_frame: damage.after_frame,
            what: damage.what.clone(),
            resumed_at: damage.resumed_at,
        }),
        frames_lost: summary.dropped.lost(),
    }
}

fn totals(inspection: &Inspection) -> Totals {
    let census = inspection.census();
    Totals {
        frames: census.frames(),
        bytes: census.bytes(),
        flows: inspection.units().iter().map(|unit| unit.flows().len() as u64).sum(),
        classes: census.by_name().into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
    }
}

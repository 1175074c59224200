//! Reports by hand, for tests.

use crate::report::headline::headline;
use crate::report::schema::{
    Cell, Destination, MatrixRow, Place, Quality, Register, Report, Schema, Seen, Tool, Totals,
};
use std::collections::BTreeMap;

/// A destination of the client's in the Netherlands, likely, and listed in `surf-2024`.
pub(crate) fn destination(axis: &str, grade: &str) -> Destination {
    Destination {
        id: 1,
        whose: "client".to_owned(),
        identified_by: vec!["name".to_owned()],
        recipient: Some("zoom".to_owned()),
        recipient_name: Some("Zoom Communications, Inc.".to_owned()),
        recipient_seat: Some("US".to_owned()),
        host_pattern: "zoom*zc.zoom.us".to_owned(),
        names: Vec::new(),
        addresses: vec!["203.0.113.7".to_owned()],
        service: "sign_in".to_owned(),
        network: None,
        network_seat: None,
        place: Place {
            axis: axis.to_owned(),
            registered: None,
            located: Vec::new(),
            grade: grade.to_owned(),
            disputed: Vec::new(),
            reason: None,
            remedy: None,
            witnesses: Vec::new(),
        },
        zone: None,
        zone_basis: None,
        adequate: None,
        certified_by: None,
        listing: "listed".to_owned(),
        listing_hint: None,
        register_entry: Some("sign-in".to_owned()),
        register: Some("surf-2024".to_owned()),
        flagged: false,
        seated_outside_eea: true,
        answered: true,
        flows: 1,
        phases: Vec::new(),
        packets_out: 3,
        packets_in: 4,
        bytes_out: 500,
        bytes_in: 12_345,
        input: 0,
        first_frame: 5,
        last_input: 0,
        last_frame: 64,
        start: None,
        end: None,
        display_filter: "ip.addr == 203.0.113.7".to_owned(),
        because: "zoomfr84zc.zoom.us is Zoom's (named by the client)".to_owned(),
    }
}

/// A destination outside the EEA that no entry lists.
pub(crate) fn flagged(grade: &str) -> Destination {
    Destination {
        flagged: true,
        listing: "unlisted".to_owned(),
        register_entry: None,
        zone: Some("third country".to_owned()),
        adequate: Some(false),
        ..destination("outside", grade)
    }
}

/// A third party that nothing ties to the client.
pub(crate) fn third_party(recipient: &str) -> Destination {
    Destination {
        whose: "not_attributable".to_owned(),
        recipient_name: Some(recipient.to_owned()),
        ..destination("outside", "possible")
    }
}

/// A report of these destinations, with no flows and no inputs.
pub(crate) fn report(destinations: Vec<Destination>) -> Report {
    Report {
        schema: Schema::OWN,
        tool: Tool { name: "borderpost", version: "0" },
        so_far: false,
        inputs: Vec::new(),
        totals: Totals { frames: 64, bytes: 12_845, flows: 1, classes: BTreeMap::new() },
        headline: headline(&destinations, &Quality::default(), 1),
        destinations,
        sessions: Vec::new(),
        meetings: Vec::new(),
        steps: Vec::new(),
        flows: Vec::new(),
        tunnels: Vec::new(),
        anomalies: Vec::new(),
        quality: Quality::default(),
        decryption: None,
        telemetry: None,
        data_sources: Vec::new(),
        registers: vec![Register {
            name: "surf-2024".to_owned(),
            title: "Title.".to_owned(),
            limits: "Limits.".to_owned(),
            valid_from: None,
            valid_until: None,
            entries_not_seen: Vec::new(),
        }],
        claims: Vec::new(),
        against: None,
        study: None,
        cells: Vec::new(),
        matrix: Vec::new(),
        differences: Vec::new(),
    }
}

/// A cell of which nothing is said but its name.
pub(crate) fn cell(id: u64, name: &str) -> Cell {
    Cell {
        id,
        name: name.to_owned(),
        state: Cell::COMPARED,
        captures: vec![format!("{name}.pcapng")],
        inputs: vec![0],
        sessions: Vec::new(),
        limits: Vec::new(),
        platform: None,
        build: None,
        account: None,
        sso: None,
        vanity_host: None,
        e2ee: None,
        guest: None,
        file_sharing: None,
        vantage: None,
        vantage_axis: None,
        region: None,
        media_regions: Vec::new(),
        service: None,
        scenario: None,
        marks: None,
        notes: None,
    }
}

/// Telemetry to a host pattern.
pub(crate) fn matrix_row(host_pattern: &str, seen: Vec<Seen>) -> MatrixRow {
    MatrixRow {
        id: 1,
        whose: "client".to_owned(),
        service: "telemetry".to_owned(),
        recipient: Some("zoom".to_owned()),
        recipient_name: Some("Zoom Communications, Inc.".to_owned()),
        host_pattern: Some(host_pattern.to_owned()),
        seen,
        not_seen_in: Vec::new(),
    }
}

/// One flow of a cell's, likely there.
pub(crate) fn seen(cell: u64, axis: &str, located: &[&str], listing: &str) -> Seen {
    Seen {
        cell,
        destination: 1,
        axis: axis.to_owned(),
        located: located.iter().map(ToString::to_string).collect(),
        grade: "likely".to_owned(),
        zone: None,
        listing: listing.to_owned(),
        register: Some("surf-2024".to_owned()),
        register_entry: None,
        flagged: listing == "unlisted",
        answered: true,
        flows: 1,
        bytes_out: 500,
        bytes_in: 12_345,
        input: 0,
        first_frame: 5,
    }
}

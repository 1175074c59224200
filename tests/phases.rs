//! Phases and milestones of real captures, against what is known of them (`../shared/captures`).
//!
//! The captures are not part of the project. Where they are absent the tests say so and check nothing.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::io::Write as _;
use std::path::PathBuf;

use borderpost::inspect::{Inspection, Settings, inspect};
use borderpost::session::Session;

/// Each phase: kind, first frame, certainty.
type Phases<'a> = &'a [(&'a str, u64, &'a str)];

#[test]
fn the_launch_of_2019_has_the_order_that_was_observed() {
    let Some(inspection) = read("ndpi-zoom.pcap") else { return };
    let session = &inspection.units()[0].sessions()[0];
    assert_phases(
        session,
        &[("launch", 25, "likely"), ("joining", 161, "certain"), ("meeting", 386, "certain")],
    );
    let milestones = [
        ("page_load", 0.0),
        ("launch_log", 2.9),
        ("nat_discovery", 3.1),
        ("look_up", 3.9),
        ("zone_probing", 4.66),
        ("media_router", 5.1),
        ("meeting_start", 5.7),
    ];
    assert_milestones(session, 1_569_520_466.080_774, &milestones);
    assert_eq!(session.meetings.len(), 1);
    assert_eq!(session.meetings[0].is_silent(), Some(true), "what flowed were probes");
}

#[test]
fn the_leave_of_2022_is_the_clients_close() {
    let Some(inspection) = read("ndpi-zoom2.pcap") else { return };
    let session = &inspection.units()[0].sessions()[0];
    let expected = [("joining", 1, "certain"), ("meeting", 21, "certain"), ("leaving", 342, "certain")];
    assert_phases(session, &expected);
    assert_eq!(session.meetings[0].is_silent(), Some(false));
}

#[test]
fn captures_joined_midway_are_uncertain_and_begin_with_the_meeting() {
    for (file, certainty) in [
        ("alizanoa-zoom-2025.pcapng", "uncertain"),
        ("princeton-zoom_test.pcap", "uncertain"),
        ("ndpi-stun_zoom.pcapng", "likely"),
    ] {
        let Some(inspection) = read(file) else { return };
        assert_phases(&inspection.units()[0].sessions()[0], &[("meeting", 1, certainty)]);
    }
}

fn assert_phases(session: &Session, expected: Phases<'_>) {
    let found: Vec<_> = session
        .phases
        .iter()
        .map(|phase| (phase.kind.name(), phase.start.frame.number(), phase.certainty.name()))
        .collect();
    assert_eq!(found, expected);
}

/// Each milestone with its seconds since the capture's start, to a tenth.
fn assert_milestones(session: &Session, start: f64, expected: &[(&str, f64)]) {
    let found: Vec<(&str, f64)> = session
        .milestones
        .iter()
        .map(|milestone| {
            #[expect(clippy::cast_precision_loss, reason = "a microsecond is fine enough")]
            let seconds = milestone.at.time.unwrap().nanos() as f64 / 1e9;
            (milestone.kind.name(), seconds - start)
        })
        .collect();
    let mut expected = expected.to_vec();
    let names = |list: &[(&str, f64)]| list.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
    let mut in_order = found.clone();
    // What comes within the same tenth of a second has no order in the description.
    in_order.sort_by_key(|(name, _)| *name);
    expected.sort_by_key(|(name, _)| *name);
    assert_eq!(names(&in_order), names(&expected));
    for ((name, found), (_, expected)) in in_order.iter().zip(&expected) {
        assert!((found - expected).abs() < 0.11, "{name}: {found} instead of {expected}");
    }
}

fn read(file: &str) -> Option<Inspection> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/captures").join(file);
    if !path.exists() {
        std::io::stderr().write_all(b"SKIPPED: the shared captures are not here\n").unwrap();
        return None;
    }
    Some(inspect(&[path], Settings { hash: false, ..Settings::default() }, &()))
}

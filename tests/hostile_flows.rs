//! P10 and S1: what grows with the number of flows grows in proportion, however they lie to each other.
//!
//! Input: the floods of the benchmark `hostile`, smaller; it measures them with the program as it is released.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::time::{Duration, Instant};

use borderpost::inspect::{Settings, inspect};
use borderpost::report::schema::Report;
use borderpost::report::{self, Options};

#[path = "../benches/hostile/floods.rs"]
mod floods;
#[path = "../benches/hostile/traffic.rs"]
#[expect(dead_code, reason = "the benchmark uses the rest")]
mod traffic;
#[path = "../benches/workload/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the benchmarks use the rest")]
mod workload;

/// The report on so many bytes of a flood, and how long it took to make.
fn reported(flood: &str, size: usize) -> (Report, Duration) {
    let (_, make) = floods::FLOODS.iter().find(|(name, _)| *name == flood).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flood.pcap");
    fs::write(&path, make(size)).unwrap();
    let start = Instant::now();
    let inspection = inspect(&[path], Settings::default(), &());
    let report = report::build(&inspection, Options { show_participants: false, list_flows: true });
    (report, start.elapsed())
}

/// Eight times as much takes less than twenty times as long: what grows with the square would take 64 times as long.
fn is_linear(flood: &str, size: usize) -> Report {
    let (_, short) = reported(flood, size);
    let (report, long) = reported(flood, size * 8);
    assert!(long < short.max(Duration::from_millis(20)) * 20, "{flood}: {short:?}, {long:?}");
    report
}

#[test]
fn p10_flows_of_one_relation_share_what_was_looked_for_once() {
    let report = is_linear("SYNs from everywhere", 80 << 10);
    assert!(report.flows.len() > 7000, "{}", report.flows.len());
}

#[test]
fn p10_meetings_are_told_apart_without_looking_at_each() {
    for flood in ["meetings, each on a socket of its own", "media joined midway, each to a router of its own"]
    {
        let report = is_linear(flood, 60 << 10);
        assert!(report.meetings.len() > 500, "{flood}: {}", report.meetings.len());
    }
}

#[test]
fn p10_participants_and_calls_inside_tls_are_told_apart_the_same_way() {
    for flood in ["participants, each reached directly", "calls inside TLS, one after the other"] {
        let report = is_linear(flood, 60 << 10);
        assert!(report.meetings.len() > 300, "{flood}: {}", report.meetings.len());
    }
}

//! The comparison itself: that ratios, figures and tables say what was measured, and where they go.
//!
//! The tests stand beside the benchmark's code. A benchmark runs without the test harness, so its modules are included here.

#![cfg(feature = "cli")]
#![expect(dead_code, reason = "the benchmark's `main` uses the rest")]

#[path = "../benches/compare/captures.rs"]
mod captures;
#[path = "../benches/compare/figures.rs"]
mod figures;
#[path = "../benches/compare/jobs.rs"]
mod jobs;
#[path = "../benches/compare/machine.rs"]
mod machine;
#[path = "../benches/compare/measure.rs"]
mod measure;
#[path = "../benches/compare/page.rs"]
mod page;
#[path = "../benches/readme/mod.rs"]
mod readme;
#[path = "../benches/usage/mod.rs"]
mod usage;
#[path = "../benches/workload/mod.rs"]
#[expect(unused_imports, reason = "the benchmarks use the rest")]
mod workload;

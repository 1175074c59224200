//! The benchmark of the stages itself: that its rows say what each stage adds.
//!
//! The tests stand beside the benchmark's code. A benchmark runs without the test harness, so its modules are included here.

#![expect(dead_code, reason = "the benchmark's `main` uses the rest")]

#[path = "../benches/stages/after.rs"]
mod after;
#[path = "../benches/stages/stage.rs"]
mod stage;
#[path = "../benches/usage/mod.rs"]
mod usage;

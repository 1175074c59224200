//! The accuracy benchmark itself: that it counts rightly, that its data are whole, and that its floors can break.
//!
//! The tests stand beside the benchmark's code. A benchmark runs without the test harness, so its modules are included here.
//! Whether the floors hold is the benchmark's own exit status.

#![expect(dead_code, reason = "the benchmark's `main` uses the rest")]

#[path = "../benches/accuracy/floors.rs"]
mod floors;
#[path = "../benches/accuracy/judge.rs"]
mod judge;
#[path = "../benches/accuracy/results.rs"]
mod results;
#[path = "../benches/accuracy/tally.rs"]
mod tally;
#[path = "../benches/accuracy/truth.rs"]
mod truth;

//! The counting of instructions itself: that profiles are read rightly, that bounds can break, and that their file is whole.
//!
//! The tests stand beside the benchmark's code. A benchmark runs without the test harness, so its modules are included here.
//! Whether the bounds hold is the benchmark's own exit status.

#![expect(dead_code, reason = "the benchmark's `main` uses the rest")]

#[path = "../benches/instructions/bounds.rs"]
mod bounds;
#[path = "../benches/instructions/callgrind.rs"]
mod callgrind;

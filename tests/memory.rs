//! Peak memory does not grow with the capture: what is kept is flows and what they say, never frames.
//!
//! A meeting of made-up traffic is streamed into the program, once short and once eight times as long; its flows are the
//! same. Only on Linux, which tells a process's peak memory in `/proc`; elsewhere there are no tests here.

#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::fs::{self, File};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;
use workload::{Format, Workload, write};

#[path = "../benches/workload/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the benchmarks use the rest")]
mod workload;

#[test]
fn peak_memory_does_not_grow_with_a_pcap() {
    assert_level(Format::Pcap);
}

#[test]
fn peak_memory_does_not_grow_with_a_pcapng() {
    assert_level(Format::PcapNg);
}

fn assert_level(format: Format) {
    let [short, long] = [SHORT, LONG].map(|mebibytes| Run::of(format, mebibytes));
    assert_eq!((short.flows, long.flows), (FLOWS, FLOWS), "the workload's flows");
    assert!(long.frames > short.frames * 7, "{} and {} frames", short.frames, long.frames);
    let growth = long.peak.saturating_sub(short.peak);
    assert!(growth < ALLOWED, "{} KiB for {SHORT} MiB, {} KiB for {LONG} MiB", short.peak, long.peak);
}

/// What one run of the program says, and what it took.
struct Run {
    frames: u64,
    flows: u64,
    /// Peak resident memory in KiB.
    peak: u64,
}

impl Run {
    /// The program reads so many MiB of a meeting from its standard input.
    fn of(format: Format, mebibytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report.json");
        let mut program = Command::new(env!("CARGO_BIN_EXE_borderpost"))
            .args(["inspect", "--no-hash", "--format", "json", "-"])
            .stdin(Stdio::piped())
            // A file takes all of the report at once; a pipe that nobody reads would not.
            .stdout(File::create(&report).unwrap())
            .spawn()
            .unwrap();
        let mut input = program.stdin.take().unwrap();
        let frames = write(&mut input, Workload::Media, format, mebibytes * 1024 * 1024).unwrap();
        let peak = end(program, input);
        let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
        assert_eq!(report["totals"]["frames"], frames);
        Self { frames, flows: report["totals"]["flows"].as_u64().unwrap(), peak }
    }
}

/// Ends the input and waits for the program; gives its peak memory.
fn end(mut program: Child, input: ChildStdin) -> u64 {
    // All but the last pipeful is read here, so the peak of reading is certain. That of judging is caught while it lasts.
    let mut peak = peak(&program).expect("a program that waits for input has memory");
    drop(input);
    let status = loop {
        if let Some(status) = program.try_wait().unwrap() {
            break status;
        }
        peak = peak.max(self::peak(&program).unwrap_or(0));
    };
    assert!(status.success(), "{status}");
    peak
}

/// The most memory that a process has had at one time, in KiB; `None` once it has ended.
fn peak(program: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", program.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// MiB of the short capture.
const SHORT: u64 = 32;
/// MiB of the long one.
const LONG: u64 = 256;
/// The meeting's look-up, its control connection and its four sockets.
const FLOWS: u64 = 6;
/// KiB by which two runs may differ: about nine bytes for each frame that the long capture has more.
const ALLOWED: u64 = 2 * 1024;

//! `--max-memory`: flows that leave are summed up and told, nothing is lost unseen, and the memory is bounded.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use workload::{Format, Workload, write};

#[path = "../benches/workload/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the benchmarks use the rest")]
mod workload;

/// The report on captures as JSON, its bytes, and whether `--fail-on lossy` holds.
fn report(captures: &[&Path], options: &[&str]) -> (Value, Vec<u8>, bool) {
    let output = Command::new(env!("CARGO_BIN_EXE_borderpost"))
        .args(["inspect", "--no-hash", "--format", "json", "--fail-on", "lossy"])
        .args(options)
        .args(captures)
        .output()
        .unwrap();
    let is_lossy = output.status.code() == Some(1);
    assert!(is_lossy || output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (serde_json::from_slice(&output.stdout).unwrap(), output.stdout, is_lossy)
}

fn capture(folder: &Path, workload: Workload, mebibytes: u64) -> PathBuf {
    let path = folder.join(format!("{}-{mebibytes}.pcap", workload.name()));
    write(File::create(&path).unwrap(), workload, Format::Pcap, mebibytes << 20).unwrap();
    path
}

/// Flows, their packets and their bytes: those listed, and those summed up.
fn sums(report: &Value) -> [[u64; 3]; 2] {
    let number = |value: &Value, name: &str| value[name].as_u64().unwrap();
    let flows = report["flows"].as_array().unwrap().iter();
    let listed = flows.fold([0; 3], |[flows, packets, bytes], flow| {
        let both = |of: &str| number(flow, &format!("{of}_out")) + number(flow, &format!("{of}_in"));
        [flows + 1, packets + both("packets"), bytes + both("bytes")]
    });
    let none = Vec::new();
    let rows = report["quality"]["summed_up"].as_array().unwrap_or(&none).iter();
    let summed_up = rows.fold([0; 3], |sum, row| {
        let [flows, packets, bytes] = sum;
        [flows + number(row, "flows"), packets + number(row, "packets"), bytes + number(row, "bytes")]
    });
    [listed, summed_up]
}

fn clients(report: &Value) -> Vec<&Value> {
    report["flows"].as_array().unwrap().iter().filter(|flow| flow["whose"] == "client").collect()
}

#[test]
fn listed_and_summed_up_flows_are_all_flows() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path(), Workload::Mixed, 12);
    let (whole, bytes, _) = report(&[&path], &[]);
    let (_, same, _) = report(&[&path], &["--max-memory", "4G"]);
    assert!(bytes == same, "a limit that is never reached changes nothing");
    let [all, none] = sums(&whole);
    assert_eq!(none, [0; 3]);
    let (limited, bytes, is_lossy) = report(&[&path], &["--max-memory", "10M"]);
    let (_, same, _) = report(&[&path], &["--max-memory", "10MiB", "--threads", "3"]);
    assert!(bytes == same, "the same twice, whatever the number of threads");
    let [listed, summed_up] = sums(&limited);
    assert!(listed[0] > 100 && summed_up[0] > 100, "{listed:?} {summed_up:?}");
    // A flow of which something came after it had left is two.
    assert!(listed[0] + summed_up[0] >= all[0]);
    assert_eq!([listed[1] + summed_up[1], listed[2] + summed_up[2]], [all[1], all[2]]);
    assert_eq!(limited["totals"]["frames"], whole["totals"]["frames"]);
    let row = &limited["quality"]["summed_up"][0];
    assert_eq!((&row["limit"], &row["over"]), (&Value::from(10 << 20), &Value::from(0)));
    // Enough others could leave.
    assert_eq!((&row["client_flows"], is_lossy), (&Value::from(0), false));
    let [before, after] = [&whole, &limited].map(clients);
    assert_eq!(before.len(), after.len());
    for (before, after) in before.into_iter().zip(after) {
        for part in ["remote", "names", "service", "bytes_in", "first_frame", "start"] {
            assert_eq!(before[part], after[part], "{part}");
        }
    }
    let remarks = limited["quality"]["remarks"].to_string();
    assert!(remarks.contains("summed up unjudged") && remarks.contains("None of them had said"), "{remarks}");
}

#[test]
fn the_clients_flows_that_had_to_leave_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path(), Workload::Mixed, 4);
    let (report, _, is_lossy) = report(&[&path], &["--max-memory", "64K"]);
    let row = &report["quality"]["summed_up"][0];
    assert!(is_lossy && row["client_flows"].as_u64().unwrap() > 0, "{row}");
    assert!(row["over"].as_u64().unwrap() > 0, "what DNS answered stays: {row}");
    let [lines, remarks] =
        [&report["headline"]["lines"], &report["quality"]["remarks"]].map(Value::to_string);
    assert!(lines.contains("Incomplete:") && lines.contains("summed up unjudged"), "{lines}");
    assert!(remarks.contains("was passed by"), "{remarks}");
}

#[test]
fn what_was_not_judged_passes_for_nothing() {
    let run = |options: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_borderpost"))
            .args(["inspect", "captures/eu-meeting-us-telemetry.pcapng", "--max-memory", "0"])
            .args(options)
            .output()
            .unwrap()
    };
    let output = run(&["--fail-on", "outside,unlisted,undetermined"]);
    let [table, said] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert_eq!(output.status.code(), Some(3), "{table}{said}");
    assert!(table.starts_with("Incomplete: ") && !table.contains("of others."), "{table}");
    let told: Vec<&str> = said.lines().filter(|line| line.contains("summed up unjudged")).collect();
    assert!(matches!(told[..], [line] if line.contains("--max-memory none")), "{said}");
    let output = run(&["--fail-on", "outside,unlisted", "--format", "junit"]);
    let junit = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    for condition in ["outside", "unlisted"] {
        let suite =
            junit.split("<testsuite ").find(|suite| suite.contains(&format!(" name=\"{condition}\"")));
        assert!(suite.unwrap().contains(" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"1\""), "{junit}");
    }
    for format in ["md", "html"] {
        let output = run(&["--format", format]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!text.contains("of others.") && text.contains("Incomplete: "), "{text}");
    }
}

#[test]
fn several_captures_share_the_limit_by_their_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [4, 2].map(|mebibytes| capture(folder.path(), Workload::Mixed, mebibytes));
    let sizes = [0, 1].map(|at: usize| fs::metadata(&paths[at]).unwrap().len());
    let (apart, ..) = report(&[&paths[0], &paths[1]], &["--max-memory", "96K"]);
    for (at, size) in sizes.into_iter().enumerate() {
        let part = (96 << 10) * size / (sizes[0] + sizes[1]);
        assert_eq!(apart["quality"]["summed_up"][at]["limit"], part);
    }
    let (joined, ..) = report(&[&paths[0], &paths[1]], &["--join", "--max-memory", "96K"]);
    assert_eq!(joined["quality"]["summed_up"][0]["limit"], 96 << 10);
    assert!(joined["quality"]["summed_up"][1].is_null());
}

/// Connections that are reset at once, each from another port or address.
fn write_resets(path: &Path, connections: u32) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    let head = [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 65535, 101];
    out.write_all(&head.map(u32::to_le_bytes).concat()).unwrap();
    for number in 0..connections {
        let [_, b, c, d] = number.to_be_bytes();
        let (client, server) = ([10, b, c, d], [81, 2, 69, 160]);
        for (from, to, ports, flags) in
            [(client, server, [5000, 443], 2), (server, client, [443, 5000], 0x14)]
        {
            let ports: [u16; 2] = ports;
            let tcp = [0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 0, 0, 0, 0, 0, 0];
            let ip = [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0];
            let packet = [&ip[..], &from, &to, &ports.map(u16::to_be_bytes).concat(), &tcp].concat();
            out.write_all(
                &[1_717_200_000 + number / 1000, number % 1000, 40, 40].map(u32::to_le_bytes).concat(),
            )
            .unwrap();
            out.write_all(&packet).unwrap();
        }
    }
    out.flush().unwrap();
}

/// Peak resident memory of a run that prints a table, in KiB.
#[cfg(target_os = "linux")]
fn peak(path: &Path, options: &[&str]) -> u64 {
    let mut program = Command::new(env!("CARGO_BIN_EXE_borderpost"))
        .args(["inspect", "--no-hash", "--format", "table"])
        .args(options)
        .arg(path)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", program.id());
    let mut peak = 0;
    while program.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(kib.unwrap_or(0));
    }
    peak
}

#[test]
#[cfg(target_os = "linux")]
fn memory_is_bounded() {
    const LIMIT: u64 = 48 << 10;
    /// KiB of the program itself, and of what the allocator takes beside.
    const BESIDE: u64 = 32 << 10;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resets.pcap");
    write_resets(&path, 250_000);
    let [free, bounded] = [&[][..], &["--max-memory", "48M"]].map(|options| peak(&path, options));
    assert!(free > LIMIT + BESIDE + (16 << 10), "{free} KiB without a limit");
    assert!(bounded < LIMIT + BESIDE, "{bounded} KiB of {LIMIT}; {free} without");
}

/// Small connections at a low rate, one every so many milliseconds of the packets' time, to a few servers.
#[cfg(target_os = "linux")]
fn write_drip(path: &Path, hours: u32, every: u32) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    let head = [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 65535, 101];
    out.write_all(&head.map(u32::to_le_bytes).concat()).unwrap();
    for number in 0..hours * 3_600_000 / every {
        let millis = number * every;
        let [_, _, c, d] = number.to_be_bytes();
        let server = [81, 2, 69, 160 + (number % 8) as u8];
        let client = [192, 168, 1, 5];
        let port = 1_024 + u16::from_be_bytes([c, d]) % 60_000;
        // A question, two answers, and silence: it comes, and goes without a word.
        for (from, to, ports, part) in [
            (client, server, [port, 9_000], 0_u32),
            (server, client, [9_000, port], 40),
            (server, client, [9_000, port], 90),
        ] {
            let ports = ports.map(u16::to_be_bytes).concat();
            let udp = [&ports[..], &[0, 28, 0, 0], &[0x55; 20]].concat();
            let ip = [0x45, 0, 0, 48, 0, 0, 0, 0, 64, 17, 0, 0];
            let packet = [&ip[..], &from, &to, &udp].concat();
            let at = millis + part;
            let record = [1_717_200_000 + at / 1_000, at % 1_000 * 1_000, 48, 48];
            out.write_all(&record.map(u32::to_le_bytes).concat()).unwrap();
            out.write_all(&packet).unwrap();
        }
    }
    out.flush().unwrap();
}

/// A day of slow traffic holds under a limit what its first hour holds. How many milliseconds lie between two connections is
/// `BORDERPOST_DRIP_MS`: the fewer, the longer it takes.
#[test]
#[cfg(target_os = "linux")]
fn s4_a_day_holds_no_more_than_an_hour() {
    let every = std::env::var("BORDERPOST_DRIP_MS").map_or(4_000, |value| value.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let [hour, day] = [1, 24].map(|hours| {
        let path = folder.path().join(format!("{hours}.pcap"));
        write_drip(&path, hours, every);
        let peak = |options: &[&str]| peak(&path, &[&["-j", "1"], options].concat());
        (peak(&["--max-memory", "128K"]), peak(&[]))
    });
    assert!(day.0 < hour.0 + hour.0 / 20, "{} KiB in an hour, {} KiB in a day", hour.0, day.0);
    // Without the limit the same day does grow, so that the comparison can fail.
    assert!(day.1 > hour.1 + hour.1 / 20, "{} KiB in an hour, {} KiB in a day", hour.1, day.1);
}

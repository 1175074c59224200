//! `borderpost capture` from outside, with a program that stands in for the one that has rights: what is evidence, what is reported,
//! and what is said where something is wrong. `tests/live.rs` does the same with devices.

#![cfg(all(feature = "cli", unix))]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use common::{assert_refused, borderpost, command, err, out, status};
use serde_json::Value;

const MEETING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/eu-meeting-us-telemetry.pcapng");
const BEGAN: &str = "{\"notice\":\"began\",\"user\":1000,\"no_capabilities\":true,\"no_new_privileges\":true,\"seccomp\":true,\
                     \"landlock\":true,\"missing\":[]}\n";

/// The program that stands in. Plain `cargo test` builds it; a test that is run alone does so itself.
fn stand_in() -> PathBuf {
    static BUILT: Once = Once::new();
    let path =
        Path::new(env!("CARGO_BIN_EXE_borderpost")).with_file_name("examples").join("stand-in-capture");
    BUILT.call_once(|| {
        if !path.is_file() {
            let built = Command::new(env!("CARGO"))
                .args(["build", "--quiet", "--example", "stand-in-capture"])
                .status();
            assert!(built.unwrap().success());
        }
    });
    path
}

/// A device of the stand-in, and a folder for what comes of it.
struct Device {
    folder: tempfile::TempDir,
}

impl Device {
    fn new(parts: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("device")).unwrap();
        let device = Self { folder };
        for (name, bytes) in [&[("says", BEGAN.as_bytes())], parts].concat() {
            fs::write(device.path("device").join(name), bytes).unwrap();
        }
        device
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, more: &[&str]) -> Command {
        let (device, stand_in) = (self.path("device"), stand_in());
        let line = [
            "capture",
            "-i",
            device.to_str().unwrap(),
            "--program",
            stand_in.to_str().unwrap(),
            "--allow-root",
            // What belongs to this machine does not belong to what the stand-in plays.
            "--no-processes",
        ];
        let mut command = command(&[&line[..], more].concat());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn capture(&self, more: &[&str]) -> std::process::Output {
        self.command(more).output().unwrap()
    }

    /// Begins a capture and waits until the file has so many bytes.
    fn begin(&self, file: &str, bytes: u64, more: &[&str]) -> Child {
        let path = self.path(file);
        let child = self.command(&[&["-w", path.to_str().unwrap()], more].concat()).spawn().unwrap();
        let since = Instant::now();
        while fs::metadata(&path).map_or(0, |file| file.len()) < bytes {
            assert!(since.elapsed() < Duration::from_mins(1), "the capture does not begin");
            thread::sleep(Duration::from_millis(10));
        }
        child
    }
}

/// A shipped capture as the capture program would send it: its blocks are little-endian, too.
fn meeting() -> Vec<u8> {
    fs::read(MEETING).unwrap()
}

fn without_inputs(report: &str) -> Value {
    let mut report: Value = serde_json::from_str(report).unwrap();
    report["inputs"][0]["path"].take();
    report
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn the_evidence_is_what_the_device_gave_and_the_report_that_of_inspect() {
    let device = Device::new(&[("blocks", &meeting()), ("ends", b"")]);
    let file = device.path("a.pcapng");
    let captured = device.capture(&["-w", file.to_str().unwrap(), "--format", "json", "--vantage", "NL"]);
    assert_eq!(status(&captured), 0, "{}", err(&captured));
    assert_eq!(fs::read(&file).unwrap(), meeting());
    let inspected = borderpost(&["inspect", "--format", "json", "--vantage", "NL", MEETING]);
    assert_eq!(without_inputs(&out(&captured)), without_inputs(&out(&inspected)));
    assert!(
        err(&captured).contains("lost: 0 by the kernel, 0 by the interface, 0 by our own queue"),
        "{}",
        err(&captured)
    );
}

#[test]
fn what_is_asked_for_reaches_the_capture_program_as_it_was_typed() {
    let device = Device::new(&[("blocks", &meeting()), ("ends", b"")]);
    let more = ["-f", "not port 22; $(x)", "-s", "128", "--promiscuous", "-B", "7", "-w", "-"];
    let captured = device.capture(&more);
    assert_eq!((status(&captured), captured.stdout.as_slice()), (0, &meeting()[..]));
    let asked = fs::read_to_string(device.path("device/asked")).unwrap();
    let tail: Vec<&str> = asked.lines().skip(3).collect();
    assert_eq!(tail, ["-f", "not port 22; $(x)", "-s", "128", "--promiscuous", "-B", "7"]);
}

#[test]
fn a_capture_is_piped_into_inspect() {
    let device = Device::new(&[("blocks", &meeting()), ("ends", b"")]);
    let mut capture = device.command(&["-w", "-"]).spawn().unwrap();
    let inspect = command(&["inspect", "--format", "json", "-"])
        .stdin(capture.stdout.take().unwrap())
        .output()
        .unwrap();
    assert_eq!((status(&inspect), capture.wait().unwrap().code()), (0, Some(0)));
    let inspected = borderpost(&["inspect", "--format", "json", MEETING]);
    assert_eq!(without_inputs(&out(&inspect)), without_inputs(&out(&inspected)));
    let refused = device.capture(&["-w", "-", "-o", device.path("x.json").to_str().unwrap()]);
    assert_refused(&refused, &["borderpost inspect -"]);
    assert_refused(&device.capture(&["-w", "-", "--live"]), &["borderpost inspect -"]);
}

#[test]
fn every_signal_that_ends_a_program_ends_the_capture_with_its_report() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let device = Device::new(&[("blocks", &meeting())]);
        let child = device.begin("a.pcapng", meeting().len() as u64, &["--format", "json"]);
        let since = Instant::now();
        send(&child, signal);
        let captured = child.wait_with_output().unwrap();
        assert_eq!(status(&captured), 0, "{signal}: {}", err(&captured));
        assert!(since.elapsed() < Duration::from_secs(30), "{signal}");
        assert!(out(&captured).contains("\"headline\""), "{signal}");
        assert_eq!(fs::read(device.path("a.pcapng")).unwrap(), meeting(), "{signal}");
    }
}

#[test]
fn a_second_signal_ends_the_program_at_once_and_the_file_is_valid() {
    let device = Device::new(&[("blocks", &meeting()), ("stays", b"")]);
    let child = device.begin("a.pcapng", meeting().len() as u64, &[]);
    send(&child, "-INT");
    thread::sleep(Duration::from_millis(500));
    send(&child, "-INT");
    let ended = child.wait_with_output().unwrap();
    assert_eq!((status(&ended), out(&ended)), (130, String::new()));
    assert_eq!(status(&borderpost(&["inspect", device.path("a.pcapng").to_str().unwrap()])), 0);
}

#[test]
fn a_capture_that_is_killed_leaves_what_it_had_and_its_program_ends() {
    let device = Device::new(&[("blocks", &meeting())]);
    let mut child = device.begin("a.pcapng", meeting().len() as u64, &[]);
    child.kill().unwrap();
    // The other end of its streams is gone, so the pipes that it held are closed.
    child.wait_with_output().unwrap();
    assert_eq!(fs::read(device.path("a.pcapng")).unwrap(), meeting());
}

#[test]
fn limits_end_a_capture() {
    let device = Device::new(&[("blocks", &meeting())]);
    let file = device.path("count.pcapng");
    let captured = device.capture(&["-w", file.to_str().unwrap(), "-c", "100", "--format", "json"]);
    assert_eq!(status(&captured), 0, "{}", err(&captured));
    let report: Value = serde_json::from_str(&out(&captured)).unwrap();
    assert_eq!(report["inputs"][0]["frames"], 100);
    let since = Instant::now();
    let captured = device.capture(&["-a", "duration:0.5", "--format", "json"]);
    assert_eq!(status(&captured), 0, "{}", err(&captured));
    assert!(since.elapsed() >= Duration::from_millis(500));
}

#[test]
fn a_ring_is_inspected_as_one_capture() {
    let device = Device::new(&[("blocks", &meeting()), ("ends", b"")]);
    let folder = device.path("ring");
    fs::create_dir(&folder).unwrap();
    let captured = device.capture(&[
        "-w",
        folder.to_str().unwrap(),
        "-b",
        "packets:200",
        "--format",
        "json",
        "--vantage",
        "NL",
    ]);
    assert_eq!(status(&captured), 0, "{}", err(&captured));
    assert!(fs::read_dir(&folder).unwrap().count() >= 5);
    let report: Value = serde_json::from_str(&out(&captured)).unwrap();
    let inspected = borderpost(&["inspect", "--format", "json", "--vantage", "NL", MEETING]);
    let whole: Value = serde_json::from_str(&out(&inspected)).unwrap();
    for part in ["outside", "undetermined", "eea"] {
        assert_eq!(report["headline"][part], whole["headline"][part], "{part}");
    }
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let joined = [&["inspect", "--join", "--format", "json", "--vantage", "NL"][..], &files].concat();
    assert_eq!(out(&captured), out(&borderpost(&joined)), "what was read while it was written");
}

#[test]
fn a_ring_that_deleted_files_or_has_one_is_reported_as_what_is_left() {
    for (limits, left) in [(["packets:200", "files:2"], 2), (["packets:100000", "files:2"], 1)] {
        let device = Device::new(&[("blocks", &meeting()), ("ends", b"")]);
        let folder = device.path("ring");
        fs::create_dir(&folder).unwrap();
        let line = ["-w", folder.to_str().unwrap(), "-b", limits[0], "-b", limits[1], "--format", "json"];
        let captured = device.capture(&line);
        assert_eq!(status(&captured), 0, "{}", err(&captured));
        let mut files: Vec<PathBuf> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert_eq!(files.len(), left);
        let join: &[&str] = if left > 1 { &["--join"] } else { &[] };
        let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
        let inspected = borderpost(&[&["inspect", "--format", "json"], join, &files].concat());
        assert_eq!(out(&captured), out(&inspected));
    }
}

#[test]
fn reports_so_far_are_kept_and_changes_told_while_it_runs() {
    let device = Device::new(&[("blocks", &meeting())]);
    let (file, report) = (device.path("a.pcapng"), device.path("a.json"));
    let line = ["-o", report.to_str().unwrap(), "--checkpoint", "1", "--live", "--vantage", "NL"];
    let child = device.begin("a.pcapng", 1, &line);
    let since = Instant::now();
    let read = || serde_json::from_slice::<Value>(&fs::read(&report).unwrap_or_default()).ok();
    let frames = |report: &Value| report["totals"]["frames"].as_u64().unwrap();
    let so_far = loop {
        if let Some(report) = read().filter(|report| frames(report) > 1_000) {
            break report;
        }
        assert!(since.elapsed() < Duration::from_mins(1), "no report so far");
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(so_far["so_far"], true);
    send(&child, "-INT");
    let captured = child.wait_with_output().unwrap();
    assert_eq!(status(&captured), 0, "{}", err(&captured));
    let lines: Vec<Value> = out(&captured).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() > 10, "{}", lines.len());
    let inspected = borderpost(&["inspect", "--format", "json", "--vantage", "NL", file.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&report).unwrap(), out(&inspected));
}

#[test]
fn a_report_is_refused_where_the_frames_go() {
    let device = Device::new(&[("blocks", &meeting()), ("ends", b"")]);
    let file = device.path("a.json");
    let captured = device.capture(&["-w", file.to_str().unwrap(), "-o", file.to_str().unwrap()]);
    assert_refused(&captured, &["the frames go there"]);
    assert!(!file.exists());
}

#[test]
fn the_temporary_file_is_removed_after_the_report_or_kept() {
    let device = Device::new(&[("blocks", &meeting()), ("ends", b"")]);
    let temporary = device.path("tmp");
    fs::create_dir(&temporary).unwrap();
    let captured = device.command(&[]).env("TMPDIR", &temporary).output().unwrap();
    assert_eq!(status(&captured), 0, "{}", err(&captured));
    assert!(out(&captured).contains("Shown outside the EEA"));
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    let captured = device.command(&["--keep"]).env("TMPDIR", &temporary).output().unwrap();
    assert_eq!(status(&captured), 0);
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 1);
}

#[test]
fn lines_of_standard_input_mark_steps() {
    let blocks = meeting();
    let device = Device::new(&[
        ("blocks", &blocks[..frame_end(&blocks, 10)]),
        ("last", &blocks[frame_end(&blocks, 10)..]),
    ]);
    let file = device.path("a.pcapng");
    let mut capture = device.command(&["-w", file.to_str().unwrap(), "--mark-stdin", "--format", "json"]);
    let mut child = capture.stdin(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    while fs::metadata(&file).map_or(0, |file| file.len()) < frame_end(&blocks, 10) as u64 {
        assert!(since.elapsed() < Duration::from_mins(1));
        thread::sleep(Duration::from_millis(10));
    }
    child.stdin.as_mut().unwrap().write_all(b"sign in\n").unwrap();
    thread::sleep(Duration::from_millis(300));
    send(&child, "-TERM");
    let captured = child.wait_with_output().unwrap();
    assert_eq!(status(&captured), 0, "{}", err(&captured));
    let report: Value = serde_json::from_str(&out(&captured)).unwrap();
    assert!(report.to_string().contains("\"sign in\""), "no step in the report");
    let info = borderpost(&["info", file.to_str().unwrap()]);
    assert!(out(&info).contains("step: sign in"), "{}", out(&info));
}

/// Where the frame of this number ends in little-endian pcapng.
fn frame_end(bytes: &[u8], number: usize) -> usize {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let (mut at, mut frames) = (0, 0);
    while frames < number {
        frames += usize::from(word(at) == 6);
        at += word(at + 4) as usize;
    }
    at
}

#[test]
fn two_captures_do_not_share_a_file() {
    let device = Device::new(&[("blocks", &meeting())]);
    let first = device.begin("a.pcapng", meeting().len() as u64, &[]);
    let file = device.path("a.pcapng");
    let second = device.capture(&["-w", file.to_str().unwrap()]);
    assert_refused(&second, &["is there already", "-w"]);
    send(&first, "-INT");
    assert_eq!(status(&first.wait_with_output().unwrap()), 0);
    assert_eq!(fs::read(&file).unwrap(), meeting());
}

#[test]
fn what_the_capture_program_refuses_is_said_with_the_next_step() {
    let refusals: [(&str, &[&str]); 4] = [
        (
            r#"{"notice":"refused","refusal":"no_interface","interface":"eth9","known":["eth0","lo"]}"#,
            &["-i eth9", "eth0, lo"],
        ),
        (
            r#"{"notice":"refused","refusal":"filter","at":4,"what":"syntax error"}"#,
            &["-f: syntax error", "\n    tcp prot 80\n        ^"],
        ),
        (
            r#"{"notice":"refused","refusal":"no_rights","interface":"eth0","what":"not permitted"}"#,
            &["not permitted", "setcap cap_net_raw+ep ", "stand-in-capture", "inspect FILE"],
        ),
        (r#"{"notice":"refused","refusal":"confinement","what":"user"}"#, &["could not give up its rights"]),
    ];
    for (says, parts) in refusals {
        let device = Device::new(&[("says", says.as_bytes()), ("ends", b""), ("status", b"2")]);
        let file = device.path("a.pcapng");
        let refused = device.capture(&["-f", "tcp prot 80", "-w", file.to_str().unwrap()]);
        assert_refused(&refused, parts);
        assert!(!file.exists(), "{says}");
    }
}

#[test]
fn an_interface_that_goes_away_ends_with_a_report_and_status_2() {
    let says =
        format!("{BEGAN}{}\n", r#"{"notice":"ended","interface":"eth0","what":"The interface disappeared"}"#);
    let device =
        Device::new(&[("blocks", &meeting()), ("says", says.as_bytes()), ("ends", b""), ("status", b"1")]);
    let captured = device.capture(&["-w", device.path("a.pcapng").to_str().unwrap()]);
    assert_eq!(status(&captured), 2);
    assert!(out(&captured).contains("Shown outside the EEA"));
    assert!(err(&captured).contains("-i eth0: The interface disappeared"), "{}", err(&captured));
}

#[test]
fn a_capture_program_that_breaks_off_leaves_what_was_whole() {
    let cut = meeting().len() - 30;
    let device = Device::new(&[
        ("blocks", &meeting()[..cut]),
        ("says", b"thread panicked\x1b[2J\n"),
        ("ends", b""),
        ("status", b"101"),
    ]);
    let captured = device.capture(&["-w", device.path("a.pcapng").to_str().unwrap()]);
    assert_eq!(status(&captured), 2);
    assert!(out(&captured).contains("Shown outside the EEA"));
    let said = err(&captured);
    assert!(
        said.contains("inside a block") && said.contains("thread panicked") && !said.contains('\u{1b}'),
        "{said}"
    );
    assert!(!err(&borderpost(&["inspect", device.path("a.pcapng").to_str().unwrap()])).contains("damage"));
}

#[test]
fn what_would_spoil_the_report_is_said_before_the_capture() {
    let device = Device::new(&[("blocks", &meeting())]);
    let lines: [(&[&str], &str); 5] = [
        (&["-o", "report.xyz"], "report.xyz"),
        (&["--register", "no-such"], "no-such"),
        (&["-w", "x.pcapng", "-b", "files:3"], "-b files"),
        (&["-a", "files:3"], "-b"),
        (&["-o", "x.xml"], "--fail-on"),
    ];
    for (line, said) in lines {
        assert_refused(&device.capture(line), &[said]);
        assert!(!device.path("device/asked").exists(), "{line:?}");
    }
}

#[test]
fn conditions_decide_the_status_of_a_capture_too() {
    let device = Device::new(&[("blocks", &meeting()), ("ends", b"")]);
    let captured = device.capture(&["--fail-on", "outside", "--vantage", "NL"]);
    assert_eq!(status(&captured), 1, "{}", err(&captured));
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_captured_is_analysed_by_threads_that_are_locked_in() {
    let device = Device::new(&[("blocks", &meeting())]);
    let report = device.path("a.json");
    let running = device.begin("a.pcapng", 1, &["-v", "-o", report.to_str().unwrap(), "--checkpoint", "1"]);
    let since = Instant::now();
    while !report.is_file() {
        assert!(since.elapsed() < Duration::from_mins(1), "no report so far");
        thread::sleep(Duration::from_millis(20));
    }
    // Whether system calls are filtered, of each thread.
    let filters: Vec<bool> = fs::read_dir(format!("/proc/{}/task", running.id()))
        .unwrap()
        .map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap())
        .map(|status| status.lines().any(|line| line == "Seccomp:\t2"))
        .collect();
    send(&running, "-INT");
    let output = running.wait_with_output().unwrap();
    assert_eq!(status(&output), 0, "{}", err(&output));
    if err(&output).contains("not locked in: seccomp") {
        eprintln!("NOT TESTED: this kernel has no seccomp");
        return;
    }
    assert!(err(&output).contains("locked in: seccomp"), "{}", err(&output));
    // The analysis, its reader and its judge, and beside them those that copy frames and start programs.
    assert!(filters.iter().filter(|is_filtered| **is_filtered).count() >= 3, "{filters:?}");
    assert!(filters.contains(&false), "{filters:?}");
    let device = Device::new(&[("blocks", &meeting()), ("ends", b"")]);
    let output = device.capture(&["--no-cage", "-v", "-w", device.path("a.pcapng").to_str().unwrap()]);
    assert!(err(&output).contains("not locked in: --no-cage"), "{}", err(&output));
}

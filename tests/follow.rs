//! A capture that another program is still writing, followed by the program: its report is that of the finished capture.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

const MEETING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/eu-meeting-us-telemetry.pcapng");

fn inspecting(path: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_borderpost"))
        .args(["inspect", "--format", "json"])
        .args(more)
        .arg(path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn report(child: Child) -> (Option<i32>, Value) {
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_slice(&output.stdout).map_err(|_| error).unwrap())
}

#[test]
fn a_capture_written_in_pieces_gives_the_report_of_the_finished_one() {
    let bytes = fs::read(MEETING).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcapng");
    let mut file = File::create(&path).unwrap();
    let (head, rest) = bytes.split_at(1_003);
    file.write_all(head).unwrap();
    let child = inspecting(&path, &["--follow", "--follow-idle", "1"]);
    // Every piece ends inside a block.
    for piece in rest.chunks(rest.len() / 12 + 1) {
        thread::sleep(Duration::from_millis(60));
        file.write_all(piece).unwrap();
    }
    let (status, followed) = report(child);
    assert_eq!(status, Some(0));
    let (_, finished) = report(inspecting(&path, &[]));
    assert_eq!(followed, finished);
    assert!(followed["inputs"][0]["sha256"].is_string());
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_following_with_a_report_and_its_own_status() {
    let bytes = fs::read(MEETING).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcapng");
    fs::write(&path, &bytes).unwrap();
    let child = inspecting(&path, &["--follow"]);
    thread::sleep(Duration::from_millis(1_500));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let (status, report) = report(child);
    assert_eq!(status, Some(130));
    assert_eq!(
        (&report["inputs"][0]["damage"], &report["inputs"][0]["size"]),
        (&Value::Null, &bytes.len().into())
    );
}

#[test]
fn following_takes_one_capture() {
    for paths in [&[MEETING, MEETING][..], &[env!("CARGO_MANIFEST_DIR")]] {
        let output = Command::new(env!("CARGO_BIN_EXE_borderpost"))
            .args(["inspect", "--follow"])
            .args(paths)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("--follow takes one capture"));
    }
}

/// At whatever moment somebody looks, or the program is killed, the file holds a whole report of the moment before.
#[cfg(unix)]
#[test]
fn a_checkpoint_is_whole_whenever_the_program_is_killed() {
    let bytes = fs::read(MEETING).unwrap();
    for after in [0, 400, 1_300, 2_600] {
        let folder = tempfile::tempdir().unwrap();
        let (path, made) = (folder.path().join("growing.pcapng"), folder.path().join("report.json"));
        let mut file = File::create(&path).unwrap();
        let (head, rest) = bytes.split_at(50_000);
        file.write_all(head).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_borderpost"))
            .args(["inspect", "--follow", "--checkpoint", "1", "-o"])
            .args([&made, &path])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut begun = None;
        let mut frames = 0;
        for piece in rest.chunks(2_000).cycle() {
            if made.exists() && begun.get_or_insert_with(Instant::now).elapsed().as_millis() > after {
                break;
            }
            thread::sleep(Duration::from_millis(10));
            file.write_all(piece).unwrap();
            if let Ok(text) = fs::read_to_string(&made) {
                let report: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(report["so_far"], true);
                let now = report["totals"]["frames"].as_u64().unwrap();
                assert!(now >= frames);
                frames = now;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let report: Value = serde_json::from_str(&fs::read_to_string(&made).unwrap()).unwrap();
        assert!(report["totals"]["frames"].as_u64().unwrap() >= frames.max(1));
        assert!(report["headline"]["lines"].to_string().contains("So far: the capture was still being read"));
    }
}

#[test]
fn the_report_at_the_end_takes_the_place_of_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcapng");
    let made = folder.path().join("report.json");
    fs::copy(MEETING, &path).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_borderpost"))
        .args(["inspect", "--follow", "--follow-idle", "2", "--checkpoint", "1", "-o"])
        .args([&made, &path])
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    let (_, finished) = report(inspecting(&path, &[]));
    assert_eq!(serde_json::from_str::<Value>(&fs::read_to_string(&made).unwrap()).unwrap(), finished);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// Without a terminal: lines of what changes, and behind them the report, line by line, too.
#[test]
fn without_a_terminal_what_changes_is_told_in_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcapng");
    fs::copy(MEETING, &path).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_borderpost"))
        .args(["inspect", "--follow", "--follow-idle", "2", "--live"])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    let report = types.iter().position(|kind| *kind == "report").unwrap();
    let (changes, report) = types.split_at(report);
    assert_eq!(changes.first(), Some(&"changes"));
    let of = |kinds: &[&str], kind: &str| kinds.iter().filter(|known| **known == kind).count();
    assert_eq!(of(changes, "new_destination"), of(report, "destination"));
    assert!(of(changes, "phase") >= 1 && of(report, "quality") == 1);
}

/// A pipe whose writer falls silent: what came before the silence is told during it.
#[test]
fn what_came_through_a_pipe_is_told_while_the_pipe_is_silent() {
    use std::io::{BufRead as _, BufReader};

    let mut child = Command::new(env!("CARGO_BIN_EXE_borderpost"))
        .args(["inspect", "--follow", "--live", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&fs::read(MEETING).unwrap()).unwrap();
    pipe.flush().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = lines.by_ref().map(Result::unwrap).find(|line| line.contains("\"type\":\"phase\""));
    assert!(told.is_some());
    drop(pipe);
    assert!(lines.map(Result::unwrap).any(|line| line.starts_with("{\"type\":\"report\"")));
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_is_for_captures_that_grow_asks_for_one() {
    for (options, said) in [
        (&["--live"][..], "add --follow"),
        (&["--checkpoint", "5"], "add --follow"),
        (&["--follow", "--checkpoint", "5"], "name one, such as -o"),
        (&["--follow", "--live", "--format", "csv"], "there is no terminal"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_borderpost"))
            .arg("inspect")
            .args(options)
            .arg(MEETING)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(said), "{error}");
    }
}

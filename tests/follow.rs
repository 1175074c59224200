//! A capture that another program is still writing, followed by the program: its report is that of the finished capture.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

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

//! The cage from outside: what the whole program asks the kernel for, and that it finds what it finds without one.

#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use self::common::{assert_refused, borderpost, err, out, status};

const CAPTURE: &str = "captures/eu-meeting-us-telemetry.pcapng";

/// Whether the kernel has all that the cage is made of; says aloud where it has not.
fn has_cage() -> bool {
    let said = err(&borderpost(&["inspect", "-v", CAPTURE]));
    let holds = !said.contains("not locked in") && said.contains("locked in: Landlock");
    if !holds {
        let absent = format!("\n*** NOT CHECKED: {said} ***\n\n");
        std::io::stderr().write_all(absent.as_bytes()).unwrap();
    }
    holds
}

/// The system calls that a run made, by name, in the order in which they came; nothing where they cannot be traced.
fn traced(arguments: &[&str]) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let run = Command::new("strace")
        .args(["-f", "-qq", "-o", trace.to_str()?, env!("CARGO_BIN_EXE_borderpost")])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output();
    let absent = |what: &str| {
        let text = format!("\n*** NOT CHECKED: system calls cannot be traced here: {what} ***\n\n");
        std::io::stderr().write_all(text.as_bytes()).unwrap();
        None
    };
    match run {
        Err(error) => absent(&error.to_string()),
        Ok(run) if !run.status.success() => absent(&err(&run)),
        Ok(_) => {
            let text = fs::read_to_string(&trace).unwrap();
            let name = |line: &str| Some(line.split_once(' ')?.1.trim_start().split_once('(')?.0.to_owned());
            Some(text.lines().filter_map(name).collect())
        }
    }
}

#[test]
fn l7_no_run_opens_a_socket_or_starts_a_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (html, zip, shared) = (path("report.html"), path("annex.zip"), path("shared.pcapng"));
    let runs: [&[&str]; 7] = [
        &["inspect", "-j", "4", "captures"],
        &["inspect", CAPTURE, "-o", &html, "-o", &zip],
        &["verify", &zip],
        &["info", CAPTURE],
        &["explain", "log.zoom.us", "--in", CAPTURE],
        &["redact", CAPTURE, &shared],
        &["diff", CAPTURE, CAPTURE],
    ];
    for run in runs {
        let Some(calls) = traced(run) else { return };
        let never = [
            "socket", "connect", "bind", "sendto", "recvfrom", "sendmsg", "fork", "vfork", "ptrace",
            "execveat",
        ];
        let made: Vec<&String> = calls.iter().filter(|call| never.contains(&call.as_str())).collect();
        assert!(made.is_empty(), "{run:?}: {made:?}");
        // The one that starts the program itself.
        assert_eq!(calls.iter().filter(|call| *call == "execve").count(), 1, "{run:?}");
    }
}

#[test]
fn l8_captures_are_opened_only_when_the_cage_is_shut() {
    if !has_cage() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace").display().to_string();
    let run = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=openat,seccomp,landlock_restrict_self,clone,clone3", "-o", &trace])
        .args([env!("CARGO_BIN_EXE_borderpost"), "inspect", "-j", "4", "captures"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let Ok(run) = run else { return };
    assert!(run.status.success(), "{}", err(&run));
    let text = fs::read_to_string(&trace).unwrap();
    let place = |what: &str| text.lines().position(|line| line.contains(what));
    let (restricted, filtered) =
        (place("landlock_restrict_self(").unwrap(), place("seccomp(SECCOMP_SET").unwrap());
    assert!(restricted < filtered);
    let (opened, threads) = (place(".pcapng\", O_RDONLY").unwrap(), place("clone(").unwrap());
    assert!(filtered < opened && filtered < threads, "{text}");
}

#[test]
fn l8_the_list_is_25_calls_for_reading() {
    if has_cage() {
        let said = err(&borderpost(&["inspect", "-v", CAPTURE]));
        assert!(said.contains("25 system calls are left") && said.contains("no capability"), "{said}");
        assert!(said.contains("1 paths may be read, and 0 folders written"), "{said}");
    }
}

#[test]
fn the_same_is_found_with_a_cage_and_without() {
    for format in ["json", "table"] {
        let run = |options: &[&str]| {
            let output = borderpost(&[&["inspect", "--format", format, "captures"], options].concat());
            (status(&output), out(&output), err(&output))
        };
        assert_eq!(run(&[]), run(&["--no-cage"]));
    }
    let said = err(&borderpost(&["inspect", "-v", "--no-cage", CAPTURE]));
    assert_eq!(said, "borderpost: not locked in: --no-cage\n");
}

#[test]
fn what_links_and_manifests_lead_to_is_read_and_a_pipe_too() {
    let folder = tempfile::tempdir().unwrap();
    let far = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)).unwrap();
    std::os::unix::fs::symlink(&far, folder.path().join("link.pcapng")).unwrap();
    let linked = borderpost(&["inspect", folder.path().to_str().unwrap()]);
    assert_eq!((status(&linked), err(&linked)), (0, String::new()));
    let study = folder.path().join("study.toml");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/study.toml")).unwrap();
    fs::write(&study, &text).unwrap();
    let named = borderpost(&["inspect", "--manifest", "captures/study.toml"]);
    assert_eq!(status(&named), 0, "{}", err(&named));
    let shell = format!("{} inspect <(cat {CAPTURE})", env!("CARGO_BIN_EXE_borderpost"));
    let piped =
        Command::new("bash").args(["-c", &shell]).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert_eq!((status(&piped), err(&piped)), (0, String::new()));
    assert_refused(
        &borderpost(&["inspect", "-v", "/nowhere.pcap"]),
        &["/nowhere.pcap", "no such file or folder"],
    );
    let devices = borderpost(&["inspect", CAPTURE, "-o", "/dev/full", "--format", "table"]);
    assert!(status(&devices) == 2 || !Path::new("/dev/full").exists());
}

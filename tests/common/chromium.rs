//! Chromium without a window, driven over a pipe by its own protocol.
//!
//! Input: where its profile may be, and what is not checked without it. Output: how it is started. Must not: know a test.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The browser, about to start with its orders on the standard input and its answers on the standard output, each with a zero behind it.
/// `None` where there is none, which is said with what is not checked.
pub(crate) fn command(profile: &Path, left_out: &str) -> Option<Command> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let answers = |name: &&str| {
        let version = Command::new(name).arg("--version").stderr(Stdio::null()).output();
        version.is_ok_and(|output| output.status.success())
    };
    let Some(name) = names.into_iter().find(answers) else {
        let absent = format!("\n*** NOT CHECKED: no Chromium is installed, so {left_out} ***\n\n");
        std::io::stderr().write_all(absent.as_bytes()).unwrap();
        return None;
    };
    // The browser reads its orders from descriptor 3 and answers on 4.
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>&2", name])
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"])
        .arg("--remote-debugging-pipe")
        .arg(format!("--user-data-dir={}", profile.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    Some(command)
}

//! The program run from outside, and what it said.
//!
//! Input: its arguments. Output: its two streams and its status. Must not: judge them, but for a refusal.

use std::process::{Command, Output, Stdio};

/// The program with its arguments, in the project's folder, as it runs where no colour is asked for or forbidden.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_borderpost"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("NO_COLOR");
    command
}

pub(crate) fn borderpost(arguments: &[&str]) -> Output {
    command(arguments).stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Ends with status 2, prints no report, says each of `parts`, and does not panic.
pub(crate) fn assert_refused(output: &Output, parts: &[&str]) {
    assert_eq!((status(output), out(output)), (2, String::new()), "{}", err(output));
    for part in parts {
        assert!(err(output).contains(part), "no {part:?} in {:?}", err(output));
    }
    assert!(!err(output).contains("panicked"), "{}", err(output));
}

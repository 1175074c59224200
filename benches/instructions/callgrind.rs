//! Callgrind, valgrind's counter of instructions: how it is run, and what its profiles say.
//!
//! Input: a command; the text of a profile (valgrind manual, "Callgrind Format Specification", version 1). Output: counts of
//! instructions. A profile without what is asked for is an error, never a zero. Must not: judge.

use std::fmt::Display;
use std::path::Path;
use std::process::{Command, Stdio};

/// The program that runs others.
pub(crate) const PROGRAM: &str = "valgrind";

/// Whether it is there.
pub(crate) fn is_installed() -> bool {
    let version = Command::new(PROGRAM).arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Gives a command of [`PROGRAM`] the options that make a profile in a file; what is to be run comes behind them.
pub(crate) fn watch(command: &mut Command, profile: &Path) {
    command
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", profile.display()))
        // Names and positions written out, for a reader without memory.
        .args(["--compress-strings=no", "--compress-pos=no"])
        .stdin(Stdio::null());
}

/// The instructions of the whole process, on all its threads.
pub(crate) fn whole(profile: &str) -> Result<u64, String> {
    let line = profile.lines().find_map(|line| line.strip_prefix("summary:"));
    number(line.ok_or("the profile has no summary")?)
}

/// The instructions of a function and all that it called.
pub(crate) fn inclusive(profile: &str, function: &str) -> Result<u64, String> {
    let mut lines = profile.lines();
    let mut calls = 0;
    let mut sum = 0_u64;
    // `cfn=` names the function called, `calls=` how often, and the line after that what it took.
    while let Some(line) = lines.next() {
        if line.strip_prefix("cfn=") != Some(function) {
            continue;
        }
        let cost = lines.next().filter(|line| line.starts_with("calls=")).and_then(|_| lines.next());
        let cost = cost.and_then(|line| line.split_ascii_whitespace().nth(1));
        sum += number(cost.ok_or_else(|| format!("the profile ends in a call of {function}"))?)?;
        calls += 1;
    }
    if calls == 0 {
        return Err(format!("no call of {function} in the profile: it was renamed or inlined"));
    }
    Ok(sum)
}

fn number(text: &str) -> Result<u64, String> {
    let wrong = |error: &dyn Display| format!("{text:?} in the profile: {error}");
    text.trim().parse().map_err(|error| wrong(&error))
}

#[cfg(test)]
#[allow(
    dead_code,
    unused_imports,
    reason = "run in tests/instructions.rs; a benchmark is built with `test` and without the harness"
)]
mod tests {
    use super::*;

    const PROFILE: &str = "version: 1\nevents: Ir\nsummary: 1000\n\nob=p\nfl=a.rs\nfn=main\n1 100\ncfi=b.rs\n\
        cfn=judge\ncalls=2 7\n3 400\ncfn=judge::one\ncalls=1 7\n3 30\nfn=other\ncfn=judge\ncalls=1 7\n9 50\n\ntotals: 1000\n";

    #[test]
    fn a_function_costs_what_all_its_callers_paid() {
        assert_eq!(whole(PROFILE), Ok(1000));
        assert_eq!(inclusive(PROFILE, "judge"), Ok(450));
        assert_eq!(inclusive(PROFILE, "judge::one"), Ok(30));
    }

    #[test]
    fn what_a_profile_does_not_say_is_an_error() {
        assert!(whole("version: 1\n").is_err());
        assert!(whole("summary: many\n").is_err());
        assert!(inclusive(PROFILE, "main").is_err_and(|error| error.contains("main")));
        assert!(inclusive("cfn=judge\ncalls=1 7\n", "judge").is_err());
    }
}

//! The command line: what the user typed, as settings; where results go; the exit status.
//!
//! Input: arguments and files. Output: reports on standard output or in files, everything else on standard error.
//! Must not: be needed by the library.

mod args;
mod baseline;
mod bundle;
mod cage;
mod capture;
mod capturing;
mod claims;
mod color;
mod diff;
mod diff_format;
mod doctor;
mod explain;
mod file;
mod format;
mod geoip;
mod import;
mod info;
mod job;
mod keys;
mod live;
mod locate;
mod man;
mod marks;
mod message;
mod output;
mod progress;
mod recorded;
mod redact;
mod redaction;
mod register;
mod run;
mod runs;
mod screen;
mod settings;
mod status;
mod study;
mod telemetry;
mod verify;
mod world;

use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

use clap::{CommandFactory as _, FromArgMatches as _};

use self::args::{Arguments, Command};
use self::cage::{Door, Switches};
pub use self::status::Status;

/// Runs the program with these arguments, the program's name first.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    tell_panics_clean();
    let matches = match Arguments::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return refuse(&error),
    };
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    if let Err(message) = cage::lock_in(&arguments, &matches) {
        return message::fail(&message).into();
    }
    let switches = Switches::of(&arguments);
    let outcome = catch_unwind(AssertUnwindSafe(|| match arguments.command {
        Command::Inspect(mut inspect) => {
            let options = telemetry::set_apart(&mut inspect, recorded::options(&matches));
            run::inspect(&inspect, options)
        }
        Command::Capture(arguments) => {
            let door = Door::of_capture(&arguments, switches, &matches);
            capture::start(*arguments, recorded::options(&matches), door)
        }
        Command::Interfaces(arguments) => capture::interfaces(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Baseline { action } => baseline::run(&action),
        Command::Explain(explain) => explain::run(&explain),
        Command::Info(arguments) => info::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Redact(arguments) => redact::run(&arguments),
        Command::Register { action } => register::run(&action),
        Command::Claims { action } => claims::run(&action),
        Command::Geoip { action } => geoip::run(&action),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Completions(arguments) => man::completions(&arguments, Arguments::command()),
        Command::Man(arguments) => man::man(&arguments, Arguments::command()),
    }));
    // The panic's own message is on standard error already.
    outcome.unwrap_or(Status::Failed).into()
}

/// What a panic says may hold text of a capture, and comes once for each frame that has the fault.
fn tell_panics_clean() {
    static TOLD: AtomicU32 = AtomicU32::new(0);
    panic::set_hook(Box::new(|info| {
        if TOLD.fetch_add(1, Ordering::Relaxed) < MOST_PANICS {
            message::say(&info.to_string());
        }
    }));
}

/// How many panics are told in words; all are counted.
const MOST_PANICS: u32 = 3;

/// Help and version are answers; everything else is a mistake of the caller's.
fn refuse(error: &clap::Error) -> ExitCode {
    let shown = error.print().is_ok();
    if shown && !error.use_stderr() { Status::Clean.into() } else { Status::Failed.into() }
}

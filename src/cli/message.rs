//! Messages for people, on standard error. Reports never go there.

use std::io::{Write as _, stderr};

use crate::cli::status::Status;
use crate::report::text;

/// Says something. If standard error is closed there is nobody to tell.
pub(super) fn say(message: &str) {
    let lines: Vec<String> = message.lines().map(text::clean).collect();
    drop(writeln!(stderr(), "borderpost: {}", lines.join("\n")));
}

/// Prints annotations, which are clean and begin their lines.
pub(super) fn annotate(commands: &str) {
    drop(stderr().write_all(commands.as_bytes()));
}

/// Says why the job cannot be done.
pub(super) fn fail(message: &str) -> Status {
    say(message);
    Status::Failed
}

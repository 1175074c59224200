//! `borderpost redact`: a capture that may be shared, and a log of what was done to it.

use std::fs::{self, File};
use std::io::{BufWriter, Read as _};
use std::path::{Path, PathBuf};

use crate::cli::args::Redact;
use crate::cli::message::{fail, say};
use crate::cli::output::Outlet;
use crate::cli::progress::Bar;
use crate::cli::settings;
use crate::cli::status::{self, Status};
use crate::cli::world::World;
use crate::inspect::{self, Inspection, Settings};
use crate::redact::{self, Key, Log, RedactError};
use crate::source::STDIN;

/// Inspects the capture, copies it redacted, and writes the log.
pub(super) fn run(arguments: &Redact) -> Status {
    match redact(arguments) {
        Ok(log) => {
            say_done(arguments, &log);
            if log.input.damage.is_some() { Status::Found } else { Status::Clean }
        }
        Err(message) => fail(&message),
    }
}

fn redact(arguments: &Redact) -> Result<Log, String> {
    let Redact { input, output, key, .. } = arguments;
    let outlet = arguments.over.outlet();
    check(arguments, &outlet)?;
    let (key, key_from) = match key {
        Some(path) => (read_key(path)?, "file"),
        None => (Key::random().ok_or("the system has no random bytes; name a key with --key")?, "random"),
    };
    let settings = Settings {
        exclusive: arguments.exclusive,
        local: arguments.local.clone(),
        max_unpacked: arguments.max_unpacked,
        // The copy has no keys, and is to have the same findings.
        ignores_carried_keys: true,
        ..settings::of(&arguments.evidence, &World::Disk)?
    };
    let inspection = inspect::inspect(std::slice::from_ref(input), settings, &Bar::new());
    if let Some(failure) = inspection.failures().first() {
        return Err(failure.to_string());
    }
    if let Some(what) = status::failed(&inspection) {
        return Err(what);
    }
    let log = write((&outlet, output), &inspection, &key, key_from).map_err(|error| match &error {
        RedactError::Write(_) => format!("{}: {error}", output.display()),
        RedactError::Changed => format!("{}: {error}", input.display()),
        RedactError::Source(_) | RedactError::Nothing => error.to_string(),
    })?;
    let beside = log_path(output);
    outlet.to_file(&beside, log.json()).map_err(|error| {
        format!("{}: {error}; the capture was written, its log was not", beside.display())
    })?;
    Ok(log)
}

fn write(
    (outlet, path): (&Outlet, &Path),
    inspection: &Inspection,
    key: &Key,
    key_from: &'static str,
) -> Result<Log, RedactError> {
    outlet.to_file_by(path, |file| {
        let (_, log) = redact::redact(inspection, key, key_from, BufWriter::new(file))?;
        Ok(log)
    })
}

/// What cannot be done is refused before anything is read.
fn check(arguments: &Redact, outlet: &Outlet) -> Result<(), String> {
    let Redact { input, output, key, .. } = arguments;
    if input == Path::new(STDIN) {
        return Err(
            "a capture is read three times to be redacted; save standard input to a file first".to_owned()
        );
    }
    if input.is_dir() {
        return Err(format!("{}: is a folder; captures are redacted one by one", input.display()));
    }
    if output == Path::new(STDIN) {
        return Err("the output is a file beside which the log is written; name one".to_owned());
    }
    for file in [output, &log_path(output)] {
        outlet.check(file, [input].into_iter().chain(key)).map_err(|error| error.replace(" for -o", ""))?;
    }
    Ok(())
}

/// Where the log of a redacted capture lies.
pub(super) fn log_path(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".log.json");
    name.into()
}

/// As much of a key as is of use; what is longer would be cut by nobody's choice, and is refused.
fn read_key(path: &Path) -> Result<Key, String> {
    let shown = path.display();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_KEY + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("{shown}: {error}; --key takes a file of secret bytes"))?;
    if bytes.len() as u64 > MAX_KEY {
        return Err(format!("{shown}: more than {MAX_KEY} bytes; make a key with: head -c 32 /dev/urandom"));
    }
    let least = Key::MIN_BYTES;
    Key::new(&bytes)
        .ok_or_else(|| format!("{shown}: fewer than {least} bytes; make a key with: head -c 32 /dev/urandom"))
}

fn say_done(arguments: &Redact, log: &Log) {
    let Redact { output, input, .. } = arguments;
    if let Some(damage) = &log.input.damage {
        say(&format!("{}: damaged ({damage}); what could be read was redacted", input.display()));
    }
    let kept = log.done.payload_bytes_kept;
    say(&format!(
        "{}: {} frames, {kept} of {} bytes of payload left; what was done is in {}",
        output.display(),
        log.output.frames,
        log.done.payload_bytes,
        log_path(output).display()
    ));
    for difference in &log.may_differ {
        say(&format!("findings may differ: {difference}"));
    }
    if fs::metadata(output).is_ok_and(|known| known.is_file()) {
        say("look the output over before you share it: times, lengths and servers are what they were");
    }
}

/// The longest file that is taken for a key.
const MAX_KEY: u64 = 4_096;

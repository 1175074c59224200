//! The logs of redacted captures in a bundle: taken from beside the captures, and held against them again.
//!
//! Input: paths, or a bundle. Output: the log of each capture that has one; or what a log says of its capture. Must not: take a
//! log for that of a capture by its name: the hash that stands in it decides.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::bundle::{Archive, Cause, Checked, FileOfRun, Redaction, Run, Verification};
use crate::cli::locate::Search;
use crate::cli::redact::log_path;
use crate::redact::Link;
use crate::report::schema::Input;
use crate::source::STDIN;

/// A log that was read.
#[derive(Clone, Debug)]
pub(super) struct RedactionLog {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    link: Link,
}

/// The logs that the user named.
pub(super) fn named(paths: &[PathBuf]) -> Result<Vec<RedactionLog>, String> {
    let next = "name with --redaction-log what `borderpost redact` wrote beside its output";
    paths.iter().map(|path| read(path).map_err(|error| format!("{error}; {next}"))).collect()
}

/// The log of each capture, in their order, and what is to be said of those beside captures that are not theirs.
pub(super) fn of_inputs(
    named: &[RedactionLog],
    paths: &[PathBuf],
    inputs: &[Input],
) -> Result<(Vec<Option<RedactionLog>>, Vec<String>), String> {
    let is_of = |log: &RedactionLog, input: &Input| links(&log.link, input.size, input.sha256.as_deref());
    if let Some(strange) = named.iter().find(|log| !inputs.iter().any(|input| is_of(log, input))) {
        return Err(format!(
            "{}: the log of a capture with SHA-256 {}, which no input has; name the capture that was written with it",
            strange.path.display(),
            strange.link.output.sha256
        ));
    }
    let mut messages = Vec::new();
    let logs = paths.iter().zip(inputs).map(|(path, input)| {
        if let Some(log) = named.iter().find(|log| is_of(log, input)) {
            return Some(log.clone());
        }
        let beside = log_path(path);
        if path == Path::new(STDIN) || !beside.is_file() {
            return None;
        }
        let what = match read(&beside) {
            Ok(log) if is_of(&log, input) => return Some(log),
            Ok(_) => {
                format!("{}: the log of a capture with other bytes than its neighbour's", beside.display())
            }
            Err(error) => error,
        };
        messages.push(format!("{what}; it is not put into the bundle"));
        None
    });
    Ok((logs.collect(), messages))
}

/// Holds the logs of a bundle against its captures.
pub(super) fn check(
    run: &Run,
    archive: &Archive,
    checked: &Checked,
    search: &mut Search,
    verification: &mut Verification,
) {
    for input in &run.inputs {
        let Some(log) = &input.redaction_log else { continue };
        let link = linked(input, log, archive, checked);
        let link = match link {
            Ok(link) => Ok(link),
            Err(what) => {
                verification.causes.push(Cause::redaction_log(format!("{log}: {what}")));
                Err(what)
            }
        };
        let original =
            link.as_ref().ok().and_then(|link| search.original(&link.input.sha256, link.input.bytes));
        verification.redactions.push(Redaction {
            path: input.path.clone(),
            log: log.clone(),
            version: link.as_ref().ok().map(|link| link.version.clone()),
            original_sha256: link.as_ref().ok().map(|link| link.input.sha256.clone()),
            original: original.map(|path| path.display().to_string()),
            what: link.err(),
        });
    }
}

fn linked(input: &FileOfRun, log: &str, archive: &Archive, checked: &Checked) -> Result<Link, String> {
    if !checked.is_intact(log) {
        return Err("it is not in the bundle as it was written".to_owned());
    }
    let link = archive.text(log).map_err(|error| error.what).and_then(|text| Link::parse(&text))?;
    if links(&link, input.size, Some(&input.sha256)) {
        Ok(link)
    } else {
        Err(format!("it is the log of a capture with SHA-256 {}, not of {}", link.output.sha256, input.path))
    }
}

/// Whether a log is that of a capture.
fn links(link: &Link, size: u64, sha256: Option<&str>) -> bool {
    link.output.bytes == size && sha256 == Some(&link.output.sha256)
}

fn read(path: &Path) -> Result<RedactionLog, String> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let read = fs::metadata(path).and_then(|known| {
        // A pipe could wait for ever.
        let file = if known.is_file() { File::open(path) } else { Err(io::Error::other("not a file")) };
        file?.take(Link::MAX_BYTES + 1).read_to_end(&mut bytes)
    });
    read.map_err(|error| format!("{shown}: {error}"))?;
    if bytes.len() as u64 > Link::MAX_BYTES {
        return Err(format!(
            "{shown}: more than {} MiB, which no log of a redaction has",
            Link::MAX_BYTES >> 20
        ));
    }
    let link = Link::parse(&bytes).map_err(|what| format!("{shown}: {what}"))?;
    Ok(RedactionLog { path: path.to_owned(), bytes, link })
}

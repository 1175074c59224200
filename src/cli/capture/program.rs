//! The capture program: where it is, how it is started, told to end, and what it says.
//!
//! Input: what to capture on. Output: a running process, its pcapng and its notices; messages for people. Must not: start anything
//! else, through a shell or otherwise.

use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

use super::rights;
use crate::capture::{Device, Notice, Refusal};

/// What the capture program is to do.
pub(super) struct Order<'a> {
    pub(super) program: Option<&'a Path>,
    pub(super) interfaces: &'a [String],
    pub(super) filter: Option<&'a str>,
    pub(super) snap_len: Option<u32>,
    /// In MiB.
    pub(super) buffer: u32,
    pub(super) is_promiscuous: bool,
}

/// The capture program at work.
pub(super) struct Program {
    pub(super) path: PathBuf,
    /// What it was asked to filter by, to show where that goes wrong.
    pub(super) filter: Option<String>,
    pub(super) child: Child,
    /// It ends where this is closed.
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Program {
    pub(super) fn start(order: &Order<'_>) -> Result<Self, String> {
        let path = find(order.program)?;
        let mut command = command(&path);
        for interface in order.interfaces {
            command.arg("-i").arg(interface);
        }
        if let Some(filter) = order.filter {
            command.arg("-f").arg(filter);
        }
        if let Some(snap_len) = order.snap_len {
            command.arg("-s").arg(snap_len.to_string());
        }
        if order.is_promiscuous {
            command.arg("--promiscuous");
        }
        command.arg("-B").arg(order.buffer.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| cannot_start(&path, &error))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
            return Err(format!("{}: has no streams", path.display()));
        };
        Ok(Self { path, filter: order.filter.map(ToOwned::to_owned), child, stdin, stdout, stderr })
    }
}

/// The devices that there are, as the capture program knows them.
pub(super) fn devices(program: Option<&Path>) -> Result<Vec<Device>, String> {
    let path = find(program)?;
    let output = command(&path)
        .arg("--devices")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| cannot_start(&path, &error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let refusal = said.lines().find_map(|line| match Notice::of_line(line) {
            Some(Notice::Refused(refusal)) => Some(refused(&refusal, None, &path)),
            _ => None,
        });
        return Err(refusal.unwrap_or_else(|| format!("{}: {}", path.display(), said.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(Device::of_line).collect())
}

/// The capture program is the one beside this program, or the one that the user names: a search in other places could find what
/// somebody else put there.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let own = std::env::current_exe().and_then(std::fs::canonicalize);
    let own = own.map_err(|error| {
        format!("this program cannot find itself: {error}; name the other with --program")
    })?;
    let path = own.with_file_name(format!("borderpost-capture{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() {
        return Ok(path);
    }
    Err(format!(
        "{}: is not there. Capturing takes a second program, which needs libpcap to build: install libpcap-dev, then\n    cargo \
         build --release --features live\nor name it with --program. Saved captures are read without it: borderpost inspect FILE",
        path.display()
    ))
}

/// The environment stays behind, but for who called `sudo`, whose rights the capture program goes down to.
fn command(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.env_clear();
    for name in ["SUDO_UID", "SUDO_GID"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

fn cannot_start(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}; the capture program cannot be started", path.display())
}

/// The lines that it says, each of at most [`LINE`] bytes.
pub(super) fn lines(stderr: ChildStderr) -> impl Iterator<Item = String> {
    let mut reader = BufReader::new(stderr);
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        let read = reader.by_ref().take(LINE).read_until(b'\n', &mut line).ok()?;
        (read > 0).then(|| String::from_utf8_lossy(&line).trim_end().to_owned())
    })
}

/// A refusal in words for people, with the next step.
pub(super) fn refused(refusal: &Refusal, filter: Option<&str>, program: &Path) -> String {
    match refusal {
        Refusal::Arguments { what } => format!("the capture program does not take this: {what}"),
        Refusal::Confinement { what } => {
            format!("the capture program could not give up its rights, so nothing was captured: {what}")
        }
        Refusal::Device { interface, what } => format!("-i {interface}: {what}"),
        Refusal::Filter { at, what } => bad_filter(filter.unwrap_or_default(), *at, what),
        Refusal::NoInterface { interface, known } => format!(
            "-i {interface}: there is no such interface; there {}",
            if known.is_empty() { "is none".to_owned() } else { format!("are {}", known.join(", ")) }
        ),
        Refusal::NoRights { interface, what } => format!(
            "-i {interface}: {what}\n{}\nReading saved captures needs none of this: borderpost inspect FILE",
            rights::advice(program)
        ),
    }
}

/// The filter with a caret below the place where it goes wrong.
fn bad_filter(filter: &str, at: Option<usize>, what: &str) -> String {
    let Some(before) = at.and_then(|at| filter.get(..at)) else { return format!("-f: {what}") };
    // Control characters are shown as they are cleaned elsewhere; the caret is right for filters that have none.
    format!("-f: {what}\n    {filter}\n    {}^", " ".repeat(before.chars().count()))
}

/// The most bytes of a line that is listened to.
const LINE: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_next_step() {
        let program = Path::new("/opt/borderpost-capture");
        let said = |refusal: &Refusal| refused(refusal, Some("tcp prot 80"), program);
        let known = vec!["eth0".to_owned(), "lo".to_owned()];
        let none = Refusal::NoInterface { interface: "eth9".to_owned(), known };
        assert_eq!(said(&none), "-i eth9: there is no such interface; there are eth0, lo");
        let rights = Refusal::NoRights { interface: "eth0".to_owned(), what: "not permitted".to_owned() };
        assert!(said(&rights).contains("borderpost inspect FILE"));
        let filter = Refusal::Filter { at: Some(4), what: "syntax error".to_owned() };
        assert_eq!(said(&filter), "-f: syntax error\n    tcp prot 80\n        ^");
        let filter = Refusal::Filter { at: None, what: "syntax error".to_owned() };
        assert_eq!(said(&filter), "-f: syntax error");
    }

    #[test]
    fn a_program_that_is_not_there_is_said_with_what_builds_it() {
        let error = find(None).map_err(|error| error.contains("--features live"));
        // Beside the test there may be one.
        assert!(matches!(error, Ok(_) | Err(true)), "{error:?}");
        assert_eq!(find(Some(Path::new("x"))), Ok(PathBuf::from("x")));
    }
}

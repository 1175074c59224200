//! `borderpost doctor`: whether a capture can be made here, and whether it will show what it should.
//!
//! Input: files of the system, environment variables, what the capture program says of devices. Output: checks, each with what was
//! seen and what to do. Must not: open a connection, resolve a name, or change anything.

#[cfg(target_os = "linux")]
mod linux;
mod network;
mod program;
mod settings;
mod storage;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::message::fail;
use crate::cli::output;
use crate::cli::status::Status;
use crate::process;
use crate::report::doctor::{Check, Diagnosis};
use crate::report::text::plural;

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(super) struct Doctor {
    /// The format on standard output
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    format: DoctorFormat,
    /// The folder that captures are to be written to [default: the current one]
    #[arg(short = 'w', long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The capture program [default: borderpost-capture beside this program]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum DoctorFormat {
    /// Text for people, 80 columns wide
    Table,
    /// One JSON object
    Json,
}

/// Makes all checks.
pub(super) fn run(arguments: &Doctor) -> Status {
    let diagnosis = Diagnosis::of(checks(arguments));
    let text = match arguments.format {
        DoctorFormat::Table => diagnosis.table(),
        DoctorFormat::Json => diagnosis.json(),
    };
    if let Err(error) = output::to_stdout(&text) {
        return fail(&format!("standard output: {error}"));
    }
    if diagnosis.blocks() { Status::Found } else { Status::Clean }
}

fn checks(arguments: &Doctor) -> Vec<Check> {
    let host = Host::this();
    let program = program::find(arguments.program.clone());
    let mut checks = program::checks(&program);
    #[cfg(target_os = "linux")]
    checks.extend(linux::checks(&host));
    checks.extend([network::dns(&host), network::vpn(&host), settings::proxy(&host), settings::hosts(&host)]);
    checks.push(processes());
    let folder = arguments.folder.clone().unwrap_or_else(|| PathBuf::from("."));
    checks.push(storage::disk(&folder));
    checks
}

/// The files of a system and its environment, or stand-ins for them.
struct Host {
    root: PathBuf,
    environment: Vec<(String, String)>,
}

impl Host {
    fn this() -> Self {
        let environment = std::env::vars_os();
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let environment = environment.map(|(name, value)| (text(name), text(value))).collect();
        let drive = std::env::var("SystemDrive").ok().filter(|_| cfg!(windows)).unwrap_or_default();
        Self { root: PathBuf::from(format!("{drive}{}", std::path::MAIN_SEPARATOR)), environment }
    }

    /// The text of a file, as far as it is not absurdly long; `None` where there is none that can be read.
    fn read(&self, path: &str) -> Option<String> {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        let file = std::fs::File::open(self.root.join(path)).ok()?;
        file.take(LONGEST_FILE).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The names in a folder, in order.
    fn list(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }
}

/// Whether the processes of connections can be told.
fn processes() -> Check {
    const NAME: &str = "processes";
    let failed = |error: std::io::Error| {
        Check::attention(
            NAME,
            format!("the system's table of sockets cannot be read: {error}"),
            "captures will not say whose connections are; nothing else depends on it",
        )
    };
    let mut system = match process::system() {
        Ok(system) => system,
        Err(error) => return failed(error),
    };
    let sockets = match system.sockets() {
        Ok(sockets) => sockets,
        Err(error) => return failed(error),
    };
    let wanted = sockets.iter().map(|socket| socket.id).collect();
    let found: std::collections::BTreeSet<u64> =
        system.holders(&wanted).into_iter().map(|(id, _)| id).collect();
    let hidden = wanted.len().saturating_sub(found.len());
    let open = plural(wanted.len() as u64, "open socket", "open sockets");
    let seen = format!("{open}, asked by {}; the process of {} is seen", system.asked(), found.len());
    if hidden == 0 {
        return Check::ok(NAME, seen);
    }
    Check::attention(
        NAME,
        format!("{seen}, {hidden} are of other users or of the system"),
        "run the capture as the user who runs the client; others' connections are counted as hidden",
    )
}

/// 16 MiB: lists of blocked hosts have some.
const LONGEST_FILE: u64 = 16 << 20;

const HELP: &str = "Examples:
  borderpost doctor
  borderpost doctor --format json | jq '.checks[] | select(.state != \"ok\")'

Nothing is sent and no name is resolved: what a network blocks further on is not seen from here.

Exit status: 1 where something stands in the way of capturing, as a missing program or right; else 0.";

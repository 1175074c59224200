//! What is run beside what: the program in its ways, and public tools where they are installed.
//!
//! Input: a workload and a size of it. Output: labels and commands. Must not: run anything but `--help` and `--version`.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::captures::Twin;

pub(crate) const CAT: &str = "cat";
pub(crate) const TCPDUMP: &str = "tcpdump --count";
pub(crate) const SHA: &str = "sha256sum";
pub(crate) const GZIP: &str = "gzip -dc";
pub(crate) const NDPI_CSV: &str = "ndpiReader with CSV";
pub(crate) const TSHARK: &str = "tshark with SNI and DNS";
pub(crate) const SURICATA: &str = "suricata without rules";
pub(crate) const MERCURY: &str = "mercury, names only";
/// The program on one thread; what `ours` means in every table.
pub(crate) const OURS: &str = "inspect --no-hash";
pub(crate) const OURS_ON_TWO: &str = "inspect --no-hash --threads 2";
pub(crate) const HASHED: &str = "inspect --threads 2";
pub(crate) const PCAPNG: &str = "inspect --no-hash, pcapng";
pub(crate) const GZIPPED: &str = "inspect --no-hash --threads 2, gzip";

/// How much of a workload: slow tools are given less, beside the program on the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scale {
    /// All of it.
    Full,
    /// At most 256 MiB.
    Middle,
    /// At most 64 MiB.
    Little,
}

impl Scale {
    pub(crate) const ALL: [Self; 3] = [Self::Full, Self::Middle, Self::Little];

    /// The size in MiB of a workload whose full size is `full`.
    pub(crate) fn of(self, full: u64) -> u64 {
        match self {
            Self::Full => full,
            Self::Middle => full.min(256),
            Self::Little => full.min(64),
        }
    }
}

/// One command on one file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    /// What tables and figures call it.
    pub(crate) label: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    /// The form of the capture that it reads.
    pub(crate) twin: Twin,
    scale: Scale,
    /// On how many threads, if it is the program.
    threads: &'static str,
    /// The only workload that it is for, where it is one.
    only: Option<&'static str>,
}

impl Job {
    const fn new(
        label: &'static str,
        program: &'static str,
        arguments: &'static [&'static str],
        scale: Scale,
    ) -> Self {
        Self { label, program, arguments, twin: Twin::Pcap, scale, threads: "", only: None }
    }

    /// The program on so many threads.
    const fn ours(label: &'static str, threads: &'static str, arguments: &'static [&'static str]) -> Self {
        Self { threads, ..Self::new(label, PROGRAM, arguments, Scale::Full) }
    }

    const fn on(self, twin: Twin) -> Self {
        Self { twin, ..self }
    }

    const fn only_on(self, workload: &'static str) -> Self {
        Self { only: Some(workload), ..self }
    }

    /// The program and its arguments for a file; what else it writes goes to `folder`.
    pub(crate) fn command(
        &self,
        file: &Path,
        folder: &Path,
        has_threads: bool,
    ) -> (&'static OsStr, Vec<OsString>) {
        let argument = |argument: &&str| match *argument {
            FILE => file.into(),
            FOLDER => folder.into(),
            other => other.into(),
        };
        let mut arguments: Vec<OsString> = self.arguments.iter().map(argument).collect();
        if has_threads && self.is_ours() {
            arguments.extend(["--threads".into(), self.threads.into()]);
        }
        (OsStr::new(self.program), arguments)
    }

    /// Whether it runs the program itself.
    pub(crate) fn is_ours(&self) -> bool {
        self.program == PROGRAM
    }
}

/// The jobs for a workload at a scale, as far as they can be run here. Those of the program on one thread come in every scale.
pub(crate) fn jobs(workload: &str, scale: Scale, has_threads: bool) -> Vec<Job> {
    let fits = |job: &Job| job.scale == scale && job.only.is_none_or(|only| only == workload);
    let can_run = |job: &Job| is_installed(job.program) && (has_threads || job.label != OURS_ON_TWO);
    let others: Vec<Job> = JOBS.iter().copied().filter(|job| fits(job) && can_run(job)).collect();
    if others.is_empty() { Vec::new() } else { [vec![ON_ONE], others].concat() }
}

/// Whether the program can be told on how many threads to run.
pub(crate) fn has_threads() -> bool {
    let help = Command::new(PROGRAM).args(["inspect", "--help"]).output();
    help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--threads"))
}

/// The public tools that are installed, each in the first line of what it says of its version; and those that are not.
pub(crate) fn versions() -> (Vec<String>, Vec<&'static str>) {
    let mut tools: Vec<(&str, &str)> = Vec::new();
    for job in JOBS.iter().filter(|job| !job.is_ours()) {
        let option = match job.program {
            "ndpiReader" => "-h",
            "suricata" => "-V",
            _ => "--version",
        };
        if !tools.contains(&(job.program, option)) {
            tools.push((job.program, option));
        }
    }
    let (here, missing): (Vec<_>, Vec<_>) = tools.into_iter().partition(|(program, _)| is_installed(program));
    let here = here.into_iter().map(|(program, option)| first_line(program, option));
    (here.collect(), missing.into_iter().map(|(program, _)| program).collect())
}

fn first_line(program: &str, option: &str) -> String {
    let said = Command::new(program).arg(option).stdin(Stdio::null()).output();
    let text = said.map(|said| [said.stdout, said.stderr].concat()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find(|line| !line.trim().is_empty());
    line.map_or_else(|| program.to_owned(), |line| line.trim().trim_end_matches('.').to_owned())
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Path::new(program).is_file() || std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The program as benchmarks are built.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_borderpost");

/// Stands for the capture.
const FILE: &str = "{file}";
/// Stands for a folder that a tool may write to.
const FOLDER: &str = "{folder}";

const TSHARK_FIELDS: &[&str] = &[
    "-n",
    "-r",
    FILE,
    "-T",
    "fields",
    "-e",
    "frame.number",
    "-e",
    "tls.handshake.extensions_server_name",
    "-e",
    "dns.qry.name",
];

const ON_ONE: Job = Job::ours(OURS, "1", &["inspect", "--no-hash", FILE]);

const JOBS: [Job; 14] = [
    Job::ours(OURS_ON_TWO, "2", &["inspect", "--no-hash", FILE]),
    Job::new(CAT, "cat", &[FILE], Scale::Full),
    Job::new(TCPDUMP, "tcpdump", &["--count", "-r", FILE], Scale::Full),
    Job::ours(HASHED, "2", &["inspect", FILE]).only_on("mixed"),
    Job::new(SHA, "sha256sum", &[FILE], Scale::Full).only_on("mixed"),
    Job::ours(PCAPNG, "1", &["inspect", "--no-hash", FILE]).only_on("mixed").on(Twin::PcapNg),
    Job::ours(GZIPPED, "2", &["inspect", "--no-hash", FILE]).only_on("mixed").on(Twin::Gzip),
    Job::new(GZIP, "gzip", &["-dc", FILE], Scale::Full).only_on("mixed").on(Twin::Gzip),
    Job::new("capinfos", "capinfos", &[FILE], Scale::Middle),
    Job::new("ndpiReader -q", "ndpiReader", &["-q", "-i", FILE], Scale::Middle),
    Job::new(NDPI_CSV, "ndpiReader", &["-q", "-i", FILE, "-C", "/dev/null"], Scale::Middle),
    Job::new(
        MERCURY,
        "mercury",
        &["-r", FILE, "-f", "/dev/null", "--select=tls.client_hello,quic,dns"],
        Scale::Middle,
    ),
    Job::new(
        SURICATA,
        "suricata",
        &["-r", FILE, "-S", "/dev/null", "-l", FOLDER, "--runmode", "single"],
        Scale::Middle,
    ),
    Job::new(TSHARK, "tshark", TSHARK_FIELDS, Scale::Little),
];

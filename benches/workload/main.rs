//! Writes a workload to a file, for measuring by hand: `cargo bench --bench workload -- WORKLOAD MEBIBYTES FILE`.
//!
//! A file whose name ends in `.pcapng` is pcapng, any other classic pcap. It is a benchmark target only so that it is
//! neither shipped nor shown among the examples; run with the others it does nothing.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use workload::{Format, Workload, write};

#[path = "mod.rs"]
#[expect(unused_imports, reason = "the benchmarks use the rest")]
mod workload;

fn main() -> ExitCode {
    // Cargo adds flags of its own.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let done = match &arguments[..] {
        [] => Ok(()),
        [workload, size, path] => make(workload, size, Path::new(path)),
        // Most likely a filter for the other benchmarks.
        _ => writeln!(io::stderr(), "{USAGE}"),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    // Where even standard error is gone, the exit status still tells.
    let _ = writeln!(io::stderr(), "error: {error}");
    ExitCode::FAILURE
}

fn make(workload: &str, size: &str, path: &Path) -> io::Result<()> {
    let known = Workload::ALL.into_iter().find(|known| known.name() == workload);
    let workload = known.ok_or_else(|| io::Error::other(format!("no workload {workload:?}; {USAGE}")))?;
    let mebibytes = size.parse().ok().and_then(|size: u64| size.checked_mul(1024 * 1024));
    let size = mebibytes.ok_or_else(|| io::Error::other(format!("{size:?} is no number of MiB; {USAGE}")))?;
    let is_pcapng = path.extension().is_some_and(|extension| extension == "pcapng");
    let format = if is_pcapng { Format::PcapNg } else { Format::Pcap };
    let frames = write(File::create(path)?, workload, format, size)?;
    writeln!(io::stdout(), "{}: {frames} frames", path.display())
}

const USAGE: &str = "usage: cargo bench --bench workload -- media|mixed|small|flows|zoom MEBIBYTES FILE";

//! What the user may type to capture. Plain values: nothing is opened or looked up here.
//!
//! Input: arguments. Output: the options of `capture` that `inspect` has not. Must not: check what only the system knows.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::Args;

use crate::capture::Limit;

#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch that the user sets by itself")]
pub(super) struct Capture {
    /// The interface to capture on, by its name or its number in -D; may be repeated
    #[arg(short = 'i', long = "interface", value_name = "IFACE", required_unless_present = "list")]
    pub(super) interface: Vec<String>,
    /// List the interfaces that there are, and capture nothing
    #[arg(short = 'D', long = "list-interfaces")]
    pub(super) list: bool,
    /// Capture only what this filter (BPF, as in tcpdump) lets through; it takes addresses, no host names
    #[arg(short = 'f', long = "filter", value_name = "FILTER")]
    pub(super) filter: Option<String>,
    /// Write the frames to FILE, to a new file in FOLDER, or to standard output (-), in pcapng. No file is replaced
    /// [default: a temporary file, removed after the report]
    #[arg(short = 'w', long = "write", value_name = "FILE|FOLDER|-")]
    pub(super) write: Option<PathBuf>,
    /// End after so many frames
    #[arg(short = 'c', long = "count", value_name = "N")]
    pub(super) count: Option<NonZeroU64>,
    /// End by duration:SECONDS, filesize:KB, files:N or packets:N; may be repeated
    #[arg(short = 'a', long = "autostop", value_name = "LIMIT")]
    pub(super) autostop: Vec<Limit>,
    /// Go on in another file by duration:SECONDS, filesize:KB, packets:N or interval:SECONDS, and keep the last files:N alone;
    /// may be repeated
    #[arg(short = 'b', long = "ring", value_name = "LIMIT", requires = "write")]
    pub(super) ring: Vec<Limit>,
    /// The most bytes kept of a frame [default: all]
    #[arg(short = 's', long = "snapshot-length", value_name = "BYTES")]
    pub(super) snap_len: Option<u32>,
    /// Take frames of others, too, where the network shows them
    #[arg(long)]
    pub(super) promiscuous: bool,
    /// The system's buffer of each interface, in MiB
    #[arg(short = 'B', long = "buffer-size", value_name = "MIB", default_value_t = 32,
          value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(super) buffer: u32,
    /// Keep the temporary file
    #[arg(long, conflicts_with = "write")]
    pub(super) keep: bool,
    /// Each line of standard input marks a step of your test script, with the next frame
    #[arg(long)]
    pub(super) mark_stdin: bool,
    /// Do not look up which process each flow is of, and write nothing of processes
    #[arg(long)]
    pub(super) no_processes: bool,
    /// Run although this program has rights that it does not need
    #[arg(long)]
    pub(super) allow_root: bool,
    /// The capture program [default: borderpost-capture beside this program]
    #[arg(long, value_name = "FILE")]
    pub(super) program: Option<PathBuf>,
}

impl Capture {
    /// Where the evidence is written, where it is written to files.
    pub(super) fn folder(&self) -> PathBuf {
        match self.write.as_deref() {
            None => std::env::temp_dir(),
            Some(path) if path.is_dir() => path.to_owned(),
            Some(path) => match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                _ => PathBuf::from("."),
            },
        }
    }
}

#[derive(Args, Debug)]
pub(super) struct Interfaces {
    /// The capture program [default: borderpost-capture beside this program]
    #[arg(long, value_name = "FILE")]
    pub(super) program: Option<PathBuf>,
}

pub(super) const EXAMPLES: &str = "Examples:
  borderpost capture -i eth0 -w meeting.pcapng --vantage NL
  borderpost capture -i eth0 -w captures/ -b filesize:100000 -b files:20 -a duration:3600
  borderpost capture -i eth0 -w meeting.pcapng -o report.html --live
  borderpost capture -i wlan0 -f 'not port 22' -w - | borderpost inspect -

The reports of -o are rewritten while the capture runs, at least every ten seconds (--checkpoint says otherwise).

Ctrl-C ends the capture, and the report is made; a second one ends the program at once. What was captured is in the file at every \
moment: `kill -9` loses less than the last fifth of a second, a power failure what the system had not yet written.

Exit status: that of `inspect`; 2 where the capture ended before it was told to, or frames could not be written; 130 where it was ended \
at once.";

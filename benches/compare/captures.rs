//! The files that everybody reads, made once.
//!
//! Input: a folder, a workload and its size. Output: a capture, or the same packets as pcapng or packed. A file that is there
//! from an earlier run is taken as it is. Must not: measure.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::workload::{self, Format, Workload};

/// A form of a capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Twin {
    /// Classic pcap.
    Pcap,
    /// The same packets as pcapng; a little more of it has the same size.
    PcapNg,
    /// The pcap, packed by `gzip -1`.
    Gzip,
}

/// A capture on disk.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    /// Where it is.
    pub(crate) file: PathBuf,
    /// How many packets it has.
    pub(crate) packets: u64,
}

/// The capture of so many MiB of a workload, in the folder. Its bytes are in the page cache afterwards, if they fit.
pub(crate) fn capture(folder: &Path, workload: Workload, mebibytes: u64, twin: Twin) -> io::Result<Capture> {
    let name = |ending| folder.join(format!("{}-{mebibytes}.{ending}", workload.name()));
    let made = match twin {
        Twin::Pcap => made(name("pcap"), |file| write(file, workload, Format::Pcap, mebibytes))?,
        Twin::PcapNg => made(name("pcapng"), |file| write(file, workload, Format::PcapNg, mebibytes))?,
        Twin::Gzip => {
            let unpacked = capture(folder, workload, mebibytes, Twin::Pcap)?;
            made(name("pcap.gz"), |file| packed(file, &unpacked))?
        }
    };
    io::copy(&mut File::open(&made.file)?, &mut io::sink())?;
    Ok(made)
}

/// The file, made if need be. How many packets it has is kept beside it, once it is whole.
fn made(path: PathBuf, make: impl FnOnce(File) -> io::Result<u64>) -> io::Result<Capture> {
    let note = path.with_added_extension("packets");
    let known = fs::read_to_string(&note).ok().and_then(|text| text.trim().parse().ok());
    let packets = match known {
        Some(packets) if path.is_file() => packets,
        _ => {
            let packets = make(File::create(&path)?)?;
            fs::write(note, packets.to_string())?;
            packets
        }
    };
    Ok(Capture { file: path, packets })
}

fn write(file: File, workload: Workload, format: Format, mebibytes: u64) -> io::Result<u64> {
    workload::write(file, workload, format, mebibytes * 1024 * 1024)
}

fn packed(file: File, unpacked: &Capture) -> io::Result<u64> {
    let status = Command::new("gzip")
        .args(["-1", "-c"])
        .arg(&unpacked.file)
        .stdin(Stdio::null())
        .stdout(file)
        .status()?;
    if status.success() { Ok(unpacked.packets) } else { Err(io::Error::other(format!("gzip: {status}"))) }
}

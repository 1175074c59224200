//! G8: no room for a report. What was there stays, and nothing passes for a report that is none.
//!
//! Input: a capture. Output: figures. Must not: pass where no file system could be made small; a limit on files stands in for it then.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Bench;
use crate::child::{self, Ended, Limits};
use crate::figure::Figure;
use crate::floods;

/// What a report may be written as.
const REPORTS: [&str; 7] =
    ["report.json", "report.jsonl", "report.csv", "report.md", "report.html", "report.xml", "report.txt"];

/// The figures of G8 on reports.
pub(crate) fn figures(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let what = "reports and bundles on a full disk, otherwise than: status 2, the path and the reason said, the old one whole";
    let Some(disk) = Disk::mounted(bench.folder)? else {
        return Ok(vec![Figure::unmeasured("G8", what, "no file system could be mounted")]);
    };
    let capture = bench.folder.join("capture.pcap");
    fs::write(&capture, floods::client_hellos(256 << 10))?;
    let mut faults = Vec::new();
    let mut tried = 0;
    for name in REPORTS {
        let path = disk.0.join(name);
        let asked = [
            "inspect".into(),
            "--force".into(),
            "-o".into(),
            path.clone().into_os_string(),
            capture.clone().into(),
        ];
        let probe = bench.folder.join(name);
        let elsewhere =
            ["inspect".into(), "-o".into(), probe.clone().into_os_string(), capture.clone().into()];
        // What is no format of reports is no fault of the disk's; what is small fits.
        let is_one = child::run(&elsewhere, Limits::CORPUS, bench.folder)?.ended == Ended::Exit(0);
        if !is_one || fs::metadata(&probe)?.len() < DISK {
            continue;
        }
        tried += 1;
        fs::write(&path, OLD)?;
        let run = child::run(&asked, Limits::CORPUS, bench.folder)?;
        let left = fs::read_dir(&disk.0)?.count();
        let is_kept = fs::read(&path)? == OLD.as_bytes() && left == 1;
        let is_said = run.err.contains(name) && run.err.contains("space");
        if run.ended != Ended::Exit(2) || !is_kept || !is_said {
            faults.push(format!(
                "{name}: {:?}, old one whole {is_kept}, {left} files, {}",
                run.ended,
                run.err.trim()
            ));
        }
        fs::remove_file(&path)?;
    }
    let bundle = disk.0.join("bundle");
    let asked: [OsString; 4] = ["inspect".into(), "--bundle".into(), bundle.clone().into(), capture.into()];
    let run = child::run(&asked, Limits::CORPUS, bench.folder)?;
    tried += 1;
    if run.ended != Ended::Exit(2) || bundle.exists() || fs::read_dir(&disk.0)?.count() > 0 {
        faults.push(format!("bundle: {:?}, there {}, {}", run.ended, bundle.exists(), run.err.trim()));
    }
    Ok(vec![Figure::none("G8", format!("of {tried} {what}"), &faults)])
}

/// A file system of some KiB in memory, as long as it is wanted.
struct Disk(PathBuf);

impl Disk {
    fn mounted(folder: &Path) -> io::Result<Option<Self>> {
        let path = folder.join("disk");
        fs::create_dir_all(&path)?;
        let size = format!("size={DISK}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).output();
        Ok(mounted.is_ok_and(|mounted| mounted.status.success()).then_some(Self(path)))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What cannot be unmounted goes with the machine.
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

const DISK: u64 = 64 << 10;
const OLD: &str = "the report of before";

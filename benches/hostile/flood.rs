//! G4: a flood of SYNs, each of a flow of its own, from everywhere and to everywhere.
//!
//! Input: how many. Output: memory, time, and whether the sums are exact. Must not: measure with another limit than the usual one, but where it says so.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

use crate::Bench;
use crate::child::{self, Limits, Run};
use crate::figure::Figure;
use crate::floods;

/// What so many SYNs may take: MiB, and seconds of processor time.
const GOALS: [(u64, f64, f64); 2] = [(1_000_000, 150.0, 1.0), (10_000_000, 512.0, 10.0)];
/// Bytes of a record with one SYN.
const RECORD: usize = 16 + 14 + 20 + 20;

/// The figures of G4.
pub(crate) fn figures(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (count, mebibytes, seconds) in GOALS.into_iter().filter(|(count, ..)| *count <= bench.most_flows) {
        for (name, make) in
            [("from everywhere", floods::syns as fn(usize) -> Vec<u8>), ("to everywhere", floods::scan)]
        {
            let path = bench.folder.join("flood.pcap");
            write(&path, count, make)?;
            let run = inspected(&path, &[], bench.folder)?;
            let what = format!("{count} SYNs {name}");
            let peak = f64::from(u32::try_from(run.peak).unwrap_or(u32::MAX)) / 1024.0;
            figures.push(Figure::at_most("G4", format!("{what}: peak memory"), " MiB", mebibytes, peak));
            figures.push(Figure::at_most(
                "G4",
                format!("{what}: processor time"),
                " s",
                seconds,
                run.cpu.as_secs_f64(),
            ));
            figures.push(sums(&what, count, &path, bench.folder)?);
            fs::remove_file(&path)?;
        }
    }
    Ok(figures)
}

/// Whether frames, bytes and flows, listed and summed up, come to what was sent, under a limit of a tenth of what they take.
fn sums(what: &str, count: u64, path: &Path, folder: &Path) -> io::Result<Figure> {
    let run = inspected(path, &["--format", "json", "--max-memory", "32M"], folder)?;
    let report: Value = serde_json::from_slice(&run.out).unwrap_or_default();
    let totals = &report["totals"];
    let listed = report["flows"].as_array().map_or(0, Vec::len) as u64;
    let rows = report["quality"]["summed_up"].as_array().cloned().unwrap_or_default();
    let sum = |name: &str| rows.iter().filter_map(|row| row[name].as_u64()).sum::<u64>();
    let bytes = count * (RECORD as u64 - 16);
    let found = [
        totals["frames"].as_u64().unwrap_or(0),
        totals["bytes"].as_u64().unwrap_or(0),
        sum("packets") + listed,
    ];
    Ok(Figure {
        goal: "G4",
        what: format!("{what}, within 32 MiB: frames, bytes, packets of flows listed and summed up"),
        bound: format!("{count}, {bytes}, {count}"),
        found: format!(
            "{}, {}, {} ({} flows summed up; peak {} MiB)",
            found[0],
            found[1],
            found[2],
            sum("flows"),
            run.peak / 1024
        ),
        is_reached: Some(found == [count, bytes, count]),
    })
}

fn inspected(path: &Path, options: &[&str], folder: &Path) -> io::Result<Run> {
    let mut arguments: Vec<OsString> = vec!["inspect".into(), "--no-hash".into()];
    arguments.extend(options.iter().map(OsString::from));
    arguments.push(path.as_os_str().to_owned());
    let run = child::run(&arguments, Limits::WIDE, folder)?;
    if run.ended == child::Ended::Exit(0) { Ok(run) } else { Err(io::Error::other(run.err)) }
}

/// Writes so many SYNs.
fn write(path: &Path, count: u64, make: fn(usize) -> Vec<u8>) -> io::Result<()> {
    let size = usize::try_from(count).map_err(io::Error::other)? * RECORD + HEAD;
    fs::write(path, make(size))
}

/// The file header of a classic capture.
const HEAD: usize = 24;

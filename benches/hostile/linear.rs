//! G6: twice as much of a flood takes at most 2.2 times as long, whatever it is a flood of.
//!
//! Input: the floods. Output: a figure for each that takes time at all. Must not: take the noise of short runs for a ratio.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::Bench;
use crate::child::{self, Limits, Run};
use crate::figure::Figure;
use crate::floods::{FLOODS, Flood};

/// What doubling may cost.
const DOUBLING: f64 = 2.2;
/// Times below this say more of the start of a process than of what it reads.
const SHORT: Duration = Duration::from_millis(60);
/// How often a ratio that is too large is measured again.
const ROUNDS: usize = 4;

/// One size of a flood.
struct Point {
    bytes: usize,
    cpu: Duration,
}

/// The figures of G6 on what is made.
pub(crate) fn figures(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let floods: Vec<&Flood> = FLOODS.iter().filter(|(name, _)| bench.wants(name)).collect();
    let measured = bench.each(&floods, |flood, folder| measure(flood, bench, folder))?;
    let mut faults = Vec::new();
    let mut worst = (0.0, String::new());
    let mut slowest = (Duration::ZERO, String::new());
    for (points, fault) in measured {
        faults.extend(fault);
        for (name, ratio, longest) in points {
            if ratio > worst.0 {
                worst = (ratio, name.clone());
            }
            slowest = slowest.max((longest, name));
        }
    }
    let (few, many) = (bench.sizes.first().unwrap_or(&0) >> 10, bench.sizes.last().unwrap_or(&0) >> 10);
    let what = format!(
        "of {} floods of {few} to {many} KiB, those of which twice as much takes more than {DOUBLING} times",
        floods.len()
    );
    let found =
        format!("the worst took {:.2}: {}; the slowest {:?}: {}", worst.0, worst.1, slowest.0, slowest.1);
    Ok(vec![Figure::none("G6", what, &faults).with(&found)])
}

type Measured = (Vec<(String, f64, Duration)>, Option<String>);

/// The ratios of a flood, and what is wrong with it. It is given up where it is: a quadratic flood would take the whole day.
fn measure((name, make): &Flood, bench: &Bench<'_>, folder: &Path) -> io::Result<Measured> {
    let mut before: Option<Point> = None;
    let mut found = Vec::new();
    for &bytes in bench.sizes {
        let path = folder.join("flood.pcap");
        fs::write(&path, make(bytes))?;
        let mut point = Point { bytes, cpu: cpu(&path, folder, name)? };
        if let Some(known) = &mut before {
            let steps = f64::from(u32::try_from(bytes / known.bytes.max(1)).unwrap_or(u32::MAX)).log2();
            let most = DOUBLING.powf(steps);
            let ratio =
                |point: &Point, known: &Point| point.cpu.as_secs_f64() / known.cpu.max(SHORT).as_secs_f64();
            // Another process may have been in the way of either: the least of both is what they take.
            for _ in 1..ROUNDS {
                if ratio(&point, known) <= most {
                    break;
                }
                point.cpu = point.cpu.min(cpu(&path, folder, name)?);
                fs::write(&path, make(known.bytes))?;
                known.cpu = known.cpu.min(cpu(&path, folder, name)?);
                fs::write(&path, make(bytes))?;
            }
            let ratio = ratio(&point, known);
            found.push(((*name).to_owned(), ratio.powf(1.0 / steps), point.cpu));
            Bench::say(&format!("{name}: {} MiB {:?}, ratio {ratio:.2}", bytes >> 20, point.cpu));
            if ratio > most {
                let [from, to] = [known.bytes, bytes].map(|bytes| bytes >> 20);
                let fault = format!("{name}: {from} MiB {:?}, {to} MiB {:?}", known.cpu, point.cpu);
                return Ok((found, Some(fault)));
            }
        }
        before = Some(point);
        fs::remove_file(&path)?;
    }
    Ok((found, None))
}

/// Processor time of an inspection with the reports that say most.
fn cpu(path: &Path, folder: &Path, name: &str) -> io::Result<Duration> {
    let run = inspected(path, folder)?;
    if run.is_panic() || run.ended != child::Ended::Exit(0) {
        return Err(io::Error::other(format!("{name}: {:?}: {}", run.ended, run.err)));
    }
    Ok(run.cpu)
}

fn inspected(path: &Path, folder: &Path) -> io::Result<Run> {
    let mut arguments = ["inspect", "--no-hash", "--force", "--threads", "1"].map(OsString::from).to_vec();
    for report in ["r.json", "r.html", "r.md"] {
        arguments.extend(["-o".into(), folder.join(report).into_os_string()]);
    }
    arguments.push(path.as_os_str().to_owned());
    child::run(&arguments, Limits::WIDE, folder)
}

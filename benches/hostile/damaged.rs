//! G2: the captures of others, damaged. What one variant is follows from its name and number alone.
//!
//! Input: the files, and how many variants of each. Output: figures; the bytes of any one variant. Must not: judge a variant by a
//! process that reads others, too, but where all of them stay within what one may take.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::Bench;
use crate::child::{self, Limits, Run};
use crate::corpus::File;
use crate::figure::Figure;
use crate::reading::first_line;
use crate::workload::Random;

/// What one variant may take.
const SECONDS: u64 = 5;
const KIB: u64 = 128 << 10;
/// A variant is damaged from at most so many bytes.
const MOST: u64 = 8 << 20;

#[derive(Default)]
struct Faults {
    panics: Vec<String>,
    slow: Vec<String>,
    large: Vec<String>,
    frames: u64,
}

/// The figures of G2.
pub(crate) fn figures(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let found = bench.each(bench.files, |file, folder| look_at(file, bench.variants, folder))?;
    let mut all = Faults::default();
    for faults in found {
        all.panics.extend(faults.panics);
        all.slow.extend(faults.slow);
        all.large.extend(faults.large);
        all.frames += faults.frames;
    }
    let runs = bench.files.len() * bench.variants as usize;
    Ok(vec![
        Figure::none("G2", format!("panics on {runs} damaged captures, caught ones included"), &all.panics)
            .with(&format!("{} frames read", all.frames)),
        Figure::none("G2", "damaged captures that take more than 5 s", &all.slow),
        Figure::none("G2", "damaged captures that take more than 128 MiB", &all.large),
    ])
}

/// Reads all variants of a file by one process; each by its own where that one took more than one may, or failed.
fn look_at(file: &File, variants: u32, folder: &Path) -> io::Result<Faults> {
    let whole = unpacked(&file.path)?;
    let write = |number: u32| {
        let path = folder.join(format!("{number:03}.pcap"));
        fs::write(&path, variant(&file.name, &whole, number)).map(|()| path)
    };
    let paths = (0..variants).map(write).collect::<io::Result<Vec<PathBuf>>>()?;
    let together = inspected(&paths, folder)?;
    let mut faults = Faults { frames: frames(&together), ..Faults::default() };
    if together.is_panic() || is_slow(&together) || together.peak > KIB {
        for (path, number) in paths.iter().zip(0..variants) {
            faults.take(&format!("{}#{number}", file.name), &inspected(std::slice::from_ref(path), folder)?);
        }
        if together.is_panic() && faults.panics.is_empty() {
            faults.panics.push(format!(
                "{}, all variants together: {}",
                file.name,
                first_line(&together.err)
            ));
        }
    }
    paths.iter().try_for_each(fs::remove_file)?;
    Ok(faults)
}

impl Faults {
    fn take(&mut self, name: &str, run: &Run) {
        if run.is_panic() {
            self.panics.push(format!("{name}: {:?} {}", run.ended, first_line(&run.err)));
        }
        if is_slow(run) {
            self.slow.push(format!("{name}: {:?}", run.cpu));
        }
        if run.peak > KIB {
            self.large.push(format!("{name}: {} KiB", run.peak));
        }
    }
}

fn is_slow(run: &Run) -> bool {
    run.ended == child::Ended::TimedOut || run.cpu > Duration::from_secs(SECONDS)
}

fn inspected(paths: &[PathBuf], folder: &Path) -> io::Result<Run> {
    let mut arguments = ["inspect", "--format", "json"].map(OsString::from).to_vec();
    arguments.extend(paths.iter().map(|path| path.clone().into_os_string()));
    child::run(&arguments, Limits::CORPUS, folder)
}

fn frames(run: &Run) -> u64 {
    let report: Option<Value> = serde_json::from_slice(&run.out).ok();
    report.and_then(|report| report["totals"]["frames"].as_u64()).unwrap_or(0)
}

/// The bytes of a file; those inside it where it is packed, since damage to packed bytes hardly ever gets further than the packing.
pub(crate) fn unpacked(path: &Path) -> io::Result<Vec<u8>> {
    let stored = fs::read(path)?;
    if !stored.starts_with(&[0x1f, 0x8b]) {
        return Ok(stored);
    }
    let mut bytes = Vec::new();
    // What comes before damage is enough.
    let _ = flate2::read::MultiGzDecoder::new(&stored[..]).take(MOST).read_to_end(&mut bytes);
    Ok(bytes)
}

/// A variant of a capture: some bytes of it changed, cut off, or moved about.
pub(crate) fn variant(name: &str, whole: &[u8], number: u32) -> Vec<u8> {
    let seed = name.bytes().fold(u64::from(number), |seed, byte| {
        (seed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(7)
    });
    let mut random = Random::new(seed);
    let mut bytes = whole.to_vec();
    match number % 6 {
        0 => change(&mut bytes, &behind_head(whole), &mut random),
        // What is damaged between heads that are sound gets further than heads that are not.
        1 | 4 => change(&mut bytes, &packets(whole), &mut random),
        2 => bytes.truncate(below(bytes.len(), &mut random)),
        3 => (0..4).for_each(|_| splice(&mut bytes, &mut random)),
        _ => {
            change(&mut bytes, &packets(whole), &mut random);
            splice(&mut bytes, &mut random);
            let left = bytes.len() - below(bytes.len() / 8, &mut random);
            bytes.truncate(left);
        }
    }
    bytes
}

/// Gives 2 % of the bytes in some stretches other values: any, or those that lengths and counts like least.
fn change(bytes: &mut [u8], stretches: &[Range<usize>], random: &mut Random) {
    for stretch in stretches {
        let length = stretch.end.saturating_sub(stretch.start);
        // Of a short stretch, too, in the long run.
        let count = (length + below(50, random)) / 50;
        for _ in 0..count {
            let value = match random.below(6) {
                0 => 0,
                1 => 0xFF,
                2 => 0x80,
                _ => random.word().to_le_bytes()[1],
            };
            if let Some(byte) = bytes.get_mut(stretch.start + below(length, random)) {
                *byte = value;
            }
        }
    }
}

/// Where the packets of a capture lie, by a walk that believes its heads; all behind the first head where it is of another kind.
fn packets(bytes: &[u8]) -> Vec<Range<usize>> {
    let starts = |magic: [u8; 4]| {
        bytes.starts_with(&magic) || bytes.get(8..).is_some_and(|rest| rest.starts_with(&magic))
    };
    let is_big = [[0xA1, 0xB2, 0xC3, 0xD4], [0xA1, 0xB2, 0x3C, 0x4D], [0x1A, 0x2B, 0x3C, 0x4D]]
        .into_iter()
        .any(starts);
    let word = |at: usize| {
        let word: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(if is_big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }).ok()
    };
    let is_next_generation = bytes.starts_with(&[0x0A, 0x0D, 0x0D, 0x0A]);
    let mut found = Vec::new();
    let mut at = if is_next_generation { 0 } else { HEAD };
    loop {
        // The head in front of the packet, how much of the packet there is, and where the next head is.
        let next = if is_next_generation {
            let length = word(at + 4).filter(|length| *length >= 12);
            length.map(|length| (28, word(at + 20).unwrap_or(0), length, word(at) == Some(6)))
        } else {
            word(at + 8).map(|length| (16, length, 16 + length, true))
        };
        let Some((head, length, whole, is_packet)) =
            next.filter(|(_, _, whole, _)| at + whole <= bytes.len())
        else {
            break;
        };
        if is_packet && head + length <= whole {
            found.push(at + head..at + head + length);
        }
        at += whole;
    }
    if found.is_empty() { behind_head(bytes).to_vec() } else { found }
}

/// All but the head of the file, as one stretch.
fn behind_head(bytes: &[u8]) -> [Range<usize>; 1] {
    let all = HEAD.min(bytes.len())..bytes.len();
    [all]
}

/// Puts a stretch of the bytes elsewhere: over what was there, between it, or in place of nothing.
fn splice(bytes: &mut Vec<u8>, random: &mut Random) {
    let from = below(bytes.len(), random);
    let length = below((bytes.len() - from).min(4096), random);
    let stretch = bytes.get(from..from + length).unwrap_or_default().to_vec();
    let to = below(bytes.len(), random);
    match random.below(3) {
        0 => drop(bytes.splice(to..to, stretch)),
        1 => drop(bytes.splice(to..(to + length).min(bytes.len()), stretch)),
        _ => drop(bytes.drain(from..from + length)),
    }
}

/// A number below a limit, or 0 where there is none.
fn below(limit: usize, random: &mut Random) -> usize {
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    if limit == 0 { 0 } else { usize::try_from(random.below(limit)).unwrap_or(0) }
}

/// The file header of a classic capture.
const HEAD: usize = 24;

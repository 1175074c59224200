//! G13: the same bytes for the same captures, whatever the number of threads, and however often.
//!
//! Input: the largest captures of others, all of them as folders, and one that is read in pieces. Output: a figure. Must not:
//! compare less than every byte.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::Bench;
use crate::child::{self, Limits};
use crate::figure::Figure;
use crate::workload::{self, Format, Workload};

const THREADS: [&str; 5] = ["1", "2", "4", "8", "16"];

/// The figure of G13.
pub(crate) fn figures(bench: &Bench<'_>) -> io::Result<Vec<Figure>> {
    let mut largest: Vec<_> = bench.files.iter().collect();
    largest.sort_by_key(|file| std::cmp::Reverse(fs::metadata(&file.path).map_or(0, |about| about.len())));
    let mut inputs: Vec<(String, OsString)> = largest
        .iter()
        .take(bench.largest)
        .map(|file| (file.name.clone(), file.path.clone().into()))
        .collect();
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    for folder in ["captures", "corpus/zeek", "corpus/ndpi"].into_iter().take(bench.folders) {
        inputs.push((folder.to_owned(), shared.join(folder).into()));
    }
    // 32 MiB are read by one thread, more by several.
    let pieces = bench.folder.join("pieces.pcap");
    if bench.folders > 0 {
        workload::write(File::create(&pieces)?, Workload::Mixed, Format::Pcap, 100 << 20)?;
        inputs.push(("100 MiB of mixed".to_owned(), pieces.into()));
    }
    let found = bench.each(&inputs, |(name, path), folder| differing(name, path, bench.repeats, folder))?;
    let faults: Vec<String> = found.into_iter().flatten().collect();
    let what = format!(
        "of {} captures and folders, on {} threads, {} times each: runs whose report differs in a byte",
        inputs.len(),
        THREADS.join(", "),
        bench.repeats
    );
    Ok(vec![Figure::none("G13", what, &faults)])
}

fn differing(name: &str, path: &OsString, repeats: usize, folder: &Path) -> io::Result<Vec<String>> {
    let mut first: Option<Vec<u8>> = None;
    let mut faults = Vec::new();
    for threads in THREADS {
        for round in 0..repeats {
            let fixed = ["inspect", "--format", "json", "--threads", threads].map(OsString::from);
            let run = child::run(&[&fixed[..], std::slice::from_ref(path)].concat(), Limits::WIDE, folder)?;
            if run.out.is_empty() {
                faults.push(format!("{name}: no report, {:?}", run.ended));
            }
            if *first.get_or_insert_with(|| run.out.clone()) != run.out {
                faults.push(format!("{name}: {threads} threads, run {round}"));
            }
        }
    }
    Ok(faults)
}

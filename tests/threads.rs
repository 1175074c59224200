//! Captures read several at a time: the report is the same whatever the number of threads, and the progress adds up.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use borderpost::inspect::{Progress, Settings, inspect, survey};
use borderpost::report::{self, Options, info};
use borderpost::source;

const CAPTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures");

/// A folder with many captures of different lengths, some damaged, and what else may be named.
fn inputs(folder: &Path) -> Vec<PathBuf> {
    let shipped = |name: &str| fs::read(Path::new(CAPTURES).join(name)).unwrap();
    let meeting = shipped("eea-meeting.pcapng");
    for number in 0..12 {
        let cut = meeting.len() - number * 97;
        fs::write(folder.join(format!("{number:02}.pcapng")), &meeting[..cut]).unwrap();
    }
    fs::write(folder.join("notes.txt"), "no capture").unwrap();
    vec![
        "no/such.pcap".into(),
        folder.to_owned(),
        "nor/such.pcap".into(),
        CAPTURES.into(),
        folder.join("notes.txt"),
        folder.join("03.pcapng"),
    ]
}

/// How many captures are shipped.
fn shipped() -> usize {
    let files = fs::read_dir(CAPTURES).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|name| name == "pcapng")).count()
}

fn threads(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

#[test]
fn the_report_is_the_same_whatever_the_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let paths = inputs(folder.path());
    let read = |number, join| {
        let settings = Settings { threads: threads(number), join, ..Settings::default() };
        let inspection = inspect(&paths, settings, &());
        let failures: Vec<String> = inspection.failures().iter().map(ToString::to_string).collect();
        assert_eq!((failures.len(), inspection.inputs().len()), (3, 13 + shipped()));
        let report = report::build(&inspection, Options { show_participants: false, list_flows: true });
        (report::json(&report), failures)
    };
    for join in [false, true] {
        let alone = read(1, join);
        for number in [2, 4, 30] {
            assert!(read(number, join) == alone, "{number} threads, joined {join}");
        }
    }
    let survey = |number| {
        let surveys = survey(&paths, source::Options::default(), threads(number), &());
        info::json(&info::info(&surveys))
    };
    assert!(survey(4) == survey(1));
}

/// What was told.
#[derive(Default)]
struct Told {
    expected: AtomicU64,
    opened: AtomicU64,
    read: AtomicU64,
}

impl Progress for Told {
    fn expect(&self, bytes: u64) {
        assert_eq!(
            (self.expected.swap(bytes, Ordering::Relaxed), self.opened.load(Ordering::Relaxed)),
            (0, 0)
        );
    }

    fn open(&self, _: &Path) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[test]
fn the_progress_adds_up_to_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let paths = inputs(folder.path());
    // Damaged near its start, and longer than what is read ahead.
    let damaged = [&fs::read(folder.path().join("00.pcapng")).unwrap()[..], &vec![0xff; 1 << 20]].concat();
    fs::write(folder.path().join("damaged.pcapng"), &damaged).unwrap();
    let size = |path: &Path| fs::metadata(path).unwrap().len();
    for hash in [false, true] {
        for number in [1, 4] {
            let told = Told::default();
            let settings = Settings { threads: threads(number), hash, ..Settings::default() };
            let inspection = inspect(&paths, settings, &told);
            let read: u64 = inspection.inputs().iter().map(|input| size(&input.path)).sum();
            let expected = read + size(&folder.path().join("notes.txt"));
            assert_eq!(told.expected.into_inner(), expected);
            assert_eq!((told.read.into_inner(), told.opened.into_inner()), (expected, 14 + shipped() as u64));
        }
    }
}

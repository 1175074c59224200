//! The whole tool on one capture, and what it says in every format. Laws: every frame is in one class; the report is the same
//! read in pieces and read in one go; nothing in any format leaves the form of that format or steers a terminal.

use std::fs;
use std::num::NonZeroUsize;

use borderpost::inspect::{Inspection, Settings, inspect};
use borderpost::report::lang::Lang;
use borderpost::report::{self, table};

use super::bundle::memory;
use super::frames::captures;

pub fn seeds() -> Vec<Vec<u8>> {
    // The first half of each capture: long enough for sessions and meetings.
    let whole = captures().into_iter().filter_map(|path| fs::read(path).ok());
    whole.map(|file| file[..file.len().min(60_000)].to_vec()).collect()
}

pub fn run(data: &[u8]) {
    let Ok(folder) = tempfile::Builder::new().tempdir_in(memory()) else { return };
    let path = folder.path().join("made.pcapng");
    if fs::write(&path, data).is_err() {
        return;
    }
    let read = |threads: usize| {
        let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        let max_unpacked = Some(1 << 22);
        let settings = Settings { hash: false, threads, least_piece: 1, max_unpacked, ..Settings::default() };
        inspect(std::slice::from_ref(&path), settings, &())
    };
    let inspection = read(1);
    let census = inspection.census();
    assert_eq!(census.by_name().values().sum::<u64>(), census.frames());
    let json = formats(&inspection);
    assert_eq!(json, report::json(&report::build(&read(3), ALL)), "in pieces");
}

/// Looks at every format, and gives the JSON.
fn formats(inspection: &Inspection) -> String {
    let report = report::build(inspection, ALL);
    let json = report::json(&report);
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    for line in report::jsonl(&report).lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
    let table = table::table(&report, table::Color::Never, Lang::ENGLISH);
    assert!(!table.chars().any(|c| c != '\n' && steers(c)), "table");
    let markdown = report::markdown(&report, usize::MAX, Lang::ENGLISH);
    assert!(!markdown.chars().any(|c| c != '\n' && steers(c)), "markdown");
    let csv = report::csv(&report);
    for record in csv::Reader::from_reader(csv.as_bytes()).records() {
        assert!(record.is_ok_and(|record| {
            !record.iter().any(|cell| cell.starts_with(['=', '+', '-', '@', '\t', '\r']))
        }));
    }
    let page = report::html(&report, Lang::ENGLISH);
    assert!(!page.to_lowercase().contains("<img"), "html");
    json
}

fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

const ALL: report::Options = report::Options { show_participants: false, list_flows: true };

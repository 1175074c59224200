//! Laws of the whole program, on shipped captures: a capture cut into pieces says, when they are joined, what it says
//! whole; and whatever becomes of its bytes, every frame ends in exactly one class.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use borderpost::inspect::{Inspection, Settings, inspect};
use borderpost::report::lang::Lang;
use borderpost::report::{self, table};
use proptest::prelude::*;
use serde_json::Value;

const CAPTURES: [&str; 3] = ["eea-meeting", "eu-meeting-us-telemetry", "third-parties"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn pieces_joined_say_what_the_whole_says(
        name in prop::sample::select(&CAPTURES[..]),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let capture = shipped(name);
        let frames = frames(&capture);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(frames.len() + 1)).collect();
        cuts.extend([0, frames.len()]);
        cuts.sort_unstable();
        let mut paths = Vec::new();
        for (number, piece) in cuts.windows(2).enumerate() {
            let path = folder.path().join(format!("{number}.pcapng"));
            fs::write(&path, cut(&capture, &frames, piece[0]..piece[1])).unwrap();
            paths.push(path);
        }
        let whole = parts(&read(&[written(folder.path(), &capture)]), &[0]);
        prop_assert_eq!(parts(&read(&paths), &cuts), whole);
    }

    #[test]
    fn frames_of_a_damaged_capture_are_the_sum_of_their_classes(
        name in prop::sample::select(&CAPTURES[..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..200),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut capture = shipped(name);
        for (at, byte) in &changes {
            *at.get_mut(&mut capture) = *byte;
        }
        let inspection = read(&[written(folder.path(), &capture)]);
        let census = inspection.census();
        prop_assert_eq!(census.by_name().values().sum::<u64>(), census.frames());
        let read: u64 =
            inspection.inputs().iter().map(|input| input.summary.frames + input.summary.other_records).sum();
        prop_assert_eq!(read, census.frames());
        let report = report::build(&inspection, ALL);
        let text = table::table(&report, table::Color::Never, Lang::ENGLISH);
        prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    }
}

fn shipped(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("captures/{name}.pcapng"))).unwrap()
}

fn written(folder: &Path, capture: &[u8]) -> PathBuf {
    let path = folder.join("whole.pcapng");
    fs::write(&path, capture).unwrap();
    path
}

/// The blocks that hold frames. What the generator writes is one little-endian section.
fn frames(capture: &[u8]) -> Vec<Range<usize>> {
    let mut frames = Vec::new();
    let mut at = 0;
    while at < capture.len() {
        let word = |at: usize| u32::from_le_bytes(*capture[at..].first_chunk().unwrap());
        let end = at + usize::try_from(word(at + 4)).unwrap();
        if word(at) == ENHANCED_PACKET {
            frames.push(at..end);
        }
        at = end;
    }
    frames
}

/// A capture of some of the frames, behind the same head. What stands behind the last frame stays with it.
fn cut(capture: &[u8], frames: &[Range<usize>], chosen: Range<usize>) -> Vec<u8> {
    let end = |frame: usize| frames.get(frame).map_or(capture.len(), |frame| frame.start);
    [&capture[..frames[0].start], &capture[end(chosen.start)..end(chosen.end)]].concat()
}

fn read(paths: &[PathBuf]) -> Inspection {
    let settings = Settings { join: true, hash: false, ..Settings::default() };
    inspect(paths, settings, &())
}

/// What a report says of the traffic, with every frame numbered as in the whole: `before` frames stand before each input.
fn parts(inspection: &Inspection, before: &[usize]) -> Value {
    let report = serde_json::to_value(report::build(inspection, ALL)).unwrap();
    let parts = ["totals", "headline", "destinations", "sessions", "meetings", "flows"];
    let mut parts: Value = parts.iter().map(|part| (*part, report[part].clone())).collect();
    renumber(&mut parts, before);
    parts
}

fn renumber(value: &mut Value, before: &[usize]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| renumber(item, before)),
        Value::Object(fields) => {
            for (input, frame) in PAIRS {
                let position = fields.get(input).and_then(Value::as_u64);
                if let (Some(position), Some(number)) = (position, fields.get(frame).and_then(Value::as_u64))
                {
                    let number = number + before[usize::try_from(position).unwrap()] as u64;
                    fields.insert(frame.to_owned(), number.into());
                }
            }
            fields.retain(|field, _| !PAIRS.iter().any(|(input, _)| input == field));
            fields.values_mut().for_each(|field| renumber(field, before));
        }
        _ => {}
    }
}

/// Every frame of a report, with the input that it is a frame of.
const PAIRS: [(&str, &str); 7] = [
    ("input", "frame"),
    ("input", "first_frame"),
    ("last_input", "last_frame"),
    ("start_input", "start_frame"),
    ("end_input", "end_frame"),
    ("until_input", "until_frame"),
    ("rtt_input", "rtt_frame"),
];

const ENHANCED_PACKET: u32 = 6;

const ALL: report::Options = report::Options { show_participants: false, list_flows: true };

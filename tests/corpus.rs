//! Every capture of other projects that lies beside the package, read to its end: the frames are as many as
//! other readers count, what they call damaged is reported as damaged, and nothing panics.
//!
//! Input: `../shared/corpus` and `../shared/captures`. Where they are not there, the tests say so and check
//! nothing.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use borderpost::source::{Capture, Options, SourceError, Summary, expand};

/// Formats that are not read, with what the refusal must say.
const NOT_READ: &[(&str, &str)] = &[("snoop", "editcap")];

/// Damaged files in which reading resumes, so that more frames are read than by others, with how many more.
const RESUMED: &[(&str, u64)] = &[];

#[test]
fn every_corpus_file_gives_the_accepted_frames_and_its_damage() {
    let Some(rows) = rows() else { return };
    let mut outcome = Outcome::default();
    for row in &rows {
        let path = shared("corpus").join(&row["file"]);
        if !path.is_file() {
            outcome.skip("not there", &row["file"]);
            continue;
        }
        match read(&path) {
            Ok(summary) => outcome.check(row, &summary),
            Err(error) => outcome.refused(row, &error),
        }
    }
    outcome.report(rows.len());
}

#[test]
fn every_listed_capture_gives_its_packets() {
    let Ok(table) = fs::read_to_string(shared("captures").join("README.md")) else {
        return missing("captures");
    };
    let mut checked = 0;
    for line in table.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, file, _, _, packets, ..] = cells[..] else { continue };
        let (path, Ok(packets)) = (shared("captures").join(file), packets.parse::<u64>()) else { continue };
        let summary = read(&path).unwrap();
        // The table counts what Wireshark numbers.
        assert_eq!(
            (summary.frames + summary.other_records, summary.damage.first()),
            (packets, None),
            "{file}"
        );
        checked += 1;
    }
    assert!(checked >= 30, "only {checked} rows of the table were understood");
    let found = expand(&[shared("captures")]);
    assert_eq!((found.captures.len(), found.others), (checked, 1));
}

/// Frames and damage of one file.
fn read(path: &Path) -> Result<Summary, SourceError> {
    let mut capture = Capture::open(path, &Options::default())?;
    let mut number = 0;
    while let Some(frame) = capture.next_frame() {
        assert!(frame.number > number, "{}", path.display());
        number = frame.number;
    }
    Ok(capture.finish())
}

type Row = BTreeMap<String, String>;

fn rows() -> Option<Vec<Row>> {
    let Ok(table) = fs::read_to_string(shared("corpus").join("expected.tsv")) else {
        missing("corpus");
        return None;
    };
    let mut lines = table.lines().map(|line| line.split('\t'));
    let head: Vec<&str> = lines.next()?.collect();
    let row = |cells: std::str::Split<'_, char>| {
        head.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), cell.to_owned())).collect()
    };
    Some(lines.map(row).collect())
}

fn shared(folder: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")).join(folder)
}

fn missing(folder: &str) {
    std::io::stderr()
        .write_all(
            format!("NOT CHECKED: {} is not there, so nothing was read\n", shared(folder).display())
                .as_bytes(),
        )
        .unwrap();
}

#[derive(Default)]
struct Outcome {
    wrong: Vec<String>,
    skipped: BTreeMap<&'static str, Vec<String>>,
    damaged: u64,
    frames: u64,
}

impl Outcome {
    fn check(&mut self, row: &Row, summary: &Summary) {
        self.frames += summary.frames;
        self.damaged += u64::from(!summary.damage.is_empty());
        let more = RESUMED.iter().find(|(file, _)| *file == row["file"]).map_or(0, |(_, more)| *more);
        let resumed = summary.damage.iter().any(|damage| damage.resumed_at.is_some());
        assert_eq!(resumed, more > 0, "{}", row["file"]);
        let frames = (summary.frames - more).to_string();
        let accepted = row["packets"].split('|').any(|packets| packets == frames);
        // Of what the other readers do not support, only the walk that made the flags says whether it is
        // whole.
        let damaged = match &*row["state"] {
            "ok" => false,
            "unsupported" => row["flags"].contains("cut-"),
            _ => true,
        };
        let agreed = damaged != summary.damage.is_empty();
        // Where both read to the end, both number alike.
        let numbered = row["state"] != "ok"
            || row["tshark_packets"] == (summary.frames + summary.other_records).to_string();
        let hashed = summary.sha256.as_deref() == Some(&row["sha256"]);
        let sized = summary.size.to_string() == row["size"];
        let interfaces = row["interfaces"].is_empty()
            || damaged
            || summary.interfaces.len().to_string() == row["interfaces"];
        if !(accepted && agreed && numbered && hashed && sized && interfaces) {
            self.differ(
                &row["file"],
                &format!(
                    "{} frames for {}, {} interfaces for {}, {} and {:?}, numbers {numbered}, \
                     hash {hashed}, size {sized}",
                    summary.frames,
                    row["packets"],
                    summary.interfaces.len(),
                    row["interfaces"],
                    row["state"],
                    summary.damage,
                ),
            );
        }
    }

    fn refused(&mut self, row: &Row, error: &SourceError) {
        let unread = NOT_READ.iter().find(|(kind, _)| row["format"] == *kind || row["compression"] == *kind);
        match unread {
            Some((kind, says)) if error.to_string().contains(says) => self.skip(kind, &row["file"]),
            _ => self.differ(&row["file"], &error.to_string()),
        }
    }

    fn differ(&mut self, file: &str, how: &str) {
        self.wrong.push(format!("{file}: {how}"));
    }

    fn skip(&mut self, why: &'static str, file: &str) {
        self.skipped.entry(why).or_default().push(file.to_owned());
    }

    fn report(&self, rows: usize) {
        for (why, files) in &self.skipped {
            std::io::stderr()
                .write_all(format!("NOT READ ({why}): {}\n", files.join(", ")).as_bytes())
                .unwrap();
        }
        std::io::stderr()
            .write_all(format!("{rows} files, {} frames, {} damaged\n", self.frames, self.damaged).as_bytes())
            .unwrap();
        assert!(self.wrong.is_empty(), "{} differ:\n{}", self.wrong.len(), self.wrong.join("\n"));
    }
}

/// What is said of frames beside them, in a capture of Apple's tcpdump.
#[test]
fn a_capture_of_apples_tcpdump_tells_directions_and_processes() {
    let path = shared("captures").join("ndpi-mpeg-apple-process.pcap");
    if !path.is_file() {
        return missing("captures");
    }
    let mut capture = Capture::open(&path, &Options::default()).unwrap();
    let mut named = 0;
    while let Some(frame) = capture.next_frame() {
        assert!(frame.direction.is_some());
        if let Some(process) = frame.process {
            assert_eq!((process.name, process.pid), (&b"acwebsecagent"[..], Some(224)));
            named += 1;
        }
    }
    let summary = capture.finish();
    assert_eq!((summary.marks.inbound + summary.marks.outbound, named), (19, 10));
    assert_eq!(summary.sections[0].os.as_deref(), Some("Darwin 14.3.0"));
}

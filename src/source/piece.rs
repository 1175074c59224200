//! Captures that are read in pieces: where records begin in the middle of a file, and single records again.
//!
//! Input: a classic capture in a file, and a place in it. Output: the capture from a record near that place on, or the record
//! at it. Must not: take the place for more than a guess, since nothing in the format marks a record's beginning; who reads up
//! to it from the front and arrives there has the proof.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use super::input::Input;
use super::pcap::{self, RECORD_HEADER, USUAL_LIMIT};
use super::stored::Stored;
use super::{Capture, Format, Options, Record, SourceError, Walker};
use crate::frame::{Frame, Timestamp};

impl Capture {
    /// Whether it can be read from the middle: a classic capture in a file that is whole and not packed, of whose bytes no hash
    /// is wanted.
    #[must_use]
    pub fn is_divisible(&self) -> bool {
        self.format == Format::Pcap
            && self.compression.is_none()
            && self.size.is_some()
            && self.turns.is_none()
            && !self.hashing
            && !self.ended
    }

    /// Where the next record begins, in bytes of the unpacked capture.
    #[must_use]
    #[inline]
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// Opens the capture at `path` at the first place from byte `from` on where records seem to begin; `None` where there is
    /// none near, or the capture cannot be read from the middle. Its frames are numbered from 1.
    pub fn open_near(path: &Path, options: &Options, from: u64) -> Result<Option<Self>, SourceError> {
        let mut capture = Self::open(path, options)?;
        let Some((file, start)) = capture.divided(path, from) else { return Ok(None) };
        capture.input = Input::from(Stored::new(Box::new(file), None), start);
        Ok(Some(capture))
    }

    /// Single records of the capture at `path`.
    pub fn records(path: &Path, options: &Options) -> Result<Option<Records>, SourceError> {
        let capture = Self::open(path, options)?;
        let Walker::Pcap(walker) = capture.walker else { return Ok(None) };
        let file = File::open(path).map_err(|error| SourceError::io(&path.to_string_lossy(), &error))?;
        Ok(Some(Records {
            walker,
            file: BufReader::with_capacity(READ_AHEAD, file),
            at: 0,
            data: Vec::new(),
        }))
    }

    fn divided(&self, path: &Path, from: u64) -> Option<(File, u64)> {
        let Walker::Pcap(walker) = &self.walker else { return None };
        if !self.is_divisible() {
            return None;
        }
        let mut file = File::open(path).ok()?;
        file.seek(SeekFrom::Start(from)).ok()?;
        let (mut window, mut found) = (Vec::new(), None);
        for size in WINDOWS {
            let more = size.saturating_sub(window.len() as u64);
            file.by_ref().take(more).read_to_end(&mut window).ok()?;
            let ends = (window.len() as u64) < size;
            found = begins(walker, &window, ends, Some(size) == WINDOWS.last().copied());
            if found.is_some() {
                break;
            }
        }
        let start = from.checked_add(found? as u64)?;
        file.seek(SeekFrom::Start(start)).ok()?;
        Some((file, start))
    }
}

/// The first place among `bytes` from which on many records follow one another, or all up to the end where the file `ends`
/// with them. Nothing where that takes more bytes, unless these are all that there is to be (`are_all`).
fn begins(walker: &pcap::Walker, bytes: &[u8], ends: bool, are_all: bool) -> Option<usize> {
    let farthest = bytes.len().min(USUAL_LIMIT as usize + RECORD_HEADER);
    let follow = |start| follow(walker, bytes, start, ends);
    let is_told = |(_, follow): &(usize, Option<bool>)| follow.map_or(!are_all, |follow| follow);
    let (start, follow) = (0..farthest).map(|start| (start, follow(start))).find(is_told)?;
    follow.map(|_| start)
}

/// Whether records that are like one another follow from here on; `None` where the bytes end first and the file does not.
fn follow(walker: &pcap::Walker, bytes: &[u8], start: usize, ends: bool) -> Option<bool> {
    let mut at = start;
    let mut before = None;
    for found in 0..IN_A_ROW {
        let Some(header) = bytes.get(at..).and_then(|rest| rest.first_chunk()) else {
            return ends.then_some(found > 0 && at == bytes.len());
        };
        let Some(record) = walker.of_usual_header(*header) else { return Some(false) };
        let apart =
            |before: Timestamp| record.time.and_then(|time| time.since(before).or(before.since(time)));
        if before.is_some_and(|before| apart(before).is_none_or(|apart| apart > NEAR)) {
            return Some(false);
        }
        at = at.saturating_add(RECORD_HEADER + record.len);
        before = record.time;
    }
    Some(true)
}

/// Single records of a classic capture, read again by their places.
#[derive(Debug)]
pub struct Records {
    walker: pcap::Walker,
    file: BufReader<File>,
    /// Where the file is read on.
    at: u64,
    data: Vec<u8>,
}

impl Records {
    /// The record that begins at byte `offset`, as frame `number`; `None` where it cannot be read.
    pub fn frame(&mut self, offset: u64, number: u64) -> Option<Frame<'_>> {
        let ahead = i64::try_from(i128::from(offset) - i128::from(self.at)).ok()?;
        self.file.seek_relative(ahead).ok()?;
        let mut header = [0; RECORD_HEADER];
        self.file.read_exact(&mut header).ok()?;
        let Record { time, wire_len, link, len, .. } = self.walker.of_header(header)?;
        self.data.resize(len, 0);
        self.file.read_exact(&mut self.data).ok()?;
        self.at = offset.checked_add((RECORD_HEADER + len) as u64)?;
        Some(Frame { time, wire_len, ..Frame::new(number, link, &self.data) })
    }
}

/// Records in a row that show where records begin.
const IN_A_ROW: usize = 24;
/// What is looked through for them, in bytes: little first, which is nearly always enough.
const WINDOWS: [u64; 2] = [1 << 16, 4 << 20];
/// How far apart the times of two neighbours may be: a day.
const NEAR: Duration = Duration::from_hours(24);
/// What is read at once for a single record, in bytes.
const READ_AHEAD: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::order::ByteOrder;
    use crate::source::sample::Pcap;

    /// A capture of 60 records of 10 to 69 bytes, and where each begins.
    fn capture() -> (Vec<u8>, Vec<u64>) {
        let mut file = Pcap::new(ByteOrder::Little, 0xa1b2c3d4, 65_535, 1);
        let mut starts = vec![24];
        for number in 0..60_u32 {
            let data: Vec<u8> = (0..10 + number).map(|byte| (byte * 37 + number).to_le_bytes()[0]).collect();
            file = file.record(1_000 + number, number, 100, &data);
            starts.push(starts.last().unwrap() + 16 + data.len() as u64);
        }
        (file.bytes(), starts)
    }

    fn opened(bytes: &[u8]) -> (tempfile::NamedTempFile, Options) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        (file, Options { hash: false, ..Options::default() })
    }

    #[test]
    fn a_piece_begins_at_the_next_record() {
        let (bytes, starts) = capture();
        let (file, options) = opened(&bytes);
        for from in [25, 500, 1_500, 2_500] {
            let next = *starts.iter().find(|start| **start >= from).unwrap();
            let mut piece = Capture::open_near(file.path(), &options, from).unwrap().unwrap();
            assert_eq!(piece.offset(), next, "from {from}");
            let left = starts.iter().filter(|start| **start >= next).count() - 1;
            assert_eq!(std::iter::from_fn(|| piece.next_frame().map(|frame| frame.number)).count(), left);
            let summary = piece.finish();
            assert_eq!((summary.frames, summary.size), (left as u64, bytes.len() as u64));
        }
    }

    #[test]
    fn where_no_records_are_there_is_no_piece() {
        let (mut bytes, starts) = capture();
        bytes.extend([0xFF; 5_000]);
        let (file, options) = opened(&bytes);
        assert!(Capture::open_near(file.path(), &options, starts[60]).unwrap().is_none());
        let hashed = Options::default();
        assert!(
            Capture::open_near(file.path(), &hashed, 25).unwrap().is_none(),
            "a hash is of all bytes in order"
        );
    }

    #[test]
    fn a_record_is_read_again_by_its_place() {
        let (bytes, starts) = capture();
        let (file, options) = opened(&bytes);
        let mut records = Capture::records(file.path(), &options).unwrap().unwrap();
        for number in [3_u8, 4, 40, 59, 0] {
            let frame = records.frame(starts[usize::from(number)], 7).unwrap();
            let first = 37_u8.wrapping_mul(9).wrapping_add(number);
            assert_eq!((frame.number, frame.wire_len, frame.data.len()), (7, 100, 10 + usize::from(number)));
            assert_eq!(frame.data[9], first);
            let nanos = (1_000 + i64::from(number)) * 1_000_000_000 + i64::from(number) * 1_000;
            assert_eq!(frame.time, Some(Timestamp::from_nanos(nanos)));
        }
        assert!(records.frame(bytes.len() as u64, 1).is_none());
    }
}

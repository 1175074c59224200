//! Captures looked over: what they say about themselves and what their frames are, without flows and without a judgement.
//!
//! Input: paths. Output: a [`Survey`] for each capture. Must not: keep a frame, or need memory that grows with the frames.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::frame::{Direction, Frame, FrameRef, LinkType, ProcessMethod, Timestamp};
use crate::inspect::around::annotated;
use crate::inspect::census::{Census, Counted};
use crate::inspect::inputs::{Inputs, Opened};
use crate::inspect::progress::Progress;
use crate::inspect::times::Times;
use crate::packet::{self, Class, Decoded, Opener};
use crate::source::{Options, SourceError, Summary, expand};

/// What surveying gave.
#[derive(Debug, Default)]
pub struct Surveys {
    /// One for each input that was read, in order.
    pub captures: Vec<Survey>,
    /// The inputs that could not be read, and why.
    pub failures: Vec<SourceError>,
    /// Files in the folders named that are no captures.
    pub files_skipped: u64,
}

/// One capture, looked over.
#[derive(Debug)]
pub struct Survey {
    /// The path as it was given.
    pub path: PathBuf,
    /// What its reader says of it.
    pub summary: Summary,
    /// What every frame ended as. Frames refer to input 0. A packet that was captured on two interfaces counts twice here,
    /// since no flow tells the copies from each other.
    pub census: Census,
    /// The tunnels that were opened, and the fragments that were put together.
    pub opener: Opener,
    /// The bytes that were captured of the frames.
    pub bytes_captured: u64,
    /// The earliest time of a frame.
    pub earliest: Option<Timestamp>,
    /// The latest time of a frame.
    pub latest: Option<Timestamp>,
    /// Frames whose time lies before that of the frame before them, if any.
    pub backwards: Option<Counted>,
    /// Frames by link type.
    pub by_link: BTreeMap<LinkType, u64>,
    /// Frames that the capture says went to the capturing machine, beside them or in what a program wrote around them.
    pub inbound: u64,
    /// Frames that it says came from it.
    pub outbound: u64,
    /// Frames whose process the capture names, beside them or around them, by how it does.
    pub by_process_method: BTreeMap<ProcessMethod, u64>,
}

/// Looks captures over, several at a time. An input that cannot be read is noted and the others go on.
#[must_use]
pub fn survey(
    paths: &[PathBuf],
    options: Options,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Surveys {
    let mut inputs = Inputs::new(expand(paths), options, threads, progress);
    let captures = inputs.read_each(read);
    Surveys { captures, failures: inputs.failures, files_skipped: inputs.others }
}

fn read(opened: Opened<'_>) -> Survey {
    let Opened { path, mut capture, mut watch, .. } = opened;
    let mut tally = Tally::default();
    while let Some(frame) = capture.next_frame() {
        tally.count(&frame);
        if frame.number.is_multiple_of(watch.interval) {
            watch.look(&capture);
        }
    }
    let summary = capture.finish();
    watch.end(summary.size);
    tally.end(path, summary)
}

/// What is counted while a capture is read.
#[derive(Default)]
struct Tally {
    census: Census,
    opener: Opener,
    times: Times,
    bytes_captured: u64,
    by_link: BTreeMap<LinkType, u64>,
    inbound: u64,
    outbound: u64,
    by_process_method: BTreeMap<ProcessMethod, u64>,
}

impl Tally {
    fn count(&mut self, frame: &Frame<'_>) {
        match annotated(frame) {
            Some((frame, _)) => self.take(&frame),
            None => self.take(frame),
        }
    }

    fn take(&mut self, frame: &Frame<'_>) {
        let at = FrameRef::new(0, frame.number);
        self.census.count(frame);
        if let Some(class) = self.class(frame, at) {
            self.census.classify(class, 1, at);
        }
        self.times.see(frame.time, at);
        self.bytes_captured += frame.data.len() as u64;
        *self.by_link.entry(frame.link).or_default() += 1;
        self.said(frame);
    }

    /// Counts which way the frame went and whose it is.
    fn said(&mut self, frame: &Frame<'_>) {
        match frame.direction {
            Some(Direction::Inbound) => self.inbound += 1,
            Some(Direction::Outbound) => self.outbound += 1,
            None => {}
        }
        if let Some(process) = frame.process {
            *self.by_process_method.entry(process.method).or_default() += 1;
        }
    }

    /// The frame's class; `None` where its fragment waits for others.
    fn class(&mut self, frame: &Frame<'_>, at: FrameRef) -> Option<Class> {
        let class = packet::decode(frame.link, frame.data, frame.wire_len).class();
        if !Opener::opens(class) {
            return Some(class);
        }
        let class = self.opener.open(frame, at, |opened| opened.decoded.as_ref().map(Decoded::class));
        self.settle();
        class
    }

    /// Counts the fragments whose fate is known by now.
    fn settle(&mut self) {
        for settled in self.opener.settled() {
            self.census.classify(settled.class, settled.frames, settled.first);
        }
    }

    fn end(mut self, path: PathBuf, summary: Summary) -> Survey {
        self.opener.finish();
        self.settle();
        self.census.count_records(summary.other_records);
        Survey {
            path,
            summary,
            census: self.census,
            opener: self.opener,
            bytes_captured: self.bytes_captured,
            earliest: self.times.earliest,
            latest: self.times.latest,
            backwards: self.times.backwards,
            by_link: self.by_link,
            inbound: self.inbound,
            outbound: self.outbound,
            by_process_method: self.by_process_method,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_survey_counts_what_an_inspection_counts() {
        let folder = [PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("captures")];
        let surveys = survey(&folder, Options::default(), NonZeroUsize::MIN, &());
        let inspection = crate::inspect::inspect(&folder, crate::inspect::Settings::default(), &());
        assert!(surveys.captures.len() >= 3, "{}", surveys.captures.len());
        assert_eq!(surveys.captures.len(), inspection.inputs().len());
        assert_eq!(surveys.files_skipped, inspection.files_skipped());
        let mut frames = BTreeMap::<&str, u64>::new();
        for (survey, input) in surveys.captures.iter().zip(inspection.inputs()) {
            assert_eq!((&survey.path, &survey.summary), (&input.path, &input.summary));
            assert_eq!((survey.earliest, survey.latest), (input.earliest, input.latest));
            assert_eq!(survey.backwards.map(|b| b.frames), input.backwards.map(|b| b.frames));
            let names = survey.census.by_name();
            assert_eq!(names.values().sum::<u64>(), survey.census.frames());
            assert_eq!(survey.by_link.values().sum::<u64>(), survey.summary.frames);
            for (name, number) in names {
                *frames.entry(name).or_default() += number;
            }
        }
        assert_eq!(frames, inspection.census().by_name());
    }
}

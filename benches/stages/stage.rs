//! The stages, and what one took.
//!
//! Input: a file. Output: processor time, packets, flows and peak memory of one stage, and rows from the medians of all.
//! Must not: print.

use std::fmt;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use borderpost::evidence::Evidence;
use borderpost::flow::{Flows, Scope, Seen};
use borderpost::frame::{Frame, FrameRef};
use borderpost::inspect::{self, Inspection, Settings};
use borderpost::packet::{self, Decoded, Packet};
use borderpost::source::{Capture, Options};

use crate::after;
use crate::usage::{self, Whose};

/// One stage, in the order of the data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// The file through a buffer that stays in the cache, and not looked at.
    Read,
    /// Its records.
    Walk,
    /// Their packets.
    Decode,
    /// The flows of those.
    Flow,
    /// What flows say of themselves.
    Names,
    /// All of an inspection.
    Inspect,
    /// The judgement in it, alone.
    Judge,
    /// Of that, where the client's remote ends stand.
    Place,
    /// Of that, the findings about them.
    Verdict,
    /// Of that, the client's sessions.
    Session,
    /// The report as a table.
    Report,
}

impl Stage {
    pub(crate) const ALL: [Self; 11] = [
        Self::Read,
        Self::Walk,
        Self::Decode,
        Self::Flow,
        Self::Names,
        Self::Inspect,
        Self::Judge,
        Self::Place,
        Self::Verdict,
        Self::Session,
        Self::Report,
    ];

    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Walk => "walk",
            Self::Decode => "decode",
            Self::Flow => "flow",
            Self::Names => "names",
            Self::Inspect => "inspect",
            Self::Judge => "judge",
            Self::Place => "place",
            Self::Verdict => "verdict",
            Self::Session => "session",
            Self::Report => "report",
        }
    }

    /// What its row is called.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Inspect => "the rest of reading",
            Self::Place => "of which place",
            Self::Verdict => "of which verdict",
            Self::Session => "of which session",
            other => other.name(),
        }
    }

    /// Runs it on a file, with everything before it.
    pub(crate) fn run(self, file: &Path) -> io::Result<Took> {
        match self {
            Self::Read => took(|| Ok((read(file)?, 0))),
            Self::Walk => took(|| Ok((each_frame(file, |frame| _ = black_box(frame))?, 0))),
            Self::Decode => took(|| Ok((each_frame(file, |frame| _ = black_box(&packet_of(frame)))?, 0))),
            Self::Flow => {
                let mut flows = Flows::new();
                took(|| {
                    let frames = each_frame(file, |frame| {
                        if let Some(packet) = packet_of(frame) {
                            observe(&mut flows, frame, &packet);
                        }
                    })?;
                    Ok((frames, flows.len()))
                })
            }
            Self::Names => {
                let (mut flows, mut evidence) = (Flows::new(), Evidence::default());
                took(|| {
                    let frames = each_frame(file, |frame| {
                        if let Some(packet) = packet_of(frame) {
                            let seen = observe(&mut flows, frame, &packet);
                            let at = FrameRef::new(0, frame.number);
                            evidence.observe(&mut flows, seen, &packet, at, frame.time);
                        }
                    })?;
                    evidence.finish(&flows);
                    Ok((frames, flows.len()))
                })
            }
            Self::Inspect => {
                let mut inspection = None;
                took(|| Ok(size(inspection.insert(inspected(file, settings())))))
            }
            Self::Judge => {
                let mut inspection = Some(inspected(file, settings()));
                took(|| {
                    let again = inspection.take().map(|inspection| inspection.judged_by(settings()));
                    Ok(inspection.insert(again.ok_or_else(|| io::Error::other("nothing to judge"))?))
                        .map(|i| size(i))
                })
            }
            Self::Place => after::place(&inspected(file, settings())),
            Self::Verdict => after::verdict(&inspected(file, settings())),
            Self::Session => after::session(&inspected(file, settings())),
            Self::Report => after::report(&inspected(file, settings())),
        }
    }

    /// Its row: what it alone adds; `None` where that is not known.
    pub(crate) fn nanos_a_packet(self, all: &[Took]) -> Option<i64> {
        let took = |stage: Self| all.get(stage as usize).map(|took| i64::try_from(took.time.as_nanos()));
        let time = |stage| took(stage)?.ok();
        let alone = match self {
            // Reading the file alone is within every stage that reads; what is behind reading is within inspecting.
            Self::Read | Self::Judge | Self::Place | Self::Verdict | Self::Session | Self::Report => {
                time(self)?
            }
            Self::Inspect => time(self)? - time(Self::Judge)? - time(Self::Names)?,
            _ => time(self)? - time(self.before()?)?,
        };
        let packets = all.get(Self::Walk as usize)?.packets;
        alone.checked_div(i64::try_from(packets).ok()?)
    }

    /// Its row: by how much the peak is above that of the stage before, for each flow; `None` where it keeps nothing of its
    /// own, or where the system does not tell.
    pub(crate) fn bytes_a_flow(self, all: &[Took]) -> Option<i64> {
        let peak = |stage: Self| i64::try_from(all.get(stage as usize)?.peak?).ok();
        let before = match self {
            Self::Flow => Self::Decode,
            Self::Names => Self::Flow,
            Self::Judge => Self::Names,
            Self::Report => Self::Inspect,
            _ => return None,
        };
        // Judging is measured where it is first done, which is in inspecting.
        let own = if self == Self::Judge { Self::Inspect } else { self };
        let flows = all.get(Self::Inspect as usize)?.flows;
        ((peak(own)? - peak(before)?) * 1024).checked_div(i64::try_from(flows).ok()?)
    }

    fn before(self) -> Option<Self> {
        let position = Self::ALL.iter().position(|stage| *stage == self)?;
        Self::ALL.get(position.checked_sub(1)?).copied()
    }
}

/// What a stage took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Took {
    pub(crate) time: Duration,
    pub(crate) packets: u64,
    pub(crate) flows: usize,
    /// Peak resident memory of the process in KiB, where the system tells: Linux does.
    pub(crate) peak: Option<u64>,
}

impl Took {
    /// The medians of several runs; `None` of none.
    pub(crate) fn medians(all: &[Self]) -> Option<Self> {
        let mut times: Vec<Duration> = all.iter().map(|took| took.time).collect();
        let mut peaks: Vec<Option<u64>> = all.iter().map(|took| took.peak).collect();
        times.sort_unstable();
        peaks.sort_unstable();
        let (first, middle) = (all.first()?, all.len() / 2);
        Some(Self { time: *times.get(middle)?, peak: *peaks.get(middle)?, ..*first })
    }
}

/// The line that a process for one stage prints.
impl fmt::Display for Took {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { time, packets, flows, peak } = self;
        write!(out, "{} {packets} {flows} {}", time.as_nanos(), peak.unwrap_or(0))
    }
}

impl FromStr for Took {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let numbers: Vec<u64> = line.split_whitespace().map_while(|number| number.parse().ok()).collect();
        let [nanos, packets, flows, peak] = numbers[..] else { return Err(()) };
        let flows = usize::try_from(flows).map_err(|_| ())?;
        Ok(Self { time: Duration::from_nanos(nanos), packets, flows, peak: (peak > 0).then_some(peak) })
    }
}

/// Takes the processor time of `work`, which gives the numbers of packets and of flows. What it made must outlive it.
pub(crate) fn took(work: impl FnOnce() -> io::Result<(u64, usize)>) -> io::Result<Took> {
    let (before, _) = usage::of(Whose::Own)?;
    let (packets, flows) = work()?;
    let (after, _) = usage::of(Whose::Own)?;
    Ok(Took { time: after.saturating_sub(before), packets, flows, peak: peak() })
}

/// The most memory that this program has had, in KiB. The account of the process has that of its parent in it, too, from which
/// it was split off.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn read(file: &Path) -> io::Result<u64> {
    let mut file = File::open(file)?;
    let mut buffer = vec![0; 256 * 1024];
    while file.read(&mut buffer)? > 0 {
        black_box(&buffer);
    }
    Ok(0)
}

/// Reads the capture and shows every frame; gives their number.
fn each_frame(file: &Path, mut show: impl FnMut(&Frame<'_>)) -> io::Result<u64> {
    let options = Options { hash: false, ..Options::default() };
    let mut capture = Capture::open(file, &options).map_err(io::Error::other)?;
    while let Some(frame) = capture.next_frame() {
        show(&frame);
    }
    Ok(capture.finish().frames)
}

/// The packet in a frame, by the short way where there is one, as an inspection decodes.
fn packet_of<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    packet::plain(frame.link, frame.data, frame.wire_len).or_else(|| {
        match packet::decode(frame.link, frame.data, frame.wire_len) {
            Decoded::Packet(packet) => Some(packet),
            _ => None,
        }
    })
}

fn observe(flows: &mut Flows, frame: &Frame<'_>, packet: &Packet<'_>) -> Seen {
    let scope = Scope { vlan: packet.vlan, ..Scope::default() };
    flows.observe(packet, scope, FrameRef::new(0, frame.number), frame.wire_len, frame.time)
}

fn settings() -> Settings {
    Settings { hash: false, threads: NonZeroUsize::MIN, ..Settings::default() }
}

fn inspected(file: &Path, settings: Settings) -> Inspection {
    inspect::inspect(&[file.to_owned()], settings, &())
}

/// The packets and flows of an inspection.
pub(crate) fn size(inspection: &Inspection) -> (u64, usize) {
    let flows = inspection.units().iter().map(|unit| unit.flows().len()).sum();
    (inspection.census().frames(), flows)
}

#[cfg(test)]
#[allow(
    dead_code,
    unused_imports,
    reason = "run in tests/stages.rs; a benchmark is built with `test` and without the harness"
)]
mod tests {
    use super::*;

    /// Stages that took 10, 20, 30… microseconds for 10 packets on 2 flows, with peaks of 100, 200, 300… KiB.
    fn all() -> Vec<Took> {
        let took = |number: u64| Took {
            time: Duration::from_micros(10 * number),
            packets: 10,
            flows: 2,
            peak: Some(100 * number),
        };
        (1..).map(took).take(Stage::ALL.len()).collect()
    }

    #[test]
    fn stages_stand_in_their_order() {
        for (position, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, position);
        }
    }

    #[test]
    fn a_stage_that_reads_is_shown_without_those_before_it() {
        let row = |stage: Stage| stage.nanos_a_packet(&all());
        assert_eq!([Stage::Read, Stage::Walk, Stage::Names].map(row), [Some(1000); 3]);
        // Inspecting took 60 microseconds, judging 70 and names 50.
        assert_eq!(row(Stage::Inspect), Some(-6000));
        assert_eq!([Stage::Judge, Stage::Report].map(row), [Some(7000), Some(11_000)]);
        assert_eq!(Stage::Walk.nanos_a_packet(&[]), None);
    }

    #[test]
    fn memory_is_what_a_stage_adds_to_the_one_before_it() {
        let row = |stage: Stage| stage.bytes_a_flow(&all());
        assert_eq!([Stage::Flow, Stage::Names, Stage::Judge].map(row), [Some(100 * 1024 / 2); 3]);
        assert_eq!(row(Stage::Report), Some(500 * 1024 / 2));
        assert_eq!(row(Stage::Place), None);
    }

    #[test]
    fn what_a_process_prints_is_read_back() {
        let took = all()[3];
        assert_eq!(took.to_string().parse(), Ok(took));
        let unknown = Took { peak: None, ..took };
        assert_eq!(unknown.to_string().parse(), Ok(unknown));
        assert_eq!("1 2 3".parse::<Took>(), Err(()));
    }

    #[test]
    fn medians_are_taken_of_each_figure_alone() {
        let [a, b, c] = [all()[0], all()[1], all()[2]];
        let runs = [Took { time: a.time, ..c }, Took { time: c.time, ..a }, b];
        assert_eq!(Took::medians(&runs).map(|took| (took.time, took.peak)), Some((b.time, b.peak)));
        assert_eq!(Took::medians(&[]), None);
    }
}

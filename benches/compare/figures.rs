//! What the costs have to show: the figures that are asked for, and whether they are reached.
//!
//! Input: measured groups. Output: figures with their goals. What was not measured is said, never taken for reached.
//! Must not: run anything.

use std::fmt;
use std::time::Duration;

use crate::jobs::{
    CAT, GZIP, GZIPPED, HASHED, MERCURY, NDPI_CSV, OURS, OURS_ON_TWO, PCAPNG, SHA, SURICATA, Scale, TCPDUMP,
    TSHARK,
};
use crate::measure::Cost;

/// What was measured on one file.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The workload's name.
    pub(crate) workload: &'static str,
    /// How much of it.
    pub(crate) scale: Scale,
    /// Its size in MiB.
    pub(crate) mebibytes: u64,
    /// Its packets.
    pub(crate) packets: u64,
    /// Who ran, and the medians of that.
    pub(crate) rows: Vec<(&'static str, Cost)>,
}

impl Group {
    /// The medians of a job, if it was run.
    pub(crate) fn cost(&self, label: &str) -> Option<Cost> {
        self.rows.iter().find(|(known, _)| *known == label).map(|(_, cost)| *cost)
    }
}

/// Everything that was measured.
#[derive(Default, Debug)]
pub(crate) struct Measured {
    /// The files.
    pub(crate) groups: Vec<Group>,
    /// Of each workload's reports on 2 and on 10 threads, how many differ from that on one.
    pub(crate) differing: Vec<(&'static str, u32)>,
    /// Peak memory in KiB on a stream eight times the full size.
    pub(crate) long_peaks: Vec<(&'static str, u64)>,
    /// Instructions that reading a packet of the small `mixed` takes.
    pub(crate) reading: Option<u64>,
}

impl Measured {
    fn group(&self, workload: &str, scale: Scale) -> Option<&Group> {
        self.groups.iter().find(|group| group.workload == workload && group.scale == scale)
    }
}

/// A figure that is asked for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Figure {
    /// Its number; several figures may share one.
    pub(crate) number: u8,
    /// What it is.
    pub(crate) what: String,
    /// What it has to be.
    pub(crate) goal: Goal,
    /// What it is; `None` where that was not measured.
    pub(crate) found: Option<f64>,
}

/// What a figure has to be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl fmt::Display for Goal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(out, "at most {limit}"),
            Self::AtLeast(limit) => write!(out, "at least {limit}"),
        }
    }
}

impl Figure {
    /// How it stands.
    pub(crate) fn verdict(&self) -> &'static str {
        let is_reached = match (self.goal, self.found) {
            (_, None) => return "not measured",
            (Goal::AtMost(limit), Some(found)) => found <= limit,
            (Goal::AtLeast(limit), Some(found)) => found >= limit,
        };
        if is_reached { "reached" } else { "not reached" }
    }
}

/// Every figure, in the order of its number.
pub(crate) fn figures(measured: &Measured) -> Vec<Figure> {
    let mut figures: Vec<Figure> = RATIOS.iter().map(|ratio| ratio.figure(measured)).collect();
    figures.push(bytes_a_flow(measured));
    figures.extend(THREADED.into_iter().flat_map(|(workload, gain)| threads(measured, workload, gain)));
    figures.extend(LEVEL.into_iter().flat_map(|workload| peaks(measured, workload)));
    figures.push(Figure {
        number: 9,
        what: "mixed 32 MiB: instructions to read a packet".to_owned(),
        goal: Goal::AtMost(800.0),
        found: measured.reading.map(number),
    });
    figures.sort_by_key(|figure| figure.number);
    figures
}

/// A ratio of two costs on one file.
struct Ratio {
    number: u8,
    workload: &'static str,
    scale: Scale,
    of: Of,
    jobs: [&'static str; 2],
    goal: Goal,
}

#[derive(Clone, Copy)]
enum Of {
    Cpu,
    Wall,
}

impl Ratio {
    fn figure(&self, measured: &Measured) -> Figure {
        let Self { number, workload, scale, of, jobs: [first, second], goal } = *self;
        let (name, time): (_, fn(Cost) -> Duration) = match of {
            Of::Cpu => ("CPU", |cost| cost.cpu),
            Of::Wall => ("wall", |cost| cost.wall),
        };
        let group = measured.group(workload, scale);
        let found = group.and_then(|group| {
            let [first, second] = [group.cost(first)?, group.cost(second)?].map(time);
            (!second.is_zero()).then(|| first.div_duration_f64(second))
        });
        let size = group.map_or_else(String::new, |group| format!(", {} MiB", group.mebibytes));
        let what = format!("{workload}{size}: {name} of `{first}` to that of `{second}`");
        Figure { number, what, goal, found }
    }
}

/// Figure 4: memory beyond 64 MiB, for each flow of four packets.
fn bytes_a_flow(measured: &Measured) -> Figure {
    let group = measured.group("flows", Scale::Full);
    let found = group.and_then(|group| {
        let beyond = group.cost(OURS)?.peak.saturating_sub(64 * 1024) * 1024;
        (group.packets >= 4).then(|| number(beyond) / number(group.packets / 4))
    });
    let what = "flows: peak memory beyond 64 MiB, bytes a flow".to_owned();
    Figure { number: 4, what, goal: Goal::AtMost(200.0), found }
}

/// Figure 5: what a second thread gains and costs, and that nobody can tell by the report.
fn threads(measured: &Measured, workload: &'static str, gain: f64) -> [Figure; 3] {
    let ratio =
        |of, jobs, goal| Ratio { number: 5, workload, scale: Scale::Full, of, jobs, goal }.figure(measured);
    let differing = measured.differing.iter().find(|(known, _)| *known == workload);
    [
        ratio(Of::Wall, [OURS, OURS_ON_TWO], Goal::AtLeast(gain)),
        ratio(Of::Cpu, [OURS_ON_TWO, OURS], Goal::AtMost(1.05)),
        Figure {
            number: 5,
            what: format!("{workload}: reports on 2 and 10 threads that differ from that on one"),
            goal: Goal::AtMost(0.0),
            found: differing.map(|(_, count)| f64::from(*count)),
        },
    ]
}

/// Figure 8: memory that does not grow with the capture.
fn peaks(measured: &Measured, workload: &'static str) -> [Figure; 2] {
    let full = measured.group(workload, Scale::Full).and_then(|group| group.cost(OURS)).map(|cost| cost.peak);
    let long = measured.long_peaks.iter().find(|(known, _)| *known == workload).map(|(_, peak)| *peak);
    let figure = |what: &str, peak: Option<u64>| Figure {
        number: 8,
        what: format!("{workload}: peak memory in MiB, {what}"),
        goal: Goal::AtMost(96.0),
        found: peak.map(|peak| number(peak) / 1024.0),
    };
    [figure("full size", full), figure("eight times that", long)]
}

/// A count as a number to divide; what is counted here stays far below 2^32, or is rounded to a multiple of 2^20.
fn number(count: u64) -> f64 {
    let exact = u32::try_from(count).map(f64::from);
    exact.unwrap_or_else(|_| u32::try_from(count >> 20).map_or(f64::INFINITY, f64::from) * 1_048_576.0)
}

/// Workloads, and what a second thread has to gain on them.
const THREADED: [(&str, f64); 5] =
    [("media", 1.8), ("mixed", 1.8), ("small", 1.8), ("flows", 1.6), ("zoom", 1.8)];
/// Workloads of which memory must not grow.
pub(crate) const LEVEL: [&str; 2] = ["media", "mixed"];

const fn cpu(number: u8, workload: &'static str, scale: Scale, jobs: [&'static str; 2], goal: Goal) -> Ratio {
    Ratio { number, workload, scale, of: Of::Cpu, jobs, goal }
}

const fn wall(number: u8, workload: &'static str, jobs: [&'static str; 2], goal: Goal) -> Ratio {
    Ratio { number, workload, scale: Scale::Full, of: Of::Wall, jobs, goal }
}

const RATIOS: [Ratio; 15] = [
    cpu(1, "mixed", Scale::Full, [OURS, TCPDUMP], Goal::AtMost(1.3)),
    cpu(1, "mixed", Scale::Full, [OURS, CAT], Goal::AtMost(3.5)),
    cpu(1, "mixed", Scale::Middle, [NDPI_CSV, OURS], Goal::AtLeast(10.0)),
    cpu(1, "mixed", Scale::Middle, [SURICATA, OURS], Goal::AtLeast(12.0)),
    cpu(1, "mixed", Scale::Little, [TSHARK, OURS], Goal::AtLeast(100.0)),
    cpu(1, "mixed", Scale::Middle, [MERCURY, OURS], Goal::AtLeast(1.5)),
    cpu(2, "media", Scale::Full, [OURS, TCPDUMP], Goal::AtMost(0.9)),
    cpu(2, "media", Scale::Full, [OURS, CAT], Goal::AtMost(1.5)),
    wall(2, "media", [OURS_ON_TWO, CAT], Goal::AtMost(1.0)),
    cpu(3, "small", Scale::Full, [OURS, TCPDUMP], Goal::AtMost(0.9)),
    cpu(3, "small", Scale::Middle, [NDPI_CSV, OURS], Goal::AtLeast(20.0)),
    cpu(4, "flows", Scale::Middle, [NDPI_CSV, OURS], Goal::AtLeast(30.0)),
    wall(6, "mixed", [HASHED, SHA], Goal::AtMost(1.2)),
    cpu(7, "mixed", Scale::Full, [PCAPNG, OURS], Goal::AtMost(1.2)),
    wall(7, "mixed", [GZIPPED, GZIP], Goal::AtMost(1.1)),
];

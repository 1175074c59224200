//! The wiring: from captures to an [`Inspection`], stage by stage.
//!
//! Input: paths and [`Settings`]. Output: everything that a report says, as values with frames and numbers. The only
//! module that knows every stage. Must not: hold rules of its own, print, or keep a frame.

mod around;
mod census;
mod circumstances;
mod hearing;
mod judge;
mod judged;
mod known;
mod law;
mod locate;
mod neighbour;
mod post;
mod relation;
mod stages;
mod survey;
mod times;
mod unit;
mod vantage;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::census::{Census, Counted};
pub use self::hearing::SeenName;
pub use self::judged::{FindingId, Found, Judged};
pub use self::locate::{Placement, VantageConflict};
pub use self::relation::RelationId;
pub use self::survey::{Survey, Surveys, survey};
pub use self::unit::Unit;
pub use self::vantage::{KnownBy, Vantage};
use crate::client::Spoken;
use crate::frame::{Anomaly, Date, FrameRef, Timestamp};
use crate::inspect::times::Times;
use crate::packet::Network;
use crate::place::{self, Databases, Declared, WitnessKind};
use crate::source::{Capture, Follow, Options, SourceError, Summary, expand};
use crate::verdict::Register;

/// What the user chose.
#[derive(Debug)]
pub struct Settings {
    /// The machine ran nothing but the client, by the tester's word.
    pub exclusive: bool,
    /// All inputs are pieces of one capture.
    pub join: bool,
    /// Whether inputs are hashed.
    pub hash: bool,
    /// The most bytes that a packed input may unpack to, instead of the usual limits on bytes and ratio.
    pub max_unpacked: Option<u64>,
    /// Whether inputs are read on at their ends while another program writes them, and for how long.
    pub follow: Option<Follow>,
    /// Networks of the client's own, by the user's word.
    pub local: Vec<Network>,
    /// What addresses are looked up in.
    pub databases: Databases,
    /// The registers that may cover a flow's day.
    pub registers: Vec<Register>,
    /// Where the client stood, by the user's word.
    pub vantage: Option<place::Vantage>,
    /// Lists of ranges with places that the user hands in.
    pub declared: Declared,
    /// Kinds of witnesses that are not heard.
    pub without: BTreeSet<WitnessKind>,
    /// The day by whose law places are read, instead of that of each flow.
    pub law_date: Option<Date>,
}

impl Settings {
    /// How inputs are read.
    fn reading(&self) -> Options {
        let usual = Options { hash: self.hash, follow: self.follow.clone(), ..Options::default() };
        usual.with_max_unpacked(self.max_unpacked)
    }

    /// Whether witnesses of that kind are heard.
    #[must_use]
    pub fn uses(&self, kind: WitnessKind) -> bool {
        !self.without.contains(&kind)
    }
}

/// Separate captures that are hashed, the embedded database and the built-in registers.
impl Default for Settings {
    fn default() -> Self {
        Self {
            exclusive: false,
            join: false,
            hash: true,
            max_unpacked: None,
            follow: None,
            local: Vec::new(),
            databases: Databases::embedded(),
            registers: Register::builtin().to_vec(),
            vantage: None,
            declared: Declared::default(),
            without: BTreeSet::new(),
            law_date: None,
        }
    }
}

/// Somebody who watches the reading.
pub trait Progress {
    /// An input is opened; `size` is its stored size in bytes where it is known.
    fn input(&mut self, path: &Path, size: Option<u64>);
    /// So many stored bytes of that input have been read.
    fn read(&mut self, bytes: u64);
}

/// Nobody watches.
impl Progress for () {
    fn input(&mut self, _: &Path, _: Option<u64>) {}
    fn read(&mut self, _: u64) {}
}

/// One input that was read.
#[derive(Debug)]
pub struct Input {
    /// The path as it was given.
    pub path: PathBuf,
    /// What its reader says of it.
    pub summary: Summary,
    /// The earliest time of a frame.
    pub earliest: Option<Timestamp>,
    /// The latest time of a frame.
    pub latest: Option<Timestamp>,
    /// Frames whose time lies before that of the frame before them, if any.
    pub backwards: Option<Counted>,
}

/// The result of a run.
#[derive(Debug)]
pub struct Inspection {
    inputs: Vec<Input>,
    failures: Vec<SourceError>,
    units: Vec<Unit>,
    census: Census,
    files_skipped: u64,
    settings: Arc<Settings>,
}

impl Inspection {
    /// Judges the same captures by other settings, without reading them again.
    #[must_use]
    pub fn judged_by(mut self, settings: Settings) -> Self {
        let settings = Arc::new(settings);
        for unit in &mut self.units {
            judge::judge(unit, &settings);
        }
        self.settings = settings;
        self
    }

    /// The inputs that were read, in order; a [`FrameRef`] refers to them by position.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The inputs that could not be read, and why.
    #[must_use]
    pub fn failures(&self) -> &[SourceError] {
        &self.failures
    }

    /// One for each capture: an input, or all of them where they were joined.
    #[must_use]
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// What every frame ended as.
    #[must_use]
    pub fn census(&self) -> &Census {
        &self.census
    }

    /// Files in the folders named that are no captures.
    #[must_use]
    pub fn files_skipped(&self) -> u64 {
        self.files_skipped
    }

    /// What the user chose.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What was odd about the inputs, in order.
    #[must_use]
    pub fn anomalies(&self) -> Vec<Anomaly> {
        let damaged = (0..)
            .zip(&self.inputs)
            .flat_map(|(input, read)| read.summary.damage.iter().map(move |damage| (input, damage)));
        let damage = damaged.map(|(input, damage)| Anomaly {
            input,
            frame: (damage.after_frame > 0).then(|| FrameRef::new(input, damage.after_frame)),
            offset: Some(damage.offset),
            kind: damage.kind,
            what: match damage.resumed_at {
                None => damage.what.clone(),
                Some(at) => format!("{}; reading resumed at byte {at}", damage.what),
            },
        });
        damage.collect()
    }
}

/// Reads captures and judges what is in them. An input that cannot be read is noted and the others go on.
pub fn inspect(paths: &[PathBuf], settings: Settings, progress: &mut dyn Progress) -> Inspection {
    let mut run = Run { inputs: Vec::new(), failures: Vec::new(), census: Census::default() };
    let mut units: Vec<Unit> = Vec::new();
    let inputs = expand(paths);
    let options = settings.reading();
    let settings = Arc::new(settings);
    let interval = if options.follow.is_some() { 1 } else { PROGRESS_INTERVAL };
    for path in inputs.captures {
        let capture = path.and_then(|path| Capture::open(&path, &options).map(|capture| (path, capture)));
        let (path, capture) = match capture {
            Ok(opened) => opened,
            Err(error) => {
                run.failures.push(error);
                continue;
            }
        };
        if units.is_empty() || !settings.join {
            units.push(Unit::default());
        }
        if let Some(unit) = units.last_mut() {
            run.read(path, capture, unit, interval, progress);
        }
    }
    for unit in &mut units {
        unit.end(&mut run.census);
        judge::judge(unit, &settings);
    }
    Inspection {
        inputs: run.inputs,
        failures: run.failures,
        units,
        census: run.census,
        files_skipped: inputs.others,
        settings,
    }
}

/// Where an address stands on a day by what is known without a capture; names and round trips are missing.
#[must_use]
pub fn place_address(address: IpAddr, day: Date, settings: &Settings) -> Placement {
    locate::place_alone(address, &[], day, settings)
}

/// The same for an address that the client reached under `names`; the names of its neighbours and round trips are missing.
///
/// A name of the operator's also corroborates what the operator publishes about the address, as in a capture.
#[must_use]
pub fn place_named(address: IpAddr, names: &[Spoken], day: Date, settings: &Settings) -> Placement {
    locate::place_alone(address, names, day, settings)
}

/// The day by whose law a flow of `day` is read; `None` where no clock can be right that says so and the user names none.
#[must_use]
pub fn law_of(day: Date, settings: &Settings) -> Option<Date> {
    law::law_day(Some(day), settings)
}

struct Run {
    inputs: Vec<Input>,
    failures: Vec<SourceError>,
    census: Census,
}

impl Run {
    /// Takes every frame of a capture through the stages that look at single packets; `interval` frames lie between two
    /// looks at the progress.
    fn read(
        &mut self,
        path: PathBuf,
        mut capture: Capture,
        unit: &mut Unit,
        interval: u64,
        progress: &mut dyn Progress,
    ) {
        progress.input(&path, capture.size());
        let number = u32::try_from(self.inputs.len()).unwrap_or(u32::MAX);
        let mut times = Times::default();
        while let Some(frame) = capture.next_frame() {
            let at = FrameRef::new(number, frame.number);
            times.see(frame.time, at);
            unit.observe(&frame, at, &mut self.census);
            if frame.number.is_multiple_of(interval) {
                progress.read(capture.bytes_read());
            }
        }
        progress.read(capture.bytes_read());
        let summary = capture.finish();
        self.census.count_records(summary.other_records);
        unit.end_input(&summary);
        let Times { earliest, latest, backwards, .. } = times;
        self.inputs.push(Input { path, summary, earliest, latest, backwards });
    }
}

/// Frames between two looks at the progress: a bar that moves every few milliseconds.
const PROGRESS_INTERVAL: u64 = 1 << 14;

#[cfg(test)]
mod tests;

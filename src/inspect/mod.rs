//! The wiring: from captures to an [`Inspection`], stage by stage.
//!
//! Input: paths and [`Settings`]. Output: everything that a report says, as values with frames and numbers. The only
//! module that knows every stage. Must not: hold rules of its own, print, or keep a frame.

mod around;
mod census;
mod circumstances;
mod claims;
mod decryption;
mod exchanges;
pub(crate) mod guard;
mod hearing;
mod inputs;
mod judge;
mod judged;
mod known;
mod law;
pub mod live;
mod locate;
mod matches;
mod memory;
mod neighbour;
mod pieces;
mod post;
mod progress;
mod relation;
mod script;
mod stages;
mod stated;
mod steps;
mod survey;
mod times;
mod unit;
mod vantage;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;

pub use self::census::{Census, Counted};
pub use self::decryption::{Decryption, KeyLogs, KeySource};
pub use self::exchanges::{Imported, ImportedFile};
pub use self::hearing::SeenName;
pub use self::judged::{FindingId, Found, Judged};
pub use self::locate::{Placement, VantageConflict};
pub use self::memory::SummedUp;
pub use self::progress::Progress;
pub use self::relation::RelationId;
pub use self::survey::{Survey, Surveys, survey};
pub use self::unit::Unit;
pub use self::vantage::{KnownBy, Vantage};
use crate::claims::Selection;
use crate::client::Spoken;
use crate::frame::{Anomaly, Date, Frame, FrameRef, Timestamp};
use crate::inspect::guard::Guard;
use crate::inspect::inputs::{Again, Inputs, Opened};
use crate::inspect::memory::Budget;
use crate::inspect::pieces::Reading;
use crate::inspect::progress::Watch;
use crate::inspect::script::Script;
use crate::inspect::times::Times;
use crate::packet::{Class, Network};
use crate::place::{self, Databases, Declared, WitnessKind};
use crate::session::{Mark, MarkFault};
use crate::source::{
    self, CHANGED, Capture, Carried, Damage, Follow, Options, SourceError, Stamp, Summary, expand,
};
use crate::study::Study;
use crate::telemetry::{EventList, Planted};
use crate::verdict::Register;

/// What the user chose.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch that is set by itself")]
pub struct Settings {
    /// The machine ran nothing but the client, by the tester's word.
    pub exclusive: bool,
    /// All inputs are pieces of one capture.
    pub join: bool,
    /// Whether inputs are hashed.
    pub hash: bool,
    /// The most bytes that a packed input may unpack to, instead of the usual limits on bytes and ratio.
    pub max_unpacked: Option<u64>,
    /// The bytes that flows and what they say may take, judged and reported, of all captures together; each has its part by
    /// its stored bytes. Where it would take more, flows that are over with are summed up unjudged, and the report says so.
    pub max_memory: Option<u64>,
    /// Of these, what each capture may take in any case, however small its part is.
    pub least_memory: u64,
    /// Whether the report will list every flow. It matters for what they take.
    pub lists_flows: bool,
    /// Whether inputs are read on at their ends while another program writes them, and for how long.
    pub follow: Option<Follow>,
    /// How many threads may read at once. What comes out does not depend on it.
    pub threads: NonZeroUsize,
    /// The marks of the tester's script, at most [`MAX_MARKS`](crate::session::marks::MAX_MARKS). Comments on packets add to
    /// them.
    pub marks: Vec<Mark>,
    /// Networks of the client's own, by the user's word.
    pub local: Vec<Network>,
    /// What addresses are looked up in.
    pub databases: Databases,
    /// The registers that may cover a flow's day.
    pub registers: Vec<Register>,
    /// The key logs that the user names.
    pub key_logs: KeyLogs,
    /// Values that the tester planted, looked for in what is decrypted.
    pub planted: Option<Arc<Planted>>,
    /// Whether planted values and identifiers are shown as they are.
    pub reveals: bool,
    /// The published list that decrypted events are held against.
    pub events: EventList,
    /// Files of exchanges of the same run that other tools decrypted.
    pub exchanges: Vec<ImportedFile>,
    /// Whether key logs that captures carry themselves are passed over.
    pub ignores_carried_keys: bool,
    /// Where the client stood, by the user's word.
    pub vantage: Option<place::Vantage>,
    /// The cells that captures belong to; where the client of one stood counts before [`Self::vantage`].
    pub study: Option<Study>,
    /// Lists of ranges with places that the user hands in.
    pub declared: Declared,
    /// Kinds of witnesses that are not heard.
    pub without: BTreeSet<WitnessKind>,
    /// The day by whose law places are read, instead of that of each flow.
    pub law_date: Option<Date>,
    /// The documented claims that are put to what was inspected.
    pub claims: Selection,
    /// The least bytes that a thread takes of a capture that others read, too. A capture of less than twice as much is read
    /// by one.
    pub least_piece: u64,
}

impl Settings {
    /// How inputs are read.
    fn reading(&self) -> Options {
        let carried = (!self.ignores_carried_keys).then(Arc::default);
        let usual = Options { hash: self.hash, follow: self.follow.clone(), carried, ..Options::default() };
        usual.with_max_unpacked(self.max_unpacked)
    }

    /// Whether the tester's word may tie a third party to the client, everywhere or in a step.
    fn ties_third_parties(&self) -> bool {
        self.exclusive || self.marks.iter().any(|mark| mark.is_exclusive)
    }

    /// Whether witnesses of that kind are heard.
    #[must_use]
    pub fn uses(&self, kind: WitnessKind) -> bool {
        !self.without.contains(&kind)
    }
}

/// As many threads as there are processors for this program.
#[must_use]
pub fn all_processors() -> NonZeroUsize {
    // Who is locked in cannot ask again.
    static KNOWN: OnceLock<NonZeroUsize> = OnceLock::new();
    *KNOWN.get_or_init(|| thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
}

/// Separate captures that are hashed, read on all processors, the embedded database, the built-in registers and the usual claims.
impl Default for Settings {
    fn default() -> Self {
        Self {
            exclusive: false,
            join: false,
            hash: true,
            max_unpacked: None,
            max_memory: None,
            least_memory: 0,
            lists_flows: false,
            follow: None,
            threads: all_processors(),
            marks: Vec::new(),
            local: Vec::new(),
            databases: Databases::embedded(),
            registers: Register::builtin().to_vec(),
            key_logs: KeyLogs::default(),
            planted: None,
            reveals: false,
            events: EventList::default(),
            exchanges: Vec::new(),
            ignores_carried_keys: false,
            vantage: None,
            study: None,
            declared: Declared::default(),
            without: BTreeSet::new(),
            law_date: None,
            claims: Selection::default(),
            least_piece: 32 << 20,
        }
    }
}

/// One input that was read.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its place among the inputs that were named, from 0; those that could not be read have one, too.
    pub place: u32,
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
    /// In how many pieces it was read and put together; 1 where it was read in one go.
    pub pieces: usize,
}

/// The result of a run.
#[derive(Debug)]
pub struct Inspection {
    inputs: Vec<Input>,
    failures: Vec<SourceError>,
    units: Vec<Unit>,
    census: Census,
    mark_faults: Vec<MarkFault>,
    imported: Vec<Imported>,
    files_skipped: u64,
    is_so_far: bool,
    settings: Arc<Settings>,
}

impl Inspection {
    /// What came of captures, in order; marks that none met are no faults of theirs.
    fn of(captures: Vec<Captured>, settings: Arc<Settings>) -> (Self, Vec<usize>) {
        let mut inspection = Self {
            inputs: Vec::new(),
            failures: Vec::new(),
            units: Vec::new(),
            census: Census::default(),
            mark_faults: Vec::new(),
            imported: Vec::new(),
            files_skipped: 0,
            is_so_far: false,
            settings,
        };
        let mut met = Vec::new();
        for Captured { inputs, unit, census, read, .. } in captures {
            inspection.inputs.extend(inputs);
            inspection.units.push(unit);
            inspection.census.append(census, 0);
            inspection.mark_faults.extend(read.faults);
            met.extend(read.met);
        }
        let Settings { exchanges, planted, .. } = &*inspection.settings;
        inspection.imported = exchanges::imported(exchanges, &inspection.units, planted.as_ref());
        (inspection, met)
    }

    /// Adds the marks that no capture met.
    fn with_missed_marks(mut self, met: &[usize]) -> Self {
        let not_met = script::not_met(&self.settings, met, &self.inputs);
        self.mark_faults.extend(not_met);
        self
    }

    /// Whether the captures are still being read, and this is what they say so far.
    #[must_use]
    pub fn is_so_far(&self) -> bool {
        self.is_so_far
    }

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

    /// The frames that the program failed on, by a defect of its own; what else there is was read.
    #[must_use]
    pub fn failed(&self) -> Option<Counted> {
        self.census.others().find(|(class, _)| *class == Class::Failed).map(|(_, counted)| counted)
    }

    /// What every frame ended as.
    #[must_use]
    pub fn census(&self) -> &Census {
        &self.census
    }

    /// The marks that could not be used, and why: first those that a capture did not take, then those that none met.
    #[must_use]
    pub fn mark_faults(&self) -> &[MarkFault] {
        &self.mark_faults
    }

    /// The files of exchanges that other tools decrypted, digested.
    #[must_use]
    pub fn imported(&self) -> &[Imported] {
        &self.imported
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
pub fn inspect(paths: &[PathBuf], settings: Settings, progress: &dyn Progress) -> Inspection {
    inspect_inputs(expand(paths), settings, progress)
}

/// The same, of inputs that are known already: folders are not looked into again, and what has moved is read where it lies.
pub fn inspect_inputs(inputs: source::Inputs, settings: Settings, progress: &dyn Progress) -> Inspection {
    let settings = Arc::new(settings);
    let mut inputs = Inputs::new(inputs, settings.reading(), settings.threads, progress);
    let captures = if settings.join {
        joined(&mut inputs, &settings)
    } else {
        inputs.read_each(|opened| {
            let (share, again) = (opened.share, opened.again.clone());
            let budget = || Budget::new(&settings, share);
            let mut capture = Captured::new(budget(), &settings);
            // Where a piece fails, the whole is read in one go, which knows the frame that it failed on.
            match catch_unwind(AssertUnwindSafe(|| pieces::read(opened, &settings))) {
                Ok(Ok(reading)) => capture.take(reading),
                Ok(Err(opened)) => capture.read(*opened),
                Err(panic) => match again.as_ref().and_then(Again::open) {
                    Some(opened) => capture.read(opened),
                    None => resume_unwind(panic),
                },
            }
            capture.with_all_keys(&[again], budget(), &settings).end(&settings)
        })
    };
    let Inputs { failures, others: files_skipped, .. } = inputs;
    let (inspection, met) = Inspection::of(captures, settings);
    Inspection { failures, files_skipped, ..inspection }.with_missed_marks(&met)
}

/// Notes as damage, behind any other, that a file was written to while it was read: what was read may be of both.
fn note_change(summary: &mut Summary, path: &Path, stamp: Option<Stamp>) {
    let Some(what) = stamp.and_then(|stamp| stamp.changed(path)) else { return };
    let (offset, after_frame) = (summary.size, summary.frames);
    summary.damage.push(Damage { offset, after_frame, kind: CHANGED, what, resumed_at: None });
}

/// All inputs as pieces of one capture; none, where none could be opened.
fn joined(inputs: &mut Inputs<'_>, settings: &Arc<Settings>) -> Vec<Captured> {
    let mut capture = Captured::new(Budget::new(settings, (1, 1)), settings);
    let mut again = Vec::new();
    inputs.for_each(|opened| {
        again.push(opened.again.clone());
        capture.read(opened);
    });
    if capture.inputs.is_empty() {
        return Vec::new();
    }
    vec![capture.with_all_keys(&again, Budget::new(settings, (1, 1)), settings).end(settings)]
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

/// One capture: the inputs that it was read from, and what is in it.
#[derive(Debug)]
struct Captured {
    inputs: Vec<Input>,
    unit: Unit,
    census: Census,
    script: Script,
    /// What came of the script.
    read: script::Read,
}

impl Captured {
    fn new(budget: Option<Budget>, settings: &Arc<Settings>) -> Self {
        let (mut unit, script) = (Unit::within(budget), Script::new(settings));
        unit.planted.clone_from(&settings.planted);
        if !settings.key_logs.keys.is_empty() {
            unit.decrypt_by(Decryption::new(Arc::clone(&settings.key_logs.keys), settings.planted.clone()));
        }
        Self { inputs: Vec::new(), unit, census: Census::default(), script, read: script::Read::default() }
    }

    /// Takes every frame of an input through the stages that look at single packets.
    fn read(&mut self, opened: Opened<'_>) {
        self.script.begin_input(&opened);
        let Opened { number, place, path, mut capture, mut watch, carried, stamp, .. } = opened;
        if self.unit.budget.is_some() {
            watch.interval = watch.interval.min(memory::INTERVAL);
        }
        let mut times = Times::default();
        let mut guard = Guard::new(&self.census);
        loop {
            let read = || self.read_on(number, &mut capture, &mut watch, &carried, &mut times, &mut guard);
            match catch_unwind(AssertUnwindSafe(read)) {
                Ok(()) => break,
                Err(panic) => guard.catch(panic, &mut self.census),
            }
        }
        if carried.has_some() {
            self.unit.take_keys(&carried);
        }
        let summary = capture.finish();
        watch.end(summary.size);
        self.script.end_input(&summary, times.earliest);
        self.end_input((place, path, stamp), summary, times, 1);
    }

    /// Takes the frames that are left.
    fn read_on(
        &mut self,
        input: u32,
        capture: &mut Capture,
        watch: &mut Watch<'_>,
        carried: &Carried,
        times: &mut Times,
        guard: &mut Guard,
    ) {
        while let Some(frame) = capture.next_frame() {
            if carried.has_some() {
                self.unit.take_keys(carried);
            }
            let (number, at) = (frame.number, FrameRef::new(input, frame.number));
            guard.begin(at);
            self.take_frame(&frame, at, times);
            guard.end();
            if number.is_multiple_of(watch.interval) {
                watch.look(capture);
                if number.is_multiple_of(memory::INTERVAL) {
                    Budget::look(&mut self.unit, true);
                }
            }
        }
    }

    /// Takes a frame through the stages that look at single packets.
    #[inline(always)]
    fn take_frame(&mut self, frame: &Frame<'_>, at: FrameRef, times: &mut Times) {
        times.see(frame.time, at);
        self.script.see(frame.time, at);
        self.unit.observe(frame, at, &mut self.census);
    }

    /// Takes an input that was read in pieces.
    fn take(&mut self, reading: Reading) {
        let Reading { place, path, stamp, unit, census, times, summary, pieces } = reading;
        (self.unit, self.census) = (unit, census);
        self.end_input((place, path, stamp), summary, times, pieces);
    }

    /// Takes what the reader of an input says. Its file is looked at here, where its reading ends: what becomes of it later is not
    /// in what was read.
    fn end_input(
        &mut self,
        (place, path, stamp): (u32, PathBuf, Option<Stamp>),
        mut summary: Summary,
        times: Times,
        pieces: usize,
    ) {
        note_change(&mut summary, &path, stamp);
        self.census.count_records(summary.other_records);
        self.unit.end_input(&summary);
        let Times { earliest, latest, backwards, .. } = times;
        self.inputs.push(Input { place, path, summary, earliest, latest, backwards, pieces });
    }

    /// The same capture read again, where keys came upon in it late would open more, and it can be.
    fn with_all_keys(
        mut self,
        again: &[Option<Again>],
        budget: Option<Budget>,
        settings: &Arc<Settings>,
    ) -> Self {
        if !self.unit.decryption().is_some_and(Decryption::is_late) {
            return self;
        }
        let opened: Option<Vec<_>> = again.iter().map(|again| again.as_ref()?.open()).collect();
        if let Some(opened) = opened
            && let Some(decryption) = self.unit.decryption.take()
        {
            self = Self::new(budget, settings);
            self.unit.decrypt_by(decryption.again());
            for opened in opened {
                self.read(opened);
            }
        }
        self
    }

    /// Judges what was read.
    fn end(mut self, settings: &Arc<Settings>) -> Self {
        self.unit.end(&mut self.census);
        let cells = settings.study.as_ref();
        let first = self.inputs.first().map(|input| input.path.as_path());
        self.unit.cell_vantage = cells.zip(first).and_then(|(cells, path)| cells.vantage_of(path).cloned());
        let script = std::mem::replace(&mut self.script, Script::new(settings));
        self.read = script.end(&self.unit);
        self.unit.steps = std::mem::take(&mut self.read.steps);
        judge::judge(&mut self.unit, settings);
        self
    }
}

#[cfg(test)]
mod tests;

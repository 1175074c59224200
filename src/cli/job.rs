//! What a run is to do: from arguments to captures, and to all that they are judged by.
//!
//! Input: arguments and what they name, looked at in a world. Output: a [`Job`]. Must not: read a capture.

use std::path::PathBuf;

use crate::cli::args::{Inspect, Memory};
use crate::cli::world::World;
use crate::cli::{claims, keys, settings, study, telemetry};
use crate::inspect::{self, Settings};
use crate::source;
use crate::study::Study;

/// What is to be done: the captures, and by what they are judged.
pub(super) struct Job {
    /// The captures as they were named.
    pub(super) named: Vec<PathBuf>,
    pub(super) captures: source::Inputs,
    pub(super) settings: Settings,
    pub(super) other: Option<Other>,
}

/// Reads what the options name, before the captures, which may take long to read.
pub(super) fn job(arguments: &Inspect, lists_flows: bool, world: &World) -> Result<Job, String> {
    let study = study::of(arguments, world)?;
    let named = captures(arguments, study.as_ref());
    let captures = world.captures(&named);
    // One that cannot be looked into has its place, too.
    let places: Vec<PathBuf> =
        captures.captures.iter().map(|path| path.as_ref().cloned().unwrap_or_default()).collect();
    let (max_memory, least_memory) = memory(arguments.reporting.max_memory, lists_flows);
    let settings = Settings {
        exclusive: arguments.reporting.exclusive,
        join: arguments.join,
        hash: !arguments.reporting.no_hash,
        max_unpacked: arguments.max_unpacked,
        max_memory,
        least_memory,
        lists_flows,
        threads: arguments.reporting.threads.unwrap_or_else(inspect::all_processors),
        marks: arguments.reporting.marks.read(&places, arguments.join, study.as_ref(), world)?,
        local: arguments.reporting.local.clone(),
        claims: claims::chosen(&arguments.reporting.claims, world)?,
        key_logs: keys::read(&arguments.reporting.keylog, world)?,
        planted: telemetry::planted(arguments.reporting.planted.as_ref(), world)?,
        events: telemetry::events(arguments.reporting.events.as_ref(), world)?,
        exchanges: telemetry::exchanges(&arguments.reporting.decrypted, world)?,
        reveals: arguments.reporting.reveal,
        study,
        ..settings::of(&arguments.reporting.evidence, world)?
    };
    Ok(Job { named, captures, settings, other: against_settings(arguments, world)? })
}

/// The bytes that flows may take in all, and those that each capture may take at least.
fn memory(wanted: Option<Memory>, lists_flows: bool) -> (Option<u64>, u64) {
    match wanted {
        Some(Memory::Any) => (None, 0),
        Some(Memory::Bytes(bytes)) => (Some(bytes), 0),
        None => (Some(if lists_flows { MEMORY_OF_LISTS } else { MEMORY }), LEAST_MEMORY),
    }
}

/// What flows may take where the user does not say.
const MEMORY: u64 = 512 << 20;
/// The same where a report lists every flow, which takes far more than it takes to know them.
const MEMORY_OF_LISTS: u64 = 4 << 30;
/// What the flows of one capture among many may take in any case: its part by its size may be too little for what is in it.
const LEAST_MEMORY: u64 = 32 << 20;

/// What the captures are read by a second time: the file of `--against`.
pub(super) struct Other {
    pub(super) settings: Settings,
    pub(super) kind: &'static str,
    pub(super) file: String,
}

fn against_settings(arguments: &Inspect, world: &World) -> Result<Option<Other>, String> {
    let Some(path) = &arguments.reporting.against else { return Ok(None) };
    let (settings, kind) = settings::against(&arguments.reporting.evidence, path, world)?;
    let settings = Settings {
        exclusive: arguments.reporting.exclusive,
        local: arguments.reporting.local.clone(),
        ..settings
    };
    Ok(Some(Other { settings, kind, file: path.display().to_string() }))
}

pub(super) fn inputs(arguments: &Inspect) -> Vec<PathBuf> {
    arguments.read.iter().chain(&arguments.paths).cloned().collect()
}

/// What is read: the captures of the study, where there is one.
pub(super) fn captures(arguments: &Inspect, study: Option<&Study>) -> Vec<PathBuf> {
    study.map_or_else(|| inputs(arguments), Study::captures)
}

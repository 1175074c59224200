//! Which process a capture says a flow belongs to.
//!
//! Input: what a frame's capture says of its process, or what a capture says of a flow's socket. Output: facts, one for each process of a flow, and the processes by
//! number. All of it is the file's own claim. Must not: judge the claim, or grow without bound: past [`MAX_PROCESSES`] new
//! processes are passed over and counted, and past [`MAX_OF_FLOW`] those of one flow.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap};

use crate::flow::{FlowId, renumbered, table_bytes};
use crate::frame::{Process, ProcessMethod, Timestamp};
use crate::source::owners::{Ancestor, OwnerProcess};
use crate::source::reversible;

/// A process of the capture, by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProcessId(u32);

/// A process as the capture tells it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ProcessEntry {
    /// The name of the process or the app, without a path before it; `None` where only a number is told. Bytes that are no
    /// UTF-8 are replaced; not escaped.
    pub name: Option<String>,
    /// Its number on the machine.
    pub pid: Option<u32>,
    /// The number of the user, or on Android of the app.
    pub uid: Option<u32>,
    /// How the capture knows it.
    pub method: ProcessMethod,
    /// What else is told of it, where the capture was made with a look at the system's table of sockets.
    pub program: Option<Box<Program>>,
}

/// What a capture tells of a process beside its name. Texts are not escaped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Program {
    /// The path of its program; `None` where it could not be told.
    pub path: Option<String>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// The processes that started it, the nearest first.
    pub parents: Vec<Ancestor>,
}

const MAX_PROCESSES: usize = 65_536;
const MAX_OF_FLOW: usize = 4;
/// Names are cut to so many bytes.
const MAX_NAME: usize = 128;

/// The processes seen so far.
#[derive(Clone, Default, Debug)]
pub(super) struct Processes {
    hasher: DefaultHashBuilder,
    known: HashMap<u64, ProcessId>,
    entries: Vec<ProcessEntry>,
    of_flow: HashMap<FlowId, [Option<ProcessId>; MAX_OF_FLOW]>,
    /// How often a process was passed over because there were too many.
    pub(super) refused: u64,
}

impl Processes {
    /// Notes that a frame of the flow is the process's. Gives the process where that is news of the flow.
    pub(super) fn note(&mut self, flow: FlowId, process: &Process<'_>) -> Option<ProcessId> {
        let Process { name, pid, uid, method } = *process;
        let key = self.hasher.hash_one((name, pid, uid, method));
        let entry = || ProcessEntry { name: text(name), pid, uid, method, program: None };
        self.of_flow(flow, key, entry)
    }

    /// Notes that the flow's socket is the process's.
    pub(super) fn note_owner(
        &mut self,
        flow: FlowId,
        process: &OwnerProcess,
        method: ProcessMethod,
    ) -> Option<ProcessId> {
        let OwnerProcess { pid, uid, started, .. } = *process;
        let key = self.hasher.hash_one((process, method));
        let entry = || {
            let path = (!process.path.is_empty()).then(|| process.path.clone());
            let program = Program { path, started, parents: process.parents.clone() };
            let name = text(process.name.as_bytes());
            ProcessEntry { name, pid: Some(pid), uid, method, program: Some(Box::new(program)) }
        };
        self.of_flow(flow, key, entry)
    }

    /// The process of that key, which begins with this where there is none yet; nothing where the flow is known to be its.
    fn of_flow(&mut self, flow: FlowId, key: u64, entry: impl FnOnce() -> ProcessEntry) -> Option<ProcessId> {
        let id = match self.known.get(&key) {
            Some(id) => *id,
            None => match self.start(key, entry) {
                Some(id) => id,
                None => return self.refuse(),
            },
        };
        let known = self.of_flow.entry(flow).or_default();
        for slot in known {
            match slot {
                Some(same) if *same == id => return None,
                Some(_) => {}
                None => return Some(*slot.insert(id)),
            }
        }
        self.refuse()
    }

    /// Whether the capture names none.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.refused == 0
    }

    /// Keeps of which process the flows are to which `number` gives a new number, under that.
    pub(super) fn retain(&mut self, number: impl Fn(FlowId) -> Option<FlowId>) {
        self.of_flow = renumbered(std::mem::take(&mut self.of_flow), number);
    }

    /// The bytes that they fill.
    pub(super) fn bytes(&self) -> usize {
        table_bytes::<(u64, ProcessId)>(self.known.len())
            + self.entries.len() * (size_of::<ProcessEntry>() + MAX_NAME / 4)
            + table_bytes::<(FlowId, [Option<ProcessId>; MAX_OF_FLOW])>(self.of_flow.len())
    }

    fn refuse(&mut self) -> Option<ProcessId> {
        self.refused = self.refused.saturating_add(1);
        None
    }

    pub(super) fn get(&self, id: ProcessId) -> Option<&ProcessEntry> {
        self.entries.get(id.0 as usize)
    }

    #[cold]
    fn start(&mut self, key: u64, entry: impl FnOnce() -> ProcessEntry) -> Option<ProcessId> {
        let id = u32::try_from(self.entries.len()).ok().filter(|_| self.entries.len() < MAX_PROCESSES)?;
        self.entries.push(entry());
        self.known.insert(key, ProcessId(id));
        Some(ProcessId(id))
    }
}

/// A name without the folders before it, where it is one of a program; a name may also be a sentence.
fn text(name: &[u8]) -> Option<String> {
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    let name = name.get(..end)?;
    let is_path = name.starts_with(b"/") || name.get(1..3) == Some(b":\\");
    let last = name.rsplit(|byte| is_path && matches!(byte, b'/' | b'\\')).next()?;
    let shown = reversible(last.get(..MAX_NAME).unwrap_or(last)).trim().to_owned();
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(name: &'static [u8], pid: u32) -> Process<'static> {
        Process { name, pid: Some(pid), uid: None, method: ProcessMethod::Pktap }
    }

    #[test]
    fn a_flow_says_each_of_its_processes_once() {
        let mut processes = Processes::default();
        let flow = FlowId(3);
        let zoom = processes.note(flow, &process(b"zoom.us\0", 7)).unwrap();
        assert_eq!(processes.note(flow, &process(b"zoom.us\0", 7)), None);
        assert!(processes.note(flow, &process(b"zoom.us\0", 8)).is_some(), "another process of that name");
        assert_eq!(processes.note(FlowId(4), &process(b"zoom.us\0", 7)), Some(zoom));
        assert!((9..11).all(|pid| processes.note(flow, &process(b"x", pid)).is_some()));
        assert_eq!(processes.note(flow, &process(b"y", 99)), None, "too many to be told");
        assert_eq!(processes.refused, 1);
        let entry = processes.get(zoom).unwrap();
        assert_eq!(
            (entry.name.as_deref(), entry.pid, entry.method.name()),
            (Some("zoom.us"), Some(7), "pktap")
        );
    }

    #[test]
    fn names_are_those_of_programs() {
        for (name, shown) in [
            (&b"/usr/bin/zoom"[..], Some("zoom")),
            (b"C:\\Program Files\\Zoom\\bin\\Zoom.exe", Some("Zoom.exe")),
            (b"Zoom Workplace", Some("Zoom Workplace")),
            (b"and/or", Some("and/or")),
            (b"\xff", Some("\u{10ffff}")),
            (b"\0rest", None),
            (b"", None),
        ] {
            assert_eq!(text(name).as_deref(), shown, "{name:?}");
        }
    }
}

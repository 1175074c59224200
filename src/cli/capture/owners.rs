//! Whose the flows are, looked up while they are captured, and written beside them.
//!
//! Input: the blocks of the capture program, once they are in the file. Output: blocks that tell of processes, in the evidence.
//! Must not: stand between the pipe and the file, or end a capture because nothing can be told.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use super::evidence::{Evidence, lock};
use crate::capture::{Blocks, Kind};
use crate::frame::LinkType;
use crate::process::{Attributor, Given, Tally, Watch, system};

/// Looks up whose the flows are.
pub(super) struct Owners {
    attributor: Attributor,
    watch: Watch,
    /// The link types of the interfaces, by their numbers.
    links: BTreeMap<u32, LinkType>,
    /// How many files there were at the last look.
    files: u64,
}

impl Owners {
    /// Starts to look. Fails where the system does not let itself be asked.
    pub(super) fn start(evidence: &Arc<Mutex<Evidence>>) -> io::Result<Self> {
        let evidence = Arc::clone(evidence);
        let mut known = 0;
        let attributor = Attributor::start(system()?, move |blocks| {
            let mut evidence = lock(&evidence);
            let files = evidence.created();
            if files != std::mem::replace(&mut known, files) {
                return Ok(Given::NewFile);
            }
            evidence.append(blocks);
            Ok(Given::Taken)
        })?;
        let watch = attributor.watch();
        Ok(Self { attributor, watch, links: BTreeMap::new(), files: 0 })
    }

    /// What became of the flows, for whoever shows it.
    pub(super) fn tally(&self) -> Tally {
        self.attributor.tally()
    }

    /// Looks at whole blocks that are in one of so many files.
    pub(super) fn see(&mut self, blocks: &[u8], files: u64) {
        let mut blocks = Blocks::new(blocks);
        while let Ok(Some(block)) = blocks.next_block() {
            match block.kind {
                Kind::Frame => {
                    if let Some(link) = self.links.get(&block.interface()) {
                        self.watch.offer(block.frame(), *link);
                    }
                }
                Kind::Interface => {
                    let number = u32::try_from(self.links.len()).unwrap_or(u32::MAX);
                    self.links.insert(number, block.described().0);
                }
                Kind::Other | Kind::Section | Kind::Statistics => {}
            }
        }
        if files != self.files {
            self.files = files;
            self.attributor.remind();
        }
    }

    /// Writes what became of all flows; what went wrong, if anything did.
    pub(super) fn finish(self) -> Option<String> {
        let failed = self.attributor.finish().err();
        failed.map(|error| format!("whose the flows are could not be told to the end: {error}"))
    }
}

//! What a TCP connection says first, by whichever protocol it speaks.
//!
//! Input: the first bytes of each direction, in order. Output: facts, through the protocols' own files, and whether
//! anything more is to be learnt. Must not: keep bytes of its own.

use crate::evidence::{Notes, Outcome, Sighting, dns, tls};
use crate::flow::Side;

/// How far a connection has come.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Progress {
    tls: tls::Progress,
    stage: Stage,
    /// How many bytes of each direction are done with.
    done: [u16; 2],
}

/// What a connection is being read as.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Stage {
    /// Nothing has told yet, or it is TLS.
    #[default]
    First,
    /// DNS messages.
    Domain,
}

impl Progress {
    /// Takes note of the packet that accepts the connection.
    pub(super) fn accepted(&mut self, hop_limit: u8) {
        self.tls.accepted(hop_limit);
    }

    fn done(&mut self, side: Side) -> &mut u16 {
        let [first, second] = &mut self.done;
        match side {
            Side::First => first,
            Side::Second => second,
        }
    }
}

/// Reads on where a direction has grown to `bytes`, `full` where it can grow no further. True where nothing more is to be
/// learnt from the connection.
pub(super) fn observe(
    progress: &mut Progress,
    bytes: &[u8],
    full: bool,
    seen: &Sighting<'_>,
    notes: &mut Notes,
) -> bool {
    if progress.stage == Stage::Domain || is_domain(progress, seen) {
        match dns::observe_stream(progress.done(seen.side), bytes, seen, notes) {
            // Something else than DNS may speak at its port, and then does so from the first byte.
            Outcome::NotMine if progress.stage == Stage::First => {}
            Outcome::NotMine | Outcome::Settled => return true,
            Outcome::Watch => {
                // Until a message is whole it may still turn out to be something else.
                if *progress.done(seen.side) > 0 {
                    progress.stage = Stage::Domain;
                }
                return full;
            }
        }
    }
    tls::observe(&mut progress.tls, bytes, full, seen, notes)
}

fn is_domain(progress: &Progress, seen: &Sighting<'_>) -> bool {
    progress.stage == Stage::First && dns::is_domain(seen.packet)
}

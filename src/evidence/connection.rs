//! What a TCP connection says first, by whichever protocol it speaks.
//!
//! Input: the first bytes of each direction, in order. Output: facts, through the protocols' own files, and whether
//! anything more is to be learnt. Must not: keep bytes of its own.

use crate::evidence::http::Opening;
use crate::evidence::{Notes, Outcome, Sighting, dns, http, tls};
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
    /// This side has begun with what may become a request in clear; the other side's bytes do not matter.
    Asking(Side),
    /// What this side, a proxy's client, says to the server behind the proxy; so far the proxy's part has not ended.
    Proxy(Side),
    /// The same after the proxy's part.
    Behind(Side),
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
    match progress.stage {
        Stage::First if dns::is_domain(seen.packet) => domain(progress, bytes, full, seen, notes),
        Stage::First => first(progress, bytes, full, seen, notes),
        Stage::Domain => domain(progress, bytes, full, seen, notes),
        Stage::Asking(client) | Stage::Proxy(client) | Stage::Behind(client) if client != seen.side => false,
        Stage::Asking(_) => request(progress, bytes, full, seen, notes),
        Stage::Proxy(_) => match http::tunnel_begins(bytes) {
            Some(length) => tunnel(progress, length, bytes, full, seen, notes),
            None => full,
        },
        Stage::Behind(_) => behind(progress, bytes, full, seen, notes),
    }
}

/// Reads DNS messages. Something else may speak at that port, and then does so from the first byte.
fn domain(progress: &mut Progress, bytes: &[u8], full: bool, seen: &Sighting<'_>, notes: &mut Notes) -> bool {
    let outcome = dns::observe_stream(progress.done(seen.side), bytes, seen, notes);
    if outcome == Outcome::NotMine {
        return progress.stage == Stage::Domain || first(progress, bytes, full, seen, notes);
    }
    // Until a message is whole it may still turn out to be something else.
    if *progress.done(seen.side) > 0 {
        progress.stage = Stage::Domain;
    }
    full
}

/// Reads TLS, and what is no TLS as a request in clear.
fn first(progress: &mut Progress, bytes: &[u8], full: bool, seen: &Sighting<'_>, notes: &mut Notes) -> bool {
    let rest = bytes.get(usize::from(*progress.done(seen.side))..).unwrap_or_default();
    if rest.is_empty() {
        return full;
    }
    match tls::observe(&mut progress.tls, rest, full, seen, notes) {
        Outcome::Settled => true,
        Outcome::Watch | Outcome::PassedOver => false,
        Outcome::NotMine => request(progress, bytes, full, seen, notes),
    }
}

fn request(
    progress: &mut Progress,
    bytes: &[u8],
    full: bool,
    seen: &Sighting<'_>,
    notes: &mut Notes,
) -> bool {
    let done = usize::from(*progress.done(seen.side));
    match http::observe(bytes.get(done..).unwrap_or_default(), seen, notes) {
        Opening::Unknown | Opening::Request => true,
        Opening::More => {
            progress.stage = Stage::Asking(seen.side);
            full
        }
        // One proxy may pass on to another, but not for ever.
        Opening::Head(_) if done > 0 => true,
        Opening::Head(length) => {
            progress.stage = Stage::First;
            *progress.done(seen.side) = u16::try_from(length).unwrap_or(u16::MAX);
            first(progress, bytes, full, seen, notes)
        }
        Opening::Tunnel(None) => {
            progress.stage = Stage::Proxy(seen.side);
            full
        }
        Opening::Tunnel(Some(length)) => {
            tunnel(progress, done.saturating_add(length), bytes, full, seen, notes)
        }
    }
}

/// The proxy's part has ended after `length` bytes.
fn tunnel(
    progress: &mut Progress,
    length: usize,
    bytes: &[u8],
    full: bool,
    seen: &Sighting<'_>,
    notes: &mut Notes,
) -> bool {
    progress.stage = Stage::Behind(seen.side);
    *progress.done(seen.side) = u16::try_from(length).unwrap_or(u16::MAX);
    behind(progress, bytes, full, seen, notes)
}

/// Reads the client's TLS through a tunnel; what its server answers is of no more interest than the server's place.
fn behind(progress: &mut Progress, bytes: &[u8], full: bool, seen: &Sighting<'_>, notes: &mut Notes) -> bool {
    let rest = bytes.get(usize::from(*progress.done(seen.side))..).unwrap_or_default();
    if rest.is_empty() {
        return full;
    }
    tls::observe_behind(rest, full, seen, notes) != Outcome::Watch
}

//! Encrypted tunnels over UDP: what is inside is not seen, so the flow says that there is something.
//!
//! Input: datagrams that no other protocol takes. Output: one fact. Must not: guess by the port alone.

use crate::evidence::fact::Fact;
use crate::evidence::{Notes, Outcome, Sighting};
use crate::packet::sealed_tunnel;

/// Reads one datagram.
pub(super) fn observe(seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    let ports = [seen.packet.from().port, seen.packet.to().port];
    let Some(tunnel) = sealed_tunnel(ports, seen.packet.payload, seen.packet.payload_len) else {
        return Outcome::NotMine;
    };
    notes.push(seen, Fact::SealedTunnel(tunnel));
    Outcome::Settled
}

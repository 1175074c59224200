//! The tunnels that were opened, each with its outer addresses.
//!
//! Input: outer packets as they are opened. Output: a number for each tunnel, by which the flows in it are told from those
//! outside and in others; what it carried. Must not: grow past [`MAX_TUNNELS`].

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Ends, Tunnel, Vlan};
use crate::frame::FrameRef;

/// An opened tunnel of one [`Opener`](super::Opener).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct TunnelId(u32);

impl TunnelId {
    /// No tunnel.
    pub const NONE: Self = Self(0);

    /// Whether it is none.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Its number, from 1 in the order in which the tunnels were first seen; 0 for none.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// What is known of an opened tunnel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenedTunnel {
    /// Which kind.
    pub kind: Tunnel,
    /// The tunnel that it runs in.
    pub within: TunnelId,
    /// Its outer addresses, the sender of the first packet first.
    pub outer: [IpAddr; 2],
    /// The number of the network inside, where both directions share one (VXLAN and Geneve: 24 bits; the key of GRE: 32).
    pub network: Option<u32>,
    /// The first frame that came through it.
    pub first: FrameRef,
    /// Frames that came through it.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
}

/// Most tunnels that are told apart; what comes through further ones is counted as a tunnel and not opened.
pub(super) const MAX_TUNNELS: usize = 1 << 16;

/// What makes a tunnel the same one for both directions. Its ports do not: senders draw them from the inner flow.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Key {
    within: TunnelId,
    vlan: Vlan,
    kind: Tunnel,
    low: u128,
    high: u128,
    network: Option<u32>,
}

/// The tunnels seen so far.
#[derive(Clone, Default, Debug)]
pub(super) struct Tunnels {
    /// Hashed with a key of its own, because addresses are chosen by whoever sends the packets.
    known: HashMap<Key, TunnelId>,
    rows: Vec<OpenedTunnel>,
}

impl Tunnels {
    /// Notes a frame of `bytes` on the wire that comes through a tunnel; `None` where there are too many.
    pub(super) fn enter(
        &mut self,
        (within, vlan): (TunnelId, Vlan),
        kind: Tunnel,
        ends: Ends,
        network: Option<u32>,
        frame: (FrameRef, u32),
    ) -> Option<TunnelId> {
        let [from, to] = ends.bits();
        let key = Key { within, vlan, kind, low: from.min(to), high: from.max(to), network };
        let (first, bytes) = frame;
        let id = match self.known.get(&key) {
            Some(id) => *id,
            None => self.start(key, ends, first)?,
        };
        let row = self.rows.get_mut((id.0 as usize).checked_sub(1)?)?;
        row.frames = row.frames.saturating_add(1);
        row.bytes = row.bytes.saturating_add(bytes.into());
        Some(id)
    }

    fn start(&mut self, key: Key, ends: Ends, first: FrameRef) -> Option<TunnelId> {
        let before = u32::try_from(self.rows.len()).ok().filter(|_| self.rows.len() < MAX_TUNNELS)?;
        let Key { within, kind, network, .. } = key;
        let outer = [ends.from().address, ends.to().address];
        self.rows.push(OpenedTunnel { kind, within, outer, network, first, frames: 0, bytes: 0 });
        let id = TunnelId(before.saturating_add(1));
        self.known.insert(key, id);
        Some(id)
    }

    /// What is known of a tunnel.
    pub(super) fn get(&self, id: TunnelId) -> Option<&OpenedTunnel> {
        self.rows.get((id.0 as usize).checked_sub(1)?)
    }

    /// All of them, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TunnelId, &OpenedTunnel)> {
        (1..).map(TunnelId).zip(&self.rows)
    }
}

//! The two ends of a packet, by which both readings find its flow, and a datagram between them.
//!
//! Input: endpoints. Output: the same for both directions. Must not: know what flows say.

use crate::flow::Side;
use crate::packet::{Endpoint, Protocol};

/// Both ends of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Ends {
    pub(super) protocol: Protocol,
    pub(super) from: Endpoint,
    pub(super) to: Endpoint,
}

impl Ends {
    /// The same for both directions, and which of them this is.
    pub(super) fn ordered(self) -> (Self, Side) {
        let Self { protocol, from, to } = self;
        if from <= to { (self, Side::First) } else { (Self { protocol, from: to, to: from }, Side::Second) }
    }
}

/// A datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) ports: [u16; 2],
    pub(super) payload: &'a [u8],
    /// Its length on the wire, of which `payload` was captured.
    pub(super) length: u32,
}

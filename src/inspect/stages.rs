//! The stages that look at single packets: flows, then evidence.
//!
//! Input: what a frame decoded to. Output: the frame's class; flows and evidence that know the packet. Must not: look at a
//! packet twice that was captured on two interfaces.

use crate::evidence::Evidence;
use crate::flow::{FlowId, Flows, Scope, Seen, Sightings};
use crate::frame::{Frame, FrameRef};
use crate::inspect::decryption::Decryption;
#[cfg(test)]
use crate::inspect::guard::planted;
use crate::packet::{Begun, Class, Decoded, Packet};

/// What the packets of one capture change.
pub(super) struct Stages<'a> {
    pub(super) flows: &'a mut Flows,
    pub(super) evidence: &'a mut Evidence,
    pub(super) sightings: &'a mut Sightings,
    /// Where keys are known.
    pub(super) decryption: Option<&'a mut Decryption>,
}

/// The frame that a packet came in.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    pub(super) frame: &'a Frame<'a>,
    pub(super) at: FrameRef,
    /// The bytes on the wire of all frames that the packet came in.
    pub(super) wire_len: u32,
    /// Where it was captured, as far as two sightings of one packet can differ in it; `None` where there is one place only.
    pub(super) interface: Option<u64>,
}

impl Stages<'_> {
    /// Takes what a frame decoded to, and says how the frame counts.
    #[inline]
    pub(super) fn decoded(&mut self, decoded: &Decoded<'_>, sight: &Sight<'_>) -> Class {
        match decoded {
            Decoded::Packet(packet) => match sight.interface {
                Some(interface) if self.is_repeated(packet, interface, sight) => return Class::Duplicate,
                Some(_) => {}
                None => {
                    self.packet(packet, sight);
                }
            },
            Decoded::IcmpError(error) => {
                let scope =
                    Scope { interface: sight.frame.interface, vlan: error.vlan, tunnel: error.tunnel };
                if self.flows.icmp_error(error, scope, sight.at, sight.frame.time).is_none() {
                    self.evidence.note_error(sight.at);
                }
            }
            Decoded::Other(_) => {}
        }
        decoded.class()
    }

    /// Counts a packet, and reads what it says.
    #[inline(always)]
    pub(super) fn packet(&mut self, packet: &Packet<'_>, sight: &Sight<'_>) -> FlowId {
        let (at, time) = (sight.at, sight.frame.time);
        #[cfg(test)]
        planted::reach(at.number(), planted::Place::Stages);
        let seen = self.flows.observe(packet, scope(packet, sight), at, sight.wire_len, time);
        self.evidence.observe(self.flows, seen, packet, at, time);
        self.claims(seen, sight);
        if let Some(decryption) = &mut self.decryption {
            decryption.packet(seen, packet, (at, time), self.evidence);
        }
        seen.flow
    }

    /// Reads what a packet says that is counted already.
    pub(super) fn packet_again(&mut self, packet: &Packet<'_>, sight: &Sight<'_>) -> Option<FlowId> {
        let seen = self.flows.find(packet, scope(packet, sight))?;
        self.evidence.observe(self.flows, seen, packet, sight.at, sight.frame.time);
        Some(seen.flow)
    }

    /// Takes note of what the capture says of the frame beside its bytes.
    #[inline]
    fn claims(&mut self, seen: Seen, sight: &Sight<'_>) {
        if let Some(process) = sight.frame.process {
            self.evidence.process(seen, &process, sight.at, sight.frame.time);
        }
        if let Some(direction) = sight.frame.direction {
            self.flows.note_direction(seen.flow, seen.side, direction);
        }
    }

    /// The same in a capture with several interfaces: whether the packet was seen on another one a moment ago, and is not
    /// counted again.
    fn is_repeated(&mut self, packet: &Packet<'_>, interface: u64, sight: &Sight<'_>) -> bool {
        // What was cut may differ in what is missing.
        let Some(digest) = self.sightings.digest(packet) else {
            self.packet(packet, sight);
            return false;
        };
        if let Some(flow) = self.sightings.repeated(digest, interface, sight.frame.time) {
            // What one interface cannot tell the other may.
            if let Some(seen) = self.flows.link(packet, scope(packet, sight), flow) {
                self.claims(seen, sight);
            }
            return true;
        }
        let flow = self.packet(packet, sight);
        self.sightings.remember(digest, interface, sight.frame.time, flow);
        false
    }

    /// Counts a packet of which only the start is there. Who was talked to must not depend on the other pieces.
    pub(super) fn begun(&mut self, begun: &Begun<'_>) {
        let Begun { packet, interface, first, wire_len, time } = begun;
        let scope = Scope { interface: *interface, vlan: packet.vlan, tunnel: packet.tunnel };
        let seen = self.flows.observe(packet, scope, *first, *wire_len, *time);
        self.evidence.observe(self.flows, seen, packet, *first, *time);
    }

    /// Reads what the packet says to a receiver who takes the last copy of what its fragments overlap in. It is counted
    /// already.
    pub(super) fn other_reading(&mut self, packet: &Packet<'_>, sight: &Sight<'_>) {
        let time = sight.frame.time;
        if let Some(seen) = self.flows.find(packet, scope(packet, sight)) {
            self.evidence.observe_other(seen, packet, sight.at, time);
        }
    }
}

fn scope(packet: &Packet<'_>, sight: &Sight<'_>) -> Scope {
    Scope { interface: sight.frame.interface, vlan: packet.vlan, tunnel: packet.tunnel }
}

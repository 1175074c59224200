//! Where the flows, names and frames of a piece of a capture went when it was put behind the pieces before.
//!
//! Input: their numbers in the piece. Output: their numbers in the whole. Must not: know what is moved.

use crate::evidence::name::NameId;
use crate::flow::FlowId;
use crate::frame::FrameRef;

/// The new numbers.
pub(super) struct Moved<'a> {
    /// By flow of the piece; nothing for one that is known by another part of it.
    pub(super) flows: &'a [Option<FlowId>],
    /// By name of the piece.
    pub(super) names: Vec<NameId>,
    /// How many frames were read before the piece.
    pub(super) frames: u64,
}

impl Moved<'_> {
    /// A flow's new number; nothing where what the piece knows of it is not taken over.
    pub(super) fn flow(&self, flow: FlowId) -> Option<FlowId> {
        self.flows.get(flow.0 as usize).copied().flatten()
    }

    pub(super) fn name(&self, name: NameId) -> Option<NameId> {
        self.names.get(name.number() as usize).copied()
    }

    pub(super) fn frame(&self, frame: FrameRef) -> FrameRef {
        frame.later_by(self.frames)
    }
}

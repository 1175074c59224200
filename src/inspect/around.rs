//! A frame together with what a capturing program wrote around it: the one home of what comes before what.
//!
//! Input: a frame as its file has it. Output: the frame with whose it is and which way it went from either place, and without
//! a trailer that was never on a wire. Must not: believe more of it than the file claims.

use crate::frame::Frame;
use crate::packet::{self, Through};

/// A frame with what stands around it; `None` where nothing does, as around nearly all. What stands beside the frame in the
/// file comes before what was written into it.
#[inline]
pub(super) fn annotated<'a>(frame: &Frame<'a>) -> Option<(Frame<'a>, Option<Through<'a>>)> {
    let around = packet::annotation(frame.link, frame.data)?;
    let frame = Frame {
        wire_len: frame.wire_len.saturating_sub(around.trailer),
        process: frame.process.or(around.process),
        direction: frame.direction.or(around.direction),
        ..*frame
    };
    Some((frame, around.interface))
}

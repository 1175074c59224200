//! What a running capture is made of, as far as it needs no device and no file: blocks in a pipe, what they count, the queue
//! between a device and the pipe, the limits a user sets, and what the two programs of a capture say to each other.
//!
//! `borderpost-capture` has the rights to a device and writes pcapng to a pipe; `borderpost capture` has none, and copies the
//! blocks of the pipe into evidence files as they are.
//!
//! Input: bytes of pcapng, texts. Output: plain values. Must not: open a device or a file, or decode a frame.

mod block;
mod limits;
mod notice;
mod queue;

pub use block::{BadBlock, Block, Blocks, Counts, Kind, commented, rebased};
pub use limits::{Bounds, Limit, file_name};
pub use notice::{Device, Notice, Refusal, Rights};
pub use queue::Queue;

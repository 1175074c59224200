//! What a client reports about its use, as decrypted traffic shows it: imports of HTTP exchanges, what their bodies hold,
//! and which flow of a capture each went over.
//!
//! Input: [`Exchange`](crate::wire::exchange::Exchange)s of a capture, or files of other tools as bytes. Output: exchanges of
//! the same form, paths and values of bodies, pairs of exchanges and flows. Must not: open a file, or trust a byte of one.

pub mod content;
pub mod import;
pub mod join;

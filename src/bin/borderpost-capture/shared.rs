//! What the threads of the program share.
//!
//! Input: notices. Output: lines on standard error. Must not: know a device.

use std::io::{Write as _, stderr};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use borderpost::capture::{Notice, Queue};
use borderpost::source::write::Writer;

/// What the threads share.
#[derive(Clone)]
pub(crate) struct Shared {
    /// Set where the capture is to end.
    pub(crate) stop: Arc<AtomicBool>,
    /// Writes blocks to the queue.
    pub(crate) writer: Arc<Mutex<Writer<Queue>>>,
}

/// Says it on standard error, which may be closed.
pub(crate) fn say(notice: &Notice) {
    drop(writeln!(stderr(), "{}", notice.to_line()));
}

/// The library's own words without ours around them.
pub(crate) fn said(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(what) => what.clone(),
        other => other.to_string(),
    }
}

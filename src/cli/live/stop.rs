//! The end of a capture or of the following of one, by an interrupt or at the screen.
//!
//! Input: signals (interrupt, termination, hang-up). Output: two flags. Must not: end the program before the first signal's work is
//! done, but where the user insists.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::cli::screen;

/// Ends the reading, from whatever thread.
#[derive(Clone, Default, Debug)]
pub(in crate::cli) struct Stop {
    /// Once it is set, the reading ends and the report is made.
    pub(in crate::cli) ends: Arc<AtomicBool>,
    /// Whether it was an interrupt.
    pub(in crate::cli) is_interrupted: Arc<AtomicBool>,
}

impl Stop {
    /// Takes signals from now on: the first sets the flags, another one ends the program at once. What comes with the first, as from
    /// a terminal that goes away and from its shell, is one with it.
    pub(in crate::cli) fn at_signals(&self) -> Result<(), String> {
        let stop = self.clone();
        let first: Mutex<Option<Instant>> = Mutex::default();
        ctrlc::set_handler(move || {
            let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
            let since = first.get_or_insert_with(Instant::now);
            if since.elapsed() >= TOGETHER {
                screen::restore();
                std::process::exit(130);
            }
            stop.is_interrupted.store(true, Ordering::Relaxed);
            stop.ends.store(true, Ordering::Relaxed);
        })
        .map_err(|error| format!("an interrupt could not be prepared for: {error}"))
    }
}

/// Signals so close to the first are one with it.
const TOGETHER: Duration = Duration::from_millis(300);

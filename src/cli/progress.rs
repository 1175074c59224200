//! The progress bar: bytes read of bytes to read, rate and time left, on standard error, on a terminal only.

use std::io::{IsTerminal as _, stderr};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::inspect::Progress;
use crate::report::text;

/// A bar over all inputs; hidden where nobody watches.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar that shows nothing until it is known what is to be read.
    pub(super) fn new() -> Self {
        let bar = if stderr().is_terminal() {
            ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(8))
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl Progress for Bar {
    fn expect(&self, bytes: u64) {
        self.0.set_length(bytes);
    }

    fn open(&self, path: &Path) {
        self.0.set_message(text::clean(&path.display().to_string()));
    }

    fn read(&self, bytes: u64) {
        self.0.inc(bytes);
        // What comes from standard input is not expected, and a capture that is followed grows.
        if let Some(more @ 1..) = self.0.position().checked_sub(self.0.length().unwrap_or(u64::MAX)) {
            self.0.inc_length(more);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

const TEMPLATE: &str = "{bytes}/{total_bytes} {bytes_per_sec} {eta} {wide_msg}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_ends_where_the_reading_does() {
        let bar = Bar(ProgressBar::hidden());
        bar.expect(100);
        bar.read(60);
        assert_eq!((bar.0.position(), bar.0.length()), (60, Some(100)));
        bar.read(60);
        assert_eq!((bar.0.position(), bar.0.length()), (120, Some(120)));
    }
}

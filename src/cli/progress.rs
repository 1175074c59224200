//! The progress bar: bytes read of bytes to read, on standard error, on a terminal only.

use std::io::{IsTerminal as _, stderr};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::inspect::Progress;
use crate::report::text;

/// A bar over all inputs; hidden where nobody watches.
pub(super) struct Bar {
    bar: ProgressBar,
    before: u64,
}

impl Bar {
    /// A bar that shows nothing until the first input is opened.
    pub(super) fn new() -> Self {
        let bar = if stderr().is_terminal() {
            ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(8))
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self { bar, before: 0 }
    }
}

impl Progress for Bar {
    fn input(&mut self, path: &Path, size: Option<u64>) {
        self.before = self.bar.position();
        self.bar.inc_length(size.unwrap_or(0));
        self.bar.set_message(text::clean(&path.display().to_string()));
    }

    fn read(&mut self, bytes: u64) {
        let position = self.before.saturating_add(bytes);
        // A capture that is followed grows.
        if self.bar.length().is_some_and(|length| length < position) {
            self.bar.set_length(position);
        }
        self.bar.set_position(position);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

const TEMPLATE: &str = "{bytes}/{total_bytes} {bytes_per_sec} {eta} {wide_msg}";

//! Whether what is printed has colours.
//!
//! Input: what the user said, whether it goes to a terminal, and two variables of the environment. Output: a choice. Must not:
//! make colour carry what words do not.

use std::ffi::OsStr;

use crate::cli::args::When;
use crate::report::table::Color;

/// Whether colour is used where the user says `when`.
pub(super) fn color(when: When, is_terminal: bool) -> Color {
    let [no_color, term] = ["NO_COLOR", "TERM"].map(std::env::var_os);
    color_of(when, is_terminal, no_color.as_deref(), term.as_deref())
}

/// `NO_COLOR` counts where it is set and not empty (no-color.org).
fn color_of(when: When, is_terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> Color {
    let is_refused = no_color.is_some_and(|value| !value.is_empty());
    let is_dumb = term.is_some_and(|term| term == "dumb");
    match when {
        When::Always => Color::Always,
        When::Auto if is_terminal && !is_refused && !is_dumb => Color::Always,
        When::Auto | When::Never => Color::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_that_want_it() {
        let of = |when, is_terminal, no_color: Option<&str>, term: &str| {
            color_of(when, is_terminal, no_color.map(OsStr::new), Some(OsStr::new(term)))
        };
        assert_eq!(of(When::Auto, true, None, "xterm"), Color::Always);
        assert_eq!(of(When::Auto, true, Some(""), "xterm"), Color::Always);
        assert_eq!(of(When::Auto, true, Some("1"), "xterm"), Color::Never);
        assert_eq!(of(When::Auto, true, None, "dumb"), Color::Never);
        assert_eq!(of(When::Auto, false, None, "xterm"), Color::Never);
        assert_eq!(of(When::Always, false, Some("1"), "dumb"), Color::Always);
        assert_eq!(of(When::Never, true, None, "xterm"), Color::Never);
    }
}

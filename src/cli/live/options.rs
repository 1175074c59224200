//! The options of what happens while a capture is read.

use std::time::Duration;

use clap::Args;

use crate::cli::format::Format;
use crate::cli::live::View;
use crate::cli::screen;

#[derive(Args, Debug)]
#[command(next_help_heading = "While it is read")]
pub(in crate::cli) struct Live {
    /// Show what is found while the capture is read: on a terminal as a screen (m sets a mark, q ends and reports); elsewhere, and
    /// with --format jsonl, as a line of JSON for each change on standard output
    #[arg(long)]
    pub(in crate::cli) live: bool,
    /// Rewrite the reports of -o while the capture is read, so that none is older than so many seconds. Each is whole, and says
    /// that it is one so far
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(in crate::cli) checkpoint: Option<u64>,
}

impl Live {
    /// Whether anything is asked for.
    pub(in crate::cli) fn is_asked(&self) -> bool {
        self.live || self.checkpoint.is_some()
    }

    /// How old the files of `-o` may become.
    pub(in crate::cli) fn checkpoint(&self) -> Option<Duration> {
        self.checkpoint.map(Duration::from_secs)
    }

    /// How what is found is shown, beside a report in that format on standard output.
    pub(in crate::cli) fn view(&self, format: Option<Format>) -> Result<View, String> {
        view_of(self.live, format, screen::is_there())
    }
}

fn view_of(is_live: bool, format: Option<Format>, has_terminal: bool) -> Result<View, String> {
    match format {
        _ if !is_live => Ok(View::None),
        Some(Format::Jsonl) => Ok(View::Lines),
        _ if has_terminal => Ok(View::Screen),
        None => Ok(View::Lines),
        Some(_) => Err(
            "--live: there is no terminal for the screen, and its lines of JSON stand beside no report but --format \
             jsonl; write the report to a file with -o instead"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_never_stand_in_another_format() {
        assert_eq!(view_of(false, None, true), Ok(View::None));
        assert_eq!(view_of(true, None, true), Ok(View::Screen));
        assert_eq!(view_of(true, Some(Format::Json), true), Ok(View::Screen));
        assert_eq!(view_of(true, Some(Format::Jsonl), true), Ok(View::Lines));
        assert_eq!(view_of(true, None, false), Ok(View::Lines));
        assert_eq!(view_of(true, Some(Format::Jsonl), false), Ok(View::Lines));
        assert!(view_of(true, Some(Format::Csv), false).unwrap_err().contains("no terminal"));
    }
}

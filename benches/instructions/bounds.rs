//! The bounds on instructions, and what a count means beside its bound.
//!
//! Input: the text of `bounds.toml`; counts. Output: rows, changes, and the file with other counts. A bound is what was
//! counted last, so that a count is also a change. Must not: run anything.

use std::fmt::Write as _;

use borderpost::data::{self, DataError};
use borderpost::frame::Date;
use serde::Deserialize;

/// What the file says.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bounds {
    /// What is to be reached once.
    pub(crate) goal: Option<Goal>,
    /// One row for each workload.
    #[serde(rename = "workloads")]
    pub(crate) rows: Vec<Row>,
}

/// What is to be reached once.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Goal {
    /// On which workload.
    pub(crate) workload: String,
    /// The most instructions that reading a packet may take.
    pub(crate) reading: u64,
}

/// The bounds on one workload.
#[derive(Clone, PartialEq, Eq, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// Its name.
    pub(crate) workload: String,
    /// Its size in MiB.
    pub(crate) mebibytes: u64,
    /// What was counted.
    #[serde(rename = "instructions")]
    pub(crate) counts: Counts,
    /// On which day.
    pub(crate) measured: Date,
}

/// Instructions a packet.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counts {
    /// Of the whole process.
    pub(crate) whole: u64,
    /// From the first packet up to the end of evidence.
    pub(crate) reading: u64,
}

impl Bounds {
    /// Reads the file.
    pub(crate) fn read(file: &str, text: &str) -> Result<Self, DataError> {
        data::parse(file, text)
    }

    /// The file with other rows, counted on a day; what stands before the first row stays.
    pub(crate) fn rewritten(text: &str, rows: &[Row], measured: Date) -> String {
        let mut file = text.split("[[workloads]]").next().unwrap_or_default().to_owned();
        for (position, Row { workload, mebibytes, counts: Counts { whole, reading }, .. }) in
            rows.iter().enumerate()
        {
            let gap = if position == 0 { "" } else { "\n" };
            // Writing to a string cannot fail.
            let _ = write!(
                file,
                "{gap}[[workloads]]\nworkload = \"{workload}\"\nmebibytes = {mebibytes}\n\
                 instructions = {{ whole = {whole}, reading = {reading} }}\nmeasured = \"{measured}\"\n"
            );
        }
        file
    }
}

impl Counts {
    /// Each part, with its bound and what was found.
    pub(crate) fn beside(self, found: Self) -> [(&'static str, u64, u64); 2] {
        [("whole", self.whole, found.whole), ("reading", self.reading, found.reading)]
    }
}

/// What a count is beside its bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// More than 10 % above it.
    Broken,
    /// At least 3 % above it.
    Risen,
    /// About the same.
    Level,
    /// At least 3 % below it.
    Fallen,
    /// More than 10 % below it, so that it guards nothing any more.
    Loose,
}

impl Change {
    /// What `found` is beside `bound`.
    pub(crate) fn of(bound: u64, found: u64) -> Self {
        match (found * 100).checked_div(bound) {
            None => Self::Broken,
            Some(_) if found * 100 > bound * 110 => Self::Broken,
            Some(103..) => Self::Risen,
            Some(_) if found * 100 < bound * 90 => Self::Loose,
            Some(_) if found * 100 <= bound * 97 => Self::Fallen,
            Some(_) => Self::Level,
        }
    }

    /// What to do about it.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self::Broken => "BROKEN: more than 10 % above the bound",
            Self::Risen => "risen by 3 % or more: the commit has to say why",
            Self::Level => "",
            Self::Fallen => "fallen by 3 % or more: the commit may say so",
            Self::Loose => "fallen by more than 10 %: lower the bound (--write DATE)",
        }
    }
}

/// The change from the bound, as `+1.5 %`; empty where the bound is 0.
pub(crate) fn percent(bound: u64, found: u64) -> String {
    let sign = if found < bound { '-' } else { '+' };
    let thousandths = (found.abs_diff(bound) * 1000).checked_div(bound);
    thousandths.map_or_else(String::new, |change| format!("{sign}{}.{} %", change / 10, change % 10))
}

#[cfg(test)]
#[allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    reason = "run in tests/instructions.rs; a benchmark is built with `test` and without the harness"
)]
mod tests {
    use super::*;

    #[test]
    fn a_count_breaks_its_bound_above_ten_per_cent_and_is_told_from_three() {
        let change = |found| Change::of(1000, found);
        assert_eq!([1101, u64::from(u32::MAX)].map(change), [Change::Broken; 2]);
        assert_eq!([1030, 1100].map(change), [Change::Risen; 2]);
        assert_eq!([1029, 1000, 971].map(change), [Change::Level; 3]);
        assert_eq!([970, 900].map(change), [Change::Fallen; 2]);
        assert_eq!([899, 0].map(change), [Change::Loose; 2]);
        assert_eq!(Change::of(0, 0), Change::Broken);
    }

    #[test]
    fn a_change_is_shown_with_its_sign_and_one_decimal() {
        assert_eq!(percent(1000, 1034), "+3.4 %");
        assert_eq!(percent(1000, 899), "-10.1 %");
        assert_eq!(percent(1000, 1000), "+0.0 %");
        assert_eq!(percent(0, 5), "");
    }

    #[test]
    fn the_shipped_bounds_are_read_and_survive_being_rewritten() {
        let text = include_str!("bounds.toml");
        let bounds = Bounds::read("bounds.toml", text).unwrap();
        let day = bounds.rows[0].measured;
        assert!(bounds.rows.iter().all(|row| row.counts.whole >= row.counts.reading));
        assert!(bounds.goal.is_some_and(|goal| bounds.rows.iter().any(|row| row.workload == goal.workload)));
        let again = Bounds::rewritten(text, &bounds.rows, day);
        assert!(again.starts_with(text.split("[[workloads]]").next().unwrap()));
        let again = Bounds::read("again", &again).unwrap();
        let old = bounds.rows.into_iter().map(|row| Row { measured: day, ..row });
        assert_eq!(again.rows, old.collect::<Vec<_>>());
    }
}

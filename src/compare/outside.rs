//! Whether something is outside the EEA, and how sure that is.
//!
//! Input: a destination's axis and grade, as reports write them. Output: [`Outside`]. Must not: take what is not known for inside.

use serde::Serialize;

use crate::report::checks::MinGrade;

/// How sure it is that the new side of a difference is outside the EEA.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// It is not.
    #[default]
    No,
    /// A place of it is not known, and none is outside.
    NotKnown,
    /// By one medium witness.
    Possibly,
    /// By one strong witness.
    Likely,
    /// By two independent witnesses.
    Confirmed,
}

impl Outside {
    /// What a destination's axis and grade say.
    pub(super) fn of(axis: &str, grade: &str) -> Self {
        match (axis, grade) {
            ("outside", "confirmed") => Self::Confirmed,
            ("outside", "likely") => Self::Likely,
            ("outside", _) => Self::Possibly,
            ("undetermined", _) => Self::NotKnown,
            _ => Self::No,
        }
    }

    /// Whether it is outside by at least this grade.
    #[must_use]
    pub const fn reaches(self, least: MinGrade) -> bool {
        match least {
            MinGrade::Possible => matches!(self, Self::Possibly | Self::Likely | Self::Confirmed),
            MinGrade::Likely => matches!(self, Self::Likely | Self::Confirmed),
            MinGrade::Confirmed => matches!(self, Self::Confirmed),
        }
    }
}

//! Destinations: what findings speak of. Ten sockets to one server are one destination.
//!
//! Input: what was found about flows. Output: the key that flows of one destination share, and the order in which
//! destinations are read. Must not: count anything.

use super::Axis;
use crate::client::Whose;
use crate::place::{Country, Grade};

/// What the flows of one destination have in common: one recipient's host pattern, for one service, in one place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DestinationKey {
    /// How much it matters: lower is read first.
    pub rank: u8,
    /// Whose the flows are.
    pub whose: Whose,
    /// The recipient's id.
    pub recipient: Option<String>,
    /// The host pattern, or the address where no name was seen.
    pub host_pattern: String,
    /// The service's id.
    pub service: &'static str,
    /// The place axis.
    pub axis: Axis,
    /// The countries that are allowed.
    pub countries: Vec<Country>,
    /// How sure the place is.
    pub grade: Grade,
    /// The register that was compared with, so that destinations of different days stay apart.
    pub register: Option<String>,
    /// The legal zone in words; it changes with the day.
    pub zone: Option<String>,
}

/// The order of reading: flagged first, then what is outside, what could not be placed, and the rest.
#[must_use]
pub fn rank(whose: Whose, axis: Axis, grade: Grade, is_flagged: bool) -> u8 {
    let is_possible = grade == Grade::Possible;
    match (whose, axis) {
        (Whose::Client, Axis::Outside) if is_flagged && !is_possible => 0,
        (Whose::Client, Axis::Outside) if is_flagged => 1,
        (Whose::Client, Axis::Outside) if !is_possible => 2,
        (Whose::Client, Axis::Outside) => 3,
        (Whose::Client, Axis::Undetermined) => 4,
        (Whose::NotAttributable, Axis::Outside) => 5,
        (Whose::NotAttributable, _) => 6,
        (Whose::Client, Axis::Eea) if is_possible => 7,
        (Whose::Client, Axis::Eea) => 8,
        (Whose::Client, Axis::Participant) => 9,
        (Whose::Client, Axis::Local) => 10,
        (Whose::Other, _) => 11,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flagged_destinations_are_read_first() {
        let ranks = [
            rank(Whose::Client, Axis::Outside, Grade::Likely, true),
            rank(Whose::Client, Axis::Outside, Grade::Possible, true),
            rank(Whose::Client, Axis::Outside, Grade::Confirmed, false),
            rank(Whose::Client, Axis::Outside, Grade::Possible, false),
            rank(Whose::Client, Axis::Undetermined, Grade::Anycast, false),
            rank(Whose::NotAttributable, Axis::Outside, Grade::Likely, true),
            rank(Whose::Client, Axis::Eea, Grade::Possible, false),
            rank(Whose::Client, Axis::Eea, Grade::Confirmed, false),
        ];
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
    }
}

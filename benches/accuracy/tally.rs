//! What a judge says of an address, and how often that is right.
//!
//! Input: verdicts and the truth. Output: counts and shares. Must not: know how a verdict was reached.

use borderpost::frame::Date;
use borderpost::inspect::Placement;
use borderpost::place::{Country, Grade, zone};
use borderpost::verdict::Axis;

use crate::truth::Case;

/// What a judge says of an address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The one country that it says; `None` where it does not decide.
    pub(crate) country: Option<Country>,
    /// Where it says that is, seen from the EEA; several countries may well be on one side.
    pub(crate) axis: Axis,
    /// Whether it calls that no more than possible.
    pub(crate) is_possible: bool,
}

impl Verdict {
    /// That of a judge who knows no grades.
    pub(crate) fn flat(country: Option<Country>, day: Date) -> Self {
        let axis = match country {
            None => Axis::Undetermined,
            Some(country) if is_inside(country, day) => Axis::Eea,
            Some(_) => Axis::Outside,
        };
        Self { country, axis, is_possible: false }
    }
}

impl From<&Placement> for Verdict {
    fn from(placement: &Placement) -> Self {
        let resolution = &placement.resolution;
        let is_decided = matches!(resolution.grade, Grade::Confirmed | Grade::Likely | Grade::Possible);
        let country =
            resolution.allowed.iter().next().filter(|_| is_decided && resolution.allowed.len() == 1);
        Self { country, axis: placement.axis, is_possible: resolution.grade == Grade::Possible }
    }
}

/// A judge's verdicts on a truth set, counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    /// One country, and that of the truth.
    pub(crate) right: u32,
    /// One country, and another one.
    pub(crate) wrong: u32,
    /// Not one country.
    pub(crate) undetermined: u32,
    /// In the EEA by the truth, said to be outside, and not only possibly.
    pub(crate) false_outside: u32,
    /// The same, called possible.
    pub(crate) possibly_outside: u32,
    /// Outside the EEA by the truth, said to be inside, at any grade.
    pub(crate) false_eea: u32,
}

impl Tally {
    /// Counts one verdict.
    pub(crate) fn count(&mut self, case: &Case, verdict: Verdict) {
        match verdict.country {
            None => self.undetermined += 1,
            Some(country) if country == case.truth => self.right += 1,
            Some(_) => self.wrong += 1,
        }
        match (is_inside(case.truth, case.day), verdict.axis) {
            (true, Axis::Outside) if verdict.is_possible => self.possibly_outside += 1,
            (true, Axis::Outside) => self.false_outside += 1,
            (false, Axis::Eea) => self.false_eea += 1,
            _ => {}
        }
    }

    /// Verdicts that name one country.
    pub(crate) fn decided(&self) -> u32 {
        self.right + self.wrong
    }

    /// Verdicts on the wrong side of the EEA's border, at any grade.
    pub(crate) fn misses(&self) -> u32 {
        self.false_outside + self.possibly_outside + self.false_eea
    }

    /// The share of verdicts that name one country.
    pub(crate) fn decided_share(&self) -> Share {
        Share { part: self.decided(), of: self.decided() + self.undetermined }
    }

    /// The share of the right ones among those.
    pub(crate) fn right_share(&self) -> Share {
        Share { part: self.right, of: self.decided() }
    }
}

/// So many of so many. Shares are compared exactly, without rounding.
#[derive(Clone, Copy)]
pub(crate) struct Share {
    part: u32,
    of: u32,
}

impl Share {
    /// So many in a hundred.
    pub(crate) const fn percent(part: u32) -> Self {
        Self { part, of: 100 }
    }

    /// Whether it is at least the other one. A share of nothing is less than any.
    pub(crate) fn is_at_least(self, other: Self) -> bool {
        let cross = |a: u32, b: u32| u64::from(a) * u64::from(b);
        other.of == 0 || (self.of > 0 && cross(self.part, other.of) >= cross(other.part, self.of))
    }
}

/// In per cent, with one decimal, rounded down so that 100.0 means all; `-` of nothing.
impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let thousandths = (u64::from(self.part) * 1000).checked_div(u64::from(self.of));
        match thousandths {
            None => f.pad("-"),
            Some(share) => f.pad(&format!("{}.{}", share / 10, share % 10)),
        }
    }
}

fn is_inside(country: Country, day: Date) -> bool {
    zone(country, day, None).zone.is_inside_eea()
}

#[cfg(test)]
#[allow(
    dead_code,
    reason = "run in tests/accuracy.rs; a benchmark is built with `test` and without the harness"
)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    fn day() -> Date {
        "2026-06-20".parse().unwrap()
    }

    fn case(truth: &str) -> Case {
        let address = [192, 0, 2, 1].into();
        Case { address, names: Vec::new(), day: day(), truth: country(truth) }
    }

    fn said(code: &str, is_possible: bool) -> Verdict {
        Verdict { is_possible, ..Verdict::flat(Some(country(code)), day()) }
    }

    #[test]
    fn a_wrong_country_on_the_right_side_is_no_miss() {
        let mut tally = Tally::default();
        tally.count(&case("NL"), said("DE", false));
        tally.count(&case("US"), said("JP", true));
        assert_eq!(tally, Tally { wrong: 2, ..Tally::default() });
    }

    #[test]
    fn misses_are_counted_by_side_and_what_is_only_possible_apart() {
        let mut tally = Tally::default();
        tally.count(&case("NL"), said("US", false));
        tally.count(&case("NO"), said("US", true));
        tally.count(&case("GB"), said("FR", false));
        tally.count(&case("US"), said("IE", true));
        let misses = Tally { false_outside: 1, possibly_outside: 1, false_eea: 2, ..Tally::default() };
        assert_eq!(tally, Tally { wrong: 4, ..misses });
        assert_eq!(tally.misses(), 4);
    }

    #[test]
    fn a_side_without_one_country_is_undetermined_and_may_be_a_miss() {
        let mut tally = Tally::default();
        tally.count(&case("DE"), Verdict { country: None, axis: Axis::Outside, is_possible: false });
        tally.count(&case("DE"), Verdict::flat(None, day()));
        assert_eq!(tally, Tally { undetermined: 2, false_outside: 1, ..Tally::default() });
    }

    #[test]
    fn shares_are_compared_exactly_and_never_rounded_up() {
        let share = |part, of| Share { part, of };
        assert_eq!(share(2999, 3000).to_string(), "99.9");
        assert_eq!((share(3, 3).to_string(), share(0, 0).to_string()), ("100.0".into(), "-".into()));
        assert!(
            share(245, 251).is_at_least(share(297, 305)) && !share(297, 305).is_at_least(share(245, 251))
        );
        assert!(
            share(19, 20).is_at_least(Share::percent(95)) && !share(18, 19).is_at_least(Share::percent(95))
        );
        assert!(!share(0, 0).is_at_least(share(0, 3)) && share(0, 0).is_at_least(share(0, 0)));
    }
}

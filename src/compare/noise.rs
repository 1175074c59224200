//! What of a number is noise: how far runs of one build differ in it.
//!
//! Input: the number in each run of the base. Output: whether another one is beyond it. Must not: know noise from one run.

use serde::Serialize;

/// The numbers that several runs had.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Debug)]
pub struct Range {
    /// The least.
    pub least: u64,
    /// The mean, rounded down.
    pub mean: u64,
    /// The greatest.
    pub most: u64,
}

/// The rule, for people.
pub const RULE: &str = "A number of flows or of bytes sent counts as changed where it is above the greatest of the base's runs, or below \
                        the least, by more than these differ among themselves and by more than a tenth of their mean.";

impl Range {
    /// That of at least one number.
    #[must_use]
    pub fn of(numbers: impl Iterator<Item = u64> + Clone) -> Option<Self> {
        let (least, most) = (numbers.clone().min()?, numbers.clone().max()?);
        let (count, sum) =
            numbers.fold((0_u128, 0_u128), |(count, sum), number| (count + 1, sum + u128::from(number)));
        let mean = u64::try_from(sum.checked_div(count)?).unwrap_or(most);
        Some(Self { least, mean, most })
    }

    /// Whether all of `new` is beyond what is noise by [`RULE`].
    #[must_use]
    pub const fn is_beyond(&self, new: &Self) -> bool {
        let (spread, tenth) = (self.most - self.least, self.mean / 10);
        let width = if spread > tenth { spread } else { tenth };
        new.least > self.most.saturating_add(width) || new.most < self.least.saturating_sub(width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(numbers: &[u64]) -> Range {
        Range::of(numbers.iter().copied()).unwrap()
    }

    #[test]
    fn what_lies_near_the_base_is_noise() {
        let base = range(&[100, 120, 110]);
        assert_eq!(base, Range { least: 100, mean: 110, most: 120 });
        let beyond = |numbers: &[u64]| base.is_beyond(&range(numbers));
        assert!(!beyond(&[140]) && !beyond(&[80]) && !beyond(&[110]));
        assert!(beyond(&[141]) && beyond(&[79]));
        // Runs of the new build that lie on both sides show no change.
        assert!(!beyond(&[79, 141]) && !beyond(&[141, 120]));
        // Runs that were all the same leave a tenth.
        let same = range(&[100, 100]);
        assert!(!same.is_beyond(&range(&[110])) && same.is_beyond(&range(&[111])));
        assert!(range(&[2, 2]).is_beyond(&range(&[3])), "few are counted exactly");
        assert_eq!(Range::of(std::iter::empty()), None);
        let huge = range(&[u64::MAX, u64::MAX]);
        assert!(!huge.is_beyond(&huge) && huge.is_beyond(&range(&[0])));
    }
}

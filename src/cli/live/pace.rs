//! When the next snapshot is made: often enough for who looks and for the files on the disk, and never so often that judging takes
//! more than a fifth of a processor.
//!
//! Input: moments, and what the last snapshot cost. Output: the next moment. Must not: read a clock.

use std::time::{Duration, Instant};

/// The pace of snapshots.
#[derive(Debug)]
pub(super) struct Pace {
    /// Between two snapshots at the least.
    every: Duration,
    /// How old the report on the disk may become.
    checkpoint: Option<Duration>,
    next: Instant,
    /// When the snapshot was begun that is on the disk.
    kept: Option<Instant>,
    /// What the dearest snapshot cost of late.
    cost: Duration,
}

impl Pace {
    /// The pace for somebody who looks, for files that are to be kept up to date, or for both; none for nobody.
    pub(super) fn of(is_shown: bool, checkpoint: Option<Duration>, now: Instant) -> Option<Self> {
        let every = match (is_shown, checkpoint) {
            (true, _) => SHOWN,
            // A part of it, so that what it costs, and what a turn is late by, stays within.
            (false, Some(checkpoint)) => (checkpoint / 4).max(LEAST),
            (false, None) => return None,
        };
        Some(Self { every, checkpoint, next: now, kept: None, cost: Duration::ZERO })
    }

    /// When the next snapshot is due.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Whether a snapshot that is begun now is to go to the disk: after the next turn it would be too late.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let Some(checkpoint) = self.checkpoint else { return false };
        let after_next = self.gap() + self.cost * 2;
        self.kept.is_none_or(|kept| now.saturating_duration_since(kept) + after_next >= checkpoint)
    }

    /// Nothing was to be done.
    pub(super) fn passes(&mut self, now: Instant) {
        self.next = now + self.every.min(SHOWN);
    }

    /// A snapshot was made, and may be on the disk.
    pub(super) fn took(&mut self, began: Instant, ended: Instant, is_kept: bool) {
        let cost = ended.saturating_duration_since(began);
        // What costs much once is expected again, less each time.
        self.cost = cost.max(self.cost / 8 * 7);
        if is_kept {
            self.kept = Some(began);
        }
        self.next = ended + self.every.max(cost * SHARE);
    }

    fn gap(&self) -> Duration {
        self.every.max(self.cost * SHARE)
    }
}

/// Between two snapshots that somebody looks at.
const SHOWN: Duration = Duration::from_secs(1);
/// Between two snapshots for the disk alone, at the least.
const LEAST: Duration = Duration::from_millis(250);
/// After a snapshot, so many times what it cost pass without one.
const SHARE: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs for so many seconds with snapshots of this cost, in milliseconds: how many there were, what share of the time they took in
    /// percent, and the greatest age of what is on the disk, in milliseconds.
    fn run(is_shown: bool, checkpoint: Option<u64>, cost: u64, seconds: u64) -> (u64, u64, u64) {
        let start = Instant::now();
        let cost = Duration::from_millis(cost);
        let mut pace = Pace::of(is_shown, checkpoint.map(Duration::from_secs), start).unwrap();
        let (mut now, mut count, mut oldest) = (start, 0, Duration::ZERO);
        let mut on_disk: Option<Instant> = None;
        while now < start + Duration::from_secs(seconds) {
            now = pace.next();
            let (began, is_due) = (now, pace.is_due(now));
            now += cost;
            if is_due {
                oldest = oldest.max(on_disk.map_or(Duration::ZERO, |before| now - before));
                on_disk = Some(began);
            }
            pace.took(began, now, is_due);
            count += 1;
        }
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap();
        let share = millis(cost) * count * 100 / millis(now - start);
        (count, share, millis(oldest))
    }

    #[test]
    fn who_looks_gets_one_a_second_until_that_costs_too_much() {
        let (count, share, _) = run(true, None, 10, 60);
        assert!((55..=61).contains(&count) && share <= 2, "{count}, {share}");
        for cost in [250, 1_000, 7_000] {
            let (_, share, _) = run(true, None, cost, 600);
            assert!(share <= 21, "{cost} ms: {share} %");
        }
    }

    #[test]
    fn what_is_on_the_disk_is_never_older_than_was_asked_for() {
        for is_shown in [true, false] {
            for (checkpoint, cost) in [(10, 5), (10, 300), (10, 1_200), (3, 200), (60, 4_000), (1, 20)] {
                let (_, share, oldest) = run(is_shown, Some(checkpoint), cost, 300);
                let is_possible = !is_shown || checkpoint > 1;
                assert!(
                    !is_possible || oldest <= checkpoint * 1_000,
                    "{is_shown} {checkpoint} s, {cost} ms: {oldest} ms"
                );
                assert!(share <= 21, "{share}");
            }
        }
    }

    #[test]
    fn nobody_looks_and_nothing_is_kept() {
        assert!(Pace::of(false, None, Instant::now()).is_none());
        let pace = Pace::of(true, None, Instant::now()).unwrap();
        assert!(!pace.is_due(Instant::now()));
    }
}

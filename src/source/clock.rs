//! An interface's clock in pcapng: ticks of its own resolution, from an origin of its own, to nanoseconds.
//!
//! Input: `if_tsresol` and `if_tsoffset` (draft-ietf-opsawg-pcapng section 4.2) and ticks. Output: capture
//! time. Must not: fail; a time out of range is held at the end of the range.

use crate::frame::Timestamp;

/// How ticks become time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Clock {
    scale: Scale,
    offset_nanos: i128,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scale {
    /// A tick is so many nanoseconds.
    Multiply(u64),
    /// So many ticks are a nanosecond.
    Divide(u128),
    /// So many powers of two of ticks are a second.
    Shift(u32),
}

impl Clock {
    /// The resolution where an interface states none: microseconds.
    pub(super) const MICROSECONDS: u8 = 6;

    /// A clock of the resolution that `if_tsresol` states, with its origin moved by `offset` seconds.
    pub(super) fn new(resolution: u8, offset: i64) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        let scale = if resolution & 0x80 != 0 {
            Scale::Shift(exponent)
        } else if let Some(power) = 9_u32.checked_sub(exponent) {
            Scale::Multiply(10_u64.pow(power))
        } else {
            // No 64-bit count of such small ticks reaches a nanosecond where the power is out of range.
            Scale::Divide(10_u128.checked_pow(exponent - 9).unwrap_or(u128::MAX))
        };
        Self { scale, offset_nanos: i128::from(offset) * NANOS_PER_SECOND }
    }

    /// The time after so many ticks, rounded down to a nanosecond.
    #[inline]
    pub(super) fn time(&self, ticks: u64) -> Timestamp {
        if let Scale::Multiply(factor) = self.scale
            && self.offset_nanos == 0
            && let Some(nanos) = ticks.checked_mul(factor)
            && let Ok(nanos) = i64::try_from(nanos)
        {
            return Timestamp::from_nanos(nanos);
        }
        self.time_at_length(ticks)
    }

    fn time_at_length(&self, ticks: u64) -> Timestamp {
        let ticks = u128::from(ticks);
        // The largest product is below 2^64 * 10^9, so below 2^94.
        let nanos = match self.scale {
            Scale::Multiply(factor) => ticks * u128::from(factor),
            Scale::Divide(divisor) => ticks / divisor,
            Scale::Shift(bits) => (ticks * NANOS_PER_SECOND.unsigned_abs()) >> bits,
        };
        let nanos = i128::try_from(nanos).unwrap_or(i128::MAX).saturating_add(self.offset_nanos);
        Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
    }
}

const NANOS_PER_SECOND: i128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(resolution: u8, offset: i64, ticks: u64) -> i64 {
        Clock::new(resolution, offset).time(ticks).nanos()
    }

    #[test]
    fn decimal_resolutions_scale_to_nanoseconds() {
        assert_eq!(nanos(0, 0, 3), 3_000_000_000);
        assert_eq!(nanos(3, 0, 1_500), 1_500_000_000);
        assert_eq!(nanos(6, 0, 1_569_520_466_080_774), 1_569_520_466_080_774_000);
        assert_eq!(nanos(9, 0, 1_569_520_466_080_774_123), 1_569_520_466_080_774_123);
        assert_eq!(nanos(12, 0, 5_999), 5);
        assert_eq!(nanos(127, 0, u64::MAX), 0);
    }

    #[test]
    fn binary_resolutions_scale_to_nanoseconds() {
        assert_eq!(nanos(0x80, 0, 2), 2_000_000_000);
        assert_eq!(nanos(0x94, 0, 3 << 19), 1_500_000_000);
        assert_eq!(nanos(0xbf, 0, 1 << 62), 500_000_000);
        assert_eq!(nanos(0xff, 0, u64::MAX), 0);
    }

    #[test]
    fn offsets_move_the_origin() {
        assert_eq!(nanos(6, 1_000, 1), 1_000_000_001_000);
        assert_eq!(nanos(6, -2, 500_000), -1_500_000_000);
    }

    #[test]
    fn absurd_times_are_held_at_the_ends() {
        assert_eq!(nanos(6, 0, u64::MAX), i64::MAX);
        assert_eq!(nanos(6, i64::MAX, u64::MAX), i64::MAX);
        assert_eq!(nanos(6, i64::MIN, 0), i64::MIN);
    }

    #[test]
    fn every_resolution_is_total_and_rises_with_the_ticks() {
        for resolution in 0..=u8::MAX {
            let clock = Clock::new(resolution, 0);
            let times = [0, 1, 1 << 20, 1 << 40, u64::MAX].map(|ticks| clock.time(ticks));
            assert!(times.is_sorted(), "resolution {resolution}");
        }
    }
}

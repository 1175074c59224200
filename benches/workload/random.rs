//! The workloads' only source of chance, and the block of noise that stands for encrypted payload.

use std::sync::LazyLock;

/// A splitmix64 sequence (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The sequence of one seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(crate) const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The high 32 bits of the next number.
    pub(crate) const fn word(&mut self) -> u32 {
        (self.number() >> 32) as u32
    }

    /// A number below `limit`; 0 where the limit is 0.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.word().checked_rem(limit).unwrap_or(0)
    }

    /// `length` bytes from somewhere in the block of noise; at most [`LONGEST`].
    pub(crate) fn noise(&mut self, length: u32) -> &'static [u8] {
        let start = self.below(NOISE_LENGTH - LONGEST) as usize;
        let end = start + length.min(LONGEST) as usize;
        NOISE.get(start..end).unwrap_or_default()
    }
}

/// The longest piece of noise.
const LONGEST: u32 = 2048;
const NOISE_LENGTH: u32 = 64 * 1024;

static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut random = Random::new(6);
    (0..NOISE_LENGTH / 8).flat_map(|_| random.number().to_le_bytes()).collect()
});

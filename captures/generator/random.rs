//! The generator's only source of chance: a small seeded sequence, so that a scenario always makes the same bytes.
//!
//! Input: a seed, or a parent sequence and a label. Output: numbers and bytes. Must not: ask the system for anything,
//! or be used where secrecy matters.

/// A splitmix64 sequence (Steele, Lea and Flood, OOPSLA 2014): 64 bits of state, no cryptographic strength.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The sequence of one seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence of its own for one part of the work: parts do not shift each other's numbers.
    pub(crate) fn part(&self, label: &str) -> Self {
        // FNV-1a over the label, stirred into the parent's seed.
        let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(Self(self.0 ^ hash).number())
    }

    /// The next 64 bits.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 where the limit is 0. The bias of the remainder does not matter here.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.number().checked_rem(limit).unwrap_or(0)
    }

    /// The low 32 bits of the next number.
    pub(crate) fn word(&mut self) -> u32 {
        let [.., a, b, c, d] = self.number().to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// The low 16 bits of the next number.
    pub(crate) fn half(&mut self) -> u16 {
        let [.., a, b] = self.number().to_be_bytes();
        u16::from_be_bytes([a, b])
    }

    /// Fills `buffer`.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            for (to, from) in chunk.iter_mut().zip(self.number().to_le_bytes()) {
                *to = from;
            }
        }
    }

    /// `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// `length` bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes);
        bytes
    }
}

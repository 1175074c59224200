//! Byte orders: 16- and 32-bit words and the like out of bytes, in the order that a file is written in.
//!
//! Input: bytes. Output: numbers. Must not: know what they mean.

/// The order in which a file writes the bytes of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ByteOrder {
    /// The most significant first.
    Big,
    /// The least significant first.
    Little,
}

impl ByteOrder {
    /// Its name, such as `little-endian`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Big => "big-endian",
            Self::Little => "little-endian",
        }
    }

    #[inline]
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Big => u16::from_be_bytes(bytes),
            Self::Little => u16::from_le_bytes(bytes),
        }
    }

    #[inline]
    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        }
    }

    #[inline]
    pub(super) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Big => u64::from_be_bytes(bytes),
            Self::Little => u64::from_le_bytes(bytes),
        }
    }

    /// The two numbers of 16 bits that were read as one of 32, in the order in which they stand.
    #[inline]
    pub(super) fn halves(self, word: u32) -> (u16, u16) {
        let (upper, lower) = ((word >> 16) as u16, (word & 0xffff) as u16);
        match self {
            Self::Big => (upper, lower),
            Self::Little => (lower, upper),
        }
    }

    /// The first `N` words of 32 bits, and what follows them.
    #[inline]
    pub(super) fn words<const N: usize>(self, bytes: &[u8]) -> Option<([u32; N], &[u8])> {
        let (chunks, _) = bytes.as_chunks::<4>();
        let words = chunks.first_chunk::<N>()?.map(|chunk| self.u32(chunk));
        Some((words, bytes.get(4 * N..)?))
    }
}

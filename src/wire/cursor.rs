//! A reader that walks a byte slice from front to back and never leaves it.
//!
//! Every step answers `None` where too few bytes are left, and then stands where it stood. Numbers are in
//! network byte order. Must not: allocate, or know a protocol.

/// A place in a byte slice; reading moves it on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// A cursor before the first byte.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes not read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything was read.
    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// The next `N` bytes as an array.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    /// An 8-bit number.
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    /// A 16-bit number.
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// A 24-bit number.
    pub(crate) fn u24(&mut self) -> Option<u32> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// A 32-bit number.
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Bytes behind their number of 8 bits.
    pub(crate) fn vector8(&mut self) -> Option<&'a [u8]> {
        self.vector(|cursor| cursor.u8().map(usize::from))
    }

    /// Bytes behind their number of 16 bits.
    pub(crate) fn vector16(&mut self) -> Option<&'a [u8]> {
        self.vector(|cursor| cursor.u16().map(usize::from))
    }

    /// Bytes behind their number of 24 bits.
    pub(crate) fn vector24(&mut self) -> Option<&'a [u8]> {
        self.vector(|cursor| cursor.u24().and_then(|length| usize::try_from(length).ok()))
    }

    fn vector(&mut self, length: impl FnOnce(&mut Self) -> Option<usize>) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let length = length(&mut ahead)?;
        let bytes = ahead.take(length)?;
        *self = ahead;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_network_order() {
        let mut cursor = Cursor::new(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(cursor.u8(), Some(1));
        assert_eq!(cursor.u16(), Some(0x0203));
        assert_eq!(cursor.u24(), Some(0x040506));
        assert_eq!(cursor.u32(), Some(0x0708090a));
        assert_eq!(cursor.u16(), None);
        assert_eq!(cursor.rest(), [11]);
        assert_eq!(cursor.take(1), Some(&[11][..]));
        assert!(cursor.is_empty());
    }

    #[test]
    fn a_short_step_does_not_move() {
        let mut cursor = Cursor::new(&[0, 3, b'a', b'b']);
        assert_eq!(cursor.vector16(), None);
        assert_eq!(cursor.rest().len(), 4);
        assert_eq!(cursor.take(usize::MAX), None);
        assert_eq!(cursor.vector8(), Some(&[][..]));
        assert_eq!(cursor.vector8(), None);
        assert_eq!(Cursor::new(&[0, 0, 1, 9]).vector24(), Some(&[9][..]));
    }
}

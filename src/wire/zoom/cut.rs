//! A walk over a datagram of which the capture may hold only the first bytes.
//!
//! Input: the captured bytes and the length on the wire. Output: fields, or why there is none: the capture ends
//! ([`Stop::Cut`]) or the datagram itself does ([`Stop::Refuse`]). Must not: know a protocol.

use crate::wire::Read;

/// The bytes not read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a> {
    seen: &'a [u8],
    wire: usize,
}

/// Why reading ended early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// The bytes exist, but the capture does not hold them.
    Cut,
    /// It is something else; the reason in a lower-case clause.
    Refuse(&'static str),
}

impl<'a> Bytes<'a> {
    /// All of a datagram: what was captured, and its length on the wire in bytes.
    ///
    /// Where more was captured than the datagram holds (link-layer padding), the rest is not part of it.
    pub(super) fn new(captured: &'a [u8], wire_len: u32) -> Self {
        let wire = usize::try_from(wire_len).unwrap_or(usize::MAX);
        Self { seen: captured.get(..wire).unwrap_or(captured), wire }
    }

    /// How many bytes are left on the wire.
    pub(super) const fn left(&self) -> usize {
        self.wire
    }

    /// Whether the datagram ends here.
    pub(super) const fn is_empty(&self) -> bool {
        self.wire == 0
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let left = self.wire.checked_sub(N).ok_or(TOO_SHORT)?;
        let (taken, rest) = self.seen.split_first_chunk().ok_or(Stop::Cut)?;
        *self = Self { seen: rest, wire: left };
        Ok(*taken)
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Stop> {
        let left = self.wire.checked_sub(count).ok_or(TOO_SHORT)?;
        let (taken, rest) = self.seen.split_at_checked(count).ok_or(Stop::Cut)?;
        *self = Self { seen: rest, wire: left };
        Ok(taken)
    }

    /// Moves on over bytes whose content does not matter, captured or not.
    pub(super) fn skip(&mut self, count: usize) -> Result<(), Stop> {
        let left = self.wire.checked_sub(count).ok_or(TOO_SHORT)?;
        *self = Self { seen: self.seen.get(count..).unwrap_or_default(), wire: left };
        Ok(())
    }

    pub(super) fn u8(&mut self) -> Result<u8, Stop> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Stop> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Stop> {
        self.array().map(u32::from_be_bytes)
    }
}

impl<T> From<Result<T, Stop>> for Read<T> {
    fn from(result: Result<T, Stop>) -> Self {
        match result {
            Ok(value) => Self::Done(value),
            Err(Stop::Cut) => Self::More,
            Err(Stop::Refuse(why)) => Self::NotMine(why),
        }
    }
}

/// Refuses with a reason unless the condition holds.
pub(super) const fn require(holds: bool, why: &'static str) -> Result<(), Stop> {
    if holds { Ok(()) } else { Err(Stop::Refuse(why)) }
}

const TOO_SHORT: Stop = Stop::Refuse("shorter than the header it claims");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_on_the_wire_refuses_and_an_end_of_the_capture_cuts() {
        let mut bytes = Bytes::new(&[1, 2, 3], 5);
        assert_eq!(bytes.u16(), Ok(0x0102));
        assert_eq!(bytes.u16(), Err(Stop::Cut));
        assert_eq!(bytes.u32(), Err(TOO_SHORT));
        assert_eq!((bytes.u8(), bytes.left()), (Ok(3), 2));
        assert_eq!(bytes.skip(2), Ok(()));
        assert!(bytes.is_empty());
        assert_eq!(bytes.u8(), Err(TOO_SHORT));
    }

    #[test]
    fn bytes_behind_the_datagram_are_not_part_of_it() {
        let mut bytes = Bytes::new(&[1, 2, 0, 0], 2);
        assert_eq!(bytes.take(2), Ok(&[1, 2][..]));
        assert_eq!(bytes.take(1), Err(TOO_SHORT));
    }
}

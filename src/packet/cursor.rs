//! A place in a frame: the captured bytes from here on, and how many there were on the wire.

use super::Class;

/// The rest of a layer. It tells a frame cut by the snap length from one that lies about its length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    data: &'a [u8],
    /// How many bytes of the layer follow on the wire behind the captured ones.
    uncaptured: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(super) fn new(data: &'a [u8], wire_len: u32) -> Self {
        let wire = usize::try_from(wire_len).unwrap_or(usize::MAX);
        Self { data, uncaptured: wire.saturating_sub(data.len()) }
    }

    /// A layer of `len` bytes on the wire, at the start of what was captured.
    #[inline]
    pub(super) fn limited(data: &'a [u8], len: usize) -> Self {
        match data.get(..len) {
            Some(data) => Self { data, uncaptured: 0 },
            None => Self { data, uncaptured: len.saturating_sub(data.len()) },
        }
    }

    /// The captured bytes from here on.
    #[inline]
    pub(super) const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The bytes on the wire from here on.
    #[inline]
    pub(super) const fn wire(&self) -> usize {
        self.data.len().saturating_add(self.uncaptured)
    }

    /// The next `N` bytes, which are then behind. `what` names them should the frame end before.
    #[inline]
    pub(super) fn take<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N], Class> {
        let Some((head, rest)) = self.data.split_first_chunk::<N>() else {
            return Err(self.short(N, what));
        };
        self.data = rest;
        Ok(head)
    }

    /// The next `N` bytes, which stay ahead.
    #[inline]
    pub(super) fn peek<const N: usize>(&self, what: &'static str) -> Result<&'a [u8; N], Class> {
        self.data.first_chunk::<N>().ok_or_else(|| self.short(N, what))
    }

    /// Goes on by `len` bytes.
    #[inline]
    pub(super) fn skip(&mut self, len: usize, what: &'static str) -> Result<(), Class> {
        let Some(rest) = self.data.get(len..) else {
            return Err(self.short(len, what));
        };
        self.data = rest;
        Ok(())
    }

    /// Ends the layer after `len` bytes: what follows is padding, or a trailer of the layer below.
    #[inline]
    pub(super) fn limit(&mut self, len: usize) {
        if let Some(data) = self.data.get(..len) {
            self.data = data;
            self.uncaptured = 0;
        } else {
            self.uncaptured = self.uncaptured.min(len.saturating_sub(self.data.len()));
        }
    }

    /// Why the next `need` bytes are not there: never on the wire, or cut by the snap length.
    #[cold]
    pub(super) fn short(&self, need: usize, what: &'static str) -> Class {
        if self.wire() < need { Class::Malformed(what) } else { Class::HeaderCut }
    }
}

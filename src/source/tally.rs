//! How many frames were read, and of each interface how many and how large.
//!
//! Input: the frames' lengths. Output: what is counted of one interface goes into its description when the next one's turn
//! comes, so that a frame costs a few additions. Must not: look at a frame.

use super::about::About;

/// What is counted of the frames.
#[derive(Default)]
pub(super) struct Tally {
    /// All frames.
    frames: u64,
    /// The interface whose turn it is.
    interface: u32,
    /// How many frames there were before its turn.
    before: u64,
    /// Bytes of its frames on the wire, and those captured, since then.
    wire_bytes: u64,
    captured_bytes: u64,
}

impl Tally {
    #[inline]
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    #[inline]
    pub(super) fn interface(&self) -> u32 {
        self.interface
    }

    /// Counts a frame of the interface whose turn it is.
    #[inline]
    pub(super) fn count(&mut self, wire_len: u32, captured: usize) {
        self.frames += 1;
        self.wire_bytes = self.wire_bytes.saturating_add(u64::from(wire_len));
        self.captured_bytes = self.captured_bytes.saturating_add(captured as u64);
    }

    /// It is another interface's turn.
    #[inline(never)]
    pub(super) fn turn_to(&mut self, interface: u32, about: &mut About) {
        self.write_down(about);
        self.interface = interface;
    }

    /// Adds what was counted to the description of the interface.
    pub(super) fn write_down(&mut self, about: &mut About) {
        if let Some(interface) = about.interfaces.get_mut(self.interface as usize) {
            interface.frames += self.frames.saturating_sub(self.before);
            interface.wire_bytes = interface.wire_bytes.saturating_add(self.wire_bytes);
            interface.captured_bytes = interface.captured_bytes.saturating_add(self.captured_bytes);
        }
        *self =
            Self { frames: self.frames, interface: self.interface, before: self.frames, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::super::claims::Interface;
    use super::*;
    use crate::frame::LinkType;

    #[test]
    fn every_frame_is_counted_for_its_interface() {
        let mut about = About::default();
        let mut tally = Tally::default();
        for _ in 0..3 {
            about.add_interface(Interface::new(LinkType::ETHERNET));
        }
        for (interface, wire_len, captured) in [(0, 60, 40), (2, 7, 7), (0, 1, 0), (0, u32::MAX, 5)] {
            if tally.interface() != interface {
                tally.turn_to(interface, &mut about);
            }
            tally.count(wire_len, captured);
        }
        tally.write_down(&mut about);
        tally.write_down(&mut about);
        let counted = about.interfaces.iter().map(|one| (one.frames, one.wire_bytes, one.captured_bytes));
        let largest = u64::from(u32::MAX);
        assert_eq!(counted.collect::<Vec<_>>(), [(3, 61 + largest, 45), (0, 0, 0), (1, 7, 7)]);
        assert_eq!(tally.frames(), 4);
    }
}

//! A panic costs a frame, and not the run.
//!
//! Input: which frame is being taken. Output: after a panic, that frame in a class of its own. Must not: cost anything for a frame
//! that is taken without one, or swallow a panic that no frame was the cause of.

use std::any::Any;
use std::panic::resume_unwind;

use crate::frame::FrameRef;
use crate::inspect::census::Census;

/// What is known of the frame that is being taken, where a panic ends that.
#[derive(Debug)]
pub(super) struct Guard {
    taking: Option<FrameRef>,
    /// Frames that the census has to know, with the one that is being taken.
    counted: u64,
}

impl Guard {
    /// No frame of an input was taken yet.
    pub(super) fn new(census: &Census) -> Self {
        Self { taking: None, counted: census.frames() }
    }

    /// A frame is being taken.
    #[inline]
    pub(super) fn begin(&mut self, at: FrameRef) {
        self.taking = Some(at);
        self.counted += 1;
    }

    /// It was taken.
    #[inline]
    pub(super) fn end(&mut self) {
        self.taking = None;
    }

    /// A panic came up: the frame that was being taken is counted as one that the program failed on. Any other panic goes on.
    #[cold]
    pub(super) fn catch(&mut self, panic: Box<dyn Any + Send>, census: &mut Census) {
        match self.taking.take() {
            Some(at) => census.give_up(at, self.counted),
            None => resume_unwind(panic),
        }
    }
}

/// Panics that tests plant, since none is known.
#[cfg(test)]
pub(crate) mod planted {
    use std::cell::Cell;

    /// Where a planted panic comes up.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) enum Place {
        /// Before the frame is counted.
        Decoding,
        /// After that, in the stages that look at packets.
        Stages,
    }

    thread_local! {
        static PLANTED: Cell<Option<(u64, Place)>> = const { Cell::new(None) };
    }

    /// Lets this thread panic at a frame.
    pub(crate) fn plant(frame: u64, place: Place) {
        PLANTED.set(Some((frame, place)));
    }

    /// Panics where that is planted.
    pub(crate) fn reach(frame: u64, place: Place) {
        assert!(PLANTED.get() != Some((frame, place)), "planted at frame {frame}\u{1b}[31m");
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::planted::{Place, plant};
    use crate::inspect::{Inspection, Settings, inspect};
    use crate::packet::Class;

    fn inspected() -> Inspection {
        let settings = Settings { threads: NonZeroUsize::MIN, ..Settings::default() };
        inspect(&["captures/eu-meeting-us-telemetry.pcapng".into()], settings, &())
    }

    #[test]
    fn a_panic_costs_its_frame_and_the_sums_hold() {
        let whole = inspected();
        for place in [Place::Decoding, Place::Stages] {
            plant(5, place);
            let inspection = inspected();
            let census = inspection.census();
            assert_eq!(census.frames(), whole.census().frames(), "{place:?}");
            assert_eq!(census.by_name().values().sum::<u64>(), census.frames(), "{place:?}");
            let failed = inspection.failed().unwrap();
            assert_eq!((failed.frames, failed.first.number()), (1, 5), "{place:?}");
            assert!(census.others().any(|(class, _)| class == Class::Failed));
            assert_eq!(inspection.units()[0].flows().len(), whole.units()[0].flows().len(), "{place:?}");
        }
        plant(0, Place::Stages);
        assert!(inspected().failed().is_none());
    }
}

//! What the frames ended as: each in exactly one class, so that the counts add up to the frames read.

use std::collections::BTreeMap;

use crate::frame::{Frame, FrameRef};
use crate::packet::Class;

/// Frames by class.
#[derive(Clone, Debug, Default)]
pub struct Census {
    frames: u64,
    bytes: u64,
    cut: u64,
    timeless: u64,
    tcp: u64,
    udp: u64,
    records: u64,
    others: BTreeMap<Class, Counted>,
}

/// Frames of one class other than TCP and UDP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counted {
    /// How many.
    pub frames: u64,
    /// The first of them.
    pub first: FrameRef,
}

impl Census {
    /// Counts one frame, but for its class.
    #[inline]
    pub fn count(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        self.bytes += u64::from(frame.wire_len);
        self.cut += u64::from((frame.data.len() as u64) < u64::from(frame.wire_len));
        self.timeless += u64::from(frame.time.is_none());
    }

    /// Counts the class of frames, of which `first` is the first. TCP and UDP, which are nearly all of them, cost no look-up.
    #[inline]
    pub fn classify(&mut self, class: Class, frames: u64, first: FrameRef) {
        match class {
            Class::Tcp => self.tcp += frames,
            Class::Udp => self.udp += frames,
            other => self.classify_other(other, frames, first),
        }
    }

    #[cold]
    fn classify_other(&mut self, class: Class, frames: u64, first: FrameRef) {
        let counted = self.others.entry(class).or_insert(Counted { frames: 0, first });
        counted.frames += frames;
        counted.first = counted.first.min(first);
    }

    /// Counts a frame that the program failed on; `frames` is how many there are with it.
    pub(super) fn give_up(&mut self, at: FrameRef, frames: u64) {
        self.frames = self.frames.max(frames);
        self.classify(Class::Failed, 1, at);
    }

    /// Counts records that readers number as frames and that hold no packet, such as custom blocks and log entries.
    pub fn count_records(&mut self, records: u64) {
        self.frames += records;
        self.records += records;
    }

    /// Adds what was counted elsewhere; in its input, `frames` stand before the frames that it counts.
    pub(super) fn append(&mut self, next: Self, frames: u64) {
        let Self { frames: more, bytes, cut, timeless, tcp, udp, records, others } = next;
        self.frames += more;
        self.bytes += bytes;
        self.cut += cut;
        self.timeless += timeless;
        self.tcp += tcp;
        self.udp += udp;
        self.records += records;
        for (class, counted) in others {
            self.classify(class, counted.frames, counted.first.later_by(frames));
        }
    }

    /// All frames.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Their bytes on the wire.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Frames of which fewer bytes were captured than were on the wire.
    #[must_use]
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// Frames without a time.
    #[must_use]
    pub fn timeless(&self) -> u64 {
        self.timeless
    }

    /// The classes other than TCP and UDP, with their numbers.
    pub fn others(&self) -> impl Iterator<Item = (Class, Counted)> {
        self.others.iter().map(|(class, counted)| (*class, *counted))
    }

    /// Frames by the class's name; these add up to [`Census::frames`].
    #[must_use]
    pub fn by_name(&self) -> BTreeMap<&'static str, u64> {
        let mut names = BTreeMap::from([(Class::Tcp.name(), self.tcp), (Class::Udp.name(), self.udp)]);
        if self.records > 0 {
            names.insert(RECORD, self.records);
        }
        for (class, counted) in self.others() {
            *names.entry(class.name()).or_default() += counted.frames;
        }
        names
    }
}

/// The name of the class of frames that hold no packet.
const RECORD: &str = "record_without_packet";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::LinkType;

    #[test]
    fn the_classes_add_up_to_the_frames() {
        let mut census = Census::default();
        let classes =
            [Class::Tcp, Class::Udp, Class::Arp, Class::UnknownLinkType(253), Class::UnknownLinkType(147)];
        for (number, class) in (1..).zip(classes) {
            let frame = Frame { wire_len: 60, ..Frame::new(number, LinkType::ETHERNET, &[0; 40]) };
            census.count(&frame);
            census.classify(class, 1, FrameRef::new(0, number));
        }
        assert_eq!((census.frames(), census.bytes(), census.cut(), census.timeless()), (5, 300, 5, 5));
        census.count_records(2);
        assert_eq!(census.frames(), 7);
        assert_eq!(census.by_name().values().sum::<u64>(), census.frames());
        let mut twice = Census::default();
        twice.append(census.clone(), 0);
        assert_eq!(format!("{twice:?}"), format!("{census:?}"));
        twice.append(census.clone(), 1_000);
        assert!(
            twice.others().eq(census.others().map(|(class, Counted { frames, first })| {
                (class, Counted { frames: frames * 2, first })
            }))
        );
        assert!(census.by_name().iter().all(|(name, count)| twice.by_name().get(name) == Some(&(count * 2))));
        assert_eq!((twice.frames(), twice.bytes(), twice.cut()), (14, 600, 10));
        assert_eq!(census.by_name().get("unknown_link_type"), Some(&2));
        assert_eq!(census.others().count(), 3);
    }
}

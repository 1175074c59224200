//! What a capture says about itself beside its frames, and how its reading ended.
//!
//! Input: what the readers noted. Output: plain values. Must not: read.

use std::collections::BTreeMap;
use std::fmt;

use super::claims::{Claims, Interface, Marks, Section};
use super::owners::Owners;

/// How the reading of one capture ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    /// The file format.
    pub format: Format,
    /// How the file is packed, where it is.
    pub compression: Option<Compression>,
    /// SHA-256 of the stored bytes, packed as they are, in 64 lower-case hex digits; `None` where it was not
    /// wanted, or not all could be read.
    pub sha256: Option<String>,
    /// How many bytes are stored.
    pub size: u64,
    /// How many frames were handed out.
    pub frames: u64,
    /// Where and how the capture is damaged, where it is: the first 16 places, in order. After each but the last,
    /// reading resumed.
    pub damage: Vec<Damage>,
    /// How many more places are damaged.
    pub more_damage: u64,
    /// How many frames the capturing side says it lost.
    pub dropped: Drops,
    /// The interfaces of all sections; `Frame::interface` is a position in them.
    pub interfaces: Vec<Interface>,
    /// The first 64 sections; a classic capture is one.
    pub sections: Vec<Section>,
    /// How many sections there are.
    pub section_count: u64,
    /// What the file says beside its frames and interfaces.
    pub claims: Claims,
    /// What it says of its frames one by one, counted.
    pub marks: Marks,
    /// What it says of sockets and their processes.
    pub owners: Owners,
    /// Blocks that carry no frame and were passed over, by block type.
    pub skipped_blocks: BTreeMap<u32, u64>,
    /// Blocks passed over whose types came after the first 256 distinct ones.
    pub skipped_other: u64,
    /// Records that are no packets, but that Wireshark numbers among the frames, as `Frame::number` does:
    /// custom blocks, journal entries, system calls. They are in `claims` or in `skipped_blocks` too.
    pub other_records: u64,
    /// Blocks whose list of options runs past its end. What came before it was used.
    pub broken_options: u64,
}

impl Summary {
    /// Adds what the reading of the rest of the same classic capture says.
    pub fn append(&mut self, rest: Self) {
        let after = self.frames;
        self.frames = self.frames.saturating_add(rest.frames);
        self.size = self.size.max(rest.size);
        let damage = rest.damage.into_iter();
        self.damage.extend(damage.map(|damage| Damage { after_frame: damage.after_frame + after, ..damage }));
        for (interface, more) in self.interfaces.iter_mut().zip(rest.interfaces) {
            interface.frames = interface.frames.saturating_add(more.frames);
            interface.wire_bytes = interface.wire_bytes.saturating_add(more.wire_bytes);
            interface.captured_bytes = interface.captured_bytes.saturating_add(more.captured_bytes);
        }
        for (section, more) in self.sections.iter_mut().zip(rest.sections) {
            section.frames = section.frames.saturating_add(more.frames);
        }
    }
}

/// A file format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// The classic format, with microseconds or nanoseconds, in either byte order.
    Pcap,
    /// The classic format with the longer record headers of Alexey Kuznetsov's change, which some Linux systems had.
    ModifiedPcap,
    /// The next generation: sections, interfaces and blocks.
    PcapNg,
}

impl Format {
    /// Its usual name, as it is used for a file extension. Both kinds of the classic format are `pcap`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcap | Self::ModifiedPcap => "pcap",
            Self::PcapNg => "pcapng",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a file is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compression {
    /// gzip (RFC 1952), with one or more members.
    Gzip,
    /// Frames of lz4 (LZ4 Frame Format).
    Lz4,
    /// Frames of zstd (RFC 8878).
    Zstd,
}

impl Compression {
    /// Its usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a capture stops making sense. Everything before it was read, and everything from where reading resumed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// Where the record or block that could not be read begins, in bytes of the unpacked capture.
    pub offset: u64,
    /// The number of the last frame before it; 0 where there is none.
    pub after_frame: u64,
    /// What kind: `truncated` (the bytes end inside it), `malformed` (it contradicts itself), `unsupported`
    /// (sound, but in a way not known), `limit` (sound perhaps, but larger than is read), `read_error`
    /// (the bytes could not be had) or `changed` (somebody wrote to the file while it was read).
    pub kind: &'static str,
    /// What was found, for people, in one lower-case clause without a full stop.
    pub what: String,
    /// Where reading resumed, in bytes of the unpacked capture: at a section header of pcapng, beyond doubt. `None`
    /// where nothing was read any more.
    pub resumed_at: Option<u64>,
}

/// Damage as the readers find it, before the frame is known. Boxed, because it stands in the result of every
/// step, and is rare.
pub(super) struct Fault(Box<Damage>);

impl Fault {
    pub(super) fn at(offset: u64, kind: &'static str, what: String) -> Self {
        Self(Box::new(Damage { offset, after_frame: 0, kind, what, resumed_at: None }))
    }

    pub(super) fn malformed(offset: u64, what: String) -> Self {
        Self::at(offset, MALFORMED, what)
    }

    /// Whether the input ends inside of what is damaged.
    pub(super) fn is_cut(&self) -> bool {
        self.0.kind == TRUNCATED
    }

    /// The damage after frame `number`, with where reading resumed.
    pub(super) fn after(self, number: u64, resumed_at: Option<u64>) -> Damage {
        Damage { after_frame: number, resumed_at, ..*self.0 }
    }
}

/// The kind of damage of a file that was written to, or replaced, while it was read.
pub const CHANGED: &str = "changed";
pub(super) const LIMIT: &str = "limit";
pub(super) const MALFORMED: &str = "malformed";
pub(super) const READ_ERROR: &str = "read_error";
pub(super) const TRUNCATED: &str = "truncated";
pub(super) const UNSUPPORTED: &str = "unsupported";
/// No damage: reading came back before there was more.
pub(super) const WAITING: &str = "waiting";

/// How many frames the capturing side says it lost. `None` is "not stated", which is not zero.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Drops {
    /// By the interfaces (`isb_ifdrop`), the last count of each, summed.
    pub by_interface: Option<u64>,
    /// By the operating system (`isb_osdrop`), the last count of each interface, summed.
    pub by_os: Option<u64>,
    /// By the capturing program (`isb_filteraccept` less `isb_osdrop` and `isb_usrdeliv`), the last counts of each interface,
    /// summed.
    pub by_program: Option<u64>,
    /// Between frames (`epb_dropcount`, and the drops count of the obsolete packet block), summed.
    pub by_frames: Option<u64>,
}

impl Drops {
    /// How many frames were lost, at the least; `None` where the capture does not say.
    ///
    /// Counts between frames repeat what the interfaces count, so the two are not added.
    #[must_use]
    pub fn lost(&self) -> Option<u64> {
        sum([self.by_interface, self.by_os, self.by_program].into_iter()).max(self.by_frames)
    }
}

/// A stated snap length, where it can be meant.
pub(super) fn snap_len(stated: u32) -> Option<u32> {
    (stated != 0 && i32::try_from(stated).is_ok()).then_some(stated)
}

/// The sum of what is stated, `None` where nothing is.
pub(super) fn sum(counts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    counts.flatten().reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_not_counted_twice_and_not_invented() {
        assert_eq!(Drops::default().lost(), None);
        let drops = Drops { by_interface: Some(2), by_os: Some(3), by_frames: Some(4), ..Drops::default() };
        assert_eq!(drops.lost(), Some(5));
        assert_eq!(Drops { by_frames: Some(9), ..drops }.lost(), Some(9));
        assert_eq!(Drops { by_program: Some(2), ..drops }.lost(), Some(7));
        assert_eq!(Drops { by_interface: Some(0), ..Drops::default() }.lost(), Some(0));
    }
}

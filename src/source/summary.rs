//! What a capture says about itself beside its frames, and how its reading ended.
//!
//! Input: what the readers noted. Output: plain values. Must not: read.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::frame::LinkType;

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
    /// The interfaces, in the order of `Frame::interface`.
    pub interfaces: Vec<Interface>,
    /// Section header blocks in pcapng; 1 in a classic pcap.
    pub sections: u64,
    /// The program that wrote the first section (`shb_userappl`). The file's own claim, not escaped.
    pub application: Option<String>,
    /// Blocks that carry no frame and were passed over, by block type.
    pub skipped_blocks: BTreeMap<u32, u64>,
    /// Blocks passed over whose types came after the first 256 distinct ones.
    pub skipped_other: u64,
    /// Records that are no packets, but that Wireshark numbers among the frames, as `Frame::number` does:
    /// custom blocks, journal entries, system calls. They are in `skipped_blocks` too.
    pub other_records: u64,
    /// Blocks whose list of options runs past its end. What came before it was used.
    pub broken_options: u64,
}

/// A file format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// The classic format, with microseconds or nanoseconds, in either byte order.
    Pcap,
    /// The next generation: sections, interfaces and blocks.
    PcapNg,
}

impl Format {
    /// Its usual name, as it is used for a file extension.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcap => "pcap",
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
    /// (sound, but in a way not known), `limit` (sound perhaps, but larger than is read) or `read_error`
    /// (the bytes could not be had).
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

    /// The damage after frame `number`, with where reading resumed.
    pub(super) fn after(self, number: u64, resumed_at: Option<u64>) -> Damage {
        Damage { after_frame: number, resumed_at, ..*self.0 }
    }
}

pub(super) const LIMIT: &str = "limit";
pub(super) const MALFORMED: &str = "malformed";
pub(super) const READ_ERROR: &str = "read_error";
pub(super) const TRUNCATED: &str = "truncated";
pub(super) const UNSUPPORTED: &str = "unsupported";

/// How many frames the capturing side says it lost. `None` is "not stated", which is not zero.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Drops {
    /// By the interfaces (`isb_ifdrop`), the last count of each, summed.
    pub by_interface: Option<u64>,
    /// By the operating system (`isb_osdrop`), the last count of each interface, summed.
    pub by_os: Option<u64>,
    /// Between frames (`epb_dropcount`, and the drops count of the obsolete packet block), summed.
    pub by_frames: Option<u64>,
}

impl Drops {
    /// How many frames were lost, at the least; `None` where the capture does not say.
    ///
    /// Counts between frames repeat what the interfaces count, so the two are not added.
    #[must_use]
    pub fn lost(&self) -> Option<u64> {
        sum([self.by_interface, self.by_os].into_iter()).max(self.by_frames)
    }
}

/// A capture interface, as the file describes it. All of it is the file's own claim; texts are not escaped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    /// What its frames begin with.
    pub link: LinkType,
    /// The most bytes kept of a frame; `None` where there is no limit, or an absurd one (0, above 2^31 - 1).
    pub snap_len: Option<u32>,
    /// Its name on the capturing machine (`if_name`), such as `en0`; cut after 256 bytes.
    pub name: Option<String>,
    /// A description of it (`if_description`); cut after 256 bytes.
    pub description: Option<String>,
    /// The capture filter that was set (`if_filter`), where it is one in libpcap's language; cut after 256
    /// bytes.
    pub filter: Option<String>,
    /// Its addresses on the capturing machine; the first 64.
    pub addresses: Vec<IpAddr>,
    /// Its MAC address (EUI-48).
    pub mac: Option<[u8; 6]>,
    /// The resolution of its clock as `if_tsresol` writes it: 6 is microseconds, 9 nanoseconds; with bit 7
    /// set, a power of 2.
    pub resolution: u8,
    /// Frames it received (`isb_ifrecv`), by the last statistics.
    pub received: Option<u64>,
    /// Frames it lost for want of resources (`isb_ifdrop`), by the last statistics.
    pub dropped_by_interface: Option<u64>,
    /// Frames that the operating system lost (`isb_osdrop`), by the last statistics.
    pub dropped_by_os: Option<u64>,
}

impl Interface {
    /// The time between two ticks of its clock, at least a nanosecond: no two times are known better than that.
    #[must_use]
    pub fn tick(&self) -> Duration {
        let exponent = i32::from(self.resolution & 0x7f);
        let base: f64 = if self.resolution & 0x80 == 0 { 10.0 } else { 2.0 };
        Duration::from_secs_f64(base.powi(-exponent)).max(Duration::from_nanos(1))
    }

    /// An interface of which nothing is known but its link type; microseconds.
    #[must_use]
    pub fn new(link: LinkType) -> Self {
        Self {
            link,
            snap_len: None,
            name: None,
            description: None,
            filter: None,
            addresses: Vec::new(),
            mac: None,
            resolution: super::clock::Clock::MICROSECONDS,
            received: None,
            dropped_by_interface: None,
            dropped_by_os: None,
        }
    }
}

/// A stated snap length, where it can be meant.
pub(super) fn snap_len(stated: u32) -> Option<u32> {
    (stated != 0 && i32::try_from(stated).is_ok()).then_some(stated)
}

/// What the readers note while they walk.
#[derive(Default)]
pub(super) struct About {
    pub(super) interfaces: Vec<Interface>,
    pub(super) sections: u64,
    pub(super) application: Option<String>,
    pub(super) dropped_by_frames: Option<u64>,
    pub(super) skipped_blocks: BTreeMap<u32, u64>,
    pub(super) skipped_other: u64,
    pub(super) other_records: u64,
    pub(super) broken_options: u64,
    pub(super) damage: Vec<Damage>,
    pub(super) more_damage: u64,
}

impl About {
    /// Notes damage. The list is bounded, because a file may be damaged wherever a section begins.
    pub(super) fn note(&mut self, damage: Damage) {
        if self.damage.len() < MAX_DAMAGE {
            self.damage.push(damage);
        } else {
            self.more_damage += 1;
        }
    }

    /// Counts a block that was passed over. The table is bounded, because a file may invent 2^32 types.
    pub(super) fn skip(&mut self, kind: u32) {
        let known = self.skipped_blocks.len() < MAX_BLOCK_TYPES || self.skipped_blocks.contains_key(&kind);
        let count =
            if known { self.skipped_blocks.entry(kind).or_default() } else { &mut self.skipped_other };
        *count += 1;
    }

    pub(super) fn drop_between_frames(&mut self, count: u64) {
        self.dropped_by_frames = Some(self.dropped_by_frames.unwrap_or(0).saturating_add(count));
    }

    pub(super) fn drops(&self) -> Drops {
        let by = |count: fn(&Interface) -> Option<u64>| sum(self.interfaces.iter().map(count));
        Drops {
            by_interface: by(|interface| interface.dropped_by_interface),
            by_os: by(|interface| interface.dropped_by_os),
            by_frames: self.dropped_by_frames,
        }
    }
}

/// The sum of what is stated, `None` where nothing is.
fn sum(counts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    counts.flatten().reduce(u64::saturating_add)
}

const MAX_BLOCK_TYPES: usize = 256;
const MAX_DAMAGE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_not_counted_twice_and_not_invented() {
        assert_eq!(Drops::default().lost(), None);
        let drops = Drops { by_interface: Some(2), by_os: Some(3), by_frames: Some(4) };
        assert_eq!(drops.lost(), Some(5));
        assert_eq!(Drops { by_frames: Some(9), ..drops }.lost(), Some(9));
        assert_eq!(Drops { by_interface: Some(0), by_os: None, by_frames: None }.lost(), Some(0));
    }

    #[test]
    fn the_table_of_block_types_is_bounded() {
        let mut about = About::default();
        (0..1_000).for_each(|kind| about.skip(kind));
        about.skip(7);
        assert_eq!(about.skipped_blocks.len(), MAX_BLOCK_TYPES);
        assert_eq!(about.skipped_blocks.get(&7), Some(&2));
        assert_eq!(about.skipped_other, 744);
    }
}

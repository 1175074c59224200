//! What a capture says about itself beside its frames. All of it is the file's own claim: it is shown as such, texts are
//! not escaped, and nothing rests on it. Of secrets, only that they are there is kept.
//!
//! Input: nothing. Output: plain values, each list with its limit and the count of all. Must not: read.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

pub use super::order::ByteOrder;
use crate::frame::{Direction, LinkType, ProcessMethod, Timestamp};

/// A section of pcapng, or all of a classic capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// Where its header begins, in bytes of the unpacked capture.
    pub offset: u64,
    /// The order of the bytes in its numbers.
    pub order: ByteOrder,
    /// Major and minor version of the format.
    pub version: (u16, u16),
    /// The machine it was written on (`shb_hardware`); cut after 256 bytes.
    pub hardware: Option<String>,
    /// The operating system (`shb_os`); cut after 256 bytes.
    pub os: Option<String>,
    /// The program that wrote it (`shb_userappl`); cut after 256 bytes.
    pub application: Option<String>,
    /// The number of its first interface, through all sections.
    pub first_interface: u32,
    /// How many interfaces it describes.
    pub interfaces: u32,
    /// How many frames it holds.
    pub frames: u64,
}

impl Section {
    /// A section that says nothing but its byte order and version.
    pub(super) fn new(offset: u64, order: ByteOrder, version: (u16, u16), first_interface: u32) -> Self {
        Self {
            offset,
            order,
            version,
            hardware: None,
            os: None,
            application: None,
            first_interface,
            interfaces: 0,
            frames: 0,
        }
    }
}

/// A capture interface, as the file describes it; and how many frames were read from it. Texts and addresses are kept of
/// the first 1,024 interfaces.
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
    /// The capture filter that was set (`if_filter`), where it is one in libpcap's language; cut after 256 bytes.
    pub filter: Option<String>,
    /// Its hardware (`if_hardware`); cut after 256 bytes.
    pub hardware: Option<String>,
    /// The operating system of the machine it is in (`if_os`); cut after 256 bytes.
    pub os: Option<String>,
    /// Its addresses on the capturing machine; the first 64.
    pub addresses: Vec<IpAddr>,
    /// Its MAC address (EUI-48).
    pub mac: Option<[u8; 6]>,
    /// Its EUI-64 (`if_EUIaddr`).
    pub eui: Option<[u8; 8]>,
    /// Its speed in bits a second (`if_speed`).
    pub speed: Option<u64>,
    /// The time zone that it was captured in (`if_tzone`), a number without an agreed meaning.
    pub time_zone: Option<i32>,
    /// The length of the frame check sequence in bits (`if_fcslen`).
    pub fcs_bits: Option<u8>,
    /// The resolution of its clock as `if_tsresol` writes it: 6 is microseconds, 9 nanoseconds; with bit 7 set, a power of
    /// 2.
    pub resolution: u8,
    /// How many seconds its clock's origin lies after 1970 (`if_tsoffset`).
    pub clock_offset: i64,
    /// How many statistics blocks speak of it. The counters below are the last that were stated.
    pub statistics: u64,
    /// When the counted capture began (`isb_starttime`).
    pub counted_from: Option<Timestamp>,
    /// When it ended (`isb_endtime`).
    pub counted_to: Option<Timestamp>,
    /// Frames it received (`isb_ifrecv`).
    pub received: Option<u64>,
    /// Frames it lost for want of resources (`isb_ifdrop`).
    pub dropped_by_interface: Option<u64>,
    /// Frames that the filter let through (`isb_filteraccept`).
    pub accepted: Option<u64>,
    /// Frames that the operating system lost (`isb_osdrop`).
    pub dropped_by_os: Option<u64>,
    /// Frames that were delivered to the capturing program (`isb_usrdeliv`).
    pub delivered: Option<u64>,
    /// How many of its frames were read.
    pub frames: u64,
    /// How many bytes those had on the wire.
    pub wire_bytes: u64,
    /// How many bytes of those were captured.
    pub captured_bytes: u64,
}

impl Interface {
    /// The time between two ticks of its clock, at least a nanosecond: no two times are known better than that.
    #[must_use]
    pub fn tick(&self) -> Duration {
        let exponent = i32::from(self.resolution & 0x7f);
        let base: f64 = if self.resolution & 0x80 == 0 { 10.0 } else { 2.0 };
        Duration::from_secs_f64(base.powi(-exponent)).max(Duration::from_nanos(1))
    }

    /// Whether another description says the same of what it describes. What it counts may differ.
    pub(super) fn is_described_as(&self, other: &Self) -> bool {
        self.description() == other.description()
    }

    fn description(&self) -> impl PartialEq {
        let Self { link, snap_len, mac, eui, speed, resolution, clock_offset, .. } = self;
        let Self { name, description, filter, hardware, os, addresses, .. } = self;
        let stated = (link, snap_len, mac, eui, speed, resolution, clock_offset);
        (stated, (name, description, filter, hardware, os, addresses))
    }

    /// Frames that the capturing program lost itself: what the filter let through, less what the operating system lost and what
    /// was delivered. `None` where one of the three is not stated.
    #[must_use]
    pub fn dropped_by_program(&self) -> Option<u64> {
        Some(self.accepted?.saturating_sub(self.dropped_by_os?).saturating_sub(self.delivered?))
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
            hardware: None,
            os: None,
            addresses: Vec::new(),
            mac: None,
            eui: None,
            speed: None,
            time_zone: None,
            fcs_bits: None,
            resolution: super::clock::Clock::MICROSECONDS,
            clock_offset: 0,
            statistics: 0,
            counted_from: None,
            counted_to: None,
            received: None,
            dropped_by_interface: None,
            accepted: None,
            dropped_by_os: None,
            delivered: None,
            frames: 0,
            wire_bytes: 0,
            captured_bytes: 0,
        }
    }

    /// Forgets what takes memory: only so many interfaces keep it.
    pub(super) fn forget_texts(&mut self) {
        for text in
            [&mut self.name, &mut self.description, &mut self.filter, &mut self.hardware, &mut self.os]
        {
            *text = None;
        }
        self.addresses = Vec::new();
    }
}

/// What a comment is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CommentOn {
    /// A section, counted from 0.
    Section(u64),
    /// An interface, by its number.
    Interface(u32),
    /// The statistics of an interface, by its number.
    Statistics(u32),
    /// The frame of that number.
    Frame(u64),
    /// A block of names.
    Names,
    /// A block of secrets.
    Secrets,
}

/// A comment (`opt_comment`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comment {
    /// What it is about.
    pub on: CommentOn,
    /// Its text; cut after 256 bytes.
    pub text: String,
}

/// What a comment on a packet begins with, in whatever case, that marks a step of a tester's script.
pub const STEP: &str = "step:";

/// A comment on a frame that marks a step of a tester's script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepComment {
    /// The frame's number.
    pub frame: u64,
    /// The frame's time.
    pub time: Option<Timestamp>,
    /// The comment's text; cut after 256 bytes.
    pub text: String,
}

/// An address and a name that the file gives it (name resolution block). Shown, and used for nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedAddress {
    /// The address.
    pub address: IpAddr,
    /// The name; cut after 256 bytes.
    pub name: String,
}

/// The DNS server that names came from, as the file says.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Resolver {
    /// Its name (`ns_dnsname`); cut after 256 bytes.
    pub name: Option<String>,
    /// Its address (`ns_dnsIP4addr`, `ns_dnsIP6addr`).
    pub address: Option<IpAddr>,
}

/// Secrets of one kind that the file carries (decryption secrets blocks). What they are is not kept here.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Secrets {
    /// In how many blocks.
    pub blocks: u64,
    /// How many bytes.
    pub bytes: u64,
    /// How many lines: secrets are lists of text, one a line.
    pub lines: u64,
}

impl Secrets {
    /// The kind of a TLS key log.
    pub const TLS_KEY_LOG: u32 = 0x544c534b;

    /// What secrets of that kind are called (draft-ietf-opsawg-pcapng section 4.7); `None` where the kind is not known.
    #[must_use]
    pub const fn kind_name(kind: u32) -> Option<&'static str> {
        Some(match kind {
            Self::TLS_KEY_LOG => "TLS key log",
            0x5353484b => "SSH key log",
            0x57474b4c => "WireGuard key log",
            0x5a4e574b => "ZigBee network key",
            0x5a415053 => "ZigBee APS key",
            0x55414b4c => "OPC UA key log",
            _ => return None,
        })
    }
}

/// What the file says beside its frames and interfaces.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Claims {
    /// The first 64 comments, but those in which a program writes down whose a frame is.
    pub comments: Vec<Comment>,
    /// How many comments there are.
    pub comment_count: u64,
    /// The first 10,000 comments on frames that begin with [`STEP`].
    pub steps: Vec<StepComment>,
    /// How many of those were too many to be kept.
    pub steps_refused: u64,
    /// The first 1,024 names of addresses.
    pub names: Vec<NamedAddress>,
    /// How many records of names there are, those of MAC addresses too.
    pub name_count: u64,
    /// The first 16 DNS servers that names came from.
    pub resolvers: Vec<Resolver>,
    /// Secrets by their kind; the first 16 kinds.
    pub secrets: BTreeMap<u32, Secrets>,
    /// Custom blocks by the enterprise number of who defined them; the first 256 numbers.
    pub custom_blocks: BTreeMap<u32, u64>,
    /// Custom blocks of further numbers, and those without one.
    pub custom_other: u64,
    /// Journal entries of systemd.
    pub journal_entries: u64,
    /// Processes or apps that the file lists for its frames to refer to.
    pub processes: u64,
    /// How many of those were too many to be kept: 4,096 a section are.
    pub processes_refused: u64,
}

/// What the capture says of its frames one by one, counted.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Marks {
    /// Frames said to have come in.
    pub inbound: u64,
    /// Frames said to have gone out.
    pub outbound: u64,
    /// Frames that the link layer found errors in (`epb_flags`).
    pub link_errors: u64,
    /// Frames whose process is told beside them, by how. What stands inside frames is not counted here.
    pub processes: BTreeMap<ProcessMethod, u64>,
}

impl Marks {
    /// Counts what was said of a frame.
    #[cold]
    #[inline(never)]
    pub(super) fn count(&mut self, direction: Option<Direction>, method: Option<ProcessMethod>) {
        match direction {
            Some(Direction::Inbound) => self.inbound += 1,
            Some(Direction::Outbound) => self.outbound += 1,
            None => {}
        }
        if let Some(method) = method {
            *self.processes.entry(method).or_default() += 1;
        }
    }
}

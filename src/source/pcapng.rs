//! The pcapng format: sections of blocks, each section with its own byte order and interfaces
//! (draft-ietf-opsawg-pcapng).
//!
//! Input: unpacked bytes from the first section header on. Output: one packet a step, or the damage that ends
//! the file; interfaces and what was lost go into `About`. Blocks that carry no frame are passed over and
//! counted. Must not: trust a length that a block states about itself, or keep more than a bounded amount of
//! what it says.

mod claims;
mod options;
mod owners;
mod process;
mod resume;

use options::{OPT_COMMENT, Options};
use process::{Named, Processes};
pub(super) use resume::{resume, resume_in_cut};

use super::Record;
use super::about::About;
use super::claims::{CommentOn, Interface, Section};
use super::clock::Clock;
use super::input::Input;
use super::order::ByteOrder;
use super::owners::BLOCK_TYPE as SOCKET_OWNERS;
use super::summary::{Fault, LIMIT, UNSUPPORTED, snap_len};
use crate::frame::{Direction, LinkType, Process, Timestamp};

/// Walks the blocks of one file.
pub(super) struct Walker {
    order: ByteOrder,
    /// How many interfaces the sections before this one described.
    before: usize,
    /// The same of the section before this one.
    before_last: usize,
    /// What packets need of each interface, in the order of `About::interfaces`.
    ports: Vec<Port>,
    processes: Processes,
    /// In a box, since few captures need it.
    owners: Box<owners::Reader>,
    /// What the last packet's options say of it.
    aside: Option<Aside>,
    /// How many packets were read.
    packets: u64,
}

/// What a packet's options say of it.
#[derive(Clone, Copy, Default)]
struct Aside {
    direction: Option<Direction>,
    process: Option<Named>,
}

struct Port {
    /// Which interface it is: its number through all sections, or that of the same one in a section before.
    same_as: u32,
    link: LinkType,
    snap_len: Option<u32>,
    clock: Clock,
}

/// A block that was taken: its type, and where its body is in the buffer and in the file.
#[derive(Clone, Copy)]
struct Block {
    kind: u32,
    offset: u64,
    at: usize,
    len: usize,
}

impl Walker {
    pub(super) fn new() -> Self {
        Self {
            order: ByteOrder::Little,
            before: 0,
            before_last: 0,
            ports: Vec::new(),
            processes: Processes::default(),
            owners: Box::default(),
            aside: None,
            packets: 0,
        }
    }

    /// Which way the last packet went and whose it is, where its options say so.
    #[inline]
    pub(super) fn aside<'a>(&'a self, input: &'a Input) -> (Option<Direction>, Option<Process<'a>>) {
        match &self.aside {
            None => (None, None),
            Some(aside) => {
                (aside.direction, aside.process.and_then(|named| self.processes.process(named, input)))
            }
        }
    }

    /// The next packet, where it is in a little-endian enhanced packet block without options that is in the buffer whole
    /// and of which all is sound. Nearly all are; what else there may be is for [`Walker::next`].
    #[inline(always)]
    pub(super) fn usual(&mut self, input: &mut Input) -> Option<Record> {
        let order = ByteOrder::Little;
        let words = order.words::<7>(input.seen()?);
        let ([kind, total, id, high, low, captured, wire_len], data) = words?;
        let (len, block_len) = (captured as usize, total as usize);
        if self.order != order || kind != ENHANCED_PACKET || len > data.len() || block_len > LARGEST_BLOCK {
            return None;
        }
        let padded = len.next_multiple_of(4);
        let trailer = data.get(padded..).and_then(<[u8]>::first_chunk)?;
        if block_len != AROUND_ENHANCED + padded || order.u32(*trailer) != total {
            return None;
        }
        let (interface, port) = self.port(id)?;
        let record = Record {
            time: Some(port.clock.time(u64::from(high) << 32 | u64::from(low))),
            interface,
            same_as: port.same_as,
            link: port.link,
            wire_len,
            at: input.take(block_len) + BEFORE_ENHANCED,
            len,
        };
        self.aside = None;
        self.packets += 1;
        Some(record)
    }

    /// The next packet; `None` where the file ends between two blocks.
    pub(super) fn next(&mut self, input: &mut Input, about: &mut About) -> Result<Option<Record>, Fault> {
        loop {
            let Some(block) = self.block(input)? else {
                return Ok(None);
            };
            let body = input.slice(block.at, block.len);
            match block.kind {
                ENHANCED_PACKET | OBSOLETE_PACKET | SIMPLE_PACKET => {
                    return self.packet(block, body, about).map(Some);
                }
                SECTION_HEADER => self.section(block, body, about)?,
                INTERFACE_DESCRIPTION => self.interface(block, body, about)?,
                INTERFACE_STATISTICS => self.statistics(block, body, about),
                _ => self.other(block.kind, body, about),
            }
        }
    }

    /// Takes a whole block, after its two lengths agree (section 3.1).
    fn block(&mut self, input: &mut Input) -> Result<Option<Block>, Fault> {
        let offset = input.offset();
        if !input.ensure(SMALLEST_BLOCK) {
            return if input.is_at_end() {
                Ok(None)
            } else {
                Err(input.cut(offset, "block", SMALLEST_BLOCK))
            };
        }
        if input.peek().starts_with(&SECTION_MAGIC) {
            self.order = order_of_section(input.peek()).ok_or_else(|| {
                Fault::malformed(offset, "section header without a mark of its byte order".to_owned())
            })?;
        }
        let Some(([kind, total], _)) = self.order.words(input.peek()) else {
            return Err(input.cut(offset, "block", SMALLEST_BLOCK));
        };
        let len = total as usize;
        if len < SMALLEST_BLOCK || !len.is_multiple_of(4) || len > LARGEST_BLOCK {
            return Err(impossible_length(offset, total));
        }
        if !input.ensure(len) {
            return Err(input.cut(offset, "block", len));
        }
        let trailer =
            input.peek().get(len - 4..).and_then(<[u8]>::first_chunk).map(|bytes| self.order.u32(*bytes));
        if trailer != Some(total) {
            return Err(unequal_lengths(offset, total, trailer.unwrap_or(0)));
        }
        Ok(Some(Block { kind, offset, at: input.take(len) + 8, len: len - SMALLEST_BLOCK }))
    }

    /// A block that holds no packet and describes no interface.
    fn other(&mut self, kind: u32, body: &[u8], about: &mut About) {
        about.other_records += u64::from(OTHER_RECORDS.contains(&kind));
        match kind {
            NAME_RESOLUTION => claims::names(self.order, body, about),
            DECRYPTION_SECRETS => claims::secrets(self.order, body, about),
            JOURNAL_ENTRY => about.claims.journal_entries += 1,
            CUSTOM | CUSTOM_NOT_COPIED => {
                let enterprise = self.order.words(body);
                about.count_custom(enterprise.map(|([number], _)| number));
                if let Some(([PCAPDROID], rest)) = enterprise {
                    self.processes.map(self.order, rest, about);
                }
            }
            APPLE_PROCESS => self.processes.list(self.order, body, about),
            SOCKET_OWNERS if self.owners.read(self.order, body, &mut about.owners) => {}
            kind => about.skip(kind),
        }
    }

    /// A section begins: the byte order is set already, interfaces count anew (section 4.1).
    fn section(&mut self, block: Block, body: &[u8], about: &mut About) -> Result<(), Fault> {
        // Byte order, version, and the section's length in 64 bits, which is not needed.
        let Some(([_, version, _, _], options)) = self.order.words(body) else {
            return Err(too_short(block, "section header"));
        };
        let (major, minor) = self.order.halves(version);
        if major != 1 {
            let what = format!("section of the unknown pcapng version {major}.{minor}");
            return Err(Fault::at(block.offset, UNSUPPORTED, what));
        }
        self.before_last = self.before;
        self.before = self.ports.len();
        self.processes.clear();
        self.owners.begin_section();
        let first = u32::try_from(self.before).unwrap_or(u32::MAX);
        let mut section = Section::new(block.offset, self.order, (major, minor), first);
        let mut options = Options::new(self.order, options);
        for (code, value) in options.by_ref() {
            let slot = match code {
                OPT_COMMENT => {
                    about.comment(CommentOn::Section(about.section_count), || options::text(value));
                    continue;
                }
                options::SHB_HARDWARE => &mut section.hardware,
                options::SHB_OS => &mut section.os,
                options::SHB_USERAPPL => &mut section.application,
                _ => continue,
            };
            *slot = Some(options::text(value));
        }
        about.broken_options += u64::from(options.is_broken());
        about.begin_section(section);
        Ok(())
    }

    /// An interface is described (section 4.2).
    fn interface(&mut self, block: Block, body: &[u8], about: &mut About) -> Result<(), Fault> {
        let Some(([link, snap], list)) = self.order.words(body) else {
            return Err(too_short(block, "interface description"));
        };
        if self.ports.len() >= MAX_INTERFACES {
            let what = format!("more than {MAX_INTERFACES} interface descriptions");
            return Err(Fault::at(block.offset, LIMIT, what));
        }
        let (link, _reserved) = self.order.halves(link);
        let link = LinkType(link);
        let mut interface = Interface { snap_len: snap_len(snap), ..Interface::new(link) };
        let mut options = Options::new(self.order, list);
        let on = CommentOn::Interface(u32::try_from(self.ports.len()).unwrap_or(u32::MAX));
        options.describe(&mut interface);
        about.broken_options += u64::from(options.is_broken());
        self.comments(list, on, about);
        let clock = Clock::new(interface.resolution, interface.clock_offset);
        let same_as = self.same_as(&interface, about);
        self.ports.push(Port { same_as, link, snap_len: interface.snap_len, clock });
        about.add_interface(interface);
        Ok(())
    }

    /// Which interface one is that is described now. A program that ends a section and begins another describes its
    /// interfaces anew, in the same order and with the same words.
    fn same_as(&self, interface: &Interface, about: &About) -> u32 {
        let index = self.ports.len();
        let again = index.saturating_sub(self.before).saturating_add(self.before_last);
        let known = self.ports.get(again).filter(|_| again < self.before);
        let is_same =
            about.interfaces.get(again).is_some_and(|described| described.is_described_as(interface));
        let known = known.filter(|_| is_same).map(|port| port.same_as);
        known.unwrap_or_else(|| u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Counters of an interface, from the start of the capture to now, so later ones replace earlier (section
    /// 4.6).
    fn statistics(&self, block: Block, body: &[u8], about: &mut About) {
        let words = self.order.words::<3>(body);
        let known = words.and_then(|([id, _, _], list)| Some((self.port(id)?, list)));
        let Some(((number, port), list)) = known else {
            return about.skip(block.kind);
        };
        let mut options = Options::new(self.order, list);
        if let Some(interface) = about.interfaces.get_mut(number as usize) {
            options.tally(interface, port.clock);
        }
        about.broken_options += u64::from(options.is_broken());
        self.comments(list, CommentOn::Statistics(number), about);
    }

    /// The comments in a list of options.
    fn comments(&self, list: &[u8], on: CommentOn, about: &mut About) {
        let comments = Options::new(self.order, list).filter(|(code, _)| *code == OPT_COMMENT);
        comments.for_each(|(_, value)| about.comment(on, || options::text(value)));
    }

    /// A packet, from any of the three blocks that hold one.
    fn packet(&mut self, block: Block, body: &[u8], about: &mut About) -> Result<Record, Fault> {
        self.aside = None;
        let Some((packet, rest)) = self.fields(block.kind, body) else {
            return Err(too_short(block, "packet"));
        };
        let Some((interface, port)) = self.port(packet.interface) else {
            return Err(undeclared(block, packet.interface, self.ports.len() - self.before));
        };
        let len = packet.captured as usize;
        if len > rest.len() {
            return Err(overfull(block, packet.captured));
        }
        if let Some(drops) = packet.drops {
            about.drop_between_frames(drops);
        }
        let at = block.at + body.len() - rest.len();
        let record = Record {
            time: packet.ticks.map(|ticks| port.clock.time(ticks)),
            interface,
            same_as: port.same_as,
            link: port.link,
            wire_len: packet.wire_len,
            at,
            len,
        };
        self.packets += 1;
        if block.kind != SIMPLE_PACKET
            && let Some(list) = rest.get(len.next_multiple_of(4)..)
            && !list.is_empty()
        {
            self.packet_options(block.kind, list, at + len.next_multiple_of(4), record.time, about);
        }
        Ok(record)
    }

    /// The fields before a packet's data, and the data with what follows it.
    fn fields<'a>(&self, kind: u32, body: &'a [u8]) -> Option<(Packet, &'a [u8])> {
        if kind == SIMPLE_PACKET {
            // Section 4.4: no time, the section's first interface, cut to its snap length.
            let ([wire_len], rest) = self.order.words(body)?;
            let snap_len = self.port(0).and_then(|(_, port)| port.snap_len);
            let captured = snap_len.map_or(wire_len, |snap_len| wire_len.min(snap_len));
            return Some((Packet { interface: 0, drops: None, ticks: None, captured, wire_len }, rest));
        }
        let ([first, high, low, captured, wire_len], rest) = self.order.words(body)?;
        let ticks = Some(u64::from(high) << 32 | u64::from(low));
        if kind == ENHANCED_PACKET {
            // Section 4.3.
            return Some((Packet { interface: first, drops: None, ticks, captured, wire_len }, rest));
        }
        // The packet block of the first drafts (appendix A): interface and losses in 16 bits each.
        let (interface, drops) = self.order.halves(first);
        let drops = (drops != DROPS_NOT_STATED).then_some(u64::from(drops));
        Some((Packet { interface: interface.into(), drops, ticks, captured, wire_len }, rest))
    }

    /// The options of a packet (section 4.3, appendix A), which begin at `at` in the input's buffer. Hash, packet
    /// number, queue and verdict say nothing that is used.
    #[inline(never)]
    fn packet_options(
        &mut self,
        kind: u32,
        list: &[u8],
        at: usize,
        time: Option<Timestamp>,
        about: &mut About,
    ) {
        let mut options = Options::new(self.order, list);
        let mut aside = Aside::default();
        let (mut index, mut effective) = (None, None);
        loop {
            let value_at = at.saturating_add(options.next_at());
            let Some((code, value)) = options.next() else { break };
            match code {
                OPT_COMMENT => self.packet_comment((value, value_at), time, &mut aside, about),
                PACKET_FLAGS => {
                    let flags = options::word(self.order, value).unwrap_or(0);
                    aside.direction = direction_of(flags);
                    about.marks.link_errors += u64::from(flags >> 16 != 0);
                }
                EPB_DROPCOUNT if kind == ENHANCED_PACKET => {
                    if let Some(count) = options::unsigned(self.order, value) {
                        about.drop_between_frames(count);
                    }
                }
                APPLE_PROCESS_INDEX => index = options::word(self.order, value),
                APPLE_EFFECTIVE_INDEX => effective = options::word(self.order, value),
                _ => {}
            }
        }
        about.broken_options += u64::from(options.is_broken());
        aside.process = self.processes.referred(index, effective).or(aside.process);
        self.aside = Some(aside);
    }

    /// A comment: whose the packet is, in a program's own way of writing it down, or else a comment like any other.
    fn packet_comment(
        &self,
        (comment, at): (&[u8], usize),
        time: Option<Timestamp>,
        aside: &mut Aside,
        about: &mut About,
    ) {
        match (aside.process, self.processes.read(comment, at)) {
            (None, Some(named)) => {
                aside.process = Some(named);
                about.claims.comment_count += 1;
            }
            (Some(named), _) if process::with_user(named, comment) != named => {
                aside.process = Some(process::with_user(named, comment));
                about.claims.comment_count += 1;
            }
            _ => {
                let frame = self.packets + about.other_records;
                about.step((frame, time), comment, || options::text(comment));
                about.comment(CommentOn::Frame(frame), || options::text(comment));
            }
        }
    }

    /// An interface of this section, with its number through all sections.
    #[inline]
    fn port(&self, id: u32) -> Option<(u32, &Port)> {
        let index = self.index(id)?;
        Some((u32::try_from(index).ok()?, self.ports.get(index)?))
    }

    #[inline]
    fn index(&self, id: u32) -> Option<usize> {
        self.before.checked_add(usize::try_from(id).ok()?)
    }
}

/// The fields that say what a packet is.
struct Packet {
    interface: u32,
    drops: Option<u64>,
    ticks: Option<u64>,
    captured: u32,
    wire_len: u32,
}

/// Which way a packet with these flags went (section 4.3.1).
fn direction_of(flags: u32) -> Option<Direction> {
    match flags & 0b11 {
        1 => Some(Direction::Inbound),
        2 => Some(Direction::Outbound),
        _ => None,
    }
}

/// The byte order of the section whose header begins here, by the magic after its length.
pub(super) fn order_of_section(head: &[u8]) -> Option<ByteOrder> {
    match head.get(8..12)? {
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(ByteOrder::Big),
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(ByteOrder::Little),
        _ => None,
    }
}

#[cold]
fn impossible_length(offset: u64, total: u32) -> Fault {
    let why = match total as usize {
        0..SMALLEST_BLOCK => "less than a block can have",
        len if len > LARGEST_BLOCK => "more than a block may have",
        _ => "which is not a multiple of 4",
    };
    Fault::malformed(offset, format!("block of {total} bytes, {why}"))
}

#[cold]
fn unequal_lengths(offset: u64, head: u32, tail: u32) -> Fault {
    Fault::malformed(offset, format!("block of {head} bytes by its head and {tail} by its tail"))
}

#[cold]
fn too_short(block: Block, what: &str) -> Fault {
    Fault::malformed(block.offset, format!("{what} block with a body of {} bytes", block.len))
}

#[cold]
fn undeclared(block: Block, interface: u32, declared: usize) -> Fault {
    let what = format!("packet of interface {interface}, where the section describes {declared} so far");
    Fault::malformed(block.offset, what)
}

#[cold]
fn overfull(block: Block, captured: u32) -> Fault {
    let what = format!("packet of {captured} captured bytes in a block with a body of {}", block.len);
    Fault::malformed(block.offset, what)
}

/// The block type of a section header, which reads the same in both orders.
pub(super) const SECTION_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const SECTION_HEADER: u32 = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAME_RESOLUTION: u32 = 4;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const JOURNAL_ENTRY: u32 = 9;
const DECRYPTION_SECRETS: u32 = 10;
const CUSTOM: u32 = 0xbad;
const CUSTOM_NOT_COPIED: u32 = 0x40000bad;
/// The process block of Apple's tcpdump, and the packet options that refer to it.
const APPLE_PROCESS: u32 = 0x80000001;
const APPLE_PROCESS_INDEX: u16 = 0x8001;
const APPLE_EFFECTIVE_INDEX: u16 = 0x8003;
/// The enterprise number under which `PCAPdroid` writes its custom blocks.
const PCAPDROID: u32 = 62_652;
/// `epb_flags`, and `pack_flags` of the obsolete packet block.
const PACKET_FLAGS: u16 = 2;
const EPB_DROPCOUNT: u16 = 4;
/// Blocks that are no packets, but that Wireshark shows and numbers among them: systemd journal entries,
/// custom blocks that may and may not be copied, and sysdig events (its `REC_TYPE_*` other than
/// `REC_TYPE_PACKET`).
const OTHER_RECORDS: [u32; 9] = [9, 0xbad, 0x40000bad, 0x204, 0x208, 0x216, 0x217, 0x221, 0x222];
/// Type, length, and the length again.
const SMALLEST_BLOCK: usize = 12;
/// What stands before the data of an enhanced packet block: type, length, interface, time in two words, two lengths.
const BEFORE_ENHANCED: usize = 28;
/// The same with what stands behind the data, the length again.
const AROUND_ENHANCED: usize = 32;
/// Wireshark's limit (`MAX_BLOCK_SIZE`).
const LARGEST_BLOCK: usize = 16 * 1024 * 1024;
/// What the obsolete packet block says where it does not count losses.
const DROPS_NOT_STATED: u16 = 0xffff;
/// Real files describe hundreds; each described interface costs memory, and a packed file can describe
/// millions.
const MAX_INTERFACES: usize = 65_536;

#[cfg(test)]
mod tests;

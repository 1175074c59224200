//! Saved captures: bytes to frames, and back.
//!
//! Input: a path, a folder or any reader that holds a classic pcap or a pcapng file, plain or packed with
//! gzip, zstd or lz4. Output: frames in file order, borrowed from one reused buffer, and a summary: what the file says
//! about itself, what it lost, where it is damaged, and its hash. Must not: decode a packet, believe a length
//! before the bytes are there, or refuse what came before damage.
//!
//! Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, RFC 1952 (gzip), RFC 8878 (zstd),
//! the LZ4 Frame Format.

#![warn(clippy::indexing_slicing)]

mod about;
mod ahead;
mod carried;
mod claims;
mod clock;
mod error;
mod feed;
mod folder;
mod follow;
mod gzip;
mod hash;
mod input;
mod lz4;
mod order;
pub mod owners;
mod packed;
mod pcap;
mod pcapng;
mod piece;
mod recognise;
mod stamp;
mod stored;
mod summary;
mod tally;
mod text;
pub mod write;
mod zstd;

#[cfg(test)]
mod sample;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::frame::{Direction, Frame, LinkType, Process, Timestamp};

pub use carried::Carried;
pub use claims::{
    ByteOrder, Claims, Comment, CommentOn, Interface, Marks, NamedAddress, Resolver, STEP, Secrets, Section,
    StepComment,
};
pub use error::SourceError;
pub use folder::{Inputs, Lies, expand};
pub use follow::Follow;
pub use piece::Records;
pub use stamp::Stamp;
pub use summary::{CHANGED, Compression, Damage, Drops, Format, Summary};
pub use text::{raw_byte, reversible};

use about::About;
use follow::{Following, Piped, Turns};
use hash::Hash;
use input::Input;
use owners::Owners;
use packed::Limits;
use recognise::Kind;
use stored::Stored;
use summary::Fault;
use tally::Tally;

/// How captures are read.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether the stored bytes are hashed with SHA-256 while they are read.
    pub hash: bool,
    /// The most bytes that a packed input may unpack to; what comes before is read. 64 GiB unless said otherwise.
    pub max_unpacked: u64,
    /// The most times its stored size that a packed input may unpack to, looked at from 64 MiB on; what comes before is
    /// read. 200 unless said otherwise: captures stay below 30, and what gzip makes of nothing but zeros is above 1,000.
    pub max_ratio: u64,
    /// Whether a file is read on at its end while another program writes it, and for how long. Other inputs end by
    /// themselves.
    pub follow: Option<Follow>,
    /// Whether a long input may be hashed and unpacked on threads of their own, beside the one that reads it.
    pub beside: bool,
    /// Where the TLS key logs go that a capture carries; they are counted and not kept where nobody asks for them.
    pub carried: Option<Arc<Carried>>,
}

/// Hashed, not followed, with threads beside, and packed inputs up to 64 GiB and 200 times their size.
impl Default for Options {
    fn default() -> Self {
        Self { hash: true, max_unpacked: 64 << 30, max_ratio: 200, follow: None, beside: true, carried: None }
    }
}

impl Options {
    /// The same, but packed inputs are read up to so many unpacked bytes, where that is stated, whatever the ratio: who states
    /// how much there may be has said that the ratio is all right.
    #[must_use]
    pub fn with_max_unpacked(self, stated: Option<u64>) -> Self {
        match stated {
            None => self,
            Some(max_unpacked) => Self { max_unpacked, max_ratio: u64::MAX, ..self },
        }
    }

    fn limits(&self) -> Limits {
        Limits { unpacked: self.max_unpacked, ratio: self.max_ratio }
    }
}

/// One capture, opened for reading from its start to its end or to its damage.
pub struct Capture {
    input: Input,
    walker: Walker,
    about: About,
    format: Format,
    compression: Option<Compression>,
    hashing: bool,
    size: Option<u64>,
    /// Where the file is followed: what its reader is told.
    turns: Option<Arc<Turns>>,
    tally: Tally,
    /// The number of the last frame.
    number: u64,
    /// Whether nothing more is read.
    ended: bool,
}

impl Capture {
    /// Opens the file at `path`, or standard input where it is `-`.
    ///
    /// What begins as a capture is opened, however short it is cut: the damage is then in the summary.
    pub fn open(path: &Path, options: &Options) -> Result<Self, SourceError> {
        if path == Path::new(STDIN) {
            return Self::open_stdin(options);
        }
        let name = path.to_string_lossy();
        let file = File::open(path).map_err(|error| SourceError::io(&name, &error))?;
        let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
        match &options.follow {
            Some(follow) if size.is_some() => {
                let turns = Arc::default();
                let following = Following::new(file, path.to_owned(), follow.clone(), Arc::clone(&turns));
                let capture = Self::start(&name, Box::new(following), size, options)?;
                Ok(Self { turns: Some(turns), ..capture })
            }
            _ => Self::start(&name, Box::new(file), size, options),
        }
    }

    fn open_stdin(options: &Options) -> Result<Self, SourceError> {
        let name = "standard input";
        let Some(follow) = &options.follow else {
            return Self::from_reader(name, Box::new(io::stdin()), options);
        };
        let turns = Arc::default();
        let piped = Piped::new(io::stdin(), follow.clone(), Arc::clone(&turns));
        let piped = piped.map_err(|error| SourceError::io(name, &error))?;
        let capture = Self::start(name, Box::new(piped), None, options)?;
        Ok(Self { turns: Some(turns), ..capture })
    }

    /// Opens a capture that comes from `reader`; `name` is what errors call it.
    pub fn from_reader(
        name: &str,
        reader: Box<dyn Read + Send>,
        options: &Options,
    ) -> Result<Self, SourceError> {
        Self::start(name, reader, None, options)
    }

    /// The next frame; `None` at the end of the capture and from damage on after which reading does not resume.
    #[inline(always)]
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        if self.ended {
            return None;
        }
        let usual = match &mut self.walker {
            Walker::Pcap(walker) => walker.usual(&mut self.input),
            Walker::PcapNg(walker) => walker.usual(&mut self.input),
        };
        let is_usual = usual.is_some();
        let record = match usual {
            Some(record) => record,
            None => self.next_record()?,
        };
        if record.interface != self.tally.interface() {
            self.tally.turn_to(record.interface, &mut self.about);
        }
        self.tally.count(record.wire_len, record.len);
        self.number = self.tally.frames().saturating_add(self.about.other_records);
        // Where nothing is unusual, nothing is said beside the frame.
        let (direction, process) = if is_usual { (None, None) } else { self.walker.aside(&self.input) };
        Some(Frame {
            number: self.number,
            time: record.time,
            interface: record.same_as,
            interfaces: u32::try_from(self.about.interfaces.len()).unwrap_or(u32::MAX),
            link: record.link,
            wire_len: record.wire_len,
            data: self.input.slice(record.at, record.len),
            direction,
            process,
        })
    }

    /// The next record, whatever it takes.
    #[inline(never)]
    fn next_record(&mut self) -> Option<Record> {
        while !self.ended {
            self.input.ask_again();
            self.let_pause(true);
            let step = match &mut self.walker {
                Walker::Pcap(walker) => walker.next(&mut self.input),
                Walker::PcapNg(walker) => walker.next(&mut self.input, &mut self.about),
            };
            self.let_pause(false);
            match step {
                // A record is taken once it is whole, so asking again begins with its first byte.
                Ok(None) | Err(_) if self.input.is_waiting() => return None,
                Ok(Some(record)) => {
                    let (direction, process) = self.walker.aside(&self.input);
                    self.about.marks.count(direction, process.map(|process| process.method));
                    return Some(record);
                }
                Ok(None) => self.ended = true,
                Err(fault) => self.recover(fault),
            }
        }
        None
    }

    /// Whether a file that is followed may come back without bytes. What is packed may not: an unpacker cannot ask again.
    fn let_pause(&self, may: bool) {
        if let Some(turns) = self.turns.as_ref().filter(|_| self.compression.is_none()) {
            turns.may_pause.store(may, Ordering::Relaxed);
        }
    }

    /// Whether [`Capture::next_frame`] gave none only because a capture that is followed has no more yet: it may be asked
    /// again. Only where [`Follow::pause`] is stated.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.ended && self.input.is_waiting()
    }

    /// What the capture says about itself so far, while it is read: its size is that of the bytes read, which run ahead of the
    /// frames by one buffer, and it has no hash.
    #[must_use]
    pub fn so_far(&mut self) -> Summary {
        self.tally.write_down(&mut self.about);
        let about = self.about.clone();
        summary_of((self.format, self.compression), about, self.tally.frames(), self.input.count(), None)
    }

    /// Notes damage, and goes on where a section of pcapng certainly begins.
    #[cold]
    fn recover(&mut self, fault: Fault) {
        let failed = self.input.failure().is_some();
        let resumed_at = match &self.walker {
            // Nothing in the classic format says where a record begins.
            Walker::Pcap(_) => None,
            Walker::PcapNg(_) if fault.is_cut() => pcapng::resume_in_cut(&mut self.input),
            Walker::PcapNg(_) => pcapng::resume(&mut self.input),
        };
        self.about.note(fault.after(self.number, resumed_at));
        self.ended = resumed_at.is_none();
        if let Some(failure) = self.input.failure()
            && !failed
        {
            let fault = Fault::at(self.input.offset(), failure.kind, failure.what.clone());
            self.about.note(fault.after(self.number, None));
        }
    }

    /// The interfaces described so far; `Frame::interface` is a position in them. In pcapng there may be more to come.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        &self.about.interfaces
    }

    /// What was said so far of sockets and their processes. The rest is in the summary at the end.
    #[must_use]
    pub fn owners(&self) -> &Owners {
        &self.about.owners
    }

    /// How many stored bytes were read so far, for progress. Reading runs ahead of the frames by one buffer.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.input.count()
    }

    /// The stored size in bytes, where the input is a file; of one that is followed, what it was at first.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Ends the reading. Where a hash is wanted or the size is not known, the rest is read too, also after
    /// damage.
    #[must_use]
    pub fn finish(mut self) -> Summary {
        if let Some(turns) = &self.turns {
            turns.enough.store(true, Ordering::Relaxed);
            self.size = None;
        }
        self.tally.write_down(&mut self.about);
        if self.hashing || self.size.is_none() {
            let rest = self.input.drain();
            if let Err(failure) = rest
                && self.about.damage.last().is_none_or(|last| last.resumed_at.is_some())
            {
                let fault = Fault::at(self.input.offset(), failure.kind, failure.what);
                self.about.note(fault.after(self.number, None));
            }
        }
        let (count, sha256) = self.input.finish();
        let size = if self.hashing { count } else { self.size.unwrap_or(count) };
        summary_of((self.format, self.compression), self.about, self.tally.frames(), size, sha256)
    }

    fn start(
        name: &str,
        reader: Box<dyn Read + Send>,
        size: Option<u64>,
        options: &Options,
    ) -> Result<Self, SourceError> {
        let hash = options.hash.then(|| Hash::new(options.beside));
        let mut input = Input::new(Stored::new(reader, hash));
        input.ensure(packed::MAGIC_LEN);
        if feed::is_skippable(input.peek()) {
            input.ensure(packed::LOOK_AHEAD);
        }
        let compression = packed::packing(input.peek());
        if let Some(compression) = compression {
            input = input.unfold(compression, options.limits(), options.beside);
        }
        let enough = input.ensure(recognise::HEAD);
        if let Some(failure) = input.failure()
            && input.peek().is_empty()
        {
            return Err(SourceError::unreadable(name, compression.is_some(), failure));
        }
        if !enough && input.peek().is_empty() {
            return Err(SourceError::empty(name));
        }
        let Some(kind) = recognise::kind(input.peek()) else {
            return Err(SourceError::not_a_capture(name, recognise::diagnose(input.peek(), compression)));
        };
        let mut capture = Self {
            input,
            walker: Walker::PcapNg(pcapng::Walker::new()),
            about: About { carried: options.carried.clone(), ..About::default() },
            format: Format::PcapNg,
            compression,
            hashing: options.hash,
            size,
            turns: None,
            tally: Tally::default(),
            number: 0,
            ended: false,
        };
        if let Kind::Pcap(magic) = kind {
            capture.format = if magic.is_modified() { Format::ModifiedPcap } else { Format::Pcap };
            capture.begin_pcap(magic);
        }
        Ok(capture)
    }

    fn begin_pcap(&mut self, magic: pcap::Magic) {
        match pcap::Walker::begin(magic, &mut self.input) {
            Ok((walker, interface, section)) => {
                self.walker = Walker::Pcap(walker);
                self.about.begin_section(section);
                self.about.add_interface(interface);
            }
            Err(fault) => {
                self.about.note(fault.after(0, None));
                self.ended = true;
            }
        }
    }
}

/// What was noted, as it is handed out.
fn summary_of(
    (format, compression): (Format, Option<Compression>),
    mut about: About,
    frames: u64,
    size: u64,
    sha256: Option<String>,
) -> Summary {
    let dropped = about.drops();
    let sections = about.counted_sections();
    Summary {
        format,
        compression,
        sha256,
        size,
        frames,
        damage: about.damage,
        more_damage: about.more_damage,
        dropped,
        interfaces: about.interfaces,
        sections,
        section_count: about.section_count,
        claims: about.claims,
        marks: about.marks,
        owners: about.owners,
        skipped_blocks: about.skipped_blocks,
        skipped_other: about.skipped_other,
        other_records: about.other_records,
        broken_options: about.broken_options,
    }
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture")
            .field("format", &self.format)
            .field("compression", &self.compression)
            .field("frames", &self.tally.frames())
            .field("damage", &self.about.damage)
            .finish_non_exhaustive()
    }
}

/// The path that stands for standard input.
pub const STDIN: &str = "-";

/// The reader of one file format.
enum Walker {
    Pcap(pcap::Walker),
    PcapNg(pcapng::Walker),
}

impl Walker {
    /// Which way the last packet went and whose it is, where the capture says so beside it.
    fn aside<'a>(&'a self, input: &'a Input) -> (Option<Direction>, Option<Process<'a>>) {
        match self {
            Self::Pcap(walker) => (walker.direction(), None),
            Self::PcapNg(walker) => walker.aside(input),
        }
    }
}

/// One packet record: its metadata, and where its bytes lie in the buffer until the next step.
struct Record {
    time: Option<Timestamp>,
    /// Where the interface is in the list of those described.
    interface: u32,
    /// The first in that list that is the same one.
    same_as: u32,
    link: LinkType,
    wire_len: u32,
    at: usize,
    len: usize,
}

#[cfg(test)]
mod tests;

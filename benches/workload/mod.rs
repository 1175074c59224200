//! Made-up traffic to measure with: the same frames on every machine, as many as are asked for.
//!
//! Input: which workload. Output: Ethernet frames with times, endless, or a capture of them of any size. What is open at
//! one time is held in memory and nothing else, so a file of 1 GiB needs no more than a small one.
//! Must not: use a real capture, the clock, or chance that has no seed.
//!
//! Payloads that stand for something encrypted are slices of one block of noise. TCP and UDP checksums are zero, as
//! offloading to the network card leaves them in captures.

mod ethernet;
mod flows;
mod hello;
mod media;
mod mixed;
mod name;
mod random;
mod small;
mod zoom;

use std::io::{self, BufWriter, Write};

use borderpost::frame::{LinkType, Timestamp};
use borderpost::source::write::{WriteInterface, Writer};

pub(crate) use hello::{QuicHello, TlsHello};
pub(crate) use name::{Server, answer};
pub(crate) use random::Random;

/// One frame of a workload.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// When; later than the frame before.
    pub(crate) time: Timestamp,
    /// The whole Ethernet frame, without its check sequence.
    pub(crate) bytes: Vec<u8>,
}

/// What is measured with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Workload {
    /// One meeting: a look-up, a TLS connection and four UDP sockets, for as long as it takes. Frames of about 1000 bytes.
    Media,
    /// Short connections, 64 open at a time: TLS, QUIC, other UDP, plain HTTP, half of them after a look-up. Frames of
    /// about 430 bytes, about 23 to a flow.
    Mixed,
    /// Frames of 64 bytes over 20,000 flows, some of which speak far more than others.
    Small,
    /// A handshake and a ClientHello on every flow, to 50,000 names on 200,000 addresses; two million flows in 1040 MiB.
    Flows,
    /// A study day: the client signs in, waits, meets and reports, while others browse; 1 GiB has some 50 minutes of meetings.
    Zoom,
}

impl Workload {
    /// Every workload.
    pub(crate) const ALL: [Self; 5] = [Self::Media, Self::Mixed, Self::Small, Self::Flows, Self::Zoom];

    /// Its name in results and on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Media => "media",
            Self::Mixed => "mixed",
            Self::Small => "small",
            Self::Flows => "flows",
            Self::Zoom => "zoom",
        }
    }

    /// Its frames, without end.
    pub(crate) fn frames(self) -> io::Result<Box<dyn Iterator<Item = Sent>>> {
        Ok(match self {
            Self::Media => Box::new(media::Meeting::new()?),
            Self::Mixed => Box::new(mixed::Connections::new()?),
            Self::Small => Box::new(small::Flows::new()),
            Self::Flows => Box::new(flows::Handshakes::new()?),
            Self::Zoom => Box::new(zoom::Day::new()?),
        })
    }
}

/// In which format a workload is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// Classic pcap, little-endian, with microseconds.
    Pcap,
    /// One section of pcapng, as this project writes it.
    PcapNg,
}

/// Writes a capture of the workload's frames until they and their headers reach `size` bytes. Gives their number.
pub(crate) fn write(out: impl Write, workload: Workload, format: Format, size: u64) -> io::Result<u64> {
    let out = BufWriter::with_capacity(BUFFER, out);
    match format {
        Format::Pcap => write_pcap(out, workload, size),
        Format::PcapNg => write_pcapng(out, workload, size),
    }
}

fn write_pcap(mut out: impl Write, workload: Workload, size: u64) -> io::Result<u64> {
    let [zone, accuracy] = [[0; 4]; 2];
    let link = u32::from(LinkType::ETHERNET.0).to_le_bytes();
    out.write_all(&[PCAP_MAGIC, PCAP_VERSION, zone, accuracy, SNAP_LENGTH, link].concat())?;
    let (mut written, mut frames) = (24, 0);
    for sent in workload.frames()? {
        if written >= size {
            break;
        }
        let micros = sent.time.nanos() / 1000;
        let seconds = u32::try_from(micros / 1_000_000).map_err(io::Error::other)?;
        let micros = u32::try_from(micros % 1_000_000).map_err(io::Error::other)?;
        let length = length(&sent)?;
        out.write_all(&[seconds, micros, length, length].map(u32::to_le_bytes).concat())?;
        out.write_all(&sent.bytes)?;
        written += 16 + u64::from(length);
        frames += 1;
    }
    out.flush()?;
    Ok(frames)
}

fn write_pcapng(out: impl Write, workload: Workload, size: u64) -> io::Result<u64> {
    let mut writer = Writer::new(out, &[WriteInterface::new(LinkType::ETHERNET)])?;
    let (mut written, mut frames) = (0, 0);
    for sent in workload.frames()? {
        if written >= size {
            break;
        }
        let length = length(&sent)?;
        writer.frame(0, sent.time, length, &sent.bytes, None)?;
        written += 32 + u64::from(length.next_multiple_of(4));
        frames += 1;
    }
    writer.finish()?;
    Ok(frames)
}

fn length(sent: &Sent) -> io::Result<u32> {
    u32::try_from(sent.bytes.len()).map_err(io::Error::other)
}

/// Counts the time of a workload up from one fixed moment.
#[derive(Debug)]
struct Clock(i64);

impl Clock {
    const fn new() -> Self {
        Self(START)
    }

    /// A moment up to `most` microseconds later, and at least one.
    fn advance(&mut self, random: &mut Random, most: u32) -> Timestamp {
        self.0 += i64::from(1 + random.below(most)) * 1000;
        Timestamp::from_nanos(self.0)
    }
}

/// 2024-07-01T08:00:00Z.
const START: i64 = 1_719_820_800_000_000_000;
const BUFFER: usize = 256 * 1024;

// The file header of draft-ietf-opsawg-pcap, in the byte order of the file.
const PCAP_MAGIC: [u8; 4] = 0xa1b2_c3d4_u32.to_le_bytes();
/// Major version 2, minor version 4, of 16 bits each.
const PCAP_VERSION: [u8; 4] = [2, 0, 4, 0];
const SNAP_LENGTH: [u8; 4] = 262_144_u32.to_le_bytes();

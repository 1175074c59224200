//! QUIC up to its handshake: long headers, and the client's hello out of its Initial packets.
//!
//! Input: datagrams of one flow. Output: [`LongHeader`] without cryptography, and [`QuicHello`] by
//! [`Initials`], the memory that the caller keeps for a flow. Initial packets are sealed with keys that
//! follow from the client's first connection id, so anybody on the path may open them. RFC 9000, 9001
//! (version 1), 9369 (version 2), and the drafts 29 to 34 of version 1, which differ from it in the salt of the
//! keys alone: draft-ietf-quic-tls-29 to 32 have one of their own, 33 and 34 that of the standard.
//!
//! A server may demand with a Retry that the client come again (RFC 9000 section 8.1.2). The keys of what it sends then
//! follow from the id that the server chose, and the hello begins anew. The tag by which a client tells a Retry from a
//! forged one is not checked.
//!
//! Every connection id on the wire could be forged: an [`Initials`] derives keys at most [`MAX_KEYS`] times,
//! and keeps at most twice [`tls::MAX_HELLO`] bytes. Must not: open anything but Initial packets of clients,
//! or know older drafts and private versions.

mod keys;

use std::fmt;
use std::ops::RangeInclusive;

use self::keys::ClientKeys;
use crate::wire::Read;
use crate::wire::cursor::Cursor;
use crate::wire::pieces::Pieces;
use crate::wire::tls::{self, ClientHello};

/// QUIC version 1 (RFC 9000).
pub const VERSION_1: u32 = 0x00000001;

/// QUIC version 2 (RFC 9369).
pub const VERSION_2: u32 = 0x6b3343cf;

/// The drafts of version 1 that are read: 29 (May 2020) to 34 (January 2021).
pub const DRAFTS: RangeInclusive<u32> = 0xff00001d..=0xff000022;

/// How often one [`Initials`] derives keys; each time costs some microseconds.
pub const MAX_KEYS: u32 = 4;

/// A connection id: 0 to 20 bytes that a peer chose.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    bytes: [u8; Self::MAX],
    length: u8,
}

impl ConnectionId {
    /// Most bytes of an id in versions 1 and 2 (RFC 9000 section 17.2).
    pub const MAX: usize = 20;

    /// The id itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let id = cursor.vector8()?;
        let mut bytes = [0; Self::MAX];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self { bytes, length: u8::try_from(id.len()).ok()? })
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a packet with a long header is for (RFC 9000 section 17.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PacketKind {
    /// The first packets of either side; carries the hellos.
    Initial,
    /// A client's data before the handshake is done.
    ZeroRtt,
    /// The rest of the handshake.
    Handshake,
    /// A server's demand to come again with a token.
    Retry,
    /// A server's answer to a version it does not speak.
    VersionNegotiation,
}

/// The part of a long header that all packets share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LongHeader {
    /// The version: [`VERSION_1`], [`VERSION_2`], one of [`DRAFTS`], one reserved to provoke a negotiation, or 0 in
    /// such a negotiation.
    pub version: u32,
    /// What the packet is for.
    pub kind: PacketKind,
    /// Whether the second bit is set. A client's first packets have it; a server may clear it where the
    /// client said that it bears that (RFC 9287), and in a version negotiation it means nothing.
    pub fixed_bit: bool,
    /// The id that the receiver is known by.
    pub destination: ConnectionId,
    /// The id that the sender wants to be known by.
    pub source: ConnectionId,
}

/// A client's hello over QUIC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuicHello {
    /// The hello.
    pub hello: ClientHello,
    /// The version of QUIC it came in.
    pub version: u32,
    /// How many datagrams with an Initial it took.
    pub datagrams: u32,
}

/// Reads the long header at the front of a datagram; `None` where there is none of a version that is read,
/// and no version negotiation that names a version of the standards. A Retry has to have its token and its tag (RFC 9000
/// section 17.2.5).
#[must_use]
pub fn long_header(datagram: &[u8]) -> Option<LongHeader> {
    let mut cursor = Cursor::new(datagram);
    let header = read_header(&mut cursor)?;
    match header.kind {
        PacketKind::VersionNegotiation => {}
        PacketKind::Retry => return (cursor.rest().len() > RETRY_TAG).then_some(header),
        PacketKind::Initial | PacketKind::ZeroRtt | PacketKind::Handshake => return Some(header),
    }
    let (versions, rest) = cursor.rest().as_chunks();
    let known = versions.iter().any(|&version| is_standard(u32::from_be_bytes(version)));
    (known && rest.is_empty()).then_some(header)
}

/// What was collected of a client's hello: one for each flow, fed with the client's datagrams in the order of
/// capture.
#[derive(Default)]
pub struct Initials {
    opened: Option<Opener>,
    keys_derived: u32,
    stream: Pieces,
    datagrams: u32,
    complete: bool,
}

/// The keys that opened the last packet.
struct Opener {
    keys: Box<ClientKeys>,
    version: u32,
}

impl Initials {
    /// Nothing collected yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next datagram of the client.
    ///
    /// `Done` once the hello is whole, and from then on. `More` after a datagram that may belong to a hello.
    /// `NotMine` after one that does not: then what was collected is kept, and a later datagram may still
    /// complete it. A flow whose first datagram is `NotMine` is no QUIC of these versions.
    pub fn push(&mut self, datagram: &[u8]) -> Read<QuicHello> {
        if self.complete {
            return self.answer();
        }
        let mut cursor = Cursor::new(datagram);
        let mut seen = Seen::Nothing;
        for _ in 0..MAX_COALESCED {
            let Some(packet) = next_packet(&mut cursor) else { break };
            seen = seen.max(self.take(&packet));
        }
        match seen {
            Seen::Nothing => Read::NotMine("no whole initial packet of a version that is read"),
            Seen::Sealed => Read::NotMine("initial packet does not open"),
            Seen::Early => Read::More,
            Seen::Opened => {
                self.datagrams = self.datagrams.saturating_add(1);
                self.answer()
            }
        }
    }

    /// Whether any Initial was opened.
    #[must_use]
    pub fn has_opened(&self) -> bool {
        self.opened.is_some()
    }

    /// What the hello says so far, where it never became whole: only what stands before the first gap.
    #[must_use]
    pub fn cut_hello(&self) -> Option<QuicHello> {
        let hello = tls::cut_client_hello_message(self.stream.front())?;
        Some(QuicHello { hello, version: self.opened.as_ref()?.version, datagrams: self.datagrams })
    }

    fn answer(&mut self) -> Read<QuicHello> {
        let Some(opener) = &self.opened else { return Read::More };
        let (version, datagrams) = (opener.version, self.datagrams);
        let answer = tls::client_hello_message(self.stream.front());
        self.complete = matches!(answer, Read::Done(_));
        answer.map(|hello| QuicHello { hello, version, datagrams })
    }

    fn take(&mut self, packet: &Packet<'_>) -> Seen {
        match packet.header.kind {
            PacketKind::Initial => {}
            PacketKind::ZeroRtt => return Seen::Early,
            _ => return Seen::Nothing,
        }
        match self.open(packet) {
            Some(frames) => {
                self.collect(&frames);
                Seen::Opened
            }
            None => Seen::Sealed,
        }
    }

    /// Opens an Initial with the keys that opened the last one, else with keys from its own destination id:
    /// it is the first, or it follows a Retry, or a new connection began. In the last two cases the hello
    /// begins anew.
    fn open(&mut self, packet: &Packet<'_>) -> Option<Vec<u8>> {
        let version = packet.header.version;
        if let Some(opener) = self.opened.as_ref().filter(|opener| opener.version == version)
            && let Some(frames) = opener.keys.open(packet.bytes, packet.number_at)
        {
            return Some(frames);
        }
        if self.keys_derived == MAX_KEYS {
            return None;
        }
        self.keys_derived = self.keys_derived.saturating_add(1);
        let keys = ClientKeys::derive(key_version(version)?, packet.header.destination.as_bytes())?;
        let frames = keys.open(packet.bytes, packet.number_at)?;
        self.opened = Some(Opener { keys: Box::new(keys), version });
        self.stream = Pieces::default();
        Some(frames)
    }

    /// Keeps what the CRYPTO frames of an opened packet hold; stops at a frame that an Initial may not have.
    fn collect(&mut self, frames: &[u8]) {
        let mut cursor = Cursor::new(frames);
        while !cursor.is_empty() {
            match frame(&mut cursor) {
                Some(Frame::Crypto { offset, data }) => self.stream.insert(offset, data),
                Some(Frame::Other) => {}
                None => return,
            }
        }
    }
}

impl fmt::Debug for Initials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.opened.as_ref().map(|opener| opener.version);
        f.debug_struct("Initials")
            .field("version", &version)
            .field("datagrams", &self.datagrams)
            .field("front", &self.stream.front().len())
            .finish_non_exhaustive()
    }
}

/// What a datagram had for us, the more the later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Nothing,
    Early,
    Sealed,
    Opened,
}

/// A packet with a long header and a length.
struct Packet<'a> {
    header: LongHeader,
    /// From the first byte of the header to the end of the payload.
    bytes: &'a [u8],
    /// Where the packet number begins.
    number_at: usize,
}

/// What the keys of a version follow from.
fn key_version(version: u32) -> Option<&'static keys::Version> {
    match version {
        _ if is_reserved(version) => Some(&keys::DRAFT),
        // Draft 33 brought the salt of the standard.
        VERSION_1 | 0xff000021..=0xff000022 => Some(&keys::V1),
        VERSION_2 => Some(&keys::V2),
        0xff00001d..=0xff000020 => Some(&keys::DRAFT),
        _ => None,
    }
}

/// Whether a version is one of those by which a client provokes a negotiation (RFC 9000 section 15). No standard says how its
/// packets are sealed; in the captures that this was tested with it is as in the drafts of that time, 29 to 32. Keys that
/// do not fit open nothing.
const fn is_reserved(version: u32) -> bool {
    version & 0x0f0f0f0f == 0x0a0a0a0a
}

/// Reads up to the source id.
fn read_header(cursor: &mut Cursor<'_>) -> Option<LongHeader> {
    let first = cursor.u8().filter(|first| first & LONG != 0)?;
    let version = cursor.u32()?;
    let kind = kind(first, version)?;
    let destination = ConnectionId::read(cursor)?;
    let source = ConnectionId::read(cursor)?;
    Some(LongHeader { version, kind, fixed_bit: first & FIXED != 0, destination, source })
}

/// What a packet is for; `None` for versions we do not know. Version 2 counts the types differently (RFC 9369
/// section 3.2).
fn kind(first: u8, version: u32) -> Option<PacketKind> {
    let bits = first >> 4 & 0x03;
    let index = match version {
        0 => return Some(PacketKind::VersionNegotiation),
        VERSION_1 | 0xff00001d..=0xff000022 => bits,
        _ if is_reserved(version) => bits,
        VERSION_2 => bits.wrapping_sub(1) & 0x03,
        _ => return None,
    };
    let kinds = [PacketKind::Initial, PacketKind::ZeroRtt, PacketKind::Handshake, PacketKind::Retry];
    kinds.get(usize::from(index)).copied()
}

/// The next packet of a client's datagram: several with long headers may follow one another (RFC 9000 section
/// 12.2).
fn next_packet<'a>(cursor: &mut Cursor<'a>) -> Option<Packet<'a>> {
    let whole = cursor.rest();
    let header = read_header(cursor).filter(|header| header.fixed_bit)?;
    match header.kind {
        PacketKind::Initial => {
            let token = usize::try_from(varint(cursor)?).ok()?;
            cursor.take(token)?;
        }
        PacketKind::ZeroRtt | PacketKind::Handshake => {}
        PacketKind::Retry | PacketKind::VersionNegotiation => return None,
    }
    let length = usize::try_from(varint(cursor)?).ok()?;
    let number_at = whole.len().checked_sub(cursor.rest().len())?;
    cursor.take(length)?;
    let bytes = whole.get(..number_at.checked_add(length)?)?;
    Some(Packet { header, bytes, number_at })
}

/// A frame of an Initial.
enum Frame<'a> {
    Crypto { offset: u64, data: &'a [u8] },
    Other,
}

/// Reads one frame (RFC 9000 section 12.4); `None` where it cannot be read or may not stand in an Initial.
fn frame<'a>(cursor: &mut Cursor<'a>) -> Option<Frame<'a>> {
    match varint(cursor)? {
        PING => {}
        PADDING => {
            let run = cursor.rest().iter().take_while(|&&byte| byte == 0).count();
            cursor.take(run)?;
        }
        kind @ (ACK | ACK_ECN) => skip_ack(cursor, kind == ACK_ECN)?,
        CRYPTO => {
            let offset = varint(cursor)?;
            let length = usize::try_from(varint(cursor)?).ok()?;
            return Some(Frame::Crypto { offset, data: cursor.take(length)? });
        }
        CONNECTION_CLOSE => {
            let _code = varint(cursor)?;
            let _frame = varint(cursor)?;
            let reason = usize::try_from(varint(cursor)?).ok()?;
            cursor.take(reason)?;
        }
        _ => return None,
    }
    Some(Frame::Other)
}

/// Passes over an ACK frame (RFC 9000 section 19.3).
fn skip_ack(cursor: &mut Cursor<'_>, counts_ecn: bool) -> Option<()> {
    let _largest = varint(cursor)?;
    let _delay = varint(cursor)?;
    let ranges = varint(cursor)?;
    let _first = varint(cursor)?;
    // Every range takes bytes, so a count that is too high ends with the packet.
    for _ in 0..ranges {
        varint(cursor)?;
        varint(cursor)?;
    }
    if counts_ecn {
        for _ in 0..3 {
            varint(cursor)?;
        }
    }
    Some(())
}

/// Reads a number of 1, 2, 4 or 8 bytes, whose first two bits say which (RFC 9000 section 16).
fn varint(cursor: &mut Cursor<'_>) -> Option<u64> {
    let first = *cursor.rest().first()?;
    let bytes = cursor.take(1 << (first >> 6))?;
    let number = bytes.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    Some(number & (u64::MAX >> 2 >> (8 * (8 - bytes.len()))))
}

/// Whether a version negotiation that offers this version can be believed: versions 1 and 2 and the drafts
/// before them.
const fn is_standard(version: u32) -> bool {
    matches!(version, VERSION_1 | VERSION_2) || version >> 8 == 0xff0000
}

/// Bits of the first byte (RFC 9000 section 17.2).
const LONG: u8 = 0x80;
const FIXED: u8 = 0x40;

/// Bytes of the tag at the end of a Retry (RFC 9001 section 5.8).
const RETRY_TAG: usize = 16;

/// Most packets walked in one datagram; a client has no use for more than three.
const MAX_COALESCED: usize = 8;

/// Frames that an Initial may have (RFC 9000 section 12.4, table 3).
const PADDING: u64 = 0x00;
const PING: u64 = 0x01;
const ACK: u64 = 0x02;
const ACK_ECN: u64 = 0x03;
const CRYPTO: u64 = 0x06;
const CONNECTION_CLOSE: u64 = 0x1c;

#[cfg(test)]
pub(crate) mod tests;

//! The media layer: inside data messages, or bare between two participants.
//!
//! Input: the bytes from the layer's first byte on. Output: [`Media`], with wrappers taken off. The types audio,
//! video, share and RTCP share a header: type, the constant `01 00 fb 90`, and at offset 6 the offset of what follows.

use super::cut::{Bytes, Stop, require};
use super::{Certainty, Version};

/// What one data message carries. A share channel's wrapper (type 13) is taken off and not shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Media {
    /// An acknowledgement on the share channel (type 10).
    Ack,
    /// The client binds its socket to a meeting (type 12).
    Bind(Bind),
    /// The server acknowledges a bind (type 13 with the bind's own layout).
    BindAck(Bind),
    /// The bandwidth probe and its feedback (type 21): volume without media.
    Probe {
        /// Whether this is the filler of the probe, not the receiver's feedback.
        filler: bool,
    },
    /// RTCP about a stream (types 33 to 35).
    Rtcp(Rtcp),
    /// Audio, video or a shared screen (types 15, 16, 30).
    Stream(Stream),
    /// A type whose layout is not known.
    Unknown {
        /// The layer's first byte.
        kind: u8,
    },
}

/// A socket's place in a meeting.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bind {
    /// The same on all sockets of one meeting, in request and acknowledgement. Not the number that a user sees.
    pub meeting: [u8; 16],
    /// The source that the socket will use; it names the kind of media even if nothing is ever sent.
    pub ssrc: Ssrc,
}

/// The head of one RTP packet and what the layer says it carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stream {
    /// The kind of media by the layer's own type.
    pub kind: MediaKind,
    /// The RTP header.
    pub rtp: Rtp,
}

/// The fixed header of an RTP packet (RFC 3550 section 5.1), as far as it is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rtp {
    /// 0 to 127. Seen: 98 video, 99 share (and audio in 2021), 110 forward error correction, 112, 113, 116 audio.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Media clock.
    pub timestamp: u32,
    /// Who sends what.
    pub ssrc: Ssrc,
}

/// The head of one RTCP packet (RFC 3550 section 6.4), and the kind of media it is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rtcp {
    /// The kind of media by the layer's own type.
    pub kind: MediaKind,
    /// 192 to 223; 200 is a sender report.
    pub packet_type: u8,
    /// Who sends it.
    pub ssrc: Ssrc,
}

/// A synchronisation source. Zoom's read `01 00 PP KK`: participant and kind of media.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ssrc(pub u32);

/// A kind of media.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MediaKind {
    /// A participant's microphone.
    Audio,
    /// A second share, or data beside a share.
    SecondShare,
    /// A shared screen.
    Share,
    /// A participant's camera.
    Video,
    /// A kind not seen so far, by its number.
    Other(u8),
}

impl Ssrc {
    /// The kind of media, from the last byte.
    #[must_use]
    pub const fn kind(self) -> MediaKind {
        match self.0.to_be_bytes() {
            [.., 1] => MediaKind::Video,
            [.., 2] => MediaKind::Audio,
            [.., 3] => MediaKind::Share,
            [.., 4] => MediaKind::SecondShare,
            [.., other] => MediaKind::Other(other),
        }
    }

    /// The participant's number in the meeting: 4, 8, 12 and so on have been seen.
    #[must_use]
    pub const fn participant(self) -> u8 {
        let [_, _, participant, _] = self.0.to_be_bytes();
        participant
    }

    /// Whether it has the form that every source seen so far has.
    pub(super) const fn is_well_formed(self) -> bool {
        matches!(self.0.to_be_bytes(), [1, 0, _, 1..=9])
    }
}

/// Reads the layer as version `version` writes it.
pub(super) fn media(bytes: Bytes<'_>, version: Version) -> Result<(Media, Certainty), Stop> {
    unwrapped(bytes, version, MAX_WRAPPERS)
}

/// Reads the layer where it stands alone: only what its constant and RTP prove.
pub(super) fn bare(bytes: Bytes<'_>) -> Result<Media, Stop> {
    let mut after = bytes;
    let kind = after.u8()?;
    stream(bytes, kind)
}

fn unwrapped(bytes: Bytes<'_>, version: Version, wrappers: u8) -> Result<(Media, Certainty), Stop> {
    let mut after = bytes;
    let kind = after.u8()?;
    let weak = |media| (media, Certainty::Weak);
    let certain = |media| (media, Certainty::Certain);
    match kind {
        10 => ack(after, version).map(weak),
        12 => bind(after).map(|bind| certain(Media::Bind(bind))),
        13 => match bind(after) {
            Ok(bind) => Ok(certain(Media::BindAck(bind))),
            Err(Stop::Cut) => Err(Stop::Cut),
            Err(Stop::Refuse(_)) => wrapper(bytes, version, wrappers),
        },
        15 | 16 | 30 | 33..=35 => stream(bytes, kind).map(certain),
        21 => probe(after).map(weak),
        kind => Ok(weak(Media::Unknown { kind })),
    }
}

/// Type 13 in front of another layer: a counter, in version 3 a sequence number, then a byte that says whether an
/// acknowledged counter and number follow.
fn wrapper(bytes: Bytes<'_>, version: Version, wrappers: u8) -> Result<(Media, Certainty), Stop> {
    let Some(wrappers) = wrappers.checked_sub(1) else { return Err(Stop::Refuse("wrapped too often")) };
    let mut after = bytes;
    let flags = if version.is_short() {
        let [_, _, _, flags] = after.array()?;
        flags
    } else {
        let [_, _, _, _, _, flags, zero] = after.array()?;
        require(zero == 0, "a wrapper without its zero byte")?;
        flags
    };
    match (flags, version.is_short()) {
        (0, _) => {}
        (2, true) => after.skip(4)?,
        (2, false) => after.skip(8)?,
        _ => return Err(Stop::Refuse("flags of a wrapper of no known meaning")),
    }
    unwrapped(after, version, wrappers)
}

fn ack(bytes: Bytes<'_>, version: Version) -> Result<Media, Stop> {
    let length = if version.is_short() { 13 } else { 18 };
    require(bytes.left() == length, "an acknowledgement of another length")?;
    Ok(Media::Ack)
}

/// What follows the type of a bind and of its acknowledgement: `01`, the meeting, the source, a constant per kind.
fn bind(mut bytes: Bytes<'_>) -> Result<Bind, Stop> {
    require(bytes.u8()? == 1, "a bind without its constant")?;
    let bind = Bind { meeting: bytes.array()?, ssrc: Ssrc(bytes.u32()?) };
    let constant = bytes.u8()?;
    require(bind.ssrc.is_well_formed() && constant < 16, "a bind of no known kind of media")?;
    Ok(bind)
}

/// What follows the type of a probe or its feedback: `01`, four zero bytes, two of the sender, then `00 33` before
/// filler. Feedback has other values there.
fn probe(mut bytes: Bytes<'_>) -> Result<Media, Stop> {
    let [constant, zeros @ .., _, _, first, second] = bytes.array::<9>()?;
    require(constant == 1 && zeros == [0; 4], "a probe without its constants")?;
    Ok(Media::Probe { filler: (first, second) == (0, 0x33) })
}

/// A layer whose header has the constant: the strongest test that one packet allows, on any port.
fn stream(bytes: Bytes<'_>, kind: u8) -> Result<Media, Stop> {
    let mut after = bytes;
    let [_, constant @ .., _, header] = after.array::<7>()?;
    require(constant == CONSTANT, "media without the constant of the layer")?;
    let mut inner = bytes;
    inner.skip(usize::from(header))?;
    match kind {
        15 => {
            let length = inner.u16()?;
            require(usize::from(length) == inner.left(), "audio of another length than it claims")?;
            rtp(inner, MediaKind::Audio)
        }
        16 => rtp(inner, MediaKind::Video),
        30 => rtp(inner, MediaKind::Share),
        33 => rtcp(inner, MediaKind::Video),
        34 => rtcp(inner, MediaKind::Audio),
        35 => rtcp(inner, MediaKind::Share),
        _ => Err(Stop::Refuse("no type of media with the constant")),
    }
}

fn rtp(mut bytes: Bytes<'_>, kind: MediaKind) -> Result<Media, Stop> {
    let [first, second] = bytes.array()?;
    require(first >> 6 == 2, "no RTP where the header points")?;
    let rtp = Rtp {
        payload_type: second & 0x7f,
        sequence: bytes.u16()?,
        timestamp: bytes.u32()?,
        ssrc: Ssrc(bytes.u32()?),
    };
    Ok(Media::Stream(Stream { kind, rtp }))
}

fn rtcp(mut bytes: Bytes<'_>, kind: MediaKind) -> Result<Media, Stop> {
    let whole = bytes.left();
    let [first, packet_type] = bytes.array()?;
    require(first >> 6 == 2 && (192..=223).contains(&packet_type), "no RTCP where the header points")?;
    // The length counts 32-bit words without the first one.
    let length = (usize::from(bytes.u16()?) + 1) * 4;
    require((8..=whole).contains(&length), "RTCP longer than its datagram")?;
    Ok(Media::Rtcp(Rtcp { kind, packet_type, ssrc: Ssrc(bytes.u32()?) }))
}

const CONSTANT: [u8; 4] = [0x01, 0x00, 0xfb, 0x90];

/// One wrapper is usual; two have room to spare.
const MAX_WRAPPERS: u8 = 2;

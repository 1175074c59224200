//! Messages between a client and a media router. All numbers are big-endian.
//!
//! Input: one datagram and the version of its flow, where known. Output: [`Message`].

use super::cut::{Bytes, Stop, require};
use super::media::{Media, media};
use super::{Certainty, Version};
use crate::wire::Read;

/// One datagram between a client and a media router.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// The version it was read as.
    pub version: Version,
    /// How much it proves, taken alone.
    pub certainty: Certainty,
    /// What it says.
    pub body: Body,
}

impl Message {
    /// Whether it is anything but data of a type that is not known.
    pub(super) const fn is_known(&self) -> bool {
        !matches!(self.body, Body::Data { media: Media::Unknown { .. }, .. })
    }
}

/// What a message says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Body {
    /// The client opens a socket (first byte 1). It sends a hello twice, about 100 ms apart, with one token.
    Hello {
        /// Random, one for each socket; the reply repeats it.
        token: [u8; 16],
        /// The client's clock in milliseconds. It differs between the two copies, and the reply repeats it: token
        /// and clock together say which copy was answered.
        clock: u32,
    },
    /// The server answers (first byte 2).
    HelloReply {
        /// The hello's token.
        token: [u8; 16],
        /// The id that the server gave the socket; it stands in every later message but version 2's data.
        connection: u32,
        /// The clock of the copy of the hello that it answers.
        clock: u32,
    },
    /// Either side asks, or answers with the same sequence and clock (first byte 3 or 4). Every 3.75 s both ways.
    KeepAlive {
        /// Whether this is the answer.
        is_reply: bool,
        /// From 1, for each direction.
        sequence: u32,
        /// The asking side's clock in milliseconds.
        clock: u32,
        /// The socket's id.
        connection: u32,
    },
    /// Everything else (first byte 5).
    Data {
        /// Sequence number of this direction; version 2 has none.
        sequence: Option<u16>,
        /// The socket's id; version 2 has none here.
        connection: Option<u32>,
        /// Whether the server sent it; version 2 does not say.
        from_server: Option<bool>,
        /// What it carries.
        media: Media,
    },
    /// Either side ends the socket (first byte 7).
    Close {
        /// 0 for an ordinary leave, 509 where the server gave up on the socket.
        reason: u32,
        /// The socket's id.
        connection: u32,
    },
}

impl Body {
    /// The socket's id, where the message carries one.
    #[must_use]
    pub const fn connection(&self) -> Option<u32> {
        match *self {
            Self::Hello { .. } => None,
            Self::HelloReply { connection, .. }
            | Self::KeepAlive { connection, .. }
            | Self::Close { connection, .. } => Some(connection),
            Self::Data { connection, .. } => connection,
        }
    }
}

/// Reads one datagram between a client and a media router.
///
/// `wire_len` is the length of the UDP payload on the wire in bytes; `payload` may be cut. `version` is that of the
/// flow's hello; without it version 3 is tried, then 2.
#[must_use]
pub fn message(payload: &[u8], wire_len: u32, version: Option<Version>) -> Read<Message> {
    read(Bytes::new(payload, wire_len), version).into()
}

fn read(mut bytes: Bytes<'_>, version: Option<Version>) -> Result<Message, Stop> {
    match bytes.u8()? {
        1 => hello(bytes),
        2 => hello_reply(bytes),
        3 => keep_alive(bytes, false, version),
        4 => keep_alive(bytes, true, version),
        5 => data(bytes, version),
        7 => close(bytes),
        _ => Err(Stop::Refuse("the first byte is no kind of message")),
    }
}

/// Version, token, an id of zero, the constant 2, the clock twice, 64 and as many bytes; small parameters follow.
fn hello(mut bytes: Bytes<'_>) -> Result<Message, Stop> {
    let version = Version(bytes.u16()?);
    require((2..=15).contains(&version.0), "a hello of an impossible version")?;
    let token = bytes.array()?;
    let (connection, constant) = (bytes.u32()?, bytes.u32()?);
    require((connection, constant) == (0, 2), "a hello without its constants")?;
    let (before, clock, length) = (bytes.u32()?, bytes.u32()?, bytes.u32()?);
    // The two are read from the client's clock one after the other: equal, or rarely a millisecond apart.
    require(clock.wrapping_sub(before) < 1000 && length == 64, "a hello without its constants")?;
    require(bytes.left() >= 64, "shorter than the header it claims")?;
    Ok(Message { version, certainty: Certainty::Certain, body: Body::Hello { token, clock } })
}

/// Version, the hello's token, the id, the hello's clock, eight zero bytes; in version 3 parameters follow.
fn hello_reply(mut bytes: Bytes<'_>) -> Result<Message, Stop> {
    // A client of version 2 is answered with 1.
    let version = match bytes.u16()? {
        1 => Version::TWO,
        answer @ 3..=15 => Version(answer),
        _ => return Err(Stop::Refuse("a hello reply of an impossible version")),
    };
    let (token, connection, clock) = (bytes.array()?, connection(&mut bytes)?, bytes.u32()?);
    require(bytes.array()? == [0; 8], "a hello reply without its zeros")?;
    Ok(Message {
        version,
        certainty: Certainty::Certain,
        body: Body::HelloReply { token, connection, clock },
    })
}

fn keep_alive(mut bytes: Bytes<'_>, is_reply: bool, version: Option<Version>) -> Result<Message, Stop> {
    let (sequence, clock) = (bytes.u32()?, bytes.u32()?);
    let body = Body::KeepAlive { is_reply, sequence, clock, connection: connection(&mut bytes)? };
    if bytes.is_empty() {
        require(version.is_none_or(Version::is_short), "a keep-alive without flags")?;
        return Ok(Message { version: Version::TWO, certainty: Certainty::Weak, body });
    }
    require(!version.is_some_and(Version::is_short), "a keep-alive longer than version 2 has it")?;
    let certainty = trailer(bytes)?;
    Ok(Message { version: version.unwrap_or(Version::THREE), certainty, body })
}

fn close(mut bytes: Bytes<'_>) -> Result<Message, Stop> {
    let body = Body::Close { reason: bytes.u32()?, connection: connection(&mut bytes)? };
    let certainty = trailer(bytes)?;
    Ok(Message { version: Version::THREE, certainty, body })
}

fn data(bytes: Bytes<'_>, version: Option<Version>) -> Result<Message, Stop> {
    match version {
        Some(version) if version.is_short() => data_short(bytes, version),
        Some(version) => data_long(bytes, version),
        None => data_of_unknown_version(bytes),
    }
}

/// Version 3, then 2; a reading of a known type wins over one of an unknown type.
fn data_of_unknown_version(bytes: Bytes<'_>) -> Result<Message, Stop> {
    let long = data_long(bytes, Version::THREE);
    if long.is_ok_and(|message| message.is_known()) {
        return long;
    }
    match data_short(bytes, Version::TWO) {
        Ok(message) if message.is_known() => Ok(message),
        _ => long,
    }
}

/// Sequence, id, flags (1: a list of fields follows, 4: from the server), the list, the media layer.
fn data_long(mut bytes: Bytes<'_>, version: Version) -> Result<Message, Stop> {
    let (sequence, connection, flags) = (bytes.u16()?, connection(&mut bytes)?, bytes.u8()?);
    require(flags & !(HAS_FIELDS | FROM_SERVER) == 0, "data with flags of no known meaning")?;
    if flags & HAS_FIELDS != 0 {
        fields(&mut bytes)?;
    }
    let (media, certainty) = media(bytes, version)?;
    let from_server = Some(flags & FROM_SERVER != 0);
    let body = Body::Data { sequence: Some(sequence), connection: Some(connection), from_server, media };
    Ok(Message { version, certainty, body })
}

fn data_short(bytes: Bytes<'_>, version: Version) -> Result<Message, Stop> {
    let (media, certainty) = media(bytes, version)?;
    let body = Body::Data { sequence: None, connection: None, from_server: None, media };
    Ok(Message { version, certainty, body })
}

fn connection(bytes: &mut Bytes<'_>) -> Result<u32, Stop> {
    let connection = bytes.u32()?;
    require(connection != 0, "a message without the id of its socket")?;
    Ok(connection)
}

/// The flags at the end of keep-alives and closes, and the list of fields behind them, up to the datagram's end.
///
/// The message stands in front, so a list that the capture cuts off costs certainty and nothing else.
fn trailer(mut bytes: Bytes<'_>) -> Result<Certainty, Stop> {
    let flags = bytes.u8()?;
    require(flags & !HAS_FIELDS == 0, "flags of no known meaning")?;
    let signed = match flags & HAS_FIELDS {
        0 => Ok(false),
        _ => fields(&mut bytes),
    };
    match signed {
        Ok(signed) => {
            require(bytes.is_empty(), "bytes behind the end of the message")?;
            Ok(if signed { Certainty::Certain } else { Certainty::Weak })
        }
        Err(Stop::Cut) => Ok(Certainty::Weak),
        Err(refusal) => Err(refusal),
    }
}

/// Moves over a list of fields (tag, length, value) behind its closing tag 0; whether a signature was among them.
fn fields(bytes: &mut Bytes<'_>) -> Result<bool, Stop> {
    let mut signed = false;
    loop {
        let tag = bytes.u8()?;
        if tag == 0 {
            return Ok(signed);
        }
        let length = bytes.u8()?;
        bytes.skip(usize::from(length))?;
        signed |= (tag, length) == SIGNATURE;
    }
}

const HAS_FIELDS: u8 = 0x01;
const FROM_SERVER: u8 = 0x04;

/// Tag and length of what looks like a message authentication code.
const SIGNATURE: (u8, u8) = (5, 64);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::vectors::{self, hex};
    use super::super::{Bind, MediaKind, Rtcp, Rtp, Ssrc, Stream};
    use super::*;

    fn whole(bytes: &[u8], version: Option<Version>) -> Read<Message> {
        message(bytes, u32::try_from(bytes.len()).unwrap(), version)
    }

    fn done(text: &str, version: u16) -> (Body, Certainty) {
        let message = whole(&hex(text), Some(Version(version))).done().unwrap();
        assert_eq!(message.version, Version(version));
        (message.body, message.certainty)
    }

    fn carried(text: &str, version: u16) -> Media {
        let Body::Data { media, .. } = done(text, version).0 else { panic!("no data: {text}") };
        media
    }

    fn refusal(text: &str) -> &'static str {
        let Read::NotMine(why) = whole(&hex(text), None) else { panic!("not refused: {text}") };
        why
    }

    #[test]
    fn a_hello_and_its_reply_share_token_and_clock() {
        let token = *hex("c84ac4528718cda2b8477a1b899f3383").first_chunk().unwrap();
        let hello = Body::Hello { token, clock: 0x006f613f };
        let reply = Body::HelloReply { token, connection: 0x004f8378, clock: 0x006f613f };
        assert_eq!(done(vectors::HELLO, 3), (hello, Certainty::Certain));
        assert_eq!(done(vectors::HELLO_REPLY, 3), (reply, Certainty::Certain));
    }

    #[test]
    fn a_reply_of_1_answers_version_2() {
        let (body, certainty) = done(vectors::HELLO_REPLY_VERSION_2, 2);
        assert_eq!((body.connection(), certainty), (Some(0x005a0e3e), Certainty::Certain));
    }

    #[test]
    fn keep_alives_are_certain_only_with_a_signature() {
        let keep_alive =
            |is_reply, sequence, clock, connection| Body::KeepAlive { is_reply, sequence, clock, connection };
        let cases = [
            (vectors::KEEP_ALIVE_FIRST, 3, keep_alive(false, 1, 0x5cfb002a, 0x004f8378), Certainty::Weak),
            (vectors::KEEP_ALIVE, 3, keep_alive(false, 3, 0x5cfb113c, 0x004f8379), Certainty::Certain),
            (vectors::KEEP_ALIVE_REPLY, 3, keep_alive(true, 1, 0x006f7254, 0x004f8379), Certainty::Certain),
            (vectors::KEEP_ALIVE_VERSION_2, 2, keep_alive(false, 1, 0x762a8d74, 0x005a0e3e), Certainty::Weak),
        ];
        for (text, version, body, certainty) in cases {
            assert_eq!(done(text, version), (body, certainty), "{text}");
        }
    }

    #[test]
    fn closes_say_why() {
        let leave = Body::Close { reason: 0, connection: 0x004f837a };
        let given_up = Body::Close { reason: 509, connection: 0x003a599c };
        assert_eq!(done(vectors::CLOSE, 3), (leave, Certainty::Certain));
        assert_eq!(done(vectors::CLOSE_BY_SERVER, 3), (given_up, Certainty::Weak));
    }

    #[test]
    fn data_name_their_direction() {
        let from_server = |text| match done(text, 3).0 {
            Body::Data { from_server, sequence, .. } => (from_server, sequence),
            _ => (None, None),
        };
        assert_eq!(from_server(vectors::BIND), (Some(false), Some(2)));
        assert_eq!(from_server(vectors::AUDIO), (Some(true), Some(0x0966)));
        assert_eq!(from_server(vectors::RTCP), (Some(true), Some(9)));
    }

    #[test]
    fn binds_name_meeting_and_kind_of_media() {
        let bind =
            |meeting: &str, ssrc| Bind { meeting: *hex(meeting).first_chunk().unwrap(), ssrc: Ssrc(ssrc) };
        let (old, new) = ("218e9c3928c44b2fa9027072822e56f6", "0da7a289330548fdb556c5d10b78e908");
        let video = bind("f4f1637b56e5487cb39ec30fc8993d51", 0x01000401);
        assert_eq!(carried(vectors::BIND, 3), Media::Bind(video));
        assert_eq!((video.ssrc.kind(), video.ssrc.participant()), (MediaKind::Video, 4));
        assert_eq!(carried(vectors::BIND_ACK, 3), Media::BindAck(bind(new, 0x01000801)));
        assert_eq!(carried(vectors::BIND_WRAPPED, 3), Media::Bind(bind(new, 0x01000803)));
        let share = bind("797b24f414c548a48185e5433f25dbd7", 0x01000403);
        assert_eq!(carried(vectors::BIND_ACK_WRAPPED, 3), Media::BindAck(share));
        assert_eq!(carried(vectors::BIND_VERSION_2, 2), Media::Bind(bind(old, 0x01000401)));
        assert_eq!(carried(vectors::BIND_WRAPPED_VERSION_2, 2), Media::Bind(bind(old, 0x01000403)));
        assert_eq!(carried(vectors::BIND_ACK_WRAPPED_VERSION_2, 2), Media::BindAck(bind(old, 0x01000403)));
    }

    #[test]
    fn streams_are_read_where_their_header_points() {
        let stream = |kind, payload_type, sequence, timestamp, ssrc| {
            let rtp = Rtp { payload_type, sequence, timestamp, ssrc: Ssrc(ssrc) };
            Media::Stream(Stream { kind, rtp })
        };
        let audio = stream(MediaKind::Audio, 113, 0x2932, 0x00001e40, 0x01000402);
        assert_eq!(carried(vectors::AUDIO, 3), audio);
        assert_eq!(carried(vectors::VIDEO, 3), stream(MediaKind::Video, 98, 0x1e1f, 0xf3e78486, 0x01000801));
        assert_eq!(carried(vectors::SHARE_WRAPPED, 3), stream(MediaKind::Share, 99, 1, 0, 0x01000403));
        let report = Rtcp { kind: MediaKind::Audio, packet_type: 200, ssrc: Ssrc(0x01000402) };
        assert_eq!(carried(vectors::RTCP, 3), Media::Rtcp(report));
    }

    #[test]
    fn volume_without_media_is_told_apart() {
        assert_eq!(carried(vectors::PROBE, 3), Media::Probe { filler: true });
        assert_eq!(carried(vectors::PROBE_FEEDBACK, 3), Media::Probe { filler: false });
        assert_eq!(carried(vectors::ACK, 3), Media::Ack);
        assert_eq!(carried(vectors::ACK_VERSION_2, 2), Media::Ack);
        let unknown = whole(&hex("05 0001 00000001 00 20 0000"), None).done().unwrap();
        assert_eq!(unknown.certainty, Certainty::Weak);
    }

    #[test]
    fn every_vector_is_read_alike_without_a_known_version() {
        for (text, version) in vectors::MESSAGES {
            let bytes = hex(text);
            assert_eq!(whole(&bytes, None), whole(&bytes, Some(Version(version))), "{text}");
        }
    }

    #[test]
    fn every_cut_of_a_vector_wants_more_or_says_the_same() {
        for (text, version) in vectors::MESSAGES {
            let bytes = hex(text);
            let wire_len = u32::try_from(bytes.len()).unwrap();
            let all = message(&bytes, wire_len, Some(Version(version))).done().unwrap();
            for length in 0..bytes.len() {
                match message(&bytes[..length], wire_len, Some(Version(version))) {
                    Read::More => {}
                    Read::Done(cut) => assert_eq!((cut.body, cut.version), (all.body, all.version), "{text}"),
                    Read::NotMine(why) => panic!("{why}: {text} at {length}"),
                }
            }
        }
    }

    #[test]
    fn a_datagram_that_ends_early_never_wants_more() {
        for (text, version) in vectors::MESSAGES {
            let bytes = hex(text);
            for length in 0..bytes.len() {
                assert_ne!(whole(&bytes[..length], Some(Version(version))), Read::More, "{text} at {length}");
            }
        }
    }

    #[test]
    fn what_does_not_hold_together_is_refused() {
        // A list of fields that runs past the end; one that ends before the message does.
        assert_eq!(refusal("03 00000001 02278f6a 003a63f2 01 05 40 00"), "shorter than the header it claims");
        assert_eq!(
            refusal("03 00000001 02278f6a 003a63f2 01 02 01 aa 00 00"),
            "bytes behind the end of the message"
        );
        assert_eq!(refusal("03 00000001 02278f6a 003a63f2 80"), "flags of no known meaning");
        assert_eq!(refusal("05 0001 003a63f2 01 07 09 00 00"), "shorter than the header it claims");
        assert_eq!(
            refusal("05 0001 003a63f2 02 15 0100000000000000 33"),
            "data with flags of no known meaning"
        );
        // A header length beyond the payload; RTP of another version; audio that claims another length.
        let long = vectors::VIDEO.replace("16 18 0c03", "16 f0 0c03");
        assert_eq!(refusal(&long), "shorter than the header it claims");
        assert_eq!(refusal(&vectors::VIDEO.replace("90 62", "50 62")), "no RTP where the header points");
        assert_eq!(
            refusal(&vectors::AUDIO.replace("000e", "000f")),
            "audio of another length than it claims"
        );
        assert_eq!(
            refusal(&vectors::AUDIO.replace("00fb90", "00fb91")),
            "media without the constant of the layer"
        );
        assert_eq!(
            refusal(&vectors::RTCP.replace("80 c8 0006", "80 c8 0066")),
            "RTCP longer than its datagram"
        );
        assert_eq!(refusal(&vectors::HELLO.replace("00000002", "00000003")), "a hello without its constants");
        assert_eq!(
            refusal(&vectors::HELLO.replace("01 0003", "01 0101")),
            "a hello of an impossible version"
        );
        assert_eq!(
            refusal(&vectors::CLOSE.replace("004f837a", "00000000")),
            "a message without the id of its socket"
        );
        assert_eq!(refusal(""), "shorter than the header it claims");
    }

    #[test]
    fn wrappers_nest_twice_and_no_deeper() {
        let wrapper = "0d 4206 0004 0000 ";
        let nested = |times| {
            format!("05 0014 0064db65 00 {}0a 06 00000000 000000000000000000000000 00", wrapper.repeat(times))
        };
        assert_eq!(carried(&nested(2), 3), Media::Ack);
        assert_eq!(refusal(&nested(3)), "wrapped too often");
    }

    #[test]
    fn webrtc_on_the_same_port_is_refused() {
        // STUN with the cookie, its success response, a DTLS record, a QUIC Initial.
        for text in
            ["0001 0000 2112a442 000000000000000000000000", "0101 0000 2112a442 000000000000000000000000"]
        {
            assert!(matches!(whole(&hex(text), None), Read::NotMine(_)), "{text}");
        }
        for text in ["16 fefd 0000000000000000 0001 01", "c0 00000001 08 0102030405060708 00 00"] {
            assert_eq!(refusal(text), "the first byte is no kind of message");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            mut bytes in prop::collection::vec(any::<u8>(), 1..200),
            kind in prop::sample::select(vec![1_u8, 2, 3, 4, 5, 7]),
            wire_len in 0_u32..300,
            version in prop::option::of(2_u16..4),
        ) {
            bytes[0] = kind;
            let version = version.map(Version);
            let read = message(&bytes, wire_len, version);
            // What is done for a cut datagram is the same, or refused, for a longer one.
            if let Read::Done(first) = read && version.is_some() {
                let again = message(&[&bytes[..], &[0; 40]].concat(), wire_len, version);
                let same = again.done().is_none_or(|second| second.body == first.body);
                prop_assert!(same && again != Read::More);
            }
        }

        #[test]
        fn a_broken_vector_is_read_without_panic(at in 0_usize..140, byte: u8, which in 0_usize..23) {
            let (text, version) = vectors::MESSAGES[which];
            let mut bytes = hex(text);
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = whole(&bytes, Some(Version(version)));
            let _ = whole(&bytes, None);
        }
    }
}

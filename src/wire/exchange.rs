//! One HTTP request with its answer, in the form that every source of decrypted traffic gives: streams opened with keys,
//! HAR files, mitmproxy's flow files.
//!
//! Input: nothing; readers fill it in. Output: [`Exchange`], with the frames that it was read from where it has any.
//! Texts are bytes as they were sent, not escaped: whoever shows them cleans them. Must not: read or decode anything.

use std::net::IpAddr;

use crate::frame::{FrameRef, Timestamp};

/// One request and its answer, or what was seen of them.
#[derive(Clone, PartialEq, Debug)]
pub struct Exchange {
    /// When its first byte was seen; in imports, what the file says.
    pub start: Timestamp,
    /// When its last byte was seen, of either side.
    pub end: Timestamp,
    /// Which kind of source it is from.
    pub origin: Origin,
    /// The connection it went over, numbered in its source from 0; `None` where the source does not tell connections apart.
    pub connection: Option<u64>,
    /// The stream in its connection (RFC 9113 section 5.1.1); `None` below HTTP/2.
    pub stream: Option<u32>,
    /// The version of HTTP that was spoken.
    pub version: Version,
    /// The method; `None` where the request, or the entry of its table, was not seen.
    pub method: Option<Box<[u8]>>,
    /// `https`, `http`, or what the request says.
    pub scheme: Option<Box<[u8]>>,
    /// Host and port that the request names: `:authority`, an absolute target or `Host`.
    pub authority: Option<Box<[u8]>>,
    /// The path with its query.
    pub path: Option<Box<[u8]>>,
    /// The server's address and port.
    pub peer: Option<Peer>,
    /// The server name of the connection's TLS handshake.
    pub server_name: Option<Box<[u8]>>,
    /// The request; `None` where nothing of it was seen.
    pub request: Option<Message>,
    /// Interim answers (1xx) before the final one, at most 16.
    pub interim: Vec<u16>,
    /// The status of the final answer.
    pub status: Option<u16>,
    /// The final answer; `None` where none was seen.
    pub response: Option<Message>,
    /// What went over the WebSocket that the exchange opened.
    pub web_socket: Option<WebSocket>,
    /// What was odd about it, each once, in the order of the list.
    pub notes: Vec<Note>,
}

impl Exchange {
    /// An exchange of which nothing is known but its source, version and time.
    #[must_use]
    pub const fn new(origin: Origin, version: Version, start: Timestamp) -> Self {
        Self {
            start,
            end: start,
            origin,
            connection: None,
            stream: None,
            version,
            method: None,
            scheme: None,
            authority: None,
            path: None,
            peer: None,
            server_name: None,
            request: None,
            interim: Vec::new(),
            status: None,
            response: None,
            web_socket: None,
            notes: Vec::new(),
        }
    }

    /// Adds a note that is not there yet.
    pub fn note(&mut self, note: Note) {
        if let Err(at) = self.notes.binary_search(&note) {
            self.notes.insert(at, note);
        }
    }

    /// The host that the request names, without its port; the brackets of IPv6 addresses are left out.
    #[must_use]
    pub fn host(&self) -> Option<&[u8]> {
        let authority = self.authority.as_deref()?;
        if let Some(inside) = authority.strip_prefix(b"[") {
            return inside.split(|&byte| byte == b']').next();
        }
        authority.split(|&byte| byte == b':').next().filter(|host| !host.is_empty())
    }
}

/// Which kind of source an exchange is from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// A capture, opened with keys or in clear.
    Capture,
    /// A HAR file, as browsers and proxies write it.
    Har,
    /// A flow file of mitmproxy.
    Mitmproxy,
}

/// A version of HTTP.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Version {
    /// HTTP/1.0 (RFC 1945).
    Http10,
    /// HTTP/1.1 (RFC 9112).
    Http11,
    /// HTTP/2 (RFC 9113).
    Http2,
    /// HTTP/3 (RFC 9114); imports alone have it.
    Http3,
    /// The source does not say, or names none of these.
    Unknown,
}

/// A server's address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Peer {
    /// Its IP address.
    pub address: IpAddr,
    /// Its port, where the source gives one.
    pub port: Option<u16>,
}

/// A request or an answer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Message {
    /// Its headers in order, without those of HTTP/2 that begin with a colon.
    pub headers: Vec<Header>,
    /// Fields behind the body (RFC 9110 section 6.5).
    pub trailers: Vec<Header>,
    /// Its content.
    pub body: Body,
    /// The first and the last frame that it was read from; `None` in imports.
    pub frames: Option<(FrameRef, FrameRef)>,
}

impl Message {
    /// The value of the first header of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        header(&self.headers, name)
    }

    /// The frames it was read from reach to this one, too.
    pub(crate) fn reach(&mut self, frame: FrameRef) {
        self.frames = Some(self.frames.map_or((frame, frame), |(first, _)| (first, frame)));
    }
}

/// The value of the first of these headers that has this name, whatever its case.
#[must_use]
pub fn header<'a>(headers: &'a [Header], name: &str) -> Option<&'a [u8]> {
    values(headers, name).next()
}

/// The values of all headers of this name, whatever its case.
pub fn values<'a>(headers: &'a [Header], name: &str) -> impl Iterator<Item = &'a [u8]> {
    let named = move |header: &&Header| {
        header.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()))
    };
    headers.iter().filter(named).filter_map(|header| header.value.as_deref())
}

/// A header field. A part is `None` where it stood in a compression table whose earlier entries were not captured; no
/// bytes that can be sent look like that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Its name, as it was written.
    pub name: Option<Box<[u8]>>,
    /// Its value.
    pub value: Option<Box<[u8]>>,
}

impl Header {
    /// A header of which both parts are known.
    #[must_use]
    pub fn new(name: impl Into<Box<[u8]>>, value: impl Into<Box<[u8]>>) -> Self {
        Self { name: Some(name.into()), value: Some(value.into()) }
    }

    /// About the bytes of memory that headers take.
    pub(crate) fn memory(headers: &[Self]) -> usize {
        let part = |part: &Option<Box<[u8]>>| part.as_ref().map_or(0, |part| part.len() + ALLOCATED);
        let of = |header: &Self| size_of::<Self>() + part(&header.name) + part(&header.value);
        headers.iter().map(of).sum()
    }
}

/// About the bytes that an allocator takes beside what it gives.
const ALLOCATED: usize = 16;

/// The content of a message.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Body {
    /// Bytes of it on the wire, still encoded, with those that were not kept; `None` where the source does not say.
    pub wire_len: Option<u64>,
    /// How it was encoded, in the order in which that was done.
    pub encodings: Vec<Encoding>,
    /// Encodings that are still on `decoded`, in the same order; none where it is plain.
    pub remaining: Vec<Encoding>,
    /// The content, at most [`Limits::body`] bytes.
    pub decoded: Vec<u8>,
    /// What is missing or doubtful of it.
    pub notes: Vec<BodyNote>,
}

/// A content coding (RFC 9110 section 8.4.1) or a transfer coding.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Encoding {
    /// `br` (RFC 7932).
    Brotli,
    /// `deflate`: zlib (RFC 1950), or bare (RFC 1951), as some send it and `WebSockets` do.
    Deflate,
    /// `gzip` (RFC 1952).
    Gzip,
    /// Another, by its name in lower case, at most 32 bytes.
    Other(Box<[u8]>),
    /// `zstd` (RFC 8878).
    Zstd,
}

/// What is missing of a body, or doubtful.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum BodyNote {
    /// The source writes it decoded, whatever its headers say.
    AlreadyDecoded,
    /// It is binary and came as text, one character for each byte; the bytes are made from that.
    BinaryAsText,
    /// Its message depends on one before it that was not read, so it is still packed.
    ContextLost,
    /// It is not encoded as it says, or broken on the way; what came before that is there.
    Damaged(Encoding),
    /// So many bytes are missing in the capture, where that is known; what follows them is not kept.
    Gap(Option<u64>),
    /// The source has turned bytes that are no text into replacement characters.
    LossyText,
    /// So many bytes on the wire were not kept: they are past a limit, or stand behind a gap.
    NotKept(u64),
    /// The source has no content of it.
    Omitted,
    /// It unpacks to more than [`Limits::body`] or [`Limits::ratio`] allow; the first part is there.
    Oversize,
    /// It was put together from a list of its fields.
    Rebuilt,
    /// It ends before its end.
    Truncated,
    /// It has an encoding that is not known here, or more of them than are undone.
    UnknownEncoding,
}

/// What went over a WebSocket (RFC 6455).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WebSocket {
    /// Its text and binary messages, in the order in which they ended, both ways.
    pub messages: Vec<WebSocketMessage>,
    /// Pings and pongs.
    pub control: u64,
    /// The first close frame's code (section 7.4); 0 where it has none.
    pub close: Option<u16>,
    /// Messages past [`Limits::messages`], which are counted alone.
    pub not_kept: u64,
}

/// One message of a WebSocket.
#[derive(Clone, PartialEq, Debug)]
pub struct WebSocketMessage {
    /// Whether the client sent it.
    pub from_client: bool,
    /// Whether it is text (opcode 1) and not binary (opcode 2).
    pub is_text: bool,
    /// When its last byte was seen.
    pub time: Timestamp,
    /// Its first and last frame; `None` in imports.
    pub frames: Option<(FrameRef, FrameRef)>,
    /// Its content.
    pub body: Body,
}

/// What was odd about an exchange.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Note {
    /// The source says that it failed or was blocked.
    Failed,
    /// Bytes that the capture lacks touch it.
    Gap,
    /// The server said that it had not acted on it (GOAWAY, RFC 9113 section 6.8).
    GoneAway,
    /// Some headers are past [`Limits::headers`] and not kept.
    HeadersCut,
    /// Its headers cannot be read to their end; what came before that is there.
    HeadersDamaged,
    /// Some of its headers stood in a compression table that was not captured.
    HeadersLost,
    /// There was no answer when the connection or the capture ended.
    NoAnswer,
    /// It was handed out early, because more were open at once than [`Limits::streams`].
    NoRoom,
    /// The server sent it unasked (`PUSH_PROMISE`, RFC 9113 section 8.4).
    Pushed,
    /// Nothing was seen of the request.
    RequestNotSeen,
    /// Its stream was ended with this error (`RST_STREAM`, RFC 9113 section 7).
    Reset(u32),
    /// The source does not say when it was, so its times are 1970.
    TimeUnknown,
    /// A message of it had not ended when the connection or the capture did.
    Unfinished,
    /// It stands in a file of a version that was not tried.
    UntestedVersion,
}

/// What readers of HTTP keep at most; what is beyond is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of one body, both packed and unpacked.
    pub body: usize,
    /// Bytes of one message's headers.
    pub headers: usize,
    /// Exchanges open at once in a connection.
    pub streams: usize,
    /// Bytes of bodies that a connection, or an import as a whole, holds at once. What exchanges of a connection take beside
    /// their bodies has as much room.
    pub held: usize,
    /// How many times its packed length a body may have, past its first [`Limits::RATIO_FLOOR`] bytes.
    pub ratio: usize,
    /// Messages of one WebSocket.
    pub messages: usize,
}

impl Limits {
    /// Bodies up to so many bytes are unpacked whatever the ratio.
    pub const RATIO_FLOOR: usize = 1 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 8 << 20,
            headers: 256 << 10,
            streams: 1024,
            held: 64 << 20,
            ratio: 1000,
            messages: 65_536,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_ports() {
        let mut exchange = Exchange::new(Origin::Har, Version::Http11, Timestamp::from_nanos(0));
        for (authority, host) in [
            ("zoom.us", Some("zoom.us")),
            ("zoom.us:443", Some("zoom.us")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            (":443", None),
        ] {
            exchange.authority = Some(authority.as_bytes().into());
            assert_eq!(exchange.host(), host.map(str::as_bytes), "{authority}");
        }
    }

    #[test]
    fn notes_stand_once_and_in_order() {
        let mut exchange = Exchange::new(Origin::Har, Version::Http11, Timestamp::from_nanos(0));
        for note in [Note::Reset(8), Note::Gap, Note::Reset(8)] {
            exchange.note(note);
        }
        assert_eq!(exchange.notes, [Note::Gap, Note::Reset(8)]);
    }
}

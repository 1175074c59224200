//! TLS handshakes in clear: what a client asks for and what a server answers, up to its certificate.
//!
//! Input: one direction of a TCP connection from its first byte, or handshake messages without records as
//! QUIC has them. Output: [`ClientHello`] or [`ServerFlight`]. RFC 8446 (1.3), 5246 (1.2), 6066 (server
//! name), 7301 (ALPN).
//!
//! An inspector reads what a server would refuse: only the structure is checked, an extension that cannot be
//! read is passed over. What the message says is evidence, never proof: the name is what the client asked
//! for. Must not: decrypt, verify, or hold more than [`MAX_HELLO`] bytes.

mod records;

use crate::wire::certificate::{self, CertificateNames};
use crate::wire::cursor::Cursor;
use crate::wire::{Hostname, Read};
use records::End;

/// The longest hello, and the most of a server's flight, that is read, in bytes. The largest hello in the
/// captures that this was tested with has 11,414.
pub const MAX_HELLO: usize = 64 * 1024;

/// TLS 1.3 as a protocol version; its drafts (0x7f..) are above it and behave like it.
pub const TLS_1_3: u16 = 0x0304;

/// What a client says first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientHello {
    /// The name of the server that it wants.
    pub server_name: ServerName,
    /// The protocols it offers, most wanted first, at most 64. What is not visible ASCII is shown as
    /// `0x0a0a`.
    pub alpn: Vec<Box<str>>,
    /// The versions it offers in `supported_versions`, most wanted first, without GREASE (RFC 8701); empty
    /// where it sent no such extension, and then `legacy_version` is its highest.
    pub versions: Vec<u16>,
    /// The version in the message's head.
    pub legacy_version: u16,
    /// The client's random, which it keeps in a second hello of the same handshake (RFC 8446 section 4.1.2).
    pub random: [u8; 32],
    /// Whether extension 0xfe0d is there. It may be GREASE: a real encrypted hello looks the same, and then
    /// the server name is the public one of the front.
    pub ech: bool,
    /// Whether the extension 41 is there: it goes on with an earlier session (RFC 8446 section 4.2.11), and has one extension more
    /// than the same client's first hello.
    pub resumes: bool,
    /// What it offers, by which a fingerprint tells one TLS stack from another.
    pub offer: Offer,
    /// Whether the extensions were whole. If not, one that was not seen may be in the part that is missing.
    pub complete: bool,
}

/// The code points of a hello that its TLS stack chooses, without GREASE (RFC 8701).
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Offer {
    /// All of them, in one piece of memory: most hellos are read only to be found among those that are known.
    codes: Vec<u16>,
    /// Where the suites end.
    suites: usize,
    /// Where the extensions end.
    extensions: usize,
}

impl Offer {
    /// The cipher suites in ascending order.
    #[must_use]
    pub fn suites(&self) -> &[u16] {
        self.codes.get(..self.suites).unwrap_or_default()
    }

    /// The types of all extensions in ascending order: browsers send them in another order each time.
    #[must_use]
    pub fn extensions(&self) -> &[u16] {
        self.codes.get(self.suites..self.extensions).unwrap_or_default()
    }

    /// The signature algorithms in the order of the offer; empty without that extension.
    #[must_use]
    pub fn signatures(&self) -> &[u16] {
        self.codes.get(self.extensions..).unwrap_or_default()
    }

    /// The bytes that it holds beside itself.
    pub(crate) fn bytes(&self) -> usize {
        self.codes.capacity() * size_of::<u16>()
    }

    /// Gives back the room that was taken for more.
    pub(crate) fn shrink(&mut self) {
        self.codes.shrink_to_fit();
    }

    /// An offer of these code points.
    #[cfg(test)]
    pub(crate) fn of(suites: &[u16], extensions: &[u16], signatures: &[u16]) -> Self {
        let bytes = |codes: &[u16]| codes.iter().flat_map(|code| code.to_be_bytes()).collect::<Vec<u8>>();
        let mut offer = Self::begin(&bytes(suites));
        for kind in extensions {
            offer.extension(*kind);
        }
        offer.end(&bytes(signatures));
        offer
    }

    fn begin(suites: &[u8]) -> Self {
        let mut codes = Vec::with_capacity(suites.len() / 2 + USUAL);
        codes.extend(code_points(suites));
        codes.sort_unstable();
        Self { suites: codes.len(), extensions: codes.len(), codes }
    }

    /// One extension more.
    fn extension(&mut self, kind: u16) {
        if !is_grease(kind) {
            self.codes.push(kind);
        }
    }

    /// All extensions are there; the signature algorithms are those of the list.
    fn end(&mut self, signatures: &[u8]) {
        self.extensions = self.codes.len();
        if let Some(extensions) = self.codes.get_mut(self.suites..) {
            extensions.sort_unstable();
        }
        self.codes.extend(code_points(signatures));
    }
}

/// What a hello says about the server's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServerName {
    /// No `server_name` extension.
    Absent,
    /// An extension whose name is no host name, such as an address; its bytes, at most 255. Not safe to
    /// print.
    Invalid(Vec<u8>),
    /// A host name.
    Name(Hostname),
}

/// What a server answers in clear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerFlight {
    /// The version it chose.
    pub version: u16,
    /// The cipher suite it chose, by its number in the IANA registry.
    pub cipher: u16,
    /// Whether it is a HelloRetryRequest: the client sends a second hello.
    pub retry: bool,
    /// The protocol it chose, where it says so in clear (TLS 1.2); shown as in [`ClientHello::alpn`].
    pub alpn: Option<Box<str>>,
    /// Whom its own certificate names. `None` in TLS 1.3 (encrypted), in a resumed session, and where the
    /// certificate cannot be read.
    pub certificate: Option<CertificateNames>,
    /// Whether the flight was read to its certificate, or to where it is plain that there is none in clear.
    /// If not, it broke off or is longer than what is read.
    pub complete: bool,
}

/// Reads the hello at the front of a client's stream, over any number of records. It is `Done` once its
/// extensions are whole, whatever length its head claims.
#[must_use]
pub fn client_hello(stream: &[u8]) -> Read<ClientHello> {
    let handshake = match records::handshake(stream) {
        Read::Done(handshake) => handshake,
        Read::More => return Read::More,
        Read::NotMine(why) => return Read::NotMine(why),
    };
    match client_hello_message(&handshake.bytes) {
        Read::More if handshake.end != End::Open => {
            Read::NotMine("hello that is broken off, or longer than 64 KiB")
        }
        answer => answer,
    }
}

/// Reads the hello at the front of handshake messages that have no records around them, as in QUIC's CRYPTO
/// frames.
#[must_use]
pub fn client_hello_message(handshake: &[u8]) -> Read<ClientHello> {
    let message = match first_message(handshake, CLIENT_HELLO) {
        Read::Done(message) => message,
        Read::More => return Read::More,
        Read::NotMine(why) => return Read::NotMine(why),
    };
    match hello(message.body, message.is_whole(), Transport::Stream) {
        Some(hello) if hello.complete => Read::Done(hello),
        _ if message.is_whole() => Read::NotMine("malformed client hello"),
        _ => Read::More,
    }
}

/// What a hello says whose rest will never come: the stream ended, or bytes of it were not captured. `None`
/// where it is no hello or breaks off before its extensions.
#[must_use]
pub fn cut_client_hello(stream: &[u8]) -> Option<ClientHello> {
    let handshake = records::handshake(stream).done()?;
    cut_client_hello_message(&handshake.bytes)
}

/// The same without records around it.
#[must_use]
pub fn cut_client_hello_message(handshake: &[u8]) -> Option<ClientHello> {
    let message = first_message(handshake, CLIENT_HELLO).done()?;
    hello(message.body, message.is_whole(), Transport::Stream)
}

/// Reads the body of a hello of DTLS (RFC 6347 section 4.2.1), which has a cookie more.
pub(super) fn datagram_client_hello(body: &[u8]) -> Option<ClientHello> {
    hello(body, true, Transport::Datagrams)
}

/// Reads the body of a `ServerHello` of DTLS.
pub(super) fn datagram_server_hello(body: &[u8]) -> Option<ServerFlight> {
    server_hello(body, Transport::Datagrams)
}

/// What a `ServerHello` settles for the keys of its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ServerChoice {
    /// The server's random.
    pub(crate) random: [u8; RANDOM],
    /// The version it chose.
    pub(crate) version: u16,
    /// The cipher suite it chose.
    pub(crate) cipher: u16,
    /// Whether it is a HelloRetryRequest.
    pub(crate) is_retry: bool,
}

/// Reads the body of a `ServerHello` for its keys; `None` where it is none.
pub(crate) fn server_choice(body: &[u8]) -> Option<ServerChoice> {
    let ServerFlight { version, cipher, retry, .. } = server_hello(body, Transport::Stream)?;
    Some(ServerChoice { random: hello_random(body)?, version, cipher, is_retry: retry })
}

/// The random in the body of a hello, the client's or the server's; `None` where it is none.
pub(crate) fn hello_random(body: &[u8]) -> Option<[u8; RANDOM]> {
    let mut cursor = Cursor::new(body);
    cursor.u16().filter(|version| Transport::Stream.has(*version))?;
    cursor.array()
}

/// Whom the certificate names in a `Certificate` message of TLS 1.3 (RFC 8446 section 4.4.2); `None` where it cannot be read.
#[must_use]
pub fn certificate_names(body: &[u8]) -> Option<CertificateNames> {
    let mut cursor = Cursor::new(body);
    let _context = cursor.vector8()?;
    leaf(cursor.rest()).and_then(certificate::names)
}

/// Reads a server's answer at the front of its stream: `More` until the certificate is there or it is plain
/// that none comes in clear.
#[must_use]
pub fn server_flight(stream: &[u8]) -> Read<ServerFlight> {
    match flight(stream) {
        Read::Done((_, End::Open)) => Read::More,
        answer => answer.map(|(flight, _)| flight),
    }
}

/// What a server's answer says whose rest will never come. `None` where its `ServerHello` is not whole.
#[must_use]
pub fn cut_server_flight(stream: &[u8]) -> Option<ServerFlight> {
    flight(stream).done().map(|(flight, _)| flight)
}

/// Whether a code point is one of those that clients send to keep servers tolerant (RFC 8701).
#[must_use]
pub const fn is_grease(code: u16) -> bool {
    code & 0x0f0f == 0x0a0a && code >> 8 == code & 0xff
}

/// A handshake message: its type, its length, and what is there of its body.
struct Message<'a> {
    kind: u8,
    length: usize,
    body: &'a [u8],
}

impl Message<'_> {
    fn is_whole(&self) -> bool {
        self.body.len() == self.length
    }
}

/// The next message; `None` where not even its head is whole.
fn message<'a>(cursor: &mut Cursor<'a>) -> Option<Message<'a>> {
    let mut ahead = *cursor;
    let kind = ahead.u8()?;
    let length = usize::try_from(ahead.u24()?).ok()?;
    let body = ahead.take(length.min(ahead.rest().len()))?;
    *cursor = ahead;
    Some(Message { kind, length, body })
}

/// The first message, which has to be of type `kind`; `More` where its head is not whole.
fn first_message(handshake: &[u8], kind: u8) -> Read<Message<'_>> {
    if handshake.first().is_some_and(|&first| first != kind) {
        return Read::NotMine("another handshake message first");
    }
    match message(&mut Cursor::new(handshake)) {
        Some(message) => Read::Done(message),
        None => Read::More,
    }
}

/// What carries the handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    /// TLS over TCP or QUIC.
    Stream,
    /// DTLS.
    Datagrams,
}

impl Transport {
    /// Whether a version in a message's head is one of its own: DTLS counts down from 0xfeff.
    const fn has(self, version: u16) -> bool {
        matches!((self, version >> 8), (Self::Stream, 3) | (Self::Datagrams, 0xfe))
    }
}

/// Reads a hello as far as it goes; `None` where it ends before the extensions or contradicts itself.
fn hello(body: &[u8], is_whole: bool, transport: Transport) -> Option<ClientHello> {
    let mut cursor = Cursor::new(body);
    let legacy_version = cursor.u16().filter(|version| transport.has(*version))?;
    let random = cursor.array::<RANDOM>()?;
    let _session = cursor.vector8().filter(|session| session.len() <= 32)?;
    if transport == Transport::Datagrams {
        let _cookie = cursor.vector8()?;
    }
    let suites = cursor.vector16().filter(|suites| !suites.is_empty() && suites.len() % 2 == 0)?;
    let _compressions = cursor.vector8()?;
    let mut hello = ClientHello {
        server_name: ServerName::Absent,
        alpn: Vec::new(),
        versions: Vec::new(),
        legacy_version,
        random,
        ech: false,
        resumes: false,
        offer: Offer::begin(suites),
        complete: is_whole,
    };
    if cursor.is_empty() {
        return Some(hello);
    }
    let mut signatures: &[u8] = &[];
    hello.complete = extensions(cursor, |kind, data| {
        hello.offer.extension(kind);
        match kind {
            SERVER_NAME if hello.server_name == ServerName::Absent => hello.server_name = server_name(data),
            ALPN if hello.alpn.is_empty() => hello.alpn = protocols(data),
            SIGNATURE_ALGORITHMS if signatures.is_empty() => {
                signatures = Cursor::new(data).vector16().unwrap_or_default();
            }
            SUPPORTED_VERSIONS if hello.versions.is_empty() => hello.versions = versions(data),
            PRE_SHARED_KEY => hello.resumes = true,
            ENCRYPTED_CLIENT_HELLO => hello.ech = true,
            _ => {}
        }
    });
    hello.offer.end(signatures);
    Some(hello)
}

/// The numbers of two bytes in a row, without GREASE.
fn code_points(list: &[u8]) -> impl Iterator<Item = u16> {
    let pairs = list.chunks_exact(2).filter_map(|pair| pair.try_into().ok().map(u16::from_be_bytes));
    pairs.filter(|&code| !is_grease(code))
}

/// Extensions and signature algorithms for which there is room at first: browsers send 15 to 20 and 8 to 12.
const USUAL: usize = 48;

/// Hands every whole extension to `note`, in order; whether they all were whole.
fn extensions<'a>(mut cursor: Cursor<'a>, mut note: impl FnMut(u16, &'a [u8])) -> bool {
    let whole = { cursor }.vector16();
    let mut cursor = match whole {
        Some(block) => Cursor::new(block),
        None => cursor.u16().map_or(Cursor::new(&[]), |_| cursor),
    };
    while let Some((kind, data)) = extension(&mut cursor) {
        note(kind, data);
    }
    whole.is_some() && cursor.is_empty()
}

fn extension<'a>(cursor: &mut Cursor<'a>) -> Option<(u16, &'a [u8])> {
    let mut ahead = *cursor;
    let kind = ahead.u16()?;
    let data = ahead.vector16()?;
    *cursor = ahead;
    Some((kind, data))
}

/// Reads the `server_name` extension of a client (RFC 6066 section 3).
fn server_name(data: &[u8]) -> ServerName {
    let name = listed_host_name(data);
    match name.and_then(Hostname::parse) {
        Some(name) => ServerName::Name(name),
        None => ServerName::Invalid(name.unwrap_or(data).iter().copied().take(255).collect()),
    }
}

/// The first name of type `host_name` in a `ServerNameList`.
fn listed_host_name(data: &[u8]) -> Option<&[u8]> {
    let mut names = Cursor::new(Cursor::new(data).vector16()?);
    while let Some(kind) = names.u8() {
        let name = names.vector16()?;
        if kind == HOST_NAME {
            return Some(name);
        }
    }
    None
}

/// Reads a `ProtocolNameList` (RFC 7301 section 3.1).
fn protocols(data: &[u8]) -> Vec<Box<str>> {
    let mut names = Cursor::new(Cursor::new(data).vector16().unwrap_or_default());
    std::iter::from_fn(|| names.vector8()).take(MAX_PROTOCOLS).map(protocol).collect()
}

/// A protocol's name as text.
fn protocol(name: &[u8]) -> Box<str> {
    match str::from_utf8(name) {
        Ok(text) if !name.is_empty() && name.iter().all(u8::is_ascii_graphic) => text.into(),
        _ => name.iter().fold(String::from("0x"), |hex, byte| hex + &format!("{byte:02x}")).into(),
    }
}

/// Reads the `supported_versions` extension of a client (RFC 8446 section 4.2.1).
fn versions(data: &[u8]) -> Vec<u16> {
    code_points(Cursor::new(data).vector8().unwrap_or_default()).collect()
}

/// Reads a server's flight as far as it goes. `Done` once its `ServerHello` is whole, with how the stream
/// ended where the certificate is still open.
fn flight(stream: &[u8]) -> Read<(ServerFlight, End)> {
    let handshake = match records::handshake(stream) {
        Read::Done(handshake) => handshake,
        Read::More => return Read::More,
        Read::NotMine(why) => return Read::NotMine(why),
    };
    let first = match first_message(&handshake.bytes, SERVER_HELLO) {
        Read::Done(message) if message.length > MAX_HELLO => {
            return Read::NotMine("hello longer than 64 KiB");
        }
        Read::Done(message) => message,
        Read::More => return broken_off(handshake.end),
        Read::NotMine(why) => return Read::NotMine(why),
    };
    if !first.is_whole() {
        return broken_off(handshake.end);
    }
    let Some(mut flight) = server_hello(first.body, Transport::Stream) else {
        return Read::NotMine("malformed server hello");
    };
    let settled = flight.version >= TLS_1_3 || flight.note_certificate(&handshake.bytes);
    flight.complete = settled || handshake.end == End::ChangeCipherSpec;
    let end = if flight.complete { End::Other } else { handshake.end };
    Read::Done((flight, end))
}

fn broken_off<T>(end: End) -> Read<T> {
    if end == End::Open { Read::More } else { Read::NotMine("server hello broken off by another record") }
}

/// Reads a `ServerHello`'s body.
fn server_hello(body: &[u8], transport: Transport) -> Option<ServerFlight> {
    let mut cursor = Cursor::new(body);
    let legacy_version = cursor.u16().filter(|version| transport.has(*version))?;
    let random = cursor.take(RANDOM)?;
    let _session = cursor.vector8().filter(|session| session.len() <= 32)?;
    let cipher = cursor.u16()?;
    let _compression = cursor.u8()?;
    let mut flight = ServerFlight {
        version: legacy_version,
        cipher,
        retry: random == RETRY_RANDOM,
        alpn: None,
        certificate: None,
        complete: false,
    };
    // Old servers without extensions leave their length out as well (RFC 5246 section 7.4.1.3).
    if cursor.is_empty() {
        return Some(flight);
    }
    let whole = extensions(cursor, |kind, data| match kind {
        ALPN => flight.alpn = protocols(data).into_iter().next(),
        SUPPORTED_VERSIONS => flight.version = Cursor::new(data).u16().unwrap_or(legacy_version),
        _ => {}
    });
    whole.then_some(flight)
}

impl ServerFlight {
    /// Reads on after the `ServerHello` to the certificate; whether it is settled what there is of it.
    fn note_certificate(&mut self, handshake: &[u8]) -> bool {
        let mut cursor = Cursor::new(handshake);
        while let Some(message) = message(&mut cursor) {
            match message.kind {
                CERTIFICATE => {
                    let leaf = leaf(message.body);
                    self.certificate = leaf.and_then(certificate::names);
                    return leaf.is_some() || message.is_whole();
                }
                SERVER_HELLO_DONE => return true,
                _ => {}
            }
        }
        false
    }
}

/// The server's own certificate out of a `Certificate` message of TLS 1.2, which may not be whole yet (RFC
/// 5246 section 7.4.2: it comes first in the list).
pub(super) fn leaf(body: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(body);
    let _list_length = cursor.u24()?;
    cursor.vector24()
}

/// Handshake message types (RFC 8446 appendix B.3, RFC 5246 section 7.4).
pub(crate) const CLIENT_HELLO: u8 = 1;
pub(crate) const SERVER_HELLO: u8 = 2;
pub(crate) const CERTIFICATE: u8 = 11;
const SERVER_HELLO_DONE: u8 = 14;

/// Extension types (IANA registry of TLS extension values).
const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const PRE_SHARED_KEY: u16 = 41;
const SUPPORTED_VERSIONS: u16 = 43;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// The one type of name in a `ServerNameList` (RFC 6066 section 3).
const HOST_NAME: u8 = 0;

/// Most protocols kept of an offer.
const MAX_PROTOCOLS: usize = 64;

/// Length of a random in bytes.
pub(crate) const RANDOM: usize = 32;

/// The random that marks a HelloRetryRequest: SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3).
const RETRY_RANDOM: [u8; RANDOM] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

#[cfg(test)]
pub(crate) mod tests;

//! DTLS: its records, and what a handshake says in clear (RFC 6347 section 4, RFC 9147 section 4).
//!
//! Input: the datagrams of one direction. Output: the head of a [`Record`], and by [`Handshake`], the memory that the caller
//! keeps, what each side [`Said`]: hellos and the server's certificate, put together from their fragments.
//!
//! Each message comes in fragments of its own, over records and datagrams, in any order and more than once. Where copies
//! differ, what reached the front first stands. Must not: look into what is encrypted, or hold more than [`MAX_MESSAGES`]
//! messages of [`MAX_MESSAGE`] bytes of a direction.

use std::collections::BTreeMap;

use crate::wire::Read;
use crate::wire::certificate::{self, CertificateNames};
use crate::wire::cursor::Cursor;
use crate::wire::pieces::Pieces;
use crate::wire::tls::{self, ClientHello};

/// Messages that are put together at one time.
pub const MAX_MESSAGES: usize = 4;

/// Most bytes of a message that is read; chains of certificates have some thousand.
pub const MAX_MESSAGE: u32 = 32 * 1024;

/// The head of a record with a full header. Encrypted records of DTLS 1.3 and those with connection ids have
/// other headers and are not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// What it holds: 20 change of cipher, 21 alert, 22 handshake, 23 data, 24 heartbeat, 26 acknowledgement.
    pub content_type: u8,
    /// 0xfeff for DTLS 1.0, 0xfefd for 1.2 and 1.3, 0xfefc where 1.3 is named.
    pub version: u16,
}

/// Reads the head of the first record; `None` where it is none, or longer than the datagram.
#[must_use]
pub fn record(bytes: &[u8]) -> Option<Record> {
    next_record(&mut Cursor::new(bytes)).map(|(record, ..)| record)
}

/// Reads a record: its head, its epoch, its body.
fn next_record<'a>(cursor: &mut Cursor<'a>) -> Option<(Record, u16, &'a [u8])> {
    let content_type = cursor.u8().filter(|kind| matches!(kind, 20..=24 | 26))?;
    let version = cursor.u16().filter(|version| matches!(version, 0xfefc | 0xfefd | 0xfeff))?;
    let epoch = cursor.u16()?;
    let _sequence = cursor.take(6)?;
    let body = cursor.vector16()?;
    (1..=MAX_RECORD).contains(&body.len()).then_some((Record { content_type, version }, epoch, body))
}

/// What a side says in clear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// A client's hello. Where the server answers the first with a cookie, the client says it twice, with one random.
    ClientHello(ClientHello),
    /// The server's demand to come again with a cookie (RFC 6347 section 4.2.1).
    HelloVerifyRequest,
    /// A server's hello.
    ServerHello {
        /// The version that it chose: 0xfeff for DTLS 1.0, 0xfefd for 1.2, 0xfefc for 1.3.
        version: u16,
    },
    /// Whom a side's own certificate names; encrypted in DTLS 1.3.
    Certificate(CertificateNames),
}

/// The handshake of one side, fed with its datagrams in the order of capture.
#[derive(Default)]
pub struct Handshake {
    open: BTreeMap<u16, Message>,
    /// Numbers of messages that were read: their copies say nothing new.
    read: u64,
}

/// A message in the making.
struct Message {
    kind: u8,
    length: u32,
    pieces: Pieces,
}

impl Handshake {
    /// Nothing collected yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next datagram and hands back what became whole by it, in order.
    pub fn push(&mut self, datagram: &[u8]) -> Vec<Said> {
        let mut said = Vec::new();
        let mut cursor = Cursor::new(datagram);
        // Every record takes bytes, so a datagram has a bounded number of them.
        while let Some((record, epoch, body)) = next_record(&mut cursor) {
            // Later epochs are encrypted.
            if (record.content_type, epoch) == (HANDSHAKE, 0) {
                self.take(body, &mut said);
            }
        }
        said
    }

    /// Takes the fragments of a record (RFC 6347 section 4.2.2).
    fn take(&mut self, body: &[u8], said: &mut Vec<Said>) {
        let mut cursor = Cursor::new(body);
        while let Some(fragment) = fragment(&mut cursor) {
            said.extend(self.add(&fragment));
        }
    }

    fn add(&mut self, fragment: &Fragment<'_>) -> Option<Said> {
        let is_of_use = matches!(
            fragment.kind,
            tls::CLIENT_HELLO | tls::SERVER_HELLO | HELLO_VERIFY_REQUEST | tls::CERTIFICATE
        );
        let bit = 1_u64.checked_shl(fragment.number.into())?;
        if !is_of_use || self.read & bit != 0 || fragment.length > MAX_MESSAGE {
            return None;
        }
        if self.open.len() >= MAX_MESSAGES && !self.open.contains_key(&fragment.number) {
            // What is missing of the first will hardly come any more.
            self.open.pop_first();
        }
        let &Fragment { kind, length, .. } = fragment;
        let message = self.open.entry(fragment.number).or_insert_with(|| Message {
            kind,
            length,
            pieces: Pieces::default(),
        });
        if (message.kind, message.length) != (kind, length) {
            return None;
        }
        message.pieces.insert(fragment.offset.into(), fragment.data);
        let answer = message.read();
        if answer != Read::More {
            self.open.remove(&fragment.number);
            self.read |= bit;
        }
        answer.done()
    }
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handshake").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

impl Message {
    /// What it says, once enough of it is there.
    fn read(&self) -> Read<Said> {
        let front = self.pieces.front();
        let is_whole = u32::try_from(front.len()).is_ok_and(|length| length >= self.length);
        let said = if self.kind == tls::CERTIFICATE {
            // A side's own comes first, and the others need not be there.
            let leaf = tls::leaf(front);
            if leaf.is_none() && !is_whole {
                return Read::More;
            }
            leaf.and_then(certificate::names).map(Said::Certificate)
        } else if !is_whole {
            return Read::More;
        } else {
            match self.kind {
                tls::CLIENT_HELLO => tls::datagram_client_hello(front).map(Said::ClientHello),
                tls::SERVER_HELLO => tls::datagram_server_hello(front)
                    .map(|hello| Said::ServerHello { version: hello.version }),
                _ => Some(Said::HelloVerifyRequest),
            }
        };
        said.map_or(Read::NotMine("malformed message"), Read::Done)
    }
}

/// A part of a message.
struct Fragment<'a> {
    kind: u8,
    /// The length of the whole message.
    length: u32,
    /// The message's place among its side's messages.
    number: u16,
    offset: u32,
    data: &'a [u8],
}

/// Reads a fragment; `None` where it is not whole or reaches past its message.
fn fragment<'a>(cursor: &mut Cursor<'a>) -> Option<Fragment<'a>> {
    let (kind, length, number, offset) = (cursor.u8()?, cursor.u24()?, cursor.u16()?, cursor.u24()?);
    let data = cursor.vector24()?;
    let end = u32::try_from(data.len()).ok()?.checked_add(offset)?;
    (end <= length).then_some(Fragment { kind, length, number, offset, data })
}

/// The content type of a handshake record, and a type of message that TLS does not have (RFC 6347 section 4.3).
const HANDSHAKE: u8 = 22;
const HELLO_VERIFY_REQUEST: u8 = 3;

/// The most that a record may hold (RFC 6347 section 4.1).
const MAX_RECORD: usize = (1 << 14) + 2048;

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::captures;
    use crate::wire::tls::ServerName;
    use crate::wire::tls::tests::{flight_of_tls_1_2, small_with_name};

    /// The messages at the front of a TLS stream as DTLS 1.2 has them: type, length of its own, body.
    fn messages(stream: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut records = Cursor::new(stream);
        let mut bytes = Vec::new();
        while let Some(22) = records.u8() {
            let _version = records.u16().unwrap();
            bytes.extend_from_slice(records.vector16().unwrap());
        }
        let mut cursor = Cursor::new(&bytes);
        let mut messages = Vec::new();
        while let Some(kind) = cursor.u8() {
            let mut body = cursor.vector24().unwrap().to_vec();
            if matches!(kind, tls::CLIENT_HELLO | tls::SERVER_HELLO) {
                body.splice(..2, [0xfe, 0xfd]);
            }
            if kind == tls::CLIENT_HELLO {
                // Behind version, random and session stands the cookie.
                let at = 35 + usize::from(body[34]);
                body.splice(at..at, [3, b'c', b'o', b'o']);
            }
            messages.push((kind, body));
        }
        messages
    }

    fn u24(number: usize) -> [u8; 3] {
        u32::try_from(number).unwrap().to_be_bytes()[1..].try_into().unwrap()
    }

    /// A record for each fragment of `size` bytes of each message, the first of which has that number.
    pub(crate) fn records(stream: &[u8], first: u16, size: usize) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        for (number, (kind, body)) in (first..).zip(messages(stream)) {
            for (at, data) in (0..).step_by(size).zip(body.chunks(size)) {
                let head = [&[kind][..], &u24(body.len()), &number.to_be_bytes(), &u24(at), &u24(data.len())]
                    .concat();
                let length = u16::try_from(head.len() + data.len()).unwrap();
                records.push(
                    [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 7][..], &length.to_be_bytes(), &head, data]
                        .concat(),
                );
            }
        }
        records
    }

    /// A client's hello for that name, and a server's flight, in fragments of `size` bytes.
    pub(crate) fn hello_and_flight(name: [u8; 13], certified: &[&str], size: usize) -> [Vec<Vec<u8>>; 2] {
        [records(&small_with_name(name), 1, size), records(&flight_of_tls_1_2(certified), 1, size)]
    }

    fn read(datagrams: &[Vec<u8>]) -> Vec<Said> {
        let mut handshake = Handshake::new();
        datagrams.iter().flat_map(|datagram| handshake.push(datagram)).collect()
    }

    #[test]
    fn messages_are_put_together_from_fragments_in_any_order() {
        for size in [1, 50, 4000] {
            let [hello, flight] = hello_and_flight(*b"Webex.Zoom.us", &["*.b.example", "a.example"], size);
            let said = read(&hello);
            let [Said::ClientHello(hello)] = &said[..] else { panic!("{said:?}") };
            assert!(matches!(&hello.server_name, ServerName::Name(name) if name.as_str() == "webex.zoom.us"));
            assert_eq!(hello.legacy_version, 0xfefd);
            let backwards: Vec<_> = flight.iter().rev().chain(&flight).cloned().collect();
            for datagrams in [&flight, &backwards, &vec![flight.concat()]] {
                let said = read(datagrams);
                assert_eq!(said.len(), 2, "each once: {said:?}");
                assert!(said.contains(&Said::ServerHello { version: 0xfefd }));
                let names = said.iter().find_map(|said| match said {
                    Said::Certificate(names) => Some(names.names.clone()),
                    _ => None,
                });
                assert_eq!(names.unwrap(), ["*.b.example".into(), "a.example".into()] as [Box<str>; 2]);
            }
        }
    }

    #[test]
    fn a_demand_for_a_cookie_is_read() {
        let demand = [
            &[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15, 3][..],
            &[0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0xfe, 0xff, 0],
        ];
        assert_eq!(read(&[demand.concat()]), [Said::HelloVerifyRequest]);
    }

    #[test]
    fn what_is_encrypted_or_contradicts_itself_says_nothing() {
        let [hello, _] = hello_and_flight(*b"Webex.Zoom.us", &["a.example"], 4000);
        let with = |at: usize, value: u8| {
            let mut record = hello[0].clone();
            record[at] = value;
            read(&[record])
        };
        // The epoch, a length past the limit, an offset past the end, another type.
        for (at, value) in [(4, 1), (14, 1), (21, 200), (13, 20)] {
            assert_eq!(with(at, value), [], "{at}");
        }
        assert_eq!(with(18, 99), [], "a number past those that are kept");
    }

    #[test]
    fn memory_is_bounded() {
        let mut handshake = Handshake::new();
        for number in 0..60_u8 {
            let mut record = hello_and_flight(*b"Webex.Zoom.us", &["a.example"], 60)[0][1].clone();
            record[18] = number;
            assert_eq!(handshake.push(&record), []);
        }
        assert_eq!(handshake.open.len(), MAX_MESSAGES);
    }

    #[test]
    fn the_certificates_of_captures_are_read() {
        let wanted =
            [("ndpi-stun_zoom.pcapng", "*.cloud.zoom.us"), ("ndpi-stun_dtls_rtp.pcapng", "hangouts")];
        for (capture, wanted) in wanted {
            let Some(path) = captures::shared(&format!("captures/{capture}")) else { return };
            let mut sides: BTreeMap<_, Handshake> = BTreeMap::new();
            let mut names = Vec::new();
            for unit in captures::units(&path).iter().filter(|unit| unit.tcp.is_none()) {
                for said in sides.entry((unit.from, unit.to)).or_default().push(&unit.payload) {
                    if let Said::Certificate(certificate) = said {
                        names.extend(certificate.subject_common_name);
                    }
                }
            }
            assert!(names.iter().any(|name| &**name == wanted), "{capture}: {names:?}");
        }
    }

    /// A handshake record of DTLS 1.2 with three bytes.
    const HANDSHAKE: &[u8] = &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 7, 0, 3, 1, 2, 3];

    #[test]
    fn records_that_fit_are_read() {
        assert_eq!(record(HANDSHAKE), Some(Record { content_type: 22, version: 0xfefd }));
        assert_eq!(record(&[HANDSHAKE, HANDSHAKE].concat()), record(HANDSHAKE));
        for length in 0..HANDSHAKE.len() {
            assert_eq!(record(&HANDSHAKE[..length]), None);
        }
    }

    #[test]
    fn other_datagrams_are_refused() {
        let with = |at: usize, value: u8| {
            let mut bytes = HANDSHAKE.to_vec();
            bytes[at] = value;
            bytes
        };
        // Type, version in both bytes, a length of none and one too many.
        for bytes in
            [with(0, 19), with(0, 25), with(0, 27), with(1, 3), with(2, 0xfe), with(12, 0), with(12, 4)]
        {
            assert_eq!(record(&bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn captures_have_records_where_they_should() {
        for capture in ["ndpi-stun_zoom.pcapng", "ndpi-stun_dtls_rtp.pcapng", "ndpi-stun_google_meet.pcapng"]
        {
            let Some(path) = captures::shared(&format!("captures/{capture}")) else { return };
            let units = captures::units(&path);
            let records =
                units.iter().filter(|unit| unit.tcp.is_none()).filter_map(|unit| record(&unit.payload));
            let handshakes = records.filter(|record| record.content_type == 22).count();
            assert!(handshakes > 0, "{capture}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = record(&bytes);
            let handshake = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 7, 0, u8::try_from(bytes.len()).unwrap()][..], &bytes];
            let mut both = Handshake::new();
            both.push(&bytes);
            both.push(&handshake.concat());
        }
    }
}

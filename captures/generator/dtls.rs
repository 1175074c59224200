//! DTLS 1.2 (RFC 6347): the handshake messages that a rustls client and a rustls server say in TLS 1.2, in the records
//! and fragments of DTLS.
//!
//! Input: both ends. Output: the flights of the handshake, and a [`Records`] for each side that goes on from there. Must
//! not: encrypt: what is encrypted on the wire is random bytes of the right length here.

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConnection};

use super::Result;
use super::random::Random;
use super::stand_in::Ends;
use super::tls::{hear, pending};

/// What one side says in one go.
pub(crate) struct Flight {
    /// Whether the client says it.
    pub(crate) is_up: bool,
    /// The datagrams, in order.
    pub(crate) datagrams: Vec<Vec<u8>>,
}

/// The whole handshake of a client that knows the server as `name`, and both sides' records after it.
pub(crate) fn handshake(name: &str, ends: &Ends, random: &Random) -> Result<(Vec<Flight>, [Records; 2])> {
    let mut client = ClientConnection::new(ends.client.clone(), ServerName::try_from(name.to_owned())?)?;
    let mut server = ServerConnection::new(ends.server.clone())?;
    let mut sides = ["client", "server"].map(|side| Records::new(random.part(side)));
    let [of_client, of_server] = &mut sides;
    let mut flights = Vec::new();
    loop {
        let up = pending(&mut client)?;
        hear(&mut server, &up)?;
        let down = pending(&mut server)?;
        hear(&mut client, &down)?;
        if up.is_empty() && down.is_empty() {
            return Ok((flights, sides));
        }
        for (is_up, side, said) in [(true, &mut *of_client, up), (false, &mut *of_server, down)] {
            if !said.is_empty() {
                flights.push(Flight { is_up, datagrams: packed(side.convert(&said)?) });
            }
        }
    }
}

/// The records of one side.
pub(crate) struct Records {
    /// The number of its next handshake message.
    message: u16,
    /// 0 in clear, 1 encrypted.
    epoch: u16,
    /// The number of its next record in this epoch.
    sequence: u32,
    random: Random,
}

impl Records {
    fn new(random: Random) -> Self {
        Self { message: 0, epoch: 0, sequence: 0, random }
    }

    /// A record of application data.
    pub(crate) fn data(&mut self, length: usize) -> Vec<u8> {
        self.sealed(DATA, length)
    }

    /// The alert that closes a connection.
    pub(crate) fn farewell(&mut self) -> Vec<u8> {
        self.sealed(ALERT, 2)
    }

    /// The records for what a side says in TLS.
    fn convert(&mut self, mut said: &[u8]) -> Result<Vec<Vec<u8>>> {
        let mut records = Vec::new();
        let mut clear = Vec::new();
        while let [kind, _, _, high, low, rest @ ..] = said {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let (body, after) = rest.split_at_checked(length).ok_or("a TLS record that is not whole")?;
            said = after;
            match (*kind, self.epoch) {
                (HANDSHAKE, 0) => clear.extend_from_slice(body),
                (CHANGE_CIPHER, _) => {
                    records.extend(self.messages(&clear)?);
                    clear.clear();
                    records.push(self.record(CHANGE_CIPHER, body));
                    (self.epoch, self.sequence) = (1, 0);
                }
                // The one encrypted message of a handshake without tickets.
                (HANDSHAKE, _) => records.push(self.sealed(HANDSHAKE, FRAGMENT_HEAD + FINISHED)),
                _ => return Err(format!("a TLS record of type {kind} in a handshake").into()),
            }
        }
        records.extend(self.messages(&clear)?);
        Ok(records)
    }

    /// The records for handshake messages in clear.
    fn messages(&mut self, mut said: &[u8]) -> Result<Vec<Vec<u8>>> {
        let mut records = Vec::new();
        while let [kind, a, b, c, rest @ ..] = said {
            let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c]))?;
            let (body, after) =
                rest.split_at_checked(length).ok_or("a handshake message that is not whole")?;
            said = after;
            records.extend(self.fragments(*kind, &in_dtls(*kind, body)));
        }
        Ok(records)
    }

    /// A record for each fragment of a message; an empty message has one.
    fn fragments(&mut self, kind: u8, body: &[u8]) -> Vec<Vec<u8>> {
        let number = self.message.to_be_bytes();
        self.message += 1;
        let parts: Vec<&[u8]> =
            if body.is_empty() { vec![body] } else { body.chunks(MOST_IN_FRAGMENT).collect() };
        let starts = (0..).step_by(MOST_IN_FRAGMENT);
        let fragment = |(start, part): (usize, &[u8])| {
            [&[kind][..], &u24(body.len()), &number, &u24(start), &u24(part.len()), part].concat()
        };
        let fragments: Vec<Vec<u8>> = starts.zip(parts).map(fragment).collect();
        fragments.iter().map(|fragment| self.record(HANDSHAKE, fragment)).collect()
    }

    /// A record whose content is `length` bytes once it is decrypted: with AES-GCM eight bytes of nonce before them and
    /// sixteen of tag behind.
    fn sealed(&mut self, kind: u8, length: usize) -> Vec<u8> {
        let body = self.random.bytes(8 + length + 16);
        self.record(kind, &body)
    }

    fn record(&mut self, kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
        let (epoch, sequence) = (self.epoch.to_be_bytes(), self.sequence.to_be_bytes());
        self.sequence += 1;
        [&[kind][..], &VERSION, &epoch, &[0, 0], &sequence, &length, body].concat()
    }
}

/// A handshake message's body as DTLS has it: its own version, and a place for a cookie.
fn in_dtls(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    if matches!(kind, CLIENT_HELLO | SERVER_HELLO) {
        body.splice(..2, VERSION);
    }
    if kind == CLIENT_HELLO {
        // Behind version and random stands the session id, behind that the cookie, which is empty.
        let cookie = 35 + body.get(34).map_or(0, |length| usize::from(*length));
        body.insert(cookie.min(body.len()), 0);
        // The extension that lists the one version.
        let listed = body.windows(7).position(|part| part == [0, 43, 0, 3, 2, 3, 3]);
        if let Some(version) = listed.and_then(|at| body.get_mut(at + 5..at + 7)) {
            version.copy_from_slice(&VERSION);
        }
    }
    body
}

/// As many records in a datagram as fit.
fn packed(records: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut datagrams: Vec<Vec<u8>> = Vec::new();
    for record in records {
        match datagrams.last_mut().filter(|last| last.len() + record.len() <= MOST_IN_DATAGRAM) {
            Some(last) => last.extend(record),
            None => datagrams.push(record),
        }
    }
    datagrams
}

fn u24(number: usize) -> [u8; 3] {
    let [.., a, b, c] = number.to_be_bytes();
    [a, b, c]
}

/// DTLS 1.2 on the wire.
const VERSION: [u8; 2] = [0xfe, 0xfd];
const CHANGE_CIPHER: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// The head of a fragment, and the message that ends a handshake.
const FRAGMENT_HEAD: usize = 12;
const FINISHED: usize = 12;
/// What browsers allow themselves, so that nothing is fragmented below them.
const MOST_IN_DATAGRAM: usize = 1200;
const MOST_IN_FRAGMENT: usize = 1100;

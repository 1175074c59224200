//! DNS messages: what was asked, and which addresses, aliases and services were answered (RFC 1035, RFC 6762, RFC 9460).
//!
//! Input: the payload of a datagram, or a stream in which each message has its length before it (RFC 7766). Output: [`Message`].
//! The reader is not told the port, so it is strict about the head and the question; `NetBIOS` names and
//! LLMNR have the same form and are told apart by their ports. Must not: keep a cache, or join answers into
//! chains.

mod service;

use std::net::IpAddr;

pub use self::service::{Service, ServiceTarget};
use crate::wire::cursor::Cursor;
use crate::wire::{Hostname, Read};

/// The port of DNS (RFC 1035 section 4.2).
pub const PORT: u16 = 53;
/// The port of DNS over TLS and over QUIC (RFC 7858, RFC 9250).
pub const PORT_ENCRYPTED: u16 = 853;
/// All ports at which names are asked for, with that of multicast DNS (RFC 6762).
pub const PORTS: [u16; 3] = [PORT, PORT_ENCRYPTED, 5353];

/// A DNS message, as far as it says where names lead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Joins a response to its query.
    pub id: u16,
    /// A response, not a query.
    pub is_response: bool,
    /// The sender left out what did not fit into a datagram (TC); usually asked again over TCP.
    pub truncated: bool,
    /// How it went: 0 no error, 2 server failure, 3 no such name, 5 refused (RFC 1035 section 4.1.1).
    pub rcode: u8,
    /// The question, the first where multicast DNS has several; responses of multicast DNS have none.
    pub question: Option<Question>,
    /// The answers in their order, at most [`Message::MAX_ANSWERS`]; empty in queries.
    pub answers: Vec<Answer>,
    /// The answers end early: bytes are missing, a record cannot be read, or there are too many.
    pub cut: bool,
}

impl Message {
    /// Most answers kept.
    pub const MAX_ANSWERS: usize = 512;
}

/// What was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// The name; `None` where it is no host name.
    pub name: Option<Hostname>,
    /// The type of record asked for: 1 A, 28 AAAA, 65 HTTPS (IANA registry of DNS parameters).
    pub kind: u16,
}

/// One record of the answer section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The name it is about; `None` where it is no host name.
    pub owner: Option<Hostname>,
    /// How long it may be kept, in seconds.
    pub ttl: u32,
    /// What it says.
    pub data: AnswerData,
}

/// What an answer says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AnswerData {
    /// The owner has this address (A, AAAA).
    Address(IpAddr),
    /// The owner is another name for this one (CNAME).
    Alias(Hostname),
    /// How the owner's service is reached (HTTPS, SVCB).
    Service(Box<Service>),
    /// A record of another type, by its number, or one that cannot be read.
    Other(u16),
}

/// Reads a message that fills a datagram. `More` where the datagram was cut before the end of the question.
#[must_use]
pub fn message(bytes: &[u8]) -> Read<Message> {
    match read(bytes) {
        Ok(message) => Read::Done(message),
        Err(Flaw::Cut) => Read::More,
        Err(Flaw::Bad(why)) => Read::NotMine(why),
    }
}

/// The bytes that the first message of a TCP stream takes, with its length of 16 bits; `None` where that is not there yet.
#[must_use]
pub fn stream_message_len(stream: &[u8]) -> Option<usize> {
    Cursor::new(stream).u16().map(|length| usize::from(length).saturating_add(2))
}

/// Reads the first message of a TCP stream, which has its length of 16 bits before it.
#[must_use]
pub fn stream_message(stream: &[u8]) -> Read<Message> {
    let mut cursor = Cursor::new(stream);
    match cursor.vector16() {
        Some(bytes) => match message(bytes) {
            Read::More => Read::NotMine("message shorter than its question"),
            answer => answer,
        },
        // The front of a message that is wrong already stays wrong.
        None => match cursor.u16().map(|_| message(cursor.rest())) {
            Some(Read::NotMine(why)) => Read::NotMine(why),
            _ => Read::More,
        },
    }
}

/// Why a message, or a part of it, cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flaw {
    /// Bytes are missing.
    Cut,
    /// What is there is no DNS.
    Bad(&'static str),
}

/// Reads head, questions and answers.
fn read(bytes: &[u8]) -> Result<Message, Flaw> {
    let mut reader = Reader { message: bytes, cursor: Cursor::new(bytes) };
    let (mut message, counts) = reader.head()?;
    for _ in 0..counts.questions {
        let question = reader.question()?;
        message.question.get_or_insert(question);
    }
    if !message.is_response {
        return Ok(message);
    }
    for _ in 0..counts.answers {
        if message.answers.len() == Message::MAX_ANSWERS {
            message.cut = true;
            break;
        }
        match reader.answer() {
            Ok(answer) => message.answers.push(answer),
            // Without a question it is the first answer that shows that this is DNS.
            Err(flaw) if message.question.is_none() && message.answers.is_empty() => return Err(flaw),
            Err(_) => {
                message.cut = true;
                break;
            }
        }
    }
    Ok(message)
}

/// How many entries the head announces.
struct Counts {
    questions: u16,
    answers: u16,
}

/// A cursor that knows the whole message, because names point back into it.
struct Reader<'a> {
    message: &'a [u8],
    cursor: Cursor<'a>,
}

impl Reader<'_> {
    fn head(&mut self) -> Result<(Message, Counts), Flaw> {
        let [id, flags, questions, answers, _, _] = [(); 6].map(|()| self.cursor.u16());
        let flags = flags.ok_or(Flaw::Cut)?;
        let is_response = flags & RESPONSE != 0;
        if flags & (OPCODE | RESERVED) != 0 || !is_response && flags & RCODE != 0 {
            return Err(Flaw::Bad("flags of no plain query or response"));
        }
        let counts = Counts { questions: questions.ok_or(Flaw::Cut)?, answers: answers.ok_or(Flaw::Cut)? };
        let counts_hold = match counts.questions {
            0 => is_response && counts.answers > 0,
            1 => true,
            // Only multicast DNS asks several questions at once (RFC 6762 section 5.3).
            2..=MAX_QUESTIONS => !is_response,
            _ => false,
        };
        if !counts_hold {
            return Err(Flaw::Bad("counts of no plain query or response"));
        }
        if self.message.len() < HEAD {
            return Err(Flaw::Cut);
        }
        let message = Message {
            id: id.ok_or(Flaw::Cut)?,
            is_response,
            truncated: flags & TRUNCATED != 0,
            rcode: u8::try_from(flags & RCODE).unwrap_or_default(),
            question: None,
            answers: Vec::new(),
            cut: false,
        };
        Ok((message, counts))
    }

    fn question(&mut self) -> Result<Question, Flaw> {
        let name = self.name()?;
        let kind = self.cursor.u16().ok_or(Flaw::Cut)?;
        self.class()?;
        Ok(Question { name, kind })
    }

    fn class(&mut self) -> Result<u16, Flaw> {
        match self.cursor.u16().ok_or(Flaw::Cut)? & !UNICAST_OR_FLUSH {
            class @ (INTERNET | CHAOS | ANY) => Ok(class),
            _ => Err(Flaw::Bad("class not in use")),
        }
    }

    fn answer(&mut self) -> Result<Answer, Flaw> {
        let owner = self.name()?;
        let kind = self.cursor.u16().ok_or(Flaw::Cut)?;
        let class = self.class()?;
        let ttl = self.cursor.u32().ok_or(Flaw::Cut)?;
        let mut inside = Reader { message: self.message, cursor: self.cursor };
        let length = inside.cursor.u16().ok_or(Flaw::Cut)?;
        let data = self.cursor.vector16().ok_or(Flaw::Cut)?;
        let read = match (class, kind) {
            (INTERNET, A) => data.try_into().ok().map(|octets: [u8; 4]| AnswerData::Address(octets.into())),
            (INTERNET, AAAA) => {
                data.try_into().ok().map(|octets: [u8; 16]| AnswerData::Address(octets.into()))
            }
            (INTERNET, CNAME) => inside.alias(usize::from(length)),
            (INTERNET, SVCB | HTTPS) => {
                service::service(data).map(|service| AnswerData::Service(Box::new(service)))
            }
            _ => None,
        };
        Ok(Answer { owner, ttl, data: read.unwrap_or(AnswerData::Other(kind)) })
    }

    /// The name that fills the next `length` bytes.
    fn alias(&mut self, length: usize) -> Option<AnswerData> {
        let after = self.cursor.rest().len().checked_sub(length)?;
        let name = self.name().ok()??;
        (self.cursor.rest().len() == after).then_some(AnswerData::Alias(name))
    }

    /// Reads a name, following its pointers (RFC 1035 section 4.1.4), and stands behind it. `None` where it
    /// is well formed but no host name.
    ///
    /// A pointer has to lead before the place where the reading of this name last began, so no walk goes
    /// round; with at most 128 of them and 255 bytes a name costs a bounded number of steps (RFC 9267 lists
    /// what goes wrong otherwise).
    fn name(&mut self) -> Result<Option<Hostname>, Flaw> {
        let mut cursor = self.cursor;
        let mut began = self.message.len().saturating_sub(cursor.rest().len());
        // Enough for nearly all names.
        let mut text = Vec::with_capacity(64);
        let mut is_host = true;
        let mut jumps = 0_u32;
        loop {
            let length = cursor.u8().ok_or(Flaw::Cut)?;
            match length {
                0 => break,
                1..=63 => {
                    let label = cursor.take(length.into()).ok_or(Flaw::Cut)?;
                    // A dot inside a label would read as two labels.
                    is_host &= !label.contains(&b'.');
                    text.extend_from_slice(label);
                    text.push(b'.');
                }
                0xc0.. => {
                    let low = cursor.u8().ok_or(Flaw::Cut)?;
                    let target = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                    if jumps == 0 {
                        self.cursor = cursor;
                    }
                    jumps = jumps.saturating_add(1);
                    if target >= began || jumps > MAX_JUMPS {
                        return Err(Flaw::Bad("name that points forward or too often"));
                    }
                    began = target;
                    cursor = Cursor::new(self.message.get(target..).unwrap_or_default());
                }
                64..=0xbf => return Err(Flaw::Bad("label of no known kind")),
            }
            if text.len() > MAX_NAME {
                return Err(Flaw::Bad("name longer than 255 bytes"));
            }
        }
        if jumps == 0 {
            self.cursor = cursor;
        }
        Ok(Hostname::parse(&text).filter(|_| is_host))
    }
}

/// Length of the head in bytes.
const HEAD: usize = 12;

/// Bits of the head (RFC 1035 section 4.1.1).
const RESPONSE: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const TRUNCATED: u16 = 0x0200;
const RESERVED: u16 = 0x0040;
const RCODE: u16 = 0x000f;

/// Most questions of a query of multicast DNS.
const MAX_QUESTIONS: u16 = 64;

/// Types and classes of records (IANA registry of DNS parameters).
const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
const INTERNET: u16 = 1;
const CHAOS: u16 = 3;
const ANY: u16 = 255;

/// Multicast DNS uses the class's top bit for "answer me alone" and "forget older records" (RFC 6762 sections
/// 5.4, 10.2).
const UNICAST_OR_FLUSH: u16 = 0x8000;

/// Most pointers followed in one name: as many as a name can have labels, and one.
const MAX_JUMPS: u32 = 128;

/// Most bytes of a name with dots, so without the byte of the root (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 254;

#[cfg(test)]
mod tests;

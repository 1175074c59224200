//! STUN messages (RFC 8489): who asks for its own address, and which one it is told.
//!
//! Input: the payload of a datagram. Output: [`Message`]. A mapped address is the server's word on where the
//! client's packets come from. Must not: check integrity, or pair requests with responses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::wire::cursor::Cursor;
use crate::wire::{Read, printable};

/// A STUN message, as far as it says who is who.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// What kind of message it is.
    pub class: Class,
    /// What it is about: 1 Binding; TURN has others (IANA registry of STUN methods).
    pub method: u16,
    /// Joins a response to its request.
    pub transaction: [u8; 12],
    /// The address that the sender sees the receiver at (XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS).
    pub mapped: Option<SocketAddr>,
    /// USERNAME, safe to print, at most 513 characters.
    pub username: Option<Box<str>>,
    /// SOFTWARE, safe to print, at most 128 characters.
    pub software: Option<Box<str>>,
}

/// The class of a message (RFC 8489 section 5), by its number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// Wants a response.
    Request,
    /// Wants none.
    Indication,
    /// A response that worked.
    Success,
    /// A response that did not.
    Error,
}

/// Reads a message that fills a datagram; `More` where the datagram was cut.
#[must_use]
pub fn message(bytes: &[u8]) -> Read<Message> {
    if let Some(why) = refusal(bytes) {
        return Read::NotMine(why);
    }
    let mut cursor = Cursor::new(bytes);
    let Some((kind, body_length, transaction)) = head(&mut cursor) else { return Read::More };
    if cursor.rest().len() < usize::from(body_length) {
        return Read::More;
    }
    let mut message = Message {
        class: class(kind),
        method: method(kind),
        transaction,
        mapped: None,
        username: None,
        software: None,
    };
    match message.note_attributes(cursor) {
        Some(()) => Read::Done(message),
        None => Read::NotMine("attributes that do not fit"),
    }
}

impl Message {
    fn note_attributes(&mut self, mut cursor: Cursor<'_>) -> Option<()> {
        let mut plain = None;
        while !cursor.is_empty() {
            let kind = cursor.u16()?;
            let value = cursor.vector16()?;
            cursor.take(value.len().wrapping_neg() % 4)?;
            match kind {
                XOR_MAPPED_ADDRESS if self.mapped.is_none() => {
                    self.mapped = address(value).map(|address| self.unmask(address));
                }
                MAPPED_ADDRESS if plain.is_none() => plain = address(value),
                USERNAME if self.username.is_none() => self.username = Some(text(value, 513)),
                SOFTWARE if self.software.is_none() => self.software = Some(text(value, 128)),
                _ => {}
            }
        }
        self.mapped = self.mapped.or(plain);
        Some(())
    }

    /// Undoes the masking of XOR-MAPPED-ADDRESS (RFC 8489 section 14.2).
    fn unmask(&self, masked: SocketAddr) -> SocketAddr {
        let [cookie_high, cookie_low, ..] = COOKIE.to_be_bytes();
        let port = masked.port() ^ u16::from_be_bytes([cookie_high, cookie_low]);
        let ip = match masked.ip() {
            IpAddr::V4(ip) => Ipv4Addr::from(ip.to_bits() ^ COOKIE).into(),
            IpAddr::V6(ip) => {
                let transaction = self.transaction.iter().fold(0, |mask, &byte| mask << 8 | u128::from(byte));
                Ipv6Addr::from(ip.to_bits() ^ (u128::from(COOKIE) << 96 | transaction)).into()
            }
        };
        SocketAddr::new(ip, port)
    }
}

/// Why `bytes` cannot be a message, as far as they go (RFC 8489 section 5).
fn refusal(bytes: &[u8]) -> Option<&'static str> {
    let mut cursor = Cursor::new(bytes);
    if bytes.first()? & 0xc0 != 0 {
        return Some("first bits set");
    }
    let _kind = cursor.u16()?;
    let length = cursor.u16()?;
    if length % 4 != 0 {
        return Some("length that is no multiple of four");
    }
    let cookie = COOKIE.to_be_bytes();
    if cursor.rest().iter().zip(cookie).any(|(&byte, expected)| byte != expected) {
        return Some("no magic cookie");
    }
    (bytes.len() > HEAD.saturating_add(length.into())).then_some("longer than it says")
}

fn head(cursor: &mut Cursor<'_>) -> Option<(u16, u16, [u8; 12])> {
    let kind = cursor.u16()?;
    let length = cursor.u16()?;
    let _cookie = cursor.u32()?;
    Some((kind, length, cursor.array()?))
}

fn class(kind: u16) -> Class {
    match (kind & 0x0100 != 0, kind & 0x0010 != 0) {
        (false, false) => Class::Request,
        (false, true) => Class::Indication,
        (true, false) => Class::Success,
        (true, true) => Class::Error,
    }
}

/// The twelve bits of the method, which stand around the two of the class.
fn method(kind: u16) -> u16 {
    kind & 0x000f | (kind & 0x00e0) >> 1 | (kind & 0x3e00) >> 2
}

/// Reads the value of MAPPED-ADDRESS (RFC 8489 section 14.1).
fn address(value: &[u8]) -> Option<SocketAddr> {
    let mut cursor = Cursor::new(value);
    let _zero = cursor.u8()?;
    let family = cursor.u8()?;
    let port = cursor.u16()?;
    let ip = match family {
        1 => IpAddr::from(cursor.array::<4>()?),
        2 => IpAddr::from(cursor.array::<16>()?),
        _ => return None,
    };
    cursor.is_empty().then_some(SocketAddr::new(ip, port))
}

fn text(value: &[u8], max: usize) -> Box<str> {
    printable(&String::from_utf8_lossy(value), max)
}

/// What every message has in its second four bytes.
const COOKIE: u32 = 0x2112a442;

/// Length of the head in bytes.
const HEAD: usize = 20;

/// Types of attributes (RFC 8489 section 18.3).
const MAPPED_ADDRESS: u16 = 0x0001;
const USERNAME: u16 = 0x0006;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const SOFTWARE: u16 = 0x8022;

#[cfg(test)]
mod tests;

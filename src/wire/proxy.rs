//! What a client says to a proxy before it talks to the server behind it: SOCKS 4 and 5, and the head by which one proxy
//! tells the next whose connection it passes on (RFC 1928, RFC 1929; haproxy's `proxy-protocol.txt`).
//!
//! Input: one direction of a TCP connection from its first byte. Output: [`Socks`], or a head's length. Must not: keep a
//! user's name or password.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::cursor::Cursor;
use crate::wire::{Hostname, Read};

/// A client's wish to be connected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Socks {
    /// 4 or 5.
    pub version: u8,
    /// To whom.
    pub target: Target,
    /// To which port there.
    pub port: u16,
    /// How many bytes of the client's direction this took; what follows goes to the target.
    pub length: usize,
}

/// Whom a client of SOCKS wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// A host by its name.
    Name(Hostname),
    /// A host by its address.
    Address(IpAddr),
}

/// Reads the negotiation at the front of a client's stream up to its request to connect.
#[must_use]
pub fn socks(stream: &[u8]) -> Read<Socks> {
    let mut cursor = Cursor::new(stream);
    let answer = match cursor.u8() {
        Some(5) => socks5(&mut cursor),
        Some(4) => socks4(&mut cursor),
        Some(_) => return Read::NotMine("no version of SOCKS"),
        None => return Read::More,
    };
    match answer {
        Ok((version, target, port)) => {
            let length = stream.len().saturating_sub(cursor.rest().len());
            Read::Done(Socks { version, target, port, length })
        }
        Err(None) => Read::More,
        Err(Some(why)) => Read::NotMine(why),
    }
}

/// `Err(None)` where bytes are missing.
type Step<T> = Result<T, Option<&'static str>>;

/// RFC 1928 sections 3 and 4, with the name and password of RFC 1929 between where the server asked for them.
fn socks5(cursor: &mut Cursor<'_>) -> Step<(u8, Target, u16)> {
    let count = cursor.u8().ok_or(None)?;
    if !(1..=MAX_METHODS).contains(&count) {
        return Err(Some("no list of methods"));
    }
    let methods = cursor.take(count.into()).ok_or(None)?;
    if methods.iter().any(|method| !matches!(method, 0..=9 | 0x80..)) {
        return Err(Some("methods that nobody assigned"));
    }
    let mut version = cursor.u8().ok_or(None)?;
    if version == 1 && methods.contains(&PASSWORD) {
        let _name = cursor.vector8().ok_or(None)?;
        let _password = cursor.vector8().ok_or(None)?;
        version = cursor.u8().ok_or(None)?;
    }
    let [command, reserved, kind] = cursor.array().ok_or(None)?;
    if (version, command, reserved) != (5, CONNECT, 0) {
        return Err(Some("no request to connect"));
    }
    let target = match kind {
        1 => Target::Address(Ipv4Addr::from(cursor.array::<4>().ok_or(None)?).into()),
        3 => named(cursor.vector8().ok_or(None)?)?,
        4 => Target::Address(Ipv6Addr::from(cursor.array::<16>().ok_or(None)?).into()),
        _ => return Err(Some("address of no known kind")),
    };
    Ok((5, target, cursor.u16().ok_or(None)?))
}

/// SOCKS 4, and 4A where the address is 0.0.0.x and a name follows the user's.
fn socks4(cursor: &mut Cursor<'_>) -> Step<(u8, Target, u16)> {
    let command = cursor.u8().ok_or(None)?;
    if command != CONNECT {
        return Err(Some("no request to connect"));
    }
    let port = cursor.u16().ok_or(None)?;
    let address = cursor.array::<4>().ok_or(None)?;
    let _user = text(cursor)?;
    let target = match address {
        [0, 0, 0, last] if last != 0 => named(text(cursor)?)?,
        [0, ..] => return Err(Some("no address")),
        _ => Target::Address(Ipv4Addr::from(address).into()),
    };
    Ok((4, target, port))
}

fn named(name: &[u8]) -> Step<Target> {
    let address = str::from_utf8(name).ok().and_then(|text| text.parse().ok()).map(Target::Address);
    address.or_else(|| Hostname::parse(name).map(Target::Name)).ok_or(Some("name of no host"))
}

/// A text of at most 255 printable bytes with a zero behind it.
fn text<'a>(cursor: &mut Cursor<'a>) -> Step<&'a [u8]> {
    let length = cursor.rest().iter().take(MAX_TEXT).take_while(|byte| byte.is_ascii_graphic()).count();
    let text = cursor.take(length).ok_or(None)?;
    match cursor.u8() {
        Some(0) => Ok(text),
        Some(_) => Err(Some("text without an end")),
        None => Err(None),
    }
}

/// The length of the PROXY head at the front of a stream, version 1 (a line) or 2.
#[must_use]
pub fn head_len(stream: &[u8]) -> Read<usize> {
    if is_front(stream, b"PROXY ") {
        let line = stream.get(..MAX_LINE).unwrap_or(stream);
        return match line.iter().position(|&byte| byte == b'\n') {
            Some(at) => Read::Done(at.saturating_add(1)),
            None if line.len() == MAX_LINE => Read::NotMine("line longer than a PROXY head"),
            None => Read::More,
        };
    }
    if !is_front(stream, SIGNATURE) {
        return Read::NotMine("no PROXY head");
    }
    let length = stream.get(14..16).and_then(|pair| pair.try_into().ok()).map(u16::from_be_bytes);
    match length.map(|length| usize::from(length).saturating_add(16)) {
        Some(length) if length <= stream.len() => Read::Done(length),
        _ => Read::More,
    }
}

/// Whether `stream` begins with `front`, as far as it goes.
fn is_front(stream: &[u8], front: &[u8]) -> bool {
    let shared = stream.len().min(front.len());
    shared > 0 && stream.get(..shared) == front.get(..shared)
}

/// Most methods that a client offers; ten are assigned (IANA registry of SOCKS methods).
const MAX_METHODS: u8 = 10;
/// The method of RFC 1929.
const PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const MAX_TEXT: usize = 255;
/// Most bytes of a head of version 1.
const MAX_LINE: usize = 107;
/// The front of a head of version 2.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Target {
        Target::Name(Hostname::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn requests_to_connect_are_read() {
        let cases: [(&[u8], u8, Target, u16); 6] = [
            (b"\x05\x01\x00\x05\x01\x00\x03\x07Zoom.us\x01\xbb", 5, name("zoom.us"), 443),
            (
                b"\x05\x02\x00\x02\x01\x02me\x03key\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50",
                5,
                Target::Address([192, 0, 2, 1].into()),
                80,
            ),
            (
                b"\x05\x01\x00\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb",
                5,
                Target::Address("2001:db8::1".parse().unwrap()),
                443,
            ),
            (
                b"\x05\x01\x00\x05\x01\x00\x03\x09192.0.2.1\x01\xbb",
                5,
                Target::Address([192, 0, 2, 1].into()),
                443,
            ),
            (b"\x04\x01\x01\xbb\xc0\x00\x02\x01me\x00", 4, Target::Address([192, 0, 2, 1].into()), 443),
            (b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00zoom.us\x00", 4, name("zoom.us"), 443),
        ];
        for (bytes, version, target, port) in cases {
            let expected = Socks { version, target, port, length: bytes.len() };
            assert_eq!(socks(bytes), Read::Done(expected.clone()));
            assert_eq!(socks(&[bytes, b"\x16\x03\x01"].concat()), Read::Done(expected));
            for length in 0..bytes.len() {
                assert_eq!(socks(&bytes[..length]), Read::More, "{length}");
            }
        }
    }

    #[test]
    fn what_is_no_socks_is_refused() {
        let cases: [&[u8]; 9] = [
            b"\x05\x00",
            b"\x05\x0b",
            b"\x05\x01\x10\x05\x01\x00",
            b"\x05\x01\x00\x05\x03\x00\x01",
            b"\x05\x01\x00\x05\x01\x01\x01",
            b"\x05\x01\x00\x05\x01\x00\x02",
            b"\x04\x02",
            b"\x04\x01\x01\xbb\x00\x00\x00\x00\x00",
            b"\x16\x03\x01",
        ];
        for bytes in cases {
            assert!(matches!(socks(bytes), Read::NotMine(_)), "{bytes:?}");
        }
        assert!(matches!(
            socks(&[b"\x04\x01\x01\xbb\xc0\x00\x02\x01", &[b'a'; 300][..]].concat()),
            Read::NotMine(_)
        ));
    }

    #[test]
    fn heads_of_proxies_are_measured() {
        let line = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
        assert_eq!(head_len(&[&line[..], b"GET"].concat()), Read::Done(line.len()));
        let second = [SIGNATURE, b"\x21\x11\x00\x0c", &[1; 12]].concat();
        assert_eq!(head_len(&[&second[..], b"GET"].concat()), Read::Done(28));
        for whole in [&line[..], &second] {
            for length in 1..whole.len() {
                assert_eq!(head_len(&whole[..length]), Read::More, "{length}");
            }
        }
        assert!(matches!(head_len(&[b"PROXY ", &[b'a'; 200][..]].concat()), Read::NotMine(_)));
        assert!(matches!(head_len(b"POST /"), Read::NotMine(_)));
        assert!(matches!(head_len(b""), Read::NotMine(_)));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_survived(first in 4..6_u8, bytes in prop::collection::vec(0..8_u8, 0..60), length in 0..60_usize) {
            let whole = [&[first][..], &bytes].concat();
            if let Read::Done(answer) = socks(&whole[..length.min(whole.len())]) {
                prop_assert_eq!(socks(&whole), Read::Done(answer));
            }
            let _ = head_len(&bytes);
        }
    }
}

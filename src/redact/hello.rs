//! Handshake messages of TLS, DTLS and QUIC: hellos with their server's name by its stand-in.
//!
//! Input: handshake messages in a row. Output: as many bytes up to the last that matters: hellos without tickets, shares and
//! whatever else tells one connection from others; certificates where their names may be shown; of other messages the head.
//! Must not: keep a random number of a client's, or an extension that is not listed here.

use super::shaper::Shaper;
use super::{Masks, certificate};

/// The type of a client's hello (RFC 8446 section 4).
pub(super) const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;

/// What carries the messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Transport {
    /// TLS.
    Stream,
    /// DTLS, whose hello has a cookie more.
    Datagrams,
}

/// Redacts messages of TLS in a row.
pub(super) fn messages(
    text: &[u8],
    transport: Transport,
    shows_certificate: bool,
    masks: &mut Masks,
) -> Vec<u8> {
    let mut shaper = Shaper::new(text);
    let mut at = 0_usize;
    while let Some([kind, l0, l1, l2]) = shaper.array::<4>(at) {
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let body = at.saturating_add(4);
        shaper.keep(at, 4);
        let message = text.get(body..body.saturating_add(length).min(text.len())).unwrap_or_default();
        let made = self::message(kind, message, transport, shows_certificate, masks);
        shaper.hold(body, message.len());
        shaper.put(body, &made);
        at = body.saturating_add(length);
        if kind == CLIENT_HELLO {
            break;
        }
    }
    shaper.finish()
}

/// Redacts the body of one message: as much of it as a rule keeps.
pub(super) fn message(
    kind: u8,
    body: &[u8],
    transport: Transport,
    shows_certificate: bool,
    masks: &mut Masks,
) -> Vec<u8> {
    match kind {
        CLIENT_HELLO => client(body, transport, masks).unwrap_or_default(),
        SERVER_HELLO => server(body, masks).unwrap_or_default(),
        CERTIFICATE if shows_certificate => {
            masks.counts.certificates_kept += 1;
            certificate::list(body)
        }
        CERTIFICATE => {
            masks.counts.certificates_emptied += 1;
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn client(body: &[u8], transport: Transport, masks: &mut Masks) -> Option<Vec<u8>> {
    let mut shaper = Shaper::new(body);
    shaper.hold(0, body.len());
    shaper.keep(0, 2);
    shaper.put(2, &masks.key.same_length("random", &shaper.array::<32>(2)?));
    let mut at = blank_vector(&mut shaper, SESSION)?;
    if transport == Transport::Datagrams {
        at = blank_vector(&mut shaper, at)?;
    }
    let suites = usize::from(shaper.short(at)?);
    shaper.keep(at, suites.checked_add(2)?);
    at = at.checked_add(2)?.checked_add(suites)?;
    let methods = usize::from(shaper.byte(at)?);
    shaper.keep(at, methods.checked_add(1)?);
    at = at.checked_add(1)?.checked_add(methods)?;
    masks.counts.client_hellos += 1;
    extensions(&mut shaper, at, masks);
    Some(shaper.finish())
}

fn server(body: &[u8], masks: &mut Masks) -> Option<Vec<u8>> {
    let mut shaper = Shaper::new(body);
    shaper.hold(0, body.len());
    shaper.keep(0, 2);
    let random = shaper.array::<32>(2)?;
    if random == RETRY {
        shaper.put(2, &random);
    } else {
        shaper.put(2, &masks.key.same_length("random", &random));
    }
    let at = blank_vector(&mut shaper, SESSION)?;
    shaper.keep(at, 3);
    masks.counts.server_hellos += 1;
    extensions(&mut shaper, at.checked_add(3)?, masks);
    Some(shaper.finish())
}

/// Keeps the length of a vector of up to 255 bytes, and says where it ends.
fn blank_vector(shaper: &mut Shaper<'_>, at: usize) -> Option<usize> {
    let length = usize::from(shaper.byte(at)?);
    shaper.keep(at, 1);
    at.checked_add(1)?.checked_add(length)
}

/// Goes through the extensions as far as they are there: all keep their place, few what they say.
fn extensions(shaper: &mut Shaper<'_>, at: usize, masks: &mut Masks) -> Option<()> {
    let end = at.checked_add(2)?.checked_add(shaper.short(at)?.into())?;
    shaper.keep(at, 2);
    let mut at = at.checked_add(2)?;
    while at < end {
        let (kind, length) = (shaper.short(at)?, usize::from(shaper.short(at.checked_add(2)?)?));
        let value = at.checked_add(4)?;
        shaper.keep(at, 4);
        match kind {
            SERVER_NAME => {
                server_name(shaper, value, length, masks);
            }
            MAX_FRAGMENT | GROUPS | POINT_FORMATS | SIGNATURES | ALPN | VERSIONS => {
                shaper.keep(value, length);
            }
            _ => {}
        }
        at = value.checked_add(length)?;
    }
    Some(())
}

/// RFC 6066 section 3: a list of one name, of type 0.
fn server_name(shaper: &mut Shaper<'_>, at: usize, length: usize, masks: &mut Masks) -> Option<()> {
    shaper.keep(at, length.min(5));
    let name = at.checked_add(5)?;
    let count = usize::from(shaper.short(at.checked_add(3)?)?);
    let text = shaper.original().get(name..name.checked_add(count)?)?;
    let mapped = masks.names.map_bytes(text).map_or_else(|| vec![b'-'; count], String::into_bytes);
    shaper.put(name, &mapped);
    Some(())
}

/// Where the session's id stands behind version and random.
const SESSION: usize = 34;
/// The random of a server's hello that asks for another of the client's (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
/// Extensions (IANA, TLS `ExtensionType` Values) that say what client it is and not whose.
const SERVER_NAME: u16 = 0;
const MAX_FRAGMENT: u16 = 1;
const GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURES: u16 = 13;
const ALPN: u16 = 16;
const VERSIONS: u16 = 43;

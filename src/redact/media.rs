//! The client's own layer: heads of messages, up to the head of the media.
//!
//! Input: a datagram that the layer's reader takes. Output: as much of its front as the reader needs to say the same of it, with
//! the meeting's id and what two participants say of themselves by their stand-ins. Must not: keep a byte of media, a
//! signature, or a field that is not understood.
//!
//! The layout is that of `wire::zoom`, whose readers decide what a datagram is.

use super::Masks;
use super::ends::Datagram;
use super::shaper::Shaper;
use crate::wire::Read;
use crate::wire::zoom::{self, Body, P2p, Socket};

/// Redacts a datagram; empty where it is none of the layer's.
pub(super) fn redact(of: &Datagram<'_>, socket: &mut Socket, masks: &mut Masks) -> Vec<u8> {
    let mut shaper = Shaper::new(of.payload);
    if let Read::Done(message) = socket.read(of.payload, of.length) {
        masks.counts.client_messages += 1;
        match message.body {
            Body::Hello { .. } => shaper.keep(0, HELLO),
            Body::HelloReply { .. } => shaper.keep(0, HELLO_REPLY),
            Body::KeepAlive { .. } => {
                shaper.keep(0, KEEP_ALIVE);
                trailer(&mut shaper, KEEP_ALIVE);
            }
            Body::Close { .. } => {
                shaper.keep(0, CLOSE);
                trailer(&mut shaper, CLOSE);
            }
            Body::Data { sequence, .. } => {
                data(&mut shaper, sequence.is_some(), masks);
            }
        }
        return shaper.finish();
    }
    match zoom::p2p(of.payload, of.length) {
        Read::Done(P2p::Hello { .. }) => {
            masks.counts.client_messages += 1;
            greeting(&mut shaper, masks);
            shaper.finish()
        }
        Read::Done(P2p::Media(_)) => {
            masks.counts.client_messages += 1;
            stream(&mut shaper, 0);
            shaper.finish()
        }
        Read::More | Read::NotMine(_) => Vec::new(),
    }
}

/// Flags and fields up to the end: their tags and lengths, without what they hold.
fn trailer(shaper: &mut Shaper<'_>, at: usize) {
    shaper.keep(at, 1);
    if shaper.byte(at).is_some_and(|flags| flags & HAS_FIELDS != 0) {
        fields(shaper, at.saturating_add(1));
    }
}

/// Goes over a list of fields, and says where it ends.
fn fields(shaper: &mut Shaper<'_>, at: usize) -> Option<usize> {
    let mut at = at;
    loop {
        shaper.keep(at, 1);
        if shaper.byte(at)? == 0 {
            return at.checked_add(1);
        }
        let length = usize::from(shaper.byte(at.checked_add(1)?)?);
        shaper.keep(at, 2);
        at = at.checked_add(2)?;
        shaper.hold(at, length);
        at = at.checked_add(length)?;
    }
}

fn data(shaper: &mut Shaper<'_>, is_long: bool, masks: &mut Masks) -> Option<()> {
    let mut at = 1;
    shaper.keep(0, 1);
    if is_long {
        shaper.keep(0, DATA);
        at = DATA;
        if shaper.byte(DATA - 1)? & HAS_FIELDS != 0 {
            at = fields(shaper, at)?;
        }
    }
    for _ in 0..=MAX_WRAPPERS {
        at = layer(shaper, at, is_long, masks)?;
    }
    Some(())
}

/// One layer, and where the one inside it begins, if any does.
fn layer(shaper: &mut Shaper<'_>, at: usize, is_long: bool, masks: &mut Masks) -> Option<usize> {
    shaper.keep(at, 1);
    match shaper.byte(at)? {
        12 => bind(shaper, at, masks),
        13 if is_bind(shaper, at) => bind(shaper, at, masks),
        13 => {
            let (head, flags) = if is_long { (7, 5) } else { (4, 3) };
            shaper.keep(at, head);
            let is_acknowledging = shaper.byte(at.checked_add(flags)?)? == 2;
            let numbers = match (is_acknowledging, is_long) {
                (true, true) => 8,
                (true, false) => 4,
                (false, _) => 0,
            };
            let next = at.checked_add(head)?.checked_add(numbers)?;
            shaper.hold(at, head.checked_add(numbers)?);
            return Some(next);
        }
        15 | 16 | 30 | 33..=35 => {
            stream(shaper, at);
        }
        21 => shaper.keep(at, PROBE),
        _ => {}
    }
    None
}

/// A bind's acknowledgement has a bind's constants; see `wire::zoom`.
fn is_bind(shaper: &Shaper<'_>, at: usize) -> bool {
    let constant = shaper.byte(at.saturating_add(1));
    let source: Option<[u8; 5]> = shaper.array(at.saturating_add(18));
    constant == Some(1) && source.is_some_and(|source| matches!(source, [1, 0, _, 1..=9, 0..16]))
}

fn bind(shaper: &mut Shaper<'_>, at: usize, masks: &mut Masks) {
    shaper.keep(at, BIND);
    let meeting = at.saturating_add(2);
    if let Some(id) = shaper.array::<16>(meeting) {
        shaper.put(meeting, &masks.key.same_length("meeting", &id));
        masks.meetings.note(id);
    }
}

/// The head that audio, video, a shared screen and reports on them have, and that of RTP or RTCP behind it.
fn stream(shaper: &mut Shaper<'_>, at: usize) -> Option<()> {
    let kind = shaper.byte(at)?;
    let inner = at.checked_add(shaper.byte(at.checked_add(6)?)?.into())?;
    shaper.keep(at, STREAM);
    shaper.hold(at, inner.saturating_sub(at));
    let head = match kind {
        // The length of the audio stands in front.
        15 => 2 + RTP,
        33..=35 => RTCP,
        _ => RTP,
    };
    shaper.keep(inner, head);
    Some(())
}

/// Address and UUID of a greeting between participants, as texts of the same form.
fn greeting(shaper: &mut Shaper<'_>, masks: &mut Masks) -> Option<()> {
    shaper.hold(0, shaper.len());
    shaper.keep(0, 4);
    shaper.keep(24, 4);
    let length = usize::try_from(u32::from_be_bytes(shaper.array(24)?)).ok()?;
    let address = shaper.original().get(28..28_usize.checked_add(length)?)?;
    let made = address_text(address, &masks.key.digest("greeting", address));
    shaper.put(28, &made);
    let at = 28_usize.checked_add(length)?;
    shaper.keep(at, 4);
    let uuid: [u8; 36] = shaper.array(at.checked_add(4)?)?;
    let digests = [masks.key.digest("uuid", &uuid), masks.key.digest("uuid again", &uuid)].concat();
    let hex = |(byte, digest): (&u8, u8)| if *byte == b'-' { b'-' } else { digit(digest, 16) };
    let made: Vec<u8> = uuid.iter().zip(digests).map(hex).collect();
    shaper.put(at.checked_add(4)?, &made);
    masks.uuids.note(uuid);
    Some(())
}

/// An address of the same family whose text is as long: each number of IPv4 by one of as many digits, each digit of IPv6.
fn address_text(address: &[u8], digest: &[u8; 32]) -> Vec<u8> {
    let mut digests = digest.iter().copied().cycle();
    let mut next = || digests.next().unwrap_or(0);
    if address.contains(&b':') {
        // Without a zero in front, so that the text is the address's usual one.
        let digit = |byte: &u8, digest: u8| match byte {
            b':' | b'.' => *byte,
            _ => b'1' + digest % 9,
        };
        let is_mixed = address.contains(&b'.');
        return address.iter().map(|byte| if is_mixed { *byte } else { digit(byte, next()) }).collect();
    }
    let numbers = address.split(|byte| *byte == b'.').map(|number| {
        let made = match number.len() {
            1 => 1 + next() % 9,
            2 => 11 + next() % 89,
            _ => 128 + next() % 96,
        };
        made.to_string()
    });
    numbers.collect::<Vec<_>>().join(".").into_bytes()
}

fn digit(digest: u8, base: u8) -> u8 {
    b"0123456789abcdef".get(usize::from(digest % base)).copied().unwrap_or(b'0')
}

/// Lengths of messages and of their heads, and a flag, as `wire::zoom` reads them.
const HELLO: usize = 39;
const HELLO_REPLY: usize = 35;
const KEEP_ALIVE: usize = 13;
const CLOSE: usize = 9;
const DATA: usize = 8;
const HAS_FIELDS: u8 = 0x01;
const BIND: usize = 23;
const PROBE: usize = 10;
/// The type, the constant, a byte of the flow's, and the length of the head.
const STREAM: usize = 7;
const RTP: usize = 12;
const RTCP: usize = 8;
/// Layers in layers that the reader goes through.
const MAX_WRAPPERS: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_the_length_of_their_text() {
        for text in ["192.0.2.17", "8.8.8.8", "2001:db8::7", "fe80::1:2"] {
            let made = String::from_utf8(address_text(text.as_bytes(), &[0x5a; 32])).unwrap();
            assert_eq!(made.len(), text.len());
            let parsed: std::net::IpAddr = made.parse().unwrap();
            assert_eq!(parsed.is_ipv4(), !text.contains(':'), "{made}");
            assert_ne!(made, text);
        }
    }
}

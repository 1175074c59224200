//! A server's certificate in clear: its own names, without who issued it. Within an organisation that looks into TLS, the
//! issuer is the organisation.
//!
//! Input: the body of a message with certificates, whole or cut. Output: as many bytes: of the first certificate the form, the
//! subject, the validity, the key and the names; zeros for the rest of it and for all others. Must not: keep an issuer, a serial
//! number, a signature, or an extension but those listed here.

use super::shaper::Shaper;

/// Redacts the body of a message (RFC 5246 section 7.4.2): a list of certificates, each behind its length.
pub(super) fn list(body: &[u8]) -> Vec<u8> {
    let mut shaper = Shaper::new(body);
    shaper.hold(0, body.len());
    shaper.keep(0, 6);
    let length = shaper.array(3).map(|[a, b, c]: [u8; 3]| u32::from_be_bytes([0, a, b, c]) as usize);
    leaf(&mut shaper, 6, length.unwrap_or(0).saturating_add(6));
    let mut at = length.unwrap_or(0).saturating_add(6);
    // Of the others their lengths alone, so that the list stays one.
    while let Some([a, b, c]) = shaper.array::<3>(at) {
        shaper.keep(at, 3);
        at = at.saturating_add(3).saturating_add(u32::from_be_bytes([0, a, b, c]) as usize);
    }
    shaper.finish()
}

/// An element of DER: its tag, where its content begins, and where it ends.
#[derive(Clone, Copy)]
struct Element {
    tag: u8,
    content: usize,
    end: usize,
}

/// Reads the head of an element, and keeps it.
fn element(shaper: &mut Shaper<'_>, at: usize, limit: usize) -> Option<Element> {
    let (tag, first) = (shaper.byte(at)?, shaper.byte(at.checked_add(1)?)?);
    let (head, length) = match first {
        0..=0x7f => (2, usize::from(first)),
        0x81 => (3, usize::from(shaper.byte(at.checked_add(2)?)?)),
        0x82 => (4, usize::from(shaper.short(at.checked_add(2)?)?)),
        // No certificate of a handshake has elements of 64 KiB.
        _ => return None,
    };
    let content = at.checked_add(head)?;
    let end = content.checked_add(length).filter(|end| *end <= limit)?;
    shaper.keep(at, head);
    Some(Element { tag, content, end })
}

/// RFC 5280 section 4.1.
fn leaf(shaper: &mut Shaper<'_>, at: usize, limit: usize) -> Option<()> {
    let certificate = element(shaper, at, limit)?;
    let signed = element(shaper, certificate.content, certificate.end)?;
    let mut at = signed.content;
    let mut place = 0;
    while at < signed.end {
        let part = element(shaper, at, signed.end)?;
        match (part.tag, place) {
            (VERSION, _) => {
                shaper.keep(part.content, part.end.saturating_sub(part.content));
                place = 0;
                at = part.end;
                continue;
            }
            // The serial number, as ones: a number has no zeros in front.
            (_, 0) => shaper.put(part.content, &vec![1; part.end.saturating_sub(part.content)]),
            (_, 2) => issuer(shaper, part, MAX_DEPTH),
            (EXTENSIONS, _) => {
                extensions(shaper, part)?;
            }
            (_, 1 | 3..=5) => shaper.keep(part.content, part.end.saturating_sub(part.content)),
            _ => {}
        }
        place += 1;
        at = part.end;
    }
    let algorithm = element(shaper, signed.end, certificate.end)?;
    shaper.keep(algorithm.content, algorithm.end.saturating_sub(algorithm.content));
    element(shaper, algorithm.end, certificate.end)?;
    Some(())
}

/// A name in its form, with letters for what it says.
fn issuer(shaper: &mut Shaper<'_>, of: Element, depth: u8) {
    let mut at = of.content;
    while depth > 0
        && at < of.end
        && let Some(part) = element(shaper, at, of.end)
    {
        let length = part.end.saturating_sub(part.content);
        match part.tag {
            SEQUENCE | SET => issuer(shaper, part, depth - 1),
            OBJECT_ID => shaper.keep(part.content, length),
            _ => shaper.put(part.content, &vec![b'x'; length]),
        }
        at = part.end;
    }
}

fn extensions(shaper: &mut Shaper<'_>, of: Element) -> Option<()> {
    let list = element(shaper, of.content, of.end)?;
    let mut at = list.content;
    while at < list.end {
        let extension = element(shaper, at, list.end)?;
        let id = element(shaper, extension.content, extension.end)?;
        let name = shaper.original().get(id.content..id.end)?;
        shaper.keep(id.content, name.len());
        let mut part = element(shaper, id.end, extension.end)?;
        if part.tag == BOOLEAN {
            shaper.keep(part.content, part.end.saturating_sub(part.content));
            part = element(shaper, part.end, extension.end)?;
        }
        let length = part.end.saturating_sub(part.content);
        if SHOWN.contains(&name) {
            shaper.keep(part.content, length);
        }
        at = extension.end;
    }
    Some(())
}

/// Names in names that are gone into.
const MAX_DEPTH: u8 = 4;
/// Tags of DER (ITU-T X.690 section 8).
const BOOLEAN: u8 = 0x01;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// Key usage, subject alternative name, basic constraints, extended key usage (RFC 5280 section 4.2.1).
const SHOWN: [&[u8]; 4] = [&[0x55, 0x1d, 15], &[0x55, 0x1d, 17], &[0x55, 0x1d, 19], &[0x55, 0x1d, 37]];

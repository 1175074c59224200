//! DNS messages: names and addresses by their stand-ins, and of everything else the form alone.
//!
//! Input: a message. Output: as many bytes, with the head, the questions and the records in their places; the data of records
//! that are neither addresses nor names nor hints are zeros. Must not: follow a pointer forwards, or keep a text.

use std::net::IpAddr;

use super::Masks;
use super::shaper::Shaper;

/// Redacts a message; nothing where it is none.
pub(super) fn message(bytes: &[u8], masks: &mut Masks) -> Option<Vec<u8>> {
    let mut shaper = Shaper::new(bytes);
    let counts: [u16; 4] = [4, 6, 8, 10].map(|at| shaper.short(at).unwrap_or(0));
    shaper.array::<HEAD>(0)?;
    shaper.keep(0, HEAD);
    let [questions, records @ ..] = counts;
    let records: u32 = records.iter().map(|count| u32::from(*count)).sum();
    let mut at = HEAD;
    for _ in 0..questions.min(MAX_QUESTIONS) {
        at = name(&mut shaper, at, masks)?;
        shaper.keep(at, 4);
        at = at.checked_add(4)?;
    }
    for _ in 0..records.min(MAX_RECORDS) {
        let Some(next) = record(&mut shaper, at, masks) else { break };
        at = next;
    }
    // What is behind the records is nobody's business, and yet part of the length.
    shaper.hold(0, bytes.len());
    Some(shaper.finish())
}

/// A record, and where the next one begins.
fn record(shaper: &mut Shaper<'_>, at: usize, masks: &mut Masks) -> Option<usize> {
    let fields = name(shaper, at, masks)?;
    let (kind, length) = (shaper.short(fields)?, usize::from(shaper.short(fields.checked_add(8)?)?));
    let data = fields.checked_add(10)?;
    // The class of an OPT record is the size of a datagram, its time to live are flags: both as harmless as the others'.
    shaper.keep(fields, 10);
    shaper.hold(data, length);
    match (kind, length) {
        (A, 4) => address(shaper, data, &shaper.array::<4>(data)?.into(), masks),
        (AAAA, 16) => address(shaper, data, &shaper.array::<16>(data)?.into(), masks),
        (CNAME | NS | DNAME | PTR, _) => {
            name(shaper, data, masks)?;
        }
        (SVCB | HTTPS, 3..) => service(shaper, data, length, masks)?,
        _ => {}
    }
    data.checked_add(length).filter(|next| *next <= shaper.len())
}

fn address(shaper: &mut Shaper<'_>, at: usize, address: &IpAddr, masks: &mut Masks) {
    match masks.addresses.map(*address) {
        IpAddr::V4(v4) => shaper.put(at, &v4.octets()),
        IpAddr::V6(v6) => shaper.put(at, &v6.octets()),
    }
}

/// The data of a service record (RFC 9460 section 2.2): priority, target, parameters.
fn service(shaper: &mut Shaper<'_>, at: usize, length: usize, masks: &mut Masks) -> Option<()> {
    let end = at.checked_add(length)?;
    shaper.keep(at, 2);
    let mut at = name(shaper, at.checked_add(2)?, masks)?;
    while at < end {
        let (key, length) = (shaper.short(at)?, usize::from(shaper.short(at.checked_add(2)?)?));
        let value = at.checked_add(4)?;
        shaper.keep(at, 4);
        match key {
            ALPN => shaper.keep(value, length),
            IPV4_HINT => {
                for at in (value..).step_by(4).take(length / 4) {
                    address(shaper, at, &shaper.array::<4>(at)?.into(), masks);
                }
            }
            IPV6_HINT => {
                for at in (value..).step_by(16).take(length / 16) {
                    address(shaper, at, &shaper.array::<16>(at)?.into(), masks);
                }
            }
            _ => {}
        }
        at = value.checked_add(length)?;
    }
    Some(())
}

/// Puts the stand-in's labels where the name's are, and says where the name ends. Labels that are reached by a pointer are
/// put where they stand, which they were already, or are now alike.
fn name(shaper: &mut Shaper<'_>, at: usize, masks: &mut Masks) -> Option<usize> {
    let (mut labels, mut text) = (Vec::new(), Vec::new());
    let (mut here, mut end) = (at, None);
    loop {
        let length = shaper.byte(here)?;
        match length {
            0 => {
                shaper.keep(here, 1);
                end = end.or(here.checked_add(1));
                break;
            }
            1..=MAX_LABEL => {
                let from = here.checked_add(1)?;
                let label = shaper.original().get(from..from.checked_add(length.into())?)?;
                shaper.keep(here, 1);
                labels.push((from, label.len()));
                if !text.is_empty() {
                    text.push(b'.');
                }
                text.extend_from_slice(label);
                here = from.checked_add(length.into())?;
            }
            POINTER.. => {
                let to = usize::from(shaper.short(here)? & 0x3fff);
                shaper.keep(here, 2);
                end = end.or(here.checked_add(2));
                // Backwards, and so no circle.
                if to >= here || labels.len() > MAX_LABELS {
                    return None;
                }
                here = to;
            }
            _ => return None,
        }
        if labels.len() > MAX_LABELS {
            return None;
        }
    }
    put(shaper, &labels, &text, masks);
    end
}

fn put(shaper: &mut Shaper<'_>, labels: &[(usize, usize)], text: &[u8], masks: &mut Masks) {
    let mapped = masks.names.map_bytes(text);
    let mapped = mapped.as_deref().map(str::as_bytes);
    let mut read = 0_usize;
    for (at, length) in labels {
        let label = mapped.and_then(|mapped| mapped.get(read..read.saturating_add(*length)));
        read = read.saturating_add(length.saturating_add(1));
        // What is no host name has nothing that a finding needs.
        let blank = || vec![b'x'; *length];
        shaper.put(*at, &label.map_or_else(blank, <[u8]>::to_vec));
    }
}

const HEAD: usize = 12;
/// Messages have one question; the reader takes no more.
const MAX_QUESTIONS: u16 = 4;
const MAX_RECORDS: u32 = 4_096;
const MAX_LABEL: u8 = 63;
const MAX_LABELS: usize = 127;
const POINTER: u8 = 0xc0;
/// Types of records (IANA, Domain Name System Parameters).
const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const PTR: u16 = 12;
const AAAA: u16 = 28;
const DNAME: u16 = 39;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
/// Keys of service parameters (RFC 9460 section 14.3.2).
const ALPN: u16 = 1;
const IPV4_HINT: u16 = 4;
const IPV6_HINT: u16 = 6;

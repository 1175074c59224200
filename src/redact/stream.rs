//! The first bytes of a TCP direction: handshakes of TLS, heads of HTTP requests, DNS over TCP.
//!
//! Input: a direction's contiguous first bytes. Output: those of them that a rule keeps, from the first one on. Must not: keep
//! anything of a protocol that it does not know, or a byte behind the last that the inspection reads.

use super::shaper::Shaper;
use super::{Masks, dns, hello};
use crate::wire::dns as wire_dns;
use crate::wire::http;
use crate::wire::proxy;
use crate::wire::{Read, tls};

/// What is known of the flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// One port is that of DNS.
    pub(super) is_domain: bool,
    /// What its certificate names may be shown.
    pub(super) shows_certificate: bool,
}

/// Redacts a direction's first bytes.
pub(super) fn redact(bytes: &[u8], known: Known, masks: &mut Masks) -> Vec<u8> {
    if known.is_domain {
        return domain(bytes, masks);
    }
    if bytes.first() == Some(&HANDSHAKE_RECORD) {
        return handshake(bytes, known, masks);
    }
    // The addresses in such a head are those of a machine behind the proxy.
    if matches!(proxy::head_len(bytes), Read::Done(_)) {
        return Vec::new();
    }
    match http::request(bytes) {
        Read::Done(_) => request(bytes, masks),
        _ => Vec::new(),
    }
}

/// Whole messages, each behind its length.
fn domain(bytes: &[u8], masks: &mut Masks) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(end) = wire_dns::stream_message_len(rest)
        && let Some((message, behind)) = rest.split_at_checked(end)
        && let Some((length, body)) = message.split_at_checked(2)
        && let Some(made) = dns::message(body, masks)
    {
        out.extend_from_slice(length);
        out.extend_from_slice(&made);
        rest = behind;
    }
    out
}

/// The head of a request: its method, its version, and whom it is addressed to.
fn request(bytes: &[u8], masks: &mut Masks) -> Vec<u8> {
    let length = http::head_len(bytes).unwrap_or(bytes.len());
    let head = bytes.get(..length).unwrap_or_default();
    let mut out = Vec::with_capacity(length);
    for (number, line) in head.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match (number, line.iter().position(|byte| *byte == b':')) {
            (0, _) => out.extend(request_line(line, masks)),
            (_, Some(colon)) => out.extend(header(line, colon, masks)),
            (_, None) => out.extend(blank(line)),
        }
    }
    out
}

fn request_line(line: &[u8], masks: &mut Masks) -> Vec<u8> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let (Some(method), Some(target)) = (parts.next(), parts.next()) else { return blank(line) };
    let version = parts.next().unwrap_or_default();
    [method, b" ", &self::target(target, method == b"CONNECT", masks), b" ", version].concat()
}

/// The authority by its stand-in, and of a path its length alone.
fn target(target: &[u8], is_authority: bool, masks: &mut Masks) -> Vec<u8> {
    if is_authority {
        return authority(target, masks);
    }
    let scheme = target.windows(3).position(|at| at == b"://").filter(|_| target.first() != Some(&b'/'));
    let Some(scheme) = scheme.map(|at| at.saturating_add(3)) else {
        return slashed(target);
    };
    let (front, rest) = target.split_at_checked(scheme).unwrap_or((target, &[]));
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end).unwrap_or((rest, &[]));
    [front, &authority(host, masks), &slashed(path)].concat()
}

/// As long a path that says nothing.
fn slashed(path: &[u8]) -> Vec<u8> {
    path.iter().enumerate().map(|(at, _)| if at == 0 { b'/' } else { b'x' }).collect()
}

fn authority(text: &[u8], masks: &mut Masks) -> Vec<u8> {
    let end = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
    let (host, port) = text.split_at_checked(end).unwrap_or((text, &[]));
    let mapped = masks.names.map_bytes(host).map_or_else(|| vec![b'x'; host.len()], String::into_bytes);
    let is_port = port.iter().skip(1).all(u8::is_ascii_digit);
    [mapped, if is_port { port.to_vec() } else { blank(port) }].concat()
}

fn header(line: &[u8], colon: usize, masks: &mut Masks) -> Vec<u8> {
    let (name, value) = line.split_at_checked(colon).unwrap_or((line, &[]));
    if !name.eq_ignore_ascii_case(b"host") {
        return [blank(name), b":".to_vec(), blank(value.get(1..).unwrap_or_default())].concat();
    }
    let is_text = |byte: &u8| !b": \t\r\n".contains(byte);
    let begins = value.iter().position(is_text).unwrap_or(value.len());
    let ends =
        value.iter().rposition(|byte| !b" \t\r\n".contains(byte)).map_or(begins, |at| at.saturating_add(1));
    let (front, text) = value.split_at_checked(begins).unwrap_or((value, &[]));
    let (text, behind) = text.split_at_checked(ends.saturating_sub(begins)).unwrap_or((text, &[]));
    [name, front, &authority(text, masks), behind].concat()
}

/// As long, with the ends of lines where they were.
fn blank(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| if b"\r\n".contains(byte) { *byte } else { b'x' }).collect()
}

/// The handshake records in front: hellos, and the certificate where it may be shown.
fn handshake(bytes: &[u8], known: Known, masks: &mut Masks) -> Vec<u8> {
    let mut shaper = Shaper::new(bytes);
    // Where each handshake byte stands among the bytes.
    let mut places: Vec<usize> = Vec::new();
    let mut at = 0_usize;
    let mut records = Vec::new();
    while shaper.byte(at) == Some(HANDSHAKE_RECORD)
        && let Some(length) = shaper.short(at.saturating_add(3))
    {
        let body = at.saturating_add(RECORD_HEAD);
        let end = body.saturating_add(length.into());
        places.extend(body..end.min(bytes.len()));
        records.push((at, end));
        at = end;
    }
    let text: Vec<u8> = places.iter().filter_map(|at| bytes.get(*at).copied()).collect();
    let is_client = text.first() == Some(&hello::CLIENT_HELLO);
    let made = hello::messages(&text, hello::Transport::Stream, known.shows_certificate, masks);
    let last = made.len().checked_sub(1).and_then(|last| places.get(last)).copied();
    for (at, byte) in places.iter().zip(&made) {
        shaper.put(*at, &[*byte]);
    }
    for (at, _) in records.iter().filter(|(at, _)| last.is_some_and(|last| *at <= last)) {
        shaper.keep(*at, RECORD_HEAD);
    }
    // What comes next tells the reader of a server's answer that no certificate comes in clear.
    if !is_client && last.is_some() && shaper.byte(at).is_some() && is_next_record(&tls::server_flight(bytes))
    {
        shaper.keep(at, RECORD_HEAD);
    }
    shaper.finish()
}

fn is_next_record(answer: &Read<tls::ServerFlight>) -> bool {
    matches!(answer, Read::Done(_))
}

/// The content type of a record with handshake messages, and a record's head (RFC 8446 section 5.1).
const HANDSHAKE_RECORD: u8 = 22;
const RECORD_HEAD: usize = 5;

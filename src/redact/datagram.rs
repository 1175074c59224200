//! The payload of UDP datagrams: what the inspection reads of them, and nothing of what they carry.
//!
//! Input: one datagram, and what is known of its flow. Output: as much of its front as a rule keeps. Must not: keep media, a
//! user's name, a ticket, or anything of a protocol that is not listed here.

use std::net::IpAddr;

use super::shaper::Shaper;
use super::{Masks, dns, hello, media};
use crate::packet::sealed_tunnel;
use crate::wire::quic::{self, PacketKind};
use crate::wire::zoom::{self, Socket, Stun};
use crate::wire::{Read, dtls, stun};

/// What is known of a flow over UDP.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Known {
    /// What its certificate names may be shown.
    pub(super) shows_certificate: bool,
    /// What its hello in QUIC names may be shown: the hello cannot be changed without making it anew.
    pub(super) shows_quic: bool,
    /// It is the client's own layer.
    pub(super) is_clients_layer: bool,
}

/// A datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) ports: [u16; 2],
    pub(super) payload: &'a [u8],
    /// Its length on the wire, of which `payload` was captured.
    pub(super) length: u32,
}

/// Redacts a datagram.
pub(super) fn redact(of: &Datagram<'_>, known: Known, socket: &mut Socket, masks: &mut Masks) -> Vec<u8> {
    let payload = of.payload;
    if of.ports.contains(&crate::wire::dns::PORT) {
        masks.counts.dns_messages += 1;
        return dns::message(payload, masks).unwrap_or_default();
    }
    if let Read::Done(_) = stun::message(payload) {
        return stun_message(payload, masks).unwrap_or_default();
    }
    if let Read::Done(message) = zoom::stun(payload) {
        return stun_of_the_client(payload, message);
    }
    if let Some(header) = quic::long_header(payload) {
        return quic_packet(payload, header.kind, known, masks);
    }
    if known.is_clients_layer {
        let made = media::redact(of, socket, masks);
        if !made.is_empty() {
            return made;
        }
    }
    if dtls::record(payload).is_some() {
        return records(payload, known, masks);
    }
    if sealed_tunnel(of.ports, payload, of.length).is_some() {
        return payload.iter().take(SEALED_HEAD).copied().collect();
    }
    Vec::new()
}

/// RFC 8489: the head, and of the attributes the addresses.
fn stun_message(payload: &[u8], masks: &mut Masks) -> Option<Vec<u8>> {
    let mut shaper = Shaper::new(payload);
    shaper.keep(0, STUN_HEAD);
    let mask: [u8; 16] = shaper.array(4)?;
    let mut at = STUN_HEAD;
    while at < payload.len() {
        let (kind, length) = (shaper.short(at)?, usize::from(shaper.short(at.checked_add(2)?)?));
        let value = at.checked_add(4)?;
        shaper.keep(at, 4);
        if matches!(kind, MAPPED_ADDRESS | XOR_MAPPED_ADDRESS) {
            mapped_address(&mut shaper, value, length, if kind == MAPPED_ADDRESS { [0; 16] } else { mask }, masks);
        }
        at = value.checked_add(length.next_multiple_of(4))?;
    }
    // It is a message only with all of its length.
    shaper.hold(0, payload.len());
    masks.counts.stun_messages += 1;
    Some(shaper.finish())
}

fn mapped_address(shaper: &mut Shaper<'_>, at: usize, length: usize, mask: [u8; 16], masks: &mut Masks) -> Option<()> {
    let value = at.checked_add(4)?;
    let turned = |bytes: &[u8]| -> Vec<u8> { bytes.iter().zip(mask).map(|(a, b)| a ^ b).collect() };
    let address: IpAddr = match length {
        8 => <[u8; 4]>::try_from(turned(&shaper.array::<4>(value)?)).ok()?.into(),
        20 => <[u8; 16]>::try_from(turned(&shaper.array::<16>(value)?)).ok()?.into(),
        _ => return None,
    };
    shaper.keep(at, 4);
    match masks.addresses.map(address) {
        IpAddr::V4(v4) => shaper.put(value, &turned(&v4.octets())),
        IpAddr::V6(v6) => shaper.put(value, &turned(&v6.octets())),
    }
    Some(())
}

/// The answer's address, in a form that nobody has described, is not kept.
fn stun_of_the_client(payload: &[u8], message: Stun) -> Vec<u8> {
    let mut shaper = Shaper::new(payload);
    shaper.hold(0, payload.len());
    match message {
        Stun::Request { .. } => shaper.keep(0, payload.len()),
        Stun::Reply { .. } => shaper.keep(0, CLIENT_STUN_HEAD),
    }
    shaper.finish()
}

/// Initials are kept whole where their names are: they hold hellos, under keys that everybody has. Of others the head.
fn quic_packet(payload: &[u8], kind: PacketKind, known: Known, masks: &mut Masks) -> Vec<u8> {
    let mut shaper = Shaper::new(payload);
    let is_whole = kind == PacketKind::VersionNegotiation || (kind == PacketKind::Initial && known.shows_quic);
    if is_whole {
        shaper.keep(0, payload.len());
        masks.counts.quic_kept += 1;
        return shaper.finish();
    }
    masks.counts.quic_emptied += u64::from(kind == PacketKind::Initial);
    let destination = usize::from(shaper.byte(5).unwrap_or(0));
    let source = destination.saturating_add(6);
    let length = usize::from(shaper.byte(source).unwrap_or(0));
    shaper.keep(0, source.saturating_add(1).saturating_add(length));
    // A demand to come again has to have a token and a tag.
    if kind == PacketKind::Retry {
        shaper.hold(0, payload.len());
    }
    shaper.finish()
}

/// RFC 6347: the heads of records, and of handshakes in clear what is kept of messages.
fn records(payload: &[u8], known: Known, masks: &mut Masks) -> Vec<u8> {
    let mut shaper = Shaper::new(payload);
    let mut at = 0_usize;
    while let Some([kind, _, _, e0, e1]) = shaper.array::<5>(at)
        && let Some(length) = shaper.short(at.saturating_add(11))
    {
        let body = at.saturating_add(RECORD_HEAD);
        let end = body.saturating_add(length.into());
        shaper.keep(at, RECORD_HEAD);
        if (kind, e0, e1) == (HANDSHAKE, 0, 0) {
            fragments(&mut shaper, body, end, known, masks);
        }
        // The reader takes a record only with all of its length.
        shaper.hold(body, length.into());
        at = end;
    }
    shaper.finish()
}

fn fragments(shaper: &mut Shaper<'_>, from: usize, end: usize, known: Known, masks: &mut Masks) {
    let mut at = from;
    while at < end
        && let Some([kind, l0, l1, l2, _, _, o0, o1, o2, n0, n1, n2]) = shaper.array(at)
    {
        let number = |a, b, c| u32::from_be_bytes([0, a, b, c]) as usize;
        let (length, offset, count) = (number(l0, l1, l2), number(o0, o1, o2), number(n0, n1, n2));
        let body = at.saturating_add(FRAGMENT_HEAD);
        shaper.keep(at, FRAGMENT_HEAD);
        let next = body.saturating_add(count);
        let text = shaper.original().get(body..next.min(end)).unwrap_or_default();
        // A message in pieces is kept only where nothing in it is changed.
        let is_certificate = kind == CERTIFICATE;
        if is_certificate || (offset == 0 && count == length) {
            let transport = hello::Transport::Datagrams;
            let made = hello::message(kind, text, transport, known.shows_certificate, masks);
            shaper.put(body, &made);
        }
        at = next;
    }
}

/// The part of a sealed tunnel's datagram that tells its protocol.
const SEALED_HEAD: usize = 4;
const STUN_HEAD: usize = 20;
const MAPPED_ADDRESS: u16 = 0x0001;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// Type, length, id, and the head of the attribute, behind which the address stands.
const CLIENT_STUN_HEAD: usize = 26;
/// Of DTLS (RFC 6347 sections 4.1 and 4.2.2).
const RECORD_HEAD: usize = 13;
const FRAGMENT_HEAD: usize = 12;
const HANDSHAKE: u8 = 22;
const CERTIFICATE: u8 = 11;

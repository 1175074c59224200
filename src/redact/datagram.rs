//! The payload of UDP datagrams: what the inspection reads of them, and nothing of what they carry.
//!
//! Input: one datagram, and what is known of its flow. Output: as much of its front as a rule keeps. Must not: keep media, a
//! user's name, a ticket, or anything of a protocol that is not listed here.

use std::collections::HashMap;
use std::net::IpAddr;

use super::ends::{Datagram, Ends};
use super::shaper::Shaper;
use super::{Masks, dns, hello, media};
use crate::flow::Side;
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

/// Redacts a datagram.
pub(super) fn redact(
    of: &Datagram<'_>,
    known: Known,
    socket: &mut Socket,
    chains: &Chain<'_>,
    masks: &mut Masks,
) -> Vec<u8> {
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
        return records(payload, known, chains, masks);
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
            mapped_address(
                &mut shaper,
                value,
                length,
                if kind == MAPPED_ADDRESS { [0; 16] } else { mask },
                masks,
            );
        }
        at = value.checked_add(length.next_multiple_of(4))?;
    }
    // It is a message only with all of its length.
    shaper.hold(0, payload.len());
    masks.counts.stun_messages += 1;
    Some(shaper.finish())
}

fn mapped_address(
    shaper: &mut Shaper<'_>,
    at: usize,
    length: usize,
    mask: [u8; 16],
    masks: &mut Masks,
) -> Option<()> {
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
    let is_whole =
        kind == PacketKind::VersionNegotiation || (kind == PacketKind::Initial && known.shows_quic);
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

/// Collects the fragments of messages with certificates, in the first reading.
pub(super) fn gather(payload: &[u8], ends: Ends, side: Side, chains: &mut Chains) {
    if dtls::record(payload).is_none() {
        return;
    }
    let shaper = Shaper::new(payload);
    each_fragment(&shaper, |fragment, text| {
        if fragment.kind == CERTIFICATE {
            chains.take(Chain { chains: None, ends, side }.key(fragment), fragment, text);
        }
    });
}

/// Messages with certificates, which are taken apart nearly always, put together.
#[derive(Default, Debug)]
pub(super) struct Chains {
    of: HashMap<(Ends, Side, u16), Vec<u8>>,
}

impl Chains {
    fn take(&mut self, key: (Ends, Side, u16), fragment: Fragment, text: &[u8]) {
        let is_room = self.of.len() < MAX_CHAINS || self.of.contains_key(&key);
        if !is_room || fragment.length > dtls::MAX_MESSAGE as usize {
            return;
        }
        let chain = self.of.entry(key).or_insert_with(|| vec![0; fragment.length]);
        let room = chain.get_mut(fragment.offset..).unwrap_or_default();
        room.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
    }

    /// Those of a flow's side.
    pub(super) const fn of(&self, ends: Ends, side: Side) -> Chain<'_> {
        Chain { chains: Some(self), ends, side }
    }
}

/// Messages with certificates of one side of a flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain<'a> {
    chains: Option<&'a Chains>,
    ends: Ends,
    side: Side,
}

impl Chain<'_> {
    const fn key(&self, fragment: Fragment) -> (Ends, Side, u16) {
        (self.ends, self.side, fragment.number)
    }

    /// A fragment of such a message, redacted as a part of the whole.
    fn redacted(&self, fragment: Fragment, masks: &mut Masks) -> Vec<u8> {
        let whole = self.chains.and_then(|chains| chains.of.get(&self.key(fragment)));
        let Some(whole) = whole else { return Vec::new() };
        let made = hello::message(CERTIFICATE, whole, hello::Transport::Datagrams, true, masks);
        made.into_iter().skip(fragment.offset).take(fragment.count).collect()
    }
}

/// The head of a fragment of a handshake message, and where its text is.
#[derive(Clone, Copy, Debug)]
struct Fragment {
    kind: u8,
    length: usize,
    number: u16,
    offset: usize,
    count: usize,
    body: usize,
}

/// RFC 6347: goes through the fragments of handshakes in clear.
fn each_fragment<'a>(shaper: &Shaper<'a>, mut with: impl FnMut(Fragment, &'a [u8])) {
    each_record(shaper, |kind, epoch, body, end| {
        let mut at = body;
        while (kind, epoch) == (HANDSHAKE, 0)
            && at < end
            && let Some([kind, l0, l1, l2, m0, m1, o0, o1, o2, n0, n1, n2]) = shaper.array(at)
        {
            let number = |a, b, c| u32::from_be_bytes([0, a, b, c]) as usize;
            let (length, offset, count) = (number(l0, l1, l2), number(o0, o1, o2), number(n0, n1, n2));
            let body = at.saturating_add(FRAGMENT_HEAD);
            let number = u16::from_be_bytes([m0, m1]);
            at = body.saturating_add(count);
            let text = shaper.original().get(body..at.min(end)).unwrap_or_default();
            with(Fragment { kind, length, number, offset, count, body }, text);
        }
    });
}

/// Goes through the records of a datagram: type, epoch, and where the body begins and ends.
fn each_record(shaper: &Shaper<'_>, mut with: impl FnMut(u8, u16, usize, usize)) {
    let mut at = 0_usize;
    while let Some([kind, _, _, e0, e1]) = shaper.array::<5>(at)
        && let Some(length) = shaper.short(at.saturating_add(11))
    {
        let body = at.saturating_add(RECORD_HEAD);
        let end = body.saturating_add(length.into());
        with(kind, u16::from_be_bytes([e0, e1]), body, end);
        at = end;
    }
}

/// The heads of records, and of handshakes in clear what is kept of messages.
fn records(payload: &[u8], known: Known, chains: &Chain<'_>, masks: &mut Masks) -> Vec<u8> {
    let mut shaper = Shaper::new(payload);
    let read = Shaper::new(payload);
    each_record(&read, |_, _, body, end| {
        shaper.keep(body.saturating_sub(RECORD_HEAD), RECORD_HEAD);
        // The reader takes a record only with all of its length.
        shaper.hold(body, end.saturating_sub(body));
    });
    each_fragment(&read, |fragment, text| {
        shaper.keep(fragment.body.saturating_sub(FRAGMENT_HEAD), FRAGMENT_HEAD);
        let Fragment { kind, length, offset, count, body, .. } = fragment;
        let made = match kind {
            CERTIFICATE if known.shows_certificate => chains.redacted(fragment, masks),
            // Of another message in pieces a name could lie across two.
            _ if offset == 0 && count == length => {
                hello::message(kind, text, hello::Transport::Datagrams, false, masks)
            }
            _ => Vec::new(),
        };
        shaper.put(body, &made);
    });
    shaper.finish()
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
/// Messages with certificates that are put together; of further ones nothing is kept.
const MAX_CHAINS: usize = 2_048;

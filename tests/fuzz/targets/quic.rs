//! QUIC Initials. Laws: a hello sealed by rustls, in CRYPTO frames cut and ordered at will over several datagrams, is read as
//! it is read without QUIC; any other datagrams are taken.

use borderpost::wire::Read;
use borderpost::wire::quic::Initials;
use borderpost::wire::tls::client_hello_message;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::Version;
use rustls::{Side, Tls13CipherSuite};

use super::frames::{is_udp, payloads, uses_port};
use super::script::Script;

pub fn seeds() -> Vec<Vec<u8>> {
    let datagrams = payloads(60, |packet| is_udp(packet) && uses_port(packet, 443));
    let raw = datagrams.iter().map(|datagram| {
        [&[0][..], &u16::try_from(datagram.len()).unwrap_or(0).to_be_bytes(), datagram].concat()
    });
    let hellos = payloads(60, |packet| uses_port(packet, 443) && packet.payload.first() == Some(&22));
    let sealed = hellos.iter().filter_map(|hello| {
        Some([&[1, 8][..], &[0, 90, 1, 0, 0, 30, 0, 200, 0, 3, 0, 1, 0, 2], hello.get(5..)?].concat())
    });
    raw.chain(sealed).collect()
}

pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    if script.byte().is_multiple_of(2) {
        let mut initials = Initials::new();
        while !script.is_empty() {
            let _ = initials.push(script.bytes());
        }
        let _ = (initials.has_opened(), initials.cut_hello());
    } else {
        sealed_hello(script);
    }
}

fn sealed_hello(mut script: Script<'_>) {
    let id = [7; 20];
    let id = &id[..usize::from(script.byte() % 21)];
    let cuts = [0; 4].map(|_| script.below(900));
    let order: Vec<usize> = (0..3).map(|_| script.below(5)).collect();
    let hello = &script.rest()[..script.rest().len().min(4_000)];
    // Only a message with the length that it states: what follows it in CRYPTO frames is another one.
    let Some(head) = hello.first_chunk::<4>() else { return };
    let stated = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
    if stated + 4 != hello.len() {
        return;
    }
    let mut ends: Vec<usize> = cuts.iter().map(|cut| *cut.min(&hello.len())).collect();
    ends.extend([0, hello.len()]);
    ends.sort_unstable();
    let parts: Vec<_> = ends.windows(2).map(|ends| ends[0]..ends[1]).collect();
    let mut initials = Initials::new();
    let order = order.into_iter().filter(|part| *part < parts.len()).chain(0..parts.len());
    let mut read = Read::More;
    for (number, part) in (0..).zip(order) {
        let range = parts[part].clone();
        if range.is_empty() {
            continue;
        }
        read = initials.push(&sealed(id, number, &crypto(range.start, &hello[range.clone()])));
        if let Read::Done(_) = read {
            break;
        }
    }
    if let (Read::Done(alone), Read::Done(read)) = (client_hello_message(hello), &read) {
        assert_eq!(read.hello.server_name, alone.server_name);
    } else {
        assert_eq!(
            matches!(client_hello_message(hello), Read::Done(_)),
            matches!(read, Read::Done(_)),
            "{hello:02x?}"
        );
    }
}

fn crypto(offset: usize, data: &[u8]) -> Vec<u8> {
    let number = |number: usize| (u16::try_from(number).unwrap_or(0) | 0x4000).to_be_bytes();
    [&[6][..], &number(offset), &number(data.len()), data].concat()
}

/// Seals frames as a client does (RFC 9001, section 5), with a packet number of four bytes.
fn sealed(id: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
    let Some(suite) = TLS13_AES_128_GCM_SHA256.tls13().and_then(Tls13CipherSuite::quic_suite) else {
        return Vec::new();
    };
    let keys = suite.keys(id, Side::Client, Version::V1).local;
    let mut payload = frames.to_vec();
    payload.resize(payload.len().max(1_150), 0);
    let length = u16::try_from(4 + payload.len() + 16).unwrap_or(0) | 0x4000;
    let id_len = [u8::try_from(id.len()).unwrap_or(0)];
    let mut packet = [&[0xc3, 0, 0, 0, 1][..], &id_len, id, &[0, 0], &length.to_be_bytes()].concat();
    let number_at = packet.len();
    packet.extend_from_slice(&number.to_be_bytes());
    let Ok(tag) = keys.packet.encrypt_in_place(number.into(), &packet, &mut payload) else {
        return Vec::new();
    };
    packet.extend([&payload[..], tag.as_ref()].concat());
    let (head, rest) = packet.split_at_mut(number_at);
    let (number, sampled) = rest.split_at_mut(4);
    if keys.header.encrypt_in_place(&sampled[..16], &mut head[0], number).is_err() {
        return Vec::new();
    }
    packet
}

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use rustls::Side;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::Version;

use super::*;
use crate::wire::Hostname;
use crate::wire::captures;
use crate::wire::tls::ServerName;

/// The CRYPTO frame of RFC 9001 appendix A.2: a hello for example.com.
const A2_FRAME: &str = "\
    060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301130201\
    0000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c70\
    6e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74\
    d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffff\
    ffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff";

/// The destination id of the examples.
const A2_ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The hello inside [`A2_FRAME`].
fn a2_hello() -> Vec<u8> {
    hex(A2_FRAME)[4..].to_vec()
}

fn crypto_frame(offset: usize, data: &[u8]) -> Vec<u8> {
    let two_bytes = |number: usize| (u16::try_from(number).unwrap() | 0x4000).to_be_bytes();
    [&[6][..], &two_bytes(offset), &two_bytes(data.len()), data].concat()
}

/// The version by which rustls derives the keys of a version.
fn oracle_version(version: u32) -> Version {
    match version {
        VERSION_2 => Version::V2,
        0xff00001d..=0xff000020 => Version::V1Draft,
        _ if is_reserved(version) => Version::V1Draft,
        _ => Version::V1,
    }
}

/// Seals frames as a client does, padded to a payload of `payload_length` bytes, with a packet number of four
/// bytes.
fn sealed(
    version: u32,
    keys_id: &[u8],
    id: &[u8],
    number: u32,
    frames: &[u8],
    payload_length: usize,
) -> Vec<u8> {
    let suite = TLS13_AES_128_GCM_SHA256.tls13().unwrap().quic_suite().unwrap();
    let keys = suite.keys(keys_id, Side::Client, oracle_version(version)).local;
    let mut packet = vec![if version == VERSION_2 { 0xd3 } else { 0xc3 }];
    packet.extend_from_slice(&version.to_be_bytes());
    packet.push(u8::try_from(id.len()).unwrap());
    packet.extend_from_slice(id);
    packet.extend_from_slice(&[0, 0]);
    let length = u16::try_from(4 + payload_length + 16).unwrap() | 0x4000;
    packet.extend_from_slice(&length.to_be_bytes());
    let number_at = packet.len();
    packet.extend_from_slice(&number.to_be_bytes());
    let mut payload = frames.to_vec();
    payload.resize(payload_length, 0);
    let tag = keys.packet.encrypt_in_place(number.into(), &packet, &mut payload).unwrap();
    packet.extend_from_slice(&payload);
    packet.extend_from_slice(tag.as_ref());
    let (head, rest) = packet.split_at_mut(number_at);
    let (number, sampled) = rest.split_at_mut(4);
    keys.header.encrypt_in_place(&sampled[..16], &mut head[0], number).unwrap();
    packet
}

fn sealed_v1(id: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
    sealed(VERSION_1, id, id, number, frames, 1162)
}

/// The client's Initial of RFC 9001 appendix A.2, which asks for example.com.
pub(crate) fn initial() -> Vec<u8> {
    sealed_v1(&A2_ID, 2, &hex(A2_FRAME))
}

/// An Initial of a client that knows its server by `id`, with that part of the same hello, which has 241 bytes.
pub(crate) fn initial_part(id: &[u8], part: std::ops::Range<usize>) -> Vec<u8> {
    sealed_v1(id, 3, &crypto_frame(part.start, &a2_hello()[part]))
}

fn name_of(quic: &QuicHello) -> Option<&Hostname> {
    match &quic.hello.server_name {
        ServerName::Name(name) => Some(name),
        _ => None,
    }
}

#[test]
fn the_examples_of_the_standards_are_opened() {
    let examples = [
        (
            VERSION_1,
            "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b",
            "e221af44860018ab0856972e194cd934",
        ),
        (
            VERSION_2,
            "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071",
            "a18b2faa745b6fe189cf772a9f84cbfc",
        ),
    ];
    for (version, front, tag) in examples {
        let packet = sealed(version, &A2_ID, &A2_ID, 2, &hex(A2_FRAME), 1162);
        // The published bytes: head and sample, and the tag, which depends on every byte between.
        assert!(packet.starts_with(&hex(front)) && packet.ends_with(&hex(tag)));
        let quic = Initials::new().push(&packet).done().unwrap();
        assert_eq!(name_of(&quic), Hostname::parse(b"example.com").as_ref());
        assert_eq!(quic.hello.alpn, ["alpn".into()] as [Box<str>; 1]);
        assert_eq!((quic.version, quic.datagrams), (version, 1));
        let header = long_header(&packet).unwrap();
        assert_eq!((header.version, header.kind), (version, PacketKind::Initial));
        assert_eq!((header.destination.as_bytes(), header.source.as_bytes()), (&A2_ID[..], &[][..]));
    }
}

#[test]
fn drafts_with_the_salt_of_their_own_and_with_that_of_the_standard_are_opened() {
    for version in DRAFTS {
        let packet = sealed(version, &A2_ID, &A2_ID, 2, &hex(A2_FRAME), 1162);
        let quic = Initials::new().push(&packet).done().unwrap();
        assert_eq!((name_of(&quic).unwrap().as_str(), quic.version), ("example.com", version));
        assert_eq!(long_header(&packet).map(|header| header.kind), Some(PacketKind::Initial));
    }
    // Under another salt nothing opens: draft 32 sealed as 33, and the reverse.
    for (sealed_as, sent_as) in [(0x20, 0x21), (0x21, 0x20)] {
        let mut packet = sealed(0xff000000 + sealed_as, &A2_ID, &A2_ID, 2, &hex(A2_FRAME), 1162);
        packet[4] = u8::try_from(sent_as).unwrap();
        assert_eq!(Initials::new().push(&packet), Read::NotMine("initial packet does not open"));
    }
    let reserved = sealed(0x1a2a3a4a, &A2_ID, &A2_ID, 2, &hex(A2_FRAME), 1162);
    assert!(matches!(Initials::new().push(&reserved), Read::Done(quic) if quic.version == 0x1a2a3a4a));
    for version in [0xff00001c, 0xff000023] {
        let packet = sealed(version, &A2_ID, &A2_ID, 2, &hex(A2_FRAME), 1162);
        assert_eq!(long_header(&packet), None);
    }
}

#[test]
fn a_retry_has_a_token_and_a_tag() {
    let retry = |rest: usize| [&[0xf0, 0, 0, 0, 1, 0, 2, 8, 9][..], &vec![7; rest]].concat();
    assert_eq!(long_header(&retry(16)), None, "no token");
    let header = long_header(&retry(17)).unwrap();
    assert_eq!((header.kind, header.source.as_bytes()), (PacketKind::Retry, &[8, 9][..]));
    assert!(matches!(Initials::new().push(&retry(40)), Read::NotMine(_)));
}

#[test]
fn hellos_of_quinn_are_read() {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    // Enough protocols to need several datagrams.
    tls.alpn_protocols.extend((0..12).map(|n| format!("{n:0>200}").into_bytes()));
    let crypto = quinn_proto::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
    let mut endpoint = quinn_proto::Endpoint::new(Arc::default(), None, true, Some([7; 32]));
    let config = quinn_proto::ClientConfig::new(Arc::new(crypto));
    let remote = "192.0.2.1:443".parse().unwrap();
    let now = Instant::now();
    let (_, mut connection) = endpoint.connect(now, config, remote, "us05web.zoom.us").unwrap();
    let mut initials = Initials::new();
    let mut answers = Vec::new();
    loop {
        let mut datagram = Vec::new();
        if connection.poll_transmit(now, 1, &mut datagram).is_none() {
            break;
        }
        answers.push(initials.push(&datagram));
    }
    let last = answers.pop().unwrap().done().unwrap();
    assert!(!answers.is_empty() && answers.iter().all(|answer| *answer == Read::More));
    assert_eq!(name_of(&last), Hostname::parse(b"us05web.zoom.us").as_ref());
    assert_eq!((last.hello.alpn.len(), last.datagrams as usize), (13, answers.len() + 1));
    assert_eq!(last.hello.versions, [tls::TLS_1_3]);
}

#[test]
fn pieces_in_any_order_over_datagrams_join() {
    let hello = a2_hello();
    // An ACK with one range, then one with no range and ECN counts.
    let ack = [2, 0x40, 0x25, 0x10, 1, 3, 0, 2, 3, 5, 0, 0, 1, 2, 3, 4];
    let late = [&[0, 0, 1][..], &crypto_frame(200, &hello[200..]), &[1], &crypto_frame(90, &hello[90..150])]
        .concat();
    let close = [&crypto_frame(140, &hello[140..210])[..], &[0x1c, 0, 6, 2, b'n', b'o']].concat();
    let first = [&ack[..], &crypto_frame(0, &hello[..100])].concat();
    let mut initials = Initials::new();
    assert_eq!(initials.push(&sealed_v1(&A2_ID, 1, &late)), Read::More);
    assert_eq!(initials.push(&sealed_v1(&A2_ID, 0, &close)), Read::More);
    let quic = initials.push(&sealed_v1(&A2_ID, 9, &first)).done().unwrap();
    assert_eq!((name_of(&quic).unwrap().as_str(), quic.datagrams), ("example.com", 3));
    assert_eq!(initials.push(b"anything after it"), Read::Done(quic));
}

#[test]
fn coalesced_packets_are_walked() {
    let hello = a2_hello();
    let early = [&[0xd0, 0, 0, 0, 1, 8][..], &A2_ID, &[0, 5, 1, 2, 3, 4, 5]].concat();
    let part = |number, range: std::ops::Range<usize>| {
        sealed(VERSION_1, &A2_ID, &A2_ID, number, &crypto_frame(range.start, &hello[range]), 300)
    };
    let datagram = [part(0, 120..241), early.clone(), part(1, 0..120), vec![0; 40]].concat();
    assert!(matches!(Initials::new().push(&datagram), Read::Done(quic) if quic.datagrams == 1));
    assert_eq!(Initials::new().push(&early), Read::More);
    assert_eq!(long_header(&early).unwrap().kind, PacketKind::ZeroRtt);
}

#[test]
fn a_retry_begins_anew_with_the_new_id() {
    let hello = a2_hello();
    let mut initials = Initials::new();
    assert_eq!(initials.push(&sealed_v1(&A2_ID, 0, &crypto_frame(0, &hello[..100]))), Read::More);
    assert_eq!(initials.cut_hello().map(|cut| cut.hello.complete), Some(false));
    assert_eq!(initials.push(&sealed_v1(b"retry id", 1, &crypto_frame(100, &hello[100..]))), Read::More);
    assert!(matches!(initials.push(&sealed_v1(b"retry id", 2, &crypto_frame(0, &hello))), Read::Done(_)));
}

#[test]
fn a_client_that_learnt_the_servers_id_keeps_its_first_keys() {
    let hello = a2_hello();
    let mut initials = Initials::new();
    assert_eq!(initials.push(&sealed_v1(&A2_ID, 0, &crypto_frame(0, &hello[..100]))), Read::More);
    let moved = sealed(VERSION_1, &A2_ID, b"server", 1, &crypto_frame(100, &hello[100..]), 1162);
    assert!(matches!(initials.push(&moved), Read::Done(_)));
    // Without the first one the keys are not known.
    assert_eq!(Initials::new().push(&moved), Read::NotMine("initial packet does not open"));
}

#[test]
fn forged_ids_cost_a_bounded_number_of_keys() {
    let mut initials = Initials::new();
    for forged in 0..100_u32 {
        let mut packet = sealed_v1(&forged.to_be_bytes(), 0, &hex(A2_FRAME));
        *packet.last_mut().unwrap() ^= 1;
        assert_eq!(initials.push(&packet), Read::NotMine("initial packet does not open"));
    }
    assert_eq!(initials.keys_derived, MAX_KEYS);
}

#[test]
fn what_is_no_quic_of_these_versions_is_refused() {
    let packet = sealed_v1(&A2_ID, 0, &hex(A2_FRAME));
    let with = |at: usize, value: u8| {
        let mut packet = packet.clone();
        packet[at] = value;
        packet
    };
    let short_header = with(0, 0x43);
    let no_fixed_bit = with(0, 0x83);
    let draft_27 = [&packet[..1], &[0xff, 0, 0, 27], &packet[5..]].concat();
    let unassigned = [&packet[..1], &[0x1a, 0x2a, 0x3a, 0x4b], &packet[5..]].concat();
    let long_id = with(5, 21);
    // A server may clear the fixed bit, a client that begins may not.
    assert!(long_header(&no_fixed_bit).is_some_and(|header| !header.fixed_bit));
    assert!(matches!(Initials::new().push(&no_fixed_bit), Read::NotMine(_)));
    for refused in [short_header, draft_27, unassigned, long_id, Vec::new()] {
        assert_eq!(long_header(&refused), None);
        assert!(matches!(Initials::new().push(&refused), Read::NotMine(_)));
    }
    let server_hello = [&[2][..], &a2_hello()[1..]].concat();
    let answer = Initials::new().push(&sealed_v1(&A2_ID, 0, &crypto_frame(0, &server_hello)));
    assert_eq!(answer, Read::NotMine("another handshake message first"));
}

#[test]
fn kinds_are_told_apart_in_both_versions() {
    let kind = |first: u8, version: u32| {
        let datagram = [&[first][..], &version.to_be_bytes(), &[1, 7, 2, 8, 9], &[0; 20]].concat();
        long_header(&datagram).map(|header| header.kind)
    };
    let kinds =
        [PacketKind::Initial, PacketKind::ZeroRtt, PacketKind::Handshake, PacketKind::Retry].map(Some);
    assert_eq!([0xc0, 0xd0, 0xe0, 0xf0].map(|first| kind(first, VERSION_1)), kinds);
    assert_eq!([0xd0, 0xe0, 0xf0, 0xc0].map(|first| kind(first, VERSION_2)), kinds);
    assert_eq!([0xc0, 0xd0, 0xe0, 0xf0].map(|first| kind(first, 0xff00001d)), kinds);
    let negotiation = |versions: &[u8]| long_header(&[&[0x80, 0, 0, 0, 0, 1, 7, 2, 8, 9], versions].concat());
    assert_eq!(negotiation(&[0, 0, 0, 1]).unwrap().kind, PacketKind::VersionNegotiation);
    assert!(negotiation(&[0x0a, 0x1a, 0x2a, 0x3a, 0xff, 0, 0, 29]).is_some());
    for odd in [&[][..], &[0, 0, 0, 9], &[0, 0, 0, 1, 0]] {
        assert_eq!(negotiation(odd), None);
    }
}

#[test]
fn numbers_of_every_length_are_read() {
    // RFC 9000 appendix A.1.
    for (bytes, number) in [
        ("c2197c5eff14e88c", 151_288_809_941_952_652),
        ("9d7f3e7d", 494_878_333),
        ("7bbd", 15_293),
        ("25", 37),
        ("4025", 37),
    ] {
        assert_eq!(varint(&mut Cursor::new(&hex(bytes))), Some(number));
        assert_eq!(varint(&mut Cursor::new(&hex(bytes)[..hex(bytes).len() - 1])), None);
    }
}

#[test]
fn captures_of_both_versions_are_read() {
    for capture in ["zeek-quic-chromium.pcap", "ndpi-quic-v2.pcapng", "retina-quic_kyber.pcapng"] {
        let Some(path) = captures::shared(&format!("captures/{capture}")) else { continue };
        let units = captures::units(&path);
        let client = (units[0].from, units[0].to);
        let mut initials = Initials::new();
        let from_client = units.iter().filter(|unit| (unit.from, unit.to) == client);
        let quic = from_client.map(|unit| initials.push(&unit.payload)).find_map(Read::done).expect(capture);
        assert!(quic.hello.alpn.iter().any(|alpn| alpn.starts_with("h3") || &**alpn == "test"), "{quic:?}");
        let answer = units.iter().find(|unit| (unit.to, unit.from) == client).unwrap();
        let header = long_header(&answer.payload).unwrap();
        assert_eq!((header.version, header.kind), (quic.version, PacketKind::Initial), "{capture}");
    }
}

#[test]
fn seeds_of_other_projects_are_survived() {
    for bytes in captures::seeds("quic").into_values() {
        let mut initials = Initials::new();
        initials.push(&bytes);
        // Some are frames without a packet around them.
        for payload in bytes.chunks(1162) {
            initials.push(&sealed_v1(&A2_ID, 0, payload));
            let _ = initials.cut_hello();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn arbitrary_datagrams_are_survived(
        datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6),
    ) {
        let mut initials = Initials::new();
        for datagram in datagrams {
            let quic_like = [&[0xc0, 0, 0, 0, 1][..], &datagram].concat();
            for bytes in [&datagram[..], &quic_like] {
                prop_assert!(!matches!(initials.push(bytes), Read::Done(_)));
                let _ = long_header(bytes);
            }
        }
    }

    #[test]
    fn arbitrary_frames_are_survived(frames in prop::collection::vec(0..64_u8, 0..1162)) {
        let mut initials = Initials::new();
        initials.push(&sealed_v1(&A2_ID, 0, &frames));
        let _ = initials.cut_hello();
    }

    #[test]
    fn any_way_to_send_a_hello_gives_that_hello(
        cuts in prop::collection::btree_set(1..240_usize, 0..12),
        order in any::<u64>(),
        per_datagram in 1..5_usize,
    ) {
        let hello = a2_hello();
        let edges: Vec<usize> = [0].into_iter().chain(cuts).chain([hello.len()]).collect();
        let mut frames: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        for (index, edge) in (1_u64..).zip(edges.windows(2)) {
            let place = order.wrapping_mul(index).rotate_left(7);
            frames.insert(place, crypto_frame(edge[0], &hello[edge[0]..edge[1]]));
        }
        prop_assume!(frames.len() == edges.len() - 1);
        let frames: Vec<_> = frames.into_values().collect();
        let mut initials = Initials::new();
        let mut last = Read::More;
        for (number, frames) in (0..).zip(frames.chunks(per_datagram)) {
            prop_assert_eq!(&last, &Read::More);
            last = initials.push(&sealed_v1(&A2_ID, number, &frames.concat()));
        }
        let expected = Initials::new().push(&sealed_v1(&A2_ID, 0, &hex(A2_FRAME))).done().unwrap().hello;
        prop_assert_eq!(last.done().map(|quic| quic.hello), Some(expected));
    }

    #[test]
    fn a_spoilt_packet_never_gives_a_name(at in 0..1200_usize, bit in 0..8_u8) {
        let mut packet = sealed_v1(&A2_ID, 2, &hex(A2_FRAME));
        packet[at] ^= 1 << bit;
        let answer = Initials::new().push(&packet);
        prop_assert!(matches!(answer, Read::NotMine(_) | Read::More), "{answer:?}");
    }
}

mod rfc8448;
#[path = "../../tests/common/tls.rs"]
mod tls;

use std::collections::BTreeMap;

use proptest::prelude::*;
use rustls::crypto::ring::cipher_suite as suites;
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use super::*;
use crate::flow::{Flows, Scope};
use crate::frame::LinkType;
use crate::packet::{Decoded, decode};
use tls::{Ends, Segment, Talk, ip, segments};

/// Every suite that rustls has, but for those that take another kind of certificate and seal records alike.
const SUITES: [(SupportedCipherSuite, &SupportedProtocolVersion); 6] = [
    (suites::TLS13_AES_128_GCM_SHA256, &TLS13),
    (suites::TLS13_AES_256_GCM_SHA384, &TLS13),
    (suites::TLS13_CHACHA20_POLY1305_SHA256, &TLS13),
    (suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, &TLS12),
    (suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, &TLS12),
    (suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, &TLS12),
];

/// What was heard of each direction.
#[derive(Default, PartialEq, Debug)]
struct Heard {
    said: [Vec<u8>; 2],
    records: [Vec<Vec<u8>>; 2],
    early: [usize; 2],
    gaps: Vec<(bool, Option<u64>, GapReason)>,
    messages: Vec<(bool, u8)>,
    ends: [u32; 2],
}

impl Sink for Heard {
    fn piece(&mut self, flow: FlowId, from_client: bool, piece: Piece<'_>) {
        // A SYN that is moved behind the end begins another connection, which may say the same again.
        if flow != FlowId(0) {
            return;
        }
        let side = usize::from(!from_client);
        assert!(self.ends[side] == 0, "nothing comes behind the end");
        match piece {
            Piece::Bytes { bytes, is_early, .. } => {
                self.said[side].extend_from_slice(bytes);
                self.records[side].push(bytes.to_vec());
                self.early[side] += if is_early { bytes.len() } else { 0 };
            }
            Piece::Message { kind, .. } => self.messages.push((from_client, kind)),
            Piece::Gap { bytes, reason } => self.gaps.push((from_client, bytes, reason)),
            Piece::End => self.ends[side] += 1,
        }
    }
}

/// Takes segments, of which so many bytes of each frame were captured; what was heard, and what came of the first flow.
fn read(log: &str, segments: &[Segment], snap_len: usize) -> (Heard, Outcome) {
    let mut keys = Keys::default();
    keys.read(log.as_bytes());
    let (mut decrypter, mut flows, mut heard) =
        (Decrypter::new(Arc::new(keys)), Flows::new(), Heard::default());
    let mut at = FrameRef::new(0, 0);
    for (number, segment) in (1..).zip(segments) {
        let bytes = ip(segment, 50_000);
        let len = u32::try_from(bytes.len()).unwrap();
        let data = bytes.get(..snap_len).unwrap_or(&bytes);
        let Decoded::Packet(packet) = decode(LinkType::RAW, data, len) else { panic!("no packet") };
        at = FrameRef::new(0, number);
        let seen = flows.observe(&packet, Scope::default(), at, len, None);
        decrypter.packet(seen, &packet, at, None, &mut heard);
        let held: usize = decrypter
            .connections
            .values()
            .map(|state| match state {
                State::Followed(connection) => connection.held(),
                State::Settled(_) | State::NotTls => 0,
            })
            .sum();
        assert_eq!(decrypter.held, held);
    }
    decrypter.finish(at, None, &mut heard);
    let outcome = decrypter.outcome(FlowId(0)).copied().unwrap_or(Outcome::NotTls);
    (heard, outcome)
}

fn keys(outcome: Outcome) -> Read {
    match outcome {
        Outcome::Keys(read) => read,
        other => panic!("{other:?}"),
    }
}

fn text(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(n % 251).unwrap() ^ seed).collect()
}

fn said(talk: &mut Talk) {
    talk.carry();
    talk.exchange(b"GET / HTTP/1.1\r\n\r\n", &text(40_000, 1));
    talk.exchange(&text(20_000, 2), b"ok");
    talk.close();
}

#[test]
fn every_suite_gives_what_was_said() {
    for (suite, version) in SUITES {
        for size in [1, 7, 536, 1400, 60_000] {
            let ends = Ends::new(suite, version, false);
            let mut talk = ends.talk();
            if size < 100 {
                talk.carry();
                talk.exchange(b"up", &text(300, 3));
                talk.close();
            } else {
                said(&mut talk);
            }
            let (heard, outcome) = read(&ends.log.text(), &segments(&talk.flights, size), usize::MAX);
            assert_eq!(heard.said, talk.said, "{suite:?} in segments of {size}");
            assert_eq!((heard.gaps.len(), heard.ends), (0, [1, 1]), "{suite:?} in segments of {size}");
            let read = keys(outcome);
            assert_eq!(read.cipher, Some(u16::from(suite.suite())));
            assert_eq!((read.trouble, read.from_server.failed, read.from_client.failed), (None, 0, 0));
            assert_eq!(read.from_server.bytes, talk.said[1].len() as u64);
        }
    }
}

#[test]
fn the_certificate_of_tls_13_is_among_the_messages() {
    let ends = Ends::new(suites::TLS13_AES_128_GCM_SHA256, &TLS13, false);
    let mut talk = ends.talk();
    said(&mut talk);
    let (heard, _) = read(&ends.log.text(), &segments(&talk.flights, 1400), usize::MAX);
    let of_server: Vec<u8> = heard.messages.iter().filter(|(up, _)| !up).map(|(_, kind)| *kind).collect();
    // EncryptedExtensions, Certificate, CertificateVerify, Finished, and tickets.
    assert_eq!(of_server[..5], [8, 11, 15, 20, 4]);
}

#[test]
fn a_retried_hello_early_data_and_new_keys_are_followed() {
    for (suite, version) in &SUITES[..3] {
        let ends = Ends::new(*suite, version, true);
        let mut first = ends.talk();
        first.carry();
        first.exchange(b"one", b"two");
        first.client.refresh_traffic_keys().unwrap();
        first.exchange(b"three", b"four");
        first.server.refresh_traffic_keys().unwrap();
        first.client.refresh_traffic_keys().unwrap();
        first.client.refresh_traffic_keys().unwrap();
        first.exchange(&text(50_000, 4), &text(50_000, 5));
        first.close();
        let (heard, outcome) = read(&ends.log.text(), &segments(&first.flights, 1400), usize::MAX);
        assert_eq!((&heard.said, heard.gaps.len()), (&first.said, 0), "{suite:?}");
        assert_eq!(keys(outcome).trouble, None);

        // The ticket of a connection that was not retried allows early data.
        let ends = Ends::new(*suite, version, false);
        let mut before = ends.talk();
        said(&mut before);
        let mut resumed = ends.talk();
        resumed.say_early(b"GET /early HTTP/1.1\r\n\r\n");
        said(&mut resumed);
        let (heard, outcome) = read(&ends.log.text(), &segments(&resumed.flights, 1400), usize::MAX);
        assert_eq!((&heard.said, heard.gaps.len()), (&resumed.said, 0), "{suite:?}");
        assert_eq!(heard.early, [23, 0]);
        assert_eq!((keys(outcome).from_client.early, keys(outcome).trouble), (23, None));
    }
}

#[test]
fn segments_in_any_order_and_twice_give_the_same() {
    for (suite, version) in SUITES {
        let ends = Ends::new(suite, version, false);
        let mut talk = ends.talk();
        said(&mut talk);
        let straight = segments(&talk.flights, 700);
        let mut crooked: Vec<Segment> = straight[..2].to_vec();
        for group in straight[2..].chunks(5) {
            crooked.extend(group.iter().rev().cloned());
            crooked.extend(group.iter().take(2).cloned());
        }
        let (heard, outcome) = read(&ends.log.text(), &crooked, usize::MAX);
        assert_eq!((&heard.said, heard.gaps.len()), (&talk.said, 0), "{suite:?}");
        assert_eq!(keys(outcome).trouble, None);
    }
}

/// Of what was heard only what is missing is missing: the rest is there, in order.
fn is_in_order(records: &[Vec<u8>], said: &[u8]) -> bool {
    let mut rest = said;
    records.iter().all(|record| {
        let at = rest.windows(record.len()).position(|window| window == record);
        rest = at.map_or(&[], |at| &rest[at + record.len()..]);
        at.is_some()
    })
}

#[test]
fn a_lost_segment_costs_its_records_and_no_more() {
    for (suite, version) in SUITES {
        let ends = Ends::new(suite, version, false);
        let mut talk = ends.talk();
        talk.carry();
        for number in 0..12 {
            talk.exchange(b"again", &text(3_000, number));
        }
        talk.close();
        let all = segments(&talk.flights, 1000);
        // From the answers on; what is lost of the handshake may be needed.
        let begin = all.iter().rposition(|of| of.payload.len() < 60 && of.from_client).unwrap_or(0) / 2;
        for lost in begin..all.len() - 3 {
            let mut rest = all.clone();
            let gone = rest.remove(lost);
            if gone.payload.is_empty() {
                continue;
            }
            let (heard, outcome) = read(&ends.log.text(), &rest, usize::MAX);
            let side = usize::from(!gone.from_client);
            assert_eq!(heard.said[1 - side], talk.said[1 - side], "{suite:?} without {lost}");
            assert!(
                heard.said[side].len() + 2 * 3_100 >= talk.said[side].len(),
                "{suite:?} without {lost}: {outcome:?}"
            );
            assert!(is_in_order(&heard.records[side], &talk.said[side]));
            assert_eq!((keys(outcome).trouble, heard.ends), (None, [1, 1]), "{suite:?} without {lost}");
        }
    }
}

#[test]
fn many_lost_segments_are_one_gap() {
    for (suite, version) in SUITES {
        let ends = Ends::new(suite, version, false);
        let mut talk = ends.talk();
        talk.carry();
        for number in 0..20 {
            talk.exchange(b"again", &text(3_000, number));
        }
        let all = segments(&talk.flights, 1000);
        let from = all.len() / 2;
        let rest: Vec<Segment> = all
            .iter()
            .enumerate()
            .filter(|(n, _)| !(from..from + 12).contains(n))
            .map(|(_, of)| of.clone())
            .collect();
        let (heard, outcome) = read(&ends.log.text(), &rest, usize::MAX);
        let read = keys(outcome);
        assert_eq!((read.trouble, read.from_server.gaps, read.from_server.failed), (None, 1, 0), "{suite:?}");
        assert!(heard.said[1].len() >= talk.said[1].len() - 15_100, "{suite:?}: {}", heard.said[1].len());
        assert!(is_in_order(&heard.records[1], &talk.said[1]));
        assert!(heard.said[1].ends_with(&text(3_000, 19)));
    }
}

#[test]
fn what_the_snap_length_cut_is_named() {
    for (suite, version) in SUITES {
        let ends = Ends::new(suite, version, false);
        let mut talk = ends.talk();
        talk.carry();
        for number in 0..8 {
            talk.exchange(&text(100, number), &text(3_000, number));
        }
        let (heard, outcome) = read(&ends.log.text(), &segments(&talk.flights, 1400), 1000);
        let read = keys(outcome);
        assert_eq!(heard.said[0], talk.said[0], "{suite:?}");
        assert_eq!(
            (read.from_server.cut, read.trouble),
            (read.from_server.broken, None),
            "{suite:?}: {read:?}"
        );
        assert!(read.from_server.cut >= 8);
        assert!(heard.gaps.iter().all(|(_, _, reason)| *reason == GapReason::Cut));
    }
}

#[test]
fn a_record_that_was_changed_is_one_gap() {
    for (suite, version) in SUITES {
        let ends = Ends::new(suite, version, false);
        let mut talk = ends.talk();
        talk.carry();
        for number in 0..4 {
            talk.exchange(b"again", &text(500, number));
        }
        let mut all = segments(&talk.flights, 1400);
        let changed = all.iter().rposition(|of| !of.from_client && of.payload.len() > 500).unwrap() - 2;
        *all[changed].payload.last_mut().unwrap() ^= 1;
        let (heard, outcome) = read(&ends.log.text(), &all, usize::MAX);
        let read = keys(outcome);
        let side = usize::from(!all[changed].from_client);
        assert_eq!((read.from_client.failed + read.from_server.failed, read.trouble), (1, None), "{suite:?}");
        assert_eq!((heard.gaps.len(), heard.gaps[0].2), (1, GapReason::Unopened));
        assert!(
            heard.said[1 - side] == talk.said[1 - side]
                && is_in_order(&heard.records[side], &talk.said[side])
        );
    }
}

#[test]
fn a_connection_without_keys_or_with_those_of_another_run_is_said_to_be_so() {
    for (suite, version) in SUITES {
        let [ends, other] = [Ends::new(suite, version, false), Ends::new(suite, version, false)];
        let (mut talk, mut another) = (ends.talk(), other.talk());
        said(&mut talk);
        said(&mut another);
        let all = segments(&talk.flights, 1400);
        let (heard, outcome) = read(&other.log.text(), &all, usize::MAX);
        assert_eq!(heard, Heard::default());
        assert!(matches!(outcome, Outcome::NoKeys { .. }), "{outcome:?}");
        // The other run's secrets under this run's random.
        let random = ends.log.text().split(' ').nth(1).unwrap().to_owned();
        let others = other.log.text().split(' ').nth(1).unwrap().to_owned();
        let forged = other.log.text().replace(&others, &random);
        let (heard, outcome) = read(&forged, &all, usize::MAX);
        assert!(heard.said.iter().all(Vec::is_empty));
        assert_eq!(keys(outcome).from_server.opened + keys(outcome).from_client.opened, 0);
        assert!(keys(outcome).from_server.failed > 0 || keys(outcome).trouble.is_some());
    }
}

#[test]
fn behind_a_proxys_greeting_the_connection_begins_with_the_hello() {
    let ends = Ends::new(suites::TLS13_AES_128_GCM_SHA256, &TLS13, false);
    let mut talk = ends.talk();
    said(&mut talk);
    let greeting = [
        (true, b"CONNECT decrypted.example:443 HTTP/1.1\r\n\r\n".to_vec()),
        (false, b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec()),
    ];
    let flights = [&greeting[..], &talk.flights].concat();
    let (heard, outcome) = read(&ends.log.text(), &segments(&flights, 1400), usize::MAX);
    assert_eq!((heard.said, keys(outcome).trouble), (talk.said, None));
}

#[test]
fn without_the_servers_hello_tls_13_is_read_all_the_same() {
    for (suite, version) in SUITES {
        let ends = Ends::new(suite, version, false);
        let mut talk = ends.talk();
        said(&mut talk);
        let mut all = segments(&talk.flights, 60_000);
        let hello = all.iter().position(|of| !of.from_client && !of.payload.is_empty()).unwrap();
        // Its first segment, and not what came with it.
        let len = 5 + usize::from(u16::from_be_bytes([all[hello].payload[3], all[hello].payload[4]]));
        let lost = u32::try_from(len).unwrap();
        all[hello].payload.drain(..len);
        all[hello].seq += lost;
        all[1].flags = 0x10;
        let (heard, outcome) = read(&ends.log.text(), &all, usize::MAX);
        if version.version == rustls::ProtocolVersion::TLSv1_3 {
            assert_eq!((heard.said, keys(outcome).trouble), (talk.said, None), "{suite:?}");
        } else {
            assert_eq!(keys(outcome).trouble, Some(Trouble::NoServerHello), "{suite:?}");
        }
    }
}

#[test]
fn flows_that_are_no_tls_cost_a_word() {
    let flights: Vec<(bool, Vec<u8>)> = (0..60).map(|n| (n % 2 == 0, text(100, 9))).collect();
    let (heard, outcome) = read("CLIENT_RANDOM 00 00", &segments(&flights, 1400), usize::MAX);
    assert_eq!((heard, outcome), (Heard::default(), Outcome::NotTls));
    let midway = vec![(true, [&[23, 3, 3, 0, 95][..], &text(95, 9)].concat()); 40];
    let (_, outcome) = read("", &segments(&midway, 1400)[2..], usize::MAX);
    assert_eq!(outcome, Outcome::NoHello);
}

/// rustls's own decrypters, for keys of 32 bytes.
#[test]
fn records_are_opened_as_rustls_opens_them() {
    use rustls::crypto::cipher::{AeadKey, InboundOpaqueMessage, Iv};
    let secret = keys::Secret::new(&[7; 48]);
    let SupportedCipherSuite::Tls13(suite) = suites::TLS13_AES_256_GCM_SHA384 else { panic!() };
    let expander =
        suite.hkdf_provider.expander_for_okm(&rustls::crypto::tls13::OkmBlock::new(secret.bytes()));
    let mut key = [0; 32];
    expander.expand_slice(&[&[0, 32, 9], b"tls13 key", &[0]], &mut key).unwrap();
    let mut iv = [0; 12];
    expander.expand_slice(&[&[0, 12, 8], b"tls13 iv", &[0]], &mut iv).unwrap();
    let ours = record::Opener::of_traffic(record::Suite::of(0x1302).unwrap(), &secret).unwrap();
    let mut encrypter = suite.aead_alg.encrypter(AeadKey::from(key), Iv::from(iv));
    let mut decrypter = suite.aead_alg.decrypter(AeadKey::from(key), Iv::from(iv));
    for (number, len) in [(0_u64, 1_usize), (1, 100), (70_000, 16_384)] {
        let plain = text(len, 3);
        let message = rustls::crypto::cipher::OutboundPlainMessage {
            typ: rustls::ContentType::ApplicationData,
            version: rustls::ProtocolVersion::TLSv1_2,
            payload: rustls::crypto::cipher::OutboundChunks::Single(&plain),
        };
        let sealed = encrypter.encrypt(message, number).unwrap().encode();
        let head: record::Head = *sealed.first_chunk().unwrap();
        let mut body = sealed[5..].to_vec();
        let mut theirs = body.clone();
        let opened = ours.open(number, head, &mut body).unwrap();
        let message = InboundOpaqueMessage::new(
            rustls::ContentType::ApplicationData,
            rustls::ProtocolVersion::TLSv1_2,
            &mut theirs,
        );
        let expected = decrypter.decrypt(message, number).unwrap();
        assert_eq!(&body[opened.from..][..opened.len], expected.payload);
        assert_eq!((opened.kind, &plain[..]), (23, expected.payload));
        let mut wrong = sealed[5..].to_vec();
        assert!(ours.open(number + 1, head, &mut wrong).is_none());
    }
}

/// A key log, and what was put on the wire.
type Recorded = (String, Vec<(bool, Vec<u8>)>);

/// A talk in TLS 1.3, and one in TLS 1.2.
fn recorded() -> &'static BTreeMap<bool, Recorded> {
    static TALKS: std::sync::OnceLock<BTreeMap<bool, Recorded>> = std::sync::OnceLock::new();
    TALKS.get_or_init(|| {
        [(false, SUITES[3]), (true, SUITES[0])]
            .into_iter()
            .map(|(is_new, (suite, version))| {
                let ends = Ends::new(suite, version, false);
                let mut talk = ends.talk();
                talk.carry();
                for number in 0..6 {
                    talk.exchange(b"again", &text(2_000, number));
                }
                (is_new, (ends.log.text(), talk.flights))
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is lost, doubled, moved, cut or changed: nothing is said that was not said, and it ends.
    #[test]
    fn no_damage_makes_up_bytes(
        is_new in any::<bool>(),
        size in 100_usize..2000,
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..5, any::<u16>()), 0..12),
    ) {
        let (log, flights) = &recorded()[&is_new];
        let mut all = segments(flights, size);
        for (at, kind, by) in damage {
            let at = at.index(all.len());
            let by = usize::from(by);
            match kind {
                0 => { all.remove(at); }
                1 => { let copy = all[at].clone(); all.push(copy); }
                2 => { let moved = all.remove(at); let to = by % (all.len() + 1); all.insert(to, moved); }
                3 => { let of = &mut all[at]; of.payload.truncate(by % 2000); }
                _ => { let of = &mut all[at]; let len = of.payload.len(); if len > 0 { of.payload[by % len] ^= 0x55; } }
            }
            if all.is_empty() { break; }
        }
        let (heard, _) = read(log, &all, if size % 3 == 0 { 900 } else { usize::MAX });
        let mut down = Vec::new();
        for number in 0..6 { down.extend(text(2_000, number)); }
        prop_assert!(is_in_order(&heard.records[1], &down));
        prop_assert!(heard.said[0].chunks(5).all(|chunk| chunk == b"again"));
    }

    #[test]
    fn any_payloads_are_read(payloads in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..300)), 0..40)) {
        let (log, flights) = &recorded()[&true];
        let mixed: Vec<(bool, Vec<u8>)> = flights[..2].iter().cloned().chain(payloads).collect();
        read(log, &segments(&mixed, 200), usize::MAX);
    }
}

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, SupportedProtocolVersion};
use rustls::{version::TLS12, version::TLS13};
use tls_parser::{TlsExtension, TlsMessage, TlsMessageHandshake};

use super::*;
use crate::wire::captures;

/// A hello of TLS 1.2 by hand: one record, one name, two protocols.
const SMALL: &[u8] = &[
    22, 3, 1, 0, 95, // record: handshake, TLS 1.0, 95 bytes
    1, 0, 0, 91, // client hello of 91 bytes
    3, 3, // TLS 1.2
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, // random
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, //
    0,  // no session
    0, 2, 0xc0, 0x2f, // one suite
    1, 0, // no compression
    0, 48, // extensions
    0, 0, 0, 18, 0, 16, 0, 0, 13, b'W', b'e', b'b', b'.', b'z', b'O', b'o', b'm', b'.', b'u', b's', b'.',
    b'.', // name
    0, 16, 0, 14, 0, 12, 2, b'h', b'2', 8, b'h', b't', b't', b'p', b'/', b'1', b'.', b'1', // ALPN
    0xfe, 0x0d, 0, 0, // encrypted client hello
    0, 23, 0, 0, // something else
];

/// The provider whose only key exchange groups are these.
fn provider(groups: &[&'static dyn SupportedKxGroup]) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { kx_groups: groups.to_vec(), ..ring::default_provider() })
}

type Versions = [&'static SupportedProtocolVersion];

fn client_config(
    versions: &Versions,
    alpn: &[&str],
    trusted: Option<&CertificateDer<'static>>,
) -> ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(trusted.cloned());
    let mut config = ClientConfig::builder_with_provider(provider(ring::ALL_KX_GROUPS))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

fn client(config: ClientConfig, name: &str) -> ClientConnection {
    ClientConnection::new(Arc::new(config), name.to_owned().try_into().unwrap()).unwrap()
}

/// What a rustls client says first.
fn hello_of(versions: &Versions, alpn: &[&str], name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    client(client_config(versions, alpn, None), name).write_tls(&mut bytes).unwrap();
    bytes
}

type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// A self-made certificate for these names, and its key.
fn certificate_for(names: &[&str]) -> Identity {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    (made.cert.der().clone(), PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap())
}

fn server_config(
    versions: &Versions,
    groups: &[&'static dyn SupportedKxGroup],
    (certificate, key): Identity,
) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(provider(groups))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// What a server says to a client's first bytes.
fn answer_of(server: &mut ServerConnection, mut hello: &[u8]) -> Vec<u8> {
    while !hello.is_empty() {
        server.read_tls(&mut hello).unwrap();
        server.process_new_packets().unwrap();
    }
    let mut bytes = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// What a server of TLS 1.2 with a certificate for these names answers first.
pub(crate) fn flight_of_tls_1_2(names: &[&str]) -> Vec<u8> {
    flight_of(&[&TLS12], ring::ALL_KX_GROUPS, names)
}

fn flight_of(versions: &Versions, groups: &[&'static dyn SupportedKxGroup], names: &[&str]) -> Vec<u8> {
    let mut server =
        ServerConnection::new(Arc::new(server_config(versions, groups, certificate_for(names)))).unwrap();
    answer_of(&mut server, &hello_of(versions, &["h2"], "a.example"))
}

/// The stream with the handshake bytes of its first records cut into records of `size` bytes.
fn recut(stream: &[u8], size: usize) -> Vec<u8> {
    let handshake = records::handshake(stream).done().unwrap();
    let record = |piece: &[u8]| {
        let mut record = vec![22, 3, 1];
        record.extend_from_slice(&u16::try_from(piece.len()).unwrap().to_be_bytes());
        record.extend_from_slice(piece);
        record
    };
    handshake.bytes.chunks(size).flat_map(record).collect()
}

fn name_of(hello: &ClientHello) -> Option<&str> {
    match &hello.server_name {
        ServerName::Name(name) => Some(name.as_str()),
        _ => None,
    }
}

/// Checks the law of streams at every length: what a prefix says stands, and nothing is refused that is whole
/// later.
fn check_prefixes<T: PartialEq + std::fmt::Debug>(stream: &[u8], read: impl Fn(&[u8]) -> Read<T>) {
    let whole = read(stream);
    for length in 0..stream.len() {
        match read(&stream[..length]) {
            Read::Done(value) => assert_eq!(Read::Done(value), whole, "at {length}"),
            Read::NotMine(why) => {
                assert!(matches!(whole, Read::NotMine(_)), "{why} at {length}, then {whole:?}");
            }
            Read::More => {}
        }
    }
}

/// What rustls reads in a hello: name and protocols; nothing where it refuses it.
fn by_acceptor(mut stream: &[u8]) -> Option<(Option<String>, Vec<Vec<u8>>)> {
    let mut acceptor = rustls::server::Acceptor::default();
    while !stream.is_empty() {
        acceptor.read_tls(&mut stream).ok()?;
        if let Some(accepted) = acceptor.accept().ok()? {
            let hello = accepted.client_hello();
            let alpn = hello.alpn().map(|names| names.map(<[u8]>::to_vec).collect());
            return Some((hello.server_name().map(str::to_owned), alpn.unwrap_or_default()));
        }
    }
    None
}

/// What tls-parser reads in a hello: name, protocols and versions.
type Parsed = (Option<Vec<u8>>, Vec<Vec<u8>>, Vec<u16>);

fn by_tls_parser(stream: &[u8]) -> Option<Parsed> {
    let handshake = records::handshake(stream).done()?;
    let (_, message) = tls_parser::parse_tls_message_handshake(&handshake.bytes).ok()?;
    let TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)) = message else { return None };
    let (rest, extensions) =
        tls_parser::parse_tls_client_hello_extensions(hello.ext.unwrap_or_default()).ok()?;
    let (mut name, mut alpn, mut versions) = (None, Vec::new(), Vec::new());
    for extension in extensions {
        match extension {
            TlsExtension::SNI(names) => name = names.first().map(|(_, name)| name.to_vec()),
            TlsExtension::ALPN(names) => alpn = names.into_iter().map(<[u8]>::to_vec).collect(),
            TlsExtension::SupportedVersions(offered) => versions = offered.into_iter().map(|v| v.0).collect(),
            _ => {}
        }
    }
    rest.is_empty().then_some((name, alpn, versions))
}

/// Checks a hello against both oracles; how many of them accepted it.
fn check_oracles(stream: &[u8]) -> usize {
    let ours = client_hello(stream);
    let shown = |names: &[Vec<u8>]| names.iter().map(|name| protocol(name)).collect::<Vec<_>>();
    let mut accepted = 0;
    if let Some((name, alpn)) = by_acceptor(stream) {
        let Read::Done(ours) = &ours else { panic!("rustls reads {name:?}, we {ours:?}") };
        assert_eq!(name.map(|name| name.to_ascii_lowercase()).as_deref(), name_of(ours));
        assert_eq!(shown(&alpn), ours.alpn);
        accepted += 1;
    }
    if let (Some((name, alpn, versions)), Read::Done(ours)) = (by_tls_parser(stream), &ours) {
        match &ours.server_name {
            ServerName::Name(ours) => {
                assert_eq!(name.as_deref().and_then(Hostname::parse).as_ref(), Some(ours));
            }
            ServerName::Invalid(_) => assert_eq!(name.as_deref().and_then(Hostname::parse), None),
            ServerName::Absent => assert_eq!(name, None),
        }
        assert_eq!(shown(&alpn), ours.alpn);
        assert_eq!(versions.into_iter().filter(|&v| !is_grease(v)).collect::<Vec<_>>(), ours.versions);
        accepted += 1;
    }
    accepted
}

#[test]
fn a_small_hello_is_read() {
    let hello = client_hello(SMALL).done().unwrap();
    assert_eq!(name_of(&hello), None);
    assert_eq!(hello.server_name, ServerName::Invalid(b"Web.zOom.us..".to_vec()));
    assert_eq!(hello.alpn, ["h2".into(), "http/1.1".into()] as [Box<str>; 2]);
    assert_eq!((hello.legacy_version, hello.versions.as_slice(), hello.ech), (0x0303, &[][..], true));
    check_prefixes(SMALL, client_hello);
}

/// `SMALL` with other bytes in the place of its thirteen-byte name.
pub(crate) fn small_with_name(name: [u8; 13]) -> Vec<u8> {
    let at = SMALL.windows(13).position(|window| window == b"Web.zOom.us..").unwrap();
    let mut stream = SMALL.to_vec();
    stream[at..at + 13].copy_from_slice(&name);
    stream
}

#[test]
fn names_are_checked() {
    let read = |name: &[u8; 13]| client_hello(&small_with_name(*name)).done().unwrap().server_name;
    assert_eq!(read(b"Webex.Zoom.us"), ServerName::Name(Hostname::parse(b"webex.zoom.us").unwrap()));
    assert_eq!(read(b"webx.zoom.us."), ServerName::Name(Hostname::parse(b"webx.zoom.us").unwrap()));
    for invalid in [b"170.114.52.20", b"\x1b[31mzoom.us ", b"aaaaaaaaaaa..", b"a\0b.zoom.us\0\0"] {
        assert_eq!(read(invalid), ServerName::Invalid(invalid.to_vec()));
    }
}

#[test]
fn every_prefix_yields_more_whatever_the_records() {
    for versions in [&[&TLS12][..], &[&TLS13], &[&TLS12, &TLS13]] {
        let stream = hello_of(versions, &["h2", "http/1.1"], "us05web.zoom.us");
        let whole = client_hello(&stream).done().unwrap();
        assert_eq!(name_of(&whole), Some("us05web.zoom.us"));
        for size in [1, 2, 3, 7, 64, 1000, 16384] {
            let mut stream = recut(&stream, size);
            for length in 0..stream.len() {
                assert_eq!(
                    client_hello(&stream[..length]),
                    Read::More,
                    "{length} bytes in records of {size}"
                );
            }
            stream.extend_from_slice(b"\x17\x03\x03\x00\x01x and anything after it");
            assert_eq!(client_hello(&stream), Read::Done(whole.clone()));
        }
    }
}

#[test]
fn both_oracles_agree_on_hellos_of_rustls() {
    let alpns = [&[][..], &["http/1.1"], &["h2", "http/1.1"], &["h3", "\u{a}\u{a}", "x"]];
    for versions in [&[&TLS12][..], &[&TLS13], &[&TLS12, &TLS13]] {
        for alpn in alpns {
            for name in ["zoom.us", "a.very-long.name.under.zoom.us", "170.114.52.2"] {
                let stream = hello_of(versions, alpn, name);
                for size in [1, 2, 3, 7, 64, 1000] {
                    assert_eq!(check_oracles(&recut(&stream, size)), 2);
                }
            }
        }
    }
}

#[test]
fn versions_come_without_grease() {
    assert_eq!(versions(&[6, 0x5a, 0x5a, 3, 4, 3, 3]), [0x0304, 0x0303]);
    assert!(versions(&[7, 3, 4]).is_empty());
    assert!(is_grease(0x0a0a) && is_grease(0xfafa) && !is_grease(0x0a1a) && !is_grease(0x0304));
    assert_eq!(
        protocols(&[0, 7, 2, 0x0a, 0x0a, 3, b'a', b' ', b'b']),
        ["0x0a0a".into(), "0x612062".into()] as [Box<str>; 2]
    );
}

#[test]
fn what_is_no_hello_is_refused_at_once() {
    let refused: [(&[u8], _); 7] = [
        (b"\x15\x03\x01\x00\x02\x02\x28", "alert"),
        (b"\x80\x2e\x01\x00\x02\x00\x15\x00", "SSL 2.0 hello"),
        (b"GET / HTTP/1.1\r\n", "no TLS record"),
        (b"\x17\x03\x03\x00\x01x", "no handshake record first"),
        (b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", "another handshake message first"),
        (b"\x16\x03\x01\xff\xff\x01", "record longer than TLS allows"),
        (b"\x16\x03\x01\x00\x00", "empty record"),
    ];
    for (stream, why) in refused {
        assert_eq!(client_hello(stream), Read::NotMine(why));
        check_prefixes(stream, client_hello);
    }
    let mut broken_off = SMALL[..50].to_vec();
    broken_off[4] = 45;
    broken_off.extend_from_slice(b"\x15\x03\x01\x00\x02\x02\x28");
    assert_eq!(client_hello(&broken_off), Read::NotMine("hello that is broken off, or longer than 64 KiB"));
}

#[test]
fn a_cut_hello_gives_what_it_has() {
    let stream = small_with_name(*b"webex.zoom.us");
    let whole = client_hello(&stream).done().unwrap();
    let mut named = 0;
    for length in 0..stream.len() {
        let Some(cut) = cut_client_hello(&stream[..length]) else { continue };
        assert!(!cut.complete);
        assert!(cut.server_name == ServerName::Absent || cut.server_name == whole.server_name, "at {length}");
        assert!(cut.alpn.is_empty() || cut.alpn == whole.alpn);
        named += usize::from(cut.server_name == whole.server_name);
    }
    // The name comes first, and 26 bytes after it.
    assert_eq!(named, 26);
    assert_eq!(cut_client_hello(&stream), Some(whole));
}

#[test]
fn a_hello_as_long_as_allowed_is_read() {
    let mut body = SMALL[9..].to_vec();
    let padding = MAX_HELLO - body.len() - 4;
    let padding_length = u16::try_from(padding).unwrap();
    body.extend_from_slice(&[0, 21]);
    body.extend_from_slice(&padding_length.to_be_bytes());
    body.resize(body.len() + padding, 0);
    let extensions_length = u16::try_from(48 + 4 + padding).unwrap();
    body[41..43].copy_from_slice(&extensions_length.to_be_bytes());
    let mut stream = vec![22, 3, 1, 0x40, 0, 1, 1, 0, 0];
    stream.extend_from_slice(&body[..0x4000 - 4]);
    for piece in body[0x4000 - 4..].chunks(0x4000) {
        stream.extend_from_slice(&[22, 3, 1]);
        stream.extend_from_slice(&u16::try_from(piece.len()).unwrap().to_be_bytes());
        stream.extend_from_slice(piece);
    }
    assert_eq!(client_hello(&stream[..stream.len() - 1]), Read::More);
    assert!(client_hello(&stream).done().is_some_and(|hello| hello.ech));
    // Extensions that would end beyond the bound.
    stream[9 + 41..9 + 43].fill(0xff);
    stream[8] = 1;
    assert_eq!(client_hello(&stream[..stream.len() - 1]), Read::More);
    assert_eq!(client_hello(&stream), Read::NotMine("hello that is broken off, or longer than 64 KiB"));
}

#[test]
fn a_length_that_is_a_lie_does_not_hide_the_name() {
    let mut stream = small_with_name(*b"webex.zoom.us");
    let honest = client_hello(&stream);
    stream[6..9].fill(0xff);
    stream[3..5].copy_from_slice(&[0x40, 0]);
    assert_eq!(client_hello(&stream[..stream.len() - 1]), Read::More);
    assert_eq!(client_hello(&stream), honest);
    stream.resize(40_000, 0x16);
    assert_eq!(client_hello(&stream), honest);
    let server = b"\x16\x03\x03\x00\x04\x02\x01\x00\x01";
    assert_eq!(server_flight(server), Read::NotMine("hello longer than 64 KiB"));
}

#[test]
fn a_flight_of_tls_1_2_gives_the_certificate() {
    let stream = flight_of(&[&TLS12], ring::ALL_KX_GROUPS, &["*.zoom.example", "A.Example"]);
    let flight = server_flight(&stream).done().unwrap();
    assert_eq!((flight.version, flight.retry, flight.alpn.as_deref()), (0x0303, false, Some("h2")));
    assert!(flight.complete);
    let names = flight.certificate.clone().unwrap().names;
    assert_eq!(names, ["*.zoom.example".into(), "a.example".into()] as [Box<str>; 2]);
    for size in [1, 7, 100, 1000] {
        let stream = recut(&stream, size);
        check_prefixes(&stream, server_flight);
        assert_eq!(server_flight(&stream), Read::Done(flight.clone()));
    }
    let cut = cut_server_flight(&stream[..200]).unwrap();
    assert_eq!((cut.complete, cut.certificate, cut.version), (false, None, 0x0303));
}

#[test]
fn a_flight_of_tls_1_3_is_done_with_the_server_hello() {
    let stream = flight_of(&[&TLS12, &TLS13], ring::ALL_KX_GROUPS, &["a.example"]);
    let flight = server_flight(&stream).done().unwrap();
    assert_eq!((flight.version, flight.retry, flight.complete), (TLS_1_3, false, true));
    assert_eq!((flight.alpn, flight.certificate), (None, None));
    assert!(matches!(flight.cipher, 0x1301..=0x1303));
    check_prefixes(&stream, server_flight);
}

#[test]
fn a_retry_is_told_from_a_hello() {
    let stream = flight_of(&[&TLS13], &[ring::kx_group::SECP384R1], &["a.example"]);
    let flight = server_flight(&stream).done().unwrap();
    assert_eq!((flight.version, flight.retry, flight.complete), (TLS_1_3, true, true));
    check_prefixes(&stream, server_flight);
}

#[test]
fn a_resumed_session_has_no_certificate() {
    let (certificate, key) = certificate_for(&["a.example"]);
    let server_config = Arc::new(server_config(&[&TLS12], ring::ALL_KX_GROUPS, (certificate.clone(), key)));
    let client_config = Arc::new(client_config(&[&TLS12], &[], Some(&certificate)));
    let mut flights = Vec::new();
    for _ in 0..2 {
        let mut client =
            ClientConnection::new(client_config.clone(), "a.example".to_owned().try_into().unwrap()).unwrap();
        let mut server = ServerConnection::new(server_config.clone()).unwrap();
        let mut from_server = Vec::new();
        while client.is_handshaking() {
            let mut bytes = Vec::new();
            client.write_tls(&mut bytes).unwrap();
            let answer = answer_of(&mut server, &bytes);
            client.read_tls(&mut answer.as_slice()).unwrap();
            client.process_new_packets().unwrap();
            from_server.extend(answer);
        }
        check_prefixes(&from_server, server_flight);
        flights.push(server_flight(&from_server).done().unwrap());
    }
    assert!(flights[0].certificate.is_some() && flights[0].complete);
    assert_eq!(flights[1].certificate, None);
    assert!(flights[1].complete);
}

#[test]
fn an_alert_instead_of_an_answer_is_refused() {
    assert_eq!(server_flight(b"\x15\x03\x03\x00\x02\x02\x28"), Read::NotMine("alert"));
    let stream = flight_of(&[&TLS12], ring::ALL_KX_GROUPS, &["a.example"]);
    let hello = &stream[..9 + usize::from(u16::from_be_bytes([stream[7], stream[8]]))];
    let mut broken_off = hello.to_vec();
    let length = u16::try_from(hello.len() - 5).unwrap();
    broken_off[3..5].copy_from_slice(&length.to_be_bytes());
    assert_eq!(server_flight(&broken_off), Read::More);
    broken_off.extend_from_slice(b"\x15\x03\x03\x00\x02\x02\x28");
    let flight = server_flight(&broken_off).done().unwrap();
    assert_eq!((flight.certificate, flight.complete), (None, false));
}

#[test]
fn server_names_in_captures_are_those_tshark_sees() {
    for (capture, (listed, count)) in captures::server_names_by_tshark() {
        let Some(path) = captures::shared(&format!("captures/{capture}")) else { continue };
        let units = captures::units(&path);
        let mut names = BTreeSet::new();
        let mut note = |hello: ClientHello| match hello.server_name {
            ServerName::Name(name) => drop(names.insert(name.to_string())),
            ServerName::Invalid(bytes) => drop(names.insert(String::from_utf8(bytes).unwrap())),
            ServerName::Absent => {}
        };
        for (_, _, stream) in captures::streams(&units) {
            check_oracles(&stream);
            check_prefixes(&stream[..stream.len().min(4000)], client_hello);
            if let Read::Done(hello) = client_hello(&stream) {
                note(hello);
            }
        }
        let mut initials = std::collections::BTreeMap::new();
        for unit in units.iter().filter(|unit| unit.tcp.is_none()) {
            let state = initials.entry((unit.from, unit.to)).or_insert_with(crate::wire::quic::Initials::new);
            if let Read::Done(quic) = state.push(&unit.payload) {
                note(quic.hello);
            }
        }
        let missing: Vec<_> = listed.iter().filter(|name| !names.contains(*name)).collect();
        assert!(missing.is_empty(), "{capture}: {missing:?} not in {names:?}");
        assert_eq!(names.len(), count, "{capture}: {names:?}");
    }
}

#[test]
fn seeds_of_other_projects_hold_the_laws() {
    let mut read = 0;
    for (name, bytes) in captures::seeds("tls-message").into_iter().chain(captures::seeds("tls-stream")) {
        // Those of one origin carry a head of six bytes before the stream.
        let stream = bytes.strip_prefix(b"\x01PKT\0\x01").unwrap_or(&bytes);
        let front = &stream[..stream.len().min(6000)];
        check_prefixes(front, client_hello);
        check_prefixes(front, server_flight);
        read += check_oracles(stream);
        if let Read::Done(flight) = server_flight(stream) {
            assert!(flight.version >> 8 == 3 || flight.version > TLS_1_3, "{name}: {flight:?}");
        }
        let _ = (client_hello_message(stream), cut_client_hello_message(stream), cut_server_flight(stream));
    }
    eprintln!("{read} readings of hellos among the seeds agree with the oracles");
}

/// A stream that is nearly a handshake: a real one with bytes changed, cut out or put in.
fn mutated(whole: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..6).prop_map(
        move |changes| {
            let mut bytes = whole.clone();
            for (at, value, how) in changes {
                let at = at.index(bytes.len());
                match how {
                    0 => bytes[at] = value,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, value),
                }
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        check_prefixes(&bytes, client_hello);
        check_prefixes(&bytes, server_flight);
        let _ = (cut_client_hello(&bytes), cut_server_flight(&bytes), cut_client_hello_message(&bytes));
    }

    #[test]
    fn spoilt_hellos_hold_the_law(bytes in mutated(SMALL.to_vec())) {
        check_prefixes(&bytes, client_hello);
        check_oracles(&bytes);
    }

    #[test]
    fn spoilt_flights_hold_the_law(
        bytes in mutated(flight_of(&[&TLS12], ring::ALL_KX_GROUPS, &["a.example"])),
    ) {
        check_prefixes(&bytes, server_flight);
    }

    #[test]
    fn hellos_in_any_records_say_the_same(size in 1..600_usize, seed in "[a-z]{1,20}\\.[a-z]{2,8}") {
        let stream = hello_of(&[&TLS13], &["h2"], &seed);
        prop_assert_eq!(client_hello(&recut(&stream, size)), client_hello(&stream));
    }
}

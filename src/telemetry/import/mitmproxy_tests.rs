use proptest::prelude::*;

use super::super::{Format, Import, What, read};
use super::*;
use crate::wire::exchange::Encoding;

fn net(payload: impl AsRef<[u8]>, kind: u8) -> Vec<u8> {
    let payload = payload.as_ref();
    [payload.len().to_string().as_bytes(), b":", payload, &[kind]].concat()
}

fn dict(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let inner: Vec<u8> =
        pairs.iter().flat_map(|(key, value)| [net(key, b';'), value.clone()].concat()).collect();
    net(inner, b'}')
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    net(items.concat(), b']')
}

fn flow(version: &str, request_body: &[u8], with_response: bool) -> Vec<u8> {
    let headers = list(&[
        list(&[net("Host", b','), net("log.zoom.us", b',')]),
        list(&[net("Content-Encoding", b','), net("gzip", b',')]),
    ]);
    let request = dict(&[
        ("method", net("POST", b',')),
        ("scheme", net("https", b',')),
        ("authority", net("", b',')),
        ("host", net("198.51.100.9", b';')),
        ("port", net("443", b'#')),
        ("path", net("/log?x", b',')),
        ("http_version", net("HTTP/1.1", b',')),
        ("headers", headers),
        ("content", net(request_body, b',')),
        ("trailers", net("", b'~')),
        ("timestamp_start", net("1700000000.25", b'^')),
        ("timestamp_end", net("1700000001", b'#')),
    ]);
    let response = dict(&[
        ("status_code", net("204", b'#')),
        ("headers", list(&[])),
        ("content", net("", b'~')),
        ("timestamp_end", net("1700000002.5", b'^')),
    ]);
    let server = dict(&[
        ("id", net("one", b';')),
        ("peername", list(&[net("2001:db8::1", b';'), net("443", b'#'), net("0", b'#'), net("0", b'#')])),
        ("sni", net("log.zoom.us", b';')),
    ]);
    let message = |opcode: &str, text: &str, from: &str| {
        list(&[
            net(opcode, b'#'),
            net(from, b'!'),
            net(text, b','),
            net("1700000003.0", b'^'),
            net("false", b'!'),
            net("false", b'!'),
        ])
    };
    let socket = dict(&[
        ("messages", list(&[message("1", "hi", "true"), message("2", "\0", "false")])),
        ("close_code", net("1001", b'#')),
    ]);
    dict(&[
        ("type", net("http", b';')),
        ("version", net(version, b'#')),
        ("request", request),
        ("response", if with_response { response } else { net("", b'~') }),
        ("error", if with_response { net("", b'~') } else { dict(&[("msg", net("gone", b';'))]) }),
        ("server_conn", server),
        ("websocket", if with_response { socket } else { net("", b'~') }),
    ])
}

fn import(bytes: &[u8]) -> Import {
    let import = read(bytes, "run.mitm", &Limits::default()).unwrap();
    assert_eq!(import.format, Format::Mitmproxy);
    import
}

#[test]
fn a_flow_is_an_exchange() {
    let import = import(&flow("21", b"no gzip", true));
    let exchange = &import.exchanges[0];
    assert_eq!(
        (exchange.start.to_string().as_str(), exchange.end.to_string().as_str()),
        ("2023-11-14T22:13:20.250000Z", "2023-11-14T22:13:23.000000Z")
    );
    assert_eq!(
        (exchange.method.as_deref(), exchange.authority.as_deref()),
        (Some(&b"POST"[..]), Some(&b"log.zoom.us"[..]))
    );
    assert_eq!((exchange.path.as_deref(), exchange.version), (Some(&b"/log?x"[..]), Version::Http11));
    assert_eq!(exchange.peer, Some(Peer { address: "2001:db8::1".parse().unwrap(), port: Some(443) }));
    assert_eq!(
        (exchange.server_name.as_deref(), exchange.connection, exchange.status),
        (Some(&b"log.zoom.us"[..]), Some(0), Some(204))
    );
    let body = &exchange.request.as_ref().unwrap().body;
    assert_eq!((&*body.decoded, &*body.notes), (&b"no gzip"[..], &[BodyNote::Damaged(Encoding::Gzip)][..]));
    assert_eq!(exchange.response.as_ref().unwrap().body.notes, [BodyNote::Omitted]);
    let socket = exchange.web_socket.as_ref().unwrap();
    let messages: Vec<_> =
        socket.messages.iter().map(|m| (m.from_client, m.is_text, &*m.body.decoded)).collect();
    assert_eq!((messages, socket.close), (vec![(true, true, &b"hi"[..]), (false, false, b"\0")], Some(1001)));
    assert!(exchange.notes.is_empty() && import.faults.is_empty());
}

#[test]
fn flows_of_other_versions_and_without_answer_are_read_and_marked() {
    let import = import(&[flow("4", b"", false), flow("21", b"", true)].concat());
    assert_eq!(import.exchanges[0].notes, [Note::Failed, Note::NoAnswer, Note::UntestedVersion]);
    assert_eq!(
        import.exchanges.iter().map(|exchange| exchange.connection).collect::<Vec<_>>(),
        [Some(0), Some(0)]
    );
    // As versions before 7 have it, and one that lacks nearly all.
    let old = dict(&[
        ("version", list(&[net("0", b'#'), net("18", b'#')])),
        (
            "request",
            dict(&[
                ("method", net("GET", b',')),
                ("host", net("a.example", b',')),
                ("port", net("8080", b'#')),
                ("scheme", net("http", b',')),
            ]),
        ),
        ("server_conn", dict(&[("ip_address", list(&[net("192.0.2.1", b','), net("8080", b'#')]))])),
    ]);
    let import = self::import(&old);
    assert_eq!(import.exchanges[0].authority.as_deref(), Some(&b"a.example:8080"[..]));
    assert_eq!(
        import.exchanges[0].peer,
        Some(Peer { address: "192.0.2.1".parse().unwrap(), port: Some(8080) })
    );
    assert_eq!(import.exchanges[0].notes, [Note::NoAnswer, Note::TimeUnknown, Note::UntestedVersion]);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_read() {
    let good = flow("21", b"", true);
    let dns = dict(&[("type", net("dns", b';'))]);
    let bytes = [&good[..], &net("4:9:a,", b'}'), &dns, &net("", b'}'), &good, &good[..100]].concat();
    let import = import(&bytes);
    assert_eq!((import.exchanges.len(), import.other_flows), (2, 1));
    let faults: Vec<_> = import.faults.iter().map(|fault| (fault.offset, fault.entry, fault.what)).collect();
    let first = good.len() as u64;
    let fourth = first + net("4:9:a,", b'}').len() as u64 + dns.len() as u64;
    let last = (bytes.len() - 100) as u64;
    assert_eq!(
        faults,
        [
            (Some(first), 2, What::Unreadable),
            (Some(fourth), 4, What::NoRequest),
            (Some(last), 6, What::Truncated)
        ]
    );
    let import = self::import(&[&good[..], b"\n?"].concat());
    assert_eq!((import.exchanges.len(), import.faults[0].what), (1, What::Broken));
}

#[test]
fn many_faults_and_large_bodies_are_bounded() {
    let import = import(&net("", b'}').repeat(250));
    assert_eq!((import.faults.len(), import.more_faults), (100, 150));
    let limits = Limits { held: 10, ..Limits::default() };
    let import = read(&flow("21", b"a long body", true).repeat(3), "x", &limits).unwrap();
    let kept: usize = import.exchanges.iter().map(|e| e.request.as_ref().unwrap().body.decoded.len()).sum();
    assert_eq!(kept, 10);
    let notes = &import.exchanges[2].request.as_ref().unwrap().body.notes;
    assert!(notes.contains(&BodyNote::NotKept(11)), "{notes:?}");
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..100), at in 0..1000_usize, cut in 0..1000_usize) {
        let mut file = flow("21", b"", true);
        for (to, from) in file.iter_mut().skip(at).zip(&bytes) {
            *to = *from;
        }
        file.truncate(cut.max(3));
        let _ = read(&file, "x", &Limits::default());
        let _ = read(&bytes, "x", &Limits::default());
    }
}

use proptest::prelude::*;

use super::*;
use crate::wire::exchange::{BodyNote, Limits};
use crate::wire::http::context::Connection;
use crate::wire::http::sample::{Event, at, client, lines, read, read_cut, server};

fn h2() -> Connection {
    Connection { is_encrypted: true, alpn: Some(b"h2"[..].into()), ..Connection::default() }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Both directions' tables, as another package keeps them.
#[derive(Default)]
struct Encoders<'a> {
    client: httlib_hpack::Encoder<'a>,
    server: httlib_hpack::Encoder<'a>,
}

fn block(encoder: &mut httlib_hpack::Encoder<'_>, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in headers {
        encoder
            .encode((name.as_bytes().to_vec(), value.as_bytes().to_vec(), 0x4 | 0x10 | 0x3), &mut out)
            .unwrap();
    }
    out
}

impl Encoders<'_> {
    fn request(&mut self, stream: u32, flags: u8, method: &str, path: &str) -> Vec<u8> {
        let headers = [
            (":method", method),
            (":scheme", "https"),
            (":authority", "log.zoom.us"),
            (":path", path),
            ("x-id", "abc"),
        ];
        frame(Frame::HEADERS, Frame::END_HEADERS | flags, stream, &block(&mut self.client, &headers))
    }

    fn answer(&mut self, stream: u32, flags: u8, status: &str) -> Vec<u8> {
        let headers = [(":status", status), ("content-type", "text/plain")];
        frame(Frame::HEADERS, Frame::END_HEADERS | flags, stream, &block(&mut self.server, &headers))
    }
}

fn start() -> Vec<u8> {
    [&PREFACE[..], &frame(Frame::SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])].concat()
}

const ES: u8 = Frame::END_STREAM;

#[test]
fn streams_that_overlap_are_told_apart() {
    let mut hpack = Encoders::default();
    let events = [
        client([start(), hpack.request(1, 0, "POST", "/a"), hpack.request(3, ES, "GET", "/b")].concat()),
        server([frame(Frame::SETTINGS, 0, 0, b""), frame(Frame::SETTINGS, 1, 0, b"")].concat()),
        client(frame(Frame::DATA, 0, 1, b"one ")),
        server([hpack.answer(3, 0, "200"), frame(Frame::DATA, 0, 3, b"b")].concat()),
        client(frame(Frame::DATA, ES | Frame::PADDED, 1, b"\x03two\0\0\0")),
        server([hpack.answer(1, ES, "204"), frame(Frame::WINDOW_UPDATE, 0, 3, &[0, 0, 0, 1])].concat()),
        server(frame(Frame::DATA, ES, 3, b"b")),
    ];
    let (exchanges, tally) = read_cut(&h2(), &events);
    assert_eq!(lines(&exchanges), ["POST log.zoom.us/a [one two] 204 []", "GET log.zoom.us/b [] 200 [bb]"]);
    let first = &exchanges[0];
    assert_eq!(first.request.as_ref().unwrap().frames, Some((at(1).frame, at(5).frame)));
    assert_eq!((first.stream, first.version, first.end), (Some(1), Version::Http2, at(6).time));
    assert_eq!(first.request.as_ref().unwrap().headers, [Header::new(*b"x-id", *b"abc")]);
    assert_eq!((tally, first.notes.len()), (super::super::context::Tally::default(), 0));
    // The preface alone tells, too.
    let unknown = Connection { alpn: None, ..h2() };
    assert_eq!(read_cut(&unknown, &events).0, exchanges);
}

#[test]
fn continuations_priorities_interim_answers_and_trailers_are_read() {
    let mut hpack = Encoders::default();
    let request =
        block(&mut hpack.client, &[(":method", "GET"), (":path", "/c"), ("host", "zoom.us"), ("x", "y")]);
    let priority = [&[0, 0, 0, 0, 16][..], &request[..3]].concat();
    let hints = block(&mut hpack.server, &[(":status", "103"), ("link", "x")]);
    let answer = hpack.answer(1, 0, "200");
    let trailer = block(&mut hpack.server, &[("grpc-status", "0")]);
    let events = [
        client(start()),
        client(frame(Frame::HEADERS, ES | Frame::HAS_PRIORITY, 1, &priority)),
        client(
            [
                frame(Frame::CONTINUATION, 0, 1, &request[3..5]),
                frame(Frame::CONTINUATION, 4, 1, &request[5..]),
            ]
            .concat(),
        ),
        server([frame(Frame::HEADERS, 4, 1, &hints), answer].concat()),
        server([frame(Frame::DATA, 0, 1, b"body"), frame(Frame::HEADERS, 4 | ES, 1, &trailer)].concat()),
    ];
    let (exchanges, _) = read_cut(&h2(), &events);
    assert_eq!(lines(&exchanges), ["GET zoom.us/c [] 200 [body]"]);
    assert_eq!(exchanges[0].interim, [103]);
    assert_eq!(exchanges[0].response.as_ref().unwrap().trailers.len(), 1);
}

#[test]
fn pushes_resets_and_goodbyes_are_named() {
    let mut hpack = Encoders::default();
    let promise = block(
        &mut hpack.server,
        &[(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/p")],
    );
    let promise = [&2_u32.to_be_bytes()[..], &promise].concat();
    let events = [
        client(
            [
                start(),
                hpack.request(1, ES, "GET", "/1"),
                hpack.request(3, 0, "POST", "/3"),
                hpack.request(5, ES, "GET", "/5"),
            ]
            .concat(),
        ),
        server(
            [
                frame(Frame::PUSH_PROMISE, 4, 1, &promise),
                hpack.answer(2, 0, "200"),
                frame(Frame::DATA, ES, 2, b"pushed"),
            ]
            .concat(),
        ),
        client(
            [frame(Frame::RST_STREAM, 0, 3, &8_u32.to_be_bytes()), frame(Frame::DATA, 0, 3, b"late")]
                .concat(),
        ),
        server([frame(Frame::GOAWAY, 0, 0, &[0, 0, 0, 3, 0, 0, 0, 0]), hpack.answer(1, ES, "404")].concat()),
    ];
    let (exchanges, tally) = read_cut(&h2(), &events);
    assert_eq!(
        lines(&exchanges),
        [
            "GET a/p [] 200 [pushed]",
            "POST log.zoom.us/3 [] ? [?]",
            "GET log.zoom.us/5 [] ? [?]",
            "GET log.zoom.us/1 [] 404 []"
        ]
    );
    assert_eq!(exchanges[0].notes, [Note::Pushed]);
    assert_eq!(exchanges[1].notes, [Note::NoAnswer, Note::Reset(8), Note::Unfinished]);
    assert_eq!(exchanges[2].notes, [Note::GoneAway, Note::NoAnswer]);
    assert_eq!(tally.unread, 4, "of a stream that is no more");
}

#[test]
fn a_reader_that_joins_late_says_what_it_does_not_know() {
    let mut hpack = Encoders::default();
    let _unseen = (hpack.request(1, ES, "GET", "/1"), hpack.answer(1, ES, "200"));
    let late = Connection { is_joined_late: true, ..h2() };
    let events = [
        server(b"the rest of a frame that nobody saw the head of"),
        client([hpack.request(3, 0, "POST", "/log"), frame(Frame::DATA, ES, 3, b"{}")].concat()),
        server([hpack.answer(3, 0, "500"), frame(Frame::DATA, ES, 3, b"oh")].concat()),
        client([hpack.request(5, 0, "POST", "/log"), frame(Frame::DATA, ES, 5, b"[]")].concat()),
    ];
    for connection in [late.clone(), Connection { alpn: None, ..late }] {
        let (exchanges, tally) = read(&connection, Limits::default(), &events, usize::MAX);
        if connection.alpn.is_none() && exchanges.is_empty() {
            // Without ALPN the first bytes would have to tell.
            continue;
        }
        assert_eq!(lines(&exchanges), ["POST ?/log [{}] 500 [oh]", "POST ?/log [[]] ? [?]"]);
        let request = exchanges[0].request.as_ref().unwrap();
        assert_eq!(
            request.headers,
            vec![Header { name: None, value: None }; 2],
            "authority and x-id are lost"
        );
        assert_eq!(exchanges[0].notes, [Note::HeadersLost]);
        assert_eq!(tally.unread, 47);
    }
    assert_eq!(lines(&read_cut(&Connection { is_joined_late: true, ..h2() }, &events).0).len(), 2);
}

#[test]
fn after_a_gap_the_next_frames_are_found() {
    let mut hpack = Encoders::default();
    let first = hpack.request(1, 0, "POST", "/1");
    let lost = [hpack.request(3, ES, "GET", "/lost"), frame(Frame::PING, 0, 0, b"12345678")].concat();
    let events = [
        client([start(), first, frame(Frame::DATA, 0, 1, b"0123456789")[..14].to_vec()].concat()),
        Event::Gap(Side::Client, Some(3)),
        client([b"89".to_vec(), frame(Frame::DATA, ES, 1, b"end")].concat()),
        server([hpack.answer(1, ES, "200")].concat()),
        client(&lost[..5]),
        Event::Gap(Side::Client, Some(lost.len() as u64 - 10)),
        client(&lost[lost.len() - 5..]),
        client([hpack.request(5, ES, "GET", "/5"), frame(Frame::PING, 0, 0, b"12345678")].concat()),
        server(hpack.answer(5, ES, "200")),
    ];
    let (exchanges, tally) = read_cut(&h2(), &events);
    assert_eq!(lines(&exchanges)[0], "POST log.zoom.us/1 [01234] 200 []");
    let body = &exchanges[0].request.as_ref().unwrap().body;
    assert_eq!(
        (body.wire_len, &*body.notes),
        (Some(13), &[BodyNote::Gap(Some(3)), BodyNote::NotKept(5)][..])
    );
    assert_eq!(lines(&exchanges)[1], "GET ?/5 [] 200 []");
    assert_eq!(exchanges[1].notes, [Note::HeadersLost]);
    assert_eq!((tally.gaps, tally.unread), (2, 10));
}

#[test]
fn broken_blocks_and_frames_are_counted_and_the_rest_read() {
    let mut hpack = Encoders::default();
    let events = [
        client(
            [start(), frame(Frame::HEADERS, 4 | ES, 1, &[0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])].concat(),
        ),
        client([frame(Frame::HEADERS, 0, 3, &[0x82]), hpack.request(5, ES, "GET", "/5")].concat()),
        client(
            [frame(Frame::CONTINUATION, 4, 9, b""), frame(Frame::DATA, Frame::PADDED, 5, b"\x09x")].concat(),
        ),
        client(
            [frame(Frame::HEADERS, 4 | Frame::PADDED, 7, b"\x09x"), frame(99, 0xff, 7, b"unknown")].concat(),
        ),
        server([hpack.answer(1, ES, "400"), hpack.answer(5, ES, "200")].concat()),
    ];
    let (exchanges, tally) = read_cut(&h2(), &events);
    assert_eq!(lines(&exchanges), ["GET ?? [] 400 []", "GET log.zoom.us/5 [] 200 []"]);
    assert_eq!(exchanges[0].notes, [Note::HeadersDamaged]);
    assert_eq!(tally.damaged, 5);
}

#[test]
fn a_connection_upgrades_from_http_1() {
    let mut hpack = Encoders::default();
    let request = "GET /up HTTP/1.1\r\nHost: zoom.us\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n";
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n";
    let clear = Connection { alpn: None, is_encrypted: false, ..h2() };
    let events = [
        client(request),
        server([&answer[..], &frame(Frame::SETTINGS, 0, 0, b""), &hpack.answer(1, ES, "200")].concat()),
        client([start(), hpack.request(3, ES, "GET", "/3")].concat()),
        server(hpack.answer(3, ES, "200")),
    ];
    let (exchanges, _) = read_cut(&clear, &events);
    assert_eq!(lines(&exchanges), ["GET zoom.us/up [] 200 []", "GET log.zoom.us/3 [] 200 []"]);
    assert_eq!((exchanges[0].stream, &*exchanges[0].interim), (Some(1), &[101][..]));
}

#[test]
fn a_stream_becomes_a_web_socket_or_a_tunnel() {
    let mut hpack = Encoders::default();
    let connect = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":authority", "zoom.us"),
        (":path", "/ws"),
    ];
    let socket = block(&mut hpack.client, &connect);
    let tunnel = block(&mut hpack.client, &[(":method", "CONNECT"), (":authority", "zoom.us:443")]);
    let events = [
        client(
            [start(), frame(Frame::HEADERS, 4, 1, &socket), frame(Frame::HEADERS, 4, 3, &tunnel)].concat(),
        ),
        server([hpack.answer(1, 0, "200"), hpack.answer(3, 0, "200")].concat()),
        server(
            [
                frame(Frame::DATA, 0, 1, b"\x81\x05He"),
                frame(Frame::DATA, 0, 3, b"tunnel"),
                frame(Frame::DATA, ES, 1, b"llo"),
            ]
            .concat(),
        ),
        client(frame(Frame::DATA, ES, 1, b"\x88\x80\0\0\0\0")),
    ];
    let (exchanges, tally) = read_cut(&h2(), &events);
    let found = exchanges[0].web_socket.as_ref().unwrap();
    assert_eq!((&*found.messages[0].body.decoded, found.close), (&b"Hello"[..], Some(0)));
    assert_eq!((lines(&exchanges)[1].as_str(), tally.unread), ("CONNECT zoom.us:443? [] 200 []", 6));
}

#[test]
fn streams_and_headers_are_bounded() {
    let mut hpack = Encoders::default();
    let limits = Limits { streams: 5, headers: 2000, ..Limits::default() };
    let mut bytes = start();
    for number in 0..50 {
        bytes.extend(hpack.request(number * 2 + 1, ES, "GET", "/"));
    }
    let large = [&[0x40, 1, b'a', 0x7f, 0xda, 0x0f][..], &[b'x'; 2137]].concat();
    bytes.extend(frame(Frame::HEADERS, 4, 101, &large));
    for _ in 0..5 {
        bytes.extend(frame(Frame::CONTINUATION, 0, 101, &[0; 1000]));
    }
    let (exchanges, tally) = read(&h2(), limits, &[client(bytes)], 333);
    assert_eq!((exchanges.len(), tally.dropped), (5, 45));
    assert_eq!(tally.damaged, 6, "a block that is too large, and what continues it");
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let payload = prop::collection::vec(any::<u8>(), 0..20);
    let of_frame = (0..11_u8, any::<u8>(), 0..6_u32, payload.clone())
        .prop_map(|(kind, flags, stream, payload)| frame(kind, flags & 0x2d, stream, &payload));
    let get = |id| frame(Frame::HEADERS, 5, id, b"\x82\x84\x87\x41\x01a\x40\x01b\x01c\xbe");
    let answer = |id| frame(Frame::HEADERS, 4, id, b"\x88\x40\x01b\x01c\xbf");
    let snippet = prop_oneof![of_frame, payload, (1..6_u32).prop_map(get), (1..6_u32).prop_map(answer)];
    let side = prop_oneof![Just(Side::Client), Just(Side::Server)];
    let length = prop_oneof![Just(None), (0..40_u64).prop_map(Some)];
    let event = prop_oneof![
        8 => (side.clone(), snippet).prop_map(|(side, bytes)| Event::Data(side, bytes)),
        1 => (side.clone(), length).prop_map(|(side, length)| Event::Gap(side, length)),
        1 => side.prop_map(Event::End),
    ];
    prop::collection::vec(event, 0..16)
}

proptest! {
    #[test]
    fn whatever_comes_is_read_the_same_however_it_is_cut(events in events(), step in 1..20_usize, late: bool, known: bool) {
        let alpn = known.then(|| b"h2"[..].into());
        let connection = Connection { is_joined_late: late, alpn, ..h2() };
        let whole = read(&connection, Limits::default(), &events, usize::MAX);
        prop_assert_eq!(read(&connection, Limits::default(), &events, step), whole);
    }
}

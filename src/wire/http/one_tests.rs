use proptest::prelude::*;

use super::*;
use crate::wire::exchange::{BodyNote, Limits};
use crate::wire::http::context::Connection;
use crate::wire::http::sample::{Event, at, client, lines, read, read_cut, server};

fn over_tls() -> Connection {
    Connection { is_encrypted: true, alpn: Some(b"http/1.1"[..].into()), ..Connection::default() }
}

const GET: &str = "GET /a?b=c HTTP/1.1\r\nHost: zoom.us\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_request_and_its_answer_keep_their_frames_and_times() {
    let body = "{\"event\":\"join\"}";
    let head = format!("POST /log HTTP/1.1\r\nHost: log.zoom.us\r\nContent-Length: {}\r\n\r\n", body.len());
    let events =
        [client(&head[..20]), client(&head[20..]), client(body), server(OK), Event::End(Side::Server)];
    let (exchanges, tally) = read_cut(&over_tls(), &events);
    assert_eq!(lines(&exchanges), ["POST log.zoom.us/log [{\"event\":\"join\"}] 200 [ok]"]);
    let exchange = &exchanges[0];
    assert_eq!((exchange.start, exchange.end), (at(1).time, at(4).time));
    let frames = |message: &Option<crate::wire::exchange::Message>| message.as_ref().unwrap().frames.unwrap();
    assert_eq!(frames(&exchange.request), (at(1).frame, at(3).frame));
    assert_eq!(frames(&exchange.response), (at(4).frame, at(4).frame));
    assert_eq!((exchange.scheme.as_deref(), exchange.version), (Some(&b"https"[..]), Version::Http11));
    assert!(exchange.notes.is_empty());
    assert_eq!(tally, super::super::context::Tally::default());
}

#[test]
fn bodies_end_as_the_rules_say() {
    for (request, answer, expected) in [
        (GET, "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", "GET zoom.us/a?b=c [] 204 []"),
        (GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "GET zoom.us/a?b=c [] 304 []"),
        (GET, "HTTP/1.0 200 OK\r\n\r\nup to the end", "GET zoom.us/a?b=c [] 200 [up to the end]"),
        (
            "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
            "HEAD a/ [] 200 []",
        ),
        (
            GET,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
            "GET zoom.us/a?b=c [] 200 [abc0123456789]",
        ),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: gzip\r\ntransfer-encoding:Chunked\r\n\r\n1\r\na\n0\r\n\n",
            OK,
            "PUT a/ [a] 200 [ok]",
        ),
        ("\r\n\r\nGET / HTTP/1.0\n\n", OK, "GET ?/ [] 200 [ok]"),
    ] {
        let (exchanges, _) =
            read_cut(&over_tls(), &[client(request), server(answer), Event::End(Side::Server)]);
        assert_eq!(lines(&exchanges), [expected]);
    }
}

#[test]
fn pipelines_interim_answers_and_trailers_are_followed() {
    let requests = [
        GET,
        "HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
    ]
    .concat();
    let answers = [
        OK,
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
        "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nServer-Timing: 1\r\n\r\n",
    ];
    let (exchanges, _) = read_cut(&over_tls(), &[client(requests), server(answers.concat())]);
    assert_eq!(
        lines(&exchanges),
        ["GET zoom.us/a?b=c [] 200 [ok]", "HEAD a/h [] 200 []", "POST a/p [x] 500 []"]
    );
    assert_eq!(exchanges[2].interim, [100, 103]);
    assert_eq!(exchanges[2].response.as_ref().unwrap().trailers, [Header::new(*b"Server-Timing", *b"1")]);
    assert!(exchanges.iter().all(|exchange| exchange.notes.is_empty()));
}

#[test]
fn an_answer_before_the_end_of_the_request_belongs_to_it() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab";
    let (exchanges, _) =
        read_cut(&over_tls(), &[client(head), server(OK), client(format!("cd{GET}")), server(OK)]);
    assert_eq!(lines(&exchanges), ["POST a/ [abcd] 200 [ok]", "GET zoom.us/a?b=c [] 200 [ok]"]);
}

#[test]
fn what_the_capture_cuts_off_is_named() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab";
    let (exchanges, _) = read_cut(&over_tls(), &[client(head)]);
    assert_eq!(
        (lines(&exchanges), &*exchanges[0].notes),
        (vec!["POST a/ [ab] ? [?]".into()], &[Note::NoAnswer, Note::Unfinished][..])
    );
    assert_eq!(exchanges[0].request.as_ref().unwrap().body.notes, [BodyNote::Truncated]);
    let (exchanges, _) = read_cut(&over_tls(), &[server(OK)]);
    assert_eq!(
        (lines(&exchanges), &*exchanges[0].notes),
        (vec!["? ?? [?] 200 [ok]".into()], &[Note::RequestNotSeen][..])
    );
}

#[test]
fn a_gap_in_a_body_is_counted_and_nothing_else_is_lost() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab";
    let events = [
        client(head),
        Event::Gap(Side::Client, Some(5)),
        client(format!("xyz{GET}")),
        server(OK),
        server(OK),
    ];
    let (exchanges, tally) = read_cut(&over_tls(), &events);
    assert_eq!(lines(&exchanges), ["POST a/ [ab] 200 [ok]", "GET zoom.us/a?b=c [] 200 [ok]"]);
    assert_eq!(exchanges[0].notes, [Note::Gap]);
    let body = &exchanges[0].request.as_ref().unwrap().body;
    assert_eq!(
        (body.wire_len, &*body.notes),
        (Some(10), &[BodyNote::Gap(Some(5)), BodyNote::NotKept(3)][..])
    );
    assert_eq!((tally.gaps, tally.missing, tally.unread), (1, 5, 0));
    // A body of which the gap is the end.
    let events = [client(head), Event::Gap(Side::Client, Some(8)), client(GET), server(OK), server(OK)];
    assert_eq!(lines(&read_cut(&over_tls(), &events).0)[1], "GET zoom.us/a?b=c [] 200 [ok]");
}

#[test]
fn after_a_gap_the_next_message_is_found() {
    let events = [
        client(GET),
        server("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nfront"),
        Event::Gap(Side::Server, Some(400)),
        server("rest of another\nanswer"),
        client(GET.replace("/a", "/b")),
        server(OK.replace("ok", "bb")),
        Event::Gap(Side::Client, None),
        client(format!("...}}{}", GET.replace("/a", "/c"))),
        server(OK.replace("ok", "cc")),
    ];
    let (exchanges, tally) = read_cut(&over_tls(), &events);
    assert_eq!(
        lines(&exchanges),
        [
            "GET zoom.us/a?b=c [] 200 [front]",
            "GET zoom.us/b?b=c [] 200 [bb]",
            "GET zoom.us/c?b=c [] 200 [cc]"
        ]
    );
    assert_eq!(exchanges[0].notes, [Note::Gap, Note::Unfinished]);
    assert_eq!((tally.unread, tally.gaps), (22 + 4, 2));
}

#[test]
fn an_answer_after_lost_ones_goes_to_the_last_request() {
    let events = [client(GET), Event::Gap(Side::Server, None), client(GET.replace("/a", "/b")), server(OK)];
    let (exchanges, _) = read_cut(&over_tls(), &events);
    assert_eq!(lines(&exchanges), ["GET zoom.us/a?b=c [] ? [?]", "GET zoom.us/b?b=c [] 200 [ok]"]);
    assert_eq!(exchanges[0].notes, [Note::Gap, Note::NoAnswer]);
}

#[test]
fn a_reader_that_joins_late_finds_its_place() {
    let late = Connection { is_joined_late: true, ..over_tls() };
    let unknown = Connection { alpn: None, ..late.clone() };
    for connection in [late, unknown] {
        let events = [server("rest of a body, and a good part of it"), client(GET), server(OK)];
        assert_eq!(lines(&read_cut(&connection, &events).0), ["GET zoom.us/a?b=c [] 200 [ok]"]);
    }
}

#[test]
fn broken_heads_and_chunks_are_passed_over() {
    for broken in ["\0\0\0\r\n\r\n", "GET\r\n\r\n", "BREW /pot HTCPCP/1.0\r\n\r\n"] {
        let (exchanges, tally) = read_cut(&over_tls(), &[client(broken), client(GET), server(OK)]);
        assert_eq!(lines(&exchanges), ["GET zoom.us/a?b=c [] 200 [ok]"], "{broken:?}");
        assert_eq!((tally.damaged, tally.unread), (1, broken.len() as u64), "{broken:?}");
    }
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n";
    let (exchanges, tally) = read_cut(&over_tls(), &[client(GET), server(chunked), client(GET), server(OK)]);
    assert_eq!(lines(&exchanges), ["GET zoom.us/a?b=c [] 200 [abc]", "GET zoom.us/a?b=c [] 200 [ok]"]);
    assert_eq!((tally.damaged, &*exchanges[0].notes), (1, &[Note::Gap, Note::Unfinished][..]));
}

#[test]
fn heads_without_end_and_pipelines_without_answer_are_bounded() {
    let limits = Limits { headers: 1000, streams: 5, ..Limits::default() };
    let endless = "GET / HTTP/1.1\r\n".repeat(500);
    for step in [1, 64, usize::MAX] {
        let (exchanges, tally) = read(&over_tls(), limits, &[client(&endless)], step);
        assert_eq!((exchanges.len(), tally.unread), (0, endless.len() as u64), "{step}");
    }
    let many: String = (0..20).map(|n| GET.replace("/a", &format!("/{n}"))).collect();
    let (exchanges, _) = read(&over_tls(), limits, &[client(many), server(OK.repeat(20))], 7);
    let early: Vec<_> = exchanges.iter().filter(|e| e.notes.contains(&Note::NoRoom)).collect();
    assert_eq!(early.len(), 15);
    let mut answered =
        lines(&exchanges).into_iter().filter(|line| line.starts_with("GET") && line.ends_with("200 [ok]"));
    assert_eq!(answered.next_back().unwrap(), "GET zoom.us/19?b=c [] 200 [ok]");
}

#[test]
fn a_method_longer_than_any_is_another_protocol_however_it_comes() {
    for (letters, expected) in [(17, 1), (18, 0), (43, 0)] {
        let request = "A".repeat(letters) + &GET[3..];
        let (exchanges, _) = read_cut(&Connection::default(), &[client(request), server(OK)]);
        assert_eq!(exchanges.len(), expected, "{letters} letters");
    }
}

#[test]
fn tunnels_and_other_protocols_are_counted() {
    let connect = "CONNECT zoom.us:443 HTTP/1.1\r\nHost: zoom.us:443\r\n\r\n";
    let events = [
        client(connect),
        server("HTTP/1.1 200 Connected\r\n\r\n"),
        client("\x16\x03\x01"),
        server("\x16\x03\x03."),
    ];
    let (exchanges, tally) = read_cut(&over_tls(), &events);
    assert_eq!(lines(&exchanges), ["CONNECT zoom.us:443? [] 200 []"]);
    assert_eq!((tally.unread, exchanges[0].notes.len()), (7, 0));
    let other = Connection { alpn: Some(b"imap"[..].into()), ..over_tls() };
    assert_eq!(read_cut(&other, &[client(GET), server(OK)]).1.unread, (GET.len() + OK.len()) as u64);
    let clear = Connection::default();
    assert_eq!(read_cut(&clear, &[server("220 mail ESMTP\r\n")]).1.unread, 16);
    assert_eq!(lines(&read_cut(&clear, &[client(GET), server(OK)]).0).len(), 1);
}

#[test]
fn web_sockets_are_read_behind_their_handshake() {
    let handshake = "GET /ws HTTP/1.1\r\nHost: zoom.us\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n";
    let hello = [&b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"[..]].concat();
    // The server's first message comes with the handshake.
    let events = [client(handshake), server([answer.as_bytes(), b"\x81\x02hi"].concat()), client(hello)];
    let (exchanges, tally) = read_cut(&over_tls(), &events);
    let socket = exchanges[0].web_socket.as_ref().unwrap();
    let texts: Vec<_> =
        socket.messages.iter().map(|message| (message.from_client, &*message.body.decoded)).collect();
    assert_eq!(texts, [(false, &b"hi"[..]), (true, b"Hello")]);
    assert_eq!((exchanges[0].status, tally.unread, exchanges[0].notes.len()), (Some(101), 0, 0));
}

#[test]
fn a_request_behind_a_gap_is_found_however_much_was_searched_before_it() {
    let connection = Connection { is_joined_late: true, ..over_tls() };
    let events = [client("the end of a line that began before"), Event::Gap(Side::Client, None), client(GET)];
    for step in [1, 7, usize::MAX] {
        let (exchanges, tally) = read(&connection, Limits::default(), &events, step);
        assert_eq!((exchanges.len(), tally.gaps, tally.unread), (1, 1, 35), "in pieces of {step}");
    }
}

#[test]
fn a_body_of_a_gigabyte_is_counted() {
    let connection = over_tls();
    let mut reader = super::super::reader::Reader::new(connection, Limits::default());
    let mut exchanges = Vec::new();
    let mut done = |exchange| exchanges.push(exchange);
    reader.data(Side::Client, b"PUT / HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n", at(1), &mut done);
    let piece = vec![b'x'; 1 << 20];
    for number in 0..1024 {
        reader.data(Side::Client, &piece, at(number + 2), &mut done);
    }
    reader.data(Side::Server, OK.as_bytes(), at(2000), &mut done);
    let body = &exchanges[0].request.as_ref().unwrap().body;
    assert_eq!((body.wire_len, body.decoded.len()), (Some(1 << 30), Limits::default().body));
    assert_eq!(body.notes, [BodyNote::NotKept((1 << 30) - (8 << 20))]);
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let snippet = prop_oneof![
        Just(GET.as_bytes().to_vec()),
        Just(OK.as_bytes().to_vec()),
        Just(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n".to_vec()),
        Just(
            b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
                .to_vec()
        ),
        Just(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..30),
    ];
    let side = prop_oneof![Just(Side::Client), Just(Side::Server)];
    let length = prop_oneof![Just(None), (0..40_u64).prop_map(Some)];
    let event = prop_oneof![
        8 => (side.clone(), snippet).prop_map(|(side, bytes)| Event::Data(side, bytes)),
        1 => (side.clone(), length).prop_map(|(side, length)| Event::Gap(side, length)),
        1 => side.prop_map(Event::End),
    ];
    prop::collection::vec(event, 0..12)
}

proptest! {
    #[test]
    fn whatever_comes_is_read_the_same_however_it_is_cut(events in events(), step in 1..20_usize, late: bool, known: bool) {
        let alpn = known.then(|| b"http/1.1"[..].into());
        let connection = Connection { is_joined_late: late, alpn, ..over_tls() };
        let whole = read(&connection, Limits::default(), &events, usize::MAX);
        prop_assert_eq!(read(&connection, Limits::default(), &events, step), whole);
    }
}

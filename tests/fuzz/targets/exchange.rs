//! Connections of HTTP, 1.1 and 2, and web sockets. Law: however the bytes of both sides are cut into pieces, the exchanges and
//! the sums are the same; no exchange holds more than its limits.

use borderpost::frame::{FrameRef, Timestamp};
use borderpost::wire::exchange::{Exchange, Limits};
use borderpost::wire::http::{At, Connection, Reader, Side, Tally};

use super::script::Script;

pub fn seeds() -> Vec<Vec<u8>> {
    let turn = |side: u8, bytes: &[u8]| {
        [&[side][..], &u16::try_from(bytes.len()).unwrap_or(0).to_be_bytes(), bytes].concat()
    };
    let request =
        b"POST /log HTTP/1.1\r\nHost: zoom.us\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n";
    let response = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 204 No Content\r\n\r\n";
    let upgrade = b"GET /ws HTTP/1.1\r\nHost: zoom.us\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";
    let agreed = b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n\x81\x02hi";
    let settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    let get = b"\x00\x00\x0d\x01\x05\x00\x00\x00\x01\x82\x86\x84\x41\x88\x2f\x91\xd3\x5d\x05\x5c\x87\xa7";
    let answer = b"\x00\x00\x01\x01\x04\x00\x00\x00\x01\x88\x00\x00\x02\x00\x01\x00\x00\x00\x01ok";
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    vec![
        [&[0, 9][..], &turn(0, request), &turn(1, response)].concat(),
        [&[0, 3][..], &turn(0, upgrade), &turn(1, agreed), &turn(0, b"\x81\x82\x00\x00\x00\x00hi")].concat(),
        [
            &[0, 5][..],
            &turn(0, &[&preface[..], settings, get].concat()),
            &turn(1, &[&settings[..], answer].concat()),
        ]
        .concat(),
        [&[1, 5][..], &turn(0, &[&settings[..], get].concat()), &turn(2, b"\x00\x40"), &turn(1, answer)]
            .concat(),
        [&[3, 2][..], &turn(0, get), &turn(4, b""), &turn(1, answer)].concat(),
    ]
}

pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let (kind, size) = (script.byte(), usize::from(script.byte()) + 1);
    let whole = read(kind, script, usize::MAX);
    let pieces = read(kind, script, size);
    assert_eq!(whole.1, pieces.1, "sums");
    assert_eq!(format!("{:?}", whole.0), format!("{:?}", pieces.0), "exchanges in pieces of {size}");
}

fn read(kind: u8, mut script: Script<'_>, size: usize) -> (Vec<Exchange>, Tally) {
    let alpn: Option<&[u8]> = [None, Some(&b"h2"[..]), Some(b"http/1.1"), Some(b"h2")][usize::from(kind & 3)];
    let connection =
        Connection { alpn: alpn.map(Into::into), is_joined_late: kind & 4 != 0, ..Connection::default() };
    let limits = Limits { body: 1 << 16, ..Limits::default() };
    let mut reader = Reader::new(connection, limits);
    let mut exchanges = Vec::new();
    let mut done = |exchange: Exchange| {
        let messages = [exchange.request.as_ref(), exchange.response.as_ref()];
        assert!(messages.into_iter().flatten().all(|message| message.body.decoded.len() <= 1 << 16));
        exchanges.push(exchange);
    };
    let mut number = 0;
    while !script.is_empty() {
        number += 1;
        let at = At { frame: FrameRef::new(0, number), time: Timestamp::from_nanos(0) };
        let (turn, bytes) = (script.byte(), script.bytes());
        let sender = if turn & 1 == 0 { Side::Client } else { Side::Server };
        match turn % 6 {
            2 | 3 => reader.gap(sender, (turn & 0x40 == 0).then_some(bytes.len() as u64), &mut done),
            4 | 5 => reader.end(sender, &mut done),
            _ => bytes.chunks(size).for_each(|piece| reader.data(sender, piece, at, &mut done)),
        }
    }
    let tally = reader.finish(&mut done);
    (exchanges, tally)
}

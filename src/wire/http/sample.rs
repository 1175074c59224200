//! What the tests of the readers share.

use super::context::{Connection, Context, Side, Tally};
use super::queue::At;
use super::reader::Reader;
use crate::frame::{FrameRef, Timestamp};
use crate::wire::exchange::{Exchange, Limits};

/// Frame `number`, captured so many seconds after 1970.
pub(crate) fn at(number: u64) -> At {
    let nanos = i64::try_from(number).unwrap() * 1_000_000_000;
    At { frame: FrameRef::new(0, number), time: Timestamp::from_nanos(nanos) }
}

pub(crate) fn context(limits: Limits) -> Context {
    let connection = Connection { is_encrypted: true, ..Connection::default() };
    Context::new(connection, limits)
}

/// What happens in a connection.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Data(Side, Vec<u8>),
    Gap(Side, Option<u64>),
    End(Side),
}

pub(crate) fn client(bytes: impl AsRef<[u8]>) -> Event {
    Event::Data(Side::Client, bytes.as_ref().to_vec())
}

pub(crate) fn server(bytes: impl AsRef<[u8]>) -> Event {
    Event::Data(Side::Server, bytes.as_ref().to_vec())
}

/// Reads events, one frame each, whose bytes come in pieces of at most `step`.
pub(crate) fn read(
    connection: &Connection,
    limits: Limits,
    events: &[Event],
    step: usize,
) -> (Vec<Exchange>, Tally) {
    let mut reader = Reader::new(connection.clone(), limits);
    let mut exchanges = Vec::new();
    for (number, event) in events.iter().enumerate() {
        let done = &mut |exchange| exchanges.push(exchange);
        match event {
            Event::Data(side, bytes) => {
                for piece in bytes.chunks(step) {
                    reader.data(*side, piece, at(number as u64 + 1), done);
                }
            }
            Event::Gap(side, length) => reader.gap(*side, *length, done),
            Event::End(side) => reader.end(*side, done),
        }
    }
    let tally = reader.finish(&mut |exchange| exchanges.push(exchange));
    (exchanges, tally)
}

/// The same, after a look whether it is the same however the bytes are cut.
pub(crate) fn read_cut(connection: &Connection, events: &[Event]) -> (Vec<Exchange>, Tally) {
    let whole = read(connection, Limits::default(), events, usize::MAX);
    for step in [1, 2, 3, 5, 11, 64] {
        assert_eq!(read(connection, Limits::default(), events, step), whole, "in pieces of {step}");
    }
    whole
}

/// `GET zoom.us/path 200 body`, with what is not known as `?`.
pub(crate) fn line(exchange: &Exchange) -> String {
    let text = |part: &Option<Box<[u8]>>| {
        part.as_ref().map_or("?".to_owned(), |part| String::from_utf8_lossy(part).into_owned())
    };
    let body = |message: &Option<crate::wire::exchange::Message>| {
        message.as_ref().map_or("?".to_owned(), |m| String::from_utf8_lossy(&m.body.decoded).into_owned())
    };
    let status = exchange.status.map_or("?".to_owned(), |status| status.to_string());
    let (request, response) = (body(&exchange.request), body(&exchange.response));
    let (method, authority, path) = (text(&exchange.method), text(&exchange.authority), text(&exchange.path));
    format!("{method} {authority}{path} [{request}] {status} [{response}]")
}

pub(crate) fn lines(exchanges: &[Exchange]) -> Vec<String> {
    exchanges.iter().map(line).collect()
}

//! One run as a capture with keys, as a flow file and as a HAR file: the three give the same inventory (`tests/imports/README.md`).

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use borderpost::frame::{FrameRef, Timestamp};
use borderpost::telemetry::content::{self, Bounds, Value};
use borderpost::telemetry::import;
use borderpost::telemetry::join::{Candidate, Match, join};
use borderpost::wire::exchange::{BodyNote, Exchange, Limits, Message, Note};
use borderpost::wire::http::{At, Connection, Reader, Side};

fn file(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/imports").join(name)).unwrap()
}

fn imported(name: &str) -> Vec<Exchange> {
    let import = import::read(&file(name), name, &Limits::default()).unwrap();
    assert_eq!((import.faults.len(), import.other_flows), (0, 0));
    import.exchanges
}

/// One connection of the capture.
struct Captured {
    alpn: String,
    start: Timestamp,
    end: Timestamp,
    pieces: Vec<(Side, Vec<u8>)>,
}

fn captured() -> Vec<Captured> {
    let text = String::from_utf8(file("run.streams")).unwrap();
    let mut found: Vec<Captured> = Vec::new();
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "connection" => {
                let time = |word: &str| Timestamp::from_nanos(word.parse().unwrap());
                let (start, end) = (time(words[2]), time(words[3]));
                found.push(Captured { alpn: words[1].to_owned(), start, end, pieces: Vec::new() });
            }
            side => {
                let side = if side == ">" { Side::Client } else { Side::Server };
                found.last_mut().unwrap().pieces.push((side, bytes(words[1])));
            }
        }
    }
    found
}

/// The exchanges of the capture, its pieces cut into smaller ones.
fn read(step: usize) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    for (number, connection) in captured().into_iter().enumerate() {
        let about = Connection {
            number: number as u64,
            peer: "127.0.0.1:8443".parse().ok(),
            alpn: Some(connection.alpn.as_bytes().into()),
            is_encrypted: true,
            ..Connection::default()
        };
        let mut reader = Reader::new(about, Limits::default());
        let mut done = |exchange| exchanges.push(exchange);
        for (place, (side, bytes)) in connection.pieces.iter().enumerate() {
            let at = At { frame: FrameRef::new(0, place as u64 + 1), time: connection.start };
            bytes.chunks(step).for_each(|piece| reader.data(*side, piece, at, &mut done));
        }
        let tally = reader.finish(&mut done);
        assert_eq!(tally, borderpost::wire::http::Tally::default(), "nothing is left over");
    }
    exchanges
}

fn text(part: Option<&[u8]>) -> String {
    part.map_or("?".to_owned(), |part| String::from_utf8_lossy(part).into_owned())
}

/// What a message says, without what is the tool's own: its length on the wire and its notes.
fn fields(message: Option<&Message>) -> Vec<String> {
    let Some(message) = message else { return vec!["none".to_owned()] };
    let mut fields = vec![format!("{:?} {} bytes", content::kind(message), message.body.decoded.len())];
    let walked = content::walk(message, Bounds::default(), &mut |path, value| match value {
        Value::Text(text) => fields.push(format!("{path} = {text}")),
        other => fields.push(format!("{path} = {other:?}")),
    });
    assert_eq!(walked.stopped, None);
    fields.push(format!("{:02x?}", message.body.decoded));
    fields
}

/// One line an exchange, and one each value that it carried.
fn inventory(exchanges: &[Exchange]) -> Vec<String> {
    let mut lines = Vec::new();
    for exchange in exchanges {
        let [method, scheme, authority, path] =
            [&exchange.method, &exchange.scheme, &exchange.authority, &exchange.path]
                .map(|part| text(part.as_deref()));
        let peer = exchange.peer.map(|peer| peer.address);
        lines.push(format!(
            "{:?} {method} {scheme}://{authority}{path} {peer:?} {:?}",
            exchange.version, exchange.status
        ));
        lines.extend(fields(exchange.request.as_ref()));
        lines.extend(fields(exchange.response.as_ref()));
        for message in exchange.web_socket.iter().flat_map(|socket| &socket.messages) {
            let body = &message.body.decoded;
            lines.push(format!(
                "{} {} {}",
                message.from_client,
                message.is_text,
                String::from_utf8_lossy(body)
            ));
        }
    }
    lines
}

#[test]
fn the_capture_the_flow_file_and_the_har_file_give_the_same_inventory() {
    let captured = inventory(&read(usize::MAX));
    assert!(captured.len() > 600, "{}", captured.len());
    assert_eq!(captured, inventory(&imported("run.mitm")));
    assert_eq!(captured, inventory(&imported("run.har")));
}

#[test]
fn it_does_not_matter_how_the_capture_is_cut() {
    let whole = read(usize::MAX);
    for step in [1, 7, 100] {
        assert!(read(step) == whole, "in pieces of {step}");
    }
}

#[test]
fn every_encoding_and_kind_of_the_run_was_undone() {
    let (exchanges, flows) = (read(usize::MAX), imported("run.mitm"));
    assert_eq!((exchanges.len(), flows.len()), (11, 11));
    for (one, other) in exchanges.iter().zip(&flows) {
        assert!(one.notes.is_empty(), "{:?} {:?}", one.path, one.notes);
        assert!(other.notes.is_empty(), "{:?} {:?}", other.path, other.notes);
        for message in [&one.request, &one.response].into_iter().flatten() {
            assert!(message.body.notes.is_empty() && message.body.remaining.is_empty());
            assert!(message.frames.is_some());
        }
    }
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for message in exchanges.iter().flat_map(|exchange| [&exchange.request, &exchange.response]).flatten() {
        let kind = format!("{:?}", content::kind(message));
        *kinds.entry(kind.split('(').next().unwrap().to_owned()).or_default() += 1;
    }
    let expected = [("Empty", 8), ("Form", 2), ("Json", 10), ("Multipart", 1), ("Protobuf", 1)];
    assert_eq!(kinds, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
    let socket = exchanges.last().unwrap().web_socket.as_ref().unwrap();
    assert_eq!((socket.messages.len(), socket.close, socket.not_kept), (8, Some(1000), 0));
}

#[test]
fn exchanges_of_both_files_are_joined_with_their_connections() {
    let flows: Vec<Candidate> = captured()
        .into_iter()
        .map(|connection| Candidate {
            start: connection.start,
            end: connection.end,
            address: "127.0.0.1".parse().unwrap(),
            port: 8443,
            names: Vec::new(),
        })
        .collect();
    let expected: Vec<usize> =
        read(usize::MAX).iter().map(|e| usize::try_from(e.connection.unwrap()).unwrap()).collect();
    for name in ["run.mitm", "run.har"] {
        let exchanges = imported(name);
        // The connections follow each other within a tenth of a second: their clocks are one.
        let found = join(&exchanges, &flows, Duration::ZERO);
        let expected: Vec<Match> =
            expected.iter().map(|&index| Match::Flow { index, by_address: true, by_name: false }).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_cut_anywhere_gives_the_exchanges_before_it() {
    for name in ["run.mitm", "run.har"] {
        let (bytes, whole) = (file(name), imported(name));
        for cut in (1..bytes.len()).step_by(997) {
            let Ok(import) = import::read(&bytes[..cut], name, &Limits::default()) else { continue };
            assert!(whole.starts_with(&import.exchanges), "{name} cut at {cut}");
            // Between two flows a flow file may end.
            assert!(import.faults.len() == 1 || name == "run.mitm", "{name} cut at {cut}");
        }
    }
}

#[test]
fn har_says_that_its_bodies_are_decoded() {
    let exchanges = imported("run.har");
    let packed = exchanges.iter().find(|exchange| exchange.path.as_deref() == Some(b"/br")).unwrap();
    assert_eq!(packed.response.as_ref().unwrap().body.notes, [BodyNote::AlreadyDecoded]);
    assert!(exchanges.iter().all(|exchange| !exchange.notes.contains(&Note::TimeUnknown)));
}

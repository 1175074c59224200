//! Packets and keys by the library, as the program puts its parts together, but with all that is said kept.
//!
//! Input: packets of one capture, and key logs. Output: [`Opened`]. Must not: help the parts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use borderpost::decrypt::{Decrypter, Keys, Outcome, Piece, Sink};
use borderpost::flow::{FlowId, Flows, Scope};
use borderpost::frame::{FrameRef, LinkType, Timestamp};
use borderpost::packet::{Decoded, decode};
use borderpost::wire::exchange::{Exchange, Limits, Message, Version};
use borderpost::wire::http::{At, Connection, Reader, Side};

use crate::log::{Content, Logged, Talked};

/// What was said in all connections.
#[derive(Default)]
pub(crate) struct Opened {
    pub(crate) exchanges: Vec<Exchange>,
    /// The suites that were chosen.
    pub(crate) ciphers: BTreeSet<u16>,
    /// Changes of keys, by clients and by servers.
    pub(crate) rekeyed: [usize; 2],
    /// Bytes that were said early.
    pub(crate) early: usize,
    /// The bytes of each connection, by the client and by the server.
    pub(crate) said: BTreeMap<FlowId, [Vec<u8>; 2]>,
    /// Connections that no key log names.
    pub(crate) without_keys: usize,
    /// What is missing or does not open.
    pub(crate) faults: Vec<String>,
    readers: BTreeMap<FlowId, Reader>,
}

/// `KeyUpdate` (RFC 8446 section 4.6.3).
const KEY_UPDATE: u8 = 24;

impl Sink for Opened {
    fn piece(&mut self, flow: FlowId, from_client: bool, piece: Piece<'_>) {
        let index = usize::from(!from_client);
        let side = if from_client { Side::Client } else { Side::Server };
        let reader = self.readers.entry(flow).or_insert_with(|| {
            let number = u64::from(flow.0);
            let about = Connection { number, is_encrypted: true, ..Connection::default() };
            Reader::new(about, Limits::default())
        });
        let mut done = |exchange| self.exchanges.push(exchange);
        match piece {
            Piece::Bytes { at, bytes, is_early, .. } => {
                self.early += if is_early { bytes.len() } else { 0 };
                self.said.entry(flow).or_default()[index].extend_from_slice(bytes);
                reader.data(side, bytes, At { frame: at, time: Timestamp::from_nanos(0) }, &mut done);
            }
            Piece::Message { kind, .. } => self.rekeyed[index] += usize::from(kind == KEY_UPDATE),
            Piece::Gap { bytes, reason } => {
                self.faults.push(format!("{flow:?} {side:?}: {bytes:?} bytes missing, {reason:?}"));
            }
            Piece::End => reader.end(side, &mut done),
        }
    }
}

impl Opened {
    pub(crate) fn new(packets: &[Vec<u8>], log: &[u8]) -> Self {
        let mut keys = Keys::default();
        keys.read(log);
        let (mut decrypter, mut flows) = (Decrypter::new(Arc::new(keys)), Flows::new());
        let (mut opened, mut seen_flows) = (Self::default(), BTreeSet::new());
        let mut at = FrameRef::new(0, 0);
        for (number, bytes) in (1..).zip(packets) {
            at = FrameRef::new(0, number);
            let len = u32::try_from(bytes.len()).unwrap();
            let Decoded::Packet(packet) = decode(LinkType::RAW, bytes, len) else { panic!("no packet") };
            let seen = flows.observe(&packet, Scope::default(), at, len, None);
            seen_flows.insert(seen.flow);
            decrypter.packet(seen, &packet, at, None, &mut opened);
        }
        decrypter.finish(at, None, &mut opened);
        for (_, reader) in std::mem::take(&mut opened.readers) {
            let tally = reader.finish(&mut |exchange| opened.exchanges.push(exchange));
            if tally != borderpost::wire::http::Tally::default() {
                opened.faults.push(format!("{tally:?}"));
            }
        }
        for flow in seen_flows {
            match decrypter.outcome(flow) {
                // A browser opens connections that it never uses.
                None => {}
                Some(Outcome::Keys(read)) if read.trouble.is_none() => opened.ciphers.extend(read.cipher),
                Some(Outcome::NoKeys { .. }) => opened.without_keys += 1,
                Some(other) => opened.faults.push(format!("{flow:?}: {other:?}")),
            }
        }
        opened
    }

    /// The exchanges as a server logs them, in order.
    pub(crate) fn logged(&self) -> Vec<Logged> {
        let mut logged: Vec<Logged> = self.exchanges.iter().map(logged).collect();
        logged.sort();
        logged
    }

    /// What went over sockets, as a server logs it, in order.
    pub(crate) fn talked(&self) -> Vec<Talked> {
        let mut talked: Vec<Talked> = self.exchanges.iter().filter_map(talked).collect();
        talked.sort();
        talked
    }
}

pub(crate) fn text(part: Option<&[u8]>) -> String {
    part.map_or("?".to_owned(), |part| String::from_utf8_lossy(part).into_owned())
}

fn content(message: Option<&Message>) -> Content {
    let Some(body) = message.map(|message| &message.body) else { return Content::new(0, b"no message") };
    assert_eq!(body.notes, []);
    Content::new(usize::try_from(body.wire_len.unwrap()).unwrap(), &body.decoded)
}

fn logged(exchange: &Exchange) -> Logged {
    let version = match exchange.version {
        Version::Http11 => "1.1",
        Version::Http2 => "2",
        _ => "another",
    };
    Logged {
        host: text(exchange.host()),
        version,
        method: text(exchange.method.as_deref()),
        target: text(exchange.path.as_deref()),
        sent: content(exchange.request.as_ref()),
        status: exchange.status.unwrap_or_default(),
        got: content(exchange.response.as_ref()),
    }
}

fn talked(exchange: &Exchange) -> Option<Talked> {
    let socket = exchange.web_socket.as_ref()?;
    let mut talked = Talked {
        host: text(exchange.host()),
        target: text(exchange.path.as_deref()),
        control: socket.control,
        close: socket.close,
        ..Talked::default()
    };
    for message in &socket.messages {
        assert_eq!(message.body.notes, []);
        let wire = usize::try_from(message.body.wire_len.unwrap()).unwrap();
        let said = (message.is_text, Content::new(wire, &message.body.decoded));
        if message.from_client { talked.from_client.push(said) } else { talked.from_server.push(said) }
    }
    Some(talked)
}

//! tshark as the judge of what was opened: the bytes of every connection, requests and answers in their frames, bodies, messages.
//!
//! Input: a capture, its key log, what was opened of it. Output: none. Must not: excuse a difference; what tshark has no words for is
//! named where it is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use borderpost::wire::exchange::{Encoding, Exchange, Message, Version};
use data_encoding::HEXLOWER;

use crate::opened::{Opened, text};

/// Holds what was opened against what tshark shows.
pub(crate) fn compare(capture: &Path, keys: &Path, opened: &Opened) {
    let tshark = Tshark { capture, keys };
    let Some(shown) = tshark.shown() else {
        let absent =
            b"\n*** NOT CHECKED: tshark is not there, so nothing else has opened what was captured ***\n\n";
        std::io::stderr().write_all(absent).unwrap();
        return;
    };
    assert_eq!(requests(opened), shown.requests);
    assert_eq!(answers(opened), shown.answers);
    let (mut bodies, mut left_out) = (0, 0);
    for exchange in &opened.exchanges {
        for message in [&exchange.request, &exchange.response].into_iter().flatten() {
            let is_compared = has_end(exchange) && shown.has(exchange.version, message);
            bodies += usize::from(is_compared);
            left_out += usize::from(!is_compared && !message.body.decoded.is_empty());
        }
        shown.has_messages(exchange);
    }
    assert!(bodies > left_out, "{bodies} bodies compared, {left_out} left out");
    let said = tshark.said(opened.said.keys().map(|flow| flow.0));
    for (flow, ours) in &opened.said {
        let theirs = &said[&flow.0];
        assert!(ours == theirs, "{flow:?}: {} and {} bytes, or others", ours[0].len(), ours[1].len());
    }
}

/// Where requests are, as tshark has it: in HTTP/1.1 a message is in the frame with which it is whole, in HTTP/2 its head is looked for.
fn frame(version: Version, message: &Message) -> u64 {
    let (first, last) = message.frames.unwrap();
    if version == Version::Http2 { first.number() } else { last.number() }
}

fn requests(opened: &Opened) -> BTreeSet<(u64, String, String)> {
    let request = |exchange: &Exchange| {
        let frame = frame(exchange.version, exchange.request.as_ref().unwrap());
        (frame, text(exchange.method.as_deref()), text(exchange.path.as_deref()))
    };
    opened.exchanges.iter().map(request).collect()
}

/// Whether an answer is none of HTTP/1.1 that ends with its connection: tshark waits for an end that TLS does not tell it of.
fn has_end(exchange: &Exchange) -> bool {
    exchange.version == Version::Http2 || exchange.path.as_deref() != Some(b"/answer/close")
}

fn answers(opened: &Opened) -> BTreeSet<(u64, u16)> {
    let answer = |exchange: &Exchange| {
        (frame(exchange.version, exchange.response.as_ref().unwrap()), exchange.status.unwrap())
    };
    opened.exchanges.iter().filter(|exchange| has_end(exchange)).map(answer).collect()
}

/// What tshark shows of the messages in a capture.
#[derive(Default)]
struct Shown {
    requests: BTreeSet<(u64, String, String)>,
    answers: BTreeSet<(u64, u16)>,
    /// By frames: bodies of HTTP/1.1, and those of HTTP/2 and messages of `WebSockets` in hexadecimal.
    bodies: BTreeMap<u64, Vec<String>>,
    /// By frames: texts of `WebSockets`.
    texts: BTreeMap<u64, Vec<String>>,
}

impl Shown {
    /// A body has to be shown in the frame with which it ended; whether that can be told. tshark undoes no zstd; and where its version
    /// writes bodies of HTTP/1.1 as text, only those that are text can be compared.
    fn has(&self, version: Version, message: &Message) -> bool {
        let body = &message.body;
        if body.decoded.is_empty() || body.encodings.contains(&Encoding::Zstd) {
            return false;
        }
        let frame = message.frames.unwrap().1.number();
        let Some(shown) = self.bodies.get(&frame) else { panic!("no body in frame {frame}") };
        let (plain, hex) = (written(&body.decoded), HEXLOWER.encode(&body.decoded));
        let is_shown = shown.iter().any(|shown| *shown == hex || Some(shown) == plain.as_ref());
        assert!(is_shown || (version == Version::Http11 && plain.is_none()), "another body in frame {frame}");
        is_shown
    }

    /// Whether the messages of a socket are shown. tshark unpacks none that came in several frames, and finds none in HTTP/2.
    fn has_messages(&self, exchange: &Exchange) {
        let messages = exchange.web_socket.iter().flat_map(|socket| &socket.messages);
        for message in messages.filter(|_| exchange.version == Version::Http11) {
            let decoded = &message.body.decoded;
            let frame = message.frames.unwrap().1.number();
            let is_whole = message.from_client || decoded.len() < crate::socket::WHOLE;
            if decoded.is_empty() || !is_whole {
                continue;
            }
            let (shown, wanted) = if message.is_text {
                (self.texts.get(&frame), text(Some(decoded)))
            } else {
                (self.bodies.get(&frame), HEXLOWER.encode(decoded))
            };
            let is_shown = shown.is_some_and(|shown| shown.contains(&wanted));
            assert!(is_shown, "another message in frame {frame}: {} bytes", decoded.len());
        }
    }
}

/// Text of ASCII as tshark writes it in a field.
fn written(decoded: &[u8]) -> Option<String> {
    let is_plain = decoded.iter().all(|byte| matches!(byte, b'\n' | b'\r' | b' '..=b'~'));
    is_plain.then(|| text(Some(decoded)).replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r"))
}

struct Tshark<'a> {
    capture: &'a Path,
    keys: &'a Path,
}

const FIELDS: [&str; 12] = [
    "frame.number",
    "http.request.method",
    "http.request.uri",
    "http2.headers.method",
    "http2.headers.path",
    "http.response.code",
    "http2.headers.status",
    "http.file_data",
    "http2.data.data",
    "http2.body.reassembled.data",
    "websocket.payload.text",
    "data.data",
];

impl Tshark<'_> {
    /// What it prints; `None` where it is not there.
    fn run(&self, arguments: &[&str]) -> Option<String> {
        let keys = format!("tls.keylog_file:{}", self.keys.display());
        let mut tshark = Command::new("tshark");
        tshark.arg("-r").arg(self.capture).args(["-o", &keys]).args(arguments).stdin(Stdio::null());
        let output = tshark.output().ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn shown(&self) -> Option<Shown> {
        let mut arguments = vec!["-Y", "http or http2 or websocket", "-T", "fields", "-E", "aggregator=|"];
        arguments.extend(FIELDS.iter().flat_map(|field| ["-e", field]));
        let text = self.run(&arguments)?;
        let mut shown = Shown::default();
        for line in text.lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            let frame: u64 = columns[0].parse().unwrap();
            let column =
                |at: usize| columns[at].split('|').filter(|value| !value.is_empty()).map(str::to_owned);
            for (method, target) in [(1, 2), (3, 4)] {
                shown.requests.extend(column(method).zip(column(target)).map(|(m, t)| (frame, m, t)));
            }
            let codes = column(5).chain(column(6)).map(|code| code.parse().unwrap());
            shown.answers.extend(codes.filter(|code| *code == 101 || *code >= 200).map(|code| (frame, code)));
            let bodies =
                column(7).chain([8, 9, 11].into_iter().flat_map(column).map(|hex| hex.replace(':', "")));
            shown.bodies.entry(frame).or_default().extend(bodies);
            shown.texts.entry(frame).or_default().extend(column(10));
        }
        Some(shown)
    }

    /// What each connection's client and server said. Connections are numbered by their first packets.
    fn said(&self, connections: impl Iterator<Item = u32>) -> BTreeMap<u32, [Vec<u8>; 2]> {
        let follow: Vec<String> = connections.map(|number| format!("follow,tls,raw,{number}")).collect();
        let mut arguments = vec!["-q"];
        arguments.extend(follow.iter().flat_map(|follow| ["-z", follow]));
        let mut said: BTreeMap<u32, [Vec<u8>; 2]> = BTreeMap::new();
        let (mut connection, mut is_client_first) = (0, true);
        let server = format!("{}:", std::net::Ipv4Addr::from(crate::tls::SERVER));
        for line in self.run(&arguments).unwrap().lines() {
            if let Some(number) = line.strip_prefix("Filter: tcp.stream eq ") {
                connection = number.parse().unwrap();
            }
            // Whoever said something first stands at the left.
            if let Some(address) = line.strip_prefix("Node 0: ") {
                is_client_first = !address.starts_with(&server);
            }
            let hex = line.trim_start_matches('\t');
            if let Ok(bytes) = HEXLOWER.decode(hex.as_bytes()) {
                let side = usize::from((hex.len() < line.len()) == is_client_first);
                said.entry(connection).or_default()[side].extend(bytes);
            }
        }
        said
    }
}

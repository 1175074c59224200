//! HAR files (HTTP Archive 1.2), as browsers and proxies write them.
//!
//! Input: the file. Output: exchanges; their bodies are as the file has them, mostly decoded. Fields may be missing or of
//! another type: each is looked at for itself. One entry is held at a time. Must not: compare sizes with those of a wire.

use std::fmt;
use std::net::IpAddr;

use data_encoding::BASE64;
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{BOM, ImportError, Reading, What, shorten, time};
use crate::frame::Timestamp;
use crate::telemetry::content::offset;
use crate::wire::exchange::{
    Body, BodyNote, Encoding, Exchange, Header, Message, Note, Origin, Peer, Version, WebSocket,
    WebSocketMessage, header,
};
use crate::wire::http::encodings;

pub(super) fn read(bytes: &[u8], reading: &mut Reading<'_>) -> Result<(), ImportError> {
    let skipped = bytes.len() - bytes.strip_prefix(BOM).unwrap_or(bytes).len();
    let text = bytes.get(skipped..).unwrap_or_default();
    let mut walk = Walk { reading, level: Level::File, has_entries: false, number: 0 };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let outcome = reader.deserialize_any(&mut walk).and_then(|()| reader.end());
    let (has_entries, number) = (walk.has_entries, walk.number);
    if let Err(error) = outcome {
        let what = if error.is_eof() { What::Truncated } else { What::Broken };
        reading.fault(Some(skipped + offset(text, &error)), number + 1, what);
    }
    if has_entries { Ok(()) } else { Err(ImportError::NoEntries { file: reading.file.to_owned() }) }
}

/// The way to the entries, which are not held together.
struct Walk<'a, 'b> {
    reading: &'a mut Reading<'b>,
    level: Level,
    has_entries: bool,
    /// Entries that were begun.
    number: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Entries,
    File,
    Log,
}

impl<'de> DeserializeSeed<'de> for &mut Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a HAR file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        if self.level == Level::Entries {
            return Err(A::Error::custom("entries that are no list"));
        }
        let level = self.level;
        while let Some(key) = members.next_key::<String>()? {
            match (level, &*key) {
                (Level::File, "log") => self.level = Level::Log,
                (Level::Log, "entries") => self.level = Level::Entries,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                    continue;
                }
            }
            members.next_value_seed(&mut *self)?;
            self.level = level;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if self.level != Level::Entries {
            return Err(A::Error::custom("a list where an object is due"));
        }
        self.has_entries = true;
        while let Some(entry) = items.next_element::<Value>()? {
            self.number += 1;
            take(&entry, self.number, self.reading);
        }
        Ok(())
    }
}

fn take(entry: &Value, number: u64, reading: &mut Reading<'_>) {
    let request = get(entry, "request");
    let Some(url) = get(request, "url").as_str() else {
        reading.fault(None, number, What::NoRequest);
        return;
    };
    let response = get(entry, "response");
    let start = get(entry, "startedDateTime").as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let versions = [request, response].map(|part| version(text(get(part, "httpVersion"))));
    let version =
        versions.into_iter().find(|version| *version != Version::Unknown).unwrap_or(Version::Unknown);
    let mut exchange = Exchange::new(Origin::Har, version, start.unwrap_or(super::EPOCH));
    if start.is_none() {
        exchange.note(Note::TimeUnknown);
    }
    exchange.end = end(exchange.start, get(entry, "time").as_f64());
    exchange.connection = reading.connection(text(get(entry, "connection")).as_bytes());
    exchange.peer = peer(entry);
    exchange.method = get(request, "method").as_str().map(|method| method.as_bytes().into());
    address(url, &mut exchange);
    let (sent, stated) = (headers(request), get(request, "postData"));
    if exchange.authority.is_none() {
        exchange.authority = header(&sent, "host").map(Into::into);
    }
    let size = get(request, "bodySize").as_i64().unwrap_or(0);
    let body = body(stated, size, &sent, reading);
    exchange.request = Some(Message { headers: sent, body, ..Message::default() });
    answer(response, &mut exchange, reading);
    socket(get(entry, "_webSocketMessages"), &mut exchange, reading);
    reading.push(exchange);
}

/// A member; null where there is none.
fn get<'a>(value: &'a Value, key: &str) -> &'a Value {
    value.get(key).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn version(text: &str) -> Version {
    match &*text.to_ascii_lowercase() {
        "http/1.0" => Version::Http10,
        "http/1.1" => Version::Http11,
        "h2" | "http/2" | "http/2.0" => Version::Http2,
        "h3" | "http/3" | "http/3.0" => Version::Http3,
        _ => Version::Unknown,
    }
}

fn end(start: Timestamp, milliseconds: Option<f64>) -> Timestamp {
    let length = milliseconds.filter(|length| *length > 0.0).and_then(|length| time(length / 1000.0));
    length.map_or(start, |length| Timestamp::from_nanos(start.nanos().saturating_add(length.nanos())))
}

fn peer(entry: &Value) -> Option<Peer> {
    let written = text(get(entry, "serverIPAddress"));
    let address: IpAddr = written.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    // Chrome writes the port beside the address; in `connection` it is the client's own, or no port at all.
    let port = get(entry, "_serverPort").as_u64().and_then(|port| u16::try_from(port).ok());
    Some(Peer { address, port })
}

/// The parts of a URL (RFC 3986 section 3), without user and fragment.
fn address(url: &str, exchange: &mut Exchange) {
    let Some((scheme, rest)) = url.split_once("://") else {
        exchange.path = Some(url.as_bytes().into());
        return;
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let length = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(length).unwrap_or((rest, ""));
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
    // A socket's scheme is that of its handshake.
    let scheme = match &*scheme.to_ascii_lowercase() {
        "wss" => "https".to_owned(),
        "ws" => "http".to_owned(),
        other => other.to_owned(),
    };
    exchange.scheme = Some(scheme.into_bytes().into());
    exchange.authority = (!authority.is_empty()).then(|| authority.as_bytes().into());
    exchange.path = Some(if path.is_empty() { (*b"/").into() } else { path.into_bytes().into() });
}

fn headers(message: &Value) -> Vec<Header> {
    let list = get(message, "headers").as_array().map(Vec::as_slice).unwrap_or_default();
    let pairs = list.iter().filter_map(|pair| Some((get(pair, "name").as_str()?, text(get(pair, "value")))));
    pairs
        .filter(|(name, _)| !name.starts_with(':'))
        .map(|(name, value)| Header::new(name.as_bytes(), value.as_bytes()))
        .collect()
}

fn answer(response: &Value, exchange: &mut Exchange, reading: &Reading<'_>) {
    let status =
        get(response, "status").as_u64().and_then(|code| u16::try_from(code).ok()).filter(|&code| code > 0);
    let Some(status) = status else {
        // Status 0 is what browsers write of requests that were blocked or failed.
        if response.is_object() {
            exchange.note(Note::Failed);
        }
        exchange.note(Note::NoAnswer);
        return;
    };
    let (headers, content) = (headers(response), get(response, "content"));
    let size = get(content, "size").as_i64().unwrap_or(0);
    let body = body(content, size, &headers, reading);
    exchange.status = Some(status);
    exchange.response = Some(Message { headers, body, ..Message::default() });
}

/// A body as the file has it: text, base64, or a list of fields.
fn body(stated: &Value, size: i64, headers: &[Header], reading: &Reading<'_>) -> Body {
    let mut body = Body { encodings: encodings(headers), ..Body::default() };
    let mime = text(get(stated, "mimeType"));
    if let Some(text) = get(stated, "text").as_str().filter(|text| !text.is_empty()) {
        body.decoded = bytes(text, get(stated, "encoding").as_str(), mime, &mut body.notes);
    } else if let Some(fields) = get(stated, "params").as_array().filter(|fields| !fields.is_empty()) {
        body.decoded = rebuilt(fields, mime, &mut body.notes);
    } else if size > 0 {
        body.notes.push(BodyNote::Omitted);
    }
    if body.decoded.starts_with(GZIP) && body.encodings.contains(&Encoding::Gzip) {
        // Some tools write it as it was on the wire.
        let notes = std::mem::take(&mut body.notes);
        body = Body::from_wire(body.decoded, headers, &reading.limits);
        body.notes.extend(notes);
    } else if !body.encodings.is_empty() && !body.decoded.is_empty() {
        body.notes.push(BodyNote::AlreadyDecoded);
    }
    body.wire_len = None;
    shorten(&mut body, reading.limits.body);
    body.notes.sort();
    body
}

/// The bytes that a text stands for.
fn bytes(text: &str, encoding: Option<&str>, mime: &str, notes: &mut Vec<BodyNote>) -> Vec<u8> {
    if encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64")) {
        let packed: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        if let Ok(bytes) = BASE64.decode(&packed) {
            return bytes;
        }
        notes.push(BodyNote::Damaged(Encoding::Other((*b"base64").into())));
        return text.as_bytes().to_vec();
    }
    if text.contains('\u{fffd}') {
        notes.push(BodyNote::LossyText);
        return text.as_bytes().to_vec();
    }
    let is_binary = !text.is_ascii() && !is_text(mime);
    let single: Option<Vec<u8>> = is_binary
        .then(|| text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect())
        .flatten();
    match single {
        Some(bytes) => {
            notes.push(BodyNote::BinaryAsText);
            bytes
        }
        None => text.as_bytes().to_vec(),
    }
}

/// Whether a type is one of text, so that a letter in it is a letter.
fn is_text(mime: &str) -> bool {
    let mime = mime.to_ascii_lowercase();
    mime.is_empty()
        || mime.starts_with("text/")
        || ["json", "javascript", "xml", "urlencoded"].iter().any(|word| mime.contains(word))
}

/// A form from a list of its fields; what has files in it is not rebuilt.
fn rebuilt(fields: &[Value], mime: &str, notes: &mut Vec<BodyNote>) -> Vec<u8> {
    if mime.starts_with("multipart/") {
        notes.push(BodyNote::Omitted);
        return Vec::new();
    }
    notes.push(BodyNote::Rebuilt);
    let pairs: Vec<String> = fields
        .iter()
        .map(|field| format!("{}={}", escape(text(get(field, "name"))), escape(text(get(field, "value")))))
        .collect();
    pairs.join("&").into_bytes()
}

/// A form's field, escaped where the form needs it. Tools write fields escaped or not: what has escapes stays.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("%26"),
            '=' => out.push_str("%3D"),
            ' ' => out.push('+'),
            other => out.push(other),
        }
    }
    out
}

fn socket(list: &Value, exchange: &mut Exchange, reading: &Reading<'_>) {
    let Some(list) = list.as_array() else { return };
    let mut found = WebSocket::default();
    for message in list {
        if found.messages.len() >= reading.limits.messages {
            found.not_kept += 1;
            continue;
        }
        let is_text = get(message, "opcode").as_u64() == Some(1);
        let mut body = Body::default();
        let encoding = if is_text { None } else { Some("base64") };
        body.decoded = bytes(text(get(message, "data")), encoding, "text/plain", &mut body.notes);
        shorten(&mut body, reading.limits.body);
        let when = get(message, "time").as_f64().and_then(time).unwrap_or(exchange.start);
        exchange.end = exchange.end.max(when);
        let from_client = get(message, "type").as_str() == Some("send");
        found.messages.push(WebSocketMessage { from_client, is_text, time: when, frames: None, body });
    }
    exchange.web_socket = Some(found);
}

/// The first bytes of a gzip member (RFC 1952 section 2.3.1).
const GZIP: &[u8] = b"\x1f\x8b";

#[cfg(test)]
#[path = "har_tests.rs"]
mod tests;

//! Flow files of mitmproxy (`mitmdump -w FILE`): one dictionary a flow, one behind the other.
//!
//! Input: the file. Output: exchanges, their bodies unpacked from the bytes of the wire. Names that versions before 7 used for
//! addresses are read, too; versions that were not tried are marked. Must not: fail on a flow that lacks something.

use std::net::IpAddr;

use super::tnetstring::{Error, Value, element, value};
use super::{Reading, What, time};
use crate::wire::exchange::{
    Body, BodyNote, Exchange, Header, Limits, Message, Note, Origin, Peer, Version, WebSocket,
    WebSocketMessage, header,
};

pub(super) fn read(bytes: &[u8], reading: &mut Reading<'_>) {
    let (mut rest, mut number) = (bytes, 0);
    while !rest.trim_ascii().is_empty() {
        number += 1;
        let offset = Some(bytes.len() - rest.len());
        let (payload, kind, behind) = match element(rest) {
            Ok(element) => element,
            Err(error) => {
                let what = if error == Error::Truncated { What::Truncated } else { What::Broken };
                reading.fault(offset, number, what);
                return;
            }
        };
        rest = behind;
        match value(payload, kind, 0) {
            Some(flow @ Value::Dict(_)) => take(&flow, offset, number, reading),
            _ => reading.fault(offset, number, What::Unreadable),
        }
    }
}

fn take(flow: &Value<'_>, offset: Option<usize>, number: u64, reading: &mut Reading<'_>) {
    if matches!(flow.get("type").bytes(), Some(kind) if !kind.starts_with(b"http") && kind != b"websocket") {
        reading.import.other_flows += 1;
        return;
    }
    let request = flow.get("request");
    if !matches!(request, Value::Dict(_)) {
        reading.fault(offset, number, What::NoRequest);
        return;
    }
    let server = flow.get("server_conn");
    let stated =
        [request.get("timestamp_start"), flow.get("timestamp_created"), server.get("timestamp_start")];
    let start = stated.into_iter().find_map(Value::seconds).and_then(time);
    let version = version(request.get("http_version").bytes().unwrap_or_default());
    let mut exchange = Exchange::new(Origin::Mitmproxy, version, start.unwrap_or(super::EPOCH));
    if start.is_none() {
        exchange.note(Note::TimeUnknown);
    }
    if !flow.get("version").integer().is_some_and(|version| TESTED.contains(&version)) {
        exchange.note(Note::UntestedVersion);
    }
    exchange.connection = reading.connection(server.get("id").bytes().unwrap_or_default());
    exchange.peer = peer(server);
    exchange.server_name = owned(server.get("sni")).or_else(|| owned(flow.get("client_conn").get("sni")));
    address(request, &mut exchange);
    exchange.request = Some(message(request, &reading.limits));
    answer(flow, &mut exchange, &reading.limits);
    socket(flow.get("websocket"), &mut exchange, &reading.limits);
    reading.push(exchange);
}

fn owned(value: &Value<'_>) -> Option<Box<[u8]>> {
    value.bytes().filter(|bytes| !bytes.is_empty()).map(Into::into)
}

fn version(text: &[u8]) -> Version {
    match text {
        b"HTTP/1.0" => Version::Http10,
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/2.0" | b"HTTP/2" => Version::Http2,
        b"HTTP/3" | b"HTTP/3.0" => Version::Http3,
        _ => Version::Unknown,
    }
}

/// Whom the request is addressed to: what it says itself before what the proxy made of it.
fn address(request: &Value<'_>, exchange: &mut Exchange) {
    exchange.method = owned(request.get("method"));
    exchange.scheme = owned(request.get("scheme"));
    exchange.path = owned(request.get("path"));
    let headers = headers(request.get("headers"));
    let named = owned(request.get("authority")).or_else(|| header(&headers, "host").map(Into::into));
    exchange.authority = named.or_else(|| {
        let host = request.get("host").bytes().filter(|host| !host.is_empty())?;
        let usual = if exchange.scheme.as_deref() == Some(b"https") { 443 } else { 80 };
        let port = request.get("port").integer().filter(|&port| port != usual);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Some([host, port.as_bytes()].concat().into())
    });
}

/// The server's address: as newer versions name it, as older ones do, then what the proxy was asked for.
fn peer(server: &Value<'_>) -> Option<Peer> {
    let known = ["peername", "ip_address", "address"].into_iter().find_map(|name| {
        let pair = server.get(name).items();
        let text = str::from_utf8(pair.first()?.bytes()?).ok()?;
        // Link-local addresses have their zone behind them.
        let address: IpAddr = text.split('%').next()?.parse().ok()?;
        Some((address, pair.get(1).and_then(Value::integer)))
    });
    known.map(|(address, port)| Peer { address, port: port.and_then(|port| u16::try_from(port).ok()) })
}

fn headers(list: &Value<'_>) -> Vec<Header> {
    let pair = |pair: &Value<'_>| match pair.items() {
        [name, value] => Some(Header::new(name.bytes()?, value.bytes()?)),
        _ => None,
    };
    list.items()
        .iter()
        .filter_map(pair)
        .filter(|header| !header.name.as_deref().unwrap_or_default().starts_with(b":"))
        .collect()
}

fn message(part: &Value<'_>, limits: &Limits) -> Message {
    let headers = headers(part.get("headers"));
    let body = match part.get("content").bytes() {
        Some(content) => Body::from_wire(content.to_vec(), &headers, limits),
        None => Body { notes: vec![BodyNote::Omitted], ..Body::default() },
    };
    Message { trailers: self::headers(part.get("trailers")), headers, body, frames: None }
}

fn answer(flow: &Value<'_>, exchange: &mut Exchange, limits: &Limits) {
    let (request, response) = (flow.get("request"), flow.get("response"));
    let ends =
        [response.get("timestamp_end"), request.get("timestamp_end"), flow.get("error").get("timestamp")];
    let end = ends.into_iter().filter_map(|end| end.seconds().and_then(time)).max();
    exchange.end = exchange.end.max(end.unwrap_or(exchange.end));
    if matches!(flow.get("error"), Value::Dict(_)) {
        exchange.note(Note::Failed);
    }
    if !matches!(response, Value::Dict(_)) {
        exchange.note(Note::NoAnswer);
        return;
    }
    exchange.status = response.get("status_code").integer().and_then(|code| u16::try_from(code).ok());
    exchange.response = Some(message(response, limits));
}

fn socket(socket: &Value<'_>, exchange: &mut Exchange, limits: &Limits) {
    if !matches!(socket, Value::Dict(_)) {
        return;
    }
    let close = socket.get("close_code").integer().and_then(|code| u16::try_from(code).ok());
    let mut found = WebSocket { close, ..WebSocket::default() };
    for message in socket.get("messages").items() {
        let [opcode, from_client, content, when, ..] = message.items() else { continue };
        if found.messages.len() >= limits.messages {
            found.not_kept += 1;
            continue;
        }
        let content = content.bytes().unwrap_or_default();
        let mut body = Body::from_wire(content.to_vec(), &[], limits);
        // The messages are written unpacked.
        body.wire_len = None;
        let time = when.seconds().and_then(time).unwrap_or(exchange.start);
        exchange.end = exchange.end.max(time);
        found.messages.push(WebSocketMessage {
            from_client: *from_client == Value::Bool(true),
            is_text: opcode.integer() == Some(1),
            time,
            frames: None,
            body,
        });
    }
    exchange.web_socket = Some(found);
}

/// The versions of the format whose files were read and compared.
const TESTED: [i64; 1] = [21];

#[cfg(test)]
#[path = "mitmproxy_tests.rs"]
mod tests;

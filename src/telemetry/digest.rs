//! What is kept of an exchange: where it went, how much, which events and which personal data it told. Its content is not.
//!
//! Input: an [`Exchange`], and what was planted. Output: a [`Digest`]. Answers are counted and not looked into: what matters here is
//! what a client tells. Must not: keep a body, or let an identifier stand in a path.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::frame::{FrameRef, Timestamp};
use crate::telemetry::coding::{self, Coding};
use crate::telemetry::content::{Bounds, Kind, Step, Value, kind, parts, walk};
use crate::telemetry::endpoint::{Endpoint, Endpoints, Gather, Shape, Told};
use crate::telemetry::identifier::{Identifier, identify};
use crate::telemetry::planted::{Hash, Planted};
use crate::wire::exchange::{BodyNote, Exchange, Header, Message, Origin};

/// What is kept of an exchange.
#[derive(Clone, PartialEq, Debug)]
pub struct Digest {
    /// Which kind of source it is from.
    pub origin: Origin,
    /// When it began.
    pub start: Timestamp,
    /// The first and the last frame of what the client sent; `None` in imports.
    pub frames: Option<(FrameRef, FrameRef)>,
    /// The host in lower case, with `*` for labels that hold what was planted; empty where it is not known.
    pub host: Arc<str>,
    /// The host as it is, where that hides something.
    pub hidden_host: Option<Hidden>,
    /// The path without its query, with `*` for segments that may be somebody's.
    pub path: Arc<str>,
    /// The method; empty where it was not seen.
    pub method: Arc<str>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Bytes of content that the client sent, as they were on the wire where that is known.
    pub up: u64,
    /// Bytes of content that the server sent.
    pub down: u64,
    /// What the place is for, by host and path.
    pub endpoint: Option<&'static Endpoint>,
    /// The shape by which its events were read.
    pub shape: Option<&'static Shape>,
    /// What its bodies are, by the names of [`body_name`], and how many of each.
    pub bodies: BTreeMap<&'static str, u64>,
    /// The events that it tells.
    pub events: Vec<Told>,
    /// The personal data in it, with how often each is there.
    pub found: BTreeMap<Found, u64>,
    /// Whether something of its content was not there to be looked into.
    pub is_partial: bool,
}

/// A text that is shown only where that is asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Arc<str>);

impl Hidden {
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hidden").finish_non_exhaustive()
    }
}

impl Digest {
    /// About the bytes of memory that it takes.
    pub(super) fn memory(&self) -> usize {
        let Self { host, hidden_host, path, method, bodies, events, found, .. } = self;
        let hidden = hidden_host.as_ref().map_or(0, |host| host.reveal().len() + ALLOCATED);
        let texts = hidden + host.len() + path.len() + method.len() + 3 * ALLOCATED;
        let events = events.iter().map(Told::memory).sum::<usize>();
        let found = found.keys().map(Found::memory).sum::<usize>();
        size_of::<Self>() + texts + bodies.len() * size_of::<(&str, u64)>() * 2 + events + found
    }
}

impl Found {
    fn memory(&self) -> usize {
        let value = match &self.what {
            What::Planted(_) => 0,
            What::Identifier(_, value) => value.len() + ALLOCATED,
        };
        2 * size_of::<(Self, u64)>() + self.codings.len() + self.field.len() + 2 * ALLOCATED + value
    }
}

/// About the bytes that an allocator takes beside what it gives.
pub(super) const ALLOCATED: usize = 16;

/// Something personal in an exchange.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Found {
    /// What it is.
    pub what: What,
    /// The hash, where the value itself is not there.
    pub hash: Option<Hash>,
    /// The codings that were undone, the outermost first.
    pub codings: Vec<Coding>,
    /// In which part of the request.
    pub part: Part,
    /// The field's name there; empty where it has none.
    pub field: String,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A planted value, by its place.
    Planted(usize),
    /// An identifier, by its id, and its value.
    Identifier(&'static str, Box<str>),
}

impl std::fmt::Debug for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Planted(place) => f.debug_tuple("Planted").field(place).finish(),
            Self::Identifier(id, _) => f.debug_tuple("Identifier").field(id).finish(),
        }
    }
}

/// A part of what a client sends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// The host that it is addressed to.
    Host,
    /// The path.
    Path,
    /// The query behind it.
    Query,
    /// A header.
    Header,
    /// The body.
    Body,
    /// A message of a WebSocket.
    WebSocket,
}

impl Part {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Body => "body",
            Self::WebSocket => "websocket",
        }
    }
}

/// What a body's kind is called in reports.
#[must_use]
pub const fn body_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Empty => "empty",
        Kind::Form => "form",
        Kind::Json => "json",
        Kind::Multipart(_) => "multipart",
        Kind::Other => "unknown",
        Kind::Protobuf => "protobuf",
        Kind::Text => "text",
    }
}

/// Digests an exchange. `own` is the address of the machine that sent it, where that is known.
#[must_use]
pub fn digest(exchange: &Exchange, planted: Option<&Planted>, own: Option<IpAddr>) -> Digest {
    let named = exchange.host().or(exchange.server_name.as_deref()).unwrap_or_default();
    let host = text(Some(named), MOST_HOST).to_ascii_lowercase();
    let shown_host = masked_host(named, planted);
    let target = exchange.path.as_deref().unwrap_or_default();
    let at = target.iter().position(|&byte| byte == b'?').unwrap_or(target.len());
    let (path, query) = target.split_at_checked(at).unwrap_or((target, b""));
    let query = query.get(1..).unwrap_or_default();
    let raw_path = text(Some(path), MOST_PATH);
    let endpoints = Endpoints::builtin();
    let gather = endpoints.map(|endpoints| Gather::new(endpoints, &host));
    let mut look =
        Look { planted, own, gather, found: BTreeMap::new(), seen: BTreeSet::new(), part: Part::Path };
    let is_planted = look.unit("", path, false);
    look.part = Part::Host;
    // What stands beside the host, such as a port, is looked into with it.
    look.unit(
        "",
        exchange.authority.as_deref().filter(|_| exchange.host().is_some()).unwrap_or(named),
        false,
    );
    look.fields(Part::Query, query);
    let headers = exchange.request.as_ref().map_or(&[][..], |request| request.headers.as_slice());
    look.headers(headers, exchange.authority.as_deref());
    let (mut bodies, mut is_partial) = (BTreeMap::new(), false);
    for (part, message) in sent(exchange) {
        let kind = kind(&message);
        *bodies.entry(body_name(&kind)).or_default() += 1;
        is_partial |=
            message.body.notes.iter().any(|note| !is_harmless(note)) || !message.body.remaining.is_empty();
        look.body(part, &kind, &message);
    }
    let shape_and_events = look.gather.take().and_then(Gather::end);
    let (shape, mut events) =
        shape_and_events.map_or((None, Vec::new()), |(shape, told)| (Some(shape), told));
    for event in &mut events {
        look.mask(event);
    }
    Digest {
        origin: exchange.origin,
        start: exchange.start,
        frames: exchange.request.as_ref().and_then(|request| request.frames),
        path: masked_path(path, planted, is_planted).into(),
        endpoint: endpoints.and_then(|endpoints| endpoints.of(&host, &raw_path)),
        hidden_host: (shown_host != host).then(|| Hidden(host.into())),
        host: shown_host.into(),
        method: text(exchange.method.as_deref(), MOST_METHOD).into(),
        status: exchange.status,
        up: bytes(exchange, true),
        down: bytes(exchange, false),
        shape,
        bodies,
        events,
        found: look.found,
        is_partial,
    }
}

/// What says nothing of missing content.
fn is_harmless(note: &BodyNote) -> bool {
    matches!(note, BodyNote::AlreadyDecoded | BodyNote::BinaryAsText | BodyNote::Rebuilt)
}

/// The bodies that the client sent, each as a message of its own.
fn sent(exchange: &Exchange) -> Vec<(Part, std::borrow::Cow<'_, Message>)> {
    use std::borrow::Cow;
    let request = exchange.request.iter().map(|request| (Part::Body, Cow::Borrowed(request)));
    let sockets = exchange.web_socket.iter().flat_map(|socket| &socket.messages);
    let sockets = sockets.filter(|message| message.from_client).map(|message| {
        (Part::WebSocket, Cow::Owned(Message { body: message.body.clone(), ..Message::default() }))
    });
    request
        .chain(sockets)
        .filter(|(part, message)| *part == Part::WebSocket || has_content(message))
        .collect()
}

fn has_content(message: &Message) -> bool {
    !message.body.decoded.is_empty() || message.body.wire_len.is_some_and(|length| length > 0)
}

fn bytes(exchange: &Exchange, from_client: bool) -> u64 {
    let message = if from_client { &exchange.request } else { &exchange.response };
    let of = |body: &crate::wire::exchange::Body| body.wire_len.unwrap_or(body.decoded.len() as u64);
    let sockets = exchange.web_socket.iter().flat_map(|socket| &socket.messages);
    let sockets =
        sockets.filter(|message| message.from_client == from_client).map(|message| of(&message.body));
    message.iter().map(|message| of(&message.body)).chain(sockets).fold(0, u64::saturating_add)
}

fn text(bytes: Option<&[u8]>, most: usize) -> String {
    let bytes = bytes.unwrap_or_default();
    String::from_utf8_lossy(bytes.get(..most).unwrap_or(bytes)).into_owned()
}

/// What is being looked for in one exchange.
struct Look<'a> {
    planted: Option<&'a Planted>,
    own: Option<IpAddr>,
    gather: Option<Gather<'static>>,
    found: BTreeMap<Found, u64>,
    /// Names of fields that were looked into.
    seen: BTreeSet<String>,
    part: Part,
}

impl Look<'_> {
    /// Planted values in a unit; whether there were any.
    fn unit(&mut self, field: &str, bytes: &[u8], is_form: bool) -> bool {
        let Some(planted) = self.planted else { return false };
        let hits = planted.find(bytes, is_form);
        let has_hits = !hits.is_empty();
        for hit in hits {
            self.add(What::Planted(hit.value), hit.hash, hit.codings, field);
        }
        has_hits
    }

    fn add(&mut self, what: What, hash: Option<Hash>, codings: Vec<Coding>, field: &str) {
        let found = Found { what, hash, codings, part: self.part, field: field.to_owned() };
        if self.found.len() < MOST_FOUND || self.found.contains_key(&found) {
            *self.found.entry(found).or_default() += 1;
        }
    }

    fn identifier(&mut self, field: &str, key: &str, value: &str) {
        if let Some(Identifier { id, .. }) = identify(key, value, self.own) {
            self.add(What::Identifier(id, value.trim().into()), None, Vec::new(), field);
        }
    }

    /// Names and values of headers. One that repeats the `authority` was looked into as the host.
    fn headers(&mut self, headers: &[Header], authority: Option<&[u8]>) {
        self.part = Part::Header;
        for header in headers {
            let (Some(name), Some(value)) = (header.name.as_deref(), header.value.as_deref()) else {
                continue;
            };
            let keys = String::from_utf8_lossy(name);
            let shown = self.field_name(keys.to_string(), &keys).to_ascii_lowercase();
            let name = text(Some(name), MOST_FIELD).to_ascii_lowercase();
            let is_host = name == "host" && authority == Some(value.trim_ascii());
            if is_host || self.unit(&shown, value, false) || value.len() > MOST_HEADER {
                continue;
            }
            let value = String::from_utf8_lossy(value);
            self.identifier(&shown, name.strip_prefix("x-").unwrap_or(&name), &value);
            for cookie in value.split(';').filter(|_| name == "cookie") {
                let (key, value) = cookie.trim().split_once('=').unwrap_or_default();
                self.identifier("cookie", key, value);
            }
        }
    }

    /// The fields of a query or a form, as they were sent and as they read.
    fn fields(&mut self, part: Part, raw: &[u8]) {
        self.part = part;
        let mut holds_planted = BTreeSet::new();
        for field in raw.split(|&byte| byte == b'&').filter(|field| !field.is_empty()) {
            let at = field.iter().position(|&byte| byte == b'=').unwrap_or(field.len());
            let (name, value) = field.split_at_checked(at).unwrap_or((field, b""));
            let name = coding::percent(name, true).unwrap_or_else(|| name.to_vec());
            let name = text(Some(&name), MOST_FIELD);
            let name = self.field_name(name.clone(), &name);
            if self.unit(&name, value.get(1..).unwrap_or_default(), true) {
                holds_planted.insert(name);
            }
        }
        let form = Header::new(*b"content-type", *b"application/x-www-form-urlencoded");
        let mut message = Message { headers: vec![form], ..Message::default() };
        message.body.decoded = raw.to_vec();
        self.walked("", &message, true, &holds_planted);
    }

    fn body(&mut self, part: Part, kind: &Kind, message: &Message) {
        self.part = part;
        match kind {
            Kind::Empty => {}
            Kind::Form => self.fields(part, &message.body.decoded),
            Kind::Json => {
                if !self.walked("", message, false, &BTreeSet::new()) {
                    self.rest(&message.body.decoded);
                }
            }
            Kind::Multipart(boundary) => {
                self.walked("", message, false, &BTreeSet::new());
                let (parts, is_whole) = parts(&message.body.decoded, boundary);
                if parts.is_empty() || !is_whole {
                    self.rest(&message.body.decoded);
                }
            }
            Kind::Other | Kind::Protobuf | Kind::Text => {
                self.unit("", &message.body.decoded, false);
            }
        }
    }

    /// What a walk did not come to, as one unit: what was found already is not found again.
    fn rest(&mut self, bytes: &[u8]) {
        let known: BTreeSet<What> = self.found.keys().map(|found| found.what.clone()).collect();
        let hits = self.planted.map(|planted| planted.find(bytes, false)).unwrap_or_default();
        for hit in hits {
            if !known.contains(&What::Planted(hit.value)) {
                self.add(What::Planted(hit.value), hit.hash, hit.codings, "");
            }
        }
    }

    /// The fields of a body; whether all of it was walked. A text that is JSON is walked, too, once.
    fn walked(
        &mut self,
        outside: &str,
        message: &Message,
        is_form: bool,
        skipped: &BTreeSet<String>,
    ) -> bool {
        let mut walked_all = true;
        let mut inside: Vec<(String, String)> = Vec::new();
        let walked = walk(message, Bounds::default(), &mut |path, value| {
            if let Some(gather) = &mut self.gather {
                gather.field(path, value);
            }
            let keys: Vec<&str> = path.steps().iter().filter_map(key_of).collect();
            let field = self.field_name(format!("{outside}{path}"), &keys.join("\n"));
            let key = keys.last().copied();
            let key = key.unwrap_or_default();
            match value {
                Value::Text(text) if outside.is_empty() && is_json(text) && inside.len() < MOST_INSIDE => {
                    inside.push((field, text.to_owned()));
                }
                Value::Text(text) => self.leaf(&field, key, text, is_form, skipped),
                Value::Integer(number) => self.leaf(&field, key, &number.to_string(), is_form, skipped),
                Value::Float(number) => self.leaf(&field, key, &number.to_string(), is_form, skipped),
                Value::Bytes(bytes) => {
                    if !is_form {
                        self.unit(&field, bytes, false);
                    }
                }
                Value::Bool(_) | Value::Empty | Value::Null => {}
            }
        });
        walked_all &= walked.stopped.is_none() && walked.too_deep == 0;
        for (field, text) in inside {
            let json = Header::new(*b"content-type", *b"application/json");
            let mut message = Message { headers: vec![json], ..Message::default() };
            message.body.decoded = text.into_bytes();
            let has_planted = skipped.contains(&field);
            let outside = format!("{field} > ");
            if !self.walked(&outside, &message, is_form, if has_planted { skipped } else { &NOTHING })
                && !is_form
            {
                self.rest(&message.body.decoded);
            }
        }
        walked_all
    }

    /// A value with its key. In forms planted values were looked for before, in what was sent.
    fn leaf(&mut self, field: &str, key: &str, value: &str, is_form: bool, skipped: &BTreeSet<String>) {
        let has_planted = if is_form {
            skipped.contains(field)
                || self.planted.is_some_and(|planted| !planted.find(value.as_bytes(), false).is_empty())
        } else {
            self.unit(field, value.as_bytes(), false)
        };
        if !has_planted {
            self.identifier(field, key, value);
        }
    }

    /// A field's name as it may be shown, with its keys as they were sent. One that holds a planted value is a finding of its own.
    fn field_name(&mut self, name: String, keys: &str) -> String {
        let short: String = name.chars().take(MOST_FIELD).collect();
        if self.planted.is_none() || self.seen.contains(&name) {
            return short;
        }
        if self.unit("(a name of a field)", keys.as_bytes(), false) {
            return "(a name of a field)".to_owned();
        }
        if self.seen.len() < MOST_SEEN {
            self.seen.insert(name);
        }
        short
    }

    /// Nothing that was planted stands in an event's name.
    fn mask(&self, event: &mut Told) {
        let Told { name, detail, time: _, place } = event;
        for part in [Some(name), detail.as_mut(), place.as_mut()].into_iter().flatten() {
            if holds(self.planted, part.as_bytes())
                || part.split(['.', ' ']).any(|word| identify("", word, None).is_some())
            {
                "(masked)".clone_into(part);
            }
        }
    }
}

fn key_of(step: &Step) -> Option<&str> {
    match step {
        Step::Key(key) => Some(key),
        Step::Item(_) => None,
    }
}

fn is_json(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('{') && text.ends_with('}') || text.starts_with('[') && text.ends_with(']')
}

fn holds(planted: Option<&Planted>, text: &[u8]) -> bool {
    planted.is_some_and(|planted| !planted.find(text, false).is_empty())
}

/// A host in lower case with `*` for labels that hold what was planted; all of it where no label alone does.
fn masked_host(host: &[u8], planted: Option<&Planted>) -> String {
    let short = || text(Some(host), MOST_HOST).to_ascii_lowercase();
    if !holds(planted, host) {
        return short();
    }
    // One that is cut may hold a part of it, which is not found.
    if host.len() > MOST_HOST {
        return "*".to_owned();
    }
    let whole = text(Some(host), MOST_HOST);
    let labels = whole.split('.').map(|label| if holds(planted, label.as_bytes()) { "*" } else { label });
    let masked = labels.collect::<Vec<_>>().join(".").to_ascii_lowercase();
    if holds(planted, masked.as_bytes()) || masked == short() { "*".to_owned() } else { masked }
}

/// A path with `*` for segments that may be somebody's: what was planted, identifiers, long or mostly digits. Where what was planted,
/// which `is_planted` tells, lies in no segment alone, all of it. The segment in which a long path is cut is not told whole.
fn masked_path(path: &[u8], planted: Option<&Planted>, is_planted: bool) -> String {
    let short = text(Some(path), MOST_PATH);
    let mut hides = false;
    let mut mask = |segment: &str| {
        if holds(planted, segment.as_bytes()) {
            hides = true;
            return true;
        }
        let plain = coding::percent(segment.as_bytes(), false);
        let plain =
            plain.map_or_else(|| segment.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
        let digits = plain.chars().filter(char::is_ascii_digit).count();
        let length = plain.chars().count();
        digits >= 6 || length >= 20 && digits > 0 || length > 64 || identify("", &plain, None).is_some()
    };
    let mut segments: Vec<&str> =
        short.split('/').map(|segment| if mask(segment) { "*" } else { segment }).collect();
    if let Some(last) = segments.last_mut().filter(|_| path.len() > MOST_PATH) {
        *last = "*";
    }
    let masked = segments.join("/");
    let shows = is_planted && (!hides || holds(planted, masked.as_bytes()));
    if shows { "/*".to_owned() } else { masked }
}

static NOTHING: BTreeSet<String> = BTreeSet::new();
/// The longest host, in bytes.
const MOST_HOST: usize = 253;
/// The most of a path that is kept, in bytes.
const MOST_PATH: usize = 256;
const MOST_METHOD: usize = 24;
/// The most of a field's name that is kept.
const MOST_FIELD: usize = 120;
/// The longest header that may be an identifier.
const MOST_HEADER: usize = 16 << 10;
/// The most findings of one exchange.
const MOST_FOUND: usize = 1000;
/// The most names of fields of one exchange that are remembered.
const MOST_SEEN: usize = 10_000;
/// The most texts of one body that are walked as JSON.
const MOST_INSIDE: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::exchange::Version;

    const PLANTED: &str = "[[planted]]\nlabel = \"mail\"\nkind = \"email\"\nvalue = \"tester@example.org\"\n";

    fn exchange(target: &str, kind: &str, body: &str) -> Exchange {
        let mut exchange = Exchange::new(Origin::Capture, Version::Http11, Timestamp::from_nanos(0));
        exchange.method = Some((*b"POST").into());
        exchange.authority = Some((*b"us.telemetry.zoom.us").into());
        exchange.path = Some(target.as_bytes().into());
        let mut request =
            Message { headers: vec![Header::new(*b"content-type", kind.as_bytes())], ..Message::default() };
        request.body.decoded = body.into();
        exchange.request = Some(request);
        exchange
    }

    fn told(exchange: &Exchange) -> Vec<String> {
        let planted = Planted::parse("p.toml", PLANTED).unwrap();
        let digest = digest(exchange, Some(&planted), "192.0.2.7".parse().ok());
        let line = |(found, count): (&Found, &u64)| {
            let what = match &found.what {
                What::Planted(_) => "mail",
                What::Identifier(id, _) => id,
            };
            let codings: Vec<&str> = found.codings.iter().map(|coding| coding.name()).collect();
            format!("{what} {} {} {} {count}", found.part.name(), found.field, codings.join(","))
        };
        digest.found.iter().map(line).collect()
    }

    #[test]
    fn values_are_found_where_they_stand_and_once() {
        let json = r#"{"events":[{"u":"tester@example.org"},{"u":"tester@example.org"}],"n":1,"raw":"{\"v\":\"tester@example.org\"}"}"#;
        assert_eq!(
            told(&exchange("/a?m=tester%40example.org", "application/json", json)),
            ["mail body events[].u  2", "mail body raw > v  1", "mail query m percent 1"]
        );
        assert_eq!(
            told(&exchange(
                "/tester%40example.org",
                "application/x-www-form-urlencoded",
                "a=1&b=dGVzdGVyQGV4YW1wbGUub3Jn"
            )),
            ["mail body b base64 1", "mail path  percent 1"]
        );
        assert_eq!(told(&exchange("/", "text/plain", "hello tester@example.org")), ["mail body   1"]);
        assert_eq!(
            told(&exchange("/", "application/json", "{\"tester@example.org\":1}")),
            ["mail body (a name of a field)  1"]
        );
        assert_eq!(
            told(&exchange("/", "application/json", "{\"a\":\"x\", broken tester@example.org")),
            ["mail body   1"]
        );
        assert_eq!(told(&exchange("/a", "application/json", "{\"a\":\"nobody@example\"}")), [""; 0]);
    }

    #[test]
    fn values_in_names_of_headers_and_in_hosts_are_found_and_not_shown() {
        let planted = "[[planted]]\nkind = \"user_id\"\nvalue = \"alicesecret77\"\n[[planted]]\nkind = \"text\"\nvalue = \"hidden.place\"\n";
        let planted = Planted::parse("p.toml", planted).unwrap();
        let told = |exchange: &Exchange| {
            let digest = digest(exchange, Some(&planted), None);
            let debug = format!("{digest:?}");
            assert!(!debug.contains("alicesecret77") && !debug.contains("hidden.place"), "{debug}");
            let line =
                |(found, count): (&Found, &u64)| format!("{} {} {count}", found.part.name(), found.field);
            let found: Vec<String> = digest.found.iter().map(line).collect();
            let hidden = digest.hidden_host.as_ref().map(|host| host.reveal().to_owned());
            (found, digest.host.to_string(), hidden, digest.path.to_string())
        };
        let with = |host: &str, path: &str, header: Option<(&str, &str)>| {
            let mut exchange = exchange(path, "text/plain", "");
            exchange.authority = Some(host.as_bytes().into());
            let header = header.map(|(name, value)| Header::new(name.as_bytes(), value.as_bytes()));
            exchange.request.as_mut().unwrap().headers.extend(header);
            told(&exchange)
        };
        let usual = "us.telemetry.zoom.us";
        for header in ["X-alicesecret77", "alicesecret77"] {
            let (found, host, hidden, _) = with(usual, "/a", Some((header, "alicesecret77")));
            assert_eq!(found, ["header (a name of a field) 2"]);
            assert_eq!((&*host, hidden), (usual, None));
        }
        for (host, shown) in [
            ("AliceSecret77.zoom.us", "*.zoom.us"),
            ("x-alicesecret77.zoom.us", "*.zoom.us"),
            ("a.hidden.place", "*"),
            ("alicesecret77.hidden.place", "*"),
        ] {
            let authority = format!("{host}:8443");
            let (found, seen, hidden, _) = with(&authority, "/a", Some(("Host", &authority)));
            assert!(found.iter().all(|found| found == "host  1") && !found.is_empty(), "{found:?}");
            assert_eq!((&*seen, hidden), (shown, Some(host.to_ascii_lowercase())));
        }
        // What lies in no segment alone, or is cut.
        let long = format!("/{}/alicesecret77", "ab/".repeat(82));
        for path in ["/logs/hidden.place/x", "/x/alicesecret77/y", "/hidden.place", &*long] {
            let (found, _, _, seen) = with(usual, path, None);
            assert_eq!(found.len(), 1, "{path}");
            assert!(seen.contains('*') && !seen.contains("alice"), "{seen}");
        }
    }

    #[test]
    fn identifiers_are_found_by_name_and_value() {
        let json = r#"{"meetingId":98765432101,"ip":"192.0.2.7","count":98765432101}"#;
        assert_eq!(
            told(&exchange("/a?uid=a1b2c3d4e5", "application/json", json)),
            ["ip_of_the_machine body ip  1", "meeting_id body meetingId  1", "user_id query uid  1"]
        );
    }

    #[test]
    fn paths_show_no_identifier_and_events_no_planted_value() {
        let body = r#"{"event":"tester@example.org","client type":"mac"}"#;
        let exchange = exchange("/v1/123456789/tester%40example.org/logs?x=1", "application/json", body);
        let planted = Planted::parse("p.toml", PLANTED).unwrap();
        let digest = digest(&exchange, Some(&planted), None);
        assert_eq!(&*digest.path, "/v1/*/*/logs");
        assert_eq!(digest.events[0].name, "(masked)");
        assert_eq!(digest.shape.unwrap().id, "published-columns");
        assert!(!format!("{digest:?}").contains("tester"), "{digest:?}");
    }
}

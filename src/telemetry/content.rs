//! What a body holds: its kind, and the paths and values of JSON, forms and multipart bodies.
//!
//! Input: a message, already unpacked. Output: [`Kind`], and through a callback each [`Path`] with its [`Value`]. Protobuf is
//! named by its content type and not guessed at. Must not: build the whole body in memory, or go past its [`Bounds`].

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::wire::exchange::Message;
use crate::wire::printable;

mod multipart;

pub use multipart::{Part, parts};

/// The kind of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// There is none.
    Empty,
    /// `application/x-www-form-urlencoded` (WHATWG URL standard section 5).
    Form,
    /// JSON (RFC 8259), one value or several one after the other.
    Json,
    /// `multipart/…` with its boundary (RFC 2046 section 5.1).
    Multipart(Box<[u8]>),
    /// Anything else.
    Other,
    /// Protocol buffers, as the content type says; without the schema their fields have no names.
    Protobuf,
    /// Text.
    Text,
}

/// The kind of a message's body, by its content type; where that says nothing (`text/plain`, bytes, none), by whether it
/// begins and ends as JSON does.
#[must_use]
pub fn kind(message: &Message) -> Kind {
    if message.body.decoded.is_empty() || !message.body.remaining.is_empty() {
        return if message.body.decoded.is_empty() { Kind::Empty } else { Kind::Other };
    }
    let stated = message.header("content-type").unwrap_or_default();
    let said = kind_of_type(stated);
    match said {
        None | Some(Kind::Text) if looks_like_json(&message.body.decoded) => Kind::Json,
        Some(kind) => kind,
        None => Kind::Other,
    }
}

/// The kind that a content type (RFC 9110 section 8.3) names; `None` where it says nothing of what is inside.
fn kind_of_type(stated: &[u8]) -> Option<Kind> {
    let name =
        stated.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let name = str::from_utf8(&name).unwrap_or_default();
    let (top, sub) = name.split_once('/').unwrap_or_default();
    match (top, sub) {
        ("application", "x-www-form-urlencoded") => Some(Kind::Form),
        ("multipart", _) => Some(multipart::boundary(stated).map_or(Kind::Other, Kind::Multipart)),
        (_, sub) if sub == "json" || sub.ends_with("+json") || JSON.contains(&sub) => Some(Kind::Json),
        (_, sub) if sub.contains("protobuf") || sub.ends_with("+proto") || PROTOBUF.contains(&sub) => {
            Some(Kind::Protobuf)
        }
        ("text", _) => Some(Kind::Text),
        ("" | "application", "" | "octet-stream") => None,
        _ => Some(Kind::Other),
    }
}

fn looks_like_json(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii();
    matches!((bytes.first(), bytes.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')))
}

/// Where in a body a value stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Path {
    steps: Vec<Step>,
}

/// One step of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// The item of a list, from 0.
    Item(usize),
    /// The member of an object, the field of a form, the part of a multipart body, by its name as it was sent.
    Key(Box<str>),
}

impl Path {
    /// Its steps, from the outermost.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// `events[].name`, safe to print: items are not told apart, and of a name that is not plain all but visible ASCII, dots,
/// brackets and quotation marks are written as `\u{2e}`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            match step {
                Step::Item(_) => f.write_str("[]")?,
                Step::Key(key) => {
                    f.write_str(if number == 0 { "" } else { "." })?;
                    for part in key.split_inclusive(['.', '[', ']', '"']) {
                        let plain = part.trim_end_matches(['.', '[', ']', '"']);
                        f.write_str(&printable(plain, usize::MAX))?;
                        part.chars()
                            .skip(plain.chars().count())
                            .try_for_each(|c| write!(f, "{}", c.escape_unicode()))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A value at the end of a path.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value<'a> {
    /// True or false.
    Bool(bool),
    /// Bytes that are no text.
    Bytes(&'a [u8]),
    /// An object or a list without anything in it.
    Empty,
    /// A number that is not whole.
    Float(f64),
    /// A whole number.
    Integer(i128),
    /// JSON's null.
    Null,
    /// Text, as it was sent.
    Text(&'a str),
}

impl<'a> Value<'a> {
    fn of_bytes(bytes: &'a [u8]) -> Self {
        str::from_utf8(bytes).map_or(Self::Bytes(bytes), Self::Text)
    }
}

/// How far a body is walked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Steps of a path.
    pub depth: usize,
    /// Values of a body.
    pub fields: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { depth: 64, fields: 100_000 }
    }
}

/// How a walk went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Walked {
    /// Values that were handed out.
    pub fields: usize,
    /// Objects and lists that stand too deep and were passed over.
    pub too_deep: usize,
    /// Why it ended before the body did.
    pub stopped: Option<Stopped>,
}

/// Why a walk ended early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// There are more values than [`Bounds::fields`].
    Fields,
    /// The body breaks its format at this byte, from 0, or ends there.
    Malformed(usize),
}

/// Hands every value of a message's body to `sink`, in their order. What has no fields (text, protobuf) hands out none.
pub fn walk(message: &Message, bounds: Bounds, sink: &mut dyn FnMut(&Path, Value<'_>)) -> Walked {
    let mut walk = Walk { path: Path::default(), bounds, walked: Walked::default(), sink };
    walk.body(&kind(message), &message.body.decoded);
    walk.walked
}

struct Walk<'a> {
    path: Path,
    bounds: Bounds,
    walked: Walked,
    sink: &'a mut dyn FnMut(&Path, Value<'_>),
}

impl Walk<'_> {
    fn body(&mut self, kind: &Kind, bytes: &[u8]) {
        match kind {
            Kind::Form => self.form(bytes),
            Kind::Json => self.json(bytes),
            Kind::Multipart(boundary) => self.multipart(bytes, boundary),
            Kind::Empty | Kind::Other | Kind::Protobuf | Kind::Text => {}
        }
    }

    /// Hands a value out; whether there was room.
    fn leaf(&mut self, value: Value<'_>) -> bool {
        if self.walked.fields >= self.bounds.fields {
            self.walked.stopped = Some(Stopped::Fields);
            return false;
        }
        self.walked.fields += 1;
        (self.sink)(&self.path, value);
        true
    }

    fn key(&mut self, key: &[u8]) {
        self.path.steps.push(Step::Key(String::from_utf8_lossy(key).into()));
    }

    fn form(&mut self, bytes: &[u8]) {
        for field in bytes.split(|&byte| byte == b'&').filter(|field| !field.is_empty()) {
            let at = field.iter().position(|&byte| byte == b'=').unwrap_or(field.len());
            let (name, value) = field.split_at_checked(at).unwrap_or((field, b""));
            self.key(&unescape(name));
            let went_on = self.leaf(Value::of_bytes(&unescape(value.get(1..).unwrap_or_default())));
            self.path.steps.pop();
            if !went_on {
                return;
            }
        }
    }

    fn json(&mut self, bytes: &[u8]) {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let outside = self.path.steps.len();
        while reader.end().is_err() {
            let outcome = Json(self).deserialize(&mut reader);
            self.path.steps.truncate(outside);
            if let Err(error) = outcome {
                let place = Stopped::Malformed(offset(bytes, &error));
                self.walked.stopped.get_or_insert(place);
                return;
            }
        }
    }

    fn multipart(&mut self, bytes: &[u8], boundary: &[u8]) {
        let (parts, is_whole) = parts(bytes, boundary);
        for part in parts {
            self.key(part.name.unwrap_or_default());
            let kind = if part.content_type.is_empty() { None } else { kind_of_type(part.content_type) };
            let before = self.walked.stopped;
            match kind {
                // A part of parts would make the time grow with the depth.
                Some(kind @ (Kind::Json | Kind::Form)) => self.body(&kind, part.body),
                _ => {
                    self.leaf(Value::of_bytes(part.body));
                }
            }
            self.path.steps.pop();
            if self.walked.stopped == Some(Stopped::Fields) {
                return;
            }
            // A part that is broken is not the end of the others.
            self.walked.stopped = before.or(self.walked.stopped);
        }
        if !is_whole {
            self.walked.stopped.get_or_insert(Stopped::Malformed(bytes.len()));
        }
    }
}

/// Where in the text a reader of JSON stopped.
pub(crate) fn offset(bytes: &[u8], error: &serde_json::Error) -> usize {
    let before: usize = bytes
        .split_inclusive(|&byte| byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    before.saturating_add(error.column()).min(bytes.len())
}

/// A value of JSON being walked.
struct Json<'a, 'b>(&'a mut Walk<'b>);

impl Json<'_, '_> {
    fn leaf<E: serde::de::Error>(self, value: Value<'_>) -> Result<(), E> {
        if self.0.leaf(value) { Ok(()) } else { Err(E::custom("too many values")) }
    }

    /// Whether what is inside stands too deep.
    const fn is_too_deep(&self) -> bool {
        self.0.path.steps.len() >= self.0.bounds.depth
    }
}

impl<'de> DeserializeSeed<'de> for Json<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Json<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.leaf(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.leaf(Value::Integer(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.leaf(Value::Integer(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.leaf(Value::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.leaf(Value::Text(value))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.leaf(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if self.is_too_deep() {
            self.0.walked.too_deep += 1;
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let mut number = 0;
        loop {
            self.0.path.steps.push(Step::Item(number));
            let next = items.next_element_seed(Json(self.0))?;
            self.0.path.steps.pop();
            if next.is_none() {
                break;
            }
            number += 1;
        }
        if number == 0 { self.leaf(Value::Empty) } else { Ok(()) }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        if self.is_too_deep() {
            self.0.walked.too_deep += 1;
            while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let mut is_empty = true;
        while let Some(key) = members.next_key::<Cow<'de, str>>()? {
            is_empty = false;
            self.0.path.steps.push(Step::Key(key.into()));
            members.next_value_seed(Json(self.0))?;
            self.0.path.steps.pop();
        }
        if is_empty {
            self.leaf(Value::Empty).map_err(|error: A::Error| A::Error::custom(error))
        } else {
            Ok(())
        }
    }
}

/// A form's text without its escapes (WHATWG URL standard section 5.1); an escape that is none stays.
fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| b"+%".contains(byte)) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        let digit = |at: usize| behind.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        let escaped = digit(0).zip(digit(1)).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        let (byte, length) = match (first, escaped) {
            (b'%', Some(byte)) => (byte, 3),
            (b'+', _) => (b' ', 1),
            (&byte, _) => (byte, 1),
        };
        out.push(byte);
        rest = rest.get(length..).unwrap_or_default();
    }
    Cow::Owned(out)
}

/// Subtypes that are JSON and do not end with it.
const JSON: [&str; 5] = ["x-json", "ndjson", "x-ndjson", "jsonl", "x-jsonlines"];
/// Subtypes that are protocol buffers and do not say so in full.
const PROTOBUF: [&str; 3] = ["proto", "x-proto", "grpc"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::exchange::{Encoding, Header};

    fn message(content_type: &str, body: &[u8]) -> Message {
        let mut message = Message::default();
        if !content_type.is_empty() {
            message.headers.push(Header::new(*b"Content-Type", content_type.as_bytes()));
        }
        message.body.decoded = body.to_vec();
        message
    }

    fn lines(message: &Message, bounds: Bounds) -> (Vec<String>, Walked) {
        let mut lines = Vec::new();
        let walked = walk(message, bounds, &mut |path, value| lines.push(format!("{path} {value:?}")));
        (lines, walked)
    }

    fn walk_all(content_type: &str, body: &[u8]) -> Vec<String> {
        let (lines, walked) = lines(&message(content_type, body), Bounds::default());
        assert_eq!((walked.stopped, walked.fields), (None, lines.len()));
        lines
    }

    #[test]
    fn kinds_are_told_by_type_and_where_that_says_nothing_by_the_bytes() {
        for (content_type, body, expected) in [
            ("application/json; charset=utf-8", "x", Kind::Json),
            ("Application/Problem+JSON", "x", Kind::Json),
            ("application/x-ndjson", "x", Kind::Json),
            ("text/plain", " {\"a\":1}\n", Kind::Json),
            ("", "[1]", Kind::Json),
            ("application/octet-stream", "{\"a\":1}", Kind::Json),
            ("text/html", "<p>", Kind::Text),
            ("text/plain", "{not closed", Kind::Text),
            ("", "{not closed", Kind::Other),
            ("application/x-www-form-urlencoded", "a=b", Kind::Form),
            ("multipart/form-data; boundary=\"a b\"", "x", Kind::Multipart((*b"a b").into())),
            ("multipart/form-data", "x", Kind::Other),
            ("application/x-protobuf", "{}", Kind::Protobuf),
            ("application/grpc", "x", Kind::Protobuf),
            ("image/png", "x", Kind::Other),
            ("application/json", "", Kind::Empty),
        ] {
            assert_eq!(kind(&message(content_type, body.as_bytes())), expected, "{content_type} {body}");
        }
        let mut packed = message("application/json", b"\x1f\x8b");
        packed.body.remaining.push(Encoding::Gzip);
        assert_eq!(kind(&packed), Kind::Other);
    }

    #[test]
    fn values_of_json_have_paths() {
        let body = br#"{"v":1,"events":[{"name":"join","at":-1.5,"ok":true},{"name":null}],"none":{},"a.b":"\u00e9"}"#;
        assert_eq!(
            walk_all("application/json", body),
            [
                "v Integer(1)",
                "events[].name Text(\"join\")",
                "events[].at Float(-1.5)",
                "events[].ok Bool(true)",
                "events[].name Null",
                "none Empty",
                "a\\u{2e}b Text(\"é\")",
            ]
        );
        assert_eq!(
            walk_all("application/x-ndjson", b"{\"a\":1}\n{\"a\":2}\n"),
            ["a Integer(1)", "a Integer(2)"]
        );
        assert_eq!(walk_all("application/json", b"\xef\xbb\xbf[[]]"), ["[] Empty"]);
    }

    #[test]
    fn broken_and_hostile_json_gives_its_front() {
        let (found, walked) = lines(&message("application/json", b"{\"a\":1,\n\"b\":2,x"), Bounds::default());
        assert_eq!(found, ["a Integer(1)", "b Integer(2)"]);
        assert_eq!(walked.stopped, Some(Stopped::Malformed(15)));
        let deep = [vec![b'['; 100], vec![b']'; 100], b"[7]".to_vec()].concat();
        let (found, walked) = lines(&message("application/json", &deep), Bounds::default());
        assert_eq!((found.len(), walked.too_deep, walked.stopped), (1, 1, None), "what follows is read");
        let (_, walked) = lines(&message("application/json", &vec![b'['; 100_000]), Bounds::default());
        assert!(matches!(walked.stopped, Some(Stopped::Malformed(_))));
        let many = format!("[{}1]", "1,".repeat(1000));
        let (found, walked) =
            lines(&message("application/json", many.as_bytes()), Bounds { fields: 10, depth: 9 });
        assert_eq!((found.len(), walked.stopped), (10, Some(Stopped::Fields)));
        assert!(
            lines(&message("application/json", b"{\"\\u001b[2J\":1}"), Bounds::default()).0[0]
                .starts_with("\\u{1b}")
        );
    }

    #[test]
    fn values_of_forms_have_names() {
        let body = b"a=1&b+c=%C3%A9%2&d&=x&&e=%ff";
        assert_eq!(
            walk_all("application/x-www-form-urlencoded", body),
            ["a Text(\"1\")", "b c Text(\"é%2\")", "d Text(\"\")", " Text(\"x\")", "e Bytes([255])"]
        );
    }

    #[test]
    fn parts_have_names_and_json_in_them_paths() {
        let body = b"preamble\r\n--X\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n\
            {\"k\":[1]}\r\n--X\r\ncontent-disposition: form-data; filename=f; name=file\r\n\r\n\xff\r\n--Xnot\r\n--X--\r\nepilogue";
        assert_eq!(
            walk_all("multipart/form-data; boundary=X", body),
            ["meta.k[] Integer(1)", "file Bytes([255, 13, 10, 45, 45, 88, 110, 111, 116])"]
        );
        let (found, walked) =
            lines(&message("multipart/form-data; boundary=X", &body[..130]), Bounds::default());
        assert_eq!(found, ["meta.k[] Integer(1)"]);
        assert!(walked.stopped.is_some());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), which in 0..4_usize) {
            let bounds = Bounds { depth: 3, fields: 20 };
            let types = ["application/json", "application/x-www-form-urlencoded", "multipart/mixed; boundary=a", ""];
            let (found, walked) = lines(&message(types[which], &bytes), bounds);
            prop_assert_eq!(found.len(), walked.fields);
            prop_assert!(found.len() <= 20);
        }

        #[test]
        fn json_is_walked_as_another_reader_sees_it(text in "[\\[\\]{}:,\"a1 ]{0,40}") {
            let (_, walked) = lines(&message("application/json", text.as_bytes()), Bounds::default());
            let values: Result<Vec<serde_json::Value>, _> =
                serde_json::Deserializer::from_slice(text.as_bytes()).into_iter().collect();
            // Numbers and words have to be told apart there, and are here by the value's end alone.
            prop_assert!(values.is_err() || walked.stopped.is_none());
        }
    }
}

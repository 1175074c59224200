//! Heads of HTTP/1 messages (RFC 9112 sections 2 to 5).
//!
//! Input: the bytes of a head with the empty line that ends it. Output: [`Head`], with what could be read where some lines
//! are broken. Must not: know a connection.

use httparse::{EMPTY_HEADER, ParserConfig};

use super::context::Side;
use crate::wire::exchange::{Exchange, Header, Version, header};

/// A head.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) version: Version,
    pub(crate) method: Option<Box<[u8]>>,
    pub(crate) target: Option<Box<[u8]>>,
    pub(crate) status: Option<u16>,
    pub(crate) headers: Vec<Header>,
    /// Whether some lines could not be read.
    pub(crate) is_damaged: bool,
    /// Whether there are more headers than are kept.
    pub(crate) is_cut: bool,
}

/// How the end of a body is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Length {
    Chunked,
    /// It ends with the connection.
    Close,
    Known(u64),
    /// There is no body.
    None,
}

/// Where the head at the front ends, with its empty line; the first `searched` bytes were looked at before.
pub(crate) fn end(front: &[u8], searched: usize) -> Option<usize> {
    // The empty line may have begun in what was searched.
    let mut from = searched.saturating_sub(2);
    loop {
        let at = from + front.get(from..)?.iter().position(|&byte| byte == b'\n')?;
        match front.get(at + 1..)? {
            [b'\n', ..] => return Some(at + 2),
            [b'\r', b'\n', ..] => return Some(at + 3),
            _ => from = at + 1,
        }
    }
}

/// A request's head; `None` where it does not begin with a request line.
pub(crate) fn request(bytes: &[u8]) -> Option<Head> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let outcome = config().parse_request(&mut parsed, bytes);
    let version = version(parsed.version?);
    let (method, target) = (parsed.method?, parsed.path?);
    let mut head = Head::new(version, parsed.headers, &outcome);
    (head.method, head.target) = (Some(method.as_bytes().into()), Some(target.as_bytes().into()));
    Some(head)
}

/// An answer's head; `None` where it does not begin with a status line.
pub(crate) fn response(bytes: &[u8]) -> Option<Head> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let outcome = config().parse_response(&mut parsed, bytes);
    let (version, code) = (version(parsed.version?), parsed.code?);
    let mut head = Head::new(version, parsed.headers, &outcome);
    head.status = Some(code);
    Some(head)
}

/// Fields behind a body, with the empty line that ends them; none where they are broken.
pub(crate) fn fields(bytes: &[u8]) -> Vec<Header> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    match httparse::parse_headers(bytes, &mut headers) {
        Ok(httparse::Status::Complete((_, fields))) => fields.iter().map(field).collect(),
        _ => Vec::new(),
    }
}

fn config() -> ParserConfig {
    let mut config = ParserConfig::default();
    config
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_multiple_spaces_in_response_status_delimiters(true);
    config
}

fn version(minor: u8) -> Version {
    if minor == 0 { Version::Http10 } else { Version::Http11 }
}

fn field(header: &httparse::Header<'_>) -> Header {
    Header::new(header.name.as_bytes(), header.value)
}

impl Head {
    fn new(
        version: Version,
        headers: &[httparse::Header<'_>],
        outcome: &Result<httparse::Status<usize>, httparse::Error>,
    ) -> Self {
        let is_cut = matches!(outcome, Err(httparse::Error::TooManyHeaders));
        Self {
            version,
            method: None,
            target: None,
            status: None,
            headers: headers.iter().filter(|header| !header.name.is_empty()).map(field).collect(),
            is_damaged: !is_cut && !matches!(outcome, Ok(httparse::Status::Complete(_))),
            is_cut,
        }
    }

    /// Writes down whom a request is addressed to (RFC 9112 section 3.2).
    pub(crate) fn address(&self, exchange: &mut Exchange) {
        let target = self.target.as_deref().unwrap_or_default();
        exchange.method.clone_from(&self.method);
        let host = header(&self.headers, "host").map(<[u8]>::trim_ascii);
        exchange.authority = host.map(Into::into);
        exchange.path = Some(target.into());
        if self.method.as_deref() == Some(b"CONNECT") {
            (exchange.authority, exchange.path) = (Some(target.into()), None);
            return;
        }
        let scheme = target.windows(3).position(|at| at == b"://").filter(|_| !target.starts_with(b"/"));
        if let Some((scheme, rest)) = scheme.and_then(|at| target.split_at_checked(at)) {
            let rest = rest.get(3..).unwrap_or_default();
            let length = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(length);
            let named = authority.rsplit(|&byte| byte == b'@').next().unwrap_or_default();
            exchange.scheme = Some(scheme.to_ascii_lowercase().into());
            exchange.authority = Some(named.into());
            exchange.path = Some(if path.is_empty() { b"/".as_slice() } else { path }.into());
        }
    }
}

/// Where in a line, without its end, a message begins: a request line that ends it, or a status line.
pub(crate) fn start_in(side: Side, line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match side {
        Side::Client => {
            let rest = line.strip_suffix(b" HTTP/1.1").or_else(|| line.strip_suffix(b" HTTP/1.0"))?;
            let space = rest.iter().rposition(|&byte| byte == b' ')?;
            let (before, target) = (rest.get(..space)?, rest.get(space + 1..)?);
            let method = METHODS
                .iter()
                .filter(|method| before.ends_with(method.as_bytes()))
                .max_by_key(|m| m.len())?;
            (!target.is_empty()).then(|| before.len() - method.len())
        }
        Side::Server => line.windows(12).rposition(|at| {
            let is_version = at.starts_with(b"HTTP/1.0 ") || at.starts_with(b"HTTP/1.1 ");
            is_version && at.iter().skip(9).all(u8::is_ascii_digit)
        }),
    }
}

/// Methods by which a request is found in the middle of a stream.
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
/// Most headers that are kept of a message.
const MAX_HEADERS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Timestamp;
    use crate::wire::exchange::Origin;

    #[test]
    fn ends_are_found_however_the_search_goes_on() {
        for (text, expected) in [
            ("a\r\nb\r\n\r\nc", Some(8)),
            ("a\n\nb", Some(3)),
            ("a\n\r\nb", Some(4)),
            ("a\r\n\r", None),
            ("", None),
        ] {
            assert_eq!(end(text.as_bytes(), 0), expected, "{text:?}");
            for searched in 0..text.len() {
                let found = end(&text.as_bytes()[..searched], 0).or_else(|| end(text.as_bytes(), searched));
                assert_eq!(found, expected, "{text:?} {searched}");
            }
        }
    }

    #[test]
    fn targets_say_whom_a_request_is_for() {
        let address = |text: &str| {
            let mut exchange = Exchange::new(Origin::Capture, Version::Http11, Timestamp::from_nanos(0));
            request(text.as_bytes()).unwrap().address(&mut exchange);
            let text = |part: &Option<Box<[u8]>>| {
                part.as_deref().map(|part| String::from_utf8(part.to_vec()).unwrap())
            };
            [text(&exchange.scheme), text(&exchange.authority), text(&exchange.path)]
                .map(Option::unwrap_or_default)
        };
        assert_eq!(address("GET /a?b HTTP/1.1\r\nHost: zoom.us\r\n\r\n"), ["", "zoom.us", "/a?b"]);
        assert_eq!(
            address("GET HTTPS://u@zoom.us:1?b HTTP/1.1\r\nHost: x\r\n\r\n"),
            ["https", "zoom.us:1", "?b"]
        );
        assert_eq!(address("GET http://zoom.us HTTP/1.0\r\n\r\n"), ["http", "zoom.us", "/"]);
        assert_eq!(address("CONNECT zoom.us:443 HTTP/1.1\r\nHost: x\r\n\r\n"), ["", "zoom.us:443", ""]);
    }

    #[test]
    fn broken_lines_lose_no_more_than_what_follows_them() {
        let head = request(b"GET / HTTP/1.1\r\nHost: a\r\nb\0c: d\r\n\r\n").unwrap();
        assert_eq!((head.headers.len(), head.is_damaged), (1, true));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(300));
        let head = response(many.as_bytes()).unwrap();
        assert_eq!((head.headers.len(), head.is_damaged, head.is_cut), (MAX_HEADERS, false, true));
        assert!(request(b"GET\r\n\r\n").is_none() && response(b"HTTP/2 200\r\n\r\n").is_none());
    }

    #[test]
    fn messages_are_found_in_the_middle_of_a_line() {
        for (side, line, expected) in [
            (Side::Client, "...}POST /a HTTP/1.1\r", Some(4)),
            (Side::Client, "GET / HTTP/1.0", Some(0)),
            (Side::Client, "GET /a HTTP/1.1 or so", None),
            (Side::Client, "SOME /a HTTP/1.1", None),
            (Side::Server, "</html>HTTP/1.1 200 OK\r", Some(7)),
            (Side::Server, "HTTP/1.1 2x0 OK", None),
        ] {
            assert_eq!(start_in(side, line.as_bytes()), expected, "{line}");
        }
    }
}

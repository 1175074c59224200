//! HTTP: requests in clear, to which host they are addressed (RFC 9110, RFC 9112), and whole connections of decrypted bytes.
//!
//! Input of [`request`]: one direction of a TCP connection from its first byte. Output: the first [`Request`], as soon as its
//! target and host are known; a head that breaks off after that loses nothing. [`Reader`] takes both directions of a
//! connection and gives [`Exchange`](crate::wire::exchange::Exchange)s, with their bodies. Must not: keep a byte past its limits.

use httparse::{EMPTY_HEADER, Status};

mod body;
mod context;
mod draft;
mod frame;
mod head;
pub mod hpack;
mod huffman;
mod one;
mod queue;
mod reader;
#[cfg(test)]
mod sample;
mod two;
mod websocket;

pub use body::encodings;
pub use context::{Connection, Side, Tally};
pub use queue::At;
pub use reader::Reader;

use crate::wire::{Hostname, Read, printable};

/// Whom a request is addressed to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// How its target is written, which tells a proxy's client from a server's.
    pub form: Form,
    /// The host that it names, by its target or by its first `Host` header; `None` where neither is a host name.
    pub host: Option<Hostname>,
    /// Host and port as they were written, at most 261 characters, safe to print; empty where there is none.
    pub authority: Box<str>,
    /// The first part of its path that is a version and nothing else, as in `/prod/6.2.11.50939/x64/`; of the rest of the path
    /// nothing is kept.
    pub version: Option<Box<str>>,
}

/// The forms of a request's target (RFC 9112 section 3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A path, or `*`: the request is for the server itself.
    Origin,
    /// A whole URI: what clients send to a proxy, and what servers have to accept as well.
    Absolute,
    /// Host and port after CONNECT: a proxy is asked for a tunnel.
    Connect,
}

/// Reads the request at the front of a client's stream.
#[must_use]
pub fn request(stream: &[u8]) -> Read<Request> {
    let is_method = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_');
    let method = stream.iter().take_while(|byte| is_method(byte)).count();
    if method > MAX_METHOD || stream.get(method).is_some_and(|&byte| byte != b' ' || method == 0) {
        return Read::NotMine("no method first");
    }
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let outcome = parsed.parse(stream);
    if parsed.version.is_some()
        && let Some(request) = addressed(&parsed)
    {
        return Read::Done(request);
    }
    match outcome {
        Ok(Status::Partial) => Read::More,
        Ok(Status::Complete(_)) if parsed.path.is_some() => {
            let version = parsed.path.and_then(version_in);
            Read::Done(Request { form: Form::Origin, host: None, authority: Box::default(), version })
        }
        _ => Read::NotMine("malformed request"),
    }
}

/// The length of the head at the front of a stream, with the empty line that ends it; `None` where that is not there yet.
#[must_use]
pub fn head_len(stream: &[u8]) -> Option<usize> {
    let after = |end: &[u8]| {
        stream.windows(end.len()).position(|at| at == end).map(|at| at.saturating_add(end.len()))
    };
    after(b"\r\n\r\n").into_iter().chain(after(b"\n\n")).min()
}

/// Whom a request is addressed to, where that is said already.
fn addressed(parsed: &httparse::Request<'_, '_>) -> Option<Request> {
    let target = parsed.path?;
    let (form, authority, path) = if parsed.method? == "CONNECT" {
        (Form::Connect, target, "")
    } else if let Some((_, rest)) = target.split_once("://").filter(|_| !target.starts_with('/')) {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let path = rest.get(authority.len()..).unwrap_or_default();
        (Form::Absolute, authority.rsplit('@').next().unwrap_or_default(), path)
    } else {
        let header = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"))?;
        (Form::Origin, str::from_utf8(header.value).unwrap_or_default().trim(), target)
    };
    let (host, authority) = (host(authority), printable(authority, MAX_AUTHORITY));
    Some(Request { form, host, authority, version: version_in(path) })
}

/// The first part of a path, between slashes, that is three or four numbers with dots between and no IPv4 address.
fn version_in(path: &str) -> Option<Box<str>> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let is_number =
        |part: &str| (1..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_version = |part: &&str| {
        part.len() <= MAX_VERSION
            && (3..=4).contains(&part.split('.').count())
            && part.split('.').all(is_number)
            && part.parse::<std::net::Ipv4Addr>().is_err()
    };
    path.split('/').find(is_version).map(Box::from)
}

/// Four numbers of six digits, with dots between.
const MAX_VERSION: usize = 27;

/// The host name before the port (RFC 3986 section 3.2); addresses are none.
fn host(authority: &str) -> Option<Hostname> {
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let is_port = port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    Hostname::parse(host.as_bytes()).filter(|_| is_port)
}

/// Most headers that are read of a request; a host that stands behind them is not found.
const MAX_HEADERS: usize = 64;
/// The longest method of the registry has 17 letters (IANA HTTP Method Registry, `UPDATEREDIRECTREF`).
const MAX_METHOD: usize = 17;
/// A host name of 255 bytes, a colon and a port of five digits.
const MAX_AUTHORITY: usize = 261;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::captures;

    fn read(text: &str) -> Read<(Form, Option<String>, String)> {
        request(text.as_bytes()).map(|request| {
            (request.form, request.host.map(|host| host.to_string()), request.authority.into())
        })
    }

    fn done(form: Form, host: Option<&str>, authority: &str) -> Read<(Form, Option<String>, String)> {
        Read::Done((form, host.map(str::to_owned), authority.to_owned()))
    }

    #[test]
    fn hosts_are_read_from_headers_and_targets() {
        let cases = [
            ("GET / HTTP/1.1\r\nHost: Zoom.US\r\n\r\n", done(Form::Origin, Some("zoom.us"), "Zoom.US")),
            (
                "GET /a://b HTTP/1.1\r\nA: b\r\nhOsT:zoom.us:8080\r\n\r\n",
                done(Form::Origin, Some("zoom.us"), "zoom.us:8080"),
            ),
            ("POST / HTTP/1.0\nHost: zoom.us\nX", done(Form::Origin, Some("zoom.us"), "zoom.us")),
            ("GET / HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n", done(Form::Origin, None, "192.0.2.1:80")),
            (
                "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n",
                done(Form::Origin, None, "[2001:db8::1]:80"),
            ),
            (
                "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
                done(Form::Origin, Some("a.example"), "a.example"),
            ),
            ("GET / HTTP/1.1\r\n\r\n", done(Form::Origin, None, "")),
            ("CONNECT zoom.us:443 HTTP/1.1\r\n", done(Form::Connect, Some("zoom.us"), "zoom.us:443")),
            (
                "GET http://u:p@zoom.us:81/a?b HTTP/1.1\r\nHost: c.example\r\n",
                done(Form::Absolute, Some("zoom.us"), "zoom.us:81"),
            ),
            ("GET http://zoom.us HTTP/1.1\r\n", done(Form::Absolute, Some("zoom.us"), "zoom.us")),
            ("OPTIONS * HTTP/1.1\r\nHost: zoom.us\r\n", done(Form::Origin, Some("zoom.us"), "zoom.us")),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_head_is_read_as_soon_as_its_host_is_whole() {
        let text = "GET /index HTTP/1.1\r\nAccept: */*\r\nHost: zoom.us\r\nCookie: a\r\n\r\nbody";
        let host_ends = text.find("Cookie").unwrap();
        for length in 0..text.len() {
            let answer = read(&text[..length]);
            if length < host_ends - 1 {
                assert_eq!(answer, Read::More, "{length}");
            } else {
                assert!(matches!(answer, Read::More | Read::Done(_)), "{length}");
            }
            if length > host_ends {
                assert_eq!(answer, done(Form::Origin, Some("zoom.us"), "zoom.us"), "{length}");
            }
        }
        // What follows it may be broken.
        assert_eq!(read(&text.replace("Cookie: a", "\0\0")), done(Form::Origin, Some("zoom.us"), "zoom.us"));
        assert_eq!(head_len(text.as_bytes()), Some(text.len() - 4));
        assert_eq!((head_len(b"a\n\nb"), head_len(b"a\r\nb")), (Some(3), None));
    }

    #[test]
    fn of_a_path_only_a_version_is_kept() {
        let cases = [
            ("/prod/6.2.11.50939/x64/Zoom.msi", Some("6.2.11.50939")),
            ("/6.1.0", Some("6.1.0")),
            ("http://a.example/client/5.17.11.3835/zoom.deb?x=1.2.3", Some("5.17.11.3835")),
            ("http://1.2.3.4567/", None),
            ("/a?v=/6.2.11.50939/", None),
            ("/a#/6.2.11.50939/", None),
            ("/192.0.2.1/a", None),
            ("/v6.2.11.50939/zoom_6.2.11.50939.pkg", None),
            ("/6.2", None),
            ("/6.2.11.50939.1/", None),
            ("/6..2.11/", None),
            ("/+6.2.11.50939/", None),
            ("/1234567.2.11/", None),
            ("*", None),
        ];
        for (target, version) in cases {
            let head = format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n");
            let read = request(head.as_bytes()).done().unwrap().version;
            assert_eq!(read.as_deref(), version, "{target}");
        }
        let bare = request(b"GET /6.2.11.50939/ HTTP/1.0\r\n\r\n").done().unwrap();
        assert_eq!(bare.version.as_deref(), Some("6.2.11.50939"));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let long = "A".repeat(40);
        let many = format!("GET / HTTP/1.1\r\n{}", "A: b\r\n".repeat(70));
        for text in [
            "HTTP/1.1 200 OK\r\n",
            "get / HTTP/1.1\r\n",
            "220 mail ESMTP\r\n",
            "SSH-2.0-x\r\n",
            &long,
            " GET / HTTP/1.1\r\n",
            "GET / HTTP/2.0\r\n",
            "GET / RTSP/1.0\r\n",
            "\x16\x03\x01",
            &many,
        ] {
            assert!(matches!(read(text), Read::NotMine(_)), "{text:?}");
        }
        assert_eq!(read(&format!("GET /{}", "a".repeat(16_000))), Read::More, "a line that never ends");
    }

    #[test]
    fn texts_are_safe_to_print() {
        let hostile = request("GET / HTTP/1.1\r\nHost: \u{202e}a\r\n\r\n".as_bytes()).done().unwrap();
        assert_eq!((hostile.host, &*hostile.authority), (None, r"\u{202e}a"));
    }

    #[test]
    fn seeds_of_other_projects_are_survived() {
        for bytes in captures::seeds("http").into_values() {
            let _ = (request(&bytes), head_len(&bytes));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), length in 0..200_usize) {
            let whole = [b"GET / HTTP/1.1\r\nHost: a.example\r\n", &bytes[..]].concat();
            let _ = request(&bytes);
            if let Read::Done(answer) = request(&whole[..length.min(whole.len())]) {
                prop_assert_eq!(request(&whole), Read::Done(answer));
            }
        }
    }
}

//! Exchanges that other tools decrypted: HAR files and mitmproxy's flow files.
//!
//! Input: a whole file as bytes, and its name for messages. Output: [`Import`], with a [`Fault`] for each part that could not
//! be read; the rest is read all the same. Must not: open a file.

use std::collections::BTreeMap;
use std::fmt;

use crate::frame::Timestamp;
use crate::wire::exchange::{Body, BodyNote, Exchange, Limits};

mod har;
mod mitmproxy;
mod tnetstring;

/// What a file of decrypted traffic is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Format {
    /// HAR 1.2, JSON.
    Har,
    /// mitmproxy's flows, tnetstrings.
    Mitmproxy,
}

/// The format by a file's first bytes; `None` where it is neither. A JSON file that is no HAR is told when it is read.
#[must_use]
pub fn recognise(bytes: &[u8]) -> Option<Format> {
    let text = bytes.strip_prefix(BOM).unwrap_or(bytes).trim_ascii_start();
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if text.starts_with(b"{") {
        return Some(Format::Har);
    }
    ((1..=tnetstring::MAX_DIGITS).contains(&digits) && bytes.get(digits) == Some(&b':'))
        .then_some(Format::Mitmproxy)
}

/// The same for a file that may be anything, a capture or a report among them; more has to fit than of a file that is said to
/// be one of these.
#[must_use]
pub fn recognise_among_others(bytes: &[u8]) -> Option<Format> {
    let text = bytes.strip_prefix(BOM).unwrap_or(bytes).trim_ascii_start();
    let colon = |rest: &[u8]| rest.trim_ascii_start().starts_with(b":");
    match recognise(bytes)? {
        Format::Har => {
            let inside = text.strip_prefix(b"{")?.trim_ascii_start();
            inside.strip_prefix(b"\"log\"").is_some_and(colon).then_some(Format::Har)
        }
        // A flow is a dictionary, so that its content begins with a key: its length, a colon, a text and its type.
        Format::Mitmproxy => {
            let content = bytes.splitn(2, |byte| *byte == b':').nth(1)?;
            let (length, key) = content.split_at_checked(content.iter().position(|byte| *byte == b':')?)?;
            let length: usize = str::from_utf8(length).ok()?.parse().ok()?;
            matches!(key.get(length.checked_add(1)?), Some(b';' | b',')).then_some(Format::Mitmproxy)
        }
    }
}

/// What was read of a file.
#[derive(Clone, PartialEq, Debug)]
pub struct Import {
    /// What the file is.
    pub format: Format,
    /// Its exchanges, in the order of the file.
    pub exchanges: Vec<Exchange>,
    /// Flows that are not HTTP (TCP, UDP, DNS), which are counted alone.
    pub other_flows: u64,
    /// What could not be read, at most 100 of it.
    pub faults: Vec<Fault>,
    /// Faults past the first 100.
    pub more_faults: u64,
}

/// A file that nothing can be read of.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ImportError {
    /// It is no file of decrypted traffic.
    #[error(
        "{file}: not a HAR file or a flow file of mitmproxy: at offset 0 there is neither \"{{\" nor a length (write one with mitmdump -w \
         FILE, or save the network panel of a browser as HAR)"
    )]
    Unknown {
        /// The file's name, as it was given.
        file: String,
    },
    /// It is JSON without `log.entries`.
    #[error(
        "{file}: JSON without log.entries, so no HAR file (save the network panel of a browser as HAR with content)"
    )]
    NoEntries {
        /// The file's name, as it was given.
        file: String,
    },
}

/// A part of a file that could not be read. Displayed with the file, the offset and the next step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The file's name, as it was given.
    pub file: String,
    /// Where in it, in bytes from 0. For entries of HAR files that are JSON all the same, how many bytes are not known.
    pub offset: Option<u64>,
    /// The flow or entry, from 1.
    pub entry: u64,
    /// What is wrong.
    pub what: What,
}

/// What is wrong with a part of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum What {
    /// It breaks the format; what follows cannot be found.
    Broken,
    /// It is well formed and lacks a request.
    NoRequest,
    /// The file ends in it.
    Truncated,
    /// It is a flow whose inside breaks the format; what follows is read.
    Unreadable,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(offset) = self.offset {
            write!(f, "offset {offset}: ")?;
        }
        let entry = self.entry;
        match self.what {
            What::Broken => write!(
                f,
                "entry {entry} breaks the format, and what follows it is not read (write the file again)"
            ),
            What::NoRequest => write!(f, "entry {entry} has no request and is left out"),
            What::Truncated => write!(
                f,
                "the file ends in entry {entry}, which is left out (end the tool that writes it before you read it)"
            ),
            What::Unreadable => {
                write!(f, "entry {entry} cannot be read and is left out; what follows it is read")
            }
        }
    }
}

/// Reads a file, whichever of the formats it has. `file` is its name in messages.
pub fn read(bytes: &[u8], file: &str, limits: &Limits) -> Result<Import, ImportError> {
    let format = recognise(bytes).ok_or_else(|| ImportError::Unknown { file: file.to_owned() })?;
    let mut reading = Reading::new(format, file, *limits);
    match format {
        Format::Har => har::read(bytes, &mut reading)?,
        Format::Mitmproxy => mitmproxy::read(bytes, &mut reading),
    }
    Ok(reading.import)
}

/// A file being read.
struct Reading<'a> {
    import: Import,
    file: &'a str,
    limits: Limits,
    /// Bytes of bodies that are kept.
    held: usize,
    /// Numbers of connections, by what the file calls them.
    connections: BTreeMap<Box<[u8]>, u64>,
}

impl<'a> Reading<'a> {
    fn new(format: Format, file: &'a str, limits: Limits) -> Self {
        let import =
            Import { format, exchanges: Vec::new(), other_flows: 0, faults: Vec::new(), more_faults: 0 };
        Self { import, file, limits, held: 0, connections: BTreeMap::new() }
    }

    fn fault(&mut self, offset: Option<usize>, entry: u64, what: What) {
        if self.import.faults.len() >= MAX_FAULTS {
            self.import.more_faults += 1;
            return;
        }
        let offset = offset.map(|offset| offset as u64);
        self.import.faults.push(Fault { file: self.file.to_owned(), offset, entry, what });
    }

    fn connection(&mut self, name: &[u8]) -> Option<u64> {
        if name.is_empty() {
            return None;
        }
        let next = self.connections.len() as u64;
        Some(*self.connections.entry(name.into()).or_insert(next))
    }

    /// Takes an exchange, with as much of its bodies as there is room for.
    fn push(&mut self, mut exchange: Exchange) {
        let messages = [&mut exchange.request, &mut exchange.response].into_iter().flatten();
        let sockets = exchange.web_socket.iter_mut().flat_map(|socket| &mut socket.messages);
        for body in messages.map(|message| &mut message.body).chain(sockets.map(|message| &mut message.body))
        {
            let room = self.limits.held.saturating_sub(self.held);
            shorten(body, room);
            self.held = self.held.saturating_add(body.decoded.len());
        }
        self.import.exchanges.push(exchange);
    }
}

/// Keeps at most `most` bytes of a body that is not encoded any more.
fn shorten(body: &mut Body, most: usize) {
    let excess = body.decoded.len().saturating_sub(most);
    if excess == 0 {
        return;
    }
    body.decoded.truncate(most);
    body.decoded.shrink_to_fit();
    let before: u64 =
        body.notes.iter().map(|note| if let BodyNote::NotKept(count) = note { *count } else { 0 }).sum();
    body.notes.retain(|note| !matches!(note, BodyNote::NotKept(_)));
    body.notes.push(BodyNote::NotKept(before.saturating_add(excess as u64)));
    body.notes.sort();
}

/// A time in seconds since 1970, to the microsecond, which is what such a number can hold; `None` where it is out of range.
#[expect(clippy::cast_possible_truncation, reason = "looked at before")]
fn time(seconds: f64) -> Option<Timestamp> {
    let micros = (seconds * 1e6).round();
    (micros.is_finite() && micros.abs() < 9e15).then(|| Timestamp::from_nanos(micros as i64 * 1000))
}

/// The time of what has none; such an exchange is marked.
const EPOCH: Timestamp = Timestamp::from_nanos(0);
/// What some tools begin UTF-8 with.
const BOM: &[u8] = b"\xef\xbb\xbf";
/// Most faults that are kept.
const MAX_FAULTS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        for (bytes, expected) in [
            (&b"{\"log\":{}}"[..], Some(Format::Har)),
            (b"\xef\xbb\xbf\n {", Some(Format::Har)),
            (b"12:x", Some(Format::Mitmproxy)),
            (b"1234567890123:x", None),
            (b":x", None),
            (b"\xd4\xc3\xb2\xa1", None),
            (b"", None),
        ] {
            assert_eq!(recognise(bytes), expected, "{bytes:?}");
        }
        let error = read(b"GET", "x.har", &Limits::default()).unwrap_err().to_string();
        assert!(
            error.starts_with("x.har: ") && error.contains("offset 0") && error.contains("mitmdump"),
            "{error}"
        );
    }

    #[test]
    fn what_may_be_anything_has_to_fit_further() {
        for (bytes, expected) in [
            (&b"{ \"log\" : {}}"[..], Some(Format::Har)),
            (b"\xef\xbb\xbf{\n\"log\":{}}", Some(Format::Har)),
            (b"{\"logs\":{}}", None),
            (b"{\"schema_version\":1}", None),
            (b"1234:7:version;2:21#", Some(Format::Mitmproxy)),
            (b"12:34 somebody joined", None),
            (b"12:34:56.789012 IP a > b", None),
        ] {
            assert_eq!(recognise_among_others(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn faults_name_file_offset_and_next_step() {
        let fault = |offset, what| Fault { file: "a.mitm".into(), offset, entry: 3, what }.to_string();
        assert_eq!(
            fault(Some(17), What::Truncated),
            "a.mitm: offset 17: the file ends in entry 3, which is left out (end the tool that writes it before you read it)"
        );
        assert!(fault(None, What::NoRequest).starts_with("a.mitm: entry 3 "));
    }

    #[test]
    fn times_out_of_range_are_none() {
        assert_eq!(time(1.5), Some(Timestamp::from_nanos(1_500_000_000)));
        assert_eq!((time(f64::NAN), time(1e300), time(-1e10)), (None, None, None));
    }
}

//! Multipart bodies (RFC 2046 section 5.1, RFC 7578).
//!
//! Input: a body and its boundary. Output: [`Part`]s, views into it. Must not: decode a part, or read parts in parts.

/// One part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part<'a> {
    /// The name of its field; `None` where it has none.
    pub name: Option<&'a [u8]>,
    /// The name of the file that it was, as it was sent.
    pub file: Option<&'a [u8]>,
    /// Its content type, empty where it has none.
    pub content_type: &'a [u8],
    /// Its content.
    pub body: &'a [u8],
}

/// The parts of a body, at most 1024, and whether it ends with its last boundary.
#[must_use]
pub fn parts<'a>(bytes: &'a [u8], boundary: &[u8]) -> (Vec<Part<'a>>, bool) {
    let (mut found, mut from, mut at) = (Vec::new(), None, 0);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        let Some(is_last) = delimiter(line, boundary) else { continue };
        if let Some(from) = from.take() {
            let part = bytes.get(from..start).unwrap_or_default();
            let part = part.strip_suffix(b"\n").map_or(part, |part| part.strip_suffix(b"\r").unwrap_or(part));
            found.push(read(part));
        }
        if is_last || found.len() >= MAX_PARTS {
            return (found, is_last);
        }
        from = Some(end);
    }
    (found, false)
}

/// Whether a line is the last boundary; `None` where it is none.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let (is_last, rest) = rest.strip_prefix(b"--").map_or((false, rest), |rest| (true, rest));
    rest.trim_ascii().is_empty().then_some(is_last)
}

/// The boundary that a content type gives, at most 70 bytes.
pub(super) fn boundary(content_type: &[u8]) -> Option<Box<[u8]>> {
    let value = parameter(content_type, b"boundary")?;
    (1..=MAX_BOUNDARY).contains(&value.len()).then(|| value.into())
}

fn read(part: &[u8]) -> Part<'_> {
    let mut read = Part { name: None, file: None, content_type: b"", body: b"" };
    let mut rest = part;
    for _ in 0..MAX_HEADERS {
        let length = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, behind) = rest.split_at_checked(length).unwrap_or((rest, b""));
        rest = behind;
        let line = line.trim_ascii();
        if line.is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let (name, value) = line.split_at_checked(colon).unwrap_or((line, b""));
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"content-disposition") {
            read.name = parameter(value, b"name");
            read.file = parameter(value, b"filename");
        } else if name.eq_ignore_ascii_case(b"content-type") {
            read.content_type = value;
        }
    }
    read.body = rest;
    read
}

/// A parameter's value (RFC 9110 section 5.6.6), without quotation marks; escapes in it stay.
fn parameter<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = value.get(value.iter().position(|&byte| byte == b';')? + 1..)?;
    loop {
        let equals = rest.iter().position(|&byte| byte == b'=')?;
        let (own, behind) = rest.split_at_checked(equals)?;
        let behind = behind.get(1..)?.trim_ascii_start();
        let (found, next) = if let Some(quoted) = behind.strip_prefix(b"\"") {
            quoted.split_at_checked(quoted.iter().position(|&byte| byte == b'"').unwrap_or(quoted.len()))?
        } else {
            let length = behind.iter().position(|&byte| byte == b';').unwrap_or(behind.len());
            let (found, next) = behind.split_at_checked(length)?;
            (found.trim_ascii(), next)
        };
        if own.trim_ascii().eq_ignore_ascii_case(name) {
            return Some(found);
        }
        rest = next.get(next.iter().position(|&byte| byte == b';')? + 1..)?;
    }
}

/// Most parts that are read of a body.
const MAX_PARTS: usize = 1024;
/// Most headers that are read of a part.
const MAX_HEADERS: usize = 64;
/// The longest boundary (RFC 2046 section 5.1.1).
const MAX_BOUNDARY: usize = 70;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_quoted_or_not() {
        let value = b"form-data; filename=\"a;name=b\"; NAME = c ; x";
        assert_eq!(parameter(value, b"name"), Some(&b"c"[..]));
        assert_eq!(parameter(value, b"filename"), Some(&b"a;name=b"[..]));
        assert_eq!(parameter(value, b"x"), None);
        assert_eq!(parameter(b"form-data", b"name"), None);
    }

    #[test]
    fn many_parts_are_cut() {
        let body = [b"--a\n\nx\n".repeat(5000), b"--a--".to_vec()].concat();
        let (parts, is_whole) = parts(&body, b"a");
        assert_eq!((parts.len(), is_whole, parts[0].body), (MAX_PARTS, false, &b"x"[..]));
    }
}

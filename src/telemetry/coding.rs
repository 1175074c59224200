//! The codings that a value may be written in: percent, base 64, hexadecimal, gzip.
//!
//! Input: bytes. Output: what they stand for, or `None`. Must not: guess; what breaks a coding is not of it.

use std::borrow::Cow;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER_PERMISSIVE};

use crate::wire::exchange::{Body, Header, Limits};

/// A way to write bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Coding {
    /// Base 64, either alphabet (RFC 4648 sections 4 and 5).
    Base64,
    /// gzip (RFC 1952), beside what the message's headers say.
    Gzip,
    /// Hexadecimal digits.
    Hexadecimal,
    /// Percent-encoding (RFC 3986 section 2.1), in forms with plus signs for spaces.
    Percent,
}

impl Coding {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Gzip => "gzip",
            Self::Hexadecimal => "hexadecimal",
            Self::Percent => "percent",
        }
    }
}

/// The shortest run of letters that is tried as base 64 or hexadecimal digits.
const LEAST_TOKEN: usize = 8;
/// The most that gzip inside a message is unpacked to, in bytes.
const MOST_UNPACKED: usize = 1 << 20;

/// The text without percent-encoding; `None` where there is none.
pub(super) fn percent(text: &[u8], is_form: bool) -> Option<Vec<u8>> {
    let is_coded = |at: usize| text.get(at) == Some(&b'%') && hex_pair(text, at + 1).is_some();
    if !(0..text.len()).any(|at| is_coded(at) || is_form && text.get(at) == Some(&b'+')) {
        return None;
    }
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = text.get(at) {
        if let Some(coded) = hex_pair(text, at + 1).filter(|_| byte == b'%') {
            out.push(coded);
            at += 3;
        } else {
            out.push(if is_form && byte == b'+' { b' ' } else { byte });
            at += 1;
        }
    }
    Some(out)
}

fn hex_pair(text: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(at)? << 4 | digit(at + 1)?).ok()
}

/// What gzip holds, at most a mebibyte of it; `None` where it is none.
pub(super) fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(&[0x1F, 0x8B, 0x08]) {
        return None;
    }
    let limits = Limits { body: MOST_UNPACKED, ..Limits::default() };
    let body = Body::from_wire(bytes.to_vec(), &[Header::new(*b"content-encoding", *b"gzip")], &limits);
    (body.remaining.is_empty() && !body.decoded.is_empty()).then_some(body.decoded)
}

/// Takes a run of letters, its coding, and what it stands for.
pub(super) type TokenSink<'s, 'a> = dyn FnMut(&'a [u8], Coding, &[u8]) + 's;

/// Every run of letters that may be base 64 or hexadecimal, with what it stands for. A run of both alphabets of base 64 is
/// none of either, and is cut where the second begins.
pub(super) fn tokens<'a>(text: &'a [u8], sink: &mut TokenSink<'_, 'a>) {
    for token in runs(text, |byte| byte.is_ascii_hexdigit()) {
        let even = token.get(..token.len() & !1).unwrap_or_default();
        if let (true, Ok(bytes)) = (even.len() == token.len(), HEXLOWER_PERMISSIVE.decode(even)) {
            sink(token, Coding::Hexadecimal, &bytes);
        }
    }
    for token in runs(text, |byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte)) {
        if let Some(bytes) = base64(&BASE64_NOPAD, token) {
            sink(token, Coding::Base64, &bytes);
        }
    }
    for token in runs(text, |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        if token.iter().any(|byte| b"-_".contains(byte))
            && let Some(bytes) = base64(&BASE64URL_NOPAD, token)
        {
            sink(token, Coding::Base64, &bytes);
        }
    }
}

/// A last group that is not whole is cut to what it can hold.
fn base64<'a>(alphabet: &Encoding, token: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let whole = token.get(..token.len() & !3)?;
    alphabet.decode(token).or_else(|_| alphabet.decode(whole)).ok().map(Cow::Owned)
}

fn runs(text: &[u8], is_of: impl Fn(u8) -> bool) -> impl Iterator<Item = &[u8]> {
    text.split(move |&byte| !is_of(byte)).filter(|run| run.len() >= LEAST_TOKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<(Coding, Vec<u8>)> {
        let mut found = Vec::new();
        tokens(text, &mut |_, coding, bytes| found.push((coding, bytes.to_vec())));
        found
    }

    #[test]
    fn percent_is_undone_where_there_is_any() {
        assert_eq!(percent(b"a%40b+c", true).unwrap(), b"a@b c");
        assert_eq!(percent(b"a%40b+c", false).unwrap(), b"a@b+c");
        assert_eq!(percent(b"100% of %zz %4", false), None);
        assert_eq!(percent(b"%%341", false).unwrap(), b"%41");
    }

    #[test]
    fn base_64_of_either_alphabet_and_hexadecimal_are_found_in_a_text() {
        let both = all(b"x=dGVzdGVyQGV4YW1wbGUub3Jn;y=\"746573746572\"");
        assert!(both.contains(&(Coding::Base64, b"tester@example.org".to_vec())), "{both:?}");
        assert!(both.contains(&(Coding::Hexadecimal, b"tester".to_vec())));
        assert!(all(b"-_-_dGVz ").iter().any(|(coding, _)| *coding == Coding::Base64));
        assert!(all(b"dGVz short").is_empty());
    }

    #[test]
    fn a_bomb_in_gzip_stops_at_its_limit() {
        use std::io::Write as _;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&vec![0; 64 << 20]).unwrap();
        let unpacked = gzip(&packer.finish().unwrap()).unwrap();
        assert!(unpacked.len() <= MOST_UNPACKED);
        assert_eq!(gzip(b"\x1f\x8b\x08broken"), None);
    }
}

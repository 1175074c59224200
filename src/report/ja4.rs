//! JA4, the fingerprint of a TLS client (`FoxIO`'s specification of JA4 for clients, which alone of its family is under the BSD
//! licence): what a stack offers, whatever the server and the order of extensions.
//!
//! Input: what was kept of a ClientHello. Output: `t13d1516h2_8daaf6152771_e5627efa2ab1`. Must not: tell whose a flow is.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::evidence::{Hello, HelloName};

/// The fingerprint of a hello; `is_quic` where QUIC carried it.
pub(super) fn ja4(hello: &Hello, is_quic: bool) -> String {
    let transport = match (is_quic, hello.version >> 8) {
        (true, _) => 'q',
        (false, 0xfe) => 'd',
        (false, _) => 't',
    };
    let name = if hello.name == HelloName::Absent { 'i' } else { 'd' };
    let offer = &hello.offer;
    let count = |codes: &[u16]| codes.len().min(MOST);
    let head = format!(
        "{transport}{}{name}{:02}{:02}{}",
        version(hello.version),
        count(offer.suites()),
        count(offer.extensions()),
        protocol(&hello.alpn)
    );
    let is_hashed = |code: &&u16| ![SERVER_NAME, ALPN].contains(code);
    let kinds: Vec<u16> = offer.extensions().iter().filter(is_hashed).copied().collect();
    let extensions = if offer.extensions().is_empty() {
        String::new()
    } else if offer.signatures().is_empty() {
        listed(&kinds)
    } else {
        format!("{}_{}", listed(&kinds), listed(offer.signatures()))
    };
    format!("{head}_{}_{}", hash(&listed(offer.suites())), hash(&extensions))
}

/// The version as the specification writes it.
const fn version(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// The first and the last character of the first protocol offered, or of it in hexadecimal where one of them is no letter and
/// no digit.
fn protocol(alpn: &str) -> String {
    let first = alpn.split(',').next().unwrap_or_default();
    // What is no visible ASCII stands in hexadecimal already.
    let text = first.strip_prefix("0x").unwrap_or(first);
    let (Some(front), Some(back)) = (text.bytes().next(), text.bytes().next_back()) else {
        return "00".to_owned();
    };
    if front.is_ascii_alphanumeric() && back.is_ascii_alphanumeric() {
        return format!("{}{}", char::from(front), char::from(back));
    }
    format!("{:x}{:x}", front >> 4, back & 0xf)
}

fn listed(codes: &[u16]) -> String {
    codes.iter().map(|code| format!("{code:04x}")).collect::<Vec<_>>().join(",")
}

/// The first twelve digits of the SHA-256; zeros for nothing.
fn hash(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(2 * HASHED);
    }
    Sha256::digest(text).iter().take(HASHED).fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Extensions that are counted and not hashed: they are the server's and the program's choice.
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
/// The greatest count that two digits write.
const MOST: usize = 99;
/// Bytes of the hash that are shown.
const HASHED: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Side;
    use crate::wire::tls::Offer;

    fn hello(suites: &[u16], extensions: &[u16], signatures: &[u16], alpn: &str) -> Hello {
        Hello {
            from: Side::First,
            version: 0x0304,
            alpn: alpn.into(),
            ech: false,
            resumes: false,
            name: HelloName::Read,
            offer: Offer::of(suites, extensions, signatures),
        }
    }

    /// The example of the specification.
    fn example() -> Hello {
        let suites = [
            0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
            0x009d, 0x002f, 0x0035,
        ];
        let extensions = [
            0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
            0xff01, 0x000b, 0x000a, 0x0015,
        ];
        let signatures = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
        hello(&suites, &extensions, &signatures, "h2,http/1.1")
    }

    #[test]
    fn the_example_of_the_specification_has_its_fingerprint() {
        assert_eq!(ja4(&example(), false), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert!(ja4(&example(), true).starts_with('q'));
        let datagram = Hello { version: 0xfefd, ..example() };
        assert!(ja4(&datagram, false).starts_with("dd2d1516h2_"));
    }

    #[test]
    fn what_is_absent_has_its_own_signs() {
        let bare = Hello { name: HelloName::Absent, version: 0x0303, ..hello(&[0x002f], &[], &[], "") };
        assert_eq!(ja4(&bare, false), format!("t12i010000_{}_000000000000", hash("002f")));
        assert_eq!(ja4(&hello(&[], &[], &[], ""), false), "t13d000000_000000000000_000000000000");
        let unsigned = hello(&[0x1301], &[0x002b], &[], "");
        assert!(ja4(&unsigned, false).ends_with(&hash("002b")));
    }

    #[test]
    fn protocols_are_shown_by_their_ends() {
        for (alpn, shown) in [
            ("http/1.1,h2", "h1"),
            ("h2", "h2"),
            ("h3", "h3"),
            ("x", "xx"),
            ("", "00"),
            ("0x0a0b", "0b"),
            ("-x-", "2d"),
        ] {
            assert_eq!(protocol(alpn), shown, "{alpn}");
        }
    }
}

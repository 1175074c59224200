//! Host names as evidence: checked, in lower case, comparable.
//!
//! Input: the bytes of a name from DNS, TLS or a data file. Output: a [`Hostname`], or nothing where they are
//! none. Must not: resolve a name, or know which names matter.

use std::fmt;

/// A host name: 1 to 253 bytes, labels of 1 to 63 letters, digits, `-` or `_`, in lower case, no dot at its
/// end.
///
/// That is the preferred syntax of RFC 1123 section 2.1, with `_` as DNS service names have it (RFC 8552) and
/// without the rule on where `-` may stand, which names in use break. An IP address is no host name, so a
/// name whose last label is a number is none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hostname(Box<str>);

impl Hostname {
    /// Longest name in bytes (RFC 1035 section 2.3.4: 255 on the wire).
    pub const MAX: usize = 253;

    /// Reads a name, with or without the root's dot; `None` where it is no host name.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
        if bytes.len() > Self::MAX {
            return None;
        }
        let text = bytes.to_ascii_lowercase();
        // Without a way out of the loop, so that it runs over many bytes at once.
        if !text.iter().fold(true, |all, byte| all & is_of_name(*byte)) {
            return None;
        }
        let mut last: &[u8] = &[];
        for label in text.split(|byte| *byte == b'.') {
            if !(1..=MAX_LABEL).contains(&label.len()) {
                return None;
            }
            last = label;
        }
        if last.iter().all(u8::is_ascii_digit) {
            return None;
        }
        String::from_utf8(text).ok().map(|text| Self(text.into_boxed_str()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is `suffix` or ends in `.suffix`: `us05web.zoom.us` is under `zoom.us`, `notzoom.us`
    /// is not. `suffix` is in lower case, without a dot at either end.
    #[must_use]
    pub fn is_under(&self, suffix: &str) -> bool {
        let Some(front) = self.0.strip_suffix(suffix) else { return false };
        !suffix.is_empty() && (front.is_empty() || front.ends_with('.'))
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Whether the byte may stand in a name in lower case, or between its labels.
const fn is_of_name(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')
}

/// Longest label in bytes (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Option<String> {
        Hostname::parse(text.as_bytes()).map(|name| name.to_string())
    }

    #[test]
    fn names_are_lowered_and_lose_the_roots_dot() {
        assert_eq!(parse("US05web.Zoom.US.").as_deref(), Some("us05web.zoom.us"));
        assert_eq!(parse("_stun._udp.example").as_deref(), Some("_stun._udp.example"));
        assert_eq!(parse("localhost").as_deref(), Some("localhost"));
        assert_eq!(parse("4.3.2.1.in-addr.arpa").as_deref(), Some("4.3.2.1.in-addr.arpa"));
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        let refused = [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a b",
            "a\u{1b}[31m",
            "*.zoom.us",
            "zoom.us:443",
            "münchen.de",
            "a\0",
        ];
        assert_eq!(refused.map(parse), [const { None }; 11]);
    }

    #[test]
    fn addresses_are_no_host_names() {
        for address in ["1.2.3.4", "170.114.52.2.", "010.1.2.3", "1", "::1", "2407:30c0::1", "[::1]"] {
            assert_eq!(parse(address), None, "{address}");
        }
    }

    #[test]
    fn lengths_are_held_at_their_bounds() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
        assert_eq!(longest.len(), Hostname::MAX);
        assert_eq!(parse(&longest).as_deref(), Some(longest.as_str()));
        assert_eq!(parse(&format!("{longest}.")).as_deref(), Some(longest.as_str()));
        assert_eq!(parse(&format!("{longest}b")), None);
        assert_eq!(parse(&format!("a{label}.example")), None);
    }

    #[test]
    fn a_suffix_matches_whole_labels_only() {
        let under = |name: &str, suffix| Hostname::parse(name.as_bytes()).unwrap().is_under(suffix);
        assert!(under("zoom.us", "zoom.us"));
        assert!(under("a.b.zoom.us", "zoom.us"));
        assert!(!under("notzoom.us", "zoom.us"));
        assert!(!under("us", "zoom.us"));
        assert!(!under("zoom.us.example", "zoom.us"));
        assert!(!under("zoom.us", ""));
    }

    proptest! {
        #[test]
        fn what_is_a_name_stays_that_name(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some(name) = Hostname::parse(&bytes) {
                prop_assert!(name.as_str().bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()));
                prop_assert_eq!(Hostname::parse(name.as_str().as_bytes()), Some(name));
            }
        }

        #[test]
        fn dotted_words_are_names(text in "[a-z_-][a-zA-Z0-9_-]{0,20}(\\.[a-z][a-z0-9-]{0,20}){0,8}") {
            let name = Hostname::parse(text.as_bytes());
            prop_assert_eq!(name.map(|n| n.to_string()), Some(text.to_ascii_lowercase()));
        }
    }
}

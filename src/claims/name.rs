//! Patterns of host names in rules.

use serde::Deserialize;

/// A host name; with a dot in front everything under it, too; `*` stands for any run of letters, digits and hyphens.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct NamePattern(String);

impl NamePattern {
    /// Whether the name fits.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        match self.0.strip_prefix('.') {
            Some(domain) => {
                name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            None => fits(self.0.as_bytes(), name.as_bytes()),
        }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for NamePattern {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._*".contains(c);
        let bare = text.strip_prefix('.').unwrap_or(&text);
        if bare.is_empty() || !text.chars().all(is_known) {
            return Err(
                "a name has lower-case letters, digits, hyphens and dots, and * for any run of them in a label",
            );
        }
        if text.starts_with('.') && text.contains('*') {
            return Err("a name has a dot in front or a *, not both");
        }
        Ok(Self(text))
    }
}

/// Whether the whole name fits. Behind a `*` the shortest run is tried first and lengthened where the rest does not fit; only the
/// last `*` is ever lengthened, so the time is at most the product of the lengths.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(at), name.get(seen)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                at += 1;
                star = Some((at, seen));
            }
            (Some(wanted), Some(found)) if wanted == found => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((behind, end)) if name.get(end).is_some_and(|byte| is_in_label(*byte)) => {
                    star = Some((behind, end + 1));
                    at = behind;
                    seen = end + 1;
                }
                _ => return false,
            },
        }
    }
}

fn is_in_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, name: &str) -> bool {
        NamePattern::try_from(pattern.to_owned()).unwrap().fits(name)
    }

    #[test]
    fn a_name_fits_as_a_whole() {
        assert!(
            fits("zoom.us", "zoom.us") && !fits("zoom.us", "www.zoom.us") && !fits("zoom.us", "zoom.us.evil")
        );
    }

    #[test]
    fn a_dot_in_front_takes_whole_labels() {
        assert!(fits(".zoom.us", "zoom.us") && fits(".zoom.us", "a.b.zoom.us"));
        assert!(!fits(".zoom.us", "notzoom.us") && !fits(".zoom.us", "us"));
    }

    #[test]
    fn a_star_stays_in_its_label() {
        assert!(fits("us*web.zoom.us", "us02web.zoom.us") && fits("us*web.zoom.us", "uswebweb.zoom.us"));
        assert!(!fits("us*web.zoom.us", "us02.web.zoom.us") && !fits("*.zoom.us", "a.b.zoom.us"));
        assert!(fits("*.zoom.us", "uni.zoom.us") && fits("a*b*c", "axbbc") && !fits("a*b*c", "axb.c"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", ".", "Zoom.us", "a b", ".*.zoom.us", "a\u{1b}"] {
            assert!(NamePattern::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }
}

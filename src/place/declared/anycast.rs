//! Lists of ranges that are announced from many places at once.
//!
//! Input: text with one range or one address on a line, and comments from `#` on. Output: the longest range around an
//! address. Must not: say who announces it.

use std::net::IpAddr;

use crate::data::DataError;
use crate::place::Prefix;
use crate::place::document::Document;
use crate::place::prefix::PrefixMap;

/// A list of anycast ranges.
#[derive(Clone, Debug)]
pub(super) struct AnycastList {
    ranges: PrefixMap<()>,
}

impl AnycastList {
    /// A range that stands twice is no error: both lines say the same.
    pub(super) fn parse(document: Document<'_>) -> Result<Self, DataError> {
        let mut rows = Vec::new();
        for line in document.lines() {
            let range = line.split('#').next().unwrap_or_default().trim();
            if !range.is_empty() {
                let wrong = |error| document.wrong_at(range, &format!("{error}"));
                rows.push((Prefix::parse_or_single(range).map_err(wrong)?, ()));
            }
        }
        Ok(Self { ranges: PrefixMap::new(rows) })
    }

    pub(super) fn find(&self, address: IpAddr) -> Option<Prefix> {
        self.ranges.longest(address).map(|(prefix, ())| prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<AnycastList, String> {
        AnycastList::parse(Document::new("anycast.txt", text).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn ranges_and_addresses_are_found() {
        let list = list(
            "# a scan\n104.16.0.0/13\n  104.16.0.0/24 # longer\r\n\n104.16.0.0/13\n2001:db8::/48\n1.1.1.1\n",
        )
        .unwrap();
        let found = |address: &str| list.find(address.parse().unwrap()).map(|prefix| prefix.to_string());
        assert_eq!(found("104.16.0.9").as_deref(), Some("104.16.0.0/24"));
        assert_eq!(found("104.17.0.9").as_deref(), Some("104.16.0.0/13"));
        assert_eq!(found("1.1.1.1").as_deref(), Some("1.1.1.1/32"));
        assert_eq!(found("1.1.1.2"), None);
    }

    #[test]
    fn a_line_that_is_no_range_is_shown() {
        let shown = list("104.16.0.0/13\n 104.16.0.1/13\n").unwrap_err();
        assert_eq!(
            shown,
            "anycast.txt:2:2: the address has bits set beyond the length: the range around it is 104.16.0.0/13\n   |\n \
             2 |  104.16.0.1/13\n   |  ^"
        );
        assert!(list("104.16.0.0/13 x\n").unwrap_err().starts_with("anycast.txt:1:1: no range of the form"));
    }
}

//! Geofeeds: a network's own list of where its addresses are used (RFC 8805).
//!
//! Input: CSV text of `prefix,country,region,city,postal code`. Output: for an address, the country and the city of the
//! longest range around it. A row without a country says that the network does not want the range placed (section 2.1.2).
//! Must not: correct a row that breaks the RFC; it is an error with its line.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

use crate::data::DataError;
use crate::place::document::Document;
use crate::place::prefix::PrefixMap;
use crate::place::{Country, CountrySet, Prefix};

/// A geofeed.
#[derive(Clone, Debug)]
pub(super) struct Geofeed {
    rows: PrefixMap<Row>,
    cities: Vec<String>,
}

/// What a row says, as it is kept.
#[derive(Clone, Copy, Debug)]
struct Row {
    country: Option<Country>,
    /// That of the region's code, where it is another one: `PR,US-PR`.
    of_region: Option<Country>,
    /// A position in `cities`.
    city: Option<u32>,
}

/// What a geofeed says of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Feed<'a> {
    /// The range that the row is for.
    pub(super) prefix: Prefix,
    /// The countries that it names, at most two; none where it says nothing.
    pub(super) countries: CountrySet,
    /// The city that it names.
    pub(super) city: Option<&'a str>,
}

impl Geofeed {
    pub(super) fn parse(document: Document<'_>) -> Result<Self, DataError> {
        let mut rows: Vec<(Prefix, Row, &str)> = Vec::new();
        let mut cities = Cities::default();
        for line in document.lines() {
            rows.extend(read(document, line, &mut cities)?.map(|(prefix, row)| (prefix, row, line)));
        }
        // Rows of one range stay in the order of the file.
        rows.sort_by_key(|(prefix, ..)| *prefix);
        let twice =
            rows.windows(2).filter(|pair| pair.first().map(|row| row.0) == pair.last().map(|row| row.0));
        if let Some([(.., first), (.., second)]) =
            twice.min_by_key(|pair| pair.last().map(|row| document.offset(row.2)))
        {
            let number = document.line_at(document.offset(first).unwrap_or_default());
            return Err(document.wrong_at(second, &format!("a range that stands in line {number} already")));
        }
        let rows = rows.into_iter().map(|(prefix, row, _)| (prefix, row));
        Ok(Self { rows: PrefixMap::new(rows.collect()), cities: cities.names })
    }

    /// The longest range around the address.
    pub(super) fn find(&self, address: IpAddr) -> Option<Feed<'_>> {
        let (prefix, row) = self.rows.longest(address)?;
        let countries = row.country.into_iter().chain(row.of_region).collect();
        let city = row.city.and_then(|city| self.cities.get(usize::try_from(city).ok()?));
        Some(Feed { prefix, countries, city: city.map(String::as_str) })
    }
}

/// Names of cities, each kept once.
#[derive(Default)]
struct Cities {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Cities {
    fn number(&mut self, name: &str) -> Option<u32> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let number = u32::try_from(self.names.len()).ok()?;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        Some(number)
    }
}

/// A line's row; none where it is blank or a comment.
fn read(document: Document<'_>, line: &str, cities: &mut Cities) -> Result<Option<(Prefix, Row)>, DataError> {
    let fields = fields(document, line)?;
    if let [only] = fields.as_slice()
        && only.text.is_empty()
    {
        return Ok(None);
    }
    if let Some(extra) = fields.get(5) {
        return Err(document.wrong_at(extra.at, "a row has at most five fields (RFC 8805, section 2.1.1)"));
    }
    let wrong = |field: &Field<'_>, what: String| document.wrong_at(field.at, &what);
    let field = |index: usize| fields.get(index).filter(|field| !field.text.is_empty());
    let Some(range) = field(0) else {
        return Err(document.wrong_at(line, "a row begins with a range of addresses"));
    };
    let prefix = Prefix::parse_or_single(&range.text).map_err(|error| wrong(range, error.to_string()))?;
    let named = field(1).filter(|field| !field.text.eq_ignore_ascii_case(NOWHERE));
    let country =
        named.map(|field| field.text.parse::<Country>().map_err(|error| wrong(field, error.to_string())));
    let country = country.transpose()?;
    let region = field(2).map(|field| {
        subdivision(&field.text)
            .ok_or_else(|| wrong(field, "a region is a code of ISO 3166-2, such as NL-NH".to_owned()))
    });
    let of_region =
        region.transpose()?.filter(|_| country.is_some()).filter(|region| Some(*region) != country);
    let city = field(3).and_then(|field| cities.number(&field.text));
    Ok(Some((prefix, Row { country, of_region, city })))
}

/// The country of a code such as `NL-NH`.
fn subdivision(code: &str) -> Option<Country> {
    let (country, part) = code.split_once('-')?;
    let is_part = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    country.parse().ok().filter(|_| is_part)
}

/// A field, and where it stands in the line.
struct Field<'a> {
    at: &'a str,
    text: Cow<'a, str>,
}

/// The fields of a line up to its comment, without the blanks around them (RFC 4180 for quotes).
fn fields<'a>(document: Document<'_>, line: &'a str) -> Result<Vec<Field<'a>>, DataError> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let at = rest.trim_start();
        let (text, after) = if at.starts_with('"') {
            quoted(document, at)?
        } else {
            let (text, after) = at.split_at(at.find([',', '#']).unwrap_or(at.len()));
            (Cow::Borrowed(text.trim_end()), after)
        };
        fields.push(Field { at, text });
        match after.strip_prefix(',') {
            // One more than a row may have is enough to refuse it.
            Some(next) if fields.len() <= 5 => rest = next,
            _ => return Ok(fields),
        }
    }
}

/// The field that begins with a quote, and what follows it.
fn quoted<'a>(document: Document<'_>, at: &'a str) -> Result<(Cow<'a, str>, &'a str), DataError> {
    let inside = at.get(1..).unwrap_or_default();
    let end = closing_quote(inside).and_then(|end| inside.split_at_checked(end));
    let Some((text, rest)) = end else {
        return Err(document.wrong_at(at, "a quote that is not closed on its line"));
    };
    let after = rest.get(1..).unwrap_or_default().trim_start();
    if !after.is_empty() && !after.starts_with([',', '#']) {
        return Err(document.wrong_at(after, "a comma is wanted after a quoted field"));
    }
    Ok((Cow::Owned(text.replace("\"\"", "\"").trim().to_owned()), after))
}

/// Where the quoted field ends; a doubled quote is one of its characters.
fn closing_quote(text: &str) -> Option<usize> {
    let mut quotes = text.match_indices('"').map(|(at, _)| at).peekable();
    while let Some(at) = quotes.next() {
        if quotes.next_if_eq(&(at + 1)).is_none() {
            return Some(at);
        }
    }
    None
}

/// What older feeds write in place of no country.
const NOWHERE: &str = "ZZ";

#[cfg(test)]
mod tests {
    use super::*;

    fn geofeed(text: &str) -> Result<Geofeed, String> {
        Geofeed::parse(Document::new("feed.csv", text).unwrap()).map_err(|error| error.to_string())
    }

    /// Range, countries and city for an address.
    fn found(text: &str, address: &str) -> Option<(String, String, Option<String>)> {
        let feed = geofeed(text).unwrap();
        let found = feed.find(address.parse().unwrap())?;
        Some((found.prefix.to_string(), found.countries.to_string(), found.city.map(str::to_owned)))
    }

    const TEXT: &str = "# a feed\r\n\r\n192.0.2.0/24,NL,NL-NH,Amsterdam,\r\n192.0.2.128/25,,,,\r\n\
                        198.51.100.7,de,,\"Frankfurt, \"\"Main\"\"\" , # an address\r\n2001:db8::/32,PR,US-PR,,\r\n\
                        2001:db8:1::/48,ZZ,,,\r\n203.0.113.0/24,SE";

    #[test]
    fn the_longest_range_speaks() {
        let row = |prefix: &str, countries: &str, city: Option<&str>| {
            Some((prefix.to_owned(), countries.to_owned(), city.map(str::to_owned)))
        };
        assert_eq!(found(TEXT, "192.0.2.1"), row("192.0.2.0/24", "NL", Some("Amsterdam")));
        assert_eq!(found(TEXT, "192.0.2.200"), row("192.0.2.128/25", "nowhere", None));
        assert_eq!(found(TEXT, "198.51.100.7"), row("198.51.100.7/32", "DE", Some("Frankfurt, \"Main\"")));
        assert_eq!(found(TEXT, "198.51.100.8"), None);
        assert_eq!(found(TEXT, "203.0.113.9"), row("203.0.113.0/24", "SE", None));
    }

    #[test]
    fn a_region_of_another_country_is_said_too() {
        assert_eq!(found(TEXT, "2001:db8:2::1").unwrap().1, "PR, US");
    }

    #[test]
    fn no_country_and_the_old_code_for_none_say_nothing() {
        assert_eq!(found(TEXT, "2001:db8:1::1").unwrap().1, "nowhere");
    }

    #[test]
    fn a_row_that_breaks_the_rfc_is_an_error_with_its_line() {
        let cases = [
            ("# x\n192.0.2.1/24,NL,,,", "feed.csv:2:1: the address has bits set beyond the length"),
            ("192.0.2.0/24,NLD,,,", "feed.csv:1:14: `NLD` is no country code"),
            (
                "192.0.2.0/24, UK,,,",
                "feed.csv:1:15: `UK` is no country code of ISO 3166-1 (the United Kingdom is GB)",
            ),
            ("192.0.2.0/24,EU,,,", "feed.csv:1:14: `EU` is no country code"),
            ("192.0.2.0/24,NL,Noord-Holland,,", "feed.csv:1:17: a region is a code of ISO 3166-2"),
            ("192.0.2.0/24,NL,,,1017,x", "feed.csv:1:24: a row has at most five fields"),
            ("192.0.2.0/24,NL,,,,,,,", "feed.csv:1:20: a row has at most five fields"),
            (",NL,,,", "feed.csv:1:1: a row begins with a range"),
            ("192.0.2.0,NL,,,\n\n192.0.2.0/32,DE,,,", "feed.csv:3:1: a range that stands in line 1 already"),
            ("192.0.2.0/24,NL,,\"Amsterdam,", "feed.csv:1:18: a quote that is not closed"),
            ("192.0.2.0/24,NL,,\"A\" b,", "feed.csv:1:22: a comma is wanted after a quoted field"),
            ("prefix,country", "feed.csv:1:1: no range of the form"),
        ];
        for (text, expected) in cases {
            let shown = geofeed(text).unwrap_err();
            assert!(shown.starts_with(expected), "{shown}");
        }
    }

    #[test]
    fn any_cut_is_read_or_refused_without_panic() {
        for cut in (0..=TEXT.len()).filter(|cut| TEXT.is_char_boundary(*cut)) {
            drop(geofeed(&TEXT[..cut]));
        }
    }
}

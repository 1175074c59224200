//! The user's own statements of where ranges of addresses stand.
//!
//! Input: TOML text, and today. Output: for an address and a day, the one statement that holds. Two that hold on the same
//! day for the same address are an error, so that what is stated never depends on the order of the file.
//! Must not: weigh a statement; that is [`crate::place::resolve`]'s job.

use std::fmt::Display;
use std::net::IpAddr;

use serde::Deserialize;

use crate::data::{self, DataError, Placed, Validity};
use crate::frame::Date;
use crate::place::document::{Document, in_future};
use crate::place::prefix::PrefixMap;
use crate::place::{Country, CountrySet, Prefix};

/// The statements of one file.
#[derive(Clone, Debug)]
pub(super) struct Overrides {
    /// Those with the same range hold on different days.
    ranges: PrefixMap<Vec<Override>>,
}

/// One statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Override {
    pub(super) range: Prefix,
    pub(super) countries: CountrySet,
    pub(super) reason: String,
    pub(super) author: String,
    pub(super) dated: Date,
    valid: Validity,
    /// Where its range stands in the text, in bytes.
    offset: usize,
}

impl Overrides {
    pub(super) fn parse(document: Document<'_>, today: Date) -> Result<Self, DataError> {
        if document.text.len() > MAX_BYTES {
            let what = format!("a file of overrides has at most {} MiB", MAX_BYTES >> 20);
            return Err(document.wrong(&what));
        }
        let file: File = data::parse(document.name, document.text)?;
        if file.schema.value != SCHEMA {
            let what = format!("schema {SCHEMA} is the only one known");
            return Err(document.wrong_from(file.schema.offset, &what));
        }
        if let Some(extra) = file.statements.get(MAX_OVERRIDES) {
            let what = format!("a file holds at most {MAX_OVERRIDES} overrides");
            return Err(document.wrong_from(extra.offset, &what));
        }
        let mut statements = Vec::with_capacity(file.statements.len());
        for raw in file.statements {
            statements.push(raw.value.checked(Check { document, today }, raw.offset)?);
        }
        statements.sort_by_key(|statement| statement.range);
        refuse_overlaps(document, &statements)?;
        let groups = statements.chunk_by(|a, b| a.range == b.range);
        let rows = groups.filter_map(|group| Some((group.first()?.range, group.to_vec())));
        Ok(Self { ranges: PrefixMap::new(rows.collect()) })
    }

    /// The statement that holds for the address on `day`.
    pub(super) fn find(&self, address: IpAddr, day: Date) -> Option<&Override> {
        self.ranges.around(address).flat_map(|(_, group)| group).find(|statement| statement.valid.covers(day))
    }

    /// The newest day of a statement.
    pub(super) fn newest(&self) -> Option<Date> {
        self.ranges.values().flatten().map(|statement| statement.dated).max()
    }
}

/// Statements come in the order of their ranges, so that those around one come before it.
fn refuse_overlaps(document: Document<'_>, statements: &[Override]) -> Result<(), DataError> {
    let mut open: Vec<&Override> = Vec::new();
    for statement in statements {
        while open.last().is_some_and(|outer| !outer.range.covers(statement.range)) {
            open.pop();
        }
        let other = open.iter().find(|outer| outer.valid.overlaps(statement.valid));
        if let Some(other) = other {
            let (first, second) =
                if other.offset < statement.offset { (*other, statement) } else { (statement, *other) };
            let what = format!(
                "{} overlaps {} in line {} while both hold; give them different ranges, or `from` and `until`",
                second.range,
                first.range,
                document.line_at(first.offset)
            );
            return Err(document.wrong_from(second.offset, &what));
        }
        open.push(statement);
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Placed<u32>,
    #[serde(default, rename = "override")]
    statements: Vec<Placed<Raw>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    range: Placed<String>,
    country: Option<Placed<String>>,
    countries: Option<Placed<Vec<Placed<String>>>>,
    reason: Placed<String>,
    author: Placed<String>,
    dated: Placed<Date>,
    from: Option<Placed<Date>>,
    until: Option<Placed<Date>>,
}

impl Raw {
    /// `offset` is that of the statement, for what is missing.
    fn checked(self, check: Check<'_>, offset: usize) -> Result<Override, DataError> {
        let range = &self.range;
        let prefix = Prefix::parse_or_single(&range.value).map_err(|error| check.wrong(range, &error))?;
        for text in [&self.reason, &self.author] {
            check.is_said(text)?;
        }
        check.is_past(&self.dated)?;
        for end in [&self.from, &self.until].into_iter().flatten() {
            check.is_past(end)?;
        }
        if let (Some(from), Some(until)) = (&self.from, &self.until)
            && until.value < from.value
        {
            return Err(check.wrong(until, &"the override ends before it begins"));
        }
        let valid = Validity {
            from: self.from.as_ref().map(|from| from.value),
            until: self.until.as_ref().map(|until| until.value),
        };
        Ok(Override {
            range: prefix,
            countries: self.countries(check, offset)?,
            offset: self.range.offset,
            reason: self.reason.value,
            author: self.author.value,
            dated: self.dated.value,
            valid,
        })
    }

    fn countries(&self, check: Check<'_>, offset: usize) -> Result<CountrySet, DataError> {
        let country =
            |code: &Placed<String>| code.value.parse::<Country>().map_err(|error| check.wrong(code, &error));
        match (&self.country, &self.countries) {
            (Some(code), None) => country(code).map(CountrySet::of),
            (None, Some(codes)) if codes.value.is_empty() => {
                Err(check.wrong(codes, &"an override names at least one country"))
            }
            (None, Some(codes)) => codes.value.iter().map(country).collect(),
            (None, None) => {
                Err(check.document.wrong_from(offset, "an override names `country` or `countries`"))
            }
            (Some(_), Some(codes)) => {
                Err(check.wrong(codes, &"an override names `country` or `countries`, not both"))
            }
        }
    }
}

/// What the rules need to know besides the statement.
#[derive(Clone, Copy)]
struct Check<'a> {
    document: Document<'a>,
    today: Date,
}

impl Check<'_> {
    fn wrong<T>(&self, place: &Placed<T>, what: &dyn Display) -> DataError {
        self.document.wrong_from(place.offset, &what.to_string())
    }

    fn is_said(&self, text: &Placed<String>) -> Result<(), DataError> {
        if text.value.trim().is_empty() { Err(self.wrong(text, &"this must not be empty")) } else { Ok(()) }
    }

    /// Nobody can state what will be; an override that still holds has no `until`.
    fn is_past(&self, date: &Placed<Date>) -> Result<(), DataError> {
        match in_future(date.value, self.today) {
            Some(what) => Err(self.wrong(date, &format!("{what}; leave `until` out while it holds"))),
            None => Ok(()),
        }
    }
}

/// The version of the file format.
const SCHEMA: u32 = 1;

/// More than anybody writes by hand; the check for overlaps compares pairs.
const MAX_OVERRIDES: usize = 10_000;

/// Less than other lists may have, since TOML takes many times its size while it is read.
const MAX_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn overrides(text: &str) -> Result<Overrides, String> {
        let document = Document::new("own.toml", text).unwrap();
        Overrides::parse(document, day("2026-06-30")).map_err(|error| error.to_string())
    }

    fn statement(range: &str, rest: &str) -> String {
        format!(
            "[[override]]\nrange = \"{range}\"\nreason = \"contract\"\nauthor = \"A. Tester\"\ndated = \"2026-01-02\"\n{rest}\n"
        )
    }

    fn file(statements: &[String]) -> String {
        format!("schema = 1\n{}", statements.concat())
    }

    #[test]
    fn the_statement_that_holds_on_the_day_is_found() {
        let text = file(&[
            statement("192.0.2.0/24", "country = \"NL\"\nuntil = \"2024-12-31\""),
            statement("192.0.2.0/24", "country = \"DE\"\nfrom = \"2025-01-01\""),
            statement("192.0.2.7", "country = \"SE\"\nfrom = \"2023-01-01\"\nuntil = \"2023-12-31\""),
            statement("2001:db8::/32", "countries = [\"NL\", \"DE\"]"),
        ]);
        let shown = overrides(&text).unwrap_err();
        assert!(shown.contains("192.0.2.7/32 overlaps 192.0.2.0/24 in line 3 while both hold"), "{shown}");
        let text = text.replace("192.0.2.7", "198.51.100.7");
        let read = overrides(&text).unwrap();
        let found = |address: &str, on: &str| {
            read.find(address.parse().unwrap(), day(on)).map(|found| found.countries.to_string())
        };
        assert_eq!(found("192.0.2.1", "2024-12-31").as_deref(), Some("NL"));
        assert_eq!(found("192.0.2.1", "2025-01-01").as_deref(), Some("DE"));
        assert_eq!(found("198.51.100.7", "2024-01-01"), None);
        assert_eq!(found("198.51.100.7", "2023-06-01").as_deref(), Some("SE"));
        assert_eq!(found("2001:db8::1", "1999-01-01").as_deref(), Some("DE, NL"));
        assert_eq!(read.newest(), Some(day("2026-01-02")));
    }

    #[test]
    fn a_wider_statement_holds_where_the_narrower_one_does_not_yet() {
        let text = file(&[
            statement("192.0.2.0/24", "country = \"NL\"\nuntil = \"2024-12-31\""),
            statement("192.0.2.0/25", "country = \"DE\"\nfrom = \"2025-01-01\""),
        ]);
        let read = overrides(&text).unwrap();
        let found =
            |on: &str| read.find("192.0.2.1".parse().unwrap(), day(on)).unwrap().countries.to_string();
        assert_eq!((found("2024-06-01"), found("2025-06-01")), ("NL".into(), "DE".into()));
    }

    #[test]
    fn an_overlap_is_shown_at_the_later_line_with_the_earlier_one() {
        let text = file(&[
            statement("192.0.2.0/25", "country = \"NL\""),
            statement("198.51.100.0/24", "country = \"NL\""),
            statement("192.0.2.0/24", "country = \"DE\""),
        ]);
        let shown = overrides(&text).unwrap_err();
        let expected = "own.toml:15:9: 192.0.2.0/24 overlaps 192.0.2.0/25 in line 3 while both hold; give them different \
                        ranges, or `from` and `until`\n    |\n 15 | range = \"192.0.2.0/24\"\n    |         ^";
        assert_eq!(shown, expected);
        let same = file(&[
            statement("192.0.2.9", "country = \"NL\""),
            statement("192.0.2.9/32", "country = \"NL\""),
        ]);
        assert!(overrides(&same).unwrap_err().contains("192.0.2.9/32 overlaps 192.0.2.9/32 in line 3"));
        let touching = file(&[
            statement("192.0.2.0/24", "country = \"NL\"\nuntil = \"2024-12-31\""),
            statement("192.0.2.0/24", "country = \"DE\"\nfrom = \"2024-12-31\""),
        ]);
        assert!(overrides(&touching).is_err(), "both ends are included");
    }

    #[test]
    fn every_rule_that_is_broken_is_shown_where() {
        let good = file(&[statement("192.0.2.0/24", "country = \"NL\"")]);
        assert!(overrides(&good).is_ok());
        let cases = [
            ("schema = 1", "schema = 2", "own.toml:1:10: schema 1 is the only one known"),
            ("192.0.2.0/24", "192.0.2.1/24", "own.toml:3:9: the address has bits set beyond the length"),
            ("\"contract\"", "\" \"", "own.toml:4:10: this must not be empty"),
            ("A. Tester", "", "own.toml:5:10: this must not be empty"),
            ("author = ", "writer = ", "own.toml:5:1: unknown field `writer`"),
            ("author = \"A. Tester\"\n", "", "own.toml:2:1: missing field `author`"),
            ("2026-01-02", "2026-07-01", "own.toml:6:9: 2026-07-01 is in the future; today is 2026-06-30"),
            ("2026-01-02", "2026-02-30", "own.toml:6:9: not a day of the form YYYY-MM-DD"),
            (
                "country = \"NL\"",
                "country = \"UK\"",
                "own.toml:7:11: `UK` is no country code of ISO 3166-1 (the United",
            ),
            ("country = \"NL\"", "countries = [\"NL\",\n \"XX\"]", "own.toml:8:2: `XX` is no country code"),
            ("country = \"NL\"", "countries = []", "own.toml:7:13: an override names at least one country"),
            ("country = \"NL\"", "", "own.toml:2:1: an override names `country` or `countries`"),
            (
                "country = ",
                "countries = [\"DE\"]\ncountry = ",
                "own.toml:7:13: an override names `country` or `countries`, not",
            ),
            ("country = ", "until = \"2027-01-01\"\ncountry = ", "own.toml:7:9: 2027-01-01 is in the future"),
            (
                "country = ",
                "from = \"2025-02-01\"\nuntil = \"2025-01-01\"\ncountry = ",
                "own.toml:8:9: the override ends before",
            ),
        ];
        for (from, to, expected) in cases {
            let shown = overrides(&good.replacen(from, to, 1)).unwrap_err();
            assert!(shown.starts_with(expected), "{shown}");
        }
    }

    #[test]
    fn more_overrides_than_anybody_writes_are_refused() {
        let row =
            "[[override]]\nrange=\"::1\"\ncountry=\"NL\"\nreason=\"r\"\nauthor=\"a\"\ndated=\"2026-01-02\"\n";
        let shown = overrides(&format!("schema = 1\n{}", row.repeat(MAX_OVERRIDES + 1))).unwrap_err();
        assert!(shown.contains("at most 10000 overrides"), "{shown}");
        let shown = overrides(&format!("schema = 1\n{}", "#\n".repeat(MAX_BYTES / 2))).unwrap_err();
        assert!(shown.contains("at most 8 MiB"), "{shown}");
    }
}

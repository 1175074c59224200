//! Dated data files: parsing them from TOML, saying where they are wrong, and asking what was valid on a day.
//!
//! Input: a file's name and its text. Output: typed rows. Must not: know what the data mean, or open a file.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::frame::Date;

/// Reads a TOML data file into `T`.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, DataError> {
    toml::from_str(text)
        .map_err(|error| DataError::at(file, text, error.span().map(|s| s.start), error.message()))
}

/// The day on which a data file was compiled, as its line `compiled` at the top level says. The rest is not read, since
/// large files are asked for their day alone.
pub fn compiled(file: &str, text: &str) -> Result<Date, DataError> {
    #[derive(Deserialize)]
    struct Head {
        compiled: Date,
    }
    let top = text.split("\n[").next().unwrap_or_default();
    let line = top.lines().find(|line| line.starts_with("compiled")).unwrap_or_default();
    parse::<Head>(file, line).map(|head| head.compiled)
}

/// A data file that cannot be used: where, the offending line, and why.
///
/// `Display` shows file, line and column, the line itself and a caret under the offending text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataError {
    file: String,
    line: usize,
    column: usize,
    /// The line, or the part of a long one around the column.
    excerpt: String,
    /// The column in the excerpt.
    caret: usize,
    what: String,
}

impl DataError {
    /// An error at byte `offset` of `text`, or about the file as a whole where there is none.
    #[must_use]
    pub fn at(file: &str, text: &str, offset: Option<usize>, what: &str) -> Self {
        let before = offset.and_then(|offset| text.get(..offset)).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = offset.and_then(|_| text.get(start..)).and_then(|rest| rest.lines().next());
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        let (excerpt, caret) = excerpt(line.unwrap_or_default(), column);
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column,
            excerpt,
            caret,
            what: what.trim().replace('\n', " "),
        }
    }

    /// An error at the first place where `needle` stands in `text`: for rules that are checked after parsing.
    #[must_use]
    pub fn about(file: &str, text: &str, needle: &str, what: &str) -> Self {
        Self::at(file, text, text.find(needle), what)
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.what)?;
        if self.excerpt.is_empty() {
            return Ok(());
        }
        let margin = self.line.to_string().len();
        let indent: String =
            self.excerpt.chars().take(self.caret - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "\n {:margin$} |\n {} | {}\n {:margin$} | {indent}^", "", self.line, self.excerpt, "")
    }
}

impl std::error::Error for DataError {}

/// The line as it is shown, and the column in it: a long line, such as one of JSON, is cut on both sides.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    if line.chars().nth(EXCERPT_CHARS).is_none() {
        return (line.to_owned(), column);
    }
    let start = (column - 1).saturating_sub(EXCERPT_CHARS / 2);
    let mut rest = line.chars().skip(start);
    let shown: String = rest.by_ref().take(EXCERPT_CHARS).collect();
    let (left, right) = (if start > 0 { "…" } else { "" }, if rest.next().is_some() { "…" } else { "" });
    (format!("{left}{shown}{right}"), column - start + left.chars().count())
}

/// A value of a data file with the byte offset at which it stands: for rules that are checked after parsing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it begins in the file's text, in bytes.
    pub offset: usize,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::deserialize(from)?;
        Ok(Self { offset: spanned.span().start, value: spanned.into_inner() })
    }
}

/// A value that may be written in several ways: a text, a number or a time, taken as it would be written as a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Given(pub String);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(from)? {
            toml::Value::String(text) => Ok(Self(text)),
            toml::Value::Integer(number) => Ok(Self(number.to_string())),
            toml::Value::Float(number) => Ok(Self(number.to_string())),
            toml::Value::Datetime(time) => Ok(Self(time.to_string())),
            _ => Err(serde::de::Error::custom("neither a text nor a number nor a time")),
        }
    }
}

/// How sure the project is of a row of its data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Unverified, inferred or general knowledge.
    Low,
    /// One indirect source.
    Medium,
    /// Read in an official list, or measured in a public capture.
    High,
}

/// The days on which a row of data holds, both included; an open end is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Deserialize)]
pub struct Validity {
    /// The first day, where it is known.
    #[serde(default)]
    pub from: Option<Date>,
    /// The last day, where there is one.
    #[serde(default)]
    pub until: Option<Date>,
}

impl Validity {
    /// Whether the row holds on `day`.
    #[must_use]
    pub fn covers(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }

    /// Whether there is a day on which both hold.
    #[must_use]
    pub fn overlaps(&self, other: Self) -> bool {
        let is_before = |a: Self, b: Self| a.until.zip(b.from).is_some_and(|(until, from)| until < from);
        !is_before(*self, other) && !is_before(other, *self)
    }
}

/// How much of a line an error shows, in characters.
const EXCERPT_CHARS: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only the errors are looked at")]
        day: Date,
    }

    #[test]
    fn an_error_shows_line_and_caret() {
        let text = "# a comment\nday = \"2024-13-01\"\n";
        let shown = parse::<Sample>("rules.toml", text).unwrap_err().to_string();
        let expected =
            "rules.toml:2:7: not a day of the form YYYY-MM-DD\n   |\n 2 | day = \"2024-13-01\"\n   |       ^";
        assert_eq!(shown, expected);
    }

    #[test]
    fn an_error_in_a_long_line_shows_the_part_around_it() {
        let text = format!("{}HERE{}", "ä".repeat(100_000), "z".repeat(100_000));
        let error = DataError::about("long.json", &text, "HERE", "wrong");
        assert_eq!((error.line, error.column), (1, 100_001));
        let shown = error.to_string();
        let rows: Vec<&str> = shown.lines().skip(2).collect();
        let caret = rows[1].chars().position(|c| c == '^').unwrap();
        assert_eq!(rows[0].chars().skip(caret).take(4).collect::<String>(), "HERE");
        assert!(
            shown.chars().count() < 500 && rows[0].contains("| …ä") && rows[0].ends_with("z…"),
            "{shown}"
        );
    }

    #[test]
    fn a_placed_value_knows_where_it_stands() {
        #[derive(Deserialize)]
        struct Rows {
            row: Vec<Placed<Row>>,
        }
        #[derive(Deserialize)]
        struct Row {
            name: Placed<String>,
            until: Option<Placed<Date>>,
        }
        let text = "row = [{ name = \"a\" },\n  { name = \"b\", until = \"2024-01-01\" }]\n";
        let rows = parse::<Rows>("rows.toml", text).unwrap().row;
        let second = &rows[1].value;
        assert_eq!(
            (text.find("{ name = \"b\""), text.find("\"b\"")),
            (Some(rows[1].offset), Some(second.name.offset))
        );
        assert_eq!(text.find("\"2024"), second.until.map(|until| until.offset));
        assert!(rows[0].value.until.is_none());
    }

    #[test]
    fn validity_includes_both_ends() {
        let valid = Validity { from: "2022-03-17".parse().ok(), until: "2024-04-18".parse().ok() };
        let covers = |day: &str| valid.covers(day.parse().unwrap());
        assert_eq!(
            [covers("2022-03-16"), covers("2022-03-17"), covers("2024-04-18"), covers("2024-04-19")],
            [false, true, true, false]
        );
        assert!(Validity::default().covers("1970-01-01".parse().unwrap()));
    }

    #[test]
    fn periods_overlap_where_they_share_a_day() {
        let period =
            |from: &str, until: &str| Validity { from: from.parse().ok(), until: until.parse().ok() };
        let year = period("2024-01-01", "2024-12-31");
        assert!(year.overlaps(period("2024-12-31", "")) && year.overlaps(Validity::default()));
        assert!(!year.overlaps(period("2025-01-01", "")) && !period("2025-01-01", "").overlaps(year));
    }
}

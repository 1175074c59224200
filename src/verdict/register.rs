//! The register of declared transfers: which service of which recipient may stand where, by which document.
//!
//! Input: a register file's text, built in or the user's. Output: checked entries with their validity, or an error that
//! shows the line. Entries name services, never everything that a recipient runs in a country.
//! Must not: read files, or know what a destination is.

mod check;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::data::{self, DataError, Validity};
use crate::frame::Date;
use crate::place::{Country, CountryError, CountrySet, zone};

pub use check::Alone;

/// Declared transfers from one origin, valid for a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Register {
    name: String,
    title: String,
    limits: String,
    valid: Validity,
    entries: Vec<Entry>,
    unseen: Vec<Unseen>,
}

/// One declared transfer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its name in the register.
    pub id: String,
    /// The recipient's id in the client's catalogue.
    pub recipient: String,
    /// The ids of the services it names.
    pub services: Vec<String>,
    /// Where the recipient may stand.
    pub scope: Scope,
    /// What the transfer is for.
    pub purpose: String,
    /// The document that declares it, with its date.
    pub document: String,
    /// Where in the document.
    pub passage: String,
    /// When it holds, within the register's own time.
    pub valid: Validity,
}

impl Entry {
    /// Whether the entry names this service of this recipient and holds on `day`.
    #[must_use]
    pub fn names(&self, recipient: &str, service: &str, day: Date) -> bool {
        self.recipient == recipient
            && self.services.iter().any(|named| named == service)
            && self.valid.covers(day)
    }
}

/// Where a declared recipient may stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// In one of these countries.
    Countries(CountrySet),
    /// In this zone, as it is on the day.
    Zone(ScopeZone),
}

impl Scope {
    /// Whether the country is in the scope on `day`, given what is known about the recipient's certification.
    #[must_use]
    pub fn covers(&self, country: Country, day: Date, is_recipient_certified: Option<bool>) -> bool {
        let zone = || zone(country, day, is_recipient_certified).zone;
        match self {
            Self::Countries(countries) => countries.contains(country),
            Self::Zone(ScopeZone::Eea) => zone().is_inside_eea(),
            Self::Zone(ScopeZone::Adequate) => zone().is_adequate() == Some(true),
        }
    }
}

/// Writes `PH or US`, `in the EEA`, or `in an adequate country`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Countries(countries) => {
                let codes: Vec<String> = countries.iter().map(|country| country.to_string()).collect();
                f.write_str(&codes.join(" or "))
            }
            Self::Zone(ScopeZone::Eea) => f.write_str("in the EEA"),
            Self::Zone(ScopeZone::Adequate) => f.write_str("in an adequate country"),
        }
    }
}

/// Zones that an entry may name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeZone {
    /// The EEA, with the Union and its outermost regions.
    Eea,
    /// A third country whose adequacy decision covers the recipient.
    Adequate,
}

/// A declared transfer that no flow of a capture can be matched with.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unseen {
    /// Its name in the register.
    pub id: String,
    /// What is declared.
    pub what: String,
    /// Why a capture does not show it.
    pub why: String,
    /// The document that declares it, with its date.
    pub document: String,
    /// Where in the document.
    pub passage: String,
}

impl Register {
    /// The registers made from public summaries of the assessments of Zoom, oldest first.
    #[must_use]
    pub fn builtin() -> &'static [Self] {
        &*BUILTIN
    }

    /// Reads a register file; `file` is its name in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, DataError> {
        let raw: RawRegister = data::parse(file, text)?;
        let fault = Fault { file, text };
        if raw.schema != SCHEMA {
            return Err(fault.at("schema = ", &format!("schema {SCHEMA} is the only one known")));
        }
        let valid = Validity { from: raw.valid.from, until: raw.valid.until };
        if is_reversed(valid) {
            return Err(fault.at("[valid]", "the register ends before it begins"));
        }
        if raw.name.trim().is_empty() {
            return Err(fault.at("name = ", "the register has no name"));
        }
        let mut ids = BTreeSet::new();
        let mut entries = Vec::with_capacity(raw.entry.len());
        for (number, entry) in raw.entry.into_iter().enumerate() {
            if !ids.insert(entry.id.clone()) {
                return Err(fault.in_entry(number, "id", "another entry has this id"));
            }
            entries.push(entry.checked(&fault, number)?);
        }
        let Some(limits) = Some(raw.limits).filter(|limits| !limits.trim().is_empty()) else {
            return Err(fault.at("limits = ", "the register does not say what it was compared with"));
        };
        Ok(Self { name: raw.name, title: raw.title, limits, valid, entries, unseen: raw.unseen })
    }

    /// The first register that covers the day.
    #[must_use]
    pub fn in_force(registers: &[Self], day: Date) -> Option<&Self> {
        registers.iter().find(|register| register.valid.covers(day))
    }

    /// The register's name, such as `surf-2024`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is, in words.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it cannot say; printed with every comparison.
    #[must_use]
    pub fn limits(&self) -> &str {
        &self.limits
    }

    /// The days it covers.
    #[must_use]
    pub fn valid(&self) -> Validity {
        self.valid
    }

    /// The declared transfers, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries that hold on `day`, in the order of the file; none where the register does not cover the day.
    pub fn entries_in_force(&self, day: Date) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| self.valid.covers(day) && entry.valid.covers(day))
    }

    /// The declared transfers that no capture shows.
    #[must_use]
    pub fn unseen(&self) -> &[Unseen] {
        &self.unseen
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRegister {
    schema: u32,
    name: String,
    title: String,
    limits: String,
    #[serde(default)]
    valid: Period,
    #[serde(default)]
    entry: Vec<RawEntry>,
    #[serde(default)]
    unseen: Vec<Unseen>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Period {
    from: Option<Date>,
    until: Option<Date>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    id: String,
    recipient: String,
    services: Vec<String>,
    zone: Option<ScopeZone>,
    #[serde(default)]
    countries: Vec<String>,
    purpose: String,
    document: String,
    passage: String,
    from: Option<Date>,
    until: Option<Date>,
}

impl RawEntry {
    fn checked(self, fault: &Fault<'_>, number: usize) -> Result<Entry, DataError> {
        let texts = [
            ("id", &self.id),
            ("recipient", &self.recipient),
            ("purpose", &self.purpose),
            ("document", &self.document),
            ("passage", &self.passage),
        ];
        if let Some((key, _)) = texts.iter().find(|(_, text)| text.trim().is_empty()) {
            return Err(fault.in_entry(number, key, "this must not be empty"));
        }
        if self.services.iter().all(|service| service.trim().is_empty()) {
            return Err(fault.in_entry(number, "services", "an entry names at least one service"));
        }
        let mut countries = CountrySet::EMPTY;
        for code in &self.countries {
            let country = code.parse::<Country>();
            let refused = |error: &CountryError| fault.in_list(number, "countries", code, &error.to_string());
            countries.insert(country.map_err(|error| refused(&error))?);
        }
        let scope = match (self.zone, countries.is_empty()) {
            (Some(zone), true) => Scope::Zone(zone),
            (None, false) => Scope::Countries(countries),
            (None, true) => return Err(fault.in_entry(number, "id", "an entry names a zone or countries")),
            (Some(_), false) => {
                return Err(fault.in_entry(number, "zone", "an entry names a zone or countries, not both"));
            }
        };
        let valid = Validity { from: self.from, until: self.until };
        if is_reversed(valid) {
            return Err(fault.in_entry(number, "until", "the entry ends before it begins"));
        }
        let Self { id, recipient, services, purpose, document, passage, .. } = self;
        Ok(Entry { id, recipient, services, scope, purpose, document, passage, valid })
    }
}

/// Where a rule is broken that only shows after parsing.
#[derive(Clone, Copy)]
struct Fault<'a> {
    file: &'a str,
    text: &'a str,
}

impl Fault<'_> {
    /// At the first line that starts with `start`.
    fn at(&self, start: &str, what: &str) -> DataError {
        let line = lines(self.text).find(|(_, line)| line.starts_with(start));
        DataError::at(self.file, self.text, line.map(|(offset, _)| offset), what)
    }

    /// At the value of `key` in the entry with this number, or at the entry's head where it has no such line.
    fn in_entry(&self, number: usize, key: &str, what: &str) -> DataError {
        DataError::at(self.file, self.text, self.value(number, key), what)
    }

    /// At `item` in the list that `key` has in the entry with this number.
    fn in_list(&self, number: usize, key: &str, item: &str, what: &str) -> DataError {
        let list = self.value(number, key).unwrap_or_default();
        let inside = self.text.get(list..).and_then(|rest| rest.find(&format!("\"{item}\"")));
        DataError::at(self.file, self.text, Some(list + inside.unwrap_or_default()), what)
    }

    /// The offset of a key's value, or of the entry's head.
    fn value(&self, number: usize, key: &str) -> Option<usize> {
        let mut heads = 0;
        let mut rest = lines(self.text).skip_while(|(_, line)| {
            heads += usize::from(line.starts_with("[[entry]]"));
            heads <= number
        });
        let (head, _) = rest.next()?;
        let value = rest.take_while(|(_, line)| !line.starts_with('[')).find_map(|(offset, line)| {
            let value = line.strip_prefix(key)?.trim_start().strip_prefix('=')?.trim_start();
            Some(offset + line.len() - value.len())
        });
        value.or(Some(head))
    }
}

/// The lines without their indentation, each with the byte offset of what is left.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    text.split('\n').map(move |line| {
        let start = next;
        next += line.len() + 1;
        let bare = line.trim_start();
        (start + line.len() - bare.len(), bare)
    })
}

fn is_reversed(valid: Validity) -> bool {
    valid.from.zip(valid.until).is_some_and(|(from, until)| until < from)
}

#[expect(
    clippy::panic,
    reason = "a test reads the built-in registers; without them every destination would be unlisted"
)]
fn read_builtin(file: &str, text: &str) -> Register {
    Register::parse(file, text).unwrap_or_else(|error| panic!("{error}"))
}

static BUILTIN: LazyLock<[Register; 2]> = LazyLock::new(|| {
    [
        read_builtin("surf-2022.toml", include_str!("registers/surf-2022.toml")),
        read_builtin("surf-2024.toml", include_str!("registers/surf-2024.toml")),
    ]
});

/// The version of the file format.
const SCHEMA: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    const HEAD: &str = "schema = 1\nname = \"own\"\ntitle = \"Own\"\nlimits = \"none\"\n";
    const ENTRY: &str = r#"
[[entry]]
id = "a"
recipient = "zoom"
services = ["sign_in"]
countries = ["US"]
purpose = "p"
document = "d"
passage = "q"
"#;

    fn parse(text: &str) -> Result<Register, String> {
        Register::parse("own.toml", text).map_err(|error| error.to_string())
    }

    /// Head and entry with one replacement; the first line of the error and the offending line.
    fn refusal(from: &str, to: &str) -> (String, String) {
        let text = format!("{HEAD}{ENTRY}").replacen(from, to, 1);
        assert!(text.contains(to));
        let shown = parse(&text).unwrap_err();
        let mut lines = shown.lines();
        (lines.next().unwrap().to_owned(), lines.nth(1).unwrap_or_default().trim_start().to_owned())
    }

    #[test]
    fn the_builtin_registers_hand_over_on_a_day() {
        let in_force = |text| Register::in_force(Register::builtin(), day(text)).map(Register::name);
        assert_eq!(in_force("2019-09-26"), None);
        assert_eq!(in_force("2022-03-16"), None);
        assert_eq!(in_force("2022-03-17"), Some("surf-2022"));
        assert_eq!(in_force("2024-04-18"), Some("surf-2022"));
        assert_eq!(in_force("2024-04-19"), Some("surf-2024"));
        assert_eq!(in_force("2026-11-22"), Some("surf-2024"));
    }

    #[test]
    fn the_builtin_registers_say_their_limits() {
        for register in Register::builtin() {
            assert_eq!(register.limits(), "compared with public summaries, not with the contract");
            assert!(!register.unseen().is_empty() && !register.title().is_empty());
        }
    }

    #[test]
    fn no_builtin_entry_lists_a_recipient_or_service_that_the_assessments_advise_against() {
        for entry in Register::builtin().iter().flat_map(Register::entries) {
            assert_eq!(entry.recipient, "zoom", "{}", entry.id);
            assert!(entry.services.iter().all(|service| !service.starts_with("third_party")), "{}", entry.id);
            let is_abroad = entry.scope.covers("US".parse().unwrap(), day("2024-06-01"), Some(true));
            assert!(!(is_abroad && entry.services.iter().any(|service| service == "web")), "{}", entry.id);
        }
    }

    #[test]
    fn a_users_register_is_read() {
        let register =
            parse(&format!("{HEAD}[valid]\nfrom = \"2023-01-01\"\n{ENTRY}until = \"2023-12-31\"\n")).unwrap();
        let entry = &register.entries()[0];
        assert_eq!((entry.id.as_str(), entry.scope.to_string().as_str()), ("a", "US"));
        assert!(entry.names("zoom", "sign_in", day("2023-12-31")));
        assert!(!entry.names("zoom", "sign_in", day("2024-01-01")));
        assert!(!entry.names("zoom", "media", day("2023-06-01")));
        assert!(!entry.names("twilio", "sign_in", day("2023-06-01")));
        assert_eq!(register.valid().from, Some(day("2023-01-01")));
        assert!(parse(HEAD).unwrap().entries().is_empty());
    }

    #[test]
    fn a_zone_is_read_on_its_day() {
        let entry = format!("{HEAD}{ENTRY}").replace("countries = [\"US\"]", "zone = \"eea\"");
        let scope = parse(&entry).unwrap().entries()[0].scope;
        let covers = |code: &str, on| scope.covers(code.parse().unwrap(), day(on), None);
        assert!(covers("NO", "2024-01-01") && covers("RE", "2024-01-01") && covers("GB", "2020-06-01"));
        assert!(!covers("GB", "2024-01-01") && !covers("CH", "2024-01-01"));
        let adequate = Scope::Zone(ScopeZone::Adequate);
        let covers = |certified| adequate.covers("US".parse().unwrap(), day("2024-01-01"), certified);
        assert_eq!([covers(None), covers(Some(true)), covers(Some(false))], [false, true, false]);
    }

    #[test]
    fn errors_show_line_and_reason() {
        let cases = [
            (
                "\"US\"",
                "\"UK\"",
                "own.toml:10:14: `UK` is no country code of ISO 3166-1 (the United Kingdom is GB)",
            ),
            ("purpose", "purpos", "own.toml:11:1: unknown field `purpos`"),
            ("schema = 1", "schema = 9", "own.toml:1:1: schema 1 is the only one known"),
            (
                "services = [\"sign_in\"]",
                "services = []",
                "own.toml:9:12: an entry names at least one service",
            ),
            ("recipient = \"zoom\"", "recipient = \" \"", "own.toml:8:13: this must not be empty"),
            ("[\"US\"]", "[\"US\", \"EU\"]", "own.toml:10:20: `EU` is no country code of ISO 3166-1"),
            ("countries = [\"US\"]\n", "", "own.toml:7:6: an entry names a zone or countries"),
            (
                "purpose",
                "zone = \"eea\"\npurpose",
                "own.toml:11:8: an entry names a zone or countries, not both",
            ),
            (
                "limits = \"none\"",
                "limits = \"\"",
                "own.toml:4:1: the register does not say what it was compared with",
            ),
            ("id = \"a\"", "id = \"a", "own.toml:7:"),
        ];
        for (from, to, expected) in cases {
            let (shown, _) = refusal(from, to);
            assert!(shown.starts_with(expected), "{shown}");
        }
    }

    #[test]
    fn dates_are_checked() {
        let (shown, line) = refusal("passage = \"q\"", "passage = \"q\"\nfrom = \"2024-02-30\"");
        assert!(shown.starts_with("own.toml:14:8: not a day of the form YYYY-MM-DD"), "{shown}");
        assert_eq!(line, "14 | from = \"2024-02-30\"");
        let reversed = "passage = \"q\"\nfrom = \"2024-02-02\"\nuntil = \"2024-02-01\"";
        let (shown, line) = refusal("passage = \"q\"", reversed);
        assert_eq!(shown, "own.toml:15:9: the entry ends before it begins");
        assert_eq!(line, "15 | until = \"2024-02-01\"");
        let (shown, _) =
            refusal("[[entry]]", "[valid]\nfrom = \"2024-02-02\"\nuntil = \"2024-02-01\"\n[[entry]]");
        assert_eq!(shown, "own.toml:6:1: the register ends before it begins");
        let (shown, _) = refusal("[[entry]]", "[valid]\ntill = \"2024-02-02\"\n[[entry]]");
        assert!(shown.starts_with("own.toml:7:1: unknown field `till`"), "{shown}");
    }

    #[test]
    fn the_second_of_two_equal_ids_is_shown() {
        let shown = parse(&format!("{HEAD}{ENTRY}{ENTRY}")).unwrap_err();
        assert!(shown.starts_with("own.toml:16:6: another entry has this id"), "{shown}");
    }

    #[test]
    fn entries_are_in_force_on_days_of_their_own_and_of_the_register() {
        let valid = "[valid]\nfrom = \"2023-01-01\"\nuntil = \"2023-12-31\"\n";
        let other = ENTRY.replace("\"a\"", "\"b\"");
        let text = format!("{HEAD}{valid}{ENTRY}until = \"2023-05-31\"\n{other}from = \"2023-05-31\"\n");
        let register = parse(&text).unwrap();
        let ids = |on: &str| -> Vec<String> {
            register.entries_in_force(day(on)).map(|entry| entry.id.clone()).collect()
        };
        assert_eq!(ids("2022-12-31"), [""; 0], "the entry has begun, the register has not");
        assert_eq!((ids("2023-01-01"), ids("2023-06-01")), (vec!["a".into()], vec!["b".into()]));
        assert_eq!(ids("2023-05-31"), ["a", "b"]);
        assert_eq!(ids("2024-01-01"), [""; 0]);
    }
}

//! Values that the tester planted, and where they are found again.
//!
//! Input: a file of values (TOML), and units of what a client sent: a path, a header, a field of a body. Output: [`Hit`]s, each
//! once a unit, with the codings that were undone and the hash, if any. It prefers to miss than to over-claim: values stand between
//! other letters than their own, short ones are looked for as hashes alone, and at most two codings are undone. Must not: show a
//! value unless it is asked for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aho_corasick::{AhoCorasick, MatchKind};
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::data::{self, DataError, Given, Placed};
use crate::telemetry::coding::{self, Coding};

/// What kind of value was planted, by which it is known how else it may be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Two numbers, latitude and longitude.
    Coordinates,
    /// The name of a device.
    DeviceName,
    /// An e-mail address.
    Email,
    /// The name of a file.
    FileName,
    /// An IP address.
    Ip,
    /// A hardware address.
    Mac,
    /// A meeting number: digits, however they are grouped.
    MeetingNumber,
    /// A person's name.
    Name,
    /// Anything else.
    Text,
    /// A user's id.
    UserId,
    /// A UUID (RFC 9562).
    Uuid,
}

impl Kind {
    /// Its name in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Coordinates => "coordinates",
            Self::DeviceName => "device_name",
            Self::Email => "email",
            Self::FileName => "file_name",
            Self::Ip => "ip",
            Self::Mac => "mac",
            Self::MeetingNumber => "meeting_number",
            Self::Name => "name",
            Self::Text => "text",
            Self::UserId => "user_id",
            Self::Uuid => "uuid",
        }
    }
}

/// A hash that values are known by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hash {
    /// MD5 (RFC 1321).
    Md5,
    /// SHA-1 (RFC 3174).
    Sha1,
    /// SHA-256 (RFC 6234).
    Sha256,
}

impl Hash {
    const ALL: [Self; 3] = [Self::Md5, Self::Sha1, Self::Sha256];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    fn of(self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => md5::compute(text).to_vec(),
            Self::Sha1 => Sha1::digest(text).to_vec(),
            Self::Sha256 => Sha256::digest(text).to_vec(),
        }
    }
}

/// A planted value.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// What the tester calls it.
    pub label: String,
    /// What kind it is.
    pub kind: Kind,
    /// Whether it is too short to be looked for but as a hash.
    pub is_short: bool,
    text: String,
}

impl Value {
    /// The value itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Enough of it to tell it by, for who knows it.
    #[must_use]
    pub fn masked(&self) -> String {
        masked(&self.text)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("label", &self.label).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The first character of a text and its length, which for a text of less than four is its length alone.
#[must_use]
pub fn masked(text: &str) -> String {
    let length = text.chars().count();
    let first = text.chars().next().filter(|_| length > 3).map(String::from).unwrap_or_default();
    format!("{first}… ({length} characters)")
}

/// One thing that is looked for.
struct Needle {
    value: usize,
    /// The hash whose digest it is; `None` for the value itself.
    hash: Option<Hash>,
    bytes: Vec<u8>,
}

/// Planted values, ready to be looked for.
pub struct Planted {
    values: Vec<Value>,
    needles: Vec<Needle>,
    automaton: AhoCorasick,
}

impl fmt::Debug for Planted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planted").field("values", &self.values).finish_non_exhaustive()
    }
}

/// A value that was found in a unit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hit {
    /// Its place among the values.
    pub value: usize,
    /// The hash, where it is not there itself: it is pseudonymised.
    pub hash: Option<Hash>,
    /// The codings that were undone, the outermost first.
    pub codings: Vec<Coding>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    planted: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    label: Option<String>,
    kind: Kind,
    value: Placed<Given>,
}

impl Planted {
    /// Reads a file of values.
    ///
    /// # Errors
    ///
    /// Where it is none, with line and caret. No error shows more of a value than the line that holds it.
    pub fn parse(file: &str, text: &str) -> Result<Self, DataError> {
        let rows: File = data::parse(file, text)?;
        let at = |offset: usize, what: &str| Err(DataError::at(file, text, Some(offset), what));
        let mut values: Vec<Value> = Vec::new();
        for row in rows.planted {
            let value = row.value.value.0.trim().to_owned();
            if value.is_empty() {
                return at(row.value.offset, "an empty value is found everywhere; name what was planted");
            }
            if value.len() > MOST_BYTES {
                return at(row.value.offset, "a planted value has at most 1,024 bytes");
            }
            if values.len() >= MOST_VALUES {
                return at(row.value.offset, "at most 1,000 values are looked for at once");
            }
            if values.iter().any(|known| known.text == value) {
                return at(row.value.offset, "the same value stands above");
            }
            let label = row.label.unwrap_or_else(|| row.kind.name().to_owned());
            let is_short = plain_forms(row.kind, &value).is_empty();
            values.push(Value { label, kind: row.kind, is_short, text: value });
        }
        if values.is_empty() {
            return Err(DataError::at(
                file,
                text,
                None,
                "it plants nothing: add a [[planted]] with kind and value",
            ));
        }
        Self::of(values).ok_or_else(|| DataError::at(file, text, None, "the values are too many to look for"))
    }

    fn of(values: Vec<Value>) -> Option<Self> {
        let needles: Vec<Needle> =
            values.iter().enumerate().flat_map(|(place, value)| needles(place, value)).collect();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(needles.iter().map(|needle| &needle.bytes))
            .ok()?;
        Some(Self { values, needles, automaton })
    }

    /// The values, in the order of the file.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// What is in a unit, each once. In forms and queries plus signs are spaces. The time grows with the unit's length, not with
    /// the number of values or the depth of codings.
    #[must_use]
    pub fn find(&self, unit: &[u8], is_form: bool) -> BTreeSet<Hit> {
        let mut search = Search { planted: self, found: BTreeSet::new() };
        if let Some(inside) = coding::gzip(unit) {
            search.unit(&inside, is_form, &[Coding::Gzip]);
        }
        search.unit(unit, is_form, &[]);
        search.found
    }

    /// How often each needle's value stands in a text. Of a text that is `whole` a digest is found where it is all of it.
    fn hits(&self, text: &[u8], is_token: bool) -> BTreeMap<(usize, Option<Hash>), usize> {
        let mut hits = BTreeMap::new();
        for found in self.automaton.find_overlapping_iter(text) {
            let Some(needle) = self.needles.get(found.pattern().as_usize()) else { continue };
            let fits = match needle.hash {
                Some(_) if is_token => text == needle.bytes,
                Some(_) => text.get(found.range()) == Some(&needle.bytes),
                None => stands_alone(text, found.start(), found.end()),
            };
            if fits {
                *hits.entry((needle.value, needle.hash)).or_default() += 1;
            }
        }
        hits
    }
}

/// A search through one unit.
struct Search<'a> {
    planted: &'a Planted,
    found: BTreeSet<Hit>,
}

type Counts = BTreeMap<(usize, Option<Hash>), usize>;

impl Search<'_> {
    fn unit(&mut self, text: &[u8], is_form: bool, outside: &[Coding]) {
        let before = self.planted.hits(text, false);
        self.note(&before, &Counts::new(), outside);
        let mut known = BTreeSet::new();
        coding::tokens(text, &mut |token, coding, bytes| {
            known.insert(token);
            self.token(bytes, &[outside, &[coding]].concat());
        });
        let Some(once) = coding::percent(text, is_form) else { return };
        let chain = [outside, &[Coding::Percent]].concat();
        let now = self.planted.hits(&once, false);
        self.note(&now, &before, &chain);
        coding::tokens(&once, &mut |token, coding, bytes| {
            if !known.contains(token) {
                self.token(bytes, &[&*chain, &[coding]].concat());
            }
        });
        if let Some(twice) = coding::percent(&once, false).filter(|_| chain.len() < MOST_CODINGS) {
            let last = self.planted.hits(&twice, false);
            self.note(&last, &now, &[&*chain, &[Coding::Percent]].concat());
        }
    }

    /// What a token of a coding stands for, and one coding further in.
    fn token(&mut self, bytes: &[u8], chain: &[Coding]) {
        let hits = self.planted.hits(bytes, true);
        self.note(&hits, &Counts::new(), chain);
        if chain.len() >= MOST_CODINGS {
            return;
        }
        let inside = |coding| [chain, &[coding]].concat();
        if let Some(unpacked) = coding::gzip(bytes) {
            let hits = self.planted.hits(&unpacked, false);
            self.note(&hits, &Counts::new(), &inside(Coding::Gzip));
        }
        if let Some(plain) = coding::percent(bytes, false) {
            let now = self.planted.hits(&plain, false);
            self.note(&now, &hits, &inside(Coding::Percent));
        }
        coding::tokens(bytes, &mut |_, coding, bytes| self.token(bytes, &inside(coding)));
    }

    /// Notes what stands there more often than before the last coding was undone.
    fn note(&mut self, now: &Counts, before: &Counts, codings: &[Coding]) {
        for (&(value, hash), count) in now {
            if before.get(&(value, hash)).is_none_or(|known| known < count) {
                self.found.insert(Hit { value, hash, codings: codings.to_vec() });
            }
        }
    }
}

/// Whether no letter or digit goes on before or behind what begins or ends with one.
fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let is_letter = |at: Option<usize>| {
        at.and_then(|at| text.get(at)).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80)
    };
    let goes_on = |inside: Option<usize>, outside: Option<usize>| is_letter(inside) && is_letter(outside);
    !goes_on(Some(start), start.checked_sub(1)) && !goes_on(end.checked_sub(1), Some(end))
}

fn needles(place: usize, value: &Value) -> Vec<Needle> {
    let plain = plain_forms(value.kind, &value.text).into_iter();
    let plain = plain.map(|form| Needle { value: place, hash: None, bytes: form.into_bytes() });
    let mut hashed = forms(value.kind, &value.text);
    let cases: Vec<String> =
        hashed.iter().flat_map(|form| [form.to_lowercase(), form.to_uppercase()]).collect();
    hashed.extend(cases);
    let digests = Hash::ALL.into_iter().flat_map(|hash| {
        hashed.iter().map(move |form| Needle {
            value: place,
            hash: Some(hash),
            bytes: hash.of(form.as_bytes()),
        })
    });
    plain.chain(digests).collect()
}

/// The ways in which a value is usually written.
fn forms(kind: Kind, text: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([text.to_owned()]);
    let bare: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    match kind {
        Kind::MeetingNumber => {
            for separator in [" ", "-"] {
                forms.insert(grouped(&bare, &[3, bare.len().saturating_sub(3) / 2], separator));
            }
            forms.insert(bare);
        }
        Kind::Mac => {
            for separator in [":", "-"] {
                forms.insert(grouped(&bare, &[2; 5], separator));
            }
            forms.insert(bare);
        }
        Kind::Uuid => {
            forms.insert(bare);
        }
        Kind::Coordinates => {
            let parts = text.split([',', ' ', ';']).filter(|part| !part.is_empty());
            forms.extend(parts.map(str::to_owned));
        }
        _ => {}
    }
    forms.retain(|form| !form.is_empty());
    forms
}

/// Those that are long enough to be told from chance.
fn plain_forms(kind: Kind, text: &str) -> BTreeSet<String> {
    let mut forms = forms(kind, text);
    forms.retain(|form| {
        let is_number = form.bytes().all(|byte| byte.is_ascii_digit());
        form.chars().count() >= if is_number { LEAST_DIGITS } else { LEAST_CHARACTERS }
    });
    forms
}

/// Cuts a text into groups of those lengths; the last has what is left.
fn grouped(text: &str, lengths: &[usize], separator: &str) -> String {
    let (mut groups, mut rest) = (Vec::new(), text);
    for length in lengths {
        let Some((group, behind)) = rest.split_at_checked(*length) else { break };
        groups.push(group);
        rest = behind;
    }
    groups.push(rest);
    groups.join(separator)
}

/// The shortest value that is looked for as it is, in characters; shorter ones are in every text.
const LEAST_CHARACTERS: usize = 6;
/// The same of a number, in digits.
const LEAST_DIGITS: usize = 8;
/// The longest value, in bytes.
const MOST_BYTES: usize = 1024;
/// The most values.
const MOST_VALUES: usize = 1000;
/// The most codings that are undone one inside the other.
const MOST_CODINGS: usize = 2;

#[cfg(test)]
mod tests;

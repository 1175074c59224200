//! Templates: a text with placeholders, filled with values, or recognised in a sentence with the values that stand in it.
//!
//! Recognising is linear in the sentence, whatever stands in it: every literal is looked for once, and never again elsewhere.
//!
//! Input: templates, sentences. Output: parts and values. Must not: know a language.

use std::fmt::{Display, Write as _};

/// A part of a text that is said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// Words.
    Literal(String),
    /// A value, by its place among those of the English template.
    Value(usize),
}

/// What stands for a placeholder of a template that is recognised: `{name:kind}`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Anything, kept as it is: `{name}`.
    Kept,
    /// Digits with the marks in numbers: `n`.
    Number,
    /// Anything without a space, kept: `word`.
    Word,
    /// A sentence or a phrase of our own: `text`.
    Text,
    /// The same without a comma or a semicolon: `phrase`.
    Phrase,
    /// Several, with a semicolon between: `each`.
    Each,
    /// Several, with a comma between: `items`.
    Items,
    /// A phrase of our own, or a name: `own`.
    Own,
}

/// A placeholder, and the words behind it.
#[derive(Debug)]
struct Gap {
    kind: Kind,
    after: String,
}

/// A template that sentences are recognised by.
#[derive(Debug)]
pub(super) struct Pattern {
    head: String,
    gaps: Vec<Gap>,
    /// Where the value stands that takes the most, the last that is kept or else the first phrase: what is before it is found
    /// from the left, what is behind it from the right.
    pivot: usize,
    /// How much of it is words.
    weight: usize,
}

impl Pattern {
    /// Reads a template. `None` where a kind is not known, there is no placeholder, or two touch.
    pub(super) fn read(template: &str) -> Option<Self> {
        let (head, mut rest) = template.split_once('{')?;
        let mut gaps: Vec<Gap> = Vec::new();
        loop {
            let (placeholder, behind) = rest.split_once('}')?;
            let kind = kind(placeholder.split_once(':').map_or("", |(_, kind)| kind))?;
            match behind.split_once('{') {
                Some(("", _)) => return None,
                Some((after, next)) => {
                    gaps.push(Gap { kind, after: after.to_owned() });
                    rest = next;
                }
                None => {
                    gaps.push(Gap { kind, after: behind.to_owned() });
                    break;
                }
            }
        }
        let is_phrase = |gap: &Gap| !matches!(gap.kind, Kind::Number | Kind::Word);
        let kept = gaps.iter().rposition(|gap| gap.kind == Kind::Kept);
        let pivot = kept.or_else(|| gaps.iter().position(is_phrase)).unwrap_or_default();
        let weight = head.len() + gaps.iter().map(|gap| gap.after.len()).sum::<usize>();
        Some(Self { head: head.to_owned(), gaps, pivot, weight })
    }

    /// How much of it is words: of two templates that fit, the one with more is meant.
    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    /// The values in a sentence that is of this template, with their kinds.
    pub(super) fn values<'t>(&self, sentence: &'t str) -> Option<Vec<(Kind, &'t str)>> {
        let mut rest = sentence.strip_prefix(self.head.as_str())?;
        let (left, right) = self.gaps.split_at_checked(self.pivot)?;
        let (pivot, right) = right.split_first()?;
        let mut values = Vec::with_capacity(self.gaps.len());
        for gap in left {
            let (value, behind) = rest.split_once(gap.after.as_str())?;
            values.push((gap.kind, value));
            rest = behind;
        }
        let mut behind = Vec::with_capacity(right.len());
        for (at, gap) in right.iter().enumerate().rev() {
            rest = rest.strip_suffix(gap.after.as_str())?;
            let before = at.checked_sub(1).and_then(|at| right.get(at)).unwrap_or(pivot);
            let at = rest.rfind(before.after.as_str())?.checked_add(before.after.len())?;
            let (through, value) = rest.split_at_checked(at)?;
            behind.push((gap.kind, value));
            rest = through;
        }
        values.push((pivot.kind, rest.strip_suffix(pivot.after.as_str())?));
        values.extend(behind.into_iter().rev());
        values.iter().all(|(kind, value)| kind.holds(value)).then_some(values)
    }
}

impl Kind {
    fn holds(self, value: &str) -> bool {
        let is_numeral = |c: char| c.is_ascii_digit() || matches!(c, ',' | '.');
        !value.is_empty()
            && match self {
                Self::Number => value.chars().all(is_numeral),
                Self::Word => !value.contains(char::is_whitespace),
                Self::Phrase => !value.contains([',', ';']),
                Self::Kept | Self::Text | Self::Each | Self::Items | Self::Own => true,
            }
    }
}

fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "" => Kind::Kept,
        "n" => Kind::Number,
        "word" => Kind::Word,
        "text" => Kind::Text,
        "phrase" => Kind::Phrase,
        "each" => Kind::Each,
        "items" => Kind::Items,
        "own" => Kind::Own,
        _ => return None,
    })
}

/// The names of a template's placeholders, without their kinds, in their order.
pub(super) fn names(template: &str) -> Vec<&str> {
    let behind = template.split('{').skip(1).map(|text| text.split('}').next().unwrap_or_default());
    behind.map(|placeholder| placeholder.split(':').next().unwrap_or_default()).collect()
}

/// The parts of a translation of a template whose placeholders have these names. One without a name stands for the next
/// of those without. `None` where it names another, or leaves one out.
pub(super) fn parts(translation: &str, names: &[&str]) -> Option<Vec<Part>> {
    let mut nameless = names.iter().enumerate().filter(|(_, name)| name.is_empty()).map(|(at, _)| at);
    let mut parts = Vec::new();
    let mut rest = translation;
    while let Some((text, behind)) = rest.split_once('{') {
        let (name, behind) = behind.split_once('}')?;
        let place = match name.parse::<usize>() {
            Ok(number) => number.checked_sub(1).filter(|at| *at < names.len())?,
            Err(_) if name.is_empty() => nameless.next()?,
            Err(_) => names.iter().position(|known| *known == name)?,
        };
        parts.push(Part::Literal(text.to_owned()));
        parts.push(Part::Value(place));
        rest = behind;
    }
    parts.push(Part::Literal(rest.to_owned()));
    let is_there = |place: usize| parts.contains(&Part::Value(place));
    (0..names.len()).all(is_there).then_some(parts)
}

/// The parts with these values.
pub(super) fn filled(parts: &[Part], values: &[impl Display]) -> String {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Literal(text) => out.push_str(text),
            Part::Value(place) => {
                if let Some(value) = values.get(*place) {
                    // Memory takes what is written.
                    let _ = write!(out, "{value}");
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<'t>(template: &str, sentence: &'t str) -> Option<Vec<&'t str>> {
        let found = Pattern::read(template).unwrap().values(sentence)?;
        Some(found.into_iter().map(|(_, value)| value).collect())
    }

    #[test]
    fn a_sentence_is_of_a_template_or_it_is_not() {
        assert_eq!(values("{a:word} is {b}.", "x is y."), Some(vec!["x", "y"]));
        assert_eq!(values("in {b}", "in x"), Some(vec!["x"]));
        for other in ["x is y", "x y is z.", " is y.", "", "x is ."] {
            assert_eq!(values("{a:word} is {b}.", other), None, "{other}");
        }
        assert_eq!(values("{n:n} km", "1,234 km"), Some(vec!["1,234"]));
        assert_eq!(values("{n:n} km", "a km"), None);
        assert!(["x", "{a}{b}", "{a:kind}", "{a"].iter().all(|bad| Pattern::read(bad).is_none()));
    }

    #[test]
    fn what_is_kept_takes_the_most_and_the_rest_is_found_from_both_sides() {
        let template = "{n:n} of {name}: {why:text} ({at:word})";
        let sentence = "3 of a: b (c): of d (e) ((x): so it is (f)";
        assert_eq!(values(template, sentence), Some(vec!["3", "a: b (c): of d (e) ((x)", "so it is", "f"]));
    }

    #[test]
    fn a_translation_has_every_value_in_an_order_of_its_own() {
        let names = names("{} of {name:word}, {}");
        assert_eq!(names, ["", "name", ""]);
        let said = |translation| parts(translation, &names).map(|parts| filled(&parts, &["1", "2", "3"]));
        assert_eq!(said("{name}: {} en {}"), Some("2: 1 en 3".to_owned()));
        assert_eq!(said("{3}{2}{1}"), Some("321".to_owned()));
        for bad in ["{name} {}", "{} {} {}", "{other} {} {} {name}", "{4} {name} {} {}", "{name} {} {} {"] {
            assert_eq!(said(bad), None, "{bad}");
        }
    }

    /// A value of any length is passed once for each literal.
    #[test]
    fn a_long_sentence_takes_no_longer_than_its_length() {
        let hostile = ": ".repeat(500_000);
        let sentence = format!("x is {hostile}");
        assert_eq!(values("{a:word} is {b}: {c:text} ({d})", &sentence), None);
    }
}

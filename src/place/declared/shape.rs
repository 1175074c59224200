//! What kind of file a text looks like, so that a wrong one is named for what it is.
//!
//! Input: a text, and the kind that was wanted. Output: an error that says what the file looks like and which option
//! takes it; nothing where it looks like what was wanted or like nothing known, and then its reader says what is wrong.
//! Must not: check the file.

use super::DeclaredKind;
use crate::data::DataError;
use crate::place::document::Document;
use crate::place::{Prefix, PrefixError, cloud};

/// What a text looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    Declared(DeclaredKind),
    Empty,
    Json,
    Page,
    Register,
    Unknown,
}

/// Refuses a text that looks like another kind of file than the one wanted.
pub(super) fn check(document: Document<'_>, wanted: DeclaredKind) -> Result<(), DataError> {
    // Whose list of ranges it is, or which keys it has otherwise, is told by the reader of such lists: it is parsed once.
    if wanted == DeclaredKind::CloudRanges && document.text.trim_start().starts_with('{') {
        return Ok(());
    }
    let looks = match shape(document) {
        Shape::Unknown => return Ok(()),
        Shape::Declared(kind) if kind == wanted => return Ok(()),
        // It is read as the provider's own list then, and that says which keys it has.
        Shape::Json if wanted == DeclaredKind::CloudRanges => return Ok(()),
        Shape::Declared(kind) => format!("looks like {}, which {} takes", title(kind), option(kind)),
        Shape::Empty => "is empty".to_owned(),
        Shape::Json => "looks like JSON of another kind".to_owned(),
        Shape::Page => "looks like a web page".to_owned(),
        Shape::Register => "looks like a register of declared transfers, which --register takes".to_owned(),
    };
    Err(document.wrong(&format!("the file {looks}; {} takes {}", option(wanted), title(wanted))))
}

/// The option of `borderpost inspect` that takes such a file.
fn option(kind: DeclaredKind) -> &'static str {
    match kind {
        DeclaredKind::AnycastList => "--anycast",
        DeclaredKind::CloudRanges => "--ranges",
        DeclaredKind::Geofeed => "--geofeed",
        DeclaredKind::Overrides => "--override",
    }
}

fn title(kind: DeclaredKind) -> &'static str {
    match kind {
        DeclaredKind::AnycastList => "a list of anycast ranges, one on each line",
        DeclaredKind::CloudRanges => {
            "a cloud provider's list of ranges, as published or as `borderpost geoip import` writes it"
        }
        DeclaredKind::Geofeed => "a geofeed (RFC 8805: prefix,country,region,city,postal code)",
        DeclaredKind::Overrides => "overrides in TOML ([[override]])",
    }
}

fn shape(document: Document<'_>) -> Shape {
    let text = document.text.trim_start();
    if cloud::is_list(text) {
        return Shape::Declared(DeclaredKind::CloudRanges);
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(first) = lines.next() else { return Shape::Empty };
    if first.starts_with('<') {
        Shape::Page
    } else if is_toml(first) {
        by_table(first, lines)
    } else if first.starts_with(['{', '[']) {
        let is_published = cloud::provider_of(document).is_some();
        if is_published { Shape::Declared(DeclaredKind::CloudRanges) } else { Shape::Json }
    } else {
        by_first_row(first)
    }
}

/// Whether the line is a table's head or a key with a value.
fn is_toml(line: &str) -> bool {
    let is_key = |key: &str| {
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let head = line.trim_start_matches('[').split(']').next().unwrap_or_default();
    let is_head = line.starts_with('[') && is_key(head) && !head.bytes().all(|byte| byte.is_ascii_digit());
    is_head || line.split_once('=').is_some_and(|(key, _)| is_key(key.trim()))
}

fn by_table<'a>(first: &'a str, lines: impl Iterator<Item = &'a str>) -> Shape {
    let mut heads = std::iter::once(first).chain(lines).filter(|line| line.starts_with("[["));
    heads
        .find_map(|head| match head.trim_matches(['[', ']']) {
            "override" => Some(Shape::Declared(DeclaredKind::Overrides)),
            "entry" => Some(Shape::Register),
            _ => None,
        })
        .unwrap_or(Shape::Unknown)
}

fn by_first_row(row: &str) -> Shape {
    let mut fields = row.split('#').next().unwrap_or_default().split(',').map(str::trim);
    let is_range = |field: &str| Prefix::parse_or_single(field) != Err(PrefixError::Form);
    if !fields.next().is_some_and(is_range) {
        return Shape::Unknown;
    }
    let is_row = fields.next().is_some();
    Shape::Declared(if is_row { DeclaredKind::Geofeed } else { DeclaredKind::AnycastList })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::cloud::sample;

    fn looks(text: &str) -> Shape {
        shape(Document::new("file", text).unwrap())
    }

    #[test]
    fn files_are_told_by_what_they_hold() {
        let declared = Shape::Declared;
        for text in [sample::AWS, sample::GOOGLE, sample::ORACLE, sample::AZURE, "# borderpost ranges 9\n"] {
            assert_eq!(looks(text), declared(DeclaredKind::CloudRanges));
        }
        for text in ["# feed\n\n192.0.2.0/24,NL,,,\n", "192.0.2.1,,,,", "192.0.2.1/24,NL"] {
            assert_eq!(looks(text), declared(DeclaredKind::Geofeed), "{text}");
        }
        for text in ["192.0.2.0/24\n", "# x\n2001:db8::/32 # y, z\n", "192.0.2.1/24"] {
            assert_eq!(looks(text), declared(DeclaredKind::AnycastList), "{text}");
        }
        for text in ["schema = 1\n[[override]]\n", "[[override]]\nrange = \"\""] {
            assert_eq!(looks(text), declared(DeclaredKind::Overrides), "{text}");
        }
        assert_eq!(looks("schema = 1\n[[entry]]\n"), Shape::Register);
        assert_eq!(
            (looks("{\"a\": 1}"), looks("[1, 2]"), looks("{")),
            (Shape::Json, Shape::Json, Shape::Json)
        );
        assert_eq!(
            (looks("<!DOCTYPE html>"), looks("# only this\n\n"), looks("")),
            (Shape::Page, Shape::Empty, Shape::Empty)
        );
        assert_eq!((looks("name,place\n"), looks("schema = 1\n")), (Shape::Unknown, Shape::Unknown));
    }

    #[test]
    fn a_wrong_file_is_told_which_option_takes_it() {
        let document = Document::new("feed.csv", "192.0.2.0/24,NL,,,\n").unwrap();
        let shown = check(document, DeclaredKind::AnycastList).unwrap_err().to_string();
        assert_eq!(
            shown,
            "feed.csv:1:1: the file looks like a geofeed (RFC 8805: prefix,country,region,city,postal code), which \
             --geofeed takes; --anycast takes a list of anycast ranges, one on each line"
        );
        assert_eq!(check(document, DeclaredKind::Geofeed), Ok(()));
    }
}

//! Text for terminals and pages: nothing that came from a capture, a path or a data file leaves it raw.
//!
//! Input: any text. Output: the same for people, wrapped to a width. Must not: write anywhere.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::source::raw_byte;

/// The text with control characters and characters that reorder or hide text shown as `\u{…}`, and bytes that were no text as `\x…`.
#[must_use]
pub fn clean(text: &str) -> String {
    // Nearly all text is printable ASCII, and looked at one byte at a time.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match raw_byte(c) {
            Some(byte) => out.extend(["\\x", &format!("{byte:02x}")]),
            None if is_unsafe(c) => out.extend(c.escape_unicode()),
            None => out.push(c),
        }
    }
    out
}

/// JSON with the characters that [`clean`] shows as escapes as JSON's own. They stand in strings alone; line feeds stay.
#[must_use]
pub fn escape(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_unsafe(c) {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// Breaks `text` at spaces so that no line is wider than `width` columns, and within words that are wider than a line.
/// The first line starts with `first`, the others with `rest`; both count towards the width.
#[must_use]
pub fn wrap(text: &str, width: usize, first: &str, rest: &str) -> String {
    let mut out = first.to_owned();
    let mut column = first.width();
    let mut is_line_start = true;
    let room = width.saturating_sub(first.width().max(rest.width())).max(1);
    for word in text.split(' ') {
        // Nearly every word is one part.
        for (number, part) in cut(word, room).into_iter().enumerate() {
            let wide = part.width();
            let gap = usize::from(!is_line_start);
            if !is_line_start && (number > 0 || column + gap + wide > width) {
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
                out.push_str(rest);
                column = rest.width();
            } else if !is_line_start {
                out.push(' ');
                column += 1;
            }
            out.push_str(&part);
            column += wide;
            is_line_start = false;
        }
    }
    out
}

/// Parts of a text that are no wider than that, cut before a dot if possible.
pub(super) fn cut(text: &str, width: usize) -> Vec<String> {
    let (mut parts, mut part, mut column) = (Vec::new(), String::new(), 0);
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if column + wide > width && !part.is_empty() {
            let dot = part.rfind('.').filter(|at| *at > 0).unwrap_or(part.len());
            let rest = part.split_off(dot);
            parts.push(std::mem::replace(&mut part, rest));
            column = part.width();
        }
        part.push(c);
        column += wide;
    }
    parts.push(part);
    parts
}

/// The text in exactly so many columns: cleaned, cut with `…` where it is wider, filled with spaces where it is not. Of marks that
/// take no column at most four stand in a row.
#[must_use]
pub fn fit(text: &str, width: usize) -> String {
    let text = clean(text);
    let mut out = String::with_capacity(width);
    let (mut column, mut marks) = (0, 0);
    let mut before_last = (0, 0);
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        marks = if wide == 0 { marks + 1 } else { 0 };
        if marks > MAX_MARKS {
            continue;
        }
        if column + wide > width {
            // Room for the sign that there is more, which takes one column.
            let (len, at) = if column == width { before_last } else { (out.len(), column) };
            out.truncate(len);
            column = at;
            if width > 0 {
                out.push('…');
                column += 1;
            }
            break;
        }
        if wide > 0 {
            before_last = (out.len(), column);
        }
        out.push(c);
        column += wide;
    }
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(column)));
    out
}

/// Marks on one character; the longest that languages write are three.
const MAX_MARKS: usize = 4;

/// A count with separated thousands: `1,234,567`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size in bytes, from 10,000 on with a decimal unit: `9,999 B`, `12.3 kB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 10_000 {
        return format!("{} B", count(bytes));
    }
    let mut tenths = bytes / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", count(tenths / 10), tenths % 10, UNITS.get(unit).copied().unwrap_or("TB"))
}

/// `one` or `many` by the number, with the number before it.
#[must_use]
pub fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Control characters, line separators, direction marks and invisible characters (Unicode TR 36).
fn is_unsafe(c: char) -> bool {
    let hides = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    hides || c.is_control() || c.width().is_none() || raw_byte(c).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_drive_a_terminal_is_escaped() {
        assert_eq!(clean("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\\u{a}");
        assert_eq!(clean("x\u{202e}y\u{9b}z\u{200b}"), "x\\u{202e}y\\u{9b}z\\u{200b}");
        assert_eq!(clean("Straße, 会議"), "Straße, 会議");
        assert_eq!(clean("a\u{10ff80}z"), "a\\x80z");
    }

    #[test]
    fn json_says_the_same_in_escapes() {
        let json = "{\n  \"a\": \"x\u{202e}y\u{9b}31m\u{7f}z\u{e0001}, Straße\"\n}";
        let escaped = escape(json);
        assert_eq!(escaped, "{\n  \"a\": \"x\\u202ey\\u009b31m\\u007fz\\udb40\\udc01, Straße\"\n}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&escaped), read(json));
    }

    #[test]
    fn lines_break_at_spaces_within_the_width() {
        let text = wrap("one two three four", 9, "- ", "  ");
        assert_eq!(text, "- one two\n  three\n  four");
        assert!(text.lines().all(|line| line.width() <= 9));
        assert_eq!(wrap("", 9, "- ", "  "), "- ");
    }

    #[test]
    fn a_word_that_fits_no_line_is_cut_before_a_dot() {
        assert_eq!(cut("*.googletagmanager.com", 19), ["*.googletagmanager", ".com"]);
        assert_eq!(cut("a.bbbbbb", 4), ["a", ".bbb", "bbb"]);
        assert_eq!(cut("", 4), [""]);
        assert_eq!(wrap("a bbbbb.cccc d", 9, "- ", "  "), "- a bbbbb\n  .cccc d");
        for first in ["", "- ", "a long label "] {
            let text = wrap(&"x".repeat(253), 20, first, "    ");
            assert!(text.lines().all(|line| line.width() <= 20), "{text}");
        }
    }

    #[test]
    fn text_fits_its_columns_whatever_it_is() {
        assert_eq!(fit("zoom.us", 9), "zoom.us  ");
        assert_eq!(fit("zoom.us", 7), "zoom.us");
        assert_eq!(fit("zoom.us", 6), "zoom.…");
        assert_eq!(fit("会議会議", 6), "会議… ");
        assert_eq!(fit("会議", 1), "…");
        assert_eq!(fit("\u{202e}x", 9), "\\u{202e}x");
        assert_eq!(fit("e\u{301}e\u{301}", 2), "e\u{301}e\u{301}");
        let stacked = format!("a{}b", "\u{301}".repeat(500));
        assert_eq!(fit(&stacked, 2), format!("a{}b", "\u{301}".repeat(4)));
        for text in ["", "会議会議会議", "e\u{301}\u{301}会", "a\u{1b}[31m", "abc", &stacked] {
            for width in 0..12 {
                assert_eq!(fit(text, width).width(), width, "{text} in {width}");
            }
        }
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([count(0), count(999), count(1000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([size(9_999), size(12_345), size(9_876_543_210)], ["9,999 B", "12.3 kB", "9.8 GB"]);
        assert_eq!(size(u64::MAX), "18,446,744.0 TB");
        assert_eq!([plural(1, "flow", "flows"), plural(2, "flow", "flows")], ["1 flow", "2 flows"]);
    }
}

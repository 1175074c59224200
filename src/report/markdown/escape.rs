//! Text in Markdown as GitHub and GitLab read it, where nearly everything means something, and where forges look for mentions,
//! references and addresses even in what was escaped with a backslash.
//!
//! So a word is written as it is only if it is plainly a word or a number. Everything else stands in a code span, which no
//! forge looks into: host names, addresses, paths, and whatever somebody put into a label.
//!
//! Input: any text. Output: the same on one line, harmless in paragraphs, lists and the cells of tables. Must not: leave
//! anything that a renderer acts on.

use crate::report::text::clean;

/// The text as a code span.
pub(super) fn code(text: &str) -> String {
    // A bar would end the cell of a table even in a code span, and escaping it shows a backslash elsewhere.
    let text = clean(text).replace('|', "\\u{7c}");
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let is_open = |c| c == '`' || c == ' ';
    let pad = if text.starts_with(is_open) || text.ends_with(is_open) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A sentence, with its words as they are and everything else in code spans.
pub(super) fn prose(text: &str) -> String {
    let text = clean(text);
    let words = text.split_whitespace().enumerate();
    words.map(|(number, text)| word(text, number == 0)).collect::<Vec<String>>().join(" ")
}

/// Marks around a word that mean nothing there, and those that must be escaped.
const BEFORE: [char; 4] = ['(', '[', '"', '\''];
const BEHIND: [char; 10] = [')', ']', '.', ',', ';', ':', '?', '!', '"', '\''];

fn word(word: &str, is_first: bool) -> String {
    // The one emphasis that reports use: *shown*.
    let inner = word.strip_prefix('*').and_then(|rest| rest.strip_suffix('*'));
    let is_lone_sign = word == "&" || (!is_first && matches!(word, "=" | "%"));
    if is_lone_sign || inner.is_some_and(|inner| !inner.is_empty() && inner.chars().all(char::is_alphabetic))
    {
        return word.to_owned();
    }
    let core = word.trim_start_matches(BEFORE).trim_end_matches(BEHIND);
    if core.is_empty() {
        return code(word);
    }
    let start = word.len() - word.trim_start_matches(BEFORE).len();
    let (before, behind) = (&word[..start], &word[start + core.len()..]);
    let shown = if is_plain(core) { core.to_owned() } else { code(core) };
    // A number with a mark behind it begins a list.
    let begins_list = is_first && core.chars().all(|c| c.is_ascii_digit());
    let escaped = |mark: char| {
        let is_escaped = matches!(mark, '[' | ']') || (begins_list && matches!(mark, '.' | ')'));
        if is_escaped { format!("\\{mark}") } else { mark.to_string() }
    };
    let marks = |marks: &str| marks.chars().map(escaped).collect::<String>();
    format!("{}{shown}{}", marks(before), marks(behind))
}

/// Whether no renderer and no forge sees more in it than a word or a number.
fn is_plain(core: &str) -> bool {
    let chars: Vec<char> = core.chars().collect();
    let at = |place: usize| chars.get(place).copied().unwrap_or(' ');
    let is_allowed = |(place, c): (usize, &char)| {
        let is_between = |holds: fn(char) -> bool| place > 0 && holds(at(place - 1)) && holds(at(place + 1));
        match c {
            '.' | ',' => is_between(|c| c.is_ascii_digit()),
            '-' | '/' | '\'' => is_between(char::is_alphanumeric),
            '%' => place > 0 && place + 1 == chars.len() && at(place - 1).is_ascii_digit(),
            c => c.is_alphanumeric(),
        }
    };
    chars.iter().enumerate().all(is_allowed) && !is_reference(core)
}

/// `1a2b3c4d` may be a commit, and `GH-1` an issue.
fn is_reference(core: &str) -> bool {
    let is_commit = core.len() >= SHORTEST_COMMIT && core.chars().all(|c| c.is_ascii_hexdigit());
    let is_issue = core.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("gh-"));
    is_commit || is_issue
}

/// Digits from which on GitHub and GitLab look for a commit.
const SHORTEST_COMMIT: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words_and_names_are_code() {
        let text =
            "the name zoomfr84zc.zoom.us has the code fr (frame 27); 1,234 B, 63.5 kB, 2023/1795, 80 %.";
        let expected =
            "the name `zoomfr84zc.zoom.us` has the code fr (frame 27); 1,234 B, 63.5 kB, 2023/1795, 80 `%`.";
        assert_eq!(prose(text), expected);
        assert_eq!(prose("*shown* by [Google LLC]: 90%"), "*shown* by \\[Google LLC\\]: 90%");
        assert_eq!(prose("1. first"), "1\\. first");
        assert_eq!(prose("Straße, 会議 O'Neill AT&T"), "Straße, 会議 O'Neill `AT&T`");
    }

    #[test]
    fn code_spans_cannot_be_left() {
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(code("a|b\nc"), "`a\\u{7c}b\\u{a}c`");
        assert_eq!(code(""), "(empty)");
    }

    /// Read as GitHub reads it, hostile text becomes text and code alone, in a cell of a table and in a list.
    #[test]
    fn hostile_text_is_text_to_a_renderer() {
        let long = "a".repeat(253);
        let hostile = [
            "<script>alert(1)</script>",
            "</details><img src=x onerror=y>",
            "a | b | c",
            "a\\|b \\` | `x` ``y",
            "[click](http://evil.example) ![x](y) [a]: http://b",
            "[a b](http://evil.example \"c d\")",
            "@everyone and @octo/team, mail a@b.example",
            "www.evil.example https://evil.example ftp://x",
            "#1 GH-1 gh-12 octo/repo#1 1a2b3c4d !1 $1 ~bug &1 :tada:",
            "- x",
            "1) x",
            "+ x",
            "> x",
            "# x",
            "--- ",
            "===",
            "```",
            "~~~ x ~~x~~",
            "**x** __x__ _x_ * x * *x*y",
            "a  \r\nb\n\n# c",
            "&lt;b&gt; &#64;a &amp; \u{202e}x\u{1b}[31m",
            "- [ ] task [x]",
            "[^1] [[wiki]] $x$ ==m==",
            "\\",
            "`",
            "",
            &long,
        ];
        for text in hostile {
            for written in [prose(text), code(text)] {
                if !written.is_empty() {
                    assert_harmless(&written, text);
                }
            }
        }
    }

    fn assert_harmless(written: &str, text: &str) {
        use comrak::nodes::NodeValue;
        let page = format!("- {written}\n\n| a | b |\n|---|---|\n| {written} | {written} |\n\nend\n");
        let mut options = comrak::Options::default();
        options.extension.table = true;
        options.extension.autolink = true;
        options.extension.strikethrough = true;
        options.extension.tasklist = true;
        options.extension.footnotes = true;
        let arena = comrak::Arena::new();
        let root = comrak::parse_document(&arena, &page, &options);
        let (mut cells, mut items, mut blocks) = (0, 0, 0);
        for node in root.descendants() {
            match &node.data.borrow().value {
                NodeValue::TableCell => cells += 1,
                NodeValue::Item(_) => items += 1,
                NodeValue::Paragraph => blocks += 1,
                NodeValue::Text(shown) => {
                    let is_looked_at = shown.contains(['@', '#', '<', '|', '`', '$', '~']);
                    let is_emoji =
                        shown.split_whitespace().any(|word| word.len() > 1 && word.starts_with(':'));
                    assert!(!is_looked_at && !is_emoji, "{text:?} gives {shown:?}");
                }
                NodeValue::Document
                | NodeValue::List(_)
                | NodeValue::Table(_)
                | NodeValue::TableRow(_)
                | NodeValue::Code(_)
                | NodeValue::Emph => {}
                other => panic!("{text:?} gives {other:?} in {page}"),
            }
        }
        assert_eq!((cells, items, blocks), (4, 1, 2), "{text:?} in {page}");
    }
}

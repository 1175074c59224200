//! Text in XML 1.0, which has no way to write most control characters.
//!
//! Input: any text. Output: the same, as content of an element or of an attribute in double quotes. Must not: leave a
//! character that XML forbids.

use crate::report::text::clean;

/// The text on one line: what XML forbids, what drives a terminal and what hides text stand as `\u{…}`.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // XML 1.0, section 2.2, has every other character that `clean` leaves.
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_forbids_is_replaced() {
        let text = "a\0\u{1b}[31m\u{b}\n<b c=\"d\" e='f'>&]]>\u{fffe}\u{ffff}\u{85}Straße";
        let expected = "a\\u{0}\\u{1b}[31m\\u{b}\\u{a}&lt;b c=&quot;d&quot; e=&apos;f&apos;&gt;&amp;]]&gt;\
                        \\u{fffe}\\u{ffff}\\u{85}Straße";
        assert_eq!(escaped(text), expected);
    }
}

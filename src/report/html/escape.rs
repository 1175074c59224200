//! What every value of a template passes: nothing that came from a capture, a path or a data file becomes markup, or hides
//! or reorders text.
//!
//! Input: any text. Output: text for the inside of elements and of quoted attributes. Must not: be left out; the templates'
//! own texts alone are marked `safe`.

use std::fmt::{Result, Write};

use askama::filters::{Escaper, Html};

use crate::report::text::clean;

/// The escaper that `askama.toml` names for templates of HTML.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clean;

impl Escaper for Clean {
    fn write_escaped_str<W: Write>(&self, dest: W, string: &str) -> Result {
        Html.write_escaped_str(dest, &clean(string))
    }
}

/// JSON that can stand in a `script` element: no character in it opens a tag, ends the element or begins a comment. JSON has these
/// characters in strings alone, where an escape means the same.
pub(super) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_hidden_characters_become_text() {
        let mut out = String::new();
        Clean.write_escaped_str(&mut out, "<a href='x' title=\"y\">&\u{202e}\u{1b}[31m</a>").unwrap();
        assert!(!out.contains(['<', '>', '"', '\'', '\u{202e}', '\u{1b}']), "{out}");
        assert!(out.contains("\\u{202e}\\u{1b}[31m"), "{out}");
    }

    #[test]
    fn json_ends_no_element_and_says_the_same() {
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let text = r#"["</script><!--&amp;"]"#;
        assert!(!json(text).contains(['<', '>', '&']));
        assert_eq!(read(&json(text)), read(text));
    }
}

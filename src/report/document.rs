//! A short document for people: lines in front, sections of entries behind, the same in text, Markdown and HTML.
//!
//! Input: a [`Document`], whose texts may be anybody's. Output: text. Must not: know what it is about.

use std::fmt::Write as _;

pub use crate::report::html::document as html;
use crate::report::lang::Lang;
pub use crate::report::markdown::document as markdown;
use crate::report::table::{Color, WIDTH};
use crate::report::text::{clean, count, wrap};

/// What is to be said, in order.
#[derive(Clone, Default, Debug)]
pub struct Document {
    /// What it is.
    pub title: String,
    /// The answer in short, a sentence each.
    pub lines: Vec<String>,
    /// The rest.
    pub sections: Vec<Section>,
    /// What made it.
    pub tool: String,
    /// The language that its sentences are in; labels are translated where they are shown.
    pub lang: Lang,
}

/// A part of a document.
#[derive(Clone, Default, Debug)]
pub struct Section {
    /// What stands in it.
    pub title: String,
    /// Sentences.
    pub notes: Vec<String>,
    /// Things, each with what is said of it.
    pub entries: Vec<Entry>,
    /// How many more there are, which this document leaves out.
    pub more: u64,
}

/// One thing.
#[derive(Clone, Default, Debug)]
pub struct Entry {
    /// Its name, which may be anybody's text.
    pub title: String,
    /// What is said of it, by labels of at most eight letters.
    pub fields: Vec<(&'static str, String)>,
    /// Whether it is to be looked at first.
    pub is_flagged: bool,
}

impl Document {
    /// The document on a terminal, at most [`WIDTH`] columns wide.
    #[must_use]
    pub fn text(&self, color: Color) -> String {
        let mut out = String::new();
        for line in &self.lines {
            emphasised(&mut out, &wrap(&clean(line), WIDTH, "", "  "), color);
        }
        for section in &self.sections {
            out.push('\n');
            emphasised(&mut out, &wrap(&clean(&section.title), WIDTH, "", "  "), color);
            for note in &section.notes {
                line(&mut out, &wrap(&clean(note), WIDTH, "  ", "  "));
            }
            for (number, entry) in (1..).zip(&section.entries) {
                entry.write(&mut out, number, self.lang);
            }
            if let Some(more) = section.left_out(self.lang) {
                line(&mut out, &wrap(&more, WIDTH, "  ", "  "));
            }
        }
        out
    }
}

impl Section {
    /// What says that there is more.
    #[must_use]
    pub fn left_out(&self, lang: Lang) -> Option<String> {
        (self.more > 0).then(|| lang.say("and {} more; --format json has all of them.", &[&count(self.more)]))
    }
}

impl Entry {
    fn write(&self, out: &mut String, number: u64, lang: Lang) {
        line(out, &wrap(&clean(&self.title), WIDTH, &format!("{number:>3}. "), "     "));
        for (label, text) in &self.fields {
            line(
                out,
                &wrap(&clean(text), WIDTH, &format!("     {:<8} ", lang.word(label)), "              "),
            );
        }
    }
}

fn line(out: &mut String, text: &str) {
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(out, "{text}");
}

fn emphasised(out: &mut String, text: &str, color: Color) {
    match color {
        Color::Always => text.lines().for_each(|part| line(out, &format!("\x1b[1m{part}\x1b[0m"))),
        Color::Never => line(out, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostile() -> Document {
        let text = "<script>alert(1)</script> | `x` [a](b) \u{1b}[31m\u{202e}".to_owned();
        let entry = Entry { title: text.clone(), fields: vec![("what", text.clone())], is_flagged: true };
        Document {
            title: text.clone(),
            lines: vec![text.clone()],
            sections: vec![Section { title: text.clone(), notes: vec![text], entries: vec![entry], more: 3 }],
            tool: "borderpost 0".to_owned(),
            lang: Lang::ENGLISH,
        }
    }

    #[test]
    fn nothing_leaves_raw_in_any_form() {
        let document = hostile();
        let texts = [document.text(Color::Never), markdown(&document), html(&document)];
        for text in &texts {
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
            assert!(text.contains("and 3 more"), "{text}");
        }
        assert!(!texts[2].contains("<script>alert"), "{}", texts[2]);
        assert!(texts[0].lines().all(|line| line.chars().count() <= WIDTH), "{}", texts[0]);
    }
}

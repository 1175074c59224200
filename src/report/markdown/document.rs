//! A document in Markdown.

use std::fmt::Write as _;

use crate::report::document::{Document, Section};
use crate::report::lang::Lang;
use crate::report::markdown::escape::{code, prose};

/// Writes a document.
#[must_use]
pub fn document(document: &Document) -> String {
    let mut out = format!("# {}\n\n", prose(&document.title));
    for line in &document.lines {
        item(&mut out, &prose(line));
    }
    for part in &document.sections {
        section(&mut out, part, document.lang);
    }
    out
}

fn section(out: &mut String, section: &Section, lang: Lang) {
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(out, "\n## {}\n", prose(&section.title));
    for note in &section.notes {
        item(out, &prose(note));
    }
    for (number, entry) in (1..).zip(&section.entries) {
        let _ = writeln!(out, "\n### {number} {}\n", code(&entry.title));
        for (label, text) in &entry.fields {
            item(out, &format!("{}: {}", lang.word(label), prose(text)));
        }
    }
    if let Some(more) = section.left_out(lang) {
        let _ = writeln!(out, "\n{}", prose(&more));
    }
}

fn item(out: &mut String, text: &str) {
    let _ = writeln!(out, "- {text}");
}

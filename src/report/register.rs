//! A register of declared transfers, for people.

use crate::report::table::WIDTH;
use crate::report::text::{clean, wrap};
use crate::verdict::{Entry, Register};

/// One line for each register.
#[must_use]
pub fn overview(registers: &[Register]) -> String {
    let mut text = String::new();
    for register in registers {
        line(&mut text, &format!("{}: {}", register.name(), register.title()), "", "    ");
        line(&mut text, &format!("valid {}", span(register.valid())), "    ", "    ");
    }
    text
}

/// A register's entries, what it says of transfers that no capture shows, and its limits.
#[must_use]
pub fn page(register: &Register) -> String {
    let mut text = String::new();
    line(&mut text, &format!("{}: {}", register.name(), register.title()), "", "  ");
    line(&mut text, &format!("Valid {}.", span(register.valid())), "", "  ");
    line(&mut text, &format!("Limits: {}", register.limits()), "", "  ");
    for entry in register.entries() {
        self::entry(&mut text, entry);
    }
    if !register.unseen().is_empty() {
        text.push_str("\nDeclared, and not visible in a client's capture\n");
    }
    for unseen in register.unseen() {
        line(
            &mut text,
            &format!("{}: {}; not visible here: {}", unseen.id, unseen.what, unseen.why),
            "  - ",
            "    ",
        );
        line(&mut text, &format!("{}, {}", unseen.document, unseen.passage), "    ", "    ");
    }
    text
}

fn entry(text: &mut String, entry: &Entry) {
    text.push('\n');
    line(text, &entry.id, "", "");
    line(text, &format!("{}: {}, {}", entry.recipient, entry.services.join(", "), entry.scope), "  ", "  ");
    line(text, &entry.purpose, "  ", "  ");
    line(text, &format!("valid {}", span(entry.valid)), "  ", "  ");
    line(text, &format!("{}, {}", entry.document, entry.passage), "  ", "  ");
}

fn span(valid: crate::data::Validity) -> String {
    match (valid.from, valid.until) {
        (None, None) => "as long as the register".to_owned(),
        (Some(from), None) => format!("from {from}"),
        (None, Some(until)) => format!("until {until}"),
        (Some(from), Some(until)) => format!("from {from} until {until}"),
    }
}

fn line(text: &mut String, words: &str, first: &str, rest: &str) {
    text.push_str(&wrap(&clean(words), WIDTH, first, rest));
    text.push('\n');
}

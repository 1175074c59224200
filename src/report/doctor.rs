//! Whether a machine is ready to capture, as it is written.
//!
//! Input: checks that were made. Output: text. Must not: look at the machine.

use serde::Serialize;

use crate::report::schema::{Schema, Tool};
use crate::report::text::{clean, escape, wrap};

/// How a check came out.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing has to be done.
    Ok,
    /// Something should be done, or known.
    Attention,
    /// It cannot be told from here.
    CannotTell,
}

impl State {
    const fn words(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Attention => "attention",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// One thing that was looked at.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// What, in a word or two.
    pub name: &'static str,
    /// How it came out.
    pub state: State,
    /// Whether no capture can be made until something is done.
    pub blocks: bool,
    /// What was seen. It may hold what others wrote and is not escaped.
    pub seen: String,
    /// What to do, where there is something.
    pub remedy: Option<String>,
}

impl Check {
    /// Nothing has to be done.
    pub fn ok(name: &'static str, seen: impl Into<String>) -> Self {
        Self { name, state: State::Ok, blocks: false, seen: seen.into(), remedy: None }
    }

    /// Something should be done, or known.
    pub fn attention(name: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { name, state: State::Attention, blocks: false, seen: seen.into(), remedy }
    }

    /// No capture can be made until something is done.
    pub fn blocking(name: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { blocks: true, ..Self::attention(name, seen, remedy) }
    }

    /// It cannot be told from here, with what to do about that.
    pub fn cannot_tell(name: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::CannotTell, ..Self::attention(name, seen, remedy) }
    }
}

/// All checks, in order.
#[derive(Serialize, Clone, Debug)]
pub struct Diagnosis {
    schema: Schema,
    tool: Tool,
    /// The operating system, by Rust's name for it.
    system: &'static str,
    /// The checks.
    pub checks: Vec<Check>,
}

impl Diagnosis {
    /// Those checks, made on this system.
    #[must_use]
    pub fn of(checks: Vec<Check>) -> Self {
        Self {
            schema: Schema { name: "borderpost-doctor", version: "1.0" },
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            system: std::env::consts::OS,
            checks,
        }
    }

    /// Whether something stands in the way of capturing.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.checks.iter().any(|check| check.blocks)
    }

    /// As one JSON object, indented, escaped as reports are.
    #[must_use]
    pub fn json(&self) -> String {
        // Texts and switches cannot fail to be written.
        let mut text = escape(&serde_json::to_string_pretty(self).unwrap_or_default());
        text.push('\n');
        text
    }

    /// For people, 80 columns wide.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = String::new();
        for check in &self.checks {
            let head = format!("{:<16}{:<13}", check.name, check.state.words());
            out.push_str(&wrap(&clean(&check.seen), WIDTH, &head, INDENT));
            out.push('\n');
            if let Some(remedy) = &check.remedy {
                out.push_str(&wrap(&clean(remedy), WIDTH, &format!("{INDENT}> "), &format!("{INDENT}  ")));
                out.push('\n');
            }
        }
        let count = |state: State| self.checks.iter().filter(|check| check.state == state).count();
        let [ok, attention, unknown] = [State::Ok, State::Attention, State::CannotTell].map(count);
        let verdict = if self.blocks() { "No capture can be made yet." } else { "A capture can be made." };
        out + &format!("\n{verdict} {ok} ok, {attention} to be looked at, {unknown} cannot be told.\n")
    }
}

const WIDTH: usize = 80;
/// As wide as the name and the state of a check.
const INDENT: &str = "                             ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_cleaned_and_lines_are_no_wider_than_80_columns() {
        let long = "\u{1b}[31mred ".repeat(30);
        let diagnosis =
            Diagnosis::of(vec![Check::ok("a", long.clone()), Check::blocking("b", long.clone(), long)]);
        let table = diagnosis.table();
        assert!(diagnosis.blocks() && !table.contains('\u{1b}'));
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        assert!(table.ends_with("No capture can be made yet. 1 ok, 1 to be looked at, 0 cannot be told.\n"));
        let json: serde_json::Value = serde_json::from_str(&diagnosis.json()).unwrap();
        assert_eq!(
            (&json["checks"][1]["state"], &json["checks"][0]["blocks"]),
            (&"attention".into(), &false.into())
        );
    }
}

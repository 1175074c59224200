//! What was asked for, what was found, and the page of both.
//!
//! Input: figures. Output: a Markdown table; whether a goal was missed. Must not: call reached what was not measured.

use std::fmt::Write as _;

/// One figure of a goal.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// The goal, as `G1`.
    pub(crate) goal: &'static str,
    /// What was measured.
    pub(crate) what: String,
    /// What it is to be.
    pub(crate) bound: String,
    /// What it was.
    pub(crate) found: String,
    /// Whether that is reached; `None` where it could not be measured.
    pub(crate) is_reached: Option<bool>,
}

impl Figure {
    /// A count that is to be 0, with what was counted first.
    pub(crate) fn none(goal: &'static str, what: impl Into<String>, found: &[String]) -> Self {
        let first = found.first().map(|first| format!(": {first}")).unwrap_or_default();
        Self {
            goal,
            what: what.into(),
            bound: "0".to_owned(),
            found: format!("{}{first}", found.len()),
            is_reached: Some(found.is_empty()),
        }
    }

    /// A number that is to be at most so much.
    pub(crate) fn at_most(
        goal: &'static str,
        what: impl Into<String>,
        unit: &str,
        bound: f64,
        found: f64,
    ) -> Self {
        let number = |number: f64| {
            let digits = if number < 10.0 { 2 } else { 0 };
            format!("{number:.digits$}{unit}")
        };
        let bound_text = format!(
            "at most {}",
            if bound.fract() == 0.0 { format!("{bound}{unit}") } else { number(bound) }
        );
        Self {
            goal,
            what: what.into(),
            bound: bound_text,
            found: number(found),
            is_reached: Some(found <= bound),
        }
    }

    /// What could not be measured here, and why.
    pub(crate) fn unmeasured(goal: &'static str, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { goal, what: what.into(), bound: String::new(), found: why.into(), is_reached: None }
    }

    /// The same with more about what was found.
    pub(crate) fn with(mut self, more: &str) -> Self {
        self.found = format!("{} ({more})", self.found);
        self
    }
}

/// The table of the figures.
pub(crate) fn page(figures: &[Figure]) -> String {
    let mut page = "| goal | what | bound | found | |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for Figure { goal, what, bound, found, is_reached } in figures {
        let mark = match is_reached {
            Some(true) => "reached",
            Some(false) => "**missed**",
            None => "not measured",
        };
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        // Writing to a text cannot fail.
        let _ = writeln!(page, "| {goal} | {} | {} | {} | {mark} |", cell(what), cell(bound), cell(found));
    }
    page
}

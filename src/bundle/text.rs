//! What `verify` found, for people.
//!
//! Input: a verification. Output: text, 80 columns wide, the answer first. Must not: judge.

use super::verification::{Found, Outcome, Part, Redaction, Verification};
use crate::report::text::{clean, plural, wrap};

/// The page.
#[must_use]
pub fn text(v: &Verification) -> String {
    let mut page = Page(String::new());
    page.line("", answer(v));
    for what in &v.not_done {
        page.item("Not done", what);
    }
    for cause in &v.causes {
        page.item("Why", &cause.says);
    }
    page.0.push('\n');
    let by =
        v.made_by.as_ref().map_or_else(|| "unknown".to_owned(), |by| format!("{} {}", by.name, by.version));
    page.item("Bundle", &format!("{}, made by {by}", v.bundle));
    if let Some(seal) = &v.seal {
        page.item("Seal", &format!("{seal} (SHA-256 of SHA256SUMS)"));
    }
    let intact = v.files.iter().filter(|file| file.is_intact()).count();
    page.item("Files", &format!("{intact} of {} as its manifest says", v.files.len()));
    for file in v.files.iter().filter(|file| !file.is_intact()) {
        let what = file.what.as_deref().unwrap_or_default();
        page.below(&format!("{} {}: {what}", file.state.to_uppercase(), file.path));
    }
    for read in &v.read {
        page.item("Read", &found(read));
    }
    for redaction in &v.redactions {
        page.item("Redacted", &redacted(redaction));
    }
    for part in &v.made_again {
        let same = if part.same { "the same in every byte" } else { "DIFFERS" };
        page.item("Made again", &format!("{}: {same}", part.name));
    }
    differences(v, &mut page);
    page.0
}

fn answer(v: &Verification) -> &'static str {
    let is_made_again = !v.made_again.is_empty();
    match v.outcome {
        Outcome::Same => "Same: the bundle is as it was written, and the report made again is the same.",
        Outcome::Differs if v.made_again.iter().all(|part| part.same) && is_made_again => {
            "Differs: the bundle is not as it was written. The report made again is the recorded one."
        }
        Outcome::Differs if is_made_again => "Differs: the report made again is not the recorded one.",
        Outcome::Differs => "Differs: something is not as it was, and the report was not made again.",
        Outcome::NotDone => {
            "Not done: the bundle is as it was written, but the report could not be made again."
        }
    }
}

fn found(read: &Found) -> String {
    let where_from = match (read.by, &read.found) {
        (Some("given"), Some(path)) => format!("as given, {path}"),
        (Some("bundle"), _) => "found in the bundle".to_owned(),
        (Some("beside_bundle"), Some(path)) => format!("found beside the bundle, {path}"),
        (Some(_), _) => "found where it was".to_owned(),
        (None, _) => "NOT FOUND".to_owned(),
    };
    format!("{}: {where_from} (SHA-256 {})", read.path, read.sha256)
}

fn redacted(redaction: &Redaction) -> String {
    let Redaction { path, log, what, version, original_sha256, original } = redaction;
    match (what, version, original_sha256) {
        (None, Some(version), Some(sha256)) => {
            let given = original.as_ref().map(|given| format!(", as given, {given}")).unwrap_or_default();
            format!(
                "{path}: by borderpost {version} from a capture with SHA-256 {sha256}{given}; {log} says how"
            )
        }
        _ => format!("{path}: NOT BY {log}: {}", what.as_deref().unwrap_or("it says nothing")),
    }
}

fn differences(v: &Verification, page: &mut Page) {
    let is_any = v.parts.iter().any(|part| !part.same);
    if !is_any {
        return;
    }
    let names = |same: bool| {
        let of_kind = v.parts.iter().filter(|part: &&Part| part.same == same);
        of_kind.map(|part| part.name.clone()).collect::<Vec<_>>().join(", ")
    };
    page.item("The same", &names(true));
    page.item("Differ", &names(false));
    for difference in &v.differences {
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        page.below(&difference.at);
        page.line("    recorded    ", &side(&difference.recorded));
        page.line("    made again  ", &side(&difference.made_again));
    }
    if v.more_differences > 0 {
        page.below(&format!("and {}", plural(v.more_differences, "more place", "more places")));
    }
}

struct Page(String);

impl Page {
    fn line(&mut self, first: &str, text: &str) {
        let rest = " ".repeat(first.chars().count());
        self.0.push_str(&wrap(&clean(text), WIDTH, first, &rest));
        self.0.push('\n');
    }

    fn item(&mut self, name: &str, text: &str) {
        self.line(&format!("{name:<MARGIN$}"), text);
    }

    fn below(&mut self, text: &str) {
        self.line("  ", text);
    }
}

const WIDTH: usize = 80;
const MARGIN: usize = 12;

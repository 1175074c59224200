//! Host names without what changes from run to run, by the rules of `data/folding.toml`.
//!
//! Input: a host name or a host pattern. Output: the name with `*` for what varies, and which rules made it so. Must not: know
//! whose a host is.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::data;

/// A host name as runs are compared by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Folded {
    /// The name with `*` for what varies.
    pub(super) shown: String,
    /// The rules that folded something, by their ids, in the order of the labels.
    pub(super) rules: Vec<&'static str>,
}

/// Folds a name.
pub(super) fn fold(name: &str) -> Folded {
    let rules = &RULES.rule;
    let mut used = Vec::new();
    let is_kept =
        |rule: &&Rule| rule.what == What::Keep && rule.under.iter().any(|under| lies_under(name, under));
    if rules.iter().any(|rule| is_kept(&rule)) {
        return Folded { shown: name.to_owned(), rules: used };
    }
    let labels: Vec<&str> = name.split('.').collect();
    let free = labels.len().saturating_sub(registered(&labels));
    let shown: Vec<String> = labels
        .iter()
        .enumerate()
        .map(|(number, label)| {
            let folded =
                rules.iter().filter(|_| number < free).find_map(|rule| Some((rule, rule.folds(label)?)));
            match folded {
                Some((rule, shown)) => {
                    if !used.contains(&rule.id.as_str()) {
                        used.push(rule.id.as_str());
                    }
                    shown
                }
                None => (*label).to_owned(),
            }
        })
        .collect();
    Folded { shown: shown.join("."), rules: used }
}

/// Why a rule folds, for people.
pub(super) fn why(id: &str) -> Option<&'static str> {
    RULES.rule.iter().find(|rule| rule.id == id).map(|rule| rule.why.as_str())
}

/// How many labels at the end of a name it is registered under.
pub(super) fn registered(labels: &[&str]) -> usize {
    match labels {
        [.., second, last] if second.len() <= 3 && last.len() == 2 && labels.len() > 2 => 3,
        _ => 2,
    }
}

fn lies_under(name: &str, under: &str) -> bool {
    name.strip_suffix(under).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Rules {
    #[expect(dead_code, reason = "the day is for people, and for the test that every data file has one")]
    compiled: crate::frame::Date,
    rule: Vec<Rule>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    what: What,
    #[serde(default)]
    under: Vec<String>,
    #[serde(default)]
    areas: Vec<String>,
    #[serde(default)]
    sides: Vec<String>,
    #[serde(default)]
    at_least: usize,
    #[serde(default)]
    turns: usize,
    why: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "the test of the rules reads them"))]
    examples: Vec<[String; 2]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
enum What {
    Address,
    Digits,
    Hex,
    Keep,
    Mixed,
    Region,
    Uuid,
}

impl Rule {
    /// The label as it is shown, where the rule folds it.
    fn folds(&self, label: &str) -> Option<String> {
        let whole = match self.what {
            What::Keep => false,
            What::Digits => return digits(label),
            What::Uuid => is_uuid(label),
            What::Address => is_address(label),
            What::Region => is_region(self, label),
            What::Hex => label.len() >= self.at_least && is_hex(label),
            What::Mixed => {
                label.len() >= self.at_least && turns(label).is_some_and(|turns| turns >= self.turns)
            }
        };
        whole.then(|| "*".to_owned())
    }
}

/// The label with every run of digits as `*`.
fn digits(label: &str) -> Option<String> {
    let is_digit = |c: char| c.is_ascii_digit();
    if !label.contains(is_digit) {
        return None;
    }
    let mut shown = String::with_capacity(label.len());
    for c in label.chars() {
        let c = if is_digit(c) { '*' } else { c };
        if c != '*' || !shown.ends_with('*') {
            shown.push(c);
        }
    }
    Some(shown)
}

fn is_uuid(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && label.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn is_address(label: &str) -> bool {
    let spelt = label.strip_prefix("ip-").unwrap_or(label).replace('-', ".");
    spelt.parse::<std::net::Ipv4Addr>().is_ok()
}

/// `eu-central-1`, `us-gov-west-1`, `europe-west4`.
fn is_region(rule: &Rule, label: &str) -> bool {
    let (words, number) = match label.rsplit_once('-') {
        Some((words, number)) if number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            (words, number)
        }
        _ => label.split_at(label.trim_end_matches(|c: char| c.is_ascii_digit()).len()),
    };
    let parts: Vec<&str> = words.split('-').collect();
    let (Some(area), Some(side)) = (parts.first(), parts.last()) else { return false };
    let is_one = |of: &[String], part: &str| of.iter().any(|known| known == part);
    !number.is_empty() && parts.len() > 1 && is_one(&rule.areas, area) && is_one(&rule.sides, side)
}

fn is_hex(label: &str) -> bool {
    let has = |holds: fn(&u8) -> bool| label.as_bytes().iter().any(holds);
    label.bytes().all(|byte| byte.is_ascii_hexdigit())
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
}

/// How often letters and digits take turns; `None` where there is something else.
fn turns(label: &str) -> Option<usize> {
    let bytes = label.as_bytes();
    let turn = |pair: &&[u8]| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit());
    bytes.iter().all(u8::is_ascii_alphanumeric).then(|| bytes.windows(2).filter(turn).count())
}

/// The test below reads the file, so that it cannot fail to be read; without it nothing is folded.
static RULES: LazyLock<Rules> = LazyLock::new(|| {
    data::parse("folding.toml", TEXT).unwrap_or_else(|_| Rules {
        compiled: crate::frame::Timestamp::from_nanos(0).date(),
        rule: Vec::new(),
    })
});

const TEXT: &str = include_str!("data/folding.toml");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_rule_does_what_its_examples_say() {
        let rules: Rules = data::parse("folding.toml", TEXT).unwrap();
        for rule in &rules.rule {
            assert!(!rule.examples.is_empty(), "{}", rule.id);
            let mut folds = rule.what == What::Keep;
            for [name, shown] in &rule.examples {
                let folded = fold(name);
                assert_eq!(&folded.shown, shown, "{}", rule.id);
                folds |= folded.rules == [rule.id.as_str()];
            }
            assert!(folds, "{}: none of its examples is folded by it", rule.id);
        }
    }

    #[test]
    fn patterns_of_the_catalogue_stay() {
        for pattern in
            ["zoom*mmr.*.zoom.us", "*.telemetry.zoom.us", "zoom.us", "log.zoom.us", "*.zoom.us", ""]
        {
            assert_eq!(fold(pattern), Folded { shown: pattern.to_owned(), rules: Vec::new() }, "{pattern}");
        }
        assert_eq!(fold("us04zoom*mmr.*.zoom.us").shown, "us*zoom*mmr.*.zoom.us");
    }

    proptest! {
        #[test]
        fn folding_is_the_same_the_second_time_and_keeps_the_labels(name in "[a-z0-9*.\\-é]{0,60}") {
            let once = fold(&name).shown;
            prop_assert_eq!(once.matches('.').count(), name.matches('.').count());
            prop_assert_eq!(fold(&once).shown, once);
        }
    }
}

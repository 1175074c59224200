//! Host names: whose they are and what they are for.
//!
//! Input: `names.toml`, once, and host names. Output: the most specific rule that fits.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;

use super::pattern::{Captures, Pattern};
use super::site::Site;
use crate::client::{RecipientId, Service};
use crate::data::{self, Confidence, DataError};
use crate::frame::Date;
use crate::wire::Hostname;

/// What a host name says about a remote end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameMatch<'a> {
    /// Whose name it is.
    pub owner: Owner,
    /// Who runs what is behind it.
    pub recipient: RecipientId,
    /// What it is for.
    pub service: Service,
    /// The name as reports show it: `zoom*mmr.*.zoom.us`.
    pub host_pattern: String,
    /// The rule that fits, as the data file writes it.
    pub rule: &'a str,
    /// Whether the rule is a bare domain: the name is the owner's, and the service a mere default.
    pub is_default: bool,
    /// The site code in the name, where there is a known one. It is evidence of place only as
    /// [`site_statement`](super::Catalogue::site_statement) accepts it.
    pub site: Option<Site<'a>>,
    /// The cluster of the account, as `eu01`. It is no place.
    pub cluster: Option<String>,
    /// Where the rule is from.
    pub source: &'a str,
    /// How sure the rule is.
    pub confidence: Confidence,
}

impl NameMatch<'_> {
    /// Whether the name is the client operator's own.
    #[must_use]
    pub fn is_client(&self) -> bool {
        self.owner == Owner::Client
    }
}

/// Whose a name is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The client operator's own.
    Client,
    /// Another company's service for its customers, worth naming in a report.
    ThirdParty,
    /// Contacted by all kinds of software, so that a contact says nothing.
    Shared,
}

/// The rules of `names.toml`.
#[derive(Debug)]
pub(super) struct Names {
    rules: Vec<Rule>,
    exact: HashMap<String, usize>,
    suffixes: HashMap<String, usize>,
    /// The most specific first.
    patterns: Vec<(Pattern, usize)>,
    /// The last two labels of every name that a rule fits. Nearly all names end otherwise.
    ends: HashSet<String>,
}

#[derive(Debug)]
pub(super) struct Rule {
    text: String,
    pub(super) owner: Owner,
    pub(super) service: Service,
    pub(super) recipient: RecipientId,
    pub(super) source: String,
    pub(super) confidence: Confidence,
}

/// A rule that fits a name, and how.
#[derive(Debug)]
pub(super) struct Found<'a, 'h> {
    pub(super) rule: &'a Rule,
    pub(super) captures: Captures<'h>,
    pub(super) is_default: bool,
}

impl Names {
    pub(super) fn load(
        text: &str,
        recipient: impl Fn(&str) -> Option<RecipientId>,
    ) -> Result<Self, DataError> {
        let file: File = data::parse(FILE, text)?;
        let mut names = Self {
            rules: Vec::new(),
            exact: HashMap::new(),
            suffixes: HashMap::new(),
            patterns: Vec::new(),
            ends: HashSet::new(),
        };
        for row in file.rules {
            let (kind, rule_text) = row.matcher(text)?;
            let wrong = |what| DataError::about(FILE, text, &format!("\"{rule_text}\""), what);
            let rule = Rule {
                text: rule_text.clone(),
                owner: row.whose,
                service: row.service,
                recipient: recipient(&row.recipient).ok_or_else(|| wrong("an unknown recipient"))?,
                source: file.sources.get(&row.source).ok_or_else(|| wrong("an unknown source"))?.clone(),
                confidence: row.confidence,
            };
            let index = names.rules.len();
            names.ends.insert(end(row.example.as_deref().unwrap_or(&rule_text)).to_owned());
            names.rules.push(rule);
            let twice = match kind {
                Kind::Exact => names.exact.insert(rule_text.clone(), index).is_some(),
                Kind::Suffix => names.suffixes.insert(rule_text.clone(), index).is_some(),
                Kind::Pattern => {
                    names.patterns.push((Pattern::parse(&rule_text).map_err(wrong)?, index));
                    false
                }
            };
            if twice {
                return Err(wrong("a rule that stands twice"));
            }
        }
        // Stable, so that equally specific patterns keep the order of the file.
        names.patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.literal()));
        Ok(names)
    }

    /// Whose the most specific rule says a name is.
    pub(super) fn owner(&self, host: &str) -> Option<Owner> {
        if !self.ends.contains(end(host)) {
            return None;
        }
        let by_pattern =
            || self.patterns.iter().find(|(pattern, _)| pattern.fits(host)).map(|(_, index)| index);
        let by_suffix = || suffixes(host).find_map(|suffix| self.suffixes.get(suffix));
        let index = self.exact.get(host).or_else(by_pattern).or_else(by_suffix)?;
        self.rules.get(*index).map(|rule| rule.owner)
    }

    /// The most specific rule for a name.
    pub(super) fn find<'h>(&self, host: &'h str) -> Option<Found<'_, 'h>> {
        let found = |index: &usize, captures, is_domain: bool| {
            let rule = self.rules.get(*index)?;
            Some(Found { rule, captures, is_default: is_domain && rule.service == Service::Web })
        };
        let shown = |shown: String| Captures { shown, ..Captures::default() };
        if let Some(index) = self.exact.get(host) {
            return found(index, shown(host.to_owned()), false);
        }
        let pattern =
            self.patterns.iter().find_map(|(pattern, index)| Some((pattern.captures(host)?, index)));
        if let Some((captures, index)) = pattern {
            return found(index, captures, false);
        }
        let (suffix, index) = suffixes(host).find_map(|suffix| Some((suffix, self.suffixes.get(suffix)?)))?;
        let front = if suffix.len() == host.len() { "" } else { "*." };
        found(index, shown(format!("{front}{suffix}")), true)
    }
}

impl Rule {
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// The last two labels of a name.
fn end(host: &str) -> &str {
    let mut dots = host.rmatch_indices('.').skip(1);
    dots.next().and_then(|(at, _)| host.get(at + 1..)).unwrap_or(host)
}

/// A name and everything behind one of its dots, the longest first.
fn suffixes(host: &str) -> impl Iterator<Item = &str> {
    let behind_dots = host.match_indices('.').filter_map(|(at, _)| host.get(at + 1..));
    std::iter::once(host).chain(behind_dots)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "for people who read the file")]
    compiled: Date,
    rules: Vec<Row>,
    sources: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    exact: Option<String>,
    pattern: Option<String>,
    suffix: Option<String>,
    example: Option<String>,
    whose: Owner,
    service: Service,
    recipient: String,
    #[expect(dead_code, reason = "for people who read the file")]
    #[serde(default)]
    seen: Vec<u16>,
    source: String,
    confidence: Confidence,
    #[expect(dead_code, reason = "for people who read the file")]
    note: Option<String>,
}

enum Kind {
    Exact,
    Pattern,
    Suffix,
}

impl Row {
    fn matcher(&self, text: &str) -> Result<(Kind, String), DataError> {
        let (kind, rule) = match (&self.exact, &self.pattern, &self.suffix) {
            (Some(name), None, None) => (Kind::Exact, name),
            (None, Some(pattern), None) => {
                let known = self
                    .example
                    .as_ref()
                    .is_some_and(|example| Hostname::parse(example.as_bytes()).is_some());
                if !known {
                    return Err(DataError::about(FILE, text, pattern, "a pattern without an example"));
                }
                return Ok((Kind::Pattern, pattern.clone()));
            }
            (None, None, Some(suffix)) => (Kind::Suffix, suffix),
            _ => {
                return Err(DataError::at(FILE, text, None, "a rule needs one of exact, pattern and suffix"));
            }
        };
        if Hostname::parse(rule.as_bytes()).is_none_or(|name| name.as_str() != rule) {
            return Err(DataError::about(FILE, text, rule, "no host name in lower case"));
        }
        Ok((kind, rule.clone()))
    }
}

const FILE: &str = "names.toml";

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("data/names.toml");

    fn names() -> Names {
        Names::load(TEXT, |_| Some(RecipientId(0))).unwrap()
    }

    #[test]
    fn no_rule_is_shadowed_by_another() {
        let names = names();
        let file: File = data::parse(FILE, TEXT).unwrap();
        assert_eq!(file.rules.len(), names.rules.len());
        for row in &file.rules {
            let (_, text) = row.matcher(TEXT).unwrap();
            let hosts = match (&row.example, &row.suffix) {
                (Some(example), _) => vec![example.clone()],
                (None, Some(suffix)) => vec![format!("x-y-z.{suffix}")],
                (None, None) => vec![text.clone()],
            };
            for host in hosts {
                assert_eq!(names.find(&host).unwrap().rule.text(), text, "{host}");
                assert_eq!(names.owner(&host), Some(row.whose), "{host}");
            }
        }
    }

    #[test]
    fn the_most_specific_rule_wins() {
        let names = names();
        let rule =
            |host: &str| names.find(host).map(|found| (found.rule.text().to_owned(), found.captures.shown));
        let cases = [
            ("zoom.us", "zoom.us", "zoom.us"),
            ("surf-example.zoom.us", "zoom.us", "*.zoom.us"),
            ("us04web.zoom.us", "{cluster}web.zoom.us", "us04web.zoom.us"),
            ("us04www3.zoom.us", "{cluster}www3.zoom.us", "us04www3.zoom.us"),
            (
                "zoomva3233132186rwg.cloud.zoom.us",
                "zoom{site}{digits}rwg[.{loc}].zoom.us",
                "zoom*rwg.*.zoom.us",
            ),
            ("x.cloud.zoom.us", "cloud.zoom.us", "*.cloud.zoom.us"),
            ("us.telemetry.zoom.us", "telemetry.zoom.us", "*.telemetry.zoom.us"),
            (
                "zoom-general.s3.amazonaws.com",
                "zoom-general.s3.amazonaws.com",
                "zoom-general.s3.amazonaws.com",
            ),
            ("ec2.us-east-1.amazonaws.com", "amazonaws.com", "*.amazonaws.com"),
            ("u1234.ct.sendgrid.net", "ct.sendgrid.net", "*.ct.sendgrid.net"),
        ];
        for (host, text, shown) in cases {
            assert_eq!(rule(host), Some((text.to_owned(), shown.to_owned())), "{host}");
        }
        for host in ["notzoom.us", "zoom.us.example", "us", "example.org"] {
            assert_eq!(rule(host), None, "{host}");
        }
    }

    #[test]
    fn a_wrong_file_says_where() {
        let row = |fields: &str| {
            let rest = "whose = \"client\", service = \"web\", recipient = \"zoom\", confidence = \"high\"";
            format!(
                "compiled = \"2026-11-22\"\nrules = [\n {{ {fields}, {rest} }},\n]\n[sources]\na = \"b\"\n"
            )
        };
        let error = |text: &str| {
            Names::load(text, |id| (id == "zoom").then_some(RecipientId(0))).unwrap_err().to_string()
        };
        let unknown = error(&row("exact = \"a.zoom.us\", source = \"c\""));
        assert!(unknown.starts_with("names.toml:3:12: an unknown source"), "{unknown}");
        assert!(error(&row("exact = \"A.zoom.us\", source = \"a\"")).contains("no host name in lower case"));
        assert!(error(&row("pattern = \"a*.zoom.us\", source = \"a\"")).contains("without an example"));
        assert!(error(&row("source = \"a\"")).contains("a rule needs one of"));
        assert!(error(&row("exact = \"a.b\", source = \"a\", colour = 1")).contains("unknown field"));
    }
}

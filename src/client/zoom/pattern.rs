//! Host names with variable parts, as `names.toml` describes them.
//!
//! Input: a pattern, once, and host names. Output: what the variable parts are, and the name with them as `*`.
//! Every class of characters ends where the text behind it begins, so matching takes time linear in the name.

/// A pattern ready to match.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// The pattern with and without each optional part, the longer ones first.
    forms: Vec<Vec<Part>>,
    literal: usize,
    /// The text that all forms begin with, and the text that all end with; nearly every name has others, and then nothing is
    /// tried.
    opening: String,
    ending: String,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Class(Class),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Any,
    Cluster,
    Digits,
    Loc,
    Number,
    Site,
}

/// The variable parts of a name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Captures<'h> {
    pub(super) cluster: Option<&'h str>,
    pub(super) digits: Option<&'h str>,
    pub(super) loc: Option<&'h str>,
    pub(super) site: Option<&'h str>,
    /// The name as reports show it.
    pub(super) shown: String,
}

impl Pattern {
    /// Reads a pattern; the reason where it is none.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut forms = vec![Vec::new()];
        let mut literal = 0;
        let mut rest = text;
        while !rest.is_empty() {
            let (parts, optional, behind) = section(rest)?;
            rest = behind;
            if !optional {
                literal += parts.iter().map(Part::literal).sum::<usize>();
            }
            let without = if optional { forms.clone() } else { Vec::new() };
            for form in &mut forms {
                form.extend(parts.iter().cloned());
            }
            forms.extend(without);
            if forms.len() > MAX_FORMS {
                return Err("a pattern with too many optional parts");
            }
        }
        let (opening, ending) = (edge(&forms, <[Part]>::first), edge(&forms, <[Part]>::last));
        Ok(Self { forms, literal, opening, ending })
    }

    /// How many characters stand for themselves outside optional parts: the measure of how specific the pattern is.
    pub(super) const fn literal(&self) -> usize {
        self.literal
    }

    /// Whether the whole name fits.
    pub(super) fn fits(&self, host: &str) -> bool {
        let fits = |form: &Vec<Part>| fits(form, host, &mut Captures::default());
        self.may_fit(host) && self.forms.iter().any(fits)
    }

    fn may_fit(&self, host: &str) -> bool {
        // The first byte tells nearly all apart, and comparing it is no call.
        let first = self.opening.as_bytes().first();
        (first.is_none() || first == host.as_bytes().first())
            && host.starts_with(&self.opening)
            && host.ends_with(&self.ending)
    }

    /// What the variable parts are, where the whole name fits.
    pub(super) fn captures<'h>(&self, host: &'h str) -> Option<Captures<'h>> {
        if !self.may_fit(host) {
            return None;
        }
        self.forms.iter().find_map(|form| {
            let mut captures = Captures::default();
            fits(form, host, &mut captures).then(|| {
                captures.shown = shown(form, captures.cluster.unwrap_or_default());
                captures
            })
        })
    }
}

impl Part {
    fn literal(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Class(_) => 0,
        }
    }
}

impl Class {
    fn named(name: &str) -> Option<Self> {
        let class = match name {
            "cluster" => Self::Cluster,
            "digits" => Self::Digits,
            "loc" => Self::Loc,
            "number" => Self::Number,
            "site" => Self::Site,
            _ => return None,
        };
        Some(class)
    }

    /// The lengths that a run of this class may have at the start of `text`, longest first.
    fn lengths(self, text: &str) -> impl Iterator<Item = usize> {
        let run = |holds: fn(u8) -> bool| text.bytes().take_while(|&byte| holds(byte)).count();
        let (least, most) = match self {
            Self::Any => (0, run(|byte| byte.is_ascii_alphanumeric() || byte == b'-')),
            Self::Digits | Self::Number => (1, run(|byte| byte.is_ascii_digit())),
            Self::Loc | Self::Site => (1, run(|byte| byte.is_ascii_lowercase())),
            Self::Cluster => match text.as_bytes() {
                [a, b, c, d, ..]
                    if [a, b].iter().all(|l| l.is_ascii_lowercase())
                        && [c, d].iter().all(|n| n.is_ascii_digit()) =>
                {
                    (4, 4)
                }
                _ => (1, 0),
            },
        };
        (least..=most).rev()
    }
}

/// The text that every form has at one of its ends, as far as it is one part; empty where there is none.
fn edge(forms: &[Vec<Part>], end: impl Fn(&[Part]) -> Option<&Part>) -> String {
    let mut edges = forms.iter().map(|form| match end(form) {
        Some(Part::Text(text)) => text.as_str(),
        Some(Part::Class(_)) | None => "",
    });
    let first = edges.next().unwrap_or_default();
    if edges.all(|other| other == first) { first.to_owned() } else { String::new() }
}

/// The first text, class or optional part of `text`: its parts, whether it is optional, and what follows.
fn section(text: &str) -> Result<(Vec<Part>, bool, &str), &'static str> {
    if let Some(inner) = text.strip_prefix('[') {
        let (inner, behind) = inner.split_once(']').ok_or("a pattern with an open bracket")?;
        let mut parts = Vec::new();
        let mut rest = inner;
        while !rest.is_empty() {
            let (more, optional, behind) = section(rest)?;
            if optional {
                return Err("a pattern with nested brackets");
            }
            parts.extend(more);
            rest = behind;
        }
        return Ok((parts, true, behind));
    }
    if let Some(inner) = text.strip_prefix('{') {
        let (name, behind) = inner.split_once('}').ok_or("a pattern with an open brace")?;
        let class = Class::named(name).ok_or("a pattern with an unknown part in braces")?;
        return Ok((vec![Part::Class(class)], false, behind));
    }
    if let Some(behind) = text.strip_prefix('*') {
        return Ok((vec![Part::Class(Class::Any)], false, behind));
    }
    let end = text.find(['[', ']', '{', '}', '*']).unwrap_or(text.len());
    let (literal, behind) = text.split_at(end);
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    if literal.is_empty() || !literal.bytes().all(is_name) {
        return Err("a pattern with a character that no name has");
    }
    Ok((vec![Part::Text(literal.to_owned())], false, behind))
}

fn fits<'h>(form: &[Part], host: &'h str, captures: &mut Captures<'h>) -> bool {
    let Some((part, rest)) = form.split_first() else { return host.is_empty() };
    match part {
        Part::Text(text) => host.strip_prefix(text.as_str()).is_some_and(|host| fits(rest, host, captures)),
        Part::Class(class) => class.lengths(host).any(|length| {
            let Some((run, host)) = host.split_at_checked(length) else { return false };
            let found = fits(rest, host, captures);
            if found {
                captures.keep(*class, run);
            }
            found
        }),
    }
}

impl<'h> Captures<'h> {
    fn keep(&mut self, class: Class, run: &'h str) {
        match class {
            Class::Any | Class::Number => {}
            Class::Cluster => self.cluster = Some(run),
            Class::Digits => self.digits = Some(run),
            Class::Loc => self.loc = Some(run),
            Class::Site => self.site = Some(run),
        }
    }
}

/// The name with its cluster and with everything else that varies as `*`.
fn shown(form: &[Part], cluster: &str) -> String {
    let mut shown = String::new();
    for part in form {
        match part {
            Part::Text(text) => shown.push_str(text),
            Part::Class(Class::Cluster) => shown.push_str(cluster),
            Part::Class(_) if shown.ends_with('*') => {}
            Part::Class(_) => shown.push('*'),
        }
    }
    shown
}

const MAX_FORMS: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn variable_parts_are_named_and_shown_as_stars() {
        let pattern = Pattern::parse("zoom{site}{digits}mmr[.{loc}].zoom.us").unwrap();
        let new = pattern.captures("zoomsjccv154mmr.sjc.zoom.us").unwrap();
        assert_eq!((new.site, new.digits, new.loc), (Some("sjccv"), Some("154"), Some("sjc")));
        assert_eq!(new.shown, "zoom*mmr.*.zoom.us");
        let old = pattern.captures("zoomfrn99mmr.zoom.us").unwrap();
        assert_eq!((old.site, old.digits, old.loc), (Some("frn"), Some("99"), None));
        assert_eq!(old.shown, "zoom*mmr.zoom.us");
    }

    #[test]
    fn a_pattern_fits_whole_names_only() {
        let pattern = Pattern::parse("[{cluster}]logfiles-*.zoom.us").unwrap();
        for host in ["us04logfiles-va.zoom.us", "logfiles-za1.zoom.us", "logfiles-.zoom.us"] {
            assert!(pattern.captures(host).is_some(), "{host}");
        }
        let others = [
            "us4logfiles-va.zoom.us",
            "xus04logfiles-va.zoom.us",
            "logfiles-va.eu.zoom.us",
            "logfiles-va.zoom.us.example",
            "logfiles-va.zoom.com",
            "",
        ];
        for host in others {
            assert_eq!(pattern.captures(host), None, "{host}");
        }
        assert_eq!(pattern.captures("us04logfiles-va.zoom.us").unwrap().cluster, Some("us04"));
    }

    #[test]
    fn a_pattern_that_may_end_in_several_ways_is_tried_on_every_name() {
        let ending = |text: &str| Pattern::parse(text).unwrap().ending;
        assert_eq!(ending("zoom{site}{digits}zc[.{loc}].zoom.us"), ".zoom.us");
        assert_eq!([ending("zoom[.us]"), ending("zoom.{loc}")], ["", ""]);
        let opening = |text: &str| Pattern::parse(text).unwrap().opening;
        assert_eq!(
            [opening("zoom{site}.us"), opening("[us.]zoom.us"), opening("{cluster}web")],
            ["zoom", "", ""]
        );
        let open = Pattern::parse("zoom[.us]").unwrap();
        assert!(["zoom", "zoom.us"].iter().all(|host| open.captures(host).is_some()));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["[a", "a]", "{a", "{digit}", "[[a]b]", "A.zoom.us", "a b", "[a][b][c]"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_matched_without_panic(host in "[a-z0-9.*{\\-é]{0,60}", middle in "[a-z]{1,3}[0-9]{1,12}") {
            let pattern = Pattern::parse("zoom{site}{digits}rwg[.{loc}].zoom.us").unwrap();
            let _ = pattern.captures(&host);
            let name = format!("zoom{middle}rwg.zoom.us");
            prop_assert_eq!(pattern.captures(&name).map(|captures| captures.shown), Some("zoom*rwg.zoom.us".to_owned()));
        }
    }
}

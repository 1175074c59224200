//! A comparison for people: a short document, whose text, Markdown and page are made elsewhere.
//!
//! Input: a [`Comparison`], a language. Output: a [`Document`]. Must not: decide what differs, or translate a name or a value.

use std::collections::BTreeSet;

use super::difference::{Comparison, Difference, Kind, Origin, Side};
use super::{fold, words};
use crate::report::document::{Document, Entry, Section};
use crate::report::lang::Lang;
use crate::report::text::count;

/// Entries of one kind that people are shown.
const MAX_ENTRIES: usize = 100;

/// The whole comparison.
pub(super) fn document(comparison: &Comparison, lang: Lang) -> Document {
    let mut sections = Vec::new();
    if !comparison.warnings.is_empty() {
        let more = comparison.warnings.len().saturating_sub(MAX_ENTRIES) as u64;
        let shown = comparison.warnings.iter().take(MAX_ENTRIES);
        let notes = shown.map(|warning| lang.sentence(warning)).collect();
        sections.push(Section { title: lang.word("Before you compare"), notes, more, ..Section::default() });
    }
    for kind in Kind::ALL {
        let is_first = |of: &&Difference| of.changes.iter().map(|change| change.kind).min() == Some(kind);
        let members: Vec<&Difference> = comparison.differences.iter().filter(is_first).collect();
        if members.is_empty() {
            continue;
        }
        let title = format!("{}: {}", title(kind, lang), count(members.len() as u64));
        let more = members.len().saturating_sub(MAX_ENTRIES) as u64;
        let entries = members.into_iter().take(MAX_ENTRIES).map(|of| entry(of, lang)).collect();
        sections.push(Section { title, notes: Vec::new(), entries, more });
    }
    sections.push(what(comparison, lang));
    Document {
        title: if comparison.has_baseline() {
            lang.word("What is not as the baseline says")
        } else {
            lang.word("What differs between two builds")
        },
        lines: words::headline(comparison, lang),
        sections,
        tool: format!("{} {}", comparison.tool.name, comparison.tool.version),
        lang,
    }
}

fn title(kind: Kind, lang: Lang) -> String {
    match kind {
        Kind::Added => lang.word("Added"),
        Kind::Moved => lang.word("Moved to another legal zone"),
        Kind::Recipient => lang.word("Run by another company"),
        Kind::Place => lang.word("In another place"),
        Kind::Listing => lang.word("Listed otherwise"),
        Kind::Phase => lang.word("Contacted first in another phase"),
        Kind::Volume => lang.word("More or less traffic"),
        Kind::Fingerprint => lang.word("TLS stack"),
        Kind::Removed => lang.word("Not seen any more"),
        Kind::Expired => lang.word("Entries that have expired"),
        Kind::Wide => lang.word("Entries that are too wide"),
    }
}

fn entry(of: &Difference, lang: Lang) -> Entry {
    let mut fields: Vec<(&'static str, String)> = Vec::new();
    for change in &of.changes {
        fields.push((change.kind.label(), words::told(of, change, lang)));
        fields.extend(change.doubt.iter().map(|doubt| ("doubt", lang.sentence(doubt))));
    }
    if !of.tied {
        fields.push((
            "not tied",
            lang.word("nothing ties it to the client: another program may have made contact"),
        ));
    }
    for (label, side) in [("base", &of.base), ("new", &of.new)] {
        fields.extend(side.as_ref().map(|side| (label, in_numbers(side, lang))));
    }
    let names = of.new.iter().chain(&of.base).flat_map(|side| &side.names);
    let names: BTreeSet<&str> =
        names.map(String::as_str).filter(|name| Some(*name) != of.host.as_deref()).collect();
    if !names.is_empty() {
        fields.push(("named", names.into_iter().collect::<Vec<_>>().join(", ")));
    }
    let rules: BTreeSet<&str> =
        of.new.iter().chain(&of.base).flat_map(|side| side.folded.keys().copied()).collect();
    let folded: Vec<String> =
        rules.into_iter().filter_map(|id| Some(format!("{id}: {}", lang.word(fold::why(id)?)))).collect();
    if !folded.is_empty() {
        fields.push(("folded", folded.join("; ")));
    }
    let at = of.file.as_ref().zip(of.at);
    fields.extend(at.map(|(file, at)| {
        let template = if of.is_entry() {
            lang.say("{file}, line {line}", &[file, &at])
        } else {
            lang.say("{file}, frame {frame}", &[file, &at])
        };
        ("look at", template)
    }));
    Entry { title: subject(of, lang), fields, is_flagged: words::is_new_outside(of) }
}

/// What a difference is about.
fn subject(of: &Difference, lang: Lang) -> String {
    let contact = match (&of.service, &of.host, &of.protocol) {
        (Some(service), Some(host), Some(protocol)) => words::contact(service, host, protocol, lang),
        _ => lang.word(words::TLS_STACK),
    };
    match &of.zone {
        Some(zone) => words::entry(&contact, zone, lang),
        None => contact,
    }
}

/// `2 flows, 1,240 B sent; first in launch`.
fn in_numbers(side: &Side, lang: Lang) -> String {
    let phases: Vec<String> = side.phases.iter().map(|phase| lang.name(&phase.replace('_', " "))).collect();
    let first = if phases.is_empty() {
        String::new()
    } else {
        lang.say("; first in {}", &[&phases.join(&lang.word(" or "))])
    };
    let runs = if side.runs > 1 { lang.say(" in {} runs", &[&count(side.runs)]) } else { String::new() };
    format!("{}, {}{runs}{first}", words::flows(&side.flows, lang), words::sent(&side.bytes_out, lang))
}

/// What was compared, and how.
fn what(comparison: &Comparison, lang: Lang) -> Section {
    let base = comparison
        .base
        .iter()
        .map(|of| (lang.say("base: {name}", &[&of.name]), of, comparison.has_baseline()));
    let new = comparison.new.iter().map(|of| (lang.say("new: {name}", &[&of.name]), of, false));
    let all: Vec<Entry> =
        base.chain(new).map(|(title, of, is_baseline)| origin(title, of, is_baseline, lang)).collect();
    let more = all.len().saturating_sub(MAX_ENTRIES) as u64;
    Section {
        title: lang.word("What was compared"),
        notes: vec![lang.sentence(&comparison.noise)],
        entries: all.into_iter().take(MAX_ENTRIES).collect(),
        more,
    }
}

fn origin(title: String, of: &Origin, is_baseline: bool, lang: Lang) -> Entry {
    let traits: Vec<String> =
        of.traits.iter().map(|(key, value)| format!("{} {value}", lang.word(key))).collect();
    let limits: Vec<String> = of.limits.iter().map(|limit| lang.sentence(limit)).collect();
    let has = if is_baseline {
        lang.plural(of.contacts, "entry", "entries")
    } else {
        lang.plural(of.contacts, "contact", "contacts")
    };
    let parts = [
        ("build", words::build(std::slice::from_ref(of), lang)),
        ("with", traits.join(", ")),
        ("of", of.captures.join(", ")),
        ("from", of.start.clone().unwrap_or_default()),
        ("limits", limits.join("; ")),
        ("has", has),
    ];
    let fields = parts.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    Entry { title, fields, is_flagged: false }
}

//! The sentences of a comparison, all in one place.
//!
//! Input: what differs. Output: words for people. Must not: decide what differs.

use std::collections::BTreeSet;

use super::difference::{Comparison, Difference, Kind, Origin, Outside, Side};
use super::noise::Range;
use super::run::{Key, Place, Run};
use crate::frame::Date;
use crate::report::document::{Document, Entry, Section};
use crate::report::text::{count, plural, size};

/// `telemetry to *.telemetry.zoom.us, tls`.
pub(super) fn subject(key: &Key) -> String {
    format!("{} to {}, {}", key.service.replace('_', " "), key.host, key.protocol)
}

/// `US, third country`.
pub(super) fn place(place: &Place) -> String {
    if place.countries.is_empty() {
        place.zone.clone()
    } else {
        format!("{}, {}", place.countries, place.zone)
    }
}

/// What a change says.
pub(super) fn says(kind: Kind, from: &[String], to: &[String]) -> String {
    let [from, to] = [from, to].map(listed);
    match kind {
        Kind::Added => format!("new: {to}"),
        Kind::Removed => format!("not seen any more; it was {from}"),
        Kind::Moved => moved("legal zone", &from, &to),
        Kind::Recipient => moved("run by", &from, &to),
        Kind::Place => moved("place", &from, &to),
        Kind::Listing => moved("listing", &from, &to),
        Kind::Phase => format!("first contact in {to}, not in {from} as in the base"),
        Kind::Volume => format!("{to}, beyond the noise of the base: {from}"),
        Kind::Fingerprint => moved("JA4", &from, &to),
        Kind::Expired | Kind::Wide => to,
    }
}

fn moved(what: &str, from: &str, to: &str) -> String {
    match (from.is_empty(), to.is_empty()) {
        (false, false) => format!("{what}: {to}; before: {from}"),
        (true, _) => format!("{what}: {to} as well"),
        (false, true) => format!("{what}: {from} no more"),
    }
}

fn listed(all: &[String]) -> String {
    let shown: Vec<&str> = all.iter().take(MAX_LISTED).map(String::as_str).collect();
    match all.len().saturating_sub(MAX_LISTED) {
        0 => shown.join("; "),
        more => format!("{} and {more} more", shown.join("; ")),
    }
}

/// Things that a sentence names.
const MAX_LISTED: usize = 8;

/// `4 flows` or `4 to 7 flows`.
pub(super) fn flows(range: &Range) -> String {
    if range.least == range.most {
        plural(range.most, "flow", "flows")
    } else {
        format!("{} to {} flows", count(range.least), count(range.most))
    }
}

/// `1,240 B sent` or `1,240 B to 2.1 kB sent`.
pub(super) fn sent(range: &Range) -> String {
    if range.least == range.most {
        format!("{} sent", size(range.most))
    } else {
        format!("{} to {} sent", size(range.least), size(range.most))
    }
}

/// Why what is not seen may be there after all.
pub(super) fn doubt(runs: &[Run]) -> Option<String> {
    let limits: Vec<String> = runs.iter().flat_map(|run| run.limits.iter().cloned()).collect();
    (!limits.is_empty()).then(|| format!("what is not seen may have been lost: {}", listed(&limits)))
}

/// Why no number is called changed.
pub(super) const ONE_RUN: &str = "The base has one run, which cannot tell noise from change: no number of flows or bytes is called changed. \
                                  Name more runs of the same build with --base, or a folder of them.";

/// Why a baseline has nothing to say of numbers.
pub(super) const NO_VOLUMES: &str =
    "A baseline has no numbers of flows or bytes: compare those with `borderpost diff`.";

/// What is to be said of a contact that only a proposal is of.
pub(super) fn only_proposed(line: u64) -> String {
    format!(
        "only proposed in line {line} of the baseline: take `proposed` away there once somebody answers for it"
    )
}

/// What is to be said of a contact that no entry is of.
pub(super) fn in_no_entry(recipient: &str, zone: &str) -> String {
    format!("in no entry of the baseline: run by {recipient}, {zone}")
}

/// What is to be said of an entry that has expired.
pub(super) fn expired(day: Date, owner: &str, is_seen: bool) -> String {
    let seen = if is_seen { "and is still in use" } else { "and was not seen" };
    format!("the entry expired on {day} {seen}; its owner is {owner}")
}

/// What an entry is of which nothing was seen.
pub(super) fn never_seen(recipient: &str, zone: &str, is_pattern: bool) -> String {
    let hint = if is_pattern {
        "; `host` is taken to the letter, and `hosts` would let * stand for anything"
    } else {
        ""
    };
    format!("run by {recipient}, {zone}{hint}")
}

/// Of what build a side is.
pub(super) fn build(side: &[Origin]) -> String {
    let builds: BTreeSet<String> = side
        .iter()
        .flat_map(|run| &run.builds)
        .map(|build| format!("{} ({})", build.version, build.by.words()))
        .collect();
    if builds.is_empty() {
        return "not known".to_owned();
    }
    builds.into_iter().collect::<Vec<_>>().join(", ")
}

/// That two sides were made with different things.
pub(super) fn other_trait(key: &str, base: &BTreeSet<String>, new: &BTreeSet<String>) -> String {
    let [base, new] = [base, new].map(|values| values.iter().cloned().collect::<Vec<_>>().join(", "));
    match (base.is_empty(), new.is_empty()) {
        (true, _) => format!("The {key} of the base is not known; the new side's is {new}."),
        (_, true) => format!("The {key} of the new side is not known; the base's is {base}."),
        _ => format!(
            "The {key} differs: {base} in the base, {new} in the new side. What follows may be due to that."
        ),
    }
}

/// That what is called new may not be.
pub(super) fn incomplete(limit: &str) -> String {
    format!("In the base, {limit}: what is called new may have been there.")
}

/// That the law of the days differs.
pub(super) fn other_law(countries: &str, before: &BTreeSet<String>, after: &BTreeSet<String>) -> String {
    let [before, after] = [before, after].map(|zones| zones.iter().cloned().collect::<Vec<_>>().join(", "));
    format!(
        "The law of the days differs: {countries} is {before} in the base, {after} in the new side. That is no move; --law-date reads \
         both by one day."
    )
}

/// That other registers were compared with.
pub(super) fn other_register(base: &BTreeSet<String>, new: &BTreeSet<String>) -> String {
    let [base, new] = [base, new].map(|names| names.iter().cloned().collect::<Vec<_>>().join(", "));
    format!(
        "The register differs: {base} in the base, {new} in the new side. Where it does, listings are not compared; --register names \
         one for both."
    )
}

/// That runs of one side were made with different things.
pub(super) fn mixed_trait(key: &str, side: &str, values: &BTreeSet<String>) -> String {
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    format!("The runs of {side} differ in {key}: {}.", values.join(", "))
}

/// That a run was left out.
pub(super) fn not_recognised(run: &Run) -> String {
    format!("{}: no traffic of the client was recognised; the run is left out", run.name)
}

/// That nothing can be compared.
pub(super) fn nothing(side: &str, runs: &[Run]) -> String {
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).take(MAX_LISTED).collect();
    format!(
        "{}: {side} has no traffic of the client, so there is nothing to compare; name captures in which the client ran, or look \
         with `borderpost inspect`",
        names.join(", ")
    )
}

/// The answer in short.
pub(super) fn headline(comparison: &Comparison) -> Vec<String> {
    let differences = &comparison.differences;
    let counted = |kind: Kind| differences.iter().filter(|of| of.is(kind)).count() as u64;
    let kinds = Kind::ALL.iter().map(|kind| (kind, counted(*kind))).filter(|(_, number)| *number > 0);
    let kinds: Vec<String> =
        kinds.map(|(kind, number)| format!("{} {}", count(number), kind.name())).collect();
    let same = plural(comparison.same, "contact", "contacts");
    let first = if kinds.is_empty() {
        format!("No difference in {same}.")
    } else {
        let number = plural(differences.len() as u64, "difference", "differences");
        format!("{number}: {}. Nothing differs in {same}.", kinds.join(", "))
    };
    let outside = differences.iter().filter(|of| is_new_outside(of)).count() as u64;
    let unlisted = differences.iter().filter(|of| is_new_outside(of) && of.unlisted).count() as u64;
    let outside = (outside > 0).then(|| {
        let new = plural(outside, "contact", "contacts");
        format!("New or moved outside the EEA: {new} ({unlisted} unlisted).")
    });
    let builds = format!(
        "Build: {} in the base, {} in the new side.",
        build(&comparison.base),
        build(&comparison.new)
    );
    [Some(first), outside, Some(builds)].into_iter().flatten().collect()
}

fn is_new_outside(of: &Difference) -> bool {
    of.outside == Outside::Likely && (of.is(Kind::Added) || of.is(Kind::Moved) || of.is(Kind::Place))
}

/// The whole comparison for people.
pub(super) fn document(comparison: &Comparison) -> Document {
    let mut sections = Vec::new();
    if !comparison.warnings.is_empty() {
        let notes = comparison.warnings.clone();
        sections.push(Section { title: "Before you compare".to_owned(), notes, ..Section::default() });
    }
    for kind in Kind::ALL {
        let is_first = |of: &&Difference| of.changes.iter().map(|change| change.kind).min() == Some(kind);
        let members: Vec<&Difference> = comparison.differences.iter().filter(is_first).collect();
        if members.is_empty() {
            continue;
        }
        let title = format!("{}: {}", title(kind), count(members.len() as u64));
        let more = members.len().saturating_sub(MAX_ENTRIES) as u64;
        let entries = members.into_iter().take(MAX_ENTRIES).map(entry).collect();
        sections.push(Section { title, notes: Vec::new(), entries, more });
    }
    sections.push(what(comparison));
    Document {
        title: "What differs between two builds".to_owned(),
        lines: headline(comparison),
        sections,
        tool: format!("{} {}", comparison.tool.name, comparison.tool.version),
    }
}

/// Entries of one kind that people are shown.
const MAX_ENTRIES: usize = 100;

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Added => "Added",
        Kind::Moved => "Moved to another legal zone",
        Kind::Recipient => "Run by another company",
        Kind::Place => "In another place",
        Kind::Listing => "Listed otherwise",
        Kind::Phase => "Contacted first in another phase",
        Kind::Volume => "More or less traffic",
        Kind::Fingerprint => "TLS stack",
        Kind::Removed => "Not seen any more",
        Kind::Expired => "Entries that have expired",
        Kind::Wide => "Entries that are too wide",
    }
}

fn entry(of: &Difference) -> Entry {
    let mut fields: Vec<(&'static str, String)> = Vec::new();
    for change in &of.changes {
        fields.push((change.kind.label(), change.says.clone()));
        fields.extend(change.doubt.iter().map(|doubt| ("doubt", doubt.clone())));
    }
    for (label, side) in [("base", &of.base), ("new", &of.new)] {
        fields.extend(side.as_ref().map(|side| (label, in_numbers(side))));
    }
    let names = of.new.iter().chain(&of.base).flat_map(|side| &side.names);
    let names: BTreeSet<&str> =
        names.map(String::as_str).filter(|name| Some(*name) != of.host.as_deref()).collect();
    if !names.is_empty() {
        fields.push(("named", names.into_iter().collect::<Vec<_>>().join(", ")));
    }
    let folded = of.new.iter().chain(&of.base).flat_map(|side| &side.folded);
    let folded: BTreeSet<String> = folded.map(|(id, why)| format!("{id}: {why}")).collect();
    if !folded.is_empty() {
        fields.push(("folded", folded.into_iter().collect::<Vec<_>>().join("; ")));
    }
    let place = of.file.as_ref().zip(of.at);
    let counted = if of.new.is_none() && of.base.is_none() { "line" } else { "frame" };
    fields.extend(place.map(|(file, at)| ("look at", format!("{file}, {counted} {at}"))));
    Entry { title: of.subject.clone(), fields, is_flagged: is_new_outside(of) }
}

/// `2 flows, 1,240 B sent; first in launch`.
fn in_numbers(side: &Side) -> String {
    let phases: Vec<String> = side.phases.iter().map(|phase| phase.replace('_', " ")).collect();
    let first = if phases.is_empty() { String::new() } else { format!("; first in {}", phases.join(" or ")) };
    let runs = if side.runs > 1 { format!(" in {} runs", side.runs) } else { String::new() };
    format!("{}, {}{runs}{first}", flows(&side.flows), sent(&side.bytes_out))
}

/// What was compared, and how.
fn what(comparison: &Comparison) -> Section {
    let origin = |side: &str, of: &Origin| {
        let traits: Vec<String> = of.traits.iter().map(|(key, value)| format!("{key} {value}")).collect();
        let parts = [
            ("build", build(std::slice::from_ref(of))),
            ("with", traits.join(", ")),
            ("of", of.captures.join(", ")),
            ("from", of.start.clone().unwrap_or_default()),
            ("limits", of.limits.join("; ")),
            ("has", plural(of.contacts, "contact", "contacts")),
        ];
        let fields = parts.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        Entry { title: format!("{side}: {}", of.name), fields, is_flagged: false }
    };
    let base = comparison.base.iter().map(|of| origin("base", of));
    let entries = base.chain(comparison.new.iter().map(|of| origin("new", of))).collect();
    Section { title: "What was compared".to_owned(), notes: vec![comparison.noise.clone()], entries, more: 0 }
}

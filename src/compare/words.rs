//! The sentences of a comparison, all in one place.
//!
//! What a comparison keeps as text is English, whatever the language of the formats: those that are asked for a language say the
//! same of the same values, and sentences that are kept whole are recognised by their templates (`report::lang`).
//!
//! Input: what differs. Output: words for people. Must not: decide what differs.

use std::collections::BTreeSet;

use super::build::By;
use super::difference::{Change, Comparison, Difference, Kind, Origin, Side};
use super::noise::Range;
use super::run::{Key, Place, Run};
use crate::frame::Date;
use crate::report::checks::MinGrade;
use crate::report::lang::Lang;
use crate::report::text::{count, plural, size};

/// `telemetry to *.telemetry.zoom.us, tls`.
pub(super) fn subject(key: &Key) -> String {
    contact(&key.service, &key.host, &key.protocol, Lang::ENGLISH)
}

/// The same in a language. Host and protocol are names.
pub(super) fn contact(service: &str, host: &str, protocol: &str, lang: Lang) -> String {
    lang.say("{} to {}, {protocol}", &[&lang.name(&service.replace('_', " ")), &host, &protocol])
}

/// What an entry of a baseline is about.
pub(super) fn entry(contact: &str, zone: &str, lang: Lang) -> String {
    lang.say("{contact} ({zone})", &[&contact, &lang.name(zone)])
}

/// What is compared of all contacts at once.
pub(super) const TLS_STACK: &str = "TLS stack of the client";

/// `US, third country`.
pub(super) fn place(place: &Place) -> String {
    if place.countries.is_empty() {
        place.zone.clone()
    } else {
        format!("{}, {}", place.countries, place.zone)
    }
}

/// The same in a language, of what [`place`] says. Codes of countries are the same in each.
fn place_in(text: &str, lang: Lang) -> String {
    match text.split_once(", ").filter(|(countries, _)| is_codes(countries)) {
        Some((countries, zone)) => {
            let countries: Vec<&str> = countries.split(" or ").collect();
            format!("{}, {}", countries.join(&lang.word(" or ")), lang.name(zone))
        }
        None => lang.name(text),
    }
}

fn is_codes(text: &str) -> bool {
    text.split(" or ").all(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// A contact in few words.
pub(super) fn described(side: &Side, lang: Lang) -> String {
    let recipient = side.recipients.iter().cloned().collect::<Vec<_>>().join(&lang.word(" or "));
    let recipient = if recipient.is_empty() { lang.word("a recipient that is not known") } else { recipient };
    let all = |texts: &BTreeSet<String>, one: &dyn Fn(&str) -> String| {
        let said: Vec<String> = texts.iter().map(|text| one(text)).collect();
        said.join(&lang.word(" and "))
    };
    let parts = [
        lang.say("run by {recipient}", &[&recipient]),
        all(&side.places, &|text| place_in(text, lang)),
        all(&side.listings, &|text| listing(text, lang)),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn listing(id: &str, lang: Lang) -> String {
    lang.name(&id.replace('_', " "))
}

/// What a change of a difference says.
pub(super) fn told(of: &Difference, change: &Change, lang: Lang) -> String {
    if lang == Lang::ENGLISH {
        return change.says.clone();
    }
    let item = |text: &String| match change.kind {
        Kind::Recipient => text.clone(),
        Kind::Moved | Kind::Phase | Kind::Listing => lang.name(text),
        Kind::Place => place_in(text, lang),
        Kind::Added | Kind::Removed | Kind::Volume | Kind::Fingerprint | Kind::Expired | Kind::Wide => {
            lang.sentence(text)
        }
    };
    let side = |side: &Option<Side>, texts: &[String]| -> Vec<String> {
        let whole = side.as_ref().filter(|side| *texts == [described(side, Lang::ENGLISH)]);
        whole.map_or_else(|| texts.iter().map(item).collect(), |side| vec![described(side, lang)])
    };
    says(change.kind, &side(&of.base, &change.from), &side(&of.new, &change.to), lang)
}

/// What a change says.
pub(super) fn says(kind: Kind, from: &[String], to: &[String], lang: Lang) -> String {
    let [from, to] = [from, to].map(|all| listed(all, lang));
    match kind {
        Kind::Added => lang.say("new: {to}", &[&to]),
        Kind::Removed => lang.say("not seen any more; it was {from}", &[&from]),
        Kind::Moved => moved(&lang.word("legal zone"), &from, &to, lang),
        Kind::Recipient => moved(&lang.word("run by"), &from, &to, lang),
        Kind::Place => moved(&lang.word("place"), &from, &to, lang),
        Kind::Listing => moved(&lang.word("listing"), &from, &to, lang),
        Kind::Phase => lang.say("first contact in {to}, not in {from} as in the base", &[&to, &from]),
        Kind::Volume => lang.say("{to}, beyond the noise of the base: {from}", &[&to, &from]),
        Kind::Fingerprint => moved("JA4", &from, &to, lang),
        Kind::Expired | Kind::Wide => to,
    }
}

fn moved(what: &str, from: &str, to: &str, lang: Lang) -> String {
    match (from.is_empty(), to.is_empty()) {
        (false, false) => lang.say("{what}: {to}; before: {from}", &[&what, &to, &from]),
        (true, _) => lang.say("{what}: {to} as well", &[&what, &to]),
        (false, true) => lang.say("{what}: {from} no more", &[&what, &from]),
    }
}

fn listed(all: &[String], lang: Lang) -> String {
    let shown: Vec<&str> = all.iter().take(MAX_LISTED).map(String::as_str).collect();
    match all.len().saturating_sub(MAX_LISTED) {
        0 => shown.join("; "),
        more => format!("{}; {}", shown.join("; "), lang.say("and {} more", &[&count(more as u64)])),
    }
}

/// Things that a sentence names.
const MAX_LISTED: usize = 8;

/// `4 flows` or `4 to 7 flows`.
pub(super) fn flows(range: &Range, lang: Lang) -> String {
    if range.least == range.most {
        lang.plural(range.most, "flow", "flows")
    } else {
        lang.say("{} to {} flows", &[&count(range.least), &count(range.most)])
    }
}

/// `1,240 B sent` or `1,240 B to 2.1 kB sent`.
pub(super) fn sent(range: &Range, lang: Lang) -> String {
    if range.least == range.most {
        lang.say("{} sent", &[&size(range.most)])
    } else {
        lang.say("{} to {} sent", &[&size(range.least), &size(range.most)])
    }
}

/// Why what is not seen may be there after all.
pub(super) fn doubt(runs: &[Run]) -> Option<String> {
    let limits: Vec<String> = runs.iter().flat_map(|run| run.limits.iter().cloned()).collect();
    (!limits.is_empty())
        .then(|| format!("what is not seen may have been lost: {}", listed(&limits, Lang::ENGLISH)))
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
pub(super) fn never_seen(recipient: &str, is_pattern: bool) -> String {
    let hint = if is_pattern {
        "; `host` is taken to the letter, and `hosts` would let * stand for anything"
    } else {
        ""
    };
    format!("run by {recipient}, as the entry says{hint}")
}

/// Of what build a side is.
pub(super) fn build(side: &[Origin], lang: Lang) -> String {
    let builds: BTreeSet<String> = side
        .iter()
        .flat_map(|run| &run.builds)
        .map(|build| format!("{} ({})", build.version, by(build.by, lang)))
        .collect();
    if builds.is_empty() {
        return lang.word("not known");
    }
    let more = builds.len().saturating_sub(MAX_LISTED);
    let mut shown: Vec<String> = builds.into_iter().take(MAX_LISTED).collect();
    shown.extend((more > 0).then(|| lang.say("and {} more", &[&count(more as u64)])));
    shown.join(", ")
}

/// Who says of which build something is.
fn by(by: By, lang: Lang) -> String {
    match by {
        By::Option => lang.word("by your word"),
        By::Manifest => lang.word("by the manifest"),
        By::Process => lang.word("by the process's name"),
        By::Update => lang.word("by the path of an update"),
        By::Baseline => lang.word("by the baseline"),
    }
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

/// That the reports have different schemas.
pub(super) fn other_schema(versions: &BTreeSet<&str>) -> String {
    let all: Vec<&str> = versions.iter().copied().collect();
    format!(
        "The reports are of different versions of the schema ({}): what an earlier one does not say is not compared.",
        all.join(", ")
    )
}

/// That there was more than is kept; nothing where there was not.
pub(super) fn left_out(runs: &mut dyn Iterator<Item = &Run>) -> Option<String> {
    let flows = runs.map(|run| run.left_out).fold(0, u64::saturating_add);
    (flows > 0).then(|| {
        format!(
            "There are more contacts than a client has; {} to further ones left out. Was a browser's profile recorded with --exclusive?",
            plural(flows, "flow is", "flows are")
        )
    })
}

/// The answer in short.
pub(super) fn headline(comparison: &Comparison, lang: Lang) -> Vec<String> {
    let differences = &comparison.differences;
    let counted = |kind: Kind| differences.iter().filter(|of| of.is(kind)).count() as u64;
    let kinds = Kind::ALL.iter().map(|kind| (kind, counted(*kind))).filter(|(_, number)| *number > 0);
    let kinds: Vec<String> =
        kinds.map(|(kind, number)| format!("{} {}", count(number), lang.word(kind.name()))).collect();
    let same = lang.plural(comparison.same, "contact", "contacts");
    let first = if kinds.is_empty() {
        lang.say("No difference in {same}.", &[&same])
    } else {
        let number = lang.plural(differences.len() as u64, "difference", "differences");
        lang.say("{number}: {kinds}. Nothing differs in {same}.", &[&number, &kinds.join(", "), &same])
    };
    let outside = differences.iter().filter(|of| is_new_outside(of)).count() as u64;
    let unlisted =
        differences.iter().filter(|of| is_new_outside(of) && of.unlisted.reaches(MinGrade::Likely)).count()
            as u64;
    let outside = (outside > 0).then(|| {
        let new = lang.plural(outside, "contact", "contacts");
        lang.say("New or moved outside the EEA: {new} ({unlisted} unlisted).", &[&new, &count(unlisted)])
    });
    let builds = lang.say(
        "Build: {} in the base, {} in the new side.",
        &[&build(&comparison.base, lang), &build(&comparison.new, lang)],
    );
    [Some(first), outside, Some(builds)].into_iter().flatten().collect()
}

/// Whether it is to be looked at first.
pub(super) fn is_new_outside(of: &Difference) -> bool {
    of.tied
        && of.outside.reaches(MinGrade::Likely)
        && (of.is(Kind::Added) || of.is(Kind::Moved) || of.is(Kind::Place))
}

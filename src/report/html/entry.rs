//! Destinations as the page shows them: whose, to whom, where, on what evidence, why flagged, and how to see them in Wireshark.
//!
//! Input: destinations, the words of the table. Output: texts for the template. Must not: leave an objection out.

use crate::report::html::draw::{class, region};
use crate::report::lang::Lang;
use crate::report::schema::{Destination, Report};
use crate::report::table::{self, PARTS, Page};
use crate::report::text::count;
use crate::verdict::Axis;

/// Destinations that have something in common.
pub(super) struct Part {
    /// The name of its place on the page.
    pub(super) id: String,
    /// What they have in common, and how many they are.
    pub(super) title: String,
    /// The destinations.
    pub(super) entries: Vec<Entry>,
}

/// A destination.
pub(super) struct Entry {
    /// Its number.
    pub(super) id: u64,
    /// Its host pattern.
    pub(super) host: String,
    /// What it is drawn by.
    pub(super) class: &'static str,
    /// Where it stands, in few words.
    pub(super) region: String,
    /// Outside the EEA and not listed.
    pub(super) is_flagged: bool,
    /// What is said of it, a label before each.
    pub(super) fields: Vec<(String, String)>,
    /// Its evidence.
    pub(super) evidence: Vec<Evidence>,
    /// What is said after that.
    pub(super) rest: Vec<(String, String)>,
    /// The display filter.
    pub(super) filter: String,
}

/// A line of evidence.
pub(super) struct Evidence {
    /// The sign that the table puts before it.
    pub(super) sign: String,
    /// What that means.
    pub(super) meaning: String,
    /// Whether it objects.
    pub(super) is_objection: bool,
    /// What is said.
    pub(super) says: Vec<Words>,
}

/// Words, or an option of the program, which is never broken over two lines.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Words {
    pub(super) text: String,
    pub(super) is_option: bool,
}

/// The parts that have members.
pub(super) fn parts(report: &Report, page: &Page) -> Vec<Part> {
    let part = |(number, part): (usize, &table::Part)| {
        let members = report.destinations.iter().filter(|d| (part.holds)(d));
        let entries: Vec<Entry> = members.map(|destination| entry(destination, page)).collect();
        (!entries.is_empty()).then(|| Part {
            id: format!("part-{}", number + 1),
            title: format!("{}: {}", page.lang.word(part.title), count(entries.len() as u64)),
            entries,
        })
    };
    PARTS.iter().enumerate().filter_map(part).collect()
}

fn entry(d: &Destination, page: &Page) -> Entry {
    let lang = page.lang;
    let mut fields = vec![("Run by", table::run_by(d, lang)), ("Service", table::service(&d.service, lang))];
    fields.extend(flag(d, lang).map(|why| ("Flagged", why)));
    fields.push(("Place", table::place(d, lang)));
    fields.extend(table::law(d, lang).map(|law| ("Law", law)));
    let mut rest = Vec::new();
    rest.extend(table::network(d, lang).map(|network| ("Network", network)));
    rest.push(("Listing", page.listing(d)));
    rest.push(("Traffic", page.traffic(d)));
    if !d.phases.is_empty() {
        rest.push(("Began in", table::phases(d, lang)));
    }
    rest.push((if d.is_client() { "Known by" } else { "Not tied" }, lang.sentence(&d.because)));
    if !d.names.is_empty() {
        rest.push(("Named", page.named(&d.names)));
    }
    let labelled =
        |all: Vec<(&str, String)>| all.into_iter().map(|(label, text)| (lang.word(label), text)).collect();
    Entry {
        id: d.id,
        host: d.host_pattern.clone(),
        class: class(&d.place.axis),
        region: lang.word(&region(&d.place.axis, d.is_possible())),
        is_flagged: d.flagged && d.is_client(),
        fields: labelled(fields),
        evidence: page.evidence(d).iter().map(|line| evidence(line, lang)).collect(),
        rest: labelled(rest),
        filter: d.display_filter.clone(),
    }
}

/// Why a destination is flagged, in one sentence.
fn flag(d: &Destination, lang: Lang) -> Option<String> {
    let is_flagged = d.flagged && d.is_client() && d.is_at(Axis::Outside);
    let register = d.register.clone().unwrap_or_else(|| lang.word("the register"));
    is_flagged.then(|| {
        let perhaps = if d.is_possible() { lang.word("possibly ") } else { String::new() };
        lang.say(
            "{perhaps}outside the EEA, and {register} has no entry for this recipient, service and place",
            &[&perhaps, &register],
        )
    })
}

/// The sign before a line of the table, as a word.
fn evidence(line: &str, lang: Lang) -> Evidence {
    let (sign, says) = line.split_once(' ').unwrap_or(("!", line));
    let meaning = match sign {
        "+" => "rests on",
        "~" => "agrees",
        "-" => "objects",
        "?" => "could settle",
        _ => "note",
    };
    let is_objection = sign == "-";
    Evidence { sign: sign.to_owned(), meaning: lang.word(meaning), is_objection, says: words(says) }
}

fn words(text: &str) -> Vec<Words> {
    let mut words: Vec<Words> = Vec::new();
    for part in text.split_inclusive(' ') {
        let is_option = part.starts_with("--");
        match words.last_mut().filter(|last| !is_option && !last.is_option) {
            Some(last) => last.text.push_str(part),
            None => words.push(Words { text: part.to_owned(), is_option }),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{destination, flagged, report, third_party};

    #[test]
    fn what_is_flagged_stands_first_and_says_why() {
        let report = report(vec![destination("eea", "likely"), third_party("Google LLC"), flagged("likely")]);
        let parts = parts(&report, &Page::of(&report, Lang::ENGLISH));
        assert_eq!(parts.iter().map(|part| part.entries.len()).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(parts[0].title, "Outside the EEA and not listed: 1");
        let why = parts[0].entries[0].fields.iter().find(|(label, _)| *label == "Flagged").unwrap();
        assert!(why.1.contains("surf-2024 has no entry"), "{}", why.1);
        assert!(parts[1..].iter().all(|part| !part.entries[0].is_flagged));
    }

    #[test]
    fn a_sign_is_a_word_as_well() {
        assert_eq!(evidence("- a database says otherwise", Lang::ENGLISH).meaning, "objects");
        let said = |line: &str| -> Vec<(String, bool)> {
            let says = evidence(line, Lang::ENGLISH).says;
            says.into_iter().map(|words| (words.text, words.is_option)).collect()
        };
        let words = |text: &str, is_option| (text.to_owned(), is_option);
        assert_eq!(said("? a capture from before"), [words("a capture from before", false)]);
        let parts = [words("can be: ", false), words("--geoip ", true), words("FILE; or it", false)];
        assert_eq!(said("? can be: --geoip FILE; or it"), parts);
    }
}

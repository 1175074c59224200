//! What is odd about a register though it can be used, and the proof that no entry of it is pointless.
//!
//! Input: a register, and the ids that the client's catalogue knows. Output: its problems, or for each entry something
//! that it alone lists. What an entry lists is a set of services, countries, days, and what may be known about the
//! recipient's certification; it is shadowed where other entries of its recipient list all of that between them.
//! That is decided for every day: between two days on which an entry begins or has ended or a country's zone changes,
//! nothing changes, so the first day of such a stretch speaks for all of it.
//! Must not: read files, or know what a destination is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Entry, Register, Scope, ScopeZone};
use crate::frame::Date;
use crate::place::{Country, CountrySet, zone_borders};

/// Something that an entry of a register lists and no other entry does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alone<'r> {
    /// The entry.
    pub entry: &'r Entry,
    /// One of its services.
    pub service: &'r str,
    /// A country where it lists that service.
    pub country: Country,
    /// The first day of a stretch of time in which it does so.
    pub day: Date,
    /// For which recipient, in words, where that depends on its certification; `None` where it holds for each.
    pub recipient: Option<&'static str>,
}

/// Writes `entry zoom-us-sign-in: alone lists sign_in in US on 2024-04-19`.
impl fmt::Display for Alone<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, service, country, day, recipient } = self;
        write!(f, "entry {}: alone lists {service} in {country} on {day}", entry.id)?;
        recipient.map_or(Ok(()), |recipient| write!(f, ", of {recipient}"))
    }
}

impl Register {
    /// Proves that the register can be used as it is: for each entry, in their order, something that it alone lists.
    ///
    /// Otherwise the problems: unknown recipients and services, entries that are never in force or list no country, and
    /// entries that others of the same recipient make pointless. Of entries that list the same, the first is none.
    pub fn check(
        &self,
        known_recipients: &[&str],
        known_services: &[&str],
    ) -> Result<Vec<Alone<'_>>, Vec<String>> {
        let (mut proof, mut problems) = (Vec::with_capacity(self.entries.len()), Vec::new());
        if self.entries.is_empty() {
            problems.push("the register has no entry: every recipient is unlisted".to_owned());
        }
        for (entry, standing) in self.entries.iter().zip(standings(self)) {
            let mut report = |what: String| problems.push(format!("entry {}: {what}", entry.id));
            if !known_recipients.contains(&entry.recipient.as_str()) {
                report(format!("no recipient has the id {}", entry.recipient));
            }
            for service in entry.services.iter().filter(|service| !known_services.contains(&service.as_str()))
            {
                report(format!("no service has the id {service}"));
            }
            match standing {
                Standing::Alone(alone) => proof.push(alone),
                Standing::NeverInForce => report("it is never in force while the register is".to_owned()),
                Standing::Nowhere => {
                    report("no country is in its zone on any day on which it is in force".to_owned());
                }
                Standing::Shadowed(by) => report(shadow(&by)),
            }
        }
        if problems.is_empty() { Ok(proof) } else { Err(problems) }
    }
}

/// The sentence about an entry that `by` make pointless.
fn shadow(by: &[&Entry]) -> String {
    let ids: Vec<&str> = by.iter().map(|entry| entry.id.as_str()).collect();
    match ids.as_slice() {
        [id] => format!("entry {id} already says all of it"),
        ids => format!("entries {} together already say all of it", ids.join(", ")),
    }
}

/// How an entry stands among the others.
#[derive(Debug)]
enum Standing<'r> {
    /// It lists something that no other does.
    Alone(Alone<'r>),
    /// No day of its time is in the register's.
    NeverInForce,
    /// It is in force, and lists no country.
    Nowhere,
    /// These list all that it does, between them.
    Shadowed(Vec<&'r Entry>),
}

/// How each entry stands, in their order.
fn standings(register: &Register) -> Vec<Standing<'_>> {
    let stretches = stretches(register);
    let mut standings = Vec::with_capacity(register.entries.len());
    let mut distinct: Vec<Listed<'_>> = Vec::new();
    for entry in &register.entries {
        let listed = Listed::by(entry, &stretches);
        // Of entries that list the same, the first has to stay, so the others do not count.
        let first = distinct.iter().find(|first| first.is_same_as(&listed)).map(|first| first.entry);
        standings.push(match first {
            _ if listed.places.is_empty() => Some(idle(entry, &stretches)),
            Some(first) => Some(Standing::Shadowed(vec![first])),
            None => {
                distinct.push(listed);
                None
            }
        });
    }
    let comparison = Comparison { topics: topics(&distinct), listed: &distinct, stretches: &stretches };
    let mut compared = comparison.standings().into_iter();
    standings.into_iter().filter_map(|known| known.or_else(|| compared.next())).collect()
}

/// How an entry stands that lists nothing.
fn idle<'r>(entry: &Entry, stretches: &[Stretch]) -> Standing<'r> {
    let is_in_force = stretches.iter().any(|stretch| entry.valid.covers(stretch.first));
    if is_in_force { Standing::Nowhere } else { Standing::NeverInForce }
}

/// What an entry lists in the course of the register's time.
struct Listed<'r> {
    entry: &'r Entry,
    services: BTreeSet<&'r str>,
    /// Its places from the stretch with that number on, until the next; nowhere before the first. No two neighbours
    /// have the same, so what is listed alike looks alike.
    places: Vec<(usize, Places)>,
}

impl<'r> Listed<'r> {
    fn by(entry: &'r Entry, stretches: &[Stretch]) -> Self {
        let mut places = Vec::new();
        let mut current = NOWHERE;
        for (number, stretch) in stretches.iter().enumerate() {
            let new = if entry.valid.covers(stretch.first) { stretch.places(entry.scope) } else { NOWHERE };
            if new != current {
                places.push((number, new));
                current = new;
            }
        }
        Self { entry, services: entry.services.iter().map(String::as_str).collect(), places }
    }

    /// Its places in the stretch with this number.
    fn at(&self, stretch: usize) -> Places {
        let begun = self.places.partition_point(|(from, _)| *from <= stretch);
        let current = begun.checked_sub(1).and_then(|last| self.places.get(last));
        current.map_or(NOWHERE, |(_, places)| *places)
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.entry.recipient == other.entry.recipient
            && self.services == other.services
            && self.places == other.places
    }

    fn has_all_of(&self, other: &Self) -> bool {
        // Only where one of them changes can it begin to lack something.
        let lacks =
            |(number, _): &(usize, Places)| !is_nowhere(&minus(&other.at(*number), &self.at(*number)));
        self.entry.recipient == other.entry.recipient
            && self.services.is_superset(&other.services)
            && !self.places.iter().chain(&other.places).any(lacks)
    }
}

/// A service of a recipient, with the entries that name it.
struct Topic<'a, 'r> {
    service: &'r str,
    members: Vec<&'a Listed<'r>>,
}

/// The services in the order in which they are first named; of those that the same entries name, the first.
fn topics<'a, 'r>(listed: &'a [Listed<'r>]) -> Vec<Topic<'a, 'r>> {
    let (mut topics, mut named, mut known) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for entry in listed.iter().map(|listed| listed.entry) {
        for service in &entry.services {
            if !named.insert((entry.recipient.as_str(), service.as_str())) {
                continue;
            }
            let names_it = |other: &&Listed<'_>| {
                other.entry.recipient == entry.recipient && other.services.contains(service.as_str())
            };
            let members: Vec<&Listed<'_>> = listed.iter().filter(names_it).collect();
            let ids: Vec<&str> = members.iter().map(|member| member.entry.id.as_str()).collect();
            if known.insert(ids) {
                topics.push(Topic { service, members });
            }
        }
    }
    topics
}

/// Entries that all list something, no two of them the same.
struct Comparison<'a, 'r> {
    listed: &'a [Listed<'r>],
    topics: Vec<Topic<'a, 'r>>,
    stretches: &'a [Stretch],
}

impl<'r> Comparison<'_, 'r> {
    fn standings(&self) -> Vec<Standing<'r>> {
        let alone = self.alone();
        let standing = |listed: &Listed<'r>| match alone.get(listed.entry.id.as_str()) {
            Some(alone) => Standing::Alone(*alone),
            None => Standing::Shadowed(self.shadows(listed)),
        };
        self.listed.iter().map(standing).collect()
    }

    /// The first thing that an entry alone lists, for each entry that lists any, by its id.
    fn alone(&self) -> BTreeMap<&'r str, Alone<'r>> {
        let mut found = BTreeMap::new();
        for Topic { service, members } in &self.topics {
            for (number, stretch) in self.stretches.iter().enumerate() {
                let places: Vec<Places> = members.iter().map(|member| member.at(number)).collect();
                let twice = twice(&places);
                for (entry, places) in members.iter().map(|member| member.entry).zip(&places) {
                    if found.contains_key(entry.id.as_str()) {
                        continue;
                    }
                    let alone = first_of(&minus(places, &twice));
                    if let Some((country, recipient)) = alone {
                        let alone = Alone { entry, service, country, day: stretch.first, recipient };
                        found.insert(entry.id.as_str(), alone);
                    }
                }
            }
        }
        found
    }

    /// The entries that list all of one between them: a single one where there is one, else as many as it takes, chosen
    /// from the first on.
    fn shadows(&self, listed: &Listed<'r>) -> Vec<&'r Entry> {
        let others = self.listed.iter().filter(|other| other.entry.id != listed.entry.id);
        if let Some(one) = others.clone().find(|other| other.has_all_of(listed)) {
            return vec![one.entry];
        }
        let mut chosen: Vec<&Listed<'r>> = Vec::new();
        for topic in &self.topics {
            let (own, rivals): (Vec<_>, Vec<&Listed<'r>>) =
                topic.members.iter().partition(|member| member.entry.id == listed.entry.id);
            if own.is_empty() {
                continue;
            }
            for number in 0..self.stretches.len() {
                let known = chosen.iter().filter(|known| known.services.contains(topic.service));
                let left = known.fold(listed.at(number), |left, known| minus(&left, &known.at(number)));
                chosen.extend(takers(left, number, &rivals));
            }
        }
        let is_chosen = |other: &&Listed<'_>| chosen.iter().any(|chosen| chosen.entry.id == other.entry.id);
        others.filter(is_chosen).map(|other| other.entry).collect()
    }
}

/// The rivals that take what is left in a stretch, each some of it, until nothing is.
fn takers<'a, 'r>(mut left: Places, stretch: usize, rivals: &[&'a Listed<'r>]) -> Vec<&'a Listed<'r>> {
    let mut takers = Vec::new();
    for rival in rivals {
        if is_nowhere(&left) {
            break;
        }
        let less = minus(&left, &rival.at(stretch));
        if less != left {
            takers.push(*rival);
            left = less;
        }
    }
    takers
}

/// What is in more than one of these.
fn twice(all: &[Places]) -> Places {
    let (mut once, mut twice) = (NOWHERE, NOWHERE);
    for places in all.iter().filter(|places| !is_nowhere(places)) {
        twice = each(&twice, &each(&once, places, CountrySet::intersection), CountrySet::union);
        once = each(&once, places, CountrySet::union);
    }
    twice
}

/// A stretch of time in which nothing changes: no entry begins or ends, no country changes its zone.
#[derive(Clone, Copy)]
struct Stretch {
    first: Date,
    eea: Places,
    adequate: Places,
}

impl Stretch {
    fn on(first: Date) -> Self {
        let places = |zone| {
            RECIPIENTS.map(|(certified, _)| {
                let is_inside = |country: &Country| Scope::Zone(zone).covers(*country, first, certified);
                CountrySet::all().iter().filter(is_inside).collect()
            })
        };
        Self { first, eea: places(ScopeZone::Eea), adequate: places(ScopeZone::Adequate) }
    }

    fn places(&self, scope: Scope) -> Places {
        match scope {
            Scope::Countries(countries) => RECIPIENTS.map(|_| countries),
            Scope::Zone(ScopeZone::Eea) => self.eea,
            Scope::Zone(ScopeZone::Adequate) => self.adequate,
        }
    }
}

/// The register's time in stretches.
fn stretches(register: &Register) -> Vec<Stretch> {
    let zone_borders = zone_borders();
    let mut days = zone_borders.clone();
    for valid in register.entries.iter().map(|entry| entry.valid).chain([register.valid]) {
        days.extend(valid.from);
        days.extend(valid.until.map(Date::day_after));
    }
    // The time before the first border is a stretch, too; the day before it speaks for it.
    days.extend(days.first().map(|first| first.day_before()));
    let mut stretches: Vec<Stretch> = Vec::with_capacity(days.len());
    for first in days.into_iter().filter(|day| register.valid.covers(*day)) {
        let same = stretches.last().filter(|_| !zone_borders.contains(&first));
        stretches.push(same.map_or_else(|| Stretch::on(first), |before| Stretch { first, ..*before }));
    }
    stretches
}

/// Countries by what is known about the recipient's certification, in the order of [`RECIPIENTS`].
type Places = [CountrySet; 3];

const NOWHERE: Places = [CountrySet::EMPTY; 3];

/// What may be known about a recipient's certification, and the words for such a recipient.
const RECIPIENTS: [(Option<bool>, &str); 3] = [
    (None, "a recipient whose certification is not known"),
    (Some(true), "a certified recipient"),
    (Some(false), "a recipient that is not certified"),
];

fn is_nowhere(places: &Places) -> bool {
    places.iter().all(CountrySet::is_empty)
}

fn each(a: &Places, b: &Places, combine: fn(&CountrySet, &CountrySet) -> CountrySet) -> Places {
    let ([a0, a1, a2], [b0, b1, b2]) = (a, b);
    [combine(a0, b0), combine(a1, b1), combine(a2, b2)]
}

fn minus(a: &Places, b: &Places) -> Places {
    each(a, b, CountrySet::difference)
}

/// A country of the places, if possible one that is there for every recipient; else with the words for those it is for.
fn first_of(places: &Places) -> Option<(Country, Option<&'static str>)> {
    if is_nowhere(places) {
        return None;
    }
    let first = |set: &CountrySet| set.iter().next();
    let everyone = places.iter().fold(CountrySet::all(), |common, set| common.intersection(set));
    if let Some(country) = first(&everyone) {
        return Some((country, None));
    }
    let mut by_recipient = RECIPIENTS.iter().zip(places);
    by_recipient.find_map(|((_, recipient), set)| Some((first(set)?, Some(*recipient))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::Validity;

    const SERVICES: [&str; 7] =
        ["sign_in", "web", "signalling", "media", "telemetry", "log_upload", "support"];

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// `2024-01-01..2024-12-31`, each end may be missing.
    fn period(text: &str) -> Validity {
        let (from, until) = text.split_once("..").unwrap();
        Validity { from: from.parse().ok(), until: until.parse().ok() }
    }

    /// Countries, or `eea` or `adequate`.
    fn scope(text: &str) -> Scope {
        match text {
            "eea" => Scope::Zone(ScopeZone::Eea),
            "adequate" => Scope::Zone(ScopeZone::Adequate),
            codes => Scope::Countries(
                codes.split_whitespace().map(|code| code.parse::<Country>().unwrap()).collect(),
            ),
        }
    }

    /// An entry from `id; recipient; services; scope; period`.
    fn entry(text: &str) -> Entry {
        let mut parts = text.split(';').map(str::trim);
        let mut next = || parts.next().unwrap().to_owned();
        Entry {
            id: next(),
            recipient: next(),
            services: next().split_whitespace().map(str::to_owned).collect(),
            scope: scope(&next()),
            valid: period(&next()),
            purpose: String::new(),
            document: String::new(),
            passage: String::new(),
        }
    }

    fn register(valid: &str, entries: &[&str]) -> Register {
        holding(period(valid), entries.iter().map(|text| entry(text)).collect())
    }

    fn holding(valid: Validity, entries: Vec<Entry>) -> Register {
        let (name, title, limits) = ("own".to_owned(), String::new(), String::new());
        Register { name, title, limits, valid, entries, unseen: Vec::new() }
    }

    /// The lines of the proof, or the problems.
    fn checked(valid: &str, entries: &[&str]) -> Result<Vec<String>, Vec<String>> {
        let register = register(valid, entries);
        let proof = register.check(&["zoom", "other"], &SERVICES)?;
        Ok(proof.iter().map(ToString::to_string).collect())
    }

    /// The problems, which there have to be.
    fn problems(valid: &str, entries: &[&str]) -> Vec<String> {
        checked(valid, entries).unwrap_err()
    }

    #[test]
    fn a_sound_register_is_proved_entry_by_entry() {
        let entries = [
            "a; zoom; sign_in; eea; ..",
            "b; zoom; sign_in media; US DE; ..",
            "c; zoom; sign_in; US CA; 2024-06-01..2024-06-30",
            "d; other; sign_in; US; ..",
        ];
        let proof = [
            "entry a: alone lists sign_in in AT on 2024-04-19",
            "entry b: alone lists sign_in in US on 2024-04-19",
            "entry c: alone lists sign_in in CA on 2024-06-01",
            "entry d: alone lists sign_in in US on 2024-04-19",
        ];
        assert_eq!(checked("2024-04-19..", &entries), Ok(proof.map(String::from).to_vec()));
    }

    #[test]
    fn every_builtin_entry_lists_something_alone() {
        for register in Register::builtin() {
            let proof = register.check(&["zoom"], &SERVICES).unwrap();
            assert_eq!(proof.len(), register.entries().len());
            let lines: Vec<String> = proof.iter().map(ToString::to_string).collect();
            let account = "entry zoom-us-account: alone lists sign_in in US on ";
            assert!(lines.iter().any(|line| line.starts_with(account)), "{lines:?}");
        }
    }

    #[test]
    fn several_entries_shadow_one_between_them() {
        let by_country = ["a; zoom; media; US; ..", "b; zoom; media; CA; ..", "c; zoom; media; CA US; .."];
        assert_eq!(
            problems("2024-01-01..", &by_country),
            [
                "entry a: entry c already says all of it",
                "entry b: entry c already says all of it",
                "entry c: entries a, b together already say all of it",
            ]
        );
        let by_service_and_time = [
            "whole; zoom; media web; US; 2024-01-01..2024-12-31",
            "web; zoom; web; US; ..",
            "spring; zoom; media support; US; ..2024-06-30",
            "autumn; zoom; media; US JP; 2024-07-01..",
        ];
        assert_eq!(
            problems("..", &by_service_and_time),
            ["entry whole: entries web, spring, autumn together already say all of it"]
        );
    }

    #[test]
    fn one_day_one_country_or_one_service_more_is_something_alone() {
        let wide = "wide; zoom; media web; US CA; 2024-01-01..2024-12-31";
        for (more, line) in [
            ("more; zoom; media; US; 2023-12-31..2024-12-31", "media in US on 2023-12-31"),
            ("more; zoom; media; US; 2024-01-01..2025-01-01", "media in US on 2025-01-01"),
            ("more; zoom; media; US MX; 2024-01-01..2024-12-31", "media in MX on 2024-01-01"),
            ("more; zoom; web support; US; 2024-05-01..2024-05-01", "support in US on 2024-05-01"),
            ("more; other; web; US; 2024-05-01..2024-05-01", "web in US on 2024-05-01"),
        ] {
            let proof = checked("..", &[wide, more]).unwrap();
            assert_eq!(proof[1], format!("entry more: alone lists {line}"));
        }
        // What lies outside the register's time is no difference.
        let longer = "longer; zoom; media; US; 2023-01-01..";
        assert_eq!(
            problems("2024-01-01..2024-12-31", &[wide, longer]),
            ["entry longer: entry wide already says all of it"]
        );
    }

    #[test]
    fn a_day_between_two_others_is_something_alone() {
        let (whole, spring) =
            ("whole; zoom; web; US; 2024-01-01..2024-12-31", "spring; zoom; web; US; ..2024-06-15");
        let proof = checked("..", &[whole, spring, "autumn; zoom; web; US; 2024-06-17.."]).unwrap();
        assert_eq!(proof[0], "entry whole: alone lists web in US on 2024-06-16");
        assert_eq!(
            problems("..", &[whole, spring, "autumn; zoom; web; US; 2024-06-16.."]),
            ["entry whole: entries spring, autumn together already say all of it"]
        );
    }

    #[test]
    fn the_later_of_equal_entries_is_the_shadowed_one() {
        let same = ["a; zoom; media web; US; ..", "b; zoom; web media; US; ..", "c; zoom; media web; US; .."];
        assert_eq!(
            problems("2024-01-01..", &same),
            ["entry b: entry a already says all of it", "entry c: entry a already says all of it"]
        );
        // Equal in what they list, not in their words: the one's days before the register do not count.
        let worded = ["a; zoom; media; US; ..", "b; zoom; media; US; 2020-01-01.."];
        assert_eq!(problems("2024-01-01..", &worded), ["entry b: entry a already says all of it"]);
    }

    #[test]
    fn zones_are_compared_as_they_are_on_each_day() {
        let gb = "gb; zoom; media; GB; ..";
        let in_eea = |valid| checked(valid, &["eea; zoom; media; eea; ..", gb]);
        assert_eq!(in_eea("..2020-12-31"), Err(vec!["entry gb: entry eea already says all of it".into()]));
        assert_eq!(in_eea("..2021-01-01").unwrap()[1], "entry gb: alone lists media in GB on 2021-01-01");
        // The list of a zone's members equals the zone until a country joins or leaves.
        let members: CountrySet = CountrySet::all()
            .iter()
            .filter(|country| scope("eea").covers(*country, day("2013-12-31"), None))
            .collect();
        let mut listed = entry("list; zoom; media; US; ..");
        listed.scope = Scope::Countries(members);
        let check = |valid| {
            let entries = vec![listed.clone(), entry("eea; zoom; media; eea; ..")];
            let register = holding(period(valid), entries);
            let proof = register.check(&["zoom"], &SERVICES);
            proof.map(|proof| proof.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(check("..2013-12-31"), Err(vec!["entry eea: entry list already says all of it".into()]));
        assert_eq!(
            check("..2014-01-01"),
            Err(vec!["entry list: entry eea already says all of it".into()]),
            "YT has joined"
        );
        assert_eq!(
            check("..2021-01-01").unwrap(),
            [
                "entry list: alone lists media in GB on 2021-01-01",
                "entry eea: alone lists media in YT on 2014-01-01"
            ]
        );
    }

    #[test]
    fn what_a_zone_says_only_of_certified_recipients_shadows_nothing_for_others() {
        let adequate = "adequate; zoom; media; adequate; ..";
        let us = "us; zoom; media; US; ..";
        let rest = "rest; zoom; media; AD AR CH FO GB GG IL IM JE NZ UY CA JP KR; ..";
        let proof = checked("2024-01-01..2024-12-31", &[rest, us, adequate]);
        assert_eq!(
            proof,
            Err(vec!["entry adequate: entries rest, us together already say all of it".into()])
        );
        let proof = checked("2024-01-01..2024-12-31", &[adequate, us]).unwrap();
        assert_eq!(
            proof[1],
            "entry us: alone lists media in US on 2024-01-01, of a recipient whose certification is not known"
        );
        let proof = checked("2024-01-01..2024-12-31", &[rest, adequate]).unwrap();
        assert_eq!(
            proof,
            [
                "entry rest: alone lists media in CA on 2024-01-01, of a recipient whose certification is not known",
                "entry adequate: alone lists media in US on 2024-01-01, of a certified recipient"
            ]
        );
    }

    #[test]
    fn what_is_odd_is_reported() {
        let entries = [
            "a; zoom; sign_in; US; ..",
            "e; zoom; media; US; ..2021-12-31",
            "f; zoon; singing sign_in; US; ..",
        ];
        assert_eq!(
            problems("2022-01-01..", &entries),
            [
                "entry e: it is never in force while the register is",
                "entry f: no recipient has the id zoon",
                "entry f: no service has the id singing",
            ]
        );
        assert_eq!(problems("..", &[]), ["the register has no entry: every recipient is unlisted"]);
        assert_eq!(
            problems("..2000-07-25", &["a; zoom; media; adequate; .."]),
            ["entry a: no country is in its zone on any day on which it is in force"]
        );
    }

    /// One service, day, country and certification.
    type Listing<'r> = (&'r str, Date, Country, Option<bool>);

    /// All that an entry lists on `days`, found by asking.
    fn listed<'r>(register: &'r Register, entry: &'r Entry, days: &[Date]) -> BTreeSet<Listing<'r>> {
        let mut found = BTreeSet::new();
        for day in days.iter().filter(|day| register.valid.covers(**day) && entry.valid.covers(**day)) {
            for country in CountrySet::all().iter() {
                for certified in [None, Some(true), Some(false)] {
                    if entry.scope.covers(country, *day, certified) {
                        let services = entry.services.iter();
                        found.extend(services.map(|service| (service.as_str(), *day, country, certified)));
                    }
                }
            }
        }
        found
    }

    /// Days around a change of zones: YT and GB and US.
    const WINDOWS: [&str; 4] = ["2013-12-29", "2020-12-29", "2021-06-25", "2023-07-07"];
    const WINDOW: usize = 6;

    fn any_period(days: Vec<Date>) -> impl Strategy<Value = Validity> {
        (0..=WINDOW, 0..=WINDOW).prop_map(move |(a, b)| Validity {
            from: days.get(a.min(b)).copied().filter(|_| a != 0),
            until: days.get(a.max(b)).copied(),
        })
    }

    fn any_scope() -> impl Strategy<Value = Scope> {
        let countries = proptest::sample::subsequence(vec!["CH", "GB", "NL", "US", "YT"], 1..=4);
        prop_oneof![
            1 => Just(scope("eea")),
            1 => Just(scope("adequate")),
            4 => countries.prop_map(|codes| scope(&codes.join(" "))),
        ]
    }

    fn any_register() -> impl Strategy<Value = (Vec<Date>, Register)> {
        (0..WINDOWS.len()).prop_flat_map(|window| {
            let first = day(WINDOWS[window]);
            let days: Vec<Date> =
                std::iter::successors(Some(first), |day| Some(day.day_after())).take(WINDOW).collect();
            let services = proptest::sample::subsequence(vec!["media", "web"], 1..=2);
            let recipient = prop_oneof![4 => Just("zoom"), 1 => Just("other")];
            let parts = (recipient, services, any_scope(), any_period(days.clone()));
            let within = Validity { from: days.first().copied(), until: days.last().copied() };
            proptest::collection::vec(parts, 0..6).prop_map(move |drawn| {
                let entries =
                    drawn.into_iter().enumerate().map(|(at, (recipient, services, scope, valid))| {
                        let blank = format!("e{at}; {recipient}; {}; US; ..", services.join(" "));
                        Entry { scope, valid, ..entry(&blank) }
                    });
                (days.clone(), holding(within, entries.collect()))
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        /// Against a model that asks for each service, day, country and certification in turn.
        #[test]
        fn an_entry_stands_as_asking_for_everything_says((days, register) in any_register()) {
            let all: Vec<BTreeSet<Listing<'_>>> =
                register.entries.iter().map(|entry| listed(&register, entry, &days)).collect();
            let standings = standings(&register);
            prop_assert_eq!(standings.len(), register.entries.len());
            for (number, (entry, standing)) in register.entries.iter().zip(standings).enumerate() {
                let own = &all[number];
                let others: BTreeSet<Listing<'_>> = register.entries.iter().zip(&all).enumerate()
                    .filter(|(at, (other, list))| {
                        *at != number && other.recipient == entry.recipient && (*at < number || *list != own)
                    })
                    .flat_map(|(_, (_, list))| list.iter().copied())
                    .collect();
                match standing {
                    Standing::Alone(alone) => {
                        let known = RECIPIENTS.iter().filter(|(_, words)| alone.recipient.is_none_or(|of| of == *words));
                        for (certified, _) in known {
                            let listing = (alone.service, alone.day, alone.country, *certified);
                            prop_assert!(own.contains(&listing) && !others.contains(&listing), "{alone}");
                        }
                    }
                    Standing::NeverInForce => prop_assert!(own.is_empty()),
                    Standing::Nowhere => prop_assert!(false, "every zone has countries on these days"),
                    Standing::Shadowed(by) => {
                        prop_assert!(!own.is_empty() && own.is_subset(&others));
                        let named: BTreeSet<Listing<'_>> = register.entries.iter().zip(&all)
                            .filter(|(other, _)| by.contains(other))
                            .flat_map(|(_, list)| list.iter().copied())
                            .collect();
                        prop_assert!(own.is_subset(&named) && !by.contains(&entry));
                    }
                }
            }
        }
    }
}

//! Whether runs stay within a baseline.
//!
//! Input: a baseline, runs, a day. Output: a [`Comparison`]. Must not: let what is proposed, or expired, count.

use std::collections::{BTreeMap, BTreeSet};

use super::super::build::{Build, By};
use super::super::diff::{change, outside, recognised, side};
use super::super::difference::{Change, Comparison, Difference, Kind, Origin, Schema, Tool};
use super::super::outside::Outside;
use super::super::run::{Key, Run, Seen, settle};
use super::super::words;
use super::file::{Baseline, Entry, Host};
use super::{Contact, contacts};
use crate::frame::Date;
use crate::report::checks::MinGrade;
use crate::report::lang::Lang;

/// The form of what is written.
const SCHEMA: Schema = Schema { name: Schema::BASELINE, version: "1.0" };

/// Compares runs with a baseline. Entries expire by `day`, else by the last day of the runs; a text where there is nothing to compare.
pub fn check(baseline: &Baseline, runs: Vec<Run>, day: Option<Date>) -> Result<Comparison, String> {
    let mut warnings = Vec::new();
    let mut runs = recognised("what is to be checked", runs, &mut warnings)?;
    settle(&mut runs.iter_mut().collect::<Vec<_>>());
    warnings.extend(words::left_out(&mut runs.iter()));
    let last = runs.iter().filter_map(|run| run.end.as_deref()?.get(..10)?.parse().ok()).max();
    let day = day.or(last);
    let contacts = contacts(&runs);
    let check = Check::new(baseline, &runs, day, &contacts);
    let keys: BTreeSet<&Key> = contacts.iter().map(|contact| &contact.key).collect();
    let mut differences: Vec<Difference> = keys.iter().filter_map(|key| check.contact(key)).collect();
    let same = keys.len() as u64 - differences.len() as u64;
    differences.extend(baseline.entries.iter().filter_map(|entry| check.entry(entry)));
    differences.sort_by_key(|of| {
        (of.changes.iter().map(|change| change.kind).min(), !of.outside.reaches(MinGrade::Likely))
    });
    Ok(Comparison {
        schema: SCHEMA,
        tool: Tool::OWN,
        base: vec![origin(baseline)],
        new: runs.iter().map(Origin::of).collect(),
        warnings,
        noise: words::NO_VOLUMES.to_owned(),
        volumes_compared: false,
        differences,
        same,
    })
}

fn origin(baseline: &Baseline) -> Origin {
    let builds = baseline.entries.iter().filter(|entry| !entry.proposed).flat_map(|entry| &entry.builds);
    let builds = builds.map(|version| Build { version: version.clone(), by: By::Baseline }).collect();
    Origin {
        name: baseline.name.clone(),
        captures: Vec::new(),
        builds,
        traits: BTreeMap::new(),
        start: None,
        end: None,
        limits: Vec::new(),
        contacts: baseline.entries.len() as u64,
        left_out: 0,
    }
}

struct Check<'a> {
    baseline: &'a Baseline,
    runs: &'a [Run],
    day: Option<Date>,
    contacts: &'a BTreeSet<Contact>,
    /// The entries that name one host, by it.
    of_host: BTreeMap<&'a str, Vec<&'a Entry>>,
    /// Those that name several.
    of_hosts: Vec<&'a Entry>,
}

impl<'a> Check<'a> {
    fn new(
        baseline: &'a Baseline,
        runs: &'a [Run],
        day: Option<Date>,
        contacts: &'a BTreeSet<Contact>,
    ) -> Self {
        let mut of_host: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        let mut of_hosts = Vec::new();
        for entry in &baseline.entries {
            match &entry.host {
                Host::One(host) => of_host.entry(host).or_default().push(entry),
                Host::Any(_) => of_hosts.push(entry),
            }
        }
        Self { baseline, runs, day, contacts, of_host, of_hosts }
    }

    /// The entries that may be about a contact's host, in no order: a baseline may have thousands, and a browser's profile, too.
    fn near(&self, key: &Key) -> impl Iterator<Item = &Entry> {
        let own = self.of_host.get(key.host.as_str()).into_iter().flatten();
        own.chain(&self.of_hosts).copied()
    }

    /// Those that count.
    fn valid(&self, key: &Key) -> impl Iterator<Item = &Entry> {
        self.near(key).filter(|entry| !entry.proposed && entry.is_valid_on(self.day))
    }

    /// The contacts that an entry may be about.
    fn contacts_near(&self, entry: &Entry) -> impl Iterator<Item = &Contact> {
        let one = match &entry.host {
            Host::One(host) => Some(host.clone()),
            Host::Any(_) => None,
        };
        let key = |host: &String| Key { host: host.clone(), service: String::new(), protocol: String::new() };
        let first = one.as_ref().map(key).unwrap_or_default();
        let first = Contact { key: first, recipient: String::new(), zone: String::new() };
        let is_near = move |contact: &&Contact| one.as_ref().is_none_or(|host| contact.key.host == *host);
        self.contacts.range(first..).take_while(is_near)
    }

    fn contact(&self, key: &Key) -> Option<Difference> {
        let first = Contact { key: key.clone(), recipient: String::new(), zone: String::new() };
        let own = self.contacts.range(first..).take_while(|contact| contact.key == *key);
        let open = own.filter(|contact| !self.valid(key).any(|entry| entry.is_of(contact)));
        let changes: Vec<Change> = open.filter_map(|contact| self.change(contact)).collect();
        if changes.is_empty() {
            return None;
        }
        let new: Vec<Option<Seen>> = self.runs.iter().map(|run| run.seen.get(key).cloned()).collect();
        let shown = new.iter().flatten().next()?;
        let (outside, unlisted) = outside(&new);
        Some(Difference {
            subject: words::subject(key),
            host: Some(key.host.clone()),
            service: Some(key.service.clone()),
            protocol: Some(key.protocol.clone()),
            zone: None,
            changes,
            base: None,
            new: side(&new),
            file: Some(shown.at.0.clone()),
            at: Some(shown.at.1),
            tied: new.iter().flatten().any(|seen| seen.is_client),
            outside,
            unlisted,
        })
    }

    /// What is to be said of a contact that no entry is of; nothing where that is said of an entry that has expired.
    fn change(&self, contact: &Contact) -> Option<Change> {
        let Contact { key, recipient, zone } = contact;
        let about: Vec<&Entry> = self.valid(key).filter(|entry| entry.is_about(key)).collect();
        let all = |of: &dyn Fn(&Entry) -> &String| -> Vec<String> {
            about.iter().map(|entry| of(entry).clone()).collect::<BTreeSet<_>>().into_iter().collect()
        };
        if about.iter().any(|entry| entry.is_with(recipient)) {
            return Some(change(Kind::Moved, all(&|entry| &entry.zone), vec![zone.clone()], None));
        }
        if !about.is_empty() {
            return Some(change(
                Kind::Recipient,
                all(&|entry| &entry.recipient),
                vec![recipient.clone()],
                None,
            ));
        }
        let of = self.near(key).filter(|entry| entry.is_of(contact));
        // One that has expired is told of itself.
        let words = match of.min_by_key(|entry| (entry.proposed, entry.line)) {
            Some(entry) if entry.proposed => words::only_proposed(entry.line),
            Some(_) => return None,
            None => words::in_no_entry(recipient, zone),
        };
        Some(change(Kind::Added, Vec::new(), vec![words], None))
    }

    /// What is to be said of an entry.
    fn entry(&self, entry: &Entry) -> Option<Difference> {
        let is_seen = self.contacts_near(entry).any(|contact| entry.is_of(contact));
        let mut changes = Vec::new();
        if let Some(expires) = entry.expires.filter(|_| !entry.is_valid_on(self.day)) {
            changes.push(change(
                Kind::Expired,
                Vec::new(),
                vec![words::expired(expires, &entry.owner, is_seen)],
                None,
            ));
        } else if !is_seen && !entry.proposed {
            let pattern = entry.as_pattern();
            let hint =
                pattern.is_some_and(|pattern| self.contacts.iter().any(|contact| pattern.is_of(contact)));
            let from = vec![words::never_seen(&entry.recipient, hint)];
            changes.push(change(Kind::Removed, from, Vec::new(), words::doubt(self.runs)));
        }
        changes.extend(entry.too_wide().map(|why| change(Kind::Wide, Vec::new(), vec![why], None)));
        if changes.is_empty() {
            return None;
        }
        changes.sort_by_key(|change| change.kind);
        let key = Key {
            host: entry.host.text().to_owned(),
            service: entry.service.clone(),
            protocol: entry.protocol.clone(),
        };
        Some(Difference {
            subject: words::entry(&words::subject(&key), &entry.zone, Lang::ENGLISH),
            host: Some(key.host),
            service: Some(key.service),
            protocol: Some(key.protocol),
            zone: Some(entry.zone.clone()),
            changes,
            base: None,
            new: None,
            file: Some(self.baseline.name.clone()),
            at: Some(entry.line),
            tied: true,
            outside: Outside::No,
            unlisted: Outside::No,
        })
    }
}

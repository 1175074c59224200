//! The file of a baseline, read and checked.
//!
//! Input: its name and text. Output: a [`Baseline`]; where it is none, the line and why. Must not: write.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::fold::registered;
use super::super::run::Key;
use super::Contact;
use crate::data::{self, DataError, Placed};
use crate::frame::Date;

/// A baseline that can be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Baseline {
    /// The file, as it was named.
    pub name: String,
    /// Its entries, in their order.
    pub entries: Vec<Entry>,
}

/// What somebody answers for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The host pattern, as comparisons write it, or what several are written by.
    pub host: Host,
    /// What the remote end is for; `*` for anything.
    pub service: String,
    /// What is spoken; `*` for anything.
    pub protocol: String,
    /// The recipient's id; `*` for anybody.
    pub recipient: String,
    /// The legal zone; `*` for any.
    pub zone: String,
    /// The day on which it was first seen.
    pub first_seen: Date,
    /// The client's builds in which it was seen.
    pub builds: Vec<String>,
    /// Why it is there.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which the entry counts.
    pub expires: Option<Date>,
    /// Whether it only was proposed, and counts for nothing yet.
    pub proposed: bool,
    /// The line that it begins in, from 1.
    pub line: u64,
}

/// Which hosts an entry is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Host {
    /// The one of which a comparison writes exactly this.
    One(String),
    /// All that fit, with `*` for any run of characters.
    Any(String),
}

/// The version of the form that is known here.
const VERSION: u32 = 1;
/// The most entries. A client has some dozens of contacts.
pub(super) const MAX_ENTRIES: usize = 5_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Placed<u32>,
    #[serde(default)]
    entry: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    host: Option<Placed<String>>,
    hosts: Option<Placed<String>>,
    service: Placed<String>,
    protocol: String,
    recipient: String,
    zone: String,
    first_seen: Date,
    #[serde(default)]
    builds: Vec<String>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    owner: String,
    expires: Option<Placed<Date>>,
    #[serde(default)]
    proposed: bool,
}

impl Baseline {
    /// Reads a baseline.
    pub fn parse(name: &str, text: &str) -> Result<Self, DataError> {
        let wrong = |offset: usize, what: &str| DataError::at(name, text, Some(offset), what);
        let file: File = data::parse(name, text)?;
        if file.version.value != VERSION {
            let what =
                format!("version {} of the form is not known here, only {VERSION}", file.version.value);
            return Err(wrong(file.version.offset, &what));
        }
        if file.entry.len() > MAX_ENTRIES {
            return Err(DataError::at(name, text, None, &format!("more than {MAX_ENTRIES} entries")));
        }
        let mut known = BTreeMap::new();
        let mut entries = Vec::with_capacity(file.entry.len());
        let mut lines = Lines { text, at: 0, line: 1 };
        for row in file.entry {
            let (offset, mut entry) = row.entry(&wrong)?;
            entry.line = lines.of(offset);
            let same = (
                entry.host.clone(),
                entry.service.clone(),
                entry.protocol.clone(),
                entry.recipient.clone(),
                entry.zone.clone(),
            );
            if let Some(line) = known.insert(same, entry.line) {
                return Err(wrong(
                    offset,
                    &format!("the same as the entry in line {line}; leave one of them out"),
                ));
            }
            entries.push(entry);
        }
        Ok(Self { name: name.to_owned(), entries })
    }
}

/// Counts lines on the way through a text.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, offset: usize) -> u64 {
        // Entries follow each other, so the way goes on from the last one; for any other it begins anew.
        if offset < self.at {
            (self.at, self.line) = (0, 1);
        }
        let between = self.text.get(self.at..offset).unwrap_or_default();
        self.line += between.matches('\n').count() as u64;
        self.at = offset;
        self.line
    }
}

impl Row {
    fn entry(self, wrong: &dyn Fn(usize, &str) -> DataError) -> Result<(usize, Entry), DataError> {
        let (offset, host) = match (self.host, self.hosts) {
            (Some(host), None) => (host.offset, Host::One(host.value)),
            (None, Some(hosts)) => (hosts.offset, Host::Any(hosts.value)),
            (None, None) => {
                return Err(wrong(
                    self.service.offset,
                    "an entry needs `host`, or `hosts` with * for what varies",
                ));
            }
            (Some(_), Some(hosts)) => return Err(wrong(hosts.offset, "either `host` or `hosts`, not both")),
        };
        let is_answered = !self.reason.trim().is_empty() && !self.owner.trim().is_empty();
        if !self.proposed && !is_answered {
            let what = "an entry that nobody answers for: give it a `reason` and an `owner`, or `proposed = true` until there are";
            return Err(wrong(offset, what));
        }
        if let Some(expires) = self.expires.as_ref().filter(|expires| expires.value < self.first_seen) {
            return Err(wrong(expires.offset, "it expires before it was first seen"));
        }
        let empty = [&self.service.value, &self.protocol, &self.recipient, &self.zone]
            .into_iter()
            .any(String::is_empty);
        let (Host::One(text) | Host::Any(text)) = &host;
        if empty || text.is_empty() {
            return Err(wrong(offset, "host, service, protocol, recipient and zone have to say something"));
        }
        let entry = Entry {
            host,
            service: self.service.value,
            protocol: self.protocol,
            recipient: self.recipient,
            zone: self.zone,
            first_seen: self.first_seen,
            builds: self.builds,
            reason: self.reason,
            owner: self.owner,
            expires: self.expires.map(|expires| expires.value),
            proposed: self.proposed,
            line: 0,
        };
        Ok((offset, entry))
    }
}

impl Host {
    /// How it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::One(text) | Self::Any(text) => text,
        }
    }

    fn fits(&self, host: &str) -> bool {
        match self {
            Self::One(text) => text == host,
            Self::Any(pattern) => fits(pattern, host),
        }
    }
}

/// Whether a text fits a pattern in which `*` is any run of characters. Each part is looked for once, behind the one before, so that
/// it takes time linear in both.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = rest.split('*').collect();
    let Some((last, middle)) = parts.split_last() else { return true };
    for part in middle {
        let Some(at) = text.find(part) else { return false };
        text = text.get(at + part.len()..).unwrap_or_default();
    }
    text.ends_with(last)
}

impl Entry {
    /// Whether it is about a contact's host, service and protocol. A contact that did not show what it spoke is one over TCP or UDP.
    pub(super) fn is_about(&self, key: &Key) -> bool {
        let spoken = match key.protocol.as_str() {
            "tcp" => !["udp", "dtls", "quic", "stun", "zoom"].contains(&self.protocol.as_str()),
            "udp" => !["tcp", "tls", "http", "proxy"].contains(&self.protocol.as_str()),
            _ => false,
        };
        is_one(&self.service, &key.service)
            && (spoken || is_one(&self.protocol, &key.protocol))
            && self.host.fits(&key.host)
    }

    pub(super) fn is_of(&self, contact: &Contact) -> bool {
        is_one(&self.recipient, &contact.recipient)
            && self.is_in(&contact.zone)
            && self.is_about(&contact.key)
    }

    /// The entry as it would be if its host were written as `hosts`; `None` where that makes no difference.
    pub(super) fn as_pattern(&self) -> Option<Self> {
        let Host::One(text) = &self.host else { return None };
        text.contains(ANY).then(|| Self { host: Host::Any(text.clone()), ..self.clone() })
    }

    pub(super) fn is_in(&self, zone: &str) -> bool {
        is_one(&self.zone, zone)
    }

    pub(super) fn is_with(&self, recipient: &str) -> bool {
        is_one(&self.recipient, recipient)
    }

    /// Whether it counted on a day.
    pub(super) fn is_valid_on(&self, day: Option<Date>) -> bool {
        self.expires.zip(day).is_none_or(|(expires, day)| day <= expires)
    }

    /// Why it allows more than anybody can have looked at; `None` where it does not.
    pub(super) fn too_wide(&self) -> Option<String> {
        if self.zone == ANY {
            return Some("zone = \"*\" allows a move to any legal zone".to_owned());
        }
        if self.recipient == ANY {
            return Some("recipient = \"*\" allows any company".to_owned());
        }
        let Host::Any(pattern) = &self.host else { return None };
        // What stands behind the last `*`, as whole labels.
        let tail = pattern.rsplit('*').next().unwrap_or_default();
        let labels: Vec<&str> = tail.split('.').collect();
        let fixed = labels.len().saturating_sub(1);
        let own: Vec<&str> = labels.iter().skip(1).copied().collect();
        let needed = if pattern.contains('*') { registered(&own) } else { 0 };
        (fixed < needed || (needed > 0 && own.len() < 2)).then(|| {
            format!("hosts = \"{pattern}\" allows hosts of anybody: what stands behind the last * is no whole registered name")
        })
    }
}

/// What stands for anything.
const ANY: &str = "*";

fn is_one(of: &str, value: &str) -> bool {
    of == ANY || of == value
}

//! A baseline: the contacts that somebody has looked at and answers for, in a file for version control.
//!
//! Input: the file's text, and runs. Output: whether the runs stay within it, a new file, or a proposal. Must not: widen a baseline;
//! what is proposed counts for nothing until a person takes the mark away.

mod check;
mod edit;
mod file;

pub use self::check::check;
pub use self::edit::{Proposal, learn, update};
pub use self::file::{Baseline, Entry};

use std::collections::BTreeSet;

use super::run::{Key, Run, Seen};

/// One contact of a run with one company in one legal zone: what an entry is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Contact {
    key: Key,
    recipient: String,
    zone: String,
}

/// What stands for a recipient that is not known.
const UNKNOWN: &str = "unknown";

/// The contacts of all runs.
fn contacts(runs: &[Run]) -> BTreeSet<Contact> {
    let of = |(key, seen): (&Key, &Seen)| -> Vec<Contact> {
        let unknown = [UNKNOWN.to_owned()].into();
        let recipients = if seen.recipients.is_empty() { &unknown } else { &seen.recipients };
        let zones: BTreeSet<&str> = seen.places.iter().map(|place| place.zone.as_str()).collect();
        let both = recipients.iter().flat_map(|recipient| zones.iter().map(move |zone| (recipient, zone)));
        let contact = |(recipient, zone): (&String, &&str)| Contact {
            key: key.clone(),
            recipient: recipient.clone(),
            zone: (*zone).to_owned(),
        };
        both.map(contact).collect()
    };
    runs.iter().flat_map(|run| &run.seen).flat_map(of).collect()
}

//! A baseline as it is written: a new one, or one with proposals behind what people wrote.
//!
//! Input: runs, and the text of a file. Output: the text of a file. Must not: change or move what a person wrote, or write an entry
//! that counts into a file that has been looked at.

use std::collections::BTreeSet;

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

use super::super::diff::recognised;
use super::super::run::{Run, settle};
use super::file::{Baseline, Entry, MAX_ENTRIES};
use super::{Contact, contacts};

/// What stands in front of a new file.
const HEAD: &str = "\
# The contacts of the client that somebody has looked at and answers for. `borderpost baseline check` compares captures with it.
#
# An entry is one contact: a host (* stands for what changes from run to run, by the rules of borderpost), what it is for, what is
# spoken, who runs it, and the legal zone that it stands in. Addresses and ports are in none: they change every night.
#
#   reason, owner   why it is there, and who answers for it: an entry without them is refused
#   expires         the last day on which it counts (optional)
#   proposed        written by `borderpost baseline update`; such an entry counts for nothing until a person takes the line away
#   hosts           in place of host: all hosts that fit, with * for any run of characters; what is too wide is pointed out
version = 1
";

/// What was done to a baseline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// The file's new text.
    pub text: String,
    /// Entries that were proposed.
    pub proposed: u64,
    /// Builds that were added to entries.
    pub builds: u64,
}

/// A baseline of all that runs have, for which `owner` answers.
pub fn learn(runs: Vec<Run>, owner: &str, reason: &str) -> Result<Proposal, String> {
    let mut runs = recognised("what is to be learnt", runs, &mut Vec::new())?;
    settle(&mut runs.iter_mut().collect::<Vec<_>>());
    let mut document: DocumentMut =
        HEAD.parse().map_err(|error| format!("the head of a baseline: {error}"))?;
    let mut list = ArrayOfTables::new();
    let contacts = contacts(&runs);
    bounded(contacts.len())?;
    for contact in contacts {
        let mut table = table(&contact, &runs);
        table.insert("reason", value(reason));
        table.insert("owner", value(owner));
        list.push(table);
    }
    let proposed = list.len() as u64;
    document.insert("entry", Item::ArrayOfTables(list));
    Ok(Proposal { text: document.to_string(), proposed, builds: 0 })
}

/// The file with a proposal for each contact that no entry is about, and with the runs' builds in the entries that are. Everything
/// else stays as it is, byte for byte.
pub fn update(name: &str, text: &str, runs: Vec<Run>) -> Result<Proposal, String> {
    let baseline = Baseline::parse(name, text).map_err(|error| error.to_string())?;
    let mut runs = recognised("what is to be proposed", runs, &mut Vec::new())?;
    settle(&mut runs.iter_mut().collect::<Vec<_>>());
    let mut document: DocumentMut = text.parse().map_err(|error| format!("{name}: {error}"))?;
    if !document.contains_key("entry") {
        document.insert("entry", Item::ArrayOfTables(ArrayOfTables::new()));
    }
    let list = document.get_mut("entry").and_then(Item::as_array_of_tables_mut);
    let list = list.ok_or_else(|| format!("{name}: entry is no list of tables; write each as [[entry]]"))?;
    let contacts = contacts(&runs);
    let mut builds = 0;
    let of_runs: Vec<(&Run, BTreeSet<Contact>)> =
        runs.iter().map(|run| (run, super::contacts(std::slice::from_ref(run)))).collect();
    for (entry, table) in baseline.entries.iter().zip(list.iter_mut()) {
        builds += add_builds(entry, table, &of_runs);
    }
    let is_known = |contact: &&Contact| baseline.entries.iter().any(|entry| entry.is_of(contact));
    let new: Vec<&Contact> = contacts.iter().filter(|contact| !is_known(contact)).collect();
    bounded(baseline.entries.len() + new.len())?;
    for contact in &new {
        let mut table = table(contact, &runs);
        table.insert("reason", value(""));
        table.insert("owner", value(""));
        table.insert("proposed", value(true));
        list.push(table);
    }
    Ok(Proposal { text: document.to_string(), proposed: new.len() as u64, builds })
}

/// Nobody looks at thousands of entries.
fn bounded(entries: usize) -> Result<(), String> {
    if entries <= MAX_ENTRIES {
        return Ok(());
    }
    Err(format!(
        "{entries} contacts are more than a client has, and than the {MAX_ENTRIES} entries of a baseline; was a browser's profile \
         recorded with --exclusive?"
    ))
}

/// The entry of a contact, but for who answers for it.
fn table(contact: &Contact, runs: &[Run]) -> Table {
    let mut table = Table::new();
    let having = || runs.iter().filter(|run| run.seen.contains_key(&contact.key));
    table.insert("host", value(&contact.key.host));
    table.insert("service", value(&contact.key.service));
    table.insert("protocol", value(&contact.key.protocol));
    table.insert("recipient", value(&contact.recipient));
    table.insert("zone", value(&contact.zone));
    let first = having().filter_map(|run| run.start.as_deref()?.get(..10)).min().unwrap_or(NO_DAY);
    table.insert("first_seen", value(first));
    let mut builds: Vec<&str> = having().flat_map(Run::own_builds).collect();
    builds.sort_unstable();
    builds.dedup();
    table.insert("builds", value(builds.into_iter().collect::<Array>()));
    table
}

/// What stands for a day that no frame tells.
const NO_DAY: &str = "1970-01-01";

/// Adds the builds in which a contact of an entry was seen; how many are new.
fn add_builds(entry: &Entry, table: &mut Table, runs: &[(&Run, BTreeSet<Contact>)]) -> u64 {
    let having = runs.iter().filter(|(_, contacts)| contacts.iter().any(|contact| entry.is_of(contact)));
    let mut new: Vec<&str> = having.flat_map(|(run, _)| run.own_builds()).collect();
    new.retain(|build| !entry.builds.iter().any(|known| known == build));
    new.sort_unstable();
    new.dedup();
    if new.is_empty() {
        return 0;
    }
    let list = table.entry("builds").or_insert_with(|| value(Array::new()));
    let Some(list) = list.as_array_mut() else { return 0 };
    let count = new.len() as u64;
    list.extend(new);
    count
}

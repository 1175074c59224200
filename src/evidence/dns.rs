//! DNS: which host asked for which name and was told which address.
//!
//! Input: DNS messages over UDP. Output: answers that were asked for, and the names that a new flow gets from them.
//! Must not: let an answer that nobody asked for name anything (it is counted), or grow without bound.

use std::net::IpAddr;

use hashbrown::HashMap;

use crate::evidence::fact::{Answered, Origin};
use crate::evidence::name::{NameId, Names};
use crate::evidence::{Notes, Outcome, Sighting};
use crate::flow::{FlowId, Method, Side};
use crate::wire::dns::{self, AnswerData, Message};
use crate::wire::{Hostname, Read};

/// What the hosts of a capture asked for and were told.
#[derive(Default, Debug)]
pub(super) struct Answers {
    asked: HashMap<(FlowId, Side, u16), Asked>,
    told: Vec<Told>,
    latest: HashMap<(IpAddr, IpAddr), u32>,
    pub(super) unasked: u64,
    pub(super) refused: u64,
}

/// A question that waits. Hosts ask again, and then each copy may be answered.
#[derive(Debug)]
struct Asked {
    name: NameId,
    copies: u32,
}

#[derive(Debug)]
struct Told {
    answered: Answered,
    /// The answer before this one for the same host and address, counted from 1; 0 is none.
    previous: u32,
}

/// How many names one flow gets from DNS at most: a shared address may have been given for hundreds.
const MAX_NAMES: usize = 4;
/// Answers for one host and address that are looked at for a flow's names: a host that asks for one name all day must
/// not cost every flow of its that day's answers.
const MAX_LOOKED_AT: usize = 64;
/// Questions that are remembered at one time; then all are forgotten.
const MAX_ASKED: usize = 1 << 16;
const MAX_TOLD: usize = 1 << 20;

impl Answers {
    /// The names under which `host` was told `address`, the latest first.
    pub(super) fn of(&self, host: IpAddr, address: IpAddr) -> Vec<Answered> {
        let mut found: Vec<Answered> = Vec::new();
        let mut at = self.latest.get(&(host, address)).copied().unwrap_or(0);
        for _ in 0..MAX_LOOKED_AT {
            let Some(told) = at.checked_sub(1).and_then(|at| self.told.get(at as usize)) else { break };
            let name = told.answered.name;
            if !found.iter().any(|known| known.name == name) {
                found.push(told.answered.clone());
            }
            if found.len() == MAX_NAMES {
                break;
            }
            at = told.previous;
        }
        found
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Answered> {
        self.told.iter().map(|told| &told.answered)
    }

    fn ask(&mut self, key: (FlowId, Side, u16), name: NameId) {
        if self.asked.len() >= MAX_ASKED {
            // Nearly all of them are questions that nobody answered; those that wait now would be the last to get a name.
            self.asked.clear();
        }
        let asked = self.asked.entry(key).or_insert(Asked { name, copies: 0 });
        let copies = if asked.name == name { asked.copies } else { 0 };
        *asked = Asked { name, copies: copies.saturating_add(1) };
    }

    /// Whether the name was asked for, and not answered as often as that.
    fn is_asked(&mut self, key: (FlowId, Side, u16), name: NameId) -> bool {
        let Some(asked) = self.asked.get_mut(&key).filter(|asked| asked.name == name) else { return false };
        asked.copies -= 1;
        if asked.copies == 0 {
            self.asked.remove(&key);
        }
        true
    }

    fn tell(&mut self, answered: Answered) {
        if self.told.len() == MAX_TOLD {
            self.refused += 1;
            return;
        }
        let key = (answered.host, answered.address);
        let number = u32::try_from(self.told.len()).unwrap_or(u32::MAX).saturating_add(1);
        let previous = self.latest.insert(key, number).unwrap_or(0);
        self.told.push(Told { answered, previous });
    }
}

/// Reads one datagram to or from port 53.
pub(super) fn observe(seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    let Read::Done(message) = dns::message(seen.packet.payload) else { return Outcome::Watch };
    let name = message.question.as_ref().and_then(|question| question.name.as_ref());
    let Some(name) = name.and_then(|name| notes.names.intern(name)) else { return Outcome::Watch };
    if message.is_response {
        answer(&message, name, seen, notes);
    } else {
        question(&message, name, seen, notes);
    }
    Outcome::Watch
}

fn question(message: &Message, name: NameId, seen: &Sighting<'_>, notes: &mut Notes) {
    notes.answers.ask((seen.flow, seen.side, message.id), name);
    notes.round_trips.request(seen.flow, seen.side, key(message.id, name), seen.time);
}

fn answer(message: &Message, name: NameId, seen: &Sighting<'_>, notes: &mut Notes) {
    let asker = seen.side.other();
    if !notes.answers.is_asked((seen.flow, asker, message.id), name) {
        notes.answers.unasked += 1;
        return;
    }
    notes.reply(seen, Method::Dns, key(message.id, name));
    let aliases = aliases(message, &mut notes.names);
    let host = seen.packet.to().address;
    for answer in &message.answers {
        let AnswerData::Address(address) = answer.data else { continue };
        let tell = |name, origin| Answered { host, address, name, origin, frame: seen.frame };
        for alias in &aliases {
            notes.answers.tell(tell(*alias, Origin::DnsAlias));
        }
        // The name asked for comes last, so that it is the first one found.
        notes.answers.tell(tell(name, Origin::Dns));
    }
}

/// The CNAME chain's targets, outermost last.
fn aliases(message: &Message, names: &mut Names) -> Vec<NameId> {
    let targets = message.answers.iter().filter_map(|answer| match &answer.data {
        AnswerData::Alias(target) => Some(target),
        AnswerData::Address(_) | AnswerData::Other(_) => None,
    });
    let targets: Vec<&Hostname> = targets.take(MAX_NAMES - 1).collect();
    targets.into_iter().rev().filter_map(|target| names.intern(target)).collect()
}

fn key(id: u16, name: NameId) -> [u8; 16] {
    let mut key = [0; 16];
    let parts = id.to_be_bytes().into_iter().chain(name.number().to_be_bytes());
    for (byte, part) in key.iter_mut().zip(parts) {
        *byte = part;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FrameRef;

    #[test]
    fn a_question_is_answered_as_often_as_it_was_asked() {
        let (mut names, mut answers) = (Names::default(), Answers::default());
        let mut name = |text: &str| names.intern(&Hostname::parse(text.as_bytes()).unwrap()).unwrap();
        let (zoom, other) = (name("zoom.us"), name("other.example"));
        let key = (FlowId(0), Side::First, 7);
        answers.ask(key, zoom);
        answers.ask(key, zoom);
        assert!(!answers.is_asked(key, other));
        assert!(answers.is_asked(key, zoom) && answers.is_asked(key, zoom));
        assert!(!answers.is_asked(key, zoom), "a third answer was not asked for");
        answers.ask(key, zoom);
        answers.ask(key, other);
        assert!(!answers.is_asked(key, zoom), "the id is in use for another question");
        assert!(answers.is_asked(key, other));
    }

    #[test]
    fn a_flow_looks_at_the_latest_answers_alone() {
        let (mut names, mut answers) = (Names::default(), Answers::default());
        let mut tell = |name: &str, frame| {
            let name = names.intern(&Hostname::parse(name.as_bytes()).unwrap()).unwrap();
            let (host, address) = ([10, 0, 0, 5].into(), [8, 8, 4, 4].into());
            let frame = FrameRef::new(0, frame);
            answers.tell(Answered { host, address, name, origin: Origin::Dns, frame });
        };
        tell("old.example", 1);
        tell("zoom.us", 2);
        (3..MAX_LOOKED_AT as u64 + 2).for_each(|frame| tell("zoom.us", frame));
        let found = answers.of([10, 0, 0, 5].into(), [8, 8, 4, 4].into());
        assert_eq!(found.len(), 1, "the 65th answer back is not looked at");
        assert_eq!(found[0].frame, FrameRef::new(0, MAX_LOOKED_AT as u64 + 1));
    }
}

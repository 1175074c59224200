//! DNS: which host asked for which name and was told which address.
//!
//! Input: DNS messages over UDP and TCP. Output: answers that were asked for, and the names that a new flow gets from them.
//! Must not: let an answer that nobody asked for name anything (it is counted), or grow without bound.
//!
//! The address hints of a service record (RFC 9460 section 7.3) name a flow as an address record does: a client may connect
//! to them before it has asked for any. They are the same operator's word in another record, which section 7.3 says clients
//! replace by the address records once they have them, so an address record for the same name and address goes first.

use std::net::IpAddr;

use hashbrown::HashMap;

use crate::evidence::fact::{Answered, Entry, Fact, Origin};
use crate::evidence::moved::Moved;
use crate::evidence::name::{NameId, Names};
use crate::evidence::round_trip::Key;
use crate::evidence::{Notes, Outcome, Sighting};
use crate::flow::{FlowId, Flows, Method, Side, table_bytes};
use crate::frame::FrameRef;
use crate::packet::Packet;
use crate::packet::TunnelId;
use crate::wire::dns::{self, AnswerData, Message, Service, ServiceTarget};
use crate::wire::{Hostname, Read};

/// What the hosts of a capture asked for and were told.
#[derive(Clone, Default, Debug)]
pub(super) struct Answers {
    asked: HashMap<Question, Asked>,
    /// The question that was answered last, and the frame: the answer's other reading answers the same one.
    last: Option<(Question, NameId, FrameRef)>,
    told: Vec<Answered>,
    /// Those that were looked through when somebody asked in the middle of the reading.
    heard: Heard,
    pub(super) unasked: u64,
    /// The first frame of those.
    pub(super) first_unasked: Option<FrameRef>,
    /// The frames of the first of them, of which a piece that is put behind another may have to take some back.
    unasked_in: Vec<FrameRef>,
    pub(super) refused: u64,
    /// The most questions that waited at one time.
    most_asked: usize,
    /// How often somebody asked in the middle of the reading.
    pub(super) consulted: u64,
}

/// The flow, the side that asked, and the question's id.
type Question = (FlowId, Side, u16);

/// A question that waits. Hosts ask again, and then each copy may be answered.
#[derive(Clone, Debug)]
struct Asked {
    name: NameId,
    copies: u32,
}

/// How many names one flow gets from DNS at most: a shared address may have been given for hundreds.
const MAX_NAMES: usize = 4;
/// Answers for one host and address that are looked at for a flow's names: a host that asks for one name all day must
/// not cost every flow of its that day's answers.
const MAX_LOOKED_AT: usize = 64;
/// Questions that are remembered at one time; then all are forgotten.
const MAX_ASKED: usize = 1 << 16;
const MAX_TOLD: usize = 1 << 20;
const MAX_UNASKED: usize = 1 << 14;
/// Bytes of a connection's first message that are looked at before it is whole: a head and the longest question.
const FRONT: usize = 2 + 12 + 255 + 4;

impl Answers {
    /// The names of all flows, in their order: those under which either end was told the other end's address before the flow
    /// began, the latest first. The frame is the answer's.
    pub(super) fn names_of(&self, flows: &Flows) -> Vec<Entry> {
        if self.told.is_empty() {
            return Vec::new();
        }
        let (mut names, mut heard, mut answers) = (Vec::new(), Heard::default(), self.told.iter().peekable());
        for flow in flows.iter() {
            let frame = flow.first_frame();
            while let Some(answered) = answers.next_if(|answered| answered.frame < frame) {
                heard.hear(answered);
            }
            let tunnel = flow.scope().tunnel;
            let [from, to] = [Side::First, Side::Second].map(|side| flow.endpoint(side).address);
            let told = |host, address| heard.of(&self.told, (tunnel, host, address));
            for answered in told(from, to).into_iter().chain(told(to, from)) {
                // A packet that was never whole is told late; answers after it do not name it.
                if answered.frame < frame {
                    let Answered { name, origin, frame, .. } = answered;
                    let fact = Fact::Name { name, origin, from: None };
                    names.push(Entry::new(flow.id(), frame, flow.first_time(), fact));
                }
            }
        }
        names
    }

    /// The names under which a host was told an address so far, the latest first.
    pub(super) fn so_far(&mut self, tunnel: TunnelId, host: IpAddr, address: IpAddr) -> Vec<Answered> {
        let Self { told, heard, consulted, .. } = self;
        *consulted += 1;
        for answered in told.iter().skip(heard.previous.len()) {
            heard.hear(answered);
        }
        heard.of(told, (tunnel, host, address))
    }

    /// Frees what only reading needs.
    pub(super) fn forget_questions(&mut self) {
        let Self { mut told, unasked, first_unasked, refused, .. } = std::mem::take(self);
        told.shrink_to_fit();
        *self = Self { told, unasked, first_unasked, refused, ..Self::default() };
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Answered> {
        self.told.iter()
    }

    fn ask(&mut self, key: Question, name: NameId) {
        if self.asked.len() >= MAX_ASKED {
            // Nearly all of them are questions that nobody answered; those that wait now would be the last to get a name.
            self.asked.clear();
        }
        let asked = self.asked.entry(key).or_insert(Asked { name, copies: 0 });
        let copies = if asked.name == name { asked.copies } else { 0 };
        *asked = Asked { name, copies: copies.saturating_add(1) };
        self.most_asked = self.most_asked.max(self.asked.len());
    }

    /// Whether nothing is forgotten or refused where what `next` knows comes behind this, and nobody asked `next` for what
    /// this knows.
    pub(super) fn has_room_for(&self, next: &Self) -> bool {
        next.consulted == 0
            && self.asked.len().saturating_add(next.most_asked) < MAX_ASKED
            && self.told.len().saturating_add(next.told.len()) < MAX_TOLD
            && next.unasked_in.len() < MAX_UNASKED
    }

    /// How many answers were told.
    pub(super) fn len(&self) -> usize {
        self.told.len()
    }

    /// Takes over what the next piece knows. `taken_again` says of which of its frames the answers are not taken, `unasked` is
    /// how many answers in them nobody asked for; those known from `since` on were read from such frames.
    pub(super) fn append(
        &mut self,
        next: Self,
        moved: &Moved<'_>,
        since: usize,
        taken_again: impl Fn(FrameRef) -> bool,
        unasked: u64,
    ) {
        for ((flow, side, id), asked) in next.asked {
            if let Some((flow, name)) = moved.flow(flow).zip(moved.name(asked.name)) {
                self.asked.insert((flow, side, id), Asked { name, ..asked });
            }
        }
        for answered in next.told.into_iter().filter(|answered| !taken_again(answered.frame)) {
            if let Some(name) = moved.name(answered.name) {
                self.told.push(Answered { name, frame: moved.frame(answered.frame), ..answered });
            }
        }
        let first = next.unasked_in.into_iter().find(|frame| !taken_again(*frame));
        let first = first.map(|frame| moved.frame(frame));
        self.first_unasked = self.first_unasked.into_iter().chain(first).min();
        self.told.get_mut(since..).unwrap_or_default().sort_by_key(|answered| answered.frame);
        self.last = None;
        self.unasked = self.unasked.saturating_add(next.unasked.saturating_sub(unasked));
    }

    /// Keeps the questions of flows to which `number` gives a new number, under that. What was told stays: it may name flows
    /// to come.
    pub(super) fn retain(&mut self, number: impl Fn(FlowId) -> Option<FlowId>) {
        let key = |(flow, side, id): Question| Some((number(flow)?, side, id));
        let asked = std::mem::take(&mut self.asked).into_iter();
        self.asked = asked.filter_map(|(of, asked)| Some((key(of)?, asked))).collect();
        self.last = self.last.and_then(|(of, name, frame)| Some((key(of)?, name, frame)));
    }

    /// The bytes that they fill, with what it takes to hear all of them.
    pub(super) fn bytes(&self) -> usize {
        let heard = size_of::<u32>() * self.told.len() + table_bytes::<(Told, u32)>(self.told.len());
        let unasked = size_of_val(self.unasked_in.as_slice());
        table_bytes::<(Question, Asked)>(self.asked.len())
            + size_of_val(self.told.as_slice())
            + heard
            + unasked
    }

    /// Counts an answer that nobody asked for.
    fn note_unasked(&mut self, frame: FrameRef) {
        self.unasked = self.unasked.saturating_add(1);
        self.first_unasked.get_or_insert(frame);
        if self.unasked_in.len() < MAX_UNASKED {
            self.unasked_in.push(frame);
        }
    }

    /// Whether the name was asked for, and not answered as often as that.
    fn is_asked(&mut self, key: Question, name: NameId, frame: FrameRef) -> bool {
        let this = Some((key, name, frame));
        let Some(asked) = self.asked.get_mut(&key).filter(|asked| asked.name == name) else {
            return self.last == this;
        };
        self.last = this;
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
        self.told.push(answered);
    }
}

/// A host, outside all tunnels or in one, and an address that it was told.
type Told = (TunnelId, IpAddr, IpAddr);

/// The answers that were given up to a moment. They are numbered from 1.
#[derive(Clone, Default, Debug)]
struct Heard {
    latest: HashMap<Told, u32>,
    /// The answer before each for the same host and address; 0 is none.
    previous: Vec<u32>,
}

impl Heard {
    /// Hears the next answer.
    fn hear(&mut self, answered: &Answered) {
        let key = (answered.tunnel, answered.host, answered.address);
        let number = u32::try_from(self.previous.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.previous.push(self.latest.insert(key, number).unwrap_or(0));
    }

    /// The names under which a host was told an address, the latest first.
    fn of(&self, all: &[Answered], told: Told) -> Vec<Answered> {
        let mut found: Vec<Answered> = Vec::new();
        let mut at = self.latest.get(&told).copied().unwrap_or(0);
        for _ in 0..MAX_LOOKED_AT {
            let Some(place) = at.checked_sub(1).map(|at| at as usize) else { break };
            let (Some(answered), Some(previous)) = (all.get(place), self.previous.get(place)) else { break };
            let is_full = found.len() == MAX_NAMES;
            match found.iter_mut().find(|known| known.name == answered.name) {
                Some(known) if known.origin == Origin::DnsHint && answered.origin != Origin::DnsHint => {
                    *known = answered.clone();
                }
                Some(_) => {}
                None if is_full => break,
                None => found.push(answered.clone()),
            }
            at = *previous;
        }
        found
    }
}

/// Whether one end is a name server's by its port.
pub(super) fn is_domain(packet: &Packet<'_>) -> bool {
    [packet.from().port, packet.to().port].contains(&dns::PORT)
}

/// Reads one datagram to or from port 53.
pub(super) fn observe(seen: &Sighting<'_>, notes: &mut Notes) -> Outcome {
    if !is_domain(seen.packet) {
        return Outcome::NotMine;
    }
    let Read::Done(message) = dns::message(seen.packet.payload) else { return Outcome::Watch };
    if let Some(name) = asked_name(&message, notes)
        && take(&message, name, seen, notes)
    {
        let key = Key::Question(message.id, name);
        if message.is_response {
            notes.reply(seen, Method::Dns, key);
        } else {
            notes.round_trips.request(seen.flow, seen.side, key, seen.time);
        }
    }
    Outcome::Watch
}

/// Reads on in one direction of a connection to or from port 53, `read` bytes of which were read before.
///
/// The bytes kept of a direction bound what is read; answers repeat their questions, so it is they that end first. The
/// transactions are not timed: a segment that was sent again would make them look short, and the handshake was timed.
pub(super) fn observe_stream(
    read: &mut u16,
    bytes: &[u8],
    seen: &Sighting<'_>,
    notes: &mut Notes,
) -> Outcome {
    while let Some(stream) = bytes.get(usize::from(*read)..).filter(|stream| !stream.is_empty()) {
        let end = dns::stream_message_len(stream).unwrap_or(usize::MAX);
        // The front tells whether it is DNS at all; after that a message is read once, when it is whole.
        if end > stream.len() && (*read > 0 || stream.len() > FRONT) {
            break;
        }
        let message = match dns::stream_message(stream) {
            Read::Done(message) => Some(message),
            Read::More => return Outcome::Watch,
            Read::NotMine(_) if *read == 0 => return Outcome::NotMine,
            Read::NotMine(_) => None,
        };
        // What is no message is passed over by its length, which is still to be believed.
        *read = read.saturating_add(u16::try_from(end).unwrap_or(u16::MAX));
        if let Some(message) = message
            && let Some(name) = asked_name(&message, notes)
        {
            take(&message, name, seen, notes);
        }
    }
    Outcome::Watch
}

fn asked_name(message: &Message, notes: &mut Notes) -> Option<NameId> {
    notes.names.intern(message.question.as_ref()?.name.as_ref()?)
}

/// Notes a question or its answer; false for an answer that nobody asked for.
fn take(message: &Message, name: NameId, seen: &Sighting<'_>, notes: &mut Notes) -> bool {
    if message.is_response {
        return answer(message, name, seen, notes);
    }
    notes.answers.ask((seen.flow, seen.side, message.id), name);
    true
}

fn answer(message: &Message, name: NameId, seen: &Sighting<'_>, notes: &mut Notes) -> bool {
    let asker = seen.side.other();
    if !notes.answers.is_asked((seen.flow, asker, message.id), name, seen.frame) {
        notes.answers.note_unasked(seen.frame);
        return false;
    }
    let aliases = aliases(message, &mut notes.names);
    let host = seen.packet.to().address;
    for answer in &message.answers {
        let (addresses, is_hint) = match &answer.data {
            AnswerData::Address(address) => (std::slice::from_ref(address), false),
            AnswerData::Service(service) => (service.hints.as_slice(), true),
            AnswerData::Alias(_) | AnswerData::Other(_) => continue,
        };
        for &address in addresses {
            let mut tell = |name, origin| {
                let origin = if is_hint { Origin::DnsHint } else { origin };
                let tunnel = seen.packet.tunnel;
                notes.answers.tell(Answered { tunnel, host, address, name, origin, frame: seen.frame });
            };
            for alias in &aliases {
                tell(*alias, Origin::DnsAlias);
            }
            // The name asked for comes last, so that it is the first one found.
            tell(name, Origin::Dns);
        }
    }
    true
}

/// The targets of CNAME and service records, outermost last.
fn aliases(message: &Message, names: &mut Names) -> Vec<NameId> {
    let targets = message.answers.iter().filter_map(|answer| match &answer.data {
        AnswerData::Alias(target) => Some(target),
        AnswerData::Service(service) => target(service),
        AnswerData::Address(_) | AnswerData::Other(_) => None,
    });
    let targets: Vec<&Hostname> = targets.take(MAX_NAMES - 1).collect();
    targets.into_iter().rev().filter_map(|target| names.intern(target)).collect()
}

fn target(service: &Service) -> Option<&Hostname> {
    match &service.target {
        ServiceTarget::Name(name) => Some(name),
        ServiceTarget::Owner | ServiceTarget::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(frame: u64) -> FrameRef {
        FrameRef::new(0, frame)
    }

    #[test]
    fn a_question_is_answered_as_often_as_it_was_asked() {
        let (mut names, mut answers) = (Names::default(), Answers::default());
        let mut name = |text: &str| names.intern(&Hostname::parse(text.as_bytes()).unwrap()).unwrap();
        let (zoom, other) = (name("zoom.us"), name("other.example"));
        let key = (FlowId(0), Side::First, 7);
        answers.ask(key, zoom);
        answers.ask(key, zoom);
        assert!(!answers.is_asked(key, other, at(1)));
        assert!(answers.is_asked(key, zoom, at(2)) && answers.is_asked(key, zoom, at(3)));
        assert!(!answers.is_asked(key, zoom, at(4)), "a third answer was not asked for");
        answers.ask(key, zoom);
        answers.ask(key, other);
        assert!(!answers.is_asked(key, zoom, at(5)), "the id is in use for another question");
        assert!(answers.is_asked(key, other, at(6)));
        assert!(answers.is_asked(key, other, at(6)), "the other reading of the same answer");
        assert!(!answers.is_asked(key, other, at(7)));
    }

    #[test]
    fn a_flow_looks_at_the_latest_answers_alone() {
        let (mut names, mut heard, mut all) = (Names::default(), Heard::default(), Vec::new());
        let mut tell = |name: &str, frame| {
            let name = names.intern(&Hostname::parse(name.as_bytes()).unwrap()).unwrap();
            let (host, address) = ([10, 0, 0, 5].into(), [8, 8, 4, 4].into());
            let frame = FrameRef::new(0, frame);
            let (tunnel, origin) = (TunnelId::NONE, Origin::Dns);
            let answered = Answered { tunnel, host, address, name, origin, frame };
            heard.hear(&answered);
            all.push(answered);
        };
        tell("old.example", 1);
        tell("zoom.us", 2);
        (3..MAX_LOOKED_AT as u64 + 2).for_each(|frame| tell("zoom.us", frame));
        let found = heard.of(&all, (TunnelId::NONE, [10, 0, 0, 5].into(), [8, 8, 4, 4].into()));
        assert_eq!(found.len(), 1, "the 65th answer back is not looked at");
        assert_eq!(found[0].frame, FrameRef::new(0, MAX_LOOKED_AT as u64 + 1));
    }
}

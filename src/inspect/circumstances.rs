//! Whose flows are: each combination of what matters for it is put to the catalogue once.
//!
//! Input: what a flow says, its relation and ports. Output: the number of an attribution. Must not: hold a rule of its own;
//! what is left out of a combination is what the catalogue does not look at.

use std::net::IpAddr;

use hashbrown::HashMap;

use crate::client::{Attribution, Catalogue, ClientProcess, Contact, Origin, PayloadMark, Whose};
use crate::evidence::{Evidence, Fact, NameId, ProcessId};
use crate::flow::Flow;
use crate::frame::Date;
use crate::inspect::hearing::{Heard, Hearing, SeenName};
use crate::inspect::matches::Match;
use crate::inspect::relation::{Ended, RelationId};
use crate::packet::Protocol;
use crate::session::{Step, step_at};
use crate::wire::{Hostname, dns};

/// The attributions of one capture, by what they rest on.
pub(super) struct Attributions<'a> {
    hearing: Hearing<'a>,
    exclusive: bool,
    /// The steps of the tester's script, where there are any.
    steps: &'a [Step],
    numbers: HashMap<Circumstances, u32>,
    all: Vec<Attribution>,
    /// The combination under the reader's eyes.
    asked: Circumstances,
}

/// Everything that an attribution depends on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Circumstances {
    names: Vec<(NameId, Origin)>,
    /// The relation, where the address matters: it is in a published range, or the payload tells the client's.
    relation: Option<RelationId>,
    /// The remote port, where anything but its being a name server's matters.
    port: u16,
    transport: Protocol,
    payload: PayloadMark,
    /// The client's process that the flow is of.
    process: Option<ProcessId>,
    /// The exclusive step that it began in, where that alone ties it.
    step: Option<usize>,
}

/// What the flows of one relation have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct InRelation {
    pub(super) id: RelationId,
    pub(super) day: Date,
    /// Whether the remote address is in a published range on that day.
    pub(super) is_listed: bool,
}

impl<'a> Attributions<'a> {
    pub(super) fn new(hearing: Hearing<'a>, exclusive: bool, steps: &'a [Step]) -> Self {
        let asked = Circumstances {
            names: Vec::new(),
            relation: None,
            port: 0,
            transport: Protocol::Tcp,
            payload: PayloadMark::None,
            process: None,
            step: None,
        };
        Self { hearing, exclusive, steps, numbers: HashMap::new(), all: Vec::new(), asked }
    }

    /// The number of a flow's attribution.
    pub(super) fn of(
        &mut self,
        flow: &Flow<'_>,
        ended: Ended,
        heard: Heard,
        names: &[SeenName],
        relation: InRelation,
    ) -> u32 {
        let Self { hearing, asked, .. } = self;
        let Hearing { evidence, matches, .. } = *hearing;
        let remote = flow.endpoint(ended.local.other());
        let is_named = names.iter().any(|name| matches.get(name.name) != Match::Unknown);
        let tells_payload = !matches!(heard.payload, PayloadMark::None | PayloadMark::WebRtc);
        let process = if heard.has_process { client_process(evidence, flow) } else { None };
        let is_plain = !is_named && !relation.is_listed && !tells_payload && process.is_none();
        asked.names.clear();
        if is_plain {
            // Nobody's: all that is left to tell is whether a name server is asked.
            let is_dns = dns::PORTS.contains(&remote.port);
            asked.port = if is_dns { remote.port } else { 0 };
            asked.transport = Protocol::Udp;
        } else {
            asked.names.extend(names.iter().map(|name| (name.name, name.client_origin())));
            asked.port = remote.port;
            asked.transport = flow.protocol();
        }
        asked.relation = (relation.is_listed || tells_payload).then_some(relation.id);
        asked.payload = heard.payload;
        asked.process = process.map(|(id, _)| id);
        asked.step = None;
        let remote = (remote.address, process.map(|(_, process)| process));
        let number = self.number(remote, relation.day);
        // A step ties what nothing else decides. Asked for last, so that flows which need no step share their attribution.
        let is_open = self.get(number).is_some_and(|known| known.whose == Whose::NotAttributable);
        match step_at(self.steps, flow.first_frame()).filter(|_| is_open) {
            Some(step) if self.steps.get(step).is_some_and(|step| step.mark.is_exclusive) => {
                self.asked.step = Some(step);
                self.number(remote, relation.day)
            }
            _ => number,
        }
    }

    /// The number of the attribution of the combination under the reader's eyes, with the address and the process of one of
    /// its flows.
    fn number(&mut self, (address, process): (IpAddr, Option<ClientProcess<'_>>), day: Date) -> u32 {
        let Self { hearing, asked, numbers, all, .. } = self;
        if let Some(number) = numbers.get(&*asked) {
            return *number;
        }
        let number = u32::try_from(all.len()).unwrap_or(u32::MAX);
        numbers.insert(asked.clone(), number);
        let parsed = |(name, origin): &(NameId, Origin)| {
            Some((Hostname::parse(hearing.evidence.name(*name).as_bytes())?, *origin))
        };
        let names: Vec<(Hostname, Origin)> = asked.names.iter().filter_map(parsed).collect();
        let step = asked.step.and_then(|step| self.steps.get(step));
        let contact = Contact {
            names: &names,
            address,
            port: asked.port,
            transport: asked.transport,
            payload: asked.payload,
            process,
            exclusive: self.exclusive,
            step: step.map(|step| step.mark.label.as_str()),
        };
        all.push(Catalogue::builtin().attribute(&contact, day));
        number
    }

    /// An attribution by its number.
    pub(super) fn get(&self, number: u32) -> Option<&Attribution> {
        self.all.get(number as usize)
    }

    /// All of them, in order of their numbers.
    pub(super) fn into_all(self) -> Vec<Attribution> {
        self.all
    }
}

/// The client's process that the flow is of, where the capture says so in a way that can be relied on.
fn client_process<'e>(evidence: &'e Evidence, flow: &Flow<'_>) -> Option<(ProcessId, ClientProcess<'e>)> {
    evidence.of(flow.id()).iter().find_map(|entry| {
        let Fact::Process(id) = entry.fact else { return None };
        let process = evidence.process_of(id)?;
        let (name, method) = (process.name.as_deref()?, process.method);
        let catalogue = Catalogue::builtin();
        let started_by = || {
            let program = process.program.as_deref()?;
            catalogue.starter(program.path.as_deref()?, &program.parents, method)
        };
        if !method.is_reliable() {
            return None;
        }
        if catalogue.is_process(name, method) {
            return Some((id, ClientProcess { name, started_by: None, method }));
        }
        let started_by = Some(started_by()?);
        Some((id, ClientProcess { name, started_by, method }))
    })
}

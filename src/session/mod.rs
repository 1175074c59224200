//! Sessions and meetings: one client's runs on one machine, and what it met in them; and the steps of a tester's script.
//!
//! Input: the client's flows with their facts. Output: sessions with their meetings, each bound with the rule that
//! found it and the moment it stands at. Must not: judge a place or a listing, or count sockets as meetings (one
//! meeting uses a socket for each kind of media and drops others).

pub mod marks;
mod meeting;
mod phase;
mod span;
mod step;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

pub use self::meeting::{EndRule, Meeting, MeetingKind, StartRule};
use self::phase::Made;
pub use self::phase::{Certainty, Milestone, MilestoneKind, Phase, PhaseKind, PhaseRule, UntilRule};
pub use self::step::{
    InputName, Kinded, Mark, MarkFault, MarkedBy, Placed, Stated, Step, StepKind, When, phase_of_mark,
    same_place, says, step_at, steps,
};
use crate::client::Service;
use crate::evidence::Entry;
use crate::flow::{FlowId, Side};
use crate::frame::{FrameRef, Timestamp};
use crate::packet::TunnelId;

/// A frame and its time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Moment {
    /// The frame.
    pub frame: FrameRef,
    /// Its time, where it has one.
    pub time: Option<Timestamp>,
}

impl Moment {
    /// How long after `earlier` this is; `None` where a time is missing or runs backwards.
    fn since(self, earlier: Self) -> Option<Duration> {
        self.time?.since(earlier.time?)
    }
}

/// A machine: by its MAC address where there is one, so that its IPv4 and IPv6 addresses are one machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Machine {
    /// The local end's MAC address.
    Mac([u8; 6]),
    /// The local address, on links that have no MAC addresses.
    Address(IpAddr),
    /// A machine inside a tunnel, where the same address is another machine's than outside.
    Tunnelled {
        /// The tunnel.
        tunnel: TunnelId,
        /// The MAC address, where the tunnel carries them.
        mac: Option<[u8; 6]>,
        /// The address, where there is no MAC address.
        address: Option<IpAddr>,
    },
}

/// One of the client's flows, as sessions see it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Member<'a> {
    /// The flow.
    pub flow: FlowId,
    /// The machine at its local end.
    pub machine: Machine,
    /// Its local address.
    pub local: IpAddr,
    /// Which of its ends is the local one.
    pub local_side: Side,
    /// Its remote address.
    pub remote: IpAddr,
    /// Its first frame.
    pub first: Moment,
    /// Its last frame.
    pub last: Moment,
    /// Whether both ends sent packets.
    pub is_answered: bool,
    /// Whether it carries media, or is there to carry it.
    pub is_media: bool,
    /// What its remote end is for.
    pub service: Service,
    /// Whether it is a TCP connection.
    pub is_tcp: bool,
    /// Whether it is a TCP connection that is older than the capture.
    pub is_older: bool,
    /// Whether it is a TCP connection that the local end closed.
    pub is_closed: bool,
    /// The bytes of payload that it brought in.
    pub payload_in: u64,
    /// The bytes of payload that it took out.
    pub payload_out: u64,
    /// What was read off it.
    pub facts: &'a [Entry],
}

/// One client's run on one machine, from first contact to silence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// The machine.
    pub machine: Machine,
    /// Its addresses, in order.
    pub addresses: Vec<IpAddr>,
    /// The first contact.
    pub first: Moment,
    /// The last.
    pub last: Moment,
    /// The client's flows in order of their first frames.
    pub flows: Vec<FlowId>,
    /// Its meetings in order of their starts.
    pub meetings: Vec<Meeting>,
    /// Its phases in order, without gaps.
    pub phases: Vec<Phase>,
    /// Single events in order.
    pub milestones: Vec<Milestone>,
    /// Whether two clients may be behind the machine's address: two meetings at once, two sockets for one kind of media, a
    /// sign-in or a choice of a media server within a meeting that goes on. Every phase is uncertain then.
    pub may_be_two: bool,
}

impl Session {
    /// The position of the phase that a frame of the session lies in.
    #[must_use]
    pub fn phase_at(&self, frame: FrameRef) -> Option<usize> {
        self.phases.partition_point(|phase| phase.start.frame <= frame).checked_sub(1)
    }

    /// The phase that a frame of the session lies in.
    #[must_use]
    pub fn phase_of(&self, frame: FrameRef) -> Option<&Phase> {
        self.phases.get(self.phase_at(frame)?)
    }
}

/// After so long without a packet of the client, the next one belongs to another run (a rule of thumb of the field:
/// an idle client keeps its push connection alive far more often).
const SILENCE: Duration = Duration::from_mins(10);

/// Sorts the client's flows into sessions. `beside` are the flows of catalogued third parties that nothing ties to the
/// client; `end` is the capture's last frame.
#[must_use]
pub fn sessions(members: &[Member<'_>], beside: &[Member<'_>], end: Moment) -> Vec<Session> {
    let mut machines: BTreeMap<Machine, Vec<&Member<'_>>> = BTreeMap::new();
    for member in members {
        machines.entry(member.machine).or_default().push(member);
    }
    let mut others: BTreeMap<Machine, Vec<&Member<'_>>> = BTreeMap::new();
    for member in beside.iter().filter(|member| machines.contains_key(&member.machine)) {
        others.entry(member.machine).or_default().push(member);
    }
    let of = |(machine, flows)| {
        let mut others = others.remove(&machine).unwrap_or_default();
        others.sort_by_key(|member| member.first.frame);
        runs(flows, &others, end)
    };
    let mut sessions: Vec<Session> = machines.into_iter().flat_map(of).collect();
    sessions.sort_by_key(|session| session.first);
    sessions
}

/// Cuts one machine's flows where the client was silent.
fn runs(mut members: Vec<&Member<'_>>, beside: &[&Member<'_>], end: Moment) -> Vec<Session> {
    members.sort_by_key(|member| member.first.frame);
    let mut runs: Vec<Vec<&Member<'_>>> = Vec::new();
    let mut last: Option<Moment> = None;
    for member in members {
        let is_new = last.is_none_or(|last| member.first.since(last).is_some_and(|gap| gap >= SILENCE));
        last = last.filter(|_| !is_new).max(Some(member.last));
        match runs.last_mut().filter(|_| !is_new) {
            Some(run) => run.push(member),
            None => runs.push(vec![member]),
        }
    }
    (0..).zip(&runs).filter_map(|(number, run)| session(run, beside, number > 0, end)).collect()
}

fn session(
    members: &[&Member<'_>],
    beside: &[&Member<'_>],
    follows_silence: bool,
    end: Moment,
) -> Option<Session> {
    let mut addresses: Vec<IpAddr> = members.iter().map(|member| member.local).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let meetings = meeting::meetings(members, end);
    let Made { phases, milestones, may_be_two } =
        phase::of_run(members, &meetings, beside, follows_silence, end);
    Some(Session {
        machine: members.first()?.machine,
        addresses,
        first: members.iter().map(|member| member.first).min()?,
        last: members.iter().map(|member| member.last).max()?,
        flows: members.iter().map(|member| member.flow).collect(),
        phases,
        milestones,
        may_be_two,
        meetings,
    })
}

#[cfg(test)]
mod tests;

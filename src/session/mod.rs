//! Sessions and meetings: one client's runs on one machine, and what it met in them; and the steps of a tester's script.
//!
//! Input: the client's flows with their facts. Output: sessions with their meetings, each bound with the rule that
//! found it and the moment it stands at. Must not: judge a place or a listing, or count sockets as meetings (one
//! meeting uses a socket for each kind of media and drops others).

pub mod marks;
mod meeting;
mod phase;
mod step;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

pub use self::meeting::{EndRule, Meeting, MeetingKind, StartRule};
pub use self::phase::PhaseKind;
pub use self::step::{
    InputName, Kinded, Mark, MarkFault, MarkedBy, Placed, Step, StepKind, When, same_place, step_at, steps,
};
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
}

/// After so long without a packet of the client, the next one belongs to another run (a rule of thumb of the field:
/// an idle client keeps its push connection alive far more often).
const SILENCE: Duration = Duration::from_mins(10);

/// Sorts the client's flows into sessions. `end` is the capture's last frame.
#[must_use]
pub fn sessions(members: &[Member<'_>], end: Moment) -> Vec<Session> {
    let mut machines: BTreeMap<Machine, Vec<&Member<'_>>> = BTreeMap::new();
    for member in members {
        machines.entry(member.machine).or_default().push(member);
    }
    let mut sessions: Vec<Session> = machines.into_values().flat_map(|flows| runs(flows, end)).collect();
    sessions.sort_by_key(|session| session.first);
    sessions
}

/// Cuts one machine's flows where the client was silent.
fn runs(mut members: Vec<&Member<'_>>, end: Moment) -> Vec<Session> {
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
    runs.iter().filter_map(|run| session(run, end)).collect()
}

fn session(members: &[&Member<'_>], end: Moment) -> Option<Session> {
    let mut addresses: Vec<IpAddr> = members.iter().map(|member| member.local).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Some(Session {
        machine: members.first()?.machine,
        addresses,
        first: members.iter().map(|member| member.first).min()?,
        last: members.iter().map(|member| member.last).max()?,
        flows: members.iter().map(|member| member.flow).collect(),
        meetings: meeting::meetings(members, end),
    })
}

#[cfg(test)]
mod tests;

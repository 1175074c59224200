//! A capture whose pieces were read apart, put together again: what the flows of the next piece say, behind what those before
//! say.
//!
//! Input: the evidence of all pieces so far, that of the next one, and where its flows went. Output: the evidence of both, as
//! one reading would have found it. Must not: guess; whoever puts pieces together asks first whether there is room, and
//! afterwards whether what was read again was all that there was to read.

use crate::evidence::journal::{HEAD, noted, with_noted};
use crate::evidence::moved::Moved;
use crate::evidence::round_trip::{Key, RoundTrips};
use crate::evidence::{Evidence, Interest, Noted, Notes, Sighting, tls, zoom};
use crate::flow::{Continued, FlowId, Flows, Mark, Seen, Side};
use crate::frame::FrameRef;
use crate::packet::Transport;

/// How far the reading of all pieces so far has come where the next one begins.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// DNS answers.
    told: usize,
    /// How often somebody asked for them in the middle of the reading.
    consulted: u64,
    /// Requests that were remembered, and made.
    requests: (u64, u64),
}

impl Evidence {
    /// Nothing read yet of a piece that is to be put behind another.
    #[must_use]
    pub fn piece() -> Self {
        let notes = Notes { round_trips: RoundTrips::piece(), ..Notes::default() };
        Self { journal: Some(Box::default()), notes, ..Self::default() }
    }

    /// The packets of a piece that may have to be read again, in order of frames.
    #[must_use]
    pub fn noted(&self) -> &[Noted] {
        self.journal.as_ref().map_or(&[], |journal| &journal.noted)
    }

    /// Takes note of an ICMP error about no flow of the piece so far.
    pub fn note_error(&mut self, frame: FrameRef) {
        if let Some(journal) = &mut self.journal {
            let (begins, is_counted, asks) = (false, false, false);
            journal.push(Noted { frame, flow: None, begins, is_counted, requests: 0, asks, unasked: 0 });
        }
    }

    /// Takes note of a packet, where it is one of its flow's first or was read, and keeps with its flow what is still wanted.
    /// Before it there were so many requests, and so many DNS answers that nobody asked for.
    #[cold]
    pub(super) fn note(
        &mut self,
        flows: &mut Flows,
        seen: Seen,
        sighting: &Sighting<'_>,
        is_read: bool,
        (requests, unasked): (u64, u64),
        mark: Mark,
    ) {
        let (requests_now, unasked_now) = self.notes.counts();
        let Self { journal: Some(journal), streams, .. } = self else { return };
        let before = if seen.is_new { 0 } else { noted(seen.mark) };
        let mut now = before;
        if before > 0 || (seen.is_new && journal.may_go_on(sighting.packet, sighting.time)) {
            let is_first = before < HEAD;
            let may_matter = || match &sighting.packet.transport {
                Transport::Tcp(tcp) => !streams.is_past(seen.flow, seen.side, tcp),
                Transport::Udp => true,
            };
            if is_first || (is_read && may_matter()) {
                journal.push(Noted {
                    frame: sighting.frame,
                    flow: Some(seen.flow),
                    begins: seen.is_new,
                    is_counted: !is_first,
                    requests: u32::try_from(requests).unwrap_or(u32::MAX),
                    asks: requests_now > requests,
                    unasked: u16::try_from(unasked_now.saturating_sub(unasked)).unwrap_or(u16::MAX),
                });
            }
            now = HEAD.min(before + 1);
            if is_first && now == HEAD {
                flows.end_head(seen.flow);
            }
        }
        let is_over = now == HEAD && Interest::from(mark) == Interest::Settled;
        let mark = with_noted(mark, if is_over { 0 } else { now });
        if seen.is_new || mark != seen.mark {
            flows.set_mark(seen.flow, mark);
        }
    }

    /// What remains of a mark when its flow is put behind the pieces before.
    #[must_use]
    pub fn moved_mark(mark: Mark) -> Mark {
        with_noted(mark, 0)
    }

    /// Whether a flow has said what it will.
    #[must_use]
    pub fn has_settled(flows: &Flows, flow: FlowId) -> bool {
        flows.flow(flow).is_some_and(|flow| Interest::from(flow.mark()) == Interest::Settled)
    }

    /// Whether a flow's handshake is still waited for.
    #[must_use]
    pub fn is_waiting(&self, flow: FlowId) -> bool {
        self.streams.is_waiting(flow)
    }

    /// Whether the noted packets of a part are all that the whole flow wants of it, now that they were read again. `flows` and
    /// `next_flows` know what the whole and the part still want.
    #[must_use]
    pub fn has_read_up(&self, flows: &Flows, next: &Self, next_flows: &Flows, continued: Continued) -> bool {
        let Continued { flow, part, is_turned, .. } = continued;
        let wanted =
            |flows: &Flows, flow| flows.flow(flow).map_or(Interest::Settled, |flow| flow.mark().into());
        let has_said =
            |notes: &Notes, flow| notes.sockets.get(flow).is_some_and(zoom::Socket::has_said_what_it_carries);
        match (wanted(flows, flow), wanted(next_flows, part)) {
            (Interest::Settled, _) => true,
            (_, Interest::Settled) => false,
            // What the part passed over must have been nothing new to the whole.
            (whole, part_wants @ Interest::Watch { .. }) => {
                !has_said(&next.notes, &part) || (whole == part_wants && has_said(&self.notes, &flow))
            }
            (Interest::Stream, Interest::Stream) => [Side::First, Side::Second].into_iter().all(|side| {
                let theirs = if is_turned { side.other() } else { side };
                let bases = (self.streams.base(flow, side), next.streams.base(part, theirs));
                // Else it may be within what is kept of the whole and not of the part.
                bases.0.zip(bases.1).is_none_or(|(whole, part)| part.wrapping_sub(whole) < 1 << 31)
            }),
            _ => true,
        }
    }

    /// Whether a piece cannot be put behind another, whatever else comes: something of it was given up or not noted.
    #[must_use]
    pub fn is_useless(&self) -> bool {
        self.journal.as_ref().is_none_or(|journal| journal.is_full) || self.streams.dropped() > 0
    }

    /// Whether nothing of the next piece is forgotten or refused here that was not there.
    #[must_use]
    pub fn has_room_for(&self, next: &Self) -> bool {
        let (here, there) = (&self.notes, &next.notes);
        next.journal.as_ref().is_some_and(|journal| !journal.is_full)
            && self.streams.has_room_for(&next.streams)
            && here.names.has_room_for(&there.names)
            && here.answers.has_room_for(&there.answers)
            && !there.round_trips.is_doubtful
            && here.quic.has_room_for(&there.quic)
            && here.dtls.has_room_for(&there.dtls)
            && here.sockets.len().saturating_add(there.most_sockets) < zoom::MAX_SOCKETS
            && here.contested.len().saturating_add(there.contested.len()) < tls::MAX_CONTESTED
            && next.processes.is_empty()
    }

    /// How far the reading has come at a cut.
    #[must_use]
    pub fn cut(&self) -> Cut {
        let Notes { answers, round_trips, .. } = &self.notes;
        Cut { told: answers.len(), consulted: answers.consulted, requests: round_trips.counts() }
    }

    /// Gets ready to read a noted packet again behind the cut.
    pub fn go_to(&mut self, cut: &Cut, noted: &Noted) {
        self.notes.round_trips.go_to(cut.requests.0.saturating_add(noted.requests.into()));
    }

    /// Whether what was put together may be other than what one reading finds: somebody asked in the middle of reading packets
    /// again what DNS had told, or a request was answered about when it would have been forgotten.
    #[must_use]
    pub fn is_doubtful(&self, cut: &Cut) -> bool {
        self.notes.answers.consulted != cut.consulted || self.notes.round_trips.is_doubtful
    }

    /// The same of requests alone.
    #[must_use]
    pub fn has_doubtful_requests(&self) -> bool {
        self.notes.round_trips.is_doubtful
    }

    /// Takes over what the next piece says behind a cut. `flows` is where its flows went; nothing is taken of a flow that went
    /// nowhere, whose packets were read again where they matter. `frames` were read before the piece.
    pub fn append(&mut self, next: Self, flows: &[Option<FlowId>], frames: u64, cut: &Cut) {
        let Self { streams, notes, journal, .. } = next;
        let moved = Moved { flows, names: self.notes.names.append(&notes.names), frames };
        let again = journal.map(|journal| journal.noted).unwrap_or_default();
        let is_again = |noted: &Noted| noted.flow.is_some_and(|flow| moved.flow(flow).is_none());
        let again: Vec<Noted> = again.into_iter().filter(is_again).collect();
        let taken_again = |frame: FrameRef| again.binary_search_by_key(&frame, |noted| noted.frame).is_ok();
        let unasked = again.iter().map(|noted| u64::from(noted.unasked)).sum();
        self.streams.append(streams, frames, |flow| moved.flow(flow));
        let Notes { log, answers, round_trips, quic, dtls, mapped, sockets, contested, .. } = notes;
        let here = &mut self.notes;
        here.log.append(log, &moved);
        here.answers.append(answers, &moved, cut.told, taken_again, unasked);
        let asked_again = again.iter().filter(|noted| noted.asks).count() as u64;
        here.round_trips.append(round_trips, cut.requests, asked_again, |flow, key| {
            let key = match key {
                Key::Id(_) => key,
                Key::Question(id, name) => Key::Question(id, moved.name(name)?),
            };
            Some((moved.flow(flow)?, key))
        });
        here.quic.append(quic, &moved);
        here.dtls.append(dtls, &moved);
        let number = |flow| moved.flow(flow);
        here.mapped.extend(mapped.into_iter().filter_map(|(flow, told)| Some((number(flow)?, told))));
        here.sockets.extend(sockets.into_iter().filter_map(|(flow, socket)| Some((number(flow)?, socket))));
        here.contested.extend(contested.into_iter().filter_map(|(flow, names)| {
            Some((number(flow)?, names.into_iter().filter_map(|name| moved.name(name)).collect()))
        }));
    }
}

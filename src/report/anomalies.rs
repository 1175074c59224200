//! What was odd about the inputs: each kind once for each input, with how often and where first.
//!
//! Input: an inspection. Output: a list whose length does not depend on how much is odd. Must not: judge.

use std::collections::BTreeSet;

use crate::evidence::{Evidence, Fact, Limits, NameId};
use crate::flow::{FlowId, Side};
use crate::frame::FrameRef;
use crate::inspect::{Inspection, Unit};
use crate::packet::{Class, Overlaps};
use crate::report::schema::Anomaly;
use crate::source::owners::Owners;

/// Damage first, then what is odd about times and frames, then what was seen in flows and could not be used.
pub(super) fn anomalies(inspection: &Inspection) -> Vec<Anomaly> {
    let mut all: Vec<Anomaly> = inspection.anomalies().iter().map(damage).collect();
    all.extend((0..).zip(inspection.inputs()).filter_map(|(input, read)| {
        let more = read.summary.more_damage;
        let what = "places where the input is damaged, beyond those that are listed";
        (more > 0).then(|| counted("more_damage", input, None, more, what))
    }));
    all.extend((0..).zip(inspection.inputs()).filter_map(|(input, read)| {
        let backwards = read.backwards?;
        let what = "frames with a time before that of the frame before them";
        Some(counted("time_backwards", input, Some(backwards.first), backwards.frames, what))
    }));
    all.extend((0..).zip(inspection.inputs()).flat_map(|(input, read)| sockets(input, &read.summary.owners)));
    let named = [
        (Class::Duplicate, "seen_twice", "packets seen again on another interface; they are counted once"),
        (Class::Failed, "frame_failed", "frames that the program failed on, by a defect of its own"),
        (Class::TooDeep, "nested_too_deep", "frames with more tunnels in tunnels than are opened"),
    ];
    for (class, kind, what) in named {
        let counted = inspection.census().others().find(|(other, _)| *other == class);
        all.extend(counted.map(|(_, frames)| {
            self::counted(kind, frames.first.input(), Some(frames.first), frames.frames, what)
        }));
    }
    let malformed = inspection.census().others().filter(|(class, _)| matches!(class, Class::Malformed(_)));
    all.extend(malformed.map(|(class, frames)| {
        let what = format!("malformed frames: {}", class.reason().unwrap_or("contradicts itself"));
        counted("malformed_frame", frames.first.input(), Some(frames.first), frames.frames, &what)
    }));
    all.extend((0..).zip(inspection.units()).flat_map(|(input, unit)| of_unit(input, unit)));
    all
}

fn damage(anomaly: &crate::frame::Anomaly) -> Anomaly {
    Anomaly {
        kind: anomaly.kind.to_owned(),
        input: anomaly.input,
        frame: anomaly.frame.map(FrameRef::number),
        offset: anomaly.offset,
        count: 1,
        what: anomaly.what.clone(),
    }
}

/// The flows whose processes could not be told while they were captured.
fn sockets(input: u32, owners: &Owners) -> Vec<Anomaly> {
    let totals = owners.totals.unwrap_or_default();
    let all = [
        ("process_missed", totals.missed, "flows that were over before their process could be looked up"),
        (
            "process_hidden",
            totals.hidden,
            "flows of another user's process, or the system's own, which may not be seen",
        ),
        ("process_unasked", totals.unasked, "flows that came too fast for their process to be looked up"),
        ("sockets_refused", owners.refused, "processes and sockets past the most that are kept"),
        ("sockets_malformed", owners.malformed, "blocks about sockets that could not be read"),
    ];
    let told = all.into_iter().filter(|(_, count, _)| *count > 0);
    told.map(|(kind, count, what)| counted(kind, input, None, count, what)).collect()
}

/// Captures that were joined are one unit, and told under the first of them.
fn of_unit(input: u32, unit: &Unit) -> Vec<Anomaly> {
    let Limits {
        unasked_dns_answers,
        first_unasked_dns_answer,
        dns_answers_refused,
        names_refused,
        handshakes_dropped,
        contested,
        processes_refused,
    } = unit.evidence().limits();
    let mut found = Vec::new();
    let mut say = |kind: &str, first: Option<FrameRef>, count: u64, what: &str| {
        if count > 0 {
            found.push(counted(kind, input, first, count, what));
        }
    };
    let what = "DNS answers that no host of the capture was seen to ask for; they name nothing";
    say("unasked_dns_answer", first_unasked_dns_answer, unasked_dns_answers, what);
    let what = "DNS answers past the most that are kept; they name nothing";
    say("dns_answer_refused", None, dns_answers_refused, what);
    let what = "frames whose process is not told because there were too many";
    say("process_refused", None, processes_refused, what);
    say("name_refused", None, names_refused, "names past the most that are kept");
    let what = "TCP handshakes given up because too many were undecided at once";
    say("handshake_dropped", None, handshakes_dropped, what);
    let Overlaps { same, different } = unit.opener().overlaps();
    let what = "fragments that overlap with the same bytes as before";
    say("fragment_overlap", same.map(|(_, first)| first), same.map_or(0, |(n, _)| n), what);
    let what = "fragments that overlap with other bytes than before: receivers may have read another packet, and both \
                readings were looked at";
    say("contested_fragment", different.map(|(_, first)| first), different.map_or(0, |(n, _)| n), what);
    let what = "packets whose fragments were given up because too many waited at once";
    say("fragments_dropped", None, unit.opener().fragments_dropped(), what);
    let what = "TCP handshakes of which two copies differ: the server may have read another name";
    say("contested_handshake", contested.map(|(_, first)| first), contested.map_or(0, |(n, _)| n), what);
    let renamed = renamed(unit.evidence());
    let what = "connections whose client asks for two names: which one the server answers is not known, and neither \
                places it in the EEA";
    say("two_names", renamed.map(|(_, first)| first), renamed.map_or(0, |(n, _)| n), what);
    found
}

/// The connections of which one end asks for more than one name in hellos that are not copies of each other, and the frame of the
/// first second name.
fn renamed(evidence: &Evidence) -> Option<(u64, FrameRef)> {
    // Copies that differ are told of by themselves.
    let contested: BTreeSet<FlowId> = evidence
        .facts()
        .filter_map(|entry| matches!(entry.fact, Fact::Contested { .. }).then_some(entry.flow))
        .collect();
    let mut asked: Option<(FlowId, Side, NameId)> = None;
    let mut told = None;
    let mut renamed: Option<(u64, FrameRef)> = None;
    for entry in evidence.facts() {
        match entry.fact {
            Fact::Name { name, origin, from: Some(from) } if origin.is_request() => match asked {
                Some((flow, side, first)) if (flow, side) == (entry.flow, from) => {
                    if first != name && told != Some(flow) && !contested.contains(&flow) {
                        told = Some(flow);
                        let (count, first) = renamed.unwrap_or((0, entry.frame));
                        renamed = Some((count.saturating_add(1), first.min(entry.frame)));
                    }
                }
                _ => asked = Some((entry.flow, from, name)),
            },
            _ => {}
        }
    }
    renamed
}

fn counted(kind: &str, input: u32, first: Option<FrameRef>, count: u64, what: &str) -> Anomaly {
    Anomaly {
        kind: kind.to_owned(),
        input: first.map_or(input, FrameRef::input),
        frame: first.map(FrameRef::number),
        offset: None,
        count,
        what: what.to_owned(),
    }
}

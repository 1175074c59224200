//! What decrypted traffic tells of the client's use, and what connections show without keys: the sums, and the sentences about them.
//!
//! Input: an inspection, and under which numbers flows were counted. Output: the schema's part. Must not: look into content, which is
//! gone, or show a value that is not to be revealed.

use std::collections::BTreeMap;

use crate::flow::FlowId;
use crate::frame::{FrameRef, Timestamp};
use crate::inspect::Decryption;
use crate::report::parts::time;
use crate::report::profiles::{self, is_telemetry};
use crate::report::schema::{
    PersonalDatum, PlantedValue, Report, Telemetry, TelemetryEndpoint, TelemetryEvent, TelemetryList,
    TelemetrySource, Whither,
};
use crate::report::text::plural;
use crate::report::view::{Counts, Row, View};
use crate::session::PhaseKind;
use crate::telemetry::{Digest, EventList, Found, Hidden, Inventory, Told, What, masked};
use crate::wire::exchange::Origin;

/// What is gathered; `None` where there is nothing of it and nothing was asked for.
pub(super) fn telemetry(view: &View<'_>, counts: &Counts, report: &Report) -> Option<Telemetry> {
    let settings = view.inspection.settings();
    let mut sums = Sums {
        view,
        counts,
        report,
        of: Telemetry::default(),
        endpoints: BTreeMap::new(),
        events: BTreeMap::new(),
        personal: BTreeMap::new(),
    };
    sums.of.revealed = settings.reveals;
    sums.captures();
    sums.imports();
    (sums.of.profiles, sums.of.profile_comparisons) = profiles::profiles(view, counts, report);
    if sums.of.sources.is_empty() && sums.of.profiles.is_empty() && settings.planted.is_none() {
        return None;
    }
    Some(sums.end())
}

struct Sums<'a> {
    view: &'a View<'a>,
    counts: &'a Counts,
    report: &'a Report,
    of: Telemetry,
    endpoints: BTreeMap<(Whither, Option<String>), TelemetryEndpoint>,
    events: BTreeMap<(Whither, Told), TelemetryEvent>,
    personal: BTreeMap<(Whither, Found), PersonalDatum>,
}

/// An exchange with its flow.
struct Sent<'a> {
    digest: &'a Digest,
    row: Option<Row<'a>>,
}

impl<'a> Sums<'a> {
    fn captures(&mut self) {
        for (number, unit) in self.view.inspection.units().iter().enumerate() {
            let Some(inventory) = unit.decryption().map(Decryption::exchanges) else { continue };
            if inventory.is_empty() {
                continue;
            }
            let input = unit.flows().iter().next().map_or(0, |flow| flow.first_frame().input());
            let input = self.view.inspection.inputs().get(input as usize);
            let name = input.map(|input| input.path.display().to_string()).unwrap_or_default();
            let flows = inventory.iter().map(|(flow, _)| flow.map(|flow| (number, flow)));
            let source = TelemetrySource { kind: "capture", name, ..source(inventory) };
            self.source(source, inventory, &flows.collect::<Vec<_>>());
        }
    }

    fn imports(&mut self) {
        for file in self.view.inspection.imported() {
            let source = TelemetrySource {
                kind: if file.origin == Origin::Har { "har" } else { "mitmproxy" },
                name: file.name.clone(),
                sha256: Some(file.sha256.clone()),
                several_flows: file.several,
                faults: file.faults,
                ..source(&file.inventory)
            };
            self.source(source, &file.inventory, &file.flows);
        }
    }

    fn source(
        &mut self,
        source: TelemetrySource,
        inventory: &'a Inventory,
        flows: &[Option<(usize, FlowId)>],
    ) {
        let number = self.of.sources.len() as u64;
        let mut with_flow = 0;
        for (place, (_, digest)) in inventory.iter().enumerate() {
            let flow = flows.get(place).copied().flatten();
            let row = flow.and_then(|(unit, flow)| self.view.row(unit, flow));
            with_flow += u64::from(row.is_some());
            self.exchange(number, &Sent { digest, row });
        }
        self.of.sources.push(TelemetrySource { with_flow, ..source });
    }

    fn exchange(&mut self, source: u64, sent: &Sent<'a>) {
        let digest = sent.digest;
        let whither = self.whither(source, sent);
        let at = digest.frames.map(|(first, _)| first);
        let id = digest.endpoint.map(|endpoint| endpoint.id.clone());
        let by_host = sent.row.as_ref().is_some_and(|row| is_telemetry(row.attribution.service));
        let row = self.endpoints.entry((whither.clone(), id.clone())).or_insert_with(|| TelemetryEndpoint {
            whither: whither.clone(),
            is_telemetry: by_host || id.is_some(),
            endpoint: id,
            input: at.map(FrameRef::input),
            frame: at.map(FrameRef::number),
            ..TelemetryEndpoint::default()
        });
        row.exchanges += 1;
        row.bytes_up = row.bytes_up.saturating_add(digest.up);
        row.bytes_down = row.bytes_down.saturating_add(digest.down);
        for (kind, count) in &digest.bodies {
            *row.bodies.entry(kind).or_default() += count;
        }
        row.unknown_bodies += u64::from(digest.events.is_empty() && !digest.bodies.is_empty());
        row.partial += u64::from(digest.is_partial);
        row.events += digest.events.len() as u64;
        row.shape = row.shape.take().or_else(|| digest.shape.map(|shape| shape.id.clone()));
        span(&mut row.first, &mut row.last, digest.start);
        self.events(digest, &whither, at);
        self.personal(digest, &whither, at);
    }

    fn events(&mut self, digest: &Digest, whither: &Whither, at: Option<FrameRef>) {
        let list = &self.view.inspection.settings().events;
        for event in &digest.events {
            let key = Told { time: None, ..event.clone() };
            let row = self.events.entry((whither.clone(), key)).or_insert_with(|| TelemetryEvent {
                name: event.name.clone(),
                detail: event.detail.clone(),
                place: event.place.clone(),
                whither: whither.clone(),
                shape: digest.shape.map(|shape| shape.id.clone()).unwrap_or_default(),
                on_list: on_list(list, event),
                stated_time: event.time.clone(),
                input: at.map(FrameRef::input),
                frame: at.map(FrameRef::number),
                ..TelemetryEvent::default()
            });
            row.count += 1;
            span(&mut row.first, &mut row.last, digest.start);
        }
    }

    fn personal(&mut self, digest: &Digest, whither: &Whither, at: Option<FrameRef>) {
        let settings = self.view.inspection.settings();
        let values = settings.planted.as_ref().map(|planted| planted.values()).unwrap_or_default();
        for (found, count) in &digest.found {
            let row = self.personal.entry((whither.clone(), found.clone())).or_insert_with(|| {
                let (kind, what, value) = match &found.what {
                    What::Planted(place) => {
                        let value = values.get(*place);
                        let shown = value.map(|value| {
                            if settings.reveals { value.reveal().to_owned() } else { value.masked() }
                        });
                        ("planted", value.map(|value| value.label.clone()), shown)
                    }
                    What::Identifier(id, value) => {
                        let shown = if settings.reveals { value.to_string() } else { masked(value) };
                        ("identifier", Some((*id).to_owned()), Some(shown))
                    }
                };
                PersonalDatum {
                    kind,
                    what: what.unwrap_or_default(),
                    value: value.unwrap_or_default(),
                    whither: whither.clone(),
                    part: found.part.name(),
                    field: Some(found.field.clone()).filter(|field| !field.is_empty()),
                    codings: found.codings.iter().map(|coding| coding.name()).collect(),
                    hash: found.hash.map(crate::telemetry::Hash::name),
                    first: time(Some(digest.start)),
                    input: at.map(FrameRef::input),
                    frame: at.map(FrameRef::number),
                    count: 0,
                }
            });
            row.count += count;
        }
    }

    fn whither(&self, source: u64, sent: &Sent<'_>) -> Whither {
        let Sent { digest, row } = sent;
        let counted = row.as_ref().map(|row| self.counts.get(row.key)).unwrap_or_default();
        let destination = counted.destination;
        let of = destination.and_then(|id| self.report.destinations.iter().find(|of| of.id == id));
        let at =
            digest.frames.map(|(first, _)| first).or_else(|| row.as_ref().map(|row| row.flow.first_frame()));
        let phase = row.as_ref().zip(at).and_then(|(row, at)| phase(row, at)).or(counted.phase);
        let hidden = digest.hidden_host.as_ref().filter(|_| self.view.inspection.settings().reveals);
        let host = hidden.map_or(&*digest.host, Hidden::reveal);
        Whither {
            source,
            host: Some(host.to_owned()).filter(|host| !host.is_empty()),
            path: digest.path.to_string(),
            whose: row.as_ref().map(|row| row.attribution.whose.name().to_owned()),
            destination,
            axis: of.map(|of| of.place.axis.clone()),
            listing: of.map(|of| of.listing.clone()),
            phase: phase.map(PhaseKind::name),
        }
    }

    fn end(self) -> Telemetry {
        let settings = self.view.inspection.settings();
        let Self { mut of, endpoints, events, personal, .. } = self;
        of.endpoints = endpoints.into_values().collect();
        of.events = events.into_values().collect();
        of.personal = personal.into_values().collect();
        let values = settings.planted.as_ref().map(|planted| planted.values()).unwrap_or_default();
        let planted = values.iter().map(|value| PlantedValue {
            label: value.label.clone(),
            kind: value.kind.name(),
            value: if settings.reveals { value.reveal().to_owned() } else { value.masked() },
            only_as_hash: value.is_short,
            found: of.personal.iter().filter(|row| row.kind == "planted" && row.what == value.label).count()
                as u64,
        });
        of.planted = planted.collect();
        of.list = (!of.sources.is_empty()).then(|| list(&settings.events, &of.events));
        of.remarks = remarks(&of);
        of
    }
}

/// The phase in which a frame of a flow lies.
fn phase(row: &Row<'_>, at: FrameRef) -> Option<PhaseKind> {
    let sessions = row.unit.sessions().iter();
    let mut of = sessions.filter(|session| session.first.frame <= at && at <= session.last.frame);
    let session = of.find(|session| session.flows.contains(&row.flow.id()))?;
    session.phase_of(at).map(|phase| phase.kind)
}

fn source(inventory: &Inventory) -> TelemetrySource {
    TelemetrySource {
        exchanges: inventory.iter().len() as u64,
        not_kept: inventory.not_kept,
        given_up: inventory.given_up,
        unread_bytes: inventory.unread,
        ..TelemetrySource::default()
    }
}

/// Exchanges come in the order of their ends.
fn span(first: &mut Option<String>, last: &mut Option<String>, at: Timestamp) {
    let at = at.to_string();
    if first.as_ref().is_none_or(|first| at < *first) {
        *first = Some(at.clone());
    }
    if last.as_ref().is_none_or(|last| at > *last) {
        *last = Some(at);
    }
}

fn on_list(list: &EventList, event: &Told) -> &'static str {
    match list.find(event) {
        Some(_) => "listed",
        None if list.is_whole => "not_listed",
        None => "unknown",
    }
}

fn list(list: &EventList, events: &[TelemetryEvent]) -> TelemetryList {
    let told =
        |row: &TelemetryEvent| Told { name: row.name.clone(), detail: row.detail.clone(), ..Told::default() };
    let seen: std::collections::BTreeSet<String> =
        events.iter().filter_map(|row| list.find(&told(row)).map(str::to_owned)).collect();
    let others: std::collections::BTreeSet<Told> =
        events.iter().filter(|row| row.on_list == "not_listed").map(told).collect();
    let never = list.names().filter(|name| !seen.contains(*name));
    TelemetryList {
        name: list.name.clone(),
        source: list.source.clone(),
        whole: list.is_whole,
        unknown_columns: list.unknown_columns.clone(),
        listed: seen.len() as u64,
        not_listed: others.len() as u64,
        never_seen: never.map(str::to_owned).collect(),
    }
}

/// What limits the rest.
fn remarks(of: &Telemetry) -> Vec<String> {
    let mut remarks = Vec::new();
    if of.revealed {
        remarks.push(REVEALED.to_owned());
    }
    if !of.profiles.is_empty() {
        remarks.push(WITHOUT_KEYS.to_owned());
    }
    if of.sources.is_empty() {
        if !of.planted.is_empty() {
            remarks.push(NOTHING_DECRYPTED.to_owned());
        }
        return remarks;
    }
    remarks.push(HOW_LOOKED.to_owned());
    if let Some(list) = &of.list {
        if !list.whole {
            remarks.push(LIST_IN_PART.to_owned());
        }
        if !list.unknown_columns.is_empty() {
            remarks.push(format!(
                "Columns of the list of events that are not known were passed over: {}.",
                list.unknown_columns.join(", ")
            ));
        }
    }
    let short = of.planted.iter().filter(|value| value.only_as_hash).count() as u64;
    if short > 0 {
        remarks.push(format!(
            "Too short to be told from chance, and looked for as hashes alone: {}.",
            plural(short, "planted value", "planted values")
        ));
    }
    let sum = |count: fn(&TelemetrySource) -> u64| of.sources.iter().map(count).sum::<u64>();
    let partial: u64 = of.endpoints.iter().map(|row| row.partial).sum();
    if partial > 0 {
        remarks.push(format!(
            "Not all content was there to be looked into, or it was past a limit: {}.",
            plural(partial, "request", "requests")
        ));
    }
    let lost = sum(|of| of.not_kept) + sum(|of| of.given_up) + sum(|of| of.faults);
    if lost > 0 {
        remarks.push(format!(
            "Counted and not kept, or not read: {}.",
            plural(lost, "exchange or connection", "exchanges or connections")
        ));
    }
    remarks
}

const REVEALED: &str =
    "Personal data are shown as they are, as was asked for (--reveal): this report is for its owner alone.";
const WITHOUT_KEYS: &str = "What is counted without keys are connections, the bursts in them and their encrypted bytes; they say nothing of content.";
const NOTHING_DECRYPTED: &str = "Planted values were not looked for: nothing was decrypted. Name a key log (--keylog) or an import (--decrypted).";
const HOW_LOOKED: &str = "Personal data were looked for in what clients sent: as they are, in percent-encoding, base64, hexadecimal, gzip, and as MD5, SHA-1 and SHA-256, with at most two codings one in the other. What is changed otherwise is missed.";
const LIST_IN_PART: &str = "Of the published list of events only a part is known: that an event is not on it says nothing (--events names a whole one).";

//! From an inspection to the schema's report.
//!
//! Input: an [`Inspection`]. Output: a [`Report`]. Must not: judge; what it computes are sums and texts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::client::{Attribution, Catalogue, IdentifiedBy, Recipient, Service};
use crate::evidence::{NameId, Origin};
use crate::flow::{Flow, FlowId, Side};
use crate::frame::Timestamp;
use crate::inspect::{FindingId, Found, Inspection, Judged, Placement, SeenName, Unit};
use crate::packet::TunnelId;
use crate::place::{Country, Resolution, Zone, zone};
use crate::report::filter::Ends;
use crate::report::schema::{
    Destination, Input, Meeting, Name, Place, Report, Schema, Session, Tool, Totals, Witness,
};
use crate::report::{anomalies, flows, headline, quality, schema, sources, tunnels};
use crate::session::{self, Machine};
use crate::verdict::{self, Axis, DestinationKey};

/// What a report is to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Whether other participants' addresses are shown instead of masked.
    pub show_participants: bool,
    /// Whether every flow is listed. The table does not list them, and with millions of flows the list is most of the
    /// report.
    pub list_flows: bool,
}

/// Makes the report.
#[must_use]
pub fn build(inspection: &Inspection, options: Options) -> Report {
    let view = View::new(inspection, options.show_participants);
    let mut report = Report {
        schema: Schema { name: "borderpost-report", version: "1.0" },
        tool: Tool { name: "borderpost", version: env!("CARGO_PKG_VERSION") },
        inputs: inspection.inputs().iter().map(input).collect(),
        totals: totals(inspection),
        headline: schema::Headline::default(),
        destinations: Vec::new(),
        sessions: Vec::new(),
        meetings: Vec::new(),
        flows: Vec::new(),
        tunnels: tunnels::tunnels(&view),
        anomalies: anomalies::anomalies(inspection),
        quality: quality::quality(&view),
        data_sources: sources::data_sources(inspection.settings()),
        registers: Vec::new(),
        against: None,
    };
    let mut of_flow = view.destinations(&mut report);
    view.sessions(&mut report, &mut of_flow);
    if options.list_flows {
        flows::flows(&view, &of_flow, &mut report);
    }
    report.registers = sources::registers(inspection, &report.destinations);
    report.headline = headline::headline(&report.destinations, &report.quality, report.inputs.len() as u64);
    report
}

/// A flow's unit and its number there.
pub(super) type Key = (usize, FlowId);

/// Under which numbers of the report a flow was counted.
#[derive(Clone, Copy, Default)]
pub(super) struct Counted {
    pub(super) destination: Option<u64>,
    pub(super) session: Option<u64>,
}

pub(super) struct View<'a> {
    pub(super) inspection: &'a Inspection,
    /// The addresses to be masked, each with its unit: a person's line is one on every flow, whatever that flow shows.
    masked: BTreeSet<(usize, IpAddr)>,
    /// How many flows stand before each unit's: in the report the units' flows follow each other.
    before: Vec<u64>,
    /// The same of tunnels.
    tunnels_before: Vec<u64>,
}

/// One flow with everything that is known of it.
pub(super) struct Row<'a> {
    pub(super) key: Key,
    pub(super) unit: &'a Unit,
    pub(super) flow: Flow<'a>,
    pub(super) judged: Judged,
    pub(super) attribution: &'a Attribution,
    /// `None` for others' flows.
    pub(super) found: Option<&'a Found>,
}

impl<'a> Row<'a> {
    fn new(number: usize, unit: &'a Unit, flow: Flow<'a>, judged: Judged) -> Option<Self> {
        let (attribution, found) = (unit.attribution(&judged)?, unit.finding(&judged));
        Some(Self { key: (number, flow.id()), unit, flow, judged, attribution, found })
    }

    /// Where the remote end stands. Others' flows are many, and are placed when somebody asks.
    pub(super) fn placement(&self) -> Option<&'a Placement> {
        self.unit.placement(&self.judged)
    }

    /// The remote address.
    pub(super) fn remote(&self) -> IpAddr {
        self.flow.endpoint(self.judged.local.other()).address
    }
}

impl<'a> View<'a> {
    pub(super) fn new(inspection: &'a Inspection, show_participants: bool) -> Self {
        let before = |count: fn(&Unit) -> u64| {
            let sums = inspection.units().iter().scan(0, |sum, unit| {
                let before = *sum;
                *sum += count(unit);
                Some(before)
            });
            sums.collect()
        };
        let tunnels_before = before(|unit| unit.opener().tunnels().count() as u64);
        let before = before(|unit| unit.flows().len() as u64);
        let mut view = Self { inspection, masked: BTreeSet::new(), before, tunnels_before };
        if show_participants {
            return view;
        }
        let peers = view.rows().filter(|row| row.attribution.service == Service::MeetingPeer);
        let masked = peers.map(|row| (row.key.0, row.remote()));
        view.masked = masked.collect();
        view
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'a>> {
        self.inspection.units().iter().enumerate().flat_map(|(number, unit)| {
            unit.judged().filter_map(move |(flow, judged)| Row::new(number, unit, flow, judged))
        })
    }

    fn row(&self, number: usize, flow: FlowId) -> Option<Row<'a>> {
        let unit = self.inspection.units().get(number)?;
        Row::new(number, unit, unit.flows().flow(flow)?, unit.judged_flow(flow)?)
    }

    /// The flow's number in the report.
    pub(super) fn flow_id(&self, (unit, flow): Key) -> u64 {
        self.before.get(unit).copied().unwrap_or_default() + u64::from(flow.0)
    }

    /// A tunnel's number in the report; `None` for none.
    pub(super) fn tunnel_id(&self, unit: usize, tunnel: TunnelId) -> Option<u64> {
        let before = self.tunnels_before.get(unit).copied().unwrap_or_default();
        (!tunnel.is_none()).then(|| before + u64::from(tunnel.number()))
    }

    pub(super) fn end(&self, row: &Row<'_>, side: Side) -> String {
        let end = row.flow.endpoint(side);
        if side == row.judged.local.other() && self.is_masked(row) {
            return format!("{}:{}", masked(end.address), end.port);
        }
        SocketAddr::new(end.address, end.port).to_string()
    }

    /// The remote address, masked where it is another participant's.
    pub(super) fn address(&self, row: &Row<'_>) -> String {
        let remote = row.remote();
        if self.is_masked(row) { masked(remote) } else { remote.to_string() }
    }

    fn is_masked(&self, row: &Row<'_>) -> bool {
        self.hides(row, row.remote())
    }

    /// Whether the address is another participant's.
    pub(super) fn hides(&self, row: &Row<'_>, address: IpAddr) -> bool {
        self.masked.contains(&(row.key.0, address))
    }

    fn destinations(&self, report: &mut Report) -> BTreeMap<Key, Counted> {
        let mut groups: BTreeMap<DestinationKey, Vec<Row<'a>>> = BTreeMap::new();
        // Flows that share a finding share the key, which is made of words.
        let mut by_finding: BTreeMap<(usize, FindingId), Vec<Row<'a>>> = BTreeMap::new();
        for row in self.rows() {
            if let Some(finding) = row.judged.finding {
                by_finding.entry((row.key.0, finding)).or_default().push(row);
            }
        }
        for rows in by_finding.into_values() {
            if let Some(key) = rows.first().and_then(|row| self.key(row)) {
                groups.entry(key).or_default().extend(rows);
            }
        }
        // In the order of the capture, whichever finding came first.
        for rows in groups.values_mut() {
            rows.sort_by_key(|row| row.key);
        }
        let mut counted = BTreeMap::new();
        for (id, (key, rows)) in (1..).zip(groups) {
            for row in &rows {
                counted.insert(row.key, Counted { destination: Some(id), session: None });
            }
            report.destinations.extend(self.destination(id, &key, &rows));
        }
        counted
    }

    fn key(&self, row: &Row<'_>) -> Option<DestinationKey> {
        let (attribution, found, remote) = (row.attribution, row.found?, row.remote());
        let pattern = attribution.host_pattern.clone();
        let shown = || if self.is_masked(row) { masked(remote) } else { remote.to_string() };
        Some(DestinationKey {
            rank: verdict::rank(attribution.whose, found.axis, found.grade, found.is_flagged),
            whose: attribution.whose,
            recipient: recipient(attribution).map(|recipient| recipient.id.clone()),
            host_pattern: pattern.unwrap_or_else(shown),
            service: attribution.service.id(),
            axis: found.axis,
            countries: countries(found, row.placement()?),
            grade: found.grade,
            register: found.register.clone(),
            zone: zone_label(found),
        })
    }

    fn destination(&self, id: u64, key: &DestinationKey, rows: &[Row<'_>]) -> Option<Destination> {
        let first = rows.iter().min_by_key(|row| row.flow.first_frame())?;
        let last = rows.iter().max_by_key(|row| row.flow.last_frame())?;
        let (found, placement) = (first.found?, first.placement()?);
        let recipient = recipient(first.attribution);
        let sum = |count: &dyn Fn(&Row<'_>) -> u64| rows.iter().map(count).fold(0, u64::saturating_add);
        let out = |row: &Row<'_>| row.judged.local;
        let back = |row: &Row<'_>| row.judged.local.other();
        let mut place = place(found, placement);
        add_witnesses(&mut place, rows);
        Some(Destination {
            id,
            whose: key.whose.name().to_owned(),
            identified_by: distinct(rows, |row| row.attribution.identified_by.map(IdentifiedBy::name)),
            recipient: key.recipient.clone(),
            recipient_name: recipient.map(|recipient| recipient.legal_entity.clone()),
            recipient_seat: recipient.and_then(|recipient| recipient.seat.clone()),
            host_pattern: key.host_pattern.clone(),
            names: names(rows),
            addresses: self.addresses(rows),
            service: key.service.to_owned(),
            network: network(placement),
            network_seat: network_seat(placement),
            place,
            zone: key.zone.clone(),
            zone_basis: basis(found),
            adequate: adequate(found),
            certified_by: recipient.and_then(|recipient| {
                certified_by(found.zones.iter().map(|(_, reading)| reading.zone), recipient)
            }),
            listing: found.listing.to_owned(),
            listing_hint: found.hint.clone(),
            register_entry: found.entry.clone(),
            register: found.register.clone(),
            flagged: found.is_flagged,
            seated_outside_eea: is_seated_outside(recipient, placement),
            answered: rows.iter().any(|row| row.flow.is_answered()),
            flows: rows.len() as u64,
            packets_out: sum(&|row| row.flow.packets(out(row))),
            packets_in: sum(&|row| row.flow.packets(back(row))),
            bytes_out: sum(&|row| row.flow.wire_bytes(out(row))),
            bytes_in: sum(&|row| row.flow.wire_bytes(back(row))),
            input: first.flow.first_frame().input(),
            first_frame: first.flow.first_frame().number(),
            last_input: last.flow.last_frame().input(),
            last_frame: last.flow.last_frame().number(),
            start: time(rows.iter().filter_map(|row| row.flow.first_time()).min()),
            end: time(rows.iter().filter_map(|row| row.flow.last_time()).max()),
            display_filter: self.filter(rows),
            because: first.attribution.because.to_string(),
        })
    }

    fn addresses(&self, rows: &[Row<'_>]) -> Vec<String> {
        distinct(rows, |row| Some(self.address(row)))
    }

    fn filter(&self, rows: &[Row<'_>]) -> String {
        let mut ends = Ends::default();
        for row in rows {
            let local = row.flow.endpoint(row.judged.local);
            if self.is_masked(row) {
                let (first, last) = (row.flow.first_frame().number(), row.flow.last_frame().number());
                ends.add_masked(SocketAddr::new(local.address, local.port), first, last);
            } else {
                ends.add(row.remote());
            }
        }
        ends.display_filter()
    }

    fn sessions(&self, report: &mut Report, counted: &mut BTreeMap<Key, Counted>) {
        for (number, unit) in self.inspection.units().iter().enumerate() {
            for session in unit.sessions() {
                let id = report.sessions.len() as u64 + 1;
                for flow in &session.flows {
                    counted.entry((number, *flow)).or_default().session = Some(id);
                }
                let meetings: Vec<Meeting> =
                    session.meetings.iter().map(|meeting| self.meeting(number, id, meeting)).collect();
                let first = report.meetings.len() as u64 + 1;
                let meeting_ids = (first..).take(meetings.len()).collect();
                report.sessions.push(self.session(number, id, session, meeting_ids));
                report
                    .meetings
                    .extend((first..).zip(meetings).map(|(id, meeting)| Meeting { id, ..meeting }));
            }
        }
    }

    fn session(&self, unit: usize, id: u64, session: &session::Session, meetings: Vec<u64>) -> Session {
        let tunnel = match session.machine {
            Machine::Tunnelled { tunnel, .. } => self.tunnel_id(unit, tunnel),
            Machine::Mac(_) | Machine::Address(_) => None,
        };

        Session {
            id,
            input: session.first.frame.input(),
            client: Catalogue::CLIENT.to_owned(),
            machine: match (session.machine, session.addresses.first()) {
                (Machine::Mac(mac) | Machine::Tunnelled { mac: Some(mac), .. }, _) => {
                    mac.map(|byte| format!("{byte:02x}")).join(":")
                }
                (Machine::Address(address) | Machine::Tunnelled { address: Some(address), .. }, _)
                | (Machine::Tunnelled { .. }, Some(&address)) => address.to_string(),
                (Machine::Tunnelled { .. }, None) => String::new(),
            },
            tunnel,
            addresses: session.addresses.iter().map(ToString::to_string).collect(),
            processes: self.processes(unit, session),
            start: time(session.first.time),
            end: time(session.last.time),
            first_frame: session.first.frame.number(),
            last_input: session.last.frame.input(),
            last_frame: session.last.frame.number(),
            flows: session.flows.len() as u64,
            meetings,
        }
    }

    /// The processes of a session's flows, each with the first frame that says so.
    fn processes(&self, unit: usize, session: &session::Session) -> Vec<schema::Process> {
        let mut processes: Vec<schema::Process> = Vec::new();
        let rows = session.flows.iter().filter_map(|flow| self.row(unit, *flow));
        for process in rows.flat_map(|row| flows::processes(&row)) {
            let key = |p: &schema::Process| (p.name.clone(), p.pid, p.uid, p.method);
            let is_full = processes.len() == MAX_PROCESSES;
            match processes.iter_mut().find(|known| key(known) == key(&process)) {
                Some(known) if (process.input, process.frame) < (known.input, known.frame) => {
                    *known = process;
                }
                None if !is_full => processes.push(process),
                Some(_) | None => {}
            }
        }
        processes
    }

    fn meeting(&self, unit: usize, session: u64, meeting: &session::Meeting) -> Meeting {
        Meeting {
            id: 0,
            session,
            kind: meeting.kind.name().to_owned(),
            key: meeting.key.map(hex),
            start: time(meeting.start.time),
            start_input: meeting.start.frame.input(),
            start_frame: meeting.start.frame.number(),
            start_rule: meeting.start_rule.name().to_owned(),
            end: time(meeting.end.time),
            end_input: meeting.end.frame.input(),
            end_frame: meeting.end.frame.number(),
            end_rule: meeting.end_rule.name().to_owned(),
            media: meeting.media.iter().map(|kind| flows::media(*kind)).collect(),
            servers: meeting.servers.iter().map(ToString::to_string).collect(),
            participants: meeting.participants.len() as u64,
            flows: meeting.flows.iter().map(|flow| self.flow_id((unit, *flow))).collect(),
        }
    }
}

fn input(input: &crate::inspect::Input) -> Input {
    let summary = &input.summary;
    Input {
        path: input.path.display().to_string(),
        sha256: summary.sha256.clone(),
        size: summary.size,
        format: summary.format.name().to_owned(),
        compression: summary.compression.map(|compression| compression.name().to_owned()),
        frames: summary.frames.saturating_add(summary.other_records),
        start: time(input.earliest),
        end: time(input.latest),
        damage: summary.damage.first().map(|damage| schema::Damage {
            kind: damage.kind.to_owned(),
            offset: damage.offset,
            after_frame: damage.after_frame,
            what: damage.what.clone(),
            resumed_at: damage.resumed_at,
        }),
        frames_lost: summary.dropped.lost(),
    }
}

fn totals(inspection: &Inspection) -> Totals {
    let census = inspection.census();
    Totals {
        frames: census.frames(),
        bytes: census.bytes(),
        flows: inspection.units().iter().map(|unit| unit.flows().len() as u64).sum(),
        classes: census.by_name().into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
    }
}

/// Where a flow's remote end stands, as the report says it.
pub(super) fn place(found: &Found, placement: &Placement) -> Place {
    let resolution = &placement.resolution;
    let is_open = matches!(found.axis, Axis::Undetermined);
    Place {
        axis: found.axis.name().to_owned(),
        registered: placement.registered.map(|country| country.to_string()),
        located: countries(found, placement).iter().map(ToString::to_string).collect(),
        grade: found.grade.name().to_owned(),
        disputed: resolution.disputed.iter().map(ToString::to_string).collect(),
        reason: reason(placement),
        remedy: if is_open { remedy(placement) } else { None },
        witnesses: if found.axis == Axis::Participant { Vec::new() } else { witnesses(placement) },
    }
}

/// Why there is no verdict; first of all where the capture's clock leaves no law to read it by.
pub(super) fn reason(placement: &Placement) -> Option<String> {
    match placement.law {
        None if placement.address.is_public() => Some(format!(
            "the capture's clock says {}, which cannot be: name the day with --law-date",
            placement.day
        )),
        _ => placement.resolution.reason.clone(),
    }
}

/// What would settle the place, in one sentence.
fn remedy(placement: &Placement) -> Option<String> {
    let remedies: Vec<String> = placement.would_settle().into_iter().map(|remedy| remedy.says).collect();
    (!remedies.is_empty()).then(|| remedies.join("; "))
}

/// The countries of a destination; a participant is a person, whose place is nobody's business.
fn countries(found: &Found, placement: &Placement) -> Vec<Country> {
    if found.axis == Axis::Participant { Vec::new() } else { located(&placement.resolution) }
}

/// The countries that claims leave. What only exclusions leave is no place.
pub(super) fn located(resolution: &Resolution) -> Vec<Country> {
    if resolution.grade.is_claimed() { resolution.allowed.iter().collect() } else { Vec::new() }
}

pub(super) fn witnesses(placement: &Placement) -> Vec<Witness> {
    let decisive = &placement.resolution.decisive;
    let row = |(at, witness): (usize, &crate::place::Witness)| Witness {
        address: Some(placement.address.routed.to_string()),
        ..witness_row(witness, decisive.contains(&at))
    };
    placement.witnesses.iter().enumerate().map(row).collect()
}

pub(super) fn witness_row(witness: &crate::place::Witness, is_decisive: bool) -> Witness {
    use crate::place::Claim;
    let (claim, countries) = match &witness.claim {
        Claim::In(countries) => ("in", countries.iter().map(|country| country.to_string()).collect()),
        Claim::NotIn(countries) => ("not_in", countries.iter().map(|country| country.to_string()).collect()),
        Claim::NoSiteIn(countries) => {
            ("no_site_in", countries.iter().map(|country| country.to_string()).collect())
        }
        Claim::OriginUnknown => ("origin_unknown", Vec::new()),
        Claim::Nothing => ("nothing", Vec::new()),
    };
    Witness {
        kind: witness.kind.name().to_owned(),
        group: witness.group.name().to_owned(),
        claim: claim.to_owned(),
        countries,
        strength: witness.strength.name().to_owned(),
        source: witness.source.clone(),
        dated: witness.dated.map(|date| date.to_string()),
        input: witness.frame.map(crate::frame::FrameRef::input),
        frame: witness.frame.map(crate::frame::FrameRef::number),
        stale: witness.is_stale,
        decisive: is_decisive,
        says: witness.says.clone(),
        address: None,
    }
}

/// A destination of several addresses rests on what is said about each of them.
fn add_witnesses(place: &mut Place, rows: &[Row<'_>]) {
    if place.axis == Axis::Participant.name() {
        return;
    }
    // What is said in the same words about several addresses, of one source or frame, is said once, and of none of them.
    let key = |witness: &Witness| (witness.says.clone(), witness.input, witness.frame);
    let mut known: BTreeMap<_, usize> = place.witnesses.iter().map(key).zip(0..).collect();
    let mut seen = BTreeSet::new();
    let placements = rows.iter().filter(|row| seen.insert((row.key.0, row.judged.relation)));
    for witness in placements.filter_map(Row::placement).flat_map(witnesses) {
        let at = *known.entry(key(&witness)).or_insert(place.witnesses.len());
        match place.witnesses.get_mut(at) {
            Some(same) if same.address != witness.address => same.address = None,
            Some(_) => {}
            None => place.witnesses.push(witness),
        }
    }
}

/// Each name once for each origin, with the first frame that shows it.
fn names(rows: &[Row<'_>]) -> Vec<Name> {
    let mut seen: BTreeMap<(usize, NameId, Origin), (&Unit, SeenName)> = BTreeMap::new();
    for row in rows {
        for name in row.unit.names(row.flow.id()).into_iter().filter(|name| !name.is_of_address) {
            let (_, known) =
                seen.entry((row.key.0, name.name, name.origin)).or_insert_with(|| (row.unit, name));
            known.frame = known.frame.min(name.frame);
        }
    }
    let mut names: BTreeMap<(String, &str), Name> = BTreeMap::new();
    for name in seen.into_values().map(|(unit, name)| flows::name(unit, &name)) {
        let known = names.entry((name.name.clone(), name.origin)).or_insert_with(|| name.clone());
        if (name.input, name.frame) < (known.input, known.frame) {
            *known = name;
        }
    }
    names.into_values().collect()
}

fn distinct<T: Ord + ToString>(rows: &[Row<'_>], value: impl Fn(&Row<'_>) -> Option<T>) -> Vec<String> {
    let values: BTreeSet<T> = rows.iter().filter_map(value).collect();
    values.iter().map(ToString::to_string).collect()
}

/// The zone in words; of several countries each, where they differ.
pub(super) fn zone_label(found: &Found) -> Option<String> {
    let mut labels: Vec<&str> = found.zones.iter().map(|(_, reading)| reading.label).collect();
    labels.dedup();
    (!labels.is_empty()).then(|| labels.join(" or "))
}

fn basis(found: &Found) -> Option<String> {
    let mut decisions: Vec<&str> = found.zones.iter().filter_map(|(_, reading)| reading.decision).collect();
    decisions.dedup();
    (!decisions.is_empty()).then(|| decisions.join("; "))
}

/// Whether all places of a destination are adequate for it, or none is.
fn adequate(found: &Found) -> Option<bool> {
    let mut readings = found.zones.iter().map(|(_, reading)| reading.zone.is_adequate());
    let first = readings.next()??;
    readings.all(|other| other == Some(first)).then_some(first)
}

/// Who says that the recipient is certified, or is not, under the framework that one of the zones asks for.
pub(super) fn certified_by(zones: impl IntoIterator<Item = Zone>, recipient: &Recipient) -> Option<String> {
    let asked = zones.into_iter().find_map(|zone| match zone {
        Zone::AdequateForCertified { framework, recipient_certified: Some(_) } => Some(framework),
        _ => None,
    })?;
    let known = recipient.certifications.iter().find(|known| known.framework == asked)?;
    Some(known.source.clone())
}

pub(super) fn recipient(attribution: &Attribution) -> Option<&'static Recipient> {
    attribution.recipient.map(|id| Catalogue::builtin().recipient(id))
}

pub(super) fn network(placement: &Placement) -> Option<String> {
    let network = placement.network.as_ref()?;
    Some(
        network.name.map_or_else(|| format!("AS{}", network.asn), |name| format!("AS{} {name}", network.asn)),
    )
}

pub(super) fn network_seat(placement: &Placement) -> Option<String> {
    placement.network.as_ref()?.seat.map(|seat| seat.to_string())
}

fn is_seated_outside(recipient: Option<&Recipient>, placement: &Placement) -> bool {
    let of_recipient =
        recipient.and_then(|recipient| recipient.seat.as_deref()).and_then(|seat| seat.parse().ok());
    let of_network = placement.network.as_ref().and_then(|network| network.seat);
    let is_outside = |seat: Country| !zone(seat, placement.day, None).zone.is_inside_eea();
    of_recipient.into_iter().chain(of_network).any(is_outside)
}

pub(super) fn time(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

pub(super) fn hex(bytes: [u8; 16]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).concat()
}

/// Processes that are told of one session.
const MAX_PROCESSES: usize = 32;

/// A person's address: what is left says the rough network and no more.
fn masked(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            format!("{a}.{b}.x.x")
        }
        IpAddr::V6(address) => {
            let [a, b, ..] = address.segments();
            format!("[{a:x}:{b:x}:x:x:x:x:x:x]")
        }
    }
}

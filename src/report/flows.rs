//! The list of flows, one row each, with what was read off them.

use crate::client::{Service, Whose};
use crate::evidence::{self, Entry, Fact, HelloName, Program, ProxyKind, ProxyRequest, ZoomFact};
use crate::flow::TcpState;
use crate::inspect::{Found, Placement, SeenName, Unit};
use crate::place::WitnessKind;
use crate::report::ja4;
use crate::report::parts;
use crate::report::protocol::tunnel_name;
use crate::report::schema::{Flow, Name, Note, Parent, Place, Process, Report, Update, Witness};
use crate::report::view::{Counted, Counts, Row, View};
use crate::session::PhaseKind;
use crate::source::owners::Ancestor;
use crate::wire::zoom::MediaKind;

/// Adds every flow.
pub(super) fn flows(view: &View<'_>, counts: &Counts, report: &mut Report) {
    let listed = |row: Row<'_>| flow(view, &row, counts.get(row.key));
    report.flows = view.rows().filter_map(listed).collect();
}

fn flow(view: &View<'_>, row: &Row<'_>, counted: Counted) -> Option<Flow> {
    let Row { flow, judged, attribution, found, .. } = *row;
    let placement = row.placement()?;
    let (local, remote) = (judged.local, judged.local.other());
    let recipient = parts::recipient(attribution);
    let trip = flow.round_trip(local);
    Some(Flow {
        id: view.flow_id(row.key),
        input: flow.first_frame().input(),
        session: counted.session,
        step: view.step_id(row.key.0, row.unit.step_of(&flow)),
        destination: counted.destination,
        phase: counted.phase.map(PhaseKind::name),
        transport: flow.protocol().name(),
        local: view.end(row, local),
        remote: view.end(row, remote),
        local_reason: judged.local_reason.name(),
        tunnel: view.tunnel_id(row.key.0, flow.scope().tunnel),
        vlan: flow.scope().vlan.ids().map(Iterator::collect).unwrap_or_default(),
        names: names(row),
        processes: processes(row),
        whose: attribution.whose.name().to_owned(),
        identified_by: attribution.identified_by.map(|by| by.name().to_owned()),
        service: found.map(|_| attribution.service.id().to_owned()),
        recipient: recipient.map(|recipient| recipient.id.clone()),
        recipient_seat: recipient.and_then(|recipient| recipient.seat.clone()),
        network: parts::network(placement),
        network_seat: parts::network_seat(placement),
        place: found
            .map_or_else(|| place_of_other(placement), |found| of_flow(parts::place(found, placement))),
        zone: found.and_then(parts::zone_label),
        listing: found.map(|found| found.listing.to_owned()),
        register_entry: found.and_then(|found| found.entry.clone()),
        answered: flow.is_answered(),
        joined_midway: is_joined_midway(row),
        packets_out: flow.packets(local),
        packets_in: flow.packets(remote),
        bytes_out: flow.wire_bytes(local),
        bytes_in: flow.wire_bytes(remote),
        payload_out: flow.payload_bytes(local),
        payload_in: flow.payload_bytes(remote),
        repeated_out: flow.repeated_bytes(local),
        repeated_in: flow.repeated_bytes(remote),
        first_frame: flow.first_frame().number(),
        last_input: flow.last_frame().input(),
        last_frame: flow.last_frame().number(),
        start: parts::time(flow.first_time()),
        end: parts::time(flow.last_time()),
        rtt_min_ms: trip.map(|trip| millis(trip.rtt)),
        rtt_input: trip.map(|trip| trip.reply.input()),
        rtt_frame: trip.map(|trip| trip.reply.number()),
        handshake: notes(view, row),
    })
}

/// Others' flows are placed and not judged.
fn place_of_other(placement: &Placement) -> Place {
    let found = Found::of_place(placement.axis, placement.resolution.grade);
    of_flow(parts::place(&found, placement))
}

/// A round trip names most countries of the world. Among the flows it is listed where the place rests on it; destinations
/// have it in any case.
fn of_flow(mut place: Place) -> Place {
    let is_round_trip = |witness: &Witness| witness.kind == WitnessKind::RoundTrip.name();
    place.witnesses.retain(|witness| witness.decisive || !is_round_trip(witness));
    place
}

/// Whether the flow's opening is missing: TCP without its SYN, or Zoom's media without a hello.
pub(super) fn is_joined_midway(row: &Row<'_>) -> bool {
    let facts = row.unit.evidence().of(row.flow.id());
    let has = |wanted: fn(&ZoomFact) -> bool| {
        facts.iter().any(|entry| matches!(&entry.fact, Fact::Zoom(fact) if wanted(fact)))
    };
    let is_media = has(|fact| matches!(fact, ZoomFact::Certain | ZoomFact::PeerMedia));
    let is_opened = has(|fact| matches!(fact, ZoomFact::Hello { .. } | ZoomFact::PeerHello { .. }));
    row.flow.tcp().is_some_and(TcpState::is_mid_stream) || (is_media && !is_opened)
}

/// The origin of a name that another flow between the same addresses said.
pub(super) const SAME_ADDRESS: &str = "same_address";

/// The names of a flow's remote end.
pub(super) fn names(row: &Row<'_>) -> Vec<Name> {
    row.unit.names(row.flow.id()).iter().map(|seen| name(row.unit, seen)).collect()
}

/// One of them.
pub(super) fn name(unit: &Unit, seen: &SeenName) -> Name {
    Name {
        name: unit.evidence().name(seen.name).to_owned(),
        origin: if seen.is_of_address { SAME_ADDRESS } else { seen.origin.name() },
        input: seen.frame.input(),
        frame: seen.frame.number(),
    }
}

/// The processes that started one, the nearest first.
fn parents(program: &Program) -> Vec<Parent> {
    let parent = |parent: &Ancestor| Parent {
        pid: parent.pid,
        name: parent.name.clone(),
        path: (!parent.path.is_empty()).then(|| parent.path.clone()),
    };
    program.parents.iter().map(parent).collect()
}

/// The processes that the capture says the flow is of.
pub(super) fn processes(row: &Row<'_>) -> Vec<Process> {
    let evidence = row.unit.evidence();
    let process = |entry: &Entry| {
        let Fact::Process(id) = entry.fact else { return None };
        let process = evidence.process_of(id)?;
        let program = process.program.as_deref();
        Some(Process {
            name: process.name.clone(),
            pid: process.pid,
            uid: process.uid,
            path: program.and_then(|program| program.path.clone()),
            started: program.and_then(|program| Some(program.started?.to_string())),
            parents: program.map(parents).unwrap_or_default(),
            method: process.method.name(),
            says: process.method.words(),
            reliable: process.method.is_reliable(),
            input: entry.frame.input(),
            frame: entry.frame.number(),
        })
    };
    evidence.of(row.flow.id()).iter().filter_map(process).collect()
}

/// What was read off the flow. A participant that asks is told its own address, which stays hidden.
fn notes(view: &View<'_>, row: &Row<'_>) -> Vec<Note> {
    let is_shown = |entry: &&Entry| match &entry.fact {
        Fact::MappedAddress { address, .. } => !view.hides(row, address.ip()),
        _ => true,
    };
    row.unit
        .evidence()
        .of(row.flow.id())
        .iter()
        .filter(is_shown)
        .flat_map(|entry| note(row, entry).into_iter().chain(fingerprint(row, entry)))
        .collect()
}

/// The fingerprint of the TLS stack that said hello. One that goes on with an earlier session differs from its first, so it has
/// a kind of its own.
fn fingerprint(row: &Row<'_>, entry: &Entry) -> Option<Note> {
    let Fact::ClientHello(hello) = &entry.fact else { return None };
    let facts = row.unit.evidence().of(row.flow.id());
    let is_quic = facts.iter().any(|entry| matches!(entry.fact, Fact::Quic(_)));
    let kind = if hello.resumes { "ja4_resumed" } else { "ja4" };
    let value = ja4::ja4(hello, is_quic);
    Some(Note { kind, value, input: entry.frame.input(), frame: entry.frame.number() })
}

fn note(row: &Row<'_>, entry: &Entry) -> Option<Note> {
    let (kind, value) = match &entry.fact {
        Fact::PathVersion(version) if is_update(row) => ("update_version", version.to_string()),
        Fact::Name { .. } | Fact::Process(_) | Fact::PathVersion(_) => return None,
        Fact::Proxy(request) => proxy(request),
        Fact::Behind { name, origin } => {
            ("name_behind_proxy", format!("{} ({})", row.unit.evidence().name(*name), origin.name()))
        }
        Fact::ClientHello(hello) => ("client_hello", client_hello(hello)),
        Fact::Contested { .. } => (
            "contested",
            "two copies of the same bytes differ, and the receiver may have read either".to_owned(),
        ),
        Fact::HelloRetry => {
            ("hello_retry_request", "the handshake has two ClientHellos and counts once".to_owned())
        }
        Fact::TlsVersion(version) => ("tls_version", tls_version(*version)),
        Fact::CertificateText(text) => ("certificate", text.to_string()),
        Fact::HopLimitsDiffer { accepted, data } => (
            "hop_limits_differ",
            format!("the connection was accepted with {accepted}, the server's hello came with {data}"),
        ),
        Fact::Quic(version) => ("quic_version", format!("{version:#010x}")),
        Fact::QuicRetry => ("quic_retry", "the client was told to come again with a token".to_owned()),
        Fact::EncryptedDns(transport) => ("encrypted_dns", transport.words().to_owned()),
        Fact::Stun => ("stun", "STUN by RFC 8489".to_owned()),
        Fact::MappedAddress { address, .. } => ("mapped_address", address.to_string()),
        Fact::Dtls => ("dtls", "DTLS records".to_owned()),
        Fact::SealedTunnel(tunnel) => {
            ("encrypted_tunnel", format!("{}: what runs in it is not seen", tunnel_name(*tunnel)))
        }
        Fact::DtlsVersion(version) => ("dtls_version", tls_version(*version)),
        Fact::Zoom(fact) => zoom(fact),
    };
    Some(Note { kind, value, input: entry.frame.input(), frame: entry.frame.number() })
}

/// Whether the flow is one of the client's to a host of updates. Of other paths in clear a report says nothing.
fn is_update(row: &Row<'_>) -> bool {
    row.attribution.whose == Whose::Client && row.attribution.service == Service::Update
}

/// The versions that an update host was asked for in clear.
pub(super) fn updates(row: &Row<'_>) -> Vec<Update> {
    let facts = row.unit.evidence().of(row.flow.id());
    let version = |entry: &Entry| match &entry.fact {
        Fact::PathVersion(version) => Some(Update {
            version: version.to_string(),
            input: entry.frame.input(),
            frame: entry.frame.number(),
        }),
        _ => None,
    };
    facts.iter().filter(|_| is_update(row)).filter_map(version).collect()
}

fn proxy(request: &ProxyRequest) -> (&'static str, String) {
    match request.kind {
        ProxyKind::Connect => ("proxy_connect", format!("a tunnel to {} was asked for", request.target)),
        ProxyKind::Request => ("proxy_request", format!("a request for {} was handed on", request.target)),
        ProxyKind::Socks(version) => {
            ("proxy_socks", format!("a connection to {} was asked for by SOCKS {version}", request.target))
        }
    }
}

fn client_hello(hello: &evidence::Hello) -> String {
    let alpn = if hello.alpn.is_empty() { "no ALPN".to_owned() } else { format!("ALPN {}", hello.alpn) };
    let name = match hello.name {
        HelloName::Read => "",
        HelloName::Absent => ", no server name",
        HelloName::Invalid => ", a server name that is no host name",
    };
    let ech = if hello.ech { ", encrypted_client_hello extension present" } else { "" };
    format!("up to {}, {alpn}{name}{ech}", tls_version(hello.version))
}

fn tls_version(version: u16) -> String {
    match version {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301..=0x0304 => format!("TLS 1.{}", version - 0x0301),
        0xfeff => "DTLS 1.0".to_owned(),
        0xfefd => "DTLS 1.2".to_owned(),
        0xfefc => "DTLS 1.3".to_owned(),
        other => format!("{other:#06x}"),
    }
}

fn zoom(fact: &ZoomFact) -> (&'static str, String) {
    match fact {
        ZoomFact::Certain => ("zoom_layer", "certain".to_owned()),
        ZoomFact::Weak => ("zoom_layer", "weak".to_owned()),
        ZoomFact::Hello { .. } => ("zoom_hello", "hello".to_owned()),
        ZoomFact::Bind { meeting } => ("zoom_bind", parts::hex(*meeting)),
        ZoomFact::Media(kind) => ("zoom_media", media(*kind)),
        ZoomFact::Stream(kind) => ("zoom_stream", media(*kind)),
        ZoomFact::Close { reason, .. } => ("zoom_close", format!("reason {reason}")),
        ZoomFact::Stun => ("zoom_stun", "STUN without cookie".to_owned()),
        ZoomFact::PeerHello { uuid } => ("zoom_peer_hello", parts::hex(*uuid)),
        ZoomFact::PeerMedia => ("zoom_peer_media", "media between participants".to_owned()),
    }
}

/// A kind of media in `snake_case`.
pub(super) fn media(kind: MediaKind) -> String {
    match kind {
        MediaKind::Audio => "audio".to_owned(),
        MediaKind::SecondShare => "second_share".to_owned(),
        MediaKind::Share => "share".to_owned(),
        MediaKind::Video => "video".to_owned(),
        MediaKind::Other(number) => format!("kind_{number}"),
    }
}

/// Milliseconds with three decimals: captures have microseconds.
fn millis(time: std::time::Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a round trip of 285 years would lose a microsecond")]
    let micros = (time.as_nanos() / 1000) as f64;
    micros / 1000.0
}

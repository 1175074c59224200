//! Tunnels that were opened, and what suggests a VPN or a proxy.
//!
//! Input: an inspection's flows. Output: the schema's rows. Must not: judge; a suspicion is a remark about the capture.

use std::collections::BTreeMap;

use crate::client::{Catalogue, Whose};
use crate::evidence::Fact;
use crate::frame::FrameRef;
use crate::packet::{Class, Tunnel as Kind, TunnelId};
use crate::report::protocol::tunnel_name;
use crate::report::schema::{Suspicion, Tunnel};
use crate::report::view::{Row, View};
use crate::wire::Hostname;

/// The tunnels of all captures, in order.
pub(super) fn tunnels(view: &View<'_>) -> Vec<Tunnel> {
    // Nearly no capture has one, and its flows need not be looked through.
    if view.inspection.units().iter().all(|unit| unit.opener().tunnels().next().is_none()) {
        return Vec::new();
    }
    let mut flows: BTreeMap<(usize, TunnelId), (u64, u64)> = BTreeMap::new();
    for row in view.rows().filter(|row| !row.flow.scope().tunnel.is_none()) {
        let (all, clients) = flows.entry((row.key.0, row.flow.scope().tunnel)).or_default();
        *all += 1;
        *clients += u64::from(is_client(&row));
    }
    let units = view.inspection.units().iter().enumerate();
    let all = units.flat_map(|(unit, of)| of.opener().tunnels().map(move |(id, tunnel)| (unit, id, tunnel)));
    let row = |(unit, id, tunnel): (usize, TunnelId, &crate::packet::OpenedTunnel)| {
        let (flows, client_flows) = flows.get(&(unit, id)).copied().unwrap_or_default();
        Some(Tunnel {
            id: view.tunnel_id(unit, id)?,
            kind: tunnel.kind.name(),
            outer: tunnel.outer.map(|address| address.to_string()),
            network: tunnel.network,
            within: view.tunnel_id(unit, tunnel.within),
            input: tunnel.first.input(),
            first_frame: tunnel.first.number(),
            frames: tunnel.frames,
            bytes: tunnel.bytes,
            flows,
            client_flows,
        })
    };
    all.filter_map(row).collect()
}

/// What suggests a VPN or a proxy, each kind once for each place it was seen at.
pub(super) fn suspicions(view: &View<'_>) -> Vec<Suspicion> {
    let mut seen: BTreeMap<(&'static str, String), (FrameRef, u64)> = BTreeMap::new();
    let mut note = |kind, says: String, frame: FrameRef| {
        let (first, flows) = seen.entry((kind, says)).or_insert((frame, 0));
        *first = frame.min(*first);
        *flows += 1;
    };
    for row in view.rows() {
        if let Some((tunnel, frame)) = sealed(&row) {
            let (local, remote) = (row.flow.endpoint(row.judged.local).address, view.address(&row));
            let name = tunnel_name(tunnel);
            note(
                "encrypted_tunnel",
                format!("{name} between {local} and {remote}: what runs in it is not seen"),
                frame,
            );
        }
        if let Some((says, frame)) = proxied(view, &row) {
            note("proxy", says, frame);
        }
        if is_client(&row)
            && let Some((kind, says)) = around(&row)
        {
            note(kind, says, row.flow.first_frame());
        }
    }
    let esp = view.inspection.census().others().find(|(class, _)| *class == Class::Tunnel(Kind::Esp));
    if let Some((_, counted)) = esp {
        let says = format!("{}: what runs in it is not seen", tunnel_name(Kind::Esp));
        seen.insert(("encrypted_tunnel", says), (counted.first, 0));
    }
    let row = |((kind, says), (frame, flows)): ((&'static str, String), (FrameRef, u64))| Suspicion {
        kind,
        input: frame.input(),
        frame: frame.number(),
        flows,
        says,
    };
    seen.into_iter().take(MAX_SUSPICIONS).map(row).collect()
}

/// The encrypted tunnel that a flow is, with the frame that shows it.
fn sealed(row: &Row<'_>) -> Option<(Kind, FrameRef)> {
    row.unit.evidence().of(row.flow.id()).iter().find_map(|entry| match entry.fact {
        Fact::SealedTunnel(tunnel) => Some((tunnel, entry.frame)),
        _ => None,
    })
}

/// Where a proxy is asked for a host of the client's: whom the proxy asks, and where that stands, is not seen.
fn proxied(view: &View<'_>, row: &Row<'_>) -> Option<(String, FrameRef)> {
    let evidence = row.unit.evidence();
    let (name, frame) = evidence.of(row.flow.id()).iter().find_map(|entry| match entry.fact {
        Fact::Behind { name, .. } => Some((evidence.name(name), entry.frame)),
        _ => None,
    })?;
    let is_clients = Hostname::parse(name.as_bytes())
        .and_then(|host| Catalogue::builtin().name(&host).map(|m| m.is_client()));
    let proxy = view.end(row, row.judged.local.other());
    let says = format!("{name} is asked for through the proxy {proxy}: where it stands is not seen");
    (is_clients == Some(true)).then_some((says, frame))
}

/// What is around a flow of the client's.
fn around(row: &Row<'_>) -> Option<(&'static str, String)> {
    let tunnel = row.flow.scope().tunnel;
    if let Some(opened) = row.unit.opener().tunnel(tunnel) {
        let [from, to] = opened.outer;
        let name = tunnel_name(opened.kind);
        return Some((
            "inside_tunnel",
            format!("flows of the client came out of {name} between {from} and {to}"),
        ));
    }
    let has_link_layer =
        [row.judged.local, row.judged.local.other()].iter().any(|side| row.flow.mac(*side).is_some());
    (!has_link_layer).then(|| {
        let says =
            "flows of the client were captured on an interface without a link layer, as those of VPNs are";
        ("no_link_layer", says.to_owned())
    })
}

fn is_client(row: &Row<'_>) -> bool {
    row.attribution.whose == Whose::Client
}

/// Suspicions that are listed: an input may hold any number of tunnels' ends.
const MAX_SUSPICIONS: usize = 256;

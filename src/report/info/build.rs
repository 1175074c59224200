//! From surveys to the schema's info.
//!
//! Input: [`Surveys`]. Output: an [`Info`]. Must not: judge; what it computes are sums, quotients and texts.

mod claims;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::frame::Timestamp;
use crate::inspect::{Counted, Survey, Surveys};
use crate::packet::{Class, Tunnel};
use crate::report::info::names;
use crate::report::info::schema::{
    Damage, Directions, Info, Input, Interface, LinkType, Lost, Rates, Schema, SkippedBlocks, Tool, Tunnels,
    Undecoded,
};
use crate::report::protocol::{describe, tunnel_name};
use crate::source;

/// Says what the captures are.
#[must_use]
pub fn info(surveys: &Surveys) -> Info {
    Info {
        schema: SCHEMA,
        tool: Tool { name: "borderpost", version: env!("CARGO_PKG_VERSION") },
        inputs: surveys.captures.iter().map(input).collect(),
        files_skipped: surveys.files_skipped,
    }
}

pub(super) const SCHEMA: Schema = Schema { name: "borderpost-info", version: "1.0" };

fn input(survey: &Survey) -> Input {
    let Survey { summary, census, .. } = survey;
    let duration = duration(survey);
    let bytes = census.bytes();
    Input {
        path: survey.path.display().to_string(),
        sha256: summary.sha256.clone(),
        size: summary.size,
        format: summary.format.name().to_owned(),
        modified: summary.format == source::Format::ModifiedPcap,
        compression: summary.compression.map(|compression| compression.name().to_owned()),
        frames: census.frames(),
        records_without_packet: summary.other_records,
        frames_cut: census.cut(),
        frames_without_time: census.timeless(),
        bytes,
        bytes_captured: survey.bytes_captured,
        start: survey.earliest.map(|time| time.to_string()),
        end: survey.latest.map(|time| time.to_string()),
        duration_s: duration,
        frames_backwards: survey.backwards.map_or(0, |backwards| backwards.frames),
        first_backwards: survey.backwards.map(|backwards| backwards.first.number()),
        rates: duration.filter(|seconds| *seconds > 0.0).map(|seconds| Rates {
            bytes_per_s: quotient(bytes, seconds),
            packets_per_s: quotient(summary.frames, seconds),
        }),
        mean_packet_bytes: (summary.frames > 0).then(|| quotient(bytes, real(summary.frames))),
        lost: lost(&summary.dropped),
        link_types: link_types(survey),
        sections: summary.sections.iter().map(claims::section).collect(),
        section_count: summary.section_count,
        interfaces: (0..).zip(&summary.interfaces).map(|(id, known)| interface(id, known)).collect(),
        claims: claims::claims(&summary.claims, &summary.owners),
        directions: Directions { inbound: survey.inbound, outbound: survey.outbound },
        frames_with_link_errors: summary.marks.link_errors,
        processes: claims::processes(&survey.by_process_method),
        skipped_blocks: skipped_blocks(&summary.skipped_blocks),
        skipped_other: summary.skipped_other,
        broken_options: summary.broken_options,
        classes: census.by_name().into_iter().map(|(name, frames)| (name.to_owned(), frames)).collect(),
        undecoded: undecoded(survey),
        tunnels: tunnels(survey),
        damage: summary.damage.iter().map(damage).collect(),
        more_damage: summary.more_damage,
    }
}

/// Seconds from the earliest frame to the latest.
fn duration(survey: &Survey) -> Option<f64> {
    Some(survey.latest?.since(survey.earliest?)?.as_secs_f64())
}

fn quotient(of: u64, by: f64) -> f64 {
    real(of) / by
}

/// Counts of frames and bytes are far below 2^53, from where on a rate would be rounded.
#[expect(clippy::cast_precision_loss, reason = "a rate is not exact")]
fn real(number: u64) -> f64 {
    number as f64
}

fn lost(drops: &source::Drops) -> Lost {
    let source::Drops { by_interface, by_os, by_program, by_frames } = *drops;
    Lost { frames: drops.lost(), by_interface, by_os, by_program, by_frames }
}

fn link_types(survey: &Survey) -> Vec<LinkType> {
    let row = |(link, frames): (&crate::frame::LinkType, &u64)| LinkType {
        number: link.0,
        name: link.name().map(ToOwned::to_owned),
        frames: *frames,
    };
    survey.by_link.iter().map(row).collect()
}

fn interface(id: u64, interface: &source::Interface) -> Interface {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    Interface {
        id,
        name: interface.name.clone(),
        description: interface.description.clone(),
        hardware: interface.hardware.clone(),
        os: interface.os.clone(),
        link_type: interface.link.0,
        link_name: interface.link.name().map(ToOwned::to_owned),
        snap_len: interface.snap_len,
        resolution: resolution(interface.resolution),
        clock_offset_s: interface.clock_offset,
        time_zone: interface.time_zone,
        addresses: interface.addresses.iter().map(IpAddr::to_string).collect(),
        mac: interface.mac.map(|mac| octets(&mac)),
        eui64: interface.eui.map(|eui| octets(&eui)),
        speed: interface.speed,
        fcs_bits: interface.fcs_bits,
        filter: interface.filter.clone(),
        frames: interface.frames,
        bytes: interface.wire_bytes,
        bytes_captured: interface.captured_bytes,
        statistics: interface.statistics,
        counted_from: time(interface.counted_from),
        counted_to: time(interface.counted_to),
        received: interface.received,
        accepted: interface.accepted,
        delivered: interface.delivered,
        dropped_by_interface: interface.dropped_by_interface,
        dropped_by_os: interface.dropped_by_os,
    }
}

fn octets(address: &[u8]) -> String {
    address.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// What `if_tsresol` says: a negative power of ten or, with its highest bit set, of two.
fn resolution(stated: u8) -> String {
    let base = if stated & 0x80 == 0 { 10 } else { 2 };
    format!("{base}^-{}", stated & 0x7f)
}

fn skipped_blocks(skipped: &BTreeMap<u32, u64>) -> Vec<SkippedBlocks> {
    let row = |(block_type, blocks): (&u32, &u64)| SkippedBlocks {
        block_type: *block_type,
        name: names::block_type(*block_type).map(ToOwned::to_owned),
        blocks: *blocks,
    };
    skipped.iter().map(row).collect()
}

fn undecoded(survey: &Survey) -> Vec<Undecoded> {
    let others = survey.census.others();
    let undecoded = others.filter(|(class, _)| {
        !matches!(class, Class::IcmpError | Class::Duplicate | Class::FragmentReassembled)
    });
    let row = |(class, counted): (Class, Counted)| Undecoded {
        class: class.name().to_owned(),
        what: describe(class),
        frames: counted.frames,
        first_frame: counted.first.number(),
    };
    undecoded.map(row).collect()
}

/// There may be tens of thousands of tunnels, and a dozen kinds of them.
fn tunnels(survey: &Survey) -> Vec<Tunnels> {
    let mut kinds: BTreeMap<Tunnel, Tunnels> = BTreeMap::new();
    for (_, tunnel) in survey.opener.tunnels() {
        let first_frame = tunnel.first.number();
        let row = kinds.entry(tunnel.kind).or_insert_with(|| {
            let (kind, name) = (tunnel.kind.name().to_owned(), tunnel_name(tunnel.kind).to_owned());
            Tunnels { kind, name, tunnels: 0, frames: 0, first_frame }
        });
        row.tunnels += 1;
        row.frames = row.frames.saturating_add(tunnel.frames);
        row.first_frame = row.first_frame.min(first_frame);
    }
    kinds.into_values().collect()
}

fn damage(damage: &source::Damage) -> Damage {
    Damage {
        kind: damage.kind.to_owned(),
        offset: damage.offset,
        after_frame: damage.after_frame,
        what: damage.what.clone(),
        resumed_at: damage.resumed_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_powers_of_ten_or_two() {
        assert_eq!([6, 9, 0, 0x94].map(resolution), ["10^-6", "10^-9", "10^-0", "2^-20"]);
    }
}

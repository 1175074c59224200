//! A capture that may be shared: what findings rest on, without whom they are about.
//!
//! Input: a capture that was inspected, and a key. Output: a pcapng of as many frames, and a log. It is read twice more: once to
//! gather the first bytes of connections, once to copy. A byte that no rule keeps is not copied; a rule keeps what the inspection
//! reads, and replaces what is somebody's. Must not: write the key or a secret, or change a server's address that a finding rests
//! on.

#![warn(clippy::indexing_slicing)]

mod address;
mod certificate;
mod datagram;
mod dns;
mod ends;
mod flows;
mod frame;
mod hello;
mod keyed;
mod log;
mod media;
mod name;
mod shaper;
mod sockets;
mod stream;
mod streams;
mod tunnel;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::Path;

use ring::digest::{Context, SHA256};

use self::address::Addresses;
use self::datagram::Chains;
use self::ends::{Datagram, Ends};
use self::flows::{Shown, ShownFlows};
pub use self::keyed::Key;
use self::log::{DROPPED, KEPT, Met, TOOL};
pub use self::log::{Done, File, Link, Linked, Log, RULES};
use self::name::Names;
use self::streams::Streams;
use crate::frame::{Frame, Process, Timestamp};
use crate::inspect::{Inspection, Unit};
use crate::packet::Tcp;
use crate::source::write::{Aside, WriteInterface, WriteStatistics, Writer};
use crate::source::{Capture, Interface, Options, SourceError, Summary};

/// Why a capture was not redacted.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// It could not be read again.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The output could not be written.
    #[error("{0}; nothing was written there")]
    Write(#[from] io::Error),
    /// Nothing was inspected.
    #[error("no capture was read; name one")]
    Nothing,
    /// Another program wrote it in the meantime.
    #[error("changed while it was read; redact it once nothing writes it any more")]
    Changed,
}

/// What is replaced, and how often.
#[derive(Debug)]
struct Masks {
    key: Key,
    addresses: Addresses,
    names: Names,
    meetings: Met<[u8; 16]>,
    uuids: Met<[u8; 36]>,
    counts: Done,
}

/// Everything that the copying of a frame may need.
#[derive(Debug)]
struct Shared {
    masks: Masks,
    flows: ShownFlows,
    streams: Streams,
    chains: Chains,
    /// Whether this is the first of the two readings, which only looks at what lies across frames.
    is_gathering: bool,
    /// Whether what is dropped is replaced by a digest instead of cut away.
    fills: bool,
}

/// Redacts the one capture of an inspection into `out`. `key_from` is what the log says of the key.
pub fn redact<W: Write>(
    inspection: &Inspection,
    key: &Key,
    key_from: &'static str,
    out: W,
) -> Result<(W, Log), RedactError> {
    let (Some(unit), Some(input)) = (inspection.units().first(), inspection.inputs().first()) else {
        return Err(RedactError::Nothing);
    };
    let summary = &input.summary;
    let options = Options::default().with_max_unpacked(inspection.settings().max_unpacked);
    let mut shared = Shared::of(unit, key, summary);
    shared.gather(&input.path, &options)?;
    let interfaces: Vec<WriteInterface> =
        summary.interfaces.iter().map(|interface| written(interface, &mut shared.masks)).collect();
    let mut copier = Copier {
        writer: Writer::new(Hashed::new(out), &interfaces)?,
        steps: steps(summary),
        processes: HashMap::new(),
        frames: 0,
        last: Timestamp::from_nanos(0),
    };
    let mut capture = Capture::open(&input.path, &options)?;
    while let Some(frame) = capture.next_frame() {
        copier.copy(&frame, &mut shared)?;
    }
    let again = capture.finish();
    if (again.frames, &again.sha256) != (summary.frames, &summary.sha256) {
        return Err(RedactError::Changed);
    }
    copier.statistics(summary)?;
    copier.sockets(summary, &mut shared.masks)?;
    let frames = copier.frames;
    let hashed = copier.writer.finish()?;
    let may_differ = may_differ(&mut shared, inspection);
    let (out, output) = hashed.end(frames);
    let done = shared.done(summary);
    let damage = summary.damage.first().map(|damage| damage.what.clone());
    let input = File { sha256: summary.sha256.clone(), bytes: summary.size, frames: summary.frames, damage };
    let log = Log {
        tool: TOOL,
        version: env!("CARGO_PKG_VERSION"),
        rules: RULES,
        input,
        output,
        key: key_from,
        done,
        kept: KEPT.to_vec(),
        dropped: DROPPED.to_vec(),
        may_differ,
    };
    Ok((out, log))
}

impl Shared {
    fn of(unit: &Unit, key: &Key, summary: &Summary) -> Self {
        let mut roles = flows::roles(unit);
        let own = summary.interfaces.iter().flat_map(|interface| interface.addresses.iter().copied());
        roles.local.extend(own);
        let mut names = Names::new(key.clone(), flows::kept_names(unit));
        let flows = ShownFlows::of(unit, &mut names);
        let masks = Masks {
            key: key.clone(),
            addresses: Addresses::new(key.clone(), roles),
            names,
            meetings: Met::default(),
            uuids: Met::default(),
            counts: Done::default(),
        };
        let fills = summary.interfaces.len() > 1;
        Self {
            masks,
            flows,
            streams: Streams::default(),
            chains: Chains::default(),
            is_gathering: true,
            fills,
        }
    }

    /// The first of the two readings.
    fn gather(&mut self, path: &Path, options: &Options) -> Result<(), RedactError> {
        let options = Options { hash: false, ..options.clone() };
        let mut capture = Capture::open(path, &options)?;
        while let Some(frame) = capture.next_frame() {
            frame::redact(&frame, self);
        }
        self.streams.finish(&mut self.masks);
        self.is_gathering = false;
        // Of what was counted, what is counted per connection stays.
        let Done { client_hellos, server_hellos, certificates_kept, .. } = self.masks.counts;
        let Done { certificates_emptied, connections_given_up, .. } = self.masks.counts;
        self.masks.counts = Done {
            client_hellos,
            server_hellos,
            certificates_kept,
            certificates_emptied,
            connections_given_up,
            ..Done::default()
        };
        Ok(())
    }

    /// What a segment's payload may show.
    fn segment(&mut self, ends: &Ends, tcp: Tcp, payload: &[u8]) -> Vec<u8> {
        match self.flows.shown(ends) {
            None => Vec::new(),
            Some(_) if !self.is_gathering => self.streams.segment(ends, tcp, payload.len()),
            Some(shown) => {
                self.streams.gather(ends, tcp, payload, shown, &mut self.masks);
                Vec::new()
            }
        }
    }

    /// What a datagram's payload may show.
    fn datagram(&mut self, ends: &Ends, datagram: &Datagram<'_>, shown: Shown) -> Vec<u8> {
        let (ordered, side) = ends.ordered();
        if self.is_gathering {
            if shown.datagrams.shows_certificate {
                datagram::gather(datagram.payload, ordered, side, &mut self.chains);
            }
            return Vec::new();
        }
        let chain = self.chains.of(ordered, side);
        let socket = self.flows.socket(ends);
        datagram::redact(datagram, shown.datagrams, socket, &chain, &mut self.masks)
    }

    /// The counts, with those that are told in the end.
    fn done(self, summary: &Summary) -> Done {
        let Self { masks, flows, .. } = self;
        let Masks { addresses, names, meetings, uuids, counts, .. } = masks;
        let [local_addresses, participant_addresses, other_addresses] = addresses.counts();
        let [tenant_names, other_names] = names.counts();
        let kept = counts.steps_kept;
        Done {
            flows_headers_only: flows.headers_only,
            local_addresses,
            participant_addresses,
            other_addresses,
            tenant_names,
            other_names,
            meeting_ids: meetings.count(),
            uuids: uuids.count(),
            comments_dropped: summary.claims.comment_count.saturating_sub(kept),
            secrets_dropped: summary.claims.secrets.values().map(|secrets| secrets.blocks).sum(),
            ..counts
        }
    }
}

/// Writes frames one after the other.
struct Copier<W: Write> {
    writer: Writer<W>,
    /// The comments that mark steps, by the number of their frame.
    steps: BTreeMap<u64, String>,
    processes: HashMap<(u32, Vec<u8>), u32>,
    frames: u64,
    last: Timestamp,
}

impl<W: Write> Copier<W> {
    fn copy(&mut self, frame: &Frame<'_>, shared: &mut Shared) -> io::Result<()> {
        let made = frame::redact(frame, shared);
        let counts = &mut shared.masks.counts;
        let Some(time) = frame.time.filter(|time| time.nanos() >= 0) else {
            counts.frames_without_time += 1;
            return Ok(());
        };
        let process = match &frame.process {
            Some(process) if process.method.is_reliable() => {
                counts.processes_kept += 1;
                self.process(process)?
            }
            Some(_) => {
                counts.processes_dropped += 1;
                None
            }
            None => None,
        };
        let comment = self.steps.get(&frame.number).map(String::as_str);
        counts.steps_kept += u64::from(comment.is_some());
        let aside = Aside { comment, direction: frame.direction, process };
        self.writer.frame_with(frame.interface, time, frame.wire_len, &made, aside)?;
        self.frames = self.frames.saturating_add(1);
        self.last = self.last.max(time);
        Ok(())
    }

    fn process(&mut self, process: &Process<'_>) -> io::Result<Option<u32>> {
        let key = (process.pid.unwrap_or(0), process.name.to_vec());
        if let Some(known) = self.processes.get(&key) {
            return Ok(Some(*known));
        }
        if self.processes.len() >= MAX_PROCESSES {
            return Ok(None);
        }
        let number = self.writer.process(key.0, &key.1)?;
        self.processes.insert(key, number);
        Ok(Some(number))
    }

    /// Whose sockets were open.
    fn sockets(&mut self, summary: &Summary, masks: &mut Masks) -> io::Result<()> {
        let sockets = sockets::sockets(&summary.owners, &mut masks.addresses);
        masks.counts.sockets_kept = sockets.kept;
        masks.counts.sockets_dropped = sockets.dropped;
        self.writer.blocks(&sockets.blocks)
    }

    /// What was lost, as the capture states it. Losses between frames are written as the first interface's.
    fn statistics(&mut self, summary: &Summary) -> io::Result<()> {
        let stated = summary.dropped.by_interface.is_some() || summary.dropped.by_os.is_some();
        for (number, interface) in (0..).zip(&summary.interfaces) {
            let between = summary.dropped.by_frames.filter(|_| number == 0 && !stated);
            let counted = WriteStatistics {
                received: interface.received,
                dropped: interface.dropped_by_interface.or(between),
                dropped_by_os: interface.dropped_by_os,
                accepted: interface.accepted,
                delivered: interface.delivered,
            };
            if counted != WriteStatistics::default() {
                self.writer.statistics(number, self.last, counted)?;
            }
        }
        Ok(())
    }
}

fn steps(summary: &Summary) -> BTreeMap<u64, String> {
    summary.claims.steps.iter().map(|step| (step.frame, step.text.clone())).collect()
}

/// An interface without what tells whose machine it is in.
fn written(interface: &Interface, masks: &mut Masks) -> WriteInterface {
    WriteInterface {
        addresses: interface.addresses.iter().map(|address| masks.addresses.map(*address)).collect(),
        mac: interface.mac.map(|mac| masks.addresses.mac(mac)),
        resolution: interface.resolution.min(FINEST),
        ..WriteInterface::new(interface.link)
    }
}

/// Why findings may be missing or others than those of the original.
fn may_differ(shared: &mut Shared, inspection: &Inspection) -> Vec<String> {
    let mut says = Vec::new();
    let mut say = |count: u64, what: &str| {
        if count > 0 {
            says.push(format!("{what}: {count}"));
        }
    };
    let counts = &shared.masks.counts;
    say(counts.frames_of_unknown_links, "frames of link types that cannot be redacted");
    say(counts.frames_without_time, "frames without a time, by which later frames have other numbers");
    say(counts.fragments, "fragments, of which headers alone are kept");
    say(counts.tunnelled, "packets of tunnels that are not gone into");
    say(counts.quic_emptied, "QUIC Initials whose name may not be shown");
    say(counts.certificates_emptied, "certificates whose names may not be shown");
    say(counts.connections_given_up, "connections that were given up because too many waited");
    say(counts.processes_dropped, "frames whose process is dropped");
    let other_records = inspection.inputs().iter().map(|input| input.summary.other_records).sum();
    say(
        other_records,
        "records that are no packets but have numbers, by which later frames have other numbers",
    );
    let databases = &inspection.settings().databases;
    let own: Vec<_> = flows::public_addresses(shared.masks.addresses.roles()).collect();
    let moved = own.into_iter().filter(|address| {
        let mapped = shared.masks.addresses.map(*address);
        let [was, is] = [*address, mapped].map(|address| databases.look_up(address));
        (was.countries, was.asn) != (is.countries, is.asn)
    });
    say(
        moved.count() as u64,
        "public addresses of the client that tell another place than before; read the output with --vantage",
    );
    says
}

/// What is written is hashed.
struct Hashed<W> {
    out: W,
    digest: Context,
    bytes: u64,
}

impl<W> Hashed<W> {
    fn new(out: W) -> Self {
        Self { out, digest: Context::new(&SHA256), bytes: 0 }
    }

    fn end(self, frames: u64) -> (W, File) {
        let sha256 = hex(self.digest.finish().as_ref());
        (self.out, File { sha256: Some(sha256), bytes: self.bytes, frames, damage: None })
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.digest.update(bytes.get(..count).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]).collect()
}

/// Nanoseconds, by the digits behind the point.
const FINEST: u8 = 9;
/// Processes that are described, as many as the reader keeps of a section.
const MAX_PROCESSES: usize = 4_096;

#[cfg(test)]
mod tests;

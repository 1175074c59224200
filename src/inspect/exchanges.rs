//! The exchanges of HTTP in what key logs open, and those of files that other tools decrypted.
//!
//! Input: pieces of decrypted connections; files that were read. Output: an [`Inventory`] for each, with flows. Must not: keep an
//! exchange, or hold more than [`MOST_HELD`] bytes of those that have not ended, or less where the user says so.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::decrypt::Piece;
use crate::flow::FlowId;
use crate::frame::Timestamp;
use crate::inspect::Unit;
use crate::telemetry::import::{Format, Import};
use crate::telemetry::join::{Candidate, Match, join};
use crate::telemetry::{Inventory, Planted};
use crate::wire::exchange::{Exchange, Limits, Origin};
use crate::wire::http::{At, Connection, Reader, Side};

/// The most that connections of which exchanges have not ended may take, all together, in bytes.
const MOST_HELD: usize = 256 << 20;
/// How far the clocks of an import and a capture may be apart.
const SLACK: Duration = Duration::from_secs(2);

/// The connections of a capture that are being read as HTTP.
#[derive(Default, Debug)]
pub(super) struct Connections {
    readers: HashMap<FlowId, Option<Box<One>>>,
    held: usize,
    /// The most that may be held; `None` for the usual.
    most: Option<usize>,
    /// The most that one connection may hold; likewise.
    most_each: Option<usize>,
    last: Option<Timestamp>,
    /// The connection that was met last, until it is known who is its client.
    opened: Option<FlowId>,
    inventory: Inventory,
}

/// One connection.
#[derive(Debug)]
struct One {
    reader: Reader,
    /// The client's address, once it is known which end that is.
    own: Option<IpAddr>,
    has_ended: [bool; 2],
}

impl One {
    /// About the bytes of memory that it takes.
    fn held(&self) -> usize {
        size_of::<Self>() + self.reader.held()
    }
}

impl Connections {
    pub(super) fn new(planted: Option<Arc<Planted>>) -> Self {
        Self { inventory: Inventory::new(planted), ..Self::default() }
    }

    /// Holds so many bytes at most from now on, and so many of what exchanges said.
    pub(super) fn keep_to(&mut self, most: usize, told: usize) {
        (self.most, self.most_each) = (Some(most), Some(most / 2));
        self.inventory.keep_to(told);
    }

    /// About the bytes of memory that all of it takes.
    pub(super) fn memory(&self) -> usize {
        self.held + self.readers.len() * PLACE + self.inventory.memory()
    }

    /// What there is so far: exchanges that have ended.
    pub(super) fn so_far(&self) -> Self {
        Self { inventory: self.inventory.clone(), ..Self::default() }
    }

    /// Takes the next piece of one direction.
    pub(super) fn piece(&mut self, flow: FlowId, from_client: bool, piece: Piece<'_>) {
        if matches!(piece, Piece::Message { .. }) {
            return;
        }
        let side = if from_client { Side::Client } else { Side::Server };
        let (one, is_known) = match self.readers.entry(flow) {
            Entry::Occupied(known) => (known.into_mut(), true),
            // What has said nothing has no exchange.
            Entry::Vacant(_) if matches!(piece, Piece::End) => return,
            Entry::Vacant(place) => {
                self.opened = Some(flow);
                let number = u64::from(flow.0);
                let connection = Connection { number, is_encrypted: true, ..Connection::default() };
                let reader = Reader::new(connection, limits(self.most_each));
                let one = One { reader, own: None, has_ended: [false; 2] };
                (place.insert(Some(Box::new(one))), false)
            }
        };
        let Some(open) = one else { return };
        let before = if is_known { open.held() } else { 0 };
        let (inventory, own) = (&mut self.inventory, open.own);
        let mut done = |exchange: Exchange| inventory.add(&exchange, Some(flow), own);
        match piece {
            Piece::Bytes { at, time, bytes, .. } => {
                self.last = time.or(self.last);
                let time = self.last.unwrap_or(Timestamp::from_nanos(0));
                open.reader.data(side, bytes, At { frame: at, time }, &mut done);
            }
            Piece::Gap { bytes, .. } => open.reader.gap(side, bytes, &mut done),
            Piece::End => {
                open.reader.end(side, &mut done);
                open.has_ended[usize::from(!from_client)] = true;
            }
            Piece::Message { .. } => {}
        }
        self.held = self.held.saturating_sub(before).saturating_add(open.held());
        let is_over = open.has_ended == [true; 2];
        if is_over || self.held > self.most.unwrap_or(MOST_HELD) {
            self.inventory.given_up += u64::from(!is_over);
            self.close(flow);
        }
    }

    /// The connection that was met last, where it is not known yet who is its client.
    pub(super) fn take_opened(&mut self) -> Option<FlowId> {
        self.opened.take()
    }

    /// The address of a connection's client.
    pub(super) fn is_of(&mut self, flow: FlowId, own: IpAddr) {
        if let Some(Some(one)) = self.readers.get_mut(&flow) {
            one.own = Some(own.to_canonical());
        }
    }

    fn close(&mut self, flow: FlowId) {
        let Some(one) = self.readers.get_mut(&flow).and_then(Option::take) else { return };
        self.held = self.held.saturating_sub(one.held());
        let (One { reader, own, .. }, inventory) = (*one, &mut self.inventory);
        let tally = reader.finish(&mut |exchange| inventory.add(&exchange, Some(flow), own));
        self.inventory.unread = self.inventory.unread.saturating_add(tally.unread);
        self.inventory.not_kept = self.inventory.not_kept.saturating_add(tally.dropped);
    }

    /// The capture has ended.
    pub(super) fn finish(&mut self) {
        let mut flows: Vec<FlowId> = self.readers.keys().copied().collect();
        flows.sort_unstable();
        for flow in flows {
            self.close(flow);
        }
    }

    /// Forgets flows without a new number: what they said so far stays, and that they are not read on is counted.
    pub(super) fn retain(&mut self, numbers: &[Option<FlowId>]) {
        let number = |flow: FlowId| numbers.get(flow.0 as usize).copied().flatten();
        let leaves =
            |(flow, one): (&FlowId, &Option<_>)| (one.is_some() && number(*flow).is_none()).then_some(*flow);
        let mut left: Vec<FlowId> = self.readers.iter().filter_map(leaves).collect();
        left.sort_unstable();
        for flow in left {
            self.inventory.given_up += 1;
            self.close(flow);
        }
        let readers = std::mem::take(&mut self.readers);
        self.readers = readers.into_iter().filter_map(|(flow, one)| Some((number(flow)?, one))).collect();
        self.held = self.readers.values().flatten().map(|one| one.held()).sum();
        self.inventory.renumber(number);
    }

    pub(super) fn inventory(&self) -> &Inventory {
        &self.inventory
    }
}

/// About the bytes that a connection takes in the table.
const PLACE: usize = 2 * size_of::<(FlowId, Option<Box<One>>)>();

/// What one connection may hold; all together are bounded, too.
const LIMITS: Limits = Limits {
    body: 8 << 20,
    headers: 256 << 10,
    streams: 1024,
    held: 64 << 20,
    ratio: 1000,
    messages: 65_536,
};

fn limits(most_each: Option<usize>) -> Limits {
    Limits { held: LIMITS.held.min(most_each.unwrap_or(usize::MAX)), ..LIMITS }
}

/// A file of exchanges that another tool decrypted, read.
#[derive(Clone, Debug)]
pub struct ImportedFile {
    /// Its name without its folder.
    pub name: String,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// What was read of it.
    pub import: Arc<Import>,
}

/// What became of one.
#[derive(Debug)]
pub struct Imported {
    /// Its name without its folder.
    pub name: String,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// What kind of source it is.
    pub origin: Origin,
    /// Its exchanges, digested; none with a flow of its own.
    pub inventory: Inventory,
    /// For each of them the capture and the flow that it went over, where that is sure.
    pub flows: Vec<Option<(usize, FlowId)>>,
    /// Exchanges that fit several flows as well.
    pub several: u64,
    /// Parts of the file that could not be read.
    pub faults: u64,
}

/// Digests files and finds the flows of their exchanges.
pub(super) fn imported(
    files: &[ImportedFile],
    units: &[Unit],
    planted: Option<&Arc<Planted>>,
) -> Vec<Imported> {
    if files.is_empty() {
        return Vec::new();
    }
    let (places, candidates) = candidates(units);
    files.iter().map(|file| one(file, planted, &places, &candidates)).collect()
}

fn one(
    file: &ImportedFile,
    planted: Option<&Arc<Planted>>,
    places: &[(usize, FlowId, IpAddr)],
    candidates: &[Candidate],
) -> Imported {
    let import = &file.import;
    let matches = join(&import.exchanges, candidates, SLACK);
    let several = matches.iter().filter(|found| **found == Match::Several).count() as u64;
    let mut inventory = Inventory::new(planted.cloned());
    let mut flows = Vec::new();
    for (exchange, found) in import.exchanges.iter().zip(matches) {
        let place = match found {
            Match::Flow { index, .. } => places.get(index).copied(),
            Match::None | Match::Several | Match::Unknown => None,
        };
        inventory.add(exchange, None, place.map(|(.., own)| own));
        flows.push(place.map(|(unit, flow, _)| (unit, flow)));
    }
    let origin = match import.format {
        Format::Har => Origin::Har,
        Format::Mitmproxy => Origin::Mitmproxy,
    };
    let faults = import.faults.len() as u64 + import.more_faults;
    Imported {
        name: file.name.clone(),
        sha256: file.sha256.clone(),
        origin,
        inventory,
        flows,
        several,
        faults,
    }
}

/// Every flow with times, as the exchanges of imports look at it, and its own end's address.
fn candidates(units: &[Unit]) -> (Vec<(usize, FlowId, IpAddr)>, Vec<Candidate>) {
    let flows = units.iter().enumerate().flat_map(|(number, unit)| {
        unit.judged().filter_map(move |(flow, judged)| {
            let remote = flow.endpoint(judged.local.other());
            let names = unit.names(flow.id());
            let candidate = Candidate {
                start: flow.first_time()?,
                end: flow.last_time()?,
                address: remote.address,
                port: remote.port,
                names: names
                    .iter()
                    .map(|seen| unit.evidence().name(seen.name).to_ascii_lowercase())
                    .collect(),
            };
            let own = flow.endpoint(judged.local).address.to_canonical();
            Some(((number, flow.id(), own), candidate))
        })
    });
    flows.unzip()
}

//! What key logs open of a capture: keys from the user and from the capture itself, connections that are followed with them.
//!
//! Input: packets of TCP. Output: facts from what was encrypted, and an inventory of its exchanges; where keys came from and what came
//! of each connection. A capture that no key is known of costs nothing. Must not: keep what was said, or a secret beside [`Keys`].

use std::sync::Arc;

use crate::decrypt::{Decrypter, Keys, Outcome, Piece, Room, Sink, Tally};
use crate::evidence::Evidence;
use crate::flow::{FlowId, Seen};
use crate::frame::{FrameRef, Timestamp};
use crate::inspect::exchanges::Connections;
use crate::packet::Packet;
use crate::session::Moment;
use crate::telemetry::{Inventory, Planted};
use crate::wire::certificate::CertificateNames;
use crate::wire::tls;

/// The key logs that the user names.
#[derive(Clone, Default, Debug)]
pub struct KeyLogs {
    /// The secrets of all of them.
    pub keys: Arc<Keys>,
    /// Where they came from, in the order in which they were named.
    pub sources: Vec<KeySource>,
}

/// Where keys came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeySource {
    /// The file's name without its folder; `None` for blocks within the capture.
    pub file: Option<String>,
    /// The SHA-256 of the file.
    pub sha256: Option<String>,
    /// What its lines were.
    pub tally: Tally,
    /// Whether some came after frames that they could have been for, and the capture could not be read again.
    pub is_late: bool,
}

/// The decryption of one capture.
#[derive(Debug)]
pub struct Decryption {
    decrypter: Decrypter,
    /// How many secrets the user's key logs hold, which do not count as memory of the capture.
    named: usize,
    heard: Heard,
    /// What blocks of the capture itself said.
    carried: Option<KeySource>,
    /// Whether the capture is read again, with all of its keys.
    is_again: bool,
}

/// What is taken off what was said.
#[derive(Debug)]
struct Heard {
    certificate: Option<(FrameRef, Option<Timestamp>, CertificateNames)>,
    exchanges: Connections,
    planted: Option<Arc<Planted>>,
}

impl Heard {
    fn new(planted: Option<Arc<Planted>>) -> Self {
        Self { certificate: None, exchanges: Connections::new(planted.clone()), planted }
    }
}

impl Sink for Heard {
    fn piece(&mut self, flow: FlowId, from_client: bool, piece: Piece<'_>) {
        self.exchanges.piece(flow, from_client, piece);
        if let Piece::Message { at, time, kind: tls::CERTIFICATE, body } = piece
            && !from_client
            && let Some(names) = tls::certificate_names(body)
        {
            self.certificate = Some((at, time, names));
        }
    }
}

impl Decryption {
    /// With the keys that are known before the capture is read.
    pub(super) fn new(keys: Arc<Keys>, planted: Option<Arc<Planted>>) -> Self {
        let named = keys.memory() / Keys::EACH;
        let (decrypter, heard) = (Decrypter::new(keys), Heard::new(planted));
        Self { decrypter, named, heard, carried: None, is_again: false }
    }

    /// For reading the same capture again, with the keys that the first reading came upon.
    pub(super) fn again(self) -> Self {
        let carried = self.carried.map(|source| KeySource { is_late: false, ..source });
        let planted = self.heard.planted;
        let named = self.named;
        Self { carried, named, is_again: true, ..Self::new(Arc::clone(self.decrypter.keys()), planted) }
    }

    /// Keeps to a half of what the capture may take, in bytes: an eighth each for keys that it carries, for records, for
    /// exchanges that have not ended, and for what the others said.
    pub(super) fn keep_to(&mut self, limit: usize) {
        let part = limit / 8;
        let secrets = self.named.saturating_add(part / Keys::EACH);
        self.decrypter.keep_to(Room { held: part.min(Room::default().held), secrets });
        self.heard.exchanges.keep_to(part, part);
    }

    /// About the bytes of memory that it takes. Key logs that the user names are not among them.
    pub(super) fn memory(&self) -> usize {
        let carried = self.decrypter.keys().memory().saturating_sub(self.named * Keys::EACH);
        carried + self.decrypter.memory() + self.heard.exchanges.memory()
    }

    /// What there is so far, for a report while reading goes on.
    pub(super) fn so_far(&self) -> Self {
        let Heard { exchanges, planted, .. } = &self.heard;
        let heard = Heard { certificate: None, exchanges: exchanges.so_far(), planted: planted.clone() };
        let (decrypter, carried) = (self.decrypter.so_far(), self.carried.clone());
        Self { decrypter, named: self.named, heard, carried, is_again: self.is_again }
    }

    /// Takes keys that the capture carries; `is_late` where frames came before them.
    pub(super) fn take(&mut self, log: &[u8], is_late: bool) {
        if self.is_again {
            return;
        }
        let tally = self.decrypter.read(log);
        let none = KeySource { file: None, sha256: None, tally: Tally::default(), is_late: false };
        let source = self.carried.get_or_insert(none);
        source.tally.add(&tally);
        source.is_late |= is_late && tally.secrets > 0;
    }

    /// Whether keys came after frames that they could have been for.
    pub(super) fn is_late(&self) -> bool {
        self.carried.as_ref().is_some_and(|source| source.is_late)
    }

    /// Takes a packet.
    #[inline(never)]
    pub(super) fn packet(
        &mut self,
        seen: Seen,
        packet: &Packet<'_>,
        (at, time): (FrameRef, Option<Timestamp>),
        evidence: &mut Evidence,
    ) {
        self.decrypter.packet(seen, packet, at, time, &mut self.heard);
        if let Some((at, time, names)) = self.heard.certificate.take() {
            evidence.certificate(seen, packet, (at, time), &names);
        }
        if let Some(flow) = self.heard.exchanges.take_opened()
            && let Some(client) = self.decrypter.client(flow)
        {
            let end = if client == seen.side { packet.from() } else { packet.to() };
            self.heard.exchanges.is_of(flow, end.address);
        }
    }

    /// The capture has ended.
    pub(super) fn end(&mut self, last: Option<Moment>) {
        if let Some(Moment { frame, time }) = last {
            self.decrypter.finish(frame, time, &mut self.heard);
        }
        self.heard.exchanges.finish();
    }

    /// Forgets flows without a new number.
    pub(super) fn retain(&mut self, numbers: &[Option<FlowId>]) {
        self.decrypter.retain(|flow| numbers.get(flow.0 as usize).copied().flatten());
        self.heard.exchanges.retain(numbers);
    }

    /// What blocks of the capture itself said.
    #[must_use]
    pub fn carried(&self) -> Option<&KeySource> {
        self.carried.as_ref()
    }

    /// The exchanges of HTTP in what was opened.
    #[must_use]
    pub fn exchanges(&self) -> &Inventory {
        self.heard.exchanges.inventory()
    }

    /// What came of a flow; `None` where it is not TLS over TCP.
    #[must_use]
    pub fn outcome(&self, flow: FlowId) -> Option<&Outcome> {
        self.decrypter.outcome(flow)
    }

    /// Whether a key log has a secret of the connection with that random.
    #[must_use]
    pub fn has_key(&self, random: &[u8; 32]) -> bool {
        self.decrypter.keys().has(random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(randoms: std::ops::Range<u32>) -> String {
        let line = |random: u32| format!("CLIENT_RANDOM {random:064x} {}\n", "ab".repeat(48));
        randoms.map(line).collect()
    }

    #[test]
    fn only_keys_that_the_capture_carries_take_of_its_memory() {
        let mut keys = Keys::default();
        keys.read(log(0..1000).as_bytes());
        let mut decryption = Decryption::new(Arc::new(keys), None);
        let before = Decryption::new(Arc::default(), None).memory();
        assert_eq!(decryption.memory(), before);
        // One that the user named, too, and two that only the capture has.
        decryption.take(log(999..1002).as_bytes(), true);
        assert_eq!(decryption.memory() - before, 2 * Keys::EACH);
        assert_eq!(decryption.so_far().memory(), decryption.memory());
        assert_eq!(decryption.again().memory() - before, 2 * Keys::EACH);
    }
}

//! The exchanges of one source, digested, with their flows.
//!
//! Input: [`Exchange`]s one after the other, each of which is dropped when it is digested. Output: an [`Inventory`]. Must not: grow
//! past its limits; what is beyond is counted.

use std::net::IpAddr;
use std::sync::Arc;

use crate::flow::FlowId;
use crate::telemetry::digest::{Digest, digest};
use crate::telemetry::planted::Planted;
use crate::wire::exchange::Exchange;

/// What a source tells.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    planted: Option<Arc<Planted>>,
    exchanges: Vec<(Option<FlowId>, Arc<Digest>)>,
    /// Events and findings that are held.
    held: usize,
    /// About the bytes of memory that all of it takes.
    memory: usize,
    /// The most that it may; `None` for the usual.
    most: Option<usize>,
    /// Exchanges past the most that are kept, or of which there was nothing to keep.
    pub not_kept: u64,
    /// Connections whose exchanges took more memory than there is, and are not read on.
    pub given_up: u64,
    /// Bytes that belong to no exchange.
    pub unread: u64,
}

impl Inventory {
    /// One that looks for planted values.
    #[must_use]
    pub fn new(planted: Option<Arc<Planted>>) -> Self {
        Self { planted, ..Self::default() }
    }

    /// Takes so many bytes of memory at most from now on.
    pub fn keep_to(&mut self, most: usize) {
        self.most = Some(most);
    }

    /// About the bytes of memory that it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Digests an exchange. `own` is the address of the machine that sent it, where that is known.
    pub fn add(&mut self, exchange: &Exchange, flow: Option<FlowId>, own: Option<IpAddr>) {
        let is_full = self.memory >= self.most.unwrap_or(MOST_MEMORY);
        if is_full || self.exchanges.len() >= MOST_EXCHANGES || self.held >= MOST_HELD {
            self.not_kept += 1;
            return;
        }
        let digest = digest(exchange, self.planted.as_deref(), own);
        self.held += digest.events.len() + digest.found.len();
        self.memory += digest.memory() + size_of::<(Option<FlowId>, Arc<Digest>)>();
        self.exchanges.push((flow, Arc::new(digest)));
    }

    /// The exchanges with their flows, in the order in which they ended.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Option<FlowId>, &Digest)> {
        self.exchanges.iter().map(|(flow, digest)| (*flow, &**digest))
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exchanges.is_empty() && self.not_kept + self.given_up + self.unread == 0
    }

    /// Gives flows their new numbers; those without one are forgotten, and their exchanges stay.
    pub fn renumber(&mut self, number: impl Fn(FlowId) -> Option<FlowId>) {
        for (flow, _) in &mut self.exchanges {
            *flow = flow.and_then(&number);
        }
    }
}

/// The most exchanges that are kept of one source.
const MOST_EXCHANGES: usize = 200_000;
/// The most events and findings that are kept of one source.
const MOST_HELD: usize = 1_000_000;
/// The most bytes of memory that are taken by one source.
const MOST_MEMORY: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Timestamp;
    use crate::wire::exchange::{Origin, Version};

    #[test]
    fn what_is_past_the_limit_is_counted() {
        let mut inventory = Inventory::new(None);
        let exchange = Exchange::new(Origin::Har, Version::Http11, Timestamp::from_nanos(0));
        for _ in 0..MOST_EXCHANGES + 3 {
            inventory.add(&exchange, Some(FlowId(0)), None);
        }
        assert_eq!((inventory.iter().len(), inventory.not_kept), (MOST_EXCHANGES, 3));
        inventory.renumber(|_| None);
        assert!(inventory.iter().all(|(flow, _)| flow.is_none()));
    }
}

//! Names with digits that were seen for other addresses of the same /24: operators give such blocks to one site.
//!
//! Input: what is known of all addresses of a capture. Output: for an address without such a name of its own, the country
//! that those of its neighbours agree on. Must not: choose where they disagree.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use crate::client::{Catalogue, Spoken};
use crate::inspect::known::{Known, Relation};
use crate::place::Witness;

/// The names with digits of one capture, by their /24.
#[derive(Default)]
pub(super) struct Neighbours {
    blocks: BTreeMap<[u8; 3], BTreeMap<Ipv4Addr, Spoken>>,
}

impl Neighbours {
    /// Collects the names that spell the address they were seen for.
    pub(super) fn of(known: &BTreeMap<Relation, Known>) -> Self {
        let mut neighbours = Self::default();
        for (relation, known) in known {
            let IpAddr::V4(address) = relation.remote.to_canonical() else { continue };
            let named = |spoken: &&Spoken| Catalogue::builtin().names_the_place_of(spoken, relation.remote);
            if let Some(spoken) = known.names.iter().find(named) {
                let block = neighbours.blocks.entry(block(address)).or_default();
                block.entry(address).or_insert_with(|| spoken.clone());
            }
        }
        neighbours
    }

    /// What the neighbours' names say about an address that has no such name itself.
    pub(super) fn witness(&self, address: IpAddr) -> Option<Witness> {
        let IpAddr::V4(address) = address else { return None };
        let known = self.blocks.get(&block(address)).filter(|block| !block.contains_key(&address))?;
        let said: Vec<Witness> = known
            .iter()
            .filter_map(|(neighbour, spoken)| {
                Catalogue::builtin().neighbour_witness(spoken, IpAddr::V4(*neighbour))
            })
            .collect();
        let claims: BTreeSet<String> = said.iter().map(|witness| format!("{:?}", witness.claim)).collect();
        if claims.len() == 1 { said.into_iter().next() } else { None }
    }
}

fn block(address: Ipv4Addr) -> [u8; 3] {
    let [a, b, c, _] = address.octets();
    [a, b, c]
}

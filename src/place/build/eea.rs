//! What a new database moves across the border of the EEA, compared with the one it replaces.
//!
//! Input: the countries of both, and the day for which the zones are read. Output: how many networks and addresses of the
//! old one are on another side in the new one, or on none.
//! Must not: say which of the two is right.

use std::net::IpAddr;

use super::super::address::successor;
use super::super::{Country, CountrySet, zone};
use super::span::{Cursor, Span};
use crate::frame::Date;

/// The comparison. A network of the old database counts once, whatever part of it moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Moves {
    /// The networks that the old database places.
    pub(super) networks: u64,
    /// Of these, the ones that come into the EEA, wholly or in part.
    pub(super) into: u64,
    /// The ones that go out of it and do not come in, too.
    pub(super) out_of: u64,
    /// The ones that are placed nowhere now, and did not move.
    pub(super) lost: u64,
    /// The IPv4 addresses that the old database places.
    pub(super) addresses: u64,
    /// Of these, the ones that moved or are placed nowhere now.
    pub(super) addresses_moved: u64,
}

impl Moves {
    /// The networks that are not on the side they were on.
    pub(super) fn moved(&self) -> u64 {
        self.into + self.out_of + self.lost
    }
}

/// Compares two databases.
pub(super) fn moves(old: &[Span<Country>], new: &[Span<Country>], day: Date) -> Moves {
    let all = CountrySet::all();
    let inside: CountrySet = all.iter().filter(|c| zone(*c, day, None).zone.is_inside_eea()).collect();
    let mut new = Cursor::new(new);
    let mut moves = Moves::default();
    for network in old {
        moves.add(network, inside, &mut new);
    }
    moves
}

impl Moves {
    fn add(&mut self, network: &Span<Country>, inside: CountrySet, new: &mut Cursor<'_, Country>) {
        let was_inside = inside.contains(network.value);
        let (mut is_moved, mut is_lost) = (false, false);
        let mut next = Some(network.first);
        while let Some(first) = next.filter(|first| *first <= network.last) {
            let (country, until) = new.at(first);
            let last = until.min(network.last);
            let is_inside = country.map(|country| inside.contains(country));
            self.addresses += ipv4_addresses(first, last);
            if is_inside != Some(was_inside) {
                self.addresses_moved += ipv4_addresses(first, last);
                is_moved |= is_inside.is_some();
                is_lost |= is_inside.is_none();
            }
            next = successor(last);
        }
        self.networks += 1;
        self.into += u64::from(is_moved && !was_inside);
        self.out_of += u64::from(is_moved && was_inside);
        self.lost += u64::from(is_lost && !is_moved);
    }
}

/// How many addresses a range of IPv4 has; none in one of IPv6, whose numbers would drown all others.
fn ipv4_addresses(first: IpAddr, last: IpAddr) -> u64 {
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            u64::from(last.to_bits()).saturating_sub(first.to_bits().into()).saturating_add(1)
        }
        _ => 0,
    }
}

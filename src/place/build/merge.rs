//! One record for each range of addresses, from three tables.
//!
//! Input: where addresses are allocated, where they are placed, who announces them. Output: the ranges that are allocated,
//! public, and of which anything is known; neighbours that say the same are one.
//! Must not: say anything of an address that no registry has allocated.

use std::net::IpAddr;

use super::super::Country;
use super::super::address::{public_ranges, successor};
use super::span::{Cursor, Origin, Span};

/// What the database says of a range.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Record {
    /// The country it is placed in.
    pub(super) country: Option<Country>,
    /// The country it is registered in.
    pub(super) registered: Option<Country>,
    /// The AS that announces it.
    pub(super) asn: Option<u32>,
}

impl Record {
    fn is_empty(self) -> bool {
        self.country.is_none() && self.registered.is_none() && self.asn.is_none()
    }
}

/// Merges the tables.
pub(super) fn pieces(
    registrations: &[Span<Option<Country>>],
    countries: &[Span<Country>],
    asns: &[Span<u32>],
) -> Vec<Span<Record>> {
    let public = public();
    let mut public = Cursor::new(&public);
    let mut countries = Cursor::new(countries);
    let mut asns = Cursor::new(asns);
    let mut pieces = Vec::new();
    for span in registrations {
        let mut next = Some(span.first);
        while let Some(first) = next.filter(|first| *first <= span.last) {
            let (is_public, until) = public.at(first);
            let (country, country_until) = countries.at(first);
            let (asn, asn_until) = asns.at(first);
            let last = span.last.min(until).min(country_until).min(asn_until);
            let record = Record { country, registered: span.value, asn: asn.filter(|asn| *asn != 0) };
            if is_public.is_some() && !record.is_empty() {
                add(&mut pieces, first, last, record);
            }
            next = successor(last);
        }
    }
    pieces
}

/// The public ranges as a table.
pub(super) fn public() -> Vec<Span<()>> {
    let ranges = public_ranges().into_iter();
    ranges.map(|(first, last)| Span { first, last, value: (), origin: Origin::default() }).collect()
}

fn add(pieces: &mut Vec<Span<Record>>, first: IpAddr, last: IpAddr, value: Record) {
    match pieces.last_mut() {
        Some(before) if before.value == value && successor(before.last) == Some(first) => before.last = last,
        _ => pieces.push(Span { first, last, value, origin: Origin::default() }),
    }
}

//! What a table says of a range of addresses, and going through several tables side by side.
//!
//! Input: spans in ascending order that do not overlap, IPv4 first. Output: what holds at an address, and how far.
//! Must not: know what the values mean.

use std::collections::HashMap;
use std::net::IpAddr;

use maxminddb::Reader;

use super::super::address::{LAST_ADDRESS, predecessor};
use super::super::{Country, layout, walk};

/// What a table says of the addresses from `first` to `last`, which are of one family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span<T> {
    /// The first address.
    pub(super) first: IpAddr,
    /// The last address.
    pub(super) last: IpAddr,
    /// What is said.
    pub(super) value: T,
    /// Where it is said.
    pub(super) origin: Origin,
}

/// Where a span is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Origin {
    /// The file, from 0.
    pub(super) file: usize,
    /// The line, from 1; 0 in a file without lines.
    pub(super) line: usize,
}

/// A place in a table that only moves forward.
#[derive(Debug)]
pub(super) struct Cursor<'a, T>(&'a [Span<T>]);

impl<'a, T: Copy> Cursor<'a, T> {
    /// Before the first span.
    pub(super) fn new(spans: &'a [Span<T>]) -> Self {
        Self(spans)
    }

    /// What holds at `address`, and the last address for which the same may be said without asking again. Addresses must
    /// be asked for in ascending order.
    pub(super) fn at(&mut self, address: IpAddr) -> (Option<T>, IpAddr) {
        while let [past, rest @ ..] = self.0
            && past.last < address
        {
            self.0 = rest;
        }
        match self.0.first() {
            None => (None, LAST_ADDRESS),
            Some(span) if span.first <= address => (Some(span.value), span.last),
            Some(span) => (None, predecessor(span.first)),
        }
    }
}

/// The networks of a database that it places in a country.
pub(super) fn countries(reader: &Reader<&[u8]>) -> Result<Vec<Span<Country>>, String> {
    let mut spans = Vec::new();
    // Thousands of networks share a record; each is decoded once.
    let mut known = HashMap::new();
    for entry in walk::entries(reader)? {
        let entry = entry?;
        let country = || layout::country(&entry.record).map(|(_, country)| country);
        if let Some(value) = *known.entry(entry.record.offset()).or_insert_with(country) {
            spans.push(Span { first: entry.first, last: entry.last, value, origin: Origin::default() });
        }
    }
    Ok(spans)
}

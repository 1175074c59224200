//! Going through a database, network by network.
//!
//! Input: an opened database. Output: each network that has a record, in ascending order, IPv4 first.
//! Must not: go on for ever: a tree whose branches are shared or form a circle has more leaves than its size allows, and
//! is given up there.

use std::net::IpAddr;

use maxminddb::{LookupResult, Reader, WithinOptions};

/// One network of a database.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a, S: AsRef<[u8]>> {
    /// Its first address.
    pub(super) first: IpAddr,
    /// Its last address.
    #[cfg_attr(not(any(feature = "cli", test)), expect(dead_code, reason = "only building needs it"))]
    pub(super) last: IpAddr,
    /// What the database says of it.
    pub(super) record: LookupResult<'a, S>,
}

/// The networks that have a record, or what is wrong with the database. Whoever meets an error must stop there.
pub(super) fn entries<S: AsRef<[u8]>>(
    reader: &Reader<S>,
) -> Result<impl Iterator<Item = Result<Entry<'_, S>, String>>, String> {
    let options = WithinOptions::default().include_networks_without_data();
    // A tree of n nodes has n + 1 leaves, empty ones included.
    let most = usize::try_from(reader.metadata().node_count).unwrap_or(usize::MAX).saturating_add(1);
    let leaves = reader.networks(options).map_err(|error| error.to_string())?;
    let bounded = leaves.enumerate().map(move |(n, record)| {
        if n < most { record.map_err(|error| error.to_string()) } else { Err(NO_TREE.to_owned()) }
    });
    Ok(bounded.filter(|record| record.as_ref().map_or(true, LookupResult::has_data)).map(|r| entry(r?)))
}

fn entry<S: AsRef<[u8]>>(record: LookupResult<'_, S>) -> Result<Entry<'_, S>, String> {
    let network = record.network().map_err(|error| error.to_string())?;
    Ok(Entry { first: network.network(), last: network.broadcast(), record })
}

const NO_TREE: &str = "its search tree has more ends than its size allows";

#[cfg(test)]
mod tests {
    use super::super::sample::{database, placed};
    use super::*;

    #[test]
    fn networks_come_in_ascending_order_with_their_ends() {
        let bytes = database(&[
            ("2001:200::/32", placed("JP")),
            ("10.0.0.0/8", placed("NL")),
            ("10.128.0.0/9", placed("DE")),
        ]);
        let reader = Reader::from_source(bytes.as_slice()).unwrap();
        let found: Vec<String> = entries(&reader)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| format!("{}-{}", entry.first, entry.last))
            .collect();
        assert_eq!(
            found,
            [
                "10.0.0.0-10.127.255.255",
                "10.128.0.0-10.255.255.255",
                "2001:200::-2001:200:ffff:ffff:ffff:ffff:ffff:ffff"
            ]
        );
    }

    #[test]
    fn a_tree_that_leads_back_to_its_root_is_given_up() {
        let mut bytes = database(&[("10.0.0.0/8", placed("NL")), ("::/1", placed("NL"))]);
        let reader = Reader::from_source(bytes.clone()).unwrap();
        let nodes = usize::try_from(reader.metadata().node_count).unwrap();
        // Every node's records of 24 bits point at the root.
        bytes[..nodes * 6].fill(0);
        let reader = Reader::from_source(bytes.as_slice()).unwrap();
        let error = entries(&reader)
            .map_or_else(Err, |mut entries| entries.find_map(Result::err).map_or(Ok(()), Err));
        assert!(error.is_err());
    }
}

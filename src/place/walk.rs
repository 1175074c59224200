//! Going through a database, network by network.
//!
//! Input: an opened database. Output: each network that has a record, in ascending order, IPv4 first.
//! Must not: go on for ever: a tree whose branches are shared or form a circle has more leaves than its size allows, and
//! is given up there.

use std::net::IpAddr;

use maxminddb::{LookupResult, Reader, WithinOptions};

use super::address::is_wrapped;

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

/// The networks that have a record, but for IPv6 forms that wrap an IPv4 address, under which a database may show its
/// IPv4 part again; or what is wrong with the database. Whoever meets an error must stop there.
pub(super) fn entries<S: AsRef<[u8]>>(
    reader: &Reader<S>,
) -> Result<impl Iterator<Item = Result<Entry<'_, S>, String>>, String> {
    Ok(all(reader)?.filter(|entry| entry.as_ref().map_or(true, |entry| !is_wrapped(entry.first))))
}

/// The same with those forms.
pub(super) fn all<S: AsRef<[u8]>>(
    reader: &Reader<S>,
) -> Result<impl Iterator<Item = Result<Entry<'_, S>, String>>, String> {
    // What is skipped inside the reader is not counted here, so that nothing may be skipped there.
    let options = WithinOptions::default().include_networks_without_data().include_aliased_networks();
    // A tree of n nodes has n + 1 leaves, empty ones included.
    let nodes = usize::try_from(reader.metadata().node_count).unwrap_or(usize::MAX);
    let most = nodes.saturating_add(1).saturating_mul(ALIASES);
    let leaves = reader.networks(options).map_err(|error| error.to_string())?;
    let bounded = leaves.enumerate().map(move |(n, record)| {
        if n < most { record.map_err(|error| error.to_string()) } else { Err(NO_TREE.to_owned()) }
    });
    let filled = bounded.filter(|record| record.as_ref().map_or(true, LookupResult::has_data));
    Ok(filled.map(|record| entry(record?)))
}

fn entry<S: AsRef<[u8]>>(record: LookupResult<'_, S>) -> Result<Entry<'_, S>, String> {
    let network = record.network().map_err(|error| error.to_string())?;
    Ok(Entry { first: network.network(), last: network.broadcast(), record })
}

/// How often a sound database may show its IPv4 part: by itself, and under IPv6 forms that wrap IPv4 addresses.
const ALIASES: usize = 8;

const NO_TREE: &str = "its search tree has more ends than its size allows";

#[cfg(test)]
mod tests {
    use mmdb_writer::ipnet::IpNet;
    use mmdb_writer::{Ipv4Aliasing, Writer};

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
    fn aliases_of_the_ipv4_part_are_left_out() {
        let mut writer = Writer::builder("Sample").ipv4_aliasing(Ipv4Aliasing::Enabled).build();
        for network in ["8.0.0.0/8", "2001:500::/32"] {
            writer.insert_value(network.parse::<IpNet>().unwrap(), placed("NL")).unwrap();
        }
        let bytes = writer.to_bytes().unwrap();
        let reader = Reader::from_source(bytes.as_slice()).unwrap();
        assert!(reader.lookup("2002:808:808::".parse().unwrap()).unwrap().has_data(), "aliases are there");
        let found: Vec<IpAddr> = entries(&reader).unwrap().map(|entry| entry.unwrap().first).collect();
        assert_eq!(found, ["8.0.0.0", "2001:500::"].map(|text| text.parse::<IpAddr>().unwrap()));
    }

    #[test]
    fn a_tree_of_shared_branches_is_given_up() {
        let mut bytes = database(&[("10.0.0.0/8", placed("NL")), ("8000::/1", placed("NL"))]);
        let nodes = Reader::from_source(bytes.as_slice()).unwrap().metadata().node_count;
        assert!(nodes > 100, "{nodes}");
        // Both records of each node, of 24 bits each, point at the next node; those of the hundredth are empty. The
        // tree so has 2^100 leaves, none with a record.
        for (node, records) in (1..=100).zip(bytes.chunks_exact_mut(6)) {
            let next = if node == 100 { nodes } else { node };
            let record = &next.to_be_bytes()[1..];
            records.copy_from_slice(&[record, record].concat());
        }
        let reader = Reader::from_source(bytes.as_slice()).unwrap();
        let error = entries(&reader).unwrap().find_map(Result::err);
        assert_eq!(error.as_deref(), Some(NO_TREE));
    }
}

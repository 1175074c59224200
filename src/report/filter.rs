//! Wireshark display filters to paste.
//!
//! Input: the flows of a destination. Output: a filter that shows their frames. Must not: contain anything that came
//! from a capture but addresses and ports, or a participant's address that is to be masked.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// What a filter is made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    remotes: BTreeSet<IpAddr>,
    masked: BTreeSet<u16>,
    first: u64,
    last: u64,
}

impl Ends {
    /// Adds a flow's remote end.
    pub(super) fn add(&mut self, remote: IpAddr) {
        self.remotes.insert(remote);
    }

    /// Adds a flow whose remote address stays hidden, by its local port.
    pub(super) fn add_masked(&mut self, local: SocketAddr, first: u64, last: u64) {
        self.masked.insert(local.port());
        self.first = if self.first == 0 { first } else { self.first.min(first) };
        self.last = self.last.max(last);
    }

    /// The filter.
    pub(super) fn display_filter(&self) -> String {
        let (v4, v6): (Vec<&IpAddr>, Vec<&IpAddr>) =
            self.remotes.iter().partition(|address| address.is_ipv4());
        let mut parts = Vec::new();
        parts.extend(one_of("ip.addr", &v4));
        parts.extend(one_of("ipv6.addr", &v6));
        if !self.masked.is_empty() {
            let local: Vec<&u16> = self.masked.iter().collect();
            let either = one_of("udp.port", &local).unwrap_or_default();
            parts.push(format!(
                "({either} && frame.number >= {} && frame.number <= {})",
                self.first, self.last
            ));
        }
        parts.join(" || ")
    }
}

fn one_of(field: &str, values: &[impl ToString]) -> Option<String> {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    match values.as_slice() {
        [] => None,
        [one] => Some(format!("{field} == {one}")),
        many => Some(format!("{field} in {{{}}}", many.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_every_remote_end() {
        let mut ends = Ends::default();
        ends.add("52.202.62.238".parse().unwrap());
        assert_eq!(ends.display_filter(), "ip.addr == 52.202.62.238");
        ends.add("52.202.62.196".parse().unwrap());
        ends.add("2001:db8::1".parse().unwrap());
        assert_eq!(
            ends.display_filter(),
            "ip.addr in {52.202.62.196, 52.202.62.238} || ipv6.addr == 2001:db8::1"
        );
    }

    #[test]
    fn a_masked_end_is_found_by_the_local_port_and_the_frames() {
        let mut ends = Ends::default();
        ends.add_masked("10.0.0.2:50508".parse().unwrap(), 7, 64);
        ends.add_masked("10.0.0.2:50508".parse().unwrap(), 3, 9);
        assert_eq!(ends.display_filter(), "(udp.port == 50508 && frame.number >= 3 && frame.number <= 64)");
    }
}

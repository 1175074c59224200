//! Which flow of a capture an exchange from another source went over.
//!
//! Input: exchanges with their times, addresses and names; what a capture knows of its flows. Output: a [`Match`] for each
//! exchange. What only one of the two knows decides nothing; what both know has to agree. Must not: guess between two.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::frame::Timestamp;
use crate::wire::exchange::{Exchange, Note};

/// What a capture knows of a flow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Its first packet.
    pub start: Timestamp,
    /// Its last packet.
    pub end: Timestamp,
    /// Its remote end.
    pub address: IpAddr,
    /// The port there.
    pub port: u16,
    /// Names of its remote end: of its TLS handshake, of DNS answers, of requests in clear. In lower case.
    pub names: Vec<String>,
}

/// The flow of an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Match {
    /// This one, by its place in the list.
    Flow {
        /// Its place.
        index: usize,
        /// Whether the addresses agree; else the exchange has none.
        by_address: bool,
        /// Whether the names agree; else one of the two has none.
        by_name: bool,
    },
    /// None fits.
    None,
    /// Several fit as well, at least two.
    Several,
    /// The exchange has neither an address nor a name, or no time.
    Unknown,
}

/// The flow of each exchange, in their order. `slack` is how far the two clocks, and what each calls a beginning, may be apart.
///
/// A flow fits where the exchange begins between its first and its last packet and no address, port or name contradicts it.
/// Where address and name agree goes before where one does; of flows that fit as well, the one that is alone in holding the
/// exchange without any slack. The rest is left undecided: connections to one server at one time look the same.
#[must_use]
pub fn join(exchanges: &[Exchange], flows: &[Candidate], slack: Duration) -> Vec<Match> {
    let index = Index::new(flows);
    exchanges.iter().map(|exchange| index.find(exchange, slack)).collect()
}

/// Flows by address and by name, each list in the order of their beginnings.
struct Index<'a> {
    flows: &'a [Candidate],
    by_address: BTreeMap<IpAddr, List>,
    by_name: BTreeMap<&'a str, List>,
}

/// Places of flows in the order of their beginnings, each with the latest end up to there.
type List = Vec<(usize, Timestamp)>;

impl<'a> Index<'a> {
    fn new(flows: &'a [Candidate]) -> Self {
        let mut order: Vec<usize> = (0..flows.len()).collect();
        order.sort_by_key(|&place| (flows.get(place).map(|flow| flow.start), place));
        let mut index = Self { flows, by_address: BTreeMap::new(), by_name: BTreeMap::new() };
        for place in order {
            let Some(flow) = flows.get(place) else { continue };
            let add = |list: &mut List| {
                let latest = list.last().map_or(flow.end, |&(_, latest)| latest.max(flow.end));
                if list.last().is_none_or(|&(last, _)| last != place) {
                    list.push((place, latest));
                }
            };
            add(index.by_address.entry(flow.address.to_canonical()).or_default());
            flow.names.iter().for_each(|name| add(index.by_name.entry(name).or_default()));
        }
        index
    }

    fn find(&self, exchange: &Exchange, slack: Duration) -> Match {
        let names = names(exchange);
        let has_time = !exchange.notes.contains(&Note::TimeUnknown);
        if !has_time || exchange.peer.is_none() && names.is_empty() {
            return Match::Unknown;
        }
        let lists: Vec<&List> = match exchange.peer {
            Some(peer) => self.by_address.get(&peer.address.to_canonical()).into_iter().collect(),
            None => names.iter().filter_map(|name| self.by_name.get(&**name)).collect(),
        };
        let mut best = Best::default();
        for place in lists.into_iter().flat_map(|list| self.around(list, exchange.start, slack)) {
            let Some(flow) = self.flows.get(place) else { continue };
            let Some((by_address, by_name)) = fits(exchange, &names, flow) else { continue };
            let is_inside = flow.start <= exchange.start && exchange.start <= flow.end;
            best.offer((by_name, is_inside), Match::Flow { index: place, by_address, by_name });
        }
        best.found
    }

    /// The flows of a list that were there at a time, at most 256 of them, the latest first.
    fn around<'b>(
        &'b self,
        list: &'b List,
        time: Timestamp,
        slack: Duration,
    ) -> impl Iterator<Item = usize> + 'b {
        let slack = i64::try_from(slack.as_nanos()).unwrap_or(i64::MAX);
        let latest = Timestamp::from_nanos(time.nanos().saturating_add(slack));
        let earliest = Timestamp::from_nanos(time.nanos().saturating_sub(slack));
        let flow = |place: usize| self.flows.get(place);
        let begun = list.partition_point(|&(place, _)| flow(place).is_some_and(|flow| flow.start <= latest));
        let begun = list.get(..begun).unwrap_or_default().iter().rev();
        begun
            .take_while(move |&&(_, end)| end >= earliest)
            .map(|&(place, _)| place)
            .filter(move |&place| flow(place).is_some_and(|flow| flow.end >= earliest))
            .take(MAX_LOOKED_AT)
    }
}

/// The best match so far, by whether the names agree and whether the time does without slack.
struct Best {
    rank: (bool, bool),
    found: Match,
}

impl Default for Best {
    fn default() -> Self {
        Self { rank: (false, false), found: Match::None }
    }
}

impl Best {
    fn offer(&mut self, rank: (bool, bool), candidate: Match) {
        if self.found == Match::None || rank > self.rank {
            (self.rank, self.found) = (rank, candidate);
        } else if rank == self.rank && self.found != candidate {
            self.found = Match::Several;
        }
    }
}

/// Whether nothing that both know contradicts, and whether addresses and names agree; `None` where neither does.
fn fits(exchange: &Exchange, names: &[String], flow: &Candidate) -> Option<(bool, bool)> {
    if let Some(peer) = exchange.peer
        && (peer.address.to_canonical() != flow.address.to_canonical()
            || peer.port.is_some_and(|port| port != flow.port))
    {
        return None;
    }
    let by_name = names.iter().any(|name| flow.names.contains(name));
    if !by_name && !names.is_empty() && !flow.names.is_empty() {
        return None;
    }
    let by_address = exchange.peer.is_some();
    (by_address || by_name).then_some((by_address, by_name))
}

/// The names that an exchange gives its server, in lower case; addresses are none.
fn names(exchange: &Exchange) -> Vec<String> {
    let stated = [exchange.server_name.as_deref(), exchange.host()];
    let text = stated.into_iter().flatten().filter_map(|name| str::from_utf8(name).ok());
    let mut names: Vec<String> =
        text.map(str::to_ascii_lowercase).filter(|name| name.parse::<IpAddr>().is_err()).collect();
    names.dedup();
    names
}

/// Most flows that are looked at for one exchange. More at one time to one server could not be told apart.
const MAX_LOOKED_AT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::exchange::{Origin, Peer, Version};

    fn second(number: i64) -> Timestamp {
        Timestamp::from_nanos(number * 1_000_000_000)
    }

    fn flow(start: i64, end: i64, address: &str, names: &[&str]) -> Candidate {
        let names = names.iter().map(ToString::to_string).collect();
        Candidate {
            start: second(start),
            end: second(end),
            address: address.parse().unwrap(),
            port: 443,
            names,
        }
    }

    fn exchange(start: i64, address: &str, authority: &str) -> Exchange {
        let mut exchange = Exchange::new(Origin::Har, Version::Http2, second(start));
        exchange.peer = address.parse().ok().map(|address| Peer { address, port: None });
        exchange.authority = Some(authority.as_bytes()).filter(|name| !name.is_empty()).map(Into::into);
        exchange
    }

    fn joined(exchange: Exchange, flows: &[Candidate]) -> Match {
        join(&[exchange], flows, Duration::from_secs(2))[0]
    }

    fn at(index: usize, by_address: bool, by_name: bool) -> Match {
        Match::Flow { index, by_address, by_name }
    }

    #[test]
    fn time_address_and_name_have_to_agree_where_both_have_them() {
        let flows = [
            flow(10, 20, "192.0.2.1", &["log.zoom.us"]),
            flow(10, 20, "192.0.2.1", &["web.zoom.us"]),
            flow(30, 40, "192.0.2.1", &[]),
            flow(10, 20, "2001:db8::1", &["log.zoom.us"]),
        ];
        assert_eq!(joined(exchange(15, "192.0.2.1", "LOG.zoom.us:443"), &flows), at(0, true, true));
        assert_eq!(joined(exchange(21, "192.0.2.1", "web.zoom.us"), &flows), at(1, true, true), "with slack");
        assert_eq!(joined(exchange(35, "::ffff:192.0.2.1", "log.zoom.us"), &flows), at(2, true, false));
        assert_eq!(joined(exchange(25, "192.0.2.1", "log.zoom.us"), &flows), Match::None);
        assert_eq!(joined(exchange(15, "192.0.2.2", "log.zoom.us"), &flows), Match::None);
        assert_eq!(joined(exchange(15, "", "web.zoom.us"), &flows), at(1, false, true));
        assert_eq!(joined(exchange(15, "", "log.zoom.us"), &flows), Match::Several);
        assert_eq!(joined(exchange(15, "192.0.2.1", ""), &flows), Match::Several);
        assert_eq!(joined(exchange(15, "", "192.0.2.1"), &flows), Match::Unknown);
    }

    #[test]
    fn a_port_that_is_known_has_to_agree() {
        let mut other = exchange(15, "192.0.2.1", "");
        other.peer = other.peer.map(|peer| Peer { port: Some(8443), ..peer });
        assert_eq!(joined(other, &[flow(10, 20, "192.0.2.1", &[])]), Match::None);
    }

    #[test]
    fn without_slack_goes_before_with_it() {
        let flows = [flow(10, 20, "192.0.2.1", &[]), flow(21, 30, "192.0.2.1", &[])];
        assert_eq!(joined(exchange(20, "192.0.2.1", ""), &flows), at(0, true, false));
        assert_eq!(joined(exchange(22, "192.0.2.1", ""), &flows), at(1, true, false));
        let without_time = exchange(0, "192.0.2.1", "");
        let mut marked = without_time.clone();
        marked.note(Note::TimeUnknown);
        assert_eq!(joined(marked, &flows), Match::Unknown);
    }

    #[test]
    fn many_flows_are_looked_up_and_not_gone_through() {
        let flows: Vec<Candidate> =
            (0..50_000).map(|n| flow(n * 10, n * 10 + 5, "192.0.2.1", &["a.example"])).collect();
        let exchanges: Vec<Exchange> =
            (0..50_000).map(|n| exchange(n * 10 + 2, "192.0.2.1", "a.example")).collect();
        let found = join(&exchanges, &flows, Duration::from_secs(2));
        assert!(found.iter().enumerate().all(|(number, found)| *found == at(number, true, true)));
    }
}

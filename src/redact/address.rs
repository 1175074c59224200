//! Addresses that stand for those of people and their machines. Prefixes are preserved: addresses of one network stay in
//! one network, of the same kind.
//!
//! Input: which addresses are local, participants' or servers' that findings rest on. Output: a stand-in for each address.
//! Must not: change a server's address that a finding rests on, or give one stand-in to two addresses.
//!
//! How much of a public address stays: of the client's and of others' servers' the network that a registry hands out (16 bits
//! of IPv4, 32 of IPv6), so that an access network can still tell the vantage; of a participant's next to nothing (8 and 16).

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::keyed::Key;
use crate::client::Catalogue;
use crate::packet::Mac;
use crate::place::{AddressKind, classify};

/// What addresses are there for.
#[derive(Default, Debug)]
pub(super) struct Roles {
    /// The client's own, and those of machines beside it.
    pub(super) local: HashSet<IpAddr>,
    /// Those of servers that findings rest on.
    pub(super) servers: HashSet<IpAddr>,
    /// Those of other participants.
    pub(super) participants: HashSet<IpAddr>,
}

/// The stand-ins for addresses.
#[derive(Debug)]
pub(super) struct Addresses {
    key: Key,
    roles: Roles,
    known: HashMap<IpAddr, IpAddr>,
    taken: HashMap<IpAddr, IpAddr>,
}

impl Addresses {
    pub(super) fn new(key: Key, roles: Roles) -> Self {
        Self { key, roles, known: HashMap::new(), taken: HashMap::new() }
    }

    /// What the addresses are there for.
    pub(super) const fn roles(&self) -> &Roles {
        &self.roles
    }

    /// The address that stands for `address`; itself where nothing is to be hidden.
    pub(super) fn map(&mut self, address: IpAddr) -> IpAddr {
        if let Some(known) = self.known.get(&address) {
            return *known;
        }
        let mapped = match self.kept_bits(address) {
            Some(kept) => self.stand_in(address, kept),
            None => address,
        };
        if self.known.len() < MAX_KNOWN {
            self.known.insert(address, mapped);
            self.taken.insert(mapped, address);
        }
        mapped
    }

    /// How many addresses have a stand-in that differs, by what is kept: local, participants', others'.
    pub(super) fn counts(&self) -> [u64; 3] {
        let mut counts = [0; 3];
        let [local, participants, others] = &mut counts;
        for (address, mapped) in &self.known {
            let of = match address {
                _ if address == mapped => continue,
                _ if self.roles.participants.contains(address) => &mut *participants,
                _ if self.roles.local.contains(address) || !classify(*address).is_public() => &mut *local,
                _ => &mut *others,
            };
            *of += 1;
        }
        counts
    }

    /// How many bits in front stay as they are; `None` for all of them.
    fn kept_bits(&self, address: IpAddr) -> Option<u32> {
        let known = classify(address);
        let is_v4 = address.is_ipv4();
        Some(match (known.kind, known.unwrapped_from) {
            (AddressKind::Multicast, _) if is_solicited(address) => SOLICITED_BITS,
            (
                AddressKind::Loopback
                | AddressKind::Multicast
                | AddressKind::Broadcast
                | AddressKind::ThisNetwork,
                _,
            ) => return None,
            (AddressKind::Public, _) if self.is_server(address) => return None,
            (_, Some(wrapper)) => wrapper_bits(wrapper),
            (AddressKind::Public, None) if self.roles.participants.contains(&address) => {
                if is_v4 {
                    8
                } else {
                    16
                }
            }
            (AddressKind::Public, None) => {
                if is_v4 {
                    16
                } else {
                    32
                }
            }
            (kind, None) => network_bits(kind, address),
        })
    }

    fn is_server(&self, address: IpAddr) -> bool {
        let Roles { local, servers, participants } = &self.roles;
        servers.contains(&address) && !local.contains(&address) && !participants.contains(&address)
    }

    /// Walks from address to address of the permutation until one is of the same kind, nobody's in the catalogue, and free.
    fn stand_in(&self, address: IpAddr, kept: u32) -> IpAddr {
        let kind = classify(address).kind;
        let mut at = address;
        for _ in 0..MAX_STEPS {
            at = self.permuted(at, kept);
            let is_free = !self.roles.servers.contains(&at) && !self.taken.contains_key(&at);
            if classify(at).kind == kind && is_free && !is_catalogued(at) && !is_edge(at) {
                return at;
            }
        }
        at
    }

    /// Each bit behind those kept is turned or not by a keyed digest of the bits before it (Xu, Fan, Ammar and Moon, 2002).
    fn permuted(&self, address: IpAddr, kept: u32) -> IpAddr {
        match address {
            IpAddr::V4(v4) => {
                let bits = self.permuted_bits(v4.to_bits().into(), 32, kept);
                Ipv4Addr::from_bits(u32::try_from(bits & u128::from(u32::MAX)).unwrap_or_default()).into()
            }
            IpAddr::V6(v6) => Ipv6Addr::from_bits(self.permuted_bits(v6.to_bits(), 128, kept)).into(),
        }
    }

    fn permuted_bits(&self, bits: u128, width: u32, kept: u32) -> u128 {
        let mut out = bits;
        for place in kept..width {
            let before = bits.checked_shr(width - place).unwrap_or(0);
            let text = [&width.to_be_bytes()[..], &place.to_be_bytes(), &before.to_be_bytes()].concat();
            let [first, ..] = self.key.digest("address", &text);
            out ^= u128::from(first & 1) << (width - 1 - place);
        }
        out
    }

    /// The stand-in for a link-layer address. Groups stay, but for what they hold of an address.
    pub(super) fn mac(&self, octets: [u8; 6]) -> [u8; 6] {
        match (Mac::new(octets), octets) {
            (None, _) => octets,
            (Some(_), [0x33, 0x33, 0xff, ..]) => [0x33, 0x33, 0xff, 0, 0, 0],
            (Some(mac), _) if mac.is_group() => octets,
            (Some(_), _) => {
                let digest = self.key.digest("mac", &octets);
                let mut made = [LOCALLY_ADMINISTERED; 6];
                made.iter_mut().zip(digest).skip(1).for_each(|(to, from)| *to = from);
                made
            }
        }
    }
}

/// Solicited-node multicast (RFC 4291 section 2.7.1), which holds the last 24 bits of an address.
fn is_solicited(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.to_bits() >> 24 == SOLICITED >> 24)
}

/// How much of an address that wraps an IPv4 address says only what wraps it.
fn wrapper_bits(wrapper: &str) -> u32 {
    match wrapper {
        "6to4" => 16,
        "Teredo" => 32,
        _ => 96,
    }
}

/// How much of an address that is not public names no network of somebody's.
fn network_bits(kind: AddressKind, address: IpAddr) -> u32 {
    let first = match address {
        IpAddr::V4(v4) => v4.octets()[0],
        IpAddr::V6(_) => 0,
    };
    match (kind, address) {
        (AddressKind::Private, IpAddr::V4(_)) if first == 10 => 8,
        (AddressKind::Private, IpAddr::V4(_)) if first == 172 => 12,
        (AddressKind::Shared, IpAddr::V4(_)) => 10,
        (AddressKind::Documentation, IpAddr::V4(_)) => 24,
        (_, IpAddr::V4(_)) => 16,
        (AddressKind::UniqueLocal, IpAddr::V6(_)) => 8,
        (AddressKind::LinkLocal, IpAddr::V6(_)) => 64,
        (_, IpAddr::V6(_)) => 32,
    }
}

fn is_catalogued(address: IpAddr) -> bool {
    let catalogue = Catalogue::builtin();
    catalogue.was_published(address) || catalogue.anycast(address).is_some()
}

/// Addresses that end as those of networks and their broadcasts do.
fn is_edge(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if matches!(v4.octets(), [.., 0 | 255]))
}

/// Addresses whose stand-ins are remembered; further ones are worked out again.
const MAX_KNOWN: usize = 1 << 20;
/// Steps of a walk. Nearly all addresses of a kind are free, so that a few are enough.
const MAX_STEPS: usize = 256;
const SOLICITED: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;
const SOLICITED_BITS: u32 = 104;
/// The first byte of addresses that no maker of hardware gives out.
const LOCALLY_ADMINISTERED: u8 = 0x02;

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(servers: &[&str], participants: &[&str]) -> Addresses {
        let set = |of: &[&str]| of.iter().map(|text| text.parse().unwrap()).collect();
        let roles = Roles { servers: set(servers), participants: set(participants), ..Roles::default() };
        Addresses::new(Key::new(b"0123456789abcdef").unwrap(), roles)
    }

    #[test]
    fn stand_ins_keep_kind_and_network() {
        let mut addresses = addresses(&["159.124.15.191"], &["128.112.1.1"]);
        let mut map = |text: &str| addresses.map(text.parse().unwrap()).to_string();
        assert_eq!(map("159.124.15.191"), "159.124.15.191");
        for same in ["127.0.0.1", "255.255.255.255", "224.0.0.251", "0.0.0.0", "::1", "ff02::fb"] {
            assert_eq!(map(same), same);
        }
        for (address, prefix) in [
            ("192.168.1.20", "192.168."),
            ("10.66.0.2", "10."),
            ("145.0.2.3", "145.0."),
            ("128.112.1.1", "128."),
            ("2001:610:1908:c0::1", "2001:610:"),
            ("fe80::1", "fe80::"),
        ] {
            let mapped = map(address);
            assert!(mapped.starts_with(prefix) && mapped != address, "{address} {mapped}");
        }
        let [a, b] = ["192.168.7.20", "192.168.7.21"].map(&mut map);
        assert_eq!(a.rsplit_once('.').unwrap().0, b.rsplit_once('.').unwrap().0);
        assert_ne!(a, b);
    }

    #[test]
    fn macs_are_nobodys_and_groups_stay() {
        let addresses = addresses(&[], &[]);
        let mapped = addresses.mac([0, 0x1b, 0x21, 1, 2, 3]);
        assert_eq!(mapped[0], 2);
        assert_ne!(mapped[1..], [0x1b, 0x21, 1, 2, 3]);
        assert_eq!(addresses.mac([0xff; 6]), [0xff; 6]);
        assert_eq!(addresses.mac([0x33, 0x33, 0xff, 1, 2, 3]), [0x33, 0x33, 0xff, 0, 0, 0]);
    }
}

//! Which side of a flow is local: the captured machine's, as against the remote end whose place is asked for.
//!
//! Input: all flows, the user's word and what the capture says about its own interfaces. Output: a side per flow and the
//! reason. Must not: guess from port numbers; clients use every port, and so do peers.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hashbrown::HashMap;

use super::{Flow, Flows, Side};
use crate::packet::Network;

/// What is known about local addresses beside the flows.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LocalSettings {
    /// Networks that the user says are local.
    pub overrides: Vec<Network>,
    /// The addresses of the captured interfaces, as a capture may state them.
    pub interface_addresses: Vec<IpAddr>,
}

/// Why a side was taken as local: the first of these that tells the sides apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LocalReason {
    /// It alone lies in a network that the user named.
    Override,
    /// It alone has an address of a captured interface.
    InterfaceAddress,
    /// The other side is a group (multicast, broadcast) or a loopback address, and no remote machine has one.
    PeerIsNoHost,
    /// It alone has an address from a range for private, shared, unique local or link-local use.
    PrivateRange,
    /// The capture says that its packets left the capturing machine.
    Direction,
    /// It opened the TCP connection.
    Syn,
    /// Its address takes part in more flows.
    Majority,
    /// It sent the first packet seen, and nothing better is known.
    FirstSender,
}

impl LocalReason {
    /// Its name in `snake_case`, stable for machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::InterfaceAddress => "interface_address",
            Self::PeerIsNoHost => "peer_is_no_host",
            Self::PrivateRange => "private_range",
            Self::Direction => "direction",
            Self::Syn => "syn",
            Self::Majority => "majority",
            Self::FirstSender => "first_sender",
        }
    }
}

/// The local side of each flow by number, with the reason.
///
/// A flow between two private addresses has both ends local; one of them is named all the same, so that the flow has a
/// requester.
#[must_use]
pub fn locate(flows: &Flows, settings: &LocalSettings) -> Vec<(Side, LocalReason)> {
    let interfaces: BTreeSet<IpAddr> = settings.interface_addresses.iter().copied().collect();
    let traits = |address| Traits::new(address, &settings.overrides, &interfaces);
    let mut sides = Vec::with_capacity(flows.len());
    sides.extend(flows.iter().map(|flow| {
        let [first, second] = [Side::First, Side::Second].map(|side| traits(flow.endpoint(side).address));
        decide(first, second, flow.outbound(), flow.tcp().and_then(super::TcpState::opener))
            .unwrap_or(UNDECIDED)
    }));
    // Addresses are counted only where that decides something, and only those: there may be millions.
    if sides.contains(&UNDECIDED) {
        let shares = Shares::of(flows, &sides);
        for (flow, decided) in flows.iter().zip(&mut sides).filter(|(_, decided)| **decided == UNDECIDED) {
            let [first, second] = [Side::First, Side::Second].map(|side| shares.about(&flow, side));
            if let Some(side) = only(first > second, second > first) {
                *decided = (side, LocalReason::Majority);
            }
        }
    }
    sides
}

/// What is said of a flow where nothing tells its sides apart.
const UNDECIDED: (Side, LocalReason) = (Side::First, LocalReason::FirstSender);

/// In how many flows addresses take part, as these stand in the flows' tuples.
struct Shares {
    v4: HashMap<u32, u32>,
    v6: Vec<u32>,
}

impl Shares {
    /// Of the addresses of flows that are not decided yet.
    fn of(flows: &Flows, sides: &[(Side, LocalReason)]) -> Self {
        let mut shares = Self { v4: HashMap::new(), v6: vec![0; flows.v6.len() as usize] };
        for (flow, _) in flows.iter().zip(sides).filter(|(_, decided)| **decided == UNDECIDED) {
            if !flow.record.key.is_v6() {
                for side in [Side::First, Side::Second] {
                    shares.v4.insert(flow.record.end(side).0, 0);
                }
            }
        }
        for flow in flows.iter() {
            for side in [Side::First, Side::Second] {
                if let Some(share) = shares.place(&flow, side) {
                    *share = share.saturating_add(1);
                }
            }
        }
        shares
    }

    fn place(&mut self, flow: &Flow<'_>, side: Side) -> Option<&mut u32> {
        let (address, _) = flow.record.end(side);
        if flow.record.key.is_v6() { self.v6.get_mut(address as usize) } else { self.v4.get_mut(&address) }
    }

    fn about(&self, flow: &Flow<'_>, side: Side) -> u32 {
        let (address, _) = flow.record.end(side);
        let share =
            if flow.record.key.is_v6() { self.v6.get(address as usize) } else { self.v4.get(&address) };
        share.copied().unwrap_or(0)
    }
}

/// What is known about an address by itself.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is looked at by itself")]
struct Traits {
    is_override: bool,
    is_interface: bool,
    is_no_host: bool,
    is_private: bool,
}

impl Traits {
    fn new(address: IpAddr, overrides: &[Network], interfaces: &BTreeSet<IpAddr>) -> Self {
        Self {
            is_override: overrides.iter().any(|network| network.contains(address)),
            is_interface: interfaces.contains(&address),
            is_no_host: is_no_host(address),
            is_private: is_private(address),
        }
    }
}

/// The local side by what is known of both ends, and by the flow itself.
fn decide(
    first: Traits,
    second: Traits,
    outbound: Option<Side>,
    opener: Option<Side>,
) -> Option<(Side, LocalReason)> {
    let alone = |is: fn(Traits) -> bool| only(is(first), is(second));
    let by = |side: Option<Side>, reason| side.map(|side| (side, reason));
    by(alone(|side| side.is_override), LocalReason::Override)
        .or_else(|| by(alone(|side| side.is_interface), LocalReason::InterfaceAddress))
        .or_else(|| by(alone(|side| !side.is_no_host), LocalReason::PeerIsNoHost))
        .or_else(|| by(alone(|side| side.is_private), LocalReason::PrivateRange))
        // A router's interface marks what it passes on as outgoing, so private addresses come first.
        .or_else(|| by(outbound, LocalReason::Direction))
        .or_else(|| by(opener, LocalReason::Syn))
}

/// The side for which something holds, where it does not hold for both.
const fn only(first: bool, second: bool) -> Option<Side> {
    match (first, second) {
        (true, false) => Some(Side::First),
        (false, true) => Some(Side::Second),
        _ => None,
    }
}

/// Group and loopback addresses: nobody who is elsewhere has one.
fn is_no_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_multicast() || v6.is_loopback(),
    }
}

/// Addresses that are not routed between networks, so that whoever has one is near; see [`PRIVATE_V4`].
fn is_private(address: IpAddr) -> bool {
    let within =
        |first: u128, prefix: u32, address: u128, width: u32| (first ^ address) >> (width - prefix) == 0;
    match address {
        IpAddr::V4(v4) => PRIVATE_V4
            .iter()
            .any(|(first, prefix)| within(first.to_bits().into(), *prefix, v4.to_bits().into(), 32)),
        IpAddr::V6(v6) => {
            PRIVATE_V6.iter().any(|(first, prefix)| within(first.to_bits(), *prefix, v6.to_bits(), 128))
        }
    }
}

/// From the IANA special-purpose address registries.
const PRIVATE_V4: [(Ipv4Addr, u32); 7] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),     // private, RFC 1918
    (Ipv4Addr::new(172, 16, 0, 0), 12),  // private, RFC 1918
    (Ipv4Addr::new(192, 168, 0, 0), 16), // private, RFC 1918
    (Ipv4Addr::new(169, 254, 0, 0), 16), // link-local, RFC 3927
    (Ipv4Addr::new(100, 64, 0, 0), 10),  // shared (carrier's translators), RFC 6598
    (Ipv4Addr::new(192, 0, 0, 0), 29),   // a phone's own end of 464XLAT, RFC 7335
    (Ipv4Addr::UNSPECIFIED, 32),         // this host, before it has an address, RFC 1122
];

/// From the IANA special-purpose address registries.
const PRIVATE_V6: [(Ipv6Addr, u32); 3] = [
    (Ipv6Addr::new(0xFC00, 0, 0, 0, 0, 0, 0, 0), 7), // unique local, RFC 4193
    (Ipv6Addr::new(0xFE80, 0, 0, 0, 0, 0, 0, 0), 10), // link-local, RFC 4291
    (Ipv6Addr::UNSPECIFIED, 128),                    // before it has an address, RFC 4291
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{FlowId, Scope};
    use crate::frame::{Direction, FrameRef, LinkType};
    use crate::packet::{Endpoint, Ends, Macs, Packet, Tcp, TcpFlags, Transport, TunnelId, Vlan};

    /// Flows from first to second end; a port of 443 at the second makes it TCP with a SYN, 444 one joined late.
    fn flows(ends: &[(&str, &str, u16)]) -> Flows {
        let mut flows = Flows::new();
        for (number, (from, to, port)) in (1..).zip(ends) {
            let end = |address: &str, port| Endpoint { address: address.parse().unwrap(), port };
            let tcp = |flags| Transport::Tcp(Tcp { seq: 0, ack: 0, flags: TcpFlags(flags) });
            let packet = Packet {
                ends: Ends::new(end(from, 1000 + number), end(to, *port)),
                transport: match port {
                    443 => tcp(0x02),
                    444 => tcp(0x10),
                    _ => Transport::Udp,
                },
                vlan: Vlan::NONE,
                macs: Macs::default(),
                payload: &[],
                payload_len: 0,
                hop_limit: 64,
                tunnel: TunnelId::NONE,
            };
            flows.observe(&packet, Scope::default(), FrameRef::new(0, number.into()), 60, None);
        }
        flows
    }

    fn located(ends: &[(&str, &str, u16)], settings: &LocalSettings) -> Vec<(Side, LocalReason)> {
        locate(&flows(ends), settings)
    }

    fn alone(from: &str, to: &str, port: u16) -> (Side, LocalReason) {
        located(&[(from, to, port)], &LocalSettings::default())[0]
    }

    #[test]
    fn a_private_address_is_local_whoever_sends() {
        for private in [
            "10.9.8.7",
            "172.31.0.1",
            "192.168.0.1",
            "169.254.1.1",
            "100.127.0.1",
            "192.0.0.4",
            "fd00::1",
            "fe80::1",
        ] {
            let public = if private.contains(':') { "2001:db8::1" } else { "213.19.144.104" };
            assert_eq!(alone(private, public, 53), (Side::First, LocalReason::PrivateRange));
            assert_eq!(alone(public, private, 443), (Side::Second, LocalReason::PrivateRange));
        }
        for public in ["172.32.0.1", "100.128.0.1", "192.0.0.8", "fec0::1", "2001:db8::5"] {
            let other = if public.contains(':') { "2001:db8::1" } else { "213.19.144.104" };
            assert_eq!(alone(other, public, 53), (Side::First, LocalReason::FirstSender));
        }
    }

    #[test]
    fn groups_and_loopback_are_never_the_remote_machine() {
        for (from, to) in [
            ("10.0.0.5", "224.0.0.251"),
            ("0.0.0.0", "255.255.255.255"),
            ("213.19.144.104", "239.1.1.1"),
            ("fe80::5", "ff02::fb"),
            ("10.0.0.5", "127.0.0.1"),
        ] {
            assert_eq!(alone(from, to, 53), (Side::First, LocalReason::PeerIsNoHost));
            assert_eq!(alone(to, from, 53), (Side::Second, LocalReason::PeerIsNoHost));
        }
        assert_eq!(alone("127.0.0.1", "127.0.0.1", 443), (Side::First, LocalReason::Syn));
    }

    #[test]
    fn the_users_word_and_the_captures_come_first() {
        let ends = [("10.0.0.5", "145.100.1.1", 443), ("145.100.1.1", "145.100.1.2", 53)];
        let overrides = vec!["145.100.0.0/16".parse().unwrap()];
        let settings = LocalSettings { overrides, ..LocalSettings::default() };
        let expected = [(Side::Second, LocalReason::Override), (Side::First, LocalReason::Majority)];
        assert_eq!(
            located(&ends, &settings),
            expected,
            "where both sides are named, the next reason decides"
        );

        let own = vec!["145.100.1.1".parse().unwrap(), "192.0.2.9".parse().unwrap()];
        let settings = LocalSettings { interface_addresses: own, ..LocalSettings::default() };
        let expected =
            [(Side::Second, LocalReason::InterfaceAddress), (Side::First, LocalReason::InterfaceAddress)];
        assert_eq!(located(&ends, &settings), expected);
    }

    #[test]
    fn between_equals_the_opener_then_the_majority_is_local() {
        let ends = [
            ("145.100.1.1", "8.8.8.8", 443),
            ("9.9.9.9", "145.100.1.1", 444),
            ("10.0.0.9", "10.0.0.1", 443),
            ("10.0.0.1", "10.0.0.5", 53),
        ];
        let expected = [
            (Side::First, LocalReason::Syn),
            (Side::Second, LocalReason::Majority),
            (Side::First, LocalReason::Syn),
            (Side::First, LocalReason::Majority),
        ];
        assert_eq!(located(&ends, &LocalSettings::default()), expected);
    }

    #[test]
    fn what_left_the_machine_tells_before_the_opener() {
        let ends = [("145.100.1.1", "8.8.8.8", 443), ("10.0.0.5", "8.8.8.8", 443)];
        let located = |directions: &[(Side, Direction)]| {
            let mut flows = flows(&ends);
            for (side, direction) in directions {
                (0..2).for_each(|flow| flows.note_direction(FlowId(flow), *side, *direction));
            }
            locate(&flows, &LocalSettings::default())
        };
        let private = (Side::First, LocalReason::PrivateRange);
        let second = (Side::Second, LocalReason::Direction);
        assert_eq!(located(&[(Side::First, Direction::Inbound)]), [second, private]);
        assert_eq!(located(&[(Side::Second, Direction::Outbound)]), [second, private]);
        let both = [(Side::First, Direction::Outbound), (Side::Second, Direction::Outbound)];
        assert_eq!(located(&both)[0], (Side::First, LocalReason::Syn), "said of both, it says nothing");
    }

    #[test]
    fn the_answer_to_a_syn_tells_the_opener_too() {
        let answer = [
            0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 8, 8, 8, 8, 9, 9, 9, 9, // IPv4
            1, 187, 200, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x12, 0, 0, 0, 0, 0, 0, // TCP: SYN and ACK
        ];
        let crate::packet::Decoded::Packet(packet) = crate::packet::decode(LinkType::RAW, &answer, 40) else {
            panic!("no packet");
        };
        let mut flows = Flows::new();
        flows.observe(&packet, Scope::default(), FrameRef::new(0, 1), 40, None);
        assert_eq!(locate(&flows, &LocalSettings::default()), [(Side::Second, LocalReason::Syn)]);
    }
}

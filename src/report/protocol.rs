//! Names of the protocols that are counted and not decoded, as far as they are well known.
//!
//! Input: a frame's class. Output: what it is, for people, always with its number. Must not: judge, or say more than
//! the number does.

use crate::frame::LinkType;
use crate::packet::{Class, LinkLayer, Tunnel};

/// What a class of frames is, for people: `EtherType 0x88cc, LLDP`.
pub(super) fn describe(class: Class) -> String {
    let number = class.number().unwrap_or_default();
    let named = |what: String, names: &[(u32, &str)]| {
        let name = names.iter().find(|(known, _)| *known == number);
        name.map_or(what.clone(), |(_, name)| format!("{what}, {name}"))
    };
    match class {
        Class::Arp => "ARP".to_owned(),
        Class::Empty => "a frame without a byte".to_owned(),
        Class::Failed => "a frame that the program failed on".to_owned(),
        Class::Fragment(_) => named(
            format!("IP fragment whose other pieces are missing, of IP protocol {number}"),
            IP_PROTOCOLS,
        ),
        Class::HeaderCut => "the captured bytes end inside a header".to_owned(),
        Class::Icmp(_) => named(format!("ICMP type {number}"), ICMP_TYPES),
        Class::Icmpv6(_) => named(format!("ICMPv6 type {number}"), ICMPV6_TYPES),
        Class::TooDeep => "a tunnel in more tunnels than are opened".to_owned(),
        Class::Malformed(reason) => format!("malformed: {reason}"),
        Class::OtherEtherType(_) => named(format!("EtherType 0x{number:04x}"), ETHER_TYPES),
        Class::OtherFamily(_) => format!("address family {number} on a loopback"),
        Class::OtherIpProtocol(_) => named(format!("IP protocol {number}"), IP_PROTOCOLS),
        Class::OtherLlc(_) => named(format!("IEEE 802.2 LLC 0x{number:04x}"), LLC),
        Class::Tunnel(tunnel) => {
            let what = if tunnel.number() > 255 { "UDP port" } else { "IP protocol" };
            format!("tunnel {}, {what} {}", tunnel_name(tunnel), tunnel.number())
        }
        Class::LinkLayer(layer) => match layer {
            LinkLayer::Arcnet(_) => format!("ARCNET system code {number}"),
            LinkLayer::Atm(_) => format!("ATM traffic of kind {number}"),
            LinkLayer::Nlpid(_) => named(format!("NLPID 0x{number:02x}"), NLPIDS),
            LinkLayer::Ppp(_) => named(format!("PPP protocol 0x{number:04x}"), PPP),
            other => link_layer(other).to_owned(),
        },
        Class::UnknownLinkType(number) => {
            let name = LinkType(number).name().map(|name| format!(", {name}")).unwrap_or_default();
            format!("link type {number}{name}")
        }
        other => other.to_string(),
    }
}

/// A tunnel's name, for people.
pub(super) fn tunnel_name(tunnel: Tunnel) -> &'static str {
    let known = TUNNELS.iter().find(|(known, _)| *known == tunnel);
    known.map_or(tunnel.name(), |(_, name)| name)
}

/// Frames that have no number.
const fn link_layer(layer: LinkLayer) -> &'static str {
    match layer {
        LinkLayer::FrameRelay => "frame relay signalling or an unknown form",
        LinkLayer::MacControl => "a ring's own frame",
        LinkLayer::Mpls => "MPLS around something that cannot be told",
        LinkLayer::NoPacket => "a capturing program's header without a packet",
        LinkLayer::WifiControl => "IEEE 802.11 control frame",
        LinkLayer::WifiExtension => "IEEE 802.11 extension frame",
        LinkLayer::WifiFragment => "IEEE 802.11 fragment",
        LinkLayer::WifiManagement => "IEEE 802.11 management frame",
        LinkLayer::WifiNull => "IEEE 802.11 data frame without data",
        LinkLayer::WifiProtected => "IEEE 802.11 encrypted data",
        other => other.name(),
    }
}

/// The same by its name for machines.
pub(super) fn tunnel_title(name: &str) -> &str {
    let known = TUNNELS.iter().find(|(known, _)| known.name() == name);
    known.map_or(name, |(_, title)| title)
}

/// IEEE 802 Numbers (IANA), and the makers' own.
const ETHER_TYPES: &[(u32, &str)] = &[
    (0x0842, "Wake-on-LAN"),
    (0x2000, "CDP"),
    (0x22f0, "AVTP"),
    (0x8035, "reverse ARP, or SLARP on Cisco HDLC"),
    (0x809b, "AppleTalk"),
    (0x8137, "IPX"),
    (0x8809, "slow protocols such as LACP"),
    (0x8847, "MPLS"),
    (0x8848, "MPLS"),
    (0x8863, "PPPoE discovery"),
    (0x8864, "PPPoE session"),
    (0x887b, "HomePlug"),
    (0x888e, "EAP over LAN, IEEE 802.1X"),
    (0x8892, "PROFINET"),
    (0x8899, "Realtek remote control"),
    (0x88cc, "LLDP"),
    (0x88d9, "link-layer topology discovery"),
    (0x88e1, "HomePlug AV"),
    (0x88e5, "MACsec"),
    (0x88f7, "Precision Time Protocol"),
    (0x890d, "IEEE 802.11 management"),
    (0x893a, "IEEE 1905.1"),
    (0x9000, "loopback test"),
];

/// Protocol Numbers (IANA).
const IP_PROTOCOLS: &[(u32, &str)] = &[
    (1, "ICMP"),
    (2, "IGMP"),
    (6, "TCP"),
    (17, "UDP"),
    (33, "DCCP"),
    (46, "RSVP"),
    (47, "GRE"),
    (50, "ESP"),
    (51, "AH"),
    (58, "ICMPv6"),
    (88, "EIGRP"),
    (89, "OSPF"),
    (103, "PIM"),
    (112, "VRRP"),
    (132, "SCTP"),
    (136, "UDP-Lite"),
];

/// ICMP Type Numbers (IANA).
const ICMP_TYPES: &[(u32, &str)] = &[
    (0, "echo reply"),
    (3, "destination unreachable"),
    (5, "redirect"),
    (8, "echo request"),
    (9, "router advertisement"),
    (10, "router solicitation"),
    (11, "time exceeded"),
];

/// `ICMPv6` type Numbers (IANA).
const ICMPV6_TYPES: &[(u32, &str)] = &[
    (1, "destination unreachable"),
    (2, "packet too big"),
    (3, "time exceeded"),
    (128, "echo request"),
    (129, "echo reply"),
    (130, "multicast listener query"),
    (131, "multicast listener report"),
    (132, "multicast listener done"),
    (133, "router solicitation"),
    (134, "router advertisement"),
    (135, "neighbour solicitation"),
    (136, "neighbour advertisement"),
    (137, "redirect"),
    (143, "multicast listener report, version 2"),
];

/// Service access points (IEEE 802.2), destination first.
const LLC: &[(u32, &str)] = &[
    (0x4242, "spanning tree"),
    (0xaaaa, "SNAP"),
    (0xe0e0, "IPX"),
    (0xf0f0, "NetBIOS"),
    (0xfefe, "OSI, such as IS-IS"),
];

/// By IP protocol or UDP port.
const TUNNELS: &[(Tunnel, &str)] = &[
    (Tunnel::IpInIp, "IPv4-in-IP"),
    (Tunnel::Ipv6InIp, "IPv6-in-IP"),
    (Tunnel::SixToFour, "6to4"),
    (Tunnel::Gre, "GRE"),
    (Tunnel::Esp, "ESP (IPsec)"),
    (Tunnel::Ah, "AH (IPsec)"),
    (Tunnel::EtherIp, "EtherIP"),
    (Tunnel::L2tpIp, "L2TPv3"),
    (Tunnel::L2tp, "L2TP"),
    (Tunnel::GtpU, "GTP-U"),
    (Tunnel::Teredo, "Teredo"),
    (Tunnel::EspInUdp, "ESP in UDP (IPsec)"),
    (Tunnel::Vxlan, "VXLAN"),
    (Tunnel::Geneve, "Geneve"),
    (Tunnel::WireGuard, "WireGuard"),
];

/// PPP DLL Protocol Numbers (IANA).
const PPP: &[(u32, &str)] = &[
    (0x0023, "OSI"),
    (0x0029, "AppleTalk"),
    (0x002b, "IPX"),
    (0x002d, "compressed TCP/IP"),
    (0x002f, "uncompressed TCP/IP"),
    (0x0031, "bridged frame"),
    (0x003d, "multilink"),
    (0x00fd, "compressed"),
    (0x8021, "IPCP"),
    (0x8057, "IPv6CP"),
    (0x80fd, "compression control"),
    (0x8281, "MPLSCP"),
    (0xc021, "LCP"),
    (0xc023, "PAP"),
    (0xc025, "link quality"),
    (0xc223, "CHAP"),
    (0xc227, "EAP"),
];

/// Network layer protocol identifiers (ISO/IEC TR 9577, RFC 2427).
const NLPIDS: &[(u32, &str)] = &[
    (0x08, "Q.933"),
    (0x09, "LMI"),
    (0x81, "CLNP"),
    (0x82, "ES-IS"),
    (0x83, "IS-IS"),
    (0xb0, "compressed"),
    (0xb1, "fragment"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnels_have_the_names_that_people_know() {
        for (name, title) in [("gtp_u", "GTP-U"), ("6to4", "6to4"), ("vxlan", "VXLAN"), ("other", "other")] {
            assert_eq!(tunnel_title(name), title);
        }
        assert_eq!(tunnel_name(Tunnel::WireGuard), "WireGuard");
    }

    #[test]
    fn well_known_protocols_have_names_and_all_have_numbers() {
        let said = |class| describe(class);
        assert_eq!(said(Class::OtherEtherType(0x88cc)), "EtherType 0x88cc, LLDP");
        assert_eq!(said(Class::OtherEtherType(0x8863)), "EtherType 0x8863, PPPoE discovery");
        assert_eq!(said(Class::OtherEtherType(0x4321)), "EtherType 0x4321");
        assert_eq!(said(Class::Tunnel(Tunnel::Ipv6InIp)), "tunnel IPv6-in-IP, IP protocol 41");
        assert_eq!(said(Class::Tunnel(Tunnel::GtpU)), "tunnel GTP-U, UDP port 2152");
        assert_eq!(said(Class::OtherIpProtocol(2)), "IP protocol 2, IGMP");
        assert_eq!(
            said(Class::Fragment(17)),
            "IP fragment whose other pieces are missing, of IP protocol 17, UDP"
        );
        assert_eq!(said(Class::Icmp(8)), "ICMP type 8, echo request");
        assert_eq!(said(Class::OtherLlc(0xaaaa)), "IEEE 802.2 LLC 0xaaaa, SNAP");
        assert_eq!(said(Class::UnknownLinkType(147)), "link type 147, USER0");
        assert_eq!(said(Class::UnknownLinkType(8224)), "link type 8224");
        assert_eq!(said(Class::LinkLayer(LinkLayer::Ppp(0xc021))), "PPP protocol 0xc021, LCP");
        assert_eq!(said(Class::LinkLayer(LinkLayer::WifiProtected)), "IEEE 802.11 encrypted data");
    }

    #[test]
    fn the_tables_are_in_order_and_name_a_number_once() {
        for table in [ETHER_TYPES, IP_PROTOCOLS, ICMP_TYPES, ICMPV6_TYPES, LLC, PPP, NLPIDS] {
            assert!(table.is_sorted_by(|(a, _), (b, _)| a < b), "{table:x?}");
        }
    }
}

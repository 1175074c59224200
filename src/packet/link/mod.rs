//! Link layers: down to the `EtherType` of what they carry.
//!
//! Input: a link type and the bytes of a frame. Output: what the layers below IP said, and the `EtherType` of what is behind
//! them. Must not: look behind IP, or go through more than [`MAX_CARRIERS`] layers that carry others.
//!
//! Sources: tcpdump.org's link-layer header types, and what each file names. docs/link-types.md lists what is decoded.

mod apple;
mod atm;
mod bsd;
mod cooked;
mod ethernet;
mod frame_relay;
mod llc;
mod mpls;
mod nflog;
mod nlpid;
mod ppp;
mod rings;
mod trailer;
mod wifi;

pub(super) use apple::{Pktap, pktap};
pub(super) use nflog::hook;
pub(super) use trailer::{TRAILER, app_trailer};

use super::cursor::Cursor;
use super::{Class, Macs, Vlan};
use crate::frame::LinkType;

/// What the layers below IP said.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Link {
    pub(super) vlan: Vlan,
    pub(super) macs: Macs,
}

impl Link {
    /// What is said together with a layer further in, whose addresses are nearer to the packet's own ends.
    fn with(self, inner: Self) -> Self {
        let vlan = match inner.vlan.ids() {
            Some(ids) => ids.fold(self.vlan, Vlan::push),
            None => inner.vlan,
        };
        let macs = if inner.macs == Macs::default() { self.macs } else { inner.macs };
        Self { vlan, macs }
    }
}

pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;
pub(super) const IPV6: u16 = 0x86DD;
const VLAN_8021Q: u16 = 0x8100;
const VLAN_8021AD: u16 = 0x88A8;
const VLAN_QINQ: u16 = 0x9100;
const MPLS: u16 = 0x8847;
const MPLS_UPSTREAM: u16 = 0x8848;
const PPPOE_DISCOVERY: u16 = 0x8863;
const PPPOE_SESSION: u16 = 0x8864;
const TRILL: u16 = 0x22F3;
const BACKBONE_BRIDGE: u16 = 0x88E7;
/// PPP in GRE (RFC 2637, section 4.1).
const PPP_IN_GRE: u16 = 0x880B;
const SERVICE_HEADER: u16 = 0x894F;
const FABRIC_PATH: u16 = 0x8903;
const DISTRIBUTED_SWITCH: u16 = 0xDADA;
/// From here on a number is an `EtherType`, below it a length or a maker's own number.
const LOWEST_ETHER_TYPE: u16 = 0x0600;
/// Layers that carry a frame or a packet of another, one inside the other.
const MAX_CARRIERS: u32 = 16;

type Below = Result<(Link, u16), Class>;

/// Goes on to the network layer and says which one it is, as an `EtherType`.
#[inline(always)]
pub(super) fn decode(link: LinkType, cursor: &mut Cursor<'_>) -> Below {
    let (below, ether_type) = match link {
        LinkType::ETHERNET => ethernet::outermost(cursor)?,
        other => not_ethernet(other, cursor)?,
    };
    behind(ether_type, below, cursor)
}

/// Goes on to the network layer from an `EtherType` that may be of a layer between.
#[inline]
pub(super) fn behind(ether_type: u16, below: Link, cursor: &mut Cursor<'_>) -> Below {
    match ether_type {
        IPV4 | IPV6 | ARP => Ok((below, ether_type)),
        other => carried(other, below, cursor),
    }
}

/// Headers of capturing programs that name the link type behind them, once; then that link type.
#[inline(never)]
fn not_ethernet(link: LinkType, cursor: &mut Cursor<'_>) -> Below {
    match link {
        LinkType::PKTAP => {
            let inner = apple::decode(cursor)?;
            of_type(inner, cursor)
        }
        // The number is anybody's; Apple uses it for PKTAP, which shows.
        LinkType::USER2 if apple::is_pktap(cursor.data()) => {
            let inner = apple::decode(cursor)?;
            of_type(inner, cursor)
        }
        LinkType::PPI => match wifi::per_packet(cursor)? {
            (LinkType::IEEE802_11, form) => wifi::decode(form, cursor),
            (inner, _) => of_type(inner, cursor),
        },
        other => of_type(other, cursor),
    }
}

fn of_type(link: LinkType, cursor: &mut Cursor<'_>) -> Below {
    match link {
        LinkType::ETHERNET => ethernet::decode(cursor),
        LinkType::LINUX_SLL => cooked::v1(cursor),
        LinkType::LINUX_SLL2 => cooked::v2(cursor),
        LinkType::IPV4 => Ok((Link::default(), IPV4)),
        LinkType::IPV6 => Ok((Link::default(), IPV6)),
        LinkType::RAW | RAW_BSD | RAW_OPENBSD => raw(cursor),
        LinkType::NULL | LinkType::LOOP => bsd::loopback(cursor),
        LinkType::PPP | LinkType::PPP_HDLC => ppp::decode(cursor),
        LinkType::IEEE802_11 => wifi::decode(wifi::Form::default(), cursor),
        LinkType::IEEE802_11_RADIOTAP => wifi::radiotap(cursor),
        LinkType::NFLOG => nflog::decode(cursor),
        LinkType::C_HDLC => ppp::cisco(cursor),
        LinkType::FRELAY => frame_relay::decode(cursor),
        LinkType::MPLS => Ok((Link::default(), MPLS)),
        other => rare(other, cursor),
    }
}

#[cold]
fn rare(link: LinkType, cursor: &mut Cursor<'_>) -> Below {
    match link {
        LinkType::IEEE802_5 => rings::token_ring(cursor),
        LinkType::FDDI => rings::fddi(cursor),
        LinkType::ARCNET_BSD => rings::arcnet_bsd(cursor),
        LinkType::ARCNET_LINUX => rings::arcnet_linux(cursor),
        LinkType::IP_OVER_FC => rings::fibre_channel(cursor),
        LinkType::APPLE_IP_OVER_IEEE1394 => rings::firewire(cursor),
        LinkType::SLIP => behind_header(16, cursor),
        LinkType::PPP_ETHER => ppp::over_ethernet(cursor),
        LinkType::PPP_PPPD | LinkType::PPP_WITH_DIR => behind_byte(cursor, ppp::decode),
        LinkType::C_HDLC_WITH_DIR => behind_byte(cursor, ppp::cisco),
        LinkType::FRELAY_WITH_DIR => behind_byte(cursor, frame_relay::decode),
        LinkType::ATM_RFC1483 => atm::multiplexed(cursor),
        LinkType::SUNATM => atm::sun(cursor),
        LinkType::ENC => bsd::enc(cursor),
        LinkType::PFLOG => bsd::pflog(cursor),
        LinkType::IPNET => bsd::ipnet(cursor),
        LinkType::IEEE802_11_PRISM => wifi::prism(cursor),
        LinkType::IEEE802_11_AVS => wifi::avs(cursor),
        LinkType::JUNIPER_ETHER => ethernet::juniper(cursor),
        LinkType::NETANALYZER | LinkType::DSA_TAG_BRCM_PREPEND => ethernet::behind(4, cursor),
        LinkType::DSA_TAG_BRCM | LinkType::DSA_TAG_DSA => ethernet::switch_tag(cursor),
        LinkType::DSA_TAG_EDSA => ethernet::decode(cursor),
        LinkType::ETHERNET_MPACKET => ethernet::express(cursor),
        LinkType(other) => Err(Class::UnknownLinkType(other)),
    }
}

const RAW_BSD: LinkType = LinkType(12);
const RAW_OPENBSD: LinkType = LinkType(14);

/// Layers that stand between a link layer and IP, each with an `EtherType` of its own.
#[cold]
fn carried(ether_type: u16, below: Link, cursor: &mut Cursor<'_>) -> Below {
    let (mut below, mut ether_type) = (below, ether_type);
    let mut depth = 0;
    loop {
        let (inner, next) = match ether_type {
            VLAN_8021Q | VLAN_8021AD | VLAN_QINQ => {
                let (vlan, next) = ethernet::behind_tags(cursor, ether_type)?;
                (Link { vlan, macs: Macs::default() }, next)
            }
            MPLS | MPLS_UPSTREAM => mpls::decode(cursor)?,
            PPPOE_SESSION => ppp::over_ethernet(cursor)?,
            PPP_IN_GRE => ppp::decode(cursor)?,
            SERVICE_HEADER => ethernet::service_header(cursor)?,
            FABRIC_PATH => ethernet::behind(2, cursor)?,
            // IEEE 802.1Q, clause 9.7: priority and service identifier.
            BACKBONE_BRIDGE => ethernet::behind(4, cursor)?,
            TRILL => ethernet::trill(cursor)?,
            DISTRIBUTED_SWITCH => ethernet::switch_tag_typed(cursor)?,
            network => return Ok((below, network)),
        };
        if depth == MAX_CARRIERS {
            return Err(Class::Malformed("more than 16 layers below IP"));
        }
        (below, ether_type) = (below.with(inner), next);
        depth += 1;
    }
}

fn raw(cursor: &Cursor<'_>) -> Below {
    let [first] = *cursor.peek("empty IP packet")?;
    let ether_type = match first >> 4 {
        4 => IPV4,
        6 => IPV6,
        _ => return Err(Class::Malformed("IP version neither 4 nor 6")),
    };
    Ok((Link::default(), ether_type))
}

/// IP behind a header that says nothing about it.
fn behind_header(len: usize, cursor: &mut Cursor<'_>) -> Below {
    cursor.skip(len, "frame shorter than its header")?;
    raw(cursor)
}

/// A byte for the direction stands before another link layer.
fn behind_byte(cursor: &mut Cursor<'_>, decode: fn(&mut Cursor<'_>) -> Below) -> Below {
    cursor.skip(1, "frame shorter than its direction")?;
    decode(cursor)
}

/// The link type that a DLT number stands for, which differs by system below 104 (libpcap's `pcap-common.c`).
fn of_dlt(dlt: u32) -> LinkType {
    LinkType(match dlt {
        11 => 100,
        12 | 14 => 101,
        13 => 109,
        15 => 102,
        16 => 103,
        18 => 246,
        19 => 106,
        other => u16::try_from(other).unwrap_or(u16::MAX),
    })
}

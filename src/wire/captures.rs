//! Real captures for tests, from the folder beside the package where it is there.
//!
//! Input: pcap and pcapng files, read by pcap-parser and etherparse. Output: [`Unit`]s and streams.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

/// A path in the shared folder; says so on stderr where it is not there.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if path.exists() {
        return Some(path);
    }
    std::io::stderr()
        .write_all(
            format!(
                "\n*** SKIPPED: {} is not there, so nothing was compared with it ***\n\n",
                path.display()
            )
            .as_bytes(),
        )
        .unwrap();
    None
}

/// The fuzz seeds of one kind, by file name.
pub(crate) fn seeds(kind: &str) -> BTreeMap<String, Vec<u8>> {
    let Some(folder) = shared(&format!("corpus/seeds/{kind}")) else { return BTreeMap::new() };
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    entries.map(|entry| (name(&entry.path()), fs::read(entry.path()).unwrap())).collect()
}

/// One TCP segment or UDP datagram.
pub(crate) struct Unit {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    /// TCP: sequence number, and whether it opens the stream.
    pub(crate) tcp: Option<(u32, bool)>,
    pub(crate) payload: Vec<u8>,
}

/// Every segment and datagram of a capture, in order.
pub(crate) fn units(path: &Path) -> Vec<Unit> {
    let mut reader = create_reader(1 << 20, fs::File::open(path).unwrap()).unwrap();
    let mut links = Vec::new();
    let mut units = Vec::new();
    loop {
        match reader.next() {
            Ok((offset, block)) => {
                match block {
                    PcapBlockOwned::LegacyHeader(head) => links.push(head.network.0),
                    PcapBlockOwned::Legacy(packet) => units.extend(unit(links[0], packet.data)),
                    PcapBlockOwned::NG(Block::InterfaceDescription(face)) => links.push(face.linktype.0),
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                        units.extend(unit(links[packet.if_id as usize], packet.packet_data()));
                    }
                    PcapBlockOwned::NG(_) => {}
                }
                reader.consume(offset);
            }
            Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(_) => return units,
        }
    }
}

fn unit(link: i32, frame: &[u8]) -> Option<Unit> {
    let sliced = match link {
        1 => LaxSlicedPacket::from_ethernet(frame).ok()?,
        113 => LaxSlicedPacket::from_ether_type(
            EtherType(u16::from_be_bytes([frame[14], frame[15]])),
            &frame[16..],
        ),
        276 => LaxSlicedPacket::from_ether_type(
            EtherType(u16::from_be_bytes([frame[0], frame[1]])),
            &frame[20..],
        ),
        _ => LaxSlicedPacket::from_ip(frame).ok()?,
    };
    let (from, to) = match sliced.net? {
        LaxNetSlice::Ipv4(ip) => {
            (ip.header().source_addr().into(), std::net::IpAddr::from(ip.header().destination_addr()))
        }
        LaxNetSlice::Ipv6(ip) => {
            (ip.header().source_addr().into(), std::net::IpAddr::from(ip.header().destination_addr()))
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let (from_port, to_port, tcp, payload) = match sliced.transport? {
        TransportSlice::Tcp(tcp) => (
            tcp.source_port(),
            tcp.destination_port(),
            Some((tcp.sequence_number(), tcp.syn())),
            tcp.payload(),
        ),
        TransportSlice::Udp(udp) => (udp.source_port(), udp.destination_port(), None, udp.payload()),
        _ => return None,
    };
    Some(Unit {
        from: SocketAddr::new(from, from_port),
        to: SocketAddr::new(to, to_port),
        tcp,
        payload: payload.to_vec(),
    })
}

/// Pieces of a stream by their offsets.
type Pieces<'a> = BTreeMap<u32, &'a [u8]>;

/// The first bytes of every TCP stream, one for each opening seen, put in order as far as there is no gap.
pub(crate) fn streams(units: &[Unit]) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
    let mut done = Vec::new();
    let mut open: BTreeMap<_, (u32, Pieces<'_>)> = BTreeMap::new();
    for unit in units {
        let Some((sequence, opens)) = unit.tcp else { continue };
        let key = (unit.from, unit.to);
        let begin = sequence.wrapping_add(u32::from(opens));
        if opens
            && open.get(&key).is_some_and(|(known, _)| *known != begin)
            && let Some((_, pieces)) = open.remove(&key)
        {
            done.push((key.0, key.1, joined(&pieces)));
        }
        let (begin, pieces) = open.entry(key).or_insert((begin, BTreeMap::new()));
        if !unit.payload.is_empty() {
            let piece = pieces.entry(sequence.wrapping_sub(*begin)).or_default();
            *piece = if piece.len() < unit.payload.len() { &unit.payload } else { piece };
        }
    }
    done.extend(open.into_iter().map(|((from, to), (_, pieces))| (from, to, joined(&pieces))));
    done
}

fn joined(pieces: &Pieces<'_>) -> Vec<u8> {
    let mut stream = Vec::new();
    for (&offset, piece) in pieces {
        let Some(known) = stream.len().checked_sub(offset as usize) else { break };
        stream.extend_from_slice(piece.get(known..).unwrap_or_default());
    }
    stream
}

/// The server names that tshark saw, by capture: those listed, and how many there are.
pub(crate) fn server_names_by_tshark() -> BTreeMap<String, (Vec<String>, usize)> {
    let Some(readme) = shared("captures/README.md") else { return BTreeMap::new() };
    let text = fs::read_to_string(readme).unwrap();
    let mut found = BTreeMap::new();
    for section in text.split("\n### ").skip(1) {
        let capture = section.lines().next().unwrap().trim().to_owned();
        let line =
            section.lines().find_map(|line| line.strip_prefix("- SNI (")).and_then(|l| l.split_once("): "));
        let Some((_, listed)) = line else { continue };
        let (listed, count) = listed.split_once(" (").unwrap_or((listed, ""));
        let names =
            listed.split(", ").map(|name| name.split(' ').next().unwrap()).filter(|name| *name != "...");
        let names: Vec<_> = names.map(str::to_ascii_lowercase).collect();
        let count = count.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(names.len());
        found.insert(capture, (names, count));
    }
    assert!(!found.is_empty(), "no server names in the captures' README");
    found
}

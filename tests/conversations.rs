//! Every capture of other projects that lies beside the package, taken through the whole main job: as many TCP and UDP
//! conversations, server names and hellos as tshark counts, and where not, the reason; no pair of addresses that tshark lacks.
//! Names of DNS and packets of QUIC are not compared: tshark counts names that were only asked for, and packets that nobody opens.
//!
//! Input: `../shared/corpus`. Where it is not there, the test says so and checks nothing.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use borderpost::evidence::{Fact, Origin};
use borderpost::flow::{Flow, Side};
use borderpost::inspect::{Settings, Unit, inspect};
use borderpost::packet::{Endpoint, Protocol};

/// Files in which we count otherwise than tshark 4.0.17: TCP conversations, UDP conversations and server names, ours minus
/// theirs, and why.
const EXPLAINED: &[(&str, [i64; 3], Why)] = &[
    ("arkime/arkime_synthetic.pcap", [0, -6, 0], Why::Tunnel),
    ("arkime/gre-erspan-vxlan.pcap", [0, -1, 0], Why::Tunnel),
    ("libpcap/filter__brcm-tag.pcap", [0, 3, 0], Why::OnlyOurs),
    ("libpcap/filter__ipv6_ah_modes.pcap", [0, -2, 0], Why::Ipsec),
    ("libpcap/pcap-invalid-version-1.pcap", [0, 1, 0], Why::OnlyOurs),
    ("mercury/data__new-stats-telemetry-test.pcap", [0, -1, 0], Why::ListedTwice),
    ("ndpi/badpackets.pcap", [0, -77, 0], Why::FirstFragment),
    ("ndpi/capwap.pcap", [0, -1, 0], Why::ListedTwice),
    ("ndpi/dtls.pcap", [0, -1, 0], Why::Tunnel),
    ("ndpi/fuzz-14f36303dcb1ddc5c9d50b652b413fd2f82bbe35.pcap", [0, -1, 0], Why::Tunnel),
    ("ndpi/fuzz-2006-09-29-28586.pcap", [-1, 0, 0], Why::ListedTwice),
    ("ndpi/fuzz-3e0fda5ff341d1f07c7c09161dc1a36ae83445a9.pcap", [0, 0, -1], Why::AddressAsName),
    ("ndpi/fuzz-65a1bac758d6154f298ac67a87746aabea8c56fc.pcap", [0, 0, -1], Why::AddressAsName),
    ("ndpi/fuzz-67f8fd2b4bbbf73e62b8604027b8a1573fa55834.pcap", [0, -1, 0], Why::Tunnel),
    ("ndpi/fuzz-792b7e5b12837e102fd1b820eda366327effc716.pcap", [0, 0, -1], Why::AddressAsName),
    ("ndpi/fuzz-7ebaf4a69896bda96f72ae29069597ea58a4d105.pcap", [0, -1, 0], Why::Tunnel),
    ("ndpi/fuzz-88e1ae5f07402f215ad1d6393e5d726677441c49.pcap", [0, 0, -1], Why::AddressAsName),
    ("ndpi/fuzz-8a38f2f2d1fc8499d9f88fd311ecd03cf5cfb721.pcap", [0, 0, -1], Why::AddressAsName),
    ("ndpi/fuzz-8ac67dfcb6fc74278855a4618fe3ac718015ab0b.pcap", [0, 0, -1], Why::AddressAsName),
    ("ndpi/fuzz-96791f51f2dc40b4c300dfc22e882132f63cd0c4.pcap", [0, 0, -1], Why::AddressAsName),
    ("ndpi/fuzz-c101aea7854ff9e2b12b8d336da9e862852f9d46.pcap", [0, 0, -1], Why::AddressAsName),
    ("ndpi/fuzz-f3008e7908e519a9e14572b186496d625c513a39.pcap", [0, -1, 0], Why::Tunnel),
    ("ndpi/hart_ip.pcap", [0, -1, 0], Why::ListedTwice),
    ("ndpi/ipv6_in_gtp.pcap", [0, -2, 0], Why::Tunnel),
    ("ndpi/ja3_lots_of_cipher_suites_2_anon.pcap", [0, -1, -1], Why::TunnelAndAddressAsName),
    ("ndpi/quic-24.pcap", [0, 0, -1], Why::OtherQuic),
    ("ndpi/quic-mvfst-exp.pcap", [0, 0, -1], Why::OtherQuic),
    ("ndpi/quic_t51.pcap", [0, 0, -1], Why::OtherQuic),
    ("ndpi/rdp2.pcap", [0, 0, -1], Why::InsideAnotherProtocol),
    ("ndpi/skinny.pcap", [0, -1, 0], Why::ListedTwice),
    ("ndpi/snmp.pcap", [0, -17, 0], Why::ListedTwice),
    ("ndpi/sonos.pcapng", [0, 0, -1], Why::AddressAsName),
    ("ndpi/tls_change_cipher.pcap", [0, -1, 0], Why::Tunnel),
    ("pcapplusplus/ExamplesTest__pcap_examples__ipv6.pcapng", [0, -1, 0], Why::ListedTwice),
    ("pcapplusplus/Packet++Test__PacketExamples__NullLoopback.pcap", [0, -1, 0], Why::NotDecoded),
    (
        "pcapplusplus/fuzz-clusterfuzz-testcase-minimized-FuzzTarget-4672344017862656.pcap",
        [0, -1, 0],
        Why::BadLength,
    ),
    (
        "pcapplusplus/fuzz-clusterfuzz-testcase-minimized-FuzzTarget-5421416466481152.pcap",
        [0, -1, 0],
        Why::BadLength,
    ),
    ("suricata-verify/issue-3341-tcphdr-01__urgent11_cve_2019_12260.pcap", [-1, 0, 0], Why::ListedTwice),
    ("suricata-verify/output-eve-ftp-data__input.pcap", [0, -1, 0], Why::Tunnel),
    ("suricata-verify/snmp-v3-encrypted__SNMPv3.pcap", [0, -2, 0], Why::ListedTwice),
    ("suricata-verify/tcp-split-handshake-02-5whs__split-handshake-5whs.pcap", [-1, 0, 0], Why::ListedTwice),
    ("suricata-verify/vxlan-decoder-03__vxlan.pcap", [0, -13, 0], Why::Tunnel),
    ("tcpdump/bgp-bgp_capabilities_print-oobr-1.pcap", [-1, 0, 0], Why::FirstFragment),
    ("tcpdump/bgp-bgp_capabilities_print-oobr-2.pcap", [-1, 0, 0], Why::FirstFragment),
    ("tcpdump/bigtcp-ipv4-geneve-ipv4.pcap", [1, 0, 0], Why::OnlyOurs),
    ("tcpdump/bigtcp-ipv6-vxlan-ipv4.pcap", [1, 0, 0], Why::OnlyOurs),
    ("tcpdump/bigtcp-ipv6-vxlan-ipv6.pcap", [1, 0, 0], Why::OnlyOurs),
    ("tcpdump/bootp_asan-2.pcap", [0, -1, 0], Why::FirstFragment),
    ("tcpdump/brcm-tag.pcap", [0, 3, 0], Why::OnlyOurs),
    ("tcpdump/cve-2014-8767-OLSR.pcap", [0, -1, 0], Why::BadLength),
    ("tcpdump/geneve.pcap", [0, -4, 0], Why::Tunnel),
    ("tcpdump/gso-ipv6-geneve-ipv4.pcap", [0, -1, 0], Why::Tunnel),
    ("tcpdump/hncp_dhcpv6data-oobr.pcap", [0, -1, 0], Why::BadLength),
    ("tcpdump/hoobr_nfs_xid_map_enter.pcap", [0, -1, 0], Why::BadLength),
    ("tcpdump/hoobr_zephyr_parse_field.pcap", [0, -1, 0], Why::BadLength),
    ("tcpdump/isakmp-rfc3948-oobr.pcap", [0, -1, 0], Why::BadLength),
    ("tcpdump/isakmp-various-oobr.pcap", [0, -1, 0], Why::FirstFragment),
    ("tcpdump/isakmpv1-attr-oobr.pcap", [0, -1, 0], Why::FirstFragment),
    ("tcpdump/ldp_tlv_print-oobr.pcap", [0, -1, 0], Why::BadLength),
    ("tcpdump/lwres-pointer-arithmetic-ub.pcap", [0, -1, 0], Why::BadLength),
    ("tcpdump/macsec-short-shorter.pcap", [0, -1, 0], Why::NotDecoded),
    ("tcpdump/nfs-attr-oobr.pcap", [0, -1, 0], Why::BadLength),
    ("tcpdump/of13_ericsson.pcapng", [0, -1, 0], Why::NotDecoded),
    ("tcpdump/olsr-oobr-1.pcap", [0, -2, 0], Why::FirstFragment),
    ("tcpdump/quic_vn.pcap", [0, 0, 1], Why::OnlyOurs),
    ("tcpdump/rip_error_hexdump.pcap", [0, -1, 0], Why::FirstFragment),
    ("tcpdump/snmp-heapoverflow-2.pcap", [0, -1, 0], Why::BadLength),
    ("tcpdump/vqp-oobr.pcap", [0, -1, 0], Why::FirstFragment),
    ("wireshark/wireguard-ping-tcp-dsb.pcapng", [-1, -1, -1], Why::DecryptedByKeys),
    ("zeek/ipv4__fragmented-1.pcap", [0, -1, 0], Why::BadLength),
    ("zeek/pbb-recursive-frames.pcapng", [0, -1, 0], Why::NotDecoded),
    ("zeek/postgresql__psql-aws-ssl-require.pcap", [0, 0, -1], Why::InsideAnotherProtocol),
    ("zeek/quic__interop__quic-go_quic-go__zerortt.pcap", [0, 0, -1], Why::AddressAsName),
    ("zeek/snmp__snmpv1_get_short.pcap", [0, -1, 0], Why::ListedTwice),
    ("zeek/snmp__snmpv3_get_next.pcap", [0, -1, 0], Why::ListedTwice),
    ("zeek/tunnels__Teredo.pcap", [0, -2, 0], Why::Tunnel),
    ("zeek/tunnels__ayiya-large-identity.pcap", [0, -1, 0], Why::NotDecoded),
    ("zeek/tunnels__geneve-inner-tcp-bad-checksum.pcap", [0, -1, 0], Why::Tunnel),
    ("zeek/tunnels__geneve-ipv6.pcap", [0, -1, 0], Why::Tunnel),
    ("zeek/tunnels__geneve-many-options.pcap", [0, -1, 0], Why::Tunnel),
    ("zeek/tunnels__geneve-vxlan-dns-truncated.pcap", [0, -2, 0], Why::Tunnel),
    ("zeek/tunnels__gtp__gtp4_udp_2152_inside.pcap", [0, -1, 0], Why::Tunnel),
    ("zeek/tunnels__gtp__gtp6_gtp_0x32.pcap", [0, -1, 0], Why::Tunnel),
    ("zeek/tunnels__vxlan-encapsulated-http.pcap", [0, -1, 0], Why::Tunnel),
    ("zeek/tunnels__vxlan-encapsulated-igmp-v2.pcap", [0, -3, 0], Why::Tunnel),
];

/// Files in which flows go between more pairs of IPv4 or IPv6 addresses than tshark 4.0.17 lists, and how many more: it does not
/// know what carries them. It lists more in many others, since what is neither TCP nor UDP is no flow.
const PAIRS: &[(&str, [i64; 2])] = &[
    ("libpcap/filter__brcm-tag.pcap", [3, 0]),
    ("libpcap/pcap-invalid-version-1.pcap", [0, 1]),
    ("tcpdump/bigtcp-ipv6-vxlan-ipv4.pcap", [1, 0]),
    ("tcpdump/brcm-tag.pcap", [3, 0]),
];

/// Files in which tshark 4.0.17 finds another number of hellos, theirs minus ours, and why.
const HELLOS: &[(&str, i64, Why)] = &[
    ("arkime/https2-301-get.pcap", 1, Why::Sslv2),
    ("ndpi/anydesk.pcapng", -1, Why::ByPort),
    ("ndpi/google_ssl.pcap", 1, Why::Sslv2),
    ("ndpi/mysql.pcapng", 1, Why::InsideAnotherProtocol),
    ("ndpi/nomachine.pcapng", 1, Why::InsideAnotherProtocol),
    ("ndpi/openvpn_nohmac_tcp.pcapng", 1, Why::InsideAnotherProtocol),
    ("ndpi/quic-24.pcap", 2, Why::OtherQuic),
    ("ndpi/quic-mvfst-exp.pcap", 1, Why::OtherQuic),
    ("ndpi/quic_t51.pcap", 1, Why::OtherQuic),
    ("ndpi/rdp2.pcap", 2, Why::InsideAnotherProtocol),
    ("ndpi/tls_port_80.pcapng", -1, Why::ByPort),
    ("pcap-parser/err-buffertoosmall.pcapng", 1, Why::SecondHello),
    (
        "pcapplusplus/Pcap++Test__PcapExamples__file_heuristics__pcapng-example.pcapng.zst",
        1,
        Why::InsideAnotherProtocol,
    ),
    ("suricata-verify/bug-5758__input.pcap", 1, Why::SecondHello),
    ("suricata-verify/bypass-depth-disabled__input.pcap", 1, Why::Sslv2),
    ("suricata-verify/ldap-starttls__input.pcap", 1, Why::InsideAnotherProtocol),
    ("suricata-verify/pgsql__pgsql-upgrade-tls__input.pcap", 1, Why::InsideAnotherProtocol),
    ("suricata-verify/tls__tls-altname-zero__input.pcap", 1, Why::Sslv2),
    ("suricata-verify/tls__tls-glupteba-mb__input.pcap", 1, Why::Sslv2),
    ("tcpdump/quic_vn.pcap", -1, Why::OnlyOurs),
    ("wireshark/rsasnakeoil2.pcap", 1, Why::SecondHello),
    ("wireshark/wireguard-ping-tcp-dsb.pcapng", 1, Why::DecryptedByKeys),
    ("wireshark/wpa2-ft-eap.pcapng.gz", 1, Why::InsideAnotherProtocol),
    ("zeek/mysql__tls-12-amazon-rds.pcap", 1, Why::InsideAnotherProtocol),
    ("zeek/mysql__tls-13-amazon-rds.pcap", 1, Why::InsideAnotherProtocol),
    ("zeek/postgresql__psql-aws-ssl-require.pcap", 1, Why::InsideAnotherProtocol),
    ("zeek/tls__hrr.pcap", 1, Why::SecondHello),
    ("zeek/tls__https-to-http.pcap", -1, Why::ByPort),
    ("zeek/tls__imap-starttls.pcap", 1, Why::InsideAnotherProtocol),
    ("zeek/tls__pop3-starttls.pcap", 1, Why::InsideAnotherProtocol),
    ("zeek/tls__xmpp-starttls.pcap", 1, Why::InsideAnotherProtocol),
];

/// Why we count otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Why {
    /// A server name that is an address, or has a port behind it, is no host name, and names nothing.
    AddressAsName,
    /// tshark goes by the port, and takes it for something else.
    ByPort,
    /// The UDP length is past the IP packet: malformed to us, a datagram to tshark.
    BadLength,
    /// tshark decrypts by keys in the file.
    DecryptedByKeys,
    /// A first fragment of a length that none can have is taken for a packet by tshark.
    FirstFragment,
    /// TLS that begins inside another protocol (`PostgreSQL`, RDP over UDP, EAP).
    InsideAnotherProtocol,
    /// `IPsec` is named and not opened.
    Ipsec,
    /// tshark lists the pair twice: a tuple was used anew, or one of its dissectors starts a conversation of its own.
    ListedTwice,
    /// What carries it is counted by name and not decoded.
    NotDecoded,
    /// tshark 4.0 does not know it (a jumbo packet, a link type, a version of the file or of QUIC).
    OnlyOurs,
    /// QUIC of a version that is not opened, or whose hello is not whole.
    OtherQuic,
    /// A connection's second hello, which was asked for (RFC 8446 section 4.1.4) or is encrypted.
    SecondHello,
    /// A hello in the form of SSL 2.0, which has no server name.
    Sslv2,
    /// The outer ends of a tunnel over UDP are the tunnel's, and no conversation.
    Tunnel,
    /// Both of these.
    TunnelAndAddressAsName,
}

#[test]
fn conversations_and_server_names_equal_those_of_tshark_or_the_reason_is_known() {
    let Some(rows) = rows() else { return };
    let mut faults = Vec::new();
    let mut slowest = (Duration::ZERO, String::new());
    let before = peak_kib();
    for row in &rows {
        let start = Instant::now();
        let Counts { compared: ours, pairs, hellos } = counts(&shared("corpus").join(&row.file));
        slowest = slowest.max((start.elapsed(), row.file.clone()));
        let more = [0, 1].map(|at| (pairs[at] - row.pairs[at]).max(0));
        if more != PAIRS.iter().find(|(file, _)| *file == row.file).map_or([0; 2], |(_, more)| *more) {
            faults.push(format!("{}: pairs of addresses {pairs:?} for {:?}", row.file, row.pairs));
        }
        let fewer = row.hellos - hellos;
        if fewer != HELLOS.iter().find(|(file, ..)| *file == row.file).map_or(0, |(_, fewer, _)| *fewer) {
            faults.push(format!("{}: {hellos} ClientHellos for {}", row.file, row.hellos));
        }
        let found = [0, 1, 2].map(|at| ours[at] - row.counts[at]);
        let explained = EXPLAINED.iter().find(|(file, ..)| *file == row.file);
        if found != explained.map_or([0; 3], |(_, differences, _)| *differences) {
            faults.push(format!("{}: {ours:?} for {:?}, {explained:?}", row.file, row.counts));
        }
    }
    let known: BTreeSet<&str> = rows.iter().map(|row| row.file.as_str()).collect();
    let listed = EXPLAINED.iter().map(|(file, ..)| *file).chain(PAIRS.iter().map(|(file, _)| *file));
    let listed = listed.chain(HELLOS.iter().map(|(file, ..)| *file));
    let stale = listed.filter(|file| !known.contains(file)).map(str::to_owned);
    faults.extend(stale.map(|file| format!("{file}: explained, and not in the corpus")));
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
    say(&format!("{} files, {} explained; the slowest took {slowest:?}", rows.len(), EXPLAINED.len()));
    assert!(slowest.0 < Duration::from_secs(5), "{slowest:?}");
    // One process reads them all, so no single file needed more.
    if let (Some(before), Some(after)) = (before, peak_kib()) {
        assert!(after - before < 64 * 1024, "{} KiB over an empty run", after - before);
    }
}

/// What we find in a file; nothing where it cannot be read.
struct Counts {
    /// TCP conversations, UDP conversations and server names.
    compared: [i64; 3],
    /// Pairs of IPv4 and of IPv6 addresses.
    pairs: [i64; 2],
    /// Hellos of TLS and QUIC.
    hellos: i64,
}

fn counts(path: &Path) -> Counts {
    let settings = Settings { hash: false, ..Settings::default() };
    let inspection = inspect(&[path.to_owned()], settings, &());
    let count = |of: &dyn Fn(&Unit) -> usize| inspection.units().iter().map(of).sum::<usize>();
    let conversations = |protocol| count(&|unit: &Unit| conversations(unit, protocol).len());
    let counts =
        [conversations(Protocol::Tcp), conversations(Protocol::Udp), count(&|unit| names(unit).len())];
    let pairs = [false, true].map(|is_ipv6| count(&|unit: &Unit| pairs(unit, is_ipv6).len()));
    let hellos = count(&hellos);
    let number = |count| i64::try_from(count).unwrap();
    Counts { compared: counts.map(number), pairs: pairs.map(number), hellos: number(hellos) }
}

/// The pairs of addresses of one family that flows go between.
fn pairs(unit: &Unit, is_ipv6: bool) -> BTreeSet<[IpAddr; 2]> {
    let pair = |flow: Flow<'_>| {
        let mut ends = [Side::First, Side::Second].map(|side| flow.endpoint(side).address);
        ends.sort_unstable();
        ends
    };
    unit.flows().iter().map(pair).filter(|[low, _]| low.is_ipv6() == is_ipv6).collect()
}

/// The hellos of flows that do not speak DTLS.
fn hellos(unit: &Unit) -> usize {
    let evidence = unit.evidence();
    let is_dtls = |flow| evidence.of(flow).iter().any(|entry| matches!(entry.fact, Fact::Dtls));
    let hellos = evidence.facts().filter(|entry| matches!(entry.fact, Fact::ClientHello(_)));
    hellos.filter(|entry| !is_dtls(entry.flow)).count()
}

/// The pairs of ends, wherever and however often they talk.
fn conversations(unit: &Unit, protocol: Protocol) -> BTreeSet<[Endpoint; 2]> {
    let flows = unit.flows().iter().filter(|flow| flow.protocol() == protocol);
    flows
        .map(|flow| {
            let mut ends = [Side::First, Side::Second].map(|side| flow.endpoint(side));
            ends.sort_unstable();
            ends
        })
        .collect()
}

fn names(unit: &Unit) -> BTreeSet<&str> {
    let evidence = unit.evidence();
    let facts = evidence.facts().filter_map(|entry| match entry.fact {
        Fact::Name { name, origin, .. } | Fact::Behind { name, origin } => Some((name, origin)),
        _ => None,
    });
    // Those of DTLS are not among tshark's figures.
    let is_sni = |origin| matches!(origin, Origin::Sni | Origin::SniOtherCopy | Origin::QuicSni);
    facts.filter(|(_, origin)| is_sni(*origin)).map(|(name, _)| evidence.name(name)).collect()
}

struct Row {
    file: String,
    counts: [i64; 3],
    pairs: [i64; 2],
    hellos: i64,
}

fn rows() -> Option<Vec<Row>> {
    let Ok(table) = fs::read_to_string(shared("corpus").join("expected.tsv")) else {
        say(&format!("NOT CHECKED: {} is not there, so nothing was read", shared("corpus").display()));
        return None;
    };
    let mut lines = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next()?;
    let row = |cells: Vec<&str>| {
        let cell = |name: &str| cells[head.iter().position(|known| *known == name).unwrap()];
        let number = |name: &str| cell(name).parse().unwrap_or(0);
        let counts = [number("tcp_conv"), number("udp_conv"), number("tls_sni")];
        let pairs = [number("ipv4_conv"), number("ipv6_conv")];
        Row { file: cell("file").to_owned(), counts, pairs, hellos: number("client_hellos") }
    };
    Some(lines.map(row).collect())
}

fn shared(folder: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")).join(folder)
}

/// The most memory that this process has had, where the system tells it.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn say(text: &str) {
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
}

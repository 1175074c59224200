//! Real captures against what other tools read from them: `../shared/captures`, whose README is the ground truth.
//!
//! The captures are not part of the project. Where they are absent the tests say so and check nothing; where a line of
//! the ground truth cannot be compared, the reason stands here.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use borderpost::evidence::{Fact, Origin, ZoomFact};
use borderpost::flow::Side;
use borderpost::inspect::{Inspection, Settings, inspect};
use borderpost::packet::{self, Decoded, Protocol};
use borderpost::source::{Capture, Options};
use borderpost::wire::{Read, dns};

/// Conversations that tshark counts and we do not, or otherwise: file, TCP, UDP (ours minus theirs), why.
const EXPLAINED: &[(&str, i64, i64, &str)] = &[(
    "ndpi-zoom.pcap",
    0,
    -1,
    "the GTP-U tunnel of frames 701 to 781 is opened: its outer addresses are the tunnel's, not a conversation",
)];

#[test]
fn frames_and_conversations_equal_the_ground_truth() {
    let Some(truths) = truths() else { return };
    let mut faults = Vec::new();
    for truth in &truths {
        let inspection = inspection(&truth.file);
        let census = inspection.census();
        if census.frames() != truth.frames || census.by_name().values().sum::<u64>() != truth.frames {
            faults.push(format!("{}: {} frames, {} by tshark", truth.file, census.frames(), truth.frames));
        }
        if !truth.is_decoded_link() {
            std::io::stderr()
                .write_all(
                    format!(
                        "skipped conversations of {}: link type {} is counted, not decoded\n",
                        truth.file, truth.link
                    )
                    .as_bytes(),
                )
                .unwrap();
            continue;
        }
        let explained = EXPLAINED.iter().find(|(file, ..)| *file == truth.file);
        let (tcp, udp) = explained.map_or((0, 0), |(_, tcp, udp, _)| (*tcp, *udp));
        let ours = (conversations(&inspection, Protocol::Tcp), conversations(&inspection, Protocol::Udp));
        if (ours.0 - tcp, ours.1 - udp) != (truth.tcp, truth.udp) {
            faults.push(format!("{}: TCP/UDP {ours:?}, {:?} by tshark", truth.file, (truth.tcp, truth.udp)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(truths.len(), 37);
}

#[test]
fn server_names_equal_the_ground_truth() {
    let Some(truths) = truths() else { return };
    let mut faults = Vec::new();
    for truth in truths.iter().filter(|truth| truth.is_decoded_link()) {
        let inspection = inspection(&truth.file);
        let ours = names(&inspection);
        // tshark shows server names that are addresses; they are no host names, so they name nothing here.
        let theirs: BTreeSet<String> =
            truth.names.iter().filter(|name| name.parse::<std::net::IpAddr>().is_err()).cloned().collect();
        let missing: Vec<_> = theirs.difference(&ours).collect();
        let extra: Vec<_> = ours.difference(&theirs).filter(|_| truth.names_are_complete).collect();
        if !missing.is_empty() || !extra.is_empty() {
            faults.push(format!("{}: missing {missing:?}, extra {extra:?}", truth.file));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn dns_answers_equal_the_ground_truth() {
    let Some(truths) = truths() else { return };
    let mut faults = Vec::new();
    let mut compared = 0;
    for truth in truths.iter().filter(|truth| truth.is_decoded_link() && truth.file != "ndpi-dns.pcap") {
        let ours = answers(&truth.file);
        let missing: Vec<_> = truth.answers.iter().filter(|answer| !ours.contains(*answer)).collect();
        compared += truth.answers.len();
        if !missing.is_empty() {
            faults.push(format!("{}: missing {missing:?}", truth.file));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(compared > 40, "only {compared} answers were compared");
}

#[test]
fn zoom_flows_are_found_by_payload_and_look_alikes_have_none() {
    let Some(truths) = truths() else { return };
    // Flows with Zoom's own layer, without STUN: by the ports that the ground truth lists.
    let by_payload = [
        ("ndpi-zoom.pcap", 4),
        ("ndpi-zoom2.pcap", 3),
        ("princeton-zoom_test.pcap", 4),
        ("alizanoa-zoom-2025.pcapng", 3),
    ];
    for (file, expected) in by_payload {
        assert_eq!(payload_flows(&inspection(file)).len(), expected, "{file}");
    }
    for truth in truths.iter().filter(|truth| truth.class != "zoom") {
        let inspection = inspection(&truth.file);
        let mine: Vec<_> = inspection.units().iter().flat_map(borderpost::inspect::Unit::clients).collect();
        assert!(mine.is_empty(), "{}: {mine:?}", truth.file);
    }
}

#[test]
fn a_server_hello_keeps_its_own_frame_and_not_its_certificates() {
    if truths().is_none() {
        return;
    }
    for (file, frames) in [
        ("ndpi-zoom2.pcap", &[6][..]),
        ("zeek-tls12-stream-keylog.pcap", &[6]),
        ("ndpi-zoom.pcap", &[37, 103, 112, 180, 186, 195, 204, 286]),
    ] {
        let inspection = inspection(file);
        let facts = inspection.units()[0].evidence().facts();
        let hellos = facts.filter(|entry| matches!(entry.fact, Fact::TlsVersion(_)));
        let mut found: Vec<u64> = hellos.map(|entry| entry.frame.number()).collect();
        found.sort_unstable();
        assert!(frames.iter().all(|frame| found.contains(frame)), "{file}: {found:?}");
    }
}

/// What the README says of one capture.
struct Truth {
    file: String,
    class: String,
    link: String,
    frames: u64,
    tcp: i64,
    udp: i64,
    names: BTreeSet<String>,
    names_are_complete: bool,
    answers: BTreeSet<String>,
}

impl Truth {
    /// PKTAP and netlink are counted by number.
    fn is_decoded_link(&self) -> bool {
        !["netlink"].contains(&self.link.as_str())
    }
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/captures"))
}

fn truths() -> Option<Vec<Truth>> {
    let Ok(text) = fs::read_to_string(folder().join("README.md")) else {
        std::io::stderr().write_all(b"\n*** NOT CHECKED: ../shared/captures is not there, so no real capture was compared ***\n\n")
            .unwrap();
        return None;
    };
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.contains(".pcap"));
    Some(rows.map(|row| truth(row, &text)).collect())
}

fn truth(row: &str, text: &str) -> Truth {
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    let (tcp, udp) = cells[5].split_once('/').unwrap();
    let section = text.split(&format!("### {}\n", cells[1])).nth(1).unwrap().split("\n### ").next().unwrap();
    let (names, names_are_complete) = list(section, "- SNI");
    let (answers, _) = list(section, "- DNS address answers");
    Truth {
        file: cells[1].to_owned(),
        class: cells[2].to_owned(),
        link: cells[3].to_owned(),
        frames: cells[4].parse().unwrap(),
        tcp: tcp.parse().unwrap(),
        udp: udp.parse().unwrap(),
        names,
        names_are_complete,
        answers,
    }
}

/// `- LABEL (...): a, b x2, ... (20 distinct)` as a set, and whether it is all of them.
fn list(section: &str, label: &str) -> (BTreeSet<String>, bool) {
    let Some(line) = section.lines().find(|line| line.starts_with(label)) else {
        return (BTreeSet::new(), false);
    };
    let Some((_, items)) = line.split_once(": ") else { return (BTreeSet::new(), false) };
    if items.starts_with("none decoded") {
        return (BTreeSet::new(), true);
    }
    let listed = items.split(", ").filter(|item| !item.starts_with("...") && !item.ends_with(')'));
    let names = listed.map(|item| item.split(' ').next().unwrap().to_owned());
    (names.collect(), !items.contains("..."))
}

fn inspection(file: &str) -> Inspection {
    let settings = Settings { hash: false, ..Settings::default() };
    let inspection = inspect(&[folder().join(file)], settings, &());
    assert!(inspection.failures().is_empty(), "{file}: {:?}", inspection.failures());
    inspection
}

/// Different pairs of ends; one pair may hold several flows.
fn conversations(inspection: &Inspection, protocol: Protocol) -> i64 {
    let unit = &inspection.units()[0];
    let pairs = unit.flows().iter().filter(|flow| flow.protocol() == protocol).map(|flow| {
        let ends =
            [Side::First, Side::Second].map(|side| (flow.endpoint(side).address, flow.endpoint(side).port));
        (ends[0].min(ends[1]), ends[0].max(ends[1]))
    });
    i64::try_from(pairs.collect::<BTreeSet<_>>().len()).unwrap()
}

fn names(inspection: &Inspection) -> BTreeSet<String> {
    let evidence = inspection.units()[0].evidence();
    let names = evidence.facts().filter_map(|entry| match entry.fact {
        Fact::Name { name, origin: Origin::Sni | Origin::QuicSni, .. } => {
            Some(evidence.name(name).to_owned())
        }
        _ => None,
    });
    names.collect()
}

/// All answers on the wire, asked for or not, as tshark lists them.
fn answers(file: &str) -> BTreeSet<String> {
    let mut capture =
        Capture::open(&folder().join(file), &Options { hash: false, ..Options::default() }).unwrap();
    let mut found = BTreeSet::new();
    while let Some(frame) = capture.next_frame() {
        let Decoded::Packet(packet) = packet::decode(frame.link, frame.data, frame.wire_len) else {
            continue;
        };
        if ![packet.from().port, packet.to().port].iter().any(|port| [53, 5353, 5355].contains(port)) {
            continue;
        }
        let Read::Done(message) = dns::message(packet.payload) else { continue };
        let Some(name) = message.question.and_then(|question| question.name) else { continue };
        for answer in message.answers {
            if let dns::AnswerData::Address(address) = answer.data {
                found.insert(format!("{name}={address}"));
            }
        }
    }
    found
}

fn payload_flows(inspection: &Inspection) -> BTreeSet<u32> {
    let facts = inspection.units()[0].evidence().facts();
    let zoom = facts.filter(|entry| {
        matches!(entry.fact, Fact::Zoom(ZoomFact::Certain | ZoomFact::PeerHello { .. } | ZoomFact::PeerMedia))
    });
    zoom.map(|entry| entry.flow.0).collect()
}

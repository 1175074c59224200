//! What somebody may add to a capture, on the wire or in the file, to have it judged more kindly. For each trick: it is noted
//! with its frame where it can be told, no finding is milder than without it, and nothing new is taken for harmless.
//!
//! Input: shipped captures, and what is done to them. Must not: use a trick that an honest network plays, too, and call it one.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test may fail"
)]

#[path = "../captures/generator/mod.rs"]
#[allow(dead_code, reason = "captures are made for one test, and none is saved")]
mod generator;
#[path = "deception/tape.rs"]
mod tape;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::Ipv4Addr;

use borderpost::inspect::{Settings, inspect};
use borderpost::report::lang::Lang;
use borderpost::report::{self, table};
use proptest::prelude::*;
use serde_json::Value;

use self::tape::{
    A, Block, CNAME, FIN_ACK, PTR, PUSH_ACK, RST, Sent, Talk, Tape, answer, block, fragment, handshake,
    hello, option, wire_name,
};

/// What is done to a connection of a capture.
type Trick = fn(&mut Tape, &Talk);

/// The tricks, and as what each is noted: `None` where it cannot be told from what honest networks and tools do.
const TRICKS: [(&str, Trick, Option<&str>); 30] = [
    ("a fragment before the true one with another name", fragments_first, Some("contested_fragment")),
    ("a fragment behind the true one with another name", fragments_last, Some("contested_fragment")),
    ("a segment before the true hello with another name", segment_first, Some("contested_handshake")),
    ("a segment behind the true hello with another name", segment_last, Some("contested_handshake")),
    ("the same with the name of a site that spells the address", segment_sited, Some("contested_handshake")),
    ("a segment that overlaps half of the hello", segment_half, Some("contested_handshake")),
    ("data sent again otherwise", retransmission, None),
    ("a second hello with another name", second_hello, Some("two_names")),
    ("a second hello, behind a record that means nothing", second_hello_padded, Some("two_names")),
    ("a hello of a third party's before the true one", segment_third_party, Some("contested_handshake")),
    (RACE, raced_answer, Some("unasked_dns_answer")),
    (ALONE, unanswered, None),
    ("an answer that nobody asked for", unasked, Some("unasked_dns_answer")),
    (
        "an answer that nobody asked for, with a site that spells the address",
        unasked_sited,
        Some("unasked_dns_answer"),
    ),
    ("an answer from another server", wrong_server, Some("unasked_dns_answer")),
    ("an answer with another number", wrong_id, Some("unasked_dns_answer")),
    ("the name of an address, asked backwards", reverse_name, Some("unasked_dns_answer")),
    ("time that runs backwards", backwards, Some("time_backwards")),
    ("every packet on another interface, too", two_interfaces, Some("seen_twice")),
    ("a reset before the hello", reset_before, None),
    ("a reset behind the hello", reset_behind, None),
    ("an end before the hello", end_before, None),
    // What the server says first is all that is read of it; the true one counts as repeated bytes.
    ("a certificate of another", forged_certificate, None),
    ("a hello of the server's from the middle", forged_from_the_middle, None),
    ("a name block that says EU", name_block, None),
    ("comments that claim things", comments, None),
    ("directions that lie", directions, None),
    ("the same addresses in a VLAN", in_a_vlan, None),
    ("the same addresses in a tunnel", in_a_tunnel, None),
    ("a hello in a tunnel with another name", in_a_tunnel_renamed, None),
];

const ALONE: &str = "a connection of its own that nobody answers";
const RACE: &str = "a right answer that comes before the true one";

/// Nobody's that matters, and in no catalogue.
const HARMLESS: &str = "weather.example";

#[test]
fn no_trick_makes_a_finding_milder() {
    // Where the place rests on ranges, and where it rests on the name alone.
    for (capture, server) in
        [("eu-meeting-us-telemetry", [3, 235, 96, 40]), ("traveller", [144, 195, 34, 253])]
    {
        let tape = Tape::shipped(capture);
        let talk = tape.talk_with(server.into());
        let base = Judged::of(&tape);
        assert_eq!(
            base.worst[&talk.server.0.to_string()],
            Severity::OutsideUnlisted,
            "what there is to hide"
        );
        let mut failures = Vec::new();
        for (name, trick, kind) in TRICKS {
            let mut tricked = tape.clone();
            trick(&mut tricked, &talk);
            let judged = Judged::of(&tricked);
            failures.extend(judged.milder_than(&base).into_iter().map(|what| format!("{name}: {what}")));
            if let Some(kind) = kind {
                failures.extend(judged.lacks(kind).map(|what| format!("{name}: {what}")));
            }
        }
        assert!(failures.is_empty(), "{capture}: {failures:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 16, ..ProptestConfig::default() })]

    /// Any of the tricks on any connection of any shipped capture, and two of them at once.
    #[test]
    fn no_tricks_make_any_capture_look_better(
        name in prop::sample::select(&CAPTURES[..]),
        at in any::<prop::sample::Index>(),
        tricks in prop::collection::vec(prop::sample::select(&TRICKS[..]), 1..3)
            // Of an address that a database alone places a right answer is believed, whoever sent it.
            .prop_filter("a race", |tricks| tricks.iter().all(|(name, ..)| *name != RACE))
            // And a connection of which both sides were made up.
            .prop_filter("made up", |tricks| tricks.iter().rev().skip(1).all(|(name, ..)| *name != ALONE)),
    ) {
        let tape = Tape::shipped(name);
        let base = Judged::of(&tape);
        let mut tricked = tape.clone();
        for (_, trick, _) in &tricks {
            // Those of before moved the frames on.
            let talks = tricked.talks();
            prop_assume!(!talks.is_empty());
            let talk = at.get(&talks).clone();
            trick(&mut tricked, &talk);
        }
        let names: Vec<&str> = tricks.iter().map(|(name, _, _)| *name).collect();
        prop_assert_eq!(Judged::of(&tricked).milder_than(&base), Vec::<String>::new(), "{}: {:?}", name, names);
    }
}

const CAPTURES: [&str; 7] = [
    "eea-meeting",
    "eu-meeting-us-telemetry",
    "joined-midway",
    "third-parties",
    "traveller",
    "trust-and-safety",
    "webinar-invitation",
];

/// How bad a finding is, for what law and register ask.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Severity {
    /// Another program's, or on the local network.
    None,
    InEea,
    /// A third party's that nothing ties to the client.
    Untied,
    UntiedOutside,
    Undetermined,
    OutsidePossible,
    OutsideListed,
    OutsideUnlistedPossible,
    OutsideUnlisted,
}

impl Severity {
    fn of(flow: &Value) -> Self {
        let (axis, whose) = (flow["place"]["axis"].as_str().unwrap(), flow["whose"].as_str().unwrap());
        let is_possible = flow["place"]["grade"] == "possible";
        let is_listed = flow["listing"] == "listed";
        match (whose, axis) {
            ("not_attributable", "outside") => Self::UntiedOutside,
            ("not_attributable", "undetermined") => Self::Untied,
            ("client", "outside") => match (is_listed, is_possible) {
                (false, false) => Self::OutsideUnlisted,
                (false, true) => Self::OutsideUnlistedPossible,
                (true, false) => Self::OutsideListed,
                (true, true) => Self::OutsidePossible,
            },
            ("client", "undetermined") => Self::Undetermined,
            ("client", "eea") => Self::InEea,
            _ => Self::None,
        }
    }
}

/// What a report says of a tape.
struct Judged {
    report: Value,
    table: String,
    /// The worst of each remote address.
    worst: BTreeMap<String, Severity>,
    /// The best of each: what is taken for harmless.
    best: BTreeMap<String, Severity>,
}

impl Judged {
    fn of(tape: &Tape) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tape.pcapng");
        fs::write(&path, tape.bytes()).unwrap();
        let inspection = inspect(&[path], Settings { hash: false, ..Settings::default() }, &());
        let built = report::build(&inspection, ALL);
        let table = table::table(&built, table::Color::Never, Lang::ENGLISH);
        let report = serde_json::to_value(&built).unwrap();
        let (mut worst, mut best) = (BTreeMap::new(), BTreeMap::new());
        for flow in report["flows"].as_array().unwrap() {
            let remote = flow["remote"].as_str().unwrap();
            let address = remote.rsplit_once(':').map_or(remote, |(address, _)| address).to_owned();
            let severity = Severity::of(flow);
            let known = worst.entry(address.clone()).or_insert(severity);
            *known = severity.max(*known);
            let known = best.entry(address).or_insert(severity);
            *known = severity.min(*known);
        }
        Self { report, table, worst, best }
    }

    /// What is better here than in the base.
    fn milder_than(&self, base: &Self) -> Vec<String> {
        let mut milder = Vec::new();
        for (remote, before) in &base.worst {
            match self.worst.get(remote) {
                None => milder.push(format!("{remote}, {before:?}, is gone")),
                Some(now) if now < before => milder.push(format!("{remote} was {before:?} and is {now:?}")),
                Some(_) => {}
            }
        }
        // A remote end that the base does not have is no finding that became milder; one that it has is not to be in the EEA anew.
        for (remote, now) in &self.best {
            let is_new = base.best.get(remote).is_some_and(|before| before > &Severity::InEea);
            if *now == Severity::InEea && is_new {
                milder.push(format!("{remote} is now in the EEA"));
            }
        }
        for count in ["outside", "outside_unlisted"] {
            let of = |report: &Value| report["headline"][count].as_u64().unwrap();
            if of(&self.report) < of(&base.report) {
                milder.push(format!("{count}: {} and not {}", of(&self.report), of(&base.report)));
            }
        }
        let inside = |report: &Value| -> BTreeSet<String> {
            let all = report["destinations"].as_array().unwrap().iter();
            let all = all.filter(|known| known["place"]["axis"] == "eea" && known["whose"] == "client");
            all.flat_map(|known| known["addresses"].as_array().unwrap())
                .map(|address| address.as_str().unwrap().to_owned())
                .collect()
        };
        let new: Vec<String> = inside(&self.report).difference(&inside(&base.report)).cloned().collect();
        if !new.is_empty() {
            milder.push(format!("in the EEA anew: {new:?}"));
        }
        milder
    }

    /// What is missing where this kind of oddity is to be noted.
    fn lacks(&self, kind: &str) -> Option<String> {
        let anomalies = self.report["anomalies"].as_array().unwrap();
        let Some(noted) = anomalies.iter().find(|noted| noted["kind"] == kind) else {
            let kinds: Vec<&Value> = anomalies.iter().map(|noted| &noted["kind"]).collect();
            return Some(format!("not noted as {kind}: {kinds:?}"));
        };
        if noted["frame"].is_null() {
            return Some(format!("{kind} is noted without a frame"));
        }
        let what = noted["what"].as_str().unwrap().split_whitespace().take(3).collect::<Vec<_>>().join(" ");
        (!self.table.contains(&what)).then(|| format!("{kind} is not in the table"))
    }
}

const ALL: report::Options = report::Options { show_participants: false, list_flows: true };

/// The true hello in two fragments, and the first of them once more with another name: in front of it, or behind.
fn fragments(tape: &mut Tape, talk: &Talk, is_first: bool) {
    let segment = tape.segment(talk, true, [talk.seq, talk.ack], PUSH_ACK, &talk.said);
    let forged = renamed(&segment);
    // Behind the name, where anything is.
    let whole = segment.len() - 34;
    let cut = (name_in(&segment).1 - 34).next_multiple_of(8).min((whole - 1) / 8 * 8);
    let mut parts = [fragment(&segment, 0..cut, true), fragment(&forged, 0..cut, true)];
    if is_first {
        parts.reverse();
    }
    tape.frame_mut(talk.hello).data = fragment(&segment, cut..whole, false);
    for part in parts.into_iter().rev() {
        tape.insert(talk.hello, part);
    }
}

/// The same bytes with another name in them: of the longest text that may be one, four letters are others.
fn renamed(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let (at, end) = name_in(&packet);
    if end - at >= 8 {
        packet[at + 2..at + 6].fill(b'x');
    }
    packet
}

/// Where the longest run of letters of host names begins and ends.
fn name_in(bytes: &[u8]) -> (usize, usize) {
    let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'.';
    let (mut best, mut from) = ((0, 0), 0);
    for (at, byte) in bytes.iter().chain([&0]).enumerate() {
        if !is_letter(byte) {
            if at - from > best.1 - best.0 {
                best = (from, at);
            }
            from = at + 1;
        }
    }
    best
}

fn fragments_first(tape: &mut Tape, talk: &Talk) {
    fragments(tape, talk, true);
}

fn fragments_last(tape: &mut Tape, talk: &Talk) {
    fragments(tape, talk, false);
}

/// A segment that asks for another name, at the sequence number of the hello.
fn asks(tape: &Tape, talk: &Talk, name: &str) -> Vec<u8> {
    tape.segment(talk, true, [talk.seq, talk.ack], PUSH_ACK, &hello(name))
}

fn segment_first(tape: &mut Tape, talk: &Talk) {
    tape.insert(talk.hello, asks(tape, talk, HARMLESS));
}

fn segment_last(tape: &mut Tape, talk: &Talk) {
    tape.insert_after(talk.hello, asks(tape, talk, HARMLESS));
}

fn segment_sited(tape: &mut Tape, talk: &Talk) {
    tape.insert(talk.hello, asks(tape, talk, &sited(talk.server.0)));
}

/// The name that a server of the operator's in Amsterdam would have at that address.
fn sited(address: Ipv4Addr) -> String {
    format!("zoomamsn{}zc.ams.zoom.us", address.octets()[3])
}

fn segment_half(tape: &mut Tape, talk: &Talk) {
    let half = &renamed(&talk.said)[..name_in(&talk.said).1];
    tape.insert(talk.hello, tape.segment(talk, true, [talk.seq, talk.ack], PUSH_ACK, half));
}

/// What the machine said last is said once more with other bytes.
fn retransmission(tape: &mut Tape, talk: &Talk) {
    let places = tape.places(talk);
    let last = places.iter().rev().find(|place| {
        let data = &tape.frame(**place).data;
        data.len() > 14 + 60 && data[26..30] == talk.client.0.octets()
    });
    let Some(&last) = last else { return };
    let mut data = tape.frame(last).data.clone();
    let from = data.len() - 16;
    data[from..].fill(0x41);
    tape.insert_after(last, data);
}

fn second_hello(tape: &mut Tape, talk: &Talk) {
    let seq = talk.seq.wrapping_add(u32::try_from(talk.said.len()).unwrap());
    let second = tape.segment(talk, true, [seq, talk.ack], PUSH_ACK, &hello(HARMLESS));
    tape.insert_after(talk.hello, second);
}

fn second_hello_padded(tape: &mut Tape, talk: &Talk) {
    let seq = talk.seq.wrapping_add(u32::try_from(talk.said.len()).unwrap());
    let said = [&[20, 3, 3, 0, 1, 1][..], &hello(&sited(talk.server.0))].concat();
    tape.insert_after(talk.hello, tape.segment(talk, true, [seq, talk.ack], PUSH_ACK, &said));
}

fn segment_third_party(tape: &mut Tape, talk: &Talk) {
    tape.insert(talk.hello, asks(tape, talk, "ct.sendgrid.net"));
}

/// A connection from another port, with a hello for a site that spells the address, before the true one.
fn unanswered(tape: &mut Tape, talk: &Talk) {
    let forged = Talk { client: (talk.client.0, talk.client.1 ^ 1), ..talk.clone() };
    tape.insert(talk.hello, asks(tape, &forged, &sited(talk.server.0)));
}

/// A datagram from a name server in front of everything.
fn told(tape: &mut Tape, talk: &Talk, server: [u8; 4], message: &[u8]) {
    let ends = [(Ipv4Addr::from(server), 53), (talk.client.0, 40_000)];
    let datagram = tape.datagram(talk, false, ends, message);
    let first = tape.frames().next().unwrap().0;
    tape.insert(first, datagram);
}

const RESOLVER: [u8; 4] = [192, 168, 1, 1];

fn unasked(tape: &mut Tape, talk: &Talk) {
    let address = talk.server.0.octets().to_vec();
    told(tape, talk, RESOLVER, &answer(7, (HARMLESS, A), &[(HARMLESS, A, address)]));
}

fn unasked_sited(tape: &mut Tape, talk: &Talk) {
    let name = sited(talk.server.0);
    told(tape, talk, RESOLVER, &answer(7, (&name, A), &[(&name, A, talk.server.0.octets().to_vec())]));
}

/// Where a question stands, its two ends, its number, and what it asks.
type Question = (usize, [(Ipv4Addr, u16); 2], u16, Vec<u8>);

/// The first question of the capture, its two ends, and its number and name, where there is one over IPv4.
fn question(tape: &Tape) -> Option<Question> {
    tape.frames().find_map(|(place, sent)| {
        let data = &sent.data;
        let is_question =
            data[12..14] == [8, 0] && data[23] == 17 && data[36..38] == [0, 53] && data[44] < 0x80;
        let at = |from: usize| Ipv4Addr::from(*data[from..].first_chunk::<4>().unwrap());
        let half = |from: usize| u16::from_be_bytes([data[from], data[from + 1]]);
        is_question.then(|| {
            let text = data[54..].to_vec();
            (place, [(at(26), half(34)), (at(30), 53)], half(42), text)
        })
    })
}

/// The answer to a question that names the address of the connection, by way of a site that spells it.
fn misnaming(id: u16, text: &[u8], talk: &Talk) -> Vec<u8> {
    let head = [&id.to_be_bytes()[..], &[0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0]].concat();
    let target = wire_name(&sited(talk.server.0));
    let length = u16::try_from(target.len()).unwrap().to_be_bytes();
    let end = text.iter().position(|byte| *byte == 0).unwrap() + 5;
    let alias = [&[0xc0, 12][..], &CNAME.to_be_bytes(), &[0, 1, 0, 0, 0, 60], &length, &target].concat();
    let address =
        [&target[..], &A.to_be_bytes(), &[0, 1, 0, 0, 0, 60, 0, 4], &talk.server.0.octets()].concat();
    [&head[..], &text[..end], &alias, &address].concat()
}

fn wrong_server(tape: &mut Tape, talk: &Talk) {
    let Some((place, [asker, _], id, text)) = question(tape) else { return };
    let ends = [(Ipv4Addr::new(192, 168, 1, 66), 53), asker];
    tape.insert_after(place, tape.datagram(talk, false, ends, &misnaming(id, &text, talk)));
}

fn wrong_id(tape: &mut Tape, talk: &Talk) {
    let Some((place, [asker, server], id, text)) = question(tape) else { return };
    let forged = tape.datagram(talk, false, [server, asker], &misnaming(id ^ 0x5555, &text, talk));
    tape.insert_after(place, forged);
}

/// The answer to the connection's own name, or else to the first question, with an alias that is a site.
fn raced_answer(tape: &mut Tape, talk: &Talk) {
    let Some((place, [asker, server], id, text)) = question(tape) else { return };
    let forged = tape.datagram(talk, false, [server, asker], &misnaming(id, &text, talk));
    tape.insert_after(place, forged);
}

fn reverse_name(tape: &mut Tape, talk: &Talk) {
    let [a, b, c, d] = talk.server.0.octets();
    let asked = format!("{d}.{c}.{b}.{a}.in-addr.arpa");
    let name = wire_name(&sited(talk.server.0));
    told(tape, talk, RESOLVER, &answer(9, (&asked, PTR), &[(&asked, PTR, name)]));
}

/// The hello was captured an hour before it came.
fn backwards(tape: &mut Tape, talk: &Talk) {
    tape.frame_mut(talk.hello).time -= 3_600_000_000_000;
}

fn two_interfaces(tape: &mut Tape, talk: &Talk) {
    let described = tape.blocks.iter().find_map(|block| match block {
        Block::Other(bytes) if bytes[..4] == [1, 0, 0, 0] => Some(bytes.clone()),
        _ => None,
    });
    tape.insert_other(described.unwrap());
    for place in tape.places(talk).into_iter().rev() {
        let first = tape.frame(place).clone();
        tape.insert_after(place, first.data);
        tape.frame_mut(place + 1).interface = 1;
    }
}

fn reset_before(tape: &mut Tape, talk: &Talk) {
    tape.insert(talk.hello, tape.segment(talk, false, [talk.ack, 0], RST, &[]));
}

fn reset_behind(tape: &mut Tape, talk: &Talk) {
    tape.insert_after(talk.hello, tape.segment(talk, true, [talk.seq.wrapping_add(1), 0], RST, &[]));
}

fn end_before(tape: &mut Tape, talk: &Talk) {
    tape.insert(talk.hello, tape.segment(talk, false, [talk.ack, talk.seq], FIN_ACK, &[]));
    tape.insert(talk.hello, tape.segment(talk, true, [talk.seq, talk.ack], FIN_ACK, &[]));
}

/// A certificate that names others, at the sequence number of the server's first word.
fn forged_certificate(tape: &mut Tape, talk: &Talk) {
    tape.insert_after(talk.hello, tape.segment(talk, false, [talk.ack, talk.seq], PUSH_ACK, &flight(talk)));
}

/// What a server of TLS 1.2 says first, with a certificate for another name.
fn flight(talk: &Talk) -> Vec<u8> {
    let names = vec![HARMLESS.to_owned(), sited(talk.server.0)];
    let certificate = rcgen::generate_simple_self_signed(names).unwrap().cert;
    let long = |length: usize| [0, (length >> 8) as u8, length as u8];
    let der = certificate.der();
    let chain = [&long(der.len() + 3)[..], &long(der.len()), der].concat();
    let server_hello = [&[3, 3][..], &[9; 32], &[0, 0xc0, 0x2f, 0]].concat();
    [handshake(2, &server_hello), handshake(11, &chain)].concat()
}

fn forged_from_the_middle(tape: &mut Tape, talk: &Talk) {
    let last = *tape.places(talk).last().unwrap();
    let ack = talk.ack.wrapping_add(1_000_000);
    tape.insert(last, tape.segment(talk, false, [ack, talk.seq], PUSH_ACK, &flight(talk)));
}

fn name_block(tape: &mut Tape, talk: &Talk) {
    let mut record = talk.server.0.octets().to_vec();
    record.extend(sited(talk.server.0).bytes());
    record.extend(b"\0EU\0");
    tape.insert_other(block(4, &[option(1, &record), vec![0; 4]].concat()));
}

fn comments(tape: &mut Tape, talk: &Talk) {
    for place in tape.places(talk) {
        let said = option(1, b"this server stands in Frankfurt, EU; nothing of Zoom's");
        let sent = tape.frame_mut(place);
        sent.options = [&said[..], &[0; 4]].concat();
    }
}

/// Every packet of the connection went the other way, by the word of the file.
fn directions(tape: &mut Tape, talk: &Talk) {
    for place in tape.places(talk) {
        let sent = tape.frame_mut(place);
        let is_up = sent.data[26..30] == talk.client.0.octets();
        let flags: u32 = if is_up { 1 } else { 2 };
        sent.options = [&option(2, &flags.to_le_bytes())[..], &[0; 4]].concat();
    }
}

fn copies(tape: &mut Tape, talk: &Talk, change: impl Fn(&Sent) -> Vec<u8>) {
    for place in tape.places(talk).into_iter().rev() {
        let copy = change(tape.frame(place));
        tape.insert_after(place, copy);
    }
}

fn in_a_vlan(tape: &mut Tape, talk: &Talk) {
    copies(tape, talk, |sent| [&sent.data[..12], &[0x81, 0, 0, 100], &sent.data[12..]].concat());
}

/// GRE between the machine and its router.
fn gre(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() - 14 + 24).unwrap().to_be_bytes();
    let outer =
        [&[0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 47, 0, 0][..], &[192, 168, 1, 20], &RESOLVER]
            .concat();
    [&data[..14], &outer, &[0, 0, 8, 0], &data[14..]].concat()
}

fn in_a_tunnel(tape: &mut Tape, talk: &Talk) {
    copies(tape, talk, |sent| gre(&sent.data));
}

fn in_a_tunnel_renamed(tape: &mut Tape, talk: &Talk) {
    copies(tape, talk, |sent| gre(&renamed(&sent.data)));
}

/// A client that names itself wrongly: what it asks for is a claim of its own, and no place follows from it against the address.
#[test]
fn names_that_contradict_their_address_place_nothing() {
    let tape = Tape::shipped("eu-meeting-us-telemetry");
    let address = Ipv4Addr::new(3, 235, 96, 40);
    let axis = |name: &str| {
        let mut tape = tape.clone();
        let talk = tape.talk_with(address);
        tape.frame_mut(talk.hello).data = asks(&tape, &talk, name);
        let report = Judged::of(&tape).report;
        let flows = report["flows"].as_array().unwrap().clone();
        let flow = flows.iter().find(|flow| flow["remote"] == "3.235.96.40:443").unwrap().clone();
        let text = |field: &str| flow["place"][field].as_str().unwrap().to_owned();
        (text("axis"), text("grade"))
    };
    let outside = ("outside".to_owned(), "likely".to_owned());
    // The digits of other addresses, other countries' codes without any, and words that sound like a place.
    for name in [
        "zoomamsn104zc.ams.zoom.us",
        "zoomfran139mmr.fra.zoom.us",
        "eu01web.zoom.us",
        "eu-central-1.telemetry.zoom.us",
        "frankfurt.de.zoom.us",
        "ec2-3-235-96-40.eu-central-1.compute.amazonaws.com",
    ] {
        assert_eq!(axis(name), outside, "{name}");
    }
    // One that spells the address is a statement as strong as the region's: both are shown, and none is chosen.
    let (axis, grade) = axis(&sited(address));
    assert_eq!((&*axis, &*grade), ("undetermined", "conflict"));
}

/// A scenario with one connection over QUIC.
fn quic(name: &str) -> Tape {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("scenarios")).unwrap();
    let text = format!(
        "purpose = \"deception\"\nstart = \"2024-06-18T08:31:07Z\"\nseed = 7\n\
         [client]\ninterface = \"en0\"\nmac = \"02:5e:10:00:01:14\"\nrouter_mac = \"02:5e:10:00:01:01\"\n\
         ipv4 = \"192.168.1.20\"\nresolver = \"192.168.1.1\"\n\
         [[host]]\nname = \"{name}\"\nipv4 = \"3.235.96.40\"\nrtt_ms = 92.4\nstack = \"quic\"\nalpn = \"h3\"\n\
         [[step]]\ndo = \"connect\"\nat = 0.5\nhost = \"{name}\"\nexchanges = [{{ at = 1.0, up = 900, down = 900 }}]\n"
    );
    fs::write(folder.path().join("scenarios/quic.toml"), text).unwrap();
    Tape::of(&generator::make(folder.path(), "quic").unwrap().capture)
}

/// The same Initial with another name, from the same socket, before the true one and behind it.
#[test]
fn a_quic_hello_that_is_replayed_with_another_name_takes_nothing_away() {
    let base = quic("us.telemetry.zoom.us");
    let judged = Judged::of(&base);
    assert_eq!(judged.worst["3.235.96.40"], Severity::OutsideUnlisted);
    for name in [HARMLESS, "ct.sendgrid.net", &sited(Ipv4Addr::new(3, 235, 96, 40))] {
        let other = quic(name);
        let (place, true_one) = base.frames().find(|(_, sent)| sent.data[23] == 17).unwrap();
        let mut forged = other.frames().find(|(_, sent)| sent.data[23] == 17).unwrap().1.data.clone();
        let is_up = |sent: &Sent| sent.data[26..30] == [192, 168, 1, 20];
        assert!(is_up(true_one) && forged[26..30] == [192, 168, 1, 20], "the first of each is a client's");
        forged[34..38].copy_from_slice(&true_one.data[34..38]);
        for is_first in [true, false] {
            let mut tape = base.clone();
            if is_first {
                tape.insert(place, forged.clone());
            } else {
                tape.insert_after(place, forged.clone());
            }
            let now = Judged::of(&tape);
            assert_eq!(now.milder_than(&judged), Vec::<String>::new(), "{name}, first: {is_first}");
            assert_eq!(now.lacks("two_names"), None, "{name}, first: {is_first}");
        }
    }
}

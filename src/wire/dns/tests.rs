use hickory_proto::op::{Message as Built, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A as BuiltA, AAAA as BuiltAaaa, CNAME as BuiltCname, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use proptest::prelude::*;

use super::*;
use crate::wire::captures;

/// A response by hand: `a.zoom.us` is another name for `b.zoom.us`, which has an address.
const RESPONSE_BYTES: &[u8] = &[
    0x12, 0x34, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0, // head: one question, three answers
    1, b'A', 4, b'z', b'o', b'o', b'm', 2, b'u', b's', 0, 0, 1, 0, 1, // a.zoom.us A IN
    0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, b'b', 0xc0, 14, // CNAME b + pointer to zoom.us
    0xc0, 39, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 170, 114, 52, 2, // A 170.114.52.2
    0xc0, 39, 0, 16, 0, 1, 0, 0, 1, 44, 0, 2, 1, b'x', // TXT
];

fn host(name: &str) -> Hostname {
    Hostname::parse(name.as_bytes()).unwrap()
}

fn read_whole(bytes: &[u8]) -> Message {
    message(bytes).done().unwrap()
}

/// A response whose question is `name` and which has no answers yet, in bytes.
fn head_and_question(name: &[u8], answers: u16) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0x80, 0, 0, 1];
    bytes.extend_from_slice(&answers.to_be_bytes());
    bytes.extend_from_slice(&[0, 0, 0, 0]);
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(&[0, 1, 0, 1]);
    bytes
}

#[test]
fn names_are_followed_through_pointers() {
    let message = read_whole(RESPONSE_BYTES);
    assert_eq!((message.id, message.is_response, message.truncated, message.rcode), (0x1234, true, false, 0));
    assert_eq!(message.question, Some(Question { name: Some(host("a.zoom.us")), kind: 1 }));
    let answers = [
        Answer { owner: Some(host("a.zoom.us")), ttl: 60, data: AnswerData::Alias(host("b.zoom.us")) },
        Answer {
            owner: Some(host("b.zoom.us")),
            ttl: 300,
            data: AnswerData::Address([170, 114, 52, 2].into()),
        },
        Answer { owner: Some(host("b.zoom.us")), ttl: 300, data: AnswerData::Other(16) },
    ];
    assert_eq!(message.answers, answers);
    assert!(!message.cut);
}

#[test]
fn a_cut_response_keeps_what_it_has() {
    let whole = read_whole(RESPONSE_BYTES);
    for length in 0..RESPONSE_BYTES.len() {
        match message(&RESPONSE_BYTES[..length]) {
            Read::More => assert!(length < 27),
            Read::Done(cut) => {
                assert!(length >= 27 && cut.cut);
                assert!(whole.answers.starts_with(&cut.answers));
                assert_eq!((cut.id, cut.question), (whole.id, whole.question.clone()));
            }
            Read::NotMine(why) => panic!("{why} at {length}"),
        }
    }
}

#[test]
fn a_stream_has_a_length_first() {
    let mut stream = vec![0, u8::try_from(RESPONSE_BYTES.len()).unwrap()];
    stream.extend_from_slice(RESPONSE_BYTES);
    for length in 0..stream.len() {
        assert_eq!(stream_message(&stream[..length]), Read::More, "at {length}");
    }
    stream.extend_from_slice(b"the next one");
    assert_eq!(stream_message(&stream), Read::Done(read_whole(RESPONSE_BYTES)));
    assert!(matches!(stream_message(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), Read::NotMine(_)));
    assert!(matches!(
        stream_message(b"\x00\x0c\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"),
        Read::NotMine(_)
    ));
}

#[test]
fn names_that_are_no_host_names_leave_the_message() {
    let message = read_whole(&head_and_question(b"\x0bMy Printer!\x05local\x00", 0));
    assert_eq!(message.question, Some(Question { name: None, kind: 1 }));
    // A label with a dot inside is not two labels.
    assert_eq!(read_whole(&head_and_question(b"\x07zoom.us\x00", 0)).question.unwrap().name, None);
    assert_eq!(read_whole(&head_and_question(b"\x00", 0)).question.unwrap().name, None);
}

#[test]
fn names_that_contradict_themselves_are_refused() {
    let refused: [&[u8]; 6] = [
        b"\xc0\x0c",                                          // points to itself
        b"\xc0\x20",                                          // points forward
        b"\x01a\xc0\x0c",                                     // points to its own beginning
        b"\x40a\x00",                                         // label of a kind that was never used
        b"\x80a\x00",                                         //
        &[b"\x3f", [b'a'; 63].as_slice()].concat().repeat(4), // 256 bytes
    ];
    for name in refused {
        assert!(matches!(message(&head_and_question(name, 0)), Read::NotMine(_)), "{name:?}");
    }
    let longest =
        [&[b"\x3f", [b'a'; 63].as_slice()].concat().repeat(3)[..], b"\x3d", &[b'b'; 61], b"\0"].concat();
    assert_eq!(longest.len(), 255);
    let name = read_whole(&head_and_question(&longest, 0)).question.unwrap().name.unwrap();
    assert_eq!(name.as_str().len(), Hostname::MAX);
}

#[test]
fn chains_of_pointers_are_bounded() {
    let mut bytes = head_and_question(b"\x01a\x00", 1);
    // Data of a first answer that is a chain of pointers, each to the one before, then an answer named by its
    // last.
    let chain_at = bytes.len() + 11;
    let chain: Vec<u8> = (0..400_usize)
        .flat_map(|n| {
            let target = if n == 0 { 12 } else { chain_at + 2 * (n - 1) };
            (u16::try_from(target).unwrap() | 0xc000).to_be_bytes()
        })
        .collect();
    bytes.extend_from_slice(&[0, 0, 16, 0, 1, 0, 0, 0, 0]);
    bytes.extend_from_slice(&u16::try_from(chain.len()).unwrap().to_be_bytes());
    assert_eq!(bytes.len(), chain_at);
    bytes.extend_from_slice(&chain);
    bytes[7] = 2;
    let named_by = |index: usize| {
        let pointer = u16::try_from(chain_at + 2 * index).unwrap() | 0xc000;
        let answer = [&pointer.to_be_bytes()[..], &[0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4]].concat();
        read_whole(&[&bytes[..], &answer].concat())
    };
    assert_eq!(named_by(126).answers[1].owner, Some(host("a")));
    assert!(!named_by(126).cut);
    assert!(named_by(127).cut);
}

#[test]
fn counts_are_not_trusted() {
    let mut bytes = head_and_question(b"\x01a\x00", u16::MAX);
    let answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4];
    bytes.extend_from_slice(&answer);
    let message = read_whole(&bytes);
    assert_eq!((message.answers.len(), message.cut), (1, true));
    bytes.extend_from_slice(&answer.repeat(600));
    let message = read_whole(&bytes);
    assert_eq!((message.answers.len(), message.cut), (Message::MAX_ANSWERS, true));
}

#[test]
fn multicast_dns_is_read() {
    let response =
        b"\0\0\x84\0\0\0\0\x01\0\0\0\0\x04host\x05local\0\0\x01\x80\x01\0\0\0\x78\0\x04\xc0\xa8\x01\x02";
    let message_ = read_whole(response);
    assert_eq!((message_.question, message_.answers.len()), (None, 1));
    assert_eq!(message_.answers[0].owner, Some(host("host.local")));
    for length in 0..response.len() {
        assert_eq!(message(&response[..length]), Read::More);
    }
    let query = b"\0\0\0\0\0\x02\0\0\0\0\0\0\x04host\x05local\0\0\x01\x80\x01\xc0\x0c\0\x1c\0\x01";
    assert_eq!(read_whole(query).question, Some(Question { name: Some(host("host.local")), kind: 1 }));
}

#[test]
fn other_datagrams_are_refused() {
    let refused: [&[u8]; 8] = [
        &[0; 64],
        &[0xff; 64],
        b"\x80\x60\x12\x34\x00\x00\x00\x01\x00\x00\x00\x02rtp and then some",
        b"\x01\x00\x00\x58\x21\x12\xa4\x42 stun by and large ",
        b"\x12\x34\x28\x00\0\x01\0\0\0\0\0\0\x01a\0\0\x06\0\x01", // dynamic update
        b"\x12\x34\x01\x40\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01", // reserved bit
        b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x07", // class
        b"\x12\x34\x01\x03\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01", // a query with an error
    ];
    for bytes in refused {
        assert!(matches!(message(bytes), Read::NotMine(_)), "{bytes:?}");
    }
}

/// Checks a message against what hickory reads in it.
fn check_against_hickory(ours: &Message, theirs: &Built) {
    let name = |name: &Name| {
        let labels: Vec<&[u8]> = name.iter().collect();
        let has_dot = labels.iter().any(|label| label.contains(&b'.'));
        Hostname::parse(&labels.join(&b'.')).filter(|_| !has_dot)
    };
    assert_eq!(ours.id, theirs.metadata.id);
    assert_eq!(ours.is_response, theirs.metadata.message_type == MessageType::Response);
    assert_eq!(ours.truncated, theirs.metadata.truncation);
    let question = theirs.queries.first();
    assert_eq!(ours.question.as_ref().map(|q| q.kind), question.map(|q| q.query_type().into()));
    assert_eq!(ours.question.as_ref().map(|q| &q.name), question.map(|q| name(q.name())).as_ref());
    if !ours.is_response {
        return;
    }
    assert_eq!(ours.answers.len(), theirs.answers.len());
    for (ours, theirs) in ours.answers.iter().zip(&theirs.answers) {
        assert_eq!((&ours.owner, ours.ttl), (&name(&theirs.name), theirs.ttl));
        match (&ours.data, &theirs.data) {
            (AnswerData::Address(IpAddr::V4(ours)), RData::A(theirs)) => assert_eq!(*ours, theirs.0),
            (AnswerData::Address(IpAddr::V6(ours)), RData::AAAA(theirs)) => assert_eq!(*ours, theirs.0),
            (AnswerData::Alias(ours), RData::CNAME(theirs)) => {
                assert_eq!(Some(ours), name(&theirs.0).as_ref());
            }
            (AnswerData::Other(kind), theirs) => assert_eq!(*kind, u16::from(theirs.record_type())),
            (ours, theirs) => panic!("{ours:?} is not {theirs}"),
        }
    }
}

#[test]
fn captures_say_what_hickory_reads() {
    let named = [
        "ndpi-zoom.pcap",
        "ndpi-teams.pcap",
        "ndpi-webex.pcap",
        "ndpi-android.pcap",
        "pcapplusplus-sll.pcap",
    ];
    let more = [
        "pcapplusplus-DnsPackets.pcap",
        "ndpi-dns.pcap",
        "alizanoa-zoom-2025.pcapng",
        "ndpi-stun_zoom.pcapng",
    ];
    let mut compared = 0;
    for capture in named.into_iter().chain(more) {
        let Some(path) = captures::shared(&format!("captures/{capture}")) else { return };
        for unit in captures::units(&path).iter().filter(|unit| unit.tcp.is_none()) {
            let named =
                [unit.from.port(), unit.to.port()].iter().any(|port| [53, 137, 5353, 5355].contains(port));
            let ours = message(&unit.payload);
            assert!(
                named || !matches!(ours, Read::Done(_)),
                "{capture}: {} to {}: {ours:?}",
                unit.from,
                unit.to
            );
            if let (Read::Done(ours), Ok(theirs)) = (&ours, Built::from_vec(&unit.payload)) {
                check_against_hickory(ours, &theirs);
                compared += 1;
            }
        }
    }
    assert!(compared > 500, "only {compared} messages were compared");
}

#[test]
fn seeds_of_other_projects_are_survived() {
    for bytes in captures::seeds("dns").into_values() {
        for bytes in [&bytes[..], bytes.strip_prefix(b"\x01PKT\0\x01").unwrap_or_default()] {
            let _ = (message(bytes), stream_message(bytes));
        }
    }
}

/// Names as hickory can build them.
fn names() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_]{1,12}(\\.[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?){0,5}\\.[a-z]{2,6}\\."
}

fn record_data() -> impl Strategy<Value = RData> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|octets| RData::A(BuiltA(octets.into()))),
        any::<[u8; 16]>().prop_map(|octets| RData::AAAA(BuiltAaaa(octets.into()))),
        names().prop_map(|name| RData::CNAME(BuiltCname(Name::from_ascii(name).unwrap()))),
        "[ -~]{0,40}".prop_map(|text| RData::TXT(TXT::new(vec![text]))),
    ]
}

proptest! {
    #[test]
    fn messages_built_by_hickory_are_read(
        id in any::<u16>(),
        question in names(),
        kind in prop_oneof![Just(RecordType::A), Just(RecordType::AAAA), Just(RecordType::HTTPS)],
        refused in any::<bool>(),
        answers in prop::collection::vec((names(), any::<u32>(), record_data()), 0..12),
    ) {
        let mut built = Built::response(id, OpCode::Query);
        built.metadata.response_code = if refused { ResponseCode::Refused } else { ResponseCode::NoError };
        built.add_query(Query::query(Name::from_ascii(question).unwrap(), kind));
        for (owner, ttl, data) in answers {
            built.add_answer(Record::from_rdata(Name::from_ascii(owner).unwrap(), ttl, data));
        }
        let bytes = built.to_vec().unwrap();
        let ours = message(&bytes).done().unwrap();
        prop_assert_eq!((ours.rcode, ours.cut), (if refused { 5 } else { 0 }, false));
        check_against_hickory(&ours, &built);
        for length in 0..bytes.len() {
            if let Read::Done(cut) = message(&bytes[..length]) {
                prop_assert!(ours.answers.starts_with(&cut.answers) && cut.question == ours.question);
                prop_assert!(cut.cut);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = (message(&bytes), stream_message(&bytes));
        let likely = [&[0, 1, 0x80, 0, 0, 1, 0, 9, 0, 0, 0, 0][..], &bytes].concat();
        let _ = message(&likely);
    }

    #[test]
    fn spoilt_messages_are_survived(at in 0..RESPONSE_BYTES.len(), value in any::<u8>()) {
        let mut bytes = RESPONSE_BYTES.to_vec();
        bytes[at] = value;
        if let (Read::Done(ours), Ok(theirs)) = (message(&bytes), Built::from_vec(&bytes))
            && !ours.cut
        {
            let expected = if ours.is_response { theirs.answers.len() } else { 0 };
            prop_assert_eq!(ours.answers.len(), expected);
        }
    }
}

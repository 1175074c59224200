use super::*;
use crate::flow::Scope;
use crate::packet::{Endpoint, Ends, Macs, TunnelId, Vlan};
use crate::wire::dtls::tests::hello_and_flight as dtls_messages;
use crate::wire::quic::tests::{initial, initial_part};
use crate::wire::tls::tests::{flight_of_tls_1_2, small_with_name};
use crate::wire::zoom::MediaKind;
use crate::wire::zoom::vectors::{self, hex};

const CLIENT: &str = "192.168.1.2:50000";
const ROUTER: &str = "203.0.113.7:8801";
const RESOLVER: &str = "192.168.1.1:53";
const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
const ACK: u8 = 0x10;

/// A capture in which frame `n` is captured at `n` times ten milliseconds.
#[derive(Default)]
struct Talk {
    flows: Flows,
    evidence: Evidence,
    frame: u64,
    /// Routers that the next packets have passed.
    routers: u8,
}

impl Talk {
    fn say(&mut self, from: &str, to: &str, transport: Transport, payload: &[u8]) -> FlowId {
        self.frame += 1;
        let end = |text: &str| {
            let end: SocketAddr = text.parse().unwrap();
            Endpoint { address: end.ip(), port: end.port() }
        };
        let packet = Packet {
            ends: Ends::new(end(from), end(to)),
            transport,
            vlan: Vlan::NONE,
            macs: Macs::default(),
            payload,
            payload_len: u32::try_from(payload.len()).unwrap(),
            hop_limit: 64 - self.routers,
            tunnel: TunnelId::NONE,
        };
        let frame = FrameRef::new(0, self.frame);
        let time = Some(Timestamp::from_nanos(self.frame.cast_signed() * 10_000_000));
        let seen = self.flows.observe(&packet, Scope::default(), frame, packet.payload_len + 42, time);
        self.evidence.observe(&mut self.flows, seen, &packet, frame, time);
        seen.flow
    }

    fn udp(&mut self, from: &str, to: &str, payload: &[u8]) -> FlowId {
        self.say(from, to, Transport::Udp, payload)
    }

    fn tcp(&mut self, from: &str, to: &str, (seq, flags): (u32, u8), payload: &[u8]) -> FlowId {
        self.say(from, to, Transport::Tcp(Tcp { seq, ack: 1, flags: TcpFlags(flags) }), payload)
    }

    /// What is still wanted of the first flow.
    fn interest(&self) -> Interest {
        self.flows.flow(FlowId(0)).unwrap().mark().into()
    }

    /// What a flow said, with the numbers of the frames.
    fn facts(&mut self, flow: FlowId) -> Vec<(u64, Fact)> {
        self.evidence.finish(&self.flows);
        self.evidence.of(flow).iter().map(|entry| (entry.frame.number(), entry.fact.clone())).collect()
    }

    /// The names that a flow was given, with origins and frames.
    fn names(&mut self, flow: FlowId) -> Vec<(String, Origin, u64)> {
        let facts = self.facts(flow);
        let named = |(frame, fact)| match fact {
            Fact::Name { name, origin, .. } => Some((self.evidence.name(name).to_owned(), origin, frame)),
            _ => None,
        };
        facts.into_iter().filter_map(named).collect()
    }

    fn round_trip_millis(&self, flow: FlowId, requester: Side) -> Option<u128> {
        self.flows.flow(flow)?.round_trip(requester).map(|trip| trip.rtt.as_millis())
    }
}

fn encoded(name: &str) -> Vec<u8> {
    let label = |label: &str| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat();
    [name.split('.').flat_map(label).collect(), vec![0]].concat()
}

/// A question for the A records of `name`.
fn question(id: u16, name: &str) -> Vec<u8> {
    [&id.to_be_bytes()[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0], &encoded(name), &[0, 1, 0, 1]].concat()
}

/// The answer: `name` is `alias`, where there is one, and that has `address`.
fn answer(id: u16, name: &str, alias: Option<&str>, address: [u8; 4]) -> Vec<u8> {
    let count = if alias.is_some() { 2 } else { 1 };
    let head = [&id.to_be_bytes()[..], &[0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0]].concat();
    let record = |owner: &str, kind: u8, data: &[u8]| {
        let length = u8::try_from(data.len()).unwrap();
        [&encoded(owner), &[0, kind, 0, 1, 0, 0, 0, 60, 0, length][..], data].concat()
    };
    let cname = alias.map(|alias| record(name, 5, &encoded(alias))).unwrap_or_default();
    let last = record(alias.unwrap_or(name), 1, &address);
    [head, encoded(name), vec![0, 1, 0, 1], cname, last].concat()
}

#[test]
fn an_answer_names_the_flows_that_its_asker_opens_later() {
    let mut talk = Talk::default();
    let asked = talk.udp(CLIENT, RESOLVER, &question(7, "zoom.example"));
    talk.udp(RESOLVER, CLIENT, &answer(7, "zoom.example", Some("cdn.example"), [203, 0, 113, 7]));
    let opened = talk.tcp("192.168.1.2:50001", "203.0.113.7:443", (1, SYN), &[]);
    let elsewhere = talk.tcp("192.168.1.2:50001", "203.0.113.8:443", (1, SYN), &[]);
    let by_another = talk.tcp("192.168.1.3:50001", "203.0.113.7:443", (1, SYN), &[]);
    let expected =
        [("zoom.example".to_owned(), Origin::Dns, 2), ("cdn.example".to_owned(), Origin::DnsAlias, 2)];
    assert_eq!(talk.names(opened), expected, "the name that was asked for comes first");
    assert_eq!((talk.names(elsewhere), talk.names(by_another)), (vec![], vec![]));
    assert_eq!(talk.round_trip_millis(asked, Side::First), Some(10));
    let told: Vec<_> = talk.evidence.answers().map(|told| (told.host, told.address, told.origin)).collect();
    let (host, address) = ("192.168.1.2".parse().unwrap(), "203.0.113.7".parse().unwrap());
    assert_eq!(told, [(host, address, Origin::DnsAlias), (host, address, Origin::Dns)]);
}

/// A message with its length before it, as TCP carries it.
fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

#[test]
fn answers_over_tcp_name_flows_as_answers_over_udp_do() {
    let questions =
        [question(7, "zoom.example"), question(8, "web.example")].map(|asked| framed(&asked)).concat();
    let answers = [
        answer(8, "web.example", None, [203, 0, 113, 9]),
        answer(7, "zoom.example", Some("cdn.example"), [203, 0, 113, 7]),
        answer(9, "unasked.example", None, [203, 0, 113, 8]),
    ];
    let answers = answers.map(|told| framed(&told)).concat();
    for size in [1, 7, 1460] {
        let mut talk = Talk::default();
        talk.tcp(CLIENT, RESOLVER, (100, SYN), &[]);
        let mut send = |from, to, start: u32, bytes: &[u8]| {
            for (at, part) in (start..).step_by(size).zip(bytes.chunks(size)) {
                talk.tcp(from, to, (at, ACK), part);
            }
            talk.frame
        };
        send(CLIENT, RESOLVER, 101, &questions);
        let last = send(RESOLVER, CLIENT, 501, &answers);
        let opened = talk.tcp("192.168.1.2:50001", "203.0.113.7:443", (1, SYN), &[]);
        let names: Vec<_> = talk.names(opened).into_iter().map(|(name, origin, _)| (name, origin)).collect();
        assert_eq!(
            names,
            [("zoom.example".to_owned(), Origin::Dns), ("cdn.example".to_owned(), Origin::DnsAlias)]
        );
        assert_eq!(
            (talk.evidence.answers().count(), talk.evidence.limits().unasked_dns_answers),
            (3, 1),
            "{size}"
        );
        assert!(talk.evidence.answers().all(|told| told.frame.number() <= last));
        assert_eq!(talk.round_trip_millis(FlowId(0), Side::First), None, "segments may be sent again");
    }
}

#[test]
fn a_name_server_that_never_ends_is_read_as_far_as_bytes_are_kept() {
    let mut talk = Talk::default();
    let mut at = [101, 501];
    for id in 0..2000 {
        let (asked, told) =
            (question(id, "zoom.example"), answer(id, "zoom.example", None, [203, 0, 113, 7]));
        let messages = [(CLIENT, RESOLVER, framed(&asked)), (RESOLVER, CLIENT, framed(&told))];
        for ((from, to, bytes), at) in messages.iter().zip(&mut at) {
            talk.tcp(from, to, (*at, ACK), bytes);
            *at += u32::try_from(bytes.len()).unwrap();
        }
    }
    let answers = talk.evidence.answers().count();
    assert!((250..300).contains(&answers), "{answers}");
    assert_eq!((talk.interest(), talk.evidence.streams.waiting()), (Interest::Settled, 0));
}

#[test]
fn what_is_no_dns_at_its_port_is_read_as_what_it_is() {
    let mut talk = Talk::default();
    let flow = talk.tcp(CLIENT, RESOLVER, (101, ACK), &small_with_name(*b"Webex.Zoom.us"));
    assert_eq!(talk.names(flow), [("webex.zoom.us".to_owned(), Origin::Sni, 1)]);
}

/// The answer: an HTTPS record of `name` with `target` and the hint 203.0.113.7.
fn service_answer(id: u16, name: &str, target: &[u8]) -> Vec<u8> {
    let data = [&[0, 1][..], target, &[0, 4, 0, 4, 203, 0, 113, 7]].concat();
    let length = u8::try_from(data.len()).unwrap();
    let head = [&id.to_be_bytes()[..], &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]].concat();
    [head, encoded(name), vec![0, 65, 0, 1, 0xc0, 12, 0, 65, 0, 1, 0, 0, 0, 60, 0, length], data].concat()
}

#[test]
fn address_hints_name_flows_and_give_way_to_addresses() {
    let mut talk = Talk::default();
    let opened = |talk: &mut Talk| {
        let flow = talk.tcp(&format!("192.168.1.2:{}", 50001 + talk.frame), "203.0.113.7:443", (1, SYN), &[]);
        talk.names(flow).into_iter().map(|(name, origin, _)| (name, origin)).collect::<Vec<_>>()
    };
    talk.udp(CLIENT, RESOLVER, &question(7, "zoom.example"));
    talk.udp(RESOLVER, CLIENT, &service_answer(7, "zoom.example", &encoded("pool.example")));
    let hints = [("zoom.example".to_owned(), Origin::DnsHint), ("pool.example".to_owned(), Origin::DnsHint)];
    assert_eq!(opened(&mut talk), hints);
    talk.udp(CLIENT, RESOLVER, &question(8, "zoom.example"));
    talk.udp(RESOLVER, CLIENT, &answer(8, "zoom.example", None, [203, 0, 113, 7]));
    talk.udp(CLIENT, RESOLVER, &question(9, "zoom.example"));
    talk.udp(RESOLVER, CLIENT, &service_answer(9, "zoom.example", &[0]));
    let names = opened(&mut talk);
    assert_eq!(names[0], ("zoom.example".to_owned(), Origin::Dns), "though the hint is later");
    assert_eq!(names[1], hints[1]);
    talk.udp(RESOLVER, CLIENT, &service_answer(10, "unasked.example", &[0]));
    assert_eq!(talk.evidence.limits().unasked_dns_answers, 1);
}

#[test]
fn an_answer_that_nobody_asked_for_names_nothing() {
    let mut talk = Talk::default();
    let wrong = [
        answer(8, "zoom.example", None, [203, 0, 113, 7]),
        answer(7, "other.example", None, [203, 0, 113, 7]),
    ];
    talk.udp(CLIENT, RESOLVER, &question(7, "zoom.example"));
    for unasked in &wrong {
        talk.udp(RESOLVER, CLIENT, unasked);
    }
    talk.udp("198.51.100.9:53", CLIENT, &answer(7, "zoom.example", None, [203, 0, 113, 7]));
    let right = answer(7, "zoom.example", None, [203, 0, 113, 9]);
    talk.udp(RESOLVER, CLIENT, &right);
    talk.udp(RESOLVER, CLIENT, &right);
    let opened = talk.tcp("192.168.1.2:50001", "203.0.113.7:443", (1, SYN), &[]);
    assert_eq!(talk.names(opened), []);
    assert_eq!(talk.evidence.limits().unasked_dns_answers, 4, "the second copy is one too many");
    assert_eq!(talk.evidence.answers().count(), 1);
}

#[test]
fn a_shared_address_gives_a_flow_the_latest_few_names() {
    let mut talk = Talk::default();
    for id in 0..9 {
        let name = format!("h{id}.example");
        talk.udp(CLIENT, RESOLVER, &question(id, &name));
        talk.udp(RESOLVER, CLIENT, &answer(id, &name, None, [203, 0, 113, 7]));
    }
    let opened = talk.tcp("192.168.1.2:50001", "203.0.113.7:443", (1, SYN), &[]);
    let names: Vec<String> = talk.names(opened).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names.len(), 4);
    assert!(names.iter().all(|name| "h5.example" <= name.as_str()), "{names:?}");
}

#[test]
fn a_handshake_cut_into_segments_is_read_when_it_is_whole() {
    let mut talk = Talk::default();
    let server = "203.0.113.7:443";
    let hello = small_with_name(*b"Webex.Zoom.us");
    let flight = flight_of_tls_1_2(&["a.example", "*.b.example"]);
    talk.tcp(CLIENT, server, (100, SYN), &[]);
    talk.tcp(server, CLIENT, (500, SYN_ACK), &[]);
    talk.tcp(CLIENT, server, (101, ACK), &hello[..40]);
    // The server's first bytes before the hello is whole: each direction is read by itself.
    talk.tcp(server, CLIENT, (501, ACK), &flight[..60]);
    talk.tcp(CLIENT, server, (141, ACK), &hello[40..]);
    let flow = talk.tcp(server, CLIENT, (561, ACK), &flight[60..]);
    let names = talk.names(flow);
    assert_eq!(names[0], ("webex.zoom.us".to_owned(), Origin::Sni, 5));
    assert!(names[1..].contains(&("a.example".to_owned(), Origin::Certificate, 6)), "{names:?}");
    let facts = talk.facts(flow);
    let hello = facts.iter().find_map(|(frame, fact)| match fact {
        Fact::ClientHello(hello) => Some((*frame, hello.clone())),
        _ => None,
    });
    let (frame, hello) = hello.unwrap();
    assert_eq!((frame, hello.from, hello.version, &*hello.alpn), (5, Side::First, 0x0303, "h2,http/1.1"));
    assert!(hello.ech && hello.name == HelloName::Read);
    assert!(facts.contains(&(6, Fact::TlsVersion(0x0303))), "{facts:?}");
    assert!(facts.contains(&(6, Fact::CertificateText("*.b.example".into()))), "{facts:?}");
    assert_eq!(talk.interest(), Interest::Settled);
}

#[test]
fn a_syn_that_another_box_answers_is_told_by_the_hop_limits() {
    let differs = |routers| {
        let mut talk = Talk::default();
        let server = "203.0.113.7:443";
        talk.tcp(CLIENT, server, (100, SYN), &[]);
        talk.routers = 5;
        talk.tcp(server, CLIENT, (500, SYN_ACK), &[]);
        talk.routers = 0;
        talk.tcp(CLIENT, server, (101, ACK), &small_with_name(*b"Webex.Zoom.us"));
        talk.routers = routers;
        let flow = talk.tcp(server, CLIENT, (501, ACK), &flight_of_tls_1_2(&["a.example"]));
        let facts = talk.facts(flow);
        assert!(facts.contains(&(4, Fact::TlsVersion(0x0303))), "{facts:?}");
        facts.into_iter().find(|(_, fact)| matches!(fact, Fact::HopLimitsDiffer { .. }))
    };
    assert_eq!(differs(5), None);
    assert_eq!(differs(9), Some((4, Fact::HopLimitsDiffer { accepted: 59, data: 55 })));
}

#[test]
fn a_connection_that_is_no_tls_is_settled_at_once() {
    let mut talk = Talk::default();
    talk.tcp(CLIENT, "203.0.113.7:80", (100, SYN), &[]);
    assert_eq!(talk.interest(), Interest::Stream);
    let flow = talk.tcp(CLIENT, "203.0.113.7:80", (101, ACK), b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(talk.interest(), Interest::Settled);
    assert_eq!(talk.facts(flow), []);
}

/// Sends both directions of a connection, each in segments of `size` bytes, one of each in turn, and hands back the flow.
fn converse(talk: &mut Talk, server: &str, sides: [&[u8]; 2], size: usize) -> FlowId {
    let [asked, answered] = sides.map(|bytes| bytes.chunks(size).collect::<Vec<_>>());
    let mut at = [101, 501];
    for turn in 0..asked.len().max(answered.len()) {
        for ((from, to, parts), at) in
            [(CLIENT, server, &asked), (server, CLIENT, &answered)].iter().zip(&mut at)
        {
            if let Some(part) = parts.get(turn) {
                talk.tcp(from, to, (*at, ACK), part);
                *at += u32::try_from(part.len()).unwrap();
            }
        }
    }
    FlowId(0)
}

/// What a flow said, without frames and what the hello in it says.
fn said(talk: &mut Talk, flow: FlowId) -> Vec<String> {
    let facts = talk.facts(flow).into_iter();
    let said = facts.map(|(_, fact)| match fact {
        Fact::Name { name, origin, .. } => format!("{} {}", origin.name(), talk.evidence.name(name)),
        Fact::Behind { name, origin } => format!("behind {} {}", origin.name(), talk.evidence.name(name)),
        Fact::Proxy(request) => format!("{:?} {}", request.kind, request.target),
        Fact::ClientHello(_) => "hello".to_owned(),
        other => format!("{other:?}"),
    });
    said.collect()
}

#[test]
fn a_request_in_clear_names_its_host() {
    let head = b"GET /a HTTP/1.1\r\nUser-Agent: x\r\nHost: Zoom.Example:8080\r\n\r\n";
    for size in [1, 16, 1460] {
        let mut talk = Talk::default();
        let flow = converse(&mut talk, "203.0.113.7:8080", [head, b"HTTP/1.1 200 OK\r\n"], size);
        assert_eq!(said(&mut talk, flow), ["http_host zoom.example"]);
        assert_eq!((talk.interest(), talk.evidence.streams.waiting()), (Interest::Settled, 0));
    }
}

#[test]
fn the_host_that_a_proxy_is_asked_for_is_not_its_name() {
    let hello = small_with_name(*b"Webex.Zoom.us");
    let cases = [
        (
            &b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n"[..],
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            "Connect a.example:443",
            true,
        ),
        (
            b"\x05\x01\x00\x05\x01\x00\x03\x09a.example\x01\xbb",
            b"\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0",
            "Socks(5) a.example:443",
            true,
        ),
        (
            b"\x05\x02\x00\x02\x01\x02me\x03key\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb",
            b"\x05\x02\x01\x00\x05\x00\x00\x01\0\0\0\0\0\0",
            "Socks(5) 192.0.2.1:443",
            false,
        ),
        (
            b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00a.example\x00",
            b"\0\x5a\0\0\0\0\0\0",
            "Socks(4) a.example:443",
            true,
        ),
    ];
    for (asked, answered, request, is_named) in cases {
        for size in [1, 1460] {
            let mut talk = Talk::default();
            let [asked, answered] =
                [[asked, &hello].concat(), [answered, &flight_of_tls_1_2(&["b.example"])].concat()];
            let flow = converse(&mut talk, "203.0.113.7:3128", [&asked, &answered], size);
            let mut expected =
                vec![request, "behind http_host a.example", "behind sni webex.zoom.us", "hello"];
            if !is_named {
                expected.remove(1);
            }
            assert_eq!(said(&mut talk, flow), expected, "{size}");
            assert_eq!(talk.interest(), Interest::Settled);
        }
    }
}

#[test]
fn a_whole_uri_is_for_a_proxy_unless_its_host_has_the_address() {
    let head = b"GET http://zoom.example/a HTTP/1.1\r\nHost: zoom.example\r\n\r\n";
    let mut talk = Talk::default();
    let flow = converse(&mut talk, "203.0.113.7:80", [head, b""], 1460);
    assert_eq!(said(&mut talk, flow), ["Request zoom.example", "behind http_host zoom.example"]);
    let mut talk = Talk::default();
    talk.udp(CLIENT, RESOLVER, &question(7, "zoom.example"));
    talk.udp(RESOLVER, CLIENT, &answer(7, "zoom.example", None, [203, 0, 113, 7]));
    converse(&mut talk, "203.0.113.7:80", [head, b""], 1460);
    assert_eq!(said(&mut talk, FlowId(1)), ["dns zoom.example", "http_host zoom.example"]);
}

#[test]
fn a_head_of_one_proxy_for_the_next_is_passed_over() {
    let head = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
    for size in [1, 20, 1460] {
        let mut talk = Talk::default();
        let asked = [&head[..], &small_with_name(*b"Webex.Zoom.us")].concat();
        let flow = converse(&mut talk, "203.0.113.7:443", [&asked, b""], size);
        assert_eq!(said(&mut talk, flow), ["sni webex.zoom.us", "hello"]);
        let mut talk = Talk::default();
        let asked =
            [&head[..], b"CONNECT a.example:443 HTTP/1.1\r\n\r\n", &small_with_name(*b"Webex.Zoom.us")]
                .concat();
        let flow = converse(&mut talk, "203.0.113.7:443", [&asked, b""], size);
        let expected =
            ["Connect a.example:443", "behind http_host a.example", "behind sni webex.zoom.us", "hello"];
        assert_eq!(said(&mut talk, flow), expected);
        let mut talk = Talk::default();
        converse(&mut talk, "203.0.113.7:443", [&[&head[..], head].concat(), b""], size);
        assert_eq!(talk.interest(), Interest::Settled, "no head behind a head");
    }
}

#[test]
fn dtls_names_its_server_beside_stun_and_without() {
    let server = "203.0.113.7:3478";
    let [hello, flight] = dtls_messages(*b"Webex.Zoom.us", &["a.example", "WebRTC"], 200);
    for has_stun in [false, true] {
        let mut talk = Talk::default();
        if has_stun {
            talk.udp(CLIENT, server, &stun_message(0x0001, 1));
        }
        for datagram in hello.iter().chain(&hello) {
            talk.udp(CLIENT, server, datagram);
        }
        for datagram in &flight {
            talk.udp(server, CLIENT, datagram);
        }
        if has_stun {
            talk.udp(server, CLIENT, &stun_message(0x0101, 1));
        }
        for datagram in &flight {
            talk.udp(server, CLIENT, datagram);
        }
        let mut expected = vec!["Stun"; usize::from(has_stun)];
        expected.extend(["Dtls", "dtls_sni webex.zoom.us", "hello", "DtlsVersion(65277)"]);
        let said = said(&mut talk, FlowId(0));
        assert!(said.iter().map(String::as_str).zip(expected.iter()).all(|(a, b)| a == *b), "{said:?}");
        assert!(said.contains(&"certificate a.example".to_owned()), "{said:?}");
        assert!(said.contains(&"CertificateText(\"webrtc\")".to_owned()), "a text of no host: {said:?}");
        assert_eq!(said.iter().filter(|fact| *fact == "hello").count(), 1, "a copy says nothing new");
        assert_eq!(
            said.contains(&"MappedAddress { asker: First, address: 192.0.2.1:32853 }".to_owned()),
            has_stun
        );
    }
}

#[test]
fn the_certificate_of_the_end_that_opened_the_flow_is_not_the_remote_ends() {
    let mut talk = Talk::default();
    let (peer, [hello, flight]) =
        ("198.51.100.4:40000", dtls_messages(*b"Webex.Zoom.us", &["a.example"], 4000));
    talk.udp(CLIENT, peer, &stun_message(0x0001, 1));
    for datagram in &hello {
        talk.udp(peer, CLIENT, datagram);
    }
    for datagram in &flight {
        talk.udp(CLIENT, peer, datagram);
    }
    let said = said(&mut talk, FlowId(0));
    assert!(said.contains(&"DtlsVersion(65277)".to_owned()), "{said:?}");
    assert!(!said.iter().any(|fact| fact.to_lowercase().contains("certificate")), "{said:?}");
}

/// A packet of a server with a long header, to the client with that id.
fn server_packet(first: u8, version: u32, client: &[u8]) -> Vec<u8> {
    let id = u8::try_from(client.len()).unwrap();
    [&[first][..], &version.to_be_bytes(), &[id], client, b"\x06server", &[0; 40]].concat()
}

#[test]
fn a_quic_initial_names_its_server_and_times_the_reply() {
    let mut talk = Talk::default();
    let server = "203.0.113.7:443";
    let initial = initial();
    talk.udp(CLIENT, server, &initial);
    talk.udp(CLIENT, server, &initial);
    // The server's Initial is not opened; one to another id is no answer.
    talk.udp(server, CLIENT, &server_packet(0xc0, 1, b"another"));
    assert_eq!(talk.round_trip_millis(FlowId(0), Side::First), None);
    let flow = talk.udp(server, CLIENT, &server_packet(0xc0, 1, b""));
    assert_eq!(talk.names(flow), [("example.com".to_owned(), Origin::QuicSni, 1)], "a copy says nothing new");
    let facts = talk.facts(flow);
    assert_eq!((facts.len(), &facts[0]), (3, &(1, Fact::Quic(1))));
    assert_eq!(talk.round_trip_millis(flow, Side::First), Some(30));
    assert_eq!(talk.evidence.notes.quic.pending(), 0);
}

#[test]
fn a_retry_is_noted_and_what_is_timed_begins_after_it() {
    // The hello may be whole before the Retry, or in part, and then it begins anew.
    for first in [(0, 241), (0, 100)] {
        let mut talk = Talk::default();
        let server = "203.0.113.7:443";
        let retry = server_packet(0xf0, 1, b"");
        talk.udp(CLIENT, server, &initial_part(b"first id", first.0..first.1));
        talk.udp(server, CLIENT, &retry);
        talk.udp(server, CLIENT, &retry);
        assert_eq!(talk.round_trip_millis(FlowId(0), Side::First), None, "made without state");
        talk.udp(CLIENT, server, &initial_part(b"server", 0..120));
        talk.udp(CLIENT, server, &initial_part(b"server", 120..241));
        let flow = talk.udp(server, CLIENT, &server_packet(0xc0, 1, b""));
        let facts = talk.facts(flow);
        let of = |wanted: fn(&Fact) -> bool| -> Vec<u64> {
            facts.iter().filter(|(_, fact)| wanted(fact)).map(|(frame, _)| *frame).collect()
        };
        assert_eq!(of(|fact| *fact == Fact::QuicRetry), [2]);
        let whole_at = if first.1 == 241 { 1 } else { 5 };
        assert_eq!(of(|fact| matches!(fact, Fact::ClientHello(_))), [whole_at], "one hello, sent twice");
        assert_eq!(talk.names(flow), [("example.com".to_owned(), Origin::QuicSni, whole_at)]);
        assert_eq!(talk.round_trip_millis(flow, Side::First), Some(20), "from frame 4 to frame 6");
    }
}

#[test]
fn a_version_negotiation_is_not_timed() {
    let mut talk = Talk::default();
    let server = "203.0.113.7:443";
    talk.udp(CLIENT, server, &initial());
    talk.udp(server, CLIENT, b"\x80\0\0\0\0\0\x06server\x6b\x33\x43\xcf");
    let flow = talk.udp(server, CLIENT, &server_packet(0xc0, 1, b""));
    assert_eq!(talk.round_trip_millis(flow, Side::First), None);
}

#[test]
fn connections_that_never_say_their_hello_are_bounded() {
    let mut talk = Talk::default();
    for port in 0..5000 {
        let client = format!("192.168.1.2:{}", 20_000 + port);
        talk.udp(&client, "203.0.113.7:443", &initial_part(b"first id", 0..100));
    }
    assert_eq!((talk.evidence.notes.quic.pending(), talk.evidence.limits().handshakes_dropped), (4096, 904));
}

/// A STUN Binding message of RFC 8489, with XOR-MAPPED-ADDRESS 192.0.2.1:32853 where it is a reply.
fn stun_message(kind: u16, transaction: u8) -> Vec<u8> {
    let mapped: &[u8] =
        if kind == 0x0101 { &[0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43] } else { &[] };
    let length = u16::try_from(mapped.len()).unwrap();
    let id = [transaction; 12];
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), &[0x21, 0x12, 0xa4, 0x42], &id, mapped].concat()
}

#[test]
fn a_mapped_address_is_taken_from_replies_that_were_asked_for() {
    let mut talk = Talk::default();
    let server = "203.0.113.7:3478";
    talk.udp(CLIENT, server, &stun_message(0x0001, 1));
    talk.udp(server, CLIENT, &stun_message(0x0101, 2));
    talk.udp(server, CLIENT, &stun_message(0x0101, 1));
    talk.udp(CLIENT, server, &stun_message(0x0001, 3));
    let flow = talk.udp(server, CLIENT, &stun_message(0x0101, 3));
    let address = Box::new("192.0.2.1:32853".parse().unwrap());
    let mapped = Fact::MappedAddress { asker: Side::First, address };
    assert_eq!(talk.facts(flow), [(1, Fact::Stun), (3, mapped)], "each once");
    assert_eq!(talk.round_trip_millis(flow, Side::First), Some(10), "the least of 20 and 10 ms");
}

#[test]
fn a_weak_message_is_noted_as_weak_until_another_proves_it() {
    let mut talk = Talk::default();
    let keep_alive = hex(vectors::KEEP_ALIVE_VERSION_2);
    let flow = talk.udp(CLIENT, ROUTER, &keep_alive);
    assert_eq!(talk.facts(flow), [(1, Fact::Zoom(ZoomFact::Weak))]);
    talk.udp(CLIENT, ROUTER, &keep_alive);
    assert_eq!(talk.facts(flow).len(), 1, "a copy proves nothing");
    let mut next = keep_alive.clone();
    next[4] = next[4].wrapping_add(1);
    next[8] = next[8].wrapping_add(1);
    talk.udp(CLIENT, ROUTER, &next);
    let facts = talk.facts(flow);
    assert!(facts.contains(&(3, Fact::Zoom(ZoomFact::Certain))), "{facts:?}");
}

#[test]
fn a_socket_says_hello_meeting_media_and_close() {
    let mut talk = Talk::default();
    let flow = talk.udp(CLIENT, ROUTER, &hex(vectors::HELLO));
    talk.udp(ROUTER, CLIENT, &hex(vectors::HELLO_REPLY));
    let bind = hex(vectors::BIND_ACK);
    talk.udp(ROUTER, CLIENT, &bind);
    talk.udp(ROUTER, CLIENT, &bind);
    talk.udp(CLIENT, ROUTER, &hex(vectors::CLOSE));
    let zoom: Vec<_> = talk
        .facts(flow)
        .into_iter()
        .map(|(frame, fact)| match fact {
            Fact::Zoom(fact) => (frame, fact),
            other => panic!("{other:?}"),
        })
        .collect();
    let meeting = *hex("0da7a289330548fdb556c5d10b78e908").first_chunk().unwrap();
    let expected = [
        (1, ZoomFact::Certain),
        (1, ZoomFact::Hello { from: Side::First }),
        (3, ZoomFact::Bind { meeting }),
        (3, ZoomFact::Media(MediaKind::Video)),
        (5, ZoomFact::Close { from: Side::First, reason: 0 }),
    ];
    assert_eq!(zoom, expected);
    assert_eq!(talk.round_trip_millis(flow, Side::First), Some(10));
}

#[test]
fn a_flood_of_hellos_and_closes_is_not_kept() {
    let mut talk = Talk::default();
    let (hello, close) = (hex(vectors::HELLO), hex(vectors::CLOSE));
    talk.udp(CLIENT, ROUTER, &hello);
    talk.udp(ROUTER, CLIENT, &hex(vectors::HELLO_REPLY));
    for _ in 0..500 {
        talk.udp(CLIENT, ROUTER, &hello);
        talk.udp(CLIENT, ROUTER, &close);
    }
    let kept = talk.facts(FlowId(0)).len();
    assert!((100..200).contains(&kept), "{kept} facts");
}

#[test]
fn participants_are_recognised_by_hello_and_media() {
    let mut talk = Talk::default();
    let (peer, hello) = ("198.51.100.4:40000", vectors::p2p_hello());
    talk.udp(CLIENT, peer, &hello);
    let flow = talk.udp(peer, CLIENT, &hex(vectors::P2P_VIDEO));
    let facts = talk.facts(flow);
    assert!(matches!(facts[0], (1, Fact::Zoom(ZoomFact::PeerHello { .. }))), "{facts:?}");
    assert_eq!(facts[1..], [(2, Fact::Zoom(ZoomFact::PeerMedia))]);
    assert_eq!(talk.interest(), Interest::Settled);
}

#[test]
fn stun_without_cookie_is_the_clients_and_is_timed() {
    let mut talk = Talk::default();
    talk.udp(CLIENT, "203.0.113.7:3478", &hex(vectors::STUN_REQUEST));
    let flow = talk.udp("203.0.113.7:3478", CLIENT, &hex(vectors::STUN_REPLY));
    assert_eq!(talk.facts(flow), [(1, Fact::Zoom(ZoomFact::Stun))]);
    assert_eq!(talk.round_trip_millis(flow, Side::First), Some(10));
}

#[test]
fn datagrams_that_say_nothing_are_left_alone_after_a_few() {
    let mut talk = Talk::default();
    for _ in 0..=MAX_UNKNOWN_DATAGRAMS {
        talk.udp(CLIENT, "203.0.113.7:40000", &[0xaa; 20]);
    }
    assert_eq!(talk.interest(), Interest::Settled);
    let flow = talk.udp(CLIENT, "203.0.113.7:40000", &hex(vectors::HELLO));
    assert_eq!(talk.facts(flow), []);
}
